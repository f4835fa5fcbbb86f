/* SPDX-License-Identifier: Apache-2.0 */
/* The words that users, JSON and CSV see for the enums of sensor.h. */
#ifndef JB_CORE_NAMES_H
#define JB_CORE_NAMES_H

#include "joulebook/monitor.h"
#include "joulebook/plugin/sensor.h"
#include "joulebook/provenance.h"
#include "joulebook/reading.h"

/* "energy", "power", ... */
const char *jb_quantity_name(enum jb_quantity quantity);

/* The unit that values are printed in: "J", "W", "degC", "Hz", "ratio", "s",
 * "B", "1", "V", "A", "rpm". */
const char *jb_quantity_unit(enum jb_quantity quantity);

/* Words of public enums: joulebook/provenance.h, reading.h and monitor.h. */

/* "counter", "sampled", "window-mean", "delta". */
const char *jb_kind_name(enum jb_kind kind);

/* "declared", "tdp", "guessed". */
const char *jb_bound_origin_name(enum jb_bound_origin origin);

#endif
