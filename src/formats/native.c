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
    [JB_NATIVE_POWER_LOW] = { "power_low_w", false },
    [JB_NATIVE_POWER_HIGH] = { "power_high_w", false },
};

enum native_form { NATIVE_JSON, NATIVE_JSONL, NATIVE_CSV };

/* What is written of each sensor before, between and behind the columns that
 * change from row to row is made once. */
enum native_slot {
    NATIVE_SLOT_TIME,
    NATIVE_SLOT_ELAPSED,
    NATIVE_SLOT_VALUE,
    NATIVE_SLOT_POWER,
    NATIVE_SLOT_STATE,
    NATIVE_SLOT_LOW,
    NATIVE_SLOT_HIGH,
    NATIVE_SLOTS,
};
enum { NATIVE_ROW_MORE = NATIVE_SLOTS * JB_NUMBER_MAX + 2 };

struct native_pieces {
    char *text;
    size_t end[NATIVE_SLOTS + 1];
};

/* What is known of one sensor before and between its rows. */
struct native_sensor {
    struct native_pieces pieces;
    bool judged;  /* it has a meter, which may refuse a reading */
    bool metered; /* ... of energy */
    bool may_rest;
    bool estimated;
    struct jb_knot previous; /* where its count last moved; t_ns 0: none */
    struct jb_energy origin; /* of the first reading */
};

/* The figures of one row; known: 1 << enum native_slot. */
struct native_row {
    unsigned known;
    int64_t value, power, low, high; /* millionths */
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
    for (size_t i = 0; state->sensors && i < state->setup->sensor_count; i++)
        free(state->sensors[i].pieces.text);
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

/* The slot of a column that changes from row to row, or -1. */
static int native_slot(int column)
{
    static const int slots[JB_NATIVE_COLUMNS] = {
        [JB_NATIVE_SENSOR] = -1,
        [JB_NATIVE_DOMAIN] = -1,
        [JB_NATIVE_QUANTITY] = -1,
        [JB_NATIVE_UNIT] = -1,
        [JB_NATIVE_PROVENANCE] = -1,
        [JB_NATIVE_TIME] = NATIVE_SLOT_TIME,
        [JB_NATIVE_ELAPSED] = NATIVE_SLOT_ELAPSED,
        [JB_NATIVE_VALUE] = NATIVE_SLOT_VALUE,
        [JB_NATIVE_POWER] = NATIVE_SLOT_POWER,
        [JB_NATIVE_STATE] = NATIVE_SLOT_STATE,
        [JB_NATIVE_POWER_LOW] = NATIVE_SLOT_LOW,
        [JB_NATIVE_POWER_HIGH] = NATIVE_SLOT_HIGH,
    };

    return slots[column];
}

/* One column of a row: its key, then its text, or the end of a piece where the
 * text changes.  texts come with their quotes. */
static void native_add_column(enum native_form form, int column,
                              const char *const *texts,
                              struct native_pieces *out, char **to)
{
    const struct jb_native_name *name = &jb_native_names[column];
    bool json = form != NATIVE_CSV;
    int slot = native_slot(column);

    if (json)
        *to = stpcpy(*to, column ? ", \"" : "{\"");
    else if (column)
        *to = stpcpy(*to, ",");
    if (json)
        *to = stpcpy(stpcpy(*to, name->name), "\": ");
    if (slot < 0) {
        *to = stpcpy(*to, texts[column]);
        return;
    }
    if (json && name->quoted)
        *to = stpcpy(*to, "\"");
    out->end[slot] = (size_t)(*to - out->text);
    if (json && name->quoted)
        *to = stpcpy(*to, "\"");
}

static int native_cut_pieces(enum native_form form, const char *const *texts,
                             struct native_pieces *out)
{
    static const char *const ends[] = { "}", "}\n", "\n" };
    size_t room = 8;
    char *to;

