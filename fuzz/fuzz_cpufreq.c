/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of CPUs as cpufreq writes them, and counters as a PMU gives them. */
#include "fuzz.h"

#include <string.h>

#include "sources/cpufreq/effective.h"
#include "sources/cpufreq/policy.h"

/* With a topology of two CPUs no more count than without one. */
static void fuzz_list(const char *text, size_t length)
{
    struct jb_topology_cpu cpus[] = { { 1, 0, JB_NO_DIE },
                                      { 4, 0, JB_NO_DIE } };
    const struct jb_topology topology = { .cpus = cpus, .cpu_count = 2 };
    uint32_t first = UINT32_MAX;
    uint32_t some = UINT32_MAX;
    uint32_t all = jb_cpufreq_count_cpus(text, length, NULL, &first);
    uint32_t known = jb_cpufreq_count_cpus(text, length, &topology, &some);

    fuzz_require((all == 0) == (first == UINT32_MAX));
    fuzz_require((known == 0) == (some == UINT32_MAX));
    fuzz_require(known <= all && (known == 0 || first <= some));
    fuzz_require(all == 0 || first <= JB_TOPOLOGY_CPU_MAX);
    fuzz_require(known == 0 || some == 1 || some == 4);
}

static void fuzz_counters(const uint8_t *data)
{
    uint64_t c[4];
    uint64_t hz;

    memcpy(c, data, sizeof(c));
    hz = jb_effective_hz(c[0], c[1], c[2], c[3]);
    for (size_t i = 0; i < 4; i++)
        fuzz_require(c[i] != 0 || hz == 0);
    /* busy at the TSC's rate is that rate */
    if (c[2] != 0 && c[3] != 0 && c[2] <= c[3])
        fuzz_require(jb_effective_hz(7, 7, c[2], c[3]) <= 1000000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_list((const char *)data, size);
    if (size >= 4 * sizeof(uint64_t))
        fuzz_counters(data);
    return 0;
}
