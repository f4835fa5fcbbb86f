/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of cgroups that are built, changed and removed between turns. */
#include "usage_tree.h"

#include "core/topology.h"
#include "usage/busy.h"
#include "usage/groups.h"

struct fixture {
    struct machine machine;
    struct jb_topology *topology;
    struct jb_groups *groups;
    struct jb_usage_lost lost;
};

static void fixture_open(struct fixture *fixture)
{
    struct jb_error err = { 0 };

    CHECK_STATUS(
        "topology",
        jb_topology_read(fixture->machine.sysfs, &fixture->topology, &err),
        JB_OK, &err);
    CHECK_STATUS("open",
                 jb_groups_open(fixture->machine.cgroupfs,
                                &fixture->machine.options, fixture->topology,
                                &fixture->groups, &err),
                 JB_OK, &err);
}

static void fixture_turn(struct fixture *fixture)
{
    fixture->lost = (struct jb_usage_lost){ 0 };
    jb_groups_turn(fixture->groups, &fixture->lost);
}

static void fixture_close(struct fixture *fixture)
{
    jb_groups_close(fixture->groups);
    jb_topology_free(fixture->topology);
    machine_release(&fixture->machine);
}

static void put(const struct fixture *fixture, const char *name,
                const char *text)
{
    char path[256];

    snprintf(path, sizeof(path), "cgroup/%s", name);
    tree_write(&fixture->machine.tree, path, text);
}

/* The row of a path, gone or not; NULL when there is none. */
static const struct jb_usage_group *find(const struct fixture *fixture,
                                         const char *path)
{
    size_t count;
    const struct jb_usage_group *rows = jb_groups_rows(fixture->groups, &count);

    for (size_t i = 0; i < count; i++)
        if (rows[i].path && strcmp(rows[i].path, path) == 0)
            return &rows[i];
    return NULL;
}

static const struct jb_usage_group *must(const struct fixture *fixture,
                                         const char *path)
{
    const struct jb_usage_group *row = find(fixture, path);

    if (!row)
        fail_msg("no %s", path);
    return row;
}

static void test_v2(void **state)
{
    struct fixture f;

    (void)state;
    machine_init(&f.machine, 1);
    put(&f, "cgroup.controllers", "cpu\n");
    put(&f, "cpu.stat", "usage_usec 1000\nuser_usec 1\nsystem_usec 1\n");
    put(&f, "a/cpu.stat", "usage_usec 500\nuser_usec 1\nsystem_usec 1\n");
    put(&f, "a/b/cpu.stat", "user_usec 1\nusage_usec 400\n");
    fixture_open(&f);
    CHECK_BOOL("v2", jb_groups_is_v1(f.groups), false);
    put(&f, "a/b/cpu.stat", "user_usec 1\nusage_usec 450\n");
    fixture_turn(&f);
    CHECK_U64("total", must(&f, "/a/b")->total_ns, 450000);
    CHECK_U64("used", must(&f, "/a/b")->cpu_ns, 50000);
    CHECK_U64("still", must(&f, "/a")->cpu_ns, 0);
    CHECK_U64("flags", must(&f, "/a")->flags, JB_USAGE_GROUP_TOTAL);
    {
        size_t count;
        const struct jb_usage_group *rows = jb_groups_rows(f.groups, &count);

        CHECK_TEXT("parent", rows[must(&f, "/a/b")->parent].path, "/a");
        CHECK_TEXT("its parent", rows[must(&f, "/a")->parent].path, "/");
        CHECK_U64("the root's", must(&f, "/")->parent, JB_USAGE_GROUP_NONE);
    }
    fixture_close(&f);
}

/* A new one began at 0; one that is gone is told once; its index is not used
 * for another before the turn after. */
