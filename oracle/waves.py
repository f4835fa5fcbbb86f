# SPDX-License-Identifier: Apache-2.0
"""Waves of the lab, worked out from their definition with big integers.

A wave is a list of parts as the journal gives them, for example
``["square", lo_uw, hi_uw, period_ns, high_ns]``.  Power in microwatts times
time in nanoseconds is energy in femtojoules.  By definition each part's energy
is rounded down to whole femtojoules.

The way here is not that of the C lab on purpose: every periodic part is turned
into straight pieces (duration, power at the begin, power at the end), and one
rule integrates them all.
"""


def pieces(part):
    """One period of a periodic part as straight pieces."""
    kind, *v = part
    if kind == "square":
        lo, hi, period, high = v
        shape = [(high, hi, hi), (period - high, lo, lo)]
    elif kind == "triangle":
        lo, hi, period = v
        shape = [(period // 2, lo, hi), (period // 2, hi, lo)]
    elif kind == "ramp":
        lo, hi, period = v
        shape = [(period, lo, hi)]
    elif kind == "steps":
        shape = [(t, p, p) for p, t in zip(v[::2], v[1::2], strict=True)]
    else:
        raise ValueError(f"unknown part of a wave: {kind!r}")
    return [piece for piece in shape if piece[0] > 0]


class Part:
    def __init__(self, description):
        self.constant = None
        if description[0] == "const":
            (self.constant,) = description[1:]
            self.max_uw = self.constant
            return
        self.pieces = pieces(description)
        self.period = sum(duration for duration, _, _ in self.pieces)
        self.double = sum((a + b) * d for d, a, b in self.pieces)
        self.max_uw = max(max(a, b) for _, a, b in self.pieces)

    def energy_fj(self, elapsed):
        if self.constant is not None:
            return self.constant * elapsed
        periods, left = divmod(elapsed, self.period)
        double = periods * self.double  # twice the energy: no halves
        for duration, begin, end in self.pieces:
            if left <= duration:
                rest = 2 * begin * left * duration + (end - begin) * left**2
                return (double * duration + rest) // (2 * duration)
            double += (begin + end) * duration
            left -= duration
        raise AssertionError("pieces do not fill the period")


class Wave:
    def __init__(self, description):
        self.parts = [Part(part) for part in description]

    def energy_fj(self, elapsed):
        return sum(part.energy_fj(elapsed) for part in self.parts)

    @property
    def max_uw(self):
        return sum(part.max_uw for part in self.parts)
