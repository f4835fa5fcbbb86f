/* SPDX-License-Identifier: Apache-2.0 */
/* The state of an open perf source, shared by finding and reading. */
#ifndef JB_PERF_PERF_H
#define JB_PERF_PERF_H

#include <stdbool.h>

#include "core/cpuinfo.h"
#include "joulebook/plugin/source.h"
#include "pmu.h"

/* How sensor i of the source is read. */
struct jb_perf_meter {
    int fd; /* -1 while it cannot be read */
    uint32_t type;
    uint32_t cpu;
    struct jb_perf_config config;
    bool seen; /* by the scan that is running */
};

struct jb_source {
    const struct jb_env *env;
    struct jb_cpuinfo cpuinfo; /* empty where it cannot be read */
    struct jb_sensor *sensors;
    struct jb_perf_meter *meters; /* as many as sensors */
    size_t count, capacity;
};

/* Finds the meters anew: see rescan in plugin/source.h.  Fails only for want
 * of memory, of room, or of a readable CPU topology. */
JB_NODISCARD int jb_perf_scan(struct jb_source *source, struct jb_error *err);

/* One count.  JB_EABSENT when the event is gone with its CPU or driver. */
JB_NODISCARD int jb_perf_meter_read(const struct jb_perf_meter *meter,
                                    uint64_t *raw);

/* Opens meter->fd, or says in *err why not and what would help.  label is
 * how the event is called. */
JB_NODISCARD int jb_perf_meter_open(const struct jb_env *env, const char *label,
                                    struct jb_perf_meter *meter,
                                    struct jb_error *err);

/* Accepts a closed one. */
void jb_perf_meter_close(struct jb_perf_meter *meter);

#endif
