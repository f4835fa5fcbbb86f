#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands on counters that count, stop, jump and disagree: the lab.

Exit code 77: FUSE cannot be used here.
"""

import os
import signal
import subprocess
import sys
import time
import unittest

from support import (PATIENCE_S, PROGRAM, Case, environment, folder, main, run,
                     start, write)

LAYOUT = """\
layout cli
zone path=intel-rapl:0 name=package-0 in=intel-rapl:1 wave=const:30W
zone path=intel-rapl:0:0 name=core in=intel-rapl:0 wave=const:20W
zone path=intel-rapl:0:1 name=dram in=intel-rapl:1 wave=const:5W
zone path=intel-rapl:1 name=psys wave=const:10W
zone path=intel-rapl-mmio:0 name=package-0 mirror=intel-rapl:0
"""
TWINS = """\
layout twins
zone path=intel-rapl:0 name=package-0 wave=const:30W
zone path=intel-rapl-mmio:0 name=package-0 wave=const:90W
"""
DEAD = """\
layout dead
zone path=intel-rapl:0 name=package-0 wave=const:30W
zone path=intel-rapl:1 name=psys wave=const:0W
"""


class Lab:
    def __init__(self, layout):
        self.layout = layout

    def __enter__(self):
        self.folder = folder()
        path = self.folder.__enter__()
        self.root = os.path.join(path, "mnt")
        os.mkdir(self.root)
        write(os.path.join(path, "layout"), self.layout)
        self.process = subprocess.Popen(
            [PROGRAM, "lab", "-q", "--mount", self.root, "--layout",
             os.path.join(path, "layout")], stderr=subprocess.PIPE, text=True,
            env=environment())
        until = time.monotonic() + PATIENCE_S
        while not os.path.exists(os.path.join(self.root, ".lab/status")):
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                error = self.process.stderr.read()
                self.__exit__()
                raise unittest.SkipTest(error or "the lab did not come up")
            time.sleep(0.01)
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_S)
        self.process.stderr.close()
        self.folder.__exit__(None, None, None)

    def tell(self, *lines):
        fd = os.open(os.path.join(self.root, ".lab/control"), os.O_WRONLY)
        try:
            os.write(fd, "\n".join(lines).encode())
        finally:
            os.close(fd)

    def run(self, command, *args):
        return run(command, f"--sysfs={self.root}", *args)


class Live(Case):
    def domains(self, got, *names):
        value = self.assert_schema("stat", got.stdout)
        domains = {d["domain"]: d for d in value["domains"]}
        for name in names:
            self.assertIn(name, domains)
        return value, domains

    def test_truth_is_within_the_bounds(self):
        with Lab(LAYOUT) as lab:
            got = lab.run("stat", "--json", "--", "sleep", "1")
            value, domains = self.domains(got, "psys", "package-0", "core-0",
                                          "dram-0")
            seconds = value["elapsed_s"]
            for name, watts in (("psys", 65), ("package-0", 50),
                                ("core-0", 20), ("dram-0", 5)):
                self.assertLessEqual(domains[name]["low_j"], watts * seconds)
                self.assertGreaterEqual(domains[name]["high_j"],
                                        watts * seconds)
            self.assertEqual(value["total"]["domains"], ["psys"])

    def test_text_shows_containment(self):
        with Lab(LAYOUT) as lab:
            got = lab.run("stat", "--", "sleep", "0.5")
            self.assertRegex(got.stderr, r"(?s)\n  psys .*\n    package-0 .*"
                                         r"\n      core-0 .*\n    dram-0 ")
            got = lab.run("list")
            self.assertIn("ok (mirror)", got.stdout)
            self.assert_code(got, 0)
            self.assert_code(lab.run("doctor", "--quiet"), 0)

    def test_intervals_and_repeats(self):
        with Lab(LAYOUT) as lab:
            got = lab.run("stat", "-i100ms", "-r2", "--", "sleep", "0.45")
            lines = [line.split() for line in got.stderr.split("\n")
                     if line.startswith("    0.") and "package-0" in line]
            self.assertGreaterEqual(len(lines), 4)
            for line in lines:
                self.assertGreater(float(line[3]), 25)
                self.assertLess(float(line[3]), 100)
            self.assertIn("run 2 of 2", got.stderr)

    def test_two_at_once(self):
        with Lab(LAYOUT) as lab:
            both = [start("stat", "--json", f"--sysfs={lab.root}", "--",
                          "sleep", "0.5") for _ in range(2)]
            for process in both:
                out, err = process.communicate(timeout=PATIENCE_S)
                self.assertEqual(process.returncode, 0, err)
                self.assertEqual(
                    len(self.assert_schema("stat", out)["domains"]), 4)

    def assert_dead(self, lab, zone, domain):
        got = lab.run("list")
        self.assertRegex(got.stdout, rf"{zone} .* dead\n")
        self.assertRegex(got.stdout, rf"(?m)^ +{domain} +no sensor")
        got = lab.run("doctor")
        self.assert_code(got, 1)
        self.assertIn(f"dead         powercap/{zone}: ", got.stdout)
        for options in ([], ["-i150ms"], ["-r2"]):
            got = lab.run("stat", *options, "--", "sleep", "0.4")
            self.assertRegex(got.stderr, rf"(?m)^    {domain} +dead  ")
            if options != ["-r2"]:  # where a deviation may be 0 J
                self.assert_no_false_zero(got.stderr)
            self.assertNotRegex(got.stderr, rf"{domain} +0\.0")
        got = lab.run("stat", "--json", "--", "sleep", "0.4")
        value, domains = self.domains(got)
        self.assertNotIn(domain, domains)
        self.assertNotIn(domain, value["total"]["domains"])
        self.assertIn((domain, "dead"), [(u["domain"], u["state"])
                                         for u in value["unmeasured"]])
        got = lab.run("record", "-i50ms", "-d300ms", "--format=csv")
        self.assertNotIn(domain, got.stdout)

    def test_zero_for_ever(self):
        with Lab(DEAD) as lab:
            self.assert_dead(lab, "intel-rapl:1", "psys")

    def test_frozen(self):
        for how in ("hold", "stop"):
            with Lab(LAYOUT) as lab:
                lab.tell(f"freeze intel-rapl:0:1 {how}")
                self.assert_dead(lab, "intel-rapl:0:1", "dram-0")

    def test_frozen_meanwhile(self):
        """Nothing claims that the rest of the run drew nothing."""
        with Lab(LAYOUT) as lab:
            process = start("stat", "-i200ms", f"--sysfs={lab.root}", "--",
                            "sleep", "1.1")
            time.sleep(0.35)
            lab.tell("freeze intel-rapl:1 stop")
            _, err = process.communicate(timeout=PATIENCE_S)
            self.assertRegex(err, r"psys +- +- +the counter stands still")
            self.assertNotRegex(err, r"psys +0\.0")
            process = start("record", "-i20ms", "-d800ms", "-o-",
                            "--format=csv", f"--sysfs={lab.root}",
                            "--domains=package")
            time.sleep(0.4)
            lab.tell("freeze intel-rapl:0 stop", "freeze intel-rapl-mmio:0 "
                     "stop")
            out, _ = process.communicate(timeout=PATIENCE_S)
            rows = self.csv_rows(out)
            self.assertEqual(rows[-1]["state"], "gap")
            self.assertNotIn(0.0, [float(r["power_w"]) for r in rows
                                   if r["power_w"]])

    def test_meter_that_dies_between_repeats(self):
        with Lab(LAYOUT) as lab:
            script = (f"sleep 0.3; echo freeze intel-rapl:1 stop "
                      f"> {lab.root}/.lab/control")
            for options in (["-r3", "--json"], ["-r3"]):
                lab.tell("thaw intel-rapl:1")
                got = lab.run("stat", *options, "--", "sh", "-c", script)
                self.assert_code(got, 0)
                self.assertNotRegex(got.stderr, r"psys +0\.0")
                if "--json" in options:
                    value, domains = self.domains(got, "package-0")
                    self.assertNotIn("total", value)
            self.assertIn("note: no total", got.stderr)
            self.assertIn("psys was measured in only 1 of 3", got.stderr)

    def test_twins_disagree(self):
        with Lab(TWINS) as lab:
            got = lab.run("stat", "--json", "--", "sleep", "0.6")
            _, domains = self.domains(got, "package-0")
            self.assertEqual(domains["package-0"]["contradicted_by"]["source"],
                             "powercap/intel-rapl-mmio:0")
            got = lab.run("stat", "--", "sleep", "0.6")
            self.assertRegex(got.stderr, r"note: package-0: powercap/intel-"
                                         r"rapl-mmio:0 disagrees: [\d.]+ J")

    def test_unplugged_and_failing(self):
        with Lab(LAYOUT) as lab:
            lab.tell("errno intel-rapl:0:0 ENODATA", "unplug intel-rapl:0:1")
            got = lab.run("stat", "--", "sh", "-c", "sleep 0.3; exit 4")
            self.assert_code(got, 4)
            self.assertNotRegex(got.stderr, r"(?m)^ +core-0 +[\d.]+ +[mk]?J")
            self.assert_code(lab.run("doctor"), 1)


def fuse():
    try:
        with Lab(LAYOUT):
            return True
    except unittest.SkipTest as why:
        print(why)
        return False


if __name__ == "__main__":
    if not fuse():
        sys.exit(77)
    main()
