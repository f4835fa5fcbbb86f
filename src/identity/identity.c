/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "path_table.h"

/* Where one is in a path while it is read. */
struct identity_walk {
    struct jb_identity *out;
    enum path_place place;
    bool closed; /* below a container in a job: no further word on the job */
};

static uint64_t identity_number(struct jb_word digits)
{
    uint64_t number;

    return jb_text_u64(digits.at, digits.length, &number) ? number : UINT64_MAX;
}

/* Whether a number is one that its owner could have written. */
static bool identity_field_fits(enum path_field field,
                                const struct path_row *row, struct jb_word text)
{
    uint64_t number = identity_number(text);

    switch (field) {
    case PATH_FIELD_JOB:
    case PATH_FIELD_FULL_JOB:
        return number > 0 &&
               (row->scheduler == JB_SCHEDULER_SLURM ? number < UINT32_MAX
                                                     : number < UINT64_MAX);
    case PATH_FIELD_UID:
    case PATH_FIELD_STEP:
    case PATH_FIELD_HET:
        return number < UINT32_MAX;
    case PATH_FIELD_TASK:
        return number < JB_TASK_SPECIAL;
    default:
        return true;
    }
}

/* A second job in a path is no news: the first is the one that root made. */
static bool identity_may(const struct identity_walk *walk,
                         const struct path_row *row)
{
    if (!row->rooted)
        return true;
    if (walk->out->delegated || walk->closed)
        return false;
    return !row->scheduler || walk->out->scheduler == JB_SCHEDULER_NONE;
}

static bool identity_matches(const struct identity_walk *walk,
                             const struct path_row *row, struct jb_word name,
                             struct jb_word captures[JB_PATTERN_CAPTURES])
{
    if (!(row->from & walk->place) || !identity_may(walk, row) ||
        !jb_pattern_match(row->pattern, name, captures))
        return false;
    for (size_t i = 0; i < JB_PATTERN_CAPTURES; i++)
        if (row->fields[i] &&
            !identity_field_fits(row->fields[i], row, captures[i]))
            return false;
    return true;
}

static void identity_set_container(struct jb_identity *out,
                                   const struct path_row *row,
                                   struct jb_word text)
{
    out->container = text;
    out->runtime = row->runtime;
    out->overhead = false;
    if (out->outer_container.length > 0)
        return;
    out->outer_container = text;
    out->outer_runtime = row->runtime;
}

/* Whose uid a number is depends on the namespace: in a container, or in what
 * a user made himself, it is not this machine's. */
static void identity_set_uid(struct jb_identity *out, struct jb_word text)
{
    if (out->uid == JB_UID_NONE && out->container.length == 0 &&
        out->machine.length == 0)
        out->uid = (uint32_t)identity_number(text);
}

static void identity_set(struct jb_identity *out, enum path_field field,
                         const struct path_row *row, struct jb_word text)
{
    switch (field) {
    case PATH_FIELD_UID:
        identity_set_uid(out, text);
        break;
    case PATH_FIELD_USER:
        out->user = text;
        break;
    case PATH_FIELD_NODE:
        out->node = text;
        break;
    case PATH_FIELD_JOB:
    case PATH_FIELD_FULL_JOB:
        out->job_name = text;
        out->job = identity_number(text);
        break;
    case PATH_FIELD_SLUID:
        out->job_name = text;
        out->sluid = jb_sluid_parse(text);
        break;
    case PATH_FIELD_STEP:
        out->step = (uint32_t)identity_number(text);
        break;
    case PATH_FIELD_HET:
        out->het_component = (uint32_t)identity_number(text);
        break;
    case PATH_FIELD_TASK:
        out->task = (uint32_t)identity_number(text);
        break;
    case PATH_FIELD_CONTAINER:
        identity_set_container(out, row, text);
        break;
    case PATH_FIELD_POD:
        out->pod = text;
        out->qos = row->qos ? row->qos : out->qos;
        break;
    case PATH_FIELD_MACHINE:
        out->machine = text;
        out->machine_runtime = row->runtime;
        break;
    case PATH_FIELD_NONE:
        break;
    }
}

