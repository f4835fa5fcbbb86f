/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source as a test looks at it: one sensor by its name, one sample of it.
 */
#ifndef JB_TEST_SOURCE_H
#define JB_TEST_SOURCE_H

#include "check.h"

#include <string.h>

#include "joulebook/plugin/source.h"

/* A description with what it has opened, or NULL. */
struct test_source {
    const struct jb_source_desc *desc;
    struct jb_env env;
    struct jb_source *handle;
};

static inline int source_open(struct test_source *source, struct jb_error *err)
{
    return source->desc->open(&source->env, NULL, &source->handle, err);
}

static inline void source_must_open(struct test_source *source)
{
    struct jb_error err = { 0 };

    CHECK_STATUS("open", source_open(source, &err), JB_OK, &err);
}

/* NULL when there is none of that name; index may be NULL. */
static inline const struct jb_sensor *
source_sensor(const struct test_source *source, const char *name,
              uint32_t *index)
{
    size_t count;
    const struct jb_sensor *sensors =
        source->desc->sensors(source->handle, &count);

    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(sensors[i].name, name) != 0)
            continue;
        if (index)
            *index = i;
        return &sensors[i];
    }
    return NULL;
}

static inline void source_count(const struct test_source *source, size_t want)
{
    size_t count;

    source->desc->sensors(source->handle, &count);
    CHECK_U64("sensors", count, want);
}

static inline struct jb_sample source_take(struct test_source *source,
                                           const char *name)
{
    struct jb_sample sample = { 0 };
    uint32_t which = 0;

    assert_non_null(source_sensor(source, name, &which));
    source->desc->sample(source->handle, &which, 1, &sample);
    assert_int_equal(sample.sensor, which);
    return sample;
}

#endif
