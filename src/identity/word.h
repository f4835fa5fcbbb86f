/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A piece of a longer text, borrowed from it: what is read out of a cgroup's
 * path is pointed at, so that reading it needs no memory.  It may hold any
 * byte but the one that ends it there; jb_word_plain() makes it printable.
 */
#ifndef JB_IDENTITY_WORD_H
#define JB_IDENTITY_WORD_H

#include <stdbool.h>
#include <stddef.h>

/* Not NUL-terminated.  Length 0: there is none, and at may be NULL. */
struct jb_word {
    const char *at;
    size_t length;
};

/* The whole of a NUL-terminated text, which is borrowed. */
struct jb_word jb_word_of(const char *text);

bool jb_word_equal(struct jb_word a, struct jb_word b);
bool jb_word_is(struct jb_word word, const char *text);
bool jb_word_ends_in(struct jb_word word, const char *tail);

/* True when inner and outer are pieces of one text and inner comes later. */
bool jb_word_follows(struct jb_word inner, struct jb_word outer);

/*
 * Takes the next piece before `separator` off the front of *rest.  False when
 * nothing is left; a piece between two separators may be empty.
 */
bool jb_word_next(struct jb_word *rest, char separator, struct jb_word *out);

/* Copies as much as fits into out[size], size at least 1, with '?' for each
 * byte that is no visible ASCII.  Returns out, always NUL-terminated. */
const char *jb_word_plain(struct jb_word word, char *out, size_t size);

#endif
