#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The oracle against cases worked out by hand."""

import io
import json
import os
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import oracle
from journal import JournalError
from judge import Case, judge, match_zones
from machine import Machine
from measured import MeasuredError, read_measured
from waves import Wave

MS = 10**6
S = 10**9
W = 10**6


def zone(path, name, wave, **more):
    """16384 counts per joule unless said otherwise."""
    return {
        "path": path, "name": name, "sysfs_parent": None, "in": None,
        "mirror": None, "unit": [16384, 10**15], "shown": [61035, 1000],
        "modulus": 2**32, "start": 0, "limits_max_uw": [], "wave": wave,
        **more,
    }


def start(*zones, **more):
    return {
        "t_ns": 0, "event": "start", "format": 1, "clock": "boottime",
        "layout": "test", "start_ns": 0, "grid_ns": MS, "zones": list(zones),
        **more,
    }


def read(t_ns, path, unwrapped, modulus=2**32, uj=None, errno=0):
    if errno:
        return {"t_ns": t_ns, "zone": path, "file": "energy_uj",
                "text": None, "errno": errno}
    count = unwrapped % modulus
    uj = count * 61035 // 1000 if uj is None else uj
    return {"t_ns": t_ns, "zone": path, "file": "energy_uj", "count": count,
            "unwrapped": unwrapped, "text": f"{uj}\n", "errno": 0}


def event(t_ns, name, path, **more):
    return {"t_ns": t_ns, "event": name, "from_ns": t_ns - t_ns % MS,
            "zone": path, **more}


def machine(*lines):
    return Machine(io.StringIO("".join(json.dumps(x) + "\n" for x in lines)))


P0 = zone("intel-rapl:0", "package-0", [["const", 1 * W]])


def rdmsr(t_ns, cpu, register, count=None, unwrapped=None, errno=0, text=None):
    line = {"t_ns": t_ns, "zone": cpu, "file": "msr", "register": register}
    if count is not None:
        line["count"] = count
    if unwrapped is not None:
        line["unwrapped"] = unwrapped
    return {**line, "text": text, "errno": errno}


def gauge(t_ns, device, file, text, errno=0):
    return {"t_ns": t_ns, "zone": device, "file": file, "text": text,
            "errno": errno}


class WaveTest(unittest.TestCase):
    def check(self, description, elapsed, want):
        self.assertEqual(Wave(description).energy_fj(elapsed), want)

    def test_const(self):
        self.check([["const", 12 * W]], S, 12 * 10**15)

    def test_square(self):
        # 10 ms at 4 W, then 30 ms at 1 W
        square = [["square", 1 * W, 4 * W, 40 * MS, 10 * MS]]
        self.check(square, 5 * MS, 20 * 10**12)
        self.check(square, 10 * MS, 40 * 10**12)
        self.check(square, 40 * MS, 70 * 10**12)
        self.check(square, 85 * MS, 160 * 10**12)

    def test_triangle(self):
        triangle = [["triangle", 0, 10, 20]]  # 1 uW per ns up, then down
        self.check(triangle, 1, 0)  # 0.5 fJ, rounded down
        self.check(triangle, 2, 2)
        self.check(triangle, 10, 50)
        self.check(triangle, 11, 59)  # 59.5
        self.check(triangle, 20, 100)
        self.check(triangle, 30, 150)

    def test_ramp_down(self):
        ramp = [["ramp", 10, 0, 10]]
        self.check(ramp, 1, 9)  # 9.5
        self.check(ramp, 10, 50)
        self.check(ramp, 11, 59)

    def test_steps_and_sum(self):
        self.check([["steps", 3, 2, 5, 1], ["const", 1]], 4, 3 * 2 + 5 + 3 + 4)

    def test_edges_of_square(self):
        self.check([["square", 1, 9, 5, 0]], 7, 7)
        self.check([["square", 1, 9, 5, 5]], 7, 63)

    def test_unknown(self):
        with self.assertRaises(ValueError):
            Wave([["sine", 1, 2, 3]])


