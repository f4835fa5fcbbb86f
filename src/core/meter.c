/* SPDX-License-Identifier: Apache-2.0 */
#include "meter.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "domain.h"
#include "plausible.h"

enum {
    METER_PATIENCE_UPDATES = 20,
    METER_PEAK_UPDATES = 10, /* 10 updates: their jitter is below 10 % */
    METER_STILL_POWER_UW = 100000,
    METER_NS_PER_UJ_AT_1_W = 1000,
};

static const uint64_t meter_peak_floor_ns = 10 * (uint64_t)JB_NS_PER_MS;
static const uint64_t meter_patience_floor_ns = 20 * (uint64_t)JB_NS_PER_MS;
static const uint64_t meter_power_gap_floor_ns = 5 * (uint64_t)JB_NS_PER_S;

static uint64_t meter_larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool meter_is_energy(const struct jb_sensor *sensor)
{
    return sensor->unit.quantity == JB_QUANTITY_ENERGY;
}

static uint64_t meter_quantum_uj(const struct jb_sensor *sensor)
{
    if (!meter_is_energy(sensor))
        return 0;
    return (uint64_t)jb_unit_energy(&sensor->unit, sensor->quantum).uj + 1;
}

/* Long enough that neither the jitter of the updates nor one step of the
 * counter makes a peak: a step is then 1 W. */
static uint64_t meter_peak_window_ns(const struct jb_sensor *sensor)
{
    return meter_larger(meter_larger(meter_peak_floor_ns,
                                     METER_PEAK_UPDATES * sensor->update_ns),
                        meter_quantum_uj(sensor) * METER_NS_PER_UJ_AT_1_W);
}

/* What no domain of this kind reaches, where the sensor says nothing. */
static uint64_t meter_pmax_uw(const struct jb_sensor *sensor)
{
    return sensor->pmax_uw != 0
               ? sensor->pmax_uw
               : jb_domain_guessed_pmax_uw(sensor->domain.kind);
}

int jb_meter_init(struct jb_meter *meter, const struct jb_sensor *sensor,
                  size_t capacity, struct jb_error *err)
{
    const struct jb_unit *unit = &sensor->unit;
    int rc;

    if (unit->quantity != JB_QUANTITY_ENERGY &&
        unit->quantity != JB_QUANTITY_POWER)
        return jb_fail(err, JB_EUSAGE, "%s is neither energy nor power",
                       sensor->name);
    if (unit->num == 0 || unit->den == 0 || unit->read_num == 0 ||
        unit->read_den == 0 || sensor->quantum == 0)
        return jb_fail(err, JB_EUSAGE, "%s has a degenerate unit",
                       sensor->name);
    *meter = (struct jb_meter){
        .sensor = *sensor,
        .peak_window_ns = meter_peak_window_ns(sensor),
    };
    rc = jb_curve_init(&meter->curve, capacity, err);
    return rc;
}

void jb_meter_release(struct jb_meter *meter)
{
    jb_curve_release(&meter->curve);
}

uint64_t jb_meter_patience_ns(const struct jb_sensor *sensor)
{
    uint64_t steps_ns =
        4 * meter_quantum_uj(sensor) * (JB_NS_PER_S / METER_STILL_POWER_UW);

    return meter_larger(
        meter_larger(METER_PATIENCE_UPDATES * sensor->update_ns, steps_ns),
        meter_patience_floor_ns);
}

