/* SPDX-License-Identifier: Apache-2.0 */
/* The back end `proc` on machines made of files. */
#include "usage_tree.h"

#include "usage/backends.h"

static const uint64_t second_ns = UINT64_C(1000000000);

struct fixture {
    struct machine machine;
    struct jb_usage *usage;
    const struct jb_usage_turn *turn;
};

static void fixture_open(struct fixture *fixture)
{
    struct jb_error err = { 0 };

    CHECK_STATUS("open",
                 jb_usage_proc.open(&fixture->machine.env,
                                    &fixture->machine.options, &fixture->usage,
                                    &err),
                 JB_OK, &err);
}

static void fixture_turn(struct fixture *fixture)
{
    fixture->machine.now_ns += second_ns;
    CHECK_STATUS("turn",
                 jb_usage_proc.turn(fixture->usage, &fixture->turn, NULL),
                 JB_OK, NULL);
}

static void fixture_close(struct fixture *fixture)
{
    jb_usage_proc.close(fixture->usage);
    machine_release(&fixture->machine);
}

static const struct machine_process worker = {
    .pid = 100,
    .ppid = 7,
    .threads = 1,
    .run_ns = 5000000,
    .start_ticks = 500,
    .comm = "worker",
    .cgroup = "0::/a\n",
};

/* What it used before the base line is nobody's; then each nanosecond once. */
static void test_alone(void **state)
{
    struct fixture f;
    struct machine_process process = worker;
    const struct jb_usage_row *row;

    (void)state;
    machine_init(&f.machine, 1);
    f.machine.options.rest = 1;
    machine_write(&f.machine, &process);
    fixture_open(&f);
    fixture_turn(&f);
    assert_null(machine_row(f.turn, 100));
    CHECK_U64("from", f.turn->from_ns, 100 * second_ns);
    CHECK_U64("to", f.turn->to_ns, 101 * second_ns);

    process.run_ns += 1234567;
    process.ticks = 1; /* of 10 ms: schedstat knows better */
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    row = machine_row(f.turn, 100);
    assert_non_null(row);
    CHECK_U64("used", row->cpu_ns, 1234567);
    CHECK_U64("start", row->start_ticks, 500);
    CHECK_U64("parent", row->ppid, 7);
    CHECK_U64("uid", row->uid, 1000);
    CHECK_U64("place", row->place, 0);
    CHECK_U64("flags", row->flags, JB_USAGE_HAS_UID);
    CHECK_TEXT("name", row->comm, "worker");
    CHECK_TEXT("cgroup", machine_path(f.turn, row->group), "/a");
    fixture_turn(&f);
    assert_null(machine_row(f.turn, 100));
    fixture_close(&f);
}

/* All of a process that was born since; none of one that is older but was not
 * there to be seen. */
static void test_newcomers(void **state)
{
    struct fixture f;
    struct machine_process process = worker;

    (void)state;
    machine_init(&f.machine, 1);
    fixture_open(&f);
    process.start_ticks = 10050;
    machine_write(&f.machine, &process);
    process.pid = 101;
    process.start_ticks = 9999;
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    assert_non_null(machine_row(f.turn, 100));
    CHECK_U64("new", machine_row(f.turn, 100)->cpu_ns, 5000000);
    assert_null(machine_row(f.turn, 101));
    process.run_ns += 10;
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    CHECK_U64("old", machine_row(f.turn, 101)->cpu_ns, 10);
    fixture_close(&f);
}

/* schedstat is the leading thread's: with more threads ticks count, and what
 * was counted in ns before is not counted again. */
static void test_threads(void **state)
{
    struct fixture f;
    struct machine_process process = worker;
    uint64_t sum_ns = 0;

    (void)state;
    machine_init(&f.machine, 1);
    f.machine.options.rest = 1;
    machine_write(&f.machine, &process);
    fixture_open(&f);
    process.threads = 3;
    process.run_ns = 25000000;
    process.ticks = 6;
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    sum_ns += machine_row(f.turn, 100)->cpu_ns;
    CHECK_U64("60 ms by ticks", sum_ns, 55000000);
    process.run_ns = 26000000; /* the leader's progress is not in ticks yet */
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    assert_null(machine_row(f.turn, 100));
    process.ticks = 9;
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    sum_ns += machine_row(f.turn, 100)->cpu_ns;
    CHECK_U64("90 ms", sum_ns, 85000000);
    CHECK_U64("threads", machine_row(f.turn, 100)->threads, 3);
    /* Alone again: the ended threads' time stays. */
    process.threads = 1;
    process.ticks = 10;
    process.run_ns = 30000000;
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    sum_ns += machine_row(f.turn, 100)->cpu_ns;
    CHECK_U64("100 ms", sum_ns, 95000000);
    process.run_ns += 77;
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    CHECK_U64("in ns again", machine_row(f.turn, 100)->cpu_ns, 77);
    fixture_close(&f);
}

