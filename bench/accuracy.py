#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is what joulebook says true?  Runs it on virtual meters and asks the oracle.

    bench/accuracy.py build/joulebook               all, some minutes
    bench/accuracy.py build/joulebook --quick       what the tests run
    bench/accuracy.py build/joulebook --only hung

A line per scenario; with -v also all that the oracle said, and always what it
objected to.  Exit code: 0 all is true, 1 something is not, 77 no FUSE here.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from recording import judge_recording, record  # noqa: E402
from room import Lab, NoFuse, Stat, fuse_reason, judged  # noqa: E402
from scenarios import SCENARIOS, Scenario, random_scenarios  # noqa: E402

SKIP_CODE = 77


@dataclass
class Outcome:
    scenario: Scenario
    measured: object = None
    worst_ppm: float | None = None  # of the domains' energies
    worst_share: float | None = None  # of the claimed uncertainty used up
    wraps: int = 0
    gaps: list = field(default_factory=list)
    said: list = field(default_factory=list)  # the oracle's verdicts
    failures: list = field(default_factory=list)  # texts


def figures(outcome, machine, zones):
    """How far off, and how much of the claimed uncertainty that is."""
    errors, shares = [0.0], [0.0]
    for index, domain in enumerate(outcome.measured.domains):
        if index not in zones or domain.counts is None:
            continue
        zone = machine.zone(zones[index])
        span = domain.counts.first_ns, domain.counts.last_ns
        true = machine.true_joules(zone.path, *span)
        error = true - domain.energy_j
        side = domain.high_j if error > 0 else domain.low_j
        if side != domain.energy_j:
            shares.append(float(error / (side - domain.energy_j)))
        outcome.wraps = max(
            outcome.wraps,
            machine.wraps_between(zone.path, *span),
        )
        if domain.gap_bound_j:
            outcome.gaps.append(domain.name)
        elif true:
            errors.append(float(abs(error) / true) * 1e6)
    outcome.worst_ppm, outcome.worst_share = max(errors), max(shares)


def expectations(outcome):
    """What the scenario wants beyond the truth."""
    scenario, measured = outcome.scenario, outcome.measured
    for name in scenario.gaps:
        if name not in outcome.gaps:
            yield f"{name} should have a gap"
    for name in outcome.gaps:
        if name not in scenario.gaps + scenario.maybe:
            yield f"{name} should have no gap"
    figures_of = {domain.name for domain in measured.domains}
    for name in scenario.unmeasured:
        if name in figures_of:
            yield f"{name} should have no figure"
    if scenario.total is not None:
        if sorted(measured.total_domains) != sorted(scenario.total):
            yield f"the total is of {measured.total_domains}"
    if outcome.wraps < scenario.wraps:
        yield f"{outcome.wraps} wraps, {scenario.wraps} were meant"


def stat_options(scenario, lab):
    if not scenario.cpuinfo:
        return scenario.options
    folder = os.path.join(lab.folder.name, "proc")
    os.mkdir(folder)
    lab.write("proc/cpuinfo", scenario.cpuinfo)
    return (*scenario.options, f"--procfs={folder}")


def run_stat(program, scenario, outcome):
    with Lab(program, scenario.layout) as lab:
        if scenario.before:
            lab.tell(scenario.before)
        stat = Stat(program, lab, scenario.seconds,
                    *stat_options(scenario, lab), command=scenario.command)
        try:
            if scenario.script:
                scenario.script(lab, stat)
        finally:
            text = stat.end()
        machine = lab.machine()
    measured, zones, verdicts = judged(
        machine, text, scenario.max_error_ppm, scenario.slack_ms
    )
    outcome.measured = measured
    outcome.said = [str(verdict) for verdict in verdicts]
    outcome.failures = [
        str(verdict) for verdict in verdicts if verdict.outcome == "FAIL"
    ]
    figures(outcome, machine, zones)
    outcome.failures += expectations(outcome)


def run(program, scenario):
    outcome = Outcome(scenario)
    try:
        run_stat(program, scenario, outcome)
    except (NoFuse, RuntimeError, OSError, ValueError) as error:
        outcome.failures.append(f"{type(error).__name__}: {error}")
    return outcome


def run_record(program, seconds):
    """`joulebook record` on counters that wrap."""
    outcome = Outcome(Scenario("record", "every value in the file", "fast",
                               seconds))
    try:
        with Lab(program, "fast") as lab:
            rows = record(program, lab, seconds)
            outcome.said, outcome.failures = judge_recording(
                lab.machine(), rows
            )
    except (NoFuse, RuntimeError, OSError, ValueError) as error:
        outcome.failures.append(f"{type(error).__name__}: {error}")
    return outcome


