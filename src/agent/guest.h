/* SPDX-License-Identifier: Apache-2.0 */
/* Users that are or were connected, by uid: what each may do is counted here
 * and not per connection, so that hanging up and coming back gains nothing. */
#ifndef JB_AGENT_GUEST_H
#define JB_AGENT_GUEST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/own.h"
#include "joulebook/error.h"

struct jb_guest {
    uid_t uid;
    uint32_t connections;
    uint64_t reads_ns;    /* spent of the limit of readings */
    uint64_t messages_ns; /* and of that of messages */
    uint64_t paid_round;  /* the reading that this one is paid for */
};

struct jb_guests {
    struct jb_guest *list; /* stays where it is: guests are pointed to */
    size_t count, capacity;
};

/* JB_ENOMEM. */
JB_NODISCARD int jb_guests_init(struct jb_guests *guests, size_t capacity,
                                struct jb_error *err);
void jb_guests_release(struct jb_guests *guests);

/* The user's entry, made when there was none; NULL when the room is full of
 * others that are connected or have not yet made up for what they spent. */
struct jb_guest *jb_guests_find(struct jb_guests *guests, uid_t uid,
                                uint64_t now_ns);

#endif
