/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole of libjoulebook: monitors, collectors, regions.  How to use and
 * link it: docs/reference/library.md.
 */
#ifndef JOULEBOOK_JOULEBOOK_H
#define JOULEBOOK_JOULEBOOK_H

#include "joulebook/error.h"
#include "joulebook/monitor.h"
#include "joulebook/provenance.h"
#include "joulebook/reading.h"
#include "joulebook/region.h"
#include "joulebook/version.h"

#endif
