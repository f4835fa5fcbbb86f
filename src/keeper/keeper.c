/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper.h"

#include <string.h>

#include "base/clock.h"
#include "inside.h"

static const uint64_t keeper_answer_ns = JB_NS_PER_S / 5;

const char *const jb_keeper_by_names[] = { "process", "cgroup", "container",
                                           "unit",    "user",   "job",
                                           NULL };

void jb_keeper_close(struct jb_keeper *keeper)
{
    if (!keeper)
        return;
    jb_machine_stop(keeper->config.machine);
    if (keeper->usage.desc)
        keeper->usage.desc->close(keeper->usage.usage);
    jb_keeper_close_domains(keeper);
    jb_book_free(keeper->book);
    jb_consumers_free(keeper->consumers);
    jb_keeper_free_people(keeper);
    for (size_t i = 0; i < KEEPER_HISTORY; i++)
        free(keeper->cuts[i].places);
    free(keeper->place_ids);
    free(keeper->rows);
    free(keeper);
}

/* The places of the books are the packages that the first turn shows. */
static int keeper_open_places(struct jb_keeper *keeper, struct jb_error *err)
{
    size_t count = keeper->turn->place_count;

    keeper->place_count = count ? count : 1;
    keeper->place_ids = calloc(keeper->place_count, sizeof(*keeper->place_ids));
    if (!keeper->place_ids || keeper->place_count > KEEPER_PLACES_MAX)
        return jb_fail(err, JB_ENOMEM, "%zu packages", count);
    for (size_t p = 0; p < count; p++)
        keeper->place_ids[p] = keeper->turn->places[p].place;
    for (size_t i = 0; i < KEEPER_HISTORY; i++) {
        keeper->cuts[i].places =
            calloc(keeper->place_count, sizeof(*keeper->cuts[i].places));
        if (!keeper->cuts[i].places)
            return jb_fail(err, JB_ENOMEM, "%zu packages", count);
    }
    return JB_OK;
}

/* What the machine did at each place in the turn, into the newest cut. */
static void keeper_fill_cut(struct jb_keeper *keeper, struct keeper_cut *cut)
{
    cut->t_ns = keeper->turn->to_ns;
    cut->all = (struct jb_place_use){ { 0 }, { 0 } };
    memset(cut->places, 0, keeper->place_count * sizeof(*cut->places));
    for (size_t i = 0; i < keeper->turn->place_count; i++) {
        const struct jb_usage_place *from = &keeper->turn->places[i];

        for (size_t p = 0; p < keeper->place_count; p++) {
            if (keeper->place_ids[p] != from->place)
                continue;
            cut->places[p].busy[JB_WEIGHT_CPU] = from->busy_ns;
            cut->places[p].capacity[JB_WEIGHT_CPU] = from->capacity_ns;
        }
        cut->all.busy[JB_WEIGHT_CPU] += from->busy_ns;
        cut->all.capacity[JB_WEIGHT_CPU] += from->capacity_ns;
    }
}

static int keeper_cut(struct jb_keeper *keeper, struct jb_error *err)
{
    struct keeper_cut *cut = &keeper->cuts[keeper->cut_count % KEEPER_HISTORY];
    int rc = jb_keeper_count(keeper, err);

    if (rc < 0)
        return rc;
    keeper_fill_cut(keeper, cut);
    rc = jb_book_cut(keeper->book, cut->t_ns, keeper->uses, keeper->use_count,
                     cut->places, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < keeper->domain_count; i++)
        keeper->domains[i].known[keeper->cut_count % KEEPER_HISTORY] = false;
    jb_keeper_bury(keeper);
    keeper->cut_count++;
    return JB_OK;
}

/* The back end's reading first: the meters' newest points then lie behind the
 * cut, and it is interpolated next to one. */
