#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What other tools write and read: energizta, scaphandre, perf, and replay."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

from support import (PATIENCE_S, Case, Ticker, environment, folder,
                     main, run, start, tree, wait_for_bytes, wait_for_change,
                     write, zone)

# Watts of each zone of the copied tree, and nanojoules per count.
WATTS = {"intel-rapl:1": 44.4, "intel-rapl:0": 40.6,
         "intel-rapl:1:0": 8.4, "intel-rapl:0:0": 7.6}
UNITS = {"intel-rapl:1": 61035, "intel-rapl:0": 61035,
         "intel-rapl:1:0": 15300, "intel-rapl:0:0": 15300}
START = 900000000


class Meters(Ticker):
    """Counters of a copied tree that count WATTS until they are closed."""

    def __init__(self, root):
        script = (
            "import json,os,sys,time\n"
            "zones=json.load(sys.stdin)\n"
            "fds=[(os.open(p,os.O_WRONLY),w,u) for p,w,u in zones]\n"
            "begin=time.monotonic()\n"
            "while True:\n"
            "  s=time.monotonic()-begin\n"
            "  for fd,w,u in fds:\n"
            f"    count={START}+int(w*s*1e9/u)\n"
            "    os.pwrite(fd,b'%018d\\n'%(count*u//1000),0)\n"
            "  time.sleep(0.003)\n")
        self.watched = zone(root, "intel-rapl:0")
        for name, unit in UNITS.items():
            write(zone(root, name), "%018d\n" % (START * unit // 1000))
        self.process = subprocess.Popen([sys.executable, "-c", script],
                                        stdin=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps(
            [[zone(root, n), w, UNITS[n]] for n, w in WATTS.items()]))
        self.process.stdin.close()


def pairs(text):
    """JSON with its keys in order and none given twice."""
    def check(items):
        names = [name for name, _ in items]
        if len(set(names)) != len(names):
            raise ValueError(f"a key twice: {names}")
        return dict(items)
    return json.loads(text, object_pairs_hook=check)


class Energizta(Case):
    ORDER = ["host", "interval_us", "timestamp", "date", "duration_us",
             "nb_states", None, "powers", "comment", "energizta_version"]
    POWERS = ["rapl_dram_0_watt", "rapl_dram_1_watt", "rapl_package_0_watt",
              "rapl_package_1_watt", "rapl_total_watt"]

    def check_line(self, text):
        """The layout of energizta.sh 0.5: order, blanks, numbers."""
        line = pairs(text)
        keys = list(line)
        fixed = [k for k in keys if k in self.ORDER]
        self.assertEqual(fixed, [k for k in self.ORDER if k in keys])
        states = keys[keys.index("nb_states") + 1:keys.index("powers")]
        self.assertEqual(states, sorted(states))
        self.assertEqual([k for k in keys if k in fixed or k in states], keys)
        self.assertEqual(list(line["powers"]), sorted(line["powers"]))
        self.assertEqual(line["energizta_version"], "0.5")
        for key, value in {**line, **line["powers"]}.items():
            if key not in ("powers", "energizta_version", "load1",
                           "sensors_coretemp"):
                self.assertIsInstance(value, int, key)
        # A blank behind each colon, none behind a comma: rebuilt by hand.
        def member(key, value):
            if isinstance(value, dict):
                inner = ",".join(member(k, v) for k, v in value.items())
                return f'"{key}": {{{inner}}}'
            raw = re.search(rf'"{re.escape(key)}": ("[^"]*"|[-0-9.]+)', text)
            return f'"{key}": {raw[1]}'
        self.assertEqual(
            "{" + ",".join(member(k, v) for k, v in line.items()) + "}", text)
        return line

    def test_lines(self):
        with tree() as root, Meters(root):
            began = time.time()
            got = run("record", f"--sysfs={root}/sys", "--format=energizta",
                      "-i500ms", "-d1500ms")
        self.assert_code(got, 0)
        self.assertEqual(got.stderr, "")
        lines = [self.check_line(text) for text in got.stdout.splitlines()]
        self.assertEqual(len(lines), 3)
        for line in lines:
            self.assertAlmostEqual(line["interval_us"], 500000, delta=100000)
            self.assertEqual(line["duration_us"], line["interval_us"])
            self.assertEqual(line["nb_states"], 1)
            self.assertLess(abs(line["timestamp"] - began), 5)
            powers = line["powers"]
            self.assertEqual(list(powers), self.POWERS)
            # whole watts of a mean that is sure to 3 ms in 500
            self.assertAlmostEqual(powers["rapl_package_0_watt"], 44, delta=1)
            self.assertAlmostEqual(powers["rapl_package_1_watt"], 41, delta=1)
            self.assertEqual(powers["rapl_dram_1_watt"], 8)
            self.assertEqual(powers["rapl_total_watt"], sum(
                powers[k] for k in self.POWERS[:4]))

    def test_states_of_this_machine(self):
        """Shares and amounts that the kernel tells of this very machine."""
        def meminfo():
            with open("/proc/meminfo", encoding="ascii") as stream:
                return {k: int(v.split()[0]) // 1024 for k, v in (
                    line.split(":") for line in stream)}
        with tree() as root, Meters(root):
            got = run("record", f"--sysfs={root}/sys", "--format=energizta",
                      "-i500ms", "-d1s")
        now = meminfo()
        for text in got.stdout.splitlines():
            line = self.check_line(text)
            self.assertEqual(line["mem_total_MB"], now["MemTotal"])
            self.assertAlmostEqual(line["mem_free_MB"], now["MemFree"],
                                   delta=now["MemTotal"] / 10)
            self.assertAlmostEqual(
                line["mem_used_MB"], now["MemTotal"] - now["MemFree"] -
                now["Buffers"] - now["Cached"], delta=now["MemTotal"] / 10)
            shares = [line[f"cpu_{k}_pct"] for k in ("usr", "sys", "iowait")]
            self.assertLessEqual(sum(shares), 101)
            self.assertGreaterEqual(min(shares), 0)

    def test_energy_is_whole(self):
        """The lines' powers times their intervals are what was counted."""
        with tree() as root, Meters(root):
            got = run("record", f"--sysfs={root}/sys", "--format=energizta",
                      "--decimals=6", "-i200ms", "-d2s")
        lines = [pairs(text) for text in got.stdout.splitlines()]
        self.assertEqual(len(lines), 10)
        joules = sum(line["powers"]["rapl_package_0_watt"] *
                     line["interval_us"] / 1e6 for line in lines)
        seconds = sum(line["interval_us"] for line in lines) / 1e6
        self.assertAlmostEqual(joules / seconds, 44.4, delta=0.5)
        self.assertRegex(got.stdout, r'"rapl_total_watt": \d+\.\d{6}}')

    def test_wrap(self):
        """A counter that wraps between two lines costs nothing."""
        with tree() as root:
            for name in ("intel-rapl:0:0", "intel-rapl:1:0"):
                write(zone(root, name), "000000000000000000\n")
            script = (
                "import os,sys,time\n"
                "fds=[os.open(p,os.O_WRONLY) for p in sys.argv[1:]]\n"
                "begin=time.monotonic()\n"
                "while True:\n"
                "  c=int((2**32-700000+(time.monotonic()-begin)*50e9/61035)"
                "%2**32)\n"
                "  for fd in fds: os.pwrite(fd,b'%018d\\n'%(c*61035//1000),0)\n"
                "  time.sleep(0.003)\n")
            process = subprocess.Popen(
                [sys.executable, "-c", script,
                 *[zone(root, n) for n in ("intel-rapl:0", "intel-rapl:1")]])
            try:
                wait_for_change(zone(root, "intel-rapl:0"))
                got = run("record", f"--sysfs={root}/sys", "-i500ms", "-d2s",
                          "--format=energizta", "--domains=package")
            finally:
                process.kill()
                process.wait()
            with open(zone(root, "intel-rapl:0"), encoding="ascii") as stream:
                self.assertLess(int(stream.read()), 200e6)
        for text in got.stdout.splitlines():
            self.assertAlmostEqual(
                pairs(text)["powers"]["rapl_package_0_watt"], 50, delta=2)

    def test_what_does_not_count_is_left_out(self):
        got = run("record", "--root=xeon2", "--format=energizta", "-i100ms",
                  "-d200ms")
        self.assert_code(got, 0)
        for text in got.stdout.splitlines():
            self.assertEqual(self.check_line(text)["powers"], {})

    def test_default_interval(self):
        process = start("record", "--root=xeon2", "--format=energizta", "-d0s")
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
        self.assertEqual((process.returncode, out, err), (0, "", ""))


class Scaphandre(Case):
    HOST = ["consumption", "timestamp", "components"]
    SOCKET = ["id", "consumption", "domains", "timestamp"]

    def check_file(self, text):
        """The layout of the exporter's structs, without a blank."""
        reports = pairs(text)
        self.assertEqual(re.sub(r"\n", "", text), json.dumps(
            reports, separators=(",", ":")))
        for report in reports:
            self.assertEqual(list(report), ["host", "consumers", "sockets"])
            self.assertEqual(list(report["host"]), self.HOST)
            self.assertEqual(list(report["host"]["components"]), ["disks"])
            self.assertEqual(report["consumers"], [])
            for socket in report["sockets"]:
                self.assertEqual(list(socket), self.SOCKET)
                for domain in socket["domains"]:
                    self.assertEqual(list(domain),
                                     ["name", "consumption", "timestamp"])
            for figure in (report["host"], *report["sockets"]):
                self.assertIsInstance(figure["consumption"], float)
                self.assertLess(abs(figure["timestamp"] - time.time()), 60)
        return reports

    def test_reports(self):
        with tree() as root, Meters(root):
            got = run("record", f"--sysfs={root}/sys", "--format=scaphandre",
                      "-i300ms", "-d900ms")
        self.assert_code(got, 0)
        reports = self.check_file(got.stdout)
        self.assertEqual(len(reports), 3)
        for report in reports:
            self.assertEqual([s["id"] for s in report["sockets"]], [0, 1])
            host = sum(
                s["consumption"] + sum(d["consumption"] for d in s["domains"])
                for s in report["sockets"])
            self.assertEqual(report["host"]["consumption"], host)
            for socket, watts in zip(report["sockets"], (44.4, 40.6)):
                self.assertAlmostEqual(socket["consumption"] / 1e6, watts,
                                       delta=1.5)
                self.assertEqual([d["name"] for d in socket["domains"]],
                                 ["dram"])

    def test_disks(self):
        """Of this very machine, where it has one that can be looked at."""
        with tree() as root, Meters(root):
            got = run("record", "--format=scaphandre", "-i300ms", "-d300ms",
                      f"--sysfs={root}/sys")
            self.assertEqual(
                self.check_file(got.stdout)[0]["host"]["components"]["disks"],
                [], "the disks are not those of a recorded tree")

    def test_every_end(self):
        with tree() as root, Meters(root):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                with folder() as path, self.subTest(number):
                    file = os.path.join(path, "r.json")
                    process = start("record", f"--sysfs={root}/sys",
                                    "--format=scaphandre", "-i20ms", "-d60s",
                                    "-o", file)
                    wait_for_bytes(file, 4000)
                    process.send_signal(number)
                    _, err = process.communicate(timeout=PATIENCE_S)
                    killed = number == signal.SIGKILL
                    self.assertEqual(process.returncode,
                                     -number if killed else 0, err)
                    with open(file, encoding="utf-8") as stream:
                        reports = self.check_file(stream.read())
                    self.assertGreater(len(reports), 5)
                    if not killed:
                        self.assertIn(f"{len(reports)} rows", err)

    def test_at_every_moment(self):
        """Stopped at any moment, the file that is there is whole."""
        with tree() as root, Meters(root), folder() as path:
            file = os.path.join(path, "r.json")
            process = start("record", f"--sysfs={root}/sys", "-i5ms", "-d0s",
                            "--format=scaphandre", "-o", file)
            wait_for_bytes(file, 4000)
            lengths = set()
            for _ in range(40):
                process.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
                with open(file, encoding="utf-8") as stream:
                    lengths.add(len(self.check_file(stream.read())))
                process.send_signal(signal.SIGCONT)
                time.sleep(0.013)
            process.kill()
            process.communicate()
        self.assertGreater(len(lengths), 20)

    def test_pipe(self):
        """SIGTERM closes the array on a pipe as well."""
        with tree() as root, Meters(root):
            process = start("record", f"--sysfs={root}/sys", "-i50ms", "-d0s",
                            "--format=scaphandre")
            for _ in range(3):
                process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=PATIENCE_S)
        self.assertTrue(out.endswith("\n]\n"), out)


