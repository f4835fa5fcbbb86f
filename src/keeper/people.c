/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose each row of the usage is: processes below their cgroup, cgroups below
 * the job, container or machine that they belong to.
 *
 * What a cgroup's counter says is right; what was seen of its processes may
 * lack those who lived between two looks, and exit records are taken before
 * memory is torn down.  So rows that are only derived are stretched until the
 * group's sum is met, within reason, and what is still missing is the cgroup's
 * own: used there, by somebody who was not seen.
 */
#include <string.h>

#include "core/procstat.h"
#include "inside.h"

enum {
    PEOPLE_STRETCH = 2, /* an exit record lacks no more than half */
    PEOPLE_FIRST_ROOM = 256,
};

static bool people_resize(void **array, size_t count, size_t size)
{
    void *grown = reallocarray(*array, count, size);

    if (grown)
        *array = grown;
    return grown != NULL;
}

static bool people_widen_to(void **array, size_t from, size_t to, size_t size)
{
    if (!people_resize(array, to, size))
        return false;
    memset((char *)*array + from * size, 0, (to - from) * size);
    return true;
}

int jb_keeper_widen(struct jb_keeper *keeper, struct jb_error *err)
{
    size_t from = keeper->width;
    size_t to = from ? from : PEOPLE_FIRST_ROOM;
    bool fits = true;

    while (to < jb_consumers_bound(keeper->consumers))
        to *= 2;
    if (to == from)
        return JB_OK;
    fits = people_widen_to((void **)&keeper->heads, from, to,
                           sizeof(*keeper->heads)) &&
           people_widen_to((void **)&keeper->cpu_ns, from, to,
                           sizeof(*keeper->cpu_ns)) &&
           people_widen_to((void **)&keeper->turn_ns, from, to,
                           sizeof(*keeper->turn_ns)) &&
           people_widen_to((void **)&keeper->rss_bytes, from, to,
                           sizeof(*keeper->rss_bytes));
    for (size_t d = 0; d < keeper->domain_count && fits; d++)
        fits = people_widen_to((void **)&keeper->domains[d].last_uj, from, to,
                               sizeof(int64_t)) &&
               people_widen_to((void **)&keeper->domains[d].power_uw, from, to,
                               sizeof(int64_t));
    if (!fits)
        return jb_fail(err, JB_ENOMEM, "%zu consumers", to);
    keeper->width = to;
    return JB_OK;
}

static int people_dig(struct jb_keeper *keeper)
{
    size_t room =
        keeper->grave_room ? keeper->grave_room * 2 : PEOPLE_FIRST_ROOM;

    if (keeper->grave_count < keeper->grave_room)
        return JB_OK;
    if (!people_resize((void **)&keeper->graves, room, sizeof(*keeper->graves)))
        return JB_ENOMEM;
    keeper->grave_room = room;
    return JB_OK;
}

/* Somebody who has ended: billed still for this turn, and folded later.  The
 * reference that was held on it is the grave's. */
static void people_end(struct jb_keeper *keeper, uint32_t consumer)
{
    if (consumer < JB_CONSUMER_FIXED || people_dig(keeper) < 0)
        return;
    jb_consumers_died(keeper->consumers, consumer, keeper->turn->to_ns);
    keeper->graves[keeper->grave_count++] =
        (struct keeper_grave){ .consumer = consumer };
}

static void people_release_group(struct jb_keeper *keeper,
                                 struct keeper_group *group)
{
    if (!group->known)
        return;
    jb_owner_release(keeper->consumers, &group->owner);
    people_end(keeper, group->consumer); /* has the reference from now on */
    *group = (struct keeper_group){ 0 };
}

/* The cgroup and everybody whom its path names. */
static void people_meet_group(struct jb_keeper *keeper,
                              struct keeper_group *group,
                              const struct jb_usage_group *from, uint64_t at_ns)
{
    struct jb_word path = jb_word_of(from->path);
    struct jb_identity identity;
    struct jb_consumer_key key = { .kind = JB_CONSUMER_KIND_CGROUP,
                                   .text = path };
    struct jb_consumer_about about = { .name = path,
                                       .uid = JB_UID_NONE,
                                       .born_ns = at_ns };

    jb_identity_of_path(path, &identity);
    jb_owner_init(keeper->consumers, &identity, at_ns, &group->owner);
    key.parent = group->owner.leaf;
    group->consumer =
        jb_consumers_intern_or_other(keeper->consumers, &key, &about);
    group->serial = from->serial;
    group->known = true;
}

static void people_note_heads(struct jb_keeper *keeper,
                              const struct keeper_group *group)
{
    keeper->heads[group->consumer] = (struct keeper_heads){
        .container = group->owner.container,
        .unit = group->owner.unit,
        .user = group->owner.user,
        .job = group->owner.job,
    };
}

