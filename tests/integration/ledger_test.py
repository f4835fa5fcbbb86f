#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger against the oracle: random days, late and restated energies.

usage: ledger_test.py build/tests/ledger_replay
"""

import os
import random
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "oracle"))

from books import judge_books  # noqa: E402

PROGRAM = sys.argv.pop() if len(sys.argv) > 1 else "build/tests/ledger_replay"
RULES = ("dynamic", "busy", "capacity")


def plain(events):
    """The day as ledger_replay reads it."""
    def place(value):
        return -1 if value is None else value

    for event in events:
        words = [event["event"]]
        if event["event"] == "scope":
            words += [RULES.index(event["rule"]), event["places"],
                      len(event["domains"])]
            for domain in event["domains"]:
                words += [place(domain["place"]), domain["weight"]]
        elif event["event"] == "cut":
            words += [event["t_ns"], len(event["uses"])]
            for consumer, where, amounts in event["uses"]:
                words += [consumer, place(where), *amounts]
            for row in event["places"]:
                words += [*row["busy"], *row["capacity"]]
        elif event["event"] == "idle":
            words += [event["domain"], event["uw"]]
        else:
            words += [event["domain"], event["t_ns"], event["uj"]]
        yield " ".join(map(str, words))


def replayed(events):
    done = subprocess.run([PROGRAM], input="\n".join(plain(events)), text=True,
                          capture_output=True, check=True)
    rows = (map(int, line.split()) for line in done.stdout.splitlines())
    return {(domain, consumer): uj for domain, consumer, uj in rows}


class Day:
    """A random day: two packages, memory, and a node meter that is late."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.events = [{
            "event": "scope", "rule": RULES[seed % 3], "places": 2,
            "domains": [{"place": 0, "weight": 0}, {"place": 1, "weight": 0},
                        {"place": 0, "weight": 1}, {"place": None, "weight": 0}],
        }]
        self.energy = [0] * 4
        self.t_ns = 10**9
        self.late = []  # what the slow meter has not said yet

    def amounts(self):
        return [self.random.randrange(10**9), self.random.randrange(10**12), 0]

    def cut(self):
        consumers = range(10, 10 + self.random.choice((0, 1, 3, 12)))
        uses = [[c, self.random.choice((0, 1, None)), self.amounts()]
                for c in consumers if self.random.random() < 0.8]
        places = []
        for at in range(2):
            known = [sum(u[2][k] for u in uses if u[1] == at) for k in range(3)]
            busy = [k + self.random.randrange(10**8) for k in known]
            places.append({"busy": busy, "capacity": [
                b + self.random.randrange(10**10) for b in busy]})
        self.events.append({"event": "cut", "t_ns": self.t_ns, "uses": uses,
                            "places": places})

    def say(self, domain, t_ns, uj):
        self.events.append({"event": "energy", "domain": domain, "t_ns": t_ns,
                            "uj": uj})

    def turn(self, first):
        chance = self.random
        self.cut()
        for domain in range(3):
            if not first:
                self.energy[domain] += chance.randrange(10**8)
            self.say(domain, self.t_ns, self.energy[domain])
        if not first:
            self.energy[3] += chance.randrange(-10**6, 10**9)
        self.late.append((self.t_ns, self.energy[3]))
        if len(self.late) > 3 or first:
            self.say(3, *self.late.pop(0))
        if chance.random() < 0.1:
            self.events.append({"event": "idle", "domain": chance.randrange(4),
                                "uw": chance.randrange(10**8)})
        if chance.random() < 0.1 and not first:  # a reading that came late
            self.energy[0] += chance.randrange(-10**5, 10**7)
            self.say(0, self.t_ns, self.energy[0])
        self.t_ns += chance.randrange(1, 2 * 10**9)

    def run(self, turns):
        for number in range(turns):
            self.turn(number == 0)
        return self.events


class Ledger(unittest.TestCase):
    def test_worked_example(self):
        """docs/reference/ledger.md"""
        wanted = {
            "dynamic": {0: 20000000, 1: 7142857, 10: 14285714, 11: 28571429},
            "busy": {1: 10000000, 10: 20000000, 11: 40000000},
            "capacity": {0: 8750000, 1: 8750000, 10: 17500000, 11: 35000000},
        }
        nothing = [{"busy": [0] * 3, "capacity": [0] * 3}]
        for rule, accounts in wanted.items():
            events = [
                {"event": "scope", "rule": rule, "places": 1,
                 "domains": [{"place": 0, "weight": 0}]},
                {"event": "idle", "domain": 0, "uw": 20000000},
                {"event": "cut", "t_ns": 10**9, "uses": [], "places": nothing},
                {"event": "energy", "domain": 0, "t_ns": 10**9, "uj": 5},
                {"event": "cut", "t_ns": 2 * 10**9,
                 "uses": [[10, 0, [10**9, 0, 0]], [11, 0, [2 * 10**9, 0, 0]]],
                 "places": [{"busy": [35 * 10**8, 0, 0],
                             "capacity": [4 * 10**9, 0, 0]}]},
                {"event": "energy", "domain": 0, "t_ns": 2 * 10**9,
                 "uj": 70000005},
            ]
            said = replayed(events)
            self.assertEqual({c: uj for (_, c), uj in said.items()}, accounts)
            self.assertEqual(list(judge_books(events, said)), [])

    def test_random_days(self):
        for seed in range(60):
            events = Day(seed).run(50)
            with self.subTest(seed=seed):
                self.assertEqual(list(judge_books(events, replayed(events))),
                                 [])

    def test_the_oracle_objects(self):
        events = Day(1).run(20)
        said = replayed(events)
        one, two = [key for key in said if key[0] == 0][:2]
        said[one] += 5
        self.assertEqual(len(list(judge_books(events, said))), 2)
        said[two] -= 5
        self.assertEqual(len(list(judge_books(events, said))), 2)


if __name__ == "__main__":
    unittest.main()
