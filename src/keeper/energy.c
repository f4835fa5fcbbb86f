/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each domain used up to each cut.  A cut is made at once, its energies
 * are said as the meters come past it: RAPL's in the same turn, a BMC's some
 * turns later.  A reading that comes later still restates.
 */
#include <stdio.h>

#include "base/clock.h"
#include "core/domain.h"
#include "inside.h"
#include "ledger/reconcile.h"

enum { ENERGY_DOMAINS_MAX = 256 };

static const double energy_ns_per_s = JB_NS_PER_S;

static uint16_t energy_place(const struct jb_keeper *keeper,
                             const struct jb_domain *domain)
{
    if (domain->kind != JB_DOMAIN_PACKAGE && domain->kind != JB_DOMAIN_CORE &&
        domain->kind != JB_DOMAIN_UNCORE && domain->kind != JB_DOMAIN_DRAM)
        return JB_PLACE_ALL;
    for (size_t p = 0; p < keeper->place_count; p++)
        if (keeper->place_ids[p] == domain->index)
            return (uint16_t)p;
    return JB_PLACE_ALL;
}

static int energy_add(struct jb_keeper *keeper, const struct jb_domain *domain,
                      const char *name, ptrdiff_t machine,
                      enum jb_provenance provenance, struct jb_error *err)
{
    struct keeper_domain *added = &keeper->domains[keeper->domain_count];
    struct jb_book_domain about = { .domain = *domain,
                                    .weight = JB_WEIGHT_CPU,
                                    .place = energy_place(keeper, domain),
                                    .provenance = provenance };
    int rc = jb_book_add_domain(keeper->book, &about, &added->book, err);

    if (rc < 0)
        return rc;
    added->machine = machine;
    added->view.domain = *domain;
    added->view.estimated = provenance == JB_ESTIMATED;
    snprintf(added->view.name, sizeof(added->view.name), "%s", name);
    keeper->domain_count++;
    return JB_OK;
}

static enum jb_provenance energy_provenance(const struct jb_keeper *keeper,
                                            size_t d)
{
    size_t count;
    ptrdiff_t chosen =
        jb_machine_domains(keeper->config.machine, &count)[d].chosen;

    return jb_machine_sensors(keeper->config.machine, &count)[chosen]
        .about->provenance;
}

/* The meter of the whole, whose rest is an account of its own: the outermost
 * measured domain that has measured parts.  -1: there is none. */
static ptrdiff_t energy_whole(const struct jb_keeper *keeper)
{
    for (size_t i = 0; i < keeper->domain_count; i++)
        for (size_t k = 0; k < keeper->domain_count; k++)
            if (!keeper->domains[i].view.estimated &&
                keeper->domains[i].view.domain.kind == JB_DOMAIN_PLATFORM &&
                jb_domain_contains(&keeper->domains[i].view.domain,
                                   &keeper->domains[k].view.domain))
                return (ptrdiff_t)i;
    return -1;
}

/* Cores and integrated GPUs are in their package, if that has a meter. */
static bool energy_is_part(const struct jb_keeper *keeper, size_t i)
{
    const struct jb_domain *domain = &keeper->domains[i].view.domain;

    for (size_t k = 0; k < keeper->domain_count; k++)
        if (keeper->domains[k].view.domain.kind == JB_DOMAIN_PACKAGE &&
            jb_domain_contains(&keeper->domains[k].view.domain, domain) &&
            domain->kind != JB_DOMAIN_PACKAGE)
            return true;
    return false;
}

/* A row is a sum over domains of which none contains another: where a whole
 * has measured parts, these and the rest. */
static void energy_choose_summed(struct jb_keeper *keeper)
{
    bool estimates = true;

    for (size_t i = 0; i < keeper->domain_count; i++)
        estimates = estimates && keeper->domains[i].view.estimated;
    for (size_t i = 0; i < keeper->domain_count; i++) {
        struct jb_keeper_domain *view = &keeper->domains[i].view;

        view->summed =
            view->estimated == estimates && !energy_is_part(keeper, i);
        for (size_t k = 0; k < keeper->domain_count; k++)
            if (keeper->domains[k].view.estimated == estimates &&
                !energy_is_part(keeper, k) &&
                jb_domain_contains(&view->domain,
                                   &keeper->domains[k].view.domain))
                view->summed = false;
    }
}

int jb_keeper_open_domains(struct jb_keeper *keeper, struct jb_error *err)
{
    static const struct jb_domain rest = { JB_DOMAIN_NONE, 0, JB_NO_DIE };
    size_t count;
    const struct jb_machine_domain *domains =
        jb_machine_domains(keeper->config.machine, &count);
    int rc = JB_OK;

    keeper->domains = calloc(count + 1, sizeof(*keeper->domains));
    if (!keeper->domains)
        return jb_fail(err, JB_ENOMEM, "%zu domains", count);
    for (size_t d = 0; d < count && rc == JB_OK; d++)
        if (domains[d].chosen >= 0)
            rc = energy_add(keeper, &domains[d].domain, domains[d].name,
                            (ptrdiff_t)d, energy_provenance(keeper, d), err);
    if (rc == JB_OK && keeper->domain_count == 0)
        rc = jb_fail(err, JB_EABSENT, "no domain has a meter");
    if (rc == JB_OK && energy_whole(keeper) >= 0)
        rc = energy_add(keeper, &rest, "rest", -1, JB_DERIVED, err);
    energy_choose_summed(keeper);
    return rc;
}

