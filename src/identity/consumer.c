/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer.h"

#include <string.h>
#include <sys/auxv.h>

#include "hash.h"
#include "identity.h"

enum { CONSUMER_CHUNK = 128, CONSUMER_TABLE_FIRST = 64 };

struct consumer_slot {
    struct jb_consumer view;
    uint64_t hash;
    uint32_t refs;
    uint32_t next_free; /* while not in use */
    bool used;
    char *text; /* owned; view.text is all of it */
};

/* Slots live in chunks that never move, since views are borrowed. */
struct jb_consumers {
    struct consumer_slot **chunks;
    size_t chunk_count;
    uint32_t bound, count, max;
    uint32_t free_first;
    uint32_t *table; /* ids by hash, linear probing; JB_CONSUMER_NONE: empty */
    size_t table_size; /* a power of two */
    size_t table_used;
    uint64_t seed[2];
    uint64_t folded;
};

static struct consumer_slot *consumer_slot(const struct jb_consumers *set,
                                           uint32_t id)
{
    return &set->chunks[id / CONSUMER_CHUNK][id % CONSUMER_CHUNK];
}

static struct consumer_slot *consumer_used(const struct jb_consumers *set,
                                           uint32_t id)
{
    struct consumer_slot *slot;

    if (id >= set->bound)
        return NULL;
    slot = consumer_slot(set, id);
    return slot->used ? slot : NULL;
}

/* The parent as far as it tells consumers apart. */
static uint32_t consumer_key_parent(enum jb_consumer_kind kind, uint32_t parent)
{
    return kind == JB_CONSUMER_KIND_PROCESS ? JB_CONSUMER_NONE : parent;
}

static uint64_t consumer_hash(const struct jb_consumers *set,
                              const struct jb_consumer_key *key)
{
    uint64_t whole[] = {
        key->kind,
        consumer_key_parent(key->kind, key->parent),
        key->number,
        key->extra,
        jb_siphash(set->seed, key->text.at, key->text.length),
    };

    return jb_siphash(set->seed, whole, sizeof(whole));
}

static bool consumer_is(const struct consumer_slot *slot, uint64_t hash,
                        const struct jb_consumer_key *key)
{
    const struct jb_consumer *view = &slot->view;

    return slot->hash == hash && view->kind == key->kind &&
           consumer_key_parent(view->kind, view->parent) ==
               consumer_key_parent(key->kind, key->parent) &&
           view->number == key->number && view->extra == key->extra &&
           jb_word_equal(view->text, key->text);
}

/* Where the key is in the table, or the empty place where it would be. */
static size_t consumer_place(const struct jb_consumers *set, uint64_t hash,
                             const struct jb_consumer_key *key)
{
    size_t mask = set->table_size - 1;
    size_t at = hash & mask;

    while (set->table[at] != JB_CONSUMER_NONE &&
           !consumer_is(consumer_slot(set, set->table[at]), hash, key))
        at = (at + 1) & mask;
    return at;
}

static uint32_t *consumer_table_new(size_t size)
{
    uint32_t *table = malloc(size * sizeof(*table));

    if (table)
        memset(table, 0xff, size * sizeof(*table));
    return table;
}

static void consumer_table_put(uint32_t *table, size_t size, uint64_t hash,
                               uint32_t id)
{
    size_t at = hash & (size - 1);

    while (table[at] != JB_CONSUMER_NONE)
        at = (at + 1) & (size - 1);
    table[at] = id;
}

/* Room for one more, at most three quarters full. */
static int consumer_table_grow(struct jb_consumers *set)
{
    size_t size = set->table_size * 2;
    uint32_t *table;

    if ((set->table_used + 1) * 4 <= set->table_size * 3)
        return JB_OK;
    table = consumer_table_new(size);
    if (!table)
        return JB_ENOMEM;
    for (size_t i = 0; i < set->table_size; i++)
        if (set->table[i] != JB_CONSUMER_NONE)
            consumer_table_put(table, size,
                               consumer_slot(set, set->table[i])->hash,
                               set->table[i]);
    free(set->table);
    set->table = table;
    set->table_size = size;
    return JB_OK;
}

/* Takes one place out and moves up what had to go past it, so that no grave
 * is left for later searches to pass. */
