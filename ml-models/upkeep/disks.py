"""Disks of a site out of InfluxDB, and what `models.disk_wear` says of them: the same as `racktwin detect` on files.

A disk is its serial number: one that changed its name is still itself, and one that came into another's place has no
past there. A number that several disks tell at once, as some adapters and virtual disks do, is nobody's. A disk that
has said nothing for a day is gone. Looking costs more than for other things (a dozen series a disk), so no more than a
share of the time is spent on it. Next: `upkeep.work`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.disk_wear import ATTRIBUTES, Record, judge
from models.influx import Row, disk_cells
from models.wear import Finding
from upkeep.series import Reader, Thing

COARSE_S: Final = 6 * 3600
FINE_S: Final = 600
FINE_SPAN_S: Final = 3 * 3600
GONE_H: Final = 24.0
_REST: Final = 20.0
_HOUR_MS: Final = 3_600_000
_NUMBERS: Final = (*ATTRIBUTES, "powerOnHours", "availableSpare", "availableSpareThreshold", "criticalWarning")
FIELDS: Final = (*_NUMBERS, "serial", "health")

# Time of a cell (epoch ms) -> field -> text.
_Cells = dict[int, dict[str, str]]


@dataclass
class Looked:
    """What was seen of a site's disks: the servers that have some, and the worst finding of each that has one."""

    servers: dict[str, Thing] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)


class Disks:
    """Looks at disks when it is time, and else says what it saw last."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, tuple[float, Looked]] = {}

    def look(self, reader: Reader, site: str, now_ms: int, history_hours: float, calm_hour: int) -> Looked:
        """What is to be said of a site's disks now.

        Raises:
            InfluxError: InfluxDB cannot be reached or refuses.
        """
        began = self._monotonic()
        again, seen = self._seen.get(site, (began, Looked()))
        if began < again:
            return seen
        now_s = now_ms // 1000
        fine = now_s - FINE_SPAN_S
        rows = [
            *reader.query(
                disk_cells(site, FIELDS, begin=now_s - round(history_hours * 3600), end=fine, every=COARSE_S)
            ),
            *reader.query(disk_cells(site, FIELDS, begin=fine, end=now_s, every=FINE_S)),
        ]
        seen = judged(rows, now_ms, calm_hour)
        ended = self._monotonic()
        self._seen[site] = (ended + _REST * (ended - began), seen)
        return seen


def judged(rows: Iterable[Row], now_ms: int, calm_hour: int) -> Looked:
    """What rows of `disk_cells` say of each server's disks. Pure."""
    looked = Looked()
    by_server: dict[str, dict[str, _Cells]] = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    for row in rows:
        looked.servers.setdefault(row.thing, Thing("server", row.room or None, row.row or None))
        by_server[row.thing][row.disk][row.at_ms][row.field] = row.value
    for server, disks in by_server.items():
        named = {name: _serials(cells) for name, cells in disks.items()}
        found = []
        for name, cells in disks.items():
            if now_ms - max(cells) > GONE_H * _HOUR_MS:
                continue
            record, serial = _record(name, disks, named)
            finding = judge(record, server, f"disk {name}", calm_hour=calm_hour)
            if finding is not None:
                finding.evidence["disk"] = name
                if serial:
                    finding.evidence["serial"] = serial
                found.append(finding)
        if found:
            looked.findings[server] = max(found, key=lambda one: (one.state == "due", one.score))
    return looked


def _serials(cells: _Cells) -> dict[int, str]:
    """The serial number at each cell: the one that was told last, or first of all."""
    serial = next((cells[at]["serial"] for at in sorted(cells) if cells[at].get("serial")), "")
    serials = {}
    for at in sorted(cells):
        serials[at] = serial = cells[at].get("serial") or serial
    return serials


def _record(name: str, disks: dict[str, _Cells], named: dict[str, dict[int, str]]) -> tuple[Record, str]:
    """What is known of the disk that has this name now, under whatever name; and its serial number."""
    own = disks[name]
    serial = named[name][max(own)]
    cells = {at: values for at, values in own.items() if not serial or named[name][at] == serial}
    for other, one in disks.items() if serial else ():
        there = {at: values for at, values in one.items() if other != name and named[other][at] == serial}
        # It changes its name within one cell: in more than one, those are two.
        if len(there.keys() & cells.keys()) <= 1:
            cells = there | cells
    times = sorted(cells)
    values = {}
    for key in _NUMBERS:
        series = np.array([_number(cells[at].get(key)) for at in times], dtype=float)
        if np.isfinite(series).any():
            values[key] = series
    failed = next((cells[at]["health"] == "failed" for at in reversed(times) if "health" in cells[at]), False)
    return Record(np.array(times, dtype=float) / _HOUR_MS, values, failed=failed), serial


def _number(text: str | None) -> float:
    try:
        return float(text) if text else np.nan
    except ValueError:
        return np.nan
