/* SPDX-License-Identifier: Apache-2.0 */
#include "add.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "core/procstat.h"

/* 8192 CPUs and thousands of interfaces. */
enum { ADD_SENSORS_MAX = 65536, ADD_FIRST_ROOM = 32 };

/* One sensor of a thing. */
struct jb_host_row {
    const char *name;
    enum jb_quantity quantity;
    enum jb_kind kind;
    enum jb_provenance provenance;
    uint64_t num, den;
};

static const struct jb_host_row add_busy[] = {
    { "busy", JB_QUANTITY_TIME, JB_KIND_COUNTER, JB_MEASURED, 1000000,
      JB_PROCSTAT_HZ },
};

static const struct jb_host_row add_package_busy[] = {
    { "busy", JB_QUANTITY_TIME, JB_KIND_COUNTER, JB_DERIVED, 1000000,
      JB_PROCSTAT_HZ },
};

static const struct jb_host_row add_memory[] = {
    { "total", JB_QUANTITY_DATA, JB_KIND_SAMPLED, JB_MEASURED, 1024000000, 1 },
    { "available", JB_QUANTITY_DATA, JB_KIND_SAMPLED, JB_MEASURED, 1024000000,
      1 },
    { "used", JB_QUANTITY_DATA, JB_KIND_SAMPLED, JB_DERIVED, 1024000000, 1 },
    { "free", JB_QUANTITY_DATA, JB_KIND_SAMPLED, JB_MEASURED, 1024000000, 1 },
    { "cached", JB_QUANTITY_DATA, JB_KIND_SAMPLED, JB_DERIVED, 1024000000, 1 },
};

static const struct jb_host_row add_times[] = {
    { "user", JB_QUANTITY_TIME, JB_KIND_COUNTER, JB_MEASURED, 1000000,
      JB_PROCSTAT_HZ },
    { "system", JB_QUANTITY_TIME, JB_KIND_COUNTER, JB_MEASURED, 1000000,
      JB_PROCSTAT_HZ },
    { "idle", JB_QUANTITY_TIME, JB_KIND_COUNTER, JB_MEASURED, 1000000,
      JB_PROCSTAT_HZ },
    { "iowait", JB_QUANTITY_TIME, JB_KIND_COUNTER, JB_MEASURED, 1000000,
      JB_PROCSTAT_HZ },
};

static const struct jb_host_row add_load[] = {
    { "1m", JB_QUANTITY_COUNT, JB_KIND_SAMPLED, JB_MEASURED, 10000, 1 },
    { "5m", JB_QUANTITY_COUNT, JB_KIND_SAMPLED, JB_MEASURED, 10000, 1 },
    { "15m", JB_QUANTITY_COUNT, JB_KIND_SAMPLED, JB_MEASURED, 10000, 1 },
};

static const struct jb_host_row add_disk[] = {
    { "read", JB_QUANTITY_DATA, JB_KIND_COUNTER, JB_MEASURED, 512000000, 1 },
    { "written", JB_QUANTITY_DATA, JB_KIND_COUNTER, JB_MEASURED, 512000000, 1 },
};

static const struct jb_host_row add_net[] = {
    { "received", JB_QUANTITY_DATA, JB_KIND_COUNTER, JB_MEASURED, 1000000, 1 },
    { "sent", JB_QUANTITY_DATA, JB_KIND_COUNTER, JB_MEASURED, 1000000, 1 },
};

static const struct jb_host_row add_fs[] = {
    { "used", JB_QUANTITY_DATA, JB_KIND_SAMPLED, JB_MEASURED, 1000000, 1 },
    { "size", JB_QUANTITY_DATA, JB_KIND_SAMPLED, JB_MEASURED, 1000000, 1 },
};

/* Busy time is counted in ticks and the load every 5 s (LOAD_FREQ); the others
 * as it happens. */
const struct jb_host_kind jb_host_kinds[JB_HOST_FILES + 1] = {
    [JB_HOST_STAT] = { "cpu", add_busy, 1, JB_NS_PER_S / JB_PROCSTAT_HZ,
                       JB_DOMAIN_NONE },
    [JB_HOST_MEMORY] = { "memory", add_memory, 5, 0, JB_DOMAIN_NONE },
    [JB_HOST_LOAD] = { "load", add_load, 3, 5 * (uint64_t)JB_NS_PER_S,
                       JB_DOMAIN_NONE },
    [JB_HOST_DISKS] = { "disk", add_disk, 2, 0, JB_DOMAIN_NONE },
    [JB_HOST_NETS] = { "net", add_net, 2, 0, JB_DOMAIN_NONE },
    [JB_HOST_FILES] = { "fs", add_fs, 2, 0, JB_DOMAIN_NONE },
};

