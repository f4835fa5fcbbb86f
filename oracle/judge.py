# SPDX-License-Identifier: Apache-2.0
"""Holds what a program measured against the truth.

A check is a function of a Case that returns Verdicts; CHECKS is the list of
them, and a later kind of judgement (who consumed what) is one more function in
it with what it needs added to Case.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

PASS, FAIL, SKIP = "pass", "FAIL", "skip"
LONG_NS = 30 * 10**9
# To find out which steps a program gave up.
GIVEN_UP_AMONG, GIVEN_UP_MOST = 24, 3


@dataclass
class Verdict:
    check: str
    subject: str
    outcome: str
    detail: str

    def __str__(self):
        return f"{self.outcome:4} {self.check:9} {self.subject}: {self.detail}"


@dataclass
class Case:
    machine: object
    measured: object
    zones: dict  # index of a measured domain -> path of its zone
    slack_ns: int  # how far a program's stamp may be from the lab's
    max_error_ppm: int | None = None  # of what lasted LONG_NS without a gap

    def each(self):
        """(domain, path) of the domains that have a zone."""
        for index, domain in enumerate(self.measured.domains):
            if index in self.zones:
                yield domain, self.zones[index]


def short(value):
    return f"{float(value):.9g}"


# Which zone a domain is


def zone_names(machine, path):
    """All the names by which a program may call a zone."""
    zone = machine.zone(path)
    names = {path, zone.name}
    parent = machine.zones.get(zone.parent)
    if parent is not None:
        names.add(f"{parent.name}/{zone.name}")
        names.add(f"{parent.name}.{zone.name}")
        number = parent.name.rpartition("-")[2]
        if number.isdigit():
            names.add(f"{zone.name}-{number}")
    return names


def named_by_source(machine, source):
    """The zone whose path is a whole piece of a source's name, such as
    powercap/intel-rapl:0."""
    for path in sorted(machine.zones, key=len, reverse=True):
        if re.search(rf"(^|[/ :]){re.escape(path)}($|[/ ])", source):
            return path
    return None


def match_zones(machine, measured, given=()):
    """Index of domain -> path; `given` are (domain, path) pairs from the user.

    Without one, what the program calls the zone or the source decides, and
    then the name: one that several zones have goes to them in turn, those that
    have a counter of their own before mirrors.  What comes from the source msr
    is the register of that zone that was read."""
    given = dict(given)
    order = sorted(
        machine.zones, key=lambda path: bool(machine.zone(path).mirror)
    )
    matched = {}
    for index, domain in enumerate(measured.domains):
        path = given.get(domain.name) or domain.zone
        if path is None:
            path = named_by_source(machine, domain.source)
        if path is None:
            path = next(
                (
                    p
                    for p in order
                    if p not in matched.values()
                    and domain.name in zone_names(machine, p)
                ),
                None,
            )
        if path in machine.zones:
            matched[index] = path
    for index, path in matched.items():
        if measured.domains[index].source.startswith("msr"):
            matched[index] = read_port(machine, path)
    return matched


def read_port(machine, path):
    """The register of a zone that was read most; the zone when there is
    none."""
    ports = [port for port in machine.ports() if port.mirror == path]
    best = max(ports, key=lambda port: len(port.reads), default=None)
    return best.path if best else path


# Checks


def check_known(case):
    """Every RAPL domain that was measured exists."""
    for index, domain in enumerate(case.measured.domains):
        if index in case.zones:
            yield Verdict("known", domain.name, PASS, case.zones[index])
        else:
            yield Verdict(
                "known", domain.name, SKIP, "no zone of this journal"
            )
    if not case.zones:
        yield Verdict("known", "*", FAIL, "no domain is one of the lab's")


def check_sign(case):
    """Energy and uncertainty are never negative."""
    for domain, _ in case.each():
        if domain.energy_j is None:
            continue
        good = domain.energy_j >= 0 and domain.low_j <= domain.high_j
        yield Verdict(
            "sign", domain.name, PASS if good else FAIL,
            f"{short(domain.energy_j)} +- {short(domain.uncertainty_j)} J",
        )


def raw_values(zone, read):
    """A program reads microjoules; one that restores counts may give those."""
    return (read.count, zone.shown_uj(read.count))


def find_read(case, path, raw, at_ns):
    """The served read that a raw value and its instant mean."""
    zone = case.machine.zone(path)
    near = [
        read
        for read in case.machine.good_reads(path)
        if abs(read.t_ns - at_ns) <= case.slack_ns
        and raw in raw_values(zone, read)
    ]
    return min(near, key=lambda read: abs(read.t_ns - at_ns), default=None)


def check_counts(case):
    """The counts are those served, and their difference is right to the
    count."""
    for domain, path in case.each():
        counts = domain.counts
        if counts is None:
            yield Verdict("counts", domain.name, SKIP, "not given")
            continue
        first = find_read(case, path, counts.first, counts.first_ns)
        last = find_read(case, path, counts.last, counts.last_ns)
        if first is None or last is None:
            which = "first" if first is None else "last"
            yield Verdict(
                "counts", domain.name, FAIL,
                f"the {which} value was not served at that time",
            )
            continue
        yield judge_total(case, domain, path, (first, last))


def disturbed(case, path, first, last):
    """Whether the counter itself cannot say what happened between two
    consecutive reads: it was reset, made to jump, stopped, held or away."""
    return first.epoch != last.epoch or any(
        first.line < line < last.line
        for line in case.machine.zone(path).unplug_lines
    )


def lost_ns(case, domain):
    """Time between the first and the last read that was not observed: what
    came after the last is missing before anything else is."""
    span_ns = domain.counts.last_ns - domain.counts.first_ns
    whole_ns = claimed_ns(case, domain)
    coverage = 1 if domain.coverage is None else domain.coverage
    return max(0, (1 - coverage) * whole_ns - (whole_ns - span_ns))


def given_up(case, domain, path, ends):
    """Ways in which the program may have declared steps between reads as not
    observed, each as the counts in them and how many they are: what its
    coverage says they last, disturbed ones before others, long ones before
    short ones."""
    reads = case.machine.good_reads(path)
    reads = reads[reads.index(ends[0]) : reads.index(ends[1]) + 1]
    wanted_ns = lost_ns(case, domain)
    steps = sorted(
        zip(reads, reads[1:]),
        key=lambda step: (
            disturbed(case, path, *step), step[1].t_ns - step[0].t_ns,
        ),
        reverse=True,
    )[:GIVEN_UP_AMONG]
    for count in range(GIVEN_UP_MOST + 1):
        for chosen in combinations(steps, count):
            length_ns = sum(b.t_ns - a.t_ns for a, b in chosen)
            if abs(length_ns - wanted_ns) <= case.slack_ns * max(1, count):
                yield sum(b.unwrapped - a.unwrapped for a, b in chosen), count


def longest_ns(case, path, ends):
    """How long as many steps can last as given_up() tries."""
    reads = case.machine.good_reads(path)
    reads = reads[reads.index(ends[0]) : reads.index(ends[1]) + 1]
    lengths = sorted(b.t_ns - a.t_ns for a, b in zip(reads, reads[1:]))
    return sum(lengths[-GIVEN_UP_MOST:]) + case.slack_ns


def as_counts(zone, total):
    """Of microjoules: the nearest count, since a unit is at least 1 uJ."""
    return round(Fraction(total * zone.shown[1], zone.shown[0]))


def hidden_counts(zone, ends):
    """Counts that the text of the range hides: up to one of each wrap, unless
    a count is a whole number of microjoules."""
    wraps = ends[1].unwrapped // zone.modulus
    wraps -= ends[0].unwrapped // zone.modulus
    return abs(wraps) if zone.shown[0] % zone.shown[1] else 0


def judge_total(case, domain, path, ends):
    """The total is what was served between the two reads, to the count; less
    exactly what the program says that it did not observe."""
    zone = case.machine.zone(path)
    got, got_uj = domain.counts.total, as_counts(zone, domain.counts.total)
    whole = ends[1].unwrapped - ends[0].unwrapped
    hidden = hidden_counts(zone, ends)
    for lost, steps in given_up(case, domain, path, ends):
        want = whole - lost
        note = f", {steps} steps given up" if steps else ""
        if got == want:
            return Verdict("counts", domain.name, PASS,
                           f"{got} counts, off by 0{note}")
        if abs(got_uj - want) <= hidden or got_uj == want:
            return Verdict(
                "counts", domain.name, PASS,
                f"{got} uJ = {want} counts, off by {got_uj - want}{note}",
            )
    if ends[0].epoch != ends[1].epoch and domain.coverage != 1:
        # A held or stopped counter: still steps, or what came after them.
        if whole in (got, got_uj):
            return Verdict("counts", domain.name, PASS,
                           f"{whole} counts, off by 0")
    if got_uj <= whole and lost_ns(case, domain) > longest_ns(case, path, ends):
        return Verdict("counts", domain.name, SKIP,
                       "too many steps given up to tell which")
    return Verdict(
        "counts", domain.name, FAIL,
        f"total {got} (as uJ: {got_uj} counts), served {whole} counts; "
        f"{float(lost_ns(case, domain)) / 1e9:.3f} s not observed",
    )


def claimed_ns(case, domain):
    """How long the figure speaks of: from its first to its last read, or, when
    the meter was silent at the end, the whole run."""
    span_ns = domain.counts.last_ns - domain.counts.first_ns
    elapsed_ns = int((case.measured.elapsed_s or 0) * 10**9)
    return span_ns if elapsed_ns - span_ns <= case.slack_ns else elapsed_ns


def span_of(case, domain):
    if domain.counts is not None:
        first_ns = domain.counts.first_ns
        return first_ns, first_ns + claimed_ns(case, domain)
    if case.measured.start_ns is not None and case.measured.end_ns is not None:
        return case.measured.start_ns, case.measured.end_ns
    return None


def check_truth(case):
    """The true energy of the span lies within what was claimed."""
    for domain, path in case.each():
        span = span_of(case, domain)
        if span is None or domain.energy_j is None:
            yield Verdict("truth", domain.name, SKIP, "no span or no energy")
            continue
        true = case.machine.true_joules(path, *span)
        error = domain.energy_j - true
        good = domain.low_j <= true <= domain.high_j
        relative = f" ({float(error / true * 100):+.4f} %)" if true else ""
        yield Verdict(
            "truth", domain.name, PASS if good else FAIL,
            f"claimed {short(domain.energy_j)} J in [{short(domain.low_j)}, "
            f"{short(domain.high_j)}], true {short(true)} J, "
            f"off by {short(error)} J{relative}",
        )


def check_error(case):
    """A long run without a gap is right to max_error_ppm."""
    for domain, path in case.each():
        span = span_of(case, domain)
        if None in (case.max_error_ppm, span, domain.energy_j):
            continue
        true = case.machine.true_joules(path, *span)
        if span[1] - span[0] < LONG_NS or domain.gap_bound_j or not true:
            yield Verdict("error", domain.name, SKIP, "short, or with a gap")
            continue
        ppm = (domain.energy_j - true) / true * 10**6
        good = abs(ppm) <= case.max_error_ppm
        yield Verdict(
            "error", domain.name, PASS if good else FAIL,
            f"{float(ppm):+.1f} ppm of at most {case.max_error_ppm}",
        )


def check_span(case):
    """A figure is of the whole run, or its coverage tells how much less."""
    elapsed = case.measured.elapsed_s
    for domain, _ in case.each():
        if domain.counts is None or elapsed is None:
            yield Verdict("span", domain.name, SKIP, "not given")
            continue
        seen = Fraction(
            domain.counts.last_ns - domain.counts.first_ns, 10**9
        )
        missing = elapsed - seen
        coverage = 1 if domain.coverage is None else domain.coverage
        told = (1 - coverage) * elapsed
        good = missing <= told + Fraction(case.slack_ns, 10**9)
        yield Verdict(
            "span", domain.name, PASS if good else FAIL,
            f"{short(seen)} s of {short(elapsed)} s, coverage "
            f"{short(coverage)}",
        )


def check_gap(case):
    """What was not observed has a bound, and only that has one."""
    for domain, _ in case.each():
        if domain.coverage is None or domain.energy_j is None:
            continue
        partial = domain.coverage < 1
        good = partial == bool(domain.gap_bound_j)
        if domain.gap_bound_j:
            good = good and domain.high_j >= (
                domain.energy_j + domain.gap_bound_j
            )
        yield Verdict(
            "gap", domain.name, PASS if good else FAIL,
            f"coverage {short(domain.coverage)}, bound "
            + (short(domain.gap_bound_j) + " J" if domain.gap_bound_j
               else "none"),
        )


def troubles(case, path, span):
    """Reads in the span that failed or cannot be told from a wrap."""
    reads = case.machine.zone(path).reads
    inside = [read for read in reads if span[0] <= read.t_ns <= span[1]]
    failed = sum(1 for read in inside if read.errno)
    good = [read for read in inside if not read.errno]
    uncertain = sum(
        1
        for first, last in zip(good, good[1:])
        if case.machine.wrap_is_uncertain(path, first, last)
    )
    return failed, uncertain


def check_coverage(case):
    """Coverage is a share, and not whole where it cannot be."""
    for domain, path in case.each():
        span = span_of(case, domain)
        if domain.coverage is None or span is None:
            yield Verdict("coverage", domain.name, SKIP, "not given")
            continue
        failed, uncertain = troubles(case, path, span)
        good = 0 <= domain.coverage <= 1
        if uncertain and domain.coverage == 1:
            good = False
        yield Verdict(
            "coverage", domain.name, PASS if good else FAIL,
            f"{short(domain.coverage)}; {failed} failed reads, "
            f"{uncertain} gaps in which a wrap cannot be told",
        )


def check_average(case):
    """Average power times the time that was observed is the energy (to 1 % and
    1 mJ, since the program's elapsed time and its span differ by the reads at
    the ends)."""
    for domain, _ in case.each():
        span = span_of(case, domain)
        if None in (domain.average_w, domain.energy_j, span):
            yield Verdict("average", domain.name, SKIP, "not given")
            continue
        coverage = 1 if domain.coverage is None else domain.coverage
        energy = domain.average_w * coverage * (span[1] - span[0]) / 10**9
        error = abs(energy - domain.energy_j)
        good = error <= domain.energy_j / 100 + Fraction(1, 1000)
        yield Verdict(
            "average", domain.name, PASS if good else FAIL,
            f"{short(domain.average_w)} W x observed = {short(energy)} J",
        )


def outermost(case):
    """The measured domains that no other measured one contains, each counter
    once."""
    chosen = []
    for domain, path in case.each():
        others = [p for _, p in case.each() if p != path]
        zone = case.machine.zone(path)
        if any(
            case.machine.contains(other, path)
            and case.machine.zone(other).origin is not zone.origin
            for other in others
        ):
            continue
        if any(
            case.machine.zone(p).origin is zone.origin for _, p in chosen
        ):
            continue
        chosen.append((domain, path))
    return chosen


def check_twice(case):
    """Nothing is counted twice: the total is that of outermost domains."""
    chosen = [(d, p) for d, p in outermost(case) if d.energy_j is not None]
    total = sum(domain.energy_j for domain, _ in chosen)
    names = "+".join(domain.name for domain, _ in chosen)
    if case.measured.total_j is None:
        yield Verdict(
            "twice", "total", SKIP, f"none given; {names} = {short(total)} J"
        )
        return
    # Each printed energy may be rounded in its last digit.
    good = abs(case.measured.total_j - total) <= Fraction(len(chosen), 1000)
    yield Verdict(
        "twice", "total", PASS if good else FAIL,
        f"claimed {short(case.measured.total_j)} J, "
        f"{names} = {short(total)} J",
    )


def check_total(case):
    """The true energy of all that was summed lies within the total's bounds."""
    low, high = case.measured.total_low_j, case.measured.total_high_j
    spans = [
        (path, span_of(case, domain))
        for domain, path in outermost(case)
        if domain.energy_j is not None
    ]
    if low is None or any(span is None for _, span in spans):
        return
    true = sum(case.machine.true_joules(path, *span) for path, span in spans)
    yield Verdict(
        "total", "total", PASS if low <= true <= high else FAIL,
        f"in [{short(low)}, {short(high)}] J, true {short(true)} J",
    )


def check_lab(case):
    """The lab served the truth."""
    errors = case.machine.errors
    yield Verdict(
        "lab", "journal", FAIL if errors else PASS,
        errors[0] if errors else "every value served is right",
    )


CHECKS = [
    check_lab,
    check_known,
    check_sign,
    check_counts,
    check_truth,
    check_error,
    check_span,
    check_coverage,
    check_gap,
    check_average,
    check_twice,
    check_total,
]


def judge(case):
    return [verdict for check in CHECKS for verdict in check(case)]
