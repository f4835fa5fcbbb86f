/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    LANE_STRIKES = 2, /* one slow read may be a machine that was busy */
    /* Only touched pages of a stack cost anything.  Slow lanes run the large
     * libraries of networked meters. */
    LANE_FAST_STACK = 64 * 1024,
    LANE_SLOW_STACK = 512 * 1024,
    LANE_FIRST_READ = 20, /* times the patience for a first, slow read */
};

/* How long the reader of the fast lane is left alone.  Less costs: a thread
 * that has just run finds its data in the cache, and taking turns at every
 * instant costs a third more than not at 1 and 10 Hz. */
#define LANE_WATCH_NS UINT64_C(1000000000)

uint64_t jb_lane_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * JB_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static struct timespec lane_timespec(uint64_t ns)
{
    return (struct timespec){
        .tv_sec = (time_t)(ns / JB_NS_PER_S),
        .tv_nsec = (long)(ns % JB_NS_PER_S),
    };
}

struct timespec jb_lane_deadline(const struct jb_sampler *sampler,
                                 uint64_t until_ns)
{
    uint64_t now_ns = jb_clock_now_ns(sampler->clock);
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    /* A century is for ever and does not overflow a time_t. */
    uint64_t for_ever_ns = 100 * UINT64_C(31557600) * JB_NS_PER_S;
    uint64_t at_ns =
        jb_lane_now_ns() + (left_ns < for_ever_ns ? left_ns : for_ever_ns);

    return lane_timespec(at_ns);
}

/* A slow meter hangs when it takes twice as long as it ever did; what was not
 * read yet has no past to compare with. */
uint64_t jb_lane_patience_ns(const struct jb_sampler *sampler,
                             const struct jb_lane_endpoint *endpoint,
                             uint64_t now_ns)
{
    uint64_t patience_ns = sampler->config.stuck_ns;
    uint64_t inside_ns = now_ns - endpoint->entered_ns;

    if (endpoint->slow && endpoint->reads == 0)
        patience_ns *= LANE_FIRST_READ;
    else if (endpoint->slow && 2 * endpoint->max_ns > patience_ns)
        patience_ns = 2 * endpoint->max_ns;
    return inside_ns < patience_ns ? patience_ns - inside_ns : 0;
}

/* The lane's schedule numbers its own tasks only. */
static size_t lane_slot(const struct jb_lane_task *task)
{
    return task->endpoint->lane->fast ? task->slot
                                      : task->slot - task->endpoint->first;
}

/* Marks what is due.  Instants that find their endpoint still busy, or still
 * waiting for its turn, are missed: reading them later says nothing new. */
static void lane_take(struct jb_sampler *sampler, struct jb_lane *lane)
{
    uint64_t now_ns = jb_clock_now_ns(sampler->clock);

    for (size_t slot = 0; slot < lane->schedule.count; slot++) {
        struct jb_lane_task *task = lane->tasks[slot];

        if (!jb_schedule_take(&lane->schedule, slot, now_ns))
            continue;
        if (task->pending || task->endpoint->busy)
            lane->schedule.ticks[slot].missed++;
        else
            task->pending = true;
    }
}

/* The next task that may be read by a thread of this lane, or NULL. */
static struct jb_lane_task *lane_pick(struct jb_lane *lane)
{
    size_t count = lane->schedule.count;

    for (size_t step = 0; step < count; step++) {
        size_t slot = (lane->cursor + step) % count;
        struct jb_lane_task *task = lane->tasks[slot];

        if (!task->pending || task->endpoint->busy ||
            task->endpoint->lane != lane)
            continue;
        lane->cursor = slot + 1;
        return task;
    }
    return NULL;
}

/* The thread that is inside becomes the endpoint's slow lane; what else was due
 * is for those who stay. */
static void lane_leave_fast(struct jb_sampler *sampler,
                            struct jb_lane_endpoint *endpoint)
{
    uint64_t now_ns = jb_clock_now_ns(sampler->clock);

    endpoint->slow = true;
    if (sampler->phase == JB_SAMPLER_NEW)
        return; /* start() will see to it */
    endpoint->lane = &endpoint->own;
    for (size_t i = 0; i < endpoint->count; i++) {
        size_t slot = endpoint->first + i;

        jb_schedule_clear(&sampler->fast.schedule, slot);
        jb_schedule_set(&endpoint->own.schedule, i,
                        sampler->tasks[slot]->feed.period_ns, now_ns);
    }
    endpoint->reader->lane = &endpoint->own;
    jb_lane_ring(sampler, &sampler->fast);
}

