/* SPDX-License-Identifier: Apache-2.0 */
#include "zone.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "core/domain.h"
#include "core/unit.h"

/* intel-rapl serves MSR or TPMI registers, on AMD too; intel-rapl-mmio repeats
 * the package registers through memory-mapped I/O. */
static const char zone_primary[] = "intel-rapl";
static const char zone_mmio[] = "intel-rapl-mmio";

static const uint64_t zone_all_ones = UINT32_MAX;

enum {
    ZONE_CONSTRAINTS = 3, /* long_term, short_term, peak_power */
    /* A package may draw about twice its long-term limit for as long as the
     * short-term window lasts (PL2 of client parts: 253 W of 125 W). */
    ZONE_HEADROOM = 2,
    ZONE_TRUNCATION_PPM = 52, /* of 2^-16 J, given as 15258 nJ */
    /* intel_rapl_common gives server DRAM as 15300 nJ (its
     * domain_energy_unit_fix) where perf's rapl.c has 2^-16 J. */
    ZONE_DRAM_FIX_NJ = 15300,
    ZONE_DRAM_FIX_PPM = 2696,
    ZONE_FINEST_EXPONENT = 20, /* units of 2^-20 J and coarser are a microjoule
                                  or more: their texts can be inverted */
};

static const char *zone_after_type(const char *name)
{
    size_t length = strlen(zone_mmio);

    if (strncmp(name, zone_mmio, length) == 0)
        return name + length;
    length = strlen(zone_primary);
    return strncmp(name, zone_primary, length) == 0 ? name + length : "";
}

/* The ids are hexadecimal: the eleventh package is intel-rapl:a. */
bool jb_zone_is_zone(const char *name)
{
    const char *rest = zone_after_type(name);

    if (*rest != ':')
        return false;
    while (*rest == ':') {
        size_t digits = strspn(rest + 1, "0123456789abcdef");

        if (digits == 0)
            return false;
        rest += 1 + digits;
    }
    return *rest == '\0';
}

bool jb_zone_is_control_type(const char *name)
{
    return strcmp(name, zone_primary) == 0 || strcmp(name, zone_mmio) == 0;
}

bool jb_zone_is_mirror(const char *name)
{
    return strncmp(name, zone_mmio, strlen(zone_mmio)) == 0;
}

unsigned jb_zone_depth(const char *name)
{
    unsigned depth = 0;

    for (; *name; name++)
        depth += *name == ':';
    return depth;
}

static const struct zone_part {
    const char *name;
    enum jb_domain_kind kind;
} zone_parts[] = {
    { "core", JB_DOMAIN_CORE },
    { "uncore", JB_DOMAIN_UNCORE },
    { "dram", JB_DOMAIN_DRAM },
};

int jb_zone_domain(const char *name, const struct jb_zone_place *parent,
                   struct jb_domain *out, struct jb_error *err)
{
    struct jb_domain domain;

    if (jb_domain_parse(name, &domain) &&
        (domain.kind == JB_DOMAIN_PACKAGE || strcmp(name, "psys") == 0)) {
        *out = domain;
        return JB_OK;
    }
    for (size_t i = 0; i < sizeof(zone_parts) / sizeof(zone_parts[0]); i++) {
        if (strcmp(name, zone_parts[i].name) != 0)
            continue;
        if (!parent || !parent->known)
            return jb_fail(err, JB_EFORMAT,
                           "'%s' of a package that has no number", name);
        *out = (struct jb_domain){ zone_parts[i].kind, parent->package,
                                   parent->die };
        return JB_OK;
    }
    return jb_fail(err, JB_EFORMAT, "zone name '%s' is not a RAPL domain",
                   name);
}

static bool zone_unit_fits(const struct jb_unit *unit, uint64_t range_uj,
                           uint64_t reading_uj)
{
    uint64_t count;

    return jb_unit_count(unit, range_uj, &count) == JB_OK &&
           count == zone_all_ones &&
           jb_unit_count(unit, reading_uj, &count) == JB_OK;
}

