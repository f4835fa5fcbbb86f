/* SPDX-License-Identifier: Apache-2.0 */
/* What a client believes of what a server sends: one message. */
#include "fuzz.h"

#include <string.h>

#include "wire/wire.h"

static int fuzz_is_plain(const char *text, size_t room)
{
    for (size_t i = 0; i < room; i++) {
        if (text[i] == '\0')
            return 1;
        if (text[i] < ' ' || text[i] > '~')
            return 0;
    }
    return 0;
}

static void fuzz_sensor(const struct jb_wire_sensor *in)
{
    struct jb_sensor sensor;
    struct jb_wire_sensor again;
    struct jb_wire_sensor third;
    struct jb_sensor twice;

    if (jb_wire_get_sensor(in, &sensor, NULL) != JB_OK)
        return;
    fuzz_require(fuzz_is_plain(sensor.name, sizeof(sensor.name)));
    fuzz_require(fuzz_is_plain(sensor.reason, sizeof(sensor.reason)));
    fuzz_require(fuzz_is_plain(sensor.fix, sizeof(sensor.fix)));
    fuzz_require(fuzz_is_plain(sensor.note, sizeof(sensor.note)));
    fuzz_require(sensor.name[0] && sensor.unit.num && sensor.unit.den &&
                 sensor.unit.read_num && sensor.unit.read_den &&
                 sensor.quantum && sensor.endpoint == 0);
    fuzz_require(sensor.unit.quantity <= JB_QUANTITY_LAST &&
                 sensor.domain.kind <= JB_DOMAIN_LAST);
    jb_wire_put_sensor(&sensor, sensor.name, &again);
    fuzz_require(jb_wire_get_sensor(&again, &twice, NULL) == JB_OK);
    jb_wire_put_sensor(&twice, twice.name, &third);
    fuzz_require(memcmp(&again, &third, sizeof(again)) == 0);
}

static void fuzz_sample(const struct jb_wire_sample *in)
{
    const uint64_t now_ns = UINT64_C(1) << 60;
    struct jb_sample sample;

    jb_wire_get_sample(in, now_ns, &sample);
    fuzz_require(sample.state <= JB_OK && sample.state >= JB_EBUSY);
    fuzz_require(sample.t0_ns <= sample.t1_ns && sample.t1_ns <= now_ns &&
                 sample.meter_ns <= now_ns);
    if (sample.state == JB_OK)
        fuzz_require(sample.t0_ns > 0 && sample.raw == in->raw);
}

static void fuzz_error(const struct jb_wire_error *in)
{
    struct jb_error err;

    fuzz_require(jb_wire_get_error(in, &err) < 0);
    fuzz_require(err.status < 0);
    fuzz_require(fuzz_is_plain(err.text, sizeof(err.text)));
    fuzz_require(fuzz_is_plain(err.fix, sizeof(err.fix)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union jb_wire_message *message = calloc(1, sizeof(*message));

    if (!message)
        return 0;
    if (size <= sizeof(*message) && size > 0)
        memcpy(message, data, size);
    if (jb_wire_check(message, size, NULL) == JB_OK) {
        for (uint32_t i = 0;
             message->head.type == JB_WIRE_SENSORS && i < message->read.count;
             i++)
            fuzz_sensor(&message->sensors.list[i]);
        for (uint32_t i = 0;
             message->head.type == JB_WIRE_SAMPLES && i < message->read.count;
             i++)
            fuzz_sample(&message->samples.list[i]);
        if (message->head.type == JB_WIRE_ERROR)
            fuzz_error(&message->error);
        if (message->head.type == JB_WIRE_WELCOME)
            fuzz_require(memchr(message->welcome.root, '\0',
                                sizeof(message->welcome.root)) != NULL);
    }
    free(message);
    return 0;
}
