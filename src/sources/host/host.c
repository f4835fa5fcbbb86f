/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine was doing while it used its energy: busy time of CPUs and
 * packages, memory, load, disks, networks, file systems.
 *
 * These are what models and splits weigh energy by, and what a user looks at
 * beside a curve of power.  Numbers are passed on as the kernel counts them,
 * also when they go backwards for a moment: judging is the core's.
 */
#include "host.h"

#include <string.h>

/* No status is positive: this sample is still to be filled. */
enum { HOST_PENDING = 1 };

static void host_close(struct jb_source *source)
{
    if (!source)
        return;
    for (int file = 0; file < JB_HOST_FILES; file++) {
        struct jb_host_group *group = &source->groups[file];

        if (group->fd >= 0)
            close(group->fd);
        free(group->buffer);
        free(group->things);
    }
    for (size_t i = 0; i < source->mount_count; i++) {
        free(source->mounts[i].device);
        free(source->mounts[i].path);
    }
    free(source->mounts);
    free(source->packages);
    free(source->items);
    free(source->sensors);
    free(source);
}

/* Some file must have opened: a procfs without any is not one. */
static int host_verdict(const struct jb_source *source, struct jb_error *err)
{
    int status = JB_EABSENT;

    for (int file = 0; file < JB_HOST_FILES; file++)
        if (source->groups[file].fd >= 0)
            return JB_OK;
    for (size_t i = 0; i < source->count; i++)
        if (source->sensors[i].state == JB_EDENIED)
            status = JB_EDENIED;
    jb_fail(err, status,
            "%s: none of stat, meminfo, loadavg, diskstats and "
            "net/dev can be opened",
            source->env->roots->procfs);
    if (strcmp(source->env->roots->procfs, "/proc") == 0)
        jb_error_set_fix(err, "sudo mount -t proc proc /proc");
    return status;
}

static int host_open(const struct jb_env *env, const void *options,
                     struct jb_source **out, struct jb_error *err)
{
    struct jb_source *source = calloc(1, sizeof(*source));
    int rc;

    (void)options;
    if (!source)
        return jb_fail(err, JB_ENOMEM, "no memory for the host's sensors");
    source->env = env;
    for (int file = 0; file < JB_HOST_FILES; file++)
        source->groups[file].fd = -1;
    rc = jb_host_scan(source, err);
    if (rc == JB_OK)
        rc = host_verdict(source, err);
    if (rc < 0) {
        host_close(source);
        return rc;
    }
    *out = source;
    return JB_OK;
}

static const struct jb_sensor *host_sensors(const struct jb_source *source,
                                            size_t *count)
{
    *count = source->count;
    return source->sensors;
}

/* Reads the file behind the first of the samples, and fills all of them that
 * come from it. */
static void host_sample_group(struct jb_source *source, const uint32_t *which,
                              size_t count, struct jb_sample *out)
{
    const struct jb_clock *clock = source->env->clock;
    uint32_t group = source->items[which[0]].group;
    uint64_t t0_ns = jb_clock_now_ns(clock);
    uint64_t t1_ns;

    if (group < JB_HOST_FILES)
        jb_host_read_file(source, (enum jb_host_file)group);
    else
        jb_host_read_mount(source, group - JB_HOST_FILES);
    t1_ns = jb_clock_now_ns(clock);
    for (size_t i = 0; i < count; i++) {
        const struct jb_host_item *item = &source->items[which[i]];

        if (item->group != group)
            continue;
        out[i] = (struct jb_sample){
            .sensor = which[i],
            .generation = source->sensors[which[i]].generation,
            .raw = item->state == JB_OK ? item->raw : 0,
            .t0_ns = t0_ns,
            .t1_ns = t1_ns,
            .state = item->state,
        };
    }
}

static void host_sample(struct jb_source *source, const uint32_t *which,
                        size_t count, struct jb_sample *out)
{
    for (size_t i = 0; i < count; i++)
        out[i].state = HOST_PENDING;
    for (size_t i = 0; i < count; i++)
        if (out[i].state == HOST_PENDING)
            host_sample_group(source, which + i, count - i, out + i);
}

const struct jb_source_desc jb_source_host = {
    .name = "host",
    .summary = "What the machine does: CPUs, memory, disks, networks",
    .quantities =
        1 << JB_QUANTITY_TIME | 1 << JB_QUANTITY_DATA | 1 << JB_QUANTITY_COUNT,
    .open = host_open,
    .sensors = host_sensors,
    .rescan = jb_host_scan,
    .sample = host_sample,
    .close = host_close,
};
