/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Monitors and collectors: readings of a kind of device, at an interval.
 *
 * A monitor reads the devices of one kind (all packages of the CPU, all GPUs of
 * one make, the node as a whole) on a thread of its own and keeps what it read
 * until it is fetched.  A collector runs several monitors; one that fails is
 * reported in the result and stops nobody.
 *
 * Power is the difference of an energy counter over the interval wherever there
 * is one, with wraps undone.  The first reading comes after the first interval.
 *
 * Errors: jb_monitor_new(), _start() and _stop() fail for reasons that concern
 * the monitor as a whole (document 0 of power profiling calls them
 * MonitorError), jb_monitor_read() for reasons that concern readings
 * (ReadingError).  The collector's jb_collector_error() says which.
 *
 * Threads: each function may be called from any thread, several at once, except
 * that nothing may use an object while it is freed.  The library's own threads
 * take no signals.  After fork() monitors and collectors belong to the parent:
 * in the child their functions are JB_EUSAGE (or have nothing to say), and the
 * frees do nothing.
 */
#ifndef JOULEBOOK_MONITOR_H
#define JOULEBOOK_MONITOR_H

#include <stddef.h>
#include <stdint.h>

#include "joulebook/error.h"
#include "joulebook/reading.h"
#include "joulebook/version.h"

