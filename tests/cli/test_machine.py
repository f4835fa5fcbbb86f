#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What this machine's kernel has to grant: permission, perf events.

A virtual machine's power PMU can be there and count nothing.  Where there is
none, one that stays at 0 for ever is made of the kernel's dummy event.
"""

import json
import os
import shutil
import subprocess
import unittest

from support import (PATIENCE_S, PROGRAM, Case, environment, folder, is_root,
                     main, run, sources, tree, zone)

NOBODY = 65534
EVENTS = "/sys/bus/event_source/devices"
DUMMY = {"type": "1\n", "cpumask": "0\n", "format/event": "config:0-63\n",
         "events/energy-psys": "event=0x9\n",
         "events/energy-psys.unit": "Joules\n",
         "events/energy-psys.scale": "2.3283064365386962890625e-10\n"}


@unittest.skipUnless(is_root(), "becoming nobody needs root")
class Denied(Case):
    """The counters belong to root, as they do on real machines."""

    def setUp(self):
        self.room = self.enterContext(folder())
        for name in ("joulebook", "modules"):
            path = os.path.join(os.path.dirname(PROGRAM), name)
            copy = shutil.copytree if os.path.isdir(path) else shutil.copy
            if os.path.exists(path):
                copy(path, os.path.join(self.room, name))
        self.root = os.path.join(self.room, "xeon2")
        with tree() as root:
            shutil.copytree(root, self.root)
        for place, _, files in os.walk(self.root):
            os.chmod(place, 0o755)
            for file in files:
                mode = 0o400 if file == "energy_uj" else 0o444
                os.chmod(os.path.join(place, file), mode)

    def as_nobody(self, *args):
        return subprocess.run(
            [os.path.join(self.room, "joulebook"), *args], cwd=self.room,
            env=environment(), user=NOBODY, group=NOBODY, extra_groups=[],
            capture_output=True, text=True, check=False, timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL)

    def test_list_and_doctor(self):
        got = self.as_nobody("list", "--root=xeon2")
        self.assert_code(got, 3)
        self.assertIn("denied", got.stdout)
        self.assertIn("Permission denied", got.stdout)
        got = self.as_nobody("doctor", "--root=xeon2")
        self.assert_code(got, 3)
        self.assertEqual(got.stdout.count("\ndenied "), 4)
        self.assertEqual(got.stdout.count("fix: sudo chmod a+r"), 1)
        fixes = {f["fix"] for f in json.loads(self.as_nobody(
            "doctor", "--json", "--root=xeon2").stdout)["findings"]}
        self.assertEqual(fixes, {"", "sudo chmod a+r "
                                 "xeon2/sys/class/powercap/*/energy_uj"})
        for fix in fixes:
            self.assert_typed(fix)

    def test_the_fix_mends_it(self):
        fix = "sudo chmod a+r xeon2/sys/class/powercap/*/energy_uj"
        subprocess.run(["sh", "-c", fix.removeprefix("sudo ")], cwd=self.room,
                       check=True)
        self.assert_code(self.as_nobody("doctor", "--root=xeon2"), 0)

    def test_no_command_with_a_path_that_a_shell_would_read(self):
        os.rename(self.root, os.path.join(self.room, "xeon2; true"))
        got = self.as_nobody("doctor", "--root=xeon2; true")
        self.assertEqual(got.stdout.count("\ndenied "), 4)
        self.assertNotIn("fix:", got.stdout)

    def test_stat_runs_the_command(self):
        got = self.as_nobody("stat", "--root=xeon2", "--", "sh", "-c",
                             "exit 7")
        self.assert_code(got, 7)
        self.assertIn("denied", got.stderr)
        self.assertEqual(got.stderr.count("fix: sudo chmod a+r"), 1)
        self.assert_no_false_zero(got.stderr)
        value = self.assert_schema("stat", self.as_nobody(
            "stat", "--root=xeon2", "--json", "true").stdout)
        self.assertEqual(value["domains"], [])
        self.assertEqual({u["state"] for u in value["unmeasured"]},
                         {"denied"})
        self.assertIn("chmod", value["unmeasured"][0]["fix"])

    def test_record(self):
        got = self.as_nobody("record", "--root=xeon2", "-d50ms")
        self.assert_code(got, 3)

    def test_one_that_may_be_read(self):
        os.chmod(zone(self.root, "intel-rapl:1"), 0o444)
        got = self.as_nobody("doctor", "--root=xeon2")
        self.assert_code(got, 1)
        self.assertIn("not all of it", got.stdout)


class DeadEvent(Case):
    def check(self, execute):
        got = execute("list", "--json")
        value = self.assert_schema("list", got.stdout)
        states = {s["sensor"]: s["state"] for s in value["sensors"]}
        self.assertEqual(states.get("perf/psys"), "dead", got.stdout)
        got = execute("list")
        self.assertRegex(got.stdout, r"perf/psys .* dead\n")
        self.assertRegex(got.stdout, r"perf/psys +reads 0 for ever")
        got = execute("doctor")
        self.assertNotEqual(got.returncode, 0)
        self.assertIn("dead         perf/psys: reads 0 for ever", got.stdout)
        for options in ([], ["-i100ms"], ["-r2"], ["-v"]):
            got = execute("stat", *options, "--", "sleep", "0.35")
            self.assert_code(got, 0)
            self.assertRegex(got.stderr, r"psys +dead +reads 0 for ever")
            self.assert_no_false_zero(got.stderr)
            self.assertNotRegex(got.stderr, r"psys +0\.0")
        got = execute("stat", "--json", "--", "sleep", "0.35")
        value = self.assert_schema("stat", got.stdout)
        self.assertNotIn("psys", [d["domain"] for d in value["domains"]])
        self.assertIn(("psys", "dead"), [(u["domain"], u["state"])
                                         for u in value["unmeasured"]])
        self.assertNotIn("psys", value.get("total", {}).get("domains", []))
        got = execute("stat", "--csv", "--", "sleep", "0.35")
        self.assertNotIn("psys", got.stdout)
        got = execute("record", "-d300ms")
        self.assertNotIn("psys", got.stdout)

    @unittest.skipUnless(is_root(), "mounting needs root")
    def test_made_of_the_dummy_event(self):
        with folder() as path:
            for name, text in DUMMY.items():
                name = os.path.join(path, "power", name)
                os.makedirs(os.path.dirname(name), exist_ok=True)
                with open(name, "w", encoding="ascii") as stream:
                    stream.write(text)
            script = (f'mount --bind "$0" {EVENTS} || exit 77; exec "$@"')

            def execute(*args):
                return subprocess.run(
                    ["unshare", "-m", "sh", "-c", script, path, PROGRAM,
                     *args], env=environment(), capture_output=True,
                    text=True, check=False, timeout=PATIENCE_S)

            got = execute("list", "--sources=perf")
            if got.returncode == 77 or "unshare" in got.stderr:
                self.skipTest(got.stderr)
            if "dead" not in got.stdout and "counts" not in got.stdout:
                self.skipTest("no perf events here: " + got.stdout)
            self.check(execute)

    def test_of_this_machine(self):
        got = run("list", "--json", "--sources=perf")
        if '"perf/psys"' not in got.stdout or '"dead"' not in got.stdout:
            self.skipTest("this machine has no dead psys event")
        self.check(run)


class Here(Case):
    """Whatever this machine is, the commands agree about it."""

    def test_codes(self):
        listed = run("list")
        self.assertIn(listed.returncode, (0, 3))
        doctor = run("doctor")
        self.assertIn(doctor.returncode, (0, 1, 3))
        if listed.returncode == 3:
            self.assert_code(doctor, 3)
            self.assert_code(run("record", "-d50ms"), 3)

    def test_estimates_are_no_measurement(self):
        got = run("doctor")
        if "figures will be estimates" not in got.stdout:
            self.skipTest("something measures here, or nothing at all")
        self.assert_code(got, 3)
        self.assertIn("estimated", run("list").stdout)
        self.assertEqual(sources()["estimate"], "ok")
        self.assertIn('"estimated"', run("record", "-d300ms").stdout)


if __name__ == "__main__":
    main()
