/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of energizta.sh: mean powers over the interval that each line names. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "energizta.h"
#include "read.h"

/* A stamp has whole seconds: only more than this is time without a line. */
static const double energizta_slack_s = 2.0;
static const json_int_t energizta_longest_us = (json_int_t)86400 * 1000000;

enum { ENERGIZTA_WATT = 1000000 };

static bool energizta_begins(const char *key, const char *stem)
{
    return strncmp(key, stem, strlen(stem)) == 0;
}

/* False for sums of what is listed as well. */
static bool energizta_domain(const char *key, struct jb_domain *domain)
{
    *domain = (struct jb_domain){ .die = JB_NO_DIE };
    for (size_t i = 0; i < JB_ENERGIZTA_POWERS_COUNT; i++) {
        const struct jb_energizta_power *row = &jb_energizta_powers[i];
        const char *digits;
        size_t count;
        uint64_t number;

        if (strcmp(key, row->total) == 0)
            return false;
        if (!energizta_begins(key, row->stem))
            continue;
        digits = key + strlen(row->stem);
        count = strspn(digits, "0123456789");
        if (!jb_text_u64(digits, count, &number) || number > UINT16_MAX ||
            strcmp(digits + count, "_watt") != 0)
            continue;
        domain->kind = row->kind;
        domain->index = (uint16_t)number;
        return true;
    }
    for (size_t i = 0; i < JB_ENERGIZTA_NODES_COUNT; i++)
        if (strcmp(key, jb_energizta_nodes[i].key) == 0)
            domain->kind = JB_DOMAIN_PLATFORM;
    if (energizta_begins(key, "ipmi_"))
        domain->kind = JB_DOMAIN_PLATFORM;
    return true;
}

static int energizta_power(struct jb_reader *reader, const char *key,
                           const json_t *value, uint64_t window_ns,
                           struct jb_error *err)
{
    struct jb_reader_power power = { .name = key,
                                     .t_ns = reader->told_ns,
                                     .window_ns = window_ns,
                                     .step_uw = ENERGIZTA_WATT };

    if (!energizta_domain(key, &power.domain))
        return JB_OK;
    if (!json_is_number(value) ||
        !jb_reader_micro(json_number_value(value), &power.uw) || power.uw < 0)
        return jb_reader_refuse(reader, err, "%.64s is no power", key);
    return jb_reader_add_power(reader, &power, err);
}

/* Where a line ends in time: behind the last one, unless its stamp says that
 * there was a pause. */
static int energizta_time(struct jb_reader *reader, const json_t *value,
                          uint64_t *window_ns, struct jb_error *err)
{
    const json_t *interval = json_object_get(value, JB_ENERGIZTA_INTERVAL);
    const json_t *duration = json_object_get(value, JB_ENERGIZTA_DURATION);
    const json_t *stamp = json_object_get(value, JB_ENERGIZTA_TIMESTAMP);
    json_int_t us = json_integer_value(duration ? duration : interval);
    double told_s;
    double at_s;

    if (!json_is_integer(interval) ||
        (duration && !json_is_integer(duration)) || us <= 0 ||
        us > energizta_longest_us)
        return jb_reader_refuse(reader, err,
                                "no interval between 1 us and a "
                                "day");
    *window_ns = (uint64_t)us * JB_NS_PER_US;
    reader->told_ns += *window_ns;
    if (!stamp)
        return JB_OK;
    at_s = json_number_value(stamp);
    if (!json_is_number(stamp) || !(at_s >= 0.0 && at_s < 1e11))
        return jb_reader_refuse(reader, err, "no time of this world");
    told_s = (double)reader->told_ns / JB_NS_PER_S;
    if (!reader->stamped)
        reader->first_s = at_s - told_s;
    reader->stamped = true;
    if (at_s - reader->first_s > told_s + energizta_slack_s)
        reader->told_ns = (uint64_t)((at_s - reader->first_s) * JB_NS_PER_S);
    return JB_OK;
}

int jb_read_energizta(struct jb_reader *reader, const json_t *value,
                      struct jb_error *err)
{
    json_t *powers = json_object_get(value, JB_ENERGIZTA_POWERS);
    uint64_t window_ns = 0;
    const char *key;
    json_t *power;
    int rc;

    if (!json_is_object(powers))
        return jb_reader_refuse(reader, err, "a line without powers");
    rc = energizta_time(reader, value, &window_ns, err);
    if (rc < 0)
        return rc;
    json_object_foreach(powers, key, power)
    {
        rc = energizta_power(reader, key, power, window_ns, err);
        if (rc < 0)
            return rc;
    }
    return JB_OK;
}
