/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a meter believes.  Truths are in counts and in microjoules computed by
 * hand beside each case: energy = counts x unit, bound = power x time.
 */
#include "check.h"

#include <stdbool.h>

#include "core/domain.h"
#include "core/meter.h"

#define METER_S UINT64_C(1000000000)
#define METER_MS UINT64_C(1000000)
#define METER_W UINT64_C(1000000)
#define METER_2_32 (UINT64_C(1) << 32)

enum { METER_LABEL_MAX = 160, METER_KNOTS = 4096 };

/* The units that hardware and kernels have; readings as powercap prints them.
 */
static const struct meter_unit {
    const char *label;
    uint64_t num, den, read_num, read_den, modulus;
} meter_units[] = {
    { "2^-14 J", 1000000, 16384, 61035, 1000, METER_2_32 },
    { "15.3 uJ", 15300, 1000, 15300, 1000, METER_2_32 },
    { "2^-16 J", 1000000, 65536, 15258, 1000, METER_2_32 },
    { "1 J", 1000000, 1, 1000000, 1, METER_2_32 },
    { "2^-14 J, exact text", 1000000, 16384, 1000000, 16384, METER_2_32 },
    { "uJ, odd modulus", 1, 1, 1, 1, 800000000 },
};

static struct jb_sensor meter_sensor(const struct meter_unit *unit,
                                     uint64_t pmax_uw)
{
    return (struct jb_sensor){
        .name = "test",
        .domain = { JB_DOMAIN_PACKAGE, 0, JB_NO_DIE },
        .unit = { JB_QUANTITY_ENERGY, unit->num, unit->den, unit->read_num,
                  unit->read_den, unit->modulus },
        .kind = JB_KIND_COUNTER,
        .pmax_from = JB_BOUND_DECLARED,
        .pmax_uw = pmax_uw,
        .update_ns = METER_MS,
        .quantum = 1,
    };
}

static struct jb_sensor meter_power_sensor(enum jb_kind kind)
{
    struct jb_sensor sensor = {
        .name = "power",
        .domain = { JB_DOMAIN_PLATFORM, 0, JB_NO_DIE },
        .unit = { JB_QUANTITY_POWER, 1000000, 1, 1, 1, 0 },
        .kind = kind,
        .pmax_from = JB_BOUND_DECLARED,
        .pmax_uw = 2000 * METER_W,
        .update_ns = METER_S,
        .quantum = 1,
    };

    if (kind == JB_KIND_WINDOW_MEAN)
        sensor.window_ns = METER_S;
    return sensor;
}

static uint64_t meter_text(const struct jb_unit *unit, uint64_t count)
{
    __extension__ typedef unsigned __int128 wide;

    return (uint64_t)((wide)count * unit->read_num / unit->read_den);
}

static void meter_must_init(struct jb_meter *meter,
                            const struct jb_sensor *sensor)
{
    struct jb_error err = { 0 };

    CHECK_STATUS("init", jb_meter_init(meter, sensor, METER_KNOTS, &err), JB_OK,
                 &err);
}

static const char *const meter_event_names[] = {
    "FIRST", "ADVANCE", "LATE", "GAP", "RESET", "JUMP", "REFUSED",
};

static void meter_check_event(const char *label, enum jb_meter_event got,
                              enum jb_meter_event want)
{
    if (got != want)
        fail_msg("%s: got %s, want %s", label, meter_event_names[got],
                 meter_event_names[want]);
}

/* A reading at an instant without duration; count modulo the counter. */
static enum jb_meter_event meter_feed_at(struct jb_meter *meter, uint64_t t_ns,
                                         uint64_t count)
{
    const struct jb_unit *unit = &meter->sensor.unit;
    struct jb_sample sample = { .t0_ns = t_ns, .t1_ns = t_ns };

    if (unit->modulus != 0)
        count %= unit->modulus;
    sample.raw = meter_text(unit, count);
    return jb_meter_feed(meter, &sample);
}

/* A script of readings and what is to become of each. */
struct meter_line {
    uint64_t t_ms;
    uint64_t raw;
    enum jb_meter_event want;
    int state;
    uint32_t generation;
};

struct meter_script {
    const char *label;
    struct meter_line lines[16]; /* ends with t_ms 0 */
    int64_t uj;                  /* on the curve at its end */
    uint64_t gap_uj, seen_ms;
};

static void meter_run(const struct meter_script *script,
                      const struct jb_sensor *sensor)
{
    struct jb_meter meter;
    const struct jb_knot *newest;

    meter_must_init(&meter, sensor);
    for (size_t i = 0; script->lines[i].t_ms; i++) {
        const struct meter_line *line = &script->lines[i];
        struct jb_sample sample = { .t0_ns = line->t_ms * METER_MS,
                                    .t1_ns = line->t_ms * METER_MS,
                                    .raw = line->raw,
                                    .state = line->state,
                                    .generation = line->generation };
        char label[METER_LABEL_MAX];

        snprintf(label, sizeof(label), "%s, line %zu", script->label, i);
        meter_check_event(label, jb_meter_feed(&meter, &sample), line->want);
    }
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64(script->label, (uint64_t)newest->energy.uj, (uint64_t)script->uj);
    CHECK_U64(script->label, newest->gap_uj, script->gap_uj);
    CHECK_U64(script->label, newest->seen_ns, script->seen_ms * METER_MS);
    jb_meter_release(&meter);
}

static void meter_init_checks_its_sensor(void **state)
{
    struct jb_sensor sensor = meter_sensor(&meter_units[0], METER_W);
    struct jb_meter meter;
    struct jb_error err = { 0 };

    (void)state;
    sensor.unit.quantity = JB_QUANTITY_TEMPERATURE;
    CHECK_STATUS("heat", jb_meter_init(&meter, &sensor, 8, &err), JB_EUSAGE,
                 &err);
    sensor.unit.quantity = JB_QUANTITY_ENERGY;
    sensor.unit.den = 0;
    CHECK_STATUS("den", jb_meter_init(&meter, &sensor, 8, &err), JB_EUSAGE,
                 &err);
    sensor.unit.den = 1;
    sensor.quantum = 0;
    CHECK_STATUS("quantum", jb_meter_init(&meter, &sensor, 8, &err), JB_EUSAGE,
                 &err);
    sensor.quantum = 1;
    CHECK_STATUS("room", jb_meter_init(&meter, &sensor, 1, &err), JB_EUSAGE,
                 &err);
}

