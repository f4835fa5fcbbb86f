/* SPDX-License-Identifier: Apache-2.0 */
/* The state of an open perf source, shared by finding and reading. */
#ifndef JB_PERF_PERF_H
#define JB_PERF_PERF_H

#include <stdbool.h>

#include "core/cpuinfo.h"
#include "joulebook/plugin/source.h"
#include "pmu/meter.h"
#include "pmu/pmu.h"

struct jb_source {
    const struct jb_env *env;
    struct jb_cpuinfo cpuinfo; /* empty where it cannot be read */
    struct jb_sensor *sensors;
    struct jb_perf_meter *meters; /* meters[i] reads sensors[i] */
    size_t count, capacity;
};

/* Finds the meters anew: see rescan in plugin/source.h.  Fails only for want
 * of memory, of room, or of a readable CPU topology. */
JB_NODISCARD int jb_perf_scan(struct jb_source *source, struct jb_error *err);

#endif
