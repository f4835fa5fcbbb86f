/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int jb_lab_state_init(struct jb_lab_state *state,
                      const struct jb_lab_world *world,
                      const char *journal_path, struct jb_error *err)
{
    int rc;

    state->world = *world;
    state->journal.fd = -1;
    rc = jb_lab_tree_init(&state->tree, &state->world.layout, err);
    if (rc < 0)
        return rc;
    return jb_lab_journal_open(&state->journal, journal_path, err);
}

void jb_lab_state_release(struct jb_lab_state *state)
{
    jb_lab_journal_close(&state->journal);
}

bool jb_lab_state_is_visible(const struct jb_lab_state *state, unsigned node)
{
    const struct jb_lab_node *what = &state->tree.nodes[node];

    if (what->device >= 0)
        return !state->tree.devices[what->device].unplugged;
    return jb_lab_world_is_plugged(&state->world, what->zone);
}

static struct jb_lab_origin state_origin(const struct jb_lab_state *state,
                                         const struct jb_lab_node *node)
{
    return (struct jb_lab_origin){
        .target = node->zone >= 0 ? state->world.layout.zones[node->zone].path
                                  : state->tree.devices[node->device].name,
        .file = node->name,
    };
}

static void state_fail(struct jb_lab_state *state,
                       const struct jb_lab_node *node, uint64_t at_ns,
                       struct jb_lab_answer *answer)
{
    jb_lab_journal_error(&state->journal, at_ns, state_origin(state, node),
                         answer->error);
}

static void state_set_number(struct jb_lab_answer *answer, int64_t number)
{
    answer->len = (size_t)snprintf(answer->bytes, sizeof(answer->bytes),
                                   "%" PRId64 "\n", number);
}

static void state_set_text(struct jb_lab_answer *answer,
                           const struct jb_lab_fault *fault)
{
    memcpy(answer->bytes, fault->text, fault->text_len);
    answer->len = fault->text_len;
}

static void state_read_energy(struct jb_lab_state *state,
                              const struct jb_lab_node *node, uint64_t at_ns,
                              struct jb_lab_answer *answer)
{
    struct jb_lab_reading reading =
        jb_lab_world_read(&state->world, (unsigned)node->zone, at_ns);

    state_set_number(answer, (int64_t)reading.energy_uj);
    if (node->fault.has_text)
        state_set_text(answer, &node->fault);
    jb_lab_journal_value(&state->journal, at_ns, state_origin(state, node),
                         &reading, answer->bytes, answer->len);
}

/* False when it has nothing to show yet. */
static bool state_gauge(struct jb_lab_world *world,
                        const struct jb_lab_node *node, uint64_t at_ns,
                        int64_t *value)
{
    uint64_t power_uw;

    switch (node->role) {
    case JB_LAB_METER_POWER:
        if (!jb_lab_world_power_uw(world, at_ns, &power_uw))
            return false;
        *value = (int64_t)power_uw;
        return true;
    case JB_LAB_POLICY_CUR:
        *value = jb_lab_world_frequency(world, node->slot, at_ns);
        return true;
    default:
        *value = jb_lab_world_temperature(world, node->slot, at_ns);
        return true;
    }
}

static void state_read_gauge(struct jb_lab_state *state,
                             const struct jb_lab_node *node, uint64_t at_ns,
                             struct jb_lab_answer *answer)
{
    int64_t value;

    if (!state_gauge(&state->world, node, at_ns, &value)) {
        answer->error = ENODATA;
        state_fail(state, node, at_ns, answer);
        return;
    }
    state_set_number(answer, value);
    if (node->fault.has_text)
        state_set_text(answer, &node->fault);
    jb_lab_journal_value(&state->journal, at_ns, state_origin(state, node),
                         NULL, answer->bytes, answer->len);
}

static void state_read_static(struct jb_lab_state *state,
                              const struct jb_lab_node *node,
                              struct jb_lab_answer *answer)
{
    int len;

    if (node->fault.has_text) {
        state_set_text(answer, &node->fault);
        return;
    }
    len = jb_lab_tree_render(&state->world.layout, node, answer->bytes,
                             sizeof(answer->bytes));
    if (len < 0)
        answer->error = -len;
    else
        answer->len = (size_t)len;
}

