/* SPDX-License-Identifier: Apache-2.0 */
/* Our own rows, as JSON objects and as CSV. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "core/domain.h"
#include "core/names.h"
#include "native.h"
#include "read.h"

enum { NATIVE_LINE_MAX = 4096 };

/* The texts of one row, NULL where a column says nothing.  Numbers that came
 * as numbers are in numbers[]. */
struct native_texts {
    const char *text[JB_NATIVE_COLUMNS];
    double number[JB_NATIVE_COLUMNS];
    bool is_number[JB_NATIVE_COLUMNS];
};

/* What a state says of its row. */
static bool native_read_state(const char *text, struct jb_reader_row *row)
{
    static const char *const gaps[] = { JB_NATIVE_GAP, JB_NATIVE_RESET,
                                        JB_NATIVE_JUMP };

    row->state = JB_OK;
    if (strcmp(text, JB_NATIVE_LATE) == 0)
        return true;
    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++)
        if (strcmp(text, gaps[i]) == 0) {
            row->gap = true;
            return true;
        }
    for (int status = JB_OK; status >= JB_EBUSY; status--)
        if (strcmp(text, jb_status_name(status)) == 0) {
            row->state = status;
            return true;
        }
    return false;
}

static bool native_read_quantity(const char *text, enum jb_quantity *out)
{
    for (int i = 0; i <= JB_QUANTITY_LAST; i++)
        if (strcmp(text, jb_quantity_name((enum jb_quantity)i)) == 0) {
            *out = (enum jb_quantity)i;
            return true;
        }
    return false;
}

static bool native_read_provenance(const char *text, enum jb_provenance *out)
{
    for (int i = JB_MEASURED; i <= JB_ESTIMATED; i++)
        if (strcmp(text, jb_provenance_name((enum jb_provenance)i)) == 0) {
            *out = (enum jb_provenance)i;
            return true;
        }
    return false;
}

static bool native_number(const struct native_texts *texts,
                          enum jb_native_column column, int64_t *micro)
{
    double value = texts->number[column];

    if (!texts->is_number[column] &&
        (!texts->text[column] || !jb_text_real(texts->text[column], &value)))
        return false;
    return jb_reader_micro(value, micro);
}

static int native_bad(const struct jb_reader *reader,
                      const struct native_texts *texts,
                      enum jb_native_column column, struct jb_error *err)
{
    return jb_reader_refuse(
        reader, err, "%s is %s%.64s", jb_native_names[column].name,
        texts->text[column] ? "not understood: " : "missing or malformed",
        texts->text[column] ? texts->text[column] : "");
}

/* What a sensor is: the same in all of its rows. */
static int native_read_sensor(const struct jb_reader *reader,
                              const struct native_texts *texts,
                              struct jb_reader_row *row, struct jb_error *err)
{
    const char *domain = texts->text[JB_NATIVE_DOMAIN];

    row->name = texts->text[JB_NATIVE_SENSOR];
    if (!row->name)
        return native_bad(reader, texts, JB_NATIVE_SENSOR, err);
    row->domain = (struct jb_domain){ .die = JB_NO_DIE };
    if (domain && domain[0] && !jb_domain_parse(domain, &row->domain))
        return native_bad(reader, texts, JB_NATIVE_DOMAIN, err);
    if (!texts->text[JB_NATIVE_QUANTITY] ||
        !native_read_quantity(texts->text[JB_NATIVE_QUANTITY], &row->quantity))
        return native_bad(reader, texts, JB_NATIVE_QUANTITY, err);
    if (!texts->text[JB_NATIVE_PROVENANCE] ||
        !native_read_provenance(texts->text[JB_NATIVE_PROVENANCE],
                                &row->provenance))
        return native_bad(reader, texts, JB_NATIVE_PROVENANCE, err);
    row->kind =
        row->quantity == JB_QUANTITY_ENERGY ? JB_KIND_COUNTER : JB_KIND_SAMPLED;
    return JB_OK;
}

static int native_take(struct jb_reader *reader,
                       const struct native_texts *texts, struct jb_error *err)
{
    struct jb_reader_row row = { .state = JB_OK };
    int64_t elapsed_us;
    int rc = native_read_sensor(reader, texts, &row, err);

    if (rc < 0)
        return rc;
    if (!texts->text[JB_NATIVE_STATE] ||
        !native_read_state(texts->text[JB_NATIVE_STATE], &row))
        return native_bad(reader, texts, JB_NATIVE_STATE, err);
    if (!native_number(texts, JB_NATIVE_ELAPSED, &elapsed_us) || elapsed_us < 0)
        return native_bad(reader, texts, JB_NATIVE_ELAPSED, err);
    row.t_ns = (uint64_t)elapsed_us * JB_NS_PER_US;
    if (!texts->is_number[JB_NATIVE_VALUE] &&
        !(texts->text[JB_NATIVE_VALUE] && texts->text[JB_NATIVE_VALUE][0])) {
        /* no value: the state says why, or the row says nothing */
        if (row.state == JB_OK)
            row.state = JB_EIMPLAUSIBLE;
    } else if (!native_number(texts, JB_NATIVE_VALUE, &row.micro) ||
               (row.kind == JB_KIND_COUNTER && row.micro < 0)) {
        return native_bad(reader, texts, JB_NATIVE_VALUE, err);
    }
    return jb_reader_add(reader, &row, err);
}