/* One third of the range and a bit per step: 100 steps wrap 33 or 34 times, in
 * every unit, and the cumulative count is the true one. */
static void meter_counts_through_many_wraps(void **state)
{
    (void)state;
    for (size_t u = 0; u < CHECK_COUNT(meter_units); u++) {
        struct jb_sensor sensor = meter_sensor(&meter_units[u], 400 * METER_W);
        uint64_t modulus = sensor.unit.modulus;
        uint64_t step = modulus / 3 + 12345;
        uint64_t step_ns = jb_meter_max_gap_ns(&sensor) / 2;
        uint64_t start = modulus - 3;
        uint64_t total = 0;
        const struct jb_knot *newest;
        struct jb_meter meter;

        meter_must_init(&meter, &sensor);
        meter_feed_at(&meter, METER_S, start);
        for (uint64_t i = 1; i <= 100; i++) {
            total += step;
            meter_check_event(
                meter_units[u].label,
                meter_feed_at(&meter, METER_S + i * step_ns, start + total),
                JB_METER_ADVANCE);
        }
        newest = jb_curve_newest(&meter.curve);
        CHECK_U64(meter_units[u].label, newest->counts, total);
        CHECK_U64(meter_units[u].label, meter.counts.wraps,
                  (start + total) / modulus);
        CHECK_U64(meter_units[u].label, newest->gap_uj, 0);
        CHECK_U64(meter_units[u].label, newest->seen_ns, 100 * step_ns);
        jb_meter_release(&meter);
    }
}

/* Exactly at the edge of the range, in each unit. */
static void meter_wraps_by_one_count(void **state)
{
    (void)state;
    for (size_t u = 0; u < CHECK_COUNT(meter_units); u++) {
        struct jb_sensor sensor = meter_sensor(&meter_units[u], 400 * METER_W);
        uint64_t top = sensor.unit.modulus - 1;
        uint64_t second = METER_S;
        struct jb_meter meter;

        if (meter_units[u].num / meter_units[u].den > 1000)
            second *= 10; /* the 1 J counter */
        meter_must_init(&meter, &sensor);
        meter_feed_at(&meter, second, top);
        meter_check_event("top to 0", meter_feed_at(&meter, 2 * second, 0),
                          JB_METER_ADVANCE);
        CHECK_U64(meter_units[u].label, jb_curve_newest(&meter.curve)->counts,
                  1);
        CHECK_U64(meter_units[u].label, meter.counts.wraps, 1);
        jb_meter_release(&meter);
    }
}

/* Range / power: 2^32 x 2^-14 J = 262,144 J at 400 W = 655.36 s. */
static void meter_max_gap_is_range_over_power(void **state)
{
    static const struct {
        size_t unit;
        uint64_t pmax_uw, want_ns;
    } cases[] = {
        { 0, 400 * METER_W, UINT64_C(655360000000) },
        { 1, 400 * METER_W, UINT64_C(164282499072) },
        { 2, 400 * METER_W, UINT64_C(163840000000) },
        { 3, 6000 * METER_W, UINT64_C(715827882666666) },
        { 5, 400 * METER_W, 2 * METER_S },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_sensor sensor =
            meter_sensor(&meter_units[cases[i].unit], cases[i].pmax_uw);
        uint64_t got = jb_meter_max_gap_ns(&sensor);

        /* never longer than the truth, and shorter by a rounding at most */
        if (got > cases[i].want_ns || got + 100000 < cases[i].want_ns)
            fail_msg("%s: got %" PRIu64 ", want %" PRIu64,
                     meter_units[cases[i].unit].label, got, cases[i].want_ns);
        sensor.unit.modulus = 0;
        CHECK_U64("no wrap", jb_meter_max_gap_ns(&sensor), UINT64_MAX);
    }
}

/* 2^-14 J at up to 100 W; 16384 counts are a joule. */
static const struct meter_script meter_scripts[] = {
    { "plain",
      { { 1000, 61035, JB_METER_FIRST, 0, 0 },       /* count 1000 */
        { 2000, 1061032, JB_METER_ADVANCE, 0, 0 } }, /* count 17384: + 1 J */
      1000000,
      0,
      1000 },
    { "refused statuses change nothing",
      { { 1000, 0, JB_METER_REFUSED, JB_EABSENT, 0 },
        { 1000, 61035, JB_METER_FIRST, 0, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_ENOMEM, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_EDENIED, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_EFORMAT, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_EIO, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_EUSAGE, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_ELIMIT, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_EDEAD, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_EIMPLAUSIBLE, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_EREFUSED, 0 },
        { 1100, 0, JB_METER_REFUSED, JB_EBUSY, 0 },
        { 1100, 0, JB_METER_REFUSED, -4711, 0 },
        { 1100, 0, JB_METER_REFUSED, 1, 0 },
        { 2000, 1061032, JB_METER_ADVANCE, 0, 0 } },
      1000000,
      0,
      1000 },
    { "texts of no count, all ones",
      { { 1000, 61035, JB_METER_FIRST, 0, 0 },
        { 1100, 61036, JB_METER_REFUSED, 0, 0 },
        { 1200, UINT64_MAX, JB_METER_REFUSED, 0, 0 },
        { 1300, UINT64_C(262143328851), JB_METER_REFUSED, 0, 0 },
        { 2000, 1061032, JB_METER_ADVANCE, 0, 0 } },
      1000000,
      0,
      1000 },
};

static void meter_follows_the_scripts(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[0], 100 * METER_W);

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(meter_scripts); i++)
        meter_run(&meter_scripts[i], &sensor);
}

static void meter_counts_refusals_by_status(void **state)
{
    const struct jb_sensor sensor = meter_sensor(&meter_units[0], METER_W);
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    for (int status = -1; status >= JB_EBUSY; status--) {
        struct jb_sample sample = { .state = status };

        meter_check_event("refused", jb_meter_feed(&meter, &sample),
                          JB_METER_REFUSED);
        CHECK_U64("by status", meter.counts.refused[-status], 1);
    }
    CHECK_U64("samples", meter.counts.samples, 11);
    assert_null(jb_curve_newest(&meter.curve));
    jb_meter_release(&meter);
}

