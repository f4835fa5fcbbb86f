/* SPDX-License-Identifier: Apache-2.0 */
#include "ppf.h"

static void ppf_metrics(struct jb_emit *emit, const struct jb_reading *reading)
{
    jb_emit_key(emit, "metrics");
    jb_emit_open(emit, '{');
    for (int m = 0; m < JB_METRIC_COUNT; m++)
        if (reading->present & 1U << m)
            jb_emit_key_micro(emit, jb_metric_name((enum jb_metric)m),
                              reading->micro[m]);
    jb_emit_close(emit);
}

static void ppf_provenance(struct jb_emit *emit,
                           const struct jb_reading *reading)
{
    jb_emit_key(emit, "provenance");
    jb_emit_open(emit, '{');
    for (int m = 0; m < JB_METRIC_COUNT; m++)
        if (reading->present & 1U << m)
            jb_emit_key_text(emit, jb_metric_name((enum jb_metric)m),
                             jb_provenance_name(reading->provenance[m]));
    jb_emit_close(emit);
}

void jb_ppf_reading(struct jb_emit *emit, const struct jb_reading *reading)
{
    jb_emit_open(emit, '{');
    jb_emit_key_text(emit, "timestamp", reading->timestamp);
    jb_emit_key_text(emit, "source", reading->source);
    jb_emit_key_text(emit, "component", reading->component);
    jb_emit_key_text(emit, "device", reading->device);
    ppf_metrics(emit, reading);
    ppf_provenance(emit, reading);
    jb_emit_close(emit);
}

static void ppf_why(struct jb_emit *emit, const struct jb_error *why)
{
    jb_emit_key_text(emit, "state", jb_status_name(why->status));
    jb_emit_key_text(emit, "reason", why->text);
    jb_emit_key_text(emit, "fix", why->fix);
}

static void ppf_monitor(struct jb_emit *emit,
                        const struct jb_ppf_monitor *monitor)
{
    jb_emit_open(emit, '{');
    jb_emit_key_text(emit, "source", monitor->source);
    jb_emit_key_text(emit, "component", monitor->component);
    jb_emit_key_micro(emit, "interval_s", monitor->interval_us);
    jb_emit_key(emit, "metrics");
    jb_emit_open(emit, '[');
    for (int m = 0; m < JB_METRIC_COUNT; m++)
        if (monitor->metrics & 1U << m)
            jb_emit_text(emit, jb_metric_name((enum jb_metric)m));
    jb_emit_close(emit);
    jb_emit_key(emit, "missing");
    jb_emit_open(emit, '[');
    for (size_t i = 0; i < monitor->missing_count; i++) {
        jb_emit_open(emit, '{');
        jb_emit_key_text(emit, "metric",
                         jb_metric_name(monitor->missing[i].metric));
        ppf_why(emit, &monitor->missing[i].why);
        jb_emit_close(emit);
    }
    jb_emit_close(emit);
    jb_emit_close(emit);
}

static void ppf_error(struct jb_emit *emit, const struct jb_ppf_head *head,
                      const struct jb_ppf_error *error)
{
    jb_emit_open(emit, '{');
    jb_emit_key(emit, "monitor");
    jb_emit_u64(emit, error->monitor);
    jb_emit_key_text(emit, "source", head->monitors[error->monitor].source);
    jb_emit_key_text(emit, "component",
                     head->monitors[error->monitor].component);
    jb_emit_key_text(emit, "phase", jb_phase_name(error->phase));
    ppf_why(emit, &error->why);
    jb_emit_close(emit);
}

static void ppf_left_out(struct jb_emit *emit, const char *key, uint64_t count)
{
    if (count == 0)
        return;
    jb_emit_key(emit, key);
    jb_emit_u64(emit, count);
}

void jb_ppf_open(struct jb_emit *emit, const struct jb_ppf_head *head)
{
    jb_emit_open(emit, '{');
    jb_emit_key_text(emit, "started", head->started);
    jb_emit_key_text(emit, "ended", head->ended[0] ? head->ended : NULL);
    jb_emit_key_micro(emit, "interval_s", head->interval_us);
    jb_emit_key(emit, "monitors");
    jb_emit_open(emit, '[');
    for (size_t i = 0; i < head->monitor_count; i++)
        ppf_monitor(emit, &head->monitors[i]);
    jb_emit_close(emit);
    jb_emit_key(emit, "errors");
    jb_emit_open(emit, '[');
    for (size_t i = 0; i < head->error_count; i++)
        ppf_error(emit, head, &head->errors[i]);
    jb_emit_close(emit);
    ppf_left_out(emit, "errors_left_out", head->errors_left_out);
    ppf_left_out(emit, "readings_lost", head->readings_lost);
    jb_emit_key(emit, "readings");
    jb_emit_open(emit, '[');
}

void jb_ppf_close(struct jb_emit *emit)
{
    jb_emit_close(emit);
    jb_emit_close(emit);
}
