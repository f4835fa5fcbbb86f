/* SPDX-License-Identifier: Apache-2.0 */
/* Monitors and collectors through the public headers, on counters of known
 * power. */
#include <joulebook/joulebook.h>

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "ticker.h"

static const struct ticker_zone zones[] = {
    { "intel-rapl:0", "package-0", 50000000 },
    { "intel-rapl:1", "package-1", 20000000 },
};
static const double zone_watts[] = { 50.0, 20.0 };
static const uint64_t range_uj = UINT64_C(1000000000000);

static struct ticker ticker;

static int setup_quiet(void **state)
{
    (void)state;
    ticker_start(&ticker, zones, CHECK_COUNT(zones), range_uj, "GenuineIntel");
    return 0;
}

static int setup(void **state)
{
    setup_quiet(state);
    ticker_run(&ticker);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ticker_stop(&ticker);
    return 0;
}

static struct jb_monitor_config configuration(const char *source,
                                              const char *component)
{
    return (struct jb_monitor_config){ .size = sizeof(struct jb_monitor_config),
                                       .source = source,
                                       .component = component,
                                       .interval_s = 0.05,
                                       .sysfs = ticker.sysfs,
                                       .procfs = ticker.procfs };
}

static struct jb_monitor *make(const char *source, const char *component)
{
    struct jb_monitor_config config = configuration(source, component);
    struct jb_monitor *monitor = NULL;
    struct jb_error err;

    CHECK_STATUS("new", jb_monitor_new(&config, &monitor, &err), JB_OK, &err);
    return monitor;
}

