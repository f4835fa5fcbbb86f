/* SPDX-License-Identifier: Apache-2.0 */
#include "sampler.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "lane.h"
#include "schedule.h"

enum { SAMPLER_TASKS_MAX = 4096, SAMPLER_FEED_MAX = 4096 };

#define SAMPLER_SLOW_NS (UINT64_C(20) * JB_NS_PER_MS)
#define SAMPLER_STUCK_NS (UINT64_C(250) * JB_NS_PER_MS)

/* No patience is longer, so that sums with it do not overflow. */
#define SAMPLER_PATIENCE_MAX_NS (UINT64_C(86400) * JB_NS_PER_S)

int jb_sampler_new(const struct jb_sampler_config *config,
                   struct jb_sampler **out, struct jb_error *err)
{
    struct jb_sampler *sampler;

    if (!config->sink)
        return jb_fail(err, JB_EUSAGE, "a sampler needs a sink");
    sampler = calloc(1, sizeof(*sampler));
    if (!sampler)
        return jb_fail(err, JB_ENOMEM, "no memory for a sampler");
    sampler->config = *config;
    if (config->slow_ns == 0)
        sampler->config.slow_ns = SAMPLER_SLOW_NS;
    if (config->stuck_ns == 0)
        sampler->config.stuck_ns = SAMPLER_STUCK_NS;
    if (config->stuck_ns > SAMPLER_PATIENCE_MAX_NS)
        sampler->config.stuck_ns = SAMPLER_PATIENCE_MAX_NS;
    sampler->clock = config->clock ? config->clock : &jb_clock_boottime;
    sampler->references = 1;
    sampler->fast.fast = true;
    pthread_mutex_init(&sampler->lock, NULL);
    pthread_cond_init(&sampler->progress, NULL);
    *out = sampler;
    return JB_OK;
}

/* Makes room for one more pointer. */
static int sampler_grow(void *array, size_t count)
{
    void **slot = array;
    void *grown = reallocarray(*slot, count + 1, sizeof(void *));

    if (!grown)
        return JB_ENOMEM;
    *slot = grown;
    return JB_OK;
}

static struct jb_lane_endpoint *
sampler_endpoint(struct jb_sampler *sampler, const struct jb_sampler_feed *feed,
                 uint16_t id)
{
    struct jb_lane_endpoint *endpoint;

    for (size_t i = 0; i < sampler->endpoint_count; i++) {
        endpoint = sampler->endpoints[i];
        if (endpoint->source == feed->source && endpoint->desc == feed->desc &&
            endpoint->id == id)
            return endpoint;
    }
    if (sampler_grow(&sampler->endpoints, sampler->endpoint_count) != JB_OK)
        return NULL;
    endpoint = calloc(1, sizeof(*endpoint));
    if (!endpoint)
        return NULL;
    endpoint->desc = feed->desc;
    endpoint->source = feed->source;
    endpoint->id = id;
    endpoint->index = sampler->endpoint_count;
    endpoint->lane = &sampler->fast;
    sampler->endpoints[sampler->endpoint_count++] = endpoint;
    return endpoint;
}

static struct jb_lane_task *sampler_task_new(const struct jb_sampler_feed *feed,
                                             size_t count)
{
    struct jb_lane_task *task =
        calloc(1, sizeof(*task) +
                      count * (sizeof(struct jb_sample) + sizeof(uint32_t)));

    if (!task)
        return NULL;
    task->feed = *feed;
    task->feed.which = (uint32_t *)(void *)(task->samples + count);
    task->feed.count = 0;
    return task;
}

/* The part of a feed that belongs to one endpoint: that of sensor which[at],
 * unless an earlier one of the feed had it already. */
