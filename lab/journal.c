/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { JOURNAL_LARGE = 64 * 1024 };

#define JOURNAL_MAX_AGE_NS UINT64_C(50000000)

int jb_lab_journal_open(struct jb_lab_journal *journal, const char *path,
                        struct jb_error *err)
{
    int fd = -1;

    if (path) {
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0)
            return jb_fail(err, errno == EACCES ? JB_EDENIED : JB_EIO,
                           "journal %s: %s", path, strerror(errno));
    }
    *journal = (struct jb_lab_journal){ .fd = fd };
    return JB_OK;
}

void jb_lab_journal_close(struct jb_lab_journal *journal)
{
    jb_lab_journal_flush(journal, 0);
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
    jb_lab_text_release(&journal->buffer);
}

bool jb_lab_journal_pending(const struct jb_lab_journal *journal)
{
    return journal->buffer.len > 0;
}

void jb_lab_journal_flush(struct jb_lab_journal *journal, uint64_t now_ns)
{
    const char *at = journal->buffer.bytes;
    size_t left = journal->buffer.len;

    if (journal->buffer.failed)
        journal->failed = true;
    while (left > 0) {
        ssize_t done = write(journal->fd, at, left);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            journal->failed = true;
            break;
        }
        at += done;
        left -= (size_t)done;
    }
    jb_lab_text_clear(&journal->buffer);
    journal->flushed_ns = now_ns;
}

void jb_lab_journal_tick(struct jb_lab_journal *journal, uint64_t now_ns)
{
    if (journal->buffer.len >= JOURNAL_LARGE ||
        (journal->buffer.len > 0 &&
         now_ns - journal->flushed_ns > JOURNAL_MAX_AGE_NS))
        jb_lab_journal_flush(journal, now_ns);
}

/* False when nothing is recorded; else the line is to be finished. */
static bool journal_begin(struct jb_lab_journal *journal, uint64_t at_ns)
{
    if (journal->fd < 0)
        return false;
    if (journal->buffer.len == 0)
        journal->flushed_ns = at_ns; /* the age of the oldest line */
    jb_lab_text_add(&journal->buffer, "{\"t_ns\":%" PRIu64, at_ns);
    journal->lines++;
    return true;
}

static void journal_end(struct jb_lab_journal *journal)
{
    jb_lab_text_add_bytes(&journal->buffer, "}\n", 2);
}

static void journal_add_reference(struct jb_lab_text *out,
                                  const struct jb_lab_layout *layout,
                                  const char *key, int zone)
{
    if (zone < 0)
        jb_lab_text_add(out, ",\"%s\":null", key);
    else
        jb_lab_text_add(out, ",\"%s\":\"%s\"", key, layout->zones[zone].path);
}

static void journal_add_limits(struct jb_lab_text *out,
                               const struct jb_lab_zone *zone)
{
    jb_lab_text_add(out, ",\"limits_max_uw\":[");
    for (unsigned i = 0; i < zone->limit_count; i++) {
        const struct jb_lab_limit *limit = &zone->limits[i];

        jb_lab_text_add(out, "%s", i > 0 ? "," : "");
        if (limit->has_max)
            jb_lab_text_add(out, "%" PRId64, limit->max_uw);
        else
            jb_lab_text_add(out, "null");
    }
    jb_lab_text_add(out, "]");
}

static void journal_add_zone(struct jb_lab_text *out,
                             const struct jb_lab_layout *layout,
                             const struct jb_lab_zone *zone)
{
    jb_lab_text_add(out, "{\"path\":\"%s\",\"name\":\"%s\"", zone->path,
                    zone->name);
    journal_add_reference(out, layout, "sysfs_parent", zone->sysfs_parent);
    journal_add_reference(out, layout, "in", zone->inside);
    journal_add_reference(out, layout, "mirror", zone->mirror);
    jb_lab_text_add(out,
                    ",\"unit\":[%" PRIu64 ",%" PRIu64 "],\"shown\":[%" PRIu64
                    ",%" PRIu64 "],\"modulus\":%" PRIu64 ",\"start\":%" PRIu64,
                    zone->unit.num, zone->unit.den, zone->shown.num,
                    zone->shown.den, zone->modulus, zone->start);
    journal_add_limits(out, zone);
    if (zone->msr != 0)
        jb_lab_text_add(out, ",\"msr\":[%" PRIu32 ",%u]", zone->msr,
                        zone->msr_package);
    jb_lab_text_add(out, ",\"wave\":");
    jb_lab_wave_json(&zone->wave, out);
    jb_lab_text_add(out, "}");
}

