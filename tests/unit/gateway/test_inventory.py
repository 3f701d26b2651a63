"""Which rooms and devices a gateway simulates."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.inventory import Found, InventoryError, found_in, found_of
from physics.layout import DEFAULT_CAPACITY_W

RACK = "racktwin.berlin:rack-a"
UNIT = "racktwin.berlin:cooling-c1"


def item(name: str, *, registered: str = "True", deleted: bool = False, **spec: Any) -> dict[str, Any]:
    meta = {"name": name} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})
    condition = {"type": "DeviceRegistered", "status": registered}
    place = {"room": "hall-a", "position": {"xM": 3.2, "yM": 3.0}}
    return {
        "metadata": meta,
        "spec": {**place, **spec},
        "status": {"conditions": [{"type": "Ready", "status": "False"}, condition]},
    }


def rack(name: str, **more: Any) -> dict[str, Any]:
    return item(name, **{"row": "r01", **more})


def unit(name: str, **more: Any) -> dict[str, Any]:
    return item(name, capacityW=60000, airflowM3s=4.0, **more)


def found(*racks: dict[str, Any], units: tuple[dict[str, Any], ...] = (), first: str = "gw-1") -> Found:
    room = {"name": "hall-a", "widthM": 8, "depthM": 6, "heightM": 3}
    site = {"metadata": {"name": "berlin"}, "spec": {"rooms": [room], "gateways": [{"name": first}]}}
    return found_of(site, racks, units, "gw-1")


def test_a_room_as_the_plant_needs_it() -> None:
    there = found(rack("a", availablePowerW=6000), units=(unit("c1", setpointC=18, slew={"setpointKPerMin": 1}),))
    assert there.devices == {RACK, UNIT}
    (room,) = there.rooms
    assert (room.width_m, room.racks[0].x, room.racks[0].power_capacity_w) == (8.0, 3.2, 6000.0)
    assert there.units[UNIT].setpoint == 18.0
    assert there.units[UNIT].setpoint_k_per_min == 1.0


def test_a_room_without_described_cooling_gets_assumed_units_that_report_nothing() -> None:
    there = found(rack("a"))
    assert there.devices == {RACK}
    assert len(there.rooms[0].units) >= 2


def test_power_that_is_not_told_is_assumed() -> None:
    assert found(rack("a")).rooms[0].racks[0].power_capacity_w == DEFAULT_CAPACITY_W


def test_the_first_gateway_of_a_rack_reports_it() -> None:
    there = found(rack("a", gateways=["gw-1", "gw-2"]), rack("b", gateways=["gw-2", "gw-1"]))
    assert there.devices == {RACK}


def test_a_rack_that_names_none_is_the_sites_first_gateways() -> None:
    assert found(rack("a")).devices == {RACK}
    assert found(rack("a"), first="gw-2").devices == frozenset()


@pytest.mark.parametrize("one", [rack("a", registered="False"), rack("a", deleted=True), {**rack("a"), "status": {}}])
def test_racks_that_the_adapter_does_not_know_are_left_out(one: dict[str, Any]) -> None:
    assert found(one) == Found()


def test_a_unit_that_is_not_registered_cools_and_says_nothing() -> None:
    there = found(rack("a"), units=(unit("c1", registered="False"),))
    assert there.devices == {RACK}
    assert there.rooms[0].unit_ids == [UNIT]


def test_racks_of_a_file() -> None:
    there = found_in('[{"id":"racktwin.t:rack-a","row":"r1","position":2}]')
    assert there.devices == {"racktwin.t:rack-a"}
    assert there.rooms[0].rack_ids == ["racktwin.t:rack-a"]


def test_rooms_of_a_file() -> None:
    there = found_in(
        '{"rooms":[{"room":"x","racks":[{"id":"a","x":2,"y":2}],'
        '"units":[{"id":"u","x":0,"y":0,"capacity_w":9000,"airflow_m3s":1}]}]}'
    )
    assert there.devices == {"a"}
    assert there.rooms[0].room == "x"


@pytest.mark.parametrize("text", ["{", '[{"id":1}, 2]', '[{"row":"r1"}]', "[1]", '{"rooms":[{"racks":[{}]}]}'])
def test_a_broken_file(text: str) -> None:
    with pytest.raises(InventoryError, match="racks file"):
        found_in(text)
