/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the sources' sample() at the instants of a schedule and hands on what
 * they read.  It does no arithmetic on samples and keeps none.
 *
 * Why threads: a meter that hangs must cost its own readings and nothing else,
 * and nobody can know beforehand which one will hang.  What answers quickly is
 * read by the fast lane: one wake-up for everything that is due.  Two threads
 * take turns in it, so that each finds the other if it hangs, without a
 * watchdog that would have to wake up too: the others then lose two seconds at
 * most, once.  Whatever may block, is slow, or hangs, has a slow lane, a thread
 * of its own.  "Endpoint" is what hangs together: one source, one value of
 * jb_sensor.endpoint.
 *
 * Life: new, add..., [cut], start, [cut]..., stop, free.  A sampler starts
 * once; after a rescan make a new one.  add, start, stop and free are for one
 * thread; cut and the statistics for any, between new and free.
 */
#ifndef JB_SAMPLER_SAMPLER_H
#define JB_SAMPLER_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"
#include "joulebook/plugin/source.h"

struct jb_sampler;

/* What is read together, and who wants it.  Source and descriptor are borrowed
 * until stop() says that nothing of them is in use (see there). */
struct jb_sampler_feed {
    const struct jb_source_desc *desc;
    struct jb_source *source;
    const uint32_t *which; /* indexes into the source's sensors */
    size_t count;
    uint64_t period_ns; /* 0: at cuts only, and once when it starts */
    void *user;         /* for the sink; never touched here */
};

struct jb_sampler_config {
    /* Gets every sample, failed ones too.  Called by the lanes, and by cut()
     * before start(), one call at a time, with the sampler's lock held: it
     * must be quick and must not call the sampler.  feed is a part of one that
     * was added, with sensors of one endpoint; samples[i] is of sensor
     * feed->which[i].  Both are the sampler's and valid during the call.
     * Never called after stop(). */
    void (*sink)(void *context, const struct jb_sampler_feed *feed,
                 const struct jb_sample *samples, size_t count);
    void *context;
    const struct jb_clock
        *clock;         /* that of the sources; NULL: CLOCK_BOOTTIME */
    uint64_t origin_ns; /* an instant of every period's grid */
    uint64_t slow_ns;   /* two reads in a row above it: slow lane; 0: 20 ms */
    uint64_t stuck_ns;  /* one read above it: slow lane at once; 0: 250 ms */
};

/* Sums since new(). */
struct jb_sampler_stats {
    uint64_t fast_wake_ups, slow_wake_ups;
    uint64_t reads;          /* calls of a sample() that returned */
    uint64_t samples;        /* handed to the sink */
    uint64_t missed;         /* instants that passed without a read */
    uint64_t cpu_ns;         /* of all lanes, as the scheduler counts it */
    uint64_t spawn_failures; /* the fast lane reads, but nobody watches it */
    unsigned threads;        /* now */
};

struct jb_sampler_endpoint {
    const struct jb_source_desc *desc;
    const struct jb_source *source;
    uint16_t endpoint;
    bool slow; /* has a lane of its own */
    uint64_t reads, samples, missed;
    uint64_t last_ns, max_ns; /* duration of a sample() that returned */
    uint64_t inside_ns;       /* how long the present read has lasted, or 0 */
    uint64_t stuck_since_ns;  /* when a read began that hangs, or 0 */
};

/* JB_ENOMEM, JB_EUSAGE (no sink).  On success *out is owned by the caller. */
JB_NODISCARD int jb_sampler_new(const struct jb_sampler_config *config,
                                struct jb_sampler **out, struct jb_error *err);

/* Copies the feed and its indexes.  One with no sensors is accepted and does
 * nothing.  Feeds may overlap; those that share an endpoint are never read at
 * once.  JB_EUSAGE after start() or for an index the source does not have,
 * JB_ELIMIT, JB_ENOMEM. */
JB_NODISCARD int jb_sampler_add(struct jb_sampler *sampler,
                                const struct jb_sampler_feed *feed,
                                struct jb_error *err);

/* Starts the lanes.  Everything that has delivered no sample yet is read at
 * once, the rest at its next instant.  JB_EUSAGE when called twice, JB_ENOMEM,
 * JB_ELIMIT when no thread can be had; after a failure only free() is left. */
JB_NODISCARD int jb_sampler_start(struct jb_sampler *sampler,
                                  struct jb_error *err);

/*
 * Reads everything as near to now as possible and waits until each endpoint
 * has delivered a sample whose read began after the call, at most until
 * deadline_ns of the config's clock.  Returns the number of endpoints that did
 * not; their samples come late.  An endpoint that hangs is not waited for.
 *
 * Before start() it reads on the caller's thread what is not known to be slow:
 * no deadline then, no thread, and what may block counts as not delivered.
 * Short runs on machines with fast meters never need to start.  After stop()
 * nothing is read.
 */
size_t jb_sampler_cut(struct jb_sampler *sampler, uint64_t deadline_ns);

/*
 * Ends the lanes; samples that arrive in the meantime still count.  Waits at
 * most timeout_ns for reads that are under way.  Returns the number of
 * endpoints whose read is still not back: their sources must not be closed
 * (jb_sampler_holds() tells which).  What such a read may touch is kept, even
 * after free(), until it returns, if it ever does.
 */
size_t jb_sampler_stop(struct jb_sampler *sampler, uint64_t timeout_ns);

/* Whether a read of this source is under way.  Once false after stop(), it
 * stays so and the source may be closed. */
bool jb_sampler_holds(struct jb_sampler *sampler,
                      const struct jb_source *source);

/* Accepts NULL.  Implies stop(sampler, 0), whose answer the caller would need
 * before closing sources. */
void jb_sampler_free(struct jb_sampler *sampler);

void jb_sampler_read_stats(struct jb_sampler *sampler,
                           struct jb_sampler_stats *out);

/* Number of endpoints: they are numbered from 0 in the order of add(). */
size_t jb_sampler_endpoints(struct jb_sampler *sampler);

/* JB_EUSAGE when there is no such endpoint. */
JB_NODISCARD int jb_sampler_read_endpoint(struct jb_sampler *sampler,
                                          size_t index,
                                          struct jb_sampler_endpoint *out);

#endif
