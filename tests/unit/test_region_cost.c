/* SPDX-License-Identifier: Apache-2.0 */
/* A region allocates when it is made and never again: every allocation of this
 * program goes through the functions here. */
#include <joulebook/joulebook.h>

#include <stdatomic.h>
#include <stdlib.h>

#include "check.h"
#include "ticker.h"

static atomic_ulong allocations;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COST_COUNTS 1

#define COST_SHOWN __attribute__((visibility("default")))

/* glibc's own, by the names under which it exports them. */
void *cost_malloc(size_t size) __asm__("__libc_malloc");
void *cost_calloc(size_t nmemb, size_t size) __asm__("__libc_calloc");
void *cost_realloc(void *ptr, size_t size) __asm__("__libc_realloc");

COST_SHOWN void *malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return cost_malloc(size);
}

COST_SHOWN void *calloc(size_t nmemb, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return cost_calloc(nmemb, size);
}

COST_SHOWN void *realloc(void *ptr, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return cost_realloc(ptr, size);
}
#else
#define COST_COUNTS 0 /* the sanitizer's own stand in the way */
#endif

static const struct ticker_zone zones[] = {
    { "intel-rapl:0", "package-0", 50000000 },
    { "intel-rapl:0:0", "core", 30000000 },
    { "intel-rapl:0:1", "dram", 5000000 },
    { "intel-rapl:1", "psys", 90000000 },
};

static void test_no_allocation(void **state)
{
    static struct ticker ticker;
    struct jb_session_config config = { .size = sizeof(config) };
    struct jb_session *session = NULL;
    struct jb_region *region = NULL;
    const struct jb_region_result *result = NULL;
    struct jb_error err;
    unsigned long before;
    void *volatile probe; /* a compiler leaves out what nobody looks at */

    (void)state;
    if (!COST_COUNTS)
        skip();
    before = atomic_load(&allocations);
    probe = malloc(1);
    assert_int_equal(atomic_load(&allocations), before + 1);
    free(probe);
    ticker_start(&ticker, zones, CHECK_COUNT(zones), UINT64_C(1000000000000),
                 "GenuineIntel");
    config.sysfs = ticker.sysfs;
    config.procfs = ticker.procfs;
    ticker_run(&ticker);
    CHECK_STATUS("open", jb_session_open(&config, &session, &err), JB_OK, &err);
    CHECK_STATUS("new", jb_region_new(session, "r", &region, &err), JB_OK,
                 &err);
    before = atomic_load(&allocations);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(jb_region_begin(region, &err), JB_OK);
        if (i % 20 == 0)
            ticker_sleep_ms(2);
        assert_int_equal(jb_region_end(region, &result, &err), JB_OK);
        assert_int_equal(jb_region_total(region, &result, &err), JB_OK);
    }
    CHECK_U64("allocations", atomic_load(&allocations), before);
    CHECK_U64("domains", result->domain_count, CHECK_COUNT(zones));
    for (size_t i = 0; i < CHECK_COUNT(zones); i++)
        CHECK_STATUS("figure", jb_region_domain(result, i)->status, JB_OK,
                     NULL);
    jb_region_free(region);
    jb_session_close(session);
    ticker_stop(&ticker);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_allocation) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
