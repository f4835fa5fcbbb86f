/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage by programs in the kernel (tasks.bpf.c): misses nobody, costs nothing
 * at a context switch, and reads no file of any process.
 *
 * What arrives are amounts of threads; they are summed up by process and place
 * here.  Nothing is kept of a process between two turns.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "opener.h"
#include "ring.h"
#include "usage/chain.h"
#include "usage/frame.h"
#include "usage/pidfile.h"

enum {
    BPF_RING_BYTES = 1 << 21, /* 88 bytes for an end: 23,000 */
    BPF_WALK_BYTES = 1 << 16,
    BPF_GROUPS = 256, /* cgroups made since the last turns */
    BPF_ROWS_FIRST = 1024,
};

struct jb_usage {
    struct jb_frame frame;
    struct jb_ring ring;
    struct jb_bpf_state *state;    /* a page */
    struct jb_chain by_tgid;       /* rows of this turn */
    uint64_t lost_events, lost_ns; /* told so far */
    size_t page;
    size_t made_count;
    bool base;    /* the base line is taken: nothing is booked */
    bool renewed; /* new cgroups were looked for in this turn */
    int fds[JB_BPF_FDS];
    struct jb_bpf_group made[BPF_GROUPS];
    char walk[BPF_WALK_BYTES];
};

static void backend_close(struct jb_usage *usage)
{
    if (!usage)
        return;
    for (int i = 0; i < JB_BPF_FDS; i++)
        if (usage->fds[i] >= 0)
            close(usage->fds[i]);
    jb_ring_close(&usage->ring);
    if (usage->state)
        munmap(usage->state, usage->page);
    jb_chain_release(&usage->by_tgid);
    jb_frame_close(&usage->frame);
    free(usage);
}

static const struct jb_bpf_group *backend_made(const struct jb_usage *usage,
                                               uint64_t id)
{
    size_t count =
        usage->made_count < BPF_GROUPS ? usage->made_count : BPF_GROUPS;

    for (size_t i = 0; i < count; i++)
        if (usage->made[i].id == id)
            return &usage->made[i];
    return NULL;
}

/* One that the tree did not show when the turn began was made since; one that
 * it does not show now is gone already. */
static uint32_t backend_group(struct jb_usage *usage, uint64_t id)
{
    struct jb_frame *frame = &usage->frame;
    uint32_t group = jb_groups_of_id(frame->groups, id);
    const struct jb_bpf_group *made;

    if (group == JB_USAGE_GROUP_NONE && !usage->renewed) {
        usage->renewed = true;
        jb_groups_renew(frame->groups, &frame->turn.lost);
        group = jb_groups_of_id(frame->groups, id);
    }
    if (group != JB_USAGE_GROUP_NONE)
        return group;
    made = backend_made(usage, id);
    return made ? jb_groups_of_path(frame->groups, made->path, made->length,
                                    &frame->turn.lost)
                : JB_USAGE_GROUP_NONE;
}

/* The row of that process, place and cgroup, if there is one.  A thread that no
 * longer knows when its process began is of the one that has its number. */
static struct jb_usage_row *backend_find(const struct jb_usage *usage,
                                         const struct jb_bpf_task *task,
                                         uint16_t place, uint32_t group)
{
    uint64_t ticks = jb_frame_ticks(task->start_ns);

    for (uint32_t i =
             jb_chain_first(&usage->by_tgid, jb_chain_hash_u64(task->tgid));
         i != JB_CHAIN_END; i = jb_chain_after(&usage->by_tgid, i)) {
        struct jb_usage_row *row = &usage->frame.rows[i];

        if (row->pid == task->tgid && row->place == place &&
            row->group == group &&
            (row->start_ticks == ticks || task->start_ns == 0))
            return row;
    }
    return NULL;
}

static struct jb_usage_row *backend_row(struct jb_usage *usage,
                                        const struct jb_bpf_task *task)
{
    struct jb_frame *frame = &usage->frame;
    uint16_t place = jb_frame_place(frame, task->cpu, true);
    uint32_t group = backend_group(usage, task->group);
    struct jb_usage_row *row = backend_find(usage, task, place, group);

    if (row)
        return row;
    if (!jb_chain_reserve(&usage->by_tgid, frame->row_count + 1))
        return NULL;
    row = jb_frame_row(frame, 0);
    if (!row)
        return NULL;
    row->pid = task->tgid;
    row->start_ticks = jb_frame_ticks(task->start_ns);
    row->place = place;
    row->group = group;
    jb_chain_add(&usage->by_tgid, (uint32_t)(row - frame->rows),
                 jb_chain_hash_u64(task->tgid));
    return row;
}

