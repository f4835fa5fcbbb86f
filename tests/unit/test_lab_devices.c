/* SPDX-License-Identifier: Apache-2.0 */
/* Processors, registers, temperatures and frequencies of the lab; what they
 * show is worked out by hand. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "lab/state.h"

#define MS UINT64_C(1000000)
#define ZONES                                                                  \
    "zone path=r:0 name=package-0 wave=square:2W,6W,10ms,50%\n"                \
    "zone path=r:0:0 name=core in=r:0 wave=const:1W\n"                         \
    "zone path=m:0 name=package-0 mirror=r:0\n"
#define CPUS "cpu vendor=GenuineIntel family=6 model=85 count=4 packages=2\n"

static struct jb_lab_state *lab;

static int set_up(void **state)
{
    (void)state;
    lab = calloc(1, sizeof(*lab));
    if (!lab)
        return -1;
    lab->journal.fd = -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    jb_lab_state_release(lab);
    free(lab);
    return 0;
}

/* The lab of a layout, begun at 0. */
static void begin(const char *text)
{
    struct jb_lab_layout *layout = calloc(1, sizeof(*layout));
    struct jb_lab_world *world = calloc(1, sizeof(*world));
    struct jb_error err = { 0 };

    assert_non_null(layout);
    assert_non_null(world);
    CHECK_STATUS("layout",
                 jb_lab_layout_parse(text, strlen(text), layout, &err), JB_OK,
                 &err);
    jb_lab_world_init(world, layout, 0, 0);
    CHECK_STATUS("state", jb_lab_state_init(lab, world, NULL, &err), JB_OK,
                 &err);
    free(world);
    free(layout);
}

static unsigned node_at(const char *path)
{
    char rest[128];
    char *save = NULL;
    int node = 0;

    snprintf(rest, sizeof(rest), "%s", path);
    for (char *name = strtok_r(rest, "/", &save); name && node >= 0;
         name = strtok_r(NULL, "/", &save))
        node = jb_lab_tree_child(&lab->tree, node, name);
    if (node < 0)
        fail_msg("there is no %s", path);
    return (unsigned)node;
}

static struct jb_lab_answer read_at(const char *path, uint64_t at_ns)
{
    struct jb_lab_answer answer;

    jb_lab_state_read(lab, node_at(path), at_ns, &answer);
    answer.bytes[answer.len] = '\0';
    return answer;
}

static int rdmsr(unsigned cpu, uint64_t reg, uint64_t at_ns, uint64_t *value)
{
    struct jb_lab_answer answer;
    char path[32];

    snprintf(path, sizeof(path), "dev/cpu/%u/msr", cpu);
    jb_lab_state_rdmsr(lab, node_at(path), reg, 8, at_ns, &answer);
    if (answer.error == 0) {
        assert_int_equal(answer.len, sizeof(*value));
        memcpy(value, answer.bytes, sizeof(*value));
    }
    return answer.error;
}

static void obey(const char *text, uint64_t at_ns)
{
    struct jb_error err = { 0 };

    CHECK_STATUS(text, jb_lab_state_obey(lab, text, strlen(text), at_ns, &err),
                 JB_OK, &err);
}

static void test_lines(void **state)
{
    const struct jb_lab_layout *layout = &lab->world.layout;

    (void)state;
    begin("zone path=r:0 name=package-0 msr=0xc001029b@1 wave=const:1W\n"
          "temperature chip=k10temp of=r:0 ambient=-1500mC rise=2C/W"
          " label=Tctl thermal=x86-pkg\n"
          "policy cpus=1-3 of=r:0 min=800kHz max=2MHz base=1MHz full=10W\n"
          "cpu vendor=AuthenticAMD family=25 model=17 stepping=1 count=4"
          " packages=2 register=0xc0010299:0xa1003\n");
    CHECK_U64("msr", layout->zones[0].msr, 0xc001029b);
    CHECK_U64("package", layout->zones[0].msr_package, 1);
    assert_int_equal(layout->temperatures[0].ambient_mdegc, -1500);
    assert_int_equal(layout->temperatures[0].rise_mdegc, 2000);
    CHECK_TEXT("label", layout->temperatures[0].label, "Tctl");
    CHECK_U64("last", layout->policies[0].last, 3);
    CHECK_U64("min", layout->policies[0].min_khz, 800);
    CHECK_U64("max", layout->policies[0].max_khz, 2000);
    CHECK_U64("value", layout->cpus.registers[0].value, 0xa1003);
}

