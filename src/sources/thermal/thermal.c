/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thermal zones, and how often the CPUs were held back.
 *
 * Why beside hwmon: small machines have zones and no hwmon chips, and a drop
 * of power that was throttling must not be taken for a saving.
 */
#include "inside.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

enum { THERMAL_FIRST_ROOM = 16 };

static void thermal_close(struct jb_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->count; i++) {
        jb_attribute_close(&source->inputs[i].value);
        free(source->inputs[i].guard);
    }
    free(source->inputs);
    free(source->sensors);
    free(source);
}

int32_t jb_thermal_number(const char *name, const char *stem)
{
    size_t length = strlen(stem);
    uint64_t number;

    if (strncmp(name, stem, length) != 0 ||
        !jb_text_u64(name + length, strlen(name + length), &number) ||
        number > JB_TOPOLOGY_CPU_MAX)
        return -1;
    return (int32_t)number;
}

static int thermal_grow(struct jb_source *source, struct jb_error *err)
{
    size_t room = source->room ? 2 * source->room : THERMAL_FIRST_ROOM;
    void *grown;

    if (source->count < source->room)
        return JB_OK;
    if (source->count >= JB_THERMAL_SENSORS_MAX)
        return jb_fail(err, JB_ELIMIT, "more than %d thermal sensors",
                       JB_THERMAL_SENSORS_MAX);
    grown = reallocarray(source->sensors, room, sizeof(*source->sensors));
    if (!grown)
        return jb_fail(err, JB_ENOMEM, "%zu thermal sensors", room);
    source->sensors = grown;
    grown = reallocarray(source->inputs, room, sizeof(*source->inputs));
    if (!grown)
        return jb_fail(err, JB_ENOMEM, "%zu thermal sensors", room);
    source->inputs = grown;
    source->room = room;
    return JB_OK;
}

int jb_thermal_append(struct jb_source *source, struct jb_sensor **sensor,
                      struct jb_thermal_input **input, struct jb_error *err)
{
    int rc = thermal_grow(source, err);

    if (rc < 0)
        return rc;
    *sensor = &source->sensors[source->count];
    *input = &source->inputs[source->count++];
    **sensor = (struct jb_sensor){
        .domain.die = JB_NO_DIE,
        .provenance = JB_MEASURED,
        .pmax_from = JB_BOUND_GUESSED,
        .quantum = 1,
    };
    **input = (struct jb_thermal_input){ .value.fd = -1, .highest = INT64_MAX };
    return JB_OK;
}

void jb_thermal_give_up(struct jb_sensor *sensor, const struct jb_error *err)
{
    sensor->state = err->status;
    snprintf(sensor->reason, sizeof(sensor->reason), "%s", err->text);
    snprintf(sensor->fix, sizeof(sensor->fix), "%s", err->fix);
}

static int thermal_find(struct jb_source *source, struct jb_error *err)
{
    struct jb_topology *topology = NULL;
    int rc = jb_topology_read(source->env->roots->sysfs, &topology, err);

    if (rc == JB_ENOMEM)
        return rc;
    source->topology = topology;
    rc = jb_thermal_find_zones(source, err);
    if (rc == JB_OK)
        rc = jb_thermal_find_throttles(source, err);
    source->topology = NULL;
    jb_topology_free(topology);
    if (rc == JB_OK && source->count == 0)
        rc = jb_fail(err, JB_EABSENT,
                     "no zone in %s/class/thermal, and no thermal_throttle of "
                     "a CPU",
                     source->env->roots->sysfs);
    return rc;
}

static int thermal_open(const struct jb_env *env, const void *options,
                        struct jb_source **out, struct jb_error *err)
{
    struct jb_source *source = calloc(1, sizeof(*source));
    int rc;

    (void)options;
    if (!source)
        return jb_fail(err, JB_ENOMEM, "thermal");
    source->env = env;
    rc = thermal_find(source, err);
    if (rc < 0) {
        thermal_close(source);
        return rc;
    }
    *out = source;
    return JB_OK;
}

static const struct jb_sensor *thermal_sensors(const struct jb_source *source,
                                               size_t *count)
{
    *count = source->count;
    return source->sensors;
}

static int thermal_read(struct jb_thermal_input *input, uint64_t now_ns,
                        int64_t *count)
{
    const struct jb_guard guard = { input->guard, input->type };
    int rc = jb_attribute_read_i64(&input->value, input->guard ? &guard : NULL,
                                   now_ns, count);

    if (rc == JB_OK && (*count < input->lowest || *count > input->highest))
        rc = JB_EIMPLAUSIBLE;
    return rc;
}

static void thermal_sample(struct jb_source *source, const uint32_t *which,
                           size_t count, struct jb_sample *out)
{
    uint64_t before_ns = jb_clock_now_ns(source->env->clock);
    uint64_t after_ns;

    for (size_t i = 0; i < count; i++) {
        struct jb_thermal_input *input = &source->inputs[which[i]];
        int64_t raw = 0;
        int rc = source->sensors[which[i]].state;

        if (rc == JB_OK)
            rc = thermal_read(input, before_ns, &raw);
        after_ns = jb_clock_now_ns(source->env->clock);
        out[i] = (struct jb_sample){
            .sensor = which[i],
            .generation = input->value.generation,
            .raw = rc == JB_OK ? (uint64_t)raw : 0,
            .t0_ns = before_ns,
            .t1_ns = after_ns,
            .state = rc,
        };
        before_ns = after_ns;
    }
}

const struct jb_source_desc jb_source_thermal = {
    .name = "thermal",
    .summary = "Thermal zones, and how often CPUs were throttled",
    .quantities = 1 << JB_QUANTITY_TEMPERATURE | 1 << JB_QUANTITY_COUNT |
                  1 << JB_QUANTITY_TIME,
    .open = thermal_open,
    .sensors = thermal_sensors,
    .sample = thermal_sample,
    .close = thermal_close,
};
