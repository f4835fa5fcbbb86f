/* SPDX-License-Identifier: Apache-2.0 */
/* Zones and throttle counters over trees that the test writes. */
#include "check.h"
#include "kernel_read.h"
#include "listing.h"
#include "tree.h"

#include "core/domain.h"
#include "core/unit.h"
#include "joulebook/plugin/source.h"

extern const struct jb_source_desc jb_source_thermal;

#define THERMAL_S UINT64_C(1000000000)

static uint64_t thermal_now_ns(void *context)
{
    return *(const uint64_t *)context;
}

struct thermal {
    struct tree tree;
    struct jb_roots roots;
    uint64_t now_ns;
    struct jb_clock clock;
    struct jb_env env;
    struct jb_source *source;
};

static void thermal_init(struct thermal *test)
{
    *test = (struct thermal){ .now_ns = 5 * THERMAL_S };
    tree_init(&test->tree);
    test->roots =
        (struct jb_roots){ test->tree.root, "/none", "/none", "/none" };
    test->clock = (struct jb_clock){ thermal_now_ns, &test->now_ns };
    test->env = (struct jb_env){ &test->roots, &test->clock, false };
}

static void thermal_release(struct thermal *test)
{
    jb_source_thermal.close(test->source);
    tree_release(&test->tree);
}

/* Lines "FILE=TEXT"; "z0/" and "c0/" stand for the long paths. */
static void thermal_build(const struct thermal *test, const char *text)
{
    char *copy = strdup(text);
    char *rest = copy;
    char *line;

    while ((line = strtok_r(rest, "\n", &rest))) {
        char name[TREE_PATH_MAX];
        char *value = strchr(line, '=');
        char *slash = strchr(line, '/');

        assert_true(value && slash);
        *value++ = '\0';
        *slash++ = '\0';
        if (line[0] == 'z')
            snprintf(name, sizeof(name), "class/thermal/thermal_zone%s/%s",
                     line + 1, slash);
        else if (line[0] == 'c')
            snprintf(name, sizeof(name), "devices/system/cpu/cpu%s/%s",
                     line + 1, slash);
        else
            snprintf(name, sizeof(name), "devices/system/cpu/%s", slash);
        tree_write(&test->tree, name, value);
    }
    free(copy);
}

static void thermal_must_open(const char *label, struct thermal *test)
{
    struct jb_error err = { 0 };

    CHECK_STATUS(label,
                 jb_source_thermal.open(&test->env, NULL, &test->source, &err),
                 JB_OK, &err);
}

static const struct jb_sensor *thermal_sensor(const struct thermal *test,
                                              const char *name, uint32_t *index)
{
    size_t count;
    const struct jb_sensor *sensors =
        jb_source_thermal.sensors(test->source, &count);

    for (uint32_t i = 0; i < count; i++)
        if (strcmp(sensors[i].name, name) == 0) {
            *index = i;
            return &sensors[i];
        }
    fail_msg("no sensor %s", name);
    return NULL;
}

static struct jb_sample thermal_sample(const struct thermal *test,
                                       const char *name)
{
    struct jb_sample sample;
    uint32_t which;

    thermal_sensor(test, name, &which);
    jb_source_thermal.sample(test->source, &which, 1, &sample);
    assert_int_equal(sample.sensor, which);
    return sample;
}

#define THERMAL_ONE_PACKAGE                                                    \
    "s/online=0-1\n"                                                           \
    "c0/topology/physical_package_id=0\n"                                      \
    "c1/topology/physical_package_id=0\n"