/* A read that ends before it began speaks of no instant. */
static void meter_refuses_a_read_backwards_in_time(void **state)
{
    const struct jb_sensor sensor = meter_sensor(&meter_units[0], METER_W);
    struct jb_sample sample = { .t0_ns = 2, .t1_ns = 1 };
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_check_event("backwards", jb_meter_feed(&meter, &sample),
                      JB_METER_REFUSED);
    jb_meter_release(&meter);
}

/* The instant of a reading: its middle less the lag, or the meter's stamp. */
static void meter_stamps_knots(void **state)
{
    static const struct {
        uint64_t t0, t1, stamp, lag, lag_unc, want_t, want_edge;
    } cases[] = {
        { 1000, 1000, 0, 0, 0, 1000, 0 },
        { 1000, 1001, 0, 0, 0, 1000, 1 },
        { 1000, 2000, 0, 0, 0, 1500, 500 },
        { 1000, 2000, 0, 100, 30, 1400, 530 },
        { 1000, 2000, 0, 1500, 30, 0, 530 },
        { 1000, 2000, 0, 4000, 30, 0, 530 },
        { 1000, 2000, 900, 100, 30, 900, 530 },
        { UINT64_MAX - 3, UINT64_MAX - 1, 0, 0, 0, UINT64_MAX - 2, 1 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_sensor sensor = meter_sensor(&meter_units[0], METER_W);
        struct jb_sample sample = { .t0_ns = cases[i].t0,
                                    .t1_ns = cases[i].t1,
                                    .meter_ns = cases[i].stamp };
        struct jb_meter meter;

        sensor.lag_ns = cases[i].lag;
        sensor.lag_unc_ns = cases[i].lag_unc;
        meter_must_init(&meter, &sensor);
        jb_meter_feed(&meter, &sample);
        CHECK_U64("instant", jb_curve_newest(&meter.curve)->t_ns,
                  cases[i].want_t);
        CHECK_U64("edge", jb_curve_newest(&meter.curve)->edge_ns,
                  cases[i].want_edge);
        jb_meter_release(&meter);
    }
}

/* A meter with a clock of its own, read more often than it measures. */
static void meter_takes_a_repeat_for_no_news(void **state)
{
    struct jb_sensor sensor = { .name = "repeat",
                                .domain = { JB_DOMAIN_PACKAGE, 0, JB_NO_DIE },
                                .unit = { JB_QUANTITY_ENERGY, 1, 1, 1, 1, 0 },
                                .kind = JB_KIND_COUNTER,
                                .quantum = 1 };
    const struct {
        uint64_t stamp_ms, raw;
        enum jb_meter_event want;
    } rows[] = {
        { 1000, 5, JB_METER_FIRST },     { 1000, 5, JB_METER_ADVANCE },
        { 2000, 105, JB_METER_ADVANCE }, { 2000, 105, JB_METER_ADVANCE },
        { 2000, 106, JB_METER_REFUSED }, /* two values of one instant */
        { 3000, 205, JB_METER_ADVANCE },
    };
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        struct jb_sample sample = { .raw = rows[i].raw,
                                    .t0_ns = (10 + i) * METER_S,
                                    .t1_ns = (10 + i) * METER_S,
                                    .meter_ns = rows[i].stamp_ms * 1000000 };

        CHECK_U64("event", jb_meter_feed(&meter, &sample), rows[i].want);
    }
    CHECK_U64("energy", (uint64_t)jb_curve_newest(&meter.curve)->energy.uj,
              200);
    CHECK_U64("knots", meter.curve.length, 3);
    CHECK_U64("refused", meter.counts.refused[-JB_ELIMIT], 1);
    jb_meter_release(&meter);
}

/* A gap so long that wraps are uncertain is bounded; what follows counts on. */
static void meter_bounds_a_long_gap(void **state)
{
    (void)state;
    for (size_t u = 0; u < CHECK_COUNT(meter_units); u++) {
        struct jb_sensor sensor = meter_sensor(&meter_units[u], 400 * METER_W);
        uint64_t gap_ns = jb_meter_max_gap_ns(&sensor);
        const char *label = meter_units[u].label;
        const struct jb_knot *newest;
        struct jb_meter meter;

        meter_must_init(&meter, &sensor);
        meter_feed_at(&meter, METER_S, 100);
        meter_check_event(label, meter_feed_at(&meter, METER_S + gap_ns, 90),
                          JB_METER_GAP);
        newest = jb_curve_newest(&meter.curve);
        CHECK_U64(label, newest->counts, 0);
        CHECK_U64(label, newest->seen_ns, 0);
        /* power x time is at least the range, and the bound holds it */
        assert_true(newest->gap_uj >= gap_ns / 1000 * 400);
        assert_true(newest->gap_uj <=
                    gap_ns / 1000 * 400 + 400 + 2 * sensor.unit.num);
        meter_check_event(
            label, meter_feed_at(&meter, METER_S + gap_ns + gap_ns / 4, 92),
            JB_METER_ADVANCE);
        CHECK_U64(label, jb_curve_newest(&meter.curve)->counts, 2);
        CHECK_U64(label, meter.counts.gaps, 1);
        jb_meter_release(&meter);
    }
}

