# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share.

Each file is a program: FILE [unittest options].  JOULEBOOK names the binary;
with JB_GOLDEN_UPDATE=1 golden files are written instead of compared.
"""

import contextlib
import csv
import io
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
TREES = os.path.join(SOURCE, "tests", "fixtures", "trees")
SCHEMAS = os.path.join(SOURCE, "docs", "reference", "schema")
PROGRAM = os.path.abspath(os.environ.get(
    "JOULEBOOK", os.path.join(SOURCE, "build", "joulebook")))
COMMANDS = ("list", "doctor", "stat", "record", "broker", "burn", "help")
ESCAPE = "\x1b"
PATIENCE_S = 60


def environment(**more):
    env = {name: value for name, value in os.environ.items()
           if name not in ("NO_COLOR", "JOULEBOOK_MODULES", "COLUMNS",
                            "JOULEBOOK_BROKER")}
    env.update(LC_ALL="C", TERM="xterm", **more)
    return env


def run(*args, **more):
    """The finished program; its output as text, bytes that are no text kept."""
    more.setdefault("cwd", TREES)
    more.setdefault("env", environment())
    more.setdefault("stdin", subprocess.DEVNULL)
    if "stdout" not in more and "stderr" not in more:
        more["capture_output"] = True
    return subprocess.run([PROGRAM, *args], text=True, errors="replace",
                          timeout=PATIENCE_S, check=False, **more)


def start(*args, **more):
    more.setdefault("cwd", TREES)
    more.setdefault("env", environment())
    more.setdefault("stdin", subprocess.DEVNULL)
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen([PROGRAM, *args], text=True, **more)


def sources():
    """Name to state of each source on this very machine."""
    got = run("list", "--json")
    return {s["source"]: s["state"] for s in json.loads(got.stdout)["sources"]}


def wait_for_bytes(path, size):
    """Until a file that somebody writes holds more than so many."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and not (
            os.path.exists(path) and os.path.getsize(path) > size):
        time.sleep(0.01)


def is_root():
    return os.geteuid() == 0


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="jb-cli-") as path:
        os.chmod(path, 0o755)
        yield path


@contextlib.contextmanager
def tree(name="xeon2"):
    """A copy of a recorded machine, to be spoilt."""
    with folder() as path:
        root = os.path.join(path, name)
        shutil.copytree(os.path.join(TREES, name), root)
        yield root


def write(path, text):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def zone(root, name, file="energy_uj"):
    return os.path.join(root, "sys/class/powercap", name, file)


def wait_for_change(path):
    """Until the text of a file is another one."""
    def text():
        with open(path, encoding="ascii") as stream:
            return stream.read()
    before, until = text(), time.monotonic() + PATIENCE_S
    while time.monotonic() < until and text() == before:
        time.sleep(0.005)


class Ticker:
    """Counters of a copied tree that count, 50 W each, until it is closed."""

    def __init__(self, root, names):
        script = (
            "import os,sys,time\n"
            "paths=sys.argv[1:]\n"
            "counts=[900000000]*len(paths)\n"
            "while True:\n"
            "  for i,p in enumerate(paths):\n"
            "    counts[i]+=4096\n"
            "    fd=os.open(p,os.O_WRONLY)\n"
            "    os.pwrite(fd,b'%018d\\n'%(counts[i]*61035//1000),0)\n"
            "    os.close(fd)\n"
            "  time.sleep(0.005)\n")
        self.watched = zone(root, names[0])
        for name in names:
            write(zone(root, name), "%018d\n" % (900000000 * 61035 // 1000))
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, *[zone(root, n) for n in names]])

    def __enter__(self):
        wait_for_change(self.watched)
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()


class Terminal:
    """The program with a terminal for all three descriptors."""

    def __init__(self, *args, env=None, cwd=TREES):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(PROGRAM, [PROGRAM, *args], env or environment())
        self.output = ""
        self.status = None

    def read_some(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.output += data.decode(errors="replace")
        return bool(data)

    def read_until(self, pattern):
        until = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.output):
            if time.monotonic() > until or not self.read_some(1):
                raise AssertionError(f"no {pattern!r} in {self.output!r}")

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self):
        while self.read_some(PATIENCE_S):
            pass
        _, self.status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return self.status


class Case(unittest.TestCase):
    maxDiff = None

    def assert_code(self, got, code):
        self.assertEqual(got.returncode, code,
                         f"{got.args}\n{got.stdout}\n{got.stderr}")

    def assert_clean(self, text):
        """No crash and no sanitizer has spoken."""
        for word in ("Sanitizer", "runtime error", "assert"):
            self.assertNotIn(word, text)

    def assert_usage(self, got, *words):
        """Refused as wrong usage, with a message that has these words."""
        self.assert_code(got, 2)
        self.assertEqual(got.stdout, "")
        self.assert_clean(got.stderr)
        for word in words:
            self.assertIn(word, got.stderr)

    def assert_schema(self, name, text):
        value = json.loads(text) if isinstance(text, str) else text
        path = os.path.join(SCHEMAS, name + ".schema.json")
        with open(path, encoding="utf-8") as stream:
            jsonschema.validate(
                value, json.load(stream),
                cls=jsonschema.validators.Draft202012Validator)
        return value

    def assert_golden(self, name, text):
        path = os.path.join(HERE, "golden", name)
        if os.environ.get("JB_GOLDEN_UPDATE"):
            write(path, text)
        with open(path, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), text)

    def assert_no_false_zero(self, text):
        """Nothing claims that a part of the machine draws 0 W."""
        self.assertNotRegex(text, r"(?<![\d.])0(\.0+)? +[um]?[JW]\b")

    def csv_rows(self, text):
        return list(csv.DictReader(io.StringIO(text)))


def main():
    unittest.main(verbosity=1)
