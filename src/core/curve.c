/* SPDX-License-Identifier: Apache-2.0 */
#include "curve.h"

#include <stdbool.h>

#include "base/clock.h"

static const uint64_t curve_million = 1000000;

static size_t curve_slot(const struct jb_curve *curve, size_t i)
{
    return (curve->head + i) % curve->capacity;
}

int jb_curve_init(struct jb_curve *curve, size_t capacity, struct jb_error *err)
{
    struct jb_knot *ring;

    if (capacity < 2)
        return jb_fail(err, JB_EUSAGE, "a curve needs room for two knots");
    ring = calloc(capacity, sizeof(*ring));
    if (!ring)
        return jb_fail(err, JB_ENOMEM, "a curve of %zu knots", capacity);
    *curve = (struct jb_curve){ .ring = ring, .capacity = capacity };
    return JB_OK;
}

void jb_curve_release(struct jb_curve *curve)
{
    free(curve->ring);
    *curve = (struct jb_curve){ 0 };
}

const struct jb_knot *jb_curve_knot(const struct jb_curve *curve, size_t i)
{
    return &curve->ring[curve_slot(curve, i)];
}

const struct jb_knot *jb_curve_newest(const struct jb_curve *curve)
{
    return curve->length ? jb_curve_knot(curve, curve->length - 1) : NULL;
}

size_t jb_curve_rank(const struct jb_curve *curve, uint64_t t_ns)
{
    size_t rank = curve->length;

    while (rank > 0 && jb_curve_knot(curve, rank - 1)->t_ns > t_ns)
        rank--;
    return rank;
}

/* Knot i is new or moved: what lies between it and the knot before it is bent
 * as well, unless there was nothing yet. */
static void curve_note_change(struct jb_curve *curve, size_t i, bool appended)
{
    size_t from = i > 0 && !appended ? i - 1 : i;

    if (jb_curve_knot(curve, from)->t_ns < curve->watermark_ns)
        curve->revision++;
}

int jb_curve_put(struct jb_curve *curve, const struct jb_knot *knot)
{
    size_t rank = jb_curve_rank(curve, knot->t_ns);

    if (rank > 0 && jb_curve_knot(curve, rank - 1)->t_ns == knot->t_ns) {
        curve->ring[curve_slot(curve, rank - 1)] = *knot;
        curve_note_change(curve, rank - 1, false);
        return JB_OK;
    }
    if (curve->length == curve->capacity) {
        if (rank == 0)
            return JB_ELIMIT;
        curve->head = curve_slot(curve, 1);
        curve->length--;
        rank--;
    }
    for (size_t i = curve->length; i > rank; i--)
        curve->ring[curve_slot(curve, i)] =
            curve->ring[curve_slot(curve, i - 1)];
    curve->ring[curve_slot(curve, rank)] = *knot;
    curve->length++;
    curve_note_change(curve, rank, rank + 1 == curve->length);
    return JB_OK;
}

struct jb_knot *jb_curve_restate(struct jb_curve *curve, size_t i)
{
    curve_note_change(curve, i, false);
    return &curve->ring[curve_slot(curve, i)];
}

void jb_curve_set_watermark(struct jb_curve *curve, uint64_t t_ns)
{
    if (t_ns > curve->watermark_ns)
        curve->watermark_ns = t_ns;
}

static uint64_t curve_scale(uint64_t a, uint64_t b, uint64_t part,
                            uint64_t whole)
{
    struct jb_energy from = { .uj = (int64_t)a };
    struct jb_energy to = { .uj = (int64_t)b };

    return (uint64_t)jb_energy_between(from, to, part, whole).uj;
}

static uint64_t curve_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/*
 * Energy is monotonic and power bounded, so between the knots a and b the
 * truth lies in [max(Ea, Eb - P (tb - t)), min(Eb, Ea + P (t - ta))].
 */
