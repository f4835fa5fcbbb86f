/* SPDX-License-Identifier: Apache-2.0 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "face.h"

enum { LAB_DEFAULT_RATE_HZ = 1000, LAB_MAX_RATE_HZ = 10000 };

/* Everything that a run holds; released in one place. */
struct lab_run {
    struct jb_lab_state *state;
    struct jb_lab_mount *mount;   /* one of these two */
    struct jb_lab_writer *writer; /* ... */
    char *directory;              /* absolute */
    int signal_fd;
    sigset_t old_mask;
    bool masked;
    bool is_parent; /* of the process that serves */
};

struct jb_lab_options jb_lab_options_default(void)
{
    return (struct jb_lab_options){ .layout = "full",
                                    .foreground = true,
                                    .cpu = -1 };
}

uint64_t jb_lab_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* A lab that was killed leaves a mount on which every access fails. */
static int lab_clear_leftover(const char *directory, struct jb_error *err)
{
    struct stat info;

    if (stat(directory, &info) == 0 || errno != ENOTCONN)
        return JB_OK;
    if (umount2(directory, MNT_DETACH) == 0)
        return JB_OK;
    jb_fail(err, JB_EDENIED, "%s: a lab that was killed is still mounted here",
            directory);
    jb_error_set_fix(err, "fusermount3 -u %s", directory);
    return JB_EDENIED;
}

static int lab_find_directory(struct lab_run *run, const char *directory,
                              struct jb_error *err)
{
    struct stat info;
    int rc;

    if (!directory || !*directory)
        return jb_fail(err, JB_EUSAGE, "lab: a directory is wanted");
    rc = lab_clear_leftover(directory, err);
    if (rc < 0)
        return rc;
    run->directory = realpath(directory, NULL);
    if (run->directory && stat(run->directory, &info) == 0 &&
        S_ISDIR(info.st_mode))
        return JB_OK;
    jb_fail(err, JB_EABSENT, "lab: %s is not a directory", directory);
    jb_error_set_fix(err, "mkdir -p %s", directory);
    return JB_EABSENT;
}

static int lab_check_empty(const struct lab_run *run, struct jb_error *err)
{
    char *path = NULL;
    bool mounted;

    if (asprintf(&path, "%s/.lab/status", run->directory) < 0)
        return jb_fail(err, JB_ENOMEM, "lab: out of memory");
    mounted = access(path, F_OK) == 0;
    free(path);
    if (!mounted)
        return JB_OK;
    jb_fail(err, JB_EBUSY, "lab: another lab serves %s", run->directory);
    jb_error_set_fix(err, "cat %s/.lab/status (it names the process)",
                     run->directory);
    return JB_EBUSY;
}

static int lab_pin(int cpu, struct jb_error *err)
{
    cpu_set_t set;

    if (cpu < 0)
        return JB_OK;
    CPU_ZERO(&set);
    if (cpu < CPU_SETSIZE)
        CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) < 0)
        return jb_fail(err, JB_EUSAGE, "lab: cannot run on processor %d: %s",
                       cpu, strerror(errno));
    return JB_OK;
}

/* The world as the options want it, in the caller's memory. */
static int lab_make_world(const struct jb_lab_options *options,
                          struct jb_lab_world *world, struct jb_error *err)
{
    uint64_t now_ns = jb_lab_now_ns();
    struct jb_lab_layout *layout = malloc(sizeof(*layout));
    int rc;

    if (!layout)
        return jb_fail(err, JB_ENOMEM, "lab: out of memory");
    rc = jb_lab_layout_load(options->layout, layout, err);
    if (rc == JB_OK && options->start_ns > now_ns)
        rc = jb_fail(err, JB_EUSAGE, "lab: the start is in the future");
    if (rc == JB_OK)
        jb_lab_world_init(world, layout,
                          options->start_ns ? options->start_ns : now_ns,
                          options->seed);
    free(layout);
    return rc;
}

static int lab_make_state(struct lab_run *run,
                          const struct jb_lab_options *options,
                          struct jb_error *err)
{
    struct jb_lab_world *world = malloc(sizeof(*world));
    int rc = world ? lab_make_world(options, world, err)
                   : jb_fail(err, JB_ENOMEM, "lab: out of memory");

    if (rc == JB_OK)
        rc = jb_lab_state_init(run->state, world, options->journal, err);
    free(world);
    return rc;
}

/* Signals become readable bytes, so that the loop is the only thing that
 * runs. */
