/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule on virtual time: nothing here reads a clock. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sampler/schedule.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define NEVER JB_SCHEDULE_NEVER

enum { SLOTS = 4 };

struct fixture {
    struct jb_schedule schedule;
    struct jb_tick ticks[SLOTS];
};

static struct jb_schedule *schedule_start(struct fixture *fixture,
                                          uint64_t origin_ns)
{
    jb_schedule_init(&fixture->schedule, origin_ns, fixture->ticks, SLOTS);
    return &fixture->schedule;
}

struct grid_case {
    const char *label;
    uint64_t origin_ns, period_ns, now_ns, want_ns;
};

static const struct grid_case grid_cases[] = {
    { "between instants", 0, 10, 25, 30 },
    { "on an instant, the next one", 0, 10, 30, 40 },
    { "at the origin", 7, 10, 7, 17 },
    { "origin is no multiple", 7, 10, 20, 27 },
    { "before the origin", 100, 30, 15, 40 },
    { "before the origin, on an instant", 100, 30, 40, 70 },
    { "just before the origin", 100, 30, 99, 100 },
    { "a period longer than the past", 100, 1000, 5, 100 },
    { "one nanosecond", 0, 1, 5, 6 },
    { "period 0 is never due", 0, 0, 5, NEVER },
    { "the end of time", 0, NEVER - 10, NEVER - 5, NEVER },
    { "the end of time with an origin", 100, NEVER - 50, 200, NEVER },
};

static void test_grid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(grid_cases) / sizeof(grid_cases[0]); i++) {
        const struct grid_case *row = &grid_cases[i];
        struct fixture fixture;
        struct jb_schedule *schedule = schedule_start(&fixture, row->origin_ns);
        uint64_t got;

        jb_schedule_set(schedule, 0, row->period_ns, row->now_ns);
        got = jb_schedule_next(schedule);
        if (got != row->want_ns)
            fail_msg("%s: next is %" PRIu64 ", want %" PRIu64, row->label, got,
                     row->want_ns);
        got = jb_schedule_after(schedule, row->now_ns);
        if (got != row->want_ns)
            fail_msg("%s: after is %" PRIu64 ", want %" PRIu64, row->label, got,
                     row->want_ns);
    }
}

/* Four tasks for ten seconds: as many wake-ups as the fastest has instants. */
static void test_wake_ups_are_shared(void **state)
{
    static const uint64_t periods[SLOTS] = { MS, 10 * MS, 100 * MS, SECOND };
    struct fixture fixture;
    struct jb_schedule *schedule = schedule_start(&fixture, 0);
    uint64_t reads[SLOTS] = { 0 };
    uint64_t wake_ups = 0;

    (void)state;
    for (size_t slot = 0; slot < SLOTS; slot++)
        jb_schedule_set(schedule, slot, periods[slot], 0);
    for (;; wake_ups++) {
        uint64_t now_ns = jb_schedule_next(schedule);

        if (now_ns > 10 * SECOND)
            break;
        for (size_t slot = 0; slot < SLOTS; slot++)
            reads[slot] += jb_schedule_take(schedule, slot, now_ns);
    }
    assert_int_equal(wake_ups, 10000);
    assert_int_equal(reads[0], 10000);
    assert_int_equal(reads[1], 1000);
    assert_int_equal(reads[2], 100);
    assert_int_equal(reads[3], 10);
    for (size_t slot = 0; slot < SLOTS; slot++)
        assert_int_equal(fixture.ticks[slot].missed, 0);
}

static void test_late_wake_up_does_not_drift(void **state)
{
    struct fixture fixture;
    struct jb_schedule *schedule = schedule_start(&fixture, 0);

    (void)state;
    jb_schedule_set(schedule, 0, 100, 0);
    assert_false(jb_schedule_take(schedule, 0, 99));
    assert_true(jb_schedule_take(schedule, 0, 137));
    assert_int_equal(jb_schedule_next(schedule), 200);
    assert_false(jb_schedule_take(schedule, 0, 137));
    assert_true(jb_schedule_take(schedule, 0, 200));
    assert_int_equal(jb_schedule_next(schedule), 300);
    assert_int_equal(fixture.ticks[0].missed, 0);
}

static void test_suspend_is_counted_and_not_made_up_for(void **state)
{
    struct fixture fixture;
    struct jb_schedule *schedule = schedule_start(&fixture, 0);
    uint64_t now_ns = 5 * HOUR + 3 * MS;

    (void)state;
    jb_schedule_set(schedule, 0, 10 * MS, 0);
    jb_schedule_set(schedule, 1, SECOND, 0);
    for (size_t slot = 0; slot < 2; slot++) {
        assert_true(jb_schedule_take(schedule, slot, now_ns));
        assert_false(jb_schedule_take(schedule, slot, now_ns));
    }
    /* One of the instants that passed was read, late. */
    assert_int_equal(fixture.ticks[0].missed, 5 * 3600 * 100 - 1);
    assert_int_equal(fixture.ticks[1].missed, 5 * 3600 - 1);
    assert_int_equal(jb_schedule_next(schedule), 5 * HOUR + 10 * MS);
}

static void test_clock_that_goes_back(void **state)
{
    struct fixture fixture;
    struct jb_schedule *schedule = schedule_start(&fixture, 0);

    (void)state;
    jb_schedule_set(schedule, 0, SECOND, 9 * HOUR);
    assert_false(jb_schedule_take(schedule, 0, HOUR + MS));
    assert_int_equal(jb_schedule_next(schedule), HOUR + SECOND);
    assert_true(jb_schedule_take(schedule, 0, HOUR + SECOND));
    assert_int_equal(fixture.ticks[0].missed, 0);
}

static void test_skip(void **state)
{
    struct fixture fixture;
    struct jb_schedule *schedule = schedule_start(&fixture, 0);

    (void)state;
    jb_schedule_set(schedule, 0, 20, 0);
    jb_schedule_skip(schedule, 0, 19);
    assert_int_equal(fixture.ticks[0].missed, 0);
    jb_schedule_skip(schedule, 0, 70);
    assert_int_equal(fixture.ticks[0].missed, 3);
    assert_int_equal(jb_schedule_next(schedule), 80);
    jb_schedule_skip(schedule, 1, 70);
    assert_int_equal(fixture.ticks[1].missed, 0);
}

static void test_clear(void **state)
{
    struct fixture fixture;
    struct jb_schedule *schedule = schedule_start(&fixture, 0);

    (void)state;
    assert_true(jb_schedule_next(schedule) == NEVER);
    assert_true(jb_schedule_after(schedule, 5) == NEVER);
    jb_schedule_set(schedule, 2, 10, 0);
    jb_schedule_set(schedule, 3, 15, 0);
    assert_true(jb_schedule_take(schedule, 2, 30));
    jb_schedule_clear(schedule, 2);
    assert_false(jb_schedule_take(schedule, 2, 1000));
    assert_int_equal(fixture.ticks[2].missed, 2);
    assert_int_equal(jb_schedule_next(schedule), 15);
    assert_int_equal(jb_schedule_after(schedule, 15), 30);
    /* Back again, and what was missed before is not forgotten. */
    jb_schedule_set(schedule, 2, 10, 1000);
    assert_int_equal(fixture.ticks[2].due_ns, 1010);
    assert_int_equal(fixture.ticks[2].missed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_wake_ups_are_shared),
        cmocka_unit_test(test_late_wake_up_does_not_drift),
        cmocka_unit_test(test_suspend_is_counted_and_not_made_up_for),
        cmocka_unit_test(test_clock_that_goes_back),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
