#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded powercap trees are listed for what they are.

usage: fixtures_test.py JOULEBOOK

Lists every tree of sysfs-powercap-hwmon-thermal with the real binary and
compares its zones with fixtures_powercap.json, which was written by reading the
trees.  Trees that were published as text, or with names that a checkout cannot
hold, are rebuilt in a temporary directory first.

The trees are looked for below $JB_SHARED, else in ../shared beside the sources.
Exit code 77: they are not there.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "..")
SHARED = os.environ.get("JB_SHARED") or os.path.join(SOURCE, "..", "shared")
TREES = os.path.normpath(
    os.path.join(SHARED, "fixtures", "sysfs-powercap-hwmon-thermal"))
PROGRAM = None
SECONDS = 60

with open(os.path.join(HERE, "fixtures_powercap.json"), encoding="utf-8") as f:
    EXPECTED = json.load(f)["trees"]


def write(root, path, text):
    path = os.path.join(root, "sys", path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def rebuild_class(path, root):
    """Zone directories that stand alone, with {colon} for ':'."""
    for directory, _, files in os.walk(path):
        below = os.path.relpath(directory, path).replace("{colon}", ":")
        for name in files:
            with open(os.path.join(directory, name), encoding="utf-8") as f:
                write(root, os.path.join("class/powercap", below, name),
                      f.read())


def rebuild_grep(path, root):
    """Lines of /path:value."""
    with open(path, encoding="utf-8") as f:
        for line in f:
            file, value = re.match(r"/sys/(\S+/[a-z0-9_]+):(.*)$",
                                   line.rstrip("\n")).groups()
            write(root, file, value + "\n")


def rebuild_find_cat(path, root):
    """Paths, each followed by what cat said of it; what it could not read is
    left out here, since a plain file cannot answer with an error."""
    file = None
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("/sys/devices/virtual/"):
                file = line.replace("/sys/devices/virtual/", "class/", 1)
            elif not line.startswith("cat: "):
                write(root, file, line + "\n")


def rebuild_powercap_info(path, root):
    """The indented text of powercap-info: zones, their files, constraints."""
    zone = ""
    prefix = ""
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.strip()
            head = re.match(r"(Zone|Constraint) ([0-9:]+)$", line)
            if head and head.group(1) == "Zone":
                zone, prefix = "intel-rapl:" + head.group(2), ""
            elif head:
                prefix = f"constraint_{head.group(2)}_"
            elif zone:
                file, value = line.split(": ", 1)
                write(root, f"class/powercap/{zone}/{prefix}{file}",
                      value + "\n")


REBUILD = {"class": rebuild_class, "grep": rebuild_grep,
           "find-cat": rebuild_find_cat, "powercap-info": rebuild_powercap_info}


def listing(root, *more):
    """What joulebook says of a tree, and its exit code: 0, or 3 for a machine
    on which nothing can be measured."""
    done = subprocess.run([PROGRAM, "list", "--json", "--root", root, *more],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=SECONDS, check=False)
    if done.returncode not in (0, 3):
        raise AssertionError(f"exit {done.returncode}: {done.stderr!r}")
    return json.loads(done.stdout), done.returncode


def diagnosis(root):
    done = subprocess.run([PROGRAM, "doctor", "--json", "--root", root],
                          stdout=subprocess.PIPE, timeout=SECONDS, check=False)
    return json.loads(done.stdout)["findings"]


def zones_of(said):
    return {sensor["sensor"].split("/", 1)[1]:
            [sensor["domain"] or None, sensor["state"]]
            for sensor in said["sensors"] if sensor["source"] == "powercap"}


class Fixtures(unittest.TestCase):
    maxDiff = None

    def check(self, tree, root):
        said, code = listing(root, "--sources", "powercap")
        state = {s["source"]: s["state"] for s in said["sources"]}["powercap"]
        domains = {d["domain"]: d for d in said["domains"]}

        self.assertEqual(zones_of(said), tree["zones"])
        self.assertEqual(state, "ok" if tree["zones"] else "absent")
        readable = any(state == "ok" for _, state in tree["zones"].values())
        self.assertEqual(code, 0 if readable else 3)
        for sensor in said["sensors"]:
            self.assertEqual(sensor["readable"], sensor["state"] == "ok")
            self.assertEqual(sensor["reason"] == "", sensor["readable"])
        for domain, parent in tree.get("parents", {}).items():
            self.assertEqual(domains[domain]["parent"], parent, domain)
        for domain in domains.values():
            if domain["sensor"] is None:
                continue
            mirrors = tree.get("mirrors", {}).get(domain["domain"], [])
            self.assertEqual(domain["mirrors"],
                             ["powercap/" + name for name in mirrors])
        listing(root)  # with every source: no crash, and valid JSON
        for finding in diagnosis(root):
            fix = finding["fix"]
            self.assertEqual(subprocess.run(["bash", "-n", "-c", fix],
                                            check=False).returncode, 0, fix)

    def test_trees(self):
        for tree in EXPECTED:
            with self.subTest(tree["tree"]):
                path = os.path.join(TREES, tree["tree"])
                if tree["kind"] == "root":
                    self.check(tree, path)
                    continue
                with tempfile.TemporaryDirectory() as root:
                    REBUILD[tree["kind"]](path, root)
                    self.check(tree, root)

    def test_no_tree_is_forgotten(self):
        known = {tree["tree"] for tree in EXPECTED}
        for directory, below, _ in os.walk(TREES):
            path = os.path.relpath(directory, TREES)
            if os.path.basename(directory) == "sys" and "class" in below:
                self.assertIn(os.path.dirname(path), known)
            if os.path.basename(directory).startswith("intel-rapl{colon}"):
                self.assertTrue(any(path.startswith(tree + os.sep)
                                    for tree in known), path)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv[1])
    if not os.path.isdir(TREES):
        print(f"skipped: no recorded trees in {TREES}; set JB_SHARED")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
