/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices a machine has, which sensors speak of them, and why others do
 * not. */
#include <string.h>

#include "core/names.h"
#include "inside.h"

/* Busy time moves in ticks: over less than this it says nothing. */
enum { FIND_BUSY_UPDATES = 2 };

/* What each metric is made of. */
static const uint32_t find_quantities[JB_METRIC_COUNT] = {
    [JB_METRIC_POWER] = 1 << JB_QUANTITY_ENERGY | 1 << JB_QUANTITY_POWER,
    [JB_METRIC_TEMPERATURE] = 1 << JB_QUANTITY_TEMPERATURE,
    [JB_METRIC_FREQUENCY] = 1 << JB_QUANTITY_FREQUENCY,
    [JB_METRIC_UTILIZATION] =
        1 << JB_QUANTITY_UTILIZATION | 1 << JB_QUANTITY_TIME,
};

uint32_t jb_devices_quantities(uint32_t metrics)
{
    uint32_t quantities = 0;

    for (int m = 0; m < JB_METRIC_COUNT; m++)
        if (metrics & 1U << m)
            quantities |= find_quantities[m];
    return quantities;
}

bool jb_devices_is_busy_time(const struct jb_sensor *sensor)
{
    return sensor->unit.quantity == JB_QUANTITY_TIME &&
           sensor->kind == JB_KIND_COUNTER;
}

/* The metric that a sensor gives besides power; JB_METRIC_COUNT for none. */
static int find_metric(const struct jb_sensor *sensor)
{
    bool single =
        sensor->kind == JB_KIND_SAMPLED || sensor->kind == JB_KIND_WINDOW_MEAN;

    for (int m = JB_METRIC_TEMPERATURE; m < JB_METRIC_COUNT; m++)
        if (find_quantities[m] & 1U << sensor->unit.quantity &&
            (single ? sensor->unit.quantity != JB_QUANTITY_TIME
                    : jb_devices_is_busy_time(sensor)))
            return m;
    return JB_METRIC_COUNT;
}

static size_t find_device(const struct jb_devices *devices,
                          const struct jb_domain *domain)
{
    for (size_t i = 0; i < devices->count; i++)
        if (jb_domain_equal(&devices->items[i].domain, domain))
            return i;
    return SIZE_MAX;
}

static bool find_wants(const struct jb_devices *devices,
                       const struct jb_sensor *sensor)
{
    return jb_devices_quantities(devices->metrics) &
           1U << sensor->unit.quantity;
}

static int find_compare(const void *a, const void *b)
{
    const struct jb_device *left = a;
    const struct jb_device *right = b;

    return jb_domain_compare(&left->domain, &right->domain);
}

/* Every domain of the kind that some usable sensor of a wanted metric names. */
static void find_items(struct jb_devices *devices, enum jb_domain_kind kind)
{
    size_t sensor_count;
    size_t domain_count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(devices->machine, &sensor_count);
    const struct jb_machine_domain *domains =
        jb_machine_domains(devices->machine, &domain_count);

    devices->count = 0;
    for (size_t i = 0; i < sensor_count; i++) {
        const struct jb_sensor *about = sensors[i].about;
        struct jb_device *item = &devices->items[devices->count];

        if (about->domain.kind != kind || sensors[i].why.status != JB_OK ||
            !find_wants(devices, about) ||
            find_device(devices, &about->domain) != SIZE_MAX)
            continue;
        *item = (struct jb_device){ .domain = about->domain, .account = -1 };
        jb_domain_name(&item->domain, item->name);
        devices->count++;
    }
    qsort(devices->items, devices->count, sizeof(*devices->items),
          find_compare);
    for (size_t i = 0; i < devices->count; i++)
        for (size_t d = 0; d < domain_count; d++)
            if (jb_domain_equal(&domains[d].domain, &devices->items[i].domain))
                devices->items[i].account = (ptrdiff_t)d;
}

