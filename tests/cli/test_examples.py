#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of the C library, on counters that count and on this machine.

EXAMPLES is the folder of the built programs.
"""

import datetime
import json
import os
import re
import subprocess
import sys
import time
import unittest

from support import (PATIENCE_S, PROGRAM, Case, environment, folder, main, tree,
                     write)

EXAMPLES = os.environ["EXAMPLES"]
WATTS = {"package-0": 30, "package-1": 12}
LAYOUT = """\
layout examples
zone path=intel-rapl:0 name=package-0 wave=const:30W
zone path=intel-rapl:0:0 name=dram wave=const:5W
zone path=intel-rapl:1 name=package-1 wave=const:12W
"""
CPUINFO = """\
processor\t: 0
vendor_id\t: %s
cpu family\t: 6
model name\t: A CPU of the test
"""


class Files:
    """The lab as plain files, which needs no FUSE, and a CPU of that maker."""

    def __init__(self, maker="GenuineIntel"):
        self.maker = maker

    def __enter__(self):
        self.folder = folder()
        self.path = self.folder.__enter__()
        self.root = os.path.join(self.path, "sys")
        os.mkdir(self.root)
        os.mkdir(os.path.join(self.path, "proc"))
        write(os.path.join(self.path, "proc/cpuinfo"), CPUINFO % self.maker)
        write(os.path.join(self.path, "layout"), LAYOUT)
        self.process = subprocess.Popen(
            [PROGRAM, "lab", "-q", "--files", "--mount", self.root, "--layout",
             os.path.join(self.path, "layout")], env=environment())
        last = os.path.join(self.root, "class/powercap/intel-rapl:1/energy_uj")
        until = time.monotonic() + PATIENCE_S
        while not os.path.exists(last) and time.monotonic() < until:
            time.sleep(0.01)
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.folder.__exit__(None, None, None)

    def run(self, name, *args):
        return example(name, *args, cwd=self.path, JOULEBOOK_SYSFS=self.root,
                       JOULEBOOK_PROCFS=os.path.join(self.path, "proc"))


def example(name, *args, cwd=None, **more):
    return subprocess.run([os.path.join(EXAMPLES, name), *args], text=True,
                          capture_output=True, timeout=PATIENCE_S, check=False,
                          cwd=cwd, env=environment(**more))


def instant(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")


class Examples(Case):
    def check_readings(self, readings, component):
        """Every device once per interval, at the power that it has."""
        devices = {}
        for reading in readings:
            self.assertEqual(reading["source"], "cpu")
            self.assertEqual(reading["component"], component)
            self.assertEqual(reading["provenance"]["power"], "measured")
            # counters move once a millisecond in an interval of a second
            self.assertAlmostEqual(reading["metrics"]["power"],
                                   WATTS[reading["device"]],
                                   delta=WATTS[reading["device"]] * 0.05)
            for absent in ("temperature", "frequency"):
                self.assertNotIn(absent, reading["metrics"])
            devices.setdefault(reading["device"], []).append(
                instant(reading["timestamp"]))
        self.assertEqual(sorted(devices), sorted(WATTS))
        for times in devices.values():
            for before, after in zip(times, times[1:]):
                self.assertGreater((after - before).total_seconds(), 0.5)

    def test_a_cpu(self):
        for name, maker, component in (
                ("monitor_intel", "GenuineIntel", "intel"),
                ("monitor_amd", "AuthenticAMD", "amd"),
                ("monitor_amd", "HygonGenuine", "amd")):
            with self.subTest(name=name, maker=maker), Files(maker) as files:
                got = files.run(name)
                self.assert_code(got, 0)
                self.assertEqual(got.stderr, "")
                readings = [json.loads(line) for line in got.stdout.split("\n")
                            if line]
                self.assertGreaterEqual(len(readings), 4)
                self.check_readings(readings, component)

    def test_another_cpu(self):
        with Files("AuthenticAMD") as files:
            got = files.run("monitor_intel")
            self.assert_code(got, 1)
            self.assertEqual(got.stdout, "")
            self.assertIn("no CPU of Intel: this machine's is A CPU of the "
                          "test (vendor AuthenticAMD)", got.stderr)

    def test_what_this_build_cannot_read(self):
        for name in ("monitor_nvidia", "monitor_amd_gpu", "monitor_ipmi"):
            with self.subTest(name=name):
                got = example(name, IPMI_PASSWORD="geheim")
                self.assert_code(got, 1)
                self.assertEqual(got.stdout, "")
                self.assertIn("Failed to start monitor: ", got.stderr)
                self.assertNotIn("geheim", got.stderr)

    def test_recordings_measure_nothing(self):
        """Counters that stand still are no readings, in no unit."""
        with tree("xeon2") as root:
            got = example("monitor_intel", JOULEBOOK_SYSFS=root + "/sys",
                          JOULEBOOK_PROCFS=root + "/proc")
            self.assert_code(got, 1)
            self.assertIn("stands still", got.stderr)

    def test_a_failing_monitor_stops_nobody(self):
        with Files() as files:
            got = files.run("collector", "3", "data.json")
            self.assert_code(got, 0)
            with open(os.path.join(files.path, "data.json"),
                      encoding="utf-8") as stream:
                data = self.assert_schema("collection", stream.read())
        self.assertEqual(
            [(e["monitor"], e["source"], e["component"], e["phase"], e["state"])
             for e in data["errors"]],
            [(1, "cpu", "amd", "start", "absent"),
             (2, "gpu", "nvidia", "start", "absent"),
             (3, "gpu", "amd", "start", "absent"),
             (4, "system", "ipmi", "start", "absent")])
        self.assertEqual(len(data["monitors"]), 5)
        self.assertEqual({m["metric"] for m in data["monitors"][0]["missing"]},
                         {"temperature", "frequency", "utilization"})
        self.assertEqual(data["interval_s"], 1)
        span = instant(data["ended"]) - instant(data["started"])
        self.assertGreaterEqual(span.total_seconds(), 3)
        self.assertGreaterEqual(len(data["readings"]), 4)
        self.check_readings(data["readings"], "intel")
        for error in data["errors"]:
            self.assertIn(error["reason"].split(":")[0], got.stderr)

    def test_no_monitor_at_all(self):
        with Files("ARM") as files:
            got = files.run("collector", "1", "data.json")
            self.assert_code(got, 1)
            self.assertIn("none of 5 monitors could be started", got.stderr)
            self.assertFalse(os.path.exists(
                os.path.join(files.path, "data.json")))

    def test_regions(self):
        with Files() as files:
            got = files.run("region")
        self.assert_code(got, 0)
        self.assertEqual(got.stderr, "")
        whole, inner = re.split(r"(?m)^(?=inner)", got.stdout)
        for text, runs in ((whole, 1), (inner, 3)):
            head = re.match(r"[a-z ]+: (\d+) runs, ([\d.]+) s", text)
            self.assertEqual(int(head[1]), runs)
            seconds = float(head[2])
            for name, watts in (("package-0", 30), ("package-1", 12),
                                ("dram-0", 5)):
                low, high = map(float, re.search(
                    name + r" .*\(([\d.]+) to ([\d.]+)\), measured", text)
                    .groups())
                self.assertLessEqual(low, watts * seconds * 1.001)
                self.assertGreaterEqual(high, watts * seconds * 0.999)

    def test_this_machine(self):
        """What the first monitor and a region say here, whatever there is."""
        got = example("collector", "2", os.devnull + "/no")
        self.assert_code(got, 1)
        self.assertIn("Failed to", got.stderr)
        with folder() as path:
            got = example("collector", "2", "data.json", cwd=path)
            if got.returncode == 0:
                with open(os.path.join(path, "data.json"),
                          encoding="utf-8") as stream:
                    data = self.assert_schema("collection", stream.read())
                self.assertTrue(data["readings"])
            else:
                self.assertIn("none of 5 monitors", got.stderr)
        got = example("region")
        self.assert_clean(got.stderr)
        if got.returncode == 0:
            self.assertIn("inner loop: 3 runs", got.stdout)
        else:
            self.assertIn("Failed: no energy can be measured", got.stderr)


if __name__ == "__main__":
    if not os.path.isdir(EXAMPLES):
        print(f"no examples in {EXAMPLES}")
        sys.exit(77)
    main()