/* 400 W, readings of 1 s: at most 6,553,600 counts of 2^-14 J. */
static void meter_tells_resets_and_jumps(void **state)
{
    static const struct {
        const char *label;
        uint64_t from, to;
        uint32_t generation;
        enum jb_meter_event want;
    } cases[] = {
        { "full power", 0, 6553600, 0, JB_METER_ADVANCE },
        { "twice of it", 0, 2 * 6553600, 0, JB_METER_JUMP },
        { "a spike", 0, 0x80000000, 0, JB_METER_JUMP },
        { "backwards by one", 5000, 4999, 0, JB_METER_RESET },
        { "driver reloaded", 3000000000, 10, 0, JB_METER_RESET },
        { "new generation, higher", 5000, 6000, 1, JB_METER_RESET },
        { "new generation, lower", 5000, 0, 1, JB_METER_RESET },
        { "a true wrap", METER_2_32 - 10, 100, 0, JB_METER_ADVANCE },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_sensor sensor = meter_sensor(&meter_units[0], 400 * METER_W);
        struct jb_sample sample = { .t0_ns = 2 * METER_S,
                                    .t1_ns = 2 * METER_S,
                                    .generation = cases[i].generation };
        const struct jb_knot *newest;
        struct jb_meter meter;

        meter_must_init(&meter, &sensor);
        meter_feed_at(&meter, METER_S, cases[i].from);
        sample.raw = meter_text(&sensor.unit, cases[i].to);
        meter_check_event(cases[i].label, jb_meter_feed(&meter, &sample),
                          cases[i].want);
        newest = jb_curve_newest(&meter.curve);
        if (cases[i].want != JB_METER_ADVANCE) {
            CHECK_U64(cases[i].label, newest->counts, 0);
            CHECK_U64(cases[i].label, newest->seen_ns, 0);
            assert_true(newest->gap_uj >= 400000000); /* 400 W for 1 s */
        }
        CHECK_U64(cases[i].label, meter.counts.resets,
                  cases[i].want == JB_METER_RESET);
        CHECK_U64(cases[i].label, meter.counts.jumps,
                  cases[i].want == JB_METER_JUMP);
        jb_meter_release(&meter);
    }
}

static void meter_without_modulus_restarts(void **state)
{
    struct jb_sensor sensor = meter_sensor(&meter_units[5], 400 * METER_W);
    struct jb_meter meter;

    (void)state;
    sensor.unit.modulus = 0;
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, METER_S, UINT64_C(1) << 40);
    meter_check_event(
        "on", meter_feed_at(&meter, 2 * METER_S, (UINT64_C(1) << 40) + 7),
        JB_METER_ADVANCE);
    meter_check_event("back", meter_feed_at(&meter, 3 * METER_S, 3),
                      JB_METER_RESET);
    CHECK_U64("counts", jb_curve_newest(&meter.curve)->counts, 7);
    jb_meter_release(&meter);
}

/* 100 W in steps of 10 ms: 16384 counts per 10 ms x 100 W = 1 J. */
static void meter_feed_steady(struct jb_meter *meter, uint64_t from_ms,
                              uint64_t to_ms, uint64_t *count)
{
    for (uint64_t ms = from_ms; ms < to_ms; ms += 10) {
        meter_feed_at(meter, ms * METER_MS, *count);
        *count += 16384;
    }
}

static void meter_sees_a_frozen_counter(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[0], 400 * METER_W);
    const struct jb_knot *newest;
    struct jb_error err = { 0 };
    struct jb_meter meter;
    uint64_t count = 77;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_steady(&meter, 1000, 2000, &count);
    CHECK_STATUS("alive", jb_meter_verdict(&meter, &err), JB_OK, &err);
    for (uint64_t ms = 2000; ms <= 3000; ms += 10)
        meter_feed_at(&meter, ms * METER_MS, count);
    CHECK_STATUS("frozen", jb_meter_verdict(&meter, &err), JB_EDEAD, &err);
    newest = jb_curve_newest(&meter.curve);
    /* it stopped somewhere within the last step that moved */
    CHECK_U64("seen until it stood", newest->seen_ns, 990 * METER_MS);
    assert_true(newest->gap_uj >= 404 * METER_W);     /* 400 W, 1.01 s ... */
    assert_true(newest->gap_uj <= 410 * METER_W);     /* ... and not twice */
    CHECK_U64("counts", newest->counts, 100 * 16384); /* none invented */
    count += 16384;
    meter_check_event("thaw", meter_feed_at(&meter, 3010 * METER_MS, count),
                      JB_METER_ADVANCE);
    CHECK_STATUS("alive again", jb_meter_verdict(&meter, &err), JB_OK, &err);
    jb_meter_release(&meter);
}

/* A counter that stood for a second and then tells all at once is believed. */
static void meter_takes_a_catch_up(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[0], 400 * METER_W);
    struct jb_meter meter;
    uint64_t count = 77;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_steady(&meter, 1000, 2000, &count);
    for (uint64_t ms = 2000; ms <= 3000; ms += 10)
        meter_feed_at(&meter, ms * METER_MS, count);
    count += 100 * 16384; /* 100 J, in 10 ms they would be 10 kW */
    meter_check_event("catch-up", meter_feed_at(&meter, 3010 * METER_MS, count),
                      JB_METER_ADVANCE);
    CHECK_U64("counts", jb_curve_newest(&meter.curve)->counts, 200 * 16384);
    jb_meter_release(&meter);
}

static void meter_verdict_of_a_dead_zero(void **state)
{
    static const struct {
        const char *label;
        uint16_t flags;
        uint64_t raw, last_ms;
        int want;
    } cases[] = {
        { "zero, too early to say", 0, 0, 1015, JB_OK },
        { "zero for ever", 0, 0, 1100, JB_EDEAD },
        { "zero, may rest", JB_SENSOR_MAY_REST, 0, 1100, JB_EDEAD },
        { "resting at a count", JB_SENSOR_MAY_REST, 4242, 60000, JB_OK },
        { "still at a count", 0, 4242, 1100, JB_EDEAD },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_sensor sensor = meter_sensor(&meter_units[0], 400 * METER_W);
        struct jb_error err = { 0 };
        struct jb_meter meter;

        sensor.flags = cases[i].flags;
        meter_must_init(&meter, &sensor);
        CHECK_STATUS("unknown", jb_meter_verdict(&meter, &err), JB_OK, &err);
        for (uint64_t ms = 1000; ms <= cases[i].last_ms; ms += 5)
            meter_feed_at(&meter, ms * METER_MS, cases[i].raw);
        CHECK_STATUS(cases[i].label, jb_meter_verdict(&meter, &err),
                     cases[i].want, &err);
        if (cases[i].want != JB_OK)
            assert_true(err.text[0] != '\0');
        jb_meter_release(&meter);
    }
}

