/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books of one scope: whose microjoules were those of each domain.
 *
 * Time is divided by cuts.  At a cut the caller says who used how much since
 * the cut before; at the same time, or seconds later, it says what the
 * cumulative energy of each domain was at that cut.  A domain is posted up to
 * the last cut whose energy is known: RAPL after a tick, the BMC after its lag,
 * and none waits for another.  An energy that is said again, since a reading
 * came late, restates: accounts change, sums stay exact, the revision rises.
 *
 * Of every domain, at every posted cut, to the microjoule:
 *     sum of all consumers + idle + unattributed = energy since the first cut
 *
 * Accounts are cumulative: a lost row loses nothing, a repeated row changes
 * nothing, and any interval is a difference.
 *
 * Pure: no clock, no file, no thread.  Not thread-safe.
 */
#ifndef JB_LEDGER_BOOK_H
#define JB_LEDGER_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "core/curve.h"
#include "identity/consumer.h"
#include "joulebook/error.h"
#include "joulebook/plugin/sensor.h"

struct jb_book;

/*
 * Who pays for what nobody used.  With E the energy of an interval, w a
 * consumer's weight, U the use that nobody is known for, C the capacity:
 *   dynamic   idle gets min(E, idle power x time); the rest goes by w : U
 *   busy      all of E goes by w : U; idle pays only when nobody ran
 *   capacity  all of E goes by w : U : C - sum w - U, the last part to idle
 * While the idle power of a domain is not known, dynamic divides like busy, and
 * its rows say so.
 */
enum jb_rule { JB_RULE_DYNAMIC, JB_RULE_BUSY, JB_RULE_CAPACITY };

/* What a domain is divided by. */
enum jb_weight {
    JB_WEIGHT_CPU,    /* ns of CPU time, hyper-threads corrected or not */
    JB_WEIGHT_MEMORY, /* bytes x ns, or cache misses: whatever was chosen */
    JB_WEIGHT_GPU,    /* ns of GPU time */
    JB_WEIGHT_LAST = JB_WEIGHT_GPU,
};
enum { JB_WEIGHTS = JB_WEIGHT_LAST + 1 };

/* Where something was used: a package or a GPU by its number. */
enum {
    JB_PLACE_MAX = 0xfffd,
    JB_PLACE_ALL = 0xfffe,
    JB_PLACE_UNKNOWN = 0xffff
};

/* What one consumer used at one place since the cut before.  Those below
 * JB_CONSUMER_FIXED are in every book. */
struct jb_use {
    uint32_t consumer;
    uint16_t place; /* JB_PLACE_UNKNOWN is a place of its own */
    uint64_t amount[JB_WEIGHTS];
};

/* What all of a place did since the cut before, in the unit of its weights. */
struct jb_place_use {
    uint64_t busy[JB_WEIGHTS];     /* 0: not known beyond what consumers used */
    uint64_t capacity[JB_WEIGHTS]; /* 0: none is known */
};

/* A domain's cumulative energy at a cut, with what is not certain of it. */
struct jb_book_point {
    struct jb_energy energy;
    uint64_t seen_ns;            /* cumulative: covered by readings */
    uint64_t edge_uj;            /* of this point, each way */
    uint64_t gap_uj;             /* cumulative bound of what was not observed */
    uint64_t below_uj, above_uj; /* cumulative: gain, a model's interval */
    double variance_uj2;         /* cumulative */
};

struct jb_book_config {
    enum jb_rule rule;
    size_t places;        /* 1 to 1024: packages, or GPUs behind them */
    size_t history;       /* cuts that can still be posted or restated; >= 2 */
    size_t consumers_max; /* ceiling; beyond it use is booked to `other` */
};

/* One domain that is divided. */
struct jb_book_domain {
    struct jb_domain domain;
    enum jb_weight weight;
    uint16_t place; /* whose use divides it, or JB_PLACE_ALL */
    enum jb_provenance provenance;
    uint32_t gain_ppm; /* systematic, of energy */
};

