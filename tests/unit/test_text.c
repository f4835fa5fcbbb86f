/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdbool.h>

#include "base/text.h"

enum { TEXT_UNTOUCHED = 4711 };

static void text_u64_takes_digits_only(void **state)
{
    static const struct {
        const char *text;
        bool ok, ok_any;
        uint64_t want;
    } cases[] = {
        { "0", true, true, 0 },
        { "007", true, true, 7 },
        { "18446744073709551615", true, true, UINT64_MAX },
        { "18446744073709551616", false, false, 0 },
        { "99999999999999999999", false, false, 0 },
        { "", false, false, 0 },
        { " 7", false, false, 0 },
        { "7 ", false, false, 0 },
        { "7\n", false, false, 0 },
        { "+7", false, false, 0 },
        { "-1", false, false, 0 },
        { "1e3", false, false, 0 },
        { "7x", false, false, 0 },
        { "N/A", false, false, 0 },
        { "ff", false, false, 0 },
        { "0x", false, false, 0 },
        { "0xg", false, false, 0 },
        { "0x1F", false, true, 0x1f },
        { "0XffffFFFFffffFFFF", false, true, UINT64_MAX },
        { "0x10000000000000000", false, false, 0 },
        { "x1", false, false, 0 },
        { "\xd9\xa3", false, false, 0 }, /* a digit, but of another script */
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        const char *text = cases[i].text;
        uint64_t got = TEXT_UNTOUCHED;

        CHECK_BOOL(text, jb_text_u64(text, strlen(text), &got), cases[i].ok);
        CHECK_U64(text, got, cases[i].ok ? cases[i].want : TEXT_UNTOUCHED);
        got = TEXT_UNTOUCHED;
        CHECK_BOOL(text, jb_text_u64_any(text, strlen(text), &got),
                   cases[i].ok_any);
        CHECK_U64(text, got, cases[i].ok_any ? cases[i].want : TEXT_UNTOUCHED);
    }
}

static void text_i64_takes_one_sign(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "-273150", true, -273150 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775809", false, 0 },
        { "18446744073709551615", false, 0 },
        { "-", false, 0 },
        { "", false, 0 },
        { "--1", false, 0 },
        { "+1", false, 0 },
        { "- 1", false, 0 },
        { "1-", false, 0 },
        { "-1.5", false, 0 },
        { "-0x1", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        const char *text = cases[i].text;
        int64_t got = TEXT_UNTOUCHED;

        CHECK_BOOL(text, jb_text_i64(text, strlen(text), &got), cases[i].ok);
        CHECK_U64(text, (uint64_t)got,
                  cases[i].ok ? (uint64_t)cases[i].want : TEXT_UNTOUCHED);
    }
}

static void text_u64_reads_no_further_than_told(void **state)
{
    const char unterminated[2] = { '4', '2' };
    uint64_t got;

    (void)state;
    assert_true(jb_text_u64(unterminated, 2, &got));
    CHECK_U64("42", got, 42);
    assert_true(jb_text_u64("123456", 3, &got));
    CHECK_U64("123", got, 123);
    assert_false(jb_text_u64("1\0002", 3, &got));
}

static const struct text_real_case {
    const char *text;
    bool ok;
    double want;
} text_real_cases[] = {
    { "0", true, 0.0 },
    { "-0", true, -0.0 },
    { "1", true, 1.0 },
    { "+1.5", true, 1.5 },
    { ".5", true, 0.5 },
    { "5.", true, 5.0 },
    { "0.3", true, 0.3 },
    { "-0.3", true, -0.3 },
    { "65.536", true, 65.536 },
    { "0.000000000000123", true, 0.000000000000123 },
    { "123456789012345678901234567890", true,
      123456789012345678901234567890.0 },
    { "1e3", true, 1e3 },
    { "2.3E-7", true, 2.3e-7 },
    { "1e+308", true, 1e308 },
    { "4.9e-324", true, 4.9e-324 },
    { "1e-999", true, 0.0 },
    { "0e99999999999999999999", true, 0.0 },
    { "1e309", false, 0 },
    { "1e99999999999999999999", false, 0 },
    { "", false, 0 },
    { "-", false, 0 },
    { ".", false, 0 },
    { "e3", false, 0 },
    { "1e", false, 0 },
    { "1e+", false, 0 },
    { "1.2.3", false, 0 },
    { "1,5", false, 0 },
    { " 1", false, 0 },
    { "1 ", false, 0 },
    { "--1", false, 0 },
    { "0x10", false, 0 },
    { "inf", false, 0 },
    { "nan", false, 0 },
    { "1W", false, 0 },
};

/* The nearest double, as the compiler reads it: 3 * 0.1 is not 0.3. */
static void text_real_is_the_nearest(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(text_real_cases); i++) {
        const struct text_real_case *c = &text_real_cases[i];
        double got = TEXT_UNTOUCHED;

        CHECK_BOOL(c->text, jb_text_real(c->text, &got), c->ok);
        CHECK_REAL(c->text, got, c->ok ? c->want : TEXT_UNTOUCHED);
    }
}

