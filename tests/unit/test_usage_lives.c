/* SPDX-License-Identifier: Apache-2.0 */
/* Forks and exit records against a table of processes: no kernel is asked. */
#include "usage_tree.h"

#include "usage/lives.h"

static const uint64_t second_ns = UINT64_C(1000000000);

struct fixture {
    struct machine machine;
    struct jb_frame frame;
    struct jb_scan *scan;
    const struct jb_usage_turn *turn;
};

static const struct machine_process shell = {
    .pid = 100,
    .ppid = 7,
    .threads = 1,
    .run_ns = 5000000,
    .start_ticks = 500,
    .comm = "shell",
    .cgroup = "0::/a\n",
};

static void fixture_open(struct fixture *f)
{
    struct jb_error err = { 0 };

    machine_init(&f->machine, 1);
    machine_write(&f->machine, &shell);
    f->scan = calloc(1, sizeof(*f->scan));
    assert_non_null(f->scan);
    CHECK_STATUS(
        "frame",
        jb_frame_open(&f->frame, &f->machine.env, &f->machine.options, &err),
        JB_OK, &err);
    CHECK_STATUS("scan", jb_scan_open(f->scan, &f->frame, &err), JB_OK, &err);
    jb_frame_start(&f->frame);
}

static void fixture_begin(struct fixture *f)
{
    f->machine.now_ns += second_ns;
    jb_frame_begin(&f->frame);
    jb_scan_begin(f->scan);
}

static void fixture_end(struct fixture *f)
{
    jb_scan_read(f->scan);
    f->turn = jb_frame_end(&f->frame);
}

static void fixture_close(struct fixture *f)
{
    jb_scan_close(f->scan);
    free(f->scan);
    jb_frame_close(&f->frame);
    machine_release(&f->machine);
}

static void fork_at(struct fixture *f, uint32_t parent, uint32_t tgid,
                    uint32_t tid)
{
    const struct jb_fork event = { parent, tid, tgid,
                                   f->machine.now_ns - second_ns / 2 };

    jb_lives_begin(f->scan, &event, 0, true);
}

/* A process of one thread that never slept: what it did not wait it ran. */
static struct jb_exit ended(uint32_t pid, uint64_t life_us)
{
    return (struct jb_exit){ .tid = pid,
                             .tgid = pid,
                             .ppid = 100,
                             .uid = 42,
                             .run_ns = 1000,
                             .runs = 1,
                             .elapsed_us = life_us,
                             .last = true,
                             .knows_last = true,
                             .comm = "true" };
}

static void end(struct fixture *f, struct jb_exit record)
{
    assert_true(jb_lives_end(f->scan, &record));
}

static void test_short_life(void **state)
{
    struct fixture f;
    const struct jb_usage_row *row;

    (void)state;
    fixture_open(&f);
    fixture_begin(&f);
    fork_at(&f, 100, 200, 200);
    end(&f, ended(200, 700));
    fixture_end(&f);
    row = machine_row(f.turn, 200);
    assert_non_null(row);
    CHECK_U64("used", row->cpu_ns, 700000);
    CHECK_U64("flags", row->flags,
              JB_USAGE_EXITED | JB_USAGE_DERIVED | JB_USAGE_HAS_UID);
    CHECK_U64("uid", row->uid, 42);
    CHECK_U64("parent", row->ppid, 100);
    CHECK_U64("start", row->start_ticks, 10050);
    CHECK_TEXT("name", row->comm, "true");
    CHECK_TEXT("cgroup", machine_path(f.turn, row->group), "/a");
    fixture_begin(&f);
    fixture_end(&f);
    CHECK_U64("once", f.turn->row_count, 0);
    fixture_close(&f);
}

