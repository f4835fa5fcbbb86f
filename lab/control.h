/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that are written to /.lab/control: what they are, not what they
 * do (see state.h).  One command is one line; docs/reference/lab.md lists them.
 */
#ifndef JB_LAB_CONTROL_H
#define JB_LAB_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"

#include "layout.h"
#include "waveform.h"

enum {
    JB_LAB_FILE_SIZE = 40, /* of a file's name with its NUL */
    JB_LAB_FAULT_TEXT = 64,
};

#define JB_LAB_MAX_DELAY_NS UINT64_C(3600000000000)

enum jb_lab_verb {
    JB_LAB_WAVE,   /* target, wave */
    JB_LAB_ERRNO,  /* target, file, error (0: none) */
    JB_LAB_DELAY,  /* target, file, delay_ns (0: none) */
    JB_LAB_TEXT,   /* target, file, text (has_text false: none) */
    JB_LAB_MODE,   /* target, file, mode */
    JB_LAB_FREEZE, /* target, stop */
    JB_LAB_THAW,   /* target */
    JB_LAB_RESET,  /* target */
    JB_LAB_JUMP,   /* target, counts */
    JB_LAB_UNPLUG, /* target */
    JB_LAB_PLUG,   /* target, reset */
    JB_LAB_MARK,   /* text */
    JB_LAB_SYNC,
};

struct jb_lab_command {
    enum jb_lab_verb verb;
    char target[JB_LAB_PATH_SIZE]; /* a zone's path, a device, or rest */
    char file[JB_LAB_FILE_SIZE];   /* empty: the target's main value */
    struct jb_lab_wave wave;
    int error;
    uint64_t delay_ns;
    bool has_text;
    char text[JB_LAB_FAULT_TEXT]; /* bytes, not NUL-terminated */
    size_t text_len;
    unsigned mode;
    bool stop;
    bool reset;
    int64_t counts;
};

/* Reads one line (without its newline).  Pure and bounded: any bytes may be
 * given.  JB_EFORMAT says what is wrong; on failure `out` is untouched.  That
 * the target exists is not checked here. */
int jb_lab_command_parse(const char *text, size_t len,
                         struct jb_lab_command *out, struct jb_error *err);

/* The command's name, and the name of an errno value ("?" when it is not one
 * that a command can set). */
const char *jb_lab_verb_name(enum jb_lab_verb verb);
const char *jb_lab_errno_name(int error);

#endif
