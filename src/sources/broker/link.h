/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's end of the protocol: one connection, one question at a time.
 *
 * Nothing here waits for longer than the link's patience (plus what a signal
 * handler takes), allocates, or formats when it is given no error object, so
 * that a source's sample() may use it.  Not thread-safe.
 */
#ifndef JB_SOURCES_BROKER_LINK_H
#define JB_SOURCES_BROKER_LINK_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "wire/wire.h"

struct jb_link {
    int fd;      /* -1: not connected */
    pid_t owner; /* the process that connected: a child has its own link */
    uint32_t tag;
    uint64_t patience_ns;
    struct sockaddr_un place;
};

/* What a server said of itself. */
struct jb_greeting {
    uint32_t sensors;
    uint64_t digest;
    char root[JB_WIRE_ROOT_MAX];
};

/* Not connected yet.  JB_EUSAGE when the path does not fit in an address. */
JB_NODISCARD int jb_link_init(struct jb_link *link, const char *path,
                              struct jb_error *err);

/* For connecting, sending and receiving, each. */
void jb_link_set_patience(struct jb_link *link, uint64_t ns);

/* Connects and greets.  JB_EABSENT: nobody listens; JB_EDENIED; JB_EBUSY: no
 * answer in time; JB_EREFUSED: another version; JB_EIMPLAUSIBLE: another
 * clock; JB_EFORMAT: not a broker. */
JB_NODISCARD int jb_link_open(struct jb_link *link, union jb_wire_message *room,
                              struct jb_greeting *out, struct jb_error *err);

/* Accepts one that is not connected. */
void jb_link_close(struct jb_link *link);

/* True when this process may talk on it. */
bool jb_link_is_open(const struct jb_link *link);

/*
 * Sends the request that jb_wire_begin() began in *message, and receives the
 * reply of the wanted type in its place.  An ERROR reply is its status, and the
 * link stays; anything else that is not the reply closes it: JB_EABSENT when
 * the server closed, JB_EBUSY when it did not answer, JB_EFORMAT.
 */
JB_NODISCARD int jb_link_ask(struct jb_link *link,
                             union jb_wire_message *message,
                             enum jb_wire_type want, struct jb_error *err);

#endif
