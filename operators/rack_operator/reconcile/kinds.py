"""What sets the kinds of twin-making resources apart: how a spec becomes what must exist. Pure.

Racks and cooling units live the same life, which is in `resource`; sites have their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rack_operator.api.cooling_unit import CoolingUnitSpec
from rack_operator.api.rack import RackSpec
from rack_operator.desired.cooling import cooling_devices, cooling_twin
from rack_operator.desired.devices import Device
from rack_operator.desired.ownership import Owner, OwnerKind
from rack_operator.desired.rack import Twin, rack_devices, rack_twin
from rack_operator.desired.site import KnownSite
from rack_operator.reconcile.conditions import Verdict
from racktwin import names

JsonObject = dict[str, Any]
Spec = RackSpec | CoolingUnitSpec


@dataclass(frozen=True)
class TwinKind:
    """One kind. `parse` raises pydantic's `ValidationError`."""

    thing_kind: names.Kind
    parse: Callable[[JsonObject], Any]
    twin: Callable[[Any, Owner, KnownSite, str], Twin]
    devices: Callable[[Any, Owner], tuple[Device, ...]]
    warning: Callable[[Any], Verdict | None]


def capacity(spec: RackSpec) -> Verdict | None:
    """The condition WithinCapacity of a rack; None where nothing is said of its power."""
    if spec.available_power_w is None:
        return None
    drawn = sum(server.allocated_draw_w for server in spec.servers)
    if drawn > spec.available_power_w:
        message = f"servers are allocated {drawn:g} W, of {spec.available_power_w:g} W available"
        return Verdict("False", "CapacityExceeded", message)
    return Verdict("True", "WithinCapacity", f"{drawn:g} W of {spec.available_power_w:g} W are allocated")


TWIN_KINDS: dict[OwnerKind, TwinKind] = {
    "Rack": TwinKind("rack", RackSpec.model_validate, rack_twin, rack_devices, capacity),
    "CoolingUnit": TwinKind(
        "cooling", CoolingUnitSpec.model_validate, cooling_twin, cooling_devices, lambda _spec: None
    ),
}
WARNING = "WithinCapacity"
