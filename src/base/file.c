/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "text.h"

/* 20 digits of a 64-bit number, a newline, and one more to see an excess. */
enum { FILE_NUMBER_MAX = 24 };

int jb_path(char out[JB_PATH_MAX], struct jb_error *err, const char *fmt, ...)
{
    va_list ap;
    int length;

    va_start(ap, fmt);
    length = vsnprintf(out, JB_PATH_MAX, fmt, ap);
    va_end(ap);
    if (length >= 0 && length < JB_PATH_MAX)
        return JB_OK;
    out[0] = '\0';
    return jb_fail(err, JB_ELIMIT, "path longer than %d bytes",
                   JB_PATH_MAX - 1);
}

int jb_file_open(const char *path, int *out, struct jb_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", path);
    *out = fd;
    return JB_OK;
}

static int file_fill(int fd, char *buffer, size_t capacity, size_t *length)
{
    size_t used = 0;

    while (used < capacity) {
        ssize_t got = read(fd, buffer + used, capacity - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    *length = used;
    return 0;
}

int jb_file_read(const char *path, char *buffer, size_t capacity,
                 size_t *length, struct jb_error *err)
{
    JB_AUTO_CLOSE int fd = -1;
    size_t used = 0;
    int rc = jb_file_open(path, &fd, err);

    if (rc < 0)
        return rc;
    rc = file_fill(fd, buffer, capacity, &used);
    if (rc != 0)
        return jb_fail_errno(err, rc, "reading %s", path);
    if (used == capacity)
        return jb_fail(err, JB_ELIMIT, "%s holds more than %zu bytes", path,
                       capacity - 1);
    used = jb_text_trimmed(buffer, used);
    buffer[used] = '\0';
    if (length)
        *length = used;
    return JB_OK;
}

ssize_t jb_file_pread(int fd, char *buffer, size_t capacity)
{
    ssize_t got;

    do {
        got = pread(fd, buffer, capacity, 0);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

/* A number's text; JB_EFORMAT when there is more than a number can have. */
static int file_pread_number(int fd, char text[FILE_NUMBER_MAX], size_t *length)
{
    ssize_t got = jb_file_pread(fd, text, FILE_NUMBER_MAX);

    if (got < 0)
        return jb_fail_errno(NULL, (int)-got, "pread");
    if (got == FILE_NUMBER_MAX)
        return JB_EFORMAT;
    *length = jb_text_trimmed(text, (size_t)got);
    return JB_OK;
}

int jb_file_pread_u64(int fd, uint64_t *out)
{
    char text[FILE_NUMBER_MAX];
    size_t length = 0;
    int rc = file_pread_number(fd, text, &length);

    if (rc == JB_OK && !jb_text_u64(text, length, out))
        rc = JB_EFORMAT;
    return rc;
}

int jb_file_pread_i64(int fd, int64_t *out)
{
    char text[FILE_NUMBER_MAX];
    size_t length = 0;
    int rc = file_pread_number(fd, text, &length);

    if (rc == JB_OK && !jb_text_i64(text, length, out))
        rc = JB_EFORMAT;
    return rc;
}

static int file_explain(int rc, const char *path, struct jb_error *err)
{
    if (rc == JB_EFORMAT)
        return jb_fail(err, rc, "%s does not hold a number", path);
    return rc < 0 ? jb_fail_errno(err, errno, "reading %s", path) : JB_OK;
}

int jb_file_read_u64(const char *path, uint64_t *out, struct jb_error *err)
{
    JB_AUTO_CLOSE int fd = -1;
    int rc = jb_file_open(path, &fd, err);

    return rc < 0 ? rc : file_explain(jb_file_pread_u64(fd, out), path, err);
}

int jb_file_read_i64(const char *path, int64_t *out, struct jb_error *err)
{
    JB_AUTO_CLOSE int fd = -1;
    int rc = jb_file_open(path, &fd, err);

    return rc < 0 ? rc : file_explain(jb_file_pread_i64(fd, out), path, err);
}
