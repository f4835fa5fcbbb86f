/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook record: a time series of what the meters say, into a file. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "child.h"
#include "disks.h"
#include "formats/format.h"
#include "machine/interval.h"
#include "output.h"
#include "registry.h"

enum { RECORD_DECIMALS_MAX = 6 };

struct record_options {
    uint64_t interval_ns, duration_ns, decimals;
    const char *output, *sources, *domains;
    int format;
    bool all;
};

#define RECORD(member) .offset = offsetof(struct record_options, member)

static const struct jb_option record_table[] = {
    { .name = "interval",
      .key = 'i',
      .argument = "TIME",
      .min = 100 * (uint64_t)JB_NS_PER_US,
      .max = UINT64_C(3600) * JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      RECORD(interval_ns),
      .help = "a row every TIME (100ms; scaphandre 2s, energizta 5s)" },
    { .name = "duration",
      .key = 'd',
      .argument = "TIME",
      .fallback = "60s",
      .type = JB_OPTION_DURATION,
      RECORD(duration_ns),
      .help = "stop after TIME; 0: when interrupted" },
    { .name = "output",
      .key = 'o',
      .argument = "FILE",
      .fallback = "-",
      .type = JB_OPTION_TEXT,
      RECORD(output),
      .help = "write to FILE (.json, .jsonl, .csv); -: standard output" },
    { .name = "format",
      .argument = "NAME",
      .fallback = "auto",
      .type = JB_OPTION_CHOICE,
      .choices = jb_format_choices,
      RECORD(format),
      .help = "auto, json, jsonl, csv, energizta or scaphandre" },
    { .name = "decimals",
      .argument = "N",
      .max = RECORD_DECIMALS_MAX,
      .type = JB_OPTION_UINT,
      RECORD(decimals),
      .help = "energizta's watts with N decimals, not whole" },
    { .name = "sources",
      .argument = "NAMES",
      .type = JB_OPTION_TEXT,
      RECORD(sources),
      .help = "only these sources, separated by commas" },
    { .name = "domains",
      .argument = "NAMES",
      .type = JB_OPTION_TEXT,
      RECORD(domains),
      .help = "only these domains: package, dram-0, ..." },
    { .name = "all",
      .key = 'a',
      .type = JB_OPTION_FLAG,
      RECORD(all),
      .help = "every sensor: also mirrors and other quantities" },
    { 0 },
};

/* Rows reach the file at least this often: what a kill can cost. */
static const uint64_t record_flush_ns = JB_NS_PER_S;
static const uint64_t record_progress_ns = JB_NS_PER_S / 2;
static const uint64_t record_probe_ns = JB_NS_PER_S / 10;
/* Powers that are integrated must be looked at more often than a line comes. */
static const uint64_t record_read_ns = JB_NS_PER_S;
static const uint64_t record_answer_ns = JB_NS_PER_S / 2;

struct record_session {
    const struct jb_cli *cli;
    const struct record_options *options;
    const struct jb_format *format;
    uint64_t interval_ns;
    struct jb_machine *machine;

    pthread_mutex_t lock; /* guards the format: readings come from lanes */
    struct jb_recording file;
    struct jb_format_state *state;
    struct jb_format_setup setup;
    struct jb_format_sensor *sensors;
    char (*paths)[JB_SENSOR_PATH_MAX];
    struct jb_format_disk *disks;
    uint64_t flushed_ns;

    struct jb_knot *from, *to; /* of the line before and of this one */
    struct jb_interval *rows;
    struct jb_format_power *powers;
    uint64_t from_ns, next_ns;

    int trouble; /* eventfd: readable once the file cannot be written */
    bool bar;    /* a terminal is there to look at progress */
};

static void record_take(void *context, const struct jb_machine_news *news,
                        size_t count)
{
    struct record_session *session = context;

    pthread_mutex_lock(&session->lock);
    for (size_t i = 0; i < count; i++)
        session->format->add(session->state, &(struct jb_format_reading){
                                                 .sensor = news[i].sensor,
                                                 .sample = news[i].sample,
                                                 .event = news[i].event,
                                                 .newest = news[i].newest });
    if (count > 0 &&
        news[0].sample->t1_ns - session->flushed_ns >= record_flush_ns) {
        jb_recording_flush(&session->file);
        session->flushed_ns = news[0].sample->t1_ns;
    }
    pthread_mutex_unlock(&session->lock);
    if (session->file.status != JB_OK)
        eventfd_write(session->trouble, 1);
}

