/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "core/names.h"

static void names_of_quantities(void **state)
{
    static const struct {
        enum jb_quantity quantity;
        const char *name, *unit;
    } cases[] = {
        { JB_QUANTITY_ENERGY, "energy", "J" },
        { JB_QUANTITY_POWER, "power", "W" },
        { JB_QUANTITY_TEMPERATURE, "temperature", "degC" },
        { JB_QUANTITY_FREQUENCY, "frequency", "Hz" },
        { JB_QUANTITY_UTILIZATION, "utilization", "ratio" },
        { JB_QUANTITY_TIME, "time", "s" },
        { JB_QUANTITY_DATA, "data", "B" },
        { JB_QUANTITY_COUNT, "count", "1" },
        { JB_QUANTITY_VOLTAGE, "voltage", "V" },
        { JB_QUANTITY_CURRENT, "current", "A" },
        { JB_QUANTITY_ROTATION, "rotation", "rpm" },
    };

    (void)state;
    assert_int_equal(CHECK_COUNT(cases), JB_QUANTITY_LAST + 1);
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        CHECK_TEXT(cases[i].name, jb_quantity_name(cases[i].quantity),
                   cases[i].name);
        CHECK_TEXT(cases[i].name, jb_quantity_unit(cases[i].quantity),
                   cases[i].unit);
    }
}

static void names_of_the_rest(void **state)
{
    (void)state;
    CHECK_TEXT("provenance", jb_provenance_name(JB_MEASURED), "measured");
    CHECK_TEXT("provenance", jb_provenance_name(JB_DERIVED), "derived");
    CHECK_TEXT("provenance", jb_provenance_name(JB_ESTIMATED), "estimated");
    CHECK_TEXT("kind", jb_kind_name(JB_KIND_COUNTER), "counter");
    CHECK_TEXT("kind", jb_kind_name(JB_KIND_SAMPLED), "sampled");
    CHECK_TEXT("kind", jb_kind_name(JB_KIND_WINDOW_MEAN), "window-mean");
    CHECK_TEXT("kind", jb_kind_name(JB_KIND_DELTA), "delta");
    CHECK_TEXT("bound", jb_bound_origin_name(JB_BOUND_DECLARED), "declared");
    CHECK_TEXT("bound", jb_bound_origin_name(JB_BOUND_TDP), "tdp");
    CHECK_TEXT("bound", jb_bound_origin_name(JB_BOUND_GUESSED), "guessed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_quantities),
        cmocka_unit_test(names_of_the_rest),
    };

    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
