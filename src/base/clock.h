/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock that all samples are stamped with: CLOCK_BOOTTIME, since energy is
 * used during suspend too and since no clock step may bend an interval.
 */
#ifndef JB_BASE_CLOCK_H
#define JB_BASE_CLOCK_H

#include <stdint.h>

#include "joulebook/plugin/source.h"

enum { JB_NS_PER_US = 1000, JB_NS_PER_MS = 1000000, JB_NS_PER_S = 1000000000 };

/* The machine's clock; stateless, so it may be shared by all threads. */
extern const struct jb_clock jb_clock_boottime;

/* Nanoseconds since 1970 of CLOCK_REALTIME: for labels, never for intervals. */
int64_t jb_clock_utc_ns(void);

/* "2023-01-01T12:00:00.000Z" for a time of jb_clock_utc_ns(), cut to
 * milliseconds (64 bits hold the years 1677 to 2262).  Returns out. */
enum { JB_UTC_TEXT_MAX = 25 };
const char *jb_clock_utc_text(int64_t utc_ns, char out[JB_UTC_TEXT_MAX]);

#endif
