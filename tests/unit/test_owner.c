/* SPDX-License-Identifier: Apache-2.0 */
/* A child of fork() is told from the process that made something. */
#include "base/owner.h"

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void check_child(const struct jb_owner *owner, bool want)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct jb_error err = { .status = JB_OK };
        int rc = jb_owner_check(owner, "thing", &err);

        _exit(jb_owner_here(owner) == want && (rc == JB_OK) == want &&
                      (want || strstr(err.text, "thing"))
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_fork(void **state)
{
    struct jb_owner owner = { NULL, 0 };
    struct jb_error err;

    (void)state;
    CHECK_STATUS("init", jb_owner_init(&owner, &err), JB_OK, &err);
    CHECK_BOOL("here", jb_owner_here(&owner), true);
    check_child(&owner, false);
    CHECK_BOOL("still here", jb_owner_here(&owner), true);
    jb_owner_release(&owner);
}

/* Where the kernel cannot wipe pages the process id tells. */
static void test_without_wiping(void **state)
{
    int mark = 1;
    struct jb_owner owner = { &mark, getpid() };

    (void)state;
    CHECK_BOOL("here", jb_owner_here(&owner), true);
    check_child(&owner, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_fork),
                                        cmocka_unit_test(test_without_wiping) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
