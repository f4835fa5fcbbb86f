/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"

int jb_link_init(struct jb_link *link, const char *path, struct jb_error *err)
{
    *link = (struct jb_link){ .fd = -1 };
    return jb_wire_place(path, &link->place, err);
}

void jb_link_set_patience(struct jb_link *link, uint64_t ns)
{
    struct timeval wait = {
        .tv_sec = (time_t)(ns / JB_NS_PER_S),
        .tv_usec = (suseconds_t)(ns % JB_NS_PER_S / JB_NS_PER_US),
    };

    link->patience_ns = ns;
    if (link->fd < 0)
        return;
    setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
}

void jb_link_close(struct jb_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

bool jb_link_is_open(const struct jb_link *link)
{
    return link->fd >= 0 && link->owner == getpid();
}

static int link_fail_connect(const struct jb_link *link, int errnum,
                             struct jb_error *err)
{
    const char *path = link->place.sun_path;

    switch (errnum) {
    case ENOENT:
    case ECONNREFUSED:
    case ENOTDIR:
        return jb_fail(err, JB_EABSENT, "no broker listens on %s", path);
    case EACCES:
        jb_fail(err, JB_EDENIED, "this user may not connect to %s", path);
        jb_error_set_fix(err, "join the group of the socket: ls -l %s", path);
        return JB_EDENIED;
    case EAGAIN:
    case EINTR:
        return jb_fail(err, JB_EBUSY, "the broker on %s takes no connection",
                       path);
    case EPROTOTYPE:
        return jb_fail(err, JB_EFORMAT, "%s is no broker's socket", path);
    default:
        return jb_fail_errno(err, errnum, "connecting to %s", path);
    }
}

static int link_connect(struct jb_link *link, struct jb_error *err)
{
    JB_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return jb_fail_errno(err, errno, "a socket for the broker");
    link->fd = fd;
    jb_link_set_patience(link, link->patience_ns);
    link->fd = -1;
    if (connect(fd, (const struct sockaddr *)&link->place,
                sizeof(link->place)) < 0)
        return link_fail_connect(link, errno, err);
    link->fd = jb_steal_fd(&fd);
    link->owner = getpid();
    return JB_OK;
}

static int link_fail_talk(const struct jb_link *link, int errnum,
                          struct jb_error *err)
{
    const char *path = link->place.sun_path;

    switch (errnum) {
    case 0:
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
        return jb_fail(err, JB_EABSENT, "the broker on %s hung up", path);
    case EAGAIN:
    case EINTR:
        return jb_fail(err, JB_EBUSY, "the broker on %s does not answer", path);
    default:
        return jb_fail_errno(err, errnum, "talking to the broker on %s", path);
    }
}

static int link_send(struct jb_link *link, const union jb_wire_message *message,
                     uint64_t until_ns, struct jb_error *err)
{
    ssize_t sent;

    do {
        sent = send(link->fd, message, message->head.bytes, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR &&
             jb_clock_now_ns(&jb_clock_boottime) < until_ns);
    return sent < 0 ? link_fail_talk(link, errno, err) : JB_OK;
}

/* MSG_TRUNC gives the length that the message really had. */
static int link_receive(struct jb_link *link, union jb_wire_message *message,
                        uint64_t until_ns, struct jb_error *err)
{
    ssize_t got;

    do {
        got = recv(link->fd, message, sizeof(*message), MSG_TRUNC);
    } while (got < 0 && errno == EINTR &&
             jb_clock_now_ns(&jb_clock_boottime) < until_ns);
    if (got <= 0)
        return link_fail_talk(link, got < 0 ? errno : 0, err);
    return jb_wire_check(message, (size_t)got, err);
}

/* A server that hangs up at once may have said why: what it sent is still
 * there, behind the error that came first. */
static int link_last_words(struct jb_link *link, union jb_wire_message *message,
                           struct jb_error *err)
{
    ssize_t got =
        recv(link->fd, message, sizeof(*message), MSG_TRUNC | MSG_DONTWAIT);

    if (got > 0 && jb_wire_check(message, (size_t)got, NULL) == JB_OK &&
        message->head.type == JB_WIRE_ERROR)
        return jb_wire_get_error(&message->error, err);
    return JB_EABSENT;
}

int jb_link_ask(struct jb_link *link, union jb_wire_message *message,
                enum jb_wire_type want, struct jb_error *err)
{
    uint64_t until_ns = jb_clock_now_ns(&jb_clock_boottime) + link->patience_ns;
    uint32_t tag = ++link->tag;
    int rc;

    message->head.tag = tag;
    rc = link_send(link, message, until_ns, err);
    if (rc == JB_OK)
        rc = link_receive(link, message, until_ns, err);
    if (rc == JB_EABSENT)
        rc = link_last_words(link, message, err);
    if (rc == JB_OK && message->head.type == JB_WIRE_ERROR)
        return jb_wire_get_error(&message->error, err);
    if (rc == JB_OK &&
        (message->head.type != (uint16_t)want || message->head.tag != tag))
        rc = jb_fail(err, JB_EFORMAT,
                     "the broker on %s answers another "
                     "question",
                     link->place.sun_path);
    if (rc < 0)
        jb_link_close(link);
    return rc;
}

/* A process in a time namespace has a clock of its own: its instants and the
 * broker's would not fit together. */
static int link_check_clock(uint64_t before_ns, uint64_t broker_ns,
                            struct jb_error *err)
{
    if (before_ns <= broker_ns &&
        broker_ns <= jb_clock_now_ns(&jb_clock_boottime))
        return JB_OK;
    jb_fail(err, JB_EIMPLAUSIBLE,
            "the broker's clock is another: one of the two is in a time "
            "namespace");
    jb_error_set_fix(err, "run both in the same time namespace");
    return JB_EIMPLAUSIBLE;
}

static int link_greet(struct jb_link *link, union jb_wire_message *room,
                      struct jb_greeting *out, struct jb_error *err)
{
    uint64_t before_ns = jb_clock_now_ns(&jb_clock_boottime);
    int rc;

    jb_wire_begin(room, JB_WIRE_HELLO, 0, 0);
    room->hello.oldest = JB_WIRE_OLDEST;
    room->hello.newest = JB_WIRE_NEWEST;
    rc = jb_link_ask(link, room, JB_WIRE_WELCOME, err);
    if (rc < 0)
        return rc;
    if (room->welcome.version < JB_WIRE_OLDEST ||
        room->welcome.version > JB_WIRE_NEWEST ||
        room->welcome.sensors > JB_WIRE_SENSORS_MAX)
        return jb_fail(err, JB_EFORMAT,
                       "the broker on %s offers version %u and %u sensors",
                       link->place.sun_path, room->welcome.version,
                       (unsigned)room->welcome.sensors);
    rc = link_check_clock(before_ns, room->welcome.now_ns, err);
    if (rc < 0)
        return rc;
    out->sensors = room->welcome.sensors;
    out->digest = room->welcome.digest;
    memcpy(out->root, room->welcome.root, sizeof(out->root));
    return JB_OK;
}

int jb_link_open(struct jb_link *link, union jb_wire_message *room,
                 struct jb_greeting *out, struct jb_error *err)
{
    int rc;

    jb_link_close(link);
    rc = link_connect(link, err);
    if (rc == JB_OK)
        rc = link_greet(link, room, out, err);
    if (rc < 0)
        jb_link_close(link);
    return rc;
}
