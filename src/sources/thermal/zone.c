/* SPDX-License-Identifier: Apache-2.0 */
/* Thermal zones (Documentation/driver-api/thermal/sysfs-api.rst). */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/plausible.h"
#include "inside.h"

enum {
    ZONE_MAX = 1024,
    ZONE_MICRO = 1000, /* micro-degrees per count */
};

enum zone_flag {
    ZONE_OF_PACKAGE = 1 << 0, /* the CPU's own temperature */
    ZONE_MIRROR = 1 << 1,     /* of what coretemp reads, too */
    ZONE_BLOCKS = 1 << 2,     /* a read waits for firmware */
    ZONE_FAKE = 1 << 3,
};

struct zone_row {
    const char *type;
    unsigned flags;
};

static const struct zone_row zone_rows[] = {
    /* The same register as coretemp's "Package id": IA32_PACKAGE_THERM_STATUS
     * (SDM vol. 3B, 15.8.4). */
    { "x86_pkg_temp", ZONE_OF_PACKAGE | ZONE_MIRROR },
    /* Systems on a chip with one zone for their CPUs: device trees name it. */
    { "cpu-thermal", ZONE_OF_PACKAGE },
    { "cpu_thermal", ZONE_OF_PACKAGE },
    { "bcm2835_thermal", ZONE_OF_PACKAGE },
    /* int3400_thermal.c answers 20 degC, whatever happens. */
    { "INT3400 Thermal", ZONE_FAKE },
    /* ACPI's _TMP asks an embedded controller. */
    { "acpitz", ZONE_BLOCKS },
};

struct zone {
    const char *directory;
    const char *type;
    unsigned flags;
    uint16_t number; /* of those of its type */
};

static unsigned zone_flags(const char *type)
{
    for (size_t i = 0; i < sizeof(zone_rows) / sizeof(zone_rows[0]); i++)
        if (strcmp(zone_rows[i].type, type) == 0)
            return zone_rows[i].flags;
    return 0;
}

static bool zone_text(const char *directory, const char *file, char *out,
                      size_t capacity)
{
    char path[JB_PATH_MAX];

    out[0] = '\0';
    return jb_path(path, NULL, "%s/%s", directory, file) == JB_OK &&
           jb_file_read(path, out, capacity, NULL, NULL) == JB_OK;
}

static bool zone_is_true(const struct jb_thermal_input *input, int64_t count)
{
    return count >= input->lowest && count <= input->highest;
}

/* A zone does not say of which package it is: with one there is no question. */
static void zone_set_domain(const struct jb_source *source,
                            const struct zone *zone, struct jb_sensor *sensor)
{
    if (zone->flags & ZONE_MIRROR)
        sensor->flags |= JB_SENSOR_MIRROR;
    if (!(zone->flags & ZONE_OF_PACKAGE) || zone->number > 0 ||
        !source->topology || source->topology->package_count != 1)
        return;
    sensor->domain.kind = JB_DOMAIN_PACKAGE;
    sensor->domain.index = source->topology->packages[0].package;
}

static void zone_name(const struct zone *zone, struct jb_sensor *sensor)
{
    if (zone->type[0])
        snprintf(sensor->name, sizeof(sensor->name), "%s-%u", zone->type,
                 zone->number);
    else
        snprintf(sensor->name, sizeof(sensor->name), "%s",
                 strrchr(zone->directory, '/') + 1);
    for (char *c = strpbrk(sensor->name, " /,\""); c; c = strpbrk(c, " /,\""))
        *c = '_';
    jb_text_make_plain(sensor->name);
}

static int zone_check_mode(const struct zone *zone, struct jb_error *err)
{
    char mode[JB_THERMAL_TYPE_MAX];

    if (zone->flags & ZONE_FAKE)
        return jb_fail(err, JB_EABSENT,
                       "no sensor: the driver answers 20 degC for ever");
    if (!zone_text(zone->directory, "mode", mode, sizeof(mode)) ||
        strcmp(mode, "disabled") != 0)
        return JB_OK;
    jb_fail(err, JB_EABSENT, "switched off: %s/mode is disabled",
            zone->directory);
    jb_error_set_fix(err, "echo enabled | sudo tee %s/mode", zone->directory);
    return JB_EABSENT;
}

static int zone_check_value(const struct zone *zone,
                            const struct jb_thermal_input *input,
                            struct jb_error *err)
{
    const char *path = input->value.path;
    int64_t count;
    int rc;

    if (zone->flags & ZONE_BLOCKS)
        return JB_OK;
    rc = jb_file_pread_i64(input->value.fd, &count);
    if (rc == JB_EFORMAT)
        return jb_fail(err, rc, "%s does not hold a number", path);
    if (rc < 0)
        return jb_attribute_explain(errno, path, err);
    if (!zone_is_true(input, count))
        return jb_fail(err, JB_EIMPLAUSIBLE,
                       "%s is %" PRId64 ": no such thing is in a computer",
                       path, count);
    return JB_OK;
}

