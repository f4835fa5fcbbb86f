/* SPDX-License-Identifier: Apache-2.0 */
/* From PMUs, events and CPU masks to sensors, at open and after hot-plug. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "core/domain.h"
#include "core/topology.h"
#include "perf.h"

/* Two PMUs, six events, and per-core meters of 8192 cores fit. */
enum { SCAN_SENSORS_MAX = 16384, SCAN_FIRST_CAPACITY = 16, SCAN_RANK = 10 };

/* Every event that the kernel's rapl driver can offer, by its one name. */
struct scan_row {
    const char *event;
    enum jb_domain_kind kind;
};

static const struct scan_row scan_rows[] = {
    { "energy-psys", JB_DOMAIN_PSYS },
    { "energy-pkg", JB_DOMAIN_PACKAGE },
    { "energy-cores", JB_DOMAIN_CORE },
    /* The integrated GPU: RAPL's second power plane, which powercap calls
     * uncore.  One domain must have one name, so it is uncore here too. */
    { "energy-gpu", JB_DOMAIN_UNCORE },
    { "energy-ram", JB_DOMAIN_DRAM },
    /* AMD: every core on its own.  They are no domain: the package's core
     * domain is one meter, and a sum of 64 would be another. */
    { "energy-core", JB_DOMAIN_NONE },
};

static const char *const scan_pmus[] = { "power", "power_core" };

enum {
    SCAN_ROWS = sizeof(scan_rows) / sizeof(scan_rows[0]),
    SCAN_PMUS = sizeof(scan_pmus) / sizeof(scan_pmus[0]),
};

/* What one step of the scan is about. */
struct scan {
    struct jb_source *source;
    struct jb_topology *topology;
    const char *pmu_name;
    const struct scan_row *row;
    struct jb_perf_pmu pmu;
    struct jb_perf_event event;
    struct jb_error
        trouble; /* why the event is unusable; status JB_OK if not */
    uint32_t cpu;
};

static void scan_set_state(struct jb_sensor *sensor, const struct jb_error *err)
{
    sensor->state = err->status;
    snprintf(sensor->reason, sizeof(sensor->reason), "%s", err->text);
    snprintf(sensor->fix, sizeof(sensor->fix), "%s", err->fix);
}

static void scan_set_ok(struct jb_sensor *sensor)
{
    sensor->state = JB_OK;
    sensor->reason[0] = '\0';
    sensor->fix[0] = '\0';
}

static size_t scan_find(const struct jb_source *source, const char *name)
{
    size_t i = 0;

    while (i < source->count && strcmp(source->sensors[i].name, name) != 0)
        i++;
    return i;
}

static int scan_grow(struct jb_source *source, struct jb_error *err)
{
    size_t capacity =
        source->capacity ? 2 * source->capacity : SCAN_FIRST_CAPACITY;
    struct jb_sensor *sensors;
    struct jb_perf_meter *meters;

    if (source->count < source->capacity)
        return JB_OK;
    if (capacity > SCAN_SENSORS_MAX)
        return jb_fail(err, JB_ELIMIT, "more than %d perf events",
                       SCAN_SENSORS_MAX);
    sensors = realloc(source->sensors, capacity * sizeof(*sensors));
    if (sensors)
        source->sensors = sensors;
    meters = realloc(source->meters, capacity * sizeof(*meters));
    if (meters)
        source->meters = meters;
    if (!sensors || !meters)
        return jb_fail(err, JB_ENOMEM, "no memory for %zu perf events",
                       capacity);
    source->capacity = capacity;
    return JB_OK;
}

/* The register's step is not told by perf.  2^-14 J is what servers since
 * Haswell have and is coarser than AMD's and older ones' 2^-16 J, so it errs
 * towards more uncertainty (except for the 1 J of Sapphire Rapids' psys). */
static uint64_t scan_quantum(const struct jb_perf_event *event)
{
    double step_uj = 1e6 / 16384;
    double counts = step_uj * (double)event->den / (double)event->num;

    if (counts < 1)
        return 1;
    return counts < 0x1p62 ? (uint64_t)counts : UINT64_C(1) << 62;
}

static void scan_set_unit(const struct scan *scan, struct jb_sensor *sensor)
{
    struct jb_unit unit = { .quantity = JB_QUANTITY_ENERGY,
                            .num = 1,
                            .den = 1,
                            .read_num = 1,
                            .read_den = 1 };

    sensor->quantum = 1;
    if (scan->trouble.status == JB_OK) {
        unit.num = scan->event.num;
        unit.den = scan->event.den;
        sensor->quantum = scan_quantum(&scan->event);
    }
    sensor->unit = unit;
}