static void identity_apply(struct identity_walk *walk,
                           const struct path_row *row, struct jb_word name,
                           const struct jb_word captures[JB_PATTERN_CAPTURES])
{
    struct jb_identity *out = walk->out;

    for (size_t i = 0; i < JB_PATTERN_CAPTURES; i++) {
        identity_set(out, row->fields[i], row, captures[i]);
        if (row->fields[i] == PATH_FIELD_FULL_JOB)
            out->job_name = name;
    }
    if (row->scheduler)
        out->scheduler = row->scheduler;
    if (row->step)
        out->step_kind = row->step;
    if (row->special)
        out->task = JB_TASK_SPECIAL;
    if (row->to == PATH_KUBE_QOS)
        out->qos = row->qos;
    if (row->overhead)
        out->overhead = true;
    if (row->delegates)
        out->delegated = true;
    if (row->to == PATH_INSIDE && out->scheduler)
        walk->closed = true;
    walk->place = row->to;
}

/* What systemd calls a unit may be something else besides. */
static void identity_unit(struct jb_identity *out, struct jb_word name)
{
    static const char *const kinds[] = { ".service", ".scope", ".socket",
                                         ".mount", ".swap" };

    if (jb_word_ends_in(name, ".slice")) {
        out->slice = name;
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (name.length > strlen(kinds[i]) && jb_word_ends_in(name, kinds[i])) {
            out->unit = name;
            if (out->outer_unit.length == 0)
                out->outer_unit = name;
            return;
        }
}

static void identity_name(struct identity_walk *walk, struct jb_word name)
{
    struct jb_word captures[JB_PATTERN_CAPTURES];

    identity_unit(walk->out, name);
    for (size_t i = 0; i < jb_path_row_count; i++)
        if (identity_matches(walk, &jb_path_rows[i], name, captures)) {
            identity_apply(walk, &jb_path_rows[i], name, captures);
            return;
        }
    if (walk->place == PATH_INSIDE || walk->place == PATH_TOP)
        walk->place = jb_word_ends_in(name, ".slice") ? PATH_TOP : PATH_BELOW;
    else
        walk->place = PATH_BELOW;
}

void jb_identity_of_path(struct jb_word path, struct jb_identity *out)
{
    struct identity_walk walk = { .out = out, .place = PATH_TOP };
    struct jb_word name;
    int depth = 0;

    *out = (struct jb_identity){ .uid = JB_UID_NONE,
                                 .task = JB_TASK_NONE,
                                 .het_component = JB_HET_NONE };
    if (path.length > JB_CGROUP_PATH_MAX)
        return;
    while (depth < JB_CGROUP_DEPTH_MAX && jb_word_next(&path, '/', &name)) {
        if (name.length == 0)
            continue;
        depth++;
        if (walk.place == PATH_TOP && jb_word_is(name, ".."))
            out->relative = true;
        else
            identity_name(&walk, name);
    }
}

/* What a line says, the more telling the larger. */
static unsigned identity_weight(const struct jb_identity *identity)
{
    return (identity->scheduler != JB_SCHEDULER_NONE) << 7 |
           (identity->step_kind != JB_STEP_NONE) << 6 |
           (identity->task != JB_TASK_NONE) << 5 |
           (identity->container.length > 0 || identity->machine.length > 0)
               << 4 |
           (identity->pod.length > 0) << 3 | (identity->unit.length > 0) << 2 |
           (identity->uid != JB_UID_NONE) << 1 | (identity->slice.length > 0);
}

/* Whom to ask when lines say the same: who counts CPU time knows best. */
static unsigned identity_rank(const struct jb_cgroup_line *line)
{
    static const char *const order[] = {
        "freezer", "memory", "name=systemd", "", "cpu", "cpuacct",
    };
    unsigned rank = 0;

    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (jb_cgroup_has(line, order[i]))
            rank = i + 1;
    return rank;
}

bool jb_identity_of_file(const char *text, size_t length,
                         struct jb_identity *out, struct jb_cgroup_line *line)
{
    struct jb_word rest = { text, length };
    struct jb_cgroup_line one;
    unsigned best = 0;

    jb_identity_of_path((struct jb_word){ 0 }, out);
    while (jb_cgroup_next(&rest, &one)) {
        struct jb_identity identity;
        unsigned score;

        jb_identity_of_path(one.path, &identity);
        score = (identity_weight(&identity) << 3 | identity_rank(&one)) + 1;
        if (score <= best)
            continue;
        best = score;
        *out = identity;
        if (line)
            *line = one;
    }
    return best > 0;
}

const char *jb_scheduler_name(enum jb_scheduler scheduler)
{
    static const char *const names[] = { "", "slurm", "pbs", "torque", "oar" };

    return names[scheduler];
}

const char *jb_runtime_name(enum jb_runtime runtime)
{
    static const char *const names[] = {
        "",          "container", "docker", "containerd", "podman",
        "cri-o",     "lxc",       "nspawn", "libvirt",    "libvirt-lxc",
        "apptainer", "garden",    "ecs",
    };

    return names[runtime];
}

const char *jb_pod_qos_name(enum jb_pod_qos qos)
{
    static const char *const names[] = { "", "guaranteed", "burstable",
                                         "besteffort" };

    return names[qos];
}

const char *jb_identity_step_name(const struct jb_identity *identity,
                                  char out[JB_STEP_NAME_MAX])
{
    static const char *const names[] = {
        [JB_STEP_NONE] = "",
        [JB_STEP_BATCH] = "batch",
        [JB_STEP_EXTERN] = "extern",
        [JB_STEP_INTERACTIVE] = "interactive",
    };

    if (identity->step_kind != JB_STEP_NUMBERED)
        snprintf(out, JB_STEP_NAME_MAX, "%s", names[identity->step_kind]);
    else if (identity->het_component == JB_HET_NONE)
        snprintf(out, JB_STEP_NAME_MAX, "%u", (unsigned)identity->step);
    else
        snprintf(out, JB_STEP_NAME_MAX, "%u+%u", (unsigned)identity->step,
                 (unsigned)identity->het_component);
    return out;
}

const char *jb_pod_uid(const struct jb_identity *identity,
                       char out[JB_POD_UID_MAX])
{
    jb_word_plain(identity->pod, out, JB_POD_UID_MAX);
    for (char *at = out; *at; at++)
        if (*at == '_')
            *at = '-';
    return out;
}

static int identity_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* True when \xNN is at this place: it stands for that byte. */
static bool identity_escaped(struct jb_word text, size_t at, char *out)
{
    unsigned char byte;
    int high;
    int low;

    if (text.length - at < 4 || text.at[at] != '\\' || text.at[at + 1] != 'x')
        return false;
    high = identity_hex(text.at[at + 2]);
    low = identity_hex(text.at[at + 3]);
    if (high < 0 || low < 0)
        return false;
    byte = (unsigned char)(high << 4 | low);
    memcpy(out, &byte, 1);
    return true;
}

const char *jb_unit_plain(struct jb_word escaped, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < escaped.length && used + 1 < size; i++) {
        if (identity_escaped(escaped, i, &out[used]))
            i += 3;
        else
            out[used] = escaped.at[i];
        used++;
    }
    return jb_word_plain((struct jb_word){ out, used }, out, size);
}

bool jb_unit_template(struct jb_word unit, struct jb_word *template,
                      struct jb_word *instance)
{
    const char *at = unit.length ? memchr(unit.at, '@', unit.length) : NULL;
    const char *dot = unit.length ? memrchr(unit.at, '.', unit.length) : NULL;

    if (!at || !dot || at == unit.at || dot <= at + 1)
        return false;
    *template = (struct jb_word){ unit.at, (size_t)(at - unit.at) };
    *instance = (struct jb_word){ at + 1, (size_t)(dot - at - 1) };
    return true;
}
