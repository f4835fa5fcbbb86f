/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings of any format: whatever the bytes, what is read is in order, and
 * what is not read is refused with its line.
 */
#include "fuzz.h"

#include <string.h>

#include "formats/recorded.h"

static void fuzz_sensor(const struct jb_recorded_sensor *sensor)
{
    fuzz_require(sensor->count > 0 && sensor->name[0] != '\0' &&
                 memchr(sensor->name, '\0', JB_NAME_MAX) != NULL);
    for (size_t i = 1; i < sensor->count; i++) {
        const struct jb_recorded_row *row = &sensor->rows[i];

        fuzz_require(row->t_ns > row[-1].t_ns &&
                     row->generation >= row[-1].generation);
        if (sensor->kind == JB_KIND_COUNTER && row->state == JB_OK)
            fuzz_require(row->micro >= 0);
        if (sensor->kind == JB_KIND_COUNTER && row->state == JB_OK &&
            row[-1].state == JB_OK && row->generation == row[-1].generation)
            fuzz_require(row->micro >= row[-1].micro);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jb_recorded *recorded = NULL;
    struct jb_error err = { 0 };
    size_t rows = 0;

    if (jb_recorded_parse("f", (const char *)data, size, &recorded, &err) < 0) {
        fuzz_require(recorded == NULL && err.status < 0);
        fuzz_require(strncmp(err.text, "f:", 2) == 0 ||
                     err.status != JB_EFORMAT);
        return 0;
    }
    fuzz_require(recorded->count > 0 &&
                 recorded->count <= JB_RECORDED_SENSORS_MAX);
    for (size_t i = 0; i < recorded->count; i++) {
        fuzz_sensor(&recorded->sensors[i]);
        rows += recorded->sensors[i].count;
    }
    fuzz_require(rows <= recorded->rows);
    jb_recorded_free(recorded);
    return 0;
}
