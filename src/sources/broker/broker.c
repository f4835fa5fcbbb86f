/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `joulebook broker` reads: meters that this user may not read.
 *
 * Why a source and not a second kind of machine: curves, bounds, wraps and the
 * choice between meters are then the same for everybody, and what comes over
 * the socket is what a meter said, raw counts with the times of the reading.
 * The broker does no arithmetic for its clients, and this file does none on
 * what the broker says.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "joulebook/plugin/source.h"
#include "link.h"
#include "wire/options.h"

/* Whatever can be read without the broker is preferred. */
enum { BROKER_RANK = 10000 };

#define BROKER_NOT_SERVED UINT32_MAX

/* A broker that answers does so within a millisecond; one that hangs costs
 * this much, once a second, and only its own readings. */
static const uint64_t broker_patience_ns = 200 * (uint64_t)JB_NS_PER_MS;
static const uint64_t broker_open_patience_ns = JB_NS_PER_S;
static const uint64_t broker_retry_ns = JB_NS_PER_S;

/* A sensor on its way: number in the server's list, and generations.  A broker
 * that was restarted counts from 0 again while the hardware's counter goes on:
 * only a change within one connection is the sensor's. */
struct broker_row {
    uint32_t number;
    uint32_t served_generation, generation;
    bool known; /* served_generation is of this connection */
};

struct jb_source {
    struct jb_link link;
    struct jb_sensor *sensors;
    struct broker_row *rows;
    size_t count;
    uint64_t digest;
    uint64_t retry_at_ns;
    uint64_t until_ns; /* when describing must be done */
    union jb_wire_message message;
};

static void broker_close(struct jb_source *source)
{
    if (!source)
        return;
    jb_link_close(&source->link);
    free(source->sensors);
    free(source->rows);
    free(source);
}

static void broker_auto_close(struct jb_source **slot)
{
    broker_close(*slot);
}

/* Receives the descriptions from number `first` on: how many, in *count. */
static int broker_ask_page(struct jb_source *source, uint32_t first,
                           uint32_t *count, struct jb_error *err)
{
    union jb_wire_message *message = &source->message;
    int rc;

    if (jb_clock_now_ns(&jb_clock_boottime) > source->until_ns)
        return jb_fail(err, JB_EBUSY,
                       "the broker takes too long to describe "
                       "its sensors");
    jb_wire_begin(message, JB_WIRE_DESCRIBE, 0, 0);
    message->describe.first = first;
    rc = jb_link_ask(&source->link, message, JB_WIRE_SENSORS, err);
    if (rc < 0)
        return rc;
    if (message->sensors.first != first || message->sensors.count == 0)
        return jb_fail(err, JB_EFORMAT,
                       "the broker does not describe its sensor %u",
                       (unsigned)first);
    *count = message->sensors.count;
    return JB_OK;
}

static bool broker_knows(const struct jb_source *source, const char *name)
{
    for (size_t i = 0; i < source->count; i++)
        if (strcmp(source->sensors[i].name, name) == 0)
            return true;
    return false;
}

/* How the sensor looks from here: behind the broker nothing blocks for longer
 * than the patience, and everything waits together. */
static int broker_take_sensor(struct jb_source *source,
                              const struct jb_wire_sensor *in,
                              struct jb_error *err)
{
    struct jb_sensor *sensor = &source->sensors[source->count];
    int rc = jb_wire_get_sensor(in, sensor, err);

    if (rc < 0)
        return rc;
    if (broker_knows(source, sensor->name))
        return jb_fail(err, JB_EFORMAT, "the broker names %s twice",
                       sensor->name);
    sensor->endpoint = 0;
    sensor->generation = 0;
    if (__builtin_sub_overflow(sensor->rank, BROKER_RANK, &sensor->rank))
        sensor->rank = INT16_MIN;
    source->rows[source->count].number = (uint32_t)source->count;
    source->count++;
    return JB_OK;
}

static int broker_describe(struct jb_source *source, uint32_t total,
                           struct jb_error *err)
{
    source->sensors = calloc(total + 1, sizeof(*source->sensors));
    source->rows = calloc(total + 1, sizeof(*source->rows));
    if (!source->sensors || !source->rows)
        return jb_fail(err, JB_ENOMEM, "%u sensors of the broker",
                       (unsigned)total);
    while (source->count < total) {
        uint32_t count = 0;
        int rc = broker_ask_page(source, (uint32_t)source->count, &count, err);

        if (rc == JB_OK && count > total - source->count)
            rc = jb_fail(err, JB_EFORMAT,
                         "the broker has more sensors than "
                         "it says");
        for (uint32_t i = 0; rc == JB_OK && i < count; i++)
            rc = broker_take_sensor(source, &source->message.sensors.list[i],
                                    err);
        if (rc < 0)
            return rc;
    }
    return JB_OK;
}

/* Two machines in one account: only when somebody asks for just that, and then
 * it is said with each figure. */
