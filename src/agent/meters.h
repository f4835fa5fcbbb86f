/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meters behind a broker: a machine whose lanes read when somebody asks,
 * and the newest sample of each sensor.
 *
 * One reading of everything answers everybody who asked before it began.  The
 * lanes keep a meter that hangs from holding up the others, and nobody waits
 * for it: who asks for it gets what came since it asked last, or JB_EBUSY.
 *
 * Threads: one owner calls everything; samples come in from the lanes.
 */
#ifndef JB_AGENT_METERS_H
#define JB_AGENT_METERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/own.h"
#include "joulebook/plugin/source.h"
#include "wire/wire.h"

struct jb_meters;

struct jb_meters_config {
    const struct jb_env *env; /* borrowed while open */
    const struct jb_config *config;
    const char *sources; /* NULL: all */
    bool all;            /* also other quantities than energy and power */
};

/* Opens the machine's sources.  JB_EABSENT: there is nothing to serve;
 * JB_EUSAGE, JB_ENOMEM. */
JB_NODISCARD int jb_meters_open(const struct jb_meters_config *config,
                                struct jb_meters **out, struct jb_error *err);

/* Starts the lanes: from here on threads are running. */
JB_NODISCARD int jb_meters_start(struct jb_meters *meters,
                                 struct jb_error *err);

/* Accepts NULL. */
void jb_meters_close(struct jb_meters *meters);

/* What is served, by the numbers that clients use. */
const struct jb_wire_sensor *jb_meters_sensors(const struct jb_meters *meters,
                                               size_t *count);

/* Readable when samples came; jb_meters_hear() makes it quiet again. */
int jb_meters_fd(const struct jb_meters *meters);
void jb_meters_hear(struct jb_meters *meters);

/* Has everything read that is not being read for an earlier order anyway; does
 * not wait. */
void jb_meters_order(struct jb_meters *meters);

/* A question for readings that begin after since_ns. */
struct jb_reading {
    const uint32_t *which;
    size_t count;
    uint64_t since_ns;
    uint64_t seen; /* what the asker was told of last: see jb_meters_take() */
};

/* Until when it is worth waiting for what is missing; 0: all is there. */
uint64_t jb_meters_wait_ns(struct jb_meters *meters,
                           const struct jb_reading *reading);

/* Fills out[] with what there is.  A sensor that was not read since it was
 * asked for gives its newest sample if that came after `seen`, else JB_EBUSY.
 * Returns the `seen` of the asker's next question. */
uint64_t jb_meters_take(struct jb_meters *meters,
                        const struct jb_reading *reading, uint64_t now_ns,
                        struct jb_wire_sample *out);

#endif
