"""The process that follows rooms: it scores, calibrates, publishes, and takes up what an earlier run left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import structlog

from fidelity.look import FidelityLooker
from fidelity.settings import FidelitySettings
from physics import follow, sources
from physics.history import History, record
from physics.layout import Layout
from physics.live import Book
from physics.memory import Memory
from physics.plant import Plant
from physics.recording import from_history
from physics.watch import Result
from racktwin.catalogue_computed import resolve
from racktwin.messages import Reading

START_S = 1_795_000_000.0
SITE, ROOM = "t", "racktwin.t:room-h"


def things() -> list[dict[str, Any]]:
    racks = [
        {
            "thingId": f"racktwin.t:rack-{k}",
            "attributes": {"location": "h", "row": "r1", "position": {"x": 2 + 0.6 * k, "y": 3, "yawDeg": 90}},
        }
        for k in range(4)
    ]
    units = [
        {
            "thingId": f"racktwin.t:cooling-{k}",
            "attributes": {
                "location": "h",
                "position": {"x": 6.0 * k, "y": 3},
                "capacity": 30000,
                "ratedAirflow": 2.0,
                "fanPower": 1000,
            },
        }
        for k in range(2)
    ]
    return [{"thingId": ROOM, "attributes": {"width": 8, "depth": 6, "height": 3}}, *racks, *units]


def hall() -> Layout:
    return sources.from_twins("h", things())


def tell(book: Book, layout: Layout, past: History, k: int) -> int:
    """Put one sample of a plant into the book; its time (ms)."""
    at = int(past.time_s[k] * 1000)

    def add(thing: str, feature: str, **values: float) -> None:
        known = {name: value for name, value in values.items() if value == value}
        kind = thing.partition(":")[2].partition("-")[0]
        one = {"observed_at": at, "received_at": at, "quality": "good", "device": thing, "kind": kind}
        book.add(Reading(thing=thing, feature=feature, values=known, v=1, **one))  # type: ignore[arg-type]

    for i, rack in enumerate(layout.rack_ids):
        add(rack, "environment.bottom", temperature=past["bottom_temperature"][k, 0, i])
        add(rack, "environment.top", temperature=past["top_temperature"][k, 0, i])
        add(rack, "power", power=past["power"][k, 0, i])
        add(rack, "cooling", deltaT=past["delta_t"][k, 0, i])
    for i, unit in enumerate(layout.unit_ids):
        air = {"supplyTemperature": "supply", "returnTemperature": "return_", "airflow": "unit_airflow"}
        add(unit, "air", **{name: past[column][k, 0, i] for name, column in air.items()})
        add(unit, "control", setpoint=past["setpoint"][k, 0, i], fanSpeed=past["fan"][k, 0, i])
        add(unit, "power", power=past["unit_power"][k, 0, i])
    return at


def run(looker: FidelityLooker, minutes: int, past: History, layout: Layout) -> list[list[Result]]:
    book = Book()
    results = []
    for k in range(minutes):
        now = tell(book, layout, past, k)
        results.append(looker.look(SITE, layout, book, now))
    return results


@pytest.fixture(scope="module")
def past() -> History:
    return record(Plant(hall(), 5, start_s=START_S), 3.5 * 3600.0)


def made() -> FidelityLooker:
    looker = FidelityLooker(FidelitySettings(), lambda: int(START_S * 1000), structlog.stdlib.get_logger())
    looker.rooms(SITE, {"h": hall()}, things())
    return looker


@pytest.fixture(scope="module")
def followed(past: History) -> tuple[FidelityLooker, list[list[Result]]]:
    """A process that has followed a room for long enough to calibrate it."""
    looker = made()
    return looker, run(looker, 205, past, hall())


def test_it_judges_calibrates_and_hands_on_its_calibration(
    past: History, followed: tuple[FidelityLooker, list[list[Result]]]
) -> None:
    _looker, results = followed
    layout = hall()
    told = [found for found in results if found]
    assert len(told) >= 25
    first, last = told[0], [found for found in told if len(found) > 4][-1]
    assert [result.thing for result in last if result.feature == "fidelity"] == [ROOM, *layout.rack_ids]
    beside = [result for result in last if result.feature == "cooling"]
    assert all(0.5 < result.values["supplyFraction"] <= 1.0 and not result.stamped for result in beside)
    assert len(beside) == 4
    assert first[0].values["calibratedAt"] is None
    assert {found[0].values["state"] for found in told[:30] if found[0].feature == "fidelity"} == {"learning"}
    room = last[0].values
    assert 0.0 < room["rmse"] < 0.3
    assert room["skill"] is not None
    assert 0.0 < room["forecastRmse"] < 0.5
    assert room["state"] == "settled"
    assert abs(room["nmbe"]) < 20.0
    assert room["calibratedAt"] is not None
    assert room["parameters"]["version"]
    assert last[1].values["parameters"].keys() == {"bias", "gain"}
    for result in last:
        feature = resolve(result.thing.partition(":")[2].partition("-")[0], result.feature)
        assert feature is not None
        assert set(result.values) <= set(feature.by_name)

    again = made()
    twins = things()
    twins[0]["features"] = {"fidelity": {"properties": room}}
    again.rooms(SITE, {"h": layout}, twins)
    told_again = [found for found in run(again, 12, past, layout) if found]
    assert told_again[0][0].values["calibratedAt"] == room["calibratedAt"]


def test_in_scaled_time_it_settles_without_a_calibration_and_what_it_said_while_learning_counts_no_more(
    past: History,
) -> None:
    settings = FidelitySettings(fidelity_time_scale=0.5)
    looker = FidelityLooker(settings, lambda: int(START_S * 1000), structlog.stdlib.get_logger())
    layout = hall()
    looker.rooms(SITE, {"h": layout}, things())
    told = [found[0].values for found in run(looker, 150, past, layout) if found]
    # 120 steps of habits, and 7.5 min until a forecast made then comes due.
    steps = [5 * k for k in range(2, 31)]
    assert [values["state"] for values in told] == ["learning" if step < 128 else "settled" for step in steps]
    assert told[10]["forecastRmse"] is not None
    assert all(values["calibratedAt"] is None for values in told)


def test_what_is_told_of_a_moment_is_what_training_learns_from(
    past: History, followed: tuple[FidelityLooker, list[list[Result]]]
) -> None:
    _looker, results = followed
    layout = hall()
    learnt = follow.expectations(layout, from_history(past))
    told = np.full_like(learnt, np.nan)
    for k, found in enumerate(results):
        for result in found:
            if result.feature == "expectation":
                rack = layout.rack_index(result.thing)
                assert not result.on_twin
                assert result.observed_at == int(past.time_s[k] * 1000)
                for h, horizon in enumerate((300, 900, 1800)):
                    told[k, h, :, rack] = [result.values[f"{place}{horizon}"] for place in ("bottom", "top")]
    learnt, told = learnt[: len(results)], told[: len(results)]
    np.testing.assert_array_equal(np.isfinite(learnt), np.isfinite(told))
    known = np.isfinite(told).all(axis=(1, 2, 3))
    assert not known[:170].any()
    assert known[185:].all()
    np.testing.assert_allclose(learnt[known], told[known], atol=0.02)


def test_what_misleads_or_has_worsened_is_not_told(
    past: History, followed: tuple[FidelityLooker, list[list[Result]]]
) -> None:
    looker, layout = followed[0], hall()
    (room,) = looker._rooms.values()
    book = Book()

    def expected(k: int) -> int:
        found = looker.look(SITE, layout, book, tell(book, layout, past, k))
        return len([result for result in found if result.feature == "expectation"])

    assert expected(205) == 4
    room.watch.worse = True
    assert expected(206) == 0
    room.watch.worse = False
    assert expected(207) == 4
    far, near = np.full((2, 4), 2.0), np.full((2, 4), 0.5)
    room.foresight._errors.extend([(far, near)] * 100)
    assert room.foresight.misleads
    assert expected(208) == 0


def test_forecasts_may_be_judged_in_shorter_times_and_are_then_told_to_no_model(
    past: History, followed: tuple[FidelityLooker, list[list[Result]]]
) -> None:
    twins = things()
    calibrated = [found for found in followed[1] if len(found) > 4][-1][0].values
    twins[0]["features"] = {"fidelity": {"properties": calibrated}}
    told = []
    for scale in (1.0, 0.2):
        settings = FidelitySettings(fidelity_time_scale=scale, fidelity_first_step=30, fidelity_kept_steps=20)
        looker = FidelityLooker(settings, lambda: int(START_S * 1000), structlog.stdlib.get_logger())
        looker.rooms(SITE, {"h": hall()}, twins)
        # So long that the usual times let models hear of it.
        told.append(run(looker, 200, past, hall()))
    usual, quick = told
    assert "expectation" in {result.feature for found in usual for result in found}
    assert [k + 1 for k, found in enumerate(quick) if found] == list(range(30, 201, 5))
    assert {result.feature for found in quick for result in found} == {"fidelity", "cooling"}
    assert all(found[0].values["skill"] is not None for found in quick if found)


def test_a_stored_calibration_of_other_racks_is_not_taken(past: History) -> None:
    looker, layout = made(), hall()
    twins = things()
    twins[0]["features"] = {"fidelity": {"properties": {"parameters": {"format": 1, "room": "h"}}}}
    looker.rooms(SITE, {"h": layout}, twins)
    told = [found for found in run(looker, 12, past, layout) if found]
    assert told[0][0].values["calibratedAt"] is None


def test_a_room_of_which_little_is_known_is_not_followed(past: History) -> None:
    looker, layout = made(), hall()
    assert looker.look(SITE, layout, Book(), int(START_S * 1000)) == []


def test_memory_is_a_regular_recording_with_gaps(past: History) -> None:
    layout = hall()
    memory, book = Memory(layout, 60.0, 3600.0), Book()
    for k in (0, 1, 2, 5, 6):
        now = tell(book, layout, past, k)
        memory.add(book.moment(layout, now), book.beside(layout, now))
    kept = memory.recording()
    assert len(kept) == 7
    assert kept.inlet[3:5].size
    assert (kept.power[3:5] != kept.power[3:5]).all()
    assert memory.seconds == 300.0
    now = tell(book, layout, past, 60)
    memory.add(book.moment(layout, now), book.beside(layout, now))
    assert len(memory) == 1
