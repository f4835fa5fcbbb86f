/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/nearest.h"

static const char *nearest_of(const char *wanted, const char *const *known)
{
    struct jb_nearest nearest = { .wanted = wanted };

    for (; *known; known++)
        jb_nearest_offer(&nearest, *known);
    return nearest.name ? nearest.name : "none";
}

static void nearest_names_what_was_meant(void **state)
{
    static const char *const known[] = { "list", "stat",     "record",
                                         "lab",  "interval", NULL };
    static const struct {
        const char *wanted, *want;
    } cases[] = {
        { "lst", "list" },
        { "lba", "lab" },
        { "stats", "stat" },
        { "rceord", "record" },
        { "intervall", "interval" },
        { "intrvls", "interval" },
        { "interaaaal", "interval" },
        { "interaaaaal", "none" }, /* four edits */
        { "ab", "lab" },
        { "x", "none" },
        { "", "none" },
        { "xyz", "none" }, /* more than half of it would change */
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        CHECK_TEXT(cases[i].wanted, nearest_of(cases[i].wanted, known),
                   cases[i].want);
}

static void nearest_takes_the_first_of_equals(void **state)
{
    static const char *const known[] = { "cat", "bat", "hat", NULL };

    (void)state;
    CHECK_TEXT("equals", nearest_of("rat", known), "cat");
    CHECK_TEXT("itself", nearest_of("hat", known), "hat");
}

/* Whoever types that much meant nothing that we know. */
static void nearest_has_a_ceiling(void **state)
{
    char wanted[200];
    const char *known[] = { "list", wanted, NULL };

    (void)state;
    memset(wanted, 'l', sizeof(wanted) - 1);
    wanted[sizeof(wanted) - 1] = '\0';
    CHECK_TEXT("long", nearest_of(wanted, known), "none");
    wanted[64] = '\0';
    CHECK_TEXT("as long as may be", nearest_of(wanted, known), wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_names_what_was_meant),
        cmocka_unit_test(nearest_takes_the_first_of_equals),
        cmocka_unit_test(nearest_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