class Choice(Case):
    def test_no_estimates(self):
        """Formats without a word for estimates do not get them."""
        with folder() as root:
            os.makedirs(os.path.join(root, "sys"))
            for name in ("energizta", "scaphandre"):
                got = run("record", f"--sysfs={root}/sys", "-d100ms",
                          "--format", name)
                self.assert_code(got, 3)
                self.assertEqual(got.stdout, "")
                self.assertIn("joulebook doctor", got.stderr)

    def test_native_goes_by_the_name(self):
        with folder() as path:
            file = os.path.join(path, "r.csv")
            self.assert_code(run("record", "--root=xeon2", "-d20ms", "-o",
                                 file, "--format=native"), 0)
            with open(file, encoding="utf-8") as stream:
                self.assertTrue(stream.read().startswith("time,elapsed_s,"))
        got = run("record", "--root=xeon2", "-d20ms", "--format=native")
        json.loads(got.stdout.splitlines()[0])
        self.assert_usage(run("record", "--root=xeon2", "--format=native",
                              "-o", "r.txt"), "--format")

    def test_decimals_are_energiztas(self):
        for name in ("csv", "scaphandre", "json"):
            self.assert_usage(run("record", "--root=xeon2", "--decimals=1",
                                  "-d10ms", "--format", name), "--decimals")