static void journal_add_cpus(struct jb_lab_text *out,
                             const struct jb_lab_cpus *cpus)
{
    if (cpus->count == 0)
        return;
    jb_lab_text_add(out,
                    ",\"cpus\":{\"count\":%u,\"packages\":%u,"
                    "\"registers\":[",
                    cpus->count, cpus->packages);
    for (unsigned i = 0; i < cpus->register_count; i++)
        jb_lab_text_add(out, "%s[%" PRIu32 ",%" PRIu64 "]", i > 0 ? "," : "",
                        cpus->registers[i].number, cpus->registers[i].value);
    jb_lab_text_add(out, "]}");
}

static void journal_add_gauges(struct jb_lab_text *out,
                               const struct jb_lab_layout *layout)
{
    jb_lab_text_add(out, ",\"temperatures\":[");
    for (unsigned i = 0; i < layout->temperature_count; i++) {
        const struct jb_lab_temperature *what = &layout->temperatures[i];

        jb_lab_text_add(out,
                        "%s{\"of\":\"%s\",\"ambient_mdegc\":%" PRId64
                        ",\"rise_mdegc\":%" PRId64 ",\"thermal\":%s}",
                        i > 0 ? "," : "", layout->zones[what->zone].path,
                        what->ambient_mdegc, what->rise_mdegc,
                        what->thermal[0] ? "true" : "false");
    }
    jb_lab_text_add(out, "],\"policies\":[");
    for (unsigned i = 0; i < layout->policy_count; i++) {
        const struct jb_lab_policy *what = &layout->policies[i];

        jb_lab_text_add(out,
                        "%s{\"first\":%u,\"of\":\"%s\",\"min_khz\":%" PRIu64
                        ",\"max_khz\":%" PRIu64 ",\"full_uw\":%" PRId64 "}",
                        i > 0 ? "," : "", what->first,
                        layout->zones[what->zone].path, what->min_khz,
                        what->max_khz, what->full_uw);
    }
    jb_lab_text_add(out, "]");
}

void jb_lab_journal_start(struct jb_lab_journal *journal,
                          const struct jb_lab_world *world, uint64_t at_ns)
{
    const struct jb_lab_layout *layout = &world->layout;
    struct jb_lab_text *out = &journal->buffer;

    if (!journal_begin(journal, at_ns))
        return;
    jb_lab_text_add(out,
                    ",\"event\":\"start\",\"format\":1,\"clock\":\"boottime\""
                    ",\"layout\":\"%s\",\"start_ns\":%" PRIu64
                    ",\"grid_ns\":%" PRIu64 ",\"zones\":[",
                    layout->name, world->start_ns, layout->grid_ns);
    for (unsigned i = 0; i < layout->zone_count; i++) {
        jb_lab_text_add(out, "%s", i > 0 ? "," : "");
        journal_add_zone(out, layout, &layout->zones[i]);
    }
    jb_lab_text_add(out, "]");
    if (layout->meter.present) {
        jb_lab_text_add(out,
                        ",\"meter\":{\"interval_ns\":%" PRIu64
                        ",\"lag_ns\":%" PRIu64 ",\"rest\":",
                        layout->meter.interval_ns, layout->meter.lag_ns);
        jb_lab_wave_json(&layout->meter.rest, out);
        jb_lab_text_add(out, "}");
    }
    journal_add_cpus(out, &layout->cpus);
    journal_add_gauges(out, layout);
    journal_end(journal);
}

void jb_lab_journal_stop(struct jb_lab_journal *journal, uint64_t at_ns)
{
    if (!journal_begin(journal, at_ns))
        return;
    jb_lab_text_add(&journal->buffer, ",\"event\":\"stop\"");
    journal_end(journal);
}

void jb_lab_journal_value(struct jb_lab_journal *journal, uint64_t at_ns,
                          struct jb_lab_origin origin,
                          const struct jb_lab_reading *reading,
                          const char *text, size_t len)
{
    struct jb_lab_text *out = &journal->buffer;

    if (!journal_begin(journal, at_ns))
        return;
    jb_lab_text_add(out, ",\"zone\":\"%s\",\"file\":\"%s\"", origin.target,
                    origin.file);
    if (reading) {
        jb_lab_text_add(
            out, ",\"count\":%" PRIu64 ",\"unwrapped\":", reading->count);
        jb_lab_text_add_i128(out, reading->unwrapped);
    }
    jb_lab_text_add_bytes(out, ",\"text\":", 8);
    jb_lab_text_add_json(out, text, len);
    jb_lab_text_add_bytes(out, ",\"errno\":0", 10);
    journal_end(journal);
}

