/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#include <stdbool.h>

#include "limit.h"

int jb_guests_init(struct jb_guests *guests, size_t capacity,
                   struct jb_error *err)
{
    *guests = (struct jb_guests){ .capacity = capacity };
    guests->list = calloc(capacity, sizeof(*guests->list));
    return guests->list ? JB_OK
                        : jb_fail(err, JB_ENOMEM, "%zu users", capacity);
}

void jb_guests_release(struct jb_guests *guests)
{
    free(guests->list);
    guests->list = NULL;
    guests->count = 0;
}

static bool guest_is_forgotten(const struct jb_guest *guest, uint64_t now_ns)
{
    return guest->connections == 0 &&
           jb_limit_is_fresh(guest->reads_ns, now_ns) &&
           jb_limit_is_fresh(guest->messages_ns, now_ns);
}

struct jb_guest *jb_guests_find(struct jb_guests *guests, uid_t uid,
                                uint64_t now_ns)
{
    struct jb_guest *room = NULL;

    for (size_t i = 0; i < guests->count; i++) {
        struct jb_guest *guest = &guests->list[i];

        if (guest->uid == uid)
            return guest;
        if (!room && guest_is_forgotten(guest, now_ns))
            room = guest;
    }
    if (!room && guests->count < guests->capacity)
        room = &guests->list[guests->count++];
    if (room)
        *room = (struct jb_guest){ .uid = uid };
    return room;
}
