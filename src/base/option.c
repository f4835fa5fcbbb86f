/* SPDX-License-Identifier: Apache-2.0 */
#include "joulebook/plugin/option.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "text.h"

const struct jb_option *jb_option_find(const struct jb_option *table,
                                       const char *name)
{
    for (const struct jb_option *o = table; o && o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static int option_refuse(const struct jb_option *option, const char *text,
                         const char *expected, struct jb_error *err)
{
    return jb_fail(err, JB_EUSAGE, "%s: '%s' is not %s", option->name,
                   text ? text : "", expected);
}

static int option_set_flag(const struct jb_option *option, void *value,
                           const char *text, struct jb_error *err)
{
    if (text && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return option_refuse(option, text, "true or false", err);
    *(bool *)value = !text || *text == 't';
    return JB_OK;
}

static int option_set_uint(const struct jb_option *option, void *value,
                           const char *text, struct jb_error *err)
{
    uint64_t number;

    if (!jb_text_u64_any(text, strlen(text), &number))
        return option_refuse(option, text, "a whole number", err);
    if (number < option->min)
        return jb_fail(err, JB_EUSAGE, "%s: %s is below %" PRIu64, option->name,
                       text, option->min);
    if (option->max && number > option->max)
        return jb_fail(err, JB_EUSAGE, "%s: %s is above %" PRIu64, option->name,
                       text, option->max);
    *(uint64_t *)value = number;
    return JB_OK;
}

static int option_set_duration(const struct jb_option *option, void *value,
                               const char *text, struct jb_error *err)
{
    uint64_t ns;

    if (!jb_text_duration(text, &ns))
        return option_refuse(option, text,
                             "a duration such as 100ms, 1.5s or 2m", err);
    if (ns < option->min)
        return jb_fail(err, JB_EUSAGE, "%s: %s is below %g s", option->name,
                       text, (double)option->min / JB_NS_PER_S);
    if (option->max && ns > option->max)
        return jb_fail(err, JB_EUSAGE, "%s: %s is above %g s", option->name,
                       text, (double)option->max / JB_NS_PER_S);
    *(uint64_t *)value = ns;
    return JB_OK;
}

static int option_set_real(const struct jb_option *option, void *value,
                           const char *text, struct jb_error *err)
{
    double number;

    if (!jb_text_real(text, &number))
        return option_refuse(option, text, "a number", err);
    if (number < (double)option->min)
        return jb_fail(err, JB_EUSAGE, "%s: %s is below %" PRIu64, option->name,
                       text, option->min);
    if (option->max && number > (double)option->max)
        return jb_fail(err, JB_EUSAGE, "%s: %s is above %" PRIu64, option->name,
                       text, option->max);
    *(double *)value = number;
    return JB_OK;
}

static int option_set_choice(const struct jb_option *option, void *value,
                             const char *text, struct jb_error *err)
{
    char known[JB_ERROR_TEXT_MAX] = "one of";

    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *(int *)value = i;
            return JB_OK;
        }
        strncat(known, " ", sizeof(known) - strlen(known) - 1);
        strncat(known, option->choices[i], sizeof(known) - strlen(known) - 1);
    }
    return option_refuse(option, text, known, err);
}

int jb_option_set(const struct jb_option *option, void *target,
                  const char *text, struct jb_error *err)
{
    void *value = (char *)target + option->offset;

    if (!text && option->type != JB_OPTION_FLAG)
        return jb_fail(err, JB_EUSAGE, "%s needs a value", option->name);
    switch (option->type) {
    case JB_OPTION_FLAG:
        return option_set_flag(option, value, text, err);
    case JB_OPTION_TEXT:
        *(const char **)value = text;
        return JB_OK;
    case JB_OPTION_UINT:
        return option_set_uint(option, value, text, err);
    case JB_OPTION_REAL:
        return option_set_real(option, value, text, err);
    case JB_OPTION_DURATION:
        return option_set_duration(option, value, text, err);
    case JB_OPTION_CHOICE:
        return option_set_choice(option, value, text, err);
    }
    return jb_fail(err, JB_EUSAGE, "%s has no known type", option->name);
}

static size_t option_size(enum jb_option_type type)
{
    switch (type) {
    case JB_OPTION_FLAG:
        return sizeof(bool);
    case JB_OPTION_TEXT:
        return sizeof(const char *);
    case JB_OPTION_REAL:
        return sizeof(double);
    case JB_OPTION_CHOICE:
        return sizeof(int);
    case JB_OPTION_UINT:
    case JB_OPTION_DURATION:
        break;
    }
    return sizeof(uint64_t);
}

int jb_options_init(const struct jb_option *table, void *target,
                    struct jb_error *err)
{
    for (const struct jb_option *o = table; o && o->name; o++) {
        int rc = JB_OK;

        memset((char *)target + o->offset, 0, option_size(o->type));
        if (o->fallback)
            rc = jb_option_set(o, target, o->fallback, err);
        if (rc < 0)
            return rc;
    }
    return JB_OK;
}
