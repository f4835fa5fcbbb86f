/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <string.h>

#include "usage/messages.h"

struct fuzz_seen {
    size_t count;
};

static void fuzz_on_exit(void *context, const struct jb_exit *ended)
{
    ((struct fuzz_seen *)context)->count++;
    fuzz_require(memchr(ended->comm, '\0', sizeof(ended->comm)) != NULL);
    fuzz_require(ended->knows_last || ended->tgid == 0);
}

static void fuzz_on_fork(void *context, const struct jb_fork *fork)
{
    (void)fork;
    ((struct fuzz_seen *)context)->count++;
}

/* Each message is at least its head of 16 bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_seen seen = { 0 };
    uint16_t family = 0x1b;
    int error = 0;

    fuzz_require(jb_messages_exits(data, size, family, fuzz_on_exit, &seen) <=
                 size / 16 + 1);
    fuzz_require(seen.count <= size / 16);
    seen.count = 0;
    fuzz_require(jb_messages_forks(data, size, fuzz_on_fork, &seen) <=
                 size / 16 + 1);
    fuzz_require(seen.count <= size / 16);
    if (!jb_messages_family(data, size, &family))
        fuzz_require(family == 0x1b);
    if (!jb_messages_error(data, size, &error))
        fuzz_require(error == 0);
    jb_messages_subscribed(data, size);
    return 0;
}
