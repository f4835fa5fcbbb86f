/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drivers say through the kernel's hwmon class: energy, power,
 * temperatures, voltages, currents, fans, clocks.
 *
 * Why all of them and not the few that are known: whoever looks for the reason
 * of a figure wants the board's, too; only what a table says is an account of
 * energy (chips.h).  Chips are named by their device, because the kernel
 * numbers them in the order of loading.
 */
#include "inside.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "core/cpuinfo.h"

struct jb_source {
    const struct jb_env *env;
    struct jb_hwmon_options options;
    struct jb_hwmon_list list;
};

/* ACPI says over how long a meter averages, and not how old that is: firmware
 * asks a BMC about once a second. */
static const struct jb_option hwmon_options[] = {
    { .name = "meter-lag",
      .argument = "TIME",
      .fallback = "1s",
      .max = 600 * (uint64_t)JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      .offset = offsetof(struct jb_hwmon_options, meter_lag_ns),
      .help = "how late an ACPI power meter's average is" },
    { .name = "meter-lag-uncertainty",
      .argument = "TIME",
      .fallback = "1s",
      .max = 600 * (uint64_t)JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      .offset = offsetof(struct jb_hwmon_options, meter_lag_unc_ns),
      .help = "give or take this" },
    { .name = "meter-window",
      .argument = "TIME",
      .fallback = "0s",
      .max = 600 * (uint64_t)JB_NS_PER_S,
      .type = JB_OPTION_DURATION,
      .offset = offsetof(struct jb_hwmon_options, meter_window_ns),
      .help =
          "over how long it averages; 0s: as power1_average_interval says" },
    { .name = "meter-max-power",
      .argument = "W",
      .fallback = "0",
      .max = 100000,
      .type = JB_OPTION_UINT,
      .offset = offsetof(struct jb_hwmon_options, meter_max_w),
      .help = "what the whole machine cannot exceed; 0: guess 20 kW" },
    { 0 },
};

static void hwmon_close(struct jb_source *source)
{
    if (!source)
        return;
    jb_hwmon_list_release(&source->list);
    free(source);
}

static int hwmon_absent(const struct jb_env *env, struct jb_error *err)
{
    struct jb_cpuinfo cpu = { 0 };
    int known = jb_cpuinfo_read(env->roots->procfs, &cpu, NULL);

    return jb_fail(err, JB_EABSENT, "no sensor in %s/class/hwmon%s",
                   env->roots->sysfs,
                   known == JB_OK && cpu.hypervisor
                       ? ": a virtual machine, whose host keeps them"
                       : "");
}

static int hwmon_scan(const struct jb_source *source,
                      struct jb_hwmon_list *list, struct jb_error *err)
{
    const struct jb_hwmon_scan scan = { source->env, &source->options, list };
    int rc = jb_hwmon_scan_all(&scan, err);

    if (rc == JB_EABSENT || (rc == JB_OK && list->count == 0))
        return hwmon_absent(source->env, err);
    return rc;
}

static int hwmon_open(const struct jb_env *env, const void *options,
                      struct jb_source **out, struct jb_error *err)
{
    struct jb_source *source = calloc(1, sizeof(*source));
    int rc;

    if (!source)
        return jb_fail(err, JB_ENOMEM, "hwmon");
    source->env = env;
    if (options)
        memcpy(&source->options, options, sizeof(source->options));
    rc = hwmon_scan(source, &source->list, err);
    if (rc < 0) {
        hwmon_close(source);
        return rc;
    }
    *out = source;
    return JB_OK;
}

static const struct jb_sensor *hwmon_sensors(const struct jb_source *source,
                                             size_t *count)
{
    *count = source->list.count;
    return source->list.sensors;
}

/* A reading that the chip itself calls void. */
static int hwmon_check_fault(struct jb_hwmon_input *input, uint64_t now_ns)
{
    int64_t fault = 0;

    if (input->fault.fd < 0 ||
        jb_attribute_read_i64(&input->fault, NULL, now_ns, &fault) < 0)
        return JB_OK;
    return fault == 0 ? JB_OK : JB_EIMPLAUSIBLE;
}

static int hwmon_read(struct jb_hwmon_input *input, uint64_t now_ns,
                      int64_t *count)
{
    int rc = hwmon_check_fault(input, now_ns);

    if (rc == JB_OK)
        rc = jb_hwmon_read(input, now_ns, count);
    return rc == JB_OK ? jb_hwmon_judge(input, *count) : rc;
}

static void hwmon_sample(struct jb_source *source, const uint32_t *which,
                         size_t count, struct jb_sample *out)
{
    uint64_t before_ns = jb_clock_now_ns(source->env->clock);
    uint64_t after_ns;

    for (size_t i = 0; i < count; i++) {
        struct jb_hwmon_input *input = &source->list.inputs[which[i]];
        const struct jb_sensor *sensor = &source->list.sensors[which[i]];
        int64_t raw = 0;
        int rc = sensor->state;

        if (rc == JB_OK)
            rc = hwmon_read(input, before_ns, &raw);
        after_ns = jb_clock_now_ns(source->env->clock);
        out[i] = (struct jb_sample){
            .sensor = which[i],
            .generation = sensor->generation + input->value.generation,
            .raw = rc == JB_OK ? (uint64_t)raw : 0,
            .t0_ns = before_ns,
            .t1_ns = after_ns,
            .state = rc,
        };
        before_ns = after_ns;
    }
}

