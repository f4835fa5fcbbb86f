/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reading of the small texts that kernels and users write: numbers,
 * durations, CPU lists.
 *
 * Why not strtoul: it takes "-1", " 7", "7x" and "" for numbers.  Here the
 * whole text is the value, or the call fails and the output is untouched.
 */
#ifndef JB_BASE_TEXT_H
#define JB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "own.h"

/* Decimal digits only, no sign, no overflow.  length excludes any newline. */
JB_NODISCARD bool jb_text_u64(const char *text, size_t length, uint64_t *out);

/* The same with an optional minus sign, within int64_t. */
JB_NODISCARD bool jb_text_i64(const char *text, size_t length, int64_t *out);

/* As jb_text_u64(), or with a 0x prefix in base 16. */
JB_NODISCARD bool jb_text_u64_any(const char *text, size_t length,
                                  uint64_t *out);

/* A finite decimal number in C's notation, whatever the locale. */
JB_NODISCARD bool jb_text_real(const char *text, double *out);

/* "100ms", "1.5s", "2m", "10us", "3h", "250ns" to nanoseconds, exact to the
 * nanosecond (no floating point).  A number alone means seconds. */
JB_NODISCARD bool jb_text_duration(const char *text, uint64_t *out_ns);

/* Puts '?' for each byte that is no visible ASCII, blanks included: what others
 * named must neither steer a terminal nor break JSON.  True when there was
 * one. */
bool jb_text_make_plain(char *text);

/* Length of text without trailing newlines, blanks and NULs. */
size_t jb_text_trimmed(const char *text, size_t length);

/* Calls visit for each number of a kernel list such as "0-3,8,10-11"; stops
 * and returns false on a malformed list, a number above max, or when visit
 * returns false. */
JB_NODISCARD bool jb_text_each_cpu(const char *list, size_t length,
                                   uint32_t max,
                                   bool (*visit)(uint32_t cpu, void *context),
                                   void *context);

#endif
