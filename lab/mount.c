/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE face of the lab, on libfuse's low-level interface.
 *
 * Why low-level and an own loop: a slow read must not hold up the others (that
 * is one of the things to be tested), so a delayed reply is put aside and sent
 * when its time has come, by the one thread there is.  Why one thread: pinned
 * to the reader's processor it answers in a third of the time.
 *
 * Nothing that can change is cached by the kernel: direct_io on files, zero
 * timeouts on names and attributes, so that modes, faults and unplugged zones
 * show at once.
 */
#include "face.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOUNT_MAX_DELAYED = 256,
    MOUNT_IDLE_FLUSH_MS = 20,
    MOUNT_SYSFS_SIZE = 4096, /* what stat says of a sysfs file */
};

/* A descriptor's own copy of what it read last: reads behind offset 0 go on in
 * it, a read at 0 makes a new one, as sysfs does. */
struct mount_handle {
    struct mount_handle *previous, *next; /* of the mount's list */
    struct jb_lab_answer answer;
    struct jb_lab_text page; /* status and cpuinfo, which are longer */
    bool is_page;
};

/* A reply that is put aside until due_ns. */
struct mount_delayed {
    fuse_req_t request; /* NULL: free */
    struct jb_lab_mount *mount;
    struct mount_handle *handle;
    unsigned node;
    size_t size;
    off_t offset;
    uint64_t due_ns;
    bool interrupted; /* the reader was killed or got a signal */
};

struct jb_lab_mount {
    struct jb_lab_state *state; /* borrowed */
    struct fuse_session *session;
    struct fuse_buf buffer; /* libfuse's, freed with free() */
    struct mount_delayed delayed[MOUNT_MAX_DELAYED];
    unsigned delayed_count;
    struct mount_handle *handles; /* descriptors that are still open */
};

/* How long the kernel may keep a name and its attributes: not at all, but for
 * the directories above the zones, which nothing can change (half the cost of
 * opening a file by its path). */
static double mount_timeout_s(const struct jb_lab_node *node)
{
    return node->role == JB_LAB_DIR && node->zone < 0 && node->device < 0
               ? 3600.0
               : 0.0;
}

static struct jb_lab_mount *mount_of(fuse_req_t request)
{
    return fuse_req_userdata(request);
}

/* The node of an inode number the kernel names, NULL when it is hidden. */
static struct jb_lab_node *mount_node(struct jb_lab_mount *mount,
                                      fuse_ino_t ino)
{
    if (ino == 0 || ino > mount->state->tree.node_count ||
        !jb_lab_state_is_visible(mount->state, (unsigned)(ino - 1)))
        return NULL;
    return &mount->state->tree.nodes[ino - 1];
}

static void mount_fill_attributes(const struct jb_lab_node *node,
                                  fuse_ino_t ino, struct stat *info)
{
    *info = (struct stat){
        .st_ino = ino,
        .st_uid = geteuid(),
        .st_gid = getegid(),
        .st_nlink = 1,
        .st_size = MOUNT_SYSFS_SIZE,
        .st_mode = S_IFREG | node->mode,
    };
    if (node->role == JB_LAB_DIR) {
        info->st_mode = S_IFDIR | node->mode;
        info->st_nlink = 2;
        info->st_size = 0;
    } else if (node->role == JB_LAB_LINK) {
        info->st_mode = S_IFLNK | 0777;
        info->st_size = (off_t)strlen(node->link);
    }
}

static void mount_lookup(fuse_req_t request, fuse_ino_t parent,
                         const char *name)
{
    struct jb_lab_mount *mount = mount_of(request);
    struct fuse_entry_param entry = { 0 };
    const struct jb_lab_node *node;
    int child;

    if (!mount_node(mount, parent)) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    child = jb_lab_tree_child(&mount->state->tree, (int)(parent - 1), name);
    node = child >= 0 ? mount_node(mount, (fuse_ino_t)child + 1) : NULL;
    if (!node) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    entry.ino = (fuse_ino_t)child + 1;
    entry.generation = 1;
    entry.attr_timeout = mount_timeout_s(node);
    entry.entry_timeout = mount_timeout_s(node);
    mount_fill_attributes(node, entry.ino, &entry.attr);
    fuse_reply_entry(request, &entry);
}

