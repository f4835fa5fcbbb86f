/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "counter.h"

enum { TREE_MAX_DEPTH = 16 };

/* The new node's index, or -1 when the tree is full. */
static int tree_add(struct jb_lab_tree *tree, int parent, const char *name,
                    enum jb_lab_role role, unsigned mode)
{
    struct jb_lab_node *node;
    int index = (int)tree->node_count;
    int *slot;

    if (parent < 0 || tree->node_count == JB_LAB_MAX_NODES)
        return -1;
    node = &tree->nodes[index];
    *node = (struct jb_lab_node){ .role = role,
                                  .parent = parent,
                                  .first_child = -1,
                                  .next = -1,
                                  .zone = tree->nodes[parent].zone,
                                  .device = tree->nodes[parent].device,
                                  .mode = mode };
    snprintf(node->name, sizeof(node->name), "%s", name);
    if (index != parent) {
        slot = &tree->nodes[parent].first_child;
        while (*slot >= 0)
            slot = &tree->nodes[*slot].next;
        *slot = index;
    }
    tree->node_count++;
    return index;
}

static int tree_add_dir(struct jb_lab_tree *tree, int parent, const char *name)
{
    return tree_add(tree, parent, name, JB_LAB_DIR, 0755);
}

/* A symlink to `target`, a path from the root, as the relative path that the
 * kernel would show. */
static int tree_add_link(struct jb_lab_tree *tree, int parent, const char *name,
                         const char *target)
{
    int index = tree_add(tree, parent, name, JB_LAB_LINK, 0777);
    char up[3 * TREE_MAX_DEPTH + 1] = "";
    size_t len = 0;

    if (index < 0)
        return -1;
    for (int at = parent; at != 0 && len + 3 < sizeof(up);
         at = tree->nodes[at].parent) {
        memcpy(up + len, "../", 4);
        len += 3;
    }
    snprintf(tree->nodes[index].link, JB_LAB_LINK_SIZE, "%s%s", up, target);
    return index;
}

int jb_lab_tree_child(const struct jb_lab_tree *tree, int dir, const char *name)
{
    int at = tree->nodes[dir].first_child;

    while (at >= 0 && strcmp(tree->nodes[at].name, name) != 0)
        at = tree->nodes[at].next;
    return at;
}

void jb_lab_tree_path(const struct jb_lab_tree *tree, int node, char *out,
                      size_t cap)
{
    int chain[TREE_MAX_DEPTH];
    size_t len = 0;
    int depth = 0;

    out[0] = '\0';
    while (node != 0 && depth < TREE_MAX_DEPTH) {
        chain[depth++] = node;
        node = tree->nodes[node].parent;
    }
    while (depth > 0 && len < cap) {
        const char *name = tree->nodes[chain[--depth]].name;
        int done =
            snprintf(out + len, cap - len, "%s%s", len > 0 ? "/" : "", name);

        len += done > 0 ? (size_t)done : 0;
    }
}

static void tree_add_limit(struct jb_lab_tree *tree, int dir, unsigned slot)
{
    static const struct {
        const char *suffix;
        enum jb_lab_role role;
        unsigned mode;
    } files[] = {
        { "name", JB_LAB_LIMIT_NAME, 0444 },
        { "max_power_uw", JB_LAB_LIMIT_MAX, 0444 },
        { "power_limit_uw", JB_LAB_LIMIT_POWER, 0644 },
        { "time_window_us", JB_LAB_LIMIT_WINDOW, 0644 },
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char name[JB_LAB_FILE_SIZE];
        int index;

        snprintf(name, sizeof(name), "constraint_%u_%s", slot, files[i].suffix);
        index = tree_add(tree, dir, name, files[i].role, files[i].mode);
        if (index >= 0)
            tree->nodes[index].slot = slot;
    }
}

