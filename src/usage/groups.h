/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroups of one hierarchy and the CPU time that the kernel counted for
 * each: cpuacct.usage (v1) in ns, usage_usec of cpu.stat (v2) in us.
 *
 * The tree is walked once; after that inotify says which directory changed,
 * and where it cannot (too many watches) that directory is read every turn.
 * Files of totals are kept open, within a ceiling.
 *
 * Paths are interned: an index stays with a cgroup while it exists.  Paths that
 * processes name but the tree does not show (another namespace, a mount that is
 * missing) get an index too, without totals.
 */
#ifndef JB_USAGE_GROUPS_H
#define JB_USAGE_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "core/topology.h"
#include "usage.h"

struct jb_groups;

/* Walks the tree below cgroupfs.  topology says which packages the CPUs of
 * cpuacct.usage_percpu are in; borrowed; NULL or one package: nothing to tell
 * apart.  A machine without such a tree is no error: jb_groups_note(). */
JB_NODISCARD int jb_groups_open(const char *cgroupfs,
                                const struct jb_usage_options *options,
                                const struct jb_topology *topology,
                                struct jb_groups **out, struct jb_error *err);

/* Accepts NULL. */
void jb_groups_close(struct jb_groups *groups);

/* Finds what came and went, and reads all totals.  Indexes that were called
 * gone in the turn before become free. */
void jb_groups_turn(struct jb_groups *groups, struct jb_usage_lost *lost);

/* The index of what a /proc/<pid>/cgroup says; a path not seen before is added.
 * JB_USAGE_GROUP_NONE at the ceiling, or when the text says nothing of the
 * hierarchy. */
uint32_t jb_groups_of_file(struct jb_groups *groups, const char *text,
                           size_t length, struct jb_usage_lost *lost);

/* The same for a path. */
uint32_t jb_groups_of_path(struct jb_groups *groups, const char *path,
                           size_t length, struct jb_usage_lost *lost);

/* Looks again for what came and went since the turn began; totals of new ones
 * are read at the next turn. */
void jb_groups_renew(struct jb_groups *groups, struct jb_usage_lost *lost);

/* The index of the cgroup whose directory has that inode number, which on
 * 64-bit machines is the kernel's id of it.  JB_USAGE_GROUP_NONE. */
uint32_t jb_groups_of_id(struct jb_groups *groups, uint64_t id);

/* Of an index that was kept from an earlier turn: whether it still means the
 * same cgroup.  Asking says also that somebody speaks of it. */
bool jb_groups_valid(struct jb_groups *groups, uint32_t index, uint32_t serial);

const struct jb_usage_group *jb_groups_rows(const struct jb_groups *groups,
                                            size_t *count);

/* Whether it is cgroup v1's cpuacct; if not it is v2. */
bool jb_groups_is_v1(const struct jb_groups *groups);

/* CPU time of all tasks since the turn before, in exact ns; false when the root
 * of the hierarchy does not say (v2's counts ticks). */
bool jb_groups_root_ns(const struct jb_groups *groups, uint64_t *ns);

/* usage_usec of a cpu.stat, in ns; false when it is missing or malformed. */
JB_NODISCARD bool jb_groups_parse_stat(const char *text, size_t length,
                                       uint64_t *ns);

/* cpuacct.usage_percpu: visits the ns of each CPU, 0 first.  False when there
 * is none, or something that is no number. */
JB_NODISCARD bool
jb_groups_parse_percpu(const char *text, size_t length,
                       void (*visit)(void *context, uint32_t cpu, uint64_t ns),
                       void *context);

#endif
