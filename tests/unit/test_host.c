/* SPDX-License-Identifier: Apache-2.0 */
/* The host source: its parsers, a tree by hand, trees that change, the machine
 * itself, and recorded trees where they are at hand. */
#include "tree.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/clock.h"
#include "joulebook/plugin/source.h"
#include "sources/host/proc.h"

extern const struct jb_source_desc jb_source_host;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { HOST_MANY_CPUS = 1024 };

struct host_case {
    struct tree tree;
    char sysfs[128], procfs[128];
    struct jb_roots roots;
    struct jb_env env;
    struct jb_source *source;
};

static struct jb_proc_text host_text(const char *text)
{
    return (struct jb_proc_text){ text, text + strlen(text) };
}

static void test_cpu_lines(void **state)
{
    static const struct {
        const char *text;
        int want;
        uint32_t cpu;
        uint64_t busy;
    } rows[] = {
        { "cpu  1 1 1 1\ncpu7 1 2 4 8 16 32 64 128 256 512\n", 1, 7, 231 },
        { "cpu0 1 2 4 8\n", 1, 0, 7 }, /* Linux 2.4 */
        { "cpu0 1 2 4 8", 1, 0, 7 },
        { "cpu0 18446744073709551615 0 0 5 9 0 0 0\n", 1, 0, UINT64_MAX },
        { "cpu0 18446744073709551615 1 0 5\n", JB_EFORMAT, 0, 0 },
        { "cpu0 1 2 4\n", JB_EFORMAT, 0, 0 },
        { "cpu0 1 2 -4 8\n", JB_EFORMAT, 0, 0 },
        { "cpu65536 1 2 4 8\n", JB_EFORMAT, 0, 0 },
        { "cpux 1 2 4 8\n", JB_EFORMAT, 0, 0 },
        { "intr 5\ncpu0 1 2 4 8\n", 0, 0, 0 },
        { "cpu  1 1 1 1\n", 0, 0, 0 },
        { "\n", 0, 0, 0 },
        { "", 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jb_proc_text text = host_text(rows[i].text);
        struct jb_proc_cpu got = { 0 };
        int rc = jb_proc_next_cpu(&text, &got);

        if (rc != rows[i].want || got.cpu != rows[i].cpu ||
            got.busy_ticks != rows[i].busy)
            fail_msg("\"%s\": got %d cpu%u %" PRIu64, rows[i].text, rc, got.cpu,
                     got.busy_ticks);
    }
}

static void test_disk_lines(void **state)
{
    static const struct {
        const char *text;
        int want;
        uint64_t read, written;
    } rows[] = {
        { "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n", 1, 3, 7 },
        { "8 0 sda 1 2 3 4 5 6 7", 1, 3, 7 },
        { "8 0 sda 1 2 3 4 5 6\n", JB_EFORMAT, 0, 0 },
        { "8 0 sda 1 2 3 4 5 6 x\n", JB_EFORMAT, 0, 0 },
        { "sda 1 2 3 4 5 6 7 8 9\n", JB_EFORMAT, 0, 0 },
        { "\n", JB_EFORMAT, 0, 0 },
        { "", 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jb_proc_text text = host_text(rows[i].text);
        struct jb_proc_disk got = { .read_sectors = 0 };
        int rc = jb_proc_next_disk(&text, &got);

        if (rc != rows[i].want || got.read_sectors != rows[i].read ||
            got.written_sectors != rows[i].written)
            fail_msg("\"%s\": got %d", rows[i].text, rc);
        if (rc == 1)
            assert_true(jb_proc_word_is(&got.name, "sda"));
    }
}

static void test_net_lines(void **state)
{
    static const struct {
        const char *text;
        int want;
        uint64_t received, sent;
    } rows[] = {
        { "Inter-| Receive\n face |bytes\n  eth0: 1 2 3 4 5 6 7 8 9 10\n", 1, 1,
          9 },
        { "eth0:18446744073709551615 2 3 4 5 6 7 8 9\n", 1, UINT64_MAX, 9 },
        { "eth0:18446744073709551616 2 3 4 5 6 7 8 9\n", JB_EFORMAT, 0, 0 },
        { "eth0: 1 2 3 4 5 6 7 8\n", JB_EFORMAT, 0, 0 },
        { ": 1 2 3 4 5 6 7 8 9\n", JB_EFORMAT, 0, 0 },
        { "Inter-| Receive\n", 0, 0, 0 },
        { "", 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jb_proc_text text = host_text(rows[i].text);
        struct jb_proc_net got = { .sent_bytes = 0 };
        int rc = jb_proc_next_net(&text, &got);

        if (rc != rows[i].want || got.received_bytes != rows[i].received ||
            got.sent_bytes != rows[i].sent)
            fail_msg("\"%s\": got %d", rows[i].text, rc);
        if (rc == 1)
            assert_true(jb_proc_word_is(&got.name, "eth0"));
    }
}

static void test_memory_text(void **state)
{
    static const struct {
        const char *text;
        uint64_t total, available;
        int want;
        bool has_available;
    } rows[] = {
        { "MemTotal: 10 kB\nMemAvailable: 4 kB\n", 10, 4, JB_OK, true },
        { "X: 1\nMemTotal:\t10 kB\n", 10, 0, JB_OK, false },
        { "MemTotal: 10 kB\nMemAvailable: 11 kB\n", 0, 0, JB_EIMPLAUSIBLE,
          false },
        { "MemTotal: 10 kB\nMemAvailable: -4 kB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: 10 MB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: 10\n", 0, 0, JB_EFORMAT, false },
        { "MemAvailable: 4 kB\n", 0, 0, JB_EFORMAT, false },
        { "", 0, 0, JB_EFORMAT, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jb_proc_memory got = { 0 };
        int rc = jb_proc_memory(host_text(rows[i].text), &got);

        if (rc != rows[i].want || got.total_kib != rows[i].total ||
            got.available_kib != rows[i].available ||
            got.has_available != rows[i].has_available)
            fail_msg("\"%s\": got %d", rows[i].text, rc);
    }
}

static void test_load_text(void **state)
{
    static const char *const bad[] = { "",
                                       "1 2 3",
                                       "1.0 2.00 3.00",
                                       "1.00 2.00",
                                       "-1.00 2.00 3.00",
                                       "1,00 2,00 3,00",
                                       "184467440737095517.00 1.00 1.00" };
    uint64_t got[3] = { 0 };

    (void)state;
    assert_int_equal(jb_proc_load(host_text("0.02 12.34 5.00 1/497 9\n"), got),
                     JB_OK);
    assert_int_equal(got[0], 2);
    assert_int_equal(got[1], 1234);
    assert_int_equal(got[2], 500);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (jb_proc_load(host_text(bad[i]), got) != JB_EFORMAT)
            fail_msg("\"%s\" was taken", bad[i]);
    assert_int_equal(got[0], 2);
}

static void test_mount_text(void **state)
{
    static const struct {
        const char *text;
        const char *want; /* NULL: refused */
    } rows[] = {
        { "/home", "/home" }, { "/a\\040b\\134c", "/a b\\c" },
        { "/a\\04", NULL },   { "/a\\", NULL },
        { "/a\\000", NULL },  { "/a\\777", NULL },
        { "/a\\09x", NULL },  { "/0123456789abcdef", NULL }, /* one too long */
    };
    struct jb_proc_text text = host_text("/dev/sda1 /mnt ext4 rw 0 0\nx\n");
    struct jb_proc_mount mount;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct jb_proc_word word = { rows[i].text, strlen(rows[i].text) };
        char out[17];
        bool ok = jb_proc_unescape(&word, out, sizeof(out));

        if (ok != (rows[i].want != NULL) ||
            strcmp(out, rows[i].want ? rows[i].want : "") != 0)
            fail_msg("\"%s\": got \"%s\"", rows[i].text, out);
    }
    assert_int_equal(jb_proc_next_mount(&text, &mount), 1);
    assert_true(jb_proc_word_is(&mount.path, "/mnt"));
    assert_int_equal(jb_proc_next_mount(&text, &mount), JB_EFORMAT);
    assert_int_equal(jb_proc_next_mount(&text, &mount), 0);
}

static void test_partition_names(void **state)
{
    static const struct {
        const char *name;
        bool want;
    } rows[] = {
        { "sda", false },        { "sda1", true },         { "sdaa12", true },
        { "vda", false },        { "vda3", true },         { "xvdb1", true },
        { "nvme0n1", false },    { "nvme0n1p2", true },    { "mmcblk0", false },
        { "mmcblk0p1", true },   { "md127", false },       { "dm-0", false },
        { "cciss/c0d0", false }, { "cciss/c0d0p1", true }, { "sr0", false },
        { "nbd0p1", true },      { "p1", false },          { "1", false },
        { "", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct jb_proc_word word = { rows[i].name, strlen(rows[i].name) };

        if (jb_proc_is_partition(&word) != rows[i].want)
            fail_msg("%s: want %d", rows[i].name, rows[i].want);
    }
}

static int host_setup(void **state)
{
    static struct host_case test;

    test = (struct host_case){ .source = NULL };
    tree_init(&test.tree);
    snprintf(test.sysfs, sizeof(test.sysfs), "%s/sys", test.tree.root);
    snprintf(test.procfs, sizeof(test.procfs), "%s/proc", test.tree.root);
    test.roots =
        (struct jb_roots){ .sysfs = test.sysfs, .procfs = test.procfs };
    test.env =
        (struct jb_env){ .roots = &test.roots, .clock = &jb_clock_boottime };
    *state = &test;
    return 0;
}

static int host_teardown(void **state)
{
    struct host_case *test = *state;

    jb_source_host.close(test->source);
    tree_release(&test->tree);
    return 0;
}

static void host_must_open(struct host_case *test)
{
    struct jb_error err;

    if (jb_source_host.open(&test->env, NULL, &test->source, &err) < 0)
        fail_msg("got %s: %s", jb_status_name(err.status), err.text);
}

static void host_must_rescan(struct host_case *test)
{
    struct jb_error err;

    if (jb_source_host.rescan(test->source, &err) < 0)
        fail_msg("got %s: %s", jb_status_name(err.status), err.text);
}

static const struct jb_sensor *host_find(const struct host_case *test,
                                         const char *name)
{
    size_t count;
    const struct jb_sensor *sensors =
        jb_source_host.sensors(test->source, &count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(sensors[i].name, name) == 0)
            return &sensors[i];
    return NULL;
}

static struct jb_sample host_take(struct host_case *test, const char *name)
{
    const struct jb_sensor *sensor = host_find(test, name);
    size_t count;
    struct jb_sample sample = { 0 };
    uint32_t which;

    if (!sensor) {
        fail_msg("no sensor called %s", name);
        return sample;
    }
    which = (uint32_t)(sensor - jb_source_host.sensors(test->source, &count));
    jb_source_host.sample(test->source, &which, 1, &sample);
    assert_int_equal(sample.sensor, which);
    assert_int_equal(sample.generation, sensor->generation);
    assert_true(sample.t0_ns <= sample.t1_ns);
    return sample;
}

static void host_expect(struct host_case *test, const char *name, uint64_t raw)
{
    struct jb_sample sample = host_take(test, name);

    if (sample.state != JB_OK || sample.raw != raw)
        fail_msg("%s: got %s %" PRIu64 ", want %" PRIu64, name,
                 jb_status_name(sample.state), sample.raw, raw);
}

static void host_expect_state(struct host_case *test, const char *name,
                              int want)
{
    struct jb_sample sample = host_take(test, name);

    if (sample.state != want)
        fail_msg("%s: got %s, want %s", name, jb_status_name(sample.state),
                 jb_status_name(want));
    assert_int_equal(sample.raw, 0);
}

static void host_use_server(struct host_case *test)
{
    test->roots.sysfs = JB_TEST_FIXTURES "/host/server/sys";
    test->roots.procfs = JB_TEST_FIXTURES "/host/server/proc";
}

static void test_server(void **state)
{
    static const struct {
        const char *name;
        uint64_t raw;
    } rows[] = {
        { "cpu-0/busy", 433 },
        { "cpu-1/busy", 297 },
        { "cpu-2/busy", 555 },
        { "cpu-3/busy", 417 },
        { "package-0/busy", 730 },
        { "package-1/busy", 972 },
        { "cpu/user", 1200 },
        { "cpu/system", 400 },
        { "cpu/idle", 90000 },
        { "cpu/iowait", 700 },
        { "memory/total", 263856412 },
        { "memory/available", 200000000 },
        { "memory/used", 63856412 },
        { "memory/free", 12000000 },
        { "memory/cached", 45500000 },
        { "load/1m", 325 },
        { "load/5m", 1007 },
        { "load/15m", 50 },
        { "disk-sda/read", 20480 },
        { "disk-sda/written", 40960 },
        { "disk-nvme0n1/read", 80000 },
        { "disk-nvme0n1/written", 90000 },
        { "disk-dm-0/read", 19000 },
        { "disk-dm-0/written", 39000 },
        { "disk-cciss/c0d0/read", 8 },
        { "disk-cciss/c0d0/written", 16 },
        { "net-eth0/received", 123456789 },
        { "net-eth0/sent", 987654321 },
        { "net-ib0/received", UINT64_MAX },
        { "net-ib0/sent", 7 },
        { "net-bond0/received", 111 },
        { "net-bond0/sent", 222 },
    };
    struct host_case *test = *state;
    size_t count;

    host_use_server(test);
    host_must_open(test);
    for (size_t i = 0; i < COUNT(rows); i++) {
        host_expect(test, rows[i].name, rows[i].raw);
        assert_int_equal(host_find(test, rows[i].name)->state, JB_OK);
    }
    jb_source_host.sensors(test->source, &count);
    assert_int_equal(count, COUNT(rows));
    assert_int_equal(host_find(test, "package-1/busy")->domain.index, 1);
    assert_int_equal(host_find(test, "package-1/busy")->domain.kind,
                     JB_DOMAIN_PACKAGE);
    assert_int_equal(host_find(test, "cpu-3/busy")->domain.index, 1);
    assert_int_equal(host_find(test, "cpu-3/busy")->domain.kind,
                     JB_DOMAIN_NONE);
    assert_true(host_find(test, "net-bond0/sent")->flags & JB_SENSOR_MIRROR);
    assert_false(host_find(test, "net-eth0/sent")->flags & JB_SENSOR_MIRROR);
    assert_true(host_find(test, "disk-dm-0/read")->flags & JB_SENSOR_MIRROR);
    host_must_rescan(test);
    jb_source_host.sensors(test->source, &count);
    assert_int_equal(count, COUNT(rows));
    host_expect(test, "package-1/busy", 972);
    assert_int_equal(host_find(test, "package-1/busy")->generation, 0);
}

static void test_units(void **state)
{
    static const struct {
        const char *name;
        enum jb_quantity quantity;
        enum jb_kind kind;
        uint64_t num, den;
    } rows[] = {
        { "cpu-0/busy", JB_QUANTITY_TIME, JB_KIND_COUNTER, 1000000, 100 },
        { "memory/used", JB_QUANTITY_DATA, JB_KIND_SAMPLED, 1024000000, 1 },
        { "load/5m", JB_QUANTITY_COUNT, JB_KIND_SAMPLED, 10000, 1 },
        { "disk-sda/read", JB_QUANTITY_DATA, JB_KIND_COUNTER, 512000000, 1 },
        { "net-eth0/sent", JB_QUANTITY_DATA, JB_KIND_COUNTER, 1000000, 1 },
    };
    struct host_case *test = *state;

    host_use_server(test);
    host_must_open(test);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct jb_sensor *sensor = host_find(test, rows[i].name);

        assert_int_equal(sensor->unit.quantity, rows[i].quantity);
        assert_int_equal(sensor->kind, rows[i].kind);
        assert_int_equal(sensor->unit.num, rows[i].num);
        assert_int_equal(sensor->unit.den, rows[i].den);
        assert_int_equal(sensor->unit.modulus, 0);
    }
}

static uint64_t host_tick(void *context)
{
    return ++*(uint64_t *)context;
}

/* One read per file, however many of its sensors are asked for and in
 * whatever order: the clock is looked at twice for each. */
static void test_reads_once(void **state)
{
    struct host_case *test = *state;
    uint64_t ticks = 0;
    const struct jb_clock clock = { host_tick, &ticks };
    struct jb_sample samples[64];
    uint32_t which[64];
    size_t count;

    host_use_server(test);
    test->env.clock = &clock;
    host_must_open(test);
    jb_source_host.sensors(test->source, &count);
    assert_in_range(count, 20, 64);
    for (size_t i = 0; i < count; i++)
        which[i] = (uint32_t)(i * 7 % count);
    ticks = 0;
    jb_source_host.sample(test->source, which, count, samples);
    assert_int_equal(ticks, 10);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(samples[i].state, JB_OK);
        assert_int_equal(samples[i].sensor, which[i]);
    }
}

static void host_write_small(const struct host_case *test)
{
    tree_write(&test->tree, "proc/stat",
               "cpu  1 1 1 1\ncpu0 10 0 0 5\ncpu1 20 0 0 5\nintr 9\n");
    tree_write(&test->tree, "proc/meminfo",
               "MemTotal: 10 kB\nMemAvailable: 4 kB\n");
    tree_write(&test->tree, "proc/loadavg", "1.00 2.00 3.00 1/2 3\n");
    tree_write(&test->tree, "proc/diskstats", "8 0 sda 1 2 3 4 5 6 7 8\n");
    tree_write(&test->tree, "proc/net/dev", "eth0: 1 2 3 4 5 6 7 8 9\n");
}

/* Counters of a CPU that is offline are kept by the kernel, and so is its
 * part of the package; a CPU that joins begins a generation. */
static void test_cpu_hotplug(void **state)
{
    struct host_case *test = *state;

    host_write_small(test);
    host_must_open(test);
    host_expect(test, "package-0/busy", 30);
    tree_write(&test->tree, "proc/stat", "cpu  1 1 1 1\ncpu0 11 0 0 5\n");
    host_expect(test, "cpu-0/busy", 11);
    host_expect_state(test, "cpu-1/busy", JB_EABSENT);
    host_expect(test, "package-0/busy", 31);
    host_must_rescan(test);
    assert_int_equal(host_find(test, "cpu-1/busy")->state, JB_EABSENT);
    assert_non_null(strstr(host_find(test, "cpu-1/busy")->reason, "stat"));

    tree_write(&test->tree, "proc/stat",
               "cpu0 12 0 0 5\ncpu1 21 0 0 5\ncpu5 500 0 0 5\n");
    host_expect(test, "package-0/busy", 33);
    host_must_rescan(test);
    assert_int_equal(host_find(test, "cpu-1/busy")->generation, 1);
    assert_int_equal(host_find(test, "cpu-0/busy")->generation, 0);
    assert_int_equal(host_find(test, "package-0/busy")->generation, 1);
    host_expect(test, "package-0/busy", 533);
    host_expect(test, "cpu-5/busy", 500);
}

static void test_interface_comes_and_goes(void **state)
{
    struct host_case *test = *state;

    host_write_small(test);
    host_must_open(test);
    tree_write(&test->tree, "proc/net/dev", "eth1: 8 2 3 4 5 6 7 8 8\n");
    host_expect_state(test, "net-eth0/received", JB_EABSENT);
    host_must_rescan(test);
    assert_int_equal(host_find(test, "net-eth0/sent")->state, JB_EABSENT);
    host_expect(test, "net-eth1/sent", 8);
    tree_write(&test->tree, "proc/net/dev",
               "eth1: 9 2 3 4 5 6 7 8 9\neth0: 2 2 3 4 5 6 7 8 4\n");
    host_must_rescan(test);
    host_expect(test, "net-eth0/received", 2);
    assert_int_equal(host_find(test, "net-eth0/sent")->generation, 1);
    assert_int_equal(host_find(test, "net-eth1/sent")->generation, 0);
    assert_string_equal(host_find(test, "net-eth0/sent")->reason, "");
}

static void test_malformed_files(void **state)
{
    struct host_case *test = *state;

    host_write_small(test);
    host_must_open(test);
    tree_write(&test->tree, "proc/stat", "cpu0 11 0 0 5\ncpu1 20 ? 0 5\n");
    tree_write(&test->tree, "proc/meminfo", "MemTotal: ten kB\n");
    tree_write(&test->tree, "proc/loadavg", "");
    tree_write(&test->tree, "proc/diskstats", "\xff\xfe\n");
    tree_write(&test->tree, "proc/net/dev", "eth0: 1 2\n");
    host_expect(test, "cpu-0/busy", 11);
    host_expect_state(test, "cpu-1/busy", JB_EFORMAT);
    host_expect_state(test, "package-0/busy", JB_EFORMAT);
    host_expect_state(test, "memory/used", JB_EFORMAT);
    host_expect_state(test, "memory/free", JB_EFORMAT);
    host_expect_state(test, "cpu/user", JB_EABSENT);
    host_expect_state(test, "load/15m", JB_EFORMAT);
    host_expect_state(test, "disk-sda/read", JB_EFORMAT);
    host_expect_state(test, "net-eth0/sent", JB_EFORMAT);
    host_must_rescan(test);
    assert_int_equal(host_find(test, "memory/used")->state, JB_EFORMAT);
    assert_non_null(strstr(host_find(test, "memory/used")->reason, "meminfo"));
    host_write_small(test);
    host_must_rescan(test);
    host_expect(test, "memory/used", 6);
    assert_int_equal(host_find(test, "memory/used")->generation, 1);
    host_expect(test, "disk-sda/written", 7);
}

/* Malformed or missing from the beginning: who would be read says why. */
static void test_missing_files(void **state)
{
    struct host_case *test = *state;

    tree_write(&test->tree, "proc/meminfo", "MemTotal: 10 kB\n");
    tree_write(&test->tree, "proc/stat", "intr 1\n");
    host_must_open(test);
    host_expect(test, "memory/total", 10);
    host_expect_state(test, "memory/available", JB_EABSENT);
    host_expect_state(test, "memory/used", JB_EABSENT);
    host_expect_state(test, "memory/free", JB_EABSENT);
    host_expect_state(test, "memory/cached", JB_EABSENT);
    host_expect_state(test, "load/1m", JB_EABSENT);
    host_expect_state(test, "cpu", JB_EFORMAT);
    host_expect_state(test, "disk", JB_EABSENT);
    host_expect_state(test, "net", JB_EABSENT);
    assert_non_null(strstr(host_find(test, "disk")->reason, "diskstats"));
    host_write_small(test);
    host_must_rescan(test);
    host_expect(test, "load/1m", 100);
    assert_int_equal(host_find(test, "load/1m")->generation, 0);
    host_expect(test, "disk-sda/read", 3);
    host_expect(test, "cpu-1/busy", 20);
    host_expect_state(test, "disk", JB_EABSENT);
}

static void test_no_procfs(void **state)
{
    struct host_case *test = *state;
    struct jb_error err = { .text = "" };

    assert_int_equal(jb_source_host.open(&test->env, NULL, &test->source, &err),
                     JB_EABSENT);
    assert_null(test->source);
    assert_non_null(strstr(err.fix, "mount -t proc"));
    jb_source_host.close(NULL);
}

static void host_write_many(const struct host_case *test, unsigned scale)
{
    enum { LINE_BYTES = 200 };
    size_t room = (HOST_MANY_CPUS + 1) * (size_t)LINE_BYTES;
    char *text = malloc(room);
    size_t used = 0;

    assert_non_null(text);
    for (unsigned cpu = 0; cpu < HOST_MANY_CPUS; cpu++)
        used += (size_t)snprintf(text + used, room - used,
                                 "cpu%u %u 0 0 9223372036854775807 "
                                 "9223372036854775807 0 0 0 0 0\n",
                                 cpu, scale);
    tree_write(&test->tree, "proc/stat", text);
    free(text);
}

static void test_many_cpus(void **state)
{
    struct host_case *test = *state;
    size_t count;

    host_write_many(test, 1);
    host_must_open(test);
    jb_source_host.sensors(test->source, &count);
    assert_true(count > HOST_MANY_CPUS);
    host_expect(test, "package-0/busy", HOST_MANY_CPUS);
    /* More digits than when the buffer was made. */
    host_write_many(test, 1000000000);
    host_expect(test, "package-0/busy", HOST_MANY_CPUS * UINT64_C(1000000000));
    host_expect(test, "cpu-1023/busy", 1000000000);
}

static void test_own_machine(void **state)
{
    struct host_case *test = *state;
    const struct jb_sensor *sensors;
    size_t count;

    if (access("/proc/stat", R_OK) != 0) {
        print_message("skipped: no procfs\n");
        skip();
    }
    test->roots = (struct jb_roots){ .sysfs = "/sys", .procfs = "/proc" };
    test->env.live = true;
    host_must_open(test);
    assert_int_equal(host_take(test, "package-0/busy").state, JB_OK);
    assert_true(host_take(test, "memory/total").raw > 0);
    sensors = jb_source_host.sensors(test->source, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct jb_sample sample;

        jb_source_host.sample(test->source, &i, 1, &sample);
        if (sensors[i].state == JB_OK)
            assert_int_equal(sample.state, JB_OK);
        assert_true(strncmp(sensors[i].name, "fs-", 3) != 0 ||
                    ((sensors[i].flags & JB_SENSOR_MAY_BLOCK) &&
                     sensors[i].endpoint > 0));
        for (uint32_t k = 0; k < i; k++)
            assert_string_not_equal(sensors[i].name, sensors[k].name);
    }
    host_must_rescan(test);
}

/* Mount tables are written, file systems are this machine's. */
static void test_mounts(void **state)
{
    struct host_case *test = *state;
    char table[1024];
    struct jb_sample used;
    struct jb_sample size;

    host_write_small(test);
    snprintf(
        table, sizeof(table),
        "proc /proc proc rw 0 0\n"
        "/dev/fake1 %s ext4 rw 0 0\n"
        "/dev/fake1 /bind ext4 rw 0 0\n"
        "/dev/loop3 /snap squashfs ro 0 0\n"
        "server:/export /nfs nfs rw 0 0\n"
        "/dev/fake2 /a/very/long/path/that/no/name/of/a/sensor/holds ext4\n"
        "/dev/fake3 /with\\040blank ext4\n"
        "/dev/fake4 /no\\377\303utf8 ext4\n",
        test->tree.root);
    tree_write(&test->tree, "proc/self/mounts", table);
    host_must_open(test);
    assert_null(host_find(test, "fs-/nfs/used"));
    jb_source_host.close(test->source);
    test->source = NULL;

    test->env.live = true;
    host_must_open(test);
    assert_null(host_find(test, "fs-/nfs/used"));
    assert_null(host_find(test, "fs-/bind/used"));
    assert_null(host_find(test, "fs-/snap/used"));
    snprintf(table, sizeof(table), "fs-%s/used", test->tree.root);
    used = host_take(test, table);
    assert_int_equal(used.state, JB_OK);
    snprintf(table, sizeof(table), "fs-%s/size", test->tree.root);
    size = host_take(test, table);
    assert_int_equal(size.state, JB_OK);
    assert_true(used.raw <= size.raw && size.raw > 0);
    /* Cut, or with an odd byte: told apart by a sum of the whole path. */
    host_expect_state(test,
                      "fs-/a/very/long/path/that/no/name/of/a~fe4155b5/used",
                      JB_EABSENT);
    host_expect_state(test, "fs-/with?blank~ef65bb2c/used", JB_EABSENT);
    host_expect_state(test, "fs-/no??utf8~e6ee0b80/used", JB_EABSENT);

    tree_write(&test->tree, "proc/self/mounts", "");
    host_must_rescan(test);
    host_expect_state(test, table, JB_EABSENT);
}

static const char *host_shared(void)
{
    const char *given = getenv("JB_SHARED");

    return given ? given : JB_TEST_FIXTURES "/../../../shared";
}

static void test_recorded(void **state)
{
    static const char *const trees[] = {
        "fixtures/sysfs-powercap-hwmon-thermal/prometheus__procfs/fixtures",
        "fixtures/proc-cgroup/coroot__coroot-node-agent/node/fixtures",
    };
    struct host_case *test = *state;
    bool any = false;

    for (size_t i = 0; i < COUNT(trees); i++) {
        char path[TREE_PATH_MAX];
        char sysfs[TREE_PATH_MAX];
        size_t count;

        snprintf(path, sizeof(path), "%s/%s/proc", host_shared(), trees[i]);
        snprintf(sysfs, sizeof(sysfs), "%s/%s/sys", host_shared(), trees[i]);
        if (access(path, R_OK) != 0)
            continue;
        any = true;
        test->roots = (struct jb_roots){ .sysfs = sysfs, .procfs = path };
        host_must_open(test);
        jb_source_host.sensors(test->source, &count);
        assert_true(count > 10);
        assert_true(host_take(test, "cpu-0/busy").raw > 0);
        assert_true(host_take(test, "package-0/busy").raw >
                    host_take(test, "cpu-0/busy").raw);
        assert_int_equal(host_take(test, "memory/total").state, JB_OK);
        assert_null(host_find(test, "disk-sda1/read"));
        jb_source_host.close(test->source);
        test->source = NULL;
    }
    if (!any) {
        print_message("skipped: no recorded trees in %s\n", host_shared());
        skip();
    }
}

#define HOST_TEST(name)                                                        \
    cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu_lines),
        cmocka_unit_test(test_disk_lines),
        cmocka_unit_test(test_net_lines),
        cmocka_unit_test(test_memory_text),
        cmocka_unit_test(test_load_text),
        cmocka_unit_test(test_mount_text),
        cmocka_unit_test(test_partition_names),
        HOST_TEST(test_server),
        HOST_TEST(test_units),
        HOST_TEST(test_reads_once),
        HOST_TEST(test_cpu_hotplug),
        HOST_TEST(test_interface_comes_and_goes),
        HOST_TEST(test_malformed_files),
        HOST_TEST(test_missing_files),
        HOST_TEST(test_no_procfs),
        HOST_TEST(test_many_cpus),
        HOST_TEST(test_own_machine),
        HOST_TEST(test_mounts),
        HOST_TEST(test_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