static void mount_getattr(fuse_req_t request, fuse_ino_t ino,
                          struct fuse_file_info *file)
{
    const struct jb_lab_node *node = mount_node(mount_of(request), ino);
    struct stat info;

    (void)file;
    if (!node) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    mount_fill_attributes(node, ino, &info);
    fuse_reply_attr(request, &info, mount_timeout_s(node));
}

/* Only what `echo ... > control` asks for: a truncation, which is nothing. */
static void mount_setattr(fuse_req_t request, fuse_ino_t ino,
                          struct stat *wanted, int to_set,
                          struct fuse_file_info *file)
{
    const struct jb_lab_node *node = mount_node(mount_of(request), ino);
    struct stat info;

    (void)wanted;
    (void)file;
    if (!node || node->role != JB_LAB_CONTROL ||
        (to_set & ~(FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_MTIME |
                    FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_CTIME))) {
        fuse_reply_err(request, node ? EPERM : ENOENT);
        return;
    }
    mount_fill_attributes(node, ino, &info);
    fuse_reply_attr(request, &info, mount_timeout_s(node));
}

static void mount_readlink(fuse_req_t request, fuse_ino_t ino)
{
    const struct jb_lab_node *node = mount_node(mount_of(request), ino);

    if (node && node->role == JB_LAB_LINK)
        fuse_reply_readlink(request, node->link);
    else
        fuse_reply_err(request, node ? EINVAL : ENOENT);
}

/* Adds one entry; false when the reply is full. */
static bool mount_add_entry(fuse_req_t request, struct jb_lab_text *list,
                            size_t size, const struct jb_lab_node *node,
                            off_t next)
{
    struct stat info = { .st_ino = 1, .st_mode = S_IFDIR };
    const char *name = next == 1 ? "." : "..";
    char entry[512];
    size_t len;

    if (node) {
        mount_fill_attributes(node, 1, &info);
        name = node->name;
    }
    len = fuse_add_direntry(request, entry, sizeof(entry), name, &info, next);
    if (len > sizeof(entry) || list->len + len > size)
        return false;
    jb_lab_text_add_bytes(list, entry, len);
    return true;
}

/* Offsets count all children, hidden ones too, so that unplugging between two
 * calls neither repeats nor drops a name. */
static void mount_readdir(fuse_req_t request, fuse_ino_t ino, size_t size,
                          off_t offset, struct fuse_file_info *file)
{
    struct jb_lab_mount *mount = mount_of(request);
    const struct jb_lab_node *dir = mount_node(mount, ino);
    struct jb_lab_text list = { 0 };
    off_t at = 0;
    bool room = true;

    (void)file;
    if (!dir || dir->role != JB_LAB_DIR) {
        fuse_reply_err(request, dir ? ENOTDIR : ENOENT);
        return;
    }
    for (; at < 2 && room; at++)
        if (at >= offset)
            room = mount_add_entry(request, &list, size, NULL, at + 1);
    for (int child = dir->first_child; child >= 0 && room; at++) {
        const struct jb_lab_node *node =
            mount_node(mount, (fuse_ino_t)child + 1);

        if (node && at >= offset)
            room = mount_add_entry(request, &list, size, node, at + 1);
        child = mount->state->tree.nodes[child].next;
    }
    fuse_reply_buf(request, list.bytes, list.len);
    jb_lab_text_release(&list);
}

static void mount_link_handle(struct jb_lab_mount *mount,
                              struct mount_handle *handle)
{
    handle->next = mount->handles;
    if (handle->next)
        handle->next->previous = handle;
    mount->handles = handle;
}

static void mount_free_handle(struct jb_lab_mount *mount,
                              struct mount_handle *handle)
{
    if (handle->previous)
        handle->previous->next = handle->next;
    else
        mount->handles = handle->next;
    if (handle->next)
        handle->next->previous = handle->previous;
    jb_lab_text_release(&handle->page);
    free(handle);
}

static void mount_open_file(fuse_req_t request, fuse_ino_t ino,
                            struct fuse_file_info *file)
{
    struct jb_lab_mount *mount = mount_of(request);
    const struct jb_lab_node *node = mount_node(mount, ino);
    struct mount_handle *handle;

