/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Longest escape of one byte, "\u001f", and of what is no text. */
enum { TEXT_ESCAPE_MAX = 6 };

/* Bytes of the UTF-8 sequence that begins here; 0 for what is none (RFC 3629:
 * no overlong form, no surrogate, nothing above U+10FFFF). */
static size_t text_sequence(const unsigned char *at)
{
    size_t length = 0;
    unsigned low = 0x80;
    unsigned high = 0xbf;

    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        length = 2;
    else if (at[0] >= 0xe0 && at[0] <= 0xef)
        length = 3;
    else if (at[0] >= 0xf0 && at[0] <= 0xf4)
        length = 4;
    low = at[0] == 0xe0 ? 0xa0 : (at[0] == 0xf0 ? 0x90 : low);
    high = at[0] == 0xed ? 0x9f : (at[0] == 0xf4 ? 0x8f : high);
    for (size_t i = 1; i < length; i++) {
        if (at[i] < low || at[i] > high)
            return 0; /* a NUL ends here, too */
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

static size_t text_escape(char *out, unsigned char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char short_form[] = "\"\\bfnrt";
    const char *found = c ? strchr(plain, c) : NULL;

    if (found) {
        out[0] = '\\';
        out[1] = short_form[found - plain];
        return 2;
    }
    return (size_t)snprintf(out, TEXT_ESCAPE_MAX + 1, "\\u%04x", c);
}

char *jb_json_quote(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    char *out = malloc(strlen(text) * TEXT_ESCAPE_MAX + 3);
    char *to = out;

    if (!out)
        return NULL;
    *to++ = '"';
    while (*at) {
        size_t length = text_sequence(at);

        if (length == 0) {
            to += snprintf(to, TEXT_ESCAPE_MAX + 1, "\\ufffd");
            at++;
        } else if (*at < 0x20 || *at == '"' || *at == '\\') {
            to += text_escape(to, *at++);
        } else {
            memcpy(to, at, length);
            to += length;
            at += length;
        }
    }
    *to++ = '"';
    *to = '\0';
    return out;
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
