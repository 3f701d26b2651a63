"""One look at a room: a proposal with what it saves, what it gives up, and why, in words. Pure but for the solver.

What the linear programme proposes is checked by the room model itself; a proposal that the model does not bear is
halved until it does. Next: :mod:`optimiser.work` writes it onto the room's twin; :mod:`optimiser.ask` prints it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from optimiser.controller import MOST_INFIDELITY_K, Controller, Decision, Seen, Tuning, zone_names
from optimiser.prices import DAY_S, Objective, Series
from optimiser.problem import SolverFailed
from optimiser.response import Operation, settled_power
from optimiser.snapshot import Snapshot
from physics.laws import Floats

# Smaller changes are not worth a command: K, share of fan speed.
LEAST_K: Final = 0.1
LEAST_FAN: Final = 0.01
# A model that gets so much hotter than the room is expected to has no balance there (K).
_RUNS_AWAY_K: Final = 5.0
# A person accepts rarely, so a proposal may be as large as the guard lets pass without a second question.
ADVISE: Final = Tuning(interval_s=900.0, step_k=2.0, step_fan=0.2, rci_target=100.0)
# In closed loop many small steps follow each other.
CLOSED_LOOP: Final = Tuning(interval_s=300.0, step_k=0.5, step_fan=0.03, rci_target=100.0, respond_every_s=900.0)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the optimiser says of a room now. `settings`: unit -> setpoint, fanSpeed, setpointNow, fanSpeedNow."""

    id: str
    state: str
    at: int
    horizon_s: float
    settings: dict[str, dict[str, float]]
    power_now_w: float | None
    power_then_w: float | None
    hottest_c: float | None
    hottest_now_c: float | None
    margin_k: float | None
    solve_ms: float | None
    gives_up: dict[str, float]
    why: str
    objective: Objective = "energy"
    cost_now: float | None = None
    """What cooling costs an hour if nothing is changed, in the series' unit; None without a series."""
    cost_then: float | None = None

    @property
    def saving_percent(self) -> float | None:
        """Saving of cooling power, of what it is now."""
        if not self.power_now_w or self.power_then_w is None:
            return None
        return 100.0 * (1.0 - self.power_then_w / self.power_now_w)

    def properties(self, mode: str, instance: str) -> dict[str, Any]:
        """The room's feature ``optimisation``: everything it carries, null where there is nothing."""
        saving = self.saving_percent
        return {
            "mode": mode,
            "instance": instance,
            "at": self.at,
            "state": self.state,
            "proposal": self.id,
            "horizon": self.horizon_s,
            "settings": self.settings,
            "powerNow": _rounded(self.power_now_w, 0),
            "powerThen": _rounded(self.power_then_w, 0),
            "saving": _rounded(saving, 2),
            "margin": _rounded(self.margin_k, 2),
            "hottest": _rounded(self.hottest_c, 2),
            "hottestNow": _rounded(self.hottest_now_c, 2),
            "solveTime": _rounded(self.solve_ms, 1),
            "givesUp": self.gives_up,
            "objective": self.objective,
            "costNow": _rounded(self.cost_now, 3),
            "costThen": _rounded(self.cost_then, 3),
            "why": self.why,
        }


def nothing(at: int, state: str, why: str) -> Proposal:
    """No proposal, and why."""
    return Proposal(f"p-{uuid.uuid4().hex[:10]}", state, at, 0.0, {}, None, None, None, None, None, None, {}, why)


