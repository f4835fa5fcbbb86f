/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern.h"

#include <string.h>

enum { PATTERN_ID_DIGITS = 64, PATTERN_SLUID_LENGTH = 14 };

static bool pattern_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool pattern_is_hex(char c)
{
    return pattern_is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool pattern_is_uid(char c)
{
    return pattern_is_hex(c) || c == '-' || c == '_';
}

static size_t pattern_span(const char *at, const char *end, bool (*is)(char))
{
    size_t length = 0;

    while (at + length < end && is(at[length]))
        length++;
    return length;
}

static size_t pattern_number(const char *at, const char *end)
{
    size_t length = pattern_span(at, end, pattern_is_digit);

    return length > 1 && *at == '0' ? 0 : length;
}

static size_t pattern_id(const char *at, const char *end)
{
    return pattern_span(at, end, pattern_is_hex) == PATTERN_ID_DIGITS
               ? PATTERN_ID_DIGITS
               : 0;
}

static size_t pattern_sluid(const char *at, const char *end)
{
    struct jb_word text = { at, PATTERN_SLUID_LENGTH };

    return end - at >= PATTERN_SLUID_LENGTH && jb_sluid_parse(text) != 0
               ? PATTERN_SLUID_LENGTH
               : 0;
}

static bool pattern_captures(char what)
{
    return what == '#' || what == '%' || what == '~' || what == '$';
}

/* How many bytes one character of the pattern takes; 0 when it does not fit. */
static size_t pattern_take(char what, const char *at, const char *end)
{
    switch (what) {
    case '#':
        return pattern_number(at, end);
    case '%':
        return pattern_id(at, end);
    case '~':
        return pattern_span(at, end, pattern_is_uid);
    case '$':
        return pattern_sluid(at, end);
    default:
        return at < end && *at == what;
    }
}

/* A pattern without '*' against the text, up to its end. */
static bool pattern_fixed(const char *pattern, const char *at, const char *end,
                          struct jb_word *captures)
{
    for (; *pattern; pattern++) {
        size_t length = pattern_take(*pattern, at, end);

        if (length == 0)
            return false;
        if (pattern_captures(*pattern))
            *captures++ = (struct jb_word){ at, length };
        at += length;
    }
    return at == end;
}

/* What follows '*', tried from the right, so that '*' takes all it can. */
static bool pattern_tail(const char *pattern, struct jb_word rest,
                         struct jb_word *captures)
{
    const char *end = rest.at + rest.length;

    for (const char *stop = end; stop > rest.at; stop--)
        if (pattern_fixed(pattern, stop, end, captures + 1)) {
            captures[0] = (struct jb_word){ rest.at, (size_t)(stop - rest.at) };
            return true;
        }
    return false;
}

bool jb_pattern_match(const char *pattern, struct jb_word name,
                      struct jb_word captures[JB_PATTERN_CAPTURES])
{
    const char *end = name.at + name.length;

    for (; *pattern; pattern++) {
        size_t length;

        if (*pattern == '*')
            return pattern_tail(pattern + 1, name, captures);
        length = pattern_take(*pattern, name.at, end);
        if (length == 0)
            return false;
        if (pattern_captures(*pattern))
            *captures++ = (struct jb_word){ name.at, length };
        name.at += length;
        name.length -= length;
    }
    return name.length == 0;
}

/* -1: no digit of Crockford's base 32 (which has no U). */
static int pattern_base32(char c)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const char *found;

    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        return 0;
    if (c == 'I' || c == 'L')
        return 1;
    found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

uint64_t jb_sluid_parse(struct jb_word text)
{
    uint64_t value = 0;

    if (text.length != PATTERN_SLUID_LENGTH ||
        (text.at[0] != 's' && text.at[0] != 'S'))
        return 0;
    for (size_t i = 1; i < text.length; i++) {
        int digit = pattern_base32(text.at[i]);

        if (digit < 0 || value >> 59 != 0)
            return 0;
        value = value << 5 | (uint64_t)digit;
    }
    return value;
}
