#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is typed: every option with good and bad values, help, versions."""

import os
import re
import unittest

from support import (COMMANDS, HERE, SOURCE, Case, folder, main, run,
                     write)

# The option, a good value, and bad ones with a word of the refusal.
COMMON = {
    "root": ("xeon2", [("nowhere", "nowhere"), ("/etc/passwd", "directory")]),
    "sysfs": ("xeon2/sys", [("nowhere", "nowhere")]),
    "procfs": ("xeon2/proc", [("nowhere", "nowhere")]),
    "cgroupfs": ("xeon2", [("nowhere", "nowhere")]),
    "devfs": ("xeon2", [("nowhere", "nowhere")]),
    "config": ("/dev/null", []),
    "replay": ("/dev/null", []),
    "replay-speed": ("2", [("x", "number"), ("0", "below"), ("-1", "below"),
                           ("1e9", "above")]),
    "json": (None, []),
    "quiet": (None, []),
    "verbose": (None, []),
    "no-color": (None, []),
}
DURATION = [("ms", "duration"), ("-1s", "duration"),
            ("1 s", "duration"), ("1e99s", "duration"), ("", "duration")]
SOURCES = [("powercop", "no source 'powercop'"), ("powercap,x", "'x'")]
DOMAINS = [("packages", "no domain 'packages'"), ("core,dram-x", "'dram-x'")]
OWN = {
    "list": {
        "sources": ("powercap,perf", SOURCES),
        "all": (None, []),
        "probe": ("0s", DURATION + [("61s", "above")]),
    },
    "doctor": {"probe": ("1ms", DURATION + [("1h", "above")])},
    "stat": {
        "repeat": ("2", [("0", "below"), ("x", "number"), ("-1", "number"),
                         ("1000001", "above"), ("1.5", "number")]),
        "interval": ("1s", DURATION),
        "output": ("/dev/null", []),
        "csv": (None, []),
        "format": ("perf", [("xml", "one of text perf")]),
        "flops": ("1e9", [("x", "number"), ("nan", "number"), ("-1", "below"),
                          ("inf", "number")]),
        "work": ("12.5", [("x", "number"), ("-2", "below")]),
        "sources": ("powercap", SOURCES),
        "domains": ("package,dram-0", DOMAINS),
        "period": ("10ms", DURATION + [("1us", "below"), ("61s", "above")]),
        "estimate": (None, []),
    },
    "record": {
        "interval": ("20ms", DURATION + [("1us", "below"), ("2h", "above")]),
        "duration": ("20ms", DURATION),
        "output": ("-", []),
        "format": ("csv", [("xml", "one of auto native json jsonl csv "
                            "energizta scaphandre")]),
        "decimals": ("0", [("x", "number"), ("7", "above")]),
        "sources": ("powercap", SOURCES),
        "domains": ("package", DOMAINS),
        "all": (None, []),
    },
    "broker": {
        "socket": ("/tmp/none.sock", []),
        "group": ("daemon", [("no-such-group", "no group")]),
        "mode": ("0600", [("888", "permissions"), ("7777", "above"),
                          ("", "permissions"), ("0x1ff", "permissions")]),
        "user": ("daemon", [("no-such-user", "no user"), ("", "no user")]),
        "sources": ("powercap", SOURCES),
        "all": (None, []),
        "rate": ("0", [("x", "number"), ("-1", "number"),
                       ("1000001", "above")]),
        "clients": ("10", [("0", "below"), ("65537", "above")]),
        "user-clients": ("10", [("0", "below"), ("x", "number")]),
    },
    "burn": {
        "duration": ("1ms", DURATION + [("25h", "above")]),
        "threads": ("1", [("x", "number"), ("5000", "above")]),
    },
    "help": {
        "man": (None, []),
        "completion": ("bash", [("tcsh", "one of none bash")]),
    },
}
# What makes a command short and give it something to measure.
BASE = {"record": ["--duration=20ms", "--root=xeon2"],
        "burn": ["--duration=1ms"],
        "broker": ["--root=xeon2"], "list": ["--probe=0s"],
        "doctor": ["--probe=0s"], "stat": ["--root=xeon2"], "help": []}


def option(name, value):
    return f"--{name}" if value is None else f"--{name}={value}"


def tail(command):
    return ["--", "true"] if command == "stat" else []


def options_of(command):
    """Those that --help lists, without argp's own."""
    text = run(command, "--help").stdout
    return set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.M)) - {
        "help", "usage"}