static void broker_note_root(struct jb_source *source, const char *root)
{
    for (size_t i = 0; i < source->count; i++)
        snprintf(source->sensors[i].note, sizeof(source->sensors[i].note),
                 "the broker on %.107s reads %.100s",
                 source->link.place.sun_path, root);
}

static int broker_check_root(const struct jb_env *env, bool asked,
                             struct jb_source *source,
                             const struct jb_greeting *greeting,
                             struct jb_error *err)
{
    char root[JB_WIRE_ROOT_MAX];

    jb_wire_get_text(greeting->root, root, sizeof(root));
    if (strcmp(greeting->root, env->roots->sysfs) == 0)
        return JB_OK;
    if (asked) {
        broker_note_root(source, root);
        return JB_OK;
    }
    jb_fail(err, JB_EREFUSED, "the broker on %s reads %.80s, not %.40s",
            source->link.place.sun_path, root, env->roots->sysfs);
    return JB_EREFUSED;
}

/* The place that somebody named, or NULL. */
static const char *broker_named_place(const struct jb_broker_options *options)
{
    const char *place =
        options->socket ? options->socket : secure_getenv("JOULEBOOK_BROKER");

    return place && *place ? place : NULL;
}

static int broker_open_link(struct jb_source *source, const char *named,
                            struct jb_greeting *greeting, struct jb_error *err)
{
    const char *place = named ? named : JB_WIRE_SOCKET;
    int rc = jb_link_init(&source->link, place, err);

    if (rc < 0)
        return rc;
    jb_link_set_patience(&source->link, broker_open_patience_ns);
    source->until_ns =
        jb_clock_now_ns(&jb_clock_boottime) + broker_open_patience_ns;
    rc = jb_link_open(&source->link, &source->message, greeting, err);
    if (rc == JB_EABSENT && named)
        jb_error_set_fix(err, "sudo joulebook broker --socket %s", place);
    if (rc == JB_EBUSY && !named)
        jb_error_set_fix(err, "sudo systemctl restart joulebook-broker");
    return rc;
}

static int broker_open(const struct jb_env *env, const void *options,
                       struct jb_source **out, struct jb_error *err)
{
    __attribute__((cleanup(broker_auto_close))) struct jb_source *source = NULL;
    const char *named = broker_named_place(options);
    struct jb_greeting greeting = { 0 };
    int rc;

    if (!named && !env->live)
        return jb_fail(err, JB_EREFUSED,
                       "the broker reads this machine, not another tree");
    source = calloc(1, sizeof(*source));
    if (!source)
        return jb_fail(err, JB_ENOMEM, "broker");
    source->link.fd = -1;
    rc = broker_open_link(source, named, &greeting, err);
    if (rc == JB_OK)
        rc = broker_describe(source, greeting.sensors, err);
    if (rc == JB_OK)
        rc = broker_check_root(env, named, source, &greeting, err);
    if (rc < 0)
        return rc;
    source->digest = greeting.digest;
    jb_link_set_patience(&source->link, broker_patience_ns);
    *out = jb_steal(source);
    return JB_OK;
}

static const struct jb_sensor *broker_sensors(const struct jb_source *source,
                                              size_t *count)
{
    *count = source->count;
    return source->sensors;
}

/* Whether a description is still that of the sensor: what meters and curves
 * were made for must not change under them. */
static bool broker_is_same(const struct jb_sensor *sensor,
                           const struct jb_wire_sensor *in)
{
    struct jb_sensor now;

    if (jb_wire_get_sensor(in, &now, NULL) < 0)
        return false;
    return strcmp(now.name, sensor->name) == 0 &&
           now.domain.kind == sensor->domain.kind &&
           now.domain.index == sensor->domain.index &&
           now.domain.die == sensor->domain.die &&
           now.unit.quantity == sensor->unit.quantity &&
           now.unit.num == sensor->unit.num &&
           now.unit.den == sensor->unit.den &&
           now.unit.read_num == sensor->unit.read_num &&
           now.unit.read_den == sensor->unit.read_den &&
           now.unit.modulus == sensor->unit.modulus &&
           now.kind == sensor->kind && now.flags == sensor->flags;
}

/* One that serves other sensors than before, or in another order. */
static int broker_match_again(struct jb_source *source, uint32_t total)
{
    for (size_t i = 0; i < source->count; i++)
        source->rows[i].number = BROKER_NOT_SERVED;
    for (uint32_t first = 0; first < total;) {
        uint32_t count = 0;
        int rc = broker_ask_page(source, first, &count, NULL);

        if (rc < 0)
            return rc;
        for (uint32_t k = 0; k < count; k++)
            for (size_t i = 0; i < source->count; i++)
                if (broker_is_same(&source->sensors[i],
                                   &source->message.sensors.list[k]))
                    source->rows[i].number = first + k;
        first += count;
    }
    return JB_OK;
}