/* Groups that came, went, or whose index is another's now. */
static int people_meet_groups(struct jb_keeper *keeper, struct jb_error *err)
{
    const struct jb_usage_turn *turn = keeper->turn;

    if (turn->group_count > keeper->group_count) {
        if (!people_widen_to((void **)&keeper->groups, keeper->group_count,
                             turn->group_count, sizeof(*keeper->groups)))
            return jb_fail(err, JB_ENOMEM, "%zu cgroups", turn->group_count);
        keeper->group_count = turn->group_count;
    }
    for (size_t g = 0; g < turn->group_count; g++) {
        const struct jb_usage_group *from = &turn->groups[g];
        struct keeper_group *group = &keeper->groups[g];

        if (group->known && (!from->path || group->serial != from->serial))
            people_release_group(keeper, group);
        if (from->path && !group->known)
            people_meet_group(keeper, group, from, turn->to_ns);
    }
    return JB_OK;
}

/* What the processes of each group used themselves: its total less those of
 * the groups right below it. */
static void people_own_totals(struct jb_keeper *keeper)
{
    const struct jb_usage_turn *turn = keeper->turn;

    for (size_t g = 0; g < turn->group_count; g++) {
        struct keeper_group *group = &keeper->groups[g];

        group->total = turn->groups[g].path &&
                       turn->groups[g].flags & JB_USAGE_GROUP_TOTAL;
        group->own_ns = group->total ? turn->groups[g].cpu_ns : 0;
        group->rows_ns = group->derived_ns = 0;
    }
    for (size_t g = 0; g < turn->group_count; g++) {
        uint32_t parent = turn->groups[g].parent;
        struct keeper_group *above;

        if (!keeper->groups[g].total || parent >= turn->group_count)
            continue;
        above = &keeper->groups[parent];
        above->own_ns -= turn->groups[g].cpu_ns < above->own_ns
                             ? turn->groups[g].cpu_ns
                             : above->own_ns;
    }
}

static struct keeper_group *people_group_of(struct jb_keeper *keeper,
                                            const struct jb_usage_row *row)
{
    return row->group < keeper->group_count && keeper->groups[row->group].known
               ? &keeper->groups[row->group]
               : NULL;
}

static void people_sum_rows(struct jb_keeper *keeper)
{
    for (size_t i = 0; i < keeper->turn->row_count; i++) {
        const struct jb_usage_row *row = &keeper->turn->rows[i];
        struct keeper_group *group = people_group_of(keeper, row);

        if (!group)
            continue;
        group->rows_ns += row->cpu_ns;
        if (row->flags & JB_USAGE_DERIVED)
            group->derived_ns += row->cpu_ns;
    }
}

/* A derived figure, stretched to what its group has left for such. */
static uint64_t people_stretched(const struct keeper_group *group,
                                 uint64_t cpu_ns)
{
    uint64_t exact_ns = group->rows_ns - group->derived_ns;
    uint64_t left_ns = group->own_ns > exact_ns ? group->own_ns - exact_ns : 0;
    double factor = (double)left_ns / (double)group->derived_ns;

    if (!group->total || factor < 1.0)
        return cpu_ns;
    if (factor > PEOPLE_STRETCH)
        factor = PEOPLE_STRETCH;
    return (uint64_t)((double)cpu_ns * factor);
}

static uint16_t people_place(const struct jb_keeper *keeper, uint16_t id)
{
    for (size_t p = 0; p < keeper->place_count; p++)
        if (keeper->place_ids[p] == id)
            return (uint16_t)p;
    return JB_PLACE_UNKNOWN;
}

/* The process of a row, known from before or new. */
static uint32_t people_meet(struct jb_keeper *keeper,
                            const struct jb_usage_row *row,
                            const struct keeper_group *group)
{
    struct jb_consumer_key key = { .kind = JB_CONSUMER_KIND_PROCESS,
                                   .parent = JB_CONSUMER_NONE,
                                   .number = row->pid,
                                   .extra = row->start_ticks };
    struct jb_word name = { row->comm, strnlen(row->comm, sizeof(row->comm)) };
    uint32_t parent = group ? group->consumer : JB_CONSUMER_NONE;
    uint32_t id = jb_consumers_find(keeper->consumers, &key);

    if (id == JB_CONSUMER_NONE) {
        struct jb_consumer_about about = {
            .name = name,
            .uid = row->flags & JB_USAGE_HAS_UID ? row->uid : JB_UID_NONE,
            .born_ns =
                row->start_ticks * (UINT64_C(1000000000) / JB_PROCSTAT_HZ),
        };

        key.parent = parent;
        return jb_consumers_intern_or_other(keeper->consumers, &key, &about);
    }
    jb_consumers_rename(keeper->consumers, id, name);
    (void)!jb_consumers_move(keeper->consumers, id, parent, NULL);
    return id;
}

static void people_add_use(struct jb_keeper *keeper, uint32_t consumer,
                           uint16_t place, uint64_t cpu_ns)
{
    keeper->uses[keeper->use_count++] =
        (struct jb_use){ .consumer = consumer,
                         .place = place,
                         .amount = { [JB_WEIGHT_CPU] = cpu_ns } };
}