void jb_lane_watch(struct jb_sampler *sampler)
{
    uint64_t now_ns = 0;

    for (size_t i = 0; i < sampler->endpoint_count; i++) {
        struct jb_lane_endpoint *endpoint = sampler->endpoints[i];

        if (!endpoint->busy || endpoint->slow)
            continue;
        if (now_ns == 0)
            now_ns = jb_lane_now_ns();
        if (jb_lane_patience_ns(sampler, endpoint, now_ns) == 0)
            lane_leave_fast(sampler, endpoint);
    }
}

/* How many of the fast lane's threads can go on working. */
static size_t lane_count_able(const struct jb_sampler *sampler, size_t *members)
{
    size_t able = 0;

    *members = 0;
    for (size_t i = 0; i < sampler->thread_count; i++) {
        const struct jb_lane_thread *thread = &sampler->threads[i];

        if (thread->lane != &sampler->fast)
            continue;
        ++*members;
        able += thread->state != JB_LANE_INSIDE;
    }
    return able;
}

/* Before a fast read: the rule at the head of lane.h.  The thread that asks is
 * inside already.  Each member beyond the first is inside another endpoint or
 * able, so there is always room for one more. */
static void lane_reinforce(struct jb_sampler *sampler)
{
    size_t members;

    if (lane_count_able(sampler, &members) > 0)
        return;
    if (jb_lane_spawn(sampler, &sampler->fast, NULL) != JB_OK)
        sampler->spawn_failures++;
}

void jb_lane_wake(struct jb_lane_thread *thread)
{
    static const struct itimerspec at_once = { .it_value.tv_nsec = 1 };

    timerfd_settime(thread->timer, TFD_TIMER_ABSTIME, &at_once, NULL);
    thread->armed_ns = 0;
    thread->state = JB_LANE_AWAKE;
}

void jb_lane_ring(struct jb_sampler *sampler, struct jb_lane *lane)
{
    struct jb_lane_thread *sleeper = NULL;

    for (size_t i = 0; i < sampler->thread_count; i++) {
        struct jb_lane_thread *thread = &sampler->threads[i];

        if (thread->lane != lane)
            continue;
        if (thread->state == JB_LANE_AWAKE)
            return; /* it looks for work before it sleeps */
        if (thread->state == JB_LANE_WAITING)
            sleeper = thread;
    }
    if (sleeper) {
        jb_lane_wake(sleeper);
    } else if (lane->fast && sampler->phase == JB_SAMPLER_RUNNING) {
        lane_reinforce(sampler);
    }
}

/* A read that lasts too long once may be the machine's fault, twice it is the
 * meter's. */
static void lane_judge(struct jb_sampler *sampler, struct jb_lane_task *task,
                       uint64_t took_ns)
{
    task->strikes = took_ns > sampler->config.slow_ns ? task->strikes + 1 : 0;
    if (task->strikes >= LANE_STRIKES && !task->endpoint->slow)
        lane_leave_fast(sampler, task->endpoint);
}

static void lane_book(struct jb_sampler *sampler, struct jb_lane_task *task,
                      uint64_t took_ns)
{
    struct jb_lane_endpoint *endpoint = task->endpoint;

    endpoint->reads++;
    endpoint->last_ns = took_ns;
    if (took_ns > endpoint->max_ns)
        endpoint->max_ns = took_ns;
    if (sampler->phase == JB_SAMPLER_STOPPED)
        return;
    endpoint->samples += task->feed.count;
    sampler->config.sink(sampler->config.context, &task->feed, task->samples,
                         task->feed.count);
}

/* Instants during a read that outlasts its period are not made up for: the
 * meter would be read without a pause. */
static void lane_skip(struct jb_sampler *sampler,
                      struct jb_lane_endpoint *endpoint, uint64_t took_ns)
{
    uint64_t now_ns = 0;

    if (sampler->phase == JB_SAMPLER_NEW)
        return; /* there is no schedule yet */
    for (size_t i = 0; i < endpoint->count; i++) {
        struct jb_lane_task *task = sampler->tasks[endpoint->first + i];

        if (took_ns < task->feed.period_ns)
            continue;
        if (now_ns == 0)
            now_ns = jb_clock_now_ns(sampler->clock);
        jb_schedule_skip(&endpoint->lane->schedule, lane_slot(task), now_ns);
    }
}

void jb_lane_read(struct jb_sampler *sampler, struct jb_lane_thread *thread,
                  struct jb_lane_task *task)
{
    struct jb_lane_endpoint *endpoint = task->endpoint;
    uint64_t cut = sampler->cut;
    uint64_t took_ns;

    task->pending = false;
    endpoint->busy = true;
    endpoint->reader = thread;
    if (thread)
        thread->state = JB_LANE_INSIDE;
    if (thread && thread->lane->fast)
        lane_reinforce(sampler);
    endpoint->entered_ns = jb_lane_now_ns();
    pthread_mutex_unlock(&sampler->lock);

