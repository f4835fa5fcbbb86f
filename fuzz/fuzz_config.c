/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "base/config.h"

static const struct jb_option fuzz_table[] = {
    { .name = "interval", .type = JB_OPTION_DURATION, .offset = 0 },
    { .name = NULL },
};

static void fuzz_use(const struct jb_config *config)
{
    static const char *const known[] = { "stat", NULL };
    struct jb_error err;
    uint64_t interval;

    for (size_t i = 0; i < config->section_count; i++)
        fuzz_require(config->sections[i].name && config->sections[i].at.line);
    for (size_t i = 0; i < config->count; i++) {
        const struct jb_config_entry *e = &config->entries[i];

        fuzz_require(e->section && e->key && e->value && e->key_at.line &&
                     e->value_at.line >= e->key_at.line);
        if (jb_config_apply(config, e->section, fuzz_table, &interval, &err))
            fuzz_require(err.text[0] != '\0');
    }
    if (jb_config_check_sections(config, known, &err))
        fuzz_require(err.status == JB_EUSAGE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_config *config = NULL;
    struct jb_error err = { .text = "" };
    int rc = jb_config_parse("f", (const char *)data, size, &config, &err);

    fuzz_require((rc == JB_OK) == (config != NULL));
    fuzz_require(rc == JB_OK || err.text[0] != '\0');
    if (config)
        fuzz_use(config);
    jb_config_free(config);
    return 0;
}
