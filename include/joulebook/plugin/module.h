/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part that lives in a file of its own, loaded when it is used.
 *
 * Why: a library that is heavy, optional or under a stricter licence must cost
 * nothing to those who do not use it: not memory, not start time, not a
 * package.  modules/<name>.so exports one symbol, `jb_module`, and links the
 * heavy library; the program links neither.
 */
#ifndef JOULEBOOK_PLUGIN_MODULE_H
#define JOULEBOOK_PLUGIN_MODULE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a struct that crosses the border changes its layout. */
enum { JB_MODULE_ABI = 2 };

enum jb_module_kind {
    JB_MODULE_SOURCE,  /* descriptor is a struct jb_source_desc */
    JB_MODULE_COMMAND, /* descriptor is a struct jb_command */
    JB_MODULE_USAGE,   /* of src/usage: a part of one of its back ends */
};

struct jb_module {
    uint32_t abi; /* JB_MODULE_ABI of the headers it was built with */
    enum jb_module_kind kind;
    const char *name; /* as in modules/<name>.so */
    const void *descriptor;
};

/* The one exported symbol of a module. */
#define JB_MODULE_SYMBOL "jb_module"

#ifdef __cplusplus
}
#endif

#endif
