/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sampler with scripted meters.  Nothing here trusts the machine to be
 * quick: the tests wait for what has to happen, with a patience that only a
 * broken sampler exhausts, and assert on order and on lower bounds.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sampler/sampler.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define PATIENCE (60 * SECOND)

enum { SENSORS = 4 };

enum script {
    SCRIPT_COUNT, /* answers at once */
    SCRIPT_SLEEP, /* 50 ms */
    SCRIPT_BLOCK, /* until the test lets it go, once or for good */
    SCRIPT_FAIL,  /* at once, with JB_EIO */
};

/* One sensor per endpoint unless the test says otherwise. */
struct meter {
    enum script script;
    int gate[2]; /* a byte lets one read go, a closed end all */
    atomic_uint entered, returned;
    atomic_int inside;
};

struct jb_source {
    struct jb_sensor sensors[SENSORS];
    struct meter meters[SENSORS];
    size_t count;
    atomic_bool twice; /* one endpoint was read twice at once */
};

/* What the sink saw, per sensor. */
struct seen {
    atomic_uint samples, failed;
    _Atomic uint64_t t0_ns, raw;
    _Atomic pthread_t thread;
    atomic_bool disorder;
};

struct bench {
    struct jb_source source;
    struct seen seen[SENSORS];
    struct jb_sampler_config config;
    struct jb_sampler *sampler;
};

static void meter_act(struct meter *meter)
{
    struct timespec nap = { .tv_nsec = 50 * (long)MS };
    char byte;

    if (meter->script == SCRIPT_SLEEP)
        nanosleep(&nap, NULL);
    if (meter->script == SCRIPT_BLOCK)
        while (read(meter->gate[0], &byte, 1) < 0)
            ;
}

static void meters_sample(struct jb_source *source, const uint32_t *which,
                          size_t count, struct jb_sample *out)
{
    uint16_t endpoint = source->sensors[which[0]].endpoint;
    struct meter *lock = &source->meters[endpoint];

    if (atomic_fetch_add(&lock->inside, 1) != 0)
        atomic_store(&source->twice, true);
    for (size_t i = 0; i < count; i++) {
        struct meter *meter = &source->meters[which[i]];

        out[i] = (struct jb_sample){ .sensor = which[i] };
        out[i].t0_ns = jb_clock_now_ns(&jb_clock_boottime);
        out[i].raw = atomic_fetch_add(&meter->entered, 1) + 1;
        meter_act(meter);
        out[i].state = meter->script == SCRIPT_FAIL ? JB_EIO : JB_OK;
        out[i].t1_ns = jb_clock_now_ns(&jb_clock_boottime);
    }
    atomic_fetch_sub(&lock->inside, 1);
    for (size_t i = 0; i < count; i++)
        atomic_fetch_add(&source->meters[which[i]].returned, 1);
}

static const struct jb_sensor *meters_sensors(const struct jb_source *source,
                                              size_t *count)
{
    *count = source->count;
    return source->sensors;
}

static const struct jb_source_desc meters = {
    .name = "meters",
    .summary = "scripted meters",
    .sensors = meters_sensors,
    .sample = meters_sample,
};

static void bench_sink(void *context, const struct jb_sampler_feed *feed,
                       const struct jb_sample *samples, size_t count)
{
    struct bench *bench = context;

    for (size_t i = 0; i < count; i++) {
        struct seen *seen = &bench->seen[samples[i].sensor];

        if (samples[i].sensor != feed->which[i] || feed->user != bench ||
            samples[i].raw <= atomic_load(&seen->raw) ||
            samples[i].t1_ns < samples[i].t0_ns)
            atomic_store(&seen->disorder, true);
        atomic_store(&seen->raw, samples[i].raw);
        atomic_store(&seen->t0_ns, samples[i].t0_ns);
        atomic_store(&seen->thread, pthread_self());
        atomic_fetch_add(&seen->failed, samples[i].state != JB_OK);
        atomic_fetch_add(&seen->samples, 1);
    }
}

