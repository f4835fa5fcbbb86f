/* SPDX-License-Identifier: Apache-2.0 */
/* Loads modules/<name>.so on demand; see joulebook/plugin/module.h. */
#ifndef JB_BASE_MODULE_H
#define JB_BASE_MODULE_H

#include "joulebook/error.h"
#include "joulebook/plugin/module.h"
#include "own.h"

/*
 * Finds and loads one module: in $JOULEBOOK_MODULES when set, in modules/
 * beside the program, in lib/joulebook/modules of the prefix that the program
 * is installed in, and in modules/ or joulebook/modules/ beside the shared
 * library that this code is in.  The first and the last never for a program
 * that runs with raised privileges.  The descriptor of the wanted kind stays
 * valid until the program ends; modules are not unloaded.
 *
 * JB_EABSENT: no such module (the fix names the package); JB_EFORMAT: built
 * for another ABI, of another kind, not a module, or a library that it needs
 * is missing.
 */
JB_NODISCARD int jb_module_load(const char *name, enum jb_module_kind kind,
                                const void **out_descriptor,
                                struct jb_error *err);

#endif
