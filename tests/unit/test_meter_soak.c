/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meters on a virtual clock, against a truth that shares nothing with them.
 *
 * The truth is a power per millisecond and its exact integral in uW x ns
 * (128 bits).  A model of the hardware counts it: registers that are updated
 * about every millisecond, wrap, are read late, stand still, catch up or lose,
 * and start anew.  Whatever happens, the true energy between any two instants
 * lies in the interval that is given for it, and where nothing was lost the
 * cumulative count is the true one to the count.
 */
#include "check.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/meter.h"

__extension__ typedef unsigned __int128 soak_wide;

#define SOAK_MS UINT64_C(1000000)
#define SOAK_S UINT64_C(1000000000)

enum {
    SOAK_RUNS = 240,
    SOAK_SLOTS = 16000, /* of a millisecond */
    SOAK_SPANS = 400,   /* that are checked per run */
    SOAK_STALLS = 8,
    SOAK_JITTER_NS = 200000, /* of an update */
    SOAK_LABEL_MAX = 200,
};

/* What may happen in a run. */
enum soak_trouble {
    SOAK_LATE = 1 << 0,     /* readings overtake one another */
    SOAK_PAUSES = 1 << 1,   /* nobody reads, within the range */
    SOAK_CATCH_UP = 1 << 2, /* the register stands still, then tells all */
    SOAK_LOSS = 1 << 3,     /* ... or goes on from where it stood */
    SOAK_GAPS = 1 << 4,     /* nobody reads for longer than the range */
    SOAK_RELOADS = 1 << 5,  /* new generation, other count */
    SOAK_SPIKES = 1 << 6,   /* a reading far off */
    SOAK_INEXACT = SOAK_LOSS | SOAK_GAPS | SOAK_RELOADS | SOAK_SPIKES,
};

struct soak_stall {
    uint64_t from_ns, to_ns;
};

struct soak {
    unsigned run, trouble;
    uint64_t seed;
    uint64_t pmax_uw, period_ns;
    soak_wide energy[SOAK_SLOTS + 1]; /* uW ns since 0 */
    struct soak_stall stalls[SOAK_STALLS];
    size_t stall_count;
    uint64_t offset; /* counts at the beginning of this generation */
    uint32_t generation;
    struct jb_sensor sensor;
    struct jb_meter meter;
    uint64_t first_count, last_count;
    struct jb_sample held; /* a late one; t1 0 for none */
};

static uint64_t soak_random(uint64_t *seed, uint64_t below)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return below ? (*seed * UINT64_C(2685821657736338717) >> 16) % below : 0;
}

static bool soak_chance(struct soak *soak, unsigned one_in)
{
    return soak_random(&soak->seed, one_in) == 0;
}

static soak_wide soak_energy(const struct soak *soak, uint64_t t_ns)
{
    uint64_t slot = t_ns / SOAK_MS;

    if (slot >= SOAK_SLOTS)
        return soak->energy[SOAK_SLOTS];
    return soak->energy[slot] + (soak->energy[slot + 1] - soak->energy[slot]) /
                                    SOAK_MS * (t_ns % SOAK_MS);
}

/* Square waves, stairs up and down, noise, and long rests. */
static uint64_t soak_power(struct soak *soak, unsigned shape, uint64_t slot,
                           uint64_t last_uw)
{
    uint64_t period = 2 + soak->run % 300;
    uint64_t phase = slot % period;
    uint64_t up = phase * 2 < period ? phase : period - phase;

    switch (shape) {
    case 0:
        return phase * 2 < period ? soak->pmax_uw : soak->pmax_uw / 20;
    case 1:
        return soak->pmax_uw * up * 2 / period;
    case 2:
        return soak_chance(soak, 20)
                   ? soak_random(&soak->seed, soak->pmax_uw + 1)
                   : last_uw;
    default:
        return soak_chance(soak, 100)
                   ? soak_random(&soak->seed, 2) * soak->pmax_uw
                   : last_uw;
    }
}

static void soak_make_truth(struct soak *soak)
{
    unsigned shape = soak->run % 4;
    uint64_t uw = soak->pmax_uw;

    for (uint64_t slot = 0; slot < SOAK_SLOTS; slot++) {
        uw = soak_power(soak, shape, slot, uw);
        assert_true(uw <= soak->pmax_uw);
        soak->energy[slot + 1] = soak->energy[slot] + (soak_wide)uw * SOAK_MS;
    }
}

/* Long enough to be seen for certain (the meter's patience and some reads), and
 * not so long that what is told at once can have wrapped. */
