/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often, and for how long, CPUs were held back: per core and per package
 * (Documentation/ABI: cpu<N>/thermal_throttle, of the driver therm_throt).
 *
 * Every CPU has the files of its core and of its package, so that the same
 * register is seen by all siblings; each is listed once.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "core/domain.h"
#include "inside.h"

enum { THROTTLE_LIST_MAX = 4096, THROTTLE_FIRST_ROOM = 64 };

struct throttle_row {
    const char *file;
    const char *name;
    enum jb_quantity quantity;
    uint64_t micro; /* per count */
    bool package;
};

static const struct throttle_row throttle_rows[] = {
    { "package_throttle_count", "throttle_count", JB_QUANTITY_COUNT, 1000000,
      true },
    { "package_throttle_total_time_ms", "throttle_time", JB_QUANTITY_TIME, 1000,
      true },
    { "package_power_limit_count", "power_limit_count", JB_QUANTITY_COUNT,
      1000000, true },
    { "core_throttle_count", "core_throttle_count", JB_QUANTITY_COUNT, 1000000,
      false },
    { "core_throttle_total_time_ms", "core_throttle_time", JB_QUANTITY_TIME,
      1000, false },
    { "core_power_limit_count", "core_power_limit_count", JB_QUANTITY_COUNT,
      1000000, false },
    /* until Linux 2.6.30 */
    { "count", "throttle_count", JB_QUANTITY_COUNT, 1000000, false },
};

struct throttle_cpu {
    uint32_t cpu;
    int64_t core;             /* the kernel's number of it, -1: not said */
    struct jb_domain package; /* or die */
};

struct throttle_cpus {
    struct throttle_cpu *cpus; /* ascending */
    size_t count, room;
};

static int throttle_path(const struct jb_source *source, uint32_t cpu,
                         const char *file, char path[JB_PATH_MAX],
                         struct jb_error *err)
{
    return jb_path(path, err, "%s/devices/system/cpu/cpu%u/thermal_throttle/%s",
                   source->env->roots->sysfs, cpu, file);
}

static bool throttle_has(const struct jb_source *source, uint32_t cpu,
                         const char *file)
{
    char path[JB_PATH_MAX];

    return throttle_path(source, cpu, file, path, NULL) == JB_OK &&
           access(path, F_OK) == 0;
}

/* A number below the CPU's topology, or -1. */
static int64_t throttle_id(const struct jb_source *source, uint32_t cpu,
                           const char *file)
{
    char path[JB_PATH_MAX];
    int64_t id;

    if (jb_path(path, NULL, "%s/devices/system/cpu/cpu%u/topology/%s",
                source->env->roots->sysfs, cpu, file) < 0 ||
        jb_file_read_i64(path, &id, NULL) < 0)
        return -1;
    return id;
}

/* Without a list of CPUs each still says its package. */
static struct jb_domain throttle_package(const struct jb_source *source,
                                         uint32_t cpu)
{
    const struct jb_topology_cpu *place =
        source->topology ? jb_topology_find(source->topology, cpu) : NULL;
    struct jb_domain domain = { .kind = JB_DOMAIN_PACKAGE, .die = JB_NO_DIE };
    int64_t package = throttle_id(source, cpu, "physical_package_id");

    if (place) {
        domain.index = place->package;
        domain.die = place->die;
    } else if (package >= 0 && package <= UINT16_MAX) {
        domain.index = (uint16_t)package;
    }
    return domain;
}

static int throttle_compare(const void *left, const void *right)
{
    const struct throttle_cpu *a = left;
    const struct throttle_cpu *b = right;

    return (a->cpu > b->cpu) - (a->cpu < b->cpu);
}

static int throttle_append(struct throttle_cpus *list,
                           const struct throttle_cpu *cpu, struct jb_error *err)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : THROTTLE_FIRST_ROOM;
        void *grown = reallocarray(list->cpus, room, sizeof(*list->cpus));

        if (!grown)
            return jb_fail(err, JB_ENOMEM, "%zu CPUs", room);
        list->cpus = grown;
        list->room = room;
    }
    list->cpus[list->count++] = *cpu;
    return JB_OK;
}

static int throttle_list(const struct jb_source *source,
                         struct throttle_cpus *list, struct jb_error *err)
{
    char path[JB_PATH_MAX];
    JB_AUTO_CLOSEDIR DIR *dir = NULL;
    struct dirent *entry;
    int rc =
        jb_path(path, err, "%s/devices/system/cpu", source->env->roots->sysfs);

    if (rc < 0)
        return rc;
    dir = opendir(path);
    while (rc == JB_OK && dir && (entry = readdir(dir))) {
        int32_t number = jb_thermal_number(entry->d_name, "cpu");
        struct throttle_cpu cpu = { .cpu = (uint32_t)number };

        if (number < 0 || !throttle_has(source, cpu.cpu, "."))
            continue;
        cpu.core = throttle_id(source, cpu.cpu, "core_id");
        cpu.package = throttle_package(source, cpu.cpu);
        rc = throttle_append(list, &cpu, err);
    }
    if (list->count > 0)
        qsort(list->cpus, list->count, sizeof(*list->cpus), throttle_compare);
    return rc;
}

