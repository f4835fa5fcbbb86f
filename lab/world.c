/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

/* splitmix64: small, and the same on every machine. */
static uint64_t world_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void world_draw_starts(struct jb_lab_layout *layout, uint64_t seed)
{
    for (unsigned i = 0; i < layout->zone_count; i++) {
        struct jb_lab_zone *zone = &layout->zones[i];

        if (zone->mirror < 0 && !zone->start_given)
            zone->start = world_random(&seed) % zone->modulus;
    }
    for (unsigned i = 0; i < layout->zone_count; i++) {
        struct jb_lab_zone *zone = &layout->zones[i];

        if (zone->mirror >= 0)
            zone->start = layout->zones[zone->mirror].start;
    }
}

static void world_find_contents(struct jb_lab_world *world)
{
    const struct jb_lab_layout *layout = &world->layout;

    for (unsigned i = 0; i < layout->zone_count; i++) {
        if (layout->zones[i].mirror >= 0)
            continue;
        for (int at = (int)i; at >= 0; at = layout->zones[at].inside)
            world->contents[at] |= UINT32_C(1) << i;
    }
}

void jb_lab_world_init(struct jb_lab_world *world,
                       const struct jb_lab_layout *layout, uint64_t start_ns,
                       uint64_t seed)
{
    *world = (struct jb_lab_world){ .layout = *layout, .start_ns = start_ns };
    if (seed != 0)
        world_draw_starts(&world->layout, seed);
    world_find_contents(world);
    for (unsigned i = 0; i < layout->zone_count; i++) {
        const struct jb_lab_zone *zone = &world->layout.zones[i];

        world->loads[i].wave = zone->wave;
        world->loads[i].anchor_ns = start_ns;
        jb_lab_counter_init(&world->counters[i], zone);
    }
    world->rest.wave = layout->meter.rest;
    world->rest.anchor_ns = start_ns;
}

uint64_t jb_lab_world_grid(const struct jb_lab_world *world, uint64_t at_ns)
{
    if (at_ns < world->start_ns)
        return world->start_ns;
    return at_ns - (at_ns - world->start_ns) % world->layout.grid_ns;
}

jb_lab_i128 jb_lab_world_energy_fj(const struct jb_lab_world *world,
                                   unsigned zone, uint64_t at_ns)
{
    uint32_t left = world->contents[zone];
    jb_lab_i128 energy = 0;

    while (left) {
        int i = __builtin_ctz(left);

        energy += jb_lab_load_energy_fj(&world->loads[i], at_ns);
        left &= left - 1;
    }
    return energy;
}

jb_lab_i128 jb_lab_world_node_fj(const struct jb_lab_world *world,
                                 uint64_t at_ns)
{
    jb_lab_i128 energy = jb_lab_load_energy_fj(&world->rest, at_ns);

    /* Each load once: no sum over zones that contain one another. */
    for (unsigned i = 0; i < world->layout.zone_count; i++)
        energy += jb_lab_load_energy_fj(&world->loads[i], at_ns);
    return energy;
}

/* The zone whose counter `zone` shows. */
static unsigned world_origin(const struct jb_lab_world *world, unsigned zone)
{
    int mirror = world->layout.zones[zone].mirror;

    return mirror >= 0 ? (unsigned)mirror : zone;
}

/* The count behind any hold, without wrapping; at_ns on the grid. */
static jb_lab_i128 world_count(const struct jb_lab_world *world, unsigned zone,
                               uint64_t at_ns)
{
    unsigned origin = world_origin(world, zone);

    return jb_lab_counter_at(&world->counters[origin],
                             jb_lab_world_energy_fj(world, origin, at_ns));
}

struct jb_lab_reading jb_lab_world_read(const struct jb_lab_world *world,
                                        unsigned zone, uint64_t at_ns)
{
    const struct jb_lab_view *view = &world->views[zone];
    const struct jb_lab_counter *counter =
        &world->counters[world_origin(world, zone)];
    struct jb_lab_reading reading;

    reading.unwrapped =
        view->held ? view->held_count
                   : world_count(world, zone, jb_lab_world_grid(world, at_ns));
    reading.count = jb_lab_counter_wrap(counter, reading.unwrapped);
    reading.energy_uj =
        jb_lab_counter_uj(reading.count, &world->layout.zones[zone].shown);
    return reading;
}

struct jb_lab_reading jb_lab_world_register(const struct jb_lab_world *world,
                                            unsigned zone, uint64_t at_ns)
{
    struct jb_lab_reading reading = {
        .unwrapped = world_count(world, zone, jb_lab_world_grid(world, at_ns)),
    };

    reading.count = jb_lab_counter_wrap(
        &world->counters[world_origin(world, zone)], reading.unwrapped);
    return reading;
}

int64_t jb_lab_world_step_uw(const struct jb_lab_world *world, unsigned zone,
                             uint64_t at_ns)
{
    uint64_t from_ns = jb_lab_world_grid(world, at_ns);
    uint64_t step_ns = world->layout.grid_ns;
    jb_lab_i128 energy =
        jb_lab_world_energy_fj(world, zone, from_ns + step_ns) -
        jb_lab_world_energy_fj(world, zone, from_ns);

    return (int64_t)(energy / step_ns);
}

int64_t jb_lab_world_temperature(const struct jb_lab_world *world,
                                 unsigned index, uint64_t at_ns)
{
    const struct jb_lab_temperature *sensor =
        &world->layout.temperatures[index];
    jb_lab_i128 power_uw;

    if (world->temperatures[index].held)
        return world->temperatures[index].held_value;
    power_uw = jb_lab_world_step_uw(world, (unsigned)sensor->zone, at_ns);
    return sensor->ambient_mdegc +
           (int64_t)(power_uw * sensor->rise_mdegc / 1000000);
}

