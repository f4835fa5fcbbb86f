/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel writes below /proc/<pid>, and what a process puts into it. */
#include "check.h"

#include "usage/pidfile.h"

/* Fields 3 to 52 of a stat whose user, system time, threads, start and CPU are
 * given. */
#define STAT_TAIL(state, ppid, flags, user, system, threads, start, cpu)       \
    state " " ppid " 1 1 0 -1 " flags " 10 20 30 40 " user " " system          \
          " 7 8 20 0 " threads " 0 " start                                     \
          " 1000 200 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 " cpu     \
          " 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

struct stat_row {
    const char *label, *text;
    bool good;
    struct jb_pid_stat want;
};

static const struct stat_row stat_rows[] = {
    { "plain",
      "42 (cat) " STAT_TAIL("S", "7", "4194304", "11", "31", "1", "5000", "3"),
      true,
      { 42, 7, 1, 3, 42, 5000, false, false, "cat" } },
    { "blanks",
      "42 (a b c) " STAT_TAIL("R", "7", "0", "1", "0", "1", "5", "0"),
      true,
      { 42, 7, 1, 0, 1, 5, false, false, "a b c" } },
    { "a name that looks like the rest",
      "42 () R 1 1 1 1 (x) " STAT_TAIL("S", "7", "0", "1", "0", "1", "5", "0"),
      true,
      { 42, 7, 1, 0, 1, 5, false, false, ") R 1 1 1 1 (x" } },
    { "newline",
      "42 (a\nb) " STAT_TAIL("S", "7", "0", "1", "0", "1", "5", "0"),
      true,
      { 42, 7, 1, 0, 1, 5, false, false, "a\nb" } },
    { "no name",
      "42 () " STAT_TAIL("S", "7", "0", "1", "0", "1", "5", "0"),
      true,
      { 42, 7, 1, 0, 1, 5, false, false, "" } },
    { "a worker says what it does",
      "9 (kworker/0:1H-kblockd) " STAT_TAIL("I", "2", "69238880", "0", "4", "1",
                                            "5", "0"),
      true,
      { 9, 2, 1, 0, 4, 5, true, false, "kworker/0:1H" } },
    { "a long kernel thread",
      "9 (rcu_exp_par_gp_kthread) " STAT_TAIL("I", "2", "2097152", "0", "4",
                                              "1", "5", "0"),
      true,
      { 9, 2, 1, 0, 4, 5, true, false, "rcu_exp_par_gp_" } },
    { "a user's program of that name keeps it",
      "9 (kworker/0:1-ha) " STAT_TAIL("S", "1", "0", "0", "4", "1", "5", "0"),
      true,
      { 9, 1, 1, 0, 4, 5, false, false, "kworker/0:1-ha" } },
    { "zombie",
      "42 (x) " STAT_TAIL("Z", "7", "4", "1", "2", "1", "5", "1"),
      true,
      { 42, 7, 1, 1, 3, 5, false, true, "x" } },
    { "exiting",
      "42 (x) " STAT_TAIL("R", "7", "4", "1", "2", "1", "5", "1"),
      true,
      { 42, 7, 1, 1, 3, 5, false, true, "x" } },
    { "negative process group",
      "42 (x) S 7 1 1 0 -1 0 1 1 1 1 1 2 -1 -1 -2 "
      "-20 4 -1 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 -1 6 0\n",
      true,
      { 42, 7, 4, 6, 3, 5, false, false, "x" } },
    { "sum too large",
      "42 (x) " STAT_TAIL("R", "7", "0", "18446744073709551615", "2", "1", "5",
                          "1"),
      false,
      { 0 } },
    { "pid too large",
      "4194305 (x) " STAT_TAIL("R", "7", "0", "1", "2", "1", "5", "1"),
      false,
      { 0 } },
    { "negative time",
      "42 (x) " STAT_TAIL("R", "7", "0", "-1", "2", "1", "5", "1"),
      false,
      { 0 } },
    { "a letter too many",
      "42 (x) " STAT_TAIL("RR", "7", "0", "1", "2", "1", "5", "1"),
      false,
      { 0 } },
    { "CPU too large",
      "42 (x) " STAT_TAIL("R", "7", "0", "1", "2", "1", "5", "65536"),
      false,
      { 0 } },
    { "cut off",
      "42 (x) S 7 1 1 0 -1 0 1 1 1 1 1 2 -1 -1 -2 -20 4 -1 5 0 0",
      false,
      { 0 } },
    { "no pid",
      "(x) " STAT_TAIL("R", "7", "0", "1", "2", "1", "5", "1"),
      false,
      { 0 } },
    { "no end of the name", "42 (x S 7 1 1", false, { 0 } },
    { "the wrong way round", "42 )x( S 7 1 1", false, { 0 } },
    { "empty", "", false, { 0 } },
};

