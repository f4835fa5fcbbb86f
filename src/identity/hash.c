/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

static uint64_t hash_turn(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

/* SipRound, section 2.2 of the paper. */
static void hash_rounds(uint64_t v[4], unsigned rounds)
{
    while (rounds-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = hash_turn(v[1], 13) ^ v[0];
        v[3] = hash_turn(v[3], 16) ^ v[2];
        v[0] = hash_turn(v[0], 32) + v[3];
        v[2] += v[1];
        v[1] = hash_turn(v[1], 17) ^ v[2];
        v[3] = hash_turn(v[3], 21) ^ v[0];
        v[2] = hash_turn(v[2], 32);
    }
}

/* Up to eight bytes, the first one lowest, on every machine. */
static uint64_t hash_word(const unsigned char *bytes, size_t count)
{
    uint64_t word = 0;

    for (size_t i = 0; i < count; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

static void hash_take(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    hash_rounds(v, 2);
    v[0] ^= word;
}

uint64_t jb_siphash(const uint64_t key[2], const void *data, size_t length)
{
    static const unsigned char none[1];
    const unsigned char *bytes = data ? data : none;
    uint64_t v[4] = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };
    size_t at = 0;

    for (; length - at >= 8; at += 8)
        hash_take(v, hash_word(bytes + at, 8));
    hash_take(v, hash_word(bytes + at, length - at) | (uint64_t)length << 56);
    v[2] ^= 0xff;
    hash_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