    endpoint->desc->sample(endpoint->source, task->feed.which, task->feed.count,
                           task->samples);
    took_ns = jb_lane_now_ns() - endpoint->entered_ns;

    pthread_mutex_lock(&sampler->lock);
    if (thread)
        thread->state = JB_LANE_AWAKE;
    lane_book(sampler, task, took_ns);
    task->delivered = cut;
    lane_judge(sampler, task, took_ns);
    lane_skip(sampler, endpoint, took_ns);
    endpoint->busy = false;
    endpoint->reader = NULL;
}

/* When a fast read that is under way will count as hanging. */
static uint64_t lane_hang_ns(const struct jb_sampler *sampler)
{
    uint64_t left_ns = JB_SCHEDULE_NEVER;
    uint64_t now_ns = 0;

    for (size_t i = 0; i < sampler->endpoint_count; i++) {
        const struct jb_lane_endpoint *endpoint = sampler->endpoints[i];
        uint64_t patience_ns;

        if (!endpoint->busy || endpoint->slow)
            continue;
        if (now_ns == 0)
            now_ns = jb_lane_now_ns();
        patience_ns = jb_lane_patience_ns(sampler, endpoint, now_ns);
        if (patience_ns < left_ns)
            left_ns = patience_ns;
    }
    if (left_ns == JB_SCHEDULE_NEVER)
        return JB_SCHEDULE_NEVER;
    return jb_clock_now_ns(sampler->clock) + left_ns;
}

/* The instant that this thread waits for.  If nobody waits for the next one, it
 * is that.  Otherwise one a while later: until then the colleague reads on
 * alone, and then the two change roles without a wake-up beyond those of the
 * instants.  Only instants far apart need a wake-up between them. */
static uint64_t lane_choose(const struct jb_sampler *sampler,
                            const struct jb_lane_thread *self)
{
    const struct jb_schedule *schedule = &self->lane->schedule;
    uint64_t next_ns = jb_schedule_next(schedule);
    uint64_t first_ns = JB_SCHEDULE_NEVER;
    uint64_t last_ns = 0;
    uint64_t after_ns;

    if (!self->lane->fast || next_ns == JB_SCHEDULE_NEVER)
        return next_ns;
    for (size_t i = 0; i < sampler->thread_count; i++) {
        const struct jb_lane_thread *other = &sampler->threads[i];

        if (other->state != JB_LANE_WAITING || !other->lane->fast)
            continue;
        if (other->until_ns < first_ns)
            first_ns = other->until_ns;
        if (other->until_ns > last_ns)
            last_ns = other->until_ns;
    }
    if (next_ns < first_ns)
        return next_ns;
    if (last_ns == JB_SCHEDULE_NEVER)
        return JB_SCHEDULE_NEVER;
    after_ns = jb_schedule_after(schedule, last_ns + LANE_WATCH_NS);
    if (after_ns - last_ns > 2 * LANE_WATCH_NS)
        after_ns = last_ns + sampler->config.stuck_ns;
    return after_ns;
}

/* An instant of the sampler's clock in CLOCK_BOOTTIME, which it usually is. */
static uint64_t lane_boottime_ns(const struct jb_sampler *sampler,
                                 uint64_t until_ns)
{
    uint64_t now_ns;

    if (sampler->clock == &jb_clock_boottime)
        return until_ns;
    now_ns = jb_clock_now_ns(sampler->clock);
    return jb_clock_now_ns(&jb_clock_boottime) +
           (until_ns > now_ns ? until_ns - now_ns : 0);
}

/* For until_ns, and then at the distance from the last time: a thread that
 * reads every instant, or every second one, goes on like that. */
static void lane_arm(const struct jb_sampler *sampler,
                     struct jb_lane_thread *self, uint64_t last_ns)
{
    uint64_t until_ns = self->until_ns;
    struct itimerspec timer = { .it_value.tv_sec = 0 }; /* disarmed */

    self->armed_ns = until_ns;
    self->interval_ns = 0;
    if (until_ns < JB_SCHEDULE_NEVER) {
        if (last_ns > 0 && last_ns < until_ns)
            self->interval_ns = until_ns - last_ns;
        timer.it_value = lane_timespec(lane_boottime_ns(sampler, until_ns));
        timer.it_interval = lane_timespec(self->interval_ns);
    }
    timerfd_settime(self->timer, TFD_TIMER_ABSTIME, &timer, NULL);
}

/* One system call when the timer is armed already. */
static void lane_sleep(struct jb_sampler *sampler, struct jb_lane_thread *self,
                       uint64_t last_ns)
{
    uint64_t expired;
    bool woken;

    if (self->until_ns != self->armed_ns)
        lane_arm(sampler, self, last_ns);
    pthread_mutex_unlock(&sampler->lock);
    woken = read(self->timer, &expired, sizeof(expired)) == sizeof(expired);
    pthread_mutex_lock(&sampler->lock);
    if (!woken || self->interval_ns == 0)
        self->armed_ns = 0;
    else if (self->armed_ns != 0)
        self->armed_ns += expired * self->interval_ns;
}

