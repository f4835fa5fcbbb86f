/* SPDX-License-Identifier: Apache-2.0 */
#include "cpuinfo.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

/* One processor's paragraph is 1.5 to 3 KB; the file has one per CPU. */
enum { CPUINFO_BYTES = 8192 };

/* The first value counts, and only a whole one. */
static void cpuinfo_copy(char *field, size_t capacity, const char *value,
                         size_t length)
{
    length = strnlen(value, length);
    if (field[0] == '\0' && length < capacity)
        memcpy(field, value, length);
}

/* A value goes to its key's field; the key is blank-padded in the file. */
static void cpuinfo_take(struct jb_cpuinfo *info, const char *key,
                         const char *value, size_t length)
{
    uint64_t number = 0;
    bool is_number =
        jb_text_u64(value, length, &number) && number <= UINT32_MAX;

    if (strcmp(key, "vendor_id") == 0)
        cpuinfo_copy(info->vendor, sizeof(info->vendor), value, length);
    else if (strcmp(key, "model name") == 0)
        cpuinfo_copy(info->model_name, sizeof(info->model_name), value, length);
    else if (strcmp(key, "cpu family") == 0 && is_number)
        info->family = (uint32_t)number;
    else if (strcmp(key, "model") == 0 && is_number)
        info->model = (uint32_t)number;
    else if (strcmp(key, "stepping") == 0 && is_number)
        info->stepping = (uint32_t)number;
    else if (strcmp(key, "flags") == 0)
        info->hypervisor = memmem(value, length, " hypervisor", 11) != NULL;
}

static void cpuinfo_line(struct jb_cpuinfo *info, const char *line,
                         size_t length)
{
    const char *colon = memchr(line, ':', length);
    char key[32];
    size_t left;

    if (!colon)
        return;
    left = jb_text_trimmed(line, (size_t)(colon - line));
    if (left >= sizeof(key))
        return;
    memcpy(key, line, left);
    key[left] = '\0';
    colon++;
    length = jb_text_trimmed(colon, length - (size_t)(colon - line));
    if (length > 0 && *colon == ' ') {
        colon++;
        length--;
    }
    cpuinfo_take(info, key, colon, length);
}

void jb_cpuinfo_parse(const char *text, size_t length, struct jb_cpuinfo *out)
{
    *out = (struct jb_cpuinfo){ 0 };
    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        size_t line = end ? (size_t)(end - text) : length;

        if (line == 0 && out->vendor[0])
            return;
        cpuinfo_line(out, text, line);
        text += line + (end != NULL);
        length -= line + (end != NULL);
    }
}

int jb_cpuinfo_read(const char *procfs, struct jb_cpuinfo *out,
                    struct jb_error *err)
{
    JB_AUTO_CLOSE int fd = -1;
    char path[JB_PATH_MAX];
    char text[CPUINFO_BYTES];
    ssize_t got;
    int rc = jb_path(path, err, "%s/cpuinfo", procfs);

    if (rc == JB_OK)
        rc = jb_file_open(path, &fd, err);
    if (rc < 0)
        return rc;
    got = pread(fd, text, sizeof(text), 0);
    if (got < 0)
        return jb_fail_errno(err, errno, "reading %s", path);
    jb_cpuinfo_parse(text, (size_t)got, out);
    return JB_OK;
}

bool jb_cpuinfo_is_amd(const struct jb_cpuinfo *info)
{
    return strcmp(info->vendor, "AuthenticAMD") == 0 ||
           strcmp(info->vendor, "HygonGenuine") == 0;
}

bool jb_cpuinfo_has_rapl(const struct jb_cpuinfo *info)
{
    return strcmp(info->vendor, "GenuineIntel") == 0 || jb_cpuinfo_is_amd(info);
}
