/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file: YAML of two levels, a section per source or command,
 * `key: value` below it.  Keys are the option tables' names, checked as they
 * are parsed, so an error has its line and column.
 *
 * Only mappings of one-line scalars are accepted: no anchors, tags or lists,
 * and nothing given twice.  A file is at most 1 MiB.  The parser is libyaml's,
 * fed event by event: what is not allowed is refused before a tree could grow.
 */
#ifndef JB_BASE_CONFIG_H
#define JB_BASE_CONFIG_H

#include <stddef.h>

#include "joulebook/error.h"
#include "joulebook/plugin/option.h"
#include "own.h"

enum { JB_CONFIG_BYTES_MAX = 1 << 20, JB_CONFIG_ROWS_MAX = 4096 };

/* Where something stands in the file, from 1. */
struct jb_config_mark {
    unsigned line, column;
};

/* A section, which may be empty; the name is the config's. */
struct jb_config_section {
    char *name;
    struct jb_config_mark at;
};

/* One `key: value` with where it stood; strings are the config's. */
struct jb_config_entry {
    const char *section;
    char *key;
    char *value;
    struct jb_config_mark key_at;
    struct jb_config_mark value_at;
};

/* In the order of the file. */
struct jb_config {
    char *path;
    struct jb_config_section *sections;
    size_t section_count;
    struct jb_config_entry *entries;
    size_t count;
};

/* Reads a file.  JB_EABSENT, JB_EDENIED, JB_EFORMAT with line and column;
 * JB_ELIMIT when it is too large; JB_EREFUSED when built without libyaml.  On
 * success release with jb_config_free(). */
JB_NODISCARD int jb_config_read(const char *path, struct jb_config **out,
                                struct jb_error *err);

/* The same from memory; name stands for the path in errors. */
JB_NODISCARD int jb_config_parse(const char *name, const char *text,
                                 size_t length, struct jb_config **out,
                                 struct jb_error *err);

/* Accepts NULL. */
void jb_config_free(struct jb_config *config);

/* Sets the options that the section names.  An unknown key is JB_EUSAGE with
 * line, column and the nearest known key, and so is a value that its option
 * refuses; *target is untouched in the first case and set up to that value in
 * the second.  Texts in *target are borrowed from the config, which must
 * outlive it. */
JB_NODISCARD int jb_config_apply(const struct jb_config *config,
                                 const char *section,
                                 const struct jb_option *table, void *target,
                                 struct jb_error *err);

/* Fails (JB_EUSAGE, with the nearest known one) when the file has a section
 * that is not in the NULL-ended list. */
JB_NODISCARD int jb_config_check_sections(const struct jb_config *config,
                                          const char *const *known,
                                          struct jb_error *err);

#endif
