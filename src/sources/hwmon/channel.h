/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of hwmon's files: "temp1_input", "power1_average", ...
 * (Documentation/hwmon/sysfs-interface.rst).  Pure.
 */
#ifndef JB_HWMON_CHANNEL_H
#define JB_HWMON_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "joulebook/plugin/sensor.h"

enum jb_hwmon_kind {
    JB_HWMON_ENERGY,
    JB_HWMON_POWER,
    JB_HWMON_TEMP,
    JB_HWMON_IN,
    JB_HWMON_CURR,
    JB_HWMON_FAN,
    JB_HWMON_FREQ,
    JB_HWMON_KINDS,
};

enum jb_hwmon_item { JB_HWMON_INPUT, JB_HWMON_AVERAGE };

enum { JB_HWMON_NUMBER_MAX = 9999, JB_HWMON_WORD_MAX = 24 };

struct jb_hwmon_channel {
    enum jb_hwmon_kind kind;
    uint16_t number;
    enum jb_hwmon_item item;
};

/* What the files of a kind hold: micro-units per count, and whether counts
 * can be negative. */
struct jb_hwmon_scale {
    const char *word;
    enum jb_quantity quantity;
    uint64_t micro;
    bool is_signed;
};

/* By enum jb_hwmon_kind. */
extern const struct jb_hwmon_scale jb_hwmon_scales[JB_HWMON_KINDS];

/* True for the name of a file that holds a reading: neither a limit, nor an
 * alarm, nor a label.  *out is untouched when it is none. */
bool jb_hwmon_channel_parse(const char *name, struct jb_hwmon_channel *out);

/* "temp1" or "power1_average": the sensor's name within its chip. */
const char *jb_hwmon_channel_name(const struct jb_hwmon_channel *channel,
                                  char out[JB_HWMON_WORD_MAX]);

/* Order for tables: by kind, number, item. */
int jb_hwmon_channel_compare(const struct jb_hwmon_channel *a,
                             const struct jb_hwmon_channel *b);

/* The number at the end of a label that begins with stem: 1 of "Package id 1"
 * and "Package id ".  False unless it is all that follows. */
bool jb_hwmon_label_number(const char *label, const char *stem, uint16_t *out);

/* "95.5%" as 955000 millionths of a hundred per cent.  False for other texts
 * and for more than 100 %. */
bool jb_hwmon_percent(const char *text, uint32_t *ppm);

#endif
