/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook burn: a workload that is always at hand, to have something to
 * measure. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "registry.h"

enum { BURN_THREADS_MAX = 4096, BURN_BATCH = 1 << 16 };

struct burn_options {
    uint64_t duration_ns;
    uint64_t threads;
};

static const struct jb_option burn_table[] = {
    { .name = "duration",
      .argument = "TIME",
      .fallback = "3s",
      .max = UINT64_C(86400) * JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      .offset = offsetof(struct burn_options, duration_ns),
      .help = "how long" },
    { .name = "threads",
      .argument = "N",
      .max = BURN_THREADS_MAX,
      .type = JB_OPTION_UINT,
      .offset = offsetof(struct burn_options, threads),
      .help = "on how many threads (default: one per CPU)" },
    { 0 },
};

static void *burn_work(void *until)
{
    uint64_t until_ns = *(const uint64_t *)until;
    volatile double sink = 1.0;

    while (jb_clock_now_ns(&jb_clock_boottime) < until_ns)
        for (int i = 0; i < BURN_BATCH; i++)
            sink = sink * 1.0000001 + 1e-9;
    return NULL;
}

static int burn_run(const struct jb_cli *cli, const void *opaque, int argc,
                    char **argv, int *exit_code, struct jb_error *err)
{
    const struct burn_options *options = opaque;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count =
        options->threads ? options->threads : (size_t)(cpus > 0 ? cpus : 1);
    JB_AUTO_FREE pthread_t *threads = calloc(count, sizeof(*threads));
    uint64_t until_ns =
        jb_clock_now_ns(&jb_clock_boottime) + options->duration_ns;
    size_t started = 0;

    (void)cli;
    (void)argc;
    (void)argv;
    (void)exit_code;
    if (!threads)
        return jb_fail(err, JB_ENOMEM, "%zu threads", count);
    while (started < count &&
           pthread_create(&threads[started], NULL, burn_work, &until_ns) == 0)
        started++;
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (started < count)
        return jb_fail(err, JB_ELIMIT, "only %zu of %zu threads could start",
                       started, count);
    return JB_OK;
}

const struct jb_command jb_command_burn = {
    .name = "burn",
    .summary = "keep CPUs busy for a while, to have something to measure",
    .arguments = "",
    .options = burn_table,
    .options_size = sizeof(struct burn_options),
    .run = burn_run,
};
