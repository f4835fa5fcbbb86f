/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"

enum {
    ARGUMENTS_FIRST_KEY = 0x1000, /* long options: above every character */
    ARGUMENTS_MAX = 64,
    ARGUMENTS_DOC_MAX = 256,
    ARGUMENTS_DETAILS_MAX = 4096,
    ARGUMENTS_NAME_MAX = 128,
    ARGUMENTS_SPEED_MAX = 1000000,
};

#define COMMON(member) offsetof(struct jb_common_options, member)

const struct jb_option jb_common_table[] = {
    { .name = "root",
      .argument = "DIR",
      .type = JB_OPTION_TEXT,
      .offset = COMMON(root),
      .help = "read a recorded machine: /sys, /proc and /dev below DIR" },
    { .name = "sysfs",
      .argument = "DIR",
      .type = JB_OPTION_TEXT,
      .offset = COMMON(sysfs),
      .help = "read DIR in place of /sys: a lab's tree, for example" },
    { .name = "procfs",
      .argument = "DIR",
      .type = JB_OPTION_TEXT,
      .offset = COMMON(procfs),
      .help = "read DIR in place of /proc" },
    { .name = "cgroupfs",
      .argument = "DIR",
      .type = JB_OPTION_TEXT,
      .offset = COMMON(cgroupfs),
      .help = "read DIR in place of /sys/fs/cgroup" },
    { .name = "devfs",
      .argument = "DIR",
      .type = JB_OPTION_TEXT,
      .offset = COMMON(devfs),
      .help = "read DIR in place of /dev" },
    { .name = "config",
      .argument = "FILE",
      .type = JB_OPTION_TEXT,
      .offset = COMMON(config),
      .help = "read options of sources and commands from FILE (YAML)" },
    { .name = "replay",
      .argument = "FILE",
      .type = JB_OPTION_TEXT,
      .offset = COMMON(replay),
      .help = "play a recorded series instead of reading this machine" },
    { .name = "replay-speed",
      .argument = "N",
      .min = 1,
      .max = ARGUMENTS_SPEED_MAX,
      .type = JB_OPTION_REAL,
      .offset = COMMON(replay_speed),
      .help = "play it N times as fast" },
    { .name = "json",
      .type = JB_OPTION_FLAG,
      .offset = COMMON(json),
      .help = "print the result as JSON" },
    { .name = "quiet",
      .key = 'q',
      .type = JB_OPTION_FLAG,
      .offset = COMMON(quiet),
      .help = "print results and errors only" },
    { .name = "verbose",
      .key = 'v',
      .type = JB_OPTION_FLAG,
      .offset = COMMON(verbose),
      .help = "say more of each figure" },
    { .name = "no-color",
      .type = JB_OPTION_FLAG,
      .offset = COMMON(no_color),
      .help = "no colours on a terminal either (as with NO_COLOR)" },
    { 0 },
};

/* One parse: which row of which table stands behind each argp key. */
struct arguments_state {
    struct argp_option rows[ARGUMENTS_MAX + 1];
    const struct jb_option *options[ARGUMENTS_MAX];
    void *targets[ARGUMENTS_MAX];
    char docs[ARGUMENTS_MAX][ARGUMENTS_DOC_MAX];
    char doc[ARGUMENTS_DETAILS_MAX], name[ARGUMENTS_NAME_MAX];
    size_t count;
    const struct jb_command *command;
    int first;
};

/* The sentence of the table, and the default. */
static const char *arguments_doc(struct arguments_state *state, size_t at)
{
    const struct jb_option *option = state->options[at];

    if (!option->fallback)
        return option->help;
    snprintf(state->docs[at], ARGUMENTS_DOC_MAX, "%s (default: %s)",
             option->help, option->fallback);
    return state->docs[at];
}

static void arguments_add(struct arguments_state *state,
                          const struct jb_option *table, void *target,
                          int group)
{
    for (const struct jb_option *o = table; o && o->name; o++) {
        size_t at = state->count++;

        state->options[at] = o;
        state->targets[at] = target;
        state->rows[at] = (struct argp_option){
            .name = o->name,
            .key = o->key ? o->key : ARGUMENTS_FIRST_KEY + (int)at,
            .arg = o->type == JB_OPTION_FLAG ? NULL : o->argument,
            .doc = arguments_doc(state, at),
            .group = group,
        };
    }
}

/* A row without a name is a title. */
static void arguments_add_title(struct arguments_state *state,
                                const char *title, int group)
{
    state->rows[state->count++] =
        (struct argp_option){ .doc = title, .group = group };
}

