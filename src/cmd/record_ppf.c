/* SPDX-License-Identifier: Apache-2.0 */
/* Three monitors of the public library, and one thread that writes what they
 * say.  Errors and the end stand behind the readings, since they are not known
 * before. */
#include "record_ppf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "formats/ppf.h"
#include "formats/recording.h"
#include "joulebook/monitor.h"
#include "pace.h"

enum { PPF_MONITORS = 3, PPF_ERRORS_MAX = 48 };

static const char *const ppf_sources[PPF_MONITORS] = { "cpu", "gpu", "system" };
static const char ppf_component[] = "any";
static const uint64_t ppf_interval_ns = JB_NS_PER_S;
/* How often readings are fetched and written. */
static const uint64_t ppf_step_ns = JB_NS_PER_S / 2;
/* The last interval ends with the recording; its readings come a moment after.
 */
static const uint64_t ppf_late_ns = JB_NS_PER_S / 10;

struct ppf_foot {
    size_t used;
    char text[JB_RECORDING_FOOT_MAX];
};

struct ppf_session {
    const struct jb_cli *cli;
    const struct jb_record_ppf *options;
    uint64_t interval_ns;

    struct jb_monitor *monitors[PPF_MONITORS];
    bool running[PPF_MONITORS];
    int state[PPF_MONITORS]; /* JB_OK, or the failure that lasts */
    struct jb_ppf_monitor about[PPF_MONITORS];
    struct jb_ppf_error errors[PPF_ERRORS_MAX];
    struct jb_ppf_head head;
    char started[JB_UTC_TEXT_MAX], ended[JB_UTC_TEXT_MAX];
    uint64_t lost; /* by the monitors, since nobody fetched in time */

    struct jb_recording file;
    struct jb_emit emit; /* of all that stays in the file */
    struct ppf_foot foot;
    struct jb_pace pace;
};

static int ppf_put(void *context, const char *bytes, size_t length)
{
    struct jb_recording *file = context;

    jb_recording_put_bytes(file, bytes, length);
    return JB_OK; /* the file knows its own failures */
}

static int ppf_put_foot(void *context, const char *bytes, size_t length)
{
    struct ppf_foot *foot = context;

    if (length >= sizeof(foot->text) - foot->used)
        return JB_ELIMIT;
    memcpy(foot->text + foot->used, bytes, length);
    foot->used += length;
    return JB_OK;
}

/* What closes the file as it is now: the same document, ended here. */
static void ppf_make_foot(struct ppf_session *session)
{
    struct jb_emit end = session->emit;

    session->head.ended = jb_clock_utc_text(jb_clock_utc_ns(), session->ended);
    session->head.readings_lost = session->lost + session->file.lost;
    session->foot.used = 0;
    end.put = ppf_put_foot;
    end.context = &session->foot;
    jb_ppf_close(&end, &session->head);
    if (jb_emit_end(&end) < 0)
        session->file.status = JB_ELIMIT;
    session->foot.text[session->foot.used] = '\0';
}

static void ppf_note(struct ppf_session *session, size_t monitor,
                     enum jb_phase phase, const struct jb_error *why)
{
    struct jb_ppf_head *head = &session->head;

    if (head->error_count == PPF_ERRORS_MAX) {
        head->errors_left_out++;
        return;
    }
    session->errors[head->error_count++] =
        (struct jb_ppf_error){ monitor, phase, *why };
}

static int ppf_start_one(struct ppf_session *session, size_t i,
                         struct jb_error *why)
{
    const struct jb_roots *roots = &session->cli->roots;
    struct jb_monitor_config config = {
        .size = sizeof(config),
        .source = ppf_sources[i],
        .component = ppf_component,
        .interval_s = (double)session->interval_ns / JB_NS_PER_S,
        .sysfs = roots->sysfs,
        .procfs = roots->procfs,
        .cgroupfs = roots->cgroupfs,
        .devfs = roots->devfs,
    };
    int rc = jb_monitor_new(&config, &session->monitors[i], why);

    if (rc == JB_OK)
        rc = jb_monitor_start(session->monitors[i], why);
    session->running[i] = rc == JB_OK;
    return rc;
}

static void ppf_describe(struct ppf_session *session, size_t i)
{
    struct jb_ppf_monitor *about = &session->about[i];

    *about = (struct jb_ppf_monitor){
        .source = ppf_sources[i],
        .component = ppf_component,
        .interval_us = (int64_t)(session->interval_ns / JB_NS_PER_US),
        .metrics = JB_METRICS_ALL,
    };
    for (int m = 0; session->running[i] && m < JB_METRIC_COUNT; m++) {
        struct jb_ppf_missing missing = { .metric = (enum jb_metric)m };

        if (jb_monitor_metric_status(session->monitors[i], missing.metric,
                                     &missing.why) != JB_OK)
            about->missing[about->missing_count++] = missing;
    }
}

static int ppf_start(struct ppf_session *session, struct jb_error *err)
{
    struct jb_error first = { .status = JB_OK };
    size_t running = 0;

    for (size_t i = 0; i < PPF_MONITORS; i++) {
        struct jb_error why = { .status = JB_OK };
        int rc = ppf_start_one(session, i, &why);

        if (rc == JB_EUSAGE || rc == JB_ENOMEM) {
            *err = why;
            return rc;
        }
        if (rc < 0)
            ppf_note(session, i, JB_PHASE_START, &why);
        if (rc < 0 && first.status == JB_OK)
            first = why;
        running += rc == JB_OK;
        ppf_describe(session, i);
    }
    if (running > 0)
        return JB_OK;
    jb_fail(err, JB_EABSENT, "there is nothing to record here: %.180s",
            first.text);
    jb_error_set_fix(err, "%s", first.fix[0] ? first.fix : "joulebook doctor");
    return JB_EABSENT;
}

