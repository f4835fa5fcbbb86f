/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which GPU is gpu-N.
 *
 * Every driver and vendor library counts its own from 0, so a machine with two
 * makes has two of number 0.  Here all of them are counted together in the
 * order of their PCI addresses, which no driver, library or environment
 * variable changes.
 */
#ifndef JB_CORE_GPU_H
#define JB_CORE_GPU_H

#include <stdint.h>

#include "base/own.h"
#include "joulebook/error.h"

/*
 * The number of the GPU at a PCI address such as "0000:03:00.0", by
 * <sysfs>/bus/pci/devices.  Counted are display controllers and accelerators
 * of the makers of GPUs: the VGA of a BMC is none, and neither is Intel's
 * integrated one, which is a part of a package.  JB_EABSENT when there is no
 * GPU at this address, or the tree does not say.
 */
JB_NODISCARD int jb_gpu_number(const char *sysfs, const char *address,
                               uint16_t *out, struct jb_error *err);

#endif
