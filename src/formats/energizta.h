/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a line of energizta.sh 0.5, for those who write and read it. */
#ifndef JB_FORMATS_ENERGIZTA_H
#define JB_FORMATS_ENERGIZTA_H

#include "format.h"

#define JB_ENERGIZTA_VERSION "0.5"
#define JB_ENERGIZTA_INTERVAL "interval_us"
#define JB_ENERGIZTA_TIMESTAMP "timestamp"
#define JB_ENERGIZTA_DURATION "duration_us"
#define JB_ENERGIZTA_STATES "nb_states"
#define JB_ENERGIZTA_POWERS "powers"
#define JB_ENERGIZTA_VERSION_KEY "energizta_version"

/* A power of numbered devices: <stem><index>_watt; total sums what is printed
 * of them, together with the others of the same total. */
struct jb_energizta_power {
    const char *stem;
    enum jb_domain_kind kind;
    const char *total;
};

enum { JB_ENERGIZTA_POWERS_COUNT = 3 };
extern const struct jb_energizta_power
    jb_energizta_powers[JB_ENERGIZTA_POWERS_COUNT];

/* A power of the whole node, from the meter whose path begins so. */
struct jb_energizta_node {
    const char *key;
    const char *path;
};

enum { JB_ENERGIZTA_NODES_COUNT = 5 };
extern const struct jb_energizta_node
    jb_energizta_nodes[JB_ENERGIZTA_NODES_COUNT];

/* What the machine did: the keys before "powers". */
struct jb_energizta_states;

JB_NODISCARD int jb_energizta_states_open(const struct jb_format_setup *setup,
                                          struct jb_energizta_states **out,
                                          struct jb_error *err);

/* Keeps a reading for the next line. */
void jb_energizta_states_add(struct jb_energizta_states *states,
                             const struct jb_format_reading *reading);

/* Writes "key": value, for each that is known, sorted. */
void jb_energizta_states_put(struct jb_energizta_states *states,
                             struct jb_recording *file);

/* Accepts NULL. */
void jb_energizta_states_close(struct jb_energizta_states *states);

#endif
