/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>

#include "identity/identity.h"
#include "identity_text.h"

#define A64 "b43d92bf1e5c6f78bb9b7bc6f40721280299855ba692092716e3a1b6c0b86f3f"
#define B64 "17db96a24ae1e9dd57143e62b1cb0d2d35e693c65c774c7470e87b0572e07c1a"
#define UID_ "8712f785_1a3e_41ec_a00b_e2dcc77431cb"
#define UID "8712f785-1a3e-41ec-a00b-e2dcc77431cb"
#define SCOPE "/system.slice/slurmstepd.scope"
#define SLURM2 "unit=slurmstepd.scope slice=system.slice"
#define USER1000 "/user.slice/user-1000.slice/user@1000.service"

struct identity_case {
    const char *path, *want;
};

/* Slurm 22.05.8 of Debian as seen running (several slurmd on one kernel), the
 * same without node names, and release 26.05 (cgroup.conf(5), cgroup_v2.html):
 * the job's directory is its SLUID. */
static const struct identity_case identity_slurm[] = {
    { "/slurm/uid_20821/job_11/step_0/task_1",
      "by=slurm job=11 raw=11 step=0 task=1 uid=20821" },
    { "/slurm/uid_20821/job_11/step_extern/task_0",
      "by=slurm job=11 raw=11 step=extern task=0 uid=20821" },
    { "/slurm/uid_0/job_11/step_batch",
      "by=slurm job=11 raw=11 step=batch uid=0" },
    { "/slurm/uid_1/job_4294967294", "by=slurm job=4294967294 raw=4294967294 "
                                     "uid=1" },
    { "/slurm/uid_1", "uid=1" },
    { "/slurm", "" },
    { "/slurm/system", "is=overhead" },
    { "/slurm_n1/uid_65534/job_2/step_0/task_0",
      "by=slurm node=n1 job=2 raw=2 step=0 task=0 uid=65534" },
    { "/slurm_gpu_node-3/uid_5/job_2",
      "by=slurm node=gpu_node-3 job=2 raw=2 uid=5" },
    { SCOPE "/job_4/step_0/user/task_0",
      "by=slurm job=4 raw=4 step=0 task=0 " SLURM2 },
    { SCOPE "/job_4/step_extern/user/task_special",
      "by=slurm job=4 raw=4 step=extern task=special " SLURM2 },
    { SCOPE "/job_4/step_interactive/user",
      "by=slurm job=4 raw=4 step=interactive " SLURM2 },
    { SCOPE "/job_4/step_0/slurm",
      "by=slurm job=4 raw=4 step=0 " SLURM2 " is=overhead" },
    { SCOPE "/job_4/step_3+1/user/task_2",
      "by=slurm job=4 raw=4 step=3+1 task=2 " SLURM2 },
    { SCOPE "/system", SLURM2 " is=overhead" },
    { SCOPE "/slurmd", SLURM2 " is=overhead" },
    { SCOPE, SLURM2 },
    { "/system.slice/n1_slurmstepd.scope/job_1/step_0/user/task_0",
      "by=slurm node=n1 job=1 raw=1 step=0 task=0 "
      "unit=n1_slurmstepd.scope slice=system.slice" },
    { "/hpc.slice/hpc-jobs.slice/slurmstepd.scope/job_1/step_0/user/task_0",
      "by=slurm job=1 raw=1 step=0 task=0 unit=slurmstepd.scope "
      "slice=hpc-jobs.slice" },
    { SCOPE "/sBR1JB8J1YM400/step_batch/user/task_0",
      "by=slurm job=sBR1JB8J1YM400 sluid=13548599286633730048 step=batch "
      "task=0 " SLURM2 },
    { SCOPE "/sbr1jb8j1ym4oo/step_0",
      "by=slurm job=sbr1jb8j1ym4oo sluid=13548599286633730048 step=0 " SLURM2 },
    { "/system.slice/n2_slurmstepd.scope/sEKNKTV3WPV500/step_0/user/task_7",
      "by=slurm node=n2 job=sEKNKTV3WPV500 sluid=16849790128169522176 step=0 "
      "task=7 unit=n2_slurmstepd.scope slice=system.slice" },
    /* Not what Slurm writes. */
    { SCOPE "/job_0/step_0", SLURM2 },
    { SCOPE "/job_007", SLURM2 },
    { SCOPE "/job_4294967295", SLURM2 },
    { SCOPE "/job_18446744073709551616", SLURM2 },
    { SCOPE "/job_", SLURM2 },
    { SCOPE "/job_4x/step_0", SLURM2 },
    { SCOPE "/job_-4", SLURM2 },
    { SCOPE "/job_4/step_", "by=slurm job=4 raw=4 " SLURM2 },
    { SCOPE "/job_4/step_4294967295", "by=slurm job=4 raw=4 " SLURM2 },
    { SCOPE "/job_4/step_TBD/user/task_0", "by=slurm job=4 raw=4 " SLURM2 },
    { SCOPE "/job_4/task_0", "by=slurm job=4 raw=4 " SLURM2 },
    { SCOPE "/job_4/step_0/user/x/task_0",
      "by=slurm job=4 raw=4 step=0 " SLURM2 },
    { SCOPE "/sBR1JB8J1YM40", SLURM2 },
    { SCOPE "/sBR1JB8J1YM40U", SLURM2 },
    { SCOPE "/sZBR1JB8J1YM40", SLURM2 },
    { SCOPE "/s0000000000000", SLURM2 },
    { "/job_4/step_0/task_0", "" },
    { "/system.slice/x.service/slurm/uid_0/job_1/step_0",
      "unit=x.service slice=system.slice" },
};

