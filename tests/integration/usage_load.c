/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that is hard to see, for usage_test.py.  Prints "forks CPU_NS": how many
 * children there were, and the CPU time of all of them and of itself as the
 * kernel told it at their ends (getrusage).
 *
 *   usage_load fork COUNT        bare fork and exit, as fast as it can
 *   usage_load spin COUNT US     children that are busy for US microseconds
 *   usage_load exec COUNT PATH   runs PATH
 *   usage_load threads COUNT US  threads of one process, which end one by one
 *   usage_load rename COUNT US   children that give themselves hostile names
 *   usage_load orphans COUNT US  grandchildren whose parents end before them
 */
#include <inttypes.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t load_cpu_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void load_spin(uint64_t us)
{
    uint64_t end_ns = load_cpu_ns(CLOCK_THREAD_CPUTIME_ID) + us * 1000;

    while (load_cpu_ns(CLOCK_THREAD_CPUTIME_ID) < end_ns)
        ;
}

static void load_wait_all(void)
{
    while (wait(NULL) > 0)
        ;
}

static void load_rename(uint64_t us)
{
    static const char *const names[] = { ") R 1 1 1", "a b\nc",     "((((",
                                         "\x1b[31m",  "cpu0 1 2 3", "0::/",
                                         "\xff\xfe" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        prctl(PR_SET_NAME, names[i]);
        load_spin(us / 7 + 1);
    }
}

static void *load_thread(void *argument)
{
    load_spin(*(uint64_t *)argument);
    return NULL;
}

static void load_threads(unsigned long count, uint64_t us)
{
    for (unsigned long i = 0; i < count; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, load_thread, &us) == 0)
            pthread_join(thread, NULL);
    }
}

/* What one child of a mode does. */
static void load_child(const char *mode, uint64_t us)
{
    if (strcmp(mode, "spin") == 0)
        load_spin(us);
    if (strcmp(mode, "rename") == 0)
        load_rename(us);
    if (strcmp(mode, "orphans") == 0) {
        if (fork() == 0) {
            usleep(1000);
            load_spin(us);
        }
    }
    _exit(0);
}

static void load_start(const char *mode, const char *argument)
{
    char *argv[] = { (char *)(uintptr_t)argument, NULL };
    pid_t pid;

    if (strcmp(mode, "exec") == 0) {
        posix_spawn(&pid, argument, NULL, NULL, argv, environ);
        return;
    }
    if (fork() == 0)
        load_child(mode, strtoull(argument, NULL, 10));
}

int main(int argc, char **argv)
{
    struct rusage own;
    struct rusage children;
    unsigned long count;

    if (argc < 3)
        return 2;
    count = strtoul(argv[2], NULL, 10);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that orphans are counted */
    if (strcmp(argv[1], "threads") == 0)
        load_threads(count, strtoull(argv[3], NULL, 10));
    for (unsigned long i = 0; i < count && strcmp(argv[1], "threads") != 0;
         i++) {
        load_start(argv[1], argc > 3 ? argv[3] : "0");
        if (i % 4 == 3)
            load_wait_all();
    }
    load_wait_all();
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    printf("%lu %" PRIu64 "\n", count,
           ((uint64_t)(own.ru_utime.tv_sec + own.ru_stime.tv_sec +
                       children.ru_utime.tv_sec + children.ru_stime.tv_sec) *
                1000000 +
            (uint64_t)(own.ru_utime.tv_usec + own.ru_stime.tv_usec +
                       children.ru_utime.tv_usec + children.ru_stime.tv_usec)) *
               1000);
    return 0;
}
