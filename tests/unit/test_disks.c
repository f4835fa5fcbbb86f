/* SPDX-License-Identifier: Apache-2.0 */
/* File systems from a table of mounts and a sysfs that the test writes. */
#include "check.h"
#include "tree.h"

#include "cmd/disks.h"

struct rig {
    struct tree tree;
    char procfs[TREE_PATH_MAX];
    struct jb_roots roots;
    struct jb_env env;
    struct jb_format_sensor sensors[8];
    size_t count;
};

static void rig_init(struct rig *rig)
{
    static const char *const paths[] = {
        "host/fs-//used",     "host/fs-//size",     "host/fs-/a b/size",
        "host/fs-/data/used", "host/fs-/data/size",
    };

    *rig = (struct rig){ .count = CHECK_COUNT(paths) };
    tree_init(&rig->tree);
    tree_path(&rig->tree, "proc", rig->procfs);
    rig->roots =
        (struct jb_roots){ rig->tree.root, rig->procfs, "/none", "/none" };
    rig->env = (struct jb_env){ .roots = &rig->roots, .live = true };
    for (size_t i = 0; i < rig->count; i++)
        rig->sensors[i].path = paths[i];
}

static size_t rig_list(struct rig *rig, struct jb_format_disk **disks)
{
    struct jb_error err = { 0 };
    size_t count = 99;

    CHECK_STATUS(
        "list",
        jb_disks_list(&rig->env, rig->sensors, rig->count, disks, &count, &err),
        JB_OK, &err);
    return count;
}

/* /dev/null and /dev/zero stand for a partition and a disk. */
static void test_facts(void **state)
{
    struct rig rig;
    struct jb_format_disk *disks = NULL;

    (void)state;
    rig_init(&rig);
    tree_write(&rig.tree, "proc/self/mounts",
               "proc /proc proc rw 0 0\n"
               "/dev/null / ext4 rw 0 0\n"
               "/dev/zero /data xfs rw 0 0\n"
               "/dev/null / ext4 rw 0 0\n" /* once more */
               "/dev/full /elsewhere ext4 rw 0 0\n" /* no sensor */);
    tree_write(&rig.tree, "disk/null/partition", "1\n");
    tree_write(&rig.tree, "disk/removable", "1\n");
    tree_write(&rig.tree, "disk/queue/rotational", "0\n");
    tree_write(&rig.tree, "class/block/zero/removable", "0\n");
    tree_write(&rig.tree, "class/block/zero/queue/rotational", "1\n");
    {
        char from[TREE_PATH_MAX];
        char to[TREE_PATH_MAX];

        tree_path(&rig.tree, "disk/null", from);
        tree_path(&rig.tree, "class/block/null", to);
        assert_int_equal(symlink(from, to), 0);
    }
    assert_int_equal(rig_list(&rig, &disks), 2);
    CHECK_TEXT("mount", disks[0].mount_point, "/");
    CHECK_TEXT("device", disks[0].device, "/dev/null");
    CHECK_TEXT("file system", disks[0].file_system, "ext4");
    CHECK_TEXT("type", disks[0].type, "SSD");
    CHECK_BOOL("removable", disks[0].removable, true);
    CHECK_U64("size", (uint64_t)disks[0].size, 1);
    CHECK_U64("used", (uint64_t)disks[0].used, 0);
    CHECK_TEXT("mount", disks[1].mount_point, "/data");
    CHECK_TEXT("type", disks[1].type, "HDD");
    CHECK_BOOL("removable", disks[1].removable, false);
    CHECK_U64("used", (uint64_t)disks[1].used, 3);
    jb_disks_free(disks, 2);
    tree_release(&rig.tree);
}

/* Of which something is not known, and those of a recorded tree. */
static void test_left_out(void **state)
{
    struct rig rig;
    struct jb_format_disk *disks = NULL;

    (void)state;
    rig_init(&rig);
    assert_int_equal(rig_list(&rig, &disks), 0); /* no table */
    jb_disks_free(disks, 0);
    tree_write(&rig.tree, "proc/self/mounts",
               "/dev/null / ext4 rw 0 0\n"
               "/dev/no-such-device /data xfs rw 0 0\n"
               "garbage\n");
    assert_int_equal(rig_list(&rig, &disks), 0); /* no facts */
    jb_disks_free(disks, 0);
    tree_write(&rig.tree, "class/block/null/removable", "0\n");
    tree_write(&rig.tree, "class/block/null/queue/rotational", "maybe\n");
    assert_int_equal(rig_list(&rig, &disks), 0);
    jb_disks_free(disks, 0);
    tree_write(&rig.tree, "class/block/null/queue/rotational", "0\n");
    assert_int_equal(rig_list(&rig, &disks), 1);
    jb_disks_free(disks, 1);
    rig.env.live = false;
    assert_int_equal(rig_list(&rig, &disks), 0);
    jb_disks_free(disks, 0);
    tree_release(&rig.tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
