/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a command of the lab's control file. */
#include "fuzz.h"

#include "lab/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_lab_command command;
    struct jb_error err = { .text = "" };
    int rc = jb_lab_command_parse((const char *)data, size, &command, &err);

    fuzz_require(rc == JB_OK || err.text[0] != '\0');
    fuzz_require(rc != JB_OK || command.verb <= JB_LAB_SYNC);
    return 0;
}
