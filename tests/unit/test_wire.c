/* SPDX-License-Identifier: Apache-2.0 */
/* The client protocol's messages: which are whole, and what is believed. */
#include "check.h"

#include "wire/wire.h"

static union jb_wire_message message;

struct wire_shape {
    const char *label;
    enum jb_wire_type type;
    uint32_t count;
    size_t bytes; /* as docs/reference/protocol.md has it */
};

static const struct wire_shape wire_shapes[] = {
    { "hello", JB_WIRE_HELLO, 0, 24 },
    { "welcome", JB_WIRE_WELCOME, 0, 1072 },
    { "describe", JB_WIRE_DESCRIBE, 0, 24 },
    { "no sensor", JB_WIRE_SENSORS, 0, 24 },
    { "a page of sensors", JB_WIRE_SENSORS, 16, 24 + 16 * 904 },
    { "read nothing", JB_WIRE_READ, 0, 24 },
    { "read all", JB_WIRE_READ, 256, 24 + 256 * 4 },
    { "samples", JB_WIRE_SAMPLES, 256, 24 + 256 * 48 },
    { "error", JB_WIRE_ERROR, 0, 464 },
};

static void wire_shapes_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(wire_shapes); i++) {
        const struct wire_shape *c = &wire_shapes[i];
        struct jb_error err = { 0 };

        CHECK_U64(c->label, jb_wire_begin(&message, c->type, 7, c->count),
                  c->bytes);
        CHECK_U64(c->label, message.head.tag, 7);
        CHECK_STATUS(c->label, jb_wire_check(&message, c->bytes, &err), JB_OK,
                     &err);
        CHECK_STATUS(c->label, jb_wire_check(&message, c->bytes - 1, &err),
                     JB_EFORMAT, NULL);
        CHECK_STATUS(c->label, jb_wire_check(&message, c->bytes + 1, &err),
                     JB_EFORMAT, NULL);
    }
}

struct wire_spoil {
    const char *label;
    enum jb_wire_type type;
    uint32_t count;
    size_t at;     /* of a byte of a good message */
    uint8_t value; /* that makes it a bad one */
};

static const struct wire_spoil wire_spoils[] = {
    { "magic", JB_WIRE_HELLO, 0, 0, 0 },
    { "type 0", JB_WIRE_HELLO, 0, 4, 0 },
    { "type 9", JB_WIRE_HELLO, 0, 4, 9 },
    { "reserved in the head", JB_WIRE_HELLO, 0, 6, 1 },
    { "length", JB_WIRE_HELLO, 0, 8, 25 },
    { "a length in the megabytes", JB_WIRE_HELLO, 0, 11, 1 },
    { "reserved of hello", JB_WIRE_HELLO, 0, 20, 1 },
    { "reserved of describe", JB_WIRE_DESCRIBE, 0, 23, 1 },
    { "reserved of read", JB_WIRE_READ, 3, 20, 1 },
    { "fewer items than bytes", JB_WIRE_READ, 3, 16, 2 },
    { "more items than bytes", JB_WIRE_READ, 3, 16, 4 },
    { "four thousand million items", JB_WIRE_READ, 3, 19, 0xff },
    { "257 samples", JB_WIRE_SAMPLES, 1, 17, 1 },
};

static void wire_spoilt_ones_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(wire_spoils); i++) {
        const struct wire_spoil *c = &wire_spoils[i];
        size_t bytes = jb_wire_begin(&message, c->type, 1, c->count);
        struct jb_error err = { 0 };

        message.bytes[c->at] = c->value;
        CHECK_STATUS(c->label, jb_wire_check(&message, bytes, &err), JB_EFORMAT,
                     NULL);
        CHECK_BOOL(c->label, err.text[0] != '\0', true);
    }
}