class Perf(Case):
    EVENT = re.compile(r"^ {0,17}[\d<].{0,17} Joules power/energy-\w+/ +"
                       r"(\( \+-.{6}% \))?$")

    def test_layout(self):
        with tree() as root, Meters(root):
            got = run("stat", f"--sysfs={root}/sys", "--format=perf", "--",
                      "sleep", "0.3")
        self.assert_code(got, 0)
        lines = got.stderr.split("\n")
        self.assertEqual(lines[:3], [
            "", " Performance counter stats for 'system wide':", ""])
        joules = {}
        for line in lines[3:5]:
            self.assertRegex(line, self.EVENT)
            # the document's columns: the value ends in the 18th
            self.assertEqual(line[18:26], " Joules ")
            joules[line[26:].rstrip()] = float(line[:18])
        self.assertEqual(list(joules), ["power/energy-pkg/",
                                        "power/energy-ram/"])
        self.assertEqual(lines[5], "")
        self.assertRegex(lines[6], r"^ {7}0\.\d{9} seconds time elapsed$")
        self.assertEqual(lines[7:], ["", ""])
        seconds = float(lines[6].split()[0])
        # both packages are summed, as perf does it with -a
        self.assertAlmostEqual(joules["power/energy-pkg/"] / seconds, 85,
                               delta=3)
        self.assertAlmostEqual(joules["power/energy-ram/"] / seconds, 16,
                               delta=1)

    def test_like_the_real_one(self):
        """The same columns as this machine's perf gives, byte for byte."""
        event = "power/energy-psys/"
        repeats = (([], []), (["-r2"], ["-r2"]))
        for ours, theirs in repeats:
            try:
                real = subprocess.run(
                    ["perf", "stat", *theirs, "-e", event, "sleep", "0.05"],
                    env=environment(), capture_output=True, text=True,
                    check=False, timeout=PATIENCE_S)
            except FileNotFoundError:
                self.skipTest("perf is not installed")
            if real.returncode or "system wide" not in real.stderr or (
                    "<not" in real.stderr):
                self.skipTest("perf has no power events here")
            with tree("client") as root:
                with Ticker(root, ("intel-rapl:1",)):
                    got = run("stat", f"--sysfs={root}/sys", "--format=perf",
                              "--domains=psys", *ours, "--", "sleep", "0.05")
            def shape(text):
                """Figures and their noise differ, columns must not."""
                text = re.sub(r"  \( \+-.{6}% \)", "", text)
                text = re.sub(r" +[\d.]+ \+- [\d.]+ (?=sec)", "N +- N ", text)
                return re.sub(r" *\d+\.\d+(?= [Js])",
                              lambda m: "#" * len(m[0]), text)
            self.assertEqual(shape(got.stderr), shape(real.stderr))

    def test_repeats(self):
        with tree() as root, Meters(root):
            got = run("stat", f"--sysfs={root}/sys", "--format=perf", "-r3",
                      "--", "sleep", "0.1")
        lines = got.stderr.split("\n")
        self.assertEqual(lines[1], " Performance counter stats for "
                         "'system wide' (3 runs):")
        for line in lines[3:5]:
            self.assertRegex(line, self.EVENT)
        self.assertRegex(lines[6], r"^ +0\.1\d+ \+- 0\.\d+ seconds time "
                         r"elapsed  \( \+-.{6}% \)$")

    def test_what_is_not_counted(self):
        got = run("stat", "--root=xeon2", "--format=perf", "--", "true")
        self.assert_code(got, 0)
        self.assertRegex(got.stderr,
                         r"(?m)^ {5}<not counted> Joules power/energy-pkg/ +$")
        self.assertRegex(got.stderr, r"joulebook: power/energy-pkg/: "
                         r"package-\d: \w+")
        got = run("stat", "-q", "--root=xeon2", "--format=perf", "--", "true")
        self.assertNotIn("joulebook:", got.stderr)

    def test_no_estimates(self):
        with folder() as root:
            os.makedirs(os.path.join(root, "sys"))
            got = run("stat", f"--sysfs={root}/sys", "--format=perf",
                      "--sources=estimate", "--", "sleep", "0.1")
        self.assert_code(got, 0)
        self.assertRegex(got.stderr, r"(?m)^   <not supported> Joules "
                         r"power/energy-pkg/ +$")
        self.assertNotRegex(got.stderr, r"\d Joules")
        if "platform" in got.stderr:
            self.assertIn("an estimate is no perf event", got.stderr)

    def test_file_and_exit_code(self):
        with folder() as path:
            file = os.path.join(path, "out")
            got = run("stat", "--root=xeon2", "--format=perf", "-q", "-o", file,
                      "--", "sh", "-c", "exit 7")
            self.assert_code(got, 7)
            self.assertEqual((got.stdout, got.stderr), ("", ""))
            with open(file, encoding="utf-8") as stream:
                self.assertIn("seconds time elapsed", stream.read())

    def test_conflicts(self):
        for other in ("--json", "--csv"):
            self.assert_usage(run("stat", "--format=perf", other, "true"),
                              "--format", other)


