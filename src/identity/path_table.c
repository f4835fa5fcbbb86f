/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources, by the short names used below:
 *   slurm    Slurm: src/plugins/cgroup/v1/cgroup_v1.c, v2/cgroup_v2.c (names
 *            of directories), src/common/log.c log_build_step_id_str() (steps),
 *            src/common/sluid.c, cgroup.conf(5) CgroupJobIdPaths, CgroupSlice;
 *            and 22.05.8 of Debian 12 as seen running
 *   pbs      OpenPBS: src/hooks/cgroups/pbs_cgroups.PY and its tests
 *   torque   recorded trees of the Ohio Supercomputer Center
 *   oar      OAR: sources/core/tools/job_resource_manager_{cgroups,systemd}.pl
 *   runc     opencontainers/runc docs/systemd.md: slice:prefix:name becomes
 *            <slice>/<prefix>-<name>.scope; a cgroupfs driver that is handed
 *            such a text makes one directory of it
 *   kube     kubernetes pkg/kubelet/cm/{cgroup_manager,pod_container_manager}
 *            _linux.go, qos_container_manager_linux.go; kind adds "kubelet"
 *   podman   libpod/{container_internal_linux,runtime_pod_linux,oci_conmon}.go
 *   crio     cri-o internal/config/cgmgr
 *   lxc      LXC 4.0 lxc.container.conf(5) lxc.cgroup.dir.*; before: /lxc/NAME
 *   libvirt  libvirt.org/cgroups.html
 *   systemd  systemd.io/CGROUP_DELEGATION, user@.service(5), machinectl(1),
 *            systemd-nspawn(1); logind before release 205 for /user
 *   apptainer internal/pkg/cgroups/manager_linux.go
 *   ecs      AWS: /ecs/<task>/<container>
 *   garden   Cloud Foundry: /garden/<handle>
 */
#include "path_table.h"

enum {
    TOPS = PATH_TOP | PATH_INSIDE,
    OUTSIDE = TOPS | PATH_BELOW,
};

