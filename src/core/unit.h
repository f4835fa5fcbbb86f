/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From counts to energy, exactly.  128-bit products and one rounding at the
 * very end; a cumulative count is converted anew each time, so nothing drifts.
 */
#ifndef JB_CORE_UNIT_H
#define JB_CORE_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/plugin/sensor.h"

/* Micro-units of the quantity plus frac / 2^32 of one; signed by uj. */
struct jb_energy {
    int64_t uj;
    uint32_t frac;
};

/* The count behind a reading.  JB_EIMPLAUSIBLE when no count below the modulus
 * would be printed as this reading; JB_EUSAGE when the unit is degenerate. */
JB_NODISCARD int jb_unit_count(const struct jb_unit *unit, uint64_t reading,
                               uint64_t *count);

/* Exact value of a number of counts; saturates at the ends of int64_t. */
struct jb_energy jb_unit_energy(const struct jb_unit *unit, uint64_t counts);

/* The value of one reading in micro-units, signed where the sensor is
 * (JB_SENSOR_SIGNED).  Errors of jb_unit_count(). */
JB_NODISCARD int jb_sensor_value(const struct jb_sensor *sensor, uint64_t raw,
                                 struct jb_energy *out);

/* The largest number of counts that power_uw can add within span_ns, rounded
 * up; saturates at UINT64_MAX.  Only for units of energy. */
uint64_t jb_unit_counts_within(const struct jb_unit *unit, uint64_t power_uw,
                               uint64_t span_ns);

/* power x time in uJ, rounded up; saturates at INT64_MAX. */
uint64_t jb_energy_bound_uj(uint64_t power_uw, uint64_t span_ns);

/* a + b and a - b; a - b may be negative. */
struct jb_energy jb_energy_add(struct jb_energy a, struct jb_energy b);
struct jb_energy jb_energy_sub(struct jb_energy a, struct jb_energy b);

/* a + (b - a) * part / whole with part <= whole, exact to 2^-32 uJ. */
struct jb_energy jb_energy_between(struct jb_energy a, struct jb_energy b,
                                   uint64_t part, uint64_t whole);

/* Joules as a floating number: for printing and models only. */
double jb_energy_joules(struct jb_energy energy);

#endif
