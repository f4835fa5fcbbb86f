/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of /proc/<pid>/cgroup: "4:memory:/path" for each hierarchy of
 * cgroup v1, and "0::/path" for the unified one.  Paths may hold ':' and
 * blanks, but no newline (cgroup_mkdir() in kernel/cgroup/cgroup.c refuses
 * it).
 */
#ifndef JB_IDENTITY_CGROUP_H
#define JB_IDENTITY_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "word.h"

/* PATH_MAX: the kernel prints no longer one. */
enum { JB_CGROUP_PATH_MAX = 4096 };

struct jb_cgroup_line {
    uint32_t hierarchy;         /* 0: the unified one */
    struct jb_word controllers; /* "cpu,cpuacct", "name=systemd"; "" in v2 */
    struct jb_word path;        /* begins with '/' */
    bool deleted; /* the directory is gone, its process not (" (deleted)") */
};

/*
 * Takes the next well-formed line off the front of *rest; others are passed
 * over.  False at the end.  A directory whose own name ends in " (deleted)"
 * cannot be told from one that is gone.
 */
JB_NODISCARD bool jb_cgroup_next(struct jb_word *rest,
                                 struct jb_cgroup_line *out);

/* Whether the line is of that controller, "cpuacct" or "name=systemd"; "" asks
 * for the unified hierarchy. */
bool jb_cgroup_has(const struct jb_cgroup_line *line, const char *controller);

#endif
