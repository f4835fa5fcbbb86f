/* SPDX-License-Identifier: Apache-2.0 */
/* The result of stat in the columns of perf 6.1's `perf stat -a`. */
#include <string.h>

#include "result.h"

enum {
    PERF_NAME = 67,         /* room of an event's name and of its metric */
    PERF_NAME_WITHOUT = 60, /* the same where there is no figure */
    PERF_DIGITS_MAX = 15,
};

struct perf_event {
    const char *name;
    enum jb_domain_kind kind;
};

/* The power PMU's events (Linux, arch/x86/events/rapl.c). */
static const struct perf_event perf_events[] = {
    { "power/energy-pkg/", JB_DOMAIN_PACKAGE },
    { "power/energy-cores/", JB_DOMAIN_CORE },
    { "power/energy-ram/", JB_DOMAIN_DRAM },
    { "power/energy-gpu/", JB_DOMAIN_UNCORE },
    { "power/energy-psys/", JB_DOMAIN_PSYS },
};

enum { PERF_EVENTS = sizeof(perf_events) / sizeof(perf_events[0]) };

static bool perf_has_kind(const struct jb_result *result,
                          enum jb_domain_kind kind)
{
    for (size_t d = 0; d < result->domain_count; d++)
        if (jb_result_is_of_kind(result, d, kind))
            return true;
    return false;
}

/* The first domain of a kind that has no figure, or -1: perf's figure is of all
 * of them, and a part of it would be taken for the whole. */
static ptrdiff_t perf_missing(const struct jb_result *result,
                              enum jb_domain_kind kind)
{
    for (size_t d = 0; d < result->domain_count; d++)
        if (jb_result_is_of_kind(result, d, kind) &&
            (result->domains[d].moved == 0 ||
             result->domains[d].worst.provenance == JB_ESTIMATED))
            return (ptrdiff_t)d;
    return -1;
}

/* perf's deviation is that of the mean. */
static double perf_deviation(const struct jb_series *series)
{
    double variance = 0.0;

    if (series->count > 1)
        variance = series->squares /
                   ((double)series->count * (double)(series->count - 1));
    return __builtin_sqrt(variance);
}

static void perf_put_noise(const struct jb_series *series, FILE *out)
{
    double deviation = perf_deviation(series);

    if (deviation > 0.0 && series->mean > 0.0)
        fprintf(out, "  ( +-%6.2f%% )", 100.0 * deviation / series->mean);
}

static void perf_put_event(const struct jb_result *result,
                           const struct perf_event *event, FILE *out,
                           FILE *remarks)
{
    const struct jb_series *joules = &result->kinds_j[event->kind];
    ptrdiff_t missing = perf_missing(result, event->kind);

    if (missing < 0 && joules->count == result->runs) {
        fprintf(out, "%18.2f Joules %-*s", joules->mean, PERF_NAME,
                event->name);
        perf_put_noise(joules, out);
        fputc('\n', out);
        return;
    }
    fprintf(out, "%18s Joules %-*s\n", "<not counted>", PERF_NAME_WITHOUT,
            event->name);
    if (remarks && missing >= 0)
        fprintf(remarks, "joulebook: %s: %s: %s\n", event->name,
                jb_result_domain_name(result, (size_t)missing),
                result->domains[missing].last.why.text[0]
                    ? result->domains[missing].last.why.text
                    : "no figure of all runs");
}

/* Two digits more than the deviation has zeros. */
static int perf_digits(double deviation)
{
    int digits = 0;

    for (double step = 1.0; step > deviation && digits < PERF_DIGITS_MAX;
         step /= 10.0)
        digits++;
    return digits + 2;
}

static void perf_put_elapsed(const struct jb_result *result, FILE *out)
{
    double deviation = perf_deviation(&result->elapsed_s);
    int digits = perf_digits(deviation);

    if (result->runs < 2) {
        fprintf(out, " %17.9f seconds time elapsed\n\n",
                result->elapsed_s.mean);
        return;
    }
    fprintf(out, " %17.*f +- %.*f seconds time elapsed", digits,
            result->elapsed_s.mean, digits, deviation);
    perf_put_noise(&result->elapsed_s, out);
    fputs("\n\n", out);
}

static void perf_remark_estimates(const struct jb_result *result, FILE *remarks)
{
    for (size_t d = 0; d < result->domain_count; d++)
        if (result->domains[d].moved > 0 &&
            result->domains[d].worst.provenance == JB_ESTIMATED) {
            fprintf(remarks,
                    "joulebook: %s is estimated, and an estimate is no perf "
                    "event: --format=text shows it\n",
                    jb_result_domain_name(result, d));
            return;
        }
}

int jb_result_print_perf(const struct jb_result *result, FILE *out,
                         FILE *remarks, struct jb_error *err)
{
    bool any = false;

    fputs("\n Performance counter stats for 'system wide'", out);
    if (result->runs > 1)
        fprintf(out, " (%zu runs)", result->runs);
    fputs(":\n\n", out);
    for (size_t i = 0; i < PERF_EVENTS; i++) {
        if (!perf_has_kind(result, perf_events[i].kind))
            continue;
        perf_put_event(result, &perf_events[i], out, remarks);
        any = true;
    }
    if (!any)
        fprintf(out, "%18s Joules %-*s\n", "<not supported>", PERF_NAME_WITHOUT,
                perf_events[0].name);
    fputc('\n', out);
    perf_put_elapsed(result, out);
    if (remarks)
        perf_remark_estimates(result, remarks);
    if (fflush(out) != 0 || ferror(out))
        return jb_fail(err, JB_EIO, "writing the result failed");
    return JB_OK;
}
