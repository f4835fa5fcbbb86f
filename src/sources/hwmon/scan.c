/* SPDX-License-Identifier: Apache-2.0 */
/* From a chip's files to sensors. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "core/plausible.h"
#include "inside.h"

enum { SCAN_FIRST_ROOM = 32 };

int jb_hwmon_judge(const struct jb_hwmon_input *input, int64_t count)
{
    if (count < input->lowest || count > input->highest ||
        (count == 0 && input->not_zero))
        return JB_EIMPLAUSIBLE;
    if (input->channel.kind == JB_HWMON_ENERGY)
        return JB_OK; /* a counter passes through every number */
    return jb_plausible_is_ones((uint64_t)count) ? JB_EIMPLAUSIBLE : JB_OK;
}

/* A driver that has no value now says ENODATA: absent, and no fault. */
static int scan_meaning(int status)
{
    return status == JB_EIO && errno == ENODATA ? JB_EABSENT : status;
}

int jb_hwmon_read(struct jb_hwmon_input *input, uint64_t now_ns, int64_t *count)
{
    const struct jb_guard guard = { input->chip->guard, input->chip->name };
    const struct jb_guard *same = input->chip->guard ? &guard : NULL;
    uint64_t energy;
    int rc;

    if (input->channel.kind != JB_HWMON_ENERGY)
        return scan_meaning(
            jb_attribute_read_i64(&input->value, same, now_ns, count));
    rc = jb_attribute_read_u64(&input->value, same, now_ns, &energy);
    if (rc == JB_OK && energy > INT64_MAX)
        rc = JB_EIMPLAUSIBLE;
    if (rc == JB_OK)
        *count = (int64_t)energy;
    return scan_meaning(rc);
}

void jb_hwmon_remark(struct jb_sensor *sensor, const char *fmt, ...)
{
    size_t used = strlen(sensor->note);
    va_list ap;

    if (used > 0)
        used += (size_t)snprintf(sensor->note + used,
                                 sizeof(sensor->note) - used, ", ");
    if (used >= sizeof(sensor->note))
        return;
    va_start(ap, fmt);
    vsnprintf(sensor->note + used, sizeof(sensor->note) - used, fmt, ap);
    va_end(ap);
}

static int scan_grow(struct jb_hwmon_list *list, struct jb_error *err)
{
    size_t room = list->room ? 2 * list->room : SCAN_FIRST_ROOM;
    void *grown;

    if (list->count < list->room)
        return JB_OK;
    if (list->count >= JB_HWMON_SENSORS_MAX)
        return jb_fail(err, JB_ELIMIT, "more than %d hwmon sensors",
                       JB_HWMON_SENSORS_MAX);
    grown = reallocarray(list->sensors, room, sizeof(*list->sensors));
    if (!grown)
        return jb_fail(err, JB_ENOMEM, "%zu hwmon sensors", room);
    list->sensors = grown;
    grown = reallocarray(list->inputs, room, sizeof(*list->inputs));
    if (!grown)
        return jb_fail(err, JB_ENOMEM, "%zu hwmon sensors", room);
    list->inputs = grown;
    list->room = room;
    return JB_OK;
}

static int scan_compare(const void *left, const void *right)
{
    const struct jb_hwmon_input *a = left;
    const struct jb_hwmon_input *b = right;

    return jb_hwmon_channel_compare(&a->channel, &b->channel);
}

/* A chip whose directory cannot be listed has no sensors to speak of. */
static int scan_channels(struct jb_hwmon_list *list, struct jb_hwmon_chip *chip,
                         struct jb_error *err)
{
    JB_AUTO_CLOSEDIR DIR *dir = opendir(chip->directory);
    size_t first = list->count;
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        struct jb_hwmon_input input = { .chip = chip,
                                        .value.fd = -1,
                                        .fault.fd = -1 };
        int rc = JB_OK;

        if (!jb_hwmon_channel_parse(entry->d_name, &input.channel))
            continue;
        rc = scan_grow(list, err);
        if (rc < 0)
            return rc;
        list->sensors[list->count] = (struct jb_sensor){ 0 };
        list->inputs[list->count++] = input;
    }
    if (list->count > first)
        qsort(list->inputs + first, list->count - first, sizeof(*list->inputs),
              scan_compare);
    return JB_OK;
}

