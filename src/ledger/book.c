/* SPDX-License-Identifier: Apache-2.0 */
/* Who used what and when: slots, cuts, and the accounts that can be asked. */
#include "book.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "inside.h"

enum {
    BOOK_PLACES_MAX = 1024,
    BOOK_HISTORY_MAX = 1 << 16,
};

void jb_book_free(struct jb_book *book)
{
    if (!book)
        return;
    for (size_t d = 0; d < book->domain_count; d++) {
        free(book->domains[d].accounts);
        free(book->domains[d].intervals);
    }
    for (size_t i = 0; book->cuts && i < book->config.history; i++) {
        free(book->cuts[i].cells);
        free(book->cuts[i].places);
    }
    free(book->domains);
    free(book->cuts);
    free(book->slots);
    free(book->slot_of);
    free(book->weights);
    free(book->shares);
    free(book->sharers);
    free(book);
}

static bool book_config_fits(const struct jb_book_config *config)
{
    return config->places >= 1 && config->places <= BOOK_PLACES_MAX &&
           config->history >= 2 && config->history <= BOOK_HISTORY_MAX &&
           config->consumers_max >= JB_CONSUMER_FIXED &&
           config->consumers_max <= BOOK_CONSUMERS_MAX &&
           config->rule >= JB_RULE_DYNAMIC && config->rule <= JB_RULE_CAPACITY;
}

static int book_fill(struct jb_book *book)
{
    book->cuts = calloc(book->config.history, sizeof(*book->cuts));
    if (!book->cuts)
        return JB_ENOMEM;
    for (size_t i = 0; i < book->config.history; i++) {
        book->cuts[i].places =
            calloc(book->config.places, sizeof(*book->cuts[i].places));
        if (!book->cuts[i].places)
            return JB_ENOMEM;
    }
    /* Ids of the fixed consumers are their slots. */
    for (uint32_t id = 0; id < JB_CONSUMER_FIXED; id++) {
        uint32_t slot;
        int rc = jb_book_need_slot(book, id, &slot);

        if (rc < 0)
            return rc;
    }
    return JB_OK;
}

int jb_book_new(const struct jb_book_config *config, struct jb_book **out,
                struct jb_error *err)
{
    struct jb_book *book;

    if (!book_config_fits(config))
        return jb_fail(err, JB_EUSAGE,
                       "a book needs 1 to %d places, 2 to %d cuts and %d to %d "
                       "consumers",
                       BOOK_PLACES_MAX, BOOK_HISTORY_MAX, JB_CONSUMER_FIXED,
                       BOOK_CONSUMERS_MAX);
    book = calloc(1, sizeof(*book));
    if (!book)
        return jb_fail(err, JB_ENOMEM, "a book");
    book->config = *config;
    book->free_slot = BOOK_NO_SLOT;
    if (book_fill(book) < 0) {
        jb_book_free(book);
        return jb_fail(err, JB_ENOMEM, "a book of %zu cuts", config->history);
    }
    *out = book;
    return JB_OK;
}

int jb_book_add_domain(struct jb_book *book, const struct jb_book_domain *about,
                       uint32_t *index, struct jb_error *err)
{
    struct book_domain domain = { .about = *about, .idle_known = true };

    if (book->cut_count > 0 ||
        (about->place != JB_PLACE_ALL && about->place >= book->config.places))
        return jb_fail(err, JB_EUSAGE,
                       "a domain comes before the first cut, "
                       "and at a place of the book");
    domain.accounts = calloc(book->slot_room, sizeof(*domain.accounts));
    domain.intervals = calloc(book->config.history, sizeof(*domain.intervals));
    if (!domain.accounts || !domain.intervals ||
        !jb_book_resize((void **)&book->domains, book->domain_count + 1,
                        sizeof(*book->domains))) {
        free(domain.accounts);
        free(domain.intervals);
        return jb_fail(err, JB_ENOMEM, "a domain of a book");
    }
    *index = (uint32_t)book->domain_count;
    book->domains[book->domain_count++] = domain;
    return JB_OK;
}