/* Per-core meters have no domain, but a core stays below a whole package. */
static uint64_t scan_pmax_uw(enum jb_domain_kind kind)
{
    return jb_domain_guessed_pmax_uw(kind == JB_DOMAIN_NONE ? JB_DOMAIN_CORE
                                                            : kind);
}

/* A package-wide counter has no die, however many the topology knows: on AMD
 * some kernels list a CPU of each die, and all of them read one register. */
static struct jb_domain scan_domain(const struct scan *scan)
{
    const struct jb_topology_cpu *place =
        jb_topology_find(scan->topology, scan->cpu);
    struct jb_domain domain = { .kind = scan->row->kind, .die = JB_NO_DIE };

    if (!place) {
        domain.kind = JB_DOMAIN_NONE;
        return domain;
    }
    domain.index = place->package;
    if (domain.kind == JB_DOMAIN_NONE ||
        (domain.kind != JB_DOMAIN_PSYS &&
         !jb_cpuinfo_is_amd(&scan->source->cpuinfo)))
        domain.die = place->die;
    return domain;
}

/* The domain's name; beyond the first of a domain, and without one, what
 * perf itself would call it. */
static void scan_set_name(const struct scan *scan, struct jb_sensor *sensor)
{
    const struct jb_source *source = scan->source;
    char domain[JB_DOMAIN_NAME_MAX];
    size_t at;

    jb_domain_name(&sensor->domain, domain);
    snprintf(sensor->name, sizeof(sensor->name), "%s", domain);
    at = scan_find(source, domain);
    if (sensor->domain.kind != JB_DOMAIN_NONE &&
        (at == source->count || !source->meters[at].seen))
        return;
    if (sensor->domain.kind != JB_DOMAIN_NONE)
        sensor->flags |= JB_SENSOR_MIRROR;
    snprintf(sensor->name, sizeof(sensor->name), "%s/%s:cpu%u", scan->pmu_name,
             scan->row->event, scan->cpu);
}

/* 0.4 * 2^31 * 2^-16 J, the finest step; see perf.c on the kernel's sums. */
static const uint64_t scan_safe_uj = 13107200000;

static void scan_set_note(struct jb_sensor *sensor)
{
    snprintf(sensor->note, sizeof(sensor->note),
             "to be read at least every %ju s: the kernel adds up what a "
             "32-bit register moved since the last read",
             (uintmax_t)(scan_safe_uj / sensor->pmax_uw));
}

static void scan_describe(const struct scan *scan, struct jb_sensor *sensor)
{
    *sensor = (struct jb_sensor){
        .domain = scan_domain(scan),
        .kind = JB_KIND_COUNTER,
        .provenance = JB_MEASURED,
        .pmax_from = JB_BOUND_GUESSED,
        .pmax_uw = scan_pmax_uw(scan->row->kind),
        .update_ns = JB_NS_PER_MS,
        .lag_ns = JB_NS_PER_MS / 2,
        .lag_unc_ns = JB_NS_PER_MS / 2,
        .rank = SCAN_RANK,
    };
    if (jb_domain_may_rest(scan->row->kind))
        sensor->flags |= JB_SENSOR_MAY_REST;
    scan_set_unit(scan, sensor);
    scan_set_name(scan, sensor);
    scan_set_note(sensor);
}

/* True when the event that is open counts what is wanted, and still counts. */
static bool scan_is_current(const struct jb_perf_meter *have,
                            const struct jb_perf_meter *want)
{
    uint64_t raw;

    return have->fd >= 0 && have->type == want->type &&
           have->cpu == want->cpu &&
           memcmp(&have->config, &want->config, sizeof(want->config)) == 0 &&
           jb_perf_meter_read(have, &raw) == JB_OK;
}

static void scan_connect(const struct scan *scan, size_t at, bool is_new)
{
    struct jb_sensor *sensor = &scan->source->sensors[at];
    struct jb_perf_meter *meter = &scan->source->meters[at];
    struct jb_perf_meter want = { .fd = -1,
                                  .leader_fd = -1,
                                  .type = scan->pmu.type,
                                  .cpu = scan->cpu,
                                  .config = scan->event.config,
                                  .seen = true };
    char label[JB_NAME_MAX];
    struct jb_error err;

    meter->seen = true;
    if (scan->trouble.status == JB_OK && scan_is_current(meter, &want))
        return;
    jb_perf_meter_close(meter);
    *meter = want;
    snprintf(label, sizeof(label), "%s/%s/ on cpu%u", scan->pmu_name,
             scan->row->event, scan->cpu);
    if (scan->trouble.status != JB_OK) {
        scan_set_state(sensor, &scan->trouble);
    } else if (jb_perf_meter_open(scan->source->env, label, meter, &err) < 0) {
        scan_set_state(sensor, &err);
    } else {
        scan_set_ok(sensor);
        sensor->generation += !is_new;
    }
}

