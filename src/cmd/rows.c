/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/names.h"
#include "output.h"

enum {
    ROWS_ROW_MAX = 768, /* two escaped names and a dozen numbers */
    ROWS_FOOT_MAX = 64,
    ROWS_NUMBER_MAX = 48,
};

static const char rows_foot[] = "\n]}\n";

bool jb_rows_format_of(const char *path, enum jb_rows_format *out)
{
    static const char *const endings[] = { ".json", ".jsonl", ".csv" };
    size_t length = strlen(path);

    for (int i = JB_ROWS_JSON; i <= JB_ROWS_CSV; i++) {
        size_t part = strlen(endings[i]);

        if (length > part && strcmp(path + length - part, endings[i]) == 0) {
            *out = (enum jb_rows_format)i;
            return true;
        }
    }
    return false;
}

/* A CSV field is quoted when it must be, with quotes doubled. */
static char *rows_csv_text(const char *text)
{
    char *out;
    char *to;

    if (!strpbrk(text, ",\"\n\r"))
        return strdup(text);
    out = malloc(2 * strlen(text) + 3);
    if (!out)
        return NULL;
    to = out;
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"')
            *to++ = '"';
        *to++ = *text;
    }
    *to++ = '"';
    *to = '\0';
    return out;
}

static char *rows_json_text(const char *text)
{
    json_t *string = text[0] ? json_string(text) : json_null();
    char *out = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

    json_decref(string);
    return out;
}

static int rows_describe(struct jb_rows *rows, const struct jb_machine *machine,
                         size_t i, struct jb_error *err)
{
    size_t count;
    const struct jb_machine_sensor *from =
        &jb_machine_sensors(machine, &count)[i];
    struct jb_rows_sensor *to = &rows->sensors[i];
    char *(*escape)(const char *) =
        rows->format == JB_ROWS_CSV ? rows_csv_text : rows_json_text;
    char path[JB_SENSOR_PATH_MAX];
    char domain[JB_DOMAIN_NAME_MAX];

    to->sensor = escape(jb_machine_sensor_path(machine, i, path));
    to->domain = escape(jb_domain_name(&from->about->domain, domain));
    if (!to->sensor || !to->domain)
        return jb_fail(err, JB_ENOMEM, "name of %s", path);
    to->quantity = jb_quantity_name(from->about->unit.quantity);
    to->unit = jb_quantity_unit(from->about->unit.quantity);
    to->provenance = jb_provenance_name(from->about->provenance);
    to->about = from->about;
    to->metered =
        from->about->unit.quantity == JB_QUANTITY_ENERGY && from->domain >= 0;
    to->may_rest = from->about->flags & JB_SENSOR_MAY_REST ||
                   from->about->kind != JB_KIND_COUNTER;
    return JB_OK;
}

static void rows_write_all(struct jb_rows *rows, const char *bytes,
                           size_t length)
{
    off_t at = rows->end;

    while (length > 0 && rows->status == JB_OK) {
        ssize_t put = rows->seekable ? pwrite(rows->fd, bytes, length, at)
                                     : write(rows->fd, bytes, length);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            rows->errnum = put < 0 ? errno : EIO;
            rows->status = jb_fail_errno(NULL, rows->errnum, "write");
            return;
        }
        bytes += put;
        at += put;
        length -= (size_t)put;
    }
}

/* The closing brackets took room before: they fit even on a full disk. */
static void rows_restore_foot(struct jb_rows *rows)
{
    size_t length = strlen(rows_foot);

    if (rows->format == JB_ROWS_JSON &&
        pwrite(rows->fd, rows_foot, length, rows->end) == (ssize_t)length &&
        ftruncate(rows->fd, rows->end + (off_t)length) == 0)
        return;
    if (rows->format != JB_ROWS_JSON && ftruncate(rows->fd, rows->end) == 0)
        return;
}

void jb_rows_flush(struct jb_rows *rows)
{
    size_t used = rows->used;

    if (rows->status != JB_OK)
        return;
    if (rows->format == JB_ROWS_JSON && rows->seekable) {
        memcpy(rows->buffer + used, rows_foot, strlen(rows_foot));
        used += strlen(rows_foot);
    }
    rows_write_all(rows, rows->buffer, used);
    if (rows->status != JB_OK && rows->seekable)
        rows_restore_foot(rows);
    else
        rows->end += (off_t)rows->used;
    rows->used = 0;
}

