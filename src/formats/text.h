/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and numbers as JSON and CSV want them, whatever the locale. */
#ifndef JB_FORMATS_TEXT_H
#define JB_FORMATS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

enum { JB_NUMBER_MAX = 48 };

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.  NULL
 * when there is no memory; else owned by the caller. */
JB_NODISCARD char *jb_json_quote(const char *text);

/* A CSV field (RFC 4180): quoted when it must be.  NULL when there is no
 * memory; else owned by the caller. */
JB_NODISCARD char *jb_csv_quote(const char *text);

/* Millionths as a decimal number with so many decimals, at most 6, rounded to
 * the nearest, half away from 0.  Returns out. */
const char *jb_format_millionths(char out[JB_NUMBER_MAX], int64_t micro,
                                 unsigned decimals);

/* Nanoseconds as seconds: at most six decimals, rounded down, and no zero
 * behind the first. */
const char *jb_format_epoch(char out[JB_NUMBER_MAX], int64_t ns);

#endif