/* A path of the channel's: "<directory>/temp1_<file>". */
static int scan_path(const struct jb_hwmon_input *input, const char *directory,
                     const char *file, char path[JB_PATH_MAX])
{
    return jb_path(path, NULL, "%s/%s%u_%s", directory,
                   jb_hwmon_scales[input->channel.kind].word,
                   input->channel.number, file);
}

static bool scan_number(const struct jb_hwmon_input *input, const char *file,
                        int64_t *out)
{
    char path[JB_PATH_MAX];

    return scan_path(input, input->chip->directory, file, path) == JB_OK &&
           jb_file_read_i64(path, out, NULL) == JB_OK;
}

static bool scan_text(const struct jb_hwmon_input *input, const char *file,
                      char out[JB_HWMON_TEXT_MAX])
{
    char path[JB_PATH_MAX];
    bool found =
        scan_path(input, input->chip->directory, file, path) == JB_OK &&
        jb_file_read(path, out, JB_HWMON_TEXT_MAX, NULL, NULL) == JB_OK;

    if (!found)
        out[0] = '\0';
    for (char *c = out; *c; c++)
        if (!isascii((unsigned char)*c) || !isprint((unsigned char)*c))
            *c = '?';
    return found && out[0];
}

/* Meters that have no label may have the firmware's word. */
static void scan_label(struct jb_hwmon_input *input, struct jb_sensor *sensor)
{
    if (!scan_text(input, "label", input->label) &&
        input->channel.kind == JB_HWMON_POWER)
        (void)scan_text(input, "oem_info", input->label);
    snprintf(sensor->label, sizeof(sensor->label), "%.*s", JB_LABEL_MAX - 1,
             input->label);
}

/* Of an average: over how long, where that is said.  The interval is the
 * meter's own and a read of it can wait for firmware as a reading does, which
 * the option avoids. */
static void scan_window(const struct jb_hwmon_scan *scan,
                        const struct jb_hwmon_input *input,
                        struct jb_sensor *sensor)
{
    uint64_t window_ns = scan->options->meter_window_ns;
    int64_t ms;

    if (input->channel.item != JB_HWMON_AVERAGE ||
        input->channel.kind != JB_HWMON_POWER)
        return;
    if (window_ns == 0 && scan_number(input, "average_interval", &ms) &&
        ms > 0 && ms <= INT32_MAX)
        window_ns = (uint64_t)ms * JB_NS_PER_MS;
    if (window_ns == 0)
        return;
    sensor->kind = JB_KIND_WINDOW_MEAN;
    sensor->window_ns = window_ns;
}

static uint64_t scan_update_ns(const struct jb_hwmon_chip *chip)
{
    char path[JB_PATH_MAX];
    uint64_t ms;

    if (chip->row->update_ns > 0)
        return chip->row->update_ns;
    if (jb_path(path, NULL, "%s/update_interval", chip->directory) == JB_OK &&
        jb_file_read_u64(path, &ms, NULL) == JB_OK && ms <= INT32_MAX)
        return ms * JB_NS_PER_MS;
    return 0;
}

/* ACPI meters say how good they are: "power1_accuracy" is "95.0%".  100 % is
 * what firmware says that has not thought about it. */
static void scan_accuracy(const struct jb_hwmon_input *input,
                          struct jb_sensor *sensor)
{
    char text[JB_HWMON_TEXT_MAX];
    uint32_t ppm;

    if (input->channel.kind == JB_HWMON_POWER &&
        scan_text(input, "accuracy", text) && jb_hwmon_percent(text, &ppm) &&
        ppm > 0)
        sensor->gain_ppm = 1000000 - ppm;
}

