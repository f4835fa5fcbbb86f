/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The msr source over trees that the test writes.  A register file is a text
 * of "NUMBER VALUE" lines, which pread() below turns into what the driver
 * answers: plain files cannot, since registers overlap as bytes of a file.
 */
#include "source.h"
#include "tree.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/domain.h"
#include "core/unit.h"
#include "sources/msr/model.h"

extern const struct jb_source_desc jb_source_msr;

enum { MSR_FILE_MAX = 1024, MSR_NOBODY = 65534 };

#define MSR_S UINT64_C(1000000000)
#define MSR_W UINT64_C(1000000)

/* The driver's answers: EIO for a register that is not there, ENXIO once the
 * CPU is offline (here: the file is unlinked). */
static ssize_t msr_answer(const char *text, uint64_t reg, void *buffer)
{
    char wanted[32];
    const char *line;
    uint64_t value;

    snprintf(wanted, sizeof(wanted), "0x%" PRIx64 " ", reg);
    line = strstr(text, wanted);
    if (!line) {
        errno = EIO;
        return -1;
    }
    if (strncmp(line + strlen(wanted), "short", 5) == 0)
        return 4;
    value = strtoull(line + strlen(wanted), NULL, 0);
    memcpy(buffer, &value, sizeof(value));
    return sizeof(value);
}

ssize_t pread(int fd, void *buf, size_t nbytes, off_t offset)
{
    char text[MSR_FILE_MAX];
    struct stat status;
    long got;

    if (nbytes != sizeof(uint64_t))
        return syscall(SYS_pread64, fd, buf, nbytes, offset);
    if (fstat(fd, &status) == 0 && status.st_nlink == 0) {
        errno = ENXIO;
        return -1;
    }
    got = syscall(SYS_pread64, fd, text, sizeof(text) - 1, 0L);
    text[got > 0 ? got : 0] = '\0';
    return msr_answer(text, (uint64_t)offset, buf);
}

static uint64_t msr_now_ns(void *context)
{
    return *(const uint64_t *)context;
}

struct msr {
    struct tree tree;
    char sysfs[TREE_PATH_MAX], procfs[TREE_PATH_MAX], devfs[TREE_PATH_MAX];
    struct jb_roots roots;
    uint64_t now_ns;
    struct jb_clock clock;
    struct test_source source;
};

static void msr_cpuinfo(const struct msr *test, const char *vendor,
                        unsigned family, unsigned model, const char *flags)
{
    char text[256];

    snprintf(text, sizeof(text),
             "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %u\n"
             "model\t\t: %u\nflags\t\t: fpu%s\n\n",
             vendor, family, model, flags);
    tree_write(&test->tree, "proc/cpuinfo", text);
}

static void msr_cpu(const struct msr *test, unsigned cpu, const char *package,
                    const char *die)
{
    char name[128];

    snprintf(name, sizeof(name),
             "sys/devices/system/cpu/cpu%u/topology/physical_package_id", cpu);
    tree_write(&test->tree, name, package);
    snprintf(name, sizeof(name), "sys/devices/system/cpu/cpu%u/topology/die_id",
             cpu);
    tree_write(&test->tree, name, die);
}

static void msr_registers(const struct msr *test, unsigned cpu,
                          const char *text)
{
    char name[64];

    snprintf(name, sizeof(name), "dev/cpu/%u/msr", cpu);
    tree_write(&test->tree, name, text);
}

static void msr_drop(const struct msr *test, unsigned cpu)
{
    char name[64];

    snprintf(name, sizeof(name), "dev/cpu/%u", cpu);
    tree_drop(&test->tree, name);
}

/* A Cascade Lake server with two packages of two CPUs. */
#define SERVER_0                                                               \
    "0x606 0xa0e03\n0x614 0x528\n0x61c 0x14a\n"                                \
    "0x611 0xdead00000123\n0x619 0x77\n"