#define ZONE "zone path=r:0 name=a wave=const:1W"
#define LINE1 "layout, line 1: "
#define LINE2 "layout, line 2: "
#define LINE5 "layout, line 5: "

static const struct {
    const char *text, *message;
} refusals[] = {
    { "cpu family=6 model=1 count=1\n" ZONE, LINE1 "cpu: vendor, family" },
    { CPUS CPUS ZONE, LINE2 "there is a cpu line" },
    { "cpu vendor=a family=6 model=1 count=17\n" ZONE, LINE1 "count:" },
    { "cpu vendor=a family=6 model=1 count=3 packages=2\n" ZONE,
      LINE1 "cpu: the packages" },
    { "cpu vendor=a family=256 model=1 count=3\n" ZONE, LINE1 "family:" },
    { "cpu vendor=a family=6 model=1 count=1 register=606:1\n" ZONE,
      LINE1 "register:" },
    { "cpu vendor=a family=6 model=1 count=1 register=0x606:0xG\n" ZONE,
      LINE1 "register:" },
    { ZONE " msr=0x611\n", LINE1 "msr: REGISTER" },
    { ZONE " msr=0x0@0\n", LINE1 "msr: REGISTER" },
    { ZONE " msr=0x11111111111111111@0\n", LINE1 "msr: REGISTER" },
    { ZONE " msr=0x611@0\n", LINE1 "msr: the cpu line" },
    { CPUS ZONE " msr=0x611@2\n", LINE2 "msr: the cpu line" },
    { "cpu vendor=a family=6 model=1 count=1 register=0x611:0x0\n" ZONE
      " msr=0x611@0\n",
      LINE2 "msr: the cpu line gives" },
    { CPUS "zone path=r:0 name=a msr=0x611@0 wave=const:1W\n"
           "zone path=r:1 name=b msr=0x611@0 wave=const:1W\n",
      "layout, line 3: msr: another zone" },
    { CPUS ZONES "policy cpus=0 of=r:0 min=1MHz max=2MHz\n",
      LINE5 "policy: cpus" },
    { CPUS ZONES "policy cpus=4 of=r:0 min=1MHz max=2MHz full=1W\n",
      LINE5 "cpus: the cpu line" },
    { CPUS ZONES "policy cpus=0 of=m:0 min=1MHz max=2MHz full=1W\n",
      LINE5 "of: a mirror" },
    { CPUS ZONES "policy cpus=0 of=r:9 min=1MHz max=2MHz full=1W\n",
      LINE5 "of: no such" },
    { CPUS ZONES "policy cpus=0 of=r:0 min=3MHz max=2MHz full=1W\n",
      LINE5 "policy: min is" },
    { CPUS ZONES "policy cpus=0 of=r:0 min=1GHz max=2MHz full=1W\n",
      LINE5 "a frequency ends" },
    { CPUS ZONES "policy cpus=0 of=r:0 min=1MHz max=2MHz full=0W\n",
      LINE5 "full:" },
    { CPUS ZONES "policy cpus=0-1 of=r:0 min=1MHz max=2MHz full=1W\n"
                 "policy cpus=1 of=r:0 min=1MHz max=2MHz full=1W\n",
      "layout, line 6: cpus: one of them" },
    { ZONES "temperature chip=a of=r:0 ambient=1C\n",
      "layout, line 4: temperature: chip" },
    { ZONES "temperature chip=a of=r:0 ambient=1001C rise=1C/W\n",
      "layout, line 4: ambient" },
    { ZONES "temperature chip=a of=r:0 ambient=1C rise=1C\n",
      "layout, line 4: rise" },
    { ZONES "temperature chip=a of=m:0 ambient=1C rise=1C/W\n",
      "layout, line 4: of: a mirror" },
};

