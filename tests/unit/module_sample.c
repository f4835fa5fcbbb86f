/* SPDX-License-Identifier: Apache-2.0 */
/* What test_module.c loads; built three times, see CMakeLists.txt. */
#include "joulebook/plugin/module.h"

#define SAMPLE_EXPORT __attribute__((visibility("default")))

#if defined(SAMPLE_PLAIN)

/* A library like any other: it has no jb_module. */
SAMPLE_EXPORT extern const int sample_value;
const int sample_value = 7;

#else

#if defined(SAMPLE_OLD)
enum { SAMPLE_ABI = JB_MODULE_ABI + 1 };
#define SAMPLE_NAME "old"
#else
enum { SAMPLE_ABI = JB_MODULE_ABI };
#define SAMPLE_NAME "good"
#endif

SAMPLE_EXPORT extern const struct jb_module jb_module;
const struct jb_module jb_module = {
    .abi = SAMPLE_ABI,
    .kind = JB_MODULE_SOURCE,
    .name = SAMPLE_NAME,
    .descriptor = "the descriptor",
};

#endif