#define SERVER_1 "0x606 0xa0e03\n0x611 0x456\n0x619 0x88\n"

static int msr_setup(void **state)
{
    static struct msr test;

    test = (struct msr){ .now_ns = 5 * MSR_S };
    tree_init(&test.tree);
    tree_path(&test.tree, "sys", test.sysfs);
    tree_path(&test.tree, "proc", test.procfs);
    tree_path(&test.tree, "dev", test.devfs);
    test.roots =
        (struct jb_roots){ test.sysfs, test.procfs, "/none", test.devfs };
    test.clock = (struct jb_clock){ msr_now_ns, &test.now_ns };
    test.source.desc = &jb_source_msr;
    test.source.env = (struct jb_env){ &test.roots, &test.clock, false };
    msr_cpuinfo(&test, "GenuineIntel", 6, 85, "");
    tree_write(&test.tree, "sys/devices/system/cpu/online", "0-3\n");
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        msr_cpu(&test, cpu, cpu < 2 ? "0\n" : "1\n", "0\n");
        msr_registers(&test, cpu, cpu < 2 ? SERVER_0 : SERVER_1);
    }
    *state = &test;
    return 0;
}

static int msr_teardown(void **state)
{
    struct msr *test = *state;

    jb_source_msr.close(test->source.handle);
    tree_release(&test->tree);
    return 0;
}

/* Models */

struct msr_model_case {
    const char *label, *vendor;
    uint32_t family, model;
    uint32_t domains; /* 0: not known */
    int dram, psys;   /* exponents that are fixed, or JB_MSR_UNIT_AS_SAID */
};

enum {
    PSYS = 1 << JB_DOMAIN_PSYS,
    PKG = 1 << JB_DOMAIN_PACKAGE,
    PP0 = 1 << JB_DOMAIN_CORE,
    PP1 = 1 << JB_DOMAIN_UNCORE,
    RAM = 1 << JB_DOMAIN_DRAM,
    SAID = JB_MSR_UNIT_AS_SAID
};

/* From rapl.c's rapl_model_match, row by row of interest. */
static const struct msr_model_case msr_models[] = {
    { "Sandy Bridge", "GenuineIntel", 6, 42, PKG | PP0 | PP1, SAID, SAID },
    { "Ivy Bridge EP", "GenuineIntel", 6, 62, PKG | PP0 | RAM, SAID, SAID },
    { "Haswell", "GenuineIntel", 6, 60, PKG | PP0 | PP1 | RAM, SAID, SAID },
    { "Haswell EP", "GenuineIntel", 6, 63, PKG | PP0 | RAM, 16, SAID },
    { "Broadwell D", "GenuineIntel", 6, 86, PKG | PP0 | RAM, 16, SAID },
    { "Skylake SP", "GenuineIntel", 6, 85, PKG | PP0 | RAM, 16, SAID },
    { "Ice Lake SP", "GenuineIntel", 6, 106, PKG | PP0 | RAM, 16, SAID },
    { "Knights Landing", "GenuineIntel", 6, 87, PKG | RAM, 16, SAID },
    { "Skylake", "GenuineIntel", 6, 94, PSYS | PKG | PP0 | PP1 | RAM, SAID,
      SAID },
    { "Raptor Lake", "GenuineIntel", 6, 183, PSYS | PKG | PP0 | PP1 | RAM, SAID,
      SAID },
    { "Sapphire Rapids", "GenuineIntel", 6, 143, PSYS | PKG | PP0 | RAM, SAID,
      0 },
    { "Emerald Rapids", "GenuineIntel", 6, 207, PSYS | PKG | PP0 | RAM, SAID,
      0 },
    { "Silvermont", "GenuineIntel", 6, 55, PKG | PP0, SAID, SAID },
    { "Rome", "AuthenticAMD", 23, 49, PKG, SAID, SAID },
    { "Genoa", "AuthenticAMD", 25, 17, PKG, SAID, SAID },
    { "Turin", "AuthenticAMD", 26, 2, PKG, SAID, SAID },
    { "Dhyana", "HygonGenuine", 24, 0, PKG, SAID, SAID },
    { "Granite Rapids", "GenuineIntel", 6, 173, 0, SAID, SAID },
    { "Pentium 4", "GenuineIntel", 15, 2, 0, SAID, SAID },
    { "Bulldozer", "AuthenticAMD", 21, 1, 0, SAID, SAID },
    { "an Arm", "", 0, 0, 0, SAID, SAID },
};

