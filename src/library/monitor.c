/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A monitor: one machine with the devices of one kind, and a thread that ends
 * an interval of them again and again.
 *
 * Two locks.  `control` is held by start and stop from beginning to end, so
 * that they do not meet.  `lock` guards what the thread shares with those who
 * fetch readings, and is never held while a meter is read.
 */
#include "joulebook/monitor.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/owner.h"
#include "inside.h"
#include "machine/machine.h"
#include "readings/devices.h"

enum {
    MONITOR_PENDING_MAX = 1 << 18, /* three days of one device at 1 Hz */
    MONITOR_NAME_MAX = 32,
    MONITOR_CREDENTIALS = 3,
};

static const double monitor_interval_min_s = 0.001;
static const double monitor_interval_max_s = 86400.0;
static const uint64_t monitor_probe_ns = JB_NS_PER_S / 10;
/* How long the end of an interval waits for meters that do not answer. */
static const uint64_t monitor_answer_ns = JB_NS_PER_S / 2;

struct jb_monitor {
    const struct jb_monitor_kind *kind;
    struct jb_place place;
    char name[MONITOR_NAME_MAX];
    uint64_t interval_ns;
    uint32_t metrics;
    struct jb_config *options; /* of its source, or NULL */
    struct jb_owner owner;
    pthread_mutex_t control;

    /* Of one start; changed with `control` held and no thread running. */
    struct jb_machine *machine;
    struct jb_devices *devices;
    struct jb_reading *scratch; /* one per device */
    struct jb_labels *labels;   /* one row per device */
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t wake;     /* for the thread: stop */
    pthread_cond_t progress; /* for those who wait for an interval */
    bool started, stopping, ever;
    uint64_t due_ns; /* when the present interval ends */
    struct jb_readings *pending;
    struct jb_error trouble; /* why the last interval gave nothing */
    struct jb_error status[JB_METRIC_COUNT];
};

/* What a BMC is asked with: the one place where a password is kept. */
static void monitor_forget_options(struct jb_monitor *monitor)
{
    struct jb_config *options = monitor->options;

    for (size_t i = 0; options && i < options->count; i++)
        if (options->entries[i].value)
            explicit_bzero(options->entries[i].value,
                           strlen(options->entries[i].value));
    jb_config_free(options);
    monitor->options = NULL;
}

/* The same as a section of a configuration file, so that the source's own
 * option table judges it. */
static int monitor_make_options(struct jb_monitor *monitor,
                                const struct jb_monitor_config *config,
                                struct jb_error *err)
{
    const struct {
        const char *key, *value;
    } given[MONITOR_CREDENTIALS] = { { "host", config->host },
                                     { "username", config->username },
                                     { "password", config->password } };
    struct jb_config *options = calloc(1, sizeof(*options));
    bool complete;

    monitor->options = options;
    if (!options)
        return jb_fail(err, JB_ENOMEM, "options of a monitor");
    options->path = strdup(monitor->name);
    options->sections = calloc(1, sizeof(*options->sections));
    options->entries = calloc(MONITOR_CREDENTIALS, sizeof(*options->entries));
    complete = options->path && options->sections && options->entries;
    if (complete) {
        options->sections[0].name = strdup(monitor->kind->needs);
        options->section_count = 1;
        complete = options->sections[0].name != NULL;
    }
    for (size_t i = 0; complete && i < MONITOR_CREDENTIALS; i++) {
        struct jb_config_entry *entry = &options->entries[options->count];

        if (!given[i].value)
            continue;
        options->count++;
        entry->section = options->sections[0].name;
        entry->key = strdup(given[i].key);
        entry->value = strdup(given[i].value);
        complete = entry->key && entry->value;
    }
    return complete ? JB_OK : jb_fail(err, JB_ENOMEM, "options of a monitor");
}

static int monitor_configure(struct jb_monitor *monitor,
                             const struct jb_monitor_config *config,
                             struct jb_error *err)
{
    const struct jb_roots roots = { config->sysfs, config->procfs,
                                    config->cgroupfs, config->devfs };
    double interval_s = config->interval_s == 0.0 ? 1.0 : config->interval_s;
    int rc = jb_monitor_kind_find(config->source, config->component,
                                  &monitor->kind, err);

