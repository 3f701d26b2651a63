"""Which racks a gateway reports."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.inventory import DEFAULT_CAPACITY_W, InventoryError, racks_in, racks_of
from racktwin.simulation import RackSpec


def rack(name: str, *, registered: str = "True", deleted: bool = False, **spec: Any) -> dict[str, Any]:
    meta = {"name": name} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})
    condition = {"type": "DeviceRegistered", "status": registered}
    return {
        "metadata": meta,
        "spec": {"room": "hall-a", "row": "r01", "position": {"x": 1.2, "y": 3.0}, **spec},
        "status": {"conditions": [{"type": "Ready", "status": "False"}, condition]},
    }


def names(*items: dict[str, Any], first: str | None = "gw-1") -> list[str]:
    return [found.id for found in racks_of(items, "berlin", "gw-1", first)]


def test_a_rack_as_the_plant_needs_it() -> None:
    found = racks_of([rack("a", availablePowerW=6000)], "berlin", "gw-1", "gw-1")
    assert found == [RackSpec("racktwin.berlin:rack-a", "hall-a", "r01", 1.2, 6000.0)]


def test_power_that_is_not_told_is_assumed() -> None:
    assert racks_of([rack("a")], "berlin", "gw-1", "gw-1")[0].power_capacity_w == DEFAULT_CAPACITY_W


def test_the_first_gateway_of_a_rack_reports_it() -> None:
    assert names(rack("a", gateways=["gw-1", "gw-2"]), rack("b", gateways=["gw-2", "gw-1"])) == [
        "racktwin.berlin:rack-a"
    ]


def test_a_rack_that_names_none_is_the_sites_first_gateways() -> None:
    assert names(rack("a")) == ["racktwin.berlin:rack-a"]
    assert names(rack("a"), first="gw-2") == []


@pytest.mark.parametrize("item", [rack("a", registered="False"), rack("a", deleted=True), {**rack("a"), "status": {}}])
def test_racks_that_the_adapter_does_not_know_are_left_out(item: dict[str, Any]) -> None:
    assert names(item) == []


def test_racks_of_a_file() -> None:
    assert racks_in('[{"id":"racktwin.t:rack-a","row":"r1","position":2}]') == [
        RackSpec("racktwin.t:rack-a", row="r1", position=2.0)
    ]


@pytest.mark.parametrize("text", ["{", '{"id":1}', '[{"row":"r1"}]', "[1]"])
def test_a_broken_file(text: str) -> None:
    with pytest.raises(InventoryError, match="racks file"):
        racks_in(text)
