"""Forecasts of every temperature sensor at every step of a record, each made from what came before it. Pure.

A forecast is the present reading, plus the change that the sensors' own past lets expect, as far as such expectations
have come true (`regression`), within bounds that would have held (`intervals`). So it falls back to persistence
wherever the model is no better, and says so by its bounds. What is learnt is brought up to date every quarter of an
hour of the record, from readings older than the forecasts that use it: cutting a record off changes no forecast before
the cut.
Next: `racktwin_cli.forecast` writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from physics_files.grid import Grid
from physics_files.intervals import Bounds
from physics_files.problems import FileProblem
from physics_files.readings import Floats
from physics_files.regression import Belief, Learner
from physics_files.regressors import Regressors

Float32 = npt.NDArray[np.float32]

_BLOCK_S: Final = 900.0
_THIN_S: Final = 300.0
# In root mean squares: features and changes beyond this are faults of a sensor.
_WILD_FEATURE: Final = 10.0
_WILD_CHANGE: Final = 12.0


@dataclass(frozen=True)
class Forecasts:
    """`value`, `low`, `high`: [cells, horizons, targets], NaN where the sensor's reading was missing or too old."""

    grid: Grid
    horizons_s: tuple[float, ...]
    coverage: float
    value: Float32
    low: Float32
    high: Float32

    def scores(self) -> list[dict[str, float]]:
        """For each horizon that the grid resolves: count, rmse and bias (K), persistence's rmse, skill, coverage."""
        made = []
        for at, horizon in enumerate(self.horizons_s):
            cells = round(horizon / self.grid.step_s)
            if cells < 1 or cells >= self.grid.cells or abs(cells * self.grid.step_s - horizon) > 1.0:
                continue
            truth = self.grid.temperature[cells:]
            value = self.value[:-cells, at].astype(float)
            error = value - truth
            naive = self.grid.temperature[:-cells] - truth
            known = np.isfinite(error) & np.isfinite(naive)
            if not known.any():
                continue
            inside = (truth >= self.low[:-cells, at]) & (truth <= self.high[:-cells, at])
            mse, naive_mse = float(np.mean(error[known] ** 2)), float(np.mean(naive[known] ** 2))
            made.append(
                {
                    "horizonS": horizon,
                    "count": int(known.sum()),
                    "rmseK": mse**0.5,
                    "biasK": float(np.mean(error[known])),
                    "persistenceRmseK": naive_mse**0.5,
                    "skill": 1.0 - mse / naive_mse if naive_mse > 0.0 else 0.0,
                    "coverage": float(np.mean(inside[known])),
                }
            )
        return made


def make(
    grid: Grid,
    horizons_s: list[float],
    *,
    coverage: float = 0.9,
    note: Callable[[float], None] = lambda _share: None,
) -> Forecasts:
    """Forecasts for each horizon at each cell.

    Args:
        grid: the record.
        horizons_s: how far ahead, in seconds.
        coverage: share of what comes that the bounds shall hold.
        note: told the share that is done, now and then.

    Raises:
        FileProblem: a horizon is none, or the coverage is not between 0.5 and 0.999.
    """
    if not horizons_s or min(horizons_s) <= 0.0:
        raise FileProblem("a horizon that is not more than 0", "give --horizons such as 1m,5m,15m")
    if not 0.5 <= coverage <= 0.999:
        raise FileProblem(f"coverage {coverage:g}", "give --coverage between 0.5 and 0.999")
    wanted = sorted({c for h in horizons_s for c in _around(h / grid.step_s) if c > 0})
    walk = _Walk(grid, wanted, coverage)
    shape = (grid.cells, len(horizons_s), len(grid.targets))
    made = [np.empty(shape, dtype=np.float32) for _ in range(3)]
    size = max(1, round(_BLOCK_S / grid.step_s))
    for start in range(0, grid.cells, size):
        stop = min(start + size, grid.cells)
        parts = walk.step(start, stop)
        now = grid.temperature[start:stop]
        for array, part in zip(made, parts, strict=True):
            for at, horizon in enumerate(horizons_s):
                array[start:stop, at] = now + _between(part, wanted, horizon / grid.step_s)
        note(stop / grid.cells)
    return Forecasts(grid, tuple(horizons_s), coverage, *made)


