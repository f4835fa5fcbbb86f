/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <math.h>
#include <string.h>

static int text_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool text_number(const char *text, size_t length, uint64_t base,
                        uint64_t *out)
{
    uint64_t value = 0;

    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        int digit = text_digit(text[i]);

        if (digit < 0 || (uint64_t)digit >= base)
            return false;
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool jb_text_u64(const char *text, size_t length, uint64_t *out)
{
    return text_number(text, length, 10, out);
}

bool jb_text_u64_any(const char *text, size_t length, uint64_t *out)
{
    if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return text_number(text + 2, length - 2, 16, out);
    return text_number(text, length, 10, out);
}

/* The decimal separator of strtod() follows the locale; a kernel's does not.
 * The text is therefore taken apart here and only digits are summed. */
bool jb_text_real(const char *text, double *out)
{
    bool negative = *text == '-';
    bool any = false;
    double value = 0.0;
    int scale = 0;

    text += negative || *text == '+';
    for (; *text >= '0' && *text <= '9'; text++, any = true)
        value = value * 10.0 + (*text - '0');
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++, any = true, scale--)
            value = value * 10.0 + (*text - '0');
    if (!any)
        return false;
    if (*text == 'e' || *text == 'E') {
        bool down = text[1] == '-';
        size_t digits = 0;
        uint64_t exponent;

        text += 1 + (down || text[1] == '+');
        digits = strspn(text, "0123456789");
        if (!jb_text_u64(text, digits, &exponent) || exponent > 400)
            return false;
        scale += down ? -(int)exponent : (int)exponent;
        text += digits;
    }
    value *= pow(10.0, scale);
    if (*text != '\0' || !isfinite(value))
        return false;
    *out = negative ? -value : value;
    return true;
}

struct text_unit {
    const char *suffix;
    uint64_t ns;
};

static const struct text_unit text_units[] = {
    { "ns", 1 },
    { "us", 1000 },
    { "ms", 1000000 },
    { "s", 1000000000 },
    { "", 1000000000 },
    { "m", 60 * UINT64_C(1000000000) },
    { "min", 60 * UINT64_C(1000000000) },
    { "h", 3600 * UINT64_C(1000000000) },
    { "d", 86400 * UINT64_C(1000000000) },
};

static uint64_t text_unit_ns(const char *suffix)
{
    for (size_t i = 0; i < sizeof(text_units) / sizeof(text_units[0]); i++)
        if (strcmp(suffix, text_units[i].suffix) == 0)
            return text_units[i].ns;
    return 0;
}

bool jb_text_duration(const char *text, uint64_t *out_ns)
{
    size_t whole = strspn(text, "0123456789");
    size_t part =
        text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    const char *suffix = text + whole + (text[whole] == '.' ? part + 1 : 0);
    uint64_t unit_ns = text_unit_ns(suffix);
    uint64_t total;
    uint64_t step = unit_ns;

    if (unit_ns == 0 || !jb_text_u64(text, whole, &total) ||
        __builtin_mul_overflow(total, unit_ns, &total))
        return false;
    for (size_t i = 0; i < part; i++) {
        step /= 10;
        if (__builtin_add_overflow(
                total, step * (uint64_t)(text[whole + 1 + i] - '0'), &total))
            return false;
    }
    *out_ns = total;
    return true;
}

size_t jb_text_trimmed(const char *text, size_t length)
{
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' ' ||
                          text[length - 1] == '\t' || text[length - 1] == '\0'))
        length--;
    return length;
}

static bool text_range(const char *text, size_t length, uint32_t max,
                       uint64_t *first, uint64_t *last)
{
    const char *dash = memchr(text, '-', length);
    size_t left = dash ? (size_t)(dash - text) : length;

    if (!jb_text_u64(text, left, first))
        return false;
    *last = *first;
    if (dash && !jb_text_u64(dash + 1, length - left - 1, last))
        return false;
    return *first <= *last && *last <= max;
}

bool jb_text_each_cpu(const char *list, size_t length, uint32_t max,
                      bool (*visit)(uint32_t cpu, void *context), void *context)
{
    length = jb_text_trimmed(list, length);
    for (size_t at = 0; at < length;) {
        const char *comma = memchr(list + at, ',', length - at);
        size_t part = comma ? (size_t)(comma - list) - at : length - at;
        uint64_t first;
        uint64_t last;

        if (!text_range(list + at, part, max, &first, &last))
            return false;
        for (uint64_t cpu = first; cpu <= last; cpu++)
            if (!visit((uint32_t)cpu, context))
                return false;
        at += part + 1;
    }
    return true;
}
