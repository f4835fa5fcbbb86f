/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all back ends have in common: the turn that is handed out, its rows,
 * the cgroups, the packages and the clock.
 */
#ifndef JB_USAGE_FRAME_H
#define JB_USAGE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "busy.h"
#include "core/topology.h"
#include "groups.h"
#include "usage.h"

struct jb_frame {
    const struct jb_env *env;
    struct jb_usage_options options;
    struct jb_topology *topology; /* NULL: the tree does not say */
    struct jb_groups *groups;
    struct jb_busy *busy;
    struct jb_usage_row *rows;
    size_t row_count, row_capacity;
    struct jb_usage_turn turn; /* under way, and the last one */
    struct jb_error note;
    int procfs;      /* directory */
    uint64_t number; /* of the turn, from 1: the base line */
    uint64_t open_ns;
};

/* Opens all but the processes.  On failure nothing is left open. */
JB_NODISCARD int jb_frame_open(struct jb_frame *frame, const struct jb_env *env,
                               const struct jb_usage_options *options,
                               struct jb_error *err);

/* Of one that is all zeros, too. */
void jb_frame_close(struct jb_frame *frame);

/* The base line is taken: the first turn begins at this instant. */
void jb_frame_start(struct jb_frame *frame);

/* A new turn: reads cgroups and packages. */
void jb_frame_begin(struct jb_frame *frame);

/* A new row, all zeros; NULL at the ceiling, where its time is counted. */
struct jb_usage_row *jb_frame_row(struct jb_frame *frame, uint64_t cpu_ns);

/* Completes the turn. */
const struct jb_usage_turn *jb_frame_end(struct jb_frame *frame);

/* The package of the CPU that a process was on last.  With several threads
 * and packages that says little: unknown. */
uint16_t jb_frame_place(const struct jb_frame *frame, uint32_t cpu, bool alone);

/* CPU time of all tasks in this turn as the kernel counted it, to hold the
 * rows against, and by how much it may be wrong.  False when not known. */
bool jb_frame_busy(const struct jb_frame *frame, uint64_t *busy_ns,
                   uint64_t *doubt_ns);

/* Start times: ticks of a CLOCK_BOOTTIME. */
uint64_t jb_frame_ticks(uint64_t boottime_ns);

#endif
