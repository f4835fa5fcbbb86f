/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Layouts have no holes: what is sent is what is written here. */
_Static_assert(sizeof(struct jb_wire_head) == 16, "head");
_Static_assert(sizeof(struct jb_wire_hello) == 24, "hello");
_Static_assert(sizeof(struct jb_wire_welcome) == 48 + JB_WIRE_ROOT_MAX,
               "welcome");
_Static_assert(sizeof(struct jb_wire_describe) == 24, "describe");
_Static_assert(sizeof(struct jb_wire_sensor) == 904, "sensor");
_Static_assert(sizeof(struct jb_wire_sample) == 48, "sample");
_Static_assert(sizeof(struct jb_wire_error) == 464, "error");
_Static_assert(sizeof(union jb_wire_message) == JB_WIRE_BYTES_MAX, "largest");

/* Where every message with a list has the number of its items. */
_Static_assert(offsetof(struct jb_wire_read, count) == 16 &&
                   offsetof(struct jb_wire_samples, count) == 16 &&
                   offsetof(struct jb_wire_sensors, count) == 16,
               "count");

/* A message is its fixed part and up to `most` items. */
static const struct wire_form {
    enum jb_wire_type type;
    uint32_t fixed, item, most;
} wire_forms[] = {
    { JB_WIRE_HELLO, sizeof(struct jb_wire_hello), 0, 0 },
    { JB_WIRE_DESCRIBE, sizeof(struct jb_wire_describe), 0, 0 },
    { JB_WIRE_READ, offsetof(struct jb_wire_read, which), sizeof(uint32_t),
      JB_WIRE_READ_MAX },
    { JB_WIRE_ERROR, sizeof(struct jb_wire_error), 0, 0 },
    { JB_WIRE_WELCOME, sizeof(struct jb_wire_welcome), 0, 0 },
    { JB_WIRE_SENSORS, offsetof(struct jb_wire_sensors, list),
      sizeof(struct jb_wire_sensor), JB_WIRE_PAGE_MAX },
    { JB_WIRE_SAMPLES, offsetof(struct jb_wire_samples, list),
      sizeof(struct jb_wire_sample), JB_WIRE_READ_MAX },
};

enum { WIRE_FORMS = sizeof(wire_forms) / sizeof(wire_forms[0]) };

static const struct wire_form *wire_form_of(unsigned type)
{
    for (size_t i = 0; i < WIRE_FORMS; i++)
        if ((unsigned)wire_forms[i].type == type)
            return &wire_forms[i];
    return NULL;
}

static bool wire_ends(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

static bool wire_texts_end(const union jb_wire_message *message)
{
    switch (message->head.type) {
    case JB_WIRE_WELCOME:
        return wire_ends(message->welcome.root, JB_WIRE_ROOT_MAX);
    case JB_WIRE_ERROR:
        return wire_ends(message->error.text, JB_ERROR_TEXT_MAX) &&
               wire_ends(message->error.fix, JB_ERROR_FIX_MAX);
    default:
        return true; /* those of sensors: when they are unpacked */
    }
}

static bool wire_reserved_is_zero(const union jb_wire_message *message)
{
    if (message->head.reserved != 0)
        return false;
    switch (message->head.type) {
    case JB_WIRE_HELLO:
        return message->hello.reserved == 0;
    case JB_WIRE_DESCRIBE:
        return message->describe.reserved == 0;
    case JB_WIRE_READ:
        return message->read.reserved == 0;
    default:
        return true; /* a later server may say more to who understands it */
    }
}

int jb_wire_place(const char *path, struct sockaddr_un *out,
                  struct jb_error *err)
{
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof(out->sun_path))
        return jb_fail(err, JB_EUSAGE,
                       "a socket's path has 1 to %zu bytes, not %zu",
                       sizeof(out->sun_path) - 1, length);
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(out->sun_path, path, length + 1);
    return JB_OK;
}

int jb_wire_check(const union jb_wire_message *message, size_t bytes,
                  struct jb_error *err)
{
    const struct wire_form *form;
    uint32_t count = 0;

    if (bytes < sizeof(message->head) || bytes > JB_WIRE_BYTES_MAX ||
        message->head.magic != (uint32_t)JB_WIRE_MAGIC)
        return jb_fail(err, JB_EFORMAT, "%zu bytes that are no message of ours",
                       bytes);
    form = wire_form_of(message->head.type);
    if (!form)
        return jb_fail(err, JB_EFORMAT, "a message of unknown type %u",
                       (unsigned)message->head.type);
    if (message->head.bytes != bytes || bytes < form->fixed)
        return jb_fail(err, JB_EFORMAT, "a message of type %u has %zu bytes",
                       (unsigned)message->head.type, bytes);
    if (form->item)
        count = message->read.count;
    if (count > form->most || bytes != form->fixed + (size_t)count * form->item)
        return jb_fail(err, JB_EFORMAT,
                       "a message of type %u has %zu bytes for %u items",
                       (unsigned)message->head.type, bytes, (unsigned)count);
    if (!wire_reserved_is_zero(message) || !wire_texts_end(message))
        return jb_fail(err, JB_EFORMAT, "a message of type %u is malformed",
                       (unsigned)message->head.type);
    return JB_OK;
}

