/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage by /proc and by what the kernel tells of processes that end.
 *
 * Exit records reach us through one socket, forks through another (of all
 * events only these, where the kernel can choose: Linux 6.6).  Nobody waits on
 * them: they queue in the kernel until the turn, in buffers large enough for
 * two seconds of 10,000 ends each.  When a buffer did overflow that is counted,
 * and a listing of /proc says who is still there.
 */
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "lives.h"

enum {
    TASKSTATS_BATCH = 64,
    TASKSTATS_ROOM = 2048, /* a record of a thread and of its process: 1 KiB */
    TASKSTATS_LIST_TURNS = 64,
    TASKSTATS_MASK_MAX = 1024,
    /* A record of 500 bytes is held in 1280, an event in 768. */
    TASKSTATS_BUFFER = 1 << 25,
    TASKSTATS_EVENTS = 2, /* for each end, where forks cannot be chosen */
    TASKSTATS_DRAIN_MAX = 1 << 14, /* batches in one turn: a million messages */
};

/* Of newer headers: struct proc_input, to choose among events. */
struct taskstats_subscription {
    uint32_t operation;
    uint32_t events;
};

struct taskstats_channel {
    int fd; /* or -1 */
    char room[TASKSTATS_BATCH][TASKSTATS_ROOM];
};

struct jb_usage {
    struct jb_frame frame;
    struct jb_scan scan;
    struct taskstats_channel exits, forks;
    uint16_t family;
    bool threads; /* records that do not name the process have come */
    bool list;    /* something was lost: see who is there */
    uint64_t boot_offset_ns;
};

static void taskstats_close(struct jb_usage *usage)
{
    if (!usage)
        return;
    if (usage->exits.fd >= 0)
        close(usage->exits.fd);
    if (usage->forks.fd >= 0)
        close(usage->forks.fd);
    jb_scan_close(&usage->scan);
    jb_frame_close(&usage->frame);
    free(usage);
}

/* What the kernel does not grant by force it may up to its own ceiling. */
static void taskstats_widen(int fd, uint64_t bytes)
{
    int wanted = (int)(bytes / 2); /* the kernel doubles it */

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted));
}

static int taskstats_socket(int protocol, uint32_t groups, uint64_t bytes,
                            int *out)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK,
                                   .nl_groups = groups };
    JB_AUTO_CLOSE int fd =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

    if (fd < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return errno;
    taskstats_widen(fd, bytes);
    *out = jb_steal_fd(&fd);
    return 0;
}

/* One generic netlink command with one text attribute; the answer's length, or
 * a negated errno. */
static ssize_t taskstats_ask(int fd, uint16_t family, uint8_t command,
                             uint16_t attribute, const char *text, char *answer)
{
    struct {
        struct nlmsghdr message;
        struct genlmsghdr command;
        struct nlattr attribute;
        char text[TASKSTATS_MASK_MAX];
    } request = { 0 };
    size_t length = strlen(text) + 1;
    size_t size = sizeof(request) - sizeof(request.text) + length;
    ssize_t got;

    if (length > sizeof(request.text))
        return -E2BIG;
    request.message.nlmsg_len = (uint32_t)size;
    request.message.nlmsg_type = family;
    request.message.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request.command.cmd = command;
    request.command.version = 1;
    request.attribute.nla_type = attribute;
    request.attribute.nla_len = (uint16_t)(sizeof(request.attribute) + length);
    memcpy(request.text, text, length);
    if (send(fd, &request, NLMSG_ALIGN(size), 0) < 0)
        return -errno;
    got = recv(fd, answer, TASKSTATS_ROOM, 0); /* it answers before send ends */
    return got < 0 ? -errno : got;
}

static int taskstats_absent(struct jb_error *err)
{
    jb_fail(err, JB_EABSENT,
            "this kernel has no taskstats, or does not show it in a network "
            "namespace");
    jb_error_set_fix(err, "run on the host, or in a container with "
                          "--network=host");
    return JB_EABSENT;
}

