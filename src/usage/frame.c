/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "core/procstat.h"

enum { FRAME_ROWS_FIRST = 256, FRAME_DOUBT_SHARE = 20 };

static const uint64_t frame_tick_ns = JB_NS_PER_S / JB_PROCSTAT_HZ;

uint64_t jb_frame_ticks(uint64_t boottime_ns)
{
    return boottime_ns / frame_tick_ns;
}

int jb_frame_open(struct jb_frame *frame, const struct jb_env *env,
                  const struct jb_usage_options *options, struct jb_error *err)
{
    const struct jb_roots *roots = env->roots;
    int rc;

    *frame = (struct jb_frame){ .env = env, .options = *options, .number = 1 };
    frame->open_ns = jb_clock_now_ns(env->clock);
    frame->procfs = open(roots->procfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (frame->procfs < 0)
        return jb_fail_errno(err, errno, "%s", roots->procfs);
    if (jb_topology_read(roots->sysfs, &frame->topology, NULL) < 0)
        frame->topology = NULL; /* places are not known then */
    rc = jb_groups_open(roots->cgroupfs, options, frame->topology,
                        &frame->groups, err);
    if (rc == JB_OK)
        rc = jb_busy_open(roots->procfs, frame->topology, &frame->busy, err);
    if (rc < 0)
        jb_frame_close(frame);
    return rc;
}

void jb_frame_close(struct jb_frame *frame)
{
    if (!frame->env)
        return;
    if (frame->procfs >= 0)
        close(frame->procfs);
    jb_topology_free(frame->topology);
    jb_groups_close(frame->groups);
    jb_busy_close(frame->busy);
    free(frame->rows);
    *frame = (struct jb_frame){ .procfs = -1 };
}

static void frame_read(struct jb_frame *frame)
{
    struct jb_usage_turn *turn = &frame->turn;

    turn->to_ns = jb_clock_now_ns(frame->env->clock);
    jb_groups_turn(frame->groups, &turn->lost);
    turn->place_count =
        jb_busy_turn(frame->busy, turn->to_ns - turn->from_ns, &turn->places);
}

void jb_frame_start(struct jb_frame *frame)
{
    frame->turn.from_ns = frame->open_ns;
    frame_read(frame);
    frame->turn.lost = (struct jb_usage_lost){ 0 };
}

void jb_frame_begin(struct jb_frame *frame)
{
    frame->turn.from_ns = frame->turn.to_ns;
    frame->turn.lost = (struct jb_usage_lost){ 0 };
    frame->row_count = 0;
    frame->number++;
    frame_read(frame);
}

static bool frame_grow(struct jb_frame *frame)
{
    size_t capacity =
        frame->row_capacity ? frame->row_capacity * 2 : FRAME_ROWS_FIRST;
    struct jb_usage_row *rows;

    if (frame->row_count < frame->row_capacity)
        return true;
    if (frame->row_count >= frame->options.processes_max)
        return false;
    rows = reallocarray(frame->rows, capacity, sizeof(*rows));
    if (!rows)
        return false;
    frame->rows = rows;
    frame->row_capacity = capacity;
    return true;
}

struct jb_usage_row *jb_frame_row(struct jb_frame *frame, uint64_t cpu_ns)
{
    struct jb_usage_row *row;

    if (!frame_grow(frame)) {
        frame->turn.lost.rows++;
        frame->turn.lost.row_ns += cpu_ns;
        return NULL;
    }
    row = &frame->rows[frame->row_count++];
    *row = (struct jb_usage_row){
        .cpu_ns = cpu_ns,
        .group = JB_USAGE_GROUP_NONE,
        .place = JB_USAGE_PLACE_UNKNOWN,
    };
    return row;
}

const struct jb_usage_turn *jb_frame_end(struct jb_frame *frame)
{
    struct jb_usage_turn *turn = &frame->turn;

    turn->rows = frame->rows;
    turn->row_count = frame->row_count;
    turn->groups = jb_groups_rows(frame->groups, &turn->group_count);
    return turn;
}

uint16_t jb_frame_place(const struct jb_frame *frame, uint32_t cpu, bool alone)
{
    const struct jb_topology *topology = frame->topology;
    const struct jb_topology_cpu *found;

    if (!topology)
        return JB_USAGE_PLACE_UNKNOWN;
    if (topology->package_count == 1)
        return topology->packages[0].package;
    found = alone ? jb_topology_find(topology, cpu) : NULL;
    return found ? found->package : JB_USAGE_PLACE_UNKNOWN;
}

/* /proc/stat counts in ticks, and interrupts and stolen time with it. */
bool jb_frame_busy(const struct jb_frame *frame, uint64_t *busy_ns,
                   uint64_t *doubt_ns)
{
    uint64_t cpus = 0;

    if (jb_groups_root_ns(frame->groups, busy_ns)) {
        *doubt_ns = frame_tick_ns;
        return true;
    }
    if (frame->turn.place_count == 0)
        return false;
    for (size_t i = 0; i < frame->turn.place_count; i++)
        cpus += frame->turn.places[i].cpus;
    *busy_ns = jb_busy_sum_ns(frame->busy);
    *doubt_ns = 2 * cpus * frame_tick_ns + *busy_ns / FRAME_DOUBT_SHARE;
    return true;
}
