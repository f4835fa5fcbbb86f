/* SPDX-License-Identifier: Apache-2.0 */
#include "result.h"

#include <string.h>

#include "base/clock.h"
#include "core/names.h"
#include "output.h"

int jb_result_open(struct jb_result *result, const struct jb_machine *machine,
                   struct jb_error *err)
{
    jb_machine_domains(machine, &result->domain_count);
    result->machine = machine;
    result->domains =
        calloc(result->domain_count + 1, sizeof(*result->domains));
    result->in_total =
        calloc(result->domain_count + 1, sizeof(*result->in_total));
    if (!result->domains || !result->in_total)
        return jb_fail(err, JB_ENOMEM, "%zu domains", result->domain_count);
    for (size_t d = 0; d < result->domain_count; d++)
        result->domains[d].contradicted_by = -1;
    return JB_OK;
}

void jb_result_release(struct jb_result *result)
{
    free(result->domains);
    free(result->in_total);
    result->domains = NULL;
    result->in_total = NULL;
}

static uint64_t result_width(const struct jb_interval *row)
{
    return row->below_uj + row->above_uj;
}

/* A run whose counter moved, or one that was too short for that. */
static void result_add_figure(struct jb_result_domain *domain,
                              const struct jb_interval *row)
{
    double gap_j = (double)row->span.uncertainty.gap_uj / 1e6;
    double peak_w = (double)row->peak_uw / 1e6;

    if (domain->energy_j.count == 0 ||
        result_width(row) > result_width(&domain->worst))
        domain->worst = *row;
    if (domain->energy_j.count == 0 || row->updates < domain->updates)
        domain->updates = row->updates;
    jb_series_add(&domain->energy_j, jb_energy_joules(row->span.energy));
    jb_series_add(&domain->below_j, (double)row->below_uj / 1e6);
    jb_series_add(&domain->above_j, (double)row->above_uj / 1e6);
    domain->moved += row->why.status == JB_OK;
    domain->seen_s += (double)row->span.seen_ns / JB_NS_PER_S;
    if (gap_j > domain->gap_j)
        domain->gap_j = gap_j;
    if (peak_w > domain->peak_w)
        domain->peak_w = peak_w;
    if (row->contradicted_by >= 0) {
        domain->contradicted_by = row->contradicted_by;
        domain->contradicting = row->contradicting;
    }
}

/* The best sensor of a domain decides what its figures will be. */
static bool result_is_measured(const struct jb_machine *machine, size_t d)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);

    for (size_t i = 0; i < count; i++)
        if (sensors[i].domain == (ptrdiff_t)d &&
            sensors[i].about->provenance != JB_ESTIMATED)
            return true;
    return false;
}

bool jb_result_is_of_kind(const struct jb_result *result, size_t d,
                          enum jb_domain_kind kind)
{
    size_t count;
    const struct jb_machine_domain *domains =
        jb_machine_domains(result->machine, &count);
    ptrdiff_t parent = domains[d].parent;

    return domains[d].domain.kind == kind &&
           (parent < 0 || domains[parent].domain.kind != kind) &&
           result_is_measured(result->machine, d);
}

static void result_add_kind(struct jb_result *result,
                            const struct jb_interval *rows,
                            enum jb_domain_kind kind)
{
    double sum_j = 0.0;
    bool any = false;

    for (size_t d = 0; d < result->domain_count; d++) {
        if (!jb_result_is_of_kind(result, d, kind))
            continue;
        if ((rows[d].why.status != JB_OK && rows[d].why.status != JB_ELIMIT) ||
            rows[d].provenance == JB_ESTIMATED)
            return;
        sum_j += jb_energy_joules(rows[d].span.energy);
        any = true;
    }
    if (any)
        jb_series_add(&result->kinds_j[kind], sum_j);
}

void jb_result_add_run(struct jb_result *result, const struct jb_interval *rows,
                       uint64_t elapsed_ns)
{
    for (int kind = 0; kind <= JB_DOMAIN_LAST; kind++)
        result_add_kind(result, rows, (enum jb_domain_kind)kind);
    for (size_t d = 0; d < result->domain_count; d++) {
        struct jb_result_domain *domain = &result->domains[d];
        bool figure =
            rows[d].why.status == JB_OK || rows[d].why.status == JB_ELIMIT;

        domain->last = rows[d];
        domain->elapsed_s +=
            (double)(figure ? rows[d].span.elapsed_ns : elapsed_ns) /
            JB_NS_PER_S;
        if (figure)
            result_add_figure(domain, &rows[d]);
    }
    result->runs++;
}

static bool result_is_estimate(const struct jb_result_domain *domain)
{
    return domain->worst.provenance == JB_ESTIMATED;
}

