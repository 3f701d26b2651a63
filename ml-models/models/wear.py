"""Slow degradation in a series: what is lost, how long the part lasts, and when to mend it. Pure.

A trend is a Theil-Sen slope (no outlier bends it) with its 90 % interval; the remaining useful life is the time until
it reaches the limit at which the part no longer does its work. What does not clearly move is not reported. Used on
files (`training.files.wear`) and on what is recorded now (`upkeep`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
_CONFIDENCE: Final = 0.9
# A fan or filter that gives a quarter less air, a unit that removes a quarter less heat per watt, is due.
LIMIT_LOSS: Final = 0.25
DUE_H: Final = 7 * 24.0
PLANNED_H: Final = 90 * 24.0
WINDOW_H: Final = 4
LONGEST_H: Final = 87_600.0


@dataclass(frozen=True)
class Demand:
    """What a series must show before it is judged: points, hours, and the share that is lost. Below a few percent, or
    within an hour or two below a tenth, a loss may be weather."""

    points: int = 12
    hours: float = 12.0
    loss: float = 0.03


USUAL: Final = Demand()


@dataclass(frozen=True)
class Finding:
    """One part that wears. Hours; `window` is when to mend it, ISO 8601, the calmest hours before it is due."""

    thing: str
    part: str
    state: str
    cause: str
    score: float
    remaining_h: float | None
    remaining_lo_h: float | None
    remaining_hi_h: float | None
    evidence: dict[str, Any]
    window: dict[str, str] | None

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def trend(
    thing: str,
    part: str,
    cause: str,
    *,
    hours: Floats,
    values: Floats,
    end_ms: int,
    begin_hour: int,
    demand: Demand = USUAL,
) -> Finding | None:
    """Whether what `values` (larger is better) say of a part goes down; None where nothing is to be done. `hours` since
    the beginning; `end_ms` is now; `begin_hour` the hour of the day (UTC) at which calm hours begin."""
    if len(hours) < demand.points or np.ptp(hours) < demand.hours:
        return None
    slope, middle, low, high = map(float, stats.theilslopes(values, hours, alpha=_CONFIDENCE))
    begin, now = middle + slope * float(hours[0]), middle + slope * float(hours[-1])
    loss = 1.0 - now / begin if begin > 0 else 0.0
    if not (slope < 0 and high < 0 and loss >= demand.loss):
        return None
    limit = begin * (1.0 - LIMIT_LOSS)

    def left(rate: float) -> float:
        return float(np.clip((now - limit) / max(-rate, 1e-12), 0.0, LONGEST_H))

    expected, soonest, latest = left(slope), left(low), left(high)
    state = "due" if soonest < DUE_H else ("planned" if expected < PLANNED_H else "none")
    if state == "none":
        return None
    return Finding(
        thing,
        part,
        state,
        cause,
        round(min(1.0, max(0.5, loss / LIMIT_LOSS)), 4),
        round(expected, 1),
        round(soonest, 1),
        round(latest, 1),
        {
            "loss": round(loss, 4),
            "lossPerDay": round(-slope * 24.0 / begin, 5),
            "hours": round(float(np.ptp(hours)), 1),
            "limitLoss": LIMIT_LOSS,
        },
        window(end_ms, begin_hour, soonest),
    )


def window(end_ms: int, begin_hour: int, within_h: float | None) -> dict[str, str]:
    """The first calm window after `end_ms` that is a day away, or earlier where the part does not last."""
    end = datetime.fromtimestamp(end_ms / 1000, UTC)
    start = end.replace(hour=begin_hour, minute=0, second=0, microsecond=0)
    while start < end + timedelta(hours=24.0 if within_h is None or within_h > 48.0 else 1.0):
        start += timedelta(days=1)
    return {"from": start.isoformat(), "to": (start + timedelta(hours=WINDOW_H)).isoformat()}
