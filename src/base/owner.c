/* SPDX-License-Identifier: Apache-2.0 */
#include "owner.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int jb_owner_init(struct jb_owner *owner, struct jb_error *err)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    int *mark = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (mark == MAP_FAILED)
        return jb_fail_errno(err, errno, "a page of memory");
    *mark = 1;
    owner->mark = mark;
    owner->pid = madvise(mark, size, MADV_WIPEONFORK) == 0 ? 0 : getpid();
    return JB_OK;
}

void jb_owner_release(struct jb_owner *owner)
{
    if (owner->mark)
        munmap((void *)(uintptr_t)owner->mark, (size_t)sysconf(_SC_PAGESIZE));
    owner->mark = NULL;
}

bool jb_owner_here(const struct jb_owner *owner)
{
    return *owner->mark != 0 && (owner->pid == 0 || owner->pid == getpid());
}

int jb_owner_check(const struct jb_owner *owner, const char *what,
                   struct jb_error *err)
{
    if (jb_owner_here(owner))
        return JB_OK;
    return jb_fail(err, JB_EUSAGE,
                   "this %s belongs to the process before fork(): a child "
                   "makes its own",
                   what);
}
