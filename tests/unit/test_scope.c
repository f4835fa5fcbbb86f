/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "identity/cgroup.h"
#include "identity/scope.h"

static const struct jb_scope_package scope_two[] = { { 0, 16000 },
                                                     { 1, 16000 } };

static struct jb_scopes *scope_set(void)
{
    const struct jb_scope_spec host = { .name = jb_word_of("h\x07st"),
                                        .capacity_mcpu = 32000,
                                        .packages = scope_two,
                                        .package_count = 2 };
    struct jb_scopes *scopes = NULL;
    struct jb_error err;

    CHECK_STATUS("new", jb_scopes_new(&host, &scopes, &err), JB_OK, &err);
    return scopes;
}

static int scope_try(struct jb_scopes *scopes, const char *path, uint32_t *id)
{
    const struct jb_scope_spec spec = { .kind = JB_SCOPE_KIND_NODE,
                                        .name = jb_word_of(path),
                                        .path = jb_word_of(path),
                                        .capacity_mcpu = 1500 };
    struct jb_error err;

    return jb_scopes_add(scopes, &spec, id, &err);
}

static uint32_t scope_add(struct jb_scopes *scopes, const char *path)
{
    uint32_t id = JB_SCOPE_NONE;

    CHECK_STATUS(path, scope_try(scopes, path, &id), JB_OK, NULL);
    return id;
}

static void scope_host(void **state)
{
    struct jb_scopes *scopes = scope_set();
    const struct jb_scope *host = jb_scopes_get(scopes, JB_SCOPE_HOST);

    (void)state;
    assert_non_null(host);
    CHECK_TEXT("name", host->name, "h?st");
    CHECK_U64("kind", host->kind, JB_SCOPE_KIND_HOST);
    CHECK_U64("capacity", host->capacity_mcpu, 32000);
    CHECK_U64("packages", host->package_count, 2);
    CHECK_U64("package", host->packages[1].capacity_mcpu, 16000);
    assert_ptr_not_equal(host->packages, scope_two);
    assert_true(jb_word_is(host->path, "/"));
    jb_scopes_remove(scopes, JB_SCOPE_HOST);
    CHECK_U64("stays", jb_scopes_count(scopes), 1);
    CHECK_U64("parent", jb_scopes_parent(scopes, JB_SCOPE_HOST), JB_SCOPE_NONE);
    jb_scopes_free(scopes);
    jb_scopes_free(NULL);
}

static void scope_longest_prefix(void **state)
{
    struct jb_scopes *scopes = scope_set();
    uint32_t n1 = scope_add(scopes, "/slurm_n1");
    uint32_t n10 = scope_add(scopes, "/slurm_n10/");
    uint32_t inner = scope_add(scopes, "/slurm_n1/uid_0/box");
    const struct {
        const char *path;
        uint32_t want;
    } cases[] = {
        { "/", JB_SCOPE_HOST },
        { "", JB_SCOPE_HOST },
        { "/slurm_n", JB_SCOPE_HOST },
        { "/slurm_n1", n1 },
        { "/slurm_n1/", n1 },
        { "/slurm_n1/uid_0/job_1", n1 },
        { "/slurm_n10/uid_0", n10 },
        { "/slurm_n11", JB_SCOPE_HOST },
        { "/slurm_n1/uid_0/boxes", n1 },
        { "/slurm_n1/uid_0/box", inner },
        { "/slurm_n1/uid_0/box/a/b", inner },
        { "/x/slurm_n1", JB_SCOPE_HOST },
        { "/../slurm_n1", JB_SCOPE_HOST },
        { "slurm_n1", JB_SCOPE_HOST },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++)
        CHECK_U64(cases[i].path,
                  jb_scopes_find(scopes, jb_word_of(cases[i].path))->id,
                  cases[i].want);
    CHECK_U64("parent", jb_scopes_parent(scopes, inner), n1);
    CHECK_U64("parent", jb_scopes_parent(scopes, n1), JB_SCOPE_HOST);
    CHECK_U64("parent", jb_scopes_parent(scopes, 99), JB_SCOPE_NONE);
    for (size_t i = 1; i < jb_scopes_count(scopes); i++)
        assert_true(jb_scopes_at(scopes, i - 1)->path.length >=
                    jb_scopes_at(scopes, i)->path.length);
    assert_null(jb_scopes_at(scopes, 4));
    jb_scopes_remove(scopes, n1);
    jb_scopes_remove(scopes, n1);
    assert_null(jb_scopes_get(scopes, n1));
    CHECK_U64("to the host",
              jb_scopes_find(scopes, jb_word_of("/slurm_n1/x"))->id,
              JB_SCOPE_HOST);
    CHECK_U64("inner stays", jb_scopes_parent(scopes, inner), JB_SCOPE_HOST);
    assert_int_not_equal(scope_add(scopes, "/slurm_n1"), n1);
    jb_scopes_free(scopes);
}

