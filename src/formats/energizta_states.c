/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine did between two lines, from the host's sensors. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "energizta.h"
#include "text.h"

enum { STATES_INPUTS = 8, STATES_KEY_MAX = 64, STATES_NONE = -1 };

/* How a value comes from its inputs. */
enum states_rule {
    STATES_LEVEL, /* the reading of the first */
    STATES_LESS,  /* the first less the others */
    STATES_RATE,  /* growth of the first per second */
    STATES_SHARE, /* growth of the first in that of all, in percent */
    STATES_MEAN,  /* mean of those that are known */
};

struct states_format {
    double per;   /* units of the sensors in one of the key's */
    int decimals; /* -1: whole, rounded down, as the tool does there */
};

/* A key of the machine, by the paths of its inputs. */
struct states_fixed {
    const char *key;
    enum states_rule rule;
    struct states_format format;
    const char *inputs[4];
};

static const struct states_fixed states_fixed_rows[] = {
    { "cpu_usr_pct",
      STATES_SHARE,
      { 1, 0 },
      { "host/cpu/user", "host/cpu/system", "host/cpu/iowait",
        "host/cpu/idle" } },
    { "cpu_sys_pct",
      STATES_SHARE,
      { 1, 0 },
      { "host/cpu/system", "host/cpu/user", "host/cpu/iowait",
        "host/cpu/idle" } },
    { "cpu_iowait_pct",
      STATES_SHARE,
      { 1, 0 },
      { "host/cpu/iowait", "host/cpu/user", "host/cpu/system",
        "host/cpu/idle" } },
    { "load1", STATES_LEVEL, { 1, 2 }, { "host/load/1m" } },
    { "mem_total_MB", STATES_LEVEL, { 1048576, -1 }, { "host/memory/total" } },
    { "mem_free_MB", STATES_LEVEL, { 1048576, -1 }, { "host/memory/free" } },
    { "mem_used_MB",
      STATES_LESS,
      { 1048576, -1 },
      { "host/memory/total", "host/memory/free", "host/memory/cached" } },
};

/* A key of each device: <name><suffix> for the path <prefix><name><part>. */
struct states_device {
    const char *prefix, *part, *suffix;
};

static const struct states_device states_device_rows[] = {
    { "host/disk-", "/read", "_read_kBps" },
    { "host/disk-", "/written", "_write_kBps" },
    { "host/net-", "/received", "_recv_kBps" },
    { "host/net-", "/sent", "_sent_kBps" },
};

static const struct states_format states_kilobytes = { 1024, -1 };
static const double states_most = 9e12; /* millionths of it fit 64 bits */

/* A reading, and the one of the line before. */
struct states_value {
    double now, then;
    uint64_t now_ns, then_ns;
    uint32_t generation, generation_then;
    bool known, known_then;
};

struct states_item {
    char key[STATES_KEY_MAX];
    enum states_rule rule;
    struct states_format format;
    ptrdiff_t inputs[STATES_INPUTS]; /* sensors; STATES_NONE ends the list */
};

struct jb_energizta_states {
    const struct jb_format_setup *setup;
    struct states_value *values; /* one per sensor */
    struct states_item *items;   /* sorted by key */
    size_t count;
};

static ptrdiff_t states_find(const struct jb_format_setup *setup,
                             const char *path)
{
    for (size_t i = 0; i < setup->sensor_count; i++)
        if (strcmp(setup->sensors[i].path, path) == 0)
            return (ptrdiff_t)i;
    return STATES_NONE;
}

static struct states_item *states_append(struct jb_energizta_states *states,
                                         enum states_rule rule,
                                         struct states_format format)
{
    struct states_item *item = &states->items[states->count];

    *item = (struct states_item){ .rule = rule, .format = format };
    for (size_t i = 0; i < STATES_INPUTS; i++)
        item->inputs[i] = STATES_NONE;
    return item;
}

/* All inputs of a row, or it is no key of this machine. */
static void states_take_fixed(struct jb_energizta_states *states,
                              const struct states_fixed *row)
{
    struct states_item *item = states_append(states, row->rule, row->format);

    snprintf(item->key, sizeof(item->key), "%s", row->key);
    for (size_t i = 0; i < 4 && row->inputs[i]; i++) {
        item->inputs[i] = states_find(states->setup, row->inputs[i]);
        if (item->inputs[i] == STATES_NONE)
            return;
    }
    states->count++;
}