/* Each script is a sensor, and an endpoint, of one source. */
static struct bench *bench_new(const enum script *scripts, size_t count)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    assert_non_null(bench);
    bench->source.count = count;
    for (size_t i = 0; i < count; i++) {
        struct meter *meter = &bench->source.meters[i];

        meter->script = scripts[i];
        bench->source.sensors[i].endpoint = (uint16_t)i;
        assert_int_equal(pipe(meter->gate), 0);
    }
    bench->config = (struct jb_sampler_config){
        .sink = bench_sink,
        .context = bench,
        .slow_ns = 20 * MS,
        .stuck_ns = 100 * MS,
    };
    return bench;
}

static void bench_open(struct bench *bench)
{
    assert_int_equal(jb_sampler_new(&bench->config, &bench->sampler, NULL),
                     JB_OK);
}

static int bench_try_add(struct bench *bench, const uint32_t *which,
                         size_t count, uint64_t period_ns)
{
    struct jb_sampler_feed feed = {
        .desc = &meters,
        .source = &bench->source,
        .which = which,
        .count = count,
        .period_ns = period_ns,
        .user = bench,
    };

    return jb_sampler_add(bench->sampler, &feed, NULL);
}

static void bench_add(struct bench *bench, uint32_t sensor, uint64_t period_ns)
{
    assert_int_equal(bench_try_add(bench, &sensor, 1, period_ns), JB_OK);
}

static void bench_start(struct bench *bench)
{
    assert_int_equal(jb_sampler_start(bench->sampler, NULL), JB_OK);
}

static void gate_step(struct meter *meter)
{
    assert_int_equal(write(meter->gate[1], "", 1), 1);
}

/* From now on the meter answers at once. */
static void gate_open(struct meter *meter)
{
    if (meter->gate[1] >= 0)
        close(meter->gate[1]);
    meter->gate[1] = -1;
}

static void bench_free(struct bench *bench)
{
    for (size_t i = 0; i < bench->source.count; i++)
        gate_open(&bench->source.meters[i]);
    if (bench->sampler) {
        assert_int_equal(jb_sampler_stop(bench->sampler, PATIENCE), 0);
        assert_false(jb_sampler_holds(bench->sampler, &bench->source));
    }
    jb_sampler_free(bench->sampler);
    assert_false(atomic_load(&bench->source.twice));
    for (size_t i = 0; i < bench->source.count; i++) {
        assert_false(atomic_load(&bench->seen[i].disorder));
        close(bench->source.meters[i].gate[0]);
    }
    free(bench);
}

static uint64_t now(void)
{
    return jb_clock_now_ns(&jb_clock_boottime);
}

static void nap(void)
{
    poll(NULL, 0, 1);
}

/* Waits until a counter has reached a number. */
static void await(const atomic_uint *counter, unsigned want)
{
    uint64_t until_ns = now() + PATIENCE;

    while (atomic_load(counter) < want) {
        if (now() > until_ns)
            fail_msg("got %u after a long time, want %u", atomic_load(counter),
                     want);
        nap();
    }
}

static struct jb_sampler_endpoint bench_endpoint(struct bench *bench, size_t i)
{
    struct jb_sampler_endpoint endpoint;

    assert_int_equal(jb_sampler_read_endpoint(bench->sampler, i, &endpoint),
                     JB_OK);
    return endpoint;
}

static struct jb_sampler_stats bench_stats(struct bench *bench)
{
    struct jb_sampler_stats stats;

    jb_sampler_read_stats(bench->sampler, &stats);
    return stats;
}

static void await_slow(struct bench *bench, size_t index)
{
    uint64_t until_ns = now() + PATIENCE;

    while (!bench_endpoint(bench, index).slow) {
        assert_true(now() < until_ns);
        nap();
    }
}

static void test_rates(void **state)
{
    static const enum script scripts[] = { SCRIPT_COUNT, SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 2);
    uint64_t start_ns = now();
    struct jb_sampler_stats stats;
    uint64_t took_ns;

    (void)state;
    bench_open(bench);
    bench_add(bench, 0, MS);
    bench_add(bench, 1, 10 * MS);
    bench_start(bench);
    await(&bench->seen[0].samples, 100);
    await(&bench->seen[1].samples, 20);
    assert_int_equal(jb_sampler_stop(bench->sampler, PATIENCE), 0);
    took_ns = now() - start_ns;
    stats = bench_stats(bench);
    /* At the start and then at most once per instant; what is not read is
     * counted. */
    assert_true(bench->seen[0].samples <= took_ns / MS + 2);
    assert_true(bench->seen[1].samples <= took_ns / (10 * MS) + 2);
    assert_true(stats.samples + stats.missed >= 100 + 20);
    assert_int_equal(stats.samples, stats.reads);
    assert_true(stats.fast_wake_ups > 0);
    assert_true(stats.cpu_ns > 0);
    assert_int_equal(stats.threads, 0);
    assert_int_equal(stats.spawn_failures, 0);
    bench_free(bench);
}

