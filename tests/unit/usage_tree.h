/* SPDX-License-Identifier: Apache-2.0 */
/* A machine of small files for tests of usage: processes, cgroups, packages. */
#ifndef JB_TEST_USAGE_TREE_H
#define JB_TEST_USAGE_TREE_H

#include "check.h"
#include "tree.h"

#include "usage/usage.h"

struct machine {
    struct tree tree;
    char sysfs[128], procfs[128], cgroupfs[128];
    struct jb_roots roots;
    struct jb_clock clock;
    struct jb_env env;
    struct jb_usage_options options;
    uint64_t now_ns;
};

static inline uint64_t machine_now(void *context)
{
    return ((struct machine *)context)->now_ns;
}

/* CPUs 0 and 1 in package 0, 2 and 3 in package 1 when there are two. */
static inline void machine_init(struct machine *machine, unsigned packages)
{
    memset(machine, 0, sizeof(*machine));
    tree_init(&machine->tree);
    snprintf(machine->sysfs, sizeof(machine->sysfs), "%s/sys",
             machine->tree.root);
    snprintf(machine->procfs, sizeof(machine->procfs), "%s/proc",
             machine->tree.root);
    snprintf(machine->cgroupfs, sizeof(machine->cgroupfs), "%s/cgroup",
             machine->tree.root);
    machine->roots = (struct jb_roots){ machine->sysfs, machine->procfs,
                                        machine->cgroupfs, "/nowhere" };
    machine->now_ns = UINT64_C(100000000000); /* 10,000 ticks */
    machine->clock = (struct jb_clock){ machine_now, machine };
    machine->env = (struct jb_env){ &machine->roots, &machine->clock, false };
    assert_int_equal(
        jb_options_init(jb_usage_option_table, &machine->options, NULL), JB_OK);
    tree_write(&machine->tree, "sys/devices/system/cpu/online",
               packages == 2 ? "0-3" : "0-1");
    for (unsigned cpu = 0; cpu < packages * 2; cpu++) {
        char name[128];

        snprintf(name, sizeof(name),
                 "sys/devices/system/cpu/cpu%u/topology/physical_package_id",
                 cpu);
        tree_write(&machine->tree, name, cpu < 2 ? "0" : "1");
    }
    tree_write(&machine->tree, "proc/stat", "cpu  0 0 0 0\n");
    tree_write(&machine->tree, "proc/1/stat", "unread");
}

static inline void machine_release(struct machine *machine)
{
    tree_release(&machine->tree);
}

struct machine_process {
    unsigned pid, ppid, threads, cpu;
    uint64_t run_ns; /* of the leading thread */
    uint64_t ticks;  /* of all */
    uint64_t start_ticks;
    const char *comm, *cgroup;
    bool zombie;
};

/* Writes stat, schedstat, cgroup and status as the kernel would. */
static inline void machine_write(const struct machine *machine,
                                 const struct machine_process *process)
{
    char name[64];
    char text[512];

    snprintf(name, sizeof(name), "proc/%u/stat", process->pid);
    snprintf(
        text, sizeof(text),
        "%u (%s) %c %u 1 1 0 -1 0 1 1 1 1 %" PRIu64 " 0 0 0 20 0 %u 0 %" PRIu64
        " 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 17 %u 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        process->pid, process->comm, process->zombie ? 'Z' : 'S', process->ppid,
        process->ticks, process->threads, process->start_ticks, process->cpu);
    tree_write(&machine->tree, name, text);
    snprintf(name, sizeof(name), "proc/%u/schedstat", process->pid);
    snprintf(text, sizeof(text), "%" PRIu64 " 5 %" PRIu64 "\n", process->run_ns,
             process->run_ns / 1000);
    tree_write(&machine->tree, name, text);
    snprintf(name, sizeof(name), "proc/%u/cgroup", process->pid);
    tree_write(&machine->tree, name, process->cgroup);
    snprintf(name, sizeof(name), "proc/%u/status", process->pid);
    tree_write(&machine->tree, name, "Name:\tx\nUid:\t1000\t0\t0\t0\n");
}

static inline void machine_end(const struct machine *machine, unsigned pid)
{
    char name[64];

    snprintf(name, sizeof(name), "proc/%u", pid);
    tree_drop(&machine->tree, name);
}

/* The row of a process that is in the turn just once, or NULL. */
static inline const struct jb_usage_row *
machine_row(const struct jb_usage_turn *turn, unsigned pid)
{
    const struct jb_usage_row *found = NULL;

    for (size_t i = 0; i < turn->row_count; i++)
        if (turn->rows[i].pid == pid) {
            assert_null(found);
            found = &turn->rows[i];
        }
    return found;
}

static inline const char *machine_path(const struct jb_usage_turn *turn,
                                       uint32_t group)
{
    if (group == JB_USAGE_GROUP_NONE)
        return "none";
    assert_true(group < turn->group_count);
    return turn->groups[group].path ? turn->groups[group].path : "free";
}

#endif
