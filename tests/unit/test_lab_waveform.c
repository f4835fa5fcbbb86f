/* SPDX-License-Identifier: Apache-2.0 */
/* Integrals against values that Python worked out with exact fractions
 * (tests/fixtures/lab/make_waveforms.py); argv[1] is that fixture file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/waveform.h"

static const char *fixture_path;

static int parse(const char *text, struct jb_lab_wave *wave,
                 struct jb_error *err)
{
    struct jb_lab_scan scan = jb_lab_scan_of(text, strlen(text));
    int rc = jb_lab_wave_parse(&scan, wave, err);

    if (rc == JB_OK && !jb_lab_scan_done(&scan))
        return JB_EFORMAT;
    return rc;
}

static void test_fixture(void **state)
{
    FILE *file = fopen(fixture_path, "re");
    static char line[8192];
    unsigned cases = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        char *wave_text = strtok(line, " ");
        char *elapsed = strtok(NULL, " ");
        char *want = strtok(NULL, "\n");
        struct jb_lab_wave wave;
        struct jb_lab_text got = { 0 };
        struct jb_error err = { 0 };

        if (parse(wave_text, &wave, &err) != JB_OK)
            fail_msg("%s: %s", wave_text, err.text);
        jb_lab_text_add_i128(
            &got, jb_lab_wave_energy_fj(&wave, strtoull(elapsed, NULL, 10)));
        if (strcmp(got.bytes, want) != 0)
            fail_msg("%s at %s: got %s want %s", wave_text, elapsed, got.bytes,
                     want);
        jb_lab_text_release(&got);
        cases++;
    }
    fclose(file);
    assert_true(cases > 400);
}

/* Energy never falls and adds up over any cut of time. */
static void test_is_monotone(void **state)
{
    static const char *const waves[] = {
        "ramp:60W,5W,901ns", "triangle:1W,3W,7778ns+square:0W,9W,13ns,5ns"
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct jb_lab_wave wave = { 0 };
        jb_lab_i128 last = 0;

        /* A slope's period has to be even. */
        assert_int_equal(parse(waves[i], &wave, NULL), i ? JB_OK : JB_EFORMAT);
        if (!i)
            continue;
        for (uint64_t t = 1; t < 20000; t++) {
            jb_lab_i128 now = jb_lab_wave_energy_fj(&wave, t);

            assert_true(now >= last);
            last = now;
        }
    }
}

static void test_units(void **state)
{
    struct jb_lab_wave wave;

    (void)state;
    assert_int_equal(parse("const:12.5W", &wave, NULL), JB_OK);
    assert_int_equal(wave.parts[0].lo_uw, 12500000);
    assert_int_equal(parse("square:1kW,250mW,1.5ms,30%", &wave, NULL), JB_OK);
    assert_int_equal(wave.parts[0].lo_uw, 1000000000);
    assert_int_equal(wave.parts[0].hi_uw, 250000);
    assert_int_equal(wave.parts[0].period_ns, 1500000);
    assert_int_equal(wave.parts[0].high_ns, 450000);
    assert_int_equal(parse("const:1W+steps:2W@1s,7W@1s", &wave, NULL), JB_OK);
    assert_int_equal(jb_lab_wave_max_uw(&wave), 8000000);
}

static void test_refusals(void **state)
{
    static const char *const bad[] = {
        "",
        "const",
        "const:",
        "const:5",
        "const:-5W",
        "const:5 W",
        "const:0.0000001W",
        "const:100.000001kW",
        "const:99999999999999999999W",
        "sine:1W,2W,1s",
        "square:1W,2W,1s",
        "square:1W,2W,1s,101%",
        "square:1W,2W,1s,1001ms",
        "square:1W,2W,0s,0s",
        "triangle:2W,1W,1s",
        "triangle:1W,2W,3ns",
        "ramp:1W,2W,10001s",
        "steps:",
        "steps:1W@0s",
        "steps:1W@1s,",
        "const:1W+",
        "const:1W+const:1W+const:1W+const:1W+const:1W+const:1W+const:1W",
        "const:1W ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct jb_lab_wave wave;

        if (parse(bad[i], &wave, NULL) != JB_EFORMAT)
            fail_msg("accepted: '%s'", bad[i]);
    }
}

static void test_json(void **state)
{
    struct jb_lab_text out = { 0 };
    struct jb_lab_wave wave;

    (void)state;
    assert_int_equal(
        parse("const:1W+square:1W,2W,8ns,3ns+steps:1uW@2ns", &wave, NULL),
        JB_OK);
    jb_lab_wave_json(&wave, &out);
    assert_string_equal(out.bytes,
                        "[[\"const\",1000000],"
                        "[\"square\",1000000,2000000,8,3],[\"steps\",1,2]]");
    jb_lab_text_release(&out);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixture), cmocka_unit_test(test_is_monotone),
        cmocka_unit_test(test_units),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_json),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s tests/fixtures/lab/waveforms.txt\n",
                argv[0]);
        return 2;
    }
    fixture_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
