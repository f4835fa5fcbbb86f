/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who ran, for how long and where, since the turn before: raw facts about
 * processes, cgroups and the machine, of one and the same interval.
 *
 * Three back ends answer behind one descriptor, best first: `bpf` misses
 * nothing, `taskstats` sees also those that lived and died between two turns,
 * `proc` needs no privilege.  What a back end cannot see it counts in
 * jb_usage_lost; it never fills a hole with a guess.  Who a cgroup belongs to,
 * and how parts are closed to totals, is not decided here.
 *
 * Threads: a back end is used by one thread at a time.
 */
#ifndef JB_USAGE_USAGE_H
#define JB_USAGE_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"
#include "joulebook/plugin/option.h"
#include "joulebook/plugin/source.h"

struct jb_usage; /* private to each back end */

/* 15 bytes of the kernel's name of a task, and a NUL. */
enum { JB_USAGE_COMM_MAX = 16, JB_USAGE_TRIES_MAX = 4 };

/* Where something ran: the number of a package. */
#define JB_USAGE_PLACE_UNKNOWN UINT16_MAX
/* The cgroup is not known, or is not in the hierarchy that is read. */
#define JB_USAGE_GROUP_NONE UINT32_MAX

enum jb_usage_row_flag {
    JB_USAGE_EXITED = 1 << 0,  /* it has ended: its last row */
    JB_USAGE_DERIVED = 1 << 1, /* an exit record's figure: taken before the
                                  memory was torn down, maybe in ticks; to be
                                  closed to the cgroup's total */
    JB_USAGE_KERNEL = 1 << 2,  /* a kernel thread */
    JB_USAGE_HAS_UID = 1 << 3,
    JB_USAGE_HAS_RSS = 1 << 4,
    JB_USAGE_HAS_PSS = 1 << 5, /* pss_bytes and uss_bytes */
    JB_USAGE_HAS_IO = 1 << 6,
};

/*
 * One process at one place, in one cgroup.  A process has several rows in a
 * turn when its threads ran on several packages, or in several cgroups, and the
 * back end can tell.
 *
 * pid and start_ticks are its key: numbers of processes are used again, start
 * times not.  start_ticks is what field 22 of /proc/<pid>/stat shows; of a
 * process that no turn saw alive it is computed from its fork, give or take
 * one.  comm may be any bytes: whoever shows it must not trust them.
 */
struct jb_usage_row {
    uint32_t pid, ppid, uid; /* uid: the real one */
    uint32_t group;          /* index into the turn's groups, or _GROUP_NONE */
    uint64_t start_ticks;    /* 1/JB_PROCSTAT_HZ s since boot */
    uint64_t cpu_ns;         /* used since the turn before */
    uint64_t rss_bytes, pss_bytes, uss_bytes;
    uint64_t read_bytes, written_bytes; /* from and to storage, cumulative */
    uint32_t flags;                     /* enum jb_usage_row_flag */
    uint32_t threads;                   /* 0: not known */
    uint16_t place;
    char comm[JB_USAGE_COMM_MAX];
};

enum jb_usage_group_flag {
    JB_USAGE_GROUP_TOTAL = 1 << 0, /* cpu_ns and total_ns are known */
    JB_USAGE_GROUP_NEW = 1 << 1,   /* first seen in this turn */
    JB_USAGE_GROUP_GONE = 1 << 2,  /* removed: what it used after the turn
                                      before is in its parent's figure only */
};

/*
 * One cgroup of the hierarchy that accounts for CPU time.  Its figures include
 * those of the groups below it, also of removed ones.  An index stays with a
 * cgroup while it exists and until the turn after the one that called it gone;
 * serial is raised when an index is used for another.
 */
struct jb_usage_group {
    const char *path; /* below the hierarchy's root: "/" or "/a/b" */
    uint32_t parent;  /* or JB_USAGE_GROUP_NONE */
    uint32_t serial;
    uint32_t flags;           /* enum jb_usage_group_flag */
    uint64_t total_ns;        /* cumulative, the kernel's own */
    uint64_t cpu_ns;          /* since the turn before */
    const uint64_t *place_ns; /* of cpu_ns at each of the turn's places, or NULL
                                 where the kernel does not say (cgroup v2) */
};

/* One package.  busy is counted by the kernel in ticks of 10 ms and includes
 * interrupts, which no process is billed for. */
struct jb_usage_place {
    uint16_t place;
    uint32_t cpus; /* online at both ends of the interval */
    uint64_t busy_ns, capacity_ns;
};

