/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the file systems that the host's sensors watch: their
 * devices, as formats list them. */
#ifndef JB_CMD_DISKS_H
#define JB_CMD_DISKS_H

#include "formats/format.h"
#include "joulebook/plugin/source.h"

/*
 * Lists them in the order in which they are mounted; those of which something
 * is not known are left out, and so is everything when the trees are not this
 * machine's.  How full they are is not asked here, since that can hang: the
 * sensors tell.  *out is owned by the caller.  JB_ENOMEM.
 */
JB_NODISCARD int jb_disks_list(const struct jb_env *env,
                               const struct jb_format_sensor *sensors,
                               size_t sensor_count, struct jb_format_disk **out,
                               size_t *count, struct jb_error *err);

/* Accepts NULL. */
void jb_disks_free(struct jb_format_disk *disks, size_t count);

#endif