static size_t record_list_powers(struct record_session *session)
{
    size_t count;
    const struct jb_machine_domain *domains =
        jb_machine_domains(session->machine, &count);
    size_t used = 0;

    for (size_t d = 0; d < count; d++) {
        const struct jb_interval *row = &session->rows[d];

        if (row->why.status == JB_OK)
            session->powers[used++] =
                (struct jb_format_power){ .domain = domains[d].domain,
                                          .provenance = row->provenance,
                                          .sensor = (size_t)row->sensor,
                                          .uw = row->average_uw,
                                          .t_ns = row->last_ns };
    }
    return used;
}

/* Reads everything, and hands on what was used since the last time. */
static void record_tick(struct record_session *session)
{
    uint64_t wait_ns = session->interval_ns / 2;
    struct jb_knot *from = session->from;
    struct jb_format_tick tick = { .begin_ns = session->from_ns };

    tick.end_ns = jb_clock_now_ns(&jb_clock_boottime);
    jb_machine_cut(session->machine,
                   wait_ns < record_answer_ns ? wait_ns : record_answer_ns);
    jb_machine_mark(session->machine, session->to);
    if (tick.begin_ns != 0) {
        jb_machine_interval(session->machine, from, session->to, session->rows);
        tick.powers = session->powers;
        tick.count = record_list_powers(session);
        pthread_mutex_lock(&session->lock);
        session->format->tick(session->state, &tick);
        jb_recording_flush(&session->file);
        pthread_mutex_unlock(&session->lock);
    }
    session->from = session->to;
    session->to = from;
    session->from_ns = tick.end_ns;
}

static void record_print_progress(const struct record_session *session,
                                  uint64_t done_ns)
{
    enum { WIDTH = 30 };
    uint64_t whole_ns = session->options->duration_ns;
    int full = whole_ns ? (int)((double)done_ns / (double)whole_ns * WIDTH) : 0;
    char bar[WIDTH + 1];

    if (!session->bar)
        return;
    full = full > WIDTH ? WIDTH : full;
    memset(bar, '.', WIDTH);
    memset(bar, '#', (size_t)full);
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %.1f s%s, %llu %s ", bar,
            (double)done_ns / JB_NS_PER_S, whole_ns ? "" : " (Ctrl-C ends)",
            (unsigned long long)session->file.rows,
            session->format->tick ? "rows" : "readings");
}

/* How long poll() may sleep; -1: until something happens.  Whole milliseconds,
 * rounded up, so that the end is not met by a burst of short waits. */
static int record_timeout_ms(const struct record_session *session,
                             uint64_t now_ns, uint64_t begin_ns)
{
    uint64_t whole_ns = session->options->duration_ns;
    uint64_t left_ns = whole_ns ? begin_ns + whole_ns - now_ns : UINT64_MAX;

    if (session->bar && left_ns > record_progress_ns)
        left_ns = record_progress_ns;
    if (session->format->tick && left_ns > session->next_ns - now_ns)
        left_ns = session->next_ns - now_ns;
    if (left_ns / JB_NS_PER_MS >= INT_MAX)
        return left_ns == UINT64_MAX ? -1 : INT_MAX;
    return (int)(left_ns / JB_NS_PER_MS) + 1;
}

static void record_tick_if_due(struct record_session *session, uint64_t now_ns)
{
    uint64_t step_ns = session->interval_ns;

    if (!session->format->tick || now_ns < session->next_ns)
        return;
    record_tick(session);
    now_ns = jb_clock_now_ns(&jb_clock_boottime);
    session->next_ns +=
        now_ns < session->next_ns
            ? step_ns
            : (now_ns - session->next_ns) / step_ns * step_ns + step_ns;
}

/* Until the time is over, a signal came, or the file cannot be written. */
static void record_wait(struct record_session *session,
                        const struct jb_signals *signals)
{
    uint64_t begin_ns = session->setup.clock.boot_ns;
    uint64_t whole_ns = session->options->duration_ns;
    struct pollfd watched[2] = { { .fd = signals->fd, .events = POLLIN },
                                 { .fd = session->trouble, .events = POLLIN } };

    if (session->format->tick)
        record_tick(session);
    session->next_ns = begin_ns + session->interval_ns;
    for (;;) {
        uint64_t now_ns = jb_clock_now_ns(&jb_clock_boottime);

        record_tick_if_due(session, now_ns);
        if ((whole_ns && now_ns - begin_ns >= whole_ns) ||
            session->file.status != JB_OK || jb_signals_next(signals) != 0)
            return;
        now_ns = jb_clock_now_ns(&jb_clock_boottime);
        record_print_progress(session, now_ns - begin_ns);
        if (whole_ns && now_ns - begin_ns >= whole_ns)
            continue;
        poll(watched, 2, record_timeout_ms(session, now_ns, begin_ns));
    }
}

