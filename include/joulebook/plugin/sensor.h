/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a meter is and what it says: domains, units, sensors, samples.
 *
 * A sample is what the hardware said, in its own counts and untouched; all
 * arithmetic on it (wrap, unit, plausibility) is the core's, so that it exists
 * once.  Units are rational numbers and enums, never strings, because a unit
 * in a string is one typing error away from a wrong bill.
 */
#ifndef JOULEBOOK_PLUGIN_SENSOR_H
#define JOULEBOOK_PLUGIN_SENSOR_H

#include <stdint.h>

#include "joulebook/provenance.h"

#ifdef __cplusplus
extern "C" {
#endif

enum jb_quantity {
    JB_QUANTITY_ENERGY,      /* J */
    JB_QUANTITY_POWER,       /* W */
    JB_QUANTITY_TEMPERATURE, /* degrees Celsius */
    JB_QUANTITY_FREQUENCY,   /* Hz */
    JB_QUANTITY_UTILIZATION, /* 1 = all of it */
    JB_QUANTITY_TIME,        /* s */
    JB_QUANTITY_DATA,        /* bytes */
    JB_QUANTITY_COUNT,       /* events, packets, things */
    JB_QUANTITY_VOLTAGE,     /* V */
    JB_QUANTITY_CURRENT,     /* A */
    JB_QUANTITY_ROTATION,    /* revolutions per minute, as fans are given */
    JB_QUANTITY_LAST = JB_QUANTITY_ROTATION,
};

/* How successive raw values relate to the quantity. */
enum jb_kind {
    JB_KIND_COUNTER,     /* monotonic, wraps at the unit's modulus */
    JB_KIND_SAMPLED,     /* the value at the instant of the read */
    JB_KIND_WINDOW_MEAN, /* the mean over the sensor's last window */
    JB_KIND_DELTA,       /* the amount since the previous sample */
};

/* Where a bound on power comes from; a guess is only good enough to refuse. */
enum jb_bound_origin { JB_BOUND_DECLARED, JB_BOUND_TDP, JB_BOUND_GUESSED };

enum jb_domain_kind {
    JB_DOMAIN_NONE,     /* not a place where energy is accounted */
    JB_DOMAIN_PLATFORM, /* the whole node at its AC or DC input */
    JB_DOMAIN_PSYS,     /* the whole board as the CPU's own meter sees it */
    JB_DOMAIN_PACKAGE,
    JB_DOMAIN_CORE,   /* all cores of one package */
    JB_DOMAIN_UNCORE, /* the integrated GPU on client CPUs */
    JB_DOMAIN_DRAM,
    JB_DOMAIN_GPU,
    JB_DOMAIN_LAST = JB_DOMAIN_GPU,
};

enum {
    JB_NO_DIE = -1,
    JB_NAME_MAX = 64,
    JB_LABEL_MAX = 48,
    JB_REASON_MAX = 240,
};

/* Equal fields mean the same joules, whichever source sees them. */
struct jb_domain {
    enum jb_domain_kind kind;
    uint16_t index; /* package or GPU number; 0 for psys and platform; of a
                       part (JB_DOMAIN_NONE) the package that it is in, where
                       its source knows */
    int16_t die;    /* die within the package, or JB_NO_DIE */
};

/*
 * Micro-units of the quantity (uJ, uW, micro-degrees, uHz, ...) per count are
 * num/den.  Some interfaces do not print the count but a scaled and truncated
 * text of it: reading = floor(count * read_num / read_den).  Where that is
 * invertible the core restores the count; 1/1 says that a reading is a count.
 */
struct jb_unit {
    enum jb_quantity quantity;
    uint64_t num, den;
    uint64_t read_num, read_den;
    uint64_t modulus; /* counts at which it wraps; 0 = a full 64 bits */
};

enum jb_sensor_flag {
    JB_SENSOR_MIRROR = 1 << 0,   /* a second view of a domain, never summed */
    JB_SENSOR_MAY_REST = 1 << 1, /* a still counter is no fault (idle iGPU) */
    JB_SENSOR_MAY_BLOCK = 1
                          << 2, /* reading can hang: slow lane from the start */
    JB_SENSOR_SIGNED =
        1 << 3, /* raw is an int64_t in two's complement (temperatures below 0);
                   no counter is, and a reading is a count (read_num/den 1/1) */
};

/*
 * One thing that can be read.  domain says whose energy or power it is; of any
 * other quantity it names the device that the value stands for (the package's
 * own temperature, not that of one core).  Owned by its source and constant
 * between two calls of the source's rescan; state, reason and fix say whether
 * it can be read now.
 */
struct jb_sensor {
    char name[JB_NAME_MAX];   /* unique within its source; visible ASCII */
    char label[JB_LABEL_MAX]; /* what its driver or firmware calls it ("Core
                                 3"), printable ASCII, or "" */
    struct jb_domain domain;
    struct jb_unit unit;
    enum jb_kind kind;
    enum jb_provenance provenance;
    enum jb_bound_origin pmax_from;
    uint64_t pmax_uw;    /* no real power exceeds it; 0 = no bound applies */
    uint64_t update_ns;  /* the hardware's own refresh period; 0 = unknown */
    uint64_t window_ns;  /* averaging window of JB_KIND_WINDOW_MEAN */
    uint64_t lag_ns;     /* a read at t speaks of t - lag ... */
    uint64_t lag_unc_ns; /* ... give or take this */
    uint64_t quantum;    /* step of the counter in counts, at least 1 */
    uint32_t gain_ppm;   /* systematic error of the unit itself */
    uint32_t generation; /* +1 on hot-plug, driver reload, counter reset */
    uint16_t endpoint;   /* what hangs together: one lane per endpoint */
    uint16_t flags;      /* enum jb_sensor_flag */
    int16_t rank;        /* among sources of one domain the higher is used */
    int state;           /* JB_OK or why it cannot be read */
    char reason[JB_REASON_MAX]; /* "" when state is JB_OK */
    char fix[JB_REASON_MAX];    /* command that would mend it, or "" */
    char note[JB_REASON_MAX];   /* what its reader must know though state is
                                   JB_OK (a model's doubts), or "" */
};

/*
 * One reading, exactly as it came.  state is JB_OK, or why raw is void:
 * JB_EABSENT (gone), JB_EDENIED, JB_EIO, JB_EFORMAT, JB_EIMPLAUSIBLE, JB_EBUSY
 * (no answer in time), JB_ELIMIT (asked more often than allowed).
 * below_ppm and above_ppm are a 90 % interval around raw, for models whose
 * uncertainty changes from reading to reading; 0 for meters.
 */
struct jb_sample {
    uint32_t sensor;     /* index into the source's sensors */
    uint32_t generation; /* of the sensor when it was read */
    uint64_t raw;
    uint64_t t0_ns, t1_ns; /* CLOCK_BOOTTIME before and after the read */
    uint64_t meter_ns;     /* the meter's own stamp in that clock, or 0 */
    uint32_t below_ppm, above_ppm;
    int state;
};

#ifdef __cplusplus
}
#endif

#endif
