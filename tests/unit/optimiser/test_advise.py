"""What a proposal says is true: saves, restores a margin, or brings inlets back."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.unit.optimiser.halls import NOW, hall, things_of

from optimiser.advise import ADVISE, Proposal, propose
from optimiser.controller import Controller
from optimiser.snapshot import take
from physics.faults import Fault
from physics.plant import Plant


def proposal(setpoint: float, fan: float) -> tuple[Proposal, Controller]:
    plant = Plant(hall(setpoint=setpoint), 4, start_s=NOW / 1000)
    for unit in plant.layout.unit_ids:
        plant.set_control(unit, fan=fan)
    plant.step(3600.0)
    seen = take("hall", things_of(plant), NOW)
    controller = Controller(seen.layout, seen.parameters, ADVISE)
    return propose(seen, controller), controller


def test_a_cold_room_saves() -> None:
    made, _ = proposal(18.0, 90.0)
    assert "saves" in made.why and (made.saving_percent or 0.0) > 5.0


def test_a_hot_room_comes_back() -> None:
    made, controller = proposal(25.5, 85.0)
    assert controller.hottest_now_c > controller.hottest_limit_c
    assert "costs" in made.why and ("brings the inlets back" in made.why or "nearer to" in made.why)
    assert made.hottest_c is not None and made.hottest_c < controller.hottest_now_c


def test_within_limits_nothing_is_said_to_come_back() -> None:
    words = []
    for setpoint in np.arange(20.0, 25.0, 0.5):
        made, controller = proposal(float(setpoint), 85.0)
        if controller.hottest_now_c <= controller.hottest_limit_c:
            assert "back" not in made.why and "nearer" not in made.why, made.why
            words.append(made.why)
        if controller.hottest_now_c <= controller.hottest_allowed_c:
            # Where the margin is there as well, only what saves is proposed.
            assert "costs" not in made.why, made.why
    assert words


def test_all_of_it_is_plain_data() -> None:
    made, _ = proposal(20.0, 85.0)
    told: dict[str, Any] = made.properties("advise", "one")
    assert told["objective"] == "energy" and told["costNow"] is None


def test_what_is_expected_is_believable_after_a_failure() -> None:
    plant = Plant(hall(setpoint=22.0), 4, start_s=NOW / 1000)
    plant.step(3600.0)
    plant.inject(Fault("unit-fails", "c0", magnitude=0.6))
    plant.step(240.0)
    seen = take("hall", things_of(plant), NOW)
    controller = Controller(seen.layout, seen.parameters, ADVISE)
    made = propose(seen, controller)
    assert "brings the inlets back" in made.why or "nearer to" in made.why
    # No colder than the air that units give.
    assert made.hottest_c is not None and 20.0 < made.hottest_c < controller.hottest_now_c