/* What the record says of time, in each of its ways. */
static void test_record(void **state)
{
    static const struct {
        const char *label;
        struct jb_exit record;
        uint64_t want_ns;
    } rows[] = {
        { "never slept",
          { .run_ns = 1, .runs = 2, .elapsed_us = 900, .wait_ns = 100000 },
          800000 },
        { "scheduler knows more",
          { .run_ns = 950000, .runs = 2, .elapsed_us = 900, .wait_ns = 0 },
          950000 },
        { "slept: ticks",
          { .run_ns = 1,
            .runs = 2,
            .elapsed_us = 90000,
            .sleeps = 1,
            .tick_ns = 4000000 },
          4000000 },
        { "slept: scheduler",
          { .run_ns = 5000000,
            .runs = 2,
            .sleeps = 1,
            .elapsed_us = 90000,
            .tick_ns = 4000000 },
          5000000 },
        { "more ticks than it lived",
          { .run_ns = 1,
            .runs = 2,
            .sleeps = 1,
            .elapsed_us = 1000,
            .tick_ns = 4000000 },
          1000000 },
        { "waits are not counted",
          { .run_ns = 7, .elapsed_us = 1000, .tick_ns = 4000000 },
          4000000 },
        { "waited longer than it lived",
          { .run_ns = 7,
            .runs = 1,
            .elapsed_us = 1,
            .wait_ns = 5000,
            .tick_ns = 0 },
          7 },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(rows); i++) {
        struct fixture f;
        struct jb_exit record = rows[i].record;

        fixture_open(&f);
        fixture_begin(&f);
        fork_at(&f, 100, 200, 200);
        record.tid = record.tgid = 200;
        record.last = record.knows_last = true;
        end(&f, record);
        fixture_end(&f);
        assert_non_null(machine_row(f.turn, 200));
        CHECK_U64(rows[i].label, machine_row(f.turn, 200)->cpu_ns,
                  rows[i].want_ns);
        fixture_close(&f);
    }
}

/* What a turn has booked is not booked again at the end. */
static void test_seen_alive(void **state)
{
    struct fixture f;
    struct machine_process child = shell;

    (void)state;
    fixture_open(&f);
    fixture_begin(&f);
    fork_at(&f, 100, 200, 200);
    child.pid = 200;
    child.ppid = 100;
    child.start_ticks = 10049; /* the event is stamped a little later */
    child.run_ns = 300000;
    child.cgroup = "0::/b\n";
    machine_write(&f.machine, &child);
    fixture_end(&f);
    CHECK_U64("alive", machine_row(f.turn, 200)->cpu_ns, 300000);
    fixture_begin(&f);
    machine_end(&f.machine, 200);
    end(&f, ended(200, 700));
    fixture_end(&f);
    CHECK_U64("the rest", machine_row(f.turn, 200)->cpu_ns, 400000);
    CHECK_U64("start", machine_row(f.turn, 200)->start_ticks, 10049);
    CHECK_TEXT("where it was", machine_path(f.turn, f.turn->rows[0].group),
               "/b");
    fixture_close(&f);
}

/* The first process of a job is moved after its birth; its children, who were
 * not looked at, are where it is. */
static void test_launcher(void **state)
{
    struct fixture f;
    struct machine_process job = shell;

    (void)state;
    fixture_open(&f);
    fixture_begin(&f);
    job.pid = 200;
    job.start_ticks = 10050;
    job.cgroup = "0::/job\n";
    machine_write(&f.machine, &job);
    fork_at(&f, 100, 200, 200);
    fork_at(&f, 200, 201, 201);
    fork_at(&f, 201, 202, 202);
    end(&f, ended(201, 10));
    end(&f, ended(202, 10));
    fixture_end(&f);
    CHECK_TEXT("child", machine_path(f.turn, machine_row(f.turn, 201)->group),
               "/job");
    CHECK_TEXT("grandchild",
               machine_path(f.turn, machine_row(f.turn, 202)->group), "/job");
    fixture_close(&f);
}

/* Both lives of a number are waiting: records are of the older one first. */
static void test_number_is_used_again(void **state)
{
    struct fixture f;
    uint64_t sum_ns = 0;

    (void)state;
    fixture_open(&f);
    fixture_begin(&f);
    fork_at(&f, 100, 200, 200);
    f.machine.now_ns += second_ns;
    fork_at(&f, 100, 200, 200);
    end(&f, ended(200, 10));
    end(&f, ended(200, 20));
    fixture_end(&f);
    CHECK_U64("two lives", f.turn->row_count, 2);
    CHECK_U64("the first", f.turn->rows[0].cpu_ns, 10000);
    CHECK_U64("the second", f.turn->rows[1].cpu_ns, 20000);
    sum_ns = f.turn->rows[1].start_ticks - f.turn->rows[0].start_ticks;
    CHECK_U64("a second apart", sum_ns, 100);
    fixture_close(&f);
}

/* A zombie from before the base line: no record of it will come. */
static void test_left_over(void **state)
{
    struct fixture f;
    struct machine_process zombie = shell;
    struct jb_exit record = ended(200, 20);

    (void)state;
    fixture_open(&f);
    f.scan->utc_offset_ns = (int64_t)(1000 * second_ns);
    fixture_begin(&f);
    zombie.pid = 200;
    zombie.zombie = true;
    machine_write(&f.machine, &zombie);
    assert_int_equal(jb_scan_list(f.scan, NULL), JB_OK);
    fixture_end(&f);
    fixture_begin(&f);
    fork_at(&f, 100, 200, 200); /* its number again */
    record.began_s = 1101;
    end(&f, record);
    fixture_end(&f);
    CHECK_U64("the new one", machine_row(f.turn, 200)->start_ticks, 10150);
    CHECK_U64("its time", machine_row(f.turn, 200)->cpu_ns, 20000);
    assert_non_null(jb_table_newest(&f.scan->table, 200)); /* until a listing */
    fixture_close(&f);
}

