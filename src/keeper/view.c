/* SPDX-License-Identifier: Apache-2.0 */
/* The books as rows: by power, for whom one wants. */
#include <string.h>

#include "base/clock.h"
#include "inside.h"

/* One account of a domain whose books went on: how fast. */
struct view_step {
    struct jb_keeper *keeper;
    struct keeper_domain *domain;
    uint64_t elapsed_ns;
};

static void view_take(void *context, const struct jb_posting *posting)
{
    struct view_step *step = context;
    int64_t *last_uj;
    double uw;

    if (posting->consumer >= step->keeper->width)
        return;
    last_uj = &step->domain->last_uj[posting->consumer];
    uw = (double)(posting->energy_uj - *last_uj) * JB_NS_PER_S /
         (double)step->elapsed_ns;
    step->domain->power_uw[posting->consumer] = (int64_t)uw;
    *last_uj = posting->energy_uj;
}

static struct jb_keeper_amount view_amount(const struct jb_keeper *keeper,
                                           const struct keeper_domain *domain,
                                           uint32_t consumer)
{
    struct jb_posting posting;

    if (jb_book_account(keeper->book, domain->book, consumer, &posting) < 0)
        return (struct jb_keeper_amount){ 0, 0 };
    return (struct jb_keeper_amount){ posting.energy_uj,
                                      domain->power_uw[consumer] };
}

static void view_update(struct jb_keeper *keeper, struct keeper_domain *domain)
{
    struct jb_keeper_domain *view = &domain->view;
    uint64_t posted_ns = jb_book_posted_ns(keeper->book, domain->book);
    struct view_step step = { keeper, domain, posted_ns - domain->viewed_ns };
    struct jb_posting idle;
    int64_t booked_uj;
    int64_t before_uj = view->whole.energy_uj;

    if (posted_ns == domain->viewed_ns)
        return;
    memset(domain->power_uw, 0, keeper->width * sizeof(*domain->power_uw));
    jb_book_each(keeper->book, domain->book, view_take, &step);
    jb_book_balance(keeper->book, domain->book, &view->whole.energy_uj,
                    &booked_uj);
    if (domain->viewed_ns > 0) {
        double uw = (double)(view->whole.energy_uj - before_uj) * JB_NS_PER_S /
                    (double)step.elapsed_ns;

        view->whole.power_uw = (int64_t)uw;
        view->posted = true;
    }
    view->idle = view_amount(keeper, domain, JB_CONSUMER_IDLE);
    view->unattributed = view_amount(keeper, domain, JB_CONSUMER_UNATTRIBUTED);
    view->idle_known = jb_book_account(keeper->book, domain->book,
                                       JB_CONSUMER_IDLE, &idle) == JB_OK &&
                       idle.idle_known;
    view->posted_ns = domain->viewed_ns = posted_ns;
}

void jb_keeper_look(struct jb_keeper *keeper)
{
    for (size_t i = 0; i < keeper->domain_count; i++)
        view_update(keeper, &keeper->domains[i]);
}

const struct jb_keeper_domain *jb_keeper_domain(const struct jb_keeper *keeper,
                                                size_t index)
{
    return index < keeper->domain_count ? &keeper->domains[index].view : NULL;
}

/* The nearest cgroup at or above a consumer, or JB_CONSUMER_NONE. */
static uint32_t view_cgroup(const struct jb_keeper *keeper, uint32_t id)
{
    while (id != JB_CONSUMER_NONE) {
        const struct jb_consumer *consumer =
            jb_consumers_get(keeper->consumers, id);

        if (!consumer || consumer->kind == JB_CONSUMER_KIND_CGROUP)
            return consumer ? id : JB_CONSUMER_NONE;
        id = consumer->parent;
    }
    return JB_CONSUMER_NONE;
}

static uint32_t view_head(const struct keeper_heads *heads,
                          enum jb_keeper_by by)
{
    switch (by) {
    case JB_KEEPER_BY_CONTAINER:
        return heads->container;
    case JB_KEEPER_BY_UNIT:
        return heads->unit;
    case JB_KEEPER_BY_USER:
        return heads->user;
    case JB_KEEPER_BY_JOB:
        return heads->job;
    case JB_KEEPER_BY_PROCESS:
    case JB_KEEPER_BY_CGROUP:
        break;
    }
    return JB_CONSUMER_NONE;
}

