/* SPDX-License-Identifier: Apache-2.0 */
#include "waveform.h"

#include <inttypes.h>
#include <string.h>

static bool waveform_scan_power(struct jb_lab_scan *scan, int64_t *power_uw)
{
    return jb_lab_scan_power(scan, power_uw) &&
           *power_uw <= JB_LAB_MAX_POWER_UW;
}

static bool waveform_scan_period(struct jb_lab_scan *scan, uint64_t *period_ns)
{
    return jb_lab_scan_time(scan, period_ns) && *period_ns > 0 &&
           *period_ns <= JB_LAB_MAX_PERIOD_NS;
}

static int waveform_parse_const(struct jb_lab_scan *scan,
                                struct jb_lab_part *part, struct jb_error *err)
{
    if (!waveform_scan_power(scan, &part->lo_uw))
        return jb_fail(err, JB_EFORMAT,
                       "const: a power such as 12.5W is wanted (up to 100kW)");
    part->hi_uw = part->lo_uw;
    return JB_OK;
}

/* LO,HI,PERIOD: what square, triangle and ramp have in common. */
static int waveform_parse_swing(struct jb_lab_scan *scan,
                                struct jb_lab_part *part, struct jb_error *err)
{
    if (waveform_scan_power(scan, &part->lo_uw) &&
        jb_lab_scan_char(scan, ',') &&
        waveform_scan_power(scan, &part->hi_uw) &&
        jb_lab_scan_char(scan, ',') &&
        waveform_scan_period(scan, &part->period_ns))
        return JB_OK;
    return jb_fail(err, JB_EFORMAT,
                   "two powers and a period such as 5W,40W,100ms are wanted "
                   "(up to 100kW and 10000s)");
}

static int waveform_parse_square(struct jb_lab_scan *scan,
                                 struct jb_lab_part *part, struct jb_error *err)
{
    struct jb_lab_scan percent;
    uint64_t share;
    int rc = waveform_parse_swing(scan, part, err);

    if (rc < 0)
        return rc;
    if (!jb_lab_scan_char(scan, ','))
        return jb_fail(err, JB_EFORMAT,
                       "square: the time at the high power is missing "
                       "(fourth value, such as 30ms or 30%%)");
    percent = *scan;
    if (jb_lab_scan_u64(&percent, &share) && share <= 100 &&
        jb_lab_scan_char(&percent, '%')) {
        *scan = percent;
        part->high_ns = part->period_ns * share / 100;
        return JB_OK;
    }
    if (!jb_lab_scan_time(scan, &part->high_ns) ||
        part->high_ns > part->period_ns)
        return jb_fail(err, JB_EFORMAT,
                       "square: the time at the high power must be a duration "
                       "within the period, or 0%% to 100%%");
    return JB_OK;
}

static int waveform_parse_slope(struct jb_lab_scan *scan,
                                struct jb_lab_part *part, struct jb_error *err)
{
    int rc = waveform_parse_swing(scan, part, err);

    if (rc < 0)
        return rc;
    if (part->period_ns % 2 != 0)
        return jb_fail(err, JB_EFORMAT,
                       "the period of a slope must be an even number of ns");
    if (part->kind == JB_LAB_TRIANGLE && part->lo_uw > part->hi_uw)
        return jb_fail(err, JB_EFORMAT,
                       "triangle: the lower power comes first");
    return JB_OK;
}

static int waveform_parse_steps(struct jb_lab_scan *scan,
                                struct jb_lab_part *part, struct jb_error *err)
{
    do {
        struct jb_lab_step *step = &part->steps[part->step_count];

        if (part->step_count == JB_LAB_MAX_STEPS)
            return jb_fail(err, JB_EFORMAT, "steps: more than %d of them",
                           JB_LAB_MAX_STEPS);
        if (!waveform_scan_power(scan, &step->power_uw) ||
            !jb_lab_scan_char(scan, '@') ||
            !waveform_scan_period(scan, &step->time_ns))
            return jb_fail(err, JB_EFORMAT,
                           "steps: power@time such as 12W@30ms is wanted");
        part->period_ns += step->time_ns;
        part->step_count++;
    } while (jb_lab_scan_char(scan, ','));
    return JB_OK;
}

