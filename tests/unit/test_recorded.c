/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings read back: what their bytes say, and what is wrong with them. */
#include "check.h"

#include "core/domain.h"
#include "formats/recorded.h"

#define MS UINT64_C(1000000)
#define W INT64_C(1000000)

#define CSV_HEAD                                                               \
    "time,elapsed_s,sensor,domain,quantity,value,unit,power_w,provenance,"     \
    "state\n"
#define JSON_HEAD                                                              \
    "{\"format\": \"joulebook-record\", \"version\": 1, \"interval_s\": 1.0, " \
    "\"readings\": ["
#define ROW(at, value, state)                                                  \
    "{\"time\": \"2024-06-18T16:49:22.500Z\", \"elapsed_s\": " at              \
    ", \"sensor\": \"p/a\", \"domain\": \"package-0\", \"quantity\": "         \
    "\"energy\", \"value\": " value ", \"unit\": \"J\", \"power_w\": null, "   \
    "\"provenance\": \"measured\", \"state\": \"" state "\"}"
#define LINE(us, powers) "{\"interval_us\": " us ",\"powers\": {" powers "}}"
#define REPORT(at, uw)                                                         \
    "{\"host\":{\"consumption\":" uw ",\"timestamp\":" at                      \
    ",\"components\":{\"disks\":[]}},\"consumers\":[],\"sockets\":[{\"id\":1," \
    "\"consumption\":" uw                                                      \
    ",\"domains\":[{\"name\":\"dram\",\"consumption\":" uw                     \
    ",\"timestamp\":" at "}],\"timestamp\":" at "}]}"

static struct jb_recorded *parse(const char *label, const char *text)
{
    struct jb_recorded *recorded = NULL;
    struct jb_error err = { 0 };

    CHECK_STATUS(label,
                 jb_recorded_parse("f", text, strlen(text), &recorded, &err),
                 JB_OK, &err);
    return recorded;
}

static const struct jb_recorded_sensor *find(const struct jb_recorded *recorded,
                                             const char *name)
{
    for (size_t i = 0; i < recorded->count; i++)
        if (strcmp(recorded->sensors[i].name, name) == 0)
            return &recorded->sensors[i];
    print_error("no sensor %s\n", name);
    fail();
    return NULL;
}

static void expect_row(const struct jb_recorded_sensor *sensor, size_t i,
                       struct jb_recorded_row want)
{
    assert_in_range(i, 0, sensor->count - 1);
    CHECK_U64("instant", sensor->rows[i].t_ns, want.t_ns);
    CHECK_U64("generation", sensor->rows[i].generation, want.generation);
    CHECK_STATUS("state", sensor->rows[i].state, want.state, NULL);
    if (want.state == JB_OK)
        CHECK_U64("value", (uint64_t)sensor->rows[i].micro,
                  (uint64_t)want.micro);
}

static void expect_domain(const struct jb_recorded_sensor *sensor,
                          const char *want)
{
    char name[JB_DOMAIN_NAME_MAX];

    CHECK_TEXT(sensor->name, jb_domain_name(&sensor->domain, name), want);
}

