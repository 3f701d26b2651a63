"""`racktwin optimise` and `racktwin placement` at the command: what they ask, write, print, and where they stop."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.unit.optimiser.halls import hall, things_of
from tests.unit.racktwin_cli.ditto_fake import Ditto, serving

from physics.plant import Plant
from racktwin_cli.main import cli

C0, C1 = "racktwin.t:cooling-c0", "racktwin.t:cooling-c1"
PROPOSED = {
    "mode": "advise",
    "state": "proposed",
    "why": "fans of c0 are faster than they must be",
    "proposal": "p-7",
    "powerNow": 9000.0,
    "powerThen": 7200.0,
    "saving": 20.0,
    "settings": {
        C0: {"setpointNow": 19.0, "setpoint": 20.5, "fanSpeedNow": 85.0, "fanSpeed": 70.0},
        C1: {"setpointNow": 19.0, "setpoint": 20.0, "fanSpeedNow": 85.0, "fanSpeed": 72.0},
    },
}
MOVED = {
    "moves": [{"from": "racktwin.t:rack-r1", "to": "racktwin.t:rack-r9", "powerW": 500.0}],
    "hottest": 27.4,
    "hottestThen": 26.1,
}
PLACES = {
    "powerW": 8000.0,
    "places": [
        {
            "row": "r0",
            "x": 5.6,
            "y": 1.8,
            "fits": True,
            "own_inlet_c": 21.0,
            "hottest_c": 24.0,
            "hottest_one_lost_c": 26.5,
            "why": "0.7 K below the limit with cooling-c1 lost",
        }
    ],
}
LEFT = {"power_w": 42_000.0, "cooling_w": 61_500.0, "cooling_one_lost_w": 3_000.0, "limit": "one unit lost"}


class Optimiser:
    """Whoever answers questions; keeps what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {
            "optimise": PROPOSED, "shift": MOVED, "placement": PLACES, "capacity": LEFT,
        }  # fmt: skip
        self.asked: list[dict[str, Any]] = []
        self.stdout: str | None = None
        self.stderr = ""
        self.fails: Exception | None = None

    def run(self, command: list[str], *, input: str, **_: Any) -> Any:
        assert command[-2:] == ["-m", "optimiser.ask"]
        if self.fails is not None:
            raise self.fails
        question = json.loads(input)
        self.asked.append(question)
        said = json.dumps(self.answers[question["question"]]) if self.stdout is None else self.stdout
        return SimpleNamespace(stdout=said, stderr=self.stderr, returncode=0)


@pytest.fixture(scope="module")
def plant() -> Plant:
    made = Plant(hall(), 4, start_s=time.time())
    made.step(600.0)
    return made


@pytest.fixture
def ditto(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ditto]:
    twins = Ditto(things_of(plant, int(time.time() * 1000)))
    with serving(twins) as url:
        monkeypatch.setenv("RACKTWIN_DITTO_URL", url)
        monkeypatch.setenv("RACKTWIN_SITE", "t")
        yield twins


@pytest.fixture
def optimiser(monkeypatch: pytest.MonkeyPatch) -> Optimiser:
    made = Optimiser()
    monkeypatch.setattr(subprocess, "run", made.run)
    return made


def racktwin(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def failed(result: Result) -> str:
    """The one line of a command that could not do its work."""
    assert result.exit_code == 1
    [line] = result.output.strip().splitlines()
    assert line.startswith("error: ") and "; next: " in line
    return line


# --- optimise ---


def test_a_proposal_is_printed_and_nothing_is_written(ditto: Ditto, optimiser: Optimiser) -> None:
    result = racktwin("optimise", "--room", "hall")
    assert result.exit_code == 0
    assert "room hall (advise): fans of c0 are faster than they must be" in result.output
    assert "19 °C" in result.output and "20.5 °C" in result.output and "70 %" in result.output
    assert "cooling 9.0 kW -> 7.2 kW (20.0 % saved), by the model" in result.output
    assert "--accept asks for it" in result.output
    assert ditto.written == []


@pytest.mark.parametrize(("horizon", "seconds"), [((), 1800.0), (("--horizon", "45m"), 2700.0)])
def test_the_horizon_and_the_index_are_asked_with(
    ditto: Ditto, optimiser: Optimiser, horizon: tuple[str, ...], seconds: float
) -> None:
    assert racktwin("optimise", "--room", "hall", "--rci", "97", *horizon).exit_code == 0
    [asked] = optimiser.asked
    assert (asked["question"], asked["horizonS"], asked["rci"]) == ("optimise", seconds, 97.0)
    assert {thing["thingId"] for thing in asked["things"]} == set(ditto.things)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--horizon", "soon"),
        ("--rci", "80"),
        ("--mode", "auto"),
        ("--shift", "much"),
        ("--shift", "0"),
        ("--tariff", "gone"),
    ],
)
def test_wrong_arguments_are_named(ditto: Ditto, optimiser: Optimiser, arguments: tuple[str, str]) -> None:
    result = racktwin("optimise", "--room", "hall", *arguments)
    assert result.exit_code == 2 and arguments[0] in result.output
    assert optimiser.asked == [] and ditto.written == []


