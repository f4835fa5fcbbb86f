/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several monitors at once, and what they said.  `lock` guards the result and
 * is not held while monitors start, stop or are waited for; `control` keeps
 * start, collect and stop from meeting.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/owner.h"
#include "base/replace.h"
#include "inside.h"
#include "joulebook/monitor.h"

enum {
    COLLECTOR_MONITORS_MAX = 256,
    COLLECTOR_READINGS_MAX = 1 << 22,
    COLLECTOR_ERRORS_MAX = 4096,
    COLLECTOR_FILE_MODE = 0640,
};

static const double collector_duration_max_s = 1e9;
/* Monitors are emptied so often that none of them overflows, and what fails is
 * noticed. */
static const uint64_t collector_step_ns = JB_NS_PER_S;
/* How long the last interval of a monitor is waited for. */
static const uint64_t collector_patience_ns = JB_NS_PER_S;

struct jb_collector {
    struct jb_monitor **monitors;
    size_t count;
    struct jb_owner owner;
    pthread_mutex_t control;

    pthread_mutex_t lock;
    pthread_cond_t wake; /* for collect: stop */
    bool started, ever;
    unsigned stops;  /* how often stop was called */
    bool *running;   /* by monitor */
    int *read_state; /* by monitor: JB_OK or the failure that lasts */
    struct jb_readings *readings;
    struct jb_ppf_error *errors;
    size_t error_count, error_room;
    uint64_t errors_left_out;
    char started_at[JB_TIMESTAMP_MAX], ended_at[JB_TIMESTAMP_MAX];
};

static int collector_check_monitors(struct jb_monitor *const *monitors,
                                    size_t count, struct jb_error *err)
{
    if (count == 0 || count > COLLECTOR_MONITORS_MAX)
        return jb_fail(err, JB_EUSAGE, "a collector of %zu monitors: 1 to %d",
                       count, COLLECTOR_MONITORS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!monitors[i])
            return jb_fail(err, JB_EUSAGE, "monitor %zu is NULL", i);
        for (size_t k = 0; k < i; k++)
            if (monitors[k] == monitors[i])
                return jb_fail(err, JB_EUSAGE,
                               "monitors %zu and %zu are the same", k, i);
    }
    return JB_OK;
}

int jb_collector_new(struct jb_monitor *const *monitors, size_t count,
                     struct jb_collector **out, struct jb_error *err)
{
    struct jb_collector *collector;
    int rc = collector_check_monitors(monitors, count, err);

    if (rc < 0)
        return rc;
    collector = calloc(1, sizeof(*collector));
    if (!collector)
        return jb_fail(err, JB_ENOMEM, "a collector");
    pthread_mutex_init(&collector->control, NULL);
    pthread_mutex_init(&collector->lock, NULL);
    pthread_cond_init(&collector->wake, NULL);
    collector->count = count;
    collector->monitors = calloc(count, sizeof(struct jb_monitor *));
    collector->running = calloc(count, sizeof(*collector->running));
    collector->read_state = calloc(count, sizeof(*collector->read_state));
    collector->readings = jb_readings_new();
    rc = jb_owner_init(&collector->owner, err);
    if (rc < 0) {
        jb_collector_free(collector);
        return rc;
    }
    if (!collector->monitors || !collector->running || !collector->read_state ||
        !collector->readings) {
        jb_collector_free(collector);
        return jb_fail(err, JB_ENOMEM, "a collector of %zu monitors", count);
    }
    memcpy(collector->monitors, monitors, count * sizeof(struct jb_monitor *));
    *out = collector;
    return JB_OK;
}

/* A failure that cannot be written down is still counted. */
static void collector_note(struct jb_collector *collector, size_t monitor,
                           enum jb_phase phase, const struct jb_error *why)
{
    size_t room = collector->error_room ? 2 * collector->error_room : 8;
    void *grown;

    if (collector->error_count == collector->error_room) {
        grown = room > COLLECTOR_ERRORS_MAX
                    ? NULL
                    : reallocarray(collector->errors, room,
                                   sizeof(*collector->errors));
        if (!grown) {
            collector->errors_left_out++;
            return;
        }
        collector->errors = grown;
        collector->error_room = room;
    }
    collector->errors[collector->error_count++] =
        (struct jb_ppf_error){ monitor, phase, *why };
}