static int zone_connect(const struct zone *zone, struct jb_thermal_input *input,
                        struct jb_error *err)
{
    char path[JB_PATH_MAX];
    int rc = jb_path(path, err, "%s/type", zone->directory);

    if (rc < 0)
        return rc;
    snprintf(input->type, sizeof(input->type), "%s", zone->type);
    if (zone->type[0]) {
        input->guard = strdup(path);
        if (!input->guard)
            return jb_fail(err, JB_ENOMEM, "%s", path);
    }
    rc = jb_path(path, err, "%s/temp", zone->directory);
    if (rc == JB_OK)
        rc = zone_check_mode(zone, err);
    if (rc == JB_OK)
        rc = jb_attribute_open(&input->value, path, err);
    if (rc == JB_EDENIED)
        jb_error_set_fix(err, "sudo chmod a+r %s, or run as root", path);
    return rc == JB_OK ? zone_check_value(zone, input, err) : rc;
}

static int zone_add(struct jb_source *source, const struct zone *zone,
                    uint16_t endpoint, struct jb_error *err)
{
    struct jb_range range = jb_plausible_range(JB_QUANTITY_TEMPERATURE);
    struct jb_thermal_input *input;
    struct jb_sensor *sensor;
    struct jb_error trouble = { 0 };
    int rc = jb_thermal_append(source, &sensor, &input, err);

    if (rc < 0)
        return rc;
    zone_name(zone, sensor);
    sensor->unit =
        (struct jb_unit){ JB_QUANTITY_TEMPERATURE, ZONE_MICRO, 1, 1, 1, 0 };
    sensor->kind = JB_KIND_SAMPLED;
    sensor->flags |= JB_SENSOR_SIGNED;
    if (zone->flags & ZONE_BLOCKS)
        sensor->flags |= JB_SENSOR_MAY_BLOCK;
    sensor->endpoint = endpoint;
    input->lowest = range.lowest / ZONE_MICRO;
    input->highest = range.highest / ZONE_MICRO;
    zone_set_domain(source, zone, sensor);
    rc = zone_connect(zone, input, &trouble);
    if (rc == JB_ENOMEM)
        return jb_fail(err, rc, "%s", trouble.text);
    if (rc < 0)
        jb_thermal_give_up(sensor, &trouble);
    return JB_OK;
}

static int zone_compare(const void *left, const void *right)
{
    const int32_t *a = left;
    const int32_t *b = right;

    return (*a > *b) - (*a < *b);
}

/* Zones by their numbers: those of one type stay in the kernel's order. */
static int zone_list(const char *directory, int32_t numbers[ZONE_MAX],
                     size_t *count, struct jb_error *err)
{
    JB_AUTO_CLOSEDIR DIR *dir = opendir(directory);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        int32_t number = jb_thermal_number(entry->d_name, "thermal_zone");

        if (number < 0)
            continue;
        if (*count == ZONE_MAX)
            return jb_fail(err, JB_ELIMIT, "more than %d thermal zones",
                           ZONE_MAX);
        numbers[(*count)++] = number;
    }
    qsort(numbers, *count, sizeof(*numbers), zone_compare);
    return JB_OK;
}

static uint16_t zone_count_before(const struct jb_source *source,
                                  const char *type)
{
    uint16_t before = 0;

    for (size_t i = 0; i < source->count; i++)
        before += strcmp(source->inputs[i].type, type) == 0;
    return before;
}

int jb_thermal_find_zones(struct jb_source *source, struct jb_error *err)
{
    int32_t numbers[ZONE_MAX];
    size_t count = 0;
    char directory[JB_PATH_MAX];
    char class[JB_PATH_MAX];
    int rc = jb_path(class, err, "%s/class/thermal", source->env->roots->sysfs);

    if (rc == JB_OK)
        rc = zone_list(class, numbers, &count, err);
    for (size_t i = 0; rc == JB_OK && i < count; i++) {
        char type[JB_THERMAL_TYPE_MAX];
        struct zone zone = { .directory = directory, .type = type };

        rc = jb_path(directory, err, "%s/thermal_zone%" PRId32, class,
                     numbers[i]);
        if (rc < 0)
            return rc;
        if (!zone_text(directory, "type", type, sizeof(type)))
            type[0] = '\0';
        zone.flags = zone_flags(type);
        zone.number = zone_count_before(source, type);
        rc = zone_add(source, &zone, (uint16_t)(i + 1), err);
    }
    return rc;
}
