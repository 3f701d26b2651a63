"""How far a twin can be trusted: errors of what it said against what was then measured, per rack and room. Pure.

For temperatures RMSE and bias in K and skill against persistence; for power NMBE and CV(RMSE) as ASHRAE Guideline 14
(2014) defines them (its limits for hourly data are 10 % and 30 %). Next: the process `fidelity` puts them on twins.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from physics.laws import Floats

# Errors are kept this long (steps), and judged once there are so many.
KEPT: Final = 180
LEAST: Final = 4
# Guideline 14's limits for hourly data (%).
NMBE_LIMIT: Final = 10.0
CVRMSE_LIMIT: Final = 30.0


def rmse(error: Floats) -> float | None:
    """Root mean square of the known errors; None where none is known."""
    known = error[np.isfinite(error)]
    return float(np.sqrt(np.mean(known**2))) if known.size else None


def bias(error: Floats) -> float | None:
    """Mean of the known errors, model less measurement."""
    known = error[np.isfinite(error)]
    return float(np.mean(known)) if known.size else None


def skill(error: Floats, persistence: Floats) -> float | None:
    """``1 - MSE / MSE of persistence`` over what both know; above 0 is better than saying that nothing changes."""
    known = np.isfinite(error) & np.isfinite(persistence)
    if not known.any():
        return None
    base = float(np.mean(persistence[known] ** 2))
    return None if base <= 1e-9 else float(1.0 - np.mean(error[known] ** 2) / base)


def nmbe(predicted: Floats, measured: Floats) -> float | None:
    """Normalised mean bias error (%): ``(sum (p - m) / N) / mean(m)``, ASHRAE Guideline 14-2014."""
    known = np.isfinite(predicted) & np.isfinite(measured)
    mean = float(np.mean(measured[known])) if known.any() else 0.0
    return None if mean <= 0.0 else float(100.0 * np.mean((predicted - measured)[known]) / mean)


def cvrmse(predicted: Floats, measured: Floats) -> float | None:
    """Coefficient of variation of the error (%): ``sqrt(sum (p - m)^2 / N) / mean(m)``, ASHRAE Guideline 14-2014."""
    known = np.isfinite(predicted) & np.isfinite(measured)
    mean = float(np.mean(measured[known])) if known.any() else 0.0
    return None if mean <= 0.0 else float(100.0 * np.sqrt(np.mean((predicted - measured)[known] ** 2)) / mean)


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Of a rack or a room: errors (K) of what was expected a step before, error (K) and skill of what was expected
    15 min before, errors of power (%)."""

    rmse: float | None
    bias: float | None
    forecast_rmse: float | None
    skill: float | None
    nmbe: float | None
    cvrmse: float | None


class Scorer:
    """Errors of one room's twin over the last ``kept`` steps: N racks, two heights each."""

    def __init__(self, racks: int, kept: int = KEPT) -> None:
        self._racks = racks
        self._step: deque[Floats] = deque(maxlen=kept)
        self._ahead: deque[Floats] = deque(maxlen=kept)
        self._persistence: deque[Floats] = deque(maxlen=kept)
        self._power: deque[Floats] = deque(maxlen=kept)
        self._power_said: deque[Floats] = deque(maxlen=kept)

    def step(self, error: Floats) -> None:
        """Errors (2, N) of one step: expected less measured."""
        self._step.append(error)

    def ahead(self, error: Floats, persistence: Floats) -> None:
        """Errors (2, N) of a forecast whose time has come, and those of the reading it was made from."""
        self._ahead.append(error)
        self._persistence.append(persistence)

    def begin_ahead(self) -> None:
        """Forget the forecasts that were judged by now: the twin that made them was learning."""
        for each in (self._ahead, self._persistence, self._power, self._power_said):
            each.clear()

    def power(self, said: Floats, measured: Floats) -> None:
        """Power of each rack (N,): what was expected, and what was measured."""
        self._power_said.append(said)
        self._power.append(measured)

    @property
    def ready(self) -> bool:
        """Whether there is enough to judge."""
        return len(self._step) >= LEAST

    def of_rack(self, rack: int) -> Fidelity:
        """Of one rack."""
        return self._judged(slice(rack, rack + 1))

    def of_room(self) -> Fidelity:
        """Of all racks together; power as their sum."""
        return self._judged(slice(0, self._racks))

    def _judged(self, racks: slice) -> Fidelity:
        step = _stacked(self._step)[..., racks]
        said, measured = _stacked(self._power_said)[..., racks], _stacked(self._power)[..., racks]
        ahead = _stacked(self._ahead)[..., racks]
        together = said.sum(axis=-1), measured.sum(axis=-1)
        return Fidelity(
            rmse=rmse(step),
            bias=bias(step),
            forecast_rmse=rmse(ahead),
            skill=skill(ahead, _stacked(self._persistence)[..., racks]),
            nmbe=nmbe(*together),
            cvrmse=cvrmse(*together),
        )


def _stacked(values: deque[Floats]) -> Floats:
    return np.array(values) if values else np.empty((0, 1))


class Watch:
    """Whether a room's fidelity has worsened: its error against what it was when it was calibrated.

    Two looks in a row must agree, so that one odd hour is no alarm.
    """

    def __init__(self, *, factor: float = 1.5, floor_k: float = 0.25) -> None:
        """Worse is ``factor`` times the reference, and never below ``floor_k``."""
        self._factor, self._floor_k = factor, floor_k
        self._reference: float | None = None
        self._streak = 0
        self.worse = False

    def calibrated(self, rmse_k: float) -> None:
        """A new calibration with this error (K)."""
        self._reference, self._streak, self.worse = rmse_k, 0, False

    @property
    def limit_k(self) -> float | None:
        """The error above which it is worse; None before there is a reference."""
        return None if self._reference is None else max(self._floor_k, self._factor * self._reference)

    def look(self, rmse_k: float | None) -> bool:
        """Take the present error; whether the verdict changed."""
        if rmse_k is None:
            return False
        if self._reference is None:
            self._reference = rmse_k
        limit = self.limit_k
        assert limit is not None
        above = rmse_k > limit
        self._streak = self._streak + 1 if above != self.worse else 0
        if self._streak < 2:
            return False
        self.worse, self._streak = above, 0
        return True