/* What keeps a read from succeeding, whatever the file says. */
static int state_trouble(const struct jb_lab_state *state, unsigned node)
{
    /* As the kernel answers a descriptor whose device has gone. */
    if (!jb_lab_state_is_visible(state, node))
        return ENODEV;
    return state->tree.nodes[node].fault.error;
}

void jb_lab_state_read(struct jb_lab_state *state, unsigned node_index,
                       uint64_t at_ns, struct jb_lab_answer *answer)
{
    const struct jb_lab_node *node = &state->tree.nodes[node_index];
    bool is_gauge = jb_lab_role_is_gauge(node->role);
    bool meters = is_gauge || node->role == JB_LAB_ENERGY;

    answer->len = 0;
    answer->error = state_trouble(state, node_index);
    state->served += meters;
    if (answer->error != 0) {
        if (meters)
            state_fail(state, node, at_ns, answer);
        return;
    }
    if (node->role == JB_LAB_ENERGY)
        state_read_energy(state, node, at_ns, answer);
    else if (is_gauge)
        state_read_gauge(state, node, at_ns, answer);
    else
        state_read_static(state, node, answer);
}

/* What the register of a CPU holds; false when it has none of that number. */
static bool state_register(const struct jb_lab_world *world, unsigned cpu,
                           uint64_t at_ns, struct jb_lab_served *served)
{
    const struct jb_lab_layout *layout = &world->layout;
    unsigned package = jb_lab_layout_package(layout, cpu);

    for (unsigned i = 0; i < layout->cpus.register_count; i++) {
        if (layout->cpus.registers[i].number != served->reg)
            continue;
        served->value = layout->cpus.registers[i].value;
        return true;
    }
    for (unsigned i = 0; i < layout->zone_count; i++) {
        const struct jb_lab_zone *zone = &layout->zones[i];
        struct jb_lab_reading reading;

        if (zone->msr != served->reg || zone->msr_package != package)
            continue;
        reading = jb_lab_world_register(world, i, at_ns);
        served->value = reading.count;
        served->unwrapped = reading.unwrapped;
        served->counts = true;
        return true;
    }
    return false;
}

void jb_lab_state_rdmsr(struct jb_lab_state *state, unsigned node_index,
                        uint64_t reg, size_t size, uint64_t at_ns,
                        struct jb_lab_answer *answer)
{
    const struct jb_lab_node *node = &state->tree.nodes[node_index];
    struct jb_lab_served served = { .reg = reg };

    answer->len = 0;
    answer->error = state_trouble(state, node_index);
    state->served++;
    if (answer->error == 0 && (size == 0 || size % sizeof(served.value) != 0))
        answer->error = EINVAL;
    if (answer->error == 0 &&
        !state_register(&state->world, node->slot, at_ns, &served))
        answer->error = EIO;
    served.error = answer->error;
    if (answer->error == 0) {
        answer->len = sizeof(served.value);
        memcpy(answer->bytes, &served.value, answer->len);
    }
    if (answer->error == 0 && node->fault.has_text) {
        state_set_text(answer, &node->fault);
        served.text = node->fault.text;
        served.text_len = node->fault.text_len;
    }
    jb_lab_journal_register(&state->journal, at_ns, state_origin(state, node),
                            &served);
}

/* What a command is about, found in the layout and the tree. */
struct state_target {
    int zone;                 /* -1: not a zone */
    int device;               /* -1: not a device */
    bool is_rest;             /* the node power that no zone counts */
    struct jb_lab_node *file; /* NULL: the command is not about a file */
};

static int state_find_file(struct jb_lab_state *state,
                           const struct jb_lab_command *command,
                           struct state_target *target, struct jb_error *err)
{
    struct jb_lab_tree *tree = &state->tree;
    const char *name = command->file;
    int dir = -1;
    int node = -1;

    if (target->zone >= 0)
        dir = tree->zone_dirs[target->zone];
    else if (target->device >= 0)
        dir = tree->devices[target->device].dir;
    if (!*name)
        name = target->device >= 0 ? tree->devices[target->device].file
                                   : "energy_uj";
    if (dir >= 0)
        node = jb_lab_tree_child(tree, dir, name);
    if (node < 0 || tree->nodes[node].role <= JB_LAB_LINK)
        return jb_fail(err, JB_EABSENT, "%s has no file %s", command->target,
                       name);
    target->file = &tree->nodes[node];
    return JB_OK;
}

