/* SPDX-License-Identifier: Apache-2.0 */
/* What `joulebook stat` found, and its three forms: text, JSON, CSV. */
#ifndef JB_CMD_RESULT_H
#define JB_CMD_RESULT_H

#include <stdio.h>

#include "joulebook/plugin/command.h"
#include "machine/interval.h"
#include "repeat.h"

/* One domain over all runs.  Without a figure, energy_j.count is 0 and last
 * says why. */
struct jb_result_domain {
    struct jb_interval last;
    struct jb_series energy_j, average_w, peak_w;
    double below_j, above_j; /* of the mean: systematic, never averaged away */
    double coverage;         /* lowest of all runs */
    bool shown;
};

/* What the user says the command has done. */
struct jb_result_work {
    double flops;     /* 0: not said */
    double amount;    /* 0: not said */
    const char *unit; /* of amount, or NULL */
};

struct jb_result {
    char *const *command; /* NULL-ended; borrowed */
    const struct jb_machine *machine;
    struct jb_result_work work;
    size_t runs;
    int exit_code;
    struct jb_series elapsed_s, user_s, system_s;
    struct jb_series total_j;
    double total_below_j, total_above_j;
    bool total_estimated;
    struct jb_result_domain *domains;
    bool *in_total; /* by domain: which ones the total sums */
    bool *in_run;   /* the same of the last run */
    bool mixed;     /* runs would sum different domains: there is no total */
    size_t domain_count;
    size_t left_behind; /* endpoints that did not answer at the end */
};

/* Books one run: its intervals (one per domain of the machine). */
void jb_result_add_run(struct jb_result *result, const struct jb_interval *rows,
                       bool with_estimates);

JB_NODISCARD int jb_result_print_text(const struct jb_result *result, FILE *out,
                                      bool verbose, struct jb_error *err);
JB_NODISCARD int jb_result_print_json(const struct jb_result *result, FILE *out,
                                      bool verbose, struct jb_error *err);
JB_NODISCARD int jb_result_print_csv(const struct jb_result *result, FILE *out,
                                     struct jb_error *err);

enum { JB_RESULT_COMMAND_MAX = 4096 };

/* What the forms share: the names of a domain and of a sensor ("-" for -1),
 * and the command as one line. */
const char *jb_result_domain_name(const struct jb_result *result, size_t d);
const char *jb_result_sensor(const struct jb_result *result, ptrdiff_t i,
                             char out[JB_SENSOR_PATH_MAX]);
void jb_result_command(const struct jb_result *result,
                       char out[JB_RESULT_COMMAND_MAX]);

/* Smallest share of the time that was observed, over the domains shown; 0 when
 * there is none. */
double jb_result_observed(const struct jb_result *result);

#endif
