/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Monitors of sources that this build does not have: here it has them, as
 * stand-ins of the test.  What a monitor asks of them is what the real ones
 * will be asked.
 */
#include <joulebook/joulebook.h>

#include <stddef.h>
#include <time.h>

#include "base/clock.h"
#include "check.h"
#include "joulebook/plugin/source.h"

enum { STAND_SENSORS = 5 };

struct jb_source {
    struct jb_sensor sensors[STAND_SENSORS];
    size_t count;
};

struct stand_options {
    const char *host, *username, *password;
};

static struct jb_source stand_gpus, stand_bmc;
static struct stand_options stand_asked;

static void stand_add(struct jb_source *source, const char *name,
                      enum jb_domain_kind kind, uint16_t index,
                      enum jb_quantity quantity)
{
    struct jb_sensor *sensor = &source->sensors[source->count++];

    *sensor = (struct jb_sensor){ .domain = { kind, index, JB_NO_DIE },
                                  .unit = { quantity, 1000, 1, 1, 1, 0 },
                                  .kind = JB_KIND_SAMPLED,
                                  .quantum = 1 };
    snprintf(sensor->name, JB_NAME_MAX, "%s", name);
}

static int stand_open_gpus(const struct jb_env *env, const void *options,
                           struct jb_source **out, struct jb_error *err)
{
    (void)env;
    (void)options;
    (void)err;
    stand_gpus.count = 0;
    stand_add(&stand_gpus, "gpu-0/power", JB_DOMAIN_GPU, 0, JB_QUANTITY_POWER);
    stand_add(&stand_gpus, "gpu-0/temperature", JB_DOMAIN_GPU, 0,
              JB_QUANTITY_TEMPERATURE);
    stand_add(&stand_gpus, "gpu-0/utilization", JB_DOMAIN_GPU, 0,
              JB_QUANTITY_UTILIZATION);
    stand_add(&stand_gpus, "gpu-1/power", JB_DOMAIN_GPU, 1, JB_QUANTITY_POWER);
    stand_add(&stand_gpus, "gpu-1/temperature", JB_DOMAIN_GPU, 1,
              JB_QUANTITY_TEMPERATURE);
    *out = &stand_gpus;
    return JB_OK;
}

static int stand_open_bmc(const struct jb_env *env, const void *opaque,
                          struct jb_source **out, struct jb_error *err)
{
    const struct stand_options *options = opaque;

    (void)env;
    stand_asked = *options;
    if (!options->password || strcmp(options->password, "geheim") != 0)
        return jb_fail(err, JB_EDENIED, "%s: wrong password", options->host);
    stand_bmc.count = 0;
    stand_add(&stand_bmc, "system", JB_DOMAIN_PLATFORM, 0, JB_QUANTITY_POWER);
    stand_bmc.sensors[0].flags = JB_SENSOR_MAY_BLOCK;
    *out = &stand_bmc;
    return JB_OK;
}

static const struct jb_sensor *stand_sensors(const struct jb_source *source,
                                             size_t *count)
{
    *count = source->count;
    return source->sensors;
}

/* 250 W and 300 W, 60 and 61 degC, 80 %. */
static void stand_sample(struct jb_source *source, const uint32_t *which,
                         size_t count, struct jb_sample *out)
{
    static const uint64_t values[STAND_SENSORS] = { 250000, 60000, 800, 300000,
                                                    61000 };

    for (size_t i = 0; i < count; i++) {
        uint64_t now_ns = jb_clock_now_ns(&jb_clock_boottime);

        out[i] = (struct jb_sample){ .sensor = which[i],
                                     .raw = values[which[i]],
                                     .t0_ns = now_ns,
                                     .t1_ns = now_ns };
    }
    (void)source;
}

static void stand_close(struct jb_source *source)
{
    (void)source;
}

static const struct jb_option stand_table[] = {
    { .name = "host",
      .type = JB_OPTION_TEXT,
      .offset = offsetof(struct stand_options, host) },
    { .name = "username",
      .type = JB_OPTION_TEXT,
      .offset = offsetof(struct stand_options, username) },
    { .name = "password",
      .type = JB_OPTION_TEXT,
      .offset = offsetof(struct stand_options, password) },
    { 0 },
};

static const struct jb_source_desc stand_nvml = {
    .name = "nvml",
    .summary = "a stand-in",
    .quantities = 1 << JB_QUANTITY_POWER | 1 << JB_QUANTITY_TEMPERATURE |
                  1 << JB_QUANTITY_UTILIZATION,
    .open = stand_open_gpus,
    .sensors = stand_sensors,
    .sample = stand_sample,
    .close = stand_close,
};

static const struct jb_source_desc stand_ipmi = {
    .name = "ipmi",
    .summary = "a stand-in",
    .options = stand_table,
    .options_size = sizeof(struct stand_options),
    .quantities = 1 << JB_QUANTITY_POWER,
    .open = stand_open_bmc,
    .sensors = stand_sensors,
    .sample = stand_sample,
    .close = stand_close,
};

