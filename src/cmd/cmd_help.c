/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook help: what --help says, as manual pages and completion too. */
#include "arguments.h"
#include "manual.h"
#include "registry.h"

struct help_options {
    bool man;
    int completion;
};

static const char *const help_shells[] = { "none", "bash", NULL };

static const struct jb_option help_table[] = {
    { .name = "man",
      .type = JB_OPTION_FLAG,
      .offset = offsetof(struct help_options, man),
      .help = "print the manual page (roff), as for man -l -" },
    { .name = "completion",
      .argument = "SHELL",
      .fallback = "none",
      .type = JB_OPTION_CHOICE,
      .choices = help_shells,
      .offset = offsetof(struct help_options, completion),
      .help = "print completion for SHELL: bash" },
    { 0 },
};

static int help_run(const struct jb_cli *cli, const void *opaque, int argc,
                    char **argv, int *exit_code, struct jb_error *err)
{
    const struct help_options *options = opaque;
    const struct jb_command *command = NULL;
    int rc = argc > 0 ? jb_command_find(argv[0], &command, err) : JB_OK;

    (void)cli;
    (void)exit_code;
    if (rc < 0)
        return rc;
    if (options->completion)
        jb_manual_completion(stdout);
    else if (options->man)
        jb_manual_page(command, stdout);
    else if (command)
        jb_arguments_help(command, stdout);
    else
        jb_manual_overview(stdout);
    return JB_OK;
}

const struct jb_command jb_command_help = {
    .name = "help",
    .summary = "explain a command, also as a manual page",
    .arguments = "[COMMAND]",
    .options = help_table,
    .options_size = sizeof(struct help_options),
    .takes_arguments = true,
    .run = help_run,
};
