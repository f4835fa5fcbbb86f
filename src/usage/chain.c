/* SPDX-License-Identifier: Apache-2.0 */
#include "chain.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

enum { CHAIN_CAPACITY_MIN = 64, CHAIN_WORD = 7 };

static const uint64_t chain_prime = (UINT64_C(1) << 61) - 1;

static size_t chain_bucket(const struct jb_chain *chain, uint32_t hash)
{
    return hash & (chain->capacity - 1);
}

static void chain_link(struct jb_chain *chain, uint32_t index)
{
    uint32_t *head = &chain->heads[chain_bucket(chain, chain->hashes[index])];

    chain->next[index] = *head;
    *head = index;
}

/* From the last to the first, so that the newest stays in front. */
static void chain_refill(struct jb_chain *to, const struct jb_chain *from)
{
    for (size_t bucket = 0; bucket < from->capacity; bucket++) {
        uint32_t reversed = JB_CHAIN_END;

        for (uint32_t i = from->heads[bucket]; i != JB_CHAIN_END;) {
            uint32_t after = from->next[i];

            to->hashes[i] = from->hashes[i];
            to->next[i] = reversed;
            reversed = i;
            i = after;
        }
        while (reversed != JB_CHAIN_END) {
            uint32_t after = to->next[reversed];

            chain_link(to, reversed);
            reversed = after;
        }
    }
}

bool jb_chain_reserve(struct jb_chain *chain, size_t capacity)
{
    size_t rounded = CHAIN_CAPACITY_MIN;
    struct jb_chain grown = { 0 };

    while (rounded < capacity)
        rounded *= 2;
    if (rounded <= chain->capacity)
        return true;
    grown.capacity = rounded;
    grown.heads = reallocarray(NULL, rounded, sizeof(*grown.heads));
    grown.next = reallocarray(NULL, rounded, sizeof(*grown.next));
    grown.hashes = calloc(rounded, sizeof(*grown.hashes));
    if (!grown.heads || !grown.next || !grown.hashes) {
        jb_chain_release(&grown);
        return false;
    }
    jb_chain_clear(&grown);
    chain_refill(&grown, chain);
    jb_chain_release(chain);
    *chain = grown;
    return true;
}

void jb_chain_release(struct jb_chain *chain)
{
    free(chain->heads);
    free(chain->next);
    free(chain->hashes);
    *chain = (struct jb_chain){ 0 };
}

void jb_chain_clear(struct jb_chain *chain)
{
    if (chain->capacity > 0)
        memset(chain->heads, 0xff, chain->capacity * sizeof(*chain->heads));
}

void jb_chain_add(struct jb_chain *chain, uint32_t index, uint32_t hash)
{
    chain->hashes[index] = hash;
    chain_link(chain, index);
}

void jb_chain_remove(struct jb_chain *chain, uint32_t index)
{
    uint32_t *at = &chain->heads[chain_bucket(chain, chain->hashes[index])];

    while (*at != JB_CHAIN_END && *at != index)
        at = &chain->next[*at];
    if (*at == index)
        *at = chain->next[index];
}

static uint32_t chain_match(const struct jb_chain *chain, uint32_t index,
                            uint32_t hash)
{
    while (index != JB_CHAIN_END && chain->hashes[index] != hash)
        index = chain->next[index];
    return index;
}

uint32_t jb_chain_first(const struct jb_chain *chain, uint32_t hash)
{
    if (chain->capacity == 0)
        return JB_CHAIN_END;
    return chain_match(chain, chain->heads[chain_bucket(chain, hash)], hash);
}

uint32_t jb_chain_after(const struct jb_chain *chain, uint32_t index)
{
    return chain_match(chain, chain->next[index], chain->hashes[index]);
}

static uint64_t chain_modulo(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    uint64_t sum =
        (uint64_t)(product & chain_prime) + (uint64_t)(product >> 61);

    return sum >= chain_prime ? sum - chain_prime : sum;
}

uint32_t jb_chain_hash_text(uint64_t secret, const char *text, size_t length)
{
    uint64_t sum = length + 1;

    for (size_t at = 0; at < length; at += CHAIN_WORD) {
        size_t taken = length - at < CHAIN_WORD ? length - at : CHAIN_WORD;
        uint64_t word = 0;

        memcpy(&word, text + at, taken);
        sum = chain_modulo(sum, secret) + word;
        if (sum >= chain_prime)
            sum -= chain_prime;
    }
    return jb_chain_hash_u64(chain_modulo(sum, secret));
}

/* Where the kernel has no randomness yet, the time must do. */
uint64_t jb_chain_secret(void)
{
    uint64_t secret = 0;

    if (getrandom(&secret, sizeof(secret), GRND_NONBLOCK) !=
        (ssize_t)sizeof(secret))
        secret = jb_clock_now_ns(&jb_clock_boottime);
    return secret % (chain_prime - 2) + 1;
}
