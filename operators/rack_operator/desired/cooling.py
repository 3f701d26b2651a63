"""All that must exist for one CoolingUnit: its policy, its thing, its device. Pure."""

from __future__ import annotations

from rack_operator.api.cooling_unit import CoolingUnitSpec
from rack_operator.desired.devices import Device
from rack_operator.desired.ownership import Owner
from rack_operator.desired.policies import own_policy
from rack_operator.desired.rack import Twin
from rack_operator.desired.site import KnownSite
from rack_operator.desired.things import cooling_thing, gateway_ids


def cooling_devices(spec: CoolingUnitSpec, owner: Owner, via: tuple[str, ...] = ()) -> tuple[Device, ...]:
    """The unit's device."""
    return (Device(spec.site, "cooling", owner.name, via),)


def cooling_twin(spec: CoolingUnitSpec, owner: Owner, site: KnownSite, definitions_url: str) -> Twin:
    """What must exist for the unit, given its site."""
    gateways = gateway_ids(spec.site, spec.gateways or [gateway.name for gateway in site.gateways])
    return Twin(
        policy=own_policy(spec.site, "cooling", owner),
        things=(cooling_thing(spec, owner, gateways, definitions_url),),
        devices=cooling_devices(spec, owner, tuple(gateways)),
    )
