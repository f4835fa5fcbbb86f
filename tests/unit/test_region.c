/* SPDX-License-Identifier: Apache-2.0 */
/* Regions through the public header, on counters of known power: the truth is
 * power times time and must lie within the bounds. */
#include <joulebook/joulebook.h>

#include <dirent.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "check.h"
#include "ticker.h"

static const struct ticker_zone zones[] = {
    { "intel-rapl:0", "package-0", 50000000 },
    { "intel-rapl:0:0", "core", 30000000 },
    { "intel-rapl:1", "package-1", 20000000 },
    { "intel-rapl:1:0", "dram", 5000000 },
};
/* In the order of domains. */
static const char *const names[] = { "package-0", "package-1", "core-0",
                                     "dram-1" };
static const double watts[] = { 50.0, 20.0, 30.0, 5.0 };
static const uint64_t range_uj = UINT64_C(1000000000000);

/* Thread sanitizer ends a child that starts a thread. */
#if defined(__SANITIZE_THREAD__)
#define REGION_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define REGION_TSAN 1
#endif
#endif
#if !defined(REGION_TSAN)
#define REGION_TSAN 0
#endif

static struct ticker ticker;

static int setup_with(uint64_t range)
{
    ticker_start(&ticker, zones, CHECK_COUNT(zones), range, "GenuineIntel");
    return 0;
}

static int setup(void **state)
{
    (void)state;
    setup_with(range_uj);
    ticker_run(&ticker);
    return 0;
}

/* Each counter runs through its range in 0.4 to 4 s, and 100 W is the most: a
 * gap of 0.2 s is the longest that is certain. */
static int setup_wrapping(void **state)
{
    (void)state;
    setup_with(20000000);
    for (size_t i = 0; i < CHECK_COUNT(zones); i++) {
        ticker_write(&ticker, zones[i].directory, "constraint_0_name",
                     "long_term\n");
        ticker_write(&ticker, zones[i].directory, "constraint_0_max_power_uw",
                     "50000000\n");
        ticker_write(&ticker, zones[i].directory, "constraint_0_power_limit_uw",
                     "50000000\n");
    }
    ticker_run(&ticker);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ticker_stop(&ticker);
    return 0;
}

static struct jb_session *open_session(const char *domains)
{
    struct jb_session_config config = { .size = sizeof(config),
                                        .domains = domains,
                                        .sysfs = ticker.sysfs,
                                        .procfs = ticker.procfs };
    struct jb_session *session = NULL;
    struct jb_error err;

    CHECK_STATUS("open", jb_session_open(&config, &session, &err), JB_OK, &err);
    return session;
}

static struct jb_region *make(struct jb_session *session, const char *name)
{
    struct jb_region *region = NULL;
    struct jb_error err;

    CHECK_STATUS("new", jb_region_new(session, name, &region, &err), JB_OK,
                 &err);
    return region;
}

static void begin(struct jb_region *region)
{
    struct jb_error err;

    CHECK_STATUS("begin", jb_region_begin(region, &err), JB_OK, &err);
}

static const struct jb_region_result *end(struct jb_region *region)
{
    const struct jb_region_result *result = NULL;
    struct jb_error err;

    CHECK_STATUS("end", jb_region_end(region, &result, &err), JB_OK, &err);
    return result;
}

/* Truth between the shortest and the longest time that the region can have
 * lasted; what counters lag by nature is in the bounds, and what these lag on a
 * busy machine is allowed. */
static void check_truth(const struct jb_region_domain *domain, double w,
                        double least_s, double most_s)
{
    double late_s = (double)atomic_load(&ticker.late_ns) / 1e9;

    least_s -= late_s;
    most_s += late_s;
    CHECK_STATUS(domain->domain, domain->status, JB_OK, NULL);
    if ((double)domain->high_uj < w * least_s * 1e6 ||
        (double)domain->low_uj > w * most_s * 1e6)
        fail_msg("%s: %g to %g J, want %g to %g J", domain->domain,
                 (double)domain->low_uj / 1e6, (double)domain->high_uj / 1e6,
                 w * least_s, w * most_s);
    assert_true(domain->low_uj <= domain->energy_uj &&
                domain->energy_uj <= domain->high_uj);
    CHECK_U64("provenance", domain->provenance, JB_MEASURED);
}

