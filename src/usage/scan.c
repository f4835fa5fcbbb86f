/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "core/procstat.h"

enum {
    SCAN_PID_MAX = 1 << 22, /* PID_MAX_LIMIT, linux/threads.h */
    SCAN_YOUNG = 4,         /* readings after which a cgroup hardly changes */
    SCAN_SETTLED = 16,
    SCAN_SWEEP_REST_MAX = 32,
    SCAN_FDS_SHARE = 4, /* of what may be opened: a quarter */
};

static const uint64_t scan_tick_ns = JB_NS_PER_S / JB_PROCSTAT_HZ;

enum scan_found {
    SCAN_STILL,   /* has not run */
    SCAN_RAN,     /* has, or is new */
    SCAN_GONE,    /* there is no such process any more */
    SCAN_REUSED,  /* another one has its number */
    SCAN_UNKNOWN, /* could not be read now */
};

/* What its files say at one instant. */
struct scan_reading {
    struct jb_pid_stat stat;
    bool has_stat;
    bool alone; /* run_ns and slices are known, and are all its time */
    uint64_t run_ns, slices;
};

static size_t scan_kept_max(const struct jb_usage_options *options)
{
    struct rlimit limit;
    size_t share = 0;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        share = (size_t)(limit.rlim_cur / SCAN_FDS_SHARE);
    return options->kept < share ? (size_t)options->kept : share;
}

/* Of a file of the process: through the descriptor, which is opened for one
 * that runs each turn, or by its name. */
static ssize_t scan_kept(struct jb_scan *scan, struct jb_process *process,
                         const char *name)
{
    int procfs = scan->frame->procfs;

    if (process->fd < 0 && process->rest <= 1 &&
        scan->table.kept < scan->kept_max) {
        process->fd = jb_pidfile_open(procfs, process->pid, name);
        scan->table.kept += process->fd >= 0;
    }
    if (process->fd < 0)
        return jb_pidfile_read(procfs, process->pid, name, scan->text,
                               sizeof(scan->text));
    return jb_file_pread(process->fd, scan->text, sizeof(scan->text));
}

/* ESRCH comes through a kept descriptor, ENOENT by the name. */
static enum scan_found scan_missing(ssize_t got)
{
    return got == -ENOENT || got == -ESRCH ? SCAN_GONE : SCAN_UNKNOWN;
}

static enum scan_found scan_read_stat(struct jb_scan *scan,
                                      struct jb_process *process,
                                      struct scan_reading *reading)
{
    bool kept = (process->flags & JB_PROCESS_READ) &&
                !(process->flags & JB_PROCESS_ALONE);
    ssize_t got = kept
                      ? scan_kept(scan, process, "stat")
                      : jb_pidfile_read(scan->frame->procfs, process->pid,
                                        "stat", scan->text, sizeof(scan->text));

    if (got <= 0)
        return scan_missing(got);
    if (!jb_pidfile_stat(scan->text, (size_t)got, &reading->stat)) {
        scan->frame->turn.lost.malformed++;
        return SCAN_UNKNOWN;
    }
    reading->has_stat = true;
    if ((process->flags & JB_PROCESS_READ) &&
        reading->stat.start_ticks != process->start_ticks)
        return SCAN_REUSED;
    return SCAN_RAN;
}

/* A kernel that does not count shows zeros, or has no such file. */
static void scan_read_alone(struct jb_scan *scan,
                            const struct jb_process *process,
                            struct scan_reading *reading)
{
    ssize_t got;

    if (reading->stat.threads != 1)
        return;
    got = jb_pidfile_read(scan->frame->procfs, process->pid, "schedstat",
                          scan->text, sizeof(scan->text));
    reading->alone = got > 0 &&
                     jb_pidfile_schedstat(scan->text, (size_t)got,
                                          &reading->run_ns, &reading->slices) &&
                     (reading->run_ns > 0 || reading->stat.cpu_ticks == 0);
}

/* The cheap reading of one that had a single thread. */
static enum scan_found scan_look_alone(struct jb_scan *scan,
                                       struct jb_process *process,
                                       struct scan_reading *reading)
{
    ssize_t got = scan_kept(scan, process, "schedstat");
    enum scan_found found;

