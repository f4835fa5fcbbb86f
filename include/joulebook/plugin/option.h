/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as data.  One table per source or command is the single truth that
 * the command line, the configuration file, --help and the manual pages are
 * made from: a key cannot exist in one of them and be missing in another.
 */
#ifndef JOULEBOOK_PLUGIN_OPTION_H
#define JOULEBOOK_PLUGIN_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The C type behind each value type stands in brackets. */
enum jb_option_type {
    JB_OPTION_FLAG,     /* [bool] no argument on the command line */
    JB_OPTION_TEXT,     /* [const char *] borrowed from whoever set it */
    JB_OPTION_UINT,     /* [uint64_t] */
    JB_OPTION_REAL,     /* [double] finite */
    JB_OPTION_DURATION, /* [uint64_t] ns; written 100ms, 1.5s, 2m, 10us, 1h */
    JB_OPTION_CHOICE,   /* [int] index into choices */
};

/*
 * name is the long option and the configuration key; key the short letter or
 * 0.  min and max bound UINT, DURATION (ns) and REAL; max 0 means no bound.
 * fallback is the default as a user would write it, NULL for zero/NULL/false.
 * A table ends with a row whose name is NULL.
 */
struct jb_option {
    const char *name;
    const char *argument; /* placeholder in help, NULL for a flag */
    const char *fallback;
    const char *help; /* one sentence, no full stop */
    const char *const *choices;
    size_t offset; /* of the value in the options struct */
    uint64_t min, max;
    enum jb_option_type type;
    char key;
};

/* Sets every value of *target to its default.  Fails (JB_EUSAGE) only when a
 * table's own fallback is malformed. */
int jb_options_init(const struct jb_option *table, void *target,
                    struct jb_error *err);

/* The row called name, or NULL. */
const struct jb_option *jb_option_find(const struct jb_option *table,
                                       const char *name);

/* Parses text into the value of one row.  A flag takes NULL (true) or
 * true/false.  JB_EUSAGE names the option, the text and what was expected;
 * *target is untouched then. */
int jb_option_set(const struct jb_option *option, void *target,
                  const char *text, struct jb_error *err);

#ifdef __cplusplus
}
#endif

#endif