static int people_reserve(struct jb_keeper *keeper, struct jb_error *err)
{
    size_t room = keeper->turn->row_count + keeper->turn->group_count;

    if (room <= keeper->use_room)
        return JB_OK;
    if (!people_resize((void **)&keeper->uses, room, sizeof(*keeper->uses)))
        return jb_fail(err, JB_ENOMEM, "%zu uses", room);
    keeper->use_room = room;
    return JB_OK;
}

static void people_count_row(struct jb_keeper *keeper,
                             const struct jb_usage_row *row)
{
    const struct keeper_group *group = people_group_of(keeper, row);
    uint32_t consumer = people_meet(keeper, row, group);
    uint64_t cpu_ns = row->cpu_ns;

    if (group && row->flags & JB_USAGE_DERIVED)
        cpu_ns = people_stretched(group, cpu_ns);
    people_add_use(keeper, consumer, people_place(keeper, row->place), cpu_ns);
    if (row->flags & JB_USAGE_EXITED)
        people_end(keeper, consumer);
}

/* What was used in a group by processes that nobody saw. */
static void people_count_rest(struct jb_keeper *keeper,
                              const struct keeper_group *group)
{
    uint64_t exact_ns = group->rows_ns - group->derived_ns;
    uint64_t seen_ns =
        exact_ns +
        (group->derived_ns ? people_stretched(group, group->derived_ns) : 0);

    if (group->total && group->own_ns > seen_ns)
        people_add_use(keeper, group->consumer, JB_PLACE_UNKNOWN,
                       group->own_ns - seen_ns);
}

/* CPU time by consumer, for those who look. */
static void people_note_time(struct jb_keeper *keeper)
{
    memset(keeper->turn_ns, 0, keeper->width * sizeof(*keeper->turn_ns));
    for (size_t i = 0; i < keeper->use_count; i++) {
        const struct jb_use *use = &keeper->uses[i];

        keeper->turn_ns[use->consumer] += use->amount[JB_WEIGHT_CPU];
        keeper->cpu_ns[use->consumer] += use->amount[JB_WEIGHT_CPU];
    }
}

int jb_keeper_count(struct jb_keeper *keeper, struct jb_error *err)
{
    int rc = people_meet_groups(keeper, err);

    if (rc == JB_OK)
        rc = people_reserve(keeper, err);
    if (rc < 0)
        return rc;
    keeper->use_count = 0;
    people_own_totals(keeper);
    people_sum_rows(keeper);
    for (size_t i = 0; i < keeper->turn->row_count; i++)
        people_count_row(keeper, &keeper->turn->rows[i]);
    for (size_t g = 0; g < keeper->turn->group_count; g++)
        if (keeper->groups[g].known)
            people_count_rest(keeper, &keeper->groups[g]);
    rc = jb_keeper_widen(keeper, err);
    if (rc < 0)
        return rc;
    for (size_t g = 0; g < keeper->turn->group_count; g++)
        if (keeper->groups[g].known)
            people_note_heads(keeper, &keeper->groups[g]);
    people_note_time(keeper);
    return JB_OK;
}

static uint32_t people_heir(const struct jb_keeper *keeper, uint32_t consumer)
{
    const struct jb_consumer *dead =
        jb_consumers_get(keeper->consumers, consumer);

    return dead && dead->parent != JB_CONSUMER_NONE ? dead->parent
                                                    : JB_CONSUMER_OTHER;
}

/* What was known of it is the heir's, so that nobody seems to have used at once
 * what the dead used long ago; then its number is anybody's. */
static void people_forget(struct jb_keeper *keeper,
                          const struct keeper_grave *grave)
{
    uint32_t from = grave->consumer;

    for (size_t d = 0; d < keeper->domain_count; d++) {
        struct keeper_domain *domain = &keeper->domains[d];

        domain->last_uj[grave->heir] += domain->last_uj[from];
        domain->last_uj[from] = domain->power_uw[from] = 0;
    }
    keeper->cpu_ns[grave->heir] += keeper->cpu_ns[from];
    keeper->cpu_ns[from] = keeper->turn_ns[from] = keeper->rss_bytes[from] = 0;
    keeper->heads[from] = (struct keeper_heads){ 0 };
    jb_consumers_unref(keeper->consumers, from);
    jb_consumers_unref(keeper->consumers, grave->heir);
}

void jb_keeper_bury(struct jb_keeper *keeper)
{
    size_t kept = 0;

    for (size_t i = 0; i < keeper->grave_count; i++) {
        struct keeper_grave *grave = &keeper->graves[i];

        if (!grave->retired) {
            grave->heir = people_heir(keeper, grave->consumer);
            grave->retired = true;
            jb_consumers_ref(keeper->consumers, grave->heir);
            (void)!jb_book_retire(keeper->book, grave->consumer, grave->heir);
        }
        if (jb_book_knows(keeper->book, grave->consumer))
            keeper->graves[kept++] = *grave;
        else
            people_forget(keeper, grave);
    }
    keeper->grave_count = kept;
}

void jb_keeper_free_people(struct jb_keeper *keeper)
{
    free(keeper->groups);
    free(keeper->uses);
    free(keeper->graves);
    free(keeper->heads);
    free(keeper->cpu_ns);
    free(keeper->turn_ns);
    free(keeper->rss_bytes);
}