static const struct thermal_machine {
    const char *label, *files, *want;
} thermal_machines[] = {
    { "the package's zone mirrors coretemp; types are counted",
      THERMAL_ONE_PACKAGE "z10/type=acpitz\n"
                          "z10/temp=30000\n"
                          "z2/type=acpitz\n"
                          "z2/temp=-44000\n"
                          "z3/type=x86_pkg_temp\n"
                          "z3/temp=61000\n",
      "acpitz-0 - -44\n"
      "x86_pkg_temp-0 package-0 61 mirror\n"
      "acpitz-1 - 30\n" },
    { "of which of two packages is not said",
      "s/online=0-1\n"
      "c0/topology/physical_package_id=0\n"
      "c1/topology/physical_package_id=1\n"
      "z0/type=x86_pkg_temp\n"
      "z0/temp=61000\n"
      "z1/type=x86_pkg_temp\n"
      "z1/temp=62000\n",
      "x86_pkg_temp-0 - 61 mirror\n"
      "x86_pkg_temp-1 - 62 mirror\n" },
    { "a system on a chip",
      THERMAL_ONE_PACKAGE "z0/type=cpu-thermal\n"
                          "z0/temp=12376\n",
      "cpu-thermal-0 package-0 12.376\n" },
    { "no readings",
      THERMAL_ONE_PACKAGE "z0/type=INT3400 Thermal\n"
                          "z0/temp=20000\n"
                          "z1/type=iwlwifi_1\n"
                          "z1/temp=!NODATA\n"
                          "z2/type=off\n"
                          "z2/mode=disabled\n"
                          "z2/temp=41000\n"
                          "z3/type=on\n"
                          "z3/mode=enabled\n"
                          "z3/temp=42000\n"
                          "z4/type=zero\n"
                          "z4/temp=-274000\n"
                          "z5/type=text\n"
                          "z5/temp=warm\n"
                          "z6/type=gone\n"
                          "z7/temp=43000\n",
      "INT3400_Thermal-0 - absent\n"
      "iwlwifi_1-0 - absent\n"
      "off-0 - absent\n"
      "on-0 - 42\n"
      "zero-0 - implausible\n"
      "text-0 - malformed\n"
      "gone-0 - absent\n"
      "thermal_zone7 - 43\n" },
    { "each core and each package once",
      "s/online=0-3\n"
      "c0/topology/physical_package_id=0\n"
      "c1/topology/physical_package_id=1\n"
      "c2/topology/physical_package_id=0\n"
      "c3/topology/physical_package_id=1\n"
      "c0/topology/thread_siblings_list=0,2\n"
      "c1/topology/thread_siblings_list=1,3\n"
      "c2/topology/thread_siblings_list=0,2\n"
      "c3/topology/thread_siblings_list=1,3\n"
      "c0/thermal_throttle/core_throttle_count=5\n"
      "c1/thermal_throttle/core_throttle_count=6\n"
      "c2/thermal_throttle/core_throttle_count=5\n"
      "c3/thermal_throttle/core_throttle_count=6\n"
      "c0/thermal_throttle/package_throttle_count=30\n"
      "c1/thermal_throttle/package_throttle_count=40\n"
      "c2/thermal_throttle/package_throttle_count=30\n"
      "c3/thermal_throttle/package_throttle_count=40\n"
      "c0/thermal_throttle/package_throttle_total_time_ms=1500\n"
      "c2/thermal_throttle/package_throttle_total_time_ms=1500\n"
      "c0/thermal_throttle/package_throttle_max_time_ms=7\n"
      "c0/thermal_throttle/core_power_limit_count=9\n"
      "c2/thermal_throttle/core_power_limit_count=9\n",
      "package-0/throttle_count package-0 30\n"
      "package-1/throttle_count package-1 40\n"
      "package-0/throttle_time package-0 1.5\n"
      "cpu-0/core_throttle_count - 5\n"
      "cpu-1/core_throttle_count - 6\n"
      "cpu-0/core_power_limit_count - 9\n" },
    { "the first sibling is offline",
      "s/online=2\n"
      "c2/topology/physical_package_id=0\n"
      "c2/topology/thread_siblings_list=0,2\n"
      "c2/thermal_throttle/core_throttle_count=5\n",
      "cpu-2/core_throttle_count - 5\n" },
    { "a package per die",
      "s/online=0-1\n"
      "c0/topology/physical_package_id=0\n"
      "c0/topology/die_id=0\n"
      "c1/topology/physical_package_id=0\n"
      "c1/topology/die_id=1\n"
      "c0/thermal_throttle/package_throttle_count=1\n"
      "c1/thermal_throttle/package_throttle_count=2\n",
      "package-0-die-0/throttle_count package-0-die-0 1\n"
      "package-0-die-1/throttle_count package-0-die-1 2\n" },
    { "no list of CPUs; a list that is none",
      "c0/topology/physical_package_id=1\n"
      "c0/topology/thread_siblings_list=x\n"
      "c0/thermal_throttle/core_throttle_count=5\n"
      "c0/thermal_throttle/package_throttle_count=6\n"
      "c1/thermal_throttle/core_throttle_count=N/A\n",
      "package-1/throttle_count package-1 6\n"
      "cpu-0/core_throttle_count - 5\n"
      "cpu-1/core_throttle_count - malformed\n" },
    { "as in 2008: no lists",
      "c0/topology/physical_package_id=0\n"
      "c0/topology/core_id=0\n"
      "c1/topology/physical_package_id=1\n"
      "c1/topology/core_id=0\n"
      "c2/topology/physical_package_id=0\n"
      "c2/topology/core_id=0\n"
      "c0/thermal_throttle/count=3\n"
      "c1/thermal_throttle/count=4\n"
      "c2/thermal_throttle/count=3\n",
      "cpu-0/throttle_count - 3\n"
      "cpu-1/throttle_count - 4\n" },
};

static void thermal_lists_machines(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(thermal_machines); i++) {
        const struct thermal_machine *machine = &thermal_machines[i];
        char text[LISTING_MAX];
        struct thermal test;

        thermal_init(&test);
        thermal_build(&test, machine->files);
        thermal_must_open(machine->label, &test);
        CHECK_TEXT(machine->label,
                   listing_of(&jb_source_thermal, test.source, text),
                   machine->want);
        thermal_release(&test);
    }
}

