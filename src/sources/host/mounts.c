/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File systems that lie on a device of this machine.  Asking one how full it is
 * can hang with its device, so that each is an endpoint of its own.
 */
#include <stdio.h>

#include "add.h"
#include "base/text.h"

enum { MOUNTS_MAX = 256, MOUNTS_BYTES = 1 << 20 };

/* FNV-1a: keeps long or odd paths apart in names that hold 63 bytes. */
static uint32_t mounts_hash(const char *text)
{
    uint32_t hash = 2166136261U;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    return hash;
}

static void mounts_stem(const char *path, char out[JB_HOST_STEM_MAX])
{
    enum { PLAIN_MAX = JB_HOST_STEM_MAX - 1 - 3, CUT_MAX = PLAIN_MAX - 9 };
    bool cut = strlen(path) > PLAIN_MAX;

    snprintf(out, JB_HOST_STEM_MAX, "fs-%.*s", PLAIN_MAX, path);
    if (!jb_text_make_plain(out) && !cut)
        return;
    snprintf(out, JB_HOST_STEM_MAX, "fs-%.*s~%08x", CUT_MAX, path,
             mounts_hash(path));
    jb_text_make_plain(out);
}

/* Devices whose blocks are elsewhere are left out, as among the disks. */
static bool mounts_wants(const char *device)
{
    return jb_host_starts(device, "/dev/") &&
           !jb_host_starts(device, "/dev/loop") &&
           !jb_host_starts(device, "/dev/ram") &&
           !jb_host_starts(device, "/dev/zram");
}

static struct jb_host_mount *mounts_find(const struct jb_source *source,
                                         const char *path)
{
    for (size_t i = 0; i < source->mount_count; i++)
        if (strcmp(source->mounts[i].path, path) == 0)
            return &source->mounts[i];
    return NULL;
}

/* Bind mounts show one file system many times: the first is taken. */
static bool mounts_is_second_view(const struct jb_source *source,
                                  const char *device)
{
    for (size_t i = 0; i < source->mount_count; i++)
        if (source->mounts[i].found &&
            strcmp(source->mounts[i].device, device) == 0)
            return true;
    return false;
}

static int mounts_add(struct jb_source *source, const char *device,
                      const char *path, struct jb_error *err)
{
    size_t at = source->mount_count;
    char stem[JB_HOST_STEM_MAX];
    struct jb_host_new thing = { .kind = &jb_host_kinds[JB_HOST_FILES],
                                 .stem = stem,
                                 .group = JB_HOST_FILES + (uint32_t)at,
                                 .endpoint = (uint16_t)(at + 1),
                                 .flags = JB_SENSOR_MAY_BLOCK };
    struct jb_host_mount mount = { .device = strdup(device),
                                   .path = strdup(path),
                                   .found = true };
    void *mounts = source->mounts;
    int rc = mount.device && mount.path
                 ? jb_host_grow(&mounts, &source->mount_room, at,
                                sizeof(*source->mounts), err)
                 : jb_fail(err, JB_ENOMEM, "no memory for mounts");

    source->mounts = mounts;
    mounts_stem(path, stem);
    if (rc == JB_OK)
        rc = jb_host_add_sensors(source, &thing, &mount.item, err);
    if (rc < 0) {
        free(mount.device);
        free(mount.path);
        return rc;
    }
    source->mounts[source->mount_count++] = mount;
    return JB_OK;
}

/* A path names its sensors, so another device there is their next
 * generation. */
static int mounts_renew(struct jb_source *source, struct jb_host_mount *mount,
                        const char *device, struct jb_error *err)
{
    char *copy;

    mount->found = true;
    if (strcmp(mount->device, device) == 0)
        return JB_OK;
    copy = strdup(device);
    if (!copy)
        return jb_fail(err, JB_ENOMEM, "no memory for mounts");
    free(mount->device);
    mount->device = copy;
    for (uint32_t k = 0; k < 2; k++)
        if (source->sensors[mount->item + k].state == JB_OK)
            source->sensors[mount->item + k].generation++;
    return JB_OK;
}

static int mounts_take(struct jb_source *source,
                       const struct jb_proc_mount *row, struct jb_error *err)
{
    char device[JB_PATH_MAX];
    char path[JB_PATH_MAX];
    struct jb_host_mount *known;

    if (!jb_proc_unescape(&row->device, device, sizeof(device)) ||
        !jb_proc_unescape(&row->path, path, sizeof(path)) ||
        !mounts_wants(device) || mounts_is_second_view(source, device))
        return JB_OK;
    known = mounts_find(source, path);
    if (known)
        return mounts_renew(source, known, device, err);
    if (source->mount_count == MOUNTS_MAX)
        return JB_OK;
    return mounts_add(source, device, path, err);
}

/* Nothing is asked of the file system here: it might never answer. */
static void mounts_announce(struct jb_source *source)
{
    for (size_t i = 0; i < source->mount_count; i++) {
        struct jb_host_mount *mount = &source->mounts[i];

        for (uint32_t k = 0; k < 2; k++)
            jb_host_announce(source, mount->item + k,
                             mount->found ? JB_OK : JB_EABSENT,
                             "it is not mounted any more");
        mount->identified = false;
    }
}

/* A recorded tree's mounts are not this machine's: not looked at. */
int jb_host_scan_mounts(struct jb_source *source, struct jb_error *err)
{
    JB_AUTO_FREE char *buffer = NULL;
    struct jb_proc_text text;
    struct jb_proc_mount row;
    char path[JB_PATH_MAX];
    size_t length = 0;
    int result = JB_OK;
    int rc;

    if (!source->env->live)
        return JB_OK;
    for (size_t i = 0; i < source->mount_count; i++)
        source->mounts[i].found = false;
    buffer = malloc(MOUNTS_BYTES);
    if (!buffer)
        return jb_fail(err, JB_ENOMEM, "no memory to read mounts");
    if (jb_path(path, NULL, "%s/self/mounts", source->env->roots->procfs) ||
        jb_file_read(path, buffer, MOUNTS_BYTES, &length, NULL))
        length = 0;
    text = (struct jb_proc_text){ buffer, buffer + length };
    while (result == JB_OK && (rc = jb_proc_next_mount(&text, &row)) != 0)
        if (rc > 0)
            result = mounts_take(source, &row, err);
    if (result == JB_OK)
        mounts_announce(source);
    return result;
}
