/* SPDX-License-Identifier: Apache-2.0 */
#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RECORDING_FIRST = 16384 };

int jb_recording_open(struct jb_recording *file, const char *path,
                      const char *foot, struct jb_error *err)
{
    bool to_stdout = strcmp(path, "-") == 0;

    *file = (struct jb_recording){ .fd = -1, .foot = foot };
    file->buffer = malloc(RECORDING_FIRST);
    if (!file->buffer)
        return jb_fail(err, JB_ENOMEM, "a buffer for %s", path);
    file->capacity = RECORDING_FIRST;
    file->fd = to_stdout
                   ? STDOUT_FILENO
                   : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->fd < 0) {
        jb_fail_errno(err, errno, "%s", path);
        if (err)
            err->status = JB_EIO; /* an absent directory is no meter */
        return JB_EIO;
    }
    file->seekable = !to_stdout && lseek(file->fd, 0, SEEK_CUR) == 0;
    return JB_OK;
}

/* Whether so many more bytes fit, after growing where it must. */
static bool recording_reserve(struct jb_recording *file, size_t more)
{
    size_t capacity = file->capacity;
    char *grown;

    if (file->used + more <= capacity)
        return true;
    while (capacity < file->used + more)
        capacity *= 2;
    grown =
        capacity <= JB_RECORDING_MAX ? realloc(file->buffer, capacity) : NULL;
    if (!grown) {
        if (file->status == JB_OK)
            file->status = capacity <= JB_RECORDING_MAX ? JB_ENOMEM : JB_ELIMIT;
        return false;
    }
    file->buffer = grown;
    file->capacity = capacity;
    return true;
}

void jb_recording_put_text(struct jb_recording *file, const char *text)
{
    size_t length = strlen(text);

    if (!recording_reserve(file, length))
        return;
    memcpy(file->buffer + file->used, text, length);
    file->used += length;
}

void jb_recording_put(struct jb_recording *file, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    size_t room = file->capacity - file->used;
    int length;

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

    if (!recording_reserve(file, foot))
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

void jb_recording_flush(struct jb_recording *file)
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
    memmove(file->buffer, file->buffer + whole, file->used - whole);
    file->used -= whole;
    file->whole = 0;
}

void jb_recording_end_row(struct jb_recording *file)
{
    file->whole = file->used;
    if (file->used > JB_RECORDING_FLUSH)
        jb_recording_flush(file);
}

static void recording_end(struct jb_recording *file)
{
    jb_recording_flush(file);
    if (!file->seekable && file->status == JB_OK)
        recording_write(file, file->foot, strlen(file->foot));
    if (file->fd != STDOUT_FILENO && close(file->fd) < 0 &&
        file->status == JB_OK) {
        file->errnum = errno;
        file->status = JB_EIO;
    }
    file->fd = -1;
}

int jb_recording_close(struct jb_recording *file, struct jb_error *err)
{
    if (file->fd >= 0)
        recording_end(file);
    free(file->buffer);
    file->buffer = NULL;
    if (file->status == JB_OK)
        return JB_OK;
    return jb_fail(err, file->status,
                   "writing the recording failed: %s; what was written is "
                   "valid",
                   file->errnum ? strerrordesc_np(file->errnum)
                                : jb_status_name(file->status));
}
