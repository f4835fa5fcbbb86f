# SPDX-License-Identifier: Apache-2.0
"""Temperatures and frequencies of the lab, from the power of a zone.

The power is that of the step of the grid in which a read happens.  Each gauge
knows its law and its faults; a temperature's two faces (hwmon and thermal zone)
share what is held.
"""

ENODEV = 19


class Temperature:
    """ambient + rise x power, in thousandths of a degree."""

    def __init__(self, description):
        self.zone = description["of"]
        self.ambient = description["ambient_mdegc"]
        self.rise = description["rise_mdegc"]
        self.held = None

    def value(self, power_uw):
        return self.ambient + power_uw * self.rise // 10**6


class Frequency:
    """From min at no power to max at full power, in kHz."""

    def __init__(self, description):
        self.zone = description["of"]
        self.low = description["min_khz"]
        self.high = description["max_khz"]
        self.full = description["full_uw"]
        self.held = None

    def value(self, power_uw):
        return self.low + (self.high - self.low) * min(
            power_uw, self.full
        ) // self.full


class Gauge:
    """One file that shows a law."""

    def __init__(self, law, file):
        self.law = law
        self.file = file
        self.faults = {}

    @property
    def zone(self):
        return self.law.zone

    def errno(self):
        if self.faults.get("unplugged"):
            return ENODEV
        return self.faults.get("errno", 0)

    def text(self, power_uw):
        if self.faults.get("text") is not None:
            return self.faults["text"]
        value = self.law.held
        if value is None:
            value = self.law.value(power_uw)
        return f"{value}\n"

    def hold(self, power_uw):
        if self.law.held is None:
            self.law.held = self.law.value(power_uw)

    def thaw(self):
        self.law.held = None


def make_gauges(first):
    """Device name -> Gauge, from the first line of a journal."""
    gauges = {}
    thermal = 0
    for number, description in enumerate(first.get("temperatures", []), 1):
        law = Temperature(description)
        gauges[f"hwmon{number}"] = Gauge(law, "temp1_input")
        if description["thermal"]:
            gauges[f"thermal_zone{thermal}"] = Gauge(law, "temp")
            thermal += 1
    for description in first.get("policies", []):
        law = Frequency(description)
        gauges[f"policy{description['first']}"] = Gauge(law, "scaling_cur_freq")
    return gauges