static uint64_t curve_slack_uj(const struct jb_knot *a, const struct jb_knot *b,
                               const struct jb_knot *at, uint64_t power_uw)
{
    int64_t up = jb_energy_sub(b->energy, at->energy).uj;
    int64_t down = jb_energy_sub(at->energy, a->energy).uj;

    if (power_uw != 0) {
        int64_t rise =
            (int64_t)jb_energy_bound_uj(power_uw, at->t_ns - a->t_ns) - down;
        int64_t fall =
            (int64_t)jb_energy_bound_uj(power_uw, b->t_ns - at->t_ns) - up;

        up = rise < up ? rise : up;
        down = fall < down ? fall : down;
    }
    up = up > down ? up : down;
    return up > 0 ? (uint64_t)up + 1 : 1;
}

int jb_curve_at(const struct jb_curve *curve, uint64_t t_ns, uint64_t power_uw,
                struct jb_knot *out)
{
    size_t rank = jb_curve_rank(curve, t_ns);
    const struct jb_knot *a = rank > 0 ? jb_curve_knot(curve, rank - 1) : NULL;
    const struct jb_knot *b;
    uint64_t part;
    uint64_t whole;

    if (!a)
        return JB_EABSENT;
    if (a->t_ns == t_ns) {
        *out = *a;
        return JB_OK;
    }
    if (rank == curve->length)
        return JB_EABSENT;
    b = jb_curve_knot(curve, rank);
    part = t_ns - a->t_ns;
    whole = b->t_ns - a->t_ns;
    *out = *a;
    out->t_ns = t_ns;
    out->energy = jb_energy_between(a->energy, b->energy, part, whole);
    out->seen_ns = curve_scale(a->seen_ns, b->seen_ns, part, whole);
    out->gap_uj = curve_scale(a->gap_uj, b->gap_uj, part, whole);
    out->below_uj = curve_scale(a->below_uj, b->below_uj, part, whole);
    out->above_uj = curve_scale(a->above_uj, b->above_uj, part, whole);
    out->variance_uj2 +=
        (b->variance_uj2 - a->variance_uj2) * (double)part / (double)whole;
    out->edge_ns = curve_max(a->edge_ns, b->edge_ns);
    out->slack_uj = curve_slack_uj(a, b, out, power_uw) +
                    curve_max(a->slack_uj, b->slack_uj);
    return JB_OK;
}

static uint64_t curve_since(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}

/* So many parts per million of an amount, rounded up: five days of 1 kW times
 * 5 % do not fit 64 bits. */
static uint64_t curve_share_uj(int64_t uj, uint32_t ppm)
{
    uint64_t magnitude = uj < 0 ? -(uint64_t)uj : (uint64_t)uj;
    uint64_t whole = magnitude / curve_million;
    uint64_t rest = magnitude % curve_million;

    return whole * ppm + (rest * ppm + curve_million - 1) / curve_million;
}

struct jb_span jb_span_between(const struct jb_knot *a, const struct jb_knot *b,
                               const struct jb_curve_bounds *bounds)
{
    struct jb_span span = {
        .energy = jb_energy_sub(b->energy, a->energy),
        .elapsed_ns = curve_since(a->t_ns, b->t_ns),
        .seen_ns = curve_since(a->seen_ns, b->seen_ns),
    };
    struct jb_uncertainty *u = &span.uncertainty;
    uint64_t gain_uj = curve_share_uj(span.energy.uj, bounds->gain_ppm);

    u->edge_uj = jb_energy_bound_uj(bounds->power_uw, a->edge_ns + b->edge_ns) +
                 a->slack_uj + b->slack_uj + bounds->quantum_uj;
    u->gap_uj = curve_since(a->gap_uj, b->gap_uj);
    u->systematic_below_uj = curve_since(a->below_uj, b->below_uj) + gain_uj;
    u->systematic_above_uj = curve_since(a->above_uj, b->above_uj) + gain_uj;
    if (b->variance_uj2 > a->variance_uj2)
        u->variance_uj2 = b->variance_uj2 - a->variance_uj2;
    return span;
}

uint32_t jb_span_coverage_ppm(const struct jb_span *span)
{
    if (span->elapsed_ns == 0)
        return 0;
    if (span->seen_ns >= span->elapsed_ns)
        return (uint32_t)curve_million;
    return (uint32_t)((double)span->seen_ns / (double)span->elapsed_ns * 1e6);
}
