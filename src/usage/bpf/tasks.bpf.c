/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Who ran, seen from inside the kernel.
 *
 * A walk over all tasks, once a turn, tells what each thread used since the
 * walk before: the scheduler's own sum, kept per task in task storage, so that
 * those that did not run cost a comparison.  What a thread used after the last
 * walk is told when the kernel frees it: by then it has left its CPU for good,
 * so that its teardown is in the sum (sched_process_exit comes before it).
 * Nothing is done at a context switch.
 *
 * Types are declared here as far as they are used and found in the running
 * kernel by its BTF (CO-RE), so that no kernel's headers are needed to build.
 * The licence of the object is what the kernel asks for to lend
 * bpf_seq_write().
 */
#include "wire.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define BPF_TYPE __attribute__((preserve_access_index))

enum {
    TASKS_KERNEL_THREAD = 0x00200000,         /* PF_KTHREAD */
    TASKS_STORE_SHARED = (6 << 16) + (2 << 8) /* look-ups may nest since 6.2 */
};

extern int LINUX_KERNEL_VERSION __kconfig;

enum cgroup_subsys_id { cpuacct_cgrp_id = 2 }; /* found by CO-RE */

struct sched_entity {
    __u64 sum_exec_runtime;
} BPF_TYPE;

struct kernfs_node {
    __u64 id;
} BPF_TYPE;

struct cgroup_root {
    int hierarchy_id;
} BPF_TYPE;

struct cgroup {
    struct kernfs_node *kn;
    struct cgroup_root *root;
} BPF_TYPE;

struct cgroup_subsys_state {
    struct cgroup *cgroup;
} BPF_TYPE;

struct css_set {
    struct cgroup_subsys_state *subsys[1];
    struct cgroup *dfl_cgrp;
} BPF_TYPE;

struct cred {
    struct {
        __u32 val;
    } uid;
} BPF_TYPE;

struct thread_info {
    __u32 cpu;
} BPF_TYPE;

struct task_struct {
    struct thread_info thread_info;
    unsigned int flags;
    struct sched_entity se;
    int pid, tgid;
    struct task_struct *real_parent, *group_leader;
    __u64 start_boottime;
    const struct cred *real_cred;
    char comm[JB_BPF_COMM];
    struct css_set *cgroups;
} BPF_TYPE;

/* Before Linux 5.16 the CPU was in the task where thread_info has none. */
struct task_struct___cpu {
    unsigned int cpu;
} BPF_TYPE;

struct bpf_iter_meta {
    struct seq_file *seq;
} BPF_TYPE;

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
} BPF_TYPE;

struct tasks_seen {
    __u64 sum_ns;
};

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct tasks_seen);
} seen SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 21); /* the loader may set another */
} events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct jb_bpf_state);
} state SEC(".maps");

/* Whether a walk is at work on what is stored just here.  Until Linux 6.2 the
 * store answers "nothing" to whoever interrupts it on the same CPU. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} storing SEC(".maps");

const volatile struct jb_bpf_config config = { 0, 0 };

char tasks_license[] SEC("license") = "Dual BSD/GPL";

static __always_inline struct jb_bpf_state *tasks_state(void)
{
    __u32 key = 0;

    return bpf_map_lookup_elem(&state, &key);
}

static __always_inline __u32 tasks_cpu(struct task_struct *task)
{
    struct task_struct___cpu *old = (void *)task;

    if (bpf_core_field_exists(task->thread_info.cpu))
        return BPF_CORE_READ(task, thread_info.cpu);
    if (bpf_core_field_exists(old->cpu))
        return BPF_CORE_READ(old, cpu);
    return 0xffffffff;
}

static __always_inline __u64 tasks_group(struct task_struct *task)
{
    struct css_set *set = BPF_CORE_READ(task, cgroups);
    struct cgroup_subsys_state *css = 0;

    if (!config.v1)
        return BPF_CORE_READ(set, dfl_cgrp, kn, id);
    if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, cpuacct_cgrp_id))
        return 0;
    bpf_probe_read_kernel(
        &css, sizeof(css),
        (char *)__builtin_preserve_access_index(&set->subsys) +
            sizeof(css) *
                bpf_core_enum_value(enum cgroup_subsys_id, cpuacct_cgrp_id));
    return BPF_CORE_READ(css, cgroup, kn, id);
}

/* A thread that is being freed may have outlived its leader's memory: what is
 * there must still say that it is the one. */
static __always_inline void tasks_leader(struct task_struct *task,
                                         struct jb_bpf_task *out)
{
    struct task_struct *leader = BPF_CORE_READ(task, group_leader);
    __u32 tgid = BPF_CORE_READ(leader, tgid);

