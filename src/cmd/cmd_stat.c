/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook stat: the joules of one command, like perf stat for energy. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "child.h"
#include "output.h"
#include "registry.h"
#include "result.h"

enum {
    STAT_RUNS_MAX = 1000000,
    STAT_NOT_FOUND = 127, /* as a shell says it */
    STAT_NOT_EXECUTABLE = 126,
};

/* How long the end of a run waits for meters that do not answer. */
static const uint64_t stat_wait_ns = JB_NS_PER_S / 2;

struct stat_options {
    uint64_t repeat, interval_ns, period_ns;
    const char *output, *sources, *domains, *unit;
    double flops, work;
    int format;
    bool csv, estimate;
};

#define STAT(member) .offset = offsetof(struct stat_options, member)

enum stat_format { STAT_TEXT, STAT_PERF };
static const char *const stat_formats[] = { "text", "perf", NULL };

static const struct jb_option stat_table[] = {
    { .name = "repeat",
      .key = 'r',
      .argument = "N",
      .fallback = "1",
      .min = 1,
      .max = STAT_RUNS_MAX,
      .type = JB_OPTION_UINT,
      STAT(repeat),
      .help = "run the command N times: mean, deviation, confidence interval" },
    { .name = "interval",
      .key = 'i',
      .argument = "TIME",
      .min = JB_NS_PER_MS,
      .max = (uint64_t)24 * 3600 * JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      STAT(interval_ns),
      .help = "also print what was used every TIME" },
    { .name = "output",
      .key = 'o',
      .argument = "FILE",
      .type = JB_OPTION_TEXT,
      STAT(output),
      .help = "write the result to FILE" },
    { .name = "csv",
      .type = JB_OPTION_FLAG,
      STAT(csv),
      .help = "print the result as CSV" },
    { .name = "format",
      .argument = "NAME",
      .fallback = "text",
      .type = JB_OPTION_CHOICE,
      .choices = stat_formats,
      STAT(format),
      .help = "text or perf: as perf stat prints power/energy-.../" },
    { .name = "flops",
      .argument = "N",
      .type = JB_OPTION_REAL,
      STAT(flops),
      .help = "the command does N floating-point operations: FLOP/s per W" },
    { .name = "work",
      .argument = "N",
      .type = JB_OPTION_REAL,
      STAT(work),
      .help = "the command does N units of work: joules per unit" },
    { .name = "unit",
      .argument = "NAME",
      .type = JB_OPTION_TEXT,
      STAT(unit),
      .help = "what a unit of work is called" },
    { .name = "sources",
      .argument = "NAMES",
      .type = JB_OPTION_TEXT,
      STAT(sources),
      .help = "only these sources, separated by commas" },
    { .name = "domains",
      .argument = "NAMES",
      .type = JB_OPTION_TEXT,
      STAT(domains),
      .help = "only these domains: package, dram-0, ..." },
    { .name = "period",
      .argument = "TIME",
      .fallback = "100ms",
      .min = 100 * (uint64_t)JB_NS_PER_US,
      .max = 60 * (uint64_t)JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      STAT(period_ns),
      .help = "read the meters every TIME meanwhile: for peaks and wraps" },
    { .name = "estimate",
      .type = JB_OPTION_FLAG,
      STAT(estimate),
      .help = "show the model's estimate also beside measured figures" },
    { 0 },
};

/* All that one call of the command needs; arrays are per sensor or domain. */
struct stat_session {
    const struct jb_cli *cli;
    const struct stat_options *options;
    struct jb_machine *machine;
    struct jb_signals signals;
    struct jb_knot *begin, *end,
        *last; /* last: of the previous interval line */
    struct jb_interval *rows;
    struct jb_result result;
    FILE *out;
    FILE *lines;         /* of intervals: never between the result's own */
    uint64_t elapsed_ns; /* of the last run */
    int start_status;    /* why the command could not be started, or JB_OK */
    int ended_by;        /* signal that ended the command, or 0 */
    bool interrupted;    /* no further run */
    bool headed;         /* interval lines have their head */
    bool started;        /* the lanes read on their own */
};

