/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include "base/clock.h"

enum { CUT_SLEW_PPM = 1000, CUT_STEP_FLOOR_NS = JB_NS_PER_MS };

int64_t jb_clockmap_utc_ns(const struct jb_clockmap *map, uint64_t boot_ns)
{
    return map->utc_ns + (int64_t)(boot_ns - map->boot_ns);
}

bool jb_clockmap_update(struct jb_clockmap *map, uint64_t boot_ns,
                        int64_t utc_ns)
{
    int64_t off = utc_ns - jb_clockmap_utc_ns(map, boot_ns);
    uint64_t moved = off < 0 ? (uint64_t)-off : (uint64_t)off;
    uint64_t slewed = (boot_ns - map->boot_ns) / 1000000 * CUT_SLEW_PPM;

    map->boot_ns = boot_ns;
    map->utc_ns = utc_ns;
    return moved > slewed && moved > CUT_STEP_FLOOR_NS;
}

uint64_t jb_cut_next_grid_ns(const struct jb_clockmap *map, uint64_t after_ns,
                             uint64_t period_ns)
{
    int64_t period = (int64_t)period_ns;
    int64_t into = jb_clockmap_utc_ns(map, after_ns) % period;

    if (into < 0)
        into += period;
    return after_ns + (uint64_t)(period - into);
}
