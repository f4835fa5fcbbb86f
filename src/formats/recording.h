/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that grows while it is watched, and is valid at every moment.
 *
 * What closes a format (brackets, a summary) is written behind the rows with
 * each flush and overwritten by the next rows, so that a recording that is
 * killed lacks no more than the rows of the last moments.  Where the output
 * cannot seek (a pipe) the end comes once, when it is finished.  On a full disk
 * the end is put back behind the rows that did fit.
 *
 * A pipe, a socket or a terminal may not take anything for hours, because its
 * reader sleeps.  Nobody waits for it: rows are kept, up to a ceiling, and
 * jb_recording_pump() writes what can be written now.  What does not fit is
 * dropped by whole rows, and counted.
 *
 * Every format writes through this; it knows none of them.  Not thread-safe but
 * for status, rows and lost, which any thread may look at, and for pump, which
 * touches nothing that the makers of rows do: take alone must not meet them.
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
    JB_RECORDING_FLUSH = 15360, /* more than this is not kept back */
    JB_RECORDING_MAX = 1 << 20, /* ceiling of a row, and of what waits */
    JB_RECORDING_FOOT_MAX = 65536,
};

struct jb_recording {
    int fd;
    bool seekable;
    bool waits;            /* a reader may let it wait */
    _Atomic int status;    /* JB_OK, or why writing stopped */
    _Atomic uint64_t rows; /* kept, written or not yet */
    _Atomic uint64_t lost; /* dropped, since too much waited already */
    int errnum;            /* what the kernel said then */
    off_t end;             /* bytes of the file that stay */
    off_t size;            /* of the file, with the foot */
    char *buffer;
    size_t used, capacity;
    size_t whole;        /* of used: rows that are complete */
    uint64_t whole_rows; /* how many these are */
    bool spilled;        /* the row that is being made does not fit */
    const char *foot;

    /* Where it waits: what was taken and is being written. */
    char *out;
    size_t out_at, out_used, out_capacity;
    uint64_t out_rows;
    bool out_blocks; /* the descriptor cannot be made not to wait */
};

/* Opens path ("-": standard output).  foot closes the file: borrowed, and read
 * at each flush, at most JB_RECORDING_FOOT_MAX; "" for formats that need no
 * end.  Opening a FIFO waits for its reader, as it does for everybody.  JB_EIO,
 * JB_EDENIED when it cannot be written, JB_ENOMEM.  Release in every case. */
JB_NODISCARD int jb_recording_open(struct jb_recording *file, const char *path,
                                   const char *foot, struct jb_error *err);

/* Appends to the row that is being made.  Grows the buffer only where a row is
 * longer than all before; failure shows in status. */
void jb_recording_put(struct jb_recording *file, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void jb_recording_put_text(struct jb_recording *file, const char *text);
void jb_recording_put_bytes(struct jb_recording *file, const char *bytes,
                            size_t length);

/* Room for so many bytes of the row, to be filled by the caller and ended by
 * jb_recording_filled(), or NULL. */
char *jb_recording_room(struct jb_recording *file, size_t most);
void jb_recording_filled(struct jb_recording *file, const char *end);

/* What stands before the first row is complete. */
void jb_recording_end_head(struct jb_recording *file);

/* The row is complete: from now on a flush may write it.  Flushes when much has
 * come together, unless it waits.  False when the row was dropped. */
bool jb_recording_end_row(struct jb_recording *file);

/* Writes all complete rows, with the foot; where it waits, what goes at once.
 */
void jb_recording_flush(struct jb_recording *file);

/* Where it waits: hands the complete rows to pump, when that is done with the
 * last ones. */
void jb_recording_take(struct jb_recording *file);
/* Writes of them what goes at once. */
void jb_recording_pump(struct jb_recording *file);
/* Whether pump has something to do as soon as fd can be written. */
bool jb_recording_pending(const struct jb_recording *file);

/* No row will follow: where it waits, the foot is next.  Once. */
void jb_recording_finish(struct jb_recording *file);

/* Writes the rest and the end, closes and releases.  Returns the first failure
 * of all writing: JB_EIO and the like; JB_EBUSY when rows were dropped, or not
 * taken by the reader until now. */
JB_NODISCARD int jb_recording_close(struct jb_recording *file,
                                    struct jb_error *err);

#endif
