/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's half of a BPF ring buffer (Documentation/bpf/ringbuf.rst): two
 * pages of positions, and the data mapped twice so that a record never breaks.
 * libbpf has one, which we do not load.
 */
#ifndef JB_USAGE_BPF_RING_H
#define JB_USAGE_BPF_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"

struct jb_ring {
    unsigned long *consumer;       /* page that we write */
    const unsigned long *producer; /* page of the kernel */
    const char *data;
    size_t page, size; /* of data: a power of two */
};

/* Maps a ring of that size.  The descriptor may be closed afterwards. */
JB_NODISCARD int jb_ring_open(struct jb_ring *ring, int fd, size_t size,
                              struct jb_error *err);

/* Of one that is all zeros, too. */
void jb_ring_close(struct jb_ring *ring);

/* Hands over all records that are complete, oldest first; stops at one that is
 * still being written.  Returns how many. */
size_t jb_ring_take(struct jb_ring *ring,
                    void (*visit)(void *context, const void *record,
                                  size_t length),
                    void *context);

#endif
