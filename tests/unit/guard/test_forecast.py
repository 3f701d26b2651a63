"""Plausibility by the room's model where it is calibrated, by the bound where it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.optimiser.halls import NOW, hall, things_of

from guard.forecast import GAIN_DOUBT, modelled, outlook
from guard.outlook import bound
from guard.state import Room, room_of
from physics.faults import Fault
from physics.parameters import Parameters
from physics.plant import Plant

UNIT = "racktwin.t:cooling-c0"


def where(**fidelity: Any) -> Room:
    plant = Plant(hall(), 4, start_s=NOW / 1000)
    plant.step(1800.0)
    things = things_of(plant)
    if fidelity:
        things[0]["features"]["fidelity"] = {"properties": fidelity}
    return room_of("hall", things)


def worst(forecasts: Any) -> float:
    return max(float(one.peak) for one in forecasts)


def test_the_model_says_by_how_much_and_the_sensors_where() -> None:
    room = where()
    now = max(inlet.temperature for inlet in room.inlets)
    setpoint = room.units[UNIT].setpoint
    assert setpoint is not None
    small = worst(modelled(room, UNIT, {"setpoint": setpoint + 1.0}, Parameters()))
    large = worst(modelled(room, UNIT, {"setpoint": setpoint + 4.0}, Parameters()))
    assert now < small < large < now + 4.0 * GAIN_DOUBT + 1.0
    assert worst(modelled(room, UNIT, {"fanSpeed": 35.0}, Parameters())) > now
    colder = modelled(room, UNIT, {"setpoint": setpoint - 3.0}, Parameters())
    assert min(one.low for one in colder) < min(inlet.temperature for inlet in room.inlets) - 0.3


@pytest.mark.parametrize(
    "fidelity",
    [
        {},
        {"rmse": 0.4},
        {"rmse": 4.0, "parameters": {"recirculation_top": 0.2}},
        {"rmse": 0.4, "parameters": {"nonsense": 1.0}},
    ],
)
def test_without_a_good_model_the_bound_judges(fidelity: dict[str, Any]) -> None:
    room = where(**fidelity)
    wished = {"fanSpeed": 50.0}
    assert worst(outlook(room, UNIT, wished)) == worst(bound(room, UNIT, wished))


def test_a_calibrated_model_judges() -> None:
    room = where(rmse=0.4, parameters={"recirculation_top": 0.2})
    near, far = {"fanSpeed": 80.0}, {"fanSpeed": 50.0}
    assert worst(outlook(room, UNIT, near)) == worst(modelled(room, UNIT, near, Parameters(recirculation_top=0.2)))
    assert worst(outlook(room, UNIT, far)) >= worst(bound(room, UNIT, far))


def test_a_unit_whose_settings_are_not_known_is_left_to_the_bound() -> None:
    room = where(rmse=0.4, parameters={"recirculation_top": 0.2})
    things = [dict(thing) for thing in room.things]
    for thing in things:
        if thing["thingId"] == "racktwin.t:cooling-c1":
            thing["features"] = {**thing["features"], "control": {"properties": {}}}
    blind = room_of("hall", things)
    assert worst(outlook(blind, UNIT, {"fanSpeed": 50.0})) == worst(bound(blind, UNIT, {"fanSpeed": 50.0}))


def test_what_a_failure_still_has_to_do_counts() -> None:
    plant = Plant(hall(), 4, start_s=NOW / 1000)
    plant.step(1800.0)
    plant.inject(Fault("unit-fails", "c1"))
    plant.step(240.0)
    room = room_of("hall", things_of(plant))
    failed = "racktwin.t:cooling-c1"
    assert room.units[failed].supply is not None
    fresh = replace(room, units={**room.units, failed: replace(room.units[failed], supply_low=19.0)})
    setpoint = room.units[UNIT].setpoint or 0.0
    before, after = (worst(modelled(one, UNIT, {"setpoint": setpoint + 0.5}, Parameters())) for one in (room, fresh))
    plant.step(3600.0)
    assert before < float(plant.truth().inlet.max()) < after


def test_without_a_model_nothing_is_lessened_while_a_unit_has_failed() -> None:
    plant = Plant(hall(), 4, start_s=NOW / 1000)
    plant.inject(Fault("unit-fails", "c1"))
    plant.step(300.0)
    room = room_of("hall", things_of(plant))
    setpoint = room.units[UNIT].setpoint or 0.0
    hottest = max(unit.return_ or 0.0 for unit in room.units.values())
    assert (
        worst(bound(room, UNIT, {"setpoint": setpoint + 0.1}))
        == worst(bound(room, UNIT, {"fanSpeed": 84.0}))
        >= hottest
    )
    assert worst(bound(room, UNIT, {"setpoint": setpoint - 1.0})) < hottest
