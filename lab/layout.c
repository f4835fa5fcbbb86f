/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"

enum { LAYOUT_MAX_FILE = 64 * 1024 };

#define LAYOUT_FJ_PER_J UINT64_C(1000000000000000)

static struct jb_lab_zone *layout_zone(struct jb_lab_parser *parser)
{
    return &parser->layout->zones[parser->layout->zone_count];
}

int jb_lab_parse_bad(struct jb_error *err, const char *wanted)
{
    return jb_fail(err, JB_EFORMAT, "%s", wanted);
}

/* control-type:N[:N[:N]], each N a number without a leading zero. */
static bool layout_is_path(const char *path)
{
    struct jb_lab_scan scan = jb_lab_scan_of(path, strlen(path));
    char word[JB_LAB_PATH_SIZE];
    unsigned depth = 0;

    if (path[0] < 'a' || path[0] > 'z' ||
        !jb_lab_scan_word(&scan, "-", word, sizeof(word)))
        return false;
    while (jb_lab_scan_char(&scan, ':')) {
        const char *from = scan.at;
        uint64_t number;

        if (!jb_lab_scan_u64(&scan, &number) || number > 999 ||
            (*from == '0' && scan.at - from > 1))
            return false;
        depth++;
    }
    return jb_lab_scan_done(&scan) && depth >= 1 && depth <= 3;
}

static int layout_set_path(struct jb_lab_parser *parser,
                           struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);

    if (!jb_lab_scan_word(value, "-:", zone->path, sizeof(zone->path)) ||
        !layout_is_path(zone->path))
        return jb_lab_parse_bad(err, "path: such as intel-rapl:0:1 is wanted");
    if (jb_lab_layout_find(parser->layout, zone->path) >= 0)
        return jb_lab_parse_bad(err,
                                "path: there is a zone of this path already");
    return JB_OK;
}

static int layout_set_name(struct jb_lab_parser *parser,
                           struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);

    if (!jb_lab_scan_word(value, "-_.", zone->name, sizeof(zone->name)))
        return jb_lab_parse_bad(err, "name: up to 23 letters, digits and -_. ");
    return JB_OK;
}

static int layout_set_inside(struct jb_lab_parser *parser,
                             struct jb_lab_scan *value, struct jb_error *err)
{
    char *inside = parser->inside[parser->layout->zone_count];

    if (!jb_lab_scan_word(value, "-:", inside, JB_LAB_PATH_SIZE))
        return jb_lab_parse_bad(err, "in: the path of the containing zone");
    return JB_OK;
}

static int layout_set_mirror(struct jb_lab_parser *parser,
                             struct jb_lab_scan *value, struct jb_error *err)
{
    char *mirror = parser->mirror[parser->layout->zone_count];

    if (!jb_lab_scan_word(value, "-:", mirror, JB_LAB_PATH_SIZE))
        return jb_lab_parse_bad(err, "mirror: the path of the mirrored zone");
    return JB_OK;
}

static void layout_set_binary_unit(struct jb_lab_zone *zone, unsigned bits)
{
    zone->unit = (struct jb_lab_unit){ UINT64_C(1) << bits, LAYOUT_FJ_PER_J };
    zone->shown =
        (struct jb_lab_unit){ UINT64_C(1000000000) >> bits, UINT64_C(1000) };
}

static int layout_set_unit(struct jb_lab_parser *parser,
                           struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);
    uint64_t number;

    if (jb_lab_scan_literal(value, "2^-") && jb_lab_scan_u64(value, &number) &&
        number <= 20) {
        layout_set_binary_unit(zone, (unsigned)number);
        return JB_OK;
    }
    if (!jb_lab_scan_u64(value, &number) || number < 1 ||
        number > UINT64_C(1000000000) || !jb_lab_scan_literal(value, "nJ"))
        return jb_lab_parse_bad(err,
                                "unit: 2^-0 to 2^-20 (of a joule), or 1nJ to "
                                "1000000000nJ");
    zone->unit = (struct jb_lab_unit){ 1, number * UINT64_C(1000000) };
    zone->shown = (struct jb_lab_unit){ number, 1000 };
    return JB_OK;
}

