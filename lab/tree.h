/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory tree that a layout looks like, as the kernel's powercap and
 * hwmon classes lay it out: /class/powercap/ holds symlinks into
 * /devices/virtual/powercap/, where a zone's children are directories in it.
 *
 * Only names, modes and faults are here; the FUSE server and the tmpfs writer
 * both walk it.  Nodes are never removed (unplugging hides them), so a node's
 * index is a stable inode number.
 */
#ifndef JB_LAB_TREE_H
#define JB_LAB_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"

#include "control.h"
#include "layout.h"

enum {
    JB_LAB_MAX_NODES = 1024, /* 32 zones x 20 files, with room */
    JB_LAB_LINK_SIZE = 256,
};

enum jb_lab_role {
    JB_LAB_DIR,
    JB_LAB_LINK,
    JB_LAB_ENERGY, /* energy_uj */
    JB_LAB_RANGE,  /* max_energy_range_uj */
    JB_LAB_NAME,
    JB_LAB_ENABLED,
    JB_LAB_UEVENT,
    JB_LAB_LIMIT_NAME, /* constraint_N_..., N in slot */
    JB_LAB_LIMIT_MAX,
    JB_LAB_LIMIT_POWER,
    JB_LAB_LIMIT_WINDOW,
    JB_LAB_METER_NAME, /* of hwmon0 */
    JB_LAB_METER_POWER,
    JB_LAB_METER_INTERVAL,
    JB_LAB_CONTROL,
    JB_LAB_STATUS,
};

/* What is wrong with a file, by command. */
struct jb_lab_fault {
    int error;         /* reads fail with it; 0: they do not */
    uint64_t delay_ns; /* reads take this much longer */
    bool has_text;     /* reads give these bytes instead */
    char text[JB_LAB_FAULT_TEXT];
    size_t text_len;
};

struct jb_lab_node {
    char name[JB_LAB_FILE_SIZE];
    enum jb_lab_role role;
    int parent;            /* index; the root is its own */
    int first_child, next; /* indices, -1 at the end */
    int zone;              /* the zone it vanishes with, -1: none */
    unsigned slot;
    unsigned mode; /* permission bits */
    char link[JB_LAB_LINK_SIZE];
    struct jb_lab_fault fault;
};

struct jb_lab_tree {
    unsigned node_count; /* node 0 is the root */
    struct jb_lab_node nodes[JB_LAB_MAX_NODES];
    int zone_dirs[JB_LAB_MAX_ZONES]; /* node of each zone's directory */
    int meter_dir;                   /* -1: no meter */
};

/* Builds the tree of a layout; JB_EUSAGE when it would be too large. */
int jb_lab_tree_init(struct jb_lab_tree *tree,
                     const struct jb_lab_layout *layout, struct jb_error *err);

/* Index of the child of that name, or -1. */
int jb_lab_tree_child(const struct jb_lab_tree *tree, int dir,
                      const char *name);

/* Path of a node from the root, without a leading slash. */
void jb_lab_tree_path(const struct jb_lab_tree *tree, int node, char *out,
                      size_t cap);

/* Text of a file that does not change with time (all but energy, power,
 * control and status): its length, or minus the errno a read gives. */
int jb_lab_tree_render(const struct jb_lab_layout *layout,
                       const struct jb_lab_node *node, char *out, size_t cap);

#endif
