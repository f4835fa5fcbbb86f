/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage by /proc alone: works everywhere, also on recorded trees, and needs no
 * privilege.  What it cannot see is what began and ended between two turns; the
 * cgroups' totals have that.
 */
#include <errno.h>
#include <string.h>

#include "scan.h"

struct jb_usage {
    struct jb_frame frame;
    struct jb_scan scan;
};

static void proc_close(struct jb_usage *usage)
{
    if (!usage)
        return;
    jb_scan_close(&usage->scan);
    jb_frame_close(&usage->frame);
    free(usage);
}

static void proc_note(struct jb_frame *frame)
{
    jb_fail(&frame->note, JB_EDENIED,
            "%s shows only one's own processes (hidepid): others are in the "
            "totals of cgroups and packages only",
            frame->env->roots->procfs);
    jb_error_set_fix(&frame->note, "sudo mount -o remount,hidepid=0 %s",
                     frame->env->roots->procfs);
}

/* Every PID namespace has a process 1, which everybody may see unless the mount
 * option hidepid hides it. */
static bool proc_hidden(const struct jb_frame *frame)
{
    char text[1];

    return jb_pidfile_read(frame->procfs, 1, "stat", text, sizeof(text)) < 0;
}

static int proc_open(const struct jb_env *env,
                     const struct jb_usage_options *options,
                     struct jb_usage **out, struct jb_error *err)
{
    struct jb_usage *usage = calloc(1, sizeof(*usage));
    int rc;

    if (!usage)
        return jb_fail(err, JB_ENOMEM, "no memory for usage by /proc");
    rc = jb_frame_open(&usage->frame, env, options, err);
    if (rc == JB_OK)
        rc = jb_scan_open(&usage->scan, &usage->frame, err);
    if (rc < 0) {
        proc_close(usage);
        return rc;
    }
    if (proc_hidden(&usage->frame))
        proc_note(&usage->frame);
    jb_frame_start(&usage->frame);
    *out = usage;
    return JB_OK;
}

static int proc_turn(struct jb_usage *usage, const struct jb_usage_turn **out,
                     struct jb_error *err)
{
    (void)err;
    jb_frame_begin(&usage->frame);
    jb_scan_begin(&usage->scan);
    if (jb_scan_list(&usage->scan, NULL) == JB_OK)
        jb_scan_sweep(&usage->scan);
    jb_scan_read(&usage->scan);
    *out = jb_frame_end(&usage->frame);
    return JB_OK;
}

static const struct jb_error *proc_note_of(const struct jb_usage *usage)
{
    return &usage->frame.note;
}

const struct jb_usage_desc jb_usage_proc = {
    .name = "proc",
    .summary = "all processes by /proc; misses what lives between two readings",
    .open = proc_open,
    .turn = proc_turn,
    .note = proc_note_of,
    .close = proc_close,
};