/* In place of the generated registry. */
const struct jb_source_desc *const jb_sources[] = { &stand_nvml, &stand_ipmi,
                                                    NULL };
const char *const jb_module_sources[] = { NULL };
const char *const jb_request_sources[] = { NULL };

static struct jb_monitor *start(struct jb_monitor_config *config)
{
    struct jb_monitor *monitor = NULL;
    struct jb_error err;

    config->size = sizeof(*config);
    config->interval_s = 0.05;
    config->sysfs = config->procfs = "/none";
    CHECK_STATUS("new", jb_monitor_new(config, &monitor, &err), JB_OK, &err);
    CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_OK, &err);
    return monitor;
}

static struct jb_readings *read_some(struct jb_monitor *monitor)
{
    struct jb_readings *list = NULL;
    struct jb_error err;

    for (int i = 0; i < 400 && jb_readings_count(list) == 0; i++) {
        nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
        jb_readings_free(list);
        list = NULL;
        CHECK_STATUS("read", jb_monitor_read(monitor, &list, &err), JB_OK,
                     &err);
    }
    assert_true(jb_readings_count(list) > 0);
    return list;
}

static void check(const struct jb_reading *reading, const char *component,
                  const char *device, const double want[JB_METRIC_COUNT])
{
    CHECK_TEXT("component", jb_reading_component(reading), component);
    CHECK_TEXT("device", jb_reading_device(reading), device);
    for (int m = 0; m < JB_METRIC_COUNT; m++) {
        double value = -1.0;
        int rc = jb_reading_metric(reading, (enum jb_metric)m, &value, NULL);

        CHECK_STATUS(jb_metric_name((enum jb_metric)m), rc,
                     want[m] < 0.0 ? JB_EABSENT : JB_OK, NULL);
        /* energy is whole microjoules: 20 uW in 50 ms */
        if (value < want[m] - 1e-4 || value > want[m] + 1e-4)
            fail_msg("%s: %.9g, want %g", jb_metric_name((enum jb_metric)m),
                     value, want[m]);
    }
}

static void check_gpus(const char *component)
{
    static const double wanted[2][JB_METRIC_COUNT] = { { 250, 60, -1, 80 },
                                                       { 300, 61, -1, -1 } };
    struct jb_monitor_config config = { .source = "gpu",
                                        .component = component };
    struct jb_monitor *monitor = start(&config);
    struct jb_readings *list = read_some(monitor);

    CHECK_U64("one for each", jb_readings_count(list) % 2, 0);
    check(jb_readings_get(list, 0), "nvidia", "gpu-0", wanted[0]);
    check(jb_readings_get(list, 1), "nvidia", "gpu-1", wanted[1]);
    jb_readings_free(list);
    jb_monitor_free(monitor);
}

static void test_gpus(void **state)
{
    (void)state;
    check_gpus("nvidia");
    check_gpus("any");
}

static void test_bmc(void **state)
{
    static const double want[JB_METRIC_COUNT] = { 250, -1, -1, -1 };
    struct jb_monitor_config config = { .source = "system",
                                        .component = "ipmi",
                                        .host = "192.0.2.1",
                                        .username = "admin",
                                        .password = "geheim" };
    struct jb_monitor *monitor = start(&config);
    struct jb_readings *list = read_some(monitor);

    (void)state;
    CHECK_TEXT("host", stand_asked.host, "192.0.2.1");
    CHECK_TEXT("username", stand_asked.username, "admin");
    check(jb_readings_get(list, 0), "ipmi", "platform", want);
    jb_readings_free(list);
    jb_monitor_free(monitor);
}

static void test_refused_by_the_bmc(void **state)
{
    struct jb_monitor_config config = { .size = sizeof(config),
                                        .source = "system",
                                        .component = "ipmi",
                                        .host = "192.0.2.1",
                                        .password = "wrong-secret" };
    struct jb_monitor *monitor = NULL;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("new", jb_monitor_new(&config, &monitor, &err), JB_OK, &err);
    CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_EDENIED, NULL);
    assert_non_null(strstr(err.text, "ipmi: 192.0.2.1: wrong password"));
    assert_null(strstr(err.text, "wrong-secret"));
    jb_monitor_free(monitor);
}

/* Without a host the BMC of this machine is asked. */
static void test_no_host(void **state)
{
    struct jb_monitor_config config = { .size = sizeof(config),
                                        .source = "system",
                                        .component = "ipmi" };
    struct jb_monitor *monitor = NULL;
    struct jb_error err;

    (void)state;
    stand_asked.host = "old";
    CHECK_STATUS("new", jb_monitor_new(&config, &monitor, &err), JB_OK, &err);
    CHECK_STATUS("start", jb_monitor_start(monitor, &err), JB_EDENIED, NULL);
    assert_null(stand_asked.host);
    jb_monitor_free(monitor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpus),
        cmocka_unit_test(test_bmc),
        cmocka_unit_test(test_refused_by_the_bmc),
        cmocka_unit_test(test_no_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