static int layout_set_shown(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);
    uint64_t number;

    if (!(parser->seen & 1u << 4))
        return jb_lab_parse_bad(err, "shown: comes after unit");
    if (jb_lab_scan_literal(value, "truncated"))
        return JB_OK; /* what the unit has set already */
    if (jb_lab_scan_literal(value, "exact")) {
        /* uJ per count = den / num fJ / 10^9 */
        zone->shown = (struct jb_lab_unit){ zone->unit.den / UINT64_C(1000000),
                                            zone->unit.num * 1000 };
        return JB_OK;
    }
    if (!jb_lab_scan_u64(value, &number) || number < 1 ||
        number > UINT64_C(1000000000) || !jb_lab_scan_literal(value, "nJ"))
        return jb_lab_parse_bad(err,
                                "shown: truncated, exact, or a unit in nJ");
    zone->shown = (struct jb_lab_unit){ number, 1000 };
    return JB_OK;
}

static int layout_set_modulus(struct jb_lab_parser *parser,
                              struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);
    uint64_t bits;

    if (jb_lab_scan_literal(value, "2^")) {
        if (!jb_lab_scan_u64(value, &bits) || bits < 1 || bits > 62)
            return jb_lab_parse_bad(err, "modulus: 2^1 to 2^62");
        zone->modulus = UINT64_C(1) << bits;
        return JB_OK;
    }
    if (!jb_lab_scan_u64(value, &zone->modulus) || zone->modulus < 2 ||
        zone->modulus > UINT64_C(1) << 62)
        return jb_lab_parse_bad(err,
                                "modulus: a number of counts from 2 to 2^62");
    return JB_OK;
}

static int layout_set_start(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);
    bool back = jb_lab_scan_char(value, '-');
    uint64_t counts;

    if (!jb_lab_scan_u64(value, &counts) || (back && counts == 0))
        return jb_lab_parse_bad(err, "start: a number of counts, or minus the "
                                     "counts that are left before the wrap");
    zone->start_given = true;
    zone->start = back ? 0 : counts;
    parser->start_back = back ? counts : 0;
    return JB_OK;
}

static int layout_set_mode(struct jb_lab_parser *parser,
                           struct jb_lab_scan *value, struct jb_error *err)
{
    if (!jb_lab_scan_mode(value, &layout_zone(parser)->mode))
        return jb_lab_parse_bad(err, "mode: three octal digits such as 0400");
    return JB_OK;
}

static int layout_set_enabled(struct jb_lab_parser *parser,
                              struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);

    zone->enabled = jb_lab_scan_char(value, '1');
    if (!zone->enabled && !jb_lab_scan_char(value, '0'))
        return jb_lab_parse_bad(err, "enabled: 0 or 1");
    return JB_OK;
}

/* NAME,MAX or -,POWER,WINDOW in whole microseconds. */
static int layout_set_limit(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);
    struct jb_lab_limit *limit = &zone->limits[zone->limit_count];
    uint64_t window_ns;

    if (zone->limit_count == JB_LAB_MAX_LIMITS)
        return jb_lab_parse_bad(err, "limit: at most three of them");
    if (!jb_lab_scan_word(value, "_", limit->name, sizeof(limit->name)) ||
        !jb_lab_scan_char(value, ','))
        return jb_lab_parse_bad(err,
                                "limit: a name such as long_term comes first");
    limit->has_max = !jb_lab_scan_char(value, '-');
    if ((limit->has_max && !jb_lab_scan_power(value, &limit->max_uw)) ||
        !jb_lab_scan_char(value, ',') ||
        !jb_lab_scan_power(value, &limit->power_uw) ||
        !jb_lab_scan_char(value, ',') || !jb_lab_scan_time(value, &window_ns) ||
        window_ns % 1000 != 0)
        return jb_lab_parse_bad(err,
                                "limit: NAME,MAX,POWER,WINDOW is wanted, such "
                                "as long_term,45W,40W,976us (MAX may be -)");
    limit->window_us = window_ns / 1000;
    zone->limit_count++;
    return JB_OK;
}

static int layout_set_wave(struct jb_lab_parser *parser,
                           struct jb_lab_scan *value, struct jb_error *err)
{
    return jb_lab_wave_parse(value, &layout_zone(parser)->wave, err);
}

