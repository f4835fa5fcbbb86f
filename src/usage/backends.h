/* SPDX-License-Identifier: Apache-2.0 */
/* The back ends' descriptors, best first. */
#ifndef JB_USAGE_BACKENDS_H
#define JB_USAGE_BACKENDS_H

#include "usage.h"

extern const struct jb_usage_desc jb_usage_bpf;
extern const struct jb_usage_desc jb_usage_taskstats;
extern const struct jb_usage_desc jb_usage_proc;

#endif
