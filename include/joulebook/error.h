/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status codes and error detail.
 *
 * Every fallible function returns int: 0 on success, one negative JB_E* on
 * failure.  What a human needs travels in a caller-owned struct jb_error,
 * always the last parameter, always allowed to be NULL: what was tried and
 * what came back (text), and the command that would mend it (fix).
 */
#ifndef JOULEBOOK_ERROR_H
#define JOULEBOOK_ERROR_H

#include "joulebook/version.h"

#ifdef __cplusplus
extern "C" {
#endif

enum jb_status {
    JB_OK = 0,
    JB_ENOMEM = -1,       /* allocation refused */
    JB_EABSENT = -2,      /* hardware or file is not on this machine */
    JB_EDENIED = -3,      /* present, but we may not read it */
    JB_EFORMAT = -4,      /* readable, but not in the agreed form */
    JB_EIO = -5,          /* a read or write failed */
    JB_EUSAGE = -6,       /* the caller broke the contract in the header */
    JB_ELIMIT = -7,       /* a ceiling of ours was reached */
    JB_EDEAD = -8,        /* present and readable, but it does not measure */
    JB_EIMPLAUSIBLE = -9, /* a value that physics or the contract excludes */
    JB_EREFUSED = -10,    /* not mixed in: a live meter on a recorded tree */
    JB_EBUSY = -11,       /* someone else holds it, or it does not answer */
};

enum { JB_ERROR_TEXT_MAX = 240, JB_ERROR_FIX_MAX = 200 };

struct jb_error {
    int status;
    char text[JB_ERROR_TEXT_MAX]; /* what was tried, what came back */
    char fix[JB_ERROR_FIX_MAX];   /* a command or action; "" if none helps */
};

/* Fills err when it is not NULL, with an empty fix; returns status, so that it
 * can end a function. */
JB_API int jb_fail(struct jb_error *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As jb_fail(), with errno's text appended and the status that errno means:
 * EACCES and EPERM give JB_EDENIED; ENOENT, ENODEV and ENXIO JB_EABSENT;
 * ENOMEM JB_ENOMEM; anything else JB_EIO. */
JB_API int jb_fail_errno(struct jb_error *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds what the user can do to an error that was filled before. */
JB_API void jb_error_set_fix(struct jb_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A lower-case word for a status: "ok", "absent", "denied", ...; never NULL. */
JB_API const char *jb_status_name(int status);

#ifdef __cplusplus
}
#endif

#endif
