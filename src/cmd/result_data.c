/* SPDX-License-Identifier: Apache-2.0 */
/* The result of stat as programs read it: JSON and CSV. */
#include <string.h>

#include "core/names.h"
#include "output.h"
#include "result.h"

static double data_uncertainty_j(const struct jb_result_domain *domain)
{
    double below_j = jb_result_below_j(domain);
    double above_j = jb_result_above_j(domain);

    return below_j > above_j ? below_j : above_j;
}

static json_t *data_json_counts(const struct jb_interval *row)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I}", "first", (json_int_t)row->first_raw,
        "last", (json_int_t)row->last_raw, "total", (json_int_t)row->counts,
        "first_ns", (json_int_t)row->first_ns, "last_ns",
        (json_int_t)row->last_ns);
}

static void data_json_repeats(const struct jb_result_domain *domain,
                              json_t *object)
{
    json_object_set_new(object, "measured_runs",
                        json_integer((json_int_t)domain->energy_j.count));
    if (domain->energy_j.count < 2)
        return;
    json_object_set_new(object, "stddev_j",
                        json_real(jb_series_deviation(&domain->energy_j)));
    json_object_set_new(object, "ci95_j",
                        json_real(jb_series_ci95(&domain->energy_j)));
}

/* What not every figure has. */
static void data_json_remarks(const struct jb_result *result, size_t d,
                              json_t *object)
{
    const struct jb_result_domain *domain = &result->domains[d];
    char path[JB_SENSOR_PATH_MAX];

    if (domain->worst.update_ns > 0)
        json_object_set_new(object, "updates",
                            json_integer((json_int_t)domain->updates));
    if (domain->gap_j > 0.0)
        json_object_set_new(object, "gap_bound_j", json_real(domain->gap_j));
    if (domain->contradicted_by >= 0)
        json_object_set_new(
            object, "contradicted_by",
            json_pack("{s:s, s:f}", "source",
                      jb_result_sensor(result, domain->contradicted_by, path),
                      "energy_j", jb_energy_joules(domain->contradicting)));
    jb_json_set_text(object, "note", jb_result_note(result, d));
}

static json_t *data_json_domain(const struct jb_result *result, size_t d,
                                bool verbose)
{
    const struct jb_result_domain *domain = &result->domains[d];
    const struct jb_interval *row = &domain->worst;
    char path[JB_SENSOR_PATH_MAX];
    double energy_j = domain->energy_j.mean;
    json_t *object =
        json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:s, s:f}", "domain",
                  jb_result_domain_name(result, d), "source",
                  jb_result_sensor(result, row->sensor, path), "energy_j",
                  energy_j, "average_w", jb_result_average_w(domain),
                  "uncertainty_j", data_uncertainty_j(domain), "low_j",
                  energy_j - jb_result_below_j(domain), "high_j",
                  energy_j + jb_result_above_j(domain), "provenance",
                  jb_provenance_name(row->provenance), "coverage",
                  jb_result_coverage(domain));

    if (!object)
        return NULL;
    json_object_set_new(object, "peak_w",
                        domain->peak_w > 0.0 ? json_real(domain->peak_w)
                                             : json_null());
    data_json_remarks(result, d, object);
    if (result->runs > 1)
        data_json_repeats(domain, object);
    else if (verbose)
        json_object_set_new(object, "counts", data_json_counts(row));
    return object;
}

static json_t *data_json_unmeasured(const struct jb_result *result, size_t d)
{
    const struct jb_interval *row = &result->domains[d].last;
    char path[JB_SENSOR_PATH_MAX];

    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "domain",
                     jb_result_domain_name(result, d), "source",
                     jb_result_sensor(result, row->sensor, path), "state",
                     jb_status_name(row->why.status), "reason", row->why.text,
                     "fix", row->why.fix);
}

static json_t *data_json_total(const struct jb_result *result)
{
    const struct jb_result_total *total = &result->total;
    json_t *domains = json_array();

    for (size_t d = 0; d < result->domain_count; d++)
        if (result->in_total[d])
            json_array_append_new(
                domains, json_string(jb_result_domain_name(result, d)));
    return json_pack(
        "{s:f, s:f, s:f, s:f, s:s, s:o}", "energy_j", total->energy_j, "low_j",
        total->energy_j - total->below_j, "high_j",
        total->energy_j + total->above_j, "energy_delay_js",
        total->energy_j * result->elapsed_s.mean, "provenance",
        jb_provenance_name(total->estimated ? JB_ESTIMATED : JB_MEASURED),
        "domains", domains);
}

