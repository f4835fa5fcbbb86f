/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the n-th call of one kind fail, in a program that knows nothing of it
 * (LD_PRELOAD).  From the environment, which is then cleared, so that what the
 * program starts is left alone:
 *
 *   JB_FAULT=alloc|open|read|socket
 *                              malloc, calloc, realloc | open, fopen, opendir
 *                              and their kin | read, pread | socket, connect,
 *                              accept4, send, recv
 *   JB_FAULT_AT=N              counted from 1, from the start of main
 *   JB_FAULT_MODE=once|on      that call only, or it and all later ones
 *   JB_FAULT_MARK=PATH         a file made when the N-th call came
 *
 * Below a sanitizer the real function is the sanitizer's: set
 * ASAN_OPTIONS=verify_asan_link_order=0.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define SHIM_EXPORT __attribute__((visibility("default")))

enum shim_kind { SHIM_NONE, SHIM_ALLOC, SHIM_OPEN, SHIM_READ, SHIM_SOCKET };
enum { SHIM_PATH_MAX = 512 };

/* Written once before main, read by all threads afterwards. */
static enum shim_kind shim_kind;
static unsigned long shim_at;
static bool shim_goes_on;
static char shim_mark[SHIM_PATH_MAX];

static atomic_ulong shim_seen;

/* The next definition after ours; found once, since dlsym() is slow. */
static void *shim_real(void **slot, const char *name)
{
    if (!*slot)
        *slot = dlsym(RTLD_NEXT, name);
    return *slot;
}

static void shim_leave_mark(void)
{
    long fd = syscall(SYS_openat, AT_FDCWD, shim_mark,
                      O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0)
        syscall(SYS_close, fd);
}

/* Whether this call is the one to fail. */
static bool shim_fails(enum shim_kind kind, int errnum)
{
    unsigned long now;

    if (kind != shim_kind)
        return false;
    now = atomic_fetch_add(&shim_seen, 1) + 1;
    if (now < shim_at || (now > shim_at && !shim_goes_on))
        return false;
    if (now == shim_at)
        shim_leave_mark();
    errno = errnum;
    return true;
}

static enum shim_kind shim_kind_from(const char *name)
{
    if (name && strcmp(name, "alloc") == 0)
        return SHIM_ALLOC;
    if (name && strcmp(name, "open") == 0)
        return SHIM_OPEN;
    if (name && strcmp(name, "read") == 0)
        return SHIM_READ;
    if (name && strcmp(name, "socket") == 0)
        return SHIM_SOCKET;
    return SHIM_NONE;
}

__attribute__((constructor)) static void shim_start(void)
{
    const char *at = getenv("JB_FAULT_AT");
    const char *mode = getenv("JB_FAULT_MODE");
    const char *mark = getenv("JB_FAULT_MARK");
    enum shim_kind kind = shim_kind_from(getenv("JB_FAULT"));

    shim_at = at ? strtoul(at, NULL, 10) : 0;
    shim_goes_on = mode && strcmp(mode, "on") == 0;
    snprintf(shim_mark, sizeof(shim_mark), "%s", mark ? mark : "/dev/null");
    unsetenv("LD_PRELOAD");
    unsetenv("JB_FAULT");
    shim_kind = kind;
}

/* ISO C has no conversion from void * to a function, POSIX has one. */
#define SHIM_REAL(result, name, ...)                                           \
    static void *shim_slot;                                                    \
    result (*real)(__VA_ARGS__);                                               \
                                                                               \
    *(void **)&real = shim_real(&shim_slot, name)

SHIM_EXPORT void *malloc(size_t size)
{
    SHIM_REAL(void *, "malloc", size_t);
    return shim_fails(SHIM_ALLOC, ENOMEM) ? NULL : real(size);
}

SHIM_EXPORT void *calloc(size_t nmemb, size_t size)
{
    SHIM_REAL(void *, "calloc", size_t, size_t);
    return shim_fails(SHIM_ALLOC, ENOMEM) ? NULL : real(nmemb, size);
}

SHIM_EXPORT void *realloc(void *ptr, size_t size)
{
    SHIM_REAL(void *, "realloc", void *, size_t);
    return shim_fails(SHIM_ALLOC, ENOMEM) ? NULL : real(ptr, size);
}

