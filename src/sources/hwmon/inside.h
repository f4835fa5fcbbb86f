/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share; nobody else includes it. */
#ifndef JB_HWMON_INSIDE_H
#define JB_HWMON_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attribute.h"
#include "base/file.h"
#include "chips.h"
#include "joulebook/plugin/source.h"

enum {
    JB_HWMON_TEXT_MAX = 64,
    JB_HWMON_STEM_MAX = 44, /* leaves room for "/energy9999_average" */
    JB_HWMON_CHIPS_MAX = 1024,
    JB_HWMON_SENSORS_MAX = 16384,
};

struct jb_hwmon_options {
    uint64_t meter_lag_ns, meter_lag_unc_ns;
    uint64_t meter_window_ns; /* 0: as the meter says */
    uint64_t meter_max_w;     /* of the platform; 0: a guess */
};

struct jb_hwmon_chip {
    char name[JB_HWMON_TEXT_MAX];   /* the driver's word, "" for none */
    char device[JB_HWMON_TEXT_MAX]; /* its directory's name, "" for none */
    char stem[JB_HWMON_STEM_MAX];
    char entry[JB_HWMON_TEXT_MAX]; /* "hwmon3" */
    char *directory;               /* of its attributes, by its device */
    char *shown;                   /* the same below class/hwmon */
    char *guard;                   /* file of its name, or NULL */
    char *device_path;             /* or NULL */
    const struct jb_hwmon_chip_row *row;
};

/* Behind sensor i. */
struct jb_hwmon_input {
    struct jb_hwmon_chip *chip; /* NULL for one that is lost */
    struct jb_hwmon_channel channel;
    struct jb_attribute value, fault;
    int64_t lowest, highest; /* counts that can be true */
    bool not_zero;
    bool settled; /* a rule has spoken of it */
    char label[JB_HWMON_TEXT_MAX];
};

struct jb_hwmon_list {
    struct jb_sensor *sensors;
    struct jb_hwmon_input *inputs;
    size_t count, room;
    struct jb_hwmon_chip **chips; /* by their stems */
    size_t chip_count;
};

struct jb_hwmon_scan {
    const struct jb_env *env;
    const struct jb_hwmon_options *options;
    struct jb_hwmon_list *list;
};

/* Finds chips and names them; the list was empty.  JB_EABSENT: there is no
 * class; JB_ENOMEM, JB_ELIMIT. */
JB_NODISCARD int jb_hwmon_find_chips(const struct jb_hwmon_scan *scan,
                                     struct jb_error *err);

/* Finds everything: jb_hwmon_list_release() in every case.  A chip's or a
 * sensor's own trouble is in its sensors. */
JB_NODISCARD int jb_hwmon_scan_all(const struct jb_hwmon_scan *scan,
                                   struct jb_error *err);

void jb_hwmon_list_release(struct jb_hwmon_list *list);

/* Says which sensors stand for which domains. */
JB_NODISCARD int jb_hwmon_assign(const struct jb_hwmon_scan *scan,
                                 struct jb_error *err);

/* What lies between count and the words of the channel: JB_OK or
 * JB_EIMPLAUSIBLE. */
JB_NODISCARD int jb_hwmon_judge(const struct jb_hwmon_input *input,
                                int64_t count);

/* Reads without looking for what is gone.  For an energy, which can have 64
 * bits, what is above int64_t is JB_EIMPLAUSIBLE. */
JB_NODISCARD int jb_hwmon_read(struct jb_hwmon_input *input, uint64_t now_ns,
                               int64_t *count);

/* Adds a remark to a sensor's note. */
void jb_hwmon_remark(struct jb_sensor *sensor, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
