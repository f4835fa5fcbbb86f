/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording, read back: what each sensor said, and when.
 *
 * Files are foreign bytes, whoever they seem to be from: everything is bounded,
 * and what is not in the form that its writer has is refused with its line.
 * One thing is forgiven, since it is what a kill leaves behind: an end that is
 * cut off within its last row.
 *
 * Formats: our own (JSON, JSON lines, CSV), the lines of energizta.sh, and the
 * reports of scaphandre's JSON exporter, in an array or one behind the other.
 * Which one it is, is told by the bytes and not by the name.  The last two hold
 * mean powers: they are summed to energy, so that it is whole however seldom it
 * is looked at.
 */
#ifndef JB_FORMATS_RECORDED_H
#define JB_FORMATS_RECORDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"
#include "joulebook/plugin/sensor.h"

enum {
    JB_RECORDED_BYTES_MAX = 256 << 20,
    JB_RECORDED_SENSORS_MAX = 4096,
    JB_RECORDED_ROWS_MAX = 16 << 20,
};

/* One reading.  micro is void unless state is JB_OK. */
struct jb_recorded_row {
    uint64_t t_ns; /* since the recording began */
    int64_t micro; /* millionths of the quantity's unit; energy: cumulative */
    uint32_t generation; /* +1 where what flowed since the row before is not in
                            micro */
    int state;
};

struct jb_recorded_sensor {
    char name[JB_NAME_MAX];
    struct jb_domain domain;
    enum jb_quantity quantity;
    enum jb_kind kind;
    enum jb_provenance provenance;
    uint64_t step_uw; /* the powers that energy was summed from were rounded to
                     it; 0: not rounded */
    struct jb_recorded_row *rows; /* in the order of time */
    size_t count, room;
};

struct jb_recorded {
    const char *format; /* "native", "energizta", "scaphandre" */
    struct jb_recorded_sensor *sensors;
    size_t count, room;
    size_t rows;  /* of all sensors */
    bool cut_off; /* the last row is not whole, and left out */
};

/* Reads a file.  JB_EABSENT, JB_EDENIED, JB_EIO; JB_EFORMAT with the line;
 * JB_ELIMIT; JB_ENOMEM.  On success release with jb_recorded_free(). */
JB_NODISCARD int jb_recorded_read(const char *path, struct jb_recorded **out,
                                  struct jb_error *err);

/* The same from memory; name stands for the path in errors. */
JB_NODISCARD int jb_recorded_parse(const char *name, const char *text,
                                   size_t length, struct jb_recorded **out,
                                   struct jb_error *err);

/* Accepts NULL. */
void jb_recorded_free(struct jb_recorded *recorded);

#endif
