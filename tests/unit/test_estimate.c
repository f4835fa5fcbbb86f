/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The estimate source on machines that the test writes.  What it must say of
 * the Xeon and the EPYC are lines of fixtures/estimate/vectors.txt, which were
 * computed in Python.
 */
#include "tree.h"

#include "core/meter.h"
#include "joulebook/plugin/source.h"
#include "sources/estimate/facts.h"

extern const struct jb_source_desc jb_source_estimate;

enum { TICKS = 1000000 };

static const uint64_t ms_ns = 1000000;
static const uint64_t second_ns = 1000000000;

/* A machine below one directory: sysfs is the directory, procfs in it. */
struct rig {
    struct tree tree;
    char procfs[80];
    uint64_t now_ns;
    uint64_t busy, idle; /* of stat */
    struct jb_roots roots;
    struct jb_clock clock;
    struct jb_env env;
    struct jb_source *source;
};

static uint64_t rig_now(void *context)
{
    return ((struct rig *)context)->now_ns;
}

static void rig_write_stat(struct rig *rig)
{
    char text[256];

    /* user and steal are busy, idle and iowait not, guest is within user */
    snprintf(text, sizeof(text),
             "cpu  %llu 0 0 %llu 7 0 0 3 %llu 0\ncpu0 1 1 1 1\n",
             (unsigned long long)rig->busy, (unsigned long long)rig->idle,
             (unsigned long long)rig->busy);
    tree_write(&rig->tree, "proc/stat", text);
}

/* Time goes by in which all CPUs are busy to so many millionths. */
static void rig_pass(struct rig *rig, uint64_t ns, uint32_t busy_ppm)
{
    rig->now_ns += ns;
    rig->busy += busy_ppm;
    rig->idle += TICKS - busy_ppm;
    rig_write_stat(rig);
}

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    tree_init(&rig->tree);
    snprintf(rig->procfs, sizeof(rig->procfs), "%s/proc", rig->tree.root);
    rig->now_ns = 100 * second_ns;
    rig->busy = 250000;
    rig->idle = 750000;
    rig->roots =
        (struct jb_roots){ .sysfs = rig->tree.root, .procfs = rig->procfs };
    rig->clock = (struct jb_clock){ .now_ns = rig_now, .context = rig };
    rig->env = (struct jb_env){ .roots = &rig->roots, .clock = &rig->clock };
    rig_write_stat(rig);
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;

    jb_source_estimate.close(rig->source);
    tree_release(&rig->tree);
    free(rig);
    return 0;
}

static void rig_write_cpu(struct rig *rig, unsigned cpu, const char *what,
                          const char *text)
{
    char name[128];

    snprintf(name, sizeof(name), "devices/system/cpu/cpu%u/%s", cpu, what);
    tree_write(&rig->tree, name, text);
}

/* Threads are numbered as Linux does: first one of every core, then the
 * second of every core. */
static void rig_write_cpus(struct rig *rig, unsigned packages, unsigned cores)
{
    char text[64];

    snprintf(text, sizeof(text), "0-%u\n", 2 * cores - 1);
    tree_write(&rig->tree, "devices/system/cpu/online", text);
    for (unsigned cpu = 0; cpu < 2 * cores; cpu++) {
        snprintf(text, sizeof(text), "%u\n", cpu % cores / (cores / packages));
        tree_write_cpu(&rig->tree, cpu, text, "0\n");
        snprintf(text, sizeof(text), "%u,%u\n", cpu % cores,
                 cpu % cores + cores);
        rig_write_cpu(rig, cpu, "topology/thread_siblings_list", text);
    }
}

/* One L3 for each group of so many cores. */
static void rig_write_l3(struct rig *rig, unsigned cores, unsigned share,
                         const char *size)
{
    char text[64];

    for (unsigned cpu = 0; cpu < 2 * cores; cpu++) {
        unsigned first = cpu % cores / share * share;

        snprintf(text, sizeof(text), "%u-%u,%u-%u\n", first, first + share - 1,
                 cores + first, cores + first + share - 1);
        rig_write_cpu(rig, cpu, "cache/index0/level", "1\n");
        rig_write_cpu(rig, cpu, "cache/index0/size", "48K\n");
        rig_write_cpu(rig, cpu, "cache/index3/level", "3\n");
        rig_write_cpu(rig, cpu, "cache/index3/size", size);
        rig_write_cpu(rig, cpu, "cache/index3/shared_cpu_list", text);
    }
}