static void rows_put(struct jb_rows *rows, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void rows_put(struct jb_rows *rows, const char *fmt, ...)
{
    size_t room = sizeof(rows->buffer) - ROWS_FOOT_MAX - rows->used;
    va_list ap;
    int length;

    va_start(ap, fmt);
    length = vsnprintf(rows->buffer + rows->used, room, fmt, ap);
    va_end(ap);
    if (length > 0 && (size_t)length < room)
        rows->used += (size_t)length;
}

static void rows_put_head(struct jb_rows *rows, uint64_t interval_ns)
{
    if (rows->format == JB_ROWS_CSV)
        rows_put(rows, "time,elapsed_s,sensor,domain,quantity,value,unit,"
                       "power_w,provenance,state\n");
    if (rows->format == JB_ROWS_JSON)
        rows_put(rows,
                 "{\"format\": \"joulebook-record\", \"version\": 1, "
                 "\"interval_s\": %" PRIu64 ".%09" PRIu64 ", \"readings\": [",
                 interval_ns / JB_NS_PER_S, interval_ns % JB_NS_PER_S);
}

int jb_rows_open(struct jb_rows *rows, const char *path,
                 enum jb_rows_format format, const struct jb_machine *machine,
                 uint64_t interval_ns, struct jb_error *err)
{
    bool to_stdout = strcmp(path, "-") == 0;
    size_t count;

    jb_machine_sensors(machine, &count);
    rows->format = format;
    rows->status = JB_OK;
    rows->second = -1;
    rows->begin_ns = jb_clock_now_ns(&jb_clock_boottime);
    rows->clock = (struct jb_clockmap){ rows->begin_ns, jb_clock_utc_ns() };
    rows->sensors = calloc(count + 1, sizeof(*rows->sensors));
    rows->sensor_count = count;
    rows->fd = to_stdout
                   ? STDOUT_FILENO
                   : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (!rows->sensors)
        return jb_fail(err, JB_ENOMEM, "%zu sensors", count);
    if (rows->fd < 0) {
        jb_fail_errno(err, errno, "%s", path);
        return err->status = JB_EIO; /* an absent directory is no meter */
    }
    rows->seekable = !to_stdout && lseek(rows->fd, 0, SEEK_CUR) == 0;
    for (size_t i = 0; i < count; i++) {
        int rc = rows_describe(rows, machine, i, err);

        if (rc < 0)
            return rc;
    }
    rows_put_head(rows, interval_ns);
    jb_rows_flush(rows);
    return rows->status == JB_OK
               ? JB_OK
               : jb_fail(err, rows->status, "writing %s failed", path);
}

/* ISO 8601 in UTC with milliseconds; the date is computed once a second. */
static void rows_put_time(struct jb_rows *rows, uint64_t t_ns,
                          const char *quote)
{
    int64_t utc_ns = jb_clockmap_utc_ns(&rows->clock, t_ns);
    int64_t second = utc_ns / JB_NS_PER_S;
    uint64_t since_ns = t_ns > rows->begin_ns ? t_ns - rows->begin_ns : 0;

    if (second != rows->second) {
        time_t time = (time_t)second;
        struct tm tm;

        gmtime_r(&time, &tm);
        strftime(rows->second_text, sizeof(rows->second_text),
                 "%Y-%m-%dT%H:%M:%S", &tm);
        rows->second = second;
    }
    rows_put(rows, "%s%s.%03dZ%s", quote, rows->second_text,
             (int)(utc_ns % JB_NS_PER_S / JB_NS_PER_MS), quote);
    rows_put(rows,
             rows->format == JB_ROWS_CSV ? ",%" PRIu64 ".%06" PRIu64
                                         : ", \"elapsed_s\": %" PRIu64
                                           ".%06" PRIu64,
             since_ns / JB_NS_PER_S, since_ns % JB_NS_PER_S / JB_NS_PER_US);
}

/* Millionths as a decimal number, whatever the locale. */
static const char *rows_micro(char out[ROWS_NUMBER_MAX], int64_t micro)
{
    uint64_t size = micro < 0 ? (uint64_t)-micro : (uint64_t)micro;

    snprintf(out, ROWS_NUMBER_MAX, "%s%" PRIu64 ".%06" PRIu64,
             micro < 0 ? "-" : "", size / 1000000, size % 1000000);
    return out;
}

/* A counter that stands still for too long was not observed: the meter has
 * booked a gap. */
static bool rows_stands_still(const struct jb_rows_sensor *sensor,
                              const struct jb_knot *knot)
{
    return knot && sensor->previous.t_ns != 0 &&
           knot->counts == sensor->previous.counts &&
           knot->gap_uj > sensor->previous.gap_uj;
}

static const char *rows_state(const struct jb_rows_sensor *sensor,
                              const struct jb_machine_news *news)
{
    if (news->sample->state != JB_OK)
        return jb_status_name(news->sample->state);
    if (sensor->metered && news->event == JB_METER_ADVANCE &&
        rows_stands_still(sensor, news->newest))
        return "gap";
    switch (news->event) {
    case JB_METER_GAP:
        return "gap";
    case JB_METER_RESET:
        return "reset";
    case JB_METER_JUMP:
        return "jump";
    case JB_METER_LATE:
        return "late";
    case JB_METER_REFUSED:
        return news->newest ? "implausible" : "ok";
    case JB_METER_FIRST:
    case JB_METER_ADVANCE:
        break;
    }
    return "ok";
}

/* Value, and mean power since the count last moved; "" where there is none: a
 * count that has not moved does not say 0 W. */
static void rows_values(struct jb_rows_sensor *sensor,
                        const struct jb_machine_news *news,
                        char value[ROWS_NUMBER_MAX],
                        char power[ROWS_NUMBER_MAX])
{
    const struct jb_knot *knot = news->newest;
    struct jb_knot *previous = &sensor->previous;
    struct jb_energy single;

    value[0] = power[0] = '\0';
    if (news->sample->state != JB_OK)
        return;
    if (!sensor->metered) {
        if (jb_sensor_value(sensor->about, news->sample->raw, &single) == JB_OK)
            rows_micro(value, single.uj);
        return;
    }
    if (!knot || news->event == JB_METER_REFUSED)
        return;
    if (previous->t_ns == 0)
        sensor->origin = knot->energy;
    rows_micro(value, jb_energy_sub(knot->energy, sensor->origin).uj);
    if (previous->t_ns != 0 && knot->counts == previous->counts &&
        !sensor->may_rest && news->event == JB_METER_ADVANCE)
        return;
    if (previous->t_ns != 0 && knot->t_ns > previous->t_ns &&
        news->event == JB_METER_ADVANCE && knot->gap_uj == previous->gap_uj)
        rows_micro(
            power,
            (int64_t)((double)jb_energy_sub(knot->energy, previous->energy).uj *
                      JB_NS_PER_S / (double)(knot->t_ns - previous->t_ns)));
    *previous = *knot;
}

static void rows_put_csv(struct jb_rows *rows,
                         const struct jb_rows_sensor *sensor,
                         const struct jb_machine_news *news, const char *value,
                         const char *power)
{
    rows_put_time(rows, news->sample->t1_ns, "");
    rows_put(rows, ",%s,%s,%s,%s,%s,%s,%s,%s\n", sensor->sensor, sensor->domain,
             sensor->quantity, value, sensor->unit, power, sensor->provenance,
             rows_state(sensor, news));
}

static void rows_put_json(struct jb_rows *rows,
                          const struct jb_rows_sensor *sensor,
                          const struct jb_machine_news *news, const char *value,
                          const char *power)
{
    if (rows->format == JB_ROWS_JSON)
        rows_put(rows, rows->any ? ",\n" : "\n");
    rows_put(rows, "{\"time\": ");
    rows_put_time(rows, news->sample->t1_ns, "\"");
    rows_put(rows,
             ", \"sensor\": %s, \"domain\": %s, \"quantity\": \"%s\", "
             "\"value\": %s, \"unit\": \"%s\", \"power_w\": %s, "
             "\"provenance\": \"%s\", \"state\": \"%s\"}%s",
             sensor->sensor, sensor->domain, sensor->quantity,
             value[0] ? value : "null", sensor->unit, power[0] ? power : "null",
             sensor->provenance, rows_state(sensor, news),
             rows->format == JB_ROWS_JSONL ? "\n" : "");
}

void jb_rows_add(struct jb_rows *rows, const struct jb_machine_news *news)
{
    struct jb_rows_sensor *sensor = &rows->sensors[news->sensor];
    char value[ROWS_NUMBER_MAX];
    char power[ROWS_NUMBER_MAX];

    if (rows->used + ROWS_ROW_MAX + ROWS_FOOT_MAX > sizeof(rows->buffer))
        jb_rows_flush(rows);
    rows_values(sensor, news, value, power);
    if (rows->format == JB_ROWS_CSV)
        rows_put_csv(rows, sensor, news, value, power);
    else
        rows_put_json(rows, sensor, news, value, power);
    rows->any = true;
    rows->count++;
}

int jb_rows_close(struct jb_rows *rows, struct jb_error *err)
{
    if (rows->fd >= 0) {
        if (rows->format == JB_ROWS_JSON && !rows->seekable)
            rows_put(rows, "%s", rows_foot);
        jb_rows_flush(rows);
        if (rows->fd != STDOUT_FILENO && close(rows->fd) < 0 &&
            rows->status == JB_OK) {
            rows->errnum = errno;
            rows->status = JB_EIO;
        }
    }
    for (size_t i = 0; rows->sensors && i < rows->sensor_count; i++) {
        free(rows->sensors[i].sensor);
        free(rows->sensors[i].domain);
    }
    free(rows->sensors);
    rows->sensors = NULL;
    if (rows->status == JB_OK)
        return JB_OK;
    return jb_fail(err, rows->status,
                   "writing the recording failed: %s; what was written is "
                   "valid",
                   strerrordesc_np(rows->errnum ? rows->errnum : EIO));
}
