/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source has and reads, as text to compare with: "coretemp.0/temp1
 * package-0 55" or "... absent" for each sensor, in the source's order.  What
 * holds for every sensor is asserted on the way.
 */
#ifndef JB_TEST_LISTING_H
#define JB_TEST_LISTING_H

#include "check.h"

#include "core/domain.h"
#include "core/unit.h"
#include "joulebook/plugin/source.h"

enum { LISTING_MAX = 8192 };

static inline const char *listing_value(const struct jb_sensor *sensor,
                                        const struct jb_sample *sample,
                                        char out[64])
{
    struct jb_energy value;

    snprintf(out, 64, "%s", jb_status_name(sample->state));
    if (sample->state == JB_OK &&
        jb_sensor_value(sensor, sample->raw, &value) == JB_OK)
        snprintf(out, 64, "%g", (double)value.uj / 1e6);
    if (sample->state != JB_OK)
        CHECK_U64(sensor->name, sample->raw, 0);
    return out;
}

static inline const char *listing_of(const struct jb_source_desc *desc,
                                     struct jb_source *source,
                                     char out[LISTING_MAX])
{
    size_t used = 0;
    size_t count;
    const struct jb_sensor *sensors = desc->sensors(source, &count);

    out[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        struct jb_sample sample;
        char domain[JB_DOMAIN_NAME_MAX];
        char value[64];

        desc->sample(source, &i, 1, &sample);
        jb_domain_name(&sensors[i].domain, domain);
        used += (size_t)snprintf(out + used, LISTING_MAX - used, "%s %s %s%s\n",
                                 sensors[i].name, domain[0] ? domain : "-",
                                 listing_value(&sensors[i], &sample, value),
                                 sensors[i].flags & JB_SENSOR_MIRROR ? " mirror"
                                                                     : "");
        assert_true(used < LISTING_MAX);
        assert_int_equal(sample.sensor, i);
        assert_true((sensors[i].reason[0] == '\0') ==
                    (sensors[i].state == JB_OK));
        assert_true(sensors[i].quantum >= 1 && sensors[i].unit.num > 0);
    }
    return out;
}

#endif