class Replay(Case):
    @classmethod
    def setUpClass(cls):
        cls.room = cls.enterClassContext(folder())
        with tree() as root, Meters(root):
            base = ["record", f"--sysfs={root}/sys", "-q"]
            for name in ("json", "jsonl", "csv"):
                run(*base, "-i50ms", "-d1s", "-o", cls.file("r." + name))
            for name in ("energizta", "scaphandre"):
                run(*base, "-i200ms", "-d2s", "--format", name, "-o",
                    cls.file(name))

    @classmethod
    def file(cls, name):
        return os.path.join(cls.room, name)

    FILES = ("r.json", "r.jsonl", "r.csv", "energizta", "scaphandre")

    def test_list_and_doctor(self):
        for name in self.FILES:
            got = run("list", "--json", f"--replay={self.file(name)}")
            self.assert_code(got, 0)
            value = self.assert_schema("list", got.stdout)
            self.assertEqual({d["domain"] for d in value["domains"]},
                             {"package-0", "package-1", "dram-0", "dram-1"})
            for sensor in value["sensors"]:
                self.assertEqual(sensor["source"], "replay")
                self.assertEqual(sensor["provenance"], "measured")
            self.assert_code(
                run("doctor", f"--replay={self.file(name)}"), 0)

    def test_stat(self):
        """Powers of the recording; at ten times the speed ten times those."""
        for name in self.FILES:
            for speed in (1, 10):
                got = run("stat", "--json", f"--replay={self.file(name)}",
                          f"--replay-speed={speed}", "--", "sleep",
                          str(0.8 / speed))
                value = self.assert_schema("stat", got.stdout)
                watts = {d["domain"]: d["average_w"] / speed
                         for d in value["domains"]}
                self.assertAlmostEqual(watts["package-0"], 44.4, delta=1.5,
                                       msg=f"{name} {speed}")
                self.assertAlmostEqual(watts["dram-1"], 7.6, delta=0.7)

    def test_same_energy(self):
        """Recorded anew, at its speed and faster: the same joules."""
        with open(self.file("r.jsonl"), encoding="utf-8") as stream:
            rows = [json.loads(line) for line in stream]
        want = {row["sensor"]: row["value"] for row in rows}
        for speed, seconds in ((1, 1.2), (5, 0.3)):
            got = run("record", "-i20ms", f"-d{seconds}s",
                      f"--replay={self.file('r.jsonl')}",
                      f"--replay-speed={speed}")
            last = {}
            for line in got.stdout.splitlines():
                row = json.loads(line)
                if row["state"] == "ok" and row["value"] is not None:
                    last[row["sensor"]] = row["value"]
            self.assertEqual(
                last, {f"replay/{name}": value
                       for name, value in want.items()})

    def test_over(self):
        """Behind its end there is nothing, and not 0."""
        got = run("record", "-i50ms", "-d1s", "--replay-speed=10",
                  f"--replay={self.file('r.csv')}")
        rows = [json.loads(line) for line in got.stdout.splitlines()]
        self.assertEqual(rows[-1]["state"], "absent")
        self.assertIsNone(rows[-1]["value"])

    def test_only_when_asked_for(self):
        got = run("list", "--json")
        self.assertNotIn("replay", got.stdout)
        got = run("list", "--sources=replay")
        self.assertIn("no recording was named", got.stdout)
        self.assertIn("--replay=FILE", got.stdout + run(
            "doctor").stdout + run("list", "--help").stdout)

    def test_configuration(self):
        name = self.file("c.yaml")
        write(name, f"replay:\n  file: {self.file('r.csv')}\n  speed: 2\n")
        got = run("list", "--config", name, "--sources=replay")
        self.assert_code(got, 0)
        self.assertIn("replay/powercap/intel-rapl:1", got.stdout)
        write(name, "replay:\n  sped: 2\n")
        self.assert_usage(run("list", "--config", name, "--sources=replay"),
                          "c.yaml:2:3", "speed")

    def test_garbage(self):
        name = self.file("garbage")
        with open(self.file("r.csv"), encoding="utf-8") as stream:
            text = stream.read().split("\n")
        write(name, "\n".join([*text[:3], "garbage", *text[3:]]))
        got = run("list", f"--replay={name}")
        self.assert_code(got, 3)
        self.assertIn(f"{name}:4: ", got.stdout)
        got = run("list", "--replay=/nowhere")
        self.assert_code(got, 3)
        self.assertIn("/nowhere", got.stdout)


if __name__ == "__main__":
    main()
