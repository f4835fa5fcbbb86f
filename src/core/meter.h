/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the samples of one sensor to the curve of its domain.
 *
 * This is where raw numbers are believed or not.  Wraps are undone in the
 * counter's own counts, and only while their number is certain: once a gap is
 * so long that the highest possible power could have run through the whole
 * range, the span is a gap with a bound, never a guess.  A count that would
 * need more power than there can be is a reset or a fault, not energy.
 *
 * Only sensors of energy and power have a meter.  Not thread-safe; allocates
 * in jb_meter_init() only.
 */
#ifndef JB_CORE_METER_H
#define JB_CORE_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "curve.h"
#include "joulebook/error.h"
#include "joulebook/plugin/sensor.h"

/* What became of a sample. */
enum jb_meter_event {
    JB_METER_FIRST,   /* the curve begins here */
    JB_METER_ADVANCE, /* its energy is on the curve */
    JB_METER_LATE,    /* inserted before the newest knot */
    JB_METER_GAP,     /* too long since the last one: bounded, not booked */
    JB_METER_RESET,   /* counter restarted, or a new generation: bounded */
    JB_METER_JUMP,    /* more than physics allows: bounded, not booked */
    JB_METER_REFUSED, /* no value in it: counted, otherwise ignored */
};

/* Everything that was refused or repaired, since the meter was made. */
struct jb_meter_counts {
    uint64_t samples, advanced, late, wraps;
    uint64_t gaps, resets, jumps;
    uint64_t refused[12]; /* by -status of the sample: see jb_status_name() */
};

struct jb_meter {
    struct jb_sensor sensor; /* copy: what it was when the meter was made */
    struct jb_curve curve;
    struct jb_meter_counts counts;
    uint64_t first_raw;     /* as count */
    uint64_t still_ns;      /* time since the count last moved */
    uint64_t still_seen_ns; /* curve's seen time when it last moved */
    bool ever_moved, frozen;
    uint64_t peak_uw; /* highest mean power over peak_window_ns */
    uint64_t peak_window_ns;
    struct jb_knot peak_anchor;
};

/* JB_EUSAGE for a sensor of neither energy nor power or with a bad unit. */
JB_NODISCARD int jb_meter_init(struct jb_meter *meter,
                               const struct jb_sensor *sensor, size_t capacity,
                               struct jb_error *err);
void jb_meter_release(struct jb_meter *meter);

/* Takes a sample into the curve and says what became of it. */
enum jb_meter_event jb_meter_feed(struct jb_meter *meter,
                                  const struct jb_sample *sample);

/*
 * Is this meter measuring at all?  JB_OK: yes, or not yet known.  JB_EDEAD: it
 * reads zero, or stands still, for longer than any powered domain can
 * (a domain that may rest is dead only if it has never counted anything).
 */
int jb_meter_verdict(const struct jb_meter *meter, struct jb_error *err);

/* How long a counter must be watched before jb_meter_verdict() can call it
 * dead: 20 updates, or four steps at 0.1 W, whichever is longer. */
uint64_t jb_meter_patience_ns(const struct jb_sensor *sensor);

/* Longest gap over which the number of wraps is certain; UINT64_MAX when the
 * counter does not wrap.  The reader must come back sooner. */
uint64_t jb_meter_max_gap_ns(const struct jb_sensor *sensor);

/* The most energy that the domain can have used in ns unobserved: at its highest
 * power, declared or guessed. */
uint64_t jb_meter_gap_bound_uj(const struct jb_meter *meter, uint64_t ns);

/* Forgets the peak so far: at the beginning of a measurement. */
void jb_meter_restart_peak(struct jb_meter *meter);

/* Facts for jb_span_between(): an edge costs at most the highest power, declared
 * or guessed. */
struct jb_curve_bounds jb_meter_bounds(const struct jb_meter *meter);

#endif
