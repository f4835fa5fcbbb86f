/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON (RFC 8259) piece by piece, with a fixed amount of memory.
 *
 * Why not the JSON library that the program uses: the C library is linked into
 * other people's programs and needs nothing but libc.  Numbers are whole
 * millionths, so that they are exact and no locale changes them.  What is
 * written is one valid document or an error: brackets and keys are checked,
 * bytes that are not UTF-8 become U+FFFD.
 */
#ifndef JB_BASE_EMIT_H
#define JB_BASE_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"
#include "own.h"

enum { JB_EMIT_DEPTH_MAX = 16, JB_EMIT_BUFFER = 1024 };

struct jb_emit {
    int (*put)(void *context, const char *bytes, size_t length);
    void *context;
    int status;          /* first failure: from then on nothing is written */
    unsigned depth;      /* open brackets */
    unsigned line_depth; /* elements of brackets up to this have own lines */
    char open[JB_EMIT_DEPTH_MAX];
    bool any[JB_EMIT_DEPTH_MAX]; /* the bracket holds an element already */
    bool keyed;                  /* a key waits for its value */
    bool done;                   /* the one outermost value is complete */
    size_t used;
    char buffer[JB_EMIT_BUFFER];
};

/* put takes the bytes as they come and returns JB_OK or why not.  context is
 * borrowed until jb_emit_end(). */
void jb_emit_init(struct jb_emit *emit,
                  int (*put)(void *context, const char *bytes, size_t length),
                  void *context, unsigned line_depth);

/* bracket is '{' or '['. */
void jb_emit_open(struct jb_emit *emit, char bracket);
void jb_emit_close(struct jb_emit *emit);

/* Within an object, before each value. */
void jb_emit_key(struct jb_emit *emit, const char *key);

/* NULL is null. */
void jb_emit_text(struct jb_emit *emit, const char *value);
void jb_emit_u64(struct jb_emit *emit, uint64_t value);
/* Millionths as a decimal number without trailing zeros: 120500000 is 120.5 */
void jb_emit_micro(struct jb_emit *emit, int64_t micro);

/* Shorthands for a key with its value. */
void jb_emit_key_text(struct jb_emit *emit, const char *key, const char *value);
void jb_emit_key_micro(struct jb_emit *emit, const char *key, int64_t micro);

/* Hands on what is still kept back.  JB_EUSAGE when the document is not one
 * (brackets left open, a key without value, two values); else put's answer. */
JB_NODISCARD int jb_emit_end(struct jb_emit *emit);

#endif
