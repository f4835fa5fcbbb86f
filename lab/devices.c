/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a layout that are about processors and what is known of them:
 * registers, temperatures, frequencies. */
#include <string.h>

#include "parser.h"

enum {
    DEVICES_MAX_FAMILY = 255,
    DEVICES_MAX_DEGREES = 1000,     /* of either sign */
    DEVICES_MAX_RISE_MDEGC = 100000 /* per watt */
};

#define DEVICES_MAX_KHZ UINT64_C(100000000) /* 100 GHz */

static struct jb_lab_temperature *
devices_temperature(struct jb_lab_parser *parser)
{
    return &parser->layout->temperatures[parser->layout->temperature_count];
}

static struct jb_lab_policy *devices_policy(struct jb_lab_parser *parser)
{
    return &parser->layout->policies[parser->layout->policy_count];
}

static bool devices_number(struct jb_lab_scan *value, uint64_t least,
                           uint64_t most, unsigned *out)
{
    uint64_t number;

    if (!jb_lab_scan_u64(value, &number) || number < least || number > most)
        return false;
    *out = (unsigned)number;
    return true;
}

/* cpu */

static int devices_set_vendor(struct jb_lab_parser *parser,
                              struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_cpus *cpus = &parser->layout->cpus;

    if (!jb_lab_scan_word(value, "", cpus->vendor, sizeof(cpus->vendor)))
        return jb_lab_parse_bad(err, "vendor: such as GenuineIntel");
    return JB_OK;
}

static int devices_set_family(struct jb_lab_parser *parser,
                              struct jb_lab_scan *value, struct jb_error *err)
{
    if (!devices_number(value, 0, DEVICES_MAX_FAMILY,
                        &parser->layout->cpus.family))
        return jb_lab_parse_bad(err, "family: a number up to 255");
    return JB_OK;
}

static int devices_set_model(struct jb_lab_parser *parser,
                             struct jb_lab_scan *value, struct jb_error *err)
{
    if (!devices_number(value, 0, DEVICES_MAX_FAMILY,
                        &parser->layout->cpus.model))
        return jb_lab_parse_bad(err, "model: a number up to 255");
    return JB_OK;
}

static int devices_set_stepping(struct jb_lab_parser *parser,
                                struct jb_lab_scan *value, struct jb_error *err)
{
    if (!devices_number(value, 0, 15, &parser->layout->cpus.stepping))
        return jb_lab_parse_bad(err, "stepping: a number up to 15");
    return JB_OK;
}

static int devices_set_packages(struct jb_lab_parser *parser,
                                struct jb_lab_scan *value, struct jb_error *err)
{
    if (!devices_number(value, 1, JB_LAB_MAX_CPUS,
                        &parser->layout->cpus.packages))
        return jb_lab_parse_bad(err, "packages: 1 to 16");
    return JB_OK;
}

static int devices_set_count(struct jb_lab_parser *parser,
                             struct jb_lab_scan *value, struct jb_error *err)
{
    if (!devices_number(value, 1, JB_LAB_MAX_CPUS, &parser->layout->cpus.count))
        return jb_lab_parse_bad(err, "count: 1 to 16 CPUs, in all packages");
    return JB_OK;
}

/* NUMBER:VALUE, both hexadecimal. */
static int devices_set_register(struct jb_lab_parser *parser,
                                struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_cpus *cpus = &parser->layout->cpus;
    struct jb_lab_register *reg = &cpus->registers[cpus->register_count];
    uint64_t number;

    if (cpus->register_count == JB_LAB_MAX_REGISTERS)
        return jb_lab_parse_bad(err, "register: at most eight of them");
    if (!jb_lab_scan_hex(value, &number) || number == 0 ||
        number > UINT32_MAX || !jb_lab_scan_char(value, ':') ||
        !jb_lab_scan_hex(value, &reg->value))
        return jb_lab_parse_bad(err, "register: NUMBER:VALUE is wanted, such "
                                     "as 0x606:0xa0e03");
    reg->number = (uint32_t)number;
    cpus->register_count++;
    return JB_OK;
}

static const struct jb_lab_attribute devices_cpu_attributes[] = {
    { "vendor", false, devices_set_vendor },
    { "family", false, devices_set_family },
    { "model", false, devices_set_model },
    { "count", false, devices_set_count },
    { "packages", false, devices_set_packages },
    { "stepping", false, devices_set_stepping },
    { "register", true, devices_set_register },
    { NULL, false, NULL },
};