int64_t jb_lab_world_frequency(const struct jb_lab_world *world, unsigned index,
                               uint64_t at_ns)
{
    const struct jb_lab_policy *policy = &world->layout.policies[index];
    jb_lab_i128 power_uw;

    if (world->policies[index].held)
        return world->policies[index].held_value;
    power_uw = jb_lab_world_step_uw(world, (unsigned)policy->zone, at_ns);
    if (power_uw > policy->full_uw)
        power_uw = policy->full_uw;
    return (int64_t)(policy->min_khz +
                     (jb_lab_i128)(policy->max_khz - policy->min_khz) *
                         power_uw / policy->full_uw);
}

/* Notes the node's energy at the ends of the meter's intervals up to now, as
 * far back as the lag can reach; must run before any load changes. */
static void world_fill_meter(struct jb_lab_world *world, uint64_t at_ns)
{
    uint64_t interval_ns = world->layout.meter.interval_ns;
    uint64_t newest;

    if (!world->layout.meter.present || at_ns < world->start_ns)
        return;
    newest = (at_ns - world->start_ns) / interval_ns;
    if (newest >= JB_LAB_METER_RING &&
        world->meter_next < newest - JB_LAB_METER_RING + 1)
        world->meter_next = newest - JB_LAB_METER_RING + 1;
    while (world->meter_next <= newest) {
        uint64_t end_ns = world->start_ns + world->meter_next * interval_ns;

        world->meter_fj[world->meter_next % JB_LAB_METER_RING] =
            jb_lab_world_node_fj(world, end_ns);
        world->meter_next++;
    }
}

bool jb_lab_world_power_uw(struct jb_lab_world *world, uint64_t at_ns,
                           uint64_t *power_uw)
{
    const struct jb_lab_meter *meter = &world->layout.meter;
    uint64_t last;
    jb_lab_i128 energy;

    if (!meter->present || at_ns < world->start_ns + meter->lag_ns)
        return false;
    last = (at_ns - meter->lag_ns - world->start_ns) / meter->interval_ns;
    if (last == 0)
        return false;
    world_fill_meter(world, at_ns);
    energy = world->meter_fj[last % JB_LAB_METER_RING] -
             world->meter_fj[(last - 1) % JB_LAB_METER_RING];
    *power_uw = (uint64_t)(energy / meter->interval_ns);
    return true;
}

uint64_t jb_lab_world_wave(struct jb_lab_world *world, unsigned zone,
                           const struct jb_lab_wave *wave, uint64_t at_ns)
{
    uint64_t grid_ns = jb_lab_world_grid(world, at_ns);

    world_fill_meter(world, grid_ns);
    jb_lab_load_change(&world->loads[zone], wave, grid_ns);
    return grid_ns;
}

uint64_t jb_lab_world_rest(struct jb_lab_world *world,
                           const struct jb_lab_wave *wave, uint64_t at_ns)
{
    uint64_t grid_ns = jb_lab_world_grid(world, at_ns);

    world_fill_meter(world, grid_ns);
    jb_lab_load_change(&world->rest, wave, grid_ns);
    return grid_ns;
}

uint64_t jb_lab_world_hold(struct jb_lab_world *world, unsigned zone,
                           uint64_t at_ns)
{
    uint64_t grid_ns = jb_lab_world_grid(world, at_ns);
    struct jb_lab_view *view = &world->views[zone];

    if (!view->held)
        view->held_count = world_count(world, zone, grid_ns);
    view->held = true;
    return grid_ns;
}

uint64_t jb_lab_world_stop(struct jb_lab_world *world, unsigned zone,
                           uint64_t at_ns)
{
    uint64_t grid_ns = jb_lab_world_grid(world, at_ns);
    unsigned origin = world_origin(world, zone);

    jb_lab_counter_stop(&world->counters[origin],
                        jb_lab_world_energy_fj(world, origin, grid_ns));
    return grid_ns;
}

uint64_t jb_lab_world_thaw(struct jb_lab_world *world, unsigned zone,
                           uint64_t at_ns)
{
    uint64_t grid_ns = jb_lab_world_grid(world, at_ns);
    unsigned origin = world_origin(world, zone);

    world->views[zone].held = false;
    jb_lab_counter_start(&world->counters[origin],
                         jb_lab_world_energy_fj(world, origin, grid_ns));
    return grid_ns;
}

uint64_t jb_lab_world_reset(struct jb_lab_world *world, unsigned zone,
                            uint64_t at_ns)
{
    uint64_t grid_ns = jb_lab_world_grid(world, at_ns);
    unsigned origin = world_origin(world, zone);

    jb_lab_counter_set(&world->counters[origin],
                       jb_lab_world_energy_fj(world, origin, grid_ns), 0);
    return grid_ns;
}

uint64_t jb_lab_world_jump(struct jb_lab_world *world, unsigned zone,
                           int64_t counts, uint64_t at_ns)
{
    world->counters[world_origin(world, zone)].origin_count += counts;
    return jb_lab_world_grid(world, at_ns);
}

uint64_t jb_lab_world_plug(struct jb_lab_world *world, unsigned zone,
                           bool plugged, uint64_t at_ns)
{
    world->views[zone].unplugged = !plugged;
    return jb_lab_world_grid(world, at_ns);
}

bool jb_lab_world_is_plugged(const struct jb_lab_world *world, int zone)
{
    while (zone >= 0) {
        if (world->views[zone].unplugged)
            return false;
        zone = world->layout.zones[zone].sysfs_parent;
    }
    return true;
}
