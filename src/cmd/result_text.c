/* SPDX-License-Identifier: Apache-2.0 */
/* The result of stat as people read it: within 80 to 100 columns. */
#include <string.h>

#include "core/names.h"
#include "output.h"
#include "result.h"
#include "tree.h"

enum {
    /* Fewer refreshes than this and the edges make more than 10 %. */
    TEXT_SHORT_UPDATES = 20,
    TEXT_NAMES_MAX = 60, /* a longer list of domains is cut */
};

/* "-0.10 J +0.12 J", or "± 0.12 J" where both sides are alike. */
static void text_doubt(char out[80], double below_j, double above_j,
                       const char *(*format)(char *, double, const char *))
{
    char low[32];
    char high[32];

    jb_format_micro(low, below_j * 1e6, "J");
    jb_format_micro(high, above_j * 1e6, "J");
    if (strcmp(low, high) != 0)
        snprintf(out, 80, "-%s +%s", low, high);
    else
        snprintf(out, 80, "± %s", format(high, above_j * 1e6, "J"));
}

static bool text_has_figure(const struct jb_result *result, size_t d)
{
    return jb_result_has_figure(&result->domains[d]);
}

static void text_head(const struct jb_result *result, struct jb_table *table)
{
    static const char *const once[] = { "domain",  "energy", "uncertainty",
                                        "average", "peak",   "meter" };
    static const char *const repeated[] = { "domain",  "mean energy", "std dev",
                                            "95 % CI", "uncertainty", "average",
                                            "peak" };
    bool many = result->runs > 1;

    *table = (struct jb_table){ .columns = many ? 7 : 6,
                                .right = { false, true, true, true, true, many,
                                           true } };
    for (size_t c = 0; c < table->columns; c++)
        jb_table_add(table, "%s", many ? repeated[c] : once[c]);
}

/* Below the domains that are in the table. */
static int text_depth(const struct jb_result *result, size_t d)
{
    size_t count;
    const struct jb_machine_domain *domains =
        jb_machine_domains(result->machine, &count);
    int depth = 0;

    for (ptrdiff_t up = domains[d].parent; up >= 0; up = domains[up].parent)
        depth += text_has_figure(result, (size_t)up);
    return depth;
}

/* One run has neither deviation nor interval. */
static void text_spread(const struct jb_series *energy, struct jb_table *table)
{
    char text[32];

    if (energy->count < 2) {
        jb_table_add(table, "- ");
        jb_table_add(table, "- ");
        return;
    }
    jb_table_add(table, "%s",
                 jb_format_cell(text, jb_series_deviation(energy) * 1e6, "J"));
    jb_table_add(table, "± %s",
                 jb_format_cell(text, jb_series_ci95(energy) * 1e6, "J"));
}

static void text_row(const struct jb_result *result, size_t d,
                     struct jb_table *table)
{
    const struct jb_result_domain *domain = &result->domains[d];
    const struct jb_series *energy = &domain->energy_j;
    char text[80];
    char path[JB_SENSOR_PATH_MAX];

    jb_table_add(table, "%*s%s", text_depth(result, d) * 2, "",
                 jb_result_domain_name(result, d));
    jb_table_add(table, "%s%s",
                 domain->worst.provenance == JB_ESTIMATED ? "~" : "",
                 jb_format_cell(text, energy->mean * 1e6, "J"));
    if (result->runs > 1)
        text_spread(energy, table);
    text_doubt(text, jb_result_below_j(domain), jb_result_above_j(domain),
               jb_format_cell);
    jb_table_add(table, "%s", text);
    jb_table_add(table, "%s",
                 jb_format_cell(text, jb_result_average_w(domain) * 1e6, "W"));
    jb_table_add(table, "%s",
                 domain->peak_w > 0.0
                     ? jb_format_cell(text, domain->peak_w * 1e6, "W")
                     : "- ");
    if (result->runs == 1)
        jb_table_add(table, "%s",
                     jb_result_sensor(result, domain->worst.sensor, path));
}

static int text_table(const struct jb_result *result,
                      const struct jb_tree_step *steps, FILE *out, size_t *rows)
{
    struct jb_table table;

    *rows = 0;
    text_head(result, &table);
    for (size_t i = 0; i < result->domain_count; i++) {
        if (!text_has_figure(result, steps[i].domain))
            continue;
        text_row(result, steps[i].domain, &table);
        (*rows)++;
    }
    if (*rows == 0)
        jb_table_clear(&table);
    return jb_table_print(&table, out, 2);
}

/* A list of names that stops before it gets long. */
struct text_names {
    char text[TEXT_NAMES_MAX + 64];
    size_t count, left_out;
};

