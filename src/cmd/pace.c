/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

static const uint64_t pace_progress_ns = JB_NS_PER_S / 2;
/* How long a reader has to take the rest once a signal has come. */
static const uint64_t pace_grace_ns = JB_NS_PER_S / 4;

bool jb_pace_wants_bar(bool quiet, const char *output)
{
    bool rows = strcmp(output, "-") == 0 && isatty(STDOUT_FILENO);

    return !quiet && !rows && isatty(STDERR_FILENO);
}

int jb_pace_open(struct jb_pace *pace, struct jb_error *err)
{
    pace->signals.fd = -1;
    pace->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pace->wake < 0)
        return jb_fail_errno(err, errno, "eventfd");
    return jb_signals_open(&pace->signals, err);
}

void jb_pace_close(struct jb_pace *pace)
{
    if (pace->signals.fd >= 0)
        jb_signals_close(&pace->signals);
    if (pace->wake >= 0)
        close(pace->wake);
    pace->wake = -1;
}

void jb_pace_wake(const struct jb_pace *pace)
{
    eventfd_write(pace->wake, 1);
}

static void pace_print(const struct jb_pace *pace, uint64_t done_ns)
{
    enum { WIDTH = 30 };
    uint64_t whole_ns = pace->whole_ns;
    int full = whole_ns ? (int)((double)done_ns / (double)whole_ns * WIDTH) : 0;
    char bar[WIDTH + 1];

    if (!pace->bar)
        return;
    full = full > WIDTH ? WIDTH : full;
    memset(bar, '.', WIDTH);
    memset(bar, '#', (size_t)full);
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %.1f s%s, %llu %s ", bar,
            (double)done_ns / JB_NS_PER_S, whole_ns ? "" : " (Ctrl-C ends)",
            (unsigned long long)pace->file->rows, pace->unit);
}

/* How long poll() may sleep; -1: until something happens.  Whole milliseconds,
 * rounded up, so that the end is not met by a burst of short waits. */
static int pace_timeout_ms(uint64_t now_ns, uint64_t until_ns)
{
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;

    if (until_ns == UINT64_MAX)
        return -1;
    if (left_ns == 0)
        return 0;
    if (left_ns / JB_NS_PER_MS >= INT_MAX)
        return INT_MAX;
    return (int)(left_ns / JB_NS_PER_MS) + 1;
}

static void pace_poll(struct jb_pace *pace, uint64_t now_ns, uint64_t until_ns)
{
    bool pending = jb_recording_pending(pace->file);
    struct pollfd watched[] = {
        { .fd = pace->signals.fd, .events = POLLIN },
        { .fd = pace->wake, .events = POLLIN },
        { .fd = pending ? pace->file->fd : -1, .events = POLLOUT },
    };
    eventfd_t count;

    poll(watched, sizeof(watched) / sizeof(watched[0]),
         pace_timeout_ms(now_ns, until_ns));
    if (watched[1].revents)
        eventfd_read(pace->wake, &count);
}

static void pace_look_for_signals(struct jb_pace *pace)
{
    if (jb_signals_next(&pace->signals) != 0 && pace->give_up_ns == 0)
        pace->give_up_ns = jb_clock_now_ns(&jb_clock_boottime) + pace_grace_ns;
}

static uint64_t pace_earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool jb_pace_sleep(struct jb_pace *pace, uint64_t until_ns)
{
    uint64_t end_ns =
        pace->whole_ns ? pace->begin_ns + pace->whole_ns : UINT64_MAX;
    uint64_t now_ns = jb_clock_now_ns(&jb_clock_boottime);

    jb_recording_pump(pace->file);
    pace_print(pace, now_ns - pace->begin_ns);
    if (pace->bar)
        until_ns = pace_earlier(until_ns, now_ns + pace_progress_ns);
    if (pace->file->status == JB_OK && now_ns < end_ns)
        pace_poll(pace, now_ns, pace_earlier(until_ns, end_ns));
    pace_look_for_signals(pace);
    now_ns = jb_clock_now_ns(&jb_clock_boottime);
    return pace->give_up_ns == 0 && pace->file->status == JB_OK &&
           now_ns < end_ns;
}

void jb_pace_drain(struct jb_pace *pace)
{
    jb_recording_finish(pace->file);
    for (;;) {
        uint64_t now_ns = jb_clock_now_ns(&jb_clock_boottime);

        jb_recording_take(pace->file);
        jb_recording_pump(pace->file);
        jb_recording_take(pace->file);
        if (!jb_recording_pending(pace->file) ||
            (pace->give_up_ns != 0 && now_ns >= pace->give_up_ns))
            return;
        pace_poll(pace, now_ns,
                  pace->give_up_ns ? pace->give_up_ns : UINT64_MAX);
        pace_look_for_signals(pace);
    }
}
