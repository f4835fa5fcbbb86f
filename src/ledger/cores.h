/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a nanosecond on each core of a package costs, learnt from the package's
 * own meter.
 *
 * Two threads of one core do not draw what two cores draw, and cores of one
 * package differ (leakage, boost, little and big).  So the power of a package
 * is modelled as
 *     P = a + sum over cores c of k_c (A_c + g X_c)
 * where A_c is the share of time in which the core was active (at least one of
 * its hardware threads ran) and X_c what further threads ran beside the first.
 * g is what a further thread costs: 1 as much as a core of its own, 0 nothing.
 * (Zhai et al., HaPPy, USENIX ATC 2014, use the same split with g measured
 * beforehand; here it is learnt.)  A thread that ran on core c then pays
 * k_c (A_c + g X_c) / (A_c + X_c) for each nanosecond.
 *
 * Both parts are learnt by Kalman filters that forget slowly: first a, the mean
 * of k and g over all cores, then each k_c around that mean.  Cores that always
 * run alike cannot be told apart and keep the mean.
 *
 * A model, so its figures are floating.  Not thread-safe; allocates in new().
 */
#ifndef JB_LEDGER_CORES_H
#define JB_LEDGER_CORES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"
#include "joulebook/error.h"

struct jb_cores;

/* One core in one interval: shares of its length. */
struct jb_core_use {
    double active; /* at least one of its threads ran: 0 to 1 */
    double extra;  /* further threads beside the first: 0 to threads - 1 */
};

/*
 * From the busy shares of a core's threads, each 0 to 1.  When it is not known
 * whether they ran at the same time, they are taken to have run independently
 * of one another.
 */
struct jb_core_use jb_core_use_of(const double *busy, size_t threads);

enum { JB_CORES_MAX = 512 };

/* For a package of 1 to JB_CORES_MAX cores.  JB_EUSAGE, JB_ENOMEM. */
JB_NODISCARD int jb_cores_new(size_t cores, struct jb_cores **out,
                              struct jb_error *err);

/* Accepts NULL. */
void jb_cores_free(struct jb_cores *cores);

/* Takes the mean power over `seconds` in which cores were used so; use has one
 * element per core.  What is no number or shorter than 0.1 s is not taken. */
void jb_cores_learn(struct jb_cores *cores, double seconds,
                    const struct jb_core_use *use, double watts);

/* g and its standard deviation.  False while it is not known to 0.1. */
bool jb_cores_extra(const struct jb_cores *cores, double *extra,
                    double *deviation);

/* What a nanosecond on a core cost in an interval in which it was used so,
 * relative to one on a mean core that runs one thread; 1 while nothing is
 * known. */
double jb_cores_factor(const struct jb_cores *cores, size_t core,
                       const struct jb_core_use *use);

#endif