static int stat_allocate(struct stat_session *session, struct jb_error *err)
{
    size_t sensors;
    size_t domains;

    jb_machine_sensors(session->machine, &sensors);
    jb_machine_domains(session->machine, &domains);
    session->begin = calloc(sensors + 1, sizeof(*session->begin));
    session->end = calloc(sensors + 1, sizeof(*session->end));
    session->last = calloc(sensors + 1, sizeof(*session->last));
    session->rows = calloc(domains + 1, sizeof(*session->rows));
    if (!session->begin || !session->end || !session->last || !session->rows)
        return jb_fail(err, JB_ENOMEM, "%zu sensors", sensors);
    return jb_result_open(&session->result, session->machine, err);
}

static void stat_release(struct stat_session *session)
{
    jb_machine_close(session->machine);
    if (session->out && session->out != stdout && session->out != stderr)
        fclose(session->out);
    free(session->begin);
    free(session->end);
    free(session->last);
    free(session->rows);
    jb_result_release(&session->result);
}

static void stat_print_interval_head(struct stat_session *session)
{
    if (session->options->interval_ns == 0 || session->headed)
        return;
    fprintf(session->lines, "%12s  %-15s %14s %12s\n", "time s", "domain",
            "energy J", "average W");
    session->headed = true;
}

/* A line per domain with what it used since the previous line. */
static void stat_print_interval(struct stat_session *session, double at_s)
{
    size_t sensors;
    size_t count;
    const struct jb_machine_domain *domains =
        jb_machine_domains(session->machine, &count);

    stat_print_interval_head(session);
    jb_machine_sensors(session->machine, &sensors);
    jb_machine_mark(session->machine, session->end);
    jb_machine_interval(session->machine, session->last, session->end,
                        session->rows);
    for (size_t d = 0; d < count; d++) {
        const struct jb_interval *row = &session->rows[d];

        if (row->why.status == JB_OK)
            fprintf(session->lines, "%12.6f  %-15s %14.6f %12.6f%s\n", at_s,
                    domains[d].name, jb_energy_joules(row->span.energy),
                    (double)row->average_uw / 1e6,
                    row->provenance == JB_ESTIMATED ? "  estimated" : "");
        else
            fprintf(session->lines, "%12.6f  %-15s %14s %12s  %s\n", at_s,
                    domains[d].name, "-", "-", row->why.text);
    }
    fflush(session->lines);
    memcpy(session->last, session->end, sensors * sizeof(*session->last));
}

/* The meters are read on their own from the first period on: a command that
 * ends sooner needs no thread.  Failing to start them is told when the command
 * has ended. */
static int stat_follow(struct stat_session *session, struct jb_child *child,
                       uint64_t begin_ns, struct jb_error *err)
{
    uint64_t step_ns = session->options->interval_ns;
    uint64_t start_ns = session->started
                            ? UINT64_MAX
                            : begin_ns + jb_machine_period_ns(session->machine);
    uint64_t next_ns = step_ns ? begin_ns + step_ns : UINT64_MAX;
    int rc = JB_OK;

    while (!child->ended) {
        uint64_t now_ns;

        jb_child_wait(child, &session->signals,
                      start_ns < next_ns ? start_ns : next_ns);
        now_ns = jb_clock_now_ns(&jb_clock_boottime);
        if (child->ended)
            break;
        if (now_ns >= start_ns) {
            rc = jb_machine_start(session->machine, err);
            jb_machine_cut(session->machine, 0);
            start_ns = UINT64_MAX;
        }
        if (step_ns > 0 && now_ns >= next_ns) {
            jb_machine_cut(session->machine, stat_wait_ns);
            stat_print_interval(session,
                                (double)(now_ns - begin_ns) / JB_NS_PER_S);
            next_ns += (now_ns - next_ns) / step_ns * step_ns + step_ns;
        }
    }
    return rc;
}

static void stat_book_run(struct stat_session *session,
                          const struct jb_child *child)
{
    struct jb_result *result = &session->result;

    jb_machine_judge(session->machine);
    jb_machine_mark(session->machine, session->end);
    jb_machine_interval(session->machine, session->begin, session->end,
                        session->rows);
    jb_series_add(&result->elapsed_s,
                  (double)session->elapsed_ns / JB_NS_PER_S);
    jb_series_add(&result->user_s, child->user_s);
    jb_series_add(&result->system_s, child->system_s);
    result->exit_code = jb_child_exit_code(child);
    session->ended_by = jb_child_signal(child);
    session->interrupted = child->interrupted || session->ended_by;
    jb_result_add_run(result, session->rows, session->elapsed_ns);
}

