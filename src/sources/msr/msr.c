/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAPL's own registers, through the kernel's /dev/cpu/N/msr.
 *
 * Why beside powercap: the registers' unit is known without the kernel's
 * truncation, and is right where powercap's is not (server DRAM counts 2^-16 J
 * and is printed as 15.3 uJ, 0.27 % too much).  Why ranked below it elsewhere:
 * powercap's restored counts are the same counts, need no CAP_SYS_RAWIO, and
 * come from the driver that knows the model.  Above perf, whose kernel-side
 * sums can run backwards.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "base/text.h"
#include "core/domain.h"
#include "core/topology.h"
#include "joulebook/plugin/source.h"
#include "model.h"

enum {
    MSR_RANK = 15,
    MSR_CPUS_MAX = 8192,
    MSR_CANDIDATES = 4,
    MSR_TEXT_MAX = 128,
    MSR_LIST_MAX = 1024,
    MSR_CPU_NUMBER_MAX = 65535,
};

/* As for powercap: SDM vol. 3B, 15.10, about every millisecond. */
static const uint64_t msr_update_ns = JB_NS_PER_MS;
static const uint64_t msr_lag_ns = JB_NS_PER_MS / 2;
static const uint64_t msr_retry_ns = JB_NS_PER_S;

struct msr_bound {
    uint64_t uw;
    enum jb_bound_origin from;
};

/* One set of registers, and the CPUs that they can be read on: the first few
 * of a package or die, since any of them may be taken offline. */
struct msr_port {
    uint32_t cpus[MSR_CANDIDATES];
    unsigned cpu_count, at; /* cpus[at] is open */
    int fd;
    int state;           /* JB_OK, or what opening it came to */
    uint32_t generation; /* raised when lost registers came back */
    uint64_t retry_at_ns;
    uint64_t unit_register;
    struct msr_bound bound; /* of the package */
    uint16_t package;
    int16_t die;
};

struct msr_meter {
    uint32_t port;
    uint32_t reg;
};

struct jb_source {
    const struct jb_env *env;
    const struct jb_msr_profile *profile;
    struct jb_cpuinfo cpuinfo;
    struct msr_port *ports; /* of packages and dies; then of single cores */
    struct jb_sensor *sensors;
    struct msr_meter *meters; /* meters[i] is behind sensors[i] */
    size_t port_count, count;
};

static void msr_close(struct jb_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->port_count; i++)
        if (source->ports[i].fd >= 0)
            close(source->ports[i].fd);
    free(source->ports);
    free(source->sensors);
    free(source->meters);
    free(source);
}

static void msr_auto_close(struct jb_source **slot)
{
    msr_close(*slot);
}

/* The driver takes the register's number for the offset (msr(4)), and answers
 * EIO for one that the CPU does not have. */
