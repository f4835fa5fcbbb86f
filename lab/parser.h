/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lines of a layout have in common: a table of key=value attributes
 * each, read in any order.  Zones and the meter are in layout.c, processors
 * with what is known of them in devices.c.
 */
#ifndef JB_LAB_PARSER_H
#define JB_LAB_PARSER_H

#include <stdbool.h>

#include "layout.h"
#include "scan.h"

/* A line's worth of attributes; references are names until all zones are
 * known, since a zone may be inside one that comes later. */
struct jb_lab_parser {
    struct jb_lab_layout *layout;
    char inside[JB_LAB_MAX_ZONES][JB_LAB_PATH_SIZE];
    char mirror[JB_LAB_MAX_ZONES][JB_LAB_PATH_SIZE];
    char heated_by[JB_LAB_MAX_TEMPERATURES][JB_LAB_PATH_SIZE];
    char driven_by[JB_LAB_MAX_POLICIES][JB_LAB_PATH_SIZE];
    unsigned zone_lines[JB_LAB_MAX_ZONES];
    unsigned temperature_lines[JB_LAB_MAX_TEMPERATURES];
    unsigned policy_lines[JB_LAB_MAX_POLICIES];
    unsigned line;
    unsigned seen;       /* attributes of this line, a bit each */
    uint64_t start_back; /* start=-N: counts before the wrap */
    bool named, grid_set;
};

/* Reads the value of one attribute into what this line is about. */
typedef int (*jb_lab_setter)(struct jb_lab_parser *parser,
                             struct jb_lab_scan *value, struct jb_error *err);

struct jb_lab_attribute {
    const char *key;
    bool repeats;
    jb_lab_setter set;
};

/* Refuses: JB_EFORMAT with a text that says what is wanted. */
int jb_lab_parse_bad(struct jb_error *err, const char *wanted);

/* The rest of a line by a table that ends with a NULL key; parser->seen gets a
 * bit for each row that was given. */
int jb_lab_parse_attributes(struct jb_lab_parser *parser,
                            const struct jb_lab_attribute *table,
                            struct jb_lab_scan *line, struct jb_error *err);

/* The lines cpu, temperature and policy. */
int jb_lab_parse_cpu(struct jb_lab_parser *parser, struct jb_lab_scan *line,
                     struct jb_error *err);
int jb_lab_parse_temperature(struct jb_lab_parser *parser,
                             struct jb_lab_scan *line, struct jb_error *err);
int jb_lab_parse_policy(struct jb_lab_parser *parser, struct jb_lab_scan *line,
                        struct jb_error *err);

/* The zone's attribute msr=REGISTER@PACKAGE. */
int jb_lab_parse_msr(struct jb_lab_parser *parser, struct jb_lab_scan *value,
                     struct jb_error *err);

/* Finds the zones that were named, once all lines are read, and checks the
 * registers; parser->line is the guilty one on failure. */
int jb_lab_resolve_devices(struct jb_lab_parser *parser, struct jb_error *err);

#endif