static int lab_take_signals(struct lab_run *run, struct jb_error *err)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    if (sigprocmask(SIG_BLOCK, &mask, &run->old_mask) < 0)
        return jb_fail(err, JB_EIO, "lab: signals: %s", strerror(errno));
    run->masked = true;
    run->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->signal_fd < 0)
        return jb_fail(err, JB_EIO, "lab: signals: %s", strerror(errno));
    return JB_OK;
}

static int lab_open_face(struct lab_run *run,
                         const struct jb_lab_options *options,
                         struct jb_error *err)
{
    uint32_t rate_hz =
        options->rate_hz ? options->rate_hz : LAB_DEFAULT_RATE_HZ;

    if (options->face == JB_LAB_FACE_FUSE)
        return jb_lab_mount_open(run->directory, run->state, &run->mount, err);
    if (rate_hz > LAB_MAX_RATE_HZ)
        return jb_fail(err, JB_EUSAGE, "lab: a rate above %d Hz",
                       LAB_MAX_RATE_HZ);
    return jb_lab_writer_open(run->directory, rate_hz, run->state, &run->writer,
                              err);
}

/* The child goes on in its own session, without our terminal. */
static int lab_go_background(struct lab_run *run, struct jb_error *err)
{
    pid_t pid;
    int null;

    jb_lab_journal_flush(&run->state->journal, jb_lab_now_ns());
    pid = fork();
    if (pid < 0)
        return jb_fail(err, JB_EIO, "lab: fork: %s", strerror(errno));
    run->is_parent = pid > 0;
    if (run->is_parent)
        return JB_OK;
    setsid();
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
    return chdir("/") == 0 ? JB_OK : jb_fail(err, JB_EIO, "lab: chdir");
}

static int lab_serve(struct lab_run *run, struct jb_error *err)
{
    struct jb_lab_journal *journal = &run->state->journal;
    int rc = run->mount ? jb_lab_mount_serve(run->mount, run->signal_fd, err)
                        : jb_lab_writer_serve(run->writer, run->signal_fd, err);
    uint64_t now_ns = jb_lab_now_ns();

    jb_lab_journal_stop(journal, now_ns);
    jb_lab_journal_flush(journal, now_ns);
    if (rc == JB_OK && journal->failed)
        return jb_fail(err, JB_EIO,
                       "lab: the journal could not be written in full (disk "
                       "full?): it is no proof");
    return rc;
}

/* Takes the signals that told us to stop, so that they do not strike when the
 * mask is put back. */
static void lab_give_signals_back(struct lab_run *run)
{
    struct signalfd_siginfo info;

    if (run->signal_fd >= 0) {
        while (read(run->signal_fd, &info, sizeof(info)) > 0)
            continue;
        close(run->signal_fd);
    }
    if (run->masked)
        sigprocmask(SIG_SETMASK, &run->old_mask, NULL);
}

static void lab_release(struct lab_run *run)
{
    if (run->is_parent) {
        jb_lab_mount_abandon(run->mount);
        jb_lab_writer_abandon(run->writer);
    } else {
        jb_lab_mount_close(run->mount);
        jb_lab_writer_close(run->writer);
    }
    jb_lab_state_release(run->state);
    free(run->state);
    free(run->directory);
    lab_give_signals_back(run);
}

static int lab_run_all(struct lab_run *run,
                       const struct jb_lab_options *options,
                       struct jb_error *err)
{
    int rc = lab_find_directory(run, options->directory, err);

    if (rc == JB_OK)
        rc = lab_check_empty(run, err);
    if (rc == JB_OK)
        rc = lab_make_state(run, options, err);
    if (rc == JB_OK)
        rc = lab_pin(options->cpu, err);
    if (rc == JB_OK)
        rc = lab_take_signals(run, err);
    if (rc == JB_OK) {
        /* Before the tree can be seen: the record begins with the layout. */
        jb_lab_journal_start(&run->state->journal, &run->state->world,
                             jb_lab_now_ns());
        rc = lab_open_face(run, options, err);
    }
    if (rc == JB_OK && !options->foreground)
        rc = lab_go_background(run, err);
    if (rc < 0 || run->is_parent)
        return rc;
    return lab_serve(run, err);
}

int jb_lab_run(const struct jb_lab_options *options, struct jb_error *err)
{
    struct lab_run run = { .signal_fd = -1 };
    int rc;

    run.state = calloc(1, sizeof(*run.state));
    if (!run.state)
        return jb_fail(err, JB_ENOMEM, "lab: out of memory");
    run.state->journal.fd = -1;
    rc = lab_run_all(&run, options, err);
    lab_release(&run);
    return rc;
}
