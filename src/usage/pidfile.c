/* SPDX-License-Identifier: Apache-2.0 */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/text.h"

enum {
    PIDFILE_NAME_MAX = 32,
    PIDFILE_EXITING = 0x00000004,       /* PF_EXITING, linux/sched.h */
    PIDFILE_KERNEL_THREAD = 0x00200000, /* PF_KTHREAD, linux/sched.h */
    PIDFILE_PID_MAX = 1 << 22,          /* PID_MAX_LIMIT, linux/threads.h */
    PIDFILE_CPU_MAX = 65535,
    PIDFILE_KIB = 1024,
    PIDFILE_TEXT_MAX = 4096,
};

/* Fields of stat behind the name, by their numbers in proc(5). */
enum pidfile_field {
    PIDFILE_STATE = 3,
    PIDFILE_PPID = 4,
    PIDFILE_FLAGS = 9,
    PIDFILE_UTIME = 14,
    PIDFILE_STIME = 15,
    PIDFILE_THREADS = 20,
    PIDFILE_START = 22,
    PIDFILE_CPU = 39,
};

static const char *pidfile_word(const char **at, const char *end,
                                size_t *length)
{
    const char *word = *at;

    while (word < end && (*word == ' ' || *word == '\t'))
        word++;
    *at = word;
    while (*at < end && **at != ' ' && **at != '\t' && **at != '\n')
        ++*at;
    *length = (size_t)(*at - word);
    return word;
}

/* The kernel adds what a worker does just now, as in "kworker/0:1-events"
 * (wq_worker_comm()); other interfaces do not. */
static void pidfile_comm(const char *comm, size_t length, bool kernel,
                         char out[JB_USAGE_COMM_MAX])
{
    static const char worker[] = "kworker/";
    size_t taken = 0;

    if (kernel && length > sizeof(worker) &&
        memcmp(comm, worker, sizeof(worker) - 1) == 0)
        while (taken < length && comm[taken] != '-' && comm[taken] != '+')
            taken++;
    else
        taken = length;
    if (taken >= JB_USAGE_COMM_MAX)
        taken = JB_USAGE_COMM_MAX - 1;
    memset(out, 0, JB_USAGE_COMM_MAX);
    memcpy(out, comm, taken);
}

static bool pidfile_fields(const char *at, const char *end,
                           struct jb_pid_stat *out)
{
    uint64_t got[PIDFILE_CPU + 1] = { 0 };

    for (int field = PIDFILE_STATE; field <= PIDFILE_CPU; field++) {
        size_t length;
        const char *word = pidfile_word(&at, end, &length);

        if (length == 0)
            return false;
        if (field == PIDFILE_STATE) {
            out->exiting = *word == 'Z' || *word == 'X';
            if (length != 1)
                return false;
        } else if (!jb_text_u64(word, length, &got[field]) &&
                   (field == PIDFILE_PPID || field == PIDFILE_FLAGS ||
                    field == PIDFILE_UTIME || field == PIDFILE_STIME ||
                    field == PIDFILE_THREADS || field == PIDFILE_START ||
                    field == PIDFILE_CPU)) {
            return false;
        }
    }
    if (got[PIDFILE_PPID] > PIDFILE_PID_MAX ||
        got[PIDFILE_THREADS] > PIDFILE_PID_MAX ||
        got[PIDFILE_CPU] > PIDFILE_CPU_MAX ||
        __builtin_add_overflow(got[PIDFILE_UTIME], got[PIDFILE_STIME],
                               &out->cpu_ticks))
        return false;
    out->ppid = (uint32_t)got[PIDFILE_PPID];
    out->threads = (uint32_t)got[PIDFILE_THREADS];
    out->cpu = (uint32_t)got[PIDFILE_CPU];
    out->start_ticks = got[PIDFILE_START];
    out->exiting = out->exiting || got[PIDFILE_FLAGS] & PIDFILE_EXITING;
    out->kernel = got[PIDFILE_FLAGS] & PIDFILE_KERNEL_THREAD;
    return true;
}

