/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What modules/bpf.so does: loads and attaches the programs, and hands over
 * what is needed to use them.  The library for that (libbpf) needs 10 MB while
 * it works, so it is loaded in a child that ends when it is done; what it
 * opened stays open in the parent.
 */
#ifndef JB_USAGE_BPF_LOADER_H
#define JB_USAGE_BPF_LOADER_H

#include <stdint.h>

#include "joulebook/error.h"
#include "wire.h"

/* The programs run as long as both links are open. */
enum jb_bpf_fd {
    JB_BPF_FD_WALK,   /* link of the walk: BPF_ITER_CREATE makes one */
    JB_BPF_FD_FREED,  /* link of what threads use to their end */
    JB_BPF_FD_MADE,   /* link of new cgroups */
    JB_BPF_FD_EVENTS, /* ring buffer */
    JB_BPF_FD_STATE,  /* array of one struct jb_bpf_state, to be mapped */
    JB_BPF_FDS,
};

struct jb_bpf_setup {
    struct jb_bpf_config config;
    uint32_t ring_bytes; /* a power of two, at least a page */
};

struct jb_bpf_loader {
    /* On success all of fds belong to the caller.  JB_EABSENT, JB_EDENIED,
     * JB_EIO with what the kernel said. */
    int (*load)(const struct jb_bpf_setup *setup, int fds[JB_BPF_FDS],
                struct jb_error *err);
};

#endif
