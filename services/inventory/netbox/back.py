"""What goes back to NetBox: thing ids, and measured power, into custom fields. Pure but for `prepare`.

Each write is a line in NetBox's change log, so only what differs is written, and power only when it moved by more
than it flickers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inventory.netbox.reading import NetBox
from inventory.plan import Plan
from inventory.wanted import Inventory, Kind
from racktwin.names import thing_id

Changes = dict[str, list[dict[str, Any]]]

THING: Final = "thing_id"
POWER: Final = "power_w"
# Power is written when it moved by this share and this many watts.
_SHARE: Final = 0.05
_WATTS: Final = 25.0

_RACK: Final = "dcim.rack"
_DEVICE: Final = "dcim.device"
_LOCATION: Final = "dcim.location"
# Name, type, objects, label: what Racktwin writes, and what it reads because NetBox has no field for it.
FIELDS: Final[tuple[tuple[str, str, tuple[str, ...], str], ...]] = (
    (THING, "text", (_RACK, _DEVICE), "Racktwin: thing id"),
    (POWER, "integer", (_RACK, _DEVICE), "Racktwin: measured power (W)"),
    ("x_m", "decimal", (_RACK, _DEVICE), "Racktwin: place along the room's width (m)"),
    ("y_m", "decimal", (_RACK, _DEVICE), "Racktwin: place along the room's depth (m)"),
    ("yaw_deg", "decimal", (_RACK, _DEVICE), "Racktwin: direction of the front (deg)"),
    ("row", "text", (_RACK,), "Racktwin: row"),
    ("cooling_capacity_w", "decimal", (_RACK,), "Racktwin: cooling capacity (W)"),
    ("capacity_w", "decimal", (_DEVICE,), "Racktwin: capacity of a cooling unit (W)"),
    ("airflow_m3s", "decimal", (_DEVICE,), "Racktwin: air of a cooling unit (m3/s)"),
    ("racks", "text", (_DEVICE,), "Racktwin: racks that a cooling unit serves"),
    ("width_m", "decimal", (_LOCATION,), "Racktwin: width of the room (m)"),
    ("depth_m", "decimal", (_LOCATION,), "Racktwin: depth of the room (m)"),
    ("height_m", "decimal", (_LOCATION,), "Racktwin: height of the room (m)"),
)


def prepare(netbox: NetBox, prefix: str) -> list[str]:
    """Make the custom fields that are not there; their names.

    Raises:
        NetBoxError: NetBox refuses.
    """
    there = netbox.custom_fields()
    made = []
    for name, kind, objects, label in FIELDS:
        if prefix + name in there:
            continue
        netbox.create_custom_field(
            {
                "name": prefix + name,
                "type": kind,
                "object_types": list(objects),
                "label": label,
                "group_name": "Racktwin",
                "required": False,
            }
        )
        made.append(prefix + name)
    return made


def thing_ids(plan: Plan, inventory: Inventory, prefix: str) -> Changes:
    """Thing ids that NetBox does not show yet, by endpoint. Only for resources that are there or are being made."""
    field = prefix + THING
    changes: Changes = {"dcim.racks": [], "dcim.devices": []}
    for item in inventory.wanted:
        if item.netbox_id is None:
            continue
        kind, names = ("rack", plan.racks) if item.kind == "Rack" else ("cooling", plan.cooling)
        if item.netbox_id in names:
            thing = thing_id(plan.site, kind, names[item.netbox_id])  # type: ignore[arg-type]
            _note(
                changes["dcim.racks" if kind == "rack" else "dcim.devices"], item.netbox_id, item.custom, field, thing
            )
    for identity, custom in inventory.server_custom.items():
        if identity in plan.servers:
            _note(
                changes["dcim.devices"], identity, custom, field, thing_id(plan.site, "server", plan.servers[identity])
            )
    return {endpoint: items for endpoint, items in changes.items() if items}


def powers(plan: Plan, inventory: Inventory, prefix: str, measured: Mapping[str, float]) -> Changes:
    """Measured power (W by thing id) that differs from what NetBox shows, by endpoint."""
    field = prefix + POWER
    changes: Changes = {"dcim.racks": [], "dcim.devices": []}
    known = {(item.kind, item.netbox_id): item.custom for item in inventory.wanted}
    for endpoint, kind, names in (
        ("dcim.racks", "rack", plan.racks),
        ("dcim.devices", "cooling", plan.cooling),
        ("dcim.devices", "server", plan.servers),
    ):
        for identity, name in names.items():
            watts = measured.get(thing_id(plan.site, kind, name))  # type: ignore[arg-type]
            resource: Kind = "Rack" if kind == "rack" else "CoolingUnit"
            custom = inventory.server_custom.get(identity) if kind == "server" else known.get((resource, identity))
            if watts is None or custom is None:
                continue
            shown = custom.get(field)
            if shown is None or abs(watts - float(shown)) > max(_WATTS, _SHARE * abs(float(shown))):
                changes[endpoint].append({"id": identity, "custom_fields": {field: round(watts)}})
    return {endpoint: items for endpoint, items in changes.items() if items}


def _note(into: list[dict[str, Any]], identity: int, custom: Mapping[str, Any], field: str, value: str) -> None:
    if custom.get(field) != value:
        into.append({"id": identity, "custom_fields": {field: value}})
