/* SPDX-License-Identifier: Apache-2.0 */
/* Any tree below <sysfs>/devices/system/cpu. */
#include "tree.h"

#include "core/topology.h"

/* Every CPU is in a package that is there, and on a die exactly when that has
 * several. */
static void fuzz_places(const struct jb_topology *topology)
{
    for (size_t i = 0; i < topology->cpu_count; i++) {
        const struct jb_topology_cpu *cpu = &topology->cpus[i];
        const struct jb_topology_package *package =
            jb_topology_package(topology, cpu->package);

        fuzz_require(cpu->cpu <= JB_TOPOLOGY_CPU_MAX);
        fuzz_require(i == 0 || topology->cpus[i - 1].cpu < cpu->cpu);
        fuzz_require(jb_topology_find(topology, cpu->cpu) == cpu);
        fuzz_require(package != NULL);
        fuzz_require((cpu->die == JB_NO_DIE) == (package->dies == 1));
        fuzz_require(cpu->die >= JB_NO_DIE);
    }
}

static void fuzz_packages(const struct jb_topology *topology)
{
    size_t cpus = 0;

    for (size_t i = 0; i < topology->package_count; i++) {
        const struct jb_topology_package *package = &topology->packages[i];

        fuzz_require(i == 0 || package[-1].package < package->package);
        fuzz_require(package->dies >= 1 && package->cpus >= package->dies);
        cpus += package->cpus;
    }
    fuzz_require(cpus == topology->cpu_count && cpus > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_topology *topology = NULL;
    struct jb_error err = { .text = "" };
    struct fuzz_tree tree;
    int rc;

    if (!fuzz_tree_init(&tree))
        return 0;
    fuzz_tree_fill(&tree, data, size);
    rc = jb_topology_read(tree.root, &topology, &err);
    fuzz_require((rc == JB_OK) == (topology != NULL));
    fuzz_require(rc == JB_OK || err.text[0] != '\0');
    if (topology) {
        fuzz_places(topology);
        fuzz_packages(topology);
    }
    jb_topology_free(topology);
    fuzz_tree_release(&tree);
    return 0;
}
