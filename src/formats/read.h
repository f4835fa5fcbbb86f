/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of this folder share; nobody else includes it. */
#ifndef JB_FORMATS_READ_H
#define JB_FORMATS_READ_H

#include <jansson.h>

#include "recorded.h"

struct jb_reader {
    const char *name; /* of the file */
    const char *text;
    size_t length, at;
    unsigned line; /* of at */
    struct jb_recorded *recorded;
    size_t hint;      /* the sensor that probably comes next */
    uint64_t told_ns; /* energizta: end of the last line */
    double first_s;   /* scaphandre, energizta: the first stamp */
    bool stamped;     /* it is known */
};

/* What is being added: the sensor as it is when it is new. */
struct jb_reader_row {
    const char *name;
    struct jb_domain domain;
    enum jb_quantity quantity;
    enum jb_kind kind;
    enum jb_provenance provenance;
    uint64_t t_ns;
    int64_t micro;
    int state;
    bool gap; /* what flowed since the row before is not in micro */
};

/* Fails with FILE:LINE: in front. */
int jb_reader_refuse(const struct jb_reader *reader, struct jb_error *err,
                     const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds a row.  One of the same instant as the last replaces it.  JB_EFORMAT
 * when it is older, or contradicts what is known of its sensor; JB_ELIMIT,
 * JB_ENOMEM. */
JB_NODISCARD int jb_reader_add(struct jb_reader *reader,
                               const struct jb_reader_row *row,
                               struct jb_error *err);

/* What a device drew on average over the window that ended at t_ns: booked as
 * energy.  Where the window does not reach back to what is known, a gap is
 * left. step_uw: the power was rounded to it, or 0. */
struct jb_reader_power {
    const char *name;
    struct jb_domain domain;
    uint64_t t_ns, window_ns;
    int64_t uw;
    uint64_t step_uw;
};

/* Errors of jb_reader_add(). */
JB_NODISCARD int jb_reader_add_power(struct jb_reader *reader,
                                     const struct jb_reader_power *power,
                                     struct jb_error *err);

/* Seconds or any unit as millionths.  False when it does not fit. */
JB_NODISCARD bool jb_reader_micro(double value, int64_t *micro);

/* Each takes one JSON value of its format. */
JB_NODISCARD int jb_read_native(struct jb_reader *reader, const json_t *value,
                                struct jb_error *err);
JB_NODISCARD int jb_read_energizta(struct jb_reader *reader,
                                   const json_t *value, struct jb_error *err);
JB_NODISCARD int jb_read_scaphandre(struct jb_reader *reader,
                                    const json_t *value, struct jb_error *err);

/* The whole of a CSV file. */
JB_NODISCARD int jb_read_csv(struct jb_reader *reader, struct jb_error *err);

#endif
