/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded series as a source: what a meter said then, it says again.
 *
 * The first sample starts the clock.  From then on a reading is the recorded
 * one whose time has passed, stamped with its own instant, so that energy
 * between two recorded instants is exactly what was recorded, however often it
 * is read.  At N times the speed the same energy flows in the N-th part of the
 * time: powers are N times those of the recording, for counters and for
 * power meters alike.
 *
 * Gaps stay gaps: where the recording could not say what flowed, the sensor's
 * generation is raised, and what could not be read then cannot be read now.
 *
 * It measures nothing of this machine, and is looked at only when somebody
 * names it and a file.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "core/domain.h"
#include "formats/recorded.h"
#include "joulebook/plugin/source.h"

enum { REPLAY_SPEED_MAX = 1000000, REPLAY_PPM = 1000000 };

/* After the last row a meter answers for as long as it used to take. */
static const uint64_t replay_least_ns = JB_NS_PER_MS;

struct replay_options {
    const char *file;
    double speed;
};

static const struct jb_option replay_table[] = {
    { .name = "file",
      .argument = "FILE",
      .type = JB_OPTION_TEXT,
      .offset = offsetof(struct replay_options, file),
      .help = "what record, energizta.sh or scaphandre json wrote" },
    { .name = "speed",
      .argument = "N",
      .fallback = "1",
      .min = 1,
      .max = REPLAY_SPEED_MAX,
      .type = JB_OPTION_REAL,
      .offset = offsetof(struct replay_options, speed),
      .help = "play N times as fast; powers are N times as high" },
    { 0 },
};

/* Where a sensor is in its rows. */
struct replay_cursor {
    size_t next;     /* the first row whose time has not passed */
    uint64_t end_ns; /* in the recording: from then on it is silent */
};

struct jb_source {
    const struct jb_clock *clock;
    struct jb_recorded *recorded;
    double speed;
    struct jb_sensor *sensors;     /* one per recorded sensor */
    struct replay_cursor *cursors; /* the same */
    uint64_t start_ns;             /* of the recording: when all had spoken */
    uint64_t origin_ns;            /* of our clock: the same instant */
    bool started;
};

static void replay_close(struct jb_source *source)
{
    if (!source)
        return;
    jb_recorded_free(source->recorded);
    free(source->sensors);
    free(source->cursors);
    free(source);
}

static uint64_t replay_scaled_ns(const struct jb_source *source, uint64_t ns)
{
    return (uint64_t)((double)ns / source->speed);
}

/* Mean distance of the rows, which is how often the meter was heard. */
static uint64_t replay_period_ns(const struct jb_recorded_sensor *from)
{
    uint64_t span_ns = from->rows[from->count - 1].t_ns - from->rows[0].t_ns;

    return from->count > 1 ? span_ns / (from->count - 1) : 0;
}

/* Powers were rounded to whole steps: half of one, in parts of their mean. */
static uint32_t replay_gain_ppm(const struct jb_recorded_sensor *from)
{
    const struct jb_recorded_row *last = &from->rows[from->count - 1];
    double seconds = (double)(last->t_ns - from->rows[0].t_ns) / JB_NS_PER_S;
    double ppm = (double)from->step_uw / 2.0 * seconds / (double)last->micro *
                 REPLAY_PPM;

    if (from->step_uw == 0 || last->micro <= 0)
        return 0;
    return ppm < (double)UINT32_MAX ? (uint32_t)ppm : UINT32_MAX;
}

/* A guess at what no device draws, when time is compressed. */
static void replay_bound(const struct jb_source *source, struct jb_sensor *to)
{
    uint64_t guess_uw = jb_domain_guessed_pmax_uw(to->domain.kind);

    to->pmax_from = JB_BOUND_GUESSED;
    if (source->speed > 1.0 && to->unit.quantity == JB_QUANTITY_ENERGY)
        to->pmax_uw = (uint64_t)((double)guess_uw * source->speed);
}

static void replay_note(const struct jb_source *source, struct jb_sensor *to)
{
    bool fast = source->speed > 1.0;
    bool estimate = to->provenance == JB_ESTIMATED;
    bool cut = source->recorded->cut_off;
    char speed[64] = "";

    if (fast)
        snprintf(speed, sizeof(speed),
                 "played %.6g times as fast: so high are its powers",
                 source->speed);
    snprintf(to->note, sizeof(to->note), "%s%s%s%s%s", speed,
             fast && estimate ? "; " : "",
             estimate ? "how sure the model was is not recorded" : "",
             cut && (fast || estimate) ? "; " : "",
             cut ? "the recording is cut off at its end" : "");
}

static void replay_describe(struct jb_source *source, size_t i)
{
    const struct jb_recorded_sensor *from = &source->recorded->sensors[i];
    struct jb_sensor *to = &source->sensors[i];
    bool account = from->quantity == JB_QUANTITY_ENERGY ||
                   from->quantity == JB_QUANTITY_POWER;
    uint64_t period_ns = replay_period_ns(from);

    *to = (struct jb_sensor){
        .domain = from->domain,
        .unit = { from->quantity, 1, 1, 1, 1, 0 },
        .kind = from->kind,
        .provenance = from->provenance,
        .update_ns = replay_scaled_ns(source, period_ns),
        .quantum = 1,
        .gain_ppm = replay_gain_ppm(from),
        .flags = account ? 0 : JB_SENSOR_SIGNED,
    };
    snprintf(to->name, sizeof(to->name), "%s", from->name);
    if (from->domain.kind == JB_DOMAIN_NONE ||
        jb_domain_may_rest(from->domain.kind))
        to->flags |= JB_SENSOR_MAY_REST;
    replay_bound(source, to);
    replay_note(source, to);
    source->cursors[i].end_ns =
        from->rows[from->count - 1].t_ns +
        (2 * period_ns > replay_least_ns ? 2 * period_ns : replay_least_ns);
}

