/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <errno.h>
#include <sys/mman.h>

enum { RING_HEADER = 8 };

static const uint32_t ring_busy = UINT32_C(1) << 31;
static const uint32_t ring_discarded = UINT32_C(1) << 30;

int jb_ring_open(struct jb_ring *ring, int fd, size_t size,
                 struct jb_error *err)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *consumer =
        mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *rest;

    if (consumer == MAP_FAILED)
        return jb_fail_errno(err, errno, "mapping the ring of BPF events");
    rest = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
    if (rest == MAP_FAILED) {
        int errnum = errno;

        munmap(consumer, page);
        return jb_fail_errno(err, errnum, "mapping the ring of BPF events");
    }
    *ring = (struct jb_ring){
        .consumer = consumer,
        .producer = rest,
        .data = (const char *)rest + page,
        .page = page,
        .size = size,
    };
    return JB_OK;
}

void jb_ring_close(struct jb_ring *ring)
{
    if (!ring->consumer)
        return;
    munmap(ring->consumer, ring->page);
    munmap((void *)(uintptr_t)ring->producer, ring->page + 2 * ring->size);
    *ring = (struct jb_ring){ 0 };
}

/* A record is its length with two flags, the offset of its page, the bytes, and
 * padding to 8. */
size_t jb_ring_take(struct jb_ring *ring,
                    void (*visit)(void *context, const void *record,
                                  size_t length),
                    void *context)
{
    unsigned long at = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
    unsigned long end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
    size_t count = 0;

    while (at < end) {
        const char *record = ring->data + (at & (ring->size - 1));
        uint32_t header = __atomic_load_n(
            (const uint32_t *)(const void *)record, __ATOMIC_ACQUIRE);
        uint32_t length = header & ~(ring_busy | ring_discarded);

        if (header & ring_busy || length > ring->size - RING_HEADER)
            break;
        if (!(header & ring_discarded)) {
            visit(context, record + RING_HEADER, length);
            count++;
        }
        at += (length + RING_HEADER + 7) & ~7UL;
        __atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
    }
    return count;
}
