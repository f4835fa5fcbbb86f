/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which chips there are, and what they are called.
 *
 * "hwmon3" is the third that was loaded at this boot; the name here is made of
 * the driver's word and the device, which stay: "coretemp.0",
 * "nvme-nvme0", "k10temp-0000:00:18.3".
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "inside.h"

static void find_chip_free(struct jb_hwmon_chip *chip)
{
    if (!chip)
        return;
    free(chip->directory);
    free(chip->shown);
    free(chip->guard);
    free(chip->device_path);
    free(chip);
}

void jb_hwmon_list_release(struct jb_hwmon_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        jb_attribute_close(&list->inputs[i].value);
        jb_attribute_close(&list->inputs[i].fault);
    }
    for (size_t i = 0; i < list->chip_count; i++)
        find_chip_free(list->chips[i]);
    free(list->chips);
    free(list->inputs);
    free(list->sensors);
    *list = (struct jb_hwmon_list){ 0 };
}

/* Kernels take care of names since 3.14 only (hwmon: no blank, no '-'). */
static void find_copy_name(char out[JB_HWMON_TEXT_MAX], const char *from)
{
    snprintf(out, JB_HWMON_TEXT_MAX, "%s", from);
    for (char *c = strpbrk(out, " /,\""); c; c = strpbrk(c, " /,\""))
        *c = '_';
    jb_text_make_plain(out);
}

