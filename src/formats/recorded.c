/* SPDX-License-Identifier: Apache-2.0 */
#include "recorded.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "energizta.h"
#include "native.h"
#include "read.h"
#include "scaphandre.h"

enum {
    RECORDED_FIRST = 16,
    RECORDED_HEAD_MAX = 65536,
    RECORDED_TEXT_MAX = 160
};

static const double recorded_most = 9e12; /* millionths of it fit 64 bits */

int jb_reader_refuse(const struct jb_reader *reader, struct jb_error *err,
                     const char *fmt, ...)
{
    char text[RECORDED_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (char *c = text; *c; c++) /* it goes to a terminal */
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = '?';
    return jb_fail(err, JB_EFORMAT, "%s:%u: %s", reader->name, reader->line,
                   text);
}

bool jb_reader_micro(double value, int64_t *micro)
{
    if (!(value > -recorded_most && value < recorded_most))
        return false;
    *micro = (int64_t)(value * 1e6 + (value < 0.0 ? -0.5 : 0.5));
    return true;
}

/* Makes room for one more element of *array. */
static int recorded_grow(void **array, size_t *room, size_t count, size_t size,
                         struct jb_error *err)
{
    size_t wanted = *room ? 2 * *room : RECORDED_FIRST;
    void *grown;

    if (count < *room)
        return JB_OK;
    grown = reallocarray(*array, wanted, size);
    if (!grown)
        return jb_fail(err, JB_ENOMEM, "no memory for a recording of %zu rows",
                       wanted);
    *array = grown;
    *room = wanted;
    return JB_OK;
}

/* As plugin/sensor.h wants names. */
static bool recorded_is_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return false;
    return name[0] != '\0' && strlen(name) < JB_NAME_MAX;
}

static int recorded_new_sensor(struct jb_reader *reader,
                               const struct jb_reader_row *row,
                               struct jb_error *err)
{
    struct jb_recorded *recorded = reader->recorded;
    void *sensors = recorded->sensors;
    int rc;

    if (!recorded_is_name(row->name))
        return jb_reader_refuse(reader, err, "'%.80s' is no sensor's name",
                                row->name);
    if (recorded->count == JB_RECORDED_SENSORS_MAX)
        return jb_fail(err, JB_ELIMIT, "%s: more than %d sensors", reader->name,
                       JB_RECORDED_SENSORS_MAX);
    rc = recorded_grow(&sensors, &recorded->room, recorded->count,
                       sizeof(*recorded->sensors), err);
    recorded->sensors = sensors;
    if (rc < 0)
        return rc;
    recorded->sensors[recorded->count] =
        (struct jb_recorded_sensor){ .domain = row->domain,
                                     .quantity = row->quantity,
                                     .kind = row->kind,
                                     .provenance = row->provenance };
    snprintf(recorded->sensors[recorded->count].name, JB_NAME_MAX, "%s",
             row->name);
    reader->hint = recorded->count++;
    return JB_OK;
}

/* Rows come in the same order again and again. */
static int recorded_find(struct jb_reader *reader,
                         const struct jb_reader_row *row,
                         struct jb_recorded_sensor **out, struct jb_error *err)
{
    struct jb_recorded *recorded = reader->recorded;
    int rc;

    for (size_t i = 0; i < recorded->count; i++) {
        size_t at = (reader->hint + 1 + i) % recorded->count;

        if (strcmp(recorded->sensors[at].name, row->name) != 0)
            continue;
        reader->hint = at;
        *out = &recorded->sensors[at];
        return JB_OK;
    }
    rc = recorded_new_sensor(reader, row, err);
    if (rc == JB_OK)
        *out = &recorded->sensors[reader->hint];
    return rc;
}

static bool recorded_is_other(const struct jb_recorded_sensor *sensor,
                              const struct jb_reader_row *row)
{
    return sensor->domain.kind != row->domain.kind ||
           sensor->domain.index != row->domain.index ||
           sensor->domain.die != row->domain.die ||
           sensor->quantity != row->quantity;
}

