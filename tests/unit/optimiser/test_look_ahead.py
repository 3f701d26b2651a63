"""Prices within the horizon: a flat series changes nothing, a step moves energy to where it is cheap."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.unit.optimiser.halls import NOW, hall, seen_of, things_of

from optimiser import ask
from optimiser.controller import Controller, Decision, Seen, Tuning
from optimiser.prices import Ahead, Series, parse
from optimiser.problem import Bounds, Moment, Solution, Solver, _programme
from optimiser.response import Response
from physics import ashrae
from physics.plant import Plant

UP, DOWN = Ahead((0.5, 1.5)), Ahead((1.5, 0.5))


class Watched(Solver):
    """A solver that keeps what it was asked, and its whole solution."""

    def solve(self, response: Response, bounds: Bounds, moment: Moment) -> Solution:
        solution = super().solve(response, bounds, moment)
        self.asked, self.solution = (response, bounds, moment), solution
        return solution

    @property
    def moves(self) -> Any:
        """Moves in steps (2, 2M): those of each block, set-points first."""
        assert self._warm is not None
        return self._warm[1][: 4 * len(self.asked[1].fan_low)].reshape(2, -1)

    def power(self) -> tuple[float, float]:
        """By how much power differs from now (W) in the first block, and in the second."""
        response, bounds, moment = self.asked
        m = len(bounds.fan_low)
        step = np.repeat([bounds.step_k, bounds.step_fan], m)
        slope = step * np.concatenate([response.power_per_k, response.power_per_fan])
        bend = step**2 * np.concatenate([np.zeros(m), 3.0 * response.fan_w * moment.fan])
        first, then = np.cumsum(self.moves, axis=0)
        return float(slope @ first + bend @ first**2), float(slope @ then + bend @ then**2)


@pytest.fixture(scope="module")
def room() -> tuple[Plant, Seen]:
    plant = Plant(hall(setpoint=24.0), 4, start_s=NOW / 1000)
    plant.step(3600.0)
    return plant, seen_of(plant)


def decided(room: tuple[Plant, Seen], ahead: Ahead, *, rci: float, looks: int = 1) -> tuple[Watched, Decision]:
    plant, seen = room
    solver = Watched()
    tuning = Tuning(interval_s=900.0, rci_target=rci, step_k=2.0, step_fan=0.2)
    controller = Controller(plant.layout, None, tuning, solver)
    for k in range(looks):
        controller.settings_changed(seen.setpoint, seen.fan)
        decision = controller.decide(replace(seen, ahead=ahead, time_s=seen.time_s + 300.0 * k))
    return solver, decision


def hourly(values: tuple[float, ...], start_s: float) -> Series:
    return parse("\n".join(f"{start_s + 3600 * k},{value}" for k, value in enumerate(values)))


@pytest.mark.parametrize("rci", [96.0, 100.0])
@pytest.mark.parametrize("value", [0.1, 0.3, 123.4])
def test_a_flat_series_is_as_none(room: tuple[Plant, Seen], value: float, rci: float) -> None:
    now = room[1].time_s
    flat = hourly((value,) * 30, now - 7200.0).ahead(now, 1800.0, 900.0)
    with_series, decision = decided(room, flat, rci=rci, looks=3)
    without, plain = decided(room, Ahead(), rci=rci, looks=3)
    assert np.abs(with_series.moves - without.moves).max() <= 1e-9
    assert np.abs(decision.setpoint - plain.setpoint).max() <= 1e-9
    assert np.abs(decision.fan - plain.fan).max() <= 1e-9


def test_prices_change_weights_and_not_which_are_there(room: tuple[Plant, Seen]) -> None:
    response, bounds, moment = decided(room, Ahead(), rci=96.0)[0].asked
    watched = np.arange(8)
    plain = _programme(response, bounds, moment, watched)
    for ahead in (UP, DOWN):
        priced = _programme(response, bounds, replace(moment, ahead=ahead), watched)
        for one, other in ((plain.p, priced.p), (plain.a, priced.a)):
            assert (one.indices == other.indices).all() and (one.indptr == other.indptr).all()


def test_before_energy_gets_dearer_the_room_is_cooled_more(room: tuple[Plant, Seen]) -> None:
    flat, _ = decided(room, Ahead(), rci=96.0, looks=3)
    solver, decision = decided(room, UP, rci=96.0, looks=3)
    assert solver.power()[0] > flat.power()[0] + 100.0
    assert solver.power()[1] < flat.power()[1] - 100.0
    assert solver.solution.given_up == {}
    allowable = ashrae.limits(room[0].layout.racks[0].ashrae_class).allowable_high
    assert decision.hottest_c < allowable - 1.0


@pytest.mark.parametrize("rci", [96.0, 100.0])
def test_before_energy_gets_cheaper_what_can_wait_waits(room: tuple[Plant, Seen], rci: float) -> None:
    dear, _ = decided(room, Ahead((1.5, 1.5)), rci=rci, looks=3)
    solver, _ = decided(room, DOWN, rci=rci, looks=3)
    saved = [before - after for before, after in zip(dear.power(), solver.power(), strict=True)]
    # Less in the dear block, the same in the cheap one.
    assert saved[0] > 200.0 and abs(saved[1]) < 0.1 * saved[0]
    assert {z for z, k in solver.solution.given_up.items() if k > 0.05 + dear.solution.given_up.get(z, 0.0)} == set()


def test_where_prices_part() -> None:
    series = parse("0,2\n3600,6\n7200,2\n10800,2\n14400,2")
    # Mean over the five hours that are told, from 2400 on: (1200 * 2 + 3600 * 6 + 10800 * 2) / 15600.
    mean = (1200 * 2 + 3600 * 6 + 10_800 * 2) / 15_600
    early = series.ahead(2400.0, 1800.0)
    assert early.first == pytest.approx(1200 / 1800)
    assert early.prices == pytest.approx((2 / mean, 6 / mean))
    # A change that comes before the next look is part of the first block.
    soon = series.ahead(3500.0, 1800.0, 300.0)
    assert soon.first == pytest.approx(300 / 1800)
    assert soon.prices[0] < soon.prices[1]
    assert series.ahead(9000.0, 1800.0) == Ahead()
    assert not series.ahead(9000.0, 1800.0).changes


def test_a_dear_hour_uses_less_and_no_inlet_leaves_its_class() -> None:
    """A closed loop over a cheap hour, a dear one, and half a cheap one."""
    series = hourly((1.0, 4.0, 1.0, 1.0, 1.0), 0.0)
    tuning = Tuning(interval_s=300.0, rci_target=96.0, respond_every_s=3600.0)
    dear, hottest = {}, 0.0
    for seeing in (False, True):
        plant = Plant(hall(setpoint=23.0), 4, start_s=0.0)
        controller = Controller(plant.layout, None, tuning)
        dear[seeing] = 0.0
        while plant.time_s < 9000.0:
            ahead = series.ahead(plant.time_s, tuning.horizon_s, tuning.interval_s) if seeing else Ahead()
            decision = controller.decide(seen_of(plant, ahead=ahead))
            for unit, setpoint, fan in zip(plant.layout.unit_ids, decision.setpoint, decision.fan, strict=True):
                plant.set_control(unit, setpoint=float(setpoint), fan=100.0 * float(fan))
            price = series.at(plant.time_s)
            plant.step(300.0)
            truth = plant.truth()
            dear[seeing] += float(truth.unit_power.sum()) if price == 4.0 else 0.0
            hottest = max(hottest, float(truth.inlet.max()))
    assert dear[True] < 0.97 * dear[False]
    allowable = ashrae.limits(plant.layout.racks[0].ashrae_class).allowable_high
    assert hottest < allowable


def test_a_proposal_cools_ahead_and_says_so(room: tuple[Plant, Seen]) -> None:
    plant, _ = room
    now = NOW / 1000
    things = things_of(plant)
    question: dict[str, Any] = {"question": "optimise", "room": "hall", "things": things, "now": NOW, "rci": 96}
    plain = ask.answer(question)
    tariff = f"time,EUR/kWh\n{now - 3600},0.1\n{now + 900},0.4\n{now + 7200},0.1\n{now + 10800},0.1"
    told = ask.answer({**question, "tariff": tariff})
    assert told["powerThen"] > plain["powerThen"] + 100.0
    assert "in 15 min it is 300 % dearer" in told["why"]
    cheaper = ask.answer({**question, "tariff": tariff.replace("0.1", "0.8")})
    assert cheaper["powerThen"] < told["powerThen"] and "% cheaper" in cheaper["why"]
