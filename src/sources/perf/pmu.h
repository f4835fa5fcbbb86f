/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One PMU as <sysfs>/bus/event_source/devices/<name> describes it.
 *
 * Read at open and rescan only; nothing here is kept open.
 */
#ifndef JB_PERF_PMU_H
#define JB_PERF_PMU_H

#include <stdint.h>

#include "base/file.h"
#include "event.h"
#include "joulebook/error.h"

struct jb_perf_pmu {
    char path[JB_PATH_MAX];
    uint32_t type; /* for perf_event_attr.type */
    uint32_t *cpus;
    size_t cpu_count;
};

/* What an event counts, in micro-joules per count. */
struct jb_perf_event {
    struct jb_perf_config config;
    uint64_t num, den;
};

/* JB_EABSENT: no such PMU, or no driver for it; JB_EFORMAT: type or cpumask
 * are malformed or the mask is empty.  On success release *out. */
JB_NODISCARD int jb_perf_pmu_init(const char *sysfs, const char *name,
                                  struct jb_perf_pmu *out,
                                  struct jb_error *err);
void jb_perf_pmu_release(struct jb_perf_pmu *pmu);

/* JB_EABSENT: this PMU has no such event; JB_EFORMAT: event, scale or unit
 * are malformed or missing; JB_EIMPLAUSIBLE: it does not count joules. */
JB_NODISCARD int jb_perf_pmu_event(const struct jb_perf_pmu *pmu,
                                   const char *name, struct jb_perf_event *out,
                                   struct jb_error *err);

#endif
