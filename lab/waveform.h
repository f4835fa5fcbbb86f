/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power as an exact function of time.
 *
 * A wave is a sum of up to six parts.  Powers are whole microwatts and times
 * whole nanoseconds, so energy is counted in whole femtojoules
 * (1 uW x 1 ns = 1 fJ) and no floating point is involved: the truth that the
 * lab serves can be worked out again, to the last digit, by any program with
 * big integers.  Slopes make the integral a fraction of a femtojoule; each
 * part's integral is rounded down, and that is the definition of the truth.
 *
 * Text form (see docs/reference/lab.md):
 *   const:P  square:LO,HI,PERIOD,HIGH  triangle:LO,HI,PERIOD
 *   ramp:FROM,TO,PERIOD  steps:P@T,P@T,...      joined by '+'
 */
#ifndef JB_LAB_WAVEFORM_H
#define JB_LAB_WAVEFORM_H

#include <stdint.h>

#include "joulebook/error.h"

#include "scan.h"
#include "text.h"

enum {
    JB_LAB_MAX_PARTS = 6,
    JB_LAB_MAX_STEPS = 16,
};

/* Together with a run time below 10^18 ns these keep every product of an
 * integral inside 127 bits. */
#define JB_LAB_MAX_POWER_UW INT64_C(100000000000)     /* 100 kW */
#define JB_LAB_MAX_PERIOD_NS UINT64_C(10000000000000) /* 2.7 h */

enum jb_lab_wave_kind {
    JB_LAB_CONST,    /* lo for ever */
    JB_LAB_SQUARE,   /* hi for the first high_ns of each period, then lo */
    JB_LAB_TRIANGLE, /* lo to hi in half a period, and back */
    JB_LAB_RAMP,     /* lo to hi in one period, then from lo again */
    JB_LAB_STEPS,    /* the listed powers in turn, then from the first again */
};

struct jb_lab_step {
    int64_t power_uw;
    uint64_t time_ns;
};

struct jb_lab_part {
    enum jb_lab_wave_kind kind;
    int64_t lo_uw;
    int64_t hi_uw;
    uint64_t period_ns; /* even for slopes, so that a period's energy is whole
                         */
    uint64_t high_ns;
    unsigned step_count;
    struct jb_lab_step steps[JB_LAB_MAX_STEPS];
};

struct jb_lab_wave {
    unsigned part_count;
    struct jb_lab_part parts[JB_LAB_MAX_PARTS];
};

/* Reads one wave at the cursor and stops behind it.  JB_EFORMAT says which
 * piece is wrong; on failure `out` is untouched. */
int jb_lab_wave_parse(struct jb_lab_scan *scan, struct jb_lab_wave *out,
                      struct jb_error *err);

/* Energy from the wave's beginning to elapsed_ns later (below 10^18). */
jb_lab_i128 jb_lab_wave_energy_fj(const struct jb_lab_wave *wave,
                                  uint64_t elapsed_ns);

/* The highest power it can reach (the sum of its parts' maxima). */
int64_t jb_lab_wave_max_uw(const struct jb_lab_wave *wave);

/* A JSON array of arrays, one per part: the kind, then its integers in the
 * order of the text form, in uW and ns. */
void jb_lab_wave_json(const struct jb_lab_wave *wave, struct jb_lab_text *out);

#endif
