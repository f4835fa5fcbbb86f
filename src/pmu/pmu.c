/* SPDX-License-Identifier: Apache-2.0 */
#include "pmu.h"

#include <string.h>

#include "base/text.h"

/* A mask of one in two of 4096 CPUs fits. */
enum {
    PMU_TEXT_MAX = 256,
    PMU_MASK_MAX = 16384,
    PMU_CPU_MAX = 65535,
    PMU_TERM_MAX = 64,
};

static bool pmu_count_cpu(uint32_t cpu, void *context)
{
    (void)cpu;
    return ++*(size_t *)context <= PMU_CPU_MAX;
}

static bool pmu_append_cpu(uint32_t cpu, void *context)
{
    struct jb_perf_pmu *pmu = context;

    pmu->cpus[pmu->cpu_count++] = cpu;
    return true;
}

static int pmu_read_mask(struct jb_perf_pmu *pmu, struct jb_error *err)
{
    char path[JB_PATH_MAX];
    char mask[PMU_MASK_MAX];
    size_t length = 0;
    size_t count = 0;
    int rc = jb_path(path, err, "%s/cpumask", pmu->path);

    if (rc == JB_OK)
        rc = jb_file_read(path, mask, sizeof(mask), &length, err);
    if (rc == JB_EABSENT)
        return JB_OK;
    if (rc < 0)
        return rc;
    if (!jb_text_each_cpu(mask, length, PMU_CPU_MAX, pmu_count_cpu, &count))
        return jb_fail(err, JB_EFORMAT, "%s: \"%.40s\" is not a CPU list", path,
                       mask);
    if (count == 0)
        return jb_fail(err, JB_EFORMAT, "%s names no CPU to count on", path);
    pmu->cpus = calloc(count, sizeof(*pmu->cpus));
    if (!pmu->cpus)
        return jb_fail(err, JB_ENOMEM, "no memory for %zu CPUs", count);
    if (jb_text_each_cpu(mask, length, PMU_CPU_MAX, pmu_append_cpu, pmu))
        return JB_OK;
    return jb_fail(err, JB_EFORMAT, "%s is not a CPU list", path);
}

static int pmu_read_type(struct jb_perf_pmu *pmu, struct jb_error *err)
{
    char path[JB_PATH_MAX];
    uint64_t type = 0;
    int rc = jb_path(path, err, "%s/type", pmu->path);

    if (rc == JB_OK)
        rc = jb_file_read_u64(path, &type, err);
    if (rc < 0)
        return rc;
    if (type > UINT32_MAX)
        return jb_fail(err, JB_EFORMAT, "%s is beyond 32 bits", path);
    pmu->type = (uint32_t)type;
    return JB_OK;
}

int jb_perf_pmu_init(const char *sysfs, const char *name,
                     struct jb_perf_pmu *out, struct jb_error *err)
{
    struct jb_perf_pmu pmu = { .cpus = NULL };
    int rc =
        jb_path(pmu.path, err, "%s/bus/event_source/devices/%s", sysfs, name);

    if (rc == JB_OK)
        rc = pmu_read_type(&pmu, err);
    if (rc == JB_OK)
        rc = pmu_read_mask(&pmu, err);
    if (rc < 0) {
        jb_perf_pmu_release(&pmu);
        return rc;
    }
    *out = pmu;
    return JB_OK;
}

void jb_perf_pmu_release(struct jb_perf_pmu *pmu)
{
    free(pmu->cpus);
    pmu->cpus = NULL;
    pmu->cpu_count = 0;
}

/* A slash in a term's name would lead out of format/. */
static bool pmu_find_format(const char *name, size_t length, void *context,
                            struct jb_perf_format *out)
{
    const struct jb_perf_pmu *pmu = context;
    char path[JB_PATH_MAX];
    char text[PMU_TEXT_MAX];
    size_t used;

    if (length > PMU_TERM_MAX || memchr(name, '/', length))
        return false;
    if (jb_path(path, NULL, "%s/format/%.*s", pmu->path, (int)length, name) ||
        jb_file_read(path, text, sizeof(text), &used, NULL))
        return false;
    return jb_perf_parse_format(text, used, out);
}

/* events/<name><suffix>; missing is malformed for all but the event itself. */
static int pmu_read_text(const struct jb_perf_pmu *pmu, const char *name,
                         const char *suffix, char text[PMU_TEXT_MAX],
                         struct jb_error *err)
{
    char path[JB_PATH_MAX];
    int rc = jb_path(path, err, "%s/events/%s%s", pmu->path, name, suffix);

    if (rc == JB_OK)
        rc = jb_file_read(path, text, PMU_TEXT_MAX, NULL, err);
    if (rc == JB_ELIMIT || (rc == JB_EABSENT && *suffix != '\0'))
        return jb_fail(err, JB_EFORMAT, "%s is %s", path,
                       rc == JB_ELIMIT ? "too long" : "missing");
    return rc;
}

int jb_perf_pmu_config(const struct jb_perf_pmu *pmu, const char *name,
                       struct jb_perf_config *out, struct jb_error *err)
{
    char text[PMU_TEXT_MAX];
    int rc = pmu_read_text(pmu, name, "", text, err);

    if (rc < 0)
        return rc;
    /* The lookup takes a context that it may write; ours only reads. */
    if (jb_perf_parse_terms(text, strlen(text), pmu_find_format,
                            (void *)(uintptr_t)pmu, out))
        return JB_OK;
    return jb_fail(err, JB_EFORMAT,
                   "%s/events/%s: \"%.60s\" does not fit format/", pmu->path,
                   name, text);
}

static int pmu_read_unit(const struct jb_perf_pmu *pmu, const char *name,
                         struct jb_perf_event *out, struct jb_error *err)
{
    char text[PMU_TEXT_MAX];
    int rc = pmu_read_text(pmu, name, ".unit", text, err);

    if (rc < 0)
        return rc;
    if (strcmp(text, "Joules") != 0)
        return jb_fail(err, JB_EIMPLAUSIBLE,
                       "%s/events/%s.unit: \"%.40s\" is not Joules", pmu->path,
                       name, text);
    rc = pmu_read_text(pmu, name, ".scale", text, err);
    if (rc < 0)
        return rc;
    if (jb_perf_parse_scale(text, strlen(text), &out->num, &out->den))
        return JB_OK;
    return jb_fail(err, JB_EFORMAT,
                   "%s/events/%s.scale: \"%.60s\" is not a usable scale",
                   pmu->path, name, text);
}

int jb_perf_pmu_event(const struct jb_perf_pmu *pmu, const char *name,
                      struct jb_perf_event *out, struct jb_error *err)
{
    struct jb_perf_event event = { .num = 0 };
    int rc = jb_perf_pmu_config(pmu, name, &event.config, err);

    if (rc == JB_OK)
        rc = pmu_read_unit(pmu, name, &event, err);
    if (rc == JB_OK)
        *out = event;
    return rc;
}