/* 4 steps at 0.1 W: of 1 J that is 40 s, of 61 uJ the floor of 20 updates. */
static void meter_patience_follows_the_quantum(void **state)
{
    static const struct {
        size_t unit;
        uint64_t low_ns, high_ns;
    } cases[] = {
        { 0, 20 * METER_MS, 20 * METER_MS },
        { 2, 20 * METER_MS, 20 * METER_MS },
        { 3, 40 * METER_S, 40 * METER_S + METER_MS },
    };
    struct jb_sensor psys = meter_sensor(&meter_units[3], 400 * METER_W);
    struct jb_error err = { 0 };
    struct jb_meter meter;

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_sensor sensor =
            meter_sensor(&meter_units[cases[i].unit], 400 * METER_W);
        uint64_t got = jb_meter_patience_ns(&sensor);

        if (got < cases[i].low_ns || got > cases[i].high_ns)
            fail_msg("%s: got %" PRIu64, meter_units[cases[i].unit].label, got);
    }
    /* 0.5 W of a 1 J meter: a step every two seconds is no frozen counter */
    meter_must_init(&meter, &psys);
    for (uint64_t ms = 1000; ms < 60000; ms += 100) {
        meter_check_event("psys",
                          meter_feed_at(&meter, ms * METER_MS, ms / 2000),
                          ms == 1000 ? JB_METER_FIRST : JB_METER_ADVANCE);
        CHECK_STATUS("psys", jb_meter_verdict(&meter, &err), JB_OK, &err);
    }
    CHECK_U64("no gap", jb_curve_newest(&meter.curve)->gap_uj, 0);
    jb_meter_release(&meter);
}

static void meter_inserts_late_counts(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[0], 400 * METER_W);
    const struct jb_knot *late;
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, 10 * METER_S, METER_2_32 - 100);
    meter_feed_at(&meter, 20 * METER_S, 900);
    meter_check_event("late", meter_feed_at(&meter, 14 * METER_S, 20),
                      JB_METER_LATE);
    late = jb_curve_knot(&meter.curve, 1);
    CHECK_U64("place", late->t_ns, 14 * METER_S);
    CHECK_U64("counts", late->counts, 120);
    CHECK_U64("seen", late->seen_ns, 4 * METER_S);
    CHECK_U64("newest", jb_curve_newest(&meter.curve)->counts, 1000);
    meter_check_event("late, more than what followed",
                      meter_feed_at(&meter, 16 * METER_S, 5000),
                      JB_METER_REFUSED);
    meter_check_event("late, less than what went before",
                      meter_feed_at(&meter, 16 * METER_S, 19),
                      JB_METER_REFUSED);
    meter_check_event("before all", meter_feed_at(&meter, 9 * METER_S, 0),
                      JB_METER_REFUSED);
    meter_check_event("same instant", meter_feed_at(&meter, 14 * METER_S, 20),
                      JB_METER_REFUSED);
    CHECK_U64("late", meter.counts.late, 1);
    CHECK_U64("knots", meter.curve.length, 3);
    jb_meter_release(&meter);
}

/* Trapezoids: 100 W to 200 W in 1 s is 150 J; (100 J)^2 / 12 is its variance.
 */
static void meter_integrates_power(void **state)
{
    const struct jb_sensor sensor = meter_power_sensor(JB_KIND_SAMPLED);
    const struct jb_knot *newest;
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, 1 * METER_S, 100);
    meter_feed_at(&meter, 2 * METER_S, 200);
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 150000000);
    CHECK_REAL("variance", newest->variance_uj2, 1e16 / 12.0);
    CHECK_U64("seen", newest->seen_ns, METER_S);
    meter_feed_at(&meter, 4 * METER_S, 200);
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 550000000);
    CHECK_REAL("variance", newest->variance_uj2, 1e16 / 12.0);
    meter_check_event("too long", meter_feed_at(&meter, 14 * METER_S, 200),
                      JB_METER_GAP);
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 550000000);
    CHECK_U64("seen", newest->seen_ns, 3 * METER_S);
    assert_true(newest->gap_uj >= 2000 * METER_W * 10);
    jb_meter_release(&meter);
}

static void meter_books_a_window_once(void **state)
{
    struct jb_sensor sensor = meter_power_sensor(JB_KIND_WINDOW_MEAN);
    const struct jb_knot *newest;
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, 1 * METER_S, 100);
    meter_feed_at(&meter, 2 * METER_S, 200); /* 200 W for the last second */
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 200000000);
    CHECK_U64("seen", newest->seen_ns, METER_S);
    CHECK_REAL("variance", newest->variance_uj2, 0.0);
    /* 300 W in the last of four seconds, 250 W in those that nobody looked at:
     * 1050 J, of which 750 J are a line of 300 J's rise and a guess. */
    meter_feed_at(&meter, 6 * METER_S, 300);
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 1250000000);
    CHECK_U64("seen", newest->seen_ns, 5 * METER_S);
    CHECK_REAL("variance", newest->variance_uj2,
               (300e6 * 300e6 + 750e6 * 750e6) / 12.0);
    jb_meter_release(&meter);
}

/* Late power restates: 100, 300 W over 2 s = 400 J; with 100 W between,
 * 100 J + 200 J = 300 J. */
static void meter_restates_for_late_power(void **state)
{
    const struct jb_sensor sensor = meter_power_sensor(JB_KIND_SAMPLED);
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, 1 * METER_S, 100);
    meter_feed_at(&meter, 3 * METER_S, 300);
    meter_feed_at(&meter, 4 * METER_S, 300);
    jb_curve_set_watermark(&meter.curve, 3 * METER_S);
    CHECK_U64("before", (uint64_t)jb_curve_newest(&meter.curve)->energy.uj,
              700000000);
    meter_check_event("late", meter_feed_at(&meter, 2 * METER_S, 100),
                      JB_METER_LATE);
    CHECK_U64("knots", meter.curve.length, 4);
    CHECK_U64("late", (uint64_t)jb_curve_knot(&meter.curve, 1)->energy.uj,
              100000000);
    CHECK_U64("next", (uint64_t)jb_curve_knot(&meter.curve, 2)->energy.uj,
              300000000);
    CHECK_U64("newest", (uint64_t)jb_curve_newest(&meter.curve)->energy.uj,
              600000000);
    CHECK_U64("seen", jb_curve_newest(&meter.curve)->seen_ns, 3 * METER_S);
    assert_true(meter.curve.revision > 0);
    jb_meter_release(&meter);
}

