/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The powercap source over trees that the test writes, and over the recorded
 * ones below $JB_SHARED where that is set.
 */
#include "check.h"
#include "kernel_read.h"
#include "tree.h"

#include <dirent.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "base/file.h"
#include "core/domain.h"
#include "core/unit.h"
#include "joulebook/plugin/source.h"
#include "sources/powercap/zone.h"

extern const struct jb_source_desc jb_source_powercap;

enum { POWERCAP_TEXT_MAX = 8192, POWERCAP_NOBODY = 65534 };

#define POWERCAP_S UINT64_C(1000000000)
#define POWERCAP_W UINT64_C(1000000)
#define POWERCAP_RANGE "262143328850" /* 2^32 - 1 counts of 61035 nJ */

static uint64_t powercap_now_ns(void *context)
{
    return *(const uint64_t *)context;
}

/* A tree, a clock that the test turns, and the source over both. */
struct powercap {
    struct tree tree;
    char sysfs[TREE_PATH_MAX], procfs[TREE_PATH_MAX];
    struct jb_roots roots;
    uint64_t now_ns;
    struct jb_clock clock;
    struct jb_env env;
    struct jb_source *source;
};

static void powercap_init(struct powercap *test)
{
    *test = (struct powercap){ .now_ns = 5 * POWERCAP_S };
    tree_init(&test->tree);
    tree_path(&test->tree, "sys", test->sysfs);
    tree_path(&test->tree, "proc", test->procfs);
    test->roots =
        (struct jb_roots){ test->sysfs, test->procfs, "/none", "/none" };
    test->clock = (struct jb_clock){ powercap_now_ns, &test->now_ns };
    test->env = (struct jb_env){ &test->roots, &test->clock, false };
}

static void powercap_release(struct powercap *test)
{
    jb_source_powercap.close(test->source);
    tree_release(&test->tree);
}

static void powercap_write(const struct powercap *test, const char *zone,
                           const char *file, const char *text)
{
    char path[TREE_PATH_MAX];

    snprintf(path, sizeof(path), "sys/class/powercap/%s/%s", zone, file);
    tree_write(&test->tree, path, text);
}

/* A zone with the texts of its files; NULL for a file that is not there. */
static void powercap_add(const struct powercap *test, const char *zone,
                         const char *name, const char *range,
                         const char *energy)
{
    powercap_write(test, zone, "enabled", "1\n");
    if (name)
        powercap_write(test, zone, "name", name);
    if (range)
        powercap_write(test, zone, "max_energy_range_uj", range);
    if (energy)
        powercap_write(test, zone, "energy_uj", energy);
}

static int powercap_open(struct powercap *test, struct jb_error *err)
{
    return jb_source_powercap.open(&test->env, NULL, &test->source, err);
}

static void powercap_must_open(const char *label, struct powercap *test)
{
    struct jb_error err = { 0 };

    CHECK_STATUS(label, powercap_open(test, &err), JB_OK, &err);
}

static const struct jb_sensor *powercap_sensor(const struct powercap *test,
                                               const char *name)
{
    size_t count;
    const struct jb_sensor *sensors =
        jb_source_powercap.sensors(test->source, &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(sensors[i].name, name) == 0)
            return &sensors[i];
    fail_msg("no sensor %s", name);
    return NULL;
}

/* "intel-rapl:0 package-0 ok\n" for each sensor, in their order. */
static const char *powercap_listing(const struct powercap *test,
                                    char out[POWERCAP_TEXT_MAX])
{
    size_t used = 0;
    size_t count;
    const struct jb_sensor *sensors =
        jb_source_powercap.sensors(test->source, &count);

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char name[JB_DOMAIN_NAME_MAX];

        jb_domain_name(&sensors[i].domain, name);
        used += (size_t)snprintf(
            out + used, POWERCAP_TEXT_MAX - used, "%s %s %s%s\n",
            sensors[i].name, name[0] ? name : "-",
            jb_status_name(sensors[i].state),
            sensors[i].flags & JB_SENSOR_MIRROR ? " mirror" : "");
        assert_true(used < POWERCAP_TEXT_MAX);
        assert_true((sensors[i].reason[0] == '\0') ==
                    (sensors[i].state == JB_OK));
    }
    return out;
}

struct powercap_zone_text {
    const char *zone, *name, *range, *energy;
};

#define POWERCAP_INTEL "vendor_id\t: GenuineIntel\nflags\t: fpu\n"
#define POWERCAP_AMD "vendor_id\t: AuthenticAMD\nflags\t: fpu\n"

/* Trees and what they are, written down from the kernel's documentation
 * (Documentation/power/powercap) and from recorded machines. */