static void rig_write_memory(struct rig *rig, unsigned long long gib)
{
    char text[128];

    snprintf(text, sizeof(text),
             "MemTotal:       %llu kB\nMemFree:          100000 kB\n",
             gib << 20);
    tree_write(&rig->tree, "proc/meminfo", text);
}

static void rig_write_cpuinfo(struct rig *rig, const char *vendor,
                              unsigned family, unsigned model,
                              const char *name_and_flags)
{
    char text[512];

    snprintf(text, sizeof(text),
             "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %u\n"
             "model\t\t: %u\nmodel name\t: %s\n\n",
             vendor, family, model, name_and_flags);
    tree_write(&rig->tree, "proc/cpuinfo", text);
}

static void rig_write_zone(struct rig *rig, const char *zone, const char *name,
                           const char *max_uw)
{
    char path[128];

    snprintf(path, sizeof(path), "class/powercap/%s/name", zone);
    tree_write(&rig->tree, path, name);
    snprintf(path, sizeof(path), "class/powercap/%s/constraint_0_max_power_uw",
             zone);
    tree_write(&rig->tree, path, max_uw);
}

/* Two Xeon Platinum 8380, 2 x 40 cores, 256 GiB. */
static void rig_write_xeon(struct rig *rig)
{
    rig_write_cpus(rig, 2, 80);
    rig_write_memory(rig, 256);
    rig_write_cpu(rig, 0, "cpufreq/base_frequency", "2300000\n");
    rig_write_cpuinfo(rig, "GenuineIntel", 6, 0x6a,
                      "Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz\n"
                      "flags\t\t: fpu vme");
    rig_write_zone(rig, "intel-rapl:0", "package-0\n", "270000000\n");
    rig_write_zone(rig, "intel-rapl:1", "package-1\n", "270000000\n");
    rig_write_zone(rig, "intel-rapl:0:0", "dram\n", "999000000\n");
}

/* One EPYC 7763, 64 cores, 128 GiB. */
static void rig_write_epyc(struct rig *rig, const char *name)
{
    rig_write_cpus(rig, 1, 64);
    rig_write_memory(rig, 128);
    rig_write_l3(rig, 64, 8, "32768K\n");
    rig_write_cpuinfo(rig, "AuthenticAMD", 25, 1, name);
}

static const struct jb_sensor *rig_open(struct rig *rig)
{
    const struct jb_sensor *sensor;
    struct jb_error err = { 0 };
    size_t count;

    if (jb_source_estimate.open(&rig->env, NULL, &rig->source, &err) != JB_OK)
        fail_msg("got %s, want an open source", err.text);
    sensor = jb_source_estimate.sensors(rig->source, &count);
    assert_int_equal(count, 1);
    assert_int_equal(sensor->state, JB_OK);
    assert_string_equal(sensor->reason, "");
    return sensor;
}

static void rig_expect_absent(struct rig *rig, const char *reason)
{
    struct jb_error err = { 0 };
    int rc = jb_source_estimate.open(&rig->env, NULL, &rig->source, &err);

    if (rc != JB_EABSENT || !strstr(err.text, reason) || rig->source)
        fail_msg("got %d \"%s\", want absent, \"%s\"", rc, err.text, reason);
}

static struct jb_sample rig_sample(struct rig *rig)
{
    const uint32_t which = 0;
    struct jb_sample sample;

    jb_source_estimate.sample(rig->source, &which, 1, &sample);
    assert_int_equal(sample.sensor, 0);
    assert_true(sample.t0_ns <= sample.t1_ns);
    return sample;
}

static void expect_near(const char *what, double got, double want)
{
    if (got > want * 1.0001 + 2 || got < want * 0.9999 - 2)
        fail_msg("%s: got %.0f, want %.0f", what, got, want);
}

