/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frequency at which a package's CPUs really ran, from the counters that
 * the kernel's msr PMU offers: APERF counts at the actual frequency, MPERF at
 * that of the time stamp counter, both only while a CPU is not idle (SDM volume
 * 3B, section 15.2; on AMD PPR, MSR0000_00E7 and 00E8).
 *
 * Their ratio over the window since the last read, over all CPUs of the package
 * together, times the TSC's rate over the same window: the mean over busy time.
 * What scaling_cur_freq says is a request or one instant; this is neither.
 */
#ifndef JB_CPUFREQ_EFFECTIVE_H
#define JB_CPUFREQ_EFFECTIVE_H

#include <stddef.h>
#include <stdint.h>

#include "core/topology.h"
#include "joulebook/plugin/source.h"

struct jb_effective;

/* Opens the counters on every CPU of the topology.  JB_EABSENT: this PMU does
 * not offer them (virtual machines); JB_EDENIED; JB_ELIMIT: they are more
 * descriptors than the process may have.  On success the caller owns *out. */
JB_NODISCARD int jb_effective_open(const struct jb_env *env,
                                   const struct jb_topology *topology,
                                   struct jb_effective **out,
                                   struct jb_error *err);

/* Accepts NULL. */
void jb_effective_close(struct jb_effective *effective);

/* The mean since the last read of that package, the first time since open.
 * JB_EABSENT when no CPU of it can be read; JB_EIMPLAUSIBLE when the counters
 * did not move.  Allocates nothing. */
JB_NODISCARD int jb_effective_read(struct jb_effective *effective,
                                   uint16_t package, uint64_t *hz);

/* aperf / mperf of what tsc did in ns, in Hz; 0 when a counter stood still or
 * the result fits no register. */
uint64_t jb_effective_hz(uint64_t aperf, uint64_t mperf, uint64_t tsc,
                         uint64_t ns);

#endif
