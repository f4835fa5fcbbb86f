/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>

#include "ledger/baseline.h"

/* A package of 40 W when idle; each use of a CPU adds between 60 and 110 W per
 * full machine, depending on what runs. */
static double baseline_watts(double utilization, unsigned kind)
{
    static const double slopes[] = { 60.0, 75.0, 90.0, 110.0 };

    return 40.0 + slopes[kind % 4] * utilization;
}

static void baseline_feed(struct jb_baseline *baseline, double from, double to,
                          unsigned seconds)
{
    for (unsigned s = 0; s < seconds; s++) {
        double utilization = from + (to - from) * (s * 7 % 101) / 100.0;

        jb_baseline_learn(baseline, 1.0, utilization,
                          baseline_watts(utilization, s / 3));
    }
}

static void baseline_needs_to_see_enough(void **state)
{
    struct jb_baseline baseline = { 0 };
    double idle_w = -1.0;
    double uncertainty_w = -1.0;

    (void)state;
    assert_false(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
    baseline_feed(&baseline, 0.5, 0.52, 600); /* one load only */
    assert_false(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
    jb_baseline_learn(&baseline, 9.0, 0.01, 40.0); /* idle, but not for long */
    assert_false(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
    assert_true(idle_w < 0.0 && uncertainty_w < 0.0);
    jb_baseline_learn(&baseline, 2.0, 0.01, 40.0);
    assert_true(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
}

static void baseline_idle_machine(void **state)
{
    struct jb_baseline baseline = { 0 };
    double idle_w;
    double uncertainty_w;

    (void)state;
    baseline_feed(&baseline, 0.0, 0.02, 120);
    assert_true(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
    assert_true(fabs(idle_w - 40.0) <= uncertainty_w + 0.6);
    assert_true(uncertainty_w < 2.0);
}

/* Never idle: followed down from 30 to 90 % of use. */
static void baseline_busy_machine(void **state)
{
    struct jb_baseline baseline = { 0 };
    double idle_w;
    double uncertainty_w;

    (void)state;
    baseline_feed(&baseline, 0.3, 0.9, 4000);
    assert_true(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
    assert_true(fabs(idle_w - 40.0) < 5.0);
    assert_true(fabs(idle_w - 40.0) <= uncertainty_w);
}

/* 40 W become 55 W: followed within a few hours, and back at once. */
static void baseline_follows_the_machine(void **state)
{
    struct jb_baseline baseline = { 0 };
    double idle_w;
    double uncertainty_w;

    (void)state;
    for (unsigned s = 0; s < 600; s++)
        jb_baseline_learn(&baseline, 1.0, 0.01, 40.0);
    for (unsigned s = 0; s < 4 * 3600; s++)
        jb_baseline_learn(&baseline, 1.0, 0.01, 55.0);
    assert_true(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
    assert_true(fabs(idle_w - 55.0) < 1.0);
    for (unsigned s = 0; s < 20; s++)
        jb_baseline_learn(&baseline, 1.0, 0.01, 40.0);
    assert_true(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
    assert_true(fabs(idle_w - 40.0) < 0.5);
}

static void baseline_takes_no_nonsense(void **state)
{
    struct jb_baseline baseline = { 0 };
    double idle_w;
    double uncertainty_w;

    (void)state;
    jb_baseline_learn(&baseline, 60.0, NAN, 40.0);
    jb_baseline_learn(&baseline, 60.0, 0.01, INFINITY);
    jb_baseline_learn(&baseline, INFINITY, 0.01, 40.0);
    jb_baseline_learn(&baseline, 60.0, -0.01, 40.0);
    jb_baseline_learn(&baseline, 60.0, 0.01, -40.0);
    jb_baseline_learn(&baseline, 0.05, 0.01, 40.0);
    assert_false(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
    jb_baseline_learn(&baseline, 60.0, 7.0, 100.0); /* counts as all busy */
    jb_baseline_learn(&baseline, 60.0, 0.0, 0.0);
    assert_true(jb_baseline_idle(&baseline, &idle_w, &uncertainty_w));
    assert_true(idle_w == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(baseline_needs_to_see_enough),
        cmocka_unit_test(baseline_idle_machine),
        cmocka_unit_test(baseline_busy_machine),
        cmocka_unit_test(baseline_follows_the_machine),
        cmocka_unit_test(baseline_takes_no_nonsense),
    };

    return cmocka_run_group_tests_name("baseline", tests, NULL, NULL);
}
