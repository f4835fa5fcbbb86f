/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook broker: lets users who may not read the meters measure with them.
 */
#include <stdio.h>

#include "agent/broker.h"
#include "child.h"
#include "registry.h"

static void broker_say(const struct jb_cli *cli, const struct jb_broker *broker)
{
    if (!cli->quiet)
        fprintf(stderr, "joulebook broker: %zu sensors of %s, on %s\n",
                jb_broker_sensors(broker), jb_broker_root(broker),
                jb_broker_socket(broker));
}

/* Until a signal that ends programs; the others of the session are taken and
 * mean nothing here. */
static int broker_serve(struct jb_broker *broker,
                        const struct jb_signals *signals, struct jb_error *err)
{
    for (;;) {
        int rc = jb_broker_run(broker, signals->fd, err);
        int number = jb_signals_next(signals);

        if (rc < 0 || (number != SIGUSR1 && number != SIGUSR2))
            return rc;
    }
}

static int broker_run(const struct jb_cli *cli, const void *options, int argc,
                      char **argv, int *exit_code, struct jb_error *err)
{
    struct jb_broker_config config = { .env = &cli->env,
                                       .config = cli->config,
                                       .recorded = cli->recorded,
                                       .options = options };
    struct jb_signals signals;
    struct jb_broker *broker = NULL;
    int rc;

    (void)argc;
    (void)argv;
    (void)exit_code;
    rc = jb_signals_open(&signals, err);
    if (rc < 0)
        return rc;
    rc = jb_broker_open(&config, &broker, err);
    if (rc == JB_OK) {
        broker_say(cli, broker);
        rc = broker_serve(broker, &signals, err);
    }
    jb_broker_close(broker);
    close(signals.fd); /* the signal that was obeyed stays blocked */
    return rc;
}

const struct jb_command jb_command_broker = {
    .name = "broker",
    .summary = "let users without permission measure: serve the meters",
    .arguments = "",
    .details =
        "Started by root, it opens the meters, becomes another user, and reads "
        "them for whoever connects to its socket: stat, record and list do so "
        "by themselves where the meters may not be read.  Exact counts of all "
        "of the machine say something of what others compute "
        "(CVE-2020-8694): --rate bounds how much, --group to whom.  Runs until "
        "SIGTERM or SIGINT.  Clients may connect once it says what it serves.",
    .options = jb_broker_option_table,
    .options_size = sizeof(struct jb_broker_options),
    .run = broker_run,
};
