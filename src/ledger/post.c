/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the energy of an interval is divided.
 *
 * An interval is booked by the same few lines whether it is new or restated:
 * what is booked is the difference between two amounts of it, of which the old
 * one is 0 when it is new.  The parts of a difference sum to it exactly, so no
 * restatement can unbalance a book.
 */
#include <math.h>

#include "base/clock.h"
#include "inside.h"

/* The shares in the book's scratch. */
struct post_terms {
    size_t count;
    uint64_t sum; /* of their weights */
};

static uint64_t post_add(uint64_t a, uint64_t b)
{
    uint64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* Weights of all slots, by the domain's place and kind of weight. */
static void post_weigh(struct jb_book *book, const struct book_domain *domain,
                       const struct book_cut *cut)
{
    const struct jb_book_domain *about = &domain->about;

    for (size_t i = 0; i < book->slot_count; i++)
        book->weights[i] = 0;
    for (size_t i = 0; i < cut->count; i++) {
        const struct book_cell *cell = &cut->cells[i];

        if (about->place == JB_PLACE_ALL || about->place == cell->place)
            book->weights[cell->slot] = post_add(book->weights[cell->slot],
                                                 cell->amount[about->weight]);
    }
}

/* What the domain's place did in all. */
static struct jb_place_use post_place(const struct jb_book *book,
                                      const struct book_domain *domain,
                                      const struct book_cut *cut)
{
    struct jb_place_use all = { { 0 }, { 0 } };

    if (domain->about.place != JB_PLACE_ALL)
        return cut->places[domain->about.place];
    for (size_t p = 0; p < book->config.places; p++)
        for (int w = 0; w < JB_WEIGHTS; w++) {
            all.busy[w] = post_add(all.busy[w], cut->places[p].busy[w]);
            all.capacity[w] =
                post_add(all.capacity[w], cut->places[p].capacity[w]);
        }
    return all;
}

static uint64_t post_above(uint64_t whole, uint64_t part)
{
    return whole > part ? whole - part : 0;
}

/* Adds what nobody is known for, and under the capacity rule what was not
 * used at all, to the weights. */
static void post_weigh_rest(struct jb_book *book,
                            const struct book_domain *domain,
                            const struct book_cut *cut)
{
    struct jb_place_use place = post_place(book, domain, cut);
    enum jb_weight kind = domain->about.weight;
    uint64_t used = 0;
    uint64_t unknown;

    for (size_t i = 0; i < book->slot_count; i++)
        used = post_add(used, book->weights[i]);
    unknown = post_above(place.busy[kind], used);
    book->weights[JB_CONSUMER_UNATTRIBUTED] =
        post_add(book->weights[JB_CONSUMER_UNATTRIBUTED], unknown);
    if (book->config.rule == JB_RULE_CAPACITY)
        book->weights[JB_CONSUMER_IDLE] =
            post_add(book->weights[JB_CONSUMER_IDLE],
                     post_above(place.capacity[kind], post_add(used, unknown)));
}

/* The shares of an interval: those with a weight.  When nobody has any, all is
 * idle's; when use was forgotten, all is unattributed. */
static struct post_terms post_share(struct jb_book *book,
                                    struct book_domain *domain, uint64_t seq)
{
    const struct book_cut *cut = book_cut(book, seq);
    struct post_terms terms = { 0, 0 };

    if (book_interval(book, domain, seq)->lost) {
        for (size_t i = 0; i < book->slot_count; i++)
            book->weights[i] = i == JB_CONSUMER_UNATTRIBUTED;
    } else {
        post_weigh(book, domain, cut);
        post_weigh_rest(book, domain, cut);
    }
    for (size_t i = 0; i < book->slot_count; i++)
        terms.sum = post_add(terms.sum, book->weights[i]);
    if (terms.sum == 0)
        terms.sum = book->weights[JB_CONSUMER_IDLE] = 1;
    for (size_t i = 0; i < book->slot_count; i++) {
        if (book->weights[i] == 0)
            continue;
        book->sharers[terms.count] = (uint32_t)i;
        book->shares[terms.count++] =
            (struct jb_share){ .weight = book->weights[i],
                               .credit = domain->accounts[i].credit };
    }
    return terms;
}

/* Idle's own part of an amount, before the rest is shared. */
static int64_t post_idle_part(const struct book_interval *interval,
                              int64_t amount_uj)
{
    if (amount_uj <= 0)
        return 0;
    return (uint64_t)amount_uj < interval->idle_limit_uj
               ? amount_uj
               : (int64_t)interval->idle_limit_uj;
}

/* What is not certain of an interval grows an account's doubts by its share. */
static void post_doubts(struct book_account *account, double share,
                        const struct jb_book_point *from,
                        const struct jb_book_point *to)
{
    account->gap_uj += share * ((double)to->gap_uj - (double)from->gap_uj);
    account->below_uj +=
        share * ((double)to->below_uj - (double)from->below_uj);
    account->above_uj +=
        share * ((double)to->above_uj - (double)from->above_uj);
    account->variance_uj2 +=
        share * share * (to->variance_uj2 - from->variance_uj2);
}

static int64_t post_amount(const struct book_interval *interval)
{
    return interval->to.energy.uj - interval->from.energy.uj;
}

/*
 * Books the difference between the amount of an interval and `before_uj`, which
 * was booked of it.  The shares are left in the book's scratch.
 */
static struct post_terms post_difference(struct jb_book *book,
                                         struct book_domain *domain,
                                         uint64_t seq, int64_t before_uj)
{
    struct book_interval *interval = book_interval(book, domain, seq);
    int64_t amount_uj = post_amount(interval);
    int64_t idle_uj = post_idle_part(interval, amount_uj);
    int64_t own_uj = idle_uj - interval->idle_uj;
    int64_t rest_uj = amount_uj - before_uj - own_uj;
    struct post_terms terms = post_share(book, domain, seq);

    if (jb_split(rest_uj, book->shares, terms.count) != JB_OK) {
        /* Beyond all physics: nobody is known for it. */
        domain->accounts[JB_CONSUMER_UNATTRIBUTED].energy_uj += rest_uj;
        terms.count = 0;
    }
    for (size_t i = 0; i < terms.count; i++) {
        struct book_account *account = &domain->accounts[book->sharers[i]];

        account->energy_uj += book->shares[i].part_uj;
        account->credit = book->shares[i].credit;
    }
    domain->accounts[JB_CONSUMER_IDLE].energy_uj += own_uj;
    interval->idle_uj = idle_uj;
    return terms;
}

/* The part of an interval that is idle's before anything is shared. */
static double post_idle_share(const struct book_interval *interval)
{
    int64_t amount_uj = post_amount(interval);

    return amount_uj > 0 ? (double)interval->idle_uj / (double)amount_uj : 0.0;
}

/* The share of each account in the interval that was just divided. */
static void post_note_shares(struct jb_book *book, struct book_domain *domain,
                             const struct post_terms *terms, double idle)
{
    for (size_t i = 0; i < book->slot_count; i++) {
        domain->accounts[i].before = domain->accounts[i].share;
        domain->accounts[i].share = 0.0;
    }
    for (size_t i = 0; i < terms->count; i++)
        domain->accounts[book->sharers[i]].share =
            (1.0 - idle) * (double)book->shares[i].weight / (double)terms->sum;
    domain->accounts[JB_CONSUMER_IDLE].share += idle;
}

static void post_interval(struct jb_book *book, struct book_domain *domain,
                          uint64_t seq)
{
    struct book_interval *interval = book_interval(book, domain, seq);
    uint64_t elapsed_ns = book_cut(book, seq)->t_ns - domain->posted_ns;
    struct post_terms terms;

    interval->from = domain->posted;
    interval->from_seq = domain->posted_seq;
    interval->lost = domain->posted_seq + 1 != seq;
    interval->idle_uj = 0;
    interval->idle_limit_uj = 0;
    if (book->config.rule == JB_RULE_DYNAMIC && !interval->lost)
        interval->idle_limit_uj =
            jb_energy_bound_uj(domain->idle_uw, elapsed_ns);
    domain->idle_known &= domain->idle_uw > 0;
    terms = post_difference(book, domain, seq, 0);
    post_note_shares(book, domain, &terms, post_idle_share(interval));
    for (size_t i = 0; i < book->slot_count; i++) {
        struct book_account *account = &domain->accounts[i];

        /* What is wrong of a point that two intervals share is too much in one
         * and too little in the other. */
        account->edge_uj += fabs(account->share - account->before) *
                            (double)interval->from.edge_uj;
        post_doubts(account, account->share, &interval->from, &interval->to);
    }
    domain->posted = interval->to;
    domain->posted_ns = book_cut(book, seq)->t_ns;
    domain->posted_seq = seq;
}

void jb_book_post(struct jb_book *book, struct book_domain *domain)
{
    for (;;) {
        uint64_t seq = domain->posted_seq + 1;

        if (seq < book_oldest(book))
            seq = book_oldest(book);
        if (seq >= book->cut_count || !book_interval(book, domain, seq)->known)
            return;
        post_interval(book, domain, seq);
    }
}

/* An interval one end of which was said anew. */
static void post_again(struct jb_book *book, struct book_domain *domain,
                       uint64_t seq, const struct book_interval *before)
{
    const struct book_interval *interval = book_interval(book, domain, seq);
    struct post_terms terms =
        post_difference(book, domain, seq, post_amount(before));
    double idle = post_idle_share(interval);

    for (size_t i = 0; i < terms.count; i++) {
        struct book_account *account = &domain->accounts[book->sharers[i]];
        double share =
            (1.0 - idle) * (double)book->shares[i].weight / (double)terms.sum;

        post_doubts(account, -share, &before->from, &before->to);
        post_doubts(account, share, &interval->from, &interval->to);
    }
}

/* The posted interval that begins at a cut, or NULL. */
static struct book_interval *post_next(struct jb_book *book,
                                       struct book_domain *domain, uint64_t seq,
                                       uint64_t *next)
{
    for (uint64_t n = seq + 1; n <= domain->posted_seq; n++) {
        struct book_interval *interval = book_interval(book, domain, n);

        if (interval->known && interval->from_seq == seq) {
            *next = n;
            return interval;
        }
    }
    return NULL;
}

void jb_book_restate(struct jb_book *book, struct book_domain *domain,
                     uint64_t seq, const struct jb_book_point *point)
{
    struct book_interval *interval = book_interval(book, domain, seq);
    struct book_interval before = *interval;
    struct book_interval *after;
    uint64_t next;

    interval->to = *point;
    if (seq == domain->base_seq)
        domain->base = *point;
    else
        post_again(book, domain, seq, &before);
    after = post_next(book, domain, seq, &next);
    if (after) {
        before = *after;
        after->from = *point;
        post_again(book, domain, next, &before);
    }
    if (seq == domain->posted_seq)
        domain->posted = *point;
    domain->revision++;
}
