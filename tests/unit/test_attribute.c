/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kernel_read.h"
#include "tree.h"

#include "base/attribute.h"

#define ATTRIBUTE_S UINT64_C(1000000000)

struct attribute {
    struct tree tree;
    char path[TREE_PATH_MAX], name[TREE_PATH_MAX];
    struct jb_guard guard;
    struct jb_attribute one;
};

static void attribute_init(struct attribute *test)
{
    tree_init(&test->tree);
    tree_path(&test->tree, "a/temp1_input", test->path);
    tree_path(&test->tree, "a/name", test->name);
    tree_write(&test->tree, "a/temp1_input", "-40125\n");
    tree_write(&test->tree, "a/name", "k10temp\n");
    test->guard = (struct jb_guard){ test->name, "k10temp" };
}

static void attribute_release(struct attribute *test)
{
    jb_attribute_close(&test->one);
    tree_release(&test->tree);
}

static void attribute_reads_what_is_there_now(void **state)
{
    struct jb_error err = { 0 };
    struct attribute test;
    int64_t value = 0;
    uint64_t big = 0;

    (void)state;
    attribute_init(&test);
    CHECK_STATUS("open", jb_attribute_open(&test.one, test.path, &err), JB_OK,
                 &err);
    assert_int_equal(jb_attribute_read_i64(&test.one, NULL, 0, &value), JB_OK);
    CHECK_U64("negative", (uint64_t)value, (uint64_t)-40125);
    assert_int_equal(jb_attribute_read_u64(&test.one, NULL, 0, &big),
                     JB_EFORMAT);
    tree_write(&test.tree, "a/temp1_input", "18446744073709551615\n");
    assert_int_equal(jb_attribute_read_u64(&test.one, NULL, 0, &big), JB_OK);
    CHECK_U64("64 bits", big, UINT64_MAX);
    value = 7;
    assert_int_equal(jb_attribute_read_i64(&test.one, NULL, 0, &value),
                     JB_EFORMAT);
    CHECK_U64("untouched", (uint64_t)value, 7);
    CHECK_U64("generation", test.one.generation, 0);
    attribute_release(&test);
}

static void attribute_follows_a_reload(void **state)
{
    struct attribute test;
    int64_t value = 0;

    (void)state;
    attribute_init(&test);
    assert_int_equal(jb_attribute_open(&test.one, test.path, NULL), JB_OK);
    tree_drop(&test.tree, "a");
    assert_int_equal(
        jb_attribute_read_i64(&test.one, &test.guard, 10 * ATTRIBUTE_S, &value),
        JB_EABSENT);
    tree_write(&test.tree, "a/temp1_input", "1\n");
    tree_write(&test.tree, "a/name", "k10temp\n");
    assert_int_equal(jb_attribute_read_i64(&test.one, &test.guard,
                                           11 * ATTRIBUTE_S - 1, &value),
                     JB_EABSENT);
    assert_int_equal(
        jb_attribute_read_i64(&test.one, &test.guard, 11 * ATTRIBUTE_S, &value),
        JB_OK);
    CHECK_U64("new value", (uint64_t)value, 1);
    CHECK_U64("new generation", test.one.generation, 1);
    attribute_release(&test);
}

/* The kernel gave the number to another chip. */
static void attribute_knows_a_stranger(void **state)
{
    struct attribute test;
    int64_t value = 0;

    (void)state;
    attribute_init(&test);
    assert_int_equal(jb_attribute_open(&test.one, test.path, NULL), JB_OK);
    tree_drop(&test.tree, "a");
    tree_write(&test.tree, "a/temp1_input", "99000\n");
    tree_write(&test.tree, "a/name", "nvme\n");
    for (uint64_t s = 1; s < 5; s++)
        assert_int_equal(jb_attribute_read_i64(&test.one, &test.guard,
                                               s * ATTRIBUTE_S, &value),
                         JB_EABSENT);
    CHECK_U64("nothing was taken", (uint64_t)value, 0);
    tree_write(&test.tree, "a/name", "k10temp\n");
    assert_int_equal(
        jb_attribute_read_i64(&test.one, &test.guard, 9 * ATTRIBUTE_S, &value),
        JB_OK);
    CHECK_U64("the same again", (uint64_t)value, 99000);
    attribute_release(&test);
}

static void attribute_keeps_the_path_of_what_is_not_there(void **state)
{
    struct jb_error err = { 0 };
    struct attribute test;
    int64_t value = 0;

    (void)state;
    attribute_init(&test);
    tree_drop(&test.tree, "a/temp1_input");
    CHECK_STATUS("absent", jb_attribute_open(&test.one, test.path, &err),
                 JB_EABSENT, &err);
    assert_non_null(strstr(err.text, "temp1_input"));
    tree_write(&test.tree, "a/temp1_input", "5\n");
    assert_int_equal(jb_attribute_read_i64(&test.one, NULL, 1, &value), JB_OK);
    CHECK_U64("came", (uint64_t)value, 5);
    attribute_release(&test);
    jb_attribute_close(&test.one); /* again: nothing to do */
}

static void attribute_explains(void **state)
{
    struct jb_error err = { 0 };

    (void)state;
    CHECK_STATUS("under way", jb_attribute_explain(EAGAIN, "x", &err), JB_OK,
                 &err);
    CHECK_STATUS("down", jb_attribute_explain(ENODATA, "x", &err), JB_EABSENT,
                 &err);
    assert_non_null(strstr(err.text, "x: has no value"));
    CHECK_STATUS("broken", jb_attribute_explain(EIO, "x", &err), JB_EIO, &err);
    CHECK_STATUS("not ours", jb_attribute_explain(EACCES, "x", &err),
                 JB_EDENIED, &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attribute_reads_what_is_there_now),
        cmocka_unit_test(attribute_follows_a_reload),
        cmocka_unit_test(attribute_knows_a_stranger),
        cmocka_unit_test(attribute_keeps_the_path_of_what_is_not_there),
        cmocka_unit_test(attribute_explains),
    };

    return cmocka_run_group_tests_name("attribute", tests, NULL, NULL);
}
