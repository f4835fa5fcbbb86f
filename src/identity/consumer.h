/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumers: who used the machine, each known by one small number.
 *
 * Why interned: usage, rules and postings speak of the same consumer many
 * times a second; a number is compared, stored and used as an index, a path is
 * not.  Numbers are dense, stay the same while the consumer is known, and are
 * used again only after nobody holds the old one (references), with a new
 * generation.  A pid alone is nobody: a process is its pid and the time of its
 * start.
 *
 * There is a ceiling.  Above it new consumers are refused (JB_ELIMIT) and
 * their use belongs to JB_CONSUMER_OTHER, so that sums stay whole whatever a
 * fork bomb or a user who fills cgroups does.
 *
 * A hash table of our own and not tsearch(): 5,000 processes are looked up
 * each second within 0.5 % of a core, where a tree's 13 comparisons far apart
 * in memory would cost a tenth of all that; and entries must not be allocated
 * one by one.  It is keyed, so that names cannot be made to collide.
 *
 * Not thread-safe: one owner, or a lock around it.
 */
#ifndef JB_IDENTITY_CONSUMER_H
#define JB_IDENTITY_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"
#include "word.h"

enum {
    JB_CONSUMER_IDLE = 0,         /* what flows when nobody runs */
    JB_CONSUMER_UNATTRIBUTED = 1, /* used, but by whom is not known */
    JB_CONSUMER_OTHER = 2,        /* known, but folded away */
    JB_CONSUMER_FIXED = 3,        /* how many there always are */

    JB_CONSUMER_NAME_MAX = 80,
    JB_CONSUMER_TEXT_MAX = 4096, /* a path of a cgroup */
    JB_CONSUMERS_MAX = 1 << 20,  /* highest ceiling */
};

#define JB_CONSUMER_NONE UINT32_MAX

enum jb_consumer_kind {
    JB_CONSUMER_KIND_IDLE,
    JB_CONSUMER_KIND_UNATTRIBUTED,
    JB_CONSUMER_KIND_OTHER,
    JB_CONSUMER_KIND_PROCESS, /* number: pid; extra: its start, in ticks */
    JB_CONSUMER_KIND_CGROUP,  /* text: path */
    JB_CONSUMER_KIND_CONTAINER,
    JB_CONSUMER_KIND_POD,
    JB_CONSUMER_KIND_MACHINE, /* virtual machine, nspawn */
    JB_CONSUMER_KIND_JOB,
    JB_CONSUMER_KIND_STEP,
    JB_CONSUMER_KIND_TASK,
    JB_CONSUMER_KIND_UNIT,
    JB_CONSUMER_KIND_USER, /* number: uid */
};
enum { JB_CONSUMER_KIND_LAST = JB_CONSUMER_KIND_USER };

enum jb_consumer_life {
    JB_CONSUMER_RUNNING,
    JB_CONSUMER_SUSPENDED,
    JB_CONSUMER_ALLOCATED, /* holds resources and does nothing with them */
    JB_CONSUMER_DEAD,
};

/* What makes a consumer this one and no other.  The parent is part of it: what
 * lies in different things is different, whatever it is called.  Only a
 * process is the same wherever it is moved to. */
struct jb_consumer_key {
    enum jb_consumer_kind kind;
    uint32_t parent; /* or JB_CONSUMER_NONE; of a process, no process */
    uint64_t number;
    uint64_t extra;
    struct jb_word text; /* any bytes, JB_CONSUMER_TEXT_MAX at most */
};

/* What else is known at the beginning; none of it is part of the key. */
struct jb_consumer_about {
    struct jb_word name; /* to be shown; kept plain and cut to fit */
    uint32_t uid;        /* or JB_UID_NONE */
    uint32_t restart;    /* of a job that was requeued */
    uint64_t born_ns;    /* CLOCK_BOOTTIME */
};

