/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the names in a cgroup's path mean, as data: private to this folder.
 *
 * A path is read name by name.  Where one is (its place) says which rows may
 * hold; the first row that matches says what was found and which place is
 * next.  So "task_0" is a task only in a step, in a job, in Slurm.
 */
#ifndef JB_IDENTITY_PATH_TABLE_H
#define JB_IDENTITY_PATH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"
#include "pattern.h"

enum path_place {
    PATH_TOP = 1 << 0,    /* nothing but slices so far */
    PATH_BELOW = 1 << 1,  /* below something: a unit, a name we do not know */
    PATH_INSIDE = 1 << 2, /* right below a container: its engine's, or TOP */
    PATH_SLURM = 1 << 3,
    PATH_SLURM_JOB = 1 << 4,
    PATH_SLURM_STEP = 1 << 5,
    PATH_SLURM_USER = 1 << 6,
    PATH_PBS = 1 << 7,
    PATH_PBS_JOBS = 1 << 8,
    PATH_TORQUE = 1 << 9,
    PATH_OAR = 1 << 10,
    PATH_DOCKER = 1 << 11,
    PATH_KUBE = 1 << 12,
    PATH_KUBE_QOS = 1 << 13,
    PATH_POD = 1 << 14,
    PATH_LXC = 1 << 15,
    PATH_GARDEN = 1 << 16,
    PATH_ECS = 1 << 17,
    PATH_ECS_TASK = 1 << 18,
    PATH_APPTAINER = 1 << 19,
    PATH_MACHINES = 1 << 20,
    PATH_USERS = 1 << 21,
    PATH_ANY = (1 << 22) - 1,
};

/* What a capture of the pattern is. */
enum path_field {
    PATH_FIELD_NONE,
    PATH_FIELD_UID,
    PATH_FIELD_USER,
    PATH_FIELD_NODE,
    PATH_FIELD_JOB,      /* its number, which is its name too */
    PATH_FIELD_FULL_JOB, /* its number; the whole text is its name */
    PATH_FIELD_SLUID,
    PATH_FIELD_STEP,
    PATH_FIELD_HET,
    PATH_FIELD_TASK,
    PATH_FIELD_CONTAINER,
    PATH_FIELD_POD,
    PATH_FIELD_MACHINE,
};

struct path_row {
    uint32_t from; /* places in which it holds */
    const char *pattern;
    enum path_place to;
    enum path_field fields[JB_PATTERN_CAPTURES];
    /* What the name says without a capture; 0 is nothing. */
    enum jb_scheduler scheduler;
    enum jb_step_kind step;
    enum jb_runtime runtime;
    enum jb_pod_qos qos;
    bool special; /* task_special */
    bool overhead;
    bool rooted;    /* only root may say so: ignored in what is delegated */
    bool delegates; /* what is below is the user's own */
};

extern const struct path_row jb_path_rows[];
extern const size_t jb_path_row_count;

#endif
