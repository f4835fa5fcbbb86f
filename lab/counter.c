/* SPDX-License-Identifier: Apache-2.0 */
#include "counter.h"

jb_lab_i128 jb_lab_load_energy_fj(const struct jb_lab_load *load,
                                  uint64_t at_ns)
{
    if (at_ns <= load->anchor_ns)
        return load->base_fj;
    return load->base_fj +
           jb_lab_wave_energy_fj(&load->wave, at_ns - load->anchor_ns);
}

void jb_lab_load_change(struct jb_lab_load *load,
                        const struct jb_lab_wave *wave, uint64_t at_ns)
{
    load->base_fj = jb_lab_load_energy_fj(load, at_ns);
    if (at_ns > load->anchor_ns)
        load->anchor_ns = at_ns;
    load->wave = *wave;
}

void jb_lab_counter_init(struct jb_lab_counter *counter,
                         const struct jb_lab_zone *zone)
{
    *counter = (struct jb_lab_counter){
        .unit = zone->unit,
        .modulus = zone->modulus,
        .origin_count = zone->start,
    };
}

jb_lab_i128 jb_lab_counter_at(const struct jb_lab_counter *counter,
                              jb_lab_i128 energy_fj)
{
    jb_lab_i128 fresh = energy_fj - counter->origin_fj;
    jb_lab_i128 den = counter->unit.den;

    if (counter->stopped)
        return counter->origin_count;
    /* Quotient and remainder apart, so that the product stays in range. */
    return counter->origin_count + fresh / den * counter->unit.num +
           fresh % den * counter->unit.num / den;
}

uint64_t jb_lab_counter_wrap(const struct jb_lab_counter *counter,
                             jb_lab_i128 count)
{
    jb_lab_i128 rest = count % counter->modulus;

    return (uint64_t)(rest < 0 ? rest + counter->modulus : rest);
}

void jb_lab_counter_set(struct jb_lab_counter *counter, jb_lab_i128 energy_fj,
                        jb_lab_i128 count)
{
    counter->origin_fj = energy_fj;
    counter->origin_count = count;
}

void jb_lab_counter_stop(struct jb_lab_counter *counter, jb_lab_i128 energy_fj)
{
    jb_lab_counter_set(counter, energy_fj,
                       jb_lab_counter_at(counter, energy_fj));
    counter->stopped = true;
}

void jb_lab_counter_start(struct jb_lab_counter *counter, jb_lab_i128 energy_fj)
{
    if (!counter->stopped)
        return;
    counter->origin_fj = energy_fj;
    counter->stopped = false;
}

uint64_t jb_lab_counter_uj(uint64_t count, const struct jb_lab_unit *shown)
{
    return (uint64_t)((jb_lab_i128)count * shown->num / shown->den);
}
