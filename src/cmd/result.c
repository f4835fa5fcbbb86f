/* SPDX-License-Identifier: Apache-2.0 */
#include "result.h"

#include <string.h>

#include "base/clock.h"
#include "core/names.h"
#include "output.h"

static double result_joules(uint64_t uj)
{
    return (double)uj / 1e6;
}

static double result_larger(double a, double b)
{
    return a > b ? a : b;
}

static void result_add_domain(struct jb_result_domain *domain,
                              const struct jb_interval *row)
{
    double coverage = jb_span_coverage_ppm(&row->span) / 1e6;

    domain->last = *row;
    if (row->why.status != JB_OK)
        return;
    if (domain->energy_j.count == 0 || coverage < domain->coverage)
        domain->coverage = coverage;
    jb_series_add(&domain->energy_j, jb_energy_joules(row->span.energy));
    jb_series_add(&domain->average_w, (double)row->average_uw / 1e6);
    if (row->peak_uw > 0)
        jb_series_add(&domain->peak_w, (double)row->peak_uw / 1e6);
    domain->below_j =
        result_larger(domain->below_j, result_joules(row->below_uj));
    domain->above_j =
        result_larger(domain->above_j, result_joules(row->above_uj));
}

/* No part of a machine gives energy back. */
static double result_low(double energy_j, double below_j)
{
    return result_larger(energy_j - below_j, 0.0);
}

/* A mean over runs of which one lacks a meter would mean nothing. */
static bool result_sums_alike(struct jb_result *result)
{
    size_t bytes = result->domain_count * sizeof(*result->in_total);

    if (result->total_j.count == 0)
        memcpy(result->in_total, result->in_run, bytes);
    if (memcmp(result->in_total, result->in_run, bytes) != 0) {
        result->mixed = true;
        result->total_j = (struct jb_series){ 0 };
    }
    return !result->mixed;
}

void jb_result_add_run(struct jb_result *result, const struct jb_interval *rows,
                       bool with_estimates)
{
    struct jb_energy total;
    uint64_t below_uj;
    uint64_t above_uj;
    bool measured = false;
    size_t summed;

    for (size_t d = 0; d < result->domain_count; d++) {
        result_add_domain(&result->domains[d], &rows[d]);
        measured |=
            rows[d].why.status == JB_OK && rows[d].provenance != JB_ESTIMATED;
    }
    for (size_t d = 0; d < result->domain_count; d++)
        result->domains[d].shown = rows[d].why.status != JB_OK ||
                                   rows[d].provenance != JB_ESTIMATED ||
                                   !measured || with_estimates;
    result->runs++;
    summed = jb_interval_total(result->machine, rows, &total, &below_uj,
                               &above_uj, result->in_run);
    if (summed == 0 || !result_sums_alike(result))
        return;
    jb_series_add(&result->total_j, jb_energy_joules(total));
    result->total_below_j =
        result_larger(result->total_below_j, result_joules(below_uj));
    result->total_above_j =
        result_larger(result->total_above_j, result_joules(above_uj));
    result->total_estimated = !measured;
}

double jb_result_observed(const struct jb_result *result)
{
    double observed = 1.0;
    bool any = false;

    for (size_t d = 0; d < result->domain_count; d++) {
        const struct jb_result_domain *domain = &result->domains[d];

        if (!domain->shown || domain->energy_j.count == 0)
            continue;
        any = true;
        if (domain->coverage < observed)
            observed = domain->coverage;
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

static json_t *result_json_counts(const struct jb_interval *row)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I}", "first", (json_int_t)row->first_raw,
        "last", (json_int_t)row->last_raw, "total", (json_int_t)row->counts,
        "first_ns", (json_int_t)row->first_ns, "last_ns",
        (json_int_t)row->last_ns);
}

static json_t *result_json_domain(const struct jb_result *result, size_t d,
                                  bool verbose)
{
    const struct jb_result_domain *domain = &result->domains[d];
    const struct jb_interval *row = &domain->last;
    char path[JB_SENSOR_PATH_MAX];
    double energy = domain->energy_j.mean;
    json_t *object = json_pack(
        "{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:s, s:f}", "domain",
        jb_result_domain_name(result, d), "source",
        jb_result_sensor(result, row->sensor, path), "energy_j", energy,
        "average_w", domain->average_w.mean, "uncertainty_j",
        result_larger(domain->below_j, domain->above_j), "low_j",
        result_low(energy, domain->below_j), "high_j", energy + domain->above_j,
        "provenance", jb_provenance_name(row->provenance), "coverage",
        domain->coverage);

    if (!object)
        return NULL;
    json_object_set_new(object, "peak_w",
                        domain->peak_w.count ? json_real(domain->peak_w.highest)
                                             : json_null());
    if (row->span.uncertainty.gap_uj > 0)
        json_object_set_new(
            object, "gap_bound_j",
            json_real(result_joules(row->span.uncertainty.gap_uj)));
    if (row->contradicted_by >= 0)
        json_object_set_new(
            object, "contradicted_by",
            json_pack("{s:s, s:f}", "source",
                      jb_result_sensor(result, row->contradicted_by, path),
                      "energy_j", jb_energy_joules(row->contradicting)));
    if (domain->energy_j.count > 1) {
        json_object_set_new(object, "stddev_j",
                            json_real(jb_series_deviation(&domain->energy_j)));
        json_object_set_new(object, "ci95_j",
                            json_real(jb_series_ci95(&domain->energy_j)));
    }
    if (verbose)
        json_object_set_new(object, "counts", result_json_counts(row));
    return object;
}

