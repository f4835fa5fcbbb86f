/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Births and deaths in the table of processes: what a fork and an exit record
 * mean for it.  No socket is here.
 *
 * A child begins in its parent's cgroup, under its parent's name and user, and
 * keeps them in the books unless a turn sees it alive or its exit record says
 * otherwise: whoever lived too short to be looked at is billed to the cgroup
 * that it was born in.  A parent that no turn has looked at yet is looked at
 * when its first child is told of, since launchers move the first process of a
 * job after it was born.
 *
 * The two kinds of messages come through different channels, each in order.
 * So forks are taken first; of several processes with its number an exit record
 * then speaks of the oldest that began when it says.  Others may be left from
 * before the base line (zombies) or from a record that was lost.
 */
#ifndef JB_USAGE_LIVES_H
#define JB_USAGE_LIVES_H

#include "messages.h"
#include "scan.h"

/* boot_offset_ns: CLOCK_BOOTTIME - CLOCK_MONOTONIC.  threads: also remember
 * which process a thread is of, for exit records that do not say it. */
void jb_lives_begin(struct jb_scan *scan, const struct jb_fork *fork,
                    uint64_t boot_offset_ns, bool threads);

/* False when its process is not known: the forks that are waiting should be
 * taken, and then jb_lives_end_unknown() if that does not help. */
JB_NODISCARD bool jb_lives_end(struct jb_scan *scan,
                               const struct jb_exit *ended);

/* Books a record of a process that was never seen. */
void jb_lives_end_unknown(struct jb_scan *scan, const struct jb_exit *ended);

#endif
