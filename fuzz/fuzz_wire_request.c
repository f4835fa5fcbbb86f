/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a broker makes of what anybody sends: a conversation of one connection.
 * Input: messages, each behind two bytes of its length.
 */
#include "fuzz.h"

#include <string.h>

#include "agent/service.h"

enum { FUZZ_SENSORS = 20 };

static struct jb_wire_sensor fuzz_sensors[FUZZ_SENSORS];

static void fuzz_check_reply(const union jb_wire_message *message,
                             enum jb_answer answer)
{
    struct jb_error err;

    fuzz_require(jb_wire_check(message, message->head.bytes, NULL) == JB_OK);
    fuzz_require(message->head.type >= JB_WIRE_ERROR);
    if (answer == JB_ANSWER_LAST)
        fuzz_require(message->head.type == JB_WIRE_ERROR);
    if (message->head.type == JB_WIRE_ERROR)
        fuzz_require(jb_wire_get_error(&message->error, &err) < 0 &&
                     err.text[0]);
}

/* Takes a reading that it was promised, as the broker would. */
static void fuzz_check_reading(struct jb_peer *peer,
                               union jb_wire_message *message)
{
    fuzz_require(peer->reading && peer->version != 0);
    fuzz_require(peer->count <= JB_WIRE_READ_MAX);
    for (uint32_t i = 0; i < peer->count; i++)
        fuzz_require(peer->which[i] < FUZZ_SENSORS);
    jb_wire_begin(message, JB_WIRE_SAMPLES, peer->tag, peer->count);
    peer->reading = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union jb_wire_message *message = malloc(sizeof(*message));
    struct jb_guest guest = { .uid = 1000 };
    struct jb_peer peer = { .guest = &guest };
    struct jb_service service;
    uint64_t now_ns = 1;

    if (!message)
        return 0;
    jb_service_init(&service, fuzz_sensors, FUZZ_SENSORS, "/sys", 50);
    while (size >= 2) {
        size_t bytes = (size_t)data[0] << 8 | data[1];
        enum jb_answer answer;

        data += 2;
        size -= 2;
        if (bytes > size)
            bytes = size;
        if (bytes > sizeof(*message))
            bytes = sizeof(*message);
        memcpy(message, data, bytes);
        data += bytes;
        size -= bytes;
        now_ns += 1000000;
        answer = jb_service_take(&service, &peer, message, bytes, now_ns);
        if (answer == JB_ANSWER_LATER)
            fuzz_check_reading(&peer, message);
        else
            fuzz_check_reply(message, answer);
        service.round++;
        if (answer == JB_ANSWER_LAST)
            break;
    }
    free(message);
    return 0;
}
