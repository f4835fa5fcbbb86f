/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a package draws when nothing runs, learnt while things run.
 *
 * Power against utilisation is a cloud above a curve: at equal utilisation the
 * lightest instructions at the lowest clock draw least.  The lower envelope of
 * that cloud, followed to utilisation 0, is the idle power.  It is learnt in
 * bins of utilisation: down at once, up slowly, so that a machine whose fans or
 * whose BIOS setting change is followed within an hour.
 *
 * A model, so its figures are floating; the books take them as whole
 * microwatts.  Not thread-safe; allocates nothing.
 */
#ifndef JB_LEDGER_BASELINE_H
#define JB_LEDGER_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

enum { JB_BASELINE_BINS = 40 };

struct jb_baseline_bin {
    double utilization; /* mean of what fell in */
    double low_w;       /* lower envelope */
    double noise_w;     /* how far readings that lowered it missed it */
    double seconds;
};

/* All zero is the state before anything is known. */
struct jb_baseline {
    struct jb_baseline_bin bins[JB_BASELINE_BINS];
};

/* Takes the mean power over `seconds` in which `utilization` of the CPUs' time
 * (0 to 1) was used.  What is no number, negative or shorter than 0.1 s is not
 * taken: at the ends of so short a time more is uncertain than can be learnt.
 */
void jb_baseline_learn(struct jb_baseline *baseline, double seconds,
                       double utilization, double watts);

/*
 * The idle power, and how far it can be off.  False while too little was seen:
 * ten seconds at a utilisation below 5 %, or of two that are at least 20
 * percentage points apart.
 */
bool jb_baseline_idle(const struct jb_baseline *baseline, double *idle_w,
                      double *uncertainty_w);

#endif
