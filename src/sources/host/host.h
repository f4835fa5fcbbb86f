/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of an open host source, shared by finding and reading.
 *
 * A group is one file of procfs.  A thing is one line of it: a CPU, a disk, an
 * interface.  Each thing has one or more sensors in a row, and each sensor an
 * item, where the group's reader puts what the file said.  So a file is read
 * and parsed once however many of its sensors are asked for.
 */
#ifndef JB_HOST_HOST_H
#define JB_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"
#include "joulebook/plugin/source.h"
#include "proc.h"

enum jb_host_file {
    JB_HOST_STAT,
    JB_HOST_MEMORY,
    JB_HOST_LOAD,
    JB_HOST_DISKS,
    JB_HOST_NETS,
    JB_HOST_FILES, /* how many there are; a mount's group is FILES + index */
};

enum { JB_HOST_THING_NAME_MAX = 40 };

struct jb_host_thing {
    char name[JB_HOST_THING_NAME_MAX]; /* "" for a CPU */
    uint32_t number;                   /* of a CPU */
    uint32_t package;                  /* of a CPU: index into packages */
    uint32_t item;                     /* first of its items */
    bool found;                        /* in what was read last */
};

struct jb_host_group {
    int fd;       /* kept open; -1 while it cannot be */
    char *buffer; /* made for twice what the file held when it was opened */
    size_t capacity;
    struct jb_host_thing *things; /* in the file's order, as far as known */
    size_t count, room;
    uint32_t placeholder; /* item that stands for a file without things */
    bool has_placeholder;
};

struct jb_host_package {
    uint16_t number;
    uint32_t item;
    uint64_t busy_ticks;
    bool joined; /* by a CPU since the last scan: its sum is another one */
};

struct jb_host_mount {
    char *device;
    char *path;
    uint32_t item; /* used, size */
    bool found;    /* mounted, as of the last scan */
    bool identified;
    uint64_t fsid; /* of the file system, once it was read */
};

/* Behind sensor i. */
struct jb_host_item {
    uint64_t raw;
    int state;
    uint32_t group;
    bool announced; /* its sensor was once readable */
};

struct jb_source {
    const struct jb_env *env;
    struct jb_sensor *sensors;
    struct jb_host_item *items; /* as many as sensors */
    size_t count, room;
    struct jb_host_group groups[JB_HOST_FILES];
    uint32_t times; /* first of the items of all CPUs together */
    bool has_times;
    struct jb_host_package *packages;
    size_t package_count;
    struct jb_host_mount *mounts;
    size_t mount_count, mount_room;
};

/* Below procfs: "stat", "net/dev", ... */
extern const char *const jb_host_file_names[JB_HOST_FILES];

/* Reads a file once and sets its items; no allocation.  The items carry the
 * states; the result is that of reading the file itself. */
int jb_host_read_file(struct jb_source *source, enum jb_host_file file);

/* The same for a mounted file system; can hang with its device. */
void jb_host_read_mount(struct jb_source *source, size_t mount);

/* What a file holds, into its group's buffer: JB_OK or why not.  *cut tells
 * that there was more than the buffer takes. */
JB_NODISCARD int jb_host_fill(struct jb_host_group *group,
                              enum jb_host_file file, struct jb_proc_text *text,
                              bool *cut);

/* Looks for a thing from `hint` on, where the file's order puts it.  NULL if
 * there is none. */
struct jb_host_thing *jb_host_find_cpu(const struct jb_host_group *group,
                                       uint32_t cpu, size_t hint);
struct jb_host_thing *jb_host_find_name(const struct jb_host_group *group,
                                        const struct jb_proc_word *name,
                                        size_t hint);

/* Finds everything anew: see rescan in plugin/source.h.  Fails for want of
 * memory or room only; a file's own trouble is in its sensors. */
JB_NODISCARD int jb_host_scan(struct jb_source *source, struct jb_error *err);

/* The part of it that looks at mounts. */
JB_NODISCARD int jb_host_scan_mounts(struct jb_source *source,
                                     struct jb_error *err);

#endif
