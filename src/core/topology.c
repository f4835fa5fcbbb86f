/* SPDX-License-Identifier: Apache-2.0 */
#include "topology.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

/* Room for a list of 4096 CPUs, every second one offline. */
enum { TOPOLOGY_LIST_MAX = 16384, TOPOLOGY_ID_MAX = 24 };

/* Recorded trees sometimes lack `online`; whoever is present will do then. */
static int topology_read_list(const char *sysfs, char *list, size_t *length,
                              struct jb_error *err)
{
    static const char *const names[] = { "online", "present", "possible" };
    char path[JB_PATH_MAX];
    int rc = JB_EABSENT;

    for (size_t i = 0; i < 3 && rc == JB_EABSENT; i++) {
        rc = jb_path(path, err, "%s/devices/system/cpu/%s", sysfs, names[i]);
        if (rc == JB_OK)
            rc = jb_file_read(path, list, TOPOLOGY_LIST_MAX, length, err);
    }
    return rc;
}

static bool topology_count(uint32_t cpu, void *context)
{
    (void)cpu;
    return ++*(size_t *)context <= JB_TOPOLOGY_CPU_MAX + 1;
}

/* Descending or repeated numbers would break the search; no kernel does it. */
static bool topology_append(uint32_t cpu, void *context)
{
    struct jb_topology *topology = context;
    size_t at = topology->cpu_count;

    if (at > 0 && topology->cpus[at - 1].cpu >= cpu)
        return false;
    topology->cpus[at].cpu = cpu;
    topology->cpu_count++;
    return true;
}

static int topology_allocate(struct jb_topology *topology, size_t count,
                             struct jb_error *err)
{
    topology->cpus = calloc(count, sizeof(*topology->cpus));
    topology->packages = calloc(count, sizeof(*topology->packages));
    if (!topology->cpus || !topology->packages)
        return jb_fail(err, JB_ENOMEM, "no memory for %zu CPUs", count);
    return JB_OK;
}

/* Calls visit for each cpuN of the directory that has a topology: one that is
 * offline has none. */
static bool topology_each_directory(DIR *dir,
                                    bool (*visit)(uint32_t, void *context),
                                    void *context)
{
    struct dirent *entry;

    rewinddir(dir);
    while ((entry = readdir(dir))) {
        size_t length = strlen(entry->d_name);
        char path[sizeof(entry->d_name) + sizeof("/topology")];
        uint64_t cpu;

        if (length <= 3 || strncmp(entry->d_name, "cpu", 3) != 0 ||
            !jb_text_u64(entry->d_name + 3, length - 3, &cpu) ||
            cpu > JB_TOPOLOGY_CPU_MAX)
            continue;
        snprintf(path, sizeof(path), "%s/topology", entry->d_name);
        if (faccessat(dirfd(dir), path, F_OK, 0) == 0 &&
            !visit((uint32_t)cpu, context))
            return false;
    }
    return true;
}

struct topology_room {
    struct jb_topology *topology;
    size_t left; /* a CPU may come online between two looks */
};

/* In whatever order readdir() has. */
static bool topology_append_any(uint32_t cpu, void *context)
{
    struct topology_room *room = context;

    if (room->left == 0)
        return false;
    room->left--;
    room->topology->cpus[room->topology->cpu_count++].cpu = cpu;
    return true;
}

static int topology_by_cpu(const void *left, const void *right);

/* Some recordings have no list at all, only the CPUs. */
static int topology_scan_cpus(const char *sysfs, struct jb_topology *topology,
                              struct jb_error *err)
{
    JB_AUTO_CLOSEDIR DIR *dir = NULL;
    char path[JB_PATH_MAX];
    struct topology_room room = { .topology = topology };
    size_t count = 0;
    int rc = jb_path(path, err, "%s/devices/system/cpu", sysfs);

    if (rc < 0)
        return rc;
    dir = opendir(path);
    if (!dir)
        return jb_fail_errno(err, errno, "%s", path);
    if (!topology_each_directory(dir, topology_count, &count) || count == 0)
        return jb_fail(err, JB_EABSENT, "%s says nothing of any CPU", path);
    rc = topology_allocate(topology, count, err);
    if (rc < 0)
        return rc;
    room.left = count;
    (void)topology_each_directory(dir, topology_append_any, &room);
    qsort(topology->cpus, topology->cpu_count, sizeof(*topology->cpus),
          topology_by_cpu);
    return JB_OK;
}

static int topology_list_cpus(const char *sysfs, struct jb_topology *topology,
                              struct jb_error *err)
{
    char list[TOPOLOGY_LIST_MAX];
    size_t length = 0;
    size_t count = 0;
    int rc = topology_read_list(sysfs, list, &length, err);

    if (rc == JB_EABSENT)
        return topology_scan_cpus(sysfs, topology, err);
    if (rc < 0)
        return rc;
    if (!jb_text_each_cpu(list, length, JB_TOPOLOGY_CPU_MAX, topology_count,
                          &count) ||
        count == 0)
        return jb_fail(err, JB_EFORMAT,
                       "%s/devices/system/cpu: \"%.40s\" is not a CPU list",
                       sysfs, list);
    rc = topology_allocate(topology, count, err);
    if (rc < 0)
        return rc;
    if (!jb_text_each_cpu(list, length, JB_TOPOLOGY_CPU_MAX, topology_append,
                          topology))
        return jb_fail(err, JB_EFORMAT,
                       "%s/devices/system/cpu: \"%.40s\" does not ascend",
                       sysfs, list);
    return JB_OK;
}

