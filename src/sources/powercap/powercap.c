/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAPL through the kernel's powercap tree.
 *
 * Why powercap and not MSRs: it needs no capability beyond read permission on
 * energy_uj, the kernel knows each model's energy unit, and the same files
 * serve Intel (MSR, TPMI, MMIO) and AMD.  Zones are found by what they say, not
 * by their number: intel-rapl:0 may be package-1, and psys a top-level zone.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "core/cpuinfo.h"
#include "core/domain.h"
#include "joulebook/plugin/source.h"
#include "wire/wire.h"
#include "zone.h"

enum {
    POWERCAP_MAX_ZONES = 1024,
    POWERCAP_MAX_DEPTH = 4,
    POWERCAP_RANK_RESTORED = 20, /* hardware counts: better than perf's sums */
    POWERCAP_RANK_SCALED = 5,    /* microjoules of unknown origin: worse */
};

/* RAPL updates its counters about every millisecond (SDM vol. 3B, 15.10), so
 * that a reading is half of that old, give or take as much. */
static const uint64_t powercap_update_ns = JB_NS_PER_MS;
static const uint64_t powercap_lag_ns = JB_NS_PER_MS / 2;
static const uint64_t powercap_retry_ns = JB_NS_PER_S;

struct powercap_zone {
    char directory[JB_PATH_MAX];
    struct jb_zone_place place;
    int fd;               /* energy_uj, or -1 */
    uint32_t generation;  /* raised when a lost zone came back */
    uint64_t retry_at_ns; /* a lost zone is looked for again */
};

struct jb_source {
    const struct jb_clock *clock;
    struct jb_sensor *sensors;
    struct powercap_zone *zones; /* zones[i] is behind sensors[i] */
    size_t count;
    bool amd;
    char denied_fix[JB_ERROR_FIX_MAX];
};

static void powercap_close(struct jb_source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->count; i++)
        if (source->zones[i].fd >= 0)
            close(source->zones[i].fd);
    free(source->zones);
    free(source->sensors);
    free(source);
}

static void powercap_auto_close(struct jb_source **slot)
{
    powercap_close(*slot);
}

static bool powercap_knows(const struct jb_source *source, const char *name)
{
    for (size_t i = 0; i < source->count; i++)
        if (strcmp(source->sensors[i].name, name) == 0)
            return true;
    return false;
}

static int powercap_append(struct jb_source *source, const char *directory,
                           const char *name, struct jb_error *err)
{
    size_t count = source->count + 1;
    size_t length = strlen(name);
    struct jb_sensor *sensors;
    struct powercap_zone *zones;

    if (count > POWERCAP_MAX_ZONES || length >= JB_NAME_MAX)
        return jb_fail(err, JB_ELIMIT, "more than %d powercap zones",
                       POWERCAP_MAX_ZONES);
    sensors = reallocarray(source->sensors, count, sizeof(*sensors));
    if (!sensors)
        return jb_fail(err, JB_ENOMEM, "powercap zone %s", name);
    source->sensors = sensors;
    zones = reallocarray(source->zones, count, sizeof(*zones));
    if (!zones)
        return jb_fail(err, JB_ENOMEM, "powercap zone %s", name);
    source->zones = zones;

    sensors[count - 1] = (struct jb_sensor){ .domain.die = JB_NO_DIE };
    zones[count - 1] = (struct powercap_zone){ .fd = -1 };
    memcpy(sensors[count - 1].name, name, length + 1);
    snprintf(zones[count - 1].directory, JB_PATH_MAX, "%s", directory);
    source->count = count;
    return JB_OK;
}

static int powercap_scan(struct jb_source *source, const char *directory,
                         unsigned depth, struct jb_error *err)
{
    JB_AUTO_CLOSEDIR DIR *dir = opendir(directory);
    struct dirent *entry;

    if (!dir)
        return jb_fail_errno(err, errno, "%s", directory);
    while ((entry = readdir(dir))) {
        bool zone = jb_zone_is_zone(entry->d_name) &&
                    strlen(entry->d_name) < JB_NAME_MAX;
        char path[JB_PATH_MAX];
        int rc;

        if (!zone && !jb_zone_is_control_type(entry->d_name))
            continue;
        rc = jb_path(path, err, "%s/%s", directory, entry->d_name);
        if (rc == JB_OK && zone && !powercap_knows(source, entry->d_name))
            rc = powercap_append(source, path, entry->d_name, err);
        if (rc == JB_OK && depth > 1)
            rc = powercap_scan(source, path, depth - 1, err);
        if (rc == JB_ENOMEM || rc == JB_ELIMIT)
            return rc;
    }
    return JB_OK;
}

static bool powercap_has_parts(const struct jb_source *source)
{
    for (size_t i = 0; i < source->count; i++)
        if (jb_zone_depth(source->sensors[i].name) > 1)
            return true;
    return false;
}