static void wire_ends_of_buffers(void **state)
{
    size_t bytes = jb_wire_begin(&message, JB_WIRE_WELCOME, 1, 0);

    (void)state;
    memset(message.welcome.root, 'x', sizeof(message.welcome.root));
    CHECK_STATUS("a root without an end", jb_wire_check(&message, bytes, NULL),
                 JB_EFORMAT, NULL);
    bytes = jb_wire_begin(&message, JB_WIRE_ERROR, 1, 0);
    memset(message.error.fix, 'x', sizeof(message.error.fix));
    CHECK_STATUS("a fix without an end", jb_wire_check(&message, bytes, NULL),
                 JB_EFORMAT, NULL);
    for (size_t i = 0; i < sizeof(struct jb_wire_head); i++)
        CHECK_STATUS("less than a head", jb_wire_check(&message, i, NULL),
                     JB_EFORMAT, NULL);
    CHECK_STATUS("longer than the room",
                 jb_wire_check(&message, JB_WIRE_BYTES_MAX + 1, NULL),
                 JB_EFORMAT, NULL);
}

struct wire_versions {
    const char *label;
    uint16_t oldest, newest;
    int status;
};

static const struct wire_versions wire_versions[] = {
    { "the same", 1, 1, JB_OK },
    { "a newer one that knows the old", 1, 9, JB_OK },
    { "a newer one", 2, 9, JB_EREFUSED },
    { "none", 0, 0, JB_EREFUSED },
    { "the wrong way round", 2, 1, JB_EREFUSED },
};

static void wire_versions_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(wire_versions); i++) {
        const struct wire_versions *c = &wire_versions[i];
        struct jb_wire_hello hello = { .oldest = c->oldest,
                                       .newest = c->newest };
        struct jb_error err = { 0 };
        uint16_t version = 0;

        CHECK_STATUS(c->label, jb_wire_agree(&hello, &version, &err), c->status,
                     &err);
        CHECK_U64(c->label, version, c->status == JB_OK ? 1 : 0);
        CHECK_BOOL(c->label, err.fix[0] != '\0', c->status != JB_OK);
    }
}

static struct jb_sensor wire_sensor(void)
{
    return (struct jb_sensor){
        .name = "intel-rapl:0:1",
        .domain = { JB_DOMAIN_DRAM, 3, 1 },
        .unit = { JB_QUANTITY_ENERGY, 1000000, 65536, 15300, 1000,
                  UINT64_C(1) << 32 },
        .kind = JB_KIND_COUNTER,
        .provenance = JB_MEASURED,
        .pmax_from = JB_BOUND_DECLARED,
        .pmax_uw = 80000000,
        .update_ns = 1000000,
        .window_ns = 5,
        .lag_ns = 500000,
        .lag_unc_ns = 500001,
        .quantum = 2,
        .gain_ppm = 2696,
        .generation = 4,
        .endpoint = 9,
        .flags = JB_SENSOR_MIRROR | JB_SENSOR_MAY_REST | JB_SENSOR_MAY_BLOCK,
        .rank = -5,
        .note = "a note",
    };
}

static void wire_sensors_come_through(void **state)
{
    struct jb_sensor in = wire_sensor();
    struct jb_sensor out;
    struct jb_wire_sensor wire;
    struct jb_error err = { 0 };

    (void)state;
    jb_wire_put_sensor(&in, "powercap/intel-rapl:0:1", &wire);
    CHECK_STATUS("sensor", jb_wire_get_sensor(&wire, &out, &err), JB_OK, &err);
    CHECK_TEXT("name", out.name, "powercap/intel-rapl:0:1");
    CHECK_TEXT("note", out.note, "a note");
    CHECK_U64("lanes are the server's", out.endpoint, 0);
    CHECK_U64("so is blocking", out.flags,
              JB_SENSOR_MIRROR | JB_SENSOR_MAY_REST);
    memcpy(in.name, out.name, sizeof(in.name));
    in.endpoint = 0;
    in.flags = out.flags;
    CHECK_BOOL("domain",
               memcmp(&in.domain, &out.domain, sizeof(in.domain)) == 0, true);
    CHECK_U64("quantity", out.unit.quantity, in.unit.quantity);
    CHECK_U64("num", out.unit.num, in.unit.num);
    CHECK_U64("den", out.unit.den, in.unit.den);
    CHECK_U64("read_num", out.unit.read_num, in.unit.read_num);
    CHECK_U64("read_den", out.unit.read_den, in.unit.read_den);
    CHECK_U64("modulus", out.unit.modulus, in.unit.modulus);
    CHECK_U64("pmax", out.pmax_uw, in.pmax_uw);
    CHECK_U64("pmax from", out.pmax_from, in.pmax_from);
    CHECK_U64("update", out.update_ns, in.update_ns);
    CHECK_U64("window", out.window_ns, in.window_ns);
    CHECK_U64("lag", out.lag_ns, in.lag_ns);
    CHECK_U64("lag's doubt", out.lag_unc_ns, in.lag_unc_ns);
    CHECK_U64("quantum", out.quantum, in.quantum);
    CHECK_U64("gain", out.gain_ppm, in.gain_ppm);
    CHECK_U64("generation", out.generation, in.generation);
    CHECK_U64("kind", out.kind, in.kind);
    CHECK_U64("provenance", out.provenance, in.provenance);
    CHECK_BOOL("rank", out.rank == in.rank, true);
}