/* -1 is the kernel's word for "the firmware did not say". */
static int topology_read_id(const char *sysfs, uint32_t cpu, const char *name,
                            uint64_t max, uint64_t *out, struct jb_error *err)
{
    char path[JB_PATH_MAX];
    char text[TOPOLOGY_ID_MAX];
    size_t length;
    int rc = jb_path(path, err, "%s/devices/system/cpu/cpu%u/topology/%s",
                     sysfs, cpu, name);

    if (rc == JB_OK)
        rc = jb_file_read(path, text, sizeof(text), &length, err);
    if (rc == JB_EABSENT || (rc == JB_OK && strcmp(text, "-1") == 0)) {
        *out = 0;
        return JB_OK;
    }
    if (rc == JB_ELIMIT ||
        (rc == JB_OK && (!jb_text_u64(text, length, out) || *out > max)))
        return jb_fail(err, JB_EFORMAT, "%s does not hold a number up to %u",
                       path, (unsigned)max);
    return rc;
}

static int topology_place(const char *sysfs, struct jb_topology_cpu *cpu,
                          struct jb_error *err)
{
    uint64_t package = 0;
    uint64_t die = 0;
    int rc = topology_read_id(sysfs, cpu->cpu, "physical_package_id",
                              UINT16_MAX, &package, err);

    if (rc == JB_OK)
        rc = topology_read_id(sysfs, cpu->cpu, "die_id", INT16_MAX, &die, err);
    if (rc < 0)
        return rc;
    cpu->package = (uint16_t)package;
    cpu->die = (int16_t)die;
    return JB_OK;
}

static int topology_by_place(const void *left, const void *right)
{
    const struct jb_topology_cpu *a = left;
    const struct jb_topology_cpu *b = right;

    if (a->package != b->package)
        return a->package < b->package ? -1 : 1;
    if (a->die != b->die)
        return a->die < b->die ? -1 : 1;
    return 0;
}

static int topology_by_cpu(const void *left, const void *right)
{
    const struct jb_topology_cpu *a = left;
    const struct jb_topology_cpu *b = right;

    return (a->cpu > b->cpu) - (a->cpu < b->cpu);
}

/* Needs the CPUs in the order of their places. */
static void topology_count_packages(struct jb_topology *topology)
{
    struct jb_topology_package *last = NULL;
    int16_t die = 0;

    for (size_t i = 0; i < topology->cpu_count; i++) {
        const struct jb_topology_cpu *cpu = &topology->cpus[i];

        if (!last || last->package != cpu->package) {
            last = &topology->packages[topology->package_count++];
            *last = (struct jb_topology_package){ .package = cpu->package };
        }
        last->dies += last->cpus == 0 || cpu->die != die;
        last->cpus++;
        die = cpu->die;
    }
}

static void topology_group(struct jb_topology *topology)
{
    if (topology->cpu_count == 0)
        return;
    qsort(topology->cpus, topology->cpu_count, sizeof(*topology->cpus),
          topology_by_place);
    topology_count_packages(topology);
    qsort(topology->cpus, topology->cpu_count, sizeof(*topology->cpus),
          topology_by_cpu);
    for (size_t i = 0; i < topology->cpu_count; i++) {
        struct jb_topology_cpu *cpu = &topology->cpus[i];

        if (jb_topology_package(topology, cpu->package)->dies == 1)
            cpu->die = JB_NO_DIE;
    }
}

int jb_topology_read(const char *sysfs, struct jb_topology **out,
                     struct jb_error *err)
{
    struct jb_topology *topology = calloc(1, sizeof(*topology));
    int rc;

    if (!topology)
        return jb_fail(err, JB_ENOMEM, "no memory for the CPU topology");
    rc = topology_list_cpus(sysfs, topology, err);
    for (size_t i = 0; rc == JB_OK && i < topology->cpu_count; i++)
        rc = topology_place(sysfs, &topology->cpus[i], err);
    if (rc < 0) {
        jb_topology_free(topology);
        return rc;
    }
    topology_group(topology);
    *out = topology;
    return JB_OK;
}

void jb_topology_free(struct jb_topology *topology)
{
    if (!topology)
        return;
    free(topology->cpus);
    free(topology->packages);
    free(topology);
}

const struct jb_topology_cpu *
jb_topology_find(const struct jb_topology *topology, uint32_t cpu)
{
    const struct jb_topology_cpu key = { .cpu = cpu };

    return bsearch(&key, topology->cpus, topology->cpu_count, sizeof(key),
                   topology_by_cpu);
}

static int topology_by_package(const void *left, const void *right)
{
    const struct jb_topology_package *a = left;
    const struct jb_topology_package *b = right;

    return (a->package > b->package) - (a->package < b->package);
}

const struct jb_topology_package *
jb_topology_package(const struct jb_topology *topology, uint16_t package)
{
    const struct jb_topology_package key = { .package = package };

    return bsearch(&key, topology->packages, topology->package_count,
                   sizeof(key), topology_by_package);
}
