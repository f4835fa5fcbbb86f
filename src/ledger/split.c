/* SPDX-License-Identifier: Apache-2.0 */
#include "split.h"

#include <stdbool.h>
#include <string.h>

#include "joulebook/error.h"

__extension__ typedef unsigned __int128 wide_uint;
__extension__ typedef __int128 wide_int;

enum { SPLIT_DIGIT_BITS = 8, SPLIT_DIGITS = 1 << SPLIT_DIGIT_BITS };

static const int64_t split_one = INT64_C(1) << 32; /* uJ in a credit's unit */

/* The sum of all weights; false beyond 64 bits. */
static bool split_sum(const struct jb_share *shares, size_t count,
                      uint64_t *sum)
{
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(total, shares[i].weight, &total))
            return false;
    *sum = total;
    return true;
}

/* What a share is due, credit included: whole microjoules are returned, and
 * the remainder in [0, 1) takes the credit's place until it is settled. */
static int64_t split_due(int64_t amount_uj, uint64_t sum,
                         struct jb_share *share)
{
    wide_uint size =
        amount_uj < 0 ? -(wide_uint)(wide_int)amount_uj : (wide_uint)amount_uj;
    wide_uint product = size * share->weight;
    wide_uint rest = ((product % sum) << 32) / sum;
    wide_int due = (wide_int)(product / sum) * split_one + (wide_int)rest;
    int64_t whole_uj;

    due = (amount_uj < 0 ? -due : due) + share->credit;
    whole_uj = (int64_t)(due >> 32);
    share->credit = (int64_t)(due - (wide_int)whole_uj * split_one);
    return whole_uj;
}

static void split_give(struct jb_share *share, int64_t uj)
{
    share->part_uj += uj;
    share->credit -= uj * split_one;
}

/* How many of the shares whose remainder begins with `prefix` have each next
 * digit. */
static void split_count_digits(const struct jb_share *shares, size_t count,
                               uint64_t prefix, unsigned shift,
                               size_t counts[SPLIT_DIGITS])
{
    memset(counts, 0, SPLIT_DIGITS * sizeof(*counts));
    for (size_t i = 0; i < count; i++) {
        uint64_t digits = (uint64_t)shares[i].credit >> shift;

        if (shares[i].weight > 0 && digits >> SPLIT_DIGIT_BITS == prefix)
            counts[digits % SPLIT_DIGITS]++;
    }
}

/* The remainder of the last one to be served when the `wanted` largest are;
 * *equal is how many with just that remainder are among them.  Digit by digit
 * from the highest, so that time is linear however the remainders lie. */
static int64_t split_threshold(const struct jb_share *shares, size_t count,
                               size_t wanted, size_t *equal)
{
    size_t counts[SPLIT_DIGITS];
    uint64_t prefix = 0;

    for (unsigned shift = 32; shift > 0;) {
        size_t digit = SPLIT_DIGITS - 1;

        shift -= SPLIT_DIGIT_BITS;
        split_count_digits(shares, count, prefix, shift, counts);
        for (; counts[digit] < wanted; digit--)
            wanted -= counts[digit];
        prefix = prefix << SPLIT_DIGIT_BITS | digit;
    }
    *equal = wanted;
    return (int64_t)prefix;
}

/* One microjoule for each of the `wanted` largest remainders. */
static void split_serve(struct jb_share *shares, size_t count, size_t wanted)
{
    size_t equal;
    int64_t threshold;

    if (wanted == 0)
        return;
    threshold = split_threshold(shares, count, wanted, &equal);
    for (size_t i = 0; i < count; i++) {
        if (shares[i].weight == 0 || shares[i].credit < threshold)
            continue;
        if (shares[i].credit == threshold) {
            if (equal == 0)
                continue;
            equal--;
        }
        split_give(&shares[i], 1);
    }
}

/* For everyone alike: old credits can make what is left less than none, or
 * more than one for each. */
static void split_serve_all(struct jb_share *shares, size_t count, int64_t uj)
{
    for (size_t i = 0; i < count && uj != 0; i++)
        if (shares[i].weight > 0)
            split_give(&shares[i], uj);
}

int jb_split(int64_t amount_uj, struct jb_share *shares, size_t count)
{
    int64_t left_uj = amount_uj;
    int64_t served = 0;
    int64_t each_uj;
    uint64_t sum;

    if (amount_uj > JB_SPLIT_MAX_UJ || amount_uj < -JB_SPLIT_MAX_UJ ||
        !split_sum(shares, count, &sum) || (sum == 0 && amount_uj != 0))
        return JB_EUSAGE;
    if (sum == 0)
        sum = 1; /* nobody takes part */
    for (size_t i = 0; i < count; i++) {
        shares[i].part_uj = 0;
        if (shares[i].weight == 0)
            continue;
        shares[i].part_uj = split_due(amount_uj, sum, &shares[i]);
        left_uj -= shares[i].part_uj;
        served++;
    }
    if (served == 0)
        return JB_OK;
    each_uj = left_uj / served;
    each_uj -= left_uj < each_uj * served; /* rounded down */
    split_serve(shares, count, (size_t)(left_uj - each_uj * served));
    split_serve_all(shares, count, each_uj);
    return JB_OK;
}

int jb_split_once(uint64_t amount, const uint64_t *weights, uint64_t *parts,
                  size_t count)
{
    uint64_t sum = 0;
    uint64_t given = 0;
    uint64_t before = 0;

    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(sum, weights[i], &sum))
            return JB_EUSAGE;
    if (sum == 0 && amount != 0)
        return JB_EUSAGE;
    for (size_t i = 0; i < count; i++) {
        uint64_t upto;

        before += weights[i];
        upto = sum ? (uint64_t)((wide_uint)amount * before / sum) : 0;
        parts[i] = upto - given;
        given = upto;
    }
    return JB_OK;
}
