/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source is: one const descriptor, one opaque state, five calls.
 *
 * A source finds the meters of one kind and reads them.  It does no arithmetic
 * on what it read, keeps no clock of its own and prints nothing.  Meters that
 * are not there, or may not be read, are a normal answer with a reason and a
 * fix, because that is what most machines will say.
 *
 * Threads: open, sensors, rescan and close are called by one thread while
 * nothing samples.  sample may run on several threads at once, but never twice
 * at once for the same endpoint.
 */
#ifndef JOULEBOOK_PLUGIN_SOURCE_H
#define JOULEBOOK_PLUGIN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"
#include "joulebook/plugin/option.h"
#include "joulebook/plugin/sensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the kernel's trees are: the real ones, recorded ones, virtual ones.
 * Borrowed strings, absolute or relative, without a trailing slash. */
struct jb_roots {
    const char *sysfs;    /* "/sys" */
    const char *procfs;   /* "/proc" */
    const char *cgroupfs; /* "/sys/fs/cgroup" */
    const char *devfs;    /* "/dev" */
};

/* Monotonic time that goes on during suspend: CLOCK_BOOTTIME, or a test's. */
struct jb_clock {
    uint64_t (*now_ns)(void *context);
    void *context;
};

static inline uint64_t jb_clock_now_ns(const struct jb_clock *clock)
{
    return clock->now_ns(clock->context);
}

/* Borrowed for as long as the source is open. */
struct jb_env {
    const struct jb_roots *roots;
    const struct jb_clock *clock;
    bool live; /* sysfs is this kernel's own: perf, netlink, BPF may be used */
};

/* What a source is to the others of its machine. */
enum jb_source_flag {
    /* It passes on what another process reads, under the names that a machine
     * gives ("powercap/intel-rapl:0"): each of its sensors is used only while
     * the one of that name cannot be read directly. */
    JB_SOURCE_RELAY = 1 << 0,
};

struct jb_source; /* private to each source's .c file */

struct jb_source_desc {
    const char *name;    /* [a-z0-9_], unique, also the configuration section */
    const char *summary; /* one line for `joulebook list` */
    const struct jb_option *options; /* ends with a NULL name; may be NULL */
    size_t options_size;             /* of the struct that options fill */
    uint32_t quantities; /* 1 << enum jb_quantity, for each that it can give:
                            who wants none of them does not open it */
    uint32_t flags;      /* enum jb_source_flag */

    /* Mandatory.  Finds the meters and keeps descriptors open.  JB_EABSENT:
     * not on this machine; JB_EDENIED: there, but nothing of it may be read;
     * JB_EREFUSED: a live meter on a recorded tree.  err gets reason and fix.
     * A source of which some sensors cannot be read opens, and those sensors
     * say why.  On success *out belongs to the caller; else it is untouched. */
    int (*open)(const struct jb_env *env, const void *options,
                struct jb_source **out, struct jb_error *err);

    /* Mandatory.  All sensors, readable or not; the array is the source's. */
    const struct jb_sensor *(*sensors)(const struct jb_source *source,
                                       size_t *count);

    /* Optional.  Looks again for what was plugged or reloaded; indexes of known
     * sensors stay, what left becomes JB_EABSENT, what came back gets
     * generation + 1, what is new is appended. */
    int (*rescan)(struct jb_source *source, struct jb_error *err);

    /* Mandatory.  Fills out[i] for sensor which[i], one for one.  Trouble with
     * a sensor is in its sample's state.  No allocation, no formatting; no
     * blocking unless the sensor is marked JB_SENSOR_MAY_BLOCK. */
    void (*sample)(struct jb_source *source, const uint32_t *which,
                   size_t count, struct jb_sample *out);

    /* Mandatory.  Accepts NULL. */
    void (*close)(struct jb_source *source);
};

/* One option of one source, as the command line gives it. */
struct jb_source_setting {
    const char *source, *option, *value;
};

/* Generated from the lists in src/sources/CMakeLists.txt; end with NULL: the
 * sources that are built in, the names of those in modules/<name>.so, and of
 * those there that measure nothing of this machine and are looked at only when
 * somebody names them. */
extern const struct jb_source_desc *const jb_sources[];
extern const char *const jb_module_sources[];
extern const char *const jb_request_sources[];

#ifdef __cplusplus
}
#endif

#endif
