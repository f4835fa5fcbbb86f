/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which CPU sits in which package and on which die, as the kernel says it.
 *
 * Every source that speaks of packages asks here, so that "package-1" is the
 * same joules and the same CPUs for all of them.  Numbers are the kernel's
 * own (they can have holes), since powercap's zone names carry these too.
 * Only CPUs that are online have a topology; read again after a hot-plug.
 */
#ifndef JB_CORE_TOPOLOGY_H
#define JB_CORE_TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"
#include "joulebook/plugin/sensor.h"

/* Above any kernel's NR_CPUS (8192 in 2025); larger numbers are malformed. */
enum { JB_TOPOLOGY_CPU_MAX = 65535 };

struct jb_topology_cpu {
    uint32_t cpu;
    uint16_t package;
    int16_t die; /* JB_NO_DIE when its package has a single one */
};

struct jb_topology_package {
    uint16_t package;
    uint16_t dies; /* at least 1 */
    uint32_t cpus; /* online ones, at least 1 */
};

/* Both arrays ascend by their first member. */
struct jb_topology {
    struct jb_topology_cpu *cpus;
    struct jb_topology_package *packages;
    size_t cpu_count;
    size_t package_count;
};

/*
 * Reads <sysfs>/devices/system/cpu: the list of online CPUs, or where a
 * recording has no list the CPUs that have a topology.  A CPU of which the
 * kernel knows no package or die (no file, or -1) is in package 0, on die 0.
 * JB_EABSENT: the tree does not say which CPUs there are; JB_EFORMAT: a file is
 * malformed; JB_ENOMEM.  On success *out is owned by the caller:
 * jb_topology_free().
 */
JB_NODISCARD int jb_topology_read(const char *sysfs, struct jb_topology **out,
                                  struct jb_error *err);

/* Accepts NULL. */
void jb_topology_free(struct jb_topology *topology);

/* NULL when the CPU is not online; borrowed from the topology. */
const struct jb_topology_cpu *
jb_topology_find(const struct jb_topology *topology, uint32_t cpu);

/* NULL when no CPU of that package is online; borrowed from the topology. */
const struct jb_topology_package *
jb_topology_package(const struct jb_topology *topology, uint16_t package);

#endif
