/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files of sysfs and procfs, read whole or re-read through a kept
 * descriptor (six times cheaper than opening anew each time).
 */
#ifndef JB_BASE_FILE_H
#define JB_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "joulebook/error.h"
#include "own.h"

/* Room for a path below a root; longer ones are refused, not cut. */
enum { JB_PATH_MAX = 1024 };

/* Formats a path.  JB_ELIMIT when it does not fit; out is "" then. */
JB_NODISCARD int jb_path(char out[JB_PATH_MAX], struct jb_error *err,
                         const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Opens for reading, close-on-exec, without waiting for a writer.  On success
 * *out is owned by the caller. */
JB_NODISCARD int jb_file_open(const char *path, int *out, struct jb_error *err);

/* Reads at most capacity - 1 bytes, NUL-terminates and trims trailing white
 * space.  *length may be NULL.  JB_ELIMIT when the file holds more. */
JB_NODISCARD int jb_file_read(const char *path, char *buffer, size_t capacity,
                              size_t *length, struct jb_error *err);

/* A file that holds one decimal number.  JB_EFORMAT when it holds anything
 * else, an empty file included. */
JB_NODISCARD int jb_file_read_u64(const char *path, uint64_t *out,
                                  struct jb_error *err);

/* From the beginning of a kept descriptor, in one read: the length, or a
 * negated errno. */
JB_NODISCARD ssize_t jb_file_pread(int fd, char *buffer, size_t capacity);

/* A number through a kept descriptor, from its beginning, without formatting
 * an error: JB_OK or the status that errno or the text means. */
JB_NODISCARD int jb_file_pread_u64(int fd, uint64_t *out);

/* The same for numbers that can be negative. */
JB_NODISCARD int jb_file_read_i64(const char *path, int64_t *out,
                                  struct jb_error *err);
JB_NODISCARD int jb_file_pread_i64(int fd, int64_t *out);

#endif
