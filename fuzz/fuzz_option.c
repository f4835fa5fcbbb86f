/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "joulebook/plugin/option.h"

struct fuzz_target {
    bool flag;
    const char *text;
    uint64_t uint;
    double real;
    uint64_t duration;
    int choice;
};

static const char *const fuzz_choices[] = { "one", "two", NULL };

#define FUZZ_AT(field) .offset = offsetof(struct fuzz_target, field)

static const struct jb_option fuzz_table[] = {
    { .name = "flag", .type = JB_OPTION_FLAG, FUZZ_AT(flag) },
    { .name = "text", .type = JB_OPTION_TEXT, FUZZ_AT(text) },
    { .name = "uint",
      .type = JB_OPTION_UINT,
      .min = 10,
      .max = 20000,
      FUZZ_AT(uint) },
    { .name = "real",
      .type = JB_OPTION_REAL,
      .min = 1,
      .max = 1000,
      FUZZ_AT(real) },
    { .name = "duration",
      .type = JB_OPTION_DURATION,
      .min = 1000,
      .max = UINT64_C(3600000000000),
      FUZZ_AT(duration) },
    { .name = "choice",
      .type = JB_OPTION_CHOICE,
      .choices = fuzz_choices,
      FUZZ_AT(choice) },
    { .name = NULL },
};

static bool fuzz_in_range(const struct fuzz_target *t, const char *name)
{
    if (strcmp(name, "uint") == 0)
        return t->uint >= 10 && t->uint <= 20000;
    if (strcmp(name, "real") == 0)
        return t->real >= 1.0 && t->real <= 1000.0;
    if (strcmp(name, "duration") == 0)
        return t->duration >= 1000 && t->duration <= UINT64_C(3600000000000);
    return t->choice == 0 || t->choice == 1;
}

static bool fuzz_is_zero(const void *value, size_t size)
{
    const unsigned char *bytes = value;

    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* The first byte chooses the option, the rest is its value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t rows = sizeof(fuzz_table) / sizeof(fuzz_table[0]) - 1;
    struct fuzz_target after;
    const struct jb_option *option;
    struct jb_error err;
    char *text;

    if (size < 1)
        return 0;
    option = &fuzz_table[data[0] % rows];
    fuzz_require(jb_option_find(fuzz_table, option->name) == option);
    text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    memset(&after, 0, sizeof(after));
    if (jb_option_set(option, &after, text, &err) == JB_OK)
        fuzz_require(option->type == JB_OPTION_FLAG ||
                     option->type == JB_OPTION_TEXT ||
                     fuzz_in_range(&after, option->name));
    else
        fuzz_require(fuzz_is_zero(&after, sizeof(after)) &&
                     err.text[0] != '\0');
    free(text);
    return 0;
}
