/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share; nobody else includes it. */
#ifndef JB_THERMAL_INSIDE_H
#define JB_THERMAL_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attribute.h"
#include "base/file.h"
#include "core/topology.h"
#include "joulebook/plugin/source.h"

enum {
    JB_THERMAL_TYPE_MAX = 48,
    JB_THERMAL_SENSORS_MAX = 65536,
    JB_THERMAL_ENDPOINT_CPUS = 0, /* a zone's is 1 and up */
};

/* Behind sensor i. */
struct jb_thermal_input {
    struct jb_attribute value;
    char *guard;                    /* of a zone: file of its type, or NULL */
    char type[JB_THERMAL_TYPE_MAX]; /* as it was read */
    int64_t lowest, highest;        /* counts that can be true */
};

struct jb_source {
    const struct jb_env *env;
    struct jb_sensor *sensors;
    struct jb_thermal_input *inputs;
    size_t count, room;
    const struct jb_topology *topology; /* while it is opened; may be NULL */
};

/* Appends a sensor with what all of them have in common; the pointers are
 * valid until the next call. */
JB_NODISCARD int jb_thermal_append(struct jb_source *source,
                                   struct jb_sensor **sensor,
                                   struct jb_thermal_input **input,
                                   struct jb_error *err);

/* State, reason and fix of a sensor from an error. */
void jb_thermal_give_up(struct jb_sensor *sensor, const struct jb_error *err);

/* The zones below <sysfs>/class/thermal.  JB_ENOMEM, JB_ELIMIT. */
JB_NODISCARD int jb_thermal_find_zones(struct jb_source *source,
                                       struct jb_error *err);

/* What each core and each package counted of being held back. */
JB_NODISCARD int jb_thermal_find_throttles(struct jb_source *source,
                                           struct jb_error *err);

/* The number behind stem in the name of a directory entry, -1 for others. */
int32_t jb_thermal_number(const char *name, const char *stem);

#endif
