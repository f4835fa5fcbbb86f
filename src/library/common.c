/* SPDX-License-Identifier: Apache-2.0 */
/* What monitors and sessions have in common. */
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "inside.h"
#include "joulebook/version.h"

const char *jb_library_version(void)
{
    return JB_VERSION;
}

int jb_library_copy(void *out, size_t out_size, const void *given,
                    size_t given_size, size_t least, struct jb_error *err)
{
    const unsigned char *bytes = given;
    size_t common = given_size < out_size ? given_size : out_size;

    if (given_size < least)
        return jb_fail(err, JB_EUSAGE,
                       "the configuration's size is %zu: set it to sizeof of "
                       "the struct",
                       given_size);
    for (size_t i = out_size; i < given_size; i++)
        if (bytes[i] != 0)
            return jb_fail(err, JB_EUSAGE,
                           "the configuration asks for what libjoulebook %s "
                           "does not know",
                           JB_VERSION);
    memset(out, 0, out_size);
    memcpy(out, given, common);
    return JB_OK;
}

static int place_text(char **out, const char *wanted, const char *usual,
                      struct jb_error *err)
{
    *out = strdup(wanted ? wanted : usual);
    return *out ? JB_OK : jb_fail(err, JB_ENOMEM, "the path of a tree");
}

int jb_place_init(struct jb_place *place, const struct jb_roots *wanted,
                  struct jb_error *err)
{
    int rc;

    *place = (struct jb_place){ .env.live = false };
    rc = place_text(&place->texts[0], wanted->sysfs, "/sys", err);
    if (rc == JB_OK)
        rc = place_text(&place->texts[1], wanted->procfs, "/proc", err);
    if (rc == JB_OK)
        rc = place_text(&place->texts[2], wanted->cgroupfs, "/sys/fs/cgroup",
                        err);
    if (rc == JB_OK)
        rc = place_text(&place->texts[3], wanted->devfs, "/dev", err);
    place->roots = (struct jb_roots){ place->texts[0], place->texts[1],
                                      place->texts[2], place->texts[3] };
    place->env = (struct jb_env){ .roots = &place->roots,
                                  .clock = &jb_clock_boottime,
                                  .live = !wanted->sysfs };
    return rc;
}

void jb_place_release(struct jb_place *place)
{
    for (size_t i = 0; i < sizeof(place->texts) / sizeof(*place->texts); i++)
        free(place->texts[i]);
}

int jb_library_thread(pthread_t *out, void *(*body)(void *), void *context,
                      struct jb_error *err)
{
    sigset_t all;
    sigset_t before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(out, NULL, body, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return jb_fail(err, JB_ELIMIT, "cannot start a thread: %s",
                       strerrordesc_np(failed));
    return JB_OK;
}

uint64_t jb_library_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * JB_NS_PER_S + (uint64_t)ts.tv_nsec;
}

struct timespec jb_library_timespec(uint64_t ns)
{
    return (struct timespec){ .tv_sec = (time_t)(ns / JB_NS_PER_S),
                              .tv_nsec = (long)(ns % JB_NS_PER_S) };
}
