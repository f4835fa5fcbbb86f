/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of cgroups: what there is, what came, what went. */
#include "groups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "groups_inside.h"
#include "pidfile.h"

enum {
    GROUPS_FDS_SHARE = 4, /* of what the process may open: a quarter */
    GROUPS_EVENTS_MAX = 1 << 14,
    GROUPS_UNSPOKEN_TURNS = 64, /* a path without a tree is forgotten then */
    GROUPS_FIRST = 64,
    GROUPS_PERCPU_TEXT = 1 << 17,
};

static const uint32_t groups_watched =
    IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR | IN_DONT_FOLLOW;

/* v1's controllers are mounted one by one or several together. */
static const char *const groups_v1_places[] = { "cpu,cpuacct", "cpuacct",
                                                "cpuacct,cpu" };
static const char *const groups_v2_places[] = { "", "/unified" };

static bool groups_find_v1(struct jb_groups *groups, const char *cgroupfs)
{
    for (size_t i = 0; i < 3; i++) {
        char path[JB_PATH_MAX];

        if (jb_path(groups->root, NULL, "%s/%s", cgroupfs,
                    groups_v1_places[i]) == JB_OK &&
            jb_path(path, NULL, "%s/cpuacct.usage", groups->root) == JB_OK &&
            access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static bool groups_find_v2(struct jb_groups *groups, const char *cgroupfs)
{
    for (size_t i = 0; i < 2; i++) {
        char path[JB_PATH_MAX];

        if (jb_path(groups->root, NULL, "%s%s", cgroupfs,
                    groups_v2_places[i]) == JB_OK &&
            jb_path(path, NULL, "%s/cgroup.controllers", groups->root) ==
                JB_OK &&
            access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static bool groups_has_children(const char *root)
{
    JB_AUTO_CLOSEDIR DIR *dir = opendir(root);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            return true;
    return false;
}

/* A machine may have both.  CPU time is accounted where somebody made groups
 * for it: a v1 tree of nothing but its root is passed over for v2. */
static void groups_find_root(struct jb_groups *groups, const char *cgroupfs,
                             int hierarchy)
{
    bool v1 =
        hierarchy != JB_USAGE_HIERARCHY_V2 && groups_find_v1(groups, cgroupfs);

    if (v1 && (hierarchy == JB_USAGE_HIERARCHY_V1 ||
               groups_has_children(groups->root))) {
        groups->v1 = groups->in_tree = true;
    } else if (hierarchy != JB_USAGE_HIERARCHY_V1 &&
               groups_find_v2(groups, cgroupfs)) {
        groups->in_tree = true;
    } else if (v1) {
        groups->v1 = groups->in_tree = groups_find_v1(groups, cgroupfs);
    }
    groups->controller = groups->v1 ? "cpuacct" : "";
    if (!groups->in_tree)
        groups->root[0] = '\0';
}

static bool groups_grow_places(struct jb_groups *groups, size_t capacity)
{
    size_t width = groups->places * sizeof(uint64_t);
    uint64_t *total;
    uint64_t *delta;

    if (groups->places == 0)
        return true;
    total = reallocarray(groups->place_total_ns, capacity, width);
    if (!total)
        return false;
    groups->place_total_ns = total;
    delta = reallocarray(groups->place_ns, capacity, width);
    if (!delta)
        return false;
    groups->place_ns = delta;
    return true;
}

static bool groups_grow(struct jb_groups *groups)
{
    size_t capacity = groups->capacity ? groups->capacity * 2 : GROUPS_FIRST;
    struct jb_usage_group *rows;
    struct jb_groups_node *nodes;

    if (groups->count < groups->capacity)
        return true;
    if (!groups_grow_places(groups, capacity) ||
        !jb_chain_reserve(&groups->by_path, capacity) ||
        !jb_chain_reserve(&groups->by_id, capacity) ||
        !jb_chain_reserve(&groups->by_watch, capacity))
        return false;
    rows = reallocarray(groups->rows, capacity, sizeof(*rows));
    if (!rows)
        return false;
    groups->rows = rows;
    nodes = reallocarray(groups->nodes, capacity, sizeof(*nodes));
    if (!nodes)
        return false;
    groups->nodes = nodes;
    groups->capacity = capacity;
    return true;
}

static uint32_t groups_free_index(const struct jb_groups *groups)
{
    uint32_t i = 0;

    if (groups->free == 0)
        return (uint32_t)groups->count;
    while (groups->nodes[i].used)
        i++;
    return i;
}

static uint32_t groups_hash(const struct jb_groups *groups, const char *path,
                            size_t length)
{
    return jb_chain_hash_text(groups->secret, path, length);
}

static uint32_t groups_find(const struct jb_groups *groups, const char *path,
                            size_t length)
{
    uint32_t i =
        jb_chain_first(&groups->by_path, groups_hash(groups, path, length));

    while (i != JB_CHAIN_END &&
           (groups->nodes[i].path_length != length ||
            memcmp(groups->rows[i].path, path, length) != 0))
        i = jb_chain_after(&groups->by_path, i);
    return i;
}

/* The index, or JB_USAGE_GROUP_NONE, counted, when there is no room. */
static uint32_t groups_add(struct jb_groups *groups, const char *path,
                           size_t length, struct jb_usage_lost *lost)
{
    uint32_t index = groups_free_index(groups);
    bool fresh = index == groups->count;
    char *copy = NULL;
    uint32_t serial;

    if ((!fresh || (groups->count < groups->max && groups_grow(groups))) &&
        length < JB_PATH_MAX)
        copy = strndup(path, length);
    if (!copy) {
        lost->groups++;
        return JB_USAGE_GROUP_NONE;
    }
    serial = fresh ? 0 : groups->nodes[index].serial + 1;
    groups->count += fresh;
    groups->free -= !fresh;
    groups->rows[index] = (struct jb_usage_group){
        .path = copy,
        .parent = JB_USAGE_GROUP_NONE,
        .serial = serial,
        .flags = JB_USAGE_GROUP_NEW,
    };
    groups->nodes[index] = (struct jb_groups_node){
        .spoken = groups->turn,
        .path = copy,
        .path_length = length,
        .serial = serial,
        .fd = -1,
        .watch = -1,
        .used = true,
        .based = groups->complete,
    };
    for (size_t i = 0; i < groups->places; i++)
        groups->place_total_ns[index * groups->places + i] = 0;
    jb_chain_add(&groups->by_path, index, groups_hash(groups, path, length));
    return index;
}

static void groups_set_dirty(struct jb_groups *groups, uint32_t index,
                             bool dirty)
{
    groups->dirty += (size_t)dirty - (size_t)groups->nodes[index].dirty;
    groups->nodes[index].dirty = dirty;
}

/* Watched before it is read, so that what comes in between is seen. */
static void groups_watch(struct jb_groups *groups, uint32_t index)
{
    struct jb_groups_node *node = &groups->nodes[index];
    char path[JB_PATH_MAX];

    if (groups->notify < 0 || node->watch >= 0 ||
        jb_path(path, NULL, "%s%s", groups->root, groups->rows[index].path) < 0)
        return;
    node->watch = inotify_add_watch(groups->notify, path, groups_watched);
    if (node->watch >= 0)
        jb_chain_add(&groups->by_watch, index,
                     jb_chain_hash_u64((uint64_t)node->watch));
}

/* A directory of the tree: one that is new, or a path that a process named
 * before the tree showed it. */
static void groups_enter(struct jb_groups *groups, uint32_t index, uint64_t id,
                         uint32_t parent)
{
    struct jb_groups_node *node = &groups->nodes[index];

    if (node->id == id)
        return;
    node->id = id;
    groups->rows[index].parent = parent;
    jb_chain_add(&groups->by_id, index, jb_chain_hash_u64(id));
    jb_groups_keep(groups, index);
    groups_watch(groups, index);
    groups_set_dirty(groups, index, true);
}

static void groups_unwatch(struct jb_groups *groups, uint32_t index)
{
    struct jb_groups_node *node = &groups->nodes[index];

    if (node->watch < 0)
        return;
    jb_chain_remove(&groups->by_watch, index);
    (void)inotify_rm_watch(groups->notify, node->watch); /* may be gone too */
    node->watch = -1;
}

static void groups_close_one(struct jb_groups *groups, uint32_t index)
{
    struct jb_groups_node *node = &groups->nodes[index];

    groups_unwatch(groups, index);
    if (node->fd >= 0) {
        close(node->fd);
        groups->fds--;
    }
    node->fd = -1;
    if (node->id != 0)
        jb_chain_remove(&groups->by_id, index);
    node->id = 0;
    groups_set_dirty(groups, index, false);
}

static bool groups_is_below(const struct jb_groups *groups, uint32_t index,
                            uint32_t above)
{
    size_t length = groups->nodes[above].path_length;
    const char *path = groups->rows[index].path;

    return groups->nodes[index].used && groups->nodes[index].id != 0 &&
           groups->nodes[index].path_length > length &&
           (length == 1 || path[length] == '/') &&
           memcmp(path, groups->rows[above].path, length) == 0;
}

static void groups_bury_one(struct jb_groups *groups, uint32_t index)
{
    if (groups->rows[index].flags & JB_USAGE_GROUP_GONE)
        return;
    groups_close_one(groups, index);
    jb_chain_remove(&groups->by_path, index);
    groups->rows[index].flags |= JB_USAGE_GROUP_GONE;
    groups->rows[index].cpu_ns = 0;
    groups->rows[index].place_ns = NULL;
    groups_set_dirty(groups, index, false);
}

void jb_groups_bury(struct jb_groups *groups, uint32_t index)
{
    uint32_t parent = groups->rows[index].parent;

    for (uint32_t i = 0; i < groups->count; i++)
        if (groups_is_below(groups, i, index))
            groups_bury_one(groups, i);
    groups_bury_one(groups, index);
    if (parent != JB_USAGE_GROUP_NONE && groups->nodes[parent].id != 0)
        groups_set_dirty(groups, parent, true); /* was it made again? */
}

static void groups_visit(struct jb_groups *groups, uint32_t parent, DIR *dir,
                         const char *name, struct jb_usage_lost *lost)
{
    size_t length = groups->nodes[parent].path_length;
    char path[JB_PATH_MAX];
    struct stat status;
    uint32_t index;

    if (fstatat(dirfd(dir), name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(status.st_mode))
        return;
    if (jb_path(path, NULL, "%s/%s",
                length == 1 ? "" : groups->rows[parent].path, name) < 0) {
        lost->groups++;
        return;
    }
    length = strlen(path);
    index = groups_find(groups, path, length);
    if (index != JB_CHAIN_END && groups->nodes[index].id != 0 &&
        groups->nodes[index].id != status.st_ino) { /* removed and made again */
        jb_groups_bury(groups, index);
        index = JB_CHAIN_END;
    }
    if (index == JB_CHAIN_END)
        index = groups_add(groups, path, length, lost);
    if (index == JB_USAGE_GROUP_NONE)
        return;
    groups_enter(groups, index, status.st_ino, parent);
    groups->nodes[index].seen = groups->readings;
}

/* What a directory that was read before does not show any more is gone. */
static void groups_bury_unseen(struct jb_groups *groups, uint32_t parent)
{
    for (uint32_t i = 0; i < groups->count; i++)
        if (groups->nodes[i].used && groups->nodes[i].id != 0 &&
            groups->rows[i].parent == parent &&
            groups->nodes[i].seen != groups->readings)
            jb_groups_bury(groups, i);
}

static void groups_read_directory(struct jb_groups *groups, uint32_t index,
                                  struct jb_usage_lost *lost)
{
    char path[JB_PATH_MAX];
    JB_AUTO_CLOSEDIR DIR *dir = NULL;
    struct dirent *entry;

    groups_set_dirty(groups, index, false);
    if (jb_path(path, NULL, "%s%s", groups->root, groups->rows[index].path) < 0)
        return;
    dir = opendir(path);
    if (!dir && errno == ENOENT && index > 0)
        jb_groups_bury(groups, index);
    if (!dir)
        return;
    groups->readings++;
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.' &&
            (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
            groups_visit(groups, index, dir, entry->d_name, lost);
    if (groups->nodes[index].read)
        groups_bury_unseen(groups, index);
    groups->nodes[index].read = true;
    groups_set_dirty(groups, index, false);
}

/* New directories are dirty in their turn; each pass goes one level down. */
static void groups_walk(struct jb_groups *groups, struct jb_usage_lost *lost)
{
    for (int pass = 0; groups->dirty > 0 && pass < JB_PATH_MAX; pass++)
        for (uint32_t i = 0; i < groups->count; i++)
            if (groups->nodes[i].used && groups->nodes[i].dirty)
                groups_read_directory(groups, i, lost);
}

static void groups_all_dirty(struct jb_groups *groups, bool unwatched_only)
{
    for (uint32_t i = 0; i < groups->count; i++)
        if (groups->nodes[i].used && groups->nodes[i].id != 0 &&
            (!unwatched_only || groups->nodes[i].watch < 0))
            groups_set_dirty(groups, i, true);
}

static void groups_event(struct jb_groups *groups,
                         const struct inotify_event *event)
{
    uint32_t i = jb_chain_first(&groups->by_watch,
                                jb_chain_hash_u64((uint64_t)event->wd));

    if (event->mask & IN_Q_OVERFLOW) {
        groups_all_dirty(groups, false);
        return;
    }
    while (i != JB_CHAIN_END && groups->nodes[i].watch != event->wd)
        i = jb_chain_after(&groups->by_watch, i);
    if (i != JB_CHAIN_END && (event->mask & IN_ISDIR))
        groups_set_dirty(groups, i, true);
}

static void groups_events(struct jb_groups *groups)
{
    _Alignas(struct inotify_event) char buffer[GROUPS_EVENTS_MAX];
    ssize_t got;

    while (groups->notify >= 0 &&
           (got = read(groups->notify, buffer, sizeof(buffer))) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *event =
                (const struct inotify_event *)(const void *)(buffer + at);

            groups_event(groups, event);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
}

/* Those that the turn before called gone, and paths nobody speaks of. */
static void groups_forget(struct jb_groups *groups)
{
    for (uint32_t i = 0; i < groups->count; i++) {
        struct jb_groups_node *node = &groups->nodes[i];
        bool gone = groups->rows[i].flags & JB_USAGE_GROUP_GONE;

        groups->rows[i].flags &= ~(uint32_t)JB_USAGE_GROUP_NEW;
        if (node->used && node->id == 0 && !gone &&
            groups->turn - node->spoken > GROUPS_UNSPOKEN_TURNS) {
            groups_bury_one(groups, i);
        } else if (node->used && gone) {
            free(node->path);
            groups->rows[i] =
                (struct jb_usage_group){ .parent = JB_USAGE_GROUP_NONE,
                                         .serial = node->serial };
            node->path = NULL;
            node->used = false;
            groups->free++;
        }
    }
}

void jb_groups_renew(struct jb_groups *groups, struct jb_usage_lost *lost)
{
    if (!groups->in_tree)
        return;
    groups_events(groups);
    groups_all_dirty(groups, true);
    groups_walk(groups, lost);
}

void jb_groups_turn(struct jb_groups *groups, struct jb_usage_lost *lost)
{
    groups->turn++;
    lost->groups += groups->refused;
    groups->refused = 0;
    groups_forget(groups);
    jb_groups_renew(groups, lost);
    jb_groups_read(groups, lost);
}

uint32_t jb_groups_of_path(struct jb_groups *groups, const char *path,
                           size_t length, struct jb_usage_lost *lost)
{
    uint32_t index = groups_find(groups, path, length);

    if (index == JB_CHAIN_END)
        index = groups_add(groups, path, length, lost);
    if (index != JB_USAGE_GROUP_NONE)
        groups->nodes[index].spoken = groups->turn;
    return index;
}

uint32_t jb_groups_of_file(struct jb_groups *groups, const char *text,
                           size_t length, struct jb_usage_lost *lost)
{
    const char *path;
    size_t path_length;

    if (!jb_pidfile_cgroup(text, length, groups->controller, &path,
                           &path_length))
        return JB_USAGE_GROUP_NONE;
    return jb_groups_of_path(groups, path, path_length, lost);
}

uint32_t jb_groups_of_id(struct jb_groups *groups, uint64_t id)
{
    uint32_t i = jb_chain_first(&groups->by_id, jb_chain_hash_u64(id));

    while (i != JB_CHAIN_END && groups->nodes[i].id != id)
        i = jb_chain_after(&groups->by_id, i);
    return i;
}

bool jb_groups_valid(struct jb_groups *groups, uint32_t index, uint32_t serial)
{
    if (index >= groups->count || !groups->nodes[index].used ||
        groups->nodes[index].serial != serial)
        return false;
    groups->nodes[index].spoken = groups->turn;
    return true;
}

const struct jb_usage_group *jb_groups_rows(const struct jb_groups *groups,
                                            size_t *count)
{
    *count = groups->count;
    return groups->rows;
}

bool jb_groups_is_v1(const struct jb_groups *groups)
{
    return groups->v1;
}

bool jb_groups_root_ns(const struct jb_groups *groups, uint64_t *ns)
{
    if (!groups->v1 || groups->count == 0 ||
        !(groups->rows[0].flags & JB_USAGE_GROUP_TOTAL))
        return false;
    *ns = groups->rows[0].cpu_ns;
    return true;
}

static size_t groups_fds_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    return (size_t)limit.rlim_cur / GROUPS_FDS_SHARE;
}

static int groups_prepare(struct jb_groups *groups,
                          const struct jb_topology *topology)
{
    struct stat status;

    groups->secret = jb_chain_secret();
    groups->fds_max = groups_fds_max();
    groups->topology = topology;
    if (groups->v1 && topology && topology->package_count > 1) {
        groups->places = topology->package_count;
        groups->place_now_ns =
            calloc(groups->places, sizeof(*groups->place_now_ns));
        groups->text = malloc(GROUPS_PERCPU_TEXT);
        if (!groups->place_now_ns || !groups->text)
            return JB_ENOMEM;
    }
    if (!groups_grow(groups))
        return JB_ENOMEM;
    if (groups->in_tree && stat(groups->root, &status) == 0) {
        struct jb_usage_lost lost = { 0 };

        groups->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (groups_add(groups, "/", 1, &lost) != 0)
            return JB_ENOMEM;
        groups_enter(groups, 0, status.st_ino, JB_USAGE_GROUP_NONE);
    }
    return JB_OK;
}

int jb_groups_open(const char *cgroupfs, const struct jb_usage_options *options,
                   const struct jb_topology *topology, struct jb_groups **out,
                   struct jb_error *err)
{
    struct jb_groups *groups = calloc(1, sizeof(*groups));
    struct jb_usage_lost lost = { 0 };

    if (!groups)
        return jb_fail(err, JB_ENOMEM, "no memory for cgroups");
    groups->notify = -1;
    groups->max = options->groups_max;
    groups_find_root(groups, cgroupfs, options->hierarchy);
    if (groups_prepare(groups, topology) < 0) {
        jb_groups_close(groups);
        return jb_fail(err, JB_ENOMEM, "no memory for cgroups");
    }
    jb_groups_turn(groups, &lost);
    groups->refused = lost.groups;
    groups->complete = true;
    *out = groups;
    return JB_OK;
}

void jb_groups_close(struct jb_groups *groups)
{
    if (!groups)
        return;
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->nodes[i].fd >= 0)
            close(groups->nodes[i].fd);
        free(groups->nodes[i].path);
    }
    if (groups->notify >= 0)
        close(groups->notify);
    jb_chain_release(&groups->by_path);
    jb_chain_release(&groups->by_id);
    jb_chain_release(&groups->by_watch);
    free(groups->place_total_ns);
    free(groups->place_ns);
    free(groups->place_now_ns);
    free(groups->text);
    free(groups->rows);
    free(groups->nodes);
    free(groups);
}