    for (int i = 0; i < JB_NATIVE_COLUMNS; i++)
        room += strlen(jb_native_names[i].name) + 8 +
                (texts[i] ? strlen(texts[i]) : 0);
    out->text = malloc(room);
    if (!out->text)
        return JB_ENOMEM;
    to = out->text;
    for (int i = 0; i < JB_NATIVE_COLUMNS; i++)
        native_add_column(form, i, texts, out, &to);
    to = stpcpy(to, ends[form]);
    out->end[NATIVE_SLOTS] = (size_t)(to - out->text);
    return JB_OK;
}

/* The texts of a sensor that stay; with their quotes, in memory of their own.
 * False when there is none. */
static bool native_fixed_texts(enum native_form form,
                               const struct jb_format_sensor *sensor,
                               char *texts[JB_NATIVE_COLUMNS])
{
    const struct jb_sensor *about = sensor->about;
    char domain[JB_DOMAIN_NAME_MAX];
    const char *const plain[JB_NATIVE_COLUMNS] = {
        [JB_NATIVE_SENSOR] = sensor->path,
        [JB_NATIVE_DOMAIN] = jb_domain_name(&about->domain, domain),
        [JB_NATIVE_QUANTITY] = jb_quantity_name(about->unit.quantity),
        [JB_NATIVE_UNIT] = jb_quantity_unit(about->unit.quantity),
        [JB_NATIVE_PROVENANCE] = jb_provenance_name(about->provenance),
    };
    bool whole = true;

    for (int i = 0; i < JB_NATIVE_COLUMNS; i++) {
        texts[i] = plain[i] ? native_quote(form, plain[i]) : NULL;
        whole = whole && (!plain[i] || texts[i]);
    }
    return whole;
}

static int native_describe(struct jb_format_state *state, size_t i,
                           struct jb_error *err)
{
    const struct jb_format_sensor *from = &state->setup->sensors[i];
    const struct jb_sensor *about = from->about;
    struct native_sensor *to = &state->sensors[i];
    char *texts[JB_NATIVE_COLUMNS];
    int rc = JB_ENOMEM;

    if (native_fixed_texts(state->form, from, texts))
        rc = native_cut_pieces(state->form, (const char *const *)texts,
                               &to->pieces);
    for (int t = 0; t < JB_NATIVE_COLUMNS; t++)
        free(texts[t]);
    if (rc < 0)
        return jb_fail(err, rc, "name of %s", from->path);
    to->judged = from->metered;
    to->metered = about->unit.quantity == JB_QUANTITY_ENERGY && from->metered;
    to->estimated = about->provenance == JB_ESTIMATED;
    to->may_rest =
        about->flags & JB_SENSOR_MAY_REST || about->kind != JB_KIND_COUNTER;
    return JB_OK;
}

static void native_put_head(struct jb_format_state *state)
{
    uint64_t interval_ns = state->setup->interval_ns;

    if (state->form == NATIVE_JSON)
        jb_recording_put(state->file,
                         "{\"" JB_NATIVE_FORMAT_KEY "\": \"" JB_NATIVE_FORMAT
                         "\", \"" JB_NATIVE_VERSION_KEY
                         "\": %d, \"interval_s\": %" PRIu64 ".%09" PRIu64
                         ", \"readings\": [",
                         JB_NATIVE_VERSION, interval_ns / JB_NS_PER_S,
                         interval_ns % JB_NS_PER_S);
    for (int i = 0; state->form == NATIVE_CSV && i < JB_NATIVE_COLUMNS; i++)
        jb_recording_put(state->file, "%s%s", i ? "," : "",
                         jb_native_names[i].name);
    if (state->form == NATIVE_CSV)
        jb_recording_put_text(state->file, "\n");
    jb_recording_end_head(state->file);
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

/* ISO 8601 in UTC with milliseconds; the date is computed once a second. */
static char *native_put_time(struct jb_format_state *state, char *to,
                             uint64_t t_ns)
{
    int64_t utc_ns = jb_clockmap_utc_ns(&state->setup->clock, t_ns);
    int64_t second = utc_ns / JB_NS_PER_S;
    int64_t rest_ns = utc_ns % JB_NS_PER_S;

    if (second != state->second) {
        time_t time = (time_t)second;
        struct tm tm;

        gmtime_r(&time, &tm);
        strftime(state->second_text, sizeof(state->second_text),
                 "%Y-%m-%dT%H:%M:%S", &tm);
        state->second = second;
    }
    to = stpcpy(to, state->second_text);
    *to++ = '.';
    to = jb_put_digits(to, (uint64_t)(rest_ns > 0 ? rest_ns : 0) / JB_NS_PER_MS,
                       3);
    *to++ = 'Z';
    return to;
}

static char *native_put_elapsed(const struct jb_format_state *state, char *to,
                                uint64_t t_ns)
{
    uint64_t begin_ns = state->setup->begin_ns;
    uint64_t since_ns = t_ns > begin_ns ? t_ns - begin_ns : 0;

    return jb_put_millionths(to, (int64_t)(since_ns / JB_NS_PER_US), 6);
}

static int64_t native_mean_uw(double uj, uint64_t ns)
{
    return (int64_t)(uj * JB_NS_PER_S / (double)ns);
}

/* The model's own interval around a mean power, since previous. */
static void native_interval(const struct native_sensor *sensor,
                            const struct jb_knot *knot, double uj,
                            struct native_row *row)
{
    const struct jb_knot *previous = &sensor->previous;
    uint64_t ns = knot->t_ns - previous->t_ns;
    double below_uj = (double)(knot->below_uj - previous->below_uj);
    double above_uj = (double)(knot->above_uj - previous->above_uj);

    row->low = native_mean_uw(below_uj < uj ? uj - below_uj : 0.0, ns);
    row->high = native_mean_uw(uj + above_uj, ns);
    row->known |= 1U << NATIVE_SLOT_LOW | 1U << NATIVE_SLOT_HIGH;
}

/* Mean power since the count last moved, where the meter was sure of it: a
 * count that has not moved does not say 0 W. */
static void native_power(struct native_sensor *sensor,
                         const struct jb_format_reading *reading,
                         struct native_row *row)
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
        row->power =
            native_mean_uw((double)step.uj, knot->t_ns - previous->t_ns);
        row->known |= 1U << NATIVE_SLOT_POWER;
        if (sensor->estimated)
            native_interval(sensor, knot, (double)step.uj, row);
    }
    *previous = *knot;
}

