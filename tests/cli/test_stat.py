#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stat: the command runs as if it ran alone, and the figures are labelled."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

from support import (ESCAPE, PATIENCE_S, PROGRAM, TREES, Case, Terminal,
                     Ticker, environment, folder, main, run, sources, start,
                     tree)

ZONES = ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1", "intel-rapl:1:0")
COLUMNS = ["domain", "source", "energy_j", "average_w", "peak_w",
           "uncertainty_j", "low_j", "high_j", "provenance", "coverage",
           "stddev_j", "runs", "elapsed_s", "user_s", "system_s", "exit_code",
           "measured_runs", "gap_bound_j", "updates"]


def shell(script, *options, **more):
    return run("stat", *options, "--", "sh", "-c", script, **more)


class Passing(Case):
    """What the command is and does passes through."""

    def test_exit_codes(self):
        for code in (0, 1, 2, 3, 77, 255):
            self.assert_code(shell(f"exit {code}"), code)

    def test_commands_that_cannot_start(self):
        got = run("stat", "--", "/nowhere/at-all")
        self.assert_code(got, 127)
        self.assertIn("/nowhere/at-all", got.stderr)
        got = run("stat", "--", "no-such-command-anywhere")
        self.assert_code(got, 127)
        self.assert_code(run("stat", "--", "/etc/passwd"), 126)
        self.assert_code(run("stat", "--", "/"), 126)
        self.assertNotIn("Energy of", got.stderr)

    def test_death_by_signal(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV,
                       signal.SIGINT, signal.SIGABRT):
            got = shell(f"kill -{int(number)} $$")
            self.assert_code(got, -number)
            self.assertIn("Energy of", got.stderr)
            got = shell(f"kill -{int(number)} $$", "--json")
            value = self.assert_schema("stat", got.stdout)
            self.assertEqual(value["exit_code"], 128 + number)

    def test_signals_are_handed_on(self):
        for name in ("TERM", "INT", "USR1", "USR2", "HUP", "QUIT"):
            process = start("stat", "--", "sh", "-c",
                            f"trap 'echo got {name}; exit 5' {name}; "
                            "echo ready; while :; do sleep 0.01; done")
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.send_signal(getattr(signal, "SIG" + name))
            out, err = process.communicate(timeout=PATIENCE_S)
            self.assertEqual((out, process.returncode), (f"got {name}\n", 5))
            self.assertIn("Energy of", err)

    def test_signal_state_of_the_command(self):
        state = r"^Sig(Blk|Ign):.*$"
        with open("/proc/self/status", encoding="ascii") as stream:
            alone = subprocess.run(["grep", "-E", state, "/proc/self/status"],
                                   capture_output=True, text=True, check=True,
                                   env=environment(), stdin=stream)
        got = run("stat", "--", "grep", "-E", state, "/proc/self/status")
        # glibc's posix_spawn() ignores the two that it keeps for itself, and
        # so may have done whoever started this test.
        self.assertEqual(got.stdout.replace("180000000", "000000000"),
                         alone.stdout.replace("180000000", "000000000"))

    def test_descriptors_of_the_command(self):
        got = run("stat", "--sysfs=xeon2/sys", "--", "ls", "/proc/self/fd")
        self.assertEqual(got.stdout.split(), ["0", "1", "2", "3"])

    def test_streams(self):
        got = shell("cat; echo out; echo err >&2", stdin=None, input="in\n")
        self.assertEqual(got.stdout, "in\nout\n")
        self.assertTrue(got.stderr.startswith("err\n"))

    def test_environment_and_folder(self):
        got = shell("pwd; echo $JB_X", env=environment(JB_X="7"), cwd="/usr")
        self.assertEqual(got.stdout, "/usr\n7\n")

    def test_terminal(self):
        terminal = Terminal("stat", "--", "sh", "-c", "tty; stty size")
        self.assertEqual(terminal.wait(), 0)
        self.assertRegex(terminal.output, r"^/dev/\S+\r\n\d+ \d+\r\n")
        self.assertNotIn(ESCAPE, terminal.output)

    def test_ctrl_c(self):
        terminal = Terminal("stat", "-r", "5", "--", "sh", "-c",
                            "trap 'echo once; exit 4' INT; echo ready; "
                            "while :; do sleep 0.01; done")
        terminal.read_until("ready")
        terminal.type("\x03")
        self.assertEqual(os.waitstatus_to_exitcode(terminal.wait()), 4)
        self.assertEqual(terminal.output.count("once\r\n"), 1)
        self.assertEqual(terminal.output.count("Energy of"), 1)
        self.assertNotIn("run 2", terminal.output)

    def test_ctrl_c_kills_a_plain_command(self):
        terminal = Terminal("stat", "--", "sh", "-c", "echo ready; sleep 99")
        terminal.read_until("ready")
        terminal.type("\x03")
        self.assertEqual(os.waitstatus_to_exitcode(terminal.wait()),
                         -signal.SIGINT)
        self.assertIn("Energy of", terminal.output)

    def test_stop_and_continue(self):
        process = start("stat", "--", "sh", "-c", "echo ready; sleep 0.3")
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0, err)

    def test_children_left_behind_are_not_waited_for(self):
        began = time.monotonic()
        got = shell("sleep 20 >/dev/null 2>&1 & exit 6")
        self.assert_code(got, 6)
        self.assertLess(time.monotonic() - began, 15)