class DeviceTest(unittest.TestCase):
    """Two packages of one CPU each; 1 W and 2 W."""

    def start(self, **more):
        return start(
            zone("r:0", "package-0", [["const", 1 * W]], msr=[0x611, 0]),
            zone("r:1", "package-1", [["const", 2 * W]], msr=[0x611, 1],
                 modulus=1000, start=990),
            cpus={"count": 2, "packages": 2, "registers": [[0x606, 0xa0e03]]},
            **more,
        )

    def errors(self, *lines, **more):
        return machine(self.start(**more), *lines).errors

    def test_registers(self):
        # 1 W for 1 s is 16384 counts; of 2 W 32768, and the start: 33758
        self.assertEqual(self.errors(
            rdmsr(1 * S, "cpu0", 0x611, 16384, 16384),
            rdmsr(1 * S, "cpu1", 0x611, 758, 33758),
            rdmsr(1 * S, "cpu1", 0x606, 0xa0e03),
            rdmsr(1 * S, "cpu1", 0x639, errno=5),
            rdmsr(1 * S, "cpu1", 0x611, errno=22),
        ), [])

    def test_finds_what_is_wrong(self):
        for line in (
            rdmsr(1 * S, "cpu0", 0x611, 16385, 16385),
            rdmsr(1 * S, "cpu1", 0x611, 758, 758),
            rdmsr(1 * S, "cpu0", 0x606, 1),
            rdmsr(1 * S, "cpu0", 0x639, 0),
            rdmsr(1 * S, "cpu0", 0x611, errno=5),
            rdmsr(1 * S, "cpu0", 0x611, text="x"),
        ):
            with self.subTest(line):
                self.assertTrue(self.errors(line))

    def test_register_faults(self):
        self.assertEqual(self.errors(
            event(0, "errno", "cpu0", file="msr", errno=13),
            rdmsr(1 * S, "cpu0", 0x611, errno=13),
            rdmsr(1 * S, "cpu1", 0x611, 758, 33758),
            event(1 * S, "errno", "cpu0", errno=0),
            event(1 * S, "text", "cpu0", text="ab"),
            rdmsr(1 * S, "cpu0", 0x611, text="ab"),
            event(1 * S, "unplug", "cpu0"),
            rdmsr(1 * S, "cpu0", 0x611, errno=19),
            event(1 * S, "plug", "cpu0", reset=False),
            event(1 * S, "text", "cpu0", text=None),
            # what is held is the view of the zone, not its register
            event(1 * S, "freeze", "r:0", how="hold"),
            rdmsr(2 * S, "cpu0", 0x611, 32768, 32768),
            event(2 * S, "freeze", "r:0", how="stop"),
            rdmsr(3 * S, "cpu0", 0x611, 32768, 32768),
        ), [])

    def test_judge_takes_the_register(self):
        m = machine(self.start(), rdmsr(1 * S, "cpu0", 0x611, 16384, 16384))
        for source, want in (("msr/package-0", "cpu0:0x611"),
                             ("powercap/r:0", "r:0")):
            measured = read_measured(stat(
                [{"domain": "package-0", "source": source}]))
            self.assertEqual(match_zones(m, measured), {0: want})

    def test_gauges(self):
        # 31 degrees and 300 thousandths per watt; from 1000 to 3000 MHz at 4 W
        more = {
            "temperatures": [
                {"of": "r:1", "ambient_mdegc": 31000, "rise_mdegc": 300,
                 "thermal": True},
                {"of": "r:0", "ambient_mdegc": -500, "rise_mdegc": 300,
                 "thermal": False},
            ],
            "policies": [{"first": 1, "of": "r:1", "min_khz": 1000000,
                          "max_khz": 3000000, "full_uw": 4 * W}],
        }
        steps = [["const", 2 * W], ["square", 0, 9 * W, 2 * S, 1 * S]]
        self.assertEqual(self.errors(
            gauge(0, "hwmon1", "temp1_input", "31600\n"),
            gauge(0, "thermal_zone0", "temp", "31600\n"),
            gauge(0, "hwmon2", "temp1_input", "-200\n"),
            gauge(0, "policy1", "scaling_cur_freq", "2000000\n"),
            event(1 * S, "wave", "r:1", wave=steps),
            gauge(1 * S, "policy1", "scaling_cur_freq", "3000000\n"),
            gauge(1 * S, "hwmon1", "temp1_input", "34300\n"),
            event(1 * S, "freeze", "hwmon1", how="hold"),
            gauge(2 * S, "thermal_zone0", "temp", "34300\n"),
            gauge(2 * S, "policy1", "scaling_cur_freq", "2000000\n"),
            event(2 * S, "thaw", "hwmon1"),
            gauge(2 * S, "thermal_zone0", "temp", "31600\n"),
            event(2 * S, "errno", "policy1", errno=5),
            gauge(2 * S, "policy1", "scaling_cur_freq", None, 5),
            event(2 * S, "unplug", "hwmon1"),
            gauge(2 * S, "hwmon1", "temp1_input", None, 19),
            gauge(2 * S, "thermal_zone0", "temp", "31600\n"),
            **more,
        ), [])
        self.assertEqual(len(self.errors(
            gauge(0, "hwmon1", "temp1_input", "31601\n"),
            gauge(0, "policy1", "scaling_cur_freq", "2000001\n"),
            gauge(0, "policy1", "scaling_cur_freq", None, 5),
            **more,
        )), 3)


