/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket that clients connect to.
 *
 * A broker that was killed leaves its socket behind, and two that start at once
 * must not take it from one another: a lock beside it (PATH.lock), which goes
 * with its holder, says whose it is.  Nothing is removed that is not a socket
 * of this user to which nobody listens.
 */
#ifndef JB_AGENT_DOOR_H
#define JB_AGENT_DOOR_H

#include <sys/types.h>
#include <sys/un.h>

#include "base/own.h"
#include "joulebook/error.h"

struct jb_door {
    int fd;   /* listens, does not block */
    int lock; /* held while it is open */
    struct sockaddr_un place;
    dev_t device; /* of the socket's file: whether it is still ours */
    ino_t inode;
};

struct jb_door_config {
    const char *path;
    mode_t mode;
    gid_t group; /* (gid_t)-1: that of the process */
};

/* Makes the directory when it is missing.  JB_EBUSY: another broker has it;
 * JB_EREFUSED: something else is in its place, or the directory is open to
 * others; JB_EUSAGE: the path is too long; JB_EDENIED.  Changes the umask for
 * a moment: before any thread starts. */
JB_NODISCARD int jb_door_open(const struct jb_door_config *config,
                              struct jb_door *out, struct jb_error *err);

/* Removes the socket if this process still may; a later start does it if not.
 */
void jb_door_close(struct jb_door *door);

#endif