static void scan_describe(const struct jb_hwmon_scan *scan, size_t i)
{
    struct jb_hwmon_input *input = &scan->list->inputs[i];
    struct jb_sensor *sensor = &scan->list->sensors[i];
    const struct jb_hwmon_chip *chip = input->chip;
    const struct jb_hwmon_scale *scale = &jb_hwmon_scales[input->channel.kind];
    uint64_t update_ns = scan_update_ns(chip);
    char word[JB_HWMON_WORD_MAX];
    const char *why;

    *sensor = (struct jb_sensor){
        .domain = { JB_DOMAIN_NONE, 0, JB_NO_DIE },
        .unit = { scale->quantity, scale->micro, 1, 1, 1, 0 },
        .kind = scale->quantity == JB_QUANTITY_ENERGY ? JB_KIND_COUNTER
                                                      : JB_KIND_SAMPLED,
        .provenance = JB_MEASURED,
        .pmax_from = JB_BOUND_GUESSED,
        .update_ns = update_ns,
        .lag_ns = update_ns / 2,
        .lag_unc_ns = update_ns / 2,
        .quantum = 1,
    };
    snprintf(sensor->name, sizeof(sensor->name), "%.*s/%s",
             JB_HWMON_STEM_MAX - 1, chip->stem,
             jb_hwmon_channel_name(&input->channel, word));
    if (scale->is_signed)
        sensor->flags |= JB_SENSOR_SIGNED;
    if (chip->row->flags & JB_HWMON_CHIP_BLOCKS)
        sensor->flags |= JB_SENSOR_MAY_BLOCK;
    if (strncmp(chip->device, "thermal_zone", strlen("thermal_zone")) == 0)
        sensor->flags |= JB_SENSOR_MIRROR; /* the source "thermal" has it */
    jb_hwmon_limits(chip->name, input->channel.kind, &input->lowest,
                    &input->highest, &why);
    scan_label(input, sensor);
    scan_window(scan, input, sensor);
    scan_accuracy(input, sensor);
}

/* Which file switches the channel, and what it holds; JB_EABSENT where none
 * does. */
static int scan_read_switch(const struct jb_hwmon_input *input,
                            char file[JB_HWMON_TEXT_MAX], int64_t *enabled,
                            struct jb_error *err)
{
    const struct jb_hwmon_channel *channel = &input->channel;
    const char *word = jb_hwmon_scales[channel->kind].word;
    char path[JB_PATH_MAX];
    int rc;

    snprintf(file, JB_HWMON_TEXT_MAX, "%s%u_enable", word, channel->number);
    rc = jb_path(path, err, "%s/%s", input->chip->directory, file);
    if (rc == JB_OK)
        rc = jb_file_read_i64(path, enabled, err);
    if (rc != JB_EABSENT || channel->kind != JB_HWMON_CURR ||
        !(input->chip->row->flags & JB_HWMON_CHIP_IN_ENABLES_CURR))
        return rc;
    snprintf(file, JB_HWMON_TEXT_MAX, "in%u_enable", channel->number);
    rc = jb_path(path, err, "%s/%s", input->chip->directory, file);
    return rc == JB_OK ? jb_file_read_i64(path, enabled, err) : rc;
}

static int scan_check_switches(struct jb_hwmon_input *input,
                               struct jb_error *err)
{
    const char *shown = input->chip->shown;
    char file[JB_HWMON_TEXT_MAX];
    int64_t enabled;
    int64_t fault;
    struct jb_error why;
    int rc = scan_read_switch(input, file, &enabled, &why);

    if (rc == JB_EIO) /* what a channel that is off holds is no reading */
        return jb_fail(err, rc, "%s", why.text);
    if (rc == JB_OK && enabled == 0) {
        jb_fail(err, JB_EABSENT, "switched off: %s/%s is 0", shown, file);
        if (jb_text_is_word(shown))
            jb_error_set_fix(err, "echo 1 | sudo tee %s/%s", shown, file);
        return JB_EABSENT;
    }
    if (input->fault.fd >= 0 &&
        jb_file_pread_i64(input->fault.fd, &fault) == JB_OK && fault != 0)
        return jb_fail(err, JB_EABSENT,
                       "%s/%s%u_fault is %" PRId64
                       ": nothing is connected, or it is broken",
                       shown, jb_hwmon_scales[input->channel.kind].word,
                       input->channel.number, fault);
    return JB_OK;
}

