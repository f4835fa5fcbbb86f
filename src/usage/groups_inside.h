/* SPDX-License-Identifier: Apache-2.0 */
/* What groups.c (the tree) and group_totals.c (its figures) share. */
#ifndef JB_USAGE_GROUPS_INSIDE_H
#define JB_USAGE_GROUPS_INSIDE_H

#include "base/file.h"
#include "chain.h"
#include "groups.h"

/* Behind the row with the same index. */
struct jb_groups_node {
    uint64_t id;     /* inode of its directory; 0: not in the tree */
    uint64_t spoken; /* last turn in which somebody spoke of it */
    uint64_t seen;   /* last reading of its parent's directory that showed it */
    char *path;      /* the row's */
    size_t path_length;
    uint32_t serial; /* of the row, also while the index is free */
    int fd;          /* of its totals, or -1 */
    int watch;       /* or -1 */
    bool used;       /* the index is taken */
    bool dirty;      /* its directory must be read */
    bool read;       /* its directory was read before */
    bool based;      /* its total was read before */
};

struct jb_groups {
    char root[JB_PATH_MAX];
    const char *controller; /* as in /proc/<pid>/cgroup */
    const struct jb_topology *topology;
    struct jb_usage_group *rows;
    struct jb_groups_node *nodes;
    uint64_t *place_total_ns, *place_ns; /* places of each index, or NULL */
    uint64_t *place_now_ns;              /* places of the one being read */
    char *text;                          /* of usage_percpu */
    size_t places;
    size_t count, capacity, max;
    size_t free;  /* indexes below count that are not taken */
    size_t dirty; /* directories to be read */
    size_t fds, fds_max;
    struct jb_chain by_path, by_id, by_watch;
    uint64_t secret, turn;
    uint64_t readings; /* of directories */
    uint64_t refused;  /* during the first walk, not yet told */
    int notify;        /* inotify, or -1 */
    bool complete;     /* the first walk is over: what is new began at 0 */
    bool in_tree;      /* the hierarchy is mounted */
    bool v1;
};

/* Reads the totals of all. */
void jb_groups_read(struct jb_groups *groups, struct jb_usage_lost *lost);

/* Opens the file of totals of one, as far as the ceiling allows. */
void jb_groups_keep(struct jb_groups *groups, uint32_t index);

/* It is gone, and what lies below it. */
void jb_groups_bury(struct jb_groups *groups, uint32_t index);

#endif