/* A power of a model, as it stands in the reading: its value with its interval.
 */
static void native_value_interval(const struct jb_sample *sample,
                                  struct native_row *row)
{
    double uw = (double)row->value;
    double below_uw = uw * (double)sample->below_ppm / 1e6;

    row->low = (int64_t)(below_uw < uw ? uw - below_uw : 0.0);
    row->high = (int64_t)(uw + uw * (double)sample->above_ppm / 1e6);
    row->known |= 1U << NATIVE_SLOT_LOW | 1U << NATIVE_SLOT_HIGH;
}

/* What there is no figure for stays unknown. */
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
        if (jb_sensor_value(about, reading->sample->raw, &single) != JB_OK)
            return;
        row->value = single.uj;
        row->known |= 1U << NATIVE_SLOT_VALUE;
        if (sensor->estimated && about->unit.quantity == JB_QUANTITY_POWER)
            native_value_interval(reading->sample, row);
        return;
    }
    if (!knot)
        return;
    if (sensor->previous.t_ns == 0)
        sensor->origin = knot->energy;
    row->value = jb_energy_sub(knot->energy, sensor->origin).uj;
    row->known |= 1U << NATIVE_SLOT_VALUE;
    native_power(sensor, reading, row);
}

static char *native_put_piece(const struct native_pieces *pieces, int slot,
                              char *to)
{
    size_t begin = slot ? pieces->end[slot - 1] : 0;

    return mempcpy(to, pieces->text + begin, pieces->end[slot] - begin);
}

static char *native_put_number(const struct jb_format_state *state,
                               const struct native_row *row, int slot,
                               int64_t micro, char *to)
{
    if (row->known & 1U << slot)
        return jb_put_millionths(to, micro, 6);
    return state->form == NATIVE_CSV ? to : stpcpy(to, "null");
}

static char *native_put_slot(struct jb_format_state *state,
                             const struct jb_format_reading *reading,
                             const struct native_row *row, int slot, char *to)
{
    const struct native_sensor *sensor = &state->sensors[reading->sensor];

    switch ((enum native_slot)slot) {
    case NATIVE_SLOT_TIME:
        return native_put_time(state, to, reading->sample->t1_ns);
    case NATIVE_SLOT_ELAPSED:
        return native_put_elapsed(state, to, reading->sample->t1_ns);
    case NATIVE_SLOT_VALUE:
        return native_put_number(state, row, slot, row->value, to);
    case NATIVE_SLOT_POWER:
        return native_put_number(state, row, slot, row->power, to);
    case NATIVE_SLOT_STATE:
        return stpcpy(to, native_state(sensor, reading));
    case NATIVE_SLOT_LOW:
        return native_put_number(state, row, slot, row->low, to);
    case NATIVE_SLOT_HIGH:
        return native_put_number(state, row, slot, row->high, to);
    case NATIVE_SLOTS:
        break;
    }
    return to;
}

static void native_add(struct jb_format_state *state,
                       const struct jb_format_reading *reading)
{
    const struct jb_sensor *about =
        state->setup->sensors[reading->sensor].about;
    struct native_sensor *sensor = &state->sensors[reading->sensor];
    const struct native_pieces *pieces = &sensor->pieces;
    struct jb_recording *file = state->file;
    struct native_row row = { .known = 0 };
    char *to =
        jb_recording_room(file, pieces->end[NATIVE_SLOTS] + NATIVE_ROW_MORE);

    native_values(sensor, about, reading, &row);
    if (to) {
        if (state->form == NATIVE_JSON)
            to = stpcpy(to, file->rows ? ",\n" : "\n");
        for (int slot = 0; slot < NATIVE_SLOTS; slot++) {
            to = native_put_piece(pieces, slot, to);
            to = native_put_slot(state, reading, &row, slot, to);
        }
        to = native_put_piece(pieces, NATIVE_SLOTS, to);
        jb_recording_filled(file, to);
    }
    jb_recording_end_row(file);
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
