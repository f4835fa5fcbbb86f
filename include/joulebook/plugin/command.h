/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command of the program is.  Built-in ones and those that live in a
 * module have the same descriptor, so that the help of both looks alike.
 */
#ifndef JOULEBOOK_PLUGIN_COMMAND_H
#define JOULEBOOK_PLUGIN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "joulebook/error.h"
#include "joulebook/plugin/option.h"
#include "joulebook/plugin/source.h"

#ifdef __cplusplus
extern "C" {
#endif

struct jb_config;

/* The program's exit codes, apart from those that stat passes through. */
enum jb_exit {
    JB_EXIT_DONE = 0,
    JB_EXIT_FAILED = 1,
    JB_EXIT_USAGE = 2,
    JB_EXIT_NOTHING = 3, /* nothing to measure */
};

/* What every command gets: the options that all of them take, evaluated. */
struct jb_cli {
    struct jb_roots roots;
    struct jb_env env;
    const struct jb_config *config; /* or NULL */
    bool recorded; /* the trees are a recording: counters stand still */
    bool played;   /* a recorded series is played: what is watched is gone */
    bool json, quiet, verbose, color;
    const char *sources; /* the only ones, unless a command's --sources says
                            otherwise; or NULL */
    const struct jb_source_setting *settings; /* ends with a NULL source */
};

struct jb_command {
    const char *name;
    const char *summary;   /* one line for `joulebook help` */
    const char *arguments; /* as in "[options] -- COMMAND [ARG...]" */
    const char *details;   /* paragraphs below the options in help and manual */
    const struct jb_option *options; /* ends with a NULL name; may be NULL */
    size_t options_size;
    bool takes_arguments;

    /*
     * Runs it.  argv holds what is left behind the options.  On success
     * *exit_code is the program's exit code; on failure the caller prints err
     * and chooses the code: JB_EUSAGE is wrong usage, JB_EABSENT nothing to
     * measure, anything else failed.
     */
    int (*run)(const struct jb_cli *cli, const void *options, int argc,
               char **argv, int *exit_code, struct jb_error *err);
};

#ifdef __cplusplus
}
#endif

#endif
