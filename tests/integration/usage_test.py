#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage back ends on this kernel, against what the kernel itself counted.

Truth comes from elsewhere: cpuacct.usage (or cpu.stat) of a cgroup that a load
runs in, the load's own getrusage() over all its children, and how many children
it says it had.  usage_test.py WATCH LOAD BACKEND; 77: cannot run here.
"""
import os
import pathlib
import subprocess
import sys
import time
import unittest

WATCH, LOAD, BACKEND = sys.argv[1:4]
EXITED, DERIVED = 1, 2
V1 = pathlib.Path("/sys/fs/cgroup/cpuacct")
V2 = pathlib.Path("/sys/fs/cgroup")
# Rows are of turns, and turns are a part of a second: what a load did before it
# joined its cgroup, and what clocks make of a tick.
SLACK = 0.01


class Cgroup:
    """A cgroup of its own, in the hierarchy that accounts."""

    def __init__(self):
        self.v1 = (V1 / "cpuacct.usage").exists()
        root = V1 if self.v1 else V2
        self.path = root / f"joulebook-test-{os.getpid()}"
        self.name = "/" + self.path.name
        self.path.mkdir()

    def join(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def cpu_ns(self):
        if self.v1:
            return int((self.path / "cpuacct.usage").read_text())
        words = (self.path / "cpu.stat").read_text().split()
        return int(words[words.index("usage_usec") + 1]) * 1000

    def remove(self):
        for _ in range(50):
            try:
                self.path.rmdir()
                return
            except OSError:
                time.sleep(0.05)


class Watch:
    """usage_watch, and what it said in all turns since it was started."""

    def __init__(self, cgroup, *options):
        self.process = subprocess.Popen(
            [WATCH, BACKEND, "cgroups", "v1" if cgroup.v1 else "v2", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.cgroup = cgroup
        self.greeting = self.process.stdout.readline().decode().strip()
        self.cpu_ns = self.exits = self.derived = 0
        self.group_ns = self.all_ns = self.busy_ns = 0
        self.ends_by_name = {}
        self.by_name, self.lost, self.pids = {}, {}, []

    def turn(self):
        self.process.stdin.write(b"turn\n")
        self.process.stdin.flush()
        rows, groups = [], {}
        for line in self.process.stdout:
            words = line.rstrip(b"\n").split(b" ")
            if words == [b"."]:
                break
            if words[0] == b"P":
                rows.append(words)
            elif words[0] == b"G":
                groups[int(words[1])] = words
            elif words[0] == b"M":
                self.busy_ns += int(words[3])
            elif words[0] == b"L":
                for key, value in zip(words[1::2], words[2::2]):
                    name = key.decode()
                    self.lost[name] = self.lost.get(name, 0) + int(value)
        for words in groups.values():
            if words[5].decode() == self.cgroup.name:
                self.group_ns += int(words[4])
        for words in rows:
            self.take(words, groups)

    def take(self, words, groups):
        cpu_ns, flags, group = int(words[5]), int(words[7]), int(words[8])
        self.all_ns += cpu_ns
        name = bytes.fromhex(words[9].decode())
        self.ends_by_name[name] = (self.ends_by_name.get(name, 0)
                                   + (flags & EXITED))
        if groups.get(group, [b""] * 6)[5].decode() != self.cgroup.name:
            return
        self.cpu_ns += cpu_ns
        self.by_name[name] = self.by_name.get(name, 0) + cpu_ns
        self.exits += flags & EXITED
        self.derived += cpu_ns if flags & DERIVED else 0
        self.pids.append(int(words[1]))

    def close(self):
        self.process.stdin.close()
        return self.process.wait(10)


class UsageTest(unittest.TestCase):
    def setUp(self):
        self.cgroup = Cgroup()
        self.addCleanup(self.cgroup.remove)

    def run_load(self, *arguments, period=0.25, options=()):
        """(watch after all turns, children, CPU ns of the load's own account)"""
        watch = Watch(self.cgroup, *options)
        self.addCleanup(watch.close)
        watch.turn()
        load = subprocess.Popen([LOAD, *arguments], stdout=subprocess.PIPE,
                                preexec_fn=self.cgroup.join)
        # Some turn must see where the first process is, and that it is there.
        time.sleep(0.1)
        watch.turn()
        while load.poll() is None:
            time.sleep(period)
            watch.turn()
        for _ in range(4): # what the kernel frees later
            time.sleep(0.3)
            watch.turn()
        children, cpu_ns = load.stdout.read().split()
        load.stdout.close()
        return watch, int(children), int(cpu_ns)

    def check(self, watch, floor, ceiling=1 + SLACK, part=None):
        """The share of the cgroup's CPU time that rows have."""
        truth = self.cgroup.cpu_ns()
        got = (watch.cpu_ns if part is None else part) / truth
        print(f"{BACKEND} {self.id().rsplit('.', 1)[1]}: {100 * got:.2f} % of "
              f"{truth / 1e9:.3f} s, {watch.exits} ends, lost "
              f"{ {k: v for k, v in watch.lost.items() if v} }", flush=True)
        self.assertGreaterEqual(got, floor)
        self.assertLessEqual(got, ceiling)
        self.assertAlmostEqual(watch.group_ns / truth, 1, delta=0.002)
        self.assertEqual(watch.lost["malformed"], 0)
        self.assertEqual(watch.lost["rows"], 0)

    def check_exits(self, watch, children):
        """All of them and the load itself.  A kernel may run no tracing program
        while certain tasks are current, whose interrupts free others: then BPF
        misses one in some hundred."""
        floor = children * 0.98 if BACKEND == "bpf" else children + 1
        self.assertGreaterEqual(watch.exits, floor)
        self.assertLessEqual(watch.exits, children + 1)

    def test_long_lived(self):
        watch, _, _ = self.run_load("spin", "1", "1500000")
        self.check(watch, 0.85 if BACKEND == "proc" else 0.985)

    def test_threads(self):
        watch, _, _ = self.run_load("threads", "60", "20000")
        self.check(watch, 0.85 if BACKEND == "proc" else 0.985)

    @unittest.skipIf(BACKEND == "proc", "proc does not see short lives")
    def test_children_of_5_ms(self):
        watch, children, _ = self.run_load("spin", "400", "5000")
        self.check(watch, 0.985 if BACKEND == "bpf" else 0.95)
        self.check_exits(watch, children)

    @unittest.skipIf(BACKEND == "proc", "proc does not see short lives")
    def test_true(self):
        watch, children, _ = self.run_load("exec", "1500", "/bin/true")
        self.check(watch, 0.985 if BACKEND == "bpf" else 0.80,
                   1 + SLACK if BACKEND == "bpf" else 1.05)
        self.check_exits(watch, children)
        self.assertGreater(watch.by_name[b"true"] / watch.cpu_ns, 0.5)

    @unittest.skipIf(BACKEND == "proc", "proc does not see short lives")
    def test_bare_forks(self):
        watch, children, _ = self.run_load("fork", "4000")
        self.check(watch, 0.98 if BACKEND == "bpf" else 0.55)
        self.check_exits(watch, children)

    @unittest.skipIf(BACKEND == "proc", "proc does not see short lives")
    def test_reader_pauses(self):
        """As many ends as this machine can make, in two seconds each."""
        watch, children, _ = self.run_load("fork", "12000", period=2)
        self.check(watch, 0.98 if BACKEND == "bpf" else 0.55)
        self.check_exits(watch, children)
        self.assertEqual(watch.lost["overflows"], 0)

    @unittest.skipIf(BACKEND == "proc", "proc does not see short lives")
    def test_two_seconds_of_10000_each(self):
        """20,000 ends wait for one turn: a second's, and a second's pause."""
        watch = Watch(self.cgroup)
        self.addCleanup(watch.close)
        watch.turn()
        subprocess.run([LOAD, "fork", "20000"], stdout=subprocess.DEVNULL,
                       check=True)
        time.sleep(0.5)
        watch.turn()
        floor = 20001 if BACKEND == "taskstats" else 20000 * 0.98
        self.assertGreaterEqual(watch.ends_by_name[b"usage_load"], floor)
        self.assertEqual(watch.lost["overflows"], 0)

    @unittest.skipUnless(BACKEND == "taskstats", "its buffers can be made small")
    def test_overflow_is_told(self):
        watch, children, _ = self.run_load("fork", "12000", period=2,
                                           options=("buffer", "65536"))
        self.assertGreater(watch.lost["overflows"], 0)
        self.assertLess(watch.exits, children)
        self.assertAlmostEqual(watch.group_ns / self.cgroup.cpu_ns(), 1,
                               delta=0.002)

    @unittest.skipUnless(BACKEND == "bpf", "its ring can be made small")
    def test_full_ring_is_told(self):
        watch, children, _ = self.run_load("fork", "12000", period=2,
                                           options=("buffer", "4096"))
        self.assertGreater(watch.lost["events"], children / 2)
        told = (watch.cpu_ns + watch.lost["event_ns"]) / self.cgroup.cpu_ns()
        self.assertGreater(told, 0.98) # others' events are among the lost

    @unittest.skipIf(BACKEND == "proc", "proc does not see short lives")
    def test_orphans(self):
        watch, children, _ = self.run_load("orphans", "200", "5000")
        self.check(watch, 0.98 if BACKEND == "bpf" else 0.85,
                   1 + SLACK if BACKEND == "bpf" else 1.10)
        self.check_exits(watch, 2 * children)

    def test_hostile_names(self):
        """Whatever they call themselves, the sum is theirs and nobody else's."""
        watch, _, _ = self.run_load("rename", "40", "20000")
        self.check(watch, 0 if BACKEND == "proc" else 0.95,
                   1 + SLACK if BACKEND == "bpf" else 1.05)

    def test_sum_is_no_more_than_busy(self):
        """All rows against all that the kernel counted for the machine."""
        watch, _, _ = self.run_load("spin", "100", "10000")
        self.assertLess(watch.all_ns, watch.busy_ns * 1.10 + 2e8)


def main():
    greeting = subprocess.run([WATCH, BACKEND], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False).stdout.decode()
    if greeting.startswith("E "):
        print(f"skipped: {greeting[2:].strip()}")
        return 77
    try:
        Cgroup().remove()
    except OSError as why:
        print(f"skipped: no cgroup of my own: {why}")
        return 77
    return not unittest.main(argv=sys.argv[:1], exit=False).result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
