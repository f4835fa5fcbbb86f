/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports as scaphandre's JSON exporter makes them, with every socket, in one
 * array that is closed at any moment.  Like the tool it takes the host's power
 * from psys, else from packages and memory; a report whose host is not known
 * is not written.
 */
#include "scaphandre.h"

#include <inttypes.h>
#include <string.h>

#include "account.h"
#include "base/clock.h"
#include "text.h"

const struct jb_scaphandre_domain
    jb_scaphandre_domains[JB_SCAPHANDRE_DOMAINS_COUNT] = {
        { "core", JB_DOMAIN_CORE },
        { "uncore", JB_DOMAIN_UNCORE },
        { "dram", JB_DOMAIN_DRAM },
    };

/* A disk's texts, quoted. */
struct scaphandre_disk {
    char *type, *mount_point, *file_system, *device;
};

/* Bytes of the last reading of a sensor. */
struct scaphandre_value {
    uint64_t bytes;
    bool known;
};

struct jb_format_state {
    const struct jb_format_setup *setup;
    struct jb_recording *file;
    struct jb_account account;
    struct scaphandre_disk *disks;
    struct scaphandre_value *values; /* one per sensor */
};

static void scaphandre_close(struct jb_format_state *state)
{
    if (!state)
        return;
    for (size_t i = 0; state->disks && i < state->setup->disk_count; i++) {
        free(state->disks[i].type);
        free(state->disks[i].mount_point);
        free(state->disks[i].file_system);
        free(state->disks[i].device);
    }
    free(state->disks);
    free(state->values);
    jb_account_release(&state->account);
    free(state);
}

static int scaphandre_quote_disks(struct jb_format_state *state,
                                  struct jb_error *err)
{
    for (size_t i = 0; i < state->setup->disk_count; i++) {
        const struct jb_format_disk *from = &state->setup->disks[i];
        struct scaphandre_disk *to = &state->disks[i];

        to->type = jb_json_quote(from->type);
        to->mount_point = jb_json_quote(from->mount_point);
        to->file_system = jb_json_quote(from->file_system);
        to->device = jb_json_quote(from->device);
        if (!to->type || !to->mount_point || !to->file_system || !to->device)
            return jb_fail(err, JB_ENOMEM, "names of disks");
    }
    return JB_OK;
}

static int scaphandre_open(const struct jb_format_setup *setup,
                           struct jb_recording *file,
                           struct jb_format_state **out, struct jb_error *err)
{
    struct jb_format_state *state = calloc(1, sizeof(*state));
    int rc;

    if (!state)
        return jb_fail(err, JB_ENOMEM, "a recording");
    state->setup = setup;
    state->file = file;
    rc = jb_account_init(&state->account, setup, err);
    state->disks = calloc(setup->disk_count + 1, sizeof(*state->disks));
    state->values = calloc(setup->sensor_count + 1, sizeof(*state->values));
    if (rc == JB_OK && (!state->disks || !state->values))
        rc = jb_fail(err, JB_ENOMEM, "a report");
    if (rc == JB_OK)
        rc = scaphandre_quote_disks(state, err);
    if (rc < 0) {
        scaphandre_close(state);
        return rc;
    }
    jb_recording_put_text(file, "[");
    jb_recording_end_row(file);
    *out = state;
    return JB_OK;
}

static void scaphandre_add(struct jb_format_state *state,
                           const struct jb_format_reading *reading)
{
    const struct jb_unit *unit =
        &state->setup->sensors[reading->sensor].about->unit;
    struct scaphandre_value *value = &state->values[reading->sensor];

    value->known =
        unit->quantity == JB_QUANTITY_DATA && reading->sample->state == JB_OK &&
        !__builtin_mul_overflow(reading->sample->raw,
                                unit->num / 1000000 / unit->den, &value->bytes);
}

static void scaphandre_put_figure(struct jb_format_state *state, uint64_t uw,
                                  uint64_t t_ns)
{
    char time[JB_NUMBER_MAX];

    jb_format_epoch(time, jb_clockmap_utc_ns(&state->setup->clock, t_ns));
    jb_recording_put(state->file,
                     "\"" JB_SCAPHANDRE_CONSUMPTION "\":%" PRIu64
                     ".0,\"" JB_SCAPHANDRE_TIMESTAMP "\":%s",
                     uw, time);
}