static const struct powercap_tree {
    const char *label, *cpuinfo;
    struct powercap_zone_text zones[12];
    const char *want;
} powercap_trees[] = {
    { "zone number is not the package",
      POWERCAP_INTEL,
      { { "intel-rapl:0", "package-1\n", POWERCAP_RANGE, "61035\n" },
        { "intel-rapl:0:0", "dram\n", "65712999613\n", "15300\n" },
        { "intel-rapl:1", "package-0\n", POWERCAP_RANGE, "61035\n" },
        { "intel-rapl:1:0", "dram\n", "65712999613\n", "15300\n" } },
      "intel-rapl:0 package-1 ok\n"
      "intel-rapl:0:0 dram-1 ok\n"
      "intel-rapl:1 package-0 ok\n"
      "intel-rapl:1:0 dram-0 ok\n" },
    { "hexadecimal ids, in their order",
      POWERCAP_INTEL,
      { { "intel-rapl:10", "package-16\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:a", "package-10\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:9", "package-9\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:10:0", "core\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:1", "package-1\n", POWERCAP_RANGE, "0\n" } },
      "intel-rapl:1 package-1 ok\n"
      "intel-rapl:9 package-9 ok\n"
      "intel-rapl:a package-10 ok\n"
      "intel-rapl:10 package-16 ok\n"
      "intel-rapl:10:0 core-16 ok\n" },
    { "parts inside their zones only",
      POWERCAP_INTEL,
      { { "intel-rapl/intel-rapl:0", "package-0\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl/intel-rapl:0/intel-rapl:0:0", "core\n", POWERCAP_RANGE,
          "0\n" },
        { "intel-rapl/intel-rapl:0/intel-rapl:0:1", "uncore\n", POWERCAP_RANGE,
          "0\n" } },
      "intel-rapl:0 package-0 ok\n"
      "intel-rapl:0:0 core-0 ok\n"
      "intel-rapl:0:1 uncore-0 ok\n" },
    { "flat and inside, the same zones",
      POWERCAP_INTEL,
      { { "intel-rapl/intel-rapl:0", "package-0\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl/intel-rapl:0/intel-rapl:0:0", "core\n", POWERCAP_RANGE,
          "0\n" },
        { "intel-rapl:0", "package-0\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:0:0", "core\n", POWERCAP_RANGE, "0\n" } },
      "intel-rapl:0 package-0 ok\n"
      "intel-rapl:0:0 core-0 ok\n" },
    { "psys as the second top zone",
      POWERCAP_INTEL,
      { { "intel-rapl:0", "package-0\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:0:0", "core\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:0:1", "uncore\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:1", "psys\n", POWERCAP_RANGE, "0\n" } },
      "intel-rapl:0 package-0 ok\n"
      "intel-rapl:0:0 core-0 ok\n"
      "intel-rapl:0:1 uncore-0 ok\n"
      "intel-rapl:1 psys ok\n" },
    { "psys per package",
      POWERCAP_INTEL,
      { { "intel-rapl:0", "psys\n", "4294967295000000\n", "1000000\n" },
        { "intel-rapl:1", "package-0\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:2", "psys\n", "4294967295000000\n", "2000000\n" },
        { "intel-rapl:3", "package-1\n", POWERCAP_RANGE, "0\n" } },
      "intel-rapl:0 psys ok\n"
      "intel-rapl:1 package-0 ok\n"
      "intel-rapl:2 psys-1 ok\n"
      "intel-rapl:3 package-1 ok\n" },
    { "dies",
      POWERCAP_INTEL,
      { { "intel-rapl:0", "package-0-die-0\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:0:0", "dram\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:1", "package-0-die-1\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:1:0", "dram\n", POWERCAP_RANGE, "0\n" } },
      "intel-rapl:0 package-0-die-0 ok\n"
      "intel-rapl:0:0 dram-0-die-0 ok\n"
      "intel-rapl:1 package-0-die-1 ok\n"
      "intel-rapl:1:0 dram-0-die-1 ok\n" },
    { "memory-mapped mirror, listed after what it mirrors",
      POWERCAP_INTEL,
      { { "intel-rapl-mmio:0", "package-0\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl-mmio:0:0", "dram\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:0", "package-0\n", POWERCAP_RANGE, "0\n" } },
      "intel-rapl:0 package-0 ok\n"
      "intel-rapl-mmio:0 package-0 ok mirror\n"
      "intel-rapl-mmio:0:0 dram-0 ok mirror\n" },
    { "AMD's core zone is one core",
      POWERCAP_AMD,
      { { "intel-rapl:0", "package-0\n", "65532610987\n", "15258\n" },
        { "intel-rapl:0:0", "core\n", "65532610987\n", "15258\n" } },
      "intel-rapl:0 package-0 ok\n"
      "intel-rapl:0:0 - implausible\n" },
    { "names that are missing, empty or unknown",
      POWERCAP_INTEL,
      { { "intel-rapl:0", NULL, POWERCAP_RANGE, "0\n" },
        { "intel-rapl:0:0", "core\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:1", "", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:2", "socket\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:3", "package-x\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:4", "dram\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:5", "package-5\n", POWERCAP_RANGE, "0\n" } },
      "intel-rapl:0 - absent\n"
      "intel-rapl:0:0 - malformed\n"
      "intel-rapl:1 - malformed\n"
      "intel-rapl:2 - malformed\n"
      "intel-rapl:3 - malformed\n"
      "intel-rapl:4 - malformed\n"
      "intel-rapl:5 package-5 ok\n" },
    { "counters that are missing, empty or text",
      POWERCAP_INTEL,
      { { "intel-rapl:0", "package-0\n", POWERCAP_RANGE, NULL },
        { "intel-rapl:0:0", "core\n", POWERCAP_RANGE, "0\n" },
        { "intel-rapl:1", "package-1\n", POWERCAP_RANGE, "" },
        { "intel-rapl:2", "package-2\n", POWERCAP_RANGE, "N/A\n" },
        { "intel-rapl:3", "package-3\n", POWERCAP_RANGE, "-1\n" },
        { "intel-rapl:4", "package-4\n", NULL, "1\n" },
        { "intel-rapl:5", "package-5\n", "abcdef\n", "1\n" },
        { "intel-rapl:6", "package-6\n", "0\n", "1\n" },
        { "intel-rapl:7", "package-7\n", "18446744073709551615\n", "1\n" },
        { "intel-rapl:8", "package-8\n", POWERCAP_RANGE,
          "99999999999999999999\n" } },
      "intel-rapl:0 package-0 absent\n"
      "intel-rapl:0:0 core-0 ok\n"
      "intel-rapl:1 package-1 malformed\n"
      "intel-rapl:2 package-2 malformed\n"
      "intel-rapl:3 package-3 malformed\n"
      "intel-rapl:4 package-4 absent\n"
      "intel-rapl:5 package-5 malformed\n"
      "intel-rapl:6 package-6 implausible\n"
      "intel-rapl:7 package-7 implausible\n"
      "intel-rapl:8 package-8 malformed\n" },
    { "others in the class are none of ours",
      POWERCAP_INTEL,
      { { "dtpm", "soc\n", POWERCAP_RANGE, "1\n" },
        { "dtpm:0", "soc\n", POWERCAP_RANGE, "1\n" },
        { "intel-rapl", NULL, NULL, NULL },
        { "intel-rapl:", "package-1\n", POWERCAP_RANGE, "1\n" },
        { "intel-rapl:0:", "package-1\n", POWERCAP_RANGE, "1\n" },
        { "intel-rapl:x", "package-1\n", POWERCAP_RANGE, "1\n" },
        { "intel-raplx:1", "package-1\n", POWERCAP_RANGE, "1\n" },
        { "intel-rapl:0", "package-0\n", POWERCAP_RANGE, "0\n" } },
      "intel-rapl:0 package-0 ok\n" },
};

static void powercap_lists_the_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(powercap_trees); i++) {
        const struct powercap_tree *row = &powercap_trees[i];
        char text[POWERCAP_TEXT_MAX];
        struct powercap test;

        powercap_init(&test);
        tree_write(&test.tree, "proc/cpuinfo", row->cpuinfo);
        for (const struct powercap_zone_text *zone = row->zones; zone->zone;
             zone++)
            powercap_add(&test, zone->zone, zone->name, zone->range,
                         zone->energy);
        powercap_must_open(row->label, &test);
        CHECK_TEXT(row->label, powercap_listing(&test, text), row->want);
        powercap_release(&test);
    }
}