void jb_keeper_close_domains(struct jb_keeper *keeper)
{
    for (size_t i = 0; i < keeper->domain_count; i++) {
        free(keeper->domains[i].last_uj);
        free(keeper->domains[i].power_uw);
    }
    free(keeper->domains);
}

static uint64_t energy_oldest(const struct jb_keeper *keeper)
{
    return keeper->cut_count > KEEPER_HISTORY
               ? keeper->cut_count - KEEPER_HISTORY
               : 0;
}

/* Power and utilisation of an interval that is now known teach its idle power.
 */
static void energy_learn(struct jb_keeper *keeper, struct keeper_domain *domain,
                         uint64_t seq)
{
    const struct keeper_cut *cut = &keeper->cuts[seq % KEEPER_HISTORY];
    uint16_t place = energy_place(keeper, &domain->view.domain);
    const struct jb_place_use *use =
        place == JB_PLACE_ALL ? &cut->all : &cut->places[place];
    double capacity = (double)use->capacity[JB_WEIGHT_CPU];
    double seconds;
    double joules;
    double idle_w;
    double uncertainty_w;

    if (seq == 0 || seq - 1 < energy_oldest(keeper) ||
        !domain->known[(seq - 1) % KEEPER_HISTORY] || !(capacity > 0.0))
        return;
    seconds =
        (double)(cut->t_ns - keeper->cuts[(seq - 1) % KEEPER_HISTORY].t_ns) /
        energy_ns_per_s;
    joules = jb_energy_joules(
        jb_energy_sub(domain->points[seq % KEEPER_HISTORY].energy,
                      domain->points[(seq - 1) % KEEPER_HISTORY].energy));
    jb_baseline_learn(&domain->baseline, seconds,
                      (double)use->busy[JB_WEIGHT_CPU] / capacity,
                      joules / seconds);
    if (jb_baseline_idle(&domain->baseline, &idle_w, &uncertainty_w))
        jb_book_set_idle(keeper->book, domain->book, (uint64_t)(idle_w * 1e6));
}

static void energy_say(struct jb_keeper *keeper, struct keeper_domain *domain,
                       uint64_t seq, const struct jb_book_point *point)
{
    domain->points[seq % KEEPER_HISTORY] = *point;
    domain->known[seq % KEEPER_HISTORY] = true;
    (void)!jb_book_energy(keeper->book, domain->book,
                          keeper->cuts[seq % KEEPER_HISTORY].t_ns, point);
}

/* JB_OK when the meter has passed the cut. */
static int energy_ask(struct jb_keeper *keeper, struct keeper_domain *domain,
                      uint64_t seq)
{
    struct jb_knot knot;
    struct jb_curve_bounds bounds;
    struct jb_book_point point;
    int rc = jb_machine_point(keeper->config.machine, (size_t)domain->machine,
                              keeper->cuts[seq % KEEPER_HISTORY].t_ns, &knot,
                              &bounds);

    if (rc != JB_OK)
        return rc;
    point = jb_book_point_of(&knot, &bounds);
    energy_say(keeper, domain, seq, &point);
    return JB_OK;
}

/* A reading that came late has bent the curve where it was said before. */
static void energy_say_again(struct jb_keeper *keeper,
                             struct keeper_domain *domain)
{
    uint64_t revision =
        jb_machine_revision(keeper->config.machine, (size_t)domain->machine);

    if (revision == domain->revision)
        return;
    domain->revision = revision;
    for (uint64_t n = energy_oldest(keeper); n < domain->next; n++)
        if (domain->known[n % KEEPER_HISTORY])
            (void)!energy_ask(keeper, domain, n);
}

static void energy_say_domain(struct jb_keeper *keeper,
                              struct keeper_domain *domain)
{
    energy_say_again(keeper, domain);
    if (domain->next < energy_oldest(keeper))
        domain->next = energy_oldest(keeper);
    for (; domain->next < keeper->cut_count; domain->next++) {
        int rc = energy_ask(keeper, domain, domain->next);

        if (rc == JB_EABSENT)
            return;
        if (rc == JB_OK)
            energy_learn(keeper, domain, domain->next);
    }
}

/* The rest at a cut, once the whole and all its parts are known there. */
static bool energy_rest_at(struct jb_keeper *keeper, uint64_t seq,
                           struct jb_book_point *out)
{
    struct jb_reconcile_part parts[ENERGY_DOMAINS_MAX];
    ptrdiff_t whole = energy_whole(keeper);
    size_t count = keeper->domain_count - 1;

    if (count > ENERGY_DOMAINS_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct jb_reconcile_part){
            .domain = keeper->domains[i].view.domain,
            .point = keeper->domains[i].points[seq % KEEPER_HISTORY],
            .known = keeper->domains[i].known[seq % KEEPER_HISTORY],
        };
    return jb_reconcile_rest(&parts[whole], parts, count, out);
}

static void energy_say_rest(struct jb_keeper *keeper)
{
    struct keeper_domain *rest = &keeper->domains[keeper->domain_count - 1];

    if (rest->machine >= 0)
        return;
    for (uint64_t n = energy_oldest(keeper); n < keeper->cut_count; n++) {
        struct jb_book_point point;

        if (energy_rest_at(keeper, n, &point))
            energy_say(keeper, rest, n, &point);
    }
}

void jb_keeper_say_energies(struct jb_keeper *keeper)
{
    for (size_t i = 0; i < keeper->domain_count; i++)
        if (keeper->domains[i].machine >= 0)
            energy_say_domain(keeper, &keeper->domains[i]);
    energy_say_rest(keeper);
}
