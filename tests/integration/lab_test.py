#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab as a user meets it: mounts, reads, breaks and unmounts it.

usage: lab_test.py PROG [WORD...]

PROG WORD... is started as `PROG WORD... --mount DIR --layout NAME
--journal FILE`.  Exit code 77: FUSE cannot be used here.
"""

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "oracle"))

from machine import Machine  # noqa: E402

PROGRAM = []
LAYOUTS = ("client", "server", "full", "amd", "fast")
CONSTANT = """\
layout constant
zone path=intel-rapl:0 name=package-0 in=intel-rapl:1 wave=const:10W start=-2000
zone path=intel-rapl:0:0 name=core in=intel-rapl:0 wave=const:20W
zone path=intel-rapl:1 name=psys wave=const:70W
meter interval=100ms lag=150ms rest=const:50W
"""


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Lab:
    """A running lab; leaves nothing behind."""

    def __init__(self, layout):
        self.folder = tempfile.TemporaryDirectory()
        self.root = os.path.join(self.folder.name, "mnt")
        self.journal = os.path.join(self.folder.name, "journal")
        os.mkdir(self.root)
        if "\n" in layout:
            path = os.path.join(self.folder.name, "layout")
            with open(path, "w", encoding="ascii") as stream:
                stream.write(layout)
            layout = path
        self.process = subprocess.Popen(
            [*PROGRAM, "--mount", self.root, "--layout", layout,
             "--journal", self.journal],
            stderr=subprocess.PIPE, text=True,
        )
        deadline = time.monotonic() + 10
        while not os.path.exists(self.path(".lab/status")):
            if self.process.poll() is not None:
                error = self.process.stderr.read()
                self.folder.cleanup()
                raise RuntimeError(error)
            if time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError("the lab did not come up")
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        subprocess.run(["umount", "-l", self.root], check=False,
                       stderr=subprocess.DEVNULL)
        self.folder.cleanup()

    def path(self, *names):
        return os.path.join(self.root, *names)

    def zone(self, zone, name):
        return self.path("class/powercap", zone, name)

    def zones(self):
        names = os.listdir(self.path("class/powercap"))
        return [name for name in names if ":" in name]

    def read(self, zone, name="energy_uj"):
        with open(self.zone(zone, name), "rb", buffering=0) as stream:
            return stream.read()

    def energy(self, zone):
        return int(self.read(zone))

    def tell(self, command):
        fd = os.open(self.path(".lab/control"), os.O_WRONLY)
        try:
            os.write(fd, command.encode())
        finally:
            os.close(fd)

    def status(self):
        with open(self.path(".lab/status"), encoding="ascii") as stream:
            return stream.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def machine(self):
        with open(self.journal, encoding="ascii") as stream:
            return Machine(stream)


class LabTest(unittest.TestCase):
    def assert_errno(self, number, call, *arguments):
        with self.assertRaises(OSError) as caught:
            call(*arguments)
        self.assertEqual(
            errno.errorcode[caught.exception.errno], errno.errorcode[number]
        )

    def assert_true_journal(self, lab):
        machine = lab.machine()
        self.assertEqual(machine.errors[:5], [])
        return machine

    def test_every_layout(self):
        for layout in LAYOUTS:
            with self.subTest(layout), Lab(layout) as lab:
                self.walk(lab)
                self.assertEqual(lab.stop(), 0)
                self.assertFalse(os.path.ismount(lab.root))
                machine = self.assert_true_journal(lab)
                self.assertTrue(
                    all(len(z.reads) == 20 for z in machine.zones.values())
                )

    def walk(self, lab):
        names = re.findall(r"^zone (\S+) (\S+)", lab.status(), re.M)
        self.assertEqual(sorted(lab.zones()), sorted(n for n, _ in names))
        for zone, name in names:
            self.assertEqual(lab.read(zone, "name"), f"{name}\n".encode())
            self.assertTrue(int(lab.read(zone, "max_energy_range_uj")) > 0)
            mode = os.stat(lab.zone(zone, "energy_uj")).st_mode
            self.assertEqual(mode & 0o777, 0o400)
            link = os.readlink(lab.path("class/powercap", zone))
            self.assertTrue(link.startswith("../../devices/virtual/powercap/"))
        self.assertEqual(
            open(lab.path("class/hwmon/hwmon0/name")).read(), "power_meter\n"
        )
        for _ in range(20):
            for zone, _ in names:
                lab.energy(zone)
            time.sleep(0.003)

    def test_integral(self):
        """Constant power: the counts between two reads are the time between
        them, to one update of 1 ms at each end and to one count."""
        with Lab(CONSTANT) as lab:
            for zone, watts in (("intel-rapl:0:0", 20), ("intel-rapl:1", 100)):
                ends = []
                for _ in range(2):
                    before = now_ns()
                    value = lab.energy(zone)
                    ends.append((before, value, now_ns()))
                    time.sleep(0.2)
                (a0, first, a1), (b0, last, b1) = ends
                counts = (last - first) / 61.035
                per_ns = watts * 16384 / 1e9
                self.assertLessEqual(
                    (b0 - a1 - 1e6) * per_ns - 1, counts, zone
                )
                self.assertLessEqual(
                    counts, (b1 - a0 + 1e6) * per_ns + 1, zone
                )

    def test_wrap_of_32_bits(self):
        """2000 counts before the end, at 30 W: wraps after 4 ms."""
        with Lab(CONSTANT) as lab:
            time.sleep(0.05)
            fresh = lab.energy("intel-rapl:0")
            self.assertLess(fresh, 10**9)
            self.assertEqual(
                lab.read("intel-rapl:0", "max_energy_range_uj"),
                b"262143328850\n",
            )
            lab.stop()
            machine = self.assert_true_journal(lab)
            (read,) = machine.good_reads("intel-rapl:0")
            self.assertGreater(read.unwrapped, 2**32)

    def test_kept_descriptor(self):
        with Lab(CONSTANT) as lab:
            fd = os.open(lab.zone("intel-rapl:1", "energy_uj"), os.O_RDONLY)
            first = os.pread(fd, 64, 0)
            time.sleep(0.01)
            last = os.pread(fd, 64, 0)
            self.assertGreater(int(last), int(first))
            # behind offset 0 it is the same text that goes on
            self.assertEqual(os.pread(fd, 64, 3), last[3:])
            self.assertEqual(os.pread(fd, 64, len(last)), b"")
            lab.tell("unplug intel-rapl:1")
            self.assert_errno(errno.ENODEV, os.pread, fd, 64, 0)
            self.assertNotIn("intel-rapl:1", lab.zones())
            self.assert_errno(errno.ENOENT, lab.read, "intel-rapl:1")
            lab.tell("plug intel-rapl:1 reset")
            self.assertLess(int(os.pread(fd, 64, 0)), 10**7)
            os.close(fd)
            lab.stop()
            self.assert_true_journal(lab)

    def test_faults(self):
        with Lab("full") as lab:
            zone = "intel-rapl:0"
            for name in ("ENODATA", "EIO", "EACCES"):
                lab.tell(f"errno {zone} {name}")
                self.assert_errno(getattr(errno, name), lab.read, zone)
            lab.tell(f"errno {zone} 0")
            lab.tell(f"text {zone} empty")
            self.assertEqual(lab.read(zone), b"")
            lab.tell(f'text {zone} "0x12\\n"\ntext {zone}/name "\\xff"')
            self.assertEqual(lab.read(zone), b"0x12\n")
            self.assertEqual(lab.read(zone, "name"), b"\xff")
            lab.tell(f"text {zone} none")
            lab.energy(zone)
            lab.tell(f"mode {zone} 0444")
            mode = os.stat(lab.zone(zone, "energy_uj")).st_mode
            self.assertEqual(mode & 0o777, 0o444)
            self.assert_errno(
                errno.ENODATA, lab.read, zone, "constraint_1_max_power_uw"
            )
            self.assert_errno(
                errno.EACCES, os.open, lab.zone(zone, "enabled"), os.O_WRONLY
            )
            lab.stop()
            self.assert_true_journal(lab)

    def test_permission(self):
        if os.geteuid() != 0:
            self.skipTest("not root")
        with Lab("amd") as lab:
            os.chmod(lab.folder.name, 0o755)
            command = ["cat", lab.zone("intel-rapl:0", "energy_uj")]
            as_nobody = {"user": 65534, "group": 65534, "extra_groups": []}
            got = subprocess.run(command, capture_output=True, **as_nobody)
            self.assertIn(b"Permission denied", got.stderr)
            lab.tell("mode intel-rapl:0 0444")
            got = subprocess.run(command, capture_output=True, **as_nobody)
            self.assertEqual(got.returncode, 0, got.stderr)

    def test_freeze(self):
        with Lab("full") as lab:
            zone, mirror = "intel-rapl:0", "intel-rapl-mmio:0"
            lab.tell(f"freeze {zone} hold")
            held = lab.energy(zone)
            time.sleep(0.02)
            self.assertEqual(lab.energy(zone), held)
            self.assertGreater(lab.energy(mirror), held)
            lab.tell(f"thaw {zone}")
            self.assertGreater(lab.energy(zone), held)
            lab.tell(f"freeze {zone} stop")
            stopped = lab.energy(zone)
            time.sleep(0.02)
            self.assertEqual(lab.energy(mirror), stopped)
            lab.tell(f"thaw {zone}\nreset {zone}\nwave {zone} const:50W")
            self.assertLess(lab.energy(zone), 10**6)
            lab.tell(f"jump {zone} -1000000")
            self.assertGreater(lab.energy(zone), 262 * 10**9 - 61 * 10**6)
            lab.stop()
            self.assert_true_journal(lab)

    def test_delay_holds_up_nobody_else(self):
        with Lab("full") as lab:
            lab.tell("delay intel-rapl:0 400ms")
            took = []

            def slow():
                before = time.monotonic()
                lab.energy("intel-rapl:0")
                took.append(time.monotonic() - before)

            thread = threading.Thread(target=slow)
            thread.start()
            time.sleep(0.05)
            before = time.monotonic()
            lab.energy("intel-rapl:1")
            self.assertLess(time.monotonic() - before, 0.2)
            thread.join()
            self.assertGreaterEqual(took[0], 0.4)
            # a reader that is killed while it waits can die
            lab.tell("delay intel-rapl:0 1000s")
            reader = subprocess.Popen(
                ["cat", lab.zone("intel-rapl:0", "energy_uj")]
            )
            time.sleep(0.1)
            reader.kill()
            self.assertEqual(reader.wait(5), -signal.SIGKILL)
            # and one that still waits does not hold up the end
            reader = subprocess.Popen(
                ["cat", lab.zone("intel-rapl:0", "energy_uj")],
                stderr=subprocess.DEVNULL,
            )
            time.sleep(0.1)
            self.assertEqual(lab.stop(), 0)
            self.assertNotEqual(reader.wait(5), 0)

    def test_meter(self):
        with Lab(CONSTANT) as lab:
            path = lab.path("class/hwmon/hwmon0/power1_average")
            self.assertEqual(open(path + "_interval").read(), "100\n")
            self.assert_errno(
                errno.ENODATA, lambda: open(path).read()
            )
            time.sleep(0.3)
            self.assertEqual(open(path).read(), "150000000\n")
            lab.tell("wave rest const:0W")
            time.sleep(0.5)
            self.assertEqual(open(path).read(), "100000000\n")
            lab.stop()
            self.assert_true_journal(lab)

    def test_malformed_commands(self):
        with Lab("client") as lab:
            for bad in ("dance", "wave intel-rapl:0 const:5", "errno x:1 EIO",
                        "errno intel-rapl:0/nothing EIO", "x" * 5000):
                self.assert_errno(errno.EINVAL, lab.tell, bad)
            self.assertIn("refused 5\n", lab.status())
            self.assertIn("last-refusal more than 4096", lab.status())
            lab.energy("intel-rapl:0")

    def test_journal_outlives_its_reader(self):
        with Lab("full") as lab:
            code = (
                "import os,sys\n"
                "fd=os.open(sys.argv[1],os.O_RDONLY)\n"
                "for _ in range(1000): os.pread(fd,64,0)\n"
                "os.kill(os.getpid(),9)\n"
            )
            subprocess.run(
                [sys.executable, "-c", code,
                 lab.zone("intel-rapl:2", "energy_uj")], check=False
            )
            time.sleep(0.2)
            machine = self.assert_true_journal(lab)
            self.assertEqual(len(machine.good_reads("intel-rapl:2")), 1000)

    def test_leftover_mount(self):
        with Lab("client") as lab:
            lab.process.kill()
            lab.process.wait()
            self.assert_errno(errno.ENOTCONN, os.listdir, lab.root)
            again = subprocess.Popen(
                [*PROGRAM, "--mount", lab.root, "--layout", "client"]
            )
            try:
                deadline = time.monotonic() + 5
                while not os.path.exists(lab.path(".lab/status")):
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)
                second = subprocess.run(
                    [*PROGRAM, "--mount", lab.root, "--layout", "client"],
                    capture_output=True, timeout=10,
                )
                self.assertNotEqual(second.returncode, 0)
            finally:
                again.terminate()
                self.assertEqual(again.wait(5), 0)

    def test_unmounted_by_someone(self):
        with Lab("client") as lab:
            subprocess.run(["umount", lab.root], check=True)
            self.assertEqual(lab.process.wait(5), 0)


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    PROGRAM[:] = sys.argv[1:]
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        print("skipped: /dev/fuse is absent or not ours to use")
        return 77
    try:
        with Lab("client"):
            pass
    except RuntimeError as error:
        if "fuse" in str(error).lower():
            print(f"skipped: {error}")
            return 77
        raise
    result = unittest.main(argv=[sys.argv[0], "-v"], exit=False).result
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