/* 0 W, N/A as a number, and more than the machine can draw. */
static void meter_refuses_sentinels(void **state)
{
    static const uint64_t watts[] = {
        0,
        INT32_MAX,
        UINT32_MAX,
        UINT64_MAX,
        2001,
        300000,
        UINT64_C(2147483647000),
        UINT64_C(4294967295000),
    };
    static const enum jb_kind kinds[] = { JB_KIND_SAMPLED,
                                          JB_KIND_WINDOW_MEAN };

    (void)state;
    for (size_t k = 0; k < CHECK_COUNT(kinds); k++) {
        const struct jb_sensor sensor = meter_power_sensor(kinds[k]);
        struct jb_meter meter;

        meter_must_init(&meter, &sensor);
        for (size_t i = 0; i < CHECK_COUNT(watts); i++)
            meter_check_event("sentinel",
                              meter_feed_at(&meter, METER_S, watts[i]),
                              JB_METER_REFUSED);
        CHECK_U64("counted", meter.counts.refused[-JB_EIMPLAUSIBLE],
                  CHECK_COUNT(watts));
        meter_check_event("fine", meter_feed_at(&meter, METER_S, 2000),
                          JB_METER_FIRST);
        jb_meter_release(&meter);
    }
}

static void meter_adds_up_deltas(void **state)
{
    struct jb_sensor sensor = meter_sensor(&meter_units[5], 400 * METER_W);
    struct jb_meter meter;

    (void)state;
    sensor.kind = JB_KIND_DELTA;
    sensor.unit.modulus = 0;
    meter_must_init(&meter, &sensor);
    meter_check_event("of what came before", meter_feed_at(&meter, METER_S, 99),
                      JB_METER_FIRST);
    meter_feed_at(&meter, 2 * METER_S, 5);
    meter_feed_at(&meter, 3 * METER_S, 0);
    meter_feed_at(&meter, 4 * METER_S, 7);
    meter_check_event("late", meter_feed_at(&meter, 3 * METER_S, 7),
                      JB_METER_REFUSED);
    CHECK_U64("energy", (uint64_t)jb_curve_newest(&meter.curve)->energy.uj, 12);
    CHECK_U64("seen", jb_curve_newest(&meter.curve)->seen_ns, 3 * METER_S);
    jb_meter_release(&meter);
}

/* 100 W, 300 W for 100 ms, 100 W again: the peak is a mean over 10 ms. */
static void meter_keeps_the_peak(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[0], 400 * METER_W);
    struct jb_meter meter;
    uint64_t count = 0;

    (void)state;
    meter_must_init(&meter, &sensor);
    for (uint64_t ms = 1000; ms <= 2000; ms += 10) {
        meter_feed_at(&meter, ms * METER_MS, count);
        count += ms >= 1400 && ms < 1500 ? 3 * 16384 : 16384;
    }
    assert_in_range(meter.peak_uw, 299999999, 300000001);
    CHECK_U64("window", meter.peak_window_ns, 10 * METER_MS);
    jb_meter_restart_peak(&meter);
    CHECK_U64("restarted", meter.peak_uw, 0);
    meter_feed_steady(&meter, 2010, 2100, &count);
    assert_in_range(meter.peak_uw, 99999999, 200000001);
    jb_meter_release(&meter);
}

/* Edges cost the highest possible power, also where it is a guess and what was
 * seen stayed far below: the next millisecond can be a burst. */
static void meter_bounds_of_edges(void **state)
{
    struct jb_sensor sensor = meter_sensor(&meter_units[0], 1000 * METER_W);
    struct jb_meter meter;
    uint64_t count = 0;

    (void)state;
    sensor.gain_ppm = 52;
    meter_must_init(&meter, &sensor);
    meter_feed_steady(&meter, 1000, 2000, &count);
    CHECK_U64("declared", jb_meter_bounds(&meter).power_uw, 1000 * METER_W);
    CHECK_U64("gain", jb_meter_bounds(&meter).gain_ppm, 52);
    CHECK_U64("quantum", jb_meter_bounds(&meter).quantum_uj, 62);
    meter.sensor.pmax_from = JB_BOUND_GUESSED;
    CHECK_U64("guessed", jb_meter_bounds(&meter).power_uw, 1000 * METER_W);
    jb_meter_release(&meter);
}

/* A model's interval is of the energy it spoke of: 10 % down, 20 % up. */
static void meter_carries_a_models_interval(void **state)
{
    struct jb_sensor sensor = meter_power_sensor(JB_KIND_SAMPLED);
    struct jb_sample sample = { .raw = 100,
                                .below_ppm = 100000,
                                .above_ppm = 200000 };
    const struct jb_knot *newest;
    struct jb_meter meter;

    (void)state;
    sensor.provenance = JB_ESTIMATED;
    meter_must_init(&meter, &sensor);
    for (uint64_t s = 1; s <= 3; s++) {
        sample.t0_ns = sample.t1_ns = s * METER_S;
        jb_meter_feed(&meter, &sample);
    }
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 200000000);
    CHECK_U64("below", newest->below_uj, 20000000);
    CHECK_U64("above", newest->above_uj, 40000000);
    jb_meter_release(&meter);
}

/* The same, of a meter whose highest power nobody knows: 4294967295000 is what
 * an unsigned -1 becomes when a driver scales it from milliwatts. */
static void meter_refuses_sentinels_without_a_bound(void **state)
{
    static const uint64_t readings[] = {
        0,          UINT64_C(2147483647), UINT64_C(2147483647000),
        UINT32_MAX, UINT64_MAX,           UINT64_C(4294967295000),
    };
    struct jb_sensor sensor = meter_power_sensor(JB_KIND_SAMPLED);
    struct jb_meter meter;

    (void)state;
    sensor.unit.num = 1; /* uW, as hwmon has it */
    sensor.pmax_uw = 0;
    meter_must_init(&meter, &sensor);
    for (size_t i = 0; i < CHECK_COUNT(readings); i++)
        meter_check_event("sentinel",
                          meter_feed_at(&meter, METER_S, readings[i]),
                          JB_METER_REFUSED);
    meter_check_event("fine", meter_feed_at(&meter, METER_S, 230 * METER_W),
                      JB_METER_FIRST);
    jb_meter_release(&meter);
}

