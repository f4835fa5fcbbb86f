/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook record: a time series of what the meters say, into a file. */
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "disks.h"
#include "formats/format.h"
#include "machine/interval.h"
#include "output.h"
#include "pace.h"
#include "record_ppf.h"
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
      .help = "a row every TIME (100ms; ppf 1s, scaphandre 2s, energizta 5s)" },
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
      .help = "auto, json, jsonl, csv, energizta, scaphandre, ppf" },
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
/* The wall clock may be set: rows after that have the new time. */
static const uint64_t record_clock_ns = JB_NS_PER_S / 10;
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
    bool told; /* the main thread knows that it has something to write */

    struct jb_knot *from, *to; /* of the line before and of this one */
    struct jb_interval *rows;
    struct jb_format_power *powers;
    uint64_t from_ns, next_ns;

    struct jb_pace pace;
};

static void record_follow_clock(struct record_session *session, uint64_t now_ns)
{
    struct jb_clockmap *clock = &session->setup.clock;

    if (now_ns - clock->boot_ns < record_clock_ns)
        return;
    (void)jb_clockmap_update(clock, jb_clock_now_ns(&jb_clock_boottime),
                             jb_clock_utc_ns());
}

/* A regular file takes rows from whoever has them: waking another thread costs
 * more than writing.  What a reader may block is written by the main thread. */
static void record_pass_on(struct record_session *session, uint64_t now_ns)
{
    bool due = now_ns - session->flushed_ns >= record_flush_ns;

    if (session->file.waits)
        due =
            !session->told && (due || session->file.whole > JB_RECORDING_FLUSH);
    if (!due)
        return;
    session->flushed_ns = now_ns;
    session->told = session->file.waits;
    if (session->told)
        jb_pace_wake(&session->pace);
    else
        jb_recording_flush(&session->file);
}

/* By the main thread.  As long as something is pending it hears of the reader
 * and needs not be told; rows that come meanwhile are told of by the next. */
static void record_write_rows(struct record_session *session)
{
    pthread_mutex_lock(&session->lock);
    jb_recording_take(&session->file);
    pthread_mutex_unlock(&session->lock);
    jb_recording_pump(&session->file);
    pthread_mutex_lock(&session->lock);
    session->told = jb_recording_pending(&session->file);
    pthread_mutex_unlock(&session->lock);
}

static void record_take(void *context, const struct jb_machine_news *news,
                        size_t count)
{
    struct record_session *session = context;

    if (count == 0)
        return;
    pthread_mutex_lock(&session->lock);
    record_follow_clock(session, news[0].sample->t1_ns);
    for (size_t i = 0; i < count; i++)
        session->format->add(session->state, &(struct jb_format_reading){
                                                 .sensor = news[i].sensor,
                                                 .sample = news[i].sample,
                                                 .event = news[i].event,
                                                 .newest = news[i].newest });
    record_pass_on(session, news[0].sample->t1_ns);
    pthread_mutex_unlock(&session->lock);
    if (session->file.status != JB_OK)
        jb_pace_wake(&session->pace);
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
static void record_wait(struct record_session *session)
{
    if (session->format->tick)
        record_tick(session);
    session->next_ns = session->format->tick
                           ? session->setup.begin_ns + session->interval_ns
                           : UINT64_MAX;
    while (jb_pace_sleep(&session->pace, session->next_ns)) {
        record_write_rows(session);
        record_tick_if_due(session, jb_clock_now_ns(&jb_clock_boottime));
    }
    /* the last interval ends with the recording */
    record_tick_if_due(session, jb_clock_now_ns(&jb_clock_boottime));
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
    setup->begin_ns = jb_clock_now_ns(&jb_clock_boottime);
    setup->clock.boot_ns = setup->begin_ns;
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

static int record_prepare(struct record_session *session, struct jb_error *err)
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
    return rc == JB_OK ? record_open_file(session, err) : rc;
}

static int record_follow(struct record_session *session, struct jb_error *err)
{
    struct jb_pace *pace = &session->pace;
    int rc = jb_pace_open(pace, err);

    pace->bar =
        jb_pace_wants_bar(session->cli->quiet, session->options->output);
    pace->unit = session->format->tick ? "rows" : "readings";
    pace->file = &session->file;
    pace->begin_ns = session->setup.begin_ns;
    pace->whole_ns = session->options->duration_ns;
    if (rc == JB_OK)
        rc = jb_machine_start(session->machine, err);
    if (rc == JB_OK)
        record_wait(session);
    jb_machine_stop(session->machine);
    if (rc == JB_OK)
        jb_pace_drain(pace);
    if (pace->bar)
        fputc('\n', stderr);
    jb_pace_close(pace);
    return rc;
}

/* Signals end the program as ever until all is open: a FIFO without a reader
 * is waited for. */
static int record_all(struct record_session *session, struct jb_error *err)
{
    int rc = record_prepare(session, err);

    if (rc == JB_OK)
        rc = record_follow(session, err);
    if (jb_recording_close(&session->file, rc == JB_OK ? err : NULL) < 0 &&
        rc == JB_OK)
        rc = err->status;
    session->format->close(session->state);
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

/* Why a meter that is there may not be read, or NULL when none is so. */
static const struct jb_error *record_denied(const struct jb_machine *machine)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);

    for (size_t i = 0; i < count; i++)
        if (sensors[i].account && sensors[i].why.status == JB_EDENIED)
            return &sensors[i].why;
    return NULL;
}

