/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "core/cpuinfo.h"
#include "core/domain.h"
#include "core/meminfo.h"
#include "core/topology.h"

enum {
    FACTS_LIST_MAX = 4096,
    FACTS_SIZE_MAX = 24,
    FACTS_KB_PER_MB = 1024,
    FACTS_KHZ_PER_MHZ = 1000,
    FACTS_UW_PER_MW = 1000,
    FACTS_CACHES = 8, /* index0 to index3 or 4 in practice */
    FACTS_CACHE_LEVEL = 3,
};

/* Outside these a figure is firmware's nonsense, and not known. */
static const uint64_t facts_mhz_min = 400;
static const uint64_t facts_mhz_max = 10000;
static const uint64_t facts_tdp_min_uw = 2 * UINT64_C(1000000);
static const uint64_t facts_l3_max_kb = UINT64_C(8) << 20;

static int facts_absent(struct jb_error *err, const char *what,
                        const struct jb_error *why)
{
    if (why->status == JB_ENOMEM)
        return jb_fail(err, JB_ENOMEM, "%s", why->text);
    return jb_fail(err, JB_EABSENT, "no estimate: %s unknown (%s)", what,
                   why->text);
}

static bool facts_take_first(uint32_t cpu, void *context)
{
    uint32_t *first = context;

    if (cpu < *first)
        *first = cpu;
    return true;
}

/* The lowest CPU of a list such as "0-3,64-67"; it speaks for the others. */
static int facts_read_first(const char *path, uint32_t *out,
                            struct jb_error *err)
{
    char list[FACTS_LIST_MAX];
    uint32_t first = UINT32_MAX;
    size_t length;
    int rc = jb_file_read(path, list, sizeof(list), &length, err);

    if (rc < 0)
        return rc;
    if (!jb_text_each_cpu(list, length, JB_TOPOLOGY_CPU_MAX, facts_take_first,
                          &first) ||
        first == UINT32_MAX)
        return jb_fail(err, JB_EFORMAT, "%s is not a CPU list", path);
    *out = first;
    return JB_OK;
}

/* core_cpus_list is what kernels call thread_siblings_list since 5.3. */
static int facts_first_sibling(const char *sysfs, uint32_t cpu, uint32_t *out,
                               struct jb_error *err)
{
    static const char *const names[] = { "core_cpus_list",
                                         "thread_siblings_list" };
    char path[JB_PATH_MAX];
    int rc = JB_EABSENT;

    for (size_t i = 0; i < 2 && rc == JB_EABSENT; i++) {
        rc = jb_path(path, err, "%s/devices/system/cpu/cpu%u/topology/%s",
                     sysfs, cpu, names[i]);
        if (rc == JB_OK)
            rc = facts_read_first(path, out, err);
    }
    return rc;
}

/* Where firmware says no package, jb_topology means package 0: good enough to
 * name a meter, but not to count chips. */
static int facts_check_package(const char *sysfs, uint32_t cpu,
                               struct jb_error *err)
{
    char path[JB_PATH_MAX];
    uint64_t package;
    int rc = jb_path(path, err,
                     "%s/devices/system/cpu/cpu%u/topology/physical_package_id",
                     sysfs, cpu);

    return rc == JB_OK ? jb_file_read_u64(path, &package, err) : rc;
}

/* Cores are counted by their first thread, and not by core_id, which repeats
 * on every die or cluster on some CPUs and has holes on others. */
static int facts_count(const char *sysfs, const struct jb_topology *topology,
                       struct jb_estimate_machine *out, struct jb_error *err)
{
    uint32_t cores = 0;

    for (size_t i = 0; i < topology->cpu_count; i++) {
        uint32_t cpu = topology->cpus[i].cpu;
        uint32_t first = UINT32_MAX;
        int rc = facts_check_package(sysfs, cpu, err);

        if (rc == JB_OK)
            rc = facts_first_sibling(sysfs, cpu, &first, err);
        if (rc < 0)
            return rc;
        cores += first == cpu;
    }
    out->chips = (uint32_t)topology->package_count;
    out->cores = cores;
    out->threads = (uint32_t)topology->cpu_count;
    if (cores < out->chips)
        return jb_fail(err, JB_EFORMAT, "%u packages with %u cores", out->chips,
                       cores);
    return JB_OK;
}

