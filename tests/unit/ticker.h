/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A powercap tree whose counters count: a thread of the test rewrites them
 * every millisecond, so that the truth is power times time.
 */
#ifndef JB_TEST_TICKER_H
#define JB_TEST_TICKER_H

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tree.h"

enum { TICKER_ZONES_MAX = 8, TICKER_DIGITS = 18 };

struct ticker_zone {
    const char *directory; /* "intel-rapl:0" */
    const char *name;      /* "package-0" */
    uint64_t power_uw;
};

struct ticker {
    struct tree tree;
    char sysfs[TREE_PATH_MAX], procfs[TREE_PATH_MAX];
    const struct ticker_zone *zones;
    size_t count;
    uint64_t range_uj;
    uint64_t begin_ns;
    int fds[TICKER_ZONES_MAX];
    pthread_t thread;
    atomic_bool ended, frozen;
    atomic_uint_fast64_t late_ns; /* longest that a counter was not updated: a
                                     busy machine can keep the thread waiting,
                                     and the truth is late by as much */
};

static inline uint64_t ticker_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static inline void ticker_sleep_ms(long ms)
{
    struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&ts, NULL);
}

/* Never a step that a reader could see half of: one write of fixed width. */
static inline void ticker_update(const struct ticker *ticker, size_t i)
{
    double uj = (double)(ticker_now_ns() - ticker->begin_ns) / 1e9 *
                (double)ticker->zones[i].power_uw;
    char text[32];
    int length = snprintf(text, sizeof(text), "%0*" PRIu64 "\n", TICKER_DIGITS,
                          (uint64_t)uj % ticker->range_uj);

    /* cmocka cannot fail on this thread: a write that did not happen shows as a
     * counter that stands still. */
    if (pwrite(ticker->fds[i], text, (size_t)length, 0) != length)
        perror("ticker");
}

static inline void *ticker_main(void *argument)
{
    struct ticker *ticker = argument;
    uint64_t before_ns = ticker_now_ns();

    while (!atomic_load(&ticker->ended)) {
        uint64_t now_ns = ticker_now_ns();

        if (now_ns - before_ns > atomic_load(&ticker->late_ns))
            atomic_store(&ticker->late_ns, now_ns - before_ns);
        before_ns = now_ns;
        for (size_t i = 0; i < ticker->count && !atomic_load(&ticker->frozen);
             i++)
            ticker_update(ticker, i);
        ticker_sleep_ms(1);
    }
    return NULL;
}

static inline void ticker_write(struct ticker *ticker, const char *directory,
                                const char *file, const char *text)
{
    char name[256];

    snprintf(name, sizeof(name), "sys/class/powercap/%s/%s", directory, file);
    tree_write(&ticker->tree, name, text);
}

/* On a tmpfs, where a write costs no disk.  maker as in /proc/cpuinfo. */
static inline void ticker_start(struct ticker *ticker,
                                const struct ticker_zone *zones, size_t count,
                                uint64_t range_uj, const char *maker)
{
    char text[128];
    char path[TREE_PATH_MAX];

    *ticker = (struct ticker){ .zones = zones,
                               .count = count,
                               .range_uj = range_uj,
                               .begin_ns = ticker_now_ns() - 1000000000U };
    snprintf(ticker->tree.root, sizeof(ticker->tree.root),
             "/dev/shm/jb-test-XXXXXX");
    assert_non_null(mkdtemp(ticker->tree.root));
    tree_path(&ticker->tree, "sys", ticker->sysfs);
    tree_path(&ticker->tree, "proc", ticker->procfs);
    snprintf(text, sizeof(text),
             "processor\t: 0\nvendor_id\t: %s\nmodel name\t: Test CPU\n",
             maker);
    tree_write(&ticker->tree, "proc/cpuinfo", text);
    for (size_t i = 0; i < count; i++) {
        ticker_write(ticker, zones[i].directory, "name", zones[i].name);
        snprintf(text, sizeof(text), "%" PRIu64 "\n", range_uj);
        ticker_write(ticker, zones[i].directory, "max_energy_range_uj", text);
        ticker_write(ticker, zones[i].directory, "energy_uj", "");
        snprintf(path, sizeof(path), "%.64s/sys/class/powercap/%s/energy_uj",
                 ticker->tree.root, zones[i].directory);
        ticker->fds[i] = open(path, O_WRONLY | O_CLOEXEC);
        assert_true(ticker->fds[i] >= 0);
        ticker_update(ticker, i);
    }
}

static inline void ticker_run(struct ticker *ticker)
{
    assert_int_equal(pthread_create(&ticker->thread, NULL, ticker_main, ticker),
                     0);
}

static inline void ticker_stop(struct ticker *ticker)
{
    atomic_store(&ticker->ended, true);
    if (ticker->thread)
        pthread_join(ticker->thread, NULL);
    for (size_t i = 0; i < ticker->count; i++)
        close(ticker->fds[i]);
    tree_release(&ticker->tree);
}

#endif