static int broker_reconnect(struct jb_source *source)
{
    uint64_t now_ns = jb_clock_now_ns(&jb_clock_boottime);
    struct jb_greeting greeting;
    int rc;

    if (source->link.fd >= 0) /* a parent's: the child may talk at once */
        source->retry_at_ns = 0;
    if (now_ns < source->retry_at_ns)
        return JB_EABSENT;
    source->retry_at_ns = now_ns + broker_retry_ns;
    source->until_ns = now_ns + broker_patience_ns;
    rc = jb_link_open(&source->link, &source->message, &greeting, NULL);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < source->count; i++)
        source->rows[i].known = false;
    if (greeting.digest == source->digest && greeting.sensors == source->count)
        return JB_OK;
    rc = broker_match_again(source, greeting.sensors);
    source->digest = 0; /* the numbers are no longer the first broker's */
    if (rc < 0)
        jb_link_close(&source->link);
    return rc;
}

static size_t broker_begin_read(struct jb_source *source, const uint32_t *which,
                                size_t count)
{
    struct jb_wire_read *read = &source->message.read;
    uint32_t asked = 0;

    for (size_t i = 0; i < count; i++)
        asked += source->rows[which[i]].number != BROKER_NOT_SERVED;
    jb_wire_begin(&source->message, JB_WIRE_READ, 0, asked);
    asked = 0;
    for (size_t i = 0; i < count; i++)
        if (source->rows[which[i]].number != BROKER_NOT_SERVED)
            read->which[asked++] = source->rows[which[i]].number;
    return asked;
}

static void broker_take_sample(struct jb_source *source, uint32_t which,
                               const struct jb_wire_sample *in, uint64_t now_ns,
                               struct jb_sample *out)
{
    struct broker_row *row = &source->rows[which];

    jb_wire_get_sample(in, now_ns, out);
    out->sensor = which;
    if (out->state == JB_OK) {
        if (row->known)
            row->generation += in->generation - row->served_generation;
        row->served_generation = in->generation;
        row->known = true;
    }
    out->generation = row->generation;
}

/* One question and its answer. */
static int broker_read(struct jb_source *source, const uint32_t *which,
                       size_t count, struct jb_sample *out)
{
    size_t asked = broker_begin_read(source, which, count);
    uint64_t now_ns;
    size_t at = 0;
    int rc;

    if (asked == 0)
        return JB_EABSENT;
    rc = jb_link_ask(&source->link, &source->message, JB_WIRE_SAMPLES, NULL);
    if (rc < 0)
        return rc;
    if (source->message.samples.count != asked)
        return JB_EFORMAT;
    now_ns = jb_clock_now_ns(&jb_clock_boottime);
    for (size_t i = 0; i < count; i++)
        if (source->rows[which[i]].number != BROKER_NOT_SERVED)
            broker_take_sample(source, which[i],
                               &source->message.samples.list[at++], now_ns,
                               &out[i]);
    return JB_OK;
}

/* A broker that went away may be back: it is asked once more. */
static int broker_read_or_reconnect(struct jb_source *source,
                                    const uint32_t *which, size_t count,
                                    struct jb_sample *out)
{
    int rc = JB_EABSENT;

    if (jb_link_is_open(&source->link))
        rc = broker_read(source, which, count, out);
    if (rc == JB_EABSENT && !jb_link_is_open(&source->link)) {
        rc = broker_reconnect(source);
        if (rc == JB_OK)
            rc = broker_read(source, which, count, out);
    }
    return rc;
}

static void broker_sample_some(struct jb_source *source, const uint32_t *which,
                               size_t count, struct jb_sample *out)
{
    uint64_t before_ns = jb_clock_now_ns(&jb_clock_boottime);
    uint64_t after_ns;
    int rc;

    for (size_t i = 0; i < count; i++)
        out[i] = (struct jb_sample){ .sensor = which[i], .state = JB_EABSENT };
    rc = broker_read_or_reconnect(source, which, count, out);
    after_ns = jb_clock_now_ns(&jb_clock_boottime);
    for (size_t i = 0; i < count; i++) {
        if (out[i].t0_ns > 0)
            continue;
        out[i].state = rc < 0 ? rc : out[i].state;
        out[i].generation = source->rows[which[i]].generation;
        out[i].t0_ns = before_ns;
        out[i].t1_ns = after_ns;
    }
}

static void broker_sample(struct jb_source *source, const uint32_t *which,
                          size_t count, struct jb_sample *out)
{
    for (size_t at = 0; at < count; at += JB_WIRE_READ_MAX) {
        size_t part =
            count - at < JB_WIRE_READ_MAX ? count - at : JB_WIRE_READ_MAX;

        broker_sample_some(source, which + at, part, out + at);
    }
}

const struct jb_source_desc jb_source_broker = {
    .name = "broker",
    .summary = "Meters that only root may read, through `joulebook broker`",
    .options = jb_broker_option_table,
    .options_size = sizeof(struct jb_broker_options),
    .quantities = (2U << JB_QUANTITY_LAST) - 1,
    .flags = JB_SOURCE_RELAY,
    .open = broker_open,
    .sensors = broker_sensors,
    .sample = broker_sample,
    .close = broker_close,
};
