/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains and their containment: platform > psys > package > core, uncore;
 * dram beside the package; gpu beside the board.  This is what keeps a joule
 * from being counted twice.
 */
#ifndef JB_CORE_DOMAIN_H
#define JB_CORE_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"
#include "joulebook/plugin/sensor.h"

enum { JB_DOMAIN_NAME_MAX = 32 };

/* "package-0", "package-0-die-1", "dram-0", "psys", "psys-1", "platform";
 * "" for JB_DOMAIN_NONE.  Returns out. */
const char *jb_domain_name(const struct jb_domain *domain,
                           char out[JB_DOMAIN_NAME_MAX]);

/* The inverse.  False, with *out untouched, for what jb_domain_name() does not
 * write ("package-00", "psys-0"): a domain has one name. */
JB_NODISCARD bool jb_domain_parse(const char *name, struct jb_domain *out);

bool jb_domain_equal(const struct jb_domain *a, const struct jb_domain *b);

/* Order for tables: outermost first, then by package and die. */
int jb_domain_compare(const struct jb_domain *a, const struct jb_domain *b);

/* True when every joule of inner is also a joule of outer. */
bool jb_domain_contains(const struct jb_domain *outer,
                        const struct jb_domain *inner);

/* Index of the smallest domain of the set that contains set[of]; -1 if none. */
ptrdiff_t jb_domain_parent(const struct jb_domain *set, size_t count,
                           size_t of);

/* A power that no such domain of any machine on the market reaches, in uW.
 * It bounds what is impossible when the tree declares nothing. */
uint64_t jb_domain_guessed_pmax_uw(enum jb_domain_kind kind);

/* True when a still counter is no fault: an idle integrated GPU, cores in deep
 * sleep.  A package, memory or a board always draw something. */
bool jb_domain_may_rest(enum jb_domain_kind kind);

#endif
