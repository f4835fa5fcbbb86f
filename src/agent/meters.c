/* SPDX-License-Identifier: Apache-2.0 */
#include "meters.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "machine/machine.h"

/* How long one question waits for a meter that is not known to be slow, and
 * for one that was late the last time.  The second is far below what makes a
 * client's sampler think that all of the broker is slow (20 ms). */
static const uint64_t meters_wait_ns = 100 * (uint64_t)JB_NS_PER_MS;
static const uint64_t meters_late_wait_ns = 5 * (uint64_t)JB_NS_PER_MS;

struct meters_newest {
    struct jb_sample sample;
    uint64_t number;     /* which of all samples it is, from 1; 0: none */
    uint64_t ordered_ns; /* first order that it has not answered, or 0 */
    bool late;           /* it did not answer in time */
};

struct jb_meters {
    const struct jb_clock *clock;
    struct jb_machine *machine;
    struct jb_wire_sensor *sensors;
    size_t count;
    ptrdiff_t *numbers; /* of the machine's sensors, -1: not served */
    bool all;
    int fd;

    pthread_mutex_t lock; /* for what follows */
    struct meters_newest *newest;
    uint64_t samples; /* so far */
};

void jb_meters_close(struct jb_meters *meters)
{
    if (!meters)
        return;
    jb_machine_close(meters->machine);
    if (meters->fd >= 0)
        close(meters->fd);
    free(meters->sensors);
    free(meters->numbers);
    free(meters->newest);
    pthread_mutex_destroy(&meters->lock);
    free(meters);
}

/* Amounts since the last reading belong to one reader: they cannot be handed
 * to several. */
static bool meters_serves(const struct jb_meters *meters,
                          const struct jb_machine_sensor *sensor,
                          const char *path)
{
    if (strlen(path) >= JB_NAME_MAX || sensor->about->kind == JB_KIND_DELTA)
        return false;
    return meters->all || sensor->account;
}

static int meters_describe(struct jb_meters *meters, struct jb_error *err)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(meters->machine, &count);

    meters->sensors = calloc(count + 1, sizeof(*meters->sensors));
    meters->numbers = calloc(count + 1, sizeof(*meters->numbers));
    meters->newest = calloc(count + 1, sizeof(*meters->newest));
    if (!meters->sensors || !meters->numbers || !meters->newest)
        return jb_fail(err, JB_ENOMEM, "%zu sensors", count);
    for (size_t i = 0; i < count; i++) {
        char path[JB_SENSOR_PATH_MAX];

        meters->numbers[i] = -1;
        jb_machine_sensor_path(meters->machine, i, path);
        if (!meters_serves(meters, &sensors[i], path))
            continue;
        if (meters->count == JB_WIRE_SENSORS_MAX)
            return jb_fail(err, JB_ELIMIT,
                           "more than %d sensors: serve fewer --sources",
                           JB_WIRE_SENSORS_MAX);
        meters->numbers[i] = (ptrdiff_t)meters->count;
        meters->newest[meters->count].late =
            sensors[i].about->flags & JB_SENSOR_MAY_BLOCK;
        jb_wire_put_sensor(sensors[i].about, path,
                           &meters->sensors[meters->count++]);
    }
    return JB_OK;
}

static int meters_check(const struct jb_meters *meters, struct jb_error *err)
{
    for (size_t i = 0; i < meters->count; i++)
        if (meters->sensors[i].state == JB_OK)
            return JB_OK;
    jb_fail(err, JB_EABSENT, "no meter that can be read: nothing to serve");
    jb_error_set_fix(err, "joulebook doctor");
    return JB_EABSENT;
}

static int meters_open_machine(struct jb_meters *meters,
                               const struct jb_meters_config *config,
                               struct jb_error *err)
{
    struct jb_machine_config machine = {
        .env = config->env,
        .config = config->config,
        .sources = config->sources,
        .quantities =
            config->all ? 0 : 1 << JB_QUANTITY_ENERGY | 1 << JB_QUANTITY_POWER,
        .direct = true,
    };

    return jb_machine_open(&machine, &meters->machine, err);
}

int jb_meters_open(const struct jb_meters_config *config,
                   struct jb_meters **out, struct jb_error *err)
{
    struct jb_meters *meters = calloc(1, sizeof(*meters));
    int rc;

    if (!meters)
        return jb_fail(err, JB_ENOMEM, "meters");
    meters->clock = config->env->clock;
    meters->all = config->all;
    pthread_mutex_init(&meters->lock, NULL);
    meters->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = meters->fd < 0 ? jb_fail_errno(err, errno, "eventfd") : JB_OK;
    if (rc == JB_OK)
        rc = meters_open_machine(meters, config, err);
    if (rc == JB_OK)
        rc = meters_describe(meters, err);
    if (rc == JB_OK)
        rc = meters_check(meters, err);
    if (rc < 0) {
        jb_meters_close(meters);
        return rc;
    }
    *out = meters;
    return JB_OK;
}

