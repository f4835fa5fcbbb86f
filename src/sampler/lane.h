/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sampler's inside: its state and the threads that read.
 *
 * One lock guards everything here; it is dropped only around a source's
 * sample() and while waiting.  A thread that reads an endpoint marks it busy,
 * so that no other reads it, and works on nothing else that could be freed.
 *
 * The fast lane keeps one rule: nobody reads unless another thread of the lane
 * is free to go on without him.  That other thread waits for an instant about a
 * second ahead, which it then reads itself, and the two change roles.  So a
 * hang is found by a wake-up that was needed anyway, and the thread that hangs
 * becomes the slow lane of the endpoint that it hangs in.  Instants more than
 * two seconds apart cost one more wake-up each, at the end of the patience.
 *
 * Lanes wait in read() of a timerfd.  It is the cheapest of all ways that can
 * be interrupted (within 4 % of clock_nanosleep(), where a condition variable
 * or a futex takes 1 to 10 %), because a periodic one need not be armed anew at
 * each instant; and it counts the time of a suspend.
 *
 * Not for use outside src/sampler/.
 */
#ifndef JB_SAMPLER_LANE_H
#define JB_SAMPLER_LANE_H

#include <pthread.h>
#include <time.h>

#include "sampler.h"
#include "schedule.h"

struct jb_lane_task;
struct jb_lane_endpoint;

/* A schedule and the tasks in its slots.  Every slow lane sees the slots of one
 * endpoint, the fast lane sees all, those that left it cleared. */
struct jb_lane {
    struct jb_schedule schedule;
    struct jb_lane_task **tasks;
    size_t cursor; /* where the search for work goes on: nothing starves */
    bool fast;
};

struct jb_lane_task {
    struct jb_sampler_feed feed; /* which points behind samples */
    struct jb_lane_endpoint *endpoint;
    size_t slot;        /* in the fast lane */
    uint64_t delivered; /* number of the newest cut it has answered */
    unsigned strikes;   /* slow reads in a row */
    bool pending;
    struct jb_sample samples[];
};

struct jb_lane_endpoint {
    const struct jb_source_desc *desc;
    struct jb_source *source;
    uint16_t id;
    bool slow;                     /* never again in the fast lane */
    bool busy;                     /* a read is under way */
    struct jb_lane_thread *reader; /* who reads; NULL: the caller of cut() */
    uint64_t entered_ns;           /* CLOCK_MONOTONIC, when busy */
    struct jb_lane *lane;          /* own or the fast one */
    struct jb_lane own;
    size_t index;        /* in the sampler */
    size_t first, count; /* its tasks, which are neighbours */
    uint64_t reads, samples, last_ns, max_ns;
};

enum jb_lane_state {
    JB_LANE_AWAKE,
    JB_LANE_WAITING,
    JB_LANE_INSIDE, /* of a sample() */
    JB_LANE_LEFT,
};

struct jb_lane_thread {
    struct jb_sampler *sampler;
    struct jb_lane *lane; /* changes when its endpoint becomes slow */
    pthread_t id;
    int timer;            /* a timerfd of CLOCK_BOOTTIME */
    uint64_t armed_ns;    /* when it expires, by the sampler's clock; 0: soon */
    uint64_t interval_ns; /* and how often from then on */
    uint64_t until_ns;    /* when WAITING */
    enum jb_lane_state state;
    bool late; /* still inside when stop() gave up: nobody joins it */
};

enum jb_sampler_phase {
    JB_SAMPLER_NEW,
    JB_SAMPLER_RUNNING,
    JB_SAMPLER_STOPPING, /* no new reads */
    JB_SAMPLER_STOPPED,  /* the sink is gone */
};

struct jb_sampler {
    struct jb_sampler_config config;
    const struct jb_clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t progress; /* for cut() and stop() */
    unsigned waiters;        /* on progress */
    enum jb_sampler_phase phase;
    unsigned references; /* the owner and each thread */

    struct jb_lane_task **tasks;
    size_t task_count;
    struct jb_lane_endpoint **endpoints;
    size_t endpoint_count;
    struct jb_lane fast;
    struct jb_tick *ticks; /* twice task_count: fast lane, slow lanes */

    struct jb_lane_thread *threads; /* room for one per endpoint and one more */
    size_t thread_count;

    uint64_t cut;         /* number of the newest cut */
    uint64_t wake_ups[2]; /* slow, fast */
    uint64_t spawn_failures;
    uint64_t cpu_ns; /* of threads that left */
};

/* CLOCK_MONOTONIC: durations do not count a suspend, in which nothing can
 * hang. */
uint64_t jb_lane_now_ns(void);

/* An instant of the sampler's clock as a deadline of CLOCK_MONOTONIC. */
struct timespec jb_lane_deadline(const struct jb_sampler *sampler,
                                 uint64_t until_ns);

/* How much longer a read may last before it counts as hanging; 0: it does. */
uint64_t jb_lane_patience_ns(const struct jb_sampler *sampler,
                             const struct jb_lane_endpoint *endpoint,
                             uint64_t now_ns);

/* All below: with the lock held. */

/* A new thread for a lane.  JB_ELIMIT when the system refuses. */
JB_NODISCARD int jb_lane_spawn(struct jb_sampler *sampler, struct jb_lane *lane,
                               struct jb_error *err);

/* Reads one task, the lock dropped meanwhile, and hands on what came.  thread
 * is NULL for the caller of cut(). */
void jb_lane_read(struct jb_sampler *sampler, struct jb_lane_thread *thread,
                  struct jb_lane_task *task);

/* Gives endpoints that hang in the fast lane a lane of their own. */
void jb_lane_watch(struct jb_sampler *sampler);

/* Wakes a thread that waits. */
void jb_lane_wake(struct jb_lane_thread *thread);

/* Wakes one thread of the lane, if all are asleep or inside. */
void jb_lane_ring(struct jb_sampler *sampler, struct jb_lane *lane);

/* Drops a reference, then the lock, then, after the last one, everything. */
void jb_lane_unref_unlock(struct jb_sampler *sampler);

#endif
