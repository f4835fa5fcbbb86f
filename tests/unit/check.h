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
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "joulebook/error.h"

#define CHECK_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A status, by its word; err's text explains an unwanted failure. */
#define CHECK_STATUS(label, got, want, err)                                    \
    do {                                                                       \
        int got_ = (got);                                                      \
        int want_ = (want);                                                    \
                                                                               \
        if (got_ != want_)                                                     \
            fail_msg("%s: got %s, want %s%s%s", (label), jb_status_name(got_), \
                     jb_status_name(want_), got_ ? ": " : "",                  \
                     got_ ? (err)->text : "");                                 \
    } while (0)

#define CHECK_BOOL(label, got, want)                                           \
    do {                                                                       \
        bool got_ = (got);                                                     \
                                                                               \
        if (got_ != (want))                                                    \
            fail_msg("%s: got %s", (label), got_ ? "true" : "false");          \
    } while (0)

#define CHECK_U64(label, got, want)                                            \
    do {                                                                       \
        uint64_t got_ = (got);                                                 \
        uint64_t want_ = (want);                                               \
                                                                               \
        if (got_ != want_)                                                     \
            fail_msg("%s: got %" PRIu64 ", want %" PRIu64, (label), got_,      \
                     want_);                                                   \
    } while (0)

/* Bit for bit: what is checked so is meant to be exact. */
#define CHECK_REAL(label, got, want)                                           \
    do {                                                                       \
        double got_ = (got);                                                   \
        double want_ = (want);                                                 \
                                                                               \
        if (memcmp(&got_, &want_, sizeof(got_)) != 0)                          \
            fail_msg("%s: got %.17g, want %.17g", (label), got_, want_);       \
    } while (0)

#define CHECK_TEXT(label, got, want)                                           \
    do {                                                                       \
        const char *got_ = (got);                                              \
        const char *want_ = (want);                                            \
                                                                               \
        if (strcmp(got_, want_) != 0)                                          \
            fail_msg("%s: got \"%s\", want \"%s\"", (label), got_, want_);     \
    } while (0)

#endif
