/* SPDX-License-Identifier: Apache-2.0 */
/* The command `joulebook lab`, as a module: libfuse3 stays out of the program.
 */
#include <stdio.h>

#include "joulebook/plugin/command.h"
#include "joulebook/plugin/module.h"
#include "lab.h"

struct lab_command_options {
    const char *mount, *layout, *journal;
    uint64_t rate_hz, cpu, start_ns, seed;
    bool files, background;
};

#define LAB(member) .offset = offsetof(struct lab_command_options, member)

enum { MODULE_CPU_MAX = 65535, MODULE_RATE_MAX = 10000 };

static const struct jb_option module_table[] = {
    { .name = "mount",
      .argument = "DIR",
      .type = JB_OPTION_TEXT,
      LAB(mount),
      .help = "serve the tree in DIR, an empty directory; pass it to the other "
              "commands as --sysfs DIR" },
    { .name = "layout",
      .argument = "NAME",
      .fallback = "full",
      .type = JB_OPTION_TEXT,
      LAB(layout),
      .help = "client, server, full, amd, fast, xeon, epyc, or a file" },
    { .name = "journal",
      .argument = "FILE",
      .type = JB_OPTION_TEXT,
      LAB(journal),
      .help = "write every value that is served to FILE" },
    { .name = "files",
      .type = JB_OPTION_FLAG,
      LAB(files),
      .help =
          "plain files that are rewritten, instead of FUSE: cheap to read" },
    { .name = "rate",
      .argument = "HZ",
      .fallback = "1000",
      .min = 1,
      .max = MODULE_RATE_MAX,
      .type = JB_OPTION_UINT,
      LAB(rate_hz),
      .help = "rewrite plain files HZ times a second" },
    { .name = "background",
      .type = JB_OPTION_FLAG,
      LAB(background),
      .help = "return once the tree is there" },
    { .name = "cpu",
      .argument = "N",
      .fallback = "65535",
      .max = MODULE_CPU_MAX,
      .type = JB_OPTION_UINT,
      LAB(cpu),
      .help = "run on CPU N only (65535: any): readers there wake it cheaply" },
    { .name = "start",
      .argument = "NS",
      .type = JB_OPTION_UINT,
      LAB(start_ns),
      .help =
          "instant of CLOCK_BOOTTIME at which the waveforms began; 0: now" },
    { .name = "seed",
      .argument = "N",
      .type = JB_OPTION_UINT,
      LAB(seed),
      .help = "draw the start counts that the layout leaves open; 0: they are "
              "0" },
    { 0 },
};

static int module_run(const struct jb_cli *cli, const void *opaque, int argc,
                      char **argv, int *exit_code, struct jb_error *err)
{
    const struct lab_command_options *from = opaque;
    struct jb_lab_options options = jb_lab_options_default();

    (void)argc;
    (void)argv;
    (void)exit_code;
    if (!from->mount)
        return jb_fail(err, JB_EUSAGE, "the lab needs --mount DIR");
    options.directory = from->mount;
    options.layout = from->layout;
    options.journal = from->journal;
    options.face = from->files ? JB_LAB_FACE_FILES : JB_LAB_FACE_FUSE;
    options.rate_hz = (uint32_t)from->rate_hz;
    options.foreground = !from->background;
    options.cpu = from->cpu == MODULE_CPU_MAX ? -1 : (int)from->cpu;
    options.start_ns = from->start_ns;
    options.seed = from->seed;
    if (!cli->quiet && options.foreground) {
        fprintf(stderr, "lab: serving '%s' in %s; Ctrl-C ends it\n",
                from->layout, from->mount);
        fflush(stderr);
    }
    return jb_lab_run(&options, err);
}

static const struct jb_command module_command = {
    .name = "lab",
    .summary = "start virtual meters with known truth, to try and test with",
    .arguments = "",
    .details = "Then, for example: joulebook stat --sysfs DIR -- sleep 2.  "
               "Faults and new waveforms are written to DIR/.lab/control.",
    .options = module_table,
    .options_size = sizeof(struct lab_command_options),
    .run = module_run,
};

__attribute__((visibility("default"))) extern const struct jb_module jb_module;

const struct jb_module jb_module = {
    .abi = JB_MODULE_ABI,
    .kind = JB_MODULE_COMMAND,
    .name = "lab",
    .descriptor = &module_command,
};
