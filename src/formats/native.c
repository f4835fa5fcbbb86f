/* SPDX-License-Identifier: Apache-2.0 */
/* Every reading as it came, with what its meter made of it. */
#include "native.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/domain.h"
#include "core/names.h"
#include "core/unit.h"
#include "format.h"
#include "text.h"

const struct jb_native_name jb_native_names[JB_NATIVE_COLUMNS] = {
    [JB_NATIVE_TIME] = { "time", true },
    [JB_NATIVE_ELAPSED] = { "elapsed_s", false },
    [JB_NATIVE_SENSOR] = { "sensor", true },
    [JB_NATIVE_DOMAIN] = { "domain", true },
    [JB_NATIVE_QUANTITY] = { "quantity", true },
    [JB_NATIVE_VALUE] = { "value", false },
    [JB_NATIVE_UNIT] = { "unit", true },
    [JB_NATIVE_POWER] = { "power_w", false },
    [JB_NATIVE_PROVENANCE] = { "provenance", true },
    [JB_NATIVE_STATE] = { "state", true },
};

enum native_form { NATIVE_JSON, NATIVE_JSONL, NATIVE_CSV };

/* What is known of one sensor before and between its rows. */
struct native_sensor {
    char *sensor, *domain; /* ready to be printed: quoted and escaped */
    bool judged;           /* it has a meter, which may refuse a reading */
    bool metered;          /* ... of energy */
    bool may_rest;
    struct jb_knot previous; /* where its count last moved; t_ns 0: none */
    struct jb_energy origin; /* of the first reading */
};

/* The texts of one row that change from row to row. */
struct native_row {
    char time[32], elapsed[JB_NUMBER_MAX];
    char value[JB_NUMBER_MAX], power[JB_NUMBER_MAX];
    const char *fields[JB_NATIVE_COLUMNS];
};

struct jb_format_state {
    const struct jb_format_setup *setup;
    struct jb_recording *file;
    enum native_form form;
    struct native_sensor *sensors;
    int64_t second; /* of the cached text below */
    char second_text[24];
};

static void native_close(struct jb_format_state *state)
{
    if (!state)
        return;
    for (size_t i = 0; state->sensors && i < state->setup->sensor_count; i++) {
        free(state->sensors[i].sensor);
        free(state->sensors[i].domain);
    }
    free(state->sensors);
    free(state);
}

/* "" is no text in JSON. */
static char *native_quote(enum native_form form, const char *text)
{
    if (form == NATIVE_CSV)
        return jb_csv_quote(text);
    return text[0] ? jb_json_quote(text) : strdup("null");
}

static int native_describe(struct jb_format_state *state, size_t i,
                           struct jb_error *err)
{
    const struct jb_format_sensor *from = &state->setup->sensors[i];
    const struct jb_sensor *about = from->about;
    struct native_sensor *to = &state->sensors[i];
    char domain[JB_DOMAIN_NAME_MAX];

    to->sensor = native_quote(state->form, from->path);
    to->domain =
        native_quote(state->form, jb_domain_name(&about->domain, domain));
    if (!to->sensor || !to->domain)
        return jb_fail(err, JB_ENOMEM, "name of %s", from->path);
    to->judged = from->metered;
    to->metered = about->unit.quantity == JB_QUANTITY_ENERGY && from->metered;
    to->may_rest =
        about->flags & JB_SENSOR_MAY_REST || about->kind != JB_KIND_COUNTER;
    return JB_OK;
}

static void native_put_head(struct jb_format_state *state)
{
    uint64_t interval_ns = state->setup->interval_ns;

    if (state->form == NATIVE_JSON)
        jb_recording_put(state->file,
                         "{\"format\": \"" JB_NATIVE_FORMAT
                         "\", \"version\": %d, \"interval_s\": %" PRIu64
                         ".%09" PRIu64 ", \"readings\": [",
                         JB_NATIVE_VERSION, interval_ns / JB_NS_PER_S,
                         interval_ns % JB_NS_PER_S);
    for (int i = 0; state->form == NATIVE_CSV && i < JB_NATIVE_COLUMNS; i++)
        jb_recording_put(state->file, "%s%s", i ? "," : "",
                         jb_native_names[i].name);
    if (state->form == NATIVE_CSV)
        jb_recording_put_text(state->file, "\n");
    jb_recording_end_row(state->file);
}

static int native_open(const struct jb_format_setup *setup,
                       struct jb_recording *file, enum native_form form,
                       struct jb_format_state **out, struct jb_error *err)
{
    struct jb_format_state *state = calloc(1, sizeof(*state));
    int rc = JB_OK;

