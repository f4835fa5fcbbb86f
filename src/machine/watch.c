/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the machine's sensors and keeping their curves. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/cpuinfo.h"
#include "inside.h"

enum {
    /* Commands take the ends of an interval from marks; the ring only has to
     * hold what late readings can fall into. */
    WATCH_KNOTS = 32,
    WATCH_PROBE_STEPS = 8,
};

static const uint64_t watch_stop_ns = JB_NS_PER_S;
static const uint64_t watch_answer_ns = JB_NS_PER_S / 2;
/* Means over less than this are not all read. */
static const uint64_t watch_densest_ns = JB_NS_PER_S / 10;
static const char watch_advice[] = "; a virtual machine: measure on the host";

static void watch_take(void *context, const struct jb_sampler_feed *feed,
                       const struct jb_sample *samples, size_t count)
{
    struct jb_machine *machine = context;
    const struct jb_machine_source *source = feed->user;

    pthread_mutex_lock(&machine->lock);
    for (size_t i = 0; i < count; i++) {
        size_t at = source->first + feed->which[i];
        struct jb_meter *meter = machine->sensors[at].meter;
        struct jb_machine_news *news = &machine->news[i];

        *news = (struct jb_machine_news){ .sensor = at,
                                          .sample = &samples[i],
                                          .event = JB_METER_REFUSED };
        if (meter) {
            news->event = jb_meter_feed(meter, &samples[i]);
            news->newest = jb_curve_newest(&meter->curve);
        }
    }
    if (machine->watch.listener)
        machine->watch.listener(machine->watch.context, machine->news, count);
    pthread_mutex_unlock(&machine->lock);
}

void jb_machine_drop_watch(struct jb_machine *machine)
{
    jb_sampler_free(machine->sampler);
    machine->sampler = NULL;
    /* They are counted before there is memory for them. */
    for (size_t i = 0; machine->sensors && i < machine->sensor_count; i++) {
        struct jb_meter *meter = machine->sensors[i].meter;

        if (meter)
            jb_meter_release(meter);
        free(meter);
        machine->sensors[i].meter = NULL;
    }
    free(machine->news);
    free(machine->which);
    machine->news = NULL;
    machine->which = NULL;
}

static int watch_add_meter(struct jb_machine_sensor *sensor,
                           struct jb_error *err)
{
    JB_AUTO_FREE struct jb_meter *meter = calloc(1, sizeof(*meter));
    int rc;

    if (!meter)
        return jb_fail(err, JB_ENOMEM, "a meter for %s", sensor->about->name);
    rc = jb_meter_init(meter, sensor->about, WATCH_KNOTS, err);
    if (rc < 0)
        return rc;
    sensor->meter = jb_steal(meter);
    return JB_OK;
}

/* A meter that may run through its range unseen must be read more often. */
static uint64_t watch_period_ns(const struct jb_machine_watch *watch,
                                const struct jb_machine_sensor *sensor)
{
    uint64_t longest = jb_meter_max_gap_ns(sensor->about) / 2;

    if (watch->period_ns == 0 || watch->period_ns < longest)
        return watch->period_ns;
    return longest;
}

static bool watch_wants(const struct jb_machine *machine, size_t i)
{
    const struct jb_machine_sensor *sensor = &machine->sensors[i];

    if (sensor->why.status != JB_OK)
        return false;
    if (machine->watch.scope == JB_WATCH_ALL)
        return true;
    if (machine->watch.scope == JB_WATCH_SELECTED)
        return machine->watch.wants(machine->watch.context, i);
    if (sensor->domain < 0)
        return false;
    return machine->watch.scope == JB_WATCH_DOMAINS ||
           machine->domains[sensor->domain].chosen == (ptrdiff_t)i;
}

static int watch_add_source(struct jb_machine *machine, size_t s,
                            struct jb_error *err)
{
    const struct jb_machine_source *source = &machine->sources[s];
    struct jb_sampler_feed feed = { .desc = source->desc,
                                    .source = source->handle,
                                    .which = machine->which,
                                    .period_ns = machine->watch.period_ns,
                                    .user = &machine->sources[s] };

    for (size_t i = 0; i < source->sensor_count; i++) {
        struct jb_machine_sensor *sensor = &machine->sensors[source->first + i];
        int rc = JB_OK;

        if (!watch_wants(machine, source->first + i))
            continue;
        if (sensor->domain >= 0) {
            uint64_t period_ns = watch_period_ns(&machine->watch, sensor);

            rc = watch_add_meter(sensor, err);
            if (period_ns < feed.period_ns)
                feed.period_ns = period_ns;
        }
        if (rc < 0)
            return rc;
        machine->which[feed.count++] = sensor->index;
    }
    if (feed.count > 0 && feed.period_ns < machine->shortest_ns)
        machine->shortest_ns = feed.period_ns;
    return feed.count ? jb_sampler_add(machine->sampler, &feed, err) : JB_OK;
}

