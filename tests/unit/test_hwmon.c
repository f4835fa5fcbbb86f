/* SPDX-License-Identifier: Apache-2.0 */
/* What the hwmon source does; what it makes of machines is in
 * test_hwmon_machines.c. */
#include "hwmon_machine.h"

#include <sys/wait.h>

enum { HWMON_NOBODY = 65534 };

/* What an ACPI meter says when it has no figure, or a wrong one: nothing of it
 * becomes power.  Such meters are not read while the source opens. */
static void hwmon_refuses_what_a_meter_cannot_mean(void **state)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        { "0", JB_EIMPLAUSIBLE }, /* a machine that runs draws something */
        { "4294967295", JB_EIMPLAUSIBLE },
        { "4294967295000", JB_EIMPLAUSIBLE },
        { "2147483647000", JB_EIMPLAUSIBLE },
        { "-1000000", JB_EIMPLAUSIBLE },
        { "300000000000", JB_EIMPLAUSIBLE },
        { "!NODATA", JB_EABSENT },
        { "n/a", JB_EFORMAT },
        { "1", JB_OK },
        { "307000000", JB_OK },
    };
    const char *name = "power_meter-ACPI000D:00/power1_average";
    struct jb_error none = { 0 };
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, "@devices/LNXSYSTM:00/ACPI000D:00 5\n"
                       "name=power_meter\n"
                       "power1_average=0\n");
    hwmon_must_open("open", &test);
    assert_int_equal(hwmon_sensor(&test, name)->state, JB_OK);
    assert_true(hwmon_sensor(&test, name)->flags & JB_SENSOR_MAY_BLOCK);
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_sample sample;

        tree_write(&test.tree, "sys/class/hwmon/hwmon5/power1_average",
                   cases[i].text);
        sample = hwmon_sample(&test, name);
        CHECK_STATUS(cases[i].text, sample.state, cases[i].want, &none);
        if (sample.state != JB_OK)
            CHECK_U64(cases[i].text, sample.raw, 0);
    }
    hwmon_release(&test);
}

static void hwmon_describes_a_meter(void **state)
{
    const char *name = "power_meter-ACPI000D:00/power1_average";
    const struct jb_sensor *sensor;
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, "@devices/LNXSYSTM:00/ACPI000D:00 5\n"
                       "name=power_meter\n"
                       "power1_average=307000000\n"
                       "power1_average_interval=4000\n"
                       "power1_accuracy=95.0%\n");
    hwmon_must_open("open", &test);
    sensor = hwmon_sensor(&test, name);
    assert_int_equal(sensor->kind, JB_KIND_WINDOW_MEAN);
    CHECK_U64("window", sensor->window_ns, 4 * HWMON_S);
    CHECK_U64("lag", sensor->lag_ns, HWMON_S);
    CHECK_U64("its doubt", sensor->lag_unc_ns, HWMON_S);
    CHECK_U64("gain", sensor->gain_ppm, 50000);
    CHECK_U64("bound", sensor->pmax_uw,
              jb_domain_guessed_pmax_uw(JB_DOMAIN_PLATFORM));
    CHECK_U64("endpoint", sensor->endpoint, 0);
    hwmon_release(&test);

    /* ... one that does not say over how long it averages */
    hwmon_init(&test);
    hwmon_build(&test, "@devices/LNXSYSTM:00/ACPI000D:00 5\n"
                       "name=power_meter\n"
                       "power1_average=307000000\n"
                       "power1_average_interval=0\n");
    hwmon_must_open("open", &test);
    assert_int_equal(hwmon_sensor(&test, name)->kind, JB_KIND_SAMPLED);
    hwmon_release(&test);
}