/* The same four rows in all three forms: a gap, an error, a step. */
static void test_native(void **state)
{
    static const char *const forms[] = {
        JSON_HEAD "\n" ROW("0.000000", "0.000000", "ok") ",\n" ROW(
            "0.100000", "1.500000",
            "ok") ",\n" ROW("0.200000", "1.500000",
                            "gap") ",\n" ROW("0.300000", "null",
                                             "denied") ",\n" ROW("0.400000",
                                                                 "3.250001",
                                                                 "late") "\n]}"
                                                                         "\n",
        ROW("0.000000", "0.000000", "ok") "\n" ROW(
            "0.100000", "1.500000",
            "ok") "\n" ROW("0.200000", "1.500000",
                           "gap") "\n" ROW("0.300000", "null",
                                           "denied") "\n" ROW("0.400000",
                                                              "3.250001",
                                                              "late") "\n",
        CSV_HEAD "x,0.000000,p/a,package-0,energy,0.000000,J,,measured,ok\n"
                 "x,0.100000,p/a,package-0,energy,1.500000,J,15,measured,ok\n"
                 "x,0.200000,\"p/a\",package-0,energy,1.500000,J,,measured,gap"
                 "\r\n"
                 "x,0.300000,p/a,package-0,energy,,J,,measured,denied\n"
                 "x,0.400000,p/a,package-0,energy,3.250001,J,,measured,late\n",
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(forms); i++) {
        struct jb_recorded *recorded = parse("native", forms[i]);
        const struct jb_recorded_sensor *sensor = find(recorded, "p/a");

        CHECK_TEXT("format", recorded->format, "native");
        CHECK_BOOL("cut off", recorded->cut_off, false);
        expect_domain(sensor, "package-0");
        CHECK_U64("kind", sensor->kind, JB_KIND_COUNTER);
        CHECK_U64("rows", sensor->count, 5);
        expect_row(sensor, 0, (struct jb_recorded_row){ 0, 0, 0, JB_OK });
        expect_row(sensor, 1,
                   (struct jb_recorded_row){ 100 * MS, 1500000, 0, JB_OK });
        expect_row(sensor, 2,
                   (struct jb_recorded_row){ 200 * MS, 1500000, 1, JB_OK });
        expect_row(sensor, 3,
                   (struct jb_recorded_row){ 300 * MS, 0, 1, JB_EDENIED });
        expect_row(sensor, 4,
                   (struct jb_recorded_row){ 400 * MS, 3250001, 1, JB_OK });
        jb_recorded_free(recorded);
    }
}

/* Energy that falls was counted anew; other quantities may fall, and be
 * negative. */
static void test_native_values(void **state)
{
    struct jb_recorded *recorded =
        parse("values",
              CSV_HEAD "x,0.0,a,,energy,5,J,,derived,ok\n"
                       "x,0.0,t,package-0-die-1,temperature,5.5,degC,,measured,"
                       "ok\n"
                       "x,1.0,a,,energy,2,J,,derived,ok\n"
                       "x,1.0,t,package-0-die-1,temperature,-3,degC,,measured,"
                       "ok\n");
    const struct jb_recorded_sensor *energy = find(recorded, "a");
    const struct jb_recorded_sensor *heat = find(recorded, "t");

    (void)state;
    CHECK_U64("provenance", energy->provenance, JB_DERIVED);
    expect_domain(energy, "");
    expect_row(energy, 1, (struct jb_recorded_row){ 1000 * MS, 2 * W, 1, 0 });
    CHECK_U64("kind", heat->kind, JB_KIND_SAMPLED);
    expect_domain(heat, "package-0-die-1");
    expect_row(heat, 0, (struct jb_recorded_row){ 0, 5500000, 0, JB_OK });
    expect_row(heat, 1, (struct jb_recorded_row){ 1000 * MS, -3 * W, 0, 0 });
    jb_recorded_free(recorded);
}