static void text_names_add(struct text_names *names, const char *name)
{
    size_t used = strlen(names->text);

    if (used + strlen(name) + 2 > TEXT_NAMES_MAX) {
        names->left_out++;
        return;
    }
    snprintf(names->text + used, sizeof(names->text) - used, "%s%s",
             names->count ? ", " : "", name);
    names->count++;
}

static const char *text_names_end(struct text_names *names)
{
    size_t used = strlen(names->text);

    if (names->left_out > 0)
        snprintf(names->text + used, sizeof(names->text) - used,
                 " and %zu more", names->left_out);
    return names->text;
}

static void text_total(const struct jb_result *result, FILE *out)
{
    const struct jb_result_total *total = &result->total;
    struct text_names names = { .count = 0 };
    char energy[32];
    char doubt[80];

    if (total->count == 0)
        return;
    for (size_t d = 0; d < result->domain_count; d++)
        if (result->in_total[d])
            text_names_add(&names, jb_result_domain_name(result, d));
    jb_format_micro(energy, total->energy_j * 1e6, "J");
    text_doubt(doubt, total->below_j, total->above_j, jb_format_micro);
    fprintf(out, "\n  total         %s%s %s, of %s\n",
            total->estimated ? "~" : "", energy, doubt, text_names_end(&names));
    fprintf(out, "  energy-delay  %.4g J s\n",
            total->energy_j * result->elapsed_s.mean);
    if (result->work.amount > 0.0)
        fprintf(out, "  work          %.6g J per %s\n",
                total->energy_j / result->work.amount,
                result->work.unit ? result->work.unit : "unit");
    if (result->work.flops > 0.0 && total->energy_j > 0.0)
        fprintf(out, "  efficiency    %.4g FLOP/s per W, %.4g J per FLOP\n",
                result->work.flops / total->energy_j,
                total->energy_j / result->work.flops);
}

static void text_time(const struct jb_result *result, size_t rows, FILE *out)
{
    fprintf(out,
            "%s  time          %.6f s elapsed, %.6f s user, %.6f s system\n",
            result->total.count == 0 ? "\n" : "", result->elapsed_s.mean,
            result->user_s.mean, result->system_s.mean);
    if (result->runs > 1)
        fprintf(out, "  runs          %zu, std dev of the time %.6f s\n",
                result->runs, jb_series_deviation(&result->elapsed_s));
    if (rows > 0)
        fprintf(out, "  observed      %.2f %% of the time\n",
                jb_result_observed(result) * 100.0);
}

/* Why something has no figure; borrowed. */
struct text_why {
    const struct jb_error *error;
};

/* One fix often mends many meters: it is said once. */
static void text_fixes(const struct text_why *whys, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        bool said = !whys[i].error->fix[0];

        for (size_t k = 0; k < i && !said; k++)
            said = strcmp(whys[k].error->fix, whys[i].error->fix) == 0;
        if (!said)
            fprintf(out, "    fix: %s\n", whys[i].error->fix);
    }
}

static void text_trouble(struct jb_table *table, const char *name,
                         const struct jb_error *why)
{
    jb_table_add(table, "%s", name);
    jb_table_add(table, "%s", jb_status_name(why->status));
    jb_table_add(table, "%s", why->text);
}

/* Where no domain is known, sources say why. */
static size_t text_unmeasured(const struct jb_result *result, bool sources_too,
                              struct text_why *whys, struct jb_table *table)
{
    size_t source_count;
    const struct jb_machine_source *sources =
        jb_machine_sources(result->machine, &source_count);
    size_t count = 0;

    for (size_t d = 0; d < result->domain_count; d++) {
        const struct jb_result_domain *domain = &result->domains[d];

        if (!domain->shown || jb_result_has_figure(domain))
            continue;
        whys[count++].error = &domain->last.why;
        text_trouble(table, jb_result_domain_name(result, d),
                     &domain->last.why);
    }
    for (size_t i = 0; i < source_count && sources_too; i++) {
        if (sources[i].why.status == JB_OK ||
            sources[i].why.status == JB_EREFUSED)
            continue;
        whys[count++].error = &sources[i].why;
        text_trouble(table, sources[i].name, &sources[i].why);
    }
    return count;
}

static int text_why_not(const struct jb_result *result, size_t rows, FILE *out)
{
    struct jb_table table = { .columns = 3 };
    JB_AUTO_FREE struct text_why *whys = NULL;
    size_t count;
    int rc;

    jb_machine_sources(result->machine, &count);
    whys = calloc(result->domain_count + count + 1, sizeof(*whys));
    if (!whys)
        return JB_ENOMEM;
    count = text_unmeasured(result, rows == 0, whys, &table);
    if (count > 0)
        fprintf(out, "%s:\n",
                rows > 0 ? "\n  not measured" : "  nothing was measured");
    rc = jb_table_print(&table, out, 4);
    text_fixes(whys, count, out);
    return rc;
}

