/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a layout file. */
#include "fuzz.h"

#include "lab/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_lab_layout *layout = malloc(sizeof(*layout));
    struct jb_error err = { .text = "" };

    if (layout && jb_lab_layout_parse((const char *)data, size, layout, &err))
        fuzz_require(err.text[0] != '\0');
    free(layout);
    return 0;
}