struct throttle_search {
    const struct jb_source *source;
    const char *file;
    uint32_t cpu;
    bool found; /* a lower sibling that has the file */
};

static bool throttle_visit(uint32_t cpu, void *context)
{
    struct throttle_search *search = context;

    search->found =
        cpu < search->cpu && throttle_has(search->source, cpu, search->file);
    return !search->found && cpu < search->cpu;
}

/* Kernels before 2.6.26 have no lists of siblings: whoever has the same number
 * in the same package is one. */
static bool throttle_follows(const struct throttle_search *search,
                             const struct throttle_cpus *list, size_t i)
{
    const struct throttle_cpu *cpu = &list->cpus[i];

    for (size_t k = 0; k < i && cpu->core >= 0; k++)
        if (list->cpus[k].core == cpu->core &&
            jb_domain_equal(&list->cpus[k].package, &cpu->package) &&
            throttle_has(search->source, list->cpus[k].cpu, search->file))
            return true;
    return false;
}

/* Whether a lower CPU of the same core has the file, too. */
static bool throttle_is_sibling(const struct jb_source *source,
                                const struct throttle_cpus *list, size_t i,
                                const char *file)
{
    struct throttle_search search = { source, file, list->cpus[i].cpu, false };
    char path[JB_PATH_MAX];
    char text[THROTTLE_LIST_MAX];
    size_t length;

    if (jb_path(path, NULL,
                "%s/devices/system/cpu/cpu%u/topology/thread_siblings_list",
                source->env->roots->sysfs, search.cpu) < 0 ||
        jb_file_read(path, text, sizeof(text), &length, NULL) < 0)
        return throttle_follows(&search, list, i);
    if (jb_text_each_cpu(text, length, JB_TOPOLOGY_CPU_MAX, throttle_visit,
                         &search))
        return false;
    return search.found;
}

static bool throttle_is_known(const struct jb_source *source, const char *name)
{
    for (size_t i = 0; i < source->count; i++)
        if (strcmp(source->sensors[i].name, name) == 0)
            return true;
    return false;
}

static int throttle_add(struct jb_source *source,
                        const struct throttle_row *row, uint32_t cpu,
                        const struct jb_domain *package, struct jb_error *err)
{
    struct jb_thermal_input *input;
    struct jb_sensor *sensor;
    struct jb_error trouble = { 0 };
    char path[JB_PATH_MAX];
    char place[JB_DOMAIN_NAME_MAX];
    char name[JB_NAME_MAX];
    int rc = throttle_path(source, cpu, row->file, path, err);

    snprintf(place, sizeof(place), "cpu-%u", cpu);
    if (row->package)
        jb_domain_name(package, place);
    snprintf(name, sizeof(name), "%s/%s", place, row->name);
    if (rc < 0 || throttle_is_known(source, name))
        return rc;
    rc = jb_thermal_append(source, &sensor, &input, err);
    if (rc < 0)
        return rc;
    memcpy(sensor->name, name, sizeof(name));
    if (row->package)
        sensor->domain = *package;
    sensor->unit = (struct jb_unit){ row->quantity, row->micro, 1, 1, 1, 0 };
    sensor->kind = JB_KIND_COUNTER;
    sensor->flags = JB_SENSOR_MAY_REST;
    sensor->endpoint = JB_THERMAL_ENDPOINT_CPUS;
    rc = jb_attribute_open(&input->value, path, &trouble);
    if (rc == JB_ENOMEM)
        return jb_fail(err, rc, "%s", path);
    if (rc < 0)
        jb_thermal_give_up(sensor, &trouble);
    return JB_OK;
}

static int throttle_add_row(struct jb_source *source,
                            const struct throttle_cpus *list,
                            const struct throttle_row *row,
                            struct jb_error *err)
{
    int rc = JB_OK;

    for (size_t i = 0; rc == JB_OK && i < list->count; i++) {
        const struct throttle_cpu *cpu = &list->cpus[i];

        if (throttle_has(source, cpu->cpu, row->file) &&
            (row->package || !throttle_is_sibling(source, list, i, row->file)))
            rc = throttle_add(source, row, cpu->cpu, &cpu->package, err);
    }
    return rc;
}

int jb_thermal_find_throttles(struct jb_source *source, struct jb_error *err)
{
    struct throttle_cpus list = { 0 };
    int rc = throttle_list(source, &list, err);

    for (size_t i = 0;
         rc == JB_OK && i < sizeof(throttle_rows) / sizeof(throttle_rows[0]);
         i++)
        rc = throttle_add_row(source, &list, &throttle_rows[i], err);
    free(list.cpus);
    return rc;
}
