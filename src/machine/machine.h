/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one machine can measure: its sources opened, every sensor with its
 * state, every domain with the sensor that is used for it.
 *
 * Why a layer of its own: commands, the agent and the library all need the same
 * composition of sources, sampler and curves, and the same choice of the better
 * of two meters.  It neither prints nor decides what is worth printing.
 *
 * Threads: one owner calls everything here; samples come in from the sampler's
 * lanes and are serialised inside.
 */
#ifndef JB_MACHINE_MACHINE_H
#define JB_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/own.h"
#include "core/domain.h"
#include "core/meter.h"
#include "joulebook/plugin/source.h"
#include "sampler/sampler.h"

struct jb_machine;

struct jb_machine_config {
    const struct jb_env *env;       /* borrowed while the machine is open */
    const struct jb_config *config; /* options by source, or NULL; borrowed */
    const char *sources;            /* "powercap,perf": only these; NULL: all */
    const char *domains; /* "package,dram-0": only these; NULL: all */
    const struct jb_source_setting *settings; /* win over config; end with a
                                                 NULL source; NULL: none */
    uint32_t quantities; /* 1 << enum jb_quantity: sources that give none of
                            them are not opened; 0: all */
    bool still;  /* nothing runs on the trees: a counter that stands still says
                    nothing even of a domain that may rest, and no model says
                    anything unless it is named in sources */
    bool direct; /* without sources that relay what another process reads */
    bool all_modules; /* also load sources that live in modules: else only when
                         named in sources, or when nothing else measures */
};

/* One source of the registry, open or not. */
struct jb_machine_source {
    const char *name;
    const struct jb_source_desc *desc; /* NULL: a module that is not loaded */
    struct jb_source *handle;          /* NULL unless state is JB_OK */
    void *options;
    const struct jb_sensor *sensors; /* the source's */
    size_t sensor_count;
    size_t first;        /* index of sensors[0] among the machine's sensors */
    struct jb_error why; /* status, reason and fix when it did not open */
};

/* One sensor of an open source. */
struct jb_machine_sensor {
    const struct jb_sensor *about;
    size_t source;          /* index among the machine's sources */
    uint32_t index;         /* within its source */
    ptrdiff_t domain;       /* index among the machine's domains, or -1 */
    bool account;           /* energy or power of a domain */
    ptrdiff_t relay;        /* that stands in for this unusable one, or -1 */
    int preference;         /* of two for one domain the higher is used */
    struct jb_error why;    /* JB_OK, or why it is not used */
    struct jb_meter *meter; /* NULL for what is no domain's energy or power */
};

/* One domain that at least one sensor knows of. */
struct jb_machine_domain {
    struct jb_domain domain;
    char name[JB_DOMAIN_NAME_MAX];
    ptrdiff_t parent; /* index among the domains, or -1 */
    ptrdiff_t chosen; /* sensor that is used, or -1 when none can be */
};

/*
 * Opens every wanted source.  Sources that are absent or refused are part of
 * the answer, not an error.  JB_EUSAGE for an unknown source or domain name or
 * a bad option in the configuration; JB_ENOMEM.
 */
JB_NODISCARD int jb_machine_open(const struct jb_machine_config *config,
                                 struct jb_machine **out, struct jb_error *err);

/* Accepts NULL.  A source in which a read hangs is left open. */
void jb_machine_close(struct jb_machine *machine);

/* The arrays are the machine's and stay where they are until it is closed. */
const struct jb_machine_source *
jb_machine_sources(const struct jb_machine *machine, size_t *count);
const struct jb_machine_sensor *
jb_machine_sensors(const struct jb_machine *machine, size_t *count);
const struct jb_machine_domain *
jb_machine_domains(const struct jb_machine *machine, size_t *count);

/* "powercap/intel-rapl:0": the name of a sensor on this machine. */
enum { JB_SENSOR_PATH_MAX = JB_NAME_MAX * 2 };
const char *jb_machine_sensor_path(const struct jb_machine *machine,
                                   size_t sensor, char out[JB_SENSOR_PATH_MAX]);

/* What a listener is told of each sample; called from the sampler's lanes, one
 * call at a time; event is JB_METER_REFUSED for sensors that have no meter and
 * samples without a value. */
struct jb_machine_news {
    size_t sensor;
    const struct jb_sample *sample;
    enum jb_meter_event event;
    const struct jb_knot *newest; /* of its meter's curve, or NULL */
};

