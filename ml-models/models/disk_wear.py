"""Disks by their SMART attributes: which fail soon, how long until they may not be trusted, when to change them. Pure.

What goes before failures is that sectors are reallocated, wait for it or cannot be read, and that errors reach the host
(Pinheiro, Weber, Barroso 2007; Backblaze); for flash also wear and spare. What counts is growth: a disk that lost some
sectors years ago and none since is as good as others. So the remaining useful life is the time until an attribute
reaches the count at which disks are changed, by its rate now, with the 90 % interval of a Poisson process' rate; not
the time until it fails, which nobody knows. Used on files (`training.files.wear`) and on what is recorded now
(`upkeep`). The limits were chosen on simulated fleets (`training.disks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from scipy import stats

from models.wear import LONGEST_H, PLANNED_H, Finding, Floats, window
from racktwin.smart import plausible

# Growth before that is the past.
RECENT_H: Final = 30 * 24.0
# NVMe's warnings that speak of the disk and not of its temperature: spare, reliability, read-only, no backup.
_WARNINGS: Final = 0b11101
_CONFIDENCE: Final = 0.9


@dataclass(frozen=True)
class Attribute:
    """`limit`: the count at which a disk is changed; `least`: growth from which it is told; `wears`: share of a life,
    whose rate is that since the disk was new, and due at the limit though it does not grow; `lasts`: once counted it
    never falls, unless it is another disk; `past`: a record of what happened, which says nothing when it is at rest."""

    limit: float
    least: float
    meaning: str
    wears: bool = False
    lasts: bool = True
    past: bool = False


# By the catalogue's names.
ATTRIBUTES: Final[dict[str, Attribute]] = {
    "pendingSectors": Attribute(8.0, 2.0, "sectors wait to be reallocated", lasts=False),
    "offlineUncorrectable": Attribute(4.0, 2.0, "sectors cannot be read", lasts=False),
    "reportedUncorrectable": Attribute(4.0, 2.0, "errors could not be corrected", past=True),
    "mediaErrors": Attribute(4.0, 2.0, "errors of the medium", past=True),
    "reallocatedSectors": Attribute(50.0, 4.0, "sectors were reallocated"),
    "commandTimeouts": Attribute(100.0, 20.0, "commands timed out", past=True),
    "percentageUsed": Attribute(90.0, 1.0, "% of its rated writes are used up", wears=True),
}
# A bad spot costs many sectors at once and nothing more; so growth counts that was seen on so many days, or is beyond
# the limit by so much that there is no time to wait for the second.
DAYS: Final = 3
BEYOND: Final = 8.0


@dataclass(frozen=True)
class Record:
    """What is recorded of one disk, oldest first: `hours` since the epoch, a series by attribute (NaN where it was not
    told), among them `powerOnHours`, `availableSpare`; and what it says now."""

    hours: Floats
    values: Mapping[str, Floats]
    serials: tuple[str, ...] = ()
    failed: bool = False


@dataclass(frozen=True)
class _Whose:
    thing: str
    part: str
    end_ms: int
    calm_hour: int

    def finding(
        self, state: str, cause: str, score: float, left: tuple[float, float, float] | None, evidence: dict[str, Any]
    ) -> Finding:
        within = 0.0 if state == "due" else None if left is None else left[1]
        expected, soonest, latest = left or (None, None, None)
        when = window(self.end_ms, self.calm_hour, within)
        return Finding(self.thing, self.part, state, cause, score, expected, soonest, latest, evidence, when)


def judge(
    record: Record, thing: str, part: str, *, calm_hour: int, attributes: Mapping[str, Attribute] = ATTRIBUTES
) -> Finding | None:
    """The worst that a disk's attributes say; None where nothing is to be done. `calm_hour`: see `wear.window`."""
    record = of_last_disk(_cleaned(record))
    if not len(record.hours):
        return None
    whose = _Whose(thing, part, round(float(record.hours[-1]) * 3_600_000), calm_hour)
    lasting = _days_of_damage(record) >= DAYS
    found = [
        one
        for key, spec in attributes.items()
        if (one := _attribute(key, spec, record, whose, lasting=lasting)) is not None
    ]
    found += _own_words(record, whose)
    if not found:
        return None
    worst = max(found, key=lambda one: (one.state == "due", one.score))
    others = {str(one.evidence["attribute"]): one.evidence["value"] for one in found if one is not worst}
    return replace(worst, evidence={**worst.evidence, "also": others}) if others else worst


def of_last_disk(record: Record) -> Record:
    """The part of a record that is of the disk that is there now: since its serial number changed, or counters that
    never fall fell."""
    begin, known_as = 0, ""
    for at, serial in enumerate(record.serials):
        if serial and known_as and serial != known_as:
            begin = at
        known_as = serial or known_as
    for key in ("powerOnHours", *(key for key, spec in ATTRIBUTES.items() if spec.lasts)):
        series = record.values.get(key)
        if series is None:
            continue
        known = np.flatnonzero(np.isfinite(series))
        # Less than a tenth less, and an hour: a counter that was rounded, or told late.
        fell = np.flatnonzero(np.diff(series[known]) < -np.maximum(1.0, 0.1 * series[known][:-1]))
        if len(fell):
            begin = max(begin, int(known[fell[-1] + 1]))
    values = {key: series[begin:] for key, series in record.values.items()}
    return replace(record, hours=record.hours[begin:], values=values, serials=record.serials[begin:])