static void test_refusals(void **state)
{
    struct jb_lab_layout *layout = calloc(1, sizeof(*layout));

    (void)state;
    assert_non_null(layout);
    for (size_t i = 0; i < CHECK_COUNT(refusals); i++) {
        struct jb_error err = { 0 };
        const char *text = refusals[i].text;

        CHECK_STATUS(text,
                     jb_lab_layout_parse(text, strlen(text), layout, &err),
                     JB_EFORMAT, &err);
        if (strncmp(err.text, refusals[i].message,
                    strlen(refusals[i].message)) != 0)
            fail_msg("%s: got \"%s\", want \"%s\"", text, err.text,
                     refusals[i].message);
    }
    free(layout);
}

/* The square is at 6 W for 5 ms and at 2 W for 5 ms, and a core of 1 W is in
 * it; the register is the counter whatever the zone shows. */
static void test_register(void **state)
{
    uint64_t value = 0;

    (void)state;
    begin("cpu vendor=GenuineIntel family=6 model=85 count=4 packages=2"
          " register=0x606:0xa0e03\n"
          "zone path=r:0 name=package-0 msr=0x611@0 modulus=100 start=95"
          " wave=const:1W\n"
          "zone path=r:1 name=package-1 msr=0x611@1 wave=const:2W\n");
    /* 1 W for 1 ms is 16.384 counts of 2^-14 J: 95 + 16 = 111, of 100 */
    assert_int_equal(rdmsr(1, 0x611, 1 * MS, &value), 0);
    CHECK_U64("package 0", value, 11);
    assert_int_equal(rdmsr(2, 0x611, 1 * MS, &value), 0);
    CHECK_U64("package 1", value, 32);
    assert_int_equal(rdmsr(3, 0x606, 1 * MS, &value), 0);
    CHECK_U64("constant", value, 0xa0e03);
    assert_int_equal(rdmsr(3, 0x619, 1 * MS, &value), EIO);
    assert_int_equal(rdmsr(3, 0, 1 * MS, &value), EIO);
    assert_int_equal(rdmsr(3, UINT64_C(0x100000611), 1 * MS, &value), EIO);

    obey("freeze r:0 hold", 1 * MS);
    /* floor(11 x 61.035), though the register goes on */
    CHECK_TEXT(
        "held",
        read_at("devices/virtual/powercap/r/r:0/energy_uj", 2 * MS).bytes,
        "671\n");
    assert_int_equal(rdmsr(0, 0x611, 2 * MS, &value), 0);
    CHECK_U64("goes on", value, 27);
    obey("reset r:0", 2 * MS);
    assert_int_equal(rdmsr(0, 0x611, 2 * MS, &value), 0);
    CHECK_U64("reset", value, 0);
    obey("errno cpu0 EACCES\nunplug cpu1", 2 * MS);
    assert_int_equal(rdmsr(0, 0x611, 3 * MS, &value), EACCES);
    assert_int_equal(rdmsr(1, 0x611, 3 * MS, &value), ENODEV);
    assert_false(jb_lab_state_is_visible(lab, node_at("dev/cpu/1/msr")));
    assert_true(jb_lab_state_is_visible(lab, node_at("dev/cpu/0/msr")));
}

