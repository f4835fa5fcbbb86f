#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`joulebook stat --repeat` on a virtual meter of constant power.

usage: repeat_test.py build/joulebook; exit code 77: FUSE cannot be used here.
"""

import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench"))

from room import Lab, fuse_reason  # noqa: E402

PROGRAM = sys.argv.pop() if len(sys.argv) > 1 else "build/joulebook"
WATTS = 100
LAYOUT = f"""\
layout constant
zone path=intel-rapl:0 name=package-0 wave=const:{WATTS}W start=9000000
zone path=intel-rapl:1 name=package-1 wave=const:{WATTS}W start=9000000
"""
ZONES = ("intel-rapl:0", "intel-rapl:1")


def stat(lab, *arguments):
    done = subprocess.run(
        [PROGRAM, "stat", "--json", "--quiet", f"--sysfs={lab.root}",
         "--sources=powercap", *arguments],
        capture_output=True, text=True, check=True,
    )
    return json.loads(done.stdout)


def told(lab, *when):
    """A command that tells the lab something in its n-th run, and sleeps."""
    count = os.path.join(lab.folder.name, "count")
    cases = "".join(f"{run}) echo '{what}' >{lab.root}/.lab/control;; "
                    for run, what in when)
    return ("--", "sh", "-c",
            f"n=$(( $(cat {count} 2>/dev/null || echo 0) + 1 )); "
            f"echo $n >{count}; case $n in {cases}esac; sleep 0.3")


class Repeat(unittest.TestCase):
    def test_runs_that_are_too_short_count(self):
        """Most runs end before the meter's next update.  The mean over those
        that saw one would be that of a whole millisecond each."""
        with Lab(PROGRAM, LAYOUT) as lab:
            value = stat(lab, "--repeat=300", "--", "true")
        for domain in value["domains"]:
            true_j = WATTS * value["elapsed_s"]
            self.assertEqual(domain["measured_runs"], 300)
            self.assertLess(domain["updates"], 20)
            # start and end of a run cost some readings' time beside it
            self.assertLess(abs(domain["energy_j"] - true_j),
                            3 * domain["ci95_j"] + 0.25 * true_j)
            self.assertLess(domain["low_j"], true_j)
            self.assertGreater(domain["high_j"], true_j)
            self.assertAlmostEqual(domain["average_w"], WATTS,
                                   delta=0.35 * WATTS)

    def test_a_short_run_is_called_short(self):
        with Lab(PROGRAM, LAYOUT) as lab:
            done = subprocess.run(
                [PROGRAM, "stat", f"--sysfs={lab.root}", "--sources=powercap",
                 "--", "sleep", "0.012"],
                capture_output=True, text=True, check=True)
            value = stat(lab, "--", "sleep", "0.012")
        self.assertRegex(done.stderr, r"note: a short run for these meters "
                                      r"\(\d+ refreshes\): package-0, "
                                      r"package-1\n")
        for domain in value["domains"]:
            # 1 ms each
            self.assertAlmostEqual(domain["updates"],
                                   value["elapsed_s"] * 1000, delta=3)

    def test_a_gap_in_one_run_is_told(self):
        with Lab(PROGRAM, LAYOUT) as lab:
            value = stat(lab, "--repeat=3", *told(lab, (1, "reset " + ZONES[0])))
        with_gap, whole = value["domains"]
        self.assertGreater(with_gap["gap_bound_j"], 0)
        self.assertLess(with_gap["coverage"], 1)
        self.assertNotIn("gap_bound_j", whole)
        self.assertEqual(value["observed"], with_gap["coverage"])

    def test_a_meter_that_stops_gets_another_chance(self):
        with Lab(PROGRAM, LAYOUT) as lab:
            value = stat(lab, "--repeat=3",
                         *told(lab, (1, "freeze " + ZONES[0] + " stop"),
                               (2, "thaw " + ZONES[0])))
        frozen, whole = value["domains"]
        self.assertEqual(whole["measured_runs"], 3)
        self.assertLess(frozen["coverage"], 0.9)
        self.assertGreater(whole["coverage"], 0.999)

    def test_no_sum_over_different_runs(self):
        with Lab(PROGRAM, LAYOUT) as lab:
            value = stat(lab, "--repeat=2",
                         *told(lab, (2, f"errno {ZONES[0]} EIO")))
        lost, whole = value["domains"]
        self.assertLess(lost["coverage"], 0.75)
        self.assertAlmostEqual(whole["coverage"], 1, 2)
        if lost["measured_runs"] < 2:
            self.assertNotIn("total", value)


if __name__ == "__main__":
    reason = fuse_reason()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main()
