/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdbool.h>

#include "core/curve.h"

#define CURVE_S UINT64_C(1000000000)
#define CURVE_MS UINT64_C(1000000)

enum { CURVE_LABEL_MAX = 160 };

static struct jb_knot curve_knot_at(uint64_t t_ns, int64_t uj)
{
    return (struct jb_knot){ .t_ns = t_ns, .energy.uj = uj, .seen_ns = t_ns };
}

static void curve_must_put(struct jb_curve *curve, uint64_t t_ns, int64_t uj)
{
    struct jb_knot knot = curve_knot_at(t_ns, uj);
    struct jb_error none = { 0 };

    CHECK_STATUS("put", jb_curve_put(curve, &knot), JB_OK, &none);
}

static void curve_must_init(struct jb_curve *curve, size_t capacity)
{
    struct jb_error err = { 0 };

    CHECK_STATUS("init", jb_curve_init(curve, capacity, &err), JB_OK, &err);
}

/* The knots' instants, oldest first, as text. */
static const char *curve_times(const struct jb_curve *curve, char out[200])
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < curve->length; i++)
        used += (size_t)snprintf(out + used, 200 - used, "%s%" PRIu64,
                                 i ? " " : "", jb_curve_knot(curve, i)->t_ns);
    return out;
}

static void curve_init_needs_room_for_two(void **state)
{
    struct jb_curve curve;
    struct jb_error err = { 0 };

    (void)state;
    CHECK_STATUS("0", jb_curve_init(&curve, 0, &err), JB_EUSAGE, &err);
    CHECK_STATUS("1", jb_curve_init(&curve, 1, &err), JB_EUSAGE, &err);
    curve_must_init(&curve, 2);
    assert_null(jb_curve_newest(&curve));
    jb_curve_release(&curve);
    jb_curve_release(&curve);
}

