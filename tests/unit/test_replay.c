/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replay source against a clock that the test turns.  What it must say is
 * worked out by hand from the files that are written here.
 */
#include "check.h"
#include "tree.h"

#include "core/meter.h"
#include "joulebook/plugin/source.h"

extern const struct jb_source_desc jb_source_replay;

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define ORIGIN (50 * S)

#define HEAD                                                                   \
    "time,elapsed_s,sensor,domain,quantity,value,unit,power_w,provenance,"     \
    "state\n"
#define ENERGY(at, value, state)                                               \
    "x," at ",p,package-0,energy," value ",J,,measured," state "\n"

struct rig {
    struct tree tree;
    char path[TREE_PATH_MAX];
    uint64_t now_ns;
    struct jb_roots roots;
    struct jb_clock clock;
    struct jb_env env;
    struct jb_source *source;
    const struct jb_sensor *sensors;
    size_t count;
};

static uint64_t rig_now(void *context)
{
    return ((struct rig *)context)->now_ns;
}

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    tree_init(&rig->tree);
    tree_path(&rig->tree, "file", rig->path);
    rig->now_ns = ORIGIN;
    rig->roots =
        (struct jb_roots){ rig->tree.root, rig->tree.root, "/none", "/none" };
    rig->clock = (struct jb_clock){ .now_ns = rig_now, .context = rig };
    rig->env = (struct jb_env){ .roots = &rig->roots, .clock = &rig->clock };
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;

    jb_source_replay.close(rig->source);
    tree_release(&rig->tree);
    free(rig);
    return 0;
}

struct options {
    const char *file;
    double speed;
};

static int rig_open(struct rig *rig, const char *text, const char *speed,
                    struct jb_error *err)
{
    const struct jb_option *table = jb_source_replay.options;
    struct options options;
    int rc;

    assert_int_equal(jb_source_replay.options_size, sizeof(options));
    assert_int_equal(jb_options_init(table, &options, err), JB_OK);
    if (text) {
        tree_write(&rig->tree, "file", text);
        rc = jb_option_set(jb_option_find(table, "file"), &options, rig->path,
                           err);
        assert_int_equal(rc, JB_OK);
    }
    if (speed) {
        rc =
            jb_option_set(jb_option_find(table, "speed"), &options, speed, err);
        if (rc < 0)
            return rc;
    }
    rc = jb_source_replay.open(&rig->env, &options, &rig->source, err);
    if (rc == JB_OK)
        rig->sensors = jb_source_replay.sensors(rig->source, &rig->count);
    return rc;
}

static struct jb_sample rig_at(struct rig *rig, uint32_t sensor,
                               uint64_t now_ns)
{
    struct jb_sample sample;

    rig->now_ns = now_ns;
    jb_source_replay.sample(rig->source, &sensor, 1, &sample);
    CHECK_U64("sensor", sample.sensor, sensor);
    CHECK_U64("read at", sample.t1_ns, now_ns);
    return sample;
}

static void rig_expect(struct rig *rig, uint32_t sensor, uint64_t now_ns,
                       struct jb_sample want)
{
    struct jb_sample got = rig_at(rig, sensor, now_ns);

    CHECK_STATUS("state", got.state, want.state, NULL);
    CHECK_U64("generation", got.generation, want.generation);
    CHECK_U64("stamp", got.meter_ns, want.meter_ns);
    CHECK_U64("raw", got.raw, want.raw);
}

static void test_clock(void **state)
{
    struct rig *rig = *state;
    struct jb_error err = { 0 };

    CHECK_STATUS("open",
                 rig_open(rig,
                          HEAD ENERGY("0.5", "0", "ok")
                              ENERGY("1.5", "100.000001", "ok")
                                  ENERGY("2.5", "150", "ok"),
                          NULL, &err),
                 JB_OK, &err);
    CHECK_U64("sensors", rig->count, 1);
    CHECK_TEXT("name", rig->sensors[0].name, "p");
    CHECK_U64("kind", rig->sensors[0].kind, JB_KIND_COUNTER);
    CHECK_U64("update", rig->sensors[0].update_ns, S);
    CHECK_TEXT("note", rig->sensors[0].note, "");
    /* play begins with the first sample, whenever that is */
    rig_expect(rig, 0, ORIGIN + 7 * S,
               (struct jb_sample){ .meter_ns = ORIGIN + 7 * S });
    rig_expect(rig, 0, ORIGIN + 8 * S - 1,
               (struct jb_sample){ .meter_ns = ORIGIN + 7 * S });
    rig_expect(
        rig, 0, ORIGIN + 8 * S,
        (struct jb_sample){ .meter_ns = ORIGIN + 8 * S, .raw = 100000001 });
    rig_expect(
        rig, 0, ORIGIN + 11 * S,
        (struct jb_sample){ .meter_ns = ORIGIN + 9 * S, .raw = 150000000 });
    /* over: silent for longer than it ever was */
    rig_expect(rig, 0, ORIGIN + 11 * S + 1,
               (struct jb_sample){ .state = JB_EABSENT });
}

/* The same energy in a tenth of the time. */
static void test_speed(void **state)
{
    struct rig *rig = *state;
    struct jb_error err = { 0 };

    CHECK_STATUS(
        "open",
        rig_open(rig,
                 HEAD ENERGY("0", "0", "ok") "x,0,w,platform,power,"
                                             "200,W,,measured,ok\n" ENERGY(
                                                 "1", "900", "ok"),
                 "10", &err),
        JB_OK, &err);
    rig_expect(rig, 0, ORIGIN, (struct jb_sample){ .meter_ns = ORIGIN });
    rig_expect(
        rig, 0, ORIGIN + 100 * MS,
        (struct jb_sample){ .meter_ns = ORIGIN + 100 * MS, .raw = 900000000 });
    CHECK_U64("power", rig_at(rig, 1, ORIGIN).raw, 2000000000);
    /* 900 W are plausible, and must stay so: 9 kW are drawn now */
    CHECK_U64("bound", rig->sensors[0].pmax_uw, 10 * UINT64_C(1000000000));
    assert_non_null(strstr(rig->sensors[0].note, "10 times"));
}

