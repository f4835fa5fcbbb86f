/* SPDX-License-Identifier: Apache-2.0 */
/* Domains in the order that people read them: each below the one that
 * contains it. */
#ifndef JB_CMD_TREE_H
#define JB_CMD_TREE_H

#include "machine/machine.h"

struct jb_tree_step {
    size_t domain; /* index among the machine's domains */
    int depth;     /* 0: within no other */
};

/* Fills out[], one step for each domain of the machine. */
void jb_tree_walk(const struct jb_machine *machine, struct jb_tree_step *out);

#endif