/* Virtual devices are mirrors of real ones, which alone the tool lists. */
static void states_take_device(struct jb_energizta_states *states,
                               const struct states_device *row, size_t sensor)
{
    const struct jb_format_sensor *from = &states->setup->sensors[sensor];
    size_t before = strlen(row->prefix);
    size_t after = strlen(row->part);
    size_t length = strlen(from->path);
    struct states_item *item;

    if (from->about->flags & JB_SENSOR_MIRROR || length <= before + after ||
        length - before - after + strlen(row->suffix) >= STATES_KEY_MAX ||
        strncmp(from->path, row->prefix, before) != 0 ||
        strcmp(from->path + length - after, row->part) != 0)
        return;
    item = states_append(states, STATES_RATE, states_kilobytes);
    snprintf(item->key, sizeof(item->key), "%.*s%s",
             (int)(length - before - after), from->path + before, row->suffix);
    item->inputs[0] = (ptrdiff_t)sensor;
    states->count++;
}

/* Keys are printed into JSON as they are. */
static bool states_is_plain(const struct states_item *item)
{
    for (const char *c = item->key; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == '"' || *c == '\\' ||
            (unsigned char)*c >= 0x7f)
            return false;
    return true;
}

/* Sensors of a quantity that stand for a whole package. */
static void states_take_packages(struct jb_energizta_states *states,
                                 enum jb_quantity quantity,
                                 struct states_item *item, size_t most)
{
    size_t used = 0;

    for (size_t i = 0; i < states->setup->sensor_count && used < most; i++) {
        const struct jb_sensor *about = states->setup->sensors[i].about;

        if (about->unit.quantity == quantity &&
            about->domain.kind == JB_DOMAIN_PACKAGE &&
            about->domain.die == JB_NO_DIE &&
            !(about->flags & JB_SENSOR_MIRROR) &&
            (most > 1 || about->domain.index == 0))
            item->inputs[used++] = (ptrdiff_t)i;
    }
    states->count += used > 0;
}

static int states_compare(const void *a, const void *b)
{
    const struct states_item *left = a;
    const struct states_item *right = b;

    return strcmp(left->key, right->key);
}

static void states_list(struct jb_energizta_states *states)
{
    size_t fixed = sizeof(states_fixed_rows) / sizeof(states_fixed_rows[0]);
    size_t device = sizeof(states_device_rows) / sizeof(states_device_rows[0]);
    struct states_item *item;
    size_t kept = 0;

    for (size_t i = 0; i < fixed; i++)
        states_take_fixed(states, &states_fixed_rows[i]);
    for (size_t i = 0; i < device; i++)
        for (size_t s = 0; s < states->setup->sensor_count; s++)
            states_take_device(states, &states_device_rows[i], s);
    item = states_append(states, STATES_MEAN,
                         (struct states_format){ 1000000, 0 });
    snprintf(item->key, sizeof(item->key), "cpu_freq_mhz");
    states_take_packages(states, JB_QUANTITY_FREQUENCY, item, STATES_INPUTS);
    item = states_append(states, STATES_LEVEL, (struct states_format){ 1, 1 });
    snprintf(item->key, sizeof(item->key), "sensors_coretemp");
    states_take_packages(states, JB_QUANTITY_TEMPERATURE, item, 1);
    for (size_t i = 0; i < states->count; i++)
        if (states_is_plain(&states->items[i]))
            states->items[kept++] = states->items[i];
    states->count = kept;
    qsort(states->items, states->count, sizeof(*states->items), states_compare);
}

int jb_energizta_states_open(const struct jb_format_setup *setup,
                             struct jb_energizta_states **out,
                             struct jb_error *err)
{
    struct jb_energizta_states *states = calloc(1, sizeof(*states));
    size_t room = setup->sensor_count + 16;

    if (!states)
        return jb_fail(err, JB_ENOMEM, "a line");
    states->setup = setup;
    states->values = calloc(room, sizeof(*states->values));
    states->items = calloc(room, sizeof(*states->items));
    if (!states->values || !states->items) {
        jb_energizta_states_close(states);
        return jb_fail(err, JB_ENOMEM, "a line of %zu sensors",
                       setup->sensor_count);
    }
    states_list(states);
    *out = states;
    return JB_OK;
}