    if (tgid != out->tgid || (__u32)BPF_CORE_READ(leader, pid) != tgid)
        return;
    out->start_ns = BPF_CORE_READ(leader, start_boottime);
    BPF_CORE_READ_STR_INTO(&out->comm, leader, comm);
    out->flags |= JB_BPF_LEADER;
}

static __always_inline void tasks_fill(struct task_struct *task, __u64 used_ns,
                                       struct jb_bpf_task *out)
{
    out->kind = JB_BPF_TASK;
    out->flags =
        BPF_CORE_READ(task, flags) & TASKS_KERNEL_THREAD ? JB_BPF_KERNEL : 0;
    out->start_ns = 0;
    out->used_ns = used_ns;
    out->group = tasks_group(task);
    out->tgid = BPF_CORE_READ(task, tgid);
    out->ppid = BPF_CORE_READ(task, real_parent, tgid);
    out->uid = BPF_CORE_READ(task, real_cred, uid.val);
    out->cpu = tasks_cpu(task);
    __builtin_memset(out->comm, 0, sizeof(out->comm));
    tasks_leader(task, out);
}

static __always_inline __u32 *tasks_storing(void)
{
    __u32 key = 0;

    return bpf_map_lookup_elem(&storing, &key);
}

/* What is stored of a task, made when there is nothing. */
static __always_inline struct tasks_seen *tasks_store(struct task_struct *task)
{
    __u32 *storing_here = tasks_storing();
    struct jb_bpf_state *shared = tasks_state();
    struct tasks_seen *before;

    if (!storing_here || !shared)
        return 0;
    *storing_here = 1;
    before =
        bpf_task_storage_get(&seen, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    *storing_here = 0;
    if (!before) /* no memory: told at a later walk, or counted as lost */
        shared->refused_ns = bpf_ktime_get_boot_ns();
    return before;
}

SEC("iter/task")
int jb_walk(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task;
    struct tasks_seen *before;
    struct jb_bpf_task out;
    __u64 sum_ns;

    if (!task)
        return 0;
    before = tasks_store(task);
    if (!before)
        return 0;
    sum_ns = task->se.sum_exec_runtime;
    if (sum_ns == before->sum_ns)
        return 0;
    tasks_fill(task, sum_ns - before->sum_ns, &out);
    if (bpf_seq_write(ctx->meta->seq, &out, sizeof(out)) == 0)
        before->sum_ns = sum_ns; /* else it is walked once more */
    return 0;
}

static __always_inline void tasks_lost(__u64 used_ns)
{
    struct jb_bpf_state *shared = tasks_state();

    if (!shared)
        return;
    __sync_fetch_and_add(&shared->lost_events, 1);
    __sync_fetch_and_add(&shared->lost_ns, used_ns);
}

/* Whether the store would have answered. */
static __always_inline int tasks_can_look(void)
{
    __u32 *storing_here = tasks_storing();

    return LINUX_KERNEL_VERSION >= TASKS_STORE_SHARED ||
           (storing_here && !*storing_here);
}

/* What it used since the last walk: all, when no walk came by. */
static __always_inline __u64 tasks_rest(struct task_struct *task)
{
    struct tasks_seen *before = bpf_task_storage_get(&seen, task, 0, 0);
    __u64 sum_ns = task->se.sum_exec_runtime;
    __u64 start_ns = task->start_boottime;
    struct jb_bpf_state *shared = tasks_state();

    if (before)
        return sum_ns - before->sum_ns;
    if (!shared || !tasks_can_look() || start_ns < shared->refused_ns) {
        tasks_lost(sum_ns);
        return 0;
    }
    return start_ns < shared->base_ns ? 0 : sum_ns;
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(jb_freed, struct task_struct *task)
{
    __u64 used_ns = tasks_rest(task);
    int leader = task->pid == task->tgid;
    struct jb_bpf_task *out;

    if (used_ns == 0 && !leader)
        return 0;
    out = bpf_ringbuf_reserve(&events, sizeof(*out), 0);
    if (!out) {
        tasks_lost(used_ns);
        return 0;
    }
    tasks_fill(task, used_ns, out);
    if (leader)
        out->flags |= JB_BPF_EXITED;
    bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
    return 0;
}

/* So that a cgroup has a name also when it is gone before the next turn. */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(jb_made, struct cgroup *group, const char *path)
{
    struct jb_bpf_group *out;
    long length;

    if ((__u32)BPF_CORE_READ(group, root, hierarchy_id) != config.hierarchy)
        return 0;
    out = bpf_ringbuf_reserve(&events, sizeof(*out), 0);
    if (!out) {
        tasks_lost(0);
        return 0;
    }
    out->kind = JB_BPF_GROUP;
    out->id = BPF_CORE_READ(group, kn, id);
    length = bpf_probe_read_kernel_str(out->path, sizeof(out->path), path);
    out->length = length > 0 ? (__u32)length - 1 : 0;
    bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
    return 0;
}