int jb_machine_watch(struct jb_machine *machine,
                     const struct jb_machine_watch *watch, struct jb_error *err)
{
    struct jb_sampler_config config = { .sink = watch_take,
                                        .context = machine,
                                        .clock = machine->env->clock };
    int rc;

    jb_machine_drop_watch(machine);
    machine->watch = *watch;
    machine->shortest_ns = watch->period_ns;
    machine->news = calloc(machine->sensor_count + 1, sizeof(*machine->news));
    machine->which = calloc(machine->sensor_count + 1, sizeof(*machine->which));
    if (!machine->news || !machine->which)
        return jb_fail(err, JB_ENOMEM, "watching %zu sensors",
                       machine->sensor_count);
    rc = jb_sampler_new(&config, &machine->sampler, err);
    for (size_t s = 0; rc == JB_OK && s < machine->source_count; s++)
        if (machine->sources[s].handle)
            rc = watch_add_source(machine, s, err);
    return rc;
}

int jb_machine_start(struct jb_machine *machine, struct jb_error *err)
{
    return jb_sampler_start(machine->sampler, err);
}

uint64_t jb_machine_period_ns(const struct jb_machine *machine)
{
    return machine->shortest_ns;
}

static uint64_t watch_larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* A power says nothing of the time between two reads but what they bound; a
 * mean covers its window. */
static uint64_t watch_max_gap_ns(const struct jb_sensor *sensor)
{
    uint64_t window_ns = sensor->update_ns;

    if (sensor->kind == JB_KIND_COUNTER)
        return jb_meter_max_gap_ns(sensor) / 2;
    if (sensor->kind == JB_KIND_DELTA)
        return UINT64_MAX;
    if (sensor->kind == JB_KIND_WINDOW_MEAN)
        window_ns = watch_larger(window_ns, sensor->window_ns);
    else
        window_ns = watch_larger(window_ns, JB_NS_PER_S);
    return watch_larger(window_ns ? window_ns : JB_NS_PER_S, watch_densest_ns);
}

uint64_t jb_machine_max_gap_ns(const struct jb_machine *machine)
{
    uint64_t shortest_ns = UINT64_MAX;

    for (size_t i = 0; i < machine->sensor_count; i++) {
        const struct jb_meter *meter = machine->sensors[i].meter;
        uint64_t gap_ns = meter ? watch_max_gap_ns(&meter->sensor) : UINT64_MAX;

        if (gap_ns < shortest_ns)
            shortest_ns = gap_ns;
    }
    return shortest_ns;
}

size_t jb_machine_cut(struct jb_machine *machine, uint64_t wait_ns)
{
    machine->cut_ns = jb_clock_now_ns(machine->env->clock);
    return jb_sampler_cut(machine->sampler, machine->cut_ns + wait_ns);
}

size_t jb_machine_stop(struct jb_machine *machine)
{
    return machine->sampler ? jb_sampler_stop(machine->sampler, watch_stop_ns)
                            : 0;
}

void jb_machine_sampler_stats(struct jb_machine *machine,
                              struct jb_sampler_stats *out)
{
    jb_sampler_read_stats(machine->sampler, out);
}

/* The newest point of a meter; when it is older than the last cut, the time
 * since was not observed, however well the meter did before. */
static struct jb_knot watch_mark(const struct jb_meter *meter, uint64_t cut_ns)
{
    const struct jb_knot *newest =
        meter ? jb_curve_newest(&meter->curve) : NULL;
    struct jb_knot mark = newest ? *newest : (struct jb_knot){ 0 };
    uint64_t read_ns = newest ? newest->t_ns + meter->sensor.lag_ns : 0;

    if (newest && read_ns < cut_ns)
        mark.unread_ns = cut_ns - read_ns;
    return mark;
}

void jb_machine_mark(struct jb_machine *machine, struct jb_knot *out)
{
    pthread_mutex_lock(&machine->lock);
    for (size_t i = 0; i < machine->sensor_count; i++)
        out[i] = watch_mark(machine->sensors[i].meter, machine->cut_ns);
    pthread_mutex_unlock(&machine->lock);
}

static struct jb_meter *watch_meter(const struct jb_machine *machine,
                                    size_t domain)
{
    ptrdiff_t chosen = machine->domains[domain].chosen;

    return chosen < 0 ? NULL : machine->sensors[chosen].meter;
}

int jb_machine_point(struct jb_machine *machine, size_t domain, uint64_t t_ns,
                     struct jb_knot *knot, struct jb_curve_bounds *bounds)
{
    const struct jb_knot *newest;
    struct jb_meter *meter;
    int rc = JB_EABSENT;

