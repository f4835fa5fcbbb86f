/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <time.h>

static uint64_t clock_boottime_ns(void *context)
{
    struct timespec ts;

    (void)context;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * JB_NS_PER_S + (uint64_t)ts.tv_nsec;
}

const struct jb_clock jb_clock_boottime = { .now_ns = clock_boottime_ns };

int64_t jb_clock_utc_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * JB_NS_PER_S + ts.tv_nsec;
}
