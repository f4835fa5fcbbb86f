/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up root.
 *
 * Meters are opened by root and read through kept descriptors by anybody, so a
 * broker needs nothing more once they are open, with one exception: a zone that
 * was unplugged is opened anew when it returns, which takes CAP_DAC_READ_SEARCH
 * (read any file, write none).  That is kept; user, groups and every other
 * capability go, for good.
 */
#ifndef JB_AGENT_PRIVILEGE_H
#define JB_AGENT_PRIVILEGE_H

#include <sys/types.h>

#include "base/own.h"
#include "joulebook/error.h"

/* The ids of a user by name.  JB_EUSAGE: there is none. */
JB_NODISCARD int jb_privilege_find_user(const char *name, uid_t *uid,
                                        gid_t *gid, struct jb_error *err);
JB_NODISCARD int jb_privilege_find_group(const char *name, gid_t *gid,
                                         struct jb_error *err);

/* Becomes that user, if root; in any case nothing can be gained any more.  Of
 * the calling thread and those that it starts: before any other thread.
 * JB_EDENIED when it cannot be done: the caller must not go on. */
JB_NODISCARD int jb_privilege_drop(uid_t uid, gid_t gid, struct jb_error *err);

#endif