/* Whether any of a place's numbers is not 0. */
static bool book_any(const uint64_t *values, size_t count)
{
    for (size_t p = 0; p < count; p++)
        if (values[p])
            return true;
    return false;
}

/* How much of a weight each place has left unexplained when known use is taken
 * off; where nothing is left, what there was at all, else what there could be,
 * else all places alike. */
static void book_unexplained(const struct jb_book *book,
                             const struct jb_use *uses, size_t count,
                             const struct jb_place_use *places, int weight,
                             uint64_t out[BOOK_PLACES_MAX])
{
    size_t width = book->config.places;

    for (size_t p = 0; p < width; p++)
        out[p] = places[p].busy[weight];
    for (size_t i = 0; i < count; i++)
        if (uses[i].place < width) {
            uint64_t *left = &out[uses[i].place];
            uint64_t used = uses[i].amount[weight];

            *left = *left > used ? *left - used : 0;
        }
    if (!book_any(out, width))
        for (size_t p = 0; p < width; p++)
            out[p] = places[p].busy[weight];
    if (!book_any(out, width))
        for (size_t p = 0; p < width; p++)
            out[p] = places[p].capacity[weight];
    if (!book_any(out, width))
        for (size_t p = 0; p < width; p++)
            out[p] = 1;
}

static int book_reserve_cells(struct book_cut *cut, size_t count)
{
    if (count <= cut->room)
        return JB_OK;
    if (!jb_book_resize((void **)&cut->cells, count, sizeof(*cut->cells)))
        return JB_ENOMEM;
    cut->room = count;
    return JB_OK;
}

/* Checks a cut and makes room for it, so that nothing can fail behind it. */
static int book_prepare(struct jb_book *book, uint64_t t_ns,
                        const struct jb_use *uses, size_t count,
                        struct jb_error *err)
{
    size_t cells = 0;

    if (book->cut_count > 0 &&
        t_ns <= book_cut(book, book->cut_count - 1)->t_ns)
        return jb_fail(err, JB_EUSAGE, "a cut at or before the last one");
    for (size_t i = 0; i < count; i++) {
        uint32_t slot;
        int rc;

        if (uses[i].place != JB_PLACE_UNKNOWN &&
            uses[i].place >= book->config.places)
            return jb_fail(err, JB_EUSAGE, "place %u is none of the book's",
                           uses[i].place);
        cells += uses[i].place == JB_PLACE_UNKNOWN ? book->config.places : 1;
        rc = jb_book_need_slot(book, uses[i].consumer, &slot);
        if (rc < 0)
            return jb_fail(err, rc, "consumer %u", uses[i].consumer);
    }
    if (book_reserve_cells(book_cut(book, book->cut_count), cells) < 0)
        return jb_fail(err, JB_ENOMEM, "a cut of %zu cells", cells);
    return JB_OK;
}

/* Lays use of unknown place to all places, a cell for each. */
static void book_place_unknown(const struct jb_book *book, struct book_cut *cut,
                               uint32_t slot, const struct jb_use *use,
                               uint64_t left[JB_WEIGHTS][BOOK_PLACES_MAX])
{
    struct book_cell *cells = &cut->cells[cut->count];
    uint64_t parts[BOOK_PLACES_MAX];

    for (size_t p = 0; p < book->config.places; p++)
        cells[p] = (struct book_cell){ .slot = slot, .place = (uint16_t)p };
    for (int w = 0; w < JB_WEIGHTS; w++) {
        if (jb_split_once(use->amount[w], left[w], parts,
                          book->config.places) != JB_OK)
            continue;
        for (size_t p = 0; p < book->config.places; p++)
            cells[p].amount[w] = parts[p];
    }
    cut->count += book->config.places;
}

