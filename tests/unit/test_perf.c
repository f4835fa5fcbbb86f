/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The perf source.  The trees are made by hand, the system calls are real: a
 * PMU called "power" of type 1 (software events) is opened, read and closed as
 * the RAPL one would be.  Its event 9 (PERF_COUNT_SW_DUMMY) never moves, as
 * the psys of virtual machines; its event 0 (cpu-clock) counts nanoseconds.
 */
#include "tree.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/file.h"
#include "joulebook/plugin/source.h"
#include "pmu/event.h"
#include "sources/perf/perf.h"

extern const struct jb_source_desc jb_source_perf;

#define POWER "bus/event_source/devices/power"
#define RAPL_SCALE "2.3283064365386962890625e-10"

enum { PERF_NOBODY = 65534, PERF_RAPL_QUANTUM = 1 << 18 };

struct perf_case {
    struct tree tree;
    struct jb_roots roots;
    struct jb_env env;
    struct jb_source *source;
};

static void perf_write_event(const struct perf_case *test, const char *name,
                             const char *config)
{
    char path[128];

    snprintf(path, sizeof(path), POWER "/events/%s", name);
    tree_write(&test->tree, path, config);
    snprintf(path, sizeof(path), POWER "/events/%s.scale", name);
    tree_write(&test->tree, path, RAPL_SCALE "\n");
    snprintf(path, sizeof(path), POWER "/events/%s.unit", name);
    tree_write(&test->tree, path, "Joules\n");
}

/* One package, one CPU that this machine has, a PMU without events. */
static int perf_setup(void **state)
{
    static struct perf_case test;

    test = (struct perf_case){ .source = NULL };
    tree_init(&test.tree);
    test.roots =
        (struct jb_roots){ .sysfs = test.tree.root, .procfs = test.tree.root };
    test.env = (struct jb_env){ .roots = &test.roots,
                                .clock = &jb_clock_boottime,
                                .live = true };
    tree_write(&test.tree, "devices/system/cpu/online", "0\n");
    tree_write_cpu(&test.tree, 0, "0\n", "0\n");
    tree_write(&test.tree, "sys/kernel/perf_event_paranoid", "2\n");
    tree_write(&test.tree, POWER "/type", "1\n");
    tree_write(&test.tree, POWER "/cpumask", "0\n");
    tree_write(&test.tree, POWER "/format/event", "config:0-7\n");
    *state = &test;
    return 0;
}

static int perf_teardown(void **state)
{
    struct perf_case *test = *state;

    jb_source_perf.close(test->source);
    tree_release(&test->tree);
    return 0;
}

static void perf_must_open(struct perf_case *test)
{
    struct jb_error err;

    if (jb_source_perf.open(&test->env, NULL, &test->source, &err) < 0)
        fail_msg("got %s: %s", jb_status_name(err.status), err.text);
}

/* Containers forbid perf events by seccomp; then only parsing can be tested. */
static void perf_need_syscall(void)
{
    struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
                                    .size = sizeof(attr),
                                    .config = PERF_COUNT_SW_DUMMY };
    long fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0UL);

    if (fd < 0) {
        print_message("skipped: perf_event_open: %s\n", strerror(errno));
        skip();
    }
    close((int)fd);
}

static const struct jb_sensor *perf_find(const struct perf_case *test,
                                         const char *name, uint32_t *index)
{
    size_t count;
    const struct jb_sensor *sensors =
        jb_source_perf.sensors(test->source, &count);

    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(sensors[i].name, name) == 0) {
            if (index)
                *index = i;
            return &sensors[i];
        }
    }
    fail_msg("no sensor called %s", name);
    return NULL;
}

static struct jb_sample perf_take(struct perf_case *test, const char *name)
{
    struct jb_sample sample = { 0 };
    uint32_t which;

    perf_find(test, name, &which);
    jb_source_perf.sample(test->source, &which, 1, &sample);
    assert_int_equal(sample.sensor, which);
    assert_true(sample.t0_ns <= sample.t1_ns);
    return sample;
}

static void perf_burn(uint64_t ns)
{
    uint64_t end = jb_clock_now_ns(&jb_clock_boottime) + ns;

    while (jb_clock_now_ns(&jb_clock_boottime) < end)
        ;
}