/* The class directory lists every zone flat, and each zone's own directory
 * holds its parts once more.  Copies of a tree may have the second only, so
 * where the list shows no part they are looked for inside the zones. */
static int powercap_scan_class(struct jb_source *source, const char *directory,
                               struct jb_error *err)
{
    int rc = powercap_scan(source, directory, 1, err);

    if (rc == JB_OK && !powercap_has_parts(source))
        rc = powercap_scan(source, directory, POWERCAP_MAX_DEPTH, err);
    return rc;
}

/* Parents before children and zones by number, whatever order readdir() has:
 * shorter ids are smaller hexadecimal numbers. */
static int powercap_compare(const char *a, const char *b)
{
    bool mirror = jb_zone_is_mirror(a);

    if (mirror != jb_zone_is_mirror(b))
        return mirror ? 1 : -1;
    while (*a && *a == *b) {
        a++;
        b++;
    }
    if (*a && *b && strcspn(a, ":") != strcspn(b, ":"))
        return strcspn(a, ":") < strcspn(b, ":") ? -1 : 1;
    return (unsigned char)*a - (unsigned char)*b;
}

/* Both arrays are sorted alike; zones are few, so by insertion. */
static void powercap_sort(struct jb_source *source)
{
    for (size_t i = 1; i < source->count; i++) {
        struct jb_sensor sensor = source->sensors[i];
        struct powercap_zone zone = source->zones[i];
        size_t at = i;

        for (; at > 0 &&
               powercap_compare(source->sensors[at - 1].name, sensor.name) > 0;
             at--) {
            source->sensors[at] = source->sensors[at - 1];
            source->zones[at] = source->zones[at - 1];
        }
        source->sensors[at] = sensor;
        source->zones[at] = zone;
    }
}

static const struct jb_zone_place *
powercap_parent(const struct jb_source *source, const char *name)
{
    const char *last = strrchr(name, ':');
    size_t length = (size_t)(last - name);

    for (size_t i = 0; i < source->count; i++)
        if (strncmp(source->sensors[i].name, name, length) == 0 &&
            source->sensors[i].name[length] == '\0')
            return &source->zones[i].place;
    return NULL;
}

static void powercap_give_up(struct jb_sensor *sensor,
                             const struct jb_error *err)
{
    sensor->state = err->status;
    snprintf(sensor->reason, sizeof(sensor->reason), "%s", err->text);
    snprintf(sensor->fix, sizeof(sensor->fix), "%s", err->fix);
}

/* Several zones called psys: one per package on some servers. */
static void powercap_number_psys(struct jb_source *source, size_t i)
{
    uint16_t before = 0;

    if (source->sensors[i].domain.kind != JB_DOMAIN_PSYS)
        return;
    for (size_t k = 0; k < i; k++)
        before += source->sensors[k].domain.kind == JB_DOMAIN_PSYS &&
                  !(source->sensors[k].flags & JB_SENSOR_MIRROR);
    if (!(source->sensors[i].flags & JB_SENSOR_MIRROR))
        source->sensors[i].domain.index = before;
}

static int powercap_read_place(struct jb_source *source, size_t i,
                               struct jb_error *err)
{
    struct powercap_zone *zone = &source->zones[i];
    struct jb_sensor *sensor = &source->sensors[i];
    const struct jb_zone_place *parent = powercap_parent(source, sensor->name);
    char path[JB_PATH_MAX];
    char name[JB_NAME_MAX];
    int rc = jb_path(path, err, "%s/name", zone->directory);

    if (rc == JB_OK)
        rc = jb_file_read(path, name, sizeof(name), NULL, err);
    if (rc == JB_OK)
        rc = jb_zone_domain(name, parent, &sensor->domain, err);
    if (rc < 0)
        return rc;
    powercap_number_psys(source, i);
    jb_zone_power_bound(zone->directory, parent, sensor);
    if (sensor->domain.kind == JB_DOMAIN_PACKAGE)
        zone->place = (struct jb_zone_place){ .known = true,
                                              .package = sensor->domain.index,
                                              .die = sensor->domain.die,
                                              .pmax_uw = sensor->pmax_uw,
                                              .pmax_from = sensor->pmax_from };
    /* On AMD the "core" zone reads MSR_AMD_CORE_ENERGY_STATUS of one core of
     * the package (intel_rapl_msr): true, but not what its name says. */
    if (source->amd && sensor->domain.kind == JB_DOMAIN_CORE) {
        sensor->domain = (struct jb_domain){ .die = JB_NO_DIE };
        return jb_fail(err, JB_EIMPLAUSIBLE,
                       "on AMD this zone counts one core, not the package's");
    }
    return JB_OK;
}

