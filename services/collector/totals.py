"""A rack's power is the sum of its feeds', where feeds are what is metered. Pure.

A total is made when every feed that the configuration knows of the rack has reported lately; with one of them silent
there is none, because half a rack's power is no rack's power.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from collector.model import Reading

_SUMMED: Final = {"powerA": "power", "powerB": "power"}


class Totals:
    """Latest values per thing. ``fresh_ms``: how far two feeds' times may be apart."""

    def __init__(self, expected: Iterable[tuple[str, str]], fresh_ms: int = 5000) -> None:
        """``expected``: (thing, property) of every feed that is configured; things that report ``power`` themselves
        must not be among them."""
        self._fresh_ms = fresh_ms
        self._expected: dict[str, set[str]] = {}
        for thing, name in expected:
            if name in _SUMMED:
                self._expected.setdefault(thing, set()).add(name)
        self._latest: dict[tuple[str, str], Reading] = {}

    def of(self, readings: Sequence[Reading]) -> list[Reading]:
        """Totals that these readings complete, at the time of the newest in them."""
        touched: dict[str, int] = {}
        for reading in readings:
            if reading.feature == "power" and reading.property in self._expected.get(reading.thing, ()):
                self._latest[reading.thing, reading.property] = reading
                touched[reading.thing] = max(reading.time, touched.get(reading.thing, 0))
        totals = []
        for thing, time in touched.items():
            parts = [self._latest.get((thing, name)) for name in sorted(self._expected[thing])]
            if all(part is not None and time - part.time <= self._fresh_ms for part in parts):
                value = sum(float(part.value) for part in parts if part is not None)
                totals.append(Reading(thing, "power", "power", float(f"{value:.10g}"), time))
        return totals
