/* SPDX-License-Identifier: Apache-2.0 */
/* What the public struct jb_reading is inside: plain data, shared by those who
 * make readings and those who write them. */
#ifndef JB_CORE_READING_H
#define JB_CORE_READING_H

#include <stdint.h>

#include "base/clock.h"
#include "joulebook/reading.h"

/* Values are millionths of the units that stand at enum jb_metric. */
struct jb_reading {
    int64_t utc_ns;
    const char *source, *component,
        *device;      /* borrowed from whoever keeps it */
    uint32_t present; /* 1 << enum jb_metric: the others mean nothing */
    int64_t micro[JB_METRIC_COUNT];
    enum jb_provenance provenance[JB_METRIC_COUNT];
    char timestamp[JB_UTC_TEXT_MAX];
};

#endif
