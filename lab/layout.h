/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the virtual machine is made of: zones, their counters, what each one
 * physically contains, and the platform meter.
 *
 * Containment is physics, not directories: `inside` says whose joules include
 * this zone's, `sysfs_parent` only where its directory is.  On real machines
 * the two differ (dram lies in the package's directory and outside its
 * energy), and programs that add up directories get it wrong.
 *
 * The built-in layouts are texts in the same language as a user's own file,
 * read by the same parser.  The language is in docs/reference/lab.md.
 */
#ifndef JB_LAB_LAYOUT_H
#define JB_LAB_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"

#include "waveform.h"

enum {
    JB_LAB_MAX_ZONES = 32,
    JB_LAB_MAX_LIMITS = 3,
    JB_LAB_PATH_SIZE = 40,
    JB_LAB_NAME_SIZE = 24,
    /* The meter remembers this many of its intervals. */
    JB_LAB_MAX_LAG_INTERVALS = 32,
    JB_LAB_MAX_CPUS = 16,
    JB_LAB_MAX_REGISTERS = 8,
    JB_LAB_MAX_TEMPERATURES = 8,
    JB_LAB_MAX_POLICIES = JB_LAB_MAX_CPUS,
};

/* counts = fJ * num / den, rounded down. */
struct jb_lab_unit {
    uint64_t num;
    uint64_t den;
};

/* A power limit, as the constraint_N_ files show it. */
struct jb_lab_limit {
    char name[JB_LAB_NAME_SIZE];
    bool has_max; /* false: constraint_N_max_power_uw answers ENODATA */
    int64_t max_uw;
    int64_t power_uw;
    uint64_t window_us;
};

struct jb_lab_zone {
    char path[JB_LAB_PATH_SIZE]; /* intel-rapl:0:1 */
    char name[JB_LAB_NAME_SIZE]; /* what the name file says */
    int sysfs_parent;            /* index of the zone whose directory this
                                  * one lies in, -1: the control type's */
    int inside;                  /* index of the zone that physically contains
                                  * this one, -1: none */
    int mirror;                  /* index of the zone whose counter this one
                                  * serves too, -1: it has its own */
    struct jb_lab_unit unit;     /* of the hardware counter */
    struct jb_lab_unit shown;    /* text = count * num / den, rounded down */
    uint64_t modulus;            /* in counts */
    uint64_t start;              /* counts at the start, below modulus */
    bool start_given;
    unsigned mode; /* of energy_uj */
    bool enabled;
    unsigned limit_count;
    struct jb_lab_limit limits[JB_LAB_MAX_LIMITS];
    struct jb_lab_wave wave; /* own power, without what lies inside */
    uint32_t msr;            /* register that holds the counter; 0: none */
    unsigned msr_package;    /* on every CPU of this package */
};

/* A register that always reads the same, on every CPU. */
struct jb_lab_register {
    uint32_t number;
    uint64_t value;
};

/* What processors there are, as /proc/cpuinfo, the topology and
 * /dev/cpu/N/msr show them.  CPUs are numbered package by package; none has a
 * second thread. */
struct jb_lab_cpus {
    unsigned count; /* 0: the machine says nothing of its processors */
    unsigned packages;
    char vendor[JB_LAB_NAME_SIZE];
    unsigned family, model, stepping;
    unsigned register_count;
    struct jb_lab_register registers[JB_LAB_MAX_REGISTERS];
};

/* A sensor that follows a zone's power at once: ambient + rise x power, see
 * jb_lab_world_temperature(). */
struct jb_lab_temperature {
    char chip[JB_LAB_NAME_SIZE];    /* what hwmon's name file says */
    char label[JB_LAB_NAME_SIZE];   /* empty: it has none */
    char thermal[JB_LAB_NAME_SIZE]; /* type of a thermal zone that shows the
                                     * same; empty: none does */
    int zone;
    int64_t ambient_mdegc;
    int64_t rise_mdegc; /* per watt */
};

/* CPUs whose frequency follows a zone's power: min at none, max from full on,
 * see jb_lab_world_frequency(). */
struct jb_lab_policy {
    unsigned first, last; /* CPUs */
    int zone;
    uint64_t min_khz, base_khz, max_khz;
    int64_t full_uw;
};

/* A platform meter that answers late: means over whole intervals. */
struct jb_lab_meter {
    bool present;
    uint64_t interval_ns; /* a multiple of grid_ns */
    uint64_t lag_ns;
    struct jb_lab_wave rest; /* node power that no zone counts */
};

struct jb_lab_layout {
    char name[JB_LAB_NAME_SIZE];
    uint64_t grid_ns; /* counters move only at these instants */
    unsigned zone_count;
    struct jb_lab_zone zones[JB_LAB_MAX_ZONES];
    struct jb_lab_meter meter;
    struct jb_lab_cpus cpus;
    unsigned temperature_count, policy_count;
    struct jb_lab_temperature temperatures[JB_LAB_MAX_TEMPERATURES];
    struct jb_lab_policy policies[JB_LAB_MAX_POLICIES];
};

/* Reads a whole layout.  Pure and bounded: any bytes may be given.  JB_EFORMAT
 * names the line and what is wrong with it; JB_ENOMEM.  On failure `out` is
 * untouched. */
int jb_lab_layout_parse(const char *text, size_t len, struct jb_lab_layout *out,
                        struct jb_error *err);

/* A built-in name (client server full amd fast xeon epyc) or else the path of a
 * file of at most 64 KiB.  JB_EABSENT when it is neither. */
int jb_lab_layout_load(const char *name_or_path, struct jb_lab_layout *out,
                       struct jb_error *err);

/* The text of a built-in layout, NULL when there is none of that name. */
const char *jb_lab_layout_builtin(const char *name);

/* The package of a CPU. */
unsigned jb_lab_layout_package(const struct jb_lab_layout *layout,
                               unsigned cpu);

/* Index of the zone of that path, or -1. */
int jb_lab_layout_find(const struct jb_lab_layout *layout, const char *path);

#endif
