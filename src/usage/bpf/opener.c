/* SPDX-License-Identifier: Apache-2.0 */
#include "opener.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/module.h"

/* The verifier takes a tenth of that on a loaded machine. */
enum { OPENER_PATIENCE_MS = 10000 };

/* What the child says: how it went, and with JB_OK the descriptors. */
struct opener_answer {
    int status;
    struct jb_error error;
};

union opener_control {
    struct cmsghdr align;
    char room[CMSG_SPACE(JB_BPF_FDS * sizeof(int))];
};

static void opener_send(int to, const struct opener_answer *answer,
                        const int fds[JB_BPF_FDS])
{
    struct iovec part = { (void *)(uintptr_t)answer, sizeof(*answer) };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    union opener_control control = { 0 };

    if (answer->status == JB_OK) {
        struct cmsghdr *rights;

        message.msg_control = control.room;
        message.msg_controllen = sizeof(control.room);
        rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(JB_BPF_FDS * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, JB_BPF_FDS * sizeof(int));
    }
    (void)!sendmsg(to, &message, MSG_NOSIGNAL);
}

/* Does not return.  Signals are left to the parent's handlers no more. */
__attribute__((noreturn)) static void
opener_child(const struct jb_bpf_setup *setup, int to)
{
    struct opener_answer answer = { .status = JB_EABSENT };
    const void *descriptor = NULL;
    int fds[JB_BPF_FDS];

    answer.status =
        jb_module_load("bpf", JB_MODULE_USAGE, &descriptor, &answer.error);
    if (answer.status == JB_OK)
        answer.status = ((const struct jb_bpf_loader *)descriptor)
                            ->load(setup, fds, &answer.error);
    opener_send(to, &answer, fds);
    _exit(0);
}

/* JB_OK when the child answered, whatever it said. */
static int opener_receive(int from, struct opener_answer *answer,
                          int fds[JB_BPF_FDS], struct jb_error *err)
{
    struct pollfd wait = { .fd = from, .events = POLLIN };
    struct iovec part = { answer, sizeof(*answer) };
    union opener_control control = { 0 };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.room,
                              .msg_controllen = sizeof(control.room) };
    const struct cmsghdr *rights;
    int ready;

    do {
        ready = poll(&wait, 1, OPENER_PATIENCE_MS);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0 ||
        recvmsg(from, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*answer))
        return jb_fail(err, JB_EBUSY,
                       "the child that loads BPF programs did not answer");
    rights = CMSG_FIRSTHDR(&message);
    if (rights && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(JB_BPF_FDS * sizeof(int)))
        memcpy(fds, CMSG_DATA(rights), JB_BPF_FDS * sizeof(int));
    else if (answer->status == JB_OK)
        return jb_fail(err, JB_EIO, "no descriptors came with the answer");
    return JB_OK;
}

/* It has answered, or it never will. */
static void opener_reap(pid_t child)
{
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

int jb_bpf_open(const struct jb_bpf_setup *setup, int fds[JB_BPF_FDS],
                struct jb_error *err)
{
    struct opener_answer answer = { 0 };
    int pair[2];
    pid_t child;
    int rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return jb_fail_errno(err, errno, "a socket pair");
    child = fork();
    if (child == 0)
        opener_child(setup, pair[1]);
    close(pair[1]);
    if (child < 0) {
        rc = jb_fail_errno(err, errno, "a child to load BPF programs");
        close(pair[0]);
        return rc;
    }
    rc = opener_receive(pair[0], &answer, fds, err);
    opener_reap(child);
    close(pair[0]);
    if (rc == JB_OK && answer.status < 0 && err)
        *err = answer.error;
    return rc == JB_OK ? answer.status : rc;
}
