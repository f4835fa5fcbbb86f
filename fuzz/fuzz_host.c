/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procfs' texts: whatever they hold, every walk ends, stays inside the text,
 * and gives only what the header promises.
 */
#include "fuzz.h"

#include <string.h>

#include "sources/host/proc.h"

static void fuzz_inside(const uint8_t *data, size_t size,
                        const struct jb_proc_word *word)
{
    const char *begin = (const char *)data;

    fuzz_require(word->length > 0 && word->at >= begin &&
                 word->at + word->length <= begin + size);
}

static void fuzz_cpus(struct jb_proc_text text)
{
    struct jb_proc_cpu cpu;
    int rc;

    while ((rc = jb_proc_next_cpu(&text, &cpu)) != 0)
        fuzz_require(rc == JB_EFORMAT || (rc == 1 && cpu.cpu <= UINT16_MAX));
}

static void fuzz_disks(const uint8_t *data, size_t size,
                       struct jb_proc_text text)
{
    struct jb_proc_disk disk;
    int rc;

    while ((rc = jb_proc_next_disk(&text, &disk)) != 0) {
        fuzz_require(rc == JB_EFORMAT || rc == 1);
        if (rc < 0)
            continue;
        fuzz_inside(data, size, &disk.name);
        (void)jb_proc_is_partition(&disk.name);
    }
}

static void fuzz_nets(const uint8_t *data, size_t size,
                      struct jb_proc_text text)
{
    struct jb_proc_net net;
    int rc;

    while ((rc = jb_proc_next_net(&text, &net)) != 0) {
        fuzz_require(rc == JB_EFORMAT || rc == 1);
        if (rc > 0)
            fuzz_inside(data, size, &net.name);
    }
}

static void fuzz_mounts(const uint8_t *data, size_t size,
                        struct jb_proc_text text)
{
    struct jb_proc_mount mount;
    char path[64];
    int rc;

    while ((rc = jb_proc_next_mount(&text, &mount)) != 0) {
        fuzz_require(rc == JB_EFORMAT || rc == 1);
        if (rc < 0)
            continue;
        fuzz_inside(data, size, &mount.path);
        if (jb_proc_unescape(&mount.path, path, sizeof(path)))
            fuzz_require(strlen(path) > 0 && strlen(path) <= mount.path.length);
        else
            fuzz_require(path[0] == '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *begin = (const char *)data;
    struct jb_proc_text text = { begin, begin + size };
    struct jb_proc_memory memory;
    struct jb_proc_times times;
    uint64_t load[3];

    fuzz_cpus(text);
    fuzz_disks(data, size, text);
    fuzz_nets(data, size, text);
    fuzz_mounts(data, size, text);
    if (jb_proc_memory(text, &memory) == JB_OK)
        fuzz_require(memory.available_kib <= memory.total_kib);
    if (jb_proc_times(text, &times) == JB_OK)
        fuzz_require(size >= 13);
    if (jb_proc_load(text, load) == JB_OK)
        fuzz_require(size >= 14);
    return 0;
}
