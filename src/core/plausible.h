/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reading can be at all: physics, and the numbers that mean "none".
 *
 * Interfaces without a word for "no value" print a number instead: all ones of
 * some width, the end of a scale, absolute zero.  Here is what holds for every
 * interface; what a model does beyond that is a row of its source's table.
 */
#ifndef JB_CORE_PLAUSIBLE_H
#define JB_CORE_PLAUSIBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "joulebook/plugin/sensor.h"

/* The lowest and highest value, in micro-units, that something in or about a
 * computer can have.  Unbounded quantities have the ends of int64_t. */
struct jb_range {
    int64_t lowest, highest;
};

struct jb_range jb_plausible_range(enum jb_quantity quantity);

/* True for all ones of 32 bits, signed or not, or of 64, as they are or scaled
 * by a thousand: what drivers make of a register that says "no value". */
bool jb_plausible_is_ones(uint64_t count);

#endif
