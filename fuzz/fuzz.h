/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fuzz target is: one function that takes any bytes.  It checks more
 * than that nothing crashes: what a parser's header promises is asserted.
 */
#ifndef JB_FUZZ_FUZZ_H
#define JB_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Called by libFuzzer and by replay.c; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise is a finding, whatever NDEBUG says. */
static inline void fuzz_require(int promise)
{
    if (!promise)
        abort();
}

#endif
