/* SPDX-License-Identifier: Apache-2.0 */
/* What is written is JSON, whatever is put in, or it is an error. */
#include "base/emit.h"

#include <stdlib.h>

#include "check.h"

struct sink {
    char text[8192];
    size_t used;
    size_t room; /* bytes until it is full */
};

static int take(void *context, const char *bytes, size_t length)
{
    struct sink *sink = context;

    if (length > sink->room)
        return JB_EIO;
    sink->room -= length;
    memcpy(sink->text + sink->used, bytes, length);
    sink->used += length;
    sink->text[sink->used] = '\0';
    return JB_OK;
}

static void begin(struct jb_emit *emit, struct sink *sink, unsigned lines)
{
    *sink = (struct sink){ .room = sizeof(sink->text) - 1 };
    jb_emit_init(emit, take, sink, lines);
}

static void test_document(void **state)
{
    struct jb_emit emit;
    struct sink sink;

    (void)state;
    begin(&emit, &sink, 1);
    jb_emit_open(&emit, '{');
    jb_emit_key_text(&emit, "a", "x");
    jb_emit_key(&emit, "b");
    jb_emit_open(&emit, '[');
    jb_emit_u64(&emit, UINT64_MAX);
    jb_emit_text(&emit, NULL);
    jb_emit_open(&emit, '{');
    jb_emit_close(&emit);
    jb_emit_close(&emit);
    jb_emit_close(&emit);
    CHECK_STATUS("document", jb_emit_end(&emit), JB_OK, NULL);
    CHECK_TEXT("document", sink.text,
               "{\n  \"a\": \"x\",\n  \"b\": [18446744073709551615, null, "
               "{}]\n}\n");
}

static void test_micro(void **state)
{
    static const struct {
        int64_t micro;
        const char *want;
    } cases[] = {
        { 0, "0.0" },
        { 120500000, "120.5" },
        { 1000000, "1.0" },
        { -5250000, "-5.25" },
        { 1, "0.000001" },
        { -1, "-0.000001" },
        { INT64_MAX, "9223372036854.775807" },
        { INT64_MIN, "-9223372036854.775808" },
        { 100000000, "100.0" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_emit emit;
        struct sink sink;

        begin(&emit, &sink, 0);
        jb_emit_micro(&emit, cases[i].micro);
        CHECK_STATUS(cases[i].want, jb_emit_end(&emit), JB_OK, NULL);
        CHECK_TEXT(cases[i].want, sink.text, cases[i].want);
    }
}

static void test_text(void **state)
{
    static const struct {
        const char *label, *text, *want;
    } cases[] = {
        { "plain", "abc", "\"abc\"" },
        { "quote", "a\"\\b", "\"a\\\"\\\\b\"" },
        { "control", "a\n\t\x01\x7f", "\"a\\u000a\\u0009\\u0001\\u007f\"" },
        { "two bytes", "\xc3\xa9", "\"\xc3\xa9\"" },
        { "four bytes", "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
        { "last", "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"" },
        { "alone", "\x80z", "\"\\ufffdz\"" },
        { "cut", "\xe2\x82", "\"\\ufffd\\ufffd\"" },
        { "cut before a letter", "\xe2\x82z", "\"\\ufffd\\ufffdz\"" },
        { "overlong", "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
        { "overlong of three", "\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"" },
        { "surrogate", "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
        { "above", "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_emit emit;
        struct sink sink;

        begin(&emit, &sink, 0);
        jb_emit_text(&emit, cases[i].text);
        CHECK_STATUS(cases[i].label, jb_emit_end(&emit), JB_OK, NULL);
        CHECK_TEXT(cases[i].label, sink.text, cases[i].want);
    }
}

/* Each misuse is a letter string: { } [ ] brackets, k key, v value. */
static void test_misuse(void **state)
{
    static const struct {
        const char *calls;
        int want;
    } cases[] = {
        { "", JB_EUSAGE },
        { "vv", JB_EUSAGE },
        { "{", JB_EUSAGE },
        { "[", JB_EUSAGE },
        { "{v}", JB_EUSAGE },
        { "{k}", JB_EUSAGE },
        { "{kk", JB_EUSAGE },
        { "[k]", JB_EUSAGE },
        { "k", JB_EUSAGE },
        { "}", JB_EUSAGE },
        { "{}{}", JB_EUSAGE },
        { "{kv}v", JB_EUSAGE },
        { "{kvkv}", JB_OK },
        { "[vv[]]", JB_OK },
        { "v", JB_OK },
        { "{k{k[v]}}", JB_OK },
        { "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", JB_OK },
        { "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", JB_ELIMIT },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_emit emit;
        struct sink sink;

        begin(&emit, &sink, 2);
        for (const char *c = cases[i].calls; *c; c++) {
            if (*c == '{' || *c == '[')
                jb_emit_open(&emit, *c);
            else if (*c == 'k')
                jb_emit_key(&emit, "key");
            else if (*c == 'v')
                jb_emit_u64(&emit, 1);
            else
                jb_emit_close(&emit);
        }
        CHECK_STATUS(cases[i].calls, jb_emit_end(&emit), cases[i].want, NULL);
    }
}

/* Texts that end anywhere around the end of the buffer arrive whole. */
static void test_buffer(void **state)
{
    char text[JB_EMIT_BUFFER + 8];

    (void)state;
    for (size_t length = JB_EMIT_BUFFER - 6; length < sizeof(text); length++) {
        struct jb_emit emit;
        struct sink sink;

        memset(text, 'x', length);
        text[length] = '\0';
        begin(&emit, &sink, 0);
        jb_emit_open(&emit, '[');
        jb_emit_text(&emit, text);
        jb_emit_u64(&emit, 7);
        jb_emit_close(&emit);
        CHECK_STATUS("long text", jb_emit_end(&emit), JB_OK, NULL);
        CHECK_U64("length", sink.used, length + 7);
        CHECK_TEXT("end", sink.text + length + 2, "\", 7]");
    }
}

static void test_full(void **state)
{
    struct jb_emit emit;
    struct sink sink;

    (void)state;
    begin(&emit, &sink, 0);
    sink.room = 2000;
    jb_emit_open(&emit, '[');
    for (int i = 0; i < 4000; i++)
        jb_emit_u64(&emit, 5);
    jb_emit_close(&emit);
    CHECK_STATUS("full", jb_emit_end(&emit), JB_EIO, NULL);
    CHECK_U64("what fitted", sink.used, JB_EMIT_BUFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document), cmocka_unit_test(test_micro),
        cmocka_unit_test(test_text),     cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_buffer),   cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
