/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frequency policies of a machine: which CPUs change their frequency
 * together, where their files are and what these say once and for all.
 *
 * Kernels since 4.3 have cpufreq/policyN with a link from each CPU; older ones
 * a directory in one CPU and links from those that share it.  A directory
 * counts once, however it is reached.
 */
#ifndef JB_CPUFREQ_POLICY_H
#define JB_CPUFREQ_POLICY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/file.h"
#include "core/topology.h"
#include "joulebook/error.h"

enum { JB_CPUFREQ_NAME_MAX = 24, JB_CPUFREQ_WORD_MAX = 24 };

struct jb_cpufreq_policy {
    char name[JB_CPUFREQ_NAME_MAX]; /* policy12; cpu12 of older kernels */
    char directory[JB_PATH_MAX];
    dev_t device;
    ino_t inode;
    uint32_t number;
    uint32_t cpus;  /* that it governs and that are online: its weight */
    int cpus_state; /* JB_OK, or why these could not be read */
    uint16_t package;
    uint64_t min_khz, max_khz, base_khz; /* 0: not said */
    char driver[JB_CPUFREQ_WORD_MAX], governor[JB_CPUFREQ_WORD_MAX];
};

struct jb_cpufreq_policies {
    struct jb_cpufreq_policy *list; /* by number */
    size_t count;
};

/* Finds them below <sysfs>/devices/system/cpu; topology may be NULL: then all
 * are in package 0.  JB_EABSENT when there are none; JB_ENOMEM; JB_ELIMIT.  On
 * success release *out. */
JB_NODISCARD int jb_cpufreq_find(const char *sysfs,
                                 const struct jb_topology *topology,
                                 struct jb_cpufreq_policies *out,
                                 struct jb_error *err);
void jb_cpufreq_policies_release(struct jb_cpufreq_policies *policies);

/* CPUs of a list such as "0-3 8" or "0 1 2": the kernel separates by blanks,
 * recordings by commas too.  Those that the topology knows; without one, all.
 * 0 when the text is no list.  *first is the lowest that counts. */
uint32_t jb_cpufreq_count_cpus(const char *text, size_t length,
                               const struct jb_topology *topology,
                               uint32_t *first);

#endif