    if (got <= 0)
        return scan_missing(got);
    if (!jb_pidfile_schedstat(scan->text, (size_t)got, &reading->run_ns,
                              &reading->slices)) {
        scan->frame->turn.lost.malformed++;
        return SCAN_UNKNOWN;
    }
    if ((uint32_t)reading->slices == process->slices &&
        reading->run_ns + process->base_ns == process->cpu_ns)
        return SCAN_STILL;
    found = scan_read_stat(scan, process, reading);
    reading->alone = found == SCAN_RAN && reading->stat.threads == 1;
    return found;
}

static enum scan_found scan_look(struct jb_scan *scan,
                                 struct jb_process *process,
                                 struct scan_reading *reading)
{
    enum scan_found found;

    if (process->flags & JB_PROCESS_ALONE)
        return scan_look_alone(scan, process, reading);
    found = scan_read_stat(scan, process, reading);
    if (found != SCAN_RAN)
        return found;
    if ((process->flags & JB_PROCESS_READ) &&
        reading->stat.threads == process->threads &&
        reading->stat.threads != 1 &&
        reading->stat.cpu_ticks * scan_tick_ns <= process->cpu_ns)
        return SCAN_STILL;
    scan_read_alone(scan, process, reading);
    return SCAN_RAN;
}

/* Cumulative CPU time of the process.  It never falls: the two files round
 * differently, and while it is torn down stat shows zeros. */
static uint64_t scan_total(struct jb_process *process,
                           const struct scan_reading *reading)
{
    uint64_t total_ns = reading->stat.cpu_ticks * scan_tick_ns;
    bool before = process->flags & JB_PROCESS_ALONE;

    if (before && process->base_ns + reading->run_ns >= process->cpu_ns)
        total_ns =
            reading->alone || process->base_ns + reading->run_ns > total_ns
                ? process->base_ns + reading->run_ns
                : total_ns;
    else if (reading->alone && reading->run_ns > total_ns)
        total_ns = reading->run_ns;
    return total_ns > process->cpu_ns ? total_ns : process->cpu_ns;
}

/* cgroup v1 shows a task that exits in "/" (proc_cgroup_show() in
 * kernel/cgroup/cgroup.c), wherever it was.  It may have begun to exit since
 * its stat was read, so a "/" that is news is looked at once more. */
static bool scan_left(struct jb_scan *scan, const struct jb_process *process)
{
    struct jb_pid_stat stat;
    ssize_t got;

    if (!jb_groups_is_v1(scan->frame->groups))
        return false;
    got = jb_pidfile_read(scan->frame->procfs, process->pid, "stat", scan->text,
                          sizeof(scan->text));
    return got <= 0 || !jb_pidfile_stat(scan->text, (size_t)got, &stat) ||
           stat.exiting;
}

static void scan_group(struct jb_scan *scan, struct jb_process *process)
{
    struct jb_frame *frame = scan->frame;
    ssize_t got = jb_pidfile_read(frame->procfs, process->pid, "cgroup",
                                  scan->text, sizeof(scan->text));
    const struct jb_usage_group *groups;
    uint32_t group;
    size_t count;

    if (got <= 0)
        return;
    group = jb_groups_of_file(frame->groups, scan->text, (size_t)got,
                              &frame->turn.lost);
    groups = jb_groups_rows(frame->groups, &count);
    if (group == JB_USAGE_GROUP_NONE ||
        (group != process->group && strcmp(groups[group].path, "/") == 0 &&
         scan_left(scan, process)))
        return;
    process->group = group;
    process->group_serial = groups[group].serial;
}

/* Whose it is: cgroup and user. */
static void scan_owner(struct jb_scan *scan, struct jb_process *process,
                       bool exiting)
{
    ssize_t got;

    if (!exiting || !jb_groups_is_v1(scan->frame->groups))
        scan_group(scan, process);
    got = jb_pidfile_read(scan->frame->procfs, process->pid, "status",
                          scan->text, sizeof(scan->text));
    if (got > 0 && jb_pidfile_uid(scan->text, (size_t)got, &process->uid))
        process->flags |= JB_PROCESS_HAS_UID;
}

