/* SPDX-License-Identifier: Apache-2.0 */
#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { RECORDING_FIRST = 16384 };

static bool recording_fail(struct jb_recording *file, int status, int errnum)
{
    if (file->status == JB_OK) {
        file->errnum = errnum;
        file->status = status;
    }
    return false;
}

/* A description of our own, since the flags of one that is shared with others
 * (a shell's terminal) are not ours to change.  Sockets have none to get: they
 * are asked before each write. */
static int recording_open_stdout(bool waits, bool *blocks)
{
    int fd = -1;

    if (waits)
        fd = open("/proc/self/fd/1",
                  O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    *blocks = waits && fd < 0;
    return fd < 0 ? STDOUT_FILENO : fd;
}

static bool recording_is_patient(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 &&
           (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || isatty(fd));
}

static void recording_open_fd(struct jb_recording *file, const char *path)
{
    if (strcmp(path, "-") == 0) {
        file->waits = recording_is_patient(STDOUT_FILENO);
        file->fd = recording_open_stdout(file->waits, &file->out_blocks);
        return;
    }
    file->fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
    if (file->fd < 0)
        return;
    file->waits = recording_is_patient(file->fd);
    file->out_blocks = file->waits && fcntl(file->fd, F_SETFL, O_NONBLOCK) < 0;
    file->seekable = !file->waits && lseek(file->fd, 0, SEEK_CUR) == 0;
}

int jb_recording_open(struct jb_recording *file, const char *path,
                      const char *foot, struct jb_error *err)
{
    *file = (struct jb_recording){ .fd = -1, .foot = foot };
    file->buffer = malloc(RECORDING_FIRST);
    if (!file->buffer)
        return jb_fail(err, JB_ENOMEM, "a buffer for %s", path);
    file->capacity = RECORDING_FIRST;
    recording_open_fd(file, path);
    if (file->fd < 0) {
        jb_fail_errno(err, errno, "%s", path);
        if (err)
            err->status = JB_EIO; /* an absent directory is no meter */
        return JB_EIO;
    }
    return JB_OK;
}

/* Whether *buffer holds so many bytes, after growing where it must. */
static bool recording_grow(struct jb_recording *file, char **buffer,
                           size_t *capacity, size_t wanted)
{
    size_t room = *capacity ? *capacity : RECORDING_FIRST;
    char *grown;

    if (wanted <= *capacity)
        return true;
    while (room < wanted)
        room *= 2;
    grown = realloc(*buffer, room);
    if (!grown)
        return recording_fail(file, JB_ENOMEM, 0);
    *buffer = grown;
    *capacity = room;
    return true;
}

/* Whether so many more bytes of a row fit. */
static bool recording_reserve(struct jb_recording *file, size_t more)
{
    size_t wanted = file->used + more;

    if (file->spilled)
        return false;
    if (wanted > JB_RECORDING_MAX && file->waits && file->whole > 0) {
        file->spilled = true;
        return false;
    }
    if (wanted > JB_RECORDING_MAX)
        return recording_fail(file, JB_ELIMIT, 0);
    return recording_grow(file, &file->buffer, &file->capacity, wanted);
}

char *jb_recording_room(struct jb_recording *file, size_t most)
{
    return recording_reserve(file, most) ? file->buffer + file->used : NULL;
}

void jb_recording_filled(struct jb_recording *file, const char *end)
{
    file->used = (size_t)(end - file->buffer);
}

void jb_recording_put_bytes(struct jb_recording *file, const char *bytes,
                            size_t length)
{
    char *to = jb_recording_room(file, length);

    if (!to)
        return;
    memcpy(to, bytes, length);
    file->used += length;
}

void jb_recording_put_text(struct jb_recording *file, const char *text)
{
    jb_recording_put_bytes(file, text, strlen(text));
}

void jb_recording_put(struct jb_recording *file, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    size_t room = file->capacity - file->used;
    int length;

    if (file->spilled)
        return;
    va_start(ap, fmt);
    va_copy(again, ap);
    length = vsnprintf(file->buffer + file->used, room, fmt, ap);
    if (length >= 0 && (size_t)length >= room &&
        recording_reserve(file, (size_t)length + 1))
        vsnprintf(file->buffer + file->used, (size_t)length + 1, fmt, again);
    if (length >= 0 && file->used + (size_t)length < file->capacity)
        file->used += (size_t)length;
    va_end(again);
    va_end(ap);
}

static void recording_write(struct jb_recording *file, const char *bytes,
                            size_t length)
{
    off_t at = file->end;

    while (length > 0 && file->status == JB_OK) {
        ssize_t put = file->seekable ? pwrite(file->fd, bytes, length, at)
                                     : write(file->fd, bytes, length);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            file->errnum = put < 0 ? errno : EIO;
            file->status = jb_fail_errno(NULL, file->errnum, "write");
            return;
        }
        bytes += put;
        at += put;
        length -= (size_t)put;
    }
}