/* Range and reading to unit.  Counts and readings by hand: 61035 nJ x
 * 3389817600 is 206897517216 uJ, 262143999938 = floor((2^32 - 1) x 10^6 /
 * 2^14). */
static void powercap_restores_units(void **state)
{
    static const struct {
        const char *label;
        uint64_t range, reading;
        uint64_t num, den, modulus;
        uint64_t count; /* of the reading */
        uint32_t gain_low, gain_high;
    } cases[] = {
        { "2^-14 J as 61035 nJ", UINT64_C(262143328850), UINT64_C(206897517216),
          1000000, 16384, UINT64_C(1) << 32, 3389817600, 0, 0 },
        { "2^-14 J, exact", UINT64_C(262143999938), 122, 1000000, 16384,
          UINT64_C(1) << 32, 2, 0, 0 },
        { "2^-16 J as 15258 nJ", UINT64_C(65532610987), 15258000, 1000000,
          65536, UINT64_C(1) << 32, 1000000, 0, 0 },
        { "DRAM as 15300 nJ", UINT64_C(65712999613), UINT64_C(64155753419),
          15300, 1000, UINT64_C(1) << 32, 4193186498, 2695, 2797 },
        { "1 J", UINT64_C(4294967295000000), UINT64_C(60293987000000), 1000000,
          1, UINT64_C(1) << 32, 60293987, 0, 0 },
        { "Atom, 32 uJ", UINT64_C(137438953440), 3200, 32000, 1000,
          UINT64_C(1) << 32, 100, 0, 0 },
        { "Atom, 1 uJ", UINT64_C(4294967295), 77, 1000, 1000, UINT64_C(1) << 32,
          77, 0, 0 },
        { "2^-14 J, but no count of it", UINT64_C(262143328850),
          UINT64_C(240422366268), 1, 1, UINT64_C(262143328851),
          UINT64_C(240422366268), 52, 200 },
        { "hand-made range", 1000000, 999999, 1, 1, 1000001, 999999, 52, 200 },
        { "range of one", 1, 1, 1, 1, 2, 1, 52, 200 },
        { "huge range", UINT64_MAX - 1, 5, 1, 1, UINT64_MAX, 5, 52, 200 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        uint32_t gain_ppm = 4711;
        struct jb_unit unit =
            jb_zone_unit(cases[i].range, cases[i].reading, &gain_ppm);
        const char *label = cases[i].label;
        struct jb_error none = { 0 };
        uint64_t count;

        /* num / den as fractions, since 2/2 is 1/1 */
        CHECK_U64(label, unit.num * cases[i].den, cases[i].num * unit.den);
        CHECK_U64(label, unit.modulus, cases[i].modulus);
        CHECK_U64(label, unit.quantity, JB_QUANTITY_ENERGY);
        CHECK_STATUS(label, jb_unit_count(&unit, cases[i].reading, &count),
                     JB_OK, &none);
        CHECK_U64(label, count, cases[i].count);
        CHECK_STATUS(label, jb_unit_count(&unit, cases[i].range, &count), JB_OK,
                     &none);
        CHECK_U64("all ones", count, unit.modulus - 1);
        if (gain_ppm < cases[i].gain_low || gain_ppm > cases[i].gain_high)
            fail_msg("%s: got %" PRIu32 " ppm", label, gain_ppm);
    }
}

static void powercap_ranks_restored_counts_higher(void **state)
{
    struct powercap test;

    (void)state;
    powercap_init(&test);
    powercap_add(&test, "intel-rapl:0", "package-0\n", POWERCAP_RANGE,
                 "61035\n");
    powercap_add(&test, "intel-rapl:1", "package-1\n", POWERCAP_RANGE,
                 "61036\n");
    powercap_must_open("open", &test);
    assert_true(powercap_sensor(&test, "intel-rapl:0")->rank >
                powercap_sensor(&test, "intel-rapl:1")->rank);
    powercap_release(&test);
}

static void powercap_names_of_zones(void **state)
{
    static const struct {
        const char *name;
        bool zone, mirror;
        unsigned depth;
    } cases[] = {
        { "intel-rapl:0", true, false, 1 },
        { "intel-rapl:0:a", true, false, 2 },
        { "intel-rapl:0:a:1", true, false, 3 },
        { "intel-rapl-mmio:0", true, true, 1 },
        { "intel-rapl", false, false, 0 },
        { "intel-rapl-mmio", false, true, 0 },
        { "intel-rapl:", false, false, 1 },
        { "intel-rapl::0", false, false, 2 },
        { "intel-rapl:0:", false, false, 2 },
        { "intel-rapl:G", false, false, 1 },
        { "intel-rapl:A", false, false, 1 },
        { "intel-rapl-0", false, false, 0 },
        { "xintel-rapl:0", false, false, 1 },
        { "", false, false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        CHECK_BOOL(cases[i].name, jb_zone_is_zone(cases[i].name),
                   cases[i].zone);
        CHECK_BOOL(cases[i].name, jb_zone_is_mirror(cases[i].name),
                   cases[i].mirror);
        CHECK_U64(cases[i].name, jb_zone_depth(cases[i].name), cases[i].depth);
    }
}

/* Absence, with the reason that helps. */
static void powercap_says_why_there_is_nothing(void **state)
{
    static const struct {
        const char *label, *cpuinfo, *file;
        const char *reason, *fix; /* part of it; "" for none */
    } cases[] = {
        { "bare metal", POWERCAP_INTEL, NULL, "no RAPL zone", "modprobe" },
        { "empty class", POWERCAP_INTEL, "sys/class/powercap/intel-rapl/x",
          "no RAPL zone", "modprobe" },
        { "virtual machine", "vendor_id : X\nflags : fpu hypervisor\n", NULL,
          "virtual machine", "" },
        { "nothing at all", NULL, NULL, "no RAPL zone", "" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_error err = { 0 };
        struct powercap test;

        powercap_init(&test);
        if (cases[i].cpuinfo)
            tree_write(&test.tree, "proc/cpuinfo", cases[i].cpuinfo);
        if (cases[i].file)
            tree_write(&test.tree, cases[i].file, "");
        CHECK_STATUS(cases[i].label, powercap_open(&test, &err), JB_EABSENT,
                     &err);
        assert_null(test.source);
        assert_non_null(strstr(err.text, cases[i].reason));
        assert_non_null(strstr(err.fix, cases[i].fix));
        if (cases[i].fix[0] == '\0')
            CHECK_TEXT(cases[i].label, err.fix, "");
        powercap_release(&test);
    }
}

/* Container runtimes mount an empty directory over /sys/devices/virtual/
 * powercap: the links of the class lead nowhere. */
static void powercap_sees_a_masked_container(void **state)
{
    struct jb_error err = { 0 };
    struct powercap test;
    char path[TREE_PATH_MAX];

    (void)state;
    powercap_init(&test);
    tree_write(&test.tree, "sys/class/powercap/x", "");
    tree_path(&test.tree, "sys/class/powercap/intel-rapl:0", path);
    assert_int_equal(
        symlink("../../devices/virtual/powercap/intel-rapl/0", path), 0);
    tree_path(&test.tree, "sys/class/powercap/intel-rapl", path);
    assert_int_equal(symlink("../../devices/virtual/powercap/intel-rapl", path),
                     0);
    CHECK_STATUS("masked", powercap_open(&test, &err), JB_EDENIED, &err);
    assert_non_null(strstr(err.text, "mask"));
    assert_non_null(strstr(err.fix, "/sys/devices/virtual/powercap"));
    powercap_release(&test);
}

/* The real layout: the class is links into devices/virtual. */
static void powercap_follows_the_class_links(void **state)
{
    static const char *const zones[] = { "intel-rapl:0",
                                         "intel-rapl:0/intel-rapl:0:0" };
    char text[POWERCAP_TEXT_MAX];
    struct powercap test;

    (void)state;
    powercap_init(&test);
    tree_write(&test.tree, "sys/class/powercap/x", "");
    for (size_t i = 0; i < CHECK_COUNT(zones); i++) {
        static const char *const files[][2] = {
            { "name", NULL },
            { "energy_uj", "0\n" },
            { "max_energy_range_uj", POWERCAP_RANGE },
        };
        const char *base = strrchr(zones[i], '/');
        char target[TREE_PATH_MAX];
        char path[TREE_PATH_MAX];

        for (size_t f = 0; f < CHECK_COUNT(files); f++) {
            snprintf(path, sizeof(path),
                     "sys/devices/virtual/powercap/intel-rapl/%s/%s", zones[i],
                     files[f][0]);
            tree_write(&test.tree, path,
                       files[f][1] ? files[f][1]
                       : i         ? "core\n"
                                   : "package-0\n");
        }
        snprintf(target, sizeof(target),
                 "../../devices/virtual/powercap/intel-rapl/%s", zones[i]);
        snprintf(text, sizeof(text), "sys/class/powercap/%s",
                 base ? base + 1 : zones[i]);
        tree_path(&test.tree, text, path);
        assert_int_equal(symlink(target, path), 0);
    }
    powercap_must_open("links", &test);
    CHECK_TEXT("links", powercap_listing(&test, text),
               "intel-rapl:0 package-0 ok\nintel-rapl:0:0 core-0 ok\n");
    powercap_release(&test);
}

/* In the child: opens as nobody and says what it saw by its exit status. */
static int powercap_as_nobody(struct powercap *test)
{
    struct jb_error err = { 0 };
    const struct jb_sensor *sensor;

    if (setresuid(POWERCAP_NOBODY, POWERCAP_NOBODY, POWERCAP_NOBODY) != 0)
        return 10;
    if (powercap_open(test, &err) != JB_OK)
        return 11;
    sensor = powercap_sensor(test, "intel-rapl:0");
    if (sensor->state != JB_EDENIED)
        return 12;
    if (!strstr(sensor->fix, "chmod a+r") || !strstr(sensor->fix, "root"))
        return 13;
    jb_source_powercap.close(test->source);
    test->env.live = true; /* where a broker can help */
    if (powercap_open(test, &err) != JB_OK)
        return 17;
    sensor = powercap_sensor(test, "intel-rapl:0");
    if (!strstr(sensor->fix, "chmod a+r") ||
        !strstr(sensor->fix, "sudo joulebook broker"))
        return 18;
    if (sensor->domain.kind != JB_DOMAIN_PACKAGE)
        return 14;
    if (powercap_sensor(test, "intel-rapl:1")->state != JB_OK)
        return 15;
    if (powercap_sensor(test, "intel-rapl:2")->state != JB_EDENIED ||
        powercap_sensor(test, "intel-rapl:3")->domain.index != 1)
        return 16;
    return 0;
}

/* energy_uj has mode 0400 since CVE-2020-8694. */
static void powercap_names_the_fix_for_nobody(void **state)
{
    static const char *const closed[] = { "intel-rapl:0", "intel-rapl:2",
                                          "intel-rapl:3" };
    struct powercap test;
    int status;
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip();
    powercap_init(&test);
    powercap_add(&test, "intel-rapl:0", "package-0\n", POWERCAP_RANGE, "1\n");
    powercap_add(&test, "intel-rapl:1", "package-1\n", POWERCAP_RANGE, "1\n");
    powercap_add(&test, "intel-rapl:2", "psys\n", POWERCAP_RANGE, "1\n");
    powercap_add(&test, "intel-rapl:3", "psys\n", POWERCAP_RANGE, "1\n");
    for (size_t i = 0; i < CHECK_COUNT(closed); i++) {
        char name[TREE_PATH_MAX];
        char path[TREE_PATH_MAX];

        snprintf(name, sizeof(name), "sys/class/powercap/%s/energy_uj",
                 closed[i]);
        tree_path(&test.tree, name, path);
        assert_int_equal(chmod(path, 0400), 0);
    }
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(powercap_as_nobody(&test));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    powercap_release(&test);
}

static struct jb_sample powercap_sample_one(struct powercap *test,
                                            uint32_t which)
{
    struct jb_sample sample;

    jb_source_powercap.sample(test->source, &which, 1, &sample);
    return sample;
}

static void powercap_samples_in_the_order_asked(void **state)
{
    const uint32_t which[] = { 2, 0, 2, 1 };
    struct jb_sample samples[CHECK_COUNT(which)];
    struct powercap test;

    (void)state;
    powercap_init(&test);
    powercap_add(&test, "intel-rapl:0", "package-0\n", POWERCAP_RANGE, "100\n");
    powercap_add(&test, "intel-rapl:1", "package-1\n", POWERCAP_RANGE, "101\n");
    powercap_add(&test, "intel-rapl:2", "package-2\n", POWERCAP_RANGE, "102\n");
    powercap_must_open("open", &test);
    powercap_write(&test, "intel-rapl:2", "energy_uj", "4294967296777\n");
    jb_source_powercap.sample(test.source, which, CHECK_COUNT(which), samples);
    for (size_t i = 0; i < CHECK_COUNT(which); i++) {
        CHECK_U64("sensor", samples[i].sensor, which[i]);
        CHECK_U64("raw", samples[i].raw,
                  which[i] == 2 ? UINT64_C(4294967296777) : 100 + which[i]);
        CHECK_U64("state", (uint64_t)samples[i].state, JB_OK);
        CHECK_U64("before", samples[i].t0_ns, test.now_ns);
        CHECK_U64("after", samples[i].t1_ns, test.now_ns);
    }
    powercap_write(&test, "intel-rapl:0", "energy_uj", "N/A\n");
    CHECK_U64("text", (uint64_t)powercap_sample_one(&test, 0).state,
              (uint64_t)JB_EFORMAT);
    powercap_write(&test, "intel-rapl:0", "energy_uj", "");
    CHECK_U64("empty", (uint64_t)powercap_sample_one(&test, 0).state,
              (uint64_t)JB_EFORMAT);
    powercap_write(&test, "intel-rapl:0", "energy_uj", "7\n");
    CHECK_U64("again", powercap_sample_one(&test, 0).raw, 7);
    powercap_release(&test);
}

/* A package that is taken out, and put in again with a new counter. */
static void powercap_follows_hot_plug(void **state)
{
    struct jb_sample sample;
    struct powercap test;

    (void)state;
    powercap_init(&test);
    powercap_add(&test, "intel-rapl:0", "package-0\n", POWERCAP_RANGE, "100\n");
    powercap_add(&test, "intel-rapl:1", "package-1\n", POWERCAP_RANGE, "101\n");
    powercap_must_open("open", &test);
    CHECK_U64("plugged", powercap_sample_one(&test, 1).generation, 0);

    tree_drop(&test.tree, "sys/class/powercap/intel-rapl:1");
    sample = powercap_sample_one(&test, 1);
    CHECK_U64("gone", (uint64_t)sample.state, (uint64_t)JB_EABSENT);
    CHECK_U64("the other", powercap_sample_one(&test, 0).raw, 100);

    powercap_add(&test, "intel-rapl:1", "package-1\n", POWERCAP_RANGE, "5\n");
    sample = powercap_sample_one(&test, 1);
    CHECK_U64("not looked for at once", (uint64_t)sample.state,
              (uint64_t)JB_EABSENT);
    test.now_ns += POWERCAP_S;
    sample = powercap_sample_one(&test, 1);
    CHECK_U64("back", (uint64_t)sample.state, JB_OK);
    CHECK_U64("new counter", sample.raw, 5);
    CHECK_U64("new generation", sample.generation, 1);
    CHECK_U64("stays", powercap_sample_one(&test, 1).generation, 1);

    tree_drop(&test.tree, "sys/class/powercap/intel-rapl:1");
    test.now_ns += 3 * POWERCAP_S;
    powercap_add(&test, "intel-rapl:1", "package-1\n", POWERCAP_RANGE, "6\n");
    CHECK_U64("again", powercap_sample_one(&test, 1).generation, 2);
    powercap_release(&test);
}

/* The highest power: what is declared, doubled; else the kind's ceiling. */
static void powercap_bounds_power(void **state)
{
    static const struct {
        const char *label, *name;
        const char *max[2], *limit[2]; /* of constraint 0 and 1 */
        uint64_t want_uw;
        enum jb_bound_origin from;
    } cases[] = {
        { "nothing declared",
          "package-0",
          { 0 },
          { 0 },
          1000 * POWERCAP_W,
          JB_BOUND_GUESSED },
        { "TDP",
          "package-0",
          { "95000000" },
          { 0 },
          190 * POWERCAP_W,
          JB_BOUND_DECLARED },
        { "the limit above TDP",
          "package-0",
          { "125000000", "0" },
          { "125000000", "253000000" },
          506 * POWERCAP_W,
          JB_BOUND_DECLARED },
        { "firmware's 4 kW",
          "package-0",
          { "95000000", "0" },
          { "4090000000", "4090000000" },
          1000 * POWERCAP_W,
          JB_BOUND_GUESSED },
        { "text",
          "package-0",
          { "abcdef", "" },
          { 0 },
          1000 * POWERCAP_W,
          JB_BOUND_GUESSED },
        { "DIMMs of kilowatts",
          "dram",
          { 0 },
          { "3408250000" },
          400 * POWERCAP_W,
          JB_BOUND_GUESSED },
        /* a cap that someone tried out, perhaps not even enabled */
        { "a limit alone is no bound",
          "package-0",
          { "0", "0" },
          { "15000000", "15000000" },
          1000 * POWERCAP_W,
          JB_BOUND_GUESSED },
        { "a limit below TDP",
          "package-0",
          { "95000000" },
          { "15000000" },
          190 * POWERCAP_W,
          JB_BOUND_DECLARED },
        { "psys with a limit",
          "psys",
          { 0 },
          { "280000000", "280000000" },
          6000 * POWERCAP_W,
          JB_BOUND_GUESSED },
        { "psys", "psys", { 0 }, { 0 }, 6000 * POWERCAP_W, JB_BOUND_GUESSED },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        bool part = strcmp(cases[i].name, "dram") == 0;
        const char *zone = part ? "intel-rapl:0:0" : "intel-rapl:0";
        const struct jb_sensor *sensor;
        struct powercap test;

        powercap_init(&test);
        if (part)
            powercap_add(&test, "intel-rapl:0", "package-0", POWERCAP_RANGE,
                         "0");
        powercap_add(&test, zone, cases[i].name, POWERCAP_RANGE, "0");
        for (unsigned k = 0; k < 2; k++) {
            char file[64];

            snprintf(file, sizeof(file), "constraint_%u_max_power_uw", k);
            if (cases[i].max[k])
                powercap_write(&test, zone, file, cases[i].max[k]);
            snprintf(file, sizeof(file), "constraint_%u_power_limit_uw", k);
            if (cases[i].limit[k])
                powercap_write(&test, zone, file, cases[i].limit[k]);
        }
        powercap_must_open(cases[i].label, &test);
        sensor = powercap_sensor(&test, zone);
        CHECK_U64(cases[i].label, sensor->pmax_uw, cases[i].want_uw);
        CHECK_U64(cases[i].label, sensor->pmax_from, cases[i].from);
        powercap_release(&test);
    }
}

/* A part draws no more than its package. */
static void powercap_bounds_parts_by_their_package(void **state)
{
    struct powercap test;

    (void)state;
    powercap_init(&test);
    powercap_add(&test, "intel-rapl:0", "package-0", POWERCAP_RANGE, "0");
    powercap_write(&test, "intel-rapl:0", "constraint_0_max_power_uw",
                   "95000000");
    powercap_add(&test, "intel-rapl:0:0", "core", POWERCAP_RANGE, "0");
    powercap_must_open("open", &test);
    CHECK_U64("core", powercap_sensor(&test, "intel-rapl:0:0")->pmax_uw,
              190 * POWERCAP_W);
    assert_true(powercap_sensor(&test, "intel-rapl:0:0")->flags &
                JB_SENSOR_MAY_REST);
    assert_false(powercap_sensor(&test, "intel-rapl:0")->flags &
                 JB_SENSOR_MAY_REST);
    powercap_release(&test);
}

/* A ceiling is an error with a number in it, never a part of the truth. */
static void powercap_refuses_more_zones_than_it_can_hold(void **state)
{
    enum { MOST = 1024 };
    struct jb_error err = { 0 };
    struct powercap test;
    size_t count;
    char zone[32];

    (void)state;
    powercap_init(&test);
    for (unsigned i = 0; i < MOST; i++) {
        snprintf(zone, sizeof(zone), "intel-rapl:%x", i);
        powercap_write(&test, zone, "name", "package-0\n");
    }
    powercap_must_open("as many as fit", &test);
    jb_source_powercap.sensors(test.source, &count);
    CHECK_U64("zones", count, MOST);
    jb_source_powercap.close(test.source);
    test.source = NULL;
    snprintf(zone, sizeof(zone), "intel-rapl:%x", MOST);
    powercap_write(&test, zone, "name", "package-0\n");
    CHECK_STATUS("one more", powercap_open(&test, &err), JB_ELIMIT, &err);
    assert_non_null(strstr(err.text, "1024"));
    powercap_release(&test);

    /* ... also of zones that are found inside others only */
    powercap_init(&test);
    for (unsigned i = 0; i <= MOST; i++) {
        snprintf(zone, sizeof(zone), "intel-rapl/intel-rapl:%x", i);
        powercap_write(&test, zone, "name", "package-0\n");
    }
    CHECK_STATUS("inside", powercap_open(&test, &err), JB_ELIMIT, &err);
    assert_non_null(strstr(err.text, "1024"));
    powercap_release(&test);
}

/* A name that no kernel gives costs itself, and not its neighbours. */
static void powercap_passes_over_overlong_names(void **state)
{
    char text[POWERCAP_TEXT_MAX];
    char zone[JB_NAME_MAX + 16];
    struct powercap test;

    (void)state;
    powercap_init(&test);
    snprintf(zone, sizeof(zone), "intel-rapl:%0*d", JB_NAME_MAX, 1);
    powercap_add(&test, zone, "package-1\n", POWERCAP_RANGE, "0\n");
    powercap_add(&test, "intel-rapl:0", "package-0\n", POWERCAP_RANGE, "0\n");
    powercap_must_open("overlong", &test);
    CHECK_TEXT("overlong", powercap_listing(&test, text),
               "intel-rapl:0 package-0 ok\n");
    powercap_release(&test);
}

/* ------------------------------------------------------------------------- */

/* Recorded trees: whatever they hold, they are read without a fault, and what
 * is said of them is consistent.  Who is who in them is checked by
 * tests/integration/fixtures_test.py. */
static void powercap_check_recorded(const char *sysfs)
{
    struct jb_roots roots = { sysfs, "/none", "/none", "/none" };
    uint64_t now_ns = POWERCAP_S;
    struct jb_clock clock = { powercap_now_ns, &now_ns };
    struct jb_env env = { &roots, &clock, false };
    struct jb_source *source = NULL;
    struct jb_error err = { 0 };
    const struct jb_sensor *sensors;
    size_t count;
    int rc = jb_source_powercap.open(&env, NULL, &source, &err);

    if (rc != JB_OK) {
        CHECK_STATUS(sysfs, rc, JB_EABSENT, &err);
        return;
    }
    sensors = jb_source_powercap.sensors(source, &count);
    assert_true(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        struct jb_sample sample;
        uint64_t restored;

        jb_source_powercap.sample(source, &i, 1, &sample);
        if (sensors[i].state != JB_OK)
            continue;
        assert_int_equal(sample.state, JB_OK);
        CHECK_STATUS(sensors[i].name,
                     jb_unit_count(&sensors[i].unit, sample.raw, &restored),
                     JB_OK, &err);
        assert_true(sensors[i].domain.kind != JB_DOMAIN_NONE);
        assert_true(sensors[i].pmax_uw > 0);
    }
    jb_source_powercap.close(source);
}

static void powercap_reads_recorded_trees(void **state)
{
    static const char *const trees[] = {
        "prometheus__procfs/fixtures/sys",
        "prometheus__node_exporter/sys",
        "sustainable-computing-io__kepler/internal/device/testdata/sys",
        "influxdata__telegraf/plugins/inputs/temp/testcases/general/sys",
    };
    const char *shared = getenv("JB_SHARED");

    (void)state;
    if (!shared)
        skip();
    for (size_t i = 0; i < CHECK_COUNT(trees); i++) {
        char path[JB_PATH_MAX];

        CHECK_STATUS("path",
                     jb_path(path, NULL,
                             "%s/fixtures/sysfs-powercap-hwmon-thermal/%s",
                             shared, trees[i]),
                     JB_OK, &(struct jb_error){ 0 });
        powercap_check_recorded(path);
    }
}

/* A zone whose unit or domain is not known has no readings either, although
 * its energy_uj may be readable. */
static void powercap_samples_nothing_that_it_could_not_describe(void **state)
{
    static const struct {
        const char *label;
        struct powercap_zone_text zone;
        int want;
    } cases[] = {
        { "one AMD core",
          { "intel-rapl:0:0", "core\n", "65532610987\n", "15258\n" },
          JB_EIMPLAUSIBLE },
        { "no range",
          { "intel-rapl:1", "package-1\n", NULL, "1\n" },
          JB_EABSENT },
        { "range of nothing",
          { "intel-rapl:1", "package-1\n", "0\n", "1\n" },
          JB_EIMPLAUSIBLE },
        { "unknown name",
          { "intel-rapl:1", "socket\n", POWERCAP_RANGE, "1\n" },
          JB_EFORMAT },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        const struct powercap_zone_text *zone = &cases[i].zone;
        struct jb_sample sample;
        struct powercap test;
        struct jb_error none = { 0 };

        powercap_init(&test);
        tree_write(&test.tree, "proc/cpuinfo", POWERCAP_AMD);
        powercap_add(&test, "intel-rapl:0", "package-0\n", POWERCAP_RANGE,
                     "0\n");
        powercap_add(&test, zone->zone, zone->name, zone->range, zone->energy);
        powercap_must_open(cases[i].label, &test);
        for (unsigned again = 0; again < 3; again++) {
            sample = powercap_sample_one(&test, 1);
            CHECK_STATUS(cases[i].label, sample.state, cases[i].want, &none);
            CHECK_U64(cases[i].label, sample.raw, 0);
            test.now_ns += 2 * POWERCAP_S;
        }
        powercap_release(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powercap_lists_the_trees),
        cmocka_unit_test(powercap_restores_units),
        cmocka_unit_test(powercap_ranks_restored_counts_higher),
        cmocka_unit_test(powercap_names_of_zones),
        cmocka_unit_test(powercap_says_why_there_is_nothing),
        cmocka_unit_test(powercap_sees_a_masked_container),
        cmocka_unit_test(powercap_follows_the_class_links),
        cmocka_unit_test(powercap_names_the_fix_for_nobody),
        cmocka_unit_test(powercap_samples_in_the_order_asked),
        cmocka_unit_test(powercap_follows_hot_plug),
        cmocka_unit_test(powercap_bounds_power),
        cmocka_unit_test(powercap_bounds_parts_by_their_package),
        cmocka_unit_test(powercap_refuses_more_zones_than_it_can_hold),
        cmocka_unit_test(powercap_passes_over_overlong_names),
        cmocka_unit_test(powercap_reads_recorded_trees),
        cmocka_unit_test(powercap_samples_nothing_that_it_could_not_describe),
    };

    return cmocka_run_group_tests_name("powercap", tests, NULL, NULL);
}
