/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { CHANNEL_PERCENT_MAX = 16 };

const struct jb_hwmon_scale jb_hwmon_scales[JB_HWMON_KINDS] = {
    [JB_HWMON_ENERGY] = { "energy", JB_QUANTITY_ENERGY, 1, false },
    [JB_HWMON_POWER] = { "power", JB_QUANTITY_POWER, 1, false },
    [JB_HWMON_TEMP] = { "temp", JB_QUANTITY_TEMPERATURE, 1000, true },
    [JB_HWMON_IN] = { "in", JB_QUANTITY_VOLTAGE, 1000, true },
    [JB_HWMON_CURR] = { "curr", JB_QUANTITY_CURRENT, 1000, true },
    [JB_HWMON_FAN] = { "fan", JB_QUANTITY_ROTATION, 1000000, false },
    [JB_HWMON_FREQ] = { "freq", JB_QUANTITY_FREQUENCY, 1000000, false },
};

static const char *const channel_items[] = {
    [JB_HWMON_INPUT] = "_input",
    [JB_HWMON_AVERAGE] = "_average",
};

/* A number as drivers write it, without a leading zero. */
static bool channel_number(const char *text, size_t length, uint64_t max,
                           uint16_t *out)
{
    uint64_t number;

    if (!jb_text_u64(text, length, &number) || number > max ||
        (length > 1 && text[0] == '0'))
        return false;
    *out = (uint16_t)number;
    return true;
}

static bool channel_parse_rest(const char *rest, struct jb_hwmon_channel *out)
{
    size_t digits = strspn(rest, "0123456789");

    for (size_t i = 0; i < sizeof(channel_items) / sizeof(*channel_items); i++)
        if (strcmp(rest + digits, channel_items[i]) == 0) {
            out->item = (enum jb_hwmon_item)i;
            return channel_number(rest, digits, JB_HWMON_NUMBER_MAX,
                                  &out->number);
        }
    return false;
}

bool jb_hwmon_channel_parse(const char *name, struct jb_hwmon_channel *out)
{
    for (int kind = 0; kind < JB_HWMON_KINDS; kind++) {
        const char *word = jb_hwmon_scales[kind].word;
        struct jb_hwmon_channel found = { .kind = (enum jb_hwmon_kind)kind };

        if (strncmp(name, word, strlen(word)) != 0 ||
            !channel_parse_rest(name + strlen(word), &found))
            continue;
        *out = found;
        return true;
    }
    return false;
}

const char *jb_hwmon_channel_name(const struct jb_hwmon_channel *channel,
                                  char out[JB_HWMON_WORD_MAX])
{
    snprintf(out, JB_HWMON_WORD_MAX, "%s%u%s",
             jb_hwmon_scales[channel->kind].word, channel->number,
             channel->item == JB_HWMON_AVERAGE ? "_average" : "");
    return out;
}

int jb_hwmon_channel_compare(const struct jb_hwmon_channel *a,
                             const struct jb_hwmon_channel *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return (int)a->item - (int)b->item;
}

bool jb_hwmon_label_number(const char *label, const char *stem, uint16_t *out)
{
    size_t length = strlen(stem);

    return strncmp(label, stem, length) == 0 &&
           channel_number(label + length, strlen(label + length), UINT16_MAX,
                          out);
}

bool jb_hwmon_percent(const char *text, uint32_t *ppm)
{
    char number[CHANNEL_PERCENT_MAX];
    size_t length = strcspn(text, "%");
    double percent;

    if (strcmp(text + length, "%") != 0 || length >= sizeof(number))
        return false;
    memcpy(number, text, length);
    number[length] = '\0';
    if (!jb_text_real(number, &percent) || percent < 0.0 || percent > 100.0)
        return false;
    *ppm = (uint32_t)(percent * 10000.0 + 0.5);
    return true;
}