/* The end took room before: it fits even on a full disk. */
static void recording_restore_foot(struct jb_recording *file)
{
    size_t length = strlen(file->foot);

    if (pwrite(file->fd, file->foot, length, file->end) == (ssize_t)length &&
        ftruncate(file->fd, file->end + (off_t)length) == 0)
        return;
}

/* A foot may have become shorter. */
static void recording_cut(struct jb_recording *file, off_t size)
{
    if (size < file->size && ftruncate(file->fd, size) < 0) {
        file->errnum = errno;
        file->status = JB_EIO;
    }
    file->size = size;
}

/* Rows and foot in one write.  The foot stands where the unfinished row, if
 * any, will: that is moved aside for the moment. */
static void recording_write_with_foot(struct jb_recording *file)
{
    size_t foot = strlen(file->foot);
    size_t rest = file->used - file->whole;

    if (!recording_grow(file, &file->buffer, &file->capacity,
                        file->used + foot))
        return;
    memmove(file->buffer + file->whole + foot, file->buffer + file->whole,
            rest);
    memcpy(file->buffer + file->whole, file->foot, foot);
    recording_write(file, file->buffer, file->whole + foot);
    if (file->status != JB_OK)
        recording_restore_foot(file);
    else
        recording_cut(file, file->end + (off_t)(file->whole + foot));
    memmove(file->buffer + file->whole, file->buffer + file->whole + foot,
            rest);
}

static void recording_write_all(struct jb_recording *file)
{
    size_t whole = file->whole;

    if (file->status != JB_OK)
        return;
    if (file->seekable)
        recording_write_with_foot(file);
    else
        recording_write(file, file->buffer, whole);
    if (file->status == JB_OK)
        file->end += (off_t)whole;
}

static void recording_forget_whole(struct jb_recording *file)
{
    memmove(file->buffer, file->buffer + file->whole, file->used - file->whole);
    file->used -= file->whole;
    file->whole = 0;
    file->whole_rows = 0;
}

void jb_recording_flush(struct jb_recording *file)
{
    if (file->waits) {
        jb_recording_take(file);
        jb_recording_pump(file);
        return;
    }
    if (file->status != JB_OK)
        return;
    recording_write_all(file);
    recording_forget_whole(file);
}

void jb_recording_end_head(struct jb_recording *file)
{
    file->whole = file->used;
}

bool jb_recording_end_row(struct jb_recording *file)
{
    if (file->spilled) {
        file->spilled = false;
        file->used = file->whole;
        file->lost++;
        return false;
    }
    file->whole = file->used;
    file->whole_rows++;
    file->rows++;
    if (file->used > JB_RECORDING_FLUSH && !file->waits)
        jb_recording_flush(file);
    return true;
}

void jb_recording_take(struct jb_recording *file)
{
    if (!file->waits || file->out_used > 0 || file->whole == 0 ||
        file->status != JB_OK ||
        !recording_grow(file, &file->out, &file->out_capacity, file->whole))
        return;
    memcpy(file->out, file->buffer, file->whole);
    file->out_used = file->whole;
    file->out_rows = file->whole_rows;
    recording_forget_whole(file);
}

