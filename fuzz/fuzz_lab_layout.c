/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as a layout file. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_lab_layout *layout = malloc(sizeof(*layout));
    struct jb_error err;

    if (layout)
        jb_lab_layout_parse((const char *)data, size, layout, &err);
    free(layout);
    return 0;
}