static void test_models(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(msr_models); i++) {
        const struct msr_model_case *row = &msr_models[i];
        struct jb_cpuinfo cpu = { .family = row->family, .model = row->model };
        const struct jb_msr_profile *profile;

        snprintf(cpu.vendor, sizeof(cpu.vendor), "%s", row->vendor);
        profile = jb_msr_profile_find(&cpu);
        CHECK_BOOL(row->label, profile != NULL, row->domains != 0);
        if (!profile)
            continue;
        CHECK_U64(row->label, profile->domains, row->domains);
        assert_int_equal(profile->dram_exponent, row->dram);
        assert_int_equal(profile->psys_exponent, row->psys);
    }
}

static const struct jb_msr_profile *msr_profile(const char *vendor,
                                                uint32_t family, uint32_t model)
{
    struct jb_cpuinfo cpu = { .family = family, .model = model };
    const struct jb_msr_profile *profile;

    snprintf(cpu.vendor, sizeof(cpu.vendor), "%s", vendor);
    profile = jb_msr_profile_find(&cpu);
    assert_non_null(profile);
    return profile;
}

/* Unit registers of real machines, and what a count of each domain is worth in
 * picojoules, worked out by hand. */
static void test_units(void **state)
{
    static const struct {
        const char *label, *vendor;
        uint32_t family, model;
        uint64_t said;
        enum jb_domain_kind kind;
        double uj;
    } rows[] = {
        { "Xeon package", "GenuineIntel", 6, 85, 0xa0e03, JB_DOMAIN_PACKAGE,
          61.03515625 },
        { "Xeon DRAM", "GenuineIntel", 6, 85, 0xa0e03, JB_DOMAIN_DRAM,
          15.2587890625 },
        { "SPR DRAM", "GenuineIntel", 6, 143, 0xa0e03, JB_DOMAIN_DRAM,
          61.03515625 },
        { "SPR psys", "GenuineIntel", 6, 143, 0xa0e03, JB_DOMAIN_PSYS, 1e6 },
        { "client psys", "GenuineIntel", 6, 94, 0xa0e03, JB_DOMAIN_PSYS,
          61.03515625 },
        { "Sandy Bridge", "GenuineIntel", 6, 42, 0xa1003, JB_DOMAIN_PACKAGE,
          15.2587890625 },
        { "Bay Trail", "GenuineIntel", 6, 55, 0x505, JB_DOMAIN_CORE, 32 },
        { "EPYC package", "AuthenticAMD", 25, 1, 0xa1003, JB_DOMAIN_PACKAGE,
          15.2587890625 },
        { "EPYC core", "AuthenticAMD", 25, 1, 0xa1003, JB_DOMAIN_NONE,
          15.2587890625 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        struct jb_unit unit = { 0 };

        CHECK_BOOL(rows[i].label,
                   jb_msr_unit(msr_profile(rows[i].vendor, rows[i].family,
                                           rows[i].model),
                               rows[i].kind, rows[i].said, &unit),
                   true);
        CHECK_REAL(rows[i].label, (double)unit.num / (double)unit.den,
                   rows[i].uj);
        CHECK_U64(rows[i].label, unit.modulus, UINT64_C(1) << 32);
        CHECK_U64(rows[i].label, unit.read_num, unit.read_den);
    }
}

static void test_zero_unit(void **state)
{
    struct jb_unit unit = { .num = 7 };

    (void)state;
    CHECK_BOOL("zero",
               jb_msr_unit(msr_profile("GenuineIntel", 6, 85),
                           JB_DOMAIN_PACKAGE, 0, &unit),
               false);
    CHECK_U64("untouched", unit.num, 7);
}

static void test_tdp(void **state)
{
    (void)state;
    /* 2^-3 W x 0x528; the fields above bit 14 are not the TDP */
    CHECK_U64(
        "165 W",
        jb_msr_tdp_uw(msr_profile("GenuineIntel", 6, 85), 0xa0e03, 0xffff8528),
        165 * MSR_W);
    CHECK_U64("none",
              jb_msr_tdp_uw(msr_profile("GenuineIntel", 6, 85), 0xa0e03, 0), 0);
    /* 2^5 mW x 140 */
    CHECK_U64("4.48 W",
              jb_msr_tdp_uw(msr_profile("GenuineIntel", 6, 55), 0x505, 140),
              4480000);
}

/* The source */

static void test_server(void **state)
{
    struct msr *test = *state;
    const struct jb_sensor *sensor;

    source_must_open(&test->source);
    source_count(&test->source, 6);
    sensor = source_sensor(&test->source, "package-0", NULL);
    assert_non_null(sensor);
    assert_int_equal(sensor->state, JB_OK);
    assert_int_equal(sensor->domain.kind, JB_DOMAIN_PACKAGE);
    assert_int_equal(sensor->domain.die, JB_NO_DIE);
    CHECK_U64("bound", sensor->pmax_uw, 330 * MSR_W);
    assert_int_equal(sensor->pmax_from, JB_BOUND_TDP);
    CHECK_U64("count", source_take(&test->source, "package-0").raw, 0x123);
    CHECK_U64("count", source_take(&test->source, "package-1").raw, 0x456);
    CHECK_U64("count", source_take(&test->source, "dram-1").raw, 0x88);
    sensor = source_sensor(&test->source, "dram-0", NULL);
    CHECK_U64("unit", sensor->unit.den, 1 << 16);
    CHECK_U64("bound", sensor->pmax_uw, 82500000);
    sensor = source_sensor(&test->source, "dram-1", NULL);
    assert_int_equal(sensor->pmax_from, JB_BOUND_GUESSED);
    sensor = source_sensor(&test->source, "package-1", NULL);
    CHECK_U64("bound", sensor->pmax_uw,
              jb_domain_guessed_pmax_uw(JB_DOMAIN_PACKAGE));
}

/* Servers have no PP0: a part that is not there, and no domain. */
static void test_missing_register(void **state)
{
    struct msr *test = *state;
    const struct jb_sensor *sensor;

    source_must_open(&test->source);
    sensor = source_sensor(&test->source, "core-0", NULL);
    assert_non_null(sensor);
    assert_int_equal(sensor->state, JB_EABSENT);
    assert_int_equal(sensor->domain.kind, JB_DOMAIN_NONE);
    CHECK_TEXT("reason", sensor->reason,
               "rdmsr of 0x639 on cpu0: this CPU has no such register");
    assert_int_equal(source_take(&test->source, "core-0").state, JB_EABSENT);
}

static void test_package_without_counter(void **state)
{
    struct msr *test = *state;
    const struct jb_sensor *sensor;

    msr_registers(test, 2, "0x606 0xa0e03\n");
    source_must_open(&test->source);
    sensor = source_sensor(&test->source, "package-1", NULL);
    assert_int_equal(sensor->state, JB_EABSENT);
    assert_int_equal(sensor->domain.kind, JB_DOMAIN_PACKAGE);
    assert_int_equal(source_sensor(&test->source, "package-0", NULL)->state,
                     JB_OK);
}

static void test_dies(void **state)
{
    struct msr *test = *state;

    for (unsigned cpu = 0; cpu < 4; cpu++)
        msr_cpu(test, cpu, "0\n", cpu < 2 ? "0\n" : "1\n");
    source_must_open(&test->source);
    source_count(&test->source, 6);
    CHECK_U64("die 0", source_take(&test->source, "package-0-die-0").raw,
              0x123);
    CHECK_U64("die 1", source_take(&test->source, "package-0-die-1").raw,
              0x456);
    CHECK_U64("dram", source_take(&test->source, "dram-0-die-1").raw, 0x88);
}

/* On AMD the package is one whatever its dies, and each core has a meter. */
static void test_amd(void **state)
{
    struct msr *test = *state;
    const struct jb_sensor *sensor;

    msr_cpuinfo(test, "AuthenticAMD", 25, 1, "");
    for (unsigned cpu = 0; cpu < 4; cpu++) {
        char name[96];

        msr_cpu(test, cpu, "0\n", cpu < 2 ? "0\n" : "1\n");
        msr_registers(test, cpu,
                      cpu < 2 ? "0xc0010299 0xa1003\n0xc001029b 0x111\n"
                                "0xc001029a 0x21\n"
                              : "0xc0010299 0xa1003\n0xc001029b 0x112\n"
                                "0xc001029a 0x22\n");
        snprintf(name, sizeof(name),
                 "sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
                 cpu);
        tree_write(&test->tree, name, cpu % 2 ? "1,3\n" : "0,2\n");
    }
    source_must_open(&test->source);
    source_count(&test->source, 3);
    CHECK_U64("package", source_take(&test->source, "package-0").raw, 0x111);
    CHECK_U64("core", source_take(&test->source, "core:cpu1").raw, 0x21);
    sensor = source_sensor(&test->source, "core:cpu0", NULL);
    assert_int_equal(sensor->domain.kind, JB_DOMAIN_NONE);
    assert_int_equal(sensor->state, JB_OK);
    CHECK_U64("unit", sensor->unit.den, 1 << 16);
    assert_null(source_sensor(&test->source, "core:cpu2", NULL));
}

/* The board's meter is in one of the packages; it need not be the first. */
static void test_psys(void **state)
{
    struct msr *test = *state;
    const struct jb_sensor *sensor;

    msr_cpuinfo(test, "GenuineIntel", 6, 143, "");
    for (unsigned cpu = 0; cpu < 4; cpu++)
        msr_registers(test, cpu,
                      cpu < 2 ? SERVER_0 "0x64d 0\n" : SERVER_1 "0x64d 0x99\n");
    source_must_open(&test->source);
    sensor = source_sensor(&test->source, "psys", NULL);
    assert_non_null(sensor);
    CHECK_U64("psys", source_take(&test->source, "psys").raw, 0x99);
    CHECK_U64("joules", sensor->unit.num / sensor->unit.den, 1000000);
    assert_null(source_sensor(&test->source, "psys-1", NULL));
}

/* Where no package leads it, it is listed once, for what it says. */
static void test_psys_dead(void **state)
{
    struct msr *test = *state;

    msr_cpuinfo(test, "GenuineIntel", 6, 143, "");
    for (unsigned cpu = 0; cpu < 4; cpu++)
        msr_registers(test, cpu, SERVER_0 "0x64d 0\n");
    source_must_open(&test->source);
    assert_int_equal(source_take(&test->source, "psys").state, JB_OK);
    CHECK_U64("psys", source_take(&test->source, "psys").raw, 0);
    assert_null(source_sensor(&test->source, "psys-1", NULL));
}

/* What opening says of a machine that cannot be read. */

static void msr_refuse(struct msr *test, int status, const char *text,
                       const char *fix)
{
    struct jb_error err = { 0 };

    CHECK_STATUS("open", source_open(&test->source, &err), status, &err);
    if (!strstr(err.text, text))
        fail_msg("got \"%s\", want \"%s\" in it", err.text, text);
    if (!strstr(err.fix, fix) || (fix[0] == '\0' && err.fix[0] != '\0'))
        fail_msg("got fix \"%s\", want \"%s\"", err.fix, fix);
    assert_null(test->source.handle);
}

static void test_no_driver(void **state)
{
    struct msr *test = *state;

    tree_drop(&test->tree, "dev");
    msr_refuse(test, JB_EABSENT, "/dev/cpu/0/msr: the msr driver",
               "sudo modprobe msr");
    msr_cpuinfo(test, "GenuineIntel", 6, 85, " hypervisor");
    msr_refuse(test, JB_EABSENT, "a virtual machine, whose host", "");
}

static void test_hypervisor(void **state)
{
    struct msr *test = *state;

    msr_cpuinfo(test, "GenuineIntel", 6, 85, " hypervisor");
    for (unsigned cpu = 0; cpu < 4; cpu++)
        msr_registers(test, cpu, "0x10 1\n");
    msr_refuse(test, JB_EABSENT,
               "rdmsr of 0x606 on cpu0: no such register; the hypervisor", "");
}

static void test_zeros(void **state)
{
    struct msr *test = *state;
    const struct jb_sensor *sensor;

    for (unsigned cpu = 0; cpu < 4; cpu++)
        msr_registers(test, cpu, "0x606 0\n0x611 0\n0x619 0\n");
    source_must_open(&test->source);
    sensor = source_sensor(&test->source, "package-0", NULL);
    assert_int_equal(sensor->state, JB_EIMPLAUSIBLE);
    assert_non_null(strstr(sensor->reason, "0x606 holds 0"));
    assert_int_equal(source_take(&test->source, "package-0").state,
                     JB_EIMPLAUSIBLE);
}

static void test_unknown_model(void **state)
{
    struct msr *test = *state;

    msr_cpuinfo(test, "GenuineIntel", 6, 173, "");
    msr_refuse(test, JB_EABSENT,
               "GenuineIntel family 6 model 0xad is not in the table",
               "--sources powercap,perf");
    msr_cpuinfo(test, "CentaurHauls", 6, 15, "");
    msr_refuse(test, JB_EABSENT, "only Intel's and AMD's", "");
    tree_drop(&test->tree, "proc");
    msr_refuse(test, JB_EABSENT, "cpuinfo", "");
}

static void test_short_answer(void **state)
{
    struct msr *test = *state;

    for (unsigned cpu = 0; cpu < 4; cpu++)
        msr_registers(test, cpu, "0x606 short\n");
    msr_refuse(test, JB_EFORMAT, "rdmsr of 0x606 on cpu0: malformed", "");
}

/* This machine's registers are not mixed into another's tree. */
static void test_not_mixed(void **state)
{
    struct msr *test = *state;

    test->roots.devfs = "/dev";
    msr_refuse(test, JB_EREFUSED, "/dev is this machine's", "");
}

/* Runs as nobody where we are root, since root may read anything. */
static void msr_as_nobody(struct msr *test, int *status, struct jb_error *err)
{
    int ends[2];
    pid_t child;
    int exited;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct jb_error why = { 0 };

        if (geteuid() == 0 && (setgid(MSR_NOBODY) || setuid(MSR_NOBODY)))
            _exit(1);
        why.status = source_open(&test->source, &why);
        _exit(write(ends[1], &why, sizeof(why)) != sizeof(why));
    }
    assert_int_equal(read(ends[0], err, sizeof(*err)), sizeof(*err));
    assert_int_equal(waitpid(child, &exited, 0), child);
    assert_int_equal(exited, 0);
    close(ends[0]);
    close(ends[1]);
    *status = err->status;
}

