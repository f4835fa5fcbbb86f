/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/file.h"

/* A directory of its own per test, removed afterwards. */
struct file_place {
    char directory[64];
    char path[96];
};

static int file_setup(void **state)
{
    struct file_place *place = calloc(1, sizeof(*place));

    if (!place)
        return -1;
    snprintf(place->directory, sizeof(place->directory), "%s",
             "/tmp/joulebook-file-XXXXXX");
    if (!mkdtemp(place->directory)) {
        free(place);
        return -1;
    }
    snprintf(place->path, sizeof(place->path), "%s/f", place->directory);
    *state = place;
    return 0;
}

static int file_teardown(void **state)
{
    struct file_place *place = *state;

    unlink(place->path);
    rmdir(place->directory);
    free(place);
    return 0;
}

static void file_put(const char *path, const char *bytes, size_t length)
{
    JB_AUTO_FCLOSE FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
}

static void file_path_refuses_what_does_not_fit(void **state)
{
    char text[2 * JB_PATH_MAX];
    char out[JB_PATH_MAX];
    struct jb_error err;

    (void)state;
    CHECK_STATUS("short", jb_path(out, &err, "%s/%d", "a", 7), JB_OK, &err);
    CHECK_TEXT("short", out, "a/7");
    memset(text, 'a', sizeof(text));
    text[JB_PATH_MAX - 1] = '\0';
    CHECK_STATUS("just fits", jb_path(out, &err, "%s", text), JB_OK, &err);
    assert_int_equal(strlen(out), JB_PATH_MAX - 1);
    CHECK_STATUS("one over", jb_path(out, &err, "%s/", text), JB_ELIMIT, &err);
    CHECK_TEXT("one over", out, "");
    CHECK_STATUS("no err", jb_path(out, NULL, "%s/", text), JB_ELIMIT, &err);
}

static void file_open_says_why_not(void **state)
{
    const struct file_place *place = *state;
    struct jb_error err;
    int fd = 4711;

    CHECK_STATUS("absent", jb_file_open(place->path, &fd, &err), JB_EABSENT,
                 &err);
    assert_non_null(strstr(err.text, place->path));
    assert_int_equal(fd, 4711);
    file_put(place->path, "", 0);
    CHECK_STATUS("below a file", jb_file_open("/dev/null/x", &fd, &err), JB_EIO,
                 &err);
    CHECK_STATUS("present", jb_file_open(place->path, &fd, &err), JB_OK, &err);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
    if (geteuid() == 0)
        return; /* root may read everything */
    assert_int_equal(chmod(place->path, 0), 0);
    CHECK_STATUS("forbidden", jb_file_open(place->path, &fd, &err), JB_EDENIED,
                 &err);
}

static void file_open_does_not_wait_for_a_writer(void **state)
{
    const struct file_place *place = *state;
    struct jb_error err;
    char text[8];

    assert_int_equal(mkfifo(place->path, 0600), 0);
    CHECK_STATUS("fifo",
                 jb_file_read(place->path, text, sizeof(text), NULL, &err),
                 JB_OK, &err);
    CHECK_TEXT("fifo", text, "");
}

static void file_read_takes_it_whole_or_not(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        int want;
        const char *text;
    } cases[] = {
        { "", 0, JB_OK, "" },
        { "\n", 1, JB_OK, "" },
        { "abc\n", 4, JB_OK, "abc" },
        { " abc \n\n", 7, JB_OK, " abc" },
        { "a\nb\n", 4, JB_OK, "a\nb" },
        { "1234567", 7, JB_OK, "1234567" },
        { "12345678", 8, JB_ELIMIT, "" },
        { "1234567\n", 8, JB_ELIMIT, "" },
        { "123456789", 9, JB_ELIMIT, "" },
        { "abc\0\0\n", 6, JB_OK, "abc" },
    };
    const struct file_place *place = *state;

    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        char text[8];
        size_t length = 4711;
        struct jb_error err;

        file_put(place->path, cases[i].bytes, cases[i].length);
        CHECK_STATUS(
            cases[i].bytes,
            jb_file_read(place->path, text, sizeof(text), &length, &err),
            cases[i].want, &err);
        if (cases[i].want == JB_OK) {
            CHECK_TEXT(cases[i].bytes, text, cases[i].text);
            CHECK_U64(cases[i].bytes, length, strlen(cases[i].text));
        } else {
            CHECK_U64(cases[i].bytes, length, 4711);
        }
    }
}

static void file_read_says_why_not(void **state)
{
    const struct file_place *place = *state;
    struct jb_error err;
    char text[8];

    CHECK_STATUS("absent",
                 jb_file_read(place->path, text, sizeof(text), NULL, &err),
                 JB_EABSENT, &err);
    CHECK_STATUS("directory",
                 jb_file_read(place->directory, text, sizeof(text), NULL, &err),
                 JB_EIO, &err);
    assert_non_null(strstr(err.text, "Is a directory"));
}