static int keeper_read(struct jb_keeper *keeper, struct jb_error *err)
{
    int rc = keeper->usage.desc->turn(keeper->usage.usage, &keeper->turn, err);

    if (rc == JB_OK)
        jb_machine_cut(keeper->config.machine, keeper_answer_ns);
    return rc;
}

static int keeper_open_books(struct jb_keeper *keeper, struct jb_error *err)
{
    struct jb_book_config config = { .rule = keeper->config.rule,
                                     .history = KEEPER_HISTORY };
    int rc = keeper_open_places(keeper, err);

    if (rc < 0)
        return rc;
    config.places = keeper->place_count;
    config.consumers_max = keeper->config.consumers_max + JB_CONSUMER_FIXED;
    rc = jb_book_new(&config, &keeper->book, err);
    if (rc == JB_OK)
        rc = jb_keeper_open_domains(keeper, err);
    return rc == JB_OK ? jb_keeper_widen(keeper, err) : rc;
}

static int keeper_start(struct jb_keeper *keeper, struct jb_error *err)
{
    const struct jb_keeper_config *config = &keeper->config;
    struct jb_machine_watch watch = { .period_ns = config->period_ns,
                                      .scope = JB_WATCH_CHOSEN };
    int rc = jb_consumers_new(config->consumers_max, &keeper->consumers, err);

    if (rc == JB_OK)
        rc = jb_usage_choose(config->env, config->usage, config->usage_options,
                             &keeper->usage, err);
    if (rc == JB_OK)
        rc = jb_machine_watch(config->machine, &watch, err);
    if (rc == JB_OK)
        rc = jb_machine_start(config->machine, err);
    if (rc == JB_OK)
        rc = keeper_read(keeper, err);
    if (rc == JB_OK)
        rc = keeper_open_books(keeper, err);
    return rc == JB_OK ? keeper_cut(keeper, err) : rc;
}

int jb_keeper_open(const struct jb_keeper_config *config,
                   struct jb_keeper **out, struct jb_error *err)
{
    struct jb_keeper *keeper = calloc(1, sizeof(*keeper));
    int rc;

    if (!keeper)
        return jb_fail(err, JB_ENOMEM, "a keeper");
    keeper->config = *config;
    rc = keeper_start(keeper, err);
    if (rc < 0) {
        jb_keeper_close(keeper);
        return rc;
    }
    jb_keeper_say_energies(keeper);
    *out = keeper;
    return JB_OK;
}

/* A back end that has died is replaced by the best that works. */
static int keeper_choose_again(struct jb_keeper *keeper, struct jb_error *err)
{
    keeper->usage.desc->close(keeper->usage.usage);
    keeper->usage = (struct jb_usage_choice){ 0 };
    return jb_usage_choose(keeper->config.env, keeper->config.usage,
                           keeper->config.usage_options, &keeper->usage, err);
}

int jb_keeper_turn(struct jb_keeper *keeper, struct jb_error *err)
{
    int rc = keeper->usage.desc ? keeper_read(keeper, err) : JB_EDEAD;

    if (rc == JB_EDEAD) {
        if (keeper->usage.desc)
            rc = keeper_choose_again(keeper, err);
        if (rc == JB_OK)
            rc = keeper_read(keeper, err);
    }
    if (rc == JB_OK)
        rc = keeper_cut(keeper, err);
    if (rc < 0)
        return rc;
    jb_keeper_say_energies(keeper);
    jb_keeper_look(keeper);
    return JB_OK;
}

const struct jb_consumers *jb_keeper_consumers(const struct jb_keeper *keeper)
{
    return keeper->consumers;
}

const struct jb_book *jb_keeper_book(const struct jb_keeper *keeper)
{
    return keeper->book;
}

const struct jb_usage_choice *jb_keeper_usage(const struct jb_keeper *keeper)
{
    return &keeper->usage;
}

const struct jb_usage_turn *jb_keeper_last_turn(const struct jb_keeper *keeper)
{
    return keeper->turn;
}