static double since(uint64_t from_ns)
{
    return (double)(ticker_now_ns() - from_ns) / 1e9;
}

static void test_truth_and_total(void **state)
{
    struct jb_session *session = open_session(NULL);
    struct jb_region *region = make(session, "solve");
    uint64_t outer_ns = ticker_now_ns();
    uint64_t inner_ns;
    double inner_s;
    const struct jb_region_result *result;
    int64_t packages;

    (void)state;
    begin(region);
    inner_ns = ticker_now_ns();
    ticker_sleep_ms(300);
    inner_s = since(inner_ns);
    result = end(region);
    CHECK_TEXT("name", result->name, "solve");
    CHECK_U64("count", result->count, 1);
    CHECK_U64("domains", result->domain_count, CHECK_COUNT(names));
    assert_true((double)result->elapsed_ns / 1e9 >= inner_s);
    assert_true((double)result->elapsed_ns / 1e9 <= since(outer_ns));
    for (size_t i = 0; i < CHECK_COUNT(names); i++) {
        const struct jb_region_domain *domain = jb_region_domain(result, i);

        CHECK_TEXT("domain", domain->domain, names[i]);
        CHECK_TEXT("why", domain->why, "");
        CHECK_U64("count", domain->count, 1);
        CHECK_U64("coverage", domain->coverage_ppm, 1000000);
        check_truth(domain, watts[i], inner_s, since(outer_ns));
    }
    CHECK_TEXT("sensor", jb_region_domain(result, 0)->sensor,
               "powercap/intel-rapl:0");
    /* core lies in package-0, dram beside its package */
    CHECK_U64("core", (uint64_t)jb_region_domain(result, 2)->in_total, 0);
    packages = jb_region_domain(result, 0)->energy_uj +
               jb_region_domain(result, 1)->energy_uj +
               jb_region_domain(result, 3)->energy_uj;
    CHECK_U64("totals", result->total_count, 1);
    CHECK_U64("total", (uint64_t)result->total_uj, (uint64_t)packages);
    assert_true(result->total_low_uj <= packages &&
                packages <= result->total_high_uj);
    assert_null(jb_region_domain(result, CHECK_COUNT(names)));
    jb_region_free(region);
    jb_session_close(session);
}

static void test_nested_and_repeated(void **state)
{
    struct jb_session *session = open_session("package-0");
    struct jb_region *outer = make(session, "outer");
    struct jb_region *inner = make(session, "inner");
    const struct jb_region_result *result = NULL;
    int64_t sum = 0;
    double least_s = 0.0;
    double most_s = 0.0;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("no total yet", jb_region_total(inner, &result, &err),
                 JB_EUSAGE, NULL);
    begin(outer);
    for (int i = 0; i < 4; i++) {
        uint64_t outer_ns = ticker_now_ns();
        uint64_t inner_ns;

        begin(inner);
        inner_ns = ticker_now_ns();
        ticker_sleep_ms(40);
        least_s += since(inner_ns);
        sum += jb_region_domain(end(inner), 0)->energy_uj;
        most_s += since(outer_ns);
        ticker_sleep_ms(10);
    }
    result = end(outer);
    assert_true(jb_region_domain(result, 0)->energy_uj > sum);
    CHECK_STATUS("total", jb_region_total(inner, &result, &err), JB_OK, &err);
    CHECK_U64("count", result->count, 4);
    CHECK_U64("count", jb_region_domain(result, 0)->count, 4);
    CHECK_U64("totals", result->total_count, 4);
    CHECK_U64("sum", (uint64_t)jb_region_domain(result, 0)->energy_uj,
              (uint64_t)sum);
    CHECK_U64("total", (uint64_t)result->total_uj, (uint64_t)sum);
    check_truth(jb_region_domain(result, 0), 50.0, least_s, most_s);
    jb_region_free(inner);
    jb_region_free(outer);
    jb_session_close(session);
}

