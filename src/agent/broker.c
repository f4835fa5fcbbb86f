/* SPDX-License-Identifier: Apache-2.0 */
#include "broker.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "door.h"
#include "meters.h"
#include "privilege.h"
#include "service.h"

enum {
    BROKER_FOR_ROOT = 8,   /* connections that nobody else can take */
    BROKER_ACCEPTS = 16,   /* in a row, then those inside have their turn */
    BROKER_OTHER_FDS = 64, /* descriptors besides those of clients */
    BROKER_SEND_BUFFER = 32768, /* replies in the kernel, per connection */
    BROKER_STOP = 0,            /* places in the poll list */
    BROKER_NEWS,
    BROKER_DOOR,
    BROKER_PEERS,
};

static const uint64_t broker_hello_ns = 5 * (uint64_t)JB_NS_PER_S;
static const uint64_t broker_unsent_ns = 5 * (uint64_t)JB_NS_PER_S;
static const uint64_t broker_idle_ns = 600 * (uint64_t)JB_NS_PER_S;
static const uint64_t broker_pause_ns = 100 * (uint64_t)JB_NS_PER_MS;

struct jb_broker {
    const struct jb_broker_options *options;
    const struct jb_clock *clock;
    struct jb_meters *meters;
    struct jb_door door;
    struct jb_guests guests;
    struct jb_service service;
    struct jb_peer *peers;
    struct pollfd *polls;
    size_t capacity, connected;
    size_t used;             /* peers behind it are nobody */
    uint64_t door_resume_ns; /* when connections cannot be taken */
    bool wanted;             /* somebody waits for a reading not yet ordered */
    char root[PATH_MAX];
    union jb_wire_message message; /* the one that is being dealt with */
};

void jb_broker_close(struct jb_broker *broker)
{
    if (!broker)
        return;
    for (size_t i = 0; broker->peers && i < broker->capacity; i++) {
        if (broker->peers[i].fd >= 0)
            close(broker->peers[i].fd);
        free(broker->peers[i].unsent);
    }
    jb_door_close(&broker->door);
    jb_meters_close(broker->meters);
    jb_guests_release(&broker->guests);
    free(broker->peers);
    free(broker->polls);
    free(broker);
}

size_t jb_broker_sensors(const struct jb_broker *broker)
{
    return broker->service.count;
}

const char *jb_broker_root(const struct jb_broker *broker)
{
    return broker->root;
}

const char *jb_broker_socket(const struct jb_broker *broker)
{
    return broker->door.place.sun_path;
}

static int broker_mode(const char *text, mode_t *out, struct jb_error *err)
{
    size_t digits = strspn(text, "01234567");
    mode_t mode = 0;

    if (digits == 0 || digits > 4 || text[digits])
        return jb_fail(err, JB_EUSAGE,
                       "--mode: '%s' is not permissions such as 0660", text);
    for (size_t i = 0; i < digits; i++)
        mode = mode * 8 + (mode_t)(text[i] - '0');
    if (mode > 0777)
        return jb_fail(err, JB_EUSAGE, "--mode: %s is above 0777", text);
    *out = mode;
    return JB_OK;
}

static int broker_door_config(const struct jb_broker_options *options,
                              struct jb_door_config *out, struct jb_error *err)
{
    int rc = JB_OK;

    *out = (struct jb_door_config){
        .path = options->socket ? options->socket : JB_WIRE_SOCKET,
        .mode = options->group ? 0660 : 0666,
        .group = (gid_t)-1,
    };
    if (options->group)
        rc = jb_privilege_find_group(options->group, &out->group, err);
    if (rc == JB_OK && options->mode)
        rc = broker_mode(options->mode, &out->mode, err);
    return rc;
}

/* A descriptor for each client: the system may allow fewer by default. */
static int broker_allow_descriptors(size_t clients, struct jb_error *err)
{
    struct rlimit limit;
    rlim_t wanted = clients + BROKER_OTHER_FDS;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return jb_fail_errno(err, errno, "the limit of open files");
    if (limit.rlim_cur >= wanted)
        return JB_OK;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return JB_OK;
    jb_fail(err, JB_ELIMIT, "%zu clients need %llu open files", clients,
            (unsigned long long)wanted);
    jb_error_set_fix(err, "ulimit -n %llu, or fewer --clients",
                     (unsigned long long)wanted);
    return JB_ELIMIT;
}