def test_json_holds_the_whole_answer(ditto: Ditto, optimiser: Optimiser) -> None:
    result = racktwin("optimise", "--room", "hall", "--shift", "500", "--json")
    assert json.loads(result.output) == {"room": "hall", **PROPOSED, "shift": MOVED}
    assert optimiser.asked[1]["blockW"] == 500.0


def test_load_to_move_is_told_with_what_it_brings(ditto: Ditto, optimiser: Optimiser) -> None:
    result = racktwin("optimise", "--room", "hall", "--shift", "500")
    assert "move 500 W from racktwin.t:rack-r1 to racktwin.t:rack-r9" in result.output
    assert "hottest inlet 27.4 °C -> 26.1 °C by it" in result.output
    optimiser.answers["shift"] = {"moves": [], "hottest": 24.0, "hottestThen": 24.0}
    result = racktwin("optimise", "--room", "hall", "--shift", "500")
    assert "24.0 °C: moving load in such blocks makes it no cooler" in result.output


def test_accepting_asks_for_every_setting_as_a_person(ditto: Ditto, optimiser: Optimiser) -> None:
    result = racktwin("optimise", "--room", "hall", "--accept", "--who", "ann", "--json")
    assert result.exit_code == 0
    told = json.loads(result.output)
    assert [(each["thing"], each["state"]) for each in told["commands"]] == [(C0, "accepted"), (C1, "accepted")]
    assert [path for path, _ in ditto.written] == [
        f"/api/2/things/{unit}/features/control/desiredProperties" for unit in (C0, C1)
    ]
    wish = ditto.written[0][1]
    assert (wish["setpoint"], wish["fanSpeed"], wish["mode"]) == (20.5, 70.0, "manual")
    request = wish["request"]
    assert (request["origin"], request["who"], request["proposal"]) == ("optimiser-proposal", "ann", "p-7")
    assert "confirm" not in request and request["validUntil"] > request["at"]


def test_a_setting_that_the_guard_refuses_is_told_and_is_exit_code_3(ditto: Ditto, optimiser: Optimiser) -> None:
    def guard(unit: str, desired: dict[str, Any]) -> dict[str, Any]:
        if unit == C1 and not desired["request"].get("confirm"):
            return {"state": "refused", "rule": "confirm-step", "by": 0.5, "detail": "a step of 2.5 K"}
        return {"state": "accepted"}

    ditto.guard = guard
    result = racktwin("optimise", "--room", "hall", "--accept")
    assert result.exit_code == 3
    assert f"{C0}: setpoint 20.5" in result.output and "accepted after" in result.output
    assert "rule confirm-step, by 0.5" in result.output and "--confirm" in result.output
    assert racktwin("optimise", "--room", "hall", "--accept", "--confirm").exit_code == 0


def test_nothing_to_accept_asks_for_nothing(ditto: Ditto, optimiser: Optimiser) -> None:
    optimiser.answers["optimise"] = {**PROPOSED, "settings": {}, "saving": None, "why": "all is well as it is"}
    result = racktwin("optimise", "--room", "hall", "--accept")
    assert result.exit_code == 0 and "all is well as it is" in result.output
    assert ditto.written == []


def test_the_mode_is_switched_on_the_rooms_twin(ditto: Ditto, optimiser: Optimiser) -> None:
    result = racktwin("optimise", "--room", "hall", "--mode", "closed-loop")
    assert result.exit_code == 0 and "room hall (closed-loop)" in result.stdout
    path = "/api/2/things/racktwin.t:room-hall/features/optimisation/desiredProperties/mode"
    assert ditto.written == [(path, "closed-loop")]


def test_a_mode_that_was_switched_is_told_though_there_is_no_proposal(ditto: Ditto, optimiser: Optimiser) -> None:
    optimiser.answers["optimise"] = {"error": "the inlets of 3 of 12 racks are known"}
    result = racktwin("optimise", "--room", "hall", "--mode", "off")
    assert result.exit_code == 1
    told, line = result.stderr.strip().splitlines()
    assert told == "room hall: the mode is off from now on"
    assert line.startswith("error: ") and "3 of 12 racks" in line
    assert [body for _, body in ditto.written] == ["off"]


@pytest.mark.parametrize("room", ["cellar", "Hall A", 'hall"'])
@pytest.mark.parametrize("more", [(), ("--mode", "off")])
def test_a_room_that_is_not_there(ditto: Ditto, optimiser: Optimiser, room: str, more: tuple[str, ...]) -> None:
    line = failed(racktwin("optimise", "--room", room, *more))
    assert "room" in line
    assert optimiser.asked == [] and ditto.written == []


