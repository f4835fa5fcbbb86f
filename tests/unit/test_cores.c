/* SPDX-License-Identifier: Apache-2.0 */
/* A package of hidden factors, of which the model sees only use and power. */
#include "check.h"

#include <math.h>
#include <stdlib.h>

#include "ledger/cores.h"

enum { CORES = 8, THREADS = 2 };

struct cores_package {
    double idle_w, extra;
    double watts[CORES]; /* of a core that runs one thread */
    uint64_t random;
};

static double cores_random(struct cores_package *package)
{
    package->random ^= package->random >> 12;
    package->random ^= package->random << 25;
    package->random ^= package->random >> 27;
    return (double)((package->random * UINT64_C(2685821657736338717)) >> 11) /
           9007199254740992.0;
}

/* Threads that are busy all the time or not at all, as pinned jobs are: what
 * runs at the same time is then certain. */
static double cores_second(struct cores_package *package,
                           double busy[CORES][THREADS],
                           struct jb_core_use use[CORES])
{
    double watts = package->idle_w;

    for (size_t c = 0; c < CORES; c++) {
        unsigned running = 0;

        for (size_t t = 0; t < THREADS; t++) {
            busy[c][t] = cores_random(package) < 0.5 ? 1.0 : 0.0;
            running += busy[c][t] > 0.0;
        }
        use[c] = jb_core_use_of(busy[c], THREADS);
        if (running > 0)
            watts += package->watts[c] * (1.0 + package->extra * (running - 1));
    }
    return watts;
}

static struct jb_cores *cores_made(void)
{
    struct jb_cores *cores = NULL;

    assert_int_equal(jb_cores_new(CORES, &cores, NULL), JB_OK);
    return cores;
}

static struct cores_package cores_uneven(double extra)
{
    return (struct cores_package){
        .idle_w = 35.0,
        .extra = extra,
        .watts = { 9.0, 11.0, 10.0, 10.5, 9.5, 10.0, 12.0, 8.0 },
        .random = 42,
    };
}

static void cores_use_of_threads(void **state)
{
    static const double both[] = { 1.0, 1.0 };
    static const double one[] = { 1.0, 0.0 };
    static const double half[] = { 0.5, 0.5 };
    static const double wild[] = { 1.7, -3.0 };

    (void)state;
    assert_float_equal(jb_core_use_of(both, 2).active, 1.0, 0.0);
    assert_float_equal(jb_core_use_of(both, 2).extra, 1.0, 0.0);
    assert_float_equal(jb_core_use_of(one, 2).active, 1.0, 0.0);
    assert_float_equal(jb_core_use_of(one, 2).extra, 0.0, 0.0);
    assert_float_equal(jb_core_use_of(half, 2).active, 0.75, 1e-15);
    assert_float_equal(jb_core_use_of(half, 2).extra, 0.25, 1e-15);
    assert_float_equal(jb_core_use_of(wild, 2).active, 1.0, 0.0);
    assert_float_equal(jb_core_use_of(wild, 2).extra, 0.0, 0.0);
}

/* What a thread is charged against what it really drew, relative to the sum:
 * mean absolute error of both ways. */
static void cores_errors(struct cores_package *package,
                         const struct jb_cores *cores, double *ours,
                         double *plain)
{
    unsigned threads = 0;

    *ours = *plain = 0.0;
    for (unsigned s = 0; s < 200; s++) {
        double busy[CORES][THREADS];
        struct jb_core_use use[CORES];
        double watts = cores_second(package, busy, use) - package->idle_w;
        double factors = 0.0;
        double count = 0.0;

        for (size_t c = 0; c < CORES; c++)
            for (size_t t = 0; t < THREADS; t++) {
                factors += busy[c][t] * jb_cores_factor(cores, c, &use[c]);
                count += busy[c][t];
            }
        for (size_t c = 0; c < CORES; c++)
            for (size_t t = 0; t < THREADS; t++) {
                double both = busy[c][0] + busy[c][1];
                double truth = package->watts[c] *
                               (1.0 + package->extra * (both - 1.0)) / both;

                if (busy[c][t] == 0.0)
                    continue;
                *ours +=
                    fabs(watts * jb_cores_factor(cores, c, &use[c]) / factors -
                         truth) /
                    truth;
                *plain += fabs(watts / count - truth) / truth;
                threads++;
            }
    }
    *ours /= threads;
    *plain /= threads;
}