const struct jb_host_kind jb_host_times_kind = { "cpu", add_times, 4,
                                                 JB_NS_PER_S / JB_PROCSTAT_HZ,
                                                 JB_DOMAIN_NONE };

const struct jb_host_kind jb_host_package_kind = { "package", add_package_busy,
                                                   1,
                                                   JB_NS_PER_S / JB_PROCSTAT_HZ,
                                                   JB_DOMAIN_PACKAGE };

int jb_host_grow(void **array, size_t *room, size_t count, size_t size,
                 struct jb_error *err)
{
    size_t wanted = *room ? 2 * *room : ADD_FIRST_ROOM;
    void *grown;

    if (count < *room)
        return JB_OK;
    grown = reallocarray(*array, wanted, size);
    if (!grown)
        return jb_fail(err, JB_ENOMEM, "no memory for %zu host sensors",
                       wanted);
    *array = grown;
    *room = wanted;
    return JB_OK;
}

/* Two arrays of one length share their room: grown on copies of it. */
static int add_grow_sensors(struct jb_source *source, struct jb_error *err)
{
    size_t room = source->room;
    void *sensors = source->sensors;
    void *items = source->items;
    int rc;

    if (source->count >= ADD_SENSORS_MAX)
        return jb_fail(err, JB_ELIMIT, "more than %d host sensors",
                       ADD_SENSORS_MAX);
    rc = jb_host_grow(&sensors, &room, source->count, sizeof(*source->sensors),
                      err);
    source->sensors = sensors;
    if (rc < 0)
        return rc;
    room = source->room;
    rc =
        jb_host_grow(&items, &room, source->count, sizeof(*source->items), err);
    source->items = items;
    if (rc == JB_OK)
        source->room = room;
    return rc;
}

static void add_describe(const struct jb_host_new *thing,
                         const struct jb_host_row *row, struct jb_sensor *out)
{
    *out = (struct jb_sensor){
        .domain = { thing->kind->domain, thing->package, JB_NO_DIE },
        .unit = { row->quantity, row->num, row->den, 1, 1, 0 },
        .kind = row->kind,
        .provenance = row->provenance,
        .pmax_from = JB_BOUND_GUESSED,
        .update_ns = thing->kind->update_ns,
        .lag_ns = thing->kind->update_ns / 2,
        .lag_unc_ns = thing->kind->update_ns / 2,
        .quantum = 1,
        .endpoint = thing->endpoint,
        .flags = (uint16_t)(thing->flags | JB_SENSOR_MAY_REST),
        .state = JB_EABSENT,
    };
    snprintf(out->name, sizeof(out->name), "%.*s/%s", JB_HOST_STEM_MAX - 1,
             thing->stem, row->name);
    jb_text_make_plain(out->name);
}

int jb_host_add_sensors(struct jb_source *source,
                        const struct jb_host_new *thing, uint32_t *item,
                        struct jb_error *err)
{
    size_t first = source->count;

    for (uint32_t i = 0; i < thing->kind->width; i++) {
        int rc = add_grow_sensors(source, err);

        if (rc < 0) {
            source->count = first;
            return rc;
        }
        add_describe(thing, &thing->kind->rows[i],
                     &source->sensors[source->count]);
        source->items[source->count++] =
            (struct jb_host_item){ .group = thing->group, .state = JB_EABSENT };
    }
    *item = (uint32_t)first;
    return JB_OK;
}

int jb_host_add_thing(struct jb_source *source, const struct jb_host_new *thing,
                      const struct jb_host_thing *known, struct jb_error *err)
{
    struct jb_host_group *group = &source->groups[thing->group];
    void *things = group->things;
    uint32_t item = 0;
    int rc = jb_host_grow(&things, &group->room, group->count,
                          sizeof(*group->things), err);

    group->things = things;
    if (rc == JB_OK)
        rc = jb_host_add_sensors(source, thing, &item, err);
    if (rc < 0)
        return rc;
    group->things[group->count] = *known;
    group->things[group->count++].item = item;
    return JB_OK;
}

void jb_host_announce(struct jb_source *source, uint32_t at, int state,
                      const char *reason)
{
    struct jb_sensor *sensor = &source->sensors[at];
    struct jb_host_item *item = &source->items[at];

    item->state = state;
    if (state == JB_OK && sensor->state != JB_OK) {
        sensor->generation += item->announced;
        item->announced = true;
    }
    sensor->state = state;
    snprintf(sensor->reason, sizeof(sensor->reason), "%s",
             state == JB_OK ? "" : reason);
}