/* How long it was watched does not depend on how many knots are remembered. */
static void meter_verdict_outlives_a_small_ring(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[3], 400 * METER_W);
    struct jb_error err = { 0 };
    struct jb_meter meter;

    (void)state;
    CHECK_STATUS("init", jb_meter_init(&meter, &sensor, 8, &err), JB_OK, &err);
    meter.sensor.flags = JB_SENSOR_MAY_REST;
    for (uint64_t s = 1; s < 60; s++)
        meter_feed_at(&meter, s * METER_S, 0);
    CHECK_STATUS("zero for a minute", jb_meter_verdict(&meter, &err), JB_EDEAD,
                 &err);
    jb_meter_release(&meter);
}

/* 100 W throughout, of which one second is told at once: no 10 kW. */
static void meter_peak_is_no_catch_up(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[0], 400 * METER_W);
    struct jb_meter meter;
    uint64_t count = 0;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_steady(&meter, 1000, 2000, &count);
    for (uint64_t ms = 2000; ms <= 3000; ms += 10)
        meter_feed_at(&meter, ms * METER_MS, count);
    count += 100 * 16384;
    meter_feed_steady(&meter, 3010, 4000, &count);
    assert_in_range(meter.peak_uw, 99999999, 100000001);
    jb_meter_release(&meter);
}

/* A 1 J meter at 20 W, read every 10 ms, steps every 50 ms: no 100 W. */
static void meter_peak_of_coarse_steps(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[3], 400 * METER_W);
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    for (uint64_t ms = 1000; ms < 11000; ms += 10)
        meter_feed_at(&meter, ms * METER_MS, ms / 50);
    assert_in_range(meter.peak_uw, 19 * METER_W, 21 * METER_W);
    jb_meter_release(&meter);
}

/* Knots that were taken for good while the counter already stood still: from
 * 1990 ms, the last that moved being 2000 ms, patience 20 ms. */
static void meter_frozen_knots_are_restated(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[0], 400 * METER_W);
    struct jb_meter meter;
    struct jb_knot before;
    struct jb_knot within;
    uint64_t count = 77;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_steady(&meter, 1000, 2000, &count);
    for (uint64_t ms = 2000; ms <= 2020; ms += 10)
        meter_feed_at(&meter, ms * METER_MS, count);
    jb_curve_set_watermark(&meter.curve, 2010 * METER_MS);
    assert_int_equal(jb_curve_at(&meter.curve, 2010 * METER_MS, 0, &within),
                     JB_OK);
    CHECK_U64("in good faith", within.gap_uj, 0);
    meter_feed_at(&meter, 2030 * METER_MS, count);
    assert_true(meter.frozen && meter.curve.revision > 0);
    assert_int_equal(jb_curve_at(&meter.curve, 1990 * METER_MS, 0, &before),
                     JB_OK);
    assert_int_equal(jb_curve_at(&meter.curve, 2010 * METER_MS, 0, &within),
                     JB_OK);
    CHECK_U64("sure until", before.gap_uj, 0);
    assert_in_range(within.gap_uj, 8000000, 8000100);   /* 400 W, 20 ms */
    assert_in_range(within.slack_uj, 8000000, 8000100); /* may come later */
    CHECK_U64("seen until", within.seen_ns, before.seen_ns);
    jb_meter_release(&meter);
}

/* After a gap nobody knows whether it still stands still. */
static void meter_gap_while_frozen_starts_anew(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[5], 400 * METER_W);
    struct jb_error err = { 0 };
    struct jb_meter meter;
    uint64_t gap_uj;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, METER_S, 100);
    meter_feed_at(&meter, METER_S + 500 * METER_MS, 100);
    CHECK_STATUS("frozen", jb_meter_verdict(&meter, &err), JB_EDEAD, &err);
    meter_check_event("gap", meter_feed_at(&meter, 5 * METER_S, 100),
                      JB_METER_GAP);
    CHECK_STATUS("unknown", jb_meter_verdict(&meter, &err), JB_OK, &err);
    gap_uj = jb_curve_newest(&meter.curve)->gap_uj;
    for (uint64_t ms = 5010; ms <= 5100; ms += 10)
        meter_feed_at(&meter, ms * METER_MS, 100);
    CHECK_STATUS("again", jb_meter_verdict(&meter, &err), JB_EDEAD, &err);
    gap_uj = jb_curve_newest(&meter.curve)->gap_uj - gap_uj;
    assert_in_range(gap_uj, 40000000, 40000100); /* 400 W for all 100 ms */
    jb_meter_release(&meter);
}

/* Where nobody declares the highest power, that of the kind of domain holds:
 * 1 kW for a package, so 800 J wrap in 0.8 s. */
static void meter_gap_needs_no_declared_power(void **state)
{
    const struct jb_sensor sensor = meter_sensor(&meter_units[5], 0);
    const struct jb_knot *newest;
    struct jb_meter meter;

    (void)state;
    CHECK_U64("range", jb_meter_max_gap_ns(&sensor), 800 * METER_MS);
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, METER_S, 100);
    meter_check_event("gap", meter_feed_at(&meter, 2 * METER_S, 200),
                      JB_METER_GAP);
    newest = jb_curve_newest(&meter.curve);
    assert_in_range(newest->gap_uj, 1000 * METER_W, 1000 * METER_W + 10);
    meter_check_event("backwards",
                      meter_feed_at(&meter, 2 * METER_S + METER_MS, 100),
                      JB_METER_RESET);
    CHECK_U64("edges", jb_meter_bounds(&meter).power_uw, 1000 * METER_W);
    jb_meter_release(&meter);
}

/* 800 J at 400 W: 2 s.  Both ends are uncertain by 3 ms, so 1.995 s are not
 * certain to be less. */