void jb_lab_journal_error(struct jb_lab_journal *journal, uint64_t at_ns,
                          struct jb_lab_origin origin, int error)
{
    if (!journal_begin(journal, at_ns))
        return;
    jb_lab_text_add(&journal->buffer,
                    ",\"zone\":\"%s\",\"file\":\"%s\",\"text\":null,"
                    "\"errno\":%d",
                    origin.target, origin.file, error);
    journal_end(journal);
}

void jb_lab_journal_register(struct jb_lab_journal *journal, uint64_t at_ns,
                             struct jb_lab_origin origin,
                             const struct jb_lab_served *served)
{
    struct jb_lab_text *out = &journal->buffer;
    bool is_value = served->error == 0 && !served->text;

    if (!journal_begin(journal, at_ns))
        return;
    jb_lab_text_add(out,
                    ",\"zone\":\"%s\",\"file\":\"%s\",\"register\":%" PRIu64,
                    origin.target, origin.file, served->reg);
    if (is_value)
        jb_lab_text_add(out, ",\"count\":%" PRIu64, served->value);
    if (is_value && served->counts) {
        jb_lab_text_add_bytes(out, ",\"unwrapped\":", 13);
        jb_lab_text_add_i128(out, served->unwrapped);
    }
    jb_lab_text_add_bytes(out, ",\"text\":", 8);
    if (served->text)
        jb_lab_text_add_json(out, served->text, served->text_len);
    else
        jb_lab_text_add_bytes(out, "null", 4);
    jb_lab_text_add(out, ",\"errno\":%d", served->error);
    journal_end(journal);
}

static void journal_add_value(struct jb_lab_text *out,
                              const struct jb_lab_command *command)
{
    switch (command->verb) {
    case JB_LAB_WAVE:
        jb_lab_text_add(out, ",\"wave\":");
        jb_lab_wave_json(&command->wave, out);
        break;
    case JB_LAB_ERRNO:
        jb_lab_text_add(out, ",\"errno\":%d", command->error);
        break;
    case JB_LAB_DELAY:
        jb_lab_text_add(out, ",\"delay_ns\":%" PRIu64, command->delay_ns);
        break;
    case JB_LAB_TEXT:
    case JB_LAB_MARK:
        jb_lab_text_add(out, ",\"text\":");
        if (command->verb == JB_LAB_MARK || command->has_text)
            jb_lab_text_add_json(out, command->text, command->text_len);
        else
            jb_lab_text_add(out, "null");
        break;
    case JB_LAB_MODE:
        jb_lab_text_add(out, ",\"mode\":\"%04o\"", command->mode);
        break;
    case JB_LAB_FREEZE:
        jb_lab_text_add(out, ",\"how\":\"%s\"",
                        command->stop ? "stop" : "hold");
        break;
    case JB_LAB_JUMP:
        jb_lab_text_add(out, ",\"counts\":%" PRId64, command->counts);
        break;
    case JB_LAB_PLUG:
        jb_lab_text_add(out, ",\"reset\":%s",
                        command->reset ? "true" : "false");
        break;
    case JB_LAB_THAW:
    case JB_LAB_RESET:
    case JB_LAB_UNPLUG:
    case JB_LAB_SYNC:
        break;
    }
}

void jb_lab_journal_command(struct jb_lab_journal *journal, uint64_t at_ns,
                            uint64_t from_ns,
                            const struct jb_lab_command *command)
{
    struct jb_lab_text *out = &journal->buffer;

    if (!journal_begin(journal, at_ns))
        return;
    jb_lab_text_add(out, ",\"event\":\"%s\",\"from_ns\":%" PRIu64,
                    jb_lab_verb_name(command->verb), from_ns);
    if (*command->target)
        jb_lab_text_add(out, ",\"zone\":\"%s\"", command->target);
    if (*command->file)
        jb_lab_text_add(out, ",\"file\":\"%s\"", command->file);
    journal_add_value(out, command);
    journal_end(journal);
}