static size_t threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static void test_refused_configurations(void **state)
{
    static const struct {
        const char *label, *source, *component, *host;
        double interval_s;
        uint32_t metrics;
        const char *says;
    } cases[] = {
        { "no source", NULL, "intel", NULL, 1, 0, "cpu/intel" },
        { "unknown source", "fan", "intel", NULL, 1, 0, "fan/intel" },
        { "unknown component", "cpu", "arm", NULL, 1, 0, "cpu/arm" },
        { "mixed", "gpu", "intel", NULL, 1, 0, "gpu/nvidia" },
        { "too short", "cpu", "intel", NULL, 0.0001, 0, "0.001" },
        { "too long", "cpu", "intel", NULL, 1e9, 0, "86400" },
        { "negative", "cpu", "intel", NULL, -1, 0, "-1" },
        { "no number", "cpu", "intel", NULL, 0.0 / 0.0, 0, "nan" },
        { "unknown metric", "cpu", "intel", NULL, 1, 1U << 9, "0x200" },
        { "host of a CPU", "cpu", "intel", "bmc", 1, 0, "system/ipmi" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_monitor_config config = { .size = sizeof(config),
                                            .source = cases[i].source,
                                            .component = cases[i].component,
                                            .interval_s = cases[i].interval_s,
                                            .metrics = cases[i].metrics,
                                            .host = cases[i].host };
        struct jb_monitor *monitor = NULL;
        struct jb_error err = { .status = JB_OK };

        CHECK_STATUS(cases[i].label, jb_monitor_new(&config, &monitor, &err),
                     JB_EUSAGE, &err);
        assert_null(monitor);
        if (!strstr(err.text, cases[i].says))
            fail_msg("%s: %s", cases[i].label, err.text);
    }
    CHECK_STATUS("nothing", jb_monitor_new(NULL, NULL, NULL), JB_EUSAGE, NULL);
}

/* A caller's struct may be larger than ours, as long as it asks for nothing
 * that we do not know. */
static void test_size(void **state)
{
    struct {
        struct jb_monitor_config config;
        char later[16];
    } newer = { .later = { 0 } };
    struct jb_monitor *monitor = NULL;
    struct jb_error err;

    (void)state;
    newer.config = configuration("cpu", "intel");
    newer.config.size = sizeof(newer);
    CHECK_STATUS("newer", jb_monitor_new(&newer.config, &monitor, &err), JB_OK,
                 &err);
    jb_monitor_free(monitor);
    newer.later[7] = 1;
    CHECK_STATUS("newer asks", jb_monitor_new(&newer.config, &monitor, &err),
                 JB_EUSAGE, NULL);
    newer.config.size = 0;
    CHECK_STATUS("no size", jb_monitor_new(&newer.config, &monitor, &err),
                 JB_EUSAGE, NULL);
    newer.config.size = sizeof(newer.config) - 1;
    CHECK_STATUS("cut", jb_monitor_new(&newer.config, &monitor, &err),
                 JB_EUSAGE, NULL);
}

static void check_start_fails(const char *source, const char *component,
                              int want, const char *says)
{
    struct jb_monitor *monitor = make(source, component);
    struct jb_readings *list = NULL;
    size_t before = threads();
    struct jb_error err = { .status = JB_OK };

    for (int again = 0; again < 2; again++) {
        CHECK_STATUS(component, jb_monitor_start(monitor, &err), want, &err);
        if (!strstr(err.text, says))
            fail_msg("%s/%s: %s", source, component, err.text);
    }
    CHECK_STATUS("read", jb_monitor_read(monitor, &list, &err), JB_EUSAGE,
                 NULL);
    CHECK_STATUS("stop", jb_monitor_stop(monitor, &err), JB_EUSAGE, NULL);
    CHECK_U64("threads", threads(), before);
    jb_monitor_free(monitor);
}

static void test_start_fails(void **state)
{
    (void)state;
    check_start_fails("cpu", "amd", JB_EABSENT, "Test CPU (vendor Genuine");
    check_start_fails("gpu", "nvidia", JB_EABSENT, "nvml");
    check_start_fails("gpu", "amd", JB_EABSENT, "amdgpu");
    check_start_fails("system", "ipmi", JB_EABSENT, "ipmi");
    check_start_fails("gpu", "any", JB_EABSENT, "gpu");
}

/* Counters that stand still, as in a recording, measure nothing. */
static void test_still_counters(void **state)
{
    (void)state;
    check_start_fails("cpu", "intel", JB_EDEAD, "stands still");
}

static void test_no_tree(void **state)
{
    (void)state;
    tree_drop(&ticker.tree, "sys");
    check_start_fails("cpu", "intel", JB_EABSENT, "RAPL");
    tree_drop(&ticker.tree, "proc");
    check_start_fails("cpu", "intel", JB_EABSENT, "cpuinfo");
    check_start_fails("cpu", NULL, JB_EABSENT, "RAPL");
}

/* Power of a reading is that of its zone.  An interval of 50 ms and counters
 * that move every millisecond: a few per cent, more when the test had to wait
 * for its processor. */
static void check_power(const struct jb_reading *reading)
{
    double watts = 0.0;
    double want;
    enum jb_provenance provenance = JB_ESTIMATED;

    assert_string_equal(jb_reading_source(reading), "cpu");
    assert_string_equal(jb_reading_component(reading), "intel");
    CHECK_STATUS(
        "power",
        jb_reading_metric(reading, JB_METRIC_POWER, &watts, &provenance), JB_OK,
        NULL);
    CHECK_U64("provenance", provenance, JB_MEASURED);
    want = zone_watts[strcmp(jb_reading_device(reading), "package-0") != 0];
    if (watts < want * 0.5 || watts > want * 1.5)
        fail_msg("%s: %g W, want %g W", jb_reading_device(reading), watts,
                 want);
}

static size_t check_list(const struct jb_readings *list)
{
    const char *last = "";

    for (size_t i = 0; i < jb_readings_count(list); i++) {
        const struct jb_reading *reading = jb_readings_get(list, i);
        double value = -1.0;

        check_power(reading);
        assert_true(strcmp(jb_reading_timestamp(reading), last) >= 0);
        last = jb_reading_timestamp(reading);
        CHECK_U64("length", strlen(last), JB_TIMESTAMP_MAX - 1);
        CHECK_STATUS(
            "temperature",
            jb_reading_metric(reading, JB_METRIC_TEMPERATURE, &value, NULL),
            JB_EABSENT, NULL);
        CHECK_REAL("untouched", value, -1.0);
        CHECK_STATUS(
            "no metric",
            jb_reading_metric(reading, (enum jb_metric)99, &value, NULL),
            JB_EUSAGE, NULL);
    }
    assert_null(jb_readings_get(list, jb_readings_count(list)));
    CHECK_U64("lost", jb_readings_lost(list), 0);
    return jb_readings_count(list);
}

static void test_readings(void **state)
{
    struct jb_monitor *monitor = make("cpu", "intel");
    struct jb_readings *first = NULL;
    struct jb_readings *second = NULL;
    struct jb_error err;
    size_t before = threads();

    (void)state;
    CHECK_TEXT("name", jb_monitor_name(monitor), "cpu/intel");
    CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_OK, &err);
    CHECK_STATUS("twice", jb_monitor_start(monitor, &err), JB_EUSAGE, NULL);
    CHECK_STATUS("at once", jb_monitor_read(monitor, &first, &err), JB_OK,
                 &err);
    CHECK_U64("before the first interval", jb_readings_count(first), 0);
    jb_readings_free(first);
    ticker_sleep_ms(500);
    CHECK_STATUS("read", jb_monitor_read(monitor, &first, &err), JB_OK, &err);
    assert_in_range(check_list(first), 6, 22);
    CHECK_STATUS("read", jb_monitor_read(monitor, &second, &err), JB_OK, &err);
    assert_in_range(check_list(second), 0, 4);
    jb_readings_free(second);
    ticker_sleep_ms(150);
    CHECK_STATUS("stop", jb_monitor_stop(monitor, &err), JB_OK, &err);
    CHECK_U64("threads", threads(), before);
    CHECK_STATUS("stop again", jb_monitor_stop(monitor, &err), JB_EUSAGE, NULL);
    CHECK_STATUS("after stop", jb_monitor_read(monitor, &second, &err), JB_OK,
                 &err);
    assert_in_range(check_list(second), 2, 10);
    CHECK_STATUS("start again", jb_monitor_start(monitor, &err), JB_OK, &err);
    jb_monitor_free(monitor);
    CHECK_U64("threads", threads(), before);
    assert_in_range(check_list(first), 6, 22); /* lives on its own */
    jb_readings_free(first);
    jb_readings_free(second);
}