struct waveform_kind {
    const char *name;
    enum jb_lab_wave_kind kind;
    int (*parse)(struct jb_lab_scan *scan, struct jb_lab_part *part,
                 struct jb_error *err);
};

static const struct waveform_kind waveform_kinds[] = {
    { "const", JB_LAB_CONST, waveform_parse_const },
    { "square", JB_LAB_SQUARE, waveform_parse_square },
    { "triangle", JB_LAB_TRIANGLE, waveform_parse_slope },
    { "ramp", JB_LAB_RAMP, waveform_parse_slope },
    { "steps", JB_LAB_STEPS, waveform_parse_steps },
};

static int waveform_parse_part(struct jb_lab_scan *scan,
                               struct jb_lab_part *part, struct jb_error *err)
{
    size_t count = sizeof(waveform_kinds) / sizeof(waveform_kinds[0]);
    char name[12];

    if (jb_lab_scan_word(scan, "", name, sizeof(name)) &&
        jb_lab_scan_char(scan, ':')) {
        for (size_t i = 0; i < count; i++) {
            if (strcmp(waveform_kinds[i].name, name) != 0)
                continue;
            part->kind = waveform_kinds[i].kind;
            return waveform_kinds[i].parse(scan, part, err);
        }
    }
    return jb_fail(err, JB_EFORMAT,
                   "a wave begins with const: square: triangle: ramp: or "
                   "steps:");
}

int jb_lab_wave_parse(struct jb_lab_scan *scan, struct jb_lab_wave *out,
                      struct jb_error *err)
{
    struct jb_lab_wave wave = { 0 };

    do {
        int rc;

        if (wave.part_count == JB_LAB_MAX_PARTS)
            return jb_fail(err, JB_EFORMAT, "a wave of more than %d parts",
                           JB_LAB_MAX_PARTS);
        rc = waveform_parse_part(scan, &wave.parts[wave.part_count], err);
        if (rc < 0)
            return rc;
        wave.part_count++;
    } while (jb_lab_scan_char(scan, '+'));
    *out = wave;
    return JB_OK;
}

/* Rounded towards minus infinity; the divisor is positive. */
static jb_lab_i128 waveform_floor_div(jb_lab_i128 a, jb_lab_i128 b)
{
    jb_lab_i128 q = a / b;

    return a % b < 0 ? q - 1 : q;
}

/* Of a power that goes from `from` by `rise` within `whole_ns`, the first
 * at_ns of it:  from * t + rise * t^2 / (2 * whole), rounded down. */
static jb_lab_i128 waveform_slope_fj(int64_t from, int64_t rise,
                                     uint64_t whole_ns, uint64_t at_ns)
{
    jb_lab_i128 t = at_ns;

    return from * t +
           waveform_floor_div(rise * t * t, 2 * (jb_lab_i128)whole_ns);
}

static jb_lab_i128 waveform_triangle_fj(const struct jb_lab_part *part,
                                        uint64_t at_ns)
{
    uint64_t half = part->period_ns / 2;
    int64_t rise = part->hi_uw - part->lo_uw;
    jb_lab_i128 whole = ((jb_lab_i128)part->lo_uw + part->hi_uw) * half;
    jb_lab_i128 left = part->period_ns - at_ns;

    if (at_ns <= half)
        return waveform_slope_fj(part->lo_uw, rise, half, at_ns);
    /* The falling half mirrors the rising one: the period's energy less what
     * is still to come, and that rounded up. */
    return whole - part->lo_uw * left +
           waveform_floor_div(-(rise * left * left), 2 * (jb_lab_i128)half);
}