/* False when it does not fit: half a command is none. */
static bool powercap_set_fix(struct jb_source *source, const char *sysfs,
                             const char *why, const char *broker,
                             const char *served)
{
    int length = snprintf(source->denied_fix, sizeof(source->denied_fix),
                          "sudo chmod a+r %s/class/powercap/*/energy_uj%s%s%s",
                          sysfs, why, broker, served);

    return length >= 0 && (size_t)length < sizeof(source->denied_fix);
}

/* For all and for good, or through a broker, at a rate that it bounds; which
 * has nothing to do where counters stand still, in a recording. */
static void powercap_word_fix(struct jb_source *source,
                              const struct jb_env *env)
{
    static const char why[] = " (root only since CVE-2020-8694)";
    const char *sysfs = env->roots->sysfs;
    char lab[JB_PATH_MAX];

    if (env->live) {
        (void)powercap_set_fix(source, sysfs, why,
                               ", or sudo systemctl start joulebook-broker",
                               " (by hand: sudo "
                               "joulebook broker &)");
        return;
    }
    if (strcmp(env->roots->procfs, "/proc") == 0 &&
        jb_path(lab, NULL, ", or sudo joulebook broker --sysfs %s", sysfs) ==
            JB_OK &&
        powercap_set_fix(source, sysfs, "", lab,
                         " & export JOULEBOOK_BROKER=" JB_WIRE_SOCKET))
        return;
    if (!powercap_set_fix(source, sysfs, why, "", ", or run as root"))
        snprintf(source->denied_fix, sizeof(source->denied_fix), "run as root");
}

static int powercap_open_energy(struct jb_source *source,
                                struct powercap_zone *zone,
                                struct jb_error *err)
{
    char path[JB_PATH_MAX];
    int rc = jb_path(path, err, "%s/energy_uj", zone->directory);

    if (rc == JB_OK)
        rc = jb_file_open(path, &zone->fd, err);
    if (rc == JB_EDENIED)
        jb_error_set_fix(err, "%s", source->denied_fix);
    return rc;
}

static int powercap_read_counter(struct jb_source *source,
                                 struct powercap_zone *zone,
                                 struct jb_sensor *sensor, struct jb_error *err)
{
    char path[JB_PATH_MAX];
    uint64_t range_uj = 0;
    uint64_t reading_uj = 0;
    int rc = powercap_open_energy(source, zone, err);

    if (rc == JB_OK)
        rc = jb_path(path, err, "%s/max_energy_range_uj", zone->directory);
    if (rc == JB_OK)
        rc = jb_file_read_u64(path, &range_uj, err);
    if (rc < 0)
        return rc;
    if (range_uj == 0 || range_uj == UINT64_MAX)
        return jb_fail(err, JB_EIMPLAUSIBLE, "%s is not a range", path);
    rc = jb_file_pread_u64(zone->fd, &reading_uj);
    if (rc < 0)
        return jb_fail(err, rc, "%s/energy_uj: %s", zone->directory,
                       jb_status_name(rc));
    sensor->unit = jb_zone_unit(range_uj, reading_uj, &sensor->gain_ppm);
    return JB_OK;
}

static void powercap_describe(struct jb_source *source, size_t i)
{
    struct powercap_zone *zone = &source->zones[i];
    struct jb_sensor *sensor = &source->sensors[i];
    struct jb_error err = { 0 };

    sensor->kind = JB_KIND_COUNTER;
    sensor->provenance = JB_MEASURED;
    sensor->unit = (struct jb_unit){ JB_QUANTITY_ENERGY, 1, 1, 1, 1, 0 };
    sensor->quantum = 1;
    sensor->update_ns = powercap_update_ns;
    sensor->lag_ns = powercap_lag_ns;
    sensor->lag_unc_ns = powercap_lag_ns;
    if (jb_zone_is_mirror(sensor->name))
        sensor->flags |= JB_SENSOR_MIRROR;
    if (powercap_read_place(source, i, &err) < 0 ||
        powercap_read_counter(source, zone, sensor, &err) < 0) {
        powercap_give_up(sensor, &err);
        return;
    }
    if (jb_domain_may_rest(sensor->domain.kind))
        sensor->flags |= JB_SENSOR_MAY_REST;
    sensor->rank = sensor->unit.read_num == 1 && sensor->unit.read_den == 1
                       ? POWERCAP_RANK_SCALED
                       : POWERCAP_RANK_RESTORED;
}

/* Why a machine has no RAPL zones, and what to do about it. */
static int powercap_absent(const struct jb_env *env, struct jb_error *err)
{
    struct jb_cpuinfo cpu = { 0 };
    int known = jb_cpuinfo_read(env->roots->procfs, &cpu, NULL);

    jb_fail(err, JB_EABSENT, "no RAPL zone in %s/class/powercap%s",
            env->roots->sysfs,
            known == JB_OK && cpu.hypervisor
                ? ": a virtual machine, whose host keeps the meters"
                : "");
    if (known == JB_OK && !cpu.hypervisor)
        jb_error_set_fix(err, "sudo modprobe intel_rapl_msr");
    return JB_EABSENT;
}