/* The tools whose formats have no word for an estimate print figures that are
 * taken for measured ones. */
static int record_check_machine(const struct record_session *session,
                                struct jb_error *err)
{
    bool all = session->options->all && !session->format->tick;
    bool empty = record_is_empty(session->machine, all);
    const struct jb_error *denied = record_denied(session->machine);

    if (denied && (empty || (session->format->tick &&
                             jb_machine_only_estimates(session->machine)))) {
        jb_fail(err, JB_EABSENT, "nothing may be recorded here: %s",
                denied->text);
        jb_error_set_fix(err, "%s", denied->fix);
        return JB_EABSENT;
    }
    if (empty)
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

static bool record_is_ppf(const struct record_options *options)
{
    return strcmp(jb_format_choices[options->format], JB_RECORD_PPF) == 0;
}

/* Its readings are those of the library's monitors, which choose their meters
 * themselves. */
static int record_run_ppf(const struct jb_cli *cli,
                          const struct record_options *options,
                          struct jb_error *err)
{
    const struct {
        const char *name;
        bool given;
    } others[] = {
        { "--sources", options->sources != NULL },
        { "--domains", options->domains != NULL },
        { "--all", options->all },
        { "--decimals", options->decimals > 0 },
        { "--replay", cli->played },
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (others[i].given)
            return jb_fail(err, JB_EUSAGE,
                           "%s does not go with --format=ppf: its monitors "
                           "cpu, gpu and system choose their meters themselves",
                           others[i].name);
    return jb_record_ppf(
        cli,
        &(struct jb_record_ppf){ .output = options->output,
                                 .interval_ns = options->interval_ns,
                                 .duration_ns = options->duration_ns },
        err);
}

static int record_run(const struct jb_cli *cli, const void *opaque, int argc,
                      char **argv, int *exit_code, struct jb_error *err)
{
    struct record_session session = { .cli = cli,
                                      .options = opaque,
                                      .file.fd = -1 };
    int rc;

    (void)argc;
    (void)argv;
    (void)exit_code;
    if (record_is_ppf(session.options))
        return record_run_ppf(cli, session.options, err);
    rc = record_choose_format(&session, err);
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
        "scaphandre are what those tools write, ppf what monitors and collectors "
        "of the library save.",
    .options = record_table,
    .options_size = sizeof(struct record_options),
    .run = record_run,
};
