/* SPDX-License-Identifier: Apache-2.0 */
#include "cores.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { CORES_COMMON = 3 }; /* a, k, k g */

static const double cores_shortest_s = 0.1;
static const double cores_memory_s = 3600.0; /* doubt grows back in that time */
static const double cores_noise = 0.01; /* of the power: what no model has */
static const double cores_spread = 0.2; /* of k: how cores may differ */
static const double cores_known = 0.1;  /* deviation of g */

/* A linear model y = h x + noise with x ~ N(state, covariance). */
struct cores_filter {
    size_t size;
    double *state, *covariance, *gain;
};

struct jb_cores {
    size_t count;
    struct cores_filter common, each;
    double *row;     /* scratch: h */
    bool begun, own; /* the filters have their first state */
};

static bool cores_filter_open(struct cores_filter *filter, size_t size)
{
    filter->size = size;
    filter->state = calloc(size, sizeof(double));
    filter->gain = calloc(size, sizeof(double));
    filter->covariance = calloc(size * size, sizeof(double));
    return filter->state && filter->gain && filter->covariance;
}

static void cores_filter_close(struct cores_filter *filter)
{
    free(filter->state);
    free(filter->gain);
    free(filter->covariance);
}

int jb_cores_new(size_t cores, struct jb_cores **out, struct jb_error *err)
{
    struct jb_cores *made;

    if (cores < 1 || cores > JB_CORES_MAX)
        return jb_fail(err, JB_EUSAGE, "a package of %zu cores", cores);
    made = calloc(1, sizeof(*made));
    if (!made)
        return jb_fail(err, JB_ENOMEM, "a model of %zu cores", cores);
    made->count = cores;
    made->row = calloc(cores + CORES_COMMON, sizeof(double));
    if (!made->row || !cores_filter_open(&made->common, CORES_COMMON) ||
        !cores_filter_open(&made->each, cores + 1)) {
        jb_cores_free(made);
        return jb_fail(err, JB_ENOMEM, "a model of %zu cores", cores);
    }
    *out = made;
    return JB_OK;
}

void jb_cores_free(struct jb_cores *cores)
{
    if (!cores)
        return;
    cores_filter_close(&cores->common);
    cores_filter_close(&cores->each);
    free(cores->row);
    free(cores);
}

struct jb_core_use jb_core_use_of(const double *busy, size_t threads)
{
    double idle = 1.0;
    double sum = 0.0;

    for (size_t i = 0; i < threads; i++) {
        double share = busy[i] < 0.0 ? 0.0 : busy[i] > 1.0 ? 1.0 : busy[i];

        idle *= 1.0 - share;
        sum += share;
    }
    return (struct jb_core_use){ .active = 1.0 - idle,
                                 .extra = sum - (1.0 - idle) };
}

/* Doubt grows while nobody looks, in proportion to what it was at first. */
static void cores_forget(struct cores_filter *filter, double seconds)
{
    double growth = 1.0 + seconds / cores_memory_s;

    for (size_t i = 0; i < filter->size * filter->size; i++)
        filter->covariance[i] *= growth;
}

/* One step of a Kalman filter with a scalar observation. */
static void cores_observe(struct cores_filter *filter, const double *h,
                          double y, double variance)
{
    size_t n = filter->size;
    double innovation = y;
    double scatter = variance;

    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;

        for (size_t k = 0; k < n; k++)
            sum += filter->covariance[i * n + k] * h[k];
        filter->gain[i] = sum;
        scatter += h[i] * sum;
        innovation -= h[i] * filter->state[i];
    }
    for (size_t i = 0; i < n; i++) {
        double share = filter->gain[i] / scatter;

        filter->state[i] += share * innovation;
        for (size_t k = 0; k < n; k++)
            filter->covariance[i * n + k] -= share * filter->gain[k];
    }
}

/* Before anything was seen: as much for each part as was seen in all. */
static void cores_begin(struct jb_cores *cores, double watts)
{
    struct cores_filter *common = &cores->common;
    double per_core = watts / (double)cores->count;

    common->state[0] = watts / 2.0;
    common->state[1] = per_core / 2.0;
    common->state[2] = per_core / 4.0;
    common->covariance[0] = watts * watts;
    common->covariance[CORES_COMMON + 1] = 4.0 * per_core * per_core;
    common->covariance[2 * CORES_COMMON + 2] = 4.0 * per_core * per_core;
    cores->begun = true;
}

