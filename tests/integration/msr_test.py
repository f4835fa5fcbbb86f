#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Registers and powercap show the same virtual counters, and differ by what
the documentation says of the truncated unit.

usage: msr_test.py PROG

What is expected is computed here, from the units alone, in fractions.  Exit
code 77: FUSE cannot be used here.
"""

import io
import json
import os
import subprocess
import sys
import time
import unittest
from fractions import Fraction

import lab_test
from judge import Case, judge, match_zones
from lab_test import Lab
from measured import read_measured

PROGRAM = []
DOCUMENT = os.path.join(lab_test.HERE, "..", "..", "docs", "reference",
                        "rapl.md")
UNIT_14 = Fraction(10**6, 2**14)  # microjoules
UNIT_16 = Fraction(10**6, 2**16)
DRAM_TEXT = Fraction(153, 10)
# Counters far from 0, so that texts show what their unit hides.
LARGE = """\
layout large
cpu vendor=GenuineIntel family=6 model=85 count=2 register=0x606:0xa0e03
zone path=intel-rapl:0 name=package-0 msr=0x611@0 start=4000000000 wave=const:50W
zone path=intel-rapl:0:0 name=dram unit=2^-16 shown=15300nJ msr=0x619@0 start=4000000000 wave=const:9W
"""
AMD = """\
layout amd
cpu vendor=AuthenticAMD family=25 model=1 count=2 register=0xc0010299:0xa1003
zone path=intel-rapl:0 name=package-0 unit=2^-16 msr=0xc001029b@0 start=4000000000 wave=const:50W
"""


def ppm(value):
    return (value - 1) * 10**6


def stat(lab, *arguments):
    """What joulebook says of a second, as an object and as the oracle reads
    it."""
    return subprocess.Popen(
        [*PROGRAM, "stat", "--json", "--verbose", "--root", lab.root,
         *arguments, "--", "sleep", "1"], stdout=subprocess.PIPE)


def answer(process):
    out, _ = process.communicate(timeout=30)
    if process.returncode:
        raise AssertionError(f"exit code {process.returncode}")
    return out.decode()


def by_domain(text):
    return {d["domain"]: d for d in
            json.loads(text, parse_float=Fraction)["domains"]}


class MsrTest(unittest.TestCase):
    def documented(self, figure, unit):
        """The row of the documentation that gives the figure."""
        with open(DOCUMENT, encoding="utf-8") as stream:
            rows = [line for line in stream if line.startswith("| 2^-")]
        self.assertTrue(any(f"| {figure:+.2f} ppm |" in row and unit in row
                            for row in rows), f"{figure:+.2f} {unit}")

    def check_unit(self, domain, unit):
        """Joules are counts times the unit, to the last digit printed."""
        want = domain["counts"]["total"] * unit / 10**6
        self.assertLess(abs(domain["energy_j"] - want), Fraction(1, 10**9),
                        domain["domain"])

    def check_journal(self, lab, text):
        machine = lab.machine()
        self.assertEqual(machine.errors[:3], [])
        measured = read_measured(io.StringIO(text))
        case = Case(machine, measured, match_zones(machine, measured),
                    50 * 10**6)
        wrong = [str(v) for v in judge(case) if v.outcome == "FAIL"]
        self.assertEqual(wrong, [])
        return machine, case.zones

    def test_same_counters(self):
        """Both at once, on the same second."""
        with Lab("xeon") as lab:
            running = [stat(lab, "--sources", name)
                       for name in ("msr", "powercap")]
            texts = [answer(process) for process in running]
            lab.tell("sync")
            machine, ports = self.check_journal(lab, texts[0])
            self.check_journal(lab, texts[1])
            self.assertEqual(ports, {0: "cpu0:0x611", 1: "cpu2:0x611",
                                     2: "cpu0:0x619", 3: "cpu2:0x619"})
            msr, powercap = map(by_domain, texts)
            self.assertEqual(set(msr), set(powercap))
            for name in ("package-0", "package-1"):
                self.check_unit(msr[name], UNIT_14)
                self.check_unit(powercap[name], UNIT_14)
            zones = {"dram-0": "intel-rapl:0:0", "dram-1": "intel-rapl:1:0"}
            for name, zone in zones.items():
                self.check_unit(msr[name], UNIT_16)
                self.check_unit(powercap[name], DRAM_TEXT)
                self.check_difference(machine, zone, msr[name], powercap[name])

    def check_difference(self, machine, zone, msr, powercap):
        """The error of each against the true energy of its own interval: only
        the unit's remains, but for the counter's steps of 1 ms at both ends."""
        for domain, unit in ((msr, UNIT_16), (powercap, DRAM_TEXT)):
            ends = domain["counts"]
            true = machine.true_joules(zone, ends["first_ns"], ends["last_ns"])
            steps = 2 * Fraction(14, 1000) / true  # 14 W at most
            got = domain["energy_j"] / true
            self.assertLessEqual(abs(got - unit / UNIT_16), 2 * steps)
            # and the doubt that is declared covers it
            self.assertLessEqual(domain["low_j"], true)
            self.assertLessEqual(true, domain["high_j"])
        self.assertGreater(powercap["uncertainty_j"],
                           msr["uncertainty_j"])

    def test_documented(self):
        for text, unit, name in (
            (Fraction(61035, 1000), UNIT_14, "61.035 uJ"),
            (Fraction(15258, 1000), UNIT_16, "15.258 uJ"),
            (DRAM_TEXT, UNIT_16, "15.3 uJ"),
        ):
            self.documented(float(ppm(text / unit)), name)

    def texts_and_registers(self, lab, zone, register):
        """One instant of both: the counter stands still."""
        lab.tell(f"freeze {zone} stop")
        return lab.energy(zone), lab.rdmsr(0, register)

    def test_text_against_register(self):
        """What a program that believes the text is off by, on a large count."""
        rows = ((LARGE, "intel-rapl:0", 0x611, UNIT_14, "61.035 uJ"),
                (LARGE, "intel-rapl:0:0", 0x619, UNIT_16, "15.3 uJ"),
                (AMD, "intel-rapl:0", 0xc001029b, UNIT_16, "15.258 uJ"))
        for layout, zone, register, unit, name in rows:
            with self.subTest(name), Lab(layout) as lab:
                text, count = self.texts_and_registers(lab, zone, register)
                self.documented(float(ppm(text / (count * unit))), name)

    def test_chosen(self):
        """Each domain uses the source whose unit is certain."""
        with Lab("xeon") as lab:
            out = subprocess.run(
                [*PROGRAM, "list", "--json", "--root", lab.root, "--sources",
                 "powercap,msr"],
                stdout=subprocess.PIPE, check=True, timeout=30).stdout
            chosen = {d["domain"]: d["sensor"]
                      for d in json.loads(out)["domains"]}
            self.assertEqual(chosen, {
                "package-0": "powercap/intel-rapl:0",
                "package-1": "powercap/intel-rapl:1",
                "dram-0": "msr/dram-0", "dram-1": "msr/dram-1"})
            lab.tell("errno cpu2 EIO")  # package-1 cannot be read that way
            text = answer(stat(lab, "--sources", "powercap,msr"))
            self.assertEqual(
                {name: d["source"] for name, d in by_domain(text).items()},
                {"package-0": "powercap/intel-rapl:0",
                 "package-1": "powercap/intel-rapl:1",
                 "dram-0": "msr/dram-0", "dram-1": "powercap/intel-rapl:1:0"})

    def test_offline(self):
        """The CPU that was read goes: another of its package is read, and the
        time between is a gap, not a figure."""
        with Lab("xeon") as lab:
            process = subprocess.Popen(
                [*PROGRAM, "record", "--sources", "msr", "--root", lab.root,
                 "--duration", "2500ms", "--interval", "50ms", "--format",
                 "jsonl", "--quiet"], stdout=subprocess.PIPE, text=True)
            while self.readers(lab).count("cpu0") < 60:  # past the probe
                time.sleep(0.05)
            lab.tell("unplug cpu0")
            out, _ = process.communicate(timeout=30)
            rows = [json.loads(line) for line in out.splitlines()]
            states = [r["state"] for r in rows if r["domain"] == "package-0"]
            self.assertIn("ok", states[:2])
            self.assertEqual(states[-1], "ok")
            self.assertTrue({"reset", "gap"} & set(states), states)
            self.assertEqual(self.readers(lab)[-1], "cpu2")
            self.assertIn("cpu1", self.readers(lab))

    def readers(self, lab):
        lab.tell("sync")
        with open(lab.journal, encoding="ascii") as stream:
            lines = [json.loads(line) for line in stream if "register" in line]
        return [line["zone"] for line in lines if "event" not in line
                and line["errno"] == 0]

    def test_amd(self):
        with Lab("epyc") as lab:
            running = [stat(lab, "--sources", name)
                       for name in ("msr", "powercap")]
            msr, powercap = [by_domain(answer(p)) for p in running]
            self.assertEqual(set(msr), {"package-0"})
            self.assertEqual(set(powercap), {"package-0"})
            self.check_unit(msr["package-0"], UNIT_16)
            self.check_unit(powercap["package-0"], UNIT_16)
            lab.stop()
            self.assertEqual(lab.machine().errors[:3], [])

    def test_sysfs_alone(self):
        """The mount is still a /sys, and this machine's /dev is not mixed
        in."""
        with Lab("xeon") as lab:
            out = subprocess.run(
                [*PROGRAM, "list", "--json", "--sysfs", lab.root],
                stdout=subprocess.PIPE, check=False, timeout=30).stdout
            states = {s["source"]: s["state"]
                      for s in json.loads(out)["sources"]}
            self.assertEqual(states["powercap"], "ok")
            self.assertEqual(states["msr"], "refused")
            out = subprocess.run(
                [*PROGRAM, "list", "--json", "--sysfs", lab.root, "--devfs",
                 lab.path("dev"), "--procfs", lab.path("proc")],
                stdout=subprocess.PIPE, check=True, timeout=30).stdout
            states = {s["source"]: s["state"]
                      for s in json.loads(out)["sources"]}
            self.assertEqual(states["msr"], "ok")


if __name__ == "__main__":
    PROGRAM[:] = map(os.path.abspath, sys.argv[1:2])
    sys.exit(lab_test.main(__doc__, "lab"))
