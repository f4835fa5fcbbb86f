/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>

#include "ledger/book.h"

enum { BOOK_LABEL_MAX = 96, ANNA = 10, BERT = 11, CARL = 12, GROUP = 20 };

#define BOOK_S UINT64_C(1000000000)

/* A book of two packages whose first cut is at 1 s with energies of 0. */
struct book_case {
    struct jb_book *book;
    uint32_t package[2], board;
};

static void book_point(struct book_case *test, uint32_t domain, uint64_t t_ns,
                       int64_t uj)
{
    struct jb_book_point point = { .energy.uj = uj, .seen_ns = t_ns };

    assert_int_equal(jb_book_energy(test->book, domain, t_ns, &point), JB_OK);
}

static void book_cut_at(struct book_case *test, uint64_t t_ns,
                        const struct jb_use *uses, size_t count,
                        const struct jb_place_use places[2])
{
    struct jb_error err = { 0 };

    CHECK_STATUS("cut",
                 jb_book_cut(test->book, t_ns, uses, count, places, &err),
                 JB_OK, &err);
}

static void book_open(struct book_case *test, enum jb_rule rule, size_t history)
{
    static const struct jb_place_use nothing[2];
    struct jb_book_config config = {
        .rule = rule, .places = 2, .history = history, .consumers_max = 100
    };
    struct jb_error err = { 0 };

    *test = (struct book_case){ 0 };
    CHECK_STATUS("new", jb_book_new(&config, &test->book, &err), JB_OK, &err);
    for (uint16_t p = 0; p < 2; p++) {
        struct jb_book_domain about = {
            .domain = { JB_DOMAIN_PACKAGE, p, JB_NO_DIE }, .place = p
        };

        CHECK_STATUS(
            "domain",
            jb_book_add_domain(test->book, &about, &test->package[p], &err),
            JB_OK, &err);
    }
    CHECK_STATUS(
        "board",
        jb_book_add_domain(test->book,
                           &(struct jb_book_domain){
                               .domain = { JB_DOMAIN_PLATFORM, 0, JB_NO_DIE },
                               .place = JB_PLACE_ALL },
                           &test->board, &err),
        JB_OK, &err);
    book_cut_at(test, BOOK_S, NULL, 0, nothing);
    book_point(test, 0, BOOK_S, 0);
    book_point(test, 1, BOOK_S, 0);
    book_point(test, 2, BOOK_S, 0);
}

static int64_t book_has(const struct book_case *test, uint32_t domain,
                        uint32_t consumer)
{
    struct jb_posting posting;

    assert_int_equal(jb_book_account(test->book, domain, consumer, &posting),
                     JB_OK);
    assert_int_equal(posting.consumer, consumer);
    return posting.energy_uj;
}

static void book_must_balance(const struct book_case *test)
{
    for (uint32_t d = 0; d < 3; d++) {
        int64_t energy_uj;
        int64_t booked_uj;

        jb_book_balance(test->book, d, &energy_uj, &booked_uj);
        assert_int_equal(booked_uj, energy_uj);
    }
}

/* 1 s on package 0 with 4 CPUs: Anna 1 s, Bert 2 s, nobody known 0.5 s; 70 J,
 * of which the package draws 20 W when idle. */
