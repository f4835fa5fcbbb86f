# SPDX-License-Identifier: Apache-2.0
"""What can happen to a counter while it is read, one Scenario each.

A scenario is a layout, a length and perhaps a script that does things to the
lab or to the reader meanwhile.  What must come out is the oracle's business;
here is only what a scenario may expect beyond that: which domains must confess
a gap, and which must not have a figure.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

LIMIT = " limit=long_term,165W,165W,999424us limit=short_term,-,198W,7808us"


@dataclass
class Scenario:
    name: str
    what: str
    layout: str
    seconds: float
    script: Callable | None = None  # script(lab, stat) runs beside the sleep
    before: str = ""  # told to the lab before stat starts
    gaps: tuple = ()  # domains that must have a gap; no other may
    maybe: tuple = ()  # domains that may have one
    unmeasured: tuple = ()  # domains that must not have a figure
    total: tuple | None = None  # domains that must be summed
    wraps: int = 0  # as many in some domain at least
    max_error_ppm: int | None = None
    slack_ms: int = 50
    command: str = ""  # in place of sleep; $CONTROL is the lab's
    options: tuple = ()  # of stat
    cpuinfo: str = ""  # of the machine
    quick: bool = False  # also run as a test


# Layouts


def machine(range_="", dram="", core="square:10W,70W,400ms,150ms", psys=""):
    """Two sockets, psys over package over core, dram, and a mirror."""
    return f"""\