/* Both of one endpoint, at two periods, and never at once. */
static void test_one_endpoint_two_periods(void **state)
{
    static const enum script scripts[] = { SCRIPT_COUNT, SCRIPT_COUNT };
    static const uint32_t both[] = { 0, 1 };
    struct bench *bench = bench_new(scripts, 2);

    (void)state;
    bench->source.sensors[1].endpoint = 0;
    bench_open(bench);
    assert_int_equal(bench_try_add(bench, both, 2, 2 * MS), JB_OK);
    bench_add(bench, 1, 3 * MS);
    assert_int_equal(jb_sampler_endpoints(bench->sampler), 1);
    bench_start(bench);
    await(&bench->seen[0].samples, 20);
    await(&bench->seen[1].samples, 40);
    bench_free(bench);
}

/* The heart of it: two hang at one instant, the others go on, and what was
 * read late still counts. */
static void test_hang(void **state)
{
    static const enum script scripts[] = { SCRIPT_BLOCK, SCRIPT_COUNT,
                                           SCRIPT_BLOCK, SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 4);
    unsigned before;

    (void)state;
    bench_open(bench);
    for (uint32_t i = 0; i < 4; i++)
        bench_add(bench, i, 5 * MS);
    bench_start(bench);
    await(&bench->source.meters[0].entered, 1);
    await(&bench->source.meters[2].entered, 1);
    await(&bench->seen[1].samples, 50);
    await(&bench->seen[3].samples, 50);
    await_slow(bench, 0);
    await_slow(bench, 2);
    before = bench->seen[1].samples;
    await(&bench->seen[1].samples, before + 50);
    assert_int_equal(bench->seen[0].samples, 0);
    assert_int_equal(bench->seen[2].samples, 0);
    assert_true(bench_endpoint(bench, 0).inside_ns > 0);
    assert_false(bench_endpoint(bench, 1).slow);

    gate_step(&bench->source.meters[0]);
    await(&bench->seen[0].samples, 1);
    gate_open(&bench->source.meters[0]);
    await(&bench->seen[0].samples, 10);
    assert_int_equal(bench->seen[2].samples, 0);
    assert_int_equal(bench->source.meters[2].entered, 1);
    assert_true(bench_endpoint(bench, 0).max_ns >= 100 * MS);
    bench_free(bench);
}

/* With instants far apart a hang is found without waiting for the next. */
static void test_hang_at_long_period(void **state)
{
    static const enum script scripts[] = { SCRIPT_BLOCK, SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 2);

    (void)state;
    /* Both are due a second from now and then not for an hour: not too short a
     * time to get there, or the test says nothing. */
    bench->config.origin_ns = now() + SECOND;
    bench_open(bench);
    bench_add(bench, 0, HOUR);
    bench_add(bench, 1, HOUR);
    gate_step(&bench->source.meters[0]);
    assert_int_equal(jb_sampler_cut(bench->sampler, 0), 0);
    bench_start(bench);
    if (now() < bench->config.origin_ns) {
        await(&bench->source.meters[0].entered, 2);
        await(&bench->seen[1].samples, 2);
        await_slow(bench, 0);
    }
    bench_free(bench);
}

static void test_slow_gets_a_lane(void **state)
{
    static const enum script scripts[] = { SCRIPT_SLEEP, SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 2);
    struct jb_sampler_endpoint endpoint;
    unsigned before;

    (void)state;
    bench->config.stuck_ns = HOUR; /* not by patience, but by judgement */
    bench_open(bench);
    bench_add(bench, 0, 10 * MS);
    bench_add(bench, 1, 10 * MS);
    bench_start(bench);
    await_slow(bench, 0);
    before = bench->seen[0].samples;
    await(&bench->seen[0].samples, before + 3);
    await(&bench->seen[1].samples, 20);
    endpoint = bench_endpoint(bench, 0);
    assert_true(endpoint.max_ns >= 50 * MS);
    assert_true(endpoint.missed > 0);
    assert_true(endpoint.stuck_since_ns == 0);
    assert_true(bench_stats(bench).slow_wake_ups > 0);
    bench_free(bench);
}

