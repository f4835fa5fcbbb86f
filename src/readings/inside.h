/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share; nobody else includes it. */
#ifndef JB_READINGS_INSIDE_H
#define JB_READINGS_INSIDE_H

#include <pthread.h>

#include "devices.h"
#include "machine/interval.h"

/* A sensor that is no meter: what it said last, and in the interval before. */
struct jb_devices_slot {
    size_t sensor;
    size_t device;         /* SIZE_MAX: a part of some device */
    enum jb_metric metric; /* that it gives */
    uint64_t shortest_ns;  /* that a difference of two readings needs; or 0 */
    bool fresh;            /* read since the last cut */
    bool anchored;         /* before is a reading */
    struct jb_sample now, before;
};

struct jb_device {
    struct jb_domain domain;
    char name[JB_DOMAIN_NAME_MAX];
    ptrdiff_t account; /* index among the machine's domains, or -1 */
};

struct jb_devices {
    struct jb_machine *machine;
    uint32_t metrics;
    struct jb_device *items;
    size_t count;

    pthread_mutex_t lock;          /* guards the slots while lanes run */
    struct jb_devices_slot *slots; /* best first */
    size_t slot_count;
    size_t *slot_of; /* by sensor; SIZE_MAX for those that have none */

    struct jb_knot *from, *to; /* per sensor: the interval's ends */
    struct jb_interval *rows;  /* per domain */
    uint64_t max_gap_ns;
    struct jb_error status[JB_METRIC_COUNT];
};

/* Fills items, slots and status; see find.c. */
JB_NODISCARD int jb_devices_find(struct jb_devices *devices,
                                 const enum jb_domain_kind *kinds,
                                 struct jb_error *err);

/* True for a counter of time: how long the thing was busy. */
bool jb_devices_is_busy_time(const struct jb_sensor *sensor);

#endif
