/* SPDX-License-Identifier: Apache-2.0 */
#include "effective.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "pmu/meter.h"
#include "pmu/pmu.h"

__extension__ typedef unsigned __int128 effective_wide;

#define EFFECTIVE_HZ_MAX UINT64_C(100000000000)

/* The members of a CPU's group, in the order of their opening. */
enum effective_member { EFFECTIVE_APERF, EFFECTIVE_MPERF, EFFECTIVE_MEMBERS };

/* Descriptors that are left to the rest of the program. */
enum { EFFECTIVE_LABEL_MAX = 48, EFFECTIVE_FD_RESERVE = 256 };

struct effective_cpu {
    uint16_t package;
    struct jb_perf_meter meters[EFFECTIVE_MEMBERS];
    uint64_t last[EFFECTIVE_MEMBERS];
};

struct effective_package {
    uint16_t package;
    uint64_t last_tsc, last_ns;
};

struct jb_effective {
    const struct jb_env *env;
    struct effective_cpu *cpus;
    struct effective_package *packages;
    struct jb_perf_meter tsc;
    size_t cpu_count, package_count;
};

/* What the PMU says of the three events. */
struct effective_events {
    uint32_t type;
    struct jb_perf_config members[EFFECTIVE_MEMBERS], tsc;
};

uint64_t jb_effective_hz(uint64_t aperf, uint64_t mperf, uint64_t tsc,
                         uint64_t ns)
{
    effective_wide rate;
    effective_wide hz;

    if (aperf == 0 || mperf == 0 || tsc == 0 || ns == 0)
        return 0;
    rate = (effective_wide)tsc * JB_NS_PER_S / ns;
    if (rate > UINT64_MAX)
        return 0;
    hz = rate * aperf / mperf;
    return hz > UINT64_MAX ? 0 : (uint64_t)hz;
}

static int effective_find_events(const struct jb_env *env,
                                 struct effective_events *events,
                                 struct jb_error *err)
{
    struct jb_perf_pmu pmu;
    int rc = jb_perf_pmu_init(env->roots->sysfs, "msr", &pmu, err);

    if (rc < 0)
        return rc;
    events->type = pmu.type;
    rc = jb_perf_pmu_config(&pmu, "aperf", &events->members[EFFECTIVE_APERF],
                            err);
    if (rc == JB_OK)
        rc = jb_perf_pmu_config(&pmu, "mperf",
                                &events->members[EFFECTIVE_MPERF], err);
    if (rc == JB_OK)
        rc = jb_perf_pmu_config(&pmu, "tsc", &events->tsc, err);
    jb_perf_pmu_release(&pmu);
    return rc;
}

/* Refused before the last descriptor is taken from the others. */
static int effective_check_limit(size_t cpus, struct jb_error *err)
{
    uint64_t wanted = EFFECTIVE_MEMBERS * (uint64_t)cpus + EFFECTIVE_FD_RESERVE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return JB_OK;
    jb_fail(err, JB_ELIMIT,
            "the counters of %zu CPUs need %ju descriptors, and %ju are "
            "allowed",
            cpus, (uintmax_t)wanted, (uintmax_t)limit.rlim_cur);
    jb_error_set_fix(err, "ulimit -n %ju", (uintmax_t)wanted);
    return JB_ELIMIT;
}

static int effective_open_meter(const struct jb_effective *effective,
                                const char *name, struct jb_perf_meter *meter,
                                struct jb_error *err)
{
    char label[EFFECTIVE_LABEL_MAX];

    snprintf(label, sizeof(label), "msr/%s/ on cpu%u", name, meter->cpu);
    return jb_perf_meter_open(effective->env, label, meter, err);
}

static int effective_open_cpu(const struct jb_effective *effective,
                              const struct effective_events *events,
                              uint32_t number, struct effective_cpu *cpu,
                              struct jb_error *err)
{
    static const char *const names[EFFECTIVE_MEMBERS] = { "aperf", "mperf" };
    int rc = JB_OK;

    for (int i = 0; rc == JB_OK && i < EFFECTIVE_MEMBERS; i++) {
        cpu->meters[i] = (struct jb_perf_meter){
            .fd = -1,
            .type = events->type,
            .cpu = number,
            .config = events->members[i],
            .leader_fd = i > 0 ? cpu->meters[0].fd : -1,
            .is_leader = i == 0,
        };
        rc = effective_open_meter(effective, names[i], &cpu->meters[i], err);
    }
    return rc == JB_OK ? jb_perf_meter_read_group(&cpu->meters[0], cpu->last,
                                                  EFFECTIVE_MEMBERS)
                       : rc;
}

