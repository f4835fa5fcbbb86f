/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include <string.h>

#include "base/text.h"

/* 23 digits are needed for 2^-32; 38 is what 128 bits hold for certain. */
enum {
    EVENT_DIGITS_MAX = 38,
    EVENT_EXPONENT_MAX = 60,
    EVENT_TEXT_MAX = 120,
    EVENT_MICRO = 6
};

__extension__ typedef unsigned __int128 event_wide;

/* Length of the part that begins at `at` and ends before separator or the end.
 */
static size_t event_part(const char *text, size_t length, size_t at,
                         char separator)
{
    const char *end = memchr(text + at, separator, length - at);

    return end ? (size_t)(end - text) - at : length - at;
}

static bool event_range_mask(const char *text, size_t length, uint64_t *mask)
{
    size_t left = event_part(text, length, 0, '-');
    uint64_t low;
    uint64_t high;
    uint64_t bits;

    if (!jb_text_u64(text, left, &low))
        return false;
    high = low;
    if (left < length &&
        !jb_text_u64(text + left + 1, length - left - 1, &high))
        return false;
    if (low > high || high > 63)
        return false;
    bits = (UINT64_MAX >> (63 - (high - low))) << low;
    if (*mask & bits)
        return false;
    *mask |= bits;
    return true;
}

static bool event_word(const char *name, size_t length, unsigned *out)
{
    static const char *const names[JB_PERF_WORDS] = { "config", "config1",
                                                      "config2" };

    for (unsigned i = 0; i < JB_PERF_WORDS; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

bool jb_perf_parse_format(const char *text, size_t length,
                          struct jb_perf_format *out)
{
    size_t at = event_part(text, length, 0, ':');
    struct jb_perf_format format = { 0 };

    if (at == length || !event_word(text, at, &format.word))
        return false;
    for (at++; at <= length;) {
        size_t part = event_part(text, length, at, ',');

        if (!event_range_mask(text + at, part, &format.mask))
            return false;
        at += part + 1;
    }
    *out = format;
    return true;
}

/* Spreads the low bits of value over the bits of mask, lowest first. */
static bool event_deposit(uint64_t value, uint64_t mask, uint64_t *out)
{
    uint64_t spread = 0;

    for (; mask; mask &= mask - 1, value >>= 1)
        if (value & 1)
            spread |= mask & -mask;
    *out = spread;
    return value == 0;
}

/* perf itself takes config=, config1=, config2= without a format file. */
static bool event_find(const char *name, size_t length, jb_perf_lookup *lookup,
                       void *context, struct jb_perf_format *format)
{
    format->mask = UINT64_MAX;
    return event_word(name, length, &format->word) ||
           lookup(name, length, context, format);
}

static bool event_apply(const char *term, size_t length,
                        const struct jb_perf_format *format, uint64_t *word)
{
    size_t name = event_part(term, length, 0, '=');
    uint64_t value = 1;
    uint64_t bits;

    if (name < length &&
        !jb_text_u64_any(term + name + 1, length - name - 1, &value))
        return false;
    if (!event_deposit(value, format->mask, &bits))
        return false;
    *word |= bits;
    return true;
}

bool jb_perf_parse_terms(const char *text, size_t length,
                         jb_perf_lookup *lookup, void *context,
                         struct jb_perf_config *out)
{
    struct jb_perf_config config = { { 0 } };
    uint64_t taken[JB_PERF_WORDS] = { 0 };

    for (size_t at = 0; at <= length;) {
        size_t part = event_part(text, length, at, ',');
        size_t name = event_part(text + at, part, 0, '=');
        struct jb_perf_format format;

        if (name == 0 ||
            !event_find(text + at, name, lookup, context, &format) ||
            (taken[format.word] & format.mask) ||
            !event_apply(text + at, part, &format, &config.word[format.word]))
            return false;
        taken[format.word] |= format.mask;
        at += part + 1;
    }
    *out = config;
    return true;
}

struct event_decimal {
    event_wide digits;
    unsigned count; /* significant digits so far */
    int exponent;
};

static size_t event_take_digits(const char *text, size_t length, int step,
                                struct event_decimal *decimal)
{
    size_t at = 0;

    for (; at < length && text[at] >= '0' && text[at] <= '9'; at++) {
        decimal->count += decimal->count > 0 || text[at] != '0';
        decimal->exponent += step;
        if (decimal->count <= EVENT_DIGITS_MAX)
            decimal->digits =
                decimal->digits * 10 + (event_wide)(text[at] - '0');
    }
    return at;
}

static bool event_take_exponent(const char *text, size_t length, int *exponent)
{
    bool down = length > 1 && text[1] == '-';
    bool sign = down || (length > 1 && text[1] == '+');
    uint64_t value;

    if (length == 0)
        return true;
    if ((text[0] != 'e' && text[0] != 'E') ||
        !jb_text_u64(text + 1 + sign, length - 1 - sign, &value) ||
        value > EVENT_EXPONENT_MAX)
        return false;
    *exponent += down ? -(int)value : (int)value;
    return true;
}

static bool event_take_decimal(const char *text, size_t length,
                               struct event_decimal *decimal)
{
    size_t at;

    if (length > EVENT_TEXT_MAX)
        return false;
    at = event_take_digits(text, length, 0, decimal);
    if (at == 0)
        return false;
    if (at < length && text[at] == '.') {
        size_t part =
            event_take_digits(text + at + 1, length - at - 1, -1, decimal);

        if (part == 0)
            return false;
        at += part + 1;
    }
    return decimal->count > 0 && decimal->count <= EVENT_DIGITS_MAX &&
           event_take_exponent(text + at, length - at, &decimal->exponent);
}

/* Divides both sides of wide / factor^power by factor as often as it goes. */
static void event_reduce(event_wide *wide, unsigned factor, int *power)
{
    while (*power > 0 && *wide % factor == 0) {
        *wide /= factor;
        --*power;
    }
}

static bool event_multiply(uint64_t *value, unsigned factor, int times)
{
    while (times-- > 0)
        if (__builtin_mul_overflow(*value, (uint64_t)factor, value))
            return false;
    return true;
}

bool jb_perf_parse_scale(const char *text, size_t length, uint64_t *num,
                         uint64_t *den)
{
    struct event_decimal decimal = { .exponent = EVENT_MICRO };
    uint64_t above;
    uint64_t below = 1;
    int twos;
    int fives;

    if (!event_take_decimal(text, length, &decimal))
        return false;
    twos = decimal.exponent < 0 ? -decimal.exponent : 0;
    fives = twos;
    event_reduce(&decimal.digits, 2, &twos);
    event_reduce(&decimal.digits, 5, &fives);
    above = (uint64_t)decimal.digits;
    if (above != decimal.digits ||
        !event_multiply(&above, 10,
                        decimal.exponent > 0 ? decimal.exponent : 0) ||
        !event_multiply(&below, 2, twos) || !event_multiply(&below, 5, fives))
        return false;
    *num = above;
    *den = below;
    return true;
}
