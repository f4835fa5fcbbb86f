/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the samples of a machine's many sensors to one record per device and
 * interval: power, temperature, frequency, utilization.
 *
 * Why a layer of its own: the library's monitors, the agent and recordings ask
 * the same question.  Power is a difference on the meters' curves; everything
 * else is a device's own sensor (its domain names the device) or, for the
 * utilization of a package, its busy time over what its CPUs could have done.
 *
 * Life: open (on an open machine), watch, cut..., close.  One owner calls
 * everything here, while samples come in from the sampler's lanes.
 */
#ifndef JB_READINGS_DEVICES_H
#define JB_READINGS_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "core/reading.h"
#include "machine/machine.h"

struct jb_devices;

struct jb_devices_config {
    /* Of these kinds of domains, in this order, the first of which the machine
     * has a wanted metric; ends with JB_DOMAIN_NONE. */
    const enum jb_domain_kind *kinds;
    uint32_t metrics; /* JB_METRICS_* */
};

/* The sensors' quantities (1 << enum jb_quantity) that metrics are made of: for
 * jb_machine_config. */
uint32_t jb_devices_quantities(uint32_t metrics);

/*
 * Finds the devices of a machine and the sensors of each; the machine is
 * borrowed.  Fails when no device has any wanted metric, with the status and
 * reason of the likeliest meter; JB_ENOMEM.  On success *out is owned by the
 * caller.
 */
JB_NODISCARD int jb_devices_open(struct jb_machine *machine,
                                 const struct jb_devices_config *config,
                                 struct jb_devices **out, struct jb_error *err);

/* Accepts NULL.  Not while the machine's watch runs. */
void jb_devices_close(struct jb_devices *devices);

size_t jb_devices_count(const struct jb_devices *devices);
/* "package-0".  Borrowed. */
const char *jb_devices_name(const struct jb_devices *devices, size_t device);
/* The source of the device's power sensor, or of its first other one. */
const char *jb_devices_source(const struct jb_devices *devices, size_t device);

/* JB_OK when some device has the metric, else why none has.  Not for metrics
 * that were not asked for. */
int jb_devices_status(const struct jb_devices *devices, enum jb_metric metric,
                      struct jb_error *err);

/* Watches the devices' sensors, read at cuts; starts the lanes; the first
 * interval begins. */
JB_NODISCARD int jb_devices_watch(struct jb_devices *devices,
                                  struct jb_error *err);

/* The longest time between two cuts after which no counter can have wrapped
 * unseen and sampled powers are dense enough; UINT64_MAX: any. */
uint64_t jb_devices_max_gap_ns(const struct jb_devices *devices);

/* Reads all sensors for the sake of the curves; ends no interval. */
void jb_devices_look(struct jb_devices *devices, uint64_t wait_ns);

/*
 * Ends the interval and begins the next.  Fills out[] (one per device that has
 * any metric in this interval; device, present, micro, provenance) and returns
 * how many.  Whatever does not answer within wait_ns is absent.  When there is
 * none, *why says why: JB_ELIMIT when it was only too short.
 */
size_t jb_devices_cut(struct jb_devices *devices, uint64_t wait_ns,
                      struct jb_reading *out, struct jb_error *why);

#endif