static void test_denied(void **state)
{
    struct msr *test = *state;
    struct jb_error err = { 0 };
    int status;

    for (unsigned cpu = 0; cpu < 4; cpu++) {
        char path[TREE_PATH_MAX];
        char name[32];

        snprintf(name, sizeof(name), "dev/cpu/%u/msr", cpu);
        tree_path(&test->tree, name, path);
        assert_int_equal(chmod(path, 0), 0);
    }
    msr_as_nobody(test, &status, &err);
    CHECK_STATUS("nobody", status, JB_EDENIED, &err);
    assert_non_null(strstr(err.text, "Permission denied; it needs root or "
                                     "CAP_SYS_RAWIO"));
    assert_null(strstr(err.text, "lockdown"));
    /* Never a capability of the program; the broker serves this machine's. */
    assert_string_equal(err.fix, "");
    tree_write(&test->tree, "sys/kernel/security/lockdown",
               "none [integrity] confidentiality\n");
    msr_as_nobody(test, &status, &err);
    assert_non_null(strstr(err.text, "; kernel lockdown: integrity"));
    assert_non_null(strstr(err.text, "powercap may still be readable"));
    assert_string_equal(err.fix, "");
    tree_write(&test->tree, "sys/kernel/security/lockdown",
               "[none] integrity confidentiality\n");
    msr_as_nobody(test, &status, &err);
    assert_null(strstr(err.text, "lockdown"));
}

