/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/emit.h"
#include "base/text.h"

/* Longest escape of one byte, "\\u001f"; U+FFFD for one that is no text has
 * three. */
enum { TEXT_ESCAPE_MAX = 6 };

struct text_room {
    char *text;
    size_t used, capacity;
};

static int text_collect(void *context, const char *bytes, size_t length)
{
    struct text_room *room = context;

    if (length >= room->capacity - room->used)
        return JB_ELIMIT;
    memcpy(room->text + room->used, bytes, length);
    room->used += length;
    return JB_OK;
}

char *jb_json_quote(const char *text)
{
    struct text_room room = { .capacity = strlen(text) * TEXT_ESCAPE_MAX + 3 };
    struct jb_emit emit;

    room.text = malloc(room.capacity);
    if (!room.text)
        return NULL;
    jb_emit_init(&emit, text_collect, &room, 0);
    jb_emit_text(&emit, text);
    if (jb_emit_end(&emit) < 0) {
        free(room.text);
        return NULL;
    }
    room.text[jb_text_trimmed(room.text, room.used)] = '\0';
    return room.text;
}

char *jb_csv_quote(const char *text)
{
    char *out;
    char *to;

    if (!strpbrk(text, ",\"\n\r"))
        return strdup(text);
    out = malloc(2 * strlen(text) + 3);
    if (!out)
        return NULL;
    to = out;
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"')
            *to++ = '"';
        *to++ = *text;
    }
    *to++ = '"';
    *to = '\0';
    return out;
}

const char *jb_format_millionths(char out[JB_NUMBER_MAX], int64_t micro,
                                 unsigned decimals)
{
    static const uint64_t powers[] = {
        1000000, 100000, 10000, 1000, 100, 10, 1
    };
    uint64_t unit = powers[decimals < 6 ? decimals : 6];
    uint64_t size = micro < 0 ? -(uint64_t)micro : (uint64_t)micro;
    uint64_t count = size / unit + (size % unit >= (unit + 1) / 2 && unit > 1);
    uint64_t whole = 1000000 / unit;
    const char *sign = micro < 0 && count > 0 ? "-" : "";

    if (decimals == 0)
        snprintf(out, JB_NUMBER_MAX, "%s%" PRIu64, sign, count);
    else
        snprintf(out, JB_NUMBER_MAX, "%s%" PRIu64 ".%0*" PRIu64, sign,
                 count / whole, (int)(decimals < 6 ? decimals : 6),
                 count % whole);
    return out;
}

const char *jb_format_epoch(char out[JB_NUMBER_MAX], int64_t ns)
{
    int64_t us = ns / JB_NS_PER_US;
    size_t length;

    jb_format_millionths(out, us, 6);
    length = strlen(out);
    while (length > 2 && out[length - 1] == '0' && out[length - 2] != '.')
        out[--length] = '\0';
    return out;
}
