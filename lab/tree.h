/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory tree that a layout looks like, as the kernel's classes lay it
 * out: /class/powercap/ holds symlinks into /devices/virtual/powercap/, where a
 * zone's children are directories in it.
 *
 * The root looks like /sys.  Beside what sysfs has, it holds proc/ and dev/ of
 * the same machine, and sys/ with links to the root's class and devices: so it
 * looks like the root of a machine, too.
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
    /* 32 zones x 20 files, 16 CPUs x 22, with room */
    JB_LAB_MAX_NODES = 2048,
    JB_LAB_LINK_SIZE = 256,
    /* The meter, temperatures with their thermal zones, policies, CPUs. */
    JB_LAB_MAX_DEVICES =
        1 + 2 * JB_LAB_MAX_TEMPERATURES + JB_LAB_MAX_POLICIES + JB_LAB_MAX_CPUS,
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
    JB_LAB_CHIP_NAME, /* of a temperature, its index in slot */
    JB_LAB_CHIP_LABEL,
    JB_LAB_CHIP_INPUT,
    JB_LAB_THERMAL_TYPE,
    JB_LAB_THERMAL_TEMP,
    JB_LAB_CPU_LIST,    /* online, present, possible */
    JB_LAB_CPU_NUMBER,  /* core_id and lists of the CPU itself, in slot */
    JB_LAB_CPU_PACKAGE, /* of the CPU in slot */
    JB_LAB_CPU_DIE,
    JB_LAB_POLICY_CPUS, /* of the policy in slot */
    JB_LAB_POLICY_MIN,
    JB_LAB_POLICY_MAX,
    JB_LAB_POLICY_BASE,
    JB_LAB_POLICY_DRIVER,
    JB_LAB_POLICY_GOVERNOR,
    JB_LAB_POLICY_CUR,
    JB_LAB_MSR,     /* of the CPU in slot: the offset is the register */
    JB_LAB_CPUINFO, /* a page, see jb_lab_tree_cpuinfo() */
    JB_LAB_CONTROL,
    JB_LAB_STATUS,
};

/* What a file of one number shows that changes with time. */
static inline bool jb_lab_role_is_gauge(enum jb_lab_role role)
{
    return role == JB_LAB_METER_POWER || role == JB_LAB_CHIP_INPUT ||
           role == JB_LAB_THERMAL_TEMP || role == JB_LAB_POLICY_CUR;
}

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
    int device;            /* the device it vanishes with, -1: none */
    unsigned slot;
    unsigned mode; /* permission bits */
    char link[JB_LAB_LINK_SIZE];
    struct jb_lab_fault fault;
};

/* A directory that is no zone's, by the name that commands know it by. */
struct jb_lab_device {
    char name[JB_LAB_FILE_SIZE]; /* hwmon1, thermal_zone0, policy2, cpu3 */
    int dir;                     /* node */
    const char *file;            /* the one that commands mean, static */
    enum jb_lab_role role;       /* of that file */
    unsigned slot;
    bool unplugged;
};

struct jb_lab_tree {
    unsigned node_count; /* node 0 is the root */
    struct jb_lab_node nodes[JB_LAB_MAX_NODES];
    int zone_dirs[JB_LAB_MAX_ZONES]; /* node of each zone's directory */
    unsigned device_count;
    struct jb_lab_device devices[JB_LAB_MAX_DEVICES];
};

/* Builds the tree of a layout; JB_EUSAGE when it would be too large. */
int jb_lab_tree_init(struct jb_lab_tree *tree,
                     const struct jb_lab_layout *layout, struct jb_error *err);

/* Index of the child of that name, or -1. */
int jb_lab_tree_child(const struct jb_lab_tree *tree, int dir,
                      const char *name);

/* Index of the device of that name, or -1. */
int jb_lab_tree_device(const struct jb_lab_tree *tree, const char *name);

/* Path of a node from the root, without a leading slash. */
void jb_lab_tree_path(const struct jb_lab_tree *tree, int node, char *out,
                      size_t cap);

/* Text of a file that does not change with time (all but energy, gauges,
 * registers and pages): its length, or minus the errno a read gives. */
int jb_lab_tree_render(const struct jb_lab_layout *layout,
                       const struct jb_lab_node *node, char *out, size_t cap);

/* The text of /proc/cpuinfo, appended to `out`. */
void jb_lab_tree_cpuinfo(const struct jb_lab_layout *layout,
                         struct jb_lab_text *out);

#endif
