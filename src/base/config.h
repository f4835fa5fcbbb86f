/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file: YAML of two levels, a section per source or command,
 * `key: value` below it.  Keys are the option tables' names, checked as they
 * are parsed, so an error has its line and column.
 *
 * Only mappings of scalars are accepted: no anchors, tags or lists.  A file is
 * at most 1 MiB.
 */
#ifndef JB_BASE_CONFIG_H
#define JB_BASE_CONFIG_H

#include <stddef.h>

#include "joulebook/error.h"
#include "joulebook/plugin/option.h"
#include "own.h"

/* One `key: value` with where it stood; strings are the config's. */
struct jb_config_entry {
    char *section;
    char *key;
    char *value;
    unsigned line, column; /* of the value, from 1 */
};

struct jb_config {
    char *path;
    struct jb_config_entry *entries;
    size_t count;
};

/* Reads a file.  JB_EABSENT, JB_EDENIED, JB_EFORMAT with line and column;
 * JB_EREFUSED when built without libyaml.  On success release with
 * jb_config_free(). */
JB_NODISCARD int jb_config_read(const char *path, struct jb_config **out,
                                struct jb_error *err);

/* The same from memory; name stands for the path in errors. */
JB_NODISCARD int jb_config_parse(const char *name, const char *text,
                                 size_t length, struct jb_config **out,
                                 struct jb_error *err);

/* Accepts NULL. */
void jb_config_free(struct jb_config *config);

/* Sets the options that the section names.  An unknown key is JB_EUSAGE with
 * line, column and the nearest known key.  Texts in *target are borrowed from
 * the config, which must outlive it. */
JB_NODISCARD int jb_config_apply(const struct jb_config *config,
                                 const char *section,
                                 const struct jb_option *table, void *target,
                                 struct jb_error *err);

/* Fails when the file has a section that is not in the NULL-ended list. */
JB_NODISCARD int jb_config_check_sections(const struct jb_config *config,
                                          const char *const *known,
                                          struct jb_error *err);

#endif
