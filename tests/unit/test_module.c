/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdbool.h>
#include <sys/stat.h>

#include "base/module.h"

static const void *const module_untouched = "untouched";

static void module_loads_from_beside_the_program(void **state)
{
    const void *descriptor = module_untouched;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("good",
                 jb_module_load("good", JB_MODULE_SOURCE, &descriptor, &err),
                 JB_OK, &err);
    CHECK_TEXT("good", descriptor, "the descriptor");
}

static void module_refuses_what_does_not_fit(void **state)
{
    static const struct {
        const char *name;
        enum jb_module_kind kind;
        int want;
    } cases[] = {
        { "good", JB_MODULE_COMMAND, JB_EFORMAT },
        { "old", JB_MODULE_SOURCE, JB_EFORMAT },
        { "plain", JB_MODULE_SOURCE, JB_EFORMAT },
        { "missing", JB_MODULE_SOURCE, JB_EABSENT },
        { "", JB_MODULE_SOURCE, JB_EUSAGE },
        { "../good", JB_MODULE_SOURCE, JB_EUSAGE },
        { "/etc/passwd", JB_MODULE_SOURCE, JB_EUSAGE },
        { "GOOD", JB_MODULE_SOURCE, JB_EUSAGE },
        { "good.so", JB_MODULE_SOURCE, JB_EUSAGE },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        const void *descriptor = module_untouched;
        struct jb_error err;

        CHECK_STATUS(
            cases[i].name,
            jb_module_load(cases[i].name, cases[i].kind, &descriptor, &err),
            cases[i].want, &err);
        assert_ptr_equal(descriptor, module_untouched);
        assert_string_not_equal(err.text, "");
    }
}

static void module_absence_says_what_is_missing(void **state)
{
    const void *descriptor;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("missing",
                 jb_module_load("missing", JB_MODULE_SOURCE, &descriptor, &err),
                 JB_EABSENT, &err);
    CHECK_TEXT("missing", err.text,
               "module missing: not installed, or this joulebook was built "
               "without it");
    CHECK_TEXT("missing", err.fix, "");
}

/* $JOULEBOOK_MODULES comes first, and what is no library says so. */
static void module_that_is_no_library_says_so(void **state)
{
    char directory[] = "/tmp/joulebook-module-XXXXXX";
    const void *descriptor = module_untouched;
    char path[64];
    struct jb_error err;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/text.so", directory);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("no library\n", file);
    fclose(file);
    setenv("JOULEBOOK_MODULES", directory, 1);
    CHECK_STATUS("text",
                 jb_module_load("text", JB_MODULE_SOURCE, &descriptor, &err),
                 JB_EFORMAT, &err);
    assert_non_null(strstr(err.text, path));
    CHECK_STATUS("elsewhere",
                 jb_module_load("good", JB_MODULE_SOURCE, &descriptor, &err),
                 JB_OK, &err);
    unsetenv("JOULEBOOK_MODULES");
    unlink(path);
    rmdir(directory);
}

static void module_path_too_long_is_absent(void **state)
{
    char directory[4096];
    const void *descriptor;
    struct jb_error err;

    (void)state;
    memset(directory, 'a', sizeof(directory));
    directory[sizeof(directory) - 1] = '\0';
    setenv("JOULEBOOK_MODULES", directory, 1);
    CHECK_STATUS("long",
                 jb_module_load("missing", JB_MODULE_SOURCE, &descriptor, &err),
                 JB_EABSENT, &err);
    unsetenv("JOULEBOOK_MODULES");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(module_loads_from_beside_the_program),
        cmocka_unit_test(module_refuses_what_does_not_fit),
        cmocka_unit_test(module_absence_says_what_is_missing),
        cmocka_unit_test(module_that_is_no_library_says_so),
        cmocka_unit_test(module_path_too_long_is_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