static void soak_make_stalls(struct soak *soak)
{
    uint64_t least =
        jb_meter_patience_ns(&soak->sensor) + 8 * soak->period_ns + SOAK_MS;
    uint64_t at = 2 * SOAK_S;

    if (!(soak->trouble & (SOAK_CATCH_UP | SOAK_LOSS)) ||
        least + SOAK_S / 4 > jb_meter_max_gap_ns(&soak->sensor))
        return;
    while (soak->stall_count < SOAK_STALLS) {
        struct soak_stall *stall = &soak->stalls[soak->stall_count++];

        stall->from_ns = at + soak_random(&soak->seed, SOAK_S);
        stall->to_ns =
            stall->from_ns + least + soak_random(&soak->seed, SOAK_S / 4);
        at = stall->to_ns + SOAK_S / 4;
        if (at > SOAK_SLOTS * SOAK_MS - SOAK_S)
            soak->stall_count--;
        if (at > SOAK_SLOTS * SOAK_MS - SOAK_S)
            return;
    }
}

static bool soak_near_stall(const struct soak *soak, uint64_t from_ns,
                            uint64_t to_ns)
{
    for (size_t i = 0; i < soak->stall_count; i++)
        if (to_ns + SOAK_S / 8 >= soak->stalls[i].from_ns &&
            from_ns <= soak->stalls[i].to_ns + SOAK_S / 8)
            return true;
    return false;
}

/* What the register has counted by t. */
static soak_wide soak_counted(const struct soak *soak, uint64_t t_ns)
{
    soak_wide lost = 0;

    for (size_t i = 0; i < soak->stall_count; i++) {
        const struct soak_stall *stall = &soak->stalls[i];

        if (t_ns < stall->from_ns)
            break;
        if (t_ns < stall->to_ns)
            return soak_energy(soak, stall->from_ns) - lost;
        if (soak->trouble & SOAK_LOSS)
            lost += soak_energy(soak, stall->to_ns) -
                    soak_energy(soak, stall->from_ns);
    }
    return soak_energy(soak, t_ns) - lost;
}

/* The register's last update before t: each is late by its own jitter. */
static uint64_t soak_update_before(const struct soak *soak, uint64_t t_ns)
{
    uint64_t k = t_ns / SOAK_MS;
    uint64_t seed = k * UINT64_C(0x9e3779b97f4a7c15) + soak->run + 1;
    uint64_t at = k * SOAK_MS + soak_random(&seed, SOAK_JITTER_NS);

    return at <= t_ns ? at : soak_update_before(soak, k * SOAK_MS - 1);
}

static uint64_t soak_count(const struct soak *soak, uint64_t t_ns)
{
    const struct jb_unit *unit = &soak->sensor.unit;
    soak_wide uw_ns = soak_counted(soak, soak_update_before(soak, t_ns));

    return (uint64_t)(uw_ns * unit->den / ((soak_wide)unit->num * SOAK_S));
}

static void soak_describe(struct soak *soak)
{
    static const struct jb_unit units[] = {
        { JB_QUANTITY_ENERGY, 1000000, 16384, 61035, 1000, 0 },
        { JB_QUANTITY_ENERGY, 15300, 1000, 15300, 1000, 0 },
        { JB_QUANTITY_ENERGY, 1000000, 65536, 15258, 1000, 0 },
        { JB_QUANTITY_ENERGY, 1, 1, 1, 1, 0 },
        { JB_QUANTITY_ENERGY, 1000000, 64, 1000000, 64, 0 },
    };
    static const uint64_t periods_ms[] = { 2, 5, 10, 25, 60 };
    uint64_t range_ns;

    soak->pmax_uw = 1000000 * (20 + soak_random(&soak->seed, 600));
    soak->period_ns =
        periods_ms[soak_random(&soak->seed, CHECK_COUNT(periods_ms))] * SOAK_MS;
    soak->sensor = (struct jb_sensor){
        .name = "soak",
        .domain = { JB_DOMAIN_PACKAGE, 0, JB_NO_DIE },
        .unit = units[soak_random(&soak->seed, CHECK_COUNT(units))],
        .kind = JB_KIND_COUNTER,
        .pmax_from = JB_BOUND_DECLARED,
        .pmax_uw = soak->pmax_uw,
        .update_ns = SOAK_MS,
        .lag_ns = (SOAK_MS + SOAK_JITTER_NS) / 2,
        .lag_unc_ns = (SOAK_MS + SOAK_JITTER_NS) / 2 + 1,
        .quantum = 1,
    };
    /* The range lasts 0.5 to 2.5 s at full power: some 6 to 30 wraps. */
    range_ns = SOAK_S / 2 + soak_random(&soak->seed, 2 * SOAK_S);
    soak->sensor.unit.modulus =
        (uint64_t)((soak_wide)soak->pmax_uw * range_ns * soak->sensor.unit.den /
                   ((soak_wide)soak->sensor.unit.num * SOAK_S)) +
        1;
    soak->offset = soak_random(&soak->seed, soak->sensor.unit.modulus);
}

