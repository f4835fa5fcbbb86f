/* SPDX-License-Identifier: Apache-2.0 */
#include "messages.h"

#include <linux/acct.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <string.h>

#include "base/clock.h"

enum {
    MESSAGES_TGID_VERSION = 12, /* ac_tgid, and AGROUP in ac_flag */
    MESSAGES_TYPE_MASK = NLA_TYPE_MASK,
};

/* What is left of a buffer of things that say how long they are. */
struct messages_rest {
    const char *at;
    size_t length;
};

/* Takes size bytes and the padding behind them; false when there are fewer. */
static bool messages_take(struct messages_rest *rest, size_t size,
                          struct messages_rest *out)
{
    size_t padded = (size + NLMSG_ALIGNTO - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);

    if (size > rest->length)
        return false;
    *out = (struct messages_rest){ rest->at, size };
    if (padded > rest->length)
        padded = rest->length;
    rest->at += padded;
    rest->length -= padded;
    return true;
}

static bool messages_skip(struct messages_rest *rest, size_t size)
{
    struct messages_rest skipped;

    return messages_take(rest, size, &skipped);
}

/* The next message's body; false at the end, or when it is malformed: *bad. */
static bool messages_next(struct messages_rest *rest, struct nlmsghdr *header,
                          struct messages_rest *body, size_t *bad)
{
    if (rest->length == 0)
        return false;
    if (rest->length < sizeof(*header)) {
        ++*bad;
        return false;
    }
    memcpy(header, rest->at, sizeof(*header));
    if (header->nlmsg_len < sizeof(*header) ||
        !messages_take(rest, header->nlmsg_len, body) ||
        !messages_skip(body, sizeof(*header))) {
        ++*bad;
        return false;
    }
    return true;
}

static bool messages_attribute(struct messages_rest *rest, uint16_t *type,
                               struct messages_rest *value)
{
    struct nlattr header;

    if (rest->length < sizeof(header))
        return false;
    memcpy(&header, rest->at, sizeof(header));
    *type = header.nla_type & MESSAGES_TYPE_MASK;
    return header.nla_len >= sizeof(header) &&
           messages_take(rest, header.nla_len, value) &&
           messages_skip(value, sizeof(header));
}

static uint64_t messages_us(uint64_t user_us, uint64_t system_us)
{
    uint64_t sum;

    if (__builtin_add_overflow(user_us, system_us, &sum) ||
        __builtin_mul_overflow(sum, (uint64_t)JB_NS_PER_US, &sum))
        return 0;
    return sum;
}

/* Older kernels send a shorter struct: what it lacks is 0. */
static bool messages_stats(struct messages_rest value, struct jb_exit *out)
{
    struct taskstats stats = { 0 };
    size_t size = value.length < sizeof(stats) ? value.length : sizeof(stats);

    if (size < offsetof(struct taskstats, ac_stime) + sizeof(stats.ac_stime))
        return false;
    memcpy(&stats, value.at, size);
    out->ppid = stats.ac_ppid;
    out->uid = stats.ac_uid;
    out->tick_ns = messages_us(stats.ac_utime, stats.ac_stime);
    out->run_ns = stats.cpu_run_virtual_total;
    out->wait_ns = stats.cpu_delay_total;
    out->runs = stats.cpu_count;
    out->sleeps = stats.nvcsw;
    out->elapsed_us = stats.ac_etime;
    out->began_s = stats.ac_btime64 ? stats.ac_btime64 : stats.ac_btime;
    memset(out->comm, 0, sizeof(out->comm));
    memcpy(out->comm, stats.ac_comm,
           strnlen(stats.ac_comm, sizeof(out->comm) - 1));
    if (stats.version >= MESSAGES_TGID_VERSION &&
        size >= offsetof(struct taskstats, ac_tgid) + sizeof(stats.ac_tgid)) {
        out->tgid = stats.ac_tgid;
        out->last = stats.ac_flag & AGROUP;
        out->knows_last = true;
    }
    return true;
}

static bool messages_of_thread(struct messages_rest nested, struct jb_exit *out)
{
    bool has_tid = false;
    bool has_stats = false;
    struct messages_rest value;
    uint16_t type;

    while (messages_attribute(&nested, &type, &value)) {
        if (type == TASKSTATS_TYPE_PID && value.length == sizeof(out->tid)) {
            memcpy(&out->tid, value.at, sizeof(out->tid));
            has_tid = true;
        }
        if (type == TASKSTATS_TYPE_STATS)
            has_stats = messages_stats(value, out);
    }
    return has_tid && has_stats;
}

