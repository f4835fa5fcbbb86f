/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines as energizta.sh 0.5 prints them: JSON without a blank between members,
 * powers in whole watts.  Each line is a state of its own (nb_states 1), so
 * that nothing is rounded twice as the tool's averages are.
 */
#include "energizta.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "account.h"
#include "base/clock.h"
#include "text.h"

enum { ENERGIZTA_KEY_MAX = 40, ENERGIZTA_EXTRA = 8 };

const struct jb_energizta_power
    jb_energizta_powers[JB_ENERGIZTA_POWERS_COUNT] = {
        { "rapl_package_", JB_DOMAIN_PACKAGE, "rapl_total_watt" },
        { "rapl_dram_", JB_DOMAIN_DRAM, "rapl_total_watt" },
        { "rapl_psys_", JB_DOMAIN_PSYS, "rapl_totalpsys_watt" },
    };

/* The tool has some that we have no meter for yet: their paths are NULL. */
const struct jb_energizta_node jb_energizta_nodes[JB_ENERGIZTA_NODES_COUNT] = {
    { "dcmi_cur_watt", NULL },     { "g5k_watt", NULL },
    { "manual_input_watt", NULL }, { "sensors_acpi_watt", "hwmon/power_meter" },
    { "shellyplug_watt", NULL },
};

/* One member of "powers", as it is printed: the totals sum these. */
struct energizta_member {
    char key[ENERGIZTA_KEY_MAX];
    uint64_t uw; /* a multiple of the unit that is printed */
};

struct jb_format_state {
    const struct jb_format_setup *setup;
    struct jb_recording *file;
    struct jb_account account;
    struct jb_energizta_states *states;
    struct energizta_member *members;
    size_t count;
    uint64_t unit_uw; /* of the last digit */
};

static void energizta_close(struct jb_format_state *state)
{
    if (!state)
        return;
    jb_account_release(&state->account);
    jb_energizta_states_close(state->states);
    free(state->members);
    free(state);
}

static uint64_t energizta_unit_uw(unsigned decimals)
{
    uint64_t unit_uw = 1000000;

    for (unsigned i = 0; i < decimals; i++)
        unit_uw /= 10;
    return unit_uw ? unit_uw : 1;
}

static int energizta_open(const struct jb_format_setup *setup,
                          struct jb_recording *file,
                          struct jb_format_state **out, struct jb_error *err)
{
    struct jb_format_state *state = calloc(1, sizeof(*state));
    int rc;

    if (!state)
        return jb_fail(err, JB_ENOMEM, "a recording");
    state->setup = setup;
    state->file = file;
    state->unit_uw = energizta_unit_uw(setup->decimals);
    rc = jb_account_init(&state->account, setup, err);
    if (rc == JB_OK) {
        state->members = calloc(state->account.count + ENERGIZTA_EXTRA,
                                sizeof(*state->members));
        if (!state->members)
            rc = jb_fail(err, JB_ENOMEM, "a line");
    }
    if (rc == JB_OK)
        rc = jb_energizta_states_open(setup, &state->states, err);
    if (rc < 0) {
        energizta_close(state);
        return rc;
    }
    *out = state;
    return JB_OK;
}

static void energizta_add(struct jb_format_state *state,
                          const struct jb_format_reading *reading)
{
    jb_energizta_states_add(state->states, reading);
}

static struct energizta_member *energizta_member(struct jb_format_state *state,
                                                 const char *key)
{
    for (size_t i = 0; i < state->count; i++)
        if (strcmp(state->members[i].key, key) == 0)
            return &state->members[i];
    return NULL;
}

static void energizta_append(struct jb_format_state *state, const char *key,
                             uint64_t uw)
{
    struct energizta_member *member = &state->members[state->count++];

    snprintf(member->key, sizeof(member->key), "%s", key);
    member->uw = uw / state->unit_uw;
    if (uw % state->unit_uw >= (state->unit_uw + 1) / 2 && state->unit_uw > 1)
        member->uw++;
    member->uw *= state->unit_uw;
}

static void energizta_take_kind(struct jb_format_state *state,
                                const struct jb_energizta_power *row)
{
    for (size_t i = 0; i < state->account.count; i++) {
        const struct jb_account_device *device = &state->account.devices[i];
        char key[ENERGIZTA_KEY_MAX];

        if (device->kind != row->kind || !device->known)
            continue;
        snprintf(key, sizeof(key), "%s%u_watt", row->stem, device->index);
        energizta_append(state, key, device->uw);
    }
}

/* Whether all devices of all kinds of a total have a figure, and how many that
 * are. */