size_t jb_wire_begin(union jb_wire_message *message, enum jb_wire_type type,
                     uint32_t tag, uint32_t count)
{
    const struct wire_form *form = wire_form_of(type);
    size_t bytes = form->fixed + (size_t)count * form->item;

    memset(message, 0, form->fixed);
    message->head = (struct jb_wire_head){ .magic = JB_WIRE_MAGIC,
                                           .type = (uint16_t)type,
                                           .bytes = (uint32_t)bytes,
                                           .tag = tag };
    if (form->item)
        message->read.count = count;
    return bytes;
}

int jb_wire_agree(const struct jb_wire_hello *hello, uint16_t *version,
                  struct jb_error *err)
{
    uint16_t newest =
        hello->newest < JB_WIRE_NEWEST ? hello->newest : JB_WIRE_NEWEST;

    if (hello->oldest > newest || newest < JB_WIRE_OLDEST) {
        jb_fail(err, JB_EREFUSED,
                "the broker speaks protocol %d to %d, the client %u to %u",
                JB_WIRE_OLDEST, JB_WIRE_NEWEST, hello->oldest, hello->newest);
        jb_error_set_fix(err, "install one release of joulebook for both, then "
                              "sudo systemctl restart joulebook-broker");
        return JB_EREFUSED;
    }
    *version = newest;
    return JB_OK;
}

static void wire_put_text(char *out, size_t room, const char *text)
{
    size_t length = strnlen(text, room - 1);

    memcpy(out, text, length);
    memset(out + length, 0, room - length);
}

void jb_wire_get_text(const char *text, char *out, size_t room)
{
    size_t i = 0;

    for (; i + 1 < room && text[i]; i++) {
        out[i] = '?';
        if (text[i] >= ' ' && text[i] <= '~')
            out[i] = text[i];
    }
    out[i] = '\0';
}

void jb_wire_put_sensor(const struct jb_sensor *sensor, const char *name,
                        struct jb_wire_sensor *out)
{
    *out = (struct jb_wire_sensor){
        .num = sensor->unit.num,
        .den = sensor->unit.den,
        .read_num = sensor->unit.read_num,
        .read_den = sensor->unit.read_den,
        .modulus = sensor->unit.modulus,
        .pmax_uw = sensor->pmax_uw,
        .update_ns = sensor->update_ns,
        .window_ns = sensor->window_ns,
        .lag_ns = sensor->lag_ns,
        .lag_unc_ns = sensor->lag_unc_ns,
        .quantum = sensor->quantum,
        .gain_ppm = sensor->gain_ppm,
        .generation = sensor->generation,
        .state = sensor->state,
        .domain_index = sensor->domain.index,
        .domain_die = sensor->domain.die,
        .flags = sensor->flags,
        .rank = sensor->rank,
        .quantity = (uint8_t)sensor->unit.quantity,
        .kind = (uint8_t)sensor->kind,
        .provenance = (uint8_t)sensor->provenance,
        .pmax_from = (uint8_t)sensor->pmax_from,
        .domain_kind = (uint8_t)sensor->domain.kind,
    };
    wire_put_text(out->name, sizeof(out->name), name);
    wire_put_text(out->reason, sizeof(out->reason), sensor->reason);
    wire_put_text(out->fix, sizeof(out->fix), sensor->fix);
    wire_put_text(out->note, sizeof(out->note), sensor->note);
}

static bool wire_is_state(int state)
{
    return state <= JB_OK && state >= JB_EBUSY;
}

static bool wire_name_is_plain(const char *name)
{
    size_t i = 0;

    while (i < JB_NAME_MAX && name[i] > ' ' && name[i] <= '~')
        i++;
    return i > 0 && i < JB_NAME_MAX && name[i] == '\0';
}

static bool wire_unit_is_sound(const struct jb_wire_sensor *in)
{
    bool plain = in->read_num == 1 && in->read_den == 1;

    return in->num && in->den && in->read_num && in->read_den &&
           in->quantum > 0 && (plain || !(in->flags & JB_SENSOR_SIGNED)) &&
           !(in->flags & JB_SENSOR_SIGNED && in->kind == JB_KIND_COUNTER);
}

