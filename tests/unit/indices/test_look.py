"""Indices of a room from its newest readings."""

from __future__ import annotations

from typing import Any

import pytest

from indices.look import IndicesLooker
from physics import sources
from physics.layout import Layout
from physics.live import Book
from racktwin.catalogue_computed import resolve
from racktwin.messages import Reading

NOW = 1_795_000_000_000
ROOM, UNIT = "racktwin.t:room-h", "racktwin.t:cooling-c"
RACKS = ("racktwin.t:rack-a", "racktwin.t:rack-b")


def hall() -> Layout:
    rack = {"location": "h", "row": "r1", "ashraeClass": "A1"}
    return sources.from_twins(
        "h",
        [
            {"thingId": ROOM, "attributes": {"width": 8, "depth": 6, "height": 3}},
            {"thingId": RACKS[0], "attributes": {**rack, "position": {"x": 2, "y": 3}}},
            {"thingId": RACKS[1], "attributes": {**rack, "position": {"x": 2.6, "y": 3}}},
            {
                "thingId": UNIT,
                "attributes": {
                    "location": "h",
                    "position": {"x": 0, "y": 3},
                    "capacity": 20000,
                    "ratedAirflow": 1.5,
                },
            },
        ],
    )


def reading(thing: str, feature: str, at: int = NOW, quality: Any = "good", **values: float | str) -> Reading:
    kind = thing.partition(":")[2].partition("-")[0]
    return Reading(
        thing=thing,
        feature=feature,
        observed_at=at,
        received_at=at,
        values=dict(values),
        quality=quality,
        device=thing,
        kind=kind,
        v=1,
    )


def book(*, inlets: tuple[float, ...] = (25.0, 26.0, 28.0, 29.0), units: bool = True, flows: bool = True) -> Book:
    made = Book()
    for at, rack in enumerate(RACKS):
        made.add(reading(rack, "environment.bottom", temperature=inlets[2 * at], relativeHumidity=40.0))
        made.add(reading(rack, "environment.top", temperature=inlets[2 * at + 1], relativeHumidity=38.0))
        made.add(reading(rack, "power", power=5000.0))
        if flows:
            made.add(reading(rack, "cooling", airflow=0.4, deltaT=10.4))
    if units:
        made.add(reading(UNIT, "air", supplyTemperature=22.0, returnTemperature=33.0, airflow=0.9))
        made.add(reading(UNIT, "power", power=3000.0, heatRemoved=10500.0))
        made.add(reading(UNIT, "control", setpoint=22.0, fanSpeed=60.0, mode="auto"))
    return made


def test_a_rooms_indices_and_its_racks() -> None:
    results = IndicesLooker(carbon_kg_per_kwh=0.3, water_l_per_kwh=1.0).look("t", hall(), book(), NOW)
    assert [result.thing for result in results] == [ROOM, *RACKS]
    room = results[0].values
    assert room["rciHi"] == pytest.approx(85.0)
    assert (room["n"], room["powerUsageRatio"], room["aclf"]) == (4, 1.3, 0.3)
    assert room["shi"] + room["rhi"] == pytest.approx(1.0, abs=1e-3)
    assert room["cue"] == pytest.approx(0.39)
    assert room["wue"] == pytest.approx(1.05)
    assert 90.0 < room["rti"] < 120.0
    states = [result.values["ashraeState"] for result in results[1:]]
    assert states == ["recommended", "allowable"]
    hot = results[2].values
    assert hot["rciHiContribution"] == pytest.approx(15.0)
    assert hot["shi"] == pytest.approx(hot["beta"] / (1.0 + hot["beta"]), abs=1e-3)


def test_every_value_is_one_the_catalogue_has() -> None:
    for result in IndicesLooker().look("t", hall(), book(), NOW):
        feature = resolve(result.thing.partition(":")[2].partition("-")[0], "indices")
        assert feature is not None
        for name, value in result.values.items():
            prop = feature.by_name[name]
            if isinstance(value, float | int):
                assert prop.low is None or value >= prop.low
                assert prop.high is None or value <= prop.high


def test_what_is_not_known_is_taken_off_the_twin() -> None:
    room = IndicesLooker().look("t", hall(), book(units=False), NOW)[0]
    assert room.values["rciHi"] == pytest.approx(85.0)
    assert [room.values[name] for name in ("rti", "shi", "powerUsageRatio", "cue", "wue")] == [None] * 5


def test_assumed_flows_make_an_estimate() -> None:
    looker = IndicesLooker()
    assert looker.look("t", hall(), book(), NOW)[0].quality == "good"
    assert looker.look("t", hall(), book(flows=False), NOW)[0].quality == "estimated"


def test_old_and_faulty_readings_say_nothing() -> None:
    assert IndicesLooker().look("t", hall(), book(), NOW + 200_000) == []
    made = Book()
    made.add(reading(RACKS[0], "environment.top", quality="faulty", temperature=90.0))
    assert len(made) == 0
    made.add(reading(RACKS[0], "environment.top", temperature=20.0))
    made.add(reading(RACKS[0], "environment.top", at=NOW - 5000, temperature=10.0))
    assert made.value(RACKS[0], "environment.top", "temperature", NOW) == 20.0
    made.forget(NOW + 200_000)
    assert len(made) == 0


def test_a_rack_without_readings_is_left_out() -> None:
    made = Book()
    made.add(reading(RACKS[0], "environment.top", temperature=20.0))
    assert [result.thing for result in IndicesLooker().look("t", hall(), made, NOW)] == [ROOM, RACKS[0]]
