/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook record: a time series of what the meters say, into a file. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "child.h"
#include "output.h"
#include "registry.h"
#include "rows.h"

struct record_options {
    uint64_t interval_ns, duration_ns;
    const char *output, *sources, *domains;
    int format;
    bool all;
};

#define RECORD(member) .offset = offsetof(struct record_options, member)

static const char *const record_formats[] = { "auto", "json", "jsonl", "csv",
                                              NULL };

static const struct jb_option record_table[] = {
    { .name = "interval",
      .key = 'i',
      .argument = "TIME",
      .fallback = "100ms",
      .min = 100 * (uint64_t)JB_NS_PER_US,
      .max = UINT64_C(3600) * JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      RECORD(interval_ns),
      .help = "read every TIME" },
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
      .choices = record_formats,
      RECORD(format),
      .help = "json, jsonl or csv, whatever FILE is called" },
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

struct record_session {
    const struct jb_cli *cli;
    const struct record_options *options;
    struct jb_machine *machine;
    struct jb_rows rows;
    uint64_t flushed_ns;
    int trouble; /* eventfd: readable once the file cannot be written */
    bool bar;    /* a terminal is there to look at progress */
};

static void record_take(void *context, const struct jb_machine_news *news,
                        size_t count)
{
    struct record_session *session = context;

    for (size_t i = 0; i < count; i++)
        jb_rows_add(&session->rows, &news[i]);
    if (count > 0 &&
        news[0].sample->t1_ns - session->flushed_ns >= record_flush_ns) {
        jb_rows_flush(&session->rows);
        session->flushed_ns = news[0].sample->t1_ns;
    }
    if (session->rows.status != JB_OK)
        eventfd_write(session->trouble, 1);
}

static int record_format(const struct record_options *options,
                         enum jb_rows_format *format, struct jb_error *err)
{
    if (options->format > 0) {
        *format = (enum jb_rows_format)(options->format - 1);
        return JB_OK;
    }
    if (strcmp(options->output, "-") == 0) {
        *format = JB_ROWS_JSONL;
        return JB_OK;
    }
    if (!jb_rows_format_of(options->output, format))
        return jb_fail(err, JB_EUSAGE,
                       "%s: name it .json, .jsonl or .csv, or say --format",
                       options->output);
    return JB_OK;
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
    fprintf(stderr, "\r[%s] %.1f s%s, %llu readings ", bar,
            (double)done_ns / JB_NS_PER_S, whole_ns ? "" : " (Ctrl-C ends)",
            (unsigned long long)session->rows.count);
}

/* How long poll() may sleep; -1: until something happens.  Whole milliseconds,
 * rounded up, so that the end is not met by a burst of short waits. */
static int record_timeout_ms(const struct record_session *session,
                             uint64_t done_ns)
{
    uint64_t whole_ns = session->options->duration_ns;
    uint64_t left_ns = whole_ns ? whole_ns - done_ns : UINT64_MAX;

    if (session->bar && left_ns > record_progress_ns)
        left_ns = record_progress_ns;
    if (left_ns / JB_NS_PER_MS >= INT_MAX)
        return whole_ns ? INT_MAX : -1;
    return (int)(left_ns / JB_NS_PER_MS) + 1;
}

/* Until the time is over, a signal came, or the file cannot be written. */
static void record_wait(struct record_session *session,
                        const struct jb_signals *signals, uint64_t begin_ns)
{
    uint64_t whole_ns = session->options->duration_ns;
    struct pollfd watched[2] = { { .fd = signals->fd, .events = POLLIN },
                                 { .fd = session->trouble, .events = POLLIN } };

    for (;;) {
        uint64_t done_ns = jb_clock_now_ns(&jb_clock_boottime) - begin_ns;

        if ((whole_ns && done_ns >= whole_ns) ||
            session->rows.status != JB_OK || jb_signals_next(signals) != 0)
            return;
        record_print_progress(session, done_ns);
        poll(watched, 2, record_timeout_ms(session, done_ns));
    }
}

static int record_all(struct record_session *session, struct jb_error *err)
{
    struct jb_machine_watch watch = {
        .period_ns = session->options->interval_ns,
        .scope = session->options->all ? JB_WATCH_ALL : JB_WATCH_CHOSEN,
        .listener = record_take,
        .context = session,
    };
    struct jb_signals signals;
    enum jb_rows_format format;
    int rc = record_format(session->options, &format, err);

    if (rc < 0)
        return rc;
    session->trouble = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (session->trouble < 0)
        return jb_fail_errno(err, errno, "eventfd");
    rc = jb_signals_open(&signals, err);
    if (rc < 0) {
        close(session->trouble);
        return rc;
    }
    rc = jb_machine_watch(session->machine, &watch, err);
    if (rc == JB_OK)
        rc = jb_rows_open(&session->rows, session->options->output, format,
                          session->machine, session->options->interval_ns, err);
    if (rc == JB_OK)
        rc = jb_machine_start(session->machine, err);
    if (rc == JB_OK)
        record_wait(session, &signals, session->rows.begin_ns);
    jb_machine_stop(session->machine);
    if (session->bar)
        fputc('\n', stderr);
    if (jb_rows_close(&session->rows, rc == JB_OK ? err : NULL) < 0 &&
        rc == JB_OK)
        rc = err->status;
    jb_signals_close(&signals);
    close(session->trouble);
    return rc;
}

static void record_say(const struct record_session *session)
{
    if (session->cli->quiet || strcmp(session->options->output, "-") == 0)
        return;
    fprintf(stderr, "%llu readings in %s%s\n",
            (unsigned long long)session->rows.count, session->options->output,
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

static int record_run(const struct jb_cli *cli, const void *opaque, int argc,
                      char **argv, int *exit_code, struct jb_error *err)
{
    const struct record_options *options = opaque;
    struct record_session session = { .cli = cli,
                                      .options = options,
                                      .rows.fd = -1,
                                      .bar = !cli->quiet &&
                                             isatty(STDERR_FILENO) };
    struct jb_machine_config config = {
        .env = &cli->env,
        .config = cli->config,
        .sources = options->sources,
        .domains = options->domains,
        .quantities =
            options->all ? 0 : 1 << JB_QUANTITY_ENERGY | 1 << JB_QUANTITY_POWER,
    };
    int rc = jb_machine_open(&config, &session.machine, err);

    (void)argc;
    (void)argv;
    (void)exit_code;
    if (rc == JB_OK && !cli->recorded)
        rc = jb_machine_probe(session.machine, record_probe_ns, err);
    if (rc == JB_OK && record_is_empty(session.machine, options->all)) {
        rc = jb_fail(err, JB_EABSENT, "there is nothing to record here");
        jb_error_set_fix(err, "joulebook doctor");
    }
    if (rc == JB_OK)
        rc = record_all(&session, err);
    if (rc == JB_OK)
        record_say(&session);
    jb_machine_close(session.machine);
    return rc;
}

const struct jb_command jb_command_record = {
    .name = "record",
    .summary = "record what the meters say over time into a file",
    .arguments = "",
    .details =
        "Energy is in joules since the first reading, power_w the mean "
        "since the count last moved.  The file is valid at any moment, also "
        "when the recording is interrupted or killed.",
    .options = record_table,
    .options_size = sizeof(struct record_options),
    .run = record_run,
};