/* In this order; the first that matches counts. */
const struct path_row jb_path_rows[] = {
    /* slurm, cgroup v1: /slurm or, with several slurmd, /slurm_<node> */
    { TOPS, "slurm", .to = PATH_SLURM, .rooted = true },
    { TOPS, "slurm_*", .to = PATH_SLURM, .fields = { PATH_FIELD_NODE },
      .rooted = true },
    { PATH_SLURM, "uid_#", .to = PATH_SLURM, .fields = { PATH_FIELD_UID },
      .rooted = true },
    /* slurm, cgroup v2: below system.slice, or where CgroupSlice says */
    { TOPS, "slurmstepd.scope", .to = PATH_SLURM, .rooted = true },
    { TOPS, "*_slurmstepd.scope", .to = PATH_SLURM,
      .fields = { PATH_FIELD_NODE }, .rooted = true },
    { PATH_SLURM, "job_#", .to = PATH_SLURM_JOB, .fields = { PATH_FIELD_JOB },
      .scheduler = JB_SCHEDULER_SLURM, .rooted = true },
    { PATH_SLURM, "$", .to = PATH_SLURM_JOB, .fields = { PATH_FIELD_SLUID },
      .scheduler = JB_SCHEDULER_SLURM, .rooted = true },
    { PATH_SLURM, "system", .to = PATH_BELOW, .overhead = true,
      .rooted = true },
    { PATH_SLURM, "slurmd", .to = PATH_BELOW, .overhead = true,
      .rooted = true },
    { PATH_SLURM_JOB, "step_#", .to = PATH_SLURM_STEP,
      .fields = { PATH_FIELD_STEP }, .step = JB_STEP_NUMBERED, .rooted = true },
    { PATH_SLURM_JOB, "step_#+#", .to = PATH_SLURM_STEP,
      .fields = { PATH_FIELD_STEP, PATH_FIELD_HET }, .step = JB_STEP_NUMBERED,
      .rooted = true },
    { PATH_SLURM_JOB, "step_batch", .to = PATH_SLURM_STEP,
      .step = JB_STEP_BATCH, .rooted = true },
    { PATH_SLURM_JOB, "step_extern", .to = PATH_SLURM_STEP,
      .step = JB_STEP_EXTERN, .rooted = true },
    { PATH_SLURM_JOB, "step_interactive", .to = PATH_SLURM_STEP,
      .step = JB_STEP_INTERACTIVE, .rooted = true },
    { PATH_SLURM_STEP, "user", .to = PATH_SLURM_USER, .rooted = true },
    { PATH_SLURM_STEP, "slurm", .to = PATH_BELOW, .overhead = true,
      .rooted = true },
    { PATH_SLURM_STEP | PATH_SLURM_USER, "task_#", .to = PATH_BELOW,
      .fields = { PATH_FIELD_TASK }, .rooted = true },
    { PATH_SLURM_STEP | PATH_SLURM_USER, "task_special", .to = PATH_BELOW,
      .special = true, .rooted = true },

    /* pbs: jobid/ in cgroup v1, jobs/ in v2; "7.server", "7[3].server" */
    { TOPS, "pbs_jobs.service", .to = PATH_PBS, .rooted = true },
    { TOPS, "pbspro.service", .to = PATH_PBS, .rooted = true },
    { PATH_PBS, "jobid", .to = PATH_PBS_JOBS, .rooted = true },
    { PATH_PBS, "jobs", .to = PATH_PBS_JOBS, .rooted = true },
    { PATH_PBS_JOBS, "#", .to = PATH_BELOW, .fields = { PATH_FIELD_JOB },
      .scheduler = JB_SCHEDULER_PBS, .rooted = true },
    { PATH_PBS_JOBS, "#.*", .to = PATH_BELOW, .fields = { PATH_FIELD_FULL_JOB },
      .scheduler = JB_SCHEDULER_PBS, .rooted = true },
    { PATH_PBS_JOBS, "#[*", .to = PATH_BELOW, .fields = { PATH_FIELD_FULL_JOB },
      .scheduler = JB_SCHEDULER_PBS, .rooted = true },

    /* torque: /torque/1182724.batch */
    { TOPS, "torque", .to = PATH_TORQUE, .rooted = true },
    { PATH_TORQUE, "#.*", .to = PATH_BELOW, .fields = { PATH_FIELD_FULL_JOB },
      .scheduler = JB_SCHEDULER_TORQUE, .rooted = true },
    { PATH_TORQUE, "#[*", .to = PATH_BELOW, .fields = { PATH_FIELD_FULL_JOB },
      .scheduler = JB_SCHEDULER_TORQUE, .rooted = true },

    /* oar: /oar/<user>_<job>; with systemd oar-u<uid>-j<job>.slice */
    { TOPS, "oar", .to = PATH_OAR, .rooted = true },
    { PATH_OAR, "*_#", .to = PATH_BELOW,
      .fields = { PATH_FIELD_USER, PATH_FIELD_JOB },
      .scheduler = JB_SCHEDULER_OAR, .rooted = true },
    { TOPS, "oar-u#-j#.slice", .to = PATH_BELOW,
      .fields = { PATH_FIELD_UID, PATH_FIELD_JOB },
      .scheduler = JB_SCHEDULER_OAR, .rooted = true },
    { TOPS, "oar-u#.slice", .to = PATH_TOP, .fields = { PATH_FIELD_UID },
      .rooted = true },

    /* kube, cgroupfs driver: guaranteed pods have no directory of their QoS */
    { TOPS, "kubelet", .to = PATH_TOP },
    { TOPS, "kubepods", .to = PATH_KUBE },
    { PATH_KUBE, "burstable", .to = PATH_KUBE_QOS,
      .qos = JB_POD_QOS_BURSTABLE },
    { PATH_KUBE, "besteffort", .to = PATH_KUBE_QOS,
      .qos = JB_POD_QOS_BESTEFFORT },
    { PATH_KUBE, "pod~", .to = PATH_POD, .fields = { PATH_FIELD_POD },
      .qos = JB_POD_QOS_GUARANTEED },
    { PATH_KUBE_QOS, "pod~", .to = PATH_POD, .fields = { PATH_FIELD_POD } },
    /* kube, systemd driver */
    { OUTSIDE, "kubepods-pod~.slice", .to = PATH_POD,
      .fields = { PATH_FIELD_POD }, .qos = JB_POD_QOS_GUARANTEED },
    { OUTSIDE, "kubepods-burstable-pod~.slice", .to = PATH_POD,
      .fields = { PATH_FIELD_POD }, .qos = JB_POD_QOS_BURSTABLE },
    { OUTSIDE, "kubepods-besteffort-pod~.slice", .to = PATH_POD,
      .fields = { PATH_FIELD_POD }, .qos = JB_POD_QOS_BESTEFFORT },
    /* kube, with kind's --cgroup-root=/kubelet */
    { OUTSIDE, "kubelet-kubepods-pod~.slice", .to = PATH_POD,
      .fields = { PATH_FIELD_POD }, .qos = JB_POD_QOS_GUARANTEED },
    { OUTSIDE, "kubelet-kubepods-burstable-pod~.slice", .to = PATH_POD,
      .fields = { PATH_FIELD_POD }, .qos = JB_POD_QOS_BURSTABLE },
    { OUTSIDE, "kubelet-kubepods-besteffort-pod~.slice", .to = PATH_POD,
      .fields = { PATH_FIELD_POD }, .qos = JB_POD_QOS_BESTEFFORT },
    /* kube with systemd paths, containerd without (runc) */
    { PATH_ANY, "kubepods-pod~.slice:cri-containerd:%", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_POD, PATH_FIELD_CONTAINER },
      .runtime = JB_RUNTIME_CONTAINERD, .qos = JB_POD_QOS_GUARANTEED },
    { PATH_ANY, "kubepods-burstable-pod~.slice:cri-containerd:%",
      .to = PATH_INSIDE, .fields = { PATH_FIELD_POD, PATH_FIELD_CONTAINER },
      .runtime = JB_RUNTIME_CONTAINERD, .qos = JB_POD_QOS_BURSTABLE },
    { PATH_ANY, "kubepods-besteffort-pod~.slice:cri-containerd:%",
      .to = PATH_INSIDE, .fields = { PATH_FIELD_POD, PATH_FIELD_CONTAINER },
      .runtime = JB_RUNTIME_CONTAINERD, .qos = JB_POD_QOS_BESTEFFORT },

    /* docker: /docker/<id>, docker-<id>.scope (runc) */
    { OUTSIDE, "docker", .to = PATH_DOCKER },
    { PATH_DOCKER, "%", .to = PATH_INSIDE, .fields = { PATH_FIELD_CONTAINER },
      .runtime = JB_RUNTIME_DOCKER },
    { PATH_ANY, "docker-%.scope", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_DOCKER },
    { PATH_ANY, "system.slice:docker:%", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_DOCKER },
    /* containerd; nerdctl is its command line */
    { PATH_ANY, "cri-containerd-%.scope", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_CONTAINERD },
    { PATH_ANY, "nerdctl-%.scope", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_CONTAINERD },
    /* crio: the monitor lies beside what it watches */
    { PATH_ANY, "crio-%.scope", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_CRIO },
    { PATH_ANY, "crio-conmon-%.scope", .to = PATH_BELOW,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_CRIO,
      .overhead = true },
    { PATH_ANY, "crio-%", .to = PATH_INSIDE, .fields = { PATH_FIELD_CONTAINER },
      .runtime = JB_RUNTIME_CRIO },
    { PATH_ANY, "crio-conmon-%", .to = PATH_BELOW,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_CRIO,
      .overhead = true },
    /* podman: scopes, libpod_parent/ without systemd, payload in a service */
    { PATH_ANY, "libpod-%.scope", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_PODMAN },
    { PATH_ANY, "libpod-conmon-%.scope", .to = PATH_BELOW,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_PODMAN,
      .overhead = true },
    { PATH_ANY, "libpod-%", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_PODMAN },
    { PATH_ANY, "libpod-payload-%", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_PODMAN },
    { OUTSIDE, "machine-libpod_pod_%.slice", .to = PATH_POD,
      .fields = { PATH_FIELD_POD } },
    { OUTSIDE, "user-libpod_pod_%.slice", .to = PATH_POD,
      .fields = { PATH_FIELD_POD } },

    /* lxc: payload and monitor since 4.0, /lxc/<name> before */
    { OUTSIDE, "lxc.payload.*", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_LXC },
    { OUTSIDE, "lxc.monitor.*", .to = PATH_BELOW,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_LXC,
      .overhead = true },
    { OUTSIDE, "lxc", .to = PATH_LXC },
    { OUTSIDE, "lxc.payload", .to = PATH_LXC },
    { PATH_LXC, "*", .to = PATH_INSIDE, .fields = { PATH_FIELD_CONTAINER },
      .runtime = JB_RUNTIME_LXC },

    /* apptainer, and singularity before: named by the pid of the starter */
    { OUTSIDE, "apptainer", .to = PATH_APPTAINER },
    { OUTSIDE, "singularity", .to = PATH_APPTAINER },
    { PATH_APPTAINER, "#", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_APPTAINER },
    { OUTSIDE, "apptainer-#.scope", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_APPTAINER },
    { OUTSIDE, "singularity-#.scope", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_CONTAINER }, .runtime = JB_RUNTIME_APPTAINER },

    /* garden, ecs */
    { OUTSIDE, "garden", .to = PATH_GARDEN },
    { PATH_GARDEN, "*", .to = PATH_INSIDE, .fields = { PATH_FIELD_CONTAINER },
      .runtime = JB_RUNTIME_GARDEN },
    { OUTSIDE, "ecs", .to = PATH_ECS },
    { PATH_ECS, "*", .to = PATH_ECS_TASK },
    { PATH_ECS_TASK, "*", .to = PATH_INSIDE, .fields = { PATH_FIELD_CONTAINER },
      .runtime = JB_RUNTIME_ECS },

    /* libvirt; the number counts the starts of this libvirtd */
    { OUTSIDE, "machine-qemu\\x2d#\\x2d*.scope", .to = PATH_BELOW,
      .fields = { PATH_FIELD_NONE, PATH_FIELD_MACHINE },
      .runtime = JB_RUNTIME_LIBVIRT },
    { OUTSIDE, "machine-qemu\\x2d*.scope", .to = PATH_BELOW,
      .fields = { PATH_FIELD_MACHINE }, .runtime = JB_RUNTIME_LIBVIRT },
    { OUTSIDE, "machine-lxc\\x2d#\\x2d*.scope", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_NONE, PATH_FIELD_MACHINE },
      .runtime = JB_RUNTIME_LIBVIRT_LXC },
    { TOPS, "machine", .to = PATH_MACHINES },
    { PATH_MACHINES, "qemu-#-*.libvirt-qemu", .to = PATH_BELOW,
      .fields = { PATH_FIELD_NONE, PATH_FIELD_MACHINE },
      .runtime = JB_RUNTIME_LIBVIRT },
    { PATH_MACHINES, "*.libvirt-qemu", .to = PATH_BELOW,
      .fields = { PATH_FIELD_MACHINE }, .runtime = JB_RUNTIME_LIBVIRT },
    { PATH_MACHINES, "lxc-#-*.libvirt-lxc", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_NONE, PATH_FIELD_MACHINE },
      .runtime = JB_RUNTIME_LIBVIRT_LXC },
    { PATH_MACHINES, "*.libvirt-lxc", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_MACHINE }, .runtime = JB_RUNTIME_LIBVIRT_LXC },
    /* systemd: nspawn as a service, and what is registered with machined */
    { OUTSIDE, "systemd-nspawn@*.service", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_MACHINE }, .runtime = JB_RUNTIME_NSPAWN },
    { OUTSIDE, "machine-*.scope", .to = PATH_INSIDE,
      .fields = { PATH_FIELD_MACHINE }, .runtime = JB_RUNTIME_NSPAWN },

    /* Right below a container: podman's, cri-o's and crun's, nspawn's (also
     * its supervisor), Proxmox VE's. */
    { PATH_INSIDE, "container", .to = PATH_TOP },
    { PATH_INSIDE, "payload", .to = PATH_TOP },
    { PATH_INSIDE, "ns", .to = PATH_TOP },
    { PATH_INSIDE, "supervisor", .to = PATH_BELOW, .overhead = true },

    /* systemd: users and their own service managers */
    { TOPS, "user-#.slice", .to = PATH_TOP, .fields = { PATH_FIELD_UID },
      .rooted = true },
    { TOPS, "user@#.service", .to = PATH_TOP, .fields = { PATH_FIELD_UID },
      .rooted = true, .delegates = true },
    { TOPS, "user", .to = PATH_USERS, .rooted = true },
    { PATH_USERS, "#.user", .to = PATH_BELOW, .fields = { PATH_FIELD_UID },
      .rooted = true },

    /* An id of a container, whoever made it. */
    { PATH_ANY, "%", .to = PATH_INSIDE, .fields = { PATH_FIELD_CONTAINER },
      .runtime = JB_RUNTIME_UNKNOWN },
};

const size_t jb_path_row_count = sizeof(jb_path_rows) / sizeof(jb_path_rows[0]);
