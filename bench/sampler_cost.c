/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One measurement of what sampling costs: four files read at a rate, either by
 * the sampler or by the least that could do it, a loop of clock_nanosleep() and
 * four pread().  sampler_cost.sh runs them in pairs and compares.
 *
 *   sampler_cost bare|stamped|ours HZ SECONDS DIRECTORY   prints CPU ns and
 * ticks sampler_cost edges - COUNT DIRECTORY          prints ns of start, cut,
 * stop
 *
 * CPU time is that of all threads of the process while they sampled, from
 * /proc/self/task/<tid>/schedstat, which counts nanoseconds on a CPU and not
 * clock ticks.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "sampler/sampler.h"

enum { FILES = 4, WARM_UP = 20 };

struct jb_source {
    struct jb_sensor sensors[FILES];
    int fds[FILES];
};

static const uint32_t cost_which[FILES] = { 0, 1, 2, 3 };
static atomic_uint_fast64_t samples_seen;

static uint64_t cost_number(const char *text)
{
    uint64_t value = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}

static void cost_read(struct jb_source *source, size_t i,
                      struct jb_sample *sample)
{
    char text[32];
    ssize_t got = pread(source->fds[i], text, sizeof(text) - 1, 0);

    text[got > 0 ? got : 0] = '\0';
    sample->raw = cost_number(text);
    sample->state = got > 0 ? JB_OK : JB_EIO;
}

static void cost_sample(struct jb_source *source, const uint32_t *which,
                        size_t count, struct jb_sample *out)
{
    uint64_t t_ns = jb_clock_now_ns(&jb_clock_boottime);

    for (size_t i = 0; i < count; i++) {
        out[i] = (struct jb_sample){ .sensor = which[i], .t0_ns = t_ns };
        cost_read(source, which[i], &out[i]);
        t_ns = jb_clock_now_ns(&jb_clock_boottime);
        out[i].t1_ns = t_ns;
    }
}

static const struct jb_sensor *cost_sensors(const struct jb_source *source,
                                            size_t *count)
{
    *count = FILES;
    return source->sensors;
}

static const struct jb_source_desc cost_desc = {
    .name = "files",
    .summary = "four small files",
    .sensors = cost_sensors,
    .sample = cost_sample,
};

static void cost_sink(void *context, const struct jb_sampler_feed *feed,
                      const struct jb_sample *samples, size_t count)
{
    (void)context;
    (void)feed;
    (void)samples;
    atomic_fetch_add(&samples_seen, count);
}

static int cost_open(struct jb_source *source, const char *directory)
{
    char path[4096];

    for (size_t i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "%s/energy_uj.%zu", directory, i);
        source->fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (source->fds[i] < 0 ||
            pwrite(source->fds[i], "262143328850\n", 13, 0) != 13)
            return -1;
    }
    return 0;
}

/* On-CPU time of all threads but the first, which only sleeps and measures. */
static uint64_t cost_cpu_ns(void)
{
    uint64_t total = 0;
    JB_AUTO_CLOSEDIR DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;

    while (tasks && (entry = readdir(tasks))) {
        char path[300];
        uint64_t ns = 0;
        JB_AUTO_FCLOSE FILE *file = NULL;

        snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat",
                 entry->d_name);
        if (entry->d_name[0] != '.' &&
            cost_number(entry->d_name) != (uint64_t)getpid())
            file = fopen(path, "re");
        if (file && fscanf(file, "%" SCNu64, &ns) == 1)
            total += ns;
    }
    return total;
}

static struct timespec cost_timespec(uint64_t ns)
{
    return (struct timespec){
        .tv_sec = (time_t)(ns / JB_NS_PER_S),
        .tv_nsec = (long)(ns % JB_NS_PER_S),
    };
}

