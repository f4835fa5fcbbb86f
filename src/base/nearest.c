/* SPDX-License-Identifier: Apache-2.0 */
#include "nearest.h"

#include <string.h>

enum { NEAREST_EDITS_MAX = 3, NEAREST_NAME_MAX = 64 };

static size_t nearest_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, a row at a time. */
static size_t nearest_distance(const char *from, const char *to)
{
    size_t row[NEAREST_NAME_MAX + 1];
    size_t width = strlen(to);

    if (width > NEAREST_NAME_MAX || strlen(from) > NEAREST_NAME_MAX)
        return NEAREST_NAME_MAX;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; from[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t replaced = diagonal + (from[i - 1] != to[j - 1]);

            diagonal = row[j];
            row[j] = nearest_min(replaced, nearest_min(row[j], row[j - 1]) + 1);
        }
    }
    return row[width];
}

void jb_nearest_offer(struct jb_nearest *nearest, const char *candidate)
{
    size_t most =
        nearest_min(NEAREST_EDITS_MAX, (strlen(nearest->wanted) + 1) / 2);
    size_t edits = nearest_distance(nearest->wanted, candidate);

    if (edits > most || (nearest->name && edits >= nearest->edits))
        return;
    nearest->name = candidate;
    nearest->edits = edits;
}