    if (!node) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    if ((file->flags & O_ACCMODE) != O_RDONLY && node->role != JB_LAB_CONTROL) {
        fuse_reply_err(request, EACCES);
        return;
    }
    handle = calloc(1, sizeof(*handle));
    if (!handle) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    mount_link_handle(mount, handle);
    file->fh = (uint64_t)(uintptr_t)handle;
    file->direct_io = 1;
    if (fuse_reply_open(request, file) < 0)
        mount_free_handle(mount, handle); /* interrupted: no release comes */
}

static struct mount_handle *mount_handle_of(const struct fuse_file_info *file)
{
    return (struct mount_handle *)(uintptr_t)file->fh;
}

static void mount_release(fuse_req_t request, fuse_ino_t ino,
                          struct fuse_file_info *file)
{
    (void)ino;
    mount_free_handle(mount_of(request), mount_handle_of(file));
    fuse_reply_err(request, 0);
}

static void mount_reply_part(fuse_req_t request,
                             const struct mount_handle *handle, size_t size,
                             off_t offset)
{
    const char *bytes = handle->answer.bytes;
    size_t len = handle->answer.len;

    if (handle->is_page) {
        bytes = handle->page.bytes;
        len = handle->page.len;
    }
    if (offset < 0 || (size_t)offset >= len) {
        fuse_reply_buf(request, NULL, 0);
        return;
    }
    len -= (size_t)offset;
    fuse_reply_buf(request, bytes + offset, len < size ? len : size);
}

/* A register is read anew each time, its number being the offset. */
static void mount_reply_register(struct jb_lab_mount *mount,
                                 const struct mount_delayed *what)
{
    struct jb_lab_answer answer;

    jb_lab_state_rdmsr(mount->state, what->node, (uint64_t)what->offset,
                       what->size, jb_lab_now_ns(), &answer);
    if (answer.error != 0)
        fuse_reply_err(what->request, answer.error);
    else
        fuse_reply_buf(what->request, answer.bytes,
                       answer.len < what->size ? answer.len : what->size);
}

/* A read at offset 0: the value as it is now. */
static void mount_reply_fresh(struct jb_lab_mount *mount,
                              const struct mount_delayed *what)
{
    uint64_t now_ns = jb_lab_now_ns();
    struct mount_handle *handle = what->handle;
    enum jb_lab_role role = mount->state->tree.nodes[what->node].role;

    if (role == JB_LAB_MSR) {
        mount_reply_register(mount, what);
        return;
    }
    if (role == JB_LAB_CPUINFO) {
        handle->is_page = true;
        jb_lab_text_clear(&handle->page);
        jb_lab_tree_cpuinfo(&mount->state->world.layout, &handle->page);
    } else if (role == JB_LAB_STATUS) {
        handle->is_page = true;
        jb_lab_text_clear(&handle->page);
        jb_lab_journal_flush(&mount->state->journal, now_ns);
        jb_lab_state_status(mount->state, now_ns, &handle->page);
    } else if (role == JB_LAB_CONTROL) {
        handle->answer.len = 0;
    } else {
        jb_lab_state_read(mount->state, what->node, now_ns, &handle->answer);
        if (handle->answer.error != 0) {
            fuse_reply_err(what->request, handle->answer.error);
            return;
        }
    }
    mount_reply_part(what->request, handle, what->size, 0);
}

/* Only notes it: the reply is sent from the loop, where no lock of libfuse is
 * held. */
static void mount_interrupted(fuse_req_t request, void *data)
{
    struct mount_delayed *delayed = data;

    (void)request;
    delayed->interrupted = true;
}

static bool mount_put_aside(struct jb_lab_mount *mount,
                            const struct mount_delayed *what)
{
    for (unsigned i = 0; i < MOUNT_MAX_DELAYED; i++) {
        struct mount_delayed *slot = &mount->delayed[i];

        if (slot->request)
            continue;
        *slot = *what;
        mount->delayed_count++;
        fuse_req_interrupt_func(slot->request, mount_interrupted, slot);
        return true;
    }
    return false;
}