static uint64_t cost_monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * JB_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void cost_sleep(uint64_t ns)
{
    struct timespec until = cost_timespec(cost_monotonic_ns() + ns);

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

struct cost_bare {
    struct jb_source *source;
    uint64_t period_ns;
    bool stamped;
};

/* The floor; stamped: with the clock before and after each read, which is the
 * source's share of what the sampler is compared by. */
static void *cost_bare_run(void *context)
{
    const struct cost_bare *bare = context;
    uint64_t at_ns = cost_monotonic_ns();
    struct jb_sample samples[FILES];

    for (;;) {
        struct timespec until;

        at_ns += bare->period_ns;
        until = cost_timespec(at_ns);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        if (bare->stamped)
            cost_sample(bare->source, cost_which, FILES, samples);
        else
            for (size_t i = 0; i < FILES; i++)
                cost_read(bare->source, i, &samples[i]);
        atomic_fetch_add(&samples_seen, FILES);
    }
    return NULL;
}

/* Without the first ticks, in which threads start and caches warm up. */
static void cost_measure(uint64_t period_ns, double seconds)
{
    uint64_t warm_ns = WARM_UP * period_ns < JB_NS_PER_S / 5
                           ? WARM_UP * period_ns
                           : JB_NS_PER_S / 5;
    uint64_t cpu_ns;
    uint64_t samples;

    /* Half a period aside, so that both ends lie between two ticks. */
    cost_sleep(warm_ns + period_ns / 2);
    cpu_ns = cost_cpu_ns();
    samples = samples_seen;
    cost_sleep((uint64_t)(seconds * 1e9));
    cpu_ns = cost_cpu_ns() - cpu_ns;
    samples = samples_seen - samples;
    printf("%" PRIu64 " %" PRIu64 "\n", cpu_ns, samples / FILES);
}

static int cost_new(struct jb_source *source, uint64_t period_ns,
                    struct jb_sampler **out)
{
    struct jb_sampler_config config = {
        .sink = cost_sink,
        .origin_ns = jb_clock_now_ns(&jb_clock_boottime),
    };
    struct jb_sampler_feed feed = {
        .desc = &cost_desc,
        .source = source,
        .which = cost_which,
        .count = FILES,
        .period_ns = period_ns,
    };
    int status = jb_sampler_new(&config, out, NULL);

    return status ? status : jb_sampler_add(*out, &feed, NULL);
}

static int cost_ours(struct jb_source *source, uint64_t period_ns,
                     double seconds)
{
    struct jb_sampler *sampler;

    if (cost_new(source, period_ns, &sampler) != JB_OK ||
        jb_sampler_start(sampler, NULL) != JB_OK)
        return 1;
    cost_measure(period_ns, seconds);
    jb_sampler_stop(sampler, JB_NS_PER_S);
    jb_sampler_free(sampler);
    return 0;
}

static int cost_bare(struct jb_source *source, uint64_t period_ns,
                     double seconds, bool stamped)
{
    struct cost_bare bare = {
        .source = source,
        .period_ns = period_ns,
        .stamped = stamped,
    };
    pthread_t thread;

    if (pthread_create(&thread, NULL, cost_bare_run, &bare) != 0)
        return 1;
    cost_measure(period_ns, seconds);
    fflush(NULL);
    _exit(0); /* the loop has no end */
}

/* What the beginning and the end of a measured command pay. */
static int cost_edges(struct jb_source *source, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct jb_sampler *sampler;
        uint64_t t[7];
        uint64_t far_ns =
            jb_clock_now_ns(&jb_clock_boottime) + UINT64_C(10) * JB_NS_PER_S;

        t[0] = cost_monotonic_ns();
        if (cost_new(source, JB_NS_PER_S, &sampler) != JB_OK)
            return 1;
        t[1] = cost_monotonic_ns();
        jb_sampler_cut(sampler, far_ns);
        t[2] = cost_monotonic_ns();
        if (jb_sampler_start(sampler, NULL) != JB_OK)
            return 1;
        t[3] = cost_monotonic_ns();
        cost_sleep(UINT64_C(5) * JB_NS_PER_MS);
        t[4] = cost_monotonic_ns();
        jb_sampler_cut(sampler, far_ns);
        t[5] = cost_monotonic_ns();
        jb_sampler_stop(sampler, JB_NS_PER_S);
        jb_sampler_free(sampler);
        t[6] = cost_monotonic_ns();
        printf("new+add %" PRIu64 " inline-cut %" PRIu64 " start %" PRIu64
               " cut %" PRIu64 " stop+free %" PRIu64 "\n",
               t[1] - t[0], t[2] - t[1], t[3] - t[2], t[5] - t[4], t[6] - t[5]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct jb_source source = { .fds = { -1, -1, -1, -1 } };
    uint64_t hz;

    if (argc != 5 || cost_open(&source, argv[4]) != 0) {
        fputs(
            "usage: sampler_cost bare|stamped|ours|edges HZ SECONDS DIRECTORY\n",
            stderr);
        return 2;
    }
    hz = cost_number(argv[2]);
    if (strcmp(argv[1], "edges") == 0)
        return cost_edges(&source, (unsigned)cost_number(argv[3]));
    if (hz == 0)
        return 2;
    if (strcmp(argv[1], "ours") != 0)
        return cost_bare(&source, JB_NS_PER_S / hz, strtod(argv[3], NULL),
                         strcmp(argv[1], "stamped") == 0);
    return cost_ours(&source, JB_NS_PER_S / hz, strtod(argv[3], NULL));
}
