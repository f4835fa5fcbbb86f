/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watts of a machine that has no meter: what servers like it draw at the
 * present CPU utilisation, by the model of model.h.
 *
 * Why it is a source like any other: where a real meter of the platform is
 * found it is preferred without a word, since this one is JB_ESTIMATED and has
 * the lowest rank; where none is, the figure goes through the same curves and
 * carries its interval.  It never opens for a machine of which a fact that the
 * model needs is missing, and never fills one in.
 *
 * A reading is the mean over the time since the reading before (the first one:
 * since open), which is what JB_KIND_WINDOW_MEAN books.  The kernel counts busy
 * time in ticks of 10 ms, so that a shorter time cannot be measured: then the
 * reading repeats the utilisation last known (at first that since boot), and
 * its interval reaches from an idle machine's to a busy one's.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "core/domain.h"
#include "core/procstat.h"
#include "facts.h"
#include "joulebook/plugin/source.h"
#include "model.h"

enum {
    ESTIMATE_PPM = 1000000,
    ESTIMATE_MW_PER_W = 1000,
    ESTIMATE_TDP_MAX_W = 2000,
    ESTIMATE_RANK = -100, /* any other source of the domain is better */
};

static const uint64_t estimate_tick_ns = JB_NS_PER_S / JB_PROCSTAT_HZ;
/* Longer times between two readings are booked, but as not observed. */
static const uint64_t estimate_window_ns = 3600 * (uint64_t)JB_NS_PER_S;
/* 90 % half width of a CPU's busy time in ticks: the difference of two uniform
 * errors of one tick has the variance 1/6. */
static const double estimate_tick_doubt = 0.67;

struct jb_source {
    const struct jb_env *env;
    struct jb_sensor sensor;
    struct jb_estimate_curve curve;
    uint32_t tdp_mw; /* of the configuration */
    uint32_t cpus;
    int fd; /* stat */
    struct jb_procstat last;
    uint64_t last_ns;
    uint32_t busy_ppm; /* utilisation last known */
};

struct estimate_options {
    double tdp_w;
};

static const struct jb_option estimate_table[] = {
    { .name = "tdp",
      .argument = "WATTS",
      .fallback = "0",
      .max = ESTIMATE_TDP_MAX_W,
      .type = JB_OPTION_REAL,
      .offset = offsetof(struct estimate_options, tdp_w),
      .help = "thermal design power of one CPU package; 0: as the kernel or "
              "the table of known CPUs says" },
    { 0 },
};

static void estimate_close(struct jb_source *source)
{
    if (!source)
        return;
    if (source->fd >= 0)
        close(source->fd);
    free(source);
}

static void estimate_add_note(struct jb_sensor *sensor, bool holds,
                              const char *text)
{
    size_t used = strlen(sensor->note);

    if (holds)
        snprintf(sensor->note + used, sizeof(sensor->note) - used, "%s%s",
                 used > 0 ? "; " : "", text);
}

static void estimate_write_note(struct jb_source *source,
                                const struct jb_estimate_facts *facts)
{
    struct jb_sensor *sensor = &source->sensor;
    bool unknown = facts->machine.arch == JB_ESTIMATE_ARCH_UNKNOWN;
    unsigned flags = source->curve.flags;

    sensor->note[0] = '\0';
    estimate_add_note(sensor, facts->hypervisor,
                      "a virtual machine: the estimate is for a server of the "
                      "guest's size");
    estimate_add_note(sensor, facts->gpu, "accelerators are not in it");
    estimate_add_note(sensor, unknown, "the model does not know this CPU");
    estimate_add_note(sensor, !unknown && (flags & JB_ESTIMATE_NEW_ARCH),
                      "this CPU is younger than the model's data");
    estimate_add_note(sensor,
                      !unknown && source->curve.level == JB_ESTIMATE_MINIMAL,
                      "nominal clock or L3 unknown");
    estimate_add_note(sensor, flags & JB_ESTIMATE_OUT_OF_RANGE,
                      "unlike the servers of the model's data: do not trust "
                      "its interval");
}

static int estimate_learn(struct jb_source *source, struct jb_error *err)
{
    struct jb_estimate_facts facts;
    const struct jb_estimate_machine *machine = &facts.machine;
    int rc =
        jb_estimate_facts_read(source->env->roots, source->tdp_mw, &facts, err);

    if (rc < 0)
        return rc;
    if (jb_estimate_curve(machine, &source->curve) == JB_ESTIMATE_NONE)
        return jb_fail(err, JB_EABSENT,
                       "no estimate: %u packages, %u cores and %u threads "
                       "contradict each other",
                       machine->chips, machine->cores, machine->threads);
    source->cpus = machine->threads;
    estimate_write_note(source, &facts);
    return JB_OK;
}

static void estimate_describe(struct jb_sensor *sensor)
{
    *sensor = (struct jb_sensor){
        .name = "ac-power",
        .domain = { JB_DOMAIN_PLATFORM, 0, JB_NO_DIE },
        .unit = { JB_QUANTITY_POWER, 1, 1, 1, 1, 0 },
        .kind = JB_KIND_WINDOW_MEAN,
        .provenance = JB_ESTIMATED,
        .pmax_uw = jb_domain_guessed_pmax_uw(JB_DOMAIN_PLATFORM),
        .pmax_from = JB_BOUND_GUESSED,
        .update_ns = estimate_tick_ns,
        .window_ns = estimate_window_ns,
        .quantum = 1,
        .rank = ESTIMATE_RANK,
    };
}

/* The utilisation since boot is what there is until a reading has an interval
 * of its own. */
