/* SPDX-License-Identifier: Apache-2.0 */
#include "domain.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct domain_row {
    const char *stem;
    uint64_t pmax_w;
    bool indexed; /* "package-0"; else "psys", with "-1" from the second on */
    bool may_rest;
};

/* Guessed ceilings: largest announced parts with a factor of about two
 * (500 W packages, 1000 W accelerators, 12-channel memory). */
static const struct domain_row domain_rows[] = {
    [JB_DOMAIN_NONE] = { "", 0, false, true },
    [JB_DOMAIN_PLATFORM] = { "platform", 20000, false, false },
    [JB_DOMAIN_PSYS] = { "psys", 6000, false, false },
    [JB_DOMAIN_PACKAGE] = { "package", 1000, true, false },
    [JB_DOMAIN_CORE] = { "core", 1000, true, true },
    [JB_DOMAIN_UNCORE] = { "uncore", 300, true, true },
    [JB_DOMAIN_DRAM] = { "dram", 400, true, false },
    [JB_DOMAIN_GPU] = { "gpu", 2500, true, false },
};

const char *jb_domain_name(const struct jb_domain *domain,
                           char out[JB_DOMAIN_NAME_MAX])
{
    const struct domain_row *row = &domain_rows[domain->kind];
    int used;

    if (domain->kind == JB_DOMAIN_NONE) { /* whatever index it carries */
        out[0] = '\0';
        return out;
    }
    if (row->indexed || domain->index > 0)
        used = snprintf(out, JB_DOMAIN_NAME_MAX, "%s-%u", row->stem,
                        (unsigned)domain->index);
    else
        used = snprintf(out, JB_DOMAIN_NAME_MAX, "%s", row->stem);
    if (domain->die != JB_NO_DIE)
        snprintf(out + used, JB_DOMAIN_NAME_MAX - (size_t)used, "-die-%d",
                 (int)domain->die);
    return out;
}

/* Takes "-<number>" or "-<word>-<number>" off the front of *rest. */
static bool domain_take(const char **rest, const char *lead, uint64_t max,
                        uint64_t *out)
{
    size_t length = strlen(lead);
    size_t digits;

    if (strncmp(*rest, lead, length) != 0)
        return false;
    digits = strspn(*rest + length, "0123456789");
    if (digits > 1 && (*rest)[length] == '0')
        return false;
    if (!jb_text_u64(*rest + length, digits, out) || *out > max)
        return false;
    *rest += length + digits;
    return true;
}

static bool domain_parse_rest(const struct domain_row *row, const char *rest,
                              struct jb_domain *domain)
{
    uint64_t number;

    if (domain_take(&rest, "-", UINT16_MAX, &number)) {
        if (!row->indexed && number == 0)
            return false;
        domain->index = (uint16_t)number;
    } else if (row->indexed) {
        return false;
    }
    if (domain_take(&rest, "-die-", INT16_MAX, &number))
        domain->die = (int16_t)number;
    return *rest == '\0';
}

bool jb_domain_parse(const char *name, struct jb_domain *out)
{
    for (int kind = JB_DOMAIN_NONE + 1; kind <= JB_DOMAIN_LAST; kind++) {
        const struct domain_row *row = &domain_rows[kind];
        size_t length = strlen(row->stem);
        struct jb_domain domain = { .kind = (enum jb_domain_kind)kind,
                                    .die = JB_NO_DIE };

        if (strncmp(name, row->stem, length) != 0)
            continue;
        if (!domain_parse_rest(row, name + length, &domain))
            continue;
        *out = domain;
        return true;
    }
    return false;
}

bool jb_domain_equal(const struct jb_domain *a, const struct jb_domain *b)
{
    return jb_domain_compare(a, b) == 0;
}

int jb_domain_compare(const struct jb_domain *a, const struct jb_domain *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    if (a->die != b->die)
        return a->die < b->die ? -1 : 1;
    return 0;
}

/* A die lies in the whole package, never in another die. */
static bool domain_same_place(const struct jb_domain *outer,
                              const struct jb_domain *inner)
{
    return outer->index == inner->index &&
           (outer->die == JB_NO_DIE || outer->die == inner->die);
}

bool jb_domain_contains(const struct jb_domain *outer,
                        const struct jb_domain *inner)
{
    if (outer->kind == JB_DOMAIN_NONE || inner->kind == JB_DOMAIN_NONE ||
        jb_domain_equal(outer, inner))
        return false;
    switch (outer->kind) {
    case JB_DOMAIN_PLATFORM:
        return inner->kind != JB_DOMAIN_PLATFORM;
    case JB_DOMAIN_PSYS:
        return inner->kind != JB_DOMAIN_PLATFORM &&
               inner->kind != JB_DOMAIN_PSYS && inner->kind != JB_DOMAIN_GPU;
    case JB_DOMAIN_PACKAGE:
        return (inner->kind == JB_DOMAIN_CORE ||
                inner->kind == JB_DOMAIN_UNCORE ||
                inner->kind == JB_DOMAIN_PACKAGE) &&
               domain_same_place(outer, inner);
    case JB_DOMAIN_DRAM:
    case JB_DOMAIN_CORE:
    case JB_DOMAIN_UNCORE:
        return inner->kind == outer->kind && domain_same_place(outer, inner);
    case JB_DOMAIN_NONE:
    case JB_DOMAIN_GPU:
        break;
    }
    return false;
}

ptrdiff_t jb_domain_parent(const struct jb_domain *set, size_t count, size_t of)
{
    ptrdiff_t best = -1;

    for (size_t i = 0; i < count; i++)
        if (jb_domain_contains(&set[i], &set[of]) &&
            (best < 0 || jb_domain_contains(&set[best], &set[i])))
            best = (ptrdiff_t)i;
    return best;
}

uint64_t jb_domain_guessed_pmax_uw(enum jb_domain_kind kind)
{
    return domain_rows[kind].pmax_w * UINT64_C(1000000);
}

bool jb_domain_may_rest(enum jb_domain_kind kind)
{
    return domain_rows[kind].may_rest;
}
