/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One name of a path against one pattern of the table of paths.
 *
 * Why not fnmatch() or regular expressions: both say whether, not what; the
 * one takes "job_7x" for a number, the other allocates.  A pattern is the
 * name itself, with these in it, each of which is handed back:
 *
 *   #   a decimal number as a program prints it: no sign, no leading zero
 *   %   the id of a container: 64 hexadecimal digits in lower case
 *   ~   the UID of a pod: hexadecimal digits, '-' and '_'
 *   $   a SLUID: 's' and 13 Crockford base-32 digits
 *   *   anything but nothing, as long as possible; once per pattern
 */
#ifndef JB_IDENTITY_PATTERN_H
#define JB_IDENTITY_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "word.h"

enum { JB_PATTERN_CAPTURES = 2 };

/* True when the whole name matches; captures are pieces of it, in the order of
 * the pattern.  When false, what is in captures has no meaning. */
bool jb_pattern_match(const char *pattern, struct jb_word name,
                      struct jb_word captures[JB_PATTERN_CAPTURES]);

/*
 * The number that a SLUID stands for (Slurm 26.05, src/common/sluid.c: 's',
 * then 65 bits in Crockford base 32, the uppermost 0; O reads as 0, I and L
 * as 1, and case does not matter).  0 when it is none.
 */
uint64_t jb_sluid_parse(struct jb_word text);

#endif