struct expectation {
    uint32_t busy_ppm;
    double low_uw, expected_uw, high_uw;
};

/* 100 s at each load, so that ticks do not count. */
static void rig_expect(struct rig *rig, const struct expectation *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct jb_sample sample;
        double expected_uw;

        rig_pass(rig, 100 * second_ns, rows[i].busy_ppm);
        sample = rig_sample(rig);
        assert_int_equal(sample.state, JB_OK);
        expected_uw = (double)sample.raw;
        expect_near("expected", expected_uw, rows[i].expected_uw);
        expect_near("low", expected_uw * (1 - sample.below_ppm / 1e6),
                    rows[i].low_uw);
        expect_near("high", expected_uw * (1 + sample.above_ppm / 1e6),
                    rows[i].high_uw);
    }
}

static void test_describes_itself(void **state)
{
    const struct jb_sensor *sensor;

    rig_write_xeon(*state);
    sensor = rig_open(*state);
    assert_string_equal(sensor->name, "ac-power");
    assert_int_equal(sensor->domain.kind, JB_DOMAIN_PLATFORM);
    assert_int_equal(sensor->provenance, JB_ESTIMATED);
    assert_int_equal(sensor->unit.quantity, JB_QUANTITY_POWER);
    assert_int_equal(sensor->pmax_from, JB_BOUND_GUESSED);
    assert_true(sensor->pmax_uw > 0 && sensor->rank < 0);
    assert_int_equal(jb_source_estimate.quantities, 1 << JB_QUANTITY_POWER);
    assert_string_equal(sensor->note, "");
}

static void test_xeon(void **state)
{
    static const struct expectation full[] = {
        { 50000, 128074694, 156044842, 192304104 },
        { 333333, 220041762, 254681441, 299527081 },
        { 770001, 367413936, 422501064, 488604010 },
    };

    rig_write_xeon(*state);
    rig_open(*state);
    rig_expect(*state, full, 3);
}

static void test_epyc(void **state)
{
    static const struct expectation full[] = {
        { 0, 42525003, 55117077, 71188224 },
        { 100000, 85812764, 100640847, 120162417 },
        { 500000, 133068319, 153696855, 180455850 },
        { 1000000, 220861469, 250356187, 284965896 },
        { 0, 42525003, 55117077, 71188224 },
    };

    rig_write_epyc(*state, "AMD EPYC 7763 64-Core Processor");
    rig_open(*state);
    rig_expect(*state, full, 5);
}

/* The CPU's name says nothing: counts and memory only, and it is said. */
static void test_unknown_cpu(void **state)
{
    static const struct expectation minimal[] = {
        { 50000, 99143752, 157499340, 263443818 },
        { 333333, 170224411, 256560871, 391896744 },
        { 770001, 292558698, 425140364, 626138881 },
    };

    rig_write_xeon(*state);
    rig_write_cpuinfo(*state, "GenuineIntel", 99, 1, "Brand New");
    assert_non_null(strstr(rig_open(*state)->note, "does not know this CPU"));
    rig_expect(*state, minimal, 3);
}

static void test_no_cpuinfo(void **state)
{
    rig_write_xeon(*state);
    tree_drop(&((struct rig *)*state)->tree, "proc/cpuinfo");
    assert_non_null(strstr(rig_open(*state)->note, "does not know this CPU"));
}

static void test_virtual_machine(void **state)
{
    const struct jb_sensor *sensor;

    rig_write_cpus(*state, 1, 2);
    rig_write_memory(*state, 8);
    rig_write_cpuinfo(*state, "GenuineIntel", 6, 0x8f,
                      "Intel(R) Xeon(R) Processor\n"
                      "flags\t\t: fpu hypervisor lahf_lm");
    sensor = rig_open(*state);
    assert_non_null(strstr(sensor->note, "a virtual machine"));
    assert_non_null(strstr(sensor->note, "younger than the model's data"));
    assert_non_null(strstr(sensor->note, "nominal clock or L3 unknown"));
}