static int record_allocate(struct record_session *session, struct jb_error *err)
{
    size_t sensors;
    size_t domains;

    jb_machine_sensors(session->machine, &sensors);
    jb_machine_domains(session->machine, &domains);
    session->sensors = calloc(sensors + 1, sizeof(*session->sensors));
    session->paths = calloc(sensors + 1, sizeof(*session->paths));
    session->from = calloc(sensors + 1, sizeof(*session->from));
    session->to = calloc(sensors + 1, sizeof(*session->to));
    session->rows = calloc(domains + 1, sizeof(*session->rows));
    session->powers = calloc(domains + 1, sizeof(*session->powers));
    if (!session->sensors || !session->paths || !session->from ||
        !session->to || !session->rows || !session->powers)
        return jb_fail(err, JB_ENOMEM, "%zu sensors", sensors);
    return JB_OK;
}

static void record_release(struct record_session *session)
{
    free(session->sensors);
    free(session->paths);
    jb_disks_free(session->disks, session->setup.disk_count);
    free(session->from);
    free(session->to);
    free(session->rows);
    free(session->powers);
}

/* What the format is told of the machine. */
static int record_describe(struct record_session *session, struct jb_error *err)
{
    struct jb_format_setup *setup = &session->setup;
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(session->machine, &count);
    int rc = record_allocate(session, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        session->sensors[i] = (struct jb_format_sensor){
            .about = sensors[i].about,
            .path =
                jb_machine_sensor_path(session->machine, i, session->paths[i]),
            .metered = sensors[i].domain >= 0,
        };
    setup->sensors = session->sensors;
    setup->sensor_count = count;
    setup->interval_ns = session->interval_ns;
    setup->decimals = (unsigned)session->options->decimals;
    if (session->format->tick)
        rc = jb_disks_list(&session->cli->env, session->sensors, count,
                           &session->disks, &setup->disk_count, err);
    setup->disks = session->disks;
    setup->clock.boot_ns = jb_clock_now_ns(&jb_clock_boottime);
    setup->clock.utc_ns = jb_clock_utc_ns();
    return rc;
}

/* The file, and the head of its format in it. */
static int record_open_file(struct record_session *session,
                            struct jb_error *err)
{
    int rc = record_describe(session, err);

    if (rc == JB_OK)
        rc = jb_recording_open(&session->file, session->options->output,
                               session->format->foot, err);
    if (rc == JB_OK)
        rc = session->format->open(&session->setup, &session->file,
                                   &session->state, err);
    if (rc < 0)
        return rc;
    jb_recording_flush(&session->file);
    return session->file.status == JB_OK
               ? JB_OK
               : jb_fail(err, session->file.status, "writing %s failed",
                         session->options->output);
}

static int record_follow(struct record_session *session,
                         const struct jb_signals *signals, struct jb_error *err)
{
    struct jb_machine_watch watch = {
        .period_ns = session->interval_ns,
        .scope = session->options->all || session->format->tick
                     ? JB_WATCH_ALL
                     : JB_WATCH_CHOSEN,
        .listener = record_take,
        .context = session,
    };
    int rc;

    if (session->format->tick && watch.period_ns > record_read_ns)
        watch.period_ns = record_read_ns;
    rc = jb_machine_watch(session->machine, &watch, err);
    if (rc == JB_OK)
        rc = record_open_file(session, err);
    if (rc == JB_OK)
        rc = jb_machine_start(session->machine, err);
    if (rc == JB_OK)
        record_wait(session, signals);
    jb_machine_stop(session->machine);
    return rc;
}

static int record_all(struct record_session *session, struct jb_error *err)
{
    struct jb_signals signals;
    int rc;

    session->trouble = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (session->trouble < 0)
        return jb_fail_errno(err, errno, "eventfd");
    rc = jb_signals_open(&signals, err);
    if (rc < 0) {
        close(session->trouble);
        return rc;
    }
    rc = record_follow(session, &signals, err);
    if (session->bar)
        fputc('\n', stderr);
    if (jb_recording_close(&session->file, rc == JB_OK ? err : NULL) < 0 &&
        rc == JB_OK)
        rc = err->status;
    session->format->close(session->state);
    jb_signals_close(&signals);
    close(session->trouble);
    return rc;
}

static void record_say(const struct record_session *session)
{
    if (session->cli->quiet || strcmp(session->options->output, "-") == 0)
        return;
    fprintf(stderr, "%llu %s in %s%s\n", (unsigned long long)session->file.rows,
            session->format->tick ? "rows" : "readings",
            session->options->output,
            jb_machine_only_estimates(session->machine)
                ? " (estimates: nothing is measured here)"
                : "");
}

static bool record_is_empty(const struct jb_machine *machine, bool all)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);

    if (!all)
        return jb_machine_usable(machine) == 0;
    for (size_t i = 0; i < count; i++)
        if (sensors[i].why.status == JB_OK)
            return false;
    return true;
}

