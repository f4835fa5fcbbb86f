/* SPDX-License-Identifier: Apache-2.0 */
/* What monitors and collectors say: one device and one interval a reading. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "core/domain.h"
#include "ppf.h"
#include "read.h"

enum { PPF_STAMP_LENGTH = JB_UTC_TEXT_MAX - 1, PPF_PERCENT = 100 };

static const double ppf_interval_max_s = 1e6;
static const double ppf_hz_per_ghz = 1e9;

/* What a metric is read back as, in the order of enum jb_metric. */
static const struct {
    enum jb_quantity quantity;
    double factor; /* from the metric's unit to the quantity's */
} ppf_quantities[JB_METRIC_COUNT] = {
    [JB_METRIC_POWER] = { JB_QUANTITY_ENERGY, 1.0 },
    [JB_METRIC_TEMPERATURE] = { JB_QUANTITY_TEMPERATURE, 1.0 },
    [JB_METRIC_FREQUENCY] = { JB_QUANTITY_FREQUENCY, ppf_hz_per_ghz },
    [JB_METRIC_UTILIZATION] = { JB_QUANTITY_UTILIZATION, 1.0 / PPF_PERCENT },
};

static bool ppf_digits(const char *text, size_t at, size_t length, int *out)
{
    uint64_t value;

    if (!jb_text_u64(text + at, length, &value))
        return false;
    *out = (int)value;
    return true;
}

/* "2023-01-01T12:00:00.000Z" as it stands there and in no other form. */
static bool ppf_utc_ns(const char *text, int64_t *out)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    struct tm tm = { 0 };
    int ms;

    if (!text || strlen(text) != PPF_STAMP_LENGTH)
        return false;
    for (size_t i = 0; i < PPF_STAMP_LENGTH; i++)
        if (form[i] != '0' && text[i] != form[i])
            return false;
    if (!ppf_digits(text, 0, 4, &tm.tm_year) ||
        !ppf_digits(text, 5, 2, &tm.tm_mon) ||
        !ppf_digits(text, 8, 2, &tm.tm_mday) ||
        !ppf_digits(text, 11, 2, &tm.tm_hour) ||
        !ppf_digits(text, 14, 2, &tm.tm_min) ||
        !ppf_digits(text, 17, 2, &tm.tm_sec) || !ppf_digits(text, 20, 3, &ms))
        return false;
    if (tm.tm_year < 1970 || tm.tm_year > 2261 || tm.tm_mon < 1 ||
        tm.tm_mon > 12)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *out = (int64_t)timegm(&tm) * JB_NS_PER_S + (int64_t)ms * JB_NS_PER_MS;
    return true;
}

int jb_read_ppf_head(struct jb_reader *reader, const json_t *head,
                     struct jb_error *err)
{
    const json_t *interval = json_object_get(head, JB_PPF_INTERVAL);
    double interval_s = json_number_value(interval);

    if (!ppf_utc_ns(json_string_value(json_object_get(head, JB_PPF_STARTED)),
                    &reader->begin_ns))
        return jb_reader_refuse(reader, err, "%s is no time", JB_PPF_STARTED);
    if (!json_is_number(interval) ||
        !(interval_s > 0.0 && interval_s < ppf_interval_max_s))
        return jb_reader_refuse(reader, err, "%s is no time", JB_PPF_INTERVAL);
    reader->interval_ns = (uint64_t)(interval_s * JB_NS_PER_S);
    return JB_OK;
}

struct ppf_device {
    char name[JB_NAME_MAX]; /* "cpu/intel/package-0" */
    struct jb_domain domain;
    uint64_t t_ns;
    const json_t *provenance;
};

static enum jb_provenance ppf_provenance(const struct ppf_device *device,
                                         const char *metric)
{
    const char *text =
        json_string_value(json_object_get(device->provenance, metric));

    for (int i = JB_MEASURED; text && i <= JB_ESTIMATED; i++)
        if (strcmp(text, jb_provenance_name((enum jb_provenance)i)) == 0)
            return (enum jb_provenance)i;
    return JB_ESTIMATED; /* what is not said to be measured is not */
}

static const struct jb_recorded_sensor *ppf_find(const struct jb_reader *reader,
                                                 const char *name)
{
    for (size_t i = 0; i < reader->recorded->count; i++)
        if (strcmp(reader->recorded->sensors[i].name, name) == 0)
            return &reader->recorded->sensors[i];
    return NULL;
}

