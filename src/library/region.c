/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions and regions.
 *
 * One lock per session: it is held while the meters are read, so that each
 * reading belongs to whoever asked for it.  Everything that begin and end need
 * is made with the region.
 */
#include "joulebook/region.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/owner.h"
#include "inside.h"
#include "machine/interval.h"

static const uint64_t region_probe_ns = JB_NS_PER_S / 10;

struct jb_session {
    struct jb_place place;
    struct jb_owner owner;
    struct jb_machine *machine;
    size_t sensor_count, domain_count;
    char (*paths)[JB_SENSOR_PATH_MAX]; /* by sensor */
    char (*names)[JB_DOMAIN_NAME_MAX]; /* by domain */
    ptrdiff_t *parents;                /* by domain: the one around it, or -1 */
    uint64_t gap_ns;                   /* between two readings, at most */
    bool kept;                         /* keeper is a thread */
    pthread_t keeper;

    pthread_mutex_t lock;
    pthread_cond_t wake; /* for the keeper: close */
    bool closing;
    unsigned active;     /* regions that run */
    unsigned references; /* regions that exist, and the session */
};

/* A result and what it is made of. */
struct region_figures {
    struct jb_region_result result; /* first: it is what the caller has */
    struct jb_region_domain *domains;
};

/* All runs of one domain. */
struct region_sum {
    struct jb_energy energy;
    uint64_t below_uj, above_uj, seen_ns, elapsed_ns;
    uint64_t figures; /* runs that gave one: others were too short */
    struct jb_error why;
};

struct jb_region {
    struct jb_session *session;
    char *name;
    bool running;
    uint64_t begin_ns;
    struct jb_knot *from, *to; /* per sensor */
    struct jb_interval *rows;  /* per domain */
    struct region_sum *sums;   /* per domain */
    bool *included;            /* per domain: in this run's total */
    struct region_figures run, all;
};

/* Reads now and then while a region runs: a counter must not run through its
 * range unseen. */
static void *region_keep(void *argument)
{
    struct jb_session *session = argument;
    uint64_t next_ns = jb_library_now_ns() + session->gap_ns;

    pthread_setname_np(pthread_self(), "jb-region");
    pthread_mutex_lock(&session->lock);
    while (!session->closing) {
        struct timespec deadline = jb_library_timespec(next_ns);

        pthread_cond_clockwait(&session->wake, &session->lock, CLOCK_MONOTONIC,
                               &deadline);
        if (jb_library_now_ns() < next_ns)
            continue;
        if (session->active > 0)
            jb_machine_cut(session->machine, 0);
        next_ns = jb_library_now_ns() + session->gap_ns;
    }
    pthread_mutex_unlock(&session->lock);
    return NULL;
}

