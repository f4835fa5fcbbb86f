/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

enum { FUZZ_CPU_MAX = 4095 };

static const uint64_t fuzz_untouched = 0x5a5a5a5a5a5a5a5a;

/* What strtoull() and we both accept has the same value. */
static void fuzz_u64(const char *text, size_t size)
{
    uint64_t value = fuzz_untouched;
    uint64_t any = fuzz_untouched;

    if (jb_text_u64(text, size, &value)) {
        errno = 0;
        fuzz_require(strtoull(text, NULL, 10) == value && errno == 0);
        fuzz_require(jb_text_u64_any(text, size, &any) && any == value);
    } else {
        fuzz_require(value == fuzz_untouched);
    }
}

/* Signed numbers are the unsigned ones up to INT64_MAX, and some with a sign.
 */
static void fuzz_i64(const char *text, size_t size)
{
    int64_t value = (int64_t)fuzz_untouched;
    uint64_t positive = 0;

    if (jb_text_i64(text, size, &value)) {
        errno = 0;
        fuzz_require(strtoll(text, NULL, 10) == value && errno == 0);
        fuzz_require(jb_text_u64(text, size, &positive) || text[0] == '-');
    } else {
        fuzz_require(value == (int64_t)fuzz_untouched);
        fuzz_require(!jb_text_u64(text, size, &positive) ||
                     positive > INT64_MAX);
    }
}

static void fuzz_real(const char *text)
{
    double value = -7.0;
    char *end;

    if (jb_text_real(text, &value))
        fuzz_require(strtod(text, &end) == value && *end == '\0');
    else
        fuzz_require(value == -7.0);
}

/* A duration without unit is seconds, so "x" and "xs" are the same. */
static void fuzz_duration(const char *text, size_t size)
{
    uint64_t ns = fuzz_untouched;
    uint64_t again;
    char *with_unit;

    if (!jb_text_duration(text, &ns)) {
        fuzz_require(ns == fuzz_untouched);
        return;
    }
    if (strspn(text, "0123456789.") != size)
        return;
    with_unit = malloc(size + 2);
    if (!with_unit)
        return;
    memcpy(with_unit, text, size);
    memcpy(with_unit + size, "s", 2);
    fuzz_require(jb_text_duration(with_unit, &again) && again == ns);
    free(with_unit);
}

static bool fuzz_visit(uint32_t cpu, void *context)
{
    size_t *count = context;

    fuzz_require(cpu <= FUZZ_CPU_MAX);
    return ++*count < 100000;
}

/* The bytes as they came, without an end, and as a C text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    size_t count = 0;
    bool complete;

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    fuzz_require(jb_text_trimmed((const char *)data, size) <= size);
    complete = jb_text_each_cpu((const char *)data, size, FUZZ_CPU_MAX,
                                fuzz_visit, &count);
    fuzz_require(!complete || count > 0 ||
                 jb_text_trimmed((const char *)data, size) == 0);
    fuzz_u64(text, size);
    fuzz_i64(text, size);
    fuzz_real(text);
    fuzz_duration(text, strlen(text));
    free(text);
    return 0;
}
