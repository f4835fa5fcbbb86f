/* SPDX-License-Identifier: Apache-2.0 */
/* A file is the old one or the new one, whole. */
#include "base/replace.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/file.h"
#include "check.h"
#include "tree.h"

static int tree_setup(void **state)
{
    static struct tree tree;

    tree_init(&tree);
    *state = &tree;
    return 0;
}

static int tree_teardown(void **state)
{
    tree_release(*state);
    return 0;
}

static void check_content(const struct tree *tree, const char *name,
                          const char *want)
{
    char path[TREE_PATH_MAX];
    char text[64] = "";
    struct jb_error err;

    tree_path(tree, name, path);
    CHECK_STATUS(name, jb_file_read(path, text, sizeof(text), NULL, &err),
                 JB_OK, &err);
    CHECK_TEXT(name, text, want);
}

static void check_files(const struct tree *tree, size_t want)
{
    DIR *dir = opendir(tree->root);
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        count +=
            strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    CHECK_U64("files", count, want);
}

/* Writes text to name as one does. */
static int put(const struct tree *tree, const char *name, const char *text,
               struct jb_error *err)
{
    struct jb_replace replace;
    char path[TREE_PATH_MAX];
    int rc;

    tree_path(tree, name, path);
    rc = jb_replace_open(&replace, path, 0640, err);
    if (rc < 0)
        return rc;
    jb_replace_put(&replace, text, strlen(text));
    return jb_replace_commit(&replace, err);
}

static void test_new_and_old(void **state)
{
    const struct tree *tree = *state;
    struct jb_error err;
    struct stat status;
    char path[TREE_PATH_MAX];
    mode_t before = umask(0027);

    CHECK_STATUS("new", put(tree, "a", "one", &err), JB_OK, &err);
    check_content(tree, "a", "one");
    CHECK_STATUS("again", put(tree, "a", "two", &err), JB_OK, &err);
    check_content(tree, "a", "two");
    check_files(tree, 1);
    tree_path(tree, "a", path);
    assert_int_equal(stat(path, &status), 0);
    CHECK_U64("mode", status.st_mode & 0777, 0640);
    umask(0077);
    CHECK_STATUS("umask", put(tree, "b", "three", &err), JB_OK, &err);
    tree_path(tree, "b", path);
    assert_int_equal(stat(path, &status), 0);
    CHECK_U64("mode less umask", status.st_mode & 0777, 0600);
    umask(before);
}

/* Seen from outside, before the commit nothing has happened. */
static void test_not_before_commit(void **state)
{
    const struct tree *tree = *state;
    struct jb_replace replace;
    struct jb_error err;
    char path[TREE_PATH_MAX];

    tree_write(tree, "a", "old");
    tree_path(tree, "a", path);
    CHECK_STATUS("open", jb_replace_open(&replace, path, 0640, &err), JB_OK,
                 &err);
    CHECK_STATUS("put", jb_replace_put(&replace, "new", 3), JB_OK, NULL);
    check_content(tree, "a", "old");
    jb_replace_abandon(&replace);
    check_content(tree, "a", "old");
    check_files(tree, 1);
}

static void test_link_stays(void **state)
{
    const struct tree *tree = *state;
    struct jb_error err;
    struct stat status;
    char path[TREE_PATH_MAX];

    tree_write(tree, "target", "old");
    tree_path(tree, "link", path);
    assert_int_equal(symlink("target", path), 0);
    CHECK_STATUS("link", put(tree, "link", "new", &err), JB_OK, &err);
    check_content(tree, "target", "new");
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
}

static void test_refused(void **state)
{
    const struct tree *tree = *state;
    struct jb_error err;
    char path[TREE_PATH_MAX];

    CHECK_STATUS("directory absent", put(tree, "no/file", "x", &err), JB_EIO,
                 &err);
    tree_write(tree, "folder/file", "x");
    CHECK_STATUS("directory", put(tree, "folder", "x", &err), JB_EUSAGE, &err);
    tree_path(tree, "pipe", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    CHECK_STATUS("pipe", put(tree, "pipe", "x", &err), JB_EUSAGE, &err);
    tree_path(tree, "device", path);
    assert_int_equal(symlink("/dev/null", path), 0);
    CHECK_STATUS("device", put(tree, "device", "x", &err), JB_EUSAGE, &err);
    tree_path(tree, "dangling", path);
    assert_int_equal(symlink("nowhere/at/all", path), 0);
    CHECK_STATUS("dangling", put(tree, "dangling", "x", &err), JB_EIO, &err);
    check_files(tree, 4);
}

/* In a child, because the limit cannot be raised again. */
static void check_in_child(const struct tree *tree, int want)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct jb_error err;
        char text[4096];

        memset(text, 'n', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        _exit(put(tree, "a", text, &err) == want && err.text[0] ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_too_large(void **state)
{
    const struct tree *tree = *state;
    struct rlimit limit;
    struct rlimit small;

    tree_write(tree, "a", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){ 100, limit.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    check_in_child(tree, JB_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_DFL);
    check_content(tree, "a", "old");
    check_files(tree, 1);
}

static void test_disk_full(void **state)
{
    const struct tree *tree = *state;
    char path[TREE_PATH_MAX];
    struct tree small;
    char fill[3000];

    tree_write(tree, "mnt/.keep", "");
    tree_path(tree, "mnt", path);
    if (mount("none", path, "tmpfs", 0, "size=8k") < 0) {
        print_message("only root may mount a small disk\n");
        skip();
    }
    snprintf(small.root, sizeof(small.root), "%.50s/mnt", tree->root);
    memset(fill, 'f', sizeof(fill) - 1);
    fill[sizeof(fill) - 1] = '\0';
    tree_write(&small, "a", "old");
    tree_write(&small, "fill", fill);
    check_in_child(&small, JB_EIO);
    check_content(&small, "a", "old");
    check_files(&small, 2);
    assert_int_equal(umount(path), 0);
}

int main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, tree_setup, tree_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_new_and_old), TEST(test_not_before_commit),
        TEST(test_link_stays),  TEST(test_refused),
        TEST(test_too_large),   TEST(test_disk_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