static void test_accelerators(void **state)
{
    struct rig *rig = *state;

    rig_write_xeon(rig);
    tree_write(&rig->tree, "bus/pci/devices/0000:03:00.0/class", "0x030000\n");
    assert_string_equal(rig_open(rig)->note, "");
    jb_source_estimate.close(rig->source);
    rig->source = NULL;
    tree_write(&rig->tree, "bus/pci/devices/0000:41:00.0/class", "0x030200\n");
    assert_string_equal(rig_open(rig)->note, "accelerators are not in it");
}

/* 1 PiB: every word fits in the note. */
static void test_out_of_range(void **state)
{
    const struct jb_sensor *sensor;

    rig_write_xeon(*state);
    rig_write_memory(*state, 1ULL << 20);
    rig_write_cpuinfo(*state, "?", 0, 0, "?\nflags\t\t: fpu hypervisor");
    tree_write(&((struct rig *)*state)->tree, "bus/pci/devices/a/class",
               "0x120000\n");
    sensor = rig_open(*state);
    assert_non_null(strstr(sensor->note, "do not trust its interval"));
}

static struct jb_estimate_facts rig_facts(struct rig *rig, uint32_t tdp_mw)
{
    struct jb_estimate_facts facts;
    struct jb_error err;

    if (jb_estimate_facts_read(&rig->roots, tdp_mw, &facts, &err) != JB_OK)
        fail_msg("got %s, want facts", err.text);
    return facts;
}

static void test_facts_of_xeon(void **state)
{
    struct jb_estimate_machine m;

    rig_write_xeon(*state);
    rig_write_l3(*state, 80, 40, "61440K\n");
    m = rig_facts(*state, 0).machine;
    assert_int_equal(m.chips, 2);
    assert_int_equal(m.cores, 80);
    assert_int_equal(m.threads, 160);
    assert_int_equal(m.base_mhz, 2300);
    assert_int_equal(m.memory_mb, 262144);
    assert_int_equal(m.tdp_mw, 270000);
    assert_int_equal(m.l3_kb, 60000); /* as the model learnt it */
    assert_int_equal(m.amd, 0);
    assert_int_equal(rig_facts(*state, 205000).machine.tdp_mw, 205000);
}

/* A CPU that the table has not: L3 is the sum over eight complexes, the clock
 * comes from CPPC, and its TDP is not known. */
static void test_facts_of_unlisted_epyc(void **state)
{
    struct jb_estimate_machine m;

    rig_write_epyc(*state, "AMD EPYC 7V13 64-Core Processor");
    rig_write_cpu(*state, 0, "acpi_cppc/nominal_freq", "2450\n");
    m = rig_facts(*state, 0).machine;
    assert_int_equal(m.chips, 1);
    assert_int_equal(m.cores, 64);
    assert_int_equal(m.threads, 128);
    assert_int_equal(m.l3_kb, 262144);
    assert_int_equal(m.base_mhz, 2450);
    assert_int_equal(m.tdp_mw, 0);
    assert_int_equal(m.amd, 1);
    assert_int_equal(m.arch, JB_ESTIMATE_ARCH_ZEN3);
    rig_write_cpu(*state, 17, "cache/index3/shared_cpu_list", "x\n");
    assert_int_equal(rig_facts(*state, 0).machine.l3_kb, 0);
}

/* Hygon is AMD's; of two packages only the first one's L3 is one chip's; SMT
 * is off on one core. */
static void test_facts_odd(void **state)
{
    struct rig *rig = *state;
    struct jb_estimate_machine m;

    rig_write_cpus(rig, 2, 8);
    rig_write_l3(rig, 8, 2, "8192K\n");
    rig_write_memory(rig, 64);
    rig_write_cpuinfo(rig, "HygonGenuine", 24, 0, "Hygon C86");
    tree_write(&rig->tree, "devices/system/cpu/online", "0-14\n");
    rig_write_cpu(rig, 7, "topology/core_cpus_list", "7\n");
    m = rig_facts(rig, 0).machine;
    assert_int_equal(m.chips, 2);
    assert_int_equal(m.cores, 8);
    assert_int_equal(m.threads, 15);
    assert_int_equal(m.l3_kb, 16384);
    assert_int_equal(m.amd, 1);
}

