/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's half of the protocol: from one message to its answer.
 *
 * Pure but for the counting of limits, so that it can be fuzzed: no socket, no
 * meter, no clock of its own.  Who owns sockets and meters is broker.c.
 */
#ifndef JB_AGENT_SERVICE_H
#define JB_AGENT_SERVICE_H

#include <stdbool.h>

#include "guest.h"
#include "limit.h"
#include "wire/wire.h"

/* What is served, and how much of it. */
struct jb_service {
    const struct jb_wire_sensor *sensors; /* borrowed */
    size_t count;
    uint64_t digest;
    const char *root; /* borrowed */
    uint64_t reads_per_s;
    struct jb_limit reads;    /* of one user */
    struct jb_limit messages; /* of one user: what answering costs */
    uint64_t round;           /* number of the reading that is ordered next */
};

/* A client that is connected. */
struct jb_peer {
    int fd; /* -1: nobody */
    struct jb_guest *guest;
    bool root;           /* no limits */
    uint16_t version;    /* 0: has not said hello */
    uint64_t active_ns;  /* when it last said or took something */
    uint64_t resume_ns;  /* not listened to before */
    uint64_t seen;       /* of jb_meters_take() */
    bool reading;        /* waits for the reading below */
    uint32_t tag, count; /* of it */
    uint64_t since_ns;
    uint32_t which[JB_WIRE_READ_MAX];
    union jb_wire_message *unsent; /* a reply that it does not take, or NULL */
    bool leaving;                  /* closed once it has its reply */
};

enum jb_answer {
    JB_ANSWER_NOW,   /* the message has become the reply */
    JB_ANSWER_LAST,  /* the same, and then the connection is closed */
    JB_ANSWER_LATER, /* the peer waits for a reading */
};

/* digest and limits from the rest; sensors and root stay borrowed. */
void jb_service_init(struct jb_service *service,
                     const struct jb_wire_sensor *sensors, size_t count,
                     const char *root, uint64_t reads_per_s);

/* Takes what was received from the peer, `bytes` long (more than fits when it
 * was cut), and makes the answer in its place. */
enum jb_answer jb_service_take(struct jb_service *service, struct jb_peer *peer,
                               union jb_wire_message *message, size_t bytes,
                               uint64_t now_ns);

/* Makes an ERROR of *message. */
void jb_service_fail(union jb_wire_message *message, uint32_t tag,
                     const struct jb_error *err);

#endif
