/* SPDX-License-Identifier: Apache-2.0 */
#include "busy.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "core/procstat.h"

enum {
    BUSY_LINE = 128,   /* of one CPU, at first */
    BUSY_FIRST = 1024, /* the sum, and a few more */
    BUSY_TEXT_MAX = 1 << 24,
    BUSY_PLACES_MAX = 1024,
};

static const uint64_t busy_tick_ns = JB_NS_PER_S / JB_PROCSTAT_HZ;

struct busy_cpu {
    uint64_t ticks;
    uint64_t turn; /* in which it was read last */
    uint16_t slot; /* of its place */
};

struct jb_busy {
    const struct jb_topology *topology;
    int fd;
    char *text;
    size_t capacity;
    struct busy_cpu *cpus; /* by their number */
    size_t cpu_capacity;
    struct jb_usage_place *places;
    size_t place_count;
    uint64_t turn;
};

static bool busy_make_places(struct jb_busy *busy)
{
    const struct jb_topology *topology = busy->topology;

    busy->place_count = topology ? topology->package_count : 1;
    busy->places = calloc(busy->place_count, sizeof(*busy->places));
    for (size_t i = 0; busy->places && topology && i < busy->place_count; i++)
        busy->places[i].place = topology->packages[i].package;
    return busy->places;
}

int jb_busy_open(const char *procfs, const struct jb_topology *topology,
                 struct jb_busy **out, struct jb_error *err)
{
    struct jb_busy *busy = calloc(1, sizeof(*busy));
    char path[JB_PATH_MAX];
    const struct jb_usage_place *places;

    if (!busy)
        return jb_fail(err, JB_ENOMEM, "no memory for CPU times");
    busy->fd = -1;
    busy->topology = topology;
    busy->capacity =
        BUSY_FIRST + (topology ? topology->cpu_count * BUSY_LINE : 0);
    busy->text = malloc(busy->capacity);
    if (!busy->text || !busy_make_places(busy)) {
        jb_busy_close(busy);
        return jb_fail(err, JB_ENOMEM, "no memory for CPU times");
    }
    if (jb_path(path, NULL, "%s/stat", procfs) < 0 ||
        jb_file_open(path, &busy->fd, NULL) < 0)
        busy->fd = -1; /* no places then */
    (void)jb_busy_turn(busy, 0, &places);
    *out = busy;
    return JB_OK;
}

void jb_busy_close(struct jb_busy *busy)
{
    if (!busy)
        return;
    if (busy->fd >= 0)
        close(busy->fd);
    free(busy->text);
    free(busy->cpus);
    free(busy->places);
    free(busy);
}

/* The CPUs come first; the interrupts behind them may be cut off. */
static size_t busy_fill(struct jb_busy *busy)
{
    ssize_t got =
        busy->fd < 0 ? 0 : jb_file_pread(busy->fd, busy->text, busy->capacity);

    return got > 0 ? (size_t)got : 0;
}

static bool busy_cpu_room(struct jb_busy *busy, uint64_t cpu)
{
    size_t capacity = busy->cpu_capacity ? busy->cpu_capacity : 8;
    struct busy_cpu *cpus;

    if (cpu < busy->cpu_capacity)
        return true;
    if (cpu > JB_TOPOLOGY_CPU_MAX)
        return false;
    while (capacity <= cpu)
        capacity *= 2;
    cpus = reallocarray(busy->cpus, capacity, sizeof(*cpus));
    if (!cpus)
        return false;
    memset(cpus + busy->cpu_capacity, 0,
           (capacity - busy->cpu_capacity) * sizeof(*cpus));
    busy->cpus = cpus;
    busy->cpu_capacity = capacity;
    return true;
}

/* A CPU that came online after open has no known package: the first place. */
static uint16_t busy_slot(const struct jb_busy *busy, uint32_t cpu)
{
    const struct jb_topology_cpu *found =
        busy->topology ? jb_topology_find(busy->topology, cpu) : NULL;
    uint16_t slot = 0;

    while (found && slot + 1U < busy->place_count &&
           busy->places[slot].place != found->package)
        slot++;
    return found ? slot : 0;
}

static void busy_count(struct jb_busy *busy, uint32_t cpu, uint64_t ticks,
                       uint64_t interval_ns)
{
    struct busy_cpu *known = &busy->cpus[cpu];
    struct jb_usage_place *place;

    if (known->turn == 0)
        known->slot = busy_slot(busy, cpu);
    place = &busy->places[known->slot];
    if (known->turn != 0 && known->turn + 1 == busy->turn) {
        place->cpus++;
        place->capacity_ns += interval_ns;
        if (ticks > known->ticks)
            place->busy_ns += (ticks - known->ticks) * busy_tick_ns;
    }
    known->ticks = ticks;
    known->turn = busy->turn;
}

/* "cpu17 1 2 3 4 ..."; false where the lines of CPUs end. */
static bool busy_line(struct jb_busy *busy, const char *line, size_t length,
                      uint64_t interval_ns)
{
    const char *space = memchr(line, ' ', length);
    struct jb_procstat times;
    uint64_t cpu;
    size_t name = space ? (size_t)(space - line) : 0;

    if (name < 3 || memcmp(line, "cpu", 3) != 0)
        return false;
    if (name > 3 && jb_text_u64(line + 3, name - 3, &cpu) &&
        busy_cpu_room(busy, cpu) &&
        jb_procstat_parse_fields(space, length - name, &times))
        busy_count(busy, (uint32_t)cpu, times.busy, interval_ns);
    return true;
}

/* False when the text ends within the lines of CPUs. */
static bool busy_lines(struct jb_busy *busy, size_t length,
                       uint64_t interval_ns)
{
    const char *line = busy->text;
    const char *end = line + length;

    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));

        if (!newline)
            return *line != 'c';
        if (!busy_line(busy, line, (size_t)(newline - line), interval_ns))
            return true;
        line = newline + 1;
    }
    return length < busy->capacity;
}

/* More CPUs than the topology knew: more room at the next turn. */
static void busy_widen(struct jb_busy *busy)
{
    char *text = busy->capacity < BUSY_TEXT_MAX
                     ? realloc(busy->text, busy->capacity * 2)
                     : NULL;

    if (!text)
        return;
    busy->text = text;
    busy->capacity *= 2;
}

size_t jb_busy_turn(struct jb_busy *busy, uint64_t interval_ns,
                    const struct jb_usage_place **places)
{
    uint32_t cpus = 0;
    size_t length;

    busy->turn++;
    for (size_t i = 0; i < busy->place_count; i++)
        busy->places[i] =
            (struct jb_usage_place){ .place = busy->places[i].place };
    length = busy_fill(busy);
    if (!busy_lines(busy, length, interval_ns))
        busy_widen(busy);
    for (size_t i = 0; i < busy->place_count; i++)
        cpus += busy->places[i].cpus;
    *places = busy->places;
    return cpus > 0 ? busy->place_count : 0;
}

uint64_t jb_busy_sum_ns(const struct jb_busy *busy)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < busy->place_count; i++)
        sum += busy->places[i].busy_ns;
    return sum;
}
