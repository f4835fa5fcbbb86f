/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small files below /proc/<pid>, as proc(5) and
 * Documentation/filesystems/proc.rst have them: parsers of what the kernel
 * wrote, and of what a process put into it (its name may hold blanks,
 * newlines, parentheses and whole forged lines).
 */
#ifndef JB_USAGE_PIDFILE_H
#define JB_USAGE_PIDFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/own.h"
#include "usage.h"

/* Room for stat, schedstat, cgroup (one path of 4096 per hierarchy), status. */
enum { JB_PIDFILE_MAX = 16384 };

struct jb_pid_stat {
    uint32_t pid, ppid, threads, cpu;
    uint64_t cpu_ticks; /* user and system, all threads, dead ones too */
    uint64_t start_ticks;
    bool kernel;  /* a kernel thread */
    bool exiting; /* its leading thread has ended, or is about to */
    char comm[JB_USAGE_COMM_MAX];
};

/* /proc/<pid>/stat.  The name ends at the last parenthesis: no later field has
 * one.  False, with *out untouched, when anything is malformed or missing. */
JB_NODISCARD bool jb_pidfile_stat(const char *text, size_t length,
                                  struct jb_pid_stat *out);

/* /proc/<pid>/schedstat: ns on a CPU of the thread <pid>, and how often it was
 * put on one. */
JB_NODISCARD bool jb_pidfile_schedstat(const char *text, size_t length,
                                       uint64_t *run_ns, uint64_t *slices);

/*
 * The path that /proc/<pid>/cgroup gives for a controller of v1 ("cpuacct"),
 * or with "" for the unified hierarchy; without the " (deleted)" of a removed
 * one.  *path points into text.  False when there is no such line.
 */
JB_NODISCARD bool jb_pidfile_cgroup(const char *text, size_t length,
                                    const char *controller, const char **path,
                                    size_t *path_length);

/* The number of the hierarchy that has a controller of v1. */
JB_NODISCARD bool jb_pidfile_hierarchy(const char *text, size_t length,
                                       const char *controller,
                                       uint32_t *number);

/* The real user id of /proc/<pid>/status. */
JB_NODISCARD bool jb_pidfile_uid(const char *text, size_t length,
                                 uint32_t *uid);

/* "key: 12" or "key:   12 kB" of status, smaps_rollup, io: the number. */
JB_NODISCARD bool jb_pidfile_value(const char *text, size_t length,
                                   const char *key, uint64_t *out);

/* Opens <procfs>/<pid>/<name> below a kept descriptor; -1 and errno. */
int jb_pidfile_open(int procfs, uint32_t pid, const char *name);

/* Reads it whole, as far as it fits: the length, or a negated errno. */
ssize_t jb_pidfile_read(int procfs, uint32_t pid, const char *name,
                        char *buffer, size_t capacity);

/* Fills memory and I/O of a row of a process that is alive, as far as options
 * ask for and the kernel lets us. */
void jb_pidfile_extras(int procfs, const struct jb_usage_options *options,
                       struct jb_usage_row *row);

#endif
