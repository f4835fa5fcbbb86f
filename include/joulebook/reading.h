/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings: what one device drew and did during one interval.
 *
 * A metric that is not there is absent: jb_reading_metric() says so, and no
 * function gives 0 for it.  Each figure says where it comes from.  Readings
 * are handed out in lists that belong to the caller and live on their own:
 * longer than the monitor that made them.
 *
 * Threads: a list does not change; any number of threads may read it.
 */
#ifndef JOULEBOOK_READING_H
#define JOULEBOOK_READING_H

#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"
#include "joulebook/provenance.h"
#include "joulebook/version.h"

#ifdef __cplusplus
extern "C" {
#endif

enum jb_metric {
    JB_METRIC_POWER,       /* W, mean over the interval */
    JB_METRIC_TEMPERATURE, /* degrees Celsius, at its end */
    JB_METRIC_FREQUENCY,   /* GHz, at its end */
    JB_METRIC_UTILIZATION, /* percent of the device's capacity, 0 to 100 */
};
enum { JB_METRIC_COUNT = 4 };

/* Selections of metrics: bits of enum jb_metric. */
enum jb_metrics {
    JB_METRICS_POWER = 1 << JB_METRIC_POWER,
    JB_METRICS_TEMPERATURE = 1 << JB_METRIC_TEMPERATURE,
    JB_METRICS_FREQUENCY = 1 << JB_METRIC_FREQUENCY,
    JB_METRICS_UTILIZATION = 1 << JB_METRIC_UTILIZATION,
    JB_METRICS_ALL = (1 << JB_METRIC_COUNT) - 1,
};

/* "power", "temperature", "frequency", "utilization"; NULL for another number.
 * Any thread. */
JB_API const char *jb_metric_name(enum jb_metric metric);

struct jb_reading;  /* one device, one interval */
struct jb_readings; /* a list of them, oldest first */

/* The end of the interval: "2023-01-01T12:00:00.000Z", and in nanoseconds since
 * 1970.  Texts of a reading live as long as its list. */
JB_API const char *jb_reading_timestamp(const struct jb_reading *reading);
JB_API int64_t jb_reading_utc_ns(const struct jb_reading *reading);

/* "cpu", "gpu", "system". */
JB_API const char *jb_reading_source(const struct jb_reading *reading);
/* "intel", "amd", "nvidia", "ipmi", ...; for system/any the meter's source. */
JB_API const char *jb_reading_component(const struct jb_reading *reading);
/* "package-0", "gpu-1", "platform", ... */
JB_API const char *jb_reading_device(const struct jb_reading *reading);

/* The figure in the unit that stands at enum jb_metric, and where it comes from
 * when provenance is not NULL.  JB_EABSENT, with both outputs untouched, when
 * the reading does not have it; JB_EUSAGE for a number that is no metric. */
JB_API int jb_reading_metric(const struct jb_reading *reading,
                             enum jb_metric metric, double *value,
                             enum jb_provenance *provenance)
    __attribute__((warn_unused_result));

/* Room for any reading as JSON. */
enum { JB_READING_JSON_MAX = 768 };

/* One line of JSON, as in a saved file: timestamp, source, component, device,
 * metrics, provenance.  NUL-terminated.  JB_ELIMIT when capacity is too small:
 * out is then an empty text. */
JB_API int jb_reading_json(const struct jb_reading *reading, char *out,
                           size_t capacity, struct jb_error *err);

/* Functions of lists take NULL for an empty one. */
JB_API size_t jb_readings_count(const struct jb_readings *readings);

/* Borrowed from the list; NULL when there are not so many. */
JB_API const struct jb_reading *
jb_readings_get(const struct jb_readings *readings, size_t index);

/* How many older readings were dropped because nobody fetched them in time. */
JB_API uint64_t jb_readings_lost(const struct jb_readings *readings);

/* Accepts NULL. */
JB_API void jb_readings_free(struct jb_readings *readings);

#ifdef __cplusplus
}
#endif

#endif
