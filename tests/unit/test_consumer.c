/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>

#include "identity/consumer.h"
#include "identity/identity.h"

static struct jb_consumers *consumer_set(uint32_t max)
{
    struct jb_consumers *set = NULL;
    struct jb_error err;

    CHECK_STATUS("new", jb_consumers_new(max, &set, &err), JB_OK, &err);
    return set;
}

static struct jb_consumer_key consumer_process(uint64_t pid, uint64_t start)
{
    return (struct jb_consumer_key){ .kind = JB_CONSUMER_KIND_PROCESS,
                                     .parent = JB_CONSUMER_NONE,
                                     .number = pid,
                                     .extra = start };
}

static struct jb_consumer_key consumer_text(enum jb_consumer_kind kind,
                                            uint32_t parent, const char *text)
{
    return (struct jb_consumer_key){ .kind = kind,
                                     .parent = parent,
                                     .text = jb_word_of(text) };
}

static uint32_t consumer_of(struct jb_consumers *set,
                            struct jb_consumer_key key)
{
    uint32_t id = JB_CONSUMER_NONE;
    struct jb_error err;

    CHECK_STATUS("intern", jb_consumers_intern(set, &key, NULL, &id, &err),
                 JB_OK, &err);
    return id;
}

static void consumer_fixed(void **state)
{
    struct jb_consumers *set = consumer_set(4);

    (void)state;
    CHECK_U64("count", jb_consumers_count(set), JB_CONSUMER_FIXED);
    CHECK_TEXT("idle", jb_consumers_get(set, JB_CONSUMER_IDLE)->name, "idle");
    CHECK_TEXT("unattributed",
               jb_consumers_get(set, JB_CONSUMER_UNATTRIBUTED)->name,
               "unattributed");
    CHECK_TEXT("other", jb_consumers_get(set, JB_CONSUMER_OTHER)->name,
               "other");
    for (uint32_t id = 0; id < JB_CONSUMER_FIXED; id++) {
        jb_consumers_died(set, id, 1);
        jb_consumers_unref(set, id);
        jb_consumers_rename(set, id, jb_word_of("x"));
        jb_consumers_set_life(set, id, JB_CONSUMER_SUSPENDED);
        assert_non_null(jb_consumers_get(set, id));
        CHECK_U64("life", jb_consumers_get(set, id)->life, JB_CONSUMER_RUNNING);
        CHECK_U64("kind", jb_consumers_get(set, id)->kind, id);
    }
    assert_null(jb_consumers_get(set, JB_CONSUMER_FIXED));
    assert_null(jb_consumers_get(set, JB_CONSUMER_NONE));
    jb_consumers_free(set);
}

static void consumer_interned(void **state)
{
    struct jb_consumers *set = consumer_set(16);
    struct jb_consumer_key key =
        consumer_text(JB_CONSUMER_KIND_UNIT, JB_CONSUMER_NONE, "a.service");
    struct jb_consumer_about about = { .name = jb_word_of("a\x1b.service"),
                                       .uid = 7,
                                       .restart = 2,
                                       .born_ns = 5 };
    const struct jb_consumer *got;
    uint32_t id;
    uint32_t again;

    (void)state;
    CHECK_U64("not yet", jb_consumers_find(set, &key), JB_CONSUMER_NONE);
    CHECK_STATUS("new", jb_consumers_intern(set, &key, &about, &id, NULL),
                 JB_OK, NULL);
    about.uid = 8;
    CHECK_STATUS("again", jb_consumers_intern(set, &key, &about, &again, NULL),
                 JB_OK, NULL);
    CHECK_U64("the same", again, id);
    CHECK_U64("found", jb_consumers_find(set, &key), id);
    CHECK_U64("dense", id, JB_CONSUMER_FIXED);
    got = jb_consumers_get(set, id);
    CHECK_TEXT("plain", got->name, "a?.service");
    CHECK_U64("uid", got->uid, 7);
    CHECK_U64("restart", got->restart, 2);
    CHECK_U64("born", got->born_ns, 5);
    assert_true(jb_word_is(got->text, "a.service"));
    jb_consumers_rename(set, id, jb_word_of("b"));
    CHECK_TEXT("renamed", got->name, "b");
    jb_consumers_set_life(set, id, JB_CONSUMER_SUSPENDED);
    CHECK_U64("suspended", got->life, JB_CONSUMER_SUSPENDED);
    jb_consumers_set_life(set, id, JB_CONSUMER_DEAD);
    CHECK_U64("dead only by dying", got->life, JB_CONSUMER_SUSPENDED);
    jb_consumers_free(set);
}

