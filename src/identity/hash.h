/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012): a hash whose collisions cannot be made without the key.  Names of
 * cgroups are chosen by users, and whoever can choose names must not be able
 * to make every look-up slow.
 */
#ifndef JB_IDENTITY_HASH_H
#define JB_IDENTITY_HASH_H

#include <stddef.h>
#include <stdint.h>

/* data may be NULL when length is 0. */
uint64_t jb_siphash(const uint64_t key[2], const void *data, size_t length);

#endif