/* layout_set_shown and layout_end_zone know the places of unit and wave. */
static const struct jb_lab_attribute layout_zone_attributes[] = {
    { "path", false, layout_set_path },
    { "name", false, layout_set_name },
    { "in", false, layout_set_inside },
    { "mirror", false, layout_set_mirror },
    { "unit", false, layout_set_unit },
    { "shown", false, layout_set_shown },
    { "modulus", false, layout_set_modulus },
    { "start", false, layout_set_start },
    { "wave", false, layout_set_wave },
    { "mode", false, layout_set_mode },
    { "enabled", false, layout_set_enabled },
    { "limit", true, layout_set_limit },
    { "msr", false, jb_lab_parse_msr },
    { NULL, false, NULL },
};

enum {
    LAYOUT_SEEN_PATH = 1u << 0,
    LAYOUT_SEEN_NAME = 1u << 1,
    LAYOUT_SEEN_IN = 1u << 2,
    LAYOUT_SEEN_MIRROR = 1u << 3,
    LAYOUT_SEEN_COUNTER = 0x1f0, /* unit shown modulus start wave */
    LAYOUT_SEEN_WAVE = 1u << 8,
    LAYOUT_SEEN_MSR = 1u << 12,
};

static int layout_set_interval(struct jb_lab_parser *parser,
                               struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_meter *meter = &parser->layout->meter;

    if (!jb_lab_scan_time(value, &meter->interval_ns) ||
        meter->interval_ns == 0 || meter->interval_ns > JB_LAB_MAX_PERIOD_NS)
        return jb_lab_parse_bad(err, "interval: a duration such as 1s");
    return JB_OK;
}

static int layout_set_lag(struct jb_lab_parser *parser,
                          struct jb_lab_scan *value, struct jb_error *err)
{
    if (!jb_lab_scan_time(value, &parser->layout->meter.lag_ns))
        return jb_lab_parse_bad(err, "lag: a duration such as 2.7s");
    return JB_OK;
}

static int layout_set_rest(struct jb_lab_parser *parser,
                           struct jb_lab_scan *value, struct jb_error *err)
{
    return jb_lab_wave_parse(value, &parser->layout->meter.rest, err);
}

static const struct jb_lab_attribute layout_meter_attributes[] = {
    { "interval", false, layout_set_interval },
    { "lag", false, layout_set_lag },
    { "rest", false, layout_set_rest },
    { NULL, false, NULL },
};

static int layout_parse_attribute(struct jb_lab_parser *parser,
                                  const struct jb_lab_attribute *table,
                                  struct jb_lab_scan *line,
                                  struct jb_error *err)
{
    char key[12];

    if (!jb_lab_scan_word(line, "_", key, sizeof(key)) ||
        !jb_lab_scan_char(line, '='))
        return jb_lab_parse_bad(err, "key=value is wanted");
    for (unsigned i = 0; table[i].key; i++) {
        int rc;

        if (strcmp(table[i].key, key) != 0)
            continue;
        if ((parser->seen & 1u << i) && !table[i].repeats)
            return jb_fail(err, JB_EFORMAT, "%s is given twice", key);
        rc = table[i].set(parser, line, err);
        if (rc < 0)
            return rc;
        parser->seen |= 1u << i;
        if (!jb_lab_scan_done(line) && *line->at != ' ' && *line->at != '\t')
            return jb_fail(err, JB_EFORMAT, "%s: text behind its value", key);
        return JB_OK;
    }
    return jb_fail(err, JB_EFORMAT, "unknown attribute %s", key);
}

int jb_lab_parse_attributes(struct jb_lab_parser *parser,
                            const struct jb_lab_attribute *table,
                            struct jb_lab_scan *line, struct jb_error *err)
{
    parser->seen = 0;
    while (!jb_lab_scan_done(line)) {
        int rc;

        if (!jb_lab_scan_blank(line))
            return jb_lab_parse_bad(err, "a blank is wanted here");
        if (jb_lab_scan_done(line))
            break;
        rc = layout_parse_attribute(parser, table, line, err);
        if (rc < 0)
            return rc;
    }
    return JB_OK;
}

