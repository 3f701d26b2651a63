"""How well wear is found, by the model or by a trend: judged as it goes over whole lives, against what became of them.

What counts is episodes and alarms, not rows: an episode is one wearing of a part up to its mending (or one break), an
alarm is a finding that was not there in the fortnight before. Caught is an episode that was told before it was over; an
alarm while a part is well is a false one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.maintenance.train import TELL, UNSURE, WELL
from models.windows import FloatArray

_QUIET_D: Final = 14.0
_YEAR_D: Final = 365.25
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """One part of U units at T times. `days` [T]; each other [U, T]: what is true (`state`, `left_h`, `episode`,
    `broke`), whether the unit's part is known, and what was `said`: found or not, with hours `life` [U, T, 3]."""

    days: Floats
    state: npt.NDArray[np.int8]
    left_h: FloatArray
    episode: npt.NDArray[np.int16]
    broke: npt.NDArray[np.bool_]
    found: npt.NDArray[np.bool_]
    life: FloatArray


def score(parts: list[Judged]) -> dict[str, Any]:
    """Of sites judged alike: precision, recall, false alarms in 1,000 unit-years, days ahead, and of the remaining life
    the share of intervals that hold it, the median error in days, the same as a share, and the median width in days."""
    caught = missed = false = 0
    broken = broken_caught = 0
    well_d = 0.0
    ahead: list[float] = []
    inside: list[npt.NDArray[np.bool_]] = []
    off: list[Floats] = []
    shares: list[Floats] = []
    widths: list[Floats] = []
    for one in parts:
        step = float(np.median(np.diff(one.days))) if len(one.days) > 1 else 1.0
        well_d += step * float(np.count_nonzero(one.state == WELL))
        for unit in range(len(one.state)):
            false += _false_alarms(one, unit)
            for number in np.unique(one.episode[unit][one.episode[unit] > 0]):
                mine = one.episode[unit] == number
                if not (mine & (one.state[unit] == TELL)).any():
                    continue
                told = np.flatnonzero(mine & one.found[unit])
                broke = bool(one.broke[unit][mine].any())
                broken += broke
                broken_caught += broke and bool(len(told))
                if not len(told):
                    missed += 1
                    continue
                caught += 1
                if not broke:
                    ahead.append(float(one.left_h[unit, told[0]]) / 24.0)
        known = one.found & np.isfinite(one.left_h) & (one.left_h > 0) & np.isfinite(one.life).all(axis=2)
        truth, life = one.left_h[known].astype(np.float64), one.life[known].astype(np.float64)
        inside.append((life[:, 1] <= truth) & (truth <= life[:, 2]))
        off.append(np.abs(life[:, 0] - truth) / 24.0)
        shares.append(np.abs(life[:, 0] - truth) / np.maximum(truth, 24.0))
        widths.append((life[:, 2] - life[:, 1]) / 24.0)
    precision, recall = caught / max(1, caught + false), caught / max(1, caught + missed)
    error = np.concatenate(off)
    some = len(error) > 0
    return {
        "episodes": caught + missed,
        "unitYears": round(well_d / _YEAR_D, 1),
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 3),
        "broken": broken,
        "brokenRecall": round(broken_caught / max(1, broken), 3),
        "falsePer1000UnitYears": round(1000.0 * false / max(well_d / _YEAR_D, 1e-9), 1),
        "daysAheadMedian": round(float(np.median(ahead)), 1) if ahead else None,
        "daysAheadTenth": round(float(np.percentile(ahead, 10)), 1) if ahead else None,
        "judgements": len(error),
        "lifeCoverage": round(float(np.mean(np.concatenate(inside))), 3) if some else None,
        "lifeErrorDays": round(float(np.median(error)), 1) if some else None,
        "lifeErrorShare": round(float(np.median(np.concatenate(shares))), 3) if some else None,
        "lifeWidthDays": round(float(np.median(np.concatenate(widths))), 1) if some else None,
    }


def _false_alarms(one: Judged, unit: int) -> int:
    count, last = 0, -np.inf
    for at in np.flatnonzero(one.found[unit]):
        if one.days[at] - last > _QUIET_D and one.state[unit, at] == WELL:
            count += 1
        if one.state[unit, at] != UNSURE:
            last = float(one.days[at])
    return count


def better(model: dict[str, Any], bar: dict[str, Any]) -> bool:
    """Whether the model earns its place over the bar at one part: more is found for what is told wrongly."""
    return bool(model["f1"] > bar["f1"])


def overall(parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One figure of each over all parts, by their episodes and unit-years."""
    weights = {name: found["episodes"] for name, found in parts.items()}
    caught = sum(found["recall"] * weights[name] for name, found in parts.items())
    false = sum(found["falsePer1000UnitYears"] * found["unitYears"] / 1000.0 for found in parts.values())
    years = sum(found["unitYears"] for found in parts.values())
    judged = sum(found["judgements"] for found in parts.values())
    held = sum((found["lifeCoverage"] or 0.0) * found["judgements"] for found in parts.values())
    precision, recall = caught / max(caught + false, 1e-9), caught / max(1, sum(weights.values()))
    return {
        "precision": round(precision, 3),
        "recall": round(recall, 3),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 3),
        "falsePer1000UnitYears": round(1000.0 * false / max(years, 1e-9), 1),
        "lifeCoverage": round(held / judged, 3) if judged else None,
    }
