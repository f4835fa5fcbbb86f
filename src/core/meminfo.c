/* SPDX-License-Identifier: Apache-2.0 */
#include "meminfo.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"

static bool meminfo_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* "       16384 kB", which is what follows a key. */
static bool meminfo_kib(const char *text, size_t length, uint64_t *out)
{
    size_t digits;

    length = jb_text_trimmed(text, length);
    while (length > 0 && meminfo_is_blank(*text)) {
        text++;
        length--;
    }
    if (length < 3 || memcmp(text + length - 2, "kB", 2) != 0)
        return false;
    digits = length - 2;
    while (digits > 0 && meminfo_is_blank(text[digits - 1]))
        digits--;
    return digits < length - 2 && jb_text_u64(text, digits, out);
}

/* What follows the key on this line, or NULL for another line. */
static const char *meminfo_after(const char *line, size_t length,
                                 const char *key)
{
    size_t skipped = strlen(key);

    return length >= skipped && memcmp(line, key, skipped) == 0 ? line + skipped
                                                                : NULL;
}

enum meminfo_field {
    MEMINFO_TOTAL,
    MEMINFO_AVAILABLE,
    MEMINFO_FREE,
    MEMINFO_BUFFERS,
    MEMINFO_CACHED,
    MEMINFO_FIELDS,
};

static const char *const meminfo_keys[MEMINFO_FIELDS] = {
    "MemTotal:", "MemAvailable:", "MemFree:", "Buffers:", "Cached:",
};

struct meminfo_lines {
    uint64_t kib[MEMINFO_FIELDS];
    bool has[MEMINFO_FIELDS];
};

/* False when the line spoils all of it; without one of the last three the rest
 * is good enough. */
static bool meminfo_line(const char *line, size_t length,
                         struct meminfo_lines *lines)
{
    for (int f = 0; f < MEMINFO_FIELDS; f++) {
        const char *rest = meminfo_after(line, length, meminfo_keys[f]);

        if (!rest)
            continue;
        lines->has[f] =
            meminfo_kib(rest, length - (size_t)(rest - line), &lines->kib[f]);
        return lines->has[f] || f > MEMINFO_AVAILABLE;
    }
    return true;
}

static int meminfo_sum_up(const struct meminfo_lines *lines,
                          struct jb_meminfo *out)
{
    struct jb_meminfo memory = {
        .total_kib = lines->kib[MEMINFO_TOTAL],
        .available_kib = lines->kib[MEMINFO_AVAILABLE],
        .free_kib = lines->kib[MEMINFO_FREE],
        .has_available = lines->has[MEMINFO_AVAILABLE],
        .has_free = lines->has[MEMINFO_FREE],
    };

    if (!lines->has[MEMINFO_TOTAL])
        return JB_EFORMAT;
    if (memory.available_kib > memory.total_kib)
        return JB_EIMPLAUSIBLE;
    memory.has_cached =
        lines->has[MEMINFO_BUFFERS] && lines->has[MEMINFO_CACHED] &&
        !__builtin_add_overflow(lines->kib[MEMINFO_BUFFERS],
                                lines->kib[MEMINFO_CACHED], &memory.cached_kib);
    *out = memory;
    return JB_OK;
}

int jb_meminfo_parse(const char *text, size_t length, struct jb_meminfo *out)
{
    struct meminfo_lines lines = { 0 };

    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline ? (size_t)(newline - text) : length;

        if (!meminfo_line(text, line, &lines))
            return JB_EFORMAT;
        text += line + (newline != NULL);
        length -= line + (newline != NULL);
    }
    return meminfo_sum_up(&lines, out);
}

int jb_meminfo_read(const char *procfs, struct jb_meminfo *out,
                    struct jb_error *err)
{
    char path[JB_PATH_MAX];
    char text[JB_MEMINFO_BYTES];
    size_t length = 0;
    int rc = jb_path(path, err, "%s/meminfo", procfs);

    if (rc == JB_OK)
        rc = jb_file_read(path, text, sizeof(text), &length, err);
    if (rc < 0)
        return rc;
    rc = jb_meminfo_parse(text, length, out);
    if (rc == JB_EFORMAT)
        return jb_fail(err, rc, "%s has no MemTotal in kB", path);
    if (rc < 0)
        return jb_fail(err, rc, "%s: more memory is available than there is",
                       path);
    return JB_OK;
}