    pthread_mutex_lock(&machine->lock);
    meter = watch_meter(machine, domain);
    newest = meter ? jb_curve_newest(&meter->curve) : NULL;
    if (!meter) {
        rc = JB_EDEAD;
    } else if (newest && newest->t_ns >= t_ns) {
        *bounds = jb_meter_bounds(meter);
        rc = jb_curve_at(&meter->curve, t_ns, bounds->power_uw, knot);
        rc = rc == JB_EABSENT ? JB_ELIMIT : rc;
    }
    pthread_mutex_unlock(&machine->lock);
    return rc;
}

uint64_t jb_machine_revision(struct jb_machine *machine, size_t domain)
{
    uint64_t revision = 0;
    const struct jb_meter *meter;

    pthread_mutex_lock(&machine->lock);
    meter = watch_meter(machine, domain);
    if (meter)
        revision = meter->curve.revision;
    pthread_mutex_unlock(&machine->lock);
    return revision;
}

void jb_machine_restart_peaks(struct jb_machine *machine)
{
    pthread_mutex_lock(&machine->lock);
    for (size_t i = 0; i < machine->sensor_count; i++)
        if (machine->sensors[i].meter)
            jb_meter_restart_peak(machine->sensors[i].meter);
    pthread_mutex_unlock(&machine->lock);
}

/* A sensor that never answered: what its last reading said, or that it hangs.
 */
static void watch_judge_silence(struct jb_machine_sensor *sensor)
{
    const struct jb_meter_counts *counts = &sensor->meter->counts;
    size_t rows = sizeof(counts->refused) / sizeof(counts->refused[0]);

    for (size_t i = 1; i < rows; i++)
        if (counts->refused[i] > 0) {
            jb_fail(&sensor->why, -(int)i, "its readings are void: %s",
                    jb_status_name(-(int)i));
            return;
        }
    jb_fail(&sensor->why, JB_EBUSY, "does not answer");
}

/* A hypervisor may pass a meter on that it never moves.  Of a tree that is not
 * this kernel's, this processor says nothing. */
static bool watch_is_guest(const struct jb_machine *machine)
{
    struct jb_cpuinfo cpu;

    return machine->env->live &&
           jb_cpuinfo_read(machine->env->roots->procfs, &cpu, NULL) == JB_OK &&
           cpu.hypervisor;
}

static void watch_advise_guest(struct jb_machine *machine)
{
    for (size_t i = 0; i < machine->sensor_count; i++) {
        struct jb_error *why = &machine->sensors[i].why;
        size_t used = strlen(why->text);

        if (why->status == JB_EDEAD && !strstr(why->text, watch_advice))
            snprintf(why->text + used, sizeof(why->text) - used, "%s",
                     watch_advice);
    }
}

void jb_machine_judge(struct jb_machine *machine)
{
    bool dead = false;

    pthread_mutex_lock(&machine->lock);
    for (size_t i = 0; i < machine->sensor_count; i++) {
        struct jb_machine_sensor *sensor = &machine->sensors[i];

        if (!sensor->meter || sensor->why.status != JB_OK)
            continue;
        if (!jb_curve_newest(&sensor->meter->curve))
            watch_judge_silence(sensor);
        else
            (void)jb_meter_verdict(sensor->meter, &sensor->why);
        dead |= sensor->why.status == JB_EDEAD;
    }
    pthread_mutex_unlock(&machine->lock);
    if (dead && watch_is_guest(machine))
        watch_advise_guest(machine);
    jb_machine_choose(machine);
}

/* Whether anything is still to be learned by watching on. */
static bool watch_undecided(struct jb_machine *machine)
{
    bool undecided = false;

    pthread_mutex_lock(&machine->lock);
    for (size_t i = 0; i < machine->sensor_count; i++) {
        const struct jb_meter *meter = machine->sensors[i].meter;

        undecided |= meter && meter->sensor.kind == JB_KIND_COUNTER &&
                     !meter->ever_moved;
    }
    pthread_mutex_unlock(&machine->lock);
    return undecided;
}

static void watch_sleep(uint64_t ns)
{
    struct timespec ts = { .tv_sec = (time_t)(ns / JB_NS_PER_S),
                           .tv_nsec = (long)(ns % JB_NS_PER_S) };

    clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

int jb_machine_probe(struct jb_machine *machine, uint64_t budget_ns,
                     struct jb_error *err)
{
    struct jb_machine_watch watch = { .scope = JB_WATCH_DOMAINS };
    int rc = jb_machine_watch(machine, &watch, err);

    if (rc == JB_OK)
        rc = jb_machine_start(machine, err);
    if (rc < 0)
        return rc;
    jb_machine_cut(machine, watch_answer_ns);
    for (int i = 0; i < WATCH_PROBE_STEPS && watch_undecided(machine); i++) {
        watch_sleep(budget_ns / WATCH_PROBE_STEPS);
        jb_machine_cut(machine, watch_answer_ns);
    }
    jb_machine_stop(machine);
    jb_machine_judge(machine);
    return JB_OK;
}
