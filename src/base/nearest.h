/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of several known names was probably meant by one that is not known.
 *
 * Why offered one by one: names lie in tables of different shapes, and none of
 * them has to be copied into a list first.
 */
#ifndef JB_BASE_NEAREST_H
#define JB_BASE_NEAREST_H

#include <stddef.h>

/* Set wanted, leave the rest 0; name is then the nearest of those offered, or
 * NULL.  Both are borrowed. */
struct jb_nearest {
    const char *wanted;
    const char *name;
    size_t edits;
};

/* Keeps the candidate when it is nearer than what was kept before.  A slip of
 * the finger is at most three characters inserted, removed or replaced, and no
 * more than half of what was typed. */
void jb_nearest_offer(struct jb_nearest *nearest, const char *candidate);

#endif
