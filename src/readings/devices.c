/* SPDX-License-Identifier: Apache-2.0 */
#include "devices.h"

#include <string.h>

#include "base/clock.h"
#include "core/unit.h"
#include "inside.h"

enum { DEVICES_PERCENT = 100 };

/* How long the first readings are waited for. */
static const uint64_t devices_first_ns = JB_NS_PER_S / 2;

/* What no device on the market says of itself when it is in order, in
 * millionths of the unit that stands at enum jb_metric. */
static const struct devices_bounds {
    int64_t low, high;
} devices_bounds[JB_METRIC_COUNT] = {
    [JB_METRIC_POWER] = { 0, INT64_MAX },
    [JB_METRIC_TEMPERATURE] = { -55000000, 150000000 },
    [JB_METRIC_FREQUENCY] = { 1, 10000000 },
    [JB_METRIC_UTILIZATION] = { 0, (int64_t)DEVICES_PERCENT * 1000000 },
};

static void devices_release(struct jb_devices *devices)
{
    free(devices->items);
    free(devices->slots);
    free(devices->slot_of);
    free(devices->from);
    free(devices->to);
    free(devices->rows);
    pthread_mutex_destroy(&devices->lock);
    free(devices);
}

static int devices_allocate(struct jb_devices *devices, struct jb_error *err)
{
    size_t sensors;
    size_t domains;

    jb_machine_sensors(devices->machine, &sensors);
    jb_machine_domains(devices->machine, &domains);
    devices->items = calloc(sensors + 1, sizeof(*devices->items));
    devices->slots = calloc(sensors + 1, sizeof(*devices->slots));
    devices->slot_of = calloc(sensors + 1, sizeof(*devices->slot_of));
    devices->from = calloc(sensors + 1, sizeof(*devices->from));
    devices->to = calloc(sensors + 1, sizeof(*devices->to));
    devices->rows = calloc(domains + 1, sizeof(*devices->rows));
    if (!devices->items || !devices->slots || !devices->slot_of ||
        !devices->from || !devices->to || !devices->rows)
        return jb_fail(err, JB_ENOMEM, "devices of %zu sensors", sensors);
    return JB_OK;
}

int jb_devices_open(struct jb_machine *machine,
                    const struct jb_devices_config *config,
                    struct jb_devices **out, struct jb_error *err)
{
    struct jb_devices *devices = calloc(1, sizeof(*devices));
    int rc;

    if (!devices)
        return jb_fail(err, JB_ENOMEM, "devices of a machine");
    devices->machine = machine;
    devices->metrics = config->metrics;
    pthread_mutex_init(&devices->lock, NULL);
    rc = devices_allocate(devices, err);
    if (rc == JB_OK)
        rc = jb_devices_find(devices, config->kinds, err);
    if (rc < 0) {
        devices_release(devices);
        return rc;
    }
    *out = devices;
    return JB_OK;
}

void jb_devices_close(struct jb_devices *devices)
{
    if (devices)
        devices_release(devices);
}

size_t jb_devices_count(const struct jb_devices *devices)
{
    return devices->count;
}

const char *jb_devices_name(const struct jb_devices *devices, size_t device)
{
    return devices->items[device].name;
}

/* The sensor whose energy is the device's, or -1. */
static ptrdiff_t devices_chosen(const struct jb_devices *devices, size_t device)
{
    size_t count;
    const struct jb_machine_domain *domains =
        jb_machine_domains(devices->machine, &count);
    ptrdiff_t account = devices->items[device].account;

    if (account < 0 || !(devices->metrics & JB_METRICS_POWER))
        return -1;
    return domains[account].chosen;
}

const char *jb_devices_source(const struct jb_devices *devices, size_t device)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(devices->machine, &count);
    ptrdiff_t sensor = devices_chosen(devices, device);

    for (size_t k = 0; sensor < 0 && k < devices->slot_count; k++)
        if (devices->slots[k].device == device)
            sensor = (ptrdiff_t)devices->slots[k].sensor;
    return sensor < 0 ? ""
                      : jb_machine_sources(devices->machine,
                                           &count)[sensors[sensor].source]
                            .name;
}

int jb_devices_status(const struct jb_devices *devices, enum jb_metric metric,
                      struct jb_error *err)
{
    if (err)
        *err = devices->status[metric];
    return devices->status[metric].status;
}