static void region_destroy_session(struct jb_session *session)
{
    free(session->paths);
    free(session->names);
    free(session->parents);
    jb_place_release(&session->place);
    jb_owner_release(&session->owner);
    pthread_cond_destroy(&session->wake);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

/* Lets go of one of the session's references. */
static void region_unref(struct jb_session *session)
{
    bool last;

    pthread_mutex_lock(&session->lock);
    last = --session->references == 0;
    pthread_mutex_unlock(&session->lock);
    if (last)
        region_destroy_session(session);
}

static int region_open_machine(struct jb_session *session,
                               const struct jb_session_config *config,
                               struct jb_error *err)
{
    const uint32_t quantities =
        1 << JB_QUANTITY_ENERGY | 1 << JB_QUANTITY_POWER;
    struct jb_machine_config machine = { .env = &session->place.env,
                                         .sources = config->sources,
                                         .domains = config->domains,
                                         .quantities = quantities };
    struct jb_machine_watch watch = { .scope = JB_WATCH_CHOSEN };
    int rc = jb_machine_open(&machine, &session->machine, err);

    if (rc == JB_OK)
        rc = jb_machine_probe(session->machine, region_probe_ns, err);
    if (rc == JB_OK && jb_machine_usable(session->machine) == 0)
        rc = jb_machine_explain(session->machine, JB_DOMAIN_NONE, quantities,
                                "no energy can be measured", err);
    if (rc == JB_OK)
        rc = jb_machine_watch(session->machine, &watch, err);
    return rc;
}

/* Names of its own: results can be looked at when the machine is closed. */
static int region_copy_names(struct jb_session *session, struct jb_error *err)
{
    const struct jb_machine_domain *domains =
        jb_machine_domains(session->machine, &session->domain_count);

    jb_machine_sensors(session->machine, &session->sensor_count);
    session->paths = calloc(session->sensor_count + 1, sizeof(*session->paths));
    session->names = calloc(session->domain_count + 1, sizeof(*session->names));
    session->parents =
        calloc(session->domain_count + 1, sizeof(*session->parents));
    if (!session->paths || !session->names || !session->parents)
        return jb_fail(err, JB_ENOMEM, "names of %zu sensors",
                       session->sensor_count);
    for (size_t d = 0; d < session->domain_count; d++) {
        memcpy(session->names[d], domains[d].name, sizeof(*session->names));
        session->parents[d] = domains[d].parent;
    }
    for (size_t i = 0; i < session->sensor_count; i++)
        jb_machine_sensor_path(session->machine, i, session->paths[i]);
    return JB_OK;
}

static int region_start_keeper(struct jb_session *session, struct jb_error *err)
{
    int rc;

    session->gap_ns = jb_machine_max_gap_ns(session->machine);
    if (session->gap_ns == UINT64_MAX)
        return JB_OK;
    rc = jb_library_thread(&session->keeper, region_keep, session, err);
    session->kept = rc == JB_OK;
    return rc;
}

int jb_session_open(const struct jb_session_config *config,
                    struct jb_session **out, struct jb_error *err)
{
    struct jb_session_config own = { .size = sizeof(own) };
    struct jb_session *session;
    int rc = JB_OK;

    if (config)
        rc = jb_library_copy(&own, sizeof(own), config, config->size,
                             sizeof(struct jb_session_config), err);
    if (rc < 0)
        return rc;
    session = calloc(1, sizeof(*session));
    if (!session)
        return jb_fail(err, JB_ENOMEM, "a session");
    session->references = 1;
    pthread_mutex_init(&session->lock, NULL);
    pthread_cond_init(&session->wake, NULL);
    rc = jb_owner_init(&session->owner, err);
    if (rc == JB_OK)
        rc = jb_place_init(&session->place,
                           &(struct jb_roots){ own.sysfs, own.procfs,
                                               own.cgroupfs, own.devfs },
                           err);
    if (rc == JB_OK)
        rc = region_open_machine(session, &own, err);
    if (rc == JB_OK)
        rc = region_copy_names(session, err);
    if (rc == JB_OK)
        rc = region_start_keeper(session, err);
    if (rc < 0) {
        jb_machine_close(session->machine);
        region_destroy_session(session);
        return rc;
    }
    *out = session;
    return JB_OK;
}

void jb_session_close(struct jb_session *session)
{
    if (!session || !jb_owner_here(&session->owner))
        return;
    pthread_mutex_lock(&session->lock);
    session->closing = true;
    pthread_cond_signal(&session->wake);
    pthread_mutex_unlock(&session->lock);
    if (session->kept)
        pthread_join(session->keeper, NULL);
    jb_machine_close(session->machine);
    session->machine = NULL;
    region_unref(session);
}

static void region_release(struct jb_region *region)
{
    free(region->name);
    free(region->from);
    free(region->to);
    free(region->rows);
    free(region->sums);
    free(region->included);
    free(region->run.domains);
    free(region->all.domains);
    free(region);
}

static int region_allocate(struct jb_region *region, const char *name,
                           struct jb_error *err)
{
    const struct jb_session *session = region->session;
    size_t sensors = session->sensor_count + 1;
    size_t domains = session->domain_count + 1;

    region->name = strdup(name);
    region->from = calloc(sensors, sizeof(*region->from));
    region->to = calloc(sensors, sizeof(*region->to));
    region->rows = calloc(domains, sizeof(*region->rows));
    region->sums = calloc(domains, sizeof(*region->sums));
    region->included = calloc(domains, sizeof(*region->included));
    region->run.domains = calloc(domains, sizeof(*region->run.domains));
    region->all.domains = calloc(domains, sizeof(*region->all.domains));
    if (!region->name || !region->from || !region->to || !region->rows ||
        !region->sums || !region->included || !region->run.domains ||
        !region->all.domains)
        return jb_fail(err, JB_ENOMEM, "a region of %zu domains",
                       session->domain_count);
    return JB_OK;
}

static void region_head(struct jb_region *region,
                        struct region_figures *figures)
{
    const struct jb_session *session = region->session;

    figures->result.name = region->name;
    figures->result.domain_count = session->domain_count;
    for (size_t d = 0; d < session->domain_count; d++)
        figures->domains[d] = (struct jb_region_domain){
            .domain = session->names[d], .sensor = "", .why = ""
        };
}

int jb_region_new(struct jb_session *session, const char *name,
                  struct jb_region **out, struct jb_error *err)
{
    struct jb_region *region;
    int rc = jb_owner_check(&session->owner, "session", err);

    if (rc < 0)
        return rc;
    if (!name)
        return jb_fail(err, JB_EUSAGE, "a region without a name");
    region = calloc(1, sizeof(*region));
    if (!region)
        return jb_fail(err, JB_ENOMEM, "a region");
    region->session = session;
    rc = region_allocate(region, name, err);
    if (rc < 0) {
        region_release(region);
        return rc;
    }
    pthread_mutex_lock(&session->lock);
    session->references++;
    pthread_mutex_unlock(&session->lock);
    region_head(region, &region->run);
    region_head(region, &region->all);
    *out = region;
    return JB_OK;
}

static int region_check(const struct jb_region *region, bool running,
                        struct jb_error *err)
{
    int rc = jb_owner_check(&region->session->owner, "region", err);

    if (rc == JB_OK && region->running != running)
        rc = jb_fail(err, JB_EUSAGE, "region %.60s is %s", region->name,
                     running ? "not running" : "running already");
    return rc;
}

int jb_region_begin(struct jb_region *region, struct jb_error *err)
{
    struct jb_session *session = region->session;
    int rc = region_check(region, false, err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&session->lock);
    if (session->closing) {
        rc = jb_fail(err, JB_EUSAGE, "the session of region %.60s is closed",
                     region->name);
    } else {
        jb_machine_cut(session->machine, 0);
        jb_machine_mark(session->machine, region->from);
        session->active++;
        region->running = true;
    }
    pthread_mutex_unlock(&session->lock);
    region->begin_ns = jb_library_now_ns();
    return rc;
}

static void region_fill_run(struct jb_region *region, size_t d)
{
    const struct jb_interval *row = &region->rows[d];
    struct jb_region_domain *out = &region->run.domains[d];

    out->status = row->why.status;
    out->why = row->why.status == JB_OK ? "" : row->why.text;
    out->sensor = row->sensor >= 0 ? region->session->paths[row->sensor] : "";
    out->in_total = region->included[d];
    out->count = row->why.status == JB_OK;
    out->energy_uj = out->low_uj = out->high_uj = 0;
    out->coverage_ppm = 0;
    if (row->why.status != JB_OK)
        return;
    out->energy_uj = row->span.energy.uj;
    out->low_uj = out->energy_uj - (int64_t)row->below_uj;
    out->high_uj = out->energy_uj + (int64_t)row->above_uj;
    out->provenance = row->provenance;
    out->coverage_ppm = jb_span_coverage_ppm(&row->span);
}

static void region_add_run(struct jb_region *region, size_t d)
{
    const struct jb_interval *row = &region->rows[d];
    struct region_sum *sum = &region->sums[d];
    struct jb_region_domain *out = &region->all.domains[d];

    if (row->why.status == JB_ELIMIT && row->sensor >= 0) {
        sum->above_uj += row->above_uj;
        out->count++;
    } else if (row->why.status == JB_OK) {
        sum->energy = jb_energy_add(sum->energy, row->span.energy);
        sum->below_uj += row->below_uj;
        sum->above_uj += row->above_uj;
        sum->seen_ns += row->span.seen_ns;
        sum->elapsed_ns += row->span.elapsed_ns;
        sum->figures++;
        out->count++;
        if (row->provenance > out->provenance)
            out->provenance = row->provenance;
    }
    if (row->why.status != JB_OK)
        sum->why = row->why;
}

/* The sum over domains of this run. */
static void region_fill_run_total(struct jb_region *region)
{
    struct jb_region_result *run = &region->run.result;
    struct jb_energy energy = { 0 };
    uint64_t below_uj = 0;
    uint64_t above_uj = 0;

    run->total_count =
        jb_interval_total(region->session->machine, region->rows, &energy,
                          &below_uj, &above_uj, region->included) > 0;
    run->total_uj = energy.uj;
    run->total_low_uj = energy.uj - (int64_t)below_uj;
    run->total_high_uj = energy.uj + (int64_t)above_uj;
    run->total_provenance = JB_MEASURED;
    for (size_t d = 0; d < run->domain_count; d++)
        if (region->included[d] &&
            region->rows[d].provenance > run->total_provenance)
            run->total_provenance = region->rows[d].provenance;
}

static void region_book(struct jb_region *region, uint64_t elapsed_ns)
{
    region_fill_run_total(region);
    for (size_t d = 0; d < region->run.result.domain_count; d++) {
        region_fill_run(region, d);
        region_add_run(region, d);
    }
    region->run.result.count = 1;
    region->run.result.elapsed_ns = elapsed_ns;
    region->all.result.count++;
    region->all.result.elapsed_ns += elapsed_ns;
}

int jb_region_end(struct jb_region *region, const struct jb_region_result **out,
                  struct jb_error *err)
{
    struct jb_session *session = region->session;
    uint64_t end_ns = jb_library_now_ns();
    int rc = region_check(region, true, err);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&session->lock);
    region->running = false;
    if (session->closing) {
        rc = jb_fail(err, JB_EUSAGE, "the session of region %.60s is closed",
                     region->name);
    } else {
        session->active--;
        jb_machine_cut(session->machine, 0);
        jb_machine_mark(session->machine, region->to);
        jb_machine_interval(session->machine, region->from, region->to,
                            region->rows);
        region_book(region, end_ns - region->begin_ns);
    }
    pthread_mutex_unlock(&session->lock);
    if (rc == JB_OK && out)
        *out = &region->run.result;
    return rc;
}

