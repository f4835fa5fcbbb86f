/* SPDX-License-Identifier: Apache-2.0 */
#include "interval.h"

#include <inttypes.h>

#include "base/clock.h"
#include "inside.h"

/* Two meters of one domain may differ by this beyond their own uncertainty
 * before it is worth a word: RAPL's registers are not read at one instant. */
static const double interval_tolerance = 0.01;

static bool interval_no_answer(const struct jb_knot *from,
                               const struct jb_knot *to)
{
    return from->t_ns == 0 || to->t_ns <= from->t_ns;
}

/* A counter that stood still says "less than one step", which is no figure,
 * unless its domain may rest and has been seen to count. */
static bool interval_is_still(const struct jb_meter *meter,
                              const struct jb_knot *from,
                              const struct jb_knot *to)
{
    const struct jb_sensor *sensor = &meter->sensor;

    if (sensor->kind != JB_KIND_COUNTER || to->counts > from->counts)
        return false;
    if (to->gap_uj > from->gap_uj && to->seen_ns <= from->seen_ns)
        return true; /* frozen, or nothing but a gap */
    return !(sensor->flags & JB_SENSOR_MAY_REST) || to->raw == 0 ||
           to->t_ns - from->t_ns < jb_meter_patience_ns(sensor);
}

static int interval_refuse_still(const struct jb_meter *meter,
                                 const struct jb_knot *from,
                                 const struct jb_knot *to, struct jb_error *why)
{
    uint64_t span_ns = to->t_ns - from->t_ns;

    if (to->raw != from->raw)
        return jb_fail(why, JB_EIMPLAUSIBLE,
                       "the counter was reset or jumped, and nothing else was "
                       "seen of it");
    if (span_ns > jb_meter_patience_ns(&meter->sensor))
        return jb_fail(why, JB_EDEAD, "the counter stands still");
    /* A whole number: printing a fraction costs a region as much as a read. */
    return jb_fail(why, JB_ELIMIT,
                   "too short: the counter did not move in %" PRIu64 " us%s",
                   span_ns / JB_NS_PER_US,
                   to->raw == 0 ? ", and it reads 0" : "");
}

/* The interval was meant to go on until the end mark's cut, which the meter has
 * not answered: a gap like any other. */
static void interval_add_unread(const struct jb_meter *meter,
                                const struct jb_knot *to, struct jb_span *span)
{
    span->elapsed_ns += to->unread_ns;
    span->uncertainty.gap_uj += jb_meter_gap_bound_uj(meter, to->unread_ns);
}

static void interval_fill(const struct jb_meter *meter,
                          const struct jb_knot *from, const struct jb_knot *to,
                          struct jb_interval *row)
{
    struct jb_curve_bounds bounds = jb_meter_bounds(meter);
    uint64_t elapsed_ns = to->t_ns - from->t_ns;

    row->span = jb_span_between(from, to, &bounds);
    interval_add_unread(meter, to, &row->span);
    jb_uncertainty_interval(&row->span.uncertainty, &row->below_uj,
                            &row->above_uj);
    if (row->span.energy.uj >= 0 &&
        row->below_uj > (uint64_t)row->span.energy.uj)
        row->below_uj = (uint64_t)row->span.energy.uj;
    if (row->span.seen_ns > 0)
        row->average_uw = (uint64_t)((double)row->span.energy.uj /
                                     ((double)row->span.seen_ns / JB_NS_PER_S));
    row->peak_uw = meter->peak_uw;
    row->peak_window_ns = meter->peak_window_ns;
    row->counts = to->counts - from->counts;
    row->first_raw = from->raw;
    row->last_raw = to->raw;
    row->first_ns = from->t_ns + meter->sensor.lag_ns;
    row->last_ns = to->t_ns + meter->sensor.lag_ns;
    row->provenance = meter->sensor.provenance;
    row->update_ns = meter->sensor.update_ns;
    if (row->update_ns > 0)
        row->updates = elapsed_ns / row->update_ns;
}

static void interval_of_sensor(struct jb_machine *machine, size_t sensor,
                               const struct jb_knot *from,
                               const struct jb_knot *to,
                               struct jb_interval *row)
{
    const struct jb_meter *meter = machine->sensors[sensor].meter;

    row->sensor = (ptrdiff_t)sensor;
    row->why = (struct jb_error){ 0 };
    if (!meter || interval_no_answer(&from[sensor], &to[sensor])) {
        jb_fail(&row->why, JB_EBUSY, "no two readings in this time");
        return;
    }
    interval_fill(meter, &from[sensor], &to[sensor], row);
    if (interval_is_still(meter, &from[sensor], &to[sensor]))
        interval_refuse_still(meter, &from[sensor], &to[sensor], &row->why);
}