static void test_metric_status(void **state)
{
    struct jb_monitor_config config = configuration("cpu", "any");
    struct jb_monitor *monitor = NULL;
    struct jb_error err;

    (void)state;
    config.metrics = JB_METRICS_POWER | JB_METRICS_FREQUENCY;
    CHECK_STATUS("new", jb_monitor_new(&config, &monitor, &err), JB_OK, &err);
    CHECK_STATUS("before",
                 jb_monitor_metric_status(monitor, JB_METRIC_POWER, &err),
                 JB_EUSAGE, NULL);
    CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_OK, &err);
    CHECK_STATUS("power",
                 jb_monitor_metric_status(monitor, JB_METRIC_POWER, &err),
                 JB_OK, &err);
    CHECK_STATUS("frequency",
                 jb_monitor_metric_status(monitor, JB_METRIC_FREQUENCY, &err),
                 JB_EABSENT, NULL);
    CHECK_STATUS("not asked for",
                 jb_monitor_metric_status(monitor, JB_METRIC_UTILIZATION, &err),
                 JB_EUSAGE, NULL);
    jb_monitor_free(monitor);
}

/* A meter that stops counting is an error of reading, and over when it goes
 * on. */
static void test_reading_fails(void **state)
{
    struct jb_monitor *monitor = make("cpu", "intel");
    struct jb_readings *list = NULL;
    struct jb_error err;
    int rc = JB_OK;

    (void)state;
    CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_OK, &err);
    atomic_store(&ticker.frozen, true);
    for (int i = 0; i < 100 && rc == JB_OK; i++) {
        ticker_sleep_ms(50);
        rc = jb_monitor_read(monitor, &list, &err);
        if (rc == JB_OK)
            jb_readings_free(list);
    }
    CHECK_STATUS("frozen", rc, JB_EDEAD, &err);
    assert_non_null(strstr(err.text, "package-0"));
    atomic_store(&ticker.frozen, false);
    for (int i = 0; i < 100 && rc != JB_OK; i++) {
        ticker_sleep_ms(50);
        rc = jb_monitor_read(monitor, &list, &err);
    }
    CHECK_STATUS("thawed", rc, JB_OK, &err);
    jb_readings_free(list);
    jb_monitor_free(monitor);
}

