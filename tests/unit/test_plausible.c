/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "core/plausible.h"

static void plausible_knows_all_ones(void **state)
{
    static const struct {
        const char *label;
        uint64_t count;
        bool ones;
    } cases[] = {
        { "32 bits", 0xffffffff, true },
        { "one less", 0xfffffffe, false },
        { "31 bits", 0x7fffffff, true },
        { "as mW in uW: kepler#1049", UINT64_C(4294967295000), true },
        { "31 bits, scaled", UINT64_C(2147483647000), true },
        { "64 bits", UINT64_MAX, true },
        { "63 bits", INT64_MAX, true },
        { "nothing", 0, false },
        { "minus one, as an offset", UINT64_MAX - 1, false },
        { "16 bits, which counters pass through", 0xffff, false },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        CHECK_BOOL(cases[i].label, jb_plausible_is_ones(cases[i].count),
                   cases[i].ones);
}

static void plausible_bounds_quantities(void **state)
{
    static const struct {
        const char *label;
        enum jb_quantity quantity;
        double value;
        bool can_be;
    } cases[] = {
        { "absolute zero", JB_QUANTITY_TEMPERATURE, -273.15, false },
        { "below it", JB_QUANTITY_TEMPERATURE, -274, false },
        { "eight bits", JB_QUANTITY_TEMPERATURE, -128, false },
        { "all of them", JB_QUANTITY_TEMPERATURE, 255.5, false },
        { "65535 K", JB_QUANTITY_TEMPERATURE, 65261.85, false },
        { "a cold morning", JB_QUANTITY_TEMPERATURE, -44, true },
        { "a hot junction", JB_QUANTITY_TEMPERATURE, 125, true },
        { "32 bits of mW", JB_QUANTITY_POWER, 4294967.295, false },
        { "kepler#1851: 300 kW", JB_QUANTITY_POWER, 300000, false },
        { "a large node", JB_QUANTITY_POWER, 20000, true },
        { "below 0 W", JB_QUANTITY_POWER, -1, false },
        { "32 bits of mV", JB_QUANTITY_VOLTAGE, 4294967.295, false },
        { "-12 V", JB_QUANTITY_VOLTAGE, -12, true },
        { "mains", JB_QUANTITY_VOLTAGE, 277, true },
        { "a rack's", JB_QUANTITY_VOLTAGE, 800, true },
        { "32 bits of mA", JB_QUANTITY_CURRENT, 4294967.295, false },
        { "a core rail", JB_QUANTITY_CURRENT, 1000, true },
        { "charging", JB_QUANTITY_CURRENT, -3, true },
        { "16 bits", JB_QUANTITY_ROTATION, 65535, false },
        { "a fast fan", JB_QUANTITY_ROTATION, 36000, true },
        { "a still fan", JB_QUANTITY_ROTATION, 0, true },
        { "5 GHz", JB_QUANTITY_FREQUENCY, 5e9, true },
        { "2^62 Hz", JB_QUANTITY_FREQUENCY, 4.6e12, false },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_range range = jb_plausible_range(cases[i].quantity);
        int64_t micro = (int64_t)(cases[i].value * 1e6);

        CHECK_BOOL(cases[i].label,
                   micro >= range.lowest && micro <= range.highest,
                   cases[i].can_be);
    }
    for (int q = 0; q <= JB_QUANTITY_LAST; q++) {
        struct jb_range range = jb_plausible_range((enum jb_quantity)q);

        assert_true(range.lowest <= 0 && range.highest > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plausible_knows_all_ones),
        cmocka_unit_test(plausible_bounds_quantities),
    };

    return cmocka_run_group_tests_name("plausible", tests, NULL, NULL);
}
