/* SPDX-License-Identifier: Apache-2.0 */
#include "lives.h"

#include <string.h>

#include "base/clock.h"
#include "core/procstat.h"

/* An event is stamped a little after the start time was taken. */
enum { LIVES_START_DOUBT = 2, LIVES_BEGAN_DOUBT_S = 1 };

static const uint64_t lives_tick_ns = JB_NS_PER_S / JB_PROCSTAT_HZ;

static uint64_t lives_distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* A listing may have found a child before its fork was read here. */
static bool lives_is_known(const struct jb_process *process,
                           uint64_t start_ticks)
{
    if (!process || process->flags & JB_PROCESS_THREAD)
        return false;
    return process->start_ticks == 0 ||
           lives_distance(process->start_ticks, start_ticks) <=
               LIVES_START_DOUBT;
}

static void lives_begin_thread(struct jb_scan *scan, const struct jb_fork *fork)
{
    struct jb_process *thread = jb_table_add(&scan->table, fork->child_tid);

    if (!thread) {
        scan->frame->turn.lost.processes++;
        return;
    }
    thread->flags |= JB_PROCESS_THREAD;
    thread->ppid = fork->child_tgid;
}

static void lives_inherit(struct jb_process *child,
                          const struct jb_process *parent)
{
    child->group = parent->group;
    child->group_serial = parent->group_serial;
    child->uid = parent->uid;
    child->flags |= parent->flags & JB_PROCESS_HAS_UID;
    child->cpu = parent->cpu;
    memcpy(child->comm, parent->comm, sizeof(child->comm));
}

void jb_lives_begin(struct jb_scan *scan, const struct jb_fork *fork,
                    uint64_t boot_offset_ns, bool threads)
{
    uint64_t start_ticks = jb_frame_ticks(fork->monotonic_ns + boot_offset_ns);
    struct jb_process *parent;
    struct jb_process *child;

    if (fork->child_tid != fork->child_tgid) {
        if (threads)
            lives_begin_thread(scan, fork);
        return;
    }
    child = jb_table_newest(&scan->table, fork->child_tgid);
    if (!lives_is_known(child, start_ticks))
        child = jb_table_add(&scan->table, fork->child_tgid);
    if (!child) {
        scan->frame->turn.lost.processes++;
        return;
    }
    child->ppid = fork->parent_tgid;
    if (child->flags & JB_PROCESS_READ)
        return;
    child->start_ticks = start_ticks;
    child->flags |= JB_PROCESS_LISTED;
    child->threads = 1;
    parent = jb_table_newest(&scan->table, fork->parent_tgid);
    if (!parent)
        return;
    if (!(parent->flags & JB_PROCESS_READ))
        jb_scan_look(scan, parent);
    lives_inherit(child, parent);
    parent->flags |= JB_PROCESS_PARENT;
}

/*
 * CPU time of a thread at the instant of its exit record.
 *
 * The scheduler's figure stops at its last look at the thread, up to a tick
 * before: of one that lives for less than a tick it has a third.  One that
 * never slept was on a CPU all its life but for the time that it waited for
 * one, and that is exact.  One that slept has at least the scheduler's figure;
 * ticks are hits at random, right on the whole, and can be more than it lived.
 */
static uint64_t lives_record_ns(const struct jb_exit *ended)
{
    uint64_t life_ns = ended->elapsed_us * JB_NS_PER_US;
    uint64_t most_ns = UINT64_MAX;
    uint64_t tick_ns = ended->tick_ns;

    if (ended->runs > 0 && life_ns > ended->wait_ns)
        most_ns = life_ns - ended->wait_ns;
    if (tick_ns > most_ns || (ended->sleeps == 0 && most_ns != UINT64_MAX))
        tick_ns = most_ns;
    return ended->run_ns > tick_ns ? ended->run_ns : tick_ns;
}

/* Older records name no process: forks told whose thread it was. */
static uint32_t lives_process_of(struct jb_scan *scan,
                                 const struct jb_exit *ended)
{
    struct jb_process *thread;
    uint32_t tgid = ended->tgid;

    if (tgid != 0)
        return tgid;
    thread = jb_table_oldest(&scan->table, ended->tid);
    if (!thread || !(thread->flags & JB_PROCESS_THREAD))
        return ended->tid;
    tgid = thread->ppid;
    jb_table_remove(&scan->table, thread);
    return tgid;
}