static void devices_take(void *context, const struct jb_machine_news *news,
                         size_t count)
{
    struct jb_devices *devices = context;

    pthread_mutex_lock(&devices->lock);
    for (size_t i = 0; i < count; i++) {
        size_t at = devices->slot_of[news[i].sensor];

        if (at == SIZE_MAX)
            continue;
        devices->slots[at].now = *news[i].sample;
        devices->slots[at].fresh = news[i].sample->state == JB_OK;
    }
    pthread_mutex_unlock(&devices->lock);
}

static bool devices_wants(void *context, size_t sensor)
{
    const struct jb_devices *devices = context;

    for (size_t i = 0; i < devices->count; i++)
        if (devices_chosen(devices, i) == (ptrdiff_t)sensor)
            return true;
    return devices->slot_of[sensor] != SIZE_MAX;
}

static uint64_t devices_middle_ns(const struct jb_sample *sample)
{
    return sample->t0_ns + (sample->t1_ns - sample->t0_ns) / 2;
}

/* Time between a slot's two readings. */
static uint64_t devices_span_ns(const struct jb_devices_slot *slot)
{
    uint64_t from = devices_middle_ns(&slot->before);
    uint64_t to = devices_middle_ns(&slot->now);

    return to > from ? to - from : 0;
}

/* A metric that was not told is not there for this interval.  What was too
 * short for a difference goes on. */
static void devices_next_slots(struct jb_devices *devices)
{
    for (size_t k = 0; k < devices->slot_count; k++) {
        struct jb_devices_slot *slot = &devices->slots[k];

        if (slot->fresh &&
            (!slot->anchored || devices_span_ns(slot) >= slot->shortest_ns)) {
            slot->before = slot->now;
            slot->anchored = true;
        }
        slot->fresh = false;
    }
}

int jb_devices_watch(struct jb_devices *devices, struct jb_error *err)
{
    struct jb_machine_watch watch = { .scope = JB_WATCH_SELECTED,
                                      .listener = devices_take,
                                      .wants = devices_wants,
                                      .context = devices };
    int rc = jb_machine_watch(devices->machine, &watch, err);

    if (rc == JB_OK)
        rc = jb_machine_start(devices->machine, err);
    if (rc < 0)
        return rc;
    devices->max_gap_ns = jb_machine_max_gap_ns(devices->machine);
    jb_machine_cut(devices->machine, devices_first_ns);
    jb_machine_mark(devices->machine, devices->from);
    pthread_mutex_lock(&devices->lock);
    devices_next_slots(devices);
    pthread_mutex_unlock(&devices->lock);
    return JB_OK;
}

uint64_t jb_devices_max_gap_ns(const struct jb_devices *devices)
{
    return devices->max_gap_ns;
}

void jb_devices_look(struct jb_devices *devices, uint64_t wait_ns)
{
    jb_machine_cut(devices->machine, wait_ns);
}

/* Takes a value into the reading unless it cannot be. */
static bool devices_put(struct jb_reading *reading, enum jb_metric metric,
                        int64_t micro, enum jb_provenance provenance)
{
    if (micro < devices_bounds[metric].low ||
        micro > devices_bounds[metric].high)
        return false;
    reading->present |= 1U << metric;
    reading->micro[metric] = micro;
    reading->provenance[metric] = provenance;
    return true;
}

static void devices_put_power(const struct jb_interval *row,
                              struct jb_reading *reading)
{
    if (row->why.status == JB_OK && row->span.seen_ns > 0)
        devices_put(reading, JB_METRIC_POWER, (int64_t)row->average_uw,
                    row->provenance);
}

/* How many CPUs there were to be busy in this package. */
static uint64_t devices_capacity(const struct jb_devices *devices,
                                 const struct jb_machine_sensor *busy)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(devices->machine, &count);
    uint64_t capacity = 0;

    for (size_t k = 0; k < devices->slot_count; k++) {
        const struct jb_devices_slot *slot = &devices->slots[k];
        const struct jb_machine_sensor *part = &sensors[slot->sensor];

        capacity += slot->device == SIZE_MAX && slot->fresh &&
                    part->source == busy->source &&
                    part->about->domain.index == busy->about->domain.index;
    }
    return capacity;
}

/* Busy time over what there was; ticks may make it a little more than all. */
static bool devices_put_busy(const struct jb_devices *devices,
                             const struct jb_devices_slot *slot,
                             const struct jb_machine_sensor *sensor,
                             struct jb_reading *reading)
{
    uint64_t span_ns = devices_span_ns(slot);
    uint64_t capacity = devices_capacity(devices, sensor);
    struct jb_energy from;
    struct jb_energy to;
    double share;

