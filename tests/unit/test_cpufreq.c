/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cpufreq source over trees that the test writes.  Effective frequencies
 * come from real system calls: a PMU called "msr" of type 1 (software events)
 * whose three events are cpu-clock, which counts nanoseconds; so aperf / mperf
 * is 1, and the "TSC" runs at 1 GHz.
 */
#include "source.h"
#include "tree.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/unit.h"
#include "sources/cpufreq/effective.h"
#include "sources/cpufreq/policy.h"

extern const struct jb_source_desc jb_source_cpufreq;

#define CPU "devices/system/cpu/"
#define MSR_PMU "bus/event_source/devices/msr/"
#define CPUFREQ_S UINT64_C(1000000000)

/* Counts reads of policies; an unlinked file is an attribute that is gone, and
 * "?EAGAIN" one without a figure at the moment. */
static unsigned cpufreq_reads;

ssize_t pread(int fd, void *buf, size_t nbytes, off_t offset)
{
    struct stat status;
    long got;

    if (fstat(fd, &status) == 0 && status.st_nlink == 0) {
        errno = ENODEV;
        return -1;
    }
    cpufreq_reads++;
    got = syscall(SYS_pread64, fd, buf, nbytes, offset);
    if (got >= 7 && memcmp(buf, "?EAGAIN", 7) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return got;
}

static uint64_t cpufreq_now_ns(void *context)
{
    return *(const uint64_t *)context;
}

struct cpufreq {
    struct tree tree;
    struct jb_roots roots;
    uint64_t now_ns;
    struct jb_clock clock;
    struct test_source source;
};

static void cpufreq_write(const struct cpufreq *test, const char *directory,
                          const char *file, const char *text)
{
    char path[TREE_PATH_MAX];

    snprintf(path, sizeof(path), CPU "%s/%s", directory, file);
    tree_write(&test->tree, path, text);
}

static void cpufreq_policy(const struct cpufreq *test, const char *directory,
                           const char *cpus, const char *khz)
{
    cpufreq_write(test, directory, "affected_cpus", cpus);
    cpufreq_write(test, directory, "related_cpus", cpus);
    cpufreq_write(test, directory, "scaling_cur_freq", khz);
}

/* Two packages: cpu0 and cpu1 with a policy each, cpu2 to cpu4 share one. */
static int cpufreq_setup(void **state)
{
    static struct cpufreq test;

    test = (struct cpufreq){ .now_ns = 5 * CPUFREQ_S };
    tree_init(&test.tree);
    test.roots =
        (struct jb_roots){ test.tree.root, test.tree.root, "/none", "/none" };
    test.clock = (struct jb_clock){ cpufreq_now_ns, &test.now_ns };
    test.source.desc = &jb_source_cpufreq;
    test.source.env = (struct jb_env){ &test.roots, &test.clock, false };
    tree_write(&test.tree, CPU "online", "0-4\n");
    for (unsigned cpu = 0; cpu < 5; cpu++)
        tree_write_cpu(&test.tree, cpu, cpu < 2 ? "0\n" : "1\n", "0\n");
    cpufreq_policy(&test, "cpufreq/policy0", "0\n", "1000000\n");
    cpufreq_policy(&test, "cpufreq/policy1", "1\n", "2000001\n");
    cpufreq_policy(&test, "cpufreq/policy2", "2 3 4\n", "3000000\n");
    *state = &test;
    return 0;
}

static int cpufreq_teardown(void **state)
{
    struct cpufreq *test = *state;

    jb_source_cpufreq.close(test->source.handle);
    tree_release(&test->tree);
    return 0;
}

/* In Hz, by the sensor's own unit. */
static uint64_t cpufreq_hz(struct cpufreq *test, const char *name)
{
    struct jb_sample sample = source_take(&test->source, name);
    const struct jb_sensor *sensor = source_sensor(&test->source, name, NULL);
    struct jb_energy value = { 0 };

    assert_int_equal(sample.state, JB_OK);
    assert_int_equal(jb_sensor_value(sensor, sample.raw, &value), JB_OK);
    return (uint64_t)value.uj / 1000000;
}

static void test_policies(void **state)
{
    struct cpufreq *test = *state;
    const struct jb_sensor *sensor;

    source_must_open(&test->source);
    source_count(&test->source, 5);
    CHECK_U64("policy1", cpufreq_hz(test, "policy1"), 2000001000);
    sensor = source_sensor(&test->source, "policy1", NULL);
    assert_int_equal(sensor->unit.quantity, JB_QUANTITY_FREQUENCY);
    assert_int_equal(sensor->domain.kind, JB_DOMAIN_NONE);
    assert_int_equal(sensor->provenance, JB_MEASURED);
    CHECK_U64("mean", cpufreq_hz(test, "package-0"), 1500000500);
    CHECK_U64("mean", cpufreq_hz(test, "package-1"), 3000000000);
    sensor = source_sensor(&test->source, "package-1", NULL);
    assert_int_equal(sensor->provenance, JB_DERIVED);
    assert_int_equal(sensor->domain.kind, JB_DOMAIN_PACKAGE);
    assert_int_equal(sensor->domain.index, 1);
}

/* A policy weighs as much as it has CPUs. */
static void test_weights(void **state)
{
    struct cpufreq *test = *state;

    for (unsigned cpu = 0; cpu < 5; cpu++)
        tree_write_cpu(&test->tree, cpu, "7\n", "0\n");
    source_must_open(&test->source);
    /* (1000000 + 2000001 + 3 x 3000000) / 5 */
    CHECK_U64("mean", cpufreq_hz(test, "package-7"), 2400000200);
}

/* However many ask, a file is read once for a tick. */
static void test_one_read(void **state)
{
    struct cpufreq *test = *state;
    struct jb_sample samples[5];
    uint32_t which[5] = { 3, 0, 1, 2, 4 };

    source_must_open(&test->source);
    cpufreq_reads = 0;
    jb_source_cpufreq.sample(test->source.handle, which, 5, samples);
    CHECK_U64("reads", cpufreq_reads, 3);
    for (int i = 0; i < 5; i++)
        assert_int_equal(samples[i].state, JB_OK);
    cpufreq_write(test, "cpufreq/policy0", "scaling_cur_freq", "1200000\n");
    CHECK_U64("next tick", cpufreq_hz(test, "policy0"), 1200000000);
}

static void test_note(void **state)
{
    struct cpufreq *test = *state;

    cpufreq_write(test, "cpufreq/policy0", "cpuinfo_min_freq", "800000\n");
    cpufreq_write(test, "cpufreq/policy0", "cpuinfo_max_freq", "3700000\n");
    cpufreq_write(test, "cpufreq/policy0", "base_frequency", "2100000\n");
    cpufreq_write(test, "cpufreq/policy0", "scaling_driver", "intel_pstate\n");
    cpufreq_write(test, "cpufreq/policy0", "scaling_governor", "powersave\n");
    cpufreq_write(test, "cpufreq/policy1", "cpuinfo_min_freq", "800000\n");
    cpufreq_write(test, "cpufreq/policy1", "cpuinfo_max_freq", "2400000\n");
    cpufreq_write(test, "cpufreq/policy1", "scaling_driver",
                  "a name that is too long to be one\n");
    source_must_open(&test->source);
    CHECK_TEXT("package", source_sensor(&test->source, "package-0", NULL)->note,
               "mean over the CPUs that are online, 800 to 3700 MHz, base "
               "2100 MHz, intel_pstate, powersave");
    CHECK_TEXT("as its package",
               source_sensor(&test->source, "policy0", NULL)->note, "");
    CHECK_TEXT("another", source_sensor(&test->source, "policy1", NULL)->note,
               "800 to 2400 MHz");
    CHECK_TEXT("nothing known",
               source_sensor(&test->source, "package-1", NULL)->note,
               "mean over the CPUs that are online");
}

static void test_other_files(void **state)
{
    struct cpufreq *test = *state;

    cpufreq_write(test, "cpufreq/policy0", "cpuinfo_cur_freq", "1100000\n");
    cpufreq_write(test, "cpufreq/policy1", "cpuinfo_cur_freq", "");
    cpufreq_write(test, "cpufreq/policy1", "cpuinfo_avg_freq", "?EAGAIN\n");
    source_must_open(&test->source);
    source_count(&test->source, 7);
    CHECK_U64("hardware", cpufreq_hz(test, "policy0/hardware"), 1100000000);
    assert_null(source_sensor(&test->source, "policy1/hardware", NULL));
    assert_int_equal(source_take(&test->source, "policy1/average").state,
                     JB_EIO);
    cpufreq_write(test, "cpufreq/policy1", "cpuinfo_avg_freq", "900000\n");
    CHECK_U64("average", cpufreq_hz(test, "policy1/average"), 900000000);
    /* the mean is of what every policy has */
    CHECK_U64("mean", cpufreq_hz(test, "package-0"), 1500000500);
}

/* What the driver does not know, and texts that are no frequency. */
static void test_garbage(void **state)
{
    static const char *const texts[] = {
        "<unknown>\n",           "", "-1\n", "1e6\n", "1000000 \x01\n",
        "99999999999999999999\n"
    };
    struct cpufreq *test = *state;

    source_must_open(&test->source);
    for (size_t i = 0; i < CHECK_COUNT(texts); i++) {
        cpufreq_write(test, "cpufreq/policy1", "scaling_cur_freq", texts[i]);
        assert_int_equal(source_take(&test->source, "policy1").state,
                         JB_EFORMAT);
        /* a mean of the other CPU alone would be no mean */
        assert_int_equal(source_take(&test->source, "package-0").state,
                         JB_EFORMAT);
    }
    CHECK_U64("the others", cpufreq_hz(test, "package-1"), 3000000000);
}

/* Numbers by which drivers say that they do not know. */
static void test_sentinels(void **state)
{
    static const char *const texts[] = { "0\n", "4294967295\n",
                                         "18446744073709551615\n",
                                         "100000001\n" };
    struct cpufreq *test = *state;

    source_must_open(&test->source);
    for (size_t i = 0; i < CHECK_COUNT(texts); i++) {
        cpufreq_write(test, "cpufreq/policy1", "scaling_cur_freq", texts[i]);
        assert_int_equal(source_take(&test->source, "policy1").state,
                         JB_EIMPLAUSIBLE);
        assert_int_equal(source_take(&test->source, "package-0").state,
                         JB_EIMPLAUSIBLE);
    }
    cpufreq_write(test, "cpufreq/policy1", "scaling_cur_freq", "100000000\n");
    CHECK_U64("100 GHz", cpufreq_hz(test, "policy1"), 100000000000);
}

/* CPUs that are offline have no frequency: the mean is of the others. */
static void test_offline(void **state)
{
    struct cpufreq *test = *state;

    source_must_open(&test->source);
    tree_drop(&test->tree, CPU "cpufreq/policy1");
    assert_int_equal(source_take(&test->source, "policy1").state, JB_EABSENT);
    CHECK_U64("mean", cpufreq_hz(test, "package-0"), 1000000000);
    cpufreq_policy(test, "cpufreq/policy1", "1\n", "1500000\n");
    assert_int_equal(source_take(&test->source, "policy1").state, JB_EABSENT);
    test->now_ns += CPUFREQ_S;
    CHECK_U64("back", cpufreq_hz(test, "policy1"), 1500000000);
    assert_int_equal(source_take(&test->source, "policy1").generation, 1);
    CHECK_U64("mean", cpufreq_hz(test, "package-0"), 1250000000);
    tree_drop(&test->tree, CPU "cpufreq/policy2");
    assert_int_equal(source_take(&test->source, "package-1").state, JB_EABSENT);
}

static void cpufreq_link(const struct cpufreq *test, const char *name,
                         const char *target)
{
    char path[TREE_PATH_MAX];

    tree_path(&test->tree, name, path);
    assert_int_equal(symlink(target, path), 0);
}

/* Links to a policy are that policy; kernels before 4.3 have the directory in
 * one CPU, and links from those that share it. */
static void test_links(void **state)
{
    struct cpufreq *test = *state;

    for (unsigned cpu = 0; cpu < 5; cpu++) {
        char name[64];
        char target[64];

        snprintf(name, sizeof(name), CPU "cpu%u/cpufreq", cpu);
        snprintf(target, sizeof(target), "../cpufreq/policy%u",
                 cpu < 2 ? cpu : 2);
        cpufreq_link(test, name, target);
    }
    source_must_open(&test->source);
    source_count(&test->source, 5);
}

static void test_old_kernel(void **state)
{
    struct cpufreq *test = *state;

    tree_drop(&test->tree, CPU "cpufreq");
    cpufreq_policy(test, "cpu0/cpufreq", "0 1\n", "1000000\n");
    cpufreq_policy(test, "cpu2/cpufreq", "2 3 4\n", "2000000\n");
    cpufreq_link(test, CPU "cpu1/cpufreq", "../cpu0/cpufreq");
    cpufreq_link(test, CPU "cpu3/cpufreq", "../cpu2/cpufreq");
    cpufreq_link(test, CPU "cpu4/cpufreq", "../cpu2/cpufreq");
    source_must_open(&test->source);
    source_count(&test->source, 4);
    CHECK_U64("cpu0", cpufreq_hz(test, "cpu0"), 1000000000);
    CHECK_U64("cpu2", cpufreq_hz(test, "cpu2"), 2000000000);
    CHECK_U64("mean", cpufreq_hz(test, "package-1"), 2000000000);
}

/* Recorded trees without a topology: one package, as for the host's load. */
static void test_no_topology(void **state)
{
    struct cpufreq *test = *state;

    tree_drop(&test->tree, CPU "online");
    for (unsigned cpu = 0; cpu < 5; cpu++) {
        char name[64];

        snprintf(name, sizeof(name), CPU "cpu%u", cpu);
        tree_drop(&test->tree, name);
    }
    source_must_open(&test->source);
    CHECK_U64("mean", cpufreq_hz(test, "package-0"), 2400000200);
}

/* Whose mean it is, and what weighs how much, is known or the mean is void: a
 * directory in a file's place fails to be read. */
static void test_weights_unknown(void **state)
{
    struct cpufreq *test = *state;
    struct jb_error err = { 0 };
    const struct jb_sensor *sensor;

    tree_drop(&test->tree, CPU "cpufreq/policy2/affected_cpus");
    cpufreq_write(test, "cpufreq/policy2", "affected_cpus/x", "");
    source_must_open(&test->source);
    sensor = source_sensor(&test->source, "package-1", NULL);
    assert_int_equal(sensor->state, JB_EIO);
    CHECK_TEXT("reason", sensor->reason,
               "the CPUs of policy2 cannot be read: error");
    assert_int_equal(source_take(&test->source, "package-1").state, JB_EIO);
    CHECK_U64("policy2", cpufreq_hz(test, "policy2"), 3000000000);
    CHECK_U64("package-0", cpufreq_hz(test, "package-0"), 1500000500);
    jb_source_cpufreq.close(test->source.handle);
    test->source.handle = NULL;
    tree_write(&test->tree, CPU "online", "x\n");
    CHECK_STATUS("topology", source_open(&test->source, &err), JB_EFORMAT,
                 &err);
    assert_non_null(strstr(err.text, "is not a CPU list"));
}

/* A policy of CPUs that are all offline is in nobody's mean. */
static void test_nobody(void **state)
{
    struct cpufreq *test = *state;

    tree_write(&test->tree, CPU "online", "0-1\n");
    source_must_open(&test->source);
    source_count(&test->source, 4);
    CHECK_U64("mean", cpufreq_hz(test, "package-0"), 1500000500);
    CHECK_U64("policy2", cpufreq_hz(test, "policy2"), 3000000000);
}

static void test_absent(void **state)
{
    struct cpufreq *test = *state;
    struct jb_error err = { 0 };

    tree_drop(&test->tree, CPU "cpufreq");
    CHECK_STATUS("none", source_open(&test->source, &err), JB_EABSENT, &err);
    assert_non_null(strstr(err.text, "no frequency policy"));
    tree_drop(&test->tree, "devices");
    CHECK_STATUS("nothing", source_open(&test->source, &err), JB_EABSENT, &err);
    assert_null(test->source.handle);
}

static void test_mute(void **state)
{
    struct cpufreq *test = *state;
    const struct jb_sensor *sensor;

    tree_drop(&test->tree, CPU "cpufreq/policy2/scaling_cur_freq");
    source_must_open(&test->source);
    sensor = source_sensor(&test->source, "policy2", NULL);
    assert_int_equal(sensor->state, JB_EABSENT);
    assert_non_null(strstr(sensor->reason, "policy2 says no frequency"));
    assert_int_equal(source_sensor(&test->source, "package-1", NULL)->state,
                     JB_EABSENT);
    assert_int_equal(source_take(&test->source, "package-1").state, JB_EABSENT);
    assert_int_equal(source_sensor(&test->source, "package-0", NULL)->state,
                     JB_OK);
}

static void test_hardware_alone(void **state)
{
    struct cpufreq *test = *state;

    tree_drop(&test->tree, CPU "cpufreq/policy2/scaling_cur_freq");
    cpufreq_write(test, "cpufreq/policy2", "cpuinfo_cur_freq", "1200195\n");
    source_must_open(&test->source);
    CHECK_U64("mean", cpufreq_hz(test, "package-1"), 1200195000);
}

/* Lists of CPUs */

static void test_lists(void **state)
{
    static const struct {
        const char *text;
        uint32_t count, first;
    } rows[] = {
        { "0", 1, 0 },        { "3 1 2", 3, 1 }, { "0-3", 4, 0 },
        { "0-1,8 10", 4, 0 }, { "", 0, 99 },     { " 5 ", 1, 5 },
        { "x", 0, 99 },       { "1 -2", 0, 99 }, { "70000", 0, 99 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        uint32_t first = 99;

        CHECK_U64(rows[i].text,
                  jb_cpufreq_count_cpus(rows[i].text, strlen(rows[i].text),
                                        NULL, &first),
                  rows[i].count);
        CHECK_U64(rows[i].text, first, rows[i].first);
    }
}

/* Effective frequency */

static void test_arithmetic(void **state)
{
    (void)state;
    /* 2.1 GHz TSC for 1 s, and 3/2 of it while busy */
    CHECK_U64("turbo", jb_effective_hz(300, 200, 2100000000, CPUFREQ_S),
              3150000000);
    CHECK_U64("a tenth", jb_effective_hz(1, 2, 210000000, CPUFREQ_S / 10),
              1050000000);
    /* 256 CPUs at 5 GHz for a month */
    CHECK_U64("a month",
              jb_effective_hz(UINT64_C(256) * 5000000000 * 2592000,
                              UINT64_C(256) * 2500000000 * 2592000,
                              UINT64_C(2500000000) * 2592000,
                              UINT64_C(2592000) * CPUFREQ_S),
              5000000000);
    CHECK_U64("idle", jb_effective_hz(0, 0, 5, 5), 0);
    CHECK_U64("no time", jb_effective_hz(1, 1, 5, 0), 0);
    CHECK_U64("no clock", jb_effective_hz(1, 1, 0, 5), 0);
    CHECK_U64("absurd", jb_effective_hz(UINT64_MAX, 1, UINT64_MAX, 1), 0);
}

static void cpufreq_events(struct cpufreq *test, const char *aperf)
{
    test->source.env.live = true;
    test->source.env.clock = &jb_clock_boottime;
    tree_write(&test->tree, CPU "online", "0\n");
    tree_write(&test->tree, MSR_PMU "type", "1\n");
    tree_write(&test->tree, MSR_PMU "format/event", "config:0-63\n");
    tree_write(&test->tree, MSR_PMU "events/tsc", "event=0x00\n");
    tree_write(&test->tree, MSR_PMU "events/mperf", "event=0x00\n");
    if (aperf)
        tree_write(&test->tree, MSR_PMU "events/aperf", aperf);
}

/* Containers forbid perf events by seccomp. */
static void cpufreq_need_perf(void)
{
    struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
                                    .size = sizeof(attr),
                                    .config = PERF_COUNT_SW_CPU_CLOCK };
    long fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0UL);

    if (fd < 0) {
        print_message("skipped: perf_event_open: %s\n", strerror(errno));
        skip();
    }
    close((int)fd);
}