static void backend_task(struct jb_usage *usage, const struct jb_bpf_task *task)
{
    struct jb_frame *frame = &usage->frame;
    struct jb_usage_row *row;

    if (usage->base)
        return;
    row = backend_row(usage, task);
    if (!row) {
        frame->turn.lost.row_ns += task->used_ns;
        return;
    }
    row->cpu_ns += task->used_ns;
    row->ppid = task->ppid;
    row->uid = task->uid;
    row->flags |= JB_USAGE_HAS_UID;
    row->flags |= task->flags & JB_BPF_KERNEL ? JB_USAGE_KERNEL : 0U;
    row->flags |= task->flags & JB_BPF_EXITED ? JB_USAGE_EXITED : 0U;
    if (task->flags & JB_BPF_LEADER)
        memcpy(row->comm, task->comm, sizeof(row->comm) - 1);
}

static void backend_on_event(void *context, const void *record, size_t length)
{
    struct jb_usage *usage = context;
    struct jb_bpf_task task;
    uint32_t kind = 0;

    if (length >= sizeof(kind))
        memcpy(&kind, record, sizeof(kind));
    if (kind == JB_BPF_TASK && length >= sizeof(task)) {
        memcpy(&task, record, sizeof(task));
        backend_task(usage, &task);
    } else if (kind == JB_BPF_GROUP && length >= sizeof(usage->made[0])) {
        struct jb_bpf_group *made =
            &usage->made[usage->made_count++ % BPF_GROUPS];

        memcpy(made, record, sizeof(*made));
        if (made->length >= JB_BPF_PATH - 1) /* cut: nobody's name */
            made->id = 0;
    } else {
        usage->frame.turn.lost.malformed++;
    }
}

