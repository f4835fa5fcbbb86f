/* SPDX-License-Identifier: Apache-2.0 */
/* joulebook record --format=ppf: what the library's monitors say, as its
 * collector saves it, but into a file that is whole at every moment. */
#ifndef JB_CMD_RECORD_PPF_H
#define JB_CMD_RECORD_PPF_H

#include <stdint.h>

#include "base/own.h"
#include "joulebook/plugin/command.h"

#define JB_RECORD_PPF "ppf"

struct jb_record_ppf {
    const char *output;
    uint64_t interval_ns; /* 0: as the library has it */
    uint64_t duration_ns; /* 0: until a signal */
};

/* Errors as of a command's run: JB_EABSENT when no monitor can start. */
JB_NODISCARD int jb_record_ppf(const struct jb_cli *cli,
                               const struct jb_record_ppf *options,
                               struct jb_error *err);

#endif
