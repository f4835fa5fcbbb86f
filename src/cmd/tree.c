/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

/* Domains are few: below each, all are looked at. */
static size_t tree_branch(const struct jb_machine *machine, ptrdiff_t parent,
                          int depth, struct jb_tree_step *out)
{
    size_t count;
    const struct jb_machine_domain *domains =
        jb_machine_domains(machine, &count);
    size_t used = 0;

    for (size_t d = 0; d < count; d++) {
        if (domains[d].parent != parent)
            continue;
        out[used++] = (struct jb_tree_step){ d, depth };
        used += tree_branch(machine, (ptrdiff_t)d, depth + 1, out + used);
    }
    return used;
}

void jb_tree_walk(const struct jb_machine *machine, struct jb_tree_step *out)
{
    tree_branch(machine, -1, 0, out);
}