static json_t *result_json_unmeasured(const struct jb_result *result, size_t d)
{
    const struct jb_interval *row = &result->domains[d].last;
    char path[JB_SENSOR_PATH_MAX];

    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "domain",
                     jb_result_domain_name(result, d), "source",
                     jb_result_sensor(result, row->sensor, path), "state",
                     jb_status_name(row->why.status), "reason", row->why.text,
                     "fix", row->why.fix);
}

static json_t *result_json_total(const struct jb_result *result)
{
    json_t *domains = json_array();
    double energy = result->total_j.mean;

    for (size_t d = 0; d < result->domain_count; d++)
        if (result->in_total[d])
            json_array_append_new(
                domains, json_string(jb_result_domain_name(result, d)));
    return json_pack("{s:f, s:f, s:f, s:f, s:s, s:o}", "energy_j", energy,
                     "low_j", result_low(energy, result->total_below_j),
                     "high_j", energy + result->total_above_j,
                     "energy_delay_js", energy * result->elapsed_s.mean,
                     "provenance",
                     jb_provenance_name(result->total_estimated ? JB_ESTIMATED
                                                                : JB_MEASURED),
                     "domains", domains);
}

static void result_json_work(const struct jb_result *result, json_t *object)
{
    double energy = result->total_j.mean;

    if (result->total_j.count == 0)
        return;
    if (result->work.amount > 0.0)
        json_object_set_new(
            object, "work",
            json_pack("{s:f, s:s, s:f}", "amount", result->work.amount, "unit",
                      result->work.unit ? result->work.unit : "unit",
                      "joules_per_unit", energy / result->work.amount));
    if (result->work.flops > 0.0 && energy > 0.0)
        json_object_set_new(object, "flops",
                            json_pack("{s:f, s:f}", "count", result->work.flops,
                                      "flops_per_watt",
                                      result->work.flops / energy));
}

int jb_result_print_json(const struct jb_result *result, FILE *out,
                         bool verbose, struct jb_error *err)
{
    char command[JB_RESULT_COMMAND_MAX];
    json_t *domains = json_array();
    json_t *unmeasured = json_array();
    json_t *object;

    jb_result_command(result, command);
    for (size_t d = 0; d < result->domain_count; d++) {
        if (!result->domains[d].shown)
            continue;
        if (result->domains[d].energy_j.count > 0)
            json_array_append_new(domains,
                                  result_json_domain(result, d, verbose));
        else
            json_array_append_new(unmeasured,
                                  result_json_unmeasured(result, d));
    }
    object = json_pack(
        "{s:s, s:i, s:f, s:f, s:f, s:f, s:i, s:o, s:o}", "command", command,
        "exit_code", result->exit_code, "elapsed_s", result->elapsed_s.mean,
        "user_s", result->user_s.mean, "system_s", result->system_s.mean,
        "observed", jb_result_observed(result), "runs", (int)result->runs,
        "domains", domains, "unmeasured", unmeasured);
    if (object && result->runs > 1)
        json_object_set_new(object, "elapsed_stddev_s",
                            json_real(jb_series_deviation(&result->elapsed_s)));
    if (object && result->total_j.count > 0)
        json_object_set_new(object, "total", result_json_total(result));
    if (object)
        result_json_work(result, object);
    return jb_json_print(object, out, err);
}

int jb_result_print_csv(const struct jb_result *result, FILE *out,
                        struct jb_error *err)
{
    fputs("domain,source,energy_j,average_w,peak_w,uncertainty_j,low_j,high_j,"
          "provenance,coverage,stddev_j,runs,elapsed_s,user_s,system_s,"
          "exit_code\n",
          out);
    for (size_t d = 0; d < result->domain_count; d++) {
        const struct jb_result_domain *domain = &result->domains[d];
        double energy = domain->energy_j.mean;
        char path[JB_SENSOR_PATH_MAX];
        char peak[32] = "";

        if (!domain->shown || domain->energy_j.count == 0)
            continue;
        if (domain->peak_w.count)
            snprintf(peak, sizeof(peak), "%.6f", domain->peak_w.highest);
        fprintf(out, "%s,%s,%.6f,%.6f,%s,%.6f,%.6f,%.6f,%s,%.6f,%.6f,%zu,",
                jb_result_domain_name(result, d),
                jb_result_sensor(result, domain->last.sensor, path), energy,
                domain->average_w.mean, peak,
                result_larger(domain->below_j, domain->above_j),
                result_low(energy, domain->below_j), energy + domain->above_j,
                jb_provenance_name(domain->last.provenance), domain->coverage,
                jb_series_deviation(&domain->energy_j), result->runs);
        fprintf(out, "%.6f,%.6f,%.6f,%d\n", result->elapsed_s.mean,
                result->user_s.mean, result->system_s.mean, result->exit_code);
    }
    if (fflush(out) != 0 || ferror(out))
        return jb_fail(err, JB_EIO, "writing the result failed");
    return JB_OK;
}