class Figures(Case):
    """Counters of 50 W each, in a copied tree."""

    def counting(self, *args):
        with tree() as root, Ticker(root, ZONES):
            return run("stat", f"--sysfs={root}/sys", f"--procfs={root}/proc",
                       *args)

    def test_json(self):
        got = self.counting("--json", "--", "sleep", "0.5")
        value = self.assert_schema("stat", got.stdout)
        self.assert_code(got, 0)
        self.assertEqual([d["domain"] for d in value["domains"]],
                         ["package-0", "package-1", "dram-0", "dram-1"])
        for domain in value["domains"]:
            self.assertGreater(domain["energy_j"], 0)
            self.assertLessEqual(domain["low_j"], domain["energy_j"])
            self.assertGreaterEqual(domain["high_j"], domain["energy_j"])
            self.assertEqual(domain["provenance"], "measured")
        self.assertGreater(value["domains"][0]["peak_w"], 1)
        self.assertAlmostEqual(value["observed"], 1, 1)
        self.assertEqual(value["total"]["domains"],
                         ["package-0", "package-1", "dram-0", "dram-1"])
        self.assertAlmostEqual(
            value["total"]["energy_j"],
            sum(d["energy_j"] for d in value["domains"]), 5)
        self.assertAlmostEqual(
            value["total"]["energy_delay_js"],
            value["total"]["energy_j"] * value["elapsed_s"], 5)
        self.assertEqual(value["command"], "sleep 0.5")
        self.assertAlmostEqual(value["elapsed_s"], 0.5, delta=0.4)

    def test_counts_are_told_with_verbose(self):
        got = self.counting("--json", "-v", "sleep", "0.3")
        for domain in self.assert_schema("stat", got.stdout)["domains"]:
            counts = domain["counts"]
            self.assertEqual(counts["last"] - counts["first"],
                             counts["total"])
            self.assertGreater(counts["last_ns"], counts["first_ns"])

    def test_text(self):
        got = self.counting("--", "sleep", "0.5")
        self.assertEqual(got.stdout, "")
        for word in ("domain ", "uncertainty", "package-0", "dram-1", "±",
                     "powercap/intel-rapl:1", "energy-delay", "elapsed",
                     "user", "system", "observed"):
            self.assertIn(word, got.stderr)
        self.assertRegex(got.stderr, r"total +[\d.]+ J .*, of package-0, "
                                     r"package-1, dram-0, dram-1\n")
        self.assertLessEqual(max(map(len, got.stderr.split("\n"))), 100)
        self.assertNotRegex(got.stderr, r"(?m)[ \t]$")

    def test_repeats(self):
        got = self.counting("-r3", "--", "sleep", "0.2")
        for run_number in (1, 2, 3):
            self.assertRegex(got.stderr, rf"(?m)^run {run_number} of 3: 0\.")
        self.assertNotIn("±", got.stderr.split("\n")[0])
        for word in ("mean energy", "std dev", "95 % CI", "runs          3"):
            self.assertIn(word, got.stderr)
        self.assertLessEqual(max(map(len, got.stderr.split("\n"))), 100)
        got = self.counting("-qr3", "--json", "--", "sleep", "0.1")
        self.assertEqual(got.stderr, "")
        value = self.assert_schema("stat", got.stdout)
        self.assertEqual(value["runs"], 3)
        self.assertIn("elapsed_stddev_s", value)
        self.assertIn("ci95_j", value["domains"][0])

    def test_csv(self):
        got = self.counting("--csv", "--", "sleep", "0.3")
        rows = self.csv_rows(got.stdout)
        self.assertEqual(list(rows[0]), COLUMNS)
        self.assertEqual([r["domain"] for r in rows],
                         ["package-0", "package-1", "dram-0", "dram-1"])
        self.assertGreater(float(rows[0]["energy_j"]), 0)
        self.assertEqual(rows[0]["exit_code"], "0")

    def test_work_and_flops(self):
        got = self.counting("--json", "--work=4", "--unit=frame",
                            "--flops=1e9", "--", "sleep", "0.2")
        value = self.assert_schema("stat", got.stdout)
        total = value["total"]["energy_j"]
        self.assertEqual(value["work"]["unit"], "frame")
        self.assertAlmostEqual(value["work"]["joules_per_unit"], total / 4, 5)
        self.assertAlmostEqual(value["flops"]["flops_per_watt"] * total / 1e9,
                               1, 5)
        got = self.counting("--work=4", "--unit=frame", "--flops=1e9",
                            "sleep", "0.2")
        self.assertRegex(got.stderr, r"[\d.]+ J per frame")
        self.assertRegex(got.stderr, r"FLOP/s per W")

    def test_selection(self):
        got = self.counting("--json", "--domains=dram", "sleep", "0.1")
        value = self.assert_schema("stat", got.stdout)
        self.assertEqual([d["domain"] for d in value["domains"]],
                         ["dram-0", "dram-1"])
        got = self.counting("--json", "--domains=package-1,dram-0",
                            "--sources=powercap", "sleep", "0.1")
        value = self.assert_schema("stat", got.stdout)
        self.assertEqual([d["domain"] for d in value["domains"]],
                         ["package-1", "dram-0"])

    def test_intervals(self):
        got = self.counting("-i100ms", "--", "sleep", "0.55")
        head, *lines = got.stderr.split("\n\nEnergy of")[0].split("\n")
        self.assertEqual(head.split(), ["time", "s", "domain", "energy", "J",
                                        "average", "W"])
        times = sorted({float(line.split()[0]) for line in lines})
        self.assertIn(len(times), range(2, 7))
        for line in lines:
            self.assertRegex(line, r"^ +\d+\.\d{6}  [a-z]+-\d +"
                                   r"([\d.]+ +[\d.]+|- +-  .*)$")

    def test_output_file(self):
        with folder() as path:
            for option, word in (("--json", '"domains"'), ("--csv", "domain,"),
                                 ("-v", "Energy of")):
                name = os.path.join(path, "result")
                got = run("stat", option, "-o", name, "--", "echo", "x")
                self.assert_code(got, 0)
                self.assertEqual((got.stdout, got.stderr), ("x\n", ""))
                with open(name, encoding="utf-8") as stream:
                    self.assertIn(word, stream.read())

    def test_two_at_once(self):
        with tree() as root, Ticker(root, ZONES):
            both = [start("stat", "--json", f"--sysfs={root}/sys", "--",
                          "sleep", "0.4") for _ in range(2)]
            for process in both:
                out, err = process.communicate(timeout=PATIENCE_S)
                self.assertEqual(process.returncode, 0, err)
                value = self.assert_schema("stat", out)
                self.assertEqual(len(value["domains"]), 4)