/* Whom a consumer's amount is shown with. */
static uint32_t view_target(const struct jb_keeper *keeper, uint32_t id,
                            enum jb_keeper_by by)
{
    const struct jb_consumer *consumer =
        jb_consumers_get(keeper->consumers, id);
    uint32_t cgroup;

    if (id == JB_CONSUMER_OTHER || by == JB_KEEPER_BY_PROCESS || !consumer)
        return id;
    if (by == JB_KEEPER_BY_JOB && consumer->kind == JB_CONSUMER_KIND_JOB)
        return id;
    cgroup = view_cgroup(keeper, id);
    if (cgroup == JB_CONSUMER_NONE || by == JB_KEEPER_BY_CGROUP)
        return cgroup;
    return view_head(&keeper->heads[cgroup], by);
}

static int view_compare(const void *a, const void *b)
{
    const struct jb_keeper_row *left = a;
    const struct jb_keeper_row *right = b;

    if (left->amount.power_uw != right->amount.power_uw)
        return left->amount.power_uw > right->amount.power_uw ? -1 : 1;
    if (left->amount.energy_uj != right->amount.energy_uj)
        return left->amount.energy_uj > right->amount.energy_uj ? -1 : 1;
    return left->consumer < right->consumer ? -1 : 1;
}

/* Adds what one consumer has of all summed domains to a row. */
static void view_add(const struct jb_keeper *keeper, uint32_t id,
                     struct jb_keeper_row *row)
{
    double turn_ns = (double)(keeper->turn->to_ns - keeper->turn->from_ns);

    for (size_t i = 0; i < keeper->domain_count; i++) {
        if (!keeper->domains[i].view.summed)
            continue;
        row->amount.energy_uj += keeper->domains[i].last_uj[id];
        row->amount.power_uw += keeper->domains[i].power_uw[id];
    }
    row->cpu_ns += keeper->cpu_ns[id];
    row->rss_bytes += keeper->rss_bytes[id];
    if (turn_ns > 0.0)
        row->cpu_share += (double)keeper->turn_ns[id] / turn_ns;
}

/* A row for each target by its number, and one for those in no group behind
 * them; then those that have anything, closed up. */
static size_t view_fill(struct jb_keeper *keeper, enum jb_keeper_by by,
                        uint32_t bound)
{
    size_t used = 0;

    for (uint32_t id = 0; id <= bound; id++)
        keeper->rows[id] =
            (struct jb_keeper_row){ .consumer =
                                        id < bound ? id : JB_CONSUMER_NONE };
    for (uint32_t id = JB_CONSUMER_OTHER; id < bound; id++) {
        uint32_t target = view_target(keeper, id, by);

        view_add(keeper, id, &keeper->rows[target < bound ? target : bound]);
    }
    for (uint32_t id = 0; id <= bound; id++)
        if (keeper->rows[id].amount.energy_uj != 0 ||
            keeper->rows[id].cpu_ns != 0)
            keeper->rows[used++] = keeper->rows[id];
    return used;
}

int jb_keeper_rows(struct jb_keeper *keeper, enum jb_keeper_by by,
                   const struct jb_keeper_row **rows, size_t *count,
                   struct jb_error *err)
{
    uint32_t bound = jb_consumers_bound(keeper->consumers);

    if (bound > keeper->width)
        bound = (uint32_t)keeper->width;
    if (keeper->row_room <= bound) {
        struct jb_keeper_row *grown =
            reallocarray(keeper->rows, (size_t)bound + 1, sizeof(*grown));

        if (!grown)
            return jb_fail(err, JB_ENOMEM, "%u rows", bound);
        keeper->rows = grown;
        keeper->row_room = (size_t)bound + 1;
    }
    *count = view_fill(keeper, by, bound);
    qsort(keeper->rows, *count, sizeof(*keeper->rows), view_compare);
    *rows = keeper->rows;
    return JB_OK;
}
