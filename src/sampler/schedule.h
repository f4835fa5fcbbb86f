/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to read what: periods laid on one grid of absolute time.
 *
 * Why a grid: all tasks count from the same origin, so those of 10 Hz fall on
 * instants of those of 100 Hz and share their wake-up, and an instant does not
 * drift with how long the reads before it took.  What was slept through
 * (suspend, a starved machine) is counted and left out: a counter read ten
 * times in a row says no more than one read.
 *
 * Pure arithmetic: no clock, no memory, no threads.  Any clock will do, also
 * one that jumps, forwards or back.
 */
#ifndef JB_SAMPLER_SCHEDULE_H
#define JB_SAMPLER_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An instant that does not come. */
#define JB_SCHEDULE_NEVER UINT64_MAX

/* One task. */
struct jb_tick {
    uint64_t period_ns; /* 0: never due */
    uint64_t due_ns;    /* the next instant, or JB_SCHEDULE_NEVER */
    uint64_t missed;    /* instants that passed without a read */
};

struct jb_schedule {
    uint64_t origin_ns; /* the grid extends from here to both sides */
    struct jb_tick *ticks;
    size_t count;
};

/* An instant of every period is at origin_ns.  The array is borrowed for the
 * schedule's life; its tasks are cleared and their missed are 0. */
void jb_schedule_init(struct jb_schedule *schedule, uint64_t origin_ns,
                      struct jb_tick *ticks, size_t count);

/* Makes a task due at the first of its instants after now_ns; missed stays. */
void jb_schedule_set(struct jb_schedule *schedule, size_t slot,
                     uint64_t period_ns, uint64_t now_ns);

/* The task is not due any more; missed stays. */
void jb_schedule_clear(struct jb_schedule *schedule, size_t slot);

/* The earliest due instant of all tasks, or JB_SCHEDULE_NEVER. */
uint64_t jb_schedule_next(const struct jb_schedule *schedule);

/* The first instant after time_ns of any task, whatever has been taken. */
uint64_t jb_schedule_after(const struct jb_schedule *schedule,
                           uint64_t time_ns);

/* True when the task is due.  Its next instant is then the first after now_ns,
 * and those between are counted as missed. */
bool jb_schedule_take(struct jb_schedule *schedule, size_t slot,
                      uint64_t now_ns);

/* Like a take whose read does not happen: all instants up to now_ns count as
 * missed. */
void jb_schedule_skip(struct jb_schedule *schedule, size_t slot,
                      uint64_t now_ns);

#endif
