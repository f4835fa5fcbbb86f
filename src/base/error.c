/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "joulebook/error.h"

int jb_fail(struct jb_error *err, int status, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return status;
    err->status = status;
    err->fix[0] = '\0';
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return status;
}

static int error_status_of(int errnum)
{
    switch (errnum) {
    case EACCES:
    case EPERM:
        return JB_EDENIED;
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return JB_EABSENT;
    case ENOMEM:
        return JB_ENOMEM;
    default:
        return JB_EIO;
    }
}

int jb_fail_errno(struct jb_error *err, int errnum, const char *fmt, ...)
{
    int status = error_status_of(errnum);
    size_t used;
    va_list ap;

    if (!err)
        return status;
    err->status = status;
    err->fix[0] = '\0';
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s",
             strerrordesc_np(errnum) ? strerrordesc_np(errnum) : "error");
    return status;
}

void jb_error_set_fix(struct jb_error *err, const char *fmt, ...)
{
    va_list ap;
    int length;

    if (!err)
        return;
    va_start(ap, fmt);
    length = vsnprintf(err->fix, sizeof(err->fix), fmt, ap);
    va_end(ap);
    if (length < 0 || (size_t)length >= sizeof(err->fix))
        err->fix[0] = '\0';
}

const char *jb_status_name(int status)
{
    static const char *const names[] = {
        "ok",    "out-of-memory", "absent", "denied",      "malformed", "error",
        "usage", "limit",         "dead",   "implausible", "refused",   "busy",
    };
    size_t at = 0U - (unsigned)status; /* INT_MIN has no opposite */

    return status <= 0 && at < sizeof(names) / sizeof(names[0]) ? names[at]
                                                                : "unknown";
}