def propose(snapshot: Snapshot, controller: Controller, series: Series | None = None) -> Proposal:
    """The controller's decision on the room, checked by the room model; with a series, what it costs by that.

    What cannot be proposed (a solver that fails, a model that errs too much) is a proposal of nothing with the reason.
    """
    at, seen = snapshot.at, snapshot.seen
    value = None if series is None else series.at(seen.time_s)
    if series is not None:
        tuning = controller.tuning
        seen = replace(seen, ahead=series.ahead(seen.time_s, tuning.horizon_s, tuning.interval_s))
    if controller.infidelity_k > MOST_INFIDELITY_K:
        errs = f"the model errs by {controller.infidelity_k:.1f} K, above {MOST_INFIDELITY_K:g} K"
        return nothing(at, "failed", f"{errs}: it does not know the room")
    try:
        decision = controller.decide(seen)
    except SolverFailed as error:
        return nothing(at, "failed", f"{error}; the settings stay as they are")
    best = _best(replace(snapshot, seen=seen), controller, decision)
    setpoint, fan, power_now, power_then = best.setpoint, best.fan, best.power_now_w, best.power_w
    units = snapshot.layout.unit_ids
    settings = {
        unit: {
            "setpoint": round(float(setpoint[k]), 1),
            "fanSpeed": round(100.0 * float(fan[k]), 0),
            "setpointNow": round(float(seen.setpoint[k]), 1),
            "fanSpeedNow": round(100.0 * float(seen.fan[k]), 0),
        }
        for k, unit in enumerate(units)
        if unit not in snapshot.failed
        and (abs(setpoint[k] - seen.setpoint[k]) >= LEAST_K or abs(fan[k] - seen.fan[k]) >= LEAST_FAN)
    }
    names = zone_names(snapshot.layout, list(decision.solution.given_up))
    gives_up = {name: round(excess, 2) for name, excess in zip(names, decision.solution.given_up.values(), strict=True)}
    return Proposal(
        id=f"p-{uuid.uuid4().hex[:10]}",
        state="proposed" if settings else ("infeasible" if gives_up else "none"),
        at=at,
        horizon_s=controller.tuning.horizon_s,
        settings=settings,
        power_now_w=power_now,
        power_then_w=power_then,
        hottest_c=best.hottest_c,
        hottest_now_c=controller.hottest_now_c,
        margin_k=decision.margin_k,
        solve_ms=decision.solution.solve_ms,
        gives_up=gives_up,
        why=_words(snapshot, controller, seen, decision, best, settings=settings, gives_up=gives_up)
        + _price_words(series, seen, controller.tuning.horizon_s),
        objective="energy" if series is None else series.objective,
        cost_now=None if value is None else value * power_now / 1000.0,
        cost_then=None if value is None else value * power_then / 1000.0,
    )


@dataclass(frozen=True, slots=True)
class _Checked:
    """Settings that the room model itself was asked about."""

    setpoint: Floats
    fan: Floats
    power_w: float
    power_now_w: float
    hottest_c: float


def _best(snapshot: Snapshot, controller: Controller, decision: Decision) -> _Checked:
    """The decision, or a more careful one where the model with all its bends says that the decision is too warm.

    The decision rests on tangents, which a unit at the end of its capacity bends most: it is taken whole, by half, by a
    quarter, not at all, and where the room is too warm as it is, with more cooling. Least excess first, then power.
    """
    seen = snapshot.seen
    works = seen.capacity > 0.0
    places = snapshot.layout.units
    low, fast = np.array([p.setpoint_min_c for p in places]), np.array([p.fan_max / 100.0 for p in places])
    setpoint, fan = _worth_it(seen.setpoint, decision.setpoint, LEAST_K), _worth_it(seen.fan, decision.fan, LEAST_FAN)
    careful = np.minimum(setpoint, seen.setpoint), np.maximum(fan, seen.fan)
    tuning = controller.tuning
    colder = np.maximum(low, seen.setpoint - tuning.step_k), np.minimum(fast, seen.fan + tuning.step_fan)
    now = Operation(seen.setpoint, seen.fan, seen.capacity, _it_power(controller))

    def settled(at: Operation) -> tuple[float, float]:
        return settled_power(snapshot.layout, controller.parameters, at, server_fans=tuning.server_fans)

    power_now, hot_now = settled(now)
    # What the index may lose is not too warm.
    limit = controller.hottest_allowed_c + decision.solution.allowed_k
    # The model knows changes better than levels, unless it runs away as the room is set: from there no change is known.
    apart = controller.hottest_now_c - hot_now if hot_now < controller.hottest_now_c + _RUNS_AWAY_K else 0.0
    as_is = _Checked(seen.setpoint, seen.fan, power_now, power_now, hot_now + apart)
    # As it is, is always a choice: where nothing is too warm only what saves is worth a change.
    found: list[tuple[float, float, _Checked]] = [(round(max(0.0, as_is.hottest_c - limit), 1), power_now, as_is)]
    ahead = _cools_ahead(controller, seen)
    halves = [
        (seen.setpoint + h * (setpoint - seen.setpoint), seen.fan + h * (fan - seen.fan)) for h in (1.0, 0.5, 0.25)
    ]
    for one, other in (*halves, careful, colder):
        to_setpoint, to_fan = np.where(works, one, seen.setpoint), np.where(works, other, seen.fan)
        power, hot = settled(replace(now, setpoint=to_setpoint, fan=to_fan))
        hottest = hot + apart
        checked = _Checked(to_setpoint, to_fan, power, power_now, hottest)
        found.append((round(max(0.0, hottest - limit), 1), power, checked))
        if found[-1][0] == 0.0:
            # Nothing is too warm: no need for more care.
            if ahead and len(found) == 2:
                # More power now is what saves the dearer energy later.
                return checked
            break
    return min(found, key=lambda each: each[:2])[2]


