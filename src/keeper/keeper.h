/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: what the meters say and who ran, brought together into books.
 *
 * Once a turn it reads who used the machine since the turn before and the
 * meters at the same instant, closes the parts to the totals of their cgroups,
 * and books each domain as far as its meter has come.  Everybody who wants to
 * know whose joules they were (top, stat, the agent) asks the same keeper.
 *
 * It has no thread of its own: turns are the caller's.  One owner calls all of
 * it.  What is borrowed from it lasts until the next turn.
 */
#ifndef JB_KEEPER_KEEPER_H
#define JB_KEEPER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/consumer.h"
#include "ledger/book.h"
#include "machine/machine.h"
#include "usage/usage.h"

struct jb_keeper;

/* Borrowed while the keeper is open. */
struct jb_keeper_config {
    const struct jb_env *env;
    struct jb_machine *machine; /* open, and nobody else's watch */
    const char *usage;          /* name of a back end, or NULL: the best */
    const struct jb_usage_options *usage_options;
    enum jb_rule rule;
    uint64_t period_ns;     /* in which meters are read beside the turns */
    uint32_t consumers_max; /* ceiling; others are folded into `other` */
};

/*
 * Opens the back end of usage, starts to watch the meters, and makes the first
 * cut.  JB_EABSENT when no domain has a meter; errors of the back end and of
 * the watch.  On success *out is owned by the caller: jb_keeper_close().
 */
JB_NODISCARD int jb_keeper_open(const struct jb_keeper_config *config,
                                struct jb_keeper **out, struct jb_error *err);

/* Accepts NULL. */
void jb_keeper_close(struct jb_keeper *keeper);

/* Makes a cut now.  JB_ENOMEM; JB_EDEAD when the back end has died and no
 * other works.  After a failure the next turn may succeed. */
JB_NODISCARD int jb_keeper_turn(struct jb_keeper *keeper, struct jb_error *err);

/* What was used since the books opened, and how fast since the turn before. */
struct jb_keeper_amount {
    int64_t energy_uj;
    int64_t power_uw; /* of the last interval that was posted */
};

/* One domain of the books. */
struct jb_keeper_domain {
    struct jb_domain domain; /* kind JB_DOMAIN_NONE: the rest of the whole */
    char name[JB_DOMAIN_NAME_MAX];
    bool summed; /* in the sum of a row: no other summed one contains it */
    bool posted; /* it has figures yet */
    bool estimated;
    bool idle_known;
    uint64_t posted_ns;
    struct jb_keeper_amount whole, idle, unattributed;
};

/* What rows stand for. */
enum jb_keeper_by {
    JB_KEEPER_BY_PROCESS,
    JB_KEEPER_BY_CGROUP,
    JB_KEEPER_BY_CONTAINER,
    JB_KEEPER_BY_UNIT,
    JB_KEEPER_BY_USER,
    JB_KEEPER_BY_JOB,
    JB_KEEPER_BY_LAST = JB_KEEPER_BY_JOB,
};

/* One consumer, or what lies below it, over all summed domains. */
struct jb_keeper_row {
    uint32_t consumer; /* or JB_CONSUMER_NONE: all that are in no such group */
    struct jb_keeper_amount amount;
    uint64_t cpu_ns; /* since the books opened */
    uint64_t rss_bytes;
    double cpu_share; /* of one CPU, in the last turn */
};

/* Domains in the order of the machine's, then the rest if there is one; NULL
 * when there are not so many. */
const struct jb_keeper_domain *jb_keeper_domain(const struct jb_keeper *keeper,
                                                size_t index);

/* Rows by power, the largest first; idle and unattributed are no rows, other
 * is.  Borrowed until the next call or turn.  JB_ENOMEM. */
JB_NODISCARD int jb_keeper_rows(struct jb_keeper *keeper, enum jb_keeper_by by,
                                const struct jb_keeper_row **rows,
                                size_t *count, struct jb_error *err);

const struct jb_consumers *jb_keeper_consumers(const struct jb_keeper *keeper);
const struct jb_book *jb_keeper_book(const struct jb_keeper *keeper);
const struct jb_usage_choice *jb_keeper_usage(const struct jb_keeper *keeper);
const struct jb_usage_turn *jb_keeper_last_turn(const struct jb_keeper *keeper);

/* "process", "cgroup", ... */
extern const char *const jb_keeper_by_names[];

#endif
