/* SPDX-License-Identifier: Apache-2.0 */
#include "joulebook/reading.h"

#include <stdatomic.h>
#include <string.h>

#include "inside.h"

enum { READING_FIRST_ROOM = 16 };

struct jb_labels {
    atomic_uint references;
    size_t count;
    struct jb_label rows[];
};

/* Readings point into the labels, each of which is held once. */
struct jb_readings {
    struct jb_reading *items;
    size_t count, room;
    uint64_t lost;
    struct jb_labels **labels;
    size_t label_count;
};

static char *reading_copy_text(char **at, const char *text)
{
    char *start = *at;

    *at = stpcpy(start, text) + 1;
    return start;
}

/* One block: the rows, then their texts. */
struct jb_labels *jb_labels_new(const struct jb_label *rows, size_t count)
{
    size_t head = sizeof(struct jb_labels) + count * sizeof(*rows);
    size_t bytes = head;
    struct jb_labels *labels;
    char *at;

    for (size_t i = 0; i < count; i++)
        bytes += strlen(rows[i].source) + strlen(rows[i].component) +
                 strlen(rows[i].device) + 3;
    labels = malloc(bytes);
    if (!labels)
        return NULL;
    atomic_init(&labels->references, 1);
    labels->count = count;
    at = (char *)labels + head;
    for (size_t i = 0; i < count; i++) {
        labels->rows[i].source = reading_copy_text(&at, rows[i].source);
        labels->rows[i].component = reading_copy_text(&at, rows[i].component);
        labels->rows[i].device = reading_copy_text(&at, rows[i].device);
    }
    return labels;
}

const struct jb_label *jb_labels_row(const struct jb_labels *labels, size_t i)
{
    return &labels->rows[i];
}

struct jb_labels *jb_labels_ref(struct jb_labels *labels)
{
    atomic_fetch_add(&labels->references, 1);
    return labels;
}

void jb_labels_unref(struct jb_labels *labels)
{
    if (labels && atomic_fetch_sub(&labels->references, 1) == 1)
        free(labels);
}

struct jb_readings *jb_readings_new(void)
{
    return calloc(1, sizeof(struct jb_readings));
}

int jb_readings_use(struct jb_readings *list, struct jb_labels *labels)
{
    struct jb_labels **grown;

    for (size_t i = 0; i < list->label_count; i++)
        if (list->labels[i] == labels)
            return JB_OK;
    grown = reallocarray(list->labels, list->label_count + 1,
                         sizeof(struct jb_labels *));
    if (!grown)
        return JB_ENOMEM;
    list->labels = grown;
    grown[list->label_count++] = jb_labels_ref(labels);
    return JB_OK;
}

static int reading_make_room(struct jb_readings *list, size_t more)
{
    size_t wanted = list->count + more;
    size_t room = list->room ? list->room : READING_FIRST_ROOM;
    void *grown;

    if (wanted <= list->room)
        return JB_OK;
    while (room < wanted)
        room *= 2;
    grown = reallocarray(list->items, room, sizeof(*list->items));
    if (!grown)
        return JB_ENOMEM;
    list->items = grown;
    list->room = room;
    return JB_OK;
}

void jb_readings_add(struct jb_readings *list, const struct jb_reading *reading,
                     size_t most)
{
    if (list->count >= most) {
        size_t half = (list->count + 1) / 2;

        list->count -= half;
        memmove(list->items, list->items + half,
                list->count * sizeof(*list->items));
        list->lost += half;
    }
    if (reading_make_room(list, 1) == JB_OK)
        list->items[list->count++] = *reading;
    else
        list->lost++;
}

int jb_readings_join(struct jb_readings *list, const struct jb_readings *more,
                     size_t most)
{
    int rc = JB_OK;

    if (more->count > most || list->count > most - more->count)
        return JB_ELIMIT;
    for (size_t i = 0; rc == JB_OK && i < more->label_count; i++)
        rc = jb_readings_use(list, more->labels[i]);
    if (rc == JB_OK)
        rc = reading_make_room(list, more->count);
    if (rc < 0)
        return rc;
    if (more->count > 0)
        memcpy(list->items + list->count, more->items,
               more->count * sizeof(*list->items));
    list->count += more->count;
    list->lost += more->lost;
    return JB_OK;
}

size_t jb_readings_count(const struct jb_readings *readings)
{
    return readings ? readings->count : 0;
}

const struct jb_reading *jb_readings_get(const struct jb_readings *readings,
                                         size_t index)
{
    return index < jb_readings_count(readings) ? &readings->items[index] : NULL;
}

uint64_t jb_readings_lost(const struct jb_readings *readings)
{
    return readings ? readings->lost : 0;
}

void jb_readings_free(struct jb_readings *readings)
{
    if (!readings)
        return;
    for (size_t i = 0; i < readings->label_count; i++)
        jb_labels_unref(readings->labels[i]);
    free(readings->labels);
    free(readings->items);
    free(readings);
}

const char *jb_reading_timestamp(const struct jb_reading *reading)
{
    return reading->timestamp;
}

int64_t jb_reading_utc_ns(const struct jb_reading *reading)
{
    return reading->utc_ns;
}

const char *jb_reading_source(const struct jb_reading *reading)
{
    return reading->source;
}

const char *jb_reading_component(const struct jb_reading *reading)
{
    return reading->component;
}

const char *jb_reading_device(const struct jb_reading *reading)
{
    return reading->device;
}

int jb_reading_metric(const struct jb_reading *reading, enum jb_metric metric,
                      double *value, enum jb_provenance *provenance)
{
    if ((unsigned)metric >= JB_METRIC_COUNT)
        return JB_EUSAGE;
    if (!(reading->present & 1U << metric))
        return JB_EABSENT;
    *value = (double)reading->micro[metric] / 1e6;
    if (provenance)
        *provenance = reading->provenance[metric];
    return JB_OK;
}

struct reading_text {
    char *out;
    size_t used, capacity;
};

static int reading_put(void *context, const char *bytes, size_t length)
{
    struct reading_text *text = context;

    if (length >= text->capacity - text->used)
        return JB_ELIMIT;
    memcpy(text->out + text->used, bytes, length);
    text->used += length;
    return JB_OK;
}

int jb_reading_json(const struct jb_reading *reading, char *out,
                    size_t capacity, struct jb_error *err)
{
    struct reading_text text = { .out = out, .capacity = capacity };
    struct jb_emit emit;
    int rc;

    if (capacity == 0)
        return jb_fail(err, JB_ELIMIT, "no room for a reading as JSON");
    jb_emit_init(&emit, reading_put, &text, 0);
    jb_ppf_reading(&emit, reading);
    rc = jb_emit_end(&emit);
    out[rc == JB_OK ? text.used : 0] = '\0';
    return rc == JB_OK ? JB_OK
                       : jb_fail(err, rc,
                                 "a reading as JSON needs more than "
                                 "%zu bytes",
                                 capacity);
}