static void cores_are_learnt(void **state)
{
    static const double extras[] = { 0.0, 0.25, 0.6, 1.0 };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(extras); i++) {
        struct cores_package package = cores_uneven(extras[i]);
        struct jb_cores *cores = cores_made();
        double extra = -1.0;
        double deviation;
        double ours;
        double plain;

        for (unsigned s = 0; s < 600; s++) {
            double busy[CORES][THREADS];
            struct jb_core_use use[CORES];
            double watts = cores_second(&package, busy, use);

            jb_cores_learn(cores, 1.0, use, watts);
        }
        assert_true(jb_cores_extra(cores, &extra, &deviation));
        assert_float_equal(extra, extras[i], 0.1);
        cores_errors(&package, cores, &ours, &plain);
        print_message("extra %.2f learnt %.3f: error %.2f %%, time share "
                      "%.2f %%\n",
                      extras[i], extra, ours * 100, plain * 100);
        assert_true(ours < 0.02);
        assert_true(plain > 2.7 * ours);
        jb_cores_free(cores);
    }
}

/* Cores that always run alike cannot be told apart: they share alike. */
static void cores_alike_stay_alike(void **state)
{
    struct jb_cores *cores = cores_made();
    struct jb_core_use use[CORES];
    double extra;
    double deviation;

    (void)state;
    for (unsigned s = 0; s < 600; s++) {
        double share = (s % 10) / 10.0;

        for (size_t c = 0; c < CORES; c++)
            use[c] = (struct jb_core_use){ share, s % 3 ? share : 0.0 };
        jb_cores_learn(cores, 1.0, use,
                       40.0 +
                           CORES * (10.0 * use[0].active + 3.0 * use[0].extra));
    }
    assert_true(jb_cores_extra(cores, &extra, &deviation));
    assert_float_equal(extra, 0.3, 0.05);
    for (size_t c = 1; c < CORES; c++)
        assert_float_equal(jb_cores_factor(cores, c, &use[0]),
                           jb_cores_factor(cores, 0, &use[0]), 1e-6);
    jb_cores_free(cores);
}

static void cores_say_nothing_before(void **state)
{
    struct jb_cores *cores = cores_made();
    struct jb_core_use use[CORES] = { { 1.0, 1.0 } };
    double extra = -1.0;
    double deviation;

    (void)state;
    assert_float_equal(jb_cores_factor(cores, 0, use), 1.0, 0.0);
    jb_cores_learn(cores, 1.0, use, NAN);
    jb_cores_learn(cores, 1.0, use, 0.0);
    jb_cores_learn(cores, 0.01, use, 50.0);
    jb_cores_learn(cores, INFINITY, use, 50.0);
    assert_false(jb_cores_extra(cores, &extra, &deviation));
    for (unsigned s = 0; s < 100; s++) /* one load says nothing of the parts */
        jb_cores_learn(cores, 1.0, use, 50.0);
    assert_false(jb_cores_extra(cores, &extra, &deviation));
    assert_float_equal(jb_cores_factor(cores, 0, use), 1.0, 0.0);
    assert_float_equal(jb_cores_factor(cores, 99, use), 1.0, 0.0);
    assert_float_equal(extra, -1.0, 0.0);
    jb_cores_free(cores);
    jb_cores_free(NULL);
    assert_int_equal(jb_cores_new(0, &cores, NULL), JB_EUSAGE);
    assert_int_equal(jb_cores_new(JB_CORES_MAX + 1, &cores, NULL), JB_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cores_use_of_threads),
        cmocka_unit_test(cores_are_learnt),
        cmocka_unit_test(cores_alike_stay_alike),
        cmocka_unit_test(cores_say_nothing_before),
    };

    return cmocka_run_group_tests_name("cores", tests, NULL, NULL);
}
