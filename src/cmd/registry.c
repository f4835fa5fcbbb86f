/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <string.h>

#include "base/module.h"

extern const struct jb_command jb_command_broker;
extern const struct jb_command jb_command_burn;
extern const struct jb_command jb_command_doctor;
extern const struct jb_command jb_command_help;
extern const struct jb_command jb_command_list;
extern const struct jb_command jb_command_record;
extern const struct jb_command jb_command_stat;

const char jb_version[] = JB_VERSION;

const struct jb_command *const jb_commands[] = {
    &jb_command_list,   &jb_command_doctor,
    &jb_command_stat,   &jb_command_record,
    &jb_command_broker, &jb_command_burn,
    &jb_command_help,   NULL,
};

const struct jb_module_command jb_module_commands[] = {
    { "lab", "start virtual meters with known truth, to try and test with" },
    { NULL, NULL },
};

enum { REGISTRY_NAME_MAX = 16, REGISTRY_TYPOS = 2 };

/* Characters to insert, delete or replace (Levenshtein's distance). */
static size_t registry_distance(const char *a, const char *b)
{
    size_t row[REGISTRY_NAME_MAX + 1];
    size_t length = strlen(b);

    if (length > REGISTRY_NAME_MAX)
        return SIZE_MAX;
    for (size_t k = 0; k <= length; k++)
        row[k] = k;
    for (; *a; a++) {
        size_t corner = row[0]++;

        for (size_t k = 1; k <= length; k++) {
            size_t best = corner + (*a != b[k - 1]);

            corner = row[k];
            if (row[k] + 1 < best)
                best = row[k] + 1;
            if (row[k - 1] + 1 < best)
                best = row[k - 1] + 1;
            row[k] = best;
        }
    }
    return row[length];
}

/* The name that was probably meant, or NULL. */
static const char *registry_nearest(const char *name)
{
    const char *nearest = NULL;
    size_t least = REGISTRY_TYPOS + 1;

    for (size_t i = 0; jb_commands[i]; i++) {
        size_t distance = registry_distance(name, jb_commands[i]->name);

        if (distance >= least)
            continue;
        least = distance;
        nearest = jb_commands[i]->name;
    }
    return nearest;
}

static int registry_unknown(const char *name, struct jb_error *err)
{
    const char *nearest = registry_nearest(name);

    jb_fail(err, JB_EUSAGE, "there is no command '%s'", name);
    jb_error_set_fix(err, "joulebook %s", nearest ? nearest : "--help");
    return JB_EUSAGE;
}

int jb_command_find(const char *name, const struct jb_command **out,
                    struct jb_error *err)
{
    for (size_t i = 0; jb_commands[i]; i++)
        if (strcmp(jb_commands[i]->name, name) == 0) {
            *out = jb_commands[i];
            return JB_OK;
        }
    for (size_t i = 0; jb_module_commands[i].name; i++)
        if (strcmp(jb_module_commands[i].name, name) == 0)
            return jb_module_load(name, JB_MODULE_COMMAND, (const void **)out,
                                  err);
    return registry_unknown(name, err);
}