/* OpenPBS' own tests and exporters for it; trees of the Ohio Supercomputer
 * Center; OAR's job_resource_manager_{cgroups,systemd}.pl. */
static const struct identity_case identity_batch[] = {
    { "/pbs_jobs.service/jobid/12345.gadi-pbs",
      "by=pbs job=12345.gadi-pbs raw=12345 unit=pbs_jobs.service" },
    { "/pbs_jobs.service/jobs/12345.pbs",
      "by=pbs job=12345.pbs raw=12345 unit=pbs_jobs.service" },
    { "/pbspro.service/jobid/77[3].server",
      "by=pbs job=77[3].server raw=77 unit=pbspro.service" },
    { "/pbspro.service/jobid/77", "by=pbs job=77 raw=77 unit=pbspro.service" },
    { "/pbs_jobs.service/other/77.s", "unit=pbs_jobs.service" },
    { "/pbs_jobs.service/jobid/x.server", "unit=pbs_jobs.service" },
    { "/torque/1182724.batch", "by=torque job=1182724.batch raw=1182724" },
    { "/torque/1182724.batch/R0.t0",
      "by=torque job=1182724.batch raw=1182724" },
    { "/torque/5[2].batch", "by=torque job=5[2].batch raw=5" },
    { "/torque", "" },
    { "/oar/alice_4711", "by=oar job=4711 raw=4711 user=alice" },
    { "/oar/al_ice_4711", "by=oar job=4711 raw=4711 user=al_ice" },
    { "/oar/4711", "" },
    { "/oar.slice/oar-u1000.slice/oar-u1000-j4711.slice",
      "by=oar job=4711 raw=4711 slice=oar-u1000-j4711.slice uid=1000" },
    { "/oar.slice/oar-u1000.slice", "slice=oar-u1000.slice uid=1000" },
};