static void test_counts(void **state)
{
    struct perf_case *test = *state;
    const struct jb_sensor *sensor;
    struct jb_sample before;
    struct jb_sample after;

    perf_need_syscall();
    perf_write_event(test, "energy-pkg", "event=0x00\n");
    perf_write_event(test, "energy-psys", "event=0x09\n");
    perf_must_open(test);
    sensor = perf_find(test, "package-0", NULL);
    assert_int_equal(sensor->state, JB_OK);
    assert_int_equal(sensor->kind, JB_KIND_COUNTER);
    assert_int_equal(sensor->domain.kind, JB_DOMAIN_PACKAGE);
    assert_int_equal(sensor->domain.die, JB_NO_DIE);
    assert_int_equal(sensor->unit.num, 15625);
    assert_int_equal(sensor->unit.den, 1 << 26);
    assert_int_equal(sensor->unit.modulus, 0);
    assert_int_equal(sensor->quantum, PERF_RAPL_QUANTUM);
    assert_non_null(strstr(sensor->note, "at least every 13 s"));

    before = perf_take(test, "package-0");
    perf_burn(5 * (uint64_t)JB_NS_PER_MS);
    after = perf_take(test, "package-0");
    assert_int_equal(before.state, JB_OK);
    assert_int_equal(after.state, JB_OK);
    assert_true(after.raw - before.raw >= 4 * (uint64_t)JB_NS_PER_MS);
    assert_true(after.raw - before.raw < 10 * (uint64_t)JB_NS_PER_S);

    after = perf_take(test, "psys");
    assert_int_equal(after.state, JB_OK);
    assert_int_equal(after.raw, 0);
}

/* A hardware PMU that virtual machines have too. */
static void test_msr_pmu(void **state)
{
    struct perf_case *test = *state;
    struct jb_sample before;
    struct jb_sample after;
    char type[16];

    perf_need_syscall();
    if (jb_file_read("/sys/bus/event_source/devices/msr/type", type,
                     sizeof(type), NULL, NULL) < 0) {
        print_message("skipped: no msr PMU\n");
        skip();
    }
    tree_write(&test->tree, POWER "/type", type);
    perf_write_event(test, "energy-pkg", "event=0x00\n");
    perf_must_open(test);
    before = perf_take(test, "package-0");
    after = perf_take(test, "package-0");
    assert_int_equal(before.state, JB_OK);
    assert_true(after.raw > before.raw);
}

static void test_domains(void **state)
{
    static const struct {
        const char *event;
        const char *name;
        int may_rest;
    } rows[] = {
        { "energy-pkg", "package-0", 0 },
        { "energy-cores", "core-0", JB_SENSOR_MAY_REST },
        { "energy-ram", "dram-0", 0 },
        { "energy-gpu", "uncore-0", JB_SENSOR_MAY_REST },
        { "energy-psys", "psys", 0 },
        { "energy-core", "power/energy-core:cpu0", JB_SENSOR_MAY_REST },
    };
    struct perf_case *test = *state;
    size_t count;

    perf_need_syscall();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        perf_write_event(test, rows[i].event, "event=9");
    perf_must_open(test);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct jb_sensor *sensor = perf_find(test, rows[i].name, NULL);

        assert_int_equal(sensor->state, JB_OK);
        assert_int_equal(sensor->flags, rows[i].may_rest);
        assert_true(sensor->pmax_uw > 0);
    }
    jb_source_perf.sensors(test->source, &count);
    assert_int_equal(count, sizeof(rows) / sizeof(rows[0]));
}

/* CPUs that this machine may lack: those sensors say so, the rest reads. */
static void test_packages_and_dies(void **state)
{
    struct perf_case *test = *state;
    const struct jb_sensor *sensor;

    perf_need_syscall();
    tree_write(&test->tree, "devices/system/cpu/online", "0,9000-9002\n");
    tree_write_cpu(&test->tree, 9000, "1", "0");
    tree_write_cpu(&test->tree, 9001, "1", "1");
    tree_write_cpu(&test->tree, 9002, "0", "0");
    tree_write(&test->tree, POWER "/cpumask", "0,9000-9001\n");
    perf_write_event(test, "energy-pkg", "event=9");
    perf_must_open(test);
    sensor = perf_find(test, "package-0", NULL);
    assert_int_equal(sensor->state, JB_OK);
    assert_int_equal(sensor->domain.die, JB_NO_DIE);
    sensor = perf_find(test, "package-1-die-1", NULL);
    assert_int_equal(sensor->domain.index, 1);
    assert_int_equal(sensor->domain.die, 1);
    assert_int_not_equal(sensor->state, JB_OK);
    assert_true(sensor->reason[0] != '\0');
    assert_int_equal(perf_take(test, "package-1-die-1").state, sensor->state);
    perf_find(test, "package-1-die-0", NULL);
    assert_int_equal(perf_take(test, "package-0").state, JB_OK);
}

