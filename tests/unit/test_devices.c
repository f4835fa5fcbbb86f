/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From sensors to devices, on a source of the test's own whose readings and
 * clock are scripted.  Times lie an hour ahead of the real clock, so that no
 * reading is older than the cut that asked for it.
 */
#include "readings/devices.h"

#include "base/clock.h"
#include "check.h"

enum { FAKE_MAX = 16 };

struct jb_source {
    int nothing;
};

static struct {
    struct jb_source source;
    struct jb_sensor sensors[FAKE_MAX];
    uint64_t raw[FAKE_MAX];
    int state[FAKE_MAX];
    uint32_t generation[FAKE_MAX];
    size_t count;
    uint64_t now_ns;
    int open_status;
} fake;

static int fake_open(const struct jb_env *env, const void *options,
                     struct jb_source **out, struct jb_error *err)
{
    (void)env;
    (void)options;
    if (fake.open_status != JB_OK) {
        jb_fail(err, fake.open_status, "the fake may not be opened");
        jb_error_set_fix(err, "chmod a+r fake");
        return fake.open_status;
    }
    *out = &fake.source;
    return JB_OK;
}

static const struct jb_sensor *fake_sensors(const struct jb_source *source,
                                            size_t *count)
{
    (void)source;
    *count = fake.count;
    return fake.sensors;
}

static void fake_sample(struct jb_source *source, const uint32_t *which,
                        size_t count, struct jb_sample *out)
{
    (void)source;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct jb_sample){ .sensor = which[i],
                                     .generation = fake.generation[which[i]],
                                     .raw = fake.raw[which[i]],
                                     .t0_ns = fake.now_ns,
                                     .t1_ns = fake.now_ns,
                                     .state = fake.state[which[i]] };
}

static void fake_close(struct jb_source *source)
{
    (void)source;
}

static const struct jb_source_desc fake_desc = {
    .name = "fake",
    .summary = "what the test says",
    .quantities = UINT32_MAX,
    .open = fake_open,
    .sensors = fake_sensors,
    .sample = fake_sample,
    .close = fake_close,
};

/* In place of the generated registry. */
const struct jb_source_desc *const jb_sources[] = { &fake_desc, NULL };
const char *const jb_module_sources[] = { NULL };
const char *const jb_request_sources[] = { NULL };

static const struct jb_domain package_0 = { JB_DOMAIN_PACKAGE, 0, JB_NO_DIE };
static const struct jb_domain package_1 = { JB_DOMAIN_PACKAGE, 1, JB_NO_DIE };
static const struct jb_domain psys = { JB_DOMAIN_PSYS, 0, JB_NO_DIE };
static const struct jb_domain part_of_0 = { JB_DOMAIN_NONE, 0, JB_NO_DIE };
static const struct jb_domain part_of_1 = { JB_DOMAIN_NONE, 1, JB_NO_DIE };

/* Micro-units per count. */
static size_t add(const char *name, struct jb_domain domain,
                  enum jb_quantity quantity, enum jb_kind kind, uint64_t num)
{
    size_t i = fake.count++;

    fake.sensors[i] = (struct jb_sensor){ .domain = domain,
                                          .unit = { quantity, num, 1, 1, 1, 0 },
                                          .kind = kind,
                                          .provenance = JB_MEASURED,
                                          .update_ns = JB_NS_PER_MS,
                                          .quantum = 1 };
    snprintf(fake.sensors[i].name, JB_NAME_MAX, "%s", name);
    return i;
}

static size_t add_energy(const char *name, struct jb_domain domain)
{
    return add(name, domain, JB_QUANTITY_ENERGY, JB_KIND_COUNTER, 1);
}

static size_t add_busy(const char *name, struct jb_domain domain)
{
    size_t i = add(name, domain, JB_QUANTITY_TIME, JB_KIND_COUNTER, 10000);

    fake.sensors[i].update_ns = 10 * (uint64_t)JB_NS_PER_MS;
    fake.sensors[i].provenance = JB_DERIVED;
    return i;
}

