/* SPDX-License-Identifier: Apache-2.0 */
/* A format costs its file, and one line in each of the two tables here. */
#include <string.h>

#include "format.h"

extern const struct jb_format jb_format_csv;
extern const struct jb_format jb_format_energizta;
extern const struct jb_format jb_format_json;
extern const struct jb_format jb_format_jsonl;
extern const struct jb_format jb_format_scaphandre;

const struct jb_format *const jb_formats[] = {
    &jb_format_json,      &jb_format_jsonl,      &jb_format_csv,
    &jb_format_energizta, &jb_format_scaphandre, NULL,
};

const char *const jb_format_choices[] = {
    "auto", "native", "json", "jsonl", "csv", "energizta", "scaphandre", NULL,
};

const struct jb_format *jb_format_find(const char *name)
{
    for (size_t i = 0; jb_formats[i]; i++)
        if (strcmp(jb_formats[i]->name, name) == 0)
            return jb_formats[i];
    return NULL;
}

const struct jb_format *jb_format_of_path(const char *path)
{
    size_t length = strlen(path);

    for (size_t i = 0; jb_formats[i]; i++) {
        const char *ending = jb_formats[i]->ending;
        size_t part = ending ? strlen(ending) : 0;

        if (part > 0 && length > part &&
            strcmp(path + length - part, ending) == 0)
            return jb_formats[i];
    }
    return NULL;
}
