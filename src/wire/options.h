/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section `broker` of the configuration file: where the broker is, which
 * its clients (the source broker) look at, and how it serves, which is for the
 * command broker.  One table, since one file may be read by both.
 */
#ifndef JB_WIRE_OPTIONS_H
#define JB_WIRE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "joulebook/plugin/option.h"

struct jb_broker_options {
    const char *socket;    /* NULL: JB_WIRE_SOCKET */
    const char *group;     /* of the socket, or NULL */
    const char *mode;      /* of the socket, octal; NULL: by the group */
    const char *user;      /* to become when started by root */
    const char *sources;   /* NULL: all */
    bool all;              /* also other quantities than energy and power */
    uint64_t rate;         /* reads per second and user; 0: no limit */
    uint64_t clients;      /* connections in all */
    uint64_t user_clients; /* connections of one user other than root */
};

extern const struct jb_option jb_broker_option_table[];

#endif