static void collector_note_locked(struct jb_collector *collector,
                                  size_t monitor, enum jb_phase phase,
                                  const struct jb_error *why)
{
    pthread_mutex_lock(&collector->lock);
    collector_note(collector, monitor, phase, why);
    pthread_mutex_unlock(&collector->lock);
}

/* A new result; the old one is forgotten only when there is room for it. */
static int collector_begin(struct jb_collector *collector, struct jb_error *err)
{
    struct jb_readings *fresh = jb_readings_new();

    if (!fresh)
        return jb_fail(err, JB_ENOMEM, "a result");
    pthread_mutex_lock(&collector->lock);
    jb_readings_free(collector->readings);
    collector->readings = fresh;
    collector->error_count = 0;
    collector->errors_left_out = 0;
    memset(collector->read_state, 0,
           collector->count * sizeof(*collector->read_state));
    collector->ended_at[0] = '\0';
    jb_clock_utc_text(jb_clock_utc_ns(), collector->started_at);
    collector->ever = true;
    pthread_mutex_unlock(&collector->lock);
    return JB_OK;
}

static int collector_start_locked(struct jb_collector *collector,
                                  struct jb_error *err)
{
    struct jb_error first = { .status = JB_OK };
    size_t running = 0;
    int rc;

    if (collector->started)
        return jb_fail(err, JB_EUSAGE, "the collector is started already");
    rc = collector_begin(collector, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < collector->count; i++) {
        struct jb_error why = { .status = JB_OK };

        collector->running[i] =
            jb_monitor_start(collector->monitors[i], &why) == JB_OK;
        running += collector->running[i];
        if (!collector->running[i])
            collector_note_locked(collector, i, JB_PHASE_START, &why);
        if (!collector->running[i] && first.status == JB_OK)
            first = why;
    }
    pthread_mutex_lock(&collector->lock);
    collector->started = running > 0;
    pthread_mutex_unlock(&collector->lock);
    if (running > 0)
        return JB_OK;
    jb_fail(err, first.status, "none of %zu monitors could be started: %.180s",
            collector->count, first.text);
    jb_error_set_fix(err, "%s", first.fix);
    return first.status;
}

int jb_collector_start(struct jb_collector *collector, struct jb_error *err)
{
    int rc = jb_owner_check(&collector->owner, "collector", err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&collector->control);
    rc = collector_start_locked(collector, err);
    pthread_mutex_unlock(&collector->control);
    return rc;
}

/* Takes what a monitor has.  Its own failure is in the result; only a result
 * that is full or without memory is returned. */
static int collector_drain_one(struct jb_collector *collector, size_t i,
                               struct jb_error *err)
{
    struct jb_readings *list = NULL;
    struct jb_error why = { .status = JB_OK };
    int state = jb_monitor_read(collector->monitors[i], &list, &why);
    int rc = JB_OK;

    pthread_mutex_lock(&collector->lock);
    if (state != JB_OK && state != collector->read_state[i])
        collector_note(collector, i, JB_PHASE_READ, &why);
    if (state != JB_OK || jb_readings_count(list) > 0)
        collector->read_state[i] = state;
    if (state == JB_OK)
        rc =
            jb_readings_join(collector->readings, list, COLLECTOR_READINGS_MAX);
    pthread_mutex_unlock(&collector->lock);
    jb_readings_free(list);
    if (rc == JB_ELIMIT)
        return jb_fail(err, rc, "the result holds %d readings and no more",
                       COLLECTOR_READINGS_MAX);
    return rc == JB_OK ? JB_OK : jb_fail(err, rc, "no memory for readings");
}

static int collector_drain(struct jb_collector *collector, struct jb_error *err)
{
    int rc = JB_OK;

    for (size_t i = 0; i < collector->count; i++)
        if (collector->running[i]) {
            int one =
                collector_drain_one(collector, i, rc == JB_OK ? err : NULL);

            rc = rc == JB_OK ? one : rc;
        }
    return rc;
}

/* Sleeps until the instant, or until somebody stops: true then. */
static bool collector_sleep(struct jb_collector *collector, uint64_t until_ns,
                            unsigned stops)
{
    struct timespec deadline = jb_library_timespec(until_ns);
    bool stopped;

    pthread_mutex_lock(&collector->lock);
    while (collector->stops == stops && jb_library_now_ns() < until_ns)
        pthread_cond_clockwait(&collector->wake, &collector->lock,
                               CLOCK_MONOTONIC, &deadline);
    stopped = collector->stops != stops;
    pthread_mutex_unlock(&collector->lock);
    return stopped;
}

