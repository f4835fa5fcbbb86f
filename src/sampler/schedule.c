/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

/* The first instant after time_ns; NEVER where the clock would overflow. */
static uint64_t schedule_grid_after(uint64_t origin_ns, uint64_t period_ns,
                                    uint64_t time_ns)
{
    uint64_t steps;
    uint64_t offset;
    uint64_t instant;

    if (period_ns == 0)
        return JB_SCHEDULE_NEVER;
    if (time_ns < origin_ns)
        return origin_ns - (origin_ns - time_ns - 1) / period_ns * period_ns;
    steps = (time_ns - origin_ns) / period_ns + 1;
    if (__builtin_mul_overflow(steps, period_ns, &offset) ||
        __builtin_add_overflow(origin_ns, offset, &instant))
        return JB_SCHEDULE_NEVER;
    return instant;
}

void jb_schedule_init(struct jb_schedule *schedule, uint64_t origin_ns,
                      struct jb_tick *ticks, size_t count)
{
    *schedule = (struct jb_schedule){
        .origin_ns = origin_ns,
        .ticks = ticks,
        .count = count,
    };
    for (size_t slot = 0; slot < count; slot++)
        ticks[slot] = (struct jb_tick){ .due_ns = JB_SCHEDULE_NEVER };
}

void jb_schedule_set(struct jb_schedule *schedule, size_t slot,
                     uint64_t period_ns, uint64_t now_ns)
{
    struct jb_tick *tick = &schedule->ticks[slot];

    tick->period_ns = period_ns;
    tick->due_ns = schedule_grid_after(schedule->origin_ns, period_ns, now_ns);
}

void jb_schedule_clear(struct jb_schedule *schedule, size_t slot)
{
    schedule->ticks[slot].period_ns = 0;
    schedule->ticks[slot].due_ns = JB_SCHEDULE_NEVER;
}

uint64_t jb_schedule_next(const struct jb_schedule *schedule)
{
    uint64_t next = JB_SCHEDULE_NEVER;

    for (size_t slot = 0; slot < schedule->count; slot++)
        if (schedule->ticks[slot].due_ns < next)
            next = schedule->ticks[slot].due_ns;
    return next;
}

uint64_t jb_schedule_after(const struct jb_schedule *schedule, uint64_t time_ns)
{
    uint64_t next = JB_SCHEDULE_NEVER;

    for (size_t slot = 0; slot < schedule->count; slot++) {
        uint64_t instant = schedule_grid_after(
            schedule->origin_ns, schedule->ticks[slot].period_ns, time_ns);

        if (instant < next)
            next = instant;
    }
    return next;
}

/* How many instants lie in [due, now]; moves due behind now. */
static uint64_t schedule_advance(const struct jb_schedule *schedule,
                                 struct jb_tick *tick, uint64_t now_ns)
{
    uint64_t due_ns = tick->due_ns;

    if (tick->period_ns == 0)
        return 0;
    if (now_ns >= due_ns) {
        tick->due_ns =
            schedule_grid_after(schedule->origin_ns, tick->period_ns, now_ns);
        return (now_ns - due_ns) / tick->period_ns + 1;
    }
    /* Further away than a period: the clock went back (a restored machine). */
    if (due_ns - now_ns > tick->period_ns)
        tick->due_ns =
            schedule_grid_after(schedule->origin_ns, tick->period_ns, now_ns);
    return 0;
}

bool jb_schedule_take(struct jb_schedule *schedule, size_t slot,
                      uint64_t now_ns)
{
    struct jb_tick *tick = &schedule->ticks[slot];
    uint64_t passed;

    /* The common case first: this runs for every task at every wake-up. */
    if (now_ns < tick->due_ns && tick->due_ns - now_ns <= tick->period_ns)
        return false;
    passed = schedule_advance(schedule, tick, now_ns);
    if (passed == 0)
        return false;
    tick->missed += passed - 1;
    return true;
}

void jb_schedule_skip(struct jb_schedule *schedule, size_t slot,
                      uint64_t now_ns)
{
    struct jb_tick *tick = &schedule->ticks[slot];

    tick->missed += schedule_advance(schedule, tick, now_ns);
}
