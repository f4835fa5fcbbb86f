/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this is still the process that made something, or a child of fork():
 * there the threads of the library do not exist, and a lock that one of them
 * held stays held.
 *
 * Why a page that the kernel wipes in the child: getpid() is a system call, and
 * regions ask at each begin and end.  pthread_atfork() handlers cannot be taken
 * back.
 */
#ifndef JB_BASE_OWNER_H
#define JB_BASE_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "joulebook/error.h"
#include "own.h"

struct jb_owner {
    const volatile int *mark; /* not 0 in the process that made it */
    pid_t pid; /* where the kernel cannot wipe (before Linux 4.14): compared */
};

/* JB_ENOMEM.  On success release with jb_owner_release(). */
JB_NODISCARD int jb_owner_init(struct jb_owner *owner, struct jb_error *err);
void jb_owner_release(struct jb_owner *owner);

bool jb_owner_here(const struct jb_owner *owner);

/* JB_OK, or JB_EUSAGE with a text that says what to do in a child. */
JB_NODISCARD int jb_owner_check(const struct jb_owner *owner, const char *what,
                                struct jb_error *err);

#endif