static bool state_is_about_file(enum jb_lab_verb verb)
{
    return verb == JB_LAB_ERRNO || verb == JB_LAB_DELAY ||
           verb == JB_LAB_TEXT || verb == JB_LAB_MODE;
}

/* Whether the command can be about a device at all. */
static int state_check_device(const struct jb_lab_device *device,
                              const struct jb_lab_command *command,
                              struct jb_error *err)
{
    bool holds = device->role == JB_LAB_CHIP_INPUT ||
                 device->role == JB_LAB_THERMAL_TEMP ||
                 device->role == JB_LAB_POLICY_CUR;

    switch (command->verb) {
    case JB_LAB_UNPLUG:
        return JB_OK;
    case JB_LAB_PLUG:
        if (!command->reset)
            return JB_OK;
        break;
    case JB_LAB_THAW:
        if (holds)
            return JB_OK;
        break;
    case JB_LAB_FREEZE:
        if (holds && !command->stop)
            return JB_OK;
        break;
    default:
        return jb_fail(err, JB_EABSENT, "%s wants a zone",
                       jb_lab_verb_name(command->verb));
    }
    return jb_fail(err, JB_EABSENT, "%s: %s has no counter to do that to",
                   jb_lab_verb_name(command->verb), device->name);
}

static int state_check_target(const struct jb_lab_state *state,
                              const struct jb_lab_command *command,
                              const struct state_target *target,
                              struct jb_error *err)
{
    const struct jb_lab_layout *layout = &state->world.layout;

    if (target->device >= 0)
        return state_check_device(&state->tree.devices[target->device], command,
                                  err);
    if (target->is_rest && command->verb != JB_LAB_WAVE)
        return jb_fail(err, JB_EABSENT, "%s wants a zone",
                       jb_lab_verb_name(command->verb));
    if (command->verb == JB_LAB_WAVE && target->zone >= 0 &&
        layout->zones[target->zone].mirror >= 0)
        return jb_fail(err, JB_EABSENT, "%s is a mirror: it has no wave",
                       command->target);
    return JB_OK;
}

static int state_find_target(struct jb_lab_state *state,
                             const struct jb_lab_command *command,
                             struct state_target *target, struct jb_error *err)
{
    const struct jb_lab_layout *layout = &state->world.layout;

    *target = (struct state_target){ .zone = -1, .device = -1 };
    if (!*command->target)
        return JB_OK;
    target->zone = jb_lab_layout_find(layout, command->target);
    target->device = jb_lab_tree_device(&state->tree, command->target);
    target->is_rest =
        strcmp(command->target, "rest") == 0 && layout->meter.present;
    if (target->zone < 0 && target->device < 0 && !target->is_rest)
        return jb_fail(err, JB_EABSENT, "no zone or device %s in this layout",
                       command->target);
    if (state_is_about_file(command->verb))
        return state_find_file(state, command, target, err);
    return state_check_target(state, command, target, err);
}

/* Faults of a file; false when the command is not about one. */
static bool state_set_fault(const struct jb_lab_command *command,
                            struct jb_lab_node *file)
{
    if (!file)
        return false;
    switch (command->verb) {
    case JB_LAB_ERRNO:
        file->fault.error = command->error;
        return true;
    case JB_LAB_DELAY:
        file->fault.delay_ns = command->delay_ns;
        return true;
    case JB_LAB_MODE:
        file->mode = command->mode;
        return true;
    case JB_LAB_TEXT:
        file->fault.has_text = command->has_text;
        memcpy(file->fault.text, command->text, command->text_len);
        file->fault.text_len = command->text_len;
        return true;
    default:
        return false;
    }
}

static uint64_t state_plug(struct jb_lab_world *world, unsigned zone,
                           const struct jb_lab_command *command, uint64_t at_ns)
{
    if (command->reset)
        jb_lab_world_reset(world, zone, at_ns);
    return jb_lab_world_plug(world, zone, command->verb == JB_LAB_PLUG, at_ns);
}

