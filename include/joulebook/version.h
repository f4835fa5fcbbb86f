/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which version this is, and what every other header of the library needs.
 *
 * What is declared with JB_API is exported with symbol versions and keeps its
 * meaning as long as the shared library is called libjoulebook.so.0.  Structs
 * that the caller fills begin with their size, so that they can grow.
 */
#ifndef JOULEBOOK_VERSION_H
#define JOULEBOOK_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define JB_API __attribute__((visibility("default")))

/* Of these headers. */
#define JB_VERSION_MAJOR 0
#define JB_VERSION_MINOR 1
#define JB_VERSION_PATCH 0

/* Of the library that is loaded: "0.1.0".  Any thread. */
JB_API const char *jb_library_version(void);

#ifdef __cplusplus
}
#endif

#endif
