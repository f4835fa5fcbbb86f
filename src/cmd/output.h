/* SPDX-License-Identifier: Apache-2.0 */
/* How results look: aligned tables, quantities in fitting units, JSON. */
#ifndef JB_CMD_OUTPUT_H
#define JB_CMD_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/own.h"
#include "joulebook/error.h"

enum { JB_CELL_MAX = 256, JB_TABLE_COLUMNS = 9 };

/* Rows of short texts, printed with aligned columns.  Out of memory drops rows
 * and is reported by jb_table_print(). */
struct jb_table {
    char (*cells)[JB_CELL_MAX];
    size_t columns, count, capacity;
    bool failed;
    bool right[JB_TABLE_COLUMNS]; /* columns of numbers */
};

/* Adds a cell; a row is full after `columns` cells. */
void jb_table_add(struct jb_table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints with an indent and forgets the rows.  JB_ENOMEM, JB_EIO. */
JB_NODISCARD int jb_table_print(struct jb_table *table, FILE *out,
                                unsigned indent);

/* Forgets the rows. */
void jb_table_clear(struct jb_table *table);

/* Escape sequences, or "" where colour is off. */
enum jb_ink { JB_INK_PLAIN, JB_INK_BOLD, JB_INK_GOOD, JB_INK_BAD, JB_INK_DIM };
const char *jb_ink(bool color, enum jb_ink ink);

/* "12.35 kJ" for 12345678901 uJ with unit "J": four significant digits. */
const char *jb_format_micro(char out[32], double micro, const char *unit);

/* The same for a column of numbers: a blank where there is no prefix, so that
 * units stand below each other. */
const char *jb_format_cell(char out[32], double micro, const char *unit);

/* "1 ms", "2.7 s". */
const char *jb_format_ns(char out[32], uint64_t ns);

/* Microjoules and microwatts as JSON numbers in J and W, exact to six
 * decimals. */
json_t *jb_json_micro(int64_t micro);

/* Appends key: value unless value is "". */
void jb_json_set_text(json_t *object, const char *key, const char *value);

/* Prints indented, with a newline, and releases the value.  JB_ENOMEM when it
 * is NULL, JB_EIO when writing fails. */
JB_NODISCARD int jb_json_print(json_t *value, FILE *out, struct jb_error *err);

#endif
