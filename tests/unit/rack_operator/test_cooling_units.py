"""What a CoolingUnit becomes, within which limits, and who may command it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError
from tests.unit.rack_operator.conftest import conditions, settle_rack
from tests.unit.rack_operator.fakes import World

from definitions.compose import compose
from definitions.generate import DEFAULT_DIRECTORY
from definitions.server import load_models
from definitions.validate import create, validate_thing
from rack_operator.api.cooling_unit import CoolingUnitSpec
from rack_operator.reconcile.store import Key

UNIT = Key("CoolingUnit", "lab", "crah-1")
UNIT_ID = "racktwin.lab:cooling-crah-1"


def unit(**spec: Any) -> dict[str, Any]:
    given = {
        "site": "lab",
        "room": "hall",
        "racks": ["r1", "r2"],
        "position": {"xM": 1, "yM": 2},
        "capacityW": 90000,
        "airflowM3s": 6,
        **spec,
    }
    filled = CoolingUnitSpec.model_validate(given).model_dump(by_alias=True, exclude_none=True)
    return {"metadata": {"name": "crah-1", "namespace": "lab"}, "spec": filled}


@pytest.fixture
async def cooled(ready: World) -> World:
    ready.kube.put("coolingunits", unit())
    assert await settle_rack(ready, UNIT)
    return ready


async def test_it_is_a_thing_a_device_and_a_secret(cooled: World) -> None:
    thing = cooled.ditto.things[UNIT_ID]
    assert thing["definition"].endswith("/cooling-unit-1.0.0.tm.jsonld")
    assert "control" in thing["features"]
    attributes = thing["attributes"]
    assert attributes["racks"] == ["racktwin.lab:rack-r1", "racktwin.lab:rack-r2"]
    assert (attributes["setpointMin"], attributes["setpointMax"], attributes["slewLimit"]) == (14, 27, 2)
    assert (attributes["fanMin"], attributes["fanMax"], attributes["fanSlew"]) == (30, 100, 10)
    assert cooled.hono.devices["lab", UNIT_ID]["via"] == ["racktwin.lab:gateway-main"]
    assert "cooling-crah-1-device" in cooled.kube.names("secrets")
    assert conditions(cooled, UNIT)["Ready"] == ("True", "AsDesired")


async def test_telemetry_cannot_command_it(cooled: World) -> None:
    entries = cooled.ditto.policies[UNIT_ID]["entries"]
    desired = "thing:/features/control/desiredProperties"
    assert entries["commands"]["resources"][desired]["grant"] == ["READ", "WRITE"]
    assert entries["telemetry"]["subjects"].keys() == {"integration:racktwin-lab-pipeline"}
    assert entries["telemetry"]["resources"][desired]["revoke"] == ["WRITE"]


async def test_a_command_is_no_drift(cooled: World) -> None:
    cooled.ditto.things[UNIT_ID]["features"]["control"]["desiredProperties"] = {"setpoint": 21}
    writes = cooled.fuse.writes
    assert await settle_rack(cooled, UNIT)
    assert cooled.fuse.writes == writes


async def test_it_goes_with_its_resource(cooled: World) -> None:
    cooled.delete("coolingunits", "lab", "crah-1")
    assert await settle_rack(cooled, UNIT)
    assert UNIT_ID not in cooled.ditto.things
    assert UNIT_ID not in cooled.ditto.policies
    assert ("lab", UNIT_ID) not in cooled.hono.devices
    assert "cooling-crah-1-device" not in cooled.kube.names("secrets")
    assert cooled.kube.names("coolingunits") == set()


async def test_it_waits_for_its_room(ready: World) -> None:
    ready.kube.put("coolingunits", unit(room="attic"))
    assert not await settle_rack(ready, UNIT)
    assert conditions(ready, UNIT)["Ready"] == ("False", "RoomNotFound")


def test_limits_have_bounds() -> None:
    with pytest.raises(ValidationError):
        unit(slew={"setpointStepK": 0})


async def test_the_thing_fits_its_model(cooled: World) -> None:
    models = load_models(DEFAULT_DIRECTORY)

    def resolve(url: str) -> Any:
        name = urlsplit(url).path.lstrip("/")
        return compose(name, models[name], "http://models.example", [])

    assert validate_thing(create(cooled.ditto.things[UNIT_ID], resolve), resolve) == []
