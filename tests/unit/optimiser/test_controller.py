"""The controller against simulated rooms whose parameters it does not know: energy, limits, and what can go wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.optimiser.halls import hall, seen_of

from optimiser.controller import Controller, Tuning
from optimiser.problem import Solver, SolverFailed
from optimiser.response import Operation, respond
from physics.faults import Fault
from physics.model import RoomModel
from physics.parameters import Parameters
from physics.plant import Plant

TUNING = Tuning(interval_s=300.0, rci_target=100.0, respond_every_s=900.0)


def driven(plant: Plant, controller: Controller, looks: int) -> list[float]:
    """Let the controller look so many times; the hottest true inlet after each."""
    hottest = []
    for _ in range(looks):
        decision = controller.decide(seen_of(plant))
        for unit, setpoint, fan in zip(plant.layout.unit_ids, decision.setpoint, decision.fan, strict=True):
            plant.set_control(unit, setpoint=float(setpoint), fan=100.0 * float(fan))
        plant.step(300.0)
        hottest.append(float(plant.truth().inlet.max()))
    return hottest


def test_the_response_is_that_of_the_model() -> None:
    layout = hall()
    model = RoomModel(layout, Parameters())
    inputs = model.default_inputs(0.5)
    at = Operation(inputs.setpoint[0], inputs.fan[0], inputs.capacity[0], inputs.it_power[0])
    response = respond(layout, Parameters(), at)
    inputs.setpoint[0, 0] += 1.0
    settled = model.observe(model.steady(inputs), inputs)
    expected = response.inlets(at.setpoint + np.array([1.0, 0.0]), at.fan)
    assert np.abs(settled.inlet.reshape(-1) - expected).max() < 0.1
    # Warmer supply costs less, faster fans more.
    assert (response.power_per_k < 0).all()


def test_it_saves_energy_and_keeps_the_limit() -> None:
    plant, alone = (Plant(hall(), 4, start_s=1.8e9) for _ in range(2))
    for each in (plant, alone):
        each.step(600.0)
    controller = Controller(plant.layout, None, TUNING)
    hottest = driven(plant, controller, 48)
    for _ in range(48):
        alone.step(300.0)
    assert float(plant.truth().unit_power.sum()) < 0.9 * float(alone.truth().unit_power.sum())
    assert max(hottest[24:]) < 29.0 and sum(hottest[24:]) < 27.5 * len(hottest[24:])
    assert controller.infidelity_k < 1.0


def test_a_hot_room_is_cooled() -> None:
    plant = Plant(hall(setpoint=25.0), 4, start_s=1.8e9)
    plant.set_control("c0", setpoint=26.0, fan=50.0)
    plant.set_control("c1", setpoint=26.0, fan=50.0)
    plant.step(3600.0)
    assert float(plant.truth().inlet.max()) > 28.0
    assert driven(plant, Controller(plant.layout, None, TUNING), 36)[-1] < 28.6


def test_a_failed_unit_is_left_alone_and_the_other_helps() -> None:
    plant = Plant(hall(), 4, start_s=1.8e9)
    controller = Controller(plant.layout, None, TUNING)
    driven(plant, controller, 12)
    plant.inject(Fault("unit-stops", "c0"))
    plant.step(300.0)
    seen = seen_of(plant, capacity=np.array([0.0, 1.0]))
    decision = controller.decide(seen)
    assert decision.setpoint[0] == seen.setpoint[0] and decision.fan[0] == seen.fan[0]
    assert decision.setpoint[1] < seen.setpoint[1] or decision.fan[1] > seen.fan[1]


def test_while_a_unit_lacks_something_no_other_is_lessened() -> None:
    plant = Plant(hall(setpoint=17.0), 4, start_s=1.8e9)
    plant.step(600.0)
    seen = seen_of(plant, capacity=np.array([0.4, 1.0]))
    decision = Controller(plant.layout, None, TUNING).decide(seen)
    assert (decision.setpoint <= seen.setpoint + 1e-3).all() and (decision.fan >= seen.fan - 1e-3).all()


def test_what_cannot_be_kept_is_named() -> None:
    plant = Plant(hall(), 4, start_s=1.8e9)
    controller = Controller(plant.layout, None, TUNING)
    controller.decide(seen_of(plant))
    hot = seen_of(plant).inlet + 12.0
    decision = controller.decide(replace(seen_of(plant), inlet=hot, time_s=plant.time_s + 300.0))
    assert decision.solution.given_up
    assert all(excess > 0 for excess in decision.solution.given_up.values())


def test_a_sensor_that_falls_alone_is_not_believed_and_one_that_rises_is() -> None:
    plant = Plant(hall(), 4, start_s=1.8e9)
    controller = Controller(plant.layout, None, TUNING)
    driven(plant, controller, 6)
    seen = seen_of(plant)
    seen.inlet[1, 3] -= 9.0
    seen.inlet[0, 5] = np.nan
    decision = controller.decide(seen)
    assert set(decision.not_believed) == {12 + 3, 5}
    warm = seen_of(plant)
    warm.inlet[1, 4] += 9.0
    assert controller.decide(replace(warm, time_s=warm.time_s + 60)).hottest_c > float(warm.inlet[1, 4]) - 3.0


def test_the_margin_grows_with_what_the_model_got_wrong() -> None:
    plant = Plant(hall(), 4, start_s=1.8e9)
    controller = Controller(plant.layout, None, TUNING)
    calm = [controller.decide(replace(seen_of(plant), time_s=plant.time_s + 300.0 * k)) for k in range(12)][-1]
    for k in range(12, 30):
        seen = seen_of(plant)
        wild = seen.inlet + (3.0 if k % 2 else -3.0)
        last = controller.decide(replace(seen, inlet=wild, time_s=plant.time_s + 300.0 * k))
    assert last.margin_k > calm.margin_k + 1.0


def test_a_solver_without_time_says_so() -> None:
    plant = Plant(hall(), 4, start_s=1.8e9)
    controller = Controller(plant.layout, None, TUNING, Solver(iterations=1))
    with pytest.raises(SolverFailed, match="iterations"):
        controller.decide(seen_of(plant))