static void collector_end(struct jb_collector *collector)
{
    pthread_mutex_lock(&collector->lock);
    jb_clock_utc_text(jb_clock_utc_ns(), collector->ended_at);
    pthread_mutex_unlock(&collector->lock);
}

static int collector_collect_locked(struct jb_collector *collector,
                                    uint64_t duration_ns, unsigned stops,
                                    struct jb_error *err)
{
    uint64_t end_ns = jb_library_now_ns() + duration_ns;
    bool stopped = false;
    int rc = JB_OK;

    if (!collector->started)
        return jb_fail(err, JB_EUSAGE, "the collector is not started");
    while (rc == JB_OK && !stopped && jb_library_now_ns() < end_ns) {
        uint64_t until_ns = jb_library_now_ns() + collector_step_ns;

        stopped = collector_sleep(collector,
                                  until_ns < end_ns ? until_ns : end_ns, stops);
        rc = collector_drain(collector, err);
    }
    for (size_t i = 0; rc == JB_OK && !stopped && i < collector->count; i++)
        if (collector->running[i])
            jb_monitor_wait(collector->monitors[i], end_ns,
                            collector_patience_ns);
    if (rc == JB_OK)
        rc = collector_drain(collector, err);
    collector_end(collector);
    return rc;
}

int jb_collector_collect(struct jb_collector *collector, double duration_s,
                         struct jb_error *err)
{
    int rc = jb_owner_check(&collector->owner, "collector", err);
    unsigned stops;

    if (rc < 0)
        return rc;
    if (!(duration_s >= 0.0 && duration_s <= collector_duration_max_s))
        return jb_fail(err, JB_EUSAGE, "collecting for %g s: it is 0 to %g s",
                       duration_s, collector_duration_max_s);
    pthread_mutex_lock(&collector->lock);
    stops = collector->stops;
    pthread_mutex_unlock(&collector->lock);
    pthread_mutex_lock(&collector->control);
    rc = collector_collect_locked(
        collector, (uint64_t)(duration_s * JB_NS_PER_S), stops, err);
    pthread_mutex_unlock(&collector->control);
    return rc;
}

static int collector_stop_locked(struct jb_collector *collector,
                                 struct jb_error *err)
{
    int rc;

    if (!collector->started)
        return jb_fail(err, JB_EUSAGE, "the collector is not started");
    for (size_t i = 0; i < collector->count; i++) {
        struct jb_error why = { .status = JB_OK };

        if (collector->running[i] &&
            jb_monitor_stop(collector->monitors[i], &why) != JB_OK)
            collector_note_locked(collector, i, JB_PHASE_STOP, &why);
    }
    rc = collector_drain(collector, err);
    pthread_mutex_lock(&collector->lock);
    collector->started = false;
    pthread_mutex_unlock(&collector->lock);
    collector_end(collector);
    return rc;
}

int jb_collector_stop(struct jb_collector *collector, struct jb_error *err)
{
    int rc = jb_owner_check(&collector->owner, "collector", err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&collector->lock);
    collector->stops++;
    pthread_cond_broadcast(&collector->wake);
    pthread_mutex_unlock(&collector->lock);
    pthread_mutex_lock(&collector->control);
    rc = collector_stop_locked(collector, err);
    pthread_mutex_unlock(&collector->control);
    return rc;
}

static int collector_write(struct jb_collector *collector,
                           struct jb_ppf_monitor *monitors,
                           struct jb_replace *file)
{
    struct jb_ppf_head head = { .started = collector->started_at,
                                .ended = collector->ended_at,
                                .interval_us = INT64_MAX,
                                .monitors = monitors,
                                .monitor_count = collector->count };
    size_t count = jb_readings_count(collector->readings);
    struct jb_emit emit;

    for (size_t i = 0; i < collector->count; i++) {
        jb_monitor_describe(collector->monitors[i], &monitors[i]);
        if (monitors[i].interval_us < head.interval_us)
            head.interval_us = monitors[i].interval_us;
    }
    head.errors = collector->errors;
    head.error_count = collector->error_count;
    head.errors_left_out = collector->errors_left_out;
    head.readings_lost = jb_readings_lost(collector->readings);
    jb_emit_init(&emit, jb_replace_put, file, JB_PPF_LINE_DEPTH);
    jb_ppf_open(&emit, &head);
    for (size_t i = 0; i < count && emit.status == JB_OK; i++)
        jb_ppf_reading(&emit, jb_readings_get(collector->readings, i));
    jb_ppf_close(&emit);
    return jb_emit_end(&emit);
}

