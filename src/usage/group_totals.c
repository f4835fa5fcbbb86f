/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of each cgroup: what is read every turn. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "groups_inside.h"

enum {
    GROUPS_TEXT_MAX = 4096,     /* cpu.stat has a dozen short lines */
    GROUPS_PERCPU_MAX = 1 << 17 /* 21 bytes for each of 6000 CPUs */
};

bool jb_groups_parse_stat(const char *text, size_t length, uint64_t *ns)
{
    static const char key[] = "usage_usec ";
    const size_t wanted = sizeof(key) - 1;

    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline ? (size_t)(newline - text) : length;
        uint64_t us;
        uint64_t product;

        if (line > wanted && memcmp(text, key, wanted) == 0) {
            if (!newline || !jb_text_u64(text + wanted, line - wanted, &us) ||
                __builtin_mul_overflow(us, (uint64_t)JB_NS_PER_US, &product))
                return false;
            *ns = product;
            return true;
        }
        text += newline ? line + 1 : line;
        length -= newline ? line + 1 : line;
    }
    return false;
}

bool jb_groups_parse_percpu(const char *text, size_t length,
                            void (*visit)(void *context, uint32_t cpu,
                                          uint64_t ns),
                            void *context)
{
    uint32_t cpu = 0;

    length = jb_text_trimmed(text, length);
    while (length > 0) {
        const char *space = memchr(text, ' ', length);
        size_t width = space ? (size_t)(space - text) : length;
        uint64_t ns;

        if (cpu > JB_TOPOLOGY_CPU_MAX || !jb_text_u64(text, width, &ns))
            return false;
        visit(context, cpu++, ns);
        text += space ? width + 1 : width;
        length -= space ? width + 1 : width;
    }
    return cpu > 0;
}

static int totals_open(const struct jb_groups *groups, uint32_t index)
{
    const char *file = !groups->v1      ? "cpu.stat"
                       : groups->places ? "cpuacct.usage_percpu"
                                        : "cpuacct.usage";
    char path[JB_PATH_MAX];
    int fd = -1;

    if (jb_path(path, NULL, "%s%s/%s", groups->root, groups->rows[index].path,
                file) < 0 ||
        jb_file_open(path, &fd, NULL) < 0)
        return -1;
    return fd;
}

void jb_groups_keep(struct jb_groups *groups, uint32_t index)
{
    struct jb_groups_node *node = &groups->nodes[index];

    if (groups->fds < groups->fds_max)
        node->fd = totals_open(groups, index);
    groups->fds += node->fd >= 0;
}

/* A CPU that is offline now has used something once: it counts with the first
 * place rather than not at all. */
static void totals_place(void *context, uint32_t cpu, uint64_t ns)
{
    struct jb_groups *groups = context;
    const struct jb_topology_cpu *found =
        jb_topology_find(groups->topology, cpu);
    size_t place = 0;

    while (found && place + 1 < groups->places &&
           groups->topology->packages[place].package != found->package)
        place++;
    groups->place_now_ns[found ? place : 0] += ns;
}

static bool totals_percpu(struct jb_groups *groups, size_t length,
                          uint64_t *total_ns)
{
    size_t size = groups->places * sizeof(*groups->place_now_ns);

    memset(groups->place_now_ns, 0, size);
    if (!jb_groups_parse_percpu(groups->text, length, totals_place, groups))
        return false;
    *total_ns = 0;
    for (size_t i = 0; i < groups->places; i++)
        *total_ns += groups->place_now_ns[i];
    return true;
}

/* JB_OK, or why there is no total. */
static int totals_get(struct jb_groups *groups, int fd, uint64_t *total_ns)
{
    char small[GROUPS_TEXT_MAX];
    bool percpu = groups->places > 0;
    char *text = percpu ? groups->text : small;
    ssize_t got =
        jb_file_pread(fd, text, percpu ? GROUPS_PERCPU_MAX : sizeof(small));
    bool good;

    if (got < 0)
        return jb_fail_errno(NULL, (int)-got, "pread");
    if (percpu)
        good = totals_percpu(groups, (size_t)got, total_ns);
    else if (groups->v1)
        good = jb_text_u64(text, jb_text_trimmed(text, (size_t)got), total_ns);
    else
        good = jb_groups_parse_stat(text, (size_t)got, total_ns);
    return good ? JB_OK : JB_EFORMAT;
}

static void totals_places(struct jb_groups *groups, uint32_t index, bool based)
{
    uint64_t *before = groups->place_total_ns + index * groups->places;
    uint64_t *delta = groups->place_ns + index * groups->places;

    for (size_t i = 0; i < groups->places; i++) {
        uint64_t now = groups->place_now_ns[i];

        delta[i] = based && now > before[i] ? now - before[i] : 0;
        before[i] = now;
    }
    groups->rows[index].place_ns = delta;
}

/* Counters of a cgroup only rise; somebody may write 0 to cpuacct.usage. */
static void totals_set(struct jb_groups *groups, uint32_t index,
                       uint64_t total_ns)
{
    struct jb_usage_group *row = &groups->rows[index];
    struct jb_groups_node *node = &groups->nodes[index];

    row->cpu_ns =
        node->based && total_ns > row->total_ns ? total_ns - row->total_ns : 0;
    row->total_ns = total_ns;
    row->flags |= JB_USAGE_GROUP_TOTAL;
    if (groups->places > 0)
        totals_places(groups, index, node->based);
    node->based = true;
}

/* Above the ceiling of descriptors it is opened each time. */
static void totals_read(struct jb_groups *groups, uint32_t index,
                        struct jb_usage_lost *lost)
{
    int kept = groups->nodes[index].fd;
    JB_AUTO_CLOSE int opened = kept < 0 ? totals_open(groups, index) : -1;
    int fd = kept < 0 ? opened : kept;
    uint64_t total_ns = 0;
    int rc = fd >= 0 ? totals_get(groups, fd, &total_ns) : JB_EABSENT;

    lost->malformed += rc == JB_EFORMAT;
    if (rc == JB_OK)
        totals_set(groups, index, total_ns);
    else if (kept >= 0 && rc != JB_EFORMAT && index > 0)
        jb_groups_bury(groups, index); /* ENODEV: the directory is gone */
}

void jb_groups_read(struct jb_groups *groups, struct jb_usage_lost *lost)
{
    for (size_t i = 0; i < groups->count; i++) {
        struct jb_usage_group *row = &groups->rows[i];

        row->cpu_ns = 0;
        row->place_ns = NULL;
        if (row->flags & JB_USAGE_GROUP_GONE)
            continue;
        row->flags &= ~(uint32_t)JB_USAGE_GROUP_TOTAL;
        if (groups->nodes[i].used && groups->nodes[i].id != 0)
            totals_read(groups, (uint32_t)i, lost);
    }
}