static void region_fill_sum(const struct region_sum *sum, const char *sensor,
                            struct jb_region_domain *out)
{
    struct jb_span span = { .seen_ns = sum->seen_ns,
                            .elapsed_ns = sum->elapsed_ns };

    out->status = sum->figures > 0 ? JB_OK : sum->why.status;
    out->why = sum->figures > 0 ? "" : sum->why.text;
    out->sensor = sensor;
    if (sum->figures == 0)
        return;
    out->energy_uj = sum->energy.uj;
    out->low_uj = sum->energy.uj - (int64_t)sum->below_uj;
    out->high_uj = sum->energy.uj + (int64_t)sum->above_uj;
    out->coverage_ppm = jb_span_coverage_ppm(&span);
}

/* Whether all runs of a domain are in its figure. */
static bool region_is_whole(const struct jb_region *region, size_t d,
                            bool estimates)
{
    const struct jb_region_domain *domain = &region->all.domains[d];

    return domain->status == JB_OK &&
           domain->count == region->all.result.count &&
           (domain->provenance == JB_ESTIMATED) == estimates;
}

static bool region_is_inside(const struct jb_region *region, size_t d,
                             bool estimates)
{
    const ptrdiff_t *parents = region->session->parents;

    for (ptrdiff_t outer = parents[d]; outer >= 0; outer = parents[outer])
        if (region_is_whole(region, (size_t)outer, estimates))
            return true;
    return false;
}

