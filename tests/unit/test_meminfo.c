/* SPDX-License-Identifier: Apache-2.0 */
/* MemTotal and MemAvailable, and what is neither. */
#include "check.h"
#include "tree.h"

#include "core/meminfo.h"

static void meminfo_takes_whole_lines(void **state)
{
    static const struct {
        const char *text;
        uint64_t total, available;
        int want;
        bool has_available;
    } rows[] = {
        { "MemTotal: 10 kB\nMemAvailable: 4 kB\n", 10, 4, JB_OK, true },
        { "MemAvailable: 4 kB\nMemTotal: 10 kB", 10, 4, JB_OK, true },
        { "X: 1\nMemTotal:\t10 kB\n", 10, 0, JB_OK, false },
        { "MemTotal:10 kB\n", 10, 0, JB_OK, false },
        { "MemTotal: 18446744073709551615 kB\n", UINT64_MAX, 0, JB_OK, false },
        { "MemTotal: 10 kB\nMemAvailable: 11 kB\n", 0, 0, JB_EIMPLAUSIBLE,
          false },
        { "MemTotal: 10 kB\nMemAvailable: -4 kB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: 18446744073709551616 kB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: 10 MB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: 10kB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: 10\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: kB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal:  kB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: 1 0 kB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: 10 kB kB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal", 0, 0, JB_EFORMAT, false },
        { " MemTotal: 10 kB\n", 0, 0, JB_EFORMAT, false },
        { "MemTotal: 10 kB\nMemTotal: x kB\n", 0, 0, JB_EFORMAT, false },
        { "MemAvailable: 4 kB\n", 0, 0, JB_EFORMAT, false },
        { "", 0, 0, JB_EFORMAT, false },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        struct jb_meminfo got = { 0 };
        int rc = jb_meminfo_parse(rows[i].text, strlen(rows[i].text), &got);

        CHECK_STATUS(rows[i].text, rc, rows[i].want, NULL);
        CHECK_U64(rows[i].text, got.total_kib, rows[i].total);
        CHECK_U64(rows[i].text, got.available_kib, rows[i].available);
        CHECK_BOOL(rows[i].text, got.has_available, rows[i].has_available);
    }
}

/* Free and cached memory are told where they are well-formed. */
static void meminfo_knows_what_is_cached(void **state)
{
    static const struct {
        const char *text;
        bool has_free, has_cached;
        uint64_t free, cached;
    } rows[] = {
        { "MemTotal: 9 kB\nMemFree: 3 kB\nBuffers: 1 kB\nCached: 2 kB\n", true,
          true, 3, 3 },
        { "MemTotal: 9 kB\nCached: 2 kB\nSwapCached: 7 kB\nBuffers: 1 kB\n",
          false, true, 0, 3 },
        { "MemTotal: 9 kB\nCached: 2 kB\n", false, false, 0, 0 },
        { "MemTotal: 9 kB\nBuffers: 2 kB\n", false, false, 0, 0 },
        { "MemTotal: 9 kB\nMemFree: -3 kB\nBuffers: 1 kB\nCached: x kB\n",
          false, false, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        struct jb_meminfo got = { 0 };

        CHECK_STATUS(rows[i].text,
                     jb_meminfo_parse(rows[i].text, strlen(rows[i].text), &got),
                     JB_OK, NULL);
        CHECK_BOOL(rows[i].text, got.has_free, rows[i].has_free);
        CHECK_BOOL(rows[i].text, got.has_cached, rows[i].has_cached);
        CHECK_U64(rows[i].text, got.free_kib, rows[i].free);
        CHECK_U64(rows[i].text, got.cached_kib, rows[i].cached);
    }
}

/* What stands behind the length is not looked at. */
static void meminfo_keeps_to_its_length(void **state)
{
    static const char text[] = "MemTotal: 123 kB";
    struct jb_meminfo got = { 0 };

    (void)state;
    for (size_t length = 0; length < sizeof(text) - 1; length++)
        CHECK_STATUS(text, jb_meminfo_parse(text, length, &got), JB_EFORMAT,
                     NULL);
    CHECK_STATUS(text, jb_meminfo_parse(text, sizeof(text) - 1, &got), JB_OK,
                 NULL);
    CHECK_U64(text, got.total_kib, 123);
}

static void meminfo_reads_the_file(void **state)
{
    char long_text[JB_MEMINFO_BYTES + 64];
    struct jb_meminfo got = { .total_kib = 7 };
    struct jb_error err = { 0 };
    struct tree tree;

    (void)state;
    tree_init(&tree);
    CHECK_STATUS("absent", jb_meminfo_read(tree.root, &got, &err), JB_EABSENT,
                 &err);
    assert_non_null(strstr(err.text, "/meminfo"));
    tree_write(&tree, "meminfo", "MemFree: 10 kB\n");
    CHECK_STATUS("no total", jb_meminfo_read(tree.root, &got, &err), JB_EFORMAT,
                 &err);
    assert_non_null(strstr(err.text, "/meminfo has no MemTotal"));
    tree_write(&tree, "meminfo", "MemTotal: 1 kB\nMemAvailable: 2 kB\n");
    CHECK_STATUS("too much", jb_meminfo_read(tree.root, &got, &err),
                 JB_EIMPLAUSIBLE, &err);
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    tree_write(&tree, "meminfo", long_text);
    CHECK_STATUS("too long", jb_meminfo_read(tree.root, &got, &err), JB_ELIMIT,
                 &err);
    CHECK_U64("untouched", got.total_kib, 7);
    tree_write(&tree, "meminfo", "MemTotal: 8 kB\nMemFree: 10 kB\n");
    CHECK_STATUS("good", jb_meminfo_read(tree.root, &got, &err), JB_OK, &err);
    CHECK_U64("good", got.total_kib, 8);
    tree_release(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meminfo_takes_whole_lines),
        cmocka_unit_test(meminfo_knows_what_is_cached),
        cmocka_unit_test(meminfo_keeps_to_its_length),
        cmocka_unit_test(meminfo_reads_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
