/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power PMUs of the kernel, read through perf_event_open.
 *
 * Why beside powercap: perf can be allowed where energy_uj is root's, needs no
 * text, and counts in 2^-32 J where sysfs cuts to microjoules.  Why ranked
 * below it: the kernel extends the 32-bit register by signed differences, that
 * is 31 bits, from a timer sized for 200 W.  A hotter package that nobody
 * reads for 2^31 * unit / power would count backwards, and the counter does
 * not tell; reading every 0.4 of that (52 s at 2^-16 J and 250 W) is safe.
 */
#include "perf.h"

static int perf_absent(const struct jb_source *source, struct jb_error *err)
{
    const char *sysfs = source->env->roots->sysfs;

    if (source->cpuinfo.hypervisor)
        return jb_fail(err, JB_EABSENT,
                       "no power PMU in %s/bus/event_source/devices: a virtual "
                       "machine, whose host keeps the meters; measure on the "
                       "host",
                       sysfs);
    if (!jb_cpuinfo_has_rapl(&source->cpuinfo))
        return jb_fail(err, JB_EABSENT,
                       "no power PMU in %s/bus/event_source/devices: "
                       "only Intel's and AMD's CPUs have one",
                       sysfs);
    jb_fail(err, JB_EABSENT,
            "no power PMU in %s/bus/event_source/devices: its driver is not "
            "loaded, or does not know this CPU",
            sysfs);
    jb_error_set_fix(err,
                     "sudo modprobe rapl || sudo modprobe intel_rapl_perf");
    return JB_EABSENT;
}

/* JB_OK when there is something to say: a readable sensor, or sensors that
 * each say what else is wrong with them. */
static int perf_verdict(const struct jb_source *source, struct jb_error *err)
{
    const struct jb_sensor *denied = NULL;

    if (source->count == 0)
        return perf_absent(source, err);
    for (size_t i = 0; i < source->count; i++) {
        const struct jb_sensor *sensor = &source->sensors[i];

        if (sensor->state != JB_EDENIED)
            return JB_OK;
        denied = sensor;
    }
    jb_fail(err, JB_EDENIED, "%s", denied->reason);
    jb_error_set_fix(err, "%s", denied->fix);
    return JB_EDENIED;
}

static void perf_close(struct jb_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->count; i++)
        jb_perf_meter_close(&source->meters[i]);
    free(source->sensors);
    free(source->meters);
    free(source);
}

static int perf_open(const struct jb_env *env, const void *options,
                     struct jb_source **out, struct jb_error *err)
{
    struct jb_source *source;
    int rc;

    (void)options;
    if (!env->live)
        return jb_fail(err, JB_EREFUSED,
                       "perf reads this kernel, not a recorded tree");
    source = calloc(1, sizeof(*source));
    if (!source)
        return jb_fail(err, JB_ENOMEM, "no memory for perf events");
    source->env = env;
    rc = jb_cpuinfo_read(env->roots->procfs, &source->cpuinfo, NULL);
    if (rc < 0)
        source->cpuinfo = (struct jb_cpuinfo){ .vendor = "" };
    rc = jb_perf_scan(source, err);
    if (rc == JB_OK)
        rc = perf_verdict(source, err);
    if (rc < 0) {
        perf_close(source);
        return rc;
    }
    *out = source;
    return JB_OK;
}

static const struct jb_sensor *perf_sensors(const struct jb_source *source,
                                            size_t *count)
{
    *count = source->count;
    return source->sensors;
}

static void perf_sample_one(const struct jb_source *source, uint32_t at,
                            struct jb_sample *out)
{
    const struct jb_perf_meter *meter = &source->meters[at];
    const struct jb_sensor *sensor = &source->sensors[at];

    *out = (struct jb_sample){ .sensor = at,
                               .generation = sensor->generation,
                               .state = sensor->state };
    out->t0_ns = jb_clock_now_ns(source->env->clock);
    if (meter->fd >= 0)
        out->state = jb_perf_meter_read(meter, &out->raw);
    out->t1_ns = jb_clock_now_ns(source->env->clock);
}

static void perf_sample(struct jb_source *source, const uint32_t *which,
                        size_t count, struct jb_sample *out)
{
    for (size_t i = 0; i < count; i++)
        perf_sample_one(source, which[i], &out[i]);
}

const struct jb_source_desc jb_source_perf = {
    .name = "perf",
    .summary = "CPU energy counters of the kernel's power PMUs (perf events)",
    .quantities = 1 << JB_QUANTITY_ENERGY,
    .open = perf_open,
    .sensors = perf_sensors,
    .rescan = jb_perf_scan,
    .sample = perf_sample,
    .close = perf_close,
};
