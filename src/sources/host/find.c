/* SPDX-License-Identifier: Apache-2.0 */
/* From files to sensors, at open and after something was plugged. */
#include <stdio.h>

#include "add.h"
#include "core/topology.h"

/* A file of this size is not procfs'. */
enum { FIND_BUFFER_MIN = 4096, FIND_BUFFER_MAX = 4 << 20 };

static int find_add_package(struct jb_source *source, uint16_t number,
                            uint32_t *out, struct jb_error *err)
{
    char stem[JB_HOST_STEM_MAX];
    struct jb_host_new thing = { .kind = &jb_host_package_kind,
                                 .stem = stem,
                                 .group = JB_HOST_STAT,
                                 .package = number };
    struct jb_host_package *packages;
    uint32_t item = 0;
    uint32_t at = 0;
    int rc;

    while (at < source->package_count && source->packages[at].number != number)
        at++;
    *out = at;
    if (at < source->package_count)
        return JB_OK;
    snprintf(stem, sizeof(stem), "package-%u", number);
    packages =
        reallocarray(source->packages, at + 1, sizeof(*source->packages));
    if (!packages)
        return jb_fail(err, JB_ENOMEM, "no memory for %u packages", at + 1);
    source->packages = packages;
    rc = jb_host_add_sensors(source, &thing, &item, err);
    if (rc < 0)
        return rc;
    packages[at] = (struct jb_host_package){ .number = number, .item = item };
    source->package_count++;
    return JB_OK;
}

/* Without a topology the machine is taken for one package. */
static uint16_t find_package_of(const struct jb_topology *topology,
                                uint32_t cpu)
{
    const struct jb_topology_cpu *place =
        topology ? jb_topology_find(topology, cpu) : NULL;

    return place ? place->package : 0;
}

static int find_add_cpu(struct jb_source *source,
                        const struct jb_topology *topology, uint32_t cpu,
                        struct jb_error *err)
{
    char stem[JB_HOST_STEM_MAX];
    struct jb_host_new thing = { .kind = &jb_host_kinds[JB_HOST_STAT],
                                 .stem = stem,
                                 .group = JB_HOST_STAT,
                                 .package = find_package_of(topology, cpu) };
    struct jb_host_thing known = { .number = cpu };
    int rc = find_add_package(source, thing.package, &known.package, err);

    if (rc < 0)
        return rc;
    snprintf(stem, sizeof(stem), "cpu-%u", cpu);
    source->packages[known.package].joined = true;
    return jb_host_add_thing(source, &thing, &known, err);
}

/* The CPUs together, divided by what they did. */
static int find_times(struct jb_source *source, struct jb_error *err)
{
    struct jb_host_new thing = { .kind = &jb_host_times_kind,
                                 .stem = jb_host_times_kind.stem,
                                 .group = JB_HOST_STAT };
    int rc = JB_OK;

    if (!source->has_times)
        rc = jb_host_add_sensors(source, &thing, &source->times, err);
    if (rc == JB_OK)
        source->has_times = true;
    return rc;
}

static int find_cpus(struct jb_source *source, struct jb_proc_text text,
                     bool *malformed, struct jb_error *err)
{
    const struct jb_host_group *group = &source->groups[JB_HOST_STAT];
    struct jb_topology *topology = NULL;
    struct jb_proc_cpu cpu;
    size_t hint = 0;
    int result = JB_OK;
    int rc;

    rc = jb_topology_read(source->env->roots->sysfs, &topology, err);
    if (rc == JB_ENOMEM)
        return rc;
    while (result == JB_OK && (rc = jb_proc_next_cpu(&text, &cpu)) != 0) {
        *malformed = *malformed || rc < 0;
        if (rc > 0 && !jb_host_find_cpu(group, cpu.cpu, hint++))
            result = find_add_cpu(source, topology, cpu.cpu, err);
    }
    jb_topology_free(topology);
    *malformed = *malformed || group->count == 0;
    if (result == JB_OK && group->count > 0)
        result = find_times(source, err);
    return result;
}

/* A device's directory in sysfs; a slash in its name is a "!" there. */
static bool find_in_sysfs(const struct jb_source *source, const char *class,
                          const char *name, const char *file)
{
    char path[JB_PATH_MAX];
    size_t before;

    if (jb_path(path, NULL, "%s/class/%s/", source->env->roots->sysfs, class))
        return false;
    before = strlen(path);
    if (jb_path(path, NULL, "%s/class/%s/%s%s", source->env->roots->sysfs,
                class, name, file))
        return false;
    for (char *slash = path + before; slash < path + before + strlen(name);
         slash++)
        if (*slash == '/')
            *slash = '!';
    return access(path, F_OK) == 0;
}

/* Partitions are parts of their disk; loop, ram and zram are memory or files,
 * which are counted where they lie. */
static bool find_wants_disk(const struct jb_source *source, const char *name)
{
    const struct jb_proc_word word = { name, strlen(name) };

    if (jb_host_starts(name, "loop") || jb_host_starts(name, "ram") ||
        jb_host_starts(name, "zram"))
        return false;
    if (find_in_sysfs(source, "block", name, ""))
        return !find_in_sysfs(source, "block", name, "/partition");
    return !jb_proc_is_partition(&word);
}