class Usage(Case):
    def test_tables_here_are_complete(self):
        for command in COMMANDS:
            want = set(COMMON) | set(OWN[command])
            self.assertEqual(options_of(command) - {"unit"}, want, command)

    def test_good_values(self):
        for command in COMMANDS:
            for name, (value, _) in {**COMMON, **OWN[command]}.items():
                with self.subTest(f"{command} --{name}"):
                    got = run(command, *BASE[command], option(name, value),
                              *tail(command))
                    self.assertIn(got.returncode, (0, 1, 3), got.stderr)
                    self.assertNotIn(f"--{name}", got.stderr)
                    self.assert_clean(got.stderr)

    def test_bad_values(self):
        for command in COMMANDS:
            for name, (value, bad) in {**COMMON, **OWN[command]}.items():
                for text, word in bad:
                    with self.subTest(f"{command} --{name}={text}"):
                        self.assert_usage(
                            run(command, *BASE[command], option(name, text),
                                *tail(command)), word)
                        if name not in ("sources", "domains"):
                            self.assert_usage(
                                run(command, *BASE[command],
                                    option(name, text), *tail(command)),
                                f"--{name}")

    def test_values_that_are_missing_or_too_many(self):
        for command in COMMANDS:
            for name, (value, _) in {**COMMON, **OWN[command]}.items():
                with self.subTest(f"{command} --{name}"):
                    text = f"--{name}" if value else f"--{name}=x"
                    self.assert_usage(run(command, text), f"--{name}")

    def test_unknown_options_and_arguments(self):
        for command in COMMANDS:
            self.assert_usage(run(command, "--frobnicate"), "frobnicate")
            self.assert_usage(run(command, "-Z"), "Z")
            if command not in ("stat", "help"):
                self.assert_usage(run(command, "xyz"), "xyz")

    def test_short_options(self):
        got = run("stat", "-vqr2", "-i", "1s", "-o", "/dev/null", "true")
        self.assert_code(got, 0)
        self.assertEqual(got.stderr, "")
        self.assert_usage(run("stat", "-r", "x", "true"), "--repeat", "'x'")
        self.assert_code(run("record", "-q", "-a", "-i10ms", "-d20ms",
                             "-o-", "--root=xeon2"), 0)

    def test_options_that_exclude_each_other(self):
        self.assert_usage(run("stat", "--json", "--csv", "true"), "--csv")
        self.assert_usage(run("stat", "--unit=x", "true"), "--work")

    def test_no_command_of_stat(self):
        self.assert_usage(run("stat"), "COMMAND")
        self.assert_usage(run("stat", "--"), "COMMAND")

    def test_double_dash(self):
        for words in (["--", "echo", "--json", "-x"],
                      ["echo", "--json", "-x"]):
            self.assertEqual(run("stat", *words).stdout, "--json -x\n")
        self.assertEqual(run("stat", "--", "echo", "--", "a").stdout, "-- a\n")

    def test_commands(self):
        self.assert_usage(run(), "Usage: joulebook COMMAND")
        self.assert_usage(run("frobnicate"), "'frobnicate'",
                          "joulebook --help")
        self.assert_usage(run("lst"), "try: joulebook list")
        self.assert_usage(run("--json", "list"), "behind the command")
        self.assert_usage(run(""), "''")

    def test_help_and_version(self):
        for words in (["--help"], ["-h"], ["help"]):
            got = run(*words)
            self.assert_code(got, 0)
            for command in (*COMMANDS, "lab"):
                self.assertRegex(got.stdout, rf"(?m)^  {command} +\w")
        for command in COMMANDS:
            for words in ([command, "--help"], [command, "-?"],
                          ["help", command]):
                got = run(*words)
                self.assert_code(got, 0)
                self.assertEqual(got.stderr, "")
                self.assertIn(f"Usage: joulebook {command}", got.stdout)
                self.assertIn("--json", got.stdout)
                self.assertLess(max(map(len, got.stdout.split("\n"))), 81)
        self.assertRegex(run("--version").stdout, r"^joulebook \d+\.\d+\.\d+\n$")
        self.assert_usage(run("help", "frobnicate"), "'frobnicate'")

    def test_manual_pages(self):
        for command in COMMANDS:
            page = run("help", "--man", command)
            self.assert_code(page, 0)
            plain = page.stdout.replace("\\-", "-")
            self.assertRegex(plain, r"^\.TH JOULEBOOK-[A-Z]+ 1 ")
            for name in options_of(command):
                self.assertIn(f"--{name}", plain)
        self.assertIn("joulebook-stat", run("help", "--man").stdout.replace(
            "\\-", "-"))

    def test_completion(self):
        import subprocess
        script = run("help", "--completion", "bash").stdout
        for words, want in ((["do"], {"doctor"}), (["stat", "--repe"],
                                                   {"--repeat="}),
                            (["stat", "--", "--rep"], set())):
            line = " ".join(f"'{w}'" for w in ["joulebook", *words])
            got = subprocess.run(
                ["bash", "-c", f"{script}\nCOMP_WORDS=({line}); "
                 f"COMP_CWORD={len(words)}; _joulebook 2>/dev/null; "
                 'printf "%s\\n" "${COMPREPLY[@]}"'],
                capture_output=True, text=True, check=True)
            self.assertEqual(set(got.stdout.split()), want)

    def test_reference_names_every_option(self):
        path = os.path.join(SOURCE, "docs", "reference", "commands.md")
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        for command in COMMANDS:
            part = text.split(f"## joulebook {command}\n")[1].split("\n## ")[0]
            for name in OWN[command]:
                self.assertIn(f"`--{name}", part, command)
        for name in COMMON:
            self.assertIn(f"`--{name}", text)


