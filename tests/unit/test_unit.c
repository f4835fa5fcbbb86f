/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdbool.h>

#include "../fixtures/core/vectors.h"
#include "core/unit.h"

enum { UNIT_UNTOUCHED = 4711, UNIT_LABEL_MAX = 160 };

static void unit_check_energy(const char *label, struct jb_energy got,
                              struct vector_energy want)
{
    if (got.uj != want.uj || got.frac != want.frac)
        fail_msg("%s: got %" PRId64 " + %" PRIu32 "/2^32, want %" PRId64
                 " + %" PRIu32 "/2^32",
                 label, got.uj, got.frac, want.uj, want.frac);
}

static void unit_energy_is_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(vectors_unit_energy); i++) {
        const struct vector_unit_energy *row = &vectors_unit_energy[i];
        const struct jb_unit unit = { .num = row->num, .den = row->den };
        char label[UNIT_LABEL_MAX];

        snprintf(label, sizeof(label),
                 "%" PRIu64 " counts of %" PRIu64 "/%" PRIu64, row->counts,
                 row->num, row->den);
        unit_check_energy(label, jb_unit_energy(&unit, row->counts), row->want);
    }
}

static void unit_count_inverts_the_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(vectors_unit_count); i++) {
        const struct vector_unit_count *row = &vectors_unit_count[i];
        const struct jb_unit unit = { .num = 1,
                                      .den = 1,
                                      .read_num = row->num,
                                      .read_den = row->den,
                                      .modulus = row->modulus };
        uint64_t got = UNIT_UNTOUCHED;
        char label[UNIT_LABEL_MAX];
        struct jb_error none = { 0 };

        snprintf(label, sizeof(label),
                 "%" PRIu64 " of %" PRIu64 "/%" PRIu64 " mod %" PRIu64,
                 row->reading, row->num, row->den, row->modulus);
        CHECK_STATUS(label, jb_unit_count(&unit, row->reading, &got),
                     row->status, &none);
        CHECK_U64(label, got,
                  row->status == JB_OK ? row->want : UNIT_UNTOUCHED);
    }
}

static void unit_count_refuses_a_degenerate_unit(void **state)
{
    static const struct jb_unit bad[] = {
        { .num = 1, .den = 1, .read_num = 0, .read_den = 1 },
        { .num = 1, .den = 1, .read_num = 1, .read_den = 0 },
    };
    uint64_t got = UNIT_UNTOUCHED;
    struct jb_error none = { 0 };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(bad); i++)
        CHECK_STATUS("degenerate", jb_unit_count(&bad[i], 1, &got), JB_EUSAGE,
                     &none);
    CHECK_U64("untouched", got, UNIT_UNTOUCHED);
}

static void unit_bound_rounds_up_and_saturates(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(vectors_bound); i++) {
        const struct vector_bound *row = &vectors_bound[i];
        char label[UNIT_LABEL_MAX];

        snprintf(label, sizeof(label), "%" PRIu64 " uW for %" PRIu64 " ns",
                 row->power_uw, row->span_ns);
        CHECK_U64(label, jb_energy_bound_uj(row->power_uw, row->span_ns),
                  row->want);
    }
}

/* Never below the truth, and above it by a rounding only. */
static void unit_counts_within_is_an_upper_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(vectors_within); i++) {
        const struct vector_within *row = &vectors_within[i];
        const struct jb_unit unit = { .num = row->num, .den = row->den };
        uint64_t got =
            jb_unit_counts_within(&unit, row->power_uw, row->span_ns);

        if (got < row->low || got > row->high)
            fail_msg("%" PRIu64 "/%" PRIu64 ": %" PRIu64 " uW for %" PRIu64
                     " ns: got %" PRIu64 ", want %" PRIu64 " to %" PRIu64,
                     row->num, row->den, row->power_uw, row->span_ns, got,
                     row->low, row->high);
    }
}

