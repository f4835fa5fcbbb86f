/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other face of the lab: the same tree as plain files (put the directory
 * on a tmpfs), energy_uj rewritten at a fixed rate.
 *
 * Why: a FUSE read costs many times a sysfs read, so the cost of a reader is
 * measured here, its accuracy there.  Each value is one pwrite of fixed width,
 * zeros in front, so that a reader never sees the end of an older, longer
 * number.  There are no faults, no control file and no registers.
 */
#include "face.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    WRITER_MAX_METERS = JB_LAB_MAX_ZONES + JB_LAB_MAX_DEVICES,
    WRITER_GAUGE_WIDTH = 12
};

/* A file that is rewritten. */
struct writer_meter {
    unsigned node;
    int fd;
    int width; /* digits */
};

struct jb_lab_writer {
    struct jb_lab_state *state; /* borrowed */
    int root_fd;
    uint64_t period_ns;
    struct writer_meter meters[WRITER_MAX_METERS];
    unsigned meter_count;
    unsigned made; /* nodes made so far, in order: to be removed in reverse */
};

static int writer_put(int fd, const char *bytes, size_t len)
{
    return pwrite(fd, bytes, len, 0) == (ssize_t)len ? 0 : -1;
}

/* The value as it is now, in its fixed width. */
static int writer_update(struct jb_lab_writer *writer,
                         const struct writer_meter *meter)
{
    struct jb_lab_answer answer;
    char text[JB_LAB_ANSWER_SIZE];
    int len;

    jb_lab_state_read(writer->state, meter->node, jb_lab_now_ns(), &answer);
    if (answer.error != 0)
        return 0; /* the power meter before its first mean */
    answer.bytes[answer.len] = '\0';
    len = snprintf(text, sizeof(text), "%0*lld\n", meter->width,
                   strtoll(answer.bytes, NULL, 10));
    return len > 0 ? writer_put(meter->fd, text, (size_t)len) : -1;
}

static int writer_digits(const struct jb_lab_state *state,
                         const struct jb_lab_node *node)
{
    const struct jb_lab_zone *zone;
    char text[32];

    if (node->role != JB_LAB_ENERGY)
        return WRITER_GAUGE_WIDTH;
    zone = &state->world.layout.zones[node->zone];
    return snprintf(
        text, sizeof(text), "%llu",
        (unsigned long long)jb_lab_counter_uj(zone->modulus - 1, &zone->shown));
}

static int writer_make_file(struct jb_lab_writer *writer, unsigned index,
                            const char *path)
{
    const struct jb_lab_node *node = &writer->state->tree.nodes[index];
    char text[JB_LAB_ANSWER_SIZE];
    int fd, len, rc = 0;

    fd = openat(writer->root_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                node->mode);
    if (fd < 0)
        return -1;
    if (node->role == JB_LAB_ENERGY || jb_lab_role_is_gauge(node->role)) {
        struct writer_meter *meter = &writer->meters[writer->meter_count++];

        *meter = (struct writer_meter){
            .node = index, .fd = fd, .width = writer_digits(writer->state, node)
        };
        return writer_update(writer, meter);
    }
    len = jb_lab_tree_render(&writer->state->world.layout, node, text,
                             sizeof(text));
    if (len > 0)
        rc = writer_put(fd, text, (size_t)len);
    close(fd);
    return rc;
}

