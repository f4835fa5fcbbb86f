/* SPDX-License-Identifier: Apache-2.0 */
#include "owner.h"

#include <stdio.h>

/* "slurm" and the longest names of a node and of a job that a path can hold. */
enum { OWNER_TEXT_MAX = JB_CGROUP_PATH_MAX + 16 };

struct owner_work {
    struct jb_consumers *set;
    const struct jb_identity *identity;
    struct jb_owner *out;
    uint64_t at_ns;
    uint32_t parent; /* what the next one lies in */
};

static uint32_t owner_intern(const struct owner_work *work,
                             const struct jb_consumer_key *key,
                             struct jb_word name)
{
    struct jb_consumer_about about = {
        .name = name,
        .uid = work->identity->uid,
        .born_ns = work->at_ns,
    };

    return jb_consumers_intern_or_other(work->set, key, &about);
}

/* One that is known by a text and encloses what follows. */
static uint32_t owner_enclose(struct owner_work *work,
                              enum jb_consumer_kind kind, uint64_t number,
                              struct jb_word text, const char *name)
{
    struct jb_consumer_key key = {
        .kind = kind, .parent = work->parent, .number = number, .text = text
    };

    work->parent = owner_intern(work, &key, jb_word_of(name));
    return work->parent;
}

static void owner_container(struct owner_work *work)
{
    const struct jb_identity *identity = work->identity;
    char name[JB_CONSUMER_NAME_MAX];

    work->out->container =
        owner_enclose(work, JB_CONSUMER_KIND_CONTAINER, 0, identity->container,
                      jb_word_plain(identity->container, name, sizeof(name)));
}

static void owner_outer_container(struct owner_work *work)
{
    const struct jb_identity *identity = work->identity;
    char name[JB_CONSUMER_NAME_MAX];

    work->out->outer_container = owner_enclose(
        work, JB_CONSUMER_KIND_CONTAINER, 0, identity->outer_container,
        jb_word_plain(identity->outer_container, name, sizeof(name)));
}

static void owner_pod(struct owner_work *work)
{
    char name[JB_POD_UID_MAX];
    struct jb_word text = jb_word_of(jb_pod_uid(work->identity, name));

    work->out->pod = owner_enclose(work, JB_CONSUMER_KIND_POD, 0, text, name);
}

static void owner_machine(struct owner_work *work)
{
    char name[JB_CONSUMER_NAME_MAX];

    work->out->machine = owner_enclose(
        work, JB_CONSUMER_KIND_MACHINE, 0, work->identity->machine,
        jb_unit_plain(work->identity->machine, name, sizeof(name)));
}

static void owner_task(struct owner_work *work)
{
    char name[16] = "special";

    if (work->identity->task != JB_TASK_SPECIAL)
        snprintf(name, sizeof(name), "%u", (unsigned)work->identity->task);
    work->out->task =
        owner_enclose(work, JB_CONSUMER_KIND_TASK, work->identity->task,
                      (struct jb_word){ 0 }, name);
}

static void owner_step(struct owner_work *work)
{
    char name[JB_STEP_NAME_MAX];
    struct jb_word text =
        jb_word_of(jb_identity_step_name(work->identity, name));

    work->out->step = owner_enclose(work, JB_CONSUMER_KIND_STEP, 0, text, name);
    if (work->identity->task != JB_TASK_NONE)
        owner_task(work);
}

/* Of several nodes on one kernel each has its own part of a job.  A SLUID can
 * be written in several ways, so its number counts and not its text. */
static void owner_job(struct owner_work *work)
{
    const struct jb_identity *identity = work->identity;
    bool by_sluid = identity->sluid != 0;
    char text[OWNER_TEXT_MAX];
    char name[JB_CONSUMER_NAME_MAX];
    int length = snprintf(
        text, sizeof(text), "%s/%.*s/%.*s",
        jb_scheduler_name(identity->scheduler), (int)identity->node.length,
        identity->node.length ? identity->node.at : "",
        by_sluid ? 0 : (int)identity->job_name.length, identity->job_name.at);

    jb_word_plain(identity->job_name, name, sizeof(name));
    work->out->job =
        owner_enclose(work, JB_CONSUMER_KIND_JOB, identity->sluid,
                      (struct jb_word){ text, (size_t)length }, name);
    if (identity->step_kind != JB_STEP_NONE)
        owner_step(work);
}

