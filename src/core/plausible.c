/* SPDX-License-Identifier: Apache-2.0 */
#include "plausible.h"

#include <stddef.h>

#define PLAUSIBLE_ONE INT64_C(1000000)

/* Temperatures: parts are specified from -55 degC, and silicon does not work
 * above 200.  Voltages: up to the 800 V that racks are going to be fed with.
 * Power and current: a node, with a factor of several.  Fans: the fastest of
 * one-inch servers turn at 40,000 per minute. */
static const struct jb_range plausible_ranges[] = {
    [JB_QUANTITY_ENERGY] = { 0, INT64_MAX },
    [JB_QUANTITY_POWER] = { 0, 100000 * PLAUSIBLE_ONE },
    [JB_QUANTITY_TEMPERATURE] = { -60 * PLAUSIBLE_ONE, 200 * PLAUSIBLE_ONE },
    [JB_QUANTITY_FREQUENCY] = { 0, 100000000000 * PLAUSIBLE_ONE },
    [JB_QUANTITY_UTILIZATION] = { 0, PLAUSIBLE_ONE },
    [JB_QUANTITY_TIME] = { 0, INT64_MAX },
    [JB_QUANTITY_DATA] = { 0, INT64_MAX },
    [JB_QUANTITY_COUNT] = { 0, INT64_MAX },
    [JB_QUANTITY_VOLTAGE] = { -1000 * PLAUSIBLE_ONE, 1000 * PLAUSIBLE_ONE },
    [JB_QUANTITY_CURRENT] = { -10000 * PLAUSIBLE_ONE, 10000 * PLAUSIBLE_ONE },
    [JB_QUANTITY_ROTATION] = { 0, 60000 * PLAUSIBLE_ONE },
};

struct jb_range jb_plausible_range(enum jb_quantity quantity)
{
    return plausible_ranges[quantity];
}

bool jb_plausible_is_ones(uint64_t count)
{
    static const uint64_t ones[] = {
        UINT32_MAX,
        INT32_MAX,
        UINT32_MAX * UINT64_C(1000),
        INT32_MAX * UINT64_C(1000),
        UINT64_MAX,
        INT64_MAX,
    };

    for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++)
        if (count == ones[i])
            return true;
    return false;
}