static int scan_cpu(const struct scan *scan, struct jb_error *err)
{
    struct jb_source *source = scan->source;
    struct jb_sensor wanted;
    size_t at;
    bool is_new;
    int rc;

    scan_describe(scan, &wanted);
    at = scan_find(source, wanted.name);
    is_new = at == source->count;
    rc = is_new ? scan_grow(source, err) : JB_OK;
    if (rc < 0)
        return rc;
    if (is_new) {
        source->meters[at] = (struct jb_perf_meter){ .fd = -1 };
        source->count++;
    } else {
        wanted.generation = source->sensors[at].generation;
    }
    source->sensors[at] = wanted;
    scan_connect(scan, at, is_new);
    return JB_OK;
}

static int scan_event(struct scan *scan, struct jb_error *err)
{
    int rc;

    scan->event = (struct jb_perf_event){ .num = 1, .den = 1 };
    scan->trouble = (struct jb_error){ .status = JB_OK };
    rc = jb_perf_pmu_event(&scan->pmu, scan->row->event, &scan->event,
                           &scan->trouble);
    if (rc == JB_EABSENT)
        return JB_OK;
    rc = JB_OK;
    for (size_t i = 0; rc == JB_OK && i < scan->pmu.cpu_count; i++) {
        scan->cpu = scan->pmu.cpus[i];
        rc = scan_cpu(scan, err);
    }
    return rc;
}

/* A PMU that cannot be understood is one sensor that says so. */
static int scan_broken_pmu(const struct scan *scan,
                           const struct jb_error *trouble, struct jb_error *err)
{
    struct jb_source *source = scan->source;
    size_t at = scan_find(source, scan->pmu_name);
    int rc = at == source->count ? scan_grow(source, err) : JB_OK;

    if (rc < 0)
        return rc;
    if (at == source->count)
        source->count++;
    source->sensors[at] = (struct jb_sensor){
        .domain = { .die = JB_NO_DIE },
        .unit = { JB_QUANTITY_ENERGY, 1, 1, 1, 1, 0 },
        .quantum = 1,
        .rank = SCAN_RANK,
    };
    snprintf(source->sensors[at].name, JB_NAME_MAX, "%s", scan->pmu_name);
    scan_set_state(&source->sensors[at], trouble);
    source->meters[at] = (struct jb_perf_meter){ .fd = -1, .seen = true };
    return JB_OK;
}

static int scan_pmu(struct scan *scan, struct jb_error *err)
{
    struct jb_error trouble;
    int rc = jb_perf_pmu_init(scan->source->env->roots->sysfs, scan->pmu_name,
                              &scan->pmu, &trouble);

    if (rc == JB_EABSENT)
        return JB_OK;
    if (rc == JB_OK && scan->pmu.cpu_count == 0)
        rc = jb_fail(&trouble, JB_EFORMAT, "%s/cpumask is missing",
                     scan->pmu.path);
    if (rc < 0)
        return scan_broken_pmu(scan, &trouble, err);
    for (size_t i = 0; rc == JB_OK && i < SCAN_ROWS; i++) {
        scan->row = &scan_rows[i];
        rc = scan_event(scan, err);
    }
    jb_perf_pmu_release(&scan->pmu);
    return rc;
}

static void scan_retire(struct jb_source *source)
{
    struct jb_error err;

    for (size_t i = 0; i < source->count; i++) {
        if (source->meters[i].seen)
            continue;
        jb_perf_meter_close(&source->meters[i]);
        jb_fail(&err, JB_EABSENT, "the kernel no longer offers this event");
        scan_set_state(&source->sensors[i], &err);
    }
}

int jb_perf_scan(struct jb_source *source, struct jb_error *err)
{
    struct scan scan = { .source = source };
    int rc = jb_topology_read(source->env->roots->sysfs, &scan.topology, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < source->count; i++)
        source->meters[i].seen = false;
    for (size_t i = 0; rc == JB_OK && i < SCAN_PMUS; i++) {
        scan.pmu_name = scan_pmus[i];
        rc = scan_pmu(&scan, err);
    }
    jb_topology_free(scan.topology);
    if (rc == JB_OK)
        scan_retire(source);
    return rc;
}