/* The program's signals are handled by the program's threads. */
static void test_signals_are_blocked(void **state)
{
    struct jb_monitor *monitor = make("cpu", "intel");
    DIR *dir;
    struct dirent *entry;
    size_t seen = 0;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_OK, &err);
    dir = opendir("/proc/self/task");
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        char path[64];
        char line[256];
        bool ours = false;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%.20s/status",
                 entry->d_name);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file)) {
            unsigned long long blocked;

            ours |= strncmp(line, "Name:\tjb-", 9) == 0;
            if (ours && sscanf(line, "SigBlk: %llx", &blocked) == 1) {
                seen++;
                /* SIGINT 2, SIGUSR1 10, SIGTERM 15, SIGCHLD 17 */
                CHECK_U64(path, blocked & 0x14202, 0x14202);
            }
        }
        if (file)
            fclose(file);
    }
    closedir(dir);
    assert_true(seen >= 2);
    jb_monitor_free(monitor);
}

static void test_fork(void **state)
{
    struct jb_monitor *monitor = make("cpu", "intel");
    struct jb_readings *list = NULL;
    int status = 0;
    struct jb_error err;
    pid_t child;

    (void)state;
    CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_OK, &err);
    child = fork();
    if (child == 0) {
        bool good = jb_monitor_read(monitor, &list, &err) == JB_EUSAGE &&
                    jb_monitor_stop(monitor, &err) == JB_EUSAGE &&
                    jb_monitor_start(monitor, &err) == JB_EUSAGE &&
                    strstr(err.text, "fork()");

        jb_monitor_free(monitor);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    CHECK_U64("child", (uint64_t)status, 0);
    CHECK_STATUS("parent", jb_monitor_stop(monitor, &err), JB_OK, &err);
    jb_monitor_free(monitor);
}

static void *read_on(void *argument)
{
    struct jb_monitor *monitor = argument;

    for (int i = 0; i < 300; i++) {
        struct jb_readings *list = NULL;

        if (jb_monitor_read(monitor, &list, NULL) == JB_OK)
            jb_readings_free(list);
        (void)jb_monitor_metric_status(monitor, JB_METRIC_POWER, NULL);
        ticker_sleep_ms(1);
    }
    return NULL;
}

/* What thread sanitizer is to look at. */
static void test_many_threads(void **state)
{
    struct jb_monitor *monitor = make("cpu", "intel");
    pthread_t readers[3];
    struct jb_error err;

    (void)state;
    CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_OK, &err);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, monitor),
                         0);
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS("stop", jb_monitor_stop(monitor, &err), JB_OK, &err);
        CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_OK, &err);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(readers[i], NULL);
    jb_monitor_free(monitor);
}

enum { FIVE = 5 };

static void make_five(struct jb_monitor *monitors[FIVE])
{
    monitors[0] = make("gpu", "nvidia");
    monitors[1] = make("cpu", "amd");
    monitors[2] = make("cpu", "intel");
    monitors[3] = make("gpu", "amd");
    monitors[4] = make("system", "ipmi");
}

static void free_five(struct jb_monitor *monitors[FIVE])
{
    for (size_t i = 0; i < FIVE; i++)
        jb_monitor_free(monitors[i]);
}

