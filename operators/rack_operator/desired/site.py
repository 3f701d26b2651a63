"""All that must exist for one Site, apart from tenant, topics, connections and models. Pure."""

from __future__ import annotations

from typing import Any

from rack_operator.api.site import SiteSpec
from rack_operator.desired.devices import Device
from rack_operator.desired.ownership import Owner
from rack_operator.desired.things import gateway_thing, room_thing, site_thing

JsonObject = dict[str, Any]


def site_things(spec: SiteSpec, owner: Owner, definitions_url: str) -> list[JsonObject]:
    """Things of the site, its rooms and its gateways."""
    return [
        site_thing(spec, owner),
        *(room_thing(room, owner, definitions_url) for room in spec.rooms),
        *(gateway_thing(gateway.name, owner, definitions_url) for gateway in spec.gateways),
    ]


def site_devices(spec: SiteSpec, owner: Owner) -> list[Device]:
    """Devices of the site's gateways."""
    return [Device(owner.name, "gateway", gateway.name) for gateway in spec.gateways]