/* A meter whose read can hang is read by a thread only: without one it would
 * have no reading from before the command.  When there can be no thread, the
 * others do without, and that is told when the command has ended. */
static int stat_read_first(struct stat_session *session,
                           const struct jb_machine_watch *watch,
                           struct jb_error *err)
{
    int rc = jb_machine_watch(session->machine, watch, err);

    session->started = false;
    if (rc < 0 || jb_machine_cut(session->machine, stat_wait_ns) == 0)
        return rc;
    session->started = jb_machine_start(session->machine, NULL) == JB_OK;
    if (!session->started)
        rc = jb_machine_watch(session->machine, watch, err);
    if (rc == JB_OK)
        jb_machine_cut(session->machine, stat_wait_ns);
    return rc;
}

static int stat_run_once(struct stat_session *session, char *const *argv,
                         struct jb_error *err)
{
    struct jb_machine_watch watch = { .period_ns = session->options->period_ns,
                                      .scope = JB_WATCH_DOMAINS };
    struct jb_child child;
    uint64_t begin_ns;
    size_t sensors;
    int rc;

    jb_machine_acquit(session->machine);
    rc = stat_read_first(session, &watch, err);
    if (rc < 0)
        return rc;
    jb_machine_sensors(session->machine, &sensors);
    jb_machine_mark(session->machine, session->begin);
    memcpy(session->last, session->begin, sensors * sizeof(*session->last));
    begin_ns = jb_clock_now_ns(&jb_clock_boottime);
    rc = jb_child_start(argv, &session->signals, &child, err);
    if (rc < 0) {
        session->start_status = rc;
        return rc;
    }
    rc = stat_follow(session, &child, begin_ns, err);
    session->elapsed_ns = jb_clock_now_ns(&jb_clock_boottime) - begin_ns;
    session->result.left_behind =
        jb_machine_cut(session->machine, stat_wait_ns);
    if (session->headed) /* the rest since the last line */
        stat_print_interval(session, (double)session->elapsed_ns / JB_NS_PER_S);
    jb_machine_stop(session->machine);
    stat_book_run(session, &child);
    return rc;
}

static void stat_print_progress(const struct stat_session *session,
                                uint64_t run)
{
    struct jb_energy energy;
    uint64_t below_uj;
    uint64_t above_uj;
    char text[32];

    if (session->cli->quiet || session->options->repeat < 2 ||
        session->options->format == STAT_PERF)
        return;
    fprintf(stderr, "run %llu of %llu: %.3f s", (unsigned long long)run,
            (unsigned long long)session->options->repeat,
            (double)session->elapsed_ns / JB_NS_PER_S);
    if (jb_interval_total(session->machine, session->rows, &energy, &below_uj,
                          &above_uj, session->result.in_total) > 0)
        fprintf(stderr, ", %s%s",
                jb_machine_only_estimates(session->machine) ? "~" : "",
                jb_format_micro(text, (double)energy.uj, "J"));
    fputc('\n', stderr);
}

static int stat_run_all(struct stat_session *session, char *const *argv,
                        struct jb_error *err)
{
    for (uint64_t run = 1; run <= session->options->repeat; run++) {
        int rc = stat_run_once(session, argv, err);

        if (rc < 0)
            return rc;
        stat_print_progress(session, run);
        if (session->interrupted)
            break;
    }
    jb_result_finish(&session->result, session->options->estimate,
                     session->rows);
    return JB_OK;
}

static int stat_print(struct stat_session *session, struct jb_error *err)
{
    const struct jb_cli *cli = session->cli;

    if (session->options->output && ftruncate(fileno(session->out), 0) < 0 &&
        errno != EINVAL) /* no file, but a terminal or a pipe */
        return jb_fail_errno(err, errno, "%s", session->options->output);
    if (cli->json)
        return jb_result_print_json(&session->result, session->out,
                                    cli->verbose, err);
    if (session->options->format == STAT_PERF)
        return jb_result_print_perf(&session->result, session->out,
                                    cli->quiet ? NULL : stderr, err);
    if (session->options->csv)
        return jb_result_print_csv(&session->result, session->out, err);
    return jb_result_print_text(&session->result, session->out, cli->verbose,
                                err);
}

