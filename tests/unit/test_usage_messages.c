/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink messages as the kernel sends them, and as it would not. */
#include "check.h"

#include <linux/acct.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>

#include "usage/messages.h"

enum { FAMILY = 0x1b, ROOM = 8192 };

struct buffer {
    char bytes[ROOM];
    size_t length;
};

static void put(struct buffer *buffer, const void *data, size_t size)
{
    assert_true(buffer->length + size + 4 <= sizeof(buffer->bytes));
    memcpy(buffer->bytes + buffer->length, data, size);
    buffer->length += size;
    while (buffer->length % 4)
        buffer->bytes[buffer->length++] = 0;
}

static size_t put_attribute(struct buffer *buffer, uint16_t type,
                            const void *data, size_t size)
{
    struct nlattr header = { (uint16_t)(sizeof(header) + size), type };
    size_t at = buffer->length;

    put(buffer, &header, sizeof(header));
    put(buffer, data, size);
    return at;
}

/* One message with a record of a thread, and with the sum of its process. */
static void put_exit(struct buffer *buffer, uint32_t tid,
                     const struct taskstats *stats, size_t size, bool sum)
{
    struct nlmsghdr header = { .nlmsg_type = FAMILY };
    struct genlmsghdr command = { TASKSTATS_CMD_NEW, 1, 0 };
    struct buffer thread = { .length = 0 };
    size_t at = buffer->length;

    put(buffer, &header, sizeof(header));
    put(buffer, &command, sizeof(command));
    put_attribute(&thread, TASKSTATS_TYPE_PID, &tid, sizeof(tid));
    put_attribute(&thread, TASKSTATS_TYPE_NULL, "", 0);
    put_attribute(&thread, TASKSTATS_TYPE_STATS, stats, size);
    put_attribute(buffer, TASKSTATS_TYPE_AGGR_PID, thread.bytes, thread.length);
    if (sum)
        put_attribute(buffer, TASKSTATS_TYPE_AGGR_TGID, thread.bytes,
                      thread.length);
    header.nlmsg_len = (uint32_t)(buffer->length - at);
    memcpy(buffer->bytes + at, &header, sizeof(header));
}

struct seen {
    struct jb_exit exits[4];
    struct jb_fork forks[4];
    size_t count;
};

static void on_exit_record(void *context, const struct jb_exit *ended)
{
    struct seen *seen = context;

    assert_true(seen->count < 4);
    seen->exits[seen->count++] = *ended;
}

static void on_fork_event(void *context, const struct jb_fork *fork)
{
    struct seen *seen = context;

    assert_true(seen->count < 4);
    seen->forks[seen->count++] = *fork;
}

static const struct taskstats record = {
    .version = 13,
    .ac_flag = AGROUP,
    .ac_comm = "a name of 31 bytes, as ancient",
    .ac_ppid = 7,
    .ac_uid = 1000,
    .ac_utime = 4000,
    .ac_stime = 8000,
    .ac_etime = 20000,
    .ac_btime64 = 1700000000,
    .cpu_run_virtual_total = 11500000,
    .cpu_delay_total = 300,
    .cpu_count = 5,
    .nvcsw = 2,
    .ac_tgid = 41,
};

static void test_exits(void **state)
{
    struct buffer buffer = { .length = 0 };
    struct seen seen = { .count = 0 };
    struct nlmsghdr other = { .nlmsg_len = sizeof(other),
                              .nlmsg_type = NLMSG_ERROR };

    (void)state;
    put_exit(&buffer, 42, &record, sizeof(record), false);
    put(&buffer, &other, sizeof(other));
    /* Before version 12, and shorter. */
    put_exit(&buffer, 43, &record,
             offsetof(struct taskstats, cpu_scaled_run_real_total), true);
    CHECK_U64("understood",
              jb_messages_exits(buffer.bytes, buffer.length, FAMILY,
                                on_exit_record, &seen),
              0);
    CHECK_U64("records", seen.count, 2);
    CHECK_U64("tid", seen.exits[0].tid, 42);
    CHECK_U64("tgid", seen.exits[0].tgid, 41);
    CHECK_U64("ppid", seen.exits[0].ppid, 7);
    CHECK_U64("uid", seen.exits[0].uid, 1000);
    CHECK_U64("ticks", seen.exits[0].tick_ns, 12000000);
    CHECK_U64("run", seen.exits[0].run_ns, 11500000);
    CHECK_U64("wait", seen.exits[0].wait_ns, 300);
    CHECK_U64("runs", seen.exits[0].runs, 5);
    CHECK_U64("sleeps", seen.exits[0].sleeps, 2);
    CHECK_U64("life", seen.exits[0].elapsed_us, 20000);
    CHECK_U64("began", seen.exits[0].began_s, 1700000000);
    CHECK_BOOL("last", seen.exits[0].last, true);
    CHECK_BOOL("knows", seen.exits[0].knows_last, true);
    CHECK_TEXT("name", seen.exits[0].comm, "a name of 31 by");
    CHECK_U64("old: tid", seen.exits[1].tid, 43);
    CHECK_U64("old: tgid", seen.exits[1].tgid, 0);
    CHECK_BOOL("old: last by its sum", seen.exits[1].last, true);
    CHECK_BOOL("old: knows", seen.exits[1].knows_last, false);
}

