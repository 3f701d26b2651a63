"""What things did over half a year, as means of a day: read piece by piece, then a day at a time.

Of the site's history the quarters of an hour are kept for years (`racktwin.history`), so a day's mean is a mean of at
most 96 values. Reading half a year of a large site at once would hold InfluxDB for minutes: each look reads the days
that are new and one piece further back, so after some looks all of it is known, and then a look costs one query a
channel a day. Next: `upkeep.work`, which puts the last week's hours beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.influx import cells
from models.maintenance.features import CHANNELS, DAYS, HOURS, Floats, Past
from models.maintenance.serve import past_of
from racktwin.history import QUARTER
from upkeep.series import Reader, Thing

DAY_S: Final = 86_400
_HOUR_MS: Final = 3_600_000
_PIECE_D: Final = 15


@dataclass
class _Site:
    """Means of days [DAYS] by thing and channel, the newest of the day before `end`; known from `begin` on, and read
    up to `read`, which is `end` but for days that could not be read."""

    begin: int
    end: int
    read: int
    means: dict[tuple[str, str], Floats] = field(default_factory=dict)


class LongPast:
    """Remembers days of sites."""

    def __init__(self, days: int = DAYS) -> None:
        self._days = min(days, DAYS)
        self._sites: dict[str, _Site] = {}
        # Why days could not be read the last time that it was tried; empty when they could.
        self.problem = ""

    def look(self, reader: Reader, site: str, now_ms: int) -> None:
        """Read what is new, and a piece of what is not known yet.

        Raises:
            InfluxError: InfluxDB cannot be reached or refuses.
        """
        self.problem = ""
        today = now_ms // 1000 // DAY_S
        known = self._sites.get(site)
        if known is None or today < known.end or today - known.end >= self._days:
            # Nothing known, or a clock that was set.
            known = self._sites[site] = _Site(today, today, today)
        if today > known.end:
            moved = today - known.end
            for key, means in known.means.items():
                known.means[key] = np.concatenate([means[moved:], np.full(min(moved, DAYS), np.nan, dtype=np.float32)])
            known.end = today
        if today > known.read:
            # What is thinned comes late: the newest days are read again.
            self._read(reader, site, known, max(known.read - 2, known.begin), today)
            known.read = today
        oldest = today - self._days
        if known.begin > oldest:
            piece = max(oldest, known.begin - _PIECE_D)
            self._read(reader, site, known, piece, known.begin)
            known.begin = piece
        for key in [key for key, means in known.means.items() if not np.isfinite(means).any()]:
            del known.means[key]

    def days(self, site: str, things: Iterable[str], channel: str) -> Floats:
        """[things, DAYS] of one channel."""
        known = self._sites.get(site)
        nothing = np.full(DAYS, np.nan)
        means = known.means if known is not None else {}
        return np.array([means.get((thing, channel), nothing) for thing in things]).reshape(-1, DAYS)

    def _read(self, reader: Reader, site: str, known: _Site, begin: int, end: int) -> None:
        if begin >= end:
            return
        bucket = f"{site}{QUARTER.suffix}"
        for channel, (kind, feature, name) in CHANNELS.items():
            flux = cells(
                site, (kind,), feature, name, begin=begin * DAY_S, end=end * DAY_S, every=DAY_S, how="mean",
                bucket=bucket,
            )  # fmt: skip
            for row in reader.query(flux):
                at = row.at_ms // 1000 // DAY_S - known.end + DAYS
                value = _number(row.value)
                if 0 <= at < DAYS and value is not None:
                    series = known.means.setdefault((row.thing, channel), np.full(DAYS, np.nan, dtype=np.float32))
                    series[at] = value


def pasts(things: dict[str, Thing], long: LongPast, site: str, end_ms: int) -> dict[str, tuple[list[str], Past]]:
    """By kind: names, and the past of each, from the last week's hours of `things` and the days before."""
    found = {}
    newest = end_ms // _HOUR_MS - 1
    for kind in ("cooling", "server"):
        names = [name for name, thing in things.items() if thing.kind == kind]
        if not names:
            continue
        hours, days = {}, {}
        for channel, (of, feature, name) in CHANNELS.items():
            if of != kind:
                continue
            table = np.full((len(names), HOURS), np.nan)
            for row, thing in enumerate(names):
                for at_ms, value in things[thing].values.get((feature, name), {}).items():
                    column = at_ms // _HOUR_MS - newest + HOURS - 1
                    if 0 <= column < HOURS:
                        table[row, column] = value
            hours[channel], days[channel] = table, long.days(site, names, channel)
        share = (end_ms // _HOUR_MS % 24) / 24.0
        found[kind] = names, past_of(kind, days, hours, end_day=share)
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