static void book_fill_cut(struct jb_book *book, struct book_cut *cut,
                          const struct jb_use *uses, size_t count,
                          const struct jb_place_use *places)
{
    uint64_t left[JB_WEIGHTS][BOOK_PLACES_MAX];

    for (int w = 0; w < JB_WEIGHTS; w++)
        book_unexplained(book, uses, count, places, w, left[w]);
    cut->count = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = jb_book_find_slot(book, uses[i].consumer);

        if (slot == BOOK_NO_SLOT) /* beyond the ceiling */
            slot = JB_CONSUMER_OTHER;
        if (uses[i].place == JB_PLACE_UNKNOWN) {
            book_place_unknown(book, cut, slot, &uses[i], left);
            continue;
        }
        cut->cells[cut->count] =
            (struct book_cell){ .slot = slot, .place = uses[i].place };
        memcpy(cut->cells[cut->count++].amount, uses[i].amount,
               sizeof(uses[i].amount));
    }
    memcpy(cut->places, places, book->config.places * sizeof(*places));
}

int jb_book_cut(struct jb_book *book, uint64_t t_ns, const struct jb_use *uses,
                size_t count, const struct jb_place_use *places,
                struct jb_error *err)
{
    struct book_cut *cut = book_cut(book, book->cut_count);
    int rc = book_prepare(book, t_ns, uses, count, err);

    if (rc < 0)
        return rc;
    book_fill_cut(book, cut, uses, count, places);
    cut->t_ns = t_ns;
    for (size_t d = 0; d < book->domain_count; d++)
        book_interval(book, &book->domains[d], book->cut_count)->known = false;
    book->cut_count++;
    jb_book_fold_retired(book);
    return JB_OK;
}

void jb_book_set_idle(struct jb_book *book, uint32_t domain, uint64_t idle_uw)
{
    if (domain < book->domain_count)
        book->domains[domain].idle_uw = idle_uw;
}

/* The number of a remembered cut; false when there is none at this instant. */
static bool book_find_cut(const struct jb_book *book, uint64_t t_ns,
                          uint64_t *seq)
{
    for (uint64_t n = book->cut_count; n > book_oldest(book); n--)
        if (book_cut(book, n - 1)->t_ns == t_ns) {
            *seq = n - 1;
            return true;
        }
    return false;
}

static void book_open_domain(struct jb_book *book, struct book_domain *domain,
                             uint64_t seq, const struct jb_book_point *point)
{
    domain->open = true;
    domain->base = domain->posted = *point;
    domain->base_seq = domain->posted_seq = seq;
    domain->base_ns = domain->posted_ns = book_cut(book, seq)->t_ns;
}

static bool book_points_equal(const struct jb_book_point *a,
                              const struct jb_book_point *b)
{
    return a->energy.uj == b->energy.uj && a->seen_ns == b->seen_ns &&
           a->edge_uj == b->edge_uj && a->gap_uj == b->gap_uj &&
           a->below_uj == b->below_uj && a->above_uj == b->above_uj;
}

int jb_book_energy(struct jb_book *book, uint32_t domain, uint64_t t_ns,
                   const struct jb_book_point *point)
{
    struct book_domain *books;
    struct book_interval *interval;
    uint64_t seq;

    if (domain >= book->domain_count)
        return JB_EUSAGE;
    books = &book->domains[domain];
    if (!book_find_cut(book, t_ns, &seq) ||
        (books->open && seq < books->base_seq))
        return JB_EABSENT;
    interval = book_interval(book, books, seq);
    if (books->open && seq <= books->posted_seq) {
        if (!interval->known) /* it was passed over: no interval ends there */
            return JB_EABSENT;
        if (!book_points_equal(&interval->to, point))
            jb_book_restate(book, books, seq, point);
        return JB_OK;
    }
    interval->to = *point;
    interval->known = true;
    if (!books->open)
        book_open_domain(book, books, seq, point);
    jb_book_post(book, books);
    return JB_OK;
}

bool jb_book_knows(const struct jb_book *book, uint32_t consumer)
{
    return jb_book_find_slot(book, consumer) != BOOK_NO_SLOT;
}

uint64_t jb_book_posted_ns(const struct jb_book *book, uint32_t domain)
{
    return domain < book->domain_count ? book->domains[domain].posted_ns : 0;
}

static uint64_t book_whole(double uj)
{
    uint64_t whole;

    if (!(uj > 0.0))
        return 0;
    if (!(uj < (double)INT64_MAX))
        return INT64_MAX;
    whole = (uint64_t)uj;
    return whole + (uj > (double)whole); /* rounded up */
}

