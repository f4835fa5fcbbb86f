/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An amount divided by weights into whole microjoules that sum to it exactly.
 *
 * By the method of largest remainders: each gets the whole part of its exact
 * share, and what is left goes, one microjoule each, to those whose remainder
 * is largest.  Remainders are kept from one division to the next (credit), so
 * that rounding never drifts: whoever is due 0.3 uJ in each of a million
 * divisions gets 300,000 uJ and not 0.
 *
 * Pure integers; no clock, no memory, no floating point.
 */
#ifndef JB_LEDGER_SPLIT_H
#define JB_LEDGER_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

/* One part.  credit is what earlier divisions still owe it, in 2^-32 uJ,
 * negative for what they gave too much; 0 to begin with. */
struct jb_share {
    uint64_t weight;
    int64_t credit;
    int64_t part_uj;
};

/* The largest amount, either way: 4.6 TJ. */
#define JB_SPLIT_MAX_UJ (INT64_C(1) << 62)

/*
 * Sets part_uj of all shares, so that they sum to amount_uj, which may be
 * negative, and carries the remainders in their credits.  A share of weight 0
 * gets nothing and keeps its credit.  Of equal remainders the earlier is
 * served first.
 *
 * JB_EUSAGE, with nothing changed, when all weights are 0 but the amount is
 * not, when they sum beyond 64 bits, or beyond JB_SPLIT_MAX_UJ.  The time is
 * linear in count.
 */
JB_NODISCARD int jb_split(int64_t amount_uj, struct jb_share *shares,
                          size_t count);

/* For what is divided once and is no energy: whole units that sum exactly, each
 * part less than one off its exact share; no credit, no sign.  Errors as
 * above. */
JB_NODISCARD int jb_split_once(uint64_t amount, const uint64_t *weights,
                               uint64_t *parts, size_t count);

#endif
