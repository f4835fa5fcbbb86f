# SPDX-License-Identifier: Apache-2.0
"""A virtual machine room for measurements of accuracy: a lab, what runs in it,
and the oracle's judgement of the two.

Nothing here knows what is being tested; see scenarios.py and peers.py.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from io import StringIO

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))

from judge import Case, judge, match_zones  # noqa: E402
from machine import Machine  # noqa: E402
from measured import read_measured  # noqa: E402

UP_SECONDS = 10


class NoFuse(Exception):
    """The lab cannot be mounted here."""


def fuse_reason():
    """Why FUSE cannot be used, or None."""
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse: {error.strerror}"
    return None


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Lab:
    """A mounted lab; leaves nothing behind.  `layout` is the name of a
    built-in one or the text of one."""

    def __init__(self, program, layout, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="jb-room-")
        self.root = os.path.join(self.folder.name, "sys")
        self.journal = os.path.join(self.folder.name, "journal.jsonl")
        os.mkdir(self.root)
        if "\n" in layout:
            layout = self.write("layout", layout)
        self.process = subprocess.Popen(
            [program, "lab", f"--mount={self.root}", f"--layout={layout}",
             f"--journal={self.journal}", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        try:
            self._wait_until_up()
        except Exception:
            self.close()
            raise

    def _wait_until_up(self):
        deadline = time.monotonic() + UP_SECONDS
        while not os.path.exists(self.path(".lab", "status")):
            if self.process.poll() is not None:
                raise NoFuse(self.process.stderr.read().strip())
            if time.monotonic() > deadline:
                raise NoFuse("the lab did not come up")
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(UP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        if os.path.ismount(self.root):
            subprocess.run(["umount", "-l", self.root], check=False)
        self.folder.cleanup()

    def path(self, *names):
        return os.path.join(self.root, *names)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path

    def tell(self, command):
        fd = os.open(self.path(".lab", "control"), os.O_WRONLY)
        try:
            os.write(fd, command.encode())
        finally:
            os.close(fd)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def machine(self):
        """What the journal says so far."""
        self.tell("sync")
        with open(self.journal, encoding="ascii") as stream:
            return Machine(stream)


class Stat:
    """A run of `joulebook stat --json --verbose` around a sleep or a command of
    the shell that takes as long."""

    def __init__(self, program, lab, seconds, *options, command=""):
        words = ["sleep", f"{seconds}"]
        if command:
            words = ["/bin/sh", "-c", command]
        control = {"CONTROL": lab.path(".lab", "control")}
        self.process = subprocess.Popen(
            [program, "stat", f"--sysfs={lab.root}", "--sources=powercap",
             "--json", "--verbose", *options, "--", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **control},
        )
        self.started = time.monotonic()
        self.seconds = seconds

    def sleep_until(self, second):
        """Until so many seconds after the start."""
        time.sleep(max(0, self.started + second - time.monotonic()))

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        """The JSON text that it printed."""
        try:
            out, error = self.process.communicate(timeout=self.seconds + 30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, error = self.process.communicate()
            raise RuntimeError("stat does not end") from None
        if self.process.returncode != 0:
            raise RuntimeError(f"stat ended with {self.process.returncode}: "
                               + error.strip())
        return out


def judged(machine, text, max_error_ppm=None, slack_ms=50):
    """(measured, its zones, verdicts) of stat's JSON."""
    measured = read_measured(StringIO(text))
    zones = match_zones(machine, measured)
    case = Case(machine, measured, zones, slack_ms * 10**6, max_error_ppm)
    return measured, zones, judge(case)