static void test_one_of_five(void **state)
{
    static const size_t failing[] = { 0, 1, 3, 4 };
    struct jb_monitor *monitors[FIVE];
    struct jb_collector *collector = NULL;
    struct jb_readings *list = NULL;
    char started[JB_TIMESTAMP_MAX];
    char ended[JB_TIMESTAMP_MAX];
    char path[TREE_PATH_MAX];
    struct jb_error err;

    (void)state;
    make_five(monitors);
    tree_path(&ticker.tree, "data.json", path);
    CHECK_STATUS("new", jb_collector_new(monitors, FIVE, &collector, &err),
                 JB_OK, &err);
    CHECK_STATUS("collect", jb_collector_collect(collector, 0.1, &err),
                 JB_EUSAGE, NULL);
    CHECK_STATUS("save", jb_collector_save(collector, path, &err), JB_EUSAGE,
                 NULL);
    CHECK_STATUS("start", jb_collector_start(collector, &err), JB_OK, &err);
    CHECK_STATUS("twice", jb_collector_start(collector, &err), JB_EUSAGE, NULL);
    jb_collector_ended(collector, ended);
    CHECK_TEXT("not ended", ended, "");
    CHECK_STATUS("collect", jb_collector_collect(collector, 0.5, &err), JB_OK,
                 &err);
    CHECK_STATUS("stop", jb_collector_stop(collector, &err), JB_OK, &err);
    CHECK_STATUS("readings", jb_collector_readings(collector, &list, &err),
                 JB_OK, &err);
    assert_in_range(check_list(list), 8, 24);
    jb_readings_free(list);
    CHECK_U64("errors", jb_collector_error_count(collector),
              CHECK_COUNT(failing));
    for (size_t i = 0; i < CHECK_COUNT(failing); i++) {
        size_t monitor = FIVE;
        enum jb_phase phase = JB_PHASE_STOP;

        CHECK_STATUS("error",
                     jb_collector_error(collector, i, &monitor, &phase, &err),
                     JB_OK, NULL);
        CHECK_U64("monitor", monitor, failing[i]);
        CHECK_U64("phase", phase, JB_PHASE_START);
        CHECK_STATUS("why", err.status, JB_EABSENT, NULL);
    }
    CHECK_STATUS("no more", jb_collector_error(collector, 4, NULL, NULL, NULL),
                 JB_EABSENT, NULL);
    jb_collector_started(collector, started);
    jb_collector_ended(collector, ended);
    assert_true(strcmp(started, ended) < 0);
    CHECK_STATUS("save", jb_collector_save(collector, path, &err), JB_OK, &err);
    CHECK_STATUS("save nowhere",
                 jb_collector_save(collector, "/nowhere/data.json", &err),
                 JB_EIO, NULL);
    jb_collector_free(collector);
    free_five(monitors);
}

static void test_none_of_four(void **state)
{
    struct jb_monitor *monitors[FIVE];
    struct jb_monitor *four[4];
    struct jb_collector *collector = NULL;
    struct jb_error err;

    (void)state;
    make_five(monitors);
    memcpy(four, monitors, 2 * sizeof(struct jb_monitor *));
    memcpy(four + 2, monitors + 3, 2 * sizeof(struct jb_monitor *));
    CHECK_STATUS("none", jb_collector_new(four, 0, &collector, &err), JB_EUSAGE,
                 NULL);
    four[3] = four[0];
    CHECK_STATUS("twice", jb_collector_new(four, 4, &collector, &err),
                 JB_EUSAGE, NULL);
    four[3] = monitors[4];
    CHECK_STATUS("new", jb_collector_new(four, 4, &collector, &err), JB_OK,
                 &err);
    CHECK_STATUS("start", jb_collector_start(collector, &err), JB_EABSENT,
                 &err);
    assert_non_null(strstr(err.text, "none of 4"));
    CHECK_U64("errors", jb_collector_error_count(collector), 4);
    CHECK_STATUS("stop", jb_collector_stop(collector, &err), JB_EUSAGE, NULL);
    jb_collector_free(collector);
    free_five(monitors);
}

