"""A hall's layout from a JSON file, in the spelling that whoever wrote it uses.

The documented shape: ``{"room", "widthM", "depthM", "heightM", "containment",
"racks": [{"name", "row", "xM", "yM", "yawDeg", "heightM", "powerCapacityW", "coolingCapacityW", "ashraeClass",
"feeds"}], "coolingUnits": [{"name", "xM", "yM", "capacityW", "airflowM3s", "setpointC", "fanPowerW", "racks"}]}``. A
place may also stand in ``position``, a size be in kW, mm, ft, m3/h or CFM when its name says so, and names be written
in any case. Next: :func:`physics.layout.from_dict`, which checks it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from physics.layout import Layout, LayoutError, from_dict
from physics_files.problems import FileProblem
from physics_files.quantities import squeeze

_SHAPE: Final = (
    'it needs {"racks": [{"name", "xM", "yM", "heightM", "powerCapacityW"}], '
    '"coolingUnits": [{"name", "xM", "yM", "capacityW", "airflowM3s"}]}'
)
_LENGTH: Final = {"": 1.0, "m": 1.0, "mm": 0.001, "cm": 0.01, "ft": 0.3048, "in": 0.0254, "u": 0.04445}
_POWER: Final = {"": 1.0, "w": 1.0, "kw": 1000.0, "mw": 1e6, "btuh": 0.29307107, "tons": 3516.8528, "kva": 1000.0}
_FLOW: Final = {"": 1.0, "m3s": 1.0, "m3h": 1.0 / 3600.0, "ls": 0.001, "cfm": 1.0 / 2118.880}
_PERCENT: Final = {"": 1.0, "percent": 1.0, "pct": 1.0}
_PLAIN: Final = {"": 1.0, "deg": 1.0}

# Field of the layout -> (spellings without the unit, units as they may end the name).
_Names = dict[str, tuple[tuple[str, ...], dict[str, float]]]
_PLACE: Final[_Names] = {
    "x": (("x", "posx", "positionx", "xpos"), _LENGTH),
    "y": (("y", "posy", "positiony", "ypos"), _LENGTH),
    "z": (("z", "posz", "positionz", "zpos"), _LENGTH),
    "yaw_deg": (("yaw", "orientation", "rotation"), _PLAIN),
}
_RACK: Final[_Names] = {
    **_PLACE,
    "height_m": (("height", "outerheight", "rackheight", "uheight", "heightu"), _LENGTH),
    "width_m": (("width", "outerwidth"), _LENGTH),
    "power_capacity_w": (
        ("powercapacity", "availablepower", "ratedpower", "maxpower", "power", "powerlimit", "capacity"), _POWER,
    ),
    "cooling_capacity_w": (("coolingcapacity",), _POWER),
}  # fmt: skip
_UNIT: Final[_Names] = {
    **_PLACE,
    "capacity_w": (("capacity", "ratedcapacity", "coolingcapacity", "ratedcoolingcapacity", "coolingpower"), _POWER),
    "airflow_m3s": (("airflow", "ratedairflow", "maxairflow", "flow", "ratedflow"), _FLOW),
    "fan_power_w": (("fanpower", "ratedfanpower"), _POWER),
    "fan_percent": (("fan", "fanspeed"), _PERCENT),
    "fan_min": (("fanmin", "minfan"), _PERCENT),
    "fan_max": (("fanmax", "maxfan"), _PERCENT),
}
_ROOM: Final[_Names] = {
    "width_m": (("width", "sizex", "lengthx"), _LENGTH),
    "depth_m": (("depth", "length", "sizey", "lengthy"), _LENGTH),
    "height_m": (("height", "sizez", "ceilingheight"), _LENGTH),
}
_SETPOINTS: Final = {
    "setpoint_c": ("setpoint", "supplysetpoint", "supplytemperature"),
    "setpoint_min_c": ("setpointmin",),
    "setpoint_max_c": ("setpointmax",),
}
_RACK_LISTS: Final = ("racks", "cabinets")
_UNIT_LISTS: Final = ("coolingunits", "units", "cracs", "crahs", "crac", "crah", "cooling", "acus")


def load(path: Path) -> Layout:
    """The layout in a JSON file.

    Raises:
        FileProblem: it cannot be read, or lacks something; the text names the file, the thing and the field.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileProblem(f"layout {path.name}: cannot be read: {error}", "name a readable JSON file") from error
    except ValueError as error:
        raise FileProblem(f"layout {path.name}: not JSON: {error}", _SHAPE) from error
    if not isinstance(data, dict):
        raise FileProblem(f"layout {path.name}: expected an object, found a {type(data).__name__}", _SHAPE)
    try:
        return from_dict(normalise(data))
    except LayoutError as error:
        raise FileProblem(f"layout {path.name}: {error}", _SHAPE) from error


