/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of small files in a temporary directory, for tests that read what a
 * kernel would write.  Failures end the test: cmocka's assertions.
 */
#ifndef JB_TEST_TREE_H
#define JB_TEST_TREE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* After the headers that it needs. */
#include <cmocka.h>

enum { TREE_PATH_MAX = 512 };

struct tree {
    char root[64];
};

static inline void tree_path(const struct tree *tree, const char *name,
                             char out[TREE_PATH_MAX])
{
    int length = snprintf(out, TREE_PATH_MAX, "%s/%s", tree->root, name);

    assert_in_range(length, 1, TREE_PATH_MAX - 1);
}

static inline void tree_init(struct tree *tree)
{
    snprintf(tree->root, sizeof(tree->root), "/tmp/jb-test-XXXXXX");
    assert_non_null(mkdtemp(tree->root));
    assert_int_equal(chmod(tree->root, 0755), 0);
}

static inline void tree_make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
}

/* Makes or replaces one file, and the directories above it. */
static inline void tree_write(const struct tree *tree, const char *name,
                              const char *text)
{
    char path[TREE_PATH_MAX];
    FILE *file;

    tree_path(tree, name, path);
    tree_make_parents(path);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* Makes a symbolic link, and the directories above it. */
static inline void tree_link(const struct tree *tree, const char *name,
                             const char *target)
{
    char path[TREE_PATH_MAX];

    tree_path(tree, name, path);
    tree_make_parents(path);
    assert_int_equal(symlink(target, path), 0);
}

static inline int tree_unlink(const char *path, const struct stat *status,
                              int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

/* Removes one file, or a directory with all that is in it. */
static inline void tree_drop(const struct tree *tree, const char *name)
{
    char path[TREE_PATH_MAX];

    tree_path(tree, name, path);
    assert_int_equal(nftw(path, tree_unlink, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void tree_release(struct tree *tree)
{
    nftw(tree->root, tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* <sysfs>/devices/system/cpu/cpuN/topology */
static inline void tree_write_cpu(const struct tree *tree, unsigned cpu,
                                  const char *package, const char *die)
{
    char name[128];

    snprintf(name, sizeof(name),
             "devices/system/cpu/cpu%u/topology/physical_package_id", cpu);
    tree_write(tree, name, package);
    snprintf(name, sizeof(name), "devices/system/cpu/cpu%u/topology/die_id",
             cpu);
    tree_write(tree, name, die);
}

#endif