static const struct jb_roots roots = { "/none", "/none", "/none", "/none" };
static const struct jb_env env = { &roots, &jb_clock_boottime, false };
static const enum jb_domain_kind packages[] = { JB_DOMAIN_PACKAGE,
                                                JB_DOMAIN_NONE };
static const enum jb_domain_kind node[] = { JB_DOMAIN_PLATFORM, JB_DOMAIN_PSYS,
                                            JB_DOMAIN_NONE };

static struct jb_machine *machine;
static struct jb_devices *devices;

static int setup(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    fake.now_ns =
        jb_clock_now_ns(&jb_clock_boottime) + UINT64_C(3600) * JB_NS_PER_S;
    machine = NULL;
    devices = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    jb_machine_close(machine);
    jb_devices_close(devices);
    return 0;
}

static int open_devices(const enum jb_domain_kind *kinds, uint32_t metrics,
                        struct jb_error *err)
{
    struct jb_machine_config config = { .env = &env,
                                        .quantities =
                                            jb_devices_quantities(metrics) };
    struct jb_devices_config wanted = { .kinds = kinds, .metrics = metrics };
    int rc = jb_machine_open(&config, &machine, err);

    if (rc == JB_OK)
        rc = jb_devices_open(machine, &wanted, &devices, err);
    return rc;
}

static void watch(const enum jb_domain_kind *kinds, uint32_t metrics)
{
    struct jb_error err;

    CHECK_STATUS("open", open_devices(kinds, metrics, &err), JB_OK, &err);
    CHECK_STATUS("watch", jb_devices_watch(devices, &err), JB_OK, &err);
}

/* After ns, and with what the counters have become. */
static size_t cut(uint64_t ns, struct jb_reading *out, struct jb_error *why)
{
    fake.now_ns += ns;
    *why = (struct jb_error){ .status = JB_OK };
    return jb_devices_cut(devices, JB_NS_PER_S, out, why);
}

static void check_metric(const struct jb_reading *reading,
                         enum jb_metric metric, bool present, int64_t micro)
{
    CHECK_BOOL(jb_metric_name(metric), reading->present & 1U << metric,
               present);
    if (present)
        CHECK_U64(jb_metric_name(metric), (uint64_t)reading->micro[metric],
                  (uint64_t)micro);
}

static void test_every_metric(void **state)
{
    struct jb_reading out[4];
    struct jb_error why;
    size_t energy = add_energy("rapl", package_0);
    size_t warm =
        add("temp", package_0, JB_QUANTITY_TEMPERATURE, JB_KIND_SAMPLED, 1000);
    size_t core =
        add("core", part_of_0, JB_QUANTITY_TEMPERATURE, JB_KIND_SAMPLED, 1000);
    size_t speed = add("freq", package_0, JB_QUANTITY_FREQUENCY,
                       JB_KIND_SAMPLED, 1000000000); /* kHz */
    size_t busy = add("util", package_0, JB_QUANTITY_UTILIZATION,
                      JB_KIND_SAMPLED, 10000); /* percent */

    (void)state;
    fake.sensors[warm].flags = JB_SENSOR_SIGNED;
    fake.sensors[busy].provenance = JB_ESTIMATED;
    fake.raw[core] = 99000;
    watch(packages, JB_METRICS_ALL);
    fake.raw[energy] = 120500000;
    fake.raw[warm] = 45200;
    fake.raw[speed] = 3500000;
    fake.raw[busy] = 37;
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 1);
    CHECK_TEXT("device", out[0].device, "package-0");
    check_metric(&out[0], JB_METRIC_POWER, true, 120500000);
    check_metric(&out[0], JB_METRIC_TEMPERATURE, true, 45200000);
    check_metric(&out[0], JB_METRIC_FREQUENCY, true, 3500000);
    check_metric(&out[0], JB_METRIC_UTILIZATION, true, 37000000);
    CHECK_U64("provenance", out[0].provenance[JB_METRIC_POWER], JB_MEASURED);
    CHECK_U64("provenance", out[0].provenance[JB_METRIC_UTILIZATION],
              JB_ESTIMATED);
    fake.raw[energy] += 10000000;
    fake.raw[warm] = (uint64_t)-5250;
    CHECK_U64("readings", cut(JB_NS_PER_S / 2, out, &why), 1);
    check_metric(&out[0], JB_METRIC_POWER, true, 20000000);
    check_metric(&out[0], JB_METRIC_TEMPERATURE, true, -5250000);
}