int jb_read_native(struct jb_reader *reader, const json_t *value,
                   struct jb_error *err)
{
    struct native_texts texts = { 0 };

    if (!json_is_object(value))
        return jb_reader_refuse(reader, err, "a reading is no object");
    for (int i = 0; i < JB_NATIVE_COLUMNS; i++) {
        const json_t *field = json_object_get(value, jb_native_names[i].name);

        if (jb_native_names[i].quoted)
            texts.text[i] = json_string_value(field);
        texts.is_number[i] =
            !jb_native_names[i].quoted && json_is_number(field);
        if (texts.is_number[i])
            texts.number[i] = json_number_value(field);
        if (field && !json_is_null(field) && !texts.text[i] &&
            !texts.is_number[i])
            return jb_reader_refuse(reader, err, "%s is of another type",
                                    jb_native_names[i].name);
    }
    return native_take(reader, &texts, err);
}

/* One field, its quotes undone in place; NULL when it is malformed.  *rest is
 * what follows the comma behind it, or NULL. */
static char *native_field(char *at, char **rest)
{
    char *begin = at;
    char *to = at;

    if (*at != '"') {
        char *comma = strchr(at, ',');

        *rest = comma ? comma + 1 : NULL;
        if (comma)
            *comma = '\0';
        return strchr(begin, '"') ? NULL : begin;
    }
    at++;
    for (; *at && !(at[0] == '"' && at[1] != '"'); at++) {
        if (at[0] == '"')
            at++;
        *to++ = *at;
    }
    if (*at != '"' || (at[1] != ',' && at[1] != '\0'))
        return NULL;
    *rest = at[1] == ',' ? at + 2 : NULL;
    *to = '\0';
    return begin;
}

static int native_split(const struct jb_reader *reader, char *line,
                        struct native_texts *texts, struct jb_error *err)
{
    char *rest = line;

    for (int i = 0; i < JB_NATIVE_COLUMNS; i++) {
        if (!rest)
            return jb_reader_refuse(reader, err, "%d of %d columns", i,
                                    JB_NATIVE_COLUMNS);
        texts->text[i] = native_field(rest, &rest);
        if (!texts->text[i])
            return jb_reader_refuse(reader, err, "column %d is malformed",
                                    i + 1);
    }
    if (rest)
        return jb_reader_refuse(reader, err, "more than %d columns",
                                JB_NATIVE_COLUMNS);
    return JB_OK;
}

static int native_check_head(const struct jb_reader *reader,
                             const struct native_texts *texts,
                             struct jb_error *err)
{
    for (int i = 0; i < JB_NATIVE_COLUMNS; i++)
        if (!texts->text[i] ||
            strcmp(texts->text[i], jb_native_names[i].name) != 0)
            return jb_reader_refuse(reader, err, "column %d should be %s",
                                    i + 1, jb_native_names[i].name);
    return JB_OK;
}

/* Copies a line.  False when there is none; *whole: it is ended. */
static bool native_line(struct jb_reader *reader, char out[NATIVE_LINE_MAX],
                        bool *whole, bool *fits)
{
    const char *at = reader->text + reader->at;
    size_t left = reader->length - reader->at;
    const char *end = memchr(at, '\n', left);
    size_t length = end ? (size_t)(end - at) : left;

    if (left == 0)
        return false;
    *whole = end != NULL;
    *fits = length < NATIVE_LINE_MAX && !memchr(at, '\0', length);
    if (*fits) {
        memcpy(out, at, length);
        out[length] = '\0';
        if (length > 0 && out[length - 1] == '\r')
            out[length - 1] = '\0';
    }
    reader->at += length + *whole;
    return true;
}

int jb_read_csv(struct jb_reader *reader, struct jb_error *err)
{
    char line[NATIVE_LINE_MAX];
    bool head = true;
    bool whole;
    bool fits;

    while (native_line(reader, line, &whole, &fits)) {
        struct native_texts texts = { 0 };
        int rc = fits ? native_split(reader, line, &texts, err)
                      : jb_reader_refuse(reader, err,
                                         "a line is too long, or no text");

        if (rc == JB_OK && head)
            rc = native_check_head(reader, &texts, err);
        else if (rc == JB_OK &&
                 whole) /* a number may be cut and still be one */
            rc = native_take(reader, &texts, err);
        if (!whole && !head) {
            reader->recorded->cut_off = true;
            return JB_OK;
        }
        if (rc < 0)
            return rc;
        head = false;
        reader->line++;
    }
    return JB_OK;
}