static int sampler_add_part(struct jb_sampler *sampler,
                            const struct jb_sampler_feed *feed,
                            const struct jb_sensor *sensors, size_t at)
{
    uint16_t id = sensors[feed->which[at]].endpoint;
    struct jb_lane_endpoint *endpoint;
    struct jb_lane_task *task;
    uint32_t *which;

    for (size_t i = 0; i < at; i++)
        if (sensors[feed->which[i]].endpoint == id)
            return JB_OK;
    if (sampler->task_count == SAMPLER_TASKS_MAX)
        return JB_ELIMIT;
    endpoint = sampler_endpoint(sampler, feed, id);
    if (!endpoint || sampler_grow(&sampler->tasks, sampler->task_count))
        return JB_ENOMEM;
    task = sampler_task_new(feed, feed->count - at);
    if (!task)
        return JB_ENOMEM;
    task->endpoint = endpoint;
    which = (uint32_t *)(void *)(task->samples + feed->count - at);
    for (size_t i = at; i < feed->count; i++) {
        const struct jb_sensor *sensor = &sensors[feed->which[i]];

        if (sensor->endpoint != id)
            continue;
        which[task->feed.count++] = feed->which[i];
        endpoint->slow |= (sensor->flags & JB_SENSOR_MAY_BLOCK) != 0;
    }
    sampler->tasks[sampler->task_count++] = task;
    return JB_OK;
}

/* Puts the tasks of an endpoint side by side: the new ones stand at the end. */
static void sampler_arrange(struct jb_sampler *sampler)
{
    struct jb_lane_task **tasks = sampler->tasks;

    for (size_t i = 1; i < sampler->task_count; i++) {
        struct jb_lane_task *task = tasks[i];
        size_t to = i;

        for (; to > 0 && tasks[to - 1]->endpoint->index > task->endpoint->index;
             to--)
            tasks[to] = tasks[to - 1];
        tasks[to] = task;
    }
    for (size_t i = 0; i < sampler->endpoint_count; i++)
        sampler->endpoints[i]->count = 0;
    for (size_t i = 0; i < sampler->task_count; i++) {
        struct jb_lane_endpoint *endpoint = tasks[i]->endpoint;

        tasks[i]->slot = i;
        if (endpoint->count++ == 0)
            endpoint->first = i;
    }
}

static void sampler_truncate(struct jb_sampler *sampler, size_t tasks,
                             size_t endpoints)
{
    while (sampler->task_count > tasks)
        free(sampler->tasks[--sampler->task_count]);
    while (sampler->endpoint_count > endpoints)
        free(sampler->endpoints[--sampler->endpoint_count]);
}

static int sampler_check(const struct jb_sampler *sampler,
                         const struct jb_sampler_feed *feed, size_t known,
                         struct jb_error *err)
{
    if (sampler->phase != JB_SAMPLER_NEW)
        return jb_fail(err, JB_EUSAGE,
                       "source %s was added to a sampler that runs already",
                       feed->desc->name);
    if (feed->count > SAMPLER_FEED_MAX)
        return jb_fail(err, JB_ELIMIT,
                       "source %s: %zu sensors at once, at most %d can be read",
                       feed->desc->name, feed->count, SAMPLER_FEED_MAX);
    for (size_t i = 0; i < feed->count; i++)
        if (feed->which[i] >= known)
            return jb_fail(err, JB_EUSAGE,
                           "source %s has %zu sensors, but number %u was asked "
                           "for",
                           feed->desc->name, known, (unsigned)feed->which[i]);
    return JB_OK;
}

int jb_sampler_add(struct jb_sampler *sampler,
                   const struct jb_sampler_feed *feed, struct jb_error *err)
{
    size_t known = 0;
    const struct jb_sensor *sensors = feed->desc->sensors(feed->source, &known);
    size_t tasks = sampler->task_count;
    size_t endpoints = sampler->endpoint_count;
    int status;

    pthread_mutex_lock(&sampler->lock);
    status = sampler_check(sampler, feed, known, err);
    for (size_t i = 0; i < feed->count && status == JB_OK; i++) {
        status = sampler_add_part(sampler, feed, sensors, i);
        if (status != JB_OK)
            jb_fail(err, status, "source %s: too many sensors to read: %s",
                    feed->desc->name, jb_status_name(status));
    }
    if (status != JB_OK)
        sampler_truncate(sampler, tasks, endpoints);
    sampler_arrange(sampler);
    pthread_mutex_unlock(&sampler->lock);
    return status;
}

static int sampler_allocate(struct jb_sampler *sampler, struct jb_error *err)
{
    sampler->ticks =
        calloc(2 * sampler->task_count + 1, sizeof(*sampler->ticks));
    sampler->threads =
        calloc(sampler->endpoint_count + 1, sizeof(*sampler->threads));
    if (!sampler->ticks || !sampler->threads)
        return jb_fail(err, JB_ENOMEM, "no memory for the sampling schedule");
    return JB_OK;
}