/* Over domains whose figures are of the same runs: a sum of sums over other
 * domains in each run could hold a joule twice, since the counter of an outer
 * domain may tell later what an inner one has told already. */
static void region_fill_sum_total(struct jb_region *region)
{
    struct jb_region_result *all = &region->all.result;
    struct jb_energy energy = { 0 };
    bool estimates = true;

    all->total_low_uj = all->total_high_uj = 0;
    all->total_count = 0;
    all->total_provenance = JB_MEASURED;
    for (size_t d = 0; d < all->domain_count; d++)
        estimates = estimates && !region_is_whole(region, d, false);
    for (size_t d = 0; d < all->domain_count; d++) {
        struct jb_region_domain *domain = &region->all.domains[d];

        domain->in_total = region_is_whole(region, d, estimates) &&
                           !region_is_inside(region, d, estimates);
        if (!domain->in_total)
            continue;
        energy = jb_energy_add(energy, region->sums[d].energy);
        all->total_low_uj -= (int64_t)region->sums[d].below_uj;
        all->total_high_uj += (int64_t)region->sums[d].above_uj;
        all->total_count = all->count;
        if (domain->provenance > all->total_provenance)
            all->total_provenance = domain->provenance;
    }
    all->total_uj = energy.uj;
    all->total_low_uj += energy.uj;
    all->total_high_uj += energy.uj;
}

int jb_region_total(struct jb_region *region,
                    const struct jb_region_result **out, struct jb_error *err)
{
    int rc = jb_owner_check(&region->session->owner, "region", err);

    if (rc < 0)
        return rc;
    if (region->all.result.count == 0)
        return jb_fail(err, JB_EUSAGE, "region %.60s has not run yet",
                       region->name);
    for (size_t d = 0; d < region->all.result.domain_count; d++)
        region_fill_sum(&region->sums[d], region->run.domains[d].sensor,
                        &region->all.domains[d]);
    region_fill_sum_total(region);
    *out = &region->all.result;
    return JB_OK;
}

const struct jb_region_domain *
jb_region_domain(const struct jb_region_result *result, size_t index)
{
    const struct region_figures *figures = (const void *)result;

    return index < result->domain_count ? &figures->domains[index] : NULL;
}

void jb_region_free(struct jb_region *region)
{
    struct jb_session *session = region ? region->session : NULL;

    if (!region || !jb_owner_here(&session->owner))
        return;
    pthread_mutex_lock(&session->lock);
    if (region->running && !session->closing)
        session->active--;
    pthread_mutex_unlock(&session->lock);
    region_unref(session);
    region_release(region);
}
