/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU frequencies: what cpufreq says of each policy, the mean of a package's
 * CPUs, and where the kernel counts cycles the frequency at which they ran.
 *
 * Each policy's file is read once for a tick, through a kept descriptor, and
 * the means are made of what was read.  Everything is on a slow lane: until
 * Linux 5.18 reading scaling_cur_freq of an idle x86 CPU slept for 10 ms.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "core/domain.h"
#include "core/plausible.h"
#include "effective.h"
#include "joulebook/plugin/source.h"
#include "policy.h"

enum {
    CPUFREQ_SENSORS_MAX = 32768,
    CPUFREQ_FIRST_CAPACITY = 16,
    CPUFREQ_FACTS_MAX = 160, /* three numbers, two words */
    /* Of two figures of a package: what ran, before what was set. */
    CPUFREQ_RANK_EFFECTIVE = 10,
};

static const uint64_t cpufreq_retry_ns = JB_NS_PER_S;
/* Micro-hertz of a kilohertz and of a hertz. */
static const uint64_t cpufreq_uhz_per_khz = 1000000000;
static const uint64_t cpufreq_uhz_per_hz = 1000000;

/* The files of a policy that say a frequency now.  The first is every
 * kernel's; the others only some users', drivers' and kernels'. */
static const struct cpufreq_file {
    const char *file, *suffix;
    bool optional;
} cpufreq_files[] = {
    { "scaling_cur_freq", "", false },
    { "cpuinfo_cur_freq", "/hardware", true },
    { "cpuinfo_avg_freq", "/average", true },
};

enum { CPUFREQ_FILES = sizeof(cpufreq_files) / sizeof(cpufreq_files[0]) };

/* How a sensor gets its value. */
enum cpufreq_way { CPUFREQ_FILE, CPUFREQ_MEAN, CPUFREQ_EFFECTIVE };

struct cpufreq_item {
    enum cpufreq_way way;
    uint32_t policy; /* of CPUFREQ_FILE */
    uint16_t package;
    uint8_t file; /* of cpufreq_files */
    int fd;
    uint32_t generation;
    uint64_t retry_at_ns;
    /* What this tick has read. */
    uint64_t tick, raw;
    int state;
};

struct jb_source {
    const struct jb_env *env;
    struct jb_cpufreq_policies policies;
    struct jb_topology *topology; /* NULL where the tree does not say */
    struct jb_effective *effective;
    struct jb_sensor *sensors;
    struct cpufreq_item *items; /* items[i] is behind sensors[i] */
    uint32_t *mains; /* of each policy: the item that stands for it */
    size_t count, capacity;
    uint64_t tick;
};

static void cpufreq_close(struct jb_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->count; i++)
        if (source->items[i].fd >= 0)
            close(source->items[i].fd);
    jb_effective_close(source->effective);
    jb_topology_free(source->topology);
    jb_cpufreq_policies_release(&source->policies);
    free(source->sensors);
    free(source->items);
    free(source->mains);
    free(source);
}

static void cpufreq_auto_close(struct jb_source **slot)
{
    cpufreq_close(*slot);
}

static int cpufreq_grow(struct jb_source *source, struct jb_error *err)
{
    size_t capacity =
        source->capacity ? 2 * source->capacity : CPUFREQ_FIRST_CAPACITY;
    struct jb_sensor *sensors;
    struct cpufreq_item *items;

    if (source->count < source->capacity)
        return JB_OK;
    if (capacity > CPUFREQ_SENSORS_MAX)
        return jb_fail(err, JB_ELIMIT, "more than %d frequencies",
                       CPUFREQ_SENSORS_MAX);
    sensors = reallocarray(source->sensors, capacity, sizeof(*sensors));
    if (sensors)
        source->sensors = sensors;
    items = reallocarray(source->items, capacity, sizeof(*items));
    if (items)
        source->items = items;
    if (!sensors || !items)
        return jb_fail(err, JB_ENOMEM, "no memory for %zu frequencies",
                       capacity);
    source->capacity = capacity;
    return JB_OK;
}

/* A new sensor with its item, to be named and counted by the caller. */
static struct jb_sensor *cpufreq_new(struct jb_source *source,
                                     const struct cpufreq_item *item,
                                     struct jb_error *err)
{
    struct jb_sensor *sensor;

