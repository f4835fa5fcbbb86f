/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdbool.h>

#include "core/domain.h"

static const struct {
    const char *name;
    struct jb_domain domain;
} domain_names[] = {
    { "platform", { JB_DOMAIN_PLATFORM, 0, JB_NO_DIE } },
    { "platform-3", { JB_DOMAIN_PLATFORM, 3, JB_NO_DIE } },
    { "psys", { JB_DOMAIN_PSYS, 0, JB_NO_DIE } },
    { "psys-1", { JB_DOMAIN_PSYS, 1, JB_NO_DIE } },
    { "package-0", { JB_DOMAIN_PACKAGE, 0, JB_NO_DIE } },
    { "package-15", { JB_DOMAIN_PACKAGE, 15, JB_NO_DIE } },
    { "package-65535-die-32767", { JB_DOMAIN_PACKAGE, UINT16_MAX, INT16_MAX } },
    { "package-0-die-1", { JB_DOMAIN_PACKAGE, 0, 1 } },
    { "core-1", { JB_DOMAIN_CORE, 1, JB_NO_DIE } },
    { "core-1-die-0", { JB_DOMAIN_CORE, 1, 0 } },
    { "uncore-0", { JB_DOMAIN_UNCORE, 0, JB_NO_DIE } },
    { "dram-2", { JB_DOMAIN_DRAM, 2, JB_NO_DIE } },
    { "gpu-7", { JB_DOMAIN_GPU, 7, JB_NO_DIE } },
};

static void domain_names_go_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(domain_names); i++) {
        const char *name = domain_names[i].name;
        char got[JB_DOMAIN_NAME_MAX];
        struct jb_domain domain = { 0 };

        CHECK_TEXT(name, jb_domain_name(&domain_names[i].domain, got), name);
        CHECK_BOOL(name, jb_domain_parse(name, &domain), true);
        CHECK_BOOL(name, jb_domain_equal(&domain, &domain_names[i].domain),
                   true);
    }
    CHECK_TEXT("none",
               jb_domain_name(&(struct jb_domain){ .die = JB_NO_DIE },
                              (char[JB_DOMAIN_NAME_MAX]){ 0 }),
               "");
    CHECK_TEXT("none, of some package",
               jb_domain_name(&(struct jb_domain){ JB_DOMAIN_NONE, 1, 0 },
                              (char[JB_DOMAIN_NAME_MAX]){ 0 }),
               "");
}

static void domain_parse_refuses_the_rest(void **state)
{
    static const char *const cases[] = {
        "",
        "-",
        "0",
        "package",
        "package-",
        "package--1",
        "package-0x1",
        "package-0 ",
        " package-0",
        "Package-0",
        "package-65536",
        "package-99999999999999999999",
        "package-0-die",
        "package-0-die-",
        "package-0-die--1",
        "package-0-die-32768",
        "package-0-die-1-die-1",
        "package-0-core",
        "core",
        "dram",
        "psys-",
        "psys-0",
        "package-00",
        "package-01",
        "package-0-die-01",
        "psys-01",
        "platform-0",
        "psysx",
        "uncore-0\n",
        "gpu",
        "none",
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_domain domain = { JB_DOMAIN_GPU, 47, 11 };

        CHECK_BOOL(cases[i], jb_domain_parse(cases[i], &domain), false);
        CHECK_BOOL("untouched",
                   domain.kind == JB_DOMAIN_GPU && domain.index == 47 &&
                       domain.die == 11,
                   true);
    }
}

static struct jb_domain domain_of(const char *name)
{
    struct jb_domain domain = { .die = JB_NO_DIE };

    if (name[0] != '\0')
        CHECK_BOOL(name, jb_domain_parse(name, &domain), true);
    return domain;
}

static void domain_containment(void **state)
{
    static const struct {
        const char *outer, *inner;
        bool want;
    } cases[] = {
        { "platform", "psys", true },
        { "platform", "package-3", true },
        { "platform", "core-0", true },
        { "platform", "dram-0", true },
        { "platform", "gpu-0", true },
        { "platform", "platform", false },
        { "platform", "platform-1", false },
        { "psys", "platform", false },
        { "psys", "package-0", true },
        { "psys", "uncore-0", true },
        { "psys", "dram-0", true },
        { "psys", "gpu-0", false }, /* cards have feeds of their own */
        { "psys", "psys-1", false },
        { "package-0", "core-0", true },
        { "package-0", "uncore-0", true },
        { "package-0", "dram-0", false },
        { "package-0", "core-1", false },
        { "package-0", "package-0", false },
        { "package-0", "package-1", false },
        { "package-0", "package-0-die-1", true },
        { "package-0", "core-0-die-1", true },
        { "package-0-die-1", "core-0-die-1", true },
        { "package-0-die-1", "core-0-die-0", false },
        { "package-0-die-1", "core-0", false },
        { "package-0-die-1", "package-0", false },
        { "package-0-die-0", "package-0-die-1", false },
        { "package-1", "package-0-die-0", false },
        { "dram-0", "dram-0-die-1", true },
        { "dram-0-die-1", "dram-0", false },
        { "dram-0", "package-0", false },
        { "core-0", "core-0-die-0", true },
        { "core-0", "uncore-0", false },
        { "core-0", "package-0", false },
        { "gpu-0", "gpu-1", false },
        { "", "package-0", false },
        { "platform", "", false },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_domain outer = domain_of(cases[i].outer);
        struct jb_domain inner = domain_of(cases[i].inner);
        char label[80];

        snprintf(label, sizeof(label), "%s > %s", cases[i].outer,
                 cases[i].inner);
        CHECK_BOOL(label, jb_domain_contains(&outer, &inner), cases[i].want);
        if (cases[i].want)
            CHECK_BOOL(label, jb_domain_contains(&inner, &outer), false);
    }
}