int jb_collector_save(struct jb_collector *collector, const char *path,
                      struct jb_error *err)
{
    JB_AUTO_FREE struct jb_ppf_monitor *monitors = NULL;
    JB_AUTO_FREE struct jb_replace *file = NULL;
    int rc = jb_owner_check(&collector->owner, "collector", err);

    if (rc < 0)
        return rc;
    if (!collector->ever)
        return jb_fail(err, JB_EUSAGE,
                       "nothing to save: the collector was never started");
    monitors = calloc(collector->count, sizeof(*monitors));
    file = malloc(sizeof(*file));
    if (!monitors || !file)
        return jb_fail(err, JB_ENOMEM, "saving %s", path);
    rc = jb_replace_open(file, path, COLLECTOR_FILE_MODE, err);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&collector->lock);
    (void)collector_write(collector, monitors, file);
    pthread_mutex_unlock(&collector->lock);
    return jb_replace_commit(file, err); /* also tells of a failed write */
}

int jb_collector_readings(struct jb_collector *collector,
                          struct jb_readings **out, struct jb_error *err)
{
    struct jb_readings *list;
    int rc = jb_owner_check(&collector->owner, "collector", err);

    if (rc < 0)
        return rc;
    list = jb_readings_new();
    if (!list)
        return jb_fail(err, JB_ENOMEM, "a list of readings");
    pthread_mutex_lock(&collector->lock);
    rc = jb_readings_join(list, collector->readings, COLLECTOR_READINGS_MAX);
    pthread_mutex_unlock(&collector->lock);
    if (rc < 0) {
        jb_readings_free(list);
        return jb_fail(err, rc, "no memory for a copy of the readings");
    }
    *out = list;
    return JB_OK;
}

static void collector_copy_time(struct jb_collector *collector,
                                const char *from, char *out)
{
    out[0] = '\0';
    if (!jb_owner_here(&collector->owner))
        return;
    pthread_mutex_lock(&collector->lock);
    memcpy(out, from, JB_TIMESTAMP_MAX);
    pthread_mutex_unlock(&collector->lock);
}

void jb_collector_started(struct jb_collector *collector,
                          char out[JB_TIMESTAMP_MAX])
{
    collector_copy_time(collector, collector->started_at, out);
}

void jb_collector_ended(struct jb_collector *collector,
                        char out[JB_TIMESTAMP_MAX])
{
    collector_copy_time(collector, collector->ended_at, out);
}

size_t jb_collector_error_count(struct jb_collector *collector)
{
    size_t count;

    if (!jb_owner_here(&collector->owner))
        return 0;
    pthread_mutex_lock(&collector->lock);
    count = collector->error_count;
    pthread_mutex_unlock(&collector->lock);
    return count;
}

int jb_collector_error(struct jb_collector *collector, size_t index,
                       size_t *monitor, enum jb_phase *phase,
                       struct jb_error *why)
{
    int rc = JB_EABSENT;

    if (!jb_owner_here(&collector->owner))
        return JB_EUSAGE;
    pthread_mutex_lock(&collector->lock);
    if (index < collector->error_count) {
        const struct jb_ppf_error *error = &collector->errors[index];

        if (monitor)
            *monitor = error->monitor;
        if (phase)
            *phase = error->phase;
        if (why)
            *why = error->why;
        rc = JB_OK;
    }
    pthread_mutex_unlock(&collector->lock);
    return rc;
}

void jb_collector_free(struct jb_collector *collector)
{
    if (!collector ||
        (collector->owner.mark && !jb_owner_here(&collector->owner)))
        return;
    if (collector->started)
        (void)jb_collector_stop(collector, NULL);
    jb_readings_free(collector->readings);
    free(collector->errors);
    free(collector->read_state);
    free(collector->running);
    free(collector->monitors);
    jb_owner_release(&collector->owner);
    pthread_cond_destroy(&collector->wake);
    pthread_mutex_destroy(&collector->lock);
    pthread_mutex_destroy(&collector->control);
    free(collector);
}