    if (cpufreq_grow(source, err) < 0)
        return NULL;
    source->items[source->count] = *item;
    sensor = &source->sensors[source->count];
    *sensor = (struct jb_sensor){
        .domain = { .index = item->package, .die = JB_NO_DIE },
        .unit = { JB_QUANTITY_FREQUENCY, cpufreq_uhz_per_khz, 1, 1, 1, 0 },
        .kind = JB_KIND_SAMPLED,
        .provenance = JB_MEASURED,
        .quantum = 1,
        .flags = JB_SENSOR_MAY_BLOCK,
    };
    return sensor;
}

static void cpufreq_set_state(struct jb_sensor *sensor,
                              const struct jb_error *err)
{
    sensor->state = err->status;
    snprintf(sensor->reason, sizeof(sensor->reason), "%s", err->text);
    snprintf(sensor->fix, sizeof(sensor->fix), "%s", err->fix);
}

/* Policies */

static int cpufreq_open_file(const struct jb_source *source,
                             struct cpufreq_item *item, struct jb_error *err)
{
    char path[JB_PATH_MAX];
    int rc = jb_path(path, err, "%s/%s",
                     source->policies.list[item->policy].directory,
                     cpufreq_files[item->file].file);

    if (rc == JB_OK)
        rc = jb_file_open(path, &item->fd, err);
    if (rc == JB_EDENIED)
        jb_error_set_fix(err, "sudo systemctl start joulebook-broker");
    return rc;
}

/* Whether a file that not every machine has says something here: one that
 * has no figure at the moment (an idle CPU, EAGAIN) does. */
static bool cpufreq_is_worth(const struct cpufreq_item *item)
{
    uint64_t khz;
    int rc = jb_file_pread_u64(item->fd, &khz);

    return rc == JB_OK || (rc == JB_EIO && errno == EAGAIN);
}

/* What does not change: "1000 to 3700 MHz, base 2100 MHz, intel_pstate". */
static void cpufreq_facts(const struct jb_cpufreq_policy *policy,
                          char out[CPUFREQ_FACTS_MAX])
{
    int used = 0;

    out[0] = '\0';
    if (policy->min_khz > 0 && policy->max_khz > 0)
        used += snprintf(out, CPUFREQ_FACTS_MAX, ", %ju to %ju MHz",
                         (uintmax_t)(policy->min_khz / 1000),
                         (uintmax_t)(policy->max_khz / 1000));
    if (policy->base_khz > 0)
        used +=
            snprintf(out + used, CPUFREQ_FACTS_MAX - (size_t)used,
                     ", base %ju MHz", (uintmax_t)(policy->base_khz / 1000));
    snprintf(out + used, CPUFREQ_FACTS_MAX - (size_t)used, "%s%s%s%s",
             policy->driver[0] ? ", " : "", policy->driver,
             policy->governor[0] ? ", " : "", policy->governor);
}

static const struct jb_cpufreq_policy *
cpufreq_first_of(const struct jb_source *source, uint16_t package)
{
    const struct jb_cpufreq_policy *list = source->policies.list;
    size_t i = 0;

    while (list[i].package != package)
        i++;
    return &list[i];
}

/* What a package's policies have in common is said once, of the package; a
 * policy says where it differs from the first. */
static void cpufreq_note(const struct jb_source *source,
                         const struct jb_cpufreq_policy *policy,
                         struct jb_sensor *sensor)
{
    char facts[CPUFREQ_FACTS_MAX];
    char common[CPUFREQ_FACTS_MAX];

    cpufreq_facts(policy, facts);
    cpufreq_facts(cpufreq_first_of(source, policy->package), common);
    if (facts[0] && strcmp(facts, common) != 0)
        snprintf(sensor->note, sizeof(sensor->note), "%s", facts + 2);
}

static int cpufreq_add_file(struct jb_source *source, uint32_t at, uint8_t file,
                            struct jb_error *err)
{
    const struct jb_cpufreq_policy *policy = &source->policies.list[at];
    struct cpufreq_item item = { .way = CPUFREQ_FILE,
                                 .policy = at,
                                 .package = policy->package,
                                 .file = file,
                                 .fd = -1 };
    bool has_main = source->mains[at] != UINT32_MAX;
    struct jb_error why = { 0 };
    struct jb_sensor *sensor;