def _cleaned(record: Record) -> Record:
    """Packed raw values unpacked, impossible ones left out."""

    def clean(key: str, series: Floats) -> Floats:
        told = [plausible(key, value) if np.isfinite(value) else None for value in series.tolist()]
        return np.array([np.nan if value is None else value for value in told], dtype=float)

    return replace(record, values={key: clean(key, series) for key, series in record.values.items()})


def _days_of_damage(record: Record) -> int:
    """On how many days lately something new went wrong. A sector that waited and is reallocated is nothing new."""
    recent = record.hours >= record.hours[-1] - RECENT_H
    days: set[int] = set()
    for keys in (("reallocatedSectors", "pendingSectors"), *((key,) for key, spec in ATTRIBUTES.items() if spec.past)):
        # Of a fleet's table a disk may have columns that hold nothing of it.
        told = [series[recent] for key in keys if (series := record.values.get(key)) is not None]
        told = [series for series in told if np.isfinite(series).any()]
        if not told:
            continue
        total = np.sum(told, axis=0)
        known = np.isfinite(total)
        grew = np.flatnonzero(np.diff(total[known]) > 0) + 1
        days.update(int(hour // 24.0) for hour in record.hours[recent][known][grew])
    return len(days)


def _attribute(key: str, spec: Attribute, record: Record, whose: _Whose, *, lasting: bool) -> Finding | None:
    series = record.values.get(key)
    if series is None or not np.isfinite(series).any():
        return None
    recent = np.isfinite(series) & (record.hours >= record.hours[-1] - RECENT_H)
    values, hours = series[recent], record.hours[recent]
    if not len(values) or values[-1] <= 0:
        return None
    now, grown, span = float(values[-1]), float(values[-1] - values[0]), float(hours[-1] - hours[0])
    at_limit = now >= spec.limit
    grows = grown > 0 and (lasting or now >= BEYOND * spec.limit)
    if not spec.wears and not (at_limit and (grows or not spec.past)) and not (grows and grown >= spec.least):
        return None
    events, over = max(grown, 0.0), span
    if spec.wears and (powered := _last(record, "powerOnHours")) is not None:
        # Within weeks a percent seldom passes: the rate is that of its whole life.
        events, over = now, powered
    left = _left(max(0.0, spec.limit - now), events, over)
    if spec.wears and not at_limit and (left is None or left[0] > PLANNED_H):
        return None
    due = at_limit and (grows or spec.wears)
    return whose.finding(
        "due" if due else "planned",
        f"{now:g}{'' if spec.wears else ' '}{spec.meaning}",
        round(min(1.0, 0.5 + 0.3 * min(1.0, now / (4.0 * spec.limit)) + (0.2 if grown > 0 else 0.0)), 4),
        left if due or not at_limit else None,
        {"attribute": key, "value": now, "grown": grown, "hours": round(span, 1), "limit": spec.limit},
    )


def _own_words(record: Record, whose: _Whose) -> list[Finding]:
    """What the disk itself calls a failure."""
    said: list[tuple[str, float, str]] = []
    if record.failed:
        said.append(("health", 1.0, "its own test says that it fails"))
    warning = int(_last(record, "criticalWarning") or 0) & _WARNINGS
    if warning:
        said.append(("criticalWarning", float(warning), f"its critical warning is {warning:#x}"))
    spare, least = _last(record, "availableSpare"), _last(record, "availableSpareThreshold")
    # NVMe warns below its threshold; where none is told, a tenth is as little.
    if spare is not None and (spare <= 10.0 if least is None else spare < least):
        said.append(("availableSpare", spare, f"{spare:g} % of its spare blocks are left"))
    return [
        whose.finding("due", cause, 1.0, (0.0, 0.0, 0.0), {"attribute": key, "value": value})
        for key, value, cause in said
    ]


def _left(rest: float, events: float, span: float) -> tuple[float, float, float] | None:
    """Hours until `rest` more: expected, soonest and latest, at the rate that so many events in `span` hours speak for;
    None without any."""
    if rest <= 0.0:
        return 0.0, 0.0, 0.0
    if events <= 0.0 or span <= 0.0:
        return None
    tail = (1.0 - _CONFIDENCE) / 2.0
    low = float(stats.chi2.ppf(tail, 2.0 * events)) / 2.0 / span
    high = float(stats.chi2.ppf(1.0 - tail, 2.0 * events + 2.0)) / 2.0 / span
    hours = (rest / rate if rate > 0 else LONGEST_H for rate in (events / span, high, low))
    expected, soonest, latest = (round(min(hour, LONGEST_H), 1) for hour in hours)
    return expected, soonest, latest


def _last(record: Record, key: str) -> float | None:
    series = record.values.get(key)
    if series is None:
        return None
    known = series[np.isfinite(series)]
    return float(known[-1]) if len(known) else None
