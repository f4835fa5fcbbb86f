/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says of processes over netlink: exit records (taskstats, see
 * Documentation/accounting/taskstats.rst) and forks (the process events
 * connector, drivers/connector/cn_proc.c).  Only parsers: no socket is here.
 */
#ifndef JB_USAGE_MESSAGES_H
#define JB_USAGE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "usage.h"

/* One thread that ended. */
struct jb_exit {
    uint32_t tid;
    uint32_t tgid; /* its process; 0 before version 12 of the record */
    uint32_t ppid, uid;
    uint64_t tick_ns;    /* user and system time, counted in ticks */
    uint64_t run_ns;     /* on a CPU, up to the scheduler's last look at it */
    uint64_t wait_ns;    /* ready, but not on a CPU */
    uint64_t runs;       /* times it was put on one; 0: wait_ns is not known */
    uint64_t sleeps;     /* times that it left one of its own accord */
    uint64_t elapsed_us; /* since it began */
    uint64_t began_s;    /* since 1970; 0: not known */
    bool last;           /* of its process, as far as the record can say */
    bool knows_last;     /* it can */
    char comm[JB_USAGE_COMM_MAX];
};

struct jb_fork {
    uint32_t parent_tgid, child_tid, child_tgid;
    uint64_t monotonic_ns; /* CLOCK_MONOTONIC */
};

/* Calls visit for each exit record of the family in a buffer of netlink
 * messages.  Returns how many messages were not understood. */
size_t jb_messages_exits(const void *data, size_t length, uint16_t family,
                         void (*visit)(void *context,
                                       const struct jb_exit *ended),
                         void *context);

/* The same for forks; other events are passed over. */
size_t jb_messages_forks(const void *data, size_t length,
                         void (*visit)(void *context,
                                       const struct jb_fork *fork),
                         void *context);

/* In the answer to CTRL_CMD_GETFAMILY: the family's number; false when it is
 * not there. */
JB_NODISCARD bool jb_messages_family(const void *data, size_t length,
                                     uint16_t *family);

/* The first message's error: 0 for an acknowledgement, a negative errno; false
 * when it is something else. */
JB_NODISCARD bool jb_messages_error(const void *data, size_t length,
                                    int *error);

/* Whether there is the connector's answer to a subscription, and that good. */
bool jb_messages_subscribed(const void *data, size_t length);

#endif