static void test_stat(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(stat_rows); i++) {
        const struct stat_row *row = &stat_rows[i];
        struct jb_pid_stat got = { .pid = 77 };

        CHECK_BOOL(row->label,
                   jb_pidfile_stat(row->text, strlen(row->text), &got),
                   row->good);
        if (!row->good) {
            CHECK_U64(row->label, got.pid, 77);
            continue;
        }
        CHECK_U64(row->label, got.pid, row->want.pid);
        CHECK_U64(row->label, got.ppid, row->want.ppid);
        CHECK_U64(row->label, got.threads, row->want.threads);
        CHECK_U64(row->label, got.cpu, row->want.cpu);
        CHECK_U64(row->label, got.cpu_ticks, row->want.cpu_ticks);
        CHECK_U64(row->label, got.start_ticks, row->want.start_ticks);
        CHECK_BOOL(row->label, got.kernel, row->want.kernel);
        CHECK_BOOL(row->label, got.exiting, row->want.exiting);
        CHECK_TEXT(row->label, got.comm, row->want.comm);
    }
}

static void test_schedstat(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t run_ns, slices;
    } rows[] = {
        { "1234567890123 555 42\n", true, 1234567890123, 42 },
        { "0 0 0\n", true, 0, 0 },
        { "1 2\n", false, 9, 9 },
        { "1 2 x\n", false, 9, 9 },
        { "-1 2 3\n", false, 9, 9 },
        { "", false, 9, 9 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        uint64_t run_ns = 9;
        uint64_t slices = 9;

        CHECK_BOOL(rows[i].text,
                   jb_pidfile_schedstat(rows[i].text, strlen(rows[i].text),
                                        &run_ns, &slices),
                   rows[i].good);
        CHECK_U64(rows[i].text, run_ns, rows[i].run_ns);
        CHECK_U64(rows[i].text, slices, rows[i].slices);
    }
}

static void test_cgroup(void **state)
{
    static const char hybrid[] = "12:cpuset:/\n4:cpu,cpuacct:/slurm/job 7:x\n"
                                 "1:name=systemd:/a\n0::/b (deleted)\n";
    static const struct {
        const char *text, *controller, *path;
    } rows[] = {
        { hybrid, "cpuacct", "/slurm/job 7:x" },
        { hybrid, "cpu", "/slurm/job 7:x" },
        { hybrid, "", "/b" },
        { hybrid, "acct", NULL },
        { hybrid, "cpuacc", NULL },
        { hybrid, "memory", NULL },
        { "0::/\n", "", "/" },
        { "0::/../../x\n", "", "/../../x" },
        { "0::/ (deleted)\n", "", "/" },
        { "0:: (deleted)\n", "", NULL },
        { "0::/cut", "", NULL }, /* more would have come */
        { "0::\n0::/second\n", "", "/second" },
        { "x::/\n", "", NULL },
        { ":\n::\n:::\n", "", NULL },
        { "", "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        const char *path = NULL;
        size_t length = 0;
        char got[64] = "";
        bool good = jb_pidfile_cgroup(rows[i].text, strlen(rows[i].text),
                                      rows[i].controller, &path, &length);

        CHECK_BOOL(rows[i].text, good, rows[i].path != NULL);
        if (good)
            snprintf(got, sizeof(got), "%.*s", (int)length, path);
        CHECK_TEXT(rows[i].text, got, rows[i].path ? rows[i].path : "");
    }
}

static void test_hierarchy(void **state)
{
    static const char text[] = "4:cpu,cpuacct:/a\n0::/b\n";
    uint32_t number = 77;

    (void)state;
    CHECK_BOOL("cpuacct",
               jb_pidfile_hierarchy(text, strlen(text), "cpuacct", &number),
               true);
    CHECK_U64("cpuacct", number, 4);
    CHECK_BOOL("memory",
               jb_pidfile_hierarchy(text, strlen(text), "memory", &number),
               false);
    CHECK_U64("untouched", number, 4);
}

static void test_values(void **state)
{
    static const char status[] =
        "Name:\tUid:\t7\nUmask:\t0022\nUid:\t1000\t0\t0\t0\nGid:\t5\t0\n";
    static const char rollup[] =
        "55 rollup\nRss:      884 kB\nPss_Dirty: 5 kB\n"
        "Pss:                 385 kB\n";
    uint64_t value = 9;
    uint32_t uid = 9;

    (void)state;
    CHECK_BOOL("uid", jb_pidfile_uid(status, strlen(status), &uid), true);
    CHECK_U64("the real one", uid, 1000);
    CHECK_BOOL("no uid", jb_pidfile_uid("Gid:\t1\n", 7, &uid), false);
    CHECK_BOOL("pss", jb_pidfile_value(rollup, strlen(rollup), "Pss", &value),
               true);
    CHECK_U64("pss", value, 385);
    CHECK_BOOL("cut off", jb_pidfile_value("Pss: 38", 7, "Pss", &value), false);
    CHECK_BOOL("no number", jb_pidfile_value("Pss: x\n", 7, "Pss", &value),
               false);
    CHECK_U64("untouched", value, 385);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stat),   cmocka_unit_test(test_schedstat),
        cmocka_unit_test(test_cgroup), cmocka_unit_test(test_hierarchy),
        cmocka_unit_test(test_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
