"""What the history makes of InfluxDB's records."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.history import History, Window
from racktwin.settings import InfluxSettings

START = 1_780_000_000_000


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@pytest.fixture
def history(monkeypatch):
    made = History(InfluxSettings())
    made.asked = []
    made.answers = []

    def records(flux):
        made.asked.append(flux)
        return made.answers.pop(0)

    monkeypatch.setattr(made, "_records", records)
    yield made
    made.close()


def inlet(case, step, value, feature="environment.top"):
    record = {"_time": at(START + step * 30_000), "_value": value, "_measurement": "environment", "case": case}
    return record | {"thing": "rack-r1", "feature": feature}


def test_cases_side_by_side_show_the_warmer_height_and_the_units_power_together(history):
    power = {"_measurement": "power", "_time": at(START), "case": "fails"}
    history.answers = [
        [{"_time": at(START)}, {"_time": at(START + 30_000)}],
        [
            inlet("baseline", 0, 21.0),
            inlet("fails", 0, 22.0),
            inlet("fails", 0, 23.5, "environment.bottom"),
            inlet("fails", 1, 30.123),
            power | {"thing": "crah-1", "_value": 1000.0},
            power | {"thing": "crah-2", "_value": 500.0},
        ],
    ]
    found = history.scenario("berlin", "s-1", ["baseline", "fails", "none"], 100)
    assert (found["start"], found["times"]) == (START, [0.0, 30.0])
    assert found["cases"]["fails"] == {"inlets": {"rack-r1": [23.5, 30.12]}, "power": [1500.0, None]}
    assert found["cases"]["baseline"]["inlets"] == {"rack-r1": [21.0, None]}
    assert set(found["cases"]) == {"baseline", "fails"}
    assert 'from(bucket: "berlin_scenarios")' in history.asked[0]


def test_a_long_what_if_is_thinned_out(history):
    history.answers = [[{"_time": at(START + step * 30_000)} for step in range(100)], []]
    assert len(history.scenario("berlin", "s-1", ["baseline"], 25)["times"]) == 25


def test_what_was_forgotten_is_empty(history):
    history.answers = [[]]
    assert history.scenario("berlin", "s-1", ["baseline"], 25) == {"start": None, "times": [], "cases": {}}


def test_names_cannot_leave_their_place_in_a_query(history):
    history.answers = [[]]
    history.scenario("berlin", "s-1", ['a" or true or r.case == "${b}\\'], 25)
    assert 'r.case == "a\\" or true or r.case == \\"\\${b}\\\\"' in history.asked[0]


def test_the_hottest_and_the_coldest_inlet_are_found_where_the_readings_are(history):
    history.answers = [[{"result": "hottest", "_time": at(START), "_value": 27.12345}]]
    found = history.inlets("berlin", "hall-a", Window(START, START + 60_000, 30), START + 60_000)
    assert found == {"hottest": [[START, 27.123]], "coldest": []}
    assert len(history.asked) == 1


@pytest.mark.parametrize(
    ("answers", "oldest"), [([[{"_time": at(50)}], [], [{"_time": at(20)}]], 20), ([[]] * 3, None)]
)
def test_history_begins_with_the_oldest_reading_of_any_resolution(history, answers, oldest):
    history.answers = list(answers)
    assert history.extent("berlin") == oldest
    assert [
        bucket for flux in history.asked for bucket in ("berlin_15m", "berlin_1m", "berlin") if f'"{bucket}"' in flux
    ]