    if (rc < 0)
        return rc;
    if (!isfinite(interval_s) || interval_s < monitor_interval_min_s ||
        interval_s > monitor_interval_max_s)
        return jb_fail(err, JB_EUSAGE, "an interval of %g s: it is %g to %g s",
                       interval_s, monitor_interval_min_s,
                       monitor_interval_max_s);
    if (config->metrics & ~(uint32_t)JB_METRICS_ALL)
        return jb_fail(err, JB_EUSAGE, "unknown metrics 0x%x",
                       config->metrics & ~(uint32_t)JB_METRICS_ALL);
    monitor->interval_ns = (uint64_t)(interval_s * JB_NS_PER_S + 0.5);
    monitor->metrics = config->metrics ? config->metrics : JB_METRICS_ALL;
    snprintf(monitor->name, sizeof(monitor->name), "%s/%s",
             monitor->kind->source, monitor->kind->component);
    rc = jb_place_init(&monitor->place, &roots, err);
    if (rc < 0 || !(config->host || config->username || config->password))
        return rc;
    if (!monitor->kind->needs || strcmp(monitor->kind->needs, "ipmi") != 0)
        return jb_fail(err, JB_EUSAGE,
                       "host, username and password are for system/ipmi, not "
                       "for %s",
                       monitor->name);
    return monitor_make_options(monitor, config, err);
}

int jb_monitor_new(const struct jb_monitor_config *config,
                   struct jb_monitor **out, struct jb_error *err)
{
    struct jb_monitor_config own;
    struct jb_monitor *monitor;
    int rc;

    if (!config)
        return jb_fail(err, JB_EUSAGE, "a monitor without a configuration");
    rc = jb_library_copy(&own, sizeof(own), config, config->size,
                         sizeof(struct jb_monitor_config), err);
    if (rc < 0)
        return rc;
    monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return jb_fail(err, JB_ENOMEM, "a monitor");
    pthread_mutex_init(&monitor->control, NULL);
    pthread_mutex_init(&monitor->lock, NULL);
    pthread_cond_init(&monitor->wake, NULL);
    pthread_cond_init(&monitor->progress, NULL);
    rc = jb_owner_init(&monitor->owner, err);
    if (rc == JB_OK)
        rc = monitor_configure(monitor, &own, err);
    if (rc < 0)
        jb_monitor_free(monitor);
    else
        *out = monitor;
    return rc;
}

/* Takes what an interval gave into the list. */
static void monitor_take(struct jb_monitor *monitor, size_t count,
                         int64_t utc_ns, const struct jb_error *why)
{
    for (size_t i = 0; i < count; i++) {
        struct jb_reading *reading = &monitor->scratch[i];
        size_t device = 0;

        while (strcmp(jb_devices_name(monitor->devices, device),
                      reading->device) != 0)
            device++;
        reading->source = jb_labels_row(monitor->labels, device)->source;
        reading->component = jb_labels_row(monitor->labels, device)->component;
        reading->device = jb_labels_row(monitor->labels, device)->device;
        reading->utc_ns = utc_ns;
        jb_clock_utc_text(utc_ns, reading->timestamp);
        jb_readings_add(monitor->pending, reading, MONITOR_PENDING_MAX);
    }
    if (count > 0)
        monitor->trouble = (struct jb_error){ .status = JB_OK };
    else if (why->status != JB_ELIMIT) /* only too short: comes with the next */
        monitor->trouble = *why;
}

/* Ends an interval.  It is stamped with the instant of the readings, which is
 * later than the one that was due when the machine was busy. */
static void monitor_tick(struct jb_monitor *monitor, uint64_t origin_ns)
{
    uint64_t wait_ns = monitor->interval_ns / 2 < monitor_answer_ns
                           ? monitor->interval_ns / 2
                           : monitor_answer_ns;
    int64_t utc_ns = jb_clock_utc_ns();
    struct jb_error why = { .status = JB_OK };
    size_t count =
        jb_devices_cut(monitor->devices, wait_ns, monitor->scratch, &why);
    uint64_t now_ns = jb_library_now_ns();

    pthread_mutex_lock(&monitor->lock);
    monitor_take(monitor, count, utc_ns, &why);
    monitor->due_ns =
        origin_ns + ((now_ns - origin_ns) / monitor->interval_ns + 1) *
                        monitor->interval_ns;
    pthread_cond_broadcast(&monitor->progress);
    pthread_mutex_unlock(&monitor->lock);
}

