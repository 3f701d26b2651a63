"""Faults under closed loop: each ends in a safe state, and the audit tells the story."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.guard.loop import World

from optimiser.problem import Solver, SolverFailed
from physics.faults import Fault

RECOMMENDED, ALLOWABLE = 27.0, 35.0


@pytest.fixture
def world() -> World:
    made = World()
    made.add("one")
    return made


def test_closed_loop_saves_and_everything_is_audited(world: World) -> None:
    before = float(world.plant.truth().unit_power.sum())
    world.pass_time(45)
    assert world.modes() == ["mpc", "mpc"]
    assert float(world.plant.truth().unit_power.sum()) < 0.9 * before
    assert world.hottest() < RECOMMENDED + 0.5
    first = world.audit[0].id
    assert [r.event for r in world.audit if r.id == first] == ["requested", "approved", "sent", "accepted"]
    assert {record.origin for record in world.audit} == {"optimiser"}


def test_a_unit_fails_and_the_others_help(world: World) -> None:
    world.pass_time(15)
    failed, other = world.units
    world.plant.inject(Fault("unit-fails", "c0"))
    commands = len(world.taken)
    world.pass_time(12)
    # The failed one is left alone; the other cools as much as it can, and stays in the optimiser's hands.
    asked = world.taken[commands:]
    assert other in {unit for unit, _ in asked} and world.proposal()["why"].startswith("cooling-c0 has failed")
    assert not any("setpoint" in body for unit, body in asked[2:] if unit == failed)
    force = world.controls.step(other, None, 0.0, world.now)
    assert force is not None and (force.fan_speed > 85.0 or force.setpoint < 20.0)
    # Whatever would have cooled less is not in the story.
    assert "plausibility" not in {record.rule for record in world.audit[-6:]}


def test_a_wrong_sensor_that_shows_cold_is_not_believed(world: World) -> None:
    world.pass_time(10)
    rack = world.plant.layout.rack_ids[4]
    world.wrong[rack, "top"] = 12.0
    world.pass_time(20)
    assert "not believed" in world.proposal()["why"]
    assert world.hottest() < RECOMMENDED + 0.7


def test_a_wrong_sensor_that_shows_hot_costs_cooling_and_nothing_else(world: World) -> None:
    world.pass_time(10)
    rack = world.plant.layout.rack_ids[4]
    world.wrong[rack, "top"] = 48.0
    power = float(world.plant.truth().unit_power.sum())
    world.pass_time(15)
    assert float(world.plant.truth().unit_power.sum()) > power
    lessened = [r for r in world.audit if r.event == "refused" and r.rule in ("too-hot", "plausibility")]
    assert all(record.detail and "r4" in record.detail for record in lessened)
    assert world.hottest() < RECOMMENDED


def fails(*_: Any) -> None:
    raise SolverFailed("the solver ended with 'primal infeasible' after 40 iterations")


def test_a_solver_that_fails_ends_in_local_control(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pass_time(10)
    monkeypatch.setattr(Solver, "solve", fails)
    world.pass_time(1)
    assert world.proposal()["state"] == "failed" and world.modes() == ["mpc", "mpc"]
    world.pass_time(2)
    assert world.modes() == ["auto", "auto"]
    assert world.story(origin="guard", who="optimiser stale", event="accepted") == ["accepted", "accepted"]
    monkeypatch.undo()
    world.pass_time(8)
    assert world.modes() == ["mpc", "mpc"]


def test_a_solver_that_is_too_slow_ends_as_one_that_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pass_time(8)
    usual = Solver.__init__
    monkeypatch.setattr(Solver, "__init__", lambda self, **more: usual(self, **{**more, "time_limit_s": 1e-7}))
    # A new one, as after a restart.
    world.add("one")
    world.pass_time(4)
    assert world.proposal()["state"] == "failed" and "time limit" in world.proposal()["why"]
    assert world.modes() == ["auto", "auto"]


def test_a_room_that_is_not_as_the_model_says_gets_margins_and_then_local_control(world: World) -> None:
    world.pass_time(10)
    margin = world.proposal()["margin"]
    for k in range(12):
        world.noise = 2.0 if k % 2 else -2.0
        world.pass_time(5)
        margin = max(margin, world.proposal().get("margin") or 0.0)
    assert margin > 1.5
    for k in range(24):
        world.noise = 9.0 if k % 2 else -9.0
        world.pass_time(5)
        if world.proposal()["state"] == "failed":
            break
    assert "does not know the room" in world.proposal()["why"]
    world.noise = 0.0
    world.pass_time(3)
    assert world.modes() == ["auto", "auto"]
    assert "optimiser stale" in {record.who for record in world.audit}


def test_an_optimiser_that_is_gone_leaves_units_to_themselves(world: World) -> None:
    world.pass_time(10)
    world.pass_time(4, look=False)
    assert world.modes() == ["auto", "auto"]
    assert world.hottest() < RECOMMENDED + 1.0


def test_two_optimisers_and_the_second_takes_over(world: World) -> None:
    world.add("two")
    world.pass_time(10)
    assert {record.who for record in world.audit} == {"one"}
    del world.optimisers["one"]
    world.pass_time(8)
    assert world.modes() == ["mpc", "mpc"] and world.audit[-1].who == "two"


def test_a_guard_that_is_killed_in_the_middle_commands_once(world: World) -> None:
    world.optimisers["one"].look("t")
    world.guard.tick()
    # Sent and taken by the units; the guard dies before it hears of it.
    guard = world.guard
    world.guard.handle = lambda batch: None  # type: ignore[method-assign]
    world.deliver()
    assert world.guard is guard and {world.last(unit)["state"] for unit in world.units} == {"requested"}
    taken = {body["id"] for _, body in world.taken}
    world.new_guard()
    world.pass_time(1, look=False)
    assert {world.last(unit)["state"] for unit in world.units} == {"accepted"}
    # It was sent again under its own id, which a unit does once.
    assert {body["id"] for _, body in world.taken} == taken
    assert world.story(world.units[0])[-1] == "accepted"


def test_a_unit_that_never_answers(world: World) -> None:
    mute, other = world.units
    world.pass_time(6)
    world.devices[mute] = "mute"
    world.pass_time(14)
    assert "timed out" in world.story(mute) and "accepted" in world.story(other)
    # It hears nothing that it answers, and has gone back to its own control; the room is cooled all the same.
    assert world.modes() == ["auto", "mpc"]
    assert world.hottest() < RECOMMENDED + 1.0


def test_a_unit_that_answers_late(world: World) -> None:
    late = world.units[0]
    world.devices[late] = "late"
    world.pass_time(2)
    assert world.last(late)["state"] == "timed out"
    unit, status, body = world.late[0]
    world._answer(unit, body["id"], status, body)
    assert world.last(late)["state"] == "accepted" and world.last(late)["detail"] == "the answer came late"
    assert world.story(late)[-2:] == ["timed out", "accepted"]


def test_a_unit_that_refuses(world: World) -> None:
    world.devices[world.units[0]] = "refuses"
    world.pass_time(2)
    last = world.last(world.units[0])
    assert (last["state"], last["rule"]) == ("refused", "device") and "the door is open" in last["detail"]
    assert world.hottest() < RECOMMENDED


def test_an_absent_unit_is_told_when_it_is_back(world: World) -> None:
    absent = world.units[0]
    world.devices[absent] = "absent"
    world.pass_time(1)
    assert world.last(absent)["state"] == "offline"
    world.devices[absent] = "well"
    world.pass_time(1, look=False)
    assert world.last(absent)["state"] == "accepted"
    assert "offline" in world.story(absent)
