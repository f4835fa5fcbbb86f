/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <limits.h>

static void error_keeps_text_and_status(void **state)
{
    struct jb_error err = { .fix = "old" };

    (void)state;
    assert_int_equal(jb_fail(&err, JB_EIO, "reading %s: %d", "x", 7), JB_EIO);
    assert_int_equal(err.status, JB_EIO);
    assert_string_equal(err.text, "reading x: 7");
    assert_string_equal(err.fix, "");
    jb_error_set_fix(&err, "run %s", "y");
    assert_string_equal(err.fix, "run y");
    assert_string_equal(err.text, "reading x: 7");
}

static void error_may_be_absent(void **state)
{
    (void)state;
    assert_int_equal(jb_fail(NULL, JB_EDEAD, "x"), JB_EDEAD);
    assert_int_equal(jb_fail_errno(NULL, EPERM, "x"), JB_EDENIED);
    jb_error_set_fix(NULL, "x");
}

static void error_cuts_long_texts(void **state)
{
    char text[2 * JB_ERROR_TEXT_MAX];
    struct jb_error err;

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    jb_fail(&err, JB_EIO, "%s", text);
    assert_int_equal(strlen(err.text), JB_ERROR_TEXT_MAX - 1);
    jb_fail_errno(&err, EIO, "%s", text);
    assert_int_equal(strlen(err.text), JB_ERROR_TEXT_MAX - 1);
    jb_error_set_fix(&err, "%s", text);
    assert_string_equal(err.fix, ""); /* half a command does something else */
    text[JB_ERROR_FIX_MAX - 1] = '\0';
    jb_error_set_fix(&err, "%s", text);
    assert_string_equal(err.fix, text);
}

static void error_maps_errno(void **state)
{
    static const struct {
        int errnum, want;
        const char *text;
    } cases[] = {
        { EACCES, JB_EDENIED, "f: Permission denied" },
        { EPERM, JB_EDENIED, "f: Operation not permitted" },
        { ENOENT, JB_EABSENT, "f: No such file or directory" },
        { ENODEV, JB_EABSENT, "f: No such device" },
        { ENXIO, JB_EABSENT, "f: No such device or address" },
        { ENOMEM, JB_ENOMEM, "f: Cannot allocate memory" },
        { EIO, JB_EIO, "f: Input/output error" },
        { ENODATA, JB_EIO, "f: No data available" },
        { 99999, JB_EIO, "f: error" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_error err;

        CHECK_STATUS(cases[i].text, jb_fail_errno(&err, cases[i].errnum, "f"),
                     cases[i].want, &err);
        CHECK_TEXT("errno", err.text, cases[i].text);
    }
}

static void error_names_every_status(void **state)
{
    static const struct {
        int status;
        const char *want;
    } cases[] = {
        { JB_OK, "ok" },
        { JB_ENOMEM, "out-of-memory" },
        { JB_EABSENT, "absent" },
        { JB_EDENIED, "denied" },
        { JB_EFORMAT, "malformed" },
        { JB_EIO, "error" },
        { JB_EUSAGE, "usage" },
        { JB_ELIMIT, "limit" },
        { JB_EDEAD, "dead" },
        { JB_EIMPLAUSIBLE, "implausible" },
        { JB_EREFUSED, "refused" },
        { JB_EBUSY, "busy" },
        { JB_EBUSY - 1, "unknown" },
        { 1, "unknown" },
        { INT_MAX, "unknown" },
        { INT_MIN, "unknown" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        CHECK_TEXT("status", jb_status_name(cases[i].status), cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_keeps_text_and_status),
        cmocka_unit_test(error_may_be_absent),
        cmocka_unit_test(error_cuts_long_texts),
        cmocka_unit_test(error_maps_errno),
        cmocka_unit_test(error_names_every_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
