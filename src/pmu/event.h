/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel writes about a PMU's events, as numbers: terms such as
 * "event=0x02,umask=0x1", formats such as "config:0-7,32-35", scales such as
 * "2.3283064365386962890625e-10".
 *
 * Pure: texts in, numbers out, no file and no allocation, so that it can be
 * fuzzed.  Strict, because a misread event counts something else and a
 * misread scale is a wrong bill.  Outputs are untouched on failure.
 */
#ifndef JB_PMU_EVENT_H
#define JB_PMU_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

/* The fields of struct perf_event_attr that terms can fill. */
enum { JB_PERF_WORDS = 3 };

struct jb_perf_config {
    uint64_t word[JB_PERF_WORDS]; /* config, config1, config2 */
};

/* Where the bits of one term go, lowest first: all in one word. */
struct jb_perf_format {
    unsigned word;
    uint64_t mask;
};

/* Answers what format/<name> says; false when there is no such term. */
typedef bool jb_perf_lookup(const char *name, size_t length, void *context,
                            struct jb_perf_format *out);

/* "config:0-7", "config1:0-63", "config:0-7,32-35". */
JB_NODISCARD bool jb_perf_parse_format(const char *text, size_t length,
                                       struct jb_perf_format *out);

/* Terms joined by commas.  A term without a value is 1.  False for an unknown
 * term, one named twice, or a value wider than its bits. */
JB_NODISCARD bool jb_perf_parse_terms(const char *text, size_t length,
                                      jb_perf_lookup *lookup, void *context,
                                      struct jb_perf_config *out);

/*
 * Units per count as micro-units per count, an exact fraction in lowest terms.
 * The kernel's scale is written in decimals, yet means a power of two: those
 * come out exactly (2^-32 is 15625 / 2^26 millionths).  False for zero, for a
 * sign, and for what does not fit 64 bits above and below the line.
 */
JB_NODISCARD bool jb_perf_parse_scale(const char *text, size_t length,
                                      uint64_t *num, uint64_t *den);

#endif