def _cools_ahead(controller: Controller, seen: Seen) -> bool:
    """Whether the index may lose something, and energy gets dearer within the horizon: it is cooled more until then."""
    return controller.tuning.rci_target < 100.0 and seen.ahead.prices[0] < seen.ahead.prices[1]


def _words(
    snapshot: Snapshot,
    controller: Controller,
    seen: Seen,
    decision: Decision,
    best: _Checked,
    *,
    settings: dict[str, Any],
    gives_up: dict[str, float],
) -> str:
    parts = []
    saved_w = best.power_now_w - best.power_w
    for unit, why in snapshot.failed.items():
        parts.append(f"{_short(unit)} has failed: {why}")
    if not settings:
        parts.append("the units are set as well as the model can tell")
    elif saved_w >= 0:
        counted = ", servers' fans counted" if controller.tuning.server_fans else ""
        parts.append(f"saves {saved_w / 1000:.2f} kW of cooling{counted}")
    else:
        what = _what_for(controller, best, ahead=_cools_ahead(controller, seen))
        parts.append(f"costs {-saved_w / 1000:.2f} kW more and {what}")
    parts.append(f"hottest inlet then {best.hottest_c:.1f} °C with a margin of {decision.margin_k:.1f} K")
    if gives_up:
        worst = max(gives_up, key=lambda name: gives_up[name])
        inlets = "1 inlet" if len(gives_up) == 1 else f"{len(gives_up)} inlets"
        parts.append(f"cannot keep {inlets}, worst {_short(worst)} by {gives_up[worst]:.1f} K")
    if decision.not_believed:
        names = zone_names(snapshot.layout, decision.not_believed[:3])
        parts.append(f"not believed: {', '.join(map(_short, names))}")
    return "; ".join(parts)


def _what_for(controller: Controller, best: _Checked, *, ahead: bool) -> str:
    """What more power buys: inlets back within their limit, nearer to it, the margin that it lacks, or cheaper cold."""
    limit = controller.hottest_limit_c
    if ahead:
        return "cools ahead, before energy gets dearer"
    if controller.hottest_now_c <= limit:
        return f"restores the margin to the limit of {limit:g} °C, within which all inlets stay as they are"
    if best.hottest_c <= limit:
        return f"brings the inlets back below {limit:g} °C"
    return f"brings the hottest inlet from {controller.hottest_now_c:.1f} °C nearer to {limit:g} °C"


def _price_words(series: Series | None, seen: Seen, horizon_s: float) -> str:
    """What energy costs now, and what is assumed where the series does not tell."""
    if series is None:
        return ""
    now, known = seen.time_s, series.known_s(seen.time_s, horizon_s)
    ahead = "the day ahead" if known >= DAY_S else f"the mean of the next {known / 3600:.1f} h"
    dearer = 100.0 * (series.relative(now) - 1.0)
    word = "above" if dearer >= 0 else "below"
    parts = [f"energy is at {series.at(now):g} {series.unit}, {abs(dearer):.0f} % {word} {ahead}"]
    first, then = seen.ahead.prices
    change, minutes = 100.0 * (then / first - 1.0), seen.ahead.first * horizon_s / 60.0
    if abs(change) >= 1.0:
        parts.append(f"in {minutes:.0f} min it is {abs(change):.0f} % {'dearer' if change > 0 else 'cheaper'}")
    return "; " + "; ".join((*parts, *series.assumed(now, now + horizon_s)))


def _it_power(controller: Controller) -> Floats:
    response = controller.response
    assert response is not None
    return response.at.it_power


def _worth_it(now: Floats, then: Floats, least: float) -> Floats:
    return np.asarray(np.where(np.abs(then - now) >= least, then, now))


def _short(name: str) -> str:
    return name.partition(":")[2] or name


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