/* Shorter than the counter's step there is no figure; together there is one,
 * and its bounds know of those that had none. */
static void test_short_runs(void **state)
{
    struct jb_session *session = open_session("package-0");
    struct jb_region *region = make(session, "short");
    const struct jb_region_result *result = NULL;
    struct jb_error err;
    uint64_t begin_ns = ticker_now_ns();
    bool refused = false;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        const struct jb_region_domain *domain;

        begin(region);
        domain = jb_region_domain(end(region), 0);
        if (domain->status == JB_OK)
            continue;
        refused = true;
        CHECK_STATUS("too short", domain->status, JB_ELIMIT, NULL);
        assert_non_null(strstr(domain->why, "too short"));
        CHECK_U64("no energy", (uint64_t)domain->energy_uj, 0);
    }
    assert_true(refused);
    while (true) {
        begin(region);
        ticker_sleep_ms(3);
        if (jb_region_domain(end(region), 0)->status == JB_OK)
            break;
    }
    CHECK_STATUS("total", jb_region_total(region, &result, &err), JB_OK, &err);
    CHECK_U64("all are in it", jb_region_domain(result, 0)->count,
              result->count);
    check_truth(jb_region_domain(result, 0), 50.0,
                (double)result->elapsed_ns / 1e9, since(begin_ns));
    jb_region_free(region);
    jb_session_close(session);
}

/* Three times through the range: somebody has to look in between. */
static void test_longer_than_a_wrap(void **state)
{
    struct jb_session *session = open_session(NULL);
    struct jb_region *region = make(session, "long");
    uint64_t outer_ns = ticker_now_ns();
    uint64_t inner_ns;
    double inner_s;
    const struct jb_region_result *result;

    (void)state;
    begin(region);
    inner_ns = ticker_now_ns();
    ticker_sleep_ms(1300);
    inner_s = since(inner_ns);
    result = end(region);
    for (size_t i = 0; i < CHECK_COUNT(names); i++) {
        const struct jb_region_domain *domain = jb_region_domain(result, i);

        CHECK_U64("coverage", domain->coverage_ppm, 1000000);
        check_truth(domain, watts[i], inner_s, since(outer_ns));
    }
    assert_true(jb_region_domain(result, 0)->energy_uj > 60000000);
    jb_region_free(region);
    jb_session_close(session);
}

struct worker {
    struct jb_session *session;
    bool good;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct jb_region *region = NULL;
    const struct jb_region_result *result = NULL;

    worker->good =
        jb_region_new(worker->session, "mine", &region, NULL) == JB_OK;
    for (int i = 0; worker->good && i < 50; i++) {
        worker->good = jb_region_begin(region, NULL) == JB_OK;
        ticker_sleep_ms(2);
        worker->good = worker->good &&
                       jb_region_end(region, &result, NULL) == JB_OK &&
                       result->count == 1;
    }
    worker->good =
        worker->good && jb_region_total(region, &result, NULL) == JB_OK &&
        result->count == 50 && jb_region_domain(result, 0)->status == JB_OK;
    jb_region_free(region);
    return NULL;
}

static void test_many_threads(void **state)
{
    struct worker workers[4];
    pthread_t threads[4];

    (void)state;
    workers[0].session = open_session(NULL);
    for (size_t i = 0; i < 4; i++) {
        workers[i] = (struct worker){ workers[0].session, false };
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]),
                         0);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 4; i++)
        CHECK_BOOL("thread", workers[i].good, true);
    jb_session_close(workers[0].session);
}

