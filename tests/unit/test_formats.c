/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What formats write, byte for byte.  The texts wanted here were written by
 * hand after the tools' documents: the lines of energizta.sh 0.5, the reports
 * of scaphandre 1.0.
 */
#include "check.h"
#include "tree.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <sys/resource.h>

#include "formats/format.h"
#include "formats/text.h"

#define S UINT64_C(1000000000)
#define W UINT64_C(1000000)

enum { TEXT_MAX = 65536, SENSORS_MAX = 24 };

/* A file, a format, and a machine of two packages. */
struct rig {
    struct tree tree;
    char path[TREE_PATH_MAX];
    const struct jb_format *format;
    struct jb_recording file;
    struct jb_format_state *state;
    struct jb_format_setup setup;
    struct jb_sensor about[SENSORS_MAX];
    struct jb_format_sensor sensors[SENSORS_MAX];
    struct jb_format_power powers[SENSORS_MAX];
    size_t power_count;
    char text[TEXT_MAX];
};

static size_t rig_sensor(struct rig *rig, const char *path,
                         enum jb_domain_kind kind, uint16_t index)
{
    size_t i = rig->setup.sensor_count++;

    assert_in_range(i, 0, SENSORS_MAX - 1);
    rig->about[i] = (struct jb_sensor){
        .domain = { kind, index, JB_NO_DIE },
        .unit = { JB_QUANTITY_ENERGY, 1, 1, 1, 1, 0 },
        .quantum = 1,
    };
    rig->sensors[i] = (struct jb_format_sensor){
        .about = &rig->about[i], .path = path, .metered = kind != JB_DOMAIN_NONE
    };
    return i;
}

static size_t rig_other(struct rig *rig, const char *path,
                        enum jb_quantity quantity, enum jb_kind kind,
                        uint64_t num)
{
    size_t i = rig_sensor(rig, path, JB_DOMAIN_NONE, 0);

    rig->about[i].unit = (struct jb_unit){ quantity, num, 1, 1, 1, 0 };
    rig->about[i].kind = kind;
    return i;
}

static void rig_power(struct rig *rig, size_t sensor, uint64_t uw,
                      uint64_t t_ns)
{
    rig->powers[rig->power_count++] =
        (struct jb_format_power){ .domain = rig->about[sensor].domain,
                                  .provenance = rig->about[sensor].provenance,
                                  .sensor = sensor,
                                  .uw = uw,
                                  .t_ns = t_ns };
}

static void rig_open(struct rig *rig, const char *format)
{
    struct jb_error err = { 0 };

    rig->format = jb_format_find(format);
    assert_non_null(rig->format);
    rig->setup.sensors = rig->sensors;
    /* the instant 100 s of CLOCK_BOOTTIME is 2024-06-18 16:49:22.5 UTC */
    rig->setup.clock =
        (struct jb_clockmap){ 100 * S, INT64_C(1718729362500000000) };
    rig->setup.interval_ns = S;
    CHECK_STATUS(
        "open",
        jb_recording_open(&rig->file, rig->path, rig->format->foot, &err),
        JB_OK, &err);
    CHECK_STATUS("head",
                 rig->format->open(&rig->setup, &rig->file, &rig->state, &err),
                 JB_OK, &err);
}

static void rig_tick(struct rig *rig, uint64_t begin_ns, uint64_t end_ns)
{
    rig->format->tick(rig->state,
                      &(struct jb_format_tick){ .begin_ns = begin_ns,
                                                .end_ns = end_ns,
                                                .powers = rig->powers,
                                                .count = rig->power_count });
    rig->power_count = 0;
}

static void rig_read(struct rig *rig)
{
    FILE *file = fopen(rig->path, "re");
    size_t got;

    assert_non_null(file);
    got = fread(rig->text, 1, TEXT_MAX - 1, file);
    rig->text[got] = '\0';
    fclose(file);
}

static void rig_expect(struct rig *rig, const char *label, const char *want)
{
    struct jb_error err = { 0 };

    CHECK_STATUS(label, jb_recording_close(&rig->file, &err), JB_OK, &err);
    rig->format->close(rig->state);
    rig->state = NULL;
    rig_read(rig);
    CHECK_TEXT(label, rig->text, want);
}

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    tree_init(&rig->tree);
    tree_path(&rig->tree, "file", rig->path);
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;

    tree_release(&rig->tree);
    free(rig);
    return 0;
}