static void test_may_block_starts_slow(void **state)
{
    static const enum script scripts[] = { SCRIPT_BLOCK, SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 2);

    (void)state;
    bench->source.sensors[0].flags = JB_SENSOR_MAY_BLOCK;
    bench_open(bench);
    bench_add(bench, 0, HOUR);
    bench_add(bench, 1, HOUR);
    assert_int_equal(jb_sampler_cut(bench->sampler, 0), 1);
    assert_int_equal(bench->source.meters[0].entered, 0);
    assert_true(bench_endpoint(bench, 0).slow);
    /* The fast one has answered already; the slow one does so at the start. */
    bench_start(bench);
    await(&bench->source.meters[0].entered, 1);
    gate_step(&bench->source.meters[0]);
    await(&bench->seen[0].samples, 1);
    assert_int_equal(bench->seen[1].samples, 1);
    bench_free(bench);
}

static void test_cut_before_start(void **state)
{
    static const enum script scripts[] = { SCRIPT_COUNT, SCRIPT_FAIL };
    struct bench *bench = bench_new(scripts, 2);

    (void)state;
    bench_open(bench);
    bench_add(bench, 0, HOUR);
    bench_add(bench, 1, 0);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(jb_sampler_cut(bench->sampler, 0), 0);
        assert_int_equal(bench->seen[0].samples, i);
        assert_int_equal(bench->seen[1].failed, i);
    }
    assert_true(pthread_equal(bench->seen[0].thread, pthread_self()));
    assert_int_equal(bench_stats(bench).threads, 0);
    /* Never started, and stopped all the same. */
    assert_int_equal(jb_sampler_stop(bench->sampler, 0), 0);
    assert_int_equal(jb_sampler_cut(bench->sampler, now() + SECOND), 2);
    assert_int_equal(bench->seen[0].samples, 3);
    bench_free(bench);
}

static void test_cut(void **state)
{
    static const enum script scripts[] = { SCRIPT_COUNT, SCRIPT_SLEEP,
                                           SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 3);

    (void)state;
    bench->source.sensors[1].flags = JB_SENSOR_MAY_BLOCK;
    bench_open(bench);
    bench_add(bench, 0, HOUR);
    bench_add(bench, 1, HOUR);
    bench_add(bench, 2, 0);
    bench_start(bench);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t before_ns = now();

        assert_int_equal(jb_sampler_cut(bench->sampler, before_ns + PATIENCE),
                         0);
        for (size_t sensor = 0; sensor < 3; sensor++)
            assert_true(bench->seen[sensor].t0_ns >= before_ns);
    }
    bench_free(bench);
}

struct cutter {
    struct bench *bench;
    atomic_uint done;
    size_t left;
};

static void *cutter_run(void *context)
{
    struct cutter *cutter = context;

    cutter->left = jb_sampler_cut(cutter->bench->sampler, now() + PATIENCE);
    atomic_store(&cutter->done, 1);
    return NULL;
}

/* A read that began before the call does not answer it. */
static void test_cut_wants_a_new_read(void **state)
{
    static const enum script scripts[] = { SCRIPT_BLOCK };
    struct bench *bench = bench_new(scripts, 1);
    struct cutter cutter = { .bench = bench };
    pthread_t thread;

    (void)state;
    bench->source.sensors[0].flags = JB_SENSOR_MAY_BLOCK;
    bench->config.stuck_ns = HOUR;
    bench_open(bench);
    bench_add(bench, 0, HOUR);
    bench_start(bench);
    await(&bench->source.meters[0].entered, 1);
    assert_int_equal(pthread_create(&thread, NULL, cutter_run, &cutter), 0);
    for (int i = 0; i < 20; i++)
        nap(); /* it asks by now; if not, the test is only less strict */
    gate_step(&bench->source.meters[0]);
    await(&bench->source.meters[0].entered, 2);
    assert_int_equal(atomic_load(&cutter.done), 0);
    gate_step(&bench->source.meters[0]);
    await(&cutter.done, 1);
    pthread_join(thread, NULL);
    assert_int_equal(cutter.left, 0);
    assert_int_equal(bench->source.meters[0].entered, 2);
    bench_free(bench);
}