static void scope_paths_refused(void **state)
{
    static const char *const bad[] = { "",       "a",      "/",      "//",
                                       "/a//b",  "/../a",  "/a/..",  "/.",
                                       "/a/./b", "/known", "/known/" };
    static char path[JB_CGROUP_PATH_MAX + 2];
    struct jb_scopes *scopes = scope_set();
    uint32_t id = 4711;

    (void)state;
    (void)scope_add(scopes, "/known");
    (void)scope_add(scopes, "/..a/b..");
    for (size_t i = 0; i < CHECK_COUNT(bad); i++)
        CHECK_STATUS(bad[i], scope_try(scopes, bad[i], &id), JB_EUSAGE, NULL);
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    CHECK_STATUS("long", scope_try(scopes, path, &id), JB_ELIMIT, NULL);
    CHECK_U64("untouched", id, 4711);
    CHECK_U64("count", jb_scopes_count(scopes), 3);
    jb_scopes_free(scopes);
}

static void scope_capacity_refused(void **state)
{
    static const struct jb_scope_package same[] = { { 1, 5 }, { 1, 5 } };
    static const struct jb_scope_package down[] = { { 1, 5 }, { 0, 5 } };
    static const struct jb_scope_package wrap[] = { { 0, UINT64_MAX },
                                                    { 1, 2 } };
    const struct {
        const char *label;
        struct jb_scope_spec spec;
        int want;
    } cases[] = {
        { "none", { .path = jb_word_of("/a") }, JB_EUSAGE },
        { "a second host",
          { .kind = JB_SCOPE_KIND_HOST,
            .path = jb_word_of("/a"),
            .capacity_mcpu = 1 },
          JB_EUSAGE },
        { "twice",
          { .capacity_mcpu = 10, .packages = same, .package_count = 2 },
          JB_EUSAGE },
        { "descending",
          { .capacity_mcpu = 10, .packages = down, .package_count = 2 },
          JB_EUSAGE },
        { "more than the whole",
          { .capacity_mcpu = 31999, .packages = scope_two, .package_count = 2 },
          JB_EUSAGE },
        { "overflow",
          { .capacity_mcpu = 10, .packages = wrap, .package_count = 2 },
          JB_EUSAGE },
        { "too many",
          { .capacity_mcpu = 10,
            .packages = scope_two,
            .package_count = JB_SCOPE_PACKAGES_MAX + 1 },
          JB_ELIMIT },
        { "more places unsaid",
          { .capacity_mcpu = 40000, .packages = scope_two, .package_count = 2 },
          JB_OK },
    };
    struct jb_scopes *scopes = scope_set();
    struct jb_error err;
    uint32_t id;

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_scope_spec spec = cases[i].spec;

        if (spec.path.length == 0) {
            spec.kind = JB_SCOPE_KIND_GUEST;
            spec.path = jb_word_of("/b");
        }
        CHECK_STATUS(cases[i].label, jb_scopes_add(scopes, &spec, &id, &err),
                     cases[i].want, &err);
    }
    jb_scopes_free(scopes);
}

static void scope_ceiling(void **state)
{
    struct jb_scopes *scopes = scope_set();
    char path[32];
    uint32_t id;

    (void)state;
    for (unsigned i = 1; i < JB_SCOPES_MAX; i++) {
        snprintf(path, sizeof(path), "/n%u", i);
        (void)scope_add(scopes, path);
    }
    CHECK_STATUS("full", scope_try(scopes, "/x", &id), JB_ELIMIT, NULL);
    CHECK_TEXT("one of many",
               jb_scopes_find(scopes, jb_word_of("/n77/a"))->name, "/n77");
    CHECK_TEXT("kind", jb_scope_kind_name(JB_SCOPE_KIND_GUEST), "guest");
    jb_scopes_free(scopes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scope_host),
        cmocka_unit_test(scope_longest_prefix),
        cmocka_unit_test(scope_paths_refused),
        cmocka_unit_test(scope_capacity_refused),
        cmocka_unit_test(scope_ceiling),
    };

    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
