/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdbool.h>

#include "base/config.h"

static int config_from(const char *text, struct jb_config **out,
                       struct jb_error *err)
{
    return jb_config_parse("f.yaml", text, strlen(text), out, err);
}

/* As "section.key=value@line:column ", one after the other. */
static void config_print(const struct jb_config *config, char *out, size_t room)
{
    out[0] = '\0';
    for (size_t i = 0; i < config->count; i++) {
        const struct jb_config_entry *e = &config->entries[i];
        size_t used = strlen(out);

        snprintf(out + used, room - used, "%s.%s=%s@%u:%u ", e->section, e->key,
                 e->value, e->value_at.line, e->value_at.column);
    }
}

static void config_reads_two_levels(void **state)
{
    static const struct {
        const char *text, *want;
        size_t sections;
    } cases[] = {
        { "", "", 0 },
        { "# nothing but a remark\n", "", 0 },
        { "---\n...\n", "", 0 },
        { "{}", "", 0 },
        { "powercap:\n", "", 1 },
        { "powercap:\n  # interval: 1s\nperf: {}\n", "", 2 },
        { "a:\n  k: v\n", "a.k=v@2:6 ", 1 },
        { "a:\n  k: v\n  l: 'w x'\nb:\n  k: \"1\"\n",
          "a.k=v@2:6 a.l=w x@3:6 b.k=1@5:6 ", 2 },
        { "a: { k: v, l: w }", "a.k=v@1:9 a.l=w@1:15 ", 1 },
        { "a:\n  k:\n", "a.k=@2:5 ", 1 },
        { "a:\n  k: ~\n", "a.k=~@2:6 ", 1 },
        { "a:\n  k: 100ms # often\n", "a.k=100ms@2:6 ", 1 },
        { "a:\r\n  k: v\r\n", "a.k=v@2:6 ", 1 },
        { "a:\n  k: caf\xc3\xa9\n", "a.k=caf\xc3\xa9@2:6 ", 1 },
        { "\xef\xbb\xbf"
          "a:\n  k: v\n",
          "a.k=v@2:6 ", 1 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_config *config = NULL;
        struct jb_error err;
        char got[256];

        CHECK_STATUS(cases[i].text, config_from(cases[i].text, &config, &err),
                     JB_OK, &err);
        config_print(config, got, sizeof(got));
        CHECK_TEXT(cases[i].text, got, cases[i].want);
        CHECK_U64(cases[i].text, config->section_count, cases[i].sections);
        jb_config_free(config);
    }
}

static const struct config_refusal {
    const char *text, *want;
} config_refusals[] = {
    { "text\n", "f.yaml:1:1: expected sections, 'name:' each" },
    { "- a\n", "f.yaml:1:1: lists are not used here" },
    { "a: 7\n", "f.yaml:1:4: expected 'key: value' lines" },
    { "a:\n  - k\n", "f.yaml:2:3: lists are not used here" },
    { "a:\n  k: [1]\n", "f.yaml:2:6: lists are not used here" },
    { "a:\n  k:\n    l: v\n",
      "f.yaml:3:5: deeper than 'section:' and 'key: value'" },
    { "a:\n  ? {k: v}\n  : w\n",
      "f.yaml:2:5: deeper than 'section:' and 'key: value'" },
    { "? {k: v}\n: w\n",
      "f.yaml:1:3: deeper than 'section:' and 'key: value'" },
    { "? [k]\n: w\n", "f.yaml:1:3: lists are not used here" },
    { "a:\n  k: &x v\n  l: *x\n",
      "f.yaml:2:6: anchors and tags are not used here" },
    { "a: &x\n  k: v\nb: *x\n",
      "f.yaml:1:4: anchors and tags are not used here" },
    { "a:\n  k: *x\n", "f.yaml:2:6: aliases are not used here" },
    { "a:\n  k: !!str v\n", "f.yaml:2:6: anchors and tags are not used here" },
    { "!t {}\n", "f.yaml:1:1: anchors and tags are not used here" },
    { "a:\n  k: v\n---\nb:\n  k: v\n", "f.yaml:3:1: a second document" },
    { "a:\n  k: v\n  k: w\n", "f.yaml:3:3: a key that was given before" },
    { "a: {}\nb: {}\na: {}\n", "f.yaml:3:1: a section that was given before" },
    { "a:\n  k: \"v\\0w\"\n",
      "f.yaml:2:6: a text with a control character or of several lines" },
    { "a:\n  k: \"\\e[31m\"\n",
      "f.yaml:2:6: a text with a control character or of several lines" },
    { "a:\n  k: |\n    v\n    w\n",
      "f.yaml:2:6: a text with a control character or of several lines" },
    { "a:\n  k: \"v\n", "f.yaml:3:1: found unexpected end of stream" },
    { "a:\n\tk: v\n",
      "f.yaml:2:1: found character that cannot start any token" },
    { "a:\n  k: v: w\n",
      "f.yaml:2:7: mapping values are not allowed in this context" },
    { "a: {", "f.yaml:2:1: did not find expected node content" },
    { "%YAML 3.0\n---\na: {}\n",
      "f.yaml:1:1: found incompatible YAML document" },
    { "a:\n  k: \x80\n", "f.yaml: byte 8: invalid leading UTF-8 octet" },
    { "a:\n  k: \x01\n", "f.yaml: byte 8: control characters are not allowed" },
};

static void config_refusals_have_line_and_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(config_refusals); i++) {
        const struct config_refusal *c = &config_refusals[i];
        struct jb_config *config = NULL;
        struct jb_error err = { .text = "" };

        CHECK_STATUS(c->text, config_from(c->text, &config, &err), JB_EFORMAT,
                     &err);
        CHECK_TEXT(c->text, err.text, c->want);
        assert_null(config);
    }
}

