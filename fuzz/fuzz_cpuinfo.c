/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "core/cpuinfo.h"

/* What is said was in the text, and is a C text in its field. */
static void fuzz_said(const uint8_t *data, size_t size, const char *field,
                      size_t capacity)
{
    size_t length = strnlen(field, capacity);

    fuzz_require(length < capacity);
    fuzz_require(length == 0 || memmem(data, size, field, length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_cpuinfo info;
    struct jb_cpuinfo again;

    jb_cpuinfo_parse((const char *)data, size, &info);
    fuzz_said(data, size, info.vendor, sizeof(info.vendor));
    fuzz_said(data, size, info.model_name, sizeof(info.model_name));
    fuzz_require(!info.hypervisor || memmem(data, size, " hypervisor", 11));
    fuzz_require(!jb_cpuinfo_is_amd(&info) || info.vendor[0]);
    jb_cpuinfo_parse((const char *)data, size, &again);
    fuzz_require(strcmp(info.vendor, again.vendor) == 0 &&
                 info.model == again.model);
    return 0;
}
