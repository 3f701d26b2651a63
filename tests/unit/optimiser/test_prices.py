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
from optimiser.prices import Ahead, SeriesError, carbon_price, file_of, parse, together
from optimiser.settings import OptimiserSettings
from physics.plant import Plant

TARIFF = """time,EUR/kWh
2027-01-15T00:00:00Z,0.10
2027-01-15T12:00:00+00:00,0.30
"""
CARBON = """time,gCO2/kWh
2027-01-15T06:00Z,400
2027-01-15T18:00Z,100
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
    assert series.relative(start + 43_200) == 1.0
    assert parse('[["2027-01-15T00:00:00Z", 120], [1800050400, 300]]').values == (120.0, 300.0)
    assert parse('[{"time": 0, "value": 2}]').at(5.0) == 2.0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "at least one"),
        ("time,EUR/kWh\n", "at least one"),
        ("2027-01-15T00:00:00,1", "tariff, line 1, time: .*zone"),
        ("0,1\nsoon,2", "line 2, time: 'soon': .*ISO"),
        ("0,1\n1,x", "line 2, value: 'x': .*number"),
        ("2027-01-15T00:00Z,cheap", "line 1, value: 'cheap'"),
        ("0,1\n1,nan", "line 2, value"),
        ("0,1\n0,2", "line 2, time: .*ascend"),
        ("0", "line 1: '0': .*comma"),
        ("0;1", "comma"),
        ("[0, 1", "JSON"),
        ('[{"time": 0}]', "entry 1: .*both"),
        ("[[0, 1], 5]", "entry 2: 5"),
    ],
)
def test_what_is_no_series(text: str, what: str) -> None:
    with pytest.raises(SeriesError, match=what):
        parse(text)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "tariff.csv"
    read = file_of(path, "tariff")
    with pytest.raises(SeriesError, match=r"tariff\.csv"):
        read()
    path.write_text("0,1\n")
    assert (series := read()) is not None and series.at(1.0) == 1.0
    path.write_text("0,2\n")
    os.utime(path, ns=(1, 1))
    assert (series := read()) is not None and series.at(1.0) == 2.0
    path.write_text("0,many\n")
    os.utime(path, ns=(2, 2))
    with pytest.raises(SeriesError, match=r"tariff\.csv: tariff, line 1, value"):
        read()
    assert file_of(None, "carbon")() is None


def test_values_are_per_kwh_whatever_the_heading_says() -> None:
    assert parse("time,EUR/MWh\n0,80").values == pytest.approx((0.08,))
    assert parse("time,EUR/MWh\n0,80").unit == "EUR/kWh"
    assert parse("\ufefftime,price\n0,80").unit == "per kWh"


@pytest.mark.parametrize(
    ("text", "per_kg"), [("80 EUR/t", 0.08), ("0.08EUR/kg", 0.08), ("80 EUR / tCO2e", 0.08), ("0.1 ct/g", 100.0)]
)
def test_a_price_of_carbon(text: str, per_kg: float) -> None:
    assert carbon_price(text).per_kg == pytest.approx(per_kg)


@pytest.mark.parametrize("text", ["", "80", "80 EUR", "EUR/t", "80 EUR/kWh", "-80 EUR/t", "80/t"])
def test_what_is_no_price_of_carbon(text: str) -> None:
    with pytest.raises(SeriesError, match="80 EUR/t"):
        carbon_price(text)


def test_cost_is_the_tariff_and_what_carbon_costs() -> None:
    tariff, carbon = parse(TARIFF, "tariff"), parse(CARBON, "carbon")
    both = together(tariff, carbon, carbon_price("250 EUR/t"))
    assert both is not None
    hour = 3600.0
    start = tariff.times_s[0]
    # 400 g at 0.25 EUR/kg are 0.10 EUR, 100 g 0.025.
    found = [both.at(start + h * hour) for h in (1, 7, 13, 19)]
    assert found == pytest.approx([0.2, 0.2, 0.4, 0.325])
    assert (both.unit, both.objective) == ("EUR/kWh", "cost")
    kilograms = parse(CARBON.replace("gCO2", "kg").replace("00\n", "00e-3\n"), "carbon")
    same = together(tariff, kilograms, carbon_price("0.25 EUR/kg"))
    assert same is not None and same.values == pytest.approx(both.values)
    priced = together(None, carbon, carbon_price("250 EUR/t"))
    assert priced is not None and (priced.objective, priced.values) == ("cost", pytest.approx((0.1, 0.025)))


def test_either_series_alone_is_what_is_kept_low() -> None:
    tariff, carbon = parse(TARIFF, "tariff"), parse(CARBON, "carbon")
    assert together(tariff, None, None) is tariff and tariff.objective == "cost"
    assert together(None, carbon, None) is carbon and (carbon.objective, carbon.unit) == ("carbon", "gCO2/kWh")
    assert together(None, None, None) is None


@pytest.mark.parametrize(
    ("tariff", "carbon", "price", "what"),
    [
        (TARIFF, CARBON, None, "expected a carbon price"),
        (TARIFF, None, "80 EUR/t", "expected a carbon series"),
        (TARIFF, CARBON, "80 USD/t", "one currency"),
        (TARIFF, "0,400", "80 EUR/t", "heading: no unit: .*g/kWh"),
        (TARIFF, "time,lb/kWh\n0,1", "80 EUR/t", "heading: 'lb/kWh': .*g/kWh"),
    ],
)
def test_what_does_not_fit_together(tariff: str, carbon: str | None, price: str | None, what: str) -> None:
    with pytest.raises(SeriesError, match=what):
        together(
            parse(tariff, "tariff"),
            None if carbon is None else parse(carbon, "carbon"),
            None if price is None else carbon_price(price),
        )


def test_no_carbon_is_less_than_none() -> None:
    with pytest.raises(SeriesError, match="carbon, line 2, value: '-1': expected 0 or more"):
        parse("time,g/kWh\n0,-1", "carbon")
    assert parse("0,-1").at(0.0) == -1.0


def test_what_is_assumed_where_a_series_does_not_tell() -> None:
    series = parse("0,1\n3600,2\n7200,3")
    # The last value is told for as long as the one before it.
    assert series.ends_s == 10_800.0
    assert series.assumed(0.0, 10_800.0) == ()
    assert series.assumed(9_000.0, 10_801.0) == (
        "the tariff ends at 1970-01-01T03:00Z: its last value is taken after that",
    )
    assert "begins at 1970-01-01T00:00Z" in series.assumed(-60.0, 60.0)[0]
    assert parse("0,5").assumed(0.0, 1e9) == ()
    both = together(series, parse("time,g/kWh\n0,1\n600,2", "carbon"), carbon_price("1 EUR/kg"))
    assert both is not None
    assert [words.partition(" ends")[0] for words in both.assumed(0.0, 20_000.0)] == ["the tariff", "the carbon"]
    # What counts as dear is told by what is known, not by a last value that goes on for the rest of the day.
    assert series.relative(3600.0) == pytest.approx(2.0 / 2.5)
    assert series.known_s(3600.0) == 7200.0 and series.relative(20_000.0) == 1.0


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"optimiser_carbon_price": "80"}, "80 EUR/t"),
        ({"optimiser_carbon_price": "80 EUR/t"}, "CARBON_FILE"),
        ({"optimiser_tariff_file": "a", "optimiser_carbon_file": "b"}, "CARBON_PRICE"),
    ],
)
def test_settings_that_do_not_fit_together(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        OptimiserSettings(**settings)


def test_dear_hours_use_the_indexs_budget_and_cheap_ones_save_it() -> None:
    plant = Plant(hall(setpoint=24.0), 4, start_s=1.8e9)
    plant.step(3600.0)
    warmer = {}
    for price in (0.5, 1.0, 2.0):
        controller = Controller(plant.layout, None, Tuning(interval_s=600.0, rci_target=96.0))
        seen = seen_of(plant)
        for k in range(4):
            decision = controller.decide(replace(seen, ahead=Ahead((price, price)), time_s=plant.time_s + 600.0 * k))
        warmer[price] = float(decision.setpoint.mean())
    assert warmer[0.5] < warmer[2.0]


def test_what_cooling_costs_is_told() -> None:
    plant = Plant(hall(), 4, start_s=NOW / 1000)
    plant.step(600.0)
    question: dict[str, Any] = {"question": "optimise", "room": "hall", "things": things_of(plant), "now": NOW}
    told = ask.answer({**question, "tariff": TARIFF})
    assert told["objective"] == "cost"
    assert told["costNow"] == pytest.approx(0.1 * told["powerNow"] / 1000.0, rel=0.01)
    assert told["costThen"] < told["costNow"] and "EUR/kWh" in told["why"]
    assert "expected a carbon series" in ask.answer({**question, "carbonPrice": "80 EUR/t"})["error"]
    wrong = ask.answer({**question, "tariff": "nonsense"})
    assert "tariff, line 1" in wrong["error"] and "EUR/kWh" in wrong["hint"]
    both = ask.answer({**question, "tariff": TARIFF, "carbon": CARBON, "carbonPrice": "250 EUR/t"})
    assert both["objective"] == "cost"
    assert both["costNow"] == pytest.approx(0.2 * both["powerNow"] / 1000.0, rel=0.01)
    clean = ask.answer({**question, "carbon": CARBON})
    assert clean["objective"] == "carbon" and "gCO2/kWh" in clean["why"]
    short = ask.answer({**question, "tariff": f"{NOW / 1000 - 1800},1\n{NOW / 1000 - 600},2"})
    assert "the tariff ends at" in short["why"] and "last value" in short["why"]
    plain = ask.answer(question)
    assert plain["costNow"] is None and plain["objective"] == "energy"
