# SPDX-License-Identifier: Apache-2.0
"""What the books of a scope should say: who used what, under which rule.

A day is a list of events in the order in which they became known, as JSON
lines; the same file is fed to whatever keeps the books:

    {"event": "scope", "rule": "dynamic", "places": 2,
     "domains": [{"place": 0, "weight": 0}, {"place": null, "weight": 0}]}
    {"event": "cut", "t_ns": 2, "uses": [[10, 0, [5, 0, 0]], [11, null, [3, 0, 0]]],
     "places": [{"busy": [9, 0, 0], "capacity": [16, 0, 0]}, ...]}
    {"event": "idle", "domain": 0, "uw": 20000000}
    {"event": "energy", "domain": 0, "t_ns": 2, "uj": 123}

A place of null in a use is not known, in a domain it is all of them.  Energies
may come late, out of order, and again.

Everything here is exact (integers and fractions); what is due is not rounded.
The books may differ from it by their rounding only.
"""

from dataclasses import dataclass, field
from fractions import Fraction

IDLE, UNATTRIBUTED, OTHER = 0, 1, 2
NS_PER_S = 10**9


@dataclass
class Cut:
    t_ns: int
    weights: list  # by place: {consumer: [amount by kind]}
    busy: list  # by place, by kind
    capacity: list


@dataclass
class Domain:
    place: int | None
    kind: int
    idle_uw: int = 0
    energies: dict = field(default_factory=dict)  # by t_ns
    limits: dict = field(default_factory=dict)  # by t_ns: idle's own part


def add(into, amounts):
    for kind, amount in enumerate(amounts):
        into[kind] += amount


def laid_out(uses, places):
    """Use by place; what is of unknown place goes where most is unexplained.

    The books lay it out in whole units, so this does too: by the running sum
    of exact shares, rounded down."""
    width = len(places)
    kinds = range(len(places[0]["busy"]))
    weights = [{} for _ in range(width)]
    known = [[0] * len(kinds) for _ in range(width)]
    for consumer, place, amounts in uses:
        if place is not None:
            add(weights[place].setdefault(consumer, [0] * len(kinds)), amounts)
            add(known[place], amounts)
    for consumer, place, amounts in uses:
        if place is not None:
            continue
        for kind in kinds:
            left = unexplained(places, known, kind)
            whole, before, given = sum(left), 0, 0
            for at in range(width):
                before += left[at]
                upto = amounts[kind] * before // whole
                weights[at].setdefault(consumer, [0] * len(kinds))
                weights[at][consumer][kind] += upto - given
                given = upto
    return weights


def unexplained(places, known, kind):
    width = range(len(places))
    for candidate in (
        [max(places[p]["busy"][kind] - known[p][kind], 0) for p in width],
        [places[p]["busy"][kind] for p in width],
        [places[p]["capacity"][kind] for p in width],
    ):
        if any(candidate):
            return candidate
    return [1] * len(places)


class Books:
    def __init__(self, scope):
        self.rule = scope["rule"]
        self.domains = [
            Domain(d["place"], d["weight"]) for d in scope["domains"]
        ]
        self.cuts = []

    def take(self, event):
        getattr(self, "_on_" + event["event"])(event)

    def _on_cut(self, event):
        places = event["places"]
        self.cuts.append(Cut(
            event["t_ns"], laid_out(event["uses"], places),
            [p["busy"] for p in places], [p["capacity"] for p in places],
        ))

    def _on_idle(self, event):
        self.domains[event["domain"]].idle_uw = event["uw"]

    def _on_energy(self, event):
        """An interval is booked with the idle power of the instant at which
        its end, and all before it, became known; saying it again leaves
        that."""
        domain = self.domains[event["domain"]]
        domain.energies[event["t_ns"]] = event["uj"]
        for before, cut in zip(self.cuts, self.cuts[1:]):
            if not {before.t_ns, cut.t_ns} <= domain.energies.keys():
                break
            if cut.t_ns not in domain.limits:
                elapsed = cut.t_ns - before.t_ns
                domain.limits[cut.t_ns] = -(
                    -domain.idle_uw * elapsed // NS_PER_S)

    def weights(self, domain, cut):
        places = range(len(cut.weights)) if domain.place is None else [
            domain.place]
        weights = {}
        for place in places:
            for consumer, amounts in cut.weights[place].items():
                weights[consumer] = (
                    weights.get(consumer, 0) + amounts[domain.kind])
        used = sum(weights.values())
        busy = sum(cut.busy[p][domain.kind] for p in places)
        capacity = sum(cut.capacity[p][domain.kind] for p in places)
        unknown = max(busy - used, 0)
        weights[UNATTRIBUTED] = weights.get(UNATTRIBUTED, 0) + unknown
        if self.rule == "capacity":
            weights[IDLE] = max(capacity - used - unknown, 0)
        if not any(weights.values()):
            weights = {IDLE: 1}
        return weights

    def due(self, index):
        """{consumer: exact uJ} of a domain up to its last posted cut, and the
        energy that this must sum to."""
        domain = self.domains[index]
        due, whole = {}, 0
        for before, cut in zip(self.cuts, self.cuts[1:]):
            if cut.t_ns not in domain.limits:
                break
            amount = (domain.energies[cut.t_ns]
                      - domain.energies[before.t_ns])
            idle = 0
            if self.rule == "dynamic":
                idle = min(max(amount, 0), domain.limits[cut.t_ns])
            due[IDLE] = due.get(IDLE, 0) + idle
            weights = self.weights(domain, cut)
            total = sum(weights.values())
            for consumer, weight in weights.items():
                part = Fraction(weight, total) * (amount - idle)
                due[consumer] = due.get(consumer, 0) + part
            whole += amount
        return due, whole


def judge_books(events, accounts, rounding_uj=2):
    """Objections to accounts, {(domain, consumer): uJ}, after all events."""
    books = Books(events[0])
    for event in events[1:]:
        books.take(event)
    for index in range(len(books.domains)):
        due, whole = books.due(index)
        said = {c: uj for (d, c), uj in accounts.items() if d == index}
        if sum(said.values()) != whole:
            yield (f"domain {index}: accounts sum to {sum(said.values())}, "
                   f"the energy is {whole} uJ")
        for consumer in sorted(due.keys() | said.keys()):
            off = said.get(consumer, 0) - due.get(consumer, 0)
            if abs(off) > rounding_uj:
                yield (f"domain {index}, consumer {consumer}: "
                       f"{said.get(consumer, 0)} uJ, due "
                       f"{float(due.get(consumer, 0)):.3f}")