static void test_misuse(void **state)
{
    struct jb_session_config config = { .size = sizeof(config),
                                        .domains = "kitchen",
                                        .sysfs = ticker.sysfs };
    struct jb_session *session = NULL;
    const struct jb_region_result *result = NULL;
    struct jb_region *region = NULL;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("domain", jb_session_open(&config, &session, &err), JB_EUSAGE,
                 NULL);
    config = (struct jb_session_config){ .size = 3 };
    CHECK_STATUS("size", jb_session_open(&config, &session, &err), JB_EUSAGE,
                 NULL);
    session = open_session(NULL);
    CHECK_STATUS("name", jb_region_new(session, NULL, &region, &err), JB_EUSAGE,
                 NULL);
    region = make(session, "r");
    CHECK_STATUS("end", jb_region_end(region, &result, &err), JB_EUSAGE, NULL);
    begin(region);
    CHECK_STATUS("twice", jb_region_begin(region, &err), JB_EUSAGE, NULL);
    assert_non_null(strstr(err.text, "running already"));
    CHECK_STATUS("no result wanted", jb_region_end(region, NULL, &err), JB_OK,
                 &err);
    begin(region);
    jb_session_close(session);
    CHECK_STATUS("closed", jb_region_end(region, &result, &err), JB_EUSAGE,
                 NULL);
    CHECK_STATUS("closed", jb_region_begin(region, &err), JB_EUSAGE, NULL);
    CHECK_STATUS("total of what was", jb_region_total(region, &result, &err),
                 JB_OK, &err);
    CHECK_TEXT("domain", jb_region_domain(result, 0)->domain, "package-0");
    jb_region_free(region);
    jb_region_free(NULL);
    jb_session_close(NULL);
}

static void test_nothing_measures(void **state)
{
    struct jb_session_config config = { .size = sizeof(config),
                                        .sources = "powercap",
                                        .domains = "package", /* cores rest */
                                        .sysfs = ticker.sysfs,
                                        .procfs = ticker.procfs };
    struct jb_session *session = NULL;
    struct jb_error err;

    (void)state;
    atomic_store(&ticker.frozen, true);
    ticker_sleep_ms(20);
    CHECK_STATUS("still", jb_session_open(&config, &session, &err), JB_EDEAD,
                 &err);
    assert_non_null(strstr(err.text, "stands still"));
    tree_drop(&ticker.tree, "sys/class/powercap");
    CHECK_STATUS("absent", jb_session_open(&config, &session, &err), JB_EABSENT,
                 &err);
    assert_non_null(strstr(err.text, "powercap"));
}

static void test_fork(void **state)
{
    struct jb_session *session = open_session(NULL);
    struct jb_region *region = make(session, "r");
    int status = 0;
    struct jb_error err;
    pid_t child;

    (void)state;
    begin(region);
    child = fork();
    if (child == 0) {
        struct jb_session_config config = { .size = sizeof(config),
                                            .sysfs = ticker.sysfs,
                                            .procfs = ticker.procfs };
        struct jb_session *own = NULL;
        bool good = jb_region_end(region, NULL, &err) == JB_EUSAGE &&
                    strstr(err.text, "fork()") &&
                    jb_region_begin(region, &err) == JB_EUSAGE;

        jb_region_free(region);
        jb_session_close(session);
        /* The ticker is the parent's thread, and goes on there. */
        good = good &&
               (REGION_TSAN || jb_session_open(&config, &own, &err) == JB_OK);
        jb_session_close(own);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    CHECK_U64("child", (uint64_t)status, 0);
    end(region);
    jb_region_free(region);
    jb_session_close(session);
}

static size_t threads_now(void)
{
    DIR *dir = opendir("/proc/self/task");
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void test_no_thread_is_left(void **state)
{
    size_t before = threads_now();
    struct jb_session *session = open_session(NULL);

    (void)state;
    assert_true(threads_now() == before + 1);
    jb_session_close(session);
    CHECK_U64("threads", threads_now(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_truth_and_total),
        TEST(test_nested_and_repeated),
        TEST(test_short_runs),
        cmocka_unit_test_setup_teardown(test_longer_than_a_wrap, setup_wrapping,
                                        teardown),
        TEST(test_many_threads),
        TEST(test_misuse),
        TEST(test_nothing_measures),
        TEST(test_fork),
        TEST(test_no_thread_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
