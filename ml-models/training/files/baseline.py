"""What each sensor of a hall should read, from everything else that is recorded: the yardstick for anomalies. Pure.

An inlet follows the supply air, its own rack's power, and what the rest of the room does (the median of the other racks
at that height). How much of each is fitted by least squares with trimming: rows far off are what is looked for, and
must not bend the yardstick. What remains, over its usual spread, is the score. Next: `findings`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from physics.laws import dew_point
from physics_files.grid import Grid

Floats = npt.NDArray[np.float64]
_ROUNDS: Final = 6
_TRIM: Final = 3.0
_LEAST_ROWS: Final = 60
# A rack's outlet, and so what comes back, follows its power over minutes (s).
_POWER_TIME_S: Final = 600.0
_RIDGE: Final = 1e-3


@dataclass(frozen=True)
class Baseline:
    """Per target (temperature sensor): `residual` [cells, targets] K, measured less expected; `spread` [targets] its
    usual size (K, robust). `dew` [cells, targets] dew point of each sensor, NaN without humidity."""

    residual: Floats
    spread: Floats
    dew: Floats


def fit(grid: Grid) -> Baseline:
    """The yardstick of a hall, from the whole of its record."""
    cells, targets = grid.mean.shape
    residual = np.full((cells, targets), np.nan)
    spread = np.full(targets, np.nan)
    power = smoothed(grid.power, _POWER_TIME_S / grid.step_s)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        supply = smoothed(grid.supply, 120.0 / grid.step_s)
        known_supply = [k for k in range(supply.shape[1]) if np.isfinite(supply[:, k]).mean() > 0.5]
        for target, (rack, place) in enumerate(grid.targets):
            others = [k for k, (r, p) in enumerate(grid.targets) if r != rack and p == place] or [
                k for k, (r, _) in enumerate(grid.targets) if r != rack
            ]
            columns = [supply[:, k] for k in known_supply]
            if others:
                columns.append(np.nanmedian(grid.mean[:, others], axis=1))
            if np.isfinite(power[:, rack]).mean() > 0.5:
                columns.append(power[:, rack] / 1000.0)
            residual[:, target], spread[target] = _fitted(grid.mean[:, target], columns)
        dew = np.asarray(dew_point(grid.temperature, np.maximum(grid.humidity, 0.1)))
    return Baseline(residual, spread, np.where(np.isfinite(grid.humidity), dew, np.nan))


def smoothed(values: Floats, cells: float) -> Floats:
    """Exponentially smoothed over about `cells` cells; a gap keeps the last value for a while."""
    keep = float(np.exp(-1.0 / max(cells, 0.1)))
    out = np.full_like(values, np.nan)
    state = np.full(values.shape[1], np.nan)
    for k in range(len(values)):
        now = values[k]
        blended = np.where(np.isfinite(state), keep * state + (1.0 - keep) * now, now)
        state = np.where(np.isfinite(now), blended, state)
        out[k] = state
    return out


def robust_spread(values: Floats) -> float:
    """Median absolute deviation, scaled to a standard deviation."""
    known = values[np.isfinite(values)]
    return float(1.4826 * np.median(np.abs(known - np.median(known)))) if known.size else float("nan")


def _fitted(measured: Floats, columns: list[Floats]) -> tuple[Floats, float]:
    """Residual and spread of one sensor."""
    centred = [column - np.nanmean(column) for column in columns if np.nanstd(column) > 1e-6]
    matrix = np.stack([np.ones_like(measured), *centred], axis=1)
    rows = np.isfinite(measured) & np.isfinite(matrix).all(axis=1)
    if np.count_nonzero(rows) < _LEAST_ROWS:
        rest = measured - np.nanmedian(measured)
        return rest, robust_spread(rest)
    x, y = matrix[rows], measured[rows]
    kept = np.ones(len(y), dtype=np.bool_)
    rest = y - np.median(y)
    for _ in range(_ROUNDS):
        a = x[kept]
        penalty = _RIDGE * len(a) * np.eye(a.shape[1])
        penalty[0, 0] = 0.0
        weights = np.linalg.solve(a.T @ a + penalty, a.T @ y[kept])
        rest = y - x @ weights
        # Around the median of all and not the mean of the kept: a long fault must not draw the fit to itself.
        limit = _TRIM * max(robust_spread(rest), 1e-3)
        fresh = np.abs(rest - np.median(rest)) < limit
        if (fresh == kept).all() or np.count_nonzero(fresh) < _LEAST_ROWS:
            break
        kept = fresh
    out = np.full_like(measured, np.nan)
    out[rows] = rest - np.median(rest)
    return out, robust_spread(out)
