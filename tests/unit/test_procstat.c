/* SPDX-License-Identifier: Apache-2.0 */
/* The first line of /proc/stat, of every kernel, and of none. */
#include "tree.h"

#include <fcntl.h>

#include "core/procstat.h"
#include "joulebook/error.h"

struct procstat_row {
    const char *text;
    bool good;
    uint64_t busy, idle;
};

static const struct procstat_row procstat_rows[] = {
    /* guest 900 and guest_nice 90 are in user and nice already */
    { "cpu  1000 100 10 5000 500 1 2 3 900 90\ncpu0 1 1 1 1\n", true, 1116,
      5500 },
    { "cpu  1 2 3 4\n", true, 6, 4 },               /* 2.4 */
    { "cpu 1 2 3 4 5 6 7\nintr 1\n", true, 19, 9 }, /* before steal */
    { "cpu  1 2 3 4 5 6 7 8 9 10 11\n", true, 27, 9 } /* fields to come */,
    { "cpu  18446744073709551615 0 0 0\n", true, UINT64_MAX, 0 },
    { "cpu  18446744073709551615 1 0 0\n", false, 0, 0 },
    { "cpu  18446744073709551616 0 0 0\n", false, 0, 0 },
    { "cpu  0 0 0 18446744073709551615 1\n", false, 0, 0 },
    { "cpu  1 2 3\n", false, 0, 0 },
    { "cpu  1 2 3 4", false, 0, 0 }, /* cut off: 4 may be 40 */
    { "cpu  1 -2 3 4\n", false, 0, 0 },
    { "cpu  1 2 x 4\n", false, 0, 0 },
    { "cpu  1\t2 3 4\n", false, 0, 0 },
    { "cpu0 1 2 3 4\n", false, 0, 0 },
    { "intr 1 2 3 4\n", false, 0, 0 },
    { "cpu\n", false, 0, 0 },
    { "cpu \n", false, 0, 0 },
    { "\n", false, 0, 0 },
    { "", false, 0, 0 },
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(procstat_rows) / sizeof(*procstat_rows);
         i++) {
        const struct procstat_row *row = &procstat_rows[i];
        struct jb_procstat got = { 77, 88 };
        bool good = jb_procstat_parse(row->text, strlen(row->text), &got);

        if (good != row->good ||
            got.busy != (row->good ? row->busy : UINT64_C(77)) ||
            got.idle != (row->good ? row->idle : UINT64_C(88)))
            fail_msg("\"%s\": got %d, busy %llu, idle %llu", row->text, good,
                     (unsigned long long)got.busy,
                     (unsigned long long)got.idle);
    }
}

static void test_busy(void **state)
{
    static const struct {
        struct jb_procstat from, to;
        bool known;
        uint32_t ppm;
    } rows[] = {
        { { 0, 0 }, { 0, 1000 }, true, 0 },
        { { 500, 500 }, { 600, 500 }, true, 1000000 },
        { { 500, 500 }, { 501, 502 }, true, 333333 },
        { { 500, 500 }, { 600, 499 }, true, 1000000 }, /* iowait */
        { { 500, 500 }, { 500, 500 }, false, 0 },
        { { 500, 500 }, { 500, 400 }, false, 0 },
        { { 500, 500 }, { 499, 900 }, false, 0 },
        { { 0, 0 }, { UINT64_MAX, UINT64_MAX }, true, 500000 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint32_t ppm = 42;
        bool known = jb_procstat_busy_ppm(&rows[i].from, &rows[i].to, &ppm);

        if (known != rows[i].known || ppm != (known ? rows[i].ppm : 42))
            fail_msg("row %zu: got %d, %u ppm, want %d, %u", i, known, ppm,
                     rows[i].known, rows[i].ppm);
    }
}

static void test_pread(void **state)
{
    struct tree tree;
    char path[TREE_PATH_MAX];
    struct jb_procstat got;
    int fd;

    (void)state;
    tree_init(&tree);
    tree_path(&tree, "stat", path);
    tree_write(&tree, "stat", "cpu  1 2 3 4\ncpu0 1 2 3 4\n");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(jb_procstat_pread(fd, &got), JB_OK);
    assert_int_equal(got.busy, 6);
    tree_write(&tree, "stat", "cpu  2 2 3 4\n");
    assert_int_equal(jb_procstat_pread(fd, &got), JB_OK);
    assert_int_equal(got.busy, 7);
    tree_write(&tree, "stat", "");
    assert_int_equal(jb_procstat_pread(fd, &got), JB_EFORMAT);
    close(fd);
    assert_int_equal(jb_procstat_pread(fd, &got), JB_EIO);
    assert_int_equal(got.busy, 7);
    tree_release(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_pread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