def test_ditto_is_away(ditto: Ditto, optimiser: Optimiser, monkeypatch: pytest.MonkeyPatch) -> None:
    ditto.away = True
    assert "is Ditto running?" in failed(racktwin("optimise", "--room", "hall"))
    monkeypatch.setenv("RACKTWIN_DITTO_URL", "http://127.0.0.1:1")
    for arguments in (("optimise",), ("optimise", "--mode", "off"), ("placement",)):
        assert "is Ditto running?" in failed(racktwin(*arguments, "--room", "hall"))


@pytest.mark.parametrize("command", ["optimise", "placement"])
def test_the_optimiser_says_why_not(ditto: Ditto, optimiser: Optimiser, command: str) -> None:
    optimiser.stdout = '{"error": "cooling-c0 does not report"}'
    assert "cooling-c0 does not report" in failed(racktwin(command, "--room", "hall"))


@pytest.mark.parametrize("command", ["optimise", "placement"])
def test_the_optimiser_is_away(ditto: Ditto, optimiser: Optimiser, command: str) -> None:
    optimiser.stdout, optimiser.stderr = "", "Traceback\n  …\nModuleNotFoundError: No module named 'optimiser'\n"
    assert "ModuleNotFoundError: No module named 'optimiser'" in failed(racktwin(command, "--room", "hall"))
    optimiser.fails = subprocess.TimeoutExpired("optimiser.ask", 120)
    assert "timed out after 120 s" in failed(racktwin(command, "--room", "hall"))
    optimiser.fails = FileNotFoundError("no such interpreter")
    assert "no such interpreter" in failed(racktwin(command, "--room", "hall"))


# --- placement ---


def test_places_and_what_is_left(ditto: Ditto, optimiser: Optimiser) -> None:
    result = racktwin("placement", "--room", "hall", "--power", "6.5 kW")
    assert result.exit_code == 0
    assert "0.7 K below the limit with cooling-c1 lost" in result.output
    assert "left in room hall: power 42.0 kW, cooling 61.5 kW, with one unit lost 3.0 kW" in result.output
    assert [each["question"] for each in optimiser.asked] == ["placement", "capacity"]
    assert optimiser.asked[0]["powerW"] == 6500.0
    assert ditto.written == []


def test_json_of_places(ditto: Ditto, optimiser: Optimiser) -> None:
    result = racktwin("placement", "--room", "hall", "--json")
    assert json.loads(result.output) == {"room": "hall", **PLACES, "left": LEFT}


def test_a_rack_that_fits_nowhere_is_exit_code_3(ditto: Ditto, optimiser: Optimiser) -> None:
    optimiser.answers["placement"] = {**PLACES, "places": [{**PLACES["places"][0], "fits": False}]}  # type: ignore[index]
    assert racktwin("placement", "--room", "hall", "--power", "80kW").exit_code == 3
    optimiser.answers["placement"] = {**PLACES, "places": []}
    assert racktwin("placement", "--room", "hall").exit_code == 3


@pytest.mark.parametrize("power", ["8 horses", "-3kW", "kW", "nan"])
def test_what_is_no_power(ditto: Ditto, optimiser: Optimiser, power: str) -> None:
    result = racktwin("placement", "--room", "hall", "--power", power)
    assert result.exit_code == 2 and "8kW or 750W" in result.output and optimiser.asked == []


def test_a_room_that_has_no_places(ditto: Ditto, optimiser: Optimiser) -> None:
    assert "no room 'cellar'" in failed(racktwin("placement", "--room", "cellar"))


# --- with the real optimiser ---


def test_load_shift_and_capacity_left_by_the_room_model(ditto: Ditto) -> None:
    optimised = racktwin("optimise", "--room", "hall", "--shift", "500", "--json")
    assert optimised.exit_code == 0, optimised.output
    answer = json.loads(optimised.output)
    assert answer["why"] and set(answer["settings"]) <= {C0, C1}
    assert answer["shift"]["hottestThen"] <= answer["shift"]["hottest"] + 1e-6
    placed = racktwin("placement", "--room", "hall", "--power", "4kW", "--json")
    assert placed.exit_code in (0, 3)
    answer = json.loads(placed.output)
    assert answer["places"] and answer["left"]["power_w"] > 0 and answer["left"]["limit"]


def test_a_tariff_that_is_none(ditto: Ditto, tmp_path: Path) -> None:
    nonsense = tmp_path / "tariff.csv"
    nonsense.write_text("dear at noon\n", encoding="utf-8")
    failed(racktwin("optimise", "--room", "hall", "--tariff", str(nonsense)))
    nonsense.write_bytes(b"\xff\xfe\x00\xd8")
    assert "tariff.csv" in failed(racktwin("optimise", "--room", "hall", "--tariff", str(nonsense)))