static void sampler_lay_out(struct jb_sampler *sampler)
{
    uint64_t origin_ns = sampler->config.origin_ns;
    struct jb_tick *slow_ticks = sampler->ticks + sampler->task_count;

    sampler->fast.tasks = sampler->tasks;
    jb_schedule_init(&sampler->fast.schedule, origin_ns, sampler->ticks,
                     sampler->task_count);
    for (size_t i = 0; i < sampler->endpoint_count; i++) {
        struct jb_lane_endpoint *endpoint = sampler->endpoints[i];

        endpoint->own.tasks = sampler->tasks + endpoint->first;
        jb_schedule_init(&endpoint->own.schedule, origin_ns,
                         slow_ticks + endpoint->first, endpoint->count);
        if (endpoint->slow)
            endpoint->lane = &endpoint->own;
    }
}

static void sampler_fill(struct jb_sampler *sampler)
{
    uint64_t now_ns = jb_clock_now_ns(sampler->clock);

    for (size_t i = 0; i < sampler->task_count; i++) {
        struct jb_lane_task *task = sampler->tasks[i];
        struct jb_lane *lane = task->endpoint->lane;

        jb_schedule_set(&lane->schedule,
                        (size_t)(sampler->tasks + i - lane->tasks),
                        task->feed.period_ns, now_ns);
        task->pending = task->endpoint->reads == 0;
    }
}

/* One thread for the fast lane: it finds a colleague when it first reads. */
static int sampler_spawn(struct jb_sampler *sampler, struct jb_error *err)
{
    bool fast = false;
    int status = JB_OK;

    for (size_t i = 0; i < sampler->endpoint_count && status == JB_OK; i++) {
        struct jb_lane_endpoint *endpoint = sampler->endpoints[i];

        if (endpoint->slow)
            status = jb_lane_spawn(sampler, &endpoint->own, err);
        else
            fast = true;
    }
    if (fast && status == JB_OK)
        status = jb_lane_spawn(sampler, &sampler->fast, err);
    return status;
}

int jb_sampler_start(struct jb_sampler *sampler, struct jb_error *err)
{
    int status;

    pthread_mutex_lock(&sampler->lock);
    if (sampler->phase != JB_SAMPLER_NEW)
        status = jb_fail(err, JB_EUSAGE, "a sampler starts only once");
    else
        status = sampler_allocate(sampler, err);
    if (status == JB_OK) {
        sampler_lay_out(sampler);
        sampler_fill(sampler);
        sampler->phase = JB_SAMPLER_RUNNING;
        status = sampler_spawn(sampler, err);
    }
    pthread_mutex_unlock(&sampler->lock);
    return status;
}

static bool sampler_answered(const struct jb_sampler *sampler,
                             const struct jb_lane_endpoint *endpoint,
                             uint64_t cut)
{
    for (size_t i = 0; i < endpoint->count; i++)
        if (sampler->tasks[endpoint->first + i]->delivered < cut)
            return false;
    return true;
}

/* On the caller's thread, one after the other. */
static void sampler_cut_inline(struct jb_sampler *sampler)
{
    for (size_t i = 0; i < sampler->task_count; i++)
        if (!sampler->tasks[i]->endpoint->slow)
            jb_lane_read(sampler, NULL, sampler->tasks[i]);
}

static void sampler_cut_order(struct jb_sampler *sampler)
{
    for (size_t i = 0; i < sampler->task_count; i++)
        sampler->tasks[i]->pending = true;
    for (size_t i = 0; i < sampler->endpoint_count; i++)
        jb_lane_ring(sampler, sampler->endpoints[i]->lane);
}

/* How long cut() may sleep until there is something to do for it: 0 when all
 * endpoints have answered, or hang, so that nothing is worth waiting for. */
static uint64_t sampler_cut_patience_ns(const struct jb_sampler *sampler,
                                        uint64_t cut)
{
    uint64_t now_ns = jb_lane_now_ns();
    uint64_t patience_ns = 0;

    for (size_t i = 0; i < sampler->endpoint_count; i++) {
        const struct jb_lane_endpoint *endpoint = sampler->endpoints[i];
        uint64_t left_ns = sampler->config.stuck_ns;

        if (sampler_answered(sampler, endpoint, cut))
            continue;
        if (endpoint->busy)
            left_ns = jb_lane_patience_ns(sampler, endpoint, now_ns);
        if (left_ns > 0 && (patience_ns == 0 || left_ns < patience_ns))
            patience_ns = left_ns;
    }
    return patience_ns;
}