static int msr_read(const struct msr_port *port, uint32_t reg, uint64_t *value)
{
    uint64_t found;
    ssize_t got;

    do {
        got = pread(port->fd, &found, sizeof(found), (off_t)reg);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return jb_fail_errno(NULL, errno, "rdmsr");
    if (got == 0)
        return JB_EIO; /* a recording that ends before it has none either */
    if (got != (ssize_t)sizeof(found))
        return JB_EFORMAT;
    *value = found;
    return JB_OK;
}

/* Opens the first candidate from cpus[at] on that can be. */
static int msr_open_port(const struct jb_env *env, struct msr_port *port,
                         struct jb_error *err)
{
    int rc = JB_EABSENT;

    for (unsigned i = 0; i < port->cpu_count && rc == JB_EABSENT; i++) {
        unsigned at = (port->at + i) % port->cpu_count;
        char path[JB_PATH_MAX];

        rc = jb_path(path, err, "%s/cpu/%u/msr", env->roots->devfs,
                     port->cpus[at]);
        if (rc == JB_OK)
            rc = jb_file_open(path, &port->fd, err);
        if (rc == JB_OK)
            port->at = at;
    }
    port->state = rc;
    return rc;
}

/* Why the whole source cannot be read */

/* What the kernel's lockdown says, as "; kernel lockdown: integrity". */
static void msr_lockdown(const struct jb_env *env, char out[MSR_TEXT_MAX])
{
    char path[JB_PATH_MAX];
    char text[MSR_TEXT_MAX];
    const char *from;
    size_t length;

    out[0] = '\0';
    if (jb_path(path, NULL, "%s/kernel/security/lockdown", env->roots->sysfs) ||
        jb_file_read(path, text, sizeof(text), NULL, NULL))
        return;
    from = strchr(text, '[');
    length = from ? strcspn(from + 1, "]") : 0;
    if (length == 0 || strncmp(from + 1, "none", length) == 0)
        return;
    snprintf(out, MSR_TEXT_MAX, "; kernel lockdown: %.*s",
             (int)(length < 32 ? length : 32), from + 1);
}

static int msr_denied(const struct jb_env *env, const char *what,
                      struct jb_error *err)
{
    char lockdown[MSR_TEXT_MAX];

    /* The fix is the broker and not a capability of this program, which reads
     * whatever tree its user names: with one it would read any file for him. */
    msr_lockdown(env, lockdown);
    jb_fail(err, JB_EDENIED, "%.100s; it needs root or CAP_SYS_RAWIO%s%s", what,
            lockdown, lockdown[0] ? ": powercap may still be readable" : "");
    if (!lockdown[0] && env->live)
        jb_error_set_fix(err, "sudo systemctl start joulebook-broker");
    return JB_EDENIED;
}

static int msr_absent(const struct jb_source *source, struct jb_error *err)
{
    jb_fail(err, JB_EABSENT, "there is no %s/cpu/%u/msr%s",
            source->env->roots->devfs, source->ports[0].cpus[0],
            source->cpuinfo.hypervisor
                ? ": a virtual machine, whose host keeps the meters"
                : ": the msr driver is not loaded");
    if (!source->cpuinfo.hypervisor)
        jb_error_set_fix(err, "sudo modprobe msr");
    return JB_EABSENT;
}

static int msr_no_rapl(const struct jb_source *source, int status,
                       struct jb_error *err)
{
    return jb_fail(err, status == JB_EIO ? JB_EABSENT : status,
                   "rdmsr of 0x%x on cpu%u: %s%s",
                   source->profile->unit_register, source->ports[0].cpus[0],
                   status == JB_EIO ? "no such register"
                                    : jb_status_name(status),
                   source->cpuinfo.hypervisor
                       ? "; the hypervisor hides RAPL: measure on the host"
                       : "");
}

static int msr_unknown(const struct jb_cpuinfo *cpu, struct jb_error *err)
{
    bool x86 =
        strcmp(cpu->vendor, "GenuineIntel") == 0 || jb_cpuinfo_is_amd(cpu);

    if (!x86)
        return jb_fail(err, JB_EABSENT,
                       "only Intel's and AMD's CPUs have RAPL registers");
    jb_fail(err, JB_EABSENT,
            "%s family %u model 0x%x is not in the table of RAPL units, and a "
            "guessed unit is a wrong figure",
            cpu->vendor, cpu->family, cpu->model);
    jb_error_set_fix(err, "joulebook list --sources powercap,perf (the kernel "
                          "may know it)");
    return JB_EABSENT;
}

/* Finding registers */

static int msr_add_port(struct jb_source *source,
                        const struct jb_topology_cpu *cpu, struct jb_error *err)
{
    struct msr_port *ports;

    if (source->port_count == MSR_CPUS_MAX)
        return jb_fail(err, JB_ELIMIT, "registers of more than %d CPUs",
                       MSR_CPUS_MAX);
    ports = reallocarray(source->ports, source->port_count + 1, sizeof(*ports));
    if (!ports)
        return jb_fail(err, JB_ENOMEM, "registers of %zu CPUs",
                       source->port_count + 1);
    source->ports = ports;
    ports[source->port_count++] = (struct msr_port){
        .cpus = { cpu->cpu },
        .cpu_count = 1,
        .fd = -1,
        .state = JB_EABSENT,
        .package = cpu->package,
        .bound = { jb_domain_guessed_pmax_uw(JB_DOMAIN_PACKAGE),
                   JB_BOUND_GUESSED },
        .die = cpu->die
    };
    return JB_OK;
}

/* On Intel a register counts its die, on AMD the package. */
static struct msr_port *msr_find_port(const struct jb_source *source,
                                      const struct jb_topology_cpu *cpu)
{
    for (size_t i = 0; i < source->port_count; i++) {
        struct msr_port *port = &source->ports[i];

        if (port->package == cpu->package &&
            (!source->profile->die_counts || port->die == cpu->die))
            return port;
    }
    return NULL;
}

static int msr_find_packages(struct jb_source *source,
                             const struct jb_topology *topology,
                             struct jb_error *err)
{
    int rc = JB_OK;

    for (size_t i = 0; rc == JB_OK && i < topology->cpu_count; i++) {
        const struct jb_topology_cpu *cpu = &topology->cpus[i];
        struct msr_port *port = msr_find_port(source, cpu);

        if (!port)
            rc = msr_add_port(source, cpu, err);
        else if (port->cpu_count < MSR_CANDIDATES)
            port->cpus[port->cpu_count++] = cpu->cpu;
    }
    return rc;
}

static int msr_compare_ports(const void *left, const void *right)
{
    const struct msr_port *a = left;
    const struct msr_port *b = right;

    if (a->package != b->package)
        return a->package < b->package ? -1 : 1;
    return (a->die > b->die) - (a->die < b->die);
}

static bool msr_take_first(uint32_t cpu, void *context)
{
    *(uint32_t *)context = cpu;
    return false;
}

/* Of the threads of a core one speaks for it: the lowest. */
static bool msr_speaks_for_core(const struct jb_source *source, uint32_t cpu)
{
    char path[JB_PATH_MAX];
    char list[MSR_LIST_MAX];
    uint32_t first = cpu;
    size_t length;

    if (jb_path(path, NULL,
                "%s/devices/system/cpu/cpu%u/topology/thread_siblings_list",
                source->env->roots->sysfs, cpu) ||
        jb_file_read(path, list, sizeof(list), &length, NULL))
        return true;
    (void)!jb_text_each_cpu(list, length, MSR_CPU_NUMBER_MAX, msr_take_first,
                            &first);
    return first == cpu;
}

static int msr_find_cores(struct jb_source *source,
                          const struct jb_topology *topology,
                          struct jb_error *err)
{
    int rc = JB_OK;

    if (source->profile->core_register == 0)
        return JB_OK;
    for (size_t i = 0; rc == JB_OK && i < topology->cpu_count; i++)
        if (msr_speaks_for_core(source, topology->cpus[i].cpu))
            rc = msr_add_port(source, &topology->cpus[i], err);
    return rc;
}

/* What a domain can draw for a while, from its own TDP; else a guess. */
static struct msr_bound msr_read_bound(const struct jb_msr_profile *profile,
                                       const struct msr_port *port,
                                       enum jb_domain_kind kind)
{
    struct msr_bound bound = { jb_domain_guessed_pmax_uw(kind),
                               JB_BOUND_GUESSED };
    uint32_t reg = jb_msr_info_of(profile, kind);
    uint64_t info = 0;
    uint64_t tdp_uw;

    if (reg == 0 || msr_read(port, reg, &info) < 0)
        return bound;
    tdp_uw =
        jb_msr_tdp_uw(profile, port->unit_register, info) * profile->headroom;
    if (tdp_uw > 0 && tdp_uw <= bound.uw)
        bound = (struct msr_bound){ tdp_uw, JB_BOUND_TDP };
    return bound;
}

/* Reads what all meters of a port need: its unit and its package's bound. */
static int msr_read_facts(const struct jb_msr_profile *profile,
                          struct msr_port *port)
{
    int rc = msr_read(port, profile->unit_register, &port->unit_register);

    if (rc == JB_OK)
        port->bound = msr_read_bound(profile, port, JB_DOMAIN_PACKAGE);
    return rc;
}

/* JB_OK when the registers of at least one port can be read. */
static int msr_open_ports(struct jb_source *source, struct jb_error *err)
{
    struct jb_error why = { 0 };
    bool any_open = false;
    bool any = false;

    for (size_t i = 0; i < source->port_count; i++) {
        struct msr_port *port = &source->ports[i];
        struct jb_error now;

        if (msr_open_port(source->env, port, &now) < 0) {
            if (why.status == JB_OK || now.status == JB_EDENIED)
                why = now;
            continue;
        }
        any_open = true;
        port->state = msr_read_facts(source->profile, port);
        any |= port->state == JB_OK;
    }
    if (any)
        return JB_OK;
    if (any_open)
        return msr_no_rapl(source, source->ports[0].state, err);
    if (why.status == JB_EABSENT)
        return msr_absent(source, err);
    if (why.status == JB_EDENIED)
        return msr_denied(source->env, why.text, err);
    return jb_fail(err, why.status, "%s", why.text);
}

/* Sensors */

static int msr_grow(struct jb_source *source, struct jb_error *err)
{
    struct jb_sensor *sensors =
        reallocarray(source->sensors, source->count + 1, sizeof(*sensors));
    struct msr_meter *meters;

    if (sensors)
        source->sensors = sensors;
    meters = reallocarray(source->meters, source->count + 1, sizeof(*meters));
    if (meters)
        source->meters = meters;
    if (!sensors || !meters)
        return jb_fail(err, JB_ENOMEM, "no memory for %zu registers",
                       source->count + 1);
    return JB_OK;
}

/* A core is below its package, and what is in a package is too. */
static void msr_set_bound(const struct jb_source *source,
                          const struct msr_port *port, struct jb_sensor *sensor)
{
    enum jb_domain_kind kind = sensor->domain.kind;
    struct msr_bound bound = { jb_domain_guessed_pmax_uw(kind),
                               JB_BOUND_GUESSED };

    if (kind == JB_DOMAIN_DRAM && port->state == JB_OK)
        bound = msr_read_bound(source->profile, port, kind);
    else if (kind != JB_DOMAIN_DRAM && kind != JB_DOMAIN_PSYS)
        bound = port->bound;
    sensor->pmax_uw = bound.uw;
    sensor->pmax_from = bound.from;
}

/* A part whose register is missing is a part that this CPU has not: rapl.c
 * probes them too.  It says so, and is no domain that could not be read. */
static void msr_set_missing(const struct msr_port *port, uint32_t reg,
                            struct jb_sensor *sensor)
{
    sensor->state = JB_EABSENT;
    snprintf(sensor->reason, sizeof(sensor->reason),
             "rdmsr of 0x%x on cpu%u: this CPU has no such register", reg,
             port->cpus[port->at]);
    if (sensor->domain.kind != JB_DOMAIN_PACKAGE)
        sensor->domain.kind = JB_DOMAIN_NONE;
}

static void msr_set_state(const struct jb_source *source,
                          const struct msr_port *port, uint32_t reg,
                          struct jb_sensor *sensor)
{
    uint64_t value;
    int rc = port->state;

    if (rc == JB_OK)
        rc = msr_read(port, reg, &value);
    if (rc == JB_EIO) {
        msr_set_missing(port, reg, sensor);
        return;
    }
    sensor->state = rc;
    if (rc < 0)
        snprintf(sensor->reason, sizeof(sensor->reason),
                 "rdmsr of 0x%x on cpu%u: %s", reg, port->cpus[port->at],
                 jb_status_name(rc));
    if (rc < 0 || jb_msr_unit(source->profile, sensor->domain.kind,
                              port->unit_register, &sensor->unit))
        return;
    sensor->state = JB_EIMPLAUSIBLE;
    snprintf(sensor->reason, sizeof(sensor->reason),
             "the unit register 0x%x holds 0: a hypervisor that answers "
             "without a meter",
             source->profile->unit_register);
}

static int msr_add_sensor(struct jb_source *source, size_t at,
                          const struct jb_domain *domain, uint32_t reg,
                          struct jb_error *err)
{
    const struct msr_port *port = &source->ports[at];
    struct jb_sensor *sensor;
    char name[JB_DOMAIN_NAME_MAX];
    int rc = msr_grow(source, err);

    if (rc < 0)
        return rc;
    sensor = &source->sensors[source->count];
    *sensor = (struct jb_sensor){
        .domain = *domain,
        .unit = { JB_QUANTITY_ENERGY, 1, 1, 1, 1, 0 },
        .kind = JB_KIND_COUNTER,
        .provenance = JB_MEASURED,
        .update_ns = msr_update_ns,
        .lag_ns = msr_lag_ns,
        .lag_unc_ns = msr_lag_ns,
        .quantum = 1,
        .rank = MSR_RANK,
    };
    if (domain->kind == JB_DOMAIN_NONE)
        snprintf(sensor->name, sizeof(sensor->name), "core:cpu%u",
                 port->cpus[0]);
    else
        snprintf(sensor->name, sizeof(sensor->name), "%s",
                 jb_domain_name(domain, name));
    if (jb_domain_may_rest(domain->kind))
        sensor->flags |= JB_SENSOR_MAY_REST;
    msr_set_bound(source, port, sensor);
    msr_set_state(source, port, reg, sensor);
    source->meters[source->count++] =
        (struct msr_meter){ .port = (uint32_t)at, .reg = reg };
    return JB_OK;
}

/* The whole board's meter is one: packages that do not lead it read 0 (Linux
 * commit bcfd218b6679, on Sapphire Rapids). */
static bool msr_leads_psys(const struct jb_source *source, size_t at,
                           uint32_t reg)
{
    const struct msr_port *port = &source->ports[at];
    uint64_t value = 0;

    if (at > 0 && port->package == source->ports[at - 1].package)
        return false; /* another die of the same package */
    return port->state == JB_OK && msr_read(port, reg, &value) == JB_OK &&
           (uint32_t)value != 0;
}

static int msr_add_psys(struct jb_source *source, size_t packages, uint32_t reg,
                        struct jb_error *err)
{
    struct jb_domain domain = { .kind = JB_DOMAIN_PSYS, .die = JB_NO_DIE };
    int rc = JB_OK;

    for (size_t i = 0; rc == JB_OK && i < packages; i++) {
        if (!msr_leads_psys(source, i, reg))
            continue;
        rc = msr_add_sensor(source, i, &domain, reg, err);
        domain.index++;
    }
    if (rc == JB_OK && domain.index == 0)
        rc = msr_add_sensor(source, 0, &domain, reg, err);
    return rc;
}

static int msr_add_row(struct jb_source *source, size_t packages,
                       const struct jb_msr_register *row, struct jb_error *err)
{
    uint32_t reg = jb_msr_register_of(source->profile, row);
    int rc = JB_OK;

    if (reg == 0)
        return JB_OK;
    if (row->kind == JB_DOMAIN_PSYS)
        return msr_add_psys(source, packages, reg, err);
    for (size_t i = 0; rc == JB_OK && i < packages; i++) {
        const struct msr_port *port = &source->ports[i];
        struct jb_domain domain = { row->kind, port->package, JB_NO_DIE };

        if (source->profile->die_counts)
            domain.die = port->die;
        rc = msr_add_sensor(source, i, &domain, reg, err);
    }
    return rc;
}

/* AMD's cores each have a meter.  They are parts without a domain: the cores of
 * a package as one domain would be a sum over registers read one after another,
 * on every core of which a read wakes one. */
static int msr_add_sensors(struct jb_source *source, size_t packages,
                           struct jb_error *err)
{
    int rc = JB_OK;

    for (size_t i = 0; rc == JB_OK && i < JB_MSR_REGISTERS; i++)
        rc = msr_add_row(source, packages, &jb_msr_registers[i], err);
    for (size_t i = packages; rc == JB_OK && i < source->port_count; i++) {
        const struct jb_domain part = { JB_DOMAIN_NONE,
                                        source->ports[i].package, JB_NO_DIE };

        rc = msr_add_sensor(source, i, &part, source->profile->core_register,
                            err);
    }
    return rc;
}

static int msr_find(struct jb_source *source, struct jb_error *err)
{
    struct jb_topology *topology = NULL;
    size_t packages;
    int rc = jb_topology_read(source->env->roots->sysfs, &topology, err);

    if (rc == JB_OK)
        rc = msr_find_packages(source, topology, err);
    packages = source->port_count;
    if (rc == JB_OK) {
        qsort(source->ports, packages, sizeof(*source->ports),
              msr_compare_ports);
        rc = msr_find_cores(source, topology, err);
    }
    jb_topology_free(topology);
    if (rc == JB_OK)
        rc = msr_open_ports(source, err);
    return rc == JB_OK ? msr_add_sensors(source, packages, err) : rc;
}

static int msr_open(const struct jb_env *env, const void *options,
                    struct jb_source **out, struct jb_error *err)
{
    __attribute__((cleanup(msr_auto_close))) struct jb_source *source =
        calloc(1, sizeof(*source));
    int rc;

    (void)options;
    if (!source)
        return jb_fail(err, JB_ENOMEM, "registers");
    if (!env->live && strcmp(env->roots->devfs, "/dev") == 0)
        return jb_fail(err, JB_EREFUSED,
                       "/dev is this machine's, and the tree is another's "
                       "(--devfs or --root name its devices)");
    source->env = env;
    rc = jb_cpuinfo_read(env->roots->procfs, &source->cpuinfo, err);
    if (rc < 0)
        return rc;
    source->profile = jb_msr_profile_find(&source->cpuinfo);
    if (!source->profile)
        return msr_unknown(&source->cpuinfo, err);
    rc = msr_find(source, err);
    if (rc < 0)
        return rc;
    *out = jb_steal(source);
    return JB_OK;
}

static const struct jb_sensor *msr_sensors(const struct jb_source *source,
                                           size_t *count)
{
    *count = source->count;
    return source->sensors;
}

/* Reading */

/* The CPU was taken offline: another of its package will do, or the same once
 * it is back.  Who knows what happened to its counters meanwhile: hence the
 * generation. */
static int msr_reopen(const struct jb_env *env, struct msr_port *port,
                      uint64_t now_ns)
{
    int rc;

    if (now_ns < port->retry_at_ns)
        return JB_EABSENT;
    port->retry_at_ns = now_ns + msr_retry_ns;
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
    port->at = (port->at + 1) % port->cpu_count;
    rc = msr_open_port(env, port, NULL);
    if (rc == JB_OK)
        port->generation++;
    return rc;
}

static int msr_read_counter(const struct jb_env *env, struct msr_port *port,
                            uint32_t reg, uint64_t now_ns, uint64_t *value)
{
    int rc = port->fd >= 0 ? msr_read(port, reg, value) : JB_EABSENT;

    if (rc != JB_EABSENT)
        return rc;
    rc = msr_reopen(env, port, now_ns);
    return rc == JB_OK ? msr_read(port, reg, value) : rc;
}

/* Bits 63:32 are reserved: SDM 15.10.3. */
static void msr_sample(struct jb_source *source, const uint32_t *which,
                       size_t count, struct jb_sample *out)
{
    uint64_t before_ns = jb_clock_now_ns(source->env->clock);
    uint64_t after_ns;

    for (size_t i = 0; i < count; i++) {
        const struct msr_meter *meter = &source->meters[which[i]];
        struct msr_port *port = &source->ports[meter->port];
        uint64_t value = 0;
        int rc = source->sensors[which[i]].state;

        if (rc == JB_OK)
            rc = msr_read_counter(source->env, port, meter->reg, before_ns,
                                  &value);
        after_ns = jb_clock_now_ns(source->env->clock);
        out[i] = (struct jb_sample){ .sensor = which[i],
                                     .generation = port->generation,
                                     .raw = (uint32_t)value,
                                     .t0_ns = before_ns,
                                     .t1_ns = after_ns,
                                     .state = rc };
        before_ns = after_ns;
    }
}

const struct jb_source_desc jb_source_msr = {
    .name = "msr",
    .summary = "CPU energy counters read from their registers (MSR)",
    .quantities = 1 << JB_QUANTITY_ENERGY,
    .open = msr_open,
    .sensors = msr_sensors,
    .sample = msr_sample,
    .close = msr_close,
};
