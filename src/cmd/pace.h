/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a command that writes a recording waits: for the next thing to do, for
 * its duration to be over, for a signal, for a reader that takes what was
 * written; with a progress bar for whoever looks on.
 *
 * One thread.  Nothing here blocks for longer than it was told, whatever the
 * reader of the output does.
 */
#ifndef JB_CMD_PACE_H
#define JB_CMD_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "child.h"
#include "formats/recording.h"

struct jb_pace {
    struct jb_signals signals;
    int wake;                  /* eventfd: other threads have something to do */
    bool bar;                  /* a terminal is there to look at progress */
    const char *unit;          /* what the rows of the file are called */
    struct jb_recording *file; /* borrowed */
    uint64_t begin_ns, whole_ns; /* CLOCK_BOOTTIME; 0: until a signal */
    uint64_t give_up_ns; /* a signal came: nobody is waited for after this */
};

/* Whether there is a terminal that shows a progress bar and nothing else. */
bool jb_pace_wants_bar(bool quiet, const char *output);

/* Blocks the signals that end a recording; before any thread starts.  The other
 * members are the caller's to set before.  Close in every case. */
JB_NODISCARD int jb_pace_open(struct jb_pace *pace, struct jb_error *err);
void jb_pace_close(struct jb_pace *pace);

/* Any thread: makes jb_pace_sleep() return. */
void jb_pace_wake(const struct jb_pace *pace);

/* Writes what the file's reader takes, and sleeps until the instant
 * (UINT64_MAX: never), a wake, or room for more.  False when the time is over,
 * a signal came, or the file cannot be written. */
bool jb_pace_sleep(struct jb_pace *pace, uint64_t until_ns);

/* No row will follow: waits until the reader has all, or until shortly after a
 * signal. */
void jb_pace_drain(struct jb_pace *pace);

#endif