static void sampler_cut_wait(struct jb_sampler *sampler, uint64_t cut,
                             uint64_t deadline_ns)
{
    sampler->waiters++;
    while (sampler->phase == JB_SAMPLER_RUNNING) {
        uint64_t now_ns = jb_clock_now_ns(sampler->clock);
        uint64_t patience_ns = sampler_cut_patience_ns(sampler, cut);
        struct timespec deadline;

        if (patience_ns == 0 || now_ns >= deadline_ns)
            break;
        if (patience_ns > deadline_ns - now_ns)
            patience_ns = deadline_ns - now_ns;
        deadline = jb_lane_deadline(sampler, now_ns + patience_ns);
        pthread_cond_clockwait(&sampler->progress, &sampler->lock,
                               CLOCK_MONOTONIC, &deadline);
        jb_lane_watch(sampler);
    }
    sampler->waiters--;
}

size_t jb_sampler_cut(struct jb_sampler *sampler, uint64_t deadline_ns)
{
    size_t left = 0;
    uint64_t cut;

    pthread_mutex_lock(&sampler->lock);
    cut = ++sampler->cut;
    if (sampler->phase == JB_SAMPLER_NEW) {
        sampler_cut_inline(sampler);
    } else if (sampler->phase == JB_SAMPLER_RUNNING) {
        sampler_cut_order(sampler);
        sampler_cut_wait(sampler, cut, deadline_ns);
    }
    for (size_t i = 0; i < sampler->endpoint_count; i++)
        left += !sampler_answered(sampler, sampler->endpoints[i], cut);
    /* Whoever sleeps in the fast lane did not know of these reads when he chose
     * until when: he has to watch them from now on. */
    if (left > 0 && sampler->phase == JB_SAMPLER_RUNNING)
        jb_lane_ring(sampler, &sampler->fast);
    pthread_mutex_unlock(&sampler->lock);
    return left;
}

static size_t sampler_threads(const struct jb_sampler *sampler)
{
    size_t count = 0;

    for (size_t i = 0; i < sampler->thread_count; i++)
        count += sampler->threads[i].state != JB_LANE_LEFT;
    return count;
}

static void sampler_wait_threads(struct jb_sampler *sampler,
                                 uint64_t timeout_ns)
{
    uint64_t until_ns;
    struct timespec deadline;

    if (__builtin_add_overflow(jb_clock_now_ns(sampler->clock), timeout_ns,
                               &until_ns))
        until_ns = UINT64_MAX;
    deadline = jb_lane_deadline(sampler, until_ns);
    sampler->waiters++;
    while (sampler_threads(sampler) > 0 &&
           pthread_cond_clockwait(&sampler->progress, &sampler->lock,
                                  CLOCK_MONOTONIC, &deadline) == 0)
        ;
    sampler->waiters--;
}

/* Those that have not left by now clean up after themselves. */
static void sampler_detach_late(struct jb_sampler *sampler)
{
    for (size_t i = 0; i < sampler->thread_count; i++) {
        struct jb_lane_thread *thread = &sampler->threads[i];

        thread->late = thread->state != JB_LANE_LEFT;
        if (thread->late)
            pthread_detach(thread->id);
    }
}

static void sampler_join(struct jb_sampler *sampler)
{
    for (size_t i = 0; i < sampler->thread_count; i++)
        if (!sampler->threads[i].late)
            pthread_join(sampler->threads[i].id, NULL);
}

size_t jb_sampler_stop(struct jb_sampler *sampler, uint64_t timeout_ns)
{
    bool first;
    size_t busy = 0;

    pthread_mutex_lock(&sampler->lock);
    first = sampler->phase < JB_SAMPLER_STOPPING;
    if (first) {
        sampler->phase = JB_SAMPLER_STOPPING;
        for (size_t i = 0; i < sampler->thread_count; i++)
            if (sampler->threads[i].state == JB_LANE_WAITING)
                jb_lane_wake(&sampler->threads[i]);
        sampler_wait_threads(sampler, timeout_ns);
        sampler->phase = JB_SAMPLER_STOPPED;
        sampler_detach_late(sampler);
    }
    for (size_t i = 0; i < sampler->endpoint_count; i++)
        busy += sampler->endpoints[i]->busy;
    pthread_mutex_unlock(&sampler->lock);
    if (first)
        sampler_join(sampler);
    return busy;
}

