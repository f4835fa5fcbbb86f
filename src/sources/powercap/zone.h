/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One powercap zone: what its directory says about a RAPL domain.
 *
 * The kernel does not print the hardware's count but a text of it, scaled by a
 * unit that it has truncated to whole nanojoules.  The printed range gives that
 * unit away, and with it the count behind every reading and, for the units of
 * 2^-n J that the hardware knows, the unit that it really is.
 */
#ifndef JB_SOURCES_POWERCAP_ZONE_H
#define JB_SOURCES_POWERCAP_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "joulebook/error.h"
#include "joulebook/plugin/sensor.h"

/* What a zone's text means for the zones below it. */
struct jb_zone_place {
    bool known; /* the zone is a package, and this is which */
    uint16_t package;
    int16_t die;      /* or JB_NO_DIE */
    uint64_t pmax_uw; /* of the package: bounds its parts */
    enum jb_bound_origin pmax_from;
};

/* True for the directory name of a RAPL zone, such as "intel-rapl:0:a". */
bool jb_zone_is_zone(const char *name);

/* True for what zones are listed below: "intel-rapl", "intel-rapl-mmio". */
bool jb_zone_is_control_type(const char *name);

/* True for a zone that repeats registers which another control type serves. */
bool jb_zone_is_mirror(const char *name);

/* Depth below the control type: 1 for "intel-rapl:0", 2 for "intel-rapl:0:0".
 */
unsigned jb_zone_depth(const char *name);

/*
 * The domain that a zone's name file means: "package-1", "package-0-die-1",
 * "psys", and inside a package "core", "uncore", "dram".  JB_EFORMAT for an
 * unknown name, or a part whose package is not known.
 */
int jb_zone_domain(const char *name, const struct jb_zone_place *parent,
                   struct jb_domain *out, struct jb_error *err);

/*
 * The unit behind a zone's texts, from its range and one reading.
 *
 * range_uj is max_energy_range_uj.  When it is the text of a 32-bit count of
 * all ones, and the reading is the text of some count, the counts are restored:
 * num/den is then the hardware's unit and *gain_ppm what remains doubtful of
 * it.  Otherwise a count is a microjoule, the modulus is the range plus one,
 * and *gain_ppm the most that truncation can hide (52 ppm, at 2^-16 J).
 */
struct jb_unit jb_zone_unit(uint64_t range_uj, uint64_t reading_uj,
                            uint32_t *gain_ppm);

/* Fills in what the files of directory/constraint_* declare as the highest
 * power (max_power_uw, and limits above it), with headroom; else the
 * package's; else a guess by kind of domain. */
void jb_zone_power_bound(const char *directory,
                         const struct jb_zone_place *parent,
                         struct jb_sensor *sensor);

#endif
