"""Where a site's history is: which InfluxDB bucket holds which time at which resolution. Pure.

Three buckets hold a site's readings: ``<site>`` what came, ``<site>_1m`` and ``<site>_15m`` what InfluxDB's tasks make
of it (see ``historian.retention``). A thinned field keeps its name for the mean, with ``<field>_min`` and
``<field>_max`` beside it, at the beginning of its span; ``seq`` and ``quality`` are in ``<site>`` alone. Whoever reads
history (training, replay, dashboards) asks :func:`spans` and reads each span from the bucket it names.

A fourth, ``<site>_log``, holds what happened and is not thinned: alerts that began and ended, commands, what people
did, experiments on servers. An alert that is open for weeks must not be over because its begin has expired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from racktwin.names import check_site

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Thinned:
    """A thinned resolution: one point per ``cell_s``, made every ``every_s`` and there ``delay_s`` later."""

    suffix: str
    cell_s: int
    every_s: int
    offset_s: int
    # What a run may take, beyond its offset, before its points can be counted on.
    takes_s: int

    @property
    def delay_s(self) -> int:
        """Seconds after a run's time until its points are there."""
        return self.offset_s + self.takes_s


MINUTE: Final = Thinned("_1m", 60, 3600, 300, 300)
QUARTER: Final = Thinned("_15m", 900, 6 * 3600, 1200, 600)


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that each resolution and the log are kept, 0 for ever; `late_s`: how late a value may come and still be
    thinned."""

    full_days: int = 7
    minute_days: int = 90
    quarter_days: int = 5 * 365
    log_days: int = 5 * 365
    late_s: int = 240

    def of_site(self, attributes: Mapping[str, Any]) -> Retention:
        """This, with what a site's thing says instead (``attributes.history``: fullDays, minuteDays, quarterDays,
        logDays)."""
        said = attributes.get("history")
        if not isinstance(said, Mapping):
            return self

        def days(name: str, default: int) -> int:
            value = said.get(name)
            return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default

        return Retention(
            days("fullDays", self.full_days),
            days("minuteDays", self.minute_days),
            days("quarterDays", self.quarter_days),
            days("logDays", self.log_days),
            self.late_s,
        )


def log_bucket(site: str) -> str:
    """The bucket of what happened at a site."""
    return f"{site}_log"


@dataclass(frozen=True, slots=True)
class Span:
    """A time, [`start_ms`, `end_ms`) in epoch ms, and the bucket to read it from; `cell_s` 0: points as they came."""

    bucket: str
    start_ms: int
    end_ms: int
    cell_s: int


def spans(
    site: str, start_ms: int, end_ms: int, *, resolution_s: float, now_ms: int, keep: Retention | None = None
) -> list[Span]:
    """Which buckets to read [`start_ms`, `end_ms`) from at time `now_ms` (all epoch ms), in order of time.

    Each moment is read from the coarsest bucket that is no coarser than `resolution_s`, or, where that is no longer
    kept, from the finest that is. What is thinned later than now is read as it came; what nobody keeps is left out.

    Raises:
        ValueError: the site's name is none, or the range ends before it begins.
    """
    check_site(site)
    if end_ms < start_ms:
        raise ValueError(f"end {end_ms}: expected at least the start, {start_ms} (epoch ms)")
    keep = keep or Retention()
    # Finest first: bucket, cell, kept since, complete until.
    held = [(site, 0, _since(keep.full_days, now_ms), max(end_ms, now_ms))]
    for thinned, days in ((MINUTE, keep.minute_days), (QUARTER, keep.quarter_days)):
        held.append((f"{site}{thinned.suffix}", thinned.cell_s, _since(days, now_ms), thinned_until(thinned, now_ms)))
    # Cuts between two resolutions lie at the beginning of a thinned cell, or a cell would be read in part.
    cuts = {_up(edge, QUARTER.cell_s) for _, _, since, until in held for edge in (since, until)}
    edges = sorted({start_ms, end_ms, *(cut for cut in cuts if start_ms < cut < end_ms)})
    found: list[Span] = []
    for begin, end in pairwise(edges):
        there = [each for each in held if each[2] <= begin and end <= each[3]]
        if not there:
            continue
        wanted = [each for each in there if each[1] <= resolution_s]
        bucket, cell, _, _ = wanted[-1] if wanted else there[0]
        if found and found[-1].bucket == bucket and found[-1].end_ms == begin:
            found[-1] = Span(bucket, found[-1].start_ms, end, cell)
        else:
            found.append(Span(bucket, begin, end, cell))
    return found


def thinned_until(thinned: Thinned, now_ms: int) -> int:
    """Up to when (epoch ms) a thinned bucket is complete: the time of the last run that is over for certain."""
    return (now_ms // 1000 - thinned.delay_s) // thinned.every_s * thinned.every_s * 1000


def _since(days: int, now_ms: int) -> int:
    return now_ms - days * _DAY_S * 1000 if days else -(2**62)


def _up(edge_ms: int, cell_s: int) -> int:
    """An edge moved to the beginning of the next cell."""
    return -(-edge_ms // (cell_s * 1000)) * cell_s * 1000
