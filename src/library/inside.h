/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind the public headers share; nobody else includes it. */
#ifndef JB_LIBRARY_INSIDE_H
#define JB_LIBRARY_INSIDE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/config.h"
#include "base/own.h"
#include "core/cpuinfo.h"
#include "core/reading.h"
#include "formats/ppf.h"
#include "joulebook/monitor.h"
#include "joulebook/plugin/source.h"

/*
 * Copies a struct that begins with its own size, as the caller's headers had
 * it: what an older caller does not know is 0, and what a newer one asks for
 * and we do not know is JB_EUSAGE.  least is the size of the first version.
 */
JB_NODISCARD int jb_library_copy(void *out, size_t out_size, const void *given,
                                 size_t given_size, size_t least,
                                 struct jb_error *err);

/* Where the kernel's trees are, in memory of our own, and what sources get. */
struct jb_place {
    char *texts[4];
    struct jb_roots roots;
    struct jb_env env;
};

/* JB_ENOMEM; release in either case. */
JB_NODISCARD int jb_place_init(struct jb_place *place,
                               const struct jb_roots *wanted,
                               struct jb_error *err);
void jb_place_release(struct jb_place *place);

/* A thread that takes no signals: handlers are the program's.  JB_ELIMIT. */
JB_NODISCARD int jb_library_thread(pthread_t *out, void *(*body)(void *),
                                   void *context, struct jb_error *err);

/* CLOCK_MONOTONIC, which condition variables wait on. */
uint64_t jb_library_now_ns(void);
struct timespec jb_library_timespec(uint64_t ns);

/* The names that readings of one start of a monitor carry.  Counted, because
 * lists live longer than monitors. */
struct jb_labels;

struct jb_label {
    const char *source, *component, *device;
};

/* Copies the rows.  NULL when there is no memory. */
struct jb_labels *jb_labels_new(const struct jb_label *rows, size_t count);
const struct jb_label *jb_labels_row(const struct jb_labels *labels, size_t i);
struct jb_labels *jb_labels_ref(struct jb_labels *labels);
void jb_labels_unref(struct jb_labels *labels);

/* A list that still grows. */
JB_NODISCARD struct jb_readings *jb_readings_new(void);
/* Readings of these labels may be appended from now on.  JB_ENOMEM. */
JB_NODISCARD int jb_readings_use(struct jb_readings *list,
                                 struct jb_labels *labels);
/* Appends; at `most` readings the older half is dropped and counted as lost,
 * and so is the reading when there is no memory. */
void jb_readings_add(struct jb_readings *list, const struct jb_reading *reading,
                     size_t most);
/* Appends all of another list.  JB_ELIMIT when there would be more than most,
 * JB_ENOMEM: nothing is appended. */
JB_NODISCARD int jb_readings_join(struct jb_readings *list,
                                  const struct jb_readings *more, size_t most);

/* What a monitor of a source and component is made of. */
struct jb_monitor_kind {
    const char *source, *component;
    const enum jb_domain_kind *domains; /* as in struct jb_devices_config */
    const char *needs; /* the one source that it reads, or NULL */
    const char *maker; /* of the CPU that it needs, or NULL */
};

/* JB_EUSAGE with the known ones.  component NULL is "any". */
JB_NODISCARD int jb_monitor_kind_find(const char *source, const char *component,
                                      const struct jb_monitor_kind **out,
                                      struct jb_error *err);

/* JB_EABSENT when this machine or this build cannot have it. */
JB_NODISCARD int jb_monitor_kind_check(const struct jb_monitor_kind *kind,
                                       const struct jb_roots *roots,
                                       struct jb_error *err);

/* What its readings call a device whose sensor is of that source. */
const char *jb_monitor_kind_component(const struct jb_monitor_kind *kind,
                                      const struct jb_roots *roots,
                                      const char *source);

/* For the collector.  Waits until the intervals that end before until_ns (of
 * jb_library_now_ns()) are in the list, at most patience_ns. */
void jb_monitor_wait(struct jb_monitor *monitor, uint64_t until_ns,
                     uint64_t patience_ns);

/* What a saved file says of it; texts are borrowed from the monitor. */
void jb_monitor_describe(struct jb_monitor *monitor,
                         struct jb_ppf_monitor *out);

#endif
