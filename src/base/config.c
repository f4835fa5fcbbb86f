/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdbool.h>
#include <string.h>

/* A name that is further off than this is not a slip of the finger. */
enum { CONFIG_NEAR_MAX = 3, CONFIG_NAME_MAX = 64 };

void jb_config_free(struct jb_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->section_count; i++)
        free(config->sections[i].name);
    for (size_t i = 0; i < config->count; i++) {
        free(config->entries[i].key);
        free(config->entries[i].value);
    }
    free(config->sections);
    free(config->entries);
    free(config->path);
    free(config);
}

static size_t config_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, remove, replace) that turn one name into the other. */
static size_t config_distance(const char *from, const char *to)
{
    size_t row[CONFIG_NAME_MAX + 1];
    size_t width = strlen(to);

    if (width > CONFIG_NAME_MAX || strlen(from) > CONFIG_NAME_MAX)
        return CONFIG_NAME_MAX;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; from[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t replaced = diagonal + (from[i - 1] != to[j - 1]);

            diagonal = row[j];
            row[j] = config_min(replaced, config_min(row[j], row[j - 1]) + 1);
        }
    }
    return row[width];
}

/* Keeps the candidate when it is nearer to name than what was kept before. */
static void config_keep_nearest(const char *name, const char *candidate,
                                const char **nearest, size_t *distance)
{
    size_t d = config_distance(name, candidate);

    if (d < *distance && d < strlen(name)) {
        *nearest = candidate;
        *distance = d;
    }
}

static int config_fail_unknown(const struct jb_config *config,
                               struct jb_config_mark at, const char *what,
                               const char *nearest, struct jb_error *err)
{
    return jb_fail(err, JB_EUSAGE, "%s:%u:%u: unknown %s%s%s%s", config->path,
                   at.line, at.column, what, nearest ? ", did you mean '" : "",
                   nearest ? nearest : "", nearest ? "'?" : "");
}

static int config_fail_unknown_key(const struct jb_config *config,
                                   const struct jb_config_entry *entry,
                                   const struct jb_option *table,
                                   struct jb_error *err)
{
    char what[2 * CONFIG_NAME_MAX];
    const char *nearest = NULL;
    size_t distance = CONFIG_NEAR_MAX + 1;

    for (const struct jb_option *o = table; o && o->name; o++)
        config_keep_nearest(entry->key, o->name, &nearest, &distance);
    snprintf(what, sizeof(what), "key '%.40s' in section '%.40s'", entry->key,
             entry->section);
    return config_fail_unknown(config, entry->key_at, what, nearest, err);
}

int jb_config_apply(const struct jb_config *config, const char *section,
                    const struct jb_option *table, void *target,
                    struct jb_error *err)
{
    const struct jb_config_entry *end = config->entries + config->count;

    for (const struct jb_config_entry *e = config->entries; e < end; e++)
        if (strcmp(e->section, section) == 0 && !jb_option_find(table, e->key))
            return config_fail_unknown_key(config, e, table, err);
    for (const struct jb_config_entry *e = config->entries; e < end; e++) {
        struct jb_error why;
        int rc = JB_OK;

        if (strcmp(e->section, section) == 0)
            rc = jb_option_set(jb_option_find(table, e->key), target, e->value,
                               &why);
        if (rc < 0)
            return jb_fail(err, rc, "%s:%u:%u: %s", config->path,
                           e->value_at.line, e->value_at.column, why.text);
    }
    return JB_OK;
}

static bool config_section_known(const char *name, const char *const *known)
{
    for (; *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

int jb_config_check_sections(const struct jb_config *config,
                             const char *const *known, struct jb_error *err)
{
    for (size_t i = 0; i < config->section_count; i++) {
        const struct jb_config_section *section = &config->sections[i];
        char what[CONFIG_NAME_MAX];
        const char *nearest = NULL;
        size_t distance = CONFIG_NEAR_MAX + 1;

        if (config_section_known(section->name, known))
            continue;
        for (const char *const *k = known; *k; k++)
            config_keep_nearest(section->name, *k, &nearest, &distance);
        snprintf(what, sizeof(what), "section '%.40s'", section->name);
        return config_fail_unknown(config, section->at, what, nearest, err);
    }
    return JB_OK;
}
