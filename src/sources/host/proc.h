/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of procfs that tell what a machine was doing, as numbers.
 *
 * Pure: bytes in, numbers out, in place and without allocation, so that a
 * sample costs no more than its reads and everything here can be fuzzed.
 * Names are borrowed from the text.  Outputs are untouched on failure.
 */
#ifndef JB_HOST_PROC_H
#define JB_HOST_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"

/* What is left to read; the walkers below move `at` from line to line. */
struct jb_proc_text {
    const char *at;
    const char *end;
};

/* A piece of the text, not NUL-terminated. */
struct jb_proc_word {
    const char *at;
    size_t length;
};

/* Busy as core/procstat.h means it: guests not twice, waiting not at all. */
struct jb_proc_cpu {
    uint32_t cpu;
    uint64_t busy_ticks;
};

struct jb_proc_disk {
    struct jb_proc_word name;
    uint64_t read_sectors, written_sectors; /* of 512 bytes, whatever disk */
};

struct jb_proc_net {
    struct jb_proc_word name;
    uint64_t received_bytes, sent_bytes;
};

struct jb_proc_mount {
    struct jb_proc_word device, path; /* still escaped: jb_proc_unescape() */
};

struct jb_proc_memory {
    uint64_t total_kib;
    uint64_t available_kib;
    uint64_t free_kib;
    uint64_t cached_kib; /* buffers and page cache */
    bool has_available;  /* since Linux 3.14 */
    bool has_free, has_cached;
};

/* What all CPUs did since boot, as the kernel divides it. */
struct jb_proc_times {
    uint64_t user_ticks, system_ticks, idle_ticks, iowait_ticks;
};

/*
 * Walkers: 1 with *out filled, 0 at the end, JB_EFORMAT for a line that is not
 * understood; the line is passed in every case, so the walk can go on.
 * jb_proc_next_cpu() ends with the CPU lines and skips the total.
 */
JB_NODISCARD int jb_proc_next_cpu(struct jb_proc_text *text,
                                  struct jb_proc_cpu *out);
JB_NODISCARD int jb_proc_next_disk(struct jb_proc_text *text,
                                   struct jb_proc_disk *out);
JB_NODISCARD int jb_proc_next_net(struct jb_proc_text *text,
                                  struct jb_proc_net *out);
JB_NODISCARD int jb_proc_next_mount(struct jb_proc_text *text,
                                    struct jb_proc_mount *out);

/* The line of all CPUs, which is the first.  JB_EABSENT when it is another,
 * JB_EFORMAT when it is not understood. */
JB_NODISCARD int jb_proc_times(struct jb_proc_text text,
                               struct jb_proc_times *out);

/* JB_EFORMAT without a well-formed MemTotal, or with a malformed
 * MemAvailable; JB_EIMPLAUSIBLE when more is available than there is. */
JB_NODISCARD int jb_proc_memory(struct jb_proc_text text,
                                struct jb_proc_memory *out);

/* Load over 1, 5 and 15 minutes in hundredths. */
JB_NODISCARD int jb_proc_load(struct jb_proc_text text, uint64_t hundredths[3]);

/* Undoes the \040 of mount tables.  False when out is too small or an escape
 * is malformed; out is "" then. */
JB_NODISCARD bool jb_proc_unescape(const struct jb_proc_word *word, char *out,
                                   size_t capacity);

/* True when the word is exactly this name. */
bool jb_proc_word_is(const struct jb_proc_word *word, const char *name);

/* By its name alone: sda1, nvme0n1p2, mmcblk0p1.  For trees without sysfs. */
bool jb_proc_is_partition(const struct jb_proc_word *name);

#endif