static void data_json_work(const struct jb_result *result, json_t *object)
{
    double energy_j = result->total.energy_j;

    if (result->work.amount > 0.0)
        json_object_set_new(
            object, "work",
            json_pack("{s:f, s:s, s:f}", "amount", result->work.amount, "unit",
                      result->work.unit ? result->work.unit : "unit",
                      "joules_per_unit", energy_j / result->work.amount));
    if (result->work.flops > 0.0 && energy_j > 0.0)
        json_object_set_new(object, "flops",
                            json_pack("{s:f, s:f}", "count", result->work.flops,
                                      "flops_per_watt",
                                      result->work.flops / energy_j));
}

static void data_json_lists(const struct jb_result *result, bool verbose,
                            json_t *domains, json_t *unmeasured)
{
    for (size_t d = 0; d < result->domain_count; d++) {
        if (!result->domains[d].shown)
            continue;
        if (jb_result_has_figure(&result->domains[d]))
            json_array_append_new(domains,
                                  data_json_domain(result, d, verbose));
        else
            json_array_append_new(unmeasured, data_json_unmeasured(result, d));
    }
}

int jb_result_print_json(const struct jb_result *result, FILE *out,
                         bool verbose, struct jb_error *err)
{
    char command[JB_RESULT_COMMAND_MAX];
    json_t *domains = json_array();
    json_t *unmeasured = json_array();
    json_t *object;

    jb_result_command(result, command);
    data_json_lists(result, verbose, domains, unmeasured);
    object = json_pack(
        "{s:s, s:i, s:f, s:f, s:f, s:f, s:i, s:o, s:o}", "command", command,
        "exit_code", result->exit_code, "elapsed_s", result->elapsed_s.mean,
        "user_s", result->user_s.mean, "system_s", result->system_s.mean,
        "observed", jb_result_observed(result), "runs", (int)result->runs,
        "domains", domains, "unmeasured", unmeasured);
    if (object && result->runs > 1)
        json_object_set_new(object, "elapsed_stddev_s",
                            json_real(jb_series_deviation(&result->elapsed_s)));
    if (object && result->total.count > 0) {
        json_object_set_new(object, "total", data_json_total(result));
        data_json_work(result, object);
    }
    return jb_json_print(object, out, err);
}

/* An empty field is what there is none of. */
static const char *data_csv_field(char out[32], bool any, double value)
{
    if (any)
        snprintf(out, 32, "%.6f", value);
    else
        out[0] = '\0';
    return out;
}

static void data_csv_row(const struct jb_result *result, size_t d, FILE *out)
{
    const struct jb_result_domain *domain = &result->domains[d];
    double energy_j = domain->energy_j.mean;
    char path[JB_SENSOR_PATH_MAX];
    char text[32];

    fprintf(out, "%s,%s,%.6f,%.6f,", jb_result_domain_name(result, d),
            jb_result_sensor(result, domain->worst.sensor, path), energy_j,
            jb_result_average_w(domain));
    fprintf(out, "%s,%.6f,%.6f,%.6f,%s,%.6f,",
            data_csv_field(text, domain->peak_w > 0.0, domain->peak_w),
            data_uncertainty_j(domain), energy_j - jb_result_below_j(domain),
            energy_j + jb_result_above_j(domain),
            jb_provenance_name(domain->worst.provenance),
            jb_result_coverage(domain));
    fprintf(out, "%s,%zu,%.6f,%.6f,%.6f,%d,",
            data_csv_field(text, domain->energy_j.count > 1,
                           jb_series_deviation(&domain->energy_j)),
            result->runs, result->elapsed_s.mean, result->user_s.mean,
            result->system_s.mean, result->exit_code);
    fprintf(out, "%zu,%s,", domain->energy_j.count,
            data_csv_field(text, domain->gap_j > 0.0, domain->gap_j));
    if (domain->worst.update_ns > 0)
        fprintf(out, "%llu", (unsigned long long)domain->updates);
    fputc('\n', out);
}

int jb_result_print_csv(const struct jb_result *result, FILE *out,
                        struct jb_error *err)
{
    fputs("domain,source,energy_j,average_w,peak_w,uncertainty_j,low_j,high_j,"
          "provenance,coverage,stddev_j,runs,elapsed_s,user_s,system_s,"
          "exit_code,measured_runs,gap_bound_j,updates\n",
          out);
    for (size_t d = 0; d < result->domain_count; d++)
        if (jb_result_has_figure(&result->domains[d]))
            data_csv_row(result, d, out);
    if (fflush(out) != 0 || ferror(out))
        return jb_fail(err, JB_EIO, "writing the result failed");
    return JB_OK;
}
