"""Bounds around forecasts, from how far earlier forecasts were off: conformal prediction that adapts. Pure.

For each sensor and horizon the newest errors are kept; their quantiles at the asked coverage are the bounds. The levels
move as bounds prove too narrow or too wide, so that coverage is kept where errors drift (adaptive conformal inference:
Gibbs, Candès, NeurIPS 2021). Until a sensor has errors of its own, those of all sensors at its position serve, and
before there are any, a bound that grows with the root of the horizon.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from physics_files.readings import Floats

KEPT: Final = 288
_ENOUGH: Final = 40
# Bounds before anything is known: K at one minute.
_FIRST_K: Final = 0.35
_RATE: Final = 0.02


class Bounds:
    """Newest errors [KEPT, horizons, targets] and the bounds that follow from them."""

    def __init__(
        self,
        horizons_s: list[float],
        groups: np.ndarray[tuple[int], np.dtype[np.int64]],
        coverage: float,
        *,
        apart_s: float,
    ) -> None:
        """`apart_s` is the time between two errors that are told: those of longer horizons overlap, and count less."""
        self._overlap = [max(1.0, horizon / apart_s) for horizon in horizons_s]
        self._groups = groups
        self._members = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
        self._coverage = coverage
        self._errors = np.full((KEPT, len(horizons_s), groups.size), np.nan)
        self._next = [0] * len(horizons_s)
        shape = (len(horizons_s), groups.size)
        self._miss = np.full(shape, (1.0 - coverage) / 2.0)
        self._miss_low, self._miss_high = self._miss.copy(), self._miss.copy()
        first = _FIRST_K * np.sqrt(np.asarray(horizons_s) / 60.0)[:, None]
        self.low = np.broadcast_to(-first, shape).copy()
        self.high = np.broadcast_to(first, shape).copy()

    def learn(self, horizon: int, errors: Floats) -> None:
        """Take in errors [rows, targets]: what came less what was forecast."""
        for row in errors:
            self._errors[self._next[horizon] % KEPT, horizon] = row
            self._next[horizon] += 1

    def adapt(self, horizon: int, errors: Floats, low: Floats, high: Floats) -> None:
        """Move the levels by how often the bounds that were given at the time held."""
        target = (1.0 - self._coverage) / 2.0
        for levels, outside in ((self._miss_low, errors < low), (self._miss_high, errors > high)):
            known = np.isfinite(errors)
            rate = np.where(known.any(axis=0), (outside & known).sum(axis=0) / np.maximum(known.sum(axis=0), 1), target)
            levels[horizon] = np.clip(levels[horizon] + _RATE * (target - rate), 0.001, 2.0 * target)

    def solve(self) -> None:
        """Bring the bounds up to date."""
        count = np.isfinite(self._errors).sum(axis=0)
        for members in self._members:
            for horizon in range(self._errors.shape[1]):
                errors = self._errors[:, horizon, members]
                if not np.isfinite(errors).any():
                    continue
                n = count[horizon, members]
                own_low = _quantile(errors, n, self._miss_low[horizon, members], self._overlap[horizon])
                own_high = _quantile(errors, n, 1.0 - self._miss_high[horizon, members], self._overlap[horizon])
                everyone = errors[np.isfinite(errors)]
                target = (1.0 - self._coverage) / 2.0
                few = min(1.0, self._overlap[horizon] * members.size / everyone.size)
                tail = target - few * (1.0 - target)
                all_low, all_high = np.quantile(everyone, [max(0.0, tail), min(1.0, 1.0 - tail)])
                if everyone.size < _ENOUGH:
                    # Too few to have met what is rare.
                    all_low = min(all_low, float(self.low[horizon, members].min()))
                    all_high = max(all_high, float(self.high[horizon, members].max()))
                self.low[horizon, members] = np.where(n >= _ENOUGH, own_low, all_low)
                self.high[horizon, members] = np.where(n >= _ENOUGH, own_high, all_high)
        # A forecast lies within its own bounds.
        np.minimum(self.low, 0.0, out=self.low)
        np.maximum(self.high, 0.0, out=self.high)


def _quantile(
    errors: Floats, count: np.ndarray[tuple[int, ...], np.dtype[np.int64]], level: Floats, overlap: float
) -> Floats:
    """A quantile of each column at its own level, with the correction for few samples; NaN counts as none.

    Of samples that overlap, one in `overlap` counts.
    """
    ordered = np.sort(errors, axis=0)  # NaN last
    few = overlap / np.maximum(count, 1)
    level = np.where(level > 0.5, level + few * level, level - few * (1.0 - level))
    at = np.clip(level, 0.0, 1.0) * np.maximum(count - 1, 0)
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    columns = np.arange(errors.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    return np.asarray(low + (at - below) * (high - low))
