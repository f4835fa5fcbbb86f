/* SPDX-License-Identifier: Apache-2.0 */
/* The sensors that each kind of thing has, and how they are added. */
#ifndef JB_HOST_ADD_H
#define JB_HOST_ADD_H

#include <stdbool.h>
#include <string.h>

#include "host.h"

/* A name's room before "/available" in a sensor's name. */
enum { JB_HOST_STEM_MAX = 48 };

struct jb_host_row;

/* What the sensors of one kind of thing have in common. */
struct jb_host_kind {
    const char *stem;
    const struct jb_host_row *rows;
    uint32_t width; /* how many sensors a thing has */
    uint64_t update_ns;
    enum jb_domain_kind domain; /* that they stand for as a whole */
};

/* By enum jb_host_file; JB_HOST_FILES stands for a mount. */
extern const struct jb_host_kind jb_host_kinds[JB_HOST_FILES + 1];
extern const struct jb_host_kind jb_host_package_kind;
extern const struct jb_host_kind jb_host_times_kind;

/* The sensors that are to be added for one thing. */
struct jb_host_new {
    const struct jb_host_kind *kind;
    const char *stem; /* "cpu-3", "disk-sda" */
    uint32_t group;
    uint16_t package;
    uint16_t endpoint;
    uint16_t flags;
};

/* Makes room for one more element of *array; *room counts elements. */
JB_NODISCARD int jb_host_grow(void **array, size_t *room, size_t count,
                              size_t size, struct jb_error *err);

/* Appends sensors and items; *item is the first.  They are absent until
 * jb_host_announce() says otherwise. */
JB_NODISCARD int jb_host_add_sensors(struct jb_source *source,
                                     const struct jb_host_new *thing,
                                     uint32_t *item, struct jb_error *err);

/* The same for a thing of its group, which gets a copy of *known. */
JB_NODISCARD int jb_host_add_thing(struct jb_source *source,
                                   const struct jb_host_new *thing,
                                   const struct jb_host_thing *known,
                                   struct jb_error *err);

/* Sets the state of an item and of its sensor; one that comes back gets
 * generation + 1.  reason is not looked at for JB_OK. */
void jb_host_announce(struct jb_source *source, uint32_t at, int state,
                      const char *reason);

static inline bool jb_host_starts(const char *name, const char *stem)
{
    return strncmp(name, stem, strlen(stem)) == 0;
}

#endif
