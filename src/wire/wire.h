/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client protocol: what a broker and its clients say to one another.
 *
 * Why fixed layouts: a client reads meters without allocating and without a
 * library, and a server that takes bytes from anybody checks a message by its
 * size alone.  Both ends are processes of one kernel, so numbers are in its
 * byte order and instants in its CLOCK_BOOTTIME.  docs/reference/protocol.md
 * says it in words; a change here is a new version there.
 *
 * Pure: no socket, no clock, no allocation.
 */
#ifndef JB_WIRE_WIRE_H
#define JB_WIRE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/own.h"
#include "joulebook/error.h"
#include "joulebook/plugin/sensor.h"

/* Where a broker listens unless told otherwise. */
#define JB_WIRE_SOCKET "/run/joulebook/broker.sock"

enum {
    JB_WIRE_MAGIC = 0x5057424a, /* "JBWP" in memory, or another byte order */
    JB_WIRE_OLDEST = 1,         /* versions that this code speaks */
    JB_WIRE_NEWEST = 1,
    JB_WIRE_BYTES_MAX = 16384,  /* of any message */
    JB_WIRE_SENSORS_MAX = 1024, /* of one server */
    JB_WIRE_PAGE_MAX = 16,      /* descriptions in one reply */
    JB_WIRE_READ_MAX = 256,     /* sensors in one reading */
    JB_WIRE_ROOT_MAX = 1024,
};

/* Replies have the top bit. */
enum jb_wire_type {
    JB_WIRE_HELLO = 1,
    JB_WIRE_DESCRIBE = 2,
    JB_WIRE_READ = 3,
    JB_WIRE_ERROR = 0x8000,
    JB_WIRE_WELCOME = 0x8001,
    JB_WIRE_SENSORS = 0x8002,
    JB_WIRE_SAMPLES = 0x8003,
};

/* What a server can do beyond version 1; unknown bits are none of a client's
 * business. */
enum jb_wire_feature { JB_WIRE_FEATURE_NONE = 0 };

struct jb_wire_head {
    uint32_t magic;
    uint16_t type;
    uint16_t reserved; /* 0 */
    uint32_t bytes;    /* of the whole message */
    uint32_t tag;      /* a reply repeats that of its request */
};

/* The first request of a connection: versions that the client speaks. */
struct jb_wire_hello {
    struct jb_wire_head head;
    uint16_t oldest, newest;
    uint32_t reserved;
};

struct jb_wire_welcome {
    struct jb_wire_head head;
    uint16_t version; /* what both speak from now on */
    uint16_t reserved;
    uint32_t sensors;     /* how many there are */
    uint64_t digest;      /* of their descriptions: equal means the same */
    uint64_t now_ns;      /* the server's clock: must be the client's */
    uint32_t features;    /* enum jb_wire_feature */
    uint32_t reads_per_s; /* for this client's user; 0: as many as it likes */
    char root[JB_WIRE_ROOT_MAX]; /* the sysfs that is served, "/sys" */
};

struct jb_wire_describe {
    struct jb_wire_head head;
    uint32_t first; /* up to JB_WIRE_PAGE_MAX from here on */
    uint32_t reserved;
};

/* struct jb_sensor, its name that of the server's path: "powercap/..." */
struct jb_wire_sensor {
    char name[JB_NAME_MAX];
    uint64_t num, den, read_num, read_den, modulus;
    uint64_t pmax_uw, update_ns, window_ns, lag_ns, lag_unc_ns, quantum;
    uint32_t gain_ppm, generation;
    int32_t state;
    uint16_t domain_index;
    int16_t domain_die;
    uint16_t flags;
    int16_t rank;
    uint8_t quantity, kind, provenance, pmax_from, domain_kind;
    uint8_t reserved[7];
    char reason[JB_REASON_MAX], fix[JB_REASON_MAX], note[JB_REASON_MAX];
};

struct jb_wire_sensors {
    struct jb_wire_head head;
    uint32_t count;
    uint32_t first;
    struct jb_wire_sensor list[JB_WIRE_PAGE_MAX];
};