/* Paths as recorded in issues and tests of the engines; see path_table.c. */
static const struct identity_case identity_containers[] = {
    { "/docker/" A64, "runtime=docker container=" A64 },
    { "/docker/buildx", "" },
    { "/docker", "" },
    { "/" A64, "runtime=container container=" A64 },
    { "/x/" A64 "0", "" },
    { "/x/B43D92BF1E5C6F78BB9B7BC6F40721280299855BA692092716E3A1B6C0B86F3F",
      "" },
    { "/system.slice/docker-" A64 ".scope",
      "runtime=docker container=" A64 " unit=docker-" A64
      ".scope slice=system.slice" },
    { "/system.slice/docker-" A64 ".mount",
      "unit=docker-" A64 ".mount slice=system.slice" },
    { "/system.slice:docker:" A64, "runtime=docker container=" A64 },
    { USER1000 "/user.slice/docker-" A64 ".scope",
      "runtime=docker container=" A64 " unit=docker-" A64
      ".scope host-unit=user@1000.service slice=user.slice uid=1000 "
      "made=by-user" },
    { "/system.slice/nerdctl-" A64 ".scope",
      "runtime=containerd container=" A64 " unit=nerdctl-" A64
      ".scope slice=system.slice" },
    { "/machine.slice/libpod-" A64 ".scope/container",
      "runtime=podman container=" A64 " unit=libpod-" A64
      ".scope slice=machine.slice" },
    { "/machine.slice/libpod-conmon-" A64 ".scope",
      "runtime=podman container=" A64 " unit=libpod-conmon-" A64
      ".scope slice=machine.slice is=overhead" },
    { "/machine.slice/machine-libpod_pod_" B64 ".slice/libpod-" A64 ".scope",
      "runtime=podman container=" A64 " pod=" B64 " unit=libpod-" A64
      ".scope slice=machine-libpod_pod_" B64 ".slice" },
    { USER1000 "/user.slice/user-libpod_pod_" B64 ".slice/libpod-" A64
               ".scope/container",
      "runtime=podman container=" A64 " pod=" B64 " unit=libpod-" A64
      ".scope host-unit=user@1000.service slice=user-libpod_pod_" B64
      ".slice uid=1000 made=by-user" },
    { "/libpod_parent/libpod-" A64, "runtime=podman container=" A64 },
    { "/system.slice/nginx.service/libpod-payload-" A64,
      "runtime=podman container=" A64 " unit=nginx.service "
      "slice=system.slice" },
    { "/system.slice/nginx.service/runtime",
      "unit=nginx.service slice=system.slice" },
    { "/lxc/web-1", "runtime=lxc container=web-1" },
    { "/lxc/101/ns/system.slice/cron.service",
      "runtime=lxc container=101 unit=cron.service slice=system.slice" },
    { "/lxc.payload.first/system.slice/systemd-logind.service",
      "runtime=lxc container=first unit=systemd-logind.service "
      "slice=system.slice" },
    { "/lxc.payload/first/init.scope",
      "runtime=lxc container=first unit=init.scope" },
    { "/lxc.monitor.first", "runtime=lxc container=first is=overhead" },
    { "/user.slice/user-1000.slice/session-2.scope/lxc/mine",
      "runtime=lxc container=mine unit=session-2.scope "
      "slice=user-1000.slice uid=1000" },
    { "/apptainer/4711", "runtime=apptainer container=4711" },
    { "/singularity/4711", "runtime=apptainer container=4711" },
    { "/system.slice/apptainer-4711.scope",
      "runtime=apptainer container=4711 unit=apptainer-4711.scope "
      "slice=system.slice" },
    { USER1000 "/user.slice/singularity-4711.scope",
      "runtime=apptainer container=4711 unit=singularity-4711.scope "
      "host-unit=user@1000.service slice=user.slice uid=1000 made=by-user" },
    { "/garden/3d4bc5c4-6b2e-4f0e-7b1f",
      "runtime=garden container=3d4bc5c4-6b2e-4f0e-7b1f" },
    { "/ecs/f0a5f6de/" A64, "runtime=ecs container=" A64 },
    { "/ecs/55091c13-b8cf-4801-b527-f4601742204d/"
      "432624d2150b349fe35ba397284dea788c2bf66b885d14dfc1569b01890ca7da",
      "runtime=ecs container="
      "432624d2150b349fe35ba397284dea788c2bf66b885d14dfc1569b01890ca7da" },
};

