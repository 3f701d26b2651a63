"""Layouts of rooms from Kubernetes resources or from twins. Pure.

Both carry the same facts under different names: a Rack's ``spec.position.xM`` is a twin's ``attributes.position.x``.
Next: :mod:`physics.layout` checks the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from physics.layout import DEFAULT_CAPACITY_W, Containment, Layout, LayoutError, RackPlace, UnitPlace
from racktwin.names import ThingId, thing_id

Json = Mapping[str, Any]


def from_resources(site: Json, room: str, racks: Iterable[Json], units: Iterable[Json] = ()) -> Layout:
    """A room from a Site and its Rack and CoolingUnit resources (all of the site may be given; others are left out).

    Cooling units that are only plain data of the Site's room count where no CoolingUnit has their name.

    Raises:
        LayoutError: the Site has no such room, a rack has no position, nothing cools the room.
    """
    site_name = str(site["metadata"]["name"])
    rooms = {str(entry["name"]): entry for entry in site["spec"].get("rooms") or ()}
    entry = rooms.get(room)
    if entry is None:
        raise LayoutError(f"site {site_name}: no room {room!r}; its rooms are {', '.join(rooms) or 'none'}")
    default_class = str(site["spec"].get("ashraeClass") or "A2")
    own_racks = [rack_of_resource(item, site_name, default_class) for item in racks if item["spec"].get("room") == room]
    own_units = [unit_of_resource(item, site_name) for item in units if item["spec"].get("room") == room]
    named = {unit.id for unit in own_units}
    for plain in entry.get("coolingUnits") or ():
        unit = _unit(thing_id(site_name, "cooling", str(plain["name"])), plain, plain.get("position") or {})
        if unit.id not in named:
            own_units.append(unit)
    return Layout(
        room=room,
        width_m=float(entry["widthM"]),
        depth_m=float(entry["depthM"]),
        height_m=float(entry["heightM"]),
        containment=_containment(entry.get("containment"), f"room {room}"),
        racks=tuple(sorted(own_racks, key=lambda rack: rack.id)),
        units=tuple(sorted(own_units, key=lambda unit: unit.id)),
    )


def rack_of_resource(item: Json, site: str, default_class: str = "A2") -> RackPlace:
    """The place of one Rack resource.

    Raises:
        LayoutError: it has no position.
    """
    name, spec = str(item["metadata"]["name"]), item["spec"]
    x, y, z, yaw = _position(f"Rack {name}", spec.get("position"), ("xM", "yM", "zM"))
    return RackPlace(
        id=thing_id(site, "rack", name),
        x=x,
        y=y,
        z=z,
        yaw_deg=yaw,
        row=str(spec.get("row") or ""),
        height_m=float(spec.get("outerHeightMm") or 2000) / 1000.0,
        width_m=float(spec.get("outerWidthMm") or 600) / 1000.0,
        power_capacity_w=float(spec.get("availablePowerW") or DEFAULT_CAPACITY_W),
        cooling_capacity_w=_optional(spec.get("coolingCapacityW")),
        ashrae_class=str(spec.get("ashraeClass") or default_class),
        feeds={str(feed["name"]): str(feed["pdu"]) for feed in spec.get("feeds") or ()},
    )


def unit_of_resource(item: Json, site: str) -> UnitPlace:
    """The place of one CoolingUnit resource.

    Raises:
        LayoutError: position, capacity or airflow is missing.
    """
    spec = item["spec"]
    racks = tuple(thing_id(site, "rack", str(rack)) for rack in spec.get("racks") or ())
    return _unit(thing_id(site, "cooling", str(item["metadata"]["name"])), spec, spec.get("position") or {}, racks)


def from_twins(room: str, things: Iterable[Json]) -> Layout:
    """A room from twins: the room's thing, its racks and its cooling units (others may be given; they are left out).

    Each is a thing's JSON with ``thingId`` and ``attributes``.

    Raises:
        LayoutError: there is no such room among them, a rack has no position, nothing cools the room.
    """
    width = depth = height = 0.0
    containment: Containment = "none"
    plain: Mapping[str, Any] = {}
    site = ""
    racks: list[RackPlace] = []
    units: list[UnitPlace] = []
    for thing in things:
        try:
            who = ThingId.parse(str(thing["thingId"]))
        except (KeyError, ValueError):
            continue
        attributes = thing.get("attributes") or {}
        if who.kind == "room" and who.name == room:
            site = who.site
            width, depth, height = (float(attributes.get(name) or 0.0) for name in ("width", "depth", "height"))
            containment = _containment(attributes.get("containment"), f"room {room}")
            plain = attributes.get("coolingUnits") or {}
        elif attributes.get("location") == room and who.kind == "rack":
            racks.append(_rack_of_twin(str(who), attributes))
        elif attributes.get("location") == room and who.kind == "cooling":
            units.append(_unit_of_twin(str(who), attributes))
    if not site:
        raise LayoutError(f"no twin of a room {room!r}")
    named = {unit.id for unit in units}
    for name, entry in plain.items():
        unit_id = thing_id(site, "cooling", str(name))
        if unit_id not in named:
            units.append(_unit_of_twin(unit_id, entry))
    return Layout(
        room=room,
        width_m=width,
        depth_m=depth,
        height_m=height,
        containment=containment,
        racks=tuple(sorted(racks, key=lambda rack: rack.id)),
        units=tuple(sorted(units, key=lambda unit: unit.id)),
    )


def rooms_of_twins(things: Iterable[Json]) -> tuple[dict[str, Layout], dict[str, str]]:
    """Every room among these twins that can be modelled, by name; and of the others, why they cannot."""
    listed = list(things)
    found: dict[str, Layout] = {}
    refused: dict[str, str] = {}
    for thing in listed:
        try:
            who = ThingId.parse(str(thing["thingId"]))
        except (KeyError, ValueError):
            continue
        if who.kind != "room":
            continue
        try:
            found[who.name] = from_twins(who.name, listed)
        except LayoutError as error:
            refused[who.name] = str(error)
    return found, refused


def _rack_of_twin(thing: str, attributes: Json) -> RackPlace:
    x, y, z, yaw = _position(thing, attributes.get("position"), ("x", "y", "z"))
    return RackPlace(
        id=thing,
        x=x,
        y=y,
        z=z,
        yaw_deg=yaw,
        row=str(attributes.get("row") or ""),
        height_m=float(attributes.get("outerHeight") or 2000) / 1000.0,
        width_m=float(attributes.get("outerWidth") or 600) / 1000.0,
        power_capacity_w=float(attributes.get("availablePower") or DEFAULT_CAPACITY_W),
        cooling_capacity_w=_optional(attributes.get("coolingCapacity")),
        ashrae_class=str(attributes.get("ashraeClass") or "A2"),
        feeds={str(name): str(feed["pdu"]) for name, feed in (attributes.get("feeds") or {}).items()},
    )


def _unit_of_twin(thing: str, attributes: Json) -> UnitPlace:
    x, y, _z, _yaw = _position(thing, attributes.get("position"), ("x", "y", "z"))
    return UnitPlace(
        id=thing,
        x=x,
        y=y,
        capacity_w=_needed(thing, "capacity", attributes.get("capacity")),
        airflow_m3s=_needed(thing, "ratedAirflow", attributes.get("ratedAirflow", attributes.get("airflow"))),
        fan_power_w=float(attributes.get("fanPower") or 0.0),
        setpoint_c=float(attributes.get("setpoint") or 20.0),
        setpoint_min_c=float(attributes.get("setpointMin") or 14.0),
        setpoint_max_c=float(attributes.get("setpointMax") or 27.0),
        fan_min=float(attributes.get("fanMin") or 30.0),
        fan_max=float(attributes.get("fanMax") or 100.0),
        type=str(attributes.get("type") or "crah"),
        racks=tuple(str(rack) for rack in attributes.get("racks") or ()),
    )


def _unit(thing: str, spec: Json, position: Json, racks: tuple[str, ...] = ()) -> UnitPlace:
    x, y, _z, _yaw = _position(thing, position, ("xM", "yM", "zM"))
    return UnitPlace(
        id=thing,
        x=x,
        y=y,
        capacity_w=_needed(thing, "capacityW", spec.get("capacityW")),
        airflow_m3s=_needed(thing, "airflowM3s", spec.get("airflowM3s")),
        fan_power_w=float(spec.get("fanPowerW") or 0.0),
        setpoint_c=float(spec.get("setpointC") or 20.0),
        setpoint_min_c=float(spec.get("setpointMinC") or 14.0),
        setpoint_max_c=float(spec.get("setpointMaxC") or 27.0),
        fan_min=float(spec.get("fanMinPercent") or 30.0),
        fan_max=float(spec.get("fanMaxPercent") or 100.0),
        type=str(spec.get("type") or "crah"),
        racks=racks,
    )


def _position(who: str, position: Any, names: tuple[str, str, str]) -> tuple[float, float, float, float]:
    if not isinstance(position, Mapping):
        raise LayoutError(f"{who}: position is missing; give it a place (m) in its room")
    for name in names[:2]:
        if position.get(name) is None:
            raise LayoutError(f"{who}: position.{name} is missing")
    return (
        float(position[names[0]]),
        float(position[names[1]]),
        float(position.get(names[2]) or 0.0),
        float(position.get("yawDeg") or 0.0),
    )


def _needed(who: str, name: str, value: Any) -> float:
    if value is None:
        raise LayoutError(f"{who}: {name} is missing")
    return float(value)


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)


def _containment(value: Any, where: str) -> Containment:
    if value in (None, "", "none"):
        return "none"
    if value == "cold":
        return "cold"
    if value == "hot":
        return "hot"
    raise LayoutError(f"{where}: containment {value!r}: expected none, cold or hot")