static int taskstats_denied(int errnum, const char *what, struct jb_error *err)
{
    if (errnum == EINVAL || errnum == ECONNREFUSED) {
        jb_fail(err, JB_EDENIED,
                "%s: only in the host's PID and user "
                "namespaces",
                what);
        jb_error_set_fix(err, "run on the host, or in a container with "
                              "--pid=host --network=host");
        return JB_EDENIED;
    }
    jb_fail_errno(err, errnum, "%s", what);
    if (errnum == EPERM || errnum == EACCES)
        jb_fail(err, JB_EDENIED, "%s: it needs root or CAP_NET_ADMIN", what);
    return errnum == EPERM || errnum == EACCES ? JB_EDENIED : JB_EIO;
}

static int taskstats_find_family(struct jb_usage *usage, struct jb_error *err)
{
    char answer[TASKSTATS_ROOM];
    ssize_t got =
        taskstats_ask(usage->exits.fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
                      CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME, answer);

    if (got < 0)
        return taskstats_denied((int)-got, "asking for taskstats", err);
    if (!jb_messages_family(answer, (size_t)got, &usage->family))
        return taskstats_absent(err);
    /* The acknowledgement behind the answer. */
    (void)recv(usage->exits.fd, answer, sizeof(answer), 0);
    return JB_OK;
}

/* The records of all CPUs, online or not yet. */
static int taskstats_register(struct jb_usage *usage, struct jb_error *err)
{
    char path[JB_PATH_MAX];
    char mask[TASKSTATS_MASK_MAX];
    char answer[TASKSTATS_ROOM];
    ssize_t got;
    int error;
    int rc = jb_path(path, err, "%s/devices/system/cpu/possible",
                     usage->frame.env->roots->sysfs);

    if (rc == JB_OK)
        rc = jb_file_read(path, mask, sizeof(mask), NULL, err);
    if (rc < 0)
        return rc;
    got = taskstats_ask(usage->exits.fd, usage->family, TASKSTATS_CMD_GET,
                        TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, mask, answer);
    if (got >= 0 && jb_messages_error(answer, (size_t)got, &error))
        got = error;
    if (got < 0)
        return taskstats_denied((int)-got, "exit records (taskstats)", err);
    return JB_OK;
}

/* events 0: all, as before Linux 6.6, which passes over any other length. */
static bool taskstats_ask_events(int fd, uint32_t events)
{
    struct taskstats_subscription what = { PROC_CN_MCAST_LISTEN, events };
    size_t size = events ? sizeof(what) : sizeof(what.operation);
    struct nlmsghdr header = { .nlmsg_type = NLMSG_DONE };
    struct cn_msg connector = { .id = { CN_IDX_PROC, CN_VAL_PROC },
                                .len = (uint16_t)size };
    char request[sizeof(header) + sizeof(connector) + sizeof(what)];

    header.nlmsg_len = (uint32_t)(sizeof(header) + sizeof(connector) + size);
    memcpy(request, &header, sizeof(header));
    memcpy(request + sizeof(header), &connector, sizeof(connector));
    memcpy(request + sizeof(header) + sizeof(connector), &what, sizeof(what));
    return send(fd, request, header.nlmsg_len, 0) >= 0;
}

/* All events first, since only they come with an acknowledgement; then forks
 * alone, where the kernel can choose. */
static bool taskstats_subscribe(int fd)
{
    char answer[TASKSTATS_ROOM];
    bool subscribed = false;
    ssize_t got;

    if (!taskstats_ask_events(fd, 0))
        return false;
    while (!subscribed && (got = recv(fd, answer, sizeof(answer), 0)) > 0)
        subscribed = jb_messages_subscribed(answer, (size_t)got);
    return subscribed && taskstats_ask_events(fd, PROC_EVENT_FORK);
}

