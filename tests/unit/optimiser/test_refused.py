"""What was refused is not proposed again for a while, unless the room is another one or inlets would be too warm."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.optimiser.halls import NOW, SITE, hall, things_of
from tests.unit.optimiser.test_work import Stage

from optimiser.refused import MACHINES_MS, Refusals, refusals
from optimiser.snapshot import take
from physics.plant import Plant

C0 = f"{SITE}:cooling-c0"
HOUR_MS = 3_600_000


def plant(setpoint: float = 19.0) -> Plant:
    made = Plant(hall(setpoint=setpoint), 4, start_s=NOW / 1000)
    made.step(600.0)
    return made


def left(settings: dict[str, Any], why: str = "works on row 2") -> dict[str, Any]:
    plain = {unit: {"setpoint": each["setpoint"], "fanSpeed": each["fanSpeed"]} for unit, each in settings.items()}
    return {"proposal": "p-1", "who": "ann", "at": NOW, "why": why, "settings": plain}


def told_after(stage: Stage, room: Plant, ms: int, **optimisation: Any) -> dict[str, Any]:
    """What is told of the room some time later, with what people have written onto it."""
    stage.now = NOW + ms
    stage.things = things_of(room, stage.now, **optimisation)
    return stage.look()


def test_a_proposal_that_a_person_left_is_not_made_again_for_hours() -> None:
    room = plant()
    stage = Stage(things_of(room))
    first = stage.look()
    assert first["state"] == "proposed"
    desired = {"left": left(first["settings"])}
    held = told_after(stage, room, 60_000, desiredProperties=desired)
    assert (held["state"], held["settings"]) == ("none", {})
    assert held["why"].startswith("not proposed again: ann refused it (works on row 2)")
    assert "saving" not in held
    assert told_after(stage, room, 3 * HOUR_MS, desiredProperties=desired)["state"] == "none"
    assert told_after(stage, room, 4 * HOUR_MS, desiredProperties=desired)["state"] == "proposed"
    # Once over it does not begin anew with the record that still stands.
    assert told_after(stage, room, 9 * HOUR_MS, desiredProperties=desired)["state"] == "proposed"


def test_another_optimiser_knows_it_from_the_twin() -> None:
    room = plant()
    first = Stage(things_of(room)).look()
    other = Stage(things_of(room), "two")
    assert told_after(other, room, 60_000, desiredProperties={"left": left(first["settings"])})["state"] == "none"


def test_what_is_not_alike_is_proposed() -> None:
    room = plant()
    stage = Stage(things_of(room))
    settings = stage.look()["settings"]
    settings[C0]["setpoint"] -= 2.0
    assert told_after(stage, room, 60_000, desiredProperties={"left": left(settings)})["state"] == "proposed"


def test_a_room_that_changed_is_asked_about_again() -> None:
    room = plant()
    stage = Stage(things_of(room))
    desired = {"left": left(stage.look()["settings"])}
    assert told_after(stage, room, 60_000, desiredProperties=desired)["state"] == "none"
    stage.now = NOW + 120_000
    stage.things = things_of(room, stage.now, desiredProperties=desired)
    for thing in stage.things:
        if ":rack-" in thing["thingId"]:
            thing["features"]["power"]["properties"]["power"] *= 1.15
    assert stage.look()["state"] == "proposed"


def test_what_brings_the_margin_back_is_proposed_in_spite_of_a_refusal() -> None:
    room = plant(setpoint=25.5)
    room.step(3600.0)
    stage = Stage(things_of(room))
    first = stage.look()
    assert first["state"] == "proposed" and first["hottest"] < first["hottestNow"]
    again = told_after(stage, room, 60_000, desiredProperties={"left": left(first["settings"])})
    assert again["state"] == "proposed"
    assert "ann refused it (works on row 2), but the margin to the limits must come back" in again["why"]


def refused_by_guard(rule: str, **values: Any) -> dict[str, Any]:
    last = {
        "id": "mpc-1", "state": "refused", "origin": "optimiser", "who": "one", "at": NOW, "rule": rule,
        "values": values, "detail": "rack-r1 would reach 33 °C",
    }  # fmt: skip
    return {"thingId": C0, "features": {"control": {"properties": {"lastCommand": last}}}}


def test_what_the_guard_refused_rests_for_a_quarter_of_an_hour() -> None:
    seen = take("hall", things_of(plant()), NOW)
    memory = Refusals(4 * HOUR_MS)
    wanted = {C0: {"setpoint": 22.0, "fanSpeed": 70.0}}
    unit = refused_by_guard("plausibility", setpoint=22.2, fanSpeed=72.0, mode="mpc")
    found = memory.against(seen, [unit], wanted)
    assert found is not None
    assert found.words == "the guard's rule plausibility refused it (rack-r1 would reach 33 °C)"
    # The twin tells of another command meanwhile; what it refused is remembered.
    assert memory.against(seen, [], wanted) is not None
    later = take("hall", things_of(plant(), NOW + MACHINES_MS), NOW + MACHINES_MS)
    assert memory.against(later, [unit], wanted) is None


@pytest.mark.parametrize("rule", ["rate-limit", "slew", "interlock", "stale-data"])
def test_a_refusal_of_the_moment_says_nothing_of_the_settings(rule: str) -> None:
    assert refusals([refused_by_guard(rule, setpoint=22.0)]) == []


def test_what_stands_on_twins_may_be_anything() -> None:
    room = {"thingId": f"{SITE}:room-hall", "features": {"optimisation": {"desiredProperties": None}}}
    for value in (None, "x", {"at": "now"}, {"at": 1}, {"at": 1, "settings": {"u": 3, "w": {"setpoint": "warm"}}}):
        room["features"] = {"optimisation": {"desiredProperties": {"left": value}}}
        assert refusals([room]) == []