class MachineTest(unittest.TestCase):
    def test_counts(self):
        # 1 W for 1 s is 16384 counts; 1 ms is 16.384
        m = machine(
            start(P0),
            read(999999, "intel-rapl:0", 0),
            read(1 * MS, "intel-rapl:0", 16),
            read(1 * S, "intel-rapl:0", 16384),
        )
        self.assertEqual(m.errors, [])
        self.assertEqual(m.true_joules("intel-rapl:0", 0, S), 1)
        self.assertEqual(
            m.true_joules("intel-rapl:0", 0, 500), Fraction(500, 10**9)
        )
        reads = m.good_reads("intel-rapl:0")
        self.assertEqual(
            m.counts_between("intel-rapl:0", reads[1], reads[2]), 16368
        )

    def test_finds_a_wrong_count(self):
        m = machine(start(P0), read(1 * S, "intel-rapl:0", 16385))
        self.assertEqual(len(m.errors), 3)  # unwrapped, count, text

    def test_finds_a_wrong_text(self):
        m = machine(start(P0), read(1 * S, "intel-rapl:0", 16384, uj=1000000))
        self.assertEqual(len(m.errors), 1)

    def test_wrap(self):
        small = zone("a:0", "x", [["const", W]], modulus=1000, start=990,
                     limits_max_uw=[2 * W])
        m = machine(
            start(small),
            read(0, "a:0", 990, 1000),
            read(1 * MS, "a:0", 1006, 1000),
            read(60 * MS, "a:0", 990 + 983, 1000),
        )
        self.assertEqual(m.errors, [])
        a, b, c = m.good_reads("a:0")
        self.assertEqual(b.count, 6)
        self.assertEqual(m.counts_between("a:0", a, b), 16)
        # 1000 counts are 61.035 mJ: 30.5 ms at the declared 2 W
        self.assertFalse(m.wrap_is_uncertain("a:0", a, b))
        self.assertTrue(m.wrap_is_uncertain("a:0", b, c))
        self.assertFalse(m.wrap_is_uncertain("a:0", b, c, max_uw=W))

    def test_containment(self):
        m = machine(
            start(
                zone("r:0", "package-0", [["const", W]], **{"in": "r:1"}),
                zone("r:0:0", "core", [["const", 2 * W]], **{"in": "r:0"}),
                zone("r:1", "psys", [["const", 4 * W]]),
                zone("m:0", "package-0", [], mirror="r:0"),
                meter={"interval_ns": 10 * MS, "lag_ns": 25 * MS,
                       "rest": [["const", 8 * W]]},
            ),
            read(1 * S, "m:0", 3 * 16384),
            {"t_ns": 2 * S, "zone": "hwmon0", "file": "power1_average",
             "text": "15000000\n", "errno": 0},
        )
        self.assertEqual(m.errors, [])
        for path, joules in (("r:0:0", 2), ("r:0", 3), ("r:1", 7), ("m:0", 3),
                             ("node", 15)):
            self.assertEqual(m.true_joules(path, 0, S), joules, path)
        self.assertTrue(m.contains("r:1", "r:0:0"))
        self.assertTrue(m.contains("m:0", "r:0"))
        self.assertFalse(m.contains("r:0", "r:1"))

    def test_wave_change(self):
        m = machine(
            start(P0),
            read(10 * MS + 800000, "intel-rapl:0", 163),
            event(10 * MS + 900000, "wave", "intel-rapl:0",
                  wave=[["const", 3 * W]]),
            read(10 * MS + 950000, "intel-rapl:0", 163),
            read(20 * MS, "intel-rapl:0", 655),  # 10 mJ + 30 mJ
        )
        self.assertEqual(m.errors, [])
        self.assertEqual(
            m.true_joules("intel-rapl:0", 5 * MS, 20 * MS),
            Fraction(35, 1000),
        )

    def test_hold_stop_reset_jump(self):
        p = "intel-rapl:0"
        m = machine(
            start(P0),
            event(10 * MS, "freeze", p, how="hold"),
            read(20 * MS, p, 163),
            event(20 * MS, "thaw", p),
            read(20 * MS, p, 327),
            event(20 * MS, "freeze", p, how="stop"),
            read(30 * MS, p, 327),
            event(30 * MS, "thaw", p),
            read(40 * MS, p, 327 + 163),
            event(40 * MS, "reset", p),
            read(40 * MS, p, 0),
            event(40 * MS, "jump", p, counts=-5),
            read(41 * MS, p, 11),
        )
        self.assertEqual(m.errors, [])
        epochs = [r.epoch for r in m.good_reads(p)]
        self.assertEqual(len(set(epochs)), len(epochs))
        with self.assertRaises(JournalError):
            m.counts_between(p, *m.good_reads(p)[:2])
        # the joules went on all the time
        self.assertEqual(m.true_joules(p, 0, 40 * MS), Fraction(4, 100))

    def test_faults_and_plug(self):
        p = "intel-rapl:0"
        m = machine(
            start(P0),
            event(1 * MS, "errno", p, errno=61),
            read(2 * MS, p, 0, errno=61),
            event(2 * MS, "errno", p, errno=0),
            event(2 * MS, "text", p, text="N/A"),
            {**read(3 * MS, p, 49), "text": "N/A"},
            event(3 * MS, "text", p, text=None),
            event(3 * MS, "unplug", p),
            read(4 * MS, p, 0, errno=19),
            event(5 * MS, "plug", p, reset=True),
            read(5 * MS, p, 0),
        )
        self.assertEqual(m.errors, [])

    def test_refuses(self):
        for lines in (
            [], [{"t_ns": 0}], [start(P0), {"t_ns": -1, "event": "stop"}],
            [start(P0), event(1, "dance", "intel-rapl:0")],
            [start(P0), read(1, "b:0", 0)],
        ):
            with self.assertRaises(JournalError):
                machine(*lines)

    def test_torn_last_line(self):
        text = json.dumps(start(P0)) + '\n{"t_ns":5,"zo'
        self.assertEqual(Machine(io.StringIO(text)).errors, [])


