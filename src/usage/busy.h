/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How busy each package was since the turn before, from the lines of
 * /proc/stat.  Ticks of 10 ms, with interrupts and stolen time: a bound to
 * hold the sum of all processes against, not a truth to divide.
 */
#ifndef JB_USAGE_BUSY_H
#define JB_USAGE_BUSY_H

#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "core/topology.h"
#include "usage.h"

struct jb_busy;

/* topology is borrowed; NULL: all CPUs are package 0.  A missing file is no
 * error: there are no places then. */
JB_NODISCARD int jb_busy_open(const char *procfs,
                              const struct jb_topology *topology,
                              struct jb_busy **out, struct jb_error *err);

/* Accepts NULL. */
void jb_busy_close(struct jb_busy *busy);

/* Reads; *places are of the time since the last call and valid until the next;
 * the number of them, 0 when the file could not be read or understood. */
size_t jb_busy_turn(struct jb_busy *busy, uint64_t interval_ns,
                    const struct jb_usage_place **places);

/* All places. */
uint64_t jb_busy_sum_ns(const struct jb_busy *busy);

#endif