static void test_facts_implausible(void **state)
{
    struct rig *rig = *state;
    struct jb_estimate_machine m;

    rig_write_xeon(rig);
    rig_write_cpuinfo(rig, "GenuineIntel", 6, 0x6a, "Intel(R) Xeon(R) CPU X");
    rig_write_zone(rig, "intel-rapl:0", "package-0\n", "0\n");
    rig_write_zone(rig, "intel-rapl:1", "package-1\n",
                   "18446744073709551615\n");
    rig_write_zone(rig, "intel-rapl:2", "package-2-die-1\n", "100000000\n");
    rig_write_zone(rig, "intel-rapl:3", "psys\n", "150000000\n");
    rig_write_zone(rig, "intel-rapl-mmio:0", "package-0\n", "120000000\n");
    rig_write_cpu(rig, 0, "cpufreq/base_frequency", "23\n");
    rig_write_l3(rig, 80, 40, "61440M\n");
    m = rig_facts(rig, 0).machine;
    assert_int_equal(m.tdp_mw, 0);
    assert_int_equal(m.base_mhz, 0);
    assert_int_equal(m.l3_kb, 0);
}

static void test_absent(void **state)
{
    static const struct {
        const char *drop, *write, *text, *reason;
    } rows[] = {
        { "proc/meminfo", NULL, NULL, "memory unknown" },
        { NULL, "proc/meminfo", "MemFree: 12 kB\n", "memory unknown" },
        { NULL, "proc/meminfo", "MemTotal: 0 kB\n", "memory unknown" },
        { "devices", NULL, NULL, "topology unknown" },
        { NULL, "devices/system/cpu/online", "x\n", "topology unknown" },
        { "devices/system/cpu/cpu3/topology/thread_siblings_list", NULL, NULL,
          "topology unknown" },
        { "devices/system/cpu/cpu3/topology/physical_package_id", NULL, NULL,
          "topology unknown" },
        { NULL, "devices/system/cpu/cpu3/topology/physical_package_id", "-1\n",
          "topology unknown" },
        { NULL, "devices/system/cpu/cpu3/topology/thread_siblings_list", "\n",
          "topology unknown" },
        { "proc/stat", NULL, NULL, "utilisation unknown" },
        { NULL, "proc/stat", "cpu  x\n", "utilisation unknown" },
        { NULL, "proc/stat", "cpu  0 0 0 0\n", "utilisation unknown" },
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_write_cpus(rig, 1, 4);
        rig_write_memory(rig, 16);
        rig_write_stat(rig);
        if (rows[i].drop)
            tree_drop(&rig->tree, rows[i].drop);
        if (rows[i].write)
            tree_write(&rig->tree, rows[i].write, rows[i].text);
        rig_expect_absent(rig, rows[i].reason);
    }
}

/* Four CPUs of which none is the first of its core: nothing is made of it. */
static void test_contradiction(void **state)
{
    struct rig *rig = *state;

    rig_write_cpus(rig, 1, 4);
    rig_write_memory(rig, 16);
    tree_write(&rig->tree, "devices/system/cpu/online", "4-7\n");
    rig_expect_absent(rig, "0 cores");
}

static void test_garbage_in_between(void **state)
{
    struct rig *rig = *state;
    struct jb_sample sample;

    rig_write_xeon(rig);
    rig_open(rig);
    rig->now_ns += second_ns;
    tree_write(&rig->tree, "proc/stat", "cpu  12 34\n");
    sample = rig_sample(rig);
    assert_int_equal(sample.state, JB_EFORMAT);
    assert_int_equal(sample.raw, 0);
    /* what comes next is the mean since the last good reading */
    rig_expect(rig,
               &(struct expectation){ 333333, 220041762, 254681441, 299527081 },
               1);
}

/* Less than a tick after the reading before: its utilisation again, but of
 * this moment nothing is known. */