static void text_note_short(const struct jb_result *result, FILE *out)
{
    struct text_names names = { .count = 0 };
    uint64_t fewest = UINT64_MAX;

    for (size_t d = 0; d < result->domain_count; d++) {
        const struct jb_result_domain *domain = &result->domains[d];

        if (!text_has_figure(result, d) || domain->worst.update_ns == 0 ||
            domain->updates >= TEXT_SHORT_UPDATES)
            continue;
        if (domain->updates < fewest)
            fewest = domain->updates;
        text_names_add(&names, jb_result_domain_name(result, d));
    }
    if (names.count > 0)
        fprintf(out,
                "  note: a short run for these meters (%llu refreshes): %s\n",
                (unsigned long long)fewest, text_names_end(&names));
}

/* A note of several parts, a line each. */
static void text_note_parts(const char *name, const char *note, FILE *out)
{
    fprintf(out, "  note: %s: ", name);
    for (size_t part; *note; note += part) {
        part = strcspn(note, ";");
        fprintf(out, "%.*s", (int)part, note);
        if (note[part])
            fputs(";\n       ", out);
        part += note[part] == ';';
    }
    fputc('\n', out);
}

static void text_note_domain(const struct jb_result *result, size_t d,
                             FILE *out)
{
    const struct jb_result_domain *domain = &result->domains[d];
    const char *name = jb_result_domain_name(result, d);
    const char *note = jb_result_note(result, d);
    char path[JB_SENSOR_PATH_MAX];
    char text[32];

    if (domain->energy_j.count < result->runs)
        fprintf(out, "  note: %s was measured in only %zu of %zu runs\n", name,
                domain->energy_j.count, result->runs);
    if (domain->gap_j > 0.0)
        fprintf(out,
                "  note: %s was not observed all the time: up to %s more%s\n",
                name, jb_format_micro(text, domain->gap_j * 1e6, "J"),
                result->runs > 1 ? " in one run" : "");
    if (domain->contradicted_by >= 0)
        fprintf(out, "  note: %s: %s disagrees: %s\n", name,
                jb_result_sensor(result, domain->contradicted_by, path),
                jb_format_micro(text, (double)domain->contradicting.uj, "J"));
    if (note[0])
        text_note_parts(name, note, out);
}

/* What a reader must know before using the figures. */
static void text_notes(const struct jb_result *result, FILE *out)
{
    text_note_short(result, out);
    for (size_t d = 0; d < result->domain_count; d++)
        if (text_has_figure(result, d))
            text_note_domain(result, d, out);
    if (result->total.mixed)
        fputs("  note: no total: not all runs had the same meters\n", out);
    if (result->left_behind > 0)
        fprintf(out, "  note: %zu meters did not answer at the end\n",
                result->left_behind);
    if (result->recorded)
        fputs("  note: counters of a recorded tree stand still\n", out);
    if (result->total.estimated && result->total.count > 0)
        fputs("  note: ~ is an estimate with its 90 % interval; nothing is "
              "measured here:\n        joulebook doctor says why\n",
              out);
}

/* --verbose: where each figure comes from. */
static void text_details(const struct jb_result *result, FILE *out)
{
    for (size_t d = 0; d < result->domain_count; d++) {
        const struct jb_interval *row = &result->domains[d].worst;
        char path[JB_SENSOR_PATH_MAX];

        if (!text_has_figure(result, d))
            continue;
        fprintf(out, "  %s: %s, %s, %llu counts, %.2f %% observed\n",
                jb_result_domain_name(result, d),
                jb_provenance_name(row->provenance),
                jb_result_sensor(result, row->sensor, path),
                (unsigned long long)row->counts,
                jb_result_coverage(&result->domains[d]) * 100.0);
    }
}

int jb_result_print_text(const struct jb_result *result, FILE *out,
                         bool verbose, struct jb_error *err)
{
    JB_AUTO_FREE struct jb_tree_step *steps =
        calloc(result->domain_count + 1, sizeof(*steps));
    char command[JB_RESULT_COMMAND_MAX];
    size_t rows;
    int rc;

    if (!steps)
        return jb_fail(err, JB_ENOMEM, "%zu domains", result->domain_count);
    jb_tree_walk(result->machine, steps);
    jb_result_command(result, command);
    fprintf(out, "\nEnergy of '%s'\n\n", command);
    rc = text_table(result, steps, out, &rows);
    if (rc == JB_OK && rows == 0)
        rc = text_why_not(result, rows, out);
    text_total(result, out);
    text_time(result, rows, out);
    if (verbose)
        text_details(result, out);
    if (rc == JB_OK && rows > 0)
        rc = text_why_not(result, rows, out);
    text_notes(result, out);
    fputc('\n', out);
    if (rc < 0 || fflush(out) != 0)
        return jb_fail(err, rc < 0 ? rc : JB_EIO, "writing the result failed");
    return JB_OK;
}
