/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper on this machine's own processes and virtual meters of known power:
 * books balance at every turn, and who burns is found.
 */
#include "check.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "keeper/keeper.h"
#include "ticker.h"

enum { KEEPER_TURNS = 6, KEEPER_STEP_MS = 150 };

static const uint64_t keeper_power_uw = 50000000;

struct keeper_case {
    struct ticker ticker;
    struct jb_roots roots;
    struct jb_env env;
    struct jb_machine *machine;
    struct jb_usage_options usage;
    struct jb_keeper *keeper;
};

static void keeper_open(struct keeper_case *test, const char *usage)
{
    static const struct ticker_zone zones[] = {
        { "intel-rapl:0", "package-0", 50000000 },
    };
    struct jb_machine_config machine = { .sources = "powercap" };
    struct jb_keeper_config config = { .usage = usage,
                                       .rule = JB_RULE_BUSY,
                                       .period_ns = JB_NS_PER_S / 10,
                                       .consumers_max = 5000 };
    struct jb_error err = { 0 };

    *test = (struct keeper_case){ 0 };
    ticker_start(&test->ticker, zones, CHECK_COUNT(zones), 262143328850,
                 "GenuineIntel");
    ticker_run(&test->ticker);
    test->roots = (struct jb_roots){ test->ticker.sysfs, "/proc",
                                     "/sys/fs/cgroup", "/dev" };
    test->env = (struct jb_env){ &test->roots, &jb_clock_boottime, true };
    machine.env = &test->env;
    CHECK_STATUS("machine", jb_machine_open(&machine, &test->machine, &err),
                 JB_OK, &err);
    CHECK_STATUS("options",
                 jb_options_init(jb_usage_option_table, &test->usage, &err),
                 JB_OK, &err);
    config.env = &test->env;
    config.machine = test->machine;
    config.usage_options = &test->usage;
    CHECK_STATUS("keeper", jb_keeper_open(&config, &test->keeper, &err), JB_OK,
                 &err);
}

static void keeper_close(struct keeper_case *test)
{
    jb_keeper_close(test->keeper);
    jb_machine_close(test->machine);
    ticker_stop(&test->ticker);
}

static void keeper_turn(struct keeper_case *test)
{
    struct jb_error err = { 0 };
    int64_t energy_uj;
    int64_t booked_uj;

    ticker_sleep_ms(KEEPER_STEP_MS);
    CHECK_STATUS("turn", jb_keeper_turn(test->keeper, &err), JB_OK, &err);
    jb_book_balance(jb_keeper_book(test->keeper), 0, &energy_uj, &booked_uj);
    assert_int_equal(booked_uj, energy_uj);
}

/* What somebody has of all that was used. */
static double keeper_share(struct keeper_case *test, pid_t pid)
{
    const struct jb_keeper_row *rows;
    size_t count;
    double whole = 0.0;
    double own = 0.0;

    assert_int_equal(
        jb_keeper_rows(test->keeper, JB_KEEPER_BY_PROCESS, &rows, &count, NULL),
        JB_OK);
    for (size_t i = 0; i < count; i++) {
        const struct jb_consumer *consumer = jb_consumers_get(
            jb_keeper_consumers(test->keeper), rows[i].consumer);

        whole += (double)rows[i].amount.energy_uj;
        if (consumer && consumer->kind == JB_CONSUMER_KIND_PROCESS &&
            consumer->number == (uint64_t)pid)
            own = (double)rows[i].amount.energy_uj;
    }
    return whole > 0.0 ? own / whole : 0.0;
}

static pid_t keeper_burn(void)
{
    pid_t pid = fork();

    if (pid == 0)
        for (volatile unsigned long spin = 0;; spin++)
            ;
    assert_true(pid > 0);
    return pid;
}

/* Seconds of CPU that it used, as the kernel counted them. */
static double keeper_end(pid_t pid)
{
    struct rusage usage;

    kill(pid, SIGKILL);
    assert_int_equal(wait4(pid, NULL, 0, &usage), pid);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Seconds that all CPUs were busy: the first line of /proc/stat less idle and
 * iowait, read here apart from the code that is tested. */
static double keeper_busy(void)
{
    unsigned long long ticks[8] = { 0 };
    FILE *file = fopen("/proc/stat", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu",
                            &ticks[0], &ticks[1], &ticks[2], &ticks[3],
                            &ticks[4], &ticks[5], &ticks[6], &ticks[7]),
                     8);
    fclose(file);
    return (double)(ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] +
                    ticks[7]) /
           100.0;
}

