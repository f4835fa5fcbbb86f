/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <locale.h>
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

bool jb_text_i64(const char *text, size_t length, int64_t *out)
{
    bool negative = length > 0 && text[0] == '-';
    uint64_t most = (uint64_t)INT64_MAX + negative;
    uint64_t size;

    if (!text_number(text + negative, length - negative, 10, &size) ||
        size > most)
        return false;
    *out = negative ? (int64_t)-size : (int64_t)size;
    return true;
}

bool jb_text_u64_any(const char *text, size_t length, uint64_t *out)
{
    if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return text_number(text + 2, length - 2, 16, out);
    return text_number(text, length, 10, out);
}

static const char *text_skip_digits(const char *text)
{
    return text + strspn(text, "0123456789");
}

/* Sign, digits, point, digits, exponent, and then the end. */
static bool text_is_real(const char *text)
{
    const char *whole = text + (*text == '-' || *text == '+');
    const char *end = text_skip_digits(whole);
    size_t digits = (size_t)(end - whole);

    if (*end == '.') {
        const char *part = end + 1;

        end = text_skip_digits(part);
        digits += (size_t)(end - part);
    }
    if (digits > 0 && (*end == 'e' || *end == 'E')) {
        const char *exponent = end + 1;

        exponent += *exponent == '-' || *exponent == '+';
        end = text_skip_digits(exponent);
        digits = (size_t)(end - exponent);
    }
    return digits > 0 && *end == '\0';
}

/* Rounding is the C library's, so that 0.3 is the 0.3 of every other program;
 * its grammar (blanks, hexadecimal, inf, nan) and the locale's comma are not.
 */
bool jb_text_real(const char *text, double *out)
{
    locale_t c_locale;
    double value;

    if (!text_is_real(text))
        return false;
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return false;
    value = strtod_l(text, NULL, c_locale);
    freelocale(c_locale);
    if (!isfinite(value))
        return false;
    *out = value;
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

/* The part of a unit that decimals stand for, rounded down once: from the last
 * digit to the first, since floor((n + floor(x)) / 10) = floor((n + x) / 10).
 */
static uint64_t text_decimals_ns(const char *digits, size_t count,
                                 uint64_t unit_ns)
{
    uint64_t ns = 0;

    while (count-- > 0)
        ns = (ns + unit_ns * (uint64_t)(digits[count] - '0')) / 10;
    return ns;
}

bool jb_text_duration(const char *text, uint64_t *out_ns)
{
    const char *decimals = text_skip_digits(text);
    const char *suffix = decimals;
    size_t whole = (size_t)(decimals - text);
    uint64_t unit_ns;
    uint64_t total;

    if (*decimals == '.') {
        suffix = text_skip_digits(++decimals);
        if (suffix == decimals)
            return false;
    }
    unit_ns = text_unit_ns(suffix);
    if (unit_ns == 0 || !jb_text_u64(text, whole, &total) ||
        __builtin_mul_overflow(total, unit_ns, &total) ||
        __builtin_add_overflow(
            total,
            text_decimals_ns(decimals, (size_t)(suffix - decimals), unit_ns),
            &total))
        return false;
    *out_ns = total;
    return true;
}

bool jb_text_make_plain(char *text)
{
    bool changed = false;

    for (; *text; text++)
        if (*text <= ' ' || *text >= '\x7f') {
            *text = '?';
            changed = true;
        }
    return changed;
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
    const char *at = list;
    const char *end = list + jb_text_trimmed(list, length);

    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        uint64_t first;
        uint64_t last;

        if (!text_range(at, (size_t)(stop - at), max, &first, &last))
            return false;
        for (uint64_t cpu = first; cpu <= last; cpu++)
            if (!visit((uint32_t)cpu, context))
                return false;
        if (!comma)
            return true;
        at = comma + 1;
        if (at == end)
            return false; /* a comma promises another number */
    }
    return true;
}