    if (!state)
        return jb_fail(err, JB_ENOMEM, "a recording");
    state->setup = setup;
    state->file = file;
    state->form = form;
    state->second = -1;
    state->sensors = calloc(setup->sensor_count + 1, sizeof(*state->sensors));
    if (!state->sensors) {
        native_close(state);
        return jb_fail(err, JB_ENOMEM, "%zu sensors", setup->sensor_count);
    }
    for (size_t i = 0; rc == JB_OK && i < setup->sensor_count; i++)
        rc = native_describe(state, i, err);
    if (rc < 0) {
        native_close(state);
        return rc;
    }
    native_put_head(state);
    *out = state;
    return JB_OK;
}

static int native_open_json(const struct jb_format_setup *setup,
                            struct jb_recording *file,
                            struct jb_format_state **out, struct jb_error *err)
{
    return native_open(setup, file, NATIVE_JSON, out, err);
}

static int native_open_jsonl(const struct jb_format_setup *setup,
                             struct jb_recording *file,
                             struct jb_format_state **out, struct jb_error *err)
{
    return native_open(setup, file, NATIVE_JSONL, out, err);
}

static int native_open_csv(const struct jb_format_setup *setup,
                           struct jb_recording *file,
                           struct jb_format_state **out, struct jb_error *err)
{
    return native_open(setup, file, NATIVE_CSV, out, err);
}

/* ISO 8601 in UTC with milliseconds; the date is computed once a second. */
static void native_times(struct jb_format_state *state, uint64_t t_ns,
                         struct native_row *row)
{
    uint64_t begin_ns = state->setup->clock.boot_ns;
    int64_t utc_ns = jb_clockmap_utc_ns(&state->setup->clock, t_ns);
    int64_t second = utc_ns / JB_NS_PER_S;
    uint64_t since_ns = t_ns > begin_ns ? t_ns - begin_ns : 0;

    if (second != state->second) {
        time_t time = (time_t)second;
        struct tm tm;

        gmtime_r(&time, &tm);
        strftime(state->second_text, sizeof(state->second_text),
                 "%Y-%m-%dT%H:%M:%S", &tm);
        state->second = second;
    }
    snprintf(row->time, sizeof(row->time), "%s.%03uZ", state->second_text,
             (unsigned)(utc_ns % JB_NS_PER_S / JB_NS_PER_MS) % 1000);
    snprintf(row->elapsed, sizeof(row->elapsed), "%" PRIu64 ".%06" PRIu64,
             since_ns / JB_NS_PER_S, since_ns % JB_NS_PER_S / JB_NS_PER_US);
}

/* A counter that stands still for too long was not observed: the meter has
 * booked a gap. */
static bool native_stands_still(const struct native_sensor *sensor,
                                const struct jb_knot *knot)
{
    return knot && sensor->previous.t_ns != 0 &&
           knot->counts == sensor->previous.counts &&
           knot->gap_uj > sensor->previous.gap_uj;
}

static const char *native_state(const struct native_sensor *sensor,
                                const struct jb_format_reading *reading)
{
    if (reading->sample->state != JB_OK)
        return jb_status_name(reading->sample->state);
    if (sensor->metered && reading->event == JB_METER_ADVANCE &&
        native_stands_still(sensor, reading->newest))
        return JB_NATIVE_GAP;
    switch (reading->event) {
    case JB_METER_GAP:
        return JB_NATIVE_GAP;
    case JB_METER_RESET:
        return JB_NATIVE_RESET;
    case JB_METER_JUMP:
        return JB_NATIVE_JUMP;
    case JB_METER_LATE:
        return JB_NATIVE_LATE;
    case JB_METER_REFUSED:
        return jb_status_name(sensor->judged ? JB_EIMPLAUSIBLE : JB_OK);
    case JB_METER_FIRST:
    case JB_METER_ADVANCE:
        break;
    }
    return jb_status_name(JB_OK);
}

/* Mean power since the count last moved, where the meter was sure of it: a
 * count that has not moved does not say 0 W. */
static void native_power(struct native_sensor *sensor,
                         const struct jb_format_reading *reading, char *power)
{
    const struct jb_knot *knot = reading->newest;
    struct jb_knot *previous = &sensor->previous;
    bool advance = reading->event == JB_METER_ADVANCE;
    struct jb_energy step;

    if (previous->t_ns != 0 && knot->counts == previous->counts &&
        !sensor->may_rest && advance)
        return;
    if (previous->t_ns != 0 && knot->t_ns > previous->t_ns && advance &&
        knot->gap_uj == previous->gap_uj) {
        step = jb_energy_sub(knot->energy, previous->energy);
        jb_format_millionths(power,
                             (int64_t)((double)step.uj * JB_NS_PER_S /
                                       (double)(knot->t_ns - previous->t_ns)),
                             6);
    }
    *previous = *knot;
}

