/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the programs in a child, and takes over what it opened. */
#ifndef JB_USAGE_BPF_OPENER_H
#define JB_USAGE_BPF_OPENER_H

#include "base/own.h"
#include "loader.h"

/* JB_EABSENT: no module; else as the loader has it; JB_EBUSY: it did not
 * answer.  On success all of fds belong to the caller. */
JB_NODISCARD int jb_bpf_open(const struct jb_bpf_setup *setup,
                             int fds[JB_BPF_FDS], struct jb_error *err);

#endif
