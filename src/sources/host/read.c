/* SPDX-License-Identifier: Apache-2.0 */
/* From files to items: the part that runs at every tick. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "host.h"

const char *const jb_host_file_names[JB_HOST_FILES] = {
    [JB_HOST_STAT] = "stat",    [JB_HOST_MEMORY] = "meminfo",
    [JB_HOST_LOAD] = "loadavg", [JB_HOST_DISKS] = "diskstats",
    [JB_HOST_NETS] = "net/dev",
};

/* The kernel hands out a file of one record in one read, but a file of many
 * (disks, interfaces) only a page at a time. */
static bool read_has_records(enum jb_host_file file)
{
    return file == JB_HOST_DISKS || file == JB_HOST_NETS;
}

int jb_host_fill(struct jb_host_group *group, enum jb_host_file file,
                 struct jb_proc_text *text, bool *cut)
{
    size_t used = 0;
    ssize_t got;

    do {
        got = pread(group->fd, group->buffer + used, group->capacity - used,
                    (off_t)used);
        if (got < 0 && errno != EINTR)
            return jb_fail_errno(NULL, errno, "pread");
        used += got > 0 ? (size_t)got : 0;
    } while (got < 0 ||
             (got > 0 && used < group->capacity && read_has_records(file)));
    *cut = used == group->capacity;
    while (*cut && used > 0 && group->buffer[used - 1] != '\n')
        used--;
    *text = (struct jb_proc_text){ group->buffer, group->buffer + used };
    return JB_OK;
}

struct jb_host_thing *jb_host_find_cpu(const struct jb_host_group *group,
                                       uint32_t cpu, size_t hint)
{
    for (size_t i = 0; i < group->count; i++) {
        struct jb_host_thing *thing = &group->things[(hint + i) % group->count];

        if (thing->number == cpu)
            return thing;
    }
    return NULL;
}

struct jb_host_thing *jb_host_find_name(const struct jb_host_group *group,
                                        const struct jb_proc_word *name,
                                        size_t hint)
{
    for (size_t i = 0; i < group->count; i++) {
        struct jb_host_thing *thing = &group->things[(hint + i) % group->count];

        if (jb_proc_word_is(name, thing->name))
            return thing;
    }
    return NULL;
}

static void read_set(struct jb_source *source, uint32_t item, uint64_t raw)
{
    source->items[item].raw = raw;
    source->items[item].state = JB_OK;
}

/* A value that is void keeps its number: a CPU that went offline stays in its
 * package's sum with what it had. */
static void read_void(struct jb_source *source, uint32_t item, int state)
{
    source->items[item].state = state;
}

static void read_void_all(struct jb_source *source, enum jb_host_file file,
                          int state)
{
    for (size_t i = 0; i < source->count; i++)
        if (source->items[i].group == (uint32_t)file)
            read_void(source, (uint32_t)i, state);
}

/* Why a thing that was there is not in the file now: another line was not
 * understood, or the file outgrew its buffer, or it is gone. */
static int read_missing(bool malformed, bool cut)
{
    if (malformed)
        return JB_EFORMAT;
    return cut ? JB_EIO : JB_EABSENT;
}

static void read_settle(struct jb_source *source, enum jb_host_file file,
                        int missing, uint32_t width)
{
    const struct jb_host_group *group = &source->groups[file];

    for (size_t i = 0; i < group->count; i++)
        for (uint32_t k = 0; k < width && !group->things[i].found; k++)
            read_void(source, group->things[i].item + k, missing);
}

static void read_forget(struct jb_host_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        group->things[i].found = false;
}

static void read_sum_packages(struct jb_source *source, bool malformed)
{
    const struct jb_host_group *group = &source->groups[JB_HOST_STAT];

    for (size_t i = 0; i < source->package_count; i++)
        source->packages[i].busy_ticks = 0;
    for (size_t i = 0; i < group->count; i++)
        source->packages[group->things[i].package].busy_ticks +=
            source->items[group->things[i].item].raw;
    for (size_t i = 0; i < source->package_count; i++) {
        const struct jb_host_package *package = &source->packages[i];

        read_set(source, package->item, package->busy_ticks);
        if (malformed)
            read_void(source, package->item, JB_EFORMAT);
    }
}

/* Items: user, system, idle, iowait. */
static void read_times(struct jb_source *source, struct jb_proc_text text)
{
    uint32_t item = source->times;
    struct jb_proc_times times;
    int rc = source->has_times ? jb_proc_times(text, &times) : JB_EABSENT;

    if (rc == JB_OK) {
        read_set(source, item, times.user_ticks);
        read_set(source, item + 1, times.system_ticks);
        read_set(source, item + 2, times.idle_ticks);
        read_set(source, item + 3, times.iowait_ticks);
    }
    for (uint32_t i = 0; i < 4 && rc < 0 && source->has_times; i++)
        read_void(source, item + i, rc);
}

/* The rest of the file, the interrupts, may well be cut. */
static void read_stat(struct jb_source *source, struct jb_proc_text text,
                      bool cut)
{
    struct jb_host_group *group = &source->groups[JB_HOST_STAT];
    struct jb_proc_cpu cpu;
    bool malformed = false;
    size_t hint = 0;
    int rc;

    read_times(source, text);
    read_forget(group);
    while ((rc = jb_proc_next_cpu(&text, &cpu)) != 0) {
        struct jb_host_thing *thing = NULL;

        malformed = malformed || rc < 0;
        if (rc > 0)
            thing = jb_host_find_cpu(group, cpu.cpu, hint);
        if (!thing)
            continue;
        thing->found = true;
        read_set(source, thing->item, cpu.busy_ticks);
        hint = (size_t)(thing - group->things) + 1;
    }
    read_settle(source, JB_HOST_STAT, read_missing(malformed, cut), 1);
    read_sum_packages(source, malformed);
}