layout two
zone path=intel-rapl:0 name=package-0 in=intel-rapl:2{range_} \
wave=const:12W{LIMIT}
zone path=intel-rapl:0:0 name=core in=intel-rapl:0{range_} wave={core}
zone path=intel-rapl:0:1 name=dram in=intel-rapl:2{dram} \
wave=triangle:3W,9W,600ms
zone path=intel-rapl:1 name=package-1 in=intel-rapl:2{range_} \
wave=const:11W{LIMIT}
zone path=intel-rapl:1:0 name=core in=intel-rapl:1{range_} \
wave=ramp:5W,60W,900ms
zone path=intel-rapl:2 name=psys{range_} wave=const:31W{psys}
zone path=intel-rapl-mmio:0 name=package-0 mirror=intel-rapl:0{LIMIT}
"""


NEAR_WRAP = machine(" start=-400000", " unit=15300nJ start=-300000")
WHOLE_UJ = machine(
    " unit=1000nJ modulus=800000000", " unit=1000nJ modulus=800000000"
)
# Declared, so that a stall of the reader of 133 ms (800 J at the 6 kW that are
# guessed of a board) is no gap.
FAST = machine(
    " modulus=13107200", " modulus=52287581 unit=15300nJ",
    psys=" limit=long_term,-,400W,999424us",
)
# 800 J: certain for 2.42 s at twice the limit, and round in 3.2 s.
HOT = machine(" modulus=13107200", " modulus=13107200", "const:238W")

# 2^32 steps of 2^-19 J are 8192 J: the real width in seconds.
FINE = """\
layout fine
zone path=intel-rapl:0 name=package-0 unit=2^-19 wave=const:300W\
+square:0W,400W,700ms,300ms limit=long_term,750W,700W,999424us
zone path=intel-rapl:0:0 name=core in=intel-rapl:0 unit=2^-19 \
start=-1000000 wave=ramp:100W,300W,330ms
"""

UNITS = """\
layout units
zone path=intel-rapl:0 name=package-0 in=intel-rapl:1 unit=2^-16 start=-999 \
wave=square:20W,90W,500ms,50%
zone path=intel-rapl:0:0 name=dram in=intel-rapl:1 unit=15300nJ start=-99 \
wave=triangle:4W,14W,700ms
zone path=intel-rapl:1 name=psys unit=1000000000nJ start=-50 wave=const:120W
"""

WITHOUT_PSYS = """\
layout mirrored
zone path=intel-rapl:0 name=package-0 wave=const:40W
zone path=intel-rapl:1 name=package-1 wave=ramp:20W,90W,300ms
zone path=intel-rapl-mmio:0 name=package-0 mirror=intel-rapl:0
zone path=intel-rapl-mmio:1 name=package-1 mirror=intel-rapl:1
"""

# Nothing declares a highest power.
CALM = """\
layout calm
zone path=intel-rapl:0 name=package-0 wave=const:5W
zone path=intel-rapl:0:0 name=dram wave=const:1W
"""
BURST = 'echo "wave intel-rapl:0:0 const:350W" > "$CONTROL"'

# The highest power is twenty times the mean and lasts a few milliseconds.
SPIKES = """\
layout spikes
zone path=intel-rapl:0 name=package-0 \
wave=const:5W+square:0W,200W,41ms,2ms
zone path=intel-rapl:0:0 name=dram wave=const:1W+square:0W,60W,23ms,1ms
"""


# Scripts


def at(*steps):
    """A script of (second, command) pairs."""

    def script(lab, stat):
        for second, command in steps:
            stat.sleep_until(second)
            lab.tell(command)

    return script


def pause_reader(start, end):
    def script(_, stat):
        stat.sleep_until(start)
        stat.pause()
        stat.sleep_until(end)
        stat.resume()

    return script


def pause_lab(start, end):
    def script(lab, stat):
        stat.sleep_until(start)
        lab.pause()
        stat.sleep_until(end)
        lab.resume()

    return script


SOCKET_0 = ("package-0", "core-0", "dram-0")

SCENARIOS = [
    # Nothing special happens
    Scenario("full", "two sockets, psys, core, dram, mirror", "full", 2.5,
             total=("psys",), quick=True),
    Scenario("full 40 s", "the same, long enough for 0.01 %", "full", 40,
             total=("psys",), max_error_ppm=100),
    Scenario("server 40 s", "zone 0 is package-1, dram beside packages",
             "server", 40, max_error_ppm=100,
             total=("package-0", "package-1", "dram-0", "dram-1")),
    Scenario("client", "psys is a zone beside the package", "client", 2.5,
             total=("psys",)),
    Scenario("spikes 30 s", "2 ms of 20 times the mean power", SPIKES, 30),
    Scenario("burst", "350 times the mean power at the last moment", CALM,
             0.4, command="sleep 0.4; " + BURST, quick=True),
    Scenario("mirror", "two mirrors, nothing above them", WITHOUT_PSYS, 2,
             total=("package-0", "package-1"), quick=True),
    Scenario("units", "2^-16 J, 15300 nJ and 1 J, each wraps", UNITS, 3,
             total=("psys",), wraps=1, quick=True),
    Scenario("amd", "2^-16 J, exact texts, no limits", "amd", 3,
             total=("package-0",), quick=True),
    Scenario("amd cpu", "its zone core is one core, not the package's", "amd",
             2, total=("package-0",), unmeasured=("",),
             cpuinfo="processor\t: 0\nvendor_id\t: AuthenticAMD\n"
                     "cpu family\t: 25\nmodel\t\t: 1\n\n"),
    # Wraps
    Scenario("32 bit", "2^32 counts, the wrap within the run", NEAR_WRAP, 2.5,
             wraps=1, quick=True),
    Scenario("32 bit 40 s", "the same, to 0.01 %", NEAR_WRAP, 40, wraps=1,
             max_error_ppm=100),
    Scenario("fine 40 s", "2^32 counts of 2^-19 J: some wraps", FINE, 40,
             wraps=2, max_error_ppm=100),
    Scenario("fast 40 s", "0.8 kJ: many wraps", FAST, 40, wraps=6,
             total=("psys",), max_error_ppm=100),
    Scenario("fast 1 uJ", "0.8 kJ in whole microjoules", WHOLE_UJ, 20,
             wraps=3),
    Scenario("fast, hot", "0.8 kJ at 250 W", HOT, 5, wraps=1, quick=True),
    # The reader or the meters pause
    Scenario("long pause", "the reader stands still for longer than a wrap",
             HOT, 6.5, pause_reader(1.5, 5.4), quick=True,
             gaps=("psys", "package-0", "package-1", "core-0", "core-1",
                   "dram-0")),
    Scenario("short pause", "... and for less than one could take", HOT, 4,
             pause_reader(1.5, 2.7), gaps=("psys",)),
    Scenario("hung", "no meter answers for 2 s", "full", 5,
             pause_lab(1.5, 3.5), slack_ms=2500, quick=True),
    Scenario("hung at the end", "no meter answers from 2.5 s on", "full", 3,
             pause_lab(2.5, 4.6), slack_ms=100,
             maybe=("psys", "package-0", "package-1", "core-0", "core-1",
                    "dram-0", "dram-1")),
    Scenario("slow zone", "one zone takes 250 ms for each answer", "full", 4,
             at((1, "delay intel-rapl:0 250ms"), (3, "delay intel-rapl:0 0s")),
             slack_ms=300),
    # A zone goes away
    Scenario("unplug, keep", "a socket is away for a second", "full", 5,
             at((1, "unplug intel-rapl:0"), (2, "plug intel-rapl:0 keep")),
             gaps=SOCKET_0, quick=True),
    Scenario("unplug, reset", "... and returns at 0", "full", 5,
             at((1, "unplug intel-rapl:0"), (2, "plug intel-rapl:0 reset")),
             gaps=SOCKET_0),
    Scenario("unplug, fast", "away for long enough to wrap", HOT, 7,
             at((1, "unplug intel-rapl:0"), (4.6, "plug intel-rapl:0 keep")),
             gaps=SOCKET_0),
    Scenario("gone", "a socket goes and stays away", "full", 4,
             at((2, "unplug intel-rapl:0")), gaps=SOCKET_0, quick=True),
    # A counter is disturbed
    Scenario("reset", "a counter starts anew", "full", 3,
             at((1.55, "reset intel-rapl:1")), gaps=("package-1",),
             quick=True),
    Scenario("reset, psys", "... of the domain that is summed", "full", 3,
             at((1.55, "reset intel-rapl:2")), gaps=("psys",)),
    Scenario("jump", "a counter leaps by 6 kJ", "full", 3,
             at((1.55, "jump intel-rapl:0 100000000")), gaps=("package-0",),
             quick=True),
    Scenario("jump back", "a counter falls by 20 J", "full", 3,
             at((1.55, "jump intel-rapl:0 -327680")), gaps=("package-0",)),
    Scenario("held", "shows one value for 1.5 s, counts on behind it", "full",
             4, at((1, "freeze intel-rapl:0 hold"), (2.5, "thaw intel-rapl:0")),
             gaps=("package-0",), quick=True),
    Scenario("stopped", "does not count for 1.5 s", "full", 4,
             at((1, "freeze intel-rapl:0 stop"), (2.5, "thaw intel-rapl:0")),
             gaps=("package-0",)),
    # Reads fail
    Scenario("EIO", "reads fail for 1 s", "full", 3.5,
             at((1, "errno intel-rapl:0 EIO"), (2, "errno intel-rapl:0 0")),
             quick=True),
    Scenario("ENODATA", "reads fail for longer than a wrap", HOT, 7,
             at((1, "errno intel-rapl:0 ENODATA"),
                (4.6, "errno intel-rapl:0 0")), gaps=("package-0",)),
    Scenario("EIO at the end", "reads fail from 1.5 s on", "full", 3,
             at((1.5, "errno intel-rapl:0 EIO")), gaps=("package-0",),
             quick=True),
    Scenario("EIO at first", "reads fail until 1 s", "full", 3,
             at((1, "errno intel-rapl:1 0")),
             before="errno intel-rapl:1 EIO", unmeasured=("package-1",)),
    Scenario("mirror steps in", "... of a zone that has a mirror", "full", 3,
             at((1, "errno intel-rapl:0 0")),
             before="errno intel-rapl:0 EIO", total=("psys",)),
    Scenario("garbage", "texts that are no counts", "full", 4,
             at((1, 'text intel-rapl:0 "N/A\\n"'), (1.5, "text intel-rapl:0 "
                'empty'), (2, 'text intel-rapl:0 "-1\\n"'),
                (2.5, 'text intel-rapl:0 "18446744073709551615\\n"'),
                (3, "text intel-rapl:0 none")), quick=True),
]


# Random runs

RANDOM_UNITS = ("2^-14", "2^-16", "15300nJ", "2^-14 shown=exact", "2^-18")


def random_wave(rng, top_w):
    high = rng.uniform(0.1, 1) * top_w
    low = rng.choice((0, rng.uniform(0, 1) * high))
    period = rng.choice((2, 5, 17, 50, 200, 900, 3000))
    high, low = round(high, 3), round(low, 3)
    return rng.choice((
        f"const:{high}W",
        f"square:{low}W,{high}W,{period}ms,{rng.choice((3, 10, 50, 90))}%",
        f"triangle:{low}W,{high}W,{period}ms",
        f"ramp:{low}W,{high}W,{period}ms",
        f"steps:{low}W@{period}ms,{high}W@{1 + period // 7}ms",
    ))


def random_zone(rng, path, name, top_w, inside=""):
    limit = rng.choice((f" limit=long_term,{top_w}W,{top_w}W,1ms", ""))
    start = rng.choice((f" start=-{rng.randrange(1, 10**6)}",
                        f" start={rng.randrange(2**32)}"))
    unit = rng.choice(RANDOM_UNITS)
    return (f"zone path={path} name={name}{inside} unit={unit}{start} "
            f"wave=const:0.5W+{random_wave(rng, top_w)}{limit}\n")


def random_layout(rng):
    """Powers stay below what the zones declare or a reader may assume."""
    text = "layout random\n"
    psys = rng.random() < 0.5
    inside = " in=intel-rapl:9" if psys else ""
    if psys:
        text += random_zone(rng, "intel-rapl:9", "psys", 1500)
    for socket in range(rng.randint(1, 3)):
        path = f"intel-rapl:{socket}"
        text += random_zone(rng, path, f"package-{socket}", 400, inside)
        if rng.random() < 0.5:
            text += random_zone(rng, f"{path}:0", "core", 200, f" in={path}")
        if rng.random() < 0.5:
            text += random_zone(rng, f"{path}:1", "dram", 60, inside)
    return text


def random_scenarios(count, seed):
    """Short runs at random phases."""
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        yield Scenario(
            f"random {seed}/{number}", "random zones, waves, units, phases",
            random_layout(rng), round(rng.uniform(0.05, 2), 3),
        )
