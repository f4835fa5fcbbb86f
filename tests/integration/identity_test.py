#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded cgroups belong to whom they belonged.

usage: identity_test.py IDENTITY_SHOW

Every /proc/<pid>/cgroup and every directory of a cgroup file system below
proc-cgroup is compared with fixtures_cgroup.json, which was written by reading
the trees.

The trees are looked for below $JB_SHARED, else in ../shared beside the sources.
Exit code 77: they are not there.
"""

import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "..")
SHARED = os.environ.get("JB_SHARED") or os.path.join(SOURCE, "..", "shared")
TREES = os.path.normpath(os.path.join(SHARED, "fixtures", "proc-cgroup"))
PROGRAM = None
SECONDS = 60

with open(os.path.join(HERE, "fixtures_cgroup.json"), encoding="utf-8") as f:
    EXPECTED = json.load(f)


def show(*what):
    done = subprocess.run([PROGRAM, *what], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}: {done.stderr!r}")
    return done.stdout.decode()


def is_within(path, parents):
    return any(path == p or path.startswith(p + "/") for p in parents)


def places():
    """(mount point, path in it) of every directory of a cgroup file system."""
    for directory, _, _ in os.walk(TREES):
        path = os.path.relpath(directory, TREES)
        # The innermost mount point counts: they lie in each other.
        mount = next((m for m in EXPECTED["mounts"] if is_within(path, [m])),
                     None)
        if is_within(path, EXPECTED["other"]) or path in EXPECTED["mounts"]:
            continue
        if not mount:
            yield None, path
        else:
            yield mount, path[len(mount):]


class Recorded(unittest.TestCase):
    maxDiff = None

    def test_files(self):
        for place, want in EXPECTED["files"].items():
            with self.subTest(place):
                got = show(os.path.join(TREES, place, "cgroup"))
                self.assertEqual(got, want + "\n")

    def test_no_file_is_forgotten(self):
        found = {os.path.relpath(directory, TREES)
                 for directory, _, files in os.walk(TREES) if "cgroup" in files}
        self.assertEqual(found, set(EXPECTED["files"]))

    def test_directories(self):
        seen = set()
        above = {os.path.dirname(p) for p in
                 EXPECTED["mounts"] + EXPECTED["other"]}
        for mount, path in places():
            with self.subTest(path):
                if mount is None:
                    self.assertTrue(any(is_within(a, [path]) for a in above)
                                    or path == ".", "an unknown directory")
                    continue
                seen.add(path)
                self.assertEqual(show("path:" + path),
                                 EXPECTED["paths"][path] + "\n")
        self.assertEqual(seen, set(EXPECTED["paths"]))

    def test_nothing_is_lost_when_all_are_booked(self):
        what = (["path:" + path for path in EXPECTED["paths"]]
                + [os.path.join(TREES, p, "cgroup") for p in EXPECTED["files"]])
        said = json.loads(show("--json", *what))
        inside = [p for p in EXPECTED["paths"]
                  if p == "/slurm" or p.startswith("/slurm/")]

        self.assertEqual(said["asked"], len(what))
        self.assertEqual(said["known"] + said["unattributed"], len(what))
        self.assertEqual(said["other"], 0)
        self.assertEqual(said["inside"], len(inside))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv[1])
    if not os.path.isdir(TREES):
        print(f"skipped: no recorded trees in {TREES}; set JB_SHARED")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