static void test_effective(void **state)
{
    struct cpufreq *test = *state;
    const struct jb_sensor *sensor;
    uint64_t hz;

    cpufreq_need_perf();
    cpufreq_events(test, "event=0x00\n");
    source_must_open(&test->source);
    sensor = source_sensor(&test->source, "package-0/effective", NULL);
    assert_non_null(sensor);
    assert_int_equal(sensor->state, JB_OK);
    assert_int_equal(sensor->kind, JB_KIND_WINDOW_MEAN);
    assert_int_equal(sensor->provenance, JB_DERIVED);
    usleep(20000);
    hz = cpufreq_hz(test, "package-0/effective");
    assert_in_range(hz, 990000000, 1010000000);
    usleep(20000); /* the second is of its own window */
    hz = cpufreq_hz(test, "package-0/effective");
    assert_in_range(hz, 990000000, 1010000000);
}

/* Event 9 (PERF_COUNT_SW_DUMMY) never moves: a CPU that was never busy. */
static void test_effective_still(void **state)
{
    struct cpufreq *test = *state;

    cpufreq_need_perf();
    cpufreq_events(test, "event=0x09\n");
    source_must_open(&test->source);
    assert_int_equal(source_take(&test->source, "package-0/effective").state,
                     JB_EIMPLAUSIBLE);
}

