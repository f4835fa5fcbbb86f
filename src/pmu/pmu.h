/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One PMU as <sysfs>/bus/event_source/devices/<name> describes it.
 *
 * Read at open and rescan only; nothing here is kept open.
 */
#ifndef JB_PMU_PMU_H
#define JB_PMU_PMU_H

#include <stdint.h>

#include "base/file.h"
#include "event.h"
#include "joulebook/error.h"

struct jb_perf_pmu {
    char path[JB_PATH_MAX];
    uint32_t type;    /* for perf_event_attr.type */
    uint32_t *cpus;   /* where it wants to be counted: one of each package */
    size_t cpu_count; /* 0: it names none, every CPU counts for itself */
};

/* What an event counts, in micro-joules per count. */
struct jb_perf_event {
    struct jb_perf_config config;
    uint64_t num, den;
};

/* JB_EABSENT: no such PMU, or no driver for it; JB_EFORMAT: type or cpumask
 * are malformed or the mask names nobody.  On success release *out. */
JB_NODISCARD int jb_perf_pmu_init(const char *sysfs, const char *name,
                                  struct jb_perf_pmu *out,
                                  struct jb_error *err);
void jb_perf_pmu_release(struct jb_perf_pmu *pmu);

/* What perf_event_open wants for an event, whatever it counts.  JB_EABSENT:
 * this PMU has no such event; JB_EFORMAT: it is malformed. */
JB_NODISCARD int jb_perf_pmu_config(const struct jb_perf_pmu *pmu,
                                    const char *name,
                                    struct jb_perf_config *out,
                                    struct jb_error *err);

/* An event that counts energy: also JB_EFORMAT when scale or unit
 * are malformed or missing; JB_EIMPLAUSIBLE: it does not count joules. */
JB_NODISCARD int jb_perf_pmu_event(const struct jb_perf_pmu *pmu,
                                   const char *name, struct jb_perf_event *out,
                                   struct jb_error *err);

#endif
