/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command as if it had been started directly: same terminal, same
 * process group, its signals and its exit code passed through.
 */
#ifndef JB_CMD_CHILD_H
#define JB_CMD_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/own.h"
#include "joulebook/error.h"

struct jb_child {
    pid_t pid;
    int pidfd; /* readable when it has ended */
    bool ended;
    bool interrupted;        /* SIGINT or SIGQUIT came while it ran */
    int status;              /* of waitpid(), once ended */
    double user_s, system_s; /* of it and the children it waited for */
};

/* The signals that a session receives while a child runs, SIGINT, SIGQUIT,
 * SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2, are handed on to it, but for those from
 * the terminal, which come to the child as well.  Process-wide. */
struct jb_signals {
    sigset_t before;
    int fd; /* signalfd */
};

/* Blocks them and opens the descriptor; before any thread starts. */
JB_NODISCARD int jb_signals_open(struct jb_signals *signals,
                                 struct jb_error *err);
void jb_signals_close(struct jb_signals *signals);

/* The next pending one without waiting, or 0. */
int jb_signals_next(const struct jb_signals *signals);

/* Starts argv[0] with the signal mask as it was before jb_signals_open().
 * JB_EABSENT: no such command; JB_EDENIED: not executable. */
JB_NODISCARD int jb_child_start(char *const *argv,
                                const struct jb_signals *signals,
                                struct jb_child *out, struct jb_error *err);

/* Waits until the child has ended, a signal came, or the instant (of
 * CLOCK_BOOTTIME; UINT64_MAX: never) has passed.  Hands signals on. */
void jb_child_wait(struct jb_child *child, const struct jb_signals *signals,
                   uint64_t until_ns);

/* Exit code as a shell gives it: the child's own, or 128 + its signal. */
int jb_child_exit_code(const struct jb_child *child);

/* The signal that ended it, or 0. */
int jb_child_signal(const struct jb_child *child);

/* Ends this program by the signal that ended a child, without a core. */
void jb_child_end_by(int number);

#endif