static void read_disks(struct jb_source *source, struct jb_proc_text text,
                       bool cut)
{
    struct jb_host_group *group = &source->groups[JB_HOST_DISKS];
    struct jb_proc_disk disk;
    bool malformed = false;
    size_t hint = 0;
    int rc;

    read_forget(group);
    while ((rc = jb_proc_next_disk(&text, &disk)) != 0) {
        struct jb_host_thing *thing = NULL;

        malformed = malformed || rc < 0;
        if (rc > 0)
            thing = jb_host_find_name(group, &disk.name, hint);
        if (!thing)
            continue;
        thing->found = true;
        read_set(source, thing->item, disk.read_sectors);
        read_set(source, thing->item + 1, disk.written_sectors);
        hint = (size_t)(thing - group->things) + 1;
    }
    read_settle(source, JB_HOST_DISKS, read_missing(malformed, cut), 2);
}

static void read_nets(struct jb_source *source, struct jb_proc_text text,
                      bool cut)
{
    struct jb_host_group *group = &source->groups[JB_HOST_NETS];
    struct jb_proc_net net;
    bool malformed = false;
    size_t hint = 0;
    int rc;

    read_forget(group);
    while ((rc = jb_proc_next_net(&text, &net)) != 0) {
        struct jb_host_thing *thing = NULL;

        malformed = malformed || rc < 0;
        if (rc > 0)
            thing = jb_host_find_name(group, &net.name, hint);
        if (!thing)
            continue;
        thing->found = true;
        read_set(source, thing->item, net.received_bytes);
        read_set(source, thing->item + 1, net.sent_bytes);
        hint = (size_t)(thing - group->things) + 1;
    }
    read_settle(source, JB_HOST_NETS, read_missing(malformed, cut), 2);
}

/* Items: total, available, used, free, cached. */
static void read_memory(struct jb_source *source, struct jb_proc_text text)
{
    uint32_t item = source->groups[JB_HOST_MEMORY].things[0].item;
    struct jb_proc_memory memory;
    int rc = jb_proc_memory(text, &memory);

    if (rc < 0) {
        read_void_all(source, JB_HOST_MEMORY, rc);
        return;
    }
    read_set(source, item, memory.total_kib);
    read_set(source, item + 1, memory.available_kib);
    read_set(source, item + 2, memory.total_kib - memory.available_kib);
    for (uint32_t i = 1; i < 3 && !memory.has_available; i++)
        read_void(source, item + i, JB_EABSENT);
    read_set(source, item + 3, memory.free_kib);
    if (!memory.has_free)
        read_void(source, item + 3, JB_EABSENT);
    read_set(source, item + 4, memory.cached_kib);
    if (!memory.has_cached)
        read_void(source, item + 4, JB_EABSENT);
}

static void read_load(struct jb_source *source, struct jb_proc_text text)
{
    uint32_t item = source->groups[JB_HOST_LOAD].things[0].item;
    uint64_t hundredths[3];
    int rc = jb_proc_load(text, hundredths);

    for (uint32_t i = 0; i < 3; i++) {
        if (rc == JB_OK)
            read_set(source, item + i, hundredths[i]);
        else
            read_void(source, item + i, rc);
    }
}

int jb_host_read_file(struct jb_source *source, enum jb_host_file file)
{
    struct jb_host_group *group = &source->groups[file];
    struct jb_proc_text text = { NULL, NULL };
    bool cut = false;
    int rc;

    if (group->fd < 0)
        return JB_EABSENT;
    rc = jb_host_fill(group, file, &text, &cut);
    if (rc < 0) {
        read_void_all(source, file, rc);
        return rc;
    }
    switch (file) {
    case JB_HOST_STAT:
        read_stat(source, text, cut);
        break;
    case JB_HOST_MEMORY:
        read_memory(source, text);
        break;
    case JB_HOST_LOAD:
        read_load(source, text);
        break;
    case JB_HOST_DISKS:
        read_disks(source, text, cut);
        break;
    case JB_HOST_NETS:
        read_nets(source, text, cut);
        break;
    case JB_HOST_FILES:
        break;
    }
    return JB_OK;
}

/* After an unmount the path still answers, for the file system below it. */
static bool read_is_same(struct jb_host_mount *place, uint64_t fsid)
{
    if (!place->identified)
        place->fsid = fsid;
    place->identified = true;
    return place->fsid == fsid;
}

/* Space that only root may use counts as free: nothing is stored in it. */
static int read_space(struct jb_host_mount *place, uint64_t *used,
                      uint64_t *size)
{
    struct statvfs info;

    if (!place->found)
        return JB_EABSENT;
    if (statvfs(place->path, &info) != 0)
        return jb_fail_errno(NULL, errno, "statvfs");
    if (!read_is_same(place, info.f_fsid))
        return JB_EABSENT;
    if (info.f_bfree > info.f_blocks ||
        __builtin_mul_overflow(info.f_blocks, info.f_frsize, size))
        return JB_EIMPLAUSIBLE;
    *used = (info.f_blocks - info.f_bfree) * info.f_frsize;
    return JB_OK;
}

void jb_host_read_mount(struct jb_source *source, size_t mount)
{
    struct jb_host_mount *place = &source->mounts[mount];
    uint64_t used = 0;
    uint64_t size = 0;
    int state = read_space(place, &used, &size);

    read_set(source, place->item, used);
    read_set(source, place->item + 1, size);
    if (state < 0) {
        read_void(source, place->item, state);
        read_void(source, place->item + 1, state);
    }
}