/* Each part of a key tells consumers apart, and nothing else does. */
static void consumer_keys(void **state)
{
    struct jb_consumers *set = consumer_set(64);
    uint32_t a = consumer_of(
        set, consumer_text(JB_CONSUMER_KIND_CONTAINER, JB_CONSUMER_NONE, "a"));
    uint32_t b = consumer_of(
        set, consumer_text(JB_CONSUMER_KIND_CONTAINER, JB_CONSUMER_NONE, "b"));
    const struct jb_consumer_key keys[] = {
        consumer_text(JB_CONSUMER_KIND_JOB, JB_CONSUMER_NONE, "4"),
        consumer_text(JB_CONSUMER_KIND_STEP, JB_CONSUMER_NONE, "4"),
        consumer_text(JB_CONSUMER_KIND_JOB, a, "4"),
        consumer_text(JB_CONSUMER_KIND_JOB, b, "4"),
        consumer_text(JB_CONSUMER_KIND_JOB, a, "44"),
        consumer_text(JB_CONSUMER_KIND_JOB, a, ""),
        { JB_CONSUMER_KIND_JOB, a, 4, 0, { NULL, 0 } },
        { JB_CONSUMER_KIND_JOB, a, 0, 4, { NULL, 0 } },
        consumer_process(7, 1),
        consumer_process(7, 2),
        consumer_process(1, 7),
    };
    uint32_t ids[CHECK_COUNT(keys)];
    struct jb_consumer_key moved = consumer_process(7, 1);

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(keys); i++) {
        ids[i] = consumer_of(set, keys[i]);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(ids[k], ids[i]);
    }
    for (size_t i = 0; i < CHECK_COUNT(keys); i++)
        CHECK_U64("again", consumer_of(set, keys[i]), ids[i]);
    moved.parent = a;
    CHECK_U64("a process wherever it is", consumer_of(set, moved), ids[8]);
    jb_consumers_free(set);
}

static void consumer_pid_comes_round(void **state)
{
    struct jb_consumers *set = consumer_set(8);
    uint32_t old = consumer_of(set, consumer_process(100, 1));
    uint32_t young = consumer_of(set, consumer_process(100, 2));

    (void)state;
    assert_int_not_equal(old, young);
    jb_consumers_died(set, old, 9);
    CHECK_U64("held while dead", jb_consumers_get(set, old)->life,
              JB_CONSUMER_DEAD);
    CHECK_U64("when", jb_consumers_get(set, old)->died_ns, 9);
    jb_consumers_unref(set, old);
    assert_null(jb_consumers_get(set, old));
    CHECK_U64("the other lives", jb_consumers_get(set, young)->number, 100);
    jb_consumers_free(set);
}

static void consumer_ids_come_round(void **state)
{
    struct jb_consumers *set = consumer_set(8);
    struct jb_consumer_key key =
        consumer_text(JB_CONSUMER_KIND_JOB, JB_CONSUMER_NONE, "4");
    uint32_t first = consumer_of(set, key);
    uint32_t generation = jb_consumers_get(set, first)->generation;
    uint32_t second;
    uint32_t third;

    (void)state;
    jb_consumers_unref(set, first);
    CHECK_U64("known without references", consumer_of(set, key), first);
    jb_consumers_died(set, first, 1);
    CHECK_U64("its key is free", jb_consumers_find(set, &key),
              JB_CONSUMER_NONE);
    second = consumer_of(set, key);
    assert_int_not_equal(second, first);
    jb_consumers_died(set, first, 2);
    CHECK_U64("died once", jb_consumers_get(set, first)->died_ns, 1);
    jb_consumers_unref(set, first);
    jb_consumers_unref(set, first);
    assert_null(jb_consumers_get(set, first));
    third = consumer_of(set, consumer_process(1, 1));
    CHECK_U64("taken over", third, first);
    CHECK_U64("new generation", jb_consumers_get(set, third)->generation,
              generation + 1);
    CHECK_U64("bound", jb_consumers_bound(set), JB_CONSUMER_FIXED + 2);
    jb_consumers_free(set);
}