enum { DEVICES_CPU_WANTED = 0xf };

int jb_lab_parse_cpu(struct jb_lab_parser *parser, struct jb_lab_scan *line,
                     struct jb_error *err)
{
    struct jb_lab_cpus *cpus = &parser->layout->cpus;
    int rc;

    if (cpus->count > 0)
        return jb_lab_parse_bad(err, "there is a cpu line already");
    cpus->packages = 1;
    rc = jb_lab_parse_attributes(parser, devices_cpu_attributes, line, err);
    if (rc < 0)
        return rc;
    if ((parser->seen & DEVICES_CPU_WANTED) != DEVICES_CPU_WANTED)
        return jb_lab_parse_bad(err, "cpu: vendor, family, model and count are "
                                     "wanted");
    if (cpus->count % cpus->packages != 0)
        return jb_lab_parse_bad(err, "cpu: the packages are not alike");
    return JB_OK;
}

/* REGISTER@PACKAGE */
int jb_lab_parse_msr(struct jb_lab_parser *parser, struct jb_lab_scan *value,
                     struct jb_error *err)
{
    struct jb_lab_zone *zone =
        &parser->layout->zones[parser->layout->zone_count];
    uint64_t number;

    if (!jb_lab_scan_hex(value, &number) || number == 0 ||
        number > UINT32_MAX || !jb_lab_scan_char(value, '@') ||
        !devices_number(value, 0, JB_LAB_MAX_CPUS - 1, &zone->msr_package))
        return jb_lab_parse_bad(err, "msr: REGISTER@PACKAGE is wanted, such as "
                                     "0x611@0");
    zone->msr = (uint32_t)number;
    return JB_OK;
}

/* temperature */

static int devices_set_chip(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_temperature *sensor = devices_temperature(parser);

    if (!jb_lab_scan_word(value, "_", sensor->chip, sizeof(sensor->chip)))
        return jb_lab_parse_bad(err, "chip: a name such as coretemp");
    return JB_OK;
}

/* A blank ends an attribute: _ stands for one. */
static int devices_set_label(struct jb_lab_parser *parser,
                             struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_temperature *sensor = devices_temperature(parser);

    if (!jb_lab_scan_word(value, "_+-.", sensor->label, sizeof(sensor->label)))
        return jb_lab_parse_bad(err, "label: such as Package_id_0");
    for (char *at = sensor->label; *at; at++)
        if (*at == '_')
            *at = ' ';
    return JB_OK;
}

static int devices_set_thermal(struct jb_lab_parser *parser,
                               struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_temperature *sensor = devices_temperature(parser);

    if (!jb_lab_scan_word(value, "_-", sensor->thermal,
                          sizeof(sensor->thermal)))
        return jb_lab_parse_bad(err, "thermal: a type such as x86_pkg_temp");
    return JB_OK;
}

static int devices_set_heat(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    char *path = parser->heated_by[parser->layout->temperature_count];

    if (!jb_lab_scan_word(value, "-:", path, JB_LAB_PATH_SIZE))
        return jb_lab_parse_bad(err, "of: the path of the zone that heats it");
    return JB_OK;
}

static bool devices_mdegc(struct jb_lab_scan *value, uint64_t most,
                          int64_t *out)
{
    uint64_t number;

    if (!jb_lab_scan_u64(value, &number))
        return false;
    if (!jb_lab_scan_char(value, 'm')) {
        if (number > most)
            return false;
        number *= 1000;
    }
    if (number > most * 1000 || !jb_lab_scan_char(value, 'C'))
        return false;
    *out = (int64_t)number;
    return true;
}

static int devices_set_ambient(struct jb_lab_parser *parser,
                               struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_temperature *sensor = devices_temperature(parser);
    bool below = jb_lab_scan_char(value, '-');

    if (!devices_mdegc(value, DEVICES_MAX_DEGREES, &sensor->ambient_mdegc))
        return jb_lab_parse_bad(err, "ambient: such as 30C or -1500mC");
    if (below)
        sensor->ambient_mdegc = -sensor->ambient_mdegc;
    return JB_OK;
}

