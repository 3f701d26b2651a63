"""What a thing's attributes may be, per kind: the data schemas of the thing-level models.

Hand-written, for attributes are inventory and not telemetry: names follow NetBox where NetBox has the field. The
operator writes them; Ditto refuses an attribute that is not listed here. Next: :mod:`definitions.build`.
"""

from __future__ import annotations

from typing import Any, Final

from definitions.vocabulary import annotate

Schema = dict[str, Any]


def _text(title: str, *enum: str) -> Schema:
    return {"title": title, "type": "string", **({"enum": list(enum)} if enum else {})}


def _number(name: str, title: str, unit: str | None, low: float | None = None, high: float | None = None) -> Schema:
    schema: Schema = {"title": title, "type": "number"}
    if unit is not None:
        schema.update(annotate(name, unit))
    if low is not None:
        schema["minimum"] = low
    if high is not None:
        schema["maximum"] = high
    return schema


def _flag(title: str) -> Schema:
    return {"title": title, "type": "boolean"}


def _names(title: str) -> Schema:
    return {"title": title, "type": "array", "items": {"type": "string"}}


def _records(title: str) -> Schema:
    return {"title": title, "type": "object", "additionalProperties": {"type": "object"}}


def _thing(title: str) -> Schema:
    return {"title": title, "type": "string", "pattern": r"^racktwin\.[a-z0-9-]+:[a-z]+-[a-z0-9-]+$"}


_POSITION: Final[Schema] = {
    "title": "Place in the room, from the room's corner",
    "type": "object",
    "properties": {
        "x": _number("x", "Along the room's width", "m"),
        "y": _number("y", "Along the room's depth", "m"),
        "z": _number("z", "Above the floor", "m"),
        "yawDeg": _number("yawDeg", "Direction of the front, counter-clockwise from the x axis", "deg", -360, 360),
    },
}
_AIRFLOW: Final = (
    "front-to-rear",
    "rear-to-front",
    "left-to-right",
    "right-to-left",
    "side-to-rear",
    "rear-to-side",
    "bottom-to-top",
    "top-to-bottom",
    "passive",
    "mixed",
)

# Every thing has these.
_COMMON: Final[dict[str, Schema]] = {
    "name": _text("Name"),
    "displayName": _text("Name for people"),
    "description": _text("Description"),
    "site": _text("Site"),
    "location": _text("Room"),
    "status": _text("Life in the inventory"),
    "tags": _names("Free tags"),
    "netboxId": {"title": "Id in NetBox", "type": "integer", "minimum": 1},
    "managedBy": {
        "title": "The operator and the resource that this thing was made from",
        "type": "object",
    },
    "gateways": {"title": "Gateways that may speak for it", "type": "array", "items": _thing("Gateway")},
}
# Hardware that an inventory lists.
_ASSET: Final[dict[str, Schema]] = {
    "role": _text("Role"),
    "serial": _text("Serial number"),
    "assetTag": _text("Number in the asset register"),
    "deviceType": _text("Device type"),
    "manufacturer": _text("Manufacturer"),
    "uHeight": _number("uHeight", "Height in rack units", None, 0, 100),
}

