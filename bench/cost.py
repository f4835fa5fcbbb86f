#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What measuring costs: CPU, memory and start, beside the least possible and perf.

    bench/cost.py [--joulebook BUILD/joulebook] [--bare BUILD/bench/sampler_cost]
                  [--rounds N] [--seconds S]

CPU is nanoseconds on a CPU from /proc/PID/task/*/schedstat over a window inside
the run, so that start and end do not count.  Runs alternate and each ratio is
that of neighbours, since on a shared machine the price of a wake-up drifts; the
median ratio counts.  The meters are plain files on tmpfs (`joulebook lab
--files`): reading them costs as little as any meter can.

perf is measured on the `power/energy-psys/` event of this machine.  Where there
is none, on a stand-in that root can mount in a private namespace: a `power` PMU
whose event is the kernel's software dummy event.  A real one is dearer to read,
for perf and for us, so the stand-in favours neither; the output says which.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PMU = pathlib.Path("/sys/bus/event_source/devices")
HZ = (1, 10, 100, 1000)


def cpu_ns(pid):
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def busy_percent(command, seconds, settle=0.7, env=None):
    """Percent of one CPU that a running command uses once it has settled."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=env)
    try:
        time.sleep(settle)
        before, begin = cpu_ns(process.pid), time.monotonic_ns()
        time.sleep(seconds)
        after, end = cpu_ns(process.pid), time.monotonic_ns()
    finally:
        process.terminate()
        process.wait()
    return (after - before) / (end - begin) * 100


def status_kb(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise RuntimeError(key)


class Room:
    """A virtual machine room of plain files, gone when the block ends."""

    def __init__(self, joulebook):
        self.joulebook = joulebook

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="joulebook-cost-", dir="/dev/shm")
        self.lab = subprocess.Popen(
            [self.joulebook, "lab", "--quiet", "--mount", self.path, "--layout",
             "server", "--files", "--rate", "10"], stderr=subprocess.DEVNULL)
        zone = pathlib.Path(self.path, "class/powercap/intel-rapl:0/energy_uj")
        for _ in range(200):
            if zone.exists():
                return self.path
            time.sleep(0.02)
        raise RuntimeError("the lab did not start")

    def __exit__(self, *_):
        self.lab.terminate()
        self.lab.wait()
        shutil.rmtree(self.path, ignore_errors=True)


def record(args, room, hz, more=()):
    return [args.joulebook, "record", "--quiet", "--sysfs", room, "--sources",
            "powercap", "--domains", "package,dram", "--interval",
            f"{1000000 // hz}us", "--duration", "0", "--format", "csv",
            "--output", "/dev/null", *more]


def perf_event():
    """The event's name, what it is, and the words that start a command on it."""
    if (PMU / "power/events/energy-psys").exists():
        return "power/energy-psys/", "this machine's own event", []
    if os.geteuid() != 0:
        return None, "no power PMU here, and not root: no stand-in", []
    setup = ("mount -t tmpfs none {0} && mkdir -p {0}/power/events {0}/power/format"
             " && cd {0}/power && echo 1 > type && echo 0 > cpumask"
             " && echo event=0x9 > events/energy-psys"
             " && echo config:0-7 > format/event"
             " && echo 2.3283064365386962890625e-10 > events/energy-psys.scale"
             " && echo Joules > events/energy-psys.unit && cd / && exec \"$@\""
             ).format(PMU)
    return ("power/energy-psys/", "stand-in: a software event",
            ["unshare", "-m", "sh", "-c", setup, "sh"])


def compare_sampling(args, room):
    ok = True
    event, what, prefix = perf_event()
    print("\nCPU of one core while sampling 4 domains (median of"
          f" {args.rounds} alternating rounds of {args.seconds} s)")
    for hz in HZ:
        seconds = args.seconds * (4 if hz == 1 else 2 if hz == 10 else 1)
        bare, ours, ratio = [], [], []
        for i in range(args.rounds):
            pair = {}
            for who in (("bare", "ours") if i % 2 == 0 else ("ours", "bare")):
                command = ([args.bare, "bare", str(hz), str(seconds + 2), args.files]
                           if who == "bare" else record(args, room, hz))
                pair[who] = busy_percent(command, seconds)
            bare.append(pair["bare"])
            ours.append(pair["ours"])
            ratio.append(pair["ours"] / pair["bare"])
        middle = statistics.median(ratio)
        ok &= middle <= 1.25
        print(f"  {hz:5} Hz  bare loop {statistics.median(bare):7.4f} %  record"
              f" {statistics.median(ours):7.4f} %  ratio {middle:.3f}"
              f" ({min(ratio):.2f} to {max(ratio):.2f}; bar 1.25)")
    if event is None:
        print(f"  perf: not compared: {what}")
        return ok
    perf, ours, ratio = [], [], []
    for i in range(args.rounds):
        pair = {}
        for who in (("perf", "ours") if i % 2 == 0 else ("ours", "perf")):
            command = (prefix + ["perf", "stat", "-a", "-I", "1", "-e", event, "-o",
                                 "/dev/null", "sleep", str(args.seconds + 3)]
                       if who == "perf" else record(args, room, 1000))
            pair[who] = busy_percent(command, args.seconds)
        perf.append(pair["perf"])
        ours.append(pair["ours"])
        ratio.append(pair["ours"] / pair["perf"])
    middle = statistics.median(ratio)
    ok &= middle <= 0.9
    print(f"   1000 Hz  perf stat -I 1 ({what}) {statistics.median(perf):.3f} %  record"
          f" {statistics.median(ours):.3f} %  ratio {middle:.3f}"
          f" ({min(ratio):.2f} to {max(ratio):.2f}; bar 0.9)")
    return ok


def compare_start(args, room):
    def once(command):
        begin = time.perf_counter_ns()
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return (time.perf_counter_ns() - begin) / 1e6

    true = shutil.which("true", path="/usr/bin:/bin")
    ours = [args.joulebook, "stat", "--output", "/dev/null", "--sysfs", room, "--", true]
    here = [args.joulebook, "stat", "--output", "/dev/null", "--", true]
    perf = ["perf", "stat", "-o", "/dev/null", "--", true]
    times = {"perf": [], "ours": [], "here": []}
    for _ in range(args.rounds * 12):
        times["perf"].append(once(perf))
        times["ours"].append(once(ours))
        times["here"].append(once(here))
    perf_ms, ours_ms, here_ms = (statistics.median(times[k]) for k in times)
    print(f"\nstat -- true: perf {perf_ms:.2f} ms, joulebook on 4 zones of RAPL"
          f" {ours_ms:.2f} ms = {ours_ms / perf_ms:.3f} of it (bar 0.33);"
          f" with this machine's own meters {here_ms:.2f} ms")
    return ours_ms / perf_ms <= 0.33


def compare_memory(args, room):
    process = subprocess.Popen(record(args, room, 10), stderr=subprocess.DEVNULL)
    time.sleep(2)
    early = status_kb(process.pid, "VmRSS")
    time.sleep(args.soak)
    late = status_kb(process.pid, "VmRSS")
    peak = status_kb(process.pid, "VmHWM")
    process.terminate()
    process.wait()
    print(f"\nrecord at 10 Hz: {late} kB resident ({late * 1024 / 1e6:.2f} MB; bar 2.5),"
          f" peak {peak} kB, growth over {args.soak:g} s {late - early} kB")
    return peak * 1024 <= 2.5e6 and late - early <= 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--joulebook", default=os.environ.get("JOULEBOOK", "build/joulebook"))
    parser.add_argument("--bare", help="the built bench/sampler_cost.c")
    parser.add_argument("--only", choices=("start", "memory", "sampling"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--soak", type=float, default=10, help="seconds of the memory run")
    args = parser.parse_args()
    args.joulebook = os.path.abspath(args.joulebook)
    args.bare = args.bare or os.path.join(os.path.dirname(args.joulebook), "bench/sampler_cost")
    with Room(args.joulebook) as room, tempfile.TemporaryDirectory(dir="/dev/shm") as files:
        args.files = files
        parts = {"start": compare_start, "memory": compare_memory,
                 "sampling": compare_sampling}
        results = [part(args, room) for name, part in parts.items()
                   if args.only in (None, name)]
    print("\nall bars met" if all(results) else "\nNOT all bars met")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