static int broker_allocate(struct jb_broker *broker, struct jb_error *err)
{
    size_t capacity = broker->options->clients;
    int rc = broker_allow_descriptors(capacity, err);

    if (rc == JB_OK)
        rc = jb_guests_init(&broker->guests, capacity, err);
    if (rc < 0)
        return rc;
    broker->peers = calloc(capacity, sizeof(*broker->peers));
    broker->polls = calloc(capacity + BROKER_PEERS, sizeof(*broker->polls));
    if (!broker->peers || !broker->polls)
        return jb_fail(err, JB_ENOMEM, "%zu clients", capacity);
    broker->capacity = capacity;
    for (size_t i = 0; i < capacity; i++)
        broker->peers[i].fd = -1;
    return JB_OK;
}

static int broker_open_meters(struct jb_broker *broker,
                              const struct jb_broker_config *config,
                              struct jb_error *err)
{
    struct jb_meters_config meters = {
        .env = config->env,
        .config = config->config,
        .sources = config->options->sources,
        .all = config->options->all,
    };
    const struct jb_wire_sensor *sensors;
    size_t count;
    int rc;

    if (!realpath(config->env->roots->sysfs, broker->root))
        return jb_fail_errno(err, errno, "%s", config->env->roots->sysfs);
    rc = jb_meters_open(&meters, &broker->meters, err);
    if (rc < 0)
        return rc;
    sensors = jb_meters_sensors(broker->meters, &count);
    jb_service_init(&broker->service, sensors, count, broker->root,
                    config->options->rate);
    return JB_OK;
}

/* Root is given up between the last thing that needs it, the socket, and the
 * first thread, which would keep it. */
static int broker_set_up(struct jb_broker *broker,
                         const struct jb_broker_config *config,
                         struct jb_error *err)
{
    struct jb_door_config door;
    uid_t uid = 0;
    gid_t gid = 0;
    int rc = broker_door_config(config->options, &door, err);

    if (rc == JB_OK)
        rc = jb_privilege_find_user(config->options->user, &uid, &gid, err);
    if (rc == JB_OK)
        rc = broker_open_meters(broker, config, err);
    if (rc == JB_OK && config->recorded)
        rc = jb_fail(err, JB_EREFUSED,
                     "a recording is not served: its counters stand still");
    if (rc == JB_OK)
        rc = broker_allocate(broker, err);
    if (rc == JB_OK)
        rc = jb_door_open(&door, &broker->door, err);
    if (rc == JB_OK)
        rc = jb_privilege_drop(uid, gid, err);
    if (rc == JB_OK)
        rc = jb_meters_start(broker->meters, err);
    return rc;
}

int jb_broker_open(const struct jb_broker_config *config,
                   struct jb_broker **out, struct jb_error *err)
{
    struct jb_broker *broker = calloc(1, sizeof(*broker));
    int rc;

    if (!broker)
        return jb_fail(err, JB_ENOMEM, "a broker");
    broker->options = config->options;
    broker->clock = config->env->clock;
    broker->door.fd = -1;
    broker->door.lock = -1;
    rc = broker_set_up(broker, config, err);
    if (rc < 0) {
        jb_broker_close(broker);
        return rc;
    }
    *out = broker;
    return JB_OK;
}

static void broker_hang_up(struct jb_broker *broker, struct jb_peer *peer)
{
    close(peer->fd);
    free(peer->unsent);
    peer->guest->connections--;
    broker->connected--;
    *peer = (struct jb_peer){ .fd = -1 };
    while (broker->used > 0 && broker->peers[broker->used - 1].fd < 0)
        broker->used--;
}

/* Sends what is in broker->message, or keeps it until the peer takes it. */
static void broker_reply(struct jb_broker *broker, struct jb_peer *peer,
                         bool last, uint64_t now_ns)
{
    size_t bytes = broker->message.head.bytes;
    ssize_t sent =
        send(peer->fd, &broker->message, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

    peer->active_ns = now_ns;
    peer->leaving = last;
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        peer->unsent = malloc(bytes);
        if (peer->unsent) {
            memcpy(peer->unsent, &broker->message, bytes);
            return;
        }
    }
    if (sent < 0 || last)
        broker_hang_up(broker, peer);
}

static void broker_send_again(struct jb_broker *broker, struct jb_peer *peer,
                              uint64_t now_ns)
{
    size_t bytes = peer->unsent->head.bytes;
    ssize_t sent =
        send(peer->fd, peer->unsent, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    free(peer->unsent);
    peer->unsent = NULL;
    peer->active_ns = now_ns;
    if (sent < 0 || peer->leaving)
        broker_hang_up(broker, peer);
}

static void broker_receive(struct jb_broker *broker, struct jb_peer *peer,
                           uint64_t turn_ns)
{
    ssize_t got = recv(peer->fd, &broker->message, sizeof(broker->message),
                       MSG_DONTWAIT | MSG_TRUNC);
    /* A reading counts that begins after the question, not after the turn. */
    uint64_t now_ns = got > 0 ? jb_clock_now_ns(broker->clock) : turn_ns;
    enum jb_answer answer;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        broker_hang_up(broker, peer);
        return;
    }
    answer = jb_service_take(&broker->service, peer, &broker->message,
                             (size_t)got, now_ns);
    if (answer == JB_ANSWER_LATER)
        broker->wanted = true;
    else
        broker_reply(broker, peer, answer == JB_ANSWER_LAST, now_ns);
}