static jb_lab_i128 waveform_steps_fj(const struct jb_lab_part *part,
                                     uint64_t at_ns)
{
    jb_lab_i128 energy = 0;

    for (unsigned i = 0; i < part->step_count && at_ns > 0; i++) {
        const struct jb_lab_step *step = &part->steps[i];
        uint64_t time = at_ns < step->time_ns ? at_ns : step->time_ns;

        energy += (jb_lab_i128)step->power_uw * time;
        at_ns -= time;
    }
    return energy;
}

/* The energy of the first at_ns of a period, at_ns <= period_ns. */
static jb_lab_i128 waveform_within_fj(const struct jb_lab_part *part,
                                      uint64_t at_ns)
{
    uint64_t high = at_ns < part->high_ns ? at_ns : part->high_ns;

    switch (part->kind) {
    case JB_LAB_SQUARE:
        return (jb_lab_i128)part->hi_uw * high +
               (jb_lab_i128)part->lo_uw * (at_ns - high);
    case JB_LAB_TRIANGLE:
        return waveform_triangle_fj(part, at_ns);
    case JB_LAB_RAMP:
        return waveform_slope_fj(part->lo_uw, part->hi_uw - part->lo_uw,
                                 part->period_ns, at_ns);
    case JB_LAB_STEPS:
        return waveform_steps_fj(part, at_ns);
    case JB_LAB_CONST:
        break;
    }
    return (jb_lab_i128)part->lo_uw * at_ns;
}

jb_lab_i128 jb_lab_wave_energy_fj(const struct jb_lab_wave *wave,
                                  uint64_t elapsed_ns)
{
    jb_lab_i128 energy = 0;

    for (unsigned i = 0; i < wave->part_count; i++) {
        const struct jb_lab_part *part = &wave->parts[i];
        uint64_t period = part->period_ns;

        if (part->kind == JB_LAB_CONST) {
            energy += waveform_within_fj(part, elapsed_ns);
            continue;
        }
        energy += waveform_within_fj(part, period) * (elapsed_ns / period) +
                  waveform_within_fj(part, elapsed_ns % period);
    }
    return energy;
}

int64_t jb_lab_wave_max_uw(const struct jb_lab_wave *wave)
{
    int64_t sum = 0;

    for (unsigned i = 0; i < wave->part_count; i++) {
        const struct jb_lab_part *part = &wave->parts[i];
        int64_t max = part->lo_uw > part->hi_uw ? part->lo_uw : part->hi_uw;

        for (unsigned k = 0; k < part->step_count; k++)
            if (part->steps[k].power_uw > max)
                max = part->steps[k].power_uw;
        sum += max;
    }
    return sum;
}

static void waveform_part_json(const struct jb_lab_part *part,
                               struct jb_lab_text *out)
{
    jb_lab_text_add(out, "[\"%s\"", waveform_kinds[part->kind].name);
    switch (part->kind) {
    case JB_LAB_CONST:
        jb_lab_text_add(out, ",%" PRId64, part->lo_uw);
        break;
    case JB_LAB_STEPS:
        for (unsigned i = 0; i < part->step_count; i++)
            jb_lab_text_add(out, ",%" PRId64 ",%" PRIu64,
                            part->steps[i].power_uw, part->steps[i].time_ns);
        break;
    case JB_LAB_SQUARE:
    case JB_LAB_TRIANGLE:
    case JB_LAB_RAMP:
        jb_lab_text_add(out, ",%" PRId64 ",%" PRId64 ",%" PRIu64, part->lo_uw,
                        part->hi_uw, part->period_ns);
        break;
    }
    if (part->kind == JB_LAB_SQUARE)
        jb_lab_text_add(out, ",%" PRIu64, part->high_ns);
    jb_lab_text_add(out, "]");
}

void jb_lab_wave_json(const struct jb_lab_wave *wave, struct jb_lab_text *out)
{
    jb_lab_text_add(out, "[");
    for (unsigned i = 0; i < wave->part_count; i++) {
        if (i > 0)
            jb_lab_text_add(out, ",");
        waveform_part_json(&wave->parts[i], out);
    }
    jb_lab_text_add(out, "]");
}