/* kubelet with the cgroupfs and the systemd driver, and kind in docker. */
static const struct identity_case identity_pods[] = {
    { "/kubepods/burstable/pod" UID "/" A64,
      "runtime=container container=" A64 " pod=" UID " qos=burstable" },
    { "/kubepods/besteffort/pod" UID, "pod=" UID " qos=besteffort" },
    { "/kubepods/pod" UID "/" A64,
      "runtime=container container=" A64 " pod=" UID " qos=guaranteed" },
    { "/kubepods/burstable/pod" UID "/crio-" A64,
      "runtime=cri-o container=" A64 " pod=" UID " qos=burstable" },
    { "/kubepods/burstable/podc704ef4c297ab11032b83ce52cbfc87b/crio-conmon-" A64,
      "runtime=cri-o container=" A64
      " pod=c704ef4c297ab11032b83ce52cbfc87b qos=burstable is=overhead" },
    { "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
      ".slice/cri-containerd-" A64 ".scope",
      "runtime=containerd container=" A64 " pod=" UID_
      " qos=besteffort unit=cri-containerd-" A64
      ".scope slice=kubepods-besteffort-pod" UID_ ".slice" },
    { "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" A64 ".scope/container",
      "runtime=cri-o container=" A64 " pod=" UID_
      " qos=guaranteed unit=crio-" A64 ".scope slice=kubepods-pod" UID_
      ".slice" },
    { "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
      ".slice/crio-conmon-" A64 ".scope",
      "runtime=cri-o container=" A64 " pod=" UID_
      " qos=burstable unit=crio-conmon-" A64
      ".scope slice=kubepods-burstable-pod" UID_ ".slice is=overhead" },
    { "/kubepods.slice/kubepods-burstable.slice",
      "slice=kubepods-burstable.slice" },
    { "/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" A64,
      "runtime=containerd container=" A64 " pod=" UID_ " qos=besteffort" },
    { "/system.slice/containerd.service/kubepods-pod" UID_
      ".slice:cri-containerd:" A64,
      "runtime=containerd container=" A64 " pod=" UID_
      " qos=guaranteed unit=containerd.service slice=system.slice" },
    { "/docker/" A64 "/kubelet/kubepods/burstable/pod" UID "/" B64,
      "runtime=container container=" B64 " in=docker outer=" A64 " pod=" UID
      " qos=burstable" },
    { "/system.slice/docker-" A64 ".scope/kubelet.slice/kubelet-kubepods.slice/"
      "kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod" UID_
      ".slice/cri-containerd-" B64 ".scope",
      "runtime=containerd container=" B64 " in=docker outer=" A64 " pod=" UID_
      " qos=burstable unit=cri-containerd-" B64 ".scope host-unit=docker-" A64
      ".scope slice=kubelet-kubepods-burstable-pod" UID_ ".slice" },
    { "/docker/" A64 "/kubelet.slice/kubelet-kubepods-pod" UID_
      ".slice/cri-containerd-" B64 ".scope",
      "runtime=containerd container=" B64 " in=docker outer=" A64 " pod=" UID_
      " qos=guaranteed unit=cri-containerd-" B64
      ".scope slice=kubelet-kubepods-pod" UID_ ".slice" },
    { "/kubelet.slice/kubelet-kubepods-besteffort-pod" UID_ ".slice",
      "pod=" UID_ " qos=besteffort slice=kubelet-kubepods-besteffort-pod" UID_
      ".slice" },
    { "/system.slice/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" A64,
      "runtime=containerd container=" A64 " pod=" UID_
      " qos=burstable slice=system.slice" },
    { "/podruntime/runtime", "" },
    { "/kubepods/burstable/pod", "qos=burstable" },
    { "/kubepods/burstable/podXYZ/" A64,
      "runtime=container container=" A64 " qos=burstable" },
};

