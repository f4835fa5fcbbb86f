/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, made from option tables by argp. */
#ifndef JB_CMD_ARGUMENTS_H
#define JB_CMD_ARGUMENTS_H

#include <stdio.h>

#include "base/config.h"
#include "base/own.h"
#include "joulebook/plugin/command.h"

/* The options that every command takes, as they are parsed. */
struct jb_common_options {
    const char *root, *sysfs, *procfs, *cgroupfs, *devfs, *config;
    const char *replay;
    double replay_speed; /* 0: not said */
    bool json, quiet, verbose, no_color;
};

extern const struct jb_option jb_common_table[];

/*
 * Parses argv[1..] of a command into *common and the command's own *options
 * (command->options_size bytes, already holding defaults).  *first is the index
 * of the first argument that is no option.  Wrong usage and --help end the
 * program, with exit code 2 and 0, as argp does; so does a lack of memory, with
 * 1.
 */
void jb_arguments_parse(const struct jb_command *command, int argc, char **argv,
                        struct jb_common_options *common, void *options,
                        int *first);

/* Prints what --help prints. */
void jb_arguments_help(const struct jb_command *command, FILE *out);

/* Evaluates the common options.  Roots are checked to be directories; those
 * not given are the machine's own.  Paths are built into storage that lives as
 * long as the program.  JB_EUSAGE, JB_EABSENT. */
JB_NODISCARD int jb_arguments_evaluate(const struct jb_common_options *common,
                                       struct jb_cli *cli,
                                       struct jb_config **config,
                                       struct jb_error *err);

#endif