static int effective_allocate(struct jb_effective *effective,
                              const struct jb_topology *topology,
                              struct jb_error *err)
{
    effective->cpus = calloc(topology->cpu_count, sizeof(*effective->cpus));
    effective->packages =
        calloc(topology->package_count, sizeof(*effective->packages));
    if (!effective->cpus || !effective->packages)
        return jb_fail(err, JB_ENOMEM, "counters of %zu CPUs",
                       topology->cpu_count);
    for (size_t i = 0; i < topology->cpu_count; i++) {
        effective->cpus[i].package = topology->cpus[i].package;
        for (int k = 0; k < EFFECTIVE_MEMBERS; k++)
            effective->cpus[i].meters[k].fd = -1;
    }
    effective->cpu_count = topology->cpu_count;
    for (size_t i = 0; i < topology->package_count; i++)
        effective->packages[i].package = topology->packages[i].package;
    effective->package_count = topology->package_count;
    return JB_OK;
}

static int effective_begin(struct jb_effective *effective,
                           const struct effective_events *events,
                           const struct jb_topology *topology,
                           struct jb_error *err)
{
    uint64_t tsc = 0;
    int rc = effective_allocate(effective, topology, err);

    if (rc < 0)
        return rc;
    effective->tsc = (struct jb_perf_meter){ .fd = -1,
                                             .type = events->type,
                                             .cpu = topology->cpus[0].cpu,
                                             .config = events->tsc,
                                             .leader_fd = -1 };
    rc = effective_open_meter(effective, "tsc", &effective->tsc, err);
    for (size_t i = 0; rc == JB_OK && i < effective->cpu_count; i++)
        rc = effective_open_cpu(effective, events, topology->cpus[i].cpu,
                                &effective->cpus[i], err);
    if (rc == JB_OK)
        rc = jb_perf_meter_read(&effective->tsc, &tsc);
    for (size_t i = 0; rc == JB_OK && i < effective->package_count; i++) {
        effective->packages[i].last_tsc = tsc;
        effective->packages[i].last_ns = jb_clock_now_ns(effective->env->clock);
    }
    return rc;
}

int jb_effective_open(const struct jb_env *env,
                      const struct jb_topology *topology,
                      struct jb_effective **out, struct jb_error *err)
{
    struct effective_events events;
    struct jb_effective *effective;
    int rc = effective_find_events(env, &events, err);

    if (rc == JB_OK)
        rc = effective_check_limit(topology->cpu_count, err);
    if (rc < 0)
        return rc;
    effective = calloc(1, sizeof(*effective));
    if (!effective)
        return jb_fail(err, JB_ENOMEM, "counters of frequency");
    effective->env = env;
    effective->tsc.fd = -1;
    rc = effective_begin(effective, &events, topology, err);
    if (rc < 0) {
        jb_effective_close(effective);
        return rc;
    }
    *out = effective;
    return JB_OK;
}

void jb_effective_close(struct jb_effective *effective)
{
    if (!effective)
        return;
    for (size_t i = 0; i < effective->cpu_count; i++)
        for (int k = EFFECTIVE_MEMBERS - 1; k >= 0; k--)
            jb_perf_meter_close(&effective->cpus[i].meters[k]);
    jb_perf_meter_close(&effective->tsc);
    free(effective->cpus);
    free(effective->packages);
    free(effective);
}

/* Adds what one CPU's counters did since they were last read; one that went
 * offline did nothing, and begins anew when it is back. */
static bool effective_add_cpu(struct effective_cpu *cpu,
                              uint64_t sums[EFFECTIVE_MEMBERS])
{
    uint64_t now[EFFECTIVE_MEMBERS];

    if (jb_perf_meter_read_group(&cpu->meters[0], now, EFFECTIVE_MEMBERS) < 0)
        return false;
    for (int i = 0; i < EFFECTIVE_MEMBERS; i++) {
        sums[i] += now[i] > cpu->last[i] ? now[i] - cpu->last[i] : 0;
        cpu->last[i] = now[i];
    }
    return true;
}

static struct effective_package *
effective_package(const struct jb_effective *effective, uint16_t package)
{
    for (size_t i = 0; i < effective->package_count; i++)
        if (effective->packages[i].package == package)
            return &effective->packages[i];
    return NULL;
}

int jb_effective_read(struct jb_effective *effective, uint16_t package,
                      uint64_t *hz)
{
    struct effective_package *of = effective_package(effective, package);
    uint64_t sums[EFFECTIVE_MEMBERS] = { 0 };
    uint64_t now_ns;
    uint64_t tsc;
    uint64_t found;
    bool any = false;
    int rc;

    if (!of)
        return JB_EABSENT;
    for (size_t i = 0; i < effective->cpu_count; i++)
        if (effective->cpus[i].package == package)
            any |= effective_add_cpu(&effective->cpus[i], sums);
    rc = any ? jb_perf_meter_read(&effective->tsc, &tsc) : JB_EABSENT;
    if (rc < 0)
        return rc;
    now_ns = jb_clock_now_ns(effective->env->clock);
    found = jb_effective_hz(sums[EFFECTIVE_APERF], sums[EFFECTIVE_MPERF],
                            tsc - of->last_tsc, now_ns - of->last_ns);
    of->last_tsc = tsc;
    of->last_ns = now_ns;
    if (found == 0 || found > EFFECTIVE_HZ_MAX)
        return JB_EIMPLAUSIBLE;
    *hz = found;
    return JB_OK;
}
