/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

enum {
    POLICY_MAX = 8192, /* as many as CPUs */
    POLICY_LIST_MAX = 16384,
    POLICY_DIGITS_MAX = 5,
};

struct policy_cpus {
    const struct jb_topology *topology;
    uint32_t count, first;
};

static bool policy_take_cpu(uint32_t cpu, void *context)
{
    struct policy_cpus *cpus = context;

    if (cpus->topology && !jb_topology_find(cpus->topology, cpu))
        return true;
    if (cpus->count == 0 || cpu < cpus->first)
        cpus->first = cpu;
    cpus->count++;
    return true;
}

uint32_t jb_cpufreq_count_cpus(const char *text, size_t length,
                               const struct jb_topology *topology,
                               uint32_t *first)
{
    struct policy_cpus cpus = { .topology = topology };

    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, ' ', length - at);
        size_t part = end ? (size_t)(end - text) - at : length - at;

        if (part > 0 && !jb_text_each_cpu(text + at, part, JB_TOPOLOGY_CPU_MAX,
                                          policy_take_cpu, &cpus))
            return 0;
        at += part + 1;
    }
    if (cpus.count > 0)
        *first = cpus.first;
    return cpus.count;
}

/* "policy12" or "cpu12": the number behind the stem. */
static bool policy_number(const char *name, const char *stem, uint32_t *out)
{
    size_t length = strlen(stem);
    uint64_t number;

    if (strncmp(name, stem, length) != 0 ||
        strlen(name + length) > POLICY_DIGITS_MAX ||
        !jb_text_u64(name + length, strlen(name + length), &number) ||
        number > JB_TOPOLOGY_CPU_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

static uint64_t policy_read_khz(const struct jb_cpufreq_policy *policy,
                                const char *file)
{
    char path[JB_PATH_MAX];
    uint64_t khz = 0;

    if (jb_path(path, NULL, "%s/%s", policy->directory, file) ||
        jb_file_read_u64(path, &khz, NULL))
        return 0;
    return khz;
}

/* Names of drivers and governors are short; others are not shown. */
static void policy_read_word(const struct jb_cpufreq_policy *policy,
                             const char *file, char out[JB_CPUFREQ_WORD_MAX])
{
    char path[JB_PATH_MAX];

    if (jb_path(path, NULL, "%s/%s", policy->directory, file) ||
        jb_file_read(path, out, JB_CPUFREQ_WORD_MAX, NULL, NULL))
        out[0] = '\0';
}

/* The CPUs that it governs now; their number is the policy's weight in a mean
 * over CPUs. */
static void policy_place(struct jb_cpufreq_policy *policy,
                         const struct jb_topology *topology)
{
    static const char *const files[] = { "affected_cpus", "related_cpus" };
    const struct jb_topology_cpu *place;
    uint32_t cpu = policy->number;

    for (size_t i = 0; i < 2 && policy->cpus == 0; i++) {
        char path[JB_PATH_MAX];
        char list[POLICY_LIST_MAX];
        size_t length;
        int rc = jb_path(path, NULL, "%s/%s", policy->directory, files[i]);

        if (rc == JB_OK)
            rc = jb_file_read(path, list, sizeof(list), &length, NULL);
        if (rc == JB_OK)
            policy->cpus = jb_cpufreq_count_cpus(list, length, topology, &cpu);
        else if (rc != JB_EABSENT)
            policy->cpus_state = rc;
    }
    place = topology ? jb_topology_find(topology, policy->number) : NULL;
    if (policy->cpus == 0 && (place || !topology))
        policy->cpus = 1;
    if (!place && topology)
        place = jb_topology_find(topology, cpu);
    if (place)
        policy->package = place->package;
}

static struct jb_cpufreq_policy *
policy_same(const struct jb_cpufreq_policies *policies,
            const struct stat *status)
{
    for (size_t i = 0; i < policies->count; i++)
        if (policies->list[i].device == status->st_dev &&
            policies->list[i].inode == status->st_ino)
            return &policies->list[i];
    return NULL;
}

static struct jb_cpufreq_policy *
policy_append(struct jb_cpufreq_policies *policies, struct jb_error *err)
{
    struct jb_cpufreq_policy *list;

    if (policies->count == POLICY_MAX) {
        jb_fail(err, JB_ELIMIT, "more than %d frequency policies", POLICY_MAX);
        return NULL;
    }
    list = reallocarray(policies->list, policies->count + 1, sizeof(*list));
    if (!list) {
        jb_fail(err, JB_ENOMEM, "%zu frequency policies", policies->count + 1);
        return NULL;
    }
    policies->list = list;
    return &list[policies->count++];
}

/* One entry of a directory: its path, what stands before its number, and
 * that. */
struct policy_entry {
    const char *directory, *stem;
    uint32_t number;
};

/* A CPU without cpufreq, or a link to a policy that is gone. */
static bool policy_is_missing(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR;
}

/* The directory of an old kernel is the lowest CPU's; readdir may come to a
 * link to it first. */
static int policy_add(struct jb_cpufreq_policies *policies,
                      const struct policy_entry *entry, struct jb_error *err)
{
    struct jb_cpufreq_policy *policy;
    struct stat status;

    /* Not a link that was recorded as a file, either. */
    if (stat(entry->directory, &status) < 0)
        return policy_is_missing(errno)
                   ? JB_OK
                   : jb_fail_errno(err, errno, "%s", entry->directory);
    if (!S_ISDIR(status.st_mode))
        return JB_OK;
    policy = policy_same(policies, &status);
    if (policy && (strncmp(policy->name, "cpu", 3) != 0 ||
                   policy->number < entry->number))
        return JB_OK;
    if (!policy)
        policy = policy_append(policies, err);
    if (!policy)
        return err ? err->status : JB_ENOMEM;
    *policy = (struct jb_cpufreq_policy){ .device = status.st_dev,
                                          .inode = status.st_ino,
                                          .number = entry->number };
    snprintf(policy->name, sizeof(policy->name), "%.8s%u", entry->stem,
             entry->number);
    snprintf(policy->directory, sizeof(policy->directory), "%s",
             entry->directory);
    return JB_OK;
}

/* NULL with errno 0 at the end. */
static struct dirent *policy_next(DIR *dir)
{
    errno = 0;
    return readdir(dir);
}

/* Every entry of a directory called <stem>N, with <suffix> behind it. */
static int policy_scan(struct jb_cpufreq_policies *policies, const char *parent,
                       const char *stem, const char *suffix,
                       struct jb_error *err)
{
    JB_AUTO_CLOSEDIR DIR *dir = opendir(parent);
    struct dirent *entry;
    int rc = JB_OK;

    if (!dir)
        return policy_is_missing(errno)
                   ? JB_OK
                   : jb_fail_errno(err, errno, "%s", parent);
    while (rc == JB_OK && (entry = policy_next(dir))) {
        char path[JB_PATH_MAX];
        struct policy_entry found = { path, stem, 0 };

        if (!policy_number(entry->d_name, stem, &found.number))
            continue;
        rc = jb_path(path, err, "%s/%s%s", parent, entry->d_name, suffix);
        if (rc == JB_OK)
            rc = policy_add(policies, &found, err);
    }
    if (rc == JB_OK && errno != 0)
        rc = jb_fail_errno(err, errno, "reading %s", parent);
    return rc;
}

static int policy_compare(const void *left, const void *right)
{
    const struct jb_cpufreq_policy *a = left;
    const struct jb_cpufreq_policy *b = right;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int policy_scan_all(const char *sysfs,
                           struct jb_cpufreq_policies *policies,
                           struct jb_error *err)
{
    char path[JB_PATH_MAX];
    int rc = jb_path(path, err, "%s/devices/system/cpu/cpufreq", sysfs);

    if (rc == JB_OK)
        rc = policy_scan(policies, path, "policy", "", err);
    if (rc == JB_OK)
        rc = jb_path(path, err, "%s/devices/system/cpu", sysfs);
    return rc == JB_OK ? policy_scan(policies, path, "cpu", "/cpufreq", err)
                       : rc;
}

int jb_cpufreq_find(const char *sysfs, const struct jb_topology *topology,
                    struct jb_cpufreq_policies *out, struct jb_error *err)
{
    struct jb_cpufreq_policies policies = { 0 };
    int rc = policy_scan_all(sysfs, &policies, err);

    if (rc < 0) {
        jb_cpufreq_policies_release(&policies);
        return rc;
    }
    if (!policies.list)
        return jb_fail(err, JB_EABSENT,
                       "no frequency policy in %s/devices/system/cpu", sysfs);
    qsort(policies.list, policies.count, sizeof(*policies.list),
          policy_compare);
    for (size_t i = 0; i < policies.count; i++) {
        struct jb_cpufreq_policy *policy = &policies.list[i];

        policy_place(policy, topology);
        policy->min_khz = policy_read_khz(policy, "cpuinfo_min_freq");
        policy->max_khz = policy_read_khz(policy, "cpuinfo_max_freq");
        policy->base_khz = policy_read_khz(policy, "base_frequency");
        policy_read_word(policy, "scaling_driver", policy->driver);
        policy_read_word(policy, "scaling_governor", policy->governor);
    }
    *out = policies;
    return JB_OK;
}

void jb_cpufreq_policies_release(struct jb_cpufreq_policies *policies)
{
    free(policies->list);
    *policies = (struct jb_cpufreq_policies){ 0 };
}
