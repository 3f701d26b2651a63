"""Temperatures, fans and the processors' power, where the machine has sensors and its system lets us read them.

psutil knows temperatures and fans on Linux (and FreeBSD) alone; the processors' energy counters are Linux' powercap,
which root alone may read. Elsewhere these columns are absent. Next: `servertwin.log.sampler`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from servertwin.log.groups import Values
from servertwin.log.probe import Probe

POWERCAP: Final = Path("/sys/class/powercap")
# Chips that report the processor's temperature, by Linux' names, the best one first.
_CPU_CHIPS: Final = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "acpitz")
_PACKAGE: Final = re.compile(r"intel-rapl:\d+")
# A machine without sensors grows none: ask again only now and then (reads).
_ASK_AGAIN: Final = 300


class Sensors:
    """What can be felt of the machine's heat."""

    def __init__(self, probe: Probe, powercap: Path = POWERCAP) -> None:
        self._probe = probe
        self._packages = _packages(powercap)
        self._energy: dict[Path, int] = {}
        self._at: float | None = None
        self._asked = 0
        self._has: dict[str, bool] = {}

    def read(self, now: float) -> Values:
        again = self._asked % _ASK_AGAIN == 0
        self._asked += 1
        values: Values = {}
        if again or self._has["temperatures"]:
            temperatures = self._temperatures()
            self._has["temperatures"] = bool(temperatures)
            values |= temperatures
        if again or self._has["fans"]:
            fans = self._fans()
            self._has["fans"] = bool(fans)
            values |= fans
        values |= self._power(now)
        return values

    def more(self) -> Sequence[str]:
        return ()

    def _temperatures(self) -> Values:
        chips = self._probe.ask("sensors_temperatures") or {}
        values: Values = {}
        for chip, entries in chips.items():
            for number, entry in enumerate(entries):
                # A sensor that is not wired reads 0, or -128, or 255.
                if entry.current is not None and -40.0 <= entry.current <= 150.0 and entry.current != 0:
                    values[f"thermal/{_name(chip, entry.label, number)}"] = round(float(entry.current), 2)
        for chip in _CPU_CHIPS:
            found = [e.current for e in chips.get(chip, []) if e.current and -40.0 <= e.current <= 150.0]
            if found:
                values["thermal/cpuTemperature"] = round(float(max(found)), 2)
                break
        return values

    def _fans(self) -> Values:
        chips = self._probe.ask("sensors_fans") or {}
        values: Values = {}
        for chip, entries in chips.items():
            for number, entry in enumerate(entries):
                if entry.current:
                    values[f"fans/{_name(chip, entry.label, number)}"] = float(entry.current)
        if values:
            speeds = [float(value) for value in values.values()]
            values["fans/fanSpeed"] = round(sum(speeds) / len(speeds), 1)
        return values

    def _power(self, now: float) -> Values:
        energy: dict[Path, int] = {}
        for package in self._packages:
            try:
                energy[package] = int((package / "energy_uj").read_text())
            except (OSError, ValueError):
                # Without the right to read it, it is not there.
                self._packages = [each for each in self._packages if each != package]
        before, self._energy = self._energy, energy
        at, self._at = self._at, now
        # The counters wrap within the hour: such a second has no value.
        grown = [energy[package] - before[package] for package in energy if package in before]
        if not grown or at is None or now <= at or min(grown) < 0:
            return {}
        return {"power/package": round(sum(grown) / 1e6 / (now - at), 2)}


def _packages(powercap: Path) -> list[Path]:
    try:
        return sorted(path for path in powercap.iterdir() if _PACKAGE.fullmatch(path.name))
    except OSError:
        return []


def _name(chip: str, label: str, number: int) -> str:
    text = f"{chip}.{label}" if label else f"{chip}.{number}"
    return re.sub(r"[^A-Za-z0-9.]+", "_", text).strip("_")