static void consumer_table_drop(struct jb_consumers *set, size_t hole)
{
    size_t mask = set->table_size - 1;
    size_t at = (hole + 1) & mask;

    for (; set->table[at] != JB_CONSUMER_NONE; at = (at + 1) & mask) {
        size_t home = consumer_slot(set, set->table[at])->hash & mask;

        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        set->table[hole] = set->table[at];
        hole = at;
    }
    set->table[hole] = JB_CONSUMER_NONE;
    set->table_used--;
}

static struct jb_consumer_key consumer_key(const struct jb_consumer *view)
{
    return (struct jb_consumer_key){ view->kind, view->parent, view->number,
                                     view->extra, view->text };
}

/* A slot without a text yet: from those that were given back, or a new one. */
static int consumer_take(struct jb_consumers *set, uint32_t *id)
{
    struct consumer_slot **chunks;

    if (set->free_first != JB_CONSUMER_NONE) {
        *id = set->free_first;
        set->free_first = consumer_slot(set, *id)->next_free;
        return JB_OK;
    }
    if (set->bound == set->chunk_count * CONSUMER_CHUNK) {
        chunks = realloc(set->chunks, (set->chunk_count + 1) *
                                          sizeof(struct consumer_slot *));
        if (!chunks)
            return JB_ENOMEM;
        set->chunks = chunks;
        chunks[set->chunk_count] = calloc(CONSUMER_CHUNK, sizeof(**chunks));
        if (!chunks[set->chunk_count])
            return JB_ENOMEM;
        set->chunk_count++;
    }
    *id = set->bound++;
    return JB_OK;
}

static void consumer_give_back(struct jb_consumers *set, uint32_t id)
{
    struct consumer_slot *slot = consumer_slot(set, id);

    free(slot->text);
    slot->text = NULL;
    slot->used = false;
    slot->view.generation++;
    slot->next_free = set->free_first;
    set->free_first = id;
}

/* Ends a dead consumer that nobody holds, and then its parent if it was the
 * last to hold that. */
static void consumer_end(struct jb_consumers *set, uint32_t id)
{
    for (;;) {
        struct consumer_slot *slot = consumer_used(set, id);

        if (!slot || slot->refs > 0 || slot->view.life != JB_CONSUMER_DEAD)
            return;
        consumer_give_back(set, id);
        set->count--;
        id = slot->view.parent;
        slot = consumer_used(set, id);
        if (!slot || id < JB_CONSUMER_FIXED)
            return;
        slot->refs--;
    }
}

static void consumer_fill(struct consumer_slot *slot, uint32_t id,
                          const struct jb_consumer_key *key,
                          const struct jb_consumer_about *about)
{
    struct jb_consumer *view = &slot->view;

    *view = (struct jb_consumer){
        .id = id,
        .generation = view->generation,
        .kind = key->kind,
        .parent = key->parent,
        .uid = about ? about->uid : JB_UID_NONE,
        .restart = about ? about->restart : 0,
        .number = key->number,
        .extra = key->extra,
        .text = { slot->text, key->text.length },
        .born_ns = about ? about->born_ns : 0,
    };
    jb_word_plain(about ? about->name : (struct jb_word){ 0 }, view->name,
                  sizeof(view->name));
    slot->refs = 0;
    slot->used = true;
}

static int consumer_add(struct jb_consumers *set,
                        const struct jb_consumer_key *key, uint64_t hash,
                        const struct jb_consumer_about *about, uint32_t *id)
{
    JB_AUTO_FREE char *text = NULL;
    struct consumer_slot *slot;
    int rc = consumer_table_grow(set);

    if (rc == JB_OK && key->text.length > 0) {
        text = malloc(key->text.length);
        if (!text)
            return JB_ENOMEM;
        memcpy(text, key->text.at, key->text.length);
    }
    if (rc == JB_OK)
        rc = consumer_take(set, id);
    if (rc < 0)
        return rc;
    slot = consumer_slot(set, *id);
    slot->text = jb_steal(text);
    slot->hash = hash;
    consumer_fill(slot, *id, key, about);
    set->count++;
    consumer_table_put(set->table, set->table_size, hash, *id);
    set->table_used++;
    jb_consumers_ref(set, key->parent);
    return JB_OK;
}

static bool consumer_kind_is_fixed(enum jb_consumer_kind kind)
{
    return kind <= JB_CONSUMER_KIND_OTHER;
}

/* No process below a process: so parents cannot go in a circle. */
static int consumer_check_parent(const struct jb_consumers *set,
                                 enum jb_consumer_kind kind, uint32_t parent,
                                 struct jb_error *err)
{
    const struct consumer_slot *slot = consumer_used(set, parent);

