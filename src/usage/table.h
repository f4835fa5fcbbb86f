/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that are followed between turns.
 *
 * Several may have one number: one that ended and whose exit record was not
 * read yet, and one that got its number since.  The newest is found first, the
 * oldest is what an exit record speaks of.
 */
#ifndef JB_USAGE_TABLE_H
#define JB_USAGE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "chain.h"
#include "usage.h"

enum jb_process_flag {
    JB_PROCESS_USED = 1 << 0,
    JB_PROCESS_KERNEL = 1 << 1,
    JB_PROCESS_READ = 1 << 2,  /* its files were read at least once */
    JB_PROCESS_ALONE = 1 << 3, /* one thread: schedstat has all its time */
    JB_PROCESS_HAS_UID = 1 << 4,
    JB_PROCESS_LISTED = 1 << 6, /* the last listing showed it */
    JB_PROCESS_PARENT = 1 << 8, /* it has forked since it was last read */
    JB_PROCESS_THREAD = 1 << 7, /* not a process but a thread of ppid: kept
                                   where exit records name no process */
};

struct jb_process {
    uint32_t pid, ppid, uid;
    uint32_t group, group_serial;
    uint32_t threads;
    uint64_t start_ticks;
    uint64_t cpu_ns;   /* cumulative, as far as it was handed out */
    uint64_t base_ns;  /* cpu_ns - schedstat of the leading thread */
    uint64_t ended_ns; /* threads that ended, by their exit records */
    uint32_t slices;   /* of schedstat, modulo 2^32 */
    uint32_t due;      /* turn of the next reading, modulo 2^32 */
    uint32_t last;     /* turn of the last reading */
    int fd;            /* schedstat or stat, or -1 */
    uint16_t flags;    /* enum jb_process_flag */
    uint16_t cpu;
    uint8_t rest;   /* turns between two readings */
    uint8_t active; /* readings that found it had run, saturating */
    char comm[JB_USAGE_COMM_MAX];
};

struct jb_table {
    struct jb_process *rows;
    struct jb_chain by_pid;
    size_t count; /* indexes that were ever taken */
    size_t capacity, max;
    size_t used;   /* indexes taken now */
    uint32_t free; /* first of a list through due, or JB_CHAIN_END */
    size_t kept;   /* descriptors */
};

void jb_table_init(struct jb_table *table, size_t max);

/* Closes all descriptors. */
void jb_table_release(struct jb_table *table);

/* A new one, all zeros but its number and fd; NULL at the ceiling or without
 * memory.  Moves the rows: pointers to them end here. */
struct jb_process *jb_table_add(struct jb_table *table, uint32_t pid);

void jb_table_remove(struct jb_table *table, struct jb_process *process);

void jb_table_close_fd(struct jb_table *table, struct jb_process *process);

/* NULL when there is none; after(): the next older one with the same number. */
struct jb_process *jb_table_newest(const struct jb_table *table, uint32_t pid);
struct jb_process *jb_table_after(const struct jb_table *table,
                                  const struct jb_process *process);
struct jb_process *jb_table_oldest(const struct jb_table *table, uint32_t pid);

#endif