static void *stop_soon(void *argument)
{
    ticker_sleep_ms(200);
    return jb_collector_stop(argument, NULL) == JB_OK ? argument : NULL;
}

static void test_stop_ends_collect(void **state)
{
    struct jb_monitor *monitor = make("cpu", "intel");
    struct jb_collector *collector = NULL;
    struct jb_error err;
    pthread_t thread;
    void *stopped = NULL;
    uint64_t begin_ns = ticker_now_ns();

    (void)state;
    CHECK_STATUS("new", jb_collector_new(&monitor, 1, &collector, &err), JB_OK,
                 &err);
    CHECK_STATUS("start", jb_collector_start(collector, &err), JB_OK, &err);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, collector), 0);
    CHECK_STATUS("collect", jb_collector_collect(collector, 3600, &err), JB_OK,
                 &err);
    pthread_join(thread, &stopped);
    assert_ptr_equal(stopped, collector);
    assert_true(ticker_now_ns() - begin_ns < UINT64_C(20000000000));
    CHECK_STATUS("negative", jb_collector_collect(collector, -1, &err),
                 JB_EUSAGE, NULL);
    CHECK_STATUS("no number", jb_collector_collect(collector, 0.0 / 0.0, &err),
                 JB_EUSAGE, NULL);
    jb_collector_free(collector);
    jb_monitor_free(monitor);
}

/* A meter that fails for long is one error, not one a second. */
static void test_failure_while_collecting(void **state)
{
    struct jb_monitor *monitor = make("cpu", "intel");
    struct jb_collector *collector = NULL;
    enum jb_phase phase = JB_PHASE_START;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("new", jb_collector_new(&monitor, 1, &collector, &err), JB_OK,
                 &err);
    CHECK_STATUS("start", jb_collector_start(collector, &err), JB_OK, &err);
    CHECK_STATUS("collect", jb_collector_collect(collector, 0.2, &err), JB_OK,
                 &err);
    atomic_store(&ticker.frozen, true);
    for (int i = 0; i < 30; i++)
        CHECK_STATUS("collect", jb_collector_collect(collector, 0.02, &err),
                     JB_OK, &err);
    CHECK_U64("errors", jb_collector_error_count(collector), 1);
    CHECK_STATUS("error", jb_collector_error(collector, 0, NULL, &phase, &err),
                 JB_OK, NULL);
    CHECK_U64("phase", phase, JB_PHASE_READ);
    CHECK_STATUS("why", err.status, JB_EDEAD, NULL);
    jb_collector_free(collector);
    jb_monitor_free(monitor);
}

static void test_words(void **state)
{
    (void)state;
    CHECK_TEXT("metric", jb_metric_name(JB_METRIC_UTILIZATION), "utilization");
    assert_null(jb_metric_name((enum jb_metric)JB_METRIC_COUNT));
    CHECK_TEXT("provenance", jb_provenance_name(JB_ESTIMATED), "estimated");
    assert_null(jb_provenance_name((enum jb_provenance)7));
    CHECK_TEXT("phase", jb_phase_name(JB_PHASE_READ), "read");
    assert_null(jb_phase_name((enum jb_phase) - 1));
    CHECK_U64("empty", jb_readings_count(NULL), 0);
    assert_null(jb_readings_get(NULL, 0));
    CHECK_U64("empty", jb_readings_lost(NULL), 0);
    jb_readings_free(NULL);
    jb_monitor_free(NULL);
    jb_collector_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        TEST(test_refused_configurations),
        TEST(test_size),
        TEST(test_start_fails),
        cmocka_unit_test_setup_teardown(test_still_counters, setup_quiet,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_no_tree, setup_quiet, teardown),
        TEST(test_readings),
        TEST(test_metric_status),
        TEST(test_reading_fails),
        TEST(test_signals_are_blocked),
        TEST(test_fork),
        TEST(test_many_threads),
        TEST(test_one_of_five),
        TEST(test_none_of_four),
        TEST(test_stop_ends_collect),
        TEST(test_failure_while_collecting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
