/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What the programs in the kernel and the back end say to each other.  Compiled
 * for both: only types that have one size everywhere.
 */
#ifndef JB_USAGE_BPF_WIRE_H
#define JB_USAGE_BPF_WIRE_H

#include <linux/types.h>

enum jb_bpf_kind { JB_BPF_TASK = 1, JB_BPF_GROUP = 2 };

enum jb_bpf_flag {
    JB_BPF_KERNEL = 1 << 0, /* a kernel thread */
    JB_BPF_EXITED = 1 << 1, /* the leading thread's end: the process is gone */
    JB_BPF_LEADER = 1 << 2, /* comm and start_ns are the process' own */
};

enum { JB_BPF_COMM = 16, JB_BPF_PATH = 256 };

/* What one thread used since it was last told of. */
struct jb_bpf_task {
    __u32 kind;
    __u32 flags;
    __u64 start_ns; /* CLOCK_BOOTTIME, of the process; 0: not known any more */
    __u64 used_ns;
    __u64 group; /* id of its cgroup in the hierarchy that is read */
    __u32 tgid, ppid, uid, cpu;
    char comm[JB_BPF_COMM];
};

/* A cgroup was made. */
struct jb_bpf_group {
    __u32 kind;
    __u32 length; /* of the path, without the NUL; JB_BPF_PATH - 1: maybe cut */
    __u64 id;
    char path[JB_BPF_PATH];
};

/* Shared memory, the single value of the map "state". */
struct jb_bpf_state {
    /* CLOCK_BOOTTIME.  A thread of which nothing is stored has ended before a
     * walk came by.  If it began before base_ns it used nothing since the base
     * line; if before refused_ns it may be one of those that no memory was had
     * for, and what was told of it is not known; else nothing was told. */
    __u64 base_ns, refused_ns;
    __u64 lost_events;
    __u64 lost_ns;
};

/* Set before the programs are loaded. */
struct jb_bpf_config {
    __u32 v1;        /* cgroups of cpuacct, not of the unified hierarchy */
    __u32 hierarchy; /* its number */
};

#endif
