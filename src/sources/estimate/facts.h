/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's trees say of a machine, as the estimate model wants it.
 *
 * What is not said stays 0 ("not known") and costs accuracy, never a guess; of
 * the facts without which the model has no answer the absence is an error.
 */
#ifndef JB_SOURCES_ESTIMATE_FACTS_H
#define JB_SOURCES_ESTIMATE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"
#include "joulebook/plugin/source.h"
#include "model.h"

struct jb_estimate_facts {
    struct jb_estimate_machine machine;
    bool hypervisor; /* the machine is virtual */
    bool gpu;        /* it has accelerators, which the model knows nothing of */
};

/*
 * Reads topology, memory, cache and TDP below roots->sysfs and roots->procfs.
 * tdp_mw is the TDP of one chip as the user knows it, or 0; it goes before the
 * kernel's, which goes before the model's table of CPUs.  JB_EABSENT when
 * packages, cores or memory are not known, with the reason; JB_ENOMEM.  *out is
 * untouched on failure.
 */
JB_NODISCARD int jb_estimate_facts_read(const struct jb_roots *roots,
                                        uint32_t tdp_mw,
                                        struct jb_estimate_facts *out,
                                        struct jb_error *err);

#endif