/* As on virtual machines, whose msr PMU has the TSC and no more. */
static void test_effective_absent(void **state)
{
    struct cpufreq *test = *state;

    cpufreq_events(test, NULL);
    source_must_open(&test->source);
    source_count(&test->source, 4); /* three policies, one package is online */
    assert_null(source_sensor(&test->source, "package-0/effective", NULL));
}

static void test_effective_limit(void **state)
{
    struct cpufreq *test = *state;
    const struct jb_sensor *sensor;
    struct rlimit limit;
    struct rlimit low;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit){ 200, limit.rlim_max };
    cpufreq_events(test, "event=0x00\n");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    source_must_open(&test->source);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    sensor = source_sensor(&test->source, "package-0/effective", NULL);
    assert_non_null(sensor);
    assert_int_equal(sensor->state, JB_ELIMIT);
    CHECK_TEXT("fix", sensor->fix, "ulimit -n 258");
    assert_int_equal(source_take(&test->source, "package-0/effective").state,
                     JB_ELIMIT);
}

/* On a recorded tree the counters of this machine are not used. */
static void test_effective_recorded(void **state)
{
    struct cpufreq *test = *state;

    cpufreq_events(test, "event=0x00\n");
    test->source.env.live = false;
    source_must_open(&test->source);
    assert_null(source_sensor(&test->source, "package-0/effective", NULL));
}

#define CPUFREQ_TEST(name)                                                     \
    cmocka_unit_test_setup_teardown(name, cpufreq_setup, cpufreq_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CPUFREQ_TEST(test_policies),
        CPUFREQ_TEST(test_weights),
        CPUFREQ_TEST(test_one_read),
        CPUFREQ_TEST(test_note),
        CPUFREQ_TEST(test_other_files),
        CPUFREQ_TEST(test_garbage),
        CPUFREQ_TEST(test_sentinels),
        CPUFREQ_TEST(test_offline),
        CPUFREQ_TEST(test_links),
        CPUFREQ_TEST(test_old_kernel),
        CPUFREQ_TEST(test_no_topology),
        CPUFREQ_TEST(test_weights_unknown),
        CPUFREQ_TEST(test_nobody),
        CPUFREQ_TEST(test_absent),
        CPUFREQ_TEST(test_mute),
        CPUFREQ_TEST(test_hardware_alone),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_arithmetic),
        CPUFREQ_TEST(test_effective),
        CPUFREQ_TEST(test_effective_still),
        CPUFREQ_TEST(test_effective_absent),
        CPUFREQ_TEST(test_effective_limit),
        CPUFREQ_TEST(test_effective_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