static uint32_t book_coverage_ppm(const struct book_domain *domain)
{
    struct jb_span span = {
        .elapsed_ns = domain->posted_ns - domain->base_ns,
        .seen_ns = domain->posted.seen_ns - domain->base.seen_ns,
    };

    return jb_span_coverage_ppm(&span);
}

static void book_describe(const struct jb_book *book, uint32_t index,
                          uint32_t slot, struct jb_posting *out)
{
    static const double rounding_uj = 2.0; /* see jb_split() */
    const struct book_domain *domain = &book->domains[index];
    const struct book_account *account = &domain->accounts[slot];
    double gain_uj =
        fabs((double)account->energy_uj) * domain->about.gain_ppm / 1e6;

    *out = (struct jb_posting){
        .domain = index,
        .consumer = book->slots[slot].consumer,
        .cut_ns = domain->posted_ns,
        .revision = domain->revision,
        .energy_uj = account->energy_uj,
        .uncertainty = {
            .edge_uj = book_whole(account->edge_uj + rounding_uj +
                                  account->share *
                                      (double)domain->posted.edge_uj),
            .gap_uj = book_whole(account->gap_uj),
            .systematic_below_uj = book_whole(account->below_uj + gain_uj),
            .systematic_above_uj = book_whole(account->above_uj + gain_uj),
            .variance_uj2 = account->variance_uj2 > 0.0 ?
                                account->variance_uj2 : 0.0,
        },
        .coverage_ppm = book_coverage_ppm(domain),
        .provenance = domain->about.provenance,
        .idle_known = domain->idle_known,
    };
}

int jb_book_account(const struct jb_book *book, uint32_t domain,
                    uint32_t consumer, struct jb_posting *out)
{
    uint32_t slot = jb_book_find_slot(book, consumer);

    if (domain >= book->domain_count)
        return JB_EUSAGE;
    if (!book->domains[domain].open)
        return JB_EABSENT;
    if (slot != BOOK_NO_SLOT) {
        book_describe(book, domain, slot, out);
        return JB_OK;
    }
    *out = (struct jb_posting){
        .domain = domain,
        .consumer = consumer,
        .cut_ns = book->domains[domain].posted_ns,
        .revision = book->domains[domain].revision,
        .coverage_ppm = book_coverage_ppm(&book->domains[domain]),
        .provenance = book->domains[domain].about.provenance,
        .idle_known = book->domains[domain].idle_known,
    };
    return JB_OK;
}

void jb_book_each(const struct jb_book *book, uint32_t domain,
                  void (*visit)(void *context,
                                const struct jb_posting *posting),
                  void *context)
{
    if (domain >= book->domain_count || !book->domains[domain].open)
        return;
    for (uint32_t i = 0; i < book->slot_count; i++) {
        struct jb_posting posting;

        if (book->slots[i].state == BOOK_SLOT_FREE ||
            book->domains[domain].accounts[i].energy_uj == 0)
            continue;
        book_describe(book, domain, i, &posting);
        visit(context, &posting);
    }
}

void jb_book_balance(const struct jb_book *book, uint32_t domain,
                     int64_t *energy_uj, int64_t *booked_uj)
{
    const struct book_domain *from = &book->domains[domain];

    *energy_uj = from->posted.energy.uj - from->base.energy.uj;
    *booked_uj = 0;
    for (size_t i = 0; i < book->slot_count; i++)
        *booked_uj += from->accounts[i].energy_uj;
}

struct jb_book_point jb_book_point_of(const struct jb_knot *knot,
                                      const struct jb_curve_bounds *bounds)
{
    return (struct jb_book_point){
        .energy = knot->energy,
        .seen_ns = knot->seen_ns,
        .edge_uj = jb_energy_bound_uj(bounds->power_uw, knot->edge_ns) +
                   knot->slack_uj + bounds->quantum_uj,
        .gap_uj = knot->gap_uj,
        .below_uj = knot->below_uj,
        .above_uj = knot->above_uj,
        .variance_uj2 = knot->variance_uj2,
    };
}