static void test_comes_and_goes(void **state)
{
    struct fixture f;
    uint32_t index;
    uint32_t serial;

    (void)state;
    machine_init(&f.machine, 1);
    put(&f, "cgroup.controllers", "");
    put(&f, "cpu.stat", "usage_usec 1000\n");
    put(&f, "old/cpu.stat", "usage_usec 7\n");
    fixture_open(&f);
    put(&f, "new/deep/cpu.stat", "usage_usec 30\n");
    put(&f, "new/cpu.stat", "usage_usec 40\n");
    fixture_turn(&f);
    CHECK_U64("from 0", must(&f, "/new")->cpu_ns, 40000);
    CHECK_U64("from 0, deep", must(&f, "/new/deep")->cpu_ns, 30000);
    CHECK_U64("flags", must(&f, "/new")->flags,
              JB_USAGE_GROUP_TOTAL | JB_USAGE_GROUP_NEW);
    index = jb_groups_of_path(f.groups, "/new/deep", 9, &f.lost);
    serial = must(&f, "/new/deep")->serial;
    CHECK_BOOL("known", jb_groups_valid(f.groups, index, serial), true);
    fixture_turn(&f);
    CHECK_U64("not new", must(&f, "/new")->flags, JB_USAGE_GROUP_TOTAL);
    tree_drop(&f.machine.tree, "cgroup/new");
    fixture_turn(&f);
    CHECK_U64("gone", must(&f, "/new")->flags & JB_USAGE_GROUP_GONE,
              JB_USAGE_GROUP_GONE);
    CHECK_U64("gone too", must(&f, "/new/deep")->flags & JB_USAGE_GROUP_GONE,
              JB_USAGE_GROUP_GONE);
    fixture_turn(&f);
    assert_null(find(&f, "/new"));
    assert_null(find(&f, "/new/deep"));
    CHECK_BOOL("not known", jb_groups_valid(f.groups, index, serial), false);
    put(&f, "again/cpu.stat", "usage_usec 1\n");
    put(&f, "again2/cpu.stat", "usage_usec 1\n");
    fixture_turn(&f);
    CHECK_BOOL("another under its index",
               jb_groups_valid(f.groups, index, serial), false);
    CHECK_U64("the old one stays", must(&f, "/old")->total_ns, 7000);
    fixture_close(&f);
}

static void test_made_again(void **state)
{
    struct fixture f;

    (void)state;
    machine_init(&f.machine, 1);
    put(&f, "cgroup.controllers", "");
    put(&f, "a/cpu.stat", "usage_usec 1000\n");
    fixture_open(&f);
    tree_drop(&f.machine.tree, "cgroup/a");
    put(&f, "a/cpu.stat", "usage_usec 5\n");
    fixture_turn(&f);
    fixture_turn(&f);
    fixture_turn(&f);
    CHECK_U64("its own total", must(&f, "/a")->total_ns, 5000);
    put(&f, "a/cpu.stat", "usage_usec 9\n");
    fixture_turn(&f);
    CHECK_U64("its own use", must(&f, "/a")->cpu_ns, 4000);
    fixture_close(&f);
}

static void test_v1_places(void **state)
{
    struct fixture f;
    uint64_t root_ns = 0;

    (void)state;
    machine_init(&f.machine, 2);
    put(&f, "cpu,cpuacct/cpuacct.usage", "77\n");
    put(&f, "cpu,cpuacct/cpuacct.usage_percpu", "10 20 30 40 \n");
    put(&f, "cpu,cpuacct/job/cpuacct.usage_percpu", "1 2 3 4 \n");
    fixture_open(&f);
    CHECK_BOOL("v1", jb_groups_is_v1(f.groups), true);
    put(&f, "cpu,cpuacct/cpuacct.usage_percpu", "11 22 33 44 \n");
    put(&f, "cpu,cpuacct/job/cpuacct.usage_percpu", "1 4 3 9 5\n");
    fixture_turn(&f);
    CHECK_U64("root", must(&f, "/")->total_ns, 110);
    CHECK_BOOL("known", jb_groups_root_ns(f.groups, &root_ns), true);
    CHECK_U64("root used", root_ns, 10);
    assert_non_null(must(&f, "/job")->place_ns);
    CHECK_U64("job, with a CPU that is offline", must(&f, "/job")->cpu_ns, 12);
    CHECK_U64("package 0", must(&f, "/job")->place_ns[0], 7);
    CHECK_U64("package 1", must(&f, "/job")->place_ns[1], 5);
    fixture_close(&f);
}