static int devices_set_rise(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_temperature *sensor = devices_temperature(parser);

    if (!devices_mdegc(value, DEVICES_MAX_RISE_MDEGC / 1000,
                       &sensor->rise_mdegc) ||
        !jb_lab_scan_literal(value, "/W"))
        return jb_lab_parse_bad(err, "rise: such as 350mC/W");
    return JB_OK;
}

static const struct jb_lab_attribute devices_temperature_attributes[] = {
    { "chip", false, devices_set_chip },
    { "of", false, devices_set_heat },
    { "ambient", false, devices_set_ambient },
    { "rise", false, devices_set_rise },
    { "label", false, devices_set_label },
    { "thermal", false, devices_set_thermal },
    { NULL, false, NULL },
};

enum { DEVICES_TEMPERATURE_WANTED = 0xf };

int jb_lab_parse_temperature(struct jb_lab_parser *parser,
                             struct jb_lab_scan *line, struct jb_error *err)
{
    struct jb_lab_layout *layout = parser->layout;
    int rc;

    if (layout->temperature_count == JB_LAB_MAX_TEMPERATURES)
        return jb_lab_parse_bad(err, "more than 8 temperatures");
    rc = jb_lab_parse_attributes(parser, devices_temperature_attributes, line,
                                 err);
    if (rc < 0)
        return rc;
    if ((parser->seen & DEVICES_TEMPERATURE_WANTED) !=
        DEVICES_TEMPERATURE_WANTED)
        return jb_lab_parse_bad(err, "temperature: chip, of, ambient and rise "
                                     "are wanted");
    parser->temperature_lines[layout->temperature_count++] = parser->line;
    return JB_OK;
}

/* policy */

static int devices_set_cpus(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_policy *policy = devices_policy(parser);

    if (!devices_number(value, 0, JB_LAB_MAX_CPUS - 1, &policy->first))
        return jb_lab_parse_bad(err, "cpus: such as 4 or 0-3");
    policy->last = policy->first;
    if (jb_lab_scan_char(value, '-') &&
        !devices_number(value, policy->first, JB_LAB_MAX_CPUS - 1,
                        &policy->last))
        return jb_lab_parse_bad(err, "cpus: such as 4 or 0-3");
    return JB_OK;
}

static int devices_set_load(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    char *path = parser->driven_by[parser->layout->policy_count];

    if (!jb_lab_scan_word(value, "-:", path, JB_LAB_PATH_SIZE))
        return jb_lab_parse_bad(err, "of: the path of the zone whose power it "
                                     "follows");
    return JB_OK;
}

static int devices_khz(struct jb_lab_scan *value, uint64_t *out,
                       struct jb_error *err)
{
    uint64_t number;

    if (!jb_lab_scan_u64(value, &number) || number == 0 ||
        number > DEVICES_MAX_KHZ)
        return jb_lab_parse_bad(err, "a frequency such as 2100MHz is wanted");
    if (jb_lab_scan_literal(value, "MHz"))
        number *= 1000;
    else if (!jb_lab_scan_literal(value, "kHz"))
        number = 0;
    if (number == 0 || number > DEVICES_MAX_KHZ)
        return jb_lab_parse_bad(err, "a frequency ends with kHz or MHz, and is "
                                     "at most 100000MHz");
    *out = number;
    return JB_OK;
}

static int devices_set_min(struct jb_lab_parser *parser,
                           struct jb_lab_scan *value, struct jb_error *err)
{
    return devices_khz(value, &devices_policy(parser)->min_khz, err);
}

static int devices_set_base(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    return devices_khz(value, &devices_policy(parser)->base_khz, err);
}

static int devices_set_max(struct jb_lab_parser *parser,
                           struct jb_lab_scan *value, struct jb_error *err)
{
    return devices_khz(value, &devices_policy(parser)->max_khz, err);
}

static int devices_set_full(struct jb_lab_parser *parser,
                            struct jb_lab_scan *value, struct jb_error *err)
{
    struct jb_lab_policy *policy = devices_policy(parser);

    if (!jb_lab_scan_power(value, &policy->full_uw) || policy->full_uw == 0 ||
        policy->full_uw > JB_LAB_MAX_POWER_UW)
        return jb_lab_parse_bad(err, "full: a power such as 165W");
    return JB_OK;
}

static const struct jb_lab_attribute devices_policy_attributes[] = {
    { "cpus", false, devices_set_cpus },
    { "of", false, devices_set_load },
    { "min", false, devices_set_min },
    { "max", false, devices_set_max },
    { "full", false, devices_set_full },
    { "base", false, devices_set_base },
    { NULL, false, NULL },
};