static int estimate_open_stat(struct jb_source *source, struct jb_error *err)
{
    static const struct jb_procstat boot = { 0 };
    struct jb_error why = { 0 };
    char path[JB_PATH_MAX];
    int rc = jb_path(path, &why, "%s/stat", source->env->roots->procfs);

    if (rc == JB_OK)
        rc = jb_file_open(path, &source->fd, &why);
    if (rc < 0)
        return jb_fail(err, rc, "no estimate: utilisation unknown (%s)",
                       why.text);
    rc = jb_procstat_pread(source->fd, &source->last);
    if (rc < 0 ||
        !jb_procstat_busy_ppm(&boot, &source->last, &source->busy_ppm))
        return jb_fail(err, JB_EABSENT,
                       "no estimate: utilisation unknown (%s has no CPU time)",
                       path);
    source->last_ns = jb_clock_now_ns(source->env->clock);
    return JB_OK;
}

static int estimate_open(const struct jb_env *env, const void *opaque,
                         struct jb_source **out, struct jb_error *err)
{
    const struct estimate_options *options = opaque;
    struct jb_source *source = calloc(1, sizeof(*source));
    int rc;

    if (!source)
        return jb_fail(err, JB_ENOMEM, "estimate");
    source->env = env;
    source->fd = -1;
    if (options)
        source->tdp_mw = (uint32_t)(options->tdp_w * ESTIMATE_MW_PER_W);
    estimate_describe(&source->sensor);
    rc = estimate_learn(source, err);
    if (rc == JB_OK)
        rc = estimate_open_stat(source, err);
    if (rc < 0) {
        estimate_close(source);
        return rc;
    }
    *out = source;
    return JB_OK;
}

static const struct jb_sensor *estimate_sensors(const struct jb_source *source,
                                                size_t *count)
{
    *count = 1;
    return &source->sensor;
}

/* CPUs that were switched on or off make it another machine. */
static int estimate_rescan(struct jb_source *source, struct jb_error *err)
{
    struct jb_sensor *sensor = &source->sensor;
    struct jb_error why = { 0 };
    int rc = estimate_learn(source, &why);

    if (rc == JB_ENOMEM)
        return jb_fail(err, rc, "%s", why.text);
    if (rc == JB_OK && sensor->state != JB_OK)
        sensor->generation++;
    sensor->state = rc;
    snprintf(sensor->reason, sizeof(sensor->reason), "%s", why.text);
    return JB_OK;
}

/* Utilisation since the reading before; *doubt_ppm is a 90 % half width of it,
 * all of it when nothing is known of that time. */
static int estimate_watch(struct jb_source *source, uint64_t now_ns,
                          uint32_t *doubt_ppm)
{
    uint64_t span_ns = now_ns - source->last_ns;
    struct jb_procstat now;
    double doubt;
    int rc = jb_procstat_pread(source->fd, &now);

    if (rc < 0)
        return rc;
    *doubt_ppm = ESTIMATE_PPM;
    if (now.busy >= source->last.busy) {
        if (span_ns < estimate_tick_ns ||
            !jb_procstat_busy_ppm(&source->last, &now, &source->busy_ppm))
            return JB_OK;
        doubt = estimate_tick_doubt * (double)estimate_tick_ns /
                ((double)span_ns * sqrt(source->cpus)) * ESTIMATE_PPM;
        *doubt_ppm = (uint32_t)fmin(ceil(doubt), ESTIMATE_PPM);
    }
    source->last = now;
    source->last_ns = now_ns;
    return JB_OK;
}

/* How far an end of the interval is from what is expected, rounded away. */
static uint32_t estimate_ppm(int64_t distance_uw, int64_t expected_uw)
{
    double ppm = ceil((double)distance_uw / (double)expected_uw * ESTIMATE_PPM);

    return (uint32_t)fmin(fmax(ppm, 0), UINT32_MAX);
}

static void estimate_evaluate(const struct jb_source *source,
                              uint32_t doubt_ppm, struct jb_sample *out)
{
    uint32_t busy = source->busy_ppm;
    struct jb_estimate least;
    struct jb_estimate likely;
    struct jb_estimate most;

    jb_estimate_at(&source->curve, busy > doubt_ppm ? busy - doubt_ppm : 0,
                   &least);
    jb_estimate_at(&source->curve, busy, &likely);
    jb_estimate_at(&source->curve, busy + doubt_ppm, &most);
    out->raw = (uint64_t)likely.expected_uw;
    out->below_ppm =
        estimate_ppm(likely.expected_uw - least.low_uw, likely.expected_uw);
    out->above_ppm =
        estimate_ppm(most.high_uw - likely.expected_uw, likely.expected_uw);
}

static void estimate_sample(struct jb_source *source, const uint32_t *which,
                            size_t count, struct jb_sample *out)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t before_ns = jb_clock_now_ns(source->env->clock);
        uint32_t doubt_ppm = 0;
        int rc = source->sensor.state;

        if (rc == JB_OK)
            rc = estimate_watch(source, before_ns, &doubt_ppm);
        out[i] =
            (struct jb_sample){ .sensor = which[i],
                                .generation = source->sensor.generation,
                                .t0_ns = before_ns,
                                .t1_ns = jb_clock_now_ns(source->env->clock),
                                .state = rc };
        if (rc == JB_OK)
            estimate_evaluate(source, doubt_ppm, &out[i]);
    }
}

const struct jb_source_desc jb_source_estimate = {
    .name = "estimate",
    .summary = "AC power of the whole node, estimated from CPU utilisation",
    .options = estimate_table,
    .options_size = sizeof(struct estimate_options),
    .quantities = 1 << JB_QUANTITY_POWER,
    .open = estimate_open,
    .sensors = estimate_sensors,
    .rescan = estimate_rescan,
    .sample = estimate_sample,
    .close = estimate_close,
};
