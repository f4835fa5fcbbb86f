/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>

#include "ledger/split.h"

__extension__ typedef unsigned __int128 split_wide;
__extension__ typedef __int128 split_wide_int;

enum { SPLIT_MAX = 300, SPLIT_LABEL_MAX = 80 };

/* xorshift64*: the same numbers on every machine. */
static uint64_t split_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void split_takes_the_largest_remainders(void **state)
{
    static const struct {
        const char *what;
        int64_t amount_uj;
        uint64_t weights[5];
        int64_t parts_uj[5];
    } cases[] = {
        { "even", 10, { 1, 1 }, { 5, 5 } },
        { "10/3 each: the first gets what is left",
          10,
          { 1, 1, 1 },
          { 4, 3, 3 } },
        { "3.5, 2.1, 1.4 of 7", 7, { 5, 3, 2 }, { 4, 2, 1 } },
        { "47 16 15.8 12 6.1 of 100 seats, scaled",
          10,
          { 470, 160, 158, 120, 92 },
          { 5, 2, 1, 1, 1 } },
        { "nothing to divide", 0, { 1, 2, 3 }, { 0, 0, 0 } },
        { "a weight of 0 gets nothing", 9, { 0, 3, 0, 1 }, { 0, 7, 0, 2 } },
        { "one takes all", -7, { 0, 0, 4 }, { 0, 0, -7 } },
        /* -3.5, -2.1, -1.4: whole parts -4 -3 -2, remainders .5 .9 .6 */
        { "negative", -7, { 5, 3, 2 }, { -4, -2, -1 } },
        { "fewer than shares", 2, { 1, 1, 1, 1, 1 }, { 1, 1, 0, 0, 0 } },
        { "huge",
          INT64_C(1) << 62,
          { UINT64_MAX / 2, UINT64_MAX / 2 },
          { INT64_C(1) << 61, INT64_C(1) << 61 } },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_share shares[5] = { { 0 } };

        for (size_t k = 0; k < 5; k++)
            shares[k].weight = cases[i].weights[k];
        CHECK_STATUS(cases[i].what, jb_split(cases[i].amount_uj, shares, 5),
                     JB_OK, NULL);
        for (size_t k = 0; k < 5; k++) {
            char label[SPLIT_LABEL_MAX];

            snprintf(label, sizeof(label), "%s: part %zu", cases[i].what, k);
            CHECK_U64(label, (uint64_t)shares[k].part_uj,
                      (uint64_t)cases[i].parts_uj[k]);
        }
    }
}

static void split_refuses_what_has_no_answer(void **state)
{
    struct jb_share none[2] = { { 0, 5, 9 }, { 0, 0, 9 } };
    struct jb_share wide[2] = { { UINT64_MAX, 0, 9 }, { 1, 0, 9 } };
    struct jb_share one[1] = { { 1, 0, 9 } };

    (void)state;
    assert_int_equal(jb_split(1, none, 2), JB_EUSAGE);
    assert_int_equal(jb_split(1, wide, 2), JB_EUSAGE);
    assert_int_equal(jb_split((INT64_C(1) << 62) + 1, one, 1), JB_EUSAGE);
    assert_int_equal(jb_split(-(INT64_C(1) << 62) - 1, one, 1), JB_EUSAGE);
    assert_int_equal(jb_split(1, NULL, 0), JB_EUSAGE);
    assert_int_equal(none[0].part_uj, 9);
    assert_int_equal(wide[0].part_uj, 9);
    assert_int_equal(one[0].part_uj, 9);
    assert_int_equal(jb_split(0, none, 2), JB_OK);
    assert_int_equal(none[0].credit, 5);
    assert_int_equal(jb_split(0, NULL, 0), JB_OK);
}

/* Of a single division: each part is its exact share rounded down or up, and
 * nobody who was rounded down has a larger remainder than one who was not. */
static void split_check_single(const struct jb_share *shares, size_t count,
                               uint64_t amount_uj, uint64_t sum)
{
    uint64_t most_down = 0;
    uint64_t least_up = UINT64_MAX;
    split_wide total = 0;

    for (size_t i = 0; i < count; i++) {
        split_wide product = (split_wide)amount_uj * shares[i].weight;
        uint64_t whole = (uint64_t)(product / sum);
        uint64_t rest = (uint64_t)(product % sum);
        uint64_t part = (uint64_t)shares[i].part_uj;

        total += part;
        assert_true(part == whole || (part == whole + 1 && rest > 0));
        if (part == whole && rest > most_down)
            most_down = rest;
        if (part == whole + 1 && rest < least_up)
            least_up = rest;
    }
    assert_true(total == amount_uj);
    assert_true(least_up >= most_down);
}