class Trouble(Case):
    def test_output_that_cannot_be_opened(self):
        with folder() as path:
            ran = os.path.join(path, "ran")
            for name in ("/nowhere/file", path):
                got = run("stat", "-o", name, "--", "touch", ran)
                self.assert_code(got, 1)
                self.assertIn(name, got.stderr)
                self.assertFalse(os.path.exists(ran))

    def test_full_disk(self):
        for option in ("--json", "--csv", "-v"):
            got = run("stat", option, "-o", "/dev/full", "--", "true")
            self.assert_code(got, 1)
            self.assertIn("writing the result failed", got.stderr)

    def test_repeat_of_a_failing_command(self):
        got = shell("exit 9", "-r3")
        self.assert_code(got, 9)
        self.assertIn("run 3 of 3", got.stderr)
        got = shell("kill -9 $$", "-r3")
        self.assert_code(got, -9)
        self.assertNotIn("run 2", got.stderr)
        got = run("stat", "-r3", "--", "/nowhere/at-all")
        self.assert_code(got, 127)
        self.assertEqual(got.stderr.count("/nowhere"), 1)

    def test_bytes_that_are_no_text(self):
        for word in (b"\xff\xfe", b"a\x1b[31mb", b"line\nline", b"\xc3"):
            got = run("stat", "--json", "--", "true", os.fsdecode(word))
            self.assert_schema("stat", got.stdout)
            got = run("stat", "--", "true", os.fsdecode(word))
            self.assertNotIn(ESCAPE, got.stderr)
        long = ["é" * 999] * 30
        got = run("stat", "--json", "--", "true", *long)
        self.assert_schema("stat", got.stdout)

    def test_no_meter(self):
        """A machine without any: no figure, or one that says estimate."""
        with folder() as path:
            got = run("stat", "--root", path, "--", "sh", "-c", "exit 5")
            self.assert_code(got, 5)
            self.assertIn("nothing was measured", got.stderr)
            self.assertIn("no RAPL zone", got.stderr)
            self.assert_no_false_zero(got.stderr)
            got = run("stat", "--root", path, "--json", "true")
            value = self.assert_schema("stat", got.stdout)
            self.assertEqual(value["domains"], [])
            self.assertNotIn("total", value)

    def test_counters_that_do_not_count(self):
        got = run("stat", "--root=xeon2", "-i100ms", "--", "sleep", "0.3")
        self.assert_code(got, 0)
        self.assertIn("dead", got.stderr)
        self.assert_no_false_zero(got.stderr)
        self.assertNotRegex(got.stderr, r"package-\d +0\.0")
        value = self.assert_schema("stat", run(
            "stat", "--root=xeon2", "--json", "--", "sleep", "0.2").stdout)
        self.assertEqual(value["domains"], [])
        self.assertEqual({u["state"] for u in value["unmeasured"]}, {"dead"})

    def test_this_machine(self):
        """Estimates are labelled in every form; nothing else is estimated."""
        got = run("stat", "--json", "--", "sleep", "0.3")
        self.assert_code(got, 0)
        value = self.assert_schema("stat", got.stdout)
        kinds = {d["provenance"] for d in value["domains"]}
        if sources().get("estimate") != "ok":
            self.assertNotIn("estimated", kinds)
            return
        if kinds == {"estimated"}:
            self.assertEqual(value["total"]["provenance"], "estimated")
            text = run("stat", "--", "sleep", "0.3").stderr
            self.assertRegex(text, r"~[\d.]+ +[km]?J")
            self.assertIn("estimate", text)
            rows = self.csv_rows(run("stat", "--csv", "sleep", "0.2").stdout)
            self.assertEqual({r["provenance"] for r in rows}, {"estimated"})
            text = run("stat", "-i100ms", "--", "sleep", "0.3").stderr
            self.assertRegex(text, r"(?m)^ +0\.\d+  .*  estimated$")


if __name__ == "__main__":
    main()