static void scan_set_fix(const struct jb_hwmon_input *input, int errnum,
                         struct jb_error *err)
{
    if (err->status == JB_EDENIED && jb_text_is_word(input->chip->shown))
        jb_error_set_fix(err, "sudo chmod a+r %s/%s*_input", input->chip->shown,
                         jb_hwmon_scales[input->channel.kind].word);
    if (errnum == EMFILE)
        jb_error_set_fix(err, "ulimit -n 65536");
}

/* What the file holds now. */
static int scan_check_value(struct jb_hwmon_input *input, const char *path,
                            struct jb_error *err)
{
    int64_t count = 0;
    int64_t lowest;
    int64_t highest;
    const char *why;
    int rc;

    rc = jb_hwmon_read(input, 0, &count);
    if (rc == JB_EFORMAT)
        return jb_fail(err, rc, "%s does not hold a number", path);
    if (rc == JB_EIMPLAUSIBLE) /* larger than any count: a sentinel */
        return jb_fail(err, rc, "%s is all ones, which means none", path);
    if (rc < 0)
        return jb_attribute_explain(errno, path, err);
    rc = jb_hwmon_judge(input, count);
    if (rc == JB_OK)
        return rc;
    jb_hwmon_limits(input->chip->name, input->channel.kind, &lowest, &highest,
                    &why);
    return jb_fail(err, rc, "%s is %" PRId64 ": %s", path, count,
                   count >= lowest && count <= highest
                       ? "all ones, which means none"
                       : why);
}

static int scan_connect(struct jb_hwmon_input *input, struct jb_error *err)
{
    static const char *const files[] = {
        [JB_HWMON_INPUT] = "input", [JB_HWMON_AVERAGE] = "average"
    };
    const struct jb_hwmon_chip *chip = input->chip;
    const char *file = files[input->channel.item];
    char path[JB_PATH_MAX];
    char shown[JB_PATH_MAX];
    int rc = JB_OK;

    if (scan_path(input, chip->directory, "fault", path) == JB_OK &&
        access(path, F_OK) == 0)
        rc = jb_attribute_open(&input->fault, path, NULL);
    if (rc == JB_ENOMEM || scan_path(input, chip->shown, file, shown) < 0 ||
        scan_path(input, chip->directory, file, path) < 0)
        return jb_fail(err, rc == JB_ENOMEM ? rc : JB_ELIMIT, "%s", chip->stem);
    rc = jb_attribute_open(&input->value, path, NULL);
    if (rc == JB_ENOMEM)
        return jb_fail(err, rc, "%s", shown);
    if (rc < 0) {
        int errnum = errno;

        rc = jb_fail_errno(err, errnum, "%s", shown);
        scan_set_fix(input, errnum, err);
        return rc;
    }
    if (chip->row->flags & JB_HWMON_CHIP_BLOCKS)
        return JB_OK; /* what it says is seen when it is read */
    rc = scan_check_switches(input, err);
    return rc == JB_OK ? scan_check_value(input, shown, err) : rc;
}

static int scan_chip(const struct jb_hwmon_scan *scan, uint16_t endpoint,
                     struct jb_error *err)
{
    struct jb_hwmon_list *list = scan->list;
    size_t first = list->count;
    int rc = scan_channels(list, list->chips[endpoint], err);

    for (size_t i = first; rc == JB_OK && i < list->count; i++) {
        struct jb_sensor *sensor = &list->sensors[i];
        struct jb_error trouble = { 0 };

        scan_describe(scan, i);
        sensor->endpoint = endpoint;
        sensor->state = scan_connect(&list->inputs[i], &trouble);
        snprintf(sensor->reason, sizeof(sensor->reason), "%s", trouble.text);
        snprintf(sensor->fix, sizeof(sensor->fix), "%s", trouble.fix);
        if (sensor->state == JB_ENOMEM)
            rc = jb_fail(err, JB_ENOMEM, "%s", trouble.text);
    }
    return rc;
}

int jb_hwmon_scan_all(const struct jb_hwmon_scan *scan, struct jb_error *err)
{
    int rc = jb_hwmon_find_chips(scan, err);

    for (size_t i = 0; rc == JB_OK && i < scan->list->chip_count; i++)
        rc = scan_chip(scan, (uint16_t)i, err);
    return rc == JB_OK ? jb_hwmon_assign(scan, err) : rc;
}
