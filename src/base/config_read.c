/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file to a configuration, by libyaml.  A target of its own: who links
 * the library takes options from his own program, and not libyaml with them.
 */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include "file.h"

#ifdef JB_HAVE_YAML

#include <yaml.h>

/* What may come next.  Two levels need no stack. */
enum config_place {
    CONFIG_START,   /* stream and document */
    CONFIG_TOP,     /* the outer mapping, or nothing */
    CONFIG_SECTION, /* a section's name, or the end */
    CONFIG_BODY,    /* a section's mapping, or nothing */
    CONFIG_KEY,     /* a key, or the end of the section */
    CONFIG_VALUE,
    CONFIG_DONE,
};

struct config_reader {
    struct jb_config *config;
    enum config_place place;
};

static struct jb_config_mark config_mark(const yaml_mark_t *mark)
{
    return (struct jb_config_mark){ (unsigned)mark->line + 1,
                                    (unsigned)mark->column + 1 };
}

static int config_fail_at(const struct jb_config *config,
                          const yaml_mark_t *mark, const char *what,
                          struct jb_error *err)
{
    struct jb_config_mark at = config_mark(mark);

    return jb_fail(err, JB_EFORMAT, "%s:%u:%u: %s", config->path, at.line,
                   at.column, what);
}

/* One more row in an array of rows; NULL when memory or the ceiling ends. */
static void *config_grow(void *rows, size_t count, size_t size)
{
    if (count >= JB_CONFIG_ROWS_MAX)
        return NULL;
    if ((count & (count - 1)) != 0)
        return rows; /* room is doubled at each power of two */
    return realloc(rows, (count ? 2 * count : 1) * size);
}

static int config_fail_grow(const struct jb_config *config, size_t count,
                            struct jb_error *err)
{
    if (count < JB_CONFIG_ROWS_MAX)
        return jb_fail(err, JB_ENOMEM, "%s: out of memory", config->path);
    return jb_fail(err, JB_ELIMIT, "%s has more than %d lines of settings",
                   config->path, JB_CONFIG_ROWS_MAX);
}

/* The scalar's text, owned by the caller, when it is one plain line. */
static int config_text(const struct jb_config *config,
                       const yaml_event_t *event, char **out,
                       struct jb_error *err)
{
    const unsigned char *text = event->data.scalar.value;
    char *copy;

    for (size_t i = 0; i < event->data.scalar.length; i++)
        if (text[i] < ' ' || text[i] == 0x7f)
            return config_fail_at(config, &event->start_mark,
                                  "a text with a control character or of "
                                  "several lines",
                                  err);
    copy = strdup((const char *)text);
    if (!copy)
        return jb_fail(err, JB_ENOMEM, "%s: out of memory", config->path);
    *out = copy;
    return JB_OK;
}

static int config_add_section(struct config_reader *reader,
                              const yaml_event_t *event, struct jb_error *err)
{
    struct jb_config *config = reader->config;
    JB_AUTO_FREE char *name = NULL;
    struct jb_config_section *rows;
    int rc = config_text(config, event, &name, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < config->section_count; i++)
        if (strcmp(config->sections[i].name, name) == 0)
            return config_fail_at(config, &event->start_mark,
                                  "a section that was given before", err);
    rows = config_grow(config->sections, config->section_count, sizeof(*rows));
    if (!rows)
        return config_fail_grow(config, config->section_count, err);
    config->sections = rows;
    rows[config->section_count].name = jb_steal(name);
    rows[config->section_count].at = config_mark(&event->start_mark);
    config->section_count++;
    reader->place = CONFIG_BODY;
    return JB_OK;
}

static bool config_has_key(const struct jb_config *config, const char *section,
                           const char *key)
{
    for (size_t i = config->count; i-- > 0;) {
        if (config->entries[i].section != section)
            return false; /* sections are not mixed: the rest is others' */
        if (strcmp(config->entries[i].key, key) == 0)
            return true;
    }
    return false;
}

