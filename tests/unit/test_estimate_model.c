/* SPDX-License-Identifier: Apache-2.0 */
/* The C evaluation against predictions that train.py made from the same
 * fixed-point tables, the identification of CPUs by name and CPUID, and what
 * must hold of any answer. The fixture is the program's first argument or
 * JB_TEST_FIXTURES/estimate/vectors.txt. */
#include "sources/estimate/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef JB_TEST_FIXTURES
#define JB_TEST_FIXTURES "tests/fixtures"
#endif

static const char *test_vectors = JB_TEST_FIXTURES "/estimate/vectors.txt";

static enum jb_estimate_level test_level(const char *name)
{
    if (strcmp(name, "full") == 0)
        return JB_ESTIMATE_FULL;
    if (strcmp(name, "reduced") == 0)
        return JB_ESTIMATE_REDUCED;
    assert_string_equal(name, "minimal");
    return JB_ESTIMATE_MINIMAL;
}

/* Both sides round to 1 uW; exp and log2 may differ in the last bits. */
static void test_close(const char *line, const char *what, int64_t got,
                       int64_t want)
{
    int64_t slack = want / 1000000 + 2;

    if (got > want + slack || got < want - slack)
        fail_msg("%s: got %lld, want %lld, for: %s", what, (long long)got,
                 (long long)want, line);
}

static void test_one_vector(const char *line)
{
    struct jb_estimate_machine m = { 0 };
    struct jb_estimate got;
    char name[16];
    unsigned arch, amd, ppm;
    long long low, expected, high;

    assert_int_equal(
        sscanf(line, "%15s %u %u %u %u %u %u %u %u %u %u %lld %lld %lld", name,
               &arch, &amd, &m.chips, &m.cores, &m.threads, &m.base_mhz,
               &m.memory_mb, &m.l3_kb, &m.tdp_mw, &ppm, &low, &expected, &high),
        14);
    m.arch = (uint8_t)arch;
    m.amd = (uint8_t)amd;
    assert_int_equal(jb_estimate_power(&m, ppm, &got), test_level(name));
    assert_int_equal(got.level, test_level(name));
    test_close(line, "low", got.low_uw, low);
    test_close(line, "expected", got.expected_uw, expected);
    test_close(line, "high", got.high_uw, high);
}

static void test_agrees_with_python(void **state)
{
    char line[256];
    int lines = 0;
    FILE *f = fopen(test_vectors, "r");

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (line[0] == '#')
            continue;
        test_one_vector(line);
        lines++;
    }
    fclose(f);
    assert_true(lines > 200);
}

static struct jb_estimate_machine test_icelake(void)
{
    struct jb_estimate_machine m = { .chips = 2,
                                     .cores = 80,
                                     .threads = 160,
                                     .base_mhz = 2300,
                                     .memory_mb = 262144,
                                     .l3_kb = 61440,
                                     .tdp_mw = 270000,
                                     .arch = JB_ESTIMATE_ARCH_ICELAKE_SERVER };
    return m;
}

struct test_name {
    const char *name;
    const char *vendor;
    unsigned family, model;
    int listed;
    uint8_t arch;
    uint32_t base_mhz, tdp_mw;
};

