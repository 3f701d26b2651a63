"""What cooling units will supply: their commands, followed with a lag, and the habits that their past shows. Pure.

A unit's supply swings around its set-point as its valve hunts and its water drifts. That deviation is forecast by a
ridge regression on its own past, all horizons at once, fitted anew as the past grows; with too little past it fades.
Next: :class:`physics.twin.Twin` drives the room with it.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from physics.laws import Floats

LAGS: Final = (0, 1, 2, 4, 6, 9, 12, 16, 20, 25, 30)
# Moments kept, and the least that a fit needs.
KEPT: Final = 480
LEAST: Final = 120
REFIT: Final = 15
# A deviation beyond this is no habit: the unit lacks capacity or has failed (K).
LOST_K: Final = 1.5
_RIDGE: Final = 0.02
_FADE_S: Final = 1800.0


class SupplyHabits:
    """Deviations (K) of M units from their set-points, one a step, and their forecast for ``ahead`` steps."""

    def __init__(self, units: int, step_s: float, ahead: int) -> None:
        self._units, self._step_s, self._ahead = units, step_s, ahead
        self._past: deque[Floats] = deque(maxlen=KEPT)
        self._weights: list[Floats | None] = [None] * units
        self._age = 0

    def add(self, deviation: Floats) -> None:
        """The deviation (M,) of this step; NaN where it is not known or no habit."""
        self._past.append(np.where(np.abs(deviation) <= LOST_K, deviation, np.nan))
        self._age += 1
        if len(self._past) >= LEAST and (self._age >= REFIT or self._weights[0] is None):
            self._fit()
            self._age = 0

    def forecast(self, steps: int) -> Floats:
        """Deviation (steps, M) after 1, 2, … steps."""
        past = np.array(self._past)
        ahead = np.zeros((steps, self._units))
        for unit in range(self._units):
            series = past[:, unit] if past.size else np.array([])
            known = np.flatnonzero(np.isfinite(series))
            if not known.size:
                continue
            weights = self._weights[unit]
            recent = _inputs(series, len(series) - 1) if len(series) > LAGS[-1] else None
            if weights is not None and recent is not None and np.isfinite(recent).all() and steps <= self._ahead:
                ahead[:, unit] = recent @ weights[:, :steps]
            else:
                fade = np.exp(-self._step_s * np.arange(1, steps + 1) / _FADE_S)
                ahead[:, unit] = series[known[-1]] * fade
        return np.clip(ahead, -LOST_K, LOST_K)

    def _fit(self) -> None:
        past = np.array(self._past)
        for unit in range(self._units):
            series = past[:, unit]
            last = len(series) - self._ahead
            if last - LAGS[-1] < len(LAGS) * 3:
                continue
            rows = np.arange(LAGS[-1], last)
            x = np.stack([series[rows - lag] for lag in LAGS], axis=1)
            y = np.stack([series[rows + k] for k in range(1, self._ahead + 1)], axis=1)
            usable = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
            if usable.sum() < len(LAGS) * 3:
                continue
            x, y = x[usable], y[usable]
            gram = x.T @ x + _RIDGE * usable.sum() * max(float(np.var(x)), 1e-4) * np.eye(len(LAGS))
            self._weights[unit] = np.linalg.solve(gram, x.T @ y)


def _inputs(series: Floats, at: int) -> Floats:
    return np.array([series[at - lag] for lag in LAGS])
