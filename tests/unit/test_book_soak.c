/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random books: whatever happens, the parts sum to the whole to the last
 * microjoule, and each account is what was due to it.
 *
 *   test_book_soak [INTERVALS]     without a number a quick tenth of a million
 *
 * What is due is computed here, apart from the library: of each interval the
 * exact fraction of its energy, added up in 2^-32 uJ.
 */
#include "check.h"

#include <stdlib.h>

#include "ledger/book.h"

__extension__ typedef __int128 soak_wide;

enum {
    SOAK_PLACES = 2,
    SOAK_HISTORY = 6,
    SOAK_LIVE = 12,      /* consumers in an ordinary run */
    SOAK_CROWD = 100000, /* and in a crowded one */
    SOAK_TURNS = 500,    /* of an ordinary run */
    SOAK_CROWD_TURNS = 6,
};

static const soak_wide soak_one = (soak_wide)1 << 32; /* uJ in what is due */
static uint64_t soak_intervals = 100000;

struct soak_run {
    struct jb_book *book;
    enum jb_rule rule;
    uint64_t random;
    uint64_t t_ns;
    uint32_t live;
    struct jb_use *uses;
    /* Of domain 0, in 2^-32 uJ, by consumer: what it is due. */
    soak_wide *due;
    /* The last interval of domain 0, which may be restated. */
    int64_t from_uj, to_uj;
    uint64_t idle_uw, idle_limit_uj;
    uint64_t weight_sum;
    uint64_t *weights;
    uint64_t checked;
};

static uint64_t soak_next(struct soak_run *run)
{
    run->random ^= run->random >> 12;
    run->random ^= run->random << 25;
    run->random ^= run->random >> 27;
    return run->random * UINT64_C(2685821657736338717);
}

static uint64_t soak_below(struct soak_run *run, uint64_t bound)
{
    return soak_next(run) % bound;
}

/* Mostly some joules, at times nothing, a single one, or beyond all reason. */
static int64_t soak_energy(struct soak_run *run)
{
    switch (soak_below(run, 16)) {
    case 0:
        return 0;
    case 1:
        return 1;
    case 2:
        return (int64_t)(soak_next(run) >> 6); /* up to 0.29 TJ */
    case 3:
        return -(int64_t)soak_below(run, 1000000); /* a rest can be negative */
    default:
        return (int64_t)soak_below(run, 500000000);
    }
}

static void soak_open(struct soak_run *run, uint32_t live)
{
    static const struct jb_place_use nothing[SOAK_PLACES];
    struct jb_book_config config = { .rule = run->rule,
                                     .places = SOAK_PLACES,
                                     .history = SOAK_HISTORY,
                                     .consumers_max = SOAK_CROWD + 100 };
    struct jb_book_point zero = { .seen_ns = 1 };
    uint32_t index;

    run->live = live;
    run->t_ns = 1;
    run->from_uj = run->to_uj = 0;
    run->uses = calloc(live, sizeof(*run->uses));
    run->due = calloc(live + JB_CONSUMER_FIXED, sizeof(*run->due));
    run->weights = calloc(live + JB_CONSUMER_FIXED, sizeof(*run->weights));
    assert_non_null(run->uses);
    assert_int_equal(jb_book_new(&config, &run->book, NULL), JB_OK);
    for (unsigned p = 0; p <= SOAK_PLACES; p++) {
        struct jb_book_domain about = { .place = p < SOAK_PLACES
                                                     ? p
                                                     : (uint16_t)JB_PLACE_ALL };

        assert_int_equal(jb_book_add_domain(run->book, &about, &index, NULL),
                         JB_OK);
    }
    assert_int_equal(jb_book_cut(run->book, 1, NULL, 0, nothing, NULL), JB_OK);
    for (uint32_t d = 0; d <= SOAK_PLACES; d++)
        assert_int_equal(jb_book_energy(run->book, d, 1, &zero), JB_OK);
}

static void soak_close(struct soak_run *run)
{
    jb_book_free(run->book);
    free(run->uses);
    free(run->due);
    free(run->weights);
}

static void soak_must_balance(struct soak_run *run)
{
    for (uint32_t d = 0; d <= SOAK_PLACES; d++) {
        int64_t energy_uj;
        int64_t booked_uj;

        jb_book_balance(run->book, d, &energy_uj, &booked_uj);
        assert_int_equal(booked_uj, energy_uj);
    }
}

/* Adds the exact parts of an amount of the last interval to what is due. */
static void soak_owe(struct soak_run *run, int64_t amount_uj, int sign)
{
    int64_t idle_uj = 0;
    soak_wide rest;

    if (amount_uj > 0)
        idle_uj = (uint64_t)amount_uj < run->idle_limit_uj
                      ? amount_uj
                      : (int64_t)run->idle_limit_uj;
    run->due[JB_CONSUMER_IDLE] += (soak_wide)idle_uj * soak_one * sign;
    rest = (soak_wide)(amount_uj - idle_uj) * soak_one;
    for (uint32_t i = 0; i < run->live + JB_CONSUMER_FIXED; i++)
        if (run->weights[i] > 0)
            run->due[i] +=
                rest * run->weights[i] / (soak_wide)run->weight_sum * sign;
}

/* Use at known places only, so that what is due can be said without the
 * library's own way of placing the rest. */
static size_t soak_use(struct soak_run *run,
                       struct jb_place_use places[SOAK_PLACES])
{
    size_t count = 0;
    uint64_t used = 0;