/* Hot-plug */

static void test_offline(void **state)
{
    struct msr *test = *state;
    struct jb_sample sample;

    source_must_open(&test->source);
    assert_int_equal(source_take(&test->source, "package-0").generation, 0);
    /* cpu0 goes: the same register is read on cpu1 */
    msr_registers(test, 1, "0x606 0xa0e03\n0x611 0x200\n");
    msr_drop(test, 0);
    sample = source_take(&test->source, "package-0");
    assert_int_equal(sample.state, JB_OK);
    CHECK_U64("count", sample.raw, 0x200);
    assert_int_equal(sample.generation, 1);
    assert_int_equal(source_take(&test->source, "package-1").generation, 0);
    /* cpu1 goes too: looked for once a second */
    msr_drop(test, 1);
    assert_int_equal(source_take(&test->source, "package-0").state, JB_EABSENT);
    msr_registers(test, 0, "0x606 0xa0e03\n0x611 0x300\n");
    assert_int_equal(source_take(&test->source, "package-0").state, JB_EABSENT);
    test->now_ns += MSR_S;
    sample = source_take(&test->source, "package-0");
    CHECK_U64("count", sample.raw, 0x300);
    assert_int_equal(sample.generation, 2);
}

/* Trouble with a register while it is watched is the sample's, not a gap in
 * the source's mind. */
