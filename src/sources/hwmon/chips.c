/* SPDX-License-Identifier: Apache-2.0 */
#include "chips.h"

#include <string.h>

#include "base/clock.h"
#include "core/plausible.h"

enum {
    /* Below powercap (5 to 20) and perf (10): the same registers, summed up
     * and scaled by one more driver. */
    CHIPS_RANK_RAPL = -10,
    CHIPS_RANK_RAIL = -20,  /* telemetry of a voltage regulator */
    CHIPS_RANK_POWER = -30, /* a power, where others count energy */
    /* Steps of a 32-bit register in its usual units, as microjoules. */
    CHIPS_QUANTUM_2_16 = 16, /* 2^-16 J: PPR of family 17h */
    CHIPS_QUANTUM_2_14 = 62, /* 2^-14 J: i915 and xe, PACKAGE_POWER_SKU_UNIT */
};

#define CHIPS_MS ((uint64_t)JB_NS_PER_MS)
#define CHIPS_S ((uint64_t)JB_NS_PER_S)

static const char chips_note_soc[] =
    "of the whole chip: CPU cores included (amdgpu on an APU)";

/* The driver adds up what its 32-bit register did since the last read. */
static const char chips_note_wrap[] =
    "counts wraps only while it is read every few minutes";

const struct jb_hwmon_rule jb_hwmon_rules[] = {
    /* Documentation/hwmon/coretemp.rst; "Physical" in older kernels. */
    { .chip = "coretemp",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "Package id ",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_LABEL },
    { .chip = "coretemp",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "Physical id ",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_LABEL },

    /* Documentation/hwmon/k10temp.rst: Tctl is for the fans, and on some
     * models up to 27 degrees above the die (the driver's tctl_offset_table);
     * Tdie is given where they differ.  Before family 17h there is one without
     * a label. */
    { .chip = "k10temp",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "Tdie",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_DEVICE },
    { .chip = "k10temp",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "Tctl",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_DEVICE },
    { .chip = "k10temp",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "",
      .number = 1,
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_DEVICE },

    /* zenpower: the regulator's telemetry of the rail that feeds the cores;
     * the SoC rail is no domain of its own. */
    { .chip = "zenpower",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "Tdie",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_DEVICE },
    { .chip = "zenpower",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "Tctl",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_DEVICE },
    { .chip = "zenpower",
      .kind = JB_HWMON_POWER,
      .item = -1,
      .label = "SVI2_P_Core",
      .domain = JB_DOMAIN_CORE,
      .place = JB_HWMON_PLACE_DEVICE,
      .rank = CHIPS_RANK_RAIL },

    /* Documentation/hwmon/fam15h_power.rst: the processor's power. */
    { .chip = "fam15h_power",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_INPUT,
      .number = 1,
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_DEVICE,
      .rank = CHIPS_RANK_POWER },

    /* Documentation/hwmon/amd_energy.rst.  "Esocket1" is not the package 1:
     * the driver reads the register on the first CPU of NUMA node 1, and a
     * package with several nodes is there as often.  "EcoreN" is one core, of
     * each once, and no domain. */
    { .chip = "amd_energy",
      .kind = JB_HWMON_ENERGY,
      .item = -1,
      .label = "Esocket",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_NODE,
      .flags = JB_HWMON_RULE_VIEW,
      .rank = CHIPS_RANK_RAPL,
      .quantum = CHIPS_QUANTUM_2_16,
      .update_ns = CHIPS_MS,
      .lag_ns = CHIPS_MS / 2,
      .lag_unc_ns = CHIPS_MS / 2 },
    { .chip = "zenergy",
      .kind = JB_HWMON_ENERGY,
      .item = -1,
      .label = "Esocket",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_NODE,
      .flags = JB_HWMON_RULE_VIEW,
      .rank = CHIPS_RANK_RAPL,
      .quantum = CHIPS_QUANTUM_2_16,
      .update_ns = CHIPS_MS,
      .lag_ns = CHIPS_MS / 2,
      .lag_unc_ns = CHIPS_MS / 2 },

    /* ACPI 4.0, 10.4: one meter is the machine's, unless it says otherwise:
     * NVIDIA Grace has one per rail, named by power1_oem_info (its DSDT;
     * DCGM reads the same).  Grace is CPU and SysIO together. */
    { .chip = "power_meter",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_AVERAGE,
      .label = "Grace Power Socket ",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_LABEL,
      .flags = JB_HWMON_RULE_METER | JB_HWMON_RULE_NOT_ZERO,
      .rank = CHIPS_RANK_POWER },
    { .chip = "power_meter",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_AVERAGE,
      .label = "CPU Power Socket ",
      .domain = JB_DOMAIN_CORE,
      .place = JB_HWMON_PLACE_LABEL,
      .flags = JB_HWMON_RULE_METER | JB_HWMON_RULE_NOT_ZERO,
      .rank = CHIPS_RANK_POWER },
    { .chip = "power_meter",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_AVERAGE,
      .label = "SysIO Power Socket ",
      .domain = JB_DOMAIN_NONE,
      .place = JB_HWMON_PLACE_LABEL,
      .flags = JB_HWMON_RULE_METER | JB_HWMON_RULE_NOT_ZERO },
    { .chip = "power_meter",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_AVERAGE,
      .label = "GPU Power Socket ",
      .domain = JB_DOMAIN_NONE,
      .place = JB_HWMON_PLACE_LABEL,
      .flags = JB_HWMON_RULE_METER | JB_HWMON_RULE_NOT_ZERO },
    { .chip = "power_meter",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_AVERAGE,
      .label = "Module Power Socket ",
      .domain = JB_DOMAIN_NONE,
      .place = JB_HWMON_PLACE_LABEL,
      .flags = JB_HWMON_RULE_METER | JB_HWMON_RULE_NOT_ZERO },
    { .chip = "power_meter",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_AVERAGE,
      .domain = JB_DOMAIN_PLATFORM,
      .flags = JB_HWMON_RULE_METER | JB_HWMON_RULE_NOT_ZERO },

    /* Documentation/gpu/amdgpu/thermal.rst.  A voltage "vddnb" is on APUs
     * only, where the power includes the CPU.  Vangogh has two channels with
     * the same average (their caps differ); others may have the average and
     * the present power.  How long the average is, is not documented: lag and
     * doubt are a guess that includes a second. */
    { .chip = "amdgpu",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_AVERAGE,
      .beside = "vddnb",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_DEVICE,
      .flags = JB_HWMON_RULE_VIEW | JB_HWMON_RULE_NOT_ZERO,
      .rank = CHIPS_RANK_POWER,
      .lag_ns = CHIPS_S / 2,
      .lag_unc_ns = CHIPS_S / 2,
      .note = chips_note_soc },
    { .chip = "amdgpu",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_INPUT,
      .beside = "vddnb",
      .domain = JB_DOMAIN_PACKAGE,
      .place = JB_HWMON_PLACE_DEVICE,
      .flags = JB_HWMON_RULE_VIEW | JB_HWMON_RULE_NOT_ZERO,
      .rank = CHIPS_RANK_POWER,
      .note = chips_note_soc },
    { .chip = "amdgpu",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_AVERAGE,
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU,
      .flags = JB_HWMON_RULE_VIEW | JB_HWMON_RULE_NOT_ZERO,
      .rank = CHIPS_RANK_POWER,
      .lag_ns = CHIPS_S / 2,
      .lag_unc_ns = CHIPS_S / 2 },
    { .chip = "amdgpu",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_INPUT,
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU,
      .flags = JB_HWMON_RULE_VIEW | JB_HWMON_RULE_NOT_ZERO,
      .rank = CHIPS_RANK_POWER },
    /* The die's edge; accelerators have the hottest point only. */
    { .chip = "amdgpu",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "edge",
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU },
    { .chip = "amdgpu",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "junction",
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU },
    { .chip = "amdgpu",
      .kind = JB_HWMON_FREQ,
      .item = -1,
      .label = "sclk",
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU },

    /* ABI/testing/sysfs-driver-intel-xe-hwmon: 1 is the card, 2 its package;
     * some cards have the second only.  The i915's are the device's. */
    { .chip = "xe",
      .kind = JB_HWMON_ENERGY,
      .item = -1,
      .number = 1,
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU,
      .quantum = CHIPS_QUANTUM_2_14,
      .note = chips_note_wrap },
    { .chip = "xe",
      .kind = JB_HWMON_ENERGY,
      .item = -1,
      .number = 2,
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU,
      .quantum = CHIPS_QUANTUM_2_14,
      .note = chips_note_wrap },
    { .chip = "xe",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .label = "pkg",
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU },
    { .chip = "i915",
      .kind = JB_HWMON_ENERGY,
      .item = -1,
      .number = 1,
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU,
      .quantum = CHIPS_QUANTUM_2_14,
      .note = chips_note_wrap },
    { .chip = "i915",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .number = 1,
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU },

    /* Documentation/gpu: one of each. */
    { .chip = "nouveau",
      .kind = JB_HWMON_POWER,
      .item = JB_HWMON_INPUT,
      .number = 1,
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU,
      .flags = JB_HWMON_RULE_NOT_ZERO,
      .rank = CHIPS_RANK_POWER },
    { .chip = "nouveau",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .number = 1,
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU },
    { .chip = "radeon",
      .kind = JB_HWMON_TEMP,
      .item = -1,
      .number = 1,
      .domain = JB_DOMAIN_GPU,
      .place = JB_HWMON_PLACE_GPU },
};