/* systemd 252, logind of release 204, libvirt.org/cgroups.html. */
static const struct identity_case identity_units[] = {
    { "/", "" },
    { "", "" },
    { "/init.scope", "unit=init.scope" },
    { "/system.slice/cron.service", "unit=cron.service slice=system.slice" },
    { "/system.slice/system-getty.slice/getty@tty1.service",
      "unit=getty@tty1.service slice=system-getty.slice" },
    { "/system.slice/boot-efi.mount",
      "unit=boot-efi.mount slice=system.slice" },
    { "/system.slice/dbus.socket", "unit=dbus.socket slice=system.slice" },
    { "/dev-sda2.swap", "unit=dev-sda2.swap" },
    { "/system.slice/slurmd.service",
      "unit=slurmd.service slice=system.slice" },
    { "/user.slice/user-20821.slice/session-157.scope",
      "unit=session-157.scope slice=user-20821.slice uid=20821" },
    { USER1000 "/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope",
      "unit=vte-spawn-1.scope host-unit=user@1000.service "
      "slice=app-org.gnome.Terminal.slice uid=1000 made=by-user" },
    { USER1000 "/init.scope",
      "unit=init.scope host-unit=user@1000.service slice=user-1000.slice "
      "uid=1000 made=by-user" },
    { "/user/1000.user/c2.session", "uid=1000" },
    { "/.service", "" },
    { "/a.slice", "slice=a.slice" },
    { "/machine.slice/machine-qemu\\x2d1\\x2ddebian12\\x2d1.scope/libvirt/vcpu0",
      "vm=libvirt machine=debian12\\x2d1 "
      "unit=machine-qemu\\x2d1\\x2ddebian12\\x2d1.scope slice=machine.slice" },
    { "/machine.slice/machine-qemu\\x2dold.scope/emulator",
      "vm=libvirt machine=old unit=machine-qemu\\x2dold.scope "
      "slice=machine.slice" },
    { "/machine.slice/machine-lxc\\x2d71\\x2dbox.scope",
      "vm=libvirt-lxc machine=box unit=machine-lxc\\x2d71\\x2dbox.scope "
      "slice=machine.slice" },
    { "/machine/qemu-3-web.libvirt-qemu/vcpu0", "vm=libvirt machine=web" },
    { "/machine/web.libvirt-qemu/emulator", "vm=libvirt machine=web" },
    { "/machine/box.libvirt-lxc", "vm=libvirt-lxc machine=box" },
    { "/machine/lxc-9-box.libvirt-lxc", "vm=libvirt-lxc machine=box" },
    { "/machine.slice/systemd-nspawn@deb.service/payload/system.slice/a.service",
      "vm=nspawn machine=deb unit=a.service "
      "host-unit=systemd-nspawn@deb.service slice=system.slice" },
    { "/machine.slice/systemd-nspawn@deb.service/supervisor",
      "vm=nspawn machine=deb unit=systemd-nspawn@deb.service "
      "slice=machine.slice is=overhead" },
    { "/machine.slice/machine-fedora.scope",
      "vm=nspawn machine=fedora unit=machine-fedora.scope "
      "slice=machine.slice" },
    { "/../../system.slice/docker-" A64 ".scope",
      "runtime=docker container=" A64 " unit=docker-" A64
      ".scope slice=system.slice seen=from-inside" },
    { "/..", "seen=from-inside" },
    { "/a//b.service/", "unit=b.service" },
    { "/a\xff\x01\n.service", "unit=a???.service" },
};

