/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts: the instants at which accounts are read.  A grid that is aligned to
 * UTC, so that the books of a thousand nodes can be laid beside each other,
 * and edges of jobs, regions and clocks between its lines.
 *
 * UTC enters here and nowhere else: a map from CLOCK_BOOTTIME, with a new row
 * whenever the wall clock steps.
 */
#ifndef JB_CORE_CUT_H
#define JB_CORE_CUT_H

#include <stdbool.h>
#include <stdint.h>

enum jb_cut_reason {
    JB_CUT_GRID,
    JB_CUT_BEGIN, /* of a command, region or job */
    JB_CUT_END,
    JB_CUT_CLOCK_STEP,
    JB_CUT_PLUG,
};

struct jb_cut {
    uint64_t t_ns; /* CLOCK_BOOTTIME */
    enum jb_cut_reason reason;
};

/* One agreed pair of readings of both clocks. */
struct jb_clockmap {
    uint64_t boot_ns;
    int64_t utc_ns;
};

/* UTC of an instant near the map's row, in ns since 1970. */
int64_t jb_clockmap_utc_ns(const struct jb_clockmap *map, uint64_t boot_ns);

/* Takes a new pair.  True when the wall clock stepped since the last row, that
 * is, moved by more than a clock that is being slewed can (1000 ppm) and by
 * more than 1 ms; the map then holds the new row in either case. */
bool jb_clockmap_update(struct jb_clockmap *map, uint64_t boot_ns,
                        int64_t utc_ns);

/* The first instant after `after_ns` whose UTC is a multiple of period_ns,
 * which must be positive. */
uint64_t jb_cut_next_grid_ns(const struct jb_clockmap *map, uint64_t after_ns,
                             uint64_t period_ns);

#endif