bool jb_sampler_holds(struct jb_sampler *sampler,
                      const struct jb_source *source)
{
    bool held = false;

    pthread_mutex_lock(&sampler->lock);
    for (size_t i = 0; i < sampler->endpoint_count && !held; i++)
        held = sampler->endpoints[i]->busy &&
               sampler->endpoints[i]->source == source;
    pthread_mutex_unlock(&sampler->lock);
    return held;
}

void jb_sampler_free(struct jb_sampler *sampler)
{
    if (!sampler)
        return;
    jb_sampler_stop(sampler, 0);
    pthread_mutex_lock(&sampler->lock);
    jb_lane_unref_unlock(sampler);
}

/* Both lanes count: instants of before and of after the endpoint became slow.
 */
static uint64_t sampler_missed(const struct jb_sampler *sampler,
                               const struct jb_lane_endpoint *endpoint)
{
    uint64_t missed = 0;

    if (!sampler->ticks)
        return 0;
    for (size_t i = 0; i < endpoint->count; i++)
        missed += sampler->fast.schedule.ticks[endpoint->first + i].missed +
                  endpoint->own.schedule.ticks[i].missed;
    return missed;
}

static uint64_t sampler_thread_cpu_ns(const struct jb_lane_thread *thread)
{
    clockid_t clock;
    struct timespec cpu;

    if (thread->state == JB_LANE_LEFT ||
        pthread_getcpuclockid(thread->id, &clock) != 0 ||
        clock_gettime(clock, &cpu) != 0)
        return 0;
    return (uint64_t)cpu.tv_sec * JB_NS_PER_S + (uint64_t)cpu.tv_nsec;
}

void jb_sampler_read_stats(struct jb_sampler *sampler,
                           struct jb_sampler_stats *out)
{
    pthread_mutex_lock(&sampler->lock);
    *out = (struct jb_sampler_stats){
        .fast_wake_ups = sampler->wake_ups[true],
        .slow_wake_ups = sampler->wake_ups[false],
        .cpu_ns = sampler->cpu_ns,
        .spawn_failures = sampler->spawn_failures,
        .threads = (unsigned)sampler_threads(sampler),
    };
    for (size_t i = 0; i < sampler->endpoint_count; i++) {
        const struct jb_lane_endpoint *endpoint = sampler->endpoints[i];

        out->reads += endpoint->reads;
        out->samples += endpoint->samples;
        out->missed += sampler_missed(sampler, endpoint);
    }
    for (size_t i = 0; i < sampler->thread_count; i++)
        out->cpu_ns += sampler_thread_cpu_ns(&sampler->threads[i]);
    pthread_mutex_unlock(&sampler->lock);
}

size_t jb_sampler_endpoints(struct jb_sampler *sampler)
{
    size_t count;

    pthread_mutex_lock(&sampler->lock);
    count = sampler->endpoint_count;
    pthread_mutex_unlock(&sampler->lock);
    return count;
}

static void sampler_describe(const struct jb_sampler *sampler,
                             const struct jb_lane_endpoint *endpoint,
                             struct jb_sampler_endpoint *out)
{
    uint64_t now_ns = jb_lane_now_ns();

    *out = (struct jb_sampler_endpoint){
        .desc = endpoint->desc,
        .source = endpoint->source,
        .endpoint = endpoint->id,
        .slow = endpoint->slow,
        .reads = endpoint->reads,
        .samples = endpoint->samples,
        .missed = sampler_missed(sampler, endpoint),
        .last_ns = endpoint->last_ns,
        .max_ns = endpoint->max_ns,
    };
    if (!endpoint->busy)
        return;
    out->inside_ns = now_ns - endpoint->entered_ns;
    if (jb_lane_patience_ns(sampler, endpoint, now_ns) == 0)
        out->stuck_since_ns = jb_clock_now_ns(sampler->clock) - out->inside_ns;
}

int jb_sampler_read_endpoint(struct jb_sampler *sampler, size_t index,
                             struct jb_sampler_endpoint *out)
{
    int status = JB_EUSAGE;

    pthread_mutex_lock(&sampler->lock);
    if (index < sampler->endpoint_count) {
        sampler_describe(sampler, sampler->endpoints[index], out);
        status = JB_OK;
    }
    pthread_mutex_unlock(&sampler->lock);
    return status;
}