static struct jb_reading broker_reading(const struct jb_peer *peer)
{
    return (struct jb_reading){ .which = peer->which,
                                .count = peer->count,
                                .since_ns = peer->since_ns,
                                .seen = peer->seen };
}

/* When the peer's reading is over, one way or the other: 0 is now. */
static uint64_t broker_reading_ends_ns(struct jb_broker *broker,
                                       const struct jb_peer *peer)
{
    struct jb_reading reading = broker_reading(peer);

    return jb_meters_wait_ns(broker->meters, &reading);
}

static void broker_answer_reading(struct jb_broker *broker,
                                  struct jb_peer *peer, uint64_t now_ns)
{
    struct jb_reading reading = broker_reading(peer);
    struct jb_wire_samples *samples = &broker->message.samples;

    if (broker_reading_ends_ns(broker, peer) > now_ns)
        return;
    jb_wire_begin(&broker->message, JB_WIRE_SAMPLES, peer->tag, peer->count);
    peer->seen =
        jb_meters_take(broker->meters, &reading, now_ns, samples->list);
    peer->reading = false;
    broker_reply(broker, peer, false, now_ns);
}

/* Why this user may not connect; JB_OK if it may. */
static int broker_check_guest(const struct jb_broker *broker,
                              const struct jb_guest *guest, uid_t uid,
                              struct jb_error *err)
{
    size_t room = broker->capacity;

    if (uid != 0 && room / 2 > BROKER_FOR_ROOT)
        room -= BROKER_FOR_ROOT;
    if (!guest || broker->connected >= room)
        return jb_fail(err, JB_ELIMIT, "the broker has too many clients: %zu",
                       broker->connected);
    if (uid != 0 && guest->connections >= broker->options->user_clients)
        return jb_fail(err, JB_ELIMIT,
                       "the broker has too many clients of user %u: %u",
                       (unsigned)uid, (unsigned)guest->connections);
    return JB_OK;
}