/* The kept descriptor and the path must agree on what a number is. */
static void file_u64_is_one_number(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        int want;
        uint64_t value;
    } cases[] = {
        { "0\n", 2, JB_OK, 0 },
        { "262143328850\n", 13, JB_OK, UINT64_C(262143328850) },
        { "18446744073709551615\n", 21, JB_OK, UINT64_MAX },
        { "18446744073709551616\n", 21, JB_EFORMAT, 0 },
        { "42", 2, JB_OK, 42 },
        { "42 \n\0", 5, JB_OK, 42 },
        { "", 0, JB_EFORMAT, 0 },
        { "\n", 1, JB_EFORMAT, 0 },
        { "-1\n", 3, JB_EFORMAT, 0 },
        { "12 uJ\n", 6, JB_EFORMAT, 0 },
        { "1\n2\n", 4, JB_EFORMAT, 0 },
        { "1\0002", 3, JB_EFORMAT, 0 },
        { "0x10\n", 5, JB_EFORMAT, 0 },
        { "N/A\n", 4, JB_EFORMAT, 0 },
        /* a number, blanks as far as the buffer goes, and then more */
        { "7                       8\n", 26, JB_EFORMAT, 0 },
        { "000000000000000000000000000001\n", 31, JB_EFORMAT, 0 },
    };
    const struct file_place *place = *state;

    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        JB_AUTO_CLOSE int fd = -1;
        uint64_t by_path = 4711;
        uint64_t by_fd = 4711;
        struct jb_error err = { .text = "" };

        file_put(place->path, cases[i].bytes, cases[i].length);
        CHECK_STATUS(cases[i].bytes,
                     jb_file_read_u64(place->path, &by_path, &err),
                     cases[i].want, &err);
        assert_int_equal(jb_file_open(place->path, &fd, &err), JB_OK);
        CHECK_STATUS(cases[i].bytes, jb_file_pread_u64(fd, &by_fd),
                     cases[i].want, &err);
        if (cases[i].want == JB_OK)
            CHECK_U64(cases[i].bytes, by_path, cases[i].value);
        else
            CHECK_U64(cases[i].bytes, by_path, 4711);
        CHECK_U64(cases[i].bytes, by_fd, by_path);
    }
}

static void file_pread_u64_sees_the_newest_value(void **state)
{
    const struct file_place *place = *state;
    JB_AUTO_CLOSE int fd = -1;
    struct jb_error err;
    uint64_t value;

    file_put(place->path, "1000\n", 5);
    assert_int_equal(jb_file_open(place->path, &fd, &err), JB_OK);
    assert_int_equal(jb_file_pread_u64(fd, &value), JB_OK);
    CHECK_U64("first", value, 1000);
    file_put(place->path, "15\n", 3);
    assert_int_equal(jb_file_pread_u64(fd, &value), JB_OK);
    CHECK_U64("second", value, 15);
}

static void file_pread_u64_says_why_not(void **state)
{
    const struct file_place *place = *state;
    JB_AUTO_CLOSE int directory = open(place->directory, O_RDONLY | O_CLOEXEC);
    struct jb_error err = { .text = "" };
    uint64_t value = 4711;

    CHECK_STATUS("directory", jb_file_pread_u64(directory, &value), JB_EIO,
                 &err);
    CHECK_STATUS("closed", jb_file_pread_u64(-1, &value), JB_EIO, &err);
    CHECK_U64("untouched", value, 4711);
}

static void file_i64_can_be_negative(void **state)
{
    const struct file_place *place = *state;
    JB_AUTO_CLOSE int fd = -1;
    struct jb_error err = { .text = "" };
    int64_t value = 0;

    file_put(place->path, "-273150\n", 8);
    assert_int_equal(jb_file_open(place->path, &fd, &err), JB_OK);
    assert_int_equal(jb_file_pread_i64(fd, &value), JB_OK);
    CHECK_U64("kept open", (uint64_t)value, (uint64_t)-273150);
    CHECK_STATUS("by path", jb_file_read_i64(place->path, &value, &err), JB_OK,
                 &err);
    file_put(place->path, "-\n", 2);
    CHECK_STATUS("a sign alone", jb_file_read_i64(place->path, &value, &err),
                 JB_EFORMAT, &err);
    assert_non_null(strstr(err.text, "number"));
    CHECK_STATUS("kept open", jb_file_pread_i64(fd, &value), JB_EFORMAT, &err);
    CHECK_STATUS("closed", jb_file_pread_i64(-1, &value), JB_EIO, &err);
    CHECK_U64("untouched", (uint64_t)value, (uint64_t)-273150);
}

#define FILE_TEST(function)                                                    \
    cmocka_unit_test_setup_teardown(function, file_setup, file_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(file_path_refuses_what_does_not_fit),
        FILE_TEST(file_open_says_why_not),
        FILE_TEST(file_open_does_not_wait_for_a_writer),
        FILE_TEST(file_read_takes_it_whole_or_not),
        FILE_TEST(file_read_says_why_not),
        FILE_TEST(file_u64_is_one_number),
        FILE_TEST(file_pread_u64_sees_the_newest_value),
        FILE_TEST(file_pread_u64_says_why_not),
        FILE_TEST(file_i64_can_be_negative),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
