/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "core/meminfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct jb_meminfo memory = { .total_kib = 7, .available_kib = 8 };
    int rc = jb_meminfo_parse(text, size, &memory);

    if (rc != JB_OK) {
        fuzz_require(memory.total_kib == 7 && memory.available_kib == 8);
        return 0;
    }
    fuzz_require(memory.available_kib <= memory.total_kib);
    fuzz_require(memory.has_available || memory.available_kib == 0);
    fuzz_require(memmem(text, size, "MemTotal:", 9) &&
                 memmem(text, size, "kB", 2));
    fuzz_require(!memory.has_available ||
                 memmem(text, size, "MemAvailable:", 13));
    return 0;
}
