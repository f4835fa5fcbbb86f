/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the command, evaluates its options, chooses the exit
 * code.  Nothing below src/cmd prints or exits. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "manual.h"
#include "registry.h"

static int main_exit_code(int status)
{
    switch (status) {
    case JB_EUSAGE:
        return JB_EXIT_USAGE;
    case JB_EABSENT:
        return JB_EXIT_NOTHING;
    default:
        return JB_EXIT_FAILED;
    }
}

static int main_complain(const struct jb_error *err)
{
    fprintf(stderr, "joulebook: %s\n", err->text);
    if (err->fix[0])
        fprintf(stderr, "  try: %s\n", err->fix);
    return main_exit_code(err->status);
}

/* Sections of a configuration file: one per source and command. */
static int main_apply_config(const struct jb_cli *cli,
                             const struct jb_command *command, void *options,
                             struct jb_error *err)
{
    const char *known[64] = { NULL };
    size_t count = 0;
    int rc;

    for (size_t i = 0; jb_sources[i] && count < 30; i++)
        known[count++] = jb_sources[i]->name;
    for (size_t i = 0; jb_module_sources[i] && count < 40; i++)
        known[count++] = jb_module_sources[i];
    for (size_t i = 0; jb_request_sources[i] && count < 45; i++)
        known[count++] = jb_request_sources[i];
    for (size_t i = 0; jb_commands[i] && count < 50; i++)
        known[count++] = jb_commands[i]->name;
    for (size_t i = 0; jb_module_commands[i].name && count < 60; i++)
        known[count++] = jb_module_commands[i].name;
    rc = jb_config_check_sections(cli->config, known, err);
    if (rc == JB_OK)
        rc = jb_config_apply(cli->config, command->name, command->options,
                             options, err);
    return rc;
}

/*
 * Options of a configuration file give way to those of the command line, which
 * names the file: the command line is parsed twice.
 */
static int main_run(const struct jb_command *command, int argc, char **argv)
{
    struct jb_common_options common = { 0 };
    JB_AUTO_FREE void *options = calloc(1, command->options_size + 1);
    struct jb_config *config = NULL;
    struct jb_error err = { 0 };
    struct jb_cli cli;
    int exit_code = JB_EXIT_DONE;
    int first;
    int rc;

    if (!options)
        return main_complain(&(struct jb_error){ JB_ENOMEM, "no memory", "" });
    rc = jb_options_init(command->options, options, &err);
    if (rc == JB_OK) {
        jb_arguments_parse(command, argc, argv, &common, options, &first);
        rc = jb_arguments_evaluate(&common, &cli, &config, &err);
    }
    if (rc == JB_OK && config) {
        rc = jb_options_init(command->options, options, &err);
        if (rc == JB_OK)
            rc = main_apply_config(&cli, command, options, &err);
        if (rc == JB_OK)
            jb_arguments_parse(command, argc, argv, &common, options, &first);
    }
    if (rc == JB_OK) {
        cli.env.roots = &cli.roots;
        rc = command->run(&cli, options, argc - first, argv + first, &exit_code,
                          &err);
    }
    if (rc < 0)
        exit_code = main_complain(&err);
    jb_config_free(config);
    return exit_code;
}

/* A descriptor that the caller has closed must not be given to a meter or a
 * file.  Opened the wrong way round, reading or writing it fails as before. */
static void main_hold_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null",
                 (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
            _exit(JB_EXIT_FAILED);
}

/* Help that did not arrive was not given. */
static void main_check_output(void)
{
    if (ferror(stdout) || fflush(stdout) != 0)
        _exit(JB_EXIT_FAILED);
}

int main(int argc, char **argv)
{
    const struct jb_command *command;
    struct jb_error err;

    main_hold_descriptors();
    atexit(main_check_output);
    argp_err_exit_status = JB_EXIT_USAGE;
    if (argc < 2) {
        jb_manual_overview(stderr);
        return JB_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        jb_manual_overview(stdout);
        return JB_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("joulebook %s\n", jb_version);
        return JB_EXIT_DONE;
    }
    if (argv[1][0] == '-') {
        jb_fail(&err, JB_EUSAGE, "%s: options come behind the command",
                argv[1]);
        jb_error_set_fix(&err, "joulebook COMMAND %s ...", argv[1]);
        return main_complain(&err);
    }
    if (jb_command_find(argv[1], &command, &err) < 0) {
        main_complain(&err);
        return err.status == JB_EUSAGE ? JB_EXIT_USAGE : JB_EXIT_FAILED;
    }
    return main_run(command, argc - 1, argv + 1);
}