/* Estimates are shown beside measured figures only when asked for. */
static void result_choose_shown(struct jb_result *result, bool with_estimates)
{
    bool measured = false;

    for (size_t d = 0; d < result->domain_count; d++)
        measured |= result->domains[d].moved > 0 &&
                    !result_is_estimate(&result->domains[d]);
    for (size_t d = 0; d < result->domain_count; d++)
        result->domains[d].shown = result->domains[d].moved == 0 || !measured ||
                                   with_estimates ||
                                   !result_is_estimate(&result->domains[d]);
}

/* The mean over all runs in the shape of one. */
static struct jb_interval result_mean(const struct jb_result_domain *domain)
{
    struct jb_interval row = domain->worst;

    if (domain->moved == 0)
        row.why = domain->last.why;
    else
        row.why = (struct jb_error){ 0 };
    row.span.energy =
        (struct jb_energy){ .uj =
                                (int64_t)(domain->energy_j.mean * 1e6 + 0.5) };
    return row;
}

void jb_result_finish(struct jb_result *result, bool with_estimates,
                      struct jb_interval *rows)
{
    struct jb_result_total *total = &result->total;
    struct jb_energy energy;
    uint64_t below_uj;
    uint64_t above_uj;

    result_choose_shown(result, with_estimates);
    for (size_t d = 0; d < result->domain_count; d++)
        rows[d] = result_mean(&result->domains[d]);
    total->count = jb_interval_total(result->machine, rows, &energy, &below_uj,
                                     &above_uj, result->in_total);
    total->energy_j = jb_energy_joules(energy);
    total->below_j = (double)below_uj / 1e6;
    total->above_j = (double)above_uj / 1e6;
    for (size_t d = 0; d < result->domain_count; d++) {
        if (!result->in_total[d])
            continue;
        total->estimated = result_is_estimate(&result->domains[d]);
        total->mixed |= result->domains[d].energy_j.count < result->runs;
    }
    if (total->mixed) /* a sum of means over different runs means nothing */
        total->count = 0;
}

bool jb_result_has_figure(const struct jb_result_domain *domain)
{
    return domain->shown && domain->moved > 0;
}

double jb_result_average_w(const struct jb_result_domain *domain)
{
    double energy_j = domain->energy_j.mean * (double)domain->energy_j.count;

    return domain->seen_s > 0.0 ? energy_j / domain->seen_s : 0.0;
}

double jb_result_coverage(const struct jb_result_domain *domain)
{
    double share =
        domain->elapsed_s > 0.0 ? domain->seen_s / domain->elapsed_s : 0.0;

    return share < 1.0 ? share : 1.0;
}

/* What each run can be off by is what their mean can be off by: the mean of the
 * bounds.  (Below, a run's bound ends at 0 J, since no part of a machine gives
 * energy back.) */
double jb_result_below_j(const struct jb_result_domain *domain)
{
    return domain->below_j.mean;
}

double jb_result_above_j(const struct jb_result_domain *domain)
{
    return domain->above_j.mean;
}

const char *jb_result_note(const struct jb_result *result, size_t d)
{
    size_t count;
    ptrdiff_t sensor = result->domains[d].worst.sensor;

    if (result->domains[d].moved == 0 || sensor < 0)
        return "";
    return jb_machine_sensors(result->machine, &count)[sensor].about->note;
}

double jb_result_observed(const struct jb_result *result)
{
    double observed = 1.0;
    bool any = false;

    for (size_t d = 0; d < result->domain_count; d++) {
        const struct jb_result_domain *domain = &result->domains[d];

        if (!jb_result_has_figure(domain))
            continue;
        any = true;
        if (jb_result_coverage(domain) < observed)
            observed = jb_result_coverage(domain);
    }
    return any ? observed : 0.0;
}

const char *jb_result_domain_name(const struct jb_result *result, size_t d)
{
    size_t count;

    return jb_machine_domains(result->machine, &count)[d].name;
}

const char *jb_result_sensor(const struct jb_result *result, ptrdiff_t i,
                             char out[JB_SENSOR_PATH_MAX])
{
    if (i < 0)
        return "-";
    return jb_machine_sensor_path(result->machine, (size_t)i, out);
}

/* Control characters would write on the terminal, and JSON is UTF-8. */
static void result_make_printable(char *text)
{
    json_t *string = json_string(text);

    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f ||
            (!string && (unsigned char)*c > 0x7f))
            *c = '?';
    json_decref(string);
}

void jb_result_command(const struct jb_result *result,
                       char out[JB_RESULT_COMMAND_MAX])
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; result->command[i] && used < JB_RESULT_COMMAND_MAX - 1;
         i++)
        used += (size_t)snprintf(out + used, JB_RESULT_COMMAND_MAX - used,
                                 "%s%s", i ? " " : "", result->command[i]);
    result_make_printable(out);
}
