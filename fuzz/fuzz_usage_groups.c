/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "usage/groups.h"

struct fuzz_cpus {
    uint32_t next;
};

static void fuzz_cpu(void *context, uint32_t cpu, uint64_t ns)
{
    struct fuzz_cpus *cpus = context;

    (void)ns;
    fuzz_require(cpu == cpus->next++);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_cpus cpus = { 0 };
    const char *text = (const char *)data;
    uint64_t ns = 7;

    if (jb_groups_parse_stat(text, size, &ns))
        fuzz_require(ns % 1000 == 0);
    else
        fuzz_require(ns == 7);
    if (jb_groups_parse_percpu(text, size, fuzz_cpu, &cpus))
        fuzz_require(cpus.next > 0);
    fuzz_require(cpus.next <= size);
    return 0;
}
