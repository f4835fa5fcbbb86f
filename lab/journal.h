/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of everything the lab served and of everything that was done to
 * it: one JSON object per line, described in docs/reference/lab.md.
 *
 * It is what a judge works from, so it holds the whole layout and every change
 * with its instant: the truth can be worked out again without the counts that
 * the lab itself computed.  Lines are gathered in memory and written in pieces
 * of up to 64 KiB, when the lab is idle or at the latest after 50 ms: a reader
 * that dies loses nothing, and a busy reader does not pay for each line.
 */
#ifndef JB_LAB_JOURNAL_H
#define JB_LAB_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"

#include "control.h"
#include "text.h"
#include "world.h"

struct jb_lab_journal {
    int fd; /* -1: nothing is recorded */
    struct jb_lab_text buffer;
    uint64_t lines;
    uint64_t flushed_ns;
    bool failed; /* a write or an allocation failed: the record has a hole */
};

/* Creates or empties the file; path NULL records nothing. */
int jb_lab_journal_open(struct jb_lab_journal *journal, const char *path,
                        struct jb_error *err);
void jb_lab_journal_close(struct jb_lab_journal *journal);

bool jb_lab_journal_pending(const struct jb_lab_journal *journal);
void jb_lab_journal_flush(struct jb_lab_journal *journal, uint64_t now_ns);
/* Flushes when the buffer is large or its oldest line is 50 ms old. */
void jb_lab_journal_tick(struct jb_lab_journal *journal, uint64_t now_ns);

/* Where and what a served value is. */
struct jb_lab_origin {
    const char *target; /* a zone's path or a device's name; borrowed */
    const char *file;   /* borrowed */
};

/* A register as it was read on a CPU. */
struct jb_lab_served {
    uint64_t reg;
    uint64_t value;
    bool counts; /* a zone's counter, of which unwrapped is known */
    jb_lab_i128 unwrapped;
    int error;        /* what the read failed with, or 0 */
    const char *text; /* bytes that were served instead, or NULL; borrowed */
    size_t text_len;
};

void jb_lab_journal_start(struct jb_lab_journal *journal,
                          const struct jb_lab_world *world, uint64_t at_ns);
void jb_lab_journal_stop(struct jb_lab_journal *journal, uint64_t at_ns);
/* `reading` is NULL for a value that is no counter's. */
void jb_lab_journal_value(struct jb_lab_journal *journal, uint64_t at_ns,
                          struct jb_lab_origin origin,
                          const struct jb_lab_reading *reading,
                          const char *text, size_t len);
void jb_lab_journal_error(struct jb_lab_journal *journal, uint64_t at_ns,
                          struct jb_lab_origin origin, int error);
void jb_lab_journal_register(struct jb_lab_journal *journal, uint64_t at_ns,
                             struct jb_lab_origin origin,
                             const struct jb_lab_served *served);
/* A command was obeyed at at_ns, with effect from from_ns on. */
void jb_lab_journal_command(struct jb_lab_journal *journal, uint64_t at_ns,
                            uint64_t from_ns,
                            const struct jb_lab_command *command);

#endif