static void hwmon_takes_options(void **state)
{
    static const struct {
        const char *option, *text;
    } set[] = { { "meter-lag", "2500ms" },
                { "meter-lag-uncertainty", "700ms" },
                { "meter-window", "10s" },
                { "meter-max-power", "750" } };
    const char *name = "power_meter-ACPI000D:00/power1_average";
    unsigned char options[128] = { 0 };
    struct jb_error err = { 0 };
    const struct jb_sensor *sensor;
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, "@devices/LNXSYSTM:00/ACPI000D:00 5\n"
                       "name=power_meter\n"
                       "power1_average=307000000\n"
                       "power1_average_interval=4000\n");
    for (size_t i = 0; i < CHECK_COUNT(set); i++)
        CHECK_STATUS(set[i].option,
                     jb_option_set(
                         jb_option_find(jb_source_hwmon.options, set[i].option),
                         options, set[i].text, &err),
                     JB_OK, &err);
    CHECK_STATUS("open",
                 jb_source_hwmon.open(&test.env, options, &test.source, &err),
                 JB_OK, &err);
    sensor = hwmon_sensor(&test, name);
    CHECK_U64("lag", sensor->lag_ns, 5 * HWMON_S / 2);
    CHECK_U64("its doubt", sensor->lag_unc_ns, 700 * (HWMON_S / 1000));
    CHECK_U64("window", sensor->window_ns, 10 * HWMON_S);
    CHECK_U64("bound", sensor->pmax_uw, UINT64_C(750000000));
    CHECK_U64("bound", sensor->pmax_from, JB_BOUND_DECLARED);
    hwmon_release(&test);
}

static void hwmon_says_labels(void **state)
{
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, "@devices/platform/coretemp.0 0\n"
                       "name=coretemp\n"
                       "temp1_input=55000\n"
                       "temp1_label=Package id 0\n"
                       "temp1_crit=100000\n"
                       "temp2_input=54000\n"
                       "temp2_label=Core\t0 \n"
                       "@devices/nvme/nvme0 1\n"
                       "name=nvme\n"
                       "temp1_input=30000\n"
                       "temp1_crit=65261850\n");
    hwmon_must_open("open", &test);
    CHECK_TEXT("label", hwmon_sensor(&test, "coretemp.0/temp1")->label,
               "Package id 0");
    CHECK_TEXT("odd", hwmon_sensor(&test, "coretemp.0/temp2")->label, "Core?0");
    CHECK_TEXT("none", hwmon_sensor(&test, "nvme-nvme0/temp1")->label, "");
    CHECK_TEXT("nothing to be known",
               hwmon_sensor(&test, "coretemp.0/temp1")->note, "");
    CHECK_U64("own endpoint", hwmon_sensor(&test, "nvme-nvme0/temp1")->endpoint,
              1);
    CHECK_U64("cached", hwmon_sensor(&test, "nvme-nvme0/temp1")->update_ns,
              HWMON_S);
    hwmon_release(&test);
}

static void hwmon_names_fixes(void **state)
{
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, "@devices/platform/any.0 0\n"
                       "name=any\n"
                       "in1_input=12000\n"
                       "in1_enable=0\n"
                       "temp1_input=255500\n"
                       "temp2_input=1000\n"
                       "temp2_fault=1\n");
    hwmon_must_open("open", &test);
    assert_non_null(
        strstr(hwmon_sensor(&test, "any.0/in1")->fix, "echo 1 | sudo tee"));
    assert_non_null(
        strstr(hwmon_sensor(&test, "any.0/in1")->fix, "hwmon0/in1_enable"));
    assert_non_null(
        strstr(hwmon_sensor(&test, "any.0/temp1")->reason, "255500"));
    assert_non_null(
        strstr(hwmon_sensor(&test, "any.0/temp2")->reason, "temp2_fault"));
    hwmon_release(&test);
}

/* What a channel holds that may be off is no reading. */
static void hwmon_must_know_whether_it_is_on(void **state)
{
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, "@devices/platform/any.0 0\n"
                       "name=any\n"
                       "in1_input=12000\n"
                       "in1_enable=!NODATA\n"
                       "in2_input=12000\n"
                       "in2_enable=1\n");
    hwmon_must_open("open", &test);
    CHECK_STATUS("not known", hwmon_sensor(&test, "any.0/in1")->state, JB_EIO,
                 NULL);
    assert_non_null(
        strstr(hwmon_sensor(&test, "any.0/in1")->reason, "in1_enable"));
    CHECK_STATUS("on", hwmon_sensor(&test, "any.0/in2")->state, JB_OK, NULL);
    hwmon_release(&test);
}

