/* SPDX-License-Identifier: Apache-2.0 */
#include "loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "joulebook/plugin/module.h"

/* tasks.bpf.o, by object.S. */
extern const unsigned char jb_bpf_object[];
extern const unsigned char jb_bpf_object_end[];

static const char *const loader_programs[] = {
    [JB_BPF_FD_WALK] = "jb_walk",
    [JB_BPF_FD_FREED] = "jb_freed",
    [JB_BPF_FD_MADE] = "jb_made",
};

static int loader_quiet(enum libbpf_print_level level, const char *format,
                        va_list arguments)
{
    (void)level;
    (void)format;
    (void)arguments;
    return 0;
}

/* Nobody may read the kernel's memory then, root neither. */
static bool loader_locked_down(void)
{
    char text[64] = "";
    int fd = open("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    return got > 0 && strstr(text, "[confidentiality]");
}

static int loader_fail(int errnum, const char *what, struct jb_error *err)
{
    if (errnum < 0)
        errnum = -errnum;
    if (errnum == EPERM && loader_locked_down()) {
        jb_fail(err, JB_EDENIED,
                "BPF: %s: this kernel is locked down (confidentiality)", what);
        jb_error_set_fix(err, "boot with lockdown=integrity, or use --usage "
                              "taskstats");
        return JB_EDENIED;
    }
    if (errnum == EPERM || errnum == EACCES) {
        return jb_fail(err, JB_EDENIED,
                       "BPF: %s: it needs root or CAP_BPF, CAP_PERFMON and "
                       "CAP_SYS_RESOURCE",
                       what);
    }
    jb_fail_errno(err, errnum, "BPF: %s", what);
    jb_error_set_fix(err, "use Linux 5.12 or newer, or --usage taskstats");
    return JB_EIO;
}

static int loader_prepare(struct bpf_object *object,
                          const struct jb_bpf_setup *setup,
                          struct jb_error *err)
{
    struct bpf_map *events = bpf_object__find_map_by_name(object, "events");
    struct bpf_map *rodata = bpf_object__find_map_by_name(object, ".rodata");
    int rc = events && rodata ? 0 : -ENOENT;

    if (rc == 0)
        rc = bpf_map__set_max_entries(events, setup->ring_bytes);
    if (rc == 0)
        rc = bpf_map__set_initial_value(rodata, &setup->config,
                                        sizeof(setup->config));
    return rc < 0 ? loader_fail(rc, "setting up", err) : JB_OK;
}

/* Descriptors of the object end with it: ours are copies. */
static int loader_copy(int fd, int *out, struct jb_error *err)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy < 0)
        return loader_fail(errno, "keeping it", err);
    *out = copy;
    return JB_OK;
}

static int loader_attach(struct bpf_object *object, enum jb_bpf_fd which,
                         int *out, struct jb_error *err)
{
    struct bpf_program *program =
        bpf_object__find_program_by_name(object, loader_programs[which]);
    struct bpf_link *link;
    int rc;

    if (!program)
        return loader_fail(ENOENT, loader_programs[which], err);
    link = bpf_program__attach(program);
    if (!link)
        return loader_fail(errno, "attaching", err);
    rc = loader_copy(bpf_link__fd(link), out, err);
    bpf_link__destroy(link);
    return rc;
}

static int loader_map(struct bpf_object *object, const char *name, int *out,
                      struct jb_error *err)
{
    int fd = bpf_object__find_map_fd_by_name(object, name);

    return fd < 0 ? loader_fail(fd, name, err) : loader_copy(fd, out, err);
}

static int loader_take(struct bpf_object *object, int fds[JB_BPF_FDS],
                       struct jb_error *err)
{
    int rc = bpf_object__load(object);

    if (rc < 0)
        return loader_fail(rc, "loading", err);
    rc = loader_map(object, "events", &fds[JB_BPF_FD_EVENTS], err);
    if (rc == JB_OK)
        rc = loader_map(object, "state", &fds[JB_BPF_FD_STATE], err);
    for (int i = JB_BPF_FD_WALK; rc == JB_OK && i <= JB_BPF_FD_MADE; i++)
        rc = loader_attach(object, (enum jb_bpf_fd)i, &fds[i], err);
    return rc;
}

static int loader_load(const struct jb_bpf_setup *setup, int out[JB_BPF_FDS],
                       struct jb_error *err)
{
    struct bpf_object *object;
    int fds[JB_BPF_FDS];
    int rc;

    libbpf_set_print(loader_quiet);
    if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
        jb_fail(err, JB_EABSENT,
                "BPF: this kernel does not describe its types (no "
                "/sys/kernel/btf/vmlinux)");
        jb_error_set_fix(err, "use a kernel with CONFIG_DEBUG_INFO_BTF=y, or "
                              "--usage taskstats");
        return JB_EABSENT;
    }
    object = bpf_object__open_mem(
        jb_bpf_object, (size_t)(jb_bpf_object_end - jb_bpf_object), NULL);
    if (!object)
        return loader_fail(errno, "opening the programs", err);
    for (int i = 0; i < JB_BPF_FDS; i++)
        fds[i] = -1;
    rc = loader_prepare(object, setup, err);
    if (rc == JB_OK)
        rc = loader_take(object, fds, err);
    for (int i = 0; rc < 0 && i < JB_BPF_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    bpf_object__close(object);
    if (rc == JB_OK)
        memcpy(out, fds, sizeof(fds));
    return rc;
}

static const struct jb_bpf_loader loader = { loader_load };

extern const struct jb_module jb_module __attribute__((visibility("default")));

const struct jb_module jb_module = { JB_MODULE_ABI, JB_MODULE_USAGE, "bpf",
                                     &loader };