/* Names that a user or a container chose take nobody else's place. */
static const struct identity_case identity_forged[] = {
    { USER1000 "/system.slice/slurmstepd.scope/job_1/step_0/user/task_0",
      "unit=slurmstepd.scope host-unit=user@1000.service slice=system.slice "
      "uid=1000 made=by-user" },
    { USER1000 "/slurm/uid_0/job_1", "unit=user@1000.service "
                                     "slice=user-1000.slice uid=1000 "
                                     "made=by-user" },
    { USER1000 "/user.slice/user-0.slice/user@0.service",
      "unit=user@0.service host-unit=user@1000.service slice=user-0.slice "
      "uid=1000 made=by-user" },
    { USER1000 "/torque/1.x",
      "unit=user@1000.service slice=user-1000.slice uid=1000 made=by-user" },
    { SCOPE "/job_4/step_0/user/task_0/slurm/uid_0/job_5",
      "by=slurm job=4 raw=4 step=0 task=0 " SLURM2 },
    { SCOPE "/job_4/step_0/user/task_0/docker-" A64
            ".scope/system.slice/slurmstepd.scope/job_5/step_1",
      "by=slurm job=4 raw=4 step=0 task=0 runtime=docker container=" A64
      " unit=slurmstepd.scope host-unit=slurmstepd.scope "
      "slice=system.slice" },
    { "/docker/" A64 "/slurm/uid_3/job_5/step_1",
      "by=slurm job=5 raw=5 step=1 runtime=docker container=" A64 },
    { "/machine.slice/libpod-" A64 ".scope/container/slurm/uid_0/job_5",
      "by=slurm job=5 raw=5 runtime=podman container=" A64 " unit=libpod-" A64
      ".scope slice=machine.slice" },
    { "/lxc/101/ns/torque/5.x",
      "by=torque job=5.x raw=5 runtime=lxc container=101" },
    { "/machine.slice/systemd-nspawn@deb.service/payload/torque/5.x",
      "by=torque job=5.x raw=5 vm=nspawn machine=deb "
      "unit=systemd-nspawn@deb.service slice=machine.slice" },
    { "/docker/" A64 "/user.slice/user-0.slice/session-1.scope",
      "runtime=docker container=" A64
      " unit=session-1.scope slice=user-0.slice" },
    { "/docker/" A64 "/docker/" B64,
      "runtime=docker container=" B64 " in=docker outer=" A64 },
};

static void identity_check_path(const char *path, const char *want)
{
    size_t length = strlen(path);
    char *exact = malloc(length ? length : 1); /* ASan sees an overread */
    char got[IDENTITY_TEXT_MAX];
    struct jb_identity identity;

    assert_non_null(exact);
    for (size_t i = 0; i < length; i++)
        exact[i] = path[i];
    jb_identity_of_path((struct jb_word){ exact, length }, &identity);
    CHECK_TEXT(path, identity_text(&identity, got), want);
    free(exact);
}

static void identity_check(const struct identity_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        identity_check_path(cases[i].path, cases[i].want);
}

static void identity_of_slurm(void **state)
{
    (void)state;
    identity_check(identity_slurm, CHECK_COUNT(identity_slurm));
}

static void identity_of_batch_systems(void **state)
{
    (void)state;
    identity_check(identity_batch, CHECK_COUNT(identity_batch));
}

static void identity_of_containers(void **state)
{
    (void)state;
    identity_check(identity_containers, CHECK_COUNT(identity_containers));
}

static void identity_of_pods(void **state)
{
    (void)state;
    identity_check(identity_pods, CHECK_COUNT(identity_pods));
}

static void identity_of_units(void **state)
{
    (void)state;
    identity_check(identity_units, CHECK_COUNT(identity_units));
}

static void identity_of_forged(void **state)
{
    (void)state;
    identity_check(identity_forged, CHECK_COUNT(identity_forged));
}

static void identity_of_long_paths(void **state)
{
    static char path[JB_CGROUP_PATH_MAX + 2];
    struct jb_identity identity;
    char got[IDENTITY_TEXT_MAX];

    (void)state;
    memset(path, '/', JB_CGROUP_PATH_MAX);
    snprintf(path + JB_CGROUP_PATH_MAX - 10, 12, "/cron.scope");
    jb_identity_of_path(jb_word_of(path), &identity);
    CHECK_TEXT("too long", identity_text(&identity, got), "");
    jb_identity_of_path(jb_word_of(path + 1), &identity);
    CHECK_TEXT("longest", identity_text(&identity, got), "unit=cron.scope");
    memset(path, 'a', JB_CGROUP_PATH_MAX);
    jb_identity_of_path((struct jb_word){ path, JB_CGROUP_PATH_MAX },
                        &identity);
    CHECK_TEXT("one name", identity_text(&identity, got), "");
}

