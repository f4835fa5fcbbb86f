/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that sysfs says about a power event: terms, formats, scales, CPU
 * masks.  Beyond "no crash": what is accepted must make sense.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pmu/event.h"

enum { FUZZ_CPU_MAX = 4095 };

/* Any term is known; where its bits go depends on its name. */
static bool fuzz_lookup(const char *name, size_t length, void *context,
                        struct jb_perf_format *out)
{
    (void)context;
    fuzz_require(length > 0);
    out->word = (unsigned char)name[0] % JB_PERF_WORDS;
    out->mask = (unsigned char)name[length - 1] % 2 ? 0xff : UINT64_MAX << 63;
    return true;
}

static bool fuzz_cpu(uint32_t cpu, void *context)
{
    size_t *visits = context;

    fuzz_require(cpu <= FUZZ_CPU_MAX);
    return ++*visits <= FUZZ_CPU_MAX;
}

static uint64_t fuzz_gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static void fuzz_scale(const char *text, size_t length)
{
    char copy[128];
    uint64_t num;
    uint64_t den;
    double want;
    double got;

    if (!jb_perf_parse_scale(text, length, &num, &den))
        return;
    fuzz_require(num > 0 && den > 0 && fuzz_gcd(num, den) == 1);
    fuzz_require(length < sizeof(copy));
    memcpy(copy, text, length);
    copy[length] = '\0';
    want = strtod(copy, NULL) * 1e6;
    got = (double)num / (double)den;
    fuzz_require(got > want * 0.999999 && got < want * 1.000001);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct jb_perf_config config;
    struct jb_perf_format format;
    size_t visits = 0;
    bool list;

    fuzz_scale(text, size);
    if (jb_perf_parse_format(text, size, &format))
        fuzz_require(format.mask != 0 && format.word < JB_PERF_WORDS);
    if (jb_perf_parse_terms(text, size, fuzz_lookup, NULL, &config))
        fuzz_require(size > 0);
    list = jb_text_each_cpu(text, size, FUZZ_CPU_MAX, fuzz_cpu, &visits);
    fuzz_require(!list || visits <= FUZZ_CPU_MAX);
    return 0;
}