static void test_too_soon(void **state)
{
    static const struct expectation idle = { 0, 42525003, 55117077, 71188224 };
    struct rig *rig = *state;
    struct jb_sample sample;

    rig_write_epyc(rig, "AMD EPYC 7763 64-Core Processor");
    rig_open(rig);
    rig_expect(rig, &idle, 1);
    rig_pass(rig, 9 * ms_ns, 1000000);
    sample = rig_sample(rig);
    assert_int_equal(sample.state, JB_OK);
    expect_near("again", (double)sample.raw, idle.expected_uw);
    expect_near("low", (double)sample.raw * (1 - sample.below_ppm / 1e6),
                idle.low_uw);
    expect_near("high", (double)sample.raw * (1 + sample.above_ppm / 1e6),
                284965896);
    /* and the load is not lost: it is in the next interval */
    rig_pass(rig, 200 * second_ns, 0);
    expect_near("mean of both", (double)rig_sample(rig).raw, 153696855);
}

/* The first reading at once: the utilisation since boot, 25 %, and no
 * certainty. */
static void test_first_at_once(void **state)
{
    struct rig *rig = *state;
    struct jb_sample sample;

    rig_write_epyc(rig, "AMD EPYC 7763 64-Core Processor");
    rig_open(rig);
    sample = rig_sample(rig);
    assert_int_equal(sample.state, JB_OK);
    assert_true(sample.raw > 100640847 && sample.raw < 153696855);
    assert_true((double)sample.raw * (1 + sample.above_ppm / 1e6) > 284900000);
}

/* Counters that were set back (a restored guest) are a new beginning. */
static void test_set_back(void **state)
{
    struct rig *rig = *state;
    struct jb_sample sample;

    rig_write_epyc(rig, "AMD EPYC 7763 64-Core Processor");
    rig_open(rig);
    rig->busy = rig->idle = 10;
    rig_pass(rig, 100 * second_ns, 0);
    sample = rig_sample(rig);
    assert_int_equal(sample.state, JB_OK);
    assert_true((double)sample.raw * (1 + sample.above_ppm / 1e6) > 284900000);
    rig_expect(rig,
               &(struct expectation){ 500000, 133068319, 153696855, 180455850 },
               1);
}

/* The shorter the time and the fewer the CPUs, the more a tick matters. */
static void test_short_times_are_doubtful(void **state)
{
    struct rig *rig = *state;
    uint32_t before_ppm = 0;

    rig_write_epyc(rig, "AMD EPYC 7763 64-Core Processor");
    rig_open(rig);
    for (uint64_t ns = 100 * second_ns; ns >= 10 * ms_ns; ns /= 10) {
        struct jb_sample sample;

        rig_pass(rig, ns, 500000);
        sample = rig_sample(rig);
        expect_near("mean", (double)sample.raw, 153696855);
        assert_true(sample.above_ppm > before_ppm);
        before_ppm = sample.above_ppm;
    }
    assert_true(before_ppm < 300000); /* 128 CPUs: still not everything */
}

static void test_order_and_rise(void **state)
{
    uint64_t before = 0;

    rig_write_xeon(*state);
    rig_open(*state);
    for (uint32_t ppm = 0; ppm <= 1000000; ppm += 12500) {
        struct jb_sample sample;

        rig_pass(*state, 10 * second_ns, ppm);
        sample = rig_sample(*state);
        assert_int_equal(sample.state, JB_OK);
        assert_true(sample.raw >= before && sample.raw > 0);
        assert_true(sample.below_ppm > 0 && sample.below_ppm < 1000000);
        assert_true(sample.above_ppm > 0);
        before = sample.raw;
    }
}

/* Booked as mean times time, whole time observed, with the interval. */
static void test_books(void **state)
{
    struct rig *rig = *state;
    const struct jb_sensor *sensor;
    const struct jb_knot *knot;
    struct jb_meter meter;
    struct jb_sample sample;

    rig_write_epyc(rig, "AMD EPYC 7763 64-Core Processor");
    sensor = rig_open(rig);
    assert_int_equal(jb_meter_init(&meter, sensor, 8, NULL), JB_OK);
    rig_pass(rig, 100 * second_ns, 1000000);
    sample = rig_sample(rig);
    assert_int_equal(jb_meter_feed(&meter, &sample), JB_METER_FIRST);
    rig_pass(rig, 1000 * second_ns, 0);
    sample = rig_sample(rig);
    assert_int_equal(jb_meter_feed(&meter, &sample), JB_METER_ADVANCE);
    knot = jb_curve_newest(&meter.curve);
    expect_near("energy", (double)knot->energy.uj, 55117077e3);
    expect_near("below", (double)knot->below_uj, (55117077 - 42525003) * 1e3);
    expect_near("above", (double)knot->above_uj, (71188224 - 55117077) * 1e3);
    assert_int_equal(knot->seen_ns, 1000 * second_ns);
    assert_int_equal(knot->gap_uj, 0);
    jb_meter_release(&meter);
}

