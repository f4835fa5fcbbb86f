/* SPDX-License-Identifier: Apache-2.0 */
/* Every command of the program: a new one costs its file and one line here. */
#ifndef JB_CMD_REGISTRY_H
#define JB_CMD_REGISTRY_H

#include "base/own.h"
#include "joulebook/plugin/command.h"

extern const char jb_version[];

/* Built in; ends with NULL. */
extern const struct jb_command *const jb_commands[];

/* Those that live in modules/<name>.so, with what help says of them while they
 * are not loaded; ends with a NULL name. */
struct jb_module_command {
    const char *name, *summary;
};
extern const struct jb_module_command jb_module_commands[];

/* JB_EUSAGE for an unknown name (with the nearest known one), or what loading
 * its module failed with. */
JB_NODISCARD int jb_command_find(const char *name,
                                 const struct jb_command **out,
                                 struct jb_error *err);

#endif
