"""What stays as it is while neither inputs nor flows change, so that a step of the model need not compute it. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from physics import laws
from physics.equations import Equations
from physics.laws import RHO_CP, Floats
from physics.state import Inputs, State

# Of the time in which the quickest air is changed, the longest step: Adams-Bashforth bears one such time, and feedback
# through flows and coils takes its part.
_STABLE: Final = 0.8


class Drive:
    """Rates and gains of the linear equations, made when inputs or flows change. :class:`physics.model.RoomModel` steps
    with it.

    ``steady`` (S, 4) are rates of moisture and of the energies of servers, their fans and units' fans. ``full_drop`` is
    how far a unit can cool what returns to it, with all its capacity; ``longest_s`` the longest step that is stable.
    """

    def __init__(self, e: Equations, state: State, inputs: Inputs) -> None:
        assert state.network is not None
        network = self.network = state.network
        flow = network.flow
        conductance = RHO_CP * flow
        fans = e.fan_power(flow)
        power = e.share * np.tile(inputs.it_power + fans, 2)
        self.inputs = inputs
        self.aisle_rate = conductance / e.aisle_j_k
        self.server_rate = e.effectiveness * conductance / e.server_j_k
        self.server_gain = power / e.server_j_k
        self.cpu_rise, self.cpu_rate = e.cpu_rise_of(flow, power), 1.0 / e.cpu_time_s
        self.into_room = network.to_room.sum(axis=1) + network.bypass.sum(axis=1)
        # Where racks are dense a room's air is changed within seconds, and no step may be longer than that.
        fastest = max(float(np.max(RHO_CP * self.into_room / e.air_j_k)), float(np.max(self.aisle_rate)))
        self.longest_s = _STABLE / max(fastest, 1e-9)
        self.mass_w_k = np.stack([e.near_w_k, e.slow_w_k], axis=1)
        mass = np.stack([e.near_j_k, e.slow_j_k], axis=1)
        self.per_mass = np.where(mass > 0.0, 1.0 / np.maximum(mass, 1.0), 0.0)
        self.setpoint = inputs.setpoint + e.offset
        self.unit_conductance = RHO_CP * network.unit_flow
        self.unit_fans_w = e.unit_fan_power(state)
        divisor = e.unit_conductance(network)
        self.fan_rise = self.unit_fans_w / divisor
        self.full_drop = e.rated_w * state.fan**e.capacity_exponent / divisor
        sums = [inputs.it_power.sum(axis=1), fans.sum(axis=1), self.unit_fans_w.sum(axis=1)]
        self.steady = np.stack([np.zeros(e.scenarios), *sums], axis=1)
        self.refresh(e, state)
        self._lag_times = e.coil_time_s, e.supply_time_s
        self._lags: dict[float, tuple[Floats, Floats]] = {}

    def refresh(self, e: Equations, state: State) -> None:
        """Take what follows the state slowly: efficiency and moisture."""
        self.per_cop: Floats = 1.0 / laws.chiller_cop(state.supply, e.cop_scale * self.inputs.efficiency)
        self.steady[:, 0] = e.moisture_rate(state, self.inputs)

    def lags(self, dt: float) -> tuple[Floats, Floats]:
        """Shares by which coil and supply follow within ``dt`` s."""
        found = self._lags.get(dt)
        if found is None:
            coil, supply = (np.asarray(-np.expm1(-dt / time_s)) for time_s in self._lag_times)
            found = self._lags[dt] = (coil, supply)
        return found
