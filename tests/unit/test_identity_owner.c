/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "identity/owner.h"

#define A64 "b43d92bf1e5c6f78bb9b7bc6f40721280299855ba692092716e3a1b6c0b86f3f"
#define B64 "17db96a24ae1e9dd57143e62b1cb0d2d35e693c65c774c7470e87b0572e07c1a"
#define POD "/kubepods/burstable/pod8712f785-1a3e-41ec-a00b-e2dcc77431cb"
#define SCOPE "/system.slice/slurmstepd.scope"
#define USER1000 "/user.slice/user-1000.slice/user@1000.service"

static void owner_of(struct jb_consumers *set, const char *path,
                     struct jb_owner *out)
{
    struct jb_identity identity;

    jb_identity_of_path(jb_word_of(path), &identity);
    jb_owner_init(set, &identity, 7, out);
}

/* "task:0 < step:0 < job:4", from the inside out. */
static const char *owner_chain(const struct jb_consumers *set, uint32_t id,
                               char *out, size_t size)
{
    const char *separator = "";
    size_t used = 0;

    out[0] = '\0';
    for (; id != JB_CONSUMER_NONE; id = jb_consumers_get(set, id)->parent) {
        const struct jb_consumer *one = jb_consumers_get(set, id);

        used +=
            (size_t)snprintf(out + used, size - used, "%s%s:%.8s", separator,
                             jb_consumer_kind_name(one->kind), one->name);
        separator = " < ";
    }
    return out;
}

static const struct owner_case {
    const char *path, *leaf, *unit, *user;
} owner_cases[] = {
    { "/", "", "", "" },
    { SCOPE "/job_4/step_0/user/task_0", "task:0 < step:0 < job:4",
      "unit:slurmste", "" },
    { "/slurm/uid_7/job_4/step_batch", "step:batch < job:4", "", "user:7" },
    { SCOPE "/job_4/step_0/user/task_special", "task:special < step:0 < job:4",
      "unit:slurmste", "" },
    { SCOPE "/job_4/step_0/user/task_0/docker-" A64 ".scope",
      "container:b43d92bf < task:0 < step:0 < job:4", "unit:docker-b", "" },
    { "/docker/" A64 "/slurm/uid_3/job_5/step_1",
      "step:1 < job:5 < container:b43d92bf", "", "" },
    { POD "/" A64, "container:b43d92bf < pod:8712f785", "", "" },
    { POD, "pod:8712f785", "", "" },
    { "/docker/" A64 "/kubelet" POD "/" B64,
      "container:17db96a2 < pod:8712f785 < container:b43d92bf", "", "" },
    { "/docker/" A64 "/system.slice/a.service", "container:b43d92bf",
      "unit:a.servic < container:b43d92bf", "" },
    { USER1000 "/app.slice/a.service", "user:1000", "unit:a.servic < user:1000",
      "user:1000" },
    { USER1000 "/user.slice/docker-" A64 ".scope",
      "container:b43d92bf < user:1000", "unit:docker-b < user:1000",
      "user:1000" },
    { "/user.slice/user-1000.slice/session-1.scope", "", "unit:session-",
      "user:1000" },
    { "/machine.slice/machine-qemu\\x2d1\\x2dmy\\x2dvm.scope/emulator",
      "machine:my-vm", "unit:machine-", "" },
    { "/machine.slice/systemd-nspawn@deb.service/payload/a.service",
      "machine:deb", "unit:a.servic < machine:deb", "" },
    { "/machine.slice/machine-a.scope/docker/" A64,
      "container:b43d92bf < machine:a", "unit:machine-", "" },
};

static void owner_chains(void **state)
{
    struct jb_consumers *set = NULL;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("new", jb_consumers_new(256, &set, &err), JB_OK, &err);
    for (size_t i = 0; i < CHECK_COUNT(owner_cases); i++) {
        const struct owner_case *row = &owner_cases[i];
        struct jb_owner owner;
        char got[512];

        owner_of(set, row->path, &owner);
        CHECK_TEXT(row->path, owner_chain(set, owner.leaf, got, sizeof(got)),
                   row->leaf);
        CHECK_TEXT(row->path, owner_chain(set, owner.unit, got, sizeof(got)),
                   row->unit);
        CHECK_TEXT(row->path, owner_chain(set, owner.user, got, sizeof(got)),
                   row->user);
        jb_owner_release(set, &owner);
    }
    jb_consumers_free(set);
}

