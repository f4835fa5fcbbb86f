/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a format of recordings is: one const descriptor, one opaque state.
 *
 * A format is told either of every reading (add), or of the mean powers since
 * the last time (tick), as it is the way of the tools whose files it writes.
 * It turns them into text and knows neither files nor meters: the file is a
 * struct jb_recording, the arithmetic the core's.  What a format cannot say
 * is left out, never written as 0.
 */
#ifndef JB_FORMATS_FORMAT_H
#define JB_FORMATS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "core/curve.h"
#include "core/cut.h"
#include "core/meter.h"
#include "joulebook/error.h"
#include "joulebook/plugin/sensor.h"
#include "recording.h"

/* A sensor of the machine that is recorded; borrowed while the format is open.
 */
struct jb_format_sensor {
    const struct jb_sensor *about;
    const char *path; /* "powercap/intel-rapl:0" */
    bool metered;     /* it has a curve: energy or power of a domain */
};

/* A file system, as scaphandre lists them.  size and available are of sensors,
 * or -1 where none is known. */
struct jb_format_disk {
    char type[16]; /* "SSD", "HDD", or "" when it is not known */
    char *mount_point, *file_system, *device;
    bool removable;
    ptrdiff_t size, used;
};

/* All that is known before the first reading; borrowed while it is open. */
struct jb_format_setup {
    const struct jb_format_sensor *sensors;
    size_t sensor_count;
    const struct jb_format_disk *disks;
    size_t disk_count;
    struct jb_clockmap clock; /* taken when it begins */
    uint64_t interval_ns;
    unsigned decimals; /* of what is an integer otherwise */
};

/* One reading and what its meter made of it: see core/meter.h.  event is
 * JB_METER_REFUSED for sensors without a meter and readings without a value. */
struct jb_format_reading {
    size_t sensor;
    const struct jb_sample *sample;
    enum jb_meter_event event;
    const struct jb_knot *newest; /* of its meter, or NULL */
};

/* What one domain drew on average since the last tick, as far as it was seen.
 * Domains without a figure are not listed. */
struct jb_format_power {
    struct jb_domain domain;
    enum jb_provenance provenance;
    size_t sensor;
    uint64_t uw;
    uint64_t t_ns; /* of its last reading */
};

struct jb_format_tick {
    uint64_t begin_ns, end_ns;
    const struct jb_format_power *powers;
    size_t count;
};

struct jb_format_state; /* private to each format's .c file */

struct jb_format {
    const char *name;     /* as in --format */
    const char *ending;   /* of names that mean it, ".csv"; or NULL */
    const char *foot;     /* closes the file: see recording.h */
    uint64_t interval_ns; /* between rows when nobody says */

    /* Writes the head.  On success *out is owned by the caller, who gives it to
     * close; setup and file are borrowed until then.  JB_ENOMEM. */
    int (*open)(const struct jb_format_setup *setup, struct jb_recording *file,
                struct jb_format_state **out, struct jb_error *err);

    /* Takes a reading; cheap, allocates nothing. */
    void (*add)(struct jb_format_state *state,
                const struct jb_format_reading *reading);

    /* Writes what was used since the last tick, after all readings of it were
     * added; NULL: a format of single readings, which needs no ticks. */
    void (*tick)(struct jb_format_state *state,
                 const struct jb_format_tick *tick);

    /* Accepts NULL. */
    void (*close)(struct jb_format_state *state);
};

/* Every format that can be written; ends with NULL. */
extern const struct jb_format *const jb_formats[];

/* The same names for an option's choices; first "auto", which goes by the
 * file's ending, and "native", which is auto among our own.  Ends with NULL. */
extern const char *const jb_format_choices[];

/* The format of that name, or NULL. */
const struct jb_format *jb_format_find(const char *name);

/* The format that a file name's ending means, or NULL. */
const struct jb_format *jb_format_of_path(const char *path);

#endif