static void keeper_finds_who_burns(void **state)
{
    struct keeper_case test;
    const struct jb_keeper_domain *domain;
    double seconds;
    double busy;
    double share;
    uint64_t begin_ns;
    pid_t pid;

    (void)state;
    keeper_open(&test, "proc");
    begin_ns = jb_clock_now_ns(&jb_clock_boottime);
    busy = keeper_busy();
    pid = keeper_burn();
    for (int i = 0; i < KEEPER_TURNS; i++)
        keeper_turn(&test);
    seconds =
        (double)(jb_clock_now_ns(&jb_clock_boottime) - begin_ns) / JB_NS_PER_S;
    domain = jb_keeper_domain(test.keeper, 0);
    assert_non_null(domain);
    assert_null(jb_keeper_domain(test.keeper, 1));
    assert_string_equal(domain->name, "package-0");
    assert_true(domain->posted && domain->summed && !domain->estimated);
    /* 50 W, up to the last cut, which is some milliseconds old by now. */
    assert_float_equal((double)domain->whole.energy_uj / 1e6,
                       (double)keeper_power_uw / 1e6 * seconds,
                       (double)keeper_power_uw / 1e6 * 0.25);
    share = keeper_share(&test, pid);
    busy = keeper_busy() - busy;
    assert_float_equal(share, keeper_end(pid) / busy, 0.2);
    assert_true(share > 0.0);
    /* Once dead, its joules stay in the books, whoever they are shown with. */
    for (int i = 0; i < KEEPER_TURNS; i++)
        keeper_turn(&test);
    keeper_close(&test);
}

/* Sums over rows of any kind are the same joules. */
static void keeper_groups_alike(void **state)
{
    struct keeper_case test;
    int64_t sums[JB_KEEPER_BY_LAST + 1] = { 0 };

    (void)state;
    keeper_open(&test, "proc");
    for (int i = 0; i < KEEPER_TURNS; i++)
        keeper_turn(&test);
    for (int by = 0; by <= JB_KEEPER_BY_LAST; by++) {
        const struct jb_keeper_row *rows;
        size_t count;

        assert_int_equal(jb_keeper_rows(test.keeper, (enum jb_keeper_by)by,
                                        &rows, &count, NULL),
                         JB_OK);
        for (size_t i = 0; i < count; i++) {
            sums[by] += rows[i].amount.energy_uj;
            assert_true(i == 0 ||
                        rows[i - 1].amount.power_uw >= rows[i].amount.power_uw);
        }
        CHECK_U64(jb_keeper_by_names[by], (uint64_t)sums[by],
                  (uint64_t)sums[0]);
    }
    assert_true(sums[0] > 0);
    keeper_close(&test);
}

static void keeper_says_what_is_missing(void **state)
{
    struct keeper_case test = { 0 };
    struct jb_roots roots = { "/nonexistent", "/proc", "/sys/fs/cgroup",
                              "/dev" };
    struct jb_env env = { &roots, &jb_clock_boottime, true };
    struct jb_machine_config machine = { .env = &env, .sources = "powercap" };
    struct jb_keeper_config config = { .env = &env,
                                       .usage = "proc",
                                       .period_ns = JB_NS_PER_S,
                                       .consumers_max = 100 };
    struct jb_keeper *keeper = NULL;
    struct jb_error err = { 0 };

    (void)state;
    assert_int_equal(jb_machine_open(&machine, &test.machine, &err), JB_OK);
    assert_int_equal(jb_options_init(jb_usage_option_table, &test.usage, &err),
                     JB_OK);
    config.machine = test.machine;
    config.usage_options = &test.usage;
    assert_int_equal(jb_keeper_open(&config, &keeper, &err), JB_EABSENT);
    assert_string_equal(err.text, "no domain has a meter");
    config.usage = "none such";
    assert_int_equal(jb_keeper_open(&config, &keeper, &err), JB_EUSAGE);
    assert_null(keeper);
    jb_machine_close(test.machine);
    jb_keeper_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeper_finds_who_burns),
        cmocka_unit_test(keeper_groups_alike),
        cmocka_unit_test(keeper_says_what_is_missing),
    };

    return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