static void test_several_devices(void **state)
{
    struct jb_reading out[4];
    struct jb_error why;
    size_t second = add_energy("rapl-1", package_1);
    size_t first = add_energy("rapl-0", package_0);
    size_t warm = add("temp-1", package_1, JB_QUANTITY_TEMPERATURE,
                      JB_KIND_SAMPLED, 1000000);

    (void)state;
    fake.raw[warm] = 40;
    watch(packages, JB_METRICS_POWER | JB_METRICS_TEMPERATURE);
    fake.raw[first] = 1000000;
    fake.raw[second] = 2000000;
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 2);
    CHECK_TEXT("first", out[0].device, "package-0");
    check_metric(&out[0], JB_METRIC_POWER, true, 1000000);
    check_metric(&out[0], JB_METRIC_TEMPERATURE, false, 0);
    CHECK_TEXT("second", out[1].device, "package-1");
    check_metric(&out[1], JB_METRIC_POWER, true, 2000000);
    check_metric(&out[1], JB_METRIC_TEMPERATURE, true, 40000000);
    CHECK_TEXT("source", jb_devices_source(devices, 0), "fake");
}

/* Of two that say the same the better one, as long as it says something. */
static void test_preference(void **state)
{
    struct jb_reading out[4];
    struct jb_error why;
    size_t worse = add("thermal", package_0, JB_QUANTITY_TEMPERATURE,
                       JB_KIND_SAMPLED, 1000000);
    size_t better = add("hwmon", package_0, JB_QUANTITY_TEMPERATURE,
                        JB_KIND_SAMPLED, 1000000);

    (void)state;
    fake.sensors[better].rank = 1;
    fake.raw[worse] = 50;
    fake.raw[better] = 60;
    watch(packages, JB_METRICS_TEMPERATURE);
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 1);
    check_metric(&out[0], JB_METRIC_TEMPERATURE, true, 60000000);
    fake.state[better] = JB_EIO;
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 1);
    check_metric(&out[0], JB_METRIC_TEMPERATURE, true, 50000000);
    fake.state[better] = JB_OK;
    fake.raw[better] = 255;
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 1);
    check_metric(&out[0], JB_METRIC_TEMPERATURE, true, 50000000);
}

static void test_implausible(void **state)
{
    static const struct {
        const char *label;
        enum jb_quantity quantity;
        uint64_t num, raw;
    } cases[] = {
        { "200 degC", JB_QUANTITY_TEMPERATURE, 1000000, 200 },
        { "-128 degC", JB_QUANTITY_TEMPERATURE, 1000000, (uint64_t)-128 },
        { "0 Hz", JB_QUANTITY_FREQUENCY, 1000000, 0 },
        { "4 THz", JB_QUANTITY_FREQUENCY, 1000000, 4000000000000 },
        { "101 %", JB_QUANTITY_UTILIZATION, 10000, 101 },
        { "huge", JB_QUANTITY_UTILIZATION, 1000000, UINT64_MAX / 4 },
    };

    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_reading out[4];
        struct jb_error why;
        size_t at;

        setup(state);
        at = add(cases[i].label, package_0, cases[i].quantity, JB_KIND_SAMPLED,
                 cases[i].num);
        fake.sensors[at].flags = JB_SENSOR_SIGNED;
        fake.raw[at] = cases[i].raw;
        watch(packages, JB_METRICS_ALL);
        CHECK_U64(cases[i].label, cut(JB_NS_PER_S, out, &why), 0);
        CHECK_STATUS(cases[i].label, why.status, JB_EBUSY, &why);
        teardown(state);
    }
    setup(state);
}