static void owner_user(struct owner_work *work)
{
    const struct jb_identity *identity = work->identity;
    struct jb_consumer_key key = { .kind = JB_CONSUMER_KIND_USER,
                                   .parent = JB_CONSUMER_NONE,
                                   .number = identity->uid };
    char name[16];

    if (identity->uid == JB_UID_NONE)
        return;
    snprintf(name, sizeof(name), "%u", (unsigned)identity->uid);
    work->out->user = owner_intern(work, &key, jb_word_of(name));
    if (identity->delegated)
        work->parent = work->out->user;
}

struct owner_part {
    struct jb_word at; /* where in the path */
    void (*place)(struct owner_work *work);
};

/* Outermost first; few, so by insertion.  Returns how many there are. */
static size_t owner_sort(const struct jb_identity *identity,
                         struct owner_part parts[5])
{
    bool nested =
        !jb_word_equal(identity->container, identity->outer_container) ||
        identity->container.at != identity->outer_container.at;
    const struct owner_part all[5] = {
        { identity->job_name, owner_job },
        { nested ? identity->outer_container : (struct jb_word){ 0 },
          owner_outer_container },
        { identity->pod, owner_pod },
        { identity->container, owner_container },
        { identity->machine, owner_machine },
    };
    size_t count = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        size_t at = count;

        if (all[i].at.length == 0)
            continue;
        for (; at > 0 && jb_word_follows(parts[at - 1].at, all[i].at); at--)
            parts[at] = parts[at - 1];
        parts[at] = all[i];
        count++;
    }
    return count;
}

/* A unit is in a container only when its name comes after it; it encloses
 * nothing, since "which service" and "which container" are two questions. */
static void owner_unit(const struct owner_work *work, uint32_t user)
{
    const struct jb_identity *identity = work->identity;
    struct jb_consumer_key key = { .kind = JB_CONSUMER_KIND_UNIT,
                                   .parent = JB_CONSUMER_NONE,
                                   .text = identity->unit };

    if (identity->unit.length == 0)
        return;
    if (identity->delegated)
        key.parent = user;
    if (jb_word_follows(identity->unit, identity->machine))
        key.parent = work->out->machine;
    if (jb_word_follows(identity->unit, identity->container))
        key.parent = work->out->container;
    work->out->unit = owner_intern(work, &key, identity->unit);
}

void jb_owner_init(struct jb_consumers *set, const struct jb_identity *identity,
                   uint64_t at_ns, struct jb_owner *out)
{
    struct owner_work work = { set, identity, out, at_ns, JB_CONSUMER_NONE };
    struct owner_part parts[5];
    size_t count = owner_sort(identity, parts);

    *out = (struct jb_owner){
        JB_CONSUMER_NONE, JB_CONSUMER_NONE, JB_CONSUMER_NONE, JB_CONSUMER_NONE,
        JB_CONSUMER_NONE, JB_CONSUMER_NONE, JB_CONSUMER_NONE, JB_CONSUMER_NONE,
        JB_CONSUMER_NONE, JB_CONSUMER_NONE,
    };
    owner_user(&work);
    for (size_t i = 0; i < count; i++)
        parts[i].place(&work);
    owner_unit(&work, out->user);
    out->leaf = work.parent;
}

void jb_owner_release(struct jb_consumers *set, struct jb_owner *owner)
{
    const uint32_t held[] = {
        owner->job,
        owner->step,
        owner->task,
        owner->container,
        owner->outer_container,
        owner->pod,
        owner->machine,
        owner->unit,
        owner->user,
    };

    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
        jb_consumers_unref(set, held[i]);
}
