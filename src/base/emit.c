/* SPDX-License-Identifier: Apache-2.0 */
#include "emit.h"

#include <inttypes.h>
#include <string.h>

enum { EMIT_NUMBER_MAX = 48, EMIT_DECIMALS = 6 };

void jb_emit_init(struct jb_emit *emit,
                  int (*put)(void *context, const char *bytes, size_t length),
                  void *context, unsigned line_depth)
{
    *emit = (struct jb_emit){ .put = put,
                              .context = context,
                              .line_depth = line_depth };
}

static void emit_fail(struct jb_emit *emit, int status)
{
    if (emit->status == JB_OK)
        emit->status = status;
}

static void emit_flush(struct jb_emit *emit)
{
    if (emit->status == JB_OK && emit->used > 0)
        emit_fail(emit, emit->put(emit->context, emit->buffer, emit->used));
    emit->used = 0;
}

static void emit_bytes(struct jb_emit *emit, const char *bytes, size_t length)
{
    while (emit->status == JB_OK && length > 0) {
        size_t room = sizeof(emit->buffer) - emit->used;
        size_t part = length < room ? length : room;

        memcpy(emit->buffer + emit->used, bytes, part);
        emit->used += part;
        bytes += part;
        length -= part;
        if (emit->used == sizeof(emit->buffer))
            emit_flush(emit);
    }
}

static void emit_line(struct jb_emit *emit)
{
    static const char blanks[] = "\n                                ";

    emit_bytes(emit, blanks, 1 + 2 * (size_t)emit->depth);
}

/* What stands before an element: a comma, a line of its own. */
static void emit_before(struct jb_emit *emit)
{
    unsigned inner = emit->depth - 1;

    if (emit->any[inner])
        emit_bytes(emit, ",", 1);
    if (emit->depth <= emit->line_depth)
        emit_line(emit);
    else if (emit->any[inner])
        emit_bytes(emit, " ", 1);
    emit->any[inner] = true;
}

/* A value may stand behind a key, in an array, or alone and once. */
static void emit_value(struct jb_emit *emit)
{
    if (emit->keyed) {
        emit->keyed = false;
        return;
    }
    if (emit->depth == 0) {
        if (emit->done)
            emit_fail(emit, JB_EUSAGE);
        emit->done = true;
        return;
    }
    if (emit->open[emit->depth - 1] != '[')
        emit_fail(emit, JB_EUSAGE);
    else
        emit_before(emit);
}

void jb_emit_open(struct jb_emit *emit, char bracket)
{
    emit_value(emit);
    if (emit->depth == JB_EMIT_DEPTH_MAX) {
        emit_fail(emit, JB_ELIMIT);
        return;
    }
    emit_bytes(emit, &bracket, 1);
    emit->open[emit->depth] = bracket;
    emit->any[emit->depth++] = false;
}

void jb_emit_close(struct jb_emit *emit)
{
    bool any;

    if (emit->depth == 0 || emit->keyed) {
        emit_fail(emit, JB_EUSAGE);
        return;
    }
    any = emit->any[--emit->depth];
    if (any && emit->depth < emit->line_depth)
        emit_line(emit);
    emit_bytes(emit, emit->open[emit->depth] == '[' ? "]" : "}", 1);
}

/* The length of the UTF-8 character at text, or 0 when it is none: neither
 * overlong forms, surrogates nor what lies above U+10FFFF (RFC 3629, 4). */
static size_t emit_utf8_length(const unsigned char *text)
{
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t length;

    if (text[0] < 0x80)
        return 1;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    length = text[0] < 0xe0 ? 2 : (text[0] < 0xf0 ? 3 : 4);
    if (text[0] == 0xe0)
        low = 0xa0;
    else if (text[0] == 0xed)
        high = 0x9f;
    else if (text[0] == 0xf0)
        low = 0x90;
    else if (text[0] == 0xf4)
        high = 0x8f;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (text[i] < 0x80 || text[i] > 0xbf)
            return 0;
    return length;
}

static void emit_character(struct jb_emit *emit, const char *text,
                           size_t length)
{
    char escaped[8];

    if (length == 0) {
        emit_bytes(emit, "\\ufffd", 6);
    } else if (*text == '"' || *text == '\\') {
        emit_bytes(emit, "\\", 1);
        emit_bytes(emit, text, 1);
    } else if ((unsigned char)*text < ' ' || *text == 0x7f) {
        snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)*text);
        emit_bytes(emit, escaped, 6);
    } else {
        emit_bytes(emit, text, length);
    }
}

static void emit_string(struct jb_emit *emit, const char *text)
{
    emit_bytes(emit, "\"", 1);
    while (*text) {
        size_t length = emit_utf8_length((const unsigned char *)text);

        emit_character(emit, text, length);
        text += length ? length : 1;
    }
    emit_bytes(emit, "\"", 1);
}

void jb_emit_key(struct jb_emit *emit, const char *key)
{
    if (emit->depth == 0 || emit->keyed || emit->open[emit->depth - 1] != '{') {
        emit_fail(emit, JB_EUSAGE);
        return;
    }
    emit_before(emit);
    emit_string(emit, key);
    emit_bytes(emit, ": ", 2);
    emit->keyed = true;
}

void jb_emit_text(struct jb_emit *emit, const char *value)
{
    emit_value(emit);
    if (value)
        emit_string(emit, value);
    else
        emit_bytes(emit, "null", 4);
}

static void emit_number(struct jb_emit *emit, const char *text)
{
    emit_value(emit);
    emit_bytes(emit, text, strlen(text));
}

void jb_emit_u64(struct jb_emit *emit, uint64_t value)
{
    char text[EMIT_NUMBER_MAX];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    emit_number(emit, text);
}

void jb_emit_micro(struct jb_emit *emit, int64_t micro)
{
    uint64_t size = micro < 0 ? 0 - (uint64_t)micro : (uint64_t)micro;
    char text[EMIT_NUMBER_MAX];
    int length = snprintf(text, sizeof(text), "%s%" PRIu64 ".%06" PRIu64,
                          micro < 0 ? "-" : "", size / 1000000, size % 1000000);
    int shortest = length - EMIT_DECIMALS + 1; /* one decimal stays */

    while (length > shortest && text[length - 1] == '0')
        text[--length] = '\0';
    emit_number(emit, text);
}

void jb_emit_key_text(struct jb_emit *emit, const char *key, const char *value)
{
    jb_emit_key(emit, key);
    jb_emit_text(emit, value);
}

void jb_emit_key_micro(struct jb_emit *emit, const char *key, int64_t micro)
{
    jb_emit_key(emit, key);
    jb_emit_micro(emit, micro);
}

int jb_emit_end(struct jb_emit *emit)
{
    if (emit->depth > 0 || !emit->done)
        emit_fail(emit, JB_EUSAGE);
    if (emit->line_depth > 0)
        emit_bytes(emit, "\n", 1);
    emit_flush(emit);
    return emit->status;
}
