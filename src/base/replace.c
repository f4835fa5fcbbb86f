/* SPDX-License-Identifier: Apache-2.0 */
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { REPLACE_TRIES = 16 };

/* A directory that is absent is no meter that is absent. */
static int replace_fail(struct jb_error *err, int errnum, const char *path)
{
    int rc = jb_fail_errno(err, errnum, "writing %s", path);

    if (rc != JB_EABSENT)
        return rc;
    if (err)
        err->status = JB_EIO;
    return JB_EIO;
}

/* Where a link points to, or the path itself. */
static int replace_resolve(struct jb_replace *replace, const char *path,
                           struct jb_error *err)
{
    JB_AUTO_FREE char *target = NULL;
    struct stat status;

    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode)) {
        target = realpath(path, NULL);
        if (!target)
            return replace_fail(err, errno, path);
    }
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return jb_fail(err, JB_EUSAGE, "writing %s: it is no regular file",
                       path);
    return jb_path(replace->path, err, "%s", target ? target : path);
}

static int replace_create(struct jb_replace *replace, mode_t mode)
{
    const char *slash = strrchr(replace->path, '/');
    int directory = slash ? (int)(slash - replace->path) + 1 : 0;

    for (int i = 0; i < REPLACE_TRIES; i++) {
        uint64_t random = 0;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
            return errno;
        snprintf(replace->temporary, sizeof(replace->temporary),
                 "%.*s.joulebook-%016" PRIx64, directory, replace->path,
                 random);
        replace->fd =
            open(replace->temporary,
                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (replace->fd >= 0)
            return 0;
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

int jb_replace_open(struct jb_replace *out, const char *path, mode_t mode,
                    struct jb_error *err)
{
    int errnum;
    int rc;

    *out = (struct jb_replace){ .fd = -1 };
    rc = replace_resolve(out, path, err);
    if (rc < 0)
        return rc;
    errnum = replace_create(out, mode);
    return errnum ? replace_fail(err, errnum, path) : JB_OK;
}

int jb_replace_put(void *context, const char *bytes, size_t length)
{
    struct jb_replace *replace = context;

    while (length > 0) {
        ssize_t put = write(replace->fd, bytes, length);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            replace->errnum = put < 0 ? errno : EIO;
            return JB_EIO;
        }
        bytes += put;
        length -= (size_t)put;
    }
    return JB_OK;
}

/* The new name is durable once its directory is; a file system that cannot
 * sync one has no name to lose. */
static void replace_sync_directory(const struct jb_replace *replace)
{
    const char *slash = strrchr(replace->path, '/');
    JB_AUTO_CLOSE int fd = -1;
    char directory[JB_PATH_MAX];

    if (jb_path(directory, NULL, "%.*s",
                slash ? (int)(slash - replace->path) + 1 : 1,
                slash ? replace->path : ".") != JB_OK)
        return;
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd);
}

int jb_replace_commit(struct jb_replace *replace, struct jb_error *err)
{
    int errnum = replace->errnum;

    if (!errnum && fsync(replace->fd) < 0)
        errnum = errno;
    if (close(jb_steal_fd(&replace->fd)) < 0 && !errnum)
        errnum = errno;
    if (!errnum && rename(replace->temporary, replace->path) < 0)
        errnum = errno;
    if (errnum) {
        unlink(replace->temporary);
        return replace_fail(err, errnum, replace->path);
    }
    replace_sync_directory(replace);
    return JB_OK;
}

void jb_replace_abandon(struct jb_replace *replace)
{
    if (replace->fd < 0)
        return;
    close(jb_steal_fd(&replace->fd));
    unlink(replace->temporary);
}