struct jb_wire_read {
    struct jb_wire_head head;
    uint32_t count;
    uint32_t reserved;
    uint32_t which[JB_WIRE_READ_MAX];
};

/* struct jb_sample: raw counts as the meter gave them, untouched. */
struct jb_wire_sample {
    uint64_t raw, t0_ns, t1_ns, meter_ns;
    uint32_t generation;
    int32_t state;
    uint32_t below_ppm, above_ppm;
};

/* One for each of the request's, in its order. */
struct jb_wire_samples {
    struct jb_wire_head head;
    uint32_t count;
    uint32_t reserved;
    struct jb_wire_sample list[JB_WIRE_READ_MAX];
};

struct jb_wire_error {
    struct jb_wire_head head;
    int32_t status;    /* JB_E* */
    uint32_t retry_ms; /* not before; 0: not known */
    char text[JB_ERROR_TEXT_MAX], fix[JB_ERROR_FIX_MAX];
};

/* Room for any message, received as it is. */
union jb_wire_message {
    struct jb_wire_head head;
    struct jb_wire_hello hello;
    struct jb_wire_welcome welcome;
    struct jb_wire_describe describe;
    struct jb_wire_sensors sensors;
    struct jb_wire_read read;
    struct jb_wire_samples samples;
    struct jb_wire_error error;
    uint8_t bytes[JB_WIRE_BYTES_MAX];
};

/* The address of a socket.  JB_EUSAGE when the path does not fit in one. */
JB_NODISCARD int jb_wire_place(const char *path, struct sockaddr_un *out,
                               struct jb_error *err);

/*
 * Whether `bytes` received bytes are one whole message: magic, a known type,
 * the length that it says and its type has, reserved fields 0, texts ended.
 * JB_EFORMAT.  After JB_OK every field may be read; what they mean is for the
 * functions below and the caller.
 */
JB_NODISCARD int jb_wire_check(const union jb_wire_message *message,
                               size_t bytes, struct jb_error *err);

/* Begins a message: clears its fixed part and fills the head.  count is for
 * those that end in a list.  Returns the message's bytes. */
size_t jb_wire_begin(union jb_wire_message *message, enum jb_wire_type type,
                     uint32_t tag, uint32_t count);

/* The version to speak with a client, or JB_EREFUSED. */
JB_NODISCARD int jb_wire_agree(const struct jb_wire_hello *hello,
                               uint16_t *version, struct jb_error *err);

/* A text for people, cut to its room: what is no printable ASCII could be
 * anything to a terminal and becomes "?". */
void jb_wire_get_text(const char *text, char *out, size_t room);

/* name takes the place of the sensor's own; both are cut to their rooms. */
void jb_wire_put_sensor(const struct jb_sensor *sensor, const char *name,
                        struct jb_wire_sensor *out);

/* The inverse, with everything checked that a server could have wrong: enums,
 * fractions, names and texts without control characters.  Flags that only the
 * server's process may act on are gone.  JB_EFORMAT. */
JB_NODISCARD int jb_wire_get_sensor(const struct jb_wire_sensor *in,
                                    struct jb_sensor *out,
                                    struct jb_error *err);

void jb_wire_put_sample(const struct jb_sample *sample,
                        struct jb_wire_sample *out);

/* A sample that cannot have been read by now_ns, or whose state is none, is
 * JB_EIMPLAUSIBLE and otherwise 0. */
void jb_wire_get_sample(const struct jb_wire_sample *in, uint64_t now_ns,
                        struct jb_sample *out);

/* An ERROR's contents; what is no error of ours becomes JB_EFORMAT.  Texts
 * come out without control characters. */
int jb_wire_get_error(const struct jb_wire_error *in, struct jb_error *err);

/* Continues a digest over descriptions (FNV-1a), generations left out; begin
 * with 0. */
uint64_t jb_wire_digest(uint64_t digest, const struct jb_wire_sensor *sensor);

#endif