/* The temperature and its thermal zone are one gauge. */
static uint64_t state_change_device(struct jb_lab_state *state, int index,
                                    const struct jb_lab_command *command,
                                    uint64_t at_ns)
{
    struct jb_lab_device *device = &state->tree.devices[index];
    struct jb_lab_world *world = &state->world;
    bool is_policy = device->role == JB_LAB_POLICY_CUR;
    struct jb_lab_gauge *gauge;

    if (command->verb == JB_LAB_UNPLUG || command->verb == JB_LAB_PLUG) {
        device->unplugged = command->verb == JB_LAB_UNPLUG;
        return at_ns;
    }
    gauge = is_policy ? &world->policies[device->slot]
                      : &world->temperatures[device->slot];
    if (command->verb == JB_LAB_FREEZE)
        gauge->held_value =
            is_policy ? jb_lab_world_frequency(world, device->slot, at_ns)
                      : jb_lab_world_temperature(world, device->slot, at_ns);
    gauge->held = command->verb == JB_LAB_FREEZE;
    return jb_lab_world_grid(world, at_ns);
}

/* Changes of the world; returns from when on. */
static uint64_t state_change_world(struct jb_lab_world *world,
                                   const struct state_target *target,
                                   const struct jb_lab_command *command,
                                   uint64_t at_ns)
{
    unsigned zone = target->zone >= 0 ? (unsigned)target->zone : 0;

    switch (command->verb) {
    case JB_LAB_WAVE:
        if (target->is_rest)
            return jb_lab_world_rest(world, &command->wave, at_ns);
        return jb_lab_world_wave(world, zone, &command->wave, at_ns);
    case JB_LAB_FREEZE:
        if (command->stop)
            return jb_lab_world_stop(world, zone, at_ns);
        return jb_lab_world_hold(world, zone, at_ns);
    case JB_LAB_THAW:
        return jb_lab_world_thaw(world, zone, at_ns);
    case JB_LAB_RESET:
        return jb_lab_world_reset(world, zone, at_ns);
    case JB_LAB_JUMP:
        return jb_lab_world_jump(world, zone, command->counts, at_ns);
    case JB_LAB_UNPLUG:
    case JB_LAB_PLUG:
        return state_plug(world, zone, command, at_ns);
    default:
        return at_ns;
    }
}

static int state_obey_one(struct jb_lab_state *state,
                          const struct jb_lab_command *command, bool dry,
                          uint64_t at_ns, struct jb_error *err)
{
    struct state_target target;
    uint64_t from_ns = at_ns;
    int rc = state_find_target(state, command, &target, err);

    if (rc < 0 || dry)
        return rc;
    if (target.device >= 0 && !target.file)
        from_ns = state_change_device(state, target.device, command, at_ns);
    else if (!state_set_fault(command, target.file))
        from_ns = state_change_world(&state->world, &target, command, at_ns);
    state->accepted++;
    jb_lab_journal_command(&state->journal, at_ns, from_ns, command);
    if (command->verb == JB_LAB_SYNC)
        jb_lab_journal_flush(&state->journal, at_ns);
    return JB_OK;
}

/* Every line; with `dry` only to see whether each one could be obeyed. */
static int state_obey_lines(struct jb_lab_state *state, struct jb_lab_scan text,
                            bool dry, uint64_t at_ns, struct jb_error *err)
{
    while (!jb_lab_scan_done(&text)) {
        size_t left = (size_t)(text.end - text.at);
        const char *newline = memchr(text.at, '\n', left);
        size_t len = newline ? (size_t)(newline - text.at) : left;
        struct jb_lab_command command;
        int rc = JB_OK;

        if (len > 0) {
            rc = jb_lab_command_parse(text.at, len, &command, err);
            if (rc == JB_OK)
                rc = state_obey_one(state, &command, dry, at_ns, err);
        }
        if (rc < 0)
            return rc;
        text.at += newline ? len + 1 : len;
    }
    return JB_OK;
}