static uint64_t taskstats_buffer(const struct jb_usage_options *options)
{
    return options->buffer_bytes ? options->buffer_bytes : TASKSTATS_BUFFER;
}

/* Without forks a process that lives shortly is billed to its parent's cgroup
 * as it is when the child ends, and processes are listed every turn. */
static void taskstats_open_forks(struct jb_usage *usage)
{
    int errnum = taskstats_socket(NETLINK_CONNECTOR, CN_IDX_PROC,
                                  TASKSTATS_EVENTS *
                                      taskstats_buffer(&usage->frame.options),
                                  &usage->forks.fd);

    if (errnum == 0 && taskstats_subscribe(usage->forks.fd))
        return;
    jb_fail(&usage->frame.note, JB_EDENIED,
            "no fork events (proc connector)%s%s: children of processes that "
            "have ended are billed to no cgroup",
            errnum ? ": " : "", errnum ? strerror(errnum) : "");
    jb_error_set_fix(&usage->frame.note,
                     "run on the host, or in a container with --pid=host "
                     "--network=host");
    if (usage->forks.fd >= 0)
        close(usage->forks.fd);
    usage->forks.fd = -1;
}

static int taskstats_open_sockets(struct jb_usage *usage, struct jb_error *err)
{
    int errnum = taskstats_socket(NETLINK_GENERIC, 0,
                                  taskstats_buffer(&usage->frame.options),
                                  &usage->exits.fd);
    int rc = JB_OK;

    if (errnum != 0)
        return taskstats_denied(errnum, "a netlink socket", err);
    rc = taskstats_find_family(usage, err);
    if (rc == JB_OK)
        rc = taskstats_register(usage, err);
    if (rc == JB_OK)
        taskstats_open_forks(usage);
    return rc;
}

static uint64_t taskstats_boot_offset_ns(void)
{
    struct timespec mono;
    struct timespec boot;

    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (uint64_t)(boot.tv_sec - mono.tv_sec) * JB_NS_PER_S +
           (uint64_t)boot.tv_nsec - (uint64_t)mono.tv_nsec;
}

/* The messages of one batch; 0 when none wait.  An overflow is told once, in
 * the place of the first message that was dropped. */
static int taskstats_batch(struct jb_usage *usage,
                           struct taskstats_channel *channel,
                           struct mmsghdr heads[TASKSTATS_BATCH])
{
    struct iovec parts[TASKSTATS_BATCH];
    int got;

    for (size_t i = 0; i < TASKSTATS_BATCH; i++) {
        parts[i] = (struct iovec){ channel->room[i], TASKSTATS_ROOM };
        heads[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &parts[i],
                                                  .msg_iovlen = 1 } };
    }
    do {
        got = recvmmsg(channel->fd, heads, TASKSTATS_BATCH, MSG_DONTWAIT, NULL);
        if (got < 0 && errno == ENOBUFS) {
            usage->frame.turn.lost.overflows++;
            usage->list = true;
        }
    } while (got < 0 && (errno == ENOBUFS || errno == EINTR));
    return got;
}

/* Hands each message of a channel to take(), until none waits. */
static void taskstats_drain(struct jb_usage *usage,
                            struct taskstats_channel *channel,
                            size_t (*take)(struct jb_usage *usage,
                                           const char *data, size_t length))
{
    struct mmsghdr heads[TASKSTATS_BATCH];
    int got = channel->fd >= 0 ? TASKSTATS_BATCH : 0;

    for (int n = 0; got == TASKSTATS_BATCH && n < TASKSTATS_DRAIN_MAX; n++) {
        got = taskstats_batch(usage, channel, heads);
        for (int i = 0; i < got; i++)
            usage->frame.turn.lost.malformed +=
                heads[i].msg_hdr.msg_flags & MSG_TRUNC
                    ? 1
                    : take(usage, channel->room[i], heads[i].msg_len);
    }
}

