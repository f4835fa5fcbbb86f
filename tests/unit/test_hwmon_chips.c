/* SPDX-License-Identifier: Apache-2.0 */
/* The tables and texts of hwmon, without files. */
#include "check.h"

#include "core/domain.h"
#include "sources/hwmon/chips.h"

static void chips_know_readings_by_their_names(void **state)
{
    static const struct {
        const char *file;
        bool reading;
        enum jb_hwmon_kind kind;
        unsigned number;
        enum jb_hwmon_item item;
        const char *name;
    } cases[] = {
        { "temp1_input", true, JB_HWMON_TEMP, 1, JB_HWMON_INPUT, "temp1" },
        { "in0_input", true, JB_HWMON_IN, 0, JB_HWMON_INPUT, "in0" },
        { "in1_average", true, JB_HWMON_IN, 1, JB_HWMON_AVERAGE,
          "in1_average" },
        { "curr16_input", true, JB_HWMON_CURR, 16, JB_HWMON_INPUT, "curr16" },
        { "power1_average", true, JB_HWMON_POWER, 1, JB_HWMON_AVERAGE,
          "power1_average" },
        { "energy130_input", true, JB_HWMON_ENERGY, 130, JB_HWMON_INPUT,
          "energy130" },
        { "fan2_input", true, JB_HWMON_FAN, 2, JB_HWMON_INPUT, "fan2" },
        { "freq1_input", true, JB_HWMON_FREQ, 1, JB_HWMON_INPUT, "freq1" },
        { "temp9999_input", true, JB_HWMON_TEMP, 9999, JB_HWMON_INPUT,
          "temp9999" },
        { .file = "temp10000_input" },
        { .file = "temp01_input" },
        { .file = "temp_input" },
        { .file = "temp1" },
        { .file = "temp1_label" },
        { .file = "temp1_crit" },
        { .file = "temp1_crit_alarm" },
        { .file = "temp1_max_input" },
        { .file = "temp1_input_highest" },
        { .file = "power1_average_interval" },
        { .file = "power1_average_max" },
        { .file = "power1_cap" },
        { .file = "bogus1_input" },
        { .file = "pwm1" },
        { .file = "intrusion0_alarm" },
        { .file = "humidity1_input" },
        { .file = "Temp1_input" },
        { .file = "input" },
        { .file = "" },
        { .file = "temp-1_input" },
        { .file = "temp18446744073709551617_input" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_hwmon_channel got = { .number = 4711 };
        char name[JB_HWMON_WORD_MAX];

        CHECK_BOOL(cases[i].file, jb_hwmon_channel_parse(cases[i].file, &got),
                   cases[i].reading);
        CHECK_U64(cases[i].file, got.number,
                  cases[i].reading ? cases[i].number : 4711);
        if (!cases[i].reading)
            continue;
        CHECK_U64(cases[i].file, got.kind, cases[i].kind);
        CHECK_U64(cases[i].file, got.item, cases[i].item);
        CHECK_TEXT(cases[i].file, jb_hwmon_channel_name(&got, name),
                   cases[i].name);
    }
}

static void chips_number_by_labels(void **state)
{
    static const struct {
        const char *label, *stem;
        int want;
    } cases[] = {
        { "Package id 0", "Package id ", 0 },
        { "Package id 65535", "Package id ", 65535 },
        { "Package id 65536", "Package id ", -1 },
        { "Package id ", "Package id ", -1 },
        { "Package id 1 ", "Package id ", -1 },
        { "Package id -1", "Package id ", -1 },
        { "Package id 01", "Package id ", -1 },
        { "Package", "Package id ", -1 },
        { "Core 0", "Package id ", -1 },
        { "Esocket3", "Esocket", 3 },
        { "", "Esocket", -1 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        uint16_t number = 4711;

        CHECK_BOOL(
            cases[i].label,
            jb_hwmon_label_number(cases[i].label, cases[i].stem, &number),
            cases[i].want >= 0);
        CHECK_U64(cases[i].label, number,
                  cases[i].want >= 0 ? (uint64_t)cases[i].want : 4711);
    }
}

static void chips_read_accuracies(void **state)
{
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        { "95.0%", 950000 }, { "100.0%", 1000000 },
        { "0.0%", 0 },       { "99.9%", 999000 },
        { "98%", 980000 },   { "100.1%", -1 },
        { "-5%", -1 },       { "95", -1 },
        { "%", -1 },         { "", -1 },
        { "95%%", -1 },      { "95.0% ", -1 },
        { "1e1%", 100000 },  { "nan%", -1 },
        { "0x5f%", -1 },     { "99999999999999999999%", -1 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        uint32_t ppm = 4711;

        CHECK_BOOL(cases[i].text, jb_hwmon_percent(cases[i].text, &ppm),
                   cases[i].want >= 0);
        CHECK_U64(cases[i].text, ppm,
                  cases[i].want >= 0 ? (uint64_t)cases[i].want : 4711);
    }
}

/* What a model says when it has nothing to say: each is refused, and its
 * neighbour that can be true is not. */
static void chips_limit_what_can_be(void **state)
{
    static const struct {
        const char *chip;
        enum jb_hwmon_kind kind;
        int64_t count;
        bool can_be;
    } cases[] = {
        { "coretemp", JB_HWMON_TEMP, 100000, true },
        { "coretemp", JB_HWMON_TEMP, -274000, false },
        { "coretemp", JB_HWMON_TEMP, -128000, false },
        { "coretemp", JB_HWMON_TEMP, 255500, false },
        { "nvme", JB_HWMON_TEMP, -273150, false },
        { "nvme", JB_HWMON_TEMP, 65261850, false },
        { "nvme", JB_HWMON_TEMP, 84850, true },
        { "nct6779", JB_HWMON_TEMP, 127000, false },
        { "nct6779", JB_HWMON_TEMP, 127500, false },
        { "nct6779", JB_HWMON_TEMP, -62000, false },
        { "nct6779", JB_HWMON_TEMP, 126000, true },
        { "it8728", JB_HWMON_TEMP, -55000, false },
        { "it8728", JB_HWMON_TEMP, -128000, false },
        { "amdgpu", JB_HWMON_TEMP, 127000, true }, /* a hot memory */
        { "power_meter", JB_HWMON_POWER, INT64_C(4294967295000), false },
        { "power_meter", JB_HWMON_POWER, INT64_C(750000000), true },
        { "power_meter", JB_HWMON_POWER, -1, false },
        { "ina3221", JB_HWMON_IN, INT64_C(4294967295), false },
        { "ina3221", JB_HWMON_IN, -150, true },
        { "any", JB_HWMON_FAN, 65535, false },
        { "any", JB_HWMON_FAN, 0, true },
        { "amd_energy", JB_HWMON_ENERGY, INT64_MAX, true },
        { "amd_energy", JB_HWMON_ENERGY, -1, false },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        int64_t lowest;
        int64_t highest;
        const char *why = NULL;

        jb_hwmon_limits(cases[i].chip, cases[i].kind, &lowest, &highest, &why);
        CHECK_BOOL(cases[i].chip,
                   cases[i].count >= lowest && cases[i].count <= highest,
                   cases[i].can_be);
        assert_non_null(why);
    }
}

static void chips_match_patterns(void **state)
{
    (void)state;
    assert_true(jb_hwmon_matches("xe", "xe"));
    assert_false(jb_hwmon_matches("xe", "xena"));
    assert_false(jb_hwmon_matches("xe", "x"));
    assert_true(jb_hwmon_matches("i915*", "i915_gt0"));
    assert_true(jb_hwmon_matches("i915*", "i915"));
    assert_false(jb_hwmon_matches("i915*", "i91"));
    assert_true(jb_hwmon_chip_row("power_meter")->flags & JB_HWMON_CHIP_BLOCKS);
    CHECK_U64("unknown", jb_hwmon_chip_row("nobody's")->flags, 0);
    CHECK_U64("no name", jb_hwmon_chip_row("")->flags, 0);
}

/* What every row must be, whoever adds one. */
static void chips_have_honest_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < jb_hwmon_rule_count; i++) {
        const struct jb_hwmon_rule *rule = &jb_hwmon_rules[i];
        const struct jb_hwmon_scale *scale = &jb_hwmon_scales[rule->kind];
        bool account = scale->quantity == JB_QUANTITY_ENERGY ||
                       scale->quantity == JB_QUANTITY_POWER;

        assert_true(rule->chip && rule->chip[0]);
        if (rule->place == JB_HWMON_PLACE_LABEL ||
            rule->place == JB_HWMON_PLACE_NODE)
            assert_non_null(rule->label);
        if (!account) {
            CHECK_U64(rule->chip, (uint64_t)rule->rank, 0);
            CHECK_U64(rule->chip, rule->quantum, 0);
        }
        if (rule->domain == JB_DOMAIN_PACKAGE && account)
            assert_true(rule->rank < 0); /* RAPL's own counters are better */
        if (rule->place == JB_HWMON_PLACE_GPU)
            assert_int_equal(rule->domain, JB_DOMAIN_GPU);
        assert_true(rule->lag_unc_ns >= rule->lag_ns || rule->lag_ns == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chips_know_readings_by_their_names),
        cmocka_unit_test(chips_number_by_labels),
        cmocka_unit_test(chips_read_accuracies),
        cmocka_unit_test(chips_limit_what_can_be),
        cmocka_unit_test(chips_match_patterns),
        cmocka_unit_test(chips_have_honest_rows),
    };

    return cmocka_run_group_tests_name("hwmon_chips", tests, NULL, NULL);
}