static const struct jb_recorded_row *
recorded_last(const struct jb_recorded_sensor *sensor)
{
    return &sensor->rows[sensor->count - 1];
}

/* The newest row with a value, or NULL. */
static const struct jb_recorded_row *
recorded_last_value(const struct jb_recorded_sensor *sensor)
{
    for (size_t i = sensor->count; i > 0; i--)
        if (sensor->rows[i - 1].state == JB_OK)
            return &sensor->rows[i - 1];
    return NULL;
}

static void recorded_fill(struct jb_recorded_sensor *sensor,
                          const struct jb_reader_row *row)
{
    const struct jb_recorded_row *value = recorded_last_value(sensor);
    const struct jb_recorded_row *last =
        sensor->count ? &sensor->rows[sensor->count - 1] : NULL;
    bool fell = value && row->state == JB_OK &&
                sensor->kind == JB_KIND_COUNTER && row->micro < value->micro;
    struct jb_recorded_row made = { .t_ns = row->t_ns,
                                    .micro = row->micro,
                                    .generation = last ? last->generation : 0,
                                    .state = row->state };

    made.generation += last && (row->gap || fell);
    if (last && last->t_ns == row->t_ns)
        sensor->count--;
    sensor->rows[sensor->count++] = made;
}

int jb_reader_add(struct jb_reader *reader, const struct jb_reader_row *row,
                  struct jb_error *err)
{
    struct jb_recorded_sensor *sensor = NULL;
    void *rows;
    int rc = recorded_find(reader, row, &sensor, err);

    if (rc < 0 || !sensor)
        return rc;
    if (recorded_is_other(sensor, row))
        return jb_reader_refuse(reader, err,
                                "%.64s has another domain or quantity than "
                                "before",
                                row->name);
    if (sensor->rows && sensor->count > 0 &&
        row->t_ns < sensor->rows[sensor->count - 1].t_ns)
        return jb_reader_refuse(reader, err, "%.64s goes back in time",
                                row->name);
    if (reader->recorded->rows == JB_RECORDED_ROWS_MAX)
        return jb_fail(err, JB_ELIMIT, "%s: more than %d readings",
                       reader->name, JB_RECORDED_ROWS_MAX);
    rows = sensor->rows;
    rc = recorded_grow(&rows, &sensor->room, sensor->count,
                       sizeof(*sensor->rows), err);
    sensor->rows = rows;
    if (rc < 0 || !rows)
        return rc;
    recorded_fill(sensor, row);
    reader->recorded->rows++;
    return JB_OK;
}

static int recorded_add_energy(struct jb_reader *reader,
                               const struct jb_reader_power *power,
                               const struct jb_recorded_row *point, bool gap,
                               struct jb_error *err)
{
    return jb_reader_add(
        reader,
        &(struct jb_reader_row){ .name = power->name,
                                 .domain = power->domain,
                                 .quantity = JB_QUANTITY_ENERGY,
                                 .kind = JB_KIND_COUNTER,
                                 .provenance = JB_MEASURED,
                                 .t_ns = point->t_ns,
                                 .micro = point->micro,
                                 .state = JB_OK,
                                 .gap = gap },
        err);
}

/* A power that is no multiple of the step was not rounded to it. */
static void recorded_note_step(struct jb_recorded_sensor *sensor,
                               const struct jb_reader_power *power, bool first)
{
    if (first)
        sensor->step_uw = power->step_uw;
    if (power->step_uw == 0 || power->uw % (int64_t)power->step_uw != 0)
        sensor->step_uw = 0;
}

int jb_reader_add_power(struct jb_reader *reader,
                        const struct jb_reader_power *power,
                        struct jb_error *err)
{
    struct jb_recorded *recorded = reader->recorded;
    struct jb_recorded_row point = { .t_ns = power->t_ns - power->window_ns };
    double step = (double)power->uw * (double)power->window_ns / 1e9;
    const struct jb_recorded_row *last = NULL;
    int rc = JB_OK;

