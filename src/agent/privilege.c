/* SPDX-License-Identifier: Apache-2.0 */
#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { PRIVILEGE_LINE_MAX = 4096 };

#define PRIVILEGE_KEPT (UINT64_C(1) << CAP_DAC_READ_SEARCH)

/* Users and groups of the system are in its own files, and whoever is in a
 * directory service is asked for last: a broker starts before the network. */
static int privilege_scan_users(const char *name, uid_t *uid, gid_t *gid)
{
    JB_AUTO_FCLOSE FILE *file = fopen("/etc/passwd", "re");
    char text[PRIVILEGE_LINE_MAX];
    struct passwd user;
    struct passwd *found;

    if (!file && errno == ENOMEM)
        return JB_ENOMEM; /* in which glibc's services crash */
    while (file && fgetpwent_r(file, &user, text, sizeof(text), &found) == 0)
        if (strcmp(user.pw_name, name) == 0) {
            *uid = user.pw_uid;
            *gid = user.pw_gid;
            return JB_OK;
        }
    return JB_EABSENT;
}

static int privilege_scan_groups(const char *name, gid_t *gid)
{
    JB_AUTO_FCLOSE FILE *file = fopen("/etc/group", "re");
    char text[PRIVILEGE_LINE_MAX];
    struct group group;
    struct group *found;

    if (!file && errno == ENOMEM)
        return JB_ENOMEM;
    while (file && fgetgrent_r(file, &group, text, sizeof(text), &found) == 0)
        if (strcmp(group.gr_name, name) == 0) {
            *gid = group.gr_gid;
            return JB_OK;
        }
    return JB_EABSENT;
}

int jb_privilege_find_user(const char *name, uid_t *uid, gid_t *gid,
                           struct jb_error *err)
{
    const struct passwd *user;
    int rc = privilege_scan_users(name, uid, gid);

    if (rc == JB_ENOMEM)
        return jb_fail(err, rc, "looking for user %s", name);
    if (rc == JB_OK)
        return rc;
    user = getpwnam(name);
    if (!user)
        return jb_fail(err, JB_EUSAGE, "--user: there is no user '%s'", name);
    *uid = user->pw_uid;
    *gid = user->pw_gid;
    return JB_OK;
}

int jb_privilege_find_group(const char *name, gid_t *gid, struct jb_error *err)
{
    const struct group *group;
    int rc = privilege_scan_groups(name, gid);

    if (rc == JB_ENOMEM)
        return jb_fail(err, rc, "looking for group %s", name);
    if (rc == JB_OK)
        return rc;
    group = getgrnam(name);
    if (!group)
        return jb_fail(err, JB_EUSAGE, "--group: there is no group '%s'", name);
    *gid = group->gr_gid;
    return JB_OK;
}

static int privilege_get(uint64_t *permitted)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

    if (syscall(SYS_capget, &head, data) < 0)
        return -1;
    *permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    return 0;
}

static int privilege_set(uint64_t caps)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        { (uint32_t)caps, (uint32_t)caps, 0 },
        { (uint32_t)(caps >> 32), (uint32_t)(caps >> 32), 0 },
    };

    return (int)syscall(SYS_capset, &head, data);
}

/* What a program that is started from here on could have at most.  Nothing is
 * started, and no_new_privs holds anyway: refusing it is no failure. */
static void privilege_empty_bounds(void)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
         cap++)
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static bool privilege_become(uid_t uid, gid_t gid)
{
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setgroups(0, NULL) == 0 &&
           setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0 &&
           prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) == 0;
}

int jb_privilege_drop(uid_t uid, gid_t gid, struct jb_error *err)
{
    uint64_t permitted = 0;

    privilege_empty_bounds();
    if (geteuid() == 0 && !privilege_become(uid, gid)) {
        jb_fail_errno(err, errno, "becoming user %u", (unsigned)uid);
        jb_error_set_fix(err, "let it have CAP_SETUID and CAP_SETGID to give "
                              "up root with");
        return err ? err->status = JB_EDENIED : JB_EDENIED;
    }
    if (privilege_get(&permitted) < 0 ||
        privilege_set(permitted & PRIVILEGE_KEPT) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return jb_fail_errno(err, errno, "giving up capabilities");
    return JB_OK;
}