static ptrdiff_t hwmon_index(const struct jb_hwmon_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->sensors[i].name, name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

/* A file that was removed and made again is another one: its counter may have
 * begun anew. */
static bool hwmon_is_same_file(int a, int b)
{
    struct stat left;
    struct stat right;

    return a >= 0 && b >= 0 && fstat(a, &left) == 0 && fstat(b, &right) == 0 &&
           left.st_ino == right.st_ino && left.st_dev == right.st_dev;
}

static void hwmon_lose(struct jb_sensor *sensor)
{
    sensor->state = JB_EABSENT;
    snprintf(sensor->reason, sizeof(sensor->reason), "%s",
             "is no longer there");
    sensor->fix[0] = '\0';
}

/* The sensor at index i of the old list, as it is in the new one. */
static void hwmon_take_over(const struct jb_hwmon_list *old, size_t i,
                            struct jb_hwmon_list *fresh, ptrdiff_t at,
                            struct jb_hwmon_list *merged)
{
    const struct jb_hwmon_input *was = &old->inputs[i];
    struct jb_sensor *sensor = &merged->sensors[i];
    struct jb_hwmon_input *input = &merged->inputs[i];
    uint32_t generation = old->sensors[i].generation + was->value.generation;

    if (at < 0) {
        *sensor = old->sensors[i];
        *input = (struct jb_hwmon_input){ .channel = was->channel,
                                          .value.fd = -1,
                                          .fault.fd = -1 };
        sensor->generation = generation;
        hwmon_lose(sensor);
        return;
    }
    *sensor = fresh->sensors[at];
    *input = fresh->inputs[at];
    fresh->inputs[at].value = (struct jb_attribute){ .fd = -1 };
    fresh->inputs[at].fault = (struct jb_attribute){ .fd = -1 };
    fresh->inputs[at].settled = true; /* taken over */
    sensor->generation =
        generation + !hwmon_is_same_file(was->value.fd, input->value.fd);
}

static void hwmon_append(struct jb_hwmon_list *fresh, size_t at,
                         struct jb_hwmon_list *merged)
{
    merged->sensors[merged->count] = fresh->sensors[at];
    merged->inputs[merged->count++] = fresh->inputs[at];
    fresh->inputs[at].value = (struct jb_attribute){ .fd = -1 };
    fresh->inputs[at].fault = (struct jb_attribute){ .fd = -1 };
}

/* Known sensors keep their index; chips are those of the new list. */
static int hwmon_merge(struct jb_hwmon_list *old, struct jb_hwmon_list *fresh,
                       struct jb_error *err)
{
    size_t room = old->count + fresh->count + 1;
    struct jb_hwmon_list merged = {
        .sensors = calloc(room, sizeof(*merged.sensors)),
        .inputs = calloc(room, sizeof(*merged.inputs)),
        .count = old->count,
        .room = room,
    };

    if (!merged.sensors || !merged.inputs) {
        free(merged.sensors);
        free(merged.inputs);
        return jb_fail(err, JB_ENOMEM, "%zu hwmon sensors", room);
    }
    for (size_t i = 0; i < fresh->count; i++)
        fresh->inputs[i].settled = false;
    for (size_t i = 0; i < old->count; i++)
        hwmon_take_over(old, i, fresh, hwmon_index(fresh, old->sensors[i].name),
                        &merged);
    for (size_t i = 0; i < fresh->count; i++)
        if (!fresh->inputs[i].settled)
            hwmon_append(fresh, i, &merged);
    merged.chips = fresh->chips;
    merged.chip_count = fresh->chip_count;
    fresh->chips = NULL;
    fresh->chip_count = 0;
    jb_hwmon_list_release(old);
    *old = merged;
    return JB_OK;
}

static int hwmon_rescan(struct jb_source *source, struct jb_error *err)
{
    struct jb_hwmon_list fresh = { 0 };
    int rc = hwmon_scan(source, &fresh, err);

    if (rc == JB_OK || rc == JB_EABSENT)
        rc = hwmon_merge(&source->list, &fresh, err);
    jb_hwmon_list_release(&fresh);
    return rc;
}

const struct jb_source_desc jb_source_hwmon = {
    .name = "hwmon",
    .summary = "Temperatures, fans, voltages, power of CPUs, GPUs and board",
    .options = hwmon_options,
    .options_size = sizeof(struct jb_hwmon_options),
    .quantities = 1 << JB_QUANTITY_ENERGY | 1 << JB_QUANTITY_POWER |
                  1 << JB_QUANTITY_TEMPERATURE | 1 << JB_QUANTITY_FREQUENCY |
                  1 << JB_QUANTITY_VOLTAGE | 1 << JB_QUANTITY_CURRENT |
                  1 << JB_QUANTITY_ROTATION,
    .open = hwmon_open,
    .sensors = hwmon_sensors,
    .rescan = hwmon_rescan,
    .sample = hwmon_sample,
    .close = hwmon_close,
};
