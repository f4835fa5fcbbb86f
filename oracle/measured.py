# SPDX-License-Identifier: Apache-2.0
"""What a program under test says it measured: the JSON of `joulebook stat`.

Numbers are kept exactly as they are written (Fractions of the decimal text);
nothing passes through a float.
"""

import json
from dataclasses import dataclass, field
from fractions import Fraction


class MeasuredError(Exception):
    """The file does not have the agreed form."""


@dataclass
class Counts:
    """The raw values of one counter at the two ends, and the total between
    them with its wraps undone."""

    first: int
    last: int
    total: int
    first_ns: int
    last_ns: int


@dataclass
class Domain:
    name: str
    source: str
    zone: str | None  # the zone's path, when the program gives it
    energy_j: Fraction | None  # None: absent
    average_w: Fraction | None
    uncertainty_j: Fraction
    low_j: Fraction | None  # the bounds that are claimed
    high_j: Fraction | None
    provenance: str
    coverage: Fraction | None
    counts: Counts | None
    gap_bound_j: Fraction | None = None  # what was not observed, at most


@dataclass
class Measured:
    start_ns: int | None
    end_ns: int | None
    elapsed_s: Fraction | None
    total_j: Fraction | None  # the program's own sum, when it gives one
    domains: list
    total_low_j: Fraction | None = None
    total_high_j: Fraction | None = None
    total_domains: list = field(default_factory=list)


def _number(value):
    return None if value is None else Fraction(value)


def _total(top):
    """The sum and its bounds, from `total: {energy_j}` or `total_j`."""
    total = top.get("total")
    if not total:
        return _number(top.get("total_j")), None, None
    return (
        _number(total["energy_j"]),
        _number(total.get("low_j")),
        _number(total.get("high_j")),
    )


def _domain(entry):
    energy = _number(entry.get("energy_j"))
    uncertainty = _number(entry.get("uncertainty_j")) or Fraction(0)
    low, high = _number(entry.get("low_j")), _number(entry.get("high_j"))
    if energy is not None:
        low = energy - uncertainty if low is None else low
        high = energy + uncertainty if high is None else high
    counts = entry.get("counts")
    if counts is not None:
        keys = ("first", "last", "total", "first_ns", "last_ns")
        counts = Counts(*(int(counts[key]) for key in keys))
    return Domain(
        name=entry["domain"],
        source=entry.get("source", ""),
        zone=entry.get("zone"),
        energy_j=energy,
        average_w=_number(entry.get("average_w")),
        uncertainty_j=uncertainty,
        low_j=low,
        high_j=high,
        provenance=entry.get("provenance", ""),
        coverage=_number(entry.get("coverage")),
        counts=counts,
        gap_bound_j=_number(entry.get("gap_bound_j")),
    )


def read_measured(stream):
    try:
        top = json.load(stream, parse_float=Fraction)
        total, total_low, total_high = _total(top)
        return Measured(
            start_ns=top.get("start_ns"),
            end_ns=top.get("end_ns"),
            elapsed_s=_number(top.get("elapsed_s")),
            total_j=total,
            domains=[_domain(entry) for entry in top["domains"]],
            total_low_j=total_low,
            total_high_j=total_high,
            total_domains=(top.get("total") or {}).get("domains", []),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MeasuredError(f"not the JSON of stat: {error!r}") from error
