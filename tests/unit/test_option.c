/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdbool.h>

#include "joulebook/plugin/option.h"

static const char *const option_modes[] = { "sysfs", "msr", "perf", NULL };

struct option_sample {
    bool quiet;
    const char *output;
    uint64_t count;
    uint64_t port;
    double gain;
    double share;
    uint64_t interval;
    uint64_t patience;
    int mode;
    int after; /* no option's: must never change */
};

#define OPTION_AT(field) .offset = offsetof(struct option_sample, field)

static const struct jb_option option_table[] = {
    { .name = "quiet", .type = JB_OPTION_FLAG, OPTION_AT(quiet) },
    { .name = "output", .type = JB_OPTION_TEXT, OPTION_AT(output) },
    { .name = "count", .type = JB_OPTION_UINT, OPTION_AT(count) },
    { .name = "port",
      .type = JB_OPTION_UINT,
      .fallback = "0x50",
      .min = 1,
      .max = 65535,
      OPTION_AT(port) },
    { .name = "gain",
      .type = JB_OPTION_REAL,
      .fallback = "1.25",
      .min = 1,
      OPTION_AT(gain) },
    { .name = "share", .type = JB_OPTION_REAL, .max = 1, OPTION_AT(share) },
    { .name = "interval",
      .type = JB_OPTION_DURATION,
      .fallback = "100ms",
      .min = 1000000,
      OPTION_AT(interval) },
    { .name = "patience",
      .type = JB_OPTION_DURATION,
      .max = UINT64_C(60000000000),
      OPTION_AT(patience) },
    { .name = "mode",
      .type = JB_OPTION_CHOICE,
      .fallback = "msr",
      .choices = option_modes,
      OPTION_AT(mode) },
    { .name = NULL },
};

static void option_init_sets_every_default(void **state)
{
    struct option_sample s;
    struct jb_error err;

    (void)state;
    memset(&s, 0xa5, sizeof(s));
    s.after = 4711;
    CHECK_STATUS("init", jb_options_init(option_table, &s, &err), JB_OK, &err);
    assert_false(s.quiet);
    assert_null(s.output);
    CHECK_U64("count", s.count, 0);
    CHECK_U64("port", s.port, 80);
    CHECK_REAL("gain", s.gain, 1.25);
    CHECK_REAL("share", s.share, 0.0);
    CHECK_U64("interval", s.interval, 100000000);
    CHECK_U64("patience", s.patience, 0);
    assert_int_equal(s.mode, 1);
    assert_int_equal(s.after, 4711);
}

static void option_init_finds_its_own_faults(void **state)
{
    const struct jb_option bad[] = {
        { .name = "interval",
          .type = JB_OPTION_DURATION,
          .fallback = "soon",
          OPTION_AT(interval) },
        { .name = NULL },
    };
    struct option_sample s;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("bad", jb_options_init(bad, &s, &err), JB_EUSAGE, &err);
    CHECK_STATUS("none", jb_options_init(NULL, &s, &err), JB_OK, &err);
}

static void option_find_matches_whole_names(void **state)
{
    (void)state;
    assert_ptr_equal(jb_option_find(option_table, "count"), &option_table[2]);
    assert_null(jb_option_find(option_table, "coun"));
    assert_null(jb_option_find(option_table, "counts"));
    assert_null(jb_option_find(option_table, ""));
    assert_null(jb_option_find(NULL, "count"));
}

static const struct option_refusal {
    const char *name, *text, *want;
} option_refusals[] = {
    { "quiet", "yes", "quiet: 'yes' is not true or false" },
    { "quiet", "", "quiet: '' is not true or false" },
    { "output", NULL, "output needs a value" },
    { "count", NULL, "count needs a value" },
    { "count", "", "count: '' is not a whole number" },
    { "count", "-1", "count: '-1' is not a whole number" },
    { "count", "1.5", "count: '1.5' is not a whole number" },
    { "port", "0", "port: 0 is below 1" },
    { "port", "65536", "port: 65536 is above 65535" },
    { "gain", "much", "gain: 'much' is not a number" },
    { "gain", "nan", "gain: 'nan' is not a number" },
    { "gain", "0.5", "gain: 0.5 is below 1" },
    { "share", "1.01", "share: 1.01 is above 1" },
    { "share", "-0.1", "share: -0.1 is below 0" },
    { "interval", "fast",
      "interval: 'fast' is not a duration such as 100ms, 1.5s or 2m" },
    { "interval", "10us", "interval: 10us is below 0.001 s" },
    { "patience", "2m", "patience: 2m is above 60 s" },
    { "mode", "ms", "mode: 'ms' is not one of sysfs msr perf" },
    { "mode", "", "mode: '' is not one of sysfs msr perf" },
};

static void option_refusals_say_what_was_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(option_refusals); i++) {
        const struct option_refusal *c = &option_refusals[i];
        struct option_sample before;
        struct option_sample s;
        struct jb_error err;

        memset(&s, 0x5a, sizeof(s));
        memset(&before, 0x5a, sizeof(before));
        CHECK_STATUS(c->want,
                     jb_option_set(jb_option_find(option_table, c->name), &s,
                                   c->text, &err),
                     JB_EUSAGE, &err);
        CHECK_TEXT(c->name, err.text, c->want);
        assert_memory_equal(&s, &before, sizeof(s));
    }
}

static void option_set(struct option_sample *s, const char *name,
                       const char *text)
{
    struct jb_error err;

    CHECK_STATUS(
        name, jb_option_set(jb_option_find(option_table, name), s, text, &err),
        JB_OK, &err);
}

static void option_set_takes_every_type(void **state)
{
    struct option_sample s = { .after = 4711 };

    (void)state;
    option_set(&s, "quiet", NULL);
    assert_true(s.quiet);
    option_set(&s, "quiet", "false");
    assert_false(s.quiet);
    option_set(&s, "quiet", "true");
    assert_true(s.quiet);
    option_set(&s, "output", "");
    CHECK_TEXT("output", s.output, "");
    option_set(&s, "count", "18446744073709551615");
    CHECK_U64("count", s.count, UINT64_MAX);
    option_set(&s, "port", "65535");
    CHECK_U64("port", s.port, 65535);
    option_set(&s, "gain", "1e3");
    CHECK_REAL("gain", s.gain, 1000.0);
    option_set(&s, "share", "1");
    CHECK_REAL("share", s.share, 1.0);
    option_set(&s, "interval", "1ms");
    CHECK_U64("interval", s.interval, 1000000);
    option_set(&s, "patience", "1m");
    CHECK_U64("patience", s.patience, UINT64_C(60000000000));
    option_set(&s, "mode", "perf");
    assert_int_equal(s.mode, 2);
    assert_int_equal(s.after, 4711);
}

static void option_long_choices_do_not_overflow(void **state)
{
    const char *const choices[] = {
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
        "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
        NULL,
    };
    const struct jb_option option = { .name = "mode",
                                      .type = JB_OPTION_CHOICE,
                                      .choices = choices,
                                      OPTION_AT(mode) };
    struct option_sample s;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("long", jb_option_set(&option, &s, "x", &err), JB_EUSAGE,
                 &err);
    assert_true(strlen(err.text) < sizeof(err.text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(option_init_sets_every_default),
        cmocka_unit_test(option_init_finds_its_own_faults),
        cmocka_unit_test(option_find_matches_whole_names),
        cmocka_unit_test(option_refusals_say_what_was_expected),
        cmocka_unit_test(option_set_takes_every_type),
        cmocka_unit_test(option_long_choices_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