static void taskstats_on_fork(void *context, const struct jb_fork *fork)
{
    struct jb_usage *usage = context;

    jb_lives_begin(&usage->scan, fork, usage->boot_offset_ns, usage->threads);
}

static size_t taskstats_fork(struct jb_usage *usage, const char *data,
                             size_t length)
{
    return jb_messages_forks(data, length, taskstats_on_fork, usage);
}

/* A fork is told before the end: it waits, unless it was lost. */
static void taskstats_on_exit(void *context, const struct jb_exit *ended)
{
    struct jb_usage *usage = context;

    usage->threads = usage->threads || ended->tgid == 0;
    if (jb_lives_end(&usage->scan, ended))
        return;
    taskstats_drain(usage, &usage->forks, taskstats_fork);
    if (!jb_lives_end(&usage->scan, ended))
        jb_lives_end_unknown(&usage->scan, ended);
}

static size_t taskstats_exit(struct jb_usage *usage, const char *data,
                             size_t length)
{
    return jb_messages_exits(data, length, usage->family, taskstats_on_exit,
                             usage);
}

static void taskstats_take(struct jb_usage *usage)
{
    taskstats_drain(usage, &usage->forks, taskstats_fork);
    jb_scan_read_parents(&usage->scan);
    taskstats_drain(usage, &usage->exits, taskstats_exit);
}

/* Whoever is not listed has ended before the listing, and so has his record
 * been queued: once that is taken, the rest are those whose record was lost. */
static void taskstats_list(struct jb_usage *usage)
{
    usage->list = false;
    if (jb_scan_list(&usage->scan, NULL) < 0)
        return;
    taskstats_take(usage);
    jb_scan_sweep(&usage->scan);
}

static int taskstats_turn(struct jb_usage *usage,
                          const struct jb_usage_turn **out,
                          struct jb_error *err)
{
    (void)err;
    jb_frame_begin(&usage->frame);
    jb_scan_begin(&usage->scan);
    usage->boot_offset_ns = taskstats_boot_offset_ns();
    usage->scan.utc_offset_ns =
        jb_clock_utc_ns() - (int64_t)jb_clock_now_ns(&jb_clock_boottime);
    taskstats_take(usage);
    if (usage->list || usage->forks.fd < 0 ||
        usage->frame.number % TASKSTATS_LIST_TURNS == 0)
        taskstats_list(usage);
    jb_scan_read(&usage->scan);
    *out = jb_frame_end(&usage->frame);
    return JB_OK;
}

static int taskstats_open(const struct jb_env *env,
                          const struct jb_usage_options *options,
                          struct jb_usage **out, struct jb_error *err)
{
    struct jb_usage *usage;
    int rc;

    if (!env->live)
        return jb_fail(err, JB_EREFUSED,
                       "exit records are this kernel's, and %s is a recording",
                       env->roots->procfs);
    usage = calloc(1, sizeof(*usage));
    if (!usage)
        return jb_fail(err, JB_ENOMEM, "no memory for exit records");
    usage->exits.fd = usage->forks.fd = -1;
    usage->list = true; /* whoever came while the base line was taken */
    rc = jb_frame_open(&usage->frame, env, options, err);
    if (rc == JB_OK)
        rc = taskstats_open_sockets(usage, err);
    if (rc == JB_OK)
        rc = jb_scan_open(&usage->scan, &usage->frame, err);
    if (rc < 0) {
        taskstats_close(usage);
        return rc;
    }
    jb_frame_start(&usage->frame);
    *out = usage;
    return JB_OK;
}

static const struct jb_error *taskstats_note(const struct jb_usage *usage)
{
    return &usage->frame.note;
}

const struct jb_usage_desc jb_usage_taskstats = {
    .name = "taskstats",
    .summary = "processes by /proc, and the kernel's records of those that end",
    .open = taskstats_open,
    .turn = taskstats_turn,
    .note = taskstats_note,
    .close = taskstats_close,
};
