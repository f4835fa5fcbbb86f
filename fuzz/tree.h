/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of files out of one input, for what reads whole trees.
 *
 * A line "=PATH" begins a file, whose bytes go up to the next such line.  Paths
 * are relative, of plain characters and without "..": an invented input writes
 * nowhere else.  What cannot be made (a file below a file) is left out.
 */
#ifndef JB_FUZZ_TREE_H
#define JB_FUZZ_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

enum { FUZZ_TREE_PATH_MAX = 256, FUZZ_TREE_FILES_MAX = 64 };

struct fuzz_tree {
    char root[32];
};

/* In memory where the system has such a place: each input makes one. */
static inline bool fuzz_tree_init(struct fuzz_tree *tree)
{
    snprintf(tree->root, sizeof(tree->root), "%s/jb-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(tree->root) != NULL;
}

static inline int fuzz_tree_unlink(const char *path, const struct stat *status,
                                   int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void fuzz_tree_release(struct fuzz_tree *tree)
{
    nftw(tree->root, fuzz_tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline bool fuzz_tree_is_plain(const char *path, size_t length)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789/_-:.";

    for (size_t i = 0; i < length; i++)
        if (!path[i] || !strchr(plain, path[i]))
            return false;
    return length > 0 && !memmem(path, length, "..", 2);
}

static inline void fuzz_tree_write(const struct fuzz_tree *tree,
                                   const char *name, size_t name_length,
                                   const char *text, size_t length)
{
    char path[FUZZ_TREE_PATH_MAX];
    int used = snprintf(path, sizeof(path), "%s/%.*s", tree->root,
                        (int)name_length, name);
    int fd;

    if (used >= (int)sizeof(path) || !fuzz_tree_is_plain(name, name_length))
        return;
    for (char *slash = strchr(path + strlen(tree->root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    fuzz_require(write(fd, text, length) == (ssize_t)length);
    close(fd);
}

/* Where the next file begins, or end. */
static inline const char *fuzz_tree_next(const char *at, const char *end)
{
    const char *mark = at < end ? memmem(at, (size_t)(end - at), "\n=", 2) : 0;

    return mark ? mark + 1 : end;
}

static inline void fuzz_tree_fill(const struct fuzz_tree *tree,
                                  const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    const char *end = at + size;

    for (int i = 0; i < FUZZ_TREE_FILES_MAX && at < end; i++) {
        const char *next = fuzz_tree_next(at, end);
        const char *line = memchr(at, '\n', (size_t)(next - at));

        if (*at == '=' && line)
            fuzz_tree_write(tree, at + 1, (size_t)(line - at - 1), line + 1,
                            (size_t)(next - line - 1));
        at = next;
    }
}

#endif
