# SPDX-License-Identifier: Apache-2.0
"""A run of `joulebook record` and whether each value in it is one that the
lab's counter had, to the microjoule."""

import json
import os
import subprocess
from fractions import Fraction

INTERVAL = "200ms"


def record(program, lab, seconds):
    """The readings of a recording."""
    path = os.path.join(lab.folder.name, "recording.jsonl")
    subprocess.run(
        [program, "record", f"--sysfs={lab.root}", "--sources=powercap",
         f"--interval={INTERVAL}", f"--duration={seconds}s", "--quiet",
         f"--output={path}"],
        check=True, timeout=seconds + 30,
    )
    with open(path, encoding="utf-8") as stream:
        return [json.loads(line, parse_float=Fraction) for line in stream]


def judge_recording(machine, rows):
    """(what was found, what is wrong), both texts."""
    said, wrong = [], []
    sensors = sorted({row["sensor"] for row in rows})
    for sensor in sensors:
        values = [row for row in rows if row["sensor"] == sensor]
        path = sensor.partition("/")[2]
        if path not in machine.zones or values[0]["unit"] != "J":
            continue
        missing, last = count_missing(machine, path, values)
        text = f"{sensor}: {len(values)} values, the last {float(last)} J"
        said.append(text)
        if missing:
            wrong.append(f"{text}: {missing} were never served")
        if any(b["value"] < a["value"] for a, b in zip(values, values[1:])):
            wrong.append(f"{text}: energy falls")
    if not said:
        wrong.append("nothing was recorded")
    return said, wrong


def count_missing(machine, path, values):
    """Values that no read explains, and the last value.  The first reading is
    the value 0; which read that was is found by trying."""
    reads = machine.good_reads(path)
    fewest = len(values)
    for first in reads[:5]:
        ranges = [
            explained(machine.zone(path), first, read) for read in reads
        ]
        missing = sum(
            1 for row in values
            if not any(low <= row["value"] * 10**6 <= high
                       for low, high in ranges)
        )
        fewest = min(fewest, missing)
    return fewest, values[-1]["value"]


def explained(zone, first, read):
    """The microjoules that a reader may make of two readings: of their counts,
    each end rounded; or, where the range does not give the unit away, of their
    texts, in which up to one count of each wrap is hidden."""
    counts = read.unwrapped - first.unwrapped
    if zone.modulus == 2**32:
        uj = zone.joules(counts) * 10**6
        return uj - 1, uj + 1
    uj = Fraction(counts * zone.shown[0], zone.shown[1])
    wraps = read.unwrapped // zone.modulus - first.unwrapped // zone.modulus
    return uj - 1 - wraps * Fraction(*zone.shown), uj + 1
