"""What a room does, in the end, when its units are changed: inlets and power, linear in their settings. Pure.

The room model is settled once as it is, and once for each unit with its set-point raised and with its fan slowed:
all are scenarios of one batch. Power is that of the chiller and the units' fans, and usually of the servers' own fans
too, which run faster when they breathe warmer air: leaving them out makes warm set-points look better than they are.
Slopes hold as long as units move enough air: the room is settled with fans fast enough for that, and two more scenarios
say by how much inlets rise when it lacks. Next: :mod:`optimiser.problem`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from optimiser.air import Demand
from physics.laws import Floats
from physics.layout import Layout
from physics.model import RoomModel
from physics.parameters import Parameters

# Steps of the differences: K, and share of full fan speed.
STEP_K: Final = 0.5
STEP_FAN: Final = 0.04
# Share of the air asked for between the two scenarios that lack some.
STEP_LACK: Final = 0.05
# Air offered over air asked for where slopes are taken.
_SPARE: Final = 1.04
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
    each unit's fans at full speed, from which the curvature follows. ``starved`` (2N,) is K per share of the air asked
    for that units do not offer; ``enough`` is the share that they offer at the operation, at most 1: below that
    nothing is known to be lacking.
    """

    at: Operation
    inlet: Floats
    power: float
    per_k: Floats
    per_fan: Floats
    power_per_k: Floats
    power_per_fan: Floats
    fan_w: Floats
    starved: Floats
    enough: float = 1.0

    def inlets(self, setpoint: Floats, fan: Floats) -> Floats:
        """Settled inlets (2N,) at other settings (M,), °C."""
        change: Floats = self.per_k @ (setpoint - self.at.setpoint) + self.per_fan @ (fan - self.at.fan)
        return self.inlet + change


def respond(layout: Layout, parameters: Parameters, at: Operation, *, server_fans: bool = True) -> Response:
    """The response of a room around an operation; ``server_fans``: whether their power counts."""
    m = len(layout.units)
    demand = Demand(layout, parameters)
    fan = _fast_enough(layout, parameters, at, demand)
    model = RoomModel(layout, parameters, scenarios=2 * m + 3)
    inputs = model.default_inputs(0.5)
    inputs.it_power[...] = at.it_power
    inputs.setpoint[...], inputs.fan[...], inputs.capacity[...] = at.setpoint, fan, at.capacity
    # Faster where there is room for it, else slower.
    sign = np.where(fan < 1.0 - STEP_FAN, 1.0, -1.0)
    for k in range(m):
        inputs.setpoint[1 + k, k] += STEP_K
        inputs.fan[1 + m + k, k] += sign[k] * STEP_FAN
    offered = float(demand.offered_full @ fan)
    first, _ = demand.asked(np.full(2 * len(layout.racks), float(at.setpoint.mean()) + 3.0), at.it_power)
    for row, lacks in ((-2, 0.02), (-1, 0.02 + STEP_LACK)):
        inputs.fan[row] = fan * min(1.0, (1.0 - lacks) * first / max(offered, 1e-6))
    state = model.steady(inputs, tolerance_k=_TOLERANCE_K, rounds=_ROUNDS)
    seen = model.observe(state, inputs)
    inlet = seen.inlet.reshape(2 * m + 3, -1)
    power = seen.unit_power.sum(axis=1) + (seen.server_fan_power.sum(axis=1) if server_fans else 0.0)
    fan_step = sign * STEP_FAN
    share = [
        float(demand.offered_full @ inputs.fan[row]) / demand.asked(inlet[row], at.it_power)[0] for row in (0, -2, -1)
    ]
    lack = [max(0.0, min(1.0, share[0]) - one) for one in share[1:]]
    starved = np.maximum(inlet[-1] - inlet[-2], 0.0) / max(lack[1] - lack[0], 0.5 * STEP_LACK)
    return Response(
        at=Operation(at.setpoint, fan, at.capacity, at.it_power),
        inlet=inlet[0],
        power=float(power[0]),
        per_k=(inlet[1 : 1 + m] - inlet[0]).T / STEP_K,
        per_fan=(inlet[1 + m : 1 + 2 * m] - inlet[0]).T / fan_step,
        power_per_k=(power[1 : 1 + m] - power[0]) / STEP_K,
        power_per_fan=(power[1 + m : 1 + 2 * m] - power[0]) / fan_step,
        fan_w=np.array([unit.fan_power_w for unit in layout.units]),
        starved=starved,
        enough=min(1.0, share[0]),
    )


def _fast_enough(layout: Layout, parameters: Parameters, at: Operation, demand: Demand) -> Floats:
    """Fan speeds (M,) at least as fast as they are, and such that air does not lack, as far as fans can."""
    model = RoomModel(layout, parameters)
    inputs = model.default_inputs(0.5)
    inputs.it_power[...] = at.it_power
    inputs.setpoint[...], inputs.fan[...], inputs.capacity[...] = at.setpoint, at.fan, at.capacity
    fan = at.fan
    for _ in range(2):
        inputs.fan[...] = fan
        state = model.steady(inputs, tolerance_k=20.0 * _TOLERANCE_K, rounds=_ROUNDS)
        asked, _ = demand.asked(state.inlet.reshape(-1), at.it_power)
        short = _SPARE * asked / max(float(demand.offered_full @ fan), 1e-6)
        if short <= 1.0:
            break
        fan = np.where(fan > 0.0, np.minimum(1.0, fan * short), 0.0)
    return fan


def settled_power(
    layout: Layout, parameters: Parameters, at: Operation, *, server_fans: bool = True
) -> tuple[float, float]:
    """Cooling power (W) and the hottest inlet (°C) once the room has settled; ``server_fans``: if theirs counts."""
    model = RoomModel(layout, parameters)
    inputs = model.default_inputs(0.5)
    inputs.it_power[...] = at.it_power
    inputs.setpoint[...], inputs.fan[...], inputs.capacity[...] = at.setpoint, at.fan, at.capacity
    state = model.steady(inputs, tolerance_k=_TOLERANCE_K, rounds=_ROUNDS)
    seen = model.observe(state, inputs)
    servers = float(seen.server_fan_power.sum()) if server_fans else 0.0
    return float(seen.unit_power.sum()) + servers, float(seen.inlet.max())
