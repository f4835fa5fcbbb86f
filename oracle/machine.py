# SPDX-License-Identifier: Apache-2.0
"""The machine of a journal: its true energy at any instant, and what every
read should have been served.

Loads burn energy and know their whole history, so the truth can be asked for
any instant.  Counters are replayed line by line, since what a read was served
depends on the order of reads and events within one update of the counter.
"""

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction

from gauges import make_gauges
from journal import JournalError, read_lines
from waves import Wave

FJ_PER_J = 10**15


class Load:
    """Energy of one wave after another."""

    def __init__(self, wave, start_ns):
        self.times = [start_ns]
        self.segments = [(0, wave)]  # energy before, wave since

    def energy_fj(self, at_ns):
        index = bisect_right(self.times, at_ns) - 1
        if index < 0:
            return 0
        base, wave = self.segments[index]
        return base + wave.energy_fj(at_ns - self.times[index])

    def change(self, wave, from_ns):
        base = self.energy_fj(from_ns)
        if from_ns == self.times[-1]:
            self.segments[-1] = (base, wave)
        else:
            self.times.append(from_ns)
            self.segments.append((base, wave))

    @property
    def max_uw(self):
        return max(wave.max_uw for _, wave in self.segments)


class Counter:
    """Counts of energy, without wrapping, as of the line being replayed."""

    def __init__(self, unit, start):
        self.unit = Fraction(*unit)  # counts per femtojoule
        self.origin_fj = 0
        self.origin_count = start
        self.stopped = False

    def at(self, energy_fj):
        if self.stopped:
            return self.origin_count
        fresh = (energy_fj - self.origin_fj) * self.unit.numerator
        return self.origin_count + fresh // self.unit.denominator

    def set(self, energy_fj, count):
        self.origin_fj = energy_fj
        self.origin_count = count


@dataclass
class Read:
    """One line of the journal about an energy_uj."""

    line: int
    t_ns: int
    errno: int
    text: str | None
    count: int | None = None  # in the register
    faked: bool = False  # the text is a fault, not the count
    unwrapped: int | None = None  # as the oracle says, not the lab
    epoch: int = 0  # rises when the counter jumps, is reset or stands still


class Zone:
    def __init__(self, description, start_ns):
        self.path = description["path"]
        self.name = description["name"]
        self.parent = description["sysfs_parent"]
        self.inside = description["in"]
        self.mirror = description["mirror"]
        self.unit = description["unit"]
        self.shown = description["shown"]
        self.modulus = description["modulus"]
        declared = [uw for uw in description["limits_max_uw"] if uw]
        self.declared_max_uw = max(declared, default=None)
        self.load = Load(Wave(description["wave"]), start_ns)
        self.counter = Counter(self.unit, description["start"])
        self.held = None
        self.unplugged = False
        self.epoch = 0
        self.faults = {}  # of energy_uj: errno, text
        self.reads = []
        self.unplug_lines = []  # numbers of the lines that took it away
        self.origin = self  # whose counter it shows
        self.members = []  # zones whose loads it counts

    def joules(self, counts):
        """Energy of a number of counts."""
        return Fraction(counts * self.unit[1], self.unit[0] * FJ_PER_J)

    def shown_uj(self, count):
        return count * self.shown[0] // self.shown[1]


class Port(Zone):
    """One register of one CPU that holds a zone's counter: a mirror, whose
    reads are of the count itself and whose faults are the CPU's."""

    def __init__(self, zone, cpu, register):
        vars(self).update(vars(zone))
        self.path = f"{cpu}:{register:#x}"
        self.parent = self.inside = self.held = None
        self.mirror = zone.path
        self.origin = zone
        self.shown = (1, 1)
        self.faults = {}
        self.reads = []
        self.unplug_lines = []


