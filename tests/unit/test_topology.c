/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU topology: whose package, whose die, and what is malformed. */
#include "tree.h"

#include "core/topology.h"

static int topology_setup(void **state)
{
    static struct tree tree;

    tree_init(&tree);
    *state = &tree;
    return 0;
}

static int topology_teardown(void **state)
{
    tree_release(*state);
    return 0;
}

static struct jb_topology *topology_must_read(const struct tree *tree)
{
    struct jb_topology *topology = NULL;
    struct jb_error err;

    if (jb_topology_read(tree->root, &topology, &err) < 0)
        fail_msg("got %s, want a topology", err.text);
    return topology;
}

static void topology_expect(const struct jb_topology *topology, uint32_t cpu,
                            unsigned package, int die)
{
    const struct jb_topology_cpu *found = jb_topology_find(topology, cpu);

    if (!found || found->package != package || found->die != die)
        fail_msg("cpu%u: got package %d die %d, want %u and %d", cpu,
                 found ? found->package : -9, found ? found->die : -9, package,
                 die);
}

static void test_single_die(void **state)
{
    struct jb_topology *topology;

    tree_write(*state, "devices/system/cpu/online", "0-3\n");
    for (unsigned cpu = 0; cpu < 4; cpu++)
        tree_write_cpu(*state, cpu, cpu % 2 ? "1\n" : "0\n", "0\n");
    topology = topology_must_read(*state);
    assert_int_equal(topology->cpu_count, 4);
    assert_int_equal(topology->package_count, 2);
    topology_expect(topology, 0, 0, JB_NO_DIE);
    topology_expect(topology, 3, 1, JB_NO_DIE);
    assert_int_equal(jb_topology_package(topology, 1)->cpus, 2);
    assert_int_equal(jb_topology_package(topology, 1)->dies, 1);
    assert_null(jb_topology_package(topology, 2));
    assert_null(jb_topology_find(topology, 4));
    jb_topology_free(topology);
}

/* Packages with holes in their numbers; only package 7 has several dies. */
static void test_dies(void **state)
{
    struct jb_topology *topology;

    tree_write(*state, "devices/system/cpu/online", "0-2,6,9\n");
    tree_write_cpu(*state, 0, "7", "1");
    tree_write_cpu(*state, 1, "3", "1");
    tree_write_cpu(*state, 2, "7", "0");
    tree_write_cpu(*state, 6, "3", "1");
    tree_write_cpu(*state, 9, "7", "1");
    topology = topology_must_read(*state);
    topology_expect(topology, 0, 7, 1);
    topology_expect(topology, 1, 3, JB_NO_DIE);
    topology_expect(topology, 2, 7, 0);
    topology_expect(topology, 9, 7, 1);
    assert_int_equal(topology->packages[0].package, 3);
    assert_int_equal(jb_topology_package(topology, 7)->dies, 2);
    assert_int_equal(jb_topology_package(topology, 7)->cpus, 3);
    jb_topology_free(topology);
}

/* Firmware that says nothing: one package, one die; `present` when the
 * recorder forgot `online`. */
static void test_unknown(void **state)
{
    struct jb_topology *topology;

    tree_write(*state, "devices/system/cpu/present", "0-1");
    tree_write_cpu(*state, 0, "-1\n", "-1\n");
    topology = topology_must_read(*state);
    topology_expect(topology, 0, 0, JB_NO_DIE);
    topology_expect(topology, 1, 0, JB_NO_DIE);
    jb_topology_free(topology);
}

static void topology_expect_failure(const struct tree *tree, int want)
{
    struct jb_topology *topology = NULL;
    struct jb_error err = { .text = "" };
    int got = jb_topology_read(tree->root, &topology, &err);

    if (got != want)
        fail_msg("got %s (%s), want %s", jb_status_name(got), err.text,
                 jb_status_name(want));
    assert_null(topology);
    assert_true(err.text[0] != '\0');
}

/* A recording without any list: the CPUs that have a topology are there. */
static void test_no_list(void **state)
{
    const struct tree *tree = *state;
    struct jb_topology *topology;

    tree_write_cpu(tree, 10, "1\n", "0\n");
    tree_write_cpu(tree, 2, "0\n", "0\n");
    tree_write_cpu(tree, 3, "1\n", "1\n");
    tree_write(tree, "devices/system/cpu/cpu4/online", "0\n");
    tree_write(tree, "devices/system/cpu/cpufreq/topology/x", "0\n");
    tree_write(tree, "devices/system/cpu/cpux/topology/x", "0\n");
    topology = topology_must_read(tree);
    assert_int_equal(topology->cpu_count, 3);
    topology_expect(topology, 2, 0, JB_NO_DIE);
    topology_expect(topology, 3, 1, 1);
    topology_expect(topology, 10, 1, 0);
    assert_int_equal(topology->package_count, 2);
    jb_topology_free(topology);
}

static void test_malformed(void **state)
{
    static const char *const lists[] = { "",    "x",   "0-",    "3-1",
                                         "1,1", "2,1", "70000", "0--1" };

    topology_expect_failure(*state, JB_EABSENT);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        tree_write(*state, "devices/system/cpu/online", lists[i]);
        topology_expect_failure(*state, JB_EFORMAT);
    }
    tree_write(*state, "devices/system/cpu/online", "0");
    tree_write_cpu(*state, 0, "zero", "0");
    topology_expect_failure(*state, JB_EFORMAT);
    tree_write_cpu(*state, 0, "65536", "0");
    topology_expect_failure(*state, JB_EFORMAT);
    tree_write_cpu(*state, 0, "0", "32768");
    topology_expect_failure(*state, JB_EFORMAT);
}

static void test_own_machine(void **state)
{
    struct jb_topology *topology = NULL;

    (void)state;
    if (jb_topology_read("/sys", &topology, NULL) < 0) {
        print_message("skipped: this kernel shows no CPU topology\n");
        skip();
    }
    assert_true(topology->cpu_count > 0 && topology->package_count > 0);
    jb_topology_free(topology);
    jb_topology_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_single_die, topology_setup,
                                        topology_teardown),
        cmocka_unit_test_setup_teardown(test_dies, topology_setup,
                                        topology_teardown),
        cmocka_unit_test_setup_teardown(test_unknown, topology_setup,
                                        topology_teardown),
        cmocka_unit_test_setup_teardown(test_malformed, topology_setup,
                                        topology_teardown),
        cmocka_unit_test_setup_teardown(test_no_list, topology_setup,
                                        topology_teardown),
        cmocka_unit_test(test_own_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
