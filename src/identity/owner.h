/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one cgroup's path means as consumers: the job, step and task, the
 * container and pod, the unit and the user that its processes count for.
 *
 * Why here and not where usage is read: which consumer is inside which decides
 * who can be billed for whom.  Each is interned below what it lies in, as far
 * as the path shows, so a container that calls a directory of its own
 * "job_1" or "docker-<somebody's id>.scope" makes a new consumer inside
 * itself, and changes nobody else's.
 *
 * Ask once per cgroup and keep the answer.
 */
#ifndef JB_IDENTITY_OWNER_H
#define JB_IDENTITY_OWNER_H

#include "consumer.h"
#include "identity.h"

/* JB_CONSUMER_NONE where the path says nothing; JB_CONSUMER_OTHER where the
 * ceiling was reached.  Each holds a reference. */
struct jb_owner {
    uint32_t job, step, task;
    uint32_t container, outer_container, pod, machine;
    uint32_t unit, user;
    uint32_t leaf; /* the innermost of them that encloses processes (not the
                    * unit; the user only of what he made himself): parent for
                    * a cgroup or a process; holds no reference of its own */
};

/* Interns what the identity names; at_ns is when new ones were born. */
void jb_owner_init(struct jb_consumers *set, const struct jb_identity *identity,
                   uint64_t at_ns, struct jb_owner *out);

/* Gives the references back. */
void jb_owner_release(struct jb_consumers *set, struct jb_owner *owner);

#endif
