#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""list and doctor on recorded machines: exact text, JSON by its schema."""

import json
import os
import re
import unittest

from support import (ESCAPE, FIXTURES, Case, Terminal, environment, folder, main, run,
                     tree, write, zone)

TREES = ("xeon2", "client", "amd", "broken")
# The exit codes of list and doctor.
CODES = {"xeon2": (0, 0), "client": (0, 0), "amd": (0, 1), "broken": (0, 1)}


def settled(text):
    """Without the lines of sources that these trees say nothing of."""
    own = r"(powercap|perf)\b"
    state = r"(ok|absent|refused|malformed|error)"
    text = re.sub(rf"(?m)^  (?!{own})(\w+) +{state}  .*\n", "", text)
    text = re.sub(rf"(?m)^{state} +(?!{own})\w+(:.*)?\n( +fix: .*\n)?", "",
                  text)
    return re.sub(r"(?m)^  (\w+) +(ok|absent|refused) +", r"  \1  \2  ", text)


class Recorded(Case):
    def test_text(self):
        for name in TREES:
            for at, command in enumerate(("list", "doctor")):
                with self.subTest(f"{command} {name}"):
                    got = run(command, "--root", name)
                    self.assert_code(got, CODES[name][at])
                    self.assertEqual(got.stderr, "")
                    self.assert_golden(f"{command}-{name}.txt",
                                       settled(got.stdout))
                    self.assertNotRegex(got.stdout, r"(?m)[ \t]$")

    def test_json(self):
        for name in TREES:
            for at, command in enumerate(("list", "doctor")):
                with self.subTest(f"{command} {name}"):
                    got = run(command, "--root", name, "--json")
                    self.assert_code(got, CODES[name][at])
                    self.assert_schema(command, got.stdout)

    def test_fixes_can_be_typed(self):
        """Of each recorded tree, of one without anything, of this machine."""
        with folder() as empty:
            roots = [["--root", os.path.join(FIXTURES, "trees", name)]
                     for name in os.listdir(os.path.join(FIXTURES, "trees"))]
            self.assertGreater(len(roots), 4)
            roots += [["--root", empty], ["--procfs", empty],
                      ["--sysfs", empty], []]
            for words in roots:
                got = json.loads(run("doctor", "--json", "--probe=10ms",
                                     *words).stdout)
                for finding in got["findings"]:
                    with self.subTest(words=words, **finding):
                        self.assert_typed(finding["fix"])
                        if words and words[0] != "--procfs":
                            self.assertNotRegex(finding["fix"], r"(^|\s)/sys")

    def test_containment(self):
        value = self.assert_schema(
            "list", run("list", "--root=client", "--json").stdout)
        parents = {d["domain"]: d["parent"] for d in value["domains"]}
        self.assertEqual(parents, {"psys": None, "package-0": "psys",
                                   "core-0": "package-0",
                                   "uncore-0": "package-0"})
        package = [d for d in value["domains"] if d["domain"] == "package-0"]
        self.assertEqual(package[0]["mirrors"],
                         ["powercap/intel-rapl-mmio:0"])

    def test_a_sensor_that_cannot_be_used_mirrors_nothing(self):
        value = self.assert_schema(
            "list", run("list", "--root=broken", "--json").stdout)
        self.assertEqual({d["domain"]: d["mirrors"] for d in value["domains"]},
                         {name: [] for name in ("package-0", "package-1",
                                                "package-2", "package-3",
                                                "dram-0")})

    def test_other_quantities(self):
        server = os.path.join(FIXTURES, "host", "server")
        got = run("list", "--all", "--root", server)
        self.assertRegex(got.stdout,
                         r"host/load/1m +- +count +measured +0\.01 +-")
        self.assertRegex(got.stdout, r"host/package-1/busy +package-1 +time ")
        value = self.assert_schema(
            "list", run("list", "--root", server, "--json").stdout)
        self.assertEqual({s["domain"] for s in value["sensors"]},
                         {None, "package-0", "package-1"})

    def test_counts_are_restored(self):
        value = self.assert_schema(
            "list", run("list", "--root=xeon2", "--json").stdout)
        package = [s for s in value["sensors"] if s["domain"] == "package-0"]
        self.assertEqual(package[0]["resolution"], 2.0 ** -14)
        self.assertEqual(package[0]["range"], 2.0 ** 18)
        self.assertEqual(package[0]["max_power_from"], "declared")

    def test_zone_0_may_be_package_1(self):
        value = self.assert_schema(
            "list", run("list", "--root=xeon2", "--json").stdout)
        domains = {s["sensor"]: s["domain"] for s in value["sensors"]}
        self.assertEqual(domains["powercap/intel-rapl:0"], "package-1")
        self.assertEqual(domains["powercap/intel-rapl:0:0"], "dram-1")

    def test_only_some_sources(self):
        value = self.assert_schema("list", run(
            "list", "--root=xeon2", "--sources=perf", "--json").stdout)
        states = {s["source"]: s["reason"] for s in value["sources"]}
        self.assertEqual(states["powercap"], "not selected")
        self.assertEqual(value["sensors"], [])

    def test_nothing_there(self):
        with folder() as path:
            for command in ("list", "doctor"):
                got = run(command, "--root", path)
                self.assert_code(got, 3)
                self.assertIn("no RAPL zone", got.stdout)
                self.assert_code(run(command, "--root", path, "--json"), 3)
            self.assertIn("nothing can be measured here", got.stdout)

    def test_each_root_apart(self):
        apart = run("list", "--sysfs=xeon2/sys", "--procfs=xeon2/proc",
                    "--json", "--probe=0s")
        whole = run("list", "--root=xeon2", "--json")
        key = '"sensors"'
        self.assertEqual(apart.stdout[apart.stdout.index(key):],
                         whole.stdout[whole.stdout.index(key):])

    def test_slashes_at_the_end(self):
        whole = run("list", "--root=broken").stdout
        for root in ("broken/", "broken//"):
            self.assertEqual(run("list", "--root", root).stdout, whole)
        apart = run("list", "--sysfs=broken/sys/", "--procfs=broken/proc//",
                    "--probe=0s").stdout
        self.assertIn(" broken/sys/class/powercap/intel-rapl:1/", apart)
        self.assertNotIn("//", run("list", "--root=/", "--probe=0s").stdout)

    def test_procfs_decides_the_vendor(self):
        got = run("list", "--sysfs=client/sys", "--procfs=amd/proc",
                  "--probe=0s")
        self.assertIn("on AMD this zone counts one core", got.stdout)