/* What asks firmware may hang, and then costs its own readings only. */
static void thermal_keeps_what_may_hang_apart(void **state)
{
    struct thermal test;
    uint32_t index;

    (void)state;
    thermal_init(&test);
    thermal_build(&test, "z0/type=acpitz\n"
                         "z0/temp=30000\n"
                         "z1/type=x86_pkg_temp\n"
                         "z1/temp=30000\n"
                         "c0/thermal_throttle/core_throttle_count=1\n");
    thermal_must_open("open", &test);
    assert_true(thermal_sensor(&test, "acpitz-0", &index)->flags &
                JB_SENSOR_MAY_BLOCK);
    assert_false(thermal_sensor(&test, "x86_pkg_temp-0", &index)->flags &
                 JB_SENSOR_MAY_BLOCK);
    assert_true(thermal_sensor(&test, "acpitz-0", &index)->endpoint !=
                thermal_sensor(&test, "x86_pkg_temp-0", &index)->endpoint);
    CHECK_U64(
        "counters",
        thermal_sensor(&test, "cpu-0/core_throttle_count", &index)->endpoint,
        0);
    thermal_release(&test);
}

static void thermal_names_fixes(void **state)
{
    struct thermal test;
    uint32_t index;

    (void)state;
    thermal_init(&test);
    thermal_build(&test, "z0/type=off\nz0/mode=disabled\nz0/temp=1\n");
    thermal_must_open("open", &test);
    assert_non_null(strstr(thermal_sensor(&test, "off-0", &index)->fix,
                           "echo enabled | sudo tee"));
    thermal_release(&test);
}

static void thermal_says_why_there_is_nothing(void **state)
{
    struct jb_error err = { 0 };
    struct thermal test;

    (void)state;
    thermal_init(&test);
    CHECK_STATUS("nothing",
                 jb_source_thermal.open(&test.env, NULL, &test.source, &err),
                 JB_EABSENT, &err);
    assert_null(test.source);
    assert_non_null(strstr(err.text, "class/thermal"));
    tree_write(&test.tree, "class/thermal/cooling_device0/cur_state", "0\n");
    CHECK_STATUS("no zone",
                 jb_source_thermal.open(&test.env, NULL, &test.source, &err),
                 JB_EABSENT, &err);
    thermal_release(&test);
}

/* After a reload the kernel's number can be another zone's. */
static void thermal_knows_a_stranger(void **state)
{
    struct thermal test;

    (void)state;
    thermal_init(&test);
    thermal_build(&test, "z0/type=x86_pkg_temp\nz0/temp=61000\n");
    thermal_must_open("open", &test);
    CHECK_U64("first", thermal_sample(&test, "x86_pkg_temp-0").raw, 61000);
    tree_drop(&test.tree, "class/thermal/thermal_zone0");
    assert_int_equal(thermal_sample(&test, "x86_pkg_temp-0").state, JB_EABSENT);
    thermal_build(&test, "z0/type=acpitz\nz0/temp=1000\n");
    test.now_ns += THERMAL_S;
    assert_int_equal(thermal_sample(&test, "x86_pkg_temp-0").state, JB_EABSENT);
    thermal_build(&test, "z0/type=x86_pkg_temp\nz0/temp=62000\n");
    test.now_ns += THERMAL_S;
    CHECK_U64("again", thermal_sample(&test, "x86_pkg_temp-0").raw, 62000);
    CHECK_U64("generation", thermal_sample(&test, "x86_pkg_temp-0").generation,
              1);
    tree_write(&test.tree, "class/thermal/thermal_zone0/temp", "999000\n");
    assert_int_equal(thermal_sample(&test, "x86_pkg_temp-0").state,
                     JB_EIMPLAUSIBLE);
    CHECK_U64("void", thermal_sample(&test, "x86_pkg_temp-0").raw, 0);
    thermal_release(&test);
}

static void thermal_has_a_ceiling(void **state)
{
    enum { MOST = 1024 };
    struct jb_error err = { 0 };
    struct thermal test;

    (void)state;
    thermal_init(&test);
    for (unsigned i = 0; i <= MOST; i++) {
        char name[64];

        snprintf(name, sizeof(name), "class/thermal/thermal_zone%u/temp", i);
        tree_write(&test.tree, name, "1000\n");
    }
    CHECK_STATUS("zones",
                 jb_source_thermal.open(&test.env, NULL, &test.source, &err),
                 JB_ELIMIT, &err);
    assert_non_null(strstr(err.text, "1024"));
    thermal_release(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thermal_lists_machines),
        cmocka_unit_test(thermal_keeps_what_may_hang_apart),
        cmocka_unit_test(thermal_names_fixes),
        cmocka_unit_test(thermal_says_why_there_is_nothing),
        cmocka_unit_test(thermal_knows_a_stranger),
        cmocka_unit_test(thermal_has_a_ceiling),
    };

    return cmocka_run_group_tests_name("thermal", tests, NULL, NULL);
}
