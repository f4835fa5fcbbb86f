/* SPDX-License-Identifier: Apache-2.0 */
/* Sensors that another process reads for us, and those that they stand for. */
#include <string.h>

#include "inside.h"

static bool relay_is_one(const struct jb_machine *machine,
                         const struct jb_machine_sensor *sensor)
{
    const struct jb_machine_source *source = &machine->sources[sensor->source];

    return source->desc->flags & JB_SOURCE_RELAY;
}

/* The sensor of this machine whose path is the relayed one's name, or -1. */
static ptrdiff_t relay_find_direct(const struct jb_machine *machine,
                                   const char *path)
{
    for (size_t i = 0; i < machine->sensor_count; i++) {
        const struct jb_machine_sensor *sensor = &machine->sensors[i];
        const char *source = machine->sources[sensor->source].name;
        size_t length = strlen(source);

        if (!relay_is_one(machine, sensor) &&
            strncmp(path, source, length) == 0 && path[length] == '/' &&
            strcmp(path + length + 1, sensor->about->name) == 0)
            return (ptrdiff_t)i;
    }
    return -1;
}

/* There is nothing left to mend. */
static void relay_stand_in(struct jb_machine *machine, size_t direct,
                           size_t relay)
{
    struct jb_machine_sensor *sensor = &machine->sensors[direct];
    char text[JB_ERROR_TEXT_MAX];
    char path[JB_SENSOR_PATH_MAX];

    memcpy(text, sensor->why.text, sizeof(text));
    jb_fail(&sensor->why, sensor->why.status, "%.120s; %.100s is used instead",
            text, jb_machine_sensor_path(machine, relay, path));
    sensor->relay = (ptrdiff_t)relay;
}

void jb_machine_match_relays(struct jb_machine *machine)
{
    for (size_t i = 0; i < machine->sensor_count; i++) {
        struct jb_machine_sensor *sensor = &machine->sensors[i];
        ptrdiff_t direct;

        if (!relay_is_one(machine, sensor))
            continue;
        direct = relay_find_direct(machine, sensor->about->name);
        if (direct < 0)
            continue;
        if (machine->sensors[direct].why.status == JB_OK)
            jb_fail(&sensor->why, JB_EREFUSED,
                    "not needed: %s can be read "
                    "directly",
                    sensor->about->name);
        else if (sensor->why.status == JB_OK)
            relay_stand_in(machine, (size_t)direct, i);
    }
}
