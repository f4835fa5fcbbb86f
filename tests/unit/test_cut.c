/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdbool.h>

#include "../fixtures/core/vectors.h"
#include "core/cut.h"

#define CUT_S UINT64_C(1000000000)

enum { CUT_LABEL_MAX = 160 };

static void cut_grid_is_aligned_to_utc(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(vectors_grid); i++) {
        const struct vector_grid *row = &vectors_grid[i];
        const struct jb_clockmap map = { row->boot_ns, row->utc_ns };
        char label[CUT_LABEL_MAX];

        snprintf(label, sizeof(label),
                 "utc %" PRId64 " after %" PRIu64 " every %" PRIu64,
                 row->utc_ns, row->after_ns, row->period_ns);
        CHECK_U64(label,
                  jb_cut_next_grid_ns(&map, row->after_ns, row->period_ns),
                  row->want);
    }
}

static void cut_utc_of_instants_on_both_sides(void **state)
{
    const struct jb_clockmap map = { 100 * CUT_S, 1717750000000000123 };

    (void)state;
    assert_int_equal(jb_clockmap_utc_ns(&map, 100 * CUT_S),
                     1717750000000000123);
    assert_int_equal(jb_clockmap_utc_ns(&map, 101 * CUT_S),
                     1717750001000000123);
    assert_int_equal(jb_clockmap_utc_ns(&map, 40 * CUT_S), 1717749940000000123);
}

/* 1000 ppm of the elapsed time may be slewed; 1 ms is never a step. */
static void cut_step_is_told_from_slew(void **state)
{
    static const struct {
        const char *label;
        uint64_t elapsed_ns;
        int64_t off_ns;
        bool step;
    } cases[] = {
        { "same", 10 * CUT_S, 0, false },
        { "500 ppm", 10 * CUT_S, 5000000, false },
        { "1000 ppm", 10 * CUT_S, 10000000, false },
        { "just beyond", 10 * CUT_S, 10000001, true },
        { "backwards slew", 10 * CUT_S, -10000000, false },
        { "backwards step", 10 * CUT_S, -10000001, true },
        { "1 ms at once", 0, 1000000, false },
        { "more at once", 0, 1000001, true },
        { "an hour", CUT_S, INT64_C(3600) * 1000000000, true },
        { "an hour back", CUT_S, INT64_C(-3600) * 1000000000, true },
        { "after a day", 86400 * CUT_S, 86400000000, false },
        { "leap second in 10 s", 10 * CUT_S, -1000000000, true },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        const struct jb_clockmap before = { 7 * CUT_S, 1717750000000000000 };
        struct jb_clockmap map = before;
        uint64_t boot = before.boot_ns + cases[i].elapsed_ns;
        int64_t utc =
            before.utc_ns + (int64_t)cases[i].elapsed_ns + cases[i].off_ns;

        CHECK_BOOL(cases[i].label, jb_clockmap_update(&map, boot, utc),
                   cases[i].step);
        assert_true(map.boot_ns == boot && map.utc_ns == utc);
    }
}

/* A clock that is slewed for hours is never taken for one that stepped. */
static void cut_slew_does_not_add_up_to_a_step(void **state)
{
    struct jb_clockmap map = { 0, 0 };
    int64_t utc = 0;

    (void)state;
    for (uint64_t boot = CUT_S; boot < 7200 * CUT_S; boot += CUT_S) {
        utc += 1000500000;
        CHECK_BOOL("slew", jb_clockmap_update(&map, boot, utc), false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_grid_is_aligned_to_utc),
        cmocka_unit_test(cut_utc_of_instants_on_both_sides),
        cmocka_unit_test(cut_step_is_told_from_slew),
        cmocka_unit_test(cut_slew_does_not_add_up_to_a_step),
    };

    return cmocka_run_group_tests_name("cut", tests, NULL, NULL);
}