static void broker_turn_away(struct jb_broker *broker, int fd,
                             const struct jb_error *err)
{
    jb_service_fail(&broker->message, 0, err);
    (void)!send(fd, &broker->message, broker->message.head.bytes,
                MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void broker_seat(struct jb_broker *broker, int fd, uid_t uid,
                        struct jb_guest *guest, uint64_t now_ns)
{
    static const int buffer = BROKER_SEND_BUFFER;
    struct jb_peer *peer = broker->peers;

    while (peer->fd >= 0)
        peer++;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    *peer = (struct jb_peer){
        .fd = fd, .guest = guest, .root = uid == 0, .active_ns = now_ns
    };
    guest->connections++;
    broker->connected++;
    if (broker->used <= (size_t)(peer - broker->peers))
        broker->used = (size_t)(peer - broker->peers) + 1;
}

static void broker_welcome(struct jb_broker *broker, int taken, uint64_t now_ns)
{
    JB_AUTO_CLOSE int fd = taken;
    struct ucred who;
    socklen_t length = sizeof(who);
    struct jb_guest *guest;
    struct jb_error err;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0)
        return;
    guest = jb_guests_find(&broker->guests, who.uid, now_ns);
    if (broker_check_guest(broker, guest, who.uid, &err) < 0)
        broker_turn_away(broker, fd, &err);
    else
        broker_seat(broker, jb_steal_fd(&fd), who.uid, guest, now_ns);
}

static void broker_accept(struct jb_broker *broker, uint64_t now_ns)
{
    for (int i = 0; i < BROKER_ACCEPTS; i++) {
        int fd =
            accept4(broker->door.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            broker_welcome(broker, fd, now_ns);
            continue;
        }
        /* Without a descriptor or memory poll() would call at once again. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            broker->door_resume_ns = now_ns + broker_pause_ns;
        return;
    }
}

/* When a peer that does nothing loses its place; a reading is the meters'
 * time, not its own. */
static uint64_t broker_patience_ends_ns(const struct jb_peer *peer)
{
    if (peer->unsent)
        return peer->active_ns + broker_unsent_ns;
    if (peer->version == 0)
        return peer->active_ns + broker_hello_ns;
    return peer->active_ns + broker_idle_ns;
}

/* The next instant at which something has to be done for this peer unasked. */
static uint64_t broker_next_ns(struct jb_broker *broker,
                               const struct jb_peer *peer, uint64_t now_ns)
{
    if (peer->reading)
        return broker_reading_ends_ns(broker, peer);
    if (!peer->unsent && peer->resume_ns > now_ns)
        return peer->resume_ns;
    return broker_patience_ends_ns(peer);
}

static short broker_events(const struct jb_peer *peer, uint64_t now_ns)
{
    if (peer->unsent)
        return POLLOUT;
    if (peer->reading || peer->resume_ns > now_ns)
        return 0;
    return POLLIN;
}

/* Fills the poll list and returns until when to wait. */
static uint64_t broker_prepare(struct jb_broker *broker, uint64_t now_ns)
{
    bool open = broker->door_resume_ns <= now_ns;
    uint64_t until_ns = open ? UINT64_MAX : broker->door_resume_ns;

    broker->polls[BROKER_DOOR].events = open ? POLLIN : 0;
    for (size_t i = 0; i < broker->used; i++) {
        const struct jb_peer *peer = &broker->peers[i];
        struct pollfd *poll = &broker->polls[BROKER_PEERS + i];
        uint64_t next_ns;

        *poll = (struct pollfd){ .fd = peer->fd };
        if (peer->fd < 0)
            continue;
        poll->events = broker_events(peer, now_ns);
        next_ns = broker_next_ns(broker, peer, now_ns);
        if (next_ns < until_ns)
            until_ns = next_ns;
    }
    return until_ns;
}

static int broker_wait(struct jb_broker *broker, uint64_t now_ns,
                       struct jb_error *err)
{
    uint64_t until_ns = broker_prepare(broker, now_ns);
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec timeout = { .tv_sec = (time_t)(left_ns / JB_NS_PER_S),
                                .tv_nsec = (long)(left_ns % JB_NS_PER_S) };

    if (ppoll(broker->polls, broker->used + BROKER_PEERS,
              until_ns == UINT64_MAX ? NULL : &timeout, NULL) >= 0)
        return JB_OK;
    if (errno != EINTR)
        return jb_fail_errno(err, errno, "waiting for clients");
    for (size_t i = 0; i < broker->used + BROKER_PEERS; i++)
        broker->polls[i].revents = 0;
    return JB_OK;
}

static void broker_serve(struct jb_broker *broker, struct jb_peer *peer,
                         short events, uint64_t now_ns)
{
    if (peer->unsent) {
        if (events)
            broker_send_again(broker, peer, now_ns);
    } else if (events & POLLIN) {
        broker_receive(broker, peer, now_ns);
    } else if (events & (POLLHUP | POLLERR | POLLNVAL)) {
        broker_hang_up(broker, peer);
        return;
    }
    if (peer->fd >= 0 && !peer->reading &&
        broker_patience_ends_ns(peer) <= now_ns)
        broker_hang_up(broker, peer);
}

/* What one wake-up brought.  Questions first: those that came together are
 * answered by one reading. */
static void broker_turn(struct jb_broker *broker)
{
    uint64_t now_ns = jb_clock_now_ns(broker->clock);

    if (broker->polls[BROKER_NEWS].revents)
        jb_meters_hear(broker->meters);
    for (size_t i = 0; i < broker->used; i++)
        if (broker->peers[i].fd >= 0)
            broker_serve(broker, &broker->peers[i],
                         broker->polls[BROKER_PEERS + i].revents, now_ns);
    if (broker->wanted) {
        broker->wanted = false;
        broker->service.round++;
        jb_meters_order(broker->meters);
    }
    now_ns = jb_clock_now_ns(broker->clock);
    for (size_t i = 0; i < broker->used; i++)
        if (broker->peers[i].fd >= 0 && broker->peers[i].reading)
            broker_answer_reading(broker, &broker->peers[i], now_ns);
    if (broker->polls[BROKER_DOOR].revents)
        broker_accept(broker, now_ns);
}

int jb_broker_run(struct jb_broker *broker, int stop_fd, struct jb_error *err)
{
    broker->polls[BROKER_STOP] =
        (struct pollfd){ .fd = stop_fd, .events = POLLIN };
    broker->polls[BROKER_NEWS] =
        (struct pollfd){ .fd = jb_meters_fd(broker->meters), .events = POLLIN };
    broker->polls[BROKER_DOOR] = (struct pollfd){ .fd = broker->door.fd };
    for (;;) {
        int rc = broker_wait(broker, jb_clock_now_ns(broker->clock), err);

        if (rc < 0 || broker->polls[BROKER_STOP].revents)
            return rc;
        broker_turn(broker);
    }
}
