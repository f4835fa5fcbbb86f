/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a file so that others see the old one or the new one, whole, whatever
 * happens in between: a temporary file beside it, synced, then renamed.
 *
 * A symbolic link is followed and stays.  What is no regular file (a device, a
 * pipe, a directory) is refused: it would be replaced by a file.
 */
#ifndef JB_BASE_REPLACE_H
#define JB_BASE_REPLACE_H

#include <sys/types.h>

#include "file.h"
#include "joulebook/error.h"
#include "own.h"

struct jb_replace {
    int fd;     /* of the temporary file, or -1 */
    int errnum; /* of the first write that failed, or 0 */
    char path[JB_PATH_MAX];
    char temporary[JB_PATH_MAX + 32];
};

/* The file will have this mode, less the umask.  JB_EIO when its directory does
 * not exist, JB_EDENIED, JB_EUSAGE for what is no regular file, JB_ELIMIT for
 * too long a path.  On success end with commit or abandon. */
JB_NODISCARD int jb_replace_open(struct jb_replace *out, const char *path,
                                 mode_t mode, struct jb_error *err);

/* Appends.  context is the struct jb_replace; JB_OK or JB_EIO, which the commit
 * will tell again. */
int jb_replace_put(void *context, const char *bytes, size_t length);

/* Puts the new file in the old one's place.  On failure the old one is as it
 * was and nothing is left behind. */
JB_NODISCARD int jb_replace_commit(struct jb_replace *replace,
                                   struct jb_error *err);

/* Forgets the new file. */
void jb_replace_abandon(struct jb_replace *replace);

#endif
