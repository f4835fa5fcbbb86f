#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""record: the file is valid however the recording ends."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

from support import (PATIENCE_S, PROGRAM, TREES, Case, Terminal, Ticker,
                     environment, folder, is_root, main, run, start, tree,
                     wait_for_bytes)

ZONES = ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1", "intel-rapl:1:0")
COLUMNS = ["time", "elapsed_s", "sensor", "domain", "quantity", "value",
           "unit", "power_w", "provenance", "state", "power_low_w",
           "power_high_w"]
FORMATS = ("json", "jsonl", "csv")
BASE = ["record", "--root=xeon2"]


class Readings(Case):
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


class Record(Readings):
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

    def test_no_progress_among_rows(self):
        """On a terminal that shows the rows there is no bar between them."""
        terminal = Terminal(*BASE, "-i20ms", "-d700ms")
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn("\r[", terminal.output)
        rows = [json.loads(line) for line in terminal.output.splitlines()]
        self.assertGreater(len(rows), 4)

    def test_estimates_have_their_interval(self):
        got = run("record", "-i100ms", "-d500ms", "--sources=estimate")
        if got.returncode == 3:
            self.skipTest(got.stderr)
        rows = self.readings("jsonl", got.stdout)
        self.assertEqual({r["provenance"] for r in rows}, {"estimated"})
        for row in rows:
            watts = row["value"] if row["unit"] == "W" else row["power_w"]
            if watts is not None:
                self.assertLess(row["power_low_w"], watts)
                self.assertLess(watts, row["power_high_w"])
        self.assertTrue(any(r["power_low_w"] for r in rows))

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


class Sleeper:
    """record into a FIFO whose reader does nothing until it is asked to."""

    def __init__(self, path, *args):
        self.fifo = os.path.join(path, "fifo")
        os.mkfifo(self.fifo)
        self.process = start(*args, "-o", self.fifo)
        self.fd = os.open(self.fifo, os.O_RDONLY)

    def end(self, number):
        """How long it took after the signal, and what it said."""
        self.process.send_signal(number)
        begin = time.monotonic()
        _, err = self.process.communicate(timeout=PATIENCE_S)
        return time.monotonic() - begin, err

    def read_all(self):
        with open(self.fd, encoding="utf-8") as stream:
            return stream.read()


