/* SPDX-License-Identifier: Apache-2.0 */
/* Any text, quoted for JSON, is JSON, and says the same where it was UTF-8. */
#include "fuzz.h"

#include <jansson.h>
#include <string.h>

#include "formats/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *quoted;
    json_t *plain;
    json_t *value;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    quoted = jb_json_quote(text);
    fuzz_require(quoted != NULL);
    value = json_loads(quoted, JSON_DECODE_ANY, NULL);
    fuzz_require(json_is_string(value));
    plain = json_string(text); /* NULL for what is no UTF-8 */
    if (plain)
        fuzz_require(json_equal(value, plain));
    json_decref(plain);
    json_decref(value);
    free(quoted);
    free(text);
    return 0;
}
