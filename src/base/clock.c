/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <stdio.h>
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

const char *jb_clock_utc_text(int64_t utc_ns, char out[JB_UTC_TEXT_MAX])
{
    int64_t second = utc_ns / JB_NS_PER_S;
    int64_t rest_ns = utc_ns % JB_NS_PER_S;
    time_t time;
    struct tm tm;
    size_t used;

    if (rest_ns < 0) {
        rest_ns += JB_NS_PER_S;
        second--;
    }
    time = (time_t)second;
    gmtime_r(&time, &tm);
    used = strftime(out, JB_UTC_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + used, JB_UTC_TEXT_MAX - used, ".%03uZ",
             (unsigned)(rest_ns / JB_NS_PER_MS) % 1000U);
    return out;
}
