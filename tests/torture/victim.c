/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves that the torture sees what it is for: `victim good` copes with every
 * fault; each other word has one fault in it, and the torture must find it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int victim_fail(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    return 1;
}

static int victim_print(void)
{
    printf("{}\n");
    return fflush(stdout) == 0 ? 0 : victim_fail("printing");
}

static int victim_good(void)
{
    char *text = malloc(100);
    int fd = open("/dev/zero", O_RDONLY);
    int rc = 0;

    if (!text || fd < 0 || read(fd, text, 100) < 0)
        rc = victim_fail("victim");
    if (fd >= 0)
        close(fd);
    free(text);
    return rc ? rc : victim_print();
}

static int victim_crash(void)
{
    char *text = malloc(100);

    *(volatile char *)text = 'x'; /* the bug: it may be NULL */
    free(text);
    return victim_print();
}

static int victim_silent(void)
{
    int fd = open("/dev/zero", O_RDONLY);

    if (fd < 0)
        return 1;
    close(fd);
    return victim_print();
}

static int victim_half(void)
{
    char byte;
    int fd = open("/dev/zero", O_RDONLY);

    printf("{");
    if (fd >= 0 && read(fd, &byte, 1) == 1)
        printf("}\n");
    if (fd >= 0)
        close(fd);
    return fflush(stdout) == 0 ? 0 : victim_fail("printing");
}

/* The bug: nobody asks whether it was written. */
static int victim_unsaid(void)
{
    static const char text[] = "{}\n";

    return write(STDOUT_FILENO, text, sizeof(text) - 1) == 0;
}

/* The bug: what could not be read is a number. */
static int victim_wrong(void)
{
    char byte;
    int joules = 0;
    int fd = open("/dev/zero", O_RDONLY);

    if (fd < 0)
        return victim_fail("open");
    if (read(fd, &byte, 1) == 1)
        joules = 7;
    close(fd);
    printf("{\"domains\": [{\"domain\": \"x\", \"energy_j\": %d, "
           "\"provenance\": \"measured\"}]}\n",
           joules);
    return fflush(stdout) == 0 ? 0 : victim_fail("printing");
}

static int victim_lonely(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd >= 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
        errno == ECONNREFUSED)
        abort(); /* the bug */
    if (fd >= 0)
        close(fd);
    return victim_print();
}

static int victim_full(void)
{
    printf("{}\n");
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } all[] = {
        { "good", victim_good },     { "crash", victim_crash },
        { "silent", victim_silent }, { "half", victim_half },
        { "full", victim_full },     { "unsaid", victim_unsaid },
        { "wrong", victim_wrong },   { "lonely", victim_lonely },
    };

    for (size_t i = 0; argc > 1 && i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(argv[1], all[i].name) == 0)
            return all[i].run();
    return 2;
}