static const struct test_name test_names[] = {
    { "Intel(R) Xeon(R) CPU E5-2660 v2 @ 2.20GHz", "GenuineIntel", 6, 0x3e, 1,
      JB_ESTIMATE_ARCH_IVYBRIDGE, 2200, 95000 },
    { "Intel(R) Xeon(R) CPU E5-2660 0 @ 2.20GHz", "GenuineIntel", 6, 0x2d, 1,
      JB_ESTIMATE_ARCH_SANDYBRIDGE, 2200, 95000 },
    { "Intel(R) Xeon(R) CPU           X5670  @ 2.93GHz", "GenuineIntel", 6,
      0x2c, 1, JB_ESTIMATE_ARCH_WESTMERE, 2933, 95000 },
    { "Intel(R) Xeon(R) CPU E7- 4870  @ 2.40GHz", "GenuineIntel", 6, 0x2f, 1,
      JB_ESTIMATE_ARCH_WESTMERE, 2400, 130000 },
    { "Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz", "GenuineIntel", 6, 0x55,
      1, JB_ESTIMATE_ARCH_CASCADELAKE, 2700, 205000 },
    { "Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz", "GenuineIntel", 6, 0x6a,
      1, JB_ESTIMATE_ARCH_ICELAKE_SERVER, 2300, 270000 },
    { "Intel(R) Xeon(R) E-2288G CPU @ 3.70GHz", "GenuineIntel", 6, 0x9e, 1,
      JB_ESTIMATE_ARCH_COFFEELAKE, 3700, 95000 },
    { "AMD EPYC 7742 64-Core Processor", "AuthenticAMD", 23, 0x31, 1,
      JB_ESTIMATE_ARCH_ZEN2, 2250, 225000 },
    { "Quad-Core AMD Opteron(tm) Processor 2356", "AuthenticAMD", 16, 2, 1,
      JB_ESTIMATE_ARCH_K10_65NM, 2300, 95000 },
    { "AMD Opteron(tm) Processor 4164 EE", "AuthenticAMD", 16, 8, 1,
      JB_ESTIMATE_ARCH_K10_45NM, 1800, 35000 },
    /* not in the data: family and model, and the frequency in the name */
    { "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "GenuineIntel", 6, 0x55,
      0, JB_ESTIMATE_ARCH_CASCADELAKE, 2500, 0 },
    { "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", "GenuineIntel", 6, 0x55, 0,
      JB_ESTIMATE_ARCH_SKYLAKE_SERVER, 2100, 0 },
    { "AMD EPYC 9654 96-Core Processor", "AuthenticAMD", 25, 0x11, 0,
      JB_ESTIMATE_ARCH_ZEN4, 0, 0 },
    { "QEMU Virtual CPU version 2.5+", "GenuineIntel", 15, 0x6b, 0,
      JB_ESTIMATE_ARCH_UNKNOWN, 0, 0 },
    { "Neoverse-N1", "ARM", 8, 0, 0, JB_ESTIMATE_ARCH_UNKNOWN, 0, 0 },
    /* foreign bytes */
    { "", "", 0, 0, 0, JB_ESTIMATE_ARCH_UNKNOWN, 0, 0 },
    { NULL, NULL, 0, 0, 0, JB_ESTIMATE_ARCH_UNKNOWN, 0, 0 },
    { "(((((((", "GenuineIntel", 6, 0, 0, JB_ESTIMATE_ARCH_UNKNOWN, 0, 0 },
    { "x @ 99999999999999999.9GHz", "", 0, 0, 0, JB_ESTIMATE_ARCH_UNKNOWN, 0,
      0 },
    { "x @ 2.2222222222GHz", "", 0, 0, 0, JB_ESTIMATE_ARCH_UNKNOWN, 0, 0 },
    { "x @ ..GHz", "", 0, 0, 0, JB_ESTIMATE_ARCH_UNKNOWN, 0, 0 },
    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
      "", 0, 0, 0, JB_ESTIMATE_ARCH_UNKNOWN, 0, 0 },
};

static void test_identify(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(test_names) / sizeof(test_names[0]); i++) {
        const struct test_name *t = &test_names[i];
        struct jb_estimate_machine m = { 0 };
        int listed =
            jb_estimate_identify(t->name, t->vendor, t->family, t->model, &m);

        if (listed != t->listed || m.arch != t->arch ||
            m.base_mhz != t->base_mhz || m.tdp_mw != t->tdp_mw)
            fail_msg("%s: got listed %d arch %u %u MHz %u mW, want %d %u %u %u",
                     t->name, listed, m.arch, m.base_mhz, m.tdp_mw, t->listed,
                     t->arch, t->base_mhz, t->tdp_mw);
    }
}

static void test_identify_keeps_what_is_known(void **state)
{
    struct jb_estimate_machine m = { .tdp_mw = 180000, .base_mhz = 2000 };

    (void)state;
    jb_estimate_identify("AMD EPYC 7742 64-Core Processor", "AuthenticAMD", 23,
                         0x31, &m);
    assert_int_equal(m.tdp_mw, 180000);
    assert_int_equal(m.base_mhz, 2000);
    assert_int_equal(m.l3_kb, 256000);
    assert_int_equal(m.amd, 1);
}

/* For every CPU of the table: order of the interval and rise with load. */
static void test_order_and_rise(void **state)
{
    (void)state;
    for (size_t i = 0; i < jb_estimate_cpu_count; i++) {
        struct jb_estimate_machine m = { .chips = 1 + (uint32_t)(i % 4),
                                         .memory_mb = 65536 };
        struct jb_estimate now, before = { 0 };

        m.arch = jb_estimate_cpus[i].arch;
        m.amd = jb_estimate_archs[m.arch].amd;
        m.base_mhz = jb_estimate_cpus[i].base_mhz;
        m.l3_kb = jb_estimate_cpus[i].l3_kb;
        m.tdp_mw = jb_estimate_cpus[i].tdp_w * 1000u;
        m.cores = m.chips * 8;
        m.threads = m.cores * (1 + (uint32_t)(i % 2));
        for (unsigned ppm = 0; ppm <= 1200000; ppm += 12345) {
            assert_int_not_equal(jb_estimate_power(&m, ppm, &now),
                                 JB_ESTIMATE_NONE);
            assert_true(now.low_uw > 0);
            assert_true(now.low_uw < now.expected_uw);
            assert_true(now.expected_uw < now.high_uw);
            assert_true(now.low_uw >= before.low_uw);
            assert_true(now.expected_uw >= before.expected_uw);
            assert_true(now.high_uw >= before.high_uw);
            before = now;
        }
    }
}

