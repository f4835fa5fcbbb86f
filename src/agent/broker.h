/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker: reads meters for those who may not, over the client protocol.
 *
 * One thread serves all clients and waits for none of them: each has at most
 * one question and one reply, what it does too often is refused, and who does
 * not take his reply loses his connection.  Meters are read by lanes.
 */
#ifndef JB_AGENT_BROKER_H
#define JB_AGENT_BROKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/config.h"
#include "base/own.h"
#include "joulebook/plugin/source.h"
#include "wire/options.h"

struct jb_broker;

struct jb_broker_config {
    const struct jb_env *env;       /* borrowed while it is open */
    const struct jb_config *config; /* the same; may be NULL */
    bool recorded; /* counters stand still: refused, once options are right */
    const struct jb_broker_options *options; /* the same */
};

/* Opens meters and socket, gives up root, starts the lanes: clients may
 * connect when it returns.  Before any other thread.  JB_EUSAGE, JB_EABSENT
 * (nothing to serve), and what doors and privileges fail with. */
JB_NODISCARD int jb_broker_open(const struct jb_broker_config *config,
                                struct jb_broker **out, struct jb_error *err);

/* Serves until stop_fd is readable. */
JB_NODISCARD int jb_broker_run(struct jb_broker *broker, int stop_fd,
                               struct jb_error *err);

/* Accepts NULL. */
void jb_broker_close(struct jb_broker *broker);

/* How many sensors are served, and of which root; for messages. */
size_t jb_broker_sensors(const struct jb_broker *broker);
const char *jb_broker_root(const struct jb_broker *broker);
const char *jb_broker_socket(const struct jb_broker *broker);

#endif
