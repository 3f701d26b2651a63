"""Thousands of commands, random and hostile, against the guard's rules; an oracle of its own says which were unsafe.

Each episode is a room with hidden parameters, with its load wandering and units that fail. At each tick somebody wishes
something: anything at all, small steps that add up, jumps with a false or a real confirmation, fans down to nothing,
two units lessened while a third is broken, dates and ids that are wrong. What passes is carried out, so that hostile
commands build on each other. Now and then the guard is killed, and another goes on with what stands in the audit. The
oracle does not know the guard: it looks at limits and pace by itself, and lets the true room run for half an hour with
the command and without it. A command was unsafe if it let an inlet leave its class that would have stayed in it, or
broke a limit, the pace or the interlock.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from msgspec import structs

from guard.case import Case, Policy
from guard.forecast import careful
from guard.ledger import Ledger
from guard.outlook import bound
from guard.recent import Recent
from guard.rules import decide
from guard.state import Room, room_of
from physics import ashrae, hidden
from physics.layout import Layout, RackPlace, UnitPlace
from physics.model import RoomModel
from physics.parameters import Parameters
from physics.state import Inputs, State
from racktwin.commands import Audit, Request, Wish, decode_audit, encode_audit, wish_of

SITE: Final = "arena"
TICK_S: Final = 60.0
HORIZON_S: Final = 1800.0
_START_MS: Final = 1_800_000_000_000
_STRATEGIES: Final = (
    "anything", "creep", "jump", "starve", "liar", "both", "worst", "worst", "cold", "nonsense", "usual",
)  # fmt: skip
# How likely a guard is killed within a tick.
_KILLED: Final = 0.1
_LIMITS: Final = {"setpointMin": 15.0, "setpointMax": 31.0, "fanMin": 30.0, "fanMax": 100.0}


@dataclass(slots=True)
class Tally:
    """What came of all commands."""

    tried: int = 0
    restarts: int = 0
    passed: int = 0
    unsafe: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    by_strategy: Counter[str] = field(default_factory=Counter)


def room(racks_per_row: int = 5) -> Layout:
    """Four rows around two cold aisles, four units at their ends; classes A1 and A2, racks of 5 to 9 kW."""
    racks = []
    for row in range(4):
        y, yaw = 1.8 + (row // 2) * 3.6 + (1.2 if row % 2 else 0.0), (-90.0 if row % 2 else 90.0)
        for place in range(racks_per_row):
            racks.append(
                RackPlace(
                    id=f"racktwin.{SITE}:rack-r{row}-{place}", x=2.0 + 0.6 * place, y=y, yaw_deg=yaw, row=f"r{row}",
                    power_capacity_w=5000.0 + 1000.0 * ((row + place) % 5), ashrae_class="A1" if row % 2 else "A2",
                )
            )  # fmt: skip
    width, load = 4.0 + 0.6 * racks_per_row, sum(rack.power_capacity_w for rack in racks)
    units = [
        UnitPlace(
            id=f"racktwin.{SITE}:cooling-c{k}", x=0.6 if k % 2 else width - 0.6, y=2.4 + (k // 2) * 3.6,
            capacity_w=0.42 * load, airflow_m3s=0.3 * 7.0e-5 * load, fan_power_w=0.012 * load, setpoint_c=19.0,
            setpoint_min_c=_LIMITS["setpointMin"], setpoint_max_c=_LIMITS["setpointMax"], fan_percent=85.0,
        )
        for k in range(4)
    ]  # fmt: skip
    return Layout("hall", width, 9.0, 3.2, tuple(racks), tuple(units))


class Arena:
    """``episodes`` rooms of one layout, side by side."""

    def __init__(self, episodes: int, seed: int, *, blind: bool = False, forgetful: bool = False) -> None:
        """To see whether the oracle notices: ``blind`` guards look at no forecast; ``forgetful`` ones are killed at
        every tick and read no audit.
        """
        self.layout, self.episodes = room(), episodes
        self._rng = np.random.default_rng([seed, 91])
        self._hidden = [hidden.draw(self.layout, seed * 1000 + k) for k in range(episodes)]
        self._model = RoomModel(self.layout, self._hidden, hold_s=30.0)
        n, m = len(self.layout.racks), len(self.layout.units)
        self._load = self._rng.uniform(0.4, 0.95, (episodes, n))
        self._inputs = self._model.default_inputs(self._load)
        self._inputs.setpoint[...] = self._rng.uniform(18.0, 27.0, (episodes, 1))
        self._inputs.fan[...] = self._rng.uniform(0.6, 0.95, (episodes, 1))
        self._target_k, self._target_fan = self._inputs.setpoint.copy(), self._inputs.fan.copy()
        self._state = self._model.steady(self._inputs)
        self._recent = [Recent() for _ in range(episodes)]
        self._killing, self._forgetful = np.random.default_rng([seed, 92]), forgetful
        self._audit: list[list[bytes]] = [[] for _ in range(episodes)]
        self._fails_at = self._rng.integers(3, 60, (episodes, m)) + 1000 * (self._rng.random((episodes, m)) > 0.15)
        limits = [ashrae.limits(rack.ashrae_class) for rack in self.layout.racks]
        self._high = np.array([one.allowable_high for one in limits])
        self._low = np.array([one.allowable_low for one in limits])
        self._lessened: list[list[tuple[int, int]]] = [[] for _ in range(episodes)]
        # Tick, unit, kelvin up and percentage points down of what no person confirmed.
        self._taken: list[list[tuple[int, int, float, float]]] = [[] for _ in range(episodes)]
        self._tick = 0
        self._outlooks = (_nothing, _nothing) if blind else (bound, _by_model)
        self.tally = Tally()

    def run(self, ticks: int) -> Tally:
        """One command for every episode at each tick, and more from those that flood."""
        for _ in range(ticks):
            self._live()
            for k in np.flatnonzero(self._killing.random(self.episodes) < (1.0 if self._forgetful else _KILLED)):
                self._restart(int(k))
            for flood in range(3 if self._tick % 7 == 0 else 1):
                self._round(flood)
            self._tick += 1
        return self.tally

    # --- the rooms ---

    def _live(self) -> None:
        """A minute passes: load wanders, units fail, settings ramp."""
        self._load = np.clip(self._load + self._rng.normal(0.0, 0.015, self._load.shape), 0.1, 1.0)
        self._inputs.it_power = self._model.power(self._load)
        broken = self._fails_at <= self._tick
        self._inputs.capacity = np.where(broken, 0.0, 1.0)
        self._inputs.setpoint += np.clip(self._target_k - self._inputs.setpoint, -0.5, 0.5)
        self._inputs.fan += np.clip(np.where(broken, 0.0, self._target_fan) - self._inputs.fan, -0.1, 0.1)
        self._model.advance(self._state, self._inputs, TICK_S, 5.0)

    def _restart(self, k: int) -> None:
        """A guard is killed, and another starts."""
        self.tally.restarts += 1
        self._recent[k] = Recent()
        if not self._forgetful:
            self._recent[k].recall(map(decode_audit, self._audit[k]), self._now)

    @property
    def _now(self) -> int:
        return _START_MS + int(self._tick * TICK_S * 1000)

    def _seen(self, k: int, seen: Any) -> Room:
        """The room as its twins would show it, with sensors' noise."""
        now, rng = self._now, self._rng
        things: list[dict[str, Any]] = [
            {
                "thingId": f"racktwin.{SITE}:room-hall",
                "attributes": {
                    "location": "hall", "width": self.layout.width_m, "depth": self.layout.depth_m, "height": 3.2,
                },
                "features": {
                    "optimisation": {"properties": {"at": now - 20_000, "instance": "good"}},
                    **({"fidelity": {"properties": {"rmse": 0.8}}} if k % 2 else {}),
                },
            }
        ]  # fmt: skip
        for n, rack in enumerate(self.layout.racks):
            air = {
                f"environment.{place}": {
                    "properties": {
                        "temperature": float(seen.inlet[k, z, n] + rng.normal(0.0, 0.05)), "observedAt": now,
                    }
                }
                for z, place in enumerate(("bottom", "top"))
            }  # fmt: skip
            power = {"power": {"properties": {"power": float(seen.rack_power[k, n]), "observedAt": now}}}
            position = {"x": rack.x, "y": rack.y, "yawDeg": rack.yaw_deg}
            attributes = {"location": "hall", "ashraeClass": rack.ashrae_class, "row": rack.row, "position": position,
                          "availablePower": rack.power_capacity_w}  # fmt: skip
            things.append({"thingId": rack.id, "attributes": attributes, "features": {**air, **power}})
        for m, unit in enumerate(self.layout.units):
            control = {"setpoint": round(float(self._target_k[k, m]), 2),
                       "fanSpeed": round(100.0 * float(self._target_fan[k, m]), 1), "mode": "manual"}  # fmt: skip
            air_now = {
                "supplyTemperature": float(seen.supply[k, m]), "returnTemperature": float(seen.return_[k, m]),
                "airflow": float(seen.unit_airflow[k, m]), "observedAt": now,
            }  # fmt: skip
            self._recent[k].supply(unit.id, now, air_now["supplyTemperature"])
            things.append(
                {
                    "thingId": unit.id,
                    "attributes": {
                        "location": "hall", "ratedAirflow": unit.airflow_m3s, "capacity": unit.capacity_w,
                        "fanPower": unit.fan_power_w, "position": {"x": unit.x, "y": unit.y}, **_LIMITS,
                    },
                    "features": {"control": {"properties": control}, "air": {"properties": air_now}},
                }
            )  # fmt: skip
        return room_of("hall", things)

    # --- commands ---

    def _round(self, flood: int) -> None:
        seen = self._model.observe(self._state, self._inputs)
        before_k, before_fan = self._target_k.copy(), self._target_fan.copy()
        passed: dict[int, tuple[int, Wish, str, Room]] = {}
        for k in range(self.episodes):
            strategy, unit, wish = self._wish(k, flood)
            where = self._recent[k].overlay(self._seen(k, seen), Ledger(), self._now)
            thing = self.layout.unit_ids[unit]
            past = self._recent[k].past(where.units, wish, self._now)
            outlook = self._outlooks[k % 2]
            verdict = decide(Case(wish, where.units[thing], where, past, self._now, Policy(), outlook))
            self.tally.tried += 1
            if verdict.outcome != "approved":
                self.tally.refused[verdict.refusal.rule if verdict.refusal else "?"] += 1
                continue
            self.tally.passed += 1
            self.tally.by_strategy[strategy] += 1
            pace = self._recent[k].let_through(wish, verdict, self._now)
            told = Ledger().approved(wish, "hall", self._now, pace)
            self._audit[k] += [encode_audit(line) for line in told if isinstance(line, Audit)]
            passed[k] = unit, wish, strategy, where
            self._carry_out(k, unit, wish.values)
        if passed:
            self._judge(passed, before_k, before_fan)

    def _carry_out(self, k: int, unit: int, values: Mapping[str, float | str]) -> None:
        if isinstance(values.get("setpoint"), int | float):
            self._target_k[k, unit] = float(values["setpoint"])
        if isinstance(values.get("fanSpeed"), int | float):
            self._target_fan[k, unit] = float(values["fanSpeed"]) / 100.0

    def _wish(self, k: int, flood: int) -> tuple[str, int, Wish]:
        rng = self._rng
        unit = int(rng.integers(len(self.layout.units)))
        now_k, now_fan = float(self._target_k[k, unit]), 100.0 * float(self._target_fan[k, unit])
        strategy = str(rng.choice(_STRATEGIES))
        request = Request(id=f"a{self._tick}-{k}-{flood}", origin="cli", who="eve", at=self._now)
        confirmed = structs.replace(request, confirm=True)
        values: dict[str, Any] = {}
        if strategy == "anything":
            values = {"setpoint": float(rng.uniform(-10, 60)), "fanSpeed": float(rng.uniform(-20, 140))}
        elif strategy == "creep":
            values = {"setpoint": round(now_k + float(rng.uniform(0.1, 2.0)), 2)}
        elif strategy == "jump":
            values = {"setpoint": float(rng.uniform(_LIMITS["setpointMin"], _LIMITS["setpointMax"]))}
            request = confirmed
        elif strategy == "starve":
            values = {"fanSpeed": round(max(0.0, now_fan - float(rng.uniform(1, 60))), 1)}
        elif strategy == "liar":
            values = {"setpoint": now_k + float(rng.uniform(0, 8)), "mode": "mpc"}
            at = self._now + int(rng.integers(-2_000_000, 500_000))
            request = Request(id=request.id, origin="optimiser", instance=str(rng.choice(["good", "evil"])), at=at,
                              confirm=True)  # fmt: skip
        elif strategy == "both":
            values = {"setpoint": now_k + float(rng.uniform(0, 2)), "fanSpeed": now_fan - float(rng.uniform(0, 30))}
            request = confirmed if rng.random() < 0.5 else request
        elif strategy == "worst":
            warm = min(_LIMITS["setpointMax"], now_k + float(rng.uniform(2, 10)))
            values = {"setpoint": warm, "fanSpeed": max(_LIMITS["fanMin"], now_fan - float(rng.uniform(10, 40)))}
            request = confirmed
        elif strategy == "cold":
            values = {"setpoint": float(rng.uniform(5, now_k)), "fanSpeed": 100.0}
            request = confirmed
        elif strategy == "nonsense":
            odd: list[Any] = [math.nan, math.inf, -math.inf, "24", True, None, [24], {"v": 24}, 1e308, -0.0]
            values = {str(rng.choice(["setpoint", "fanSpeed", "mode", "power"])): odd[int(rng.integers(len(odd)))],
                      "setpoint": now_k + 0.1}  # fmt: skip
            request = Request(id=str(rng.choice(["a/b", "", "x" * 99, "ok"])), at=self._now)
        else:
            values = {"setpoint": now_k + float(rng.normal(0, 0.7)), "fanSpeed": now_fan + float(rng.normal(0, 5))}
        thing = self.layout.unit_ids[unit]
        made = wish_of(thing, values)
        assert made is not None
        return (
            strategy,
            unit,
            Wish(thing=thing, values=made.values, request=request, digest=f"{self._tick}-{k}-{flood}"),
        )

    # --- the oracle ---

    def _judge(self, passed: dict[int, tuple[int, Wish, str, Room]], before_k: Any, before_fan: Any) -> None:
        then = self._future(self._target_k, self._target_fan)
        without = self._future(before_k, before_fan)
        for k, (unit, wish, strategy, _) in passed.items():
            why = self._limits_broken(k, unit, wish, before_k[k, unit], before_fan[k, unit])
            for sign, limit, what in ((1.0, self._high, "above"), (-1.0, self._low, "below")):
                beyond = sign * (then[sign][k] - limit)
                kept = sign * (without[sign][k] - limit) <= 0.0
                worst = float(np.where(kept, beyond, -1.0).max())
                if worst > 0.0:
                    why = why or f"an inlet would go {worst:.2f} K {what} its class"
            if why:
                self.tally.unsafe.append(f"episode {k} tick {self._tick} {strategy} {wish.values}: {why}")

    def _future(self, target_k: Any, target_fan: Any) -> dict[float, Any]:
        """The hottest (1.0) and the coldest (-1.0) that each inlet (S, 2, N) gets within the horizon."""
        state: State = self._state.copy()
        inputs: Inputs = self._inputs.copy()
        inputs.setpoint[...] = target_k
        inputs.fan[...] = np.where(inputs.capacity > 0.0, target_fan, 0.0)
        state.network = None
        hot, cold = state.inlet.copy(), state.inlet.copy()
        for _ in range(6):
            self._model.advance(state, inputs, HORIZON_S / 6, 5.0)
            hot, cold = np.maximum(hot, state.inlet), np.minimum(cold, state.inlet)
        return {1.0: hot, -1.0: cold}

    def _limits_broken(self, k: int, unit: int, wish: Wish, setpoint: float, fan: float) -> str:
        """Limits, steps and interlock, looked at without the guard's code."""
        wished = {name: value for name, value in wish.values.items() if name in ("setpoint", "fanSpeed")}
        for name, value in wished.items():
            low, high = (15.0, 31.0) if name == "setpoint" else (30.0, 100.0)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low - 1e-9 <= value <= high + 1e-9:
                return f"{name} {value!r} is beyond the unit's limits"
        to_k = float(wished.get("setpoint", setpoint))
        by_person = wish.request.confirm and wish.request.origin == "cli"
        if (
            not by_person
            and (abs(to_k - round(setpoint, 2)) > 2.0 + 1e-6 or not 14.0 <= to_k <= 27.0)
            and ("setpoint" in wished)
        ):
            return "no person confirmed the step"
        to_fan = float(wished.get("fanSpeed", 100.0 * fan))
        if to_k > setpoint + 0.01 or to_fan < 100.0 * fan - 0.1:
            broken = (self._inputs.capacity[k] == 0.0).any() and (self._fails_at[k] < self._tick - 5).any()
            recent = [u for t, u in self._lessened[k] if self._tick - t < 9 and u != unit]
            self._lessened[k].append((self._tick, unit))
            if broken and recent:
                return "two units lessened while one has failed"
        if by_person:
            return ""
        self._taken[k].append((self._tick, unit, max(0.0, to_k - setpoint), max(0.0, 100.0 * fan - to_fan)))
        return self._too_fast([line for line in self._taken[k] if line[1] == unit])

    def _too_fast(self, taken: list[tuple[int, int, float, float]]) -> str:
        """However long one looks back, no more was taken than may be at once and what grew back since."""
        for since in {line[0] for line in taken if self._tick - line[0] < 60}:
            minutes = (self._tick - since) * TICK_S / 60.0
            up = sum(line[2] for line in taken if line[0] >= since)
            down = sum(line[3] for line in taken if line[0] >= since)
            if up > 2.0 + 0.5 * minutes + 0.01 or down > 30.0 + 10.0 * minutes + 0.1:
                return f"within {minutes:g} min {up:.2f} K and {down:.1f} % were taken, faster than the unit's pace"
        return ""


def _by_model(room: Room, thing: str, wished: Mapping[str, float]) -> Any:
    """By a model that is not the room's own: parameters as they usually are, with an honest error."""
    return careful(room, thing, wished, Parameters())


def _nothing(_room: Room, _thing: str, _wished: Mapping[str, float]) -> Any:
    return []
