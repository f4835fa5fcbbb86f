/* SPDX-License-Identifier: Apache-2.0 */
/* Our own format: one table of columns for JSON, JSON lines and CSV, for those
 * who write it and those who read it. */
#ifndef JB_FORMATS_NATIVE_H
#define JB_FORMATS_NATIVE_H

#include <stdbool.h>

enum jb_native_column {
    JB_NATIVE_TIME,
    JB_NATIVE_ELAPSED,
    JB_NATIVE_SENSOR,
    JB_NATIVE_DOMAIN,
    JB_NATIVE_QUANTITY,
    JB_NATIVE_VALUE,
    JB_NATIVE_UNIT,
    JB_NATIVE_POWER,
    JB_NATIVE_PROVENANCE,
    JB_NATIVE_STATE,
    JB_NATIVE_COLUMNS,
};

struct jb_native_name {
    const char *name;
    bool quoted; /* a string in JSON */
};

extern const struct jb_native_name jb_native_names[JB_NATIVE_COLUMNS];

/* Value of the head's key "format". */
#define JB_NATIVE_FORMAT "joulebook-record"
enum { JB_NATIVE_VERSION = 1 };

/* The states of a row that are not those of jb_status_name(). */
#define JB_NATIVE_GAP "gap"
#define JB_NATIVE_RESET "reset"
#define JB_NATIVE_JUMP "jump"
#define JB_NATIVE_LATE "late"

#endif