/* A fault that comes later voids what is read from then on. */
static void hwmon_heeds_faults(void **state)
{
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, "@devices/platform/any.0 0\n"
                       "name=any\n"
                       "temp1_input=41000\n"
                       "temp1_fault=0\n");
    hwmon_must_open("open", &test);
    assert_int_equal(hwmon_sample(&test, "any.0/temp1").state, JB_OK);
    tree_write(&test.tree, "sys/class/hwmon/hwmon0/temp1_fault", "1\n");
    assert_int_equal(hwmon_sample(&test, "any.0/temp1").state, JB_EIMPLAUSIBLE);
    CHECK_U64("void", hwmon_sample(&test, "any.0/temp1").raw, 0);
    tree_write(&test.tree, "sys/class/hwmon/hwmon0/temp1_fault", "0\n");
    assert_int_equal(hwmon_sample(&test, "any.0/temp1").state, JB_OK);
    hwmon_release(&test);
}

static void hwmon_says_why_there_is_nothing(void **state)
{
    static const struct {
        const char *label, *cpuinfo;
        bool virtual;
    } cases[] = {
        { "a virtual machine",
          "vendor_id\t: GenuineIntel\nflags\t: fpu hypervisor\n", true },
        { "Intel", "vendor_id\t: GenuineIntel\nflags\t: fpu\n", false },
        { "another", "CPU implementer\t: 0x41\n", false },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_error err = { 0 };
        struct hwmon test;

        hwmon_init(&test);
        tree_write(&test.tree, "proc/cpuinfo", cases[i].cpuinfo);
        for (int with_class = 0; with_class < 2; with_class++) {
            if (with_class)
                tree_write(&test.tree, "sys/class/hwmon/hwmon0/name", "any");
            CHECK_STATUS(cases[i].label, hwmon_open(&test, &err), JB_EABSENT,
                         &err);
            assert_null(test.source);
            assert_non_null(strstr(err.text, "no sensor in"));
            CHECK_BOOL(cases[i].label,
                       strstr(err.text, "virtual machine") != NULL,
                       cases[i].virtual);
            CHECK_TEXT(cases[i].label, err.fix, "");
        }
        hwmon_release(&test);
    }
}

/* The counters of a driver that was reloaded begin anew; its chip may have
 * another number, and another chip its old one. */
