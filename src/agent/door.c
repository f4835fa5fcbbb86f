/* SPDX-License-Identifier: Apache-2.0 */
#include "door.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "wire/wire.h"

enum { DOOR_BACKLOG = 1024, DOOR_DIRECTORY_MODE = 0755 };

/* Where others may put and take files, a socket is not ours for long. */
static int door_check_directory(const char *path, struct jb_error *err)
{
    char room[JB_PATH_MAX];
    struct stat status;
    const char *directory;
    int rc = jb_path(room, err, "%s", path);

    if (rc < 0)
        return rc;
    directory = dirname(room);
    if (mkdir(directory, DOOR_DIRECTORY_MODE) < 0 && errno != EEXIST)
        return jb_fail_errno(err, errno, "making %s", directory);
    if (stat(directory, &status) < 0)
        return jb_fail_errno(err, errno, "%s", directory);
    if ((status.st_uid != 0 && status.st_uid != geteuid()) ||
        (status.st_mode & (S_IWGRP | S_IWOTH) && !(status.st_mode & S_ISVTX)))
        return jb_fail(err, JB_EREFUSED,
                       "others could replace a socket in %s: it must belong to "
                       "root or to you, and to nobody else be writable",
                       directory);
    return JB_OK;
}

static int door_lock(const char *path, int *out, struct jb_error *err)
{
    JB_AUTO_CLOSE int fd = -1;
    char lock[JB_PATH_MAX];
    int rc = jb_path(lock, err, "%s.lock", path);

    if (rc < 0)
        return rc;
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", lock);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        jb_fail(err, JB_EBUSY, "another broker serves on %s", path);
        jb_error_set_fix(err, "stop it, or choose another --socket");
        return JB_EBUSY;
    }
    *out = jb_steal_fd(&fd);
    return JB_OK;
}

/* Whether somebody listens who does not know of the lock. */
static bool door_is_answered(const struct sockaddr_un *place)
{
    JB_AUTO_CLOSE int fd =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd < 0 ||
           connect(fd, (const struct sockaddr *)place, sizeof(*place)) == 0 ||
           errno != ECONNREFUSED;
}

static int door_clear(const struct sockaddr_un *place, struct jb_error *err)
{
    const char *path = place->sun_path;
    struct stat status;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? JB_OK : jb_fail_errno(err, errno, "%s", path);
    if (!S_ISSOCK(status.st_mode))
        return jb_fail(err, JB_EREFUSED, "%s is there and is no socket", path);
    if (door_is_answered(place))
        return jb_fail(err, JB_EBUSY, "something else listens on %s", path);
    if (geteuid() != 0 && status.st_uid != geteuid())
        return jb_fail(err, JB_EREFUSED, "%s belongs to another user", path);
    if (unlink(path) < 0)
        return jb_fail_errno(err, errno, "removing %s", path);
    return JB_OK;
}

/* The file has its owner and permissions from the instant that it exists: both
 * come from the process and the socket, not from a path that could change. */
static int door_bind(const struct jb_door_config *config, struct jb_door *door,
                     struct jb_error *err)
{
    const struct sockaddr *place = (const struct sockaddr *)&door->place;
    mode_t mask;
    int rc;

    door->fd =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (door->fd < 0 || fchmod(door->fd, config->mode) < 0)
        return jb_fail_errno(err, errno, "a socket");
    mask = umask(0);
    if (config->group != (gid_t)-1)
        setfsgid(config->group);
    rc = bind(door->fd, place, sizeof(door->place));
    if (rc < 0)
        rc = jb_fail_errno(err, errno, "%s", config->path);
    setfsgid(getegid());
    umask(mask);
    return rc;
}

static int door_listen(const struct jb_door_config *config,
                       struct jb_door *door, struct jb_error *err)
{
    struct stat status;

    if (listen(door->fd, DOOR_BACKLOG) < 0 || lstat(config->path, &status) < 0)
        return jb_fail_errno(err, errno, "listening on %s", config->path);
    door->device = status.st_dev;
    door->inode = status.st_ino;
    if (config->group != (gid_t)-1 && status.st_gid != config->group)
        return jb_fail(err, JB_EDENIED, "--group: may not give %s to it",
                       config->path);
    return JB_OK;
}

int jb_door_open(const struct jb_door_config *config, struct jb_door *out,
                 struct jb_error *err)
{
    struct jb_door door = { .fd = -1, .lock = -1 };
    int rc = jb_wire_place(config->path, &door.place, err);

    if (rc == JB_OK)
        rc = door_check_directory(config->path, err);
    if (rc == JB_OK)
        rc = door_lock(config->path, &door.lock, err);
    if (rc == JB_OK)
        rc = door_clear(&door.place, err);
    if (rc == JB_OK)
        rc = door_bind(config, &door, err);
    if (rc == JB_OK)
        rc = door_listen(config, &door, err);
    if (rc < 0) {
        jb_door_close(&door);
        return rc;
    }
    *out = door;
    return JB_OK;
}

void jb_door_close(struct jb_door *door)
{
    const char *path = door->place.sun_path;
    struct stat status;

    if (door->inode != 0 && lstat(path, &status) == 0 &&
        status.st_dev == door->device && status.st_ino == door->inode)
        unlink(path); /* a process that gave up root may not: see above */
    if (door->fd >= 0)
        close(door->fd);
    if (door->lock >= 0)
        close(door->lock);
    door->inode = 0;
    door->fd = -1;
    door->lock = -1;
}