/* What this turn could not account for. */
struct jb_usage_lost {
    uint64_t overflows; /* times the kernel dropped events: unknown how many */
    uint64_t events;    /* events dropped, where they are counted */
    uint64_t event_ns;  /* CPU time in them, where it is known */
    uint64_t exits;     /* processes whose end was seen without a last figure */
    uint64_t processes; /* not followed: the ceiling was reached */
    uint64_t rows;      /* left out: the ceiling was reached */
    uint64_t row_ns;    /* CPU time of those */
    uint64_t groups;    /* cgroups not followed */
    uint64_t deferred;  /* processes read later: the turn's time was up */
    uint64_t malformed; /* texts and messages that were not understood */
    uint64_t listings;  /* of processes that failed: new ones come later */
};

/* All of it is borrowed until the next turn or close. */
struct jb_usage_turn {
    uint64_t from_ns, to_ns; /* CLOCK_BOOTTIME */
    const struct jb_usage_row *rows;
    size_t row_count;
    const struct jb_usage_group *groups; /* path NULL: the index is free */
    size_t group_count;
    const struct jb_usage_place *places; /* none: /proc/stat was not readable */
    size_t place_count;
    struct jb_usage_lost lost;
};

/* What is read beside CPU time; PSS walks page tables and is dear. */
enum jb_usage_memory {
    JB_USAGE_MEMORY_NONE,
    JB_USAGE_MEMORY_RSS,
    JB_USAGE_MEMORY_PSS, /* RSS, PSS and USS */
};

enum jb_usage_hierarchy {
    JB_USAGE_HIERARCHY_AUTO, /* v1 where it accounts, else v2 */
    JB_USAGE_HIERARCHY_V1,
    JB_USAGE_HIERARCHY_V2,
};

/* Filled by jb_options_init(jb_usage_option_table, ...). */
struct jb_usage_options {
    int memory;    /* enum jb_usage_memory */
    int hierarchy; /* enum jb_usage_hierarchy */
    bool io;
    uint64_t rest;          /* a sleeper is read every so many turns */
    uint64_t kept;          /* descriptors of processes kept open */
    uint64_t processes_max; /* ceiling of what is followed, and of rows */
    uint64_t groups_max;
    uint64_t buffer_bytes; /* of each channel of events in the kernel */
    uint64_t budget_ns;    /* for reading processes in one turn */
};

extern const struct jb_option jb_usage_option_table[];

/* A back end. */
struct jb_usage_desc {
    const char *name;
    const char *summary;

    /* Finds out what there is and takes the base line, from which the first
     * turn counts.  JB_EREFUSED: needs this kernel, and the trees are a
     * recording; JB_EDENIED, JB_EABSENT: with reason and fix.  env is borrowed
     * until close.  On success *out belongs to the caller. */
    int (*open)(const struct jb_env *env,
                const struct jb_usage_options *options, struct jb_usage **out,
                struct jb_error *err);

    /* All since the turn before.  Trouble with a part is in the turn's lost;
     * JB_EDEAD: this back end will not answer any more, choose another. */
    int (*turn)(struct jb_usage *usage, const struct jb_usage_turn **out,
                struct jb_error *err);

    /* What this back end does not see on this machine, and the command that
     * would change it; "" when nothing.  Borrowed until close. */
    const struct jb_error *(*note)(const struct jb_usage *usage);

    /* Accepts NULL. */
    void (*close)(struct jb_usage *usage);
};

/* Best first; ends with NULL. */
extern const struct jb_usage_desc *const jb_usage_descs[];

/* What came of trying one back end. */
struct jb_usage_try {
    const struct jb_usage_desc *desc;
    struct jb_error error; /* status JB_OK: it is used */
};

struct jb_usage_choice {
    const struct jb_usage_desc *desc;
    struct jb_usage *usage;
    struct jb_usage_try tries[JB_USAGE_TRIES_MAX];
    size_t try_count;
};

/*
 * Opens the back end called name, or with NULL the best that works; tries says
 * of each that was tried why not.  JB_EUSAGE: no such name; else the status
 * of the last that was tried.  On success out->usage is owned by the caller:
 * out->desc->close().
 */
JB_NODISCARD int jb_usage_choose(const struct jb_env *env, const char *name,
                                 const struct jb_usage_options *options,
                                 struct jb_usage_choice *out,
                                 struct jb_error *err);

#endif