enum { DEVICES_POLICY_WANTED = 0x1f };

int jb_lab_parse_policy(struct jb_lab_parser *parser, struct jb_lab_scan *line,
                        struct jb_error *err)
{
    struct jb_lab_layout *layout = parser->layout;
    const struct jb_lab_policy *policy = devices_policy(parser);
    int rc;

    if (layout->policy_count == JB_LAB_MAX_POLICIES)
        return jb_lab_parse_bad(err, "more than 16 policies");
    rc = jb_lab_parse_attributes(parser, devices_policy_attributes, line, err);
    if (rc < 0)
        return rc;
    if ((parser->seen & DEVICES_POLICY_WANTED) != DEVICES_POLICY_WANTED)
        return jb_lab_parse_bad(err, "policy: cpus, of, min, max and full are "
                                     "wanted");
    if (policy->min_khz > policy->max_khz)
        return jb_lab_parse_bad(err, "policy: min is above max");
    parser->policy_lines[layout->policy_count++] = parser->line;
    return JB_OK;
}

/* Once all lines are read */

static int devices_find_zone(const struct jb_lab_layout *layout,
                             const char *path, int *out, struct jb_error *err)
{
    *out = jb_lab_layout_find(layout, path);
    if (*out < 0)
        return jb_lab_parse_bad(err, "of: no such zone");
    if (layout->zones[*out].mirror >= 0)
        return jb_lab_parse_bad(err, "of: a mirror has no power of its own");
    return JB_OK;
}

static int devices_check_policy(const struct jb_lab_layout *layout,
                                unsigned index, struct jb_error *err)
{
    const struct jb_lab_policy *policy = &layout->policies[index];

    if (policy->last >= layout->cpus.count)
        return jb_lab_parse_bad(err, "cpus: the cpu line has no such CPU");
    for (unsigned i = 0; i < index; i++)
        if (policy->first <= layout->policies[i].last &&
            policy->last >= layout->policies[i].first)
            return jb_lab_parse_bad(err, "cpus: one of them has a policy "
                                         "already");
    return JB_OK;
}

/* A register holds one thing on a CPU. */
static int devices_check_msr(const struct jb_lab_layout *layout, unsigned zone,
                             struct jb_error *err)
{
    const struct jb_lab_zone *what = &layout->zones[zone];

    if (what->msr == 0)
        return JB_OK;
    if (layout->cpus.count == 0 || what->msr_package >= layout->cpus.packages)
        return jb_lab_parse_bad(err, "msr: the cpu line has no such package");
    for (unsigned i = 0; i < layout->cpus.register_count; i++)
        if (layout->cpus.registers[i].number == what->msr)
            return jb_lab_parse_bad(err, "msr: the cpu line gives that "
                                         "register a value");
    for (unsigned i = 0; i < zone; i++)
        if (layout->zones[i].msr == what->msr &&
            layout->zones[i].msr_package == what->msr_package)
            return jb_lab_parse_bad(err, "msr: another zone has that register");
    return JB_OK;
}

static int devices_resolve_zones(struct jb_lab_parser *parser,
                                 struct jb_error *err)
{
    int rc = JB_OK;

    for (unsigned i = 0; rc == JB_OK && i < parser->layout->zone_count; i++) {
        parser->line = parser->zone_lines[i];
        rc = devices_check_msr(parser->layout, i, err);
    }
    return rc;
}

int jb_lab_resolve_devices(struct jb_lab_parser *parser, struct jb_error *err)
{
    struct jb_lab_layout *layout = parser->layout;
    int rc = devices_resolve_zones(parser, err);

    for (unsigned i = 0; rc == JB_OK && i < layout->temperature_count; i++) {
        parser->line = parser->temperature_lines[i];
        rc = devices_find_zone(layout, parser->heated_by[i],
                               &layout->temperatures[i].zone, err);
    }
    for (unsigned i = 0; rc == JB_OK && i < layout->policy_count; i++) {
        parser->line = parser->policy_lines[i];
        rc = devices_find_zone(layout, parser->driven_by[i],
                               &layout->policies[i].zone, err);
        if (rc == JB_OK)
            rc = devices_check_policy(layout, i, err);
    }
    return rc;
}