class Machine:
    """Everything that a journal says, checked while it is read."""

    def __init__(self, stream):
        self.zones = {}
        self.meter = None
        self.meter_faults = {}
        self.registers = {}  # of constant value, on every CPU
        self.cpu_faults = {}  # CPU -> errno, text, unplugged
        self.gauges = {}  # device -> temperature or frequency
        self.register_reads = self.gauge_reads = 0
        self.errors = []  # texts: where the lab contradicts the truth
        self.power_reads = 0
        self.last_ns = 0
        lines = read_lines(stream)
        number, first = next(lines, (0, {}))
        if first.get("event") != "start" or first.get("format") != 1:
            raise JournalError("the first line is no start of format 1")
        self._start(first)
        for number, line in lines:
            self.last_ns = line["t_ns"]
            if "event" in line:
                self._event(number, line)
            elif line["zone"] == "hwmon0":
                self._power(number, line)
            elif line["zone"] in self.gauges:
                self._gauge(number, line)
            elif line["zone"] in self.cpu_faults:
                self._register(number, line)
            else:
                self._read(number, line)

    # What it is made of

    def _start(self, first):
        self.layout = first["layout"]
        self.start_ns = first["start_ns"]
        self.grid_ns = first["grid_ns"]
        for description in first["zones"]:
            zone = Zone(description, self.start_ns)
            self.zones[zone.path] = zone
        for zone in self.zones.values():
            if zone.mirror:
                zone.origin = self.zones[zone.mirror]
                continue
            at = zone
            while at:
                at.members.append(zone)
                at = self.zones.get(at.inside)
        self._start_cpus(first)
        for zone in self.zones.values():
            zone.members = zone.origin.members
        self.gauges = make_gauges(first)
        if "meter" in first:
            self.meter = first["meter"]
            self.rest = Load(Wave(self.meter["rest"]), self.start_ns)

    def _start_cpus(self, first):
        cpus = first.get("cpus", {"count": 0, "packages": 1, "registers": []})
        each = cpus["count"] // cpus["packages"]
        self.registers = dict(cpus["registers"])
        self.cpu_faults = {f"cpu{n}": {} for n in range(cpus["count"])}
        for description in first["zones"]:
            if "msr" not in description:
                continue
            register, package = description["msr"]
            for n in range(package * each, (package + 1) * each):
                port = Port(self.zones[description["path"]], f"cpu{n}",
                            register)
                self.zones[port.path] = port

    def zone(self, path):
        try:
            return self.zones[path]
        except KeyError:
            raise JournalError(f"no zone {path} in this journal") from None

    def ports(self):
        """The registers that hold a zone's counter, on each CPU."""
        return [z for z in self.zones.values() if isinstance(z, Port)]

    def contains(self, outer, inner):
        """Whether inner's joules are part of outer's (or are the same)."""
        return self.zone(inner).origin in self.zone(outer).members

    # The truth at any instant

    def energy_fj(self, path, at_ns):
        """True energy of a zone, with all inside it, since the start."""
        return sum(m.load.energy_fj(at_ns) for m in self.zone(path).members)

    def node_fj(self, at_ns):
        loads = [zone.load for zone in self.zones.values() if not zone.mirror]
        loads += [self.rest] if self.meter else []
        return sum(load.energy_fj(at_ns) for load in loads)

    def true_joules(self, path, from_ns, to_ns):
        """True energy between two instants; path "node" is the whole."""
        energy = self.node_fj if path == "node" else None
        if energy is None:
            return Fraction(
                self.energy_fj(path, to_ns) - self.energy_fj(path, from_ns),
                FJ_PER_J,
            )
        return Fraction(energy(to_ns) - energy(from_ns), FJ_PER_J)

    def max_uw(self, path):
        """The highest power that the zone's waves could reach so far."""
        return sum(m.load.max_uw for m in self.zone(path).members)

    # What was served

    def good_reads(self, path):
        """Those that showed a count."""
        return [
            read
            for read in self.zone(path).reads
            if not read.errno and not read.faked
        ]

    def counts_between(self, path, first, last):
        """Counts served between two reads of one epoch."""
        if first.epoch != last.epoch:
            raise JournalError(
                f"{path}: the counter was disturbed between lines "
                f"{first.line} and {last.line}"
            )
        return last.unwrapped - first.unwrapped

    def wraps_between(self, path, from_ns, to_ns):
        """How often the register of an undisturbed counter went round between
        the reads in that time."""
        reads = [r for r in self.good_reads(path) if from_ns <= r.t_ns <= to_ns]
        modulus = self.zone(path).modulus
        return sum(
            b.unwrapped // modulus - a.unwrapped // modulus
            for a, b in zip(reads, reads[1:])
            if a.epoch == b.epoch
        )

    def wrap_is_uncertain(self, path, first, last, max_uw=None):
        """Whether the counter could have gone round unseen between two
        consecutive reads: at max_uw (default: what the zone declares, else the
        most its waves could do)."""
        zone = self.zone(path)
        if max_uw is None:
            max_uw = zone.declared_max_uw or self.max_uw(path)
        most = Fraction((last.t_ns - first.t_ns) * max_uw, FJ_PER_J)
        return most >= zone.joules(zone.modulus)

    # Replay

    def _grid(self, at_ns):
        at_ns = max(at_ns, self.start_ns)
        return at_ns - (at_ns - self.start_ns) % self.grid_ns

    def _count(self, zone, at_ns):
        origin = zone.origin
        return origin.counter.at(self.energy_fj(origin.path, at_ns))

    def _is_plugged(self, zone):
        while zone:
            if zone.unplugged:
                return False
            zone = self.zones.get(zone.parent)
        return True

    def _wrong(self, number, what, got, want):
        self.errors.append(f"line {number}: {what}: got {got} want {want}")

    def _read(self, number, line):
        zone = self.zone(line["zone"])
        read = Read(number, line["t_ns"], line["errno"], line["text"])
        read.epoch = zone.epoch + zone.origin.epoch
        zone.reads.append(read)
        want_errno = zone.faults.get("errno", 0)
        if not self._is_plugged(zone):
            want_errno = 19  # ENODEV
        if read.errno != want_errno:
            self._wrong(number, "errno", read.errno, want_errno)
        if read.errno:
            return
        unwrapped = zone.held
        if unwrapped is None:
            unwrapped = self._count(zone, self._grid(read.t_ns))
        read.unwrapped = unwrapped
        read.count = unwrapped % zone.modulus
        if line["unwrapped"] != unwrapped:
            self._wrong(number, "unwrapped", line["unwrapped"], unwrapped)
        if line["count"] != read.count:
            self._wrong(number, "count", line["count"], read.count)
        text = zone.faults.get("text")
        read.faked = text is not None
        if text is None:
            text = f"{zone.shown_uj(read.count)}\n"
        if read.text != text:
            self._wrong(number, "text", read.text, text)

    def _register(self, number, line):
        self.register_reads += 1
        faults = self.cpu_faults[line["zone"]]
        port = self.zones.get(f"{line['zone']}:{line['register']:#x}")
        want = 0
        if port is None and line["register"] not in self.registers:
            want = 5  # EIO
        want = faults.get("errno") or want
        if faults.get("unplugged"):
            want = 19  # ENODEV
        # A size that is no register's is the reader's fault (EINVAL).
        if line["errno"] not in (want, 22):
            self._wrong(number, "errno", line["errno"], want)
        if port is not None:
            self._port(number, line, port, faults)
        elif not line["errno"] and line["text"] != faults.get("text"):
            self._wrong(number, "text", line["text"], faults.get("text"))
        elif not line["errno"] and line["text"] is None:
            value = self.registers.get(line["register"])
            if line["count"] != value:
                self._wrong(number, "register", line["count"], value)

    def _port(self, number, line, port, faults):
        read = Read(number, line["t_ns"], line["errno"], line["text"])
        read.epoch = port.origin.epoch
        read.faked = line["text"] is not None
        port.reads.append(read)
        if read.errno:
            return
        if read.text != faults.get("text"):
            self._wrong(number, "text", read.text, faults.get("text"))
        if read.faked:
            return
        read.unwrapped = self._count(port, self._grid(read.t_ns))
        read.count = read.unwrapped % port.modulus
        if (line["count"], line["unwrapped"]) != (read.count, read.unwrapped):
            self._wrong(number, "register", line["unwrapped"], read.unwrapped)

    def step_uw(self, path, at_ns):
        """Mean power over the step of the grid that an instant lies in."""
        begin = self._grid(at_ns)
        energy = self.energy_fj(path, begin + self.grid_ns)
        return (energy - self.energy_fj(path, begin)) // self.grid_ns

    def _gauge(self, number, line):
        self.gauge_reads += 1
        gauge = self.gauges[line["zone"]]
        want = gauge.errno()
        if line["errno"] != want:
            self._wrong(number, "errno", line["errno"], want)
        if line["errno"]:
            return
        text = gauge.text(self.step_uw(gauge.zone, line["t_ns"]))
        if line["text"] != text:
            self._wrong(number, line["zone"], line["text"], text)

    def _power(self, number, line):
        self.power_reads += 1
        want_errno = self.meter_faults.get("errno", 0)
        if self.meter_faults.get("unplugged"):
            want_errno = 19  # ENODEV
        interval = self.meter["interval_ns"]
        last = (
            line["t_ns"] - self.meter["lag_ns"] - self.start_ns
        ) // interval
        if last < 1 and not want_errno:
            want_errno = 61  # ENODATA
        if line["errno"] != want_errno:
            self._wrong(number, "errno", line["errno"], want_errno)
        if line["errno"]:
            return
        end_ns = self.start_ns + last * interval
        energy = self.node_fj(end_ns) - self.node_fj(end_ns - interval)
        text = self.meter_faults.get("text")
        if text is None:
            text = f"{energy // interval}\n"
        if line["text"] != text:
            self._wrong(number, "power", line["text"], text)

    def _event(self, number, line):
        handler = getattr(self, "_on_" + line["event"], None)
        if handler is None:
            raise JournalError(f"line {number}: event {line['event']!r}")
        handler({**line, "number": number})

    def _on_wave(self, line):
        load = (
            self.rest
            if line["zone"] == "rest"
            else self.zone(line["zone"]).load
        )
        load.change(Wave(line["wave"]), line["from_ns"])

    def _on_freeze(self, line):
        if line["zone"] in self.gauges:
            gauge = self.gauges[line["zone"]]
            gauge.hold(self.step_uw(gauge.zone, line["from_ns"]))
            return
        zone = self.zone(line["zone"])
        count = self._count(zone, line["from_ns"])
        if line["how"] == "hold":
            if zone.held is None:
                zone.held = count
                zone.epoch += 1
            return
        counter = zone.origin.counter
        counter.set(self.energy_fj(zone.path, line["from_ns"]), count)
        counter.stopped = True
        zone.origin.epoch += 1

    def _on_thaw(self, line):
        if line["zone"] in self.gauges:
            self.gauges[line["zone"]].thaw()
            return
        zone = self.zone(line["zone"])
        if zone.held is not None:
            zone.held = None
            zone.epoch += 1
        counter = zone.origin.counter
        if counter.stopped:
            counter.stopped = False
            counter.origin_fj = self.energy_fj(zone.path, line["from_ns"])
            zone.origin.epoch += 1

    def _on_reset(self, line):
        zone = self.zone(line["zone"])
        zone.origin.counter.set(
            self.energy_fj(zone.path, line["from_ns"]), 0
        )
        zone.origin.epoch += 1

    def _on_jump(self, line):
        zone = self.zone(line["zone"])
        zone.origin.counter.origin_count += line["counts"]
        zone.origin.epoch += 1

    def _device_faults(self, name):
        """The faults of what is no zone, or None."""
        if name == "hwmon0":
            return self.meter_faults
        if name in self.gauges:
            return self.gauges[name].faults
        return self.cpu_faults.get(name)

    def _on_unplug(self, line):
        faults = self._device_faults(line["zone"])
        if faults is not None:
            faults["unplugged"] = True
            for zone in self.zones.values():
                if zone.path.startswith(line["zone"] + ":"):
                    zone.unplug_lines.append(line["number"])
            return
        self.zone(line["zone"]).unplugged = True
        for zone in self.zones.values():
            if not self._is_plugged(zone):
                zone.unplug_lines.append(line["number"])

    def _on_plug(self, line):
        faults = self._device_faults(line["zone"])
        if faults is not None:
            faults["unplugged"] = False
            return
        self.zone(line["zone"]).unplugged = False
        if line["reset"]:
            self._on_reset(line)

    def _set_fault(self, line, key, value):
        faults = self._device_faults(line["zone"])
        files = (None, "energy_uj")
        if faults is None:
            faults = self.zone(line["zone"]).faults
        elif line["zone"] in self.gauges:
            files = (None, self.gauges[line["zone"]].file)
        else:
            files = (None, "power1_average", "msr")
        if line.get("file") in files:
            faults[key] = value

    def _on_errno(self, line):
        self._set_fault(line, "errno", line["errno"])

    def _on_text(self, line):
        self._set_fault(line, "text", line["text"])

    def _on_nothing(self, line):
        """Changes nothing that is true or served."""

    _on_delay = _on_mode = _on_mark = _on_sync = _on_stop = _on_nothing