void jb_energizta_states_close(struct jb_energizta_states *states)
{
    if (!states)
        return;
    free(states->values);
    free(states->items);
    free(states);
}

static double states_number(const struct jb_sensor *about, uint64_t raw)
{
    double count =
        about->flags & JB_SENSOR_SIGNED ? (double)(int64_t)raw : (double)raw;

    return count * (double)about->unit.num / (double)about->unit.den / 1e6;
}

void jb_energizta_states_add(struct jb_energizta_states *states,
                             const struct jb_format_reading *reading)
{
    const struct jb_sample *sample = reading->sample;
    struct states_value *value = &states->values[reading->sensor];

    value->known = sample->state == JB_OK;
    if (!value->known)
        return;
    value->now = states_number(states->setup->sensors[reading->sensor].about,
                               sample->raw);
    value->now_ns = sample->t1_ns;
    value->generation = sample->generation;
    if (value->known_then)
        return;
    value->then = value->now;
    value->then_ns = value->now_ns;
    value->generation_then = value->generation;
    value->known_then = true;
}

/* How much a counter grew since the last line. */
static bool states_growth(const struct states_value *value, double *growth)
{
    if (!value->known || !value->known_then ||
        value->generation != value->generation_then ||
        value->now < value->then || value->now_ns <= value->then_ns)
        return false;
    *growth = value->now - value->then;
    return true;
}

static bool states_share(const struct jb_energizta_states *states,
                         const struct states_item *item, double *out)
{
    double first = 0.0;
    double sum = 0.0;

    for (size_t i = 0; i < STATES_INPUTS && item->inputs[i] >= 0; i++) {
        double growth;

        if (!states_growth(&states->values[item->inputs[i]], &growth))
            return false;
        if (i == 0)
            first = growth;
        sum += growth;
    }
    *out = sum > 0.0 ? first / sum * 100.0 : 0.0;
    return sum > 0.0;
}

static bool states_level(const struct jb_energizta_states *states,
                         const struct states_item *item, double *out)
{
    bool mean = item->rule == STATES_MEAN;
    double result = 0.0;
    size_t used = 0;

    for (size_t i = 0; i < STATES_INPUTS && item->inputs[i] >= 0; i++) {
        const struct states_value *value = &states->values[item->inputs[i]];

        if (!value->known && mean)
            continue;
        if (!value->known)
            return false;
        result += i == 0 || mean ? value->now : -value->now;
        used++;
    }
    if (used == 0)
        return false;
    *out = mean ? result / (double)used : result;
    return true;
}

static bool states_evaluate(const struct jb_energizta_states *states,
                            const struct states_item *item, double *out)
{
    const struct states_value *value = &states->values[item->inputs[0]];

    if (item->rule == STATES_SHARE)
        return states_share(states, item, out);
    if (item->rule != STATES_RATE)
        return states_level(states, item, out);
    if (!states_growth(value, out))
        return false;
    *out /= (double)(value->now_ns - value->then_ns) / JB_NS_PER_S;
    return true;
}

void jb_energizta_states_put(struct jb_energizta_states *states,
                             struct jb_recording *file)
{
    char number[JB_NUMBER_MAX];
    double value;

    for (size_t i = 0; i < states->count; i++) {
        const struct states_item *item = &states->items[i];

        if (!states_evaluate(states, item, &value))
            continue;
        value /= item->format.per;
        if (!(value > -states_most && value < states_most))
            continue;
        if (item->format.decimals < 0)
            value = (double)(int64_t)value;
        jb_recording_put(
            file, "\"%s\": %s,", item->key,
            jb_format_millionths(number, (int64_t)(value * 1e6 + 0.5),
                                 item->format.decimals < 0
                                     ? 0
                                     : (unsigned)item->format.decimals));
    }
    for (size_t i = 0; i < states->setup->sensor_count; i++) {
        struct states_value *last = &states->values[i];

        last->then = last->now;
        last->then_ns = last->now_ns;
        last->known_then = last->known;
        last->generation_then = last->generation;
    }
}