/* v1's tree of nothing but a root is passed over, unless it is asked for. */
static void test_hybrid(void **state)
{
    static const struct {
        const char *label;
        bool v1_children;
        int hierarchy;
        bool v1;
    } rows[] = {
        { "both, auto", true, JB_USAGE_HIERARCHY_AUTO, true },
        { "bare v1, auto", false, JB_USAGE_HIERARCHY_AUTO, false },
        { "bare v1, asked for", false, JB_USAGE_HIERARCHY_V1, true },
        { "v2 asked for", true, JB_USAGE_HIERARCHY_V2, false },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        struct fixture f;

        machine_init(&f.machine, 1);
        f.machine.options.hierarchy = rows[i].hierarchy;
        put(&f, "cpuacct/cpuacct.usage", "1\n");
        put(&f, "unified/cgroup.controllers", "");
        put(&f, "unified/x/cpu.stat", "usage_usec 1\n");
        if (rows[i].v1_children)
            put(&f, "cpuacct/y/cpuacct.usage", "1\n");
        fixture_open(&f);
        CHECK_BOOL(rows[i].label, jb_groups_is_v1(f.groups), rows[i].v1);
        CHECK_BOOL(rows[i].label, find(&f, "/x") != NULL, !rows[i].v1);
        fixture_close(&f);
    }
}

static void test_absent(void **state)
{
    struct fixture f;
    uint32_t index;

    (void)state;
    machine_init(&f.machine, 1);
    fixture_open(&f);
    fixture_turn(&f);
    index = jb_groups_of_file(f.groups, "0::/a/b\n", 8, &f.lost);
    assert_int_not_equal(index, JB_USAGE_GROUP_NONE);
    CHECK_TEXT("a path without a tree", must(&f, "/a/b")->path, "/a/b");
    CHECK_U64("no total", must(&f, "/a/b")->flags & JB_USAGE_GROUP_TOTAL, 0);
    for (unsigned i = 0; i < 70; i++)
        fixture_turn(&f);
    assert_null(find(&f, "/a/b")); /* nobody spoke of it */
    fixture_close(&f);
}

static void test_garbage(void **state)
{
    struct fixture f;

    (void)state;
    machine_init(&f.machine, 1);
    put(&f, "cgroup.controllers", "");
    put(&f, "cpu.stat", "usage_usec 5\n");
    put(&f, "a/cpu.stat", "usage_usec -5\n");
    put(&f, "b/unrelated", "");
    fixture_open(&f);
    fixture_turn(&f);
    CHECK_U64("counted", f.lost.malformed, 1);
    CHECK_U64("no total", must(&f, "/a")->flags & JB_USAGE_GROUP_TOTAL, 0);
    CHECK_U64("no file", must(&f, "/b")->flags & JB_USAGE_GROUP_TOTAL, 0);
    put(&f, "a/cpu.stat", "usage_usec 7\n");
    fixture_turn(&f);
    CHECK_U64("it recovers", must(&f, "/a")->total_ns, 7000);
    CHECK_U64("its past is not new", must(&f, "/a")->cpu_ns, 0);
    put(&f, "a/cpu.stat", "usage_usec 3\n"); /* runs backwards */
    fixture_turn(&f);
    CHECK_U64("never less than nothing", must(&f, "/a")->cpu_ns, 0);
    fixture_close(&f);
}

static void test_ceiling(void **state)
{
    struct fixture f;

    (void)state;
    machine_init(&f.machine, 1);
    f.machine.options.groups_max = 3;
    put(&f, "cgroup.controllers", "");
    for (unsigned i = 0; i < 5; i++) {
        char name[32];

        snprintf(name, sizeof(name), "g%u/cpu.stat", i);
        put(&f, name, "usage_usec 1\n");
    }
    fixture_open(&f);
    fixture_turn(&f);
    CHECK_U64("told", f.lost.groups, 3);
    CHECK_U64("of a process",
              jb_groups_of_file(f.groups, "0::/elsewhere\n", 14, &f.lost),
              JB_USAGE_GROUP_NONE);
    CHECK_U64("told", f.lost.groups, 4);
    fixture_close(&f);
}

