/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines with hwmon chips, written as text and laid out as the kernel does:
 * each chip in its device's directory, with links from the class and back.
 */
#ifndef JB_TEST_HWMON_MACHINE_H
#define JB_TEST_HWMON_MACHINE_H

#include "check.h"
#include "kernel_read.h"
#include "tree.h"

#include "core/domain.h"
#include "core/unit.h"
#include "joulebook/plugin/source.h"

extern const struct jb_source_desc jb_source_hwmon;

#define HWMON_S UINT64_C(1000000000)

static inline uint64_t hwmon_now_ns(void *context)
{
    return *(const uint64_t *)context;
}

struct hwmon {
    struct tree tree;
    char sysfs[TREE_PATH_MAX], procfs[TREE_PATH_MAX];
    struct jb_roots roots;
    uint64_t now_ns;
    struct jb_clock clock;
    struct jb_env env;
    struct jb_source *source;
};

static inline void hwmon_init(struct hwmon *test)
{
    *test = (struct hwmon){ .now_ns = 5 * HWMON_S };
    tree_init(&test->tree);
    tree_path(&test->tree, "sys", test->sysfs);
    tree_path(&test->tree, "proc", test->procfs);
    test->roots =
        (struct jb_roots){ test->sysfs, test->procfs, "/none", "/none" };
    test->clock = (struct jb_clock){ hwmon_now_ns, &test->now_ns };
    test->env = (struct jb_env){ &test->roots, &test->clock, false };
}

static inline void hwmon_release(struct hwmon *test)
{
    jb_source_hwmon.close(test->source);
    tree_release(&test->tree);
}

/* "devices/pci/0000:00:18.3", 2: the class link and the link back. */
static inline void hwmon_add_chip(const struct hwmon *test, const char *device,
                                  const char *number)
{
    char name[TREE_PATH_MAX];
    char target[TREE_PATH_MAX];

    snprintf(name, sizeof(name), "sys/class/hwmon/hwmon%s", number);
    snprintf(target, sizeof(target), "../../%s/hwmon/hwmon%s", device, number);
    tree_link(&test->tree, name, target);
    snprintf(name, sizeof(name), "sys/%s/hwmon/hwmon%s/device", device, number);
    snprintf(target, sizeof(target), "../../../%s", strrchr(device, '/') + 1);
    tree_link(&test->tree, name, target);
}

/*
 * Lines: "@DEVICE NUMBER" begins a chip; "FILE=TEXT" is a file of it; with a
 * slash in front it is one of sysfs instead.
 */
static inline void hwmon_build(const struct hwmon *test, const char *text)
{
    char *copy = strdup(text);
    char chip[TREE_PATH_MAX] = "";
    char *rest = copy;
    char *line;

    while ((line = strtok_r(rest, "\n", &rest))) {
        char name[TREE_PATH_MAX * 2];
        char *value = strpbrk(line, line[0] == '@' ? " " : "=");

        assert_non_null(value);
        *value++ = '\0';
        if (line[0] == '@') {
            hwmon_add_chip(test, line + 1, value);
            snprintf(chip, sizeof(chip), "class/hwmon/hwmon%s", value);
            continue;
        }
        snprintf(name, sizeof(name), "sys/%s/%s", line[0] == '/' ? "" : chip,
                 line);
        tree_write(&test->tree, name, value);
    }
    free(copy);
}

static inline int hwmon_open(struct hwmon *test, struct jb_error *err)
{
    unsigned char options[128] = { 0 };

    assert_true(jb_source_hwmon.options_size <= sizeof(options));
    assert_int_equal(jb_options_init(jb_source_hwmon.options, options, err),
                     JB_OK);
    return jb_source_hwmon.open(&test->env, options, &test->source, err);
}

static inline void hwmon_must_open(const char *label, struct hwmon *test)
{
    struct jb_error err = { 0 };

    CHECK_STATUS(label, hwmon_open(test, &err), JB_OK, &err);
}

static inline uint32_t hwmon_index(const struct hwmon *test, const char *name)
{
    size_t count;
    const struct jb_sensor *sensors =
        jb_source_hwmon.sensors(test->source, &count);

    for (uint32_t i = 0; i < count; i++)
        if (strcmp(sensors[i].name, name) == 0)
            return i;
    fail_msg("no sensor %s", name);
    return 0;
}

static inline const struct jb_sensor *hwmon_sensor(const struct hwmon *test,
                                                   const char *name)
{
    size_t count;

    return &jb_source_hwmon.sensors(test->source,
                                    &count)[hwmon_index(test, name)];
}

static inline struct jb_sample hwmon_sample(const struct hwmon *test,
                                            const char *name)
{
    uint32_t which = hwmon_index(test, name);
    struct jb_sample sample;

    jb_source_hwmon.sample(test->source, &which, 1, &sample);
    assert_int_equal(sample.sensor, which);
    return sample;
}

#define HWMON_TWO_PACKAGES                                                     \
    "/devices/system/cpu/online=0-3\n"                                         \
    "/devices/system/cpu/cpu0/topology/physical_package_id=0\n"                \
    "/devices/system/cpu/cpu1/topology/physical_package_id=0\n"                \
    "/devices/system/cpu/cpu2/topology/physical_package_id=1\n"                \
    "/devices/system/cpu/cpu3/topology/physical_package_id=1\n"                \
    "/devices/system/node/node0/cpulist=0-1\n"                                 \
    "/devices/system/node/node1/cpulist=2-3\n"
#define HWMON_ONE_PACKAGE                                                      \
    "/devices/system/cpu/online=0-1\n"                                         \
    "/devices/system/cpu/cpu0/topology/physical_package_id=0\n"                \
    "/devices/system/cpu/cpu1/topology/physical_package_id=0\n"
/* Two NUMA nodes in one package (NPS2). */
#define HWMON_TWO_NODES                                                        \
    HWMON_ONE_PACKAGE                                                          \
    "/devices/system/node/node0/cpulist=0\n"                                   \
    "/devices/system/node/node1/cpulist=1\n"

#endif
