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

/* A symlink in a class directory to each directory below `from`. */
static void tree_add_class_links(struct jb_lab_tree *tree, int class_dir,
                                 int from)
{
    for (int at = tree->nodes[from].first_child; at >= 0;
         at = tree->nodes[at].next) {
        char path[JB_LAB_LINK_SIZE];
        int link;

        if (tree->nodes[at].role != JB_LAB_DIR)
            continue;
        jb_lab_tree_path(tree, at, path, sizeof(path));
        link = tree_add_link(tree, class_dir, tree->nodes[at].name, path);
        if (link >= 0)
            tree->nodes[link].zone = tree->nodes[at].zone;
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

static void tree_add_meter(struct jb_lab_tree *tree, int class_root,
                           int devices)
{
    int hwmon = tree_add_dir(tree, devices, "hwmon");
    int class_dir = tree_add_dir(tree, class_root, "hwmon");
    int dir = tree_add_dir(tree, hwmon, "hwmon0");

    tree->meter_dir = dir;
    tree_add(tree, dir, "name", JB_LAB_METER_NAME, 0444);
    tree_add(tree, dir, "power1_average", JB_LAB_METER_POWER, 0444);
    tree_add(tree, dir, "power1_average_interval", JB_LAB_METER_INTERVAL, 0644);
    tree_add_class_links(tree, class_dir, hwmon);
}

int jb_lab_tree_init(struct jb_lab_tree *tree,
                     const struct jb_lab_layout *layout, struct jb_error *err)
{
    int class_root, devices, lab;

    memset(tree, 0, sizeof(*tree));
    tree->meter_dir = -1;
    tree_add(tree, 0, "", JB_LAB_DIR, 0755);
    tree->nodes[0].zone = -1;
    class_root = tree_add_dir(tree, 0, "class");
    devices = tree_add_dir(tree, tree_add_dir(tree, 0, "devices"), "virtual");
    tree_add_powercap(tree, layout, class_root, devices);
    if (layout->meter.present)
        tree_add_meter(tree, class_root, devices);
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

int jb_lab_tree_render(const struct jb_lab_layout *layout,
                       const struct jb_lab_node *node, char *out, size_t cap)
{
    if (node->zone >= 0)
        return tree_render_zone(&layout->zones[node->zone], node, out, cap);
    if (node->role == JB_LAB_METER_NAME)
        return snprintf(out, cap, "power_meter\n");
    if (node->role == JB_LAB_METER_INTERVAL)
        return snprintf(out, cap, "%" PRIu64 "\n",
                        layout->meter.interval_ns / 1000000);
    if (node->role == JB_LAB_ENABLED)
        return snprintf(out, cap, "1\n");
    out[0] = '\0';
    return 0;
}
