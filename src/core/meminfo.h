/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory there is, from /proc/meminfo.
 *
 * One strict parser for everyone who asks: a line counts when it is a key, a
 * number and "kB", and is no part of another.
 */
#ifndef JB_CORE_MEMINFO_H
#define JB_CORE_MEMINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"

/* What the file has on any kernel takes 2 KB. */
enum { JB_MEMINFO_BYTES = 8192 };

struct jb_meminfo {
    uint64_t total_kib;
    uint64_t available_kib;
    uint64_t free_kib;
    uint64_t cached_kib; /* buffers and page cache */
    bool has_available;  /* since Linux 3.14 */
    bool has_free, has_cached;
};

/* The whole file; no allocation.  JB_EFORMAT without a well-formed MemTotal,
 * or with a malformed MemAvailable; JB_EIMPLAUSIBLE when more is available than
 * there is.  *out is untouched on failure. */
JB_NODISCARD int jb_meminfo_parse(const char *text, size_t length,
                                  struct jb_meminfo *out);

/* The same of <procfs>/meminfo; also JB_EABSENT, JB_EDENIED, JB_EIO. */
JB_NODISCARD int jb_meminfo_read(const char *procfs, struct jb_meminfo *out,
                                 struct jb_error *err);

#endif