/* AMD's counter is the package's: the second die's view is a mirror. */
static void test_amd_dies(void **state)
{
    struct perf_case *test = *state;
    const struct jb_sensor *sensor;

    perf_need_syscall();
    tree_write(&test->tree, "cpuinfo", "vendor_id\t: AuthenticAMD\n");
    tree_write(&test->tree, "devices/system/cpu/online", "0,9000\n");
    tree_write_cpu(&test->tree, 9000, "0", "1");
    tree_write(&test->tree, POWER "/cpumask", "0,9000\n");
    perf_write_event(test, "energy-pkg", "event=9");
    perf_must_open(test);
    sensor = perf_find(test, "package-0", NULL);
    assert_int_equal(sensor->domain.die, JB_NO_DIE);
    assert_int_equal(sensor->flags, 0);
    sensor = perf_find(test, "power/energy-pkg:cpu9000", NULL);
    assert_int_equal(sensor->flags, JB_SENSOR_MIRROR);
    assert_int_equal(sensor->domain.kind, JB_DOMAIN_PACKAGE);
}

static void test_malformed_event(void **state)
{
    static const struct {
        const char *file;
        const char *text; /* NULL: missing */
        int want;
    } rows[] = {
        { "energy-ram.scale", "", JB_EFORMAT },
        { "energy-ram.scale", "0", JB_EFORMAT },
        { "energy-ram.scale", "1e-10 J", JB_EFORMAT },
        { "energy-ram.scale", "2.3283064365386963e-10", JB_EFORMAT },
        { "energy-ram.scale", NULL, JB_EFORMAT },
        { "energy-ram.unit", "Watts", JB_EIMPLAUSIBLE },
        { "energy-ram.unit", "", JB_EIMPLAUSIBLE },
        { "energy-ram.unit", NULL, JB_EFORMAT },
        { "energy-ram", "event=0x100", JB_EFORMAT },
        { "energy-ram", "event=0x2,umask=0x1", JB_EFORMAT },
        { "energy-ram", "", JB_EFORMAT },
    };
    struct perf_case *test = *state;

    perf_need_syscall();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct jb_sensor *sensor;
        char path[128];

        perf_write_event(test, "energy-pkg", "event=9");
        perf_write_event(test, "energy-ram", "event=9");
        snprintf(path, sizeof(path), POWER "/events/%s", rows[i].file);
        if (rows[i].text)
            tree_write(&test->tree, path, rows[i].text);
        else
            tree_drop(&test->tree, path);
        perf_must_open(test);
        sensor = perf_find(test, "dram-0", NULL);
        if (sensor->state != rows[i].want || !strstr(sensor->reason, path))
            fail_msg("%s \"%s\": got %s \"%s\"", rows[i].file,
                     rows[i].text ? rows[i].text : "(missing)",
                     jb_status_name(sensor->state), sensor->reason);
        assert_int_equal(perf_take(test, "dram-0").state, rows[i].want);
        assert_int_equal(perf_take(test, "package-0").state, JB_OK);
        jb_source_perf.close(test->source);
        test->source = NULL;
    }
}

static void test_malformed_pmu(void **state)
{
    static const char *const masks[] = { "", "\n", "x", "0-", "1-0" };
    struct perf_case *test = *state;
    const struct jb_sensor *sensor;

    perf_write_event(test, "energy-pkg", "event=9");
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        tree_write(&test->tree, POWER "/cpumask", masks[i]);
        perf_must_open(test);
        sensor = perf_find(test, "power", NULL);
        assert_int_equal(sensor->state, JB_EFORMAT);
        assert_non_null(strstr(sensor->reason, "cpumask"));
        assert_int_equal(perf_take(test, "power").state, JB_EFORMAT);
        jb_source_perf.close(test->source);
        test->source = NULL;
    }
    tree_write(&test->tree, POWER "/type", "4294967296");
    perf_must_open(test);
    assert_int_equal(perf_find(test, "power", NULL)->state, JB_EFORMAT);
}