/* Whether two figures of one domain exclude each other. */
static bool interval_disjoint(const struct jb_interval *a,
                              const struct jb_interval *b)
{
    double lower = (double)a->span.energy.uj;
    double upper = (double)b->span.energy.uj;
    double reach = (double)(a->above_uj + b->below_uj);

    if (lower > upper) {
        lower = (double)b->span.energy.uj;
        upper = (double)a->span.energy.uj;
        reach = (double)(b->above_uj + a->below_uj);
    }
    return upper - lower > reach + interval_tolerance * upper;
}

static void interval_cross_check(struct jb_machine *machine,
                                 const struct jb_knot *from,
                                 const struct jb_knot *to,
                                 struct jb_interval *row)
{
    for (size_t i = 0; i < machine->sensor_count; i++) {
        const struct jb_machine_sensor *sensor = &machine->sensors[i];
        struct jb_interval other = { 0 };

        if (sensor->domain != (ptrdiff_t)row->domain || !sensor->meter ||
            (ptrdiff_t)i == row->sensor || sensor->why.status != JB_OK ||
            sensor->about->provenance == JB_ESTIMATED)
            continue;
        interval_of_sensor(machine, i, from, to, &other);
        if (other.why.status != JB_OK || !interval_disjoint(row, &other))
            continue;
        row->contradicted_by = (ptrdiff_t)i;
        row->contradicting = other.span.energy;
        return;
    }
}

/* A domain without a usable sensor: the reason of the one it would have. */
static void interval_say_why(const struct jb_machine *machine,
                             struct jb_interval *row)
{
    jb_fail(&row->why, JB_EABSENT, "no sensor");
    for (size_t i = 0; i < machine->sensor_count; i++) {
        const struct jb_machine_sensor *sensor = &machine->sensors[i];

        if (sensor->domain != (ptrdiff_t)row->domain)
            continue;
        row->sensor = sensor->relay < 0 ? (ptrdiff_t)i : sensor->relay;
        row->why = machine->sensors[row->sensor].why;
        return;
    }
}

void jb_machine_interval(struct jb_machine *machine, const struct jb_knot *from,
                         const struct jb_knot *to, struct jb_interval *out)
{
    pthread_mutex_lock(&machine->lock);
    for (size_t d = 0; d < machine->domain_count; d++) {
        ptrdiff_t chosen = machine->domains[d].chosen;

        out[d] = (struct jb_interval){ .domain = d,
                                       .sensor = -1,
                                       .contradicted_by = -1 };
        if (chosen < 0) {
            interval_say_why(machine, &out[d]);
            continue;
        }
        interval_of_sensor(machine, (size_t)chosen, from, to, &out[d]);
        if (out[d].why.status == JB_OK)
            interval_cross_check(machine, from, to, &out[d]);
    }
    pthread_mutex_unlock(&machine->lock);
}

static bool interval_counts(const struct jb_interval *row, bool estimates)
{
    return row->why.status == JB_OK &&
           (row->provenance == JB_ESTIMATED) == estimates;
}

/* True when a domain that is summed already holds these joules. */
static bool interval_is_inside(const struct jb_machine *machine,
                               const struct jb_interval *rows, size_t d,
                               bool estimates)
{
    ptrdiff_t outer = machine->domains[d].parent;

    for (; outer >= 0; outer = machine->domains[outer].parent)
        if (interval_counts(&rows[outer], estimates))
            return true;
    return false;
}

size_t jb_interval_total(const struct jb_machine *machine,
                         const struct jb_interval *rows,
                         struct jb_energy *energy, uint64_t *below_uj,
                         uint64_t *above_uj, bool *included)
{
    struct jb_energy sum = { 0 };
    struct jb_uncertainty doubt = { 0 };
    bool estimates = true;
    size_t count = 0;

    for (size_t d = 0; d < machine->domain_count; d++)
        estimates = estimates && !interval_counts(&rows[d], false);
    for (size_t d = 0; d < machine->domain_count; d++) {
        bool in = interval_counts(&rows[d], estimates) &&
                  !interval_is_inside(machine, rows, d, estimates);

        included[d] = in;
        if (!in)
            continue;
        sum = jb_energy_add(sum, rows[d].span.energy);
        doubt = jb_uncertainty_sum(&doubt, &rows[d].span.uncertainty, true);
        count++;
    }
    *energy = sum;
    jb_uncertainty_interval(&doubt, below_uj, above_uj);
    if (sum.uj >= 0 && *below_uj > (uint64_t)sum.uj)
        *below_uj = (uint64_t)sum.uj;
    return count;
}
