/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One number of sysfs that is read again and again, and that can leave.
 *
 * A descriptor of a device that was unplugged, or whose driver was reloaded,
 * stays dead when the device returns: the file is then opened anew, at most
 * once a second.  The kernel may have given its number to another device
 * meanwhile; a guard tells: a file beside it that must still say the same.
 */
#ifndef JB_BASE_ATTRIBUTE_H
#define JB_BASE_ATTRIBUTE_H

#include <stdint.h>

#include "joulebook/error.h"
#include "own.h"

struct jb_attribute {
    char *path; /* owned */
    int fd;     /* -1 while it cannot be opened */
    uint32_t generation;
    uint64_t retry_at_ns;
};

/* What must be read from path for an attribute to be the same.  Borrowed. */
struct jb_guard {
    const char *path, *text;
};

/* Keeps path, and opens it.  When that fails the path is kept all the same,
 * except for JB_ENOMEM.  jb_attribute_close() in every case. */
JB_NODISCARD int jb_attribute_open(struct jb_attribute *attribute,
                                   const char *path, struct jb_error *err);
void jb_attribute_close(struct jb_attribute *attribute);

/*
 * The number it holds now: JB_OK, or the status of jb_file_pread_i64().  One
 * that is gone is looked for again; generation is one more when it came back.
 * guard may be NULL.  Neither allocates nor blocks longer than the file does.
 */
JB_NODISCARD int jb_attribute_read_i64(struct jb_attribute *attribute,
                                       const struct jb_guard *guard,
                                       uint64_t now_ns, int64_t *out);
JB_NODISCARD int jb_attribute_read_u64(struct jb_attribute *attribute,
                                       const struct jb_guard *guard,
                                       uint64_t now_ns, uint64_t *out);

/* Why a first read failed, of an attribute that people know as shown.  JB_OK
 * for EAGAIN: drivers answer so while a conversion is under way.  JB_EABSENT
 * for ENODATA: an interface that is down, a part that is asleep. */
JB_NODISCARD int jb_attribute_explain(int errnum, const char *shown,
                                      struct jb_error *err);

#endif
