#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded trees are listed with the right sensors, and read as they are.

usage: sensors_test.py JOULEBOOK

Each fixtures_*.json beside this file that names a "source" says, by reading the
trees, which sensors that source has in each: quantity, domain, and the value of
the first reading or the state that says why there is none.  Whatever is in the
trees must be in the tables: a tree without such sensors is in "absent".

The trees are looked for below $JB_SHARED, else in ../shared beside the sources.
Archives are unpacked, and links that a checkout turned into files are made
links again, in a temporary directory.  Exit code 77: they are not there.
"""

import functools
import glob
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.environ.get("JB_SHARED") or os.path.join(HERE, "..", "..", "..",
                                                     "shared")
SYSFS = os.path.normpath(os.path.join(
    SHARED, "fixtures", "sysfs-powercap-hwmon-thermal"))
TOPOLOGY = os.path.normpath(os.path.join(SHARED, "fixtures", "topology"))
PROGRAM = None
SECONDS = 60
# A checkout writes a link as a file of its target, without a newline.
LINK = re.compile(rb"(\.\./)*(\.\.|[^/\n]+(/[^/\n]+)*)/?")

WANTED = re.compile(r"/sys/(class|devices/system)(/|$)|/proc/cpuinfo$"
                    r"|/(hwmon|thermal|powercap)(/|$)")


def tables():
    for path in sorted(glob.glob(os.path.join(HERE, "fixtures_*.json"))):
        with open(path, encoding="utf-8") as f:
            table = json.load(f)
        if "source" in table:
            yield table


def expand(name):
    """"cpu-{0-2,5}/x" to its four names."""
    match = re.search(r"\{([0-9,-]+)\}", name)
    if not match:
        return [name]
    names = []
    for part in match.group(1).split(","):
        first, _, last = part.partition("-")
        names += [name.replace(match.group(), str(n))
                  for n in range(int(first), int(last or first) + 1)]
    return names


def is_link(path):
    """A small file that is no text line but a way up, as in class/ and of a
    chip's device."""
    with open(path, "rb") as f:
        text = f.read(4096)
    return text.startswith(b"..") and LINK.fullmatch(text) is not None


def copy_with_links(tree, root):
    for directory, _, files in os.walk(tree):
        below = os.path.join(root, os.path.relpath(directory, tree))
        os.makedirs(below, exist_ok=True)
        for name in files:
            path = os.path.join(directory, name)
            with open(path, "rb") as f:
                text = f.read()
            if is_link(path):
                os.symlink(text.decode(), os.path.join(below, name))
            else:
                with open(os.path.join(below, name), "wb") as f:
                    f.write(text)
    return root


def unpack(archive, root):
    """What sources look at; hwloc's archives hold devices and more, too."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if WANTED.search(member.name) and (
                    member.isdir() or member.isfile() or member.issym()):
                member.mode |= 0o700 if member.isdir() else 0o400
                tar.extract(member, root, set_attrs=False)
    for directory, below, _ in os.walk(root):
        if "sys" in below:
            return directory
    raise AssertionError(f"{archive} has no sys")


def joulebook(*args):
    done = subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=SECONDS, check=False)
    if done.returncode not in (0, 3):
        raise AssertionError(f"{args}: exit {done.returncode}: "
                             f"{done.stderr!r}")
    return done.stdout


def listing(root, source):
    said = json.loads(joulebook("list", "--all", "--json", "--root", root,
                                "--sources", source))
    states = {s["source"]: s["state"] for s in said["sources"]}
    return states[source], {s["sensor"].split("/", 1)[1]: s
                            for s in said["sensors"] if s["source"] == source}


def readings(root, source, names):
    """The first of each sensor, by name.  A busy machine may need longer."""
    first = {}
    for duration in ("100ms", "5s"):
        out = joulebook("record", "--all", "--root", root, "--sources", source,
                        "--duration", duration, "--interval", "1s",
                        "--format", "jsonl", "--output", "-")
        for line in out.splitlines():
            row = json.loads(line)
            first.setdefault(row["sensor"].split("/", 1)[1], row)
        if names <= set(first):
            break
    return first


@functools.cache
def all_trees():
    """Name to path: directories with a sys, and archives."""
    found = {}
    for directory, below, _ in os.walk(SYSFS):
        if "sys" in below and os.path.basename(directory) != "proc":
            found[os.path.relpath(directory, SYSFS)] = directory
    for path in glob.glob(os.path.join(TOPOLOGY, "**", "*.tar.*"),
                          recursive=True):
        found[os.path.relpath(path, TOPOLOGY)] = path
    return found


class Sensors(unittest.TestCase):
    maxDiff = None
    roots = {}

    @classmethod
    def setUpClass(cls):
        cls.room = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.room.cleanup()

    def root(self, tree):
        """Where a tree was made ready; once for all tables."""
        if tree not in self.roots:
            path = all_trees()[tree]
            room = os.path.join(self.room.name, str(len(self.roots)))
            self.roots[tree] = (copy_with_links if os.path.isdir(path)
                                else unpack)(path, room)
        return self.roots[tree]

    def check(self, source, root, wanted):
        state, listed = listing(root, source)
        self.assertEqual(
            {name: [s["quantity"], s["domain"]]
             for name, s in listed.items()},
            {name: row[:2] for name, row in wanted.items()})
        self.assertEqual(state, "ok" if wanted else "absent")
        if not wanted:
            return
        read = readings(root, source, {name for name, s in listed.items()
                                       if s["state"] == "ok"})
        for name, (quantity, domain, value) in wanted.items():
            with self.subTest(name):
                self.assertEqual(listed[name]["reason"] == "",
                                 listed[name]["state"] == "ok")
                row = read.get(name)
                if isinstance(value, str) and row is None:
                    self.assertEqual(listed[name]["state"], value)
                    continue
                self.assertEqual(listed[name]["state"], "ok")
                self.assertIsNotNone(row, "never read")
                if isinstance(value, str):
                    self.assertEqual((row["value"], row["state"]),
                                     (None, value))
                    continue
                self.assertEqual((row["quantity"], row["domain"],
                                  row["state"]), (quantity, domain, "ok"))
                # energy of a domain begins at its first reading
                if quantity == "energy" and domain:
                    value = 0.0
                self.assertAlmostEqual(row["value"], value, places=6)

    def test_trees(self):
        for table in tables():
            trees = list(table["trees"]) + [
                {"tree": name, "sensors": {}} for name in table["absent"]]
            for tree in trees:
                with self.subTest(f"{table['source']}: {tree['tree']}"):
                    self.check(table["source"], self.root(tree["tree"]),
                               {name: row
                                for names, row in tree["sensors"].items()
                                for name in expand(names)})

    def test_no_tree_is_forgotten(self):
        for table in tables():
            known = [tree["tree"] for tree in table["trees"]] + table["absent"]
            with self.subTest(table["source"]):
                self.assertEqual(sorted(known), sorted(set(known)))
                self.assertEqual(set(known), set(all_trees()))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv[1])
    for place in (SYSFS, TOPOLOGY):
        if not os.path.isdir(place):
            print(f"skipped: no recorded trees in {place}; set JB_SHARED")
            sys.exit(77)
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
