/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as a command of the lab's control file. */
#include <stddef.h>
#include <stdint.h>

#include "control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_lab_command command;
    struct jb_error err;

    jb_lab_command_parse((const char *)data, size, &command, &err);
    return 0;
}
