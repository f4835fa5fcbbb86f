/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <string.h>

/*
 * Documents: SDM is Intel's Software Developer's Manual, RAPL in volume 3B,
 * section 15.10, registers by model in volume 4; PPR is AMD's Processor
 * Programming Reference for family 17h models 01h and 08h, document 54945;
 * rapl.c is arch/x86/events/rapl.c of Linux 6.12, intel_rapl_common.c is in its
 * drivers/powercap.
 */
#define MODEL_INTEL_UNIT 0x606u    /* MSR_RAPL_POWER_UNIT: SDM 15.10.1 */
#define MODEL_AMD_UNIT 0xc0010299u /* PPR MSRC001_0299, RAPL Power Unit */
#define MODEL_AMD_CORE 0xc001029au /* PPR MSRC001_029A, Core Energy Status */

/* MSR_PKG_, MSR_PP0_, MSR_PP1_ and MSR_DRAM_ENERGY_STATUS, MSR_PKG_ and
 * MSR_DRAM_POWER_INFO: SDM 15.10.3 to 15.10.5; MSR_PLATFORM_ENERGY_COUNTER: SDM
 * volume 4, 6th generation Core; PPR MSRC001_029B, Package Energy Status. */
const struct jb_msr_register jb_msr_registers[JB_MSR_REGISTERS] = {
    { JB_DOMAIN_PSYS, 0x64d, 0, 0 },
    { JB_DOMAIN_PACKAGE, 0x611, 0xc001029b, 0x614 },
    { JB_DOMAIN_CORE, 0x639, 0, 0 },
    { JB_DOMAIN_UNCORE, 0x641, 0, 0 },
    { JB_DOMAIN_DRAM, 0x619, 0, 0x61c },
};

enum {
    MODEL_PSYS = 1 << JB_DOMAIN_PSYS,
    MODEL_PACKAGE = 1 << JB_DOMAIN_PACKAGE,
    MODEL_CORE = 1 << JB_DOMAIN_CORE,
    MODEL_UNCORE = 1 << JB_DOMAIN_UNCORE,
    MODEL_DRAM = 1 << JB_DOMAIN_DRAM,

    MODEL_DRAM_EXPONENT = 16, /* "15.3 uJ" in the datasheets is 2^-16 J */
    MODEL_PSYS_EXPONENT = 0,
    /* Servers are set to 1.2 times their TDP, clients to as much as 57 W of
     * 15 W; a bound that is too tight would refuse what was really used. */
    MODEL_SERVER_HEADROOM = 2,
    MODEL_CLIENT_HEADROOM = 4,
};

/* DRAM and PSYS are exponents of fixed units, or JB_MSR_UNIT_AS_SAID. */
#define MODEL_INTEL(DRAM, PSYS)                                                \
    .unit_register = MODEL_INTEL_UNIT, .dram_exponent = (DRAM),                \
    .psys_exponent = (PSYS), .die_counts = true
#define MODEL_PLAIN MODEL_INTEL(JB_MSR_UNIT_AS_SAID, JB_MSR_UNIT_AS_SAID)
#define MODEL_FIXED_DRAM MODEL_INTEL(MODEL_DRAM_EXPONENT, JB_MSR_UNIT_AS_SAID)
#define MODEL_FIXED_PSYS MODEL_INTEL(JB_MSR_UNIT_AS_SAID, MODEL_PSYS_EXPONENT)

/* The names are those of rapl.c, where the domains are from. */
enum model_name {
    MODEL_SNB,
    MODEL_SNBEP,
    MODEL_HSW,
    MODEL_HSX,
    MODEL_KNL,
    MODEL_SKL,
    MODEL_SPR,
    MODEL_SLM,
    MODEL_AMD,
};

