"""What optimal control is compared with: one fixed setting for all units, and PI control of each unit by itself. Pure.

The PI controller is what a good plant has without a model: each unit keeps the hottest inlet of the racks nearest to it
at a reference, with its fans (its set-point fixed), or with its set-point (its fans fixed). With its integral bounded
and with the same measurements as the optimiser's. Its tuning is found by :mod:`bench.optimiser`, by a sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from physics.laws import Floats
from physics.layout import Layout


@dataclass(frozen=True, slots=True)
class Fixed:
    """One set-point (°C) and fan speed (share) for all units, for ever."""

    setpoint_c: float
    fan: float


@dataclass(frozen=True, slots=True)
class PiTuning:
    """What a unit's controller moves, what it holds, and how: reference in °C, gains per K, integral time in s."""

    moves: Literal["fan", "setpoint"]
    held: float
    """The set-point (°C) of a controller that moves fans; the fan speed (share) of one that moves set-points."""
    reference_c: float
    gain: float
    integral_s: float


class PiPerUnit:
    """A PI controller for each unit of a room."""

    def __init__(self, layout: Layout, tuning: PiTuning) -> None:
        self.tuning = tuning
        units, racks = layout.units, layout.racks
        nearest = [min(range(len(units)), key=lambda k: _apart(units[k], rack)) for rack in racks]
        named = {rack: k for k, unit in enumerate(units) for rack in unit.racks}
        self._of = np.array([named.get(rack.id, near) for rack, near in zip(racks, nearest, strict=True)])
        low = [unit.fan_min / 100.0 if tuning.moves == "fan" else unit.setpoint_min_c for unit in units]
        high = [unit.fan_max / 100.0 if tuning.moves == "fan" else unit.setpoint_max_c for unit in units]
        self._low, self._high = np.array(low), np.array(high)
        self._middle = 0.5 * (self._low + self._high)
        self._integral: Floats = np.zeros(len(units))

    def step(self, inlet: Floats, dt_s: float) -> tuple[Floats, Floats]:
        """Set-points (°C) and fans (shares) (M,) from the measured inlets (2, N)."""
        tuning = self.tuning
        # What is not measured just now is left out: it must not stop the controller.
        known = np.where(np.isfinite(inlet), inlet, -np.inf).max(axis=0)
        hottest = np.array([known[self._of == k].max(initial=-np.inf) for k in range(self._low.size)])
        error = np.where(np.isfinite(hottest), hottest - tuning.reference_c, 0.0)
        # Too hot: more air, or colder air.
        sign = 1.0 if tuning.moves == "fan" else -1.0
        reach = self._high - self._low
        wanted = self._middle + sign * tuning.gain * error + self._integral
        saturated = ((wanted >= self._high) & (sign * error > 0)) | ((wanted <= self._low) & (sign * error < 0))
        self._integral += np.where(saturated, 0.0, sign * tuning.gain * error * dt_s / tuning.integral_s)
        self._integral = np.clip(self._integral, -reach, reach)
        moved = np.clip(self._middle + sign * tuning.gain * error + self._integral, self._low, self._high)
        held = np.full(moved.size, tuning.held)
        return (held, moved) if tuning.moves == "fan" else (moved, held)


def _apart(unit: object, rack: object) -> float:
    return float(np.hypot(getattr(unit, "x") - getattr(rack, "x"), getattr(unit, "y") - getattr(rack, "y")))  # noqa: B009
