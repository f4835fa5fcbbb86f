/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/clock.h"
#include "joulebook/error.h"

__extension__ typedef unsigned __int128 wide_uint;
__extension__ typedef __int128 wide_int;

static const wide_int unit_one = (wide_int)1 << 32; /* of jb_energy.frac */

int jb_unit_count(const struct jb_unit *unit, uint64_t reading, uint64_t *count)
{
    wide_uint candidate;

    if (unit->read_num == 0 || unit->read_den == 0)
        return JB_EUSAGE;
    candidate = ((wide_uint)reading * unit->read_den + unit->read_num - 1) /
                unit->read_num;
    if (candidate * unit->read_num / unit->read_den != reading ||
        candidate > UINT64_MAX ||
        (unit->modulus != 0 && candidate >= unit->modulus))
        return JB_EIMPLAUSIBLE;
    *count = (uint64_t)candidate;
    return JB_OK;
}

static struct jb_energy unit_from_wide(wide_int fixed)
{
    wide_int whole = fixed >> 32;

    if (whole > INT64_MAX)
        return (struct jb_energy){ .uj = INT64_MAX };
    if (whole < INT64_MIN)
        return (struct jb_energy){ .uj = INT64_MIN };
    return (struct jb_energy){ .uj = (int64_t)whole, .frac = (uint32_t)fixed };
}

static wide_int unit_to_wide(struct jb_energy energy)
{
    return (wide_int)energy.uj * unit_one + energy.frac;
}

struct jb_energy jb_unit_energy(const struct jb_unit *unit, uint64_t counts)
{
    wide_uint product = (wide_uint)counts * unit->num;
    wide_uint whole = product / unit->den;
    wide_uint rest = product % unit->den;

    if (whole > INT64_MAX)
        return (struct jb_energy){ .uj = INT64_MAX };
    return (struct jb_energy){ .uj = (int64_t)whole,
                               .frac = (uint32_t)((rest << 32) / unit->den) };
}

/* -x counts are worth -(x counts): rounding is towards zero on both sides. */
static struct jb_energy unit_negative(const struct jb_unit *unit, int64_t count)
{
    struct jb_energy size = jb_unit_energy(unit, -(uint64_t)count);

    return jb_energy_sub((struct jb_energy){ 0 }, size);
}

int jb_sensor_value(const struct jb_sensor *sensor, uint64_t raw,
                    struct jb_energy *out)
{
    uint64_t count;
    int rc;

    if (sensor->flags & JB_SENSOR_SIGNED && (int64_t)raw < 0) {
        *out = unit_negative(&sensor->unit, (int64_t)raw);
        return JB_OK;
    }
    rc = jb_unit_count(&sensor->unit, raw, &count);
    if (rc == JB_OK)
        *out = jb_unit_energy(&sensor->unit, count);
    return rc;
}

uint64_t jb_energy_bound_uj(uint64_t power_uw, uint64_t span_ns)
{
    wide_uint uj =
        ((wide_uint)power_uw * span_ns + JB_NS_PER_S - 1) / JB_NS_PER_S;

    return uj > INT64_MAX ? INT64_MAX : (uint64_t)uj;
}

uint64_t jb_unit_counts_within(const struct jb_unit *unit, uint64_t power_uw,
                               uint64_t span_ns)
{
    wide_uint uj = (wide_uint)jb_energy_bound_uj(power_uw, span_ns);
    wide_uint counts = (uj * unit->den + unit->num - 1) / unit->num;

    if (uj == INT64_MAX) /* saturated: it may be any number */
        return UINT64_MAX;
    return counts > UINT64_MAX ? UINT64_MAX : (uint64_t)counts;
}

struct jb_energy jb_energy_add(struct jb_energy a, struct jb_energy b)
{
    return unit_from_wide(unit_to_wide(a) + unit_to_wide(b));
}

struct jb_energy jb_energy_sub(struct jb_energy a, struct jb_energy b)
{
    return unit_from_wide(unit_to_wide(a) - unit_to_wide(b));
}

/* The product of a 96-bit difference and a 64-bit part does not fit 128 bits:
 * whole and fraction are scaled apart. */
struct jb_energy jb_energy_between(struct jb_energy a, struct jb_energy b,
                                   uint64_t part, uint64_t whole)
{
    struct jb_energy step = jb_energy_sub(b, a);
    wide_int coarse = (wide_int)step.uj * part;
    wide_int quotient = coarse / whole;
    wide_int rest = coarse % whole;
    wide_int fine = (rest * unit_one + (wide_int)step.frac * part) / whole;

    return unit_from_wide(unit_to_wide(a) + quotient * unit_one + fine);
}

double jb_energy_joules(struct jb_energy energy)
{
    return ((double)energy.uj + energy.frac / (double)unit_one) / 1e6;
}