/* One is read through a kept descriptor, one by its name. */
static void test_number_is_used_again(void **state)
{
    (void)state;
    for (unsigned kept = 0; kept < 2; kept++) {
        struct fixture f;
        struct machine_process process = worker;
        size_t exited = 0;
        uint64_t sum_ns = 0;

        machine_init(&f.machine, 1);
        f.machine.options.kept = kept;
        machine_write(&f.machine, &process);
        fixture_open(&f);
        process.start_ticks = 10010;
        process.run_ns = 42;
        process.comm = "other";
        machine_write(&f.machine, &process);
        fixture_turn(&f);
        for (size_t i = 0; i < f.turn->row_count; i++) {
            const struct jb_usage_row *row = &f.turn->rows[i];

            exited += row->start_ticks == 500 && row->flags & JB_USAGE_EXITED &&
                      row->cpu_ns == 0;
            sum_ns += row->start_ticks == 10010 ? row->cpu_ns : 0;
        }
        CHECK_U64("the old one ended", exited, 1);
        CHECK_U64("the new one began", sum_ns, 42);
        CHECK_U64("counted", f.turn->lost.exits, 1);
        fixture_close(&f);
    }
}

static void test_end(void **state)
{
    struct fixture f;
    const struct jb_usage_row *row;

    (void)state;
    machine_init(&f.machine, 1);
    machine_write(&f.machine, &worker);
    fixture_open(&f);
    machine_end(&f.machine, 100);
    fixture_turn(&f);
    row = machine_row(f.turn, 100);
    assert_non_null(row);
    CHECK_U64("ended", row->flags & JB_USAGE_EXITED, JB_USAGE_EXITED);
    CHECK_U64("what it used last is not known", row->cpu_ns, 0);
    CHECK_U64("counted", f.turn->lost.exits, 1);
    fixture_turn(&f);
    CHECK_U64("once", f.turn->row_count, 0);
    fixture_close(&f);
}

static void test_exec_renames(void **state)
{
    struct fixture f;
    struct machine_process process = worker;

    (void)state;
    machine_init(&f.machine, 1);
    machine_write(&f.machine, &process);
    fixture_open(&f);
    for (unsigned i = 0; i < 8; i++) { /* it is settled after some readings */
        process.run_ns += 1000;
        machine_write(&f.machine, &process);
        fixture_turn(&f);
    }
    process.cgroup = "0::/b\n";
    process.run_ns += 1000;
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    CHECK_TEXT("not looked at", machine_path(f.turn, f.turn->rows[0].group),
               "/a");
    process.comm = "sleep (1)\n";
    process.run_ns += 1000;
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    CHECK_TEXT("new name", f.turn->rows[0].comm, "sleep (1)\n");
    CHECK_TEXT("looked at", machine_path(f.turn, f.turn->rows[0].group), "/b");
    fixture_close(&f);
}

/* cgroup v1 shows it in "/" once it exits: that is no move. */
static void test_exiting_is_no_move(void **state)
{
    struct fixture f;
    struct machine_process process = worker;

    (void)state;
    machine_init(&f.machine, 1);
    tree_write(&f.machine.tree, "cgroup/cpuacct/cpuacct.usage", "0");
    tree_write(&f.machine.tree, "cgroup/cpuacct/a/cpuacct.usage", "0");
    process.cgroup = "3:cpuacct:/a\n";
    machine_write(&f.machine, &process);
    fixture_open(&f);
    process.run_ns += 1000;
    process.zombie = true;
    process.cgroup = "3:cpuacct:/\n";
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    CHECK_TEXT("where it was", machine_path(f.turn, f.turn->rows[0].group),
               "/a");
    fixture_close(&f);
}

/* A sleeper is read every 8th turn; what it used in between is not lost. */
static void test_sleeper(void **state)
{
    struct fixture f;
    struct machine_process process = worker;
    unsigned turns = 0;
    uint64_t used_ns = 0;

    (void)state;
    machine_init(&f.machine, 1);
    machine_write(&f.machine, &process);
    fixture_open(&f);
    for (unsigned i = 0; i < 32; i++)
        fixture_turn(&f);
    process.run_ns += 1000;
    machine_write(&f.machine, &process);
    while (used_ns == 0 && turns < 9) {
        fixture_turn(&f);
        turns++;
        if (machine_row(f.turn, 100))
            used_ns = machine_row(f.turn, 100)->cpu_ns;
    }
    CHECK_U64("all of it", used_ns, 1000);
    CHECK_BOOL("within 8 turns", turns <= 8, true);
    fixture_close(&f);
}