/* Both stay "" where there is no such figure. */
static void native_values(struct native_sensor *sensor,
                          const struct jb_sensor *about,
                          const struct jb_format_reading *reading,
                          struct native_row *row)
{
    const struct jb_knot *knot = reading->newest;
    struct jb_energy single;

    if (reading->sample->state != JB_OK ||
        (sensor->judged && reading->event == JB_METER_REFUSED))
        return;
    if (!sensor->metered) {
        if (jb_sensor_value(about, reading->sample->raw, &single) == JB_OK)
            jb_format_millionths(row->value, single.uj, 6);
        return;
    }
    if (!knot)
        return;
    if (sensor->previous.t_ns == 0)
        sensor->origin = knot->energy;
    jb_format_millionths(row->value,
                         jb_energy_sub(knot->energy, sensor->origin).uj, 6);
    native_power(sensor, reading, row->power);
}

static void native_put_csv(struct jb_recording *file,
                           const struct native_row *row)
{
    for (int i = 0; i < JB_NATIVE_COLUMNS; i++) {
        if (i > 0)
            jb_recording_put_text(file, ",");
        jb_recording_put_text(file, row->fields[i]);
    }
    jb_recording_put_text(file, "\n");
}

/* The names of sensors and domains come with their quotes. */
static void native_put_json(const struct jb_format_state *state,
                            const struct native_row *row)
{
    struct jb_recording *file = state->file;

    if (state->form == NATIVE_JSON)
        jb_recording_put_text(file, file->rows ? ",\n" : "\n");
    for (int i = 0; i < JB_NATIVE_COLUMNS; i++) {
        const struct jb_native_name *column = &jb_native_names[i];
        bool quote =
            column->quoted && i != JB_NATIVE_SENSOR && i != JB_NATIVE_DOMAIN;

        jb_recording_put_text(file, i ? ", \"" : "{\"");
        jb_recording_put_text(file, column->name);
        jb_recording_put_text(file, quote ? "\": \"" : "\": ");
        jb_recording_put_text(file,
                              row->fields[i][0] ? row->fields[i] : "null");
        if (quote)
            jb_recording_put_text(file, "\"");
    }
    jb_recording_put_text(file, state->form == NATIVE_JSONL ? "}\n" : "}");
}

static void native_add(struct jb_format_state *state,
                       const struct jb_format_reading *reading)
{
    const struct jb_sensor *about =
        state->setup->sensors[reading->sensor].about;
    struct native_sensor *sensor = &state->sensors[reading->sensor];
    struct native_row row;

    row.value[0] = row.power[0] = '\0';
    native_times(state, reading->sample->t1_ns, &row);
    native_values(sensor, about, reading, &row);
    row.fields[JB_NATIVE_STATE] = native_state(sensor, reading);
    row.fields[JB_NATIVE_TIME] = row.time;
    row.fields[JB_NATIVE_ELAPSED] = row.elapsed;
    row.fields[JB_NATIVE_SENSOR] = sensor->sensor;
    row.fields[JB_NATIVE_DOMAIN] = sensor->domain;
    row.fields[JB_NATIVE_QUANTITY] = jb_quantity_name(about->unit.quantity);
    row.fields[JB_NATIVE_VALUE] = row.value;
    row.fields[JB_NATIVE_UNIT] = jb_quantity_unit(about->unit.quantity);
    row.fields[JB_NATIVE_POWER] = row.power;
    row.fields[JB_NATIVE_PROVENANCE] = jb_provenance_name(about->provenance);
    if (state->form == NATIVE_CSV)
        native_put_csv(state->file, &row);
    else
        native_put_json(state, &row);
    state->file->rows++;
    jb_recording_end_row(state->file);
}

const struct jb_format jb_format_json = {
    .name = "json",
    .ending = ".json",
    .foot = "\n]}\n",
    .interval_ns = JB_NS_PER_S / 10,
    .open = native_open_json,
    .add = native_add,
    .close = native_close,
};

const struct jb_format jb_format_jsonl = {
    .name = "jsonl",
    .ending = ".jsonl",
    .foot = "",
    .interval_ns = JB_NS_PER_S / 10,
    .open = native_open_jsonl,
    .add = native_add,
    .close = native_close,
};

const struct jb_format jb_format_csv = {
    .name = "csv",
    .ending = ".csv",
    .foot = "",
    .interval_ns = JB_NS_PER_S / 10,
    .open = native_open_csv,
    .add = native_add,
    .close = native_close,
};
