/* SPDX-License-Identifier: Apache-2.0 */
#include "limit.h"

#include "base/clock.h"

struct jb_limit jb_limit_make(uint64_t per_s, uint64_t burst)
{
    return (struct jb_limit){
        .period_ns = per_s ? JB_NS_PER_S / per_s : 0,
        .burst = burst ? burst : 1,
    };
}

uint64_t jb_limit_next_ns(const struct jb_limit *limit, uint64_t spent_ns)
{
    uint64_t ahead_ns = (limit->burst - 1) * limit->period_ns;

    return spent_ns > ahead_ns ? spent_ns - ahead_ns : 0;
}

bool jb_limit_take(const struct jb_limit *limit, uint64_t *spent_ns,
                   uint64_t now_ns)
{
    if (limit->period_ns == 0)
        return true;
    if (jb_limit_next_ns(limit, *spent_ns) > now_ns)
        return false;
    if (*spent_ns < now_ns)
        *spent_ns = now_ns;
    *spent_ns += limit->period_ns;
    return true;
}

bool jb_limit_is_fresh(uint64_t spent_ns, uint64_t now_ns)
{
    return spent_ns <= now_ns;
}