static void test_energizta(void **state)
{
    struct jb_recorded *recorded = parse(
        "lines",
        "-- 2024-06-18 16:49:00 - INFO: a remark\n"
        "\n"
        "{\"host\": \"x\",\"interval_us\": 5000000,\"timestamp\": 1000,"
        "\"load1\": 0.5,\"powers\": {\"dcmi_cur_watt\": 230,"
        "\"ipmi_total_power_watt\": 231,\"rapl_dram_1_watt\": 8,"
        "\"rapl_package_0_watt\": 44,\"rapl_psys_0_watt\": 60.5,"
        "\"rapl_total_watt\": 101,\"rapl_totalpsys_watt\": 60,"
        "\"other_watt\": 1},\"energizta_version\": \"0.5\"}\n"
        "{\"interval_us\": 5000000,\"timestamp\": 1005,\"duration_us\": "
        "6000000,\"nb_states\": 2,\"powers\": {\"rapl_package_0_watt\": 45}}\n"
        /* a pause of a minute */
        "{\"interval_us\": 5000000,\"timestamp\": 1070,"
        "\"powers\": {\"rapl_package_0_watt\": 46}}\n");
    const struct jb_recorded_sensor *package =
        find(recorded, "rapl_package_0_watt");

    (void)state;
    CHECK_TEXT("format", recorded->format, "energizta");
    CHECK_U64("sensors", recorded->count, 6);
    expect_domain(package, "package-0");
    expect_domain(find(recorded, "rapl_dram_1_watt"), "dram-1");
    expect_domain(find(recorded, "rapl_psys_0_watt"), "psys");
    expect_domain(find(recorded, "dcmi_cur_watt"), "platform");
    expect_domain(find(recorded, "ipmi_total_power_watt"), "platform");
    expect_domain(find(recorded, "other_watt"), "");
    CHECK_U64("kind", package->kind, JB_KIND_COUNTER);
    CHECK_U64("whole watts", package->step_uw, 1000000);
    CHECK_U64("no whole watts", find(recorded, "rapl_psys_0_watt")->step_uw, 0);
    /* 5 s of 44 W, 6 s of 45 W, a pause up to 1070 - 995 - 5 s, 5 s of 46 W */
    CHECK_U64("rows", package->count, 5);
    expect_row(package, 0, (struct jb_recorded_row){ 0, 0, 0, JB_OK });
    expect_row(package, 1,
               (struct jb_recorded_row){ 5000 * MS, 220 * W, 0, JB_OK });
    expect_row(package, 2,
               (struct jb_recorded_row){ 11000 * MS, 490 * W, 0, JB_OK });
    expect_row(package, 3,
               (struct jb_recorded_row){ 70000 * MS, 490 * W, 1, JB_OK });
    expect_row(package, 4,
               (struct jb_recorded_row){ 75000 * MS, 720 * W, 1, JB_OK });
    jb_recorded_free(recorded);
}

/* In an array, cut off before its end, and as v1.0 writes them. */
static void test_scaphandre(void **state)
{
    static const struct {
        const char *text;
        bool cut_off;
    } forms[] = {
        { "[" REPORT("1000.5", "44e6") "," REPORT("1002.5", "45000000.0") "]",
          false },
        { "[\n" REPORT("1000.5", "44e6") ",\n" REPORT("1002.5", "45000000.0"),
          true },
        { REPORT("1000.5", "44e6") REPORT("1002.5", "45000000.0"), false },
        { REPORT("1000.5", "44e6") REPORT("1002.5", "45000000.0") "{\"host\":{",
          true },
        /* the wall clock was set back: that report has no place */
        { REPORT("1000.5", "44e6") REPORT("900.0", "1.0")
              REPORT("1002.5", "45000000.0"),
          false },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(forms); i++) {
        struct jb_recorded *recorded = parse("reports", forms[i].text);
        const struct jb_recorded_sensor *dram = find(recorded, "socket-1/dram");

        CHECK_TEXT("format", recorded->format, "scaphandre");
        CHECK_BOOL("cut off", recorded->cut_off, forms[i].cut_off);
        CHECK_U64("sensors", recorded->count, 3);
        expect_domain(find(recorded, "host"), "");
        expect_domain(find(recorded, "socket-1"), "package-1");
        expect_domain(dram, "dram-1");
        CHECK_U64("rows", dram->count, 2);
        expect_row(dram, 0, (struct jb_recorded_row){ 1000 * MS, 0, 0, JB_OK });
        expect_row(dram, 1,
                   (struct jb_recorded_row){ 3000 * MS, 90 * W, 0, JB_OK });
        jb_recorded_free(recorded);
    }
}