/* Kernels that compute with the exact unit print floor(count * 10^6 / 2^n). */
static bool zone_exact_unit(uint64_t range_uj, uint64_t reading_uj,
                            struct jb_unit *unit)
{
    for (unsigned n = 0; n < ZONE_FINEST_EXPONENT; n++) {
        uint64_t den = UINT64_C(1) << n;

        *unit = (struct jb_unit){ .quantity = JB_QUANTITY_ENERGY,
                                  .num = 1000000,
                                  .den = den,
                                  .read_num = 1000000,
                                  .read_den = den,
                                  .modulus = zone_all_ones + 1 };
        if (zone_unit_fits(unit, range_uj, reading_uj))
            return true;
    }
    return false;
}

/* The others print floor(count * nanojoules / 1000). */
static bool zone_truncated_unit(uint64_t range_uj, uint64_t reading_uj,
                                struct jb_unit *unit)
{
    uint64_t nj;

    if (range_uj > UINT64_MAX / 1000)
        return false;
    nj = (range_uj * 1000 + zone_all_ones - 1) / zone_all_ones;
    *unit = (struct jb_unit){ .quantity = JB_QUANTITY_ENERGY,
                              .num = nj,
                              .den = 1000,
                              .read_num = nj,
                              .read_den = 1000,
                              .modulus = zone_all_ones + 1 };
    if (nj < 1000 || !zone_unit_fits(unit, range_uj, reading_uj))
        return false;
    for (unsigned n = 0; n < ZONE_FINEST_EXPONENT; n++) {
        if ((UINT64_C(1000000000) >> n) != nj)
            continue;
        unit->num = 1000000;
        unit->den = UINT64_C(1) << n;
    }
    return true;
}

struct jb_unit jb_zone_unit(uint64_t range_uj, uint64_t reading_uj,
                            uint32_t *gain_ppm)
{
    struct jb_unit unit;

    *gain_ppm = 0;
    if (zone_exact_unit(range_uj, reading_uj, &unit))
        return unit;
    if (zone_truncated_unit(range_uj, reading_uj, &unit)) {
        if (unit.read_num == ZONE_DRAM_FIX_NJ)
            *gain_ppm = ZONE_DRAM_FIX_PPM;
        return unit;
    }
    *gain_ppm = ZONE_TRUNCATION_PPM;
    return (struct jb_unit){ .quantity = JB_QUANTITY_ENERGY,
                             .num = 1,
                             .den = 1,
                             .read_num = 1,
                             .read_den = 1,
                             .modulus = range_uj + 1 };
}

/* The highest of constraint_*_<file>; 0 for none. */
static uint64_t zone_highest_uw(const char *directory, const char *file)
{
    uint64_t highest = 0;

    for (unsigned i = 0; i < ZONE_CONSTRAINTS; i++) {
        char path[JB_PATH_MAX];
        uint64_t uw;

        if (jb_path(path, NULL, "%s/constraint_%u_%s", directory, i, file) ==
                JB_OK &&
            jb_file_read_u64(path, &uw, NULL) == JB_OK && uw > highest)
            highest = uw;
    }
    return highest;
}

/* A limit is what someone set, perhaps without enabling it: it can raise what
 * the hardware declares, but is no bound by itself. */
static uint64_t zone_declared_uw(const char *directory)
{
    uint64_t max_uw = zone_highest_uw(directory, "max_power_uw");
    uint64_t limit_uw =
        max_uw ? zone_highest_uw(directory, "power_limit_uw") : 0;

    return limit_uw > max_uw ? limit_uw : max_uw;
}

void jb_zone_power_bound(const char *directory,
                         const struct jb_zone_place *parent,
                         struct jb_sensor *sensor)
{
    enum jb_domain_kind kind = sensor->domain.kind;
    uint64_t guess_uw = jb_domain_guessed_pmax_uw(kind);
    uint64_t declared_uw = zone_declared_uw(directory);

    sensor->pmax_uw = guess_uw;
    sensor->pmax_from = JB_BOUND_GUESSED;
    /* Firmware declares 0, or kilowatts for a DIMM: neither bounds anything. */
    if (declared_uw > 0 && declared_uw <= guess_uw) {
        sensor->pmax_uw = declared_uw * ZONE_HEADROOM;
        sensor->pmax_from = JB_BOUND_DECLARED;
    } else if ((kind == JB_DOMAIN_CORE || kind == JB_DOMAIN_UNCORE) && parent &&
               parent->known) {
        sensor->pmax_uw = parent->pmax_uw;
        sensor->pmax_from = parent->pmax_from;
    }
}