/* Fills text with as many copies of part as fit; returns the length. */
static size_t config_repeat(char *text, size_t room, const char *part)
{
    size_t step = strlen(part);
    size_t used = room - room % step;

    for (size_t i = 0; i < used; i++)
        text[i] = part[i % step];
    return used;
}

/* What costs a recursive parser its stack, or a naive one its time. */
static void config_survives_hostile_megabytes(void **state)
{
    static const char *const parts[] = {
        "[",   "{",   "- ", "? ",           "a: ",    "{a: ",
        "&a ", "!",   "\"", "# \n",         "a\n",    "---\n",
        "'",   "|\n", "%",  "\xef\xbb\xbf", "k: v\n", "a: {}\n",
        " ",
    };
    char *text = malloc(JB_CONFIG_BYTES_MAX);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < CHECK_COUNT(parts); i++) {
        size_t length = config_repeat(text, JB_CONFIG_BYTES_MAX, parts[i]);
        struct jb_config *config = NULL;
        struct jb_error err = { .text = "" };
        int rc = jb_config_parse("f", text, length, &config, &err);

        if (rc == JB_OK)
            CHECK_U64(parts[i], config->count, 0);
        else
            assert_null(config);
        jb_config_free(config);
    }
    free(text);
}

static void config_has_ceilings(void **state)
{
    const size_t room = JB_CONFIG_BYTES_MAX + 1;
    char *text = malloc(room);
    struct jb_config *config = NULL;
    struct jb_error err = { .text = "" };
    size_t used = 0;

    (void)state;
    assert_non_null(text);
    memset(text, '\n', room);
    CHECK_STATUS("bytes", jb_config_parse("f", text, room, &config, &err),
                 JB_ELIMIT, &err);
    for (int i = 0; i <= JB_CONFIG_ROWS_MAX; i++)
        used += (size_t)snprintf(text + used, room - used, "s%d:\n", i);
    CHECK_STATUS("sections", jb_config_parse("f", text, used, &config, &err),
                 JB_ELIMIT, &err);
    used = (size_t)snprintf(text, room, "s:\n");
    for (int i = 0; i <= JB_CONFIG_ROWS_MAX; i++)
        used += (size_t)snprintf(text + used, room - used, " k%d: v\n", i);
    CHECK_STATUS("keys", jb_config_parse("f", text, used, &config, &err),
                 JB_ELIMIT, &err);
    assert_null(config);
    free(text);
}

struct config_sample {
    uint64_t interval;
    const char *output;
    bool quiet;
};

#define CONFIG_AT(field) .offset = offsetof(struct config_sample, field)

static const struct jb_option config_table[] = {
    { .name = "interval",
      .type = JB_OPTION_DURATION,
      .min = 1000000,
      CONFIG_AT(interval) },
    { .name = "output", .type = JB_OPTION_TEXT, CONFIG_AT(output) },
    { .name = "quiet", .type = JB_OPTION_FLAG, CONFIG_AT(quiet) },
    { .name = NULL },
};

static void config_applies_its_section_only(void **state)
{
    struct config_sample s = { .interval = 1 };
    struct jb_config *config;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("parse",
                 config_from("perf:\n  other: 1\n"
                             "stat:\n  interval: 1.5s\n  output: f\n"
                             "  quiet: true\n",
                             &config, &err),
                 JB_OK, &err);
    CHECK_STATUS("none",
                 jb_config_apply(config, "list", config_table, &s, &err), JB_OK,
                 &err);
    CHECK_U64("untouched", s.interval, 1);
    CHECK_STATUS("stat",
                 jb_config_apply(config, "stat", config_table, &s, &err), JB_OK,
                 &err);
    CHECK_U64("interval", s.interval, 1500000000);
    CHECK_TEXT("output", s.output, "f");
    assert_true(s.quiet);
    jb_config_free(config);
}