bool jb_pidfile_stat(const char *text, size_t length, struct jb_pid_stat *out)
{
    const char *open = length > 0 ? memchr(text, '(', length) : NULL;
    const char *close = length > 0 ? memrchr(text, ')', length) : NULL;
    struct jb_pid_stat stat = { 0 };
    uint64_t pid;

    if (!open || !close || close < open || open == text ||
        !jb_text_u64(text, jb_text_trimmed(text, (size_t)(open - text)),
                     &pid) ||
        pid > PIDFILE_PID_MAX ||
        !pidfile_fields(close + 1, text + length, &stat))
        return false;
    stat.pid = (uint32_t)pid;
    pidfile_comm(open + 1, (size_t)(close - open) - 1, stat.kernel, stat.comm);
    *out = stat;
    return true;
}

bool jb_pidfile_schedstat(const char *text, size_t length, uint64_t *run_ns,
                          uint64_t *slices)
{
    const char *end = text + length;
    uint64_t values[3];

    for (size_t i = 0; i < 3; i++) {
        size_t width;
        const char *word = pidfile_word(&text, end, &width);

        if (!jb_text_u64(word, width, &values[i]))
            return false;
    }
    *run_ns = values[0];
    *slices = values[2];
    return true;
}

static bool pidfile_has(const char *list, size_t length, const char *controller)
{
    size_t wanted = strlen(controller);

    if (wanted == 0)
        return length == 0;
    while (length >= wanted) {
        const char *comma = memchr(list, ',', length);
        size_t one = comma ? (size_t)(comma - list) : length;

        if (one == wanted && memcmp(list, controller, wanted) == 0)
            return true;
        if (!comma)
            return false;
        list = comma + 1;
        length -= one + 1;
    }
    return false;
}

/* "4:memory:/path" */
struct pidfile_cgroup {
    uint64_t hierarchy;
    const char *path;
    size_t path_length;
};

static bool pidfile_cgroup_line(const char *line, size_t length,
                                const char *controller,
                                struct pidfile_cgroup *out)
{
    static const char deleted[] = " (deleted)";
    const size_t suffix = sizeof(deleted) - 1;
    const char *first = memchr(line, ':', length);
    const char *end = line + length;
    const char *second =
        first ? memchr(first + 1, ':', (size_t)(end - first) - 1) : NULL;
    size_t rest;

    if (!second || second + 1 == end || second[1] != '/' ||
        !jb_text_u64(line, (size_t)(first - line), &out->hierarchy) ||
        !pidfile_has(first + 1, (size_t)(second - first) - 1, controller))
        return false;
    rest = (size_t)(end - second) - 1;
    if (rest > suffix && memcmp(end - suffix, deleted, suffix) == 0)
        rest -= suffix;
    out->path = second + 1;
    out->path_length = rest;
    return true;
}

static bool pidfile_cgroup(const char *text, size_t length,
                           const char *controller, struct pidfile_cgroup *out)
{
    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline ? (size_t)(newline - text) : length;

        if (newline && pidfile_cgroup_line(text, line, controller, out))
            return true;
        text += newline ? line + 1 : line;
        length -= newline ? line + 1 : line;
    }
    return false;
}

bool jb_pidfile_cgroup(const char *text, size_t length, const char *controller,
                       const char **path, size_t *path_length)
{
    struct pidfile_cgroup found;

    if (!pidfile_cgroup(text, length, controller, &found))
        return false;
    *path = found.path;
    *path_length = found.path_length;
    return true;
}

bool jb_pidfile_hierarchy(const char *text, size_t length,
                          const char *controller, uint32_t *number)
{
    struct pidfile_cgroup found;

    if (!pidfile_cgroup(text, length, controller, &found) ||
        found.hierarchy > UINT32_MAX)
        return false;
    *number = (uint32_t)found.hierarchy;
    return true;
}

bool jb_pidfile_value(const char *text, size_t length, const char *key,
                      uint64_t *out)
{
    size_t wanted = strlen(key);
    const char *end = text + length;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;

        if ((size_t)(stop - text) > wanted && text[wanted] == ':' &&
            memcmp(text, key, wanted) == 0) {
            const char *at = text + wanted + 1;
            size_t width;
            const char *word = pidfile_word(&at, stop, &width);

            return newline && jb_text_u64(word, width, out);
        }
        text = stop + (newline ? 1 : 0);
    }
    return false;
}

