/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share; nobody else includes it. */
#ifndef JB_MACHINE_INSIDE_H
#define JB_MACHINE_INSIDE_H

#include <pthread.h>

#include "machine.h"

/* One per watched sensor endpoint group: what the sampler hands back. */
struct jb_machine {
    const struct jb_env *env;
    struct jb_machine_source *sources;
    struct jb_machine_sensor *sensors;
    struct jb_machine_domain *domains;
    size_t source_count, sensor_count, domain_count;

    pthread_mutex_t lock; /* guards the meters while lanes run */
    struct jb_sampler *sampler;
    uint64_t shortest_ns; /* of the periods of all feeds */
    uint64_t cut_ns;      /* when the last cut asked for readings */
    struct jb_machine_watch watch;
    struct jb_machine_news *news; /* scratch, one per sensor */
    uint32_t *which;              /* scratch, one per sensor */
};

/* Picks a sensor for each domain from the states that are known now. */
void jb_machine_choose(struct jb_machine *machine);

/* Of a sensor that can be read directly and through a relay, leaves the first:
 * both are one meter, and no check of one another. */
void jb_machine_match_relays(struct jb_machine *machine);

/* Frees the meters and the sampler of the last watch. */
void jb_machine_drop_watch(struct jb_machine *machine);

#endif