/* "auto" and "native" go by the file's name; lines are what a pipe can take. */
static int record_choose_format(struct record_session *session,
                                struct jb_error *err)
{
    const struct record_options *options = session->options;
    const char *name = jb_format_choices[options->format];

    session->format = jb_format_find(name);
    if (!session->format)
        session->format = strcmp(options->output, "-") == 0
                              ? jb_format_find("jsonl")
                              : jb_format_of_path(options->output);
    if (!session->format)
        return jb_fail(err, JB_EUSAGE,
                       "%s: name it .json, .jsonl or .csv, or say --format",
                       options->output);
    if (options->decimals > 0 &&
        strcmp(session->format->name, "energizta") != 0)
        return jb_fail(err, JB_EUSAGE,
                       "--decimals is for --format=energizta: %s has all",
                       session->format->name);
    session->interval_ns = options->interval_ns ? options->interval_ns
                                                : session->format->interval_ns;
    return JB_OK;
}

/* The tools whose formats have no word for an estimate print figures that are
 * taken for measured ones. */
static int record_check_machine(const struct record_session *session,
                                struct jb_error *err)
{
    bool all = session->options->all && !session->format->tick;

    if (record_is_empty(session->machine, all))
        jb_fail(err, JB_EABSENT, "there is nothing to record here");
    else if (session->format->tick &&
             jb_machine_only_estimates(session->machine))
        jb_fail(err, JB_EABSENT,
                "nothing is measured here, and %s has no word for estimates",
                session->format->name);
    else
        return JB_OK;
    jb_error_set_fix(err, "joulebook doctor");
    return JB_EABSENT;
}

static int record_open(struct record_session *session, struct jb_error *err)
{
    const struct record_options *options = session->options;
    const struct jb_cli *cli = session->cli;
    bool every = options->all || session->format->tick;
    struct jb_machine_config config = {
        .env = &cli->env,
        .config = cli->config,
        .sources = options->sources ? options->sources : cli->sources,
        .settings = cli->settings,
        .domains = options->domains,
        .quantities =
            every ? 0 : 1 << JB_QUANTITY_ENERGY | 1 << JB_QUANTITY_POWER,
    };
    int rc = jb_machine_open(&config, &session->machine, err);

    if (rc == JB_OK && !cli->recorded && !cli->played)
        rc = jb_machine_probe(session->machine, record_probe_ns, err);
    return rc == JB_OK ? record_check_machine(session, err) : rc;
}

static int record_run(const struct jb_cli *cli, const void *opaque, int argc,
                      char **argv, int *exit_code, struct jb_error *err)
{
    struct record_session session = { .cli = cli,
                                      .options = opaque,
                                      .file.fd = -1,
                                      .bar = !cli->quiet &&
                                             isatty(STDERR_FILENO) };
    int rc = record_choose_format(&session, err);

    (void)argc;
    (void)argv;
    (void)exit_code;
    if (rc < 0)
        return rc;
    pthread_mutex_init(&session.lock, NULL);
    rc = record_open(&session, err);
    if (rc == JB_OK)
        rc = record_all(&session, err);
    if (rc == JB_OK)
        record_say(&session);
    jb_machine_close(session.machine);
    record_release(&session);
    pthread_mutex_destroy(&session.lock);
    return rc;
}

const struct jb_command jb_command_record = {
    .name = "record",
    .summary = "record what the meters say over time into a file",
    .arguments = "",
    .details =
        "Energy is in joules since the first reading, power_w the mean "
        "since the count last moved.  The file is valid at any moment, also "
        "when the recording is interrupted or killed.  energizta and "
        "scaphandre are what those tools write.",
    .options = record_table,
    .options_size = sizeof(struct record_options),
    .run = record_run,
};