static void split_is_by_largest_remainder(void **state)
{
    uint64_t random = 1;

    (void)state;
    for (size_t run = 0; run < 20000; run++) {
        size_t count = 1 + split_random(&random) % SPLIT_MAX;
        uint64_t amount_uj = split_random(&random) >> (2 + run % 61);
        struct jb_share shares[SPLIT_MAX] = { { 0 } };
        uint64_t sum = 0;

        /* Sums below 2^32, where no two remainders look alike by chance. */
        for (size_t i = 0; i < count; i++) {
            shares[i].weight = split_random(&random) >> (42 + run % 20);
            sum += shares[i].weight;
        }
        if (sum == 0)
            continue;
        assert_int_equal(jb_split((int64_t)amount_uj, shares, count), JB_OK);
        split_check_single(shares, count, amount_uj, sum);
    }
}

/* However often it is divided, each has what it is due to 2 uJ: no remainder
 * is lost.  Who takes part changes from turn to turn. */
static void split_never_drifts(void **state)
{
    enum { TURNS = 200000, PARTS = 7 };
    struct jb_share shares[PARTS] = { { 0 } };
    uint64_t usual[PARTS];
    split_wide_int due[PARTS] = { 0 }; /* in 2^-64 uJ */
    int64_t got[PARTS] = { 0 };
    uint64_t random = 7;

    (void)state;
    for (size_t k = 0; k < PARTS; k++)
        usual[k] = 1 + split_random(&random) % 1000 * k;
    for (size_t turn = 0; turn < TURNS; turn++) {
        int64_t amount_uj = (int64_t)(split_random(&random) % 41) - 5;
        uint64_t sum = 0;
        int64_t total = 0;

        for (size_t k = 0; k < PARTS; k++) {
            shares[k].weight = split_random(&random) % 4 ? usual[k] : 0;
            sum += shares[k].weight;
        }
        if (sum == 0)
            continue;
        assert_int_equal(jb_split(amount_uj, shares, PARTS), JB_OK);
        for (size_t k = 0; k < PARTS; k++) {
            due[k] += ((split_wide_int)amount_uj * shares[k].weight *
                       ((split_wide_int)1 << 64)) /
                      (split_wide_int)sum;
            got[k] += shares[k].part_uj;
            total += shares[k].part_uj;
        }
        assert_int_equal(total, amount_uj);
    }
    for (size_t k = 0; k < PARTS; k++) {
        split_wide_int off =
            due[k] - (split_wide_int)got[k] * ((split_wide_int)1 << 64);

        assert_true(off < (split_wide_int)2 << 64);
        assert_true(off > -((split_wide_int)2 << 64));
    }
}

static void split_once_sums_exactly(void **state)
{
    uint64_t random = 3;
    uint64_t weights[SPLIT_MAX];
    uint64_t parts[SPLIT_MAX];

    (void)state;
    for (size_t run = 0; run < 5000; run++) {
        size_t count = 1 + split_random(&random) % SPLIT_MAX;
        uint64_t amount = split_random(&random) >> run % 64;
        uint64_t sum = 0;
        uint64_t total = 0;

        for (size_t i = 0; i < count; i++) {
            weights[i] = split_random(&random) >> (12 + run % 52);
            sum += weights[i];
        }
        if (sum == 0)
            continue;
        assert_int_equal(jb_split_once(amount, weights, parts, count), JB_OK);
        for (size_t i = 0; i < count; i++) {
            split_wide exact = (split_wide)amount * weights[i];

            assert_true((split_wide)parts[i] * sum < exact + sum);
            assert_true(((split_wide)parts[i] + 1) * sum > exact);
            total += parts[i];
        }
        assert_true(total == amount);
    }
    weights[0] = weights[1] = 0;
    assert_int_equal(jb_split_once(1, weights, parts, 2), JB_EUSAGE);
    assert_int_equal(jb_split_once(0, weights, parts, 2), JB_OK);
    weights[0] = weights[1] = UINT64_MAX;
    assert_int_equal(jb_split_once(1, weights, parts, 2), JB_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_takes_the_largest_remainders),
        cmocka_unit_test(split_refuses_what_has_no_answer),
        cmocka_unit_test(split_is_by_largest_remainder),
        cmocka_unit_test(split_never_drifts),
        cmocka_unit_test(split_once_sums_exactly),
    };

    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
