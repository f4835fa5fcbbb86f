/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

struct names_quantity {
    const char *name, *unit;
};

static const struct names_quantity names_quantities[] = {
    [JB_QUANTITY_ENERGY] = { "energy", "J" },
    [JB_QUANTITY_POWER] = { "power", "W" },
    [JB_QUANTITY_TEMPERATURE] = { "temperature", "degC" },
    [JB_QUANTITY_FREQUENCY] = { "frequency", "Hz" },
    [JB_QUANTITY_UTILIZATION] = { "utilization", "ratio" },
    [JB_QUANTITY_TIME] = { "time", "s" },
    [JB_QUANTITY_DATA] = { "data", "B" },
    [JB_QUANTITY_COUNT] = { "count", "1" },
    [JB_QUANTITY_VOLTAGE] = { "voltage", "V" },
    [JB_QUANTITY_CURRENT] = { "current", "A" },
    [JB_QUANTITY_ROTATION] = { "rotation", "rpm" },
};

const char *jb_quantity_name(enum jb_quantity quantity)
{
    return names_quantities[quantity].name;
}

const char *jb_quantity_unit(enum jb_quantity quantity)
{
    return names_quantities[quantity].unit;
}

const char *jb_provenance_name(enum jb_provenance provenance)
{
    static const char *const names[] = { "measured", "derived", "estimated" };

    return (unsigned)provenance <= JB_ESTIMATED ? names[provenance] : NULL;
}

const char *jb_metric_name(enum jb_metric metric)
{
    static const char *const names[] = { "power", "temperature", "frequency",
                                         "utilization" };

    return (unsigned)metric < JB_METRIC_COUNT ? names[metric] : NULL;
}

const char *jb_phase_name(enum jb_phase phase)
{
    static const char *const names[] = { "start", "read", "stop" };

    return (unsigned)phase <= JB_PHASE_STOP ? names[phase] : NULL;
}

const char *jb_kind_name(enum jb_kind kind)
{
    static const char *const names[] = { "counter", "sampled", "window-mean",
                                         "delta" };

    return names[kind];
}

const char *jb_bound_origin_name(enum jb_bound_origin origin)
{
    static const char *const names[] = { "declared", "tdp", "guessed" };

    return names[origin];
}