static bool scan_owner_due(struct jb_scan *scan,
                           const struct jb_process *process, bool renamed)
{
    return renamed || process->active < SCAN_YOUNG ||
           process->active % SCAN_SETTLED == 0 ||
           !jb_groups_valid(scan->frame->groups, process->group,
                            process->group_serial);
}

/* Takes over what was read; the CPU time since the reading before. */
static uint64_t scan_settle(struct jb_scan *scan, struct jb_process *process,
                            const struct scan_reading *reading)
{
    const struct jb_pid_stat *stat = &reading->stat;
    bool was_alone = process->flags & JB_PROCESS_ALONE;
    bool renamed = memcmp(process->comm, stat->comm, sizeof(stat->comm)) != 0;
    uint64_t total_ns = scan_total(process, reading);
    uint64_t used_ns = total_ns - process->cpu_ns;

    if (was_alone != reading->alone)
        jb_table_close_fd(&scan->table, process);
    process->flags &= (uint16_t)~JB_PROCESS_ALONE;
    process->flags |= JB_PROCESS_READ;
    process->flags |= reading->alone ? JB_PROCESS_ALONE : 0;
    process->flags |= stat->kernel ? JB_PROCESS_KERNEL : 0;
    process->cpu_ns = total_ns;
    process->base_ns = reading->alone ? total_ns - reading->run_ns : 0;
    process->slices = (uint32_t)reading->slices;
    process->start_ticks = stat->start_ticks;
    process->ppid = stat->ppid;
    process->threads = stat->threads;
    process->cpu = (uint16_t)stat->cpu;
    memcpy(process->comm, stat->comm, sizeof(stat->comm));
    if (scan_owner_due(scan, process, renamed))
        scan_owner(scan, process, stat->exiting);
    if (++process->active == UINT8_MAX)
        process->active = UINT8_MAX - SCAN_SETTLED + 1;
    return used_ns;
}

struct jb_usage_row *jb_scan_row(struct jb_scan *scan,
                                 const struct jb_process *process,
                                 uint64_t cpu_ns)
{
    struct jb_frame *frame = scan->frame;
    struct jb_usage_row *row = jb_frame_row(frame, cpu_ns);

    scan->explained_ns += cpu_ns;
    if (!row)
        return NULL;
    row->pid = process->pid;
    row->ppid = process->ppid;
    row->uid = process->uid;
    row->flags |= process->flags & JB_PROCESS_HAS_UID ? JB_USAGE_HAS_UID : 0;
    row->flags |= process->flags & JB_PROCESS_KERNEL ? JB_USAGE_KERNEL : 0;
    row->start_ticks = process->start_ticks;
    row->threads = process->threads;
    row->place = jb_frame_place(frame, process->cpu, process->threads == 1);
    if (jb_groups_valid(frame->groups, process->group, process->group_serial))
        row->group = process->group;
    memcpy(row->comm, process->comm, sizeof(row->comm));
    return row;
}

/* Its last reading was some turns ago. */
static void scan_end(struct jb_scan *scan, struct jb_process *process)
{
    struct jb_usage_row *row;

    if (scan->base)
        return;
    scan->frame->turn.lost.exits++;
    row = jb_scan_row(scan, process, 0);
    if (row)
        row->flags |= JB_USAGE_EXITED;
}

/* It was there before the base line, but nobody saw it then: how much of its
 * time is new is not known. */
static bool scan_is_old(const struct jb_scan *scan,
                        const struct jb_process *process)
{
    return process->start_ticks < jb_frame_ticks(scan->frame->open_ns);
}

static void scan_book(struct jb_scan *scan, struct jb_process *process,
                      uint64_t used_ns, bool fresh)
{
    const struct jb_usage_options *options = &scan->frame->options;
    bool extras = options->io || options->memory != JB_USAGE_MEMORY_NONE;
    struct jb_usage_row *row;

    if (scan->base || (fresh && scan_is_old(scan, process)))
        used_ns = 0;
    if (scan->base || (used_ns == 0 && !extras))
        return;
    row = jb_scan_row(scan, process, used_ns);
    if (row && extras)
        jb_pidfile_extras(scan->frame->procfs, options, row);
}

