/* SPDX-License-Identifier: Apache-2.0 */
#include "usage.h"

#include <string.h>

#include "backends.h"

#define USAGE(member) .offset = offsetof(struct jb_usage_options, member)

enum {
    USAGE_REST_MAX = 64,
    USAGE_KEPT_MAX = 1 << 20,
    USAGE_PROCESSES_MIN = 16,
    USAGE_PROCESSES_MAX = 1 << 22,
    USAGE_GROUPS_MAX = 1 << 20,
    USAGE_BUFFER_MIN = 1 << 16,
    USAGE_BUFFER_MAX = 1 << 28,
};

static const char *const usage_memories[] = { "none", "rss", "pss", NULL };
static const char *const usage_hierarchies[] = { "auto", "v1", "v2", NULL };

const struct jb_option jb_usage_option_table[] = {
    { .name = "memory",
      .argument = "WHAT",
      .fallback = "none",
      .type = JB_OPTION_CHOICE,
      .choices = usage_memories,
      USAGE(memory),
      .help = "memory of processes: none, rss, or pss (with uss; dear)" },
    { .name = "io",
      .type = JB_OPTION_FLAG,
      USAGE(io),
      .help = "bytes that processes read from and wrote to storage" },
    { .name = "cgroups",
      .argument = "VERSION",
      .fallback = "auto",
      .type = JB_OPTION_CHOICE,
      .choices = usage_hierarchies,
      USAGE(hierarchy),
      .help = "hierarchy of cgroups: v1 (cpuacct), v2, or whichever accounts" },
    { .name = "rest",
      .argument = "TURNS",
      .fallback = "8",
      .min = 1,
      .max = USAGE_REST_MAX,
      .type = JB_OPTION_UINT,
      USAGE(rest),
      .help = "read sleeping processes every so many turns at least" },
    { .name = "kept",
      .argument = "COUNT",
      .fallback = "1024",
      .max = USAGE_KEPT_MAX,
      .type = JB_OPTION_UINT,
      USAGE(kept),
      .help = "keep files of at most so many processes open (4 KiB of kernel "
              "memory each)" },
    { .name = "processes",
      .argument = "COUNT",
      .fallback = "131072",
      .min = USAGE_PROCESSES_MIN,
      .max = USAGE_PROCESSES_MAX,
      .type = JB_OPTION_UINT,
      USAGE(processes_max),
      .help = "follow at most so many processes" },
    { .name = "groups",
      .argument = "COUNT",
      .fallback = "8192",
      .min = 1,
      .max = USAGE_GROUPS_MAX,
      .type = JB_OPTION_UINT,
      USAGE(groups_max),
      .help = "follow at most so many cgroups" },
    { .name = "buffer",
      .argument = "BYTES",
      .fallback = "0",
      .max = USAGE_BUFFER_MAX,
      .type = JB_OPTION_UINT,
      USAGE(buffer_bytes),
      .help = "room for events in the kernel; 0: for two seconds of 10000 "
              "ends each" },
    { .name = "budget",
      .argument = "TIME",
      .fallback = "250ms",
      .type = JB_OPTION_DURATION,
      USAGE(budget_ns),
      .help = "read processes for at most that long in one turn" },
    { 0 },
};

const struct jb_usage_desc *const jb_usage_descs[] = {
    &jb_usage_bpf,
    &jb_usage_taskstats,
    &jb_usage_proc,
    NULL,
};

static bool usage_known(const char *name)
{
    for (size_t i = 0; jb_usage_descs[i]; i++)
        if (strcmp(jb_usage_descs[i]->name, name) == 0)
            return true;
    return false;
}

static int usage_try(const struct jb_env *env, size_t which,
                     const struct jb_usage_options *options,
                     struct jb_usage_choice *choice)
{
    struct jb_usage_try *this = &choice->tries[choice->try_count++];
    int rc;

    this->desc = jb_usage_descs[which];
    rc = this->desc->open(env, options, &choice->usage, &this->error);
    if (rc < 0)
        return rc;
    this->error = (struct jb_error){ 0 };
    choice->desc = this->desc;
    return JB_OK;
}

int jb_usage_choose(const struct jb_env *env, const char *name,
                    const struct jb_usage_options *options,
                    struct jb_usage_choice *out, struct jb_error *err)
{
    struct jb_usage_choice choice = { 0 };
    int rc = JB_EUSAGE;

    if (name && !usage_known(name))
        return jb_fail(err, JB_EUSAGE,
                       "no usage back end '%s': bpf, taskstats or proc", name);
    for (size_t i = 0; jb_usage_descs[i] && rc < 0; i++)
        if (!name || strcmp(name, jb_usage_descs[i]->name) == 0)
            rc = usage_try(env, i, options, &choice);
    if (rc < 0) {
        if (err)
            *err = choice.tries[choice.try_count - 1].error;
        return rc;
    }
    *out = choice;
    return JB_OK;
}