def normalise(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same layout with the names and units that :func:`physics.layout.from_dict` reads.

    Raises:
        LayoutError: an entry is no object, or a size is no number.
    """
    flat = {squeeze(key): value for key, value in data.items()}
    room = flat.get("room")
    size = {**room, **data} if isinstance(room, Mapping) else data
    name = room.get("name") if isinstance(room, Mapping) else room or flat.get("name")
    where = f"room {name or 'room'}"
    found: dict[str, Any] = {"room": str(name or "room"), **_numbers(size, _ROOM, where)}
    containment = squeeze(str(flat.get("containment") or "none"))
    found["containment"] = {"coldaisle": "cold", "hotaisle": "hot", "open": "none"}.get(containment, containment)
    default_class = str(flat.get("ashraeclass") or "A2")
    found["racks"] = [
        _rack(item, name, where, default_class) for name, item in _entries(flat, _RACK_LISTS, where, "racks")
    ]
    found["units"] = [_unit(item, name, where) for name, item in _entries(flat, _UNIT_LISTS, where, "coolingUnits")]
    return found


def _entries(flat: Mapping[str, Any], names: tuple[str, ...], where: str, what: str) -> list[tuple[str, Any]]:
    listed: Any = next((flat[name] for name in names if flat.get(name)), [])
    if isinstance(listed, Mapping):
        return [(str(name), item) for name, item in listed.items()]
    if not isinstance(listed, list):
        raise LayoutError(f"{where}: {what}: expected a list, found {listed!r}")
    return [("", item) for item in listed]


def _rack(item: Any, key: str, where: str, default_class: str) -> dict[str, Any]:
    name, flat = _named(item, key, where, "rack", ("name", "id", "rack", "cabinet", "facilityid"))
    found = {"id": name, **_numbers(item, _RACK, f"rack {name}")}
    found["row"] = str(flat.get("row") or "")
    found["ashrae_class"] = str(flat.get("ashraeclass") or default_class)
    feeds = flat.get("feeds")
    if isinstance(feeds, list):
        found["feeds"] = {str(feed.get("name")): str(feed.get("pdu")) for feed in feeds if isinstance(feed, Mapping)}
    elif isinstance(feeds, Mapping):
        found["feeds"] = {str(feed): str(pdu) for feed, pdu in feeds.items()}
    return found


def _unit(item: Any, key: str, where: str) -> dict[str, Any]:
    name, flat = _named(item, key, where, "cooling unit", ("name", "id", "unit", "crac", "crah"))
    found = {"id": name, **_numbers(item, _UNIT, f"cooling unit {name}")}
    for field, spellings in _SETPOINTS.items():
        for spelling in spellings:
            for suffix, convert in _TEMPERATURES.items():
                if (value := flat.get(spelling + suffix)) is not None:
                    found[field] = convert(_number(value, f"cooling unit {name}", field))
    found["type"] = str(flat.get("type") or "crah")
    served = flat.get("racks")
    if isinstance(served, list):
        found["racks"] = [str(rack) for rack in served]
    return found


_TEMPERATURES: Final[dict[str, Callable[[float], float]]] = {
    "": float,
    "c": float,
    "degc": float,
    "f": lambda value: (value - 32.0) / 1.8,
    "degf": lambda value: (value - 32.0) / 1.8,
}


def _named(item: Any, key: str, where: str, what: str, spellings: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    if not isinstance(item, Mapping):
        raise LayoutError(f"{where}: each {what} must be an object, found {item!r}")
    flat = {squeeze(name): value for name, value in item.items()}
    name = next((flat[spelling] for spelling in spellings if flat.get(spelling) is not None), key)
    if not str(name):
        raise LayoutError(f"{where}: a {what} without name: {dict(item)!r}")
    return str(name), flat


def _numbers(item: Mapping[str, Any], names: _Names, who: str) -> dict[str, float]:
    spelled: dict[str, Any] = {}
    place = next((value for key, value in item.items() if squeeze(key) in ("position", "pos", "location")), None)
    if isinstance(place, Mapping):
        spelled |= {squeeze(key): value for key, value in place.items()}
    elif isinstance(place, list) and len(place) in (2, 3):
        spelled |= dict(zip("xyz", place, strict=False))
    spelled |= {squeeze(key): value for key, value in item.items()}
    found: dict[str, float] = {}
    for field, (spellings, units) in names.items():
        for spelling in spellings:
            for unit, factor in units.items():
                if field not in found and (value := spelled.get(spelling + unit)) is not None:
                    # "uHeight": 42 is a number of U, whatever its name ends with.
                    scale = _LENGTH["u"] if spelling in ("uheight", "heightu") else factor
                    found[field] = _number(value, who, field) * scale
    return found


def _number(value: Any, who: str, field: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise LayoutError(f"{who}: {field}: expected a number, found {value!r}") from None