def line(outcome):
    scenario = outcome.scenario
    ppm = "" if outcome.worst_ppm is None else f"{outcome.worst_ppm:9.1f}"
    share = ""
    if outcome.worst_share is not None:
        share = f"{outcome.worst_share * 100:6.1f} %"
    return (
        f"{'FAIL' if outcome.failures else 'pass'} {scenario.name:16} "
        f"{scenario.seconds:6.2f} {ppm:>9} {share:>8} {outcome.wraps:5}  "
        f"{len(outcome.gaps):4}  {scenario.what}"
    )


HEADER = (
    "     scenario         run/s  error/ppm  of claim  wraps  gaps  what "
    "happens"
)


def report(outcome, verbose):
    print(line(outcome), flush=True)
    for text in outcome.said if verbose else outcome.failures:
        print("       " + text)
    if verbose:
        for text in outcome.failures:
            print("     ! " + text)


def summary(outcomes, started):
    failed = [o for o in outcomes if o.failures]
    figures_ = [o for o in outcomes if o.measured]
    domains = sum(len(o.measured.domains) for o in figures_)
    share = max((o.worst_share for o in figures_), default=0)
    long = [
        o.worst_ppm for o in figures_
        if o.scenario.max_error_ppm and o.worst_ppm is not None
    ]
    print(
        f"{len(outcomes)} runs, {domains} figures, {len(failed)} runs with "
        f"something untrue; at most {share * 100:.1f} % of the claimed "
        f"uncertainty was needed"
        + (f"; error from 30 s on at most {max(long):.1f} ppm" if long else "")
        + f"; {time.monotonic() - started:.0f} s"
    )
    return 1 if failed else 0


def random_summary(outcomes):
    """Many runs are worth one line, unless something is wrong."""
    good = [o for o in outcomes if o.measured]
    domains = sum(len(o.measured.domains) for o in good)
    missed = sum(1 for o in outcomes if o.failures)
    share = max((o.worst_share for o in good), default=0)
    print(
        f"{'FAIL' if missed else 'pass'} random runs: {len(outcomes)} with "
        f"{domains} figures, {missed} outside; at most {share * 100:.1f} % of "
        "the claim was needed"
    )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="build/joulebook")
    parser.add_argument("--quick", action="store_true",
                        help="only what the tests run")
    parser.add_argument("--only", help="scenarios whose name has this in it")
    parser.add_argument("--random", type=int, metavar="N",
                        help="so many random runs (100; with --quick 12)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-j", "--jobs", type=int, default=4,
                        help="rooms at the same time")
    parser.add_argument("-v", "--verbose", action="store_true")
    return parser.parse_args()


def choose(args):
    chosen = [s for s in SCENARIOS if s.quick or not args.quick]
    count = args.random
    if args.only:
        chosen = [s for s in chosen if args.only in s.name]
    if count is None:
        count = 0 if args.only else 12 if args.quick else 100
    return chosen, list(random_scenarios(count, args.seed))


def main():
    args = parse_arguments()
    reason = fuse_reason()
    if reason:
        print(f"skipped: {reason}")
        return SKIP_CODE
    started = time.monotonic()
    fixed, drawn = choose(args)
    print(HEADER)
    with ThreadPoolExecutor(args.jobs) as pool:
        # The long ones first, so that the end is not spent waiting for one.
        order = sorted(fixed, key=lambda s: -s.seconds)
        running = {s.name: pool.submit(run, args.program, s) for s in order}
        recording = None
        if not args.only or args.only in "record":
            recording = pool.submit(
                run_record, args.program, 3 if args.quick else 20
            )
        lots = [pool.submit(run, args.program, s) for s in drawn]
        outcomes = [running[s.name].result() for s in fixed]
        outcomes += [recording.result()] if recording else []
        for outcome in outcomes:
            report(outcome, args.verbose)
        random_outcomes = [future.result() for future in lots]
    for outcome in random_outcomes:
        if outcome.failures:
            report(outcome, args.verbose)
            print("       " + outcome.scenario.layout.replace("\n", "\n       "))
    if random_outcomes:
        random_summary(random_outcomes)
    return summary(outcomes + random_outcomes, started)


if __name__ == "__main__":
    sys.exit(main())