const size_t jb_hwmon_rule_count =
    sizeof(jb_hwmon_rules) / sizeof(jb_hwmon_rules[0]);

/* Reads that wait for somebody else: firmware that asks a BMC over IPMI or
 * I2C, a drive that is busy with itself, a GPU that sleeps. */
static const struct jb_hwmon_chip_row chips_rows[] = {
    { "power_meter", JB_HWMON_CHIP_BLOCKS, 0 },
    { "ibmaem", JB_HWMON_CHIP_BLOCKS, 0 },
    { "aem0", JB_HWMON_CHIP_BLOCKS, 0 },
    { "ibmpex", JB_HWMON_CHIP_BLOCKS, 0 },
    { "drivetemp", JB_HWMON_CHIP_BLOCKS, 0 },
    { "nvme", JB_HWMON_CHIP_BLOCKS, CHIPS_S },
    { "amdgpu", JB_HWMON_CHIP_BLOCKS, 0 },
    { "i915*", JB_HWMON_CHIP_BLOCKS, 0 },
    { "xe", JB_HWMON_CHIP_BLOCKS, 0 },
    { "nouveau", JB_HWMON_CHIP_BLOCKS, 0 },
    { "coretemp", 0, CHIPS_S },
    /* Documentation/hwmon/ina3221.rst: a channel is one switch. */
    { "ina3221", JB_HWMON_CHIP_IN_ENABLES_CURR, 0 },
};