static void meters_note(struct jb_meters *meters,
                        const struct jb_sample *sample, size_t number,
                        uint64_t now_ns)
{
    struct meters_newest *newest = &meters->newest[number];

    newest->sample = *sample;
    newest->number = ++meters->samples;
    if (newest->ordered_ns == 0 || sample->t0_ns < newest->ordered_ns)
        return;
    newest->late = now_ns - newest->ordered_ns > meters_wait_ns;
    newest->ordered_ns = 0;
}

/* On a lane's thread. */
static void meters_listen(void *context, const struct jb_machine_news *news,
                          size_t count)
{
    struct jb_meters *meters = context;
    uint64_t now_ns = jb_clock_now_ns(meters->clock);
    static const uint64_t one = 1;

    pthread_mutex_lock(&meters->lock);
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t number = meters->numbers[news[i].sensor];

        if (number >= 0)
            meters_note(meters, news[i].sample, (size_t)number, now_ns);
    }
    pthread_mutex_unlock(&meters->lock);
    while (write(meters->fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

int jb_meters_start(struct jb_meters *meters, struct jb_error *err)
{
    struct jb_machine_watch watch = {
        .scope = meters->all ? JB_WATCH_ALL : JB_WATCH_DOMAINS,
        .listener = meters_listen,
        .context = meters,
    };
    int rc = jb_machine_watch(meters->machine, &watch, err);

    return rc == JB_OK ? jb_machine_start(meters->machine, err) : rc;
}

const struct jb_wire_sensor *jb_meters_sensors(const struct jb_meters *meters,
                                               size_t *count)
{
    *count = meters->count;
    return meters->sensors;
}

int jb_meters_fd(const struct jb_meters *meters)
{
    return meters->fd;
}

void jb_meters_hear(struct jb_meters *meters)
{
    uint64_t times;

    while (read(meters->fd, &times, sizeof(times)) < 0 && errno == EINTR)
        ;
}

void jb_meters_order(struct jb_meters *meters)
{
    uint64_t now_ns = jb_clock_now_ns(meters->clock);

    pthread_mutex_lock(&meters->lock);
    for (size_t i = 0; i < meters->count; i++)
        if (meters->newest[i].ordered_ns == 0)
            meters->newest[i].ordered_ns = now_ns;
    pthread_mutex_unlock(&meters->lock);
    jb_machine_cut(meters->machine, 0);
}

static bool meters_has_answered(const struct meters_newest *newest,
                                uint64_t since_ns)
{
    return newest->number > 0 && newest->sample.t0_ns >= since_ns;
}

uint64_t jb_meters_wait_ns(struct jb_meters *meters,
                           const struct jb_reading *reading)
{
    uint64_t longest_ns = 0;

    pthread_mutex_lock(&meters->lock);
    for (size_t i = 0; i < reading->count; i++) {
        uint32_t number = reading->which[i];
        const struct meters_newest *newest = &meters->newest[number];
        uint64_t wait_ns = newest->late ? meters_late_wait_ns : meters_wait_ns;

        if (meters->sensors[number].state == JB_OK &&
            !meters_has_answered(newest, reading->since_ns) &&
            wait_ns > longest_ns)
            longest_ns = wait_ns;
    }
    pthread_mutex_unlock(&meters->lock);
    return longest_ns ? reading->since_ns + longest_ns : 0;
}

static void meters_fill(struct jb_meters *meters,
                        const struct jb_reading *reading, uint32_t number,
                        uint64_t now_ns, struct jb_wire_sample *out)
{
    struct meters_newest *newest = &meters->newest[number];
    struct jb_sample void_sample = { .t0_ns = reading->since_ns,
                                     .t1_ns = now_ns,
                                     .state = meters->sensors[number].state };
    bool answered = meters_has_answered(newest, reading->since_ns);

    if (void_sample.state == JB_OK && !answered) {
        newest->late = true;
        void_sample.state = JB_EBUSY;
    }
    if (answered || newest->number > reading->seen)
        jb_wire_put_sample(&newest->sample, out);
    else
        jb_wire_put_sample(&void_sample, out);
}

uint64_t jb_meters_take(struct jb_meters *meters,
                        const struct jb_reading *reading, uint64_t now_ns,
                        struct jb_wire_sample *out)
{
    uint64_t seen;

    pthread_mutex_lock(&meters->lock);
    for (size_t i = 0; i < reading->count; i++)
        meters_fill(meters, reading, reading->which[i], now_ns, &out[i]);
    seen = meters->samples;
    pthread_mutex_unlock(&meters->lock);
    return seen;
}