/* A second part sums up the process when its last of several threads ended. */
static bool messages_exit(struct messages_rest body, struct jb_exit *out)
{
    struct messages_rest value;
    bool has_thread = false;
    bool has_process = false;
    uint16_t type;

    if (!messages_skip(&body, sizeof(struct genlmsghdr)))
        return false;
    while (messages_attribute(&body, &type, &value)) {
        if (type == TASKSTATS_TYPE_AGGR_PID)
            has_thread = messages_of_thread(value, out);
        has_process = has_process || type == TASKSTATS_TYPE_AGGR_TGID;
    }
    out->last = out->last || has_process;
    return has_thread;
}

size_t jb_messages_exits(const void *data, size_t length, uint16_t family,
                         void (*visit)(void *context,
                                       const struct jb_exit *ended),
                         void *context)
{
    struct messages_rest rest = { data, length };
    struct messages_rest body;
    struct nlmsghdr header;
    size_t bad = 0;

    while (messages_next(&rest, &header, &body, &bad)) {
        struct jb_exit ended = { 0 };

        if (header.nlmsg_type != family)
            continue;
        if (messages_exit(body, &ended))
            visit(context, &ended);
        else
            bad++;
    }
    return bad;
}

/* Copies as much of an event as came; 0 in what. */
static bool messages_event(struct messages_rest body, struct proc_event *event)
{
    struct cn_msg message;

    if (body.length < sizeof(message))
        return false;
    memcpy(&message, body.at, sizeof(message));
    if (message.id.idx != CN_IDX_PROC || message.id.val != CN_VAL_PROC ||
        message.len > body.length - sizeof(message) ||
        message.len < offsetof(struct proc_event, event_data))
        return false;
    memset(event, 0, sizeof(*event));
    memcpy(event, body.at + sizeof(message),
           message.len < sizeof(*event) ? message.len : sizeof(*event));
    return true;
}

size_t jb_messages_forks(const void *data, size_t length,
                         void (*visit)(void *context,
                                       const struct jb_fork *fork),
                         void *context)
{
    struct messages_rest rest = { data, length };
    struct messages_rest body;
    struct nlmsghdr header;
    size_t bad = 0;

    while (messages_next(&rest, &header, &body, &bad)) {
        struct proc_event event;
        struct jb_fork fork;

        if (!messages_event(body, &event)) {
            bad++;
            continue;
        }
        if (event.what != PROC_EVENT_FORK)
            continue;
        fork.parent_tgid = (uint32_t)event.event_data.fork.parent_tgid;
        fork.child_tid = (uint32_t)event.event_data.fork.child_pid;
        fork.child_tgid = (uint32_t)event.event_data.fork.child_tgid;
        fork.monotonic_ns = event.timestamp_ns;
        visit(context, &fork);
    }
    return bad;
}

bool jb_messages_family(const void *data, size_t length, uint16_t *family)
{
    struct messages_rest rest = { data, length };
    struct messages_rest body;
    struct messages_rest value;
    struct nlmsghdr header;
    size_t bad = 0;
    uint16_t type;

    if (!messages_next(&rest, &header, &body, &bad) ||
        header.nlmsg_type != GENL_ID_CTRL ||
        !messages_skip(&body, sizeof(struct genlmsghdr)))
        return false;
    while (messages_attribute(&body, &type, &value))
        if (type == CTRL_ATTR_FAMILY_ID && value.length == sizeof(*family)) {
            memcpy(family, value.at, sizeof(*family));
            return true;
        }
    return false;
}

bool jb_messages_error(const void *data, size_t length, int *error)
{
    struct messages_rest rest = { data, length };
    struct messages_rest body;
    struct nlmsghdr header;
    size_t bad = 0;

    if (!messages_next(&rest, &header, &body, &bad) ||
        header.nlmsg_type != NLMSG_ERROR || body.length < sizeof(*error))
        return false;
    memcpy(error, body.at, sizeof(*error));
    return true;
}

/* PROC_EVENT_NONE is an acknowledgement, with an errno in it. */
bool jb_messages_subscribed(const void *data, size_t length)
{
    struct messages_rest rest = { data, length };
    struct messages_rest body;
    struct nlmsghdr header;
    size_t bad = 0;

    while (messages_next(&rest, &header, &body, &bad)) {
        struct proc_event event;

        if (messages_event(body, &event) && event.what == PROC_EVENT_NONE)
            return event.event_data.ack.err == 0;
    }
    return false;
}
