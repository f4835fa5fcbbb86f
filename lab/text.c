/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jb_lab_text_release(struct jb_lab_text *text)
{
    free(text->bytes);
    *text = (struct jb_lab_text){ 0 };
}

void jb_lab_text_clear(struct jb_lab_text *text)
{
    text->len = 0;
    text->failed = false;
}

/* Room for `more` bytes and the NUL. */
static bool text_reserve(struct jb_lab_text *text, size_t more)
{
    size_t need = text->len + more + 1;
    size_t cap = text->cap ? text->cap : 256;
    char *bytes;

    if (text->failed)
        return false;
    if (need <= text->cap)
        return true;
    while (cap < need)
        cap *= 2;
    bytes = need <= JB_LAB_TEXT_MAX ? realloc(text->bytes, cap) : NULL;
    if (!bytes) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->cap = cap;
    return true;
}

void jb_lab_text_add(struct jb_lab_text *text, const char *fmt, ...)
{
    va_list ap;
    int len;

    /* Nearly every piece fits in what is there: one pass over the format. */
    if (!text_reserve(text, 128))
        return;
    va_start(ap, fmt);
    len = vsnprintf(text->bytes + text->len, text->cap - text->len, fmt, ap);
    va_end(ap);
    if (len >= 0 && (size_t)len >= text->cap - text->len) {
        if (!text_reserve(text, (size_t)len))
            return;
        va_start(ap, fmt);
        len =
            vsnprintf(text->bytes + text->len, text->cap - text->len, fmt, ap);
        va_end(ap);
    }
    if (len < 0) {
        text->failed = true;
        return;
    }
    text->len += (size_t)len;
}

void jb_lab_text_add_i128(struct jb_lab_text *text, jb_lab_i128 value)
{
    __extension__ typedef unsigned __int128 u128;
    /* Negated as unsigned, so that the most negative value is no overflow. */
    u128 left = value < 0 ? -(u128)value : (u128)value;
    char digits[44];
    char *p = digits + sizeof(digits) - 1;

    *p = '\0';
    do {
        *--p = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left);
    if (value < 0)
        *--p = '-';
    jb_lab_text_add_bytes(text, p, (size_t)(digits + sizeof(digits) - 1 - p));
}

void jb_lab_text_add_bytes(struct jb_lab_text *text, const char *bytes,
                           size_t len)
{
    if (!text_reserve(text, len))
        return;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = '\0';
}

static bool text_is_plain(char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

void jb_lab_text_add_json(struct jb_lab_text *text, const char *bytes,
                          size_t len)
{
    size_t i = 0;

    jb_lab_text_add_bytes(text, "\"", 1);
    while (i < len) {
        size_t run = i;

        while (run < len && text_is_plain(bytes[run]))
            run++;
        jb_lab_text_add_bytes(text, bytes + i, run - i);
        if (run < len)
            jb_lab_text_add(text, "\\u%04x", (unsigned char)bytes[run++]);
        i = run;
    }
    jb_lab_text_add_bytes(text, "\"", 1);
}