#ifdef __cplusplus
extern "C" {
#endif

struct jb_monitor;
struct jb_collector;

/*
 * What to monitor.  Set size, source and component; what is 0 or NULL has its
 * default.  Everything is copied.
 */
struct jb_monitor_config {
    size_t size;           /* sizeof(struct jb_monitor_config) */
    const char *source;    /* "cpu", "gpu", "system" */
    const char *component; /* "intel", "amd", "nvidia", "ipmi"; "any" or NULL:
                              whatever the machine has */
    double interval_s;     /* 0.001 to 86400; default 1 */
    uint32_t metrics;      /* JB_METRICS_* together; default all */
    const char *sysfs, *procfs, *cgroupfs, *devfs; /* other trees than "/sys",
                              "/proc", "/sys/fs/cgroup", "/dev" */
    const char *host; /* system/ipmi: BMC to ask over the network; NULL:
                         this machine's own */
    const char *username, *password;
};

/* JB_EUSAGE for an unknown source, component or metric or an interval that
 * cannot be, with the known ones; JB_ENOMEM.  On success *out is owned by the
 * caller: jb_monitor_free(). */
JB_API int jb_monitor_new(const struct jb_monitor_config *config,
                          struct jb_monitor **out, struct jb_error *err)
    __attribute__((warn_unused_result));

/*
 * Finds the meters and begins to read, after a look of a tenth of a second at
 * whether they count.  Succeeds when at least one wanted metric of one device
 * can be had.  JB_EABSENT: no such device, or this build cannot read it;
 * JB_EDENIED: it is there and may not be read; JB_EDEAD: it does not count;
 * JB_EUSAGE: started already; JB_ELIMIT: no thread; JB_ENOMEM.  After a failure
 * it is as before and may be started again, as after a stop.
 */
JB_API int jb_monitor_start(struct jb_monitor *monitor, struct jb_error *err);

/*
 * All readings since the last call; none is no error.  What was read until a
 * stop can be fetched after it.  On success *out is owned by the caller:
 * jb_readings_free().  When there is none because meters that worked fail now,
 * the reason: JB_EABSENT (unplugged), JB_EIO, JB_EDEAD (does not count any
 * more), JB_EBUSY (does not answer), ...; the monitor goes on trying.
 * JB_EUSAGE when it was never started.
 */
JB_API int jb_monitor_read(struct jb_monitor *monitor, struct jb_readings **out,
                           struct jb_error *err)
    __attribute__((warn_unused_result));

/* JB_OK when some device has the metric since the last start; else why none
 * has.  JB_EUSAGE when it was not asked for or the monitor not started. */
JB_API int jb_monitor_metric_status(struct jb_monitor *monitor,
                                    enum jb_metric metric,
                                    struct jb_error *err);

/* Ends reading: no thread is left.  JB_EUSAGE when not started.  JB_EBUSY when
 * a meter hangs so that its thread could not be ended within a second; the
 * monitor is stopped all the same. */
JB_API int jb_monitor_stop(struct jb_monitor *monitor, struct jb_error *err);

/* Stops when necessary.  Accepts NULL. */
JB_API void jb_monitor_free(struct jb_monitor *monitor);

/* "cpu/intel".  Borrowed from the monitor. */
JB_API const char *jb_monitor_name(const struct jb_monitor *monitor);

/* Monitors are borrowed and must outlive the collector; each in one collector
 * at a time.  JB_EUSAGE for none or more than 256, or for one twice;
 * JB_ENOMEM.  On success *out is owned by the caller: jb_collector_free(). */
JB_API int jb_collector_new(struct jb_monitor *const *monitors, size_t count,
                            struct jb_collector **out, struct jb_error *err)
    __attribute__((warn_unused_result));

/* Starts all monitors and forgets an earlier result.  Those that fail are in
 * the result's errors; fails only when none could be started, with the first
 * one's reason, or JB_EUSAGE when started already. */
JB_API int jb_collector_start(struct jb_collector *collector,
                              struct jb_error *err);

/*
 * Blocks for duration_s (0 to 1e9 s) and takes all readings of that time into
 * the result.  May be called again.  Ends sooner, with JB_OK, when another
 * thread calls jb_collector_stop().  Failures of monitors are in the result's
 * errors.  JB_EUSAGE when not started or for a duration that is none;
 * JB_ENOMEM and JB_ELIMIT (more than 16 million readings): what was collected
 * is kept.
 */
JB_API int jb_collector_collect(struct jb_collector *collector,
                                double duration_s, struct jb_error *err);

/* Stops all monitors that were started and takes their last readings into the
 * result.  JB_EUSAGE when not started. */
JB_API int jb_collector_stop(struct jb_collector *collector,
                             struct jb_error *err);

/*
 * Writes the result as JSON (docs/reference/library.md).  Others see the old
 * file or the whole new one, also when the disk is full; its mode is 0640, less
 * the umask.  A link is followed; what is no regular file is refused
 * (JB_EUSAGE).  JB_EUSAGE when never started, JB_EDENIED, JB_EIO.
 */
JB_API int jb_collector_save(struct jb_collector *collector, const char *path,
                             struct jb_error *err);

/* The readings so far, of all monitors, each monitor's in the order of time.
 * On success *out is a list of its own, owned by the caller.  JB_ENOMEM. */
JB_API int jb_collector_readings(struct jb_collector *collector,
                                 struct jb_readings **out, struct jb_error *err)
    __attribute__((warn_unused_result));

/* "2023-01-01T12:00:00.000Z" of the last start, and of the end of the last
 * collect or stop; "" before that.  Copied to out. */
enum { JB_TIMESTAMP_MAX = 25 };
JB_API void jb_collector_started(struct jb_collector *collector,
                                 char out[JB_TIMESTAMP_MAX]);
JB_API void jb_collector_ended(struct jb_collector *collector,
                               char out[JB_TIMESTAMP_MAX]);

/* What a monitor was doing when it failed. */
enum jb_phase { JB_PHASE_START, JB_PHASE_READ, JB_PHASE_STOP };

/* "start", "read", "stop"; NULL for another number.  Any thread. */
JB_API const char *jb_phase_name(enum jb_phase phase);

/* How many failures there were.  A failure that lasts counts once. */
JB_API size_t jb_collector_error_count(struct jb_collector *collector);

/* One of them: which monitor (its index), when, and why.  Outputs may be NULL.
 * JB_EABSENT, with outputs untouched, when there are not so many. */
JB_API int jb_collector_error(struct jb_collector *collector, size_t index,
                              size_t *monitor, enum jb_phase *phase,
                              struct jb_error *why);

/* Stops when necessary.  Accepts NULL.  The monitors are the caller's. */
JB_API void jb_collector_free(struct jb_collector *collector);

#ifdef __cplusplus
}
#endif

#endif