    if (cpufreq_open_file(source, &item, &why) < 0 &&
        (has_main || cpufreq_files[file].optional || why.status == JB_EABSENT))
        return JB_OK;
    if (item.fd >= 0 && cpufreq_files[file].optional &&
        !cpufreq_is_worth(&item)) {
        close(item.fd);
        return JB_OK;
    }
    sensor = cpufreq_new(source, &item, err);
    if (!sensor) {
        if (item.fd >= 0)
            close(item.fd);
        return JB_ENOMEM;
    }
    snprintf(sensor->name, sizeof(sensor->name), "%s%s", policy->name,
             cpufreq_files[file].suffix);
    cpufreq_note(source, policy, sensor);
    if (why.status < 0)
        cpufreq_set_state(sensor, &why);
    if (!has_main)
        source->mains[at] = (uint32_t)source->count;
    source->count++;
    return JB_OK;
}

/* A policy none of whose files says a frequency is one sensor that says so. */
static int cpufreq_add_mute(struct jb_source *source, uint32_t at,
                            struct jb_error *err)
{
    const struct jb_cpufreq_policy *policy = &source->policies.list[at];
    struct cpufreq_item item = {
        .way = CPUFREQ_FILE, .policy = at, .package = policy->package, .fd = -1
    };
    struct jb_sensor *sensor = cpufreq_new(source, &item, err);
    struct jb_error why;

    if (!sensor)
        return JB_ENOMEM;
    snprintf(sensor->name, sizeof(sensor->name), "%s", policy->name);
    jb_fail(&why, JB_EABSENT, "%.180s says no frequency", policy->directory);
    cpufreq_set_state(sensor, &why);
    source->mains[at] = (uint32_t)source->count++;
    return JB_OK;
}

static int cpufreq_add_policies(struct jb_source *source, struct jb_error *err)
{
    int rc = JB_OK;

    source->mains = calloc(source->policies.count, sizeof(*source->mains));
    if (!source->mains)
        return jb_fail(err, JB_ENOMEM, "%zu policies", source->policies.count);
    for (uint32_t i = 0; rc == JB_OK && i < source->policies.count; i++) {
        source->mains[i] = UINT32_MAX;
        for (uint8_t file = 0; rc == JB_OK && file < CPUFREQ_FILES; file++)
            rc = cpufreq_add_file(source, i, file, err);
        if (rc == JB_OK && source->mains[i] == UINT32_MAX)
            rc = cpufreq_add_mute(source, i, err);
    }
    return rc;
}

/* Packages */

static int cpufreq_add_package(struct jb_source *source, enum cpufreq_way way,
                               uint16_t package, const struct jb_error *why,
                               struct jb_error *err)
{
    struct cpufreq_item item = { .way = way, .package = package, .fd = -1 };
    struct jb_sensor *sensor = cpufreq_new(source, &item, err);
    char name[JB_DOMAIN_NAME_MAX];
    char facts[CPUFREQ_FACTS_MAX];

    if (!sensor)
        return JB_ENOMEM;
    sensor->domain =
        (struct jb_domain){ JB_DOMAIN_PACKAGE, package, JB_NO_DIE };
    sensor->unit.num = cpufreq_uhz_per_hz;
    sensor->provenance = JB_DERIVED;
    snprintf(sensor->name, sizeof(sensor->name), "%s%s",
             jb_domain_name(&sensor->domain, name),
             way == CPUFREQ_EFFECTIVE ? "/effective" : "");
    if (way == CPUFREQ_EFFECTIVE) {
        sensor->kind = JB_KIND_WINDOW_MEAN;
        sensor->rank = CPUFREQ_RANK_EFFECTIVE;
        snprintf(sensor->note, sizeof(sensor->note),
                 "while not idle, since the reading before");
    } else {
        cpufreq_facts(cpufreq_first_of(source, package), facts);
        snprintf(sensor->note, sizeof(sensor->note),
                 "mean over the CPUs that are online%s", facts);
    }
    if (why->status < 0)
        cpufreq_set_state(sensor, why);
    source->count++;
    return JB_OK;
}

static bool cpufreq_has_mean(const struct jb_source *source, uint16_t package)
{
    for (size_t i = 0; i < source->count; i++)
        if (source->items[i].way == CPUFREQ_MEAN &&
            source->items[i].package == package)
            return true;
    return false;
}

static bool cpufreq_is_part(const struct jb_cpufreq_policy *policy,
                            uint16_t package)
{
    return policy->package == package && policy->cpus > 0;
}

/* How much each part of a mean weighs must be known. */
static bool cpufreq_weights_known(const struct jb_source *source,
                                  uint16_t package, struct jb_error *why)
{
    for (size_t i = 0; i < source->policies.count; i++) {
        const struct jb_cpufreq_policy *policy = &source->policies.list[i];

        if (!cpufreq_is_part(policy, package) || policy->cpus_state == JB_OK)
            continue;
        jb_fail(why, policy->cpus_state, "the CPUs of %s cannot be read: %s",
                policy->name, jb_status_name(policy->cpus_state));
        return false;
    }
    return true;
}

