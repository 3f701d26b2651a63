"""A NetBox with a small site: two halls, rows, servers, feeds, one cooling unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from tests.unit.netbox_fake import TOKEN, FakeNetBox, choice, serve

from inventory.netbox.back import prepare
from inventory.netbox.reading import NetBox
from inventory.netbox.settings import NetBoxSettings


@pytest.fixture
def fake() -> Iterator[FakeNetBox]:
    """The server, with nothing in it but a site."""
    with serve(FakeNetBox()) as fake:
        fake.add("dcim/sites", id=1, name="Berlin 2", slug="berlin-2", status=choice("active"))
        yield fake


@pytest.fixture
def settings(fake: FakeNetBox) -> NetBoxSettings:
    """How to reach it."""
    return NetBoxSettings(netbox_url=fake.url, netbox_token=SecretStr(TOKEN), netbox_per_second=1e6)


@pytest.fixture
def netbox(settings: NetBoxSettings) -> NetBox:
    """A client of it."""
    return NetBox(settings)


class Hall:
    """Fills the fake: racks, devices, feeds of one hall."""

    def __init__(self, fake: FakeNetBox) -> None:
        self.fake = fake
        self.site = fake.objects["dcim/sites"][1]
        self.hall = self.location("Hall A")
        self.type = fake.add(
            "dcim/device-types",
            manufacturer={"id": 1, "name": "Dell"},
            model="R650",
            slug="r650",
            u_height=1.0,
            is_full_depth=True,
            weight=21.9,
            weight_unit=choice("kg"),
        )
        self.panel = {"id": 1, "name": "P1", "_site": {"id": 1}}

    def location(self, name: str, parent: dict[str, Any] | None = None) -> dict[str, Any]:
        """A location of the site."""
        return self.fake.add(
            "dcim/locations",
            name=name,
            slug=name.lower().replace(" ", "-"),
            site=self.fake.brief("dcim/sites", self.site),
            parent=parent and self.fake.brief("dcim/locations", parent),
            status=choice("active"),
        )

    def rack(self, name: str, location: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
        """A rack in the hall, 42 U."""
        at = values.pop("at", location or self.hall)
        return self.fake.add(
            "dcim/racks",
            name=name,
            site=self.fake.brief("dcim/sites", self.site),
            location=at and self.fake.brief("dcim/locations", at),
            **{"status": choice("active"), "u_height": 42, "starting_unit": 1, "desc_units": False, **values},
        )

    def device(
        self, name: str | None, rack: dict[str, Any] | None, position: float | None, **values: Any
    ) -> dict[str, Any]:
        """A server in a rack, unless its role says otherwise."""
        role = values.pop("role", "server")
        return self.fake.add(
            "dcim/devices",
            name=name,
            device_type=self.fake.brief("dcim/device-types", values.pop("device_type", self.type)),
            role={"id": 1, "name": role.title(), "slug": role},
            site=self.fake.brief("dcim/sites", self.site),
            location=self.fake.brief("dcim/locations", values.pop("location", self.hall)),
            rack=rack and self.fake.brief("dcim/racks", rack),
            position=position,
            face=choice(values.pop("face", "front")) if position else None,
            status=choice("active"),
            **values,
        )

    def power_port(self, device: dict[str, Any], allocated: int, maximum: int) -> None:
        """A power port of a device."""
        self.fake.add(
            "dcim/power-ports",
            name="PSU1",
            device={**self.fake.brief("dcim/devices", device), "_site": {"id": 1}},
            allocated_draw=allocated,
            maximum_draw=maximum,
        )

    def feed(self, rack: dict[str, Any], name: str, kind: str, pdu: str | None = None, **values: Any) -> None:
        """A power feed of a rack."""
        self.fake.add(
            "dcim/power-feeds",
            name=name,
            power_panel=self.panel,
            rack=self.fake.brief("dcim/racks", rack),
            type=choice(kind),
            connected_endpoints=[{"id": 1, "name": "Input", "device": {"id": 99, "name": pdu}}] if pdu else None,
            **{
                "status": choice("active"),
                "supply": choice("ac"),
                "phase": choice("single-phase"),
                "voltage": 230,
                "amperage": 32,
                "max_utilization": 80,
                **values,
            },
        )


@pytest.fixture
def hall(fake: FakeNetBox, netbox: NetBox) -> Hall:
    """A hall to fill; the custom fields are there."""
    prepare(netbox, "racktwin_")
    return Hall(fake)