    for (size_t i = 0; i < recorded->count && !last; i++)
        if (strcmp(recorded->sensors[i].name, power->name) == 0)
            last = recorded_last(&recorded->sensors[i]);
    if (last)
        point.micro = last->micro;
    if (!(step < (double)(INT64_MAX / 2 - point.micro)))
        return jb_reader_refuse(reader, err, "more energy than there is");
    if (!last || last->t_ns < point.t_ns)
        rc = recorded_add_energy(reader, power, &point, last != NULL, err);
    if (rc < 0)
        return rc;
    point.t_ns = power->t_ns;
    point.micro += (int64_t)step;
    rc = recorded_add_energy(reader, power, &point, false, err);
    if (rc == JB_OK)
        recorded_note_step(&recorded->sensors[reader->hint], power, !last);
    return rc;
}

static bool recorded_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void recorded_pass(struct jb_reader *reader, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        reader->line += reader->text[reader->at + i] == '\n';
    reader->at += bytes;
}

/* The next byte that is not blank, or '\0' at the end. */
static char recorded_peek(struct jb_reader *reader)
{
    while (reader->at < reader->length &&
           recorded_is_blank(reader->text[reader->at]))
        recorded_pass(reader, 1);
    if (reader->at == reader->length)
        return '\0';
    return reader->text[reader->at];
}

typedef int recorded_visit(struct jb_reader *reader, const json_t *value,
                           struct jb_error *err);

/* Reads one value, from which *visit takes the rows.  1: done; 0: it is cut
 * off. */
static int recorded_take(struct jb_reader *reader, recorded_visit *visit,
                         struct jb_error *err)
{
    json_error_t trouble;
    json_t *value =
        json_loadb(reader->text + reader->at, reader->length - reader->at,
                   JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &trouble);
    int rc;

    if (!value) {
        if (json_error_code(&trouble) == json_error_premature_end_of_input)
            return 0;
        if (json_error_code(&trouble) == json_error_out_of_memory)
            return jb_fail(err, JB_ENOMEM, "no memory to read %s",
                           reader->name);
        reader->line += trouble.line > 0 ? (unsigned)trouble.line - 1 : 0;
        return jb_reader_refuse(reader, err, "%s", trouble.text);
    }
    rc = visit(reader, value, err);
    json_decref(value);
    if (rc < 0)
        return rc;
    recorded_pass(reader, (size_t)trouble.position);
    return 1;
}

/* Elements of an array whose bracket was passed, up to its end. */
static int recorded_take_array(struct jb_reader *reader, recorded_visit *visit,
                               struct jb_error *err)
{
    bool more = recorded_peek(reader) != ']';
    int rc = 1;

    while (more && rc > 0) {
        if (recorded_peek(reader) == '\0')
            break;
        rc = recorded_take(reader, visit, err);
        if (rc <= 0)
            break;
        more = recorded_peek(reader) == ',';
        if (more)
            recorded_pass(reader, 1);
    }
    if (rc < 0)
        return rc;
    reader->recorded->cut_off = recorded_peek(reader) != ']';
    if (!reader->recorded->cut_off) {
        recorded_pass(reader, 1);
        return JB_OK;
    }
    if (rc > 0 && recorded_peek(reader) != '\0')
        return jb_reader_refuse(reader, err, "a comma or a bracket is missing");
    return JB_OK;
}

/* Values one behind the other, each on lines of its own or not. */
static int recorded_take_all(struct jb_reader *reader, recorded_visit *visit,
                             struct jb_error *err)
{
    int rc = 1;

    while (rc > 0 && recorded_peek(reader) != '\0') {
        const char *at = reader->text + reader->at;
        const char *end = memchr(at, '\n', reader->length - reader->at);

        /* energizta.sh writes remarks among its lines */
        if (visit == jb_read_energizta && reader->length - reader->at > 3 &&
            memcmp(at, "-- ", 3) == 0)
            recorded_pass(reader, end ? (size_t)(end - at)
                                      : reader->length - reader->at);
        else
            rc = recorded_take(reader, visit, err);
    }
    if (rc < 0)
        return rc;
    reader->recorded->cut_off = rc == 0;
    return JB_OK;
}