/* The mode is only there, and only read, when a file may be made. */
static mode_t shim_mode(int flags, va_list ap)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

#define SHIM_OPEN_AS(name)                                                     \
    SHIM_EXPORT int name(const char *file, int oflag, ...)                     \
    {                                                                          \
        SHIM_REAL(int, #name, const char *, int, ...);                         \
        va_list ap;                                                            \
        mode_t mode;                                                           \
                                                                               \
        va_start(ap, oflag);                                                   \
        mode = shim_mode(oflag, ap);                                           \
        va_end(ap);                                                            \
        return shim_fails(SHIM_OPEN, EMFILE) ? -1 : real(file, oflag, mode);   \
    }

#define SHIM_OPENAT_AS(name)                                                   \
    SHIM_EXPORT int name(int fd, const char *file, int oflag, ...)             \
    {                                                                          \
        SHIM_REAL(int, #name, int, const char *, int, ...);                    \
        va_list ap;                                                            \
        mode_t mode;                                                           \
                                                                               \
        va_start(ap, oflag);                                                   \
        mode = shim_mode(oflag, ap);                                           \
        va_end(ap);                                                            \
        return shim_fails(SHIM_OPEN, EMFILE) ? -1                              \
                                             : real(fd, file, oflag, mode);    \
    }

#define SHIM_FOPEN_AS(name)                                                    \
    SHIM_EXPORT FILE *name(const char *filename, const char *modes)            \
    {                                                                          \
        SHIM_REAL(FILE *, #name, const char *, const char *);                  \
        return shim_fails(SHIM_OPEN, EMFILE) ? NULL : real(filename, modes);   \
    }

SHIM_OPEN_AS(open)
SHIM_OPEN_AS(open64)
SHIM_OPENAT_AS(openat)
SHIM_OPENAT_AS(openat64)
SHIM_FOPEN_AS(fopen)
SHIM_FOPEN_AS(fopen64)

SHIM_EXPORT DIR *opendir(const char *name)
{
    SHIM_REAL(DIR *, "opendir", const char *);
    return shim_fails(SHIM_OPEN, EMFILE) ? NULL : real(name);
}

SHIM_EXPORT ssize_t read(int fd, void *buf, size_t nbytes)
{
    SHIM_REAL(ssize_t, "read", int, void *, size_t);
    return shim_fails(SHIM_READ, EIO) ? -1 : real(fd, buf, nbytes);
}

SHIM_EXPORT ssize_t pread(int fd, void *buf, size_t nbytes, off_t offset)
{
    SHIM_REAL(ssize_t, "pread", int, void *, size_t, off_t);
    return shim_fails(SHIM_READ, EIO) ? -1 : real(fd, buf, nbytes, offset);
}

SHIM_EXPORT ssize_t pread64(int fd, void *buf, size_t nbytes, off64_t offset)
{
    SHIM_REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
    return shim_fails(SHIM_READ, EIO) ? -1 : real(fd, buf, nbytes, offset);
}

SHIM_EXPORT int socket(int domain, int type, int protocol)
{
    SHIM_REAL(int, "socket", int, int, int);
    return shim_fails(SHIM_SOCKET, EMFILE) ? -1 : real(domain, type, protocol);
}

SHIM_EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    SHIM_REAL(int, "connect", int, const struct sockaddr *, socklen_t);
    return shim_fails(SHIM_SOCKET, ECONNREFUSED) ? -1 : real(fd, addr, len);
}

SHIM_EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len,
                        int flags)
{
    SHIM_REAL(int, "accept4", int, struct sockaddr *, socklen_t *, int);
    return shim_fails(SHIM_SOCKET, EMFILE) ? -1 : real(fd, addr, len, flags);
}

SHIM_EXPORT ssize_t send(int fd, const void *buf, size_t n, int flags)
{
    SHIM_REAL(ssize_t, "send", int, const void *, size_t, int);
    return shim_fails(SHIM_SOCKET, EPIPE) ? -1 : real(fd, buf, n, flags);
}

SHIM_EXPORT ssize_t recv(int fd, void *buf, size_t n, int flags)
{
    SHIM_REAL(ssize_t, "recv", int, void *, size_t, int);
    return shim_fails(SHIM_SOCKET, ECONNRESET) ? -1 : real(fd, buf, n, flags);
}
