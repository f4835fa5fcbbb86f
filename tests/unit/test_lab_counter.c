/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, and the world that they are in, at instants given by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/world.h"

static const uint64_t MS = 1000000;

static struct jb_lab_layout *layout;
static struct jb_lab_world *world;

/* 1 W is 16.384 counts per ms at 2^-14 J, 1 fJ at 1 uW over 1 ns. */
static const char test_layout[] =
    "zone path=intel-rapl:0 name=package-0 in=intel-rapl:1 wave=const:1W\n"
    "zone path=intel-rapl:0:0 name=core in=intel-rapl:0 unit=15300nJ"
    " wave=const:2W\n"
    "zone path=intel-rapl:1 name=psys modulus=100 start=-1 wave=const:4W\n"
    "zone path=intel-rapl-mmio:0 name=package-0 mirror=intel-rapl:0\n"
    "meter interval=10ms lag=25ms rest=const:8W\n";

static int set_up(void **state)
{
    (void)state;
    layout = calloc(1, sizeof(*layout));
    world = calloc(1, sizeof(*world));
    if (!layout || !world ||
        jb_lab_layout_parse(test_layout, strlen(test_layout), layout, NULL) < 0)
        return -1;
    jb_lab_world_init(world, layout, 1000 * MS, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(layout);
    free(world);
    return 0;
}

static int64_t unwrapped(unsigned zone, uint64_t at_ns)
{
    return (int64_t)jb_lab_world_read(world, zone, at_ns).unwrapped;
}

static void test_rendering(void **state)
{
    const struct jb_lab_unit truncated = { 61035, 1000 };
    const struct jb_lab_unit exact = { 1000000000, 16384000 };
    const struct jb_lab_unit dram = { 15300, 1000 };

    (void)state;
    /* As read on real machines. */
    assert_int_equal(jb_lab_counter_uj(UINT32_MAX, &truncated), 262143328850);
    assert_int_equal(jb_lab_counter_uj(UINT32_MAX, &exact), 262143999938);
    assert_int_equal(jb_lab_counter_uj(UINT32_MAX, &dram), 65712999613);
    assert_int_equal(jb_lab_counter_uj(1, &truncated), 61);
    assert_int_equal(jb_lab_counter_uj(0, &exact), 0);
}

static void test_containment(void **state)
{
    (void)state;
    /* 1000 ms: core 2 J, package 1 + 2 J, psys 4 + 3 J, node 8 + 7 J. */
    assert_int_equal(
        (int64_t)(jb_lab_world_energy_fj(world, 1, 2000 * MS) / 1000000000000),
        2000);
    assert_int_equal(
        (int64_t)(jb_lab_world_energy_fj(world, 0, 2000 * MS) / 1000000000000),
        3000);
    assert_int_equal(
        (int64_t)(jb_lab_world_energy_fj(world, 2, 2000 * MS) / 1000000000000),
        7000);
    assert_int_equal(
        (int64_t)(jb_lab_world_node_fj(world, 2000 * MS) / 1000000000000),
        15000);
    assert_int_equal(unwrapped(0, 2000 * MS), 49152);
    assert_int_equal(unwrapped(1, 2000 * MS), 130718); /* 2 J / 15.3 uJ */
    assert_int_equal(unwrapped(3, 2000 * MS), 49152);  /* the mirror */
}

static void test_grid(void **state)
{
    (void)state;
    assert_int_equal(unwrapped(0, 1000 * MS), 0);
    assert_int_equal(unwrapped(0, 1001 * MS - 1), 0);
    assert_int_equal(unwrapped(0, 1001 * MS), 49); /* 49.152 */
    assert_int_equal(unwrapped(0, 1002 * MS - 1), 49);
    assert_int_equal(unwrapped(0, 1002 * MS), 98);
    assert_int_equal(unwrapped(0, 5), 0); /* before the start */
}

static void test_wrap(void **state)
{
    struct jb_lab_reading reading;

    (void)state;
    reading = jb_lab_world_read(world, 2, 1000 * MS);
    assert_int_equal(reading.count, 99);
    reading = jb_lab_world_read(world, 2, 1001 * MS); /* + 114.688 */
    assert_int_equal((int64_t)reading.unwrapped, 213);
    assert_int_equal(reading.count, 13);
    assert_int_equal(reading.energy_uj, 793); /* 13 x 61.035 */
}

static void test_wave_change(void **state)
{
    struct jb_lab_wave wave = { .part_count = 1,
                                .parts = { { .kind = JB_LAB_CONST } } };

    (void)state;
    /* Asked for in mid-cell: holds from the cell's beginning, and what was
     * served in that cell stays true. */
    assert_int_equal(unwrapped(0, 1010 * MS + 700000), 491);
    assert_int_equal(jb_lab_world_wave(world, 1, &wave, 1010 * MS + 700000),
                     1010 * MS);
    assert_int_equal(unwrapped(0, 1010 * MS + 900000), 491);
    assert_int_equal(unwrapped(0, 1020 * MS), 655); /* 30 mJ + 10 mJ */
    assert_int_equal(unwrapped(1, 1020 * MS), unwrapped(1, 1010 * MS));
}

static void test_hold_and_stop(void **state)
{
    (void)state;
    jb_lab_world_hold(world, 0, 1010 * MS);
    assert_int_equal(unwrapped(0, 1020 * MS), 491);
    assert_int_equal(unwrapped(3, 1020 * MS), 983); /* the mirror goes on */
    jb_lab_world_thaw(world, 0, 1020 * MS);
    assert_int_equal(unwrapped(0, 1020 * MS), 983);

    jb_lab_world_stop(world, 0, 1030 * MS);
    assert_int_equal(unwrapped(0, 1040 * MS), 1474);
    assert_int_equal(unwrapped(3, 1040 * MS), 1474);
    jb_lab_world_thaw(world, 3, 1040 * MS);
    assert_int_equal(unwrapped(0, 1050 * MS), 1474 + 491);
}

static void test_reset_and_jump(void **state)
{
    (void)state;
    jb_lab_world_reset(world, 0, 1010 * MS);
    assert_int_equal(unwrapped(0, 1010 * MS), 0);
    assert_int_equal(unwrapped(0, 1020 * MS), 491);
    jb_lab_world_jump(world, 0, -500, 1020 * MS);
    assert_int_equal(unwrapped(0, 1020 * MS), -9);
    assert_int_equal(jb_lab_world_read(world, 0, 1020 * MS).count,
                     UINT32_MAX - 8);
}

static void test_plug(void **state)
{
    (void)state;
    assert_true(jb_lab_world_is_plugged(world, 1));
    jb_lab_world_plug(world, 0, false, 1010 * MS);
    assert_false(jb_lab_world_is_plugged(world, 0));
    assert_false(jb_lab_world_is_plugged(world, 1)); /* in its directory */
    assert_true(jb_lab_world_is_plugged(world, 2));
    assert_true(jb_lab_world_is_plugged(world, -1));
    jb_lab_world_plug(world, 0, true, 1020 * MS);
    assert_true(jb_lab_world_is_plugged(world, 1));
}

static void test_meter(void **state)
{
    struct jb_lab_wave wave = { .part_count = 1,
                                .parts = { { .lo_uw = 100000000 } } };
    uint64_t power_uw = 0;

    (void)state;
    assert_false(jb_lab_world_power_uw(world, 1035 * MS - 1, &power_uw));
    assert_true(jb_lab_world_power_uw(world, 1035 * MS, &power_uw));
    assert_int_equal(power_uw, 15000000);
    /* 5 ms at 15 W, 5 ms at 107 W: the interval from 1040 to 1050 ms, seen
     * from 1075 ms on. */
    jb_lab_world_rest(world, &wave, 1045 * MS);
    assert_true(jb_lab_world_power_uw(world, 1075 * MS - 1, &power_uw));
    assert_int_equal(power_uw, 15000000);
    assert_true(jb_lab_world_power_uw(world, 1075 * MS, &power_uw));
    assert_int_equal(power_uw, 61000000);
    /* After a long time without a reader the ring has been skipped over. */
    assert_true(jb_lab_world_power_uw(world, 900000 * MS, &power_uw));
    assert_int_equal(power_uw, 107000000);
}

static void test_seed(void **state)
{
    struct jb_lab_world *other = calloc(1, sizeof(*other));

    (void)state;
    jb_lab_world_init(world, layout, 1000 * MS, 7);
    jb_lab_world_init(other, layout, 1000 * MS, 7);
    assert_int_not_equal(unwrapped(0, 1000 * MS), 0);
    assert_int_equal(unwrapped(0, 1000 * MS), unwrapped(3, 1000 * MS));
    assert_int_equal(unwrapped(2, 1000 * MS), 99); /* the layout says so */
    assert_int_equal(unwrapped(0, 1000 * MS),
                     (int64_t)other->counters[0].origin_count);
    free(other);
}

#define LAB_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_rendering),      LAB_TEST(test_containment),
        LAB_TEST(test_grid),           LAB_TEST(test_wrap),
        LAB_TEST(test_wave_change),    LAB_TEST(test_hold_and_stop),
        LAB_TEST(test_reset_and_jump), LAB_TEST(test_plug),
        LAB_TEST(test_meter),          LAB_TEST(test_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