static void test_numbers(void **state)
{
    static const struct {
        int64_t micro;
        unsigned decimals;
        const char *want;
    } rows[] = {
        { 0, 0, "0" },
        { 0, 6, "0.000000" },
        { 499999, 0, "0" },
        { 500000, 0, "1" },
        { -499999, 0, "0" },
        { -500000, 0, "-1" },
        { 1234567, 1, "1.2" },
        { 1250000, 1, "1.3" },
        { 999999, 2, "1.00" },
        { -1, 6, "-0.000001" },
        { INT64_MAX, 6, "9223372036854.775807" },
        { INT64_MIN, 6, "-9223372036854.775808" },
        { 12345678, 9, "12.345678" },
    };
    char text[JB_NUMBER_MAX];

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++)
        CHECK_TEXT(rows[i].want,
                   jb_format_millionths(text, rows[i].micro, rows[i].decimals),
                   rows[i].want);
    CHECK_TEXT("half", jb_format_epoch(text, 1500000000), "1.5");
    CHECK_TEXT("whole", jb_format_epoch(text, 3000000000), "3.0");
    CHECK_TEXT("long", jb_format_epoch(text, 1718729362123456789),
               "1718729362.123456");
}

static void test_quotes(void **state)
{
    static const struct {
        const char *text, *json, *csv;
    } rows[] = {
        { "", "\"\"", "" },
        { "plain", "\"plain\"", "plain" },
        { "a\"b", "\"a\\\"b\"", "\"a\"\"b\"" },
        { "a,b", "\"a,b\"", "\"a,b\"" },
        { "a\\b\n\t\x01", "\"a\\\\b\\u000a\\u0009\\u0001\"",
          "\"a\\b\n\t\x01\"" },
        { "\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x8c",
          "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x8c\"",
          "\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x8c" },
        { "\xff", "\"\\ufffd\"", "\xff" },
        { "\xc3", "\"\\ufffd\"", "\xc3" },
        { "\xc0\xaf", "\"\\ufffd\\ufffd\"", "\xc0\xaf" }, /* overlong */
        { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"", "\xed\xa0\x80" },
        { "\xf5\x80", "\"\\ufffd\\ufffd\"", "\xf5\x80" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        char *json = jb_json_quote(rows[i].text);
        char *csv = jb_csv_quote(rows[i].text);

        CHECK_TEXT(rows[i].json, json, rows[i].json);
        CHECK_TEXT(rows[i].json, csv, rows[i].csv);
        free(json);
        free(csv);
    }
}

static void test_names(void **state)
{
    static const struct {
        const char *path, *format;
    } rows[] = {
        { "a.json", "json" },  { "a.jsonl", "jsonl" }, { "a.csv", "csv" },
        { "dir.csv/a", NULL }, { ".json", NULL },      { "a.JSON", NULL },
        { "a.csv.gz", NULL },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        const struct jb_format *format = jb_format_of_path(rows[i].path);

        CHECK_TEXT(rows[i].path, format ? format->name : "none",
                   rows[i].format ? rows[i].format : "none");
    }
    /* each choice but auto and native is a format, and the reverse */
    for (size_t i = 2; jb_format_choices[i]; i++)
        assert_non_null(jb_format_find(jb_format_choices[i]));
    for (size_t i = 0; jb_formats[i]; i++)
        CHECK_TEXT("choice", jb_format_choices[i + 2], jb_formats[i]->name);
}

/* Document 2's own figures, with the fractions of a watt that they hide. */
static void test_energizta(void **state)
{
    struct rig *rig = *state;
    size_t package0 =
        rig_sensor(rig, "powercap/intel-rapl:1", JB_DOMAIN_PACKAGE, 0);
    size_t package1 =
        rig_sensor(rig, "powercap/intel-rapl:0", JB_DOMAIN_PACKAGE, 1);
    size_t dram0 =
        rig_sensor(rig, "powercap/intel-rapl:1:0", JB_DOMAIN_DRAM, 0);
    size_t dram1 =
        rig_sensor(rig, "powercap/intel-rapl:0:0", JB_DOMAIN_DRAM, 1);

    rig_open(rig, "energizta");
    rig_power(rig, package0, 44400000, 101 * S);
    rig_power(rig, package1, 40500000, 101 * S);
    rig_power(rig, dram0, 8499999, 101 * S);
    rig_power(rig, dram1, 7600000, 101 * S);
    rig_tick(rig, 100 * S, 101 * S + 66379000);
    rig_expect(rig, "document 2",
               "{\"interval_us\": 1066379,\"timestamp\": 1718729363,"
               "\"duration_us\": 1066379,\"nb_states\": 1,\"powers\": {"
               "\"rapl_dram_0_watt\": 8,\"rapl_dram_1_watt\": 8,"
               "\"rapl_package_0_watt\": 44,\"rapl_package_1_watt\": 41,"
               "\"rapl_total_watt\": 101},\"energizta_version\": \"0.5\"}\n");
}

static void test_energizta_decimals(void **state)
{
    struct rig *rig = *state;
    size_t package = rig_sensor(rig, "powercap/a", JB_DOMAIN_PACKAGE, 0);
    size_t psys0 = rig_sensor(rig, "powercap/b", JB_DOMAIN_PSYS, 0);
    size_t psys1 = rig_sensor(rig, "powercap/c", JB_DOMAIN_PSYS, 1);

    rig->setup.decimals = 2;
    rig_open(rig, "energizta");
    rig_power(rig, package, 44126000, 101 * S);
    rig_power(rig, psys0, 60000000, 101 * S);
    rig_power(rig, psys1, 5004999, 101 * S);
    rig_tick(rig, 100 * S, 105 * S);
    rig_expect(rig, "decimals",
               "{\"interval_us\": 5000000,\"timestamp\": 1718729367,"
               "\"duration_us\": 5000000,\"nb_states\": 1,\"powers\": {"
               "\"rapl_package_0_watt\": 44.13,\"rapl_psys_0_watt\": 60.00,"
               "\"rapl_psys_1_watt\": 5.00,\"rapl_total_watt\": 44.13,"
               "\"rapl_totalpsys_watt\": 65.00},"
               "\"energizta_version\": \"0.5\"}\n");
}

/* What has no figure is left out, and so is a sum that it belongs to. */
static void test_energizta_gaps(void **state)
{
    struct rig *rig = *state;
    size_t package0 = rig_sensor(rig, "powercap/a", JB_DOMAIN_PACKAGE, 0);
    size_t model = rig_sensor(rig, "estimate/ac", JB_DOMAIN_PLATFORM, 0);

    rig_sensor(rig, "powercap/b", JB_DOMAIN_PACKAGE, 1);
    rig->about[model].provenance = JB_ESTIMATED;
    rig_open(rig, "energizta");
    rig_power(rig, package0, 44 * W, 101 * S);
    rig_power(rig, model, 300 * W, 101 * S);
    rig_tick(rig, 100 * S, 101 * S);
    rig_tick(rig, 101 * S, 102 * S);
    rig_expect(rig, "gaps",
               "{\"interval_us\": 1000000,\"timestamp\": 1718729363,"
               "\"duration_us\": 1000000,\"nb_states\": 1,"
               "\"powers\": {\"rapl_package_0_watt\": 44},"
               "\"energizta_version\": \"0.5\"}\n"
               "{\"interval_us\": 1000000,\"timestamp\": 1718729364,"
               "\"duration_us\": 1000000,\"nb_states\": 1,\"powers\": {},"
               "\"energizta_version\": \"0.5\"}\n");
}

static void rig_value(struct rig *rig, size_t sensor, uint64_t raw,
                      uint64_t t_ns)
{
    struct jb_sample sample = { .raw = raw, .t0_ns = t_ns, .t1_ns = t_ns };
    struct jb_format_reading reading = { .sensor = sensor,
                                         .sample = &sample,
                                         .event = JB_METER_REFUSED };

    rig->format->add(rig->state, &reading);
}

/* The keys before "powers", sorted; rates from the first reading on. */
static void test_energizta_states(void **state)
{
    struct rig *rig = *state;
    size_t load = rig_other(rig, "host/load/1m", JB_QUANTITY_COUNT,
                            JB_KIND_SAMPLED, 10000);
    size_t total = rig_other(rig, "host/memory/total", JB_QUANTITY_DATA,
                             JB_KIND_SAMPLED, 1024000000);
    size_t written = rig_other(rig, "host/disk-sda/written", JB_QUANTITY_DATA,
                               JB_KIND_COUNTER, 512000000);
    size_t sent = rig_other(rig, "host/net-eth0/sent", JB_QUANTITY_DATA,
                            JB_KIND_COUNTER, 1000000);
    size_t bridge = rig_other(rig, "host/net-br0/sent", JB_QUANTITY_DATA,
                              JB_KIND_COUNTER, 1000000);
    size_t heat = rig_other(rig, "hwmon/x", JB_QUANTITY_TEMPERATURE,
                            JB_KIND_SAMPLED, 1000);
    size_t clock0 = rig_other(rig, "cpufreq/a", JB_QUANTITY_FREQUENCY,
                              JB_KIND_SAMPLED, 1000000000);
    size_t clock1 = rig_other(rig, "cpufreq/b", JB_QUANTITY_FREQUENCY,
                              JB_KIND_SAMPLED, 1000000000);
    size_t acpi =
        rig_sensor(rig, "hwmon/power_meter-0/power1", JB_DOMAIN_PLATFORM, 0);

    rig->about[bridge].flags = JB_SENSOR_MIRROR;
    rig->about[heat].domain.kind = JB_DOMAIN_PACKAGE;
    rig->about[heat].flags = JB_SENSOR_SIGNED;
    rig->about[clock0].domain.kind = JB_DOMAIN_PACKAGE;
    rig->about[clock1].domain =
        (struct jb_domain){ JB_DOMAIN_PACKAGE, 1, JB_NO_DIE };
    rig_open(rig, "energizta");
    rig_value(rig, written, 1000, 100 * S);
    rig_value(rig, sent, 1 << 20, 100 * S);
    rig_value(rig, bridge, 1 << 20, 100 * S);
    rig_value(rig, load, 208, 102 * S);                     /* hundredths */
    rig_value(rig, total, UINT64_C(16384) * 1024, 102 * S); /* KiB */
    rig_value(rig, written, 1000 + 8 * 4 + 1, 102 * S);
    rig_value(rig, sent, (1 << 20) + 2 * 3 * 1024, 102 * S);
    rig_value(rig, bridge, 1 << 21, 102 * S);
    rig_value(rig, heat, 45250, 102 * S); /* millidegrees */
    rig_value(rig, clock0, 2100000, 102 * S);
    rig_value(rig, clock1, 2400000, 102 * S);
    rig_power(rig, acpi, 230 * W, 102 * S);
    rig_tick(rig, 100 * S, 102 * S);
    rig_expect(rig, "states",
               "{\"interval_us\": 2000000,\"timestamp\": 1718729364,"
               "\"duration_us\": 2000000,\"nb_states\": 1,"
               "\"cpu_freq_mhz\": 2250,\"eth0_sent_kBps\": 3,"
               "\"load1\": 2.08,\"mem_total_MB\": 16384,"
               "\"sda_write_kBps\": 8,\"sensors_coretemp\": 45.3,"
               "\"powers\": {\"sensors_acpi_watt\": 230},"
               "\"energizta_version\": \"0.5\"}\n");
}

/* Document 2's second table, as the JSON exporter has it. */
static void test_scaphandre(void **state)
{
    struct rig *rig = *state;
    struct jb_format_disk disk = { .type = "SSD",
                                   .mount_point = strdup("/"),
                                   .file_system = strdup("ext4"),
                                   .device = strdup("/dev/sda1") };
    size_t package0 = rig_sensor(rig, "a", JB_DOMAIN_PACKAGE, 0);
    size_t package1 = rig_sensor(rig, "b", JB_DOMAIN_PACKAGE, 1);
    size_t dram0 = rig_sensor(rig, "c", JB_DOMAIN_DRAM, 0);
    size_t dram1 = rig_sensor(rig, "d", JB_DOMAIN_DRAM, 1);
    size_t core0 = rig_sensor(rig, "e", JB_DOMAIN_CORE, 0);
    static const char want[] =
        "[\n"
        "{\"host\":{\"consumption\":105796085.0,"
        "\"timestamp\":1718729364.5,\"components\":{\"disks\":["
        "{\"disk_type\":\"SSD\",\"disk_mount_point\":\"/\","
        "\"disk_is_removable\":false,\"disk_file_system\":\"ext4\","
        "\"disk_total_bytes\":\"1000\",\"disk_available_bytes\":\"600\","
        "\"disk_name\":\"/dev/sda1\"}]}},\"consumers\":[],\"sockets\":["
        "{\"id\":0,\"consumption\":49148525.0,\"domains\":["
        "{\"name\":\"core\",\"consumption\":30000000.0,"
        "\"timestamp\":1718729364.49999},"
        "{\"name\":\"dram\",\"consumption\":7582383.0,"
        "\"timestamp\":1718729364.49}],\"timestamp\":1718729364.499},"
        "{\"id\":1,\"consumption\":41515255.0,\"domains\":["
        "{\"name\":\"dram\",\"consumption\":7549922.0,"
        "\"timestamp\":1718729364.4}],\"timestamp\":1718729364.5}]}\n]\n";

    rig->setup.disks = &disk;
    rig->setup.disk_count = 1;
    disk.size = (ptrdiff_t)rig_other(rig, "host/fs-//size", JB_QUANTITY_DATA,
                                     JB_KIND_SAMPLED, 1000000);
    disk.used = (ptrdiff_t)rig_other(rig, "host/fs-//used", JB_QUANTITY_DATA,
                                     JB_KIND_SAMPLED, 1000000);
    rig_open(rig, "scaphandre");
    rig_value(rig, (size_t)disk.size, 1000, 102 * S);
    rig_value(rig, (size_t)disk.used, 400, 102 * S);
    rig_power(rig, package0, 49148525, 102 * S - 1000000);
    rig_power(rig, package1, 41515255, 102 * S);
    rig_power(rig, dram0, 7582383, 102 * S - 10000000);
    rig_power(rig, dram1, 7549922, 102 * S - 100000000);
    rig_power(rig, core0, 30 * W, 102 * S - 10000);
    rig_tick(rig, 100 * S, 102 * S);
    rig_expect(rig, "report", want);
    free(disk.mount_point);
    free(disk.file_system);
    free(disk.device);
}

/* psys is the host where there is one.  A report without a host is none; a
 * socket of dies is their sum. */
static void test_scaphandre_host(void **state)
{
    struct rig *rig = *state;
    size_t psys = rig_sensor(rig, "p", JB_DOMAIN_PSYS, 0);
    size_t die0 = rig_sensor(rig, "a", JB_DOMAIN_PACKAGE, 0);
    size_t die1 = rig_sensor(rig, "b", JB_DOMAIN_PACKAGE, 0);

    rig->about[die0].domain.die = 0;
    rig->about[die1].domain.die = 1;
    rig_open(rig, "scaphandre");
    rig_power(rig, die0, 10 * W, 101 * S);
    rig_power(rig, die1, 20 * W, 101 * S);
    rig_tick(rig, 100 * S, 101 * S); /* psys is missing */
    rig_power(rig, psys, 90 * W, 102 * S);
    rig_power(rig, die0, 10 * W, 102 * S);
    rig_power(rig, die1, 20 * W, 102 * S);
    rig_tick(rig, 101 * S, 102 * S);
    rig_power(rig, psys, 90 * W, 103 * S);
    rig_power(rig, die0, 10 * W, 103 * S);
    rig_tick(rig, 102 * S, 103 * S); /* a die is missing: so is its socket */
    rig_expect(rig, "host",
               "[\n"
               "{\"host\":{\"consumption\":90000000.0,"
               "\"timestamp\":1718729364.5,\"components\":{\"disks\":[]}},"
               "\"consumers\":[],\"sockets\":[{\"id\":0,"
               "\"consumption\":30000000.0,\"domains\":[],"
               "\"timestamp\":1718729364.5}]},\n"
               "{\"host\":{\"consumption\":90000000.0,"
               "\"timestamp\":1718729365.5,\"components\":{\"disks\":[]}},"
               "\"consumers\":[],\"sockets\":[]}\n]\n");
}

static void test_scaphandre_nothing(void **state)
{
    struct rig *rig = *state;

    rig_sensor(rig, "p", JB_DOMAIN_PACKAGE, 0);
    rig_open(rig, "scaphandre");
    rig_expect(rig, "no report", "[\n]\n");
}

static void rig_reading(struct rig *rig, size_t sensor, int state,
                        enum jb_meter_event event, const struct jb_knot *knot)
{
    struct jb_sample sample = { .raw = 7,
                                .t0_ns = knot ? knot->t_ns : 100 * S,
                                .t1_ns = knot ? knot->t_ns : 100 * S,
                                .state = state };
    struct jb_format_reading reading = { sensor, &sample, event, knot };

    rig->format->add(rig->state, &reading);
}

static void rig_native(struct rig *rig, const char *format)
{
    struct jb_knot first = { .t_ns = 100 * S, .energy = { 1000, 0 } };
    struct jb_knot second = { .t_ns = 102 * S,
                              .counts = 5,
                              .energy = { 3001000, 0 } };
    struct jb_knot still = second;
    struct jb_knot gap = {
        .t_ns = 200 * S, .counts = 5, .energy = { 3001000, 0 }, .gap_uj = 9
    };
    size_t package = rig_sensor(rig, "powercap/a,b", JB_DOMAIN_PACKAGE, 0);
    size_t power = rig_sensor(rig, "hwmon/p", JB_DOMAIN_PLATFORM, 0);
    size_t load =
        rig_other(rig, "host/load", JB_QUANTITY_COUNT, JB_KIND_SAMPLED, 10000);

    rig->about[package].kind = JB_KIND_COUNTER;
    rig->about[power].unit.quantity = JB_QUANTITY_POWER;
    rig->about[power].kind = JB_KIND_SAMPLED;
    rig->about[load].provenance = JB_DERIVED;
    still.t_ns = 103 * S + 1500;
    rig_open(rig, format);
    rig_reading(rig, package, JB_OK, JB_METER_FIRST, &first);
    rig_reading(rig, package, JB_OK, JB_METER_ADVANCE, &second);
    rig_reading(rig, package, JB_OK, JB_METER_ADVANCE, &still);
    rig_reading(rig, package, JB_OK, JB_METER_GAP, &gap);
    rig_reading(rig, package, JB_EIO, JB_METER_REFUSED, &gap);
    rig_reading(rig, package, JB_OK, JB_METER_REFUSED, NULL);
    rig_reading(rig, power, JB_OK, JB_METER_REFUSED, NULL);
    rig_reading(rig, load, JB_OK, JB_METER_REFUSED, NULL);
}

#define T "2024-06-18T16:"

static void test_csv(void **state)
{
    struct rig *rig = *state;

    rig_native(rig, "csv");
    rig_expect(
        rig, "csv",
        "time,elapsed_s,sensor,domain,quantity,value,unit,power_w,provenance,"
        "state\n" T
        "49:22.500Z,0.000000,\"powercap/a,b\",package-0,energy,0.000000,J,,"
        "measured,ok\n" T
        "49:24.500Z,2.000000,\"powercap/a,b\",package-0,energy,3.000000,J,"
        "1.500000,measured,ok\n" T
        "49:25.500Z,3.000001,\"powercap/a,b\",package-0,energy,3.000000,J,,"
        "measured,ok\n" T
        "51:02.500Z,100.000000,\"powercap/a,b\",package-0,energy,3.000000,J,"
        ",measured,gap\n" T
        "51:02.500Z,100.000000,\"powercap/a,b\",package-0,energy,,J,,"
        "measured,error\n" T
        "49:22.500Z,0.000000,\"powercap/a,b\",package-0,energy,,J,,"
        "measured,implausible\n" T
        "49:22.500Z,0.000000,hwmon/p,platform,power,,W,,measured,"
        "implausible\n" T
        "49:22.500Z,0.000000,host/load,,count,0.070000,1,,derived,ok\n");
}

static void test_json(void **state)
{
    struct rig *rig = *state;
    static const char head[] =
        "{\"format\": \"joulebook-record\", \"version\": 1, \"interval_s\": "
        "1.000000000, \"readings\": [\n{\"time\": \"" T "49:22.500Z\", "
        "\"elapsed_s\": 0.000000, \"sensor\": \"powercap/a,b\", \"domain\": "
        "\"package-0\", \"quantity\": \"energy\", \"value\": 0.000000, "
        "\"unit\": \"J\", \"power_w\": null, \"provenance\": \"measured\", "
        "\"state\": \"ok\"},\n";
    static const char tail[] =
        ",\n{\"time\": \"" T "49:22.500Z\", \"elapsed_s\": 0.000000, "
        "\"sensor\": \"host/load\", \"domain\": null, \"quantity\": \"count\", "
        "\"value\": 0.070000, \"unit\": \"1\", \"power_w\": null, "
        "\"provenance\": \"derived\", \"state\": \"ok\"}\n]}\n";

    rig_native(rig, "json");
    jb_recording_flush(&rig->file);
    rig_read(rig);
    CHECK_BOOL("head", strncmp(rig->text, head, strlen(head)) == 0, true);
    CHECK_TEXT("tail", rig->text + strlen(rig->text) - strlen(tail), tail);
    CHECK_U64("rows", rig->file.rows, 8);
    CHECK_STATUS("close", jb_recording_close(&rig->file, NULL), JB_OK, NULL);
    rig->format->close(rig->state);
}

/* The foot stands behind the complete rows after each flush, and nowhere
 * else, also when it becomes shorter. */
static void test_foot(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    char foot[8] = "<end>";

    CHECK_STATUS("open", jb_recording_open(file, rig->path, foot, NULL), JB_OK,
                 NULL);
    jb_recording_put(file, "one;");
    jb_recording_end_row(file);
    jb_recording_put(file, "half");
    jb_recording_flush(file);
    rig_read(rig);
    CHECK_TEXT("first", rig->text, "one;<end>");
    jb_recording_put(file, "two;");
    jb_recording_end_row(file);
    jb_recording_flush(file);
    rig_read(rig);
    CHECK_TEXT("second", rig->text, "one;halftwo;<end>");
    foot[1] = '>';
    foot[2] = '\0';
    jb_recording_flush(file);
    rig_read(rig);
    CHECK_TEXT("shorter", rig->text, "one;halftwo;<>");
    CHECK_STATUS("close", jb_recording_close(file, NULL), JB_OK, NULL);
    rig_read(rig);
    CHECK_TEXT("closed", rig->text, "one;halftwo;<>");
}

/* A row longer than the buffer is one row; one beyond the ceiling ends the
 * recording, and what was written stays valid. */
static void test_long_rows(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    struct jb_error err = { 0 };

    CHECK_STATUS("open", jb_recording_open(file, rig->path, "]", NULL), JB_OK,
                 NULL);
    for (int i = 0; i < 5000; i++)
        jb_recording_put(file, "%08d", i);
    jb_recording_end_row(file);
    CHECK_STATUS("long", file->status, JB_OK, NULL);
    rig_read(rig);
    CHECK_U64("whole", strlen(rig->text), 40001);
    for (int i = 0; i < (JB_RECORDING_MAX / 8) + 8; i++)
        jb_recording_put(file, "%08d", i);
    jb_recording_end_row(file);
    CHECK_STATUS("too long", jb_recording_close(file, &err), JB_ELIMIT, &err);
    rig_read(rig);
    CHECK_U64("kept", strlen(rig->text), 40001);
    CHECK_TEXT("end", rig->text + 40000, "]");
}

static void test_full_disk(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    struct jb_error err = { 0 };
    struct rlimit before;
    struct rlimit small = { 20, 20 };

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    CHECK_STATUS("open", jb_recording_open(file, rig->path, "]\n", NULL), JB_OK,
                 NULL);
    jb_recording_put(file, "0123456789");
    jb_recording_end_row(file);
    jb_recording_flush(file);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    jb_recording_put(file, "0123456789");
    jb_recording_end_row(file);
    jb_recording_flush(file);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_STATUS("close", jb_recording_close(file, &err), JB_EIO, &err);
    assert_non_null(strstr(err.text, "is valid"));
    rig_read(rig);
    CHECK_TEXT("rest", rig->text, "0123456789]\n");
}

static void test_pipe(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    int ends[2];
    ssize_t got;
    char path[64];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
    CHECK_STATUS("open", jb_recording_open(file, path, "]", NULL), JB_OK, NULL);
    jb_recording_put(file, "[1");
    jb_recording_end_row(file);
    jb_recording_flush(file);
    got = read(ends[0], rig->text, TEXT_MAX - 1);
    rig->text[got > 0 ? got : 0] = '\0';
    CHECK_TEXT("no foot yet", rig->text, "[1");
    CHECK_STATUS("close", jb_recording_close(file, NULL), JB_OK, NULL);
    got = read(ends[0], rig->text, TEXT_MAX - 1);
    rig->text[got > 0 ? got : 0] = '\0';
    CHECK_TEXT("foot", rig->text, "]");
    close(ends[0]);
    close(ends[1]);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_names),
        TEST(test_energizta),
        TEST(test_energizta_decimals),
        TEST(test_energizta_gaps),
        TEST(test_energizta_states),
        TEST(test_scaphandre),
        TEST(test_scaphandre_host),
        TEST(test_scaphandre_nothing),
        TEST(test_csv),
        TEST(test_json),
        TEST(test_foot),
        TEST(test_long_rows),
        TEST(test_full_disk),
        TEST(test_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