/* Four CPUs in package 0, two in package 1. */
static void test_busy_time(void **state)
{
    struct jb_reading out[4];
    struct jb_error why;
    size_t busy_0 = add_busy("package-0/busy", package_0);
    size_t busy_1 = add_busy("package-1/busy", package_1);
    size_t cpus = fake.count;

    (void)state;
    for (int i = 0; i < 6; i++)
        add_busy("cpu/busy", i < 4 ? part_of_0 : part_of_1);
    fake.raw[busy_0] = 1000;
    watch(packages, JB_METRICS_UTILIZATION);
    fake.raw[busy_0] += 200; /* ticks: 2 s of 4 s */
    fake.raw[busy_1] += 50;
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 2);
    check_metric(&out[0], JB_METRIC_UTILIZATION, true, 50000000);
    check_metric(&out[1], JB_METRIC_UTILIZATION, true, 25000000);
    CHECK_U64("provenance", out[0].provenance[JB_METRIC_UTILIZATION],
              JB_DERIVED);
    fake.state[cpus] = JB_EABSENT; /* switched off: three are left */
    fake.raw[busy_0] += 150;
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 2);
    check_metric(&out[0], JB_METRIC_UTILIZATION, true, 50000000);
    check_metric(&out[1], JB_METRIC_UTILIZATION, true, 0);
    fake.raw[busy_0] += 301; /* a tick more than there is */
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 2);
    check_metric(&out[0], JB_METRIC_UTILIZATION, true, 100000000);
    fake.raw[busy_0] -= 1;     /* backwards */
    fake.generation[busy_1]++; /* another sum */
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 0);
    CHECK_STATUS("why", why.status, JB_EBUSY, &why);
}

/* Shorter than two ticks there is no figure, and nothing is lost. */
static void test_busy_time_short(void **state)
{
    struct jb_reading out[4];
    struct jb_error why;
    size_t busy = add_busy("package-0/busy", package_0);

    (void)state;
    add_busy("cpu/busy", part_of_0);
    watch(packages, JB_METRICS_UTILIZATION);
    for (int i = 0; i < 9; i++) {
        fake.raw[busy] = i == 8;
        CHECK_U64("short", cut(UINT64_C(2000000), out, &why), 0);
    }
    CHECK_U64("long enough", cut(UINT64_C(2000000), out, &why), 1);
    check_metric(&out[0], JB_METRIC_UTILIZATION, true, 50000000);
}

/* A counter that had no time to move keeps its interval open. */
static void test_too_short(void **state)
{
    struct jb_reading out[4];
    struct jb_error why;
    size_t energy = add_energy("rapl", package_0);

    (void)state;
    fake.raw[energy] = 5;
    watch(packages, JB_METRICS_POWER);
    CHECK_U64("short", cut(JB_NS_PER_MS / 2, out, &why), 0);
    CHECK_STATUS("short", why.status, JB_ELIMIT, &why);
    fake.raw[energy] += 10000000;
    CHECK_U64("then", cut(JB_NS_PER_S - JB_NS_PER_MS / 2, out, &why), 1);
    check_metric(&out[0], JB_METRIC_POWER, true, 10000000);
}

static void test_stands_still(void **state)
{
    struct jb_reading out[4];
    struct jb_error why;
    size_t energy = add_energy("rapl", package_0);

    (void)state;
    watch(packages, JB_METRICS_POWER);
    fake.raw[energy] = 10000000;
    CHECK_U64("first", cut(JB_NS_PER_S, out, &why), 1);
    CHECK_U64("still", cut(JB_NS_PER_S, out, &why), 0);
    CHECK_STATUS("still", why.status, JB_EDEAD, &why);
    assert_non_null(strstr(why.text, "package-0"));
}