static size_t energizta_parts(const struct jb_format_state *state,
                              const char *total)
{
    size_t parts = 0;

    for (size_t k = 0; k < JB_ENERGIZTA_POWERS_COUNT; k++)
        for (size_t i = 0; i < state->account.count; i++) {
            const struct jb_account_device *device = &state->account.devices[i];

            if (strcmp(jb_energizta_powers[k].total, total) != 0 ||
                device->kind != jb_energizta_powers[k].kind)
                continue;
            if (!device->known)
                return 0;
            parts++;
        }
    return parts;
}

/* The tool sums what it prints, so that a line always adds up. */
static void energizta_take_total(struct jb_format_state *state,
                                 const char *total)
{
    uint64_t uw = 0;
    char key[ENERGIZTA_KEY_MAX];

    if (energizta_member(state, total) || energizta_parts(state, total) == 0)
        return;
    for (size_t k = 0; k < JB_ENERGIZTA_POWERS_COUNT; k++)
        for (size_t i = 0; i < state->account.count; i++) {
            const struct jb_energizta_power *row = &jb_energizta_powers[k];
            const struct energizta_member *member;

            if (strcmp(row->total, total) != 0 ||
                state->account.devices[i].kind != row->kind)
                continue;
            snprintf(key, sizeof(key), "%s%u_watt", row->stem,
                     state->account.devices[i].index);
            member = energizta_member(state, key);
            uw += member ? member->uw : 0;
        }
    energizta_append(state, total, uw);
}

static void energizta_take_nodes(struct jb_format_state *state,
                                 const struct jb_format_tick *tick)
{
    for (size_t k = 0; k < JB_ENERGIZTA_NODES_COUNT; k++) {
        const struct jb_energizta_node *row = &jb_energizta_nodes[k];

        for (size_t i = 0; row->path && i < tick->count; i++) {
            const struct jb_format_power *power = &tick->powers[i];

            if (power->domain.kind != JB_DOMAIN_PLATFORM ||
                power->provenance == JB_ESTIMATED ||
                strncmp(state->setup->sensors[power->sensor].path, row->path,
                        strlen(row->path)) != 0)
                continue;
            energizta_append(state, row->key, power->uw);
            break;
        }
    }
}

static int energizta_compare(const void *a, const void *b)
{
    const struct energizta_member *left = a;
    const struct energizta_member *right = b;

    return strcmp(left->key, right->key);
}

static void energizta_put_powers(struct jb_format_state *state)
{
    char number[JB_NUMBER_MAX];

    jb_recording_put_text(state->file, "\"" JB_ENERGIZTA_POWERS "\": {");
    for (size_t i = 0; i < state->count; i++)
        jb_recording_put(
            state->file, "%s\"%s\": %s", i ? "," : "", state->members[i].key,
            jb_format_millionths(number, (int64_t)state->members[i].uw,
                                 state->setup->decimals));
    jb_recording_put_text(state->file, "},");
}

static void energizta_tick(struct jb_format_state *state,
                           const struct jb_format_tick *tick)
{
    uint64_t interval_us = (tick->end_ns - tick->begin_ns) / JB_NS_PER_US;
    int64_t utc_ns = jb_clockmap_utc_ns(&state->setup->clock, tick->end_ns);

    jb_account_take(&state->account, tick);
    state->count = 0;
    for (size_t k = 0; k < JB_ENERGIZTA_POWERS_COUNT; k++)
        energizta_take_kind(state, &jb_energizta_powers[k]);
    for (size_t k = 0; k < JB_ENERGIZTA_POWERS_COUNT; k++)
        energizta_take_total(state, jb_energizta_powers[k].total);
    energizta_take_nodes(state, tick);
    qsort(state->members, state->count, sizeof(*state->members),
          energizta_compare);
    jb_recording_put(state->file,
                     "{\"" JB_ENERGIZTA_INTERVAL "\": %" PRIu64
                     ",\"" JB_ENERGIZTA_TIMESTAMP "\": %" PRId64
                     ",\"" JB_ENERGIZTA_DURATION "\": %" PRIu64
                     ",\"" JB_ENERGIZTA_STATES "\": 1,",
                     interval_us, utc_ns / JB_NS_PER_S, interval_us);
    jb_energizta_states_put(state->states, state->file);
    energizta_put_powers(state);
    jb_recording_put_text(state->file, "\"" JB_ENERGIZTA_VERSION_KEY
                                       "\": \"" JB_ENERGIZTA_VERSION "\"}\n");
    state->file->rows++;
    jb_recording_end_row(state->file);
}

const struct jb_format jb_format_energizta = {
    .name = "energizta",
    .foot = "",
    .interval_ns = 5 * (uint64_t)JB_NS_PER_S,
    .open = energizta_open,
    .add = energizta_add,
    .tick = energizta_tick,
    .close = energizta_close,
};
