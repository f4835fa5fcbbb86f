/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a process belongs to, read from the path of its cgroup.
 *
 * Why the path: it is there for every process, costs one small read, needs no
 * command of a scheduler or a container engine, and stays true after a process
 * has left its parent.  What paths look like is a table (path_table.c), since
 * every release of Slurm, systemd, docker and Kubernetes has its own.
 *
 * Pure text: no file is read and nothing is allocated here.  Nothing is
 * guessed either: what a path does not say stays empty.
 *
 * Whom to believe: directories above the first one that is delegated are made
 * by root.  Below user@<uid>.service a user makes what directories he likes,
 * below a container its root does.  So a job and a uid are taken only from
 * what root made, or from inside a container that root made; whoever bills by
 * names from further inside must keep them apart by what they lie in, as
 * owner.h does.
 */
#ifndef JB_IDENTITY_IDENTITY_H
#define JB_IDENTITY_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "cgroup.h"
#include "word.h"

enum {
    JB_POD_UID_MAX = 64,
    JB_STEP_NAME_MAX = 24,
    JB_CGROUP_DEPTH_MAX = 64, /* names of a path that are read */
};

/* No such number: of a task, of a step's component, of a user. */
#define JB_TASK_NONE UINT32_MAX
#define JB_TASK_SPECIAL (UINT32_MAX - 1) /* a step's own task_special */
#define JB_HET_NONE UINT32_MAX
#define JB_UID_NONE UINT32_MAX

enum jb_scheduler {
    JB_SCHEDULER_NONE,
    JB_SCHEDULER_SLURM,
    JB_SCHEDULER_PBS,
    JB_SCHEDULER_TORQUE,
    JB_SCHEDULER_OAR,
};

enum jb_step_kind {
    JB_STEP_NONE,
    JB_STEP_NUMBERED,
    JB_STEP_BATCH,
    JB_STEP_EXTERN,
    JB_STEP_INTERACTIVE,
};

enum jb_runtime {
    JB_RUNTIME_NONE,
    JB_RUNTIME_UNKNOWN, /* a container for certain; its engine is not said */
    JB_RUNTIME_DOCKER,
    JB_RUNTIME_CONTAINERD,
    JB_RUNTIME_PODMAN,
    JB_RUNTIME_CRIO,
    JB_RUNTIME_LXC,
    JB_RUNTIME_NSPAWN,      /* or whatever else is registered with machined */
    JB_RUNTIME_LIBVIRT,     /* a virtual machine */
    JB_RUNTIME_LIBVIRT_LXC, /* a container of libvirt */
    JB_RUNTIME_APPTAINER,
    JB_RUNTIME_GARDEN,
    JB_RUNTIME_ECS,
};

enum jb_pod_qos {
    JB_POD_QOS_NONE,
    JB_POD_QOS_GUARANTEED,
    JB_POD_QOS_BURSTABLE,
    JB_POD_QOS_BESTEFFORT,
};

/* Every word is a piece of the path, as it is written there; empty when the
 * path does not say.  Where things lie in each other, the innermost is meant;
 * outermost are outer_container and outer_unit, the job and the uid. */
struct jb_identity {
    enum jb_scheduler scheduler;
    enum jb_step_kind step_kind;
    struct jb_word node;     /* of several slurmd on one kernel; else empty */
    struct jb_word job_name; /* "4", "sBR1JB8J1YM400", "1182724.batch", ... */
    uint64_t job;   /* raw number, also in arrays; 0: none, or a SLUID only */
    uint64_t sluid; /* 0: none */
    uint32_t step;  /* when JB_STEP_NUMBERED */
    uint32_t het_component; /* of a heterogeneous step, else JB_HET_NONE */
    uint32_t task;          /* on this node, or JB_TASK_NONE, JB_TASK_SPECIAL */

    enum jb_runtime runtime;        /* of container */
    enum jb_runtime outer_runtime;  /* of outer_container */
    struct jb_word container;       /* its id, or its name where it has none */
    struct jb_word outer_container; /* the same piece unless nested */
    enum jb_pod_qos qos;
    struct jb_word pod; /* UID; jb_pod_uid() writes it as Kubernetes does */

    enum jb_runtime machine_runtime;
    struct jb_word machine; /* virtual machine, nspawn: escaped as by systemd */

    struct jb_word unit;       /* service, scope, socket, mount, swap */
    struct jb_word outer_unit; /* the same piece unless nested */
    struct jb_word slice;
    struct jb_word user; /* a user's name, where that is what is written */
    uint32_t uid;        /* or JB_UID_NONE */

    bool overhead;  /* slurmstepd, conmon and such: not what they look after */
    bool delegated; /* below a user's own service manager */
    bool relative;  /* begins with "/..": seen from inside a namespace, which
                     * does not show what lies above */
};

/*
 * Reads a path, with or without the leading '/'; any bytes.  A path longer than
 * JB_CGROUP_PATH_MAX is nobody's, and of a deep one the first
 * JB_CGROUP_DEPTH_MAX names count: real ones have twenty, and somebody who
 * nests directories must not make this slow.  *out points into the path.
 */
void jb_identity_of_path(struct jb_word path, struct jb_identity *out);

/*
 * Reads a whole /proc/<pid>/cgroup and answers for the line that says most: a
 * job, then a step and a task, a container or machine, a unit, a user, a
 * slice; where two say the same the one of CPU accounting, then the unified
 * one, then systemd's.  *line, which may be NULL, is that line.  False, with
 * *out empty and *line untouched, when there is no well-formed line.
 */
bool jb_identity_of_file(const char *text, size_t length,
                         struct jb_identity *out, struct jb_cgroup_line *line);

/* "slurm", "pbs", "torque", "oar"; "" for none. */
const char *jb_scheduler_name(enum jb_scheduler scheduler);

/* "docker", "containerd", ...; "container" when unknown; "" for none. */
const char *jb_runtime_name(enum jb_runtime runtime);

/* "guaranteed", "burstable", "besteffort"; "" for none. */
const char *jb_pod_qos_name(enum jb_pod_qos qos);

/* "0", "0+1", "batch", "extern", "interactive"; "" for none.  Returns out. */
const char *jb_identity_step_name(const struct jb_identity *identity,
                                  char out[JB_STEP_NAME_MAX]);

/* The pod's UID with '-' for '_', cut to fit; "" for none.  Returns out. */
const char *jb_pod_uid(const struct jb_identity *identity,
                       char out[JB_POD_UID_MAX]);

/* Undoes systemd's \xNN and makes the rest plain: "my\x2dvm" is my-vm.
 * size at least 1; cut to fit.  Returns out. */
const char *jb_unit_plain(struct jb_word escaped, char *out, size_t size);

/* "getty@tty1.service" is the template "getty" for "tty1".  False, with both
 * untouched, for a unit that is not made from a template. */
bool jb_unit_template(struct jb_word unit, struct jb_word *template,
                      struct jb_word *instance);

#endif
