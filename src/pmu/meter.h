/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event of one CPU, counted by the kernel: perf_event_open and what its
 * failures mean.
 *
 * Events that have to be read at one instant form a group: the first is its
 * leader, opened before the others, and one read gives them all.
 */
#ifndef JB_PMU_METER_H
#define JB_PMU_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "event.h"
#include "joulebook/plugin/source.h"

enum { JB_PERF_GROUP_MAX = 4 };

struct jb_perf_meter {
    int fd; /* -1 while it cannot be read */
    uint32_t type;
    uint32_t cpu;
    struct jb_perf_config config;
    int leader_fd;  /* of its group; -1: it leads one, or stands alone */
    bool is_leader; /* of a group: reads give every member */
    bool seen;      /* by the caller's scan that is running */
};

/* Opens meter->fd, or says in *err why not and what would help.  label is
 * how the event is called. */
JB_NODISCARD int jb_perf_meter_open(const struct jb_env *env, const char *label,
                                    struct jb_perf_meter *meter,
                                    struct jb_error *err);

/* One count.  JB_EABSENT when the event is gone with its CPU or driver. */
JB_NODISCARD int jb_perf_meter_read(const struct jb_perf_meter *meter,
                                    uint64_t *raw);

/* The counts of a leader and its members, in the order of their opening; count
 * of them, at most JB_PERF_GROUP_MAX.  JB_EFORMAT: it has other members. */
JB_NODISCARD int jb_perf_meter_read_group(const struct jb_perf_meter *leader,
                                          uint64_t *raw, size_t count);

/* Accepts a closed one. */
void jb_perf_meter_close(struct jb_perf_meter *meter);

#endif
