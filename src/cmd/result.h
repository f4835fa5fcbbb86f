/* SPDX-License-Identifier: Apache-2.0 */
/* What `joulebook stat` found, and its forms: text, JSON, CSV, perf's. */
#ifndef JB_CMD_RESULT_H
#define JB_CMD_RESULT_H

#include <stdio.h>

#include "joulebook/plugin/command.h"
#include "machine/interval.h"
#include "repeat.h"

/*
 * One domain over all runs.  A run that was too short for the meter to move is
 * one of 0 counts, since leaving it out would make the mean that of the lucky
 * ones; a run of which there is no reading is left out, and shows in coverage.
 */
struct jb_result_domain {
    struct jb_interval last;  /* of the last run; says why it has no figure */
    struct jb_interval worst; /* of the run with the widest bounds */
    struct jb_series energy_j, below_j, above_j;
    double seen_s, elapsed_s; /* over all runs */
    double peak_w;            /* highest of all runs; 0: too short for one */
    double gap_j;             /* largest bound of what was not observed */
    uint64_t updates;         /* fewest refreshes of the meter in one run */
    size_t moved;             /* runs in which it counted anything */
    ptrdiff_t contradicted_by;
    struct jb_energy contradicting;
    bool shown;
};

/* The sum over domains of which none contains another: of the means. */
struct jb_result_total {
    size_t count; /* of domains; 0: there is no total */
    double energy_j, below_j, above_j;
    bool estimated;
    bool mixed; /* runs had different meters: hence no total */
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
    struct jb_result_domain *domains;
    size_t domain_count;
    struct jb_series kinds_j[JB_DOMAIN_LAST + 1]; /* sums over what is measured
                      of a kind, of the runs in which all of it was */
    struct jb_result_total total;                 /* once finished */
    bool *in_total;     /* by domain: which ones the total sums */
    bool recorded;      /* of a tree in which counters stand still */
    size_t left_behind; /* endpoints that did not answer at the end */
};

/* Room for the machine's domains.  JB_ENOMEM. */
JB_NODISCARD int jb_result_open(struct jb_result *result,
                                const struct jb_machine *machine,
                                struct jb_error *err);
void jb_result_release(struct jb_result *result);

/* Books one run: its intervals (one per domain of the machine). */
void jb_result_add_run(struct jb_result *result, const struct jb_interval *rows,
                       uint64_t elapsed_ns);

/* After the last run: decides what is shown and what is summed.  rows is
 * scratch, one per domain. */
void jb_result_finish(struct jb_result *result, bool with_estimates,
                      struct jb_interval *rows);

JB_NODISCARD int jb_result_print_text(const struct jb_result *result, FILE *out,
                                      bool verbose, struct jb_error *err);
JB_NODISCARD int jb_result_print_json(const struct jb_result *result, FILE *out,
                                      bool verbose, struct jb_error *err);
JB_NODISCARD int jb_result_print_csv(const struct jb_result *result, FILE *out,
                                     struct jb_error *err);

/* As `perf stat -e power/energy-.../` prints it.  Estimates are no events: what
 * is missing is told on `remarks`, or nowhere when that is NULL. */
JB_NODISCARD int jb_result_print_perf(const struct jb_result *result, FILE *out,
                                      FILE *remarks, struct jb_error *err);

/* Whether a domain is summed where all of its kind are: not a die of a package
 * that is measured whole, and not estimated. */
bool jb_result_is_of_kind(const struct jb_result *result, size_t d,
                          enum jb_domain_kind kind);

enum { JB_RESULT_COMMAND_MAX = 4096 };

/* What the forms share: the names of a domain and of a sensor ("-" for -1),
 * and the command as one line. */
const char *jb_result_domain_name(const struct jb_result *result, size_t d);
const char *jb_result_sensor(const struct jb_result *result, ptrdiff_t i,
                             char out[JB_SENSOR_PATH_MAX]);
void jb_result_command(const struct jb_result *result,
                       char out[JB_RESULT_COMMAND_MAX]);

/* Whether a domain has a figure to be shown. */
bool jb_result_has_figure(const struct jb_result_domain *domain);

/* Mean power while it was observed. */
double jb_result_average_w(const struct jb_result_domain *domain);

/* Share of the time of all runs that was observed, 0 to 1. */
double jb_result_coverage(const struct jb_result_domain *domain);

/* How far the truth can lie below and above the mean: systematic, so that no
 * number of runs makes it less. */
double jb_result_below_j(const struct jb_result_domain *domain);
double jb_result_above_j(const struct jb_result_domain *domain);

/* What must be known of a domain's figure (a model's doubts), or "". */
const char *jb_result_note(const struct jb_result *result, size_t d);

/* Smallest share of the time that was observed, over the domains shown; 0 when
 * there is none. */
double jb_result_observed(const struct jb_result *result);

#endif
