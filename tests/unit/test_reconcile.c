/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "ledger/reconcile.h"

enum { PARTS_MAX = 6 };

static struct jb_reconcile_part reconcile_part(enum jb_domain_kind kind,
                                               uint16_t index, int64_t uj)
{
    return (struct jb_reconcile_part){
        .domain = { kind, index, JB_NO_DIE },
        .point = { .energy.uj = uj },
        .known = true,
    };
}

static void reconcile_takes_each_joule_once(void **state)
{
    struct jb_reconcile_part whole =
        reconcile_part(JB_DOMAIN_PLATFORM, 0, 1000);
    struct {
        const char *what;
        size_t count;
        struct jb_reconcile_part parts[PARTS_MAX];
        int64_t rest;
    } cases[] = {
        { "two packages and their memory",
          4,
          { reconcile_part(JB_DOMAIN_PACKAGE, 0, 300),
            reconcile_part(JB_DOMAIN_PACKAGE, 1, 200),
            reconcile_part(JB_DOMAIN_DRAM, 0, 50),
            reconcile_part(JB_DOMAIN_DRAM, 1, 60) },
          390 },
        { "cores are inside the package",
          2,
          { reconcile_part(JB_DOMAIN_CORE, 0, 250),
            reconcile_part(JB_DOMAIN_PACKAGE, 0, 300) },
          700 },
        { "all but the GPU is inside the board",
          5,
          { reconcile_part(JB_DOMAIN_PSYS, 0, 600),
            reconcile_part(JB_DOMAIN_PACKAGE, 0, 300),
            reconcile_part(JB_DOMAIN_DRAM, 0, 50),
            reconcile_part(JB_DOMAIN_GPU, 0, 150),
            reconcile_part(JB_DOMAIN_PLATFORM, 0, 1000) },
          250 },
        { "meters that disagree",
          1,
          { reconcile_part(JB_DOMAIN_PACKAGE, 0, 1100) },
          -100 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_book_point rest;

        assert_true(
            jb_reconcile_rest(&whole, cases[i].parts, cases[i].count, &rest));
        CHECK_U64(cases[i].what, (uint64_t)rest.energy.uj,
                  (uint64_t)cases[i].rest);
    }
}

static void reconcile_says_when_it_cannot(void **state)
{
    struct jb_reconcile_part whole = reconcile_part(JB_DOMAIN_PSYS, 0, 1000);
    struct jb_reconcile_part parts[] = {
        reconcile_part(JB_DOMAIN_PACKAGE, 0, 300),
        reconcile_part(JB_DOMAIN_GPU, 0, 300), /* no part of the board */
    };
    struct jb_book_point rest = { .energy.uj = 7 };

    (void)state;
    assert_false(jb_reconcile_rest(&whole, &parts[1], 1, &rest));
    assert_false(jb_reconcile_rest(&whole, parts, 0, &rest));
    parts[0].known = false;
    assert_false(jb_reconcile_rest(&whole, parts, 2, &rest));
    parts[0].known = true;
    parts[1].known = false; /* not needed */
    assert_true(jb_reconcile_rest(&whole, parts, 2, &rest));
    whole.known = false;
    rest.energy.uj = 7;
    assert_false(jb_reconcile_rest(&whole, parts, 2, &rest));
    assert_int_equal(rest.energy.uj, 7);
}

static void reconcile_doubts_turn_round(void **state)
{
    struct jb_reconcile_part whole =
        reconcile_part(JB_DOMAIN_PLATFORM, 0, 1000);
    struct jb_reconcile_part part = reconcile_part(JB_DOMAIN_PACKAGE, 0, 300);
    struct jb_book_point rest;

    (void)state;
    whole.point.edge_uj = 5;
    whole.point.gap_uj = 9;
    part.point.edge_uj = 2;
    part.point.gap_uj = 30;
    part.point.below_uj = 4;
    part.point.above_uj = 8;
    part.point.variance_uj2 = 3.0;
    assert_true(jb_reconcile_rest(&whole, &part, 1, &rest));
    assert_int_equal(rest.edge_uj, 7);
    assert_int_equal(rest.gap_uj, 9);
    assert_int_equal(rest.below_uj, 38);
    assert_int_equal(rest.above_uj, 4);
    CHECK_REAL("variance", rest.variance_uj2, 3.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reconcile_takes_each_joule_once),
        cmocka_unit_test(reconcile_says_when_it_cannot),
        cmocka_unit_test(reconcile_doubts_turn_round),
    };

    return cmocka_run_group_tests_name("reconcile", tests, NULL, NULL);
}