static void hwmon_follows_a_reload(void **state)
{
    const char *name = "amd_energy.0/energy1";
    struct jb_sample sample;
    struct jb_error err = { 0 };
    struct hwmon test;
    uint32_t known;
    size_t count;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, HWMON_ONE_PACKAGE "@devices/platform/amd_energy.0 0\n"
                                         "name=amd_energy\n"
                                         "energy1_input=5000000\n"
                                         "energy1_label=Esocket0\n"
                                         "@devices/platform/coretemp.0 1\n"
                                         "name=coretemp\n"
                                         "temp1_input=50000\n");
    hwmon_must_open("open", &test);
    known = hwmon_index(&test, name);
    CHECK_U64("first", hwmon_sample(&test, name).generation, 0);

    tree_drop(&test.tree, "sys/devices/platform/amd_energy.0");
    tree_drop(&test.tree, "sys/class/hwmon/hwmon0");
    assert_int_equal(hwmon_sample(&test, name).state, JB_EABSENT);
    CHECK_STATUS("rescan", jb_source_hwmon.rescan(test.source, &err), JB_OK,
                 &err);
    CHECK_U64("keeps its index", hwmon_index(&test, name), known);
    assert_int_equal(hwmon_sensor(&test, name)->state, JB_EABSENT);
    assert_true(hwmon_sensor(&test, name)->reason[0] != '\0');
    assert_int_equal(hwmon_sample(&test, name).state, JB_EABSENT);
    CHECK_U64("the other", hwmon_sample(&test, "coretemp.0/temp1").raw, 50000);
    CHECK_U64("which is the same",
              hwmon_sample(&test, "coretemp.0/temp1").generation, 0);

    hwmon_build(&test, "@devices/platform/amd_energy.0 4\n"
                       "name=amd_energy\n"
                       "energy1_input=7\n"
                       "energy1_label=Esocket0\n"
                       "energy2_input=8\n"
                       "energy2_label=Ecore000\n"
                       "@devices/nvme/nvme0 0\n"
                       "name=nvme\n"
                       "temp1_input=30000\n");
    CHECK_STATUS("rescan", jb_source_hwmon.rescan(test.source, &err), JB_OK,
                 &err);
    sample = hwmon_sample(&test, name);
    assert_int_equal(sample.state, JB_OK);
    CHECK_U64("still its index", sample.sensor, known);
    CHECK_U64("new counter", sample.raw, 7);
    CHECK_U64("new generation", sample.generation, 1);
    CHECK_U64("appended", hwmon_sample(&test, "nvme-nvme0/temp1").raw, 30000);
    jb_source_hwmon.sensors(test.source, &count);
    CHECK_U64("none twice", count, 4);

    CHECK_STATUS("rescan", jb_source_hwmon.rescan(test.source, &err), JB_OK,
                 &err);
    CHECK_U64("unchanged", hwmon_sample(&test, name).generation, 1);
    hwmon_release(&test);
}

/* Without a rescan: the same file, a second later. */
static void hwmon_finds_it_again(void **state)
{
    const char *name = "coretemp.0/temp1";
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, "@devices/platform/coretemp.0 1\n"
                       "name=coretemp\n"
                       "temp1_input=50000\n");
    hwmon_must_open("open", &test);
    tree_drop(&test.tree, "sys/devices/platform/coretemp.0/hwmon/hwmon1");
    assert_int_equal(hwmon_sample(&test, name).state, JB_EABSENT);
    tree_write(&test.tree,
               "sys/devices/platform/coretemp.0/hwmon/hwmon1/temp1_input",
               "51000\n");
    tree_write(&test.tree, "sys/devices/platform/coretemp.0/hwmon/hwmon1/name",
               "coretemp\n");
    test.now_ns += HWMON_S;
    CHECK_U64("back", hwmon_sample(&test, name).raw, 51000);
    CHECK_U64("generation", hwmon_sample(&test, name).generation, 1);
    hwmon_release(&test);
}

/* In the child: no root, so that permissions mean something. */
static int hwmon_as_nobody(struct hwmon *test)
{
    const struct jb_sensor *sensor;
    struct jb_error err = { 0 };

    if (setgid(HWMON_NOBODY) || setuid(HWMON_NOBODY))
        return 77;
    if (hwmon_open(test, &err) != JB_OK)
        return 1;
    sensor = hwmon_sensor(test, "amd_energy.0/energy1");
    if (sensor->state != JB_EDENIED || !strstr(sensor->fix, "chmod a+r") ||
        !strstr(sensor->fix, "hwmon0/energy*_input"))
        return 2;
    if (sensor->domain.kind != JB_DOMAIN_PACKAGE)
        return 3;
    return hwmon_sample(test, "amd_energy.0/energy1").state == JB_EDENIED ? 0
                                                                          : 4;
}

