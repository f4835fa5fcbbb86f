/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile.h"

#include "core/domain.h"

/* Whether a part lies in the whole, and in no other part of it. */
static bool reconcile_is_outermost(const struct jb_reconcile_part *whole,
                                   const struct jb_reconcile_part *parts,
                                   size_t count, size_t i)
{
    if (!jb_domain_contains(&whole->domain, &parts[i].domain))
        return false;
    for (size_t k = 0; k < count; k++)
        if (jb_domain_contains(&whole->domain, &parts[k].domain) &&
            jb_domain_contains(&parts[k].domain, &parts[i].domain))
            return false;
    return true;
}

/* A gap of a part may have been the part's energy, which the rest then has too
 * much of: it counts on the lower side. */
static void reconcile_take_off(struct jb_book_point *rest,
                               const struct jb_book_point *part)
{
    rest->energy = jb_energy_sub(rest->energy, part->energy);
    rest->edge_uj += part->edge_uj;
    rest->below_uj += part->above_uj + part->gap_uj;
    rest->above_uj += part->below_uj;
    rest->variance_uj2 += part->variance_uj2;
}

bool jb_reconcile_rest(const struct jb_reconcile_part *whole,
                       const struct jb_reconcile_part *parts, size_t count,
                       struct jb_book_point *out)
{
    struct jb_book_point rest = whole->point;
    size_t taken = 0;

    if (!whole->known)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!reconcile_is_outermost(whole, parts, count, i))
            continue;
        if (!parts[i].known)
            return false;
        reconcile_take_off(&rest, &parts[i].point);
        taken++;
    }
    if (taken == 0)
        return false;
    *out = rest;
    return true;
}