bool jb_hwmon_matches(const char *pattern, const char *name)
{
    size_t length = strcspn(pattern, "*");

    if (pattern[length] == '*')
        return strncmp(pattern, name, length) == 0;
    return strcmp(pattern, name) == 0;
}

const struct jb_hwmon_chip_row *jb_hwmon_chip_row(const char *chip)
{
    static const struct jb_hwmon_chip_row unknown = { "", 0, 0 };

    for (size_t i = 0; i < sizeof(chips_rows) / sizeof(chips_rows[0]); i++)
        if (jb_hwmon_matches(chips_rows[i].chip, chip))
            return &chips_rows[i];
    return &unknown;
}

/* Narrower than physics: the ends of a chip's scale, where its reading goes
 * when nothing is connected. */
struct chips_limit {
    const char *chip;
    enum jb_hwmon_kind kind;
    int64_t lowest, highest;
    const char *why;
};

static const char chips_open[] =
    "the end of the chip's scale: nothing is connected";

static const struct chips_limit chips_limits[] = {
    /* Super I/O chips have 8 bits and a sign, some with a half: an open or
     * shorted input is 127, 127.5, -128 (their datasheets, "temperature data
     * format"); the IT87's is -55 too, which is below any computer. */
    { "nct6*", JB_HWMON_TEMP, -54999, 126999, chips_open },
    { "nct7*", JB_HWMON_TEMP, -54999, 126999, chips_open },
    { "it8*", JB_HWMON_TEMP, -54999, 126999, chips_open },
    { "w83*", JB_HWMON_TEMP, -54999, 126999, chips_open },
    { "f71*", JB_HWMON_TEMP, -54999, 126999, chips_open },
    /* NVMe 1.4, figure 196: kelvins in 16 bits, 0 for "not implemented". */
    { "nvme", JB_HWMON_TEMP, -60000, 150000,
      "0 K or all ones: the drive has no such sensor" },
};

void jb_hwmon_limits(const char *chip, enum jb_hwmon_kind kind, int64_t *lowest,
                     int64_t *highest, const char **why)
{
    const struct jb_hwmon_scale *scale = &jb_hwmon_scales[kind];
    struct jb_range range = jb_plausible_range(scale->quantity);

    *lowest = range.lowest / (int64_t)scale->micro;
    *highest = range.highest / (int64_t)scale->micro;
    *why = "no such thing is in a computer";
    for (size_t i = 0; i < sizeof(chips_limits) / sizeof(*chips_limits); i++) {
        if (chips_limits[i].kind != kind ||
            !jb_hwmon_matches(chips_limits[i].chip, chip))
            continue;
        *lowest = chips_limits[i].lowest;
        *highest = chips_limits[i].highest;
        *why = chips_limits[i].why;
        return;
    }
}