static error_t arguments_take(int key, char *text, struct argp_state *argp)
{
    struct arguments_state *state = argp->input;
    struct jb_error err;

    if (key == ARGP_KEY_ARG && !state->command->takes_arguments) {
        argp_error(argp, "%s takes no argument such as '%s'",
                   state->command->name, text);
        return EINVAL;
    }
    if (key == ARGP_KEY_ARG) {
        state->first = argp->next - 1;
        argp->next = argp->argc;
        return 0;
    }
    for (size_t i = 0; i < state->count; i++) {
        if (!state->options[i] || state->rows[i].key != key)
            continue;
        if (jb_option_set(state->options[i], state->targets[i], text, &err) < 0)
            argp_error(argp, "--%s", err.text);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static struct argp arguments_prepare(struct arguments_state *state,
                                     struct jb_common_options *common,
                                     void *options)
{
    const struct jb_command *command = state->command;

    snprintf(state->doc, sizeof(state->doc), "%s\v%s", command->summary,
             command->details ? command->details : "");
    snprintf(state->name, sizeof(state->name), "joulebook %s", command->name);
    arguments_add(state, command->options, options, 1);
    arguments_add_title(state, "Options of every command:", 2);
    arguments_add(state, jb_common_table, common, 2);
    return (struct argp){ .options = state->rows,
                          .parser = arguments_take,
                          .args_doc = command->arguments,
                          .doc = state->doc };
}

void jb_arguments_parse(const struct jb_command *command, int argc, char **argv,
                        struct jb_common_options *common, void *options,
                        int *first)
{
    struct arguments_state state = { .command = command, .first = argc };
    struct argp argp = arguments_prepare(&state, common, options);
    error_t rc;

    argv[0] = state.name;
    rc = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &state);
    argv[0] = NULL;
    if (rc != 0) { /* without its options a command would do something else */
        fprintf(stderr, "joulebook: reading the command line: %s\n",
                strerror(rc));
        exit(JB_EXIT_FAILED);
    }
    *first = state.first;
}

void jb_arguments_help(const struct jb_command *command, FILE *out)
{
    struct arguments_state state = { .command = command };
    struct argp argp = arguments_prepare(&state, NULL, NULL);

    argp_help(&argp, out, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK, state.name);
}

/* Paths that a root makes; they are borrowed until the program ends. */
struct arguments_paths {
    char sysfs[JB_PATH_MAX], procfs[JB_PATH_MAX];
    char cgroupfs[JB_PATH_MAX], devfs[JB_PATH_MAX];
};

static int arguments_root(const char *root, const char *given, const char *name,
                          const char *place, char out[JB_PATH_MAX],
                          struct jb_error *err)
{
    struct stat status;
    int rc = given ? jb_path(out, err, "%s", given)
                   : jb_path(out, err, "%s%s", root ? root : "", place);

    if (rc == JB_OK && given &&
        (stat(out, &status) < 0 || !S_ISDIR(status.st_mode)))
        return jb_fail(err, JB_EUSAGE, "--%s: %s is not a directory", name,
                       given);
    return rc;
}

static int arguments_roots(const struct jb_common_options *common,
                           struct arguments_paths *paths, struct jb_error *err)
{
    const char *root = common->root;
    struct stat status;
    int rc;

    if (root && (stat(root, &status) < 0 || !S_ISDIR(status.st_mode)))
        return jb_fail(err, JB_EUSAGE, "--root: %s is not a directory", root);
    rc =
        arguments_root(root, common->sysfs, "sysfs", "/sys", paths->sysfs, err);
    if (rc == JB_OK)
        rc = arguments_root(root, common->procfs, "procfs", "/proc",
                            paths->procfs, err);
    if (rc == JB_OK)
        rc = arguments_root(root, common->cgroupfs, "cgroupfs",
                            "/sys/fs/cgroup", paths->cgroupfs, err);
    if (rc == JB_OK)
        rc = arguments_root(root, common->devfs, "devfs", "/dev", paths->devfs,
                            err);
    return rc;
}

static bool arguments_color(const struct jb_common_options *common)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (common->no_color || (no_color && *no_color))
        return false;
    return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

/* --replay is the source of that name with its options; live meters beside a
 * recorded series would be taken for one machine. */
static void arguments_replay(const struct jb_common_options *common,
                             struct jb_cli *cli)
{
    static struct jb_source_setting settings[3];
    static char speed[32];
    size_t count = 0;

    if (common->replay)
        settings[count++] =
            (struct jb_source_setting){ "replay", "file", common->replay };
    snprintf(speed, sizeof(speed), "%.17g", common->replay_speed);
    if (common->replay_speed > 0.0)
        settings[count++] =
            (struct jb_source_setting){ "replay", "speed", speed };
    settings[count] = (struct jb_source_setting){ NULL, NULL, NULL };
    cli->settings = settings;
    cli->sources = common->replay ? "replay" : NULL;
    cli->played = common->replay != NULL;
}

int jb_arguments_evaluate(const struct jb_common_options *common,
                          struct jb_cli *cli, struct jb_config **config,
                          struct jb_error *err)
{
    static struct arguments_paths paths;
    int rc = arguments_roots(common, &paths, err);

    if (rc < 0)
        return rc;
    *cli = (struct jb_cli){
        .roots = { .sysfs = paths.sysfs,
                   .procfs = paths.procfs,
                   .cgroupfs = paths.cgroupfs,
                   .devfs = paths.devfs },
        .recorded = common->root != NULL,
        .json = common->json,
        .quiet = common->quiet,
        .verbose = common->verbose,
        .color = arguments_color(common),
    };
    cli->env.clock = &jb_clock_boottime;
    cli->env.live = !common->root && !common->sysfs;
    arguments_replay(common, cli);
    if (!common->config)
        return JB_OK;
    rc = jb_config_read(common->config, config, err);
    if (rc == JB_OK)
        cli->config = *config;
    /* Naming a file that is not there, or is none, is wrong usage. */
    if (rc == JB_EABSENT || rc == JB_EFORMAT)
        rc = err->status = JB_EUSAGE;
    return rc;
}