/* Nothing but blanks may follow. */
static int recorded_expect_end(struct jb_reader *reader, struct jb_error *err)
{
    if (reader->recorded->cut_off || recorded_peek(reader) == '\0')
        return JB_OK;
    return jb_reader_refuse(reader, err, "something follows the end");
}

/* The head of our JSON: all before the first reading, closed, is JSON. */
static int recorded_native_head(struct jb_reader *reader, size_t length,
                                struct jb_error *err)
{
    char *head = malloc(length + 3);
    json_error_t trouble;
    json_t *value;
    int version = 0;
    const char *format = NULL;
    bool known;

    if (!head)
        return jb_fail(err, JB_ENOMEM, "no memory to read %s", reader->name);
    memcpy(head, reader->text + reader->at, length);
    memcpy(head + length, "]}", 3);
    value = json_loads(head, JSON_REJECT_DUPLICATES, &trouble);
    free(head);
    known = value &&
            json_unpack(value, "{s:s, s:i}", "format", &format, "version",
                        &version) == 0 &&
            strcmp(format, JB_NATIVE_FORMAT) == 0 &&
            version == JB_NATIVE_VERSION;
    json_decref(value);
    if (!known)
        return jb_reader_refuse(reader, err,
                                "the head is not that of %s, version %d",
                                JB_NATIVE_FORMAT, JB_NATIVE_VERSION);
    recorded_pass(reader, length);
    return JB_OK;
}

static int recorded_native_json(struct jb_reader *reader, struct jb_error *err)
{
    static const char key[] = "\"readings\"";
    const char *begin = reader->text + reader->at;
    size_t left = reader->length - reader->at;
    const char *found =
        memmem(begin, left < RECORDED_HEAD_MAX ? left : RECORDED_HEAD_MAX, key,
               strlen(key));
    const char *bracket =
        found ? memchr(found, '[', left - (size_t)(found - begin)) : NULL;
    int rc;

    if (!bracket)
        return jb_reader_refuse(reader, err, "it has no readings");
    rc = recorded_native_head(reader, (size_t)(bracket - begin) + 1, err);
    if (rc == JB_OK)
        rc = recorded_take_array(reader, jb_read_native, err);
    if (rc < 0 || reader->recorded->cut_off)
        return rc;
    if (recorded_peek(reader) != '}')
        return jb_reader_refuse(reader, err, "the closing brace is missing");
    recorded_pass(reader, 1);
    return recorded_expect_end(reader, err);
}

/* Our JSON is one object, whose first key tells it. */
static bool recorded_is_native_json(const struct jb_reader *reader)
{
    size_t at = reader->at + 1;

    while (at < reader->length && recorded_is_blank(reader->text[at]))
        at++;
    return reader->length - at >= 8 &&
           memcmp(reader->text + at, "\"format\"", 8) == 0;
}

/* Finds out by the keys of the first object, and takes its rows. */
static int recorded_visit_first(struct jb_reader *reader, const json_t *value,
                                struct jb_error *err)
{
    if (json_object_get(value, JB_ENERGIZTA_POWERS)) {
        reader->recorded->format = "energizta";
        return jb_read_energizta(reader, value, err);
    }
    if (json_object_get(value, JB_SCAPHANDRE_SOCKETS)) {
        reader->recorded->format = "scaphandre";
        return jb_read_scaphandre(reader, value, err);
    }
    if (json_object_get(value, jb_native_names[JB_NATIVE_SENSOR].name)) {
        reader->recorded->format = "native";
        return jb_read_native(reader, value, err);
    }
    return jb_reader_refuse(reader, err,
                            "this is no recording that is known: not ours, "
                            "energizta's or scaphandre's");
}

static int recorded_objects(struct jb_reader *reader, struct jb_error *err)
{
    int rc = recorded_take(reader, recorded_visit_first, err);

    if (rc == 0)
        return jb_reader_refuse(reader, err, "it ends within the first row");
    if (rc < 0)
        return rc;
    if (strcmp(reader->recorded->format, "energizta") == 0)
        return recorded_take_all(reader, jb_read_energizta, err);
    if (strcmp(reader->recorded->format, "scaphandre") == 0)
        return recorded_take_all(reader, jb_read_scaphandre, err);
    return recorded_take_all(reader, jb_read_native, err);
}

