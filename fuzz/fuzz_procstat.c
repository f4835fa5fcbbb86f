/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "core/procstat.h"

/* What is taken ends with its line: bytes behind it change nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
    struct jb_procstat stat = { 7, 8 };
    struct jb_procstat line = { 7, 8 };
    uint32_t ppm = 0;
    int good = jb_procstat_parse(text, size, &stat);

    fuzz_require(good || (stat.busy == 7 && stat.idle == 8));
    fuzz_require(!good || end);
    if (end)
        fuzz_require(jb_procstat_parse(text, (size_t)(end - text) + 1, &line) ==
                     good);
    fuzz_require(!end || memcmp(&stat, &line, sizeof(stat)) == 0);
    if (jb_procstat_busy_ppm(&(struct jb_procstat){ 7, 8 }, &stat, &ppm))
        fuzz_require(ppm <= 1000000);
    return 0;
}
