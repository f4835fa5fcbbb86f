/* SPDX-License-Identifier: Apache-2.0 */
/* Why something cannot be measured here, in the words of the likeliest meter.
 */
#include <string.h>

#include "machine.h"

/* Of two reasons the one that somebody can do something about. */
static bool why_is_better(const struct jb_error *why,
                          const struct jb_error *than)
{
    if (why->status == JB_OK || why->status == JB_EREFUSED)
        return false;
    return than->status == JB_OK ||
           (than->status == JB_EABSENT && why->status != JB_EABSENT);
}

static bool why_of_sensors(const struct jb_machine *machine,
                           enum jb_domain_kind kind, uint32_t quantities,
                           struct jb_error *best, const char **origin)
{
    size_t count;
    const struct jb_machine_sensor *sensors =
        jb_machine_sensors(machine, &count);

    for (size_t i = 0; i < count; i++) {
        const struct jb_sensor *about = sensors[i].about;
        bool fits = kind == JB_DOMAIN_NONE ? sensors[i].account
                                           : about->domain.kind == kind;

        if (fits && quantities & 1U << about->unit.quantity &&
            why_is_better(&sensors[i].why, best)) {
            *best = sensors[i].why;
            *origin = about->name;
        }
    }
    return best->status != JB_OK;
}

static bool why_of_sources(const struct jb_machine *machine,
                           uint32_t quantities, struct jb_error *best,
                           const char **origin)
{
    size_t count;
    const struct jb_machine_source *sources =
        jb_machine_sources(machine, &count);

    for (size_t s = 0; s < count; s++)
        if ((!sources[s].desc || quantities & sources[s].desc->quantities) &&
            why_is_better(&sources[s].why, best)) {
            *best = sources[s].why;
            *origin = sources[s].name;
        }
    return best->status != JB_OK;
}

int jb_machine_explain(const struct jb_machine *machine,
                       enum jb_domain_kind kind, uint32_t quantities,
                       const char *what, struct jb_error *err)
{
    struct jb_error best = { .status = JB_OK };
    const char *origin = "";

    if (!why_of_sensors(machine, kind, quantities, &best, &origin) &&
        !why_of_sources(machine, quantities, &best, &origin))
        return jb_fail(err, JB_EABSENT, "%s: nothing here measures it", what);
    jb_fail(err, best.status, "%s: %s: %.160s", what, origin, best.text);
    jb_error_set_fix(err, "%s", best.fix);
    return best.status;
}
