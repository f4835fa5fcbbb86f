/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include <string.h>

#include "base/clock.h"

/* Enough for a job that starts one process per core, each of which says hello,
 * has the sensors described and begins to read. */
enum { SERVICE_MESSAGES_PER_S = 1000, SERVICE_MESSAGES_BURST = 2000 };

void jb_service_init(struct jb_service *service,
                     const struct jb_wire_sensor *sensors, size_t count,
                     const char *root, uint64_t reads_per_s)
{
    *service = (struct jb_service){
        .sensors = sensors,
        .count = count,
        .root = root,
        .reads_per_s = reads_per_s,
        .reads = jb_limit_make(reads_per_s, reads_per_s),
        .messages =
            jb_limit_make(SERVICE_MESSAGES_PER_S, SERVICE_MESSAGES_BURST),
        .round = 1,
    };
    for (size_t i = 0; i < count; i++)
        service->digest = jb_wire_digest(service->digest, &sensors[i]);
}

void jb_service_fail(union jb_wire_message *message, uint32_t tag,
                     const struct jb_error *err)
{
    struct jb_wire_error *error = &message->error;

    jb_wire_begin(message, JB_WIRE_ERROR, tag, 0);
    error->status = err->status;
    memcpy(error->text, err->text, strnlen(err->text, sizeof(error->text) - 1));
    memcpy(error->fix, err->fix, strnlen(err->fix, sizeof(error->fix) - 1));
}

static enum jb_answer service_refuse(union jb_wire_message *message,
                                     uint32_t tag, const struct jb_error *err)
{
    jb_service_fail(message, tag, err);
    return JB_ANSWER_LAST;
}

static enum jb_answer service_hello(const struct jb_service *service,
                                    struct jb_peer *peer,
                                    union jb_wire_message *message,
                                    uint64_t now_ns)
{
    struct jb_wire_welcome *welcome = &message->welcome;
    uint32_t tag = message->head.tag;
    uint16_t version = 0;
    struct jb_error err;

    if (jb_wire_agree(&message->hello, &version, &err) < 0)
        return service_refuse(message, tag, &err);
    peer->version = version;
    jb_wire_begin(message, JB_WIRE_WELCOME, tag, 0);
    welcome->version = version;
    welcome->sensors = (uint32_t)service->count;
    welcome->digest = service->digest;
    welcome->now_ns = now_ns;
    welcome->features = JB_WIRE_FEATURE_NONE;
    welcome->reads_per_s = peer->root ? 0 : (uint32_t)service->reads_per_s;
    memcpy(welcome->root, service->root,
           strnlen(service->root, sizeof(welcome->root) - 1));
    return JB_ANSWER_NOW;
}

static enum jb_answer service_describe(const struct jb_service *service,
                                       union jb_wire_message *message)
{
    uint32_t first = message->describe.first;
    uint32_t tag = message->head.tag;
    size_t count;
    struct jb_error err;

    if (first >= service->count) {
        jb_fail(&err, JB_EUSAGE, "there is no sensor %u of %zu",
                (unsigned)first, service->count);
        return service_refuse(message, tag, &err);
    }
    count = service->count - first;
    if (count > JB_WIRE_PAGE_MAX)
        count = JB_WIRE_PAGE_MAX;
    jb_wire_begin(message, JB_WIRE_SENSORS, tag, (uint32_t)count);
    message->sensors.first = first;
    memcpy(message->sensors.list, service->sensors + first,
           count * sizeof(*service->sensors));
    return JB_ANSWER_NOW;
}

/* Refused, not delayed: a late reading would put into a measurement what was
 * used after it, and say so nowhere; one that is missing widens its bounds. */
static enum jb_answer service_refuse_rate(const struct jb_service *service,
                                          struct jb_peer *peer,
                                          union jb_wire_message *message,
                                          uint64_t now_ns)
{
    struct jb_error err;
    uint32_t tag = message->head.tag;

    peer->resume_ns = jb_limit_next_ns(&service->reads, peer->guest->reads_ns);
    jb_fail(&err, JB_ELIMIT, "more than %llu readings per second of one user",
            (unsigned long long)service->reads_per_s);
    jb_service_fail(message, tag, &err);
    message->error.retry_ms =
        (uint32_t)((peer->resume_ns - now_ns) / JB_NS_PER_MS) + 1;
    return JB_ANSWER_NOW;
}

/* Readings of one user that are answered by one round of the meters tell no
 * more than one of them: they are paid once. */
static bool service_pay(struct jb_service *service, struct jb_peer *peer,
                        uint64_t now_ns)
{
    struct jb_guest *guest = peer->guest;

    if (peer->root || guest->paid_round == service->round)
        return true;
    if (!jb_limit_take(&service->reads, &guest->reads_ns, now_ns))
        return false;
    guest->paid_round = service->round;
    return true;
}

static enum jb_answer service_read(struct jb_service *service,
                                   struct jb_peer *peer,
                                   union jb_wire_message *message,
                                   uint64_t now_ns)
{
    const struct jb_wire_read *read = &message->read;
    struct jb_error err;

    for (uint32_t i = 0; i < read->count; i++) {
        if (read->which[i] < service->count)
            continue;
        jb_fail(&err, JB_EUSAGE, "there is no sensor %u of %zu",
                (unsigned)read->which[i], service->count);
        return service_refuse(message, message->head.tag, &err);
    }
    if (!service_pay(service, peer, now_ns))
        return service_refuse_rate(service, peer, message, now_ns);
    peer->reading = true;
    peer->tag = message->head.tag;
    peer->count = read->count;
    peer->since_ns = now_ns;
    memcpy(peer->which, read->which, read->count * sizeof(*read->which));
    return JB_ANSWER_LATER;
}

static enum jb_answer service_answer(struct jb_service *service,
                                     struct jb_peer *peer,
                                     union jb_wire_message *message,
                                     uint64_t now_ns)
{
    struct jb_error err;

    if (message->head.type == JB_WIRE_HELLO)
        return service_hello(service, peer, message, now_ns);
    if (peer->version == 0) {
        jb_fail(&err, JB_EUSAGE, "hello comes first");
        return service_refuse(message, message->head.tag, &err);
    }
    if (message->head.type == JB_WIRE_DESCRIBE)
        return service_describe(service, message);
    if (message->head.type == JB_WIRE_READ)
        return service_read(service, peer, message, now_ns);
    jb_fail(&err, JB_EFORMAT, "a message of type %u is no request",
            (unsigned)message->head.type);
    return service_refuse(message, message->head.tag, &err);
}

enum jb_answer jb_service_take(struct jb_service *service, struct jb_peer *peer,
                               union jb_wire_message *message, size_t bytes,
                               uint64_t now_ns)
{
    struct jb_error err;

    peer->active_ns = now_ns;
    if (!peer->root &&
        !jb_limit_take(&service->messages, &peer->guest->messages_ns, now_ns))
        peer->resume_ns =
            jb_limit_next_ns(&service->messages, peer->guest->messages_ns);
    if (jb_wire_check(message, bytes, &err) < 0)
        return service_refuse(message, 0, &err);
    return service_answer(service, peer, message, now_ns);
}
