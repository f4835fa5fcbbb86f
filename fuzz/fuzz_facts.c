/* SPDX-License-Identifier: Apache-2.0 */
/* Any tree of sys and proc as the facts of a machine. */
#include "tree.h"

#include "sources/estimate/facts.h"

/* What is not known is 0, and what is known is possible. */
static void fuzz_facts(const struct jb_estimate_machine *machine)
{
    fuzz_require(machine->chips >= 1 && machine->cores >= machine->chips);
    fuzz_require(machine->threads >= machine->cores);
    fuzz_require(machine->memory_mb > 0);
    fuzz_require(machine->l3_kb <= UINT32_C(8) << 20);
    fuzz_require(machine->amd <= 1 && machine->arch < JB_ESTIMATE_ARCH_COUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct jb_estimate_facts untouched = { .machine.chips = 4711 };
    struct jb_estimate_facts facts = untouched;
    struct jb_error err = { .text = "" };
    struct fuzz_tree tree;
    char sysfs[64];
    char procfs[64];
    struct jb_roots roots = { sysfs, procfs, "/none", "/none" };
    int rc;

    if (!fuzz_tree_init(&tree))
        return 0;
    snprintf(sysfs, sizeof(sysfs), "%s/sys", tree.root);
    snprintf(procfs, sizeof(procfs), "%s/proc", tree.root);
    fuzz_tree_fill(&tree, data, size);
    rc = jb_estimate_facts_read(&roots, 0, &facts, &err);
    if (rc == JB_OK)
        fuzz_facts(&facts.machine);
    else
        fuzz_require(facts.machine.chips == 4711 && err.text[0] != '\0' &&
                     (rc == JB_EABSENT || rc == JB_ENOMEM));
    fuzz_tree_release(&tree);
    return 0;
}