static int facts_read_memory(const char *procfs, uint32_t *memory_mb,
                             struct jb_error *err)
{
    struct jb_meminfo memory;
    uint64_t mb;
    int rc = jb_meminfo_read(procfs, &memory, err);

    if (rc < 0)
        return rc;
    mb = memory.total_kib / FACTS_KB_PER_MB;
    if (mb == 0 || mb > UINT32_MAX)
        return jb_fail(err, JB_EIMPLAUSIBLE, "%s/meminfo: %" PRIu64 " kB",
                       procfs, memory.total_kib);
    *memory_mb = (uint32_t)mb;
    return JB_OK;
}

/* Intel's drivers say the nominal clock in cpufreq, ACPI (AMD, Arm) in CPPC. */
static uint32_t facts_read_mhz(const char *sysfs, uint32_t cpu)
{
    static const struct {
        const char *name;
        uint32_t per_mhz;
    } files[] = {
        { "cpufreq/base_frequency", FACTS_KHZ_PER_MHZ },
        { "acpi_cppc/nominal_freq", 1 },
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[JB_PATH_MAX];
        uint64_t value;

        if (jb_path(path, NULL, "%s/devices/system/cpu/cpu%u/%s", sysfs, cpu,
                    files[i].name) != JB_OK ||
            jb_file_read_u64(path, &value, NULL) != JB_OK)
            continue;
        value /= files[i].per_mhz;
        if (value >= facts_mhz_min && value <= facts_mhz_max)
            return (uint32_t)value;
    }
    return 0;
}

/* "32768K", as the kernel prints every cache. */
static bool facts_read_size(const char *path, uint64_t *kb)
{
    char text[FACTS_SIZE_MAX];
    size_t length;

    return jb_file_read(path, text, sizeof(text), &length, NULL) == JB_OK &&
           length > 1 && text[length - 1] == 'K' &&
           jb_text_u64(text, length - 1, kb) && *kb <= facts_l3_max_kb;
}

/* The directory of the CPU's L3, which is index3 nearly everywhere. */
static bool facts_find_l3(const char *sysfs, uint32_t cpu,
                          char out[JB_PATH_MAX])
{
    for (unsigned i = 0; i < FACTS_CACHES; i++) {
        char path[JB_PATH_MAX];
        uint64_t level;

        if (jb_path(out, NULL, "%s/devices/system/cpu/cpu%u/cache/index%u",
                    sysfs, cpu, i) == JB_OK &&
            jb_path(path, NULL, "%s/level", out) == JB_OK &&
            jb_file_read_u64(path, &level, NULL) == JB_OK &&
            level == FACTS_CACHE_LEVEL)
            return true;
    }
    return false;
}

/* All L3 of the first package: each complex counts at its first CPU.  0 when
 * any CPU of it does not say. */
static uint32_t facts_read_l3(const char *sysfs,
                              const struct jb_topology *topology)
{
    uint64_t sum_kb = 0;

    for (size_t i = 0; i < topology->cpu_count; i++) {
        const struct jb_topology_cpu *cpu = &topology->cpus[i];
        char cache[JB_PATH_MAX];
        char path[JB_PATH_MAX];
        uint32_t first = UINT32_MAX;
        uint64_t kb;

        if (cpu->package != topology->cpus[0].package)
            continue;
        if (!facts_find_l3(sysfs, cpu->cpu, cache) ||
            jb_path(path, NULL, "%s/shared_cpu_list", cache) != JB_OK ||
            facts_read_first(path, &first, NULL) != JB_OK)
            return 0;
        if (first != cpu->cpu)
            continue;
        if (jb_path(path, NULL, "%s/size", cache) != JB_OK ||
            !facts_read_size(path, &kb))
            return 0;
        sum_kb += kb;
    }
    return sum_kb <= facts_l3_max_kb ? (uint32_t)sum_kb : 0;
}

/* The zone of a whole package; dies have zones of their own, whose TDP is not
 * the chip's. */
static bool facts_is_package(const char *zone)
{
    char path[JB_PATH_MAX];
    char name[JB_NAME_MAX];
    struct jb_domain domain;

    return jb_path(path, NULL, "%s/name", zone) == JB_OK &&
           jb_file_read(path, name, sizeof(name), NULL, NULL) == JB_OK &&
           jb_domain_parse(name, &domain) && domain.kind == JB_DOMAIN_PACKAGE &&
           domain.die == JB_NO_DIE;
}

/* Of several packages the highest, so that the order of the directory does
 * not matter.  Firmware that does not know says 0, or kilowatts. */