static void test_trouble_later(void **state)
{
    struct msr *test = *state;

    source_must_open(&test->source);
    msr_registers(test, 0, "0x606 0xa0e03\n0x619 0x99\n");
    assert_int_equal(source_take(&test->source, "package-0").state, JB_EIO);
    CHECK_U64("dram", source_take(&test->source, "dram-0").raw, 0x99);
    msr_registers(test, 0, SERVER_0);
    assert_int_equal(source_take(&test->source, "package-0").state, JB_OK);
    assert_int_equal(source_take(&test->source, "package-0").generation, 0);
}

#define MSR_TEST(name)                                                         \
    cmocka_unit_test_setup_teardown(name, msr_setup, msr_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_zero_unit),
        cmocka_unit_test(test_tdp),
        MSR_TEST(test_server),
        MSR_TEST(test_missing_register),
        MSR_TEST(test_package_without_counter),
        MSR_TEST(test_dies),
        MSR_TEST(test_amd),
        MSR_TEST(test_psys),
        MSR_TEST(test_psys_dead),
        MSR_TEST(test_no_driver),
        MSR_TEST(test_hypervisor),
        MSR_TEST(test_zeros),
        MSR_TEST(test_unknown_model),
        MSR_TEST(test_short_answer),
        MSR_TEST(test_not_mixed),
        MSR_TEST(test_denied),
        MSR_TEST(test_offline),
        MSR_TEST(test_trouble_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