static int ppf_open_file(struct ppf_session *session, struct jb_error *err)
{
    int rc;

    session->head.started =
        jb_clock_utc_text(jb_clock_utc_ns(), session->started);
    session->head.interval_us = (int64_t)(session->interval_ns / JB_NS_PER_US);
    session->head.monitors = session->about;
    session->head.monitor_count = PPF_MONITORS;
    session->head.errors = session->errors;
    session->head.late = true;
    rc = jb_recording_open(&session->file, session->options->output,
                           session->foot.text, err);
    if (rc < 0)
        return rc;
    jb_emit_init(&session->emit, ppf_put, &session->file, JB_PPF_LINE_DEPTH);
    jb_ppf_open(&session->emit, &session->head);
    jb_emit_flush(&session->emit);
    jb_recording_end_head(&session->file);
    ppf_make_foot(session);
    jb_recording_flush(&session->file);
    return session->file.status == JB_OK
               ? JB_OK
               : jb_fail(err, session->file.status, "writing %s failed",
                         session->options->output);
}

static void ppf_add(struct ppf_session *session,
                    const struct jb_reading *reading)
{
    struct jb_emit before = session->emit;

    jb_ppf_reading(&session->emit, reading);
    jb_emit_flush(&session->emit);
    if (!jb_recording_end_row(&session->file))
        session->emit = before;
}

static void ppf_fetch_one(struct ppf_session *session, size_t i)
{
    struct jb_readings *list = NULL;
    struct jb_error why = { .status = JB_OK };
    int rc = jb_monitor_read(session->monitors[i], &list, &why);
    size_t count = jb_readings_count(list);

    if (rc != JB_OK && rc != session->state[i])
        ppf_note(session, i, JB_PHASE_READ, &why);
    if (rc != JB_OK || count > 0)
        session->state[i] = rc;
    for (size_t r = 0; r < count; r++)
        ppf_add(session, jb_readings_get(list, r));
    session->lost += jb_readings_lost(list);
    jb_readings_free(list);
}

/* A batch that is flushed by its size alone ends with the foot of before, which
 * closes the same brackets: so it is valid, if older by a moment. */
static void ppf_fetch(struct ppf_session *session)
{
    for (size_t i = 0; i < PPF_MONITORS; i++)
        if (session->running[i])
            ppf_fetch_one(session, i);
    ppf_make_foot(session);
    jb_recording_flush(&session->file);
}

static void ppf_stop(struct ppf_session *session)
{
    for (size_t i = 0; i < PPF_MONITORS; i++) {
        struct jb_error why = { .status = JB_OK };

        if (session->running[i] &&
            jb_monitor_stop(session->monitors[i], &why) != JB_OK)
            ppf_note(session, i, JB_PHASE_STOP, &why);
    }
    ppf_fetch(session);
}

static int ppf_follow(struct ppf_session *session, struct jb_error *err)
{
    struct jb_pace *pace = &session->pace;
    uint64_t late_ns = session->interval_ns / 2;
    uint64_t next_ns;
    int rc = jb_pace_open(pace, err);

    if (rc == JB_OK) {
        *pace = (struct jb_pace){
            .signals = pace->signals,
            .wake = pace->wake,
            .bar = jb_pace_wants_bar(session->cli->quiet,
                                     session->options->output),
            .unit = "readings",
            .file = &session->file,
            .begin_ns = jb_clock_now_ns(&jb_clock_boottime),
            .whole_ns = session->options->duration_ns,
        };
        if (pace->whole_ns)
            pace->whole_ns += late_ns < ppf_late_ns ? late_ns : ppf_late_ns;
        next_ns = pace->begin_ns + ppf_step_ns;
        while (jb_pace_sleep(pace, next_ns)) {
            uint64_t now_ns = jb_clock_now_ns(&jb_clock_boottime);

            if (now_ns < next_ns)
                continue;
            ppf_fetch(session);
            next_ns +=
                (now_ns - next_ns) / ppf_step_ns * ppf_step_ns + ppf_step_ns;
        }
        ppf_stop(session);
        jb_pace_drain(pace);
        if (pace->bar)
            fputc('\n', stderr);
    }
    jb_pace_close(pace);
    return rc;
}

static int ppf_record(struct ppf_session *session, struct jb_error *err)
{
    int rc = ppf_start(session, err);

    if (rc < 0)
        return rc;
    rc = ppf_open_file(session, err);
    if (rc == JB_OK)
        rc = ppf_follow(session, err);
    if (jb_recording_close(&session->file, rc == JB_OK ? err : NULL) < 0 &&
        rc == JB_OK)
        rc = err->status;
    return rc;
}

static void ppf_say(const struct ppf_session *session)
{
    const char *output = session->options->output;

    if (!session->cli->quiet && strcmp(output, "-") != 0)
        fprintf(stderr, "%llu readings in %s\n",
                (unsigned long long)session->file.rows, output);
}

int jb_record_ppf(const struct jb_cli *cli, const struct jb_record_ppf *options,
                  struct jb_error *err)
{
    struct ppf_session *session = calloc(1, sizeof(*session));
    int rc;

    if (!session)
        return jb_fail(err, JB_ENOMEM, "a recording");
    session->cli = cli;
    session->options = options;
    session->interval_ns =
        options->interval_ns ? options->interval_ns : ppf_interval_ns;
    session->file.fd = -1;
    rc = ppf_record(session, err);
    if (rc == JB_OK)
        ppf_say(session);
    for (size_t i = 0; i < PPF_MONITORS; i++)
        jb_monitor_free(session->monitors[i]);
    free(session);
    return rc;
}
