/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How busy CPUs have been, from the lines of /proc/stat.
 *
 * One parser for everyone who asks: the traps (guest time is inside user time,
 * idle and iowait can run backwards, the number of fields depends on the
 * kernel) are known here and nowhere else.  The sum of all CPUs is read through
 * a kept descriptor and in one go, since the kernel prints it first.
 */
#ifndef JB_CORE_PROCSTAT_H
#define JB_CORE_PROCSTAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

/* Ticks of /proc/stat per second: USER_HZ, which is 100 on every architecture
 * that Linux has an HPC machine of; sysconf() cannot ask a recorded tree. */
enum { JB_PROCSTAT_HZ = 100 };

/* Ticks since boot.  busy is user, nice, system, irq,
 * softirq and steal; idle is idle and iowait. */
struct jb_procstat {
    uint64_t busy;
    uint64_t idle;
};

/* The numbers behind the name of one line, "cpu" or "cpu17", without the
 * newline.  False, with *out untouched, when they are not all numbers, fewer
 * than the four that every kernel has, or too large to be summed. */
JB_NODISCARD bool jb_procstat_parse_fields(const char *text, size_t length,
                                           struct jb_procstat *out);

/* The whole file, or its beginning, from its first line "cpu  ..."; false also
 * when that is missing or not ended. */
JB_NODISCARD bool jb_procstat_parse(const char *text, size_t length,
                                    struct jb_procstat *out);

/* The same from a kept descriptor of <procfs>/stat: one read, no allocation.
 * JB_OK, JB_EFORMAT, or what errno means. */
JB_NODISCARD int jb_procstat_pread(int fd, struct jb_procstat *out);

/* Busy share of the time between two readings, in millionths.  False, with
 * *ppm untouched, when no tick has passed or busy time ran backwards; an idle
 * time that did (iowait may) counts as none. */
JB_NODISCARD bool jb_procstat_busy_ppm(const struct jb_procstat *from,
                                       const struct jb_procstat *to,
                                       uint32_t *ppm);

#endif
