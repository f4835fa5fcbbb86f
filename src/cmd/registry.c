/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <string.h>

#include "base/module.h"
#include "base/nearest.h"

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

static int registry_unknown(const char *name, struct jb_error *err)
{
    struct jb_nearest nearest = { .wanted = name };

    for (size_t i = 0; jb_commands[i]; i++)
        jb_nearest_offer(&nearest, jb_commands[i]->name);
    for (size_t i = 0; jb_module_commands[i].name; i++)
        jb_nearest_offer(&nearest, jb_module_commands[i].name);
    jb_fail(err, JB_EUSAGE, "there is no command '%s'", name);
    jb_error_set_fix(err, "joulebook %s",
                     nearest.name ? nearest.name : "--help");
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
