/* SPDX-License-Identifier: Apache-2.0 */
#include "meter.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/file.h"

enum { METER_PARANOID_MAX = 16 };

/* A container's seccomp filter and a kernel that is set to be careful give the
 * same error; the setting tells them apart. */
static int meter_deny(const struct jb_env *env, const char *label, int errnum,
                      struct jb_error *err)
{
    char path[JB_PATH_MAX];
    char paranoid[METER_PARANOID_MAX];
    bool setting;

    if (jb_path(path, NULL, "%s/sys/kernel/perf_event_paranoid",
                env->roots->procfs) ||
        jb_file_read(path, paranoid, sizeof(paranoid), NULL, NULL))
        strcpy(paranoid, "unknown");
    setting =
        geteuid() != 0 && paranoid[0] != '-' && strcmp(paranoid, "0") != 0;
    if (!setting)
        return jb_fail(err, JB_EDENIED,
                       "perf_event_open of %s: %s; a container needs "
                       "CAP_PERFMON and a seccomp profile that allows the call",
                       label, strerrordesc_np(errnum));
    jb_fail(err, JB_EDENIED,
            "perf_event_open of %s: %s; kernel.perf_event_paranoid is %s, "
            "events of a whole CPU need 0 or CAP_PERFMON",
            label, strerrordesc_np(errnum), paranoid);
    jb_error_set_fix(err, "sudo sysctl kernel.perf_event_paranoid=0");
    return JB_EDENIED;
}

static int meter_explain(const struct jb_env *env, const char *label,
                         int errnum, struct jb_error *err)
{
    int rc;

    if (errnum == EACCES || errnum == EPERM)
        return meter_deny(env, label, errnum, err);
    if (errnum == EMFILE || errnum == ENFILE) {
        rc = jb_fail(err, JB_ELIMIT,
                     "perf_event_open of %s: too many open files", label);
        jb_error_set_fix(err, "ulimit -n 65536");
        return rc;
    }
    if (errnum == ENOSYS)
        return jb_fail(err, JB_EABSENT,
                       "this kernel was built without CONFIG_PERF_EVENTS");
    return jb_fail_errno(err, errnum, "perf_event_open of %s", label);
}

int jb_perf_meter_open(const struct jb_env *env, const char *label,
                       struct jb_perf_meter *meter, struct jb_error *err)
{
    struct perf_event_attr attr = {
        .type = meter->type,
        .size = sizeof(attr),
        .config = meter->config.word[0],
        .config1 = meter->config.word[1],
        .config2 = meter->config.word[2],
        .read_format = meter->is_leader ? PERF_FORMAT_GROUP : 0,
    };
    long fd = syscall(SYS_perf_event_open, &attr, -1, (int)meter->cpu,
                      meter->leader_fd, PERF_FLAG_FD_CLOEXEC);

    if (fd < 0)
        return meter_explain(env, label, errno, err);
    meter->fd = (int)fd;
    return JB_OK;
}

/* Exactly size bytes: anything else is no answer. */
static int meter_read(int fd, void *out, size_t size)
{
    ssize_t got;

    do {
        got = read(fd, out, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return jb_fail_errno(NULL, errno, "read");
    if (got == 0)
        return JB_EABSENT;
    return got == (ssize_t)size ? JB_OK : JB_EFORMAT;
}

int jb_perf_meter_read(const struct jb_perf_meter *meter, uint64_t *raw)
{
    uint64_t value;
    int rc = meter_read(meter->fd, &value, sizeof(value));

    if (rc == JB_OK)
        *raw = value;
    return rc;
}

/* PERF_FORMAT_GROUP without more: the number of members, then their counts
 * (perf_event_open(2), "Reading results"). */
int jb_perf_meter_read_group(const struct jb_perf_meter *leader, uint64_t *raw,
                             size_t count)
{
    uint64_t values[1 + JB_PERF_GROUP_MAX];
    int rc;

    if (count > JB_PERF_GROUP_MAX)
        return JB_EUSAGE;
    rc = meter_read(leader->fd, values, (1 + count) * sizeof(values[0]));
    if (rc == JB_OK && values[0] != count)
        rc = JB_EFORMAT;
    if (rc == JB_OK)
        memcpy(raw, values + 1, count * sizeof(values[0]));
    return rc;
}

void jb_perf_meter_close(struct jb_perf_meter *meter)
{
    if (meter->fd >= 0)
        close(meter->fd);
    meter->fd = -1;
}
