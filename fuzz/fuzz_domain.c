/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "core/domain.h"

enum { FUZZ_DOMAINS = 8 };

/* A text is the name of one domain, and that domain has no other name. */
static bool fuzz_name(const char *name, struct jb_domain *domain)
{
    static const struct jb_domain untouched = { JB_DOMAIN_GPU, 4711, 47 };
    char again[JB_DOMAIN_NAME_MAX];

    *domain = untouched;
    if (!jb_domain_parse(name, domain)) {
        fuzz_require(domain->kind == untouched.kind &&
                     domain->index == untouched.index &&
                     domain->die == untouched.die);
        return false;
    }
    fuzz_require(domain->kind > JB_DOMAIN_NONE &&
                 domain->kind <= JB_DOMAIN_LAST);
    fuzz_require(domain->die >= JB_NO_DIE);
    fuzz_require(strcmp(jb_domain_name(domain, again), name) == 0);
    return true;
}

/* Containment has no circles, and the parent is the innermost. */
static void fuzz_contain(const struct jb_domain *set, size_t count)
{
    for (size_t a = 0; a < count; a++) {
        ptrdiff_t parent = jb_domain_parent(set, count, a);

        fuzz_require(!jb_domain_contains(&set[a], &set[a]));
        fuzz_require(jb_domain_equal(&set[a], &set[a]));
        fuzz_require(parent < (ptrdiff_t)count);
        for (size_t b = 0; b < count; b++) {
            bool inside = jb_domain_contains(&set[b], &set[a]);

            fuzz_require(!inside || !jb_domain_contains(&set[a], &set[b]));
            fuzz_require(jb_domain_compare(&set[a], &set[b]) ==
                         -jb_domain_compare(&set[b], &set[a]));
            fuzz_require(!inside || parent >= 0);
            fuzz_require(!inside || !jb_domain_contains(&set[parent], &set[b]));
            for (size_t c = 0; c < count; c++)
                fuzz_require(!inside || !jb_domain_contains(&set[c], &set[b]) ||
                             jb_domain_contains(&set[c], &set[a]));
        }
    }
}

/* Lines are names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_domain set[FUZZ_DOMAINS];
    char *text = malloc(size + 1);
    size_t count = 0;
    char *rest;

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    for (char *line = strtok_r(text, "\n", &rest); line && count < FUZZ_DOMAINS;
         line = strtok_r(NULL, "\n", &rest))
        count += fuzz_name(line, &set[count]);
    fuzz_contain(set, count);
    free(text);
    return 0;
}