/* Busy time of a CPU counts as capacity of the package that it is in. */
static bool find_is_part(const struct jb_devices *devices,
                         const struct jb_sensor *sensor)
{
    if (sensor->domain.kind != JB_DOMAIN_NONE ||
        !jb_devices_is_busy_time(sensor))
        return false;
    for (size_t i = 0; i < devices->count; i++)
        if (devices->items[i].domain.kind == JB_DOMAIN_PACKAGE &&
            devices->items[i].domain.index == sensor->domain.index)
            return true;
    return false;
}

static void find_add_slot(struct jb_devices *devices,
                          const struct jb_machine_sensor *sensors, size_t i)
{
    const struct jb_sensor *about = sensors[i].about;
    int metric = find_metric(about);
    struct jb_devices_slot slot = { .sensor = i };
    size_t at = devices->slot_count;

    slot.device = about->domain.kind == JB_DOMAIN_NONE
                      ? SIZE_MAX
                      : find_device(devices, &about->domain);
    if (metric == JB_METRIC_COUNT || !(devices->metrics & 1U << metric) ||
        (slot.device == SIZE_MAX && !find_is_part(devices, about)))
        return;
    slot.metric = (enum jb_metric)metric;
    if (jb_devices_is_busy_time(about))
        slot.shortest_ns = FIND_BUSY_UPDATES * about->update_ns;
    for (; at > 0 && sensors[devices->slots[at - 1].sensor].preference <
                         sensors[i].preference;
         at--)
        devices->slots[at] = devices->slots[at - 1];
    devices->slots[at] = slot;
    devices->slot_count++;
}

static void find_slots(struct jb_devices *devices)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(devices->machine, &count);

    devices->slot_count = 0;
    for (size_t i = 0; i < count; i++) {
        devices->slot_of[i] = SIZE_MAX;
        if (sensors[i].why.status == JB_OK)
            find_add_slot(devices, sensors, i);
    }
    for (size_t k = 0; k < devices->slot_count; k++)
        devices->slot_of[devices->slots[k].sensor] = k;
}

static bool find_has(const struct jb_devices *devices, enum jb_metric metric)
{
    size_t count;
    const struct jb_machine_domain *domains =
        jb_machine_domains(devices->machine, &count);

    for (size_t k = 0; k < devices->slot_count; k++)
        if (devices->slots[k].metric == metric &&
            devices->slots[k].device != SIZE_MAX)
            return true;
    for (size_t i = 0; metric == JB_METRIC_POWER && i < devices->count; i++) {
        ptrdiff_t account = devices->items[i].account;

        if (account >= 0 && domains[account].chosen >= 0)
            return true;
    }
    return false;
}

static void find_explain(const struct jb_devices *devices,
                         enum jb_domain_kind kind, enum jb_metric metric,
                         struct jb_error *out)
{
    char stem[JB_DOMAIN_NAME_MAX];
    char what[2 * JB_DOMAIN_NAME_MAX];

    jb_domain_name(&(struct jb_domain){ kind, 0, JB_NO_DIE }, stem);
    stem[strcspn(stem, "-")] = '\0';
    snprintf(what, sizeof(what), "no %s of any %s", jb_metric_name(metric),
             stem);
    jb_machine_explain(devices->machine, kind, find_quantities[metric], what,
                       out);
}

int jb_devices_find(struct jb_devices *devices,
                    const enum jb_domain_kind *kinds, struct jb_error *err)
{
    bool found = false;

    for (const enum jb_domain_kind *kind = kinds;
         !found && *kind != JB_DOMAIN_NONE; kind++) {
        find_items(devices, *kind);
        find_slots(devices);
        for (int m = 0; m < JB_METRIC_COUNT; m++) {
            struct jb_error *status = &devices->status[m];
            bool wanted = devices->metrics & 1U << m;
            bool has = wanted && find_has(devices, (enum jb_metric)m);

            /* What the first kind lacks is worth more words. */
            if (wanted && !has && kind == kinds)
                find_explain(devices, *kind, (enum jb_metric)m, status);
            if (has)
                *status = (struct jb_error){ .status = JB_OK };
            found |= has;
        }
    }
    for (int m = 0; !found && m < JB_METRIC_COUNT; m++)
        if (devices->metrics & 1U << m) {
            if (err)
                *err = devices->status[m];
            return devices->status[m].status;
        }
    return JB_OK;
}