static const struct jb_msr_profile model_profiles[] = {
    [MODEL_SNB] = { MODEL_PLAIN,
                    .domains = MODEL_PACKAGE | MODEL_CORE | MODEL_UNCORE,
                    .headroom = MODEL_CLIENT_HEADROOM },
    [MODEL_SNBEP] = { MODEL_PLAIN,
                      .domains = MODEL_PACKAGE | MODEL_CORE | MODEL_DRAM,
                      .headroom = MODEL_SERVER_HEADROOM },
    [MODEL_HSW] = { MODEL_PLAIN,
                    .domains =
                        MODEL_PACKAGE | MODEL_CORE | MODEL_UNCORE | MODEL_DRAM,
                    .headroom = MODEL_CLIENT_HEADROOM },
    /* rapl.c, RAPL_UNIT_QUIRK_INTEL_HSW: DRAM has a fixed unit, after "Intel
     * Xeon Processor E5-1600 and E5-2600 v3 Product Families, Volume 2 of 2,
     * Datasheet", document 330784. */
    [MODEL_HSX] = { MODEL_FIXED_DRAM,
                    .domains = MODEL_PACKAGE | MODEL_CORE | MODEL_DRAM,
                    .headroom = MODEL_SERVER_HEADROOM },
    [MODEL_KNL] = { MODEL_FIXED_DRAM, .domains = MODEL_PACKAGE | MODEL_DRAM,
                    .headroom = MODEL_SERVER_HEADROOM },
    [MODEL_SKL] = { MODEL_PLAIN,
                    .domains = MODEL_PSYS | MODEL_PACKAGE | MODEL_CORE |
                               MODEL_UNCORE | MODEL_DRAM,
                    .headroom = MODEL_CLIENT_HEADROOM },
    /* rapl.c, RAPL_UNIT_QUIRK_INTEL_SPR: psys counts joules.  DRAM keeps to the
     * unit register (Linux commit 80275ca9e525 took that quirk away). */
    [MODEL_SPR] = { MODEL_FIXED_PSYS,
                    .domains =
                        MODEL_PSYS | MODEL_PACKAGE | MODEL_CORE | MODEL_DRAM,
                    .headroom = MODEL_SERVER_HEADROOM },
    /* SDM volume 4, Silvermont (06_37H), MSR_RAPL_POWER_UNIT: microjoules times
     * 2^ESU; intel_rapl_common.c, rapl_check_unit_atom(). */
    [MODEL_SLM] = { MODEL_PLAIN, .atom = true,
                    .domains = MODEL_PACKAGE | MODEL_CORE,
                    .headroom = MODEL_CLIENT_HEADROOM },
    /* rapl.c: "AMD/HYGON platforms have a per-PKG package energy counter". */
    [MODEL_AMD] = { .unit_register = MODEL_AMD_UNIT,
                    .core_register = MODEL_AMD_CORE,
                    .dram_exponent = JB_MSR_UNIT_AS_SAID,
                    .psys_exponent = JB_MSR_UNIT_AS_SAID,
                    .domains = MODEL_PACKAGE },
};

enum { MODEL_ANY = -1 };

struct model_row {
    uint16_t family;
    int16_t model; /* or MODEL_ANY */
    enum model_name profile;
};

/* Numbers: arch/x86/include/asm/intel-family.h.  Models whose RAPL is reached
 * through TPMI instead (Granite Rapids, Sierra Forest) are not in it. */
static const struct model_row model_intel[] = {
    { 6, 0x2a, MODEL_SNB },   /* Sandy Bridge */
    { 6, 0x3a, MODEL_SNB },   /* Ivy Bridge */
    { 6, 0x2d, MODEL_SNBEP }, /* Sandy Bridge EP */
    { 6, 0x3e, MODEL_SNBEP }, /* Ivy Bridge EP, EX */
    { 6, 0x3c, MODEL_HSW },   /* Haswell */
    { 6, 0x45, MODEL_HSW },
    { 6, 0x46, MODEL_HSW },
    { 6, 0x3d, MODEL_HSW }, /* Broadwell */
    { 6, 0x47, MODEL_HSW },
    { 6, 0x5c, MODEL_HSW }, /* Goldmont, D, Plus */
    { 6, 0x5f, MODEL_HSW },
    { 6, 0x7a, MODEL_HSW },
    { 6, 0x3f, MODEL_HSX }, /* Haswell EP, EX */
    { 6, 0x4f, MODEL_HSX }, /* Broadwell EP, D */
    { 6, 0x56, MODEL_HSX },
    { 6, 0x55, MODEL_HSX }, /* Skylake SP, Cascade Lake, Cooper Lake */
    { 6, 0x6a, MODEL_HSX }, /* Ice Lake SP, D */
    { 6, 0x6c, MODEL_HSX },
    { 6, 0x57, MODEL_KNL }, /* Knights Landing, Mill */
    { 6, 0x85, MODEL_KNL },
    { 6, 0x4e, MODEL_SKL }, /* Skylake */
    { 6, 0x5e, MODEL_SKL },
    { 6, 0x8e, MODEL_SKL }, /* Kaby Lake, Coffee Lake */
    { 6, 0x9e, MODEL_SKL },
    { 6, 0x66, MODEL_SKL }, /* Cannon Lake */
    { 6, 0x7d, MODEL_SKL }, /* Ice Lake */
    { 6, 0x7e, MODEL_SKL },
    { 6, 0xa5, MODEL_SKL }, /* Comet Lake */
    { 6, 0xa6, MODEL_SKL },
    { 6, 0x8c, MODEL_SKL }, /* Tiger Lake */
    { 6, 0x8d, MODEL_SKL },
    { 6, 0x97, MODEL_SKL }, /* Alder Lake, N */
    { 6, 0x9a, MODEL_SKL },
    { 6, 0xbe, MODEL_SKL },
    { 6, 0xb7, MODEL_SKL }, /* Raptor Lake */
    { 6, 0xba, MODEL_SKL },
    { 6, 0xbf, MODEL_SKL },
    { 6, 0xac, MODEL_SKL }, /* Meteor Lake */
    { 6, 0xaa, MODEL_SKL },
    { 6, 0xc5, MODEL_SKL }, /* Arrow Lake */
    { 6, 0xc6, MODEL_SKL },
    { 6, 0xb5, MODEL_SKL },
    { 6, 0xbd, MODEL_SKL }, /* Lunar Lake */
    { 6, 0x8f, MODEL_SPR }, /* Sapphire Rapids, Emerald Rapids */
    { 6, 0xcf, MODEL_SPR },
    { 6, 0x37, MODEL_SLM }, /* Silvermont, Airmont */
    { 6, 0x4a, MODEL_SLM },
    { 6, 0x4c, MODEL_SLM },
    { 6, 0x5a, MODEL_SLM },
};

