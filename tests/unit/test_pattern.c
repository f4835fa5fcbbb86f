/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>

#include "identity/hash.h"
#include "identity/path_table.h"
#include "identity/pattern.h"

#define A64 "b43d92bf1e5c6f78bb9b7bc6f40721280299855ba692092716e3a1b6c0b86f3f"

static const struct pattern_case {
    const char *pattern, *name;
    bool matches;
    const char *captures[JB_PATTERN_CAPTURES];
} pattern_cases[] = {
    { "slurm", "slurm", true, { NULL } },
    { "slurm", "slur", false, { NULL } },
    { "slurm", "slurms", false, { NULL } },
    { "slurm", "", false, { NULL } },
    { "job_#", "job_0", true, { "0" } },
    { "job_#", "job_18446744073709551616", true, { "18446744073709551616" } },
    { "job_#", "job_01", false, { NULL } },
    { "job_#", "job_+1", false, { NULL } },
    { "job_#", "job_1 ", false, { NULL } },
    { "job_#", "job_", false, { NULL } },
    { "step_#+#", "step_10+2", true, { "10", "2" } },
    { "step_#+#", "step_10+", false, { NULL } },
    { "x-%.y", "x-" A64 ".y", true, { A64 } },
    { "x-%.y", "x-" A64 "a.y", false, { NULL } },
    { "x-%.y", "x-abc.y", false, { NULL } },
    { "pod~", "podab-12_f", true, { "ab-12_f" } },
    { "pod~", "podg", false, { NULL } },
    { "pod~.slice", "pod12.slice", true, { "12" } },
    { "*.scope", "a.scope.scope", true, { "a.scope" } },
    { "*.scope", ".scope", false, { NULL } },
    { "a*", "a", false, { NULL } },
    { "a*", "ab", true, { "b" } },
    { "*_#", "a_1_22", true, { "a_1", "22" } },
    { "*_#", "a_1_0", true, { "a_1", "0" } },
    { "*_#", "a_1_", false, { NULL } },
    { "#.*", "7.a.b", true, { "7", "a.b" } },
    { "#[*", "7[3].a", true, { "7", "3].a" } },
    { "q\\x2d#\\x2d*.s", "q\\x2d1\\x2da\\x2db.s", true, { "1", "a\\x2db" } },
    { "$", "sBR1JB8J1YM400", true, { "sBR1JB8J1YM400" } },
    { "$", "sBR1JB8J1YM4000", false, { NULL } },
};

static void pattern_check(const struct pattern_case *row)
{
    size_t length = strlen(row->name);
    char *exact = malloc(length + 1); /* so that ASan sees an overread */
    struct jb_word captures[JB_PATTERN_CAPTURES] = { { 0 } };
    char label[256];

    assert_non_null(exact);
    memcpy(exact + 1, row->name, length);
    snprintf(label, sizeof(label), "%s on %s", row->name, row->pattern);
    CHECK_BOOL(label,
               jb_pattern_match(row->pattern,
                                (struct jb_word){ exact + 1, length },
                                captures),
               row->matches);
    for (size_t i = 0; i < JB_PATTERN_CAPTURES; i++)
        if (row->captures[i])
            CHECK_BOOL(label, jb_word_is(captures[i], row->captures[i]), true);
    free(exact);
}

static void pattern_of_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(pattern_cases); i++)
        pattern_check(&pattern_cases[i]);
}

/* 0xbc064b4483ea1000 is the example of Slurm's own test of sluid.c; the others
 * were worked out with Python's integers. */
static void pattern_of_sluids(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        { "sBR1JB8J1YM400", UINT64_C(0xbc064b4483ea1000) },
        { "SbR1jB8j1yM4oO", UINT64_C(0xbc064b4483ea1000) },
        { "sEKNKTV3WPV500", UINT64_C(0xe9d67ad8f96d9400) },
        { "sFZZZZZZZZZZZZ", UINT64_MAX },
        { "s0000000000001", 1 },
        { "s000000000000I", 1 },
        { "s000000000000l", 1 },
        { "s0000000000000", 0 },
        { "sG000000000000", 0 },
        { "sU000000000000", 0 },
        { "s000000000000U", 0 },
        { "s00000000000-1", 0 },
        { "x0000000000001", 0 },
        { "s000000000001", 0 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        CHECK_U64(cases[i].text, jb_sluid_parse(jb_word_of(cases[i].text)),
                  cases[i].value);
    CHECK_U64("NUL", jb_sluid_parse((struct jb_word){ "s000000000000\0", 14 }),
              0);
}

/* What pattern.h asks of patterns, and what a row needs. */
static void pattern_of_table(void **state)
{
    (void)state;
    assert_true(jb_path_row_count > 0);
    for (size_t i = 0; i < jb_path_row_count; i++) {
        const struct path_row *row = &jb_path_rows[i];
        size_t captures = 0;
        size_t stars = 0;

        for (const char *at = row->pattern; *at; at++) {
            captures += strchr("#%~$*", *at) != NULL;
            stars += *at == '*';
        }
        CHECK_BOOL(row->pattern, captures <= JB_PATTERN_CAPTURES, true);
        CHECK_BOOL(row->pattern, stars <= 1, true);
        for (size_t k = captures; k < JB_PATTERN_CAPTURES; k++)
            CHECK_U64(row->pattern, row->fields[k], PATH_FIELD_NONE);
        CHECK_BOOL(row->pattern, row->from != 0 && row->to != 0, true);
    }
}

/* Appendix A of the paper: key 00 01 .. 0f, message 00 01 .. 0e; and from the
 * authors' vectors the empty message. */
static void pattern_hash(void **state)
{
    static const uint64_t key[2] = { UINT64_C(0x0706050403020100),
                                     UINT64_C(0x0f0e0d0c0b0a0908) };
    unsigned char message[15];

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (unsigned char)i;
    CHECK_U64("15 bytes", jb_siphash(key, message, sizeof(message)),
              UINT64_C(0xa129ca6149be45e5));
    CHECK_U64("none", jb_siphash(key, NULL, 0), UINT64_C(0x726fdb47dd0e0e31));
}

static void pattern_words(void **state)
{
    struct jb_word rest = jb_word_of("a//b/");
    struct jb_word word;
    char out[4];

    (void)state;
    assert_true(jb_word_next(&rest, '/', &word));
    assert_true(jb_word_is(word, "a"));
    assert_true(jb_word_next(&rest, '/', &word));
    assert_int_equal(word.length, 0);
    assert_true(jb_word_next(&rest, '/', &word));
    assert_true(jb_word_is(word, "b"));
    assert_false(jb_word_next(&rest, '/', &word));
    CHECK_TEXT("cut", jb_word_plain(jb_word_of("abcd"), out, sizeof(out)),
               "abc");
    CHECK_TEXT("NUL", jb_word_plain((struct jb_word){ "a\0b", 3 }, out, 4),
               "a?b");
    CHECK_TEXT("none", jb_word_plain((struct jb_word){ 0 }, out, 4), "");
    assert_true(jb_word_equal((struct jb_word){ 0 }, jb_word_of("")));
    assert_false(jb_word_ends_in(jb_word_of("b"), "ab"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_of_cases), cmocka_unit_test(pattern_of_sluids),
        cmocka_unit_test(pattern_of_table), cmocka_unit_test(pattern_hash),
        cmocka_unit_test(pattern_words),
    };

    return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
