#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sensors of a board: temperatures, fans, an ACPI power meter, throttling."""

import json
import os
import re
import shutil

from support import PROGRAM, TREES, Case, folder, main, run, write

BOARD = ["--root=board", "--sources=hwmon,thermal"]
METER = "hwmon/power_meter-ACPI000D:00/power1_average"
WATTS = 307.0


def settled(text):
    """Without sources that were not asked for."""
    return re.sub(r"(?m)^  \w+ +refused +not selected\n", "", text)


class Board(Case):
    def test_list(self):
        for name, options in (("board-all", ["--all"]), ("board", [])):
            with self.subTest(name):
                got = run("list", *options, *BOARD)
                self.assert_code(got, 0)
                self.assert_golden(f"list-{name}.txt", settled(got.stdout))
                self.assertNotRegex(got.stdout, r"(?m)[ \t]$")
        self.assert_schema("list", run("list", "--json", *BOARD).stdout)

    def test_what_is_open_or_off_is_no_trouble(self):
        got = run("doctor", "--root=board")
        self.assert_code(got, 0)
        self.assertIn("implausible  hwmon/nct6779-nct6775.656/temp1",
                      got.stdout)
        self.assertIn("fix: echo 1 | sudo tee board/sys/class/hwmon/hwmon0/"
                      "fan3_enable", got.stdout)

    def test_record(self):
        got = run("record", "--all", *BOARD, "-d200ms", "-i50ms")
        self.assert_code(got, 0)
        rows = [json.loads(line) for line in got.stdout.splitlines()]
        first = {}
        for row in rows:
            self.assertEqual(row["state"], "ok", row)
            self.assertIsNotNone(row["value"], row)
            first.setdefault(row["sensor"], (row["domain"], row["value"],
                                             row["unit"]))
        self.assertEqual(first[METER], ("platform", WATTS, "W"))
        self.assertEqual(first["hwmon/coretemp.1/temp1"],
                         ("package-1", 56.0, "degC"))
        self.assertEqual(first["hwmon/nct6779-nct6775.656/fan1"],
                         (None, 0.0, "rpm"))
        self.assertEqual(first["thermal/package-1/throttle_time"],
                         ("package-1", 1.5, "s"))
        self.assertNotIn("hwmon/nct6779-nct6775.656/temp1", first)

    def test_a_meter_that_may_hang_is_measured_with(self):
        """It is read by a thread of its own, from before the command on."""
        got = run("stat", *BOARD, "--json", "--", "sleep", "0.5")
        self.assert_code(got, 0)
        value = self.assert_schema("stat", got.stdout)
        [domain] = value["domains"]
        self.assertEqual((domain["domain"], domain["source"]),
                         ("platform", METER))
        self.assertAlmostEqual(domain["energy_j"],
                               WATTS * value["elapsed_s"], delta=WATTS * 0.3)
        self.assertEqual(value["unmeasured"], [])

    def test_a_temperature_is_no_meter(self):
        """A package's temperature does not make estimates superfluous."""
        with folder() as room:
            root = os.path.join(room, "m")
            shutil.copytree(os.path.join(TREES, "board", "sys"), root,
                            symlinks=True)
            os.unlink(os.path.join(root, "class/hwmon/hwmon1"))
            write(os.path.join(root, "devices/system/cpu/possible"), "0-3\n")
            got = run("stat", f"--sysfs={root}", "--", "sleep", "0.3")
            self.assert_code(got, 0)
            if not os.path.exists(os.path.join(os.path.dirname(PROGRAM),
                                               "modules", "estimate.so")):
                self.skipTest("no module that estimates")
            self.assertRegex(got.stderr, r"platform +~.* estimate/ac-power")

    def test_zero_is_no_power(self):
        with folder() as room:
            root = os.path.join(room, "m")
            chip = os.path.join(root, "sys/class/hwmon/hwmon0")
            os.makedirs(chip)
            for name, text in (("name", "power_meter\n"),
                               ("power1_average", "0\n")):
                write(os.path.join(chip, name), text)
            for text in ("0\n", "4294967295000\n", "4294967295\n"):
                write(os.path.join(chip, "power1_average"), text)
                got = run("record", "--all", "--root", root, "-d100ms",
                          "--sources=hwmon")
                rows = [json.loads(line) for line in got.stdout.splitlines()]
                with self.subTest(text):
                    self.assertTrue(rows)
                    self.assertEqual({(r["value"], r["state"])
                                      for r in rows}, {(None, "implausible")})
                got = run("stat", "--root", root, "--sources=hwmon", "--json",
                          "--", "sleep", "0.3")
                self.assertEqual(json.loads(got.stdout)["domains"], [])
                self.assert_no_false_zero(got.stderr)

    def test_options(self):
        """How late a meter is, is a matter of the machine."""
        with folder() as room:
            path = os.path.join(room, "c.yaml")
            wide = {}
            for lag in ("100ms", "1s"):
                write(path, f"hwmon:\n  meter-lag: {lag}\n"
                            f"  meter-lag-uncertainty: {lag}\n"
                            "  meter-max-power: 1000\n")
                got = run("stat", *BOARD, "--json", f"--config={path}", "--",
                          "sleep", "0.3")
                if "without" in got.stderr and "YAML" in got.stderr:
                    self.skipTest(got.stderr)
                self.assert_code(got, 0)
                [domain] = json.loads(got.stdout)["domains"]
                wide[lag] = domain["high_j"] - domain["energy_j"]
            self.assertGreater(wide["1s"], 5 * wide["100ms"])
            self.assertLess(wide["1s"], 3000)


if __name__ == "__main__":
    main()
