/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two halves of a meter, kept apart: a load that burns energy, and the
 * hardware counter that counts it.
 *
 * Why apart: faults happen to counters (reset, jump, standstill) while the
 * joules go on being burnt, and one load is counted by several counters (core,
 * package, psys).  Callers evaluate both at instants of the grid only, in
 * rising order; pure, no clock.
 */
#ifndef JB_LAB_COUNTER_H
#define JB_LAB_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"
#include "text.h"
#include "waveform.h"

/* A power from some instant on, and all the energy before it. */
struct jb_lab_load {
    struct jb_lab_wave wave;
    uint64_t anchor_ns; /* where the wave's phase is 0 */
    jb_lab_i128 base_fj;
};

/* Energy since the load's beginning; an instant before the anchor counts as
 * the anchor. */
jb_lab_i128 jb_lab_load_energy_fj(const struct jb_lab_load *load,
                                  uint64_t at_ns);
/* Another wave from at_ns on, its phase 0 there. */
void jb_lab_load_change(struct jb_lab_load *load,
                        const struct jb_lab_wave *wave, uint64_t at_ns);

struct jb_lab_counter {
    struct jb_lab_unit unit;
    uint64_t modulus;
    jb_lab_i128 origin_fj;    /* at this energy ... */
    jb_lab_i128 origin_count; /* ... it stood here, without wrapping */
    bool stopped;             /* counts nothing, stands at origin_count */
};

void jb_lab_counter_init(struct jb_lab_counter *counter,
                         const struct jb_lab_zone *zone);
/* The count without wrapping, after energy_fj in all. */
jb_lab_i128 jb_lab_counter_at(const struct jb_lab_counter *counter,
                              jb_lab_i128 energy_fj);
/* What the hardware's register holds of it: 0 to modulus - 1, also when a jump
 * has made the count negative. */
uint64_t jb_lab_counter_wrap(const struct jb_lab_counter *counter,
                             jb_lab_i128 count);

/* Stands at `count` from here on: 0 for a reset.  The fraction of a count that
 * had been collected is lost, as it is in a register that is cleared. */
void jb_lab_counter_set(struct jb_lab_counter *counter, jb_lab_i128 energy_fj,
                        jb_lab_i128 count);
/* Stands still; what is burnt until the start is never counted. */
void jb_lab_counter_stop(struct jb_lab_counter *counter, jb_lab_i128 energy_fj);
void jb_lab_counter_start(struct jb_lab_counter *counter,
                          jb_lab_i128 energy_fj);

/* The microjoules that the kernel makes of a register's value. */
uint64_t jb_lab_counter_uj(uint64_t count, const struct jb_lab_unit *shown);

#endif
