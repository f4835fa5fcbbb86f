/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/layout.h"
#include "lab/tree.h"

static struct jb_lab_layout *layout;

static int set_up(void **state)
{
    (void)state;
    layout = calloc(1, sizeof(*layout));
    return layout ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(layout);
    return 0;
}

static int parse(const char *text, struct jb_error *err)
{
    return jb_lab_layout_parse(text, strlen(text), layout, err);
}

static void test_builtins(void **state)
{
    static const char *const names[] = { "client", "server", "full", "amd",
                                         "fast",   "xeon",   "epyc" };
    struct jb_lab_tree *tree = calloc(1, sizeof(*tree));

    (void)state;
    assert_non_null(tree);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct jb_error err = { 0 };

        if (jb_lab_layout_load(names[i], layout, &err) != JB_OK)
            fail_msg("%s: %s", names[i], err.text);
        assert_string_equal(layout->name, names[i]);
        assert_int_equal(jb_lab_tree_init(tree, layout, &err), JB_OK);
    }
    free(tree);
}

static void test_full(void **state)
{
    const struct jb_lab_zone *zone;

    (void)state;
    assert_int_equal(jb_lab_layout_load("full", layout, NULL), JB_OK);
    zone = &layout->zones[jb_lab_layout_find(layout, "intel-rapl:0:1")];
    assert_string_equal(zone->name, "dram");
    /* In the package's directory, and beside the package in psys. */
    assert_int_equal(zone->sysfs_parent,
                     jb_lab_layout_find(layout, "intel-rapl:0"));
    assert_int_equal(zone->inside, jb_lab_layout_find(layout, "intel-rapl:2"));
    assert_int_equal(zone->unit.num, 1);
    assert_int_equal(zone->unit.den, UINT64_C(15300000000));
    zone = &layout->zones[jb_lab_layout_find(layout, "intel-rapl-mmio:0")];
    assert_int_equal(zone->mirror, jb_lab_layout_find(layout, "intel-rapl:0"));
}

static void test_attributes(void **state)
{
    const struct jb_lab_zone *zone = &layout->zones[0];

    (void)state;
    assert_int_equal(
        parse("# comment\n\n layout mine \ngrid 500us\n"
              "zone path=intel-rapl:3 name=psys unit=2^-0 shown=exact start=-5"
              " modulus=2^20 mode=0444 enabled=0 wave=const:1W"
              " limit=long_term,45W,40W,976us limit=peak,-,90W,0s\n",
              NULL),
        JB_OK);
    assert_string_equal(layout->name, "mine");
    assert_int_equal(layout->grid_ns, 500000);
    assert_int_equal(zone->modulus, 1 << 20);
    assert_int_equal(zone->start, (1 << 20) - 5);
    assert_int_equal(zone->mode, 0444);
    assert_false(zone->enabled);
    assert_int_equal(zone->shown.num / zone->shown.den, 1000000);
    assert_int_equal(zone->limit_count, 2);
    assert_int_equal(zone->limits[0].max_uw, 45000000);
    assert_int_equal(zone->limits[0].window_us, 976);
    assert_false(zone->limits[1].has_max);
    assert_false(layout->meter.present);
}

struct bad_layout {
    const char *text;
    const char *message; /* that the error begins with */
};

#define GOOD "zone path=intel-rapl:0 name=package-0 wave=const:1W"
#define LINE1 "layout, line 1: "
#define LINE2 "layout, line 2: "

static const struct bad_layout bad_layouts[] = {
    { "", "layout, line 0: no zone" },
    { "zoo path=intel-rapl:0\n", LINE1 "unknown line zoo" },
    { "zone name=psys wave=const:1W\n", LINE1 "zone: path and name" },
    { "zone path=intel-rapl:0 name=psys\n", LINE1 "zone: wave or mirror" },
    { "zone path=intel-rapl name=a wave=const:1W\n", LINE1 "path:" },
    { "zone path=intel-rapl:01 name=a wave=const:1W\n", LINE1 "path:" },
    { "zone path=../x:0 name=a wave=const:1W\n", LINE1 "path:" },
    { "zone path=intel-rapl:0:0 name=a wave=const:1W\n", LINE1 "path: intel" },
    { GOOD "\n" GOOD "\n", LINE2 "path: there is" },
    { GOOD " name=b\n", LINE1 "name is given twice" },
    { GOOD " colour=red\n", LINE1 "unknown attribute colour" },
    { GOOD " mode=0400x\n", LINE1 "mode: text behind" },
    { GOOD " unit=2^-21\n", LINE1 "unit:" },
    { GOOD " unit=0nJ\n", LINE1 "unit:" },
    { GOOD " shown=exact\n", LINE1 "shown: comes after unit" },
    { GOOD " modulus=1\n", LINE1 "modulus:" },
    { GOOD " modulus=10 start=10\n", LINE1 "start: not below" },
    { GOOD " modulus=10 start=-11\n", LINE1 "start: beyond" },
    { GOOD " in=intel-rapl:9\n", LINE1 "in: no such zone" },
    { GOOD " in=intel-rapl:0\n", LINE1 "in: the zone is inside itself" },
    { GOOD "\nzone path=m:0 name=a mirror=m:0\n", LINE2 "mirror: no such" },
    { GOOD "\nzone path=m:0 name=a mirror=intel-rapl:0 start=1\n",
      LINE2 "zone: a mirror has no" },
    { GOOD "\nmeter interval=1s lag=1s\n", LINE2 "meter: interval, lag" },
    { GOOD "\nmeter interval=1s lag=32s rest=const:1W\n", LINE2 "meter: the" },
    { GOOD "\nmeter interval=0s lag=1s rest=const:1W\n", LINE2 "interval:" },
    { GOOD " limit=a,1W,1W,1s limit=a,1W,1W,1s limit=a,1W,1W,1s"
           " limit=a,1W,1W,1s\n",
      LINE1 "limit: at most three" },
    { GOOD " limit=a,1W,1W,1ns\n", LINE1 "limit: NAME" },
    { "grid 0s\n" GOOD, LINE1 "grid:" },
    { "layout a\nlayout b\n" GOOD, LINE2 "layout is given twice" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_layouts) / sizeof(bad_layouts[0]); i++) {
        const struct bad_layout *bad = &bad_layouts[i];
        struct jb_error err = { 0 };

        layout->zone_count = 99;
        if (parse(bad->text, &err) != JB_EFORMAT)
            fail_msg("accepted: %s", bad->text);
        if (strncmp(err.text, bad->message, strlen(bad->message)) != 0)
            fail_msg("%s: got '%s' want '%s'", bad->text, err.text,
                     bad->message);
        assert_int_equal(layout->zone_count, 99); /* untouched */
    }
}

static void test_too_many(void **state)
{
    char text[4096] = "";
    size_t len = 0;

    (void)state;
    for (int i = 0; i < 33; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "zone path=a:%d name=b wave=const:1W\n", i);
    assert_int_equal(parse(text, NULL), JB_EFORMAT);
    text[len - 36] = '\0'; /* the 33rd line and no more */
    *(strrchr(text, '\n') + 1) = '\0';
    assert_int_equal(parse(text, NULL), JB_OK);
    assert_int_equal(layout->zone_count, 32);
}

static void test_absent(void **state)
{
    (void)state;
    assert_int_equal(jb_lab_layout_load("/nowhere/at/all", layout, NULL),
                     JB_EABSENT);
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_builtins),   LAB_TEST(test_full),
        LAB_TEST(test_attributes), LAB_TEST(test_refusals),
        LAB_TEST(test_too_many),   LAB_TEST(test_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