/* What is below /proc is the newer one's, and is not booked to both. */
static void test_left_over_is_not_read(void **state)
{
    struct fixture f;
    struct machine_process process = shell;
    uint64_t sum_ns = 0;

    (void)state;
    fixture_open(&f);
    fixture_begin(&f);
    process.pid = 200;
    process.start_ticks = 10050;
    process.run_ns = 7;
    machine_write(&f.machine, &process);
    fork_at(&f, 100, 200, 200);
    fixture_end(&f);
    CHECK_U64("the first", machine_row(f.turn, 200)->cpu_ns, 7);
    for (unsigned turn = 0; turn < 10; turn++) {
        fixture_begin(&f);
        process.start_ticks = 10150;
        process.run_ns += 1000;
        machine_write(&f.machine, &process);
        if (turn == 0)
            fork_at(&f, 100, 200, 200);
        fixture_end(&f);
        for (size_t i = 0; i < f.turn->row_count; i++)
            sum_ns += f.turn->rows[i].pid == 200 ? f.turn->rows[i].cpu_ns : 0;
    }
    CHECK_U64("once", sum_ns, 10007);
    fixture_close(&f);
}

/* Records of version 12 name the process and its last thread; older ones do
 * not: forks told whose thread it was, and a sum comes with the last. */
static void test_threads(void **state)
{
    (void)state;
    for (unsigned old = 0; old < 2; old++) {
        struct fixture f;
        struct jb_exit record = ended(201, 30);

        fixture_open(&f);
        fixture_begin(&f);
        fork_at(&f, 100, 200, 200);
        fork_at(&f, 100, 200, 201);
        record.tgid = old ? 0 : 200;
        record.knows_last = !old;
        record.last = false;
        end(&f, record);
        record = ended(200, 100);
        record.tgid = old ? 0 : 200;
        record.knows_last = !old;
        record.last = true;
        end(&f, record);
        fixture_end(&f);
        assert_non_null(machine_row(f.turn, 200));
        assert_null(machine_row(f.turn, 201));
        CHECK_U64("both", machine_row(f.turn, 200)->cpu_ns, 130000);
        fixture_close(&f);
    }
}

static void test_unknown(void **state)
{
    struct fixture f;
    struct jb_exit record = ended(300, 600000);

    (void)state;
    fixture_open(&f);
    fixture_begin(&f);
    assert_false(jb_lives_end(f.scan, &record));
    jb_lives_end_unknown(f.scan, &record);
    record = ended(301, 5000000); /* began before the base line */
    jb_lives_end_unknown(f.scan, &record);
    fixture_end(&f);
    CHECK_U64("used", machine_row(f.turn, 300)->cpu_ns, 600000000);
    CHECK_TEXT("by its parent",
               machine_path(f.turn, machine_row(f.turn, 300)->group), "/a");
    CHECK_U64("start", machine_row(f.turn, 300)->start_ticks, 10040);
    assert_null(machine_row(f.turn, 301));
    CHECK_U64("not known", f.turn->lost.exits, 1);
    fixture_close(&f);
}

/* A record was lost: a listing shows that its process is gone. */
static void test_sweep(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f);
    fixture_begin(&f);
    fork_at(&f, 100, 200, 200);
    fork_at(&f, 100, 200, 201);
    fork_at(&f, 100, 100, 101); /* a thread of one that is there */
    assert_int_equal(jb_scan_list(f.scan, NULL), JB_OK);
    jb_scan_sweep(f.scan);
    fixture_end(&f);
    CHECK_U64("ended", machine_row(f.turn, 200)->flags & JB_USAGE_EXITED,
              JB_USAGE_EXITED);
    CHECK_U64("counted", f.turn->lost.exits, 1);
    assert_null(jb_table_newest(&f.scan->table, 200));
    assert_null(jb_table_newest(&f.scan->table, 201));
    assert_non_null(jb_table_newest(&f.scan->table, 101));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_life),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_seen_alive),
        cmocka_unit_test(test_launcher),
        cmocka_unit_test(test_number_is_used_again),
        cmocka_unit_test(test_left_over),
        cmocka_unit_test(test_left_over_is_not_read),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_sweep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
