/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that grows while it is watched, and is valid at every moment.
 *
 * What closes a format (brackets, a summary) is written behind the rows with
 * each flush and overwritten by the next rows, so that a recording that is
 * killed lacks no more than the rows of the last moments.  Where the output
 * cannot seek (a pipe) the end comes once, when it is closed.  On a full disk
 * the end is put back behind the rows that did fit.
 *
 * Every format writes through this; it knows none of them.  Not thread-safe but
 * for status and rows, which any thread may look at.
 */
#ifndef JB_FORMATS_RECORDING_H
#define JB_FORMATS_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/own.h"
#include "joulebook/error.h"

enum {
    JB_RECORDING_FLUSH = 15360,    /* more than this is not kept back */
    JB_RECORDING_MAX = 1 << 20,    /* ceiling of what one row may hold */
    JB_RECORDING_FOOT_MAX = 65536, /* and of the end */
};

struct jb_recording {
    int fd;
    bool seekable;
    _Atomic int status;    /* JB_OK, or why writing stopped */
    _Atomic uint64_t rows; /* counted by the formats */
    int errnum;            /* what the kernel said then */
    off_t end;             /* bytes of the file that stay */
    off_t size;            /* of the file, with the foot */
    char *buffer;
    size_t used, capacity;
    size_t whole; /* of used: rows that are complete */
    const char *foot;
};

/* Opens path ("-": standard output).  foot closes the file: borrowed, and read
 * at each flush; "" for formats that need no end.  JB_EIO, JB_EDENIED when it
 * cannot be written, JB_ENOMEM.  Release in every case. */
JB_NODISCARD int jb_recording_open(struct jb_recording *file, const char *path,
                                   const char *foot, struct jb_error *err);

/* Appends to the row that is being made.  Grows the buffer only where a row is
 * longer than all before; failure shows in status. */
void jb_recording_put(struct jb_recording *file, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void jb_recording_put_text(struct jb_recording *file, const char *text);

/* The row is complete: from now on a flush may write it.  Flushes when much has
 * come together. */
void jb_recording_end_row(struct jb_recording *file);

/* Writes all complete rows, with the foot. */
void jb_recording_flush(struct jb_recording *file);

/* Writes the rest and the end, closes and releases.  Returns the first failure
 * of all writing: JB_EIO and the like. */
JB_NODISCARD int jb_recording_close(struct jb_recording *file,
                                    struct jb_error *err);

#endif
