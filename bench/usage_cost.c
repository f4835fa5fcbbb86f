/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a turn of usage costs beside processes that sleep.
 *
 *   usage_cost BACKEND PROCESSES TURNS [PERIOD_MS]
 *
 * BACKEND is bpf, taskstats, proc, or "scan": the plain way, which opens, reads
 * and parses the stat of every process each turn.  Starts PROCESSES children
 * that sleep, and prints one line: CPU time per turn from
 * /proc/self/task/<tid>/schedstat, which is exact, as a share of one core at
 * the period; resident memory; rows per turn; kernel memory that the machine's
 * slabs grew by since before the back end was opened.
 */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "usage/pidfile.h"
#include "usage/usage.h"

enum { COST_PROCESSES_MAX = 30000, COST_WARM_UP = 20, COST_TEXT = 65536 };

static const struct jb_roots cost_roots = { "/sys", "/proc", "/sys/fs/cgroup",
                                            "/dev" };

/* Of all threads. */
static uint64_t cost_cpu_ns(void)
{
    DIR *dir = opendir("/proc/self/task");
    uint64_t sum = 0;

    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        char path[JB_PATH_MAX];
        char text[128];
        size_t length;
        uint64_t run_ns;
        uint64_t slices;

        if (e->d_name[0] != '.' &&
            jb_path(path, NULL, "/proc/self/task/%s/schedstat", e->d_name) ==
                JB_OK &&
            jb_file_read(path, text, sizeof(text), &length, NULL) == JB_OK &&
            jb_pidfile_schedstat(text, length, &run_ns, &slices))
            sum += run_ns;
    }
    if (dir)
        closedir(dir);
    return sum;
}

static uint64_t cost_kib(const char *path, const char *key)
{
    static char text[COST_TEXT];
    size_t length;
    uint64_t kib = 0;

    if (jb_file_read(path, text, sizeof(text) - 1, &length, NULL) != JB_OK)
        return 0;
    text[length] = '\n';
    return jb_pidfile_value(text, length + 1, key, &kib) ? kib : 0;
}

static void cost_sleep_ms(uint64_t ms)
{
    struct timespec time = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

    nanosleep(&time, NULL);
}

static void cost_children(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
        if (pid < 0) {
            perror("fork");
            exit(1);
        }
    }
    cost_sleep_ms(500);
}

/* The plain way. */
static size_t cost_scan(int procfs)
{
    DIR *dir = opendir("/proc");
    size_t count = 0;

    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        char text[JB_PIDFILE_MAX];
        struct jb_pid_stat stat;
        uint64_t pid;
        ssize_t got;

        if (!jb_text_u64(e->d_name, strlen(e->d_name), &pid))
            continue;
        got =
            jb_pidfile_read(procfs, (uint32_t)pid, "stat", text, sizeof(text));
        count += got > 0 && jb_pidfile_stat(text, (size_t)got, &stat);
    }
    if (dir)
        closedir(dir);
    return count;
}

struct cost_run {
    struct jb_usage_choice choice;
    bool plain;
    int procfs;
    size_t rows, turns;
    struct jb_usage_lost lost;
};

static bool cost_turn(struct cost_run *run)
{
    const struct jb_usage_turn *turn;

    run->turns++;
    if (run->plain) {
        run->rows += cost_scan(run->procfs);
        return true;
    }
    if (run->choice.desc->turn(run->choice.usage, &turn, NULL) != JB_OK)
        return false;
    run->rows += turn->row_count;
    run->lost = turn->lost;
    return true;
}

static int cost_open(struct cost_run *run, const char *name)
{
    static struct jb_usage_options options;
    static struct jb_env env = { &cost_roots, &jb_clock_boottime, true };
    struct jb_error err = { 0 };
    int rc = jb_file_open("/proc", &run->procfs, &err);

    run->plain = strcmp(name, "scan") == 0;
    if (rc == JB_OK && !run->plain)
        rc = jb_options_init(jb_usage_option_table, &options, &err);
    if (rc == JB_OK && !run->plain)
        rc = jb_usage_choose(&env, name, &options, &run->choice, &err);
    if (rc < 0)
        fprintf(stderr, "%s: %s; %s\n", name, err.text, err.fix);
    return rc;
}

int main(int argc, char **argv)
{
    struct cost_run run = { .procfs = -1 };
    uint64_t processes;
    uint64_t turns;
    uint64_t period_ms = 1000;
    uint64_t slab_kib;
    uint64_t cpu_ns;

    if (argc < 4 || !jb_text_u64(argv[2], strlen(argv[2]), &processes) ||
        !jb_text_u64(argv[3], strlen(argv[3]), &turns) ||
        (argc > 4 && !jb_text_u64(argv[4], strlen(argv[4]), &period_ms)) ||
        processes > COST_PROCESSES_MAX || turns == 0 || period_ms == 0) {
        fputs("usage: usage_cost BACKEND PROCESSES TURNS [PERIOD_MS]\n",
              stderr);
        return 2;
    }
    signal(SIGCHLD, SIG_IGN);
    cost_children((size_t)processes);
    slab_kib = cost_kib("/proc/meminfo", "Slab");
    if (cost_open(&run, argv[1]) < 0)
        return 1;
    for (int i = 0; i < COST_WARM_UP; i++) {
        cost_sleep_ms(period_ms / 10);
        if (!cost_turn(&run))
            return 1;
    }
    run.turns = run.rows = 0;
    cpu_ns = cost_cpu_ns();
    while (run.turns < turns) {
        cost_sleep_ms(period_ms);
        if (!cost_turn(&run))
            return 1;
    }
    cpu_ns = cost_cpu_ns() - cpu_ns;
    printf("%-9s %" PRIu64 " sleepers: %.3f ms CPU per turn, %.2f %% of a core "
           "at %.1f Hz, %zu rows per turn, %" PRIu64 " KiB resident, slab "
           "%+" PRId64 " KiB\n",
           argv[1], processes, (double)cpu_ns / 1e6 / (double)turns,
           (double)cpu_ns / 1e4 / (double)turns / (double)period_ms,
           1000.0 / (double)period_ms, run.rows / run.turns,
           cost_kib("/proc/self/status", "VmRSS"),
           (int64_t)cost_kib("/proc/meminfo", "Slab") - (int64_t)slab_kib);
    return 0;
}
