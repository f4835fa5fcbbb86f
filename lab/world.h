/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual machine in motion: what every zone has burnt, what its counter
 * holds, and what the slow platform meter says, at any instant.
 *
 * Time is an argument (nanoseconds of CLOCK_BOOTTIME, never falling), so tests
 * need no clock.  Counters move on the grid only; a change asked for at t takes
 * effect at the grid instant at or before t.  No value that was served earlier
 * depends on what happens after that instant, so this is exact, and every
 * anchor lies on the grid.
 */
#ifndef JB_LAB_WORLD_H
#define JB_LAB_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "counter.h"
#include "layout.h"

enum { JB_LAB_METER_RING = 2 * JB_LAB_MAX_LAG_INTERVALS };

/* What one zone's energy_uj shows; a mirror has a view but no counter. */
struct jb_lab_view {
    bool unplugged;
    bool held; /* shows held_count while the counter goes on */
    jb_lab_i128 held_count;
};

/* What a temperature or a policy shows. */
struct jb_lab_gauge {
    bool held; /* shows held_value whatever happens */
    int64_t held_value;
};

struct jb_lab_world {
    struct jb_lab_layout layout;
    uint64_t start_ns;
    struct jb_lab_load loads[JB_LAB_MAX_ZONES]; /* of each zone alone */
    struct jb_lab_load rest;
    uint32_t contents[JB_LAB_MAX_ZONES]; /* bit i: zone i and all inside it */
    struct jb_lab_counter counters[JB_LAB_MAX_ZONES];
    struct jb_lab_view views[JB_LAB_MAX_ZONES];
    struct jb_lab_gauge temperatures[JB_LAB_MAX_TEMPERATURES];
    struct jb_lab_gauge policies[JB_LAB_MAX_POLICIES];
    /* Node energy at the ends of the meter's intervals, newest last. */
    jb_lab_i128 meter_fj[JB_LAB_METER_RING];
    uint64_t meter_next; /* the first interval end not yet in the ring */
};

struct jb_lab_reading {
    jb_lab_i128 unwrapped;
    uint64_t count;
    uint64_t energy_uj;
};

/* `layout` is copied.  Seed 0 keeps the layout's start counts; any other gives
 * a pseudo-random one to each counter whose start the layout leaves open. */
void jb_lab_world_init(struct jb_lab_world *world,
                       const struct jb_lab_layout *layout, uint64_t start_ns,
                       uint64_t seed);

/* The grid instant at or before at_ns (the start when it is earlier). */
uint64_t jb_lab_world_grid(const struct jb_lab_world *world, uint64_t at_ns);

/* True energy since the start: of a zone with all inside it, of the node. */
jb_lab_i128 jb_lab_world_energy_fj(const struct jb_lab_world *world,
                                   unsigned zone, uint64_t at_ns);
jb_lab_i128 jb_lab_world_node_fj(const struct jb_lab_world *world,
                                 uint64_t at_ns);

/* What the zone shows at at_ns. */
struct jb_lab_reading jb_lab_world_read(const struct jb_lab_world *world,
                                        unsigned zone, uint64_t at_ns);

/* What the zone's register holds: the counter itself, whatever view of it is
 * held. */
struct jb_lab_reading jb_lab_world_register(const struct jb_lab_world *world,
                                            unsigned zone, uint64_t at_ns);

/* Mean power of a zone with all inside it over the step of the grid that
 * at_ns lies in, rounded down: (E(g + grid) - E(g)) / grid, g being the grid
 * instant at or before at_ns and E as the waves are now. */
int64_t jb_lab_world_step_uw(const struct jb_lab_world *world, unsigned zone,
                             uint64_t at_ns);

/* ambient + floor(step_uw * rise / 10^6), in thousandths of a degree. */
int64_t jb_lab_world_temperature(const struct jb_lab_world *world,
                                 unsigned index, uint64_t at_ns);

/* min + floor((max - min) * p / full), in kHz, p being the smaller of step_uw
 * and full. */
int64_t jb_lab_world_frequency(const struct jb_lab_world *world, unsigned index,
                               uint64_t at_ns);

/* The meter's newest finished mean; false while there is none yet. */
bool jb_lab_world_power_uw(struct jb_lab_world *world, uint64_t at_ns,
                           uint64_t *power_uw);

/* Changes; each takes effect at, and returns, jb_lab_world_grid(at_ns). */
uint64_t jb_lab_world_wave(struct jb_lab_world *world, unsigned zone,
                           const struct jb_lab_wave *wave, uint64_t at_ns);
uint64_t jb_lab_world_rest(struct jb_lab_world *world,
                           const struct jb_lab_wave *wave, uint64_t at_ns);
/* Shows one value while the counter goes on behind it (of a mirror too) ... */
uint64_t jb_lab_world_hold(struct jb_lab_world *world, unsigned zone,
                           uint64_t at_ns);
/* ... or stops the counter itself, for all who show it. */
uint64_t jb_lab_world_stop(struct jb_lab_world *world, unsigned zone,
                           uint64_t at_ns);
/* Ends both. */
uint64_t jb_lab_world_thaw(struct jb_lab_world *world, unsigned zone,
                           uint64_t at_ns);
uint64_t jb_lab_world_reset(struct jb_lab_world *world, unsigned zone,
                            uint64_t at_ns);
uint64_t jb_lab_world_jump(struct jb_lab_world *world, unsigned zone,
                           int64_t counts, uint64_t at_ns);
/* The zone's directory goes or comes; its load and its counter go on. */
uint64_t jb_lab_world_plug(struct jb_lab_world *world, unsigned zone,
                           bool plugged, uint64_t at_ns);

/* False while the zone, or one whose directory it lies in, is unplugged. */
bool jb_lab_world_is_plugged(const struct jb_lab_world *world, int zone);

#endif