static void scaphandre_put_disks(struct jb_format_state *state)
{
    bool any = false;

    for (size_t i = 0; i < state->setup->disk_count; i++) {
        const struct jb_format_disk *disk = &state->setup->disks[i];
        const struct scaphandre_disk *text = &state->disks[i];
        const struct scaphandre_value *size = &state->values[disk->size];
        const struct scaphandre_value *used = &state->values[disk->used];

        if (!size->known || !used->known || used->bytes > size->bytes)
            continue;
        jb_recording_put(state->file,
                         "%s{\"disk_type\":%s,\"disk_mount_point\":%s,"
                         "\"disk_is_removable\":%s,\"disk_file_system\":%s,"
                         "\"disk_total_bytes\":\"%" PRIu64
                         "\",\"disk_available_bytes\":\"%" PRIu64
                         "\",\"disk_name\":%s}",
                         any ? "," : "", text->type, text->mount_point,
                         disk->removable ? "true" : "false", text->file_system,
                         size->bytes, size->bytes - used->bytes, text->device);
        any = true;
    }
}

static void scaphandre_put_domains(struct jb_format_state *state,
                                   uint16_t socket)
{
    bool any = false;

    for (size_t k = 0; k < JB_SCAPHANDRE_DOMAINS_COUNT; k++) {
        const struct jb_scaphandre_domain *row = &jb_scaphandre_domains[k];
        const struct jb_account_device *device =
            jb_account_find(&state->account, row->kind, socket);

        if (!device || !device->known)
            continue;
        jb_recording_put(state->file, "%s{\"" JB_SCAPHANDRE_NAME "\":\"%s\",",
                         any ? "," : "", row->name);
        scaphandre_put_figure(state, device->uw, device->t_ns);
        jb_recording_put_text(state->file, "}");
        any = true;
    }
}

static void scaphandre_put_sockets(struct jb_format_state *state)
{
    bool any = false;

    for (size_t i = 0; i < state->account.count; i++) {
        const struct jb_account_device *device = &state->account.devices[i];
        char time[JB_NUMBER_MAX];

        if (device->kind != JB_DOMAIN_PACKAGE || !device->known)
            continue;
        jb_format_epoch(time,
                        jb_clockmap_utc_ns(&state->setup->clock, device->t_ns));
        jb_recording_put(state->file,
                         "%s{\"" JB_SCAPHANDRE_ID
                         "\":%u,\"" JB_SCAPHANDRE_CONSUMPTION "\":%" PRIu64
                         ".0,\"" JB_SCAPHANDRE_DOMAINS "\":[",
                         any ? "," : "", device->index, device->uw);
        scaphandre_put_domains(state, device->index);
        jb_recording_put(state->file, "],\"" JB_SCAPHANDRE_TIMESTAMP "\":%s}",
                         time);
        any = true;
    }
}

/* Not every machine has a meter of its memory, but what it has must be known;
 * nor does the host become another sum where psys has no figure for once. */
static bool scaphandre_host_uw(const struct jb_account *account, uint64_t *uw)
{
    uint64_t packages;
    uint64_t memory = 0;

    if (jb_account_has(account, JB_DOMAIN_PSYS))
        return jb_account_sum(account, JB_DOMAIN_PSYS, uw);
    if (!jb_account_sum(account, JB_DOMAIN_PACKAGE, &packages))
        return false;
    if (jb_account_has(account, JB_DOMAIN_DRAM) &&
        !jb_account_sum(account, JB_DOMAIN_DRAM, &memory))
        return false;
    *uw = packages + memory;
    return true;
}

static void scaphandre_tick(struct jb_format_state *state,
                            const struct jb_format_tick *tick)
{
    uint64_t host_uw = 0;

    jb_account_take(&state->account, tick);
    if (!scaphandre_host_uw(&state->account, &host_uw))
        return;
    jb_recording_put_text(state->file, state->file->rows ? ",\n" : "\n");
    jb_recording_put_text(state->file, "{\"" JB_SCAPHANDRE_HOST "\":{");
    scaphandre_put_figure(state, host_uw, tick->end_ns);
    jb_recording_put_text(state->file, ",\"" JB_SCAPHANDRE_COMPONENTS
                                       "\":{\"" JB_SCAPHANDRE_DISKS "\":[");
    scaphandre_put_disks(state);
    jb_recording_put_text(state->file, "]}},\"" JB_SCAPHANDRE_CONSUMERS
                                       "\":[],\"" JB_SCAPHANDRE_SOCKETS "\":[");
    scaphandre_put_sockets(state);
    jb_recording_put_text(state->file, "]}");
    state->file->rows++;
    jb_recording_end_row(state->file);
}

const struct jb_format jb_format_scaphandre = {
    .name = "scaphandre",
    .foot = "\n]\n",
    .interval_ns = 2 * (uint64_t)JB_NS_PER_S,
    .open = scaphandre_open,
    .add = scaphandre_add,
    .tick = scaphandre_tick,
    .close = scaphandre_close,
};
