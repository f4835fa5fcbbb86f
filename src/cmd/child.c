/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"

extern char **environ;

static const int child_signals[] = { SIGINT, SIGQUIT, SIGTERM,
                                     SIGHUP, SIGUSR1, SIGUSR2 };

/* What the terminal sends comes to the whole process group, the child too;
 * what another process sends comes to this one only. */
static bool child_is_from_terminal(const struct signalfd_siginfo *info)
{
    return info->ssi_code == SI_KERNEL;
}

static bool child_is_interrupt(const struct signalfd_siginfo *info)
{
    return info->ssi_signo == SIGINT || info->ssi_signo == SIGQUIT;
}

int jb_signals_open(struct jb_signals *signals, struct jb_error *err)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(child_signals) / sizeof(child_signals[0]);
         i++)
        sigaddset(&set, child_signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, &signals->before) < 0)
        return jb_fail_errno(err, errno, "blocking signals");
    signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals->fd < 0) {
        sigprocmask(SIG_SETMASK, &signals->before, NULL);
        return jb_fail_errno(err, errno, "signalfd");
    }
    return JB_OK;
}

void jb_signals_close(struct jb_signals *signals)
{
    close(signals->fd);
    sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

static bool child_take_signal(const struct jb_signals *signals,
                              struct signalfd_siginfo *info)
{
    return read(signals->fd, info, sizeof(*info)) == (ssize_t)sizeof(*info);
}

int jb_signals_next(const struct jb_signals *signals)
{
    struct signalfd_siginfo info;

    return child_take_signal(signals, &info) ? (int)info.ssi_signo : 0;
}

static int child_fail(int errnum, const char *name, struct jb_error *err)
{
    return jb_fail_errno(err, errnum, "cannot run '%s'", name);
}

int jb_child_start(char *const *argv, const struct jb_signals *signals,
                   struct jb_child *out, struct jb_error *err)
{
    struct jb_child child = { .pidfd = -1 };
    posix_spawnattr_t attributes;
    int rc = posix_spawnattr_init(&attributes);

    if (rc != 0)
        return child_fail(rc, argv[0], err);
    posix_spawnattr_setsigmask(&attributes, &signals->before);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    rc = posix_spawnp(&child.pid, argv[0], NULL, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    if (rc != 0)
        return child_fail(rc, argv[0], err);
    child.pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
    *out = child;
    return JB_OK;
}

static double child_seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void child_reap(struct jb_child *child, int options)
{
    struct rusage usage;
    pid_t got;

    do {
        got = wait4(child->pid, &child->status, options, &usage);
    } while (got < 0 && errno == EINTR);
    if (got != child->pid)
        return;
    child->ended = true;
    child->user_s = child_seconds(&usage.ru_utime);
    child->system_s = child_seconds(&usage.ru_stime);
    if (child->pidfd >= 0)
        close(child->pidfd);
    child->pidfd = -1;
}

static void child_pass_signals(struct jb_child *child,
                               const struct jb_signals *signals)
{
    struct signalfd_siginfo info;

    while (child_take_signal(signals, &info)) {
        child->interrupted |= child_is_interrupt(&info);
        if (!child_is_from_terminal(&info) && !child->ended)
            kill(child->pid, (int)info.ssi_signo);
    }
}

/* Kernels before 5.3 have no pidfd: then the child is looked at every 10 ms. */
void jb_child_wait(struct jb_child *child, const struct jb_signals *signals,
                   uint64_t until_ns)
{
    struct pollfd watched[2] = { { .fd = signals->fd, .events = POLLIN },
                                 { .fd = child->pidfd, .events = POLLIN } };
    uint64_t now_ns = jb_clock_now_ns(&jb_clock_boottime);
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec timeout;

    if (child->pidfd < 0 && left_ns > 10 * (uint64_t)JB_NS_PER_MS)
        left_ns = 10 * (uint64_t)JB_NS_PER_MS;
    timeout.tv_sec = (time_t)(left_ns / JB_NS_PER_S);
    timeout.tv_nsec = (long)(left_ns % JB_NS_PER_S);
    ppoll(watched, child->pidfd < 0 ? 1 : 2,
          until_ns == UINT64_MAX && child->pidfd >= 0 ? NULL : &timeout, NULL);
    child_reap(child, WNOHANG);
    child_pass_signals(child, signals);
}

int jb_child_exit_code(const struct jb_child *child)
{
    return WIFSIGNALED(child->status) ? 128 + WTERMSIG(child->status)
                                      : WEXITSTATUS(child->status);
}

int jb_child_signal(const struct jb_child *child)
{
    return WIFSIGNALED(child->status) ? WTERMSIG(child->status) : 0;
}

void jb_child_end_by(int number)
{
    sigset_t set;

    prctl(PR_SET_DUMPABLE, 0); /* the core that matters is the child's */
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}