/* One field of a good description at a time. */
struct wire_lie {
    const char *label;
    size_t at, bytes;
    uint8_t value;
};

#define WIRE_LIE(field, byte)                                                  \
    {                                                                          \
#field, offsetof(struct jb_wire_sensor, field),                        \
            sizeof(((struct jb_wire_sensor *)0)->field), byte                  \
    }

static const struct wire_lie wire_lies[] = {
    WIRE_LIE(name, 0),         WIRE_LIE(name, 'x'),
    WIRE_LIE(name, ' '),       WIRE_LIE(name, 27),
    WIRE_LIE(num, 0),          WIRE_LIE(den, 0),
    WIRE_LIE(read_num, 0),     WIRE_LIE(read_den, 0),
    WIRE_LIE(quantum, 0),      WIRE_LIE(state, 1),
    WIRE_LIE(domain_die, 128), WIRE_LIE(quantity, 200),
    WIRE_LIE(kind, 4),         WIRE_LIE(provenance, 3),
    WIRE_LIE(pmax_from, 3),    WIRE_LIE(domain_kind, 8),
    WIRE_LIE(reason, 'x'),     WIRE_LIE(fix, 'x'),
    WIRE_LIE(note, 'x'),       WIRE_LIE(flags, JB_SENSOR_SIGNED),
};

static void wire_lies_are_refused(void **state)
{
    struct jb_sensor in = wire_sensor();

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(wire_lies); i++) {
        const struct wire_lie *c = &wire_lies[i];
        struct jb_wire_sensor wire;
        struct jb_sensor out = { .rank = 77 };

        jb_wire_put_sensor(&in, "a/b", &wire);
        memset((uint8_t *)&wire + c->at, c->value, c->bytes);
        CHECK_STATUS(c->label, jb_wire_get_sensor(&wire, &out, NULL),
                     JB_EFORMAT, NULL);
        CHECK_BOOL(c->label, out.rank == 77, true);
    }
}

static void wire_texts_do_nothing_to_a_terminal(void **state)
{
    struct jb_sensor in = wire_sensor();
    struct jb_sensor out;
    struct jb_wire_sensor wire;
    struct jb_error err;

    (void)state;
    snprintf(in.reason, sizeof(in.reason), "\033[2J\n\x7f\xc2\x9b red");
    jb_wire_put_sensor(&in, "a/b", &wire);
    CHECK_STATUS("sensor", jb_wire_get_sensor(&wire, &out, NULL), JB_OK, NULL);
    CHECK_TEXT("reason", out.reason, "?[2J???? red");
    jb_wire_begin(&message, JB_WIRE_ERROR, 0, 0);
    message.error.status = JB_EBUSY;
    memcpy(message.error.text, "\aa", 2);
    CHECK_STATUS("error", jb_wire_get_error(&message.error, &err), JB_EBUSY,
                 NULL);
    CHECK_TEXT("text", err.text, "?a");
    message.error.status = 0;
    CHECK_STATUS("no error", jb_wire_get_error(&message.error, NULL),
                 JB_EFORMAT, NULL);
    message.error.status = -4711;
    CHECK_STATUS("none of ours", jb_wire_get_error(&message.error, NULL),
                 JB_EFORMAT, NULL);
}