static void test_cut_does_not_wait_for_a_hang(void **state)
{
    static const enum script scripts[] = { SCRIPT_BLOCK, SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 2);
    uint64_t start_ns;

    (void)state;
    bench_open(bench);
    bench_add(bench, 0, 0);
    bench_add(bench, 1, 0);
    bench_start(bench);
    start_ns = now();
    /* The first finds the hang, the second knows of it. */
    for (unsigned i = 1; i <= 2; i++) {
        uint64_t before_ns = now();

        assert_int_equal(jb_sampler_cut(bench->sampler, start_ns + HOUR), 1);
        assert_true(bench->seen[1].t0_ns >= before_ns);
    }
    assert_true(now() - start_ns < PATIENCE);
    assert_true(bench_endpoint(bench, 0).stuck_since_ns >= start_ns - SECOND);
    /* A deadline that has passed is no reason not to order the reads. */
    assert_int_equal(jb_sampler_cut(bench->sampler, 0), 2);
    await(&bench->seen[1].samples, 3);
    bench_free(bench);
}

/* The source outlives the sampler until the read is back, and so does all that
 * the read touches. */
static void test_stop_does_not_wait_for_ever(void **state)
{
    static const enum script scripts[] = { SCRIPT_BLOCK, SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 2);
    struct jb_source other = { .count = 0 };
    unsigned before;

    (void)state;
    bench_open(bench);
    bench_add(bench, 0, MS);
    bench_add(bench, 1, MS);
    bench_start(bench);
    await(&bench->source.meters[0].entered, 1);
    await(&bench->seen[1].samples, 5);
    assert_int_equal(jb_sampler_stop(bench->sampler, 20 * MS), 1);
    assert_true(jb_sampler_holds(bench->sampler, &bench->source));
    assert_false(jb_sampler_holds(bench->sampler, &other));
    assert_int_equal(jb_sampler_stop(bench->sampler, 0), 1);
    before = bench->seen[1].samples;
    jb_sampler_free(bench->sampler);
    bench->sampler = NULL;
    gate_step(&bench->source.meters[0]);
    await(&bench->source.meters[0].returned, 1);
    assert_int_equal(bench->seen[0].samples, 0);
    assert_int_equal(bench->seen[1].samples, before);
    assert_int_equal(bench->source.meters[0].entered, 1);
    bench_free(bench);
}

static void test_stop_waits_for_what_comes_back(void **state)
{
    static const enum script scripts[] = { SCRIPT_SLEEP };
    struct bench *bench = bench_new(scripts, 1);

    (void)state;
    bench_open(bench);
    bench_add(bench, 0, HOUR);
    bench_start(bench);
    await(&bench->source.meters[0].entered, 1);
    assert_int_equal(jb_sampler_stop(bench->sampler, PATIENCE), 0);
    assert_int_equal(bench->seen[0].samples, 1);
    bench_free(bench);
}

static void test_contract(void **state)
{
    static const enum script scripts[] = { SCRIPT_COUNT };
    static const struct jb_sampler_config no_sink = { .context = NULL };
    static const uint32_t which[] = { 0, 1 };
    struct bench *bench = bench_new(scripts, 1);
    struct jb_sampler_endpoint endpoint;

    (void)state;
    assert_int_equal(jb_sampler_new(&no_sink, &bench->sampler, NULL),
                     JB_EUSAGE);
    assert_null(bench->sampler);
    bench_open(bench);
    assert_int_equal(bench_try_add(bench, which, 2, MS), JB_EUSAGE);
    assert_int_equal(jb_sampler_endpoints(bench->sampler), 0);
    assert_int_equal(bench_try_add(bench, which, 1, MS), JB_OK);
    assert_int_equal(jb_sampler_read_endpoint(bench->sampler, 1, &endpoint),
                     JB_EUSAGE);
    bench_start(bench);
    assert_int_equal(bench_try_add(bench, which, 1, MS), JB_EUSAGE);
    assert_int_equal(jb_sampler_start(bench->sampler, NULL), JB_EUSAGE);
    await(&bench->seen[0].samples, 3);
    bench_free(bench);
    jb_sampler_free(NULL);
}

