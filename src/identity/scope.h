/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes: what is being divided.  The host is one; so is each cgroup subtree
 * that counts as a node of its own (several slurmd on one kernel), a container
 * or a guest.  "The machine's busy time" is the scope's busy time, and its
 * capacity is what the share of somebody is a share of.
 *
 * A process is in the scope with the longest path that its cgroup's path
 * begins with, so that one inside another does not count twice; the host's is
 * "/", and takes what is in no other.
 *
 * Scopes are few and looked up once per cgroup, not per process: a list,
 * longest path first.  Not thread-safe.
 */
#ifndef JB_IDENTITY_SCOPE_H
#define JB_IDENTITY_SCOPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"
#include "word.h"

enum {
    JB_SCOPE_HOST = 0, /* id of the host */
    JB_SCOPES_MAX = 1024,
    JB_SCOPE_PACKAGES_MAX = 1024,
    JB_SCOPE_NAME_MAX = 80,
};

#define JB_SCOPE_NONE UINT32_MAX

enum jb_scope_kind {
    JB_SCOPE_KIND_HOST,
    JB_SCOPE_KIND_NODE, /* a cgroup subtree as a virtual node */
    JB_SCOPE_KIND_CONTAINER,
    JB_SCOPE_KIND_GUEST, /* a virtual machine */
};

/* In thousandths of a CPU, since a quota need not be whole. */
struct jb_scope_package {
    uint16_t package; /* the kernel's number */
    uint64_t capacity_mcpu;
};

struct jb_scope {
    uint32_t id; /* never used again */
    enum jb_scope_kind kind;
    uint64_t capacity_mcpu;
    const struct jb_scope_package *packages; /* ascending; may be none: a quota
                                              * says how much, not where */
    size_t package_count;
    struct jb_word path; /* "/", "/a/b": no '/' at its end */
    char name[JB_SCOPE_NAME_MAX];
};

/* What a new scope is; everything is copied. */
struct jb_scope_spec {
    enum jb_scope_kind kind;
    struct jb_word name;
    struct jb_word path;
    uint64_t capacity_mcpu;
    const struct jb_scope_package *packages;
    size_t package_count;
};

struct jb_scopes;

/* Starts with the host, whose path and kind need not be said.  On success
 * owned by the caller: jb_scopes_free().  Errors as jb_scopes_add(). */
JB_NODISCARD int jb_scopes_new(const struct jb_scope_spec *host,
                               struct jb_scopes **out, struct jb_error *err);

/* Accepts NULL. */
void jb_scopes_free(struct jb_scopes *scopes);

/*
 * Adds one.  JB_EUSAGE: no capacity; packages that do not ascend, or that
 * hold more than the whole; a path that is not absolute, has a name "." or
 * "..", is "/", or is a scope already; a second host; JB_ELIMIT: too many, or a
 * path too long; JB_ENOMEM.
 */
JB_NODISCARD int jb_scopes_add(struct jb_scopes *scopes,
                               const struct jb_scope_spec *spec, uint32_t *id,
                               struct jb_error *err);

/* What was borrowed from it is gone.  The host stays, and an id that is not in
 * use is left alone. */
void jb_scopes_remove(struct jb_scopes *scopes, uint32_t id);

/* The scope of a cgroup's path, at least the host; also of a path that begins
 * with "/..", since what lies above it is not shown.  Borrowed until it is
 * removed. */
const struct jb_scope *jb_scopes_find(const struct jb_scopes *scopes,
                                      struct jb_word path);

/* Borrowed until it is removed; NULL when not in use. */
const struct jb_scope *jb_scopes_get(const struct jb_scopes *scopes,
                                     uint32_t id);

/* The smallest scope around this one; JB_SCOPE_NONE for the host and for an id
 * that is not in use. */
uint32_t jb_scopes_parent(const struct jb_scopes *scopes, uint32_t id);

/* Those in use, in the order in which they are looked up. */
size_t jb_scopes_count(const struct jb_scopes *scopes);
const struct jb_scope *jb_scopes_at(const struct jb_scopes *scopes,
                                    size_t index);

/* "host", "node", "container", "guest". */
const char *jb_scope_kind_name(enum jb_scope_kind kind);

#endif