static void meter_wrap_is_uncertain_by_its_edges(void **state)
{
    static const struct {
        uint64_t span_ms;
        enum jb_meter_event want;
    } cases[] = { { 1990, JB_METER_ADVANCE },
                  { 1995, JB_METER_GAP },
                  { 2000, JB_METER_GAP } };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_sensor sensor = meter_sensor(&meter_units[5], 400 * METER_W);
        struct jb_meter meter;

        sensor.lag_ns = 3 * METER_MS;
        sensor.lag_unc_ns = 3 * METER_MS;
        meter_must_init(&meter, &sensor);
        meter_feed_at(&meter, METER_S, 100);
        meter_check_event(
            "span",
            meter_feed_at(&meter, METER_S + cases[i].span_ms * METER_MS, 200),
            cases[i].want);
        jb_meter_release(&meter);
    }
}

/* 100 W at 1 s, 9 s and 13 s: two gaps of 8 and 4 s, of which a late reading at
 * 5 s closes the first. */
static void meter_late_power_ends_a_gap(void **state)
{
    const struct jb_sensor sensor = meter_power_sensor(JB_KIND_SAMPLED);
    const struct jb_knot *newest;
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, 1 * METER_S, 100);
    meter_check_event("gap", meter_feed_at(&meter, 9 * METER_S, 100),
                      JB_METER_GAP);
    meter_feed_at(&meter, 13 * METER_S, 100);
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 400 * METER_W);
    CHECK_U64("gap", newest->gap_uj, 16000 * METER_W);
    meter_check_event("late", meter_feed_at(&meter, 5 * METER_S, 100),
                      JB_METER_LATE);
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 1200 * METER_W);
    CHECK_U64("gap", newest->gap_uj, 0);
    CHECK_U64("seen", newest->seen_ns, 12 * METER_S);
    jb_meter_release(&meter);
    /* one that leaves 6 s open integrates only what it can */
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, 1 * METER_S, 100);
    meter_feed_at(&meter, 9 * METER_S, 100);
    meter_check_event("late", meter_feed_at(&meter, 3 * METER_S, 100),
                      JB_METER_LATE);
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 200 * METER_W);
    CHECK_U64("gap", newest->gap_uj, 12000 * METER_W);
    CHECK_U64("seen", newest->seen_ns, 2 * METER_S);
    jb_meter_release(&meter);
}

static void meter_late_counts_in_a_gap_tell_nothing(void **state)
{
    const struct jb_sensor sensor =
        meter_sensor(&meter_units[5], 400 * METER_W);
    struct jb_meter meter;

    (void)state;
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, METER_S, 100);
    meter_feed_at(&meter, 9 * METER_S, 100);
    meter_check_event("late", meter_feed_at(&meter, 2 * METER_S, 100),
                      JB_METER_REFUSED);
    CHECK_U64("counted", meter.counts.refused[-JB_ELIMIT], 1);
    jb_meter_release(&meter);
}

/* 400 W for a second are 400 J. */
static void meter_refuses_a_delta_beyond_physics(void **state)
{
    struct jb_sensor sensor = meter_sensor(&meter_units[5], 400 * METER_W);
    const struct jb_knot *newest;
    struct jb_meter meter;

    (void)state;
    sensor.kind = JB_KIND_DELTA;
    sensor.unit.modulus = 0;
    meter_must_init(&meter, &sensor);
    meter_feed_at(&meter, METER_S, 0);
    meter_check_event("all there is",
                      meter_feed_at(&meter, 2 * METER_S, 400000000),
                      JB_METER_ADVANCE);
    meter_check_event("twice of it",
                      meter_feed_at(&meter, 3 * METER_S, 800000000),
                      JB_METER_JUMP);
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 400000000);
    CHECK_U64("seen", newest->seen_ns, METER_S);
    assert_in_range(newest->gap_uj, 400000000, 400000010);
    jb_meter_release(&meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meter_init_checks_its_sensor),
        cmocka_unit_test(meter_counts_through_many_wraps),
        cmocka_unit_test(meter_wraps_by_one_count),
        cmocka_unit_test(meter_max_gap_is_range_over_power),
        cmocka_unit_test(meter_follows_the_scripts),
        cmocka_unit_test(meter_counts_refusals_by_status),
        cmocka_unit_test(meter_refuses_a_read_backwards_in_time),
        cmocka_unit_test(meter_stamps_knots),
        cmocka_unit_test(meter_takes_a_repeat_for_no_news),
        cmocka_unit_test(meter_bounds_a_long_gap),
        cmocka_unit_test(meter_tells_resets_and_jumps),
        cmocka_unit_test(meter_without_modulus_restarts),
        cmocka_unit_test(meter_sees_a_frozen_counter),
        cmocka_unit_test(meter_takes_a_catch_up),
        cmocka_unit_test(meter_verdict_of_a_dead_zero),
        cmocka_unit_test(meter_patience_follows_the_quantum),
        cmocka_unit_test(meter_inserts_late_counts),
        cmocka_unit_test(meter_integrates_power),
        cmocka_unit_test(meter_books_a_window_once),
        cmocka_unit_test(meter_restates_for_late_power),
        cmocka_unit_test(meter_refuses_sentinels),
        cmocka_unit_test(meter_adds_up_deltas),
        cmocka_unit_test(meter_keeps_the_peak),
        cmocka_unit_test(meter_bounds_of_edges),
        cmocka_unit_test(meter_carries_a_models_interval),
        cmocka_unit_test(meter_refuses_sentinels_without_a_bound),
        cmocka_unit_test(meter_verdict_outlives_a_small_ring),
        cmocka_unit_test(meter_peak_is_no_catch_up),
        cmocka_unit_test(meter_peak_of_coarse_steps),
        cmocka_unit_test(meter_frozen_knots_are_restated),
        cmocka_unit_test(meter_gap_while_frozen_starts_anew),
        cmocka_unit_test(meter_gap_needs_no_declared_power),
        cmocka_unit_test(meter_wrap_is_uncertain_by_its_edges),
        cmocka_unit_test(meter_late_power_ends_a_gap),
        cmocka_unit_test(meter_late_counts_in_a_gap_tell_nothing),
        cmocka_unit_test(meter_refuses_a_delta_beyond_physics),
    };

    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
