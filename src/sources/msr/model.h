/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which RAPL registers a CPU model has, and in which units they count.
 *
 * The registers do not say: the unit register gives one unit, and some models
 * count some domains in another whatever it says.  So the models are rows of a
 * table, and a model that is not in it is refused: a guessed unit is a wrong
 * bill.  Pure: registers in, units out.
 */
#ifndef JB_MSR_MODEL_H
#define JB_MSR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "core/cpuinfo.h"
#include "joulebook/plugin/sensor.h"

enum { JB_MSR_UNIT_AS_SAID = -1 };

/* What models of one kind have in common. */
struct jb_msr_profile {
    uint32_t unit_register;
    uint32_t core_register; /* one core's energy, on each core; 0: none */
    uint32_t domains;       /* 1 << enum jb_domain_kind, of those it has */
    int8_t dram_exponent;   /* 2^-n J, or JB_MSR_UNIT_AS_SAID */
    int8_t psys_exponent;   /* the same */
    bool atom;              /* the unit register's exponents go the other way */
    bool die_counts;  /* a register counts its die, not the whole package */
    uint8_t headroom; /* what a package may draw for a while, times its TDP */
};

/* The registers of the domains, outermost first; 0: none. */
struct jb_msr_register {
    enum jb_domain_kind kind;
    uint32_t intel, amd; /* energy */
    uint32_t intel_info; /* power info: the thermal design power */
};

enum { JB_MSR_REGISTERS = 5 };
extern const struct jb_msr_register jb_msr_registers[JB_MSR_REGISTERS];

/* NULL for a model that is not known. */
const struct jb_msr_profile *jb_msr_profile_find(const struct jb_cpuinfo *cpu);

/* Where the profile's model keeps a domain's energy; 0: it has no such
 * domain. */
uint32_t jb_msr_register_of(const struct jb_msr_profile *profile,
                            const struct jb_msr_register *row);

/* Where it says a domain's thermal design power; 0: nowhere. */
uint32_t jb_msr_info_of(const struct jb_msr_profile *profile,
                        enum jb_domain_kind kind);

/* The unit of one domain from the unit register's value.  False when that is 0,
 * which no hardware says: a hypervisor that answers with zeros.  JB_DOMAIN_NONE
 * is one core. */
JB_NODISCARD bool jb_msr_unit(const struct jb_msr_profile *profile,
                              enum jb_domain_kind kind, uint64_t unit_register,
                              struct jb_unit *out);

/* A thermal design power from the unit and a power info register; 0 where it
 * is not said. */
uint64_t jb_msr_tdp_uw(const struct jb_msr_profile *profile,
                       uint64_t unit_register, uint64_t info_register);

#endif