    if (parent == JB_CONSUMER_NONE)
        return JB_OK;
    if (!slot || (kind == JB_CONSUMER_KIND_PROCESS &&
                  slot->view.kind == JB_CONSUMER_KIND_PROCESS))
        return jb_fail(err, JB_EUSAGE, "%u is no parent of a %s",
                       (unsigned)parent, jb_consumer_kind_name(kind));
    return JB_OK;
}

static int consumer_check(const struct jb_consumers *set,
                          const struct jb_consumer_key *key,
                          struct jb_error *err)
{
    if (consumer_kind_is_fixed(key->kind) ||
        (int)key->kind > JB_CONSUMER_KIND_LAST)
        return jb_fail(err, JB_EUSAGE, "a consumer of kind %d is not interned",
                       (int)key->kind);
    if (key->text.length > JB_CONSUMER_TEXT_MAX)
        return jb_fail(err, JB_ELIMIT, "a consumer's text of %zu bytes; %d fit",
                       key->text.length, (int)JB_CONSUMER_TEXT_MAX);
    return consumer_check_parent(set, key->kind, key->parent, err);
}

int jb_consumers_intern(struct jb_consumers *set,
                        const struct jb_consumer_key *key,
                        const struct jb_consumer_about *about, uint32_t *id,
                        struct jb_error *err)
{
    int rc = consumer_check(set, key, err);
    uint64_t hash;
    uint32_t found;

    if (rc < 0)
        return rc;
    hash = consumer_hash(set, key);
    found = set->table[consumer_place(set, hash, key)];
    if (found == JB_CONSUMER_NONE) {
        if (set->count - JB_CONSUMER_FIXED >= set->max)
            return jb_fail(err, JB_ELIMIT, "%u consumers are known already",
                           (unsigned)set->max);
        rc = consumer_add(set, key, hash, about, &found);
        if (rc < 0)
            return jb_fail(err, rc, "no memory for consumer number %u",
                           (unsigned)set->count + 1);
    }
    jb_consumers_ref(set, found);
    *id = found;
    return JB_OK;
}

uint32_t jb_consumers_intern_or_other(struct jb_consumers *set,
                                      const struct jb_consumer_key *key,
                                      const struct jb_consumer_about *about)
{
    uint32_t id = JB_CONSUMER_OTHER; /* untouched on failure */

    if (jb_consumers_intern(set, key, about, &id, NULL) < 0)
        set->folded++;
    return id;
}

uint32_t jb_consumers_find(const struct jb_consumers *set,
                           const struct jb_consumer_key *key)
{
    return set->table[consumer_place(set, consumer_hash(set, key), key)];
}

void jb_consumers_ref(struct jb_consumers *set, uint32_t id)
{
    struct consumer_slot *slot = consumer_used(set, id);

    if (slot && id >= JB_CONSUMER_FIXED)
        slot->refs++;
}

void jb_consumers_unref(struct jb_consumers *set, uint32_t id)
{
    struct consumer_slot *slot = consumer_used(set, id);

    if (!slot || id < JB_CONSUMER_FIXED || slot->refs == 0)
        return;
    slot->refs--;
    consumer_end(set, id);
}

/* The slot of one that lives and may change; NULL otherwise. */
static struct consumer_slot *consumer_alive(const struct jb_consumers *set,
                                            uint32_t id)
{
    struct consumer_slot *slot = consumer_used(set, id);

    return slot && id >= JB_CONSUMER_FIXED &&
                   slot->view.life != JB_CONSUMER_DEAD
               ? slot
               : NULL;
}

void jb_consumers_died(struct jb_consumers *set, uint32_t id, uint64_t died_ns)
{
    struct consumer_slot *slot = consumer_alive(set, id);
    struct jb_consumer_key key;

    if (!slot)
        return;
    key = consumer_key(&slot->view);
    consumer_table_drop(set, consumer_place(set, slot->hash, &key));
    slot->view.life = JB_CONSUMER_DEAD;
    slot->view.died_ns = died_ns;
    consumer_end(set, id);
}

void jb_consumers_rename(struct jb_consumers *set, uint32_t id,
                         struct jb_word name)
{
    struct consumer_slot *slot = consumer_alive(set, id);

    if (slot)
        jb_word_plain(name, slot->view.name, sizeof(slot->view.name));
}