bool jb_pidfile_uid(const char *text, size_t length, uint32_t *uid)
{
    uint64_t value;

    if (!jb_pidfile_value(text, length, "Uid", &value) || value > UINT32_MAX)
        return false;
    *uid = (uint32_t)value;
    return true;
}

int jb_pidfile_open(int procfs, uint32_t pid, const char *name)
{
    char path[PIDFILE_NAME_MAX];
    size_t at = sizeof("4294967295") - 1;
    char *digit = path + at;

    *digit = '/';
    do
        *--digit = (char)('0' + pid % 10);
    while ((pid /= 10) > 0);
    memcpy(path + at + 1, name, strnlen(name, PIDFILE_NAME_MAX - at - 2) + 1);
    path[PIDFILE_NAME_MAX - 1] = '\0';
    return openat(procfs, digit, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* One read gives a whole record; only what lists many needs more of them. */
ssize_t jb_pidfile_read(int procfs, uint32_t pid, const char *name,
                        char *buffer, size_t capacity)
{
    JB_AUTO_CLOSE int fd = jb_pidfile_open(procfs, pid, name);
    ssize_t got;

    if (fd < 0)
        return -errno;
    do {
        got = read(fd, buffer, capacity);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static void pidfile_rss(int procfs, struct jb_usage_row *row)
{
    char text[PIDFILE_TEXT_MAX] = "";
    ssize_t got =
        jb_pidfile_read(procfs, row->pid, "statm", text, sizeof(text));
    const char *at = text;
    const char *end = text + (got > 0 ? got : 0);
    uint64_t pages = 0;
    bool good = got > 0;

    for (int field = 0; good && field < 2; field++) {
        size_t width;
        const char *word = pidfile_word(&at, end, &width);

        good = jb_text_u64(word, width, &pages);
    }
    if (!good || pages > UINT64_MAX / (uint64_t)sysconf(_SC_PAGESIZE))
        return;
    row->rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    row->flags |= JB_USAGE_HAS_RSS;
}

static bool pidfile_kib(const char *text, size_t length, const char *key,
                        uint64_t *bytes)
{
    uint64_t kib;

    return jb_pidfile_value(text, length, key, &kib) &&
           !__builtin_mul_overflow(kib, (uint64_t)PIDFILE_KIB, bytes);
}

static void pidfile_pss(int procfs, struct jb_usage_row *row)
{
    char text[PIDFILE_TEXT_MAX] = "";
    ssize_t got =
        jb_pidfile_read(procfs, row->pid, "smaps_rollup", text, sizeof(text));
    size_t length = (size_t)got;
    uint64_t pss;
    uint64_t clean;
    uint64_t dirty;

    if (got <= 0 || !pidfile_kib(text, length, "Pss", &pss) ||
        !pidfile_kib(text, length, "Private_Clean", &clean) ||
        !pidfile_kib(text, length, "Private_Dirty", &dirty) ||
        __builtin_add_overflow(clean, dirty, &clean))
        return;
    row->pss_bytes = pss;
    row->uss_bytes = clean;
    row->flags |= JB_USAGE_HAS_PSS;
}

static void pidfile_io(int procfs, struct jb_usage_row *row)
{
    char text[PIDFILE_TEXT_MAX] = "";
    ssize_t got = jb_pidfile_read(procfs, row->pid, "io", text, sizeof(text));
    size_t length = (size_t)got;
    uint64_t in;
    uint64_t out;

    if (got <= 0 || !jb_pidfile_value(text, length, "read_bytes", &in) ||
        !jb_pidfile_value(text, length, "write_bytes", &out))
        return;
    row->read_bytes = in;
    row->written_bytes = out;
    row->flags |= JB_USAGE_HAS_IO;
}

void jb_pidfile_extras(int procfs, const struct jb_usage_options *options,
                       struct jb_usage_row *row)
{
    if (row->flags & JB_USAGE_KERNEL)
        return;
    if (options->memory != JB_USAGE_MEMORY_NONE)
        pidfile_rss(procfs, row);
    if (options->memory == JB_USAGE_MEMORY_PSS)
        pidfile_pss(procfs, row);
    if (options->io)
        pidfile_io(procfs, row);
}
