/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes as /proc shows them, at as few reads as a turn can do with.
 *
 * What is read: of a process with one thread its schedstat, which is exact to
 * the nanosecond and five times cheaper than stat; stat only when that has
 * moved.  schedstat speaks of the leading thread alone, so of processes with
 * several threads stat is read, which counts in ticks of 10 ms.
 *
 * Who is read: a process that did not run is read again after 2, 4, ... turns,
 * up to the option `rest`.  Nothing is lost by that, since counters are
 * cumulative: what a sleeper used is booked when it is next read.  So that it
 * is not late either, all sleepers are read at once when the kernel's count of
 * the machine's CPU time exceeds what the processes read so far explain.
 *
 * What may change unseen: its cgroup and its user.  Both are read when a
 * process is new, at its next three readings that found it had run (launchers
 * move their children), when its name changes (exec), and at each 16th such
 * reading.
 */
#ifndef JB_USAGE_SCAN_H
#define JB_USAGE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "frame.h"
#include "pidfile.h"
#include "table.h"

enum { JB_SCAN_LIST_MAX = 1 << 15 };

struct jb_scan {
    struct jb_frame *frame; /* borrowed */
    struct jb_table table;
    size_t kept_max;       /* descriptors */
    size_t cursor;         /* where the time of the last turn was up */
    uint64_t deadline_ns;  /* of this turn */
    int64_t utc_offset_ns; /* CLOCK_REALTIME - CLOCK_BOOTTIME, if records say
                              when a process began */
    uint64_t explained_ns; /* by the rows of this turn */
    uint32_t sweep_at;     /* not before this turn all sleepers again */
    uint32_t sweep_rest;
    bool base; /* the base line is taken: nothing is booked */
    char text[JB_PIDFILE_MAX];
    _Alignas(8) char list[JB_SCAN_LIST_MAX]; /* of directory entries */
};

/* Reads all processes once, as the base line.  JB_EIO, JB_EDENIED: /proc cannot
 * be listed; JB_ENOMEM. */
JB_NODISCARD int jb_scan_open(struct jb_scan *scan, struct jb_frame *frame,
                              struct jb_error *err);

/* Of one that is all zeros, too. */
void jb_scan_close(struct jb_scan *scan);

/* To be called when a turn begins. */
void jb_scan_begin(struct jb_scan *scan);

/* Finds new processes; marks those that are there as listed. */
JB_NODISCARD int jb_scan_list(struct jb_scan *scan, struct jb_error *err);

/* Removes what the last listing did not show, each with a row that says it has
 * ended; what it used since it was last read is not known. */
void jb_scan_sweep(struct jb_scan *scan);

/* Reads one now. */
void jb_scan_look(struct jb_scan *scan, struct jb_process *process);

/* Reads those that have forked, before the ends of their children are booked:
 * these are billed to the cgroup that the parent is in now. */
void jb_scan_read_parents(struct jb_scan *scan);

/* Reads those that are due, and books what they used. */
void jb_scan_read(struct jb_scan *scan);

/* A row of the process; NULL at the ceiling. */
struct jb_usage_row *jb_scan_row(struct jb_scan *scan,
                                 const struct jb_process *process,
                                 uint64_t cpu_ns);

#endif
