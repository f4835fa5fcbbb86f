/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmocka with messages for tables of cases: which case, what came, what was
 * wanted.  cmocka's own assertions show two numbers and a line, and all rows
 * of a table share one line.
 */
#ifndef JB_TESTS_UNIT_CHECK_H
#define JB_TESTS_UNIT_CHECK_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "joulebook/error.h"

#define CHECK_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A status, by its word; err's text explains an unwanted failure. */
#define CHECK_STATUS(label, got, want, err)                                    \
    check_status(__FILE__, __LINE__, label, got, want, err)
#define CHECK_BOOL(label, got, want)                                           \
    check_bool(__FILE__, __LINE__, label, got, want)
#define CHECK_U64(label, got, want)                                            \
    check_u64(__FILE__, __LINE__, label, got, want)
/* Bit for bit: what is checked so is meant to be exact. */
#define CHECK_REAL(label, got, want)                                           \
    check_real(__FILE__, __LINE__, label, got, want)
#define CHECK_TEXT(label, got, want)                                           \
    check_text(__FILE__, __LINE__, label, got, want)

static inline void check_status(const char *file, int line, const char *label,
                                int got, int want, const struct jb_error *err)
{
    if (got == want)
        return;
    print_error("%s: got %s, want %s%s%s\n", label, jb_status_name(got),
                jb_status_name(want), got ? ": " : "",
                got && err ? err->text : "");
    _fail(file, line);
}

static inline void check_bool(const char *file, int line, const char *label,
                              bool got, bool want)
{
    if (got == want)
        return;
    print_error("%s: got %s\n", label, got ? "true" : "false");
    _fail(file, line);
}

static inline void check_u64(const char *file, int line, const char *label,
                             uint64_t got, uint64_t want)
{
    if (got == want)
        return;
    print_error("%s: got %" PRIu64 ", want %" PRIu64 "\n", label, got, want);
    _fail(file, line);
}

static inline void check_real(const char *file, int line, const char *label,
                              double got, double want)
{
    uint64_t bits[2];

    memcpy(&bits[0], &got, sizeof(got));
    memcpy(&bits[1], &want, sizeof(want));
    if (bits[0] == bits[1])
        return;
    print_error("%s: got %.17g, want %.17g\n", label, got, want);
    _fail(file, line);
}

static inline void check_text(const char *file, int line, const char *label,
                              const char *got, const char *want)
{
    if (strcmp(got, want) == 0)
        return;
    print_error("%s: got \"%s\", want \"%s\"\n", label, got, want);
    _fail(file, line);
}

#endif
