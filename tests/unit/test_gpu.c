/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "tree.h"

#include "core/gpu.h"

static void gpu_add(const struct tree *tree, const char *address,
                    const char *vendor, const char *class)
{
    char name[TREE_PATH_MAX];

    snprintf(name, sizeof(name), "bus/pci/devices/%s/vendor", address);
    tree_write(tree, name, vendor);
    snprintf(name, sizeof(name), "bus/pci/devices/%s/class", address);
    tree_write(tree, name, class);
}

static void gpu_numbers_all_makers_together(void **state)
{
    static const struct {
        const char *address;
        int want; /* number, or -1 */
    } cases[] = {
        { "0000:00:02.0", -1 }, /* Intel's own: a part of the package */
        { "0000:03:00.0", 0 },
        { "0000:03:00.1", -1 }, /* its sound */
        { "0000:19:00.0", 1 },
        { "0000:65:00.0", 2 },
        { "0000:c1:00.0", -1 }, /* the BMC's VGA */
        { "0000:e1:00.0", -1 }, /* a disk */
        { "10000:01:00.0", 3 },
        { "0000:ff:00.0", -1 }, /* is not there */
        { "", -1 },
        { "../devices", -1 },
    };
    struct tree tree;

    (void)state;
    tree_init(&tree);
    gpu_add(&tree, "0000:00:02.0", "0x8086\n", "0x030000\n");
    gpu_add(&tree, "0000:03:00.0", "0x1002\n", "0x030000\n");
    gpu_add(&tree, "0000:03:00.1", "0x1002\n", "0x040300\n");
    gpu_add(&tree, "0000:19:00.0", "0x10de\n", "0x030200\n");
    gpu_add(&tree, "0000:65:00.0", "0x1002\n", "0x120000\n");
    gpu_add(&tree, "0000:c1:00.0", "0x1a03\n", "0x030000\n");
    gpu_add(&tree, "0000:e1:00.0", "0x8086\n", "0x010802\n");
    gpu_add(&tree, "10000:01:00.0", "0x8086\n", "0x038000\n");
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_error err = { 0 };
        uint16_t number = UINT16_MAX;
        int rc = jb_gpu_number(tree.root, cases[i].address, &number, &err);

        CHECK_STATUS(cases[i].address, rc,
                     cases[i].want < 0 ? JB_EABSENT : JB_OK, &err);
        CHECK_U64(cases[i].address, number,
                  cases[i].want < 0 ? UINT16_MAX : (uint64_t)cases[i].want);
    }
    tree_release(&tree);
}

static void gpu_takes_no_garbage(void **state)
{
    static const char *const texts[] = { "",         "0x",
                                         "1002",     "-1",
                                         "0x1002 x", "0xfffffffffffffffffff" };
    struct tree tree;

    (void)state;
    tree_init(&tree);
    for (size_t i = 0; i < CHECK_COUNT(texts); i++) {
        uint16_t number = 0;

        gpu_add(&tree, "0000:03:00.0", texts[i], "0x030000");
        assert_int_equal(
            jb_gpu_number(tree.root, "0000:03:00.0", &number, NULL),
            JB_EABSENT);
        gpu_add(&tree, "0000:03:00.0", "0x1002", texts[i]);
        assert_int_equal(
            jb_gpu_number(tree.root, "0000:03:00.0", &number, NULL),
            JB_EABSENT);
    }
    tree_release(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpu_numbers_all_makers_together),
        cmocka_unit_test(gpu_takes_no_garbage),
    };

    return cmocka_run_group_tests_name("gpu", tests, NULL, NULL);
}
