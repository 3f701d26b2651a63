"""The controllers of simulated cooling units: limits, ramps, repetition, and who controls."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.commands import answer, parse
from gateway.controls import Controls, UnitSetup
from physics.faults import Fault

UNIT = "racktwin.t:cooling-c1"


def made() -> Controls:
    controls = Controls()
    controls.adopt({UNIT: UnitSetup()})
    return controls


def told(controls: Controls, now: int = 0, **values: Any) -> tuple[int, dict[str, Any]]:
    reply = controls.handle(UNIT, "set", values, now)
    assert reply is not None
    return reply


def test_a_command_moves_the_unit_at_its_ramp() -> None:
    controls = made()
    status, body = told(controls, id="a", setpoint=22.0, fanSpeed=60)
    assert status == 200
    assert body["applied"] == {"setpoint": 22.0, "fanSpeed": 60.0, "mode": "manual"}
    after = controls.step(UNIT, None, 60.0, 60_000)
    assert after is not None
    assert (after.setpoint, after.ramped_setpoint) == (22.0, 20.5)
    assert after.ramped_fan == 70.0


def test_a_repeated_command_is_done_once_and_answered_again() -> None:
    controls = made()
    first = told(controls, id="a", setpoint=22.0)
    told(controls, id="b", setpoint=19.0)
    assert told(controls, 5, id="a", setpoint=22.0) == first
    after = controls.step(UNIT, None, 3600.0, 10)
    assert after is not None and after.setpoint == 19.0


def test_an_id_with_other_values_is_refused() -> None:
    controls = made()
    told(controls, id="a", setpoint=22.0)
    assert told(controls, id="a", setpoint=23.0)[0] == 409


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"setpoint": 40}, 422),
        ({"fanSpeed": 5}, 422),
        ({"mode": "off"}, 400),
        ({"setpoint": "warm"}, 400),
        ({}, 400),
    ],
)
def test_what_the_hardware_does_not_allow(values: dict[str, Any], status: int) -> None:
    controls = made()
    assert told(controls, id="x", **values)[0] == status
    after = controls.step(UNIT, None, 600.0, 0)
    assert after is not None and after.setpoint == 20.0


def test_in_auto_the_fans_follow_the_rise_over_the_racks() -> None:
    controls = made()
    for second in range(0, 1200, 10):
        after = controls.step(UNIT, 15.0, 10.0, second * 1000)
    assert after is not None and after.mode == "auto" and after.ramped_fan > 85.0


def test_mpc_without_word_goes_back_to_auto() -> None:
    controls = made()
    told(controls, id="a", mode="mpc", setpoint=22, fanSpeed=50, watchdogS=300)
    assert controls.step(UNIT, 11.0, 1.0, 299_000).mode == "mpc"  # type: ignore[union-attr]
    assert controls.step(UNIT, 11.0, 1.0, 301_000).mode == "auto"  # type: ignore[union-attr]


def test_the_answer_over_mqtt_is_the_controllers() -> None:
    controls = made()
    command = parse(f"command//{UNIT}/req/1/set", b'{"id":"a","setpoint":40}')
    assert command is not None
    status, found = answer(command, "racktwin.t:gateway-g", "t", lambda _: True, 7, handle=controls.handle)
    assert status == 422
    assert found is not None and found.topic.startswith(f"command/t/{UNIT}/res/1/422")


@pytest.mark.parametrize("unit", [UNIT, "racktwin.hall-west:cooling-c1"])
@pytest.mark.parametrize("by_name", [False, True])
def test_a_deaf_unit_does_nothing_and_answers_nothing(unit: str, by_name: bool) -> None:
    controls = Controls()
    controls.adopt({unit: UnitSetup()})
    target = "c1" if by_name else unit
    controls.set_faults([Fault("unit-deaf", target), Fault("unit-refuses", "c2")], 0.0)
    command = parse(f"command//{unit}/req/1/set", b'{"id":"a","setpoint":21}')
    assert command is not None
    assert answer(command, "racktwin.t:gateway-g", "t", lambda _: True, 7, handle=controls.handle) == (0, None)
    after = controls.step(unit, None, 600.0, 0)
    assert after is not None and after.setpoint == 20.0
    controls.set_faults([], 1.0)
    reply = controls.handle(unit, "set", {"id": "a", "setpoint": 21.0}, 0)
    assert reply is not None and reply[0] == 200


def test_a_unit_in_local_control_refuses_while_that_lasts() -> None:
    controls = made()
    fault = Fault("unit-refuses", UNIT, start_s=10.0, end_s=20.0)
    for now_s, status in ((5.0, 200), (15.0, 423), (25.0, 200)):
        controls.set_faults([fault, Fault("unit-fails", UNIT)], now_s)
        assert told(controls, setpoint=21.0)[0] == status


def test_units_come_and_go() -> None:
    controls = made()
    controls.adopt({})
    assert controls.handle(UNIT, "set", {"setpoint": 21}, 0) is None
    assert controls.step(UNIT, None, 1.0, 0) is None
