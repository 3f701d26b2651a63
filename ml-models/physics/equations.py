"""The room's equations: constants of layout and parameters as arrays, and what follows from a state. Pure.

One instance per room and set of scenarios; :class:`physics.model.RoomModel` steps with it. All arrays (S, …).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from physics import laws
from physics.airflow import Network, Pattern
from physics.geometry import geometry
from physics.laws import RHO, RHO_CP, Floats
from physics.layout import Layout
from physics.parameters import Parameters, rows, table
from physics.state import ROOM, SCALARS, Inputs, State

# Share of the air through a coil that touches it (the rest bypasses its fins) for what condenses; an assumption.
_COIL_CONTACT: Final = 0.1
# Air that still moves through a rack whose fans stand still, as a share of its reference.
_DRAUGHT: Final = 0.02


class Equations:
    """Constants and relations of a room of N racks, M units, Z = 2N zones, for S scenarios."""

    def __init__(self, layout: Layout, each: Sequence[Parameters]) -> None:
        g = self.geometry = geometry(layout)
        n, m, s = g.racks, g.units, len(each)
        self.racks, self.units, self.zones, self.scenarios = n, m, 2 * n, s

        def of(name: str) -> Floats:
            return table(each, name)

        self.pattern = Pattern(g, np.exp(-g.distance_m[None] / of("supply_length_m")[:, :, None]), s)
        self.leakage, self.starvation = of("leakage"), np.clip(of("starvation"), 0.0, 0.5)
        self.local_supply, self.local_return = of("local_supply"), of("local_return")
        self._recirculations(layout, each)
        self._racks(layout, each)
        # Room.
        self.air_j_k = (of("air_share") * g.volume_m3 * RHO_CP)[:, 0]
        self.near_j_k = (of("near_mass_j_k") * n)[:, 0]
        self.near_w_k = self.near_j_k / of("near_time_s")[:, 0]
        self.slow_j_k = (of("slow_mass_j_m2k") * g.floor_m2)[:, 0]
        self.slow_w_k = np.where(self.slow_j_k > 0.0, (of("slow_w_m2k") * g.floor_m2)[:, 0], 0.0)
        self.air_kg = g.volume_m3 * RHO
        self.fresh_kg_s = (of("fresh_air_ach") * self.air_kg / 3600.0)[:, 0]
        self.outside = laws.humidity_ratio(of("outside_dew_point"))[:, 0]
        self.coil_approach = of("coil_approach_k")
        # Units.
        self.rated_flow: Floats = np.array([unit.airflow_m3s for unit in layout.units])
        self.rated_w: Floats = np.array([unit.capacity_w for unit in layout.units]) * rows(each, "unit_capacity", m)
        self.unit_fan_w = np.array([unit.fan_power_w for unit in layout.units])
        self.unit_fan_exponent, self.capacity_exponent = of("unit_fan_exponent"), of("capacity_exponent")
        self.offset = rows(each, "unit_offset_k", m)
        self.supply_time_s, self.coil_time_s = of("supply_time_s"), of("coil_time_s")
        self.unit_fan_time_s, self.cop_scale = of("unit_fan_time_s"), of("cop_scale")
        self._source: Floats = np.empty((s, self.zones + m + 2))

    def _recirculations(self, layout: Layout, each: Sequence[Parameters]) -> None:
        g = self.geometry
        far = np.clip(1.0 + table(each, "distance") * g.farness, 0.3, 3.0)
        place = (1.0 + table(each, "row_end") * g.row_end) * far
        levels = [table(each, f"recirculation_{level}") * place for level in ("bottom", "top")]
        self._open = np.concatenate(levels, axis=1) * rows(each, "zone_recirculation", self.zones)
        contained = layout.containment != "none"
        self._closed = self._open * table(each, "containment") if contained else self._open

    def _racks(self, layout: Layout, each: Sequence[Parameters]) -> None:
        n, s = self.racks, self.scenarios

        def of(name: str) -> Floats:
            return table(each, name)

        capacity = np.array([rack.power_capacity_w for rack in layout.racks])
        self.busy_w: Floats = of("busy_share") * capacity
        self.idle_w: Floats = of("idle_share") * self.busy_w
        self.power_exponent = of("power_exponent")
        reference = of("flow_per_kw") * self.busy_w / 1000.0 * rows(each, "rack_flow", n)
        half = self.half_reference = 0.5 * np.concatenate([reference, reference], axis=1)
        share = np.broadcast_to(of("bottom_share"), (s, n))
        self.share = np.concatenate([share, 1.0 - share], axis=1)
        self.fan_reference_w = of("fan_share") * self.busy_w
        self.fan_exponent = of("fan_exponent")
        self.flow_idle, self.flow_per_k, self.fan_threshold = of("flow_idle"), of("flow_per_k"), of("fan_threshold")
        self.flow_min, self.flow_max = of("flow_min"), of("flow_max")
        self.effectiveness = of("effectiveness")
        time_s = of("server_time_s") * np.tile(rows(each, "rack_time", n), 2)
        # A capacity, so that the time constant shortens as the flow grows.
        self.server_j_k = time_s * self.effectiveness * RHO_CP * half
        self.aisle_j_k = of("aisle_time_s") * RHO_CP * half
        self.cpu_rise, self.cpu_time_s = of("cpu_rise_k"), of("cpu_time_s")

    # --- air ---

    def recirculation(self, inputs: Inputs) -> Floats:
        """Least share of each zone's air that is not supply air (S, Z)."""
        opened = inputs.containment_open[:, None]
        found = self._closed + opened * (self._open - self._closed)
        return np.clip(found + np.tile(inputs.extra_recirculation, 2), 0.0, 0.95)

    def flows(self, state: State, inputs: Inputs) -> Floats:
        """Flow through each zone (S, Z): what its servers' fans do at this load and inlet temperature."""
        load = (inputs.it_power - self.idle_w) / (self.busy_w - self.idle_w)
        share = self.flow_idle + (1.0 - self.flow_idle) * np.clip(load, 0.0, 1.0)
        both = np.concatenate([share, share], axis=1)
        both += self.flow_per_k * np.maximum(state.vector[:, : self.zones] - self.fan_threshold, 0.0)
        np.clip(both, self.flow_min, self.flow_max, out=both)
        both *= np.tile(inputs.server_fan, 2)
        return np.asarray(np.maximum(both, _DRAUGHT) * self.half_reference)

    def network(self, state: State, inputs: Inputs, flow: Floats) -> Network:
        """Who breathes whose air at these flows, and at the units' present fan speeds."""
        return Network(
            self.pattern,
            flow=flow,
            unit_flow=self.rated_flow * state.fan,
            recirculation=self.recirculation(inputs),
            leakage=self.leakage,
            starvation=self.starvation,
            local_supply=self.local_supply,
            local_return=self.local_return,
        )

    def source(self, state: State, network: Network) -> Floats:
        """Room to write outlets into (S, Z), with what units give already beside it: for :meth:`breathe`."""
        z, m, source = self.zones, self.units, self._source
        source[:, z : z + m] = state.supply
        source[:, z + m] = (network.plenum * state.supply).sum(axis=1)
        source[:, z + m + 1] = state.scalars[:, ROOM]
        return source

    def breathe(self, network: Network, source: Floats) -> Floats:
        """Temperatures that zones and then units breathe (S, Z + M)."""
        mixed = network.mix @ source.ravel()
        return np.asarray(mixed.reshape(self.scenarios, self.zones + self.units))

    def supply_at(self, network: Network, supply: Floats) -> Floats:
        """Temperature of the supply air that reaches each zone (S, Z), whatever share of its air that is."""
        z, m = self.zones, self.units
        source = np.zeros((self.scenarios, z + m + 2))
        source[:, z : z + m] = supply
        source[:, z + m] = (network.plenum * supply).sum(axis=1)
        share = network.supply / network.flow
        found = self.breathe(network, source)[:, :z] / np.maximum(share, 1e-6)
        usual = supply.mean(axis=1, keepdims=True)
        return np.asarray(np.where(share > 1e-3, found, usual))

    # --- racks ---

    def power(self, utilisation: Floats) -> Floats:
        """Power (W) of racks without fans at a utilisation 0..1 (S, N)."""
        u = np.clip(utilisation, 0.0, 1.0)
        return np.asarray(self.idle_w + (self.busy_w - self.idle_w) * (2.0 * u - u**self.power_exponent))

    def fan_power(self, flow: Floats) -> Floats:
        """Power of the fans in each rack (S, N), W."""
        each = 0.5 * (flow / self.half_reference) ** self.fan_exponent
        return np.asarray(self.fan_reference_w * (each[:, : self.racks] + each[:, self.racks :]))

    def zone_power(self, inputs: Inputs, flow: Floats) -> Floats:
        """Heat given off in each zone (S, Z), W: fans included."""
        return np.asarray(self.share * np.tile(inputs.it_power + self.fan_power(flow), 2))

    def outlet(self, state: State) -> Floats:
        """Temperature behind each zone's servers (S, Z)."""
        z, x = self.zones, state.vector
        return np.asarray(x[:, :z] + self.effectiveness * (x[:, z : 2 * z] - x[:, :z]))

    def cpu_rise_of(self, flow: Floats, power: Floats) -> Floats:
        """How far processors end up above their inlet (S, Z), K."""
        load = power / np.tile(0.5 * self.busy_w, 2)
        return np.asarray(self.cpu_rise * load * (flow / self.half_reference) ** -0.8)

    # --- units ---

    def unit_fan_power(self, state: State) -> Floats:
        """Power of each unit's fans (S, M), W."""
        return np.asarray(self.unit_fan_w * state.fan**self.unit_fan_exponent)

    def limit(self, state: State) -> Floats:
        """Heat that each unit can carry away now (S, M), W."""
        return np.asarray(self.rated_w * state.available * state.fan**self.capacity_exponent)

    def bounds(self, state: State, returned: Floats, network: Network) -> tuple[Floats, Floats]:
        """Coldest and warmest air that a unit can give: with all its capacity, and with none."""
        conductance = self.unit_conductance(network)
        warmest = returned + self.unit_fan_power(state) / conductance
        return warmest - self.limit(state) / conductance, warmest

    def unit_conductance(self, network: Network) -> Floats:
        """Heat that a unit's air carries per kelvin (S, M), W/K; never 0, so that it can be divided by."""
        return np.asarray(np.maximum(RHO_CP * network.unit_flow, 1.0))

    def moisture_rate(self, state: State, inputs: Inputs) -> Floats:
        """Change of the room's humidity ratio (S,), 1/s: leak, fresh air, and what coils condense."""
        now = state.moisture
        coil = laws.humidity_ratio(state.supply - self.coil_approach)
        met = RHO * self.rated_flow * state.fan * np.maximum(now[:, None] - coil, 0.0)
        gained = inputs.moisture + self.fresh_kg_s * (self.outside - now)
        return np.asarray((gained - _COIL_CONTACT * met.sum(axis=1)) / self.air_kg)


__all__ = ["SCALARS", "Equations"]