struct jb_consumer {
    uint32_t id;
    uint32_t generation; /* of this id: raised when another takes it over */
    enum jb_consumer_kind kind;
    enum jb_consumer_life life;
    uint32_t parent; /* or JB_CONSUMER_NONE */
    uint32_t uid;
    uint32_t restart;
    uint64_t number, extra;
    struct jb_word text;
    uint64_t born_ns;
    uint64_t died_ns;                /* when dead */
    char name[JB_CONSUMER_NAME_MAX]; /* plain text */
};

struct jb_consumers;

/* max: how many besides the fixed ones, 1 to JB_CONSUMERS_MAX.  On success the
 * set is owned by the caller: jb_consumers_free().  JB_EUSAGE, JB_ENOMEM. */
JB_NODISCARD int jb_consumers_new(uint32_t max, struct jb_consumers **out,
                                  struct jb_error *err);

/* Accepts NULL. */
void jb_consumers_free(struct jb_consumers *set);

/*
 * Finds the living consumer with this key, or makes it; the caller holds one
 * reference more.  about may be NULL, and only counts for a new one; text and
 * name are copied.  A parent is held by its children.  JB_ELIMIT: there are
 * too many, or the text is too long; JB_ENOMEM; JB_EUSAGE: a fixed kind, or a
 * parent that is none.  Nothing has changed then.
 */
JB_NODISCARD int jb_consumers_intern(struct jb_consumers *set,
                                     const struct jb_consumer_key *key,
                                     const struct jb_consumer_about *about,
                                     uint32_t *id, struct jb_error *err);

/* The same for who must go on: JB_CONSUMER_OTHER where it cannot be interned,
 * which is counted. */
JB_NODISCARD uint32_t jb_consumers_intern_or_other(
    struct jb_consumers *set, const struct jb_consumer_key *key,
    const struct jb_consumer_about *about);

/* The living consumer with this key, without a reference; JB_CONSUMER_NONE. */
uint32_t jb_consumers_find(const struct jb_consumers *set,
                           const struct jb_consumer_key *key);

/* One reference more, or one less.  The last one of a dead consumer ends it.
 * Ids that are fixed or not in use are left alone. */
void jb_consumers_ref(struct jb_consumers *set, uint32_t id);
void jb_consumers_unref(struct jb_consumers *set, uint32_t id);

/*
 * It lives no longer: its key is free for another at once, its id as soon as
 * nobody holds it.  A living consumer stays known without references, so
 * whoever interned it says when it has died.  Not its children: they say so
 * themselves.
 */
void jb_consumers_died(struct jb_consumers *set, uint32_t id, uint64_t died_ns);

/* Of the living: another name (exec), another state; JB_CONSUMER_DEAD is
 * jb_consumers_died()'s. */
void jb_consumers_rename(struct jb_consumers *set, uint32_t id,
                         struct jb_word name);
void jb_consumers_set_life(struct jb_consumers *set, uint32_t id,
                           enum jb_consumer_life life);

/* A process has gone to another parent, or to JB_CONSUMER_NONE.  JB_EUSAGE: it
 * is no living process, or the parent is one or is not in use. */
JB_NODISCARD int jb_consumers_move(struct jb_consumers *set, uint32_t id,
                                   uint32_t parent, struct jb_error *err);

/* Borrowed until the id ends, and then meaningless; NULL when not in use. */
const struct jb_consumer *jb_consumers_get(const struct jb_consumers *set,
                                           uint32_t id);

/* All ids in use are below this; how many they are, fixed ones included; how
 * many times one was folded into the others. */
uint32_t jb_consumers_bound(const struct jb_consumers *set);
uint32_t jb_consumers_count(const struct jb_consumers *set);
uint64_t jb_consumers_folded(const struct jb_consumers *set);

/* "process", "container", "idle", ... and "running", "suspended", ... */
const char *jb_consumer_kind_name(enum jb_consumer_kind kind);
const char *jb_consumer_life_name(enum jb_consumer_life life);

#endif