enum jb_watch_scope {
    JB_WATCH_DOMAINS,  /* every usable meter of a wanted domain */
    JB_WATCH_CHOSEN,   /* the one that each wanted domain uses */
    JB_WATCH_ALL,      /* also sensors that are no domain's energy */
    JB_WATCH_SELECTED, /* those that wants() names */
};

struct jb_machine_watch {
    uint64_t period_ns; /* 0: read at cuts only */
    enum jb_watch_scope scope;
    void (*listener)(void *context, const struct jb_machine_news *news,
                     size_t count); /* one source's tick, or NULL */
    bool (*wants)(void *context, size_t sensor); /* for JB_WATCH_SELECTED; asked
                                                    of usable sensors */
    void *context;
};

/*
 * Prepares to read sensors.  Reads nothing yet.  One watch at a time; a second
 * begins with fresh curves.
 */
JB_NODISCARD int jb_machine_watch(struct jb_machine *machine,
                                  const struct jb_machine_watch *watch,
                                  struct jb_error *err);

/* Starts the lanes: from now on sensors are read every period. */
JB_NODISCARD int jb_machine_start(struct jb_machine *machine,
                                  struct jb_error *err);

/* The shortest time after which some sensor of the watch wants to be read: the
 * watch's period, or less where a counter could wrap unseen. */
uint64_t jb_machine_period_ns(const struct jb_machine *machine);

/* The longest time between two cuts of the present watch after which no counter
 * can have wrapped unseen, and powers without a counter are seen often enough
 * to be integrated; UINT64_MAX: any time. */
uint64_t jb_machine_max_gap_ns(const struct jb_machine *machine);

/* Reads everything now; what does not answer within wait_ns is left behind.
 * Returns how many endpoints were. */
size_t jb_machine_cut(struct jb_machine *machine, uint64_t wait_ns);

/* Ends the watch's lanes; curves and verdicts stay.  Returns how many endpoints
 * hang in a read, whose threads could not be ended. */
size_t jb_machine_stop(struct jb_machine *machine);

void jb_machine_sampler_stats(struct jb_machine *machine,
                              struct jb_sampler_stats *out);

/* The newest points of all curves, to form intervals from: one knot per sensor,
 * in the caller's array of as many as there are sensors.  Knots of sensors that
 * were never read have t_ns 0; a sensor that has not answered the last cut has
 * unread_ns from its newest point to that cut. */
void jb_machine_mark(struct jb_machine *machine, struct jb_knot *out);

/*
 * The point of a domain's curve at an instant, and what its edges cost.
 * JB_EABSENT: the newest reading is older, ask again when it has come;
 * JB_ELIMIT: the curve does not remember so long ago; JB_EDEAD: the domain has
 * no meter.
 */
JB_NODISCARD int jb_machine_point(struct jb_machine *machine, size_t domain,
                                  uint64_t t_ns, struct jb_knot *knot,
                                  struct jb_curve_bounds *bounds);

/* Raised whenever a reading that came late has changed what the domain's curve
 * said before; 0 for a domain without a meter. */
uint64_t jb_machine_revision(struct jb_machine *machine, size_t domain);

/* Forgets peaks so far. */
void jb_machine_restart_peaks(struct jb_machine *machine);

/*
 * Watches all meters for at most budget_ns and books the verdict on each:
 * those that are dead get JB_EDEAD and their domains another sensor or none.
 * Ends as soon as each has moved.
 */
JB_NODISCARD int jb_machine_probe(struct jb_machine *machine,
                                  uint64_t budget_ns, struct jb_error *err);

/* Books the verdict that the present watch allows on every sensor, and chooses
 * again. */
void jb_machine_judge(struct jb_machine *machine);

/* Forgets all verdicts: what was dead in one measurement may live in the
 * next. */
void jb_machine_acquit(struct jb_machine *machine);

/* Why none of these quantities (1 << enum jb_quantity) of any domain of that
 * kind (JB_DOMAIN_NONE: of any account) can be measured: fills err with "what:
 * meter: reason" and its fix, and returns the status of the likeliest meter. */
int jb_machine_explain(const struct jb_machine *machine,
                       enum jb_domain_kind kind, uint32_t quantities,
                       const char *what, struct jb_error *err);

/* How many domains have a sensor that can be used, estimates included. */
size_t jb_machine_usable(const struct jb_machine *machine);

/* True when no sensor that measures (rather than estimates) can be used for any
 * wanted domain. */
bool jb_machine_only_estimates(const struct jb_machine *machine);

#endif
