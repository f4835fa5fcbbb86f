/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable text with a ceiling: the journal's buffer, the status page, and
 * the JSON fragments that both are made of.
 *
 * Failure is sticky: once memory or the ceiling is hit, `failed` is set and
 * nothing more is added, so that a writer of many pieces checks once.
 */
#ifndef JB_LAB_TEXT_H
#define JB_LAB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Gcc's 128-bit integer: energies are whole femtojoules (microwatts times
 * nanoseconds), of which 64 bits hold only 9 kJ. */
__extension__ typedef __int128 jb_lab_i128;

enum { JB_LAB_TEXT_MAX = 4 << 20 };

struct jb_lab_text {
    char *bytes; /* owned; NUL-terminated when not NULL */
    size_t len;
    size_t cap;
    bool failed;
};

/* An all-zero struct is an empty text; release makes it one again. */
void jb_lab_text_release(struct jb_lab_text *text);
/* Empties it and keeps the memory. */
void jb_lab_text_clear(struct jb_lab_text *text);

void jb_lab_text_add(struct jb_lab_text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void jb_lab_text_add_bytes(struct jb_lab_text *text, const char *bytes,
                           size_t len);
void jb_lab_text_add_i128(struct jb_lab_text *text, jb_lab_i128 value);
/* `bytes` as a JSON string with its quotes; each byte that is not printable
 * ASCII becomes \u00XX, so any bytes survive a round trip as Latin-1. */
void jb_lab_text_add_json(struct jb_lab_text *text, const char *bytes,
                          size_t len);

#endif