static void perf_expect_failure(struct perf_case *test, int want,
                                const char *text, const char *fix)
{
    struct jb_error err = { .text = "" };
    int got = jb_source_perf.open(&test->env, NULL, &test->source, &err);

    if (got != want || !strstr(err.text, text) || strcmp(err.fix, fix) != 0)
        fail_msg("got %s \"%s\" fix \"%s\", want %s \"%s\" fix \"%s\"",
                 jb_status_name(got), err.text, err.fix, jb_status_name(want),
                 text, fix);
    assert_null(test->source);
}

static void test_absent(void **state)
{
    struct perf_case *test = *state;

    tree_drop(&test->tree, POWER);
    perf_expect_failure(test, JB_EABSENT, "only Intel's and AMD's", "");
    tree_write(&test->tree, "cpuinfo",
               "vendor_id\t: GenuineIntel\nflags\t\t: fpu tsc\n");
    perf_expect_failure(test, JB_EABSENT, "not loaded",
                        "sudo modprobe rapl || sudo modprobe intel_rapl_perf");
    tree_write(&test->tree, "cpuinfo",
               "vendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor tsc\n");
    perf_expect_failure(test, JB_EABSENT, "measure on the host", "");
    tree_drop(&test->tree, "devices");
    perf_expect_failure(test, JB_EABSENT, "devices/system/cpu", "");
}

static void test_recorded_tree(void **state)
{
    struct perf_case *test = *state;

    test->env.live = false;
    perf_expect_failure(test, JB_EREFUSED, "not a recorded tree", "");
}

/* Effective identity only, so that root comes back. */
static void perf_become(uid_t user)
{
    if (user == 0)
        assert_int_equal(setresuid(-1, 0, -1), 0);
    assert_int_equal(setresgid(-1, user, -1), 0);
    if (user != 0)
        assert_int_equal(setresuid(-1, user, -1), 0);
}

static bool perf_denies_nobody(void)
{
    char paranoid[8];

    return geteuid() == 0 &&
           jb_file_read("/proc/sys/kernel/perf_event_paranoid", paranoid,
                        sizeof(paranoid), NULL, NULL) == JB_OK &&
           atoi(paranoid) > 0;
}

/* A kernel that is set to be careful, and one that is not but says no all the
 * same, as a container's seccomp filter does. */
static void test_denied(void **state)
{
    static const struct {
        const char *paranoid, *text, *fix;
    } rows[] = {
        { "2\n", "perf_event_paranoid is 2",
          "sudo sysctl kernel.perf_event_paranoid=0" },
        { NULL, "perf_event_paranoid is unknown",
          "sudo sysctl kernel.perf_event_paranoid=0" },
        { "-1\n", "a container needs CAP_PERFMON", "" },
        { "0\n", "a container needs CAP_PERFMON", "" },
    };
    struct perf_case *test = *state;

    perf_need_syscall();
    if (!perf_denies_nobody()) {
        print_message("skipped: needs root and perf_event_paranoid > 0\n");
        skip();
    }
    perf_write_event(test, "energy-pkg", "event=0");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct jb_error err = { .text = "" };
        int rc;

        if (!rows[i].paranoid)
            tree_drop(&test->tree, "sys/kernel/perf_event_paranoid");
        else
            tree_write(&test->tree, "sys/kernel/perf_event_paranoid",
                       rows[i].paranoid);
        perf_become(PERF_NOBODY);
        rc = jb_source_perf.open(&test->env, NULL, &test->source, &err);
        perf_become(0);
        if (rc != JB_EDENIED || !strstr(err.text, rows[i].text) ||
            strcmp(err.fix, rows[i].fix) != 0)
            fail_msg("got %s \"%s\" fix \"%s\"", jb_status_name(rc), err.text,
                     err.fix);
    }
}

static void test_no_room_for_descriptors(void **state)
{
    struct perf_case *test = *state;
    struct jb_perf_meter meter = {
        .fd = -1, .leader_fd = -1, .type = 1, .config.word = { 9 }
    };
    struct jb_error err = { .text = "" };
    struct rlimit before;
    struct rlimit none;
    int rc;

    perf_need_syscall();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    rc = jb_perf_meter_open(&test->env, "an event", &meter, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, JB_ELIMIT);
    assert_int_equal(meter.fd, -1);
    assert_string_equal(err.fix, "ulimit -n 65536");
    assert_non_null(strstr(err.text, "an event: too many open files"));
}

/* What the kernel does not know is absent or wrong, and never opened. */
static void test_unknown_event(void **state)
{
    struct perf_case *test = *state;
    struct jb_perf_meter meter = { .fd = -1,
                                   .leader_fd = -1,
                                   .type = INT32_MAX };
    struct jb_error err = { .text = "" };

    perf_need_syscall();
    assert_int_equal(jb_perf_meter_open(&test->env, "x", &meter, &err),
                     JB_EABSENT);
    assert_int_equal(meter.fd, -1);
    assert_non_null(strstr(err.text, "perf_event_open of x: "));
}

