"""Readings as SenML packs (RFC 8428), one device each, none larger than Hono takes. Pure.

A record ``seq`` numbers the packs of a thing, so that the historian sees what is missing. Next: `collector.store`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from collector.model import Reading
from racktwin.catalogue import feature_of
from racktwin.names import kind_of
from racktwin.senml import encode

# SenML's own spelling where it differs from UCUM (RFC 8428 §12.1).
_SENML_UNITS: Final = {"relativeHumidity": "%RH", "supplyHumidity": "%RH"}
# The number's record and the brackets.
_AROUND: Final = 64


class Numbers:
    """Sequence numbers by thing. They begin at 1 with the process, which the historian takes for the restart it is."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def next(self, thing: str) -> int:
        """The thing's next number."""
        number = self._last.get(thing, 0) + 1
        self._last[thing] = number
        return number


def packs(readings: Iterable[Reading], numbers: Numbers, max_bytes: int) -> Iterator[tuple[str, bytes, int]]:
    """Messages as (thing, payload, number of readings); readings of one time stay together where they fit."""
    by_thing: dict[str, dict[int, list[Reading]]] = {}
    for reading in readings:
        by_thing.setdefault(reading.thing, {}).setdefault(reading.time, []).append(reading)
    for thing, times in by_thing.items():
        kind = kind_of(thing)
        for time in sorted(times):
            records: list[dict[str, Any]] = []
            size = _AROUND
            for reading in times[time]:
                record = _record(kind, reading)
                length = len(encode([record]))
                if records and size + length > max_bytes:
                    yield _pack(thing, time, records, numbers)
                    records, size = [], _AROUND
                records.append(record)
                size += length
            yield _pack(thing, time, records, numbers)


def _pack(thing: str, time: int, records: list[dict[str, Any]], numbers: Numbers) -> tuple[str, bytes, int]:
    whole = [{"bt": time / 1000, **records[0]}, *records[1:], {"n": "seq", "v": numbers.next(thing)}]
    return thing, encode(whole), len(records)


def _record(kind: str, reading: Reading) -> dict[str, Any]:
    feature = feature_of(kind, reading.feature)
    unit = _SENML_UNITS.get(reading.property)
    if unit is None and feature is not None:
        unit = feature.by_name[reading.property].unit
    label = "vs" if isinstance(reading.value, str) else "v"
    record: dict[str, Any] = {"n": f"{reading.feature}/{reading.property}", label: reading.value}
    return record if unit is None else {**record, "u": unit}
