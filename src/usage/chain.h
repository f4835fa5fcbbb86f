/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds indexes of an array by a hash, and grows with the array.  Several
 * indexes may have one hash: the newest comes first.  Which of them is meant
 * is the caller's to compare, since only it knows the keys.
 */
#ifndef JB_USAGE_CHAIN_H
#define JB_USAGE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

#define JB_CHAIN_END UINT32_MAX

struct jb_chain {
    uint32_t *heads, *next, *hashes;
    size_t capacity; /* a power of two, or 0 */
};

/* Room for indexes below capacity, rounded up to a power of two; what was added
 * stays.  False, with nothing changed, when memory is refused. */
JB_NODISCARD bool jb_chain_reserve(struct jb_chain *chain, size_t capacity);

void jb_chain_release(struct jb_chain *chain);

/* Forgets all. */
void jb_chain_clear(struct jb_chain *chain);

/* index is below the capacity and not in it. */
void jb_chain_add(struct jb_chain *chain, uint32_t index, uint32_t hash);

/* Nothing happens when it is not in it under its last hash. */
void jb_chain_remove(struct jb_chain *chain, uint32_t index);

/* The newest index with that hash, and the one before; JB_CHAIN_END. */
uint32_t jb_chain_first(const struct jb_chain *chain, uint32_t hash);
uint32_t jb_chain_after(const struct jb_chain *chain, uint32_t index);

/* Spreads numbers that are no secret and chosen by nobody. */
static inline uint32_t jb_chain_hash_u64(uint64_t value)
{
    return (uint32_t)((value * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* Of bytes that a user chose: a polynomial modulo 2^61 - 1 in a secret, so that
 * nobody can choose texts that collide. */
uint32_t jb_chain_hash_text(uint64_t secret, const char *text, size_t length);

/* For jb_chain_hash_text(). */
uint64_t jb_chain_secret(void);

#endif