static void soak_feed(struct soak *soak, const struct jb_sample *sample)
{
    enum jb_meter_event event = jb_meter_feed(&soak->meter, sample);

    if (!(soak->trouble & SOAK_INEXACT) && event != JB_METER_FIRST &&
        event != JB_METER_ADVANCE && event != JB_METER_LATE &&
        soak->meter.counts.refused[-JB_ELIMIT] == 0)
        fail_msg("run %u at %" PRIu64 " ns: event %d", soak->run, sample->t0_ns,
                 event);
}

/* A late reading is handed over after the one that follows it. */
static void soak_deliver(struct soak *soak, const struct jb_sample *sample)
{
    if ((soak->trouble & SOAK_LATE) && soak->held.t1_ns == 0 &&
        soak->meter.curve.length > 0 && soak_chance(soak, 20)) {
        soak->held = *sample;
        return;
    }
    soak_feed(soak, sample);
    if (soak->held.t1_ns != 0)
        soak_feed(soak, &soak->held);
    soak->held.t1_ns = 0;
}

static void soak_read(struct soak *soak, uint64_t t_ns)
{
    const struct jb_unit *unit = &soak->sensor.unit;
    uint64_t count = soak_count(soak, t_ns);
    uint64_t shown = (count + soak->offset) % unit->modulus;
    struct jb_sample sample = {
        .generation = soak->generation,
        .t0_ns = t_ns - soak_random(&soak->seed, 50000),
        .t1_ns = t_ns + soak_random(&soak->seed,
                                    soak_chance(soak, 50) ? SOAK_MS : 50000),
    };

    /* After a rest a spike cannot be told from a counter that catches up. */
    if ((soak->trouble & SOAK_SPIKES) && soak->run % 4 < 2 &&
        !soak_near_stall(soak, t_ns, t_ns) && soak_chance(soak, 300))
        shown = (shown + unit->modulus / 2) % unit->modulus;
    sample.raw = (uint64_t)((soak_wide)shown * unit->read_num / unit->read_den);
    if (soak->meter.counts.samples == 0)
        soak->first_count = count;
    soak->last_count = count;
    soak_deliver(soak, &sample);
}

/* Mostly about a period; a pause ends before its number of wraps is open, a
 * gap may not.  Neither hides a stall, which nobody could then know of. */
static uint64_t soak_wait_ns(struct soak *soak, uint64_t t_ns)
{
    uint64_t range_ns = jb_meter_max_gap_ns(&soak->sensor);
    uint64_t usual_ns = soak->period_ns / 2 + 2 * SOAK_MS +
                        soak_random(&soak->seed, soak->period_ns);
    uint64_t wait_ns = usual_ns;

    if ((soak->trouble & SOAK_PAUSES) && soak_chance(soak, 100))
        wait_ns = range_ns / 5 + soak_random(&soak->seed, range_ns / 5);
    if ((soak->trouble & SOAK_GAPS) && soak_chance(soak, 200))
        wait_ns = range_ns / 2 + soak_random(&soak->seed, 3 * range_ns / 2);
    return soak_near_stall(soak, t_ns, t_ns + wait_ns) ? usual_ns : wait_ns;
}

static void soak_live(struct soak *soak)
{
    uint64_t t_ns = SOAK_S;

    while (t_ns < (SOAK_SLOTS - 10) * SOAK_MS) {
        soak_read(soak, t_ns);
        if ((soak->trouble & SOAK_RELOADS) && soak_chance(soak, 400) &&
            !soak_near_stall(soak, t_ns, t_ns)) {
            soak->generation++;
            soak->offset = soak_random(&soak->seed, soak->sensor.unit.modulus);
        }
        t_ns += soak_wait_ns(soak, t_ns);
    }
    if (soak->held.t1_ns != 0)
        soak_feed(soak, &soak->held);
}

static struct jb_knot soak_point(struct soak *soak, uint64_t power_uw)
{
    const struct jb_curve *curve = &soak->meter.curve;
    uint64_t from_ns = jb_curve_knot(curve, 0)->t_ns;
    uint64_t range_ns = jb_curve_newest(curve)->t_ns - from_ns;
    struct jb_knot knot;

    if (soak_chance(soak, 3))
        return *jb_curve_knot(curve, soak_random(&soak->seed, curve->length));
    assert_int_equal(jb_curve_at(curve,
                                 from_ns + soak_random(&soak->seed, range_ns),
                                 power_uw, &knot),
                     JB_OK);
    return knot;
}

