"""The process: proposals on rooms' twins, wishes in closed loop, standing by, and the safe ends of what fails."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import structlog
from tests.unit.optimiser.halls import NOW, SITE, hall, things_of

from optimiser import ask
from optimiser.prices import Series, file_of
from optimiser.problem import SolverFailed
from optimiser.work import Optimiser
from physics.faults import Fault
from physics.plant import Plant
from racktwin.health import Health
from racktwin.process import Context


class Stage:
    """An optimiser with its surroundings."""

    def __init__(
        self,
        things: list[dict[str, Any]],
        instance: str = "one",
        series: Callable[[], Series | None] = lambda: None,
    ) -> None:
        self.things, self.told, self.wishes, self.now = things, [], {}, NOW  # type: ignore[var-annotated]
        context = Context(
            name="optimiser",
            log=structlog.get_logger(),
            health=Health(),
            stop=threading.Event(),
            clock=lambda: self.now,
        )
        self.optimiser = Optimiser(
            context,
            twins=self,
            publish=lambda topic, key, value: self.told.append(json.loads(value)),
            wish=self.wishes.__setitem__,
            instance=instance,
            rci=100.0,
            margin_k=0.2,
            series=series,
        )

    def search(self, rql: str | None = None, **_: Any) -> Iterable[dict[str, Any]]:
        return self.things

    def look(self) -> dict[str, Any]:
        """One look; what was told of the room."""
        self.optimiser.look("t")
        found: dict[str, Any] = self.told[-1]["value"] if self.told else {}
        return found


def plant() -> Plant:
    made = Plant(hall(), 4, start_s=NOW / 1000)
    made.step(600.0)
    return made


def test_a_proposal_on_the_rooms_twin() -> None:
    stage = Stage(things_of(plant()))
    told = stage.look()
    assert stage.told[-1]["path"] == "/features/optimisation/properties"
    assert (told["mode"], told["state"], told["instance"], told["at"]) == ("advise", "proposed", "one", NOW)
    assert told["saving"] > 2.0 and told["powerThen"] < told["powerNow"]
    assert all(values["setpoint"] <= 27.0 for values in told["settings"].values())
    assert "saves" in told["why"]
    assert stage.wishes == {}


def test_closed_loop_wishes_under_its_name() -> None:
    stage = Stage(things_of(plant(), desiredProperties={"mode": "closed-loop"}))
    stage.look()
    wish = stage.wishes[f"{SITE}:cooling-c0"]
    assert wish["mode"] == "mpc"
    assert (wish["request"]["origin"], wish["request"]["instance"]) == ("optimiser", "one")
    assert "confirm" not in wish["request"]


def test_prices_from_a_file_and_what_is_kept_low_when_it_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "tariff.csv"
    path.write_text(f"time,EUR/kWh\n{NOW / 1000},0.3\n", encoding="utf-8")
    stage = Stage(things_of(plant()), series=file_of(path, "tariff"))
    told = stage.look()
    assert told["objective"] == "cost" and told["costNow"] > 0.0
    path.write_text("time,EUR/kWh\ntoday,0.3\n", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    told = stage.look()
    assert told["objective"] == "energy" and "costNow" not in told
    assert "line 2, time: 'today'" in told["why"] and "saves" in told["why"]


def test_switched_off() -> None:
    stage = Stage(things_of(plant(), desiredProperties={"mode": "off"}))
    assert stage.look()["why"] == "switched off" and stage.wishes == {}


def test_it_stands_by_while_another_looks_after_the_room() -> None:
    properties = {"instance": "two", "at": NOW - 30_000}
    stage = Stage(things_of(plant(), properties=properties, desiredProperties={"mode": "closed-loop"}))
    assert stage.look() == {} and stage.wishes == {}
    stage.now += 100_000
    stage.things = things_of(plant(), stage.now, properties=properties, desiredProperties={"mode": "closed-loop"})
    assert stage.look()["instance"] == "one" and stage.wishes


def test_without_enough_data_it_proposes_nothing_and_says_why() -> None:
    stage = Stage(things_of(plant(), NOW - 200_000))
    told = stage.look()
    assert told["state"] == "none" and "%" in told["why"]


def test_a_solver_that_fails_leaves_everything_as_it_is(monkeypatch: Any) -> None:
    def fails(*_: Any) -> None:
        raise SolverFailed("the solver ended with 'maximum iterations reached' after 1 iterations")

    monkeypatch.setattr("optimiser.controller.Controller.decide", fails)
    stage = Stage(things_of(plant(), desiredProperties={"mode": "closed-loop"}))
    told = stage.look()
    assert told["state"] == "failed" and "stay as they are" in told["why"] and stage.wishes == {}


def test_a_model_that_errs_too_much_commands_nothing(monkeypatch: Any) -> None:
    monkeypatch.setattr("optimiser.controller.Controller.infidelity_k", 3.5)
    stage = Stage(things_of(plant(), desiredProperties={"mode": "closed-loop"}))
    told = stage.look()
    assert told["state"] == "failed" and "does not know the room" in told["why"] and stage.wishes == {}


def test_a_unit_that_fails_under_closed_loop() -> None:
    room = plant()
    room.inject(Fault("unit-stops", "c0"))
    room.step(600.0)
    stage = Stage(things_of(room, desiredProperties={"mode": "closed-loop"}))
    told = stage.look()
    assert "cooling-c0 has failed" in told["why"]
    assert f"{SITE}:cooling-c0" not in stage.wishes
    other = stage.wishes[f"{SITE}:cooling-c1"]
    assert other["setpoint"] < 19.0 or other["fanSpeed"] > 85.0


def test_single_questions() -> None:
    question = {"room": "hall", "things": things_of(plant()), "now": NOW}
    placed = ask.answer({**question, "question": "placement", "powerW": 6000.0})
    assert placed["places"] and placed["places"][0]["why"]
    left = ask.answer({**question, "question": "capacity"})
    assert left["power_w"] > 0 and left["limit"]
    moved = ask.answer({**question, "question": "shift", "blockW": 500.0})
    assert moved["hottestThen"] <= moved["hottest"] + 1e-6
    assert len({move["from"] for move in moved["moves"]}) <= 3
    assert "no twin of a room" in ask.answer({**question, "question": "capacity", "room": "x"})["error"]
