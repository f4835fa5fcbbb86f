/* SPDX-License-Identifier: Apache-2.0 */
/* Where a figure comes from; said with every one. */
#ifndef JOULEBOOK_PROVENANCE_H
#define JOULEBOOK_PROVENANCE_H

#include "joulebook/version.h"

#ifdef __cplusplus
extern "C" {
#endif

enum jb_provenance {
    JB_MEASURED,  /* a meter's own figure */
    JB_DERIVED,   /* computed from measured figures */
    JB_ESTIMATED, /* a model's figure; never added to the others unsaid */
};

/* "measured", "derived", "estimated"; NULL for another number.  Any thread. */
JB_API const char *jb_provenance_name(enum jb_provenance provenance);

#ifdef __cplusplus
}
#endif

#endif
