/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a recording: whole at every moment, and no reader of it is waited
 * for. */
#include "check.h"
#include "tree.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "formats/recording.h"

enum { TEXT_MAX = 65536 };

struct rig {
    struct tree tree;
    char path[TREE_PATH_MAX];
    struct jb_recording file;
    char text[TEXT_MAX];
};

static void rig_read(struct rig *rig)
{
    FILE *file = fopen(rig->path, "re");
    size_t got;

    assert_non_null(file);
    got = fread(rig->text, 1, TEXT_MAX - 1, file);
    rig->text[got] = '\0';
    fclose(file);
}

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    tree_init(&rig->tree);
    tree_path(&rig->tree, "file", rig->path);
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;

    tree_release(&rig->tree);
    free(rig);
    return 0;
}

/* The foot stands behind the complete rows after each flush, and nowhere
 * else, also when it becomes shorter. */
static void test_foot(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    char foot[8] = "<end>";

    CHECK_STATUS("open", jb_recording_open(file, rig->path, foot, NULL), JB_OK,
                 NULL);
    jb_recording_put(file, "one;");
    jb_recording_end_row(file);
    jb_recording_put(file, "half");
    jb_recording_flush(file);
    rig_read(rig);
    CHECK_TEXT("first", rig->text, "one;<end>");
    jb_recording_put(file, "two;");
    jb_recording_end_row(file);
    jb_recording_flush(file);
    rig_read(rig);
    CHECK_TEXT("second", rig->text, "one;halftwo;<end>");
    foot[1] = '>';
    foot[2] = '\0';
    jb_recording_flush(file);
    rig_read(rig);
    CHECK_TEXT("shorter", rig->text, "one;halftwo;<>");
    CHECK_STATUS("close", jb_recording_close(file, NULL), JB_OK, NULL);
    rig_read(rig);
    CHECK_TEXT("closed", rig->text, "one;halftwo;<>");
}

/* A row longer than the buffer is one row; one beyond the ceiling ends the
 * recording, and what was written stays valid. */
static void test_long_rows(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    struct jb_error err = { 0 };

    CHECK_STATUS("open", jb_recording_open(file, rig->path, "]", NULL), JB_OK,
                 NULL);
    for (int i = 0; i < 5000; i++)
        jb_recording_put(file, "%08d", i);
    jb_recording_end_row(file);
    CHECK_STATUS("long", file->status, JB_OK, NULL);
    rig_read(rig);
    CHECK_U64("whole", strlen(rig->text), 40001);
    for (int i = 0; i < (JB_RECORDING_MAX / 8) + 8; i++)
        jb_recording_put(file, "%08d", i);
    jb_recording_end_row(file);
    CHECK_STATUS("too long", jb_recording_close(file, &err), JB_ELIMIT, &err);
    rig_read(rig);
    CHECK_U64("kept", strlen(rig->text), 40001);
    CHECK_TEXT("end", rig->text + 40000, "]");
}

static void test_full_disk(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    struct jb_error err = { 0 };
    struct rlimit before;
    struct rlimit small = { 20, 20 };

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    CHECK_STATUS("open", jb_recording_open(file, rig->path, "]\n", NULL), JB_OK,
                 NULL);
    jb_recording_put(file, "0123456789");
    jb_recording_end_row(file);
    jb_recording_flush(file);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    jb_recording_put(file, "0123456789");
    jb_recording_end_row(file);
    jb_recording_flush(file);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    CHECK_STATUS("close", jb_recording_close(file, &err), JB_EIO, &err);
    assert_non_null(strstr(err.text, "is valid"));
    rig_read(rig);
    CHECK_TEXT("rest", rig->text, "0123456789]\n");
}

static void test_pipe(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    int ends[2];
    ssize_t got;
    char path[64];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
    CHECK_STATUS("open", jb_recording_open(file, path, "]", NULL), JB_OK, NULL);
    jb_recording_put(file, "[1");
    jb_recording_end_row(file);
    jb_recording_flush(file);
    got = read(ends[0], rig->text, TEXT_MAX - 1);
    rig->text[got > 0 ? got : 0] = '\0';
    CHECK_TEXT("no foot yet", rig->text, "[1");
    CHECK_STATUS("close", jb_recording_close(file, NULL), JB_OK, NULL);
    got = read(ends[0], rig->text, TEXT_MAX - 1);
    rig->text[got > 0 ? got : 0] = '\0';
    CHECK_TEXT("foot", rig->text, "]");
    close(ends[0]);
    close(ends[1]);
}

/* A reader that sleeps: nothing waits for it, what does not fit is dropped by
 * whole rows and counted, and it gets whole lines. */
static void test_sleeping_reader(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    struct jb_error err = { 0 };
    uint64_t kept;
    uint64_t read_lines = 0;
    unsigned last = 0;
    FILE *reader;
    char path[64];
    char line[64];
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
    CHECK_STATUS("open", jb_recording_open(file, path, "", NULL), JB_OK, NULL);
    assert_true(file->waits);
    for (unsigned i = 1; i <= 400000; i++) {
        jb_recording_put(file, "%07u\n", i);
        jb_recording_end_row(file);
        if (i % 10000 == 0)
            jb_recording_flush(file);
    }
    CHECK_STATUS("nothing failed", file->status, JB_OK, NULL);
    kept = file->rows;
    assert_true(file->lost > 0);
    CHECK_U64("all rows", kept + file->lost, 400000);
    assert_true(file->capacity <= JB_RECORDING_MAX &&
                file->out_capacity <= JB_RECORDING_MAX);
    close(ends[1]);
    CHECK_STATUS("close", jb_recording_close(file, &err), JB_EBUSY, &err);
    assert_non_null(strstr(err.text, "too slow"));
    reader = fdopen(ends[0], "r");
    assert_non_null(reader);
    while (fgets(line, sizeof(line), reader)) {
        unsigned number;

        assert_int_equal(strlen(line), 8);
        assert_int_equal(sscanf(line, "%u", &number), 1);
        CHECK_U64("in order", number, last + 1);
        last = number;
        read_lines++;
    }
    assert_in_range(read_lines, 1, kept);
    fclose(reader);
}

/* One that wakes up gets everything that was kept, and then the end. */
static void test_waking_reader(void **state)
{
    struct rig *rig = *state;
    struct jb_recording *file = &rig->file;
    uint64_t lines = 0;
    int ends[2];
    char path[64];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
    CHECK_STATUS("open", jb_recording_open(file, path, "end", NULL), JB_OK,
                 NULL);
    for (unsigned i = 0; i < 50000; i++) {
        jb_recording_put(file, "%07u\n", i);
        jb_recording_end_row(file);
    }
    jb_recording_finish(file);
    close(ends[1]);
    for (ssize_t got = 1; got > 0;) {
        jb_recording_flush(file);
        if (!jb_recording_pending(file) && file->fd >= 0)
            CHECK_STATUS("close", jb_recording_close(file, NULL), JB_OK, NULL);
        got = read(ends[0], rig->text, TEXT_MAX - 1);
        for (ssize_t i = 0; i < got; i++)
            lines += rig->text[i] == '\n';
        if (got > 0 && got < 3)
            fail();
        if (got > 0)
            memcpy(path, rig->text + got - 3, 3);
        if (file->fd < 0 && got < TEXT_MAX - 1)
            break;
    }
    CHECK_U64("lines", lines, 50000);
    CHECK_BOOL("end", memcmp(path, "end", 3) == 0, true);
    close(ends[0]);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_foot), TEST(test_long_rows),       TEST(test_full_disk),
        TEST(test_pipe), TEST(test_sleeping_reader), TEST(test_waking_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