/* As many names as are read, the last one told apart, and one more. */
static void identity_of_deep_paths(void **state)
{
    char path[512];
    int used = snprintf(path, sizeof(path), "/a.service");
    struct jb_identity identity;
    char got[IDENTITY_TEXT_MAX];

    (void)state;
    for (int names = 2; names < JB_CGROUP_DEPTH_MAX; names++)
        used += snprintf(path + used, sizeof(path) - (size_t)used, "/x");
    snprintf(path + used, sizeof(path) - (size_t)used, "/b.service");
    jb_identity_of_path(jb_word_of(path), &identity);
    CHECK_TEXT("deep", identity_text(&identity, got),
               "unit=b.service host-unit=a.service");
    snprintf(path + used, sizeof(path) - (size_t)used, "/x/b.service");
    jb_identity_of_path(jb_word_of(path), &identity);
    CHECK_TEXT("too deep", identity_text(&identity, got), "unit=a.service");
}

static const struct identity_file_case {
    const char *label, *text, *want, *path;
    bool deleted;
} identity_files[] = {
    { .label = "v2",
      .text = "0::" SCOPE "/job_4/step_0/user/task_0\n",
      .want = "by=slurm job=4 raw=4 step=0 task=0 " SLURM2,
      .path = SCOPE "/job_4/step_0/user/task_0" },
    { .label = "v2, the job has ended",
      .text = "0::" SCOPE "/job_4/step_0/user/task_0 (deleted)\n",
      .want = "by=slurm job=4 raw=4 step=0 task=0 " SLURM2,
      .path = SCOPE "/job_4/step_0/user/task_0",
      .deleted = true },
    /* slurm.md: tasks are numbered differently by memory and cpuacct. */
    { .label = "Slurm on v1",
      .text = "9:freezer:/slurm_n2/uid_7/job_2/step_0\n"
              "5:memory:/slurm_n2/uid_7/job_2/step_0/task_0\n"
              "4:cpu,cpuacct:/slurm_n2/uid_7/job_2/step_0/task_1\n"
              "1:name=systemd:/system.slice/slurmd.service\n0::/\n",
      .want = "by=slurm node=n2 job=2 raw=2 step=0 task=1 uid=7",
      .path = "/slurm_n2/uid_7/job_2/step_0/task_1" },
    { .label = "only the freezer knows",
      .text = "9:freezer:/slurm/uid_7/job_2/step_0\n"
              "4:cpu,cpuacct:/system.slice/slurmd.service\n0::/\n",
      .want = "by=slurm job=2 raw=2 step=0 uid=7",
      .path = "/slurm/uid_7/job_2/step_0" },
    { .label = "the container and not its engine",
      .text = "2:cpu,cpuacct:/docker/" A64
              "\n0::/system.slice/containerd.service\n",
      .want = "runtime=docker container=" A64,
      .path = "/docker/" A64 },
    { .label = "systemd before memory",
      .text = "8:memory:/init.scope\n2:cpu,cpuacct:/\n"
              "1:name=systemd:/system.slice/springboot.service",
      .want = "unit=springboot.service slice=system.slice",
      .path = "/system.slice/springboot.service" },
    { .label = "colons in a path",
      .text = "9:cpuset:/kubepods-besteffort-pod" UID_
              ".slice:cri-containerd:" A64 "\n",
      .want =
          "runtime=containerd container=" A64 " pod=" UID_ " qos=besteffort",
      .path = "/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" A64 },
    { .label = "the root alone", .text = "0::/\n", .want = "", .path = "/" },
    { .label = "nothing", .text = "", .want = "" },
    { .label = "no lines",
      .text = "\n\nx\n0:/a\n:a:/b\n0::\n0::a\n-1::/a\n4294967296::/a\n0:::/\n",
      .want = "" },
    { .label = "a bad line and a good one",
      .text = "0:/a.service\n0::/b.service",
      .want = "unit=b.service",
      .path = "/b.service" },
};