ATTRIBUTES: Final[dict[str, dict[str, Schema]]] = {
    "rack": {
        **_COMMON,
        **_ASSET,
        "facilityId": _text("The facility's own name for the rack"),
        "row": _text("Row in the room"),
        "position": _POSITION,
        "outerWidth": _number("outerWidth", "Outer width", "mm", 0, 10000),
        "outerHeight": _number("outerHeight", "Outer height", "mm", 0, 10000),
        "outerDepth": _number("outerDepth", "Outer depth", "mm", 0, 10000),
        "airflow": _text("Direction of the air", *_AIRFLOW),
        "maxWeight": _number("maxWeight", "The most weight it may carry", "kg", 0, 100000),
        "availablePower": _number("availablePower", "Power that may be drawn", "W", 0, 1e7),
        "coolingCapacity": _number("coolingCapacity", "Heat that can be carried away", "W", 0, 1e7),
        "allocatedDraw": _number("allocatedDraw", "Power set aside for its servers", "W", 0, 1e7),
        "ashraeClass": _text("ASHRAE class of the equipment", "A1", "A2", "A3", "A4", "H1"),
        "feeds": _records("Power feeds by name"),
        "sensors": _records("Sensors by name, with the feature that each fills"),
        "servers": {"title": "Servers in the rack", "type": "array", "items": _thing("Server")},
    },
    "server": {
        **_COMMON,
        **_ASSET,
        "rack": _thing("Rack it is mounted in"),
        "row": _text("Row of the rack"),
        "position": _number("position", "Lowest rack unit it occupies, from 1 at the bottom", None, 0.5, 100),
        "face": _text("Side on which it is mounted", "front", "rear"),
        "fullDepth": _flag("Whether it occupies its units on both sides"),
        "airflow": _text("Direction of the air", *_AIRFLOW),
        "allocatedDraw": _number("allocatedDraw", "Power set aside for it", "W", 0, 1e6),
        "maximumDraw": _number("maximumDraw", "The most it can draw", "W", 0, 1e6),
        "weight": _number("weight", "Weight", "kg", 0, 10000),
        "hostname": _text("Host name"),
        "oobAddress": _text("Address of its management controller"),
    },
    "cooling": {
        **_COMMON,
        **_ASSET,
        "facilityId": _text("The facility's own name for the unit"),
        "type": _text("Kind of unit", "crac", "crah", "in-row"),
        "position": _POSITION,
        "racks": _names("Racks that it cools"),
        "capacity": _number("coolingCapacity", "Heat that it can carry away", "W", 0, 1e8),
        "ratedAirflow": _number("airflow", "Air that it moves at full fan speed", "m3/s", 0, 10000),
        "fanPower": _number("fanPower", "Power of the fans at full speed", "W", 0, 1e7),
        "setpointMin": _number("setpoint", "The lowest set-point allowed", "Cel", -20, 60),
        "setpointMax": _number("setpoint", "The highest set-point allowed", "Cel", -20, 60),
        "fanMin": _number("fanMin", "The lowest fan speed allowed", "%", 0, 100),
        "fanMax": _number("fanMax", "The highest fan speed allowed", "%", 0, 100),
        "slewLimit": _number("slewLimit", "The largest step of the set-point without confirmation", "K", 0, 50),
        "setpointSlew": _number("setpointSlew", "How fast steps may raise the set-point, in K a minute", None, 0, 50),
        "secondApprover": _flag("Whether a second person must approve each command"),
        "maintenanceWindows": {
            "title": "Times in which somebody works at the unit and no command reaches it",
            "type": "array",
            "items": {"type": "object"},
        },
        "fanSlew": _number("fanSlew", "How fast steps may slow the fans, in percent a minute", None, 0, 100),
    },
    "room": {
        **_COMMON,
        "width": _number("width", "Width (x)", "m", 0, 10000),
        "depth": _number("depth", "Depth (y)", "m", 0, 10000),
        "height": _number("height", "Height", "m", 0, 1000),
        "ashraeClass": _text("ASHRAE class of racks that name none", "A1", "A2", "A3", "A4", "H1"),
        "coolingUnits": _records("Cooling units of the room by name"),
        "rows": _names("Rows"),
    },
    "gateway": {**_COMMON, "serves": _names("Things it speaks for"), "firmware": _text("Version of its software")},
    "pdu": {
        **_COMMON,
        **_ASSET,
        "position": _POSITION,
        "availablePower": _number("availablePower", "Power that it can give", "W", 0, 1e7),
        "voltage": _number("voltage", "Nominal voltage", "V", 0, 1000),
        "amperage": _number("amperage", "Rated current", "A", 0, 10000),
    },
}
