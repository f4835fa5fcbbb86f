/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A domain's energy as a cumulative curve.
 *
 * Meters have different clocks, lags and periods, and readings come late.  So
 * energy is kept as knots (instant, cumulative energy) of a curve, not as a
 * list of powers: any interval is a difference of two points, and intervals
 * that touch add up exactly.  Between knots the curve is interpolated, and how
 * wrong that can be is bounded by the knots on both sides.
 *
 * A ring of fixed size: the oldest knots are forgotten.  Not thread-safe.
 */
#ifndef JB_CORE_CURVE_H
#define JB_CORE_CURVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"
#include "uncertainty.h"
#include "unit.h"

/*
 * A point of the curve.  Everything but t, raw and the two local errors is
 * cumulative since the curve opened, so that a difference of two points speaks
 * of the interval between them.
 */
struct jb_knot {
    uint64_t t_ns;   /* instant that the meter speaks of */
    uint64_t raw;    /* count, or micro-units for powers */
    uint64_t counts; /* of a counter, wraps undone */
    struct jb_energy energy;
    uint64_t seen_ns;            /* time that is covered by readings */
    uint64_t gap_uj;             /* bound for the energy of what is not */
    uint64_t below_uj, above_uj; /* a model's own interval */
    double variance_uj2;
    uint64_t edge_ns;   /* local: t itself is this uncertain, each way */
    uint64_t slack_uj;  /* local: energy is this uncertain, each way */
    uint64_t unread_ns; /* local, of a mark: no reading for so long after t */
    uint32_t generation;
};

struct jb_curve {
    struct jb_knot *ring;
    size_t capacity, head, length; /* head: slot of the oldest knot */
    uint64_t watermark_ns; /* what lies before will not change any more */
    uint64_t revision;     /* +1 when what lay before it did change */
};

/* What one interval of a curve amounts to. */
struct jb_span {
    struct jb_energy energy;
    uint64_t elapsed_ns, seen_ns;
    struct jb_uncertainty uncertainty;
};

/* What edges and slack cost: facts about the meter, not about the curve. */
struct jb_curve_bounds {
    uint64_t power_uw;   /* no power at an edge was higher */
    uint64_t quantum_uj; /* step of the counter */
    uint32_t gain_ppm;
};

/* Room for capacity knots, at least 2.  JB_ENOMEM. */
JB_NODISCARD int jb_curve_init(struct jb_curve *curve, size_t capacity,
                               struct jb_error *err);
void jb_curve_release(struct jb_curve *curve);

/* The i-th knot from the oldest; i < length.  Borrowed until the next put. */
const struct jb_knot *jb_curve_knot(const struct jb_curve *curve, size_t i);

/* The newest knot, or NULL when there is none. */
const struct jb_knot *jb_curve_newest(const struct jb_curve *curve);

/* How many knots lie at or before t: the knot after it has that index. */
size_t jb_curve_rank(const struct jb_curve *curve, uint64_t t_ns);

/*
 * Puts a knot in its place in time; a knot of the same instant is replaced.
 * When that bends the curve before the watermark, which begins at the knot
 * before it, the revision is raised.  JB_ELIMIT when it is older than
 * everything that the full ring remembers: dropped.
 */
JB_NODISCARD int jb_curve_put(struct jb_curve *curve,
                              const struct jb_knot *knot);

/* The i-th knot, to restate anything but its instant; counts as a change of it
 * for the revision.  Borrowed until the next put. */
struct jb_knot *jb_curve_restate(struct jb_curve *curve, size_t i);

/* Promises that nothing before t_ns will change; never moves back. */
void jb_curve_set_watermark(struct jb_curve *curve, uint64_t t_ns);

/*
 * The point at t.  Between two knots it is interpolated, and slack_uj says by
 * how much the truth can differ, given that power lies in [0, power_uw].
 * JB_EABSENT before the oldest or after the newest knot.
 */
JB_NODISCARD int jb_curve_at(const struct jb_curve *curve, uint64_t t_ns,
                             uint64_t power_uw, struct jb_knot *out);

/* The interval between two points of one curve, a at or before b. */
struct jb_span jb_span_between(const struct jb_knot *a, const struct jb_knot *b,
                               const struct jb_curve_bounds *bounds);

/* seen / elapsed in parts per million, at most 1,000,000; 0 for no time. */
uint32_t jb_span_coverage_ppm(const struct jb_span *span);

#endif