static int writer_make_cpuinfo(struct jb_lab_writer *writer, const char *path)
{
    struct jb_lab_text page = { 0 };
    int fd = openat(writer->root_fd, path,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    int rc = -1;

    if (fd < 0)
        return -1;
    jb_lab_tree_cpuinfo(&writer->state->world.layout, &page);
    if (!page.failed)
        rc = writer_put(fd, page.bytes, page.len);
    jb_lab_text_release(&page);
    close(fd);
    return rc;
}

static int writer_make_node(struct jb_lab_writer *writer, unsigned index)
{
    const struct jb_lab_node *node = &writer->state->tree.nodes[index];
    char path[JB_LAB_LINK_SIZE];

    jb_lab_tree_path(&writer->state->tree, (int)index, path, sizeof(path));
    switch (node->role) {
    case JB_LAB_DIR:
        return mkdirat(writer->root_fd, path, node->mode);
    case JB_LAB_LINK:
        return symlinkat(node->link, writer->root_fd, path);
    case JB_LAB_CONTROL:
    case JB_LAB_STATUS:
    case JB_LAB_MSR: /* registers overlap as bytes of a plain file */
        return 0;
    case JB_LAB_CPUINFO:
        return writer_make_cpuinfo(writer, path);
    default:
        return writer_make_file(writer, index, path);
    }
}

static int writer_make_all(struct jb_lab_writer *writer, struct jb_error *err)
{
    for (unsigned i = 1; i < writer->state->tree.node_count; i++) {
        if (writer_make_node(writer, i) < 0)
            return jb_fail(err, errno == EACCES ? JB_EDENIED : JB_EUSAGE,
                           "lab: %s: %s (an empty, writable directory is "
                           "wanted)",
                           writer->state->tree.nodes[i].name, strerror(errno));
        writer->made = i;
    }
    return JB_OK;
}

int jb_lab_writer_open(const char *directory, uint32_t rate_hz,
                       struct jb_lab_state *state, struct jb_lab_writer **out,
                       struct jb_error *err)
{
    struct jb_lab_writer *writer = calloc(1, sizeof(*writer));
    int rc;

    if (!writer)
        return jb_fail(err, JB_ENOMEM, "lab: out of memory");
    writer->state = state;
    writer->period_ns = UINT64_C(1000000000) / rate_hz;
    writer->root_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (writer->root_fd < 0)
        rc =
            jb_fail(err, JB_EDENIED, "lab: %s: %s", directory, strerror(errno));
    else
        rc = writer_make_all(writer, err);
    if (rc < 0) {
        jb_lab_writer_close(writer);
        return rc;
    }
    *out = writer;
    return JB_OK;
}

/* Waits until due_ns or for a signal; 1 is a signal. */
static int writer_wait(int signal_fd, uint64_t due_ns)
{
    struct pollfd fd = { .fd = signal_fd, .events = POLLIN };
    uint64_t now_ns = jb_lab_now_ns();
    uint64_t left = due_ns > now_ns ? due_ns - now_ns : 0;
    struct timespec wait = { .tv_sec = (time_t)(left / 1000000000),
                             .tv_nsec = (long)(left % 1000000000) };

    return ppoll(&fd, 1, &wait, NULL);
}

int jb_lab_writer_serve(struct jb_lab_writer *writer, int signal_fd,
                        struct jb_error *err)
{
    uint64_t due_ns = jb_lab_now_ns();

    for (;;) {
        for (unsigned i = 0; i < writer->meter_count; i++)
            if (writer_update(writer, &writer->meters[i]) < 0)
                return jb_fail(err, JB_EIO, "lab: write: %s", strerror(errno));
        jb_lab_journal_tick(&writer->state->journal, jb_lab_now_ns());
        due_ns += writer->period_ns;
        if (writer_wait(signal_fd, due_ns) > 0)
            return JB_OK;
    }
}

static void writer_free(struct jb_lab_writer *writer)
{
    for (unsigned i = 0; i < writer->meter_count; i++)
        close(writer->meters[i].fd);
    if (writer->root_fd >= 0)
        close(writer->root_fd);
    free(writer);
}

void jb_lab_writer_abandon(struct jb_lab_writer *writer)
{
    if (writer)
        writer_free(writer);
}

void jb_lab_writer_close(struct jb_lab_writer *writer)
{
    if (!writer)
        return;
    for (unsigned i = writer->made; i > 0; i--) {
        const struct jb_lab_node *node = &writer->state->tree.nodes[i];
        char path[JB_LAB_LINK_SIZE];

        jb_lab_tree_path(&writer->state->tree, (int)i, path, sizeof(path));
        unlinkat(writer->root_fd, path,
                 node->role == JB_LAB_DIR ? AT_REMOVEDIR : 0);
    }
    writer_free(writer);
}