uint64_t jb_meter_max_gap_ns(const struct jb_sensor *sensor)
{
    struct jb_energy range;
    double ns;

    if (sensor->kind != JB_KIND_COUNTER || sensor->unit.modulus == 0 ||
        meter_pmax_uw(sensor) == 0)
        return UINT64_MAX;
    range = jb_unit_energy(&sensor->unit, sensor->unit.modulus);
    ns = (double)range.uj / (double)meter_pmax_uw(sensor) * JB_NS_PER_S;
    return ns >= (double)UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

static enum jb_meter_event meter_refuse(struct jb_meter *meter, int state)
{
    size_t at = (size_t)-state;
    size_t rows = sizeof(meter->counts.refused) / sizeof(uint64_t);

    meter->counts.refused[at < rows ? at : (size_t)-JB_EIMPLAUSIBLE]++;
    return JB_METER_REFUSED;
}

/* A counter may pass through any number but the last one. */
static bool meter_is_sentinel(const struct jb_sensor *sensor, uint64_t count)
{
    if (sensor->kind == JB_KIND_COUNTER)
        return count == UINT64_MAX;
    return jb_plausible_is_ones(count) ||
           (!meter_is_energy(sensor) && count == 0);
}

static uint64_t meter_power_uw(const struct jb_sensor *sensor, uint64_t count)
{
    return (uint64_t)jb_unit_energy(&sensor->unit, count).uj;
}

/* The sample as a knot without its cumulative parts, or the reason why not. */
static int meter_knot(const struct jb_meter *meter,
                      const struct jb_sample *sample, struct jb_knot *knot)
{
    const struct jb_sensor *sensor = &meter->sensor;
    uint64_t middle = sample->t0_ns + (sample->t1_ns - sample->t0_ns) / 2;
    uint64_t count;
    int rc;

    if (sample->state != JB_OK)
        return sample->state < 0 ? sample->state : JB_EUSAGE;
    if (sample->t1_ns < sample->t0_ns)
        return JB_EIMPLAUSIBLE;
    rc = jb_unit_count(&sensor->unit, sample->raw, &count);
    if (rc < 0)
        return rc;
    if (meter_is_sentinel(sensor, count))
        return JB_EIMPLAUSIBLE;
    if (!meter_is_energy(sensor) && sensor->pmax_uw != 0 &&
        meter_power_uw(sensor, count) > sensor->pmax_uw)
        return JB_EIMPLAUSIBLE;
    *knot = (struct jb_knot){
        .t_ns =
            sample->meter_ns
                ? sample->meter_ns
                : middle - (sensor->lag_ns < middle ? sensor->lag_ns : middle),
        .raw = meter_is_energy(sensor) ? count : meter_power_uw(sensor, count),
        .edge_ns = (sample->t1_ns - sample->t0_ns + 1) / 2 + sensor->lag_unc_ns,
        .generation = sample->generation,
    };
    return JB_OK;
}

static void meter_copy_totals(struct jb_knot *to, const struct jb_knot *from)
{
    to->counts = from->counts;
    to->energy = from->energy;
    to->seen_ns = from->seen_ns;
    to->gap_uj = from->gap_uj;
    to->below_uj = from->below_uj;
    to->above_uj = from->above_uj;
    to->variance_uj2 = from->variance_uj2;
}

uint64_t jb_meter_gap_bound_uj(const struct jb_meter *meter, uint64_t ns)
{
    return jb_energy_bound_uj(meter_pmax_uw(&meter->sensor), ns);
}

/* The most that can have flowed between two readings: each speaks of an
 * instant that is uncertain, and of a count that is cut to whole steps. */
static uint64_t meter_unseen_uj(const struct jb_meter *meter,
                                const struct jb_knot *from,
                                const struct jb_knot *to)
{
    uint64_t ns = to->t_ns - from->t_ns + from->edge_ns + to->edge_ns;

    return jb_meter_gap_bound_uj(meter, ns) + meter_quantum_uj(&meter->sensor);
}

/* Counts between two readings of a counter, and whether they can be real. */
struct meter_step {
    uint64_t counts;
    bool wrapped;
    enum jb_meter_event event;
};

static uint64_t meter_still_ns(const struct jb_meter *meter,
                               const struct jb_knot *at)
{
    return at->t_ns > meter->moved.t_ns ? at->t_ns - meter->moved.t_ns : 0;
}

/* A counter that stood still may tell at once what it kept back. */
static uint64_t meter_kept_ns(const struct jb_meter *meter,
                              const struct jb_knot *at)
{
    return meter_still_ns(meter, at) > 0 ? at->t_ns - meter->sure.t_ns : 0;
}

static struct meter_step meter_step(const struct jb_meter *meter,
                                    const struct jb_knot *from,
                                    const struct jb_knot *to)
{
    const struct jb_sensor *sensor = &meter->sensor;
    const struct jb_unit *unit = &sensor->unit;
    uint64_t span_ns =
        to->t_ns - from->t_ns + from->edge_ns + to->edge_ns + sensor->update_ns;
    uint64_t pmax_uw = meter_pmax_uw(sensor);
    struct meter_step step = { .counts = to->raw - from->raw,
                               .wrapped = to->raw < from->raw,
                               .event = JB_METER_ADVANCE };
    uint64_t most;

    if (to->generation != from->generation) {
        step.event = JB_METER_RESET;
        return step;
    }
    if (span_ns >= jb_meter_max_gap_ns(sensor)) {
        step.event = JB_METER_GAP;
        return step;
    }
    if (step.wrapped)
        step.counts += unit->modulus;
    if (step.wrapped && unit->modulus == 0) {
        step.event = JB_METER_RESET;
        return step;
    }
    if (pmax_uw == 0)
        return step;
    most = jb_unit_counts_within(unit, pmax_uw,
                                 span_ns + meter_kept_ns(meter, from));
    if (step.counts > most && step.counts - most > sensor->quantum)
        step.event = step.wrapped ? JB_METER_RESET : JB_METER_JUMP;
    return step;
}

static void meter_count_event(struct jb_meter *meter, enum jb_meter_event event)
{
    switch (event) {
    case JB_METER_ADVANCE:
        meter->counts.advanced++;
        break;
    case JB_METER_LATE:
        meter->counts.late++;
        break;
    case JB_METER_GAP:
        meter->counts.gaps++;
        break;
    case JB_METER_RESET:
        meter->counts.resets++;
        break;
    case JB_METER_JUMP:
        meter->counts.jumps++;
        break;
    case JB_METER_FIRST:
    case JB_METER_REFUSED:
        break;
    }
}

/* It stopped at some instant of the step in which it last moved.  What flowed
 * since may be missing, or be told later: no time was seen, more may have
 * flowed, and where within the whole rest it did is open. */
static void meter_doubt(const struct jb_meter *meter, struct jb_knot *knot)
{
    uint64_t unseen_uj = meter_unseen_uj(meter, &meter->sure, knot);

    knot->seen_ns = meter->sure.seen_ns;
    knot->gap_uj = meter->sure.gap_uj + unseen_uj;
    knot->slack_uj = unseen_uj;
}

static void meter_freeze(struct jb_meter *meter)
{
    struct jb_curve *curve = &meter->curve;

    for (size_t i = jb_curve_rank(curve, meter->sure.t_ns); i < curve->length;
         i++)
        meter_doubt(meter, jb_curve_restate(curve, i));
    meter->frozen = true;
}

/*
 * A counter that stands still longer than a powered domain can is frozen: its
 * still time was not observed after all, and is restated as a gap.  So is the
 * step in which it thaws, since nobody knows when within it.
 */
static void meter_watch_still(struct jb_meter *meter,
                              const struct jb_knot *last, struct jb_knot *knot,
                              bool moved)
{
    if (moved && meter->frozen) {
        knot->seen_ns = last->seen_ns;
        knot->gap_uj += meter_unseen_uj(meter, last, knot);
    }
    if (moved || (meter->sensor.flags & JB_SENSOR_MAY_REST)) {
        meter->ever_moved |= moved;
        meter->frozen = false;
        meter->moved = *knot;
        meter->sure = *last;
        return;
    }
    if (!meter->frozen &&
        meter_still_ns(meter, knot) > jb_meter_patience_ns(&meter->sensor))
        meter_freeze(meter);
    if (meter->frozen)
        meter_doubt(meter, knot);
}

/* The whole count is converted anew, so that no rounding adds up. */
static void meter_book_counts(const struct jb_meter *meter,
                              struct jb_knot *knot, uint64_t counts)
{
    knot->counts += counts;
    knot->energy = jb_unit_energy(&meter->sensor.unit, knot->counts);
}

static enum jb_meter_event meter_advance_counter(struct jb_meter *meter,
                                                 const struct jb_knot *last,
                                                 struct jb_knot *knot)
{
    struct meter_step step = meter_step(meter, last, knot);

    if (step.event == JB_METER_ADVANCE) {
        meter_book_counts(meter, knot, step.counts);
        knot->seen_ns += knot->t_ns - last->t_ns;
        meter->counts.wraps += step.wrapped;
        meter_watch_still(meter, last, knot, step.counts > 0);
        return step.event;
    }
    knot->gap_uj += meter_unseen_uj(meter, last, knot);
    meter->moved = *knot;
    meter->sure = *knot;
    meter->frozen = false;
    return step.event;
}

/* An amount may be of a period that began before the last reading by as much
 * as an update. */
static enum jb_meter_event meter_advance_delta(const struct jb_meter *meter,
                                               const struct jb_knot *last,
                                               struct jb_knot *knot)
{
    const struct jb_sensor *sensor = &meter->sensor;
    uint64_t pmax_uw = meter_pmax_uw(sensor);
    uint64_t unseen_uj = meter_unseen_uj(meter, last, knot);
    uint64_t most_uj =
        unseen_uj + jb_energy_bound_uj(pmax_uw, sensor->update_ns);
    struct jb_energy told = jb_unit_energy(&sensor->unit, knot->raw);

    if (pmax_uw != 0 && (uint64_t)told.uj > most_uj) {
        knot->gap_uj += unseen_uj;
        return JB_METER_JUMP;
    }
    meter_book_counts(meter, knot, knot->raw);
    knot->seen_ns += knot->t_ns - last->t_ns;
    return JB_METER_ADVANCE;
}

static double meter_joule_uj(uint64_t uw, uint64_t span_ns)
{
    return (double)uw * (double)span_ns / JB_NS_PER_S;
}

/*
 * Energy of a span from the powers at its ends.  A sampled power gives the
 * trapezoid, and a straight line of unknown bend has the variance of a uniform
 * error.  The mean over a window is right for that window; what lies before it
 * was not looked at and is the trapezoid too, give or take half of itself.
 */
static void meter_integrate(const struct jb_sensor *sensor,
                            const struct jb_knot *from, struct jb_knot *to)
{
    uint64_t span_ns = to->t_ns - from->t_ns;
    uint64_t high = meter_larger(from->raw, to->raw);
    uint64_t low = from->raw + to->raw - high;
    uint64_t middle = low + (high - low) / 2;
    uint64_t window_ns =
        sensor->kind == JB_KIND_WINDOW_MEAN ? sensor->window_ns : 0;
    uint64_t unseen_ns = window_ns < span_ns ? span_ns - window_ns : 0;
    double line = meter_joule_uj(high - low, unseen_ns);
    double half = window_ns > 0 ? meter_joule_uj(middle, unseen_ns) : 0.0;

    to->energy = jb_energy_add(
        from->energy,
        jb_unit_energy(
            &(struct jb_unit){ .num = unseen_ns, .den = JB_NS_PER_S }, middle));
    to->energy = jb_energy_add(
        to->energy,
        jb_unit_energy(
            &(struct jb_unit){ .num = span_ns - unseen_ns, .den = JB_NS_PER_S },
            to->raw));
    to->seen_ns += span_ns;
    to->variance_uj2 += (line * line + half * half) / 12.0;
}

static enum jb_meter_event meter_advance_power(struct jb_meter *meter,
                                               const struct jb_knot *last,
                                               struct jb_knot *knot)
{
    const struct jb_sensor *sensor = &meter->sensor;
    uint64_t longest =
        meter_larger(meter_power_gap_floor_ns,
                     3 * meter_larger(sensor->update_ns, sensor->window_ns));
    uint64_t span_ns = knot->t_ns - last->t_ns;

    if (span_ns > longest || knot->generation != last->generation) {
        knot->gap_uj += meter_unseen_uj(meter, last, knot);
        return span_ns > longest ? JB_METER_GAP : JB_METER_RESET;
    }
    meter_integrate(sensor, last, knot);
    meter->ever_moved = true;
    return JB_METER_ADVANCE;
}

/* A model's own interval, on the energy that this step added. */
static void meter_add_model_interval(const struct jb_sample *sample,
                                     const struct jb_knot *last,
                                     struct jb_knot *knot)
{
    int64_t step_uj = jb_energy_sub(knot->energy, last->energy).uj;
    double step = step_uj > 0 ? (double)step_uj : 0.0;

    knot->below_uj += (uint64_t)(step * sample->below_ppm / 1e6);
    knot->above_uj += (uint64_t)(step * sample->above_ppm / 1e6);
}

/* What a thawed counter tells at once was drawn while it stood still. */
static void meter_watch_peak(struct jb_meter *meter, const struct jb_knot *knot,
                             enum jb_meter_event event, bool thawed)
{
    struct jb_knot *anchor = &meter->peak_anchor;
    uint64_t span_ns = knot->t_ns - anchor->t_ns;
    double uw;

    if (event != JB_METER_ADVANCE || meter->frozen || thawed) {
        *anchor = *knot;
        return;
    }
    if (span_ns < meter->peak_window_ns)
        return;
    uw = jb_energy_joules(jb_energy_sub(knot->energy, anchor->energy)) * 1e6 /
         ((double)span_ns / JB_NS_PER_S);
    if (uw > (double)meter->peak_uw)
        meter->peak_uw = (uint64_t)uw;
    *anchor = *knot;
}

static enum jb_meter_event meter_append(struct jb_meter *meter,
                                        const struct jb_sample *sample,
                                        struct jb_knot *knot)
{
    const struct jb_knot *last = jb_curve_newest(&meter->curve);
    bool was_frozen = meter->frozen;
    enum jb_meter_event event;

    meter_copy_totals(knot, last);
    if (meter->sensor.kind == JB_KIND_DELTA)
        event = meter_advance_delta(meter, last, knot);
    else if (meter->sensor.kind == JB_KIND_COUNTER)
        event = meter_advance_counter(meter, last, knot);
    else
        event = meter_advance_power(meter, last, knot);
    meter_add_model_interval(sample, last, knot);
    meter_watch_peak(meter, knot, event, was_frozen);
    return event;
}

/* A late reading may tell that the count had stood still for longer. */
static void meter_move_back(struct jb_meter *meter,
                            const struct jb_knot *before,
                            const struct jb_knot *knot)
{
    if (knot->t_ns > meter->moved.t_ns)
        return;
    if (knot->counts == meter->moved.counts) {
        meter->moved = *knot;
        meter->sure = *before;
    } else if (knot->t_ns > meter->sure.t_ns) {
        meter->sure = *knot;
    }
}

/* Between two knots of a counter; nothing else changes.  In a gap there is
 * nothing to be told by it. */
static int meter_insert_count(struct jb_meter *meter,
                              const struct jb_knot *before,
                              const struct jb_knot *after, struct jb_knot *knot)
{
    struct meter_step step = meter_step(meter, before, knot);

    if (after->gap_uj != before->gap_uj)
        return JB_ELIMIT;
    if (step.event != JB_METER_ADVANCE)
        return JB_EIMPLAUSIBLE;
    meter_copy_totals(knot, before);
    meter_book_counts(meter, knot, step.counts);
    knot->seen_ns += knot->t_ns - before->t_ns;
    if (knot->counts > after->counts)
        return JB_EIMPLAUSIBLE;
    meter_move_back(meter, before, knot);
    return JB_OK;
}

/* A power between two others: what followed is restated by the difference. */
static int meter_insert_power(struct jb_meter *meter,
                              const struct jb_knot *before, size_t rank,
                              struct jb_knot *knot)
{
    const struct jb_knot was = *jb_curve_knot(&meter->curve, rank);
    struct jb_knot now = was;

    meter_copy_totals(knot, before);
    meter_advance_power(meter, before, knot);
    meter_copy_totals(&now, knot);
    meter_advance_power(meter, knot, &now);
    for (size_t i = rank; i < meter->curve.length; i++) {
        struct jb_knot *later = jb_curve_restate(&meter->curve, i);

        later->energy =
            jb_energy_add(later->energy, jb_energy_sub(now.energy, was.energy));
        later->seen_ns += now.seen_ns - was.seen_ns;
        later->gap_uj += now.gap_uj - was.gap_uj;
        later->variance_uj2 += now.variance_uj2 - was.variance_uj2;
    }
    return JB_OK;
}

/* A reading that is older than the newest: its place is between two knots. */
static enum jb_meter_event meter_insert(struct jb_meter *meter,
                                        struct jb_knot *knot)
{
    size_t rank = jb_curve_rank(&meter->curve, knot->t_ns);
    const struct jb_knot *before;
    int rc;

    if (rank == 0 || rank == meter->curve.length ||
        meter->sensor.kind == JB_KIND_DELTA)
        return meter_refuse(meter, JB_ELIMIT);
    before = jb_curve_knot(&meter->curve, rank - 1);
    if (before->t_ns == knot->t_ns)
        return meter_refuse(meter, JB_EUSAGE);
    if (meter->sensor.kind == JB_KIND_COUNTER)
        rc = meter_insert_count(meter, before,
                                jb_curve_knot(&meter->curve, rank), knot);
    else
        rc = meter_insert_power(meter, before, rank, knot);
    if (rc == JB_OK)
        rc = jb_curve_put(&meter->curve, knot);
    return rc == JB_OK ? JB_METER_LATE : meter_refuse(meter, rc);
}

/* Read more often than it measures, a meter with a clock of its own says the
 * same again: what it told is on the curve. */
static bool meter_is_repeat(const struct jb_sample *sample,
                            const struct jb_knot *newest,
                            const struct jb_knot *knot)
{
    return sample->meter_ns != 0 && knot->t_ns == newest->t_ns &&
           knot->raw == newest->raw && knot->generation == newest->generation;
}

enum jb_meter_event jb_meter_feed(struct jb_meter *meter,
                                  const struct jb_sample *sample)
{
    const struct jb_knot *newest = jb_curve_newest(&meter->curve);
    struct jb_knot knot;
    enum jb_meter_event event;
    int rc = meter_knot(meter, sample, &knot);

    meter->counts.samples++;
    if (rc < 0)
        return meter_refuse(meter, rc);
    if (!newest) {
        meter->first_ns = knot.t_ns;
        meter->peak_anchor = knot;
        meter->moved = knot;
        meter->sure = knot;
        event = JB_METER_FIRST;
    } else if (meter_is_repeat(sample, newest, &knot)) {
        return JB_METER_ADVANCE;
    } else if (knot.t_ns <= newest->t_ns) {
        event = meter_insert(meter, &knot);
        meter_count_event(meter, event);
        return event;
    } else {
        event = meter_append(meter, sample, &knot);
    }
    meter_count_event(meter, event);
    if (jb_curve_put(&meter->curve, &knot) != JB_OK)
        return meter_refuse(meter, JB_ELIMIT);
    return event;
}

int jb_meter_verdict(const struct jb_meter *meter, struct jb_error *err)
{
    const struct jb_knot *newest = jb_curve_newest(&meter->curve);

    if (!newest || meter->sensor.kind != JB_KIND_COUNTER)
        return JB_OK;
    if (newest->t_ns - meter->first_ns < jb_meter_patience_ns(&meter->sensor))
        return JB_OK;
    if (newest->raw == 0 && !meter->ever_moved && meter->counts.resets == 0)
        return jb_fail(err, JB_EDEAD, "reads 0 for ever");
    if (meter->frozen)
        return jb_fail(
            err, JB_EDEAD, "stands still at %" PRIu64 " counts for %.3g s",
            newest->raw, (double)meter_still_ns(meter, newest) / JB_NS_PER_S);
    return JB_OK;
}

void jb_meter_restart_peak(struct jb_meter *meter)
{
    const struct jb_knot *newest = jb_curve_newest(&meter->curve);

    meter->peak_uw = 0;
    if (newest)
        meter->peak_anchor = *newest;
}

struct jb_curve_bounds jb_meter_bounds(const struct jb_meter *meter)
{
    return (struct jb_curve_bounds){
        .power_uw = meter_pmax_uw(&meter->sensor),
        .quantum_uj = meter_quantum_uj(&meter->sensor),
        .gain_ppm = meter->sensor.gain_ppm,
    };
}
