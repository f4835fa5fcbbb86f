/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A back end of usage on a leash: opens the one that is named ("auto": the best
 * that works) and answers each line of standard input ("turn") with what one
 * turn said, as lines of words; "." ends it.  For usage_test.py, which knows
 * the truth.
 *
 *   usage_watch BACKEND [OPTION VALUE]...
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "usage/usage.h"

static const struct jb_roots watch_roots = { "/sys", "/proc", "/sys/fs/cgroup",
                                             "/dev" };

static void watch_row(const struct jb_usage_row *row)
{
    printf("P %u %u %u %" PRIu64 " %" PRIu64 " %u %u %d ", row->pid, row->ppid,
           row->uid, row->start_ticks, row->cpu_ns, row->place, row->flags,
           (int)row->group);
    for (size_t i = 0; row->comm[i]; i++)
        printf("%02x", (unsigned char)row->comm[i]);
    printf(" %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", row->rss_bytes,
           row->pss_bytes, row->written_bytes);
}

static void watch_lost(const struct jb_usage_lost *lost)
{
    printf("L overflows %" PRIu64 " events %" PRIu64 " event_ns %" PRIu64
           " exits %" PRIu64 " processes %" PRIu64 " rows %" PRIu64
           " row_ns %" PRIu64 " groups %" PRIu64 " deferred %" PRIu64
           " malformed %" PRIu64 " listings %" PRIu64 "\n",
           lost->overflows, lost->events, lost->event_ns, lost->exits,
           lost->processes, lost->rows, lost->row_ns, lost->groups,
           lost->deferred, lost->malformed, lost->listings);
}

static void watch_turn(const struct jb_usage_turn *turn)
{
    printf("T %" PRIu64 " %" PRIu64 "\n", turn->from_ns, turn->to_ns);
    for (size_t i = 0; i < turn->row_count; i++)
        watch_row(&turn->rows[i]);
    for (size_t i = 0; i < turn->group_count; i++)
        if (turn->groups[i].path)
            printf("G %zu %u %" PRIu64 " %" PRIu64 " %s\n", i,
                   turn->groups[i].flags, turn->groups[i].total_ns,
                   turn->groups[i].cpu_ns, turn->groups[i].path);
    for (size_t i = 0; i < turn->place_count; i++)
        printf("M %u %u %" PRIu64 " %" PRIu64 "\n", turn->places[i].place,
               turn->places[i].cpus, turn->places[i].busy_ns,
               turn->places[i].capacity_ns);
    watch_lost(&turn->lost);
    puts(".");
    fflush(stdout);
}

static int watch_options(int argc, char **argv,
                         struct jb_usage_options *options, struct jb_error *err)
{
    int rc = jb_options_init(jb_usage_option_table, options, err);

    for (int i = 2; rc == JB_OK && i + 1 < argc; i += 2) {
        const struct jb_option *option =
            jb_option_find(jb_usage_option_table, argv[i]);

        rc = option ? jb_option_set(option, options, argv[i + 1], err)
                    : jb_fail(err, JB_EUSAGE, "no option %s", argv[i]);
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct jb_env env = { &watch_roots, &jb_clock_boottime, true };
    struct jb_usage_options options;
    struct jb_usage_choice choice = { 0 };
    struct jb_error err = { 0 };
    const char *name =
        argc > 1 && strcmp(argv[1], "auto") != 0 ? argv[1] : NULL;
    char line[64];
    int rc = watch_options(argc, argv, &options, &err);

    if (rc == JB_OK)
        rc = jb_usage_choose(&env, name, &options, &choice, &err);
    if (rc < 0 || !choice.desc) {
        printf("E %s %s; %s\n", jb_status_name(rc), err.text, err.fix);
        return rc == JB_EUSAGE ? 2 : 3;
    }
    printf("B %s %s\n", choice.desc->name,
           choice.desc->note(choice.usage)->text);
    fflush(stdout);
    while (rc == JB_OK && fgets(line, sizeof(line), stdin)) {
        const struct jb_usage_turn *turn;

        rc = choice.desc->turn(choice.usage, &turn, &err);
        if (rc == JB_OK)
            watch_turn(turn);
    }
    choice.desc->close(choice.usage);
    return rc == JB_OK ? 0 : 1;
}
