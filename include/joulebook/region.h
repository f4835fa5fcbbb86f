/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions: the energy that the machine used while a part of a program ran.
 *
 * A session opens the meters, a region is a named piece of code between
 * jb_region_begin() and jb_region_end().  Regions may nest, overlap, repeat and
 * run on several threads.  The figures are those of the whole machine: what
 * other programs drew at the same time is in them.
 *
 * Both ends read the meters on the caller's thread: 4 RAPL domains take about
 * as long as 4 small files.  Nothing is allocated after jb_region_new().  A
 * meter that can hang (a BMC) is not read by regions.
 *
 * Threads: a session may be used by any number of threads at once; a region by
 * one at a time, so each thread has its own.  The session has one thread, which
 * reads the meters now and then while a region runs, so that a counter cannot
 * wrap twice unseen; it takes no signals and ends with the session.
 *
 * After fork() the session belongs to the parent: in the child every function
 * is JB_EUSAGE, and the frees do nothing.  A child opens its own.
 */
#ifndef JOULEBOOK_REGION_H
#define JOULEBOOK_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"
#include "joulebook/provenance.h"
#include "joulebook/version.h"

#ifdef __cplusplus
extern "C" {
#endif

struct jb_session;
struct jb_region;

/* Set size; what is 0 or NULL has its default.  Everything is copied. */
struct jb_session_config {
    size_t size;         /* sizeof(struct jb_session_config) */
    const char *sources; /* "powercap,perf": only these; default all */
    const char *domains; /* "package,dram-0": only these; default all */
    const char *sysfs, *procfs, *cgroupfs, *devfs; /* other trees than "/sys",
                              "/proc", "/sys/fs/cgroup", "/dev" */
};

/* One domain's figure. */
struct jb_region_domain {
    const char *domain; /* "package-0", "dram-0", "psys", ... */
    const char *sensor; /* "powercap/intel-rapl:0": whose figure it is, or "" */
    int status;         /* JB_OK, or why there is no figure: JB_ELIMIT means
                           too short for this counter to move */
    const char *why;    /* the same in words; "" when status is JB_OK */

    /* The truth is in [low_uj, high_uj] as far as timing, the counter's step
     * and unobserved time are concerned; 0 unless status is JB_OK. */
    int64_t energy_uj, low_uj, high_uj;
    enum jb_provenance provenance;
    uint32_t coverage_ppm; /* share of the time that was observed */
    uint64_t count;        /* how many runs are in the figure */
    int in_total; /* not 0: summed, since no other summed domain holds it */
};

/*
 * What one run of a region used, or all of its runs together.  Borrowed from
 * the region and valid until its next begin, end, total or free.
 *
 * total_* is the sum over domains of which none contains another, and that have
 * a figure of all the runs.  Estimates are summed only where nothing was
 * measured.
 */
struct jb_region_result {
    const char *name;
    uint64_t count;      /* runs */
    uint64_t elapsed_ns; /* of all of them */
    size_t domain_count;
    uint64_t total_count; /* runs that have a total; 0: total_* mean nothing */
    int64_t total_uj, total_low_uj, total_high_uj;
    enum jb_provenance total_provenance;
};

/*
 * Opens the meters of this machine; config NULL means the defaults.  Takes a
 * tenth of a second to see which of them count.  JB_EABSENT: nothing measures
 * here; JB_EDENIED: something does and may not be read; JB_EDEAD: it does not
 * count; JB_EUSAGE for an unknown source or domain; JB_ELIMIT (no thread),
 * JB_ENOMEM.  On success *out is owned by the caller: jb_session_close().
 */
JB_API int jb_session_open(const struct jb_session_config *config,
                           struct jb_session **out, struct jb_error *err)
    __attribute__((warn_unused_result));

/* All its regions must be freed before.  Accepts NULL.  No thread is left. */
JB_API void jb_session_close(struct jb_session *session);

/* The name is copied.  JB_ENOMEM, JB_EUSAGE.  On success *out is owned by the
 * caller: jb_region_free(), before the session is closed. */
JB_API int jb_region_new(struct jb_session *session, const char *name,
                         struct jb_region **out, struct jb_error *err)
    __attribute__((warn_unused_result));

/* JB_EUSAGE when it is running already. */
JB_API int jb_region_begin(struct jb_region *region, struct jb_error *err);

/* Ends the run; what it used is in *out unless out is NULL.  A domain without a
 * figure says why and is no failure.  JB_EUSAGE when it is not running. */
JB_API int jb_region_end(struct jb_region *region,
                         const struct jb_region_result **out,
                         struct jb_error *err);

/* All runs together that have ended.  JB_EUSAGE when there is none. */
JB_API int jb_region_total(struct jb_region *region,
                           const struct jb_region_result **out,
                           struct jb_error *err);

/* One domain of a result, outermost first; NULL when there are not so many.
 * Valid as long as the result. */
JB_API const struct jb_region_domain *
jb_region_domain(const struct jb_region_result *result, size_t index);

/* Also while it runs.  Accepts NULL. */
JB_API void jb_region_free(struct jb_region *region);

#ifdef __cplusplus
}
#endif

#endif