static bool wire_enums_are_known(const struct jb_wire_sensor *in)
{
    return in->quantity <= JB_QUANTITY_LAST && in->kind <= JB_KIND_DELTA &&
           in->provenance <= JB_ESTIMATED &&
           in->pmax_from <= JB_BOUND_GUESSED &&
           in->domain_kind <= JB_DOMAIN_LAST && in->domain_die >= JB_NO_DIE &&
           wire_is_state(in->state);
}

int jb_wire_get_sensor(const struct jb_wire_sensor *in, struct jb_sensor *out,
                       struct jb_error *err)
{
    enum {
        WIRE_FLAGS = JB_SENSOR_MIRROR | JB_SENSOR_MAY_REST | JB_SENSOR_SIGNED,
    };

    if (!wire_name_is_plain(in->name))
        return jb_fail(err, JB_EFORMAT, "a sensor without a proper name");
    if (!wire_enums_are_known(in) || !wire_unit_is_sound(in) ||
        !wire_ends(in->reason, sizeof(in->reason)) ||
        !wire_ends(in->fix, sizeof(in->fix)) ||
        !wire_ends(in->note, sizeof(in->note)))
        return jb_fail(err, JB_EFORMAT, "%s is described in terms unknown here",
                       in->name);
    *out = (struct jb_sensor){
        .domain = { (enum jb_domain_kind)in->domain_kind, in->domain_index,
                    in->domain_die },
        .unit = { (enum jb_quantity)in->quantity, in->num, in->den,
                  in->read_num, in->read_den, in->modulus },
        .kind = (enum jb_kind)in->kind,
        .provenance = (enum jb_provenance)in->provenance,
        .pmax_from = (enum jb_bound_origin)in->pmax_from,
        .pmax_uw = in->pmax_uw,
        .update_ns = in->update_ns,
        .window_ns = in->window_ns,
        .lag_ns = in->lag_ns,
        .lag_unc_ns = in->lag_unc_ns,
        .quantum = in->quantum,
        .gain_ppm = in->gain_ppm,
        .generation = in->generation,
        .flags = in->flags & WIRE_FLAGS,
        .rank = in->rank,
        .state = in->state,
    };
    jb_wire_get_text(in->name, out->name, sizeof(out->name));
    jb_wire_get_text(in->reason, out->reason, sizeof(out->reason));
    jb_wire_get_text(in->fix, out->fix, sizeof(out->fix));
    jb_wire_get_text(in->note, out->note, sizeof(out->note));
    return JB_OK;
}

void jb_wire_put_sample(const struct jb_sample *sample,
                        struct jb_wire_sample *out)
{
    *out = (struct jb_wire_sample){
        .raw = sample->raw,
        .t0_ns = sample->t0_ns,
        .t1_ns = sample->t1_ns,
        .meter_ns = sample->meter_ns,
        .generation = sample->generation,
        .state = sample->state,
        .below_ppm = sample->below_ppm,
        .above_ppm = sample->above_ppm,
    };
}

void jb_wire_get_sample(const struct jb_wire_sample *in, uint64_t now_ns,
                        struct jb_sample *out)
{
    bool possible = in->t0_ns > 0 && in->t0_ns <= in->t1_ns &&
                    in->t1_ns <= now_ns && in->meter_ns <= now_ns;

    *out = (struct jb_sample){ .state = JB_EIMPLAUSIBLE };
    if (!possible || !wire_is_state(in->state))
        return;
    *out = (struct jb_sample){
        .generation = in->generation,
        .raw = in->raw,
        .t0_ns = in->t0_ns,
        .t1_ns = in->t1_ns,
        .meter_ns = in->meter_ns,
        .below_ppm = in->below_ppm,
        .above_ppm = in->above_ppm,
        .state = in->state,
    };
}

int jb_wire_get_error(const struct jb_wire_error *in, struct jb_error *err)
{
    char text[JB_ERROR_TEXT_MAX];
    char fix[JB_ERROR_FIX_MAX];
    int status =
        wire_is_state(in->status) && in->status < 0 ? in->status : JB_EFORMAT;

    if (!err)
        return status;
    jb_wire_get_text(in->text, text, sizeof(text));
    jb_wire_get_text(in->fix, fix, sizeof(fix));
    jb_fail(err, status, "%s", text);
    jb_error_set_fix(err, "%s", fix);
    return status;
}

uint64_t jb_wire_digest(uint64_t digest, const struct jb_wire_sensor *sensor)
{
    struct jb_wire_sensor constant = *sensor;
    const unsigned char *bytes = (const unsigned char *)&constant;

    constant.generation = 0;
    if (digest == 0)
        digest = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sizeof(constant); i++)
        digest = (digest ^ bytes[i]) * UINT64_C(0x100000001b3);
    return digest;
}