/* A parent is held by its children, and theirs by them. */
static void consumer_parents(void **state)
{
    struct jb_consumers *set = consumer_set(8);
    uint32_t job = consumer_of(
        set, consumer_text(JB_CONSUMER_KIND_JOB, JB_CONSUMER_NONE, "4"));
    uint32_t step =
        consumer_of(set, consumer_text(JB_CONSUMER_KIND_STEP, job, "0"));
    struct jb_consumer_key key = consumer_process(5, 5);
    uint32_t process;

    (void)state;
    key.parent = step;
    process = consumer_of(set, key);
    jb_consumers_died(set, job, 1);
    jb_consumers_died(set, step, 1);
    jb_consumers_unref(set, job);
    jb_consumers_unref(set, step);
    CHECK_U64("all there", jb_consumers_count(set), JB_CONSUMER_FIXED + 3);
    jb_consumers_died(set, process, 1);
    CHECK_U64("still held", jb_consumers_count(set), JB_CONSUMER_FIXED + 3);
    jb_consumers_unref(set, process);
    CHECK_U64("all gone", jb_consumers_count(set), JB_CONSUMER_FIXED);
    jb_consumers_free(set);
}

static void consumer_moves(void **state)
{
    struct jb_consumers *set = consumer_set(8);
    uint32_t a = consumer_of(
        set, consumer_text(JB_CONSUMER_KIND_CGROUP, JB_CONSUMER_NONE, "/a"));
    struct jb_consumer_key key = consumer_process(5, 5);
    struct jb_error err;
    uint32_t process;
    uint32_t other = consumer_of(set, consumer_process(6, 6));

    (void)state;
    key.parent = a;
    process = consumer_of(set, key);
    CHECK_STATUS("below a process",
                 jb_consumers_move(set, process, other, &err), JB_EUSAGE, &err);
    CHECK_STATUS("below nobody", jb_consumers_move(set, process, 99, &err),
                 JB_EUSAGE, &err);
    CHECK_STATUS("no process",
                 jb_consumers_move(set, a, JB_CONSUMER_NONE, &err), JB_EUSAGE,
                 &err);
    CHECK_STATUS("to the same", jb_consumers_move(set, process, a, &err), JB_OK,
                 &err);
    jb_consumers_died(set, a, 1);
    jb_consumers_unref(set, a);
    assert_non_null(jb_consumers_get(set, a));
    CHECK_STATUS("away",
                 jb_consumers_move(set, process, JB_CONSUMER_NONE, &err), JB_OK,
                 &err);
    assert_null(jb_consumers_get(set, a));
    CHECK_U64("parent", jb_consumers_get(set, process)->parent,
              JB_CONSUMER_NONE);
    jb_consumers_died(set, other, 1);
    CHECK_STATUS("a dead one",
                 jb_consumers_move(set, other, JB_CONSUMER_NONE, &err),
                 JB_EUSAGE, &err);
    jb_consumers_free(set);
}

static void consumer_refused(void **state)
{
    static char path[JB_CONSUMER_TEXT_MAX + 1];
    struct jb_consumers *set = consumer_set(2);
    struct jb_consumer_key key = consumer_process(1, 1);
    struct jb_consumer_key child = consumer_process(2, 2);
    struct jb_error err;
    uint32_t first = consumer_of(set, consumer_process(1, 1));
    uint32_t id = 4711;

    (void)state;
    key.kind = JB_CONSUMER_KIND_OTHER;
    CHECK_STATUS("fixed", jb_consumers_intern(set, &key, NULL, &id, &err),
                 JB_EUSAGE, &err);
    key.kind = (enum jb_consumer_kind)(JB_CONSUMER_KIND_LAST + 1);
    CHECK_STATUS("no kind", jb_consumers_intern(set, &key, NULL, &id, &err),
                 JB_EUSAGE, &err);
    child.parent = first;
    CHECK_STATUS("below a process",
                 jb_consumers_intern(set, &child, NULL, &id, &err), JB_EUSAGE,
                 &err);
    key = consumer_text(JB_CONSUMER_KIND_CGROUP, 99, "/");
    CHECK_STATUS("no parent", jb_consumers_intern(set, &key, NULL, &id, &err),
                 JB_EUSAGE, &err);
    key.parent = JB_CONSUMER_NONE;
    key.text = (struct jb_word){ path, sizeof(path) };
    CHECK_STATUS("long", jb_consumers_intern(set, &key, NULL, &id, &err),
                 JB_ELIMIT, &err);
    CHECK_U64("untouched", id, 4711);
    key.text.length--;
    (void)consumer_of(set, key);
    key.text.length--;
    CHECK_STATUS("full", jb_consumers_intern(set, &key, NULL, &id, &err),
                 JB_ELIMIT, &err);
    CHECK_U64("untouched", id, 4711);
    CHECK_U64("known ones are still found",
              consumer_of(set, consumer_process(1, 1)), first);
    CHECK_U64("folded", jb_consumers_intern_or_other(set, &key, NULL),
              JB_CONSUMER_OTHER);
    CHECK_U64("counted", jb_consumers_folded(set), 1);
    jb_consumers_unref(set, first);
    jb_consumers_unref(set, first);
    jb_consumers_died(set, first, 1);
    assert_int_not_equal(jb_consumers_intern_or_other(set, &key, NULL),
                         JB_CONSUMER_OTHER);
    CHECK_U64("counted", jb_consumers_folded(set), 1);
    jb_consumers_free(set);
    set = NULL;
    CHECK_STATUS("0", jb_consumers_new(0, &set, &err), JB_EUSAGE, &err);
    CHECK_STATUS("many", jb_consumers_new(JB_CONSUMERS_MAX + 1, &set, &err),
                 JB_EUSAGE, &err);
    assert_null(set);
    jb_consumers_free(NULL);
}