static void unit_between_is_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(vectors_between); i++) {
        const struct vector_between *row = &vectors_between[i];
        struct jb_energy got =
            jb_energy_between((struct jb_energy){ row->a.uj, row->a.frac },
                              (struct jb_energy){ row->b.uj, row->b.frac },
                              row->part, row->whole);
        char label[UNIT_LABEL_MAX];

        snprintf(label, sizeof(label),
                 "row %zu: %" PRId64 " to %" PRId64 " at %" PRIu64 "/%" PRIu64,
                 i, row->a.uj, row->b.uj, row->part, row->whole);
        if (got.uj != row->high.uj || got.frac != row->high.frac)
            unit_check_energy(label, got, row->low);
    }
}

static void unit_sums_carry_the_fraction(void **state)
{
    static const struct {
        struct jb_energy a, b;
        struct vector_energy sum, difference;
    } cases[] = {
        { { 0, 0 }, { 0, 0 }, { 0, 0 }, { 0, 0 } },
        { { 1, 0 }, { 0, 1 }, { 1, 1 }, { 0, UINT32_MAX } },
        { { 0, UINT32_MAX }, { 0, 1 }, { 1, 0 }, { 0, UINT32_MAX - 1 } },
        { { 0, 0 }, { 0, 1 }, { 0, 1 }, { -1, UINT32_MAX } },
        { { -5, 0 }, { 3, 0 }, { -2, 0 }, { -8, 0 } },
        { { INT64_MAX, 0 }, { 1, 0 }, { INT64_MAX, 0 }, { INT64_MAX - 1, 0 } },
        { { INT64_MIN, 0 }, { 1, 0 }, { INT64_MIN + 1, 0 }, { INT64_MIN, 0 } },
        { { INT64_MAX, UINT32_MAX },
          { INT64_MIN, 0 },
          { -1, UINT32_MAX },
          { INT64_MAX, 0 } },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        char label[UNIT_LABEL_MAX];

        snprintf(label, sizeof(label), "sum %zu", i);
        unit_check_energy(label, jb_energy_add(cases[i].a, cases[i].b),
                          cases[i].sum);
        snprintf(label, sizeof(label), "difference %zu", i);
        unit_check_energy(label, jb_energy_sub(cases[i].a, cases[i].b),
                          cases[i].difference);
    }
}

static void unit_value_has_a_sign(void **state)
{
    static const struct {
        uint16_t flags;
        uint64_t raw;
        int status;
        struct vector_energy value;
    } cases[] = {
        { 0, 45000, JB_OK, { 45000000, 0 } },
        { JB_SENSOR_SIGNED, 45000, JB_OK, { 45000000, 0 } },
        { JB_SENSOR_SIGNED, (uint64_t)-5500, JB_OK, { -5500000, 0 } },
        { JB_SENSOR_SIGNED, (uint64_t)INT64_MIN, JB_OK, { -INT64_MAX, 0 } },
        { 0, 100001, JB_EIMPLAUSIBLE, { 0, 0 } },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_sensor sensor = {
            .unit = { JB_QUANTITY_TEMPERATURE, 1000, 1, 1, 1, 100001 },
            .flags = cases[i].flags,
        };
        struct jb_energy value = { 0, 0 };
        char label[UNIT_LABEL_MAX];

        snprintf(label, sizeof(label), "value %zu", i);
        assert_int_equal(jb_sensor_value(&sensor, cases[i].raw, &value),
                         cases[i].status);
        unit_check_energy(label, value, cases[i].value);
    }
}

static void unit_joules_are_for_printing(void **state)
{
    (void)state;
    assert_float_equal(jb_energy_joules((struct jb_energy){ 1500000, 0 }), 1.5,
                       0.0);
    assert_float_equal(
        jb_energy_joules((struct jb_energy){ -1, UINT32_C(1) << 31 }), -5e-7,
        0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unit_energy_is_exact),
        cmocka_unit_test(unit_count_inverts_the_text),
        cmocka_unit_test(unit_count_refuses_a_degenerate_unit),
        cmocka_unit_test(unit_bound_rounds_up_and_saturates),
        cmocka_unit_test(unit_counts_within_is_an_upper_bound),
        cmocka_unit_test(unit_between_is_exact),
        cmocka_unit_test(unit_sums_carry_the_fraction),
        cmocka_unit_test(unit_value_has_a_sign),
        cmocka_unit_test(unit_joules_are_for_printing),
    };

    return cmocka_run_group_tests_name("unit", tests, NULL, NULL);
}
