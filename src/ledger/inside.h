/* SPDX-License-Identifier: Apache-2.0 */
/* What book.c (who and when) and post.c (how much) share; nobody else includes
 * it. */
#ifndef JB_LEDGER_INSIDE_H
#define JB_LEDGER_INSIDE_H

#include "book.h"
#include "split.h"

#define BOOK_NO_SLOT UINT32_MAX

enum { BOOK_CONSUMERS_MAX = 1 << 24 }; /* also above the highest id */

/* Use of one consumer at one place: consumers are slots here. */
struct book_cell {
    uint32_t slot;
    uint16_t place;
    uint64_t amount[JB_WEIGHTS];
};

/* A cut and what was used in the interval that it ends. */
struct book_cut {
    uint64_t t_ns;
    struct book_cell *cells;
    size_t count, room;
    struct jb_place_use *places;
};

struct book_account {
    int64_t energy_uj;
    int64_t credit;       /* see split.h */
    double share, before; /* of the last posted interval and the one before */
    double edge_uj, gap_uj, below_uj, above_uj, variance_uj2;
};

/* How the interval that ends at a cut was booked. */
struct book_interval {
    struct jb_book_point from, to; /* at its ends */
    uint64_t from_seq;             /* the cut that it begins at */
    uint64_t idle_limit_uj;        /* of the dynamic rule */
    int64_t idle_uj;               /* what idle got for itself of it */
    bool known;                    /* `to` is */
    bool lost;                     /* use was forgotten: all unattributed */
};

struct book_domain {
    struct jb_book_domain about;
    struct book_account *accounts;   /* by slot */
    struct book_interval *intervals; /* by cut, as the history */
    struct jb_book_point base;       /* at the cut where its books open */
    struct jb_book_point posted;
    uint64_t base_ns, posted_ns;
    uint64_t base_seq, posted_seq;
    uint64_t idle_uw;
    uint32_t revision;
    bool open, idle_known;
};

enum book_slot_state { BOOK_SLOT_FREE, BOOK_SLOT_USED, BOOK_SLOT_RETIRING };

struct book_slot {
    enum book_slot_state state;
    uint32_t consumer;
    uint32_t next;  /* of a free one the next free one, of a retiring one the
                       slot that it will be folded into */
    uint64_t after; /* number of the last cut that can speak of it */
};

struct jb_book {
    struct jb_book_config config;
    struct book_domain *domains;
    size_t domain_count;

    struct book_cut *cuts; /* a ring: cut n is at n % history */
    uint64_t cut_count;    /* made so far; the newest is cut_count - 1 */

    struct book_slot *slots;
    size_t slot_count, slot_room;
    uint32_t free_slot; /* the first of those that were given up */
    uint32_t *slot_of;  /* by consumer */
    size_t slot_of_room;
    size_t retiring; /* slots that wait to be folded */

    /* Scratch, by slot. */
    uint64_t *weights;
    struct jb_share *shares;
    uint32_t *sharers; /* slot of each share */
};

static inline struct book_cut *book_cut(const struct jb_book *book,
                                        uint64_t seq)
{
    return &book->cuts[seq % book->config.history];
}

static inline struct book_interval *book_interval(const struct jb_book *book,
                                                  struct book_domain *domain,
                                                  uint64_t seq)
{
    return &domain->intervals[seq % book->config.history];
}

/* The oldest cut that is remembered. */
static inline uint64_t book_oldest(const struct jb_book *book)
{
    return book->cut_count > book->config.history
               ? book->cut_count - book->config.history
               : 0;
}

/* The slot of a consumer, or BOOK_NO_SLOT. */
uint32_t jb_book_find_slot(const struct jb_book *book, uint32_t consumer);

/* The same, a new one if need be; `other`'s when all are taken.  JB_EUSAGE for
 * an id beyond the ceiling, JB_ENOMEM. */
JB_NODISCARD int jb_book_need_slot(struct jb_book *book, uint32_t consumer,
                                   uint32_t *out);

/* Folds those of whom no remembered cut can speak any more. */
void jb_book_fold_retired(struct jb_book *book);

bool jb_book_resize(void **array, size_t count, size_t size);

/* Posts a domain as far as its energies are known. */
void jb_book_post(struct jb_book *book, struct book_domain *domain);

/* Books what another energy at a posted cut changes. */
void jb_book_restate(struct jb_book *book, struct book_domain *domain,
                     uint64_t seq, const struct jb_book_point *point);

#endif
