"""Model-predictive control of a room over time: measured inlets in, next settings out. Pure but for the solver's clock.

Between two looks the model's inlets follow their settled values with one lag; what is measured beyond that is each
inlet's bias, which is taken to stay. How far measured inlets are from what was predicted a look before is the model's
infidelity; the margin to every limit grows with it, so a model that errs more is trusted less. A cold outlier of one
sensor is not believed, a hot one is. Next: :mod:`optimiser.work`, which proposes or commands what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from optimiser.air import Demand, Enough
from optimiser.prices import Ahead
from optimiser.problem import Air, Bounds, Moment, Solution, Solver
from optimiser.response import Operation, Response, respond
from physics import ashrae
from physics.laws import Floats
from physics.layout import Layout
from physics.parameters import Parameters

# A sensor that is colder than expected by more than this, alone, is not believed (K).
_OUTLIER_K: Final = 4.0
# Errors are taken over this time (s), or over the interval where that is shorter, and begin with this (K).
_LEARN_S: Final = 600.0
_FIRST_ERROR_K: Final = 0.6
# Forgetting of past errors.
_FORGET: Final = 0.1
# A room has settled so long after a failure (s).
_SETTLED_S: Final = 1200.0
# How much of what was not used, or overused, of the index's budget is added at each look.
_REPAY: Final = 0.1
_EVEN: Final = Ahead()
# Share of a rack's power that is its servers' own, without their fans.
IT_SHARE: Final = 0.94
# Air that is offered beyond what is known to be enough, as a share.
_SPARE_AIR: Final = 0.005
# A model that errs by more than this proposes nothing: it does not know the room (K).
MOST_INFIDELITY_K: Final = 3.0


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the controller looks ahead and how careful it is. Times in s."""

    interval_s: float = 600.0
    horizon_s: float = 1800.0
    lag_s: float = 480.0
    """How fast inlets follow a change of supply, through servers and aisles."""
    respond_every_s: float = 3600.0
    margin_k: float = 0.2
    margin_per_k: float = 1.5
    """How much margin each kelvin of measured error adds."""
    rci_target: float = 98.0
    """Rack cooling index (high) that is kept, in %; 100 allows no inlet above its recommended limit."""
    allowable_gap_k: float = 1.0
    """How far below the allowable limit every inlet stays, beside the margin."""
    step_k: float = 0.5
    step_fan: float = 0.03
    watched: int = 120
    server_fans: bool = True
    """Whether what the servers' own fans draw counts as cooling."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is measured at one time (epoch s): inlets (2, N) °C, rack power (N,) W, settings (M,) °C and shares.

    ``capacity`` (M,) is 0 for a unit that has failed; ``unit_flow`` (M,) m3/s where it is known; ``ahead`` is what
    energy costs within the horizon.
    """

    time_s: float
    inlet: Floats
    power: Floats
    setpoint: Floats
    fan: Floats
    capacity: Floats
    unit_flow: Floats | None = None
    ahead: Ahead = _EVEN


@dataclass(frozen=True, slots=True)
class Decision:
    """What the units should be set to next: °C and shares (M,)."""

    setpoint: Floats
    fan: Floats
    solution: Solution
    margin_k: float
    infidelity_k: float
    not_believed: tuple[int, ...]
    hottest_c: float


@dataclass(slots=True)
class _Memory:
    response: Response | None = None
    responded_s: float = -np.inf
    inlet: Floats = field(default_factory=lambda: np.empty(0))
    bias: Floats | None = None
    anchor: Floats | None = None
    anchor_s: float = -np.inf
    error2: Floats | None = None
    owed: float = 0.0
    rebase: bool = False
    broken_s: float = np.inf
    looked_s: float = -np.inf
    setpoint: Floats = field(default_factory=lambda: np.empty(0))
    fan: Floats = field(default_factory=lambda: np.empty(0))
    offered: float = np.nan
    enough: Enough = field(default_factory=Enough)