/* Only the last row may be missing its end. */
static void test_cut_off(void **state)
{
    static const struct {
        const char *text;
        size_t rows;
    } forms[] = {
        { JSON_HEAD "\n" ROW("0.0", "1.0", "ok"), 1 },
        { JSON_HEAD "\n" ROW("0.0", "1.0", "ok") ",", 1 },
        { JSON_HEAD "\n" ROW("0.0", "1.0", "ok") ",\n{\"time\": \"20", 1 },
        { ROW("0.0", "1.0", "ok") "\n{\"time\": ", 1 },
        { CSV_HEAD "x,0.0,a,,energy,5,J,,derived,ok\nx,1.0,a,,ener", 1 },
        { CSV_HEAD "x,0.0,a,,energy,5,J,,derived,ok\n"
                   "x,1.0,a,,energy,5,J,,derived,ok",
          1 },
        { LINE("1000000", "\"a_watt\": 1") "\n{\"interval_us\": 1", 2 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(forms); i++) {
        struct jb_recorded *recorded = parse(forms[i].text, forms[i].text);

        CHECK_BOOL(forms[i].text, recorded->cut_off, true);
        CHECK_U64(forms[i].text, recorded->rows, forms[i].rows);
        jb_recorded_free(recorded);
    }
}

/* What is refused, and the line that is blamed. */
static const struct {
    const char *text, *where, *word;
} garbage[] = {
    { "", "f:1:", "empty" },
    { " \n\n", "f:3:", "empty" },
    { "hello\n", "f:1:", "neither" },
    { "\x7f"
      "ELF",
      "f:1:", "neither" },
    { "[", "f:", "no reading" },
    { "[]", "f:", "no reading" },
    { JSON_HEAD "\n]}\n", "f:", "no reading" },
    { CSV_HEAD, "f:", "no reading" },
    { "{}", "f:1:", "no recording" },
    { "{\"a\": 1}", "f:1:", "no recording" },
    { "{\"a\": 1", "f:1:", "first row" },
    { "[1]", "f:1:", "expected" },
    { "[{\"a\": 1}]", "f:1:", "without sockets" },
    { "[\n" REPORT("1.0", "1.0") " " REPORT("2.0", "1.0") "]",
      "f:2:", "comma" },
    { "[" REPORT("1.0", "1.0") "] x", "f:1:", "follows" },
    { "[" REPORT("1.0", "1.0") ",\n" REPORT("2.0", "-1.0") "]",
      "f:2:", "no power" },
    { "[" REPORT("\"x\"", "1.0") "]", "f:1:", "time" },
    { "[" REPORT("1e300", "1.0") "]", "f:1:", "time" },
    { "{\"format\": \"other\", \"version\": 1, \"readings\": []}",
      "f:1:", "head" },
    { "{\"format\": \"joulebook-record\", \"version\": 2, \"readings\": "
      "[]}",
      "f:1:", "head" },
    { "{\"format\": \"joulebook-record\"}", "f:1:", "no readings" },
    { JSON_HEAD "\n" ROW("0.0", "1.0", "ok") "]\n", "f:3:", "brace" },
    { JSON_HEAD ROW("0.0", "1.0", "ok") "]} {", "f:1:", "follows" },
    { ROW("0.0", "1.0", "ok") "\nx", "f:2:", "" },
    { ROW("0.0", "1.0", "ok") "\n" ROW("0.1", "1.0", "fine"),
      "f:2:", "state is not understood: fine" },
    { ROW("0.0", "\"1\"", "ok"), "f:1:", "value is of another type" },
    { ROW("0.0", "-1", "ok"), "f:1:", "value" },
    { ROW("0.0", "1e300", "ok"), "f:1:", "value" },
    { ROW("-1", "1", "ok"), "f:1:", "elapsed_s" },
    { ROW("1.0", "1", "ok") "\n" ROW("0.5", "1", "ok"), "f:2:", "goes back" },
    { "{\"sensor\": \"a\", \"sensor\": \"a\"}", "f:1:", "" },
    { "{\"sensor\": 7}", "f:1:", "sensor is of another type" },
    { "{\"sensor\": \"a b\", \"quantity\": \"energy\", \"value\": 1, "
      "\"elapsed_s\": 0, \"provenance\": \"measured\", \"state\": \"ok\"}",
      "f:1:", "no sensor's name" },
    { CSV_HEAD "x,0.0,a,,energy,5,J,,derived\n", "f:2:", "9 of 10" },
    { CSV_HEAD "x,0.0,a,,energy,5,J,,derived,ok,\n", "f:2:", "more than" },
    { CSV_HEAD "x,0.0,a,,energy,5x,J,,derived,ok\n", "f:2:", "5x" },
    { CSV_HEAD "x,0.0,a,cpu-0,energy,5,J,,derived,ok\n", "f:2:", "cpu-0" },
    { CSV_HEAD "x,0.0,a,,heat,5,J,,derived,ok\n", "f:2:", "heat" },
    { CSV_HEAD "x,0.0,a,,energy,5,J,,guessed,ok\n", "f:2:", "guessed" },
    { CSV_HEAD "x,0.0,\"a,,energy,5,J,,derived,ok\n", "f:2:", "column 3" },
    { CSV_HEAD "x,0.0,a\"b,,energy,5,J,,derived,ok\n", "f:2:", "column 3" },
    { CSV_HEAD "x,0.0,a,,energy,5,J,,derived,ok\n"
               "x,1.0,a,dram-0,energy,5,J,,derived,ok\n",
      "f:3:", "another domain" },
    { "time,b,c\n", "f:1:", "3 of 10" },
    { "time,b,c,d,e,f,g,h,i,j\n", "f:1:", "column 2 should be elapsed_s" },
    { LINE("0", "\"a_watt\": 1"), "f:1:", "interval" },
    { LINE("1.5", "\"a_watt\": 1"), "f:1:", "interval" },
    { LINE("99999999999999", "\"a_watt\": 1"), "f:1:", "interval" },
    { LINE("1000000", "\"a_watt\": \"1\""), "f:1:", "no power" },
    { LINE("1000000", "\"a_watt\": -1"), "f:1:", "no power" },
    { LINE("1000000", "\"a_watt\": 1") "\n\n{\"powers\": 7}\n",
      "f:3:", "without powers" },
    { "-- a remark\n-- another", "f:", "no reading" },
};

static void test_garbage(void **state)
{

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(garbage); i++) {
        struct jb_recorded *recorded = NULL;
        struct jb_error err = { 0 };
        int rc = jb_recorded_parse("f", garbage[i].text,
                                   strlen(garbage[i].text), &recorded, &err);

        CHECK_STATUS(garbage[i].text, rc, JB_EFORMAT, &err);
        CHECK_BOOL("untouched", recorded == NULL, true);
        if (strncmp(err.text, garbage[i].where, strlen(garbage[i].where)) !=
                0 ||
            !strstr(err.text, garbage[i].word)) {
            print_error("%s: got \"%s\", want \"%s ... %s\"\n", garbage[i].text,
                        err.text, garbage[i].where, garbage[i].word);
            fail();
        }
    }
}

static void test_files(void **state)
{
    struct jb_recorded *recorded = NULL;
    struct jb_error err = { 0 };

    (void)state;
    CHECK_STATUS("absent", jb_recorded_read("/nowhere/at/all", &recorded, &err),
                 JB_EABSENT, &err);
    CHECK_STATUS("directory", jb_recorded_read("/tmp", &recorded, &err),
                 JB_EFORMAT, &err);
    CHECK_STATUS("device", jb_recorded_read("/dev/zero", &recorded, &err),
                 JB_EFORMAT, &err);
}

/* An escape sequence in a file must not reach the terminal. */
static void test_errors_are_plain(void **state)
{
    static const char text[] = "{\"sensor\": \"a\", \"domain\": \"\x1b[31m\"}";
    struct jb_recorded *recorded = NULL;
    struct jb_error err = { 0 };

    (void)state;
    assert_true(jb_recorded_parse("f", text, strlen(text), &recorded, &err) <
                0);
    for (const char *c = err.text; *c; c++)
        assert_in_range((unsigned char)*c, ' ', '~');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native),
        cmocka_unit_test(test_native_values),
        cmocka_unit_test(test_energizta),
        cmocka_unit_test(test_scaphandre),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_errors_are_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
