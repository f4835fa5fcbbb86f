/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target once over each file of the given directories.  It keeps
 * what fuzzing found found in builds that have no libFuzzer.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { REPLAY_BYTES_MAX = 1 << 21, REPLAY_PATH_MAX = 4096 };

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *room = malloc(REPLAY_BYTES_MAX);
    uint8_t *exact = NULL;
    size_t size = 0;

    if (file && room)
        size = fread(room, 1, REPLAY_BYTES_MAX, file);
    if (file && room && !ferror(file))
        exact = malloc(size ? size : 1); /* so that one byte over is seen */
    if (exact) {
        memcpy(exact, room, size);
        LLVMFuzzerTestOneInput(exact, size);
    } else {
        perror(path);
    }
    if (file)
        fclose(file);
    free(room);
    free(exact);
    return exact ? 0 : -1;
}

/* The number of files that were run, or -1. */
static int replay_directory(const char *directory)
{
    DIR *dir = opendir(directory);
    int count = 0;

    if (!dir) {
        perror(directory);
        return -1;
    }
    for (struct dirent *e = readdir(dir); e && count >= 0; e = readdir(dir)) {
        char path[REPLAY_PATH_MAX];

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", directory, e->d_name);
        printf("%s\n", path);
        fflush(stdout);
        count = replay_file(path) < 0 ? -1 : count + 1;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (replay_directory(argv[i]) <= 0) {
            fprintf(stderr, "%s: nothing was replayed\n", argv[i]);
            return 1;
        }
    return argc > 1 ? 0 : 1;
}