static void book_rules_as_worked_out_by_hand(void **state)
{
    static const struct jb_use uses[] = {
        { ANNA, 0, { 1000000000, 0, 0 } },
        { BERT, 0, { 2000000000, 0, 0 } },
    };
    static const struct jb_place_use places[2] = {
        { { 3500000000, 0, 0 }, { 4000000000, 0, 0 } },
        { { 0 }, { 4000000000, 0, 0 } },
    };
    static const struct {
        enum jb_rule rule;
        uint64_t idle_uw;
        int64_t idle, unattributed, anna, bert;
    } cases[] = {
        /* 50 J by 1 : 2 : 0.5 = 14285714.29 28571428.57 7142857.14 */
        { JB_RULE_DYNAMIC, 20000000, 20000000, 7142857, 14285714, 28571429 },
        /* 70 J by the same */
        { JB_RULE_DYNAMIC, 0, 0, 10000000, 20000000, 40000000 },
        { JB_RULE_BUSY, 20000000, 0, 10000000, 20000000, 40000000 },
        /* 70 J by 1 : 2 : 0.5 : 0.5 of 4 */
        { JB_RULE_CAPACITY, 20000000, 8750000, 8750000, 17500000, 35000000 },
        /* idle power above what was used: idle takes it all */
        { JB_RULE_DYNAMIC, 90000000, 70000000, 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct book_case test;
        struct jb_posting posting;
        char label[BOOK_LABEL_MAX];

        book_open(&test, cases[i].rule, 4);
        jb_book_set_idle(test.book, 0, cases[i].idle_uw);
        book_cut_at(&test, 2 * BOOK_S, uses, 2, places);
        book_point(&test, 0, 2 * BOOK_S, 70000000);
        snprintf(label, sizeof(label), "case %zu", i);
        CHECK_U64(label, (uint64_t)book_has(&test, 0, JB_CONSUMER_IDLE),
                  (uint64_t)cases[i].idle);
        CHECK_U64(label, (uint64_t)book_has(&test, 0, JB_CONSUMER_UNATTRIBUTED),
                  (uint64_t)cases[i].unattributed);
        CHECK_U64(label, (uint64_t)book_has(&test, 0, ANNA),
                  (uint64_t)cases[i].anna);
        CHECK_U64(label, (uint64_t)book_has(&test, 0, BERT),
                  (uint64_t)cases[i].bert);
        assert_int_equal(jb_book_account(test.book, 0, ANNA, &posting), JB_OK);
        assert_int_equal(posting.cut_ns, 2 * BOOK_S);
        assert_int_equal(posting.coverage_ppm, 1000000);
        assert_int_equal(posting.idle_known, cases[i].idle_uw > 0);
        book_must_balance(&test);
        jb_book_free(test.book);
    }
}

static void book_nobody_ran(void **state)
{
    static const struct jb_place_use places[2];
    struct book_case test;

    (void)state;
    for (int rule = JB_RULE_DYNAMIC; rule <= JB_RULE_CAPACITY; rule++) {
        book_open(&test, (enum jb_rule)rule, 4);
        book_cut_at(&test, 2 * BOOK_S, NULL, 0, places);
        book_point(&test, 0, 2 * BOOK_S, 12345);
        assert_int_equal(book_has(&test, 0, JB_CONSUMER_IDLE), 12345);
        book_must_balance(&test);
        jb_book_free(test.book);
    }
}

/* Anna's package is not known.  Package 0 was busy for 3 s, of which Bert is
 * known for 1; package 1 for 2 s: what is unexplained is 2 and 2. */
static void book_unknown_places(void **state)
{
    static const struct jb_use uses[] = {
        { ANNA, JB_PLACE_UNKNOWN, { 4000, 0, 0 } },
        { BERT, 0, { 1000, 0, 0 } },
    };
    static const struct jb_place_use places[2] = { { { 3000, 0, 0 }, { 0 } },
                                                   { { 2000, 0, 0 }, { 0 } } };
    struct book_case test;

    (void)state;
    book_open(&test, JB_RULE_BUSY, 4);
    book_cut_at(&test, 2 * BOOK_S, uses, 2, places);
    book_point(&test, 0, 2 * BOOK_S, 3000);
    book_point(&test, 1, 2 * BOOK_S, 700);
    book_point(&test, 2, 2 * BOOK_S, -5000); /* a rest can be negative */
    assert_int_equal(book_has(&test, 0, ANNA), 2000);
    assert_int_equal(book_has(&test, 0, BERT), 1000);
    assert_int_equal(book_has(&test, 1, ANNA), 700);
    assert_int_equal(book_has(&test, 2, ANNA), -4000);
    assert_int_equal(book_has(&test, 2, BERT), -1000);
    book_must_balance(&test);
    jb_book_free(test.book);
}

static const struct jb_use book_anna[] = { { ANNA, 0, { 100, 0, 0 } } };
static const struct jb_use book_bert[] = { { BERT, 0, { 100, 0, 0 } } };
static const struct jb_use book_both[] = { { ANNA, 0, { 30, 0, 0 } },
                                           { BERT, 0, { 70, 0, 0 } } };
static const struct jb_place_use book_nowhere[2];

/* Three seconds: Anna, Bert, both. */
static void book_three_seconds(struct book_case *test)
{
    book_cut_at(test, 2 * BOOK_S, book_anna, 1, book_nowhere);
    book_cut_at(test, 3 * BOOK_S, book_bert, 1, book_nowhere);
    book_cut_at(test, 4 * BOOK_S, book_both, 2, book_nowhere);
}

static void book_a_slow_meter_holds_nobody_up(void **state)
{
    struct book_case test;

    (void)state;
    book_open(&test, JB_RULE_BUSY, 8);
    book_three_seconds(&test);
    book_point(&test, 0, 4 * BOOK_S,
               3000); /* out of order: waits for 2 and 3 */
    assert_int_equal(jb_book_posted_ns(test.book, 0), BOOK_S);
    book_point(&test, 0, 2 * BOOK_S, 1000);
    assert_int_equal(jb_book_posted_ns(test.book, 0), 2 * BOOK_S);
    assert_int_equal(jb_book_posted_ns(test.book, 2), BOOK_S);
    book_point(&test, 0, 3 * BOOK_S, 1500);
    assert_int_equal(jb_book_posted_ns(test.book, 0), 4 * BOOK_S);
    assert_int_equal(book_has(&test, 0, ANNA), 1000 + 450);
    assert_int_equal(book_has(&test, 0, BERT), 500 + 1050);
    book_point(&test, 2, 2 * BOOK_S, 40);
    assert_int_equal(book_has(&test, 2, ANNA), 40);
    assert_int_equal(jb_book_posted_ns(test.book, 2), 2 * BOOK_S);
    book_must_balance(&test);
    jb_book_free(test.book);
}

static void book_restates(void **state)
{
    struct book_case test;
    struct jb_posting posting;

    (void)state;
    book_open(&test, JB_RULE_BUSY, 8);
    book_three_seconds(&test);
    book_point(&test, 0, 2 * BOOK_S, 900);
    book_point(&test, 0, 3 * BOOK_S, 1500);
    book_point(&test, 0, 4 * BOOK_S, 3000);
    book_point(&test, 0, 2 * BOOK_S, 1000); /* an inner cut */
    assert_int_equal(book_has(&test, 0, ANNA), 1000 + 450);
    assert_int_equal(book_has(&test, 0, BERT), 500 + 1050);
    book_point(&test, 0, 4 * BOOK_S, 2500); /* the newest */
    assert_int_equal(book_has(&test, 0, ANNA), 1000 + 300);
    assert_int_equal(book_has(&test, 0, BERT), 500 + 700);
    book_point(&test, 0, BOOK_S, 100); /* where the books open */
    assert_int_equal(book_has(&test, 0, ANNA), 900 + 300);
    book_must_balance(&test);
    assert_int_equal(jb_book_account(test.book, 0, ANNA, &posting), JB_OK);
    assert_int_equal(posting.revision, 3);
    book_point(&test, 0, 4 * BOOK_S, 2500); /* nothing new */
    assert_int_equal(jb_book_account(test.book, 0, ANNA, &posting), JB_OK);
    assert_int_equal(posting.revision, 3);
    jb_book_free(test.book);
}

/* Idle power as it was then decides also when the energy is said anew. */
static void book_restates_idle(void **state)
{
    struct book_case test;

    (void)state;
    book_open(&test, JB_RULE_DYNAMIC, 8);
    jb_book_set_idle(test.book, 0, 600);
    book_cut_at(&test, 2 * BOOK_S, book_anna, 1, book_nowhere);
    book_point(&test, 0, 2 * BOOK_S, 1000);
    jb_book_set_idle(test.book, 0, 10);
    book_point(&test, 0, 2 * BOOK_S, 500);
    assert_int_equal(book_has(&test, 0, JB_CONSUMER_IDLE), 500);
    assert_int_equal(book_has(&test, 0, ANNA), 0);
    book_point(&test, 0, 2 * BOOK_S, 1100);
    assert_int_equal(book_has(&test, 0, JB_CONSUMER_IDLE), 600);
    assert_int_equal(book_has(&test, 0, ANNA), 500);
    book_must_balance(&test);
    jb_book_free(test.book);
}

/* Use that was forgotten before the energy came is nobody's, and told. */
static void book_forgets(void **state)
{
    struct book_case test;
    struct jb_book_point point = { .energy.uj = 77 };

    (void)state;
    book_open(&test, JB_RULE_BUSY, 2);
    book_three_seconds(&test); /* the cuts at 3 s and 4 s are remembered */
    assert_int_equal(jb_book_energy(test.book, 0, 2 * BOOK_S, &point),
                     JB_EABSENT);
    book_point(&test, 0, 4 * BOOK_S, 3000);
    book_point(&test, 0, 3 * BOOK_S, 1000);
    assert_int_equal(book_has(&test, 0, JB_CONSUMER_UNATTRIBUTED), 1000);
    assert_int_equal(book_has(&test, 0, ANNA), 600);
    assert_int_equal(book_has(&test, 0, BERT), 1400);
    book_must_balance(&test);
    jb_book_free(test.book);
}

static void book_retires(void **state)
{
    struct book_case test;

    (void)state;
    book_open(&test, JB_RULE_BUSY, 2);
    book_cut_at(&test, 2 * BOOK_S, book_both, 2, book_nowhere);
    book_point(&test, 0, 2 * BOOK_S, 1000);
    assert_int_equal(jb_book_retire(test.book, ANNA, GROUP), JB_OK);
    assert_int_equal(jb_book_retire(test.book, GROUP, BERT), JB_OK);
    assert_int_equal(jb_book_retire(test.book, BERT, ANNA), JB_EUSAGE);
    assert_int_equal(jb_book_retire(test.book, JB_CONSUMER_IDLE, BERT),
                     JB_EUSAGE);
    /* Restated while it is still remembered, and folded later. */
    book_point(&test, 0, 2 * BOOK_S, 2000);
    assert_int_equal(book_has(&test, 0, ANNA), 600);
    for (uint64_t t = 3; t < 8; t++) {
        book_cut_at(&test, t * BOOK_S, book_bert, 1, book_nowhere);
        book_point(&test, 0, t * BOOK_S, 2000);
        book_must_balance(&test);
    }
    assert_int_equal(book_has(&test, 0, ANNA), 0);
    assert_int_equal(book_has(&test, 0, GROUP), 0);
    assert_int_equal(book_has(&test, 0, BERT), 2000);
    /* Its number can be used again, and begins at 0. */
    book_cut_at(&test, 9 * BOOK_S, book_anna, 1, book_nowhere);
    book_point(&test, 0, 9 * BOOK_S, 2100);
    assert_int_equal(book_has(&test, 0, ANNA), 100);
    book_must_balance(&test);
    jb_book_free(test.book);
}

static void book_ceiling(void **state)
{
    struct book_case test;
    struct jb_use uses[200];

    (void)state;
    book_open(&test, JB_RULE_BUSY, 2);
    for (uint32_t i = 0; i < CHECK_COUNT(uses); i++)
        uses[i] = (struct jb_use){ 1000 + i, 0, { 10, 0, 0 } };
    book_cut_at(&test, 2 * BOOK_S, uses, CHECK_COUNT(uses), book_nowhere);
    book_point(&test, 0, 2 * BOOK_S, 2000);
    assert_int_equal(book_has(&test, 0, 1000), 10);
    /* 100 slots, 3 of them the fixed ones: 97 of 200 have their own. */
    assert_int_equal(book_has(&test, 0, 1096), 10);
    assert_int_equal(book_has(&test, 0, 1097), 0);
    assert_int_equal(book_has(&test, 0, JB_CONSUMER_OTHER), 1030);
    book_must_balance(&test);
    jb_book_free(test.book);
}

static void book_refuses(void **state)
{
    static const struct jb_use nowhere[] = { { ANNA, 2, { 1, 0, 0 } } };
    static const struct jb_use nobody[] = { { UINT32_MAX, 0, { 1, 0, 0 } } };
    struct jb_book_config config = { .places = 0,
                                     .history = 4,
                                     .consumers_max = 10 };
    struct book_case test;
    struct jb_book_point point = { .seen_ns = 1 };
    struct jb_posting posting;
    struct jb_book *book = NULL;
    uint32_t index;

    (void)state;
    assert_int_equal(jb_book_new(&config, &book, NULL), JB_EUSAGE);
    config.places = 1;
    config.history = 1;
    assert_int_equal(jb_book_new(&config, &book, NULL), JB_EUSAGE);
    assert_null(book);
    book_open(&test, JB_RULE_BUSY, 4);
    assert_int_equal(
        jb_book_cut(test.book, BOOK_S, NULL, 0, book_nowhere, NULL), JB_EUSAGE);
    assert_int_equal(
        jb_book_cut(test.book, 2 * BOOK_S, nowhere, 1, book_nowhere, NULL),
        JB_EUSAGE);
    assert_int_equal(
        jb_book_cut(test.book, 2 * BOOK_S, nobody, 1, book_nowhere, NULL),
        JB_EUSAGE);
    assert_int_equal(jb_book_energy(test.book, 3, BOOK_S, &point), JB_EUSAGE);
    assert_int_equal(jb_book_energy(test.book, 0, 5, &point), JB_EABSENT);
    assert_int_equal(jb_book_account(test.book, 3, ANNA, &posting), JB_EUSAGE);
    assert_int_equal(jb_book_add_domain(test.book,
                                        &(struct jb_book_domain){ 0 }, &index,
                                        NULL),
                     JB_EUSAGE);
    jb_book_free(test.book);
    jb_book_free(NULL);
}

/* Edges: 5 uJ each way at each of the cuts at 1, 2, 3 and 4 s.  Anna has all of
 * the first second, nothing of the next, 0.3 of the last: her account is off by
 * e1, then by e2 (1 -> 0), then by 0.3 e3 and by 0.3 e4. */
static void book_edges_telescope(void **state)
{
    struct book_case test;
    struct jb_posting posting;

    (void)state;
    book_open(&test, JB_RULE_BUSY, 8);
    for (uint64_t t = 1; t <= 4; t++) {
        struct jb_book_point point = { .energy.uj = (int64_t)(t - 1) * 1000,
                                       .seen_ns = t,
                                       .gap_uj = t >= 4 ? 40 : 0,
                                       .edge_uj = 5 };

        if (t == 2)
            book_three_seconds(&test);
        assert_int_equal(jb_book_energy(test.book, 0, t * BOOK_S, &point),
                         JB_OK);
    }
    assert_int_equal(jb_book_account(test.book, 0, ANNA, &posting), JB_OK);
    /* The point at 1 s was said anew with its edge before anything else. */
    CHECK_U64("edge", posting.uncertainty.edge_uj, 2 + 5 + 5 + 3);
    CHECK_U64("gap", posting.uncertainty.gap_uj, 12);
    assert_int_equal(jb_book_account(test.book, 0, BERT, &posting), JB_OK);
    /* 0 -> 1 at 2 s, 1 -> 0.7 at 3 s, 0.7 at 4 s, and 2 of rounding */
    CHECK_U64("edge", posting.uncertainty.edge_uj, 2 + 5 + 2 + 3);
    CHECK_U64("gap", posting.uncertainty.gap_uj, 28);
    jb_book_free(test.book);
}

static void book_count(void *context, const struct jb_posting *posting)
{
    int64_t *sum = context;

    *sum += posting->energy_uj;
}

static void book_each_account(void **state)
{
    struct book_case test;
    int64_t sum = 0;

    (void)state;
    book_open(&test, JB_RULE_BUSY, 8);
    jb_book_each(test.book, 0, book_count, &sum);
    assert_int_equal(sum, 0);
    book_three_seconds(&test);
    book_point(&test, 0, 2 * BOOK_S, 10);
    book_point(&test, 0, 3 * BOOK_S, 11);
    jb_book_each(test.book, 0, book_count, &sum);
    assert_int_equal(sum, 11);
    jb_book_free(test.book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(book_rules_as_worked_out_by_hand),
        cmocka_unit_test(book_nobody_ran),
        cmocka_unit_test(book_unknown_places),
        cmocka_unit_test(book_a_slow_meter_holds_nobody_up),
        cmocka_unit_test(book_restates),
        cmocka_unit_test(book_restates_idle),
        cmocka_unit_test(book_forgets),
        cmocka_unit_test(book_retires),
        cmocka_unit_test(book_ceiling),
        cmocka_unit_test(book_refuses),
        cmocka_unit_test(book_edges_telescope),
        cmocka_unit_test(book_each_account),
    };

    return cmocka_run_group_tests_name("book", tests, NULL, NULL);
}
