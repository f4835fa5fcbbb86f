/* SPDX-License-Identifier: Apache-2.0 */
#include "disks.h"

#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

enum { DISKS_LINE_MAX = 4096, DISKS_MAX = 256 };

static ptrdiff_t disks_sensor(const struct jb_format_sensor *sensors,
                              size_t count, const char *mount_point,
                              const char *what)
{
    char path[JB_PATH_MAX];

    if (jb_path(path, NULL, "host/fs-%s/%s", mount_point, what) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (strcmp(sensors[i].path, path) == 0)
            return (ptrdiff_t)i;
    return -1;
}

/* A partition's directory lies in that of its disk, which has the facts. */
static int disks_fact(const char *sysfs, const char *block, const char *name,
                      uint64_t *out)
{
    char path[JB_PATH_MAX];

    if (jb_path(path, NULL, "%s/class/block/%s/%s", sysfs, block, name) ==
            JB_OK &&
        jb_file_read_u64(path, out, NULL) == JB_OK)
        return JB_OK;
    if (jb_path(path, NULL, "%s/class/block/%s/../%s", sysfs, block, name) ==
        JB_OK)
        return jb_file_read_u64(path, out, NULL);
    return JB_ELIMIT;
}

/* Whether everything about the device could be learned. */
static bool disks_learn(const char *sysfs, struct jb_format_disk *disk)
{
    char resolved[PATH_MAX];
    const char *block;
    uint64_t removable;
    uint64_t rotational;

    if (!realpath(disk->device, resolved))
        return false;
    block = strrchr(resolved, '/') + 1;
    if (disks_fact(sysfs, block, "removable", &removable) < 0 ||
        disks_fact(sysfs, block, "queue/rotational", &rotational) < 0)
        return false;
    disk->removable = removable != 0;
    snprintf(disk->type, sizeof(disk->type), "%s", rotational ? "HDD" : "SSD");
    return true;
}

static void disks_release(struct jb_format_disk *disk)
{
    free(disk->mount_point);
    free(disk->file_system);
    free(disk->device);
    *disk = (struct jb_format_disk){ .size = -1, .used = -1 };
}

static bool disks_is_listed(const struct jb_format_disk *disks, size_t count,
                            ptrdiff_t size)
{
    for (size_t i = 0; i < count; i++)
        if (disks[i].size == size)
            return true;
    return false;
}

/* 1: *disk is one; 0: it is not, and *disk is empty; JB_ENOMEM. */
static int disks_take(const char *sysfs, const struct mntent *entry,
                      struct jb_format_disk *disk)
{
    disk->mount_point = strdup(entry->mnt_dir);
    disk->file_system = strdup(entry->mnt_type);
    disk->device = strdup(entry->mnt_fsname);
    if (!disk->mount_point || !disk->file_system || !disk->device) {
        disks_release(disk);
        return JB_ENOMEM;
    }
    if (disks_learn(sysfs, disk))
        return 1;
    disks_release(disk);
    return 0;
}

static void disks_auto_endmntent(FILE **slot)
{
    if (*slot)
        endmntent(*slot);
}

int jb_disks_list(const struct jb_env *env,
                  const struct jb_format_sensor *sensors, size_t sensor_count,
                  struct jb_format_disk **out, size_t *count,
                  struct jb_error *err)
{
    __attribute__((cleanup(disks_auto_endmntent))) FILE *mounts = NULL;
    struct jb_format_disk *disks = calloc(DISKS_MAX, sizeof(*disks));
    char path[JB_PATH_MAX];
    char line[DISKS_LINE_MAX];
    struct mntent entry;
    size_t used = 0;
    int rc = disks ? 0 : JB_ENOMEM;

    if (env->live &&
        jb_path(path, NULL, "%s/self/mounts", env->roots->procfs) == JB_OK)
        mounts = setmntent(path, "re");
    while (rc >= 0 && mounts && used < DISKS_MAX &&
           getmntent_r(mounts, &entry, line, sizeof(line))) {
        struct jb_format_disk *disk = &disks[used];

        disk->size = disks_sensor(sensors, sensor_count, entry.mnt_dir, "size");
        disk->used = disks_sensor(sensors, sensor_count, entry.mnt_dir, "used");
        if (disk->size < 0 || disk->used < 0 ||
            disks_is_listed(disks, used, disk->size))
            continue;
        rc = disks_take(env->roots->sysfs, &entry, disk);
        used += rc > 0;
    }
    if (rc < 0) {
        jb_disks_free(disks, used);
        return jb_fail(err, JB_ENOMEM, "a list of disks");
    }
    *out = disks;
    *count = used;
    return JB_OK;
}

void jb_disks_free(struct jb_format_disk *disks, size_t count)
{
    for (size_t i = 0; disks && i < count; i++)
        disks_release(&disks[i]);
    free(disks);
}
