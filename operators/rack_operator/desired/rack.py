"""All that must exist for one Rack: its policy, its things, its devices. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rack_operator.api.rack import RackSpec
from rack_operator.desired.devices import Device
from rack_operator.desired.ownership import Owner
from rack_operator.desired.policies import own_policy
from rack_operator.desired.site import KnownSite
from rack_operator.desired.things import gateway_ids, rack_thing, server_thing

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Twin:
    """What must exist; the resource's own device and thing come first."""

    policy: JsonObject
    things: tuple[JsonObject, ...]
    devices: tuple[Device, ...]


def rack_devices(spec: RackSpec, owner: Owner, via: tuple[str, ...] = ()) -> tuple[Device, ...]:
    """Devices of the rack and its servers."""
    return (
        Device(spec.site, "rack", owner.name, via),
        *(Device(spec.site, "server", server.name, via) for server in spec.servers),
    )


def rack_twin(spec: RackSpec, owner: Owner, site: KnownSite, definitions_url: str) -> Twin:
    """What must exist for the rack, given its site."""
    chosen = spec.gateways or [gateway.name for gateway in site.gateways]
    gateways = gateway_ids(spec.site, chosen)
    ashrae_class = spec.ashrae_class or site.ashrae_class
    predicted = site.predictions
    return Twin(
        policy=own_policy(spec.site, "rack", owner),
        things=(
            rack_thing(spec, owner, gateways, ashrae_class, definitions_url, predictions=predicted.get("rack", ())),
            *(
                server_thing(server, spec, owner, gateways, definitions_url, predictions=predicted.get("server", ()))
                for server in spec.servers
            ),
        ),
        devices=rack_devices(spec, owner, tuple(gateways)),
    )