static void test_cut_exits(void **state)
{
    struct buffer buffer = { .length = 0 };
    struct seen seen = { .count = 0 };

    (void)state;
    put_exit(&buffer, 42, &record, 16, false);
    CHECK_U64("too short a record",
              jb_messages_exits(buffer.bytes, buffer.length, FAMILY,
                                on_exit_record, &seen),
              1);
    CHECK_U64("nothing", seen.count, 0);
    buffer.length = 0;
    put_exit(&buffer, 42, &record, sizeof(record), false);
    for (size_t length = 1; length < buffer.length; length++)
        CHECK_U64("cut off",
                  jb_messages_exits(buffer.bytes, length, FAMILY,
                                    on_exit_record, &seen),
                  1);
    CHECK_U64("nothing", seen.count, 0);
}

static void put_event(struct buffer *buffer, const struct proc_event *event,
                      size_t size)
{
    struct nlmsghdr header = { .nlmsg_type = NLMSG_DONE };
    struct cn_msg connector = { .id = { CN_IDX_PROC, CN_VAL_PROC },
                                .len = (uint16_t)size };

    header.nlmsg_len = (uint32_t)(sizeof(header) + sizeof(connector) + size);
    put(buffer, &header, sizeof(header));
    put(buffer, &connector, sizeof(connector));
    put(buffer, event, size);
}

static void test_forks(void **state)
{
    struct proc_event event = { .what = PROC_EVENT_EXEC, .timestamp_ns = 5 };
    struct buffer buffer = { .length = 0 };
    struct seen seen = { .count = 0 };

    (void)state;
    put_event(&buffer, &event, sizeof(event));
    event.what = PROC_EVENT_FORK;
    event.event_data.fork.parent_pid = 1;
    event.event_data.fork.parent_tgid = 2;
    event.event_data.fork.child_pid = 3;
    event.event_data.fork.child_tgid = 4;
    put_event(&buffer, &event, sizeof(event));
    put_event(&buffer, &event, 8); /* too short */
    CHECK_U64(
        "bad",
        jb_messages_forks(buffer.bytes, buffer.length, on_fork_event, &seen),
        1);
    CHECK_U64("forks", seen.count, 1);
    CHECK_U64("parent", seen.forks[0].parent_tgid, 2);
    CHECK_U64("thread", seen.forks[0].child_tid, 3);
    CHECK_U64("process", seen.forks[0].child_tgid, 4);
    CHECK_U64("time", seen.forks[0].monotonic_ns, 5);
}

static void test_answers(void **state)
{
    struct proc_event event = { .what = PROC_EVENT_NONE };
    struct nlmsghdr header = { .nlmsg_type = GENL_ID_CTRL };
    struct genlmsghdr command = { CTRL_CMD_NEWFAMILY, 2, 0 };
    struct buffer buffer = { .length = 0 };
    uint16_t family = 0;
    uint16_t number = 29;
    int error = 0;

    (void)state;
    put_event(&buffer, &event, sizeof(event));
    CHECK_BOOL("subscribed",
               jb_messages_subscribed(buffer.bytes, buffer.length), true);
    buffer.length = 0;
    event.event_data.ack.err = 1;
    put_event(&buffer, &event, sizeof(event));
    CHECK_BOOL("refused", jb_messages_subscribed(buffer.bytes, buffer.length),
               false);

    buffer.length = 0;
    put(&buffer, &header, sizeof(header));
    put(&buffer, &command, sizeof(command));
    put_attribute(&buffer, CTRL_ATTR_FAMILY_NAME, "TASKSTATS", 10);
    put_attribute(&buffer, CTRL_ATTR_FAMILY_ID, &number, sizeof(number));
    header.nlmsg_len = (uint32_t)buffer.length;
    memcpy(buffer.bytes, &header, sizeof(header));
    CHECK_BOOL("family",
               jb_messages_family(buffer.bytes, buffer.length, &family), true);
    CHECK_U64("family", family, 29);

    buffer.length = 0;
    header = (struct nlmsghdr){ .nlmsg_type = NLMSG_ERROR,
                                .nlmsg_len = sizeof(header) + sizeof(error) };
    error = -1;
    put(&buffer, &header, sizeof(header));
    put(&buffer, &error, sizeof(error));
    CHECK_BOOL("no family",
               jb_messages_family(buffer.bytes, buffer.length, &family), false);
    error = 0;
    CHECK_BOOL("error", jb_messages_error(buffer.bytes, buffer.length, &error),
               true);
    assert_int_equal(error, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exits),
        cmocka_unit_test(test_cut_exits),
        cmocka_unit_test(test_forks),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