static void tree_add_zone(struct jb_lab_tree *tree,
                          const struct jb_lab_layout *layout, unsigned zone,
                          int parent)
{
    const struct jb_lab_zone *what = &layout->zones[zone];
    int dir = tree_add_dir(tree, parent, what->path);

    if (dir < 0)
        return;
    tree->nodes[dir].zone = (int)zone;
    tree->zone_dirs[zone] = dir;
    tree_add(tree, dir, "name", JB_LAB_NAME, 0444);
    tree_add(tree, dir, "energy_uj", JB_LAB_ENERGY, what->mode);
    tree_add(tree, dir, "max_energy_range_uj", JB_LAB_RANGE, 0444);
    tree_add(tree, dir, "enabled", JB_LAB_ENABLED, 0644);
    tree_add(tree, dir, "uevent", JB_LAB_UEVENT, 0644);
    for (unsigned i = 0; i < what->limit_count; i++)
        tree_add_limit(tree, dir, i);
    tree_add_link(tree, dir, "subsystem", "class/powercap");
}

/* The directory of a control type (intel-rapl), made when it is new. */
static int tree_find_type(struct jb_lab_tree *tree, int powercap,
                          const char *zone_path)
{
    char name[JB_LAB_PATH_SIZE];
    int dir;

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(zone_path, ":"),
             zone_path);
    dir = jb_lab_tree_child(tree, powercap, name);
    if (dir >= 0)
        return dir;
    dir = tree_add_dir(tree, powercap, name);
    tree_add(tree, dir, "enabled", JB_LAB_ENABLED, 0644);
    tree_add(tree, dir, "uevent", JB_LAB_UEVENT, 0644);
    if (dir >= 0)
        tree_add_link(tree, dir, "subsystem", "class/powercap");
    return dir;
}

/* A symlink in a class directory to a directory elsewhere; it vanishes with
 * it. */
static void tree_add_class_link(struct jb_lab_tree *tree, int class_dir, int at)
{
    char path[JB_LAB_LINK_SIZE];
    int link;

    if (at < 0)
        return;
    jb_lab_tree_path(tree, at, path, sizeof(path));
    link = tree_add_link(tree, class_dir, tree->nodes[at].name, path);
    if (link < 0)
        return;
    tree->nodes[link].zone = tree->nodes[at].zone;
    tree->nodes[link].device = tree->nodes[at].device;
}

/* The same for each directory below `from`. */
static void tree_add_class_links(struct jb_lab_tree *tree, int class_dir,
                                 int from)
{
    for (int at = tree->nodes[from].first_child; at >= 0;
         at = tree->nodes[at].next) {
        if (tree->nodes[at].role != JB_LAB_DIR)
            continue;
        tree_add_class_link(tree, class_dir, at);
        tree_add_class_links(tree, class_dir, at);
    }
}

static void tree_add_powercap(struct jb_lab_tree *tree,
                              const struct jb_lab_layout *layout,
                              int class_root, int devices)
{
    int powercap = tree_add_dir(tree, devices, "powercap");
    int class_dir = tree_add_dir(tree, class_root, "powercap");

    /* A zone's directory is built after its parent's: the parser has made sure
     * that parents come first. */
    for (unsigned i = 0; i < layout->zone_count; i++) {
        int parent = layout->zones[i].sysfs_parent;

        tree_add_zone(tree, layout, i,
                      parent >= 0 ? tree->zone_dirs[parent]
                                  : tree_find_type(tree, powercap,
                                                   layout->zones[i].path));
    }
    tree_add_class_links(tree, class_dir, powercap);
}