static void lane_wait(struct jb_sampler *sampler, struct jb_lane_thread *self)
{
    uint64_t hang_ns =
        self->lane->fast ? lane_hang_ns(sampler) : JB_SCHEDULE_NEVER;
    uint64_t last_ns = self->until_ns;

    if (sampler->waiters > 0)
        pthread_cond_broadcast(&sampler->progress);
    self->until_ns = lane_choose(sampler, self);
    if (hang_ns < self->until_ns)
        self->until_ns = hang_ns;
    self->state = JB_LANE_WAITING;
    lane_sleep(sampler, self, last_ns);
    self->state = JB_LANE_AWAKE;
    sampler->wake_ups[self->lane->fast]++;
}

static void lane_leave(struct jb_sampler *sampler, struct jb_lane_thread *self)
{
    struct timespec cpu;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu) == 0)
        sampler->cpu_ns +=
            (uint64_t)cpu.tv_sec * JB_NS_PER_S + (uint64_t)cpu.tv_nsec;
    close(self->timer);
    self->state = JB_LANE_LEFT;
    pthread_cond_broadcast(&sampler->progress);
    jb_lane_unref_unlock(sampler);
}

static bool lane_keeps(const struct jb_lane_thread *self,
                       const struct jb_lane *lane)
{
    return self->sampler->phase == JB_SAMPLER_RUNNING && self->lane == lane;
}

/* Until the sampler stops, or the thread finds itself in another lane. */
static void lane_serve(struct jb_sampler *sampler, struct jb_lane_thread *self)
{
    struct jb_lane *lane = self->lane;
    struct jb_lane_task *task;

    pthread_setname_np(pthread_self(), lane->fast ? "jb-fast" : "jb-slow");
    while (lane_keeps(self, lane)) {
        lane_take(sampler, lane);
        if (lane->fast)
            jb_lane_watch(sampler);
        while (lane_keeps(self, lane) && (task = lane_pick(lane)))
            jb_lane_read(sampler, self, task);
        if (lane_keeps(self, lane))
            lane_wait(sampler, self);
    }
}

static void *lane_main(void *argument)
{
    struct jb_lane_thread *self = argument;
    struct jb_sampler *sampler = self->sampler;

    pthread_mutex_lock(&sampler->lock);
    while (sampler->phase == JB_SAMPLER_RUNNING)
        lane_serve(sampler, self);
    lane_leave(sampler, self);
    return NULL;
}

/* Lanes take no signals: handlers are the program's and run on its threads. */
static int lane_create(struct jb_lane_thread *thread)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    int failed = pthread_attr_init(&attributes);

    if (failed)
        return failed;
    pthread_attr_setstacksize(
        &attributes, thread->lane->fast ? LANE_FAST_STACK : LANE_SLOW_STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread->id, &attributes, lane_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed;
}

int jb_lane_spawn(struct jb_sampler *sampler, struct jb_lane *lane,
                  struct jb_error *err)
{
    struct jb_lane_thread *thread = &sampler->threads[sampler->thread_count];
    int failed;

    if (sampler->thread_count > sampler->endpoint_count)
        return jb_fail(err, JB_ELIMIT, "no room for a sampling thread");
    *thread = (struct jb_lane_thread){ .sampler = sampler, .lane = lane };
    thread->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
    if (thread->timer < 0)
        return jb_fail_errno(err, errno, "cannot make a timer for sampling");
    failed = lane_create(thread);
    if (failed) {
        close(thread->timer);
        return jb_fail(err, JB_ELIMIT, "cannot start sampling thread %zu: %s",
                       sampler->thread_count + 1, strerrordesc_np(failed));
    }
    sampler->thread_count++;
    sampler->references++;
    return JB_OK;
}

static void lane_destroy(struct jb_sampler *sampler)
{
    for (size_t i = 0; i < sampler->task_count; i++)
        free(sampler->tasks[i]);
    for (size_t i = 0; i < sampler->endpoint_count; i++)
        free(sampler->endpoints[i]);
    pthread_cond_destroy(&sampler->progress);
    pthread_mutex_destroy(&sampler->lock);
    free(sampler->tasks);
    free(sampler->endpoints);
    free(sampler->ticks);
    free(sampler->threads);
    free(sampler);
}

void jb_lane_unref_unlock(struct jb_sampler *sampler)
{
    bool last = --sampler->references == 0;

    pthread_mutex_unlock(&sampler->lock);
    if (last)
        lane_destroy(sampler);
}
