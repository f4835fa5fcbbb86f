/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages and shell completion, made from the tables that the command line
 * is parsed with: neither can know less or more than the program does. */
#ifndef JB_CMD_MANUAL_H
#define JB_CMD_MANUAL_H

#include <stdio.h>

#include "joulebook/plugin/command.h"

/* Every command with its one line, as `joulebook help`. */
void jb_manual_overview(FILE *out);

/* A page for man(1): of one command, or joulebook(1) for NULL. */
void jb_manual_page(const struct jb_command *command, FILE *out);

/* A completion function for bash; `joulebook help --completion`. */
void jb_manual_completion(FILE *out);

#endif
