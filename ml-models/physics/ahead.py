"""What a room's inlets will be: a copy of the followed model runs on. Pure.

Racks keep their power, units their commands and habits, and what a unit can no longer do is taken from the heat it
still removes. Many beginnings of one room are computed at once, as scenarios: that is how a day's forecasts take
seconds. Next: :class:`physics.twin.Twin`, which makes the beginnings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from physics.calibration import following
from physics.laws import Floats
from physics.layout import Layout
from physics.model import RoomModel
from physics.online import expected_inlets
from physics.parameters import Parameters
from physics.state import Inputs, State

_HOLD_S: Final = 30.0
_STEP_S: Final = 5.0
# Beginnings that run together: more do not fit into a core's cache.
_TOGETHER: Final = 512


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a forecast starts from, at ``time_s`` (epoch seconds): N racks, Z = 2N zones, M units.

    ``vector``, ``supply`` and ``fan`` as in :class:`physics.state.State`; ``power`` (N,) W without fans, ``airflow``
    (M,) share of the rated; ``capacity`` (M,) what units can still do; ``command`` (M,) °C that units supply by now of
    their ``setpoint`` (M,), ``deviation`` (steps, M) K by which they will miss it. ``bias``, ``gain``, ``rest`` (Z,)
    and ``persistence`` as in :class:`physics.online.BiasAndGain`.
    """

    time_s: float
    vector: Floats
    supply: Floats
    fan: Floats
    power: Floats
    airflow: Floats
    capacity: Floats
    command: Floats
    setpoint: Floats
    deviation: Floats
    bias: Floats
    gain: Floats
    rest: Floats
    persistence: float


class Ahead:
    """The model of one room that runs ahead, in steps of ``step_s``."""

    def __init__(self, layout: Layout, parameters: Parameters, step_s: float) -> None:
        # Capacity bounds what units do, and their commands are given with the lag already in them.
        limits = {name: getattr(parameters, name) for name in ("unit_capacity", "capacity_exponent")}
        self._layout, self._parameters = layout, following(parameters).with_(**limits)
        self._supply_time_s, self._step_s = parameters.supply_time_s, step_s
        self._models: dict[int, RoomModel] = {}

    def model(self, scenarios: int = 1) -> RoomModel:
        """The model of so many scenarios."""
        found = self._models.get(scenarios)
        if found is None:
            if len(self._models) > 1:
                self._models.clear()
            found = RoomModel(self._layout, self._parameters, scenarios, hold_s=_HOLD_S)
            self._models[scenarios] = found
        return found

    def expected(self, beginnings: Sequence[Beginning], horizons_s: Sequence[float]) -> Floats:
        """Inlets (B, H, 2, N) in °C at ascending horizons after each beginning; NaN beyond its ``deviation``."""
        pieces = [
            self._run(beginnings[at : at + _TOGETHER], tuple(horizons_s)) for at in range(0, len(beginnings), _TOGETHER)
        ]
        return np.concatenate(pieces)

    def _run(self, begin: Sequence[Beginning], horizons: tuple[float, ...]) -> Floats:
        model = self.model(len(begin))

        def rows(name: str) -> Floats:
            return np.array([getattr(one, name) for one in begin])

        state = State(len(begin), model.racks, model.units)
        state.vector[...], state.supply[...], state.fan[...] = rows("vector"), rows("supply"), rows("fan")
        state.available[...] = rows("capacity")
        inputs = model.default_inputs(0.5)
        inputs.it_power, inputs.fan, inputs.capacity = rows("power"), rows("airflow"), rows("capacity")
        command, setpoint, deviation = rows("command"), rows("setpoint"), rows("deviation")
        zones = {name: rows(name) for name in ("bias", "gain", "rest")}
        lasting = rows("persistence")[:, None]
        found = np.full((len(begin), len(horizons), model.zones), np.nan)
        now, at = 0.0, 0
        for step in range(deviation.shape[1]):
            command += -np.expm1(-self._step_s / self._supply_time_s) * (setpoint - command)
            inputs.setpoint = command + deviation[:, step]
            end = (step + 1) * self._step_s
            while at < len(horizons) and horizons[at] <= end + 1e-6:
                now = _advance(model, state, inputs, now, horizons[at])
                inlet = expected_inlets(
                    state.inlet.reshape(len(begin), -1), _supplied(model, state), zones["bias"], zones["gain"]
                )
                found[:, at] = inlet + zones["rest"] * lasting ** (horizons[at] / self._step_s)
                at += 1
            if at == len(horizons):
                break
            now = _advance(model, state, inputs, now, end)
        return found.reshape(len(begin), len(horizons), 2, -1)


def _advance(model: RoomModel, state: State, inputs: Inputs, now: float, then: float) -> float:
    if then > now:
        model.advance(state, inputs, then - now, _STEP_S)
    return max(now, then)


def _supplied(model: RoomModel, state: State) -> Floats:
    """Temperature of the supply air at each zone (S, Z)."""
    assert state.network is not None
    return model.equations.supply_at(state.network, state.supply)
