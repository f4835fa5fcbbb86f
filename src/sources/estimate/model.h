/* SPDX-License-Identifier: Apache-2.0 */
/* AC power of a whole server from its CPU utilisation and what it is made of,
 * as an interval. Learnt from SPECpower_ssj2008 results (spec.org) by
 * bench/estimate/train.py, whose README says how well it does and where not.
 *
 * A curve over 11 loads is predicted at once (it is cheap to evaluate then),
 * by one of three models: which one depends on what is known of the machine,
 * and nothing that is missing is made up. It says nothing of GPUs, of many
 * disks, or of a machine that differs from a plain server.
 *
 * Pure functions: no I/O, no allocation, no state; any thread. Nothing here
 * may be booked as measured: provenance is `estimated`. */
#ifndef JB_SOURCES_ESTIMATE_MODEL_H
#define JB_SOURCES_ESTIMATE_MODEL_H

#include <stdint.h>

#include "model_table.h"

/* What is known of a machine. 0 is "not known" in every field. Needed always:
 * chips, cores, threads, memory_mb; the rest decides on the model. In a guest
 * these are the guest's: the answer is for a server of that size. */
struct jb_estimate_machine {
    uint32_t chips;     /* packages that are populated */
    uint32_t cores;     /* of all chips together */
    uint32_t threads;   /* of all cores together, as enabled */
    uint32_t base_mhz;  /* nominal, not turbo, not the present clock */
    uint32_t memory_mb; /* installed; MemTotal is near enough */
    uint32_t l3_kb;     /* all L3 of one chip (sum over its complexes) */
    uint32_t tdp_mw;    /* of one chip */
    uint8_t amd;        /* 1: AMD or Hygon, 0: anything else */
    uint8_t arch;       /* enum jb_estimate_arch */
};

/* FULL: everything is known. REDUCED: no TDP. MINIMAL: the architecture, the
 * nominal frequency or L3 is not known; counts, memory and vendor only. */
enum jb_estimate_level {
    JB_ESTIMATE_NONE,
    JB_ESTIMATE_MINIMAL,
    JB_ESTIMATE_REDUCED,
    JB_ESTIMATE_FULL
};

enum jb_estimate_flag {
    /* Architecture younger than the data, or not known: interval widened. */
    JB_ESTIMATE_NEW_ARCH = 1 << 0,
    /* A feature lies outside the range of the data: interval not to trust. */
    JB_ESTIMATE_OUT_OF_RANGE = 1 << 1
};

/* 5 %, 50 % and 95 % points of AC power, microwatts. */
struct jb_estimate {
    int64_t low_uw;
    int64_t expected_uw;
    int64_t high_uw;
    enum jb_estimate_level level;
    unsigned flags; /* of enum jb_estimate_flag */
};

/* The same at 0, 10, ... 100 % utilisation; never falls as load rises. */
struct jb_estimate_curve {
    int64_t low_uw[JB_ESTIMATE_LOADS];
    int64_t expected_uw[JB_ESTIMATE_LOADS];
    int64_t high_uw[JB_ESTIMATE_LOADS];
    enum jb_estimate_level level;
    unsigned flags;
};

/* Fill arch, amd, and, where they are 0, base_mhz, l3_kb and tdp_mw, from the
 * CPU's name as /proc/cpuinfo gives it and its CPUID vendor, family and model.
 * The table of names has the CPUs of the data (nominal figures); a CPU that it
 * has not gets its architecture from family and model and its frequency from
 * "@ x.xxGHz". `name` and `vendor` are borrowed, and may be NULL; family 0 is
 * "not known". Returns 1 if the name is in the table, else 0. */
int jb_estimate_identify(const char *name, const char *vendor, unsigned family,
                         unsigned model, struct jb_estimate_machine *m);

/* Curve of a machine: about 5 microseconds. Returns the model used;
 * JB_ESTIMATE_NONE, `out` untouched, if even the minimal one lacks a fact, or
 * if the counts contradict each other (threads < cores < chips). */
enum jb_estimate_level jb_estimate_curve(const struct jb_estimate_machine *m,
                                         struct jb_estimate_curve *out);

/* Point of a curve, on a straight line between its loads (this costs about
 * 0.5 %). utilisation_ppm: busy share of all threads; above 1000000 is taken
 * as 1000000. */
void jb_estimate_at(const struct jb_estimate_curve *curve,
                    unsigned utilisation_ppm, struct jb_estimate *out);

/* The two above in one. */
enum jb_estimate_level jb_estimate_power(const struct jb_estimate_machine *m,
                                         unsigned utilisation_ppm,
                                         struct jb_estimate *out);

#endif
