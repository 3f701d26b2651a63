"""The room model: what follows from layout, parameters and inputs, for many scenarios at once.

Per zone (bottom and top of a rack), per cooling unit, and per room::

    C_a dT_in/dt  = rho cp V (mix(T_out, T_s, T_room) - T_in)
    C   dT_x/dt   = P - eps rho cp V (T_x - T_in),        T_out = T_in + eps (T_x - T_in)
    tau dT_cpu/dt = T_in + R(V) P_cpu - T_cpu,            R = R0 (V/V0)^-0.8
    tau dT_s/dt   = T_set - T_s,  Q = rho cp V_m (T_ret - T_s) + P_fan <= Q_max

plus room air, near mass, slab and moisture as one node each. Sources: zonal mixing with recirculation: Tang, Gupta,
Varsamopoulos, IEEE TPDS 2008; the server as capacitance and effectiveness: Erden, Khalifa, Schmidt, and Pardey et al.,
InterPACK 2013; the room's slow mass as a second node: Khankari, ASHRAE Trans. 2011.

Flows are held for ``hold_s`` seconds, and the equations are linear in between. Every heat flow is computed once, and
all nodes and energy meters advance by one second-order Adams-Bashforth step, so that energy is conserved to rounding.

Pure. Next: :mod:`physics.plant` hides parameters behind sensors, :mod:`physics.calibration` finds them again,
:mod:`physics.metrics` judges the room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from physics import laws
from physics.drive import Drive
from physics.equations import Equations
from physics.laws import RHO_CP, Floats
from physics.layout import Layout
from physics.parameters import Parameters
from physics.state import (
    CHILLER,
    FANS,
    IT,
    MOISTURE,
    NEAR,
    REMOVED,
    ROOM,
    SCALARS,
    SLOW,
    UNIT_FANS,
    Inputs,
    Outputs,
    State,
    Trace,
)

# Flows follow their fans, which follow temperatures, within this time (s).
HOLD_S: Final = 10.0
# Longer steps are cut into pieces of this length (s): a third of what Adams-Bashforth bears at the quickest zone. Rooms
# of dense racks change their air more quickly and take shorter ones (`drive.Drive.longest_s`).
MAX_STEP_S: Final = 5.0
# Flows that differ by less, as a share, are the same: no sensor would see it, and a new network costs several steps.
FLOW_TOLERANCE: Final = 1e-3
# After a larger change, steps are at most FIRST_STEP_S for CALM_S: there is no derivative to carry on from.
_JUMP: Final = 0.05
FIRST_STEP_S: Final = 1.0
CALM_S: Final = 5.0
# A step carries on what changed in the one before as if that had been no shorter than by this: what changed within a
# millisecond, as at the end of a hold, says nothing of the next second.
_CARRIED: Final = 2.0
_TINY: Final = 1e-9


class RoomModel:
    """A room. Holds no state: :meth:`advance` changes a :class:`State` in place, which may be one of several.

    ``racks`` N, ``units`` M, ``zones`` 2N, ``scenarios`` S. Not thread safe: it has work space.
    """

    def __init__(
        self,
        layout: Layout,
        parameters: Parameters | Sequence[Parameters] | None = None,
        scenarios: int = 1,
        *,
        hold_s: float = HOLD_S,
    ) -> None:
        """``parameters`` of all scenarios, or of each.

        Raises:
            ValueError: the number of parameters is not that of the scenarios, or an array in them has a wrong length.
        """
        if parameters is None or isinstance(parameters, Parameters):
            each = [parameters or Parameters()] * scenarios
        else:
            each = list(parameters)
            if scenarios not in (1, len(each)):
                raise ValueError(f"parameters: expected {scenarios}, one for each scenario, found {len(each)}")
        if not each:
            raise ValueError("scenarios: expected at least 1")
        self.layout, self.parameters, self.scenarios, self.hold_s = layout, tuple(each), len(each), hold_s
        self.equations = Equations(layout, each)
        self.racks, self.units, self.zones = self.equations.racks, self.equations.units, self.equations.zones
        width = 3 * self.zones + len(SCALARS)
        self._rate: Floats = np.empty((self.scenarios, width))
        self._part: Floats = np.empty((self.scenarios, width))
        self._zone: Floats = np.empty((self.scenarios, self.zones))

    # --- building inputs and states ---

    def default_inputs(self, utilisation: float | Floats = 0.5) -> Inputs:
        """Every unit at its set-point and speed; racks at a utilisation 0..1, a number, (N,) or (S, N)."""
        s, n, m = self.scenarios, self.racks, self.units
        return Inputs(
            it_power=self.equations.power(np.broadcast_to(np.asarray(utilisation, dtype=float), (s, n))),
            setpoint=np.tile(np.array([unit.setpoint_c for unit in self.layout.units]), (s, 1)),
            fan=np.tile(np.array([unit.fan_percent / 100.0 for unit in self.layout.units]), (s, 1)),
            capacity=np.ones((s, m)),
            efficiency=np.ones((s, m)),
            server_fan=np.ones((s, n)),
            extra_recirculation=np.zeros((s, n)),
            containment_open=np.zeros(s),
            moisture=np.zeros(s),
        )

    def power(self, utilisation: float | Floats) -> Floats:
        """Power (W) of racks without fans (S, N) at a utilisation 0..1, a number, (N,) or (S, N)."""
        u = np.broadcast_to(np.asarray(utilisation, dtype=float), (self.scenarios, self.racks))
        return self.equations.power(u)

    def it_power(self, total_w: Floats, state: State) -> Floats:
        """Power without fans (S, N) of racks whose meters read ``total_w`` (S, N), at the present flow."""
        return np.maximum(total_w - self.server_fan_power(state), 0.0)

    def steady(self, inputs: Inputs, *, tolerance_k: float = 1e-7, rounds: int = 400) -> State:
        """The state that these inputs end in, with slab and frames settled too.

        Where cooling does not suffice there is none; the last of ``rounds`` iterations is returned then, a hot one.
        """
        e, z = self.equations, self.zones
        state = State(self.scenarios, self.racks, self.units)
        start = inputs.setpoint.mean(axis=1)
        state.inlet[...] = start[:, None, None] + 1.0
        state.supply[...] = inputs.setpoint + e.offset
        state.available[...], state.fan[...] = inputs.capacity, inputs.fan
        x, scalars = state.vector, state.scalars
        scalars[:, ROOM], scalars[:, MOISTURE] = start + 10.0, e.outside
        flow = e.flows(state, inputs)
        network, power = e.network(state, inputs, flow), e.zone_power(inputs, flow)
        for _ in range(rounds):
            rise = power / (RHO_CP * flow)
            x[:, z : 2 * z] = x[:, :z] + rise / e.effectiveness
            source = e.source(state, network)
            source[:, :z] = outlet = x[:, :z] + rise
            mixed = e.breathe(network, source)
            state.supply[...] = np.clip(inputs.setpoint + e.offset, *e.bounds(state, mixed[:, z:], network))
            into = (network.to_room * outlet).sum(axis=1) + (network.bypass * state.supply).sum(axis=1)
            room = into / np.maximum(network.to_room.sum(axis=1) + network.bypass.sum(axis=1), _TINY)
            change = max(float(np.abs(mixed[:, :z] - x[:, :z]).max()), float(np.abs(room - scalars[:, ROOM]).max()))
            x[:, :z], scalars[:, ROOM] = mixed[:, :z], room
            wanted = e.flows(state, inputs)
            if np.abs(wanted - flow).max() > 1e-9 * wanted.max():
                flow = wanted
                network, power = e.network(state, inputs, flow), e.zone_power(inputs, flow)
            elif change < tolerance_k:
                break
        scalars[:, NEAR] = scalars[:, SLOW] = scalars[:, ROOM]
        x[:, 2 * z : 3 * z] = x[:, :z] + e.cpu_rise_of(flow, power)
        for _ in range(60):
            gained = scalars[:, MOISTURE] + 600.0 * e.moisture_rate(state, inputs)
            scalars[:, MOISTURE] = np.clip(gained, 1e-5, 0.05)
        return state

    # --- running ---

    def advance(self, state: State, inputs: Inputs, seconds: float, step_s: float = 1.0) -> None:
        """Run ``state`` for ``seconds`` in steps of at most ``step_s`` (and :data:`MAX_STEP_S`), in place.

        Raises:
            ValueError: a time is not positive.
        """
        if seconds <= 0.0 or step_s <= 0.0:
            raise ValueError(f"seconds {seconds}, step_s {step_s}: expected more than 0")
        step = min(step_s, MAX_STEP_S)
        left = seconds
        drive: Drive | None = None
        while left > 1e-9:
            if state.network is None or state.hold_left_s <= 1e-9:
                changed = self._hold(state, inputs)
                if drive is not None and not changed:
                    drive.refresh(self.equations, state)
                else:
                    drive = None
            if drive is None:
                drive = Drive(self.equations, state, inputs)
            dt = min(step, left, state.hold_left_s, drive.longest_s)
            if state.calm_s > 0.0:
                dt = min(dt, FIRST_STEP_S)
            self._step(state, drive, dt)
            left -= dt
            state.calm_s -= dt
            state.hold_left_s -= dt
            state.elapsed_s += dt

    def changed(self, state: State) -> None:
        """Say that inputs of flow (fans, server fans, recirculation) were changed: they act at once, not at the end of
        the present hold."""
        state.hold_left_s = 0.0

    def run(
        self,
        state: State,
        inputs: Inputs | Callable[[float], Inputs],
        duration_s: float,
        *,
        step_s: float = 1.0,
        sample_s: float = 60.0,
    ) -> Trace:
        """Advance ``state`` in place and sample it, at its start and every ``sample_s`` after.

        ``inputs`` may be a function of the time since the start (s), asked once per sample.
        """
        count = int(duration_s / sample_s + 1e-9) + 1
        seen: list[Outputs] = []
        for k in range(count):
            now = inputs(k * sample_s) if callable(inputs) else inputs
            seen.append(self.observe(state, now))
            if k + 1 < count:
                self.advance(state, now, sample_s, step_s)
        stack = {
            name: np.stack([getattr(one, name) for one in seen])
            for name in Trace.__dataclass_fields__
            if name != "time_s"
        }
        return Trace(time_s=np.arange(count, dtype=float) * sample_s, **stack)

    # --- looking ---

    def observe(self, state: State, inputs: Inputs) -> Outputs:
        """What is there to see now."""
        e, s, n, z = self.equations, self.scenarios, self.racks, self.zones
        if state.network is None:
            self._hold(state, inputs)
        network = state.network
        assert network is not None
        source = e.source(state, network)
        source[:, :z] = outlet = e.outlet(state)
        returned = e.breathe(network, source)[:, z:]
        fans, unit_fans = e.fan_power(network.flow), e.unit_fan_power(state)
        heat = RHO_CP * network.unit_flow * (returned - state.supply) + unit_fans
        cop = laws.chiller_cop(state.supply, e.cop_scale * inputs.efficiency)
        return Outputs(
            elapsed_s=state.elapsed_s,
            inlet=state.inlet.copy(),
            outlet=outlet.reshape(s, 2, n),
            cpu=state.cpu.copy(),
            supply_fraction=(network.supply / network.flow).reshape(s, 2, n),
            rack_airflow=network.flow.reshape(s, 2, n).sum(axis=1),
            rack_power=inputs.it_power + fans,
            server_fan_power=fans,
            supply=state.supply.copy(),
            return_=returned.copy(),
            unit_airflow=network.unit_flow.copy(),
            unit_fan_power=unit_fans,
            heat_removed=heat,
            cop=cop,
            unit_power=np.maximum(heat, 0.0) / cop + unit_fans,
            saturated=heat >= e.limit(state) * (1.0 - 1e-3),
            room=state.room.copy(),
            dew_point=laws.dew_point_of_ratio(state.moisture),
        )

    def server_fan_power(self, state: State) -> Floats:
        """Power (S, N) of the fans in the racks at the present flow, W."""
        if state.network is None:
            return np.zeros((self.scenarios, self.racks))
        return self.equations.fan_power(state.network.flow)

    def stored_energy(self, state: State) -> Floats:
        """Heat stored in air, servers, frames and slab (S,), J above 0 °C."""
        e, z, x = self.equations, self.zones, state.vector
        zones = (e.aisle_j_k * x[:, :z]).sum(axis=1) + (e.server_j_k * x[:, z : 2 * z]).sum(axis=1)
        return np.asarray(zones + e.air_j_k * state.room + e.near_j_k * state.near + e.slow_j_k * state.slow)

    def energy_put_in(self, state: State) -> Floats:
        """Heat that servers and fans gave off (S,), J since the start; less what coils removed, it is stored."""
        sums = state.scalars
        return np.asarray(sums[:, IT] + sums[:, FANS] + sums[:, UNIT_FANS])

    # --- the inside ---

    def _hold(self, state: State, inputs: Inputs) -> bool:
        """Let fans follow for the hold that begins, and take its flows; whether they changed."""
        e, old = self.equations, state.network
        state.hold_left_s = self.hold_s
        state.fan += -np.expm1(-self.hold_s / e.unit_fan_time_s) * (inputs.fan - state.fan)
        flow = e.flows(state, inputs)
        unit_flow = e.rated_flow * state.fan
        if old is not None and _same(unit_flow, old.unit_flow) and _same(flow, old.flow):
            recirculation = e.recirculation(inputs)
            if np.array_equal(recirculation, old.recirculation):
                return False
        state.network = e.network(state, inputs, flow)
        # What units breathe is carried on over small changes of flow and of whose air is breathed, not over jumps.
        jumps = old is None or not _same(unit_flow, old.unit_flow, _JUMP) or not _same(flow, old.flow, _JUMP)
        if jumps or (old is not None and np.abs(state.network.recirculation - old.recirculation).max() > _JUMP):
            state.returned, state.before_s, state.calm_s = None, 0.0, CALM_S
            state.trend[...] = 0.0
        return True

    def _step(self, state: State, drive: Drive, dt: float) -> None:
        e, z, rate, x, network = self.equations, self.zones, self._rate, state.vector, drive.network
        inlet, server = x[:, :z], x[:, z : 2 * z]
        above = np.subtract(server, inlet, out=self._zone)
        source = e.source(state, network)
        outlet = np.multiply(above, e.effectiveness, out=source[:, :z])
        outlet += inlet
        above *= drive.server_rate
        np.subtract(drive.server_gain, above, out=rate[:, z : 2 * z])
        mixed = e.breathe(network, source)
        inflow = np.subtract(mixed[:, :z], inlet, out=rate[:, :z])
        inflow *= drive.aisle_rate
        cpu = np.add(inlet, drive.cpu_rise, out=rate[:, 2 * z : 3 * z])
        cpu -= x[:, 2 * z : 3 * z]
        cpu *= drive.cpu_rate

        returned, scalars, change = mixed[:, z:], state.scalars, rate[:, 3 * z :]
        room = scalars[:, ROOM]
        into = np.einsum("sz,sz->s", network.to_room, outlet)
        into += np.einsum("sm,sm->s", network.bypass, state.supply)
        into -= drive.into_room * room
        into *= RHO_CP
        to_mass = drive.mass_w_k * (room[:, None] - scalars[:, NEAR : SLOW + 1])
        into -= to_mass.sum(axis=1)
        heat = drive.unit_conductance * (returned - state.supply)
        heat += drive.unit_fans_w
        np.divide(into, e.air_j_k, out=change[:, ROOM])
        np.multiply(to_mass, drive.per_mass, out=change[:, NEAR : SLOW + 1])
        heat.sum(axis=1, out=change[:, REMOVED])
        np.einsum("sm,sm->s", np.maximum(heat, 0.0), drive.per_cop, out=change[:, CHILLER])
        change[:, MOISTURE:] = drive.steady
        # Adams-Bashforth; its first step is Euler's.
        back = 0.5 * min(dt / state.before_s, _CARRIED) if state.before_s > 0.0 else 0.0
        x += np.multiply(rate, (1.0 + back) * dt, out=self._part)
        if back:
            state.before *= back * dt
            x -= state.before
        state.before, self._rate = rate, state.before
        # The supply has no heat of its own in the balance: it may be cut to what the coil can do.
        lag = drive.lags(dt)
        state.available += lag[0] * (drive.inputs.capacity - state.available)
        supply = state.supply
        supply += lag[1] * (drive.setpoint - supply)
        # What returns at the end of the step, by how it changed before: half of the last change and half of what was
        # taken for it then, which keeps long steps stable.
        ahead = returned + drive.fan_rise
        if state.returned is not None and state.before_s > 0.0:
            if dt <= _CARRIED * state.before_s:
                state.trend += 0.5 * ((returned - state.returned) / state.before_s - state.trend)
            ahead += dt * state.trend
        state.returned, state.before_s = returned, dt
        np.maximum(supply, ahead - drive.full_drop * state.available, out=supply)
        np.minimum(supply, ahead, out=supply)


def _same(one: Floats, other: Floats, share: float = FLOW_TOLERANCE) -> bool:
    """Whether flows are alike to within a share."""
    return bool((np.abs(one - other) <= share * other).all())