class Config(Case):
    def check(self, text, code, *words):
        with folder() as path:
            name = os.path.join(path, "c.yaml")
            write(name, text)
            got = run("stat", "--config", name, "--root=xeon2", "--", "true")
        self.assert_code(got, code)
        for word in words:
            self.assertIn(word, got.stderr)
        return got

    def test_places_of_errors(self):
        self.check("stat:\n  frobnicate: 1\n", 2, "c.yaml:2:3", "frobnicate")
        self.check("stat:\n  repeat: many\n", 2, "c.yaml:2:11", "repeat")
        self.check("frobnicate:\n  a: 1\n", 2, "c.yaml:1:1", "frobnicate")
        self.check("powercap:\n  frobnicate: 1\n", 2, "c.yaml:2:3")
        self.check("stat: [1]\n", 2, "c.yaml:1:7")
        self.check("stat:\n\trepeat: 2\n", 2, "c.yaml:2:1")

    def test_values_are_taken(self):
        got = self.check("stat:\n  repeat: 2\n  csv: true\n", 0)
        self.assertIn("run 2 of 2", got.stderr)
        self.assertIn("domain,source", got.stdout)
        self.check("lab:\n  rate: 100\n", 0)

    def test_command_line_wins(self):
        with folder() as path:
            name = os.path.join(path, "c.yaml")
            write(name, "stat:\n  repeat: 3\n")
            got = run("stat", "-r2", "--config", name, "--", "true")
        self.assertIn("run 2 of 2", got.stderr)

    def test_missing_and_unreadable(self):
        self.assertIn("/nowhere", run("list", "--config=/nowhere").stderr)
        self.assertNotEqual(run("list", "--config=/nowhere").returncode, 0)
        self.assertNotEqual(run("list", "--config=/tmp").returncode, 0)


class Descriptors(Case):
    def test_full_disk(self):
        for words in (["list", "--root=xeon2"], ["doctor", "--root=xeon2"],
                      ["list", "--root=xeon2", "--json"], ["--help"],
                      ["stat", "--json", "true"], ["list", "--help"],
                      ["stat", "--csv", "true"], ["--version"],
                      ["record", "-d20ms", "--root=xeon2"],
                      ["help", "--man", "list"]):
            with open("/dev/full", "w", encoding="ascii") as full:
                import subprocess
                got = run(*words, stdout=full, stderr=subprocess.PIPE)
                self.assertEqual(got.returncode, 1, words)
                self.assert_clean(got.stderr)

    def test_closed_descriptors(self):
        import subprocess
        from support import PROGRAM, TREES, environment
        for fds in ("<&- >&-", ">&-", "<&-", "<&- >&- 2>&-"):
            for words in ("list --root xeon2", "stat --json -- true",
                          "record -d20ms --root xeon2"):
                with folder() as path:
                    got = subprocess.run(
                        ["sh", "-c", f"{PROGRAM} {words} {fds}"], cwd=TREES,
                        env=environment(), capture_output=True, check=False,
                        text=True)
                    want = 0 if fds == "<&-" else 1
                    self.assertEqual(got.returncode, want, (words, fds))
                    self.assert_clean(got.stderr)


if __name__ == "__main__":
    main()