/* When it is read next.  Sleepers spread over the turns by their numbers. */
static void scan_plan(struct jb_scan *scan, struct jb_process *process,
                      bool ran)
{
    uint32_t now = (uint32_t)scan->frame->number;
    uint32_t rest_max = (uint32_t)scan->frame->options.rest;
    uint32_t rest = ran || process->rest == 0 ? 1 : process->rest * 2U;

    process->rest = (uint8_t)(rest < rest_max ? rest : rest_max);
    process->last = now;
    process->due = now + process->rest;
    if (process->rest == rest_max && rest_max > 1) {
        process->due -= (process->due + process->pid) % rest_max;
        process->due += process->due <= now ? rest_max : 0;
        jb_table_close_fd(&scan->table, process);
    }
}

static void scan_forget(struct jb_process *process)
{
    process->flags = JB_PROCESS_USED | (process->flags & JB_PROCESS_LISTED);
    process->cpu_ns = process->base_ns = process->ended_ns = 0;
    process->group = JB_USAGE_GROUP_NONE;
    process->active = 0;
    process->comm[0] = '\0';
}

void jb_scan_look(struct jb_scan *scan, struct jb_process *process)
{
    struct scan_reading reading = { 0 };
    enum scan_found found = SCAN_GONE;
    bool fresh = !(process->flags & JB_PROCESS_READ);

    /* What is below /proc is the newest one's. */
    if (jb_table_newest(&scan->table, process->pid) == process)
        found = scan_look(scan, process, &reading);
    if (found == SCAN_REUSED) {
        scan_end(scan, process);
        jb_table_close_fd(&scan->table, process);
        scan_forget(process);
        reading = (struct scan_reading){ 0 };
        found = scan_look(scan, process, &reading);
        fresh = true;
    }
    if (found == SCAN_RAN)
        scan_book(scan, process, scan_settle(scan, process, &reading), fresh);
    else if (found == SCAN_STILL)
        scan_book(scan, process, 0, false);
    if (found == SCAN_GONE)
        jb_table_close_fd(&scan->table, process);
    process->flags &= (uint16_t)~JB_PROCESS_PARENT;
    scan_plan(scan, process, found == SCAN_RAN);
}

static bool scan_time_is_up(const struct jb_scan *scan)
{
    return !scan->base &&
           jb_clock_now_ns(scan->frame->env->clock) > scan->deadline_ns;
}

/* Those that are due, or all that this turn did not read yet. */
static void scan_pass(struct jb_scan *scan, bool all)
{
    struct jb_table *table = &scan->table;
    uint32_t now = (uint32_t)scan->frame->number;
    bool late = false;
    size_t stopped = scan->cursor;

    for (size_t k = 0; k < table->count; k++) {
        size_t i = (scan->cursor + k) % table->count;
        struct jb_process *process = &table->rows[i];

        if (!(process->flags & JB_PROCESS_USED) ||
            (process->flags & JB_PROCESS_THREAD) || process->last == now ||
            (!all && (int32_t)(process->due - now) > 0))
            continue;
        if (!late && scan_time_is_up(scan)) {
            late = true;
            stopped = i;
        }
        if (late)
            scan->frame->turn.lost.deferred++;
        else
            jb_scan_look(scan, process);
    }
    scan->cursor = stopped;
}

/* Whether somebody who was not read must have run. */
static bool scan_unexplained(const struct jb_scan *scan, uint64_t *missing_ns)
{
    uint64_t busy_ns;
    uint64_t doubt_ns;

    if (!jb_frame_busy(scan->frame, &busy_ns, &doubt_ns) ||
        busy_ns <= scan->explained_ns + doubt_ns)
        return false;
    *missing_ns = busy_ns - scan->explained_ns;
    return true;
}

/* If the sleepers were not it (interrupts, processes that have ended), asking
 * them again at once would not help either. */
