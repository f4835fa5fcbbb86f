/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be monitored, as a table.  A row names a source by name, so that it
 * works from the day on which that source is in the registry; until then its
 * monitors say that this build does not have it.
 */
#include <stdio.h>
#include <string.h>

#include "inside.h"

static const enum jb_domain_kind kind_package[] = { JB_DOMAIN_PACKAGE,
                                                    JB_DOMAIN_NONE };
static const enum jb_domain_kind kind_gpu[] = { JB_DOMAIN_GPU, JB_DOMAIN_NONE };
static const enum jb_domain_kind kind_node[] = { JB_DOMAIN_PLATFORM,
                                                 JB_DOMAIN_PSYS,
                                                 JB_DOMAIN_NONE };

static const struct jb_monitor_kind kinds[] = {
    { "cpu", "intel", kind_package, NULL, "Intel" },
    { "cpu", "amd", kind_package, NULL, "AMD" },
    { "cpu", "any", kind_package, NULL, NULL },
    { "gpu", "nvidia", kind_gpu, "nvml", NULL },
    { "gpu", "amd", kind_gpu, "amdgpu", NULL },
    { "gpu", "any", kind_gpu, NULL, NULL },
    { "system", "ipmi", kind_node, "ipmi", NULL },
    { "system", "any", kind_node, NULL, NULL },
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

/* What is said of a device whose source is chosen by itself. */
static const struct {
    const char *source, *component;
} kind_components[] = {
    { "nvml", "nvidia" },
    { "amdgpu", "amd" },
};

static int kind_fail_unknown(const char *source, const char *component,
                             struct jb_error *err)
{
    char known[JB_ERROR_TEXT_MAX] = "";
    size_t used = 0;

    for (size_t i = 0; i < KIND_COUNT && used < sizeof(known); i++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s/%s",
                                 i ? ", " : "", kinds[i].source,
                                 kinds[i].component);
    return jb_fail(err, JB_EUSAGE, "there is no monitor %.40s/%.40s: it is %s",
                   source ? source : "(no source)", component, known);
}

int jb_monitor_kind_find(const char *source, const char *component,
                         const struct jb_monitor_kind **out,
                         struct jb_error *err)
{
    if (!component)
        component = "any";
    for (size_t i = 0; source && i < KIND_COUNT; i++)
        if (strcmp(kinds[i].source, source) == 0 &&
            strcmp(kinds[i].component, component) == 0) {
            *out = &kinds[i];
            return JB_OK;
        }
    return kind_fail_unknown(source, component, err);
}

/* "Intel", "AMD" (with its licensee Hygon), or NULL. */
static const char *kind_maker(const struct jb_cpuinfo *cpu)
{
    if (strcmp(cpu->vendor, "GenuineIntel") == 0)
        return "Intel";
    return jb_cpuinfo_is_amd(cpu) ? "AMD" : NULL;
}

static int kind_check_maker(const struct jb_monitor_kind *kind,
                            const struct jb_roots *roots, struct jb_error *err)
{
    struct jb_cpuinfo cpu;
    const char *maker;
    int rc = jb_cpuinfo_read(roots->procfs, &cpu, err);

    if (rc < 0)
        return rc;
    maker = kind_maker(&cpu);
    if (maker && strcmp(maker, kind->maker) == 0)
        return JB_OK;
    return jb_fail(
        err, JB_EABSENT, "no CPU of %s: this machine's is %s (vendor %s)",
        kind->maker, cpu.model_name[0] ? cpu.model_name : "of unknown model",
        cpu.vendor[0] ? cpu.vendor : "unknown");
}

static bool kind_build_has(const char *source)
{
    for (size_t i = 0; jb_sources[i]; i++)
        if (strcmp(jb_sources[i]->name, source) == 0)
            return true;
    for (size_t i = 0; jb_module_sources[i]; i++)
        if (strcmp(jb_module_sources[i], source) == 0)
            return true;
    return false;
}

int jb_monitor_kind_check(const struct jb_monitor_kind *kind,
                          const struct jb_roots *roots, struct jb_error *err)
{
    if (kind->maker)
        return kind_check_maker(kind, roots, err);
    if (!kind->needs || kind_build_has(kind->needs))
        return JB_OK;
    jb_fail(err, JB_EABSENT,
            "%s/%s is read by the source %s, which this build does not have",
            kind->source, kind->component, kind->needs);
    jb_error_set_fix(err, "joulebook list");
    return JB_EABSENT;
}

const char *jb_monitor_kind_component(const struct jb_monitor_kind *kind,
                                      const struct jb_roots *roots,
                                      const char *source)
{
    struct jb_cpuinfo cpu;
    const char *maker;

    if (strcmp(kind->component, "any") != 0)
        return kind->component;
    if (strcmp(kind->source, "cpu") == 0) {
        if (jb_cpuinfo_read(roots->procfs, &cpu, NULL) < 0)
            return "other";
        maker = kind_maker(&cpu);
        if (!maker)
            return "other";
        return strcmp(maker, "Intel") == 0 ? "intel" : "amd";
    }
    for (size_t i = 0; i < sizeof(kind_components) / sizeof(kind_components[0]);
         i++)
        if (strcmp(kind_components[i].source, source) == 0)
            return kind_components[i].component;
    return source;
}
