/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A time series on its way into a file, as JSON, JSON lines or CSV.
 *
 * The file is valid after every flush, so that a recording that is killed loses
 * no more than the rows of the last moments: the closing brackets of JSON are
 * written each time and overwritten by the next rows.  Where the output cannot
 * seek (a pipe) they come at the end only.
 */
#ifndef JB_CMD_ROWS_H
#define JB_CMD_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/own.h"
#include "core/cut.h"
#include "machine/machine.h"

enum jb_rows_format { JB_ROWS_JSON, JB_ROWS_JSONL, JB_ROWS_CSV };

/* The format that a file name ends in, as ".json", ".jsonl" or ".csv". */
JB_NODISCARD bool jb_rows_format_of(const char *path, enum jb_rows_format *out);

enum { JB_ROWS_BUFFER = 16384 };

/* What is known of one sensor before and between its rows. */
struct jb_rows_sensor {
    char *sensor, *domain; /* ready to be printed: quoted and escaped */
    const char *quantity, *unit, *provenance;
    const struct jb_sensor *about;
    bool metered, may_rest;
    struct jb_knot previous; /* where its count last moved; t_ns 0: none */
    struct jb_energy origin; /* of the first reading */
};

struct jb_rows {
    int fd;
    enum jb_rows_format format;
    bool seekable, any;
    _Atomic int status; /* JB_OK, or why writing stopped */
    int errnum;         /* what the kernel said then */
    off_t end;          /* bytes of the file that stay */
    size_t used;
    char buffer[JB_ROWS_BUFFER];
    uint64_t begin_ns;
    _Atomic uint64_t count; /* rows so far; may be looked at by any thread */
    struct jb_clockmap clock;
    int64_t second; /* of the cached text below */
    char second_text[24];
    struct jb_rows_sensor *sensors;
    size_t sensor_count;
};

/* Opens path ("-": standard output) and writes the head.  JB_EDENIED, JB_EIO,
 * JB_ENOMEM. */
JB_NODISCARD int jb_rows_open(struct jb_rows *rows, const char *path,
                              enum jb_rows_format format,
                              const struct jb_machine *machine,
                              uint64_t interval_ns, struct jb_error *err);

/* Appends one row; cheap, allocates nothing.  Failure shows in rows->status. */
void jb_rows_add(struct jb_rows *rows, const struct jb_machine_news *news);

/* Writes what is buffered, with the closing brackets. */
void jb_rows_flush(struct jb_rows *rows);

/* Flushes, closes and releases.  Returns the first failure of all writing. */
JB_NODISCARD int jb_rows_close(struct jb_rows *rows, struct jb_error *err);

#endif