void jb_consumers_set_life(struct jb_consumers *set, uint32_t id,
                           enum jb_consumer_life life)
{
    struct consumer_slot *slot = consumer_alive(set, id);

    if (slot && life != JB_CONSUMER_DEAD)
        slot->view.life = life;
}

int jb_consumers_move(struct jb_consumers *set, uint32_t id, uint32_t parent,
                      struct jb_error *err)
{
    struct consumer_slot *slot = consumer_alive(set, id);
    uint32_t before;
    int rc;

    if (!slot || slot->view.kind != JB_CONSUMER_KIND_PROCESS)
        return jb_fail(err, JB_EUSAGE, "consumer %u is no living process",
                       (unsigned)id);
    rc = consumer_check_parent(set, JB_CONSUMER_KIND_PROCESS, parent, err);
    if (rc < 0)
        return rc;
    before = slot->view.parent;
    slot->view.parent = parent;
    jb_consumers_ref(set, parent);
    jb_consumers_unref(set, before);
    return JB_OK;
}

const struct jb_consumer *jb_consumers_get(const struct jb_consumers *set,
                                           uint32_t id)
{
    const struct consumer_slot *slot = consumer_used(set, id);

    return slot ? &slot->view : NULL;
}

uint32_t jb_consumers_bound(const struct jb_consumers *set)
{
    return set->bound;
}

uint32_t jb_consumers_count(const struct jb_consumers *set)
{
    return set->count;
}

uint64_t jb_consumers_folded(const struct jb_consumers *set)
{
    return set->folded;
}

/* The kernel hands each program 16 random bytes (getauxval(3)), which cannot
 * fail as a system call can. */
static void consumer_seed(uint64_t seed[2])
{
    const void *random = (const void *)getauxval(AT_RANDOM);

    if (random)
        memcpy(seed, random, 2 * sizeof(*seed));
}

/* Ids 0, 1 and 2, which are not in the table: their kinds are never sought. */
static int consumer_add_fixed(struct jb_consumers *set)
{
    for (uint32_t kind = 0; kind < JB_CONSUMER_FIXED; kind++) {
        struct jb_consumer_key key = { .kind = (enum jb_consumer_kind)kind,
                                       .parent = JB_CONSUMER_NONE };
        struct jb_consumer_about about = {
            .name = jb_word_of(jb_consumer_kind_name(key.kind)),
            .uid = JB_UID_NONE,
        };
        uint32_t id;
        int rc = consumer_take(set, &id);

        if (rc < 0)
            return rc;
        consumer_fill(consumer_slot(set, id), id, &key, &about);
        set->count++;
    }
    return JB_OK;
}

int jb_consumers_new(uint32_t max, struct jb_consumers **out,
                     struct jb_error *err)
{
    struct jb_consumers *set;

    if (max == 0 || max > JB_CONSUMERS_MAX)
        return jb_fail(err, JB_EUSAGE, "a ceiling of %u consumers; 1 to %d",
                       (unsigned)max, (int)JB_CONSUMERS_MAX);
    set = calloc(1, sizeof(*set));
    if (!set)
        return jb_fail(err, JB_ENOMEM, "no memory for consumers");
    set->max = max;
    set->free_first = JB_CONSUMER_NONE;
    set->table_size = CONSUMER_TABLE_FIRST;
    set->table = consumer_table_new(set->table_size);
    consumer_seed(set->seed);
    if (!set->table || consumer_add_fixed(set) < 0) {
        jb_consumers_free(set);
        return jb_fail(err, JB_ENOMEM, "no memory for consumers");
    }
    *out = set;
    return JB_OK;
}

void jb_consumers_free(struct jb_consumers *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->chunk_count; i++) {
        for (size_t k = 0; k < CONSUMER_CHUNK; k++)
            free(set->chunks[i][k].text);
        free(set->chunks[i]);
    }
    free(set->chunks);
    free(set->table);
    free(set);
}

const char *jb_consumer_kind_name(enum jb_consumer_kind kind)
{
    static const char *const names[] = {
        "idle",      "unattributed", "other",   "process", "cgroup",
        "container", "pod",          "machine", "job",     "step",
        "task",      "unit",         "user",
    };

    return names[kind];
}

const char *jb_consumer_life_name(enum jb_consumer_life life)
{
    static const char *const names[] = { "running", "suspended", "allocated",
                                         "dead" };

    return names[life];
}
