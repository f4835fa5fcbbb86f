/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <math.h>
#include <stdbool.h>

#include "core/uncertainty.h"

/* Truths by hand: 3-4-5 triangles, and 1.6448536269514722 x sigma, which is
 * the 95 % point of the normal distribution. */

static void uncertainty_parts_add_differently(void **state)
{
    const struct jb_uncertainty a = { .edge_uj = 10,
                                      .gap_uj = 100,
                                      .systematic_below_uj = 3000,
                                      .systematic_above_uj = 30,
                                      .variance_uj2 = 9.0 };
    const struct jb_uncertainty b = { .edge_uj = 1,
                                      .gap_uj = 23,
                                      .systematic_below_uj = 4000,
                                      .systematic_above_uj = 40,
                                      .variance_uj2 = 16.0 };
    struct jb_uncertainty same = jb_uncertainty_sum(&a, &b, true);
    struct jb_uncertainty other = jb_uncertainty_sum(&a, &b, false);

    (void)state;
    CHECK_U64("edge", same.edge_uj, 11);
    CHECK_U64("gap", same.gap_uj, 123);
    CHECK_U64("below, one calibration", same.systematic_below_uj, 7000);
    CHECK_U64("above, one calibration", same.systematic_above_uj, 70);
    CHECK_U64("below, two calibrations", other.systematic_below_uj, 5000);
    CHECK_U64("above, two calibrations", other.systematic_above_uj, 50);
    CHECK_REAL("variance", same.variance_uj2, 25.0);
    CHECK_U64("edge, two calibrations", other.edge_uj, 11);
}

static void uncertainty_sum_saturates(void **state)
{
    const struct jb_uncertainty a = { .edge_uj = UINT64_MAX,
                                      .gap_uj = UINT64_MAX - 1,
                                      .systematic_below_uj = UINT64_MAX,
                                      .systematic_above_uj = INT64_MAX };
    struct jb_uncertainty sum = jb_uncertainty_sum(&a, &a, true);
    uint64_t below;
    uint64_t above;

    (void)state;
    CHECK_U64("edge", sum.edge_uj, UINT64_MAX);
    CHECK_U64("gap", sum.gap_uj, UINT64_MAX);
    CHECK_U64("below", sum.systematic_below_uj, UINT64_MAX);
    CHECK_U64("quadrature", jb_uncertainty_sum(&a, &a, false).edge_uj,
              UINT64_MAX);
    jb_uncertainty_interval(&sum, &below, &above);
    CHECK_U64("interval below", below, UINT64_MAX);
    CHECK_U64("interval above", above, UINT64_MAX);
}

static void uncertainty_interval_of_each_part(void **state)
{
    static const struct {
        const char *label;
        struct jb_uncertainty u;
        uint64_t below, above;
    } cases[] = {
        { "nothing", { 0 }, 0, 0 },
        { "edge on both sides", { .edge_uj = 7 }, 7, 7 },
        { "a gap can only be more", { .gap_uj = 9 }, 0, 9 },
        { "sides differ",
          { .systematic_below_uj = 5, .systematic_above_uj = 6 },
          5,
          6 },
        { "sigma 1000: 1644.85 rounded up",
          { .variance_uj2 = 1e6 },
          1645,
          1645 },
        { "all of them",
          { 1, 10, 100, 200, 1e6 },
          1 + 100 + 1645,
          1 + 200 + 1645 + 10 },
        { "variance of unknown size",
          { .variance_uj2 = INFINITY },
          INT64_MAX,
          INT64_MAX },
        { "variance that is no number",
          { .variance_uj2 = NAN },
          INT64_MAX,
          INT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        uint64_t below = 0;
        uint64_t above = 0;

        jb_uncertainty_interval(&cases[i].u, &below, &above);
        CHECK_U64(cases[i].label, below, cases[i].below);
        CHECK_U64(cases[i].label, above, cases[i].above);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uncertainty_parts_add_differently),
        cmocka_unit_test(uncertainty_sum_saturates),
        cmocka_unit_test(uncertainty_interval_of_each_part),
    };

    return cmocka_run_group_tests_name("uncertainty", tests, NULL, NULL);
}