static void identity_of_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(identity_files); i++) {
        const struct identity_file_case *row = &identity_files[i];
        struct jb_cgroup_line line = { .hierarchy = 4711 };
        struct jb_identity identity;
        char got[IDENTITY_TEXT_MAX];
        bool found =
            jb_identity_of_file(row->text, strlen(row->text), &identity, &line);

        CHECK_BOOL(row->label, found, row->path != NULL);
        CHECK_TEXT(row->label, identity_text(&identity, got), row->want);
        CHECK_BOOL(row->label, line.deleted, row->deleted);
        if (row->path)
            CHECK_BOOL(row->label, jb_word_is(line.path, row->path), true);
        else
            CHECK_U64(row->label, line.hierarchy, 4711);
        assert_int_equal(
            jb_identity_of_file(row->text, strlen(row->text), &identity, NULL),
            found);
    }
}

static void identity_of_lines(void **state)
{
    struct jb_word rest = jb_word_of("4:cpu,cpuacct:/a\n1:name=systemd:/b\n"
                                     "0::/c d (deleted)\n7:cpux:/e");
    struct jb_cgroup_line line;

    (void)state;
    assert_true(jb_cgroup_next(&rest, &line));
    assert_int_equal(line.hierarchy, 4);
    assert_true(jb_cgroup_has(&line, "cpu"));
    assert_true(jb_cgroup_has(&line, "cpuacct"));
    assert_false(jb_cgroup_has(&line, "cpua"));
    assert_false(jb_cgroup_has(&line, ""));
    assert_true(jb_cgroup_next(&rest, &line));
    assert_true(jb_cgroup_has(&line, "name=systemd"));
    assert_true(jb_cgroup_next(&rest, &line));
    assert_true(jb_cgroup_has(&line, ""));
    assert_false(jb_cgroup_has(&line, "cpu"));
    assert_true(line.deleted);
    assert_true(jb_word_is(line.path, "/c d"));
    assert_true(jb_cgroup_next(&rest, &line));
    assert_false(jb_cgroup_has(&line, "cpu"));
    assert_false(jb_cgroup_next(&rest, &line));
}

static void identity_names(void **state)
{
    struct jb_identity identity;
    struct jb_word template = { 0 };
    struct jb_word instance = { 0 };
    char uid[JB_POD_UID_MAX];
    char plain[16];
    char one[1];

    (void)state;
    jb_identity_of_path(jb_word_of("/kubepods-pod" UID_ ".slice"), &identity);
    CHECK_TEXT("pod", jb_pod_uid(&identity, uid), UID);
    CHECK_TEXT("vm", jb_unit_plain(jb_word_of("my\\x2dvm"), plain, 16),
               "my-vm");
    CHECK_TEXT("not hex", jb_unit_plain(jb_word_of("\\x2g\\x\\x2"), plain, 16),
               "\\x2g\\x\\x2");
    CHECK_TEXT("control", jb_unit_plain(jb_word_of("a\\x1bb\\x00"), plain, 16),
               "a?b?");
    CHECK_TEXT("cut", jb_unit_plain(jb_word_of("0123456789abcdefg"), plain, 16),
               "0123456789abcde");
    CHECK_TEXT("one byte", jb_unit_plain(jb_word_of("ab"), one, 1), "");
    assert_true(jb_unit_template(jb_word_of("getty@tty1.service"), &template,
                                 &instance));
    assert_true(jb_word_is(template, "getty"));
    assert_true(jb_word_is(instance, "tty1"));
    assert_false(
        jb_unit_template(jb_word_of("getty@.service"), &template, &instance));
    assert_false(
        jb_unit_template(jb_word_of("cron.service"), &template, &instance));
    assert_false(jb_unit_template(jb_word_of("@x"), &template, &instance));
    assert_false(jb_unit_template((struct jb_word){ 0 }, &template, &instance));
    assert_true(jb_word_is(template, "getty"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_of_slurm),
        cmocka_unit_test(identity_of_batch_systems),
        cmocka_unit_test(identity_of_containers),
        cmocka_unit_test(identity_of_pods),
        cmocka_unit_test(identity_of_units),
        cmocka_unit_test(identity_of_forged),
        cmocka_unit_test(identity_of_long_paths),
        cmocka_unit_test(identity_of_deep_paths),
        cmocka_unit_test(identity_of_files),
        cmocka_unit_test(identity_of_lines),
        cmocka_unit_test(identity_names),
    };

    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