/* Cores begin at their mean, and may differ from it. */
static void cores_begin_each(struct jb_cores *cores)
{
    struct cores_filter *each = &cores->each;
    const struct cores_filter *common = &cores->common;
    double k = common->state[1];
    double own = cores_spread * k * cores_spread * k;
    size_t n = each->size;

    memset(each->covariance, 0, n * n * sizeof(double));
    each->state[0] = common->state[0];
    each->covariance[0] = common->covariance[0];
    for (size_t c = 1; c < n; c++) {
        each->state[c] = k;
        for (size_t i = 1; i < n; i++)
            each->covariance[c * n + i] =
                common->covariance[CORES_COMMON + 1] + (i == c ? own : 0.0);
    }
    cores->own = true;
}

static void cores_learn_common(struct jb_cores *cores,
                               const struct jb_core_use *use, double watts,
                               double variance)
{
    cores->row[0] = 1.0;
    cores->row[1] = cores->row[2] = 0.0;
    for (size_t c = 0; c < cores->count; c++) {
        cores->row[1] += use[c].active;
        cores->row[2] += use[c].extra;
    }
    cores_observe(&cores->common, cores->row, watts, variance);
}

static void cores_learn_each(struct jb_cores *cores,
                             const struct jb_core_use *use, double extra,
                             double watts, double variance)
{
    cores->row[0] = 1.0;
    for (size_t c = 0; c < cores->count; c++)
        cores->row[c + 1] = use[c].active + extra * use[c].extra;
    cores_observe(&cores->each, cores->row, watts, variance);
}

void jb_cores_learn(struct jb_cores *cores, double seconds,
                    const struct jb_core_use *use, double watts)
{
    double noise_w = cores_noise * watts;
    double extra;
    double deviation;

    if (!isfinite(seconds) || !isfinite(watts) || seconds < cores_shortest_s ||
        watts <= 0.0)
        return;
    if (!cores->begun)
        cores_begin(cores, watts);
    cores_forget(&cores->common, seconds);
    cores_learn_common(cores, use, watts, noise_w * noise_w / seconds);
    if (!jb_cores_extra(cores, &extra, &deviation))
        return;
    if (!cores->own)
        cores_begin_each(cores);
    cores_forget(&cores->each, seconds);
    cores_learn_each(cores, use, extra, watts, noise_w * noise_w / seconds);
}

bool jb_cores_extra(const struct jb_cores *cores, double *extra,
                    double *deviation)
{
    const double *state = cores->common.state;
    const double *covariance = cores->common.covariance;
    double g;
    double variance;

    if (!cores->begun || !(state[1] > 0.0))
        return false;
    g = state[2] / state[1];
    g = g < 0.0 ? 0.0 : g > 1.0 ? 1.0 : g;
    /* Of a quotient, to first order. */
    variance = (covariance[2 * CORES_COMMON + 2] -
                2.0 * g * covariance[CORES_COMMON + 2] +
                g * g * covariance[CORES_COMMON + 1]) /
               (state[1] * state[1]);
    if (!(variance < cores_known * cores_known))
        return false;
    *extra = g;
    *deviation = variance > 0.0 ? sqrt(variance) : 0.0;
    return true;
}

double jb_cores_factor(const struct jb_cores *cores, size_t core,
                       const struct jb_core_use *use)
{
    double sum = use->active + use->extra;
    double mean = cores->common.state[1];
    double own;
    double extra;
    double deviation;

    if (core >= cores->count || !cores->own || !(sum > 0.0) || !(mean > 0.0) ||
        !jb_cores_extra(cores, &extra, &deviation))
        return 1.0;
    own = cores->each.state[core + 1] / mean;
    if (own < 1.0 - 3.0 * cores_spread || own > 1.0 + 3.0 * cores_spread)
        own = 1.0; /* no core differs by that: it was not learnt yet */
    return own * (use->active + extra * use->extra) / sum;
}