/* Sleeps until the instant, or until stop: true then. */
static bool monitor_sleep(struct jb_monitor *monitor, uint64_t until_ns)
{
    struct timespec deadline = jb_library_timespec(until_ns);
    bool stopping;

    pthread_mutex_lock(&monitor->lock);
    while (!monitor->stopping && jb_library_now_ns() < until_ns)
        pthread_cond_clockwait(&monitor->wake, &monitor->lock, CLOCK_MONOTONIC,
                               &deadline);
    stopping = monitor->stopping;
    pthread_mutex_unlock(&monitor->lock);
    return stopping;
}

/* Counters that wrap sooner than an interval lasts are looked at in between. */
static void *monitor_main(void *argument)
{
    struct jb_monitor *monitor = argument;
    uint64_t gap_ns = jb_devices_max_gap_ns(monitor->devices);
    uint64_t origin_ns = monitor->due_ns - monitor->interval_ns;

    pthread_setname_np(pthread_self(), "jb-monitor");
    for (;;) {
        uint64_t now_ns = jb_library_now_ns();
        uint64_t due_ns = monitor->due_ns;
        uint64_t until_ns = due_ns;

        if (now_ns < due_ns && gap_ns < due_ns - now_ns)
            until_ns = now_ns + gap_ns;
        if (monitor_sleep(monitor, until_ns))
            return NULL;
        if (until_ns < due_ns)
            jb_devices_look(monitor->devices, monitor_answer_ns);
        else
            monitor_tick(monitor, origin_ns);
    }
}

static int monitor_open_machine(struct jb_monitor *monitor,
                                struct jb_error *err)
{
    struct jb_machine_config machine = {
        .env = &monitor->place.env,
        .config = monitor->options,
        .sources = monitor->kind->needs,
        .quantities = jb_devices_quantities(monitor->metrics),
    };
    struct jb_devices_config devices = { .kinds = monitor->kind->domains,
                                         .metrics = monitor->metrics };
    int rc = jb_monitor_kind_check(monitor->kind, &monitor->place.roots, err);

    if (rc == JB_OK)
        rc = jb_machine_open(&machine, &monitor->machine, err);
    if (rc == JB_OK && monitor->metrics & JB_METRICS_POWER)
        rc = jb_machine_probe(monitor->machine, monitor_probe_ns, err);
    if (rc == JB_OK)
        rc =
            jb_devices_open(monitor->machine, &devices, &monitor->devices, err);
    return rc;
}

/* Those who fetch readings look at them. */
static void monitor_set_labels(struct jb_monitor *monitor,
                               struct jb_labels *labels)
{
    pthread_mutex_lock(&monitor->lock);
    jb_labels_unref(monitor->labels);
    monitor->labels = labels;
    pthread_mutex_unlock(&monitor->lock);
}

static int monitor_label(struct jb_monitor *monitor, struct jb_error *err)
{
    size_t count = jb_devices_count(monitor->devices);
    JB_AUTO_FREE struct jb_label *rows = calloc(count, sizeof(*rows));

    monitor->scratch = calloc(count, sizeof(*monitor->scratch));
    for (size_t i = 0; rows && i < count; i++) {
        rows[i].source = monitor->kind->source;
        rows[i].component =
            jb_monitor_kind_component(monitor->kind, &monitor->place.roots,
                                      jb_devices_source(monitor->devices, i));
        rows[i].device = jb_devices_name(monitor->devices, i);
    }
    if (rows)
        monitor_set_labels(monitor, jb_labels_new(rows, count));
    if (!monitor->labels || !monitor->scratch)
        return jb_fail(err, JB_ENOMEM, "names of %zu devices", count);
    return JB_OK;
}

