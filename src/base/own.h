/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound ownership for locals.  A value that leaves the function leaves
 * through jb_steal(), so that the hand-over is visible at the return.
 */
#ifndef JB_BASE_OWN_H
#define JB_BASE_OWN_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The result says whether it worked, or owns something: not to be dropped. */
#define JB_NODISCARD __attribute__((warn_unused_result))

static inline void jb_auto_free_(void *slot)
{
    free(*(void **)slot);
}

static inline void jb_auto_fclose_(FILE **slot)
{
    if (*slot)
        fclose(*slot);
}

static inline void jb_auto_close_(const int *slot)
{
    if (*slot >= 0)
        close(*slot);
}

static inline void jb_auto_closedir_(DIR **slot)
{
    if (*slot)
        closedir(*slot);
}

#define JB_AUTO_FREE __attribute__((cleanup(jb_auto_free_)))
#define JB_AUTO_FCLOSE __attribute__((cleanup(jb_auto_fclose_)))
#define JB_AUTO_CLOSE __attribute__((cleanup(jb_auto_close_)))
#define JB_AUTO_CLOSEDIR __attribute__((cleanup(jb_auto_closedir_)))

static inline void *jb_steal_(void *slot)
{
    void **p = slot;
    void *value = *p;

    *p = NULL;
    return value;
}

/* The pointer's value; the variable is NULL afterwards. */
#define jb_steal(pointer) ((__typeof__(pointer))jb_steal_(&(pointer)))

/* The descriptor's value; the variable is -1 afterwards. */
static inline int jb_steal_fd(int *fd)
{
    int value = *fd;

    *fd = -1;
    return value;
}

#endif