    memset(places, 0, SOAK_PLACES * sizeof(*places));
    memset(run->weights, 0,
           (run->live + JB_CONSUMER_FIXED) * sizeof(*run->weights));
    run->weight_sum = 0;
    for (uint32_t i = 0; i < run->live; i++) {
        struct jb_use *use = &run->uses[count];

        if (soak_below(run, 3) == 0)
            continue;
        *use = (struct jb_use){ .consumer = JB_CONSUMER_FIXED + i,
                                .place = (uint16_t)soak_below(run, 2) };
        use->amount[0] = soak_below(run, 1 << 26);
        count++;
        if (use->place == 0) {
            run->weights[use->consumer] += use->amount[0];
            used += use->amount[0];
        }
    }
    places[0].busy[0] = used + soak_below(run, 2) * soak_below(run, 1 << 20);
    places[0].capacity[0] = places[0].busy[0] + soak_below(run, 1 << 28);
    run->weights[JB_CONSUMER_UNATTRIBUTED] = places[0].busy[0] - used;
    if (run->rule == JB_RULE_CAPACITY)
        run->weights[JB_CONSUMER_IDLE] =
            places[0].capacity[0] - places[0].busy[0];
    for (uint32_t i = 0; i < run->live + JB_CONSUMER_FIXED; i++)
        run->weight_sum += run->weights[i];
    if (run->weight_sum == 0)
        run->weight_sum = run->weights[JB_CONSUMER_IDLE] = 1;
    return count;
}

static void soak_say(struct soak_run *run, uint32_t domain, int64_t uj)
{
    struct jb_book_point point = { .energy.uj = uj, .seen_ns = run->t_ns };

    assert_int_equal(jb_book_energy(run->book, domain, run->t_ns, &point),
                     JB_OK);
}

static void soak_turn(struct soak_run *run)
{
    struct jb_place_use places[SOAK_PLACES];
    uint64_t step_ns = 1 + soak_below(run, 2000000000);
    size_t count = soak_use(run, places);
    int64_t amount_uj = soak_energy(run);

    run->t_ns += step_ns;
    if (soak_below(run, 8) == 0)
        run->idle_uw = soak_below(run, 200000000);
    jb_book_set_idle(run->book, 0, run->idle_uw);
    run->idle_limit_uj =
        run->rule == JB_RULE_DYNAMIC
            ? (uint64_t)(((soak_wide)run->idle_uw * step_ns + 999999999) /
                         1000000000)
            : 0;
    assert_int_equal(
        jb_book_cut(run->book, run->t_ns, run->uses, count, places, NULL),
        JB_OK);
    if (run->to_uj > INT64_MAX / 8 || run->to_uj < INT64_MIN / 8)
        amount_uj = -run->to_uj; /* a book of years: back to its middle */
    run->from_uj = run->to_uj;
    run->to_uj += amount_uj;
    soak_say(run, 0, run->to_uj);
    soak_owe(run, amount_uj, 1);
    if (soak_below(run, 4) != 0) /* other meters miss a cut at times */
        soak_say(run, 1, (int64_t)soak_below(run, 1000000));
    if (soak_below(run, 3) != 0)
        soak_say(run, 2, (int64_t)soak_below(run, 1000000) - 500000);
    for (uint64_t again = soak_below(run, 20); again == 0;
         again = soak_below(run, 2)) {
        soak_owe(run, run->to_uj - run->from_uj, -1);
        run->to_uj += soak_energy(run) / 16;
        soak_say(run, 0, run->to_uj);
        soak_owe(run, run->to_uj - run->from_uj, 1);
        run->checked++;
    }
    run->checked++;
}

/* Each account is what is due to it, to the 2 uJ of rounding and to the last
 * digit of every interval here. */
static void soak_must_be_due(struct soak_run *run, uint64_t turns)
{
    soak_wide slack = ((soak_wide)2 << 32) + (soak_wide)turns * 4;

    for (uint32_t i = 0; i < run->live + JB_CONSUMER_FIXED; i++) {
        struct jb_posting posting;
        soak_wide off;

        assert_int_equal(jb_book_account(run->book, 0, i, &posting), JB_OK);
        off = (soak_wide)posting.energy_uj * soak_one - run->due[i];
        assert_true(off <= slack && off >= -slack);
    }
}

static void soak_run_one(struct soak_run *run, uint32_t live, unsigned turns)
{
    soak_open(run, live);
    for (unsigned turn = 0; turn < turns; turn++) {
        soak_turn(run);
        soak_must_balance(run);
    }
    soak_must_be_due(run, (uint64_t)turns * 4);
    soak_close(run);
}

static void soak_sums_are_exact(void **state)
{
    struct soak_run run = { .random = 88172645463325252 };

    (void)state;
    for (unsigned number = 0; run.checked < soak_intervals; number++) {
        run.rule = (enum jb_rule)(number % 3);
        run.idle_uw = number % 2 ? 30000000 : 0;
        if (number % 4096 == 7)
            soak_run_one(&run, SOAK_CROWD, SOAK_CROWD_TURNS);
        else if (number % 64 == 1)
            soak_run_one(&run, 1, SOAK_TURNS);
        else
            soak_run_one(&run, 1 + number % SOAK_LIVE, SOAK_TURNS);
    }
    print_message("%" PRIu64 " intervals\n", run.checked);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soak_sums_are_exact),
    };

    if (argc > 1)
        soak_intervals = strtoull(argv[1], NULL, 10);
    return cmocka_run_group_tests_name("book_soak", tests, NULL, NULL);
}
