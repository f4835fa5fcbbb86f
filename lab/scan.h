/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over a span of text, for the lab's two small languages (layout
 * files and control commands).
 *
 * Why not strtoull and sscanf: the text is not NUL-terminated, and those
 * accept signs, blanks and overflow that a strict format must refuse.  Nothing
 * here allocates, and nothing reads at or past `end`.  Each scanner returns
 * false and leaves both the cursor and the output alone when the text at the
 * cursor is not what it looks for.
 */
#ifndef JB_LAB_SCAN_H
#define JB_LAB_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jb_lab_scan {
    const char *at;  /* next byte, borrowed */
    const char *end; /* one past the last byte */
};

struct jb_lab_scan jb_lab_scan_of(const char *text, size_t len);

bool jb_lab_scan_done(const struct jb_lab_scan *scan);
/* Skips blanks and tabs (not newlines); true when there was at least one. */
bool jb_lab_scan_blank(struct jb_lab_scan *scan);
bool jb_lab_scan_char(struct jb_lab_scan *scan, char wanted);
/* The whole of `literal` at the cursor; what follows it is not looked at. */
bool jb_lab_scan_literal(struct jb_lab_scan *scan, const char *literal);
/* The longest run of [A-Za-z0-9] and of the characters in `extra`; at least
 * one and fewer than `cap`.  `out` is NUL-terminated. */
bool jb_lab_scan_word(struct jb_lab_scan *scan, const char *extra, char *out,
                      size_t cap);
/* Decimal digits, at most 19 of them (so below 10^19: no overflow). */
bool jb_lab_scan_u64(struct jb_lab_scan *scan, uint64_t *value);
/* The value of a hexadecimal digit, lower case; -1 for any other byte. */
int jb_lab_hex_digit(char c);
/* 0x and up to 16 of them. */
bool jb_lab_scan_hex(struct jb_lab_scan *scan, uint64_t *value);
/* A power with its unit, kW W mW uW, decimals allowed down to 1 uW. */
bool jb_lab_scan_power(struct jb_lab_scan *scan, int64_t *power_uw);
/* A duration with its unit, s ms us ns, decimals allowed down to 1 ns. */
bool jb_lab_scan_time(struct jb_lab_scan *scan, uint64_t *time_ns);
/* Three or four octal digits of a file mode, at most 0777. */
bool jb_lab_scan_mode(struct jb_lab_scan *scan, unsigned *mode);

#endif
