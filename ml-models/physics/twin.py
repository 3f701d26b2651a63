"""The twin of a room: the calibrated model that follows what is measured, and says what comes next. Pure.

At each moment it is told powers, supply temperatures and flows, lets the model follow, and compares the model's inlets
with the measured ones: bias and gain of each zone are filtered (:mod:`physics.online`). A forecast lets a copy of the
model run on: racks keep their power, units their commands and habits (:mod:`physics.supply`), and what a unit can no
longer do is taken from the heat it still removes. Each forecast is scored when its time has come; its interval is what
past errors at that horizon say. It knows the past alone. Next: :mod:`physics.fidelity` judges it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from physics.ahead import Ahead, Beginning
from physics.calibration import following
from physics.laws import RHO_CP, Floats
from physics.layout import Layout
from physics.model import RoomModel
from physics.online import BiasAndGain
from physics.parameters import Parameters
from physics.recording import Recording
from physics.state import Inputs, State
from physics.supply import SupplyHabits

HORIZONS_S: Final = (60, 300, 900, 1800, 3600)
COVERAGE: Final = 0.9
# Errors that an interval's width is taken from, per horizon and zone, and how many it needs.
_SCORED: Final = 150
_LEAST_SCORED: Final = 20
# A unit whose supply is this far above its command cannot do what it is told (K).
_SHORT_K: Final = 1.0
# Half of that is enough where it gives nearly all that it is rated for.
_NEAR_LIMIT: Final = 0.85
# After a longer silence the twin starts anew (s).
_SILENCE_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What is measured at one time (epoch seconds): shapes as in :class:`physics.recording.Recording` without K."""

    time_s: float
    inlet: Floats  # (2, N)
    power: Floats  # (N,)
    supply: Floats  # (M,)
    return_: Floats  # (M,)
    airflow: Floats  # (M,)
    setpoint: Floats  # (M,)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Inlets (2, N) expected ``horizon_s`` after ``issued_s`` (epoch seconds), with the interval of 90 %."""

    issued_s: float
    horizon_s: float
    value: Floats
    lo: Floats
    hi: Floats


