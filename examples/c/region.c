/* SPDX-License-Identifier: Apache-2.0 */
/* A program that measures parts of itself: one region inside another.
 * JOULEBOOK_SYSFS may name the tree of another machine. */
#include <joulebook/joulebook.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile double sink;

static void work(double seconds)
{
    clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);

    while (clock() < end)
        for (int i = 1; i < 10000; i++)
            sink += 1.0 / i;
}

static void print_result(const struct jb_region_result *result)
{
    printf("%s: %llu runs, %.3f s\n", result->name,
           (unsigned long long)result->count, (double)result->elapsed_ns / 1e9);
    for (size_t i = 0; i < result->domain_count; i++) {
        const struct jb_region_domain *domain = jb_region_domain(result, i);

        if (domain->status == JB_OK)
            printf("  %-12s %.6f J (%.6f to %.6f), %s, by %s\n", domain->domain,
                   (double)domain->energy_uj / 1e6,
                   (double)domain->low_uj / 1e6, (double)domain->high_uj / 1e6,
                   jb_provenance_name(domain->provenance), domain->sensor);
        else
            printf("  %-12s - %s\n", domain->domain, domain->why);
    }
    if (result->total_count > 0)
        printf("  %-12s %.6f J\n", "total", (double)result->total_uj / 1e6);
}

static int measure(struct jb_region *outer, struct jb_region *inner,
                   struct jb_error *error)
{
    const struct jb_region_result *result;
    int status = jb_region_begin(outer, error);

    for (int i = 0; status == JB_OK && i < 3; i++) {
        work(0.05);
        status = jb_region_begin(inner, error);
        work(0.1);
        if (status == JB_OK)
            status = jb_region_end(inner, NULL, error);
    }
    if (status == JB_OK)
        status = jb_region_end(outer, &result, error);
    if (status == JB_OK)
        print_result(result);
    if (status == JB_OK)
        status = jb_region_total(inner, &result, error);
    if (status == JB_OK)
        print_result(result);
    return status;
}

int main(void)
{
    struct jb_session_config config = { .size = sizeof(config),
                                        .sysfs = getenv("JOULEBOOK_SYSFS") };
    struct jb_session *session = NULL;
    struct jb_region *outer = NULL;
    struct jb_region *inner = NULL;
    struct jb_error error;
    int status = jb_session_open(&config, &session, &error);

    if (status == JB_OK)
        status = jb_region_new(session, "whole", &outer, &error);
    if (status == JB_OK)
        status = jb_region_new(session, "inner loop", &inner, &error);
    if (status == JB_OK)
        status = measure(outer, inner, &error);
    if (status != JB_OK)
        fprintf(stderr, "Failed: %s\n%s\n", error.text, error.fix);
    jb_region_free(inner);
    jb_region_free(outer);
    jb_session_close(session);
    return status == JB_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
