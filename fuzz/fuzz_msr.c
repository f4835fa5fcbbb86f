/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a register file may answer, as units and powers: two registers of 8
 * bytes, then the text of a /proc/cpuinfo.
 */
#include "fuzz.h"

#include <string.h>

#include "core/domain.h"
#include "core/unit.h"
#include "sources/msr/model.h"

/* A unit is between 2^-31 J and 2^31 uJ, and its counts are energy. */
static void fuzz_unit(const struct jb_msr_profile *profile,
                      enum jb_domain_kind kind, uint64_t said)
{
    struct jb_unit unit = { .num = 0 };
    struct jb_energy most;

    if (!jb_msr_unit(profile, kind, said, &unit)) {
        fuzz_require(said == 0 && unit.num == 0);
        return;
    }
    fuzz_require(unit.num > 0 && unit.den > 0);
    fuzz_require(unit.num <= UINT64_C(1) << 31);
    fuzz_require(unit.den <= UINT64_C(1) << 31);
    fuzz_require(unit.modulus == UINT64_C(1) << 32);
    most = jb_unit_energy(&unit, unit.modulus - 1);
    fuzz_require(most.uj >= 0 && most.uj < INT64_MAX);
}

static void fuzz_profile(const struct jb_msr_profile *profile, uint64_t said,
                         uint64_t info)
{
    fuzz_require((profile->domains & 1u << JB_DOMAIN_PACKAGE) != 0);
    for (size_t i = 0; i < JB_MSR_REGISTERS; i++) {
        const struct jb_msr_register *row = &jb_msr_registers[i];
        bool has = (profile->domains & 1u << row->kind) != 0;

        fuzz_require((jb_msr_register_of(profile, row) != 0) == has);
        fuzz_unit(profile, row->kind, said);
    }
    fuzz_unit(profile, JB_DOMAIN_NONE, said);
    /* 15 bits of at most 2^15 W each, of an Atom of 2^15 mW */
    fuzz_require(jb_msr_tdp_uw(profile, said, info) <=
                 UINT64_C(32767) * 32768 * 1000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct jb_msr_profile *profile;
    struct jb_cpuinfo cpu;
    uint64_t registers[2];

    if (size < sizeof(registers))
        return 0;
    memcpy(registers, data, sizeof(registers));
    jb_cpuinfo_parse((const char *)data + sizeof(registers),
                     size - sizeof(registers), &cpu);
    profile = jb_msr_profile_find(&cpu);
    fuzz_require(!profile || strcmp(cpu.vendor, "GenuineIntel") == 0 ||
                 jb_cpuinfo_is_amd(&cpu));
    if (profile)
        fuzz_profile(profile, registers[0], registers[1]);
    return 0;
}