/* A walk over all tasks; those that ran are written. */
static int backend_walk(struct jb_usage *usage, struct jb_error *err)
{
    union bpf_attr attributes = { 0 };
    JB_AUTO_CLOSE int fd = -1;
    ssize_t got;

    attributes.iter_create.link_fd = (uint32_t)usage->fds[JB_BPF_FD_WALK];
    fd =
        (int)syscall(SYS_bpf, BPF_ITER_CREATE, &attributes, sizeof(attributes));
    if (fd < 0)
        return jb_fail_errno(err, errno, "BPF: walking over all tasks");
    while ((got = read(fd, usage->walk, sizeof(usage->walk))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return jb_fail_errno(err, errno, "BPF: walking over all tasks");
        for (ssize_t at = 0; at + (ssize_t)sizeof(struct jb_bpf_task) <= got;
             at += (ssize_t)sizeof(struct jb_bpf_task))
            backend_on_event(usage, usage->walk + at,
                             sizeof(struct jb_bpf_task));
    }
    return JB_OK;
}

/* Threads that ran are told of by the walk, those that ended by the ring; one
 * that ended after it was walked is in both, with what it used since. */
static int backend_look(struct jb_usage *usage, struct jb_error *err)
{
    int rc = backend_walk(usage, err);

    jb_ring_take(&usage->ring, backend_on_event, usage);
    return rc;
}

static void backend_tell_lost(struct jb_usage *usage)
{
    uint64_t events =
        __atomic_load_n(&usage->state->lost_events, __ATOMIC_RELAXED);
    uint64_t ns = __atomic_load_n(&usage->state->lost_ns, __ATOMIC_RELAXED);

    usage->frame.turn.lost.events += events - usage->lost_events;
    usage->frame.turn.lost.event_ns += ns - usage->lost_ns;
    usage->frame.turn.lost.overflows += events != usage->lost_events;
    usage->lost_events = events;
    usage->lost_ns = ns;
}

static void backend_extras(struct jb_usage *usage)
{
    struct jb_frame *frame = &usage->frame;

    if (!frame->options.io && frame->options.memory == JB_USAGE_MEMORY_NONE)
        return;
    for (size_t i = 0; i < frame->row_count; i++)
        if (!(frame->rows[i].flags & JB_USAGE_EXITED))
            jb_pidfile_extras(frame->procfs, &frame->options, &frame->rows[i]);
}

static int backend_turn(struct jb_usage *usage,
                        const struct jb_usage_turn **out, struct jb_error *err)
{
    (void)err;
    jb_frame_begin(&usage->frame);
    jb_chain_clear(&usage->by_tgid);
    usage->renewed = false;
    if (backend_look(usage, NULL) < 0)
        usage->frame.turn.lost.listings++;
    backend_tell_lost(usage);
    backend_extras(usage);
    *out = jb_frame_end(&usage->frame);
    return JB_OK;
}

/* The number of cpuacct's hierarchy, which the kernel gives in the order of
 * mounting. */
static int backend_config(const struct jb_frame *frame,
                          struct jb_bpf_config *config, struct jb_error *err)
{
    char path[JB_PATH_MAX];
    char text[JB_PIDFILE_MAX];
    size_t length = 0;
    int rc;

    *config = (struct jb_bpf_config){ 0 };
    if (!jb_groups_is_v1(frame->groups))
        return JB_OK;
    rc = jb_path(path, err, "%s/self/cgroup", frame->env->roots->procfs);
    if (rc == JB_OK)
        rc = jb_file_read(path, text, sizeof(text) - 1, &length, err);
    if (rc < 0)
        return rc;
    text[length++] = '\n';
    config->v1 = 1;
    if (!jb_pidfile_hierarchy(text, length, "cpuacct", &config->hierarchy))
        return jb_fail(err, JB_EFORMAT, "%s does not name cpuacct", path);
    return JB_OK;
}

static uint32_t backend_ring_bytes(const struct jb_usage_options *options)
{
    uint32_t bytes = BPF_RING_BYTES;

    if (options->buffer_bytes == 0)
        return bytes;
    for (bytes = 1 << 12; bytes < options->buffer_bytes; bytes *= 2)
        ;
    return bytes;
}

static int backend_map_state(struct jb_usage *usage, struct jb_error *err)
{
    void *state;

    usage->page = (size_t)sysconf(_SC_PAGESIZE);
    state = mmap(NULL, usage->page, PROT_READ | PROT_WRITE, MAP_SHARED,
                 usage->fds[JB_BPF_FD_STATE], 0);
    if (state == MAP_FAILED)
        return jb_fail_errno(err, errno, "mapping the state of BPF programs");
    usage->state = state;
    return JB_OK;
}

static int backend_start(struct jb_usage *usage, struct jb_error *err)
{
    struct jb_bpf_setup setup = { .ring_bytes = backend_ring_bytes(
                                      &usage->frame.options) };
    int rc = backend_config(&usage->frame, &setup.config, err);

    if (rc == JB_OK)
        rc = jb_bpf_open(&setup, usage->fds, err);
    if (rc == JB_OK)
        rc = jb_ring_open(&usage->ring, usage->fds[JB_BPF_FD_EVENTS],
                          setup.ring_bytes, err);
    if (rc == JB_OK)
        rc = backend_map_state(usage, err);
    if (rc < 0)
        return rc;
    __atomic_store_n(&usage->state->base_ns,
                     jb_clock_now_ns(&jb_clock_boottime), __ATOMIC_RELEASE);
    usage->base = true;
    rc = backend_look(usage, err);
    usage->base = false;
    usage->lost_events = usage->state->lost_events;
    usage->lost_ns = usage->state->lost_ns;
    return rc;
}

static int backend_open(const struct jb_env *env,
                        const struct jb_usage_options *options,
                        struct jb_usage **out, struct jb_error *err)
{
    struct jb_usage *usage;
    int rc;

    if (!env->live)
        return jb_fail(err, JB_EREFUSED,
                       "BPF asks this kernel, and %s is a recording",
                       env->roots->procfs);
    usage = calloc(1, sizeof(*usage));
    if (!usage)
        return jb_fail(err, JB_ENOMEM, "no memory for usage by BPF");
    for (int i = 0; i < JB_BPF_FDS; i++)
        usage->fds[i] = -1;
    rc = jb_frame_open(&usage->frame, env, options, err);
    if (rc == JB_OK && !jb_chain_reserve(&usage->by_tgid, BPF_ROWS_FIRST))
        rc = jb_fail(err, JB_ENOMEM, "no memory for usage by BPF");
    if (rc == JB_OK)
        rc = backend_start(usage, err);
    if (rc < 0) {
        backend_close(usage);
        return rc;
    }
    jb_frame_start(&usage->frame);
    *out = usage;
    return JB_OK;
}

static const struct jb_error *backend_note(const struct jb_usage *usage)
{
    return &usage->frame.note;
}

const struct jb_usage_desc jb_usage_bpf = {
    .name = "bpf",
    .summary =
        "programs in the kernel: exact, also for those that live shortly",
    .open = backend_open,
    .turn = backend_turn,
    .note = backend_note,
    .close = backend_close,
};