static void test_readings_that_are_none(void **state)
{
    struct jb_perf_meter meter = { .fd = -1 };
    uint64_t raw = 4711;
    int ends[2];

    (void)state;
    assert_int_equal(jb_perf_meter_read(&meter, &raw), JB_EIO);
    assert_int_equal(pipe(ends), 0);
    meter.fd = ends[0];
    assert_int_equal(write(ends[1], "short", 5), 5);
    assert_int_equal(jb_perf_meter_read(&meter, &raw), JB_EFORMAT);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(jb_perf_meter_read(&meter, &raw), JB_EABSENT);
    assert_int_equal(raw, 4711);
    jb_perf_meter_close(&meter);
    jb_perf_meter_close(&meter);
    assert_int_equal(meter.fd, -1);
}

static void test_rescan(void **state)
{
    struct perf_case *test = *state;
    uint32_t before = 0;
    uint32_t after = 0;

    perf_need_syscall();
    perf_write_event(test, "energy-pkg", "event=9");
    perf_write_event(test, "energy-ram", "event=9");
    perf_must_open(test);
    perf_find(test, "dram-0", &before);

    /* Nothing happened: nothing is opened anew. */
    assert_int_equal(jb_source_perf.rescan(test->source, NULL), JB_OK);
    assert_int_equal(perf_find(test, "dram-0", NULL)->generation, 0);

    tree_drop(&test->tree, POWER "/events/energy-ram");
    perf_write_event(test, "energy-cores", "event=9");
    assert_int_equal(jb_source_perf.rescan(test->source, NULL), JB_OK);
    assert_int_equal(perf_find(test, "dram-0", &after)->state, JB_EABSENT);
    assert_int_equal(after, before);
    assert_int_equal(perf_take(test, "dram-0").state, JB_EABSENT);
    assert_int_equal(perf_take(test, "core-0").state, JB_OK);

    perf_write_event(test, "energy-ram", "event=9");
    assert_int_equal(jb_source_perf.rescan(test->source, NULL), JB_OK);
    assert_int_equal(perf_find(test, "dram-0", NULL)->generation, 1);
    assert_int_equal(perf_find(test, "package-0", NULL)->generation, 0);
    assert_int_equal(perf_take(test, "dram-0").generation, 1);
    assert_int_equal(perf_take(test, "dram-0").state, JB_OK);

    /* The same event under another number is another count. */
    perf_write_event(test, "energy-ram", "event=0");
    assert_int_equal(jb_source_perf.rescan(test->source, NULL), JB_OK);
    assert_int_equal(perf_find(test, "dram-0", NULL)->generation, 2);
}

static bool perf_formats(const char *name, size_t length, void *context,
                         struct jb_perf_format *out)
{
    (void)context;
    if (length == 5 && memcmp(name, "event", 5) == 0)
        *out = (struct jb_perf_format){ 0, 0xff };
    else if (length == 5 && memcmp(name, "umask", 5) == 0)
        *out = (struct jb_perf_format){ 0, UINT64_C(0xf00000f00) };
    else if (length == 3 && memcmp(name, "inv", 3) == 0)
        *out = (struct jb_perf_format){ 1, UINT64_C(1) << 63 };
    else
        return false;
    return true;
}

static void test_terms(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t config, config1;
    } rows[] = {
        { "event=0x02", true, 2, 0 },
        { "event=255", true, 255, 0 },
        { "event=0x02,umask=0x1", true, 0x102, 0 },
        { "event=1,umask=0xa5", true, UINT64_C(0xa00000501), 0 },
        { "inv,event=3", true, 3, UINT64_C(1) << 63 },
        { "config=0xffffffffffffffff", true, UINT64_MAX, 0 },
        { "config1=0x10,event=1", true, 1, 16 },
        { "event=0x100", false, 0, 0 },
        { "event=0x02,", false, 0, 0 },
        { ",event=2", false, 0, 0 },
        { "event=", false, 0, 0 },
        { "=2", false, 0, 0 },
        { "event=2,event=2", false, 0, 0 },
        { "config=1,event=2", false, 0, 0 },
        { "event=-1", false, 0, 0 },
        { "event = 2", false, 0, 0 },
        { "edge=1", false, 0, 0 },
        { "", false, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct jb_perf_config got = { { 0, 0, 0 } };
        bool ok = jb_perf_parse_terms(rows[i].text, strlen(rows[i].text),
                                      perf_formats, NULL, &got);

        if (ok != rows[i].ok || got.word[0] != rows[i].config ||
            got.word[1] != rows[i].config1)
            fail_msg("\"%s\": got %d %#jx %#jx", rows[i].text, ok,
                     (uintmax_t)got.word[0], (uintmax_t)got.word[1]);
    }
}