static void config_apply_says_where_and_what(void **state)
{
    static const struct config_refusal cases[] = {
        { "stat:\n  intervall: 1s\n",
          "f.yaml:2:3: unknown key 'intervall' in section 'stat', "
          "did you mean 'interval'?" },
        { "stat:\n  interval: 1s\n  qiuet: true\n",
          "f.yaml:3:3: unknown key 'qiuet' in section 'stat', "
          "did you mean 'quiet'?" },
        { "stat:\n  colour: red\n",
          "f.yaml:2:3: unknown key 'colour' in section 'stat'" },
        { "stat:\n  x: red\n",
          "f.yaml:2:3: unknown key 'x' in section 'stat'" },
        { "stat:\n  '': red\n",
          "f.yaml:2:3: unknown key '' in section 'stat'" },
        { "stat:\n  interval: soon\n",
          "f.yaml:2:13: interval: 'soon' is not a duration such as 100ms, "
          "1.5s or 2m" },
        { "stat:\n  interval:\n    10us\n",
          "f.yaml:3:5: interval: 10us is below 0.001 s" },
        { "stat:\n  quiet: yes\n",
          "f.yaml:2:10: quiet: 'yes' is not true or false" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct config_sample s = { .interval = 4711 };
        struct jb_config *config;
        struct jb_error err;

        CHECK_STATUS(cases[i].text, config_from(cases[i].text, &config, &err),
                     JB_OK, &err);
        CHECK_STATUS(cases[i].text,
                     jb_config_apply(config, "stat", config_table, &s, &err),
                     JB_EUSAGE, &err);
        CHECK_TEXT(cases[i].text, err.text, cases[i].want);
        CHECK_U64(cases[i].text, s.interval, 4711);
        CHECK_STATUS("no err",
                     jb_config_apply(config, "stat", config_table, &s, NULL),
                     JB_EUSAGE, &err);
        jb_config_free(config);
    }
}

static void config_long_keys_are_cut_in_errors(void **state)
{
    char text[4096] = "stat:\n  ? ";
    size_t used = strlen(text);
    struct config_sample s = { .interval = 4711 };
    struct jb_config *config;
    struct jb_error err;

    (void)state;
    memset(text + used, 'k', 3000);
    snprintf(text + used + 3000, sizeof(text) - used - 3000, "\n  : v\n");
    CHECK_STATUS("parse", config_from(text, &config, &err), JB_OK, &err);
    CHECK_STATUS("apply",
                 jb_config_apply(config, "stat", config_table, &s, &err),
                 JB_EUSAGE, &err);
    CHECK_TEXT("long", err.text,
               "f.yaml:2:5: unknown key "
               "'kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk' in section 'stat'");
    jb_config_free(config);
}

static void config_checks_sections(void **state)
{
    static const char *const known[] = { "powercap", "stat", NULL };
    struct jb_config *config;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("good", config_from("stat:\npowercap:\n", &config, &err),
                 JB_OK, &err);
    CHECK_STATUS("good", jb_config_check_sections(config, known, &err), JB_OK,
                 &err);
    jb_config_free(config);
    CHECK_STATUS("near", config_from("stat:\n\npowercaps:\n", &config, &err),
                 JB_OK, &err);
    CHECK_STATUS("near", jb_config_check_sections(config, known, &err),
                 JB_EUSAGE, &err);
    CHECK_TEXT("near", err.text,
               "f.yaml:3:1: unknown section 'powercaps', "
               "did you mean 'powercap'?");
    jb_config_free(config);
}

static void config_reads_files(void **state)
{
    char path[] = "/tmp/joulebook-config-XXXXXX";
    struct jb_config *config = NULL;
    struct jb_error err;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a:\n  k: v\n", 10), 10);
    CHECK_STATUS("file", jb_config_read(path, &config, &err), JB_OK, &err);
    CHECK_TEXT("path", config->path, path);
    CHECK_U64("count", config->count, 1);
    jb_config_free(config);
    config = NULL;
    assert_int_equal(ftruncate(fd, JB_CONFIG_BYTES_MAX + 1), 0);
    CHECK_STATUS("large", jb_config_read(path, &config, &err), JB_ELIMIT, &err);
    close(fd);
    unlink(path);
    CHECK_STATUS("gone", jb_config_read(path, &config, &err), JB_EABSENT, &err);
    CHECK_STATUS("directory", jb_config_read("/tmp", &config, &err), JB_EIO,
                 &err);
    assert_null(config);
}

static void config_free_accepts_null(void **state)
{
    (void)state;
    jb_config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_reads_two_levels),
        cmocka_unit_test(config_refusals_have_line_and_column),
        cmocka_unit_test(config_survives_hostile_megabytes),
        cmocka_unit_test(config_has_ceilings),
        cmocka_unit_test(config_applies_its_section_only),
        cmocka_unit_test(config_apply_says_where_and_what),
        cmocka_unit_test(config_long_keys_are_cut_in_errors),
        cmocka_unit_test(config_checks_sections),
        cmocka_unit_test(config_reads_files),
        cmocka_unit_test(config_free_accepts_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
