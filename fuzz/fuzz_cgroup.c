/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "identity/owner.h"

enum { FUZZ_CONSUMERS = 6 };

static size_t fuzz_lines(struct jb_word rest)
{
    struct jb_cgroup_line line;
    size_t count = 0;

    for (; jb_cgroup_next(&rest, &line); count++) {
        fuzz_require(line.path.length > 0 && line.path.at[0] == '/');
        fuzz_require(jb_cgroup_has(&line, "") == (line.hierarchy == 0));
        (void)jb_cgroup_has(&line, "cpuacct");
    }
    return count;
}

/* Whoever it is, he is interned or folded, and leaves nothing behind. */
static void fuzz_owner(const struct jb_identity *identity)
{
    struct jb_consumers *set = NULL;
    struct jb_owner owner;

    if (jb_consumers_new(FUZZ_CONSUMERS, &set, NULL) < 0)
        return;
    jb_owner_init(set, identity, 1, &owner);
    fuzz_require(jb_consumers_count(set) <= FUZZ_CONSUMERS + JB_CONSUMER_FIXED);
    fuzz_require((owner.job != JB_CONSUMER_NONE) ==
                 (identity->scheduler != JB_SCHEDULER_NONE));
    fuzz_require(owner.leaf == JB_CONSUMER_NONE ||
                 jb_consumers_get(set, owner.leaf));
    for (uint32_t id = 0; id < jb_consumers_bound(set); id++)
        jb_consumers_died(set, id, 2);
    jb_owner_release(set, &owner);
    fuzz_require(jb_consumers_count(set) == JB_CONSUMER_FIXED);
    jb_consumers_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    size_t lines = fuzz_lines((struct jb_word){ text, size });
    struct jb_cgroup_line line = { 0 };
    struct jb_identity identity;
    bool found = jb_identity_of_file(text, size, &identity, &line);

    fuzz_require(found == (lines > 0));
    fuzz_require(found || identity.unit.length == 0);
    fuzz_require(identity.unit.length == 0 ||
                 (identity.unit.at >= line.path.at &&
                  identity.unit.at + identity.unit.length <=
                      line.path.at + line.path.length));
    fuzz_owner(&identity);
    return 0;
}
