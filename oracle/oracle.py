#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says from a lab's journal what is true, and judges what was measured.

Exit code: 0 all is well, 1 something is wrong, 2 the input is unusable.
"""

import argparse
import sys

from journal import JournalError
from judge import FAIL, Case, judge, match_zones
from machine import Machine
from measured import MeasuredError, read_measured


def load(path):
    with open(path, encoding="ascii") as stream:
        return Machine(stream)


def command_verify(args):
    machine = load(args.journal)
    reads = sum(len(zone.reads) for zone in machine.zones.values())
    reads -= sum(len(port.reads) for port in machine.ports())
    for error in machine.errors[:20]:
        print(error)
    print(
        f"{machine.layout}: {reads} reads of energy, {machine.power_reads} of "
        f"power, {machine.register_reads} of registers, {machine.gauge_reads} "
        f"of gauges, {len(machine.errors)} wrong"
    )
    return 1 if machine.errors else 0


def command_truth(args):
    machine = load(args.journal)
    ports = {port.path for port in machine.ports()}
    zones = [path for path in machine.zones if path not in ports]
    paths = [args.zone] if args.zone else [*zones, "node"]
    for path in paths:
        joules = machine.true_joules(path, args.from_ns, args.to_ns)
        print(f"{path} {joules} J = {float(joules):.9f}")
    return 0


def command_served(args):
    machine = load(args.journal)
    zone = machine.zone(args.zone)
    reads = [
        read
        for read in machine.good_reads(args.zone)
        if args.from_ns <= read.t_ns <= args.to_ns
    ]
    for first, last in zip(reads, reads[1:]):
        if first.epoch != last.epoch:
            print(f"line {last.line}: the counter was disturbed")
            continue
        counts = machine.counts_between(args.zone, first, last)
        uncertain = machine.wrap_is_uncertain(args.zone, first, last)
        microjoules = float(zone.joules(counts) * 10**6)
        print(
            f"{first.t_ns} {last.t_ns} {counts} counts {microjoules:.3f} uJ"
            + (" wrap-uncertain" if uncertain else "")
        )
    return 0


def command_judge(args):
    machine = load(args.journal)
    with open(args.stat, encoding="utf-8") as stream:
        measured = read_measured(stream)
    given = [pair.partition("=")[::2] for pair in args.map]
    zones = match_zones(machine, measured, given)
    case = Case(machine, measured, zones, args.slack_ms * 10**6,
                args.max_error_ppm)
    verdicts = judge(case)
    for verdict in verdicts:
        print(verdict)
    return 1 if any(v.outcome == FAIL for v in verdicts) else 0


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)

    def add(name, function, text):
        command = commands.add_parser(name, help=text)
        command.add_argument("--journal", required=True)
        command.set_defaults(run=function)
        return command

    add("verify", command_verify, "check all that the lab served")
    truth = add("truth", command_truth, "true energy between two instants")
    truth.add_argument("--zone", help="a zone's path, or node")
    served = add("served", command_served, "counts between reads")
    served.add_argument("--zone", required=True)
    for command in (truth, served):
        command.add_argument("--from-ns", type=int, default=0)
        command.add_argument("--to-ns", type=int, default=2**63)
    truth.set_defaults(to_ns=None)
    judged = add("judge", command_judge, "judge the JSON of joulebook stat")
    judged.add_argument("--stat", required=True)
    judged.add_argument(
        "--map", action="append", default=[], metavar="DOMAIN=ZONE"
    )
    judged.add_argument("--slack-ms", type=int, default=50)
    judged.add_argument(
        "--max-error-ppm", type=int,
        help="largest error of what lasted 30 s or more without a gap",
    )
    return parser.parse_args(argv)


def main(argv=None):
    args = parse_arguments(argv)
    try:
        if getattr(args, "to_ns", 0) is None:
            args.to_ns = load(args.journal).last_ns
        return args.run(args)
    except (JournalError, MeasuredError, OSError) as error:
        print(f"oracle: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