/* A reading covers the time since the one before, but no more than two
 * intervals: a counter may have needed two to move, and a longer silence was
 * not observed. */
static uint64_t ppf_window_ns(const struct jb_reader *reader,
                              const struct jb_recorded_sensor *known,
                              uint64_t t_ns)
{
    uint64_t window_ns = reader->interval_ns;

    if (known) {
        uint64_t since_ns = t_ns - known->rows[known->count - 1].t_ns;

        if (since_ns <= 2 * reader->interval_ns + reader->interval_ns / 2)
            window_ns = since_ns;
    }
    return window_ns < t_ns ? window_ns : t_ns;
}

static int ppf_metric(struct jb_reader *reader, const struct ppf_device *device,
                      enum jb_metric metric, const json_t *value,
                      struct jb_error *err)
{
    const char *what = jb_metric_name(metric);
    enum jb_provenance provenance = ppf_provenance(device, what);
    const struct jb_recorded_sensor *known;
    char name[JB_NAME_MAX];
    int64_t micro;

    if (!json_is_number(value) ||
        !jb_reader_micro(
            json_number_value(value) * ppf_quantities[metric].factor, &micro) ||
        (micro < 0 && metric != JB_METRIC_TEMPERATURE))
        return jb_reader_refuse(reader, err, "%s is no %s", what, what);
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", device->name, what) >=
        sizeof(name))
        return jb_reader_refuse(reader, err, "the device's name is too long");
    known = ppf_find(reader, name);
    if (known && device->t_ns <= known->rows[known->count - 1].t_ns)
        return JB_OK; /* the wall clock was set back: it cannot be placed */
    if (metric == JB_METRIC_POWER)
        return jb_reader_add_power(
            reader,
            &(struct jb_reader_power){
                .name = name,
                .domain = device->domain,
                .t_ns = device->t_ns,
                .window_ns = ppf_window_ns(reader, known, device->t_ns),
                .uw = micro,
                .provenance = provenance },
            err);
    return jb_reader_add(
        reader,
        &(struct jb_reader_row){ .name = name,
                                 .domain = device->domain,
                                 .quantity = ppf_quantities[metric].quantity,
                                 .kind = JB_KIND_SAMPLED,
                                 .provenance = provenance,
                                 .t_ns = device->t_ns,
                                 .micro = micro,
                                 .state = JB_OK },
        err);
}

static int ppf_read_device(const struct jb_reader *reader, const json_t *value,
                           struct ppf_device *out, struct jb_error *err)
{
    const char *source =
        json_string_value(json_object_get(value, JB_PPF_SOURCE));
    const char *component =
        json_string_value(json_object_get(value, JB_PPF_COMPONENT));
    const char *device =
        json_string_value(json_object_get(value, JB_PPF_DEVICE));
    int64_t utc_ns;

    if (!source || !component || !device ||
        (size_t)snprintf(out->name, sizeof(out->name), "%s/%s/%s", source,
                         component, device) >= sizeof(out->name))
        return jb_reader_refuse(reader, err,
                                "a reading without source, component or "
                                "device");
    if (!ppf_utc_ns(json_string_value(json_object_get(value, JB_PPF_TIMESTAMP)),
                    &utc_ns))
        return jb_reader_refuse(reader, err, "a reading without a time");
    out->domain = (struct jb_domain){ .die = JB_NO_DIE };
    if (!jb_domain_parse(device, &out->domain))
        out->domain = (struct jb_domain){ .die = JB_NO_DIE };
    out->t_ns =
        utc_ns > reader->begin_ns ? (uint64_t)(utc_ns - reader->begin_ns) : 0;
    out->provenance = json_object_get(value, JB_PPF_PROVENANCE);
    return JB_OK;
}

int jb_read_ppf(struct jb_reader *reader, const json_t *value,
                struct jb_error *err)
{
    const json_t *metrics = json_object_get(value, JB_PPF_METRICS);
    struct ppf_device device = { .t_ns = 0 };
    int rc;

    if (!json_is_object(metrics))
        return jb_reader_refuse(reader, err, "a reading without metrics");
    rc = ppf_read_device(reader, value, &device, err);
    for (int m = 0; rc == JB_OK && m < JB_METRIC_COUNT; m++) {
        const json_t *metric =
            json_object_get(metrics, jb_metric_name((enum jb_metric)m));

        if (metric)
            rc = ppf_metric(reader, &device, (enum jb_metric)m, metric, err);
    }
    return rc;
}
