#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded machines have the CPUs, packages, dies and frequencies they had.

usage: fixtures_cpufreq_test.py JOULEBOOK

Reads the archives of fixtures/topology, unpacked in a temporary directory, and
the trees of sysfs-powercap-hwmon-thermal with the real binary, and compares what
it says with fixtures_cpufreq.json, which was written by reading the trees.

Packages and dies are seen through the source msr: a register file is put beside
each tree, and each meter that is found bears the name of its package or die.

The trees are looked for as in fixtures_test.py.  Exit code 77: they are not
there.
"""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest

import fixtures_test
from fixtures_test import HERE, SECONDS, TREES

ARCHIVES = os.path.join(os.path.dirname(TREES), "topology", "open-mpi__hwloc",
                        "tests", "hwloc")
PROGRAM = None
CPUINFO = ("processor\t: 0\nvendor_id\t: {}\ncpu family\t: {}\n"
           "model\t\t: {}\n\n")

with open(os.path.join(HERE, "fixtures_cpufreq.json"), encoding="utf-8") as f:
    EXPECTED = json.load(f)


def rebuild_cpu(path, root):
    """Directories cpuN that stand alone."""
    shutil.copytree(path, os.path.join(root, "sys/devices/system/cpu"))


# Of tens of thousands of files: lists of CPUs, their places and frequencies.
WANTED = re.compile(r"/sys/devices/system/cpu/(online|present|possible|"
                    r"cpufreq(/.*)?|cpu\d+/(topology|cpufreq)(/[^/]*)?)$")


def unpack(path, folder):
    with tarfile.open(path) as archive:
        for member in archive:
            if WANTED.search(member.name):
                archive.extract(member, folder, filter="data")


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=SECONDS, check=False)
    if done.returncode not in (0, 3):
        raise AssertionError(f"exit {done.returncode}: {done.stderr!r}")
    return done.stdout


def read_all(root, want):
    """The values of all sensors; a busy machine may need longer for them."""
    for duration in ("150ms", "1s", "5s"):
        values = read_values(root, duration)
        if set(values) == set(want):
            break
    return values


def read_values(root, duration):
    """Sensor of cpufreq -> its value in the unit of its count, or None: kHz of
    policies, Hz of packages."""
    values = {}
    out = run("record", "--all", "--sources", "cpufreq", "--root", root,
              "--format", "jsonl", "--duration", duration, "--interval",
              "100ms", "--quiet")
    for line in out.splitlines():
        row = json.loads(line)
        name = row["sensor"].split("/", 1)[1]
        per = 1 if row["domain"] else 1000
        value = row["value"]
        if value is not None:
            value = round(value / per)
        assert values.setdefault(name, value) == value, name
    return values


class Fixtures(unittest.TestCase):
    maxDiff = None

    def check_values(self, root, want):
        said = json.loads(run("list", "--json", "--root", root, "--sources",
                              "cpufreq"))
        sensors = {s["sensor"].split("/", 1)[1]: s for s in said["sensors"]}
        state = {s["source"]: s["state"] for s in said["sources"]}["cpufreq"]
        self.assertEqual(set(sensors), set(want))
        self.assertEqual(state, "ok" if want else "absent")
        for name, sensor in sensors.items():
            package = name if name.startswith("package-") else None
            self.assertEqual(sensor["quantity"], "frequency")
            self.assertEqual(sensor["domain"], package)
            self.assertEqual(sensor["provenance"],
                             "derived" if package else "measured")
        if want:
            self.assertEqual(read_all(root, want), want)

    def check_domains(self, root, vendor, want):
        """One package meter for each, by its name; on AMD one per package."""
        self.write_machine(root, vendor)
        said = json.loads(run("list", "--json", "--root", root, "--sources",
                              "msr"))
        got = [s["domain"] for s in said["sensors"]
               if (s["domain"] or "").startswith("package-")]
        self.assertEqual(got, want)
        for sensor in said["sensors"]:
            if (sensor["domain"] or "").startswith("package-"):
                self.assertEqual(sensor["state"], "ok", sensor)

    def write_machine(self, root, vendor):
        """What is not recorded: registers, and who has them."""
        registers = {"GenuineIntel": (0x606, 0x611),
                     "AuthenticAMD": (0xc0010299, 0xc001029b)}[vendor]
        model = {"GenuineIntel": (6, 85), "AuthenticAMD": (25, 1)}[vendor]
        os.makedirs(os.path.join(root, "proc"), exist_ok=True)
        info = os.path.join(root, "proc", "cpuinfo")
        if os.path.exists(info):
            os.unlink(info)
        with open(info, "w", encoding="ascii") as out:
            out.write(CPUINFO.format(vendor, *model))
        first = os.path.join(root, "dev", "cpu", "registers")
        os.makedirs(os.path.dirname(first), exist_ok=True)
        with open(first, "wb") as out:
            for register, value in zip(registers, (0xa0e03, 77)):
                out.seek(register)
                out.write(struct.pack("<Q", value))
            out.truncate(registers[1] + 64)
        system = os.path.join(root, "sys/devices/system/cpu")
        for name in os.listdir(system):
            if name[:3] != "cpu" or not name[3:].isdigit():
                continue
            cpu = os.path.join(root, "dev", "cpu", name[3:])
            os.makedirs(cpu, exist_ok=True)
            if os.path.exists(os.path.join(cpu, "msr")):
                os.unlink(os.path.join(cpu, "msr"))
            os.symlink("../registers", os.path.join(cpu, "msr"))

    def test_archives(self):
        for machine in EXPECTED["archives"]:
            with self.subTest(machine["archive"]), \
                    tempfile.TemporaryDirectory() as folder:
                unpack(os.path.join(ARCHIVES, machine["archive"]), folder)
                root = os.path.join(folder, machine["root"])
                self.check_values(root, machine["values"])
                self.check_domains(root, "GenuineIntel", machine["domains"])
                packages = [d.split("-die-")[0] for d in machine["domains"]]
                self.check_domains(root, "AuthenticAMD",
                                   list(dict.fromkeys(packages)))
                self.check_cores(root, machine["cpus"])

    def check_cores(self, root, cpus):
        """Of the CPUs that are online each core has one meter; on none of
        these machines has a core more than eight threads."""
        said = json.loads(run("list", "--json", "--root", root, "--sources",
                              "msr"))
        cores = [s for s in said["sensors"] if "/core:cpu" in s["sensor"]]
        self.assertLessEqual(len(cores), cpus)
        self.assertGreaterEqual(len(cores) * 8, cpus)

    def test_trees(self):
        for tree in EXPECTED["trees"]:
            with self.subTest(tree["tree"]):
                path = os.path.join(TREES, tree["tree"])
                if tree["kind"] == "root":
                    self.check_values(path, tree["values"])
                    continue
                with tempfile.TemporaryDirectory() as root:
                    rebuild_cpu(path, root)
                    self.check_values(root, tree["values"])

    def test_no_machine_is_forgotten(self):
        known = {machine["archive"] for machine in EXPECTED["archives"]}
        found = {os.path.relpath(os.path.join(directory, name), ARCHIVES)
                 for directory, _, names in os.walk(ARCHIVES)
                 for name in names}
        self.assertEqual(found, known)
        known = {tree["tree"] for tree in EXPECTED["trees"]}
        for directory, below, _ in os.walk(TREES):
            path = os.path.relpath(directory, TREES)
            if os.path.basename(directory) == "sys" and "class" in below:
                self.assertIn(os.path.dirname(path), known)
            if os.path.basename(directory) == "cpufreq":
                self.assertTrue(any(path.startswith(tree + os.sep)
                                    for tree in known), path)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv[1])
    fixtures_test.PROGRAM = PROGRAM
    if not os.path.isdir(TREES) or not os.path.isdir(ARCHIVES):
        print(f"skipped: no recorded machines in {ARCHIVES}; set JB_SHARED")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
