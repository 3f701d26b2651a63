"""What a room does, in the end, when its units are changed: inlets and power, linear in their settings. Pure.

The room model is settled once as it is, and once for each unit with its set-point raised and with its fan slowed:
all are scenarios of one batch. Power is that of the chiller, the units' fans and the servers' own fans, which run
faster when they breathe warmer air: leaving them out would make every set-point look too low. Next:
:mod:`optimiser.problem`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from physics.laws import Floats
from physics.layout import Layout
from physics.model import RoomModel
from physics.parameters import Parameters

# Steps of the differences: K, and share of full fan speed.
STEP_K: Final = 0.5
STEP_FAN: Final = 0.04
_TOLERANCE_K: Final = 2e-3
_ROUNDS: Final = 60


@dataclass(frozen=True, slots=True)
class Operation:
    """How a room runs: set-points (M,) in °C, fans (M,) as shares, capacity left (M,) 0..1, IT power (N,) in W."""

    setpoint: Floats
    fan: Floats
    capacity: Floats
    it_power: Floats


@dataclass(frozen=True, slots=True)
class Response:
    """Settled inlets (2N,) °C and power (W) at an operation, and their slopes per K and per share of fan speed.

    ``per_k`` and ``per_fan`` are (2N, M); ``power_per_k`` and ``power_per_fan`` (M,); ``fan_w`` (M,) is the power of
    each unit's fans at full speed, from which the curvature follows.
    """

    at: Operation
    inlet: Floats
    power: float
    per_k: Floats
    per_fan: Floats
    power_per_k: Floats
    power_per_fan: Floats
    fan_w: Floats

    def inlets(self, setpoint: Floats, fan: Floats) -> Floats:
        """Settled inlets (2N,) at other settings (M,), °C."""
        change: Floats = self.per_k @ (setpoint - self.at.setpoint) + self.per_fan @ (fan - self.at.fan)
        return self.inlet + change


def respond(layout: Layout, parameters: Parameters, at: Operation) -> Response:
    """The response of a room around an operation."""
    m = len(layout.units)
    model = RoomModel(layout, parameters, scenarios=2 * m + 1)
    inputs = model.default_inputs(0.5)
    inputs.it_power[...] = at.it_power
    inputs.setpoint[...], inputs.fan[...], inputs.capacity[...] = at.setpoint, at.fan, at.capacity
    # Slower where there is room for it, else faster.
    sign = np.where(at.fan > 0.3, -1.0, 1.0)
    for k in range(m):
        inputs.setpoint[1 + k, k] += STEP_K
        inputs.fan[1 + m + k, k] += sign[k] * STEP_FAN
    state = model.steady(inputs, tolerance_k=_TOLERANCE_K, rounds=_ROUNDS)
    seen = model.observe(state, inputs)
    inlet = seen.inlet.reshape(2 * m + 1, -1)
    power = seen.unit_power.sum(axis=1) + seen.server_fan_power.sum(axis=1)
    fan_step = sign * STEP_FAN
    return Response(
        at=at,
        inlet=inlet[0],
        power=float(power[0]),
        per_k=(inlet[1 : 1 + m] - inlet[0]).T / STEP_K,
        per_fan=(inlet[1 + m :] - inlet[0]).T / fan_step,
        power_per_k=(power[1 : 1 + m] - power[0]) / STEP_K,
        power_per_fan=(power[1 + m :] - power[0]) / fan_step,
        fan_w=np.array([unit.fan_power_w for unit in layout.units]),
    )


def settled_power(layout: Layout, parameters: Parameters, at: Operation) -> tuple[float, float]:
    """Cooling power (W), servers' fans included, and the hottest inlet (°C) once the room has settled."""
    model = RoomModel(layout, parameters)
    inputs = model.default_inputs(0.5)
    inputs.it_power[...] = at.it_power
    inputs.setpoint[...], inputs.fan[...], inputs.capacity[...] = at.setpoint, at.fan, at.capacity
    state = model.steady(inputs, tolerance_k=_TOLERANCE_K, rounds=_ROUNDS)
    seen = model.observe(state, inputs)
    return float(seen.unit_power.sum() + seen.server_fan_power.sum()), float(seen.inlet.max())