/* Bytes of a mapped or striped device are bytes of its disks, too. */
static uint16_t find_disk_flags(const char *name)
{
    return jb_host_starts(name, "dm-") || jb_host_starts(name, "md")
               ? JB_SENSOR_MIRROR
               : 0;
}

/* Bonds, bridges and tunnels send through interfaces that have a device. */
static uint16_t find_net_flags(const struct jb_source *source, const char *name)
{
    return find_in_sysfs(source, "net", name, "") &&
                   !find_in_sysfs(source, "net", name, "/device")
               ? JB_SENSOR_MIRROR
               : 0;
}

/* False for a name that no kernel gives. */
static bool find_copy_name(const struct jb_proc_word *word,
                           char out[JB_HOST_THING_NAME_MAX])
{
    if (word->length >= JB_HOST_THING_NAME_MAX ||
        memchr(word->at, '\0', word->length))
        return false;
    memcpy(out, word->at, word->length);
    out[word->length] = '\0';
    return true;
}

static int find_add_named(struct jb_source *source, enum jb_host_file file,
                          const struct jb_host_thing *known, uint16_t flags,
                          struct jb_error *err)
{
    char stem[JB_HOST_STEM_MAX];
    struct jb_host_new thing = { .kind = &jb_host_kinds[file],
                                 .stem = stem,
                                 .group = (uint32_t)file,
                                 .flags = flags };

    snprintf(stem, sizeof(stem), "%s-%s", thing.kind->stem, known->name);
    return jb_host_add_thing(source, &thing, known, err);
}

static int find_disks(struct jb_source *source, struct jb_proc_text text,
                      bool *malformed, struct jb_error *err)
{
    const struct jb_host_group *group = &source->groups[JB_HOST_DISKS];
    struct jb_proc_disk disk;
    int result = JB_OK;
    int rc;

    while (result == JB_OK && (rc = jb_proc_next_disk(&text, &disk)) != 0) {
        struct jb_host_thing known = { .number = 0 };

        if (rc < 0 || !find_copy_name(&disk.name, known.name))
            *malformed = true;
        else if (!jb_host_find_name(group, &disk.name, 0) &&
                 find_wants_disk(source, known.name))
            result = find_add_named(source, JB_HOST_DISKS, &known,
                                    find_disk_flags(known.name), err);
    }
    return result;
}

static int find_nets(struct jb_source *source, struct jb_proc_text text,
                     bool *malformed, struct jb_error *err)
{
    const struct jb_host_group *group = &source->groups[JB_HOST_NETS];
    struct jb_proc_net net;
    int result = JB_OK;
    int rc;

    while (result == JB_OK && (rc = jb_proc_next_net(&text, &net)) != 0) {
        struct jb_host_thing known = { .number = 0 };

        if (rc < 0 || !find_copy_name(&net.name, known.name))
            *malformed = true;
        else if (!jb_proc_word_is(&net.name, "lo") &&
                 !jb_host_find_name(group, &net.name, 0))
            result = find_add_named(source, JB_HOST_NETS, &known,
                                    find_net_flags(source, known.name), err);
    }
    return result;
}

/* Memory and load are there whatever their files say, so that they can say
 * what is wrong with them. */
static int find_fixed(struct jb_source *source, enum jb_host_file file,
                      struct jb_error *err)
{
    struct jb_host_new thing = { .kind = &jb_host_kinds[file],
                                 .stem = jb_host_kinds[file].stem,
                                 .group = (uint32_t)file };
    const struct jb_host_thing known = { .number = 0 };

    if (source->groups[file].count > 0)
        return JB_OK;
    return jb_host_add_thing(source, &thing, &known, err);
}

static int find_things(struct jb_source *source, enum jb_host_file file,
                       struct jb_proc_text text, bool *malformed,
                       struct jb_error *err)
{
    switch (file) {
    case JB_HOST_STAT:
        return find_cpus(source, text, malformed, err);
    case JB_HOST_DISKS:
        return find_disks(source, text, malformed, err);
    case JB_HOST_NETS:
        return find_nets(source, text, malformed, err);
    case JB_HOST_MEMORY:
    case JB_HOST_LOAD:
    case JB_HOST_FILES:
        break;
    }
    return JB_OK;
}

/* Reads until the file fills half of the buffer at most: what is plugged
 * before the next scan has its place. */
static int find_fill(struct jb_host_group *group, enum jb_host_file file,
                     struct jb_proc_text *text, struct jb_error *err)
{
    bool cut = true;
    int rc = JB_OK;