/* A mean of which no part can be read says why its first part cannot. */
static void cpufreq_explain_mean(const struct jb_source *source,
                                 uint16_t package, struct jb_error *why)
{
    *why = (struct jb_error){ 0 };
    if (!cpufreq_weights_known(source, package, why))
        return;
    for (size_t i = 0; i < source->policies.count; i++) {
        const struct jb_sensor *main = &source->sensors[source->mains[i]];

        if (!cpufreq_is_part(&source->policies.list[i], package))
            continue;
        if (main->state == JB_OK) {
            *why = (struct jb_error){ 0 };
            return;
        }
        if (why->status == JB_OK) {
            jb_fail(why, main->state, "%s", main->reason);
            jb_error_set_fix(why, "%s", main->fix);
        }
    }
}

static int cpufreq_add_means(struct jb_source *source, struct jb_error *err)
{
    int rc = JB_OK;

    for (size_t i = 0; rc == JB_OK && i < source->policies.count; i++) {
        uint16_t package = source->policies.list[i].package;
        struct jb_error why;

        if (source->policies.list[i].cpus == 0 ||
            cpufreq_has_mean(source, package))
            continue;
        cpufreq_explain_mean(source, package, &why);
        rc = cpufreq_add_package(source, CPUFREQ_MEAN, package, &why, err);
    }
    return rc;
}

/* Cycle counters are this kernel's own: not on a recorded tree.  Without them
 * there is nothing to say; where they are forbidden there is. */
static int cpufreq_add_effective(struct jb_source *source, struct jb_error *err)
{
    struct jb_error why = { 0 };
    int rc = JB_OK;

    if (!source->env->live || !source->topology)
        return JB_OK;
    if (jb_effective_open(source->env, source->topology, &source->effective,
                          &why) == JB_EABSENT)
        return JB_OK;
    if (why.status == JB_ENOMEM)
        return jb_fail(err, JB_ENOMEM, "%s", why.text);
    if (source->effective)
        why = (struct jb_error){ 0 };
    for (size_t i = 0; rc == JB_OK && i < source->topology->package_count; i++)
        rc = cpufreq_add_package(source, CPUFREQ_EFFECTIVE,
                                 source->topology->packages[i].package, &why,
                                 err);
    return rc;
}

static int cpufreq_find(struct jb_source *source, struct jb_error *err)
{
    const char *sysfs = source->env->roots->sysfs;
    struct jb_error no_policy;
    int rc = jb_topology_read(sysfs, &source->topology, err);

    if (rc < 0 && rc != JB_EABSENT) /* else: whose mean is it? */
        return rc;
    rc =
        jb_cpufreq_find(sysfs, source->topology, &source->policies, &no_policy);
    if (rc == JB_OK)
        rc = cpufreq_add_policies(source, err);
    else if (rc == JB_EABSENT)
        rc = JB_OK;
    else
        return jb_fail(err, rc, "%s", no_policy.text);
    if (rc == JB_OK)
        rc = cpufreq_add_means(source, err);
    if (rc == JB_OK)
        rc = cpufreq_add_effective(source, err);
    if (rc == JB_OK && source->count == 0)
        rc = jb_fail(err, JB_EABSENT,
                     "%s: no driver sets frequencies here, as in most virtual "
                     "machines",
                     no_policy.text);
    return rc;
}

static int cpufreq_open(const struct jb_env *env, const void *options,
                        struct jb_source **out, struct jb_error *err)
{
    __attribute__((cleanup(cpufreq_auto_close))) struct jb_source *source =
        calloc(1, sizeof(*source));
    int rc;

    (void)options;
    if (!source)
        return jb_fail(err, JB_ENOMEM, "frequencies");
    source->env = env;
    rc = cpufreq_find(source, err);
    if (rc < 0)
        return rc;
    *out = jb_steal(source);
    return JB_OK;
}

static const struct jb_sensor *cpufreq_sensors(const struct jb_source *source,
                                               size_t *count)
{
    *count = source->count;
    return source->sensors;
}

/* Reading */

/* A policy whose CPUs were all offline comes back as a new file. */
static int cpufreq_reopen(const struct jb_source *source,
                          struct cpufreq_item *item, uint64_t now_ns)
{
    int rc;

