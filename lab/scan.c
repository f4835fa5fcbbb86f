/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include <string.h>

enum {
    SCAN_MAX_DIGITS = 19,
    SCAN_MAX_QUANTITY_DIGITS = 18,
    SCAN_MAX_HEX_DIGITS = 16,
};

struct scan_unit {
    const char *name;
    unsigned power_of_ten; /* of the base unit */
};

static const struct scan_unit scan_power_units[] = {
    { "kW", 9 }, { "W", 6 }, { "mW", 3 }, { "uW", 0 }, { NULL, 0 }
};
static const struct scan_unit scan_time_units[] = {
    { "s", 9 }, { "ms", 6 }, { "us", 3 }, { "ns", 0 }, { NULL, 0 }
};

struct jb_lab_scan jb_lab_scan_of(const char *text, size_t len)
{
    return (struct jb_lab_scan){ .at = text, .end = text + len };
}

bool jb_lab_scan_done(const struct jb_lab_scan *scan)
{
    return scan->at == scan->end;
}

static bool scan_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool scan_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool jb_lab_scan_blank(struct jb_lab_scan *scan)
{
    const char *from = scan->at;

    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t'))
        scan->at++;
    return scan->at != from;
}

bool jb_lab_scan_char(struct jb_lab_scan *scan, char wanted)
{
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

bool jb_lab_scan_literal(struct jb_lab_scan *scan, const char *literal)
{
    size_t len = strlen(literal);

    if ((size_t)(scan->end - scan->at) < len ||
        memcmp(scan->at, literal, len) != 0)
        return false;
    scan->at += len;
    return true;
}

bool jb_lab_scan_word(struct jb_lab_scan *scan, const char *extra, char *out,
                      size_t cap)
{
    const char *p = scan->at;
    size_t len;

    while (p < scan->end && *p != '\0' &&
           (scan_is_letter(*p) || scan_is_digit(*p) || strchr(extra, *p)))
        p++;
    len = (size_t)(p - scan->at);
    if (len == 0 || len >= cap)
        return false;
    memcpy(out, scan->at, len);
    out[len] = '\0';
    scan->at = p;
    return true;
}

/* Appends digits to *value and returns how many; more than `max` leaves the
 * rest at the cursor, where the caller's next look refuses them. */
static unsigned scan_digits(struct jb_lab_scan *scan, unsigned max,
                            uint64_t *value)
{
    unsigned count = 0;

    while (count < max && scan->at < scan->end && scan_is_digit(*scan->at)) {
        *value = *value * 10 + (uint64_t)(*scan->at - '0');
        scan->at++;
        count++;
    }
    return count;
}

bool jb_lab_scan_u64(struct jb_lab_scan *scan, uint64_t *value)
{
    struct jb_lab_scan local = *scan;
    uint64_t found = 0;

    if (scan_digits(&local, SCAN_MAX_DIGITS, &found) == 0)
        return false;
    if (local.at < local.end && scan_is_digit(*local.at))
        return false;
    *scan = local;
    *value = found;
    return true;
}

int jb_lab_hex_digit(char c)
{
    if (scan_is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool jb_lab_scan_hex(struct jb_lab_scan *scan, uint64_t *value)
{
    struct jb_lab_scan local = *scan;
    uint64_t found = 0;
    unsigned digits = 0;

    if (!jb_lab_scan_literal(&local, "0x"))
        return false;
    for (; local.at < local.end && jb_lab_hex_digit(*local.at) >= 0;
         local.at++) {
        if (++digits > SCAN_MAX_HEX_DIGITS)
            return false;
        found = found << 4 | (unsigned)jb_lab_hex_digit(*local.at);
    }
    if (digits == 0)
        return false;
    *scan = local;
    *value = found;
    return true;
}

static const struct scan_unit *scan_find_unit(const struct scan_unit *units,
                                              const char *name)
{
    for (; units->name; units++)
        if (strcmp(units->name, name) == 0)
            return units;
    return NULL;
}

/* Digits, optional decimals, a unit: exact in the base unit or refused. */
static bool scan_quantity(struct jb_lab_scan *scan,
                          const struct scan_unit *units, uint64_t *value)
{
    struct jb_lab_scan local = *scan;
    const struct scan_unit *unit;
    uint64_t found = 0;
    unsigned whole, decimals = 0;
    char name[4];

    whole = scan_digits(&local, SCAN_MAX_QUANTITY_DIGITS, &found);
    if (whole == 0)
        return false;
    if (jb_lab_scan_char(&local, '.')) {
        decimals =
            scan_digits(&local, SCAN_MAX_QUANTITY_DIGITS - whole, &found);
        if (decimals == 0)
            return false;
    }
    if (!jb_lab_scan_word(&local, "", name, sizeof(name)))
        return false;
    unit = scan_find_unit(units, name);
    if (!unit || decimals > unit->power_of_ten)
        return false;
    for (unsigned i = decimals; i < unit->power_of_ten; i++) {
        if (found > INT64_MAX / 10)
            return false;
        found *= 10;
    }
    *scan = local;
    *value = found;
    return true;
}

bool jb_lab_scan_power(struct jb_lab_scan *scan, int64_t *power_uw)
{
    uint64_t found;

    if (!scan_quantity(scan, scan_power_units, &found))
        return false;
    *power_uw = (int64_t)found;
    return true;
}

bool jb_lab_scan_time(struct jb_lab_scan *scan, uint64_t *time_ns)
{
    return scan_quantity(scan, scan_time_units, time_ns);
}

bool jb_lab_scan_mode(struct jb_lab_scan *scan, unsigned *mode)
{
    struct jb_lab_scan local = *scan;
    unsigned found = 0, digits = 0;

    while (digits < 4 && local.at < local.end && *local.at >= '0' &&
           *local.at <= '7') {
        found = found * 8 + (unsigned)(*local.at - '0');
        local.at++;
        digits++;
    }
    if (digits < 3 || found > 0777)
        return false;
    if (local.at < local.end && scan_is_digit(*local.at))
        return false;
    *scan = local;
    *mode = found;
    return true;
}