/* The list is there before the thread is, so that it need not be looked for at
 * each interval. */
static int monitor_prepare_list(struct jb_monitor *monitor,
                                struct jb_error *err)
{
    int rc = JB_OK;

    pthread_mutex_lock(&monitor->lock);
    if (!monitor->pending)
        monitor->pending = jb_readings_new();
    if (!monitor->pending ||
        jb_readings_use(monitor->pending, monitor->labels) != JB_OK)
        rc = jb_fail(err, JB_ENOMEM, "a list of readings");
    pthread_mutex_unlock(&monitor->lock);
    return rc;
}

static void monitor_keep_status(struct jb_monitor *monitor)
{
    pthread_mutex_lock(&monitor->lock);
    for (int m = 0; m < JB_METRIC_COUNT; m++)
        if (monitor->metrics & 1U << m)
            (void)jb_devices_status(monitor->devices, (enum jb_metric)m,
                                    &monitor->status[m]);
    monitor->trouble = (struct jb_error){ .status = JB_OK };
    monitor->stopping = false;
    monitor->started = true;
    monitor->ever = true;
    monitor->due_ns = jb_library_now_ns() + monitor->interval_ns;
    pthread_mutex_unlock(&monitor->lock);
}

static void monitor_close_machine(struct jb_monitor *monitor)
{
    jb_machine_close(monitor->machine);
    jb_devices_close(monitor->devices);
    free(monitor->scratch);
    monitor_set_labels(monitor, NULL);
    monitor->machine = NULL;
    monitor->devices = NULL;
    monitor->scratch = NULL;
}

static void monitor_set_stopped(struct jb_monitor *monitor)
{
    pthread_mutex_lock(&monitor->lock);
    monitor->started = false;
    pthread_cond_broadcast(&monitor->progress);
    pthread_mutex_unlock(&monitor->lock);
}

static int monitor_start_locked(struct jb_monitor *monitor,
                                struct jb_error *err)
{
    int rc;

    if (monitor->machine)
        return jb_fail(err, JB_EUSAGE, "%s is started already", monitor->name);
    rc = monitor_open_machine(monitor, err);
    if (rc == JB_OK)
        rc = monitor_label(monitor, err);
    if (rc == JB_OK)
        rc = monitor_prepare_list(monitor, err);
    if (rc == JB_OK)
        rc = jb_devices_watch(monitor->devices, err);
    if (rc == JB_OK) {
        monitor_keep_status(monitor);
        rc = jb_library_thread(&monitor->thread, monitor_main, monitor, err);
        if (rc < 0)
            monitor_set_stopped(monitor);
    }
    if (rc < 0)
        monitor_close_machine(monitor);
    return rc;
}

int jb_monitor_start(struct jb_monitor *monitor, struct jb_error *err)
{
    int rc = jb_owner_check(&monitor->owner, "monitor", err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&monitor->control);
    rc = monitor_start_locked(monitor, err);
    pthread_mutex_unlock(&monitor->control);
    return rc;
}

/* The whole list is handed over; the next one is made before it is needed. */
static int monitor_read_locked(struct jb_monitor *monitor,
                               struct jb_readings **out, struct jb_error *err)
{
    struct jb_readings *fresh;

    if (!monitor->ever)
        return jb_fail(err, JB_EUSAGE, "%s was never started", monitor->name);
    if (jb_readings_count(monitor->pending) == 0 && monitor->started &&
        monitor->trouble.status != JB_OK) {
        if (err)
            *err = monitor->trouble;
        return monitor->trouble.status;
    }
    fresh = jb_readings_new();
    if (!fresh ||
        (monitor->labels && jb_readings_use(fresh, monitor->labels) != JB_OK)) {
        jb_readings_free(fresh);
        return jb_fail(err, JB_ENOMEM, "a list of readings");
    }
    *out = monitor->pending;
    monitor->pending = fresh;
    return JB_OK;
}

int jb_monitor_read(struct jb_monitor *monitor, struct jb_readings **out,
                    struct jb_error *err)
{
    int rc = jb_owner_check(&monitor->owner, "monitor", err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&monitor->lock);
    rc = monitor_read_locked(monitor, out, err);
    pthread_mutex_unlock(&monitor->lock);
    return rc;
}