/* The directory that a zone's path puts it in, declared on an earlier line. */
static int layout_place_zone(struct jb_lab_parser *parser, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);
    char parent[JB_LAB_PATH_SIZE];
    char *colon;

    memcpy(parent, zone->path, sizeof(parent));
    colon = strrchr(parent, ':');
    *colon = '\0';
    zone->sysfs_parent = -1;
    if (!strchr(parent, ':'))
        return JB_OK;
    zone->sysfs_parent = jb_lab_layout_find(parser->layout, parent);
    if (zone->sysfs_parent < 0)
        return jb_fail(err, JB_EFORMAT,
                       "path: %s must be declared on an earlier line", parent);
    return JB_OK;
}

static int layout_check_zone(struct jb_lab_parser *parser, struct jb_error *err)
{
    struct jb_lab_zone *zone = layout_zone(parser);
    bool mirrors = parser->seen & LAYOUT_SEEN_MIRROR;

    if (!(parser->seen & LAYOUT_SEEN_PATH) ||
        !(parser->seen & LAYOUT_SEEN_NAME))
        return jb_lab_parse_bad(err, "zone: path and name are wanted");
    if (!mirrors && !(parser->seen & LAYOUT_SEEN_WAVE))
        return jb_lab_parse_bad(err, "zone: wave or mirror is wanted");
    if (mirrors && (parser->seen &
                    (LAYOUT_SEEN_COUNTER | LAYOUT_SEEN_IN | LAYOUT_SEEN_MSR)))
        return jb_lab_parse_bad(err, "zone: a mirror has no wave, in, unit, "
                                     "shown, modulus, start or msr of its own");
    if (parser->start_back > zone->modulus)
        return jb_lab_parse_bad(err, "start: beyond the modulus");
    if (parser->start_back > 0)
        zone->start = zone->modulus - parser->start_back;
    if (zone->start >= zone->modulus)
        return jb_lab_parse_bad(err, "start: not below the modulus");
    return layout_place_zone(parser, err);
}

static int layout_parse_zone(struct jb_lab_parser *parser,
                             struct jb_lab_scan *line, struct jb_error *err)
{
    struct jb_lab_layout *layout = parser->layout;
    struct jb_lab_zone *zone;
    int rc;

    if (layout->zone_count == JB_LAB_MAX_ZONES)
        return jb_lab_parse_bad(err, "more than 32 zones");
    zone = layout_zone(parser);
    *zone = (struct jb_lab_zone){ .modulus = UINT64_C(1) << 32,
                                  .mode = 0400,
                                  .enabled = true };
    layout_set_binary_unit(zone, 14);
    parser->start_back = 0;
    rc = jb_lab_parse_attributes(parser, layout_zone_attributes, line, err);
    if (rc == JB_OK)
        rc = layout_check_zone(parser, err);
    if (rc < 0)
        return rc;
    parser->zone_lines[layout->zone_count] = parser->line;
    layout->zone_count++;
    return JB_OK;
}

static int layout_parse_meter(struct jb_lab_parser *parser,
                              struct jb_lab_scan *line, struct jb_error *err)
{
    struct jb_lab_meter *meter = &parser->layout->meter;
    int rc;

    if (meter->present)
        return jb_lab_parse_bad(err, "there is a meter already");
    rc = jb_lab_parse_attributes(parser, layout_meter_attributes, line, err);
    if (rc < 0)
        return rc;
    if (parser->seen != 7)
        return jb_lab_parse_bad(err,
                                "meter: interval, lag and rest are wanted");
    if (meter->lag_ns / meter->interval_ns >= JB_LAB_MAX_LAG_INTERVALS)
        return jb_lab_parse_bad(err, "meter: the lag is 32 intervals or more");
    meter->present = true;
    return JB_OK;
}

static int layout_parse_head(struct jb_lab_parser *parser, const char *word,
                             struct jb_lab_scan *line, struct jb_error *err)
{
    struct jb_lab_layout *layout = parser->layout;
    bool grid = strcmp(word, "grid") == 0;
    bool *seen = grid ? &parser->grid_set : &parser->named;
    bool good;