static void test_no_sensors(void **state)
{
    static const enum script scripts[] = { SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 1);

    (void)state;
    bench_open(bench);
    assert_int_equal(bench_try_add(bench, NULL, 0, MS), JB_OK);
    assert_int_equal(jb_sampler_endpoints(bench->sampler), 0);
    assert_int_equal(jb_sampler_cut(bench->sampler, 0), 0);
    bench_start(bench);
    assert_int_equal(bench_stats(bench).threads, 0);
    assert_int_equal(jb_sampler_cut(bench->sampler, now() + HOUR), 0);
    bench_free(bench);
}

static void test_failed_samples_pass_through(void **state)
{
    static const enum script scripts[] = { SCRIPT_FAIL, SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 2);

    (void)state;
    bench_open(bench);
    bench_add(bench, 0, MS);
    bench_add(bench, 1, MS);
    bench_start(bench);
    await(&bench->seen[0].failed, 10);
    await(&bench->seen[1].samples, 10);
    assert_int_equal(jb_sampler_stop(bench->sampler, PATIENCE), 0);
    assert_int_equal(bench->seen[0].failed, bench->seen[0].samples);
    assert_int_equal(bench->seen[1].failed, 0);
    bench_free(bench);
}

/* CLOCK_BOOTTIME as the test wants it. */
static uint64_t shifted_now(void *context)
{
    const _Atomic uint64_t *shift_ns = context;

    return now() + atomic_load(shift_ns);
}

static void test_suspend(void **state)
{
    static const enum script scripts[] = { SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 1);
    _Atomic uint64_t shift_ns = 0;
    struct jb_clock clock = { .now_ns = shifted_now, .context = &shift_ns };
    uint64_t start_ns = now();

    (void)state;
    bench->config.clock = &clock;
    bench_open(bench);
    bench_add(bench, 0, 10 * MS);
    bench_start(bench);
    await(&bench->seen[0].samples, 5);
    atomic_store(&shift_ns, 7 * HOUR);
    await(&bench->seen[0].samples, 20);
    assert_int_equal(jb_sampler_stop(bench->sampler, PATIENCE), 0);
    /* No burst: not more reads than instants in the time that we were awake. */
    assert_true(bench->seen[0].samples <= (now() - start_ns) / (10 * MS) + 3);
    assert_true(bench_stats(bench).missed >= 7 * 3600 * 100 - 2);
    bench_free(bench);
}

static void *crowd_run(void *context)
{
    struct bench *bench = context;

    for (int i = 0; i < 50; i++) {
        jb_sampler_cut(bench->sampler, now() + PATIENCE);
        bench_stats(bench);
        bench_endpoint(bench, 0);
    }
    return NULL;
}

/* For the sanitizers: everyone at once, with lanes that change under way. */
static void test_crowd(void **state)
{
    static const enum script scripts[] = { SCRIPT_COUNT, SCRIPT_COUNT,
                                           SCRIPT_BLOCK, SCRIPT_COUNT };
    struct bench *bench = bench_new(scripts, 4);
    pthread_t threads[3];

    (void)state;
    bench->config.stuck_ns = 5 * MS;
    bench->config.slow_ns = MS;
    bench_open(bench);
    for (uint32_t i = 0; i < 4; i++)
        bench_add(bench, i, MS);
    bench_start(bench);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_run, bench),
                         0);
    await(&bench->source.meters[2].entered, 1);
    gate_open(&bench->source.meters[2]);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_true(bench->seen[0].samples >= 50);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_one_endpoint_two_periods),
        cmocka_unit_test(test_hang),
        cmocka_unit_test(test_hang_at_long_period),
        cmocka_unit_test(test_slow_gets_a_lane),
        cmocka_unit_test(test_may_block_starts_slow),
        cmocka_unit_test(test_cut_before_start),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_wants_a_new_read),
        cmocka_unit_test(test_cut_does_not_wait_for_a_hang),
        cmocka_unit_test(test_stop_does_not_wait_for_ever),
        cmocka_unit_test(test_stop_waits_for_what_comes_back),
        cmocka_unit_test(test_contract),
        cmocka_unit_test(test_no_sensors),
        cmocka_unit_test(test_failed_samples_pass_through),
        cmocka_unit_test(test_suspend),
        cmocka_unit_test(test_crowd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