    while (rc == JB_OK) {
        size_t capacity =
            group->capacity ? 2 * group->capacity : FIND_BUFFER_MIN;
        char *buffer;

        if (group->capacity > 0)
            rc = jb_host_fill(group, file, text, &cut);
        if (rc < 0)
            return jb_fail(err, rc, "could not be read");
        if (!cut && 2 * (size_t)(text->end - text->at) <= group->capacity)
            return JB_OK;
        if (capacity > FIND_BUFFER_MAX)
            return jb_fail(err, JB_ELIMIT, "holds more than %d bytes",
                           FIND_BUFFER_MAX / 2);
        buffer = realloc(group->buffer, capacity);
        if (!buffer)
            return jb_fail(err, JB_ENOMEM, "no memory to read it");
        group->buffer = buffer;
        group->capacity = capacity;
    }
    return rc;
}

static int find_connect(struct jb_source *source, enum jb_host_file file,
                        struct jb_proc_text *text, struct jb_error *trouble)
{
    struct jb_host_group *group = &source->groups[file];
    const char *procfs = source->env->roots->procfs;
    struct jb_error detail;
    char path[JB_PATH_MAX];
    int rc = jb_path(path, trouble, "%s/%s", procfs, jb_host_file_names[file]);

    if (rc == JB_OK && group->fd < 0)
        rc = jb_file_open(path, &group->fd, trouble);
    if (rc < 0)
        return rc;
    rc = find_fill(group, file, text, &detail);
    if (rc == JB_OK)
        return JB_OK;
    close(group->fd);
    group->fd = -1;
    return jb_fail(trouble, rc, "%s/%s %s", procfs, jb_host_file_names[file],
                   detail.text);
}

/* A file of which nothing is known is one sensor that says why. */
static int find_placeholder(struct jb_source *source, enum jb_host_file file,
                            struct jb_error *err)
{
    struct jb_host_group *group = &source->groups[file];
    struct jb_host_kind kind = jb_host_kinds[file];
    struct jb_host_new thing = { .kind = &kind,
                                 .stem = kind.stem,
                                 .group = (uint32_t)file };
    int rc;

    if (group->count > 0 || group->has_placeholder)
        return JB_OK;
    kind.width = 1;
    rc = jb_host_add_sensors(source, &thing, &group->placeholder, err);
    if (rc < 0)
        return rc;
    snprintf(source->sensors[group->placeholder].name, JB_NAME_MAX, "%s",
             kind.stem);
    group->has_placeholder = true;
    return JB_OK;
}

static const char *find_reason(int state)
{
    switch (state) {
    case JB_EABSENT:
        return "does not list it";
    case JB_EFORMAT:
        return "is malformed";
    case JB_EIMPLAUSIBLE:
        return "contradicts itself";
    default:
        return "could not be read";
    }
}

static void find_announce_file(struct jb_source *source, enum jb_host_file file,
                               const struct jb_error *trouble)
{
    const struct jb_host_group *group = &source->groups[file];
    char reason[JB_REASON_MAX];

    for (uint32_t i = 0; i < source->count; i++) {
        int state = source->items[i].state;

        if (source->items[i].group != (uint32_t)file)
            continue;
        if (group->has_placeholder && i == group->placeholder)
            state = JB_EABSENT;
        if (trouble->status != JB_OK &&
            (group->fd < 0 || i == group->placeholder))
            state = trouble->status;
        snprintf(reason, sizeof(reason), "%.150s/%s %s",
                 source->env->roots->procfs, jb_host_file_names[file],
                 find_reason(state));
        jb_host_announce(source, i, state,
                         group->fd < 0 ? trouble->text : reason);
    }
}

/* The sum of a package that got a CPU goes on from another number. */
static void find_announce_packages(struct jb_source *source, size_t before)
{
    for (size_t i = 0; i < source->package_count; i++) {
        if (source->packages[i].joined && i < before)
            source->sensors[source->packages[i].item].generation++;
        source->packages[i].joined = false;
    }
}

static int find_file(struct jb_source *source, enum jb_host_file file,
                     struct jb_error *err)
{
    size_t packages = source->package_count;
    struct jb_error trouble = { .status = JB_OK };
    struct jb_proc_text text = { NULL, NULL };
    bool malformed = false;
    bool fixed = file == JB_HOST_MEMORY || file == JB_HOST_LOAD;
    int rc = fixed ? find_fixed(source, file, err) : JB_OK;

    if (rc == JB_OK && find_connect(source, file, &text, &trouble) == JB_OK)
        rc = find_things(source, file, text, &malformed, err);
    if (rc == JB_OK && malformed)
        trouble.status = JB_EFORMAT;
    if (rc == JB_OK && trouble.status != JB_OK)
        rc = find_placeholder(source, file, err);
    if (rc < 0)
        return rc;
    jb_host_read_file(source, file);
    find_announce_file(source, file, &trouble);
    if (file == JB_HOST_STAT)
        find_announce_packages(source, packages);
    return JB_OK;
}

int jb_host_scan(struct jb_source *source, struct jb_error *err)
{
    int rc = JB_OK;

    for (int file = 0; rc == JB_OK && file < JB_HOST_FILES; file++)
        rc = find_file(source, (enum jb_host_file)file, err);
    if (rc == JB_OK)
        rc = jb_host_scan_mounts(source, err);
    return rc;
}