def stat(domains, **more):
    return io.StringIO(json.dumps({"domains": domains, **more}))


class JudgeTest(unittest.TestCase):
    def setUp(self):
        self.make_machine()

    def make_machine(self, limits=()):
        # 200000 counts are 12.2 J: at 4 W no wrap is missed within 2 s
        modulus = 200000
        self.machine = machine(
            start(
                zone("r:0", "package-0", [["const", 3 * W]], modulus=modulus,
                     start=modulus - 1, limits_max_uw=list(limits)),
                zone("r:0:0", "dram", [["const", W]], sysfs_parent="r:0"),
                zone("r:0:1", "core", [["const", W]], sysfs_parent="r:0",
                     **{"in": "r:0"}),
            ),
            read(1 * S, "r:0", modulus - 1 + 4 * 16384, modulus),
            read(1 * S, "r:0:0", 16384),
            read(3 * S, "r:0", modulus - 1 + 12 * 16384, modulus),
            read(3 * S, "r:0:0", 3 * 16384),
        )
        self.package = {
            "domain": "package-0", "energy_j": 8.0001, "average_w": 4.0,
            "uncertainty_j": 0.001, "coverage": 1.0,
            "counts": {"first": 65535, "last": 196607, "total": 131072,
                       "first_ns": 1 * S, "last_ns": 3 * S},
        }
        self.dram = {
            "domain": "dram-0", "energy_j": 2, "uncertainty_j": 0.0001,
            "counts": {"first": 999997, "last": 2999992, "total": 1999995,
                       "first_ns": 1 * S + 5, "last_ns": 3 * S - 5},
        }

    def outcomes(self, domains, **more):
        measured = read_measured(stat(domains, **more))
        zones = match_zones(self.machine, measured)
        case = Case(self.machine, measured, zones, 50 * MS)
        return {(v.check, v.subject): v.outcome for v in judge(case)}

    def test_good(self):
        got = self.outcomes([self.package, self.dram], total_j=10.0001)
        self.assertNotIn("FAIL", got.values())
        self.assertEqual(got["counts", "package-0"], "pass")
        self.assertEqual(got["counts", "dram-0"], "pass")  # in microjoules
        self.assertEqual(got["truth", "package-0"], "pass")
        self.assertEqual(got["twice", "total"], "pass")

    def test_counts_off_by_one(self):
        self.package["counts"]["total"] += 1
        self.assertEqual(
            self.outcomes([self.package])["counts", "package-0"], "FAIL"
        )

    def test_count_never_served(self):
        self.package["counts"]["first"] += 1
        self.assertEqual(
            self.outcomes([self.package])["counts", "package-0"], "FAIL"
        )

    def test_truth_outside(self):
        self.package["uncertainty_j"] = 0.00009
        self.assertEqual(
            self.outcomes([self.package])["truth", "package-0"], "FAIL"
        )

    def test_bounds_that_are_not_symmetric(self):
        self.package.update(low_j=8.0, high_j=8.0001)
        got = self.outcomes([self.package])
        self.assertEqual(got["truth", "package-0"], "pass")
        self.package.update(low_j=8.00001)
        got = self.outcomes([self.package])
        self.assertEqual(got["truth", "package-0"], "FAIL")

    def test_matching(self):
        domains = [
            {"domain": "a", "source": "powercap/r:0:1"},
            {"domain": "b", "source": "powercap:r:0"},
            {"domain": "c", "zone": "r:0:0"},
            {"domain": "d", "source": "r:00"},
            {"domain": "core-0"},
            {"domain": "package-0/dram"},
        ]
        measured = read_measured(stat(domains))
        self.assertEqual(
            match_zones(self.machine, measured, [("d", "r:0")]),
            {0: "r:0:1", 1: "r:0", 2: "r:0:0", 3: "r:0"},
        )
        measured = read_measured(stat(domains[4:]))
        self.assertEqual(
            match_zones(self.machine, measured), {0: "r:0:1", 1: "r:0:0"}
        )

    def test_total_as_an_object(self):
        got = self.outcomes([self.package], total={"energy_j": 8.0001})
        self.assertEqual(got["twice", "total"], "pass")

    def test_counted_twice(self):
        core = {"domain": "core-0", "energy_j": 2, "uncertainty_j": 1}
        got = self.outcomes([self.package, self.dram, core], total_j=12.0001)
        self.assertEqual(got["twice", "total"], "FAIL")
        got = self.outcomes([self.package, self.dram, core], total_j=10.0001)
        self.assertEqual(got["twice", "total"], "pass")

    def test_negative(self):
        self.package["energy_j"] = -1
        self.assertEqual(
            self.outcomes([self.package])["sign", "package-0"], "FAIL"
        )

    def test_coverage_of_an_uncertain_wrap(self):
        got = self.outcomes([self.package])
        self.assertEqual(got["coverage", "package-0"], "pass")
        self.make_machine(limits=[7 * W])  # 14 J in 2 s
        got = self.outcomes([self.package])
        self.assertEqual(got["coverage", "package-0"], "FAIL")
        self.package["coverage"] = 0.0
        got = self.outcomes([self.package])
        self.assertEqual(got["coverage", "package-0"], "pass")

    def test_span_of_the_whole(self):
        plain = {"domain": "r:0", "energy_j": 8, "uncertainty_j": 0}
        got = self.outcomes([plain], start_ns=1 * S, end_ns=3 * S)
        self.assertEqual(got["truth", "r:0"], "pass")

    def test_unknown_domain(self):
        got = self.outcomes([{"domain": "gpu-0", "energy_j": 1}])
        self.assertEqual(got["known", "*"], "FAIL")

    def test_refuses(self):
        for text in ("", "[]", "{}", '{"domains":[{}]}'):
            with self.assertRaises(MeasuredError):
                read_measured(io.StringIO(text))


