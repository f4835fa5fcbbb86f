#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""record: the file is valid however the recording ends."""

import json
import os
import signal
import subprocess
import time
import unittest

from support import (PATIENCE_S, PROGRAM, TREES, Case, Terminal, Ticker,
                     environment, folder, is_root, main, run, start, tree,
                     wait_for_bytes)

ZONES = ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1", "intel-rapl:1:0")
COLUMNS = ["time", "elapsed_s", "sensor", "domain", "quantity", "value",
           "unit", "power_w", "provenance", "state"]
FORMATS = ("json", "jsonl", "csv")
BASE = ["record", "--root=xeon2"]


class Record(Case):
    def readings(self, name, text):
        """Of a file called name, which must be valid to the last byte."""
        if name == "json":
            return self.assert_schema("record", text)["readings"]
        self.assertTrue(text.endswith("\n"), text[-80:])
        if name == "jsonl":
            rows = [json.loads(line) for line in text.splitlines()]
            self.assert_schema("record", {
                "format": "joulebook-record", "version": 1, "interval_s": 1,
                "readings": rows})
            return rows
        rows = self.csv_rows(text)
        for row in rows:
            self.assertEqual(list(row), COLUMNS)
            self.assertNotIn(None, row.values())
        return rows

    def readings_of(self, path):
        with open(path, encoding="utf-8") as stream:
            return self.readings(path.rsplit(".", 1)[1], stream.read())

    def test_formats(self):
        for name in FORMATS:
            with folder() as path, self.subTest(name):
                file = os.path.join(path, "r." + name)
                got = run(*BASE, "-i20ms", "-d200ms", "-o", file)
                self.assert_code(got, 0)
                rows = self.readings_of(file)
                self.assertGreaterEqual(len(rows), 4 * 5)
                self.assertEqual(got.stdout, "")
                self.assertEqual(got.stderr,
                                 f"{len(rows)} readings in {file}\n")

    def test_standard_output(self):
        got = run(*BASE, "-i20ms", "-d100ms")
        self.assertGreater(len(self.readings("jsonl", got.stdout)), 4)
        self.assertEqual(got.stderr, "")
        for name in FORMATS:
            got = run(*BASE, "-i20ms", "-d100ms", "-o-", "--format", name)
            self.assertGreater(len(self.readings(name, got.stdout)), 4)

    def test_a_name_without_a_format(self):
        with folder() as path:
            file = os.path.join(path, "series")
            got = run(*BASE, "-d10ms", "-o", file)
            self.assert_usage(got, "--format")
            got = run(*BASE, "-d50ms", "--format=csv", "-o", file)
            self.assert_code(got, 0)

    def test_values(self):
        with tree() as root, Ticker(root, ZONES):
            got = run("record", f"--sysfs={root}/sys", "-i50ms", "-d600ms")
        rows = [r for r in self.readings("jsonl", got.stdout)
                if r["domain"] == "package-0"]
        self.assertEqual(rows[0]["value"], 0)
        self.assertIsNone(rows[0]["power_w"])
        values = [r["value"] for r in rows]
        self.assertEqual(values, sorted(values))
        self.assertGreater(values[-1], 1)
        self.assertGreater(max(r["power_w"] or 0 for r in rows), 5)
        self.assertEqual({r["unit"] for r in rows}, {"J"})

    def test_still_counters_have_no_power(self):
        got = run(*BASE, "-i20ms", "-d300ms")
        rows = self.readings("jsonl", got.stdout)
        self.assertEqual({r["power_w"] for r in rows}, {None})
        self.assertEqual(rows[-1]["state"], "gap")

    def test_selection(self):
        got = run(*BASE, "-d50ms", "--domains=dram-1")
        self.assertEqual({r["domain"] for r in
                          self.readings("jsonl", got.stdout)}, {"dram-1"})
        got = run("record", "--root=client", "-d50ms", "-a")
        self.assertIn("powercap/intel-rapl-mmio:0",
                      {r["sensor"] for r in
                       self.readings("jsonl", got.stdout)})

    def begin(self, *args, **more):
        return start(*BASE, "-i5ms", "-d60s", *args, **more)

    def test_every_end(self):
        for number, names in ((signal.SIGINT, ("json",)),
                              (signal.SIGHUP, ("csv",)),
                              (signal.SIGTERM, FORMATS),
                              (signal.SIGKILL, FORMATS)):
            for name in names:
                with folder() as path, self.subTest(f"{number} {name}"):
                    file = os.path.join(path, "r." + name)
                    process = self.begin("-o", file)
                    wait_for_bytes(file, 2000)
                    process.send_signal(number)
                    _, err = process.communicate(timeout=PATIENCE_S)
                    killed = number == signal.SIGKILL
                    self.assertEqual(process.returncode,
                                     -number if killed else 0, err)
                    rows = self.readings_of(file)
                    self.assertGreater(len(rows), 8)
                    if not killed:
                        self.assertIn(f"{len(rows)} readings", err)

    def test_without_end(self):
        process = start(*BASE, "-i5ms", "-d0s")
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0)
        self.assertGreater(len(self.readings("jsonl", out)), 20)

    def test_reader_that_leaves(self):
        process = self.begin("--format=jsonl")
        process.stdout.readline()
        process.stdout.close()
        _, err = process.stderr.read(), process.wait(PATIENCE_S)
        self.assertIn(process.returncode, (1, -signal.SIGPIPE), err)
        process.stderr.close()

    def test_paths_that_cannot_be_written(self):
        for file in ("/nowhere/r.csv", "/proc/r.csv"):
            got = run(*BASE, "-d20ms", "-o", file)
            self.assert_code(got, 1)
            self.assertIn(file, got.stderr)

    @unittest.skipUnless(is_root(), "mounting needs root")
    def test_full_disk(self):
        script = ('mount -t tmpfs -o size=64k none "$1" || exit 77; '
                  '"$2" record --root=xeon2 -i1ms -d30s -o "$1/r.$3" >&2; '
                  'echo $? >&2; cat "$1/r.$3"')
        for name in FORMATS:
            with folder() as path, self.subTest(name):
                got = subprocess.run(
                    ["unshare", "-m", "sh", "-c", script, "sh", path, PROGRAM,
                     name], cwd=TREES, env=environment(), text=True,
                    capture_output=True, check=False, timeout=PATIENCE_S)
                if got.returncode:
                    self.skipTest(got.stderr)
                self.assertTrue(got.stderr.endswith("\n1\n"), got.stderr)
                self.assertIn("No space left", got.stderr)
                self.assertIn("is valid", got.stderr)
                self.assertGreater(len(self.readings(name, got.stdout)), 50)

    def test_progress_only_on_a_terminal(self):
        with folder() as path:
            file = os.path.join(path, "r.csv")
            terminal = Terminal(*BASE, "-i20ms", "-d1200ms", "-o", file)
            self.assertEqual(terminal.wait(), 0)
            self.assertRegex(terminal.output, r"\r\[#+\.*\] \d+\.\d s")
            terminal = Terminal(*BASE, "-q", "-d600ms", "-o", file)
            terminal.wait()
            self.assertEqual(terminal.output, "")
            got = run(*BASE, "-i20ms", "-d700ms", "-o", file)
            self.assertNotIn("[", got.stderr)
            got = run(*BASE, "-q", "-d50ms", "-o", file)
            self.assertEqual((got.stdout, got.stderr), ("", ""))

    def test_ctrl_c(self):
        with folder() as path:
            file = os.path.join(path, "r.json")
            terminal = Terminal(*BASE, "-i5ms", "-d60s", "-o", file)
            terminal.read_until(r"[1-9]\d* readings")
            terminal.type("\x03")
            self.assertEqual(terminal.wait(), 0)
            self.assertGreater(len(self.readings_of(file)), 4)

    def test_nothing_to_record(self):
        with folder() as path:
            got = run("record", "--root", path, "-d50ms")
            self.assert_code(got, 3)
            self.assertEqual(got.stdout, "")
            self.assertIn("joulebook doctor", got.stderr)

    def test_two_at_once(self):
        both = [self.begin("-d300ms") for _ in range(2)]
        for process in both:
            out, err = process.communicate(timeout=PATIENCE_S)
            self.assertEqual(process.returncode, 0, err)
            self.readings("jsonl", out)


if __name__ == "__main__":
    main()
