/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a region costs beyond the reads themselves: begin and end of a region,
 * beside the least that could read the same counters twice (pread() of a kept
 * descriptor and a number out of it).
 *
 *   region_cost SYSFS [ROUNDS [LOOPS]]
 *
 * Runs alternate, since the price of a system call drifts on a shared machine,
 * and what counts is the median of the differences of neighbours.  CPU time is
 * the whole process', the session's thread included.  Ends with 1 when the
 * median is above the ceiling.
 */
#include <fcntl.h>
#include <glob.h>
#include <joulebook/joulebook.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 16, ROUNDS_MAX = 1001 };

static const double ceiling_us = 3.0;

struct bare {
    int fds[FILES_MAX];
    size_t count;
    unsigned long long sum; /* so that nothing is optimised away */
};

static double cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int bare_open(struct bare *bare, const char *sysfs)
{
    char pattern[512];
    glob_t found;

    snprintf(pattern, sizeof(pattern), "%s/class/powercap/*/energy_uj", sysfs);
    if (glob(pattern, 0, NULL, &found) != 0)
        return -1;
    for (size_t i = 0; i < found.gl_pathc && bare->count < FILES_MAX; i++)
        bare->fds[bare->count++] =
            open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);
    globfree(&found);
    return 0;
}

static void bare_read(struct bare *bare)
{
    for (size_t i = 0; i < bare->count; i++) {
        char text[24];
        ssize_t got = pread(bare->fds[i], text, sizeof(text), 0);

        for (ssize_t k = 0; k < got && text[k] >= '0' && text[k] <= '9'; k++)
            bare->sum = bare->sum * 10 + (unsigned)(text[k] - '0');
    }
}

static double bare_price(struct bare *bare, int loops)
{
    double begin = cpu_us();

    for (int i = 0; i < loops; i++) {
        bare_read(bare);
        bare_read(bare);
    }
    return (cpu_us() - begin) / loops;
}

static double region_price(struct jb_region *region, int loops)
{
    const struct jb_region_result *result;
    double begin = cpu_us();

    for (int i = 0; i < loops; i++)
        if (jb_region_begin(region, NULL) != JB_OK ||
            jb_region_end(region, &result, NULL) != JB_OK)
            abort();
    return (cpu_us() - begin) / loops;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return values[count / 2];
}

static int measure(struct jb_region *region, struct bare *bare, int rounds,
                   int loops)
{
    static double bares[ROUNDS_MAX];
    static double regions[ROUNDS_MAX];
    static double differences[ROUNDS_MAX];
    double difference;

    bare_price(bare, loops);
    region_price(region, loops);
    for (int i = 0; i < rounds; i++) {
        if (i % 2)
            regions[i] = region_price(region, loops);
        bares[i] = bare_price(bare, loops);
        if (i % 2 == 0)
            regions[i] = region_price(region, loops);
        differences[i] = regions[i] - bares[i];
    }
    difference = median(differences, rounds);
    printf("%zu counters: begin and end %.2f us of CPU, the reads alone %.2f "
           "us, beyond them %.2f us (quartiles %.2f %.2f; at most %.1f)\n",
           bare->count, median(regions, rounds), median(bares, rounds),
           difference, differences[rounds / 4], differences[3 * rounds / 4],
           ceiling_us);
    return difference <= ceiling_us ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct jb_session_config config = { .size = sizeof(config),
                                        .sources = "powercap" };
    int rounds = argc > 2 ? atoi(argv[2]) : 101;
    int loops = argc > 3 ? atoi(argv[3]) : 2000;
    struct jb_session *session = NULL;
    struct jb_region *region = NULL;
    struct bare bare = { .count = 0 };
    struct jb_error error;
    int code = EXIT_FAILURE;

    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX || loops < 1) {
        fprintf(stderr, "region_cost SYSFS [ROUNDS [LOOPS]]\n");
        return 2;
    }
    config.sysfs = argv[1];
    if (bare_open(&bare, argv[1]) == 0 &&
        jb_session_open(&config, &session, &error) == JB_OK &&
        jb_region_new(session, "cost", &region, &error) == JB_OK)
        code = measure(region, &bare, rounds, loops);
    else
        fprintf(stderr, "%s\n", error.text);
    jb_region_free(region);
    jb_session_close(session);
    return code;
}