class Broken(Case):
    def test_still_counters_are_dead(self):
        """A tree that is read as if it were live, and does not count."""
        for command, code in (("list", 3), ("doctor", 3)):
            got = run(command, "--sysfs=xeon2/sys", "--procfs=xeon2/proc",
                      "--json")
            with self.subTest(command):
                self.assert_schema(command, got.stdout)
                self.assertIn('"state": "dead"', got.stdout)
                if "estimate/" not in got.stdout:
                    self.assert_code(got, code)

    def test_garbage_never_crashes(self):
        texts = ("", "\n", "-1\n", "x" * 5000, "99999999999999999999999\n",
                 "\0\0\0", "1 2\n", "0x10\n", "1e3\n", " 7\n", "7")
        for file in ("energy_uj", "max_energy_range_uj", "name"):
            for text in texts:
                with tree() as root, self.subTest(f"{file} {text[:20]!r}"):
                    write(zone(root, "intel-rapl:0", file), text)
                    for command in ("list", "doctor"):
                        got = run(command, "--root", root, "--json")
                        self.assertIn(got.returncode, (0, 1))
                        self.assert_schema(command, got.stdout)
                        self.assertEqual(got.stderr, "")

    def test_a_directory_for_a_file(self):
        with tree() as root:
            os.remove(zone(root, "intel-rapl:0"))
            os.mkdir(zone(root, "intel-rapl:0"))
            self.assert_code(run("doctor", "--root", root), 1)


class Looks(Case):
    def test_quiet(self):
        got = run("doctor", "--quiet", "--root=xeon2")
        self.assertNotIn("powercap", got.stdout)
        self.assertIn("can be measured", got.stdout)

    def test_colour_only_on_a_terminal(self):
        self.assertNotIn(ESCAPE, run("doctor", "--root=amd").stdout)
        for env, args, want in (
                (environment(), [], True),
                (environment(NO_COLOR="1"), [], False),
                (environment(NO_COLOR=""), [], True),
                ({**environment(), "TERM": "dumb"}, [], False),
                (environment(), ["--no-color"], False)):
            for command in ("list", "doctor"):
                terminal = Terminal(command, "--root=amd", *args, env=env)
                terminal.wait()
                self.assertEqual(ESCAPE in terminal.output, want,
                                 (command, args))


if __name__ == "__main__":
    main()
