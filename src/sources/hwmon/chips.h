/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of chips and their drivers, as rows: which channel stands for
 * which part of the machine, which readings mean "none", which reads can hang.
 *
 * A chip without a row is listed with all that it has, and is no domain: what
 * a rail of a board feeds is not known from its name.
 */
#ifndef JB_HWMON_CHIPS_H
#define JB_HWMON_CHIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"

/* How a channel's place is numbered. */
enum jb_hwmon_place {
    JB_HWMON_PLACE_ONE,    /* there is one of it */
    JB_HWMON_PLACE_LABEL,  /* the number at the end of the label */
    JB_HWMON_PLACE_NODE,   /* the package of the NUMA node of that number */
    JB_HWMON_PLACE_DEVICE, /* the package that the chip's device belongs to */
    JB_HWMON_PLACE_GPU,    /* the GPU that the chip's device is */
};

enum jb_hwmon_rule_flag {
    /* A second view of what an earlier row took: listed as a mirror; without
     * it such a channel is a part and no domain. */
    JB_HWMON_RULE_VIEW = 1 << 0,
    JB_HWMON_RULE_METER = 1 << 1,    /* lag as the source's options say */
    JB_HWMON_RULE_NOT_ZERO = 1 << 2, /* 0 means "no value" */
};

/*
 * Rows are tried in their order, so that of two that stand for the same place
 * the better comes first.  label: NULL is any, "" none; with a place that is
 * numbered by the label it is what precedes the number.  beside: a label of a
 * voltage that the chip must have, too.
 */
struct jb_hwmon_rule {
    const char *chip;
    enum jb_hwmon_kind kind;
    const char *label;
    enum jb_domain_kind domain;
    enum jb_hwmon_place place;
    uint16_t number; /* of the channel; 0: any */
    int8_t item;     /* enum jb_hwmon_item, or -1: any */
    uint8_t flags;   /* enum jb_hwmon_rule_flag */
    int16_t rank;
    uint64_t quantum;
    uint64_t update_ns, lag_ns, lag_unc_ns;
    const char *beside;
    const char *note;
};

extern const struct jb_hwmon_rule jb_hwmon_rules[];
extern const size_t jb_hwmon_rule_count;

enum jb_hwmon_chip_flag {
    JB_HWMON_CHIP_BLOCKS = 1 << 0,
    JB_HWMON_CHIP_IN_ENABLES_CURR = 1 << 1, /* inN_enable switches currN too */
};

struct jb_hwmon_chip_row {
    const char *chip;   /* name, or with a '*' what it begins with */
    uint8_t flags;      /* enum jb_hwmon_chip_flag */
    uint64_t update_ns; /* how often the driver reads anew; 0: each time */
};

/* A row of zeros for chips that have none. */
const struct jb_hwmon_chip_row *jb_hwmon_chip_row(const char *chip);

/* Counts that a channel of this chip can truly have: physics, narrowed by what
 * is known of the model.  *why is what lies outside, for a reason text. */
void jb_hwmon_limits(const char *chip, enum jb_hwmon_kind kind, int64_t *lowest,
                     int64_t *highest, const char **why);

/* True when name is pattern, or begins with what precedes its '*'. */
bool jb_hwmon_matches(const char *pattern, const char *name);

#endif