/* The row is counted now, so that its key is released whatever comes. */
static int config_add_key(struct config_reader *reader,
                          const yaml_event_t *event, struct jb_error *err)
{
    struct jb_config *config = reader->config;
    const char *section = config->sections[config->section_count - 1].name;
    JB_AUTO_FREE char *key = NULL;
    struct jb_config_entry *rows;
    int rc = config_text(config, event, &key, err);

    if (rc < 0)
        return rc;
    if (config_has_key(config, section, key))
        return config_fail_at(config, &event->start_mark,
                              "a key that was given before", err);
    rows = config_grow(config->entries, config->count, sizeof(*rows));
    if (!rows)
        return config_fail_grow(config, config->count, err);
    config->entries = rows;
    rows[config->count++] =
        (struct jb_config_entry){ .section = section,
                                  .key = jb_steal(key),
                                  .key_at = config_mark(&event->start_mark) };
    reader->place = CONFIG_VALUE;
    return JB_OK;
}

static int config_add_value(struct config_reader *reader,
                            const yaml_event_t *event, struct jb_error *err)
{
    struct jb_config *config = reader->config;
    struct jb_config_entry *entry = &config->entries[config->count - 1];
    int rc = config_text(config, event, &entry->value, err);

    if (rc < 0)
        return rc;
    entry->value_at = config_mark(&event->start_mark);
    reader->place = CONFIG_KEY;
    return JB_OK;
}

/* A scalar where a mapping is due means "nothing" when it is empty. */
static int config_add_nothing(struct config_reader *reader,
                              const yaml_event_t *event, enum config_place next,
                              struct jb_error *err)
{
    if (event->data.scalar.length > 0)
        return config_fail_at(reader->config, &event->start_mark,
                              next == CONFIG_DONE
                                  ? "expected sections, 'name:' each"
                                  : "expected 'key: value' lines",
                              err);
    reader->place = next;
    return JB_OK;
}

static int config_on_scalar(struct config_reader *reader,
                            const yaml_event_t *event, struct jb_error *err)
{
    if (event->data.scalar.anchor || event->data.scalar.tag)
        return config_fail_at(reader->config, &event->start_mark,
                              "anchors and tags are not used here", err);
    switch (reader->place) {
    case CONFIG_TOP:
        return config_add_nothing(reader, event, CONFIG_DONE, err);
    case CONFIG_SECTION:
        return config_add_section(reader, event, err);
    case CONFIG_BODY:
        return config_add_nothing(reader, event, CONFIG_SECTION, err);
    case CONFIG_KEY:
        return config_add_key(reader, event, err);
    case CONFIG_VALUE:
        return config_add_value(reader, event, err);
    case CONFIG_START:
    case CONFIG_DONE:
        break;
    }
    return config_fail_at(reader->config, &event->start_mark,
                          "a text at a place where none is due", err);
}

static int config_on_mapping(struct config_reader *reader,
                             const yaml_event_t *event, struct jb_error *err)
{
    if (event->data.mapping_start.anchor || event->data.mapping_start.tag)
        return config_fail_at(reader->config, &event->start_mark,
                              "anchors and tags are not used here", err);
    if (reader->place == CONFIG_TOP)
        reader->place = CONFIG_SECTION;
    else if (reader->place == CONFIG_BODY)
        reader->place = CONFIG_KEY;
    else
        return config_fail_at(reader->config, &event->start_mark,
                              "deeper than 'section:' and 'key: value'", err);
    return JB_OK;
}

static int config_on_document(struct config_reader *reader,
                              const yaml_event_t *event, struct jb_error *err)
{
    if (reader->place != CONFIG_START)
        return config_fail_at(reader->config, &event->start_mark,
                              "a second document", err);
    reader->place = CONFIG_TOP;
    return JB_OK;
}