static void test_formats(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        unsigned word;
        uint64_t mask;
    } rows[] = {
        { "config:0-7", true, 0, 0xff },
        { "config:0-63", true, 0, UINT64_MAX },
        { "config2:63", true, 2, UINT64_C(1) << 63 },
        { "config1:0-3,32-35", true, 1, UINT64_C(0xf0000000f) },
        { "config:0-64", false, 0, 0 },
        { "config:7-0", false, 0, 0 },
        { "config:0-3,2-5", false, 0, 0 },
        { "config:", false, 0, 0 },
        { "config:0,", false, 0, 0 },
        { "config3:0", false, 0, 0 },
        { "config", false, 0, 0 },
        { ":0-7", false, 0, 0 },
        { "", false, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct jb_perf_format got = { 0, 0 };
        bool ok =
            jb_perf_parse_format(rows[i].text, strlen(rows[i].text), &got);

        if (ok != rows[i].ok || got.word != rows[i].word ||
            got.mask != rows[i].mask)
            fail_msg("\"%s\": got %d %u %#jx", rows[i].text, ok, got.word,
                     (uintmax_t)got.mask);
    }
}

static void test_scales(void **state)
{
    static const struct {
        const char *text;
        uint64_t num, den; /* 0 / 0: refused */
    } rows[] = {
        { RAPL_SCALE, 15625, 1 << 26 },
        { "0.00000000023283064365386962890625", 15625, 1 << 26 },
        { "6.103515625e-05", 15625, 256 },
        { "1", 1000000, 1 },
        { "1e-6", 1, 1 },
        { "1E+3", 1000000000, 1 },
        { "0.1", 100000, 1 },
        { "1.5e-9", 3, 2000 },
        { "00001.0000", 1000000, 1 },
        { "1e-19", 1, UINT64_C(10000000000000) },
        { "5.421010862427522170037e-20", 0, 0 }, /* 2^-64, cut */
        { "5.42101086242752217003726400434970855712890625e-20", 0, 0 },
        { "1e-26", 0, 0 },
        { "1e14", 0, 0 },
        { "1e61", 0, 0 },
        { "1e99999999999999999999", 0, 0 },
        { "0", 0, 0 },
        { "0.0e5", 0, 0 },
        { "-1", 0, 0 },
        { "+1", 0, 0 },
        { "1.", 0, 0 },
        { ".5", 0, 0 },
        { "1e", 0, 0 },
        { "1e-", 0, 0 },
        { "0x1p-32", 0, 0 },
        { "1,5", 0, 0 },
        { "nan", 0, 0 },
        { " 1", 0, 0 },
        { "", 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t num = 0;
        uint64_t den = 0;
        bool ok =
            jb_perf_parse_scale(rows[i].text, strlen(rows[i].text), &num, &den);

        if (ok != (rows[i].den != 0) || num != rows[i].num ||
            den != rows[i].den)
            fail_msg("\"%s\": got %d %ju/%ju, want %ju/%ju", rows[i].text, ok,
                     (uintmax_t)num, (uintmax_t)den, (uintmax_t)rows[i].num,
                     (uintmax_t)rows[i].den);
    }
}

#define PERF_TEST(name)                                                        \
    cmocka_unit_test_setup_teardown(name, perf_setup, perf_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_scales),
        PERF_TEST(test_counts),
        PERF_TEST(test_msr_pmu),
        PERF_TEST(test_domains),
        PERF_TEST(test_packages_and_dies),
        PERF_TEST(test_amd_dies),
        PERF_TEST(test_malformed_event),
        PERF_TEST(test_malformed_pmu),
        PERF_TEST(test_absent),
        PERF_TEST(test_recorded_tree),
        PERF_TEST(test_denied),
        PERF_TEST(test_no_room_for_descriptors),
        PERF_TEST(test_unknown_event),
        cmocka_unit_test(test_readings_that_are_none),
        PERF_TEST(test_rescan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