    if (*seen)
        return jb_fail(err, JB_EFORMAT, "%s is given twice", word);
    *seen = true;
    jb_lab_scan_blank(line);
    if (grid)
        good = jb_lab_scan_time(line, &layout->grid_ns) &&
               layout->grid_ns > 0 && layout->grid_ns <= 1000000000;
    else
        good = jb_lab_scan_word(line, "-_", layout->name, sizeof(layout->name));
    jb_lab_scan_blank(line);
    if (!good || !jb_lab_scan_done(line))
        return jb_lab_parse_bad(err,
                                grid ? "grid: a duration up to 1s is wanted"
                                     : "layout: a name of up to 23 letters");
    return JB_OK;
}

static int layout_parse_line(struct jb_lab_parser *parser,
                             struct jb_lab_scan *line, struct jb_error *err)
{
    static const struct {
        const char *word;
        int (*parse)(struct jb_lab_parser *, struct jb_lab_scan *,
                     struct jb_error *);
    } kinds[] = {
        { "zone", layout_parse_zone },
        { "meter", layout_parse_meter },
        { "cpu", jb_lab_parse_cpu },
        { "temperature", jb_lab_parse_temperature },
        { "policy", jb_lab_parse_policy },
    };
    char word[12] = "";

    jb_lab_scan_blank(line);
    if (jb_lab_scan_done(line) || *line->at == '#')
        return JB_OK;
    if (!jb_lab_scan_word(line, "", word, sizeof(word)))
        return jb_lab_parse_bad(err, "a line begins with layout, grid, zone, "
                                     "meter, cpu, temperature, policy or #");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(word, kinds[i].word) == 0)
            return kinds[i].parse(parser, line, err);
    if (strcmp(word, "layout") == 0 || strcmp(word, "grid") == 0)
        return layout_parse_head(parser, word, line, err);
    return jb_fail(err, JB_EFORMAT, "unknown line %s", word);
}

static int layout_resolve_mirror(struct jb_lab_parser *parser, unsigned index,
                                 struct jb_error *err)
{
    struct jb_lab_zone *zone = &parser->layout->zones[index];
    const char *mirror = parser->mirror[index];
    const struct jb_lab_zone *origin;

    zone->mirror = -1;
    if (!*mirror)
        return JB_OK;
    zone->mirror = jb_lab_layout_find(parser->layout, mirror);
    if (zone->mirror < 0 || *parser->mirror[zone->mirror])
        return jb_lab_parse_bad(err,
                                "mirror: no such zone, or itself a mirror");
    origin = &parser->layout->zones[zone->mirror];
    zone->unit = origin->unit;
    zone->shown = origin->shown;
    zone->modulus = origin->modulus;
    zone->start = origin->start;
    return JB_OK;
}

static int layout_resolve_inside(struct jb_lab_parser *parser, unsigned index,
                                 struct jb_error *err)
{
    struct jb_lab_zone *zone = &parser->layout->zones[index];

    zone->inside = -1;
    if (!*parser->inside[index])
        return JB_OK;
    zone->inside = jb_lab_layout_find(parser->layout, parser->inside[index]);
    if (zone->inside < 0 || *parser->mirror[zone->inside])
        return jb_lab_parse_bad(err, "in: no such zone, or a mirror");
    return JB_OK;
}

static int layout_check_cycle(const struct jb_lab_layout *layout,
                              unsigned index, struct jb_error *err)
{
    int at = layout->zones[index].inside;

    for (unsigned steps = 0; at >= 0; steps++) {
        if (steps == layout->zone_count)
            return jb_lab_parse_bad(err, "in: the zone is inside itself");
        at = layout->zones[at].inside;
    }
    return JB_OK;
}

static int layout_check_whole(struct jb_lab_parser *parser,
                              struct jb_error *err)
{
    struct jb_lab_layout *layout = parser->layout;
    int rc = JB_OK;

