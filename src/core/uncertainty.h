/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uncertainty of an amount of energy, in four parts because they add
 * differently:
 *   edge       timing and quantum at the two ends.  It telescopes: of two
 *              adjacent intervals only the outer ends remain, so it is computed
 *              from the ends and never summed over time.
 *   gap        a bound for what flowed while nobody looked.  One-sided (the
 *              truth can only be higher), adds linearly.
 *   systematic the meter's or model's gain.  Linear inside one calibration,
 *              in quadrature between independent ones; sides may differ.
 *   random     independent errors: variances add.
 */
#ifndef JB_CORE_UNCERTAINTY_H
#define JB_CORE_UNCERTAINTY_H

#include <stdbool.h>
#include <stdint.h>

struct jb_uncertainty {
    uint64_t edge_uj;
    uint64_t gap_uj;
    uint64_t systematic_below_uj, systematic_above_uj;
    double variance_uj2;
};

/* Of the sum of two domains over the same interval.  Edges add linearly, since
 * one late clock shifts both. */
struct jb_uncertainty jb_uncertainty_sum(const struct jb_uncertainty *a,
                                         const struct jb_uncertainty *b,
                                         bool same_calibration);

/* The truth lies in [value - below, value + above]; the random part enters
 * with 1.645 standard deviations (90 % two-sided). */
void jb_uncertainty_interval(const struct jb_uncertainty *u, uint64_t *below_uj,
                             uint64_t *above_uj);

#endif