/* Without a word about it: the only thread, or that of the sum. */
static bool lives_is_last(const struct jb_process *process,
                          const struct jb_exit *ended)
{
    if (ended->knows_last || ended->last)
        return ended->last;
    return ended->tid == process->pid && process->threads <= 1;
}

/* It was there at the base line, but nobody could read it then. */
static bool lives_is_unread_old(const struct jb_scan *scan,
                                const struct jb_process *process)
{
    return !(process->flags & JB_PROCESS_READ) &&
           process->start_ticks < jb_frame_ticks(scan->frame->open_ns);
}

/* Whoever no turn saw alive is where its parent is by now: launchers move the
 * first process of a job, and its children are born there. */
static void lives_follow(const struct jb_scan *scan, struct jb_process *process)
{
    const struct jb_process *parent;

    if (process->flags & JB_PROCESS_READ)
        return;
    parent = jb_table_newest(&scan->table, process->ppid);
    if (!parent || !(parent->flags & JB_PROCESS_READ))
        return;
    process->group = parent->group;
    process->group_serial = parent->group_serial;
}

static bool lives_began_then(const struct jb_scan *scan,
                             const struct jb_process *process, uint64_t began_s)
{
    uint64_t utc_ns =
        process->start_ticks * lives_tick_ns + (uint64_t)scan->utc_offset_ns;

    return lives_distance(utc_ns / JB_NS_PER_S, began_s) <= LIVES_BEGAN_DOUBT_S;
}

/* The wall clock may have been set since: if nobody fits, the oldest. */
static struct jb_process *lives_choose(const struct jb_scan *scan,
                                       const struct jb_exit *ended,
                                       uint32_t tgid)
{
    struct jb_process *oldest = jb_table_oldest(&scan->table, tgid);
    struct jb_process *found = NULL;

    if (ended->began_s == 0 || ended->tid != tgid)
        return oldest;
    for (struct jb_process *p = jb_table_newest(&scan->table, tgid); p;
         p = jb_table_after(&scan->table, p))
        if (lives_began_then(scan, p, ended->began_s))
            found = p;
    return found ? found : oldest;
}

bool jb_lives_end(struct jb_scan *scan, const struct jb_exit *ended)
{
    struct jb_process *process =
        lives_choose(scan, ended, lives_process_of(scan, ended));
    struct jb_usage_row *row;
    uint64_t used_ns;

    if (!process)
        return false;
    process->ended_ns += lives_record_ns(ended);
    if (!lives_is_last(process, ended))
        return true;
    if (ended->tid == process->pid)
        memcpy(process->comm, ended->comm, sizeof(process->comm));
    process->uid = ended->uid;
    process->flags |= JB_PROCESS_HAS_UID;
    used_ns = process->ended_ns > process->cpu_ns &&
                      !lives_is_unread_old(scan, process)
                  ? process->ended_ns - process->cpu_ns
                  : 0;
    lives_follow(scan, process);
    row = jb_scan_row(scan, process, used_ns);
    if (row)
        row->flags |= JB_USAGE_EXITED | JB_USAGE_DERIVED;
    jb_table_remove(&scan->table, process);
    return true;
}

void jb_lives_end_unknown(struct jb_scan *scan, const struct jb_exit *ended)
{
    struct jb_frame *frame = scan->frame;
    uint64_t age_ns = ended->elapsed_us * JB_NS_PER_US;
    uint64_t now_ns = frame->turn.to_ns;
    struct jb_process process = {
        .pid = ended->tgid ? ended->tgid : ended->tid,
        .ppid = ended->ppid,
        .uid = ended->uid,
        .group = JB_USAGE_GROUP_NONE,
        .flags = JB_PROCESS_HAS_UID,
        .start_ticks = now_ns > age_ns ? jb_frame_ticks(now_ns - age_ns) : 0,
    };
    const struct jb_process *parent =
        jb_table_newest(&scan->table, ended->ppid);
    struct jb_usage_row *row;

    if (parent) {
        process.group = parent->group;
        process.group_serial = parent->group_serial;
    }
    memcpy(process.comm, ended->comm, sizeof(process.comm));
    if (lives_is_unread_old(scan, &process)) {
        frame->turn.lost.exits++;
        return;
    }
    row = jb_scan_row(scan, &process, lives_record_ns(ended));
    if (row)
        row->flags |= JB_USAGE_DERIVED | (ended->last ? JB_USAGE_EXITED : 0U);
}