static void test_kinds_in_order(void **state)
{
    struct jb_reading out[4];
    struct jb_error why;
    size_t energy = add_energy("rapl", psys);

    (void)state;
    add_energy("package", package_0);
    watch(node, JB_METRICS_POWER | JB_METRICS_TEMPERATURE);
    fake.raw[energy] = 7000000;
    CHECK_U64("readings", cut(JB_NS_PER_S, out, &why), 1);
    CHECK_TEXT("device", out[0].device, "psys");
    check_metric(&out[0], JB_METRIC_POWER, true, 7000000);
    CHECK_STATUS("power", jb_devices_status(devices, JB_METRIC_POWER, &why),
                 JB_OK, &why);
    CHECK_STATUS("temperature",
                 jb_devices_status(devices, JB_METRIC_TEMPERATURE, &why),
                 JB_EABSENT, NULL);
}

static void test_why_not(void **state)
{
    struct jb_error err;
    size_t energy = add_energy("rapl", package_0);

    fake.sensors[energy].state = JB_EDENIED;
    snprintf(fake.sensors[energy].reason, JB_REASON_MAX, "root only");
    snprintf(fake.sensors[energy].fix, JB_REASON_MAX, "chmod a+r rapl");
    CHECK_STATUS("denied", open_devices(packages, JB_METRICS_POWER, &err),
                 JB_EDENIED, NULL);
    CHECK_TEXT("denied", err.text, "no power of any package: rapl: root only");
    CHECK_TEXT("denied", err.fix, "chmod a+r rapl");
    teardown(state);
    setup(state);
    fake.open_status = JB_EDENIED;
    CHECK_STATUS("source denied", open_devices(packages, JB_METRICS_ALL, &err),
                 JB_EDENIED, NULL);
    CHECK_TEXT("source denied", err.text,
               "no power of any package: fake: the fake may not be opened");
    CHECK_TEXT("source denied", err.fix, "chmod a+r fake");
    teardown(state);
    setup(state);
    CHECK_STATUS("nothing", open_devices(packages, JB_METRICS_FREQUENCY, &err),
                 JB_EABSENT, NULL);
    CHECK_TEXT("nothing", err.text,
               "no frequency of any package: nothing here measures it");
}

/* 2^32 counts of 1 uJ at 100 W are 42.9 s: half of that. */
static void test_max_gap(void **state)
{
    size_t energy = add_energy("rapl", package_0);

    (void)state;
    fake.sensors[energy].unit.modulus = UINT64_C(1) << 32;
    fake.sensors[energy].pmax_uw = 100000000;
    watch(packages, JB_METRICS_POWER);
    CHECK_U64("gap", jb_devices_max_gap_ns(devices), UINT64_C(21474836480));
}

static void test_max_gap_of_powers(void **state)
{
    static const struct {
        const char *label;
        enum jb_kind kind;
        uint64_t update_ns, window_ns, want_ns;
    } cases[] = {
        { "sampled fast", JB_KIND_SAMPLED, 1000000, 0, 1000000000 },
        { "sampled slowly", JB_KIND_SAMPLED, 2000000000, 0, 2000000000 },
        { "mean", JB_KIND_WINDOW_MEAN, 1000000, 1000000000, 1000000000 },
        { "mean of nobody knows", JB_KIND_WINDOW_MEAN, 0, 0, 1000000000 },
        { "short mean", JB_KIND_WINDOW_MEAN, 1000000, 5000000, 100000000 },
    };

    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        size_t at;

        setup(state);
        at = add("power", psys, JB_QUANTITY_POWER, cases[i].kind, 1);
        fake.sensors[at].update_ns = cases[i].update_ns;
        fake.sensors[at].window_ns = cases[i].window_ns;
        watch(node, JB_METRICS_POWER);
        CHECK_U64(cases[i].label, jb_devices_max_gap_ns(devices),
                  cases[i].want_ns);
        teardown(state);
    }
    setup(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_metric),   TEST(test_several_devices),
        TEST(test_preference),     TEST(test_implausible),
        TEST(test_busy_time),      TEST(test_busy_time_short),
        TEST(test_too_short),      TEST(test_stands_still),
        TEST(test_kinds_in_order), TEST(test_why_not),
        TEST(test_max_gap),        TEST(test_max_gap_of_powers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