static void text_duration_is_exact(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t want;
    } cases[] = {
        { "0", true, 0 },
        { "1", true, 1000000000 },
        { "250ns", true, 250 },
        { "10us", true, 10000 },
        { "100ms", true, 100000000 },
        { "1.5s", true, 1500000000 },
        { "0.3s", true, 300000000 },
        { "2m", true, UINT64_C(120000000000) },
        { "2min", true, UINT64_C(120000000000) },
        { "3h", true, UINT64_C(10800000000000) },
        { "1d", true, UINT64_C(86400000000000) },
        { "0.000000001s", true, 1 },
        { "0.0000000019s", true, 1 },
        { "1.999999999", true, 1999999999 },
        /* 18 ns and 9 ns: a step of 10^-12 h is 3.6 ns, not 3 */
        { "0.000000000005h", true, 18 },
        { "0.00000000015m", true, 9 },
        { "213503.9823345d", true, UINT64_C(18446744073700800000) },
        { "18446744073709551615ns", true, UINT64_MAX },
        { "18446744073709551616ns", false, 0 },
        { "18446744073.709551616s", false, 0 },
        { "18446744074s", false, 0 },
        { "99999999999999d", false, 0 },
        { "", false, 0 },
        { "s", false, 0 },
        { ".5s", false, 0 },
        { "1.s", false, 0 },
        { "1.", false, 0 },
        { "-1s", false, 0 },
        { "+1s", false, 0 },
        { "1 s", false, 0 },
        { "1S", false, 0 },
        { "1sec", false, 0 },
        { "1s ", false, 0 },
        { "1e3", false, 0 },
        { "1h30m", false, 0 },
        { "1.5.5s", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        uint64_t got = TEXT_UNTOUCHED;

        CHECK_BOOL(cases[i].text, jb_text_duration(cases[i].text, &got),
                   cases[i].ok);
        CHECK_U64(cases[i].text, got,
                  cases[i].ok ? cases[i].want : TEXT_UNTOUCHED);
    }
}

static void text_plain_is_visible_ascii(void **state)
{
    static const struct {
        const char *text, *plain;
    } cases[] = {
        { "", "" },
        { "eth0.~!", "eth0.~!" },
        { "two words", "two?words" },
        { "\033[31m\x7f", "?[31m?" },
        { "\xff-\xc3", "?-?" },
        { "\n", "?" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        char text[16];

        snprintf(text, sizeof(text), "%s", cases[i].text);
        assert_int_equal(jb_text_make_plain(text),
                         strcmp(cases[i].text, cases[i].plain) != 0);
        assert_string_equal(text, cases[i].plain);
    }
}

static void text_trimmed_takes_the_end_only(void **state)
{
    static const struct {
        const char *text;
        size_t length, want;
    } cases[] = {
        { "", 0, 0 },        { "\n", 1, 0 },       { "a", 1, 1 },
        { "a\n", 2, 1 },     { "a \t\n\0", 5, 1 }, { " a", 2, 2 },
        { "a b\n\n", 5, 3 }, { "\0\0\0", 3, 0 },   { "a\0b\0", 4, 3 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        CHECK_U64(cases[i].text,
                  jb_text_trimmed(cases[i].text, cases[i].length),
                  cases[i].want);
}

/* Notes the numbers as "0 1 2 "; refuses to go on after `stop` of them. */
struct text_seen {
    char list[256];
    size_t count, stop;
};

static bool text_note_cpu(uint32_t cpu, void *context)
{
    struct text_seen *seen = context;
    size_t used = strlen(seen->list);

    snprintf(seen->list + used, sizeof(seen->list) - used, "%" PRIu32 " ", cpu);
    return ++seen->count != seen->stop;
}

static void text_each_cpu_expands_lists(void **state)
{
    static const struct {
        const char *list;
        bool ok;
        const char *want;
    } cases[] = {
        { "", true, "" },
        { "\n", true, "" },
        { "0", true, "0 " },
        { "0-3", true, "0 1 2 3 " },
        { "0-1,8,10-11\n", true, "0 1 8 10 11 " },
        { "3-3", true, "3 " },
        { "1023", true, "1023 " },
        { "1024", false, "" },
        { "1-1024", false, "" },
        { "0-18446744073709551615", false, "" },
        { "99999999999999999999", false, "" },
        { "3-1", false, "" },
        { "0-", false, "" },
        { "-3", false, "" },
        { "0--3", false, "" },
        { "0-1-2", false, "" },
        { ",", false, "" },
        { "1,", false, "1 " },
        { "1,,2", false, "1 " },
        { ",1", false, "" },
        { "1, 2", false, "1 " },
        { "1 2", false, "" },
        { "all", false, "" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct text_seen seen = { .count = 0 };
        const char *list = cases[i].list;

        CHECK_BOOL(
            list,
            jb_text_each_cpu(list, strlen(list), 1023, text_note_cpu, &seen),
            cases[i].ok);
        CHECK_TEXT(list, seen.list, cases[i].want);
    }
}

static void text_each_cpu_can_be_stopped(void **state)
{
    struct text_seen seen = { .stop = 2 };

    (void)state;
    assert_false(jb_text_each_cpu("0-9", 3, 9, text_note_cpu, &seen));
    assert_string_equal(seen.list, "0 1 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_u64_takes_digits_only),
        cmocka_unit_test(text_i64_takes_one_sign),
        cmocka_unit_test(text_u64_reads_no_further_than_told),
        cmocka_unit_test(text_real_is_the_nearest),
        cmocka_unit_test(text_duration_is_exact),
        cmocka_unit_test(text_plain_is_visible_ascii),
        cmocka_unit_test(text_trimmed_takes_the_end_only),
        cmocka_unit_test(text_each_cpu_expands_lists),
        cmocka_unit_test(text_each_cpu_can_be_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