static uint32_t facts_read_tdp(const char *sysfs)
{
    JB_AUTO_CLOSEDIR DIR *dir = NULL;
    char path[JB_PATH_MAX];
    struct dirent *entry;
    uint64_t highest_uw = 0;

    if (jb_path(path, NULL, "%s/class/powercap", sysfs) == JB_OK)
        dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        uint64_t uw;

        if (strncmp(entry->d_name, "intel-rapl:", 11) != 0 ||
            jb_path(path, NULL, "%s/class/powercap/%s", sysfs, entry->d_name) !=
                JB_OK ||
            !facts_is_package(path) ||
            jb_path(path, NULL,
                    "%s/class/powercap/%s/constraint_0_max_power_uw", sysfs,
                    entry->d_name) != JB_OK ||
            jb_file_read_u64(path, &uw, NULL) != JB_OK)
            continue;
        if (uw >= facts_tdp_min_uw &&
            uw <= jb_domain_guessed_pmax_uw(JB_DOMAIN_PACKAGE) &&
            uw > highest_uw)
            highest_uw = uw;
    }
    return (uint32_t)(highest_uw / FACTS_UW_PER_MW);
}

/* PCI class codes (PCI Code and ID Assignment, base classes 03h and 12h): 3D
 * controller, other display controller, processing accelerator.  VGA is none,
 * since every BMC is one. */
static bool facts_is_accelerator(const char *class)
{
    return strncmp(class, "0x0302", 6) == 0 ||
           strncmp(class, "0x0380", 6) == 0 || strncmp(class, "0x1200", 6) == 0;
}

static bool facts_has_gpu(const char *sysfs)
{
    JB_AUTO_CLOSEDIR DIR *dir = NULL;
    char path[JB_PATH_MAX];
    char class[FACTS_SIZE_MAX];
    struct dirent *entry;

    if (jb_path(path, NULL, "%s/bus/pci/devices", sysfs) == JB_OK)
        dir = opendir(path);
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' &&
            jb_path(path, NULL, "%s/bus/pci/devices/%s/class", sysfs,
                    entry->d_name) == JB_OK &&
            jb_file_read(path, class, sizeof(class), NULL, NULL) == JB_OK &&
            facts_is_accelerator(class))
            return true;
    return false;
}

/* The kernel's figures before the table's, but for L3: the table has it as the
 * model learnt it, where a hypervisor may have made it up. */
static void facts_fill(const struct jb_roots *roots,
                       const struct jb_topology *topology,
                       struct jb_estimate_facts *facts)
{
    struct jb_estimate_machine *machine = &facts->machine;
    struct jb_cpuinfo cpu = { 0 };

    if (jb_cpuinfo_read(roots->procfs, &cpu, NULL) != JB_OK)
        cpu = (struct jb_cpuinfo){ 0 };
    facts->hypervisor = cpu.hypervisor;
    facts->gpu = facts_has_gpu(roots->sysfs);
    machine->base_mhz = facts_read_mhz(roots->sysfs, topology->cpus[0].cpu);
    if (machine->tdp_mw == 0)
        machine->tdp_mw = facts_read_tdp(roots->sysfs);
    jb_estimate_identify(cpu.model_name, cpu.vendor, cpu.family, cpu.model,
                         machine);
    machine->amd = jb_cpuinfo_is_amd(&cpu);
    if (machine->l3_kb == 0)
        machine->l3_kb = facts_read_l3(roots->sysfs, topology);
}

int jb_estimate_facts_read(const struct jb_roots *roots, uint32_t tdp_mw,
                           struct jb_estimate_facts *out, struct jb_error *err)
{
    struct jb_estimate_facts facts = { .machine.tdp_mw = tdp_mw };
    struct jb_topology *topology;
    struct jb_error why = { 0 };
    int rc = jb_topology_read(roots->sysfs, &topology, &why);

    if (rc < 0)
        return facts_absent(err, "topology", &why);
    rc = facts_count(roots->sysfs, topology, &facts.machine, &why);
    if (rc == JB_OK)
        facts_fill(roots, topology, &facts);
    jb_topology_free(topology);
    if (rc < 0)
        return facts_absent(err, "topology", &why);
    if (facts_read_memory(roots->procfs, &facts.machine.memory_mb, &why) < 0)
        return facts_absent(err, "memory", &why);
    *out = facts;
    return JB_OK;
}
