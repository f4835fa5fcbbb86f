/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc/cpuinfo says of the processor: who made it, which one it is, and
 * whether a hypervisor stands between it and us. */
#ifndef JB_CORE_CPUINFO_H
#define JB_CORE_CPUINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"

struct jb_cpuinfo {
    char vendor[32]; /* "GenuineIntel", "AuthenticAMD", ...; "" if not said */
    char model_name[128];
    uint32_t family, model, stepping;
    bool hypervisor; /* the CPU itself says that it is virtual */
};

/* Reads <procfs>/cpuinfo, first processor.  Fields that are not said stay
 * empty.  JB_EABSENT or JB_EIO when the file cannot be read. */
JB_NODISCARD int jb_cpuinfo_read(const char *procfs, struct jb_cpuinfo *out,
                                 struct jb_error *err);

/* The same from text that need not be NUL-terminated; never fails. */
void jb_cpuinfo_parse(const char *text, size_t length, struct jb_cpuinfo *out);

/* Intel and AMD: nobody else's processors have RAPL's meters. */
bool jb_cpuinfo_has_rapl(const struct jb_cpuinfo *info);

/* AMD and its licensee Hygon share RAPL's registers. */
bool jb_cpuinfo_is_amd(const struct jb_cpuinfo *info);

#endif