    for (unsigned i = 0; i < layout->zone_count && rc == JB_OK; i++) {
        parser->line = parser->zone_lines[i];
        rc = layout_resolve_mirror(parser, i, err);
        if (rc == JB_OK)
            rc = layout_resolve_inside(parser, i, err);
    }
    for (unsigned i = 0; i < layout->zone_count && rc == JB_OK; i++) {
        parser->line = parser->zone_lines[i];
        rc = layout_check_cycle(layout, i, err);
    }
    if (rc == JB_OK)
        rc = jb_lab_resolve_devices(parser, err);
    if (rc == JB_OK && layout->zone_count == 0)
        return jb_lab_parse_bad(err, "no zone");
    if (rc == JB_OK && layout->meter.present &&
        layout->meter.interval_ns % layout->grid_ns != 0)
        return jb_lab_parse_bad(err,
                                "meter: the interval is not a multiple of the "
                                "grid");
    return rc;
}

static int layout_parse_all(struct jb_lab_parser *parser,
                            struct jb_lab_scan *text, struct jb_error *err)
{
    while (!jb_lab_scan_done(text)) {
        size_t left = (size_t)(text->end - text->at);
        const char *newline = memchr(text->at, '\n', left);
        size_t len = newline ? (size_t)(newline - text->at) : left;
        struct jb_lab_scan line = jb_lab_scan_of(text->at, len);
        int rc;

        parser->line++;
        rc = layout_parse_line(parser, &line, err);
        if (rc < 0)
            return rc;
        text->at += newline ? len + 1 : len;
    }
    return layout_check_whole(parser, err);
}

int jb_lab_layout_parse(const char *text, size_t len, struct jb_lab_layout *out,
                        struct jb_error *err)
{
    struct jb_lab_scan scan = jb_lab_scan_of(text, len);
    struct jb_lab_layout *layout = calloc(1, sizeof(*layout));
    struct jb_lab_parser *parser = calloc(1, sizeof(*parser));
    struct jb_error inner = { 0 };
    int rc;

    if (!layout || !parser) {
        rc = jb_fail(err, JB_ENOMEM, "layout: out of memory");
    } else {
        memcpy(layout->name, "own", sizeof("own"));
        layout->grid_ns = 1000000;
        parser->layout = layout;
        rc = layout_parse_all(parser, &scan, &inner);
        if (rc < 0)
            jb_fail(err, rc, "layout, line %u: %s", parser->line, inner.text);
        else
            *out = *layout;
    }
    free(parser);
    free(layout);
    return rc;
}

static int layout_read_file(const char *path, char *bytes, size_t *len,
                            struct jb_error *err)
{
    FILE *file = fopen(path, "re");

    if (!file)
        return jb_fail(err, errno == EACCES ? JB_EDENIED : JB_EABSENT,
                       "layout %s: %s (built in are client, server, full, "
                       "amd, fast, xeon and epyc; anything else is a file)",
                       path, strerror(errno));
    *len = fread(bytes, 1, LAYOUT_MAX_FILE + 1, file);
    if (ferror(file)) {
        fclose(file);
        return jb_fail(err, JB_EIO, "layout %s: cannot be read", path);
    }
    fclose(file);
    if (*len > LAYOUT_MAX_FILE)
        return jb_fail(err, JB_EFORMAT, "layout %s: more than 64 KiB", path);
    return JB_OK;
}

int jb_lab_layout_load(const char *name_or_path, struct jb_lab_layout *out,
                       struct jb_error *err)
{
    const char *builtin = jb_lab_layout_builtin(name_or_path);
    size_t len = 0;
    char *bytes;
    int rc;

    if (builtin)
        return jb_lab_layout_parse(builtin, strlen(builtin), out, err);
    bytes = malloc(LAYOUT_MAX_FILE + 1);
    if (!bytes)
        return jb_fail(err, JB_ENOMEM, "layout: out of memory");
    rc = layout_read_file(name_or_path, bytes, &len, err);
    if (rc == JB_OK)
        rc = jb_lab_layout_parse(bytes, len, out, err);
    free(bytes);
    return rc;
}

int jb_lab_layout_find(const struct jb_lab_layout *layout, const char *path)
{
    for (unsigned i = 0; i < layout->zone_count; i++)
        if (strcmp(layout->zones[i].path, path) == 0)
            return (int)i;
    return -1;
}

unsigned jb_lab_layout_package(const struct jb_lab_layout *layout, unsigned cpu)
{
    const struct jb_lab_cpus *cpus = &layout->cpus;

    return cpus->count > 0 ? cpu * cpus->packages / cpus->count : 0;
}