class Twin:
    """The twin of one room. Feed it :meth:`observe`; ask it :meth:`forecast`, or :meth:`state_now` for scenarios."""

    def __init__(
        self,
        layout: Layout,
        parameters: Parameters | None = None,
        *,
        step_s: float = 60.0,
        horizons_s: Sequence[float] = HORIZONS_S,
    ) -> None:
        """``step_s`` is about how often it is told something; ``horizons_s`` are those of its forecasts."""
        self.layout, self.parameters = layout, parameters or Parameters()
        self.horizons_s = tuple(sorted(horizons_s))
        self.step_s = step_s
        told = following(self.parameters)
        self._follow = RoomModel(layout, told)
        self.ahead = Ahead(layout, self.parameters, step_s)
        n, m = self._follow.racks, self._follow.units
        self._zones = BiasAndGain(2 * n)
        self._habits = SupplyHabits(m, step_s, self._steps(self.horizons_s[-1]))
        self._inputs = self._follow.default_inputs(0.5)
        self._state: State | None = None
        self._last: Moment | None = None
        self._command: Floats = np.full(m, np.nan)
        self._capacity: Floats = np.ones(m)
        self._heat_before: Floats = np.full(m, np.nan)
        self._due: deque[tuple[float, int, Floats]] = deque()
        self._errors: list[deque[Floats]] = [deque(maxlen=_SCORED) for _ in self.horizons_s]
        self.innovation: Floats = np.full((2, n), np.nan)

    @property
    def ready(self) -> bool:
        """Whether it has been told anything."""
        return self._state is not None

    @property
    def power(self) -> Floats:
        """Power of each rack (N,), W, as it was last known.

        Raises:
            ValueError: it has been told nothing.
        """
        return self._known()[1].power

    @property
    def bias(self) -> Floats:
        """Bias of each zone (2, N), K."""
        return self._zones.bias.reshape(2, -1)

    @property
    def gain(self) -> Floats:
        """Gain of each zone (2, N)."""
        return self._zones.gain.reshape(2, -1)

    def observe(self, moment: Moment) -> Floats:
        """Be told a moment; the innovations (2, N) in K: measured less what was expected a step before.

        Raises:
            ValueError: the moment is not after the last.
        """
        last = self._last
        if last is not None and moment.time_s <= last.time_s:
            raise ValueError(f"time {moment.time_s}: expected after {last.time_s}")
        moment = self._completed(moment)
        gap = moment.time_s - last.time_s if last is not None else 0.0
        if self._state is None or gap > _SILENCE_S:
            self._begin(moment)
            gap = 0.0
        else:
            self._tell(moment)
            self._follow.advance(self._state, self._inputs, gap, 5.0)
        assert self._state is not None
        self._units(moment, gap)
        model = self._state.inlet.reshape(-1)
        self.innovation = self._zones.update(
            moment.inlet.reshape(-1), model, self._supplied(self._state), max(gap, 1.0) / 60.0
        ).reshape(2, -1)
        self._last = moment
        self._score(moment)
        return self.innovation

    def expected(self) -> Floats:
        """Inlets (2, N) as they are now by the twin.

        Raises:
            ValueError: it has been told nothing.
        """
        state, _last = self._known()
        return self._zones.expected(state.inlet.reshape(-1), self._supplied(state)).reshape(2, -1)

    def forecast(self, horizons_s: Sequence[float] | None = None, *, keep: bool = True) -> list[Forecast]:
        """What the inlets will be; ``keep`` it for scoring (only the twin's own horizons are).

        Raises:
            ValueError: it has been told nothing.
        """
        begin = self.beginning(horizons_s)
        horizons = tuple(sorted(horizons_s)) if horizons_s is not None else self.horizons_s
        values = self.ahead.expected([begin], horizons)[0]
        return [self._made(begin.time_s, value, horizon, keep) for value, horizon in zip(values, horizons, strict=True)]

    def beginning(self, horizons_s: Sequence[float] | None = None) -> Beginning:
        """Where a forecast of now starts from: for :attr:`ahead`, which computes many at once.

        Raises:
            ValueError: it has been told nothing.
        """
        state, last = self._known()
        zones, inputs = self._zones, self._inputs
        furthest = max(horizons_s) if horizons_s is not None else self.horizons_s[-1]
        return Beginning(
            time_s=last.time_s,
            vector=state.vector[0].copy(),
            supply=state.supply[0].copy(),
            fan=state.fan[0].copy(),
            power=inputs.it_power[0].copy(),
            airflow=inputs.fan[0].copy(),
            capacity=self._capacity.copy(),
            command=self._command.copy(),
            setpoint=last.setpoint.copy(),
            deviation=self._habits.forecast(self._steps(furthest)),
            bias=zones.bias.copy(),
            gain=zones.gain.copy(),
            rest=zones.rest.copy(),
            persistence=zones.persistence,
        )

    def _steps(self, horizon_s: float) -> int:
        """The least number of steps that reach so far."""
        return max(1, math.ceil(horizon_s / self.step_s - 1e-9))

    def supply_fraction(self) -> Floats:
        """Capture index of each zone (2, N): the share of its air that comes straight from a cooling unit, 0..1.

        Raises:
            ValueError: it has been told nothing.
        """
        state, _last = self._known()
        return np.asarray(self._follow.observe(state, self._inputs).supply_fraction[0])

    def state_now(self) -> tuple[State, Inputs]:
        """State and inputs of now for a scenario, of a model with this twin's layout and parameters (copies).

        Inlets are the expected ones; set-points are the units' commands, capacities what they still can.

        Raises:
            ValueError: it has been told nothing.
        """
        state, last = self._known()
        state, inputs = state.copy(), self._inputs.copy()
        state.inlet[0] = self.expected()
        state.supply[0] = last.supply
        state.available[0] = self._capacity
        inputs.setpoint[0], inputs.capacity[0] = last.setpoint, self._capacity
        state.network = None
        return state, inputs

    # --- the inside ---

    def _known(self) -> tuple[State, Moment]:
        if self._state is None or self._last is None:
            raise ValueError(f"room {self.layout.room}: the twin has been told nothing yet")
        return self._state, self._last

    def _supplied(self, state: State) -> Floats:
        """Temperature of the supply air at each zone (Z,)."""
        e = self._follow.equations
        network = state.network
        if network is None:
            return np.full(self._follow.zones, float(state.supply.mean()))
        return np.asarray(e.supply_at(network, state.supply)[0])

    def _completed(self, moment: Moment) -> Moment:
        """The moment with what is missing taken from the last, or from the room's usual values."""
        last, units = self._last, self.layout.units
        setpoint = np.array([unit.setpoint_c for unit in units]) if last is None else last.setpoint
        rated = np.array([unit.airflow_m3s * unit.fan_percent / 100.0 for unit in units])
        usual_power = self._follow.power(0.5)[0] if last is None else last.power
        setpoint = _or(moment.setpoint, setpoint)
        return Moment(
            time_s=moment.time_s,
            inlet=moment.inlet,
            power=_or(moment.power, usual_power),
            supply=_or(moment.supply, setpoint if last is None else last.supply),
            return_=moment.return_,
            airflow=_or(moment.airflow, rated if last is None else last.airflow),
            setpoint=setpoint,
        )

    def _begin(self, moment: Moment) -> None:
        self._state = None
        self._tell(moment)
        state = self._follow.steady(self._inputs, tolerance_k=1e-4, rounds=100)
        state.inlet[0] = np.where(np.isfinite(moment.inlet), moment.inlet, state.inlet[0])
        self._state = state
        self._command = moment.setpoint.copy()

    def _tell(self, moment: Moment) -> None:
        inputs = self._inputs
        inputs.setpoint[0] = moment.supply
        inputs.fan[0] = np.clip(moment.airflow / self._follow.equations.rated_flow, 0.0, 1.5)
        total = moment.power[None, :]
        inputs.it_power = total.copy() if self._state is None else self._follow.it_power(total, self._state)

    def _units(self, moment: Moment, gap: float) -> None:
        """What units do by habit, and what they cannot do any more."""
        self._command += -np.expm1(-gap / self.parameters.supply_time_s) * (moment.setpoint - self._command)
        deviation = moment.supply - self._command
        self._habits.add(deviation)
        e = self._follow.equations
        flow = np.maximum(moment.airflow, 1e-3)
        share = np.clip(flow / e.rated_flow, 1e-3, 1.5)
        heat = RHO_CP * flow * (moment.return_ - moment.supply) + e.unit_fan_w * share**3
        limit = self.ahead.model().equations.rated_w[0] * share**self.parameters.capacity_exponent
        now, before = heat / limit, self._heat_before / limit
        left = np.exp(-max(gap, 1.0) / self.parameters.coil_time_s)
        # A coil runs empty exponentially: two moments say where it ends.
        end = np.where(np.isfinite(before) & (now < before), (now - left * before) / (1.0 - left), now)
        short = (deviation > _SHORT_K) | ((deviation > 0.5 * _SHORT_K) & (now > _NEAR_LIMIT))
        short &= np.isfinite(now)
        # While the command itself moves down quickly a unit may lag behind without lacking anything.
        short &= (moment.setpoint - self._command) > -0.5
        self._capacity = np.where(short, np.clip(end, 0.0, 1.0), 1.0)
        self._heat_before = heat

    def _made(self, issued_s: float, value: Floats, horizon: float, keep: bool) -> Forecast:
        half = self._half_width(horizon)
        if keep and horizon in self.horizons_s:
            self._due.append((issued_s + horizon, self.horizons_s.index(horizon), value))
        return Forecast(issued_s, horizon, value, value - half, value + half)

    def _half_width(self, horizon: float) -> Floats:
        """Half of the interval (2, N): the quantile of past errors at the nearest horizon, of the zone and of all."""
        nearest = min(range(len(self.horizons_s)), key=lambda k: abs(self.horizons_s[k] - horizon))
        errors = self._errors[nearest]
        if len(errors) < _LEAST_SCORED:
            return np.full((2, self._follow.racks), 0.2 + 0.3 * np.sqrt(horizon / 900.0))
        seen = np.abs(np.array(errors))
        known = np.isfinite(seen)
        everyone = float(np.quantile(seen[known], COVERAGE)) if known.any() else 0.5
        each = np.nanquantile(np.where(known.any(axis=0), seen, everyone), COVERAGE, axis=0)
        return np.asarray(np.maximum(0.5 * (each + everyone), 0.05))

    def _score(self, moment: Moment) -> None:
        waiting: deque[tuple[float, int, Floats]] = deque()
        for due, horizon, value in self._due:
            if due > moment.time_s + 0.5 * self.step_s:
                waiting.append((due, horizon, value))
            elif due > moment.time_s - 0.5 * self.step_s:
                self._errors[horizon].append(value - moment.inlet)
        self._due = waiting


def moments(measured: Recording) -> list[Moment]:
    """The moments of a recording, in order."""
    return [
        Moment(
            time_s=float(measured.time_s[k]),
            inlet=measured.inlet[k],
            power=measured.power[k],
            supply=measured.supply[k],
            return_=measured.return_[k],
            airflow=measured.airflow[k],
            setpoint=measured.setpoint[k],
        )
        for k in range(len(measured))
    ]


def _or(values: Floats, otherwise: Floats) -> Floats:
    return np.asarray(np.where(np.isfinite(values), values, otherwise))
