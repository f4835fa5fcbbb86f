/* SPDX-License-Identifier: Apache-2.0 */
#include "attribute.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "file.h"

enum { ATTRIBUTE_GUARD_MAX = 128 };

static const uint64_t attribute_retry_ns = JB_NS_PER_S;

int jb_attribute_open(struct jb_attribute *attribute, const char *path,
                      struct jb_error *err)
{
    *attribute = (struct jb_attribute){ .path = strdup(path), .fd = -1 };
    if (!attribute->path)
        return jb_fail(err, JB_ENOMEM, "%s", path);
    return jb_file_open(path, &attribute->fd, err);
}

void jb_attribute_close(struct jb_attribute *attribute)
{
    if (attribute->fd >= 0)
        close(attribute->fd);
    free(attribute->path);
    *attribute = (struct jb_attribute){ .fd = -1 };
}

static bool attribute_is_same(const struct jb_guard *guard)
{
    char text[ATTRIBUTE_GUARD_MAX];

    return !guard || (jb_file_read(guard->path, text, sizeof(text), NULL,
                                   NULL) == JB_OK &&
                      strcmp(text, guard->text) == 0);
}

static int attribute_reopen(struct jb_attribute *attribute,
                            const struct jb_guard *guard, uint64_t now_ns)
{
    int rc;

    if (now_ns < attribute->retry_at_ns || !attribute->path)
        return JB_EABSENT;
    attribute->retry_at_ns = now_ns + attribute_retry_ns;
    if (attribute->fd >= 0)
        close(attribute->fd);
    attribute->fd = -1;
    if (!attribute_is_same(guard))
        return JB_EABSENT;
    rc = jb_file_open(attribute->path, &attribute->fd, NULL);
    if (rc == JB_OK)
        attribute->generation++;
    return rc;
}

int jb_attribute_read_i64(struct jb_attribute *attribute,
                          const struct jb_guard *guard, uint64_t now_ns,
                          int64_t *out)
{
    int rc =
        attribute->fd >= 0 ? jb_file_pread_i64(attribute->fd, out) : JB_EABSENT;

    if (rc == JB_EABSENT) {
        rc = attribute_reopen(attribute, guard, now_ns);
        if (rc == JB_OK)
            rc = jb_file_pread_i64(attribute->fd, out);
    }
    return rc;
}

int jb_attribute_read_u64(struct jb_attribute *attribute,
                          const struct jb_guard *guard, uint64_t now_ns,
                          uint64_t *out)
{
    int rc =
        attribute->fd >= 0 ? jb_file_pread_u64(attribute->fd, out) : JB_EABSENT;

    if (rc == JB_EABSENT) {
        rc = attribute_reopen(attribute, guard, now_ns);
        if (rc == JB_OK)
            rc = jb_file_pread_u64(attribute->fd, out);
    }
    return rc;
}

int jb_attribute_explain(int errnum, const char *shown, struct jb_error *err)
{
    if (errnum == EAGAIN)
        return JB_OK;
    if (errnum == ENODATA)
        return jb_fail(err, JB_EABSENT, "%s: has no value now", shown);
    return jb_fail_errno(err, errnum, "%s", shown);
}
