/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two faces of the lab have in common for jb_lab_run: open makes the
 * tree appear, serve answers until it is told to stop, close removes the tree.
 * Between open and serve the process may fork.
 */
#ifndef JB_LAB_FACE_H
#define JB_LAB_FACE_H

#include <stdint.h>

#include "joulebook/error.h"

#include "state.h"

/* FUSE.  `directory` is absolute; state is borrowed until close. */
struct jb_lab_mount;
int jb_lab_mount_open(const char *directory, struct jb_lab_state *state,
                      struct jb_lab_mount **out, struct jb_error *err);
/* Until signal_fd (a signalfd) is readable or the mount is gone. */
int jb_lab_mount_serve(struct jb_lab_mount *mount, int signal_fd,
                       struct jb_error *err);
/* Frees without unmounting: for the parent that leaves the mount to its
 * child.  Both accept NULL. */
void jb_lab_mount_abandon(struct jb_lab_mount *mount);
void jb_lab_mount_close(struct jb_lab_mount *mount);

/* Plain files. */
struct jb_lab_writer;
int jb_lab_writer_open(const char *directory, uint32_t rate_hz,
                       struct jb_lab_state *state, struct jb_lab_writer **out,
                       struct jb_error *err);
int jb_lab_writer_serve(struct jb_lab_writer *writer, int signal_fd,
                        struct jb_error *err);
void jb_lab_writer_abandon(struct jb_lab_writer *writer);
void jb_lab_writer_close(struct jb_lab_writer *writer);

/* CLOCK_BOOTTIME in nanoseconds. */
uint64_t jb_lab_now_ns(void);

#endif