/* Pairs of paths: whether they are of the same job, container or unit. */
static void owner_apart(void **state)
{
    static const struct {
        const char *label, *a, *b;
        bool job, container, unit;
    } cases[] = {
        { "two steps", SCOPE "/job_4/step_0", SCOPE "/job_4/step_1", true, true,
          true },
        { "two nodes", "/system.slice/n1_slurmstepd.scope/job_4",
          "/system.slice/n2_slurmstepd.scope/job_4", false, true, false },
        { "v1 and v2", "/slurm/uid_7/job_4", SCOPE "/job_4", true, true,
          false },
        { "one SLUID, two spellings", SCOPE "/sBR1JB8J1YM400",
          SCOPE "/sbr1jb8j1ym4oo", true, true, true },
        { "two SLUIDs", SCOPE "/sBR1JB8J1YM400", SCOPE "/sBR1JB8J1YM401", false,
          true, true },
        { "two schedulers", "/torque/4.x", "/pbs_jobs.service/jobid/4.x", false,
          true, false },
        { "subjobs of an array", "/pbs_jobs.service/jobid/4[1].x",
          "/pbs_jobs.service/jobid/4[2].x", false, true, true },
        { "a job in a container", "/docker/" A64 "/slurm/uid_0/job_4",
          "/slurm/uid_0/job_4", false, false, true },
        { "a forged container", "/docker/" A64, "/docker/" B64 "/docker/" A64,
          true, false, true },
        { "a user's own container", USER1000 "/docker-" A64 ".scope",
          "/docker-" A64 ".scope", true, false, false },
        { "a user's own service", USER1000 "/app.slice/cron.service",
          "/system.slice/cron.service", true, true, false },
        { "a container's service", "/docker/" A64 "/system.slice/cron.service",
          "/system.slice/cron.service", true, false, false },
        { "one pod, two drivers' paths", "/kubepods/pod12-34/" A64,
          "/kubepods.slice/kubepods-pod12_34.slice/docker-" A64 ".scope", true,
          true, false },
    };
    struct jb_consumers *set = NULL;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("new", jb_consumers_new(256, &set, &err), JB_OK, &err);
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        struct jb_owner a;
        struct jb_owner b;

        owner_of(set, cases[i].a, &a);
        owner_of(set, cases[i].b, &b);
        CHECK_BOOL(cases[i].label, a.job == b.job, cases[i].job);
        CHECK_BOOL(cases[i].label, a.container == b.container,
                   cases[i].container);
        CHECK_BOOL(cases[i].label, a.unit == b.unit, cases[i].unit);
        jb_owner_release(set, &a);
        jb_owner_release(set, &b);
    }
    jb_consumers_free(set);
}

/* Everything is given back, and above the ceiling it is the others'. */
static void owner_ceiling(void **state)
{
    struct jb_consumers *set = NULL;
    struct jb_owner owner;
    struct jb_error err;

    (void)state;
    CHECK_STATUS("new", jb_consumers_new(2, &set, &err), JB_OK, &err);
    owner_of(set, SCOPE "/job_4/step_0/user/task_0", &owner);
    assert_int_not_equal(owner.job, JB_CONSUMER_OTHER);
    assert_int_not_equal(owner.step, JB_CONSUMER_OTHER);
    CHECK_U64("task", owner.task, JB_CONSUMER_OTHER);
    CHECK_U64("unit", owner.unit, JB_CONSUMER_OTHER);
    CHECK_U64("leaf", owner.leaf, JB_CONSUMER_OTHER);
    CHECK_U64("folded", jb_consumers_folded(set), 2);
    jb_consumers_died(set, owner.step, 1);
    jb_consumers_died(set, owner.job, 1);
    CHECK_U64("held", jb_consumers_count(set), JB_CONSUMER_FIXED + 2);
    jb_owner_release(set, &owner);
    CHECK_U64("given back", jb_consumers_count(set), JB_CONSUMER_FIXED);
    jb_consumers_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_chains),
        cmocka_unit_test(owner_apart),
        cmocka_unit_test(owner_ceiling),
    };

    return cmocka_run_group_tests_name("owner", tests, NULL, NULL);
}