/* The kernel's sum says that somebody ran: then sleepers are asked at once. */
static void test_sleeper_wakes(void **state)
{
    struct fixture f;
    struct machine_process process = worker;

    (void)state;
    machine_init(&f.machine, 1);
    machine_write(&f.machine, &process);
    tree_write(&f.machine.tree, "proc/stat",
               "cpu  0 0 0 0\ncpu0 0 0 0 0\ncpu1 0 0 0 0\nintr 1\n");
    fixture_open(&f);
    for (unsigned i = 0; i < 33; i++)
        fixture_turn(&f);
    process.run_ns += 900000000;
    machine_write(&f.machine, &process);
    tree_write(&f.machine.tree, "proc/stat",
               "cpu  90 0 0 0\ncpu0 90 0 0 0\ncpu1 0 0 0 100\nintr 1\n");
    fixture_turn(&f);
    assert_non_null(machine_row(f.turn, 100));
    CHECK_U64("at once", machine_row(f.turn, 100)->cpu_ns, 900000000);
    CHECK_U64("busy", f.turn->places[0].busy_ns, 900000000);
    CHECK_U64("capacity", f.turn->places[0].capacity_ns, 2 * second_ns);
    fixture_close(&f);
}

static void test_places(void **state)
{
    struct fixture f;
    struct machine_process process = worker;

    (void)state;
    machine_init(&f.machine, 2);
    machine_write(&f.machine, &process);
    process.pid = 101;
    process.threads = 2;
    machine_write(&f.machine, &process);
    fixture_open(&f);
    process.ticks = 5;
    process.cpu = 3;
    machine_write(&f.machine, &process);
    process.pid = 100;
    process.threads = 1;
    process.run_ns += 1000;
    machine_write(&f.machine, &process);
    fixture_turn(&f);
    CHECK_U64("by its CPU", machine_row(f.turn, 100)->place, 1);
    CHECK_U64("several threads", machine_row(f.turn, 101)->place,
              JB_USAGE_PLACE_UNKNOWN);
    fixture_close(&f);
}

static void test_garbage(void **state)
{
    struct fixture f;
    struct machine_process process = worker;

    (void)state;
    machine_init(&f.machine, 1);
    machine_write(&f.machine, &process);
    tree_write(&f.machine.tree, "proc/55/stat", "55 (x) nonsense");
    tree_write(&f.machine.tree, "proc/56x/stat", "no process");
    tree_write(&f.machine.tree, "proc/99999999/stat", "no process");
    fixture_open(&f);
    tree_write(&f.machine.tree, "proc/100/schedstat", "oops");
    fixture_turn(&f);
    CHECK_U64("nobody", f.turn->row_count, 0);
    CHECK_U64("counted", f.turn->lost.malformed, 3); /* with 1/stat */
    process.run_ns += 5;
    machine_write(&f.machine, &process);
    for (unsigned i = 0; i < 8 && f.turn->row_count == 0; i++)
        fixture_turn(&f);
    CHECK_U64("it goes on", machine_row(f.turn, 100)->cpu_ns, 5);
    fixture_close(&f);
}

/* A kernel that does not count it shows zeros, or has no such file. */
static void test_no_schedstat(void **state)
{
    (void)state;
    for (unsigned zeros = 0; zeros < 2; zeros++) {
        struct fixture f;
        struct machine_process process = worker;

        machine_init(&f.machine, 1);
        process.run_ns = 0;
        process.ticks = 3;
        machine_write(&f.machine, &process);
        if (!zeros)
            tree_drop(&f.machine.tree, "proc/100/schedstat");
        fixture_open(&f);
        process.ticks = 5;
        machine_write(&f.machine, &process);
        if (!zeros)
            tree_drop(&f.machine.tree, "proc/100/schedstat");
        fixture_turn(&f);
        CHECK_U64("by ticks", machine_row(f.turn, 100)->cpu_ns, 20000000);
        fixture_close(&f);
    }
}

static void test_ceiling(void **state)
{
    struct fixture f;
    struct machine_process process = worker;

    (void)state;
    machine_init(&f.machine, 1);
    f.machine.options.processes_max = 16;
    fixture_open(&f);
    for (process.pid = 100; process.pid < 120; process.pid++) {
        process.start_ticks = 20000;
        machine_write(&f.machine, &process);
    }
    fixture_turn(&f);
    CHECK_U64("rows", f.turn->row_count, 15); /* 1 is followed too */
    CHECK_U64("counted", f.turn->lost.processes, 5);
    fixture_close(&f);
}

/* The clock stands at the deadline: nothing is read, and all of it later. */
static uint64_t hasty_now(void *context)
{
    struct machine *machine = context;

    return machine->now_ns += second_ns;
}