static int recorded_dispatch(struct jb_reader *reader, struct jb_error *err)
{
    const char *csv = jb_native_names[JB_NATIVE_TIME].name;
    char first = recorded_peek(reader);
    const char *at = reader->text + reader->at;
    size_t left = reader->length - reader->at;
    int rc;

    reader->recorded->format = "native";
    if (first == '{' && recorded_is_native_json(reader))
        return recorded_native_json(reader, err);
    if (first == '{')
        return recorded_objects(reader, err);
    if (first == '[') {
        reader->recorded->format = "scaphandre";
        recorded_pass(reader, 1);
        rc = recorded_take_array(reader, jb_read_scaphandre, err);
        return rc == JB_OK ? recorded_expect_end(reader, err) : rc;
    }
    if (left > 3 && memcmp(at, "-- ", 3) == 0) {
        reader->recorded->format = "energizta";
        return recorded_take_all(reader, jb_read_energizta, err);
    }
    if (left > strlen(csv) && memcmp(at, csv, strlen(csv)) == 0)
        return jb_read_csv(reader, err);
    return jb_reader_refuse(reader, err,
                            first ? "neither JSON nor our CSV begins so"
                                  : "it is empty");
}

int jb_recorded_parse(const char *name, const char *text, size_t length,
                      struct jb_recorded **out, struct jb_error *err)
{
    struct jb_reader reader = {
        .name = name, .text = text, .length = length, .line = 1
    };
    int rc;

    reader.recorded = calloc(1, sizeof(*reader.recorded));
    if (!reader.recorded)
        return jb_fail(err, JB_ENOMEM, "no memory to read %s", name);
    rc = recorded_dispatch(&reader, err);
    if (rc == JB_OK && reader.recorded->rows == 0)
        rc = jb_fail(err, JB_EFORMAT, "%s: there is no reading in it", name);
    if (rc < 0) {
        jb_recorded_free(reader.recorded);
        return rc;
    }
    *out = reader.recorded;
    return JB_OK;
}

static int recorded_load(const char *path, char **out, size_t *length,
                         struct jb_error *err)
{
    JB_AUTO_CLOSE int fd = -1;
    JB_AUTO_FREE char *text = NULL;
    struct stat status;
    size_t used = 0;
    ssize_t got = 1;
    int rc = jb_file_open(path, &fd, err);

    if (rc < 0)
        return rc;
    if (fstat(fd, &status) < 0)
        return jb_fail_errno(err, errno, "%s", path);
    if (!S_ISREG(status.st_mode))
        return jb_fail(err, JB_EFORMAT, "%s is not a file", path);
    if (status.st_size > JB_RECORDED_BYTES_MAX)
        return jb_fail(err, JB_ELIMIT, "%s holds more than %d MiB", path,
                       JB_RECORDED_BYTES_MAX >> 20);
    text = malloc((size_t)status.st_size + 1);
    if (!text)
        return jb_fail(err, JB_ENOMEM, "no memory to read %s", path);
    while (used < (size_t)status.st_size && got > 0) {
        got = read(fd, text + used, (size_t)status.st_size - used);
        if (got < 0 && errno != EINTR)
            return jb_fail_errno(err, errno, "reading %s", path);
        used += got > 0 ? (size_t)got : 0;
        got = got < 0 ? 1 : got;
    }
    *out = jb_steal(text);
    *length = used;
    return JB_OK;
}

int jb_recorded_read(const char *path, struct jb_recorded **out,
                     struct jb_error *err)
{
    char *text = NULL;
    size_t length = 0;
    int rc = recorded_load(path, &text, &length, err);

    if (rc == JB_OK)
        rc = jb_recorded_parse(path, text, length, out, err);
    free(text);
    return rc;
}

void jb_recorded_free(struct jb_recorded *recorded)
{
    if (!recorded)
        return;
    for (size_t i = 0; i < recorded->count; i++)
        free(recorded->sensors[i].rows);
    free(recorded->sensors);
    free(recorded);
}
