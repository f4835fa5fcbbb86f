/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab: virtual energy meters whose truth is exactly known.
 *
 * It serves a powercap tree (and a slow hwmon power meter) whose counters are
 * the exact integral of known waveforms, takes faults and changes at run time
 * through a control file, and records every value that it served.  It is the
 * yardstick of this project and shares no energy code with the library that it
 * measures; it uses nothing of it but the error object.
 *
 * It prints nothing and never exits; see docs/reference/lab.md for its use.
 */
#ifndef JB_LAB_LAB_H
#define JB_LAB_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include "joulebook/error.h"

enum jb_lab_face {
    JB_LAB_FACE_FUSE,  /* a mount: every read computes its value */
    JB_LAB_FACE_FILES, /* plain files, rewritten at a rate: cheap to read */
};

struct jb_lab_options {
    const char *directory; /* borrowed; an existing, empty directory */
    const char *layout;    /* borrowed; a built-in name or a file's path */
    const char *journal;   /* borrowed; a file's path, NULL: none */
    enum jb_lab_face face;
    uint32_t rate_hz;  /* of JB_LAB_FACE_FILES, 1 to 10000; 0: 1000 */
    bool foreground;   /* false: return once it runs in the background */
    int cpu;           /* to run on, -1: any.  A reader on another processor
                        * pays some 60 us of wake-up per read */
    uint64_t start_ns; /* CLOCK_BOOTTIME instant at which all began, not in the
                        * future; 0: now */
    uint64_t seed;     /* draws the start counts that the layout leaves open;
                        * 0: they are 0 */
};

/* Defaults: layout full, foreground, any processor, now, no journal. */
struct jb_lab_options jb_lab_options_default(void);

/*
 * Runs until SIGTERM or SIGINT, or until someone unmounts it; then cleans up
 * (a leftover mount of a lab that was killed is cleaned up at the start).
 *
 * In the background the call returns JB_OK in the caller once the tree is
 * there, and again in the child, with its result, once it has ended: the
 * caller's next step should be to end the program in both.
 *
 * JB_EABSENT: no such directory or layout, or this kernel has no FUSE.
 * JB_EDENIED: FUSE, the directory or the journal is not ours to use.
 * JB_EFORMAT: the layout, with its line.  JB_EUSAGE: options that make no
 * sense.  JB_EBUSY: another lab serves the directory.  JB_EIO: the journal has
 * a hole, or the mount failed.  JB_ENOMEM.
 *
 * Not for programs with threads: it forks, pins and changes the signal mask
 * (restored on return).
 */
int jb_lab_run(const struct jb_lab_options *options, struct jb_error *err);

#endif
