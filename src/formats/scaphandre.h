/* SPDX-License-Identifier: Apache-2.0 */
/* The names in the reports of scaphandre's JSON exporter (v1.0), for those who
 * write and read them. */
#ifndef JB_FORMATS_SCAPHANDRE_H
#define JB_FORMATS_SCAPHANDRE_H

#include "joulebook/plugin/sensor.h"

#define JB_SCAPHANDRE_HOST "host"
#define JB_SCAPHANDRE_CONSUMPTION "consumption" /* in microwatts */
#define JB_SCAPHANDRE_TIMESTAMP "timestamp"     /* seconds since 1970 */
#define JB_SCAPHANDRE_COMPONENTS "components"
#define JB_SCAPHANDRE_DISKS "disks"
#define JB_SCAPHANDRE_CONSUMERS "consumers"
#define JB_SCAPHANDRE_SOCKETS "sockets"
#define JB_SCAPHANDRE_ID "id"
#define JB_SCAPHANDRE_DOMAINS "domains"
#define JB_SCAPHANDRE_NAME "name"

/* The domains of a socket, in the order of their zones. */
struct jb_scaphandre_domain {
    const char *name;
    enum jb_domain_kind kind;
};

enum { JB_SCAPHANDRE_DOMAINS_COUNT = 3 };
extern const struct jb_scaphandre_domain
    jb_scaphandre_domains[JB_SCAPHANDRE_DOMAINS_COUNT];

#endif
