"""The example site is what its README promises, and its things fit the Thing Models."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.definition import read_definition
from rack_operator.api.cooling_unit import CoolingUnitSpec
from rack_operator.api.rack import RackSpec
from rack_operator.api.site import SiteSpec
from rack_operator.api.twin_model import TwinModelSpec
from training import registry

BERLIN = Path(__file__).resolve().parents[3] / "operators" / "examples" / "berlin"

MODELS = [
    document
    for path in (BERLIN / "40-models.yaml", BERLIN.parent / "models" / "server-power.yaml")
    for document in yaml.safe_load_all(path.read_text())
]


def documents(kind: str) -> list[dict[str, Any]]:
    loaded = [document for path in sorted(BERLIN.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text())]
    return [document for document in loaded if document["kind"] == kind]


def racks() -> list[RackSpec]:
    return [RackSpec.model_validate(document["spec"]) for document in documents("Rack")]


def test_two_rooms_of_twenty_racks_with_four_cooling_units() -> None:
    (site,) = documents("Site")
    spec = SiteSpec.model_validate(site["spec"])
    assert [room.name for room in spec.rooms] == ["hall-a", "hall-b"]
    assert sum(len(room.cooling_units) for room in spec.rooms) == 4
    assert Counter(rack.room for rack in racks()) == {"hall-a": 20, "hall-b": 20}
    assert {gateway for rack in racks() for gateway in rack.gateways} <= {gateway.name for gateway in spec.gateways}


def test_names_and_places_are_unique() -> None:
    names = [document["metadata"]["name"] for document in documents("Rack")]
    assert len(set(names)) == 40
    assert len({(rack.room, rack.position.x_m, rack.position.y_m) for rack in racks()}) == 40


def test_racks_stand_in_their_room_a_pitch_apart() -> None:
    (site,) = documents("Site")
    rooms = {room.name: room for room in SiteSpec.model_validate(site["spec"]).rooms}
    for rack in racks():
        room = rooms[rack.room]
        assert 0.3 <= rack.position.x_m <= room.width_m - 0.3
        assert 0.6 <= rack.position.y_m <= room.depth_m - 0.6
    for room_name in rooms:
        for row in ("r01", "r02"):
            places = sorted(rack.position.x_m for rack in racks() if (rack.room, rack.row) == (room_name, row))
            assert {round(b - a, 2) for a, b in itertools.pairwise(places)} == {0.6}


def test_cooling_covers_the_racks() -> None:
    (site,) = documents("Site")
    for room in SiteSpec.model_validate(site["spec"]).rooms:
        heat = sum(rack.available_power_w or 0 for rack in racks() if rack.room == room.name)
        assert heat <= sum(unit.capacity_w for unit in room.cooling_units)


def test_this_machine_stands_in_the_first_rack() -> None:
    first = next(document for document in documents("Rack") if document["metadata"]["name"] == "a-r01-01")
    assert [server["name"] for server in first["spec"]["servers"]] == ["this-machine"]


def test_each_rack_is_short_enough_to_read() -> None:
    for path in BERLIN.glob("2*.yaml"):
        for text in path.read_text().split("---\n")[1:]:
            assert len(text.splitlines()) < 60


def test_each_cooling_unit_of_the_halls_is_a_resource_that_says_the_same() -> None:
    (site,) = documents("Site")
    rooms = SiteSpec.model_validate(site["spec"]).rooms
    known = {document["metadata"]["name"] for document in documents("Rack")}
    served: Counter[str] = Counter()
    plain = {unit.name: (room.name, unit) for room in rooms for unit in room.cooling_units}
    units = {document["metadata"]["name"]: document["spec"] for document in documents("CoolingUnit")}
    assert units.keys() == plain.keys()
    for name, document in units.items():
        unit = CoolingUnitSpec.model_validate(document)
        room, data = plain[name]
        assert unit.room == room
        for part in ("position", "capacity_w", "airflow_m3s", "setpoint_c", "fan_power_w", "type"):
            assert getattr(unit, part) == getattr(data, part), (name, part)
        assert set(unit.racks) <= known
        served.update(unit.racks)
    # Each rack is nearer to one of its hall's two units.
    assert served == Counter(known)


@pytest.mark.parametrize("document", MODELS, ids=lambda document: document["metadata"]["name"])
def test_each_model_asks_for_what_its_code_reads_and_says(document: dict[str, Any]) -> None:
    spec = TwinModelSpec.model_validate(document["spec"])
    definition = read_definition(document["metadata"]["name"].replace("-", "_"))
    assert spec.task == definition.task
    assert list(spec.selector.kinds) == definition.kinds
    given = {(c.name, c.feature, c.property, c.unit) for c in definition.channels if not c.optional}
    assert {(c.name, c.feature, c.property, c.unit) for c in spec.inputs.channels} == given
    assert (spec.inputs.window_s, spec.inputs.resolution_s) == (definition.window_s, definition.resolution_s)
    assert sorted(spec.output.targets) == sorted(target.name for target in definition.targets)
    if definition.task == "forecast":
        assert spec.output.horizons_s == definition.horizons
        assert {definition.channel_of(target).unit for target in definition.targets} == {spec.output.unit}


def test_every_model_that_runners_serve_has_an_example() -> None:
    # What maintains is served by upkeep, which no TwinModel starts.
    served = [name for name in registry.names() if registry.load(name).definition.task != "maintain"]
    assert sorted(document["metadata"]["name"] for document in MODELS) == served
