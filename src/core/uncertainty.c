/* SPDX-License-Identifier: Apache-2.0 */
#include "uncertainty.h"

#include <math.h>

static const double uncertainty_z90 = 1.6448536269514722;

static uint64_t uncertainty_round_up(double uj)
{
    uint64_t whole;

    /* Written so that what is no number counts as too large. */
    if (!(uj < (double)INT64_MAX))
        return INT64_MAX;
    whole = (uint64_t)uj;
    return whole + (uj > (double)whole);
}

static uint64_t uncertainty_join(uint64_t a, uint64_t b, bool linear)
{
    uint64_t sum;

    if (!linear)
        return uncertainty_round_up(
            sqrt((double)a * (double)a + (double)b * (double)b));
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

struct jb_uncertainty jb_uncertainty_sum(const struct jb_uncertainty *a,
                                         const struct jb_uncertainty *b,
                                         bool same_calibration)
{
    return (struct jb_uncertainty){
        .edge_uj = uncertainty_join(a->edge_uj, b->edge_uj, true),
        .gap_uj = uncertainty_join(a->gap_uj, b->gap_uj, true),
        .systematic_below_uj = uncertainty_join(
            a->systematic_below_uj, b->systematic_below_uj, same_calibration),
        .systematic_above_uj = uncertainty_join(
            a->systematic_above_uj, b->systematic_above_uj, same_calibration),
        .variance_uj2 = a->variance_uj2 + b->variance_uj2,
    };
}

void jb_uncertainty_interval(const struct jb_uncertainty *u, uint64_t *below_uj,
                             uint64_t *above_uj)
{
    uint64_t both = uncertainty_join(
        u->edge_uj,
        uncertainty_round_up(uncertainty_z90 * sqrt(u->variance_uj2)), true);

    *below_uj = uncertainty_join(both, u->systematic_below_uj, true);
    *above_uj = uncertainty_join(
        uncertainty_join(both, u->systematic_above_uj, true), u->gap_uj, true);
}
