/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources hwmon and thermal over a tree whose files hold anything.  The
 * names of files are the kernel's; each line of the input is what one holds.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/plausible.h"
#include "core/unit.h"
#include "joulebook/plugin/source.h"

extern const struct jb_source_desc jb_source_hwmon;
extern const struct jb_source_desc jb_source_thermal;

#define FUZZ_CHIP "class/hwmon/hwmon0/"
#define FUZZ_ZONE "class/thermal/thermal_zone0/"
#define FUZZ_CPU "devices/system/cpu/"

static const char *const fuzz_files[] = {
    FUZZ_CHIP "name",
    FUZZ_CHIP "temp1_input",
    FUZZ_CHIP "temp1_label",
    FUZZ_CHIP "temp1_crit",
    FUZZ_CHIP "temp1_fault",
    FUZZ_CHIP "temp1_enable",
    FUZZ_CHIP "power1_average",
    FUZZ_CHIP "power1_average_interval",
    FUZZ_CHIP "power1_accuracy",
    FUZZ_CHIP "power1_oem_info",
    FUZZ_CHIP "power1_is_battery",
    FUZZ_CHIP "energy1_input",
    FUZZ_CHIP "energy1_label",
    FUZZ_CHIP "in1_input",
    FUZZ_CHIP "in1_label",
    FUZZ_CHIP "update_interval",
    FUZZ_ZONE "type",
    FUZZ_ZONE "temp",
    FUZZ_ZONE "mode",
    FUZZ_ZONE "trip_point_0_type",
    FUZZ_ZONE "trip_point_0_temp",
    FUZZ_CPU "online",
    FUZZ_CPU "cpu0/topology/physical_package_id",
    FUZZ_CPU "cpu0/topology/thread_siblings_list",
    FUZZ_CPU "cpu0/thermal_throttle/core_throttle_count",
    FUZZ_CPU "cpu0/thermal_throttle/package_throttle_total_time_ms",
    "devices/system/node/node0/cpulist",
};

enum { FUZZ_FILES = sizeof(fuzz_files) / sizeof(fuzz_files[0]) };

struct fuzz_tree {
    char root[32];
    char paths[FUZZ_FILES][128];
};

static uint64_t fuzz_now_ns(void *context)
{
    (void)context;
    return 1;
}

static void fuzz_make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void fuzz_write(char *path, const uint8_t *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    fuzz_require(fd >= 0);
    fuzz_require(write(fd, text, length) == (ssize_t)length);
    close(fd);
}

/* Files without a line are not there. */
static void fuzz_build(struct fuzz_tree *tree, const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;

    snprintf(tree->root, sizeof(tree->root), "/dev/shm/jb-fuzz-XXXXXX");
    if (!mkdtemp(tree->root)) {
        snprintf(tree->root, sizeof(tree->root), "/tmp/jb-fuzz-XXXXXX");
        fuzz_require(mkdtemp(tree->root) != NULL);
    }
    for (size_t i = 0; i < FUZZ_FILES && data < end; i++) {
        const uint8_t *line = memchr(data, '\n', (size_t)(end - data));
        size_t length = line ? (size_t)(line - data) : (size_t)(end - data);

        snprintf(tree->paths[i], sizeof(tree->paths[i]), "%s/%s", tree->root,
                 fuzz_files[i]);
        fuzz_make_parents(tree->paths[i]);
        if (length > 0)
            fuzz_write(tree->paths[i], data, length);
        data += length + (line != NULL);
    }
}

static int fuzz_remove(const char *path, const struct stat *status, int type,
                       struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void fuzz_check_sensor(const struct jb_sensor *sensor,
                              const struct jb_sample *sample)
{
    struct jb_range range = jb_plausible_range(sensor->unit.quantity);
    struct jb_energy value = { 0 };

    fuzz_require((sensor->reason[0] == '\0') == (sensor->state == JB_OK));
    fuzz_require(sensor->name[0] && !strpbrk(sensor->name, " \n\t,\""));
    fuzz_require(sensor->unit.num && sensor->unit.den && sensor->quantum);
    if (sample->state != JB_OK) {
        fuzz_require(sample->raw == 0);
        return;
    }
    fuzz_require(jb_sensor_value(sensor, sample->raw, &value) == JB_OK);
    fuzz_require(value.uj >= range.lowest && value.uj <= range.highest);
}

static void fuzz_source(const struct jb_source_desc *desc, const char *sysfs)
{
    struct jb_roots roots = { sysfs, "/none", "/none", "/none" };
    struct jb_clock clock = { fuzz_now_ns, NULL };
    struct jb_env env = { &roots, &clock, false };
    unsigned char options[128] = { 0 };
    struct jb_source *source = NULL;
    const struct jb_sensor *sensors;
    struct jb_error err = { 0 };
    size_t count = 0;
    int rc = desc->open(&env, options, &source, &err);

    if (rc != JB_OK) {
        fuzz_require(rc == JB_EABSENT && err.text[0] && !source);
        return;
    }
    sensors = desc->sensors(source, &count);
    fuzz_require(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        struct jb_sample sample;

        desc->sample(source, &i, 1, &sample);
        fuzz_check_sensor(&sensors[i], &sample);
    }
    desc->close(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_tree tree;

    fuzz_build(&tree, data, size);
    fuzz_source(&jb_source_hwmon, tree.root);
    fuzz_source(&jb_source_thermal, tree.root);
    nftw(tree.root, fuzz_remove, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}