static void test_by_id(void **state)
{
    struct fixture f;
    struct stat status;
    char path[TREE_PATH_MAX];

    (void)state;
    machine_init(&f.machine, 1);
    put(&f, "cgroup.controllers", "");
    put(&f, "a/cpu.stat", "usage_usec 1\n");
    fixture_open(&f);
    put(&f, "b/cpu.stat", "usage_usec 1\n");
    tree_path(&f.machine.tree, "cgroup/b", path);
    assert_int_equal(stat(path, &status), 0);
    CHECK_U64("not yet", jb_groups_of_id(f.groups, status.st_ino),
              JB_USAGE_GROUP_NONE);
    jb_groups_renew(f.groups, &f.lost);
    assert_int_not_equal(jb_groups_of_id(f.groups, status.st_ino),
                         JB_USAGE_GROUP_NONE);
    fixture_turn(&f);
    CHECK_U64("from 0", must(&f, "/b")->cpu_ns, 1000);
    fixture_close(&f);
}

/* /proc/stat, by package. */
static void test_busy(void **state)
{
    struct fixture f;
    struct jb_busy *busy = NULL;
    const struct jb_usage_place *places = NULL;
    struct jb_error err = { 0 };
    char text[8192];
    size_t used;

    (void)state;
    machine_init(&f.machine, 2);
    tree_write(&f.machine.tree, "proc/stat",
               "cpu  0 0 0 0\ncpu0 10 0 0 0\ncpu2 0 0 20 0 0 5\n");
    CHECK_STATUS("topology",
                 jb_topology_read(f.machine.sysfs, &f.topology, &err), JB_OK,
                 &err);
    CHECK_STATUS("open",
                 jb_busy_open(f.machine.procfs, f.topology, &busy, &err), JB_OK,
                 &err);
    /* CPU 1 comes, CPU 2 goes on, CPU 0 is gone; 4 kB of interrupts. */
    used = (size_t)snprintf(text, sizeof(text),
                            "cpu  0 0 0 0\n"
                            "cpu1 99 0 0 0\n"
                            "cpu2 1 0 20 0 0 7\nintr");
    memset(text + used, ' ', 4096);
    text[used + 4096] = '\0';
    tree_write(&f.machine.tree, "proc/stat", text);
    CHECK_U64("places", jb_busy_turn(busy, 1000, &places), 2);
    CHECK_U64("package 0", places[0].busy_ns, 0);
    CHECK_U64("nobody there at both ends", places[0].cpus, 0);
    CHECK_U64("package 1", places[1].busy_ns, 30000000);
    CHECK_U64("capacity", places[1].capacity_ns, 1000);
    CHECK_U64("sum", jb_busy_sum_ns(busy), 30000000);
    tree_write(&f.machine.tree, "proc/stat", "cpu  garbage\ncpu0 1 x\n");
    CHECK_U64("no places", jb_busy_turn(busy, 1000, &places), 0);
    jb_busy_close(busy);
    jb_topology_free(f.topology);
    machine_release(&f.machine);
}

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t ns;
    } rows[] = {
        { "usage_usec 12\n", true, 12000 },
        { "nr_periods 1\nusage_usec 3\nx 4\n", true, 3000 },
        { "usage_usec 12", false, 9 }, /* may be 120 */
        { "usage_usec \n", false, 9 },
        { "xusage_usec 12\n", false, 9 },
        { "usage_usec 18446744073709551615\n", false, 9 },
        { "", false, 9 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        uint64_t ns = 9;

        CHECK_BOOL(
            rows[i].text,
            jb_groups_parse_stat(rows[i].text, strlen(rows[i].text), &ns),
            rows[i].good);
        CHECK_U64(rows[i].text, ns, rows[i].ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v2),
        cmocka_unit_test(test_comes_and_goes),
        cmocka_unit_test(test_made_again),
        cmocka_unit_test(test_v1_places),
        cmocka_unit_test(test_hybrid),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_by_id),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