static void scan_sleepers(struct jb_scan *scan)
{
    uint32_t now = (uint32_t)scan->frame->number;
    uint64_t before_ns = 0;
    uint64_t after_ns = 0;

    if (scan->base || (int32_t)(scan->sweep_at - now) > 0 ||
        scan->frame->options.rest <= 1 || !scan_unexplained(scan, &before_ns))
        return;
    scan_pass(scan, true);
    if (!scan_unexplained(scan, &after_ns) || after_ns < before_ns / 2)
        scan->sweep_rest = 1;
    else if (scan->sweep_rest < SCAN_SWEEP_REST_MAX)
        scan->sweep_rest *= 2;
    scan->sweep_at = now + scan->sweep_rest;
}

void jb_scan_read_parents(struct jb_scan *scan)
{
    struct jb_table *table = &scan->table;

    for (size_t i = 0; i < table->count && !scan_time_is_up(scan); i++)
        if ((table->rows[i].flags & JB_PROCESS_PARENT) &&
            (table->rows[i].flags & JB_PROCESS_USED))
            jb_scan_look(scan, &table->rows[i]);
}

void jb_scan_begin(struct jb_scan *scan)
{
    scan->explained_ns = 0;
    scan->deadline_ns = jb_clock_now_ns(scan->frame->env->clock) +
                        scan->frame->options.budget_ns;
}

void jb_scan_read(struct jb_scan *scan)
{
    scan_pass(scan, false);
    scan_sleepers(scan);
}

static void scan_listed(struct jb_scan *scan, const char *name)
{
    struct jb_process *process;
    uint64_t pid;

    if (*name < '0' || *name > '9' || !jb_text_u64(name, strlen(name), &pid) ||
        pid > SCAN_PID_MAX)
        return;
    process = jb_table_newest(&scan->table, (uint32_t)pid);
    if (!process || (process->flags & JB_PROCESS_THREAD))
        process = jb_table_add(&scan->table, (uint32_t)pid);
    if (!process) {
        scan->frame->turn.lost.processes++;
        return;
    }
    process->flags |= JB_PROCESS_LISTED;
}

static int scan_list_failed(struct jb_scan *scan, struct jb_error *err)
{
    scan->frame->turn.lost.listings++;
    return jb_fail_errno(err, errno, "listing %s",
                         scan->frame->env->roots->procfs);
}

int jb_scan_list(struct jb_scan *scan, struct jb_error *err)
{
    int procfs = scan->frame->procfs;
    ssize_t got;

    for (size_t i = 0; i < scan->table.count; i++)
        scan->table.rows[i].flags &= (uint16_t)~JB_PROCESS_LISTED;
    if (lseek(procfs, 0, SEEK_SET) < 0)
        return scan_list_failed(scan, err);
    while ((got = getdents64(procfs, scan->list, sizeof(scan->list))) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry =
                (const struct dirent64 *)(const void *)(scan->list + at);

            scan_listed(scan, entry->d_name);
            at += entry->d_reclen;
        }
    return got < 0 ? scan_list_failed(scan, err) : JB_OK;
}

void jb_scan_sweep(struct jb_scan *scan)
{
    for (size_t i = 0; i < scan->table.count; i++) {
        struct jb_process *process = &scan->table.rows[i];

        if (!(process->flags & JB_PROCESS_USED) ||
            (process->flags & JB_PROCESS_LISTED))
            continue;
        if (!(process->flags & JB_PROCESS_THREAD))
            scan_end(scan, process);
        else if (jb_table_newest(&scan->table, process->ppid))
            continue;
        jb_table_remove(&scan->table, process);
    }
}

int jb_scan_open(struct jb_scan *scan, struct jb_frame *frame,
                 struct jb_error *err)
{
    int rc;

    scan->frame = frame;
    scan->kept_max = scan_kept_max(&frame->options);
    scan->sweep_rest = 1;
    scan->base = true;
    jb_table_init(&scan->table, (size_t)frame->options.processes_max);
    rc = jb_scan_list(scan, err);
    if (rc == JB_OK)
        scan_pass(scan, true);
    scan->base = false;
    if (rc < 0)
        jb_scan_close(scan);
    return rc;
}

void jb_scan_close(struct jb_scan *scan)
{
    jb_table_release(&scan->table);
}