class Controller:
    """The controller of one room. Not thread safe."""

    def __init__(
        self,
        layout: Layout,
        parameters: Parameters | None = None,
        tuning: Tuning | None = None,
        solver: Solver | None = None,
    ) -> None:
        self.layout, self.parameters, self.tuning = layout, parameters or Parameters(), tuning or Tuning()
        self._solver = solver or Solver(watched=self.tuning.watched)
        limits = [ashrae.limits(rack.ashrae_class) for rack in layout.racks]
        self._high = np.tile(np.array([one.recommended_high for one in limits]), 2)
        self._allowable = np.tile(np.array([one.allowable_high for one in limits]), 2)
        units = layout.units
        self._bounds = Bounds(
            setpoint_low=np.array([unit.setpoint_min_c for unit in units]),
            setpoint_high=np.array([unit.setpoint_max_c for unit in units]),
            fan_low=np.array([unit.fan_min / 100.0 for unit in units]),
            fan_high=np.array([unit.fan_max / 100.0 for unit in units]),
            step_k=self.tuning.step_k,
            step_fan=self.tuning.step_fan,
        )
        self._memory = _Memory()
        self._demand = Demand(layout, self.parameters)
        self._hottest_now_c = float("nan")

    @property
    def infidelity_k(self) -> float:
        """Root mean square of how far inlets were from what was predicted one look before (K)."""
        error2 = self._memory.error2
        return 0.0 if error2 is None else float(np.sqrt(error2.mean()))

    @property
    def response(self) -> Response | None:
        """The room's present response, None before the first look."""
        return self._memory.response

    @property
    def hottest_now_c(self) -> float:
        """Hottest inlet once the room has settled as it is set now (°C)."""
        return self._hottest_now_c

    @property
    def hottest_allowed_c(self) -> float:
        """The lowest recommended limit of the room's racks less the margin, as the hottest inlet is held to (°C)."""
        return (
            float((self._high - self._margin()).min()) if self.tuning.rci_target >= 100.0 else float(self._high.min())
        )

    @property
    def hottest_limit_c(self) -> float:
        """The lowest recommended limit of the room's racks (°C)."""
        return float(self._high.min())

    def prepare(self, seen: Seen) -> bool:
        """Find the room's response anew where it is due or a unit's state changed; whether it was. Takes a second for
        large rooms, which is why it is apart from :meth:`decide`."""
        memory, tuning = self._memory, self.tuning
        broken = memory.response is not None and _changed(seen.capacity, memory.response.at.capacity)
        if memory.response is not None and not broken and (seen.time_s - memory.responded_s < tuning.respond_every_s):
            return False
        before = memory.response
        power = np.where(np.isfinite(seen.power), seen.power, np.nanmean(seen.power))
        operation = Operation(seen.setpoint.copy(), self._moving(seen), seen.capacity.copy(), IT_SHARE * power)
        memory.response = respond(self.layout, self.parameters, operation, server_fans=tuning.server_fans)
        memory.responded_s = seen.time_s
        memory.rebase = broken
        settled = memory.response.inlet
        if before is None:
            memory.inlet = settled.copy()
        elif not broken:
            # What the load has done since is in the measured inlets already; what the settings have still to do stays.
            shift = settled - before.inlets(operation.setpoint, memory.response.at.fan)
            memory.enough.shift(-float(shift.mean()))
            memory.inlet = memory.inlet + shift
            memory.bias = None if memory.bias is None else memory.bias - shift
            memory.anchor = None if memory.anchor is None else memory.anchor - shift
        return True

    def decide(self, seen: Seen) -> Decision:
        """The next settings.

        Raises:
            SolverFailed: the programme has no usable solution.
        """
        memory, tuning = self._memory, self.tuning
        self.prepare(seen)
        response = memory.response
        assert response is not None
        fan = self._moving(seen)
        measured, doubted = self._believed(seen.inlet.reshape(-1))
        air = self._air(seen, measured, fan)
        share = 1.0
        if np.isfinite(memory.looked_s):
            # Over the time since the last look, with the settings as they were.
            share = -np.expm1(-(seen.time_s - memory.looked_s) / tuning.lag_s)
            memory.inlet += share * (response.inlets(memory.setpoint, memory.fan) - memory.inlet)
        before = memory.offered if np.isfinite(memory.offered) else air.offered
        memory.offered = before + share * (air.offered - before)
        bias = self._biased(measured, seen)
        settled = response.inlets(seen.setpoint, fan) + bias
        if seen.time_s - memory.broken_s > _SETTLED_S:
            # Long after a failure what is measured is believed before what was forecast.
            settled = np.maximum(settled, measured - 0.3)
        self._hottest_now_c = float((settled + max(0.0, air.wanted - air.offered) * response.starved).max())
        ahead, horizon = seen.ahead, tuning.horizon_s
        starts = np.array([0.0, ahead.first * horizon])
        # A change of price has what leads to it looked at when it comes, and what follows when that is felt.
        first = starts[1] if ahead.changes else tuning.interval_s
        times = np.array([first, max(horizon, starts[1] + 0.5 * horizon), 2.0 * horizon])
        lagged = np.exp(-times / tuning.lag_s)[:, None]
        free = settled + lagged * (measured - settled)
        felt = -np.expm1(-np.maximum(times[:, None] - starts, 0.0) / tuning.lag_s)
        margin = self._margin()
        # The index is a mean, so only a strict target needs the margin below the recommended limit as well.
        strict = float(np.clip((tuning.rci_target - 98.0) / 2.0, 0.0, 1.0))
        limit = self._high - strict * margin
        span = self._allowable - self._high
        # Where energy is dear now the index gives more, where it is cheap less: over a day it is what it should be.
        budget = self._budget(measured, ahead.prices[0] * float((1.0 - tuning.rci_target / 100.0) * span.sum()))
        solution = self._solver.solve(
            response,
            self._within(seen, fan),
            Moment(
                setpoint=seen.setpoint,
                fan=fan,
                free=free,
                felt=felt,
                limit=limit,
                room=np.maximum(self._allowable - tuning.allowable_gap_k - margin - limit, 0.0),
                budget=budget,
                air=air,
                ahead=ahead,
            ),
        )
        setpoint = np.clip(seen.setpoint + solution.move_k, self._bounds.setpoint_low, self._bounds.setpoint_high)
        to_fan = np.clip(fan + solution.move_fan, self._bounds.fan_low, self._bounds.fan_high)
        # A unit that has failed is left as it is.
        works = seen.capacity > 0.0
        setpoint, to_fan = np.where(works, setpoint, seen.setpoint), np.where(works, to_fan, seen.fan)
        moving = np.where(works, to_fan, fan)
        memory.looked_s, memory.setpoint, memory.fan = seen.time_s, setpoint.copy(), moving.copy()
        lack = max(0.0, air.lack(setpoint - seen.setpoint, moving - fan))
        then = response.inlets(setpoint, moving) + bias + lack * response.starved
        return Decision(
            setpoint=setpoint,
            fan=to_fan,
            solution=solution,
            margin_k=float(margin.mean()),
            infidelity_k=self.infidelity_k,
            not_believed=doubted,
            hottest_c=float(then.max()),
        )

    def settings_changed(self, setpoint: Floats, fan: Floats) -> None:
        """Others set the units, or nobody followed the decision: what is in force from now on (M,)."""
        self._memory.setpoint, self._memory.fan = setpoint.copy(), fan.copy()

    # --- the inside ---

    def _moving(self, seen: Seen) -> Floats:
        """Fan speeds (shares) as the air shows them: a unit whose fans stand moves none."""
        if seen.unit_flow is None:
            return seen.fan.copy()
        rated = np.array([unit.airflow_m3s for unit in self.layout.units])
        stands = np.isfinite(seen.unit_flow) & (seen.unit_flow < 0.05 * rated)
        return np.where(stands, 0.0, seen.fan)

    def _within(self, seen: Seen, fan: Floats) -> Bounds:
        bounds = self._bounds
        works = seen.capacity > 0.0
        # While a unit lacks something no other is lessened: the guard would not let it pass, and for a reason.
        free = works & bool((seen.capacity > 0.99).all())
        return Bounds(
            setpoint_low=np.where(works, bounds.setpoint_low, seen.setpoint),
            setpoint_high=np.where(free, bounds.setpoint_high, seen.setpoint),
            fan_low=np.where(free, bounds.fan_low, fan),
            fan_high=np.where(works, bounds.fan_high, fan),
            step_k=bounds.step_k,
            step_fan=bounds.step_fan,
        )

    def _believed(self, measured: Floats) -> tuple[Floats, tuple[int, ...]]:
        """Inlets with what is missing or too cold to be true replaced by what was expected."""
        if self._memory.bias is None:
            expected = np.where(np.isfinite(measured), measured, np.nanmax(measured))
        else:
            expected = self._memory.inlet + self._memory.bias + self._lacking()
        error = measured - expected
        # What moves all inlets is no fault of one sensor.
        cold = (error - np.nanmedian(error)) < -_OUTLIER_K
        doubted = cold | ~np.isfinite(measured)
        return np.where(doubted, expected, measured), tuple(int(z) for z in np.flatnonzero(doubted))

    def _biased(self, measured: Floats, seen: Seen) -> Floats:
        """The inlets' bias now; while a unit lacks something, that of before: a room takes long to show what it does,
        and what it has not shown yet must not pass for an error of the model."""
        memory = self._memory
        whole = bool((seen.capacity > 0.99).all())
        if whole and not memory.rebase:
            memory.broken_s = np.inf
            response = memory.response
            assert response is not None
            above = float((measured - memory.inlet).mean())
            memory.enough.add(memory.offered / response.enough, above, float(response.starved.mean()))
            memory.bias = measured - memory.inlet - self._lacking()
            self._learn(memory.bias, seen.time_s)
            return memory.bias
        if not whole and not np.isfinite(memory.broken_s):
            memory.broken_s = seen.time_s
        memory.rebase = False
        if memory.bias is None:
            # Never seen whole: the model is taken at its word.
            memory.bias = np.zeros_like(measured)
        memory.inlet = measured - memory.bias - self._lacking()
        memory.anchor = None
        return memory.bias

    def _lacking(self) -> Floats:
        """By how much inlets are warmer now because air lacks (2N,), K."""
        response = self._memory.response
        assert response is not None
        return max(0.0, self._memory.enough.at * response.enough - self._memory.offered) * response.starved

    def _air(self, seen: Seen, measured: Floats, fan: Floats) -> Air:
        """What units offer and racks ask for now, as shares of what is asked for."""
        response, demand = self._memory.response, self._demand
        assert response is not None
        power = np.where(np.isfinite(seen.power), seen.power, np.nanmean(seen.power))
        asked, slope = demand.asked(measured, IT_SHARE * power)
        offered = float(demand.offered_full @ fan) / asked
        return Air(
            offered=offered,
            wanted=self._memory.enough.at * response.enough + _SPARE_AIR,
            per_k=-offered * (slope @ response.per_k) / asked,
            per_fan=demand.offered_full / asked,
            starved=response.starved,
        )

    def _learn(self, bias: Floats, now: float) -> None:
        """How much the inlets' bias has changed over one look ahead: that is by how much the prediction was wrong."""
        memory = self._memory
        if memory.anchor is not None and now - memory.anchor_s < min(self.tuning.interval_s, _LEARN_S):
            return
        if memory.anchor is not None:
            error2 = (bias - memory.anchor) ** 2
            before = np.full(error2.size, _FIRST_ERROR_K**2) if memory.error2 is None else memory.error2
            memory.error2 = before + _FORGET * (error2 - before)
        memory.anchor, memory.anchor_s = bias.copy(), now

    def _budget(self, measured: Floats, wanted: float) -> float:
        """What all excesses together may be (K), so that over time they are what is wanted."""
        excess = float(np.maximum(measured - self._high, 0.0).sum())
        memory = self._memory
        memory.owed = float(np.clip(memory.owed + _REPAY * (wanted - excess), -0.5 * wanted, 0.5 * wanted))
        return wanted + memory.owed

    def _margin(self) -> Floats:
        """Margin of each inlet (K): from its own errors, and half from everyone's."""
        error2 = self._memory.error2
        if error2 is None:
            return np.full(self._high.size, self.tuning.margin_k + _FIRST_ERROR_K * self.tuning.margin_per_k)
        typical = np.sqrt(0.5 * (error2 + error2.mean()))
        return np.asarray(self.tuning.margin_k + self.tuning.margin_per_k * typical)


def _changed(capacity: Floats, before: Floats) -> bool:
    """Whether a unit failed, lost or regained a good part of what it can do."""
    return bool((np.abs(capacity - before) > 0.15).any() or ((capacity == 0.0) != (before == 0.0)).any())


def zone_names(layout: Layout, zones: Sequence[int]) -> list[str]:
    """Inlets by rack and place, from their indices."""
    n = len(layout.racks)
    return [f"{layout.rack_ids[z % n]} {'bottom' if z < n else 'top'}" for z in zones]