    if (now_ns < item->retry_at_ns)
        return JB_EABSENT;
    item->retry_at_ns = now_ns + cpufreq_retry_ns;
    if (item->fd >= 0)
        close(item->fd);
    item->fd = -1;
    rc = cpufreq_open_file(source, item, NULL);
    if (rc == JB_OK)
        item->generation++;
    return rc;
}

static int cpufreq_read_file(const struct jb_source *source,
                             struct cpufreq_item *item, uint64_t now_ns,
                             uint64_t *khz)
{
    int rc = item->fd >= 0 ? jb_file_pread_u64(item->fd, khz) : JB_EABSENT;

    if (rc == JB_EABSENT)
        rc = cpufreq_reopen(source, item, now_ns);
    else
        return rc;
    return rc == JB_OK ? jb_file_pread_u64(item->fd, khz) : rc;
}

/* A CPU that runs has a frequency: 0 and all ones are drivers' words for not
 * knowing it. */
static bool cpufreq_is_plausible(uint64_t khz)
{
    struct jb_range range = jb_plausible_range(JB_QUANTITY_FREQUENCY);

    return khz > 0 && !jb_plausible_is_ones(khz) &&
           khz <= (uint64_t)range.highest / cpufreq_uhz_per_khz;
}

/* Once for a tick, whoever asks. */
static int cpufreq_take_file(struct jb_source *source, uint32_t at,
                             uint64_t now_ns, uint64_t *khz)
{
    struct cpufreq_item *item = &source->items[at];

    if (item->tick != source->tick) {
        item->tick = source->tick;
        item->state = source->sensors[at].state;
        if (item->state == JB_OK)
            item->state = cpufreq_read_file(source, item, now_ns, &item->raw);
        if (item->state == JB_OK && !cpufreq_is_plausible(item->raw))
            item->state = JB_EIMPLAUSIBLE;
    }
    if (item->state == JB_OK)
        *khz = item->raw;
    return item->state;
}

/* Offline CPUs have no frequency and are left out; any other trouble voids the
 * mean, since a mean of some CPUs is not the package's. */
static int cpufreq_take_mean(struct jb_source *source, uint16_t package,
                             uint64_t now_ns, uint64_t *hz)
{
    uint64_t sum = 0;
    uint64_t cpus = 0;

    for (size_t i = 0; i < source->policies.count; i++) {
        const struct jb_cpufreq_policy *policy = &source->policies.list[i];
        uint64_t khz = 0;
        int rc;

        if (!cpufreq_is_part(policy, package))
            continue;
        rc = cpufreq_take_file(source, source->mains[i], now_ns, &khz);
        if (rc == JB_EABSENT)
            continue;
        if (rc < 0)
            return rc;
        sum += khz * policy->cpus;
        cpus += policy->cpus;
    }
    if (cpus == 0)
        return JB_EABSENT;
    *hz = (sum * 1000 + cpus / 2) / cpus;
    return JB_OK;
}

static int cpufreq_take(struct jb_source *source, uint32_t at, uint64_t now_ns,
                        uint64_t *raw)
{
    const struct cpufreq_item *item = &source->items[at];
    int state = source->sensors[at].state;

    if (state < 0)
        return state;
    if (item->way == CPUFREQ_FILE)
        return cpufreq_take_file(source, at, now_ns, raw);
    if (item->way == CPUFREQ_MEAN)
        return cpufreq_take_mean(source, item->package, now_ns, raw);
    return jb_effective_read(source->effective, item->package, raw);
}

static void cpufreq_sample(struct jb_source *source, const uint32_t *which,
                           size_t count, struct jb_sample *out)
{
    uint64_t before_ns = jb_clock_now_ns(source->env->clock);
    uint64_t after_ns;

    source->tick++;
    for (size_t i = 0; i < count; i++) {
        uint64_t raw = 0;
        int rc = cpufreq_take(source, which[i], before_ns, &raw);

        after_ns = jb_clock_now_ns(source->env->clock);
        out[i] = (struct jb_sample){ .sensor = which[i],
                                     .generation =
                                         source->items[which[i]].generation,
                                     .raw = raw,
                                     .t0_ns = before_ns,
                                     .t1_ns = after_ns,
                                     .state = rc };
        before_ns = after_ns;
    }
}

const struct jb_source_desc jb_source_cpufreq = {
    .name = "cpufreq",
    .summary = "CPU frequencies, by policy and package",
    .quantities = 1 << JB_QUANTITY_FREQUENCY,
    .open = cpufreq_open,
    .sensors = cpufreq_sensors,
    .sample = cpufreq_sample,
    .close = cpufreq_close,
};
