/* SPDX-License-Identifier: Apache-2.0 */
/* Names, labels and percentages of hwmon's files. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "core/plausible.h"
#include "sources/hwmon/chips.h"

/* A reading's name is one name: what was parsed is written the same way. */
static void fuzz_channel(const char *name)
{
    struct jb_hwmon_channel channel = { .number = 0 };
    char word[JB_HWMON_WORD_MAX];
    char again[JB_HWMON_WORD_MAX * 2];
    bool average;

    if (!jb_hwmon_channel_parse(name, &channel))
        return;
    fuzz_require(channel.kind < JB_HWMON_KINDS &&
                 channel.number <= JB_HWMON_NUMBER_MAX);
    average = channel.item == JB_HWMON_AVERAGE;
    jb_hwmon_channel_name(&channel, word);
    snprintf(again, sizeof(again), "%s%s", word, average ? "" : "_input");
    fuzz_require(strcmp(again, name) == 0);
    fuzz_require(jb_hwmon_channel_compare(&channel, &channel) == 0);
}

static void fuzz_label(const char *label)
{
    uint16_t number = 0;
    char again[64];

    if (!jb_hwmon_label_number(label, "Package id ", &number))
        return;
    snprintf(again, sizeof(again), "Package id %u", number);
    fuzz_require(strcmp(again, label) == 0);
}

static void fuzz_percent(const char *text)
{
    uint32_t ppm = UINT32_MAX;

    if (jb_hwmon_percent(text, &ppm))
        fuzz_require(ppm <= 1000000 && strchr(text, '%'));
    else
        fuzz_require(ppm == UINT32_MAX);
}

/* Every chip's limits lie within physics and hold something. */
static void fuzz_chip(const char *chip)
{
    for (int kind = 0; kind < JB_HWMON_KINDS; kind++) {
        const struct jb_hwmon_scale *scale = &jb_hwmon_scales[kind];
        struct jb_range range = jb_plausible_range(scale->quantity);
        int64_t lowest;
        int64_t highest;
        const char *why = NULL;

        jb_hwmon_limits(chip, (enum jb_hwmon_kind)kind, &lowest, &highest,
                        &why);
        fuzz_require(lowest < highest && why);
        fuzz_require(lowest >= range.lowest / (int64_t)scale->micro);
        fuzz_require(highest <= range.highest / (int64_t)scale->micro);
    }
    fuzz_require(jb_hwmon_chip_row(chip) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    fuzz_channel(text);
    fuzz_label(text);
    fuzz_percent(text);
    fuzz_chip(text);
    free(text);
    return 0;
}
