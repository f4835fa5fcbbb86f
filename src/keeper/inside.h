/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share; nobody else includes it. */
#ifndef JB_KEEPER_INSIDE_H
#define JB_KEEPER_INSIDE_H

#include "identity/owner.h"
#include "keeper.h"
#include "ledger/baseline.h"

enum {
    KEEPER_HISTORY = 64, /* cuts that a late meter is waited for */
    KEEPER_PLACES_MAX = 1024,
};

/* One cgroup of the usage's, and whose it is. */
struct keeper_group {
    bool known;
    uint32_t serial;
    uint32_t consumer; /* of the cgroup itself */
    struct jb_owner owner;
    /* In this turn: of its own processes, not of the groups below. */
    uint64_t own_ns, rows_ns, derived_ns;
    bool total; /* own_ns is known */
};

/* Whom a consumer counts for, found by the consumer of its cgroup. */
struct keeper_heads {
    uint32_t container, unit, user, job;
};

/* A consumer that has died, and who takes its accounts over. */
struct keeper_grave {
    uint32_t consumer, heir;
    bool retired; /* the book knows */
};

/* A domain of the books: the machine's, or the rest (machine == -1). */
struct keeper_domain {
    struct jb_keeper_domain view;
    ptrdiff_t machine;
    uint32_t book; /* its index there */
    uint64_t next; /* number of the first cut whose energy was not said yet */
    uint64_t revision;
    struct jb_baseline baseline;
    struct jb_book_point points[KEEPER_HISTORY];
    bool known[KEEPER_HISTORY];
    int64_t *last_uj; /* by consumer: at the cut before */
    int64_t *power_uw;
    uint64_t viewed_ns;
};

/* A cut as the meters are asked about it. */
struct keeper_cut {
    uint64_t t_ns;
    struct jb_place_use all; /* of the whole machine */
    struct jb_place_use *places;
};

struct jb_keeper {
    struct jb_keeper_config config;
    struct jb_usage_choice usage;
    const struct jb_usage_turn *turn;
    struct jb_consumers *consumers;
    struct jb_book *book;

    uint16_t *place_ids; /* numbers of packages, by place of the book */
    size_t place_count;
    struct keeper_cut cuts[KEEPER_HISTORY];
    uint64_t cut_count;

    struct keeper_domain *domains;
    size_t domain_count;

    struct keeper_group *groups;
    size_t group_count;
    struct jb_use *uses;
    size_t use_count, use_room;

    struct keeper_grave *graves; /* oldest first */
    size_t grave_count, grave_room;

    /* By consumer; grown together. */
    size_t width;
    struct keeper_heads *heads; /* of those that are cgroups */
    uint64_t *cpu_ns, *turn_ns, *rss_bytes;

    struct jb_keeper_row *rows;
    size_t row_room;
};

/* people.c: whose each row of the usage is. */

/* Makes the uses of a turn.  JB_ENOMEM. */
JB_NODISCARD int jb_keeper_count(struct jb_keeper *keeper,
                                 struct jb_error *err);

/* After the cut: those who have ended are folded and, once nothing remembered
 * speaks of them, forgotten. */
void jb_keeper_bury(struct jb_keeper *keeper);

/* With the consumers themselves, whose references need not be given back. */
void jb_keeper_free_people(struct jb_keeper *keeper);

/* Room for all consumers there are in what is kept by consumer. */
JB_NODISCARD int jb_keeper_widen(struct jb_keeper *keeper,
                                 struct jb_error *err);

/* energy.c: what each domain used up to each cut. */

/* Makes the domains of the books.  JB_EABSENT when there is none. */
JB_NODISCARD int jb_keeper_open_domains(struct jb_keeper *keeper,
                                        struct jb_error *err);
void jb_keeper_close_domains(struct jb_keeper *keeper);

/* Says all energies that are known by now, and learns idle power from them. */
void jb_keeper_say_energies(struct jb_keeper *keeper);

/* view.c */

/* Brings what is shown up to date. */
void jb_keeper_look(struct jb_keeper *keeper);

#endif