/* Gaps and errors of the recording, as a meter makes a curve of them: 100 J,
 * then a gap in which nobody knows what flowed, then 20 J. */
static void test_curve(void **state)
{
    struct rig *rig = *state;
    struct jb_error err = { 0 };
    struct jb_meter meter;
    const struct jb_knot *newest;
    enum jb_meter_event want[] = { JB_METER_FIRST,   JB_METER_ADVANCE,
                                   JB_METER_ADVANCE, JB_METER_REFUSED,
                                   JB_METER_RESET,   JB_METER_ADVANCE };
    uint64_t at_ms[] = { 0, 1000, 1500, 2000, 3000, 4000 };

    CHECK_STATUS("open",
                 rig_open(rig,
                          HEAD ENERGY("0", "0", "ok") ENERGY("1", "100", "ok")
                              ENERGY("2", "", "denied") ENERGY(
                                  "3", "100", "gap") ENERGY("4", "120", "ok"),
                          NULL, &err),
                 JB_OK, &err);
    CHECK_STATUS("meter", jb_meter_init(&meter, &rig->sensors[0], 16, &err),
                 JB_OK, &err);
    for (size_t i = 0; i < CHECK_COUNT(want); i++) {
        struct jb_sample sample = rig_at(rig, 0, ORIGIN + at_ms[i] * MS);

        CHECK_U64("event", jb_meter_feed(&meter, &sample), want[i]);
    }
    newest = jb_curve_newest(&meter.curve);
    CHECK_U64("energy", (uint64_t)newest->energy.uj, 120000000);
    CHECK_U64("seen", newest->seen_ns, 2 * S);
    /* two seconds at no more than 1 kW */
    assert_in_range(newest->gap_uj, 2000000000, 2000000002);
    jb_meter_release(&meter);
}

/* Sensors begin within moments of each other: play waits for all of them. */
static void test_start(void **state)
{
    struct rig *rig = *state;
    struct jb_error err = { 0 };

    CHECK_STATUS("open",
                 rig_open(rig,
                          HEAD "x,0.000,a,dram-0,energy,0,J,,measured,ok\n"
                               "x,0.002,b,dram-1,energy,0,J,,measured,ok\n"
                               "x,1.000,a,dram-0,energy,5,J,,measured,ok\n"
                               "x,1.002,b,dram-1,energy,6,J,,measured,ok\n"
                               "x,1.500,late,dram-2,energy,0,J,,measured,ok\n"
                               "x,2.500,late,dram-2,energy,7,J,,measured,ok\n",
                          NULL, &err),
                 JB_OK, &err);
    rig_expect(rig, 0, ORIGIN,
               (struct jb_sample){ .meter_ns = ORIGIN - 2 * MS });
    rig_expect(rig, 1, ORIGIN, (struct jb_sample){ .meter_ns = ORIGIN });
    rig_expect(rig, 2, ORIGIN, (struct jb_sample){ .state = JB_EBUSY });
    rig_expect(rig, 2, ORIGIN + 1498 * MS,
               (struct jb_sample){ .meter_ns = ORIGIN + 1498 * MS });
}

static void test_powers(void **state)
{
    struct rig *rig = *state;
    struct jb_error err = { 0 };

    CHECK_STATUS("open",
                 rig_open(rig,
                          "{\"interval_us\": 2000000,\"powers\": "
                          "{\"rapl_package_0_watt\": 40}}\n"
                          "{\"interval_us\": 2000000,\"powers\": "
                          "{\"rapl_package_0_watt\": 60}}\n{\"inter",
                          NULL, &err),
                 JB_OK, &err);
    CHECK_U64("kind", rig->sensors[0].kind, JB_KIND_COUNTER);
    /* half a watt of 50 */
    CHECK_U64("rounding", rig->sensors[0].gain_ppm, 10000);
    assert_non_null(strstr(rig->sensors[0].note, "cut off"));
    rig_expect(rig, 0, ORIGIN, (struct jb_sample){ .meter_ns = ORIGIN });
    rig_expect(
        rig, 0, ORIGIN + 2 * S,
        (struct jb_sample){ .meter_ns = ORIGIN + 2 * S, .raw = 80000000 });
    /* however seldom it is read, the energy is whole */
    rig_expect(
        rig, 0, ORIGIN + 4 * S + 1,
        (struct jb_sample){ .meter_ns = ORIGIN + 4 * S, .raw = 200000000 });
}

static void test_refusals(void **state)
{
    struct rig *rig = *state;
    struct jb_error err = { 0 };

    CHECK_STATUS("no file", rig_open(rig, NULL, NULL, &err), JB_EREFUSED, &err);
    assert_non_null(strstr(err.fix, "--replay"));
    CHECK_STATUS("garbage", rig_open(rig, HEAD "garbage\n", NULL, &err),
                 JB_EFORMAT, &err);
    assert_non_null(strstr(err.text, ":2:"));
    CHECK_STATUS("too slow", rig_open(rig, HEAD, "0.5", &err), JB_EUSAGE, &err);
    CHECK_STATUS("too fast", rig_open(rig, HEAD, "1e7", &err), JB_EUSAGE, &err);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_clock), TEST(test_speed),  TEST(test_curve),
        TEST(test_start), TEST(test_powers), TEST(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