static void test_gauges(void **state)
{
    const char *chip = "devices/platform/coretemp.0/hwmon/hwmon1/temp1_input";
    const char *thermal = "devices/virtual/thermal/thermal_zone0/temp";
    const char *policy = "devices/system/cpu/cpufreq/policy0/scaling_cur_freq";

    (void)state;
    begin(CPUS ZONES
          "temperature chip=coretemp of=r:0 ambient=-1C rise=500mC/W"
          " thermal=x86_pkg_temp\n"
          "policy cpus=0-3 of=r:0:0 min=1000MHz max=2000MHz full=3W\n");
    /* -1 C + 7 W x 0.5 C/W, and at 3 W */
    CHECK_TEXT("high", read_at(chip, 4 * MS + 999999).bytes, "2500\n");
    CHECK_TEXT("low", read_at(chip, 5 * MS).bytes, "500\n");
    CHECK_TEXT("thermal", read_at(thermal, 5 * MS).bytes, "500\n");
    /* 1 GHz + 1/3 of 1 GHz */
    CHECK_TEXT("policy", read_at(policy, 5 * MS).bytes, "1333333\n");
    obey("wave r:0:0 const:9W", 5 * MS + 1);
    CHECK_TEXT("at most", read_at(policy, 5 * MS + 2).bytes, "2000000\n");
    CHECK_TEXT("inside", read_at(chip, 5 * MS + 2).bytes, "4500\n");
    obey("freeze thermal_zone0 hold\nwave r:0 const:0W", 6 * MS);
    CHECK_TEXT("held", read_at(chip, 7 * MS).bytes, "4500\n");
    obey("thaw hwmon1", 8 * MS);
    CHECK_TEXT("thawed", read_at(thermal, 8 * MS).bytes, "3500\n");
    obey("text policy0 \"<unknown>\"\nunplug hwmon1", 8 * MS);
    CHECK_TEXT("text", read_at(policy, 8 * MS).bytes, "<unknown>");
    assert_int_equal(read_at(chip, 8 * MS).error, ENODEV);
    assert_false(jb_lab_state_is_visible(lab, node_at("class/hwmon/hwmon1")));
    CHECK_TEXT("other face", read_at(thermal, 8 * MS).bytes, "3500\n");
    obey("plug hwmon1 keep", 9 * MS);
    CHECK_TEXT("back", read_at(chip, 9 * MS).bytes, "3500\n");
}

static void test_tree(void **state)
{
    struct jb_lab_text page = { 0 };

    (void)state;
    begin(CPUS ZONES "policy cpus=2-3 of=r:0 min=1MHz max=2MHz full=1W\n");
    CHECK_TEXT("online", read_at("devices/system/cpu/online", 0).bytes,
               "0-3\n");
    CHECK_TEXT(
        "package",
        read_at("devices/system/cpu/cpu2/topology/physical_package_id", 0)
            .bytes,
        "1\n");
    CHECK_TEXT(
        "siblings",
        read_at("devices/system/cpu/cpu2/topology/thread_siblings_list", 0)
            .bytes,
        "2\n");
    CHECK_TEXT(
        "cpus",
        read_at("devices/system/cpu/cpufreq/policy2/affected_cpus", 0).bytes,
        "2 3\n");
    CHECK_TEXT("link",
               lab->tree.nodes[node_at("devices/system/cpu/cpu3/cpufreq")].link,
               "../../../../devices/system/cpu/cpufreq/policy2");
    CHECK_TEXT("sys", lab->tree.nodes[node_at("sys/class")].link, "../class");
    assert_true(jb_lab_tree_child(&lab->tree,
                                  (int)node_at("devices/system/cpu/cpu1"),
                                  "cpufreq") < 0);
    jb_lab_tree_cpuinfo(&lab->world.layout, &page);
    assert_non_null(strstr(page.bytes, "processor\t: 3\nvendor_id\t: Genuine"));
    jb_lab_text_release(&page);
}

/* Sixteen CPUs, as many policies, eight temperatures and 32 zones fit. */
static void test_largest(void **state)
{
    char text[8192] = "cpu vendor=a family=6 model=1 count=16 packages=16\n";
    size_t len = strlen(text);

    (void)state;
    for (int i = 0; i < 32; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "zone path=r:%d name=b wave=const:1W"
                                " limit=a,1W,1W,1s limit=b,1W,1W,1s"
                                " limit=c,1W,1W,1s\n",
                                i);
    for (int i = 0; i < 16; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "policy cpus=%d of=r:0 min=1MHz max=2MHz"
                                " base=1MHz full=1W\n",
                                i);
    for (int i = 0; i < 8; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "temperature chip=a of=r:0 ambient=1C"
                                " rise=1C/W label=b thermal=c\n");
    assert_true(len < sizeof(text) - 1);
    begin(text);
    CHECK_U64("devices", lab->tree.device_count, 16 + 16 + 16);
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_lines),  LAB_TEST(test_refusals), LAB_TEST(test_register),
        LAB_TEST(test_gauges), LAB_TEST(test_tree),     LAB_TEST(test_largest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
