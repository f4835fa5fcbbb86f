# SPDX-License-Identifier: Apache-2.0
"""What a result says, by name, so that two results can be compared.

A fault may take figures away; it may not change one.  It may take away what a
figure is of, too: then a sensor is in no domain, or has another name, as of a
chip that does not say what it is.  It may not make a sensor readable that is
not, nor measure a domain that there is not.  Estimates are left out of the
comparison, since a fact that could not be read is a reason for another model:
of them only the impossible is a finding.
"""
import csv
import io
import json
import math

# What list says of a sensor that can be read, and that no fault may change.
FACTS = ("domain", "quantity", "unit", "provenance", "kind", "resolution",
         "range", "update_s", "readable")
# A file that cannot be read may leave them unknown.
UNKNOWN = (None, "sampled")


class Malformed(Exception):
    """The text is not in the format that was asked for."""


def from_json(text):
    """One document, or a list of those that stand on a line each."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        lines = [json.loads(line) for line in text.splitlines()]
    except ValueError as why:
        raise Malformed(f"malformed JSON: {why}") from why
    if not lines:
        raise Malformed("malformed JSON: nothing")
    return lines


def from_csv(text):
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or not text.endswith("\n"):
        raise Malformed("malformed CSV: it is cut")
    if any(len(row) != len(rows[0]) for row in rows):
        raise Malformed("malformed CSV: rows of several lengths")
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def number(value):
    return None if value in (None, "") else float(value)


def sensors_of(document):
    for sensor in document.get("sensors", []):
        facts = FACTS if sensor["readable"] else ("readable",)
        for fact in facts:
            if fact in sensor:
                yield f"{fact} of {sensor['sensor']}", sensor[fact]


def domains_of(rows):
    for row in rows:
        if row["provenance"] != "estimated":
            yield f"energy of {row['domain']}", number(row["energy_j"])


def readings_of(rows):
    for row in rows:
        if row["provenance"] != "estimated" and number(row["value"]) is not None:
            yield f"value of {row['sensor']}", number(row["value"])


def estimates_of(rows):
    for row in rows:
        if row.get("provenance") == "estimated":
            yield from (number(row[key]) for key in
                        ("energy_j", "average_w", "value", "low_j", "high_j")
                        if key in row)


def rows_of(result):
    if isinstance(result, dict):
        return result.get("domains", []) + result.get("readings", [])
    return result


def figures(result):
    """{name: all values that it had}"""
    found = {}
    rows = rows_of(result)
    pairs = list(sensors_of(result)) if isinstance(result, dict) else []
    pairs += domains_of([row for row in rows if "energy_j" in row])
    pairs += readings_of([row for row in rows if "value" in row])
    for name, value in pairs:
        found.setdefault(name, set()).add(value)
    return found


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=5e-7)
    return a == b


def impossible(result):
    """The first estimate that cannot be, or None."""
    for value in estimates_of(rows_of(result)):
        if value is not None and not 0 <= value < math.inf:
            return f"an estimate of {value}"
    return None


def difference(plain, faulty):
    """The first figure of faulty that plain has not, or None."""
    known = figures(plain)
    for name, values in sorted(figures(faulty).items()):
        what = name.split()[0]
        if name not in known and what != "energy":
            continue
        for value in values:
            if what in FACTS and (value in UNKNOWN or value is False):
                continue
            if not any(same(value, other) for other in known.get(name, ())):
                wanted = ", ".join(map(str, sorted(known.get(name, ()),
                                                   key=str))) or "nothing"
                return f"{name}: got {value}, want {wanted}"
    return impossible(faulty)