/* One account as it stands at the domain's posted cut. */
struct jb_posting {
    uint32_t domain, consumer;
    uint64_t cut_ns;
    uint32_t revision; /* of the domain: +1 for each restatement */
    int64_t energy_uj; /* cumulative since the book's first cut */
    struct jb_uncertainty uncertainty;
    uint32_t coverage_ppm;
    enum jb_provenance provenance;
    bool idle_known; /* the rule could set idle apart, all the time */
};

/* JB_EUSAGE for a config out of bounds, JB_ENOMEM. */
JB_NODISCARD int jb_book_new(const struct jb_book_config *config,
                             struct jb_book **out, struct jb_error *err);

/* Accepts NULL. */
void jb_book_free(struct jb_book *book);

/* Adds a domain before the first cut; *index numbers it.  JB_EUSAGE, JB_ENOMEM.
 */
JB_NODISCARD int jb_book_add_domain(struct jb_book *book,
                                    const struct jb_book_domain *about,
                                    uint32_t *index, struct jb_error *err);

/*
 * Makes a cut at t_ns, after all earlier ones.  uses says who used what since
 * the cut before (of the first cut nothing counts), in any order, a consumer
 * several times; places has one row for each of config.places.  Use of unknown
 * place is laid to the places by what each has left unexplained.  The oldest
 * cut falls out of the history; a domain that was not posted up to it yet gets
 * a gap there (see jb_book_energy()).  JB_EUSAGE, JB_ENOMEM: nothing changed.
 */
JB_NODISCARD int jb_book_cut(struct jb_book *book, uint64_t t_ns,
                             const struct jb_use *uses, size_t count,
                             const struct jb_place_use *places,
                             struct jb_error *err);

/* Idle power of a domain from now on, in uW, for the dynamic rule; 0: not
 * known.  It holds for the intervals that are posted after the call. */
void jb_book_set_idle(struct jb_book *book, uint32_t domain, uint64_t idle_uw);

/*
 * The energy of a domain at the cut of t_ns.  Posts as far as energies are
 * known without a hole.  Said again for a posted cut, it restates.  JB_EABSENT:
 * no such cut is remembered; JB_EUSAGE: no such domain.
 */
JB_NODISCARD int jb_book_energy(struct jb_book *book, uint32_t domain,
                                uint64_t t_ns,
                                const struct jb_book_point *point);

/*
 * A consumer is gone: its accounts are added to those of `into` as soon as no
 * remembered cut speaks of it any more, and then its id may be used anew.
 * Nothing of any sum changes.  JB_EUSAGE for the fixed consumers.
 */
JB_NODISCARD int jb_book_retire(struct jb_book *book, uint32_t consumer,
                                uint32_t into);

/* Whether the book has accounts for a consumer; of a retired one, until they
 * are folded. */
bool jb_book_knows(const struct jb_book *book, uint32_t consumer);

/* The instant up to which a domain is posted; 0: not yet. */
uint64_t jb_book_posted_ns(const struct jb_book *book, uint32_t domain);

/* One account; of a consumer that has none, an account of 0.  JB_EABSENT when
 * the domain was never posted. */
JB_NODISCARD int jb_book_account(const struct jb_book *book, uint32_t domain,
                                 uint32_t consumer, struct jb_posting *out);

/* All accounts of a domain that are not 0, fixed consumers first. */
void jb_book_each(const struct jb_book *book, uint32_t domain,
                  void (*visit)(void *context,
                                const struct jb_posting *posting),
                  void *context);

/* The energy that the accounts of a domain must sum to, and what they do sum
 * to: equal, always.  Costs a walk over all accounts. */
void jb_book_balance(const struct jb_book *book, uint32_t domain,
                     int64_t *energy_uj, int64_t *booked_uj);

/* A point from a curve's knot. */
struct jb_book_point jb_book_point_of(const struct jb_knot *knot,
                                      const struct jb_curve_bounds *bounds);

#endif