/* In uJ: [E - below, E + above] holds the truth. */
static void soak_check_span(const struct soak *soak, const struct jb_knot *a,
                            const struct jb_knot *b,
                            const struct jb_curve_bounds *bounds)
{
    struct jb_span span = jb_span_between(a, b, bounds);
    soak_wide truth = soak_energy(soak, b->t_ns) - soak_energy(soak, a->t_ns);
    int64_t low_uj = (int64_t)(truth / SOAK_S);
    int64_t high_uj = (int64_t)((truth + SOAK_S - 1) / SOAK_S);
    uint64_t below;
    uint64_t above;

    jb_uncertainty_interval(&span.uncertainty, &below, &above);
    if (span.energy.uj < 0)
        fail_msg("run %u: negative energy %" PRId64, soak->run, span.energy.uj);
    if (high_uj < span.energy.uj - (int64_t)below ||
        low_uj > span.energy.uj + (int64_t)above + 1)
        fail_msg("run %u (trouble %x, period %" PRIu64 " ms, %" PRIu64
                 " W): %" PRIu64 " to %" PRIu64 ": truth %" PRId64
                 " outside %" PRId64 " -%" PRIu64 " +%" PRIu64 " (gap %" PRIu64
                 ")",
                 soak->run, soak->trouble, soak->period_ns / SOAK_MS,
                 soak->pmax_uw / 1000000, a->t_ns, b->t_ns, low_uj,
                 span.energy.uj, below, above, span.uncertainty.gap_uj);
    assert_true(jb_span_coverage_ppm(&span) <= 1000000);
}

static void soak_check(struct soak *soak)
{
    struct jb_curve_bounds bounds = jb_meter_bounds(&soak->meter);
    const struct jb_knot *newest = jb_curve_newest(&soak->meter.curve);

    if (!(soak->trouble & SOAK_INEXACT)) {
        CHECK_U64("counts", newest->counts,
                  soak->last_count - soak->first_count);
        assert_true(soak->meter.counts.wraps > 0);
        CHECK_U64("gaps", soak->meter.counts.gaps, 0);
    }
    for (unsigned i = 0; i < SOAK_SPANS; i++) {
        struct jb_knot a = soak_point(soak, bounds.power_uw);
        struct jb_knot b = soak_point(soak, bounds.power_uw);

        if (a.t_ns <= b.t_ns)
            soak_check_span(soak, &a, &b, &bounds);
        else
            soak_check_span(soak, &b, &a, &bounds);
    }
}

static void soak_run(unsigned run, unsigned trouble)
{
    struct soak *soak = calloc(1, sizeof(*soak));
    struct jb_error err = { 0 };

    assert_non_null(soak);
    soak->run = run;
    soak->trouble = trouble;
    soak->seed = UINT64_C(0x9e3779b97f4a7c15) * (run + 1);
    soak_describe(soak);
    soak_make_truth(soak);
    soak_make_stalls(soak);
    CHECK_STATUS("init",
                 jb_meter_init(&soak->meter, &soak->sensor,
                               run % 5 == 0 ? 64 : 16384, &err),
                 JB_OK, &err);
    soak_live(soak);
    soak_check(soak);
    jb_meter_release(&soak->meter);
    free(soak);
}

static void soak_all(unsigned trouble)
{
    for (unsigned run = 0; run < SOAK_RUNS; run++)
        soak_run(run, trouble);
}

static void soak_without_trouble(void **state)
{
    (void)state;
    soak_all(0);
}

static void soak_with_late_readings_and_pauses(void **state)
{
    (void)state;
    soak_all(SOAK_LATE | SOAK_PAUSES);
}

static void soak_with_catch_up(void **state)
{
    (void)state;
    soak_all(SOAK_CATCH_UP);
}

static void soak_with_loss(void **state)
{
    (void)state;
    soak_all(SOAK_LOSS);
}

static void soak_with_gaps(void **state)
{
    (void)state;
    soak_all(SOAK_GAPS);
}

static void soak_with_reloads_and_spikes(void **state)
{
    (void)state;
    soak_all(SOAK_RELOADS | SOAK_SPIKES);
}

/* All but spikes: a long pause after one leaves a false base that looks true.
 */
static void soak_with_all_at_once(void **state)
{
    (void)state;
    soak_all(SOAK_LATE | SOAK_PAUSES | SOAK_LOSS | SOAK_GAPS | SOAK_RELOADS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soak_without_trouble),
        cmocka_unit_test(soak_with_late_readings_and_pauses),
        cmocka_unit_test(soak_with_catch_up),
        cmocka_unit_test(soak_with_loss),
        cmocka_unit_test(soak_with_gaps),
        cmocka_unit_test(soak_with_reloads_and_spikes),
        cmocka_unit_test(soak_with_all_at_once),
    };

    return cmocka_run_group_tests_name("meter_soak", tests, NULL, NULL);
}
