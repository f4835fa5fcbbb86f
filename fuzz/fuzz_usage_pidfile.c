/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "usage/pidfile.h"

static void fuzz_stat(const char *text, size_t size)
{
    struct jb_pid_stat stat = { .pid = 77 };

    if (!jb_pidfile_stat(text, size, &stat)) {
        fuzz_require(stat.pid == 77);
        return;
    }
    fuzz_require(stat.pid <= 1 << 22 && stat.cpu <= 65535);
    fuzz_require(memchr(stat.comm, '\0', sizeof(stat.comm)) != NULL);
}

/* What is found lies within the text, and begins as a path does. */
static void fuzz_cgroup(const char *text, size_t size, const char *controller)
{
    const char *path = NULL;
    size_t length = 0;
    uint32_t number = 7;

    if (jb_pidfile_cgroup(text, size, controller, &path, &length)) {
        fuzz_require(path > text && length > 0 && *path == '/');
        fuzz_require(length < size - (size_t)(path - text));
        fuzz_require(!memchr(path, '\n', length));
    } else {
        fuzz_require(path == NULL);
        fuzz_require(!jb_pidfile_hierarchy(text, size, controller, &number));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    uint64_t run_ns = 7;
    uint64_t slices = 7;
    uint64_t pss = 7;
    uint32_t uid = 7;

    fuzz_stat(text, size);
    fuzz_cgroup(text, size, "");
    fuzz_cgroup(text, size, "cpuacct");
    if (!jb_pidfile_schedstat(text, size, &run_ns, &slices))
        fuzz_require(run_ns == 7 && slices == 7);
    if (!jb_pidfile_uid(text, size, &uid))
        fuzz_require(uid == 7);
    if (!jb_pidfile_value(text, size, "Pss", &pss))
        fuzz_require(pss == 7);
    return 0;
}