class GapTest(unittest.TestCase):
    """A zone of 1 W, read each second for 10 s and then after 40 s; what a
    program says of it."""

    LIMIT = 16384 * 100  # it wraps each 100 J

    def setUp(self):
        times = [*range(11), 50]
        self.machine = machine(
            start(zone("r:0", "package-0", [["const", W]],
                       modulus=self.LIMIT)),
            *(read(t * S, "r:0", t * 16384, self.LIMIT) for t in times),
        )
        self.domain = {
            "domain": "package-0", "energy_j": 50, "low_j": 49.9,
            "high_j": 50.1, "coverage": 1.0, "average_w": 1.0,
            "counts": {"first": 0, "last": 50 * 16384, "total": 50 * 16384,
                       "first_ns": 0, "last_ns": 50 * S},
        }

    def outcomes(self, max_error_ppm=None, **top):
        measured = read_measured(stat([self.domain], **top))
        zones = match_zones(self.machine, measured)
        case = Case(self.machine, measured, zones, 50 * MS, max_error_ppm)
        return {v.check: v.outcome for v in judge(case)}

    def test_whole(self):
        got = self.outcomes(100, elapsed_s=50.0)
        self.assertNotIn("FAIL", got.values())
        self.assertEqual(got["error"], "pass")
        self.assertEqual(got["span"], "pass")

    def test_error(self):
        self.domain.update(energy_j=50.006)
        self.assertEqual(self.outcomes(100)["error"], "FAIL")
        self.assertEqual(self.outcomes(200)["error"], "pass")
        self.assertNotIn("error", self.outcomes())

    def given_up(self):
        """The 40 s between the last two reads."""
        self.domain.update(
            energy_j=10, low_j=9.9, high_j=51, coverage=0.2, gap_bound_j=40.5
        )
        self.domain["counts"]["total"] = 10 * 16384

    def test_given_up(self):
        self.given_up()
        got = self.outcomes(100)
        self.assertNotIn("FAIL", got.values())
        self.assertEqual(got["error"], "skip")

    def test_given_up_but_summed(self):
        self.given_up()
        self.domain["counts"]["total"] = 50 * 16384
        self.assertEqual(self.outcomes()["counts"], "FAIL")
        self.domain["counts"]["total"] = 10 * 16384 + 1
        self.assertEqual(self.outcomes()["counts"], "FAIL")

    def test_bound_and_coverage_belong_together(self):
        self.given_up()
        del self.domain["gap_bound_j"]
        self.assertEqual(self.outcomes()["gap"], "FAIL")
        self.given_up()
        self.domain["coverage"] = 1.0
        self.assertEqual(self.outcomes()["gap"], "FAIL")

    def test_silent_at_the_end(self):
        got = self.outcomes(elapsed_s=60.0)
        self.assertEqual(got["span"], "FAIL")
        self.assertEqual(got["truth"], "FAIL")
        self.domain.update(
            coverage=0.8333, gap_bound_j=15, high_j=65.1
        )
        got = self.outcomes(elapsed_s=60.0)
        self.assertNotIn("FAIL", got.values())

    def test_total(self):
        total = {"energy_j": 50, "low_j": 49.9, "high_j": 50.1}
        self.assertEqual(self.outcomes(total=total)["total"], "pass")
        total["low_j"] = 50.01
        self.assertEqual(self.outcomes(total=total)["total"], "FAIL")

    def test_counts_that_a_range_hides(self):
        limit = 16384 * 20
        self.machine = machine(
            start(zone("r:0", "package-0", [["const", W]], modulus=limit)),
            *(read(t * S, "r:0", t * 16384, limit) for t in (0, 15, 30, 45)),
        )
        uj = [t * 16384 % limit * 61035 // 1000 for t in (0, 45)]
        wrap = (limit - 1) * 61035 // 1000 + 1
        counts = {"first": uj[0], "last": uj[1], "first_ns": 0,
                  "last_ns": 45 * S, "total": uj[1] + 2 * wrap}
        self.domain.update(energy_j=45, low_j=44, high_j=46, counts=counts)
        self.assertEqual(self.outcomes()["counts"], "pass")
        counts["total"] -= 200
        self.assertEqual(self.outcomes()["counts"], "FAIL")


class CommandTest(unittest.TestCase):
    def run_oracle(self, lines, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "journal")
            with open(path, "w", encoding="ascii") as stream:
                for line in lines:
                    stream.write(json.dumps(line) + "\n")
            out = io.StringIO()
            with redirect_stdout(out):
                code = oracle.main([*arguments, "--journal", path])
        return code, out.getvalue()

    def test_verify(self):
        good = [start(P0), read(1 * S, "intel-rapl:0", 16384)]
        self.assertEqual(self.run_oracle(good, "verify")[0], 0)
        bad = [start(P0), read(1 * S, "intel-rapl:0", 16383)]
        self.assertEqual(self.run_oracle(bad, "verify")[0], 1)

    def test_truth(self):
        lines = [start(P0), {"t_ns": 3 * S, "event": "stop"}]
        code, out = self.run_oracle(lines, "truth", "--from-ns", str(S))
        self.assertEqual(code, 0)
        self.assertIn("intel-rapl:0 2 J = 2.000000000", out)

    def test_served(self):
        lines = [start(P0), read(0, "intel-rapl:0", 0),
                 read(1 * S, "intel-rapl:0", 16384)]
        _, out = self.run_oracle(lines, "served", "--zone", "intel-rapl:0")
        self.assertIn("16384 counts 1000000.000 uJ", out)


    def test_judge(self):
        lines = [start(P0), read(0, "intel-rapl:0", 0),
                 read(1 * S, "intel-rapl:0", 16384)]
        for energy, want in ((1.0, 0), (1.1, 1)):
            domain = {"domain": "package-0", "energy_j": energy,
                      "uncertainty_j": 0.01}
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(
                    stat([domain], start_ns=0, end_ns=1 * S).getvalue()
                )
                file.flush()
                code, out = self.run_oracle(lines, "judge", "--stat", file.name)
            self.assertEqual(code, want, out)


if __name__ == "__main__":
    unittest.main()