class Blocked(Readings):
    """Nobody waits for a reader that sleeps."""

    def test_signals(self):
        for number, name in ((signal.SIGTERM, "jsonl"), (signal.SIGINT, "csv"),
                             (signal.SIGHUP, "jsonl")):
            with folder() as path, self.subTest(f"{number} {name}"):
                got = Sleeper(path, *BASE, "-i1ms", "-d0s", "--format", name)
                time.sleep(2)
                self.assertIsNone(got.process.poll())
                took, err = got.end(number)
                self.assertLess(took, 1)
                self.assertEqual(got.process.returncode, 1, err)
                self.assertRegex(err, r"of \d+ rows \d+ were dropped")
                text = got.read_all()
                self.assertTrue(text.endswith("\n"))
                if name == "csv":
                    self.assertEqual({line.count(",") for line in
                                      text.splitlines()}, {11})
                else:
                    self.readings(name, text)

    def resident_kb(self, pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return int(next(l for l in file if l.startswith("VmRSS"))
                       .split()[1])

    def test_dropped_rows_are_counted(self):
        """Sampling goes on meanwhile; what does not fit is told."""
        with folder() as path:
            got = Sleeper(path, *BASE, "-i200us", "-d0s", "--format=jsonl")
            process = got.process
            time.sleep(0.5)
            early = self.resident_kb(process.pid)
            time.sleep(3.5)
            self.assertLess(self.resident_kb(process.pid) - early, 6000)
            took, err = got.end(signal.SIGTERM)
            self.assertLess(took, 1)
            self.assertEqual(process.returncode, 1)
            rows, lost, left = map(int, re.search(
                r"of (\d+) rows (\d+) were dropped, and up to (\d+)",
                err).groups())
            self.assertGreater(lost, 0)
            read = self.readings("jsonl", got.read_all())
            self.assertLessEqual(rows - lost - left, len(read))

    def test_reader_that_wakes_up(self):
        """Everything that was kept arrives, and the end too."""
        for name in ("jsonl", "json"):
            with folder() as path, self.subTest(name):
                got = Sleeper(path, *BASE, "-i5ms", "-d1s", "--format", name)
                time.sleep(2.5)
                self.assertIsNone(got.process.poll(), "it waits for the reader")
                rows = self.readings(name, got.read_all())
                _, err = got.process.communicate(timeout=PATIENCE_S)
                self.assertEqual(got.process.returncode, 0, err)
                self.assertEqual(err, f"{len(rows)} readings in {got.fifo}\n")
                self.assertGreater(len(rows), 4 * 150)

    def test_fifo_without_reader(self):
        with folder() as path:
            fifo = os.path.join(path, "fifo")
            os.mkfifo(fifo)
            process = start(*BASE, "-o", fifo, "--format=csv")
            time.sleep(1)
            self.assertIsNone(process.poll())
            process.terminate()
            process.communicate(timeout=PATIENCE_S)
            self.assertEqual(process.returncode, -signal.SIGTERM)


class Ppf(Case):
    """What monitors say, as a collector saves it."""

    def check(self, text):
        return self.assert_schema("collection", text)

    def test_readings(self):
        with tree() as root, Ticker(root, ZONES), folder() as path:
            file = os.path.join(path, "r.json")
            before = time.time()
            got = run("record", f"--sysfs={root}/sys", "--format=ppf",
                      "-i200ms", "-d1s", "-o", file)
            self.assert_code(got, 0)
            with open(file, encoding="utf-8") as stream:
                value = self.check(stream.read())
            self.assertEqual(
                got.stderr, f"{len(value['readings'])} readings in {file}\n")
            self.assertEqual([m["source"] for m in value["monitors"]],
                             ["cpu", "gpu", "system"])
            self.assertEqual(value["interval_s"], 0.2)
            self.assertIn("gpu", {e["source"] for e in value["errors"]})
            powers = {d: [r["metrics"]["power"] for r in value["readings"]
                          if r["device"] == d and "power" in r["metrics"]]
                      for d in ("package-0", "package-1")}
            for watts in powers.values():
                self.assertGreaterEqual(len(watts), 4)
                # the ticker counts 4096 units of 2^-14 J each 5 ms or later
                self.assertLess(max(watts), 50.5)
                self.assertGreater(min(watts), 10)
            stamp = time.mktime(time.strptime(
                value["ended"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
            self.assertLess(abs(stamp - before), 10)

    def test_default_interval(self):
        with tree() as root, Ticker(root, ZONES):
            got = run("record", f"--sysfs={root}/sys", "--format=ppf", "-d2s")
        value = self.check(got.stdout)
        self.assertEqual(value["interval_s"], 1)
        self.assertEqual(len([r for r in value["readings"]
                              if r["device"] == "package-0"]), 2)

    def test_every_end(self):
        with tree() as root, Ticker(root, ZONES):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                with folder() as path, self.subTest(number):
                    file = os.path.join(path, "r.json")
                    process = start("record", f"--sysfs={root}/sys", "-d0s",
                                    "--format=ppf", "-i20ms", "-o", file)
                    wait_for_bytes(file, 20000)
                    process.send_signal(number)
                    _, err = process.communicate(timeout=PATIENCE_S)
                    killed = number == signal.SIGKILL
                    self.assertEqual(process.returncode,
                                     -number if killed else 0, err)
                    with open(file, encoding="utf-8") as stream:
                        value = self.check(stream.read())
                    self.assertGreater(len(value["readings"]), 20)
                    last = max(r["timestamp"] for r in value["readings"])
                    self.assertGreaterEqual(value["ended"], last)

    def test_at_every_moment(self):
        with tree() as root, Ticker(root, ZONES), folder() as path:
            file = os.path.join(path, "r.json")
            process = start("record", f"--sysfs={root}/sys", "-i10ms", "-d0s",
                            "--format=ppf", "-o", file)
            wait_for_bytes(file, 10000)
            lengths = set()
            for _ in range(30):
                process.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
                with open(file, encoding="utf-8") as stream:
                    lengths.add(len(self.check(stream.read())["readings"]))
                process.send_signal(signal.SIGCONT)
                time.sleep(0.07)
            process.kill()
            process.communicate()
        self.assertGreater(len(lengths), 2)

    def test_sleeping_reader(self):
        with tree() as root, Ticker(root, ZONES), folder() as path:
            got = Sleeper(path, "record", f"--sysfs={root}/sys", "-i1ms",
                          "-d0s", "--format=ppf")
            time.sleep(3)
            took, _ = got.end(signal.SIGTERM)
            self.assertLess(took, 1)
            os.close(got.fd)

    def test_nothing_to_record(self):
        with folder() as path:
            file = os.path.join(path, "r.json")
            os.makedirs(os.path.join(path, "root"))
            got = run("record", "--root", os.path.join(path, "root"), "-d50ms",
                      "--format=ppf", "-o", file)
            self.assert_code(got, 3)
            self.assertIn("joulebook doctor", got.stderr)
            self.assertFalse(os.path.exists(file))

    def test_what_does_not_go_with_it(self):
        for option in ("--sources=powercap", "--domains=package", "--all",
                       "--decimals=1", "--replay=r.csv"):
            self.assert_usage(run("record", "--format=ppf", option),
                              option.split("=", maxsplit=1)[0], "ppf")
        self.assert_usage(run("record", "--format=ppf", "-i200us", "-d1s"),
                          "interval")


if __name__ == "__main__":
    main()