int jb_lab_state_obey(struct jb_lab_state *state, const char *text, size_t len,
                      uint64_t at_ns, struct jb_error *err)
{
    struct jb_lab_scan scan = jb_lab_scan_of(text, len);
    struct jb_error why = { 0 };
    int rc = JB_OK;

    if (len > JB_LAB_MAX_COMMANDS)
        rc = jb_fail(&why, JB_EFORMAT, "more than %d bytes of commands",
                     JB_LAB_MAX_COMMANDS);
    if (rc == JB_OK)
        rc = state_obey_lines(state, scan, true, at_ns, &why);
    if (rc < 0) {
        state->refused++;
        state->last_refusal = why;
        return jb_fail(err, rc, "%s", why.text);
    }
    return state_obey_lines(state, scan, false, at_ns, err);
}

static void state_add_fault(const struct jb_lab_node *node,
                            struct jb_lab_text *out)
{
    const struct jb_lab_fault *fault = &node->fault;

    if (fault->error != 0)
        jb_lab_text_add(out, " %s:errno=%s", node->name,
                        jb_lab_errno_name(fault->error));
    if (fault->delay_ns != 0)
        jb_lab_text_add(out, " %s:delay=%" PRIu64 "ns", node->name,
                        fault->delay_ns);
    if (fault->has_text) {
        jb_lab_text_add(out, " %s:text=", node->name);
        jb_lab_text_add_json(out, fault->text, fault->text_len);
    }
}

static void state_add_zone(const struct jb_lab_state *state, unsigned zone,
                           uint64_t at_ns, struct jb_lab_text *out)
{
    const struct jb_lab_world *world = &state->world;
    const struct jb_lab_view *view = &world->views[zone];
    struct jb_lab_reading reading = jb_lab_world_read(world, zone, at_ns);
    int at = state->tree.nodes[state->tree.zone_dirs[zone]].first_child;

    jb_lab_text_add(out, "zone %s %s count %" PRIu64 " energy_uj %" PRIu64,
                    world->layout.zones[zone].path,
                    world->layout.zones[zone].name, reading.count,
                    reading.energy_uj);
    if (view->unplugged)
        jb_lab_text_add(out, " unplugged");
    if (view->held)
        jb_lab_text_add(out, " held");
    if (world->counters[zone].stopped)
        jb_lab_text_add(out, " stopped");
    for (; at >= 0; at = state->tree.nodes[at].next)
        state_add_fault(&state->tree.nodes[at], out);
    jb_lab_text_add(out, "\n");
}

/* A device with something wrong with it. */
static void state_add_device(const struct jb_lab_state *state,
                             const struct jb_lab_device *device,
                             struct jb_lab_text *out)
{
    struct jb_lab_text faults = { 0 };

    if (device->unplugged)
        jb_lab_text_add(&faults, " unplugged");
    for (int at = state->tree.nodes[device->dir].first_child; at >= 0;
         at = state->tree.nodes[at].next)
        state_add_fault(&state->tree.nodes[at], &faults);
    if (faults.len > 0)
        jb_lab_text_add(out, "device %s%s\n", device->name, faults.bytes);
    jb_lab_text_release(&faults);
}

void jb_lab_state_status(const struct jb_lab_state *state, uint64_t at_ns,
                         struct jb_lab_text *out)
{
    const struct jb_lab_world *world = &state->world;

    jb_lab_text_add(out, "pid %d\nlayout %s\nstart_ns %" PRIu64 "\n",
                    (int)getpid(), world->layout.name, world->start_ns);
    jb_lab_text_add(out,
                    "now_ns %" PRIu64 "\nserved %" PRIu64 "\naccepted %" PRIu64
                    "\nrefused %" PRIu64 "\n",
                    at_ns, state->served, state->accepted, state->refused);
    if (state->refused > 0)
        jb_lab_text_add(out, "last-refusal %s\n", state->last_refusal.text);
    jb_lab_text_add(out, "journal %s lines %" PRIu64 "\n",
                    state->journal.fd < 0   ? "none"
                    : state->journal.failed ? "FAILED"
                                            : "ok",
                    state->journal.lines);
    for (unsigned i = 0; i < world->layout.zone_count; i++)
        state_add_zone(state, i, at_ns, out);
    for (unsigned i = 0; i < state->tree.device_count; i++)
        state_add_device(state, &state->tree.devices[i], out);
}
