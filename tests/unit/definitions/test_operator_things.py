"""What the operator writes fits the models: otherwise a real Ditto would refuse every thing of a site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from definitions.validate import create, validate_merge, validate_thing
from rack_operator.api.rack import RackSpec, Server
from rack_operator.api.site import Room
from rack_operator.desired.ownership import Owner
from rack_operator.desired.things import rack_thing, room_thing, sensor_feature, server_thing
from racktwin.thing_models import thing_definition

Resolve = Callable[[str], Mapping[str, Any] | None]
OWNER = Owner(kind="Rack", namespace="berlin", name="r01-01", uid="3f1c")
GATEWAYS = ["racktwin.berlin:gateway-g1"]
PLACE = {"xM": 1, "yM": 2, "zM": 0, "yawDeg": 90}
SERVER = Server.model_validate(
    {
        "name": "s1",
        "position": 10,
        "serial": "S",
        "model": "M",
        "maximumDrawW": 500,
        "weightKg": 20,
        "allocatedDrawW": 300,
    }
)


def rack(**more: Any) -> RackSpec:
    return RackSpec.model_validate(
        {
            "site": "berlin",
            "room": "hall-a",
            "row": "r01",
            "position": PLACE,
            "facilityId": "F1",
            "serial": "A-1",
            "assetTag": "T-1",
            "role": "compute",
            "maxWeightKg": 1000,
            "availablePowerW": 12000,
            "coolingCapacityW": 12000,
            "feeds": [{"name": "A", "pdu": "p1"}, {"name": "B", "pdu": "p2"}],
            "servers": [SERVER.model_dump(by_alias=True, exclude_none=True)],
            **more,
        }
    )


def test_a_rack_and_its_server_pass(base: str, resolve: Resolve) -> None:
    spec = rack()
    for thing in (
        rack_thing(spec, OWNER, GATEWAYS, "A2", base),
        server_thing(SERVER, spec, OWNER, GATEWAYS, base),
    ):
        assert validate_thing(create(thing, resolve), resolve) == []


def test_a_rack_that_outlives_its_resource_passes(base: str, resolve: Resolve) -> None:
    stored = create(rack_thing(rack(), OWNER, GATEWAYS, "A2", base), resolve)
    assert validate_merge(stored, "/", {"attributes": {"managedBy": {"retained": True}}}, resolve) == []


def test_a_room_with_cooling_units_passes(base: str, resolve: Resolve) -> None:
    unit = {"name": "c1", "position": PLACE, "capacityW": 80000, "airflowM3s": 8, "fanPowerW": 4000}
    room = Room.model_validate({"name": "hall-a", "widthM": 20, "depthM": 10, "heightM": 4, "coolingUnits": [unit]})
    site = Owner(kind="Site", namespace="berlin", name="berlin", uid="a1")
    thing = room_thing(room, site, base)
    assert validate_thing(create(thing, resolve), resolve) == []


def test_a_rack_with_every_sensor_position_passes_with_the_definition_that_names_them(
    base: str, resolve: Resolve
) -> None:
    sensors = [
        {
            "name": f"{face}-{position}",
            "position": position,
            "face": face,
            "measures": ["temperature", "relativeHumidity"],
        }
        for face in ("front", "rear")
        for position in ("top", "bottom")
    ]
    spec = rack(sensors=sensors)
    thing = rack_thing(spec, OWNER, GATEWAYS, "A2", base)
    thing["definition"] = thing_definition(base, "rack", [sensor_feature(sensor) for sensor in spec.sensors])
    assert validate_thing(create(thing, resolve), resolve) == []