def _around(cells: float) -> tuple[int, int]:
    nearest = round(cells)
    if abs(cells - nearest) < 1e-6:
        return nearest, nearest
    return int(np.floor(cells)), int(np.ceil(cells))


def _between(changes: Floats, wanted: list[int], cells: float) -> Floats:
    """Changes [cells, targets] at a horizon that may lie between two of those that were learnt; 0 at no time."""
    low, high = _around(cells)
    upper = changes[:, wanted.index(high)]
    if low == high:
        return np.asarray(upper)
    lower = changes[:, wanted.index(low)] if low else np.zeros_like(upper)
    return np.asarray(lower + (cells - low) / (high - low) * (upper - lower))


class _Walk:
    """Goes through the record once, learning as it goes."""

    def __init__(self, grid: Grid, horizons: list[int], coverage: float) -> None:
        self._grid = grid
        self._horizons = horizons
        places = sorted({place for _, place in grid.targets})
        groups = np.array([places.index(place) for _, place in grid.targets], dtype=np.int64)
        self._regressors = Regressors(grid)
        features = len(self._regressors.names)
        self._learner = Learner(horizons, groups, features)
        self._belief = Belief(horizons, groups)
        self._thin = max(1, round(_THIN_S / grid.step_s))
        apart_s = float(self._thin * grid.step_s)
        self._bounds = Bounds([c * float(grid.step_s) for c in horizons], groups, coverage, apart_s=apart_s)
        # What may still be learnt from: features, expected changes and bounds of the newest cells.
        self._first = 0
        targets = len(grid.targets)
        self._features = np.empty((0, targets, features))
        empty = np.empty((0, len(horizons), targets))
        self._raw, self._low, self._high, self._given = empty, empty, empty, empty
        self._square = np.zeros(features)
        self._samples = 0.0
        self._moved = np.zeros(len(horizons))
        self._moves = 0.0

    def step(self, start: int, stop: int) -> tuple[Floats, Floats, Floats]:
        """Changes [cells, horizons, targets] expected at cells start to stop, and their bounds."""
        if start > 0:
            self._learn(start)
        features = self._tame(self._regressors.block(start, stop))
        raw = self._learner.predict(features)
        limit = _WILD_CHANGE * np.sqrt(self._moved / max(self._moves, 1.0)) + 0.1
        raw = np.clip(raw, -limit[:, None], limit[:, None])
        given = raw * self._belief.weight
        low, high = given + self._bounds.low, given + self._bounds.high
        self._keep(features, raw, given, low, high)
        return given, low, high

    def _tame(self, features: Floats) -> Floats:
        if self._samples > 500.0:
            limit = _WILD_FEATURE * np.sqrt(self._square / self._samples) + 1e-9
            features = np.clip(features, -limit, limit)
        self._square += (features**2).sum(axis=(0, 1))
        self._samples += features.shape[0] * features.shape[1]
        return features

    def _keep(self, features: Floats, raw: Floats, given: Floats, low: Floats, high: Floats) -> None:
        drop = max(0, self._features.shape[0] - self._horizons[-1] - 1)
        self._first += drop
        self._features = np.concatenate([self._features[drop:], features])
        self._raw = np.concatenate([self._raw[drop:], raw])
        self._given = np.concatenate([self._given[drop:], given])
        self._low = np.concatenate([self._low[drop:], low])
        self._high = np.concatenate([self._high[drop:], high])
        self._block = features.shape[0]

    def _learn(self, start: int) -> None:
        """Take in what became known since the last block: readings before cell `start`."""
        seconds = self._block * float(self._grid.step_s)
        self._learner.fade(seconds)
        self._belief.fade(seconds)
        truth = self._grid.temperature
        for at, cells in enumerate(self._horizons):
            begin, end = max(0, start - self._block - cells), start - cells
            if end <= begin:
                continue
            rows = slice(begin - self._first, end - self._first)
            change = truth[begin + cells : end + cells] - truth[begin:end]
            self._learner.learn(at, self._features[rows], change)
            self._belief.learn(at, self._raw[rows, at], change)
            error = change - self._given[rows, at]
            self._bounds.adapt(at, change, self._low[rows, at], self._high[rows, at])
            self._bounds.learn(at, error[:: self._thin])
            known = np.isfinite(change)
            self._moved[at] += float((change[known] ** 2).sum()) / max(int(known.sum()), 1)
        self._moves += 1.0
        self._learner.solve()
        self._belief.solve()
        self._bounds.solve()