struct wire_moment {
    const char *label;
    uint64_t t0_ns, t1_ns, meter_ns;
    int state, want;
};

static const struct wire_moment wire_moments[] = {
    { "before now", 90, 95, 0, JB_OK, JB_OK },
    { "just now", 100, 100, 100, JB_OK, JB_OK },
    { "an error", 90, 95, 0, JB_EIO, JB_EIO },
    { "the future", 90, 101, 0, JB_OK, JB_EIMPLAUSIBLE },
    { "backwards", 95, 90, 0, JB_OK, JB_EIMPLAUSIBLE },
    { "no instant", 0, 95, 0, JB_OK, JB_EIMPLAUSIBLE },
    { "the meter's future", 90, 95, 101, JB_OK, JB_EIMPLAUSIBLE },
    { "no state of ours", 90, 95, 0, 1, JB_EIMPLAUSIBLE },
    { "nor this", 90, 95, 0, -12, JB_EIMPLAUSIBLE },
};

static void wire_samples_are_of_the_past(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(wire_moments); i++) {
        const struct wire_moment *c = &wire_moments[i];
        struct jb_sample in = { .raw = 11,
                                .generation = 3,
                                .t0_ns = c->t0_ns,
                                .t1_ns = c->t1_ns,
                                .meter_ns = c->meter_ns,
                                .below_ppm = 5,
                                .above_ppm = 6,
                                .state = c->state };
        struct jb_sample out;
        struct jb_wire_sample wire;

        jb_wire_put_sample(&in, &wire);
        jb_wire_get_sample(&wire, 100, &out);
        CHECK_STATUS(c->label, out.state, c->want, NULL);
        if (c->want == JB_EIMPLAUSIBLE)
            continue;
        CHECK_U64(c->label, out.raw, in.raw);
        CHECK_U64(c->label, out.generation, in.generation);
        CHECK_U64(c->label, out.t0_ns, in.t0_ns);
        CHECK_U64(c->label, out.t1_ns, in.t1_ns);
        CHECK_U64(c->label, out.meter_ns, in.meter_ns);
        CHECK_U64(c->label, out.below_ppm, in.below_ppm);
        CHECK_U64(c->label, out.above_ppm, in.above_ppm);
    }
}

static void wire_digests_tell_apart(void **state)
{
    struct jb_sensor in = wire_sensor();
    struct jb_wire_sensor a;
    struct jb_wire_sensor b;
    uint64_t digest;

    (void)state;
    jb_wire_put_sensor(&in, "a/b", &a);
    digest = jb_wire_digest(0, &a);
    b = a;
    b.generation++;
    CHECK_U64("generations change", jb_wire_digest(0, &b), digest);
    b = a;
    b.num++;
    CHECK_BOOL("units do not", jb_wire_digest(0, &b) == digest, false);
    b = a;
    b.state = JB_EDENIED;
    CHECK_BOOL("states do not", jb_wire_digest(0, &b) == digest, false);
    CHECK_BOOL("order matters",
               jb_wire_digest(jb_wire_digest(0, &a), &b) ==
                   jb_wire_digest(jb_wire_digest(0, &b), &a),
               false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_shapes_are_whole),
        cmocka_unit_test(wire_spoilt_ones_are_refused),
        cmocka_unit_test(wire_ends_of_buffers),
        cmocka_unit_test(wire_versions_agree),
        cmocka_unit_test(wire_sensors_come_through),
        cmocka_unit_test(wire_lies_are_refused),
        cmocka_unit_test(wire_texts_do_nothing_to_a_terminal),
        cmocka_unit_test(wire_samples_are_of_the_past),
        cmocka_unit_test(wire_digests_tell_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