static void hwmon_names_the_fix_for_nobody(void **state)
{
    char path[TREE_PATH_MAX];
    struct hwmon test;
    int status;
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip();
    hwmon_init(&test);
    hwmon_build(&test, HWMON_ONE_PACKAGE "@devices/platform/amd_energy.0 0\n"
                                         "name=amd_energy\n"
                                         "energy1_input=5000000\n"
                                         "energy1_label=Esocket0\n");
    tree_path(&test.tree, "sys/class/hwmon/hwmon0/energy1_input", path);
    assert_int_equal(chmod(path, 0400), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(hwmon_as_nobody(&test));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    hwmon_release(&test);
}

static void hwmon_ranks_below_rapl(void **state)
{
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    hwmon_build(&test, HWMON_ONE_PACKAGE "@devices/platform/amd_energy.0 0\n"
                                         "name=amd_energy\n"
                                         "energy1_input=5000000\n"
                                         "energy1_label=Esocket0\n");
    hwmon_must_open("open", &test);
    assert_true(hwmon_sensor(&test, "amd_energy.0/energy1")->rank < 0);
    CHECK_U64("step", hwmon_sensor(&test, "amd_energy.0/energy1")->quantum, 16);
    CHECK_U64("update", hwmon_sensor(&test, "amd_energy.0/energy1")->update_ns,
              HWMON_S / 1000);
    assert_int_equal(hwmon_sensor(&test, "amd_energy.0/energy1")->kind,
                     JB_KIND_COUNTER);
    hwmon_release(&test);
}

/* Names are cut where they do not fit, and yet each is one sensor's. */
static void hwmon_gives_each_its_name(void **state)
{
    enum { CHIPS = 12 };
    struct hwmon test;
    const struct jb_sensor *sensors;
    size_t count;

    (void)state;
    hwmon_init(&test);
    for (unsigned i = 0; i < CHIPS; i++) {
        char name[TREE_PATH_MAX];

        snprintf(name, sizeof(name),
                 "sys/class/hwmon/hwmon_with_a_name_that_no_kernel_gives_%u/%s",
                 i, "name");
        tree_write(&test.tree, name,
                   "a_driver_with_a_name_of_fifty_letters_or_even_more");
        snprintf(name, sizeof(name),
                 "sys/class/hwmon/hwmon_with_a_name_that_no_kernel_gives_%u/%s",
                 i, "energy9999_average");
        tree_write(&test.tree, name, "1\n");
    }
    hwmon_must_open("open", &test);
    sensors = jb_source_hwmon.sensors(test.source, &count);
    CHECK_U64("all", count, CHIPS);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(strstr(sensors[i].name, "/energy9999_average"));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(sensors[i].name, sensors[k].name);
    }
    hwmon_release(&test);
}

static void hwmon_has_ceilings(void **state)
{
    enum { MOST = 1024 };
    struct jb_error err = { 0 };
    struct hwmon test;

    (void)state;
    hwmon_init(&test);
    for (unsigned i = 0; i <= MOST; i++) {
        char name[64];

        snprintf(name, sizeof(name), "sys/class/hwmon/hwmon%u/temp1_input", i);
        tree_write(&test.tree, name, "1000\n");
    }
    CHECK_STATUS("chips", hwmon_open(&test, &err), JB_ELIMIT, &err);
    assert_non_null(strstr(err.text, "1024"));
    assert_null(test.source);
    hwmon_release(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hwmon_refuses_what_a_meter_cannot_mean),
        cmocka_unit_test(hwmon_describes_a_meter),
        cmocka_unit_test(hwmon_takes_options),
        cmocka_unit_test(hwmon_says_labels),
        cmocka_unit_test(hwmon_names_fixes),
        cmocka_unit_test(hwmon_must_know_whether_it_is_on),
        cmocka_unit_test(hwmon_heeds_faults),
        cmocka_unit_test(hwmon_says_why_there_is_nothing),
        cmocka_unit_test(hwmon_follows_a_reload),
        cmocka_unit_test(hwmon_finds_it_again),
        cmocka_unit_test(hwmon_names_the_fix_for_nobody),
        cmocka_unit_test(hwmon_ranks_below_rapl),
        cmocka_unit_test(hwmon_gives_each_its_name),
        cmocka_unit_test(hwmon_has_ceilings),
    };

    return cmocka_run_group_tests_name("hwmon", tests, NULL, NULL);
}
