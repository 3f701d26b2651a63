"""Rooms from resources, twins and files; what is missing is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from physics import layout, sources
from physics.geometry import geometry
from physics.inputs import check_inputs
from physics.layout import Layout, LayoutError, RackPlace
from physics.model import RoomModel
from physics.parameters import Parameters, from_dict

EXAMPLES = Path(__file__).parents[3] / "operators/examples/berlin"


def documents(kind: str) -> list[dict[str, Any]]:
    found = [item for file in sorted(EXAMPLES.glob("*.yaml")) for item in yaml.safe_load_all(file.read_text()) if item]
    return [item for item in found if item["kind"] == kind]


def berlin(room: str = "hall-a") -> Layout:
    return sources.from_resources(documents("Site")[0], room, documents("Rack"), documents("CoolingUnit"))


def test_the_example_hall_from_its_resources() -> None:
    hall = berlin()
    assert len(hall.racks) == 20
    assert [unit.id for unit in hall.units] == ["racktwin.berlin:cooling-crah-a1", "racktwin.berlin:cooling-crah-a2"]
    assert hall.racks[0].x == 2.3
    assert set(hall.racks[0].feeds) == {"A", "B"}
    assert hall.rack_index("a-r01-03") == 2


def test_units_of_the_site_stand_in_where_there_is_no_resource() -> None:
    hall = sources.from_resources(documents("Site")[0], "hall-b", documents("Rack"))
    assert len(hall.units) == 2
    assert hall.units[0].capacity_w == 120_000


def test_a_room_from_its_twins() -> None:
    hall = sources.from_twins("h", twins())
    assert (hall.width_m, hall.racks[0].row, hall.units[0].setpoint_max_c) == (8.0, "r1", 25.0)


def twins() -> list[dict[str, Any]]:
    return [
        {"thingId": "racktwin.t:room-h", "attributes": {"width": 8, "depth": 6, "height": 3, "location": "h"}},
        {"thingId": "racktwin.t:rack-a", "attributes": {"location": "h", "row": "r1", "position": {"x": 2, "y": 3}}},
        {
            "thingId": "racktwin.t:cooling-c",
            "attributes": {
                "location": "h",
                "position": {"x": 0.5, "y": 3},
                "capacity": 20000,
                "ratedAirflow": 1.5,
                "setpointMax": 25,
            },
        },
        {"thingId": "racktwin.t:gateway-g", "attributes": {"location": "h"}},
        {"thingId": "other:thing"},
    ]


@pytest.mark.parametrize(
    ("at", "gone", "says"),
    [
        (1, "position", "rack-a: position is missing"),
        (2, "position", "cooling-c: position is missing"),
        (2, "capacity", "cooling-c: capacity is missing"),
        (2, "location", "room h: no cooling unit"),
        (1, "location", "room h: no rack"),
    ],
)
def test_what_a_twin_lacks_is_named(at: int, gone: str, says: str) -> None:
    things = twins()
    del things[at]["attributes"][gone]
    with pytest.raises(LayoutError, match=says):
        sources.from_twins("h", things)
    assert says in sources.rooms_of_twins(things)[1]["h"]


def test_a_room_that_is_not_there() -> None:
    with pytest.raises(LayoutError, match="no twin of a room"):
        sources.from_twins("x", twins())
    with pytest.raises(LayoutError, match="no room 'x'; its rooms are hall-a, hall-b"):
        berlin("x")


def test_a_layout_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "layout.json"
    path.write_text(json.dumps(berlin().as_dict()))
    assert layout.load(path) == berlin()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"racks": [], "units": []}, "no rack"),
        ({"racks": [{"id": "a", "x": 1, "y": 1}]}, "no cooling unit"),
        ({"racks": [{"id": "a", "x": 1}]}, "rack a: y is missing"),
        ({"racks": [{"x": 1, "y": 1}]}, "a rack without id"),
        ({"racks": [{"id": "a", "x": "left", "y": 1}]}, "rack a: x: expected a number"),
        ({"racks": [{"id": "a", "x": 1, "y": 1, "power_capacity_w": 0}]}, "a: power capacity"),
        ({"racks": ["a"]}, "each rack must be an object"),
        ({"containment": "warm"}, "containment 'warm'"),
    ],
)
def test_a_file_that_says_too_little(data: dict[str, Any], says: str) -> None:
    units = [{"id": "u", "x": 0, "y": 0, "capacity_w": 1e4, "airflow_m3s": 1}]
    racks = [{"id": "a", "x": 1, "y": 1}]
    whole = {"racks": racks, "units": [] if says == "no cooling unit" else units} | data
    with pytest.raises(LayoutError, match=says):
        layout.from_dict(whole)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_file_that_is_no_layout(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(LayoutError, match=r"x\.json"):
        layout.load(path)
    with pytest.raises(LayoutError, match="gone"):
        layout.load(tmp_path / "gone")


def test_an_id_twice(hall: Layout) -> None:
    with pytest.raises(LayoutError, match="stands there twice"):
        hall.with_racks(hall.racks[0])


def test_ends_of_rows_and_gaps_are_found(hall: Layout) -> None:
    ends = geometry(hall).row_end.reshape(2, 5)
    assert ends.tolist() == [[0.5, 0, 0, 0, 0.5]] * 2
    apart = hall.with_racks(RackPlace("far", 2.0 + 0.6 * 7, 2.4, yaw_deg=90, row="r0"))
    assert geometry(apart).row_end[-1] == 1.0


def test_a_new_rack_needs_no_matrix(hall: Layout) -> None:
    more = hall.with_racks(RackPlace("new", 2.0 + 0.6 * 5, 2.4, yaw_deg=90, row="r0", power_capacity_w=9000))
    model = RoomModel(more)
    assert model.steady(model.default_inputs(0.5)).inlet.shape == (1, 2, 11)
    assert geometry(more).row_end[4] == 0.0


def test_racks_without_named_rows_are_rows_by_their_place(hall: Layout) -> None:
    plain = layout.from_dict(hall.as_dict() | {"racks": [{**r, "row": ""} for r in hall.as_dict()["racks"]]})
    assert np.array_equal(geometry(plain).row_end, geometry(hall).row_end)


def test_row_ends_breathe_warmer_air(hall: Layout) -> None:
    model = RoomModel(hall)
    top = model.steady(model.default_inputs(0.6)).inlet[0, 1, :5]
    assert top[0] > top[2]


@pytest.mark.parametrize(
    ("name", "value"), [("setpoint", 90.0), ("fan", -0.1), ("capacity", np.nan), ("it_power", 1e9)]
)
def test_impossible_inputs_are_named(hall: Layout, name: str, value: float) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs()
    check_inputs(model, inputs)
    getattr(inputs, name)[0, 0] = value
    with pytest.raises(ValueError, match=name):
        check_inputs(model, inputs)


def test_inputs_of_another_room_are_refused(hall: Layout) -> None:
    model = RoomModel(hall)
    inputs = model.default_inputs()
    inputs.setpoint = np.ones((1, 5))
    with pytest.raises(ValueError, match="setpoint: expected the shape"):
        check_inputs(model, inputs)


def test_parameters_survive_json() -> None:
    made = Parameters(recirculation_top=0.2, zone_recirculation=np.array([1.0, 2.0]))
    again = from_dict(json.loads(json.dumps(made.as_dict())))
    assert again.as_dict() == made.as_dict()
    with pytest.raises(ValueError, match="parameter 'x'"):
        from_dict({"x": 1})
    with pytest.raises(ValueError, match="flow_per_kw: expected finite"):
        from_dict({"flow_per_kw": float("nan")})


def test_parameters_of_another_room_are_refused(hall: Layout) -> None:
    with pytest.raises(ValueError, match="zone_recirculation: expected 20 values"):
        RoomModel(hall, Parameters(zone_recirculation=np.ones(3)))