/* intel_rapl_common.c, rapl_ids: 17h and on; Hygon's 18h is a licensed 17h. */
static const struct model_row model_amd[] = {
    { 0x17, MODEL_ANY, MODEL_AMD },
    { 0x18, MODEL_ANY, MODEL_AMD },
    { 0x19, MODEL_ANY, MODEL_AMD },
    { 0x1a, MODEL_ANY, MODEL_AMD },
};

static const struct jb_msr_profile *model_search(const struct model_row *rows,
                                                 size_t count,
                                                 const struct jb_cpuinfo *cpu)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].family == cpu->family &&
            (rows[i].model == MODEL_ANY ||
             (uint32_t)rows[i].model == cpu->model))
            return &model_profiles[rows[i].profile];
    return NULL;
}

const struct jb_msr_profile *jb_msr_profile_find(const struct jb_cpuinfo *cpu)
{
    if (strcmp(cpu->vendor, "GenuineIntel") == 0)
        return model_search(model_intel,
                            sizeof(model_intel) / sizeof(model_intel[0]), cpu);
    if (jb_cpuinfo_is_amd(cpu))
        return model_search(model_amd, sizeof(model_amd) / sizeof(model_amd[0]),
                            cpu);
    return NULL;
}

uint32_t jb_msr_register_of(const struct jb_msr_profile *profile,
                            const struct jb_msr_register *row)
{
    if (!(profile->domains & 1u << row->kind))
        return 0;
    return profile->unit_register == MODEL_AMD_UNIT ? row->amd : row->intel;
}

uint32_t jb_msr_info_of(const struct jb_msr_profile *profile,
                        enum jb_domain_kind kind)
{
    if (profile->unit_register == MODEL_AMD_UNIT)
        return 0;
    for (size_t i = 0; i < JB_MSR_REGISTERS; i++)
        if (jb_msr_registers[i].kind == kind)
            return jb_msr_registers[i].intel_info;
    return 0;
}

static int model_fixed_exponent(const struct jb_msr_profile *profile,
                                enum jb_domain_kind kind)
{
    if (kind == JB_DOMAIN_DRAM)
        return profile->dram_exponent;
    if (kind == JB_DOMAIN_PSYS)
        return profile->psys_exponent;
    return JB_MSR_UNIT_AS_SAID;
}

/* Bits 12:8 are the energy status unit, on AMD too. */
bool jb_msr_unit(const struct jb_msr_profile *profile, enum jb_domain_kind kind,
                 uint64_t unit_register, struct jb_unit *out)
{
    unsigned exponent = (unsigned)(unit_register >> 8) & 0x1f;
    int fixed = model_fixed_exponent(profile, kind);
    struct jb_unit unit = { .quantity = JB_QUANTITY_ENERGY,
                            .num = 1000000,
                            .den = 1,
                            .read_num = 1,
                            .read_den = 1,
                            .modulus = (uint64_t)UINT32_MAX + 1 };

    if (unit_register == 0)
        return false;
    if (fixed != JB_MSR_UNIT_AS_SAID)
        unit.den = UINT64_C(1) << fixed;
    else if (profile->atom)
        unit.num = UINT64_C(1) << exponent;
    else
        unit.den = UINT64_C(1) << exponent;
    *out = unit;
    return true;
}

/* Bits 3:0 of the unit register are the power unit, 2^-n W, of Atoms 2^n mW;
 * bits 14:0 of the info register are the TDP. */
uint64_t jb_msr_tdp_uw(const struct jb_msr_profile *profile,
                       uint64_t unit_register, uint64_t info_register)
{
    unsigned exponent = (unsigned)unit_register & 0xf;
    uint64_t steps = info_register & 0x7fff;

    if (profile->atom)
        return (steps << exponent) * 1000;
    return steps * 1000000 >> exponent;
}