static void curve_puts_each_knot_in_its_place(void **state)
{
    static const struct {
        const char *label;
        size_t capacity;
        uint64_t put[8]; /* ends with 0 */
        int last_status;
        const char *want;
    } cases[] = {
        { "in order", 8, { 1, 2, 3 }, JB_OK, "1 2 3" },
        { "backwards", 8, { 3, 2, 1 }, JB_OK, "1 2 3" },
        { "between", 8, { 10, 30, 20 }, JB_OK, "10 20 30" },
        { "replaced", 8, { 10, 20, 30, 20 }, JB_OK, "10 20 30" },
        { "full: oldest forgotten", 3, { 1, 2, 3, 4, 5 }, JB_OK, "3 4 5" },
        { "full: late one inserted", 3, { 10, 20, 30, 25 }, JB_OK, "20 25 30" },
        { "full: late one becomes the oldest",
          3,
          { 10, 20, 30, 15 },
          JB_OK,
          "15 20 30" },
        { "full: replaced", 3, { 10, 20, 30, 10 }, JB_OK, "10 20 30" },
        { "full: too old", 3, { 10, 20, 30, 5 }, JB_ELIMIT, "10 20 30" },
        { "full after a wrap of the ring: too old",
          3,
          { 10, 20, 30, 40, 15 },
          JB_ELIMIT,
          "20 30 40" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_curve curve;
        struct jb_error none = { 0 };
        char text[200];

        curve_must_init(&curve, cases[i].capacity);
        for (size_t k = 0; cases[i].put[k]; k++) {
            struct jb_knot knot = curve_knot_at(cases[i].put[k], (int64_t)k);
            int rc = jb_curve_put(&curve, &knot);

            CHECK_STATUS(cases[i].label, rc,
                         cases[i].put[k + 1] ? JB_OK : cases[i].last_status,
                         &none);
        }
        CHECK_TEXT(cases[i].label, curve_times(&curve, text), cases[i].want);
        jb_curve_release(&curve);
    }
}

static void curve_rank_counts_what_lies_before(void **state)
{
    static const struct {
        uint64_t t_ns;
        size_t want;
    } cases[] = { { 0, 0 },  { 9, 0 },  { 10, 1 }, { 11, 1 },
                  { 20, 2 }, { 39, 3 }, { 40, 4 }, { UINT64_MAX, 4 } };
    struct jb_curve curve;

    (void)state;
    curve_must_init(&curve, 4);
    CHECK_U64("empty", jb_curve_rank(&curve, 5), 0);
    for (uint64_t t = 0; t <= 40; t += 10) /* 0 falls out of the ring */
        curve_must_put(&curve, t, 0);
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        CHECK_U64("rank", jb_curve_rank(&curve, cases[i].t_ns), cases[i].want);
    jb_curve_release(&curve);
}

static void curve_watermark_never_moves_back(void **state)
{
    struct jb_curve curve;

    (void)state;
    curve_must_init(&curve, 8);
    jb_curve_set_watermark(&curve, 30);
    jb_curve_set_watermark(&curve, 20);
    CHECK_U64("watermark", curve.watermark_ns, 30);
    jb_curve_release(&curve);
}

/*
 * A new knot bends the curve from the knot before it on, so that is where it
 * must lie at or after the watermark for the promise to hold.  Knots at 10, 20
 * and 30.
 */
static void curve_revision_follows_what_was_promised(void **state)
{
    static const struct {
        const char *label;
        uint64_t watermark, put;
        uint64_t want;
    } cases[] = {
        { "append", 30, 40, 0 },
        { "append behind a watermark in the future", 35, 40, 0 },
        { "append before it", 50, 40, 1 },
        { "insert after it, in a later segment", 20, 25, 0 },
        { "insert after it, in its own segment", 22, 25, 1 },
        { "insert before it", 30, 25, 1 },
        { "replace the newest after it", 20, 30, 0 },
        { "replace the newest, segment promised", 25, 30, 1 },
        { "replace before it", 30, 20, 1 },
        { "before the oldest", 5, 6, 0 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_curve curve;

        curve_must_init(&curve, 8);
        for (uint64_t t = 10; t <= 30; t += 10)
            curve_must_put(&curve, t, (int64_t)t);
        jb_curve_set_watermark(&curve, cases[i].watermark);
        curve_must_put(&curve, cases[i].put, 25);
        CHECK_U64(cases[i].label, curve.revision, cases[i].want);
        jb_curve_release(&curve);
    }
}

static void curve_at_reads_knots_and_between(void **state)
{
    static const struct {
        uint64_t t_ns;
        int status;
        int64_t uj;
        uint32_t frac;
        uint64_t seen_ns, gap_uj;
        double variance;
        uint64_t edge_ns;
    } cases[] = {
        { 9, JB_EABSENT, 0, 0, 0, 0, 0, 0 },
        { 10, JB_OK, 100, 0, 5, 0, 0.0, 3 },
        { 11, JB_OK, 101, 0x80000000, 5, 10, 1.0, 7 },
        { 15, JB_OK, 107, 0x80000000, 7, 50, 5.0, 7 },
        { 20, JB_OK, 115, 0, 9, 100, 10.0, 7 },
        { 21, JB_EABSENT, 0, 0, 0, 0, 0, 0 },
    };
    const struct jb_knot a = {
        .t_ns = 10, .energy.uj = 100, .seen_ns = 5, .edge_ns = 3
    };
    const struct jb_knot b = { .t_ns = 20,
                               .energy.uj = 115,
                               .seen_ns = 9,
                               .gap_uj = 100,
                               .variance_uj2 = 10.0,
                               .edge_ns = 7 };
    struct jb_curve curve;
    struct jb_knot got;
    struct jb_error none = { 0 };

    (void)state;
    curve_must_init(&curve, 4);
    CHECK_STATUS("empty", jb_curve_at(&curve, 10, 0, &got), JB_EABSENT, &none);
    assert_int_equal(jb_curve_put(&curve, &a), JB_OK);
    assert_int_equal(jb_curve_put(&curve, &b), JB_OK);
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        char label[CURVE_LABEL_MAX];

        snprintf(label, sizeof(label), "at %" PRIu64, cases[i].t_ns);
        CHECK_STATUS(label, jb_curve_at(&curve, cases[i].t_ns, 0, &got),
                     cases[i].status, &none);
        if (cases[i].status != JB_OK)
            continue;
        CHECK_U64(label, got.t_ns, cases[i].t_ns);
        CHECK_U64(label, (uint64_t)got.energy.uj, (uint64_t)cases[i].uj);
        CHECK_U64(label, got.energy.frac, cases[i].frac);
        CHECK_U64(label, got.seen_ns, cases[i].seen_ns);
        CHECK_U64(label, got.gap_uj, cases[i].gap_uj);
        CHECK_REAL(label, got.variance_uj2, cases[i].variance);
        CHECK_U64(label, got.edge_ns, cases[i].edge_ns);
    }
    jb_curve_release(&curve);
}

static void curve_span_of_two_knots(void **state)
{
    const struct jb_curve_bounds bounds = { .power_uw = 100000000,
                                            .quantum_uj = 61,
                                            .gain_ppm = 1000 };
    const struct jb_knot a = { .t_ns = CURVE_S,
                               .energy = { 1000000, UINT32_C(1) << 31 },
                               .seen_ns = CURVE_S,
                               .gap_uj = 5,
                               .below_uj = 10,
                               .above_uj = 20,
                               .variance_uj2 = 1.0,
                               .edge_ns = 1000000, /* 100 mJ at 100 W */
                               .slack_uj = 7 };
    const struct jb_knot b = { .t_ns = 3 * CURVE_S,
                               .energy = { 6000000, UINT32_C(1) << 30 },
                               .seen_ns = 2 * CURVE_S,
                               .gap_uj = 55,
                               .below_uj = 110,
                               .above_uj = 220,
                               .variance_uj2 = 5.0,
                               .edge_ns = 500000,
                               .slack_uj = 0 };
    struct jb_span span = jb_span_between(&a, &b, &bounds);

    (void)state;
    CHECK_U64("energy", (uint64_t)span.energy.uj, 4999999);
    CHECK_U64("fraction", span.energy.frac, UINT32_C(3) << 30);
    CHECK_U64("elapsed", span.elapsed_ns, 2 * CURVE_S);
    CHECK_U64("seen", span.seen_ns, CURVE_S);
    CHECK_U64("coverage", jb_span_coverage_ppm(&span), 500000);
    CHECK_U64("edge", span.uncertainty.edge_uj, 150000 + 7 + 61);
    CHECK_U64("gap", span.uncertainty.gap_uj, 50);
    CHECK_U64("below", span.uncertainty.systematic_below_uj, 100 + 5000);
    CHECK_U64("above", span.uncertainty.systematic_above_uj, 200 + 5000);
    CHECK_REAL("variance", span.uncertainty.variance_uj2, 4.0);
}

/* 5 % of 1 kW over ten years: 3.15576e17 uJ, of which 1.57788e16. */
static void curve_gain_of_years(void **state)
{
    static const struct {
        int64_t uj;
        uint32_t ppm;
        uint64_t low;
    } cases[] = {
        { INT64_C(315576000000000000), 50000, UINT64_C(15778800000000000) },
        { INT64_C(-315576000000000000), 50000, UINT64_C(15778800000000000) },
        { INT64_MAX, 1000000, INT64_MAX },
        { INT64_MIN, 1000000, UINT64_C(9223372036854775808) },
        { 999999, 1, 1 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        const struct jb_curve_bounds bounds = { .gain_ppm = cases[i].ppm };
        struct jb_knot a = curve_knot_at(0, 0);
        struct jb_knot b = curve_knot_at(1, cases[i].uj);
        struct jb_span span = jb_span_between(&a, &b, &bounds);
        uint64_t got = span.uncertainty.systematic_above_uj;

        if (got < cases[i].low || got > cases[i].low + 1)
            fail_msg("%" PRId64 " at %" PRIu32 " ppm: got %" PRIu64
                     ", want %" PRIu64 " or one more",
                     cases[i].uj, cases[i].ppm, got, cases[i].low);
    }
}

static void curve_coverage_at_its_ends(void **state)
{
    static const struct {
        struct jb_span span;
        uint32_t want;
    } cases[] = {
        { { .elapsed_ns = 0, .seen_ns = 0 }, 0 },
        { { .elapsed_ns = 0, .seen_ns = 5 }, 0 },
        { { .elapsed_ns = 5, .seen_ns = 5 }, 1000000 },
        { { .elapsed_ns = 5, .seen_ns = 9 }, 1000000 },
        { { .elapsed_ns = 4, .seen_ns = 1 }, 250000 },
        { { .elapsed_ns = UINT64_MAX, .seen_ns = UINT64_MAX / 2 }, 500000 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        CHECK_U64("coverage", jb_span_coverage_ppm(&cases[i].span),
                  cases[i].want);
}

/* xorshift64*: the same runs everywhere. */
static uint64_t curve_random(uint64_t *seed, uint64_t below)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (*seed * UINT64_C(2685821657736338717)) % below;
}

enum { CURVE_STEPS = 400, CURVE_POWER_W = 250 };

/*
 * The truth: energy at every millisecond in whole microjoules, as the running
 * sum of a random power of at most CURVE_POWER_W (mJ per ms are watts).
 */
static void curve_make_truth(uint64_t *seed, int64_t truth[CURVE_STEPS])
{
    uint64_t w = 0;

    truth[0] = 0;
    for (size_t i = 1; i < CURVE_STEPS; i++) {
        if (curve_random(seed, 10) == 0)
            w = curve_random(seed, 3) ? curve_random(seed, CURVE_POWER_W + 1)
                                      : curve_random(seed, 2) * CURVE_POWER_W;
        truth[i] = truth[i - 1] + (int64_t)(w * 1000);
    }
}

static void curve_check_point(const struct jb_knot *got, int64_t truth,
                              const char *label)
{
    int64_t off = truth - got->energy.uj;

    if (off < -(int64_t)got->slack_uj || off > (int64_t)got->slack_uj)
        fail_msg("%s: truth %" PRId64 " outside %" PRId64 " +- %" PRIu64, label,
                 truth, got->energy.uj, got->slack_uj);
}

/* Interpolation is wrong by no more than it admits, whatever the curve does
 * between its knots, with and without a bound on power. */
static void curve_slack_covers_every_curve(void **state)
{
    uint64_t seed = 4711;

    (void)state;
    for (unsigned run = 0; run < 300; run++) {
        int64_t truth[CURVE_STEPS];
        struct jb_curve curve;

        curve_make_truth(&seed, truth);
        curve_must_init(&curve, CURVE_STEPS);
        curve_must_put(&curve, 0, 0);
        for (size_t i = 1 + curve_random(&seed, 40); i < CURVE_STEPS;
             i += 1 + curve_random(&seed, 40))
            curve_must_put(&curve, i * CURVE_MS, truth[i]);
        for (size_t i = 0; i * CURVE_MS <= jb_curve_newest(&curve)->t_ns; i++) {
            char label[CURVE_LABEL_MAX];
            struct jb_knot free_power;
            struct jb_knot bounded;

            snprintf(label, sizeof(label), "run %u, %zu ms", run, i);
            assert_int_equal(jb_curve_at(&curve, i * CURVE_MS, 0, &free_power),
                             JB_OK);
            assert_int_equal(jb_curve_at(&curve, i * CURVE_MS,
                                         CURVE_POWER_W * UINT64_C(1000000),
                                         &bounded),
                             JB_OK);
            curve_check_point(&free_power, truth[i], label);
            curve_check_point(&bounded, truth[i], label);
            assert_true(bounded.slack_uj <= free_power.slack_uj);
        }
        jb_curve_release(&curve);
    }
}

/* Cuts at arbitrary instants: the parts are the whole, to the last fraction. */
static void curve_adjacent_spans_add_exactly(void **state)
{
    const struct jb_curve_bounds bounds = { .power_uw = 1000000 };
    uint64_t seed = 99;

    (void)state;
    for (unsigned run = 0; run < 200; run++) {
        int64_t truth[CURVE_STEPS];
        struct jb_curve curve;
        struct jb_knot first;
        struct jb_knot last;
        struct jb_energy sum = { 0 };
        uint64_t elapsed_ns = 0;

        curve_make_truth(&seed, truth);
        curve_must_init(&curve, 64);
        for (size_t i = 0; i < CURVE_STEPS; i += 1 + curve_random(&seed, 40))
            curve_must_put(&curve, i * CURVE_MS + curve_random(&seed, 1000),
                           truth[i]);
        first = *jb_curve_knot(&curve, 0);
        last = first;
        for (;;) {
            struct jb_knot next;
            struct jb_span part;

            if (jb_curve_at(&curve,
                            last.t_ns + 1 + curve_random(&seed, 9 * CURVE_MS),
                            0, &next) != JB_OK)
                break;
            part = jb_span_between(&last, &next, &bounds);
            sum = jb_energy_add(sum, part.energy);
            elapsed_ns += part.elapsed_ns;
            last = next;
        }
        struct jb_span whole = jb_span_between(&first, &last, &bounds);

        CHECK_U64("sum", (uint64_t)sum.uj, (uint64_t)whole.energy.uj);
        CHECK_U64("fraction", sum.frac, whole.energy.frac);
        CHECK_U64("elapsed", elapsed_ns, whole.elapsed_ns);
        jb_curve_release(&curve);
    }
}

static void curve_restate_is_a_revision(void **state)
{
    struct jb_curve curve;

    (void)state;
    curve_must_init(&curve, 4);
    for (uint64_t t = 10; t <= 50; t += 10) /* 10 falls out of the ring */
        curve_must_put(&curve, t, (int64_t)t);
    jb_curve_set_watermark(&curve, 30);
    jb_curve_restate(&curve, 2)->gap_uj = 7;
    CHECK_U64("after the watermark", curve.revision, 0);
    CHECK_U64("restated", jb_curve_knot(&curve, 2)->gap_uj, 7);
    CHECK_U64("instant", jb_curve_knot(&curve, 2)->t_ns, 40);
    jb_curve_restate(&curve, 1)->gap_uj = 7;
    CHECK_U64("its segment was promised", curve.revision, 1);
    jb_curve_release(&curve);
}

static void curve_between_doubtful_knots_is_doubtful(void **state)
{
    struct jb_knot a = curve_knot_at(10, 100);
    struct jb_knot b = curve_knot_at(20, 100);
    struct jb_curve curve;
    struct jb_knot got;

    (void)state;
    a.slack_uj = 5;
    b.slack_uj = 70;
    curve_must_init(&curve, 4);
    assert_int_equal(jb_curve_put(&curve, &a), JB_OK);
    assert_int_equal(jb_curve_put(&curve, &b), JB_OK);
    assert_int_equal(jb_curve_at(&curve, 15, 0, &got), JB_OK);
    assert_in_range(got.slack_uj, 70, 71);
    jb_curve_release(&curve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curve_init_needs_room_for_two),
        cmocka_unit_test(curve_puts_each_knot_in_its_place),
        cmocka_unit_test(curve_rank_counts_what_lies_before),
        cmocka_unit_test(curve_watermark_never_moves_back),
        cmocka_unit_test(curve_revision_follows_what_was_promised),
        cmocka_unit_test(curve_at_reads_knots_and_between),
        cmocka_unit_test(curve_span_of_two_knots),
        cmocka_unit_test(curve_gain_of_years),
        cmocka_unit_test(curve_coverage_at_its_ends),
        cmocka_unit_test(curve_slack_covers_every_curve),
        cmocka_unit_test(curve_adjacent_spans_add_exactly),
        cmocka_unit_test(curve_restate_is_a_revision),
        cmocka_unit_test(curve_between_doubtful_knots_is_doubtful),
    };

    return cmocka_run_group_tests_name("curve", tests, NULL, NULL);
}
