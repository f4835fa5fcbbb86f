/* SPDX-License-Identifier: Apache-2.0 */
/*
 * So many per second, and a burst of them: one number per user and limit.
 *
 * The number is the instant up to which the user has spent its share (GCRA):
 * nothing has to be refilled, and a user that was away for a while is like one
 * that was never there.  Pure.
 */
#ifndef JB_AGENT_LIMIT_H
#define JB_AGENT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct jb_limit {
    uint64_t period_ns; /* between two at the lasting rate; 0: no limit */
    uint64_t burst;     /* at once, at least 1 */
};

/* per_s 0 is no limit. */
struct jb_limit jb_limit_make(uint64_t per_s, uint64_t burst);

/* Takes one, if there is one. */
bool jb_limit_take(const struct jb_limit *limit, uint64_t *spent_ns,
                   uint64_t now_ns);

/* When the next can be taken; not after now_ns when one can be already. */
uint64_t jb_limit_next_ns(const struct jb_limit *limit, uint64_t spent_ns);

/* Whether nothing is left of what was spent. */
bool jb_limit_is_fresh(uint64_t spent_ns, uint64_t now_ns);

#endif