static const char *find_last_part(char *path)
{
    size_t length = strlen(path);
    char *slash;

    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
    slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* From ".../nct6775.656/hwmon/hwmon3", where the link is missing. */
static void find_device_above(struct jb_hwmon_chip *chip)
{
    char path[JB_PATH_MAX];
    char *slash;

    if (jb_path(path, NULL, "%s", chip->directory) < 0)
        return;
    for (unsigned up = 0; up < 2; up++) {
        slash = strrchr(path, '/');
        if (!slash || (up == 1 && strcmp(slash, "/hwmon") != 0))
            return;
        *slash = '\0';
    }
    slash = strrchr(path, '/');
    if (slash && strcmp(slash, "/virtual") != 0 && strcmp(slash, "/class") != 0)
        find_copy_name(chip->device, slash + 1);
}

/* The device that the chip is in.  In a recorded tree its link may lead
 * nowhere; it still says the name. */
static int find_device(struct jb_hwmon_chip *chip, const char *entry)
{
    char path[JB_PATH_MAX];
    char target[PATH_MAX];
    const char *last = "";
    ssize_t length;

    if (jb_path(path, NULL, "%s/device", entry) < 0)
        return JB_OK;
    if (realpath(path, target)) {
        chip->device_path = strdup(target);
        if (!chip->device_path)
            return JB_ENOMEM;
        length = readlink(path, target, 1);
        last = length > 0 ? find_last_part(chip->device_path) : "";
    } else {
        length = readlink(path, target, sizeof(target) - 1);
        if (length > 0) {
            target[length] = '\0';
            last = find_last_part(target);
        }
    }
    if (last[0] && last[0] != '.')
        find_copy_name(chip->device, last);
    else
        find_device_above(chip);
    return JB_OK;
}

static bool find_has(const char *directory, const char *file)
{
    char path[JB_PATH_MAX];

    return jb_path(path, NULL, "%s/%s", directory, file) == JB_OK &&
           access(path, F_OK) == 0;
}

static int find_read_name(struct jb_hwmon_chip *chip)
{
    char path[JB_PATH_MAX];
    char text[JB_HWMON_TEXT_MAX];
    int rc;

    if (jb_path(path, NULL, "%s/name", chip->directory) < 0)
        return JB_OK;
    rc = jb_file_read(path, text, sizeof(text), NULL, NULL);
    if (rc == JB_ENOMEM)
        return rc;
    if (rc < 0 || !text[0])
        return JB_OK;
    find_copy_name(chip->name, text);
    if (strcmp(chip->name, text) == 0)
        chip->guard = strdup(path);
    return chip->guard || strcmp(chip->name, text) != 0 ? JB_OK : JB_ENOMEM;
}

/* By its device rather than by its number, which another chip may have after a
 * driver was reloaded. */
static char *find_resolve(const char *path)
{
    char resolved[PATH_MAX];

    if (realpath(path, resolved) && strlen(resolved) < JB_PATH_MAX / 2)
        return strdup(resolved);
    return strdup(path);
}

/* Drivers before hwmon_device_register_with_info() have their attributes, and
 * their name, in the device's directory (acpi_power_meter, applesmc). */
static int find_place(struct jb_hwmon_chip *chip, const char *entry,
                      struct jb_error *err)
{
    bool above = !find_has(entry, "name") && find_has(entry, "device/name");
    char path[JB_PATH_MAX];
    int rc = jb_path(path, err, "%s%s", entry, above ? "/device" : "");

    if (rc < 0)
        return rc;
    snprintf(chip->entry, sizeof(chip->entry), "%s", strrchr(entry, '/') + 1);
    chip->shown = strdup(path);
    chip->directory = find_resolve(path);
    if (!chip->shown || !chip->directory || find_device(chip, entry) < 0 ||
        find_read_name(chip) < 0)
        return jb_fail(err, JB_ENOMEM, "hwmon chip %s", entry);
    chip->row = jb_hwmon_chip_row(chip->name);
    return JB_OK;
}

static int find_append(struct jb_hwmon_list *list, const char *entry,
                       struct jb_error *err)
{
    struct jb_hwmon_chip **chips;
    struct jb_hwmon_chip *chip;

    if (list->chip_count == JB_HWMON_CHIPS_MAX)
        return jb_fail(err, JB_ELIMIT, "more than %d hwmon chips",
                       JB_HWMON_CHIPS_MAX);
    chips = reallocarray(list->chips, list->chip_count + 1, sizeof(void *));
    if (!chips)
        return jb_fail(err, JB_ENOMEM, "hwmon chip %s", entry);
    list->chips = chips;
    chip = calloc(1, sizeof(*chip));
    if (!chip)
        return jb_fail(err, JB_ENOMEM, "hwmon chip %s", entry);
    chips[list->chip_count++] = chip;
    return find_place(chip, entry, err);
}

/* "coretemp.0" says both; "nvme0" does not say that it is a drive's. */
static void find_name_chip(struct jb_hwmon_chip *chip)
{
    size_t length = strlen(chip->name);
    const int room = JB_HWMON_STEM_MAX;

    if (!chip->name[0] && !chip->device[0])
        snprintf(chip->stem, sizeof(chip->stem), "%.*s", room - 1, chip->entry);
    else if (!chip->name[0] ||
             (strncmp(chip->device, chip->name, length) == 0 &&
              chip->device[length] == '.'))
        snprintf(chip->stem, sizeof(chip->stem), "%.*s", room - 1,
                 chip->device);
    else if (!chip->device[0])
        snprintf(chip->stem, sizeof(chip->stem), "%.*s", room - 1, chip->name);
    else
        snprintf(chip->stem, sizeof(chip->stem), "%.*s-%.*s", room / 2 - 1,
                 chip->name, room / 2 - 1, chip->device);
}

static bool find_is_name_taken(const struct jb_hwmon_list *list, size_t i)
{
    for (size_t k = 0; k < list->chip_count; k++)
        if (k != i && strcmp(list->chips[k]->stem, list->chips[i]->stem) == 0)
            return true;
    return false;
}

/* Chips without a device, or several of one name in one device, are told apart
 * by the kernel's number only. */
static void find_tell_apart(struct jb_hwmon_list *list)
{
    bool taken[JB_HWMON_CHIPS_MAX] = { false };

    for (size_t i = 0; i < list->chip_count; i++)
        taken[i] = find_is_name_taken(list, i);
    for (size_t i = 0; i < list->chip_count; i++) {
        struct jb_hwmon_chip *chip = list->chips[i];
        char stem[JB_HWMON_TEXT_MAX * 2];

        if (!taken[i])
            continue;
        snprintf(stem, sizeof(stem), "%.*s-%s", JB_HWMON_STEM_MAX / 3,
                 chip->stem, chip->entry);
        stem[JB_HWMON_STEM_MAX - 1] = '\0';
        memcpy(chip->stem, stem, JB_HWMON_STEM_MAX);
    }
}

/* Names that were cut to the same end in a number, which takes some of them. */
static void find_number(struct jb_hwmon_list *list)
{
    const size_t room = sizeof("-1023");

    for (size_t i = 0; i < list->chip_count; i++) {
        char *stem = list->chips[i]->stem;
        size_t length = strlen(stem);

        if (length > JB_HWMON_STEM_MAX - room)
            length = JB_HWMON_STEM_MAX - room;
        for (unsigned n = 2; find_is_name_taken(list, i); n++)
            snprintf(stem + length, room, "-%u", n);
    }
}

/* By name; of two of one name by the kernel's number, so that what is done to
 * tell them apart does not depend on the order of the directory. */
static int find_compare(const void *left, const void *right)
{
    const struct jb_hwmon_chip *const *a = left;
    const struct jb_hwmon_chip *const *b = right;

    int order = strverscmp((*a)->stem, (*b)->stem);

    return order ? order : strverscmp((*a)->entry, (*b)->entry);
}

static void find_sort(struct jb_hwmon_list *list)
{
    if (list->chip_count > 0)
        qsort(list->chips, list->chip_count, sizeof(void *), find_compare);
}

int jb_hwmon_find_chips(const struct jb_hwmon_scan *scan, struct jb_error *err)
{
    struct jb_hwmon_list *list = scan->list;
    JB_AUTO_CLOSEDIR DIR *dir = NULL;
    struct dirent *entry;
    char path[JB_PATH_MAX];
    char below[JB_PATH_MAX];
    int rc = jb_path(path, err, "%s/class/hwmon", scan->env->roots->sysfs);

    if (rc < 0)
        return rc;
    dir = opendir(path);
    if (!dir)
        return jb_fail_errno(err, errno, "%s", path);
    while (rc == JB_OK && (entry = readdir(dir))) {
        if (strncmp(entry->d_name, "hwmon", strlen("hwmon")) != 0 ||
            strlen(entry->d_name) >= JB_HWMON_TEXT_MAX)
            continue;
        rc = jb_path(below, err, "%s/%s", path, entry->d_name);
        if (rc == JB_OK)
            rc = find_append(list, below, err);
    }
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list->chip_count; i++)
        find_name_chip(list->chips[i]);
    find_tell_apart(list);
    find_sort(list);
    find_number(list);
    find_sort(list);
    return JB_OK;
}
