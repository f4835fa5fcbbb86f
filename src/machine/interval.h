/* SPDX-License-Identifier: Apache-2.0 */
/* What each domain used between two marks of a watch, or why that is not known.
 */
#ifndef JB_MACHINE_INTERVAL_H
#define JB_MACHINE_INTERVAL_H

#include "machine.h"

/* One domain's figure.  Nothing but domain, sensor and why means anything
 * unless why.status is JB_OK, or JB_ELIMIT: then the counter did not move in a
 * time too short to say more, which is no figure alone, but one of many that
 * may be averaged: no counts, between below and above. */
struct jb_interval {
    size_t domain;
    ptrdiff_t sensor; /* whose figure it is, or -1 */
    struct jb_error why;
    struct jb_span span;
    uint64_t below_uj, above_uj; /* truth in [energy - below, energy + above] */
    uint64_t average_uw;
    uint64_t peak_uw; /* highest mean over peak_window_ns; 0 = too short */
    uint64_t peak_window_ns;
    uint64_t counts; /* of a counter, wraps undone */
    uint64_t first_raw, last_raw, first_ns, last_ns;
    uint64_t update_ns; /* how often the meter is refreshed; 0 = unknown */
    uint64_t updates;   /* refreshes that fit in, when that is known */
    enum jb_provenance provenance;
    /* Another sensor of this domain whose interval does not touch this one. */
    ptrdiff_t contradicted_by; /* or -1 */
    struct jb_energy contradicting;
};

/* Fills out[] for every domain of the machine. */
void jb_machine_interval(struct jb_machine *machine, const struct jb_knot *from,
                         const struct jb_knot *to, struct jb_interval *out);

/*
 * The sum over domains of which none contains another, all of the same
 * provenance class (estimates only when nothing was measured).  Returns how
 * many were summed; included[] (one per domain) says which.
 */
size_t jb_interval_total(const struct jb_machine *machine,
                         const struct jb_interval *rows,
                         struct jb_energy *energy, uint64_t *below_uj,
                         uint64_t *above_uj, bool *included);

#endif