int jb_monitor_metric_status(struct jb_monitor *monitor, enum jb_metric metric,
                             struct jb_error *err)
{
    int rc = jb_owner_check(&monitor->owner, "monitor", err);

    if (rc < 0)
        return rc;
    if ((unsigned)metric >= JB_METRIC_COUNT ||
        !(monitor->metrics & 1U << metric))
        return jb_fail(err, JB_EUSAGE, "%s was not asked for this metric",
                       monitor->name);
    pthread_mutex_lock(&monitor->lock);
    rc = monitor->ever ? monitor->status[metric].status : JB_EUSAGE;
    if (!monitor->ever)
        jb_fail(err, rc, "%s was never started", monitor->name);
    else if (err)
        *err = monitor->status[metric];
    pthread_mutex_unlock(&monitor->lock);
    return rc;
}

static int monitor_stop_locked(struct jb_monitor *monitor, struct jb_error *err)
{
    size_t hanging;

    if (!monitor->machine)
        return jb_fail(err, JB_EUSAGE, "%s is not started", monitor->name);
    pthread_mutex_lock(&monitor->lock);
    monitor->stopping = true;
    pthread_cond_signal(&monitor->wake);
    pthread_mutex_unlock(&monitor->lock);
    pthread_join(monitor->thread, NULL);
    hanging = jb_machine_stop(monitor->machine);
    monitor_set_stopped(monitor);
    monitor_close_machine(monitor);
    if (hanging > 0)
        return jb_fail(err, JB_EBUSY,
                       "stopping %s: %zu meters hang in a read, and so do "
                       "their threads",
                       monitor->name, hanging);
    return JB_OK;
}

int jb_monitor_stop(struct jb_monitor *monitor, struct jb_error *err)
{
    int rc = jb_owner_check(&monitor->owner, "monitor", err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&monitor->control);
    rc = monitor_stop_locked(monitor, err);
    pthread_mutex_unlock(&monitor->control);
    return rc;
}

void jb_monitor_free(struct jb_monitor *monitor)
{
    if (!monitor || (monitor->owner.mark && !jb_owner_here(&monitor->owner)))
        return;
    if (monitor->machine)
        (void)jb_monitor_stop(monitor, NULL);
    jb_readings_free(monitor->pending);
    monitor_forget_options(monitor);
    jb_place_release(&monitor->place);
    jb_owner_release(&monitor->owner);
    pthread_cond_destroy(&monitor->progress);
    pthread_cond_destroy(&monitor->wake);
    pthread_mutex_destroy(&monitor->lock);
    pthread_mutex_destroy(&monitor->control);
    free(monitor);
}

const char *jb_monitor_name(const struct jb_monitor *monitor)
{
    return monitor->name;
}

void jb_monitor_wait(struct jb_monitor *monitor, uint64_t until_ns,
                     uint64_t patience_ns)
{
    struct timespec deadline =
        jb_library_timespec(jb_library_now_ns() + patience_ns);

    pthread_mutex_lock(&monitor->lock);
    while (monitor->started && monitor->due_ns <= until_ns &&
           pthread_cond_clockwait(&monitor->progress, &monitor->lock,
                                  CLOCK_MONOTONIC, &deadline) == 0)
        ;
    pthread_mutex_unlock(&monitor->lock);
}

void jb_monitor_describe(struct jb_monitor *monitor, struct jb_ppf_monitor *out)
{
    *out = (struct jb_ppf_monitor){
        .source = monitor->kind->source,
        .component = monitor->kind->component,
        .interval_us = (int64_t)(monitor->interval_ns / JB_NS_PER_US),
        .metrics = monitor->metrics,
    };
    pthread_mutex_lock(&monitor->lock);
    for (int m = 0; monitor->ever && m < JB_METRIC_COUNT; m++)
        if (monitor->status[m].status != JB_OK)
            out->missing[out->missing_count++] =
                (struct jb_ppf_missing){ (enum jb_metric)m,
                                         monitor->status[m] };
    pthread_mutex_unlock(&monitor->lock);
}
