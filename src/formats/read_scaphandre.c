/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of scaphandre's JSON exporter: mean powers since the report before.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "read.h"
#include "scaphandre.h"

static const double scaphandre_latest_s = 1e11;

static const struct jb_recorded_sensor *
scaphandre_find(const struct jb_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->recorded->count; i++)
        if (strcmp(reader->recorded->sensors[i].name, name) == 0)
            return &reader->recorded->sensors[i];
    return NULL;
}

/* The instant of a figure since the first; wall clocks are set back, and what
 * then seems older than what was there before cannot be placed: 0. */
static int scaphandre_time(struct jb_reader *reader, const json_t *object,
                           uint64_t *t_ns, struct jb_error *err)
{
    const json_t *stamp = json_object_get(object, JB_SCAPHANDRE_TIMESTAMP);
    double at_s = json_number_value(stamp);

    if (!json_is_number(stamp) || !(at_s >= 0.0 && at_s < scaphandre_latest_s))
        return jb_reader_refuse(reader, err, "no time of this world");
    if (!reader->stamped)
        reader->first_s = at_s - 1.0; /* sockets may be stamped before it */
    reader->stamped = true;
    *t_ns = at_s > reader->first_s
                ? (uint64_t)((at_s - reader->first_s) * JB_NS_PER_S)
                : 0;
    return JB_OK;
}

static int scaphandre_figure(struct jb_reader *reader, const json_t *object,
                             const char *name, struct jb_domain domain,
                             struct jb_error *err)
{
    const json_t *power = json_object_get(object, JB_SCAPHANDRE_CONSUMPTION);
    const struct jb_recorded_sensor *known = scaphandre_find(reader, name);
    struct jb_reader_power row = { .name = name, .domain = domain };
    int rc;

    if (!json_is_object(object) || !json_is_number(power) ||
        !jb_reader_micro(json_number_value(power) / 1e6, &row.uw) || row.uw < 0)
        return jb_reader_refuse(reader, err, "%s has no power", name);
    rc = scaphandre_time(reader, object, &row.t_ns, err);
    if (rc < 0)
        return rc;
    if (known) {
        uint64_t last_ns = known->rows[known->count - 1].t_ns;

        if (row.t_ns <= last_ns)
            return JB_OK;
        row.window_ns = row.t_ns - last_ns;
    }
    return jb_reader_add_power(reader, &row, err);
}

static int scaphandre_domain(struct jb_reader *reader, const json_t *domain,
                             uint16_t socket, struct jb_error *err)
{
    const char *name =
        json_string_value(json_object_get(domain, JB_SCAPHANDRE_NAME));
    struct jb_domain place = { .index = socket, .die = JB_NO_DIE };
    char full[JB_NAME_MAX];

    if (!name)
        return jb_reader_refuse(reader, err, "a domain without a name");
    for (size_t i = 0; i < JB_SCAPHANDRE_DOMAINS_COUNT; i++)
        if (strcmp(name, jb_scaphandre_domains[i].name) == 0)
            place.kind = jb_scaphandre_domains[i].kind;
    snprintf(full, sizeof(full), "socket-%u/%.40s", socket, name);
    return scaphandre_figure(reader, domain, full, place, err);
}

static int scaphandre_socket(struct jb_reader *reader, const json_t *socket,
                             struct jb_error *err)
{
    const json_t *id = json_object_get(socket, JB_SCAPHANDRE_ID);
    json_t *domains = json_object_get(socket, JB_SCAPHANDRE_DOMAINS);
    json_int_t number = json_integer_value(id);
    char name[JB_NAME_MAX];
    size_t i;
    json_t *domain;
    int rc;

    if (!json_is_integer(id) || number < 0 || number > UINT16_MAX ||
        !json_is_array(domains))
        return jb_reader_refuse(reader, err, "a socket without id or domains");
    snprintf(name, sizeof(name), "socket-%u", (unsigned)number);
    rc = scaphandre_figure(
        reader, socket, name,
        (struct jb_domain){ JB_DOMAIN_PACKAGE, (uint16_t)number, JB_NO_DIE },
        err);
    json_array_foreach(domains, i, domain)
    {
        if (rc == JB_OK)
            rc = scaphandre_domain(reader, domain, (uint16_t)number, err);
    }
    return rc;
}

/* The host's figure is a sum, of psys or of what the sockets say: it belongs
 * to no domain, so that it is not counted twice. */
int jb_read_scaphandre(struct jb_reader *reader, const json_t *value,
                       struct jb_error *err)
{
    json_t *sockets = json_object_get(value, JB_SCAPHANDRE_SOCKETS);
    size_t i;
    json_t *socket;
    int rc;

    if (!json_is_array(sockets))
        return jb_reader_refuse(reader, err, "a report without sockets");
    rc = scaphandre_figure(reader, json_object_get(value, JB_SCAPHANDRE_HOST),
                           JB_SCAPHANDRE_HOST,
                           (struct jb_domain){ .die = JB_NO_DIE }, err);
    json_array_foreach(sockets, i, socket)
    {
        if (rc == JB_OK)
            rc = scaphandre_socket(reader, socket, err);
    }
    return rc;
}