enum { DOMAIN_SET_MAX = 12 };

/* The parent of each member by name; "" for none. */
static const struct domain_set {
    const char *names[DOMAIN_SET_MAX];
    const char *parents[DOMAIN_SET_MAX];
} domain_sets[] = {
    /* two sockets, all there is, innermost first: order must not matter */
    { { "core-0", "core-1", "dram-1", "package-1", "package-0", "psys",
        "platform", "gpu-0", "uncore-0", "dram-0" },
      { "package-0", "package-1", "psys", "psys", "psys", "platform", "",
        "platform", "package-0", "psys" } },
    { { "platform", "psys", "package-0", "core-0" },
      { "", "platform", "psys", "package-0" } },
    { { "psys", "core-0", "gpu-0" }, { "", "psys", "" } },
    { { "platform", "core-0" }, { "", "platform" } },
    { { "core-0", "dram-0" }, { "", "" } },
    { { "package-0-die-0", "package-0-die-1", "core-0-die-1", "dram-0-die-0" },
      { "", "", "package-0-die-1", "" } },
    { { "core-0-die-0", "package-0", "package-0-die-0" },
      { "package-0-die-0", "", "package-0" } },
    { { "package-0" }, { "" } },
};

static void domain_parent_is_the_smallest_that_contains(void **state)
{
    (void)state;
    for (size_t s = 0; s < CHECK_COUNT(domain_sets); s++) {
        const struct domain_set *set = &domain_sets[s];
        struct jb_domain domains[DOMAIN_SET_MAX];
        size_t count = 0;

        for (; count < DOMAIN_SET_MAX && set->names[count]; count++)
            domains[count] = domain_of(set->names[count]);
        for (size_t of = 0; of < count; of++) {
            ptrdiff_t parent = jb_domain_parent(domains, count, of);

            CHECK_TEXT(set->names[of], parent < 0 ? "" : set->names[parent],
                       set->parents[of]);
        }
    }
}

static void domain_order_is_outermost_first(void **state)
{
    static const char *const order[] = {
        "platform",        "platform-1", "psys",     "psys-1", "package-0",
        "package-0-die-0", "core-0",     "uncore-0", "dram-0", "gpu-0",
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(order); i++)
        for (size_t k = 0; k < CHECK_COUNT(order); k++) {
            struct jb_domain a = domain_of(order[i]);
            struct jb_domain b = domain_of(order[k]);
            int got = jb_domain_compare(&a, &b);

            CHECK_BOOL(order[i],
                       i < k   ? got < 0
                       : i > k ? got > 0
                               : got == 0,
                       true);
        }
}

static void domain_facts_of_kinds(void **state)
{
    (void)state;
    for (int kind = JB_DOMAIN_NONE + 1; kind <= JB_DOMAIN_LAST; kind++)
        assert_true(jb_domain_guessed_pmax_uw((enum jb_domain_kind)kind) >=
                    UINT64_C(100000000));
    CHECK_U64("none", jb_domain_guessed_pmax_uw(JB_DOMAIN_NONE), 0);
    CHECK_BOOL("package", jb_domain_may_rest(JB_DOMAIN_PACKAGE), false);
    CHECK_BOOL("dram", jb_domain_may_rest(JB_DOMAIN_DRAM), false);
    CHECK_BOOL("psys", jb_domain_may_rest(JB_DOMAIN_PSYS), false);
    CHECK_BOOL("core", jb_domain_may_rest(JB_DOMAIN_CORE), true);
    CHECK_BOOL("uncore", jb_domain_may_rest(JB_DOMAIN_UNCORE), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domain_names_go_both_ways),
        cmocka_unit_test(domain_parse_refuses_the_rest),
        cmocka_unit_test(domain_containment),
        cmocka_unit_test(domain_parent_is_the_smallest_that_contains),
        cmocka_unit_test(domain_order_is_outermost_first),
        cmocka_unit_test(domain_facts_of_kinds),
    };

    return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