/* Text goes beside the command's own output, as with perf stat; who asks for
 * JSON or CSV wants to read it from a pipe.  A file is known to be writable
 * before the command runs, and loses what it held only when there is a
 * result. */
static int stat_open_output(struct stat_session *session, struct jb_error *err)
{
    const struct stat_options *options = session->options;
    int fd;

    session->out = session->cli->json || options->csv ? stdout : stderr;
    session->lines = stderr;
    if (!options->output)
        return JB_OK;
    fd = open(options->output, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    session->out = fd < 0 ? NULL : fdopen(fd, "w");
    if (session->out)
        return JB_OK;
    jb_fail_errno(err, errno, "%s", options->output);
    if (fd >= 0)
        close(fd);
    return err->status = JB_EIO; /* a directory that is absent is no meter */
}

static int stat_open(struct stat_session *session, struct jb_error *err)
{
    struct jb_machine_config config = {
        .env = &session->cli->env,
        .config = session->cli->config,
        .sources = session->options->sources ? session->options->sources
                                             : session->cli->sources,
        .settings = session->cli->settings,
        .domains = session->options->domains,
        .quantities = 1 << JB_QUANTITY_ENERGY | 1 << JB_QUANTITY_POWER,
        .all_modules = session->options->estimate,
        .still = session->cli->recorded,
    };
    int rc = jb_machine_open(&config, &session->machine, err);

    if (rc == JB_OK)
        rc = stat_allocate(session, err);
    if (rc == JB_OK)
        rc = stat_open_output(session, err);
    if (rc == JB_OK)
        rc = jb_signals_open(&session->signals, err);
    session->result.recorded = session->cli->recorded;
    return rc;
}

/* A command that cannot be started ends like it does in a shell. */
static int stat_exit_code(const struct stat_session *session)
{
    if (session->start_status == JB_EABSENT)
        return STAT_NOT_FOUND;
    if (session->start_status < 0)
        return STAT_NOT_EXECUTABLE;
    return session->result.exit_code;
}

static int stat_run(const struct jb_cli *cli, const void *opaque, int argc,
                    char **argv, int *exit_code, struct jb_error *err)
{
    const struct stat_options *options = opaque;
    struct stat_session session = { .cli = cli, .options = options };
    int rc;

    if (argc < 1)
        return jb_fail(err, JB_EUSAGE,
                       "stat needs a command: joulebook stat "
                       "-- COMMAND [ARG...]");
    if (cli->json && options->csv)
        return jb_fail(err, JB_EUSAGE, "--json or --csv, not both");
    if (options->format == STAT_PERF && (cli->json || options->csv))
        return jb_fail(err, JB_EUSAGE, "--format=perf is text: not with %s",
                       cli->json ? "--json" : "--csv");
    if (options->unit && !(options->work > 0.0))
        return jb_fail(err, JB_EUSAGE,
                       "--unit names what --work counts: say "
                       "both");
    session.result.command = argv;
    session.result.work =
        (struct jb_result_work){ options->flops, options->work, options->unit };
    rc = stat_open(&session, err);
    if (rc == JB_OK) {
        rc = stat_run_all(&session, argv, err);
        if (rc == JB_OK)
            rc = stat_print(&session, err);
        jb_signals_close(&session.signals);
    }
    stat_release(&session);
    *exit_code = stat_exit_code(&session);
    if (session.start_status < 0) {
        fprintf(stderr, "joulebook: %s\n", err->text);
        return JB_OK;
    }
    if (rc == JB_OK && session.ended_by)
        jb_child_end_by(session.ended_by);
    return rc;
}

const struct jb_command jb_command_stat = {
    .name = "stat",
    .summary = "measure the energy of a command",
    .arguments = "-- COMMAND [ARG...]",
    .details =
        "Runs COMMAND and says how much energy each part of the machine used "
        "meanwhile, everything that ran included.  The command keeps its "
        "terminal, its signals and its exit code.  Text goes to the standard "
        "error, JSON and CSV to the standard output, or all to --output.",
    .options = stat_table,
    .options_size = sizeof(struct stat_options),
    .takes_arguments = true,
    .run = stat_run,
};