static int config_on_event(struct config_reader *reader,
                           const yaml_event_t *event, struct jb_error *err)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return config_on_scalar(reader, event, err);
    case YAML_MAPPING_START_EVENT:
        return config_on_mapping(reader, event, err);
    case YAML_MAPPING_END_EVENT:
        reader->place =
            reader->place == CONFIG_KEY ? CONFIG_SECTION : CONFIG_DONE;
        return JB_OK;
    case YAML_DOCUMENT_START_EVENT:
        return config_on_document(reader, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return config_fail_at(reader->config, &event->start_mark,
                              "lists are not used here", err);
    case YAML_ALIAS_EVENT:
        return config_fail_at(reader->config, &event->start_mark,
                              "aliases are not used here", err);
    default: /* starts and ends of stream and document say nothing */
        return JB_OK;
    }
}

static int config_fail_yaml(const struct jb_config *config,
                            const yaml_parser_t *parser, struct jb_error *err)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return jb_fail(err, JB_ENOMEM, "%s: out of memory", config->path);
    if (parser->error == YAML_READER_ERROR)
        return jb_fail(err, JB_EFORMAT, "%s: byte %zu: %s", config->path,
                       parser->problem_offset, parser->problem);
    return config_fail_at(config, &parser->problem_mark,
                          parser->problem ? parser->problem : "malformed", err);
}

static int config_fill(struct jb_config *config, yaml_parser_t *parser,
                       struct jb_error *err)
{
    struct config_reader reader = { .config = config };
    bool ended = false;

    while (!ended) {
        yaml_event_t event;
        int rc;

        if (!yaml_parser_parse(parser, &event))
            return config_fail_yaml(config, parser, err);
        ended = event.type == YAML_STREAM_END_EVENT;
        rc = config_on_event(&reader, &event, err);
        yaml_event_delete(&event);
        if (rc < 0)
            return rc;
    }
    return JB_OK;
}

int jb_config_parse(const char *name, const char *text, size_t length,
                    struct jb_config **out, struct jb_error *err)
{
    struct jb_config *config;
    yaml_parser_t parser;
    int rc;

    if (length > JB_CONFIG_BYTES_MAX)
        return jb_fail(err, JB_ELIMIT, "%s holds more than %d bytes", name,
                       JB_CONFIG_BYTES_MAX);
    config = calloc(1, sizeof(*config));
    if (config)
        config->path = strdup(name);
    if (!config || !config->path || !yaml_parser_initialize(&parser)) {
        jb_config_free(config);
        return jb_fail(err, JB_ENOMEM, "%s: out of memory", name);
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    rc = config_fill(config, &parser, err);
    yaml_parser_delete(&parser);
    if (rc < 0)
        jb_config_free(config);
    else
        *out = config;
    return rc;
}

int jb_config_read(const char *path, struct jb_config **out,
                   struct jb_error *err)
{
    const size_t room = JB_CONFIG_BYTES_MAX + 1;
    JB_AUTO_FREE char *text = malloc(room);
    size_t length;
    int rc;

    if (!text)
        return jb_fail(err, JB_ENOMEM, "%s: out of memory", path);
    rc = jb_file_read(path, text, room, &length, err);
    if (rc < 0)
        return rc;
    return jb_config_parse(path, text, length, out, err);
}

#else

int jb_config_parse(const char *name, const char *text, size_t length,
                    struct jb_config **out, struct jb_error *err)
{
    (void)text;
    (void)length;
    (void)out;
    jb_fail(err, JB_EREFUSED, "%s: built without configuration files", name);
    jb_error_set_fix(err, "build with -DJB_WITH_YAML=ON (needs libyaml-dev)");
    return JB_EREFUSED;
}

int jb_config_read(const char *path, struct jb_config **out,
                   struct jb_error *err)
{
    return jb_config_parse(path, NULL, 0, out, err);
}

#endif