enum { CHURN_PIDS = 3000, CHURN_STEPS = 200000, CHURN_MAX = 2500 };

/* What the set should know, kept without hashing: by pid. */
struct churn {
    struct jb_consumers *set;
    uint32_t ids[CHURN_PIDS]; /* JB_CONSUMER_NONE: not known */
    uint64_t starts[CHURN_PIDS];
    uint32_t known;
    uint64_t random;
};

static uint32_t churn_random(struct churn *churn, uint32_t below)
{
    churn->random = churn->random * UINT64_C(6364136223846793005) + 1;
    return (uint32_t)(churn->random >> 33) % below;
}

static void churn_step(struct churn *churn)
{
    uint32_t pid = churn_random(churn, CHURN_PIDS);
    struct jb_consumer_key key = consumer_process(pid, churn->starts[pid]);
    uint32_t id = churn->ids[pid];

    CHECK_U64("find", jb_consumers_find(churn->set, &key), id);
    if (id != JB_CONSUMER_NONE) {
        assert_true(jb_consumers_get(churn->set, id)->number == pid);
        jb_consumers_died(churn->set, id, 1);
        jb_consumers_unref(churn->set, id);
        churn->ids[pid] = JB_CONSUMER_NONE;
        churn->starts[pid]++;
        churn->known--;
        return;
    }
    id = jb_consumers_intern_or_other(churn->set, &key, NULL);
    CHECK_BOOL("folded when full", id == JB_CONSUMER_OTHER,
               churn->known == CHURN_MAX);
    if (id == JB_CONSUMER_OTHER)
        return;
    churn->ids[pid] = id;
    churn->known++;
}

/* Births and deaths in any order, through every growth of the table, against
 * a plain array; then the table is empty again. */
static void consumer_churn(void **state)
{
    static struct churn churn;

    (void)state;
    churn.set = consumer_set(CHURN_MAX);
    churn.random = 1;
    for (size_t i = 0; i < CHURN_PIDS; i++)
        churn.ids[i] = JB_CONSUMER_NONE;
    for (size_t i = 0; i < CHURN_STEPS; i++) {
        churn_step(&churn);
        CHECK_U64("count", jb_consumers_count(churn.set),
                  churn.known + JB_CONSUMER_FIXED);
    }
    for (size_t i = 0; i < CHURN_PIDS; i++) {
        jb_consumers_died(churn.set, churn.ids[i], 1);
        jb_consumers_unref(churn.set, churn.ids[i]);
    }
    CHECK_U64("empty", jb_consumers_count(churn.set), JB_CONSUMER_FIXED);
    CHECK_BOOL("dense",
               jb_consumers_bound(churn.set) <= CHURN_MAX + JB_CONSUMER_FIXED,
               true);
    jb_consumers_free(churn.set);
}

static void consumer_names(void **state)
{
    (void)state;
    CHECK_TEXT("kind", jb_consumer_kind_name(JB_CONSUMER_KIND_USER), "user");
    CHECK_TEXT("kind", jb_consumer_kind_name(JB_CONSUMER_KIND_PROCESS),
               "process");
    CHECK_TEXT("life", jb_consumer_life_name(JB_CONSUMER_DEAD), "dead");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(consumer_fixed),
        cmocka_unit_test(consumer_interned),
        cmocka_unit_test(consumer_keys),
        cmocka_unit_test(consumer_pid_comes_round),
        cmocka_unit_test(consumer_ids_come_round),
        cmocka_unit_test(consumer_parents),
        cmocka_unit_test(consumer_moves),
        cmocka_unit_test(consumer_refused),
        cmocka_unit_test(consumer_churn),
        cmocka_unit_test(consumer_names),
    };

    return cmocka_run_group_tests_name("consumer", tests, NULL, NULL);
}
