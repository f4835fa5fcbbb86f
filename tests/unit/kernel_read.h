/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pread() as it is on a kernel's attribute, for tests on ordinary files.
 * Include it once in a program: it takes the place of the C library's.
 *
 * An attribute whose device is gone answers ENODEV, where other filesystems go
 * on reading: an unlinked file stands for it.  A file that holds "!NODATA" or
 * "!AGAIN" answers with that error.
 */
#ifndef JB_TEST_KERNEL_READ_H
#define JB_TEST_KERNEL_READ_H

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t pread(int fd, void *buffer, size_t count, off_t offset)
{
    struct stat status;
    ssize_t got;

    if (fstat(fd, &status) == 0 && status.st_nlink == 0) {
        errno = ENODEV;
        return -1;
    }
    got = syscall(SYS_pread64, fd, buffer, count, offset);
    if (got >= 7 && memcmp(buffer, "!NODATA", 7) == 0)
        errno = ENODATA;
    else if (got >= 6 && memcmp(buffer, "!AGAIN", 6) == 0)
        errno = EAGAIN;
    else
        return got;
    return -1;
}

#endif