static void mount_read(fuse_req_t request, fuse_ino_t ino, size_t size,
                       off_t offset, struct fuse_file_info *file)
{
    struct jb_lab_mount *mount = mount_of(request);
    struct mount_handle *handle = mount_handle_of(file);
    const struct jb_lab_node *node = &mount->state->tree.nodes[ino - 1];
    struct mount_delayed what = { .request = request,
                                  .mount = mount,
                                  .handle = handle,
                                  .node = (unsigned)(ino - 1),
                                  .size = size,
                                  .offset = offset };

    if (offset > 0 && node->role != JB_LAB_MSR) {
        mount_reply_part(request, handle, size, offset);
        return;
    }
    if (node->fault.delay_ns == 0) {
        mount_reply_fresh(mount, &what);
        return;
    }
    what.due_ns = jb_lab_now_ns() + node->fault.delay_ns;
    if (!mount_put_aside(mount, &what))
        fuse_reply_err(request, EBUSY);
}

static void mount_write(fuse_req_t request, fuse_ino_t ino, const char *bytes,
                        size_t size, off_t offset, struct fuse_file_info *file)
{
    struct jb_lab_mount *mount = mount_of(request);

    (void)ino;
    (void)file;
    (void)offset; /* each write is commands of its own */
    if (jb_lab_state_obey(mount->state, bytes, size, jb_lab_now_ns(), NULL) < 0)
        fuse_reply_err(request, EINVAL);
    else
        fuse_reply_write(request, size);
}

static const struct fuse_lowlevel_ops mount_operations = {
    .lookup = mount_lookup,
    .getattr = mount_getattr,
    .setattr = mount_setattr,
    .readlink = mount_readlink,
    .readdir = mount_readdir,
    .open = mount_open_file,
    .release = mount_release,
    .read = mount_read,
    .write = mount_write,
};

/* libfuse would print; what matters comes back as an error object. */
static void mount_swallow_log(enum fuse_log_level level, const char *fmt,
                              va_list ap)
{
    (void)level;
    (void)fmt;
    (void)ap;
}

/* Says beforehand what libfuse would only print. */
static int mount_check_device(struct jb_error *err)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    int rc;

    if (fd >= 0) {
        close(fd);
        return JB_OK;
    }
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        rc = jb_fail(err, JB_EABSENT, "lab: there is no /dev/fuse here");
    else
        rc = jb_fail(err, JB_EDENIED, "lab: /dev/fuse: %s", strerror(errno));
    jb_error_set_fix(err,
                     rc == JB_EABSENT
                         ? "run modprobe fuse (a container: start it with "
                           "--device /dev/fuse), or use plain files"
                         : "be root (a container: --device /dev/fuse --cap-add "
                           "SYS_ADMIN), or use plain files");
    return rc;
}

static int mount_start_session(struct jb_lab_mount *mount,
                               const char *directory, struct jb_error *err)
{
    /* allow_other, for tests as another user, is root's to give. */
    const char *options =
        geteuid() == 0 ? "-oallow_other,default_permissions,fsname=joulebook,"
                         "subtype=lab"
                       : "-odefault_permissions,fsname=joulebook,subtype=lab";
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    int error;

    fuse_set_log_func(mount_swallow_log);
    if (fuse_opt_add_arg(&args, "lab") == 0 &&
        fuse_opt_add_arg(&args, options) == 0)
        mount->session = fuse_session_new(&args, &mount_operations,
                                          sizeof(mount_operations), mount);
    fuse_opt_free_args(&args);
    if (!mount->session)
        return jb_fail(err, JB_ENOMEM, "lab: no FUSE session");
    errno = 0;
    if (fuse_session_mount(mount->session, directory) == 0)
        return JB_OK;
    error = errno;
    return jb_fail(err, error == EPERM || error == EACCES ? JB_EDENIED : JB_EIO,
                   "lab: cannot mount on %s: %s", directory,
                   error ? strerror(error) : "refused by libfuse");
}

int jb_lab_mount_open(const char *directory, struct jb_lab_state *state,
                      struct jb_lab_mount **out, struct jb_error *err)
{
    struct jb_lab_mount *mount;
    int rc = mount_check_device(err);

    if (rc < 0)
        return rc;
    mount = calloc(1, sizeof(*mount));
    if (!mount)
        return jb_fail(err, JB_ENOMEM, "lab: out of memory");
    mount->state = state;
    rc = mount_start_session(mount, directory, err);
    if (rc < 0) {
        jb_lab_mount_abandon(mount);
        return rc;
    }
    *out = mount;
    return JB_OK;
}