    if (!slot->anchored || slot->now.generation != slot->before.generation ||
        span_ns == 0 || span_ns < slot->shortest_ns || capacity == 0 ||
        jb_sensor_value(sensor->about, slot->before.raw, &from) < 0 ||
        jb_sensor_value(sensor->about, slot->now.raw, &to) < 0 ||
        to.uj < from.uj)
        return false;
    share = (double)(to.uj - from.uj) * JB_NS_PER_US /
            ((double)span_ns * (double)capacity);
    if (share > 1.0)
        share = 1.0;
    return devices_put(reading, JB_METRIC_UTILIZATION,
                       (int64_t)(share * DEVICES_PERCENT * 1e6), JB_DERIVED);
}

static bool devices_put_value(const struct jb_devices_slot *slot,
                              const struct jb_sensor *about,
                              struct jb_reading *reading)
{
    struct jb_energy value;
    int64_t micro;

    if (jb_sensor_value(about, slot->now.raw, &value) < 0)
        return false;
    micro = value.uj;
    if (slot->metric == JB_METRIC_FREQUENCY)
        micro /= JB_NS_PER_S; /* Hz to GHz */
    else if (slot->metric == JB_METRIC_UTILIZATION &&
             micro <= INT64_MAX / DEVICES_PERCENT)
        micro *= DEVICES_PERCENT;
    return devices_put(reading, slot->metric, micro, about->provenance);
}

/* Slots are in the order of preference: the first that is in order counts. */
static void devices_put_slots(const struct jb_devices *devices, size_t device,
                              struct jb_reading *reading)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(devices->machine, &count);

    for (size_t k = 0; k < devices->slot_count; k++) {
        const struct jb_devices_slot *slot = &devices->slots[k];
        const struct jb_machine_sensor *sensor = &sensors[slot->sensor];

        if (slot->device != device || !slot->fresh ||
            reading->present & 1U << slot->metric)
            continue;
        if (jb_devices_is_busy_time(sensor->about))
            (void)devices_put_busy(devices, slot, sensor, reading);
        else
            (void)devices_put_value(slot, sensor->about, reading);
    }
}

/* A counter that did not move yet keeps its interval open. */
static void devices_next_marks(struct jb_devices *devices)
{
    size_t sensors;
    size_t domains;

    jb_machine_sensors(devices->machine, &sensors);
    jb_machine_domains(devices->machine, &domains);
    for (size_t d = 0; d < domains; d++) {
        const struct jb_interval *row = &devices->rows[d];

        if (row->why.status == JB_ELIMIT && row->sensor >= 0)
            devices->to[row->sensor] = devices->from[row->sensor];
    }
    memcpy(devices->from, devices->to, sensors * sizeof(*devices->from));
}

/* Why a device has nothing to say; what only takes more time comes last. */
static void devices_explain(const struct jb_devices *devices,
                            const struct jb_device *device,
                            struct jb_error *why)
{
    const struct jb_interval *row =
        device->account >= 0 && devices->metrics & JB_METRICS_POWER
            ? &devices->rows[device->account]
            : NULL;

    if (why->status != JB_OK && why->status != JB_ELIMIT)
        return;
    if (row && row->why.status != JB_OK) {
        jb_fail(why, row->why.status, "%s: %s", device->name, row->why.text);
        jb_error_set_fix(why, "%s", row->why.fix);
    } else {
        jb_fail(why, JB_EBUSY, "%s: no sensor answered in this interval",
                device->name);
    }
}

size_t jb_devices_cut(struct jb_devices *devices, uint64_t wait_ns,
                      struct jb_reading *out, struct jb_error *why)
{
    struct jb_error trouble = { .status = JB_OK };
    size_t count = 0;

    jb_machine_cut(devices->machine, wait_ns);
    jb_machine_mark(devices->machine, devices->to);
    jb_machine_interval(devices->machine, devices->from, devices->to,
                        devices->rows);
    pthread_mutex_lock(&devices->lock);
    for (size_t i = 0; i < devices->count; i++) {
        struct jb_reading reading = { .device = devices->items[i].name };

        if (devices_chosen(devices, i) >= 0)
            devices_put_power(&devices->rows[devices->items[i].account],
                              &reading);
        devices_put_slots(devices, i, &reading);
        if (reading.present)
            out[count++] = reading;
        else
            devices_explain(devices, &devices->items[i], &trouble);
    }
    devices_next_slots(devices);
    pthread_mutex_unlock(&devices->lock);
    devices_next_marks(devices);
    if (count == 0 && why)
        *why = trouble;
    return count;
}
