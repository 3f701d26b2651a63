"""Tariff and carbon series: reading them, and what they change."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.optimiser.halls import NOW, hall, seen_of, things_of

from optimiser import ask
from optimiser.controller import Controller, Tuning
from optimiser.prices import SeriesError, file_of, parse
from optimiser.settings import OptimiserSettings
from physics.plant import Plant

TARIFF = """time,EUR/kWh
2027-01-15T00:00:00Z,0.10
2027-01-15T12:00:00+00:00,0.30
"""


def test_a_series_from_csv_and_json() -> None:
    series = parse(TARIFF)
    start = series.times_s[0]
    assert (series.unit, series.at(start - 5), series.at(start + 5), series.at(start + 9e9)) == (
        "EUR/kWh",
        0.1,
        0.1,
        0.3,
    )
    assert series.mean(start, start + 86_400) == pytest.approx(0.2)
    assert series.relative(start) == pytest.approx(0.5)
    assert series.relative(start + 43_200) == pytest.approx(1.0)
    assert parse('[["2027-01-15T00:00:00Z", 120], [1800050400, 300]]').values == (120.0, 300.0)
    assert parse('[{"time": 0, "value": 2}]').at(5.0) == 2.0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "at least one"),
        ("time,EUR/kWh\n", "at least one"),
        ("2027-01-15T00:00:00,1", "line 1: .*zone"),
        ("0,1\nsoon,2", "line 2: .*ISO"),
        ("0,1\n1,x", "line 2: .*number"),
        ("0,1\n0,2", "ascend"),
        ("0", "line 1"),
        ('[{"time": 0}]', "pairs"),
    ],
)
def test_what_is_no_series(text: str, what: str) -> None:
    with pytest.raises(SeriesError, match=what):
        parse(text)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "tariff.csv"
    read = file_of(path)
    with pytest.raises(SeriesError, match=r"tariff\.csv"):
        read()
    path.write_text("0,1\n")
    assert (series := read()) is not None and series.at(1.0) == 1.0
    path.write_text("0,2\n")
    os.utime(path, ns=(1, 1))
    assert (series := read()) is not None and series.at(1.0) == 2.0
    assert file_of(None)() is None


def test_a_price_without_a_series_is_refused() -> None:
    with pytest.raises(ValidationError, match="SERIES_FILE"):
        OptimiserSettings(optimiser_objective="cost")


def test_dear_hours_use_the_indexs_budget_and_cheap_ones_save_it() -> None:
    plant = Plant(hall(setpoint=24.0), 4, start_s=1.8e9)
    plant.step(3600.0)
    warmer = {}
    for price in (0.5, 1.0, 2.0):
        controller = Controller(plant.layout, None, Tuning(interval_s=600.0, rci_target=96.0))
        seen = seen_of(plant)
        for k in range(4):
            decision = controller.decide(replace(seen, price=price, time_s=plant.time_s + 600.0 * k))
        warmer[price] = float(decision.setpoint.mean())
    assert warmer[0.5] < warmer[2.0]


def test_what_cooling_costs_is_told() -> None:
    plant = Plant(hall(), 4, start_s=NOW / 1000)
    plant.step(600.0)
    question: dict[str, Any] = {"question": "optimise", "room": "hall", "things": things_of(plant), "now": NOW}
    told = ask.answer({**question, "objective": "cost", "series": TARIFF})
    assert told["objective"] == "cost"
    assert told["costNow"] == pytest.approx(0.1 * told["powerNow"] / 1000.0, rel=0.01)
    assert told["costThen"] < told["costNow"] and "EUR/kWh" in told["why"]
    assert "a series" in ask.answer({**question, "objective": "carbon"})["error"]
    assert "line 1" in ask.answer({**question, "objective": "cost", "series": "nonsense"})["error"]
    plain = ask.answer(question)
    assert plain["costNow"] is None and plain["objective"] == "energy"
