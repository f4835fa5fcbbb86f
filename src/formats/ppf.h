/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON of the power profiling framework: readings {timestamp, source,
 * component, metrics{power, temperature, frequency, utilization}}, with the two
 * things that its description leaves open added: which device, and where each
 * figure comes from.  A metric that is absent is left out.
 *
 * The saved file is {started, ended, interval_s, monitors[], errors[],
 * readings[]}; docs/reference/schema/collection.schema.json.
 */
#ifndef JB_FORMATS_PPF_H
#define JB_FORMATS_PPF_H

#include <stddef.h>

#include "base/emit.h"
#include "core/reading.h"
#include "joulebook/monitor.h"

/* A metric that a monitor was asked for and could not find. */
struct jb_ppf_missing {
    enum jb_metric metric;
    struct jb_error why;
};

struct jb_ppf_monitor {
    const char *source, *component;
    int64_t interval_us;
    uint32_t metrics; /* JB_METRICS_* that were asked for */
    size_t missing_count;
    struct jb_ppf_missing missing[JB_METRIC_COUNT];
};

struct jb_ppf_error {
    size_t monitor; /* index among the monitors */
    enum jb_phase phase;
    struct jb_error why;
};

/* Texts are borrowed.  ended may be "": then it is null. */
struct jb_ppf_head {
    const char *started, *ended;
    int64_t interval_us; /* the shortest of all */
    const struct jb_ppf_monitor *monitors;
    size_t monitor_count;
    const struct jb_ppf_error *errors;
    size_t error_count;
    uint64_t errors_left_out, readings_lost; /* said when not 0 */
};

/* One reading as an object. */
void jb_ppf_reading(struct jb_emit *emit, const struct jb_reading *reading);

/* The file up to its first reading; then jb_ppf_reading() for each; then
 * close.  emit was initialised with JB_PPF_LINE_DEPTH. */
enum { JB_PPF_LINE_DEPTH = 2 };
void jb_ppf_open(struct jb_emit *emit, const struct jb_ppf_head *head);
void jb_ppf_close(struct jb_emit *emit);

#endif