/* Options as the configuration sets them. */
static void test_options(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } rows[] = { { "205", JB_OK },      { "0", JB_OK },
                 { "2000", JB_OK },     { "2001", JB_EUSAGE },
                 { "-1", JB_EUSAGE },   { "nan", JB_EUSAGE },
                 { "205W", JB_EUSAGE }, { "", JB_EUSAGE } };
    struct rig *rig = *state;
    const struct jb_option *table = jb_source_estimate.options;
    const struct jb_option *tdp = jb_option_find(table, "tdp");
    void *options = calloc(1, jb_source_estimate.options_size);
    uint64_t usual;

    assert_non_null(tdp);
    assert_non_null(options);
    rig_write_xeon(rig);
    rig_open(rig);
    rig_pass(rig, 100 * second_ns, 500000);
    usual = rig_sample(rig).raw;
    jb_source_estimate.close(rig->source);

    assert_int_equal(jb_options_init(table, options, NULL), JB_OK);
    assert_int_equal(jb_option_set(tdp, options, "205", NULL), JB_OK);
    assert_int_equal(
        jb_source_estimate.open(&rig->env, options, &rig->source, NULL), JB_OK);
    rig_pass(rig, 100 * second_ns, 500000);
    assert_true(rig_sample(rig).raw < usual);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (jb_option_set(tdp, options, rows[i].text, NULL) != rows[i].rc)
            fail_msg("tdp \"%s\": want %d", rows[i].text, rows[i].rc);
    free(options);
}

static void test_rescan(void **state)
{
    struct rig *rig = *state;
    const struct jb_sensor *sensor;

    rig_write_epyc(rig, "AMD EPYC 7763 64-Core Processor");
    sensor = rig_open(rig);
    tree_drop(&rig->tree, "proc/meminfo");
    assert_int_equal(jb_source_estimate.rescan(rig->source, NULL), JB_OK);
    assert_int_equal(sensor->state, JB_EABSENT);
    assert_non_null(strstr(sensor->reason, "memory unknown"));
    assert_int_equal(rig_sample(rig).state, JB_EABSENT);
    rig_write_memory(rig, 128);
    assert_int_equal(jb_source_estimate.rescan(rig->source, NULL), JB_OK);
    assert_int_equal(sensor->state, JB_OK);
    assert_int_equal(sensor->generation, 1);
    assert_string_equal(sensor->reason, "");
    rig_expect(rig,
               &(struct expectation){ 500000, 133068319, 153696855, 180455850 },
               1);
}

#define RIG_TEST(name)                                                         \
    cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_describes_itself),
        RIG_TEST(test_xeon),
        RIG_TEST(test_epyc),
        RIG_TEST(test_unknown_cpu),
        RIG_TEST(test_no_cpuinfo),
        RIG_TEST(test_virtual_machine),
        RIG_TEST(test_accelerators),
        RIG_TEST(test_out_of_range),
        RIG_TEST(test_facts_of_xeon),
        RIG_TEST(test_facts_of_unlisted_epyc),
        RIG_TEST(test_facts_odd),
        RIG_TEST(test_facts_implausible),
        RIG_TEST(test_absent),
        RIG_TEST(test_contradiction),
        RIG_TEST(test_garbage_in_between),
        RIG_TEST(test_too_soon),
        RIG_TEST(test_first_at_once),
        RIG_TEST(test_set_back),
        RIG_TEST(test_short_times_are_doubtful),
        RIG_TEST(test_order_and_rise),
        RIG_TEST(test_books),
        RIG_TEST(test_options),
        RIG_TEST(test_rescan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