int jb_lab_tree_device(const struct jb_lab_tree *tree, const char *name)
{
    for (unsigned i = 0; i < tree->device_count; i++)
        if (strcmp(tree->devices[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* A directory of the device's own; `what` gives file, role and slot. */
static int tree_add_device(struct jb_lab_tree *tree, int parent,
                           const char *name, const struct jb_lab_device *what)
{
    struct jb_lab_device *device;
    int dir;

    if (tree->device_count == JB_LAB_MAX_DEVICES)
        return -1;
    device = &tree->devices[tree->device_count];
    dir = tree_add_dir(tree, parent, name);
    if (dir < 0)
        return -1;
    *device = *what;
    snprintf(device->name, sizeof(device->name), "%s", name);
    device->dir = dir;
    tree->nodes[dir].device = (int)tree->device_count++;
    return dir;
}

static void tree_add_slot(struct jb_lab_tree *tree, int dir, const char *name,
                          enum jb_lab_role role, unsigned slot)
{
    int index = tree_add(tree, dir, name, role, 0444);

    if (index >= 0)
        tree->nodes[index].slot = slot;
}

static void tree_add_meter(struct jb_lab_tree *tree, int class_dir, int devices)
{
    const struct jb_lab_device meter = { .file = "power1_average",
                                         .role = JB_LAB_METER_POWER };
    int hwmon = tree_add_dir(tree, devices, "hwmon");
    int dir = tree_add_device(tree, hwmon, "hwmon0", &meter);

    tree_add(tree, dir, "name", JB_LAB_METER_NAME, 0444);
    tree_add(tree, dir, "power1_average", JB_LAB_METER_POWER, 0444);
    tree_add(tree, dir, "power1_average_interval", JB_LAB_METER_INTERVAL, 0644);
    tree_add_class_link(tree, class_dir, dir);
}

/* hwmonN lies in the device of its chip; the meter is always hwmon0. */
static void tree_add_chip(struct jb_lab_tree *tree,
                          const struct jb_lab_layout *layout, unsigned index,
                          int class_dir, int platform)
{
    const struct jb_lab_temperature *sensor = &layout->temperatures[index];
    const struct jb_lab_device what = { .file = "temp1_input",
                                        .role = JB_LAB_CHIP_INPUT,
                                        .slot = index };
    char name[JB_LAB_FILE_SIZE];
    char path[JB_LAB_LINK_SIZE];
    int chip, dir;

    snprintf(name, sizeof(name), "%s.%u", sensor->chip, index);
    chip = tree_add_dir(tree, platform, name);
    snprintf(name, sizeof(name), "hwmon%u", index + 1);
    dir = tree_add_device(tree, tree_add_dir(tree, chip, "hwmon"), name, &what);
    if (dir < 0)
        return;
    jb_lab_tree_path(tree, chip, path, sizeof(path));
    tree_add_link(tree, dir, "device", path);
    tree_add_slot(tree, dir, "name", JB_LAB_CHIP_NAME, index);
    tree_add_slot(tree, dir, "temp1_input", JB_LAB_CHIP_INPUT, index);
    if (sensor->label[0])
        tree_add_slot(tree, dir, "temp1_label", JB_LAB_CHIP_LABEL, index);
    tree_add_class_link(tree, class_dir, dir);
}

static void tree_add_thermal(struct jb_lab_tree *tree,
                             const struct jb_lab_layout *layout, int class_root,
                             int devices)
{
    int thermal = -1, class_dir = -1;
    unsigned number = 0;

    for (unsigned i = 0; i < layout->temperature_count; i++) {
        const struct jb_lab_device what = { .file = "temp",
                                            .role = JB_LAB_THERMAL_TEMP,
                                            .slot = i };
        char name[JB_LAB_FILE_SIZE];
        int dir;

        if (!layout->temperatures[i].thermal[0])
            continue;
        if (number == 0) {
            thermal = tree_add_dir(tree, devices, "thermal");
            class_dir = tree_add_dir(tree, class_root, "thermal");
        }
        snprintf(name, sizeof(name), "thermal_zone%u", number++);
        dir = tree_add_device(tree, thermal, name, &what);
        tree_add_slot(tree, dir, "type", JB_LAB_THERMAL_TYPE, i);
        tree_add_slot(tree, dir, "temp", JB_LAB_THERMAL_TEMP, i);
        tree_add_class_link(tree, class_dir, dir);
    }
}

static void tree_add_policy(struct jb_lab_tree *tree,
                            const struct jb_lab_layout *layout, unsigned index,
                            int cpufreq)
{
    static const struct {
        const char *name;
        enum jb_lab_role role;
    } files[] = {
        { "affected_cpus", JB_LAB_POLICY_CPUS },
        { "related_cpus", JB_LAB_POLICY_CPUS },
        { "cpuinfo_min_freq", JB_LAB_POLICY_MIN },
        { "cpuinfo_max_freq", JB_LAB_POLICY_MAX },
        { "scaling_min_freq", JB_LAB_POLICY_MIN },
        { "scaling_max_freq", JB_LAB_POLICY_MAX },
        { "scaling_cur_freq", JB_LAB_POLICY_CUR },
        { "scaling_driver", JB_LAB_POLICY_DRIVER },
        { "scaling_governor", JB_LAB_POLICY_GOVERNOR },
    };
    const struct jb_lab_device what = { .file = "scaling_cur_freq",
                                        .role = JB_LAB_POLICY_CUR,
                                        .slot = index };
    char name[JB_LAB_FILE_SIZE];
    int dir;

    snprintf(name, sizeof(name), "policy%u", layout->policies[index].first);
    dir = tree_add_device(tree, cpufreq, name, &what);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        tree_add_slot(tree, dir, files[i].name, files[i].role, index);
    if (layout->policies[index].base_khz > 0)
        tree_add_slot(tree, dir, "base_frequency", JB_LAB_POLICY_BASE, index);
}

static void tree_link_policy(struct jb_lab_tree *tree,
                             const struct jb_lab_layout *layout, unsigned cpu,
                             int cpu_dir)
{
    for (unsigned i = 0; i < layout->policy_count; i++) {
        const struct jb_lab_policy *policy = &layout->policies[i];
        char target[JB_LAB_LINK_SIZE];

        if (cpu < policy->first || cpu > policy->last)
            continue;
        snprintf(target, sizeof(target), "devices/system/cpu/cpufreq/policy%u",
                 policy->first);
        tree_add_link(tree, cpu_dir, "cpufreq", target);
    }
}

static void tree_add_cpu(struct jb_lab_tree *tree,
                         const struct jb_lab_layout *layout, unsigned cpu,
                         int parent)
{
    char name[JB_LAB_FILE_SIZE];
    int dir, topology;

    snprintf(name, sizeof(name), "cpu%u", cpu);
    dir = tree_add_dir(tree, parent, name);
    topology = tree_add_dir(tree, dir, "topology");
    tree_add_slot(tree, topology, "physical_package_id", JB_LAB_CPU_PACKAGE,
                  cpu);
    tree_add_slot(tree, topology, "die_id", JB_LAB_CPU_DIE, cpu);
    tree_add_slot(tree, topology, "core_id", JB_LAB_CPU_NUMBER, cpu);
    tree_add_slot(tree, topology, "core_cpus_list", JB_LAB_CPU_NUMBER, cpu);
    tree_add_slot(tree, topology, "thread_siblings_list", JB_LAB_CPU_NUMBER,
                  cpu);
    tree_link_policy(tree, layout, cpu, dir);
}

/* /sys/devices/system/cpu */
static void tree_add_cpus(struct jb_lab_tree *tree,
                          const struct jb_lab_layout *layout, int devices)
{
    static const char *const lists[] = { "online", "present", "possible" };
    int dir = tree_add_dir(tree, tree_add_dir(tree, devices, "system"), "cpu");

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        tree_add(tree, dir, lists[i], JB_LAB_CPU_LIST, 0444);
    for (unsigned i = 0; i < layout->cpus.count; i++)
        tree_add_cpu(tree, layout, i, dir);
    if (layout->policy_count == 0)
        return;
    dir = tree_add_dir(tree, dir, "cpufreq");
    for (unsigned i = 0; i < layout->policy_count; i++)
        tree_add_policy(tree, layout, i, dir);
}

/* /dev/cpu/N/msr and /proc/cpuinfo, which are not sysfs' */
static void tree_add_outside(struct jb_lab_tree *tree,
                             const struct jb_lab_layout *layout)
{
    int dir = tree_add_dir(tree, 0, "proc");

    tree_add(tree, dir, "cpuinfo", JB_LAB_CPUINFO, 0444);
    dir = tree_add_dir(tree, tree_add_dir(tree, 0, "dev"), "cpu");
    for (unsigned i = 0; i < layout->cpus.count; i++) {
        const struct jb_lab_device what = { .file = "msr",
                                            .role = JB_LAB_MSR,
                                            .slot = i };
        char name[JB_LAB_FILE_SIZE];
        int cpu;

        snprintf(name, sizeof(name), "%u", i);
        cpu = tree_add_device(tree, dir, name, &what);
        if (cpu < 0)
            return;
        snprintf(tree->devices[tree->nodes[cpu].device].name, JB_LAB_FILE_SIZE,
                 "cpu%u", i);
        tree_add_slot(tree, cpu, "msr", JB_LAB_MSR, i);
        tree->nodes[tree->node_count - 1].mode = 0600;
    }
}

/* <root>/sys, so that the root can be that of a whole machine. */
static void tree_add_sys(struct jb_lab_tree *tree)
{
    int dir = tree_add_dir(tree, 0, "sys");

    tree_add_link(tree, dir, "class", "class");
    tree_add_link(tree, dir, "devices", "devices");
}

static void tree_add_hwmon(struct jb_lab_tree *tree,
                           const struct jb_lab_layout *layout, int class_root,
                           int virtual_devices, int devices)
{
    int class_dir;
    int platform = -1;

    if (!layout->meter.present && layout->temperature_count == 0)
        return;
    class_dir = tree_add_dir(tree, class_root, "hwmon");
    if (layout->meter.present)
        tree_add_meter(tree, class_dir, virtual_devices);
    if (layout->temperature_count > 0)
        platform = tree_add_dir(tree, devices, "platform");
    for (unsigned i = 0; i < layout->temperature_count; i++)
        tree_add_chip(tree, layout, i, class_dir, platform);
}

int jb_lab_tree_init(struct jb_lab_tree *tree,
                     const struct jb_lab_layout *layout, struct jb_error *err)
{
    int class_root, devices, virtual_devices, lab;

    memset(tree, 0, sizeof(*tree));
    tree_add(tree, 0, "", JB_LAB_DIR, 0755);
    tree->nodes[0].zone = -1;
    tree->nodes[0].device = -1;
    class_root = tree_add_dir(tree, 0, "class");
    devices = tree_add_dir(tree, 0, "devices");
    virtual_devices = tree_add_dir(tree, devices, "virtual");
    tree_add_powercap(tree, layout, class_root, virtual_devices);
    tree_add_hwmon(tree, layout, class_root, virtual_devices, devices);
    tree_add_thermal(tree, layout, class_root, virtual_devices);
    if (layout->cpus.count > 0) {
        tree_add_cpus(tree, layout, devices);
        tree_add_outside(tree, layout);
    }
    tree_add_sys(tree);
    lab = tree_add_dir(tree, 0, ".lab");
    tree_add(tree, lab, "control", JB_LAB_CONTROL, 0200);
    tree_add(tree, lab, "status", JB_LAB_STATUS, 0444);
    if (tree->node_count == JB_LAB_MAX_NODES)
        return jb_fail(err, JB_EUSAGE, "layout %s: more than %d files",
                       layout->name, JB_LAB_MAX_NODES - 1);
    return JB_OK;
}

static int tree_render_limit(const struct jb_lab_limit *limit,
                             enum jb_lab_role role, char *out, size_t cap)
{
    switch (role) {
    case JB_LAB_LIMIT_NAME:
        return snprintf(out, cap, "%s\n", limit->name);
    case JB_LAB_LIMIT_MAX:
        if (!limit->has_max)
            return -ENODATA;
        return snprintf(out, cap, "%" PRId64 "\n", limit->max_uw);
    case JB_LAB_LIMIT_POWER:
        return snprintf(out, cap, "%" PRId64 "\n", limit->power_uw);
    default:
        return snprintf(out, cap, "%" PRIu64 "\n", limit->window_us);
    }
}

static int tree_render_zone(const struct jb_lab_zone *zone,
                            const struct jb_lab_node *node, char *out,
                            size_t cap)
{
    switch (node->role) {
    case JB_LAB_NAME:
        return snprintf(out, cap, "%s\n", zone->name);
    case JB_LAB_RANGE:
        return snprintf(out, cap, "%" PRIu64 "\n",
                        jb_lab_counter_uj(zone->modulus - 1, &zone->shown));
    case JB_LAB_ENABLED:
        return snprintf(out, cap, "%d\n", zone->enabled);
    case JB_LAB_UEVENT:
        out[0] = '\0';
        return 0;
    default:
        return tree_render_limit(&zone->limits[node->slot], node->role, out,
                                 cap);
    }
}

static int tree_render_policy(const struct jb_lab_policy *policy,
                              enum jb_lab_role role, char *out, size_t cap)
{
    int len = 0;

    switch (role) {
    case JB_LAB_POLICY_CPUS:
        for (unsigned i = policy->first; i <= policy->last; i++)
            len += snprintf(out + len, cap - (size_t)len, "%u%s", i,
                            i < policy->last ? " " : "\n");
        return len;
    case JB_LAB_POLICY_MIN:
        return snprintf(out, cap, "%" PRIu64 "\n", policy->min_khz);
    case JB_LAB_POLICY_MAX:
        return snprintf(out, cap, "%" PRIu64 "\n", policy->max_khz);
    case JB_LAB_POLICY_BASE:
        return snprintf(out, cap, "%" PRIu64 "\n", policy->base_khz);
    case JB_LAB_POLICY_DRIVER:
        return snprintf(out, cap, "lab\n");
    default:
        return snprintf(out, cap, "performance\n");
    }
}

static int tree_render_chip(const struct jb_lab_temperature *sensor,
                            enum jb_lab_role role, char *out, size_t cap)
{
    switch (role) {
    case JB_LAB_CHIP_NAME:
        return snprintf(out, cap, "%s\n", sensor->chip);
    case JB_LAB_CHIP_LABEL:
        return snprintf(out, cap, "%s\n", sensor->label);
    default:
        return snprintf(out, cap, "%s\n", sensor->thermal);
    }
}

static int tree_render_cpu(const struct jb_lab_layout *layout,
                           const struct jb_lab_node *node, char *out,
                           size_t cap)
{
    switch (node->role) {
    case JB_LAB_CPU_LIST:
        return layout->cpus.count == 1
                   ? snprintf(out, cap, "0\n")
                   : snprintf(out, cap, "0-%u\n", layout->cpus.count - 1);
    case JB_LAB_CPU_PACKAGE:
        return snprintf(out, cap, "%u\n",
                        jb_lab_layout_package(layout, node->slot));
    case JB_LAB_CPU_DIE:
        return snprintf(out, cap, "0\n");
    default:
        return snprintf(out, cap, "%u\n", node->slot);
    }
}

static int tree_render_meter(const struct jb_lab_meter *meter,
                             enum jb_lab_role role, char *out, size_t cap)
{
    if (role == JB_LAB_METER_NAME)
        return snprintf(out, cap, "power_meter\n");
    return snprintf(out, cap, "%" PRIu64 "\n", meter->interval_ns / 1000000);
}

int jb_lab_tree_render(const struct jb_lab_layout *layout,
                       const struct jb_lab_node *node, char *out, size_t cap)
{
    enum jb_lab_role role = node->role;

    if (node->zone >= 0)
        return tree_render_zone(&layout->zones[node->zone], node, out, cap);
    if (role == JB_LAB_METER_NAME || role == JB_LAB_METER_INTERVAL)
        return tree_render_meter(&layout->meter, role, out, cap);
    if (role >= JB_LAB_CHIP_NAME && role <= JB_LAB_THERMAL_TEMP)
        return tree_render_chip(&layout->temperatures[node->slot], role, out,
                                cap);
    if (role >= JB_LAB_CPU_LIST && role <= JB_LAB_CPU_DIE)
        return tree_render_cpu(layout, node, out, cap);
    if (role >= JB_LAB_POLICY_CPUS && role <= JB_LAB_POLICY_CUR)
        return tree_render_policy(&layout->policies[node->slot], role, out,
                                  cap);
    if (role == JB_LAB_ENABLED)
        return snprintf(out, cap, "1\n");
    out[0] = '\0';
    return 0;
}

void jb_lab_tree_cpuinfo(const struct jb_lab_layout *layout,
                         struct jb_lab_text *out)
{
    const struct jb_lab_cpus *cpus = &layout->cpus;
    unsigned cores = cpus->packages > 0 ? cpus->count / cpus->packages : 0;

    for (unsigned i = 0; i < cpus->count; i++)
        jb_lab_text_add(out,
                        "processor\t: %u\nvendor_id\t: %s\n"
                        "cpu family\t: %u\nmodel\t\t: %u\n"
                        "model name\t: virtual CPU of the lab\n"
                        "stepping\t: %u\nphysical id\t: %u\n"
                        "siblings\t: %u\ncore id\t\t: %u\n"
                        "cpu cores\t: %u\nflags\t\t: fpu tsc msr\n\n",
                        i, cpus->vendor, cpus->family, cpus->model,
                        cpus->stepping, jb_lab_layout_package(layout, i), cores,
                        i, cores);
}