static bool powercap_all_hidden(const struct jb_source *source)
{
    for (size_t i = 0; i < source->count; i++)
        if (access(source->zones[i].directory, F_OK) == 0)
            return false;
    return true;
}

static int powercap_find(const struct jb_env *env, struct jb_source *source,
                         struct jb_error *err)
{
    char path[JB_PATH_MAX];
    int rc = jb_path(path, err, "%s/class/powercap", env->roots->sysfs);

    if (rc == JB_OK)
        rc = powercap_scan_class(source, path, err);
    if (rc == JB_EABSENT || (rc == JB_OK && source->count == 0))
        return powercap_absent(env, err);
    if (rc < 0)
        return rc;
    if (powercap_all_hidden(source)) {
        jb_fail(err, JB_EDENIED,
                "zones are listed but hidden: container runtimes mask %s",
                "/sys/devices/virtual/powercap");
        jb_error_set_fix(err, "start the container with -v /sys/devices/virtual"
                              "/powercap:/sys/devices/virtual/powercap:ro");
        return JB_EDENIED;
    }
    return JB_OK;
}

static int powercap_open(const struct jb_env *env, const void *options,
                         struct jb_source **out, struct jb_error *err)
{
    __attribute__((cleanup(powercap_auto_close))) struct jb_source *source =
        calloc(1, sizeof(*source));
    struct jb_cpuinfo cpu;
    int rc;

    (void)options;
    if (!source)
        return jb_fail(err, JB_ENOMEM, "powercap");
    source->clock = env->clock;
    powercap_word_fix(source, env);
    source->amd = jb_cpuinfo_read(env->roots->procfs, &cpu, NULL) == JB_OK &&
                  jb_cpuinfo_is_amd(&cpu);
    rc = powercap_find(env, source, err);
    if (rc < 0)
        return rc;
    powercap_sort(source);
    for (size_t i = 0; i < source->count; i++)
        powercap_describe(source, i);
    *out = jb_steal(source);
    return JB_OK;
}

static const struct jb_sensor *powercap_sensors(const struct jb_source *source,
                                                size_t *count)
{
    *count = source->count;
    return source->sensors;
}

/* A descriptor of a zone that was unplugged stays dead when the zone returns,
 * and its counter may then start anew: hence the generation. */
static int powercap_reopen(struct jb_source *source, struct powercap_zone *zone,
                           uint64_t now_ns)
{
    int rc;

    if (now_ns < zone->retry_at_ns)
        return JB_EABSENT;
    zone->retry_at_ns = now_ns + powercap_retry_ns;
    if (zone->fd >= 0)
        close(zone->fd);
    zone->fd = -1;
    rc = powercap_open_energy(source, zone, NULL);
    if (rc == JB_OK)
        zone->generation++;
    return rc;
}

static int powercap_read(struct jb_source *source, struct powercap_zone *zone,
                         uint64_t now_ns, uint64_t *raw)
{
    int rc = zone->fd >= 0 ? jb_file_pread_u64(zone->fd, raw) : JB_EABSENT;

    if (rc != JB_EABSENT)
        return rc;
    rc = powercap_reopen(source, zone, now_ns);
    return rc == JB_OK ? jb_file_pread_u64(zone->fd, raw) : rc;
}

static void powercap_sample(struct jb_source *source, const uint32_t *which,
                            size_t count, struct jb_sample *out)
{
    uint64_t before_ns = jb_clock_now_ns(source->clock);
    uint64_t after_ns;

    for (size_t i = 0; i < count; i++) {
        struct powercap_zone *zone = &source->zones[which[i]];
        uint64_t raw = 0;
        int rc = source->sensors[which[i]].state;

        if (rc == JB_OK)
            rc = powercap_read(source, zone, before_ns, &raw);
        after_ns = jb_clock_now_ns(source->clock);
        out[i] = (struct jb_sample){ .sensor = which[i],
                                     .generation = zone->generation,
                                     .raw = raw,
                                     .t0_ns = before_ns,
                                     .t1_ns = after_ns,
                                     .state = rc };
        before_ns = after_ns;
    }
}

const struct jb_source_desc jb_source_powercap = {
    .name = "powercap",
    .summary = "CPU package, core, DRAM and platform energy (RAPL, powercap)",
    .quantities = 1 << JB_QUANTITY_ENERGY,
    .open = powercap_open,
    .sensors = powercap_sensors,
    .sample = powercap_sample,
    .close = powercap_close,
};
