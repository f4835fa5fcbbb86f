/* SPDX-License-Identifier: Apache-2.0 */
#include "baseline.h"

#include <math.h>
#include <stddef.h>

static const double baseline_shortest_s = 0.1;
static const double baseline_enough_s = 10.0;
static const double baseline_near_idle = 0.05;
static const double baseline_apart = 0.2;
static const double baseline_down = 0.3;        /* of the step, per reading */
static const double baseline_up_s = 3600.0;     /* time constant */
static const double baseline_memory_s = 3600.0; /* weight of older readings */

static double baseline_least(double a, double b)
{
    return a < b ? a : b;
}

static bool baseline_is_reading(double seconds, double utilization,
                                double watts)
{
    return isfinite(seconds) && isfinite(utilization) && isfinite(watts) &&
           seconds >= baseline_shortest_s && utilization >= 0.0 && watts >= 0.0;
}

void jb_baseline_learn(struct jb_baseline *baseline, double seconds,
                       double utilization, double watts)
{
    struct jb_baseline_bin *bin;
    size_t at;
    double step;
    double weight;

    if (!baseline_is_reading(seconds, utilization, watts))
        return;
    if (utilization > 1.0) /* ticks of the two ends */
        utilization = 1.0;
    at = (size_t)(utilization * JB_BASELINE_BINS);
    bin = &baseline->bins[at < JB_BASELINE_BINS ? at : JB_BASELINE_BINS - 1];
    if (bin->seconds == 0.0) {
        bin->low_w = watts;
        bin->utilization = utilization;
    }
    step = watts - bin->low_w;
    if (step < 0.0) {
        bin->low_w += baseline_down * step;
        bin->noise_w += baseline_down * (-step - bin->noise_w);
    } else {
        bin->low_w += step * seconds / (seconds + baseline_up_s);
    }
    bin->seconds += seconds;
    weight = seconds / baseline_least(bin->seconds, baseline_memory_s);
    bin->utilization += weight * (utilization - bin->utilization);
}

static const struct jb_baseline_bin *
baseline_next(const struct jb_baseline *baseline, size_t *at)
{
    for (; *at < JB_BASELINE_BINS; (*at)++)
        if (baseline->bins[*at].seconds >= baseline_enough_s)
            return &baseline->bins[(*at)++];
    return NULL;
}

/* The smallest slope from the lowest bin to any that is far enough away: the
 * first edge of the lower hull.  W per 1 of utilisation; negative: none. */
static double baseline_slope(const struct jb_baseline *baseline,
                             const struct jb_baseline_bin *lowest, size_t at)
{
    const struct jb_baseline_bin *bin;
    double slope = -1.0;

    while ((bin = baseline_next(baseline, &at))) {
        double apart = bin->utilization - lowest->utilization;
        double rise = bin->low_w > lowest->low_w
                          ? (bin->low_w - lowest->low_w) / apart
                          : 0.0;

        if (apart >= baseline_apart && (slope < 0.0 || rise < slope))
            slope = rise;
    }
    return slope;
}

bool jb_baseline_idle(const struct jb_baseline *baseline, double *idle_w,
                      double *uncertainty_w)
{
    size_t at = 0;
    const struct jb_baseline_bin *lowest = baseline_next(baseline, &at);
    double slope;
    double below = 0.0;

    if (!lowest)
        return false;
    slope = baseline_slope(baseline, lowest, at);
    if (slope < 0.0 && lowest->utilization > baseline_near_idle)
        return false;
    /* The curve can be steeper near idle than further up, where it was seen. */
    if (slope > 0.0)
        below = baseline_least(slope * lowest->utilization, lowest->low_w);
    *idle_w = lowest->low_w - below;
    *uncertainty_w = below + lowest->noise_w;
    if (slope < 0.0) /* no slope was seen: the bin's own width is unknown */
        *uncertainty_w += lowest->utilization * lowest->low_w;
    return true;
}