static void test_missing_facts_lower_the_level(void **state)
{
    struct jb_estimate_machine m = test_icelake();
    struct jb_estimate e;

    (void)state;
    assert_int_equal(jb_estimate_power(&m, 0, &e), JB_ESTIMATE_FULL);
    assert_int_equal(e.flags, 0);
    m.tdp_mw = 0;
    assert_int_equal(jb_estimate_power(&m, 0, &e), JB_ESTIMATE_REDUCED);
    m.l3_kb = 0;
    assert_int_equal(jb_estimate_power(&m, 0, &e), JB_ESTIMATE_MINIMAL);
    assert_int_equal(e.flags, 0);
    m.arch = JB_ESTIMATE_ARCH_UNKNOWN;
    assert_int_equal(jb_estimate_power(&m, 0, &e), JB_ESTIMATE_MINIMAL);
    assert_int_equal(e.flags, JB_ESTIMATE_NEW_ARCH);
    m.arch = 255; /* a caller's mistake is not an overrun */
    assert_int_equal(jb_estimate_power(&m, 0, &e), JB_ESTIMATE_MINIMAL);
}

/* Core 2 has no L3: 0 is the truth there, not a gap. */
static void test_no_l3_is_a_fact(void **state)
{
    struct jb_estimate_machine m = { .chips = 2,
                                     .cores = 8,
                                     .threads = 8,
                                     .base_mhz = 2500,
                                     .memory_mb = 16384,
                                     .tdp_mw = 50000,
                                     .arch = JB_ESTIMATE_ARCH_PENRYN };
    struct jb_estimate e;

    (void)state;
    assert_int_equal(jb_estimate_power(&m, 0, &e), JB_ESTIMATE_FULL);
}

static void test_unknown_machine_is_refused(void **state)
{
    static const struct jb_estimate_machine bad[] = {
        { 0 },
        { .chips = 1, .cores = 4, .threads = 8 },
        { .chips = 1, .cores = 4, .threads = 2, .memory_mb = 1024 },
        { .chips = 8, .cores = 4, .threads = 4, .memory_mb = 1024 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct jb_estimate e = { .low_uw = -1, .expected_uw = -2 };

        assert_int_equal(jb_estimate_power(&bad[i], 500000, &e),
                         JB_ESTIMATE_NONE);
        assert_int_equal(e.low_uw, -1);
        assert_int_equal(e.expected_uw, -2);
    }
}

static void test_new_architecture_is_wider(void **state)
{
    struct jb_estimate_machine m = test_icelake();
    struct jb_estimate known, next;

    (void)state;
    jb_estimate_power(&m, 500000, &known);
    m.arch = JB_ESTIMATE_ARCH_SAPPHIRERAPIDS;
    jb_estimate_power(&m, 500000, &next);
    assert_int_equal(next.flags, JB_ESTIMATE_NEW_ARCH);
    assert_int_equal(next.expected_uw, known.expected_uw);
    assert_true(next.low_uw < known.low_uw);
    assert_true(next.high_uw > known.high_uw);
}

static void test_out_of_range_is_said(void **state)
{
    struct jb_estimate_machine m = { .chips = UINT32_MAX,
                                     .cores = UINT32_MAX,
                                     .threads = UINT32_MAX,
                                     .base_mhz = UINT32_MAX,
                                     .memory_mb = UINT32_MAX,
                                     .l3_kb = UINT32_MAX,
                                     .tdp_mw = UINT32_MAX,
                                     .arch = JB_ESTIMATE_ARCH_ZEN3 };
    struct jb_estimate e;

    (void)state;
    assert_int_equal(jb_estimate_power(&m, 500000, &e), JB_ESTIMATE_FULL);
    assert_true(e.flags & JB_ESTIMATE_OUT_OF_RANGE);
    assert_true(e.low_uw > 0 && e.low_uw <= e.expected_uw &&
                e.expected_uw <= e.high_uw);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_python),
        cmocka_unit_test(test_identify),
        cmocka_unit_test(test_identify_keeps_what_is_known),
        cmocka_unit_test(test_order_and_rise),
        cmocka_unit_test(test_missing_facts_lower_the_level),
        cmocka_unit_test(test_no_l3_is_a_fact),
        cmocka_unit_test(test_unknown_machine_is_refused),
        cmocka_unit_test(test_new_architecture_is_wider),
        cmocka_unit_test(test_out_of_range_is_said),
    };

    if (argc > 1)
        test_vectors = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