static void mount_finish_delayed(struct jb_lab_mount *mount,
                                 struct mount_delayed *slot, int error)
{
    const struct mount_delayed done = *slot;

    fuse_req_interrupt_func(done.request, NULL, NULL);
    slot->request = NULL;
    mount->delayed_count--;
    if (error)
        fuse_reply_err(done.request, error);
    else
        mount_reply_fresh(mount, &done);
}

/* Sends the replies whose time has come; returns when the next one's will
 * (UINT64_MAX: there is none). */
static uint64_t mount_send_due(struct jb_lab_mount *mount)
{
    uint64_t next_ns = UINT64_MAX;
    uint64_t now_ns;

    if (mount->delayed_count == 0)
        return next_ns;
    now_ns = jb_lab_now_ns();
    for (unsigned i = 0; i < MOUNT_MAX_DELAYED; i++) {
        struct mount_delayed *slot = &mount->delayed[i];

        if (!slot->request)
            continue;
        if (slot->interrupted)
            mount_finish_delayed(mount, slot, EINTR);
        else if (slot->due_ns <= now_ns)
            mount_finish_delayed(mount, slot, 0);
        else if (slot->due_ns < next_ns)
            next_ns = slot->due_ns;
    }
    return next_ns;
}

/* Waits for a request, a signal, or the next thing that is due. */
static int mount_wait(struct jb_lab_mount *mount, struct pollfd *fds,
                      uint64_t next_ns)
{
    struct timespec wait = { 0 };
    const struct timespec *limit = NULL;
    uint64_t now_ns = jb_lab_now_ns();

    jb_lab_journal_tick(&mount->state->journal, now_ns);
    if (jb_lab_journal_pending(&mount->state->journal)) {
        wait.tv_nsec = MOUNT_IDLE_FLUSH_MS * 1000000L;
        limit = &wait;
    }
    if (next_ns != UINT64_MAX) {
        uint64_t left = next_ns > now_ns ? next_ns - now_ns : 0;

        if (!limit || left < (uint64_t)wait.tv_nsec) {
            wait.tv_sec = (time_t)(left / 1000000000);
            wait.tv_nsec = (long)(left % 1000000000);
        }
        limit = &wait;
    }
    return ppoll(fds, 2, limit, NULL);
}

/* One request; false when the mount is gone. */
static bool mount_take_request(struct jb_lab_mount *mount)
{
    int got = fuse_session_receive_buf(mount->session, &mount->buffer);

    if (got == -EINTR || got == -EAGAIN)
        return true;
    if (got <= 0)
        return false;
    fuse_session_process_buf(mount->session, &mount->buffer);
    return !fuse_session_exited(mount->session);
}

int jb_lab_mount_serve(struct jb_lab_mount *mount, int signal_fd,
                       struct jb_error *err)
{
    struct pollfd fds[2] = {
        { .fd = fuse_session_fd(mount->session), .events = POLLIN },
        { .fd = signal_fd, .events = POLLIN },
    };

    for (;;) {
        int ready = mount_wait(mount, fds, mount_send_due(mount));

        if (ready < 0 && errno != EINTR)
            return jb_fail(err, JB_EIO, "lab: poll: %s", strerror(errno));
        if (ready == 0)
            jb_lab_journal_flush(&mount->state->journal, jb_lab_now_ns());
        if (ready <= 0)
            continue;
        if (fds[1].revents)
            return JB_OK;
        if (fds[0].revents && !mount_take_request(mount))
            return JB_OK; /* someone unmounted it */
    }
}

static void mount_free(struct jb_lab_mount *mount)
{
    if (mount->session)
        fuse_session_destroy(mount->session);
    free(mount->buffer.mem);
    free(mount);
}

void jb_lab_mount_abandon(struct jb_lab_mount *mount)
{
    if (mount)
        mount_free(mount);
}

void jb_lab_mount_close(struct jb_lab_mount *mount)
{
    if (!mount)
        return;
    for (unsigned i = 0; i < MOUNT_MAX_DELAYED; i++)
        if (mount->delayed[i].request)
            mount_finish_delayed(mount, &mount->delayed[i], ENODEV);
    fuse_session_unmount(mount->session);
    /* Descriptors that outlive the mount are never released. */
    while (mount->handles)
        mount_free_handle(mount, mount->handles);
    mount_free(mount);
}