static void test_budget(void **state)
{
    struct fixture f;
    struct machine_process process = worker;

    (void)state;
    machine_init(&f.machine, 1);
    machine_write(&f.machine, &process);
    fixture_open(&f);
    process.run_ns += 5;
    machine_write(&f.machine, &process);
    f.machine.clock.now_ns = hasty_now;
    fixture_turn(&f);
    CHECK_U64("nothing yet", f.turn->row_count, 0);
    CHECK_U64("told", f.turn->lost.deferred, 2);
    f.machine.clock.now_ns = machine_now;
    fixture_turn(&f);
    CHECK_U64("later", machine_row(f.turn, 100)->cpu_ns, 5);
    fixture_close(&f);
}

static void test_extras(void **state)
{
    struct fixture f;
    const struct jb_usage_row *row;

    (void)state;
    machine_init(&f.machine, 1);
    f.machine.options.memory = JB_USAGE_MEMORY_PSS;
    f.machine.options.io = true;
    machine_write(&f.machine, &worker);
    tree_write(&f.machine.tree, "proc/100/statm", "100 3 2 1 0 1 0\n");
    tree_write(&f.machine.tree, "proc/100/smaps_rollup",
               "0-f ---p 0 0:0 0 [rollup]\nRss: 12 kB\nPss: 10 kB\n"
               "Private_Clean: 3 kB\nPrivate_Dirty: 4 kB\n");
    tree_write(&f.machine.tree, "proc/100/io",
               "rchar: 1\nwchar: 2\nread_bytes: 4096\nwrite_bytes: 8192\n");
    fixture_open(&f);
    fixture_turn(&f); /* sleepers have memory too */
    row = machine_row(f.turn, 100);
    assert_non_null(row);
    CHECK_U64("flags", row->flags,
              JB_USAGE_HAS_UID | JB_USAGE_HAS_RSS | JB_USAGE_HAS_PSS |
                  JB_USAGE_HAS_IO);
    CHECK_U64("rss", row->rss_bytes, 3U * (uint64_t)sysconf(_SC_PAGESIZE));
    CHECK_U64("pss", row->pss_bytes, 10240);
    CHECK_U64("uss", row->uss_bytes, 7168);
    CHECK_U64("read", row->read_bytes, 4096);
    CHECK_U64("written", row->written_bytes, 8192);
    fixture_close(&f);
}

static void test_absent(void **state)
{
    struct fixture f;
    struct jb_error err = { 0 };

    (void)state;
    machine_init(&f.machine, 1);
    f.machine.roots.procfs = "/nonexistent";
    CHECK_STATUS(
        "no /proc",
        jb_usage_proc.open(&f.machine.env, &f.machine.options, &f.usage, &err),
        JB_EABSENT, &err);
    machine_release(&f.machine);
}

static void test_hidepid(void **state)
{
    struct fixture f;
    const struct jb_error *note;

    (void)state;
    machine_init(&f.machine, 1);
    tree_drop(&f.machine.tree, "proc/1");
    fixture_open(&f);
    note = jb_usage_proc.note(f.usage);
    CHECK_STATUS("note", note->status, JB_EDENIED, NULL);
    assert_non_null(strstr(note->fix, "hidepid=0"));
    fixture_close(&f);
}

static void test_choose(void **state)
{
    struct machine machine;
    struct jb_usage_choice choice = { 0 };
    struct jb_error err = { 0 };

    (void)state;
    machine_init(&machine, 1);
    CHECK_STATUS(
        "no such",
        jb_usage_choose(&machine.env, "magic", &machine.options, &choice, &err),
        JB_EUSAGE, &err);
    CHECK_STATUS(
        "needs this kernel",
        jb_usage_choose(&machine.env, "bpf", &machine.options, &choice, &err),
        JB_EREFUSED, &err);
    CHECK_STATUS(
        "the best that works",
        jb_usage_choose(&machine.env, NULL, &machine.options, &choice, &err),
        JB_OK, &err);
    CHECK_TEXT("on a recording", choice.desc->name, "proc");
    CHECK_U64("all were tried", choice.try_count, 3);
    CHECK_STATUS("bpf", choice.tries[0].error.status, JB_EREFUSED, NULL);
    CHECK_STATUS("taskstats", choice.tries[1].error.status, JB_EREFUSED, NULL);
    CHECK_STATUS("proc", choice.tries[2].error.status, JB_OK, NULL);
    choice.desc->close(choice.usage);
    machine_release(&machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_newcomers),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_number_is_used_again),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_exec_renames),
        cmocka_unit_test(test_exiting_is_no_move),
        cmocka_unit_test(test_sleeper),
        cmocka_unit_test(test_sleeper_wakes),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_no_schedstat),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_extras),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_hidepid),
        cmocka_unit_test(test_choose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
