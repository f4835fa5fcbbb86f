/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"

enum { OUTPUT_CELLS_MAX = 1 << 16, OUTPUT_JSON_DIGITS = 15 };

void jb_table_add(struct jb_table *table, const char *fmt, ...)
{
    va_list ap;

    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 64;
        void *cells = capacity > OUTPUT_CELLS_MAX
                          ? NULL
                          : reallocarray(table->cells, capacity, JB_CELL_MAX);

        if (!cells) {
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    va_start(ap, fmt);
    vsnprintf(table->cells[table->count++], JB_CELL_MAX, fmt, ap);
    va_end(ap);
}

/* Columns on a terminal: UTF-8 continuation bytes take none. */
static size_t output_width(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Nothing follows the last cell that says something. */
static void output_row(const struct jb_table *table, size_t row,
                       const size_t *widths, FILE *out)
{
    size_t columns = table->columns;

    while (columns > 1 && !table->cells[row + columns - 1][0])
        columns--;
    for (size_t c = 0; c < columns; c++) {
        const char *cell = table->cells[row + c];
        int pad = (int)(widths[c] - output_width(cell));
        bool last = c + 1 == columns;

        if (table->right[c])
            fprintf(out, "%*s%s%s", pad, "", cell, last ? "" : "  ");
        else
            fprintf(out, "%s%*s", cell, last ? 0 : pad + 2, "");
    }
    fputc('\n', out);
}

void jb_table_clear(struct jb_table *table)
{
    free(table->cells);
    table->cells = NULL;
    table->count = table->capacity = 0;
    table->failed = false;
}

int jb_table_print(struct jb_table *table, FILE *out, unsigned indent)
{
    size_t widths[JB_TABLE_COLUMNS] = { 0 };
    bool failed = table->failed;

    for (size_t i = 0; i < table->count; i++) {
        size_t width = output_width(table->cells[i]);

        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (size_t row = 0; row + table->columns <= table->count;
         row += table->columns) {
        fprintf(out, "%*s", (int)indent, "");
        output_row(table, row, widths, out);
    }
    jb_table_clear(table);
    if (failed)
        return JB_ENOMEM;
    return ferror(out) ? JB_EIO : JB_OK;
}

const char *jb_ink(bool color, enum jb_ink ink)
{
    static const char *const inks[] = { "\033[0m", "\033[1m", "\033[32m",
                                        "\033[31m", "\033[2m" };

    return color ? inks[ink] : "";
}

/* Units of which thousandths and thousands have no name of their own. */
static bool output_is_plain(const char *unit)
{
    static const char *const plain[] = { "1", "ratio", "degC", "rpm" };

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (strcmp(unit, plain[i]) == 0)
            return true;
    return false;
}

/* The unit 1 is that of bare numbers. */
static const char *output_format_plain(char out[32], double micro,
                                       const char *unit)
{
    bool bare = strcmp(unit, "1") == 0;

    snprintf(out, 32, "%.6g%s%s", micro / 1e6, bare ? "" : " ",
             bare ? "" : unit);
    return out;
}

static const char *output_format(char out[32], double micro, const char *unit,
                                 const char *no_prefix)
{
    const struct {
        double above;
        const char *prefix;
    } scales[] = {
        { 1e15, "G" },      { 1e12, "M" }, { 1e9, "k" },
        { 1e6, no_prefix }, { 1e3, "m" },  { 0.0, "u" },
    };
    double size = fabs(micro);
    size_t i = 0;
    double value;

    if (output_is_plain(unit))
        return output_format_plain(out, micro, unit);
    while (size < scales[i].above)
        i++;
    if (size == 0.0)
        i = 3;
    value = scales[i].above > 0.0 ? micro / scales[i].above : micro;
    if (size == 0.0)
        value = 0.0;
    snprintf(out, 32, "%.*f %s%s",
             fabs(value) >= 100.0 ? 1 : (fabs(value) >= 10.0 ? 2 : 3), value,
             scales[i].prefix, unit);
    return out;
}

const char *jb_format_micro(char out[32], double micro, const char *unit)
{
    return output_format(out, micro, unit, "");
}

const char *jb_format_cell(char out[32], double micro, const char *unit)
{
    return output_format(out, micro, unit, " ");
}

const char *jb_format_ns(char out[32], uint64_t ns)
{
    if (ns >= JB_NS_PER_S)
        snprintf(out, 32, "%.4g s", (double)ns / JB_NS_PER_S);
    else if (ns >= JB_NS_PER_MS)
        snprintf(out, 32, "%.4g ms", (double)ns / JB_NS_PER_MS);
    else
        snprintf(out, 32, "%.4g us", (double)ns / JB_NS_PER_US);
    return out;
}

json_t *jb_json_micro(int64_t micro)
{
    return json_real((double)micro / 1e6);
}

void jb_json_set_text(json_t *object, const char *key, const char *value)
{
    if (value[0])
        json_object_set_new(object, key, json_string(value));
}

int jb_json_print(json_t *value, FILE *out, struct jb_error *err)
{
    int rc;

    if (!value)
        return jb_fail(err, JB_ENOMEM, "no memory for the result");
    rc = json_dumpf(value, out,
                    JSON_INDENT(2) | JSON_REAL_PRECISION(OUTPUT_JSON_DIGITS));
    json_decref(value);
    if (rc != 0 || fputc('\n', out) == EOF || fflush(out) != 0)
        return jb_fail(err, JB_EIO, "writing the result failed");
    return JB_OK;
}