/* A recording begins with one reading of each sensor, within moments.  Play
 * starts when all have been heard, but does not wait for what came later. */
static uint64_t replay_start_ns(const struct jb_source *source)
{
    const struct jb_recorded *recorded = source->recorded;
    uint64_t first_ns = UINT64_MAX;
    uint64_t start_ns = 0;

    for (size_t i = 0; i < recorded->count; i++)
        if (recorded->sensors[i].rows[0].t_ns < first_ns)
            first_ns = recorded->sensors[i].rows[0].t_ns;
    for (size_t i = 0; i < recorded->count; i++) {
        const struct jb_recorded_sensor *sensor = &recorded->sensors[i];
        uint64_t t_ns = sensor->rows[0].t_ns;

        if (t_ns - first_ns <= replay_period_ns(sensor) && t_ns > start_ns)
            start_ns = t_ns;
    }
    return start_ns;
}

static int replay_load(struct jb_source *source, const char *file,
                       struct jb_error *err)
{
    size_t count;
    int rc = jb_recorded_read(file, &source->recorded, err);

    if (rc < 0)
        return rc;
    count = source->recorded->count;
    source->sensors = calloc(count + 1, sizeof(*source->sensors));
    source->cursors = calloc(count + 1, sizeof(*source->cursors));
    if (!source->sensors || !source->cursors)
        return jb_fail(err, JB_ENOMEM, "%zu recorded sensors", count);
    for (size_t i = 0; i < count; i++)
        replay_describe(source, i);
    source->start_ns = replay_start_ns(source);
    return JB_OK;
}

static int replay_open(const struct jb_env *env, const void *opaque,
                       struct jb_source **out, struct jb_error *err)
{
    const struct replay_options *options = opaque;
    struct jb_source *source;
    int rc;

    if (!options || !options->file) {
        jb_fail(err, JB_EREFUSED, "no recording was named");
        jb_error_set_fix(err, "joulebook list --replay=FILE");
        return JB_EREFUSED;
    }
    source = calloc(1, sizeof(*source));
    if (!source)
        return jb_fail(err, JB_ENOMEM, "replay");
    source->clock = env->clock;
    source->speed = options->speed;
    rc = replay_load(source, options->file, err);
    if (rc < 0) {
        replay_close(source);
        return rc;
    }
    *out = source;
    return JB_OK;
}

static const struct jb_sensor *replay_sensors(const struct jb_source *source,
                                              size_t *count)
{
    *count = source->recorded->count;
    return source->sensors;
}

/* An instant of the recording on our clock. */
static uint64_t replay_instant_ns(const struct jb_source *source, uint64_t t_ns)
{
    uint64_t before_ns;

    if (t_ns >= source->start_ns)
        return source->origin_ns +
               replay_scaled_ns(source, t_ns - source->start_ns);
    before_ns = replay_scaled_ns(source, source->start_ns - t_ns);
    return before_ns < source->origin_ns ? source->origin_ns - before_ns : 1;
}

static void replay_answer(struct jb_source *source, uint32_t which,
                          uint64_t position_ns, struct jb_sample *out)
{
    const struct jb_recorded_sensor *from = &source->recorded->sensors[which];
    struct replay_cursor *cursor = &source->cursors[which];
    const struct jb_recorded_row *row;

    while (cursor->next < from->count &&
           from->rows[cursor->next].t_ns <= position_ns)
        cursor->next++;
    out->state = JB_EBUSY; /* it has not spoken yet */
    if (cursor->next == 0)
        return;
    row = &from->rows[cursor->next - 1];
    out->generation = row->generation;
    out->state = position_ns > cursor->end_ns ? JB_EABSENT : row->state;
    if (out->state != JB_OK)
        return;
    out->meter_ns = replay_instant_ns(source, row->t_ns);
    out->raw = (uint64_t)row->micro;
    if (from->quantity == JB_QUANTITY_POWER)
        out->raw = (uint64_t)((double)row->micro * source->speed);
}

static void replay_sample(struct jb_source *source, const uint32_t *which,
                          size_t count, struct jb_sample *out)
{
    uint64_t now_ns = jb_clock_now_ns(source->clock);
    uint64_t position_ns;

    if (!source->started)
        source->origin_ns = now_ns;
    source->started = true;
    position_ns =
        source->start_ns +
        (uint64_t)((double)(now_ns - source->origin_ns) * source->speed);
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct jb_sample){ .sensor = which[i],
                                     .t0_ns = now_ns,
                                     .t1_ns = now_ns };
        replay_answer(source, which[i], position_ns, &out[i]);
    }
}

const struct jb_source_desc jb_source_replay = {
    .name = "replay",
    .summary = "A recorded series, played against the clock",
    .options = replay_table,
    .options_size = sizeof(struct replay_options),
    .quantities = UINT32_MAX,
    .open = replay_open,
    .sensors = replay_sensors,
    .sample = replay_sample,
    .close = replay_close,
};