/* A pipe takes up to PIPE_BUF bytes whole or not at all (pipe(7)): as many
 * lines as fit, so that one that is given up ends with a whole line. */
static size_t recording_portion(const struct jb_recording *file)
{
    size_t left = file->out_used - file->out_at;
    const char *begin = file->out + file->out_at;
    const char *line;

    if (left <= PIPE_BUF)
        return left;
    line = memrchr(begin, '\n', PIPE_BUF);
    return line ? (size_t)(line - begin) + 1 : PIPE_BUF;
}

static bool recording_can_write(const struct jb_recording *file)
{
    struct pollfd watched = { .fd = file->fd, .events = POLLOUT };

    return !file->out_blocks || poll(&watched, 1, 0) > 0;
}

void jb_recording_pump(struct jb_recording *file)
{
    while (jb_recording_pending(file) && recording_can_write(file)) {
        ssize_t put =
            write(file->fd, file->out + file->out_at, recording_portion(file));

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN)
            return;
        if (put <= 0) {
            int errnum = put < 0 ? errno : EIO;

            recording_fail(file, jb_fail_errno(NULL, errnum, "write"), errnum);
            return;
        }
        file->out_at += (size_t)put;
    }
    if (file->out_at == file->out_used) {
        file->out_at = file->out_used = 0;
        file->out_rows = 0;
    }
}

bool jb_recording_pending(const struct jb_recording *file)
{
    return file->out_at < file->out_used && file->status == JB_OK;
}

void jb_recording_finish(struct jb_recording *file)
{
    size_t length = strlen(file->foot);

    file->used = file->whole;
    file->spilled = false;
    if (!file->waits || !recording_grow(file, &file->buffer, &file->capacity,
                                        file->used + length))
        return;
    memcpy(file->buffer + file->used, file->foot, length);
    file->used += length;
    file->whole = file->used;
    file->foot = "";
}

static void recording_end(struct jb_recording *file)
{
    if (file->waits)
        jb_recording_finish(file);
    jb_recording_flush(file);
    jb_recording_flush(file); /* what was made while the last was written */
    if (!file->seekable && file->status == JB_OK)
        recording_write(file, file->foot, strlen(file->foot));
    if (file->fd != STDOUT_FILENO && close(file->fd) < 0)
        recording_fail(file, JB_EIO, errno);
    file->fd = -1;
}

/* How many rows may not have reached the reader: a portion may have ended
 * within a row. */
static uint64_t recording_left(const struct jb_recording *file)
{
    uint64_t lines = 1;

    if (file->out_at == file->out_used)
        return file->whole_rows;
    for (size_t i = file->out_at; i < file->out_used; i++)
        lines += file->out[i] == '\n';
    return file->whole_rows + (lines < file->out_rows ? lines : file->out_rows);
}

int jb_recording_close(struct jb_recording *file, struct jb_error *err)
{
    uint64_t all;
    uint64_t left;
    bool unfinished;

    if (file->fd >= 0)
        recording_end(file);
    all = file->rows + file->lost;
    left = recording_left(file);
    unfinished = file->out_used > 0 || file->whole > 0;
    free(file->buffer);
    free(file->out);
    file->buffer = file->out = NULL;
    if (file->status != JB_OK)
        return jb_fail(err, file->status,
                       "writing the recording failed: %s; what was written is "
                       "valid",
                       file->errnum ? strerrordesc_np(file->errnum)
                                    : jb_status_name(file->status));
    if (!unfinished && file->lost == 0)
        return JB_OK;
    return jb_fail(err, JB_EBUSY,
                   "the reader of the recording was too slow: of %" PRIu64
                   " rows %" PRIu64 " were dropped, and up to %" PRIu64
                   " at the end",
                   all, file->lost, left);
}
